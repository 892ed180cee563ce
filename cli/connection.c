#include "cli/connection.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/paths.h"

struct client *connection_open(const char *kubeconfig, const char *data_dir, struct error *err)
{
    CLEANUP(free_ptr) char *under_dir = paths_join(data_dir, "admin.kubeconfig");
    const char *environment = getenv("KUBECONFIG");
    const char *path = kubeconfig;
    if (!path && data_dir)
        path = under_dir;
    if (!path && environment && *environment)
        path = environment;
    if (!path)
        path = under_dir;
    if (access(path, R_OK) != 0) {
        error_set(
            err, ERROR_NOT_FOUND,
            "cannot read %s: give --kubeconfig FILE or --data-dir DIR of a running 'warren up', "
            "or set KUBECONFIG",
            path);
        return NULL;
    }
    return client_from_kubeconfig(path, NULL, err);
}
