/* controllers/garbage.h: the garbage collector: what happens to an object when its owners go.
 * Source: Kubernetes docs, "Garbage Collection"; upstream pkg/controller/garbagecollector. */
#pragma once
#include "controllers/plan.h"

enum owner_state {
    OWNER_SOLID,   /* it is there */
    OWNER_ABSENT,  /* verified: no object of that kind and name has that uid */
    OWNER_WAITING, /* it is being deleted in the foreground and waits for its dependents */
};

struct garbage_seen {
    const char *resource; /* storage key */
    const json_t *object;
    const enum owner_state *owners; /* one for each of its ownerReferences */
    struct garbage_dependent {
        const char *resource;
        const json_t *object;
    } const *dependents; /* objects that name this one's uid */
    size_t dependent_count;
};

/* Pure: deletes, unblocks, orphans, or does nothing. */
void garbage_decide(const struct garbage_seen *seen, struct plan *plan);
/* Whether its deletion waits for dependents, or is to orphan them. */
bool garbage_is_foreground(const json_t *object);
bool garbage_is_orphaning(const json_t *object);

struct controllers;
/* Makes the row (it has a state of its own) and adds it. */
void garbage_add(struct controllers *controllers);
