/* What upstream's admission puts into a Pod. Sources: plugin/pkg/admission/serviceaccount,
 * /priority, /defaulttolerationseconds. */
#include <string.h>
#include <time.h>

#include "apiserver/admission/admission.h"
#include "base/clock.h"
#include "schema/meta.h"

#define TOKEN_MOUNT      "/var/run/secrets/kubernetes.io/serviceaccount"
#define TOKEN_VOLUME     "kube-api-access-"
#define TOKEN_SECONDS    3607
#define DEFAULT_ACCOUNT  "default"
#define ACCOUNT_TRIES    15 /* a new namespace's default account follows it by milliseconds */
#define ACCOUNT_PAUSE_NS 10000000

/* ---- ServiceAccount ---- */

static enum step_result find_account(struct request *request, const char *name,
                                     struct object **account)
{
    for (unsigned tries = 0;; tries++) {
        enum step_result result =
            request_read(request, "serviceaccounts", request_ns(request), name, account);
        bool wait = strcmp(name, DEFAULT_ACCOUNT) == 0 && tries < ACCOUNT_TRIES;
        if (result != STEP_NEXT || *account)
            return result;
        if (wait && !request->may_block)
            return STEP_BLOCK;
        if (!wait)
            break;
        nanosleep(&(struct timespec){.tv_nsec = ACCOUNT_PAUSE_NS}, NULL);
    }
    error_forbidden(&request->error, "pods", meta_name(request->object),
                    "error looking up service account %s/%s: serviceaccount \"%s\" not found",
                    request_ns(request), name, name);
    return STEP_FAIL;
}

static bool wants_token(const json_t *pod, const json_t *account)
{
    const json_t *own = json_at(pod, "spec", "automountServiceAccountToken");
    if (json_is_boolean(own))
        return json_is_true(own);
    return json_bool_or(json_object_get(account, "automountServiceAccountToken"), true);
}

static bool mounts_token(const json_t *container)
{
    const json_t *mount;
    size_t i;
    json_array_foreach (json_object_get(container, "volumeMounts"), i, mount)
        if (text_eq(json_text(mount, "mountPath"), TOKEN_MOUNT))
            return true;
    return false;
}

/* Mounts the volume wherever a container has nothing there; true when any needed it. */
static bool mount_in(json_t *containers, const char *volume)
{
    json_t *container;
    size_t i;
    bool needed = false;
    json_array_foreach (containers, i, container) {
        if (mounts_token(container))
            continue;
        json_array_append_new(
            json_ensure_array(container, "volumeMounts"),
            json_pack("{s:s, s:b, s:s}", "name", volume, "readOnly", 1, "mountPath", TOKEN_MOUNT));
        needed = true;
    }
    return needed;
}

static json_t *token_volume(const char *name)
{
    return json_pack("{s:s, s:{s:[{s:{s:i, s:s}}, {s:{s:s, s:[{s:s, s:s}]}}, {s:{s:[{s:s, s:{s:s, "
                     "s:s}}]}}], s:i}}",
                     "name", name, "projected", "sources", "serviceAccountToken",
                     "expirationSeconds", TOKEN_SECONDS, "path", "token", "configMap", "name",
                     "kube-root-ca.crt", "items", "key", "ca.crt", "path", "ca.crt", "downwardAPI",
                     "items", "path", "namespace", "fieldRef", "apiVersion", "v1", "fieldPath",
                     "metadata.namespace", "defaultMode", 420);
}

static void add_token(json_t *pod)
{
    json_t *spec = json_ensure_object(pod, "spec"), *volume;
    char suffix[6], name[sizeof(TOKEN_VOLUME) + 5];
    const char *existing = NULL;
    size_t i;
    json_array_foreach (json_object_get(spec, "volumes"), i, volume) {
        const char *text = json_text(volume, "name");
        if (text && text_starts(text, TOKEN_VOLUME))
            existing = text;
    }
    random_name_suffix(suffix, 5);
    memcpy(name, TOKEN_VOLUME, sizeof(TOKEN_VOLUME) - 1);
    memcpy(name + sizeof(TOKEN_VOLUME) - 1, suffix, sizeof(suffix));
    const char *used = existing ? existing : name;
    bool needed = mount_in(json_object_get(spec, "initContainers"), used);
    needed = mount_in(json_object_get(spec, "containers"), used) || needed;
    if (needed && !existing)
        json_array_append_new(json_ensure_array(spec, "volumes"), token_volume(name));
}

enum step_result admit_service_account(struct request *request)
{
    json_t *spec = json_ensure_object(request->object, "spec");
    const char *name = json_text(spec, "serviceAccountName");
    CLEANUP(object_unref_ptr) struct object *account = NULL;
    if (meta_annotation(request->object, "kubernetes.io/config.mirror"))
        return STEP_NEXT;
    if (!name || !*name) {
        name = DEFAULT_ACCOUNT;
        json_set_text(spec, "serviceAccountName", name);
    }
    json_set_text(spec, "serviceAccount", json_text(spec, "serviceAccountName"));
    enum step_result result = find_account(request, name, &account);
    if (result != STEP_NEXT)
        return result;
    json_auto_t *tree = object_json(account);
    if (wants_token(request->object, tree))
        add_token(request->object);
    json_t *secrets = json_object_get(tree, "imagePullSecrets");
    if (json_array_size(json_object_get(spec, "imagePullSecrets")) == 0 &&
        json_array_size(secrets) > 0)
        json_object_set_new(spec, "imagePullSecrets", json_deep_copy(secrets));
    return STEP_NEXT;
}

/* ---- Priority ---- */

/* The class that is marked as default; NULL tree when there is none. */
static enum step_result default_class(struct request *request, json_t **class)
{
    struct object_list classes = {0};
    struct cache_range range = {0};
    bool gone = false;
    enum step_result result =
        request_list(request, "priorityclasses.scheduling.k8s.io", &range, &classes, &gone);
    *class = NULL;
    for (size_t i = 0; result == STEP_NEXT && i < classes.count && !*class; i++) {
        if (text_starts(classes.items[i]->name, "system-"))
            continue;
        json_t *tree = object_json(classes.items[i]);
        if (json_bool_or(json_object_get(tree, "globalDefault"), false))
            *class = tree;
        else
            json_decref(tree);
    }
    object_list_free(&classes);
    return result;
}

static enum step_result named_class(struct request *request, const char *name, json_t **class)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    enum step_result result =
        request_read(request, "priorityclasses.scheduling.k8s.io", "", name, &object);
    *class = object ? object_json(object) : NULL;
    if (result == STEP_NEXT && !object) {
        error_forbidden(&request->error, "pods", meta_name(request->object),
                        "no PriorityClass with name %s was found", name);
        return STEP_FAIL;
    }
    return result;
}

enum step_result admit_priority(struct request *request)
{
    json_t *spec = json_ensure_object(request->object, "spec"), *class = NULL;
    const char *name = json_text(spec, "priorityClassName");
    bool named = name && *name;
    enum step_result result =
        named ? named_class(request, name, &class) : default_class(request, &class);
    if (result != STEP_NEXT)
        return result;
    int64_t value = json_int_or(json_object_get(class, "value"), 0);
    const json_t *given = json_object_get(spec, "priority");
    if (given && json_int_or(given, 0) != value) {
        error_forbidden(&request->error, "pods", meta_name(request->object),
                        "the integer value of priority (%lld) must not be provided in pod spec; "
                        "priority admission controller "
                        "computed %lld from the given PriorityClass name",
                        (long long)json_int_or(given, 0), (long long)value);
        json_decref(class);
        return STEP_FAIL;
    }
    json_object_set_new(spec, "priority", json_integer(value));
    if (class && !named)
        json_set_text(spec, "priorityClassName", meta_name(class));
    if (!json_object_get(spec, "preemptionPolicy")) {
        const char *policy = json_text(class, "preemptionPolicy");
        json_set_text(spec, "preemptionPolicy", policy ? policy : "PreemptLowerPriority");
    }
    json_decref(class);
    return STEP_NEXT;
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
