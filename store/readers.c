/* A few connections for calls that may block. */
#include "store/store_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/mem.h"

#define TAKE_MS 10000

void readers_init(struct readers *readers, unsigned max)
{
    *readers = (struct readers){.open_max = max, .idle = xcalloc(max, sizeof(PGconn *))};
    pthread_mutex_init(&readers->lock, NULL);
    cond_init(&readers->returned);
}

void readers_deinit(struct readers *readers)
{
    for (unsigned i = 0; i < readers->idle_count; i++)
        PQfinish(readers->idle[i]);
    free(readers->idle);
    pthread_mutex_destroy(&readers->lock);
    pthread_cond_destroy(&readers->returned);
}

/* Waits for an idle connection or for the right to open one (`*conn` NULL). */
static bool wait_turn(struct readers *readers, PGconn **conn)
{
    int64_t until_mono_ns = clock_mono_ns() + TAKE_MS * INT64_C(1000000);
    bool in_time = true;
    pthread_mutex_lock(&readers->lock);
    while (!readers->idle_count && readers->open_count == readers->open_max && in_time)
        in_time = cond_wait_until(&readers->returned, &readers->lock, until_mono_ns);
    bool turn = readers->idle_count || readers->open_count < readers->open_max;
    *conn = readers->idle_count ? readers->idle[--readers->idle_count] : NULL;
    if (turn && !*conn)
        readers->open_count++;
    pthread_mutex_unlock(&readers->lock);
    return turn;
}

static void closed_one(struct readers *readers)
{
    pthread_mutex_lock(&readers->lock);
    readers->open_count--;
    pthread_cond_signal(&readers->returned);
    pthread_mutex_unlock(&readers->lock);
}

/* A connection that rested may have been cut meanwhile: what has arrived on it tells. */
static bool still_good(PGconn *conn)
{
    return PQconsumeInput(conn) && PQstatus(conn) == CONNECTION_OK &&
           PQtransactionStatus(conn) == PQTRANS_IDLE;
}

PGconn *reader_take(struct store *store, struct error *err)
{
    PGconn *conn;
    if (!wait_turn(&store->readers, &conn)) {
        error_unavailable(err, "the database: every connection is busy");
        return NULL;
    }
    if (conn && still_good(conn))
        return conn;
    PQfinish(conn);
    conn = pg_connect(store->conninfo, err);
    if (!conn)
        closed_one(&store->readers);
    return conn;
}

void reader_give(struct store *store, PGconn *conn)
{
    struct readers *readers = &store->readers;
    if (!conn)
        return;
    pg_rollback(conn);
    if (!still_good(conn)) {
        PQfinish(conn);
        closed_one(readers);
        return;
    }
    pthread_mutex_lock(&readers->lock);
    readers->idle[readers->idle_count++] = conn;
    pthread_cond_signal(&readers->returned);
    pthread_mutex_unlock(&readers->lock);
}
