/* The warren command. As `kubectl-warren` on the PATH it is also kubectl's plugin `kubectl warren
 * ...`. */
#include <signal.h>

#include "cli/command.h"

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE,
                 SIG_IGN); /* a peer that goes away is an error of one write, not of the process */
    return command_main(argc, argv);
}
