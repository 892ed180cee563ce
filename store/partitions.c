/* Partitions of `change`: made ahead and dropped behind, on a thread of its own that takes a new
 * connection each time. What else goes on in this process, or what became of a session, keeps
 * nobody from it; and no write depends on it (migrations/0009). */
#include "store/store_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#define ROUND_MS       120000
#define RETRY_MS       15000
#define PERIODS_AHEAD  6 /* of five minutes */
#define PARTITION_LOCK 0x77617272656e02

/* A wait for locks, in which those who come later wait too, ends soon; so does a round. */
#define SETTINGS                                                                                   \
    "SET synchronous_commit = off; SET lock_timeout = '300ms'; SET statement_timeout = '30s'"

struct partitions {
    struct store *store;
    pthread_t thread;
    bool running;
    int64_t until_s; /* the thread's: where the last one ends, as far as known; 0: unknown */
    pthread_mutex_t lock;
    pthread_cond_t woken; /* guarded by lock, as what follows */
    bool stop;
};

static const struct metric_family until = {
    .name = "warren_change_partitions_until_seconds",
    .help = "Unix time at which the last partition of the change table ends; what is written after "
            "it goes into the default partition.",
    .kind = METRIC_GAUGE,
};

static void note_until(struct partitions *partitions, int64_t until_s)
{
    metric_add(metric_series(&until, NULL), until_s - partitions->until_s);
    partitions->until_s = until_s;
}

/* Calls one of the functions, unless another server is at it. */
static bool call(PGconn *conn, const char *sql, int64_t argument, int64_t *result,
                 struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, PARTITION_LOCK);
    pg_i64(&params, argument);
    CLEANUP(pg_result_clear) PGresult *row = pg_query(conn, sql, &params, err);
    if (row && PQgetisnull(row, 0, 0))
        return error_unavailable(err, "another session is at them");
    if (row)
        *result = pg_get_i64(row, 0, 0);
    return row != NULL;
}

static bool make_ahead(struct partitions *partitions, PGconn *conn, struct error *err)
{
    int64_t until_s;
    if (!call(conn,
              "SELECT CASE WHEN pg_try_advisory_xact_lock($1) THEN "
              "make_change_partitions(clock_timestamp(), $2::int8::int4) END",
              PERIODS_AHEAD, &until_s, err))
        return false;
    note_until(partitions, until_s);
    return true;
}

static bool drop_behind(struct partitions *partitions, PGconn *conn, struct error *err)
{
    int64_t edge_s;
    return call(conn,
                "SELECT CASE WHEN pg_try_advisory_xact_lock($1) THEN "
                "drop_change_partitions(clock_timestamp(), $2) END",
                partitions->store->change_keep_s, &edge_s, err);
}

/* Both, each for itself: what cannot be dropped yet is no reason to make none. */
static bool go_round(struct partitions *partitions)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(error_clear) struct error drop_err = {0};
    CLEANUP(pg_conn_close) PGconn *conn = pg_connect(partitions->store->conninfo, &err);
    bool ready = conn && pg_command(conn, SETTINGS, &err);
    bool made = ready && make_ahead(partitions, conn, &err);
    bool dropped = ready && drop_behind(partitions, conn, &drop_err);
    if (!made)
        log_warn("store", "partitions of the change table, to be made later: %s", err.message);
    if (ready && !dropped)
        log_warn("store", "partitions of the change table, to be dropped later: %s",
                 drop_err.message);
    return made && dropped;
}

/* False when it is time to end. */
static bool rest(struct partitions *partitions, int64_t ms)
{
    int64_t until_mono_ns = clock_mono_ns() + ms * 1000000;
    bool in_time = true;
    pthread_mutex_lock(&partitions->lock);
    while (!partitions->stop && in_time)
        in_time = cond_wait_until(&partitions->woken, &partitions->lock, until_mono_ns);
    bool stop = partitions->stop;
    pthread_mutex_unlock(&partitions->lock);
    return !stop;
}

static void *run(void *arg)
{
    struct partitions *partitions = arg;
    bool ok = partitions->until_s != 0;
    while (rest(partitions, ok ? ROUND_MS : RETRY_MS))
        ok = go_round(partitions);
    return NULL;
}

struct partitions *partitions_start(struct store *store, struct error *err)
{
    struct partitions *partitions = xcalloc(1, sizeof(*partitions));
    partitions->store = store;
    pthread_mutex_init(&partitions->lock, NULL);
    cond_init(&partitions->woken);
    (void)go_round(partitions); /* told; to be tried again */
    partitions->running = pthread_create(&partitions->thread, NULL, run, partitions) == 0;
    if (partitions->running)
        return partitions;
    partitions_stop(partitions);
    error_unavailable(err, "cannot start a thread");
    return NULL;
}

void partitions_stop(struct partitions *partitions)
{
    if (!partitions)
        return;
    pthread_mutex_lock(&partitions->lock);
    partitions->stop = true;
    pthread_cond_signal(&partitions->woken);
    pthread_mutex_unlock(&partitions->lock);
    if (partitions->running)
        pthread_join(partitions->thread, NULL);
    note_until(partitions, 0);
    pthread_mutex_destroy(&partitions->lock);
    pthread_cond_destroy(&partitions->woken);
    free(partitions);
}
