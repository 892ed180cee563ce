/* Reading `change`. It keeps what each revision replaced; what a revision wrote is found in the
 * next change of the same object, or in the present. So both functions walk backwards and carry
 * "what came after" along. */
#include "store/store_internal.h"

#include <stdlib.h>

#include "base/mem.h"

#define LOOK_BACK_MAX 50000 /* revisions, of the whole cluster */

enum column {
    REVISION,
    OP,
    RESOURCE,
    NS,
    NAME,
    BEFORE_REVISION,
    BEFORE_AT,
    KEY_ID,
    BEFORE,
    NOW_AT,
    NOW_KEY_ID,
    NOW
};

#define CHANGE_COLUMNS                                                                             \
    "c.revision, c.op, c.resource, c.ns, c.name, c.before_revision, c.before_at, c.key_id, "       \
    "c.before"

void change_list_clear(struct change_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        object_unref(list->items[i].object);
        object_unref(list->items[i].before);
    }
    free(list->items);
    *list = (struct change_list){0};
}

struct walk {
    struct cluster *cluster;
    const PGresult *rows;
    const struct history_scope *scope; /* NULL: the present is in the row */
    struct strmap
        after; /* resource/ns/name → the object after the change that is looked at; borrowed */
};

static void walk_clear(struct walk *walk)
{
    strmap_clear(&walk->after);
}

/* What the change itself replaced; NULL for a create. */
static struct object *read_before(const struct walk *walk, int row, const char *resource)
{
    const struct row_body body = {.revision = pg_get_i64(walk->rows, row, BEFORE_REVISION),
                                  .revision_at = pg_get_i32(walk->rows, row, BEFORE_AT),
                                  .key_id = pg_get_i32(walk->rows, row, KEY_ID),
                                  .body = pg_get_bytes(walk->rows, row, BEFORE)};
    if (!body.body.data)
        return NULL;
    return row_object(walk->cluster, resource, pg_get_text(walk->rows, row, NS),
                      pg_get_text(walk->rows, row, NAME), &body);
}

/* The deleted object's last state, with the deletion's revision. */
static struct object *read_deleted(const struct walk *walk, int row, const char *resource,
                                   int64_t revision)
{
    const struct row_body body = {.revision = revision,
                                  .revision_at = pg_get_i32(walk->rows, row, BEFORE_AT),
                                  .key_id = pg_get_i32(walk->rows, row, KEY_ID),
                                  .body = pg_get_bytes(walk->rows, row, BEFORE)};
    return row_object(walk->cluster, resource, pg_get_text(walk->rows, row, NS),
                      pg_get_text(walk->rows, row, NAME), &body);
}

/* The present, for the last change of an object. A reference. */
static struct object *read_present(const struct walk *walk, int row, const char *resource,
                                   int64_t revision)
{
    const char *ns = pg_get_text(walk->rows, row, NS), *name = pg_get_text(walk->rows, row, NAME);
    if (walk->scope) {
        struct object *found = walk->scope->present(walk->scope->arg, ns, name);
        return found ? object_ref(found) : NULL;
    }
    const struct row_body body = {.revision = revision,
                                  .revision_at = pg_get_i32(walk->rows, row, NOW_AT),
                                  .key_id = pg_get_i32(walk->rows, row, NOW_KEY_ID),
                                  .body = pg_get_bytes(walk->rows, row, NOW)};
    return body.body.data ? row_object(walk->cluster, resource, ns, name, &body) : NULL;
}

/* False when the rows do not fit together: history ends there. */
static bool read_change(struct walk *walk, int row, struct change *change)
{
    const char *resource = store_intern(pg_get_text(walk->rows, row, RESOURCE));
    int16_t op = pg_get_i16(walk->rows, row, OP);
    CLEANUP(free_ptr)
    char *key = xasprintf("%s/%s/%s", resource, pg_get_text(walk->rows, row, NS),
                          pg_get_text(walk->rows, row, NAME));
    struct object *later = strmap_get(&walk->after, key);
    *change = (struct change){.type = op == STORE_CREATE   ? EVENT_ADDED
                                      : op == STORE_UPDATE ? EVENT_MODIFIED
                                                           : EVENT_DELETED,
                              .revision = pg_get_i64(walk->rows, row, REVISION)};
    change->before = op == STORE_CREATE ? NULL : read_before(walk, row, resource);
    if (op == STORE_DELETE)
        change->object = read_deleted(walk, row, resource, change->revision);
    else if (later)
        change->object = object_ref(later);
    else
        change->object = read_present(walk, row, resource, change->revision);
    if (!change->object || change->object->revision != change->revision ||
        (op != STORE_CREATE && !change->before)) {
        object_unref(change->object);
        object_unref(change->before);
        return false;
    }
    if (change->before)
        strmap_put(&walk->after, key, change->before);
    else
        strmap_remove(&walk->after, key);
    return true;
}

/* `first`..`last` - 1 are rows in descending order of revision. */
static void read_all(struct walk *walk, int count, struct change_list *list)
{
    list->items = xcalloc((size_t)count, sizeof(*list->items));
    for (int row = 0; row < count; row++) {
        if (!read_change(walk, row, &list->items[list->count])) {
            list->floor = pg_get_i64(walk->rows, row, REVISION);
            break;
        }
        list->count++;
    }
    for (size_t i = 0; i < list->count / 2; i++) { /* ascending */
        struct change swapped = list->items[i];
        list->items[i] = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = swapped;
    }
}

/* The oldest revision that `change` still has; `fallback` when it has none. */
static bool oldest_kept(PGconn *conn, int64_t cluster, int64_t fallback, int64_t *oldest,
                        struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, cluster);
    CLEANUP(pg_result_clear)
    PGresult *found =
        pg_query(conn, "SELECT min(revision) FROM change WHERE cluster = $1", &params, err);
    if (found)
        *oldest = PQgetisnull(found, 0, 0) ? fallback : pg_get_i64(found, 0, 0);
    return found != NULL;
}

bool history_load(struct cluster *cluster, PGconn *conn, const struct history_scope *scope,
                  struct change_list *list, struct error *err)
{
    int64_t oldest, back = scope->upto - LOOK_BACK_MAX;
    if (!oldest_kept(conn, cluster->id, scope->upto + 1, &oldest, err))
        return false;
    struct pg_params params = {0};
    pg_i64(&params, cluster->id);
    pg_text(&params, scope->resource);
    pg_i64(&params, back);
    pg_i64(&params, (int64_t)scope->max + 1);
    CLEANUP(pg_result_clear)
    PGresult *rows =
        pg_query(conn,
                 "SELECT " CHANGE_COLUMNS " FROM change c WHERE c.cluster = $1 AND c.resource = $2 "
                 "AND c.revision > $3 ORDER BY c.revision DESC LIMIT $4::int8",
                 &params, err);
    if (!rows)
        return false;
    int count = PQntuples(rows);
    *list = (struct change_list){.floor = oldest - 1 > back ? oldest - 1 : back};
    if (count > (int)scope->max)
        list->floor = pg_get_i64(rows, --count, REVISION);
    CLEANUP(walk_clear) struct walk walk = {.cluster = cluster, .rows = rows, .scope = scope};
    read_all(&walk, count, list);
    return true;
}

bool history_follow(struct cluster *cluster, PGconn *conn, int64_t after, size_t max,
                    struct change_list *list, struct error *err)
{
    struct pg_params one = {0}, params = {0};
    pg_i64(&one, cluster->id);
    pg_i64(&params, cluster->id);
    pg_i64(&params, after);
    pg_i64(&params, (int64_t)max + 1);
    CLEANUP(pg_result_clear)
    PGresult *head = pg_query(conn, "SELECT revision FROM head WHERE cluster = $1", &one, err);
    CLEANUP(pg_result_clear)
    PGresult *rows =
        !head ? NULL
              : pg_query(conn,
                         "SELECT " CHANGE_COLUMNS ", o.revision_at, o.key_id, o.body FROM change c "
                         "LEFT JOIN object o ON o.cluster = c.cluster AND o.resource = c.resource "
                         "AND o.ns = c.ns "
                         "AND o.name = c.name AND o.revision = c.revision WHERE c.cluster = $1 AND "
                         "c.revision > $2 "
                         "ORDER BY c.revision DESC LIMIT $3::int8",
                         &params, err);
    if (!rows)
        return false;
    int count = PQntuples(rows);
    *list =
        (struct change_list){.floor = after, .head = PQntuples(head) ? pg_get_i64(head, 0, 0) : 0};
    if (count > (int)max)
        list->floor = pg_get_i64(rows, --count, REVISION);
    CLEANUP(walk_clear) struct walk walk = {.cluster = cluster, .rows = rows};
    read_all(&walk, count, list);
    if (list->count && list->items[0].revision > list->floor + 1)
        list->floor = list->items[0].revision - 1; /* older partitions are gone */
    else if (!list->count && list->head > after)
        list->floor = list->head;
    return true;
}
