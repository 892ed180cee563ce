/* apiserver/custom.h: the custom resources of one cluster: its CustomResourceDefinitions, compiled.
 *
 * Kept with the cluster, made on first use, and made anew when a definition has changed; what did
 * not change is taken over. A cluster without definitions has an empty one. */
#pragma once
#include "apiserver/request.h"
#include <stdatomic.h>

#include "schema/crd.h"

struct documents;

struct custom {
    const struct crd **crds; /* each referenced; by name */
    int64_t *revisions;      /* of the definitions */
    size_t count, seen;      /* seen: definitions, served or not */
    const struct resource **rows; /* of all, as discovery lists them */
    size_t row_count;
    struct documents *documents; /* what this set is described by */
    atomic_uint refs;
};

struct custom_slot; /* in the cluster's part */
struct custom_slot *custom_slot_new(void);
void custom_slot_free(struct custom_slot *slot);

void custom_unref(struct custom *custom);
/* The cluster's present set in request->custom (kept until the request is rewound). STEP_NEXT,
 * STEP_BLOCK or STEP_FAIL. */
enum step_result custom_load(struct request *request);
/* NULL when there is none. */
const struct resource *custom_find(const struct custom *custom, const char *group,
                                   const char *version, const char *plural);
/* Whether any custom resource is served there; `custom` may be NULL. */
bool custom_serves(const struct custom *custom, const char *group, const char *version);
/* By storage key, the stored version. */
const struct resource *custom_by_key(const struct custom *custom, const char *key);

/* A tree as the request's version of its resource shows it, and as it is stored. */
void custom_show(const struct request *request, json_t *object);
void custom_store(const struct request *request, json_t *object);

/* No object can be created while its definition goes. */
bool custom_may_create(struct request *request);

/* The status that follows from a definition's names and those of the others. */
enum step_result custom_define(struct request *request);
