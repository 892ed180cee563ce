/* quota/quota.h: ResourceQuota, LimitRange and plan limits at admission.
 *
 * Usage is counted in the store's `usage` table by charges that travel with the write (store.h), so
 * two replicas cannot both take the last unit. Source: Kubernetes docs "Resource Quotas", "Limit
 * Ranges". */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "store/store.h"

struct charges { /* for store_write.charges; owns its strings */
    struct store_charge *items;
    size_t count, capacity;
};
void charges_free(struct charges *charges);
/* Copies both texts. */
void charges_add(struct charges *charges, const char *scope, const char *counter, int64_t delta,
                 int64_t limit);

enum quota_result {
    QUOTA_OK,
    QUOTA_DENIED /* err is set */,
    QUOTA_COLD /* quota_warm, then again */
};

/* What creating, updating (old and new) or deleting (old only) costs against every ResourceQuota of
 * the namespace that matches and against the cluster's plan. Fails at once when a quota demands a
 * resource that the Pod does not state
 * (`failed quota: x: must specify ...`). Sorted by scope and counter. Never blocks. A new quota is
 * counted before anything is charged to it: then QUOTA_COLD may come a second time, after the
 * caches were warm. */
enum quota_result quota_charges(struct cluster *cluster, const char *resource,
                                const json_t *new_object, const json_t *old_object,
                                struct charges *out, struct error *err);
/* The 403 for STORE_OVER_LIMIT: `exceeded quota: NAME, requested: pods=1, used: pods=2, limited:
 * pods=2`. Blocking. */
bool quota_exceeded(struct cluster *cluster, const char *resource, const char *name,
                    const struct charges *charges, size_t refused, struct error *err);
/* LimitRange: fills container defaults in a Pod. Never denies. */
enum quota_result quota_limit_defaults(struct cluster *cluster, json_t *pod);
/* LimitRange: checks min, max and ratio of Pods and PersistentVolumeClaims. */
enum quota_result quota_limit_check(struct cluster *cluster, const char *resource,
                                    const json_t *object, struct error *err);
MUST_CHECK bool quota_warm(struct cluster *cluster, struct error *err);
/* What a namespace's objects add up to for one quota: for the quota controller and for repair.
 * Blocking. */
MUST_CHECK bool quota_recount(struct cluster *cluster, const json_t *resource_quota,
                              struct charges *out, struct error *err);
/* Counts a quota's namespace, sets its counters to that, and gives the status to write: {hard,
 * used}. For the quota controller. New reference. Blocking. */
MUST_CHECK bool quota_status(struct cluster *cluster, const json_t *resource_quota, json_t **status,
                             struct error *err);

/* The same from the counters, which are counted only when nobody has yet. */
MUST_CHECK bool quota_used(struct cluster *cluster, const json_t *resource_quota, json_t **status,
                           struct error *err);

/* ---- plans: scope "plan" ---- */

/* Where plan limits come from when a cluster is first used, and after it was idle: `*limits` gets a
 * new reference, or NULL for a cluster without a plan. May block. Set once, before there is
 * traffic. */
typedef bool (*quota_plan_fn)(void *arg, struct cluster *cluster, json_t **limits,
                              struct error *err);
void quota_set_plan_source(quota_plan_fn load, void *arg);
/* Plan limits of a cluster ({"pods": "100", "requests.cpu": "4", ...}); NULL: none. In memory,
 * until the source is asked again, half a minute later. */
void quota_set_plan(struct cluster *cluster, const json_t *limits);
/* The limits have changed: the next write asks the source again. */
void quota_forget_plan(struct cluster *cluster);
/* Is it one of the names that a plan can limit? */
bool quota_plan_counter(const char *name);
/* What the first objects of a cluster cost its plan, to travel with them: counters are right from
 * birth. */
void quota_seed_charges(const char *resource, const json_t *object, struct charges *out);
