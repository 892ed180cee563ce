/* Services and EndpointSlices. The tenant's `kubernetes` Service goes to the host with the first
 * Pod; see sync_api.c. */
#include <stdio.h>
#include <string.h>

#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/syncer_internal.h"
#include "vcluster/translate.h"

#define SERVICE_LABEL "kubernetes.io/service-name"

/* ---- Services ---- */

static bool has_pods(struct sync *sync, bool *found, struct error *err)
{
    CLEANUP(object_list_free) struct object_list pods = {0};
    *found = false;
    if (!cache_list(sync->cluster, "pods", NULL, &pods, err))
        return false;
    *found = pods.count > 0;
    return true;
}

/* The host name is a DNS label whatever the tenant's is. */
static bool put_service(struct sync *sync, const json_t *service, struct error *err)
{
    char host_ns[254], host_name[254];
    CLEANUP(free_ptr) char *host_key = NULL;
    CLEANUP(error_clear) struct error refused = {0};
    json_auto_t *have = NULL;
    const char *ns = sync->reconcile->ns, *name = sync->reconcile->name;
    if (!mapping_claim(sync->vcluster->mappings, sync->cluster, "services", ns, name, &host_key,
                       err))
        return false;
    sync_cut(host_key, host_ns, host_name);
    const struct translate_context context = {
        .cluster = sync->cluster->name, .host_ns = host_ns, .host_name = host_name};
    json_auto_t *want = translate_service(&context, service, &refused);
    if (!want) {
        controller_event(&sync->on_tenant, service, "Warning", "NotAllowed", "%s", refused.message);
        return true;
    }
    if (!sync_namespace(sync, err) ||
        !sync_read(sync->vcluster->host, "services", host_ns, host_name, &have, err) ||
        !sync_put(sync, "services", want, have, err))
        return false;
    return !sync_is_api(ns, name) || sync_publish_api(sync, host_ns, host_name, err);
}

enum reconcile_result sync_service(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                   struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    json_auto_t *service = NULL;
    bool wanted = true;
    (void)again_ms;
    if (!sync_read(sync.cluster, "services", reconcile->ns, reconcile->name, &service, err))
        return RECONCILE_RETRY;
    if (service && sync_is_api(reconcile->ns, reconcile->name) && !has_pods(&sync, &wanted, err))
        return RECONCILE_RETRY;
    bool done = service && !meta_deleting(service)
                    ? !wanted || put_service(&sync, service, err)
                    : sync_drop(&sync, "services", "services", reconcile->key, err);
    return done ? RECONCILE_DONE : RECONCILE_RETRY;
}

/* ---- EndpointSlices ---- */

struct own_pods {
    struct object_list pods; /* of the cluster's host namespace */
};

/* Its address may be another tenant's by now. */
static bool is_finished(const struct object *pod)
{
    const char *phase = object_field(pod, "status.phase");
    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

static bool owns(void *arg, const char *address)
{
    struct own_pods *own = arg;
    for (size_t i = 0; i < own->pods.count; i++)
        if (strcmp(object_field(own->pods.items[i], "status.podIP"), address) == 0 &&
            !is_finished(own->pods.items[i]))
            return true;
    return false;
}

static bool put_slice(struct sync *sync, const json_t *slice, const char *service,
                      struct error *err)
{
    char host_ns[254], host_name[254], host_service[254];
    struct own_pods own = {0};
    size_t dropped = 0;
    json_auto_t *have = NULL;
    CLEANUP(free_ptr) char *host_key = NULL, *service_key = NULL;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", sync->reconcile->ns, service);
    service_key = mapping_to_host(sync->vcluster->mappings, sync->cluster, "services", key);
    if (!service_key)
        return error_not_found(err, "services",
                               service); /* its Service comes first; we are called again */
    if (!mapping_claim(sync->vcluster->mappings, sync->cluster, "endpointslices",
                       sync->reconcile->ns, sync->reconcile->name, &host_key, err))
        return false;
    sync_cut(host_key, host_ns, host_name);
    sync_cut(service_key, host_ns, host_service);
    if (!cache_list(sync->vcluster->host, "pods", host_ns, &own.pods, err))
        return false;
    const struct translate_context context = {
        .cluster = sync->cluster->name, .host_ns = host_ns, .host_name = host_name};
    json_auto_t *want =
        translate_endpointslice(&context, slice, host_service, owns, &own, &dropped);
    object_list_free(&own.pods);
    if (dropped && !text_eq(meta_label(slice, "endpointslice.kubernetes.io/managed-by"),
                            "endpointslice-controller.k8s.io"))
        controller_event(
            &sync->on_tenant, slice, "Warning", "NotAllowed",
            "%zu endpoints are left out: only addresses of this cluster's own Pods can be served",
            dropped);
    return sync_namespace(sync, err) &&
           sync_read(sync->vcluster->host, "endpointslices.discovery.k8s.io", host_ns, host_name,
                     &have, err) &&
           sync_put(sync, "endpointslices.discovery.k8s.io", want, have, err);
}

enum reconcile_result sync_slice(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                 struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    json_auto_t *slice = NULL;
    (void)again_ms;
    if (!sync_read(sync.cluster, "endpointslices.discovery.k8s.io", reconcile->ns, reconcile->name,
                   &slice, err))
        return RECONCILE_RETRY;
    const char *service = slice ? meta_label(slice, SERVICE_LABEL) : NULL;
    if (sync_is_api(reconcile->ns, reconcile->name))
        return RECONCILE_DONE; /* ours */
    bool done = service && !meta_deleting(slice)
                    ? put_slice(&sync, slice, service, err)
                    : sync_drop(&sync, "endpointslices", "endpointslices.discovery.k8s.io",
                                reconcile->key, err);
    return done ? RECONCILE_DONE : RECONCILE_RETRY;
}
