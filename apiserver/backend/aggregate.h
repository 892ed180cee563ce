/* apiserver/backend/aggregate.h: group versions that another server serves: the APIServices of one
 * cluster that name a Service.
 *
 * Kept with the cluster, made on first use, and made anew when an APIService changes or its server
 * says something else; a cluster without any has an empty set. What is built in is served here,
 * whatever an APIService says, but for what upstream's add-ons serve (metrics.k8s.io). Source:
 * kube-aggregator pkg/apiserver. */
#pragma once
#include <stdatomic.h>

#include "apiserver/request.h"

struct aggregate_state; /* what its server said last */

struct aggregate_item { /* frozen, but for `state` */
    char *name;         /* "v1beta1.metrics.k8s.io" */
    char *group, *version;
    char *ns, *service;
    unsigned port;
    bool insecure, available;
    char *roots; /* PEM; NULL: those of this machine */
    int group_priority, version_priority;
    struct aggregate_state *state; /* referenced; outlives changes of the object */
};

struct aggregates {
    struct aggregate_item *items;
    size_t count;
    struct documents *documents; /* what the cluster is described by while it has such items */
    struct custom *custom;       /* together with these; referenced; NULL: not yet */
    int64_t revision;    /* guarded by the slot's lock: the cache's, when it was looked at */
    int64_t newest;      /* revision among the APIServices */
    size_t seen;         /* APIServices, local ones too */
    unsigned generation; /* of what the servers said */
    atomic_uint refs;
};

/* False for what is built in. Pure. */
bool aggregate_may_serve(const char *group, const char *version);

struct aggregate_slot; /* in the cluster's part */
struct aggregate_slot *aggregate_slot_new(void);
void aggregate_slot_free(struct aggregate_slot *slot);

void aggregates_unref(struct aggregates *aggregates);
/* The cluster's present set in request->aggregates, until the request is rewound. Its documents are
 * those of request->custom, when that is loaded. STEP_NEXT, STEP_BLOCK or STEP_FAIL. */
enum step_result aggregates_load(struct request *request);
/* NULL when no APIService names it. */
const struct aggregate_item *aggregates_find(const struct aggregates *aggregates, const char *group,
                                             const char *version);

/* What an item's server said last, as of now. */
struct aggregate_said {
    bool current;      /* it said so when it was asked last */
    json_t *resources; /* APIResourceList; NULL: nothing yet; referenced, frozen */
    json_t *swagger;   /* OpenAPI v2; NULL; referenced, frozen */
    char *openapi_url; /* of its OpenAPI v3 document; NULL; owned */
};
void aggregate_said(const struct aggregate_item *item, struct aggregate_said *said);
void aggregate_said_clear(struct aggregate_said *said);
/* Asks the servers of a set anew whose last answers are old; the answers come later.
 * `swagger`: somebody wants their OpenAPI v2, too. */
void aggregates_refresh(struct api *api, struct cluster *cluster,
                        const struct aggregates *aggregates, bool swagger);

/* For requests that may be another server's: request->chain is set when it is. STEP_NEXT,
 * STEP_BLOCK or STEP_FAIL. */
enum step_result aggregate_dispatch(struct request *request);
enum step_result step_aggregate(struct request *request);
bool aggregate_streams(const step_fn *chain);
/* Header lines that name a user to a server that trusts us. */
void aggregate_add_user(struct buf *out, const struct user *user);
