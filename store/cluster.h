/* store/cluster.h: a cluster: the host cluster (id 1) or a tenant's virtual cluster.
 *
 * A `struct cluster *` is passed down every call; there is no global one. It holds identity only.
 * What upper floors keep per cluster (object caches, parsed RBAC rules, TLS credentials) hangs in
 * `parts`, made on first use and dropped when the cluster is idle: an idle cluster is this struct
 * and nothing more. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define CLUSTER_HOST_ID 1

enum cluster_state { CLUSTER_ACTIVE, CLUSTER_SUSPENDED, CLUSTER_DELETING };

enum cluster_part_kind {
    CLUSTER_PART_CACHE, /* store: object caches and event rings */
    CLUSTER_PART_AUTH,  /* auth: CA, keys, serving certificate */
    CLUSTER_PART_RBAC,  /* rbac: compiled rules */
    CLUSTER_PART_QUOTA, /* quota */
    CLUSTER_PART_API,   /* apiserver: CRDs, discovery documents */
    CLUSTER_PART_COUNT,
};

struct store;

/* Base of every part: `struct rbac_part { struct cluster_part part; ... }`. */
struct cluster_part {
    void (*free)(struct cluster_part *part);
    atomic_uint refs;
};

struct cluster {
    int64_t id;
    char uid[UUID_TEXT_SIZE];
    char *name; /* DNS label; "host" for the host cluster */
    struct store *store;
    atomic_uint refs;
    _Atomic enum cluster_state state;
    _Atomic int64_t revision;     /* last revision that is applied here; resourceVersion of lists */
    _Atomic int64_t used_mono_ns; /* last request, for dropping idle parts */
    void *lock;                   /* cluster.c's; guards parts */
    struct cluster_part *parts[CLUSTER_PART_COUNT];
};

struct cluster *cluster_ref(struct cluster *cluster);
void cluster_unref(struct cluster *cluster);
/* For CLEANUP. */
void cluster_unref_ptr(struct cluster **cluster);
/* The part, with a reference that the caller gives back by cluster_part_unref; made by `make` when
 * it is absent (NULL: then NULL is returned). `make` runs without a lock and may lose a race; the
 * loser is freed. Any thread. */
struct cluster_part *cluster_part_get(struct cluster *cluster, enum cluster_part_kind kind,
                                      struct cluster_part *(*make)(struct cluster *cluster));
/* The part if it is there, referenced; else NULL. Any thread. */
struct cluster_part *cluster_part_peek(struct cluster *cluster, enum cluster_part_kind kind);
void cluster_part_unref(struct cluster_part *part);
/* Forgets one part, or (CLUSTER_PART_COUNT) all; holders keep theirs until they unref. */
void cluster_part_drop(struct cluster *cluster, enum cluster_part_kind kind);
