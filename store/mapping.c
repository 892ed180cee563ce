/* The mapping table: what of a tenant is what on the host. The unique keys of the table decide, not
 * names. */
#include "base/mem.h"
#include "store/store_internal.h"

bool store_mapping_claim(struct cluster *cluster, const struct store_mapping *want, char **host_key,
                         struct error *err)
{
    bool taken = false;
    struct error why = {0};
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    pg_text(&params, want->kind);
    pg_text(&params, want->tenant_key);
    pg_text(&params, want->host_key);
    PGconn *conn = reader_take(cluster->store, err);
    if (!conn)
        return false;
    CLEANUP(pg_result_clear)
    PGresult *row =
        pg_query_unique(conn, "SELECT claim_mapping($1, $2, $3, $4)", &params, &taken, &why);
    reader_give(cluster->store, conn);
    if (row)
        *host_key = xstrdup(pg_get_text(row, 0, 0));
    if (taken) {
        error_clear(&why);
        return error_conflict(err, "mappings", want->tenant_key,
                              "the host's object belongs to another");
    }
    if (!row)
        error_move(err, &why);
    return row != NULL;
}

bool store_mapping_release(struct cluster *cluster, const char *kind, const char *tenant_key,
                           struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    pg_text(&params, kind);
    pg_text(&params, tenant_key);
    PGconn *conn = reader_take(cluster->store, err);
    bool ok = conn && pg_command_params(conn, "SELECT release_mapping($1, $2, $3)", &params, err);
    reader_give(cluster->store, conn);
    return ok;
}

bool store_mappings(struct store *store, struct cluster *cluster,
                    void (*each)(void *arg, int64_t cluster_id,
                                 const struct store_mapping *mapping),
                    void *arg, struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster ? cluster->id : 0);
    PGconn *conn = reader_take(store, err);
    CLEANUP(pg_result_clear)
    PGresult *rows = !conn ? NULL
                           : pg_query(conn,
                                      "SELECT cluster, kind, tenant_key, host_key FROM mapping "
                                      "WHERE $1::int8 IN (0, cluster) "
                                      "ORDER BY cluster, kind, tenant_key",
                                      &params, err);
    reader_give(store, conn);
    for (int row = 0; rows && row < PQntuples(rows); row++) {
        const struct store_mapping mapping = {.kind = pg_get_text(rows, row, 1),
                                              .tenant_key = pg_get_text(rows, row, 2),
                                              .host_key = pg_get_text(rows, row, 3)};
        each(arg, pg_get_i64(rows, row, 0), &mapping);
    }
    return rows != NULL;
}
