/* Counters: read, and set anew after a recount; and how many objects there are. Charging them is
 * part of a write (batch.c). */
#include <string.h>

#include "base/mem.h"
#include "store/store_internal.h"

bool store_usage(struct cluster *cluster, const char *scope,
                 void (*each)(void *arg, const char *counter, int64_t used), void *arg,
                 struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    pg_text(&params, scope);
    PGconn *conn = reader_take(cluster->store, err);
    CLEANUP(pg_result_clear) PGresult *rows = NULL;
    if (conn && pg_begin_tenant(conn, cluster->id, "READ ONLY", err))
        rows = pg_query(
            conn,
            "SELECT counter, used FROM usage WHERE cluster = $1 AND scope = $2 ORDER BY counter",
            &params, err);
    reader_give(cluster->store, conn);
    for (int row = 0; rows && row < PQntuples(rows); row++)
        each(arg, pg_get_text(rows, row, 0), pg_get_i64(rows, row, 1));
    return rows ? true : store_fail(err);
}

bool store_object_counts(struct cluster *cluster,
                         void (*each)(void *arg, const char *resource, int64_t count), void *arg,
                         struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    PGconn *conn = reader_take(cluster->store, err);
    CLEANUP(pg_result_clear) PGresult *rows = NULL;
    if (conn && pg_begin_tenant(conn, cluster->id, "READ ONLY", err))
        rows = pg_query(conn,
                        "SELECT resource, count(*) FROM object WHERE cluster = $1 "
                        "GROUP BY resource ORDER BY resource",
                        &params, err);
    reader_give(cluster->store, conn);
    for (int row = 0; rows && row < PQntuples(rows); row++)
        each(arg, pg_get_text(rows, row, 0), pg_get_i64(rows, row, 1));
    return rows ? true : store_fail(err);
}

bool store_size_bytes(struct store *store, int64_t *bytes, struct error *err)
{
    struct pg_params params = {0};
    PGconn *conn = reader_take(store, err);
    CLEANUP(pg_result_clear) PGresult *rows = NULL;
    if (conn)
        rows = pg_query(conn, "SELECT pg_database_size(current_database())", &params, err);
    reader_give(store, conn);
    if (rows && PQntuples(rows))
        *bytes = pg_get_i64(rows, 0, 0);
    return rows ? true : store_fail(err);
}

/* Holds the cluster's head, as writers do: nobody charges meanwhile. */
static bool lock_revision(PGconn *conn, struct cluster *cluster, int64_t revision, bool *same,
                          struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    CLEANUP(pg_result_clear)
    PGresult *head = pg_query(
        conn, "SELECT revision FROM head WHERE cluster = $1 FOR NO KEY UPDATE", &params, err);
    if (head)
        *same = PQntuples(head) && pg_get_i64(head, 0, 0) == revision;
    return head != NULL;
}

static bool replace_scope(PGconn *conn, struct cluster *cluster, const char *scope,
                          const struct store_charge *used, size_t count, struct error *err)
{
    CLEANUP(buf_free) struct buf counters = BUF_TEXT;
    CLEANUP(buf_free) struct buf values = BUF_TEXT;
    struct pg_params old = {0}, params = {0};
    pg_array_begin(&counters, PG_OID_TEXT);
    pg_array_begin(&values, PG_OID_INT8);
    for (size_t i = 0; i < count; i++) {
        pg_array_add(&counters, used[i].counter, strlen(used[i].counter));
        pg_array_i64(&values, used[i].delta);
    }
    pg_i64(&old, cluster->id);
    pg_text(&old, scope);
    pg_i64(&params, cluster->id);
    pg_text(&params, scope);
    pg_array(&params, &counters);
    pg_array(&params, &values);
    return pg_command_params(conn, "DELETE FROM usage WHERE cluster = $1 AND scope = $2", &old,
                             err) &&
           pg_command_params(conn,
                             "INSERT INTO usage (cluster, scope, counter, used) "
                             "SELECT $1, $2, t.counter, t.used FROM unnest($3::text[], $4::int8[]) "
                             "t (counter, used)",
                             &params, err);
}

bool store_usage_set(struct cluster *cluster, const char *scope, const struct store_charge *used,
                     size_t count, int64_t revision, bool *applied, struct error *err)
{
    bool same = false;
    PGconn *conn = reader_take(cluster->store, err);
    bool ok = conn && pg_begin_tenant(conn, cluster->id, "", err) &&
              lock_revision(conn, cluster, revision, &same, err) &&
              (!same || replace_scope(conn, cluster, scope, used, count, err)) &&
              pg_command(conn, "COMMIT", err);
    reader_give(cluster->store, conn);
    if (ok)
        *applied = same;
    return ok ? true : store_fail(err);
}
