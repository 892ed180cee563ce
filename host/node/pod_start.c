/* One container: from its spec to the runtime's configuration, and started. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "host/node/folder.h"
#include "host/node/pod_resources.h"
#include "host/node/pod_worker.h"
#include "host/node/services.h"
#include "runtime/image.h"

#define LOG_BYTES_MAX (INT64_C(10) << 20) /* upstream's containerLogMaxSize */
#define LIST_MAX      1000
#define GROUPS_MAX    64
#define MOUNTS_MAX    100

/* Everything that the configuration borrows. */
struct setup {
    struct container_config config;
    struct env env;
    struct container_mount
        mounts[MOUNTS_MAX + 2]; /* with /etc/hosts and the termination message's */
    char **owned;               /* texts to free */
    size_t owned_count, owned_capacity;
    const char **args, **command, **caps_add,
        **caps_drop; /* the lists; their texts are owned or borrowed */
    int64_t groups[GROUPS_MAX];
};

static void setup_clear(struct setup *setup)
{
    env_clear(&setup->env);
    for (size_t i = 0; i < setup->owned_count; i++)
        free(setup->owned[i]);
    free(setup->owned);
    free(setup->args);
    free(setup->command);
    free(setup->caps_add);
    free(setup->caps_drop);
}

/* Takes the text; it lives as long as the setup. */
static const char *keep(struct setup *setup, char *text)
{
    if (setup->owned_count == setup->owned_capacity) {
        setup->owned_capacity = setup->owned_capacity ? setup->owned_capacity * 2 : 32;
        setup->owned = xreallocarray(setup->owned, setup->owned_capacity, sizeof(*setup->owned));
    }
    return setup->owned[setup->owned_count++] = text;
}

/* NULL for an absent or empty list. `env` NULL: taken as it is. */
static const char **text_list(struct setup *setup, const json_t *list, const struct env *env)
{
    size_t i, count = json_array_size(list);
    const json_t *one;
    if (!count || count > LIST_MAX)
        return NULL;
    const char **result = xcalloc(count + 1, sizeof(*result));
    json_array_foreach (list, i, one) {
        const char *text = json_string_value(one);
        result[i] = env ? keep(setup, env_expand(text ? text : "", env, NULL)) : text ? text : "";
    }
    return result;
}

/* ---- who it runs as ---- */

/* The container's own setting, else the Pod's. */
static const json_t *security(const struct pod_view *view, const json_t *spec, const char *key)
{
    const json_t *own = json_at(spec, "securityContext", key);
    return own ? own : json_at(view->pod, "spec", "securityContext", key);
}

/* Upstream's refusals, before the runtime would notice. `user` is the image's. */
static bool check_non_root(const struct pod_view *view, const json_t *spec, const char *user,
                           struct error *err)
{
    int64_t number;
    struct str rest = str_of(user);
    struct str first = str_cut(&rest, ':');
    const json_t *uid = security(view, spec, "runAsUser");
    const char *pod = json_text(view->pod, "metadata", "name"), *name = json_text(spec, "name");
    if (!json_bool_or(security(view, spec, "runAsNonRoot"), false))
        return true;
    if (uid)
        return json_int_or(uid, 0) != 0 ||
               error_set(err, ERROR_INVALID,
                         "container's runAsUser breaks non-root policy (pod: \"%s_%s(%s)\", "
                         "container: %s)",
                         pod, json_text(view->pod, "metadata", "namespace"),
                         json_text(view->pod, "metadata", "uid"), name);
    if (first.len && !parse_i64(first, 0, INT64_MAX, &number))
        return error_set(err, ERROR_INVALID,
                         "container has runAsNonRoot and image has non-numeric user (" STR_FMT
                         "), cannot verify user is non-root (pod: \"%s_%s(%s)\", container: %s)",
                         STR_ARG(first), pod, json_text(view->pod, "metadata", "namespace"),
                         json_text(view->pod, "metadata", "uid"), name);
    if (!first.len || number == 0)
        return error_set(err, ERROR_INVALID,
                         "container has runAsNonRoot and image will run as root (pod: "
                         "\"%s_%s(%s)\", container: %s)",
                         pod, json_text(view->pod, "metadata", "namespace"),
                         json_text(view->pod, "metadata", "uid"), name);
    return true;
}

static void add_groups(struct setup *setup, const struct pod_view *view)
{
    size_t i;
    const json_t *one, *context = json_at(view->pod, "spec", "securityContext");
    int64_t fs_group = json_int_or(json_at(context, "fsGroup"), -1);
    if (fs_group >= 0)
        setup->groups[setup->config.group_count++] = fs_group;
    json_array_foreach (json_at(context, "supplementalGroups"), i, one)
        if (setup->config.group_count < GROUPS_MAX)
            setup->groups[setup->config.group_count++] = json_int_or(one, 0);
    setup->config.groups = setup->groups;
}

static const char *seccomp_of(const struct pod_view *view, const json_t *spec)
{
    const json_t *profile = security(view, spec, "seccompProfile");
    bool privileged = json_bool_or(json_at(spec, "securityContext", "privileged"), false);
    if (text_eq(json_text(profile, "type"), "Unconfined") || (!profile && privileged))
        return "unconfined";
    return "runtime/default"; /* also where upstream has none: its own recommendation,
                                 SeccompDefault */
}

static void set_security(struct setup *setup, const struct pod_view *view, const json_t *spec)
{
    struct container_config *config = &setup->config;
    const json_t *own = json_at(spec, "securityContext");
    config->uid = json_int_or(security(view, spec, "runAsUser"), -1);
    config->gid = json_int_or(security(view, spec, "runAsGroup"), -1);
    config->must_not_be_root = json_bool_or(security(view, spec, "runAsNonRoot"), false);
    config->read_only_root = json_bool_or(json_at(own, "readOnlyRootFilesystem"), false);
    config->privileged = json_bool_or(json_at(own, "privileged"), false) && !view->cluster;
    config->no_new_privs = !json_bool_or(json_at(own, "allowPrivilegeEscalation"), true);
    setup->caps_add = text_list(setup, json_at(own, "capabilities", "add"), NULL);
    setup->caps_drop = text_list(setup, json_at(own, "capabilities", "drop"), NULL);
    config->caps_add = setup->caps_add;
    config->caps_drop = setup->caps_drop;
    config->seccomp = seccomp_of(view, spec);
    add_groups(setup, view);
}

/* ---- mounts ---- */

static bool add_mount(struct setup *setup, struct pod_worker *worker, const struct pod_view *view,
                      const struct container_state *state, const json_t *mount, struct error *err)
{
    char *source = NULL;
    const char *path = json_text(mount, "mountPath"), *sub = json_text(mount, "subPath"),
               *expression = json_text(mount, "subPathExpr");
    CLEANUP(free_ptr) char *unique = xasprintf("%s-%zu", state->name, setup->config.mount_count);
    CLEANUP(free_ptr)
    char *expanded = expression && *expression ? env_expand(expression, &setup->env, NULL)
                                               : xstrdup(sub ? sub : "");
    if (!path || setup->config.mount_count >= MOUNTS_MAX)
        return error_set(err, ERROR_INVALID, "too many volume mounts");
    if (!volumes_mount_source(&worker->volumes, view, mount, expanded, unique, &source, err))
        return false;
    setup->mounts[setup->config.mount_count++] = (struct container_mount){
        .source = keep(setup, source),
        .target = path,
        .read_only =
            json_bool_or(json_at(mount, "readOnly"), false) || volumes_read_only(view, mount),
    };
    return true;
}

static bool mounts_at(const json_t *spec, const char *path)
{
    size_t i;
    const json_t *mount;
    json_array_foreach (json_at(spec, "volumeMounts"), i, mount)
        if (text_eq(json_text(mount, "mountPath"), path))
            return true;
    return false;
}

static bool add_message_file(struct setup *setup, struct pod_worker *worker,
                             const struct container_state *state, const json_t *spec,
                             struct error *err)
{
    char *source = NULL;
    const char *target = json_text(spec, "terminationMessagePath");
    if (!target || target[0] != '/' || mounts_at(spec, target))
        return true;
    if (!pod_make_message_file(worker, state->name, state->next_attempt, &source, err))
        return false;
    setup->mounts[setup->config.mount_count++] =
        (struct container_mount){.source = keep(setup, source), .target = target};
    return true;
}

static bool add_mounts(struct setup *setup, struct pod_worker *worker, const struct pod_view *view,
                       const struct container_state *state, const json_t *spec, struct error *err)
{
    size_t i;
    const json_t *mount;
    json_array_foreach (json_at(spec, "volumeMounts"), i, mount)
        if (!add_mount(setup, worker, view, state, mount, err))
            return false;
    if (!mounts_at(spec, "/etc/hosts"))
        setup->mounts[setup->config.mount_count++] = (struct container_mount){
            .source = keep(setup, xasprintf("%s/etc-hosts", worker->dir)), .target = "/etc/hosts"};
    if (!add_message_file(setup, worker, state, spec, err))
        return false;
    setup->config.mounts = setup->mounts;
    return true;
}

/* ---- the whole ---- */

static bool set_environment(struct setup *setup, struct pod_worker *worker,
                            const struct pod_view *view, const json_t *spec, struct error *err)
{
    CLEANUP(env_clear) struct env services = {0};
    service_cache_env(worker->node->services, view, &services);
    if (!pod_env_build(view, spec, &worker->volumes.objects, &services, &setup->env, err))
        return false;
    setup->config.env = (const char *const *)setup->env.items;
    setup->command = text_list(setup, json_at(spec, "command"), &setup->env);
    setup->args = text_list(setup, json_at(spec, "args"), &setup->env);
    setup->config.command = setup->command;
    setup->config.args = setup->args;
    return true;
}

static bool prepare_log(struct setup *setup, struct pod_worker *worker,
                        const struct container_state *state, struct error *err)
{
    CLEANUP(free_ptr) char *dir = pod_log_dir(worker);
    CLEANUP(free_ptr) char *own = xasprintf("%s/%s", dir, state->name);
    setup->config.log_path = keep(setup, pod_log_path(worker, state->name, state->next_attempt));
    setup->config.log_max_bytes = LOG_BYTES_MAX;
    return folder_make(own, 0755, err);
}

static void set_rest(struct setup *setup, struct pod_worker *worker, const struct pod_view *view,
                     const struct container_state *state, const json_t *spec)
{
    struct cgroup_values limits;
    struct container_config *config = &setup->config;
    const char *directory = json_text(spec, "workingDir");
    container_cgroup(spec, &limits);
    config->name = keep(setup, container_runtime_name(state, state->next_attempt));
    config->image = json_text(spec, "image");
    config->working_dir = directory && *directory ? directory : NULL;
    config->tty = json_bool_or(json_at(spec, "tty"), false);
    config->stdin_open = json_bool_or(json_at(spec, "stdin"), false);
    config->stdin_once = json_bool_or(json_at(spec, "stdinOnce"), false);
    config->cpu_shares = limits.cpu_shares;
    config->cpu_quota_us = limits.cpu_quota_us;
    config->memory_max_bytes = limits.memory_max_bytes;
    config->oom_score_adj = container_oom_score(view->pod, spec, worker->node->memory_bytes);
}

/* An ephemeral container may look into the processes of another. */
static bool set_target(struct setup *setup, struct pod_worker *worker, const json_t *spec,
                       struct error *err)
{
    const char *name = json_text(spec, "targetContainerName");
    if (!name || !*name)
        return true;
    const struct container_state *target = pod_worker_container(worker, name);
    if (!target || target->run != RUN_RUNNING)
        return error_set(err, ERROR_INVALID, "unable to find target container %s", name);
    setup->config.pid_target = keep(setup, container_runtime_name(target, target->attempt));
    return true;
}

/* What cannot be composed is CreateContainerConfigError; what the runtime refuses is
 * RunContainerError. */
static bool compose(struct setup *setup, struct pod_worker *worker, const struct pod_view *view,
                    struct container_state *state, const json_t *spec, struct error *err)
{
    json_auto_t *image = NULL;
    CLEANUP(free_ptr) char *digest = NULL;
    if (!image_config(worker->node->runtime, json_text(spec, "image"), &image, &digest, err))
        return false;
    const char *user = json_text(image, "User");
    if (!user)
        user = json_text(image, "config", "User");
    if (!check_non_root(view, spec, user ? user : "", err) ||
        !set_environment(setup, worker, view, spec, err) ||
        !add_mounts(setup, worker, view, state, spec, err) ||
        !prepare_log(setup, worker, state, err))
        return false;
    if (!set_target(setup, worker, spec, err))
        return false;
    set_security(setup, view, spec);
    set_rest(setup, worker, view, state, spec);
    free(state->image_digest);
    state->image_digest = TAKE(digest);
    return true;
}

bool pod_start_container(struct pod_worker *worker, const struct pod_view *view,
                         struct container_state *state, const char **reason, struct error *err)
{
    CLEANUP(setup_clear) struct setup setup = {0};
    const json_t *spec = pod_view_container(view, state->name);
    *reason = "CreateContainerConfigError";
    if (!compose(&setup, worker, view, state, spec, err))
        return false;
    *reason = "RunContainerError";
    events_pod(worker->node->events, view->pod, state->name, "Normal", "Created",
               "Created container: %s", state->name);
    return container_start(worker->node->runtime, worker->uid, &setup.config, err);
}
