/* tests/runtime/support_runtime.h: a runtime of its own below /tmp, for tests that make real
 * containers.
 *
 * main() of each program starts with support_main(), since the program is its own shim. What is
 * left over on the machine (processes, mounts, control groups) is counted before and after. */
#pragma once
#include <stdbool.h>

#include "runtime/image.h"
#include "runtime/image_base.h"
#include "runtime/runtime.h"

struct support {
    struct runtime *runtime;
    char *root;
    char *cgroup; /* of this program's own: several run at once */
};

/* True when this process is to be a shim: then `*status` is its exit status. */
bool support_is_shim(int argc, char **argv, int *status);

/* cmocka group fixtures: open with the base image, close and check that nothing is left. `*state`
 * is a struct support. */
int support_setup(void **state);
int support_teardown(void **state);
/* The same in a directory of the caller's, which stays. */
int support_setup_in(void **state, const char *root);
int support_teardown_keep(void **state);
/* Closes and opens it again, as a restarted caller would. */
void support_reopen(struct support *support);

/* Starts a sandbox; fails the test otherwise. */
void support_sandbox(struct support *support, const char *id);
void support_remove(struct support *support, const char *id);

/* Runs `sh -c script` in a new container "NAME" of the sandbox with what else is in `config`, and
 * waits for its end. The log in `*log` (owned, may be NULL) has the bare lines of stdout and
 * stderr. */
struct container_status support_run(struct support *support, const char *sandbox, const char *name,
                                    const char *script, struct container_config *config,
                                    char **log);
/* The same without waiting. */
void support_start(struct support *support, const char *sandbox, const char *name,
                   const char *script, struct container_config *config);
struct container_status support_wait(struct support *support, const char *sandbox,
                                     const char *name);
char *support_log(struct support *support, const char *sandbox, const char *name);
/* The log as it stands in the file; owned. */
char *support_raw_log(struct support *support, const char *sandbox, const char *name);
/* Runs it by exec; its output in `*out` (owned). Its exit code. */
int support_exec(struct support *support, const char *sandbox, const char *container,
                 const char *script, bool tty, char **out);
