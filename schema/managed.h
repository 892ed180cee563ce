/* schema/managed.h: the entries of metadata.managedFields.
 *
 * Their memory is their arena's, and their texts those of the tree that they were read from. */
#pragma once
#include "schema/field_set.h"

#define MANAGED_UPDATES_MAX 10 /* entries of operation Update; older ones are merged */

struct manager {
    const char *name, *api_version, *subresource;
    const char *time; /* RFC 3339; NULL: none */
    bool applied;
    struct field_set set;
    const json_t *fields; /* FieldsV1 that `set` still is; NULL: none is at hand */
};

/* What tells managers apart; an update's includes its API version. Borrowed texts. */
struct manager_id {
    const char *name, *api_version, *subresource;
    bool applied;
};

struct managers {
    struct manager *items;
    size_t count, capacity;
};

/* False with BAD_REQUEST, in upstream's words, when an entry is malformed; `managers` comes in
 * empty, and may be partly filled then. */
MUST_CHECK bool managers_parse(struct arena *arena, struct managers *managers,
                               const json_t *entries, struct error *err);
/* The array, which shares FieldsV1 that have not changed with the tree that they came from; new
 * reference. NULL when there is none. Merges the oldest past MANAGED_UPDATES_MAX. */
json_t *managers_json(struct arena *arena, struct managers *managers);
/* The one of that identity, made with an empty set when it is missing. Valid until the next call.
 */
struct manager *managers_ensure(struct arena *arena, struct managers *managers,
                                const struct manager_id *id);
struct manager_id manager_id_of(const struct manager *manager);
void managers_set_time(struct arena *arena, struct manager *manager, int64_t now_us);
/* Each changes the manager's set. */
void manager_add(struct arena *arena, struct manager *manager, const struct field_set *set);
void manager_take_away(struct manager *manager, const struct field_set *set);
/* Drops those whose sets are empty. */
void managers_tidy(struct managers *managers);
