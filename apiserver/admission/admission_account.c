/* The ServiceAccount plugin: the account that a Pod runs as, its token and pull secrets, and which
 * secrets it may use. Source: plugin/pkg/admission/serviceaccount. */
#include <string.h>
#include <time.h>

#include "apiserver/admission/admission.h"
#include "base/clock.h"
#include "schema/meta.h"

#define TOKEN_MOUNT      "/var/run/secrets/kubernetes.io/serviceaccount"
#define TOKEN_VOLUME     "kube-api-access-"
#define TOKEN_SECONDS    3607
#define DEFAULT_ACCOUNT  "default"
#define MIRROR           "kubernetes.io/config.mirror"
#define ENFORCED         "kubernetes.io/enforce-mountable-secrets"
#define ACCOUNT_TRIES    15 /* a new namespace's default account follows it by milliseconds */
#define ACCOUNT_PAUSE_NS 10000000

/* ---- the account ---- */

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

static enum step_result refuse(struct request *request, const char *why)
{
    error_forbidden(&request->error, "pods", meta_name(request->object), "%s", why);
    return STEP_FAIL;
}

/* ---- its token ---- */

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
        if (!existing && text && text_starts(text, TOKEN_VOLUME))
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
    if (meta_annotation(request->object, MIRROR))
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

/* ---- which secrets ---- */

/* A Secret that a container takes its environment from and that is not among `allowed`; with
 * `allowed` NULL: any. */
struct env_secret {
    const char *variable, *secret; /* variable NULL: all of the secret */
};

static bool find_env_secret(const json_t *container, const json_t *allowed,
                            struct env_secret *found)
{
    const json_t *item;
    size_t i;
    json_array_foreach (json_object_get(container, "env"), i, item) {
        const json_t *ref = json_at(item, "valueFrom", "secretKeyRef");
        *found = (struct env_secret){json_text(item, "name"), json_text(ref, "name")};
        if (ref && !json_named(allowed, found->secret))
            return true;
    }
    json_array_foreach (json_object_get(container, "envFrom"), i, item) {
        const json_t *ref = json_object_get(item, "secretRef");
        *found = (struct env_secret){NULL, json_text(ref, "name")};
        if (ref && !json_named(allowed, found->secret))
            return true;
    }
    return false;
}

#define NOT_REFERENCED "is not allowed because service account %s does not reference that"

static enum step_result refuse_env(struct request *request, const char *kind, const char *container,
                                   const struct env_secret *found, const char *account)
{
    CLEANUP(free_ptr)
    char *source = found->variable ? xasprintf("envVar %s", found->variable) : xstrdup("envFrom");
    CLEANUP(free_ptr)
    char *why = xasprintf(
        "%s %s with %s referencing secret.secretName=\"%s\" " NOT_REFERENCED " secret", kind,
        container ? container : "", source, found->secret ? found->secret : "", account);
    return refuse(request, why);
}

static enum step_result check_env(struct request *request, const char *list, const char *kind,
                                  const json_t *account)
{
    const json_t *container;
    size_t i;
    json_array_foreach (json_at(request->object, "spec", list), i, container) {
        struct env_secret found;
        if (find_env_secret(container, json_object_get(account, "secrets"), &found))
            return refuse_env(request, kind, json_text(container, "name"), &found,
                              meta_name(account));
    }
    return STEP_NEXT;
}

static enum step_result check_volumes(struct request *request, const json_t *account)
{
    const json_t *volume;
    size_t i;
    json_array_foreach (json_at(request->object, "spec", "volumes"), i, volume) {
        const char *name = json_text(volume, "secret", "secretName");
        if (!json_object_get(volume, "secret") ||
            json_named(json_object_get(account, "secrets"), name))
            continue;
        CLEANUP(free_ptr)
        char *why = xasprintf("volume with secret.secretName=\"%s\" " NOT_REFERENCED " secret",
                              name ? name : "", meta_name(account));
        return refuse(request, why);
    }
    return STEP_NEXT;
}

static enum step_result check_pull_secrets(struct request *request, const json_t *account)
{
    const json_t *item;
    size_t i;
    json_array_foreach (json_at(request->object, "spec", "imagePullSecrets"), i, item) {
        const char *name = json_text(item, "name");
        if (json_named(json_object_get(account, "imagePullSecrets"), name))
            continue;
        CLEANUP(free_ptr)
        char *why =
            xasprintf("imagePullSecrets[%zu].name=\"%s\" " NOT_REFERENCED " imagePullSecret", i,
                      name ? name : "", meta_name(account));
        return refuse(request, why);
    }
    return STEP_NEXT;
}

/* As Go's strconv.ParseBool reads it. */
static bool is_true(const char *text)
{
    static const char *const words[] = {"1", "t", "T", "true", "TRUE", "True"};
    for (size_t i = 0; text && i < ARRAY_LEN(words); i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* The account as a new tree when it limits what its Pods use, else NULL. */
static enum step_result limiting_account(struct request *request, json_t **account)
{
    const char *name = json_text(request->object, "spec", "serviceAccountName");
    CLEANUP(object_unref_ptr) struct object *found = NULL;
    *account = NULL;
    if (!name || !*name) {
        CLEANUP(free_ptr)
        char *why = xasprintf("no service account specified for pod %s/%s", request_ns(request),
                              meta_name(request->object));
        return refuse(request, why);
    }
    enum step_result result = find_account(request, name, &found);
    if (result != STEP_NEXT)
        return result;
    json_t *tree = object_json(found);
    if (is_true(meta_annotation(tree, ENFORCED)))
        *account = tree;
    else
        json_decref(tree);
    return STEP_NEXT;
}

/* ---- mirror Pods ---- */

static bool uses_secret(const json_t *spec)
{
    static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};
    const json_t *item;
    struct env_secret found;
    size_t i;
    for (size_t list = 0; list < ARRAY_LEN(lists); list++)
        json_array_foreach (json_object_get(spec, lists[list]), i, item)
            if (find_env_secret(item, NULL, &found))
                return true;
    return json_array_size(json_object_get(spec, "imagePullSecrets")) > 0;
}

/* Whether any source of a volume names a Secret, by whichever member it does. */
static bool names_secret(const json_t *source)
{
    static const char *const members[] = {"secretName", "secretRef", "nodePublishSecretRef"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (json_object_get(source, members[i]))
            return true;
    return false;
}

static enum step_result check_mirror_volume(struct request *request, const json_t *volume)
{
    const char *kind;
    const json_t *source;
    size_t i;
    json_object_foreach (volume, kind, source)
        if (json_is_object(source) && names_secret(source))
            return refuse(request, "a mirror pod may not reference secrets");
    json_array_foreach (json_at(volume, "projected", "sources"), i, source)
        if (json_object_get(source, "secret"))
            return refuse(request, "a mirror pod may not reference secrets");
    json_array_foreach (json_at(volume, "projected", "sources"), i, source)
        if (json_object_get(source, "serviceAccountToken"))
            return refuse(request,
                          "a mirror pod may not use ServiceAccountToken volume projections");
    return STEP_NEXT;
}

static enum step_result check_mirror(struct request *request)
{
    const json_t *spec = json_object_get(request->object, "spec"), *volume;
    const char *account = json_text(spec, "serviceAccountName");
    enum step_result result = STEP_NEXT;
    size_t i;
    if (account && *account)
        return refuse(request, "a mirror pod may not reference service accounts");
    if (uses_secret(spec))
        return refuse(request, "a mirror pod may not reference secrets");
    json_array_foreach (json_object_get(spec, "volumes"), i, volume)
        if (result == STEP_NEXT)
            result = check_mirror_volume(request, volume);
    return result;
}

/* ---- the checks ---- */

enum step_result check_service_account(struct request *request)
{
    json_auto_t *account = NULL;
    if (meta_annotation(request->object, MIRROR))
        return check_mirror(request);
    enum step_result result = limiting_account(request, &account);
    if (result != STEP_NEXT || !account)
        return result;
    result = check_volumes(request, account);
    if (result == STEP_NEXT)
        result = check_env(request, "initContainers", "init container", account);
    if (result == STEP_NEXT)
        result = check_env(request, "containers", "container", account);
    return result == STEP_NEXT ? check_pull_secrets(request, account) : result;
}

enum step_result check_ephemeral_account(struct request *request)
{
    json_auto_t *account = NULL;
    enum step_result result = limiting_account(request, &account);
    if (result != STEP_NEXT || !account)
        return result;
    return check_env(request, "ephemeralContainers", "ephemeral container", account);
}
