/* runtime/seccomp.h: system call filters: our default profile, and profiles in the OCI (Docker)
 * JSON form. */
#pragma once
#include <stdint.h>

#include "base/error.h"

struct seccomp_program; /* compiled; frozen */

/* `profile`: NULL or "runtime/default", "unconfined" (gives an empty program), or the path of a
 * JSON profile. `caps` is the container's mask: some calls are allowed only with a capability. NULL
 * with an error. */
MUST_CHECK struct seccomp_program *seccomp_compile(const char *profile, uint64_t caps,
                                                   struct error *err);
/* The same in a child process: compiling takes a megabyte for a moment, which a process that lives
 * as long as a Pod would keep. Single-threaded callers only. */
MUST_CHECK struct seccomp_program *seccomp_compile_apart(const char *profile, uint64_t caps,
                                                         struct error *err);
void seccomp_free(struct seccomp_program *program);
/* Puts the calling thread under it; needs no_new_privs or CAP_SYS_ADMIN. */
MUST_CHECK bool seccomp_apply(const struct seccomp_program *program, struct error *err);
