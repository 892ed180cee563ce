/* The RuntimeClass plugin: what a Pod's class says of overhead and of where the Pod may go. Source:
 * plugin/pkg/admission/runtimeclass, pkg/util/tolerations. */
#include <string.h>

#include "apiserver/admission/admission.h"
#include "auth/user.h"
#include "base/quantity.h"
#include "schema/meta.h"

#define MISMATCH "Pod's Overhead doesn't match RuntimeClass's defined Overhead"
#define NO_CLASS "Pod Overhead set without corresponding RuntimeClass defined Overhead"

static enum step_result refuse(struct request *request, const char *why)
{
    error_forbidden(&request->error, "pods", meta_name(request->object), "pod rejected: %s", why);
    return STEP_FAIL;
}

/* The Pod's class as a new tree; NULL when it names none. */
static enum step_result find_class(struct request *request, json_t **class)
{
    const char *name = json_text(request->object, "spec", "runtimeClassName");
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    *class = NULL;
    if (!name)
        return STEP_NEXT;
    enum step_result result =
        *name ? request_read(request, "runtimeclasses.node.k8s.io", "", name, &object) : STEP_NEXT;
    if (result != STEP_NEXT)
        return result;
    if (!object) {
        CLEANUP(free_ptr) char *why = xasprintf("RuntimeClass \"%s\" not found", name);
        return refuse(request, why);
    }
    *class = object_json(object);
    return STEP_NEXT;
}

/* ---- overhead ---- */

static bool same_amount(const json_t *a, const json_t *b)
{
    struct quantity left, right;
    const char *left_text = json_string_value(a), *right_text = json_string_value(b);
    return left_text && right_text && quantity_parse(str_of(left_text), &left) &&
           quantity_parse(str_of(right_text), &right) && quantity_compare(&left, &right) == 0;
}

/* Resource lists, by value; none is as an empty one. */
static bool same_amounts(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach (a, name, value)
        if (!same_amount(value, json_object_get(b, name)))
            return false;
    return true;
}

static enum step_result set_overhead(struct request *request, json_t *spec, const json_t *class)
{
    const json_t *overhead = json_object_get(class, "overhead"),
                 *fixed = json_object_get(overhead, "podFixed"),
                 *given = json_object_get(spec, "overhead");
    if (!overhead)
        return STEP_NEXT;
    if (given && !same_amounts(given, fixed))
        return refuse(request, MISMATCH);
    if (fixed)
        json_object_set_new(spec, "overhead", json_deep_copy(fixed));
    else
        json_object_del(spec, "overhead");
    return STEP_NEXT;
}

/* ---- scheduling ---- */

static enum step_result merge_selector(struct request *request, json_t *spec, const json_t *wanted)
{
    const char *key;
    json_t *value;
    if (json_object_size(wanted) == 0)
        return STEP_NEXT;
    json_t *selector = json_ensure_object(spec, "nodeSelector");
    json_object_foreach (wanted, key, value) {
        const char *own = json_text(selector, key), *text = json_string_value(value);
        if (own && !text_eq(own, text)) {
            error_forbidden(&request->error, "pods", meta_name(request->object),
                            "conflict: runtimeClass.scheduling.nodeSelector[%s] = %s; "
                            "pod.spec.nodeSelector[%s] = %s",
                            key, text, key, own);
            return STEP_FAIL;
        }
        json_object_set(selector, key, value);
    }
    return STEP_NEXT;
}

static const char *member(const json_t *toleration, const char *name)
{
    const char *text = json_text(toleration, name);
    return text ? text : "";
}

static bool same_toleration(const json_t *a, const json_t *b)
{
    static const char *const members[] = {"key", "operator", "value", "effect"};
    const json_t *seconds = json_object_get(a, "tolerationSeconds"),
                 *other = json_object_get(b, "tolerationSeconds");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (strcmp(member(a, members[i]), member(b, members[i])) != 0)
            return false;
    return seconds == other || json_equal(seconds, other);
}

/* Whether `wide` tolerates all that `one` does, and for as long. */
static bool covers(const json_t *wide, const json_t *one)
{
    const char *effect = member(wide, "effect"), *op = member(wide, "operator");
    const json_t *limit = json_object_get(wide, "tolerationSeconds"),
                 *seconds = json_object_get(one, "tolerationSeconds");
    bool exists = strcmp(op, "Exists") == 0;
    bool every_key = !*member(wide, "key") && exists;
    if (same_toleration(wide, one))
        return true;
    if (!every_key && strcmp(member(wide, "key"), member(one, "key")) != 0)
        return false;
    if (*effect && strcmp(effect, member(one, "effect")) != 0)
        return false;
    if (strcmp(effect, "NoExecute") == 0 && limit &&
        (!seconds || json_int_or(seconds, 0) > json_int_or(limit, 0)))
        return false;
    return exists || (strcmp(member(one, "operator"), "Equal") == 0 &&
                      strcmp(member(one, "value"), member(wide, "value")) == 0);
}

/* Covered by what is kept, or by one that follows; of equal ones the first is kept. */
static bool is_redundant(const json_t *kept, const json_t *all, size_t at)
{
    const json_t *one = json_array_get(all, at);
    for (size_t i = 0; i < json_array_size(kept); i++)
        if (covers(json_array_get(kept, i), one))
            return true;
    for (size_t i = at + 1; i < json_array_size(all); i++)
        if (!same_toleration(json_array_get(all, i), one) && covers(json_array_get(all, i), one))
            return true;
    return false;
}

static void merge_tolerations(json_t *spec, json_t *wanted)
{
    json_t *kept = json_array();
    json_auto_t *all = json_array();
    json_array_extend(all, json_object_get(spec, "tolerations"));
    json_array_extend(all, wanted);
    for (size_t i = 0; i < json_array_size(all); i++)
        if (!is_redundant(kept, all, i))
            json_array_append(kept, json_array_get(all, i));
    json_object_set_new(spec, "tolerations", kept);
    if (json_array_size(kept) == 0)
        json_object_del(spec, "tolerations");
}

/* ---- the steps ---- */

enum step_result admit_runtime_class(struct request *request)
{
    json_auto_t *class = NULL;
    json_t *spec = json_ensure_object(request->object, "spec");
    enum step_result result = find_class(request, &class);
    json_t *scheduling = json_object_get(class, "scheduling");
    if (result == STEP_NEXT)
        result = set_overhead(request, spec, class);
    if (result == STEP_NEXT && scheduling) {
        result = merge_selector(request, spec, json_object_get(scheduling, "nodeSelector"));
        merge_tolerations(spec, json_object_get(scheduling, "tolerations"));
    }
    return result;
}

/* The platform's own Pods stand for such of another cluster, whose class decided already. */
static bool brings_overhead(const struct request *request)
{
    return request->caller && user_in(&request->user, "system:masters");
}

enum step_result check_runtime_class(struct request *request)
{
    json_auto_t *class = NULL;
    const json_t *given = json_at(request->object, "spec", "overhead");
    enum step_result result = find_class(request, &class);
    const json_t *overhead = json_object_get(class, "overhead");
    if (result != STEP_NEXT)
        return result;
    if (overhead && !same_amounts(given, json_object_get(overhead, "podFixed")))
        return refuse(request, MISMATCH);
    if (!overhead && given && !brings_overhead(request))
        return refuse(request, NO_CLASS);
    return STEP_NEXT;
}
