#include "host/scheduler/kin.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/observe.h"
#include "schema/meta.h"

#define SERVICES "services"

/* Controllers whose selectors count; a plain map where it is not a LabelSelector. */
static const struct owner {
    const char *api_version, *kind, *resource;
    bool plain;
} owners[] = {
    {"v1", "ReplicationController", "replicationcontrollers", true},
    {"apps/v1", "ReplicaSet", "replicasets.apps", false},
    {"apps/v1", "StatefulSet", "statefulsets.apps", false},
};

/* Whether its bytes name one of the labels: most Services are told apart without being read. */
static bool may_select(const struct object *service, const json_t *labels)
{
    const char *key;
    json_t *value, *tree = (json_t *)(uintptr_t)labels; /* for the iterator: nothing is changed */
    json_object_foreach (tree, key, value) {
        CLEANUP(free_ptr) char *mark = xasprintf("\"%s\":\"%s\"", key, json_string_value(value));
        if (memmem(service->body.data, service->body.len, mark, strlen(mark)))
            return true;
    }
    return false;
}

static bool is_part_of(const json_t *some, const json_t *labels)
{
    const char *key;
    json_t *value, *tree = (json_t *)(uintptr_t)some; /* as above */
    json_object_foreach (tree, key, value)
        if (!text_eq(json_string_value(json_object_get(labels, key)), json_string_value(value)))
            return false;
    return true;
}

static bool add_services(struct cluster *cluster, const struct pod_info *pod, json_t *labels,
                         struct error *err)
{
    CLEANUP(object_list_free) struct object_list list = {0};
    const json_t *own = json_at(pod->pod, "metadata", "labels");
    if (!cache_list(cluster, SERVICES, pod->ns, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        if (!may_select(list.items[i], own))
            continue;
        json_auto_t *service = object_json(list.items[i]);
        json_t *selector = json_at(service, "spec", "selector");
        if (json_object_size(selector) && is_part_of(selector, own))
            json_object_update(labels, selector);
    }
    return true;
}

static bool add_owner(struct cluster *cluster, const struct pod_info *pod, json_t *kin,
                      struct error *err)
{
    const json_t *reference = meta_controller(pod->pod);
    json_auto_t *object = NULL;
    const struct owner *owner = NULL;
    for (size_t i = 0; i < ARRAY_LEN(owners); i++)
        if (text_eq(json_text(reference, "apiVersion"), owners[i].api_version) &&
            text_eq(json_text(reference, "kind"), owners[i].kind))
            owner = &owners[i];
    if (!owner)
        return true;
    if (!observe_get(cluster, owner->resource, pod->ns, json_text(reference, "name"), &object, err))
        return false;
    json_t *selector = json_at(object, "spec", "selector");
    json_t *labels = owner->plain ? selector : json_object_get(selector, "matchLabels");
    json_t *expressions = owner->plain ? NULL : json_object_get(selector, "matchExpressions");
    if (labels)
        json_object_update(json_object_get(kin, "matchLabels"), labels);
    if (json_array_size(expressions))
        json_object_set(kin, "matchExpressions", expressions);
    return true;
}

bool kin_read(struct cluster *cluster, const struct pod_info *pod, json_t **out, struct error *err)
{
    *out = NULL;
    if (pod->tenant[0] || !json_object_size(json_at(pod->pod, "metadata", "labels")) ||
        json_array_size(json_at(pod->pod, "spec", "topologySpreadConstraints")))
        return true;
    json_auto_t *kin = json_pack("{s:{}}", "matchLabels");
    if (!add_services(cluster, pod, json_object_get(kin, "matchLabels"), err) ||
        !add_owner(cluster, pod, kin, err))
        return false;
    if (json_object_size(json_object_get(kin, "matchLabels")) ||
        json_object_get(kin, "matchExpressions"))
        *out = json_incref(kin);
    return true;
}
