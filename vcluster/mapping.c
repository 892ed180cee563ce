#include "vcluster/mapping.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/strmap.h"
#include "base/strset.h"
#include "vcluster/names.h"

struct row {
    int64_t cluster_id;
    char *kind, *tenant_key, *host_key;
};

/* What one cluster has on the host; there while it has anything. */
struct cluster_rows {
    struct strmap rows; /* "KIND/TENANT-KEY" -> row, owned */
};

struct mapping_index {
    struct store *store;
    pthread_mutex_t lock;
    /* guarded by lock */
    struct strmap clusters; /* id -> cluster_rows, owned */
    struct strmap by_host;  /* "KIND/HOST-KEY" -> row, borrowed */
};

/* The key of a row in either map. Owned. */
static char *index_key(const char *kind, const char *key)
{
    return xasprintf("%s/%s", kind, key);
}

/* NULL when the cluster has nothing on the host. Lock held. */
static struct cluster_rows *rows_of(const struct mapping_index *index, int64_t cluster_id)
{
    CLEANUP(free_ptr) char *id = xasprintf("%lld", (long long)cluster_id);
    return strmap_get(&index->clusters, id);
}

/* Lock held. */
static struct row *find_row(const struct mapping_index *index, int64_t cluster_id, const char *kind,
                            const char *tenant_key)
{
    const struct cluster_rows *rows = rows_of(index, cluster_id);
    CLEANUP(free_ptr) char *key = index_key(kind, tenant_key);
    return rows ? strmap_get(&rows->rows, key) : NULL;
}

static void row_free(struct row *row)
{
    free(row->kind);
    free(row->tenant_key);
    free(row->host_key);
    free(row);
}

/* Lock held. */
static void remember(struct mapping_index *index, int64_t cluster_id,
                     const struct store_mapping *mapping)
{
    struct cluster_rows *rows = rows_of(index, cluster_id);
    if (find_row(index, cluster_id, mapping->kind, mapping->tenant_key))
        return;
    if (!rows) {
        CLEANUP(free_ptr) char *id = xasprintf("%lld", (long long)cluster_id);
        rows = xcalloc(1, sizeof(*rows));
        (void)strmap_put(&index->clusters, id, rows); /* there was none */
    }
    CLEANUP(free_ptr) char *tenant = index_key(mapping->kind, mapping->tenant_key);
    CLEANUP(free_ptr) char *host = index_key(mapping->kind, mapping->host_key);
    struct row *row = xcalloc(1, sizeof(*row));
    *row = (struct row){cluster_id, xstrdup(mapping->kind), xstrdup(mapping->tenant_key),
                        xstrdup(mapping->host_key)};
    (void)strmap_put(&rows->rows, tenant, row);
    (void)strmap_put(&index->by_host, host, row);
}

/* Lock held. */
static void forget(struct mapping_index *index, int64_t cluster_id, const char *kind,
                   const char *tenant_key)
{
    struct cluster_rows *rows = rows_of(index, cluster_id);
    CLEANUP(free_ptr) char *tenant = index_key(kind, tenant_key);
    struct row *row = rows ? strmap_remove(&rows->rows, tenant) : NULL;
    if (!row)
        return;
    CLEANUP(free_ptr) char *host = index_key(kind, row->host_key);
    (void)strmap_remove(&index->by_host, host); /* borrowed */
    row_free(row);
    if (rows->rows.count)
        return;
    CLEANUP(free_ptr) char *id = xasprintf("%lld", (long long)cluster_id);
    (void)strmap_remove(&index->clusters, id);
    strmap_clear(&rows->rows);
    free(rows);
}

static void load_row(void *arg, int64_t cluster_id, const struct store_mapping *mapping)
{
    remember(arg, cluster_id, mapping); /* not shared yet */
}

struct mapping_index *mapping_open(struct store *store, struct error *err)
{
    struct mapping_index *index = xcalloc(1, sizeof(*index));
    index->store = store;
    pthread_mutex_init(&index->lock, NULL);
    if (store_mappings(store, NULL, load_row, index, err))
        return index;
    mapping_close(index);
    return NULL;
}

static void rows_free(struct cluster_rows *rows)
{
    size_t at = 0;
    const char *key;
    void *row;
    while (strmap_next(&rows->rows, &at, &key, &row))
        row_free(row);
    strmap_clear(&rows->rows);
    free(rows);
}

static void forget_all(struct mapping_index *index)
{
    size_t at = 0;
    const char *key;
    void *rows;
    while (strmap_next(&index->clusters, &at, &key, &rows))
        rows_free(rows);
    strmap_clear(&index->clusters);
    strmap_clear(&index->by_host);
}

/* Lock held. */
static void forget_cluster(struct mapping_index *index, int64_t cluster_id)
{
    CLEANUP(free_ptr) char *id = xasprintf("%lld", (long long)cluster_id);
    struct cluster_rows *rows = strmap_remove(&index->clusters, id);
    size_t at = 0;
    const char *key;
    void *value;
    while (rows && strmap_next(&rows->rows, &at, &key, &value)) {
        const struct row *row = value;
        CLEANUP(free_ptr) char *host = index_key(row->kind, row->host_key);
        (void)strmap_remove(&index->by_host, host); /* borrowed */
    }
    if (rows)
        rows_free(rows);
}

/* Lock held. */
static void take_rows(struct mapping_index *index, const struct mapping_index *fresh)
{
    size_t at = 0;
    const char *key;
    void *value;
    while (strmap_next(&fresh->by_host, &at, &key, &value)) {
        const struct row *row = value;
        const struct store_mapping mapping = {row->kind, row->tenant_key, row->host_key};
        remember(index, row->cluster_id, &mapping);
    }
}

bool mapping_reload(struct mapping_index *index, struct cluster *cluster, struct error *err)
{
    struct mapping_index fresh = {.store = index->store};
    bool ok = store_mappings(index->store, cluster, load_row, &fresh, err);
    pthread_mutex_lock(&index->lock);
    if (ok && cluster)
        forget_cluster(index, cluster->id);
    else if (ok)
        forget_all(index);
    if (ok)
        take_rows(index, &fresh);
    pthread_mutex_unlock(&index->lock);
    forget_all(&fresh);
    return ok;
}

void mapping_close(struct mapping_index *index)
{
    if (!index)
        return;
    forget_all(index);
    pthread_mutex_destroy(&index->lock);
    free(index);
}

char *mapping_to_host(struct mapping_index *index, const struct cluster *cluster, const char *kind,
                      const char *tenant_key)
{
    pthread_mutex_lock(&index->lock);
    const struct row *row = find_row(index, cluster->id, kind, tenant_key);
    char *host_key = row ? xstrdup(row->host_key) : NULL;
    pthread_mutex_unlock(&index->lock);
    return host_key;
}

bool mapping_to_tenant(struct mapping_index *index, const char *kind, const char *host_key,
                       int64_t *cluster_id, char **tenant_key)
{
    CLEANUP(free_ptr) char *key = index_key(kind, host_key);
    pthread_mutex_lock(&index->lock);
    const struct row *row = strmap_get(&index->by_host, key);
    if (row) {
        *cluster_id = row->cluster_id;
        *tenant_key = xstrdup(row->tenant_key);
    }
    pthread_mutex_unlock(&index->lock);
    return row;
}

static bool claim_named(struct mapping_index *index, struct cluster *cluster, const char *kind,
                        const char *tenant_key, const char *want, char **host_key,
                        struct error *err)
{
    const struct store_mapping mapping = {kind, tenant_key, want};
    if (!store_mapping_claim(cluster, &mapping, host_key, err))
        return false;
    const struct store_mapping got = {kind, tenant_key, *host_key};
    pthread_mutex_lock(&index->lock);
    remember(index, cluster->id, &got);
    pthread_mutex_unlock(&index->lock);
    return true;
}

bool mapping_claim(struct mapping_index *index, struct cluster *cluster, const char *kind,
                   const char *ns, const char *name, char **host_key, struct error *err)
{
    char host_ns[HOST_NAME_MAX + 1], host_name[HOST_NAME_MAX + 1];
    CLEANUP(free_ptr) char *tenant_key = xasprintf("%s/%s", ns, name);
    *host_key = mapping_to_host(index, cluster, kind, tenant_key);
    if (*host_key)
        return true;
    names_host_namespace(cluster->name, host_ns);
    names_host_name(cluster->name, ns, name, 0, host_name);
    CLEANUP(free_ptr) char *readable = xasprintf("%s/%s", host_ns, host_name);
    if (claim_named(index, cluster, kind, tenant_key, readable, host_key, err))
        return true;
    if (err->reason != ERROR_CONFLICT)
        return false;
    /* Two keys can read the same ("a-x-b" in "c", "a" in "b-x-c"): the later one gets a hash. */
    error_clear(err);
    names_host_name(cluster->name, ns, name, 1, host_name);
    CLEANUP(free_ptr) char *hashed = xasprintf("%s/%s", host_ns, host_name);
    return claim_named(index, cluster, kind, tenant_key, hashed, host_key, err);
}

bool mapping_release(struct mapping_index *index, struct cluster *cluster, const char *kind,
                     const char *tenant_key, struct error *err)
{
    if (!store_mapping_release(cluster, kind, tenant_key, err))
        return false;
    pthread_mutex_lock(&index->lock);
    forget(index, cluster->id, kind, tenant_key);
    pthread_mutex_unlock(&index->lock);
    return true;
}

static bool is_in(const struct row *row, const char *kind, const char *ns)
{
    if (kind && strcmp(row->kind, kind) != 0)
        return false;
    size_t len = ns ? strlen(ns) : 0;
    return !ns || (strncmp(row->tenant_key, ns, len) == 0 && row->tenant_key[len] == '/');
}

/* "KIND key" for every row of the cluster: copied out, so that callers work without the lock. */
static void collect(struct mapping_index *index, const struct cluster *cluster, const char *kind,
                    const char *ns, struct strset *out)
{
    size_t at = 0;
    const char *key;
    void *value;
    pthread_mutex_lock(&index->lock);
    const struct cluster_rows *rows = rows_of(index, cluster->id);
    while (rows && strmap_next(&rows->rows, &at, &key, &value)) {
        const struct row *row = value;
        if (!is_in(row, kind, ns))
            continue;
        CLEANUP(free_ptr) char *text = xasprintf("%s %s", row->kind, row->tenant_key);
        strset_add(out, text);
    }
    pthread_mutex_unlock(&index->lock);
}

void mapping_each(struct mapping_index *index, const struct cluster *cluster, const char *kind,
                  const char *ns, void (*each)(void *arg, const char *tenant_key), void *arg)
{
    CLEANUP(strset_clear) struct strset found = {0};
    collect(index, cluster, kind, ns, &found);
    for (size_t i = 0; i < found.count; i++)
        each(arg, strchr(found.items[i], ' ') + 1);
}

bool mapping_release_all(struct mapping_index *index, struct cluster *cluster, struct error *err)
{
    CLEANUP(strset_clear) struct strset found = {0};
    collect(index, cluster, NULL, NULL, &found);
    for (size_t i = 0; i < found.count; i++) {
        char *space = strchr(found.items[i], ' ');
        *space = '\0';
        if (!mapping_release(index, cluster, found.items[i], space + 1, err))
            return false;
    }
    return true;
}
