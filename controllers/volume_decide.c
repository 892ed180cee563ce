/* What is next for a claim, and for a volume: upstream's syncClaim and syncVolume, one step at a
 * time. */
#include <string.h>

#include "base/mem.h"
#include "controllers/volume_binder.h"
#include "schema/meta.h"

#define BIND_COMPLETED "pv.kubernetes.io/bind-completed"
#define BY_CONTROLLER  "pv.kubernetes.io/bound-by-controller"
#define PROVISIONED_BY "pv.kubernetes.io/provisioned-by"

static bool has_phase(const json_t *object, const char *phase)
{
    return text_eq(json_text(object, "status", "phase"), phase);
}

/* ---- claims ---- */

static void set_claim_phase(const json_t *claim, const char *phase, struct plan *plan)
{
    if (has_phase(claim, phase))
        return;
    json_t *status = json_deep_copy(json_object_get(claim, "status"));
    status = status ? status : json_object();
    json_set_text(status, "phase", phase);
    if (strcmp(phase, "Pending") == 0) {
        json_object_del(status, "accessModes");
        json_object_del(status, "capacity");
    }
    plan_status(plan, CLAIMS, claim, status);
}

static void lose(const json_t *claim, const char *reason, const char *message, struct plan *plan)
{
    if (has_phase(claim, "Lost"))
        return;
    plan_event(plan, claim, "Warning", reason, "%s", message);
    set_claim_phase(claim, "Lost", plan);
}

bool volume_bind(const json_t *volume, const json_t *claim, struct plan *plan)
{
    const json_t *ref = json_at(volume, "spec", "claimRef");
    if (text_eq(json_text(ref, "uid"), meta_uid(claim)))
        return false;
    json_t *body = json_deep_copy(volume);
    json_object_set_new(json_object_get(body, "spec"), "claimRef",
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "PersistentVolumeClaim",
                                  "namespace", meta_namespace(claim), "name", meta_name(claim),
                                  "uid", meta_uid(claim), "apiVersion", "v1", "resourceVersion",
                                  meta_resource_version(claim)));
    if (!ref)
        meta_set_annotation(body, BY_CONTROLLER, "yes");
    plan_update(plan, VOLUMES, "", body);
    return true;
}

static bool bind_claim(const json_t *claim, const json_t *volume, struct plan *plan)
{
    const char *bound = json_text(claim, "spec", "volumeName");
    bool named = text_eq(bound, meta_name(volume));
    if (named && meta_annotation(claim, BIND_COMPLETED))
        return false;
    json_t *body = json_deep_copy(claim);
    if (!named) {
        json_set_text(json_object_get(body, "spec"), "volumeName", meta_name(volume));
        meta_set_annotation(body, BY_CONTROLLER, "yes");
    }
    meta_set_annotation(body, BIND_COMPLETED, "yes");
    plan_update(plan, CLAIMS, "", body);
    return true;
}

static void tell_bound(const json_t *claim, const json_t *volume, struct plan *plan)
{
    json_t *status = json_deep_copy(json_object_get(claim, "status"));
    json_t *modes = json_at(volume, "spec", "accessModes"),
           *capacity = json_at(volume, "spec", "capacity");
    status = status ? status : json_object();
    bool told = has_phase(claim, "Bound") && json_object_get(status, "capacity");
    json_set_text(status, "phase", "Bound");
    if (modes)
        json_object_set(status, "accessModes", modes);
    if (capacity && !told) /* later, a resize tells */
        json_object_set(status, "capacity", capacity);
    if (json_equal(status, json_object_get(claim, "status")))
        json_decref(status);
    else
        plan_status(plan, CLAIMS, claim, status);
}

static void bind(const json_t *claim, const json_t *volume, struct plan *plan)
{
    if (!volume_bind(volume, claim, plan) && !bind_claim(claim, volume, plan))
        tell_bound(claim, volume, plan);
}

static void decide_bound(const struct claim_seen *seen, struct plan *plan)
{
    const json_t *claim = seen->claim, *volume = seen->volume;
    const char *name = json_text(claim, "spec", "volumeName");
    if (!name || !*name)
        lose(claim, "ClaimLost",
             "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
             plan);
    else if (!volume)
        lose(claim, "ClaimLost",
             "Bound claim has lost its PersistentVolume. Data on the volume is lost!", plan);
    else if (!json_at(volume, "spec", "claimRef") || volume_is_for(volume, claim))
        bind(claim, volume, plan);
    else
        lose(claim, "ClaimMisbound",
             "Two claims are bound to the same volume, this one is bound incorrectly", plan);
}

static void decide_named(const struct claim_seen *seen, struct plan *plan)
{
    const json_t *claim = seen->claim, *volume = seen->volume;
    const char *why = volume ? volume_mismatch(claim, volume) : NULL;
    bool open = volume && !json_at(volume, "spec", "claimRef");
    if (volume && (open ? !why : volume_is_for(volume, claim))) {
        bind(claim, volume, plan);
        return;
    }
    if (open)
        plan_event(plan, claim, "Warning", "VolumeMismatch",
                   "Cannot bind to requested volume \"%s\": %s", meta_name(volume), why);
    else if (volume)
        plan_event(plan, claim, "Warning", "FailedBinding",
                   "volume \"%s\" already bound to a different claim.", meta_name(volume));
    set_claim_phase(claim, "Pending", plan);
}

/* Who provisions is told by annotation; the rest is theirs. True when the claim has to be written
 * for it. */
static bool ask_provisioner(const struct claim_seen *seen, struct plan *plan)
{
    static const char *const keys[] = {"volume.beta.kubernetes.io/storage-provisioner",
                                       "volume.kubernetes.io/storage-provisioner"};
    const char *provisioner = json_text(seen->class, "provisioner");
    if (text_eq(meta_annotation(seen->claim, keys[1]), provisioner))
        return false;
    json_t *body = json_deep_copy(seen->claim);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        meta_set_annotation(body, keys[i], provisioner);
    plan_update(plan, CLAIMS, "", body);
    return true;
}

static void provision(const struct claim_seen *seen, struct plan *plan)
{
    const char *class = storage_class_of(seen->claim),
               *provisioner = json_text(seen->class, "provisioner");
    if (!*class) {
        plan_event(plan, seen->claim, "Normal", "FailedBinding",
                   "no persistent volumes available for this claim and no storage class is set");
    } else if (!seen->class) {
        plan_event(plan, seen->claim, "Warning", "ProvisioningFailed",
                   "storageclass.storage.k8s.io \"%s\" not found", class);
    } else if (text_starts(provisioner, "kubernetes.io/")) {
        plan_event(plan, seen->claim, "Warning", "ProvisioningFailed",
                   "no volume plugin matched name: %s", provisioner);
    } else if (ask_provisioner(seen, plan)) {
        return;
    } else {
        plan_event(plan, seen->claim, "Normal", "ExternalProvisioning",
                   "Waiting for a volume to be created either by the external provisioner '%s' or "
                   "manually by the system "
                   "administrator. If volume creation is delayed, please verify that the "
                   "provisioner is running and "
                   "correctly registered.",
                   provisioner);
    }
    set_claim_phase(seen->claim, "Pending", plan);
}

static void tell_waiting(const struct claim_seen *seen, struct plan *plan)
{
    if (seen->pod_count)
        plan_event(plan, seen->claim, "Normal", "WaitForPodScheduled",
                   "waiting for pod%s %s to be scheduled", seen->pod_count > 1 ? "s" : "",
                   seen->pods);
    else
        plan_event(plan, seen->claim, "Normal", "WaitForFirstConsumer",
                   "waiting for first consumer to be created before binding");
    set_claim_phase(seen->claim, "Pending", plan);
}

static void decide_unnamed(const struct claim_seen *seen, struct plan *plan)
{
    bool waits = storage_class_waits(seen->class) && !seen->consumed;
    const struct volume_wish wish = {.claim = seen->claim, .reserved = waits};
    const json_t *volume = volume_match(&wish, seen->volumes, seen->volume_count);
    if (volume) {
        bind(seen->claim, volume, plan);
    } else if (waits) {
        tell_waiting(seen, plan);
    } else {
        provision(seen, plan);
    }
}

void volume_claim_decide(const struct claim_seen *seen, struct plan *plan)
{
    const char *name = json_text(seen->claim, "spec", "volumeName");
    if (meta_annotation(seen->claim, BIND_COMPLETED))
        decide_bound(seen, plan);
    else if (meta_deleting(seen->claim))
        return;
    else if (name && *name)
        decide_named(seen, plan);
    else
        decide_unnamed(seen, plan);
}

/* ---- volumes ---- */

static void set_volume_phase(const json_t *volume, const char *phase, const char *message,
                             struct plan *plan)
{
    if (has_phase(volume, phase))
        return;
    json_t *status = json_pack("{s:s, s:s*}", "phase", phase, "message", message);
    plan_status(plan, VOLUMES, volume, status);
}

/* Its claim is gone. Data of volumes that a provisioner made are the provisioner's to delete. */
static void release(const json_t *volume, struct plan *plan)
{
    const char *policy = json_text(volume, "spec", "persistentVolumeReclaimPolicy");
    bool foreign = meta_annotation(volume, PROVISIONED_BY) || json_at(volume, "spec", "csi");
    if (!has_phase(volume, "Released") && !has_phase(volume, "Failed")) {
        set_volume_phase(volume, "Released", NULL, plan);
        return;
    }
    if (has_phase(volume, "Failed") || meta_deleting(volume) || text_eq(policy, "Retain") ||
        (text_eq(policy, "Delete") && foreign))
        return;
    bool recycle = text_eq(policy, "Recycle");
    const char *why =
        recycle ? "no recyclable volume plugin matched" : "no deletable volume plugin matched";
    plan_event(plan, volume, "Warning", recycle ? "VolumeFailedRecycle" : "VolumeFailedDelete",
               "%s", why);
    set_volume_phase(volume, "Failed", why, plan);
}

/* The claim went elsewhere: the volume is free again, or waits for the claim that its owner wrote
 * down. */
static void unbind(const json_t *volume, struct plan *plan)
{
    json_t *body = json_deep_copy(volume), *spec = json_object_get(body, "spec");
    json_t *notes = json_at(body, "metadata", "annotations");
    if (meta_annotation(volume, BY_CONTROLLER)) {
        json_object_del(spec, "claimRef");
        json_object_del(notes, BY_CONTROLLER);
    } else {
        json_object_del(json_object_get(spec, "claimRef"), "uid");
    }
    plan_update(plan, VOLUMES, "", body);
}

void volume_decide(const struct volume_seen *seen, struct plan *plan)
{
    const json_t *volume = seen->volume, *ref = json_at(volume, "spec", "claimRef"),
                 *claim = seen->claim;
    const char *uid = json_text(ref, "uid");
    if (!ref || !uid || !*uid) {
        set_volume_phase(volume, "Available", NULL, plan);
        return;
    }
    if (!claim || strcmp(uid, meta_uid(claim)) != 0) {
        release(volume, plan);
        return;
    }
    const char *name = json_text(claim, "spec", "volumeName");
    if (!name || !*name || strcmp(name, meta_name(volume)) == 0)
        set_volume_phase(volume, "Bound", NULL, plan);
    else
        unbind(volume, plan);
}
