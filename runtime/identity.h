/* runtime/identity.h: who a container's process is: user, group, supplementary groups, home.
 *
 * Reads the container's own /etc/passwd and /etc/group through rootpath.h: both are hostile input.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define IDENTITY_GROUPS_MAX 256
#define IDENTITY_ID_MAX     INT32_MAX /* larger numbers are refused, never wrapped */

struct identity {
    uid_t uid;
    gid_t gid;
    gid_t groups[IDENTITY_GROUPS_MAX];
    size_t group_count;
    char *home; /* owned; "/" when nothing is known */
};
void identity_clear(struct identity *identity);

struct identity_request {
    const char *image_user; /* "", "user", "user:group", numbers in either place */
    int64_t uid, gid;       /* -1: the image's */
    const int64_t *groups;  /* added to those of /etc/group */
    size_t group_count;
};
/* INVALID when a name is unknown, a number is negative or too large, or a file is malformed in the
 * line that counts. */
MUST_CHECK bool identity_resolve(int root, const struct identity_request *request,
                                 struct identity *identity, struct error *err);
