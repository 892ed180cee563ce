/* schema/apply_difference.h: how a write changes an object, as each of its managers sees it: in the
 * version in which the manager wrote. Of schema/apply.c alone.
 *
 * Made for one write, by one thread; memory is the arena's. Source: structured-merge-diff's merge,
 * update.go. */
#pragma once
#include "schema/apply.h"
#include "schema/managed.h"
#include "schema/typed.h"

struct difference_other;

struct difference {
    const struct apply *apply;
    struct arena *arena;
    const json_t *before, *after; /* in the version of the write, without managedFields */
    struct typed_changes own;     /* in that version */
    struct difference_other *others;
};

enum difference_state {
    DIFFERENCE_KNOWN,
    DIFFERENCE_UNKNOWN, /* nothing can be told in that version */
    DIFFERENCE_GONE,    /* that version is not served */
};

/* What it is given must outlive it. */
void difference_find(struct difference *difference, const struct apply *apply, struct arena *arena,
                     const json_t *before, const json_t *after);
/* In another version; converts at the first time that it is asked for. */
enum difference_state difference_in(struct difference *difference, const char *api_version,
                                    const struct typed_changes **changes);
/* Whether there is one. */
bool difference_any(const struct difference *difference);
/* Drops from `set` what nobody can own through the endpoint. */
void difference_strip(const struct apply *apply, struct field_set *set);

/* `merged` without what the manager applied as `last`, does not apply as `self`, and nobody else
 * has. New reference. */
json_t *apply_prune(const struct apply *apply, struct arena *arena, const json_t *merged,
                    const struct managers *managers, const struct manager *self,
                    const struct manager *last);
