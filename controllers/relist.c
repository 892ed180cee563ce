/* controllers/relist.c: a whole cluster, object by object, as if everything had just changed. */
#include "controllers/frame_internal.h"
#include "controllers/kinds.h"

static bool relist_resource(struct controllers *controllers, const struct listener *listener,
                            struct cluster *cluster, const char *resource, struct error *err)
{
    CLEANUP(object_list_free) struct object_list list = {0};
    if (!cache_list(cluster, resource, NULL, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++)
        for (size_t j = 0; j < listener->count; j++)
            if (row_serves(controllers->rows[listener->items[j].kind].spec, cluster))
                row_map(controllers, cluster, listener->items[j].kind, listener->items[j].map,
                        list.items[i], NULL);
    return true;
}

static bool relist_listeners(struct controllers *controllers, struct cluster *cluster,
                             struct error *err)
{
    const char *resource;
    void *listener;
    for (size_t i = 0; strmap_next(&controllers->listeners, &i, &resource, &listener);)
        if (!relist_resource(controllers, listener, cluster, resource, err))
            return false;
    return true;
}

bool relist_cluster(struct controllers *controllers, struct cluster *cluster, struct error *err)
{
    CLEANUP(stored_kinds_free) struct stored_kinds kinds = {0};
    if (!relist_listeners(controllers, cluster, err))
        return false;
    if (!controllers->every.count)
        return true;
    if (!stored_kinds_list(cluster, &kinds, err))
        return false;
    for (size_t i = 0; i < kinds.count; i++)
        if (!relist_resource(controllers, &controllers->every, cluster, kinds.items[i].resource,
                             err))
            return false;
    return true;
}
