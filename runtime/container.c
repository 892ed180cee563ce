/* Containers from the caller's side: a spec on disk, the shim to run it, statuses on disk. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/container_spec.h"
#include "runtime/file.h"
#include "runtime/image_internal.h"
#include "runtime/runtime_internal.h"
#include "runtime/sandbox_state.h"
#include "runtime/system_error.h"

#define REMOVE_TIMEOUT_MS 10000

/* ---- start ---- */

/* Writes the spec while images are held still, so that the collector sees what it uses. */
static bool write_spec(struct runtime *runtime, const char *dir,
                       const struct container_config *config, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/spec.json", dir);
    CLEANUP(free_ptr) char *digest = NULL;
    json_auto_t *image = NULL, *layers = NULL;
    CLEANUP(close_fd) int lock = runtime_lock(runtime, IMAGES_LOCK, LOCK_SH, err);
    if (lock < 0 || !image_resolve(runtime, config->image, &image, &layers, &digest, err))
        return false;
    json_auto_t *spec =
        container_spec_make(config, json_object_get(image, "config"), digest, layers, err);
    return spec && file_write_json(path, spec, err);
}

static void discard(struct runtime *runtime, const char *sandbox, const char *name, const char *dir)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr) char *cgroup = xasprintf("%s/%s", sandbox, name);
    (void)!cgroup_remove(runtime->cgroups, cgroup, REMOVE_TIMEOUT_MS,
                         &ignored); /* the sandbox's end tries again */
    (void)!tree_remove(dir, &ignored);
}

bool container_start(struct runtime *runtime, const char *sandbox,
                     const struct container_config *config, struct error *err)
{
    if (!sandbox_id_valid(sandbox) || !container_name_valid(config->name))
        return error_set(err, ERROR_INVALID, "malformed sandbox or container name");
    CLEANUP(free_ptr) char *sandbox_dir = sandbox_path(runtime->root, sandbox, "");
    CLEANUP(free_ptr) char *dir = container_path(sandbox_dir, config->name, "");
    if (access(sandbox_dir, F_OK) != 0)
        return error_set(err, ERROR_NOT_FOUND, "no sandbox %s", sandbox);
    if (mkdir(dir, 0700) != 0)
        return errno == EEXIST
                   ? error_set(err, ERROR_ALREADY_EXISTS, "container %s exists", config->name)
                   : error_system(err, "make %s", dir);
    if (write_spec(runtime, dir, config, err) &&
        shim_tell(runtime, sandbox, json_pack("{s:s,s:s}", "op", "start", "name", config->name),
                  err))
        return true;
    CLEANUP(free_ptr) char *status = container_path(sandbox_dir, config->name, "status.json");
    if (access(status, F_OK) != 0)
        discard(runtime, sandbox, config->name, dir);
    return false;
}

bool container_signal(struct runtime *runtime, const char *sandbox, const char *name, int signal,
                      struct error *err)
{
    return shim_tell(runtime, sandbox,
                     json_pack("{s:s,s:s,s:i}", "op", "signal", "name", name, "signal", signal),
                     err);
}

bool container_remove(struct runtime *runtime, const char *sandbox, const char *name,
                      struct error *err)
{
    if (!sandbox_id_valid(sandbox) || !container_name_valid(name))
        return error_set(err, ERROR_INVALID, "malformed sandbox or container name");
    CLEANUP(free_ptr) char *sandbox_dir = sandbox_path(runtime->root, sandbox, "");
    CLEANUP(free_ptr) char *dir = container_path(sandbox_dir, name, "");
    CLEANUP(free_ptr) char *cgroup = xasprintf("%s/%s", sandbox, name);
    if (!shim_tell(runtime, sandbox, json_pack("{s:s,s:s}", "op", "forget", "name", name), err)) {
        if (err->reason != ERROR_NOT_FOUND && err->reason != ERROR_UNAVAILABLE)
            return false;
        error_clear(err); /* no shim: nothing runs that the group's removal does not end */
    }
    return cgroup_remove(runtime->cgroups, cgroup, REMOVE_TIMEOUT_MS, err) && tree_remove(dir, err);
}

/* ---- status ---- */

void container_status_clear(struct container_status *status)
{
    free(status->name);
    free(status->image);
    free(status->image_digest);
    free(status->start_error);
    *status = (struct container_status){0};
}

static enum container_phase parse_phase(const char *text)
{
    return text_eq(text, "running")  ? CONTAINER_RUNNING
           : text_eq(text, "exited") ? CONTAINER_EXITED
                                     : CONTAINER_CREATED;
}

static void read_numbers(const json_t *json, struct container_status *status)
{
    status->phase = parse_phase(json_text(json, "phase"));
    status->pid = (pid_t)json_int_or(json_object_get(json, "pid"), 0);
    status->exit_code = (int)json_int_or(json_object_get(json, "exitCode"), 0);
    status->exit_signal = (int)json_int_or(json_object_get(json, "exitSignal"), 0);
    status->oom_killed = json_is_true(json_object_get(json, "oomKilled"));
    status->started_us = json_int_or(json_object_get(json, "startedUs"), 0);
    status->finished_us = json_int_or(json_object_get(json, "finishedUs"), 0);
}

static char *dup_text(const char *text)
{
    return xstrdup(text ? text : "");
}

/* False when there is no container of that name (any more). */
static bool read_status(const char *sandbox_dir, const char *name, struct container_status *status)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr) char *spec_path = container_path(sandbox_dir, name, "spec.json");
    CLEANUP(free_ptr) char *status_path = container_path(sandbox_dir, name, "status.json");
    json_auto_t *spec = file_read_json(spec_path, SPEC_BYTES_MAX, &ignored);
    if (!spec)
        return false;
    error_clear(&ignored);
    json_auto_t *json = file_read_json(status_path, STATUS_BYTES_MAX, &ignored);
    read_numbers(json, status);
    status->name = xstrdup(name);
    status->image = dup_text(json_text(spec, "image"));
    status->image_digest = dup_text(json_text(spec, "imageDigest"));
    const char *start_error = json_text(json, "startError");
    status->start_error = start_error ? xstrdup(start_error) : NULL;
    return true;
}

/* The shim died without a word: what it held is killed, and has ended by that. */
static void mark_lost(struct container_status *status)
{
    if (status->phase == CONTAINER_EXITED)
        return;
    status->phase = CONTAINER_EXITED;
    status->exit_signal = SIGKILL;
    status->exit_code = 128 + SIGKILL;
    status->finished_us = clock_now_us();
}

bool container_statuses(struct runtime *runtime, const char *sandbox,
                        struct container_status **statuses, size_t *count, struct error *err)
{
    if (!sandbox_id_valid(sandbox))
        return error_set(err, ERROR_INVALID, "malformed sandbox id");
    CLEANUP(free_ptr) char *dir = sandbox_path(runtime->root, sandbox, "");
    CLEANUP(free_ptr) char *containers = xasprintf("%s/containers", dir);
    if (access(dir, F_OK) != 0)
        return error_set(err, ERROR_NOT_FOUND, "no sandbox %s", sandbox);
    bool dead = sandbox_shim_pid(dir) == 0;
    if (dead)
        cgroup_kill(runtime->cgroups, sandbox);
    char **names = dir_names(containers);
    size_t have = 0, total = 0;
    while (names[total])
        total++;
    struct container_status *list = xcalloc(total + 1, sizeof(*list));
    for (size_t i = 0; i < total; i++)
        if (read_status(dir, names[i], &list[have])) {
            if (dead)
                mark_lost(&list[have]);
            have++;
        }
    names_free(names);
    *statuses = list;
    *count = have;
    return true;
}
