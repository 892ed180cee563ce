/* Creates of one cluster that stand together in a batch, as one call of create_objects(), or of
 * create_object() when it is one: most of what a write costs the database is beginning its
 * statements. */
#include <string.h>

#include "base/mem.h"
#include "store/store_internal.h"

#define CHARGES_MAX 32 /* counters of one bulk */

/* What all writes of a bulk take of each counter, within the strictest of their limits. */
struct totals {
    struct store_charge items[CHARGES_MAX];
    size_t count;
};

static struct store_charge *total_of(struct totals *totals, const struct store_charge *charge)
{
    for (size_t i = 0; i < totals->count; i++)
        if (strcmp(totals->items[i].counter, charge->counter) == 0 &&
            strcmp(totals->items[i].scope, charge->scope) == 0)
            return &totals->items[i];
    if (totals->count == CHARGES_MAX)
        return NULL;
    struct store_charge *total = &totals->items[totals->count++];
    *total = *charge;
    total->delta = 0;
    return total;
}

/* False when there are too many counters, or amounts whose sum could overflow. */
static bool totals_add(struct totals *totals, const struct store_write *write)
{
    for (size_t i = 0; i < write->charge_count; i++) {
        const struct store_charge *charge = &write->charges[i];
        if (charge->delta < 0 || charge->delta > INT64_MAX / BATCH_MAX)
            return false;
        struct store_charge *total = total_of(totals, charge);
        if (!total)
            return false;
        total->delta += charge->delta;
        if (total->limit > charge->limit)
            total->limit = charge->limit;
    }
    return true;
}

unsigned bulk_length(const struct slot *slots, unsigned count)
{
    struct totals totals = {.count = 0};
    unsigned length = 0;
    while (length < count && !slots[length].by_itself && slots[length].write->op == STORE_CREATE &&
           slots[length].write->cluster == slots[0].write->cluster &&
           slots[length].tag == slots[0].tag + length && totals_add(&totals, slots[length].write))
        length++;
    return length;
}

enum column {
    RESOURCE,
    NS,
    NAME,
    BODY,
    REVISION_AT,
    KEY_ID,
    SCOPE,
    COUNTER,
    DELTA,
    LIMIT,
    COLUMN_COUNT
};

static const uint32_t column_types[COLUMN_COUNT] = {
    [RESOURCE] = PG_OID_TEXT, [NS] = PG_OID_TEXT,          [NAME] = PG_OID_TEXT,
    [BODY] = PG_OID_BYTEA,    [REVISION_AT] = PG_OID_INT4, [KEY_ID] = PG_OID_INT4,
    [SCOPE] = PG_OID_TEXT,    [COUNTER] = PG_OID_TEXT,     [DELTA] = PG_OID_INT8,
    [LIMIT] = PG_OID_INT8,
};

struct columns {
    struct buf arrays[COLUMN_COUNT];
};

static void columns_free(struct columns *columns)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        buf_free(&columns->arrays[i]);
}

static void add_text(struct columns *columns, enum column column, const char *text)
{
    pg_array_add(&columns->arrays[column], text, strlen(text));
}

static bool add_write(struct columns *columns, const struct store_write *write)
{
    CLEANUP(buf_free) struct buf sealed = BUF_TEXT;
    struct str body = {0};
    int32_t key_id;
    if (!row_seal(cluster_key(write->cluster), write->cluster->uid, write, &sealed, &body, &key_id))
        return false;
    add_text(columns, RESOURCE, write->resource);
    add_text(columns, NS, write->draft.ns);
    add_text(columns, NAME, write->draft.name);
    pg_array_add(&columns->arrays[BODY], body.data, body.len);
    pg_array_i32(&columns->arrays[REVISION_AT], (int32_t)write->draft.revision_at);
    pg_array_i32(&columns->arrays[KEY_ID], key_id);
    return true;
}

static void add_totals(struct columns *columns, const struct totals *totals)
{
    for (size_t i = 0; i < totals->count; i++) {
        add_text(columns, SCOPE, totals->items[i].scope);
        add_text(columns, COUNTER, totals->items[i].counter);
        pg_array_i64(&columns->arrays[DELTA], totals->items[i].delta);
        pg_array_i64(&columns->arrays[LIMIT], totals->items[i].limit);
    }
}

static void columns_begin(struct columns *columns, enum column first)
{
    for (size_t i = first; i < COLUMN_COUNT; i++) {
        columns->arrays[i] = BUF_TEXT;
        pg_array_begin(&columns->arrays[i], column_types[i]);
    }
}

/* False when one of the arrays grew too large. */
static bool columns_add(struct columns *columns, enum column first, struct pg_params *params)
{
    bool ok = true;
    for (size_t i = first; i < COLUMN_COUNT; i++) {
        ok = ok && buf_ok(&columns->arrays[i]);
        pg_array(params, &columns->arrays[i]);
    }
    return ok;
}

/* One create: the same parameters, but for the object's own, which are no arrays. */
static bool send_one(PGconn *conn, const struct slot *slot)
{
    const struct store_write *write = slot->write;
    CLEANUP(columns_free) struct columns columns = {0};
    CLEANUP(buf_free) struct buf sealed = BUF_TEXT;
    struct pg_params params = {0};
    struct totals totals = {.count = 0};
    struct str body = {0};
    int32_t key_id;
    if (!totals_add(&totals, write) ||
        !row_seal(cluster_key(write->cluster), write->cluster->uid, write, &sealed, &body, &key_id))
        return false;
    columns_begin(&columns, SCOPE);
    add_totals(&columns, &totals);
    pg_i64(&params, write->cluster->id);
    pg_i64(&params, slot->tag);
    pg_text(&params, write->resource);
    pg_text(&params, write->draft.ns);
    pg_text(&params, write->draft.name);
    pg_bytes(&params, body);
    pg_i32(&params, (int32_t)write->draft.revision_at);
    pg_i32(&params, key_id);
    return columns_add(&columns, SCOPE, &params) &&
           PQsendQueryPrepared(conn, "create", params.count, params.values, params.lengths,
                               params.formats, 1);
}

static bool send_many(PGconn *conn, const struct slot *slots, unsigned count)
{
    CLEANUP(columns_free) struct columns columns = {0};
    struct pg_params params = {0};
    struct totals totals = {.count = 0};
    columns_begin(&columns, RESOURCE);
    for (unsigned i = 0; i < count; i++)
        if (!totals_add(&totals, slots[i].write) || !add_write(&columns, slots[i].write))
            return false;
    add_totals(&columns, &totals);
    pg_i64(&params, slots[0].write->cluster->id);
    pg_i64(&params, slots[0].tag);
    return columns_add(&columns, RESOURCE, &params) &&
           PQsendQueryPrepared(conn, "bulk", params.count, params.values, params.lengths,
                               params.formats, 1);
}

bool bulk_send(PGconn *conn, const struct slot *slots, unsigned count)
{
    return count == 1 ? send_one(conn, slots) : send_many(conn, slots, count);
}
