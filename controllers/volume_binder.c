/* Observing for claims and volumes, and their rows. */
#include "controllers/volume_binder.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "schema/meta.h"

static bool uses_any(const struct object *pod)
{
    static const char mark[] = "olumeClaim"; /* persistentVolumeClaim, volumeClaimTemplate */
    return memmem(pod->body.data, pod->body.len, mark, sizeof(mark) - 1);
}

static bool has_ended(const json_t *pod)
{
    const char *phase = json_text(pod, "status", "phase");
    return text_eq(phase, "Succeeded") || text_eq(phase, "Failed");
}

char *pod_claim_name(const json_t *pod, const json_t *volume)
{
    const char *claim = json_text(volume, "persistentVolumeClaim", "claimName");
    if (json_at(volume, "ephemeral"))
        return xasprintf("%s-%s", meta_name(pod), json_text(volume, "name") ?: "");
    return claim ? xstrdup(claim) : NULL;
}

bool pod_uses_claim(const json_t *pod, const char *claim, bool unscheduled)
{
    const char *node = json_text(pod, "spec", "nodeName");
    const json_t *volume;
    size_t i;
    if (has_ended(pod) || (!unscheduled && (!node || !*node)))
        return false;
    json_array_foreach (json_at(pod, "spec", "volumes"), i, volume) {
        CLEANUP(free_ptr) char *name = pod_claim_name(pod, volume);
        if (text_eq(name, claim))
            return true;
    }
    return false;
}

bool claim_observe_use(struct cluster *cluster, const char *ns, const char *claim,
                       enum claim_use use, bool *used, struct error *err)
{
    struct object_list list = {0};
    if (!cache_list(cluster, "pods", ns, &list, err))
        return false;
    *used = false;
    for (size_t i = 0; i < list.count && !*used; i++) {
        if (!uses_any(list.items[i]))
            continue;
        json_auto_t *pod = object_json(list.items[i]);
        *used = pod_uses_claim(pod, claim, use == CLAIM_WANTED);
    }
    object_list_free(&list);
    return true;
}

bool claim_observe_consumed(struct cluster *cluster, const json_t *claim, bool *consumed,
                            struct error *err)
{
    *consumed = meta_annotation(claim, SELECTED_NODE);
    return *consumed || cluster->id == CLUSTER_HOST_ID ||
           claim_observe_use(cluster, meta_namespace(claim), meta_name(claim), CLAIM_WANTED,
                             consumed, err);
}

static enum reconcile_result finish(struct reconcile *reconcile, const struct plan *plan,
                                    struct error *err)
{
    return plan_apply(&reconcile->caller, plan, NULL, err) || error_is_terminating(err)
               ? RECONCILE_DONE
               : RECONCILE_RETRY;
}

/* ---- claims ---- */

/* The names of the Pods that use the claim and have no node. */
static bool observe_waiting(struct reconcile *reconcile, size_t *count, struct buf *names,
                            struct error *err)
{
    struct object_list list = {0};
    if (!cache_list(reconcile->cluster, "pods", reconcile->ns, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        if (object_field(list.items[i], "spec.nodeName")[0] || !uses_any(list.items[i]))
            continue;
        json_auto_t *pod = object_json(list.items[i]);
        if (!pod_uses_claim(pod, reconcile->name, true))
            continue;
        buf_printf(names, "%s%s", *count ? "," : "", list.items[i]->name);
        (*count)++;
    }
    object_list_free(&list);
    return true;
}

/* What a claim of a class that waits is waiting for. */
static bool observe_consumer(struct reconcile *reconcile, struct claim_seen *seen,
                             struct buf *names, struct error *err)
{
    if (!claim_observe_consumed(reconcile->cluster, seen->claim, &seen->consumed, err) ||
        (!seen->consumed && !observe_waiting(reconcile, &seen->pod_count, names, err)))
        return false;
    seen->pods = names->data;
    return true;
}

static bool observe_claim(struct reconcile *reconcile, struct claim_seen *seen, json_t **volume,
                          json_t **class, struct json_list *volumes, struct error *err)
{
    const char *name = json_text(seen->claim, "spec", "volumeName"),
               *of = storage_class_of(seen->claim);
    const struct observe_query all = {.resource = VOLUMES};
    bool named = name && *name;
    if (named && !observe_get(reconcile->cluster, VOLUMES, "", name, volume, err))
        return false;
    if (!named && (!observe_list(reconcile->cluster, &all, volumes, err) ||
                   (*of && !observe_get(reconcile->cluster, "storageclasses.storage.k8s.io", "", of,
                                        class, err))))
        return false;
    seen->volume = *volume;
    seen->class = *class;
    seen->volumes = volumes->items;
    seen->volume_count = volumes->count;
    return true;
}

static enum reconcile_result reconcile_claim(void *arg, struct reconcile *reconcile,
                                             int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *claim = NULL, *volume = NULL, *class = NULL;
    CLEANUP(json_list_free) struct json_list volumes = {0};
    CLEANUP(buf_free) struct buf names = BUF_TEXT;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, CLAIMS, reconcile->ns, reconcile->name, &claim, err))
        return RECONCILE_RETRY;
    if (!claim)
        return RECONCILE_DONE;
    struct claim_seen seen = {.claim = claim};
    if (!observe_claim(reconcile, &seen, &volume, &class, &volumes, err) ||
        (storage_class_waits(class) && !observe_consumer(reconcile, &seen, &names, err)))
        return RECONCILE_RETRY;
    volume_claim_decide(&seen, &plan);
    return finish(reconcile, &plan, err);
}

void claim_map_volume(struct cluster *cluster, const struct object *object,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg)
{
    json_auto_t *volume = object_json(object);
    const json_t *ref = json_at(volume, "spec", "claimRef");
    const char *ns = json_text(ref, "namespace"), *name = json_text(ref, "name");
    (void)cluster;
    (void)before;
    if (ns && name) {
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", ns, name);
        add(arg, key);
    } else {
        add(arg, "*");
    }
}

static void map_class(struct cluster *cluster, const struct object *class,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg)
{
    (void)cluster;
    (void)class;
    (void)before;
    add(arg, "*");
}

void claim_map_pod(struct cluster *cluster, const struct object *object,
                   const struct object *before, void (*add)(void *arg, const char *key), void *arg)
{
    (void)cluster;
    (void)before;
    if (!uses_any(object))
        return;
    json_auto_t *pod = object_json(object);
    const json_t *volume;
    size_t i;
    json_array_foreach (json_at(pod, "spec", "volumes"), i, volume) {
        CLEANUP(free_ptr) char *name = pod_claim_name(pod, volume);
        CLEANUP(free_ptr) char *key = name ? xasprintf("%s/%s", object->ns, name) : NULL;
        if (key)
            add(arg, key);
    }
}

static const struct controller_source claim_sources[] = {
    {CLAIMS, NULL},
    {VOLUMES, claim_map_volume},
    {"storageclasses.storage.k8s.io", map_class},
    {"pods", claim_map_pod},
    {NULL, NULL}};
const struct controller claim_binder = {
    .name = "persistentvolume-controller",
    .user = VOLUME_BINDER_USER,
    .sources = claim_sources,
    .reconcile = reconcile_claim,
};

/* ---- volumes ---- */

static enum reconcile_result reconcile_volume(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *volume = NULL, *claim = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, VOLUMES, "", reconcile->name, &volume, err))
        return RECONCILE_RETRY;
    const json_t *ref = json_at(volume, "spec", "claimRef");
    const char *ns = json_text(ref, "namespace"), *name = json_text(ref, "name");
    if (ns && name && !observe_get(reconcile->cluster, CLAIMS, ns, name, &claim, err))
        return RECONCILE_RETRY;
    if (volume)
        volume_decide(&(struct volume_seen){volume, claim}, &plan);
    return finish(reconcile, &plan, err);
}

static void map_claim(struct cluster *cluster, const struct object *object,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg)
{
    json_auto_t *claim = object_json(object);
    const char *name = json_text(claim, "spec", "volumeName");
    (void)cluster;
    (void)before;
    if (name && *name)
        add(arg, name);
}

static const struct controller_source volume_sources[] = {
    {VOLUMES, NULL}, {CLAIMS, map_claim}, {NULL, NULL}};
const struct controller volume_binder = {
    .name = "persistentvolume-reclaimer",
    .user = VOLUME_BINDER_USER,
    .sources = volume_sources,
    .reconcile = reconcile_volume,
};

/* ---- protection ---- */

static enum reconcile_result reconcile_claim_protection(void *arg, struct reconcile *reconcile,
                                                        int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *claim = NULL;
    bool used = true;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, CLAIMS, reconcile->ns, reconcile->name, &claim, err))
        return RECONCILE_RETRY;
    if (!claim)
        return RECONCILE_DONE;
    if (meta_deleting(claim) && !claim_observe_use(reconcile->cluster, reconcile->ns,
                                                   reconcile->name, CLAIM_MOUNTED, &used, err))
        return RECONCILE_RETRY;
    volume_protect(CLAIMS, claim, used, &plan);
    return finish(reconcile, &plan, err);
}

static const struct controller_source claim_protection_sources[] = {
    {CLAIMS, NULL}, {"pods", claim_map_pod}, {NULL, NULL}};
const struct controller claim_protection = {
    .name = "pvc-protection-controller",
    .sources = claim_protection_sources,
    .reconcile = reconcile_claim_protection,
};

static enum reconcile_result reconcile_volume_protection(void *arg, struct reconcile *reconcile,
                                                         int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *volume = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, VOLUMES, "", reconcile->name, &volume, err))
        return RECONCILE_RETRY;
    if (volume)
        volume_protect(VOLUMES, volume, text_eq(json_text(volume, "status", "phase"), "Bound"),
                       &plan);
    return finish(reconcile, &plan, err);
}

static const struct controller_source volume_protection_sources[] = {{VOLUMES, NULL}, {NULL, NULL}};
const struct controller volume_protection = {
    .name = "pv-protection-controller",
    .sources = volume_protection_sources,
    .reconcile = reconcile_volume_protection,
};
