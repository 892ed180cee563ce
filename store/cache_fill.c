/* Filling a cold cache: the present and the recent past of one resource, in one snapshot. */
#include "store/cache_internal.h"

#include "base/mem.h"
#include "store/store_internal.h"

#define HISTORY_MAX 2000

static void contents_clear(struct cache_contents *contents)
{
    object_set_clear(&contents->objects);
    event_ring_clear(&contents->ring);
}

static bool read_head(PGconn *conn, struct cluster *cluster, int64_t *revision, struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    CLEANUP(pg_result_clear)
    PGresult *head = pg_query(conn, "SELECT revision FROM head WHERE cluster = $1", &params, err);
    if (!head)
        return false;
    if (!PQntuples(head))
        return error_unavailable(err, "the cluster is deleted");
    *revision = pg_get_i64(head, 0, 0);
    return true;
}

static bool read_objects(PGconn *conn, struct cluster *cluster, const char *resource,
                         struct object_set *objects, struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    pg_text(&params, resource);
    CLEANUP(pg_result_clear)
    PGresult *rows = pg_query(conn,
                              "SELECT ns, name, revision, revision_at, key_id, body FROM object "
                              "WHERE cluster = $1 AND resource = $2 ORDER BY ns, name",
                              &params, err);
    for (int row = 0; rows && row < PQntuples(rows); row++) {
        const struct row_body body = {.revision = pg_get_i64(rows, row, 2),
                                      .revision_at = pg_get_i32(rows, row, 3),
                                      .key_id = pg_get_i32(rows, row, 4),
                                      .body = pg_get_bytes(rows, row, 5)};
        struct object *object = row_object(cluster, resource, pg_get_text(rows, row, 0),
                                           pg_get_text(rows, row, 1), &body);
        if (!object)
            return error_unavailable(err, "an object of %s cannot be decrypted", resource);
        object_unref(object_set_put(objects, object));
    }
    return rows != NULL;
}

static struct object *present(void *arg, const char *ns, const char *name)
{
    return object_set_peek(arg, ns, name);
}

static bool read_history(PGconn *conn, struct cluster *cluster, const char *resource,
                         struct cache_contents *contents, struct error *err)
{
    const struct history_scope scope = {.resource = resource,
                                        .max = HISTORY_MAX,
                                        .upto = contents->snapshot,
                                        .present = present,
                                        .arg = &contents->objects};
    CLEANUP(change_list_clear) struct change_list list = {0};
    contents->ring.floor = contents->snapshot;
    if (contents->snapshot == cluster_born_at(cluster)) /* as each one's caches are, soon after */
        return true;
    if (!history_load(cluster, conn, &scope, &list, err))
        return false;
    int64_t now = clock_mono_ns();
    contents->ring.floor = list.floor;
    for (size_t i = 0; i < list.count; i++)
        event_ring_push(&contents->ring,
                        event_new(list.items[i].type, list.items[i].revision, list.items[i].object,
                                  list.items[i].before),
                        now);
    return true;
}

static bool read_contents(struct cluster *cluster, const char *resource,
                          struct cache_contents *contents, struct error *err)
{
    PGconn *conn = reader_take(cluster->store, err);
    if (!conn)
        return false;
    bool ok =
        pg_begin_tenant(conn, cluster->id, "ISOLATION LEVEL REPEATABLE READ READ ONLY", err) &&
        read_head(conn, cluster, &contents->snapshot, err) &&
        read_objects(conn, cluster, resource, &contents->objects, err) &&
        read_history(conn, cluster, resource, contents, err) && pg_command(conn, "COMMIT", err);
    reader_give(cluster->store, conn);
    return ok;
}

bool cache_fill(struct cluster *cluster, struct resource_cache *cache, struct error *err)
{
    CLEANUP(contents_clear) struct cache_contents contents = {0};
    /* What the snapshot has, everybody else must have applied too before it may be seen. */
    bool ok = read_contents(cluster, cache->resource, &contents, err) &&
              feed_wait(cluster, contents.snapshot, err);
    cache_finish_fill(cache, ok ? &contents : NULL);
    return ok;
}

static bool read_any(PGconn *conn, struct cluster *cluster, struct buf *resources, bool *any,
                     struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    pg_array(&params, resources);
    CLEANUP(pg_result_clear)
    PGresult *row =
        pg_query(conn, "SELECT 1 FROM object WHERE cluster = $1 AND resource = ANY($2) LIMIT 1",
                 &params, err);
    *any = row && PQntuples(row) > 0;
    return row != NULL;
}

bool cache_any(struct cluster *cluster, const char *const *resources, size_t count, bool *any,
               struct error *err)
{
    CLEANUP(buf_free) struct buf array = BUF_TEXT;
    pg_array_begin(&array, PG_OID_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_add(&array, resources[i], strlen(resources[i]));
    PGconn *conn = reader_take(cluster->store, err);
    if (!conn)
        return false;
    bool ok = pg_begin_tenant(conn, cluster->id, "READ ONLY", err) &&
              read_any(conn, cluster, &array, any, err) && pg_command(conn, "COMMIT", err);
    reader_give(cluster->store, conn);
    return ok;
}
