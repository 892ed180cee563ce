/* auth/user.h: who is asking. */
#pragma once
#include <stdbool.h>

#include "base/json.h"
#include "base/strset.h"

struct user {
    char *name; /* "system:anonymous", "system:serviceaccount:NS:NAME", a certificate's CN */
    char *uid;  /* may be NULL */
    struct strset groups; /* user_add_group() adds */
    char **groups_said;   /* the same in the order that clients and webhooks are told of */
    json_t *extra;        /* object of string arrays; may be NULL */
};

void user_clear(struct user *user);
void user_copy(struct user *to, const struct user *from);
/* Adds at the end; one that is there keeps its place. */
void user_add_group(struct user *user, const char *group);
/* A service account's groups: all of them, and those of its namespace. */
void user_add_account_groups(struct user *user, struct str ns);
bool user_in(const struct user *user, const char *group);
/* The identity that our own components act under, e.g.
 * "system:serviceaccount:kube-system:deployment-controller" (in groups system:serviceaccounts, ...,
 * system:authenticated) or "system:kube-scheduler"; with `master`, system:masters. */
void user_internal(struct user *user, const char *name, bool master);
