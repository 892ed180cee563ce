/* The Priority and DefaultTolerationSeconds plugins. Sources: plugin/pkg/admission/priority,
 * /defaulttolerationseconds. */
#include <string.h>

#include "apiserver/admission/admission.h"
#include "schema/meta.h"

#define CLASSES "priorityclasses.scheduling.k8s.io"

/* ---- Priority ---- */

/* The class that is marked as default, of several the least; NULL tree when there is none. */
static enum step_result default_class(struct request *request, json_t **class)
{
    struct object_list classes = {0};
    struct cache_range range = {0};
    bool gone = false;
    enum step_result result = request_list(request, CLASSES, &range, &classes, &gone);
    *class = NULL;
    for (size_t i = 0; result == STEP_NEXT && i < classes.count; i++) {
        json_t *tree = object_json(classes.items[i]);
        bool is_default = json_bool_or(json_object_get(tree, "globalDefault"), false);
        int64_t value = json_int_or(json_object_get(tree, "value"), 0);
        bool least = !*class || value < json_int_or(json_object_get(*class, "value"), 0);
        if (is_default && least) {
            json_decref(*class);
            *class = json_incref(tree);
        }
        json_decref(tree);
    }
    object_list_free(&classes);
    return result;
}

static enum step_result refuse(struct request *request, const char *format, ...) PRINTF_LIKE(2, 3);
static enum step_result refuse(struct request *request, const char *format, ...)
{
    CLEANUP(buf_free) struct buf why = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&why, format, args);
    va_end(args);
    error_forbidden(&request->error, request->resource->key, meta_name(request->object), "%s",
                    why.data);
    return STEP_FAIL;
}

static enum step_result named_class(struct request *request, const char *name, json_t **class)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    enum step_result result = request_read(request, CLASSES, "", name, &object);
    *class = object ? object_json(object) : NULL;
    if (result == STEP_NEXT && !object)
        return refuse(request, "no PriorityClass with name %s was found", name);
    return result;
}

/* What the Pod says itself must be what its class says. */
static enum step_result set_priority(struct request *request, json_t *spec, const json_t *class)
{
    int64_t value = json_int_or(json_object_get(class, "value"), 0);
    const char *policy = class ? json_text(class, "preemptionPolicy") : "PreemptLowerPriority",
               *own = json_text(spec, "preemptionPolicy");
    const json_t *given = json_object_get(spec, "priority");
    if (given && json_int_or(given, 0) != value)
        return refuse(
            request,
            "the integer value of priority (%lld) must not be provided in pod spec; "
            "priority admission controller computed %lld from the given PriorityClass name",
            (long long)json_int_or(given, 0), (long long)value);
    json_object_set_new(spec, "priority", json_integer(value));
    if (policy && own && strcmp(own, policy) != 0)
        return refuse(request,
                      "the string value of PreemptionPolicy (%s) must not be provided in pod spec; "
                      "priority admission controller computed %s from the given PriorityClass name",
                      own, policy);
    if (policy)
        json_set_text(spec, "preemptionPolicy", policy);
    return STEP_NEXT;
}

/* Who leaves them out keeps them. */
static enum step_result keep_priority(struct request *request, json_t *spec)
{
    static const char *const members[] = {"priority", "preemptionPolicy"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *old = json_at(request->old, "spec", members[i]);
        if (old && !json_object_get(spec, members[i]))
            json_object_set(spec, members[i], old);
    }
    return STEP_NEXT;
}

enum step_result admit_priority(struct request *request)
{
    json_t *spec = json_ensure_object(request->object, "spec");
    json_auto_t *class = NULL;
    const char *name = json_text(spec, "priorityClassName");
    bool named = name && *name;
    if (request->current)
        return keep_priority(request, spec);
    enum step_result result =
        named ? named_class(request, name, &class) : default_class(request, &class);
    if (result != STEP_NEXT)
        return result;
    if (class && !named)
        json_set_text(spec, "priorityClassName", meta_name(class));
    return set_priority(request, spec, class);
}

enum step_result check_default_class(struct request *request)
{
    json_auto_t *class = NULL;
    if (!json_is_true(json_object_get(request->object, "globalDefault")))
        return STEP_NEXT;
    enum step_result result = default_class(request, &class);
    if (result != STEP_NEXT || !class ||
        (request->current && strcmp(meta_name(class), meta_name(request->object)) == 0))
        return result;
    return refuse(request,
                  "PriorityClass %s is already marked as default. Only one default can exist",
                  meta_name(class));
}

/* ---- DefaultTolerationSeconds ---- */

static bool tolerates(const json_t *tolerations, const char *taint)
{
    const json_t *toleration;
    size_t i;
    json_array_foreach (tolerations, i, toleration) {
        const char *key = json_text(toleration, "key"), *effect = json_text(toleration, "effect");
        bool any_key = !key || !*key, any_effect = !effect || !*effect;
        if ((any_key || strcmp(key, taint) == 0) &&
            (any_effect || strcmp(effect, "NoExecute") == 0))
            return true;
    }
    return false;
}

enum step_result admit_tolerations(struct request *request)
{
    static const char *const taints[] = {"node.kubernetes.io/not-ready",
                                         "node.kubernetes.io/unreachable"};
    json_t *spec = json_ensure_object(request->object, "spec");
    for (size_t i = 0; i < ARRAY_LEN(taints); i++)
        if (!tolerates(json_object_get(spec, "tolerations"), taints[i]))
            json_array_append_new(json_ensure_array(spec, "tolerations"),
                                  json_pack("{s:s, s:s, s:s, s:i}", "key", taints[i], "operator",
                                            "Exists", "effect", "NoExecute", "tolerationSeconds",
                                            300));
    return STEP_NEXT;
}
