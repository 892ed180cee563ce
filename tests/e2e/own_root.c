/* own_root COMMAND ARG...: runs it in a mount namespace of its own, which takes nothing out and
 * whose root is ours, also from within a chroot: there unshare(1) cannot make one, since / is no
 * mount. For the end-to-end tests. */
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/mem.h"
#include "runtime/chroot.h"

int main(int argc, char **argv)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *here = getcwd(NULL, 0);
    if (argc < 2 || unshare(CLONE_NEWNS) != 0 || !chroot_leave(&err) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || !here || chdir(here) != 0) {
        fprintf(stderr, "own_root: %s\n", err.message ? err.message : "needs root and a command");
        return 1;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 1;
}
