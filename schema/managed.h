/* schema/managed.h: the entries of metadata.managedFields. */
#pragma once
#include "schema/field_set.h"

#define MANAGED_UPDATES_MAX 10 /* entries of operation Update; older ones are merged */

struct manager {
    char *name, *api_version, *subresource;
    char *time; /* RFC 3339; NULL: none */
    bool applied;
    struct field_set set;
};

/* What tells managers apart; an update's includes its API version. Borrowed texts. */
struct manager_id {
    const char *name, *api_version, *subresource;
    bool applied;
};

struct managers {
    struct manager *items;
    size_t count;
};

void managers_clear(struct managers *managers);
/* False when an entry is malformed; `managers` comes in empty, and may be partly filled then. */
bool managers_parse(struct managers *managers, const json_t *entries);
/* The array; new reference. NULL when there is none. Merges the oldest past MANAGED_UPDATES_MAX. */
json_t *managers_json(struct managers *managers);
/* The one of that identity, made with an empty set when it is missing. Valid until the next call.
 */
struct manager *managers_ensure(struct managers *managers, const struct manager_id *id);
struct manager_id manager_id_of(const struct manager *manager);
void managers_set_time(struct manager *manager, int64_t now_us);
/* Drops those whose sets are empty. */
void managers_tidy(struct managers *managers);
