/* store/store.h: writing objects durably, and the set of clusters.
 *
 * PostgreSQL holds `cluster`, `object`, `change`, `usage` (see migrations/). Each write takes the
 * next revision of its cluster in its own transaction step: one round trip, many writes to a
 * commit. A writer thread hands the result back and has by then applied it to the cache, so that a
 * client reads its own writes. Reading is store/cache.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/cluster.h"
#include "store/object.h"

struct store_options {
    const char *conninfo;        /* libpq connection string or URL */
    unsigned writer_threads;     /* 0: 2; a cluster's writes always go through the same one */
    unsigned reader_connections; /* 0: 4 */
    int64_t change_keep_s;       /* how long changes are kept for watches; 0: 600 */
    int64_t event_bytes_max; /* of past events in memory, of all clusters together; 0: 128 MiB */
    /* Encryption at rest of Secrets and of clusters' secrets; NULL: none. A file of mode 0600 with
     * a line a key: a number and 64 hexadecimal digits. The first is used from now on (at start,
     * every cluster's own key is wrapped anew with it), the others are still read. A database that
     * was encrypted does not open without its key. */
    const char *kek_file;
};

/* Makes such a file with one random key; leaves one that is there alone. */
MUST_CHECK bool store_key_file_make(const char *path, struct error *err);

/* Connects, migrates under an advisory lock, loads the cluster directory, makes the host cluster
 * when it is absent. */
struct store *store_open(const struct store_options *options, struct error *err);
/* Finishes what was submitted, then closes. */
void store_close(struct store *store);
/* False while PostgreSQL does not answer, or changes are not followed: readiness. */
bool store_healthy(struct store *store);
/* One pointer per distinct name, alive as long as the process. Any thread. */
const char *store_intern(const char *resource);

/* ---- clusters ---- */

/* Referenced; NULL when there is none of that name or id. From memory. */
struct cluster *store_cluster(struct store *store, const char *name);
struct cluster *store_cluster_by_id(struct store *store, int64_t id);
/* All of them, referenced; the caller unrefs each and frees the array. */
struct cluster **store_clusters(struct store *store, size_t *count);

/* What a cluster is born with. */
struct cluster_seed {
    const char *name, *uid;
    struct str
        secrets; /* opaque to the store: CA, keys (auth/); kept in cluster.secrets, encrypted */
    struct store_write *writes; /* array: first objects, all STORE_CREATE; `cluster` and `done`
                                 * unused. Their charges are counted, without regard to limits */
    size_t write_count;
};
/* One transaction. Blocking. ALREADY_EXISTS when the name is taken. Returns a reference. */
MUST_CHECK bool store_cluster_create(struct store *store, const struct cluster_seed *seed,
                                     struct cluster **out, struct error *err);
MUST_CHECK bool store_cluster_set_state(struct cluster *cluster, enum cluster_state state,
                                        struct error *err);
/* Removes the cluster and all its rows. Blocking; done when it returns true. */
MUST_CHECK bool store_cluster_delete(struct cluster *cluster, struct error *err);
/* The opaque secrets of a cluster, owned copy in `out`. Blocking. */
MUST_CHECK bool store_cluster_secrets(struct cluster *cluster, struct buf *out, struct error *err);
MUST_CHECK bool store_cluster_set_secrets(struct cluster *cluster, struct str secrets,
                                          struct error *err);

/* ---- writes ---- */

enum store_op { STORE_CREATE, STORE_UPDATE, STORE_DELETE };

enum store_result {
    STORE_OK, /* object: the new one (of a delete: the last state, with the deletion's revision) */
    STORE_STALE,       /* expect_revision did not match; object: what is there now */
    STORE_EXISTS,      /* create: the name is taken; object: what is there now */
    STORE_ABSENT,      /* update, delete: nothing there */
    STORE_OVER_LIMIT,  /* a charge passed its limit; `refused` is its index */
    STORE_NO_CLUSTER,  /* deleted meanwhile */
    STORE_UNAVAILABLE, /* the database did not take it within 10 s (nothing was written), or was
                        * lost and did not come back to tell; at once when it has been away for
                        * longer */
};

/* A counter that changes with the write, in the same transaction: quotas cannot be raced past. */
struct store_charge {
    const char *scope;   /* "quota/NAMESPACE/NAME", "plan" */
    const char *counter; /* "pods", "requests.cpu" */
    int64_t delta;       /* in the caller's unit; negative gives back */
    int64_t limit;       /* a positive delta that would raise the counter above it fails the write;
                            INT64_MAX: none */
};

struct store_write {
    struct cluster *cluster;
    const char *resource; /* interned */
    enum store_op op;
    struct object_draft draft; /* delete: ns and name only */
    const json_t *value;       /* borrowed until done; may be NULL */
    int64_t expect_revision;   /* update, delete: 0 takes whatever is there */
    const struct store_charge *charges;
    size_t charge_count;
    /* Called once, on a thread of the store's (or the caller's, when the queue is full:
     * STORE_UNAVAILABLE). Must not block. `object` is borrowed. The write and what it points to
     * must live until then. */
    void (*done)(struct store_write *write, enum store_result result, struct object *object,
                 size_t refused);
    void *arg;
    struct store_write *next; /* the store's, as what follows */
    int64_t submitted_mono_ns;
};

void store_submit(struct store *store, struct store_write *write);

struct store_written { /* what `done` would have been told */
    enum store_result result;
    struct object *object; /* referenced; may be NULL */
    size_t refused;
};
/* Writes on this thread, if nothing else is being written there that it could be written with, and
 * waits for the answer: for a millisecond, or until `other_fd` (-1: none) can be read. True: it is
 * over, and `done` is not called. False: store_submit() must follow at once, and goes on with it.
 * Spares a write that comes alone three changes of threads. */
MUST_CHECK bool store_write_here(struct store *store, struct store_write *write, int other_fd,
                                 struct store_written *written);
/* Blocking form for worker threads: `*object` (may be NULL) gets a reference. */
enum store_result store_write_wait(struct store *store, struct store_write *write,
                                   struct object **object, size_t *refused);

/* Counters of one scope: calls `each` for every row. Blocking. */
MUST_CHECK bool store_usage(struct cluster *cluster, const char *scope,
                            void (*each)(void *arg, const char *counter, int64_t used), void *arg,
                            struct error *err);
/* How many objects are stored of each resource. Blocking; takes as long as reading their keys. */
MUST_CHECK bool store_object_counts(struct cluster *cluster,
                                    void (*each)(void *arg, const char *resource, int64_t count),
                                    void *arg, struct error *err);
/* What all clusters together take on disk. Blocking. */
MUST_CHECK bool store_size_bytes(struct store *store, int64_t *bytes, struct error *err);
/* Sets counters to what a recount found, if the cluster's revision is still `revision`; else
 * `*applied` is false. */
MUST_CHECK bool store_usage_set(struct cluster *cluster, const char *scope,
                                const struct store_charge *used, size_t count, int64_t revision,
                                bool *applied, struct error *err);

/* ---- private key-value rows of upper floors, per cluster: the syncer's mapping, controllers'
 * marks ---- table mapping(cluster, kind, tenant_key, host_key, unique both ways). */
struct store_mapping {
    const char *kind, *tenant_key, *host_key;
};
/* Inserts, or returns the row that is there (owned strings in `*host_key`). CONFLICT when host_key
 * is another's. Blocking. */
MUST_CHECK bool store_mapping_claim(struct cluster *cluster, const struct store_mapping *want,
                                    char **host_key, struct error *err);
MUST_CHECK bool store_mapping_release(struct cluster *cluster, const char *kind,
                                      const char *tenant_key, struct error *err);
/* All rows, of one cluster or (cluster NULL) of all; `each` gets borrowed strings. Blocking. */
MUST_CHECK bool store_mappings(struct store *store, struct cluster *cluster,
                               void (*each)(void *arg, int64_t cluster_id,
                                            const struct store_mapping *mapping),
                               void *arg, struct error *err);
/* Records up to which revision a cluster's controllers have settled; clusters beyond it are looked
 * at again at start. */
MUST_CHECK bool store_cluster_settled(struct cluster *cluster, int64_t revision, struct error *err);
/* Those whose revision passed what they settled at; referenced, as store_clusters. Blocking. */
struct cluster **store_unsettled(struct store *store, size_t *count, struct error *err);

/* ---- duty: what only one replica runs at a time ---- */

/* Tells `fn` whether this replica is the one: once now, and at each change, on a thread of the
 * store's, in order. It must not block. When a replica dies, another is told within about a second;
 * one that has lost its session is told so at once. One listener a store; NULL ends it. */
void store_on_duty(struct store *store, void (*fn)(void *arg, bool held), void *arg);
