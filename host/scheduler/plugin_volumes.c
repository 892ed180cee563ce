/* host/scheduler/plugin_volumes.c: VolumeBinding: a Pod's claims are bound, and its volumes can be
 * reached from the node. Source: upstream's plugin volumebinding, for claims that are bound before
 * their Pod is. */
#include <string.h>

#include "controllers/node_fit.h"
#include "controllers/observe.h"
#include "controllers/plan.h"
#include "controllers/volume_binder.h"
#include "host/scheduler/claims.h"
#include "schema/local_volume.h"
#include "schema/meta.h"

#define BIND_COMPLETED "pv.kubernetes.io/bind-completed"
#define HOST_LABEL     "kubernetes.io/hostname"

/* ---- reading ---- */

static bool read_claim(struct cluster *cluster, const char *ns, const char *name, json_t *claims,
                       struct error *err)
{
    json_auto_t *claim = NULL, *volume = NULL;
    if (!observe_get(cluster, CLAIMS, ns, name, &claim, err))
        return false;
    const char *bound = json_text(claim, "spec", "volumeName");
    if (bound && *bound && !observe_get(cluster, VOLUMES, "", bound, &volume, err))
        return false;
    json_object_set_new(claims, name, json_pack("{s:O*, s:O*}", "claim", claim, "volume", volume));
    return true;
}

bool claims_read(struct cluster *cluster, const struct pod_info *pod, json_t **claims,
                 struct error *err)
{
    const json_t *volume;
    size_t i;
    json_array_foreach (json_at(pod->pod, "spec", "volumes"), i, volume) {
        CLEANUP(free_ptr) char *name = pod_claim_name(pod->pod, volume);
        if (!name)
            continue;
        *claims = *claims ? *claims : json_object();
        if (!read_claim(cluster, pod->ns, name, *claims, err))
            return false;
    }
    return true;
}

static bool is_bound(const json_t *entry)
{
    const json_t *claim = json_object_get(entry, "claim");
    return meta_annotation(claim, BIND_COMPLETED) && json_object_get(entry, "volume");
}

bool claims_wait(const json_t *claims)
{
    const char *name;
    json_t *entry, *tree = (json_t *)(uintptr_t)claims; /* for the iterator: nothing is changed */
    json_object_foreach (tree, name, entry)
        if (!is_bound(entry))
            return true;
    return false;
}

/* ---- filtering ---- */

static void *look_at_claims(const struct cycle *cycle, struct filter_status *status)
{
    const char *name;
    json_t *entry, *claims = (json_t *)(uintptr_t)cycle->snapshot->claims; /* as above */
    json_object_foreach (claims, name, entry) {
        const json_t *claim = json_object_get(entry, "claim");
        if (!claim)
            filter_refuse(status, FILTER_UNRESOLVED, "persistentvolumeclaim \"%s\" not found",
                          name);
        else if (text_eq(json_text(claim, "status", "phase"), "Lost"))
            filter_refuse(status, FILTER_UNRESOLVED,
                          "persistentvolumeclaim \"%s\" bound to non-existent persistentvolume "
                          "\"%s\"",
                          name, json_text(claim, "spec", "volumeName") ?: "");
        else if (meta_deleting(claim))
            filter_refuse(status, FILTER_UNRESOLVED,
                          "persistentvolumeclaim \"%s\" is being deleted", name);
        else if (!is_bound(entry))
            filter_refuse(status, FILTER_UNRESOLVED,
                          "pod has unbound immediate PersistentVolumeClaims");
        if (status->code != FILTER_OK)
            return NULL;
    }
    return NULL;
}

static void filter_volumes(const struct cycle *cycle, void *state, const struct node_info *node,
                           struct filter_status *status)
{
    const char *name;
    json_t *entry, *claims = (json_t *)(uintptr_t)cycle->snapshot->claims; /* as above */
    (void)state;
    json_object_foreach (claims, name, entry) {
        const json_t *required = json_at(entry, "volume", "spec", "nodeAffinity", "required");
        if (required && !node_fit_selector(required, node->node)) {
            filter_refuse(status, FILTER_UNRESOLVED, "node(s) had volume node affinity conflict");
            return;
        }
    }
}

const struct plugin plugin_volume_binding = {
    .name = "VolumeBinding", .pre_filter = look_at_claims, .filter = filter_volumes};

/* ---- pinning ---- */

static bool has_no_place(const json_t *volume)
{
    return text_eq(json_text(volume, "spec", "csi", "driver"), LOCAL_VOLUME_DRIVER) &&
           !json_at(volume, "spec", "nodeAffinity");
}

static json_t *pinned(const json_t *volume, const json_t *node)
{
    const char *host = meta_label(node, HOST_LABEL);
    json_t *body = json_deep_copy(volume), *meta = json_object_get(body, "metadata");
    json_set_text(json_ensure_object(meta, "labels"), LOCAL_VOLUME_NODE, meta_name(node));
    json_array_append_new(json_ensure_array(meta, "finalizers"),
                          json_string(LOCAL_VOLUME_FINALIZER));
    json_object_set_new(json_object_get(body, "spec"), "nodeAffinity",
                        json_pack("{s:{s:[{s:[{s:s, s:s, s:[s]}]}]}}", "required",
                                  "nodeSelectorTerms", "matchExpressions", "key", HOST_LABEL,
                                  "operator", "In", "values", host ? host : meta_name(node)));
    return body;
}

bool claims_pin(const struct api_caller *caller, const json_t *claims, const json_t *node,
                struct error *err)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    const char *name;
    json_t *entry, *tree = (json_t *)(uintptr_t)claims; /* as above */
    json_object_foreach (tree, name, entry) {
        const json_t *volume = json_object_get(entry, "volume");
        if (has_no_place(volume))
            plan_update(&plan, VOLUMES, "", pinned(volume, node));
    }
    return plan_apply(caller, &plan, NULL, err);
}
