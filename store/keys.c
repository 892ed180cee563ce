/* Data keys of clusters: made at birth, wrapped anew when the key-encryption key changes. */
#include <openssl/crypto.h>

#include "base/mem.h"
#include "store/store_internal.h"

bool new_key_make(const struct store *store, const char *uid, struct new_key *out,
                  struct error *err)
{
    *out = (struct new_key){.wrapped = BUF_TEXT};
    if (!store->cipher)
        return true;
    data_key_make(&out->key);
    out->key_id = cipher_current(store->cipher);
    return cipher_wrap(store->cipher, uid, &out->key, &out->wrapped)
               ? true
               : error_internal(err, "a key cannot be wrapped");
}

void new_key_free(struct new_key *key)
{
    OPENSSL_cleanse(&key->key, sizeof(key->key));
    buf_free(&key->wrapped);
}

/* One row of (id, uid, name, key_id, data_key). */
static bool rewrap(struct store *store, PGconn *conn, const PGresult *rows, int row,
                   struct error *err)
{
    CLEANUP(new_key_free) struct new_key fresh = {.wrapped = BUF_TEXT};
    const char *uid = pg_get_text(rows, row, 1);
    int32_t old_id = pg_get_i32(rows, row, 3);
    fresh.key_id = cipher_current(store->cipher);
    if (!old_id)
        data_key_make(&fresh.key);
    else if (!cipher_unwrap(store->cipher, old_id, uid, pg_get_bytes(rows, row, 4), &fresh.key))
        return error_unavailable(
            err,
            "the key of cluster %s does not open: key %d is missing from the key file, "
            "or is another",
            pg_get_text(rows, row, 2), (int)old_id);
    if (!cipher_wrap(store->cipher, uid, &fresh.key, &fresh.wrapped))
        return error_internal(err, "a key cannot be wrapped");
    struct pg_params params = {0};
    pg_i64(&params, pg_get_i64(rows, row, 0));
    pg_i32(&params, fresh.key_id);
    pg_bytes(&params, buf_str(&fresh.wrapped));
    return pg_command_params(conn, "UPDATE cluster SET key_id = $2, data_key = $3 WHERE id = $1",
                             &params, err);
}

bool keys_check(struct store *store, struct error *err)
{
    size_t count;
    bool ok = true;
    struct cluster **all = store_clusters(store, &count);
    for (size_t i = 0; i < count; i++) {
        if (ok && cluster_is_locked(all[i]))
            ok = error_unavailable(
                err, "the key of cluster %s does not open: the key file holds another",
                all[i]->name);
        cluster_unref(all[i]);
    }
    free(all);
    return ok;
}

bool keys_adopt(struct store *store, PGconn *conn, struct error *err)
{
    struct pg_params params = {0};
    pg_i32(&params, store->cipher ? cipher_current(store->cipher) : 0);
    if (!pg_command(conn, "BEGIN", err))
        return false;
    /* A second replica waits for the rows, and finds nothing left to do. */
    CLEANUP(pg_result_clear)
    PGresult *rows = pg_query(conn,
                              "SELECT id, uid, name, key_id, data_key FROM cluster WHERE key_id <> "
                              "$1 ORDER BY id FOR UPDATE",
                              &params, err);
    if (!rows)
        return false;
    if (!store->cipher && PQntuples(rows))
        return error_unavailable(err, "the database is encrypted: it needs its key file");
    for (int row = 0; row < PQntuples(rows); row++)
        if (!rewrap(store, conn, rows, row, err))
            return false;
    return pg_command(conn, "COMMIT", err);
}
