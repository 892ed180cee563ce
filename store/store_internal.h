/* store/store_internal.h: the parts of an open store.
 *
 *  store_submit → writer (a thread, one connection) → write_object() in PostgreSQL → apply → done
 *                                                   ↘ a gap: feed (a thread) reads `change`,
 * applies, then done Locks, in this order: a cluster's apply lock, cache locks (cache_internal.h);
 * all others are leaves. */
#pragma once
#include <pthread.h>

#include "base/strmap.h"
#include "store/cache.h"
#include "store/cipher_internal.h"
#include "store/event_budget.h"
#include "store/pg_internal.h"
#include "store/store.h"

#define LISTENERS_MAX 8

struct feed;
struct partitions;
struct writer;

/* Clusters by name and by id; each entry is a reference. */
struct directory {
    pthread_rwlock_t lock;
    struct strmap by_name;
    struct cluster **by_id; /* ascending */
    size_t count, capacity;
};

/* Connections for blocking calls, as the login role. */
struct readers {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    PGconn **idle;
    unsigned idle_count, open_count, open_max;
};

/* Whether this replica runs what only one may. */
struct duty {
    pthread_mutex_t lock; /* held while `fn` is told, so that it is told in order */
    /* guarded by lock */
    bool held;
    void (*fn)(void *arg, bool held);
    void *arg;
};

struct store {
    char *conninfo;
    char id[UUID_TEXT_SIZE]; /* of this replica */
    int64_t change_keep_s;
    struct cipher *cipher; /* NULL: nothing is encrypted */
    const char *secrets;   /* interned: the resource that is */
    struct directory directory;
    struct readers readers;
    struct writer **writers;
    unsigned writer_count;
    struct feed *feed;
    struct partitions *partitions;
    struct duty duty;
    struct event_budget events;
    pthread_rwlock_t listeners_lock;
    /* guarded by listeners_lock */
    struct {
        store_change_fn fn;
        void *arg;
    } listeners[LISTENERS_MAX];
    unsigned listener_count;
    atomic_bool notify; /* another replica is up: say what we write */
    atomic_uint down;   /* threads that have lost the database */
};

/* For what a client may be told: logs the reason, which may name statements and paths, and leaves a
 * plain sentence. Returns false. */
bool store_fail(struct error *err);

/* ---- cluster.c ---- */
struct cluster_row {
    int64_t id, revision;
    int64_t born_at; /* the revision of its first objects, when that is known; else 0 */
    const char *uid, *name;
    int state;
    int32_t key_id;      /* 0: the cluster has no key */
    struct str data_key; /* wrapped */
};
struct cluster *cluster_new(struct store *store, const struct cluster_row *row);
/* Makes what is applied to this cluster, and told to listeners, happen in revision order. */
void cluster_apply_lock(struct cluster *cluster);
void cluster_apply_unlock(struct cluster *cluster);
void cluster_touch(struct cluster *cluster);
/* Up to this revision it has no history: its first objects came with it. 0: not known. */
int64_t cluster_born_at(struct cluster *cluster);
/* The cluster's data key; NULL when it has none. */
const struct data_key *cluster_key(struct cluster *cluster);
/* True when the cluster has a key that we cannot open: its secrets are out of reach. */
bool cluster_is_locked(struct cluster *cluster);
/* Forgets the parts that an idle cluster can do without, except those that somebody holds. True if
 * there was one. */
bool cluster_part_drop_idle(struct cluster *cluster);

/* ---- duty.c ---- */
void duty_init(struct duty *duty);
void duty_deinit(struct duty *duty);
bool duty_held(struct duty *duty);
/* Takes the lock in `conn`'s session if nobody has it. Not while it is held. */
MUST_CHECK bool duty_ask(struct duty *duty, PGconn *conn, struct error *err);
/* The session is gone. */
void duty_lose(struct duty *duty);

/* ---- directory.c ---- */
void directory_init(struct directory *directory);
void directory_deinit(struct directory *directory);
/* Takes a reference of its own. False when the id is there already: `*there` gets a reference to
 * that one. */
bool directory_add(struct directory *directory, struct cluster *cluster, struct cluster **there);
/* Forgets it: its parts are dropped, its watches say GONE. */
void directory_remove(struct directory *directory, struct cluster *cluster);
/* Reads every cluster, or (id not 0) one; adds, updates states, removes what is gone. */
MUST_CHECK bool directory_load(struct store *store, PGconn *conn, int64_t id, struct error *err);

/* ---- readers.c ---- */
void readers_init(struct readers *readers, unsigned max);
void readers_deinit(struct readers *readers);
/* A connection, waited for if need be. NULL (503). */
PGconn *reader_take(struct store *store, struct error *err);
/* Gives it back; one that is broken or inside a transaction is closed. */
void reader_give(struct store *store, PGconn *conn);

/* ---- keys.c: which key a cluster has ---- */
/* Gives every cluster a data key that is wrapped by the current key-encryption key. */
MUST_CHECK bool keys_adopt(struct store *store, PGconn *conn, struct error *err);
/* Fails when a cluster of the directory has a key that does not open. */
MUST_CHECK bool keys_check(struct store *store, struct error *err);
/* A new cluster's key and its wrapped form; nothing when the store has no cipher. */
struct new_key {
    int32_t key_id;
    struct data_key key;
    struct buf wrapped;
};
MUST_CHECK bool new_key_make(const struct store *store, const char *uid, struct new_key *out,
                             struct error *err);
void new_key_free(struct new_key *key);

/* ---- row.c: from rows to objects and back ---- */
#define ROW_KEY_PLAIN   0
#define ROW_KEY_CLUSTER 1 /* sealed with the cluster's data key */
struct row_body {         /* as stored */
    int64_t revision;
    int32_t revision_at, key_id;
    struct str body;
};
/* The body as it is to be stored: `draft.body` itself, or sealed in `out`. */
MUST_CHECK bool row_seal(const struct data_key *key, const char *uid,
                         const struct store_write *write, struct buf *out, struct str *body,
                         int32_t *key_id);
/* The same for the secrets column; and back. */
MUST_CHECK bool row_secrets_seal(const struct data_key *key, const char *uid, struct str secrets,
                                 struct buf *out);
MUST_CHECK bool row_secrets_open(const struct data_key *key, const char *uid, struct str sealed,
                                 struct buf *out);
/* NULL when it cannot be decrypted. */
struct object *row_object(struct cluster *cluster, const char *resource, const char *ns,
                          const char *name, const struct row_body *row);

/* ---- history.c: what `change` tells ---- */
struct change {
    enum event_type type;
    int64_t revision;
    struct object *object, *before; /* referenced; before: NULL for ADDED */
};
struct change_list {
    struct change *items; /* ascending */
    size_t count;
    int64_t floor; /* of what was asked for, nothing behind it is missing */
    int64_t head;  /* history_follow: the cluster's last revision; 0 when the cluster is gone */
};
void change_list_clear(struct change_list *list);
/* The latest changes of one resource, at most `max`. `present` looks an object up in its state as
 * of `upto`. */
struct history_scope {
    const char *resource;
    size_t max;
    int64_t upto;
    struct object *(*present)(void *arg, const char *ns, const char *name); /* borrowed */
    void *arg;
};
MUST_CHECK bool history_load(struct cluster *cluster, PGconn *conn,
                             const struct history_scope *scope, struct change_list *list,
                             struct error *err);
/* All that happened behind `after`, when it is no more than `max`: else floor is above `after`. */
MUST_CHECK bool history_follow(struct cluster *cluster, PGconn *conn, int64_t after, size_t max,
                               struct change_list *list, struct error *err);

/* ---- apply.c ---- */
enum apply_result { APPLY_DONE, APPLY_KNOWN /* was applied before */, APPLY_GAP };
bool apply_has_listeners(struct store *store);
/* Calls every listener; under the cluster's apply lock. */
void apply_tell(struct cluster *cluster, enum event_type type, struct object *object,
                struct object *before);
/* Applies one change if it is the next one. */
enum apply_result apply_change(struct cluster *cluster, const struct change *change);
/* Gives up following: caches are dropped, the cluster is at `revision`. */
void apply_reset(struct cluster *cluster, int64_t revision);

/* ---- feed.c ---- */
struct feed *feed_start(struct store *store, struct error *err);
void feed_stop(struct feed *feed);
/* False when its thread has been stuck for long. Any thread. */
bool feed_moves(struct feed *feed);
/* Asks for a cluster to be brought up to date. Any thread. */
void feed_request(struct store *store, struct cluster *cluster);
/* A write is durable as `revision`, but others' changes come before it: the feed applies those,
 * then calls done. */
void feed_park(struct store *store, struct store_write *write, int64_t revision,
               struct object *object);
/* Waits until the cluster's revision is at least that. */
MUST_CHECK bool feed_wait(struct cluster *cluster, int64_t revision, struct error *err);
/* Tells other replicas that a cluster's row has changed. */
MUST_CHECK bool feed_tell_cluster(struct store *store, PGconn *conn, int64_t id, struct error *err);

/* ---- partitions.c: partitions of `change` ---- */
/* Makes them, or says why not, and then keeps them ahead of the time. NULL when its thread cannot
 * start. */
struct partitions *partitions_start(struct store *store, struct error *err);
void partitions_stop(struct partitions *partitions);

/* ---- batch.c: one transaction of several writes ---- */
#define BATCH_MAX 64

struct slot {
    struct store_write *write;
    int64_t tag;           /* of its change row: finds out what became of it */
    int64_t base_revision; /* the cluster was there when it was sent */
    unsigned order;
    unsigned statement; /* of the batch, which answers it */
    unsigned place;     /* in that statement, when it has several writes */
    bool in_bulk;
    bool by_itself; /* has been in a bulk that came to nothing */
};
struct outcome { /* what write_object() answered */
    enum store_result result;
    int64_t revision;
    int32_t refused;
    struct row_body was; /* stale, exists: what is there; deleted: what was there */
};
enum batch_end {
    BATCH_DONE,
    BATCH_PENDING,   /* not yet: patience ended first */
    BATCH_REFUSED,   /* rolled back by an error in the database */
    BATCH_TRANSIENT, /* the same, but it may go well in a moment */
    BATCH_LOST,      /* the connection went: nobody knows */
};
/* What a connection carries; {0}: nothing. Owned by who holds the connection. */
struct batch {
    PGresult *rows[BATCH_MAX]; /* of its statements */
    unsigned count;            /* writes */
    unsigned statements, at;   /* at: the one that is answered next */
    int64_t deadline_mono_ns;
    bool over;
    enum batch_end end; /* so far, or (over) for good */
    struct error error; /* refused, transient */
};
/* What a connection needs before batch_send(): role, statements, pipeline mode. */
MUST_CHECK bool batch_prepare(PGconn *conn, struct error *err);
/* Sends the first `count` slots as one transaction; what fails is told by batch_receive(). */
void batch_send(const struct store *store, PGconn *conn, struct batch *batch, struct slot *slots,
                unsigned count);
/* Waits for the commit; BATCH_PENDING, from which it may be called again, only for who has patience
 * (NULL: all of it). */
enum batch_end batch_receive(PGconn *conn, struct batch *batch, const struct pg_patience *patience);
/* Of BATCH_DONE: finishes each write. Those that are left to do come first in `slots`; how many. */
unsigned batch_finish(struct store *store, struct batch *batch, struct slot *slots);
/* Of BATCH_DONE, for a batch of one: applies the write without calling its `done`. False when
 * nothing was applied, and batch_finish() has to go on with it. */
MUST_CHECK bool batch_take(struct batch *batch, struct slot *slot, struct store_written *written);
void batch_clear(struct batch *batch);
/* Tells the cache and the writer of the request. */
void slot_finish(struct store *store, struct slot *slot, const struct outcome *outcome);

/* ---- bulk.c: creates of one cluster as one statement ---- */
/* How many of these slots, from the first, can be sent together; 0: the first is none that can. */
unsigned bulk_length(const struct slot *slots, unsigned count);
/* Sends them as one call of create_object() or create_objects(). Its row: the first one's revision,
 * or 0 for nothing written. */
MUST_CHECK bool bulk_send(PGconn *conn, const struct slot *slots, unsigned count);

/* ---- writer.c ---- */
/* A thread, one connection: clusters are spread over them by id. NULL when it cannot start. */
struct writer *writer_start(struct store *store, struct error *err);
/* Finishes what is queued, then ends. */
void writer_stop(struct writer *writer);
/* False when the queue is full or the database has been away for long. */
bool writer_submit(struct writer *writer, struct store_write *write);
/* store_write_here(). */
bool writer_write_here(struct writer *writer, struct store_write *write, int other_fd,
                       struct store_written *written);
