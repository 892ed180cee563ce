#include "controllers/local_volume.h"

#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/volume_binder.h"
#include "schema/local_volume.h"
#include "schema/meta.h"

#define PROVISIONED_BY "pv.kubernetes.io/provisioned-by"
#define PROVISIONER    "volume.kubernetes.io/storage-provisioner"

char *local_volume_name(const json_t *claim)
{
    return xasprintf("pvc-%s", meta_uid(claim));
}

static bool is_ours(const json_t *volume)
{
    return text_eq(meta_annotation(volume, PROVISIONED_BY), LOCAL_VOLUME_DRIVER) &&
           text_eq(json_text(volume, "spec", "csi", "driver"), LOCAL_VOLUME_DRIVER);
}

/* ---- making ---- */

static json_t *make_volume(const struct local_claim_seen *seen)
{
    const json_t *claim = seen->claim;
    const char *policy = json_text(seen->class, "reclaimPolicy");
    CLEANUP(free_ptr) char *name = local_volume_name(claim);
    return json_pack(
        "{s:s, s:s, s:{s:s, s:{s:s}}, s:{s:{s:O}, s:O, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:s, "
        "s:O*, s:{s:s, s:s}}}",
        "apiVersion", "v1", "kind", "PersistentVolume", "metadata", "name", name, "annotations",
        PROVISIONED_BY, LOCAL_VOLUME_DRIVER, "spec", "capacity", "storage",
        json_at(claim, "spec", "resources", "requests", "storage"), "accessModes",
        json_at(claim, "spec", "accessModes"), "claimRef", "apiVersion", "v1", "kind",
        "PersistentVolumeClaim", "namespace", meta_namespace(claim), "name", meta_name(claim),
        "uid", meta_uid(claim), "persistentVolumeReclaimPolicy", policy ? policy : "Delete",
        "storageClassName", storage_class_of(claim), "volumeMode", "Filesystem", "mountOptions",
        json_object_get(seen->class, "mountOptions"), "csi", "driver", LOCAL_VOLUME_DRIVER,
        "volumeHandle", name);
}

static bool is_block(const json_t *claim)
{
    return text_eq(json_text(claim, "spec", "volumeMode"), "Block");
}

static void provision(const struct local_claim_seen *seen, struct plan *plan)
{
    const json_t *claim = seen->claim;
    if (!seen->class || seen->volume || (storage_class_waits(seen->class) && !seen->consumed))
        return;
    if (is_block(claim) || json_at(claim, "spec", "selector")) {
        plan_event(plan, claim, "Warning", "ProvisioningFailed",
                   "failed to provision volume with StorageClass \"%s\": %s",
                   storage_class_of(claim),
                   is_block(claim) ? "block volumes are not supported"
                                   : "claim Selector is not supported");
        return;
    }
    struct plan_action *create = plan_create(plan, VOLUMES, "", make_volume(seen));
    create->flags = PLAN_EXISTS_OK;
    create->about = json_incref((json_t *)(uintptr_t)claim);
    create->ok_reason = "ProvisioningSucceeded";
    create->ok_text = "Successfully provisioned volume ";
}

/* ---- growing ---- */

static bool is_less(const json_t *a, const json_t *b)
{
    struct quantity left = {0}, right = {0};
    return json_is_string(a) && json_is_string(b) &&
           quantity_parse(str_of(json_string_value(a)), &left) &&
           quantity_parse(str_of(json_string_value(b)), &right) &&
           quantity_compare(&left, &right) < 0;
}

/* The volume first, then what the claim says that it has. */
static void grow(const json_t *claim, const json_t *volume, struct plan *plan)
{
    json_t *want = json_at(claim, "spec", "resources", "requests", "storage"),
           *have = json_at(volume, "spec", "capacity", "storage");
    if (is_less(have, want)) {
        json_t *body = json_deep_copy(volume);
        json_object_set(json_at(body, "spec", "capacity"), "storage", want);
        plan_update(plan, VOLUMES, "", body);
    } else if (is_less(json_at(claim, "status", "capacity", "storage"), have)) {
        json_t *status = json_deep_copy(json_object_get(claim, "status"));
        json_object_set(json_object_get(status, "capacity"), "storage", have);
        plan_status(plan, CLAIMS, claim, status);
        plan_event(plan, claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded");
    }
}

void local_claim_decide(const struct local_claim_seen *seen, struct plan *plan)
{
    const char *bound = json_text(seen->claim, "spec", "volumeName");
    if (meta_deleting(seen->claim))
        return;
    if (bound && *bound && seen->volume && is_ours(seen->volume))
        grow(seen->claim, seen->volume, plan);
    else if ((!bound || !*bound) &&
             text_eq(meta_annotation(seen->claim, PROVISIONER), LOCAL_VOLUME_DRIVER))
        provision(seen, plan);
}

void local_volume_decide(const json_t *volume, struct plan *plan)
{
    if (is_ours(volume) && !meta_deleting(volume) &&
        text_eq(json_text(volume, "status", "phase"), "Released") &&
        text_eq(json_text(volume, "spec", "persistentVolumeReclaimPolicy"), "Delete"))
        plan_delete(plan, VOLUMES, volume)->flags = PLAN_ABSENT_OK;
}

/* ---- the rows ---- */

static bool observe(struct reconcile *reconcile, struct local_claim_seen *seen, json_t **class,
                    json_t **volume, struct error *err)
{
    struct cluster *cluster = reconcile->cluster;
    const char *bound = json_text(seen->claim, "spec", "volumeName"),
               *of = storage_class_of(seen->claim);
    CLEANUP(free_ptr)
    char *name = bound && *bound ? xstrdup(bound) : local_volume_name(seen->claim);
    if (!observe_get(cluster, VOLUMES, "", name, volume, err) ||
        (*of && !observe_get(cluster, "storageclasses.storage.k8s.io", "", of, class, err)) ||
        !claim_observe_consumed(cluster, seen->claim, &seen->consumed, err))
        return false;
    seen->class = *class;
    seen->volume = *volume;
    return true;
}

static enum reconcile_result reconcile_claim(void *arg, struct reconcile *reconcile,
                                             int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *claim = NULL, *class = NULL, *volume = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, CLAIMS, reconcile->ns, reconcile->name, &claim, err))
        return RECONCILE_RETRY;
    if (!claim || !text_eq(meta_annotation(claim, PROVISIONER), LOCAL_VOLUME_DRIVER))
        return RECONCILE_DONE;
    struct local_claim_seen seen = {.claim = claim};
    if (!observe(reconcile, &seen, &class, &volume, err))
        return RECONCILE_RETRY;
    local_claim_decide(&seen, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

static enum reconcile_result reconcile_volume(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *volume = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, VOLUMES, "", reconcile->name, &volume, err))
        return RECONCILE_RETRY;
    if (volume)
        local_volume_decide(volume, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

static const struct controller_source claim_sources[] = {
    {CLAIMS, NULL}, {VOLUMES, claim_map_volume}, {"pods", claim_map_pod}, {NULL, NULL}};
const struct controller local_provisioner = {
    .name = "local-volume-provisioner",
    .user = VOLUME_BINDER_USER,
    .sources = claim_sources,
    .reconcile = reconcile_claim,
};

static const struct controller_source volume_sources[] = {{VOLUMES, NULL}, {NULL, NULL}};
const struct controller local_reclaimer = {
    .name = "local-volume-reclaimer",
    .user = VOLUME_BINDER_USER,
    .sources = volume_sources,
    .reconcile = reconcile_volume,
};
