/* controllers/owner.h: who owns an object: ownerReferences, and claiming (adopting and releasing)
 * by selector. Source: Kubernetes, "Owners and Dependents"; upstream
 * pkg/controller/controller_ref_manager. */
#pragma once
#include "base/json.h"
#include "controllers/observe.h"
#include "controllers/plan.h"
#include "schema/selector.h"
#include "store/object.h"

/* A reference to `owner` with controller and blockOwnerDeletion set. New. */
json_t *owner_reference(const json_t *owner, const char *api_version, const char *kind);
/* Whether `object`'s controller is the one with this uid. */
bool owner_is_controller(const json_t *object, const char *uid);
/* Whether it has a controller at all. */
bool owner_has_controller(const json_t *object);
/* Its other finalizers, for a patch. New. */
json_t *finalizers_without(const json_t *object, const char *finalizer);

/* The ownerReferences of a stored object; NULL when it has none. New. Does not parse the rest:
 * cheap enough for mapping changes on the store's threads. */
json_t *owner_references_of(const struct object *object);
/* Maps an object to the key of its controller, when that is of `kind` in `group` ("apps"). */
void owner_map(const struct object *object, const struct object *before, const char *group,
               const char *kind, void (*add)(void *arg, const char *key), void *arg);

/* One round of claiming: which of the objects seen belong to `owner`. */
struct claim {
    const json_t *owner;
    const char *api_version, *kind; /* of the owner */
    const char *resource;           /* of the objects */
    const struct selector *selector;
    const char *finalizer; /* comes with adoption and goes with release; NULL: none */
};
enum claim_result {
    CLAIM_OURS,
    CLAIM_NOT_OURS,
    CLAIM_CHANGED /* the plan adopts or releases it */
};
/* Decides on one object; appends the patch that adopts or releases it. Pure. */
enum claim_result claim_decide(const struct claim *claim, const json_t *object, struct plan *plan);
/* Claims in one namespace: the objects of `claim->resource` that are the owner's are added to
 * `ours` (in order of their names); `*changed` is set when the plan adopts or releases any. Objects
 * for which `fits` (may be NULL) says no are never the owner's, whatever their labels. */
MUST_CHECK bool claim_observe(struct cluster *cluster, const char *ns, const struct claim *claim,
                              bool (*fits)(const json_t *owner, const json_t *object),
                              struct json_list *ours, bool *changed, struct plan *plan,
                              struct error *err);
