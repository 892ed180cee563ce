/* quota/quota.h: ResourceQuota, LimitRange and plan limits at admission.
 *
 * Usage is counted in the store's `usage` table by charges that travel with the write (store.h), so two replicas
 * cannot both take the last unit. Source: Kubernetes docs "Resource Quotas", "Limit Ranges". */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "store/store.h"

struct charges { /* for store_write.charges; owns its strings */
    struct store_charge *items;
    size_t count, capacity;
};
void charges_free(struct charges *charges);

enum quota_result { QUOTA_OK, QUOTA_DENIED /* err is set */, QUOTA_COLD /* quota_warm, then again */ };

/* What creating, updating (old and new) or deleting (old only) costs against every ResourceQuota of the namespace that
 * matches and against the cluster's plan. Fails at once when a quota demands a resource that the Pod does not state
 * (`failed quota: x: must specify ...`). Never blocks. */
enum quota_result quota_charges(struct cluster *cluster, const char *resource, const json_t *new_object,
                                const json_t *old_object, struct charges *out, struct error *err);
/* The 403 for STORE_OVER_LIMIT: `exceeded quota: NAME, requested: pods=1, used: pods=2, limited: pods=2`. Blocking. */
bool quota_exceeded(struct cluster *cluster, const char *resource, const char *name, const struct charges *charges,
                    size_t refused, struct error *err);
/* LimitRange: fills container defaults in a Pod, then checks min, max and ratio (Pods, PVCs). */
enum quota_result quota_limit_range(struct cluster *cluster, const char *resource, json_t *object, struct error *err);
MUST_CHECK bool quota_warm(struct cluster *cluster, struct error *err);
/* What a namespace's objects add up to for one quota: for the quota controller and for repair. Blocking. */
MUST_CHECK bool quota_recount(struct cluster *cluster, const json_t *resource_quota, struct charges *out, struct error *err);
/* Plan limits of a cluster ({"pods": "100", "requests.cpu": "4", ...}); NULL: none. Kept with the cluster. */
void quota_set_plan(struct cluster *cluster, const json_t *limits);
