/* base/spawn.h: running another program, without fork in a threaded process (posix_spawn). */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

struct spawn_options {
    const char *const *argv; /* argv[0] is looked up in PATH; NULL-ended */
    const char *const *envp; /* NULL: ours */
    struct str input;        /* fed to standard input; empty: /dev/null */
    int64_t timeout_ms;      /* 0: 60,000; the program is killed after it */
    size_t output_max;       /* bytes of stdout and of stderr that are kept; 0: 1 MiB */
};

/* Runs to the end. True when it was started and ended in time, with its wait status and what it
 * printed; `out` and `err_text` may be NULL. */
MUST_CHECK bool spawn_run(const struct spawn_options *options, int *wait_status, struct buf *out,
                          struct buf *err_text, struct error *err);
