/* Group commit: up to BATCH_MAX writes and one Sync, in one round trip and one transaction. Creates
 * of one cluster that stand together are one statement (bulk.c), every other write is a call of
 * write_object(). */
#include "store/store_internal.h"

#include <string.h>

#include "base/mem.h"

#define BATCH_WAIT_NS ((int64_t)8 * 1000000000) /* less than what a write waits in all */

enum code {
    CODE_OK,
    CODE_STALE,
    CODE_EXISTS,
    CODE_ABSENT,
    CODE_OVER_LIMIT,
    CODE_NO_CLUSTER,
    CODE_COUNT
};

static const enum store_result results[CODE_COUNT] = {
    [CODE_OK] = STORE_OK,
    [CODE_STALE] = STORE_STALE,
    [CODE_EXISTS] = STORE_EXISTS,
    [CODE_ABSENT] = STORE_ABSENT,
    [CODE_OVER_LIMIT] = STORE_OVER_LIMIT,
    [CODE_NO_CLUSTER] = STORE_NO_CLUSTER,
};

enum column { CODE, REVISION, REFUSED, WAS_REVISION, WAS_AT, WAS_KEY_ID, WAS_BODY };

bool batch_prepare(PGconn *conn, struct error *err)
{
    static const char *const statements[][2] = {
        {"write", "SELECT code, revision, refused, was_revision, was_at, was_key_id, was_body FROM "
                  "write_object($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"},
        {"create", "SELECT create_object($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"},
        {"bulk", "SELECT create_objects($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"},
        {"notify", "SELECT pg_notify('warren', $1)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        int64_t deadline = clock_mono_ns() + BATCH_WAIT_NS;
        if (!PQsendPrepare(conn, statements[i][0], statements[i][1], 0, NULL) ||
            !pg_wait(conn, deadline))
            return error_unavailable(err, "the database: connection lost");
        bool ok = true;
        for (PGresult *result; (result = PQgetResult(conn));) {
            ok = ok && PQresultStatus(result) == PGRES_COMMAND_OK;
            PQclear(result);
        }
        if (!ok)
            return error_unavailable(err, "the database: preparing statements failed");
    }
    /* Left to itself, PostgreSQL plans the statements of write_object() anew at each call, for
     * their partitions' sake: that costs more than running them. A plan made while a table was
     * small is kept, so it must be one for a large table: by index. */
    if (!pg_command(
            conn,
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
            "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off",
            err) ||
        !pg_command(conn, "SET ROLE warren_tenant", err))
        return false;
    return PQenterPipelineMode(conn) ? true
                                     : error_unavailable(err, "the database: no pipeline mode");
}

/* ---- sending ---- */

struct charge_arrays {
    struct buf scopes, counters, deltas, limits;
};

static void charge_arrays_free(struct charge_arrays *arrays)
{
    buf_free(&arrays->scopes);
    buf_free(&arrays->counters);
    buf_free(&arrays->deltas);
    buf_free(&arrays->limits);
}

static void add_charges(struct pg_params *params, const struct store_write *write,
                        struct charge_arrays *arrays)
{
    if (!write->charge_count) {
        for (unsigned i = 0; i < 4; i++)
            pg_text(params, NULL);
        return;
    }
    pg_array_begin(&arrays->scopes, PG_OID_TEXT);
    pg_array_begin(&arrays->counters, PG_OID_TEXT);
    pg_array_begin(&arrays->deltas, PG_OID_INT8);
    pg_array_begin(&arrays->limits, PG_OID_INT8);
    for (size_t i = 0; i < write->charge_count; i++) {
        const struct store_charge *charge = &write->charges[i];
        pg_array_add(&arrays->scopes, charge->scope, strlen(charge->scope));
        pg_array_add(&arrays->counters, charge->counter, strlen(charge->counter));
        pg_array_i64(&arrays->deltas, charge->delta);
        pg_array_i64(&arrays->limits, charge->limit);
    }
    pg_array(params, &arrays->scopes);
    pg_array(params, &arrays->counters);
    pg_array(params, &arrays->deltas);
    pg_array(params, &arrays->limits);
}

static bool send_write(PGconn *conn, const struct slot *slot)
{
    const struct store_write *write = slot->write;
    CLEANUP(charge_arrays_free)
    struct charge_arrays arrays = {BUF_TEXT, BUF_TEXT, BUF_TEXT, BUF_TEXT};
    CLEANUP(buf_free) struct buf sealed = BUF_TEXT;
    struct pg_params params = {0};
    struct str body = {0};
    int32_t key_id = ROW_KEY_PLAIN;
    if (write->op != STORE_DELETE &&
        !row_seal(cluster_key(write->cluster), write->cluster->uid, write, &sealed, &body, &key_id))
        return false;
    pg_i64(&params, write->cluster->id);
    pg_i16(&params, (int16_t)write->op);
    pg_text(&params, write->resource);
    pg_text(&params, write->draft.ns);
    pg_text(&params, write->draft.name);
    pg_i64(&params, write->op == STORE_CREATE ? 0 : write->expect_revision);
    pg_bytes(&params, body);
    pg_i32(&params, (int32_t)write->draft.revision_at);
    pg_i32(&params, key_id);
    pg_i64(&params, slot->tag);
    add_charges(&params, write, &arrays);
    return PQsendQueryPrepared(conn, "write", params.count, params.values, params.lengths,
                               params.formats, 1);
}

/* One for each cluster of the batch; `slots` are sorted by cluster. */
static bool send_notifies(const struct store *store, PGconn *conn, const struct slot *slots,
                          unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i && slots[i].write->cluster == slots[i - 1].write->cluster)
            continue;
        CLEANUP(free_ptr)
        char *payload = xasprintf("w %lld %s", (long long)slots[i].write->cluster->id, store->id);
        struct pg_params params = {0};
        pg_text(&params, payload);
        if (!PQsendQueryPrepared(conn, "notify", 1, params.values, params.lengths, params.formats,
                                 1))
            return false;
    }
    return true;
}

static bool send_all(const struct store *store, PGconn *conn, struct batch *batch,
                     struct slot *slots)
{
    for (unsigned i = 0, length; i < batch->count; i += length) {
        unsigned bulk = bulk_length(&slots[i], batch->count - i);
        length = bulk ? bulk : 1;
        for (unsigned k = 0; k < length; k++) {
            struct slot *slot = &slots[i + k];
            slot->base_revision = atomic_load(&slot->write->cluster->revision);
            slot->statement = batch->statements;
            slot->place = k;
            slot->in_bulk = bulk > 0;
        }
        if (!(bulk ? bulk_send(conn, &slots[i], bulk) : send_write(conn, &slots[i])))
            return false;
        batch->statements++;
    }
    if (atomic_load(&store->notify) && !send_notifies(store, conn, slots, batch->count))
        return false;
    return PQpipelineSync(conn);
}

void batch_send(const struct store *store, PGconn *conn, struct batch *batch, struct slot *slots,
                unsigned count)
{
    *batch = (struct batch){.count = count, .deadline_mono_ns = clock_mono_ns() + BATCH_WAIT_NS};
    if (!send_all(store, conn, batch, slots)) {
        batch->end = BATCH_LOST;
        batch->over = true;
    }
}

/* ---- receiving ---- */

/* Errors after which the same batch may succeed: serialization and deadlock (40), resources such as
 * a full disk (53), locks (55), shutdown (57), and a partition of `change` that was made between
 * the choice of change_default and the write into it (23514). */
static bool is_transient(const char *state)
{
    static const char *const prefixes[] = {"40", "53", "55", "57", "23514"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (text_starts(state, prefixes[i]))
            return true;
    return false;
}

/* The first error is what became of the batch. */
static void note_error(struct batch *batch, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (batch->end != BATCH_DONE)
        return;
    batch->end = state && is_transient(state) ? BATCH_TRANSIENT : BATCH_REFUSED;
    error_unavailable(&batch->error, "a write was refused: %s", message ? message : "unknown");
}

/* The Sync ends the batch; rows of the writes are kept, in their order. NULL parts statements. */
static void take_result(struct batch *batch, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (!result) {
        batch->at++;
        return;
    }
    if (status == PGRES_TUPLES_OK && batch->at < batch->statements && PQntuples(result) == 1) {
        batch->rows[batch->at] = result;
        return;
    }
    if (status == PGRES_PIPELINE_SYNC)
        batch->over = true;
    else if (status == PGRES_FATAL_ERROR)
        note_error(batch, result);
    PQclear(result);
}

enum batch_end batch_receive(PGconn *conn, struct batch *batch, const struct pg_patience *patience)
{
    const struct pg_patience all = {.until_mono_ns = batch->deadline_mono_ns, .other_fd = -1};
    bool brief = patience && patience->until_mono_ns < batch->deadline_mono_ns;
    while (!batch->over) {
        enum pg_wait_end waited = pg_wait_or(conn, brief ? patience : &all);
        if (brief && waited == PG_WAIT_LATE)
            return BATCH_PENDING;
        PGresult *result = waited == PG_WAIT_READY ? PQgetResult(conn) : NULL;
        if (waited != PG_WAIT_READY || PQstatus(conn) != CONNECTION_OK) {
            PQclear(result);
            batch->end = BATCH_LOST;
            batch->over = true;
        } else {
            take_result(batch, result);
        }
    }
    return batch->end;
}

static struct outcome read_outcome(const PGresult *row)
{
    int16_t code = row ? pg_get_i16(row, 0, CODE) : -1;
    if (code < 0 || code >= CODE_COUNT)
        return (struct outcome){.result = STORE_UNAVAILABLE};
    return (struct outcome){.result = results[code],
                            .revision = pg_get_i64(row, 0, REVISION),
                            .refused = pg_get_i32(row, 0, REFUSED),
                            .was = {.revision = pg_get_i64(row, 0, WAS_REVISION),
                                    .revision_at = pg_get_i32(row, 0, WAS_AT),
                                    .key_id = pg_get_i32(row, 0, WAS_KEY_ID),
                                    .body = pg_get_bytes(row, 0, WAS_BODY)}};
}

/* False when it was in a bulk that came to nothing. */
static bool slot_outcome(struct slot *slot, const PGresult *row, struct outcome *outcome)
{
    if (!slot->in_bulk) {
        *outcome = read_outcome(row);
        return true;
    }
    int64_t first = row ? pg_get_i64(row, 0, 0) : 0;
    slot->by_itself = first == 0;
    *outcome = (struct outcome){.result = STORE_OK, .revision = first + slot->place};
    return !slot->by_itself;
}

/* ---- finishing ---- */

static struct object *outcome_object(const struct store_write *write, const struct outcome *outcome)
{
    struct row_body was = outcome->was;
    switch (outcome->result) {
    case STORE_OK:
        if (write->op != STORE_DELETE)
            return object_new(write->resource, &write->draft, outcome->revision, write->value);
        was.revision = outcome->revision;
        return row_object(write->cluster, write->resource, write->draft.ns, write->draft.name,
                          &was);
    case STORE_STALE:
    case STORE_EXISTS:
        return row_object(write->cluster, write->resource, write->draft.ns, write->draft.name,
                          &was);
    default:
        return NULL;
    }
}

/* False, with nothing done, when changes of others come before it. */
static bool slot_apply(const struct slot *slot, const struct outcome *outcome,
                       struct object *object)
{
    static const enum event_type types[] = {[STORE_CREATE] = EVENT_ADDED,
                                            [STORE_UPDATE] = EVENT_MODIFIED,
                                            [STORE_DELETE] = EVENT_DELETED};
    if (outcome->result != STORE_OK || !object)
        return true;
    const struct change change = {
        .type = types[slot->write->op], .revision = outcome->revision, .object = object};
    return apply_change(slot->write->cluster, &change) != APPLY_GAP;
}

void slot_finish(struct store *store, struct slot *slot, const struct outcome *outcome)
{
    struct store_write *write = slot->write;
    CLEANUP(object_unref_ptr) struct object *object = outcome_object(write, outcome);
    if (slot_apply(slot, outcome, object))
        write->done(write, outcome->result, object, (size_t)outcome->refused);
    else
        feed_park(store, write, outcome->revision, object);
}

unsigned batch_finish(struct store *store, struct batch *batch, struct slot *slots)
{
    unsigned left = 0;
    for (unsigned i = 0; i < batch->count; i++) {
        struct outcome outcome;
        if (slot_outcome(&slots[i], batch->rows[slots[i].statement], &outcome))
            slot_finish(store, &slots[i], &outcome);
        else
            slots[left++] = slots[i];
    }
    return left;
}

bool batch_take(struct batch *batch, struct slot *slot, struct store_written *written)
{
    struct outcome outcome;
    if (!slot_outcome(slot, batch->rows[slot->statement], &outcome))
        return false;
    CLEANUP(object_unref_ptr) struct object *object = outcome_object(slot->write, &outcome);
    if (!slot_apply(slot, &outcome, object))
        return false;
    *written = (struct store_written){
        .result = outcome.result, .object = TAKE(object), .refused = (size_t)outcome.refused};
    return true;
}

void batch_clear(struct batch *batch)
{
    for (unsigned i = 0; i < batch->statements; i++)
        PQclear(batch->rows[i]);
    error_clear(&batch->error);
    *batch = (struct batch){.count = 0};
}
