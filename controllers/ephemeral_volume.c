#include "controllers/ephemeral_volume.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "controllers/volume_binder.h"
#include "schema/meta.h"

static json_t *make_claim(const json_t *pod, const char *name, const json_t *template)
{
    const json_t *meta = json_object_get(template, "metadata");
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:O*, s:O*, s:[o]}, s:O}", "apiVersion", "v1", "kind",
                     "PersistentVolumeClaim", "metadata", "name", name, "namespace",
                     meta_namespace(pod), "labels", json_object_get(meta, "labels"), "annotations",
                     json_object_get(meta, "annotations"), "ownerReferences",
                     owner_reference(pod, "v1", "Pod"), "spec", json_object_get(template, "spec"));
}

static void decide_one(const json_t *pod, const json_t *volume, const json_t *claims,
                       struct plan *plan)
{
    CLEANUP(free_ptr) char *name = pod_claim_name(pod, volume);
    const json_t *claim = json_object_get(claims, name),
                 *template = json_at(volume, "ephemeral", "volumeClaimTemplate");
    if (!template)
        return;
    if (!claim)
        plan_create(plan, CLAIMS, meta_namespace(pod), make_claim(pod, name, template))->flags =
            PLAN_EXISTS_OK | PLAN_GO_ON;
    else if (!owner_is_controller(claim, meta_uid(pod)))
        plan_event(
            plan, pod, "Warning", "EphemeralVolumeCreateFailed",
            "ephemeral volume %s: PVC %s/%s was not created for pod %s/%s (pod is not owner)",
            json_text(volume, "name") ?: "", meta_namespace(pod), name, meta_namespace(pod),
            meta_name(pod));
}

void ephemeral_volume_decide(const json_t *pod, const json_t *claims, struct plan *plan)
{
    const json_t *volume;
    size_t i;
    if (meta_deleting(pod))
        return;
    json_array_foreach (json_at(pod, "spec", "volumes"), i, volume)
        decide_one(pod, volume, claims, plan);
}

/* ---- the row ---- */

static bool observe_claims(struct reconcile *reconcile, const json_t *pod, json_t *claims,
                           struct error *err)
{
    const json_t *volume;
    size_t i;
    json_array_foreach (json_at(pod, "spec", "volumes"), i, volume) {
        CLEANUP(free_ptr) char *name = pod_claim_name(pod, volume);
        json_auto_t *claim = NULL;
        if (!json_at(volume, "ephemeral"))
            continue;
        if (!observe_get(reconcile->cluster, CLAIMS, reconcile->ns, name, &claim, err))
            return false;
        if (claim)
            json_object_set(claims, name, claim);
    }
    return true;
}

static enum reconcile_result reconcile_pod(void *arg, struct reconcile *reconcile,
                                           int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *pod = NULL, *claims = json_object();
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "pods", reconcile->ns, reconcile->name, &pod, err) ||
        (pod && !observe_claims(reconcile, pod, claims, err)))
        return RECONCILE_RETRY;
    if (pod)
        ephemeral_volume_decide(pod, claims, &plan);
    return plan_apply(&reconcile->caller, &plan, NULL, err) || error_is_terminating(err)
               ? RECONCILE_DONE
               : RECONCILE_RETRY;
}

/* A claim that went before its Pod is made again. */
static void map_claim(struct cluster *cluster, const struct object *object,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg)
{
    (void)cluster;
    owner_map(object, before, "", "Pod", add, arg);
}

static bool is_wanted(void *arg, struct cluster *cluster, const struct object *object)
{
    static const char mark[] = "\"volumeClaimTemplate\"";
    (void)arg;
    (void)cluster;
    return strcmp(object->resource, "pods") != 0 ||
           memmem(object->body.data, object->body.len, mark, sizeof(mark) - 1);
}

static const struct controller_source sources[] = {
    {"pods", NULL}, {CLAIMS, map_claim}, {NULL, NULL}};
const struct controller ephemeral_volume_controller = {
    .name = "ephemeral-volume-controller",
    .sources = sources,
    .wants = is_wanted,
    .reconcile = reconcile_pod,
};
