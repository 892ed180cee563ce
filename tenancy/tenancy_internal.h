/* tenancy/tenancy_internal.h: what the files of this folder share. */
#pragma once
#include "tenancy/tenancy.h"

#define TENANTS            "tenants.tenancy.warren.dev"
#define PLANS              "plans.tenancy.warren.dev"
#define TENANT_CONTROLLER  "tenant-controller"
#define REFRESH_CONTROLLER "refresh-controller"
#define TENANT_FINALIZER   "tenancy.warren.dev/cluster"
#define TENANCY_USER       "system:warren:tenancy"
#define PLAN_DEFAULT       "small"
#define TENANT_NAME_MAX    56 /* its host namespace is warren-NAME, a DNS label */

struct tenancy { /* frozen after tenancy_new */
    struct api *api;
    struct controllers *controllers;
    struct vcluster *vcluster;
    struct cluster *host;
    char *domain;
    struct user user; /* ours, a master of every cluster */
};

/* ---- seed.c: the first objects of a cluster ---- */

struct seed {
    struct store_write *writes; /* STORE_CREATE each; `cluster` is not set */
    size_t count;
    struct buf *texts; /* one a write; bodies are in them */
    struct charges *charges;
};
struct seed_parts {                          /* what is of one cluster alone */
    const char *ca_pem, *front_proxy_ca_pem; /* for ConfigMaps */
    json_t *nodes;                           /* an array; may be NULL */
    json_t *endpoints, *slice;               /* of its API; may be NULL */
};
/* Objects as of `now_us`, with fresh uids. Everything is the seed's. */
MUST_CHECK bool seed_make(struct seed *seed, const struct seed_parts *parts, int64_t now_us,
                          struct error *err);
void seed_free(struct seed *seed);
/* Calls each(arg, resource, object) for those that are the same in every cluster, and that its API
 * can make. */
void seed_each(void (*each)(void *arg, const char *resource, const json_t *object), void *arg);
/* What tells these from another release's: static. */
const char *seed_digest(void);

/* ---- seed_flow.c: those of flow control ---- */

size_t seed_flow_count(void);
const char *seed_flow_resource(size_t at); /* its storage key */
json_t *seed_flow_object(size_t at);       /* new reference; without uid and creationTimestamp */

/* ---- provision.c ---- */

/* A new virtual cluster of that name and uid. ALREADY_EXISTS when there is one. Returns a
 * reference. Blocking. */
MUST_CHECK bool provision_cluster(struct tenancy *tenancy, const char *name, const char *uid,
                                  struct cluster **cluster, struct error *err);

/* ---- plan.c ---- */

extern const struct api_hook plan_hook;
/* The built-in Plans, as objects without metadata of the server's. New reference (an array). */
json_t *plan_builtin(void);
/* quota_plan_fn; `arg` is the tenancy. */
bool plan_limits(void *arg, struct cluster *cluster, json_t **limits, struct error *err);
/* store_change_fn: who lives by what has changed asks for its limits again. */
void plan_changed(void *arg, struct cluster *cluster, enum event_type type, struct object *object,
                  struct object *before);
/* Causes for limits whose name or amount is none, under `field`. */
void plan_check_limits(const json_t *limits, const char *field, struct error *err);

/* ---- refresh.c: clusters of an older release get the first objects of this one ---- */

extern const struct controller refresh_controller;
/* For controllers_when_on_duty. `arg` is the tenancy. */
MUST_CHECK bool refresh_take(void *arg, struct error *err);

/* ---- tenant_hook.c, tenant_controller.c ---- */

extern const struct api_hook tenant_hook;
extern const struct controller tenant_controller;
/* The state that a Tenant asks for. */
enum cluster_state tenant_state(const json_t *tenant);
/* "Active", "Suspended", "Deleting". */
const char *tenant_phase(const json_t *tenant);
/* The Tenant as a new tree; NULL when there is none. */
MUST_CHECK bool tenant_read(struct tenancy *tenancy, const char *name, json_t **tenant,
                            struct error *err);
/* For controllers_when_on_duty: looks at what a crash may have cut short: Tenants on their way to
 * another phase, clusters without a Tenant. `arg` is the tenancy. */
MUST_CHECK bool tenant_take(void *arg, struct error *err);
