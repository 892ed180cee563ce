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
    const struct crd **crds;      /* each referenced; by name */
    int64_t *revisions;           /* of the definitions */
    size_t count, seen;           /* seen: definitions, served or not */
    const struct resource **rows; /* of all, as discovery lists them */
    size_t row_count;
    struct documents *documents; /* what this set is described by */
    atomic_uint refs;
};

struct custom_slot; /* in the cluster's part */
struct custom_slot *custom_slot_new(void);
void custom_slot_free(struct custom_slot *slot);

struct custom *custom_ref(struct custom *custom);
void custom_unref(struct custom *custom);
/* The cluster's present set in request->custom (kept until the request is rewound). STEP_NEXT,
 * STEP_BLOCK or STEP_FAIL. */
enum step_result custom_load(struct request *request);
/* NULL when there is none. */
const struct resource *custom_find(const struct custom *custom, const char *group,
                                   const char *version, const char *plural);
/* When a definition has changed: watches of its resources end, since what they show is no more. */
void custom_changed(struct api *api, struct cluster *cluster, enum event_type type,
                    const struct object *object, const struct object *before);
/* Whether the request's resource is still defined as it was when the request came. */
bool custom_is_served(const struct request *request);
/* By storage key, the stored version. */
const struct resource *custom_by_key(const struct custom *custom, const char *key);

/* ---- versions ----
 *
 * Where a webhook converts (spec.conversion), these may have to wait for it: STEP_CALL or STEP_FAIL
 * then, else STEP_NEXT. */

/* A tree of the request's version with what its schema defaults; for what needs no conversion. */
void custom_show(const struct request *request, json_t *object);
/* `object` in the version of `row`, new in `*out`. */
enum step_result custom_convert(struct request *request, json_t *object, const struct resource *row,
                                json_t **out);
/* What is stored, in the request's version; new in `*out`. */
enum step_result custom_read(struct request *request, const struct object *object, json_t **out);
/* The same for whole lists, exchanged in place. */
enum step_result custom_list(struct request *request, struct object_list *list);
/* Of the reply that is made; STEP_DONE on success. */
enum step_result custom_reply(struct request *request);
/* request->object as it is to be stored, in request->stored. */
enum step_result custom_store(struct request *request);
/* Whether `object` is stored in the version that objects are stored in now. */
bool custom_is_current(const struct request *request, const struct object *object);
/* The definition whose webhook converts the request's resource; NULL: none does. */
const struct crd *custom_converter(const struct request *request);

/* No object can be created while its definition goes. */
bool custom_may_create(struct request *request);

/* Adds a cause when an update gives a definition's webhook a caBundle without a certificate. */
void custom_check_bundle(const struct request *request, struct error *err);
/* The status that follows from a definition's names and those of the others. */
enum step_result custom_define(struct request *request);
