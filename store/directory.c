#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/cache_internal.h"

void directory_init(struct directory *directory)
{
    *directory = (struct directory){0};
    pthread_rwlock_init(&directory->lock, NULL);
}

void directory_deinit(struct directory *directory)
{
    strmap_clear(&directory->by_name);
    for (size_t i = 0; i < directory->count; i++) {
        (void)cluster_cache_drop(directory->by_id[i]); /* out of the store's budget */
        cluster_unref(directory->by_id[i]);
    }
    free(directory->by_id);
    pthread_rwlock_destroy(&directory->lock);
}

/* The place of `id`, or where it would go. */
static size_t find(const struct directory *directory, int64_t id, bool *exact)
{
    size_t low = 0, high = directory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (directory->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    *exact = low < directory->count && directory->by_id[low]->id == id;
    return low;
}

static void insert(struct directory *directory, size_t at, struct cluster *cluster)
{
    if (directory->count == directory->capacity) {
        directory->capacity = directory->capacity ? directory->capacity * 2 : 8;
        directory->by_id =
            xreallocarray(directory->by_id, directory->capacity, sizeof(struct cluster *));
    }
    memmove(&directory->by_id[at + 1], &directory->by_id[at],
            (directory->count - at) * sizeof(struct cluster *));
    directory->by_id[at] = cluster_ref(cluster);
    directory->count++;
    /* A name that was given anew belongs to the later cluster. */
    struct cluster *named = strmap_get(&directory->by_name, cluster->name);
    if (!named || named->id < cluster->id)
        strmap_put(&directory->by_name, cluster->name, cluster);
}

bool directory_add(struct directory *directory, struct cluster *cluster, struct cluster **there)
{
    bool exact;
    pthread_rwlock_wrlock(&directory->lock);
    size_t at = find(directory, cluster->id, &exact);
    if (exact)
        *there = cluster_ref(directory->by_id[at]);
    else
        insert(directory, at, cluster);
    pthread_rwlock_unlock(&directory->lock);
    return !exact;
}

void directory_remove(struct directory *directory, struct cluster *cluster)
{
    bool exact;
    pthread_rwlock_wrlock(&directory->lock);
    size_t at = find(directory, cluster->id, &exact);
    if (exact) {
        directory->count--;
        memmove(&directory->by_id[at], &directory->by_id[at + 1],
                (directory->count - at) * sizeof(struct cluster *));
        if (strmap_get(&directory->by_name, cluster->name) == cluster)
            strmap_remove(&directory->by_name, cluster->name);
    }
    pthread_rwlock_unlock(&directory->lock);
    if (!exact)
        return;
    atomic_store(&cluster->state, CLUSTER_DELETING);
    (void)cluster_cache_drop(cluster); /* there need not be any */
    cluster_part_drop(cluster, CLUSTER_PART_COUNT);
    cluster_unref(cluster);
}

/* Adds what is new; of what is known, only the state can have changed. */
static void take_row(struct store *store, const PGresult *rows, int row)
{
    struct cluster_row found = {.id = pg_get_i64(rows, row, 0),
                                .uid = pg_get_text(rows, row, 1),
                                .name = pg_get_text(rows, row, 2),
                                .state = pg_get_i16(rows, row, 3),
                                .revision = pg_get_i64(rows, row, 4),
                                .key_id = pg_get_i32(rows, row, 5),
                                .data_key = pg_get_bytes(rows, row, 6)};
    CLEANUP(cluster_unref_ptr) struct cluster *known = store_cluster_by_id(store, found.id);
    if (!known) {
        CLEANUP(cluster_unref_ptr) struct cluster *made = cluster_new(store, &found);
        if (directory_add(&store->directory, made, &known))
            return;
    }
    atomic_store(&known->state, (enum cluster_state)found.state);
    if (found.revision > atomic_load(&known->revision))
        feed_request(store, known);
}

static bool row_has(const PGresult *rows, int64_t id)
{
    int low = 0, high = PQntuples(rows);
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (pg_get_i64(rows, middle, 0) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < PQntuples(rows) && pg_get_i64(rows, low, 0) == id;
}

/* Those known before the query that it did not find are gone. */
static void remove_missing(struct store *store, const PGresult *rows, struct cluster **known,
                           size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!row_has(rows, known[i]->id))
            directory_remove(&store->directory, known[i]);
}

bool directory_load(struct store *store, PGconn *conn, int64_t id, struct error *err)
{
    struct pg_params params = {0};
    size_t count = 0;
    struct cluster **known = id ? NULL : store_clusters(store, &count);
    pg_i64(&params, id);
    CLEANUP(pg_result_clear)
    PGresult *rows = pg_query(
        conn,
        "SELECT c.id, c.uid, c.name, c.state, h.revision, c.key_id, c.data_key FROM cluster c "
        "JOIN head h ON h.cluster = c.id WHERE $1::int8 IN (0, c.id) ORDER BY c.id",
        &params, err);
    for (int row = 0; rows && row < PQntuples(rows); row++)
        take_row(store, rows, row);
    if (rows && id == 0)
        remove_missing(store, rows, known, count);
    for (size_t i = 0; i < count; i++)
        cluster_unref(known[i]);
    free(known);
    CLEANUP(cluster_unref_ptr) struct cluster *one = id ? store_cluster_by_id(store, id) : NULL;
    if (rows && one && !PQntuples(rows))
        directory_remove(&store->directory, one);
    return rows != NULL;
}

struct cluster *store_cluster(struct store *store, const char *name)
{
    pthread_rwlock_rdlock(&store->directory.lock);
    struct cluster *found = strmap_get(&store->directory.by_name, name);
    if (found)
        cluster_ref(found);
    pthread_rwlock_unlock(&store->directory.lock);
    return found;
}

struct cluster *store_cluster_by_id(struct store *store, int64_t id)
{
    bool exact;
    pthread_rwlock_rdlock(&store->directory.lock);
    size_t at = find(&store->directory, id, &exact);
    struct cluster *found = exact ? cluster_ref(store->directory.by_id[at]) : NULL;
    pthread_rwlock_unlock(&store->directory.lock);
    return found;
}

struct cluster **store_clusters(struct store *store, size_t *count)
{
    pthread_rwlock_rdlock(&store->directory.lock);
    struct cluster **all = xcalloc(store->directory.count, sizeof(struct cluster *));
    *count = store->directory.count;
    for (size_t i = 0; i < *count; i++)
        all[i] = cluster_ref(store->directory.by_id[i]);
    pthread_rwlock_unlock(&store->directory.lock);
    return all;
}
