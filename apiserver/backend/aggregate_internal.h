/* apiserver/backend/aggregate_internal.h: what aggregate.c (the set), aggregate_ask.c (asking a
 * server) and aggregate_forward.c (passing requests on) share. */
#pragma once
#include <pthread.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/room.h"
#include "auth/pki.h"

/* What the servers of one cluster may have said, as it lies in memory. */
#define AGGREGATE_ROOM_MAX ((size_t)32 << 20)

struct aggregate_state {
    atomic_uint refs;
    struct room *room;                   /* the cluster's; referenced */
    pthread_mutex_t lock;                /* guards what follows */
    bool asking;                         /* a thread is asking now */
    bool passed;                         /* the last answer was as it should be */
    bool stale;                          /* `resources` is what an earlier answer said */
    bool wants_swagger;                  /* somebody asked for OpenAPI v2 */
    int64_t asked_mono_ns;               /* when the last answer was there; 0: never */
    unsigned failures;                   /* in a row */
    unsigned generation;                 /* counts changes of what follows */
    char *problem;                       /* why it did not pass */
    json_t *resources;                   /* APIResourceList; NULL: none yet; frozen */
    char *openapi_url;                   /* of its OpenAPI v3 document; NULL: none */
    json_t *swagger;                     /* its OpenAPI v2; NULL: none; frozen */
    size_t resources_room, swagger_room; /* that they take */
};
struct aggregate_state *aggregate_state_ref(struct aggregate_state *state);
void aggregate_state_unref(struct aggregate_state *state);

/* The cluster's slot, and its part with a reference for as long as that is used. */
struct aggregate_slot *aggregate_slot_of(struct cluster *cluster, struct cluster_part **part);
/* The certificate by which this cluster's front proxy is known; made on first use and renewed.
 * Blocking. */
MUST_CHECK bool aggregate_identity(struct cluster *cluster, struct keypair *out, struct error *err);

/* ---- aggregate_item.c ---- */

/* False when the APIService names no Service. */
MUST_CHECK bool aggregate_item_make(struct aggregate_item *item, const json_t *object);
/* Not its state. */
void aggregate_item_clear(struct aggregate_item *item);
bool aggregate_item_same(const struct aggregate_item *a, const struct aggregate_item *b);

/* ---- aggregate_ask.c ---- */

/* Asks on a thread of its own, unless one does. */
void aggregate_ask(struct api *api, struct cluster *cluster, const struct aggregate_item *item);
/* The same, when the last answer is older than `age_ns`. */
void aggregate_refresh(struct api *api, struct cluster *cluster, const struct aggregate_item *item,
                       int64_t age_ns);
