/* A writer: takes what is queued, writes it in batches, and never loses track of what became of a
 * write.
 *
 * A batch that meets an error is run again write by write, so that the error stays with its cause.
 * After a lost connection the old session is ended first, then the tags in `change` tell which
 * writes were committed.
 *
 * A write that comes while there is no other is written by the thread that brings it: it holds the
 * connection meanwhile, and gives it to the writer's thread with whatever is not over in time, or
 * not plain. */
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"

#define QUEUE_MAX       4096
#define BATCH_BYTES_MAX (4 << 20)
#define PATIENCE_NS     ((int64_t)10 * 1000000000)
#define RETRY_FIRST_MS  10
#define RETRY_MAX_MS    1000
#define HERE_WAIT_NS    ((int64_t)1000000)  /* how long a thread waits for its own write */
#define HERE_AWAKE_NS   ((int64_t)400000)   /* and of that, without sleeping: waking is dear */
#define CROWDED_NS      ((int64_t)10000000) /* writes have met, and are likely to meet again */

struct writer {
    struct store *store;
    pthread_t thread;
    PGconn *conn; /* the holder's, as what follows; it is the thread unless it is lent */
    int32_t backend_pid;
    char backend_start[64];
    struct slot slots[BATCH_MAX];
    unsigned count;
    struct batch batch; /* under way with the first slots */
    int64_t next_tag;
    int64_t retry_ms;
    bool alone;      /* the batch met an error: one write at a time */
    bool unresolved; /* the connection was lost with the slots under way */
    bool met;        /* who borrowed it stopped waiting because its own thread was asked for */
    bool slow;       /* the last of those was not answered while it was worth staying awake */
    pthread_mutex_t lock;
    pthread_cond_t ready; /* guarded by lock, as what follows */
    struct store_write *first, **last;
    unsigned queued;
    int64_t down_since_ns;              /* 0: up */
    int64_t crowded_until_ns;           /* nobody writes by himself until then */
    const struct store_write *lent_for; /* is being written by the thread that brings it */
    bool begun;                         /* ... and was left: it is under way with the first slot */
    bool busy;                          /* the thread has a batch */
    bool stop;
};

static void finish_unavailable(struct store_write *write)
{
    write->done(write, STORE_UNAVAILABLE, NULL, 0);
}

static void pause_ms(int64_t ms)
{
    struct timespec delay = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&delay, NULL);
}

/* Doubles with each failure, with jitter so that writers do not come back all at once. */
static void back_off(struct writer *writer)
{
    uint16_t jitter;
    random_bytes(&jitter, sizeof(jitter));
    writer->retry_ms = writer->retry_ms ? writer->retry_ms * 2 : RETRY_FIRST_MS;
    if (writer->retry_ms > RETRY_MAX_MS)
        writer->retry_ms = RETRY_MAX_MS;
    pause_ms(writer->retry_ms / 2 + jitter % (writer->retry_ms / 2 + 1));
}

/* ---- the queue ---- */

static void wake(struct writer *writer)
{
    pthread_cond_signal(&writer->ready); /* not under the lock, which the writer needs at once */
}

/* True when the write was begun on this thread: the writer's goes on with it. */
static bool leave_begun(struct writer *writer, const struct store_write *write)
{
    pthread_mutex_lock(&writer->lock);
    bool mine = writer->lent_for == write;
    if (mine) {
        writer->lent_for = NULL;
        writer->begun = true;
        if (writer->met)
            writer->crowded_until_ns = clock_mono_ns() + CROWDED_NS;
    }
    pthread_mutex_unlock(&writer->lock);
    if (mine)
        wake(writer);
    return mine;
}

bool writer_submit(struct writer *writer, struct store_write *write)
{
    if (leave_begun(writer, write))
        return true;
    write->next = NULL;
    write->submitted_mono_ns = clock_mono_ns();
    pthread_mutex_lock(&writer->lock);
    if (writer->queued || writer->busy || writer->lent_for)
        writer->crowded_until_ns = write->submitted_mono_ns + CROWDED_NS;
    bool down =
        writer->down_since_ns && write->submitted_mono_ns - writer->down_since_ns > PATIENCE_NS;
    bool taken = writer->queued < QUEUE_MAX && !writer->stop && !down, first = false;
    if (taken) {
        *writer->last = write;
        writer->last = &write->next;
        first = !writer->queued++;
    }
    pthread_mutex_unlock(&writer->lock);
    if (first)
        wake(writer);
    return taken;
}

/* Under the lock. */
static struct store_write *pop(struct writer *writer)
{
    struct store_write *write = writer->first;
    writer->first = write->next;
    if (!writer->first)
        writer->last = &writer->first;
    writer->queued--;
    return write;
}

static int compare_slots(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    if (a->write->cluster->id != b->write->cluster->id)
        return a->write->cluster->id < b->write->cluster->id ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Under the lock; whether there is something to do. A connection that is lent is waited for, which
 * takes a millisecond at most. */
static bool has_work(const struct writer *writer)
{
    return !writer->lent_for &&
           (writer->queued || writer->begun || writer->stop || writer->down_since_ns);
}

/* Waits for work, or (while the database is away) not at all. By cluster, since every writer of
 * every replica must lock clusters in the same order; within a cluster in order of arrival. False
 * when it is time to end. */
static bool take_batch(struct writer *writer)
{
    size_t bytes = 0;
    pthread_mutex_lock(&writer->lock);
    writer->busy = false;
    while (!has_work(writer))
        pthread_cond_wait(&writer->ready, &writer->lock);
    writer->busy = true;
    if (writer->begun) {
        writer->begun = false;
        pthread_mutex_unlock(&writer->lock);
        return true;
    }
    for (writer->count = 0; writer->queued && writer->count < BATCH_MAX && bytes < BATCH_BYTES_MAX;
         writer->count++) {
        struct store_write *write = pop(writer);
        bytes += write->draft.body.len;
        writer->slots[writer->count] = (struct slot){.write = write, .order = writer->count};
    }
    bool stop = writer->stop;
    pthread_mutex_unlock(&writer->lock);
    if (writer->count > 1)
        qsort(writer->slots, writer->count, sizeof(writer->slots[0]), compare_slots);
    for (unsigned i = 0; i < writer->count; i++)
        writer->slots[i].tag = writer->next_tag++;
    writer->alone = false;
    return writer->count || !stop;
}

static void drop_slots(struct writer *writer, unsigned first, unsigned count)
{
    writer->count -= count;
    memmove(&writer->slots[first], &writer->slots[first + count],
            (writer->count - first) * sizeof(writer->slots[0]));
}

/* What has waited too long is answered, in the batch and in the queue. */
static void expire(struct writer *writer)
{
    struct store_write *expired = NULL, **last = &expired;
    int64_t limit = clock_mono_ns() - PATIENCE_NS;
    pthread_mutex_lock(&writer->lock);
    bool stop = writer->stop;
    while (writer->queued && (stop || writer->first->submitted_mono_ns < limit)) {
        *last = pop(writer);
        last = &(*last)->next;
        *last = NULL;
    }
    pthread_mutex_unlock(&writer->lock);
    for (unsigned i = writer->count; i-- > 0;) {
        if (!stop && writer->slots[i].write->submitted_mono_ns >= limit)
            continue;
        finish_unavailable(writer->slots[i].write);
        drop_slots(writer, i, 1);
    }
    while (expired) {
        struct store_write *write = expired;
        expired = write->next;
        finish_unavailable(write);
    }
}

/* ---- the connection ---- */

static void set_down(struct writer *writer, bool down)
{
    pthread_mutex_lock(&writer->lock);
    bool was = writer->down_since_ns != 0;
    if (down != was)
        writer->down_since_ns = down ? clock_mono_ns() : 0;
    pthread_mutex_unlock(&writer->lock);
    if (down && !was)
        atomic_fetch_add(&writer->store->down, 1);
    else if (!down && was)
        atomic_fetch_sub(&writer->store->down, 1);
}

static bool note_backend(struct writer *writer, PGconn *conn, struct error *err)
{
    CLEANUP(pg_result_clear)
    PGresult *row = pg_query(
        conn, "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        NULL, err);
    if (!row || PQntuples(row) != 1)
        return row ? error_unavailable(err, "the database does not know this session") : false;
    struct str start = str_of(pg_get_text(row, 0, 1));
    if (start.len >= sizeof(writer->backend_start))
        return error_unavailable(err, "the database: unexpected time");
    memcpy(writer->backend_start, start.data, start.len + 1);
    writer->backend_pid = pg_get_i32(row, 0, 0);
    return true;
}

/* The old session may still be committing: only when it has ended can the table tell. */
static bool end_old_session(const struct writer *writer, PGconn *conn, struct error *err)
{
    struct pg_params params = {0};
    pg_i32(&params, writer->backend_pid);
    pg_text(&params, writer->backend_start);
    CLEANUP(pg_result_clear)
    PGresult *ended = pg_query(conn,
                               "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                               "WHERE pid = $1::int4 AND backend_start::text = $2",
                               &params, err);
    if (ended && PQntuples(ended) && *PQgetvalue(ended, 0, 0) == 0)
        return error_unavailable(err, "the database: the lost session does not end");
    return ended != NULL;
}

/* True with `*found` when the write was committed: it is answered then. */
static bool resolve_slot(struct writer *writer, PGconn *conn, struct slot *slot, bool *found,
                         struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, slot->write->cluster->id);
    pg_i64(&params, slot->base_revision);
    pg_i64(&params, slot->tag);
    CLEANUP(pg_result_clear)
    PGresult *row = pg_query(conn,
                             "SELECT revision, before_at, key_id, before FROM change "
                             "WHERE cluster = $1 AND revision > $2 AND tag = $3",
                             &params, err);
    if (!row)
        return false;
    *found = PQntuples(row) == 1;
    if (*found) {
        const struct outcome outcome = {.result = STORE_OK,
                                        .revision = pg_get_i64(row, 0, 0),
                                        .was = {.revision_at = pg_get_i32(row, 0, 1),
                                                .key_id = pg_get_i32(row, 0, 2),
                                                .body = pg_get_bytes(row, 0, 3)}};
        slot_finish(writer->store, slot, &outcome);
    }
    return true;
}

/* Those that were not committed stay in the batch and are written again. */
static bool resolve(struct writer *writer, PGconn *conn, struct error *err)
{
    if (!end_old_session(writer, conn, err))
        return false;
    for (unsigned i = 0; i < writer->count;) {
        bool found;
        if (!resolve_slot(writer, conn, &writer->slots[i], &found, err))
            return false;
        if (found)
            drop_slots(writer, i, 1);
        else
            i++;
    }
    writer->unresolved = false;
    return true;
}

static bool connect_writer(struct writer *writer, struct error *err)
{
    PGconn *conn = pg_connect(writer->store->conninfo, err);
    if (conn && (!writer->unresolved || resolve(writer, conn, err)) &&
        note_backend(writer, conn, err) && batch_prepare(conn, err)) {
        writer->conn = conn;
        return true;
    }
    PQfinish(conn);
    return false;
}

/* One that rested may have been cut: then there is nothing to resolve. */
static void drop_dead_connection(struct writer *writer)
{
    if (writer->conn && PQconsumeInput(writer->conn) && PQstatus(writer->conn) == CONNECTION_OK)
        return;
    PQfinish(writer->conn);
    writer->conn = NULL;
}

static bool ensure_connection(struct writer *writer)
{
    struct error err = {0};
    drop_dead_connection(writer);
    if (writer->conn)
        return true;
    if (connect_writer(writer, &err)) {
        set_down(writer, false);
        writer->retry_ms = 0;
        return true;
    }
    if (!writer->retry_ms)
        log_warn("store", "%s", err.message);
    error_clear(&err);
    set_down(writer, true);
    return false;
}

/* ---- the thread ---- */

/* Sends what is not under way yet, and sees it to its end. */
static void run_once(struct writer *writer)
{
    struct batch *batch = &writer->batch;
    if (!batch->count)
        batch_send(writer->store, writer->conn, batch, writer->slots,
                   writer->alone ? 1 : writer->count);
    unsigned count = batch->count, left;
    switch (batch_receive(writer->conn, batch, NULL)) {
    case BATCH_PENDING: /* not for who has all patience */
        break;
    case BATCH_DONE:
        left = batch_finish(writer->store, batch, writer->slots);
        drop_slots(writer, left, count - left);
        writer->retry_ms = 0;
        break;
    case BATCH_LOST:
        PQfinish(writer->conn);
        writer->conn = NULL;
        writer->unresolved = true;
        break;
    case BATCH_TRANSIENT:
        if (count == 1)
            back_off(writer);
        writer->alone = true;
        expire(writer);
        break;
    case BATCH_REFUSED:
        if (count == 1) {
            log_error("store", "%s", batch->error.message);
            finish_unavailable(writer->slots[0].write);
            drop_slots(writer, 0, 1);
        }
        writer->alone = true;
        break;
    }
    batch_clear(batch);
}

static void *run(void *arg)
{
    struct writer *writer = arg;
    while (take_batch(writer)) {
        do {
            if (!writer->batch.count && !ensure_connection(writer)) {
                expire(writer);
                back_off(writer);
            } else if (writer->count) { /* else all was resolved, or the database is just back */
                run_once(writer);
            }
        } while (writer->count);
        writer->unresolved = false;
    }
    return NULL;
}

/* ---- a thread that writes by itself ---- */

static bool borrow(struct writer *writer, struct store_write *write)
{
    pthread_mutex_lock(&writer->lock);
    bool free = !writer->lent_for && !writer->begun && !writer->busy && !writer->queued &&
                !writer->stop && !writer->down_since_ns &&
                write->submitted_mono_ns >= writer->crowded_until_ns;
    if (free)
        writer->lent_for = write;
    pthread_mutex_unlock(&writer->lock);
    return free;
}

static void give_back(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->lent_for = NULL;
    bool work = has_work(writer);
    pthread_mutex_unlock(&writer->lock);
    if (work)
        wake(writer);
}

bool writer_write_here(struct writer *writer, struct store_write *write, int other_fd,
                       struct store_written *written)
{
    write->submitted_mono_ns = clock_mono_ns();
    if (!borrow(writer, write))
        return false;
    drop_dead_connection(writer);
    if (!writer->conn) {
        give_back(writer);
        return false;
    }
    const struct pg_patience patience = {
        .until_mono_ns = write->submitted_mono_ns + HERE_WAIT_NS,
        .awake_mono_ns = writer->slow ? 0 : write->submitted_mono_ns + HERE_AWAKE_NS,
        .other_fd = other_fd,
    };
    writer->slots[0] = (struct slot){.write = write, .tag = writer->next_tag++};
    writer->count = 1;
    writer->alone = false;
    batch_send(writer->store, writer->conn, &writer->batch, writer->slots, 1);
    enum batch_end end = batch_receive(writer->conn, &writer->batch, &patience);
    int64_t now = clock_mono_ns();
    writer->slow = now - write->submitted_mono_ns > HERE_AWAKE_NS;
    if (end != BATCH_DONE || !batch_take(&writer->batch, &writer->slots[0], written)) {
        /* A disk that was slow once says nothing of who comes next. */
        writer->met = end == BATCH_PENDING && now < patience.until_mono_ns;
        return false; /* still lent: leave_begun() comes next */
    }
    batch_clear(&writer->batch);
    give_back(writer);
    return true;
}

struct writer *writer_start(struct store *store, struct error *err)
{
    struct writer *writer = xcalloc(1, sizeof(*writer));
    writer->store = store;
    writer->last = &writer->first;
    random_bytes(&writer->next_tag, sizeof(writer->next_tag));
    writer->next_tag &= INT64_MAX >> 1;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->ready, NULL);
    if (connect_writer(writer, err)) {
        if (pthread_create(&writer->thread, NULL, run, writer) == 0)
            return writer;
        error_unavailable(err, "cannot start a thread");
    }
    PQfinish(writer->conn);
    free(writer);
    return NULL;
}

void writer_stop(struct writer *writer)
{
    if (!writer)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->ready);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    set_down(writer, false);
    PQfinish(writer->conn);
    pthread_mutex_destroy(&writer->lock);
    pthread_cond_destroy(&writer->ready);
    free(writer);
}
