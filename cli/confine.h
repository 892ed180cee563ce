/* cli/confine.h: the server gives up what it never needs, before its first thread: the user who
 * started it, every capability, new privileges by exec, and the calls that it never makes. What it
 * was handed before (the listening socket, a pipe) stays open. */
#pragma once
#include <sys/types.h>

#include "base/error.h"

#define CONFINE_DEFAULT_USER "warren"

struct confine_user {
    uid_t uid;
    gid_t gid;
};

/* Looks a system user up by name. With `make`, one that does not exist is made by useradd(8), which
 * takes root. */
MUST_CHECK bool confine_find_user(const char *name, bool make, struct confine_user *out,
                                  struct error *err);
/* Gives a directory, and the regular files and directories in it, to `user`. One that is his
 * already is left alone. */
MUST_CHECK bool confine_give(const char *dir, const struct confine_user *user, struct error *err);
/* Becomes `user` (NULL: stays who it is, and root keeps its capabilities) and gives up the rest,
 * for good. While there is one thread only; clears the signal that a parent's death sends. */
MUST_CHECK bool confine(const struct confine_user *user, struct error *err);
