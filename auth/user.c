/* Identities: copying them and making those of our own components. */
#include "auth/user.h"

#include <stdlib.h>
#include <string.h>

#define SERVICE_ACCOUNT_PREFIX "system:serviceaccount:"

void user_clear(struct user *user)
{
    free(user->name);
    free(user->uid);
    for (size_t i = 0; i < user->groups.count; i++)
        free(user->groups_said[i]);
    free(user->groups_said);
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
    for (size_t i = 0; i < from->groups.count; i++)
        user_add_group(&copy, from->groups_said[i]);
    user_clear(to);
    *to = copy;
}

void user_add_group(struct user *user, const char *group)
{
    size_t count = user->groups.count;
    if (!strset_add(&user->groups, group))
        return;
    if ((count & (count - 1)) == 0) /* full: its size doubles */
        user->groups_said = xreallocarray(user->groups_said, count ? count * 2 : 1, sizeof(char *));
    user->groups_said[count] = xstrdup(group);
}

bool user_in(const struct user *user, const char *group)
{
    return strset_has(&user->groups, group);
}

void user_add_account_groups(struct user *user, struct str ns)
{
    CLEANUP(free_ptr) char *group = xasprintf("system:serviceaccounts:%.*s", (int)ns.len, ns.data);
    user_add_group(user, "system:serviceaccounts");
    user_add_group(user, group);
}

void user_internal(struct user *user, const char *name, bool master)
{
    user_clear(user);
    user->name = xstrdup(name);
    const char *ns =
        text_starts(name, SERVICE_ACCOUNT_PREFIX) ? name + strlen(SERVICE_ACCOUNT_PREFIX) : "";
    if (strchr(ns, ':'))
        user_add_account_groups(user, (struct str){ns, strcspn(ns, ":")});
    user_add_group(user, "system:authenticated");
    if (master)
        user_add_group(user, "system:masters");
}
