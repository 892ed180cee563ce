/* Identities: copying them and making those of our own components. */
#include "auth/user.h"

#include <stdlib.h>
#include <string.h>

#define SERVICE_ACCOUNT_PREFIX "system:serviceaccount:"

void user_clear(struct user *user)
{
    free(user->name);
    free(user->uid);
    strset_clear(&user->groups);
    json_decref(user->extra);
    *user = (struct user){0};
}

void user_copy(struct user *to, const struct user *from)
{
    struct user copy = {
        .name = from->name ? xstrdup(from->name) : NULL,
        .uid = from->uid ? xstrdup(from->uid) : NULL,
        .extra = from->extra ? json_deep_copy(from->extra) : NULL,
    };
    strset_add_all(&copy.groups, &from->groups);
    user_clear(to);
    *to = copy;
}

bool user_in(const struct user *user, const char *group)
{
    return strset_has(&user->groups, group);
}

/* A service account's groups: all of them, and those of its namespace. */
static void add_account_groups(struct user *user, const char *rest)
{
    const char *colon = strchr(rest, ':');
    if (!colon)
        return;
    CLEANUP(free_ptr)
    char *group = xasprintf("system:serviceaccounts:%.*s", (int)(colon - rest), rest);
    strset_add(&user->groups, "system:serviceaccounts");
    strset_add(&user->groups, group);
}

void user_internal(struct user *user, const char *name, bool master)
{
    user_clear(user);
    user->name = xstrdup(name);
    if (text_starts(name, SERVICE_ACCOUNT_PREFIX))
        add_account_groups(user, name + strlen(SERVICE_ACCOUNT_PREFIX));
    strset_add(&user->groups, "system:authenticated");
    if (master)
        strset_add(&user->groups, "system:masters");
}
