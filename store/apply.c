/* Applying changes: in revision order within a cluster, to its caches and then to listeners. */
#include "store/store_internal.h"

#include <assert.h>

#include "base/log.h"
#include "store/cache_internal.h"

static void forget_listener(struct store *store, const void *arg)
{
    for (unsigned i = 0; i < store->listener_count; i++)
        if (store->listeners[i].arg == arg) {
            store->listeners[i] = store->listeners[--store->listener_count];
            return;
        }
}

void store_listen(struct store *store, store_change_fn fn, void *arg)
{
    pthread_rwlock_wrlock(&store->listeners_lock);
    if (!fn) {
        forget_listener(store, arg);
    } else {
        assert(store->listener_count < LISTENERS_MAX);
        store->listeners[store->listener_count].fn = fn;
        store->listeners[store->listener_count].arg = arg;
        store->listener_count++;
    }
    pthread_rwlock_unlock(&store->listeners_lock);
}

bool apply_has_listeners(struct store *store)
{
    pthread_rwlock_rdlock(&store->listeners_lock);
    bool any = store->listener_count > 0;
    pthread_rwlock_unlock(&store->listeners_lock);
    return any;
}

void apply_tell(struct cluster *cluster, enum event_type type, struct object *object,
                struct object *before)
{
    struct store *store = cluster->store;
    pthread_rwlock_rdlock(&store->listeners_lock);
    for (unsigned i = 0; i < store->listener_count; i++)
        store->listeners[i].fn(store->listeners[i].arg, cluster, type, object, before);
    pthread_rwlock_unlock(&store->listeners_lock);
}

static void apply_next(struct cluster *cluster, const struct change *change)
{
    CLEANUP(object_unref_ptr) struct object *before = NULL;
    cache_apply(cluster, change->type, change->revision, change->object, &before);
    apply_tell(cluster, change->type, change->object, before ? before : change->before);
}

enum apply_result apply_change(struct cluster *cluster, const struct change *change)
{
    enum apply_result result = APPLY_GAP;
    cluster_apply_lock(cluster);
    int64_t applied = atomic_load(&cluster->revision);
    if (change->revision <= applied) {
        result = APPLY_KNOWN;
    } else if (change->revision == applied + 1) {
        apply_next(cluster, change);
        result = APPLY_DONE;
    }
    cluster_apply_unlock(cluster);
    return result;
}

void apply_reset(struct cluster *cluster, int64_t revision)
{
    log_warn("store", "the change history of cluster %lld is cut: its caches are read anew",
             (long long)cluster->id);
    (void)cluster_cache_drop(cluster); /* there need not be any */
    cluster_apply_lock(cluster);
    if (atomic_load(&cluster->revision) < revision)
        atomic_store(&cluster->revision, revision);
    cluster_apply_unlock(cluster);
    /* What listeners keep up to date was told nothing of what is missing. */
    cluster_part_drop(cluster, CLUSTER_PART_API);
}
