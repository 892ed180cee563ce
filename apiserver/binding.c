/* pods/binding. Source: pkg/registry/core/pod/storage. */
#include <string.h>

#include "apiserver/pod_condition.h"
#include "apiserver/special.h"
#include "apiserver/steps.h"
#include "schema/meta.h"

static void copy_annotations(const json_t *binding, json_t *pod)
{
    const char *key;
    json_t *value;
    json_object_foreach (json_at(binding, "metadata", "annotations"), key, value)
        if (json_is_string(value))
            meta_set_annotation(pod, key, json_string_value(value));
}

static bool check_binding(struct request *request, const json_t *binding, const char *name)
{
    struct error *err = &request->error;
    const char *node = json_text(binding, "target", "name"), *uid = meta_uid(binding),
               *on = json_text(request->old, "spec", "nodeName");
    const char *kind = json_text(binding, "target", "kind");
    if (kind && *kind && strcmp(kind, "Node") != 0)
        return error_set(
            err, ERROR_UNKNOWN,
            "target.kind: Unsupported value: \"%s\": supported values: \"Node\", \"<empty>\"",
            kind);
    if (!node || !*node)
        return error_set(err, ERROR_UNKNOWN, "target.name: Required value");
    if (*uid && strcmp(uid, request->current->uid) != 0)
        return error_conflict(
            err, "pods/binding", name,
            "Precondition failed: UID in precondition: %s, UID in object meta: %s", uid,
            request->current->uid);
    if (meta_deleting(request->old))
        return error_conflict(err, "pods/binding", name,
                              "pod %s is being deleted, cannot be assigned to a host", name);
    if (on && *on)
        return error_conflict(err, "pods/binding", name,
                              "pod %s is already assigned to node \"%s\"", name, on);
    if (json_array_size(json_at(request->old, "spec", "schedulingGates")) > 0)
        return error_conflict(err, "pods/binding", name,
                              "pod %s has non-empty .spec.schedulingGates", name);
    return true;
}

enum step_result step_bind(struct request *request)
{
    json_auto_t *binding = request->object;
    request->object = NULL;
    const char *name = *request->route.name ? request->route.name : meta_name(binding);
    if (*meta_name(binding) && strcmp(meta_name(binding), name) != 0) {
        error_bad_request(&request->error, "name in URL does not match name in Binding object");
        return STEP_FAIL;
    }
    enum step_result result =
        request_read(request, "pods", request_ns(request), name, &request->current);
    if (result != STEP_NEXT)
        return result;
    if (!request->current) {
        error_not_found(&request->error, "pods", name);
        return STEP_FAIL;
    }
    request->storage = store_intern("pods");
    request->old = object_json(request->current);
    if (!check_binding(request, binding, name))
        return STEP_FAIL;
    request->object = json_deep_copy(request->old);
    json_set_text(json_ensure_object(request->object, "spec"), "nodeName",
                  json_text(binding, "target", "name"));
    copy_annotations(binding, request->object);
    pod_condition_set(request->object, "PodScheduled", NULL, NULL);
    request->write.op = STORE_UPDATE;
    request->answers_status = true;
    return STEP_NEXT;
}
