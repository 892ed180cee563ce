/* Clusters come and go: each in one call of the database. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "store/store_internal.h"

#define SEED_BYTES_MAX ((size_t)64 << 20)

struct seed_arrays {
    struct buf resources, namespaces, names, ats, key_ids, bodies;
    struct buf scopes, counters, deltas; /* of all charges; their limits do not count at birth */
};

static void seed_arrays_free(struct seed_arrays *arrays)
{
    buf_free(&arrays->resources);
    buf_free(&arrays->namespaces);
    buf_free(&arrays->names);
    buf_free(&arrays->ats);
    buf_free(&arrays->key_ids);
    buf_free(&arrays->bodies);
    buf_free(&arrays->scopes);
    buf_free(&arrays->counters);
    buf_free(&arrays->deltas);
}

static void add_charges(struct seed_arrays *arrays, const struct store_write *write)
{
    for (size_t i = 0; i < write->charge_count; i++) {
        pg_array_add(&arrays->scopes, write->charges[i].scope, strlen(write->charges[i].scope));
        pg_array_add(&arrays->counters, write->charges[i].counter,
                     strlen(write->charges[i].counter));
        pg_array_i64(&arrays->deltas, write->charges[i].delta);
    }
}

static bool add_body(const struct cluster_seed *seed, const struct store_write *write,
                     const struct new_key *key, struct seed_arrays *arrays)
{
    CLEANUP(buf_free) struct buf sealed = BUF_INIT(SEED_BYTES_MAX);
    struct str body;
    int32_t key_id;
    if (!row_seal(key->key_id ? &key->key : NULL, seed->uid, write, &sealed, &body, &key_id))
        return false;
    pg_array_i32(&arrays->key_ids, key_id);
    pg_array_add(&arrays->bodies, body.data, body.len);
    return true;
}

static bool fill_arrays(const struct cluster_seed *seed, const struct new_key *key,
                        struct seed_arrays *arrays)
{
    pg_array_begin(&arrays->resources, PG_OID_TEXT);
    pg_array_begin(&arrays->namespaces, PG_OID_TEXT);
    pg_array_begin(&arrays->names, PG_OID_TEXT);
    pg_array_begin(&arrays->ats, PG_OID_INT4);
    pg_array_begin(&arrays->key_ids, PG_OID_INT4);
    pg_array_begin(&arrays->bodies, PG_OID_BYTEA);
    pg_array_begin(&arrays->scopes, PG_OID_TEXT);
    pg_array_begin(&arrays->counters, PG_OID_TEXT);
    pg_array_begin(&arrays->deltas, PG_OID_INT8);
    for (size_t i = 0; i < seed->write_count; i++) {
        const struct store_write *write = &seed->writes[i];
        assert(write->op == STORE_CREATE);
        pg_array_add(&arrays->resources, write->resource, strlen(write->resource));
        pg_array_add(&arrays->namespaces, write->draft.ns, strlen(write->draft.ns));
        pg_array_add(&arrays->names, write->draft.name, strlen(write->draft.name));
        pg_array_i32(&arrays->ats, (int32_t)write->draft.revision_at);
        if (!add_body(seed, write, key, arrays))
            return false;
        add_charges(arrays, write);
    }
    return buf_ok(&arrays->resources) && buf_ok(&arrays->namespaces) && buf_ok(&arrays->names) &&
           buf_ok(&arrays->bodies) && buf_ok(&arrays->scopes) && buf_ok(&arrays->counters) &&
           buf_ok(&arrays->deltas);
}

/* The new id; 0 when the name is taken; -1 when it failed. */
static int64_t insert_cluster(PGconn *conn, const struct cluster_seed *seed,
                              const struct new_key *key, struct error *err)
{
    const struct buf text = BUF_INIT(SEED_BYTES_MAX);
    CLEANUP(seed_arrays_free)
    struct seed_arrays arrays = {text, text, text, text, text, text, text, text, text};
    struct pg_params params = {0};
    CLEANUP(buf_free) struct buf sealed = text;
    struct str secrets = seed->secrets.data ? seed->secrets : STR("");
    if (!fill_arrays(seed, key, &arrays) ||
        (key->key_id && !row_secrets_seal(&key->key, seed->uid, secrets, &sealed))) {
        error_internal(err, "the objects of a new cluster are too large");
        return -1;
    }
    pg_i64(&params, 0);
    pg_text(&params, seed->name);
    pg_text(&params, seed->uid);
    pg_i32(&params, key->key_id);
    pg_bytes(&params, key->key_id ? buf_str(&key->wrapped) : (struct str){0});
    pg_bytes(&params, key->key_id ? buf_str(&sealed) : secrets);
    pg_i32(&params, key->key_id ? ROW_KEY_CLUSTER : ROW_KEY_PLAIN);
    pg_array(&params, &arrays.resources);
    pg_array(&params, &arrays.namespaces);
    pg_array(&params, &arrays.names);
    pg_array(&params, &arrays.ats);
    pg_array(&params, &arrays.key_ids);
    pg_array(&params, &arrays.bodies);
    pg_array(&params, &arrays.scopes);
    pg_array(&params, &arrays.counters);
    pg_array(&params, &arrays.deltas);
    CLEANUP(pg_result_clear)
    PGresult *row = pg_query(
        conn,
        "SELECT seed_usage(create_cluster($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13), "
        "$14, $15, $16)",
        &params, err);
    return row ? pg_get_i64(row, 0, 0) : -1;
}

/* Tells listeners what the cluster was born with, before anybody can write to it. */
static struct cluster *announce(struct store *store, const struct cluster_seed *seed,
                                const struct new_key *key, int64_t id)
{
    int64_t revision = seed->write_count ? (int64_t)seed->write_count : 1;
    const struct cluster_row row = {.id = id,
                                    .revision = revision,
                                    .born_at = revision,
                                    .uid = seed->uid,
                                    .name = seed->name,
                                    .key_id = key->key_id,
                                    .data_key = buf_str(&key->wrapped)};
    struct cluster *cluster = cluster_new(store, &row), *there = NULL;
    cluster_apply_lock(cluster);
    if (!directory_add(&store->directory, cluster, &there)) { /* the feed was quicker */
        cluster_apply_unlock(cluster);
        cluster_unref(cluster);
        cluster = there;
        cluster_apply_lock(cluster);
    }
    for (size_t i = 0; i < seed->write_count && apply_has_listeners(store); i++) {
        const struct store_write *write = &seed->writes[i];
        CLEANUP(object_unref_ptr)
        struct object *object =
            object_new(write->resource, &write->draft, (int64_t)i + 1, write->value);
        apply_tell(cluster, EVENT_ADDED, object, NULL);
    }
    cluster_apply_unlock(cluster);
    return cluster;
}

bool store_cluster_create(struct store *store, const struct cluster_seed *seed,
                          struct cluster **out, struct error *err)
{
    CLEANUP(new_key_free) struct new_key key = {0};
    if (!new_key_make(store, seed->uid, &key, err))
        return false;
    PGconn *conn = reader_take(store, err);
    if (!conn)
        return false;
    struct error ignored = {0};
    int64_t id = insert_cluster(conn, seed, &key, err);
    if (id > 0 && !feed_tell_cluster(store, conn, id, &ignored))
        error_clear(&ignored); /* it is made; others find it at their next look */
    reader_give(store, conn);
    if (id == 0)
        return error_already_exists(err, "clusters", seed->name);
    if (id < 0)
        return false;
    *out = announce(store, seed, &key, id);
    return true;
}

/* One statement about one cluster, and others are told. */
static bool change_cluster(struct cluster *cluster, const char *sql, const struct pg_params *params,
                           struct error *err)
{
    PGconn *conn = reader_take(cluster->store, err);
    if (!conn)
        return false;
    bool ok = pg_command_params(conn, sql, params, err);
    struct error ignored = {0};
    if (ok && !feed_tell_cluster(cluster->store, conn, cluster->id, &ignored))
        error_clear(&ignored); /* as above */
    reader_give(cluster->store, conn);
    return ok;
}

bool store_cluster_set_state(struct cluster *cluster, enum cluster_state state, struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    pg_i16(&params, (int16_t)state);
    if (!change_cluster(cluster, "UPDATE cluster SET state = $2 WHERE id = $1", &params, err))
        return false;
    atomic_store(&cluster->state, state);
    return true;
}

bool store_cluster_delete(struct cluster *cluster, struct error *err)
{
    struct pg_params params = {0};
    assert(cluster->id != CLUSTER_HOST_ID);
    pg_i64(&params, cluster->id);
    if (!change_cluster(cluster, "SELECT delete_cluster($1)", &params, err))
        return false;
    directory_remove(&cluster->store->directory, cluster);
    return true;
}

bool store_cluster_secrets(struct cluster *cluster, struct buf *out, struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    PGconn *conn = reader_take(cluster->store, err);
    CLEANUP(pg_result_clear)
    PGresult *row =
        conn ? pg_query(conn, "SELECT secrets, secrets_key_id FROM cluster WHERE id = $1", &params,
                        err)
             : NULL;
    reader_give(cluster->store, conn);
    if (!row)
        return false;
    if (!PQntuples(row))
        return error_not_found(err, "clusters", cluster->name);
    const struct data_key *key = cluster_key(cluster);
    buf_clear(out);
    if (pg_get_i32(row, 0, 1) == ROW_KEY_PLAIN)
        buf_add_str(out, pg_get_bytes(row, 0, 0));
    else if (!key || !row_secrets_open(key, cluster->uid, pg_get_bytes(row, 0, 0), out))
        return error_unavailable(err, "the secrets of the cluster cannot be decrypted");
    return buf_ok(out) ? true : error_internal(err, "the secrets of a cluster are too large");
}

bool store_cluster_set_secrets(struct cluster *cluster, struct str secrets, struct error *err)
{
    const struct data_key *key = cluster_key(cluster);
    CLEANUP(buf_free) struct buf sealed = BUF_TEXT;
    struct str plain = secrets.data ? secrets : STR("");
    struct pg_params params = {0};
    if (cluster_is_locked(cluster) || (key && !row_secrets_seal(key, cluster->uid, plain, &sealed)))
        return error_unavailable(err, "the secrets of the cluster cannot be encrypted");
    pg_i64(&params, cluster->id);
    pg_bytes(&params, key ? buf_str(&sealed) : plain);
    pg_i32(&params, key ? ROW_KEY_CLUSTER : ROW_KEY_PLAIN);
    return change_cluster(cluster,
                          "UPDATE cluster SET secrets = $2, secrets_key_id = $3 WHERE id = $1",
                          &params, err);
}

bool store_cluster_settled(struct cluster *cluster, int64_t revision, struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    pg_i64(&params, revision);
    PGconn *conn = reader_take(cluster->store, err);
    bool ok = conn && pg_command_params(
                          conn, "UPDATE cluster SET settled = $2 WHERE id = $1 AND settled < $2",
                          &params, err);
    reader_give(cluster->store, conn);
    return ok;
}

struct cluster **store_unsettled(struct store *store, size_t *count, struct error *err)
{
    PGconn *conn = reader_take(store, err);
    CLEANUP(pg_result_clear)
    PGresult *rows = !conn ? NULL
                           : pg_query(conn,
                                      "SELECT c.id FROM cluster c JOIN head h ON h.cluster = c.id "
                                      "WHERE h.revision > c.settled "
                                      "ORDER BY c.id",
                                      NULL, err);
    reader_give(store, conn);
    if (!rows)
        return NULL;
    struct cluster **all = xcalloc((size_t)PQntuples(rows), sizeof(struct cluster *));
    *count = 0;
    for (int row = 0; row < PQntuples(rows); row++) {
        struct cluster *cluster = store_cluster_by_id(store, pg_get_i64(rows, row, 0));
        if (cluster)
            all[(*count)++] = cluster;
    }
    return all;
}
