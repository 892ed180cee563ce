/* Annotations of Pods that the API gives a meaning to, from before there were fields for it.
 * Source: ValidatePodSpecificAnnotations and its like in pkg/apis/core/validation. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"
#include "base/parse.h"

#define MIRROR        "kubernetes.io/config.mirror"
#define TOLERATIONS   "scheduler.alpha.kubernetes.io/tolerations"
#define DELETION_COST "controller.kubernetes.io/pod-deletion-cost"
#define SECCOMP_POD   "seccomp.security.alpha.kubernetes.io/pod"
#define SECCOMP       "container.seccomp.security.alpha.kubernetes.io/"
#define LOCALHOST     "localhost/"

static bool is_deletion_cost(const char *text)
{
    int64_t cost;
    bool starts = *text == '-' || strcmp(text, "0") == 0 || (*text >= '1' && *text <= '9');
    return starts && parse_i64(str_of(text), INT32_MIN, INT32_MAX, &cost);
}

static void check_annotated_tolerations(struct error *err, const struct path *path,
                                        const char *text)
{
    CLEANUP(error_clear) struct error why = {0};
    json_auto_t *list = json_parse(str_of(text), JSON_LOAD_LENIENT, &why);
    if (!json_is_array(list))
        rule_invalid_text(err, path, TOLERATIONS, "must be a list of tolerations in JSON");
    else
        check_tolerations(err, PATH(path, TOLERATIONS), list);
}

static void check_seccomp_text(struct error *err, const struct path *path, const char *text)
{
    static const char *const plain[] = {"runtime/default", "docker/default", "unconfined", NULL};
    if (rule_one_of(text, plain))
        return;
    if (text_starts(text, LOCALHOST))
        check_local_path(err, path, text + strlen(LOCALHOST));
    else
        rule_invalid_text(err, path, text, "must be a valid seccomp profile");
}

static bool has_container(const json_t *spec, const char *name)
{
    const json_t *container;
    for (size_t k = 0; k < POD_LISTS; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, container)
            if (strcmp(rule_text(container, "name"), name) == 0)
                return true;
    return false;
}

static void check_apparmor_text(struct error *err, const struct path *path, const char *container,
                                const char *text, const json_t *spec)
{
    static const char *const plain[] = {"", "runtime/default", "unconfined", NULL};
    if (!has_container(spec, container))
        rule_invalid_text(err, path, container, "container not found");
    if (rule_one_of(text, plain) || text_starts(text, LOCALHOST))
        return;
    CLEANUP(free_ptr) char *detail = xasprintf("invalid AppArmor profile name: \"%s\"", text);
    rule_invalid_text(err, path, text, detail);
}

void check_pod_annotations(struct error *err, const struct path *path, const json_t *annotations,
                           const json_t *spec)
{
    const char *mirror = json_text(annotations, MIRROR),
               *cost = json_text(annotations, DELETION_COST);
    const char *key;
    json_t *value;
    if (mirror && !*rule_text(spec, "nodeName"))
        rule_invalid_text(err, PATH_KEY(path, MIRROR), mirror,
                          "must set spec.nodeName if mirror pod annotation is set");
    if (*rule_text(annotations, TOLERATIONS))
        check_annotated_tolerations(err, path, rule_text(annotations, TOLERATIONS));
    if (cost && !is_deletion_cost(cost))
        rule_invalid_text(err, PATH_KEY(path, DELETION_COST), cost, "must be a 32bit integer");
    MAP_EACH (annotations, key, value) {
        const char *text = json_string_value(value) ? json_string_value(value) : "";
        if (strcmp(key, SECCOMP_POD) == 0 || text_starts(key, SECCOMP))
            check_seccomp_text(err, PATH(path, key), text);
        else if (text_starts(key, APPARMOR_ANNOTATION))
            check_apparmor_text(err, PATH_KEY(path, key), key + strlen(APPARMOR_ANNOTATION), text,
                                spec);
    }
}

/* What a kind of profile is called, and how annotations name its types. */
static const struct profile_kind {
    const char *name, *member;
    const char *runtime, *older; /* of RuntimeDefault */
} profile_kinds[] = {
    {"seccomp", "seccompProfile", "runtime/default", "docker/default"},
    {"apparmor", "appArmorProfile", "runtime/default", "runtime/default"},
};

static void check_profile_match(struct error *err, const struct path *at,
                                const struct profile_kind *kind, const json_t *profile,
                                const char *text)
{
    const char *type = rule_text(profile, "type"), *local = json_text(profile, "localhostProfile");
    bool same = true;
    if (!text || !profile)
        return;
    if (strcmp(type, "Unconfined") == 0)
        same = strcmp(text, "unconfined") == 0;
    else if (strcmp(type, "RuntimeDefault") == 0)
        same = strcmp(text, kind->runtime) == 0 || strcmp(text, kind->older) == 0;
    else if (strcmp(type, "Localhost") == 0)
        same = text_starts(text, LOCALHOST);
    if (!same)
        rule_forbidden(err, PATH(at, "type"), "%s type in annotation and field must match",
                       kind->name);
    else if (strcmp(type, "Localhost") == 0 &&
             (!local || strcmp(text + strlen(LOCALHOST), local) != 0))
        rule_forbidden(err, PATH(at, "localhostProfile"),
                       "%s profile in annotation and field must match", kind->name);
}

/* AppArmor's of a container is the Pod's where it has none of its own; seccomp's is not. */
static void check_containers_match(struct error *err, const struct path *at,
                                   const json_t *annotations, const json_t *spec, bool apparmor)
{
    const struct profile_kind *kind = &profile_kinds[apparmor];
    const json_t *of_pod = json_at(spec, "securityContext", kind->member), *container;
    for (size_t k = 0; k < POD_LISTS; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, container) {
            const json_t *own = json_at(container, "securityContext", kind->member);
            const struct path *path = PATH_AT(PATH(at, pod_container_lists[k]), i);
            CLEANUP(free_ptr)
            char *annotation = xasprintf("%s%s", apparmor ? APPARMOR_ANNOTATION : SECCOMP,
                                         rule_text(container, "name"));
            check_profile_match(err, PATH(PATH(path, "securityContext"), kind->member), kind,
                                own || !apparmor ? own : of_pod,
                                json_text(annotations, annotation));
        }
}

void check_annotations_match(struct error *err, const struct path *at, const json_t *annotations,
                             const json_t *spec)
{
    if (json_object_size(annotations) == 0)
        return;
    check_profile_match(err, PATH(PATH(at, "securityContext"), "seccompProfile"), &profile_kinds[0],
                        json_at(spec, "securityContext", "seccompProfile"),
                        json_text(annotations, SECCOMP_POD));
    check_containers_match(err, at, annotations, spec, false);
    if (strcmp(rule_text(member_object(spec, "os"), "name"), "windows") != 0)
        check_containers_match(err, at, annotations, spec, true);
}

void check_pod_annotations_update(struct error *err, const json_t *object, const json_t *old)
{
    const struct path *path = PATH(PATH(NULL, "metadata"), "annotations");
    const json_t *now = json_at(object, "metadata", "annotations"),
                 *before = json_at(old, "metadata", "annotations");
    const char *key;
    json_t *value;
    MAP_EACH (before, key, value) {
        if (json_equal(value, json_object_get(now, key)))
            continue;
        if (text_starts(key, APPARMOR_ANNOTATION))
            rule_forbidden(err, PATH_KEY(path, key),
                           "may not remove or update AppArmor annotations");
        if (strcmp(key, MIRROR) == 0)
            rule_forbidden(err, PATH_KEY(path, key),
                           "may not remove or update mirror pod annotation");
    }
    MAP_EACH (now, key, value) {
        if (json_object_get(before, key))
            continue;
        if (text_starts(key, APPARMOR_ANNOTATION))
            rule_forbidden(err, PATH_KEY(path, key), "may not add AppArmor annotations");
        if (strcmp(key, MIRROR) == 0)
            rule_forbidden(err, PATH_KEY(path, key), "may not add mirror pod annotation");
    }
    check_pod_annotations(err, path, now, json_object_get(object, "spec"));
}
