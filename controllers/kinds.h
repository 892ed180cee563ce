/* controllers/kinds.h: every resource that a cluster serves and stores, custom ones too.
 *
 * For what concerns all kinds: the namespace controller, the garbage collector, looking at a
 * cluster anew. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strmap.h"
#include "store/cluster.h"

struct stored_kind {
    char *resource;    /* storage key */
    char *api_version; /* of the version in which it is stored */
    char *kind;
    bool namespaced, deletable, built_in;
};

struct stored_kinds {
    struct stored_kind *items; /* owned, each storage key once */
    size_t count, capacity;
};

/* Reads the cluster's CustomResourceDefinitions. Blocking. */
MUST_CHECK bool stored_kinds_list(struct cluster *cluster, struct stored_kinds *out,
                                  struct error *err);
void stored_kinds_free(struct stored_kinds *kinds);
/* By what an ownerReference names; any version of the group finds it. NULL when the cluster serves
 * no such kind. */
const struct stored_kind *stored_kinds_find(const struct stored_kinds *kinds,
                                            const char *api_version, const char *kind);
