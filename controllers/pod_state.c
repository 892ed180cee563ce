#include "controllers/pod_state.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controllers/observe.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

const char *pod_phase(const json_t *pod)
{
    const char *phase = json_text(pod, "status", "phase");
    return phase ? phase : "";
}

bool pod_is_terminal(const json_t *pod)
{
    return strcmp(pod_phase(pod), "Succeeded") == 0 || strcmp(pod_phase(pod), "Failed") == 0;
}

bool pod_is_active(const json_t *pod)
{
    return !pod_is_terminal(pod) && !meta_deleting(pod);
}

bool pod_is_ready(const json_t *pod)
{
    return condition_is(json_at(pod, "status", "conditions"), "Ready", "True");
}

int64_t pod_ready_since_us(const json_t *pod)
{
    const json_t *ready = condition_find(json_at(pod, "status", "conditions"), "Ready");
    return pod_is_ready(pod) ? json_time_us(json_object_get(ready, "lastTransitionTime")) : 0;
}

bool pod_is_available(const json_t *pod, int64_t min_ready_s, int64_t now_us)
{
    if (!pod_is_ready(pod))
        return false;
    int64_t since_us = pod_ready_since_us(pod);
    return min_ready_s <= 0 || (since_us && since_us + min_ready_s * 1000000 <= now_us);
}

int64_t pod_restarts_max(const json_t *pod)
{
    const json_t *statuses = json_at(pod, "status", "containerStatuses");
    int64_t most = 0;
    for (size_t i = 0; i < json_array_size(statuses); i++) {
        int64_t count =
            json_int_or(json_object_get(json_array_get(statuses, i), "restartCount"), 0);
        most = count > most ? count : most;
    }
    return most;
}

json_t *pod_from_template(const json_t *template, const char *name_prefix, json_t *owner_reference)
{
    static const char *const copied[] = {"labels", "annotations", "finalizers"};
    CLEANUP(free_ptr) char *prefix = xasprintf("%s-", name_prefix);
    json_t *metadata = json_pack("{s:s}", "generateName", prefix);
    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        const json_t *value = json_at(template, "metadata", copied[i]);
        if (json_object_size(value) || json_array_size(value))
            json_object_set_new(metadata, copied[i], json_deep_copy(value));
    }
    json_object_set_new(metadata, "ownerReferences", json_pack("[o]", owner_reference));
    return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Pod", "metadata",
                     metadata, "spec", json_deep_copy(json_object_get(template, "spec")));
}
