/* Merging what the caller wants with what the image says. */
#include "runtime/container_spec.h"

#include <limits.h>
#include <string.h>

#define MOUNTS_MAX 512

bool container_name_valid(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = name ? strlen(name) : 0;
    return len > 0 && len <= 128 && name[0] != '.' && name[0] != '-' &&
           strspn(name, allowed) == len;
}

static json_t *texts(const char *const *list)
{
    json_t *array = json_array();
    for (; list && *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

/* A command replaces entrypoint and arguments of the image; arguments alone replace its arguments.
 */
static json_t *make_args(const struct container_config *config, const json_t *image)
{
    if (config->command && *config->command) {
        json_t *args = texts(config->command);
        json_auto_t *more = texts(config->args);
        json_array_extend(args, more);
        return args;
    }
    json_t *args = json_array();
    json_t *entrypoint = json_object_get(image, "Entrypoint"),
           *command = json_object_get(image, "Cmd");
    json_auto_t *wanted = texts(config->args);
    if (json_is_array(entrypoint))
        json_array_extend(args, entrypoint);
    if (json_array_size(wanted))
        json_array_extend(args, wanted);
    else if (json_is_array(command))
        json_array_extend(args, command);
    return args;
}

static struct str env_name(const char *setting)
{
    struct str rest = str_of(setting);
    return str_cut(&rest, '=');
}

/* Later settings replace earlier ones of the same name, in their place. */
static void env_put(json_t *env, const char *setting)
{
    size_t i;
    json_t *item;
    json_array_foreach (env, i, item) {
        if (str_eq(env_name(json_string_value(item)), env_name(setting))) {
            json_array_set_new(env, i, json_string(setting));
            return;
        }
    }
    json_array_append_new(env, json_string(setting));
}

static json_t *make_env(const struct container_config *config, const json_t *image)
{
    json_t *env = json_array(), *item;
    size_t i;
    json_array_foreach (json_object_get(image, "Env"), i, item) {
        if (json_is_string(item) && strchr(json_string_value(item), '='))
            env_put(env, json_string_value(item));
    }
    for (const char *const *at = config->env; at && *at; at++)
        env_put(env, *at);
    return env;
}

static json_t *make_mounts(const struct container_config *config, struct error *err)
{
    json_auto_t *mounts = json_array();
    if (config->mount_count > MOUNTS_MAX) {
        error_set(err, ERROR_INVALID, "more than %d mounts", MOUNTS_MAX);
        return NULL;
    }
    for (size_t i = 0; i < config->mount_count; i++) {
        const struct container_mount *mount = &config->mounts[i];
        if (!mount->target || mount->target[0] != '/' || strlen(mount->target) >= PATH_MAX ||
            (!mount->tmpfs_size && (!mount->source || mount->source[0] != '/'))) {
            error_set(err, ERROR_INVALID, "mount %zu needs an absolute source and target", i);
            return NULL;
        }
        json_t *item =
            json_pack("{s:s,s:b}", "target", mount->target, "readOnly", mount->read_only);
        json_set_text(item, mount->tmpfs_size ? "tmpfsSize" : "source",
                      mount->tmpfs_size ? mount->tmpfs_size : mount->source);
        json_array_append_new(mounts, item);
    }
    return TAKE(mounts);
}

static json_t *make_groups(const struct container_config *config)
{
    json_t *groups = json_array();
    for (size_t i = 0; i < config->group_count; i++)
        json_array_append_new(groups, json_integer(config->groups[i]));
    return groups;
}

static void put_flags(json_t *spec, const struct container_config *config)
{
    const struct {
        const char *key;
        bool value;
    } flags[] = {
        {"mustNotBeRoot", config->must_not_be_root},
        {"readOnlyRoot", config->read_only_root},
        {"privileged", config->privileged},
        {"noNewPrivs", config->no_new_privs},
        {"tty", config->tty},
        {"stdinOpen", config->stdin_open},
        {"stdinOnce", config->stdin_once},
    };
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        json_object_set_new(spec, flags[i].key, json_boolean(flags[i].value));
}

static void put_numbers(json_t *spec, const struct container_config *config)
{
    json_t *limits = json_ensure_object(spec, "limits");
    json_object_set_new(limits, "cpuShares", json_integer(config->cpu_shares));
    json_object_set_new(limits, "cpuQuotaUs", json_integer(config->cpu_quota_us));
    json_object_set_new(limits, "memoryMaxBytes", json_integer(config->memory_max_bytes));
    json_object_set_new(limits, "pidsMax", json_integer(config->pids_max));
    json_object_set_new(spec, "uid", json_integer(config->uid));
    json_object_set_new(spec, "gid", json_integer(config->gid));
    json_object_set_new(spec, "oomScoreAdj", json_integer(config->oom_score_adj));
    json_object_set_new(spec, "logMaxBytes", json_integer(config->log_max_bytes));
}

json_t *container_spec_make(const struct container_config *config, const json_t *image_config,
                            const char *image_digest, json_t *layers, struct error *err)
{
    if (!container_name_valid(config->name)) {
        error_set(err, ERROR_INVALID, "\"%s\" is no valid container name",
                  config->name ? config->name : "");
        return NULL;
    }
    json_t *mounts = make_mounts(config, err);
    if (!mounts)
        return NULL;
    const char *cwd = config->working_dir && *config->working_dir
                          ? config->working_dir
                          : json_text(image_config, "WorkingDir");
    const char *user = json_text(image_config, "User");
    json_t *spec = json_object();
    json_set_text(spec, "name", config->name);
    json_set_text(spec, "image", config->image);
    json_set_text(spec, "imageDigest", image_digest);
    json_object_set(spec, "layers", layers);
    json_object_set_new(spec, "args", make_args(config, image_config));
    json_object_set_new(spec, "env", make_env(config, image_config));
    json_set_text(spec, "cwd", cwd && *cwd ? cwd : "/");
    json_set_text(spec, "user", user ? user : "");
    json_object_set_new(spec, "groups", make_groups(config));
    json_object_set_new(spec, "capsAdd", texts(config->caps_add));
    json_object_set_new(spec, "capsDrop", texts(config->caps_drop));
    json_set_text(spec, "seccomp", config->privileged ? "unconfined" : config->seccomp);
    json_set_text(spec, "logPath", config->log_path);
    json_set_text(spec, "pidTarget", config->pid_target);
    json_object_set_new(spec, "mounts", mounts);
    put_flags(spec, config);
    put_numbers(spec, config);
    if (json_array_size(json_object_get(spec, "args")))
        return spec;
    json_decref(spec);
    error_set(err, ERROR_INVALID, "no command specified");
    return NULL;
}

struct cgroup_limits container_spec_limits(const json_t *spec)
{
    const json_t *limits = json_object_get(spec, "limits");
    return (struct cgroup_limits){
        .cpu_shares = json_int_or(json_object_get(limits, "cpuShares"), 0),
        .cpu_quota_us = json_int_or(json_object_get(limits, "cpuQuotaUs"), 0),
        .memory_max_bytes = json_int_or(json_object_get(limits, "memoryMaxBytes"), 0),
        .pids_max = json_int_or(json_object_get(limits, "pidsMax"), 0),
        .devices_restricted = !json_is_true(json_object_get(spec, "privileged")),
    };
}
