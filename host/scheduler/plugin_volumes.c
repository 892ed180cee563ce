/* host/scheduler/plugin_volumes.c: VolumeBinding: a Pod's claims are bound, or will be once its
 * node is known (volumeBindingMode WaitForFirstConsumer), and its volumes can be reached from the
 * node. Source: upstream's plugin volumebinding. There a Pod holds its node while its claims are
 * being bound; here it is tried again when they are, and bound volumes lead it where they are. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "controllers/node_fit.h"
#include "controllers/owner.h"
#include "controllers/plan.h"
#include "controllers/volume_binder.h"
#include "host/scheduler/claims.h"
#include "schema/local_volume.h"
#include "schema/meta.h"

#define BIND_COMPLETED "pv.kubernetes.io/bind-completed"
#define HOST_LABEL     "kubernetes.io/hostname"
#define NO_PROVISIONER "kubernetes.io/no-provisioner"

/* ---- reading ---- */

/* What an unbound claim is of matters only then. */
static bool read_claim(struct cluster *cluster, const char *ns, const char *name, json_t **entry,
                       struct error *err)
{
    json_auto_t *claim = NULL, *volume = NULL, *class = NULL;
    if (!observe_get(cluster, CLAIMS, ns, name, &claim, err))
        return false;
    const char *bound = json_text(claim, "spec", "volumeName"), *of = storage_class_of(claim);
    bool named = bound && *bound;
    if ((named && !observe_get(cluster, VOLUMES, "", bound, &volume, err)) ||
        (!named && *of &&
         !observe_get(cluster, "storageclasses.storage.k8s.io", "", of, &class, err)))
        return false;
    *entry = json_pack("{s:O*, s:O*, s:O*}", "claim", claim, "volume", volume, "class", class);
    return true;
}

/* Neither bound nor to be bound by name: its class says that it waits for the node. */
static bool is_delayed(const json_t *entry)
{
    const char *bound = json_text(entry, "claim", "spec", "volumeName");
    return (!bound || !*bound) && storage_class_waits(json_object_get(entry, "class"));
}

void claims_clear(struct claims *claims)
{
    json_decref(claims->tree);
    json_list_free(&claims->volumes);
    *claims = (struct claims){0};
}

bool claims_read(struct cluster *cluster, const struct pod_info *pod, struct claims *claims,
                 struct error *err)
{
    const struct observe_query all = {.resource = VOLUMES};
    const json_t *volume;
    size_t i;
    json_array_foreach (json_at(pod->pod, "spec", "volumes"), i, volume) {
        CLEANUP(free_ptr) char *name = pod_claim_name(pod->pod, volume);
        json_t *entry = NULL;
        if (!name)
            continue;
        if (!read_claim(cluster, pod->ns, name, &entry, err))
            return false;
        if (json_at(volume, "ephemeral"))
            json_object_set_new(entry, "own", json_true());
        claims->tree = claims->tree ? claims->tree : json_object();
        json_object_set_new(claims->tree, name, entry);
        claims->delayed = claims->delayed || is_delayed(entry);
    }
    return !claims->delayed || observe_list(cluster, &all, &claims->volumes, err);
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

/* Why no node will do; nothing is said when one may. */
static void look_at_claim(const struct pod_info *pod, const char *name, const json_t *entry,
                          struct filter_status *status)
{
    const json_t *claim = json_object_get(entry, "claim");
    bool own = json_object_get(entry, "own");
    if (!claim && own)
        filter_refuse(status, FILTER_UNRESOLVED,
                      "waiting for ephemeral volume controller to create the "
                      "persistentvolumeclaim \"%s\"",
                      name);
    else if (!claim)
        filter_refuse(status, FILTER_UNRESOLVED, "persistentvolumeclaim \"%s\" not found", name);
    else if (text_eq(json_text(claim, "status", "phase"), "Lost"))
        filter_refuse(status, FILTER_UNRESOLVED,
                      "persistentvolumeclaim \"%s\" bound to non-existent persistentvolume \"%s\"",
                      name, json_text(claim, "spec", "volumeName") ?: "");
    else if (meta_deleting(claim))
        filter_refuse(status, FILTER_UNRESOLVED, "persistentvolumeclaim \"%s\" is being deleted",
                      name);
    else if (own && !owner_is_controller(claim, pod->uid))
        filter_refuse(status, FILTER_UNRESOLVED,
                      "PVC %s/%s was not created for pod %s/%s (pod is not owner)", pod->ns, name,
                      pod->ns, pod->name);
    else if (!is_bound(entry) && !is_delayed(entry))
        filter_refuse(status, FILTER_UNRESOLVED,
                      "pod has unbound immediate PersistentVolumeClaims");
}

static void *look_at_claims(const struct cycle *cycle, struct filter_status *status)
{
    const char *name;
    json_t *entry, *claims = (json_t *)(uintptr_t)cycle->snapshot->claims; /* as above */
    json_object_foreach (claims, name, entry) {
        look_at_claim(cycle->pod, name, entry, status);
        if (status->code != FILTER_OK)
            return NULL;
    }
    return NULL;
}

/* Whether a provisioner can make a volume of the class for the node. */
static bool can_provision(const json_t *class, const json_t *node)
{
    const char *provisioner = json_text(class, "provisioner");
    const json_t *terms = json_object_get(class, "allowedTopologies");
    if (!provisioner || !*provisioner || strcmp(provisioner, NO_PROVISIONER) == 0)
        return false;
    return !json_array_size(terms) || node_fit_topologies(terms, node);
}

static int by_size(const void *left, const void *right)
{
    struct quantity sizes[2] = {0};
    const json_t *entries[] = {*(json_t *const *)left, *(json_t *const *)right};
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        const json_t *asked =
            json_at(entries[i], "claim", "spec", "resources", "requests", "storage");
        if (!json_is_string(asked) || !quantity_parse(str_of(json_string_value(asked)), &sizes[i]))
            sizes[i] = (struct quantity){0};
    }
    return quantity_compare(&sizes[0], &sizes[1]);
}

/* Those that wait for the node, the smallest first: it takes the smallest volume. */
static json_t **list_delayed(const json_t *claims, size_t *count)
{
    const char *name;
    json_t *entry, *tree = (json_t *)(uintptr_t)claims; /* as above */
    json_t **list = xcalloc(json_object_size(claims) + 1, sizeof(*list));
    *count = 0;
    json_object_foreach (tree, name, entry)
        if (!is_bound(entry) && is_delayed(entry))
            list[(*count)++] = entry;
    qsort(list, *count, sizeof(*list), by_size);
    return list;
}

/* A volume for each claim that waits, or a node to make it for; false: this node has neither. What
 * is to be written for it goes to `plan`, which may be NULL. */
static bool match_delayed(const struct snapshot *snapshot, const json_t *node, struct plan *plan)
{
    size_t count;
    CLEANUP(free_ptr) json_t **entries = list_delayed(snapshot->claims, &count);
    json_auto_t *taken = json_object();
    for (size_t i = 0; i < count; i++) {
        const json_t *claim = json_object_get(entries[i], "claim");
        const char *selected = meta_annotation(claim, SELECTED_NODE);
        const struct volume_wish wish = {.claim = claim, .node = node, .taken = taken};
        const json_t *volume =
            selected ? NULL : volume_match(&wish, snapshot->volumes, snapshot->volume_count);
        if (volume)
            json_object_set_new(taken, meta_name(volume), json_true());
        else if ((selected && strcmp(selected, meta_name(node)) != 0) ||
                 !can_provision(json_object_get(entries[i], "class"), node))
            return false;
        if (plan && volume) {
            (void)volume_bind(volume, claim, plan); /* or it is bound, and the claim will be */
        } else if (plan && !selected) {
            json_t *body = json_deep_copy(claim);
            meta_set_annotation(body, SELECTED_NODE, meta_name(node));
            plan_update(plan, CLAIMS, "", body);
        }
    }
    return true;
}

static void filter_volumes(const struct cycle *cycle, void *state, const struct node_info *node,
                           struct filter_status *status)
{
    const char *name;
    json_t *entry, *claims = (json_t *)(uintptr_t)cycle->snapshot->claims; /* as above */
    (void)state;
    json_object_foreach (claims, name, entry) {
        const json_t *volume = json_object_get(entry, "volume");
        if (volume && !volume_reaches(volume, node->node)) {
            filter_refuse(status, FILTER_UNRESOLVED, "node(s) had volume node affinity conflict");
            break;
        }
    }
    if (claims && !match_delayed(cycle->snapshot, node->node, NULL))
        filter_refuse(status, FILTER_UNRESOLVED,
                      "node(s) didn't find available persistent volumes to bind");
}

const struct plugin plugin_volume_binding = {
    .name = "VolumeBinding", .pre_filter = look_at_claims, .filter = filter_volumes};

/* ---- settling ---- */

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

void claims_settle(const struct snapshot *snapshot, const json_t *node, struct plan *plan)
{
    const char *name;
    json_t *entry, *tree = (json_t *)(uintptr_t)snapshot->claims; /* as above */
    if (!tree)
        return;
    (void)match_delayed(snapshot, node, plan); /* it has passed the filter */
    json_object_foreach (tree, name, entry) {
        const json_t *volume = json_object_get(entry, "volume");
        if (has_no_place(volume))
            plan_update(plan, VOLUMES, "", pinned(volume, node));
    }
}
