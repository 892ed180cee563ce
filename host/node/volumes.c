#include "host/node/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/node/folder.h"
#include "host/node/volume_claim.h"
#include "host/node/volume_payload.h"
#include "base/quantity.h"

#define NO_GROUP ((gid_t)-1)

void volumes_init(struct volumes *volumes, const char *pod_dir, const struct object_source *objects,
                  const struct token_source *tokens, const struct volume_place *place)
{
    *volumes = (struct volumes){
        .dir = xstrdup(pod_dir), .place = *place, .objects = *objects, .tokens = *tokens};
}

void volumes_deinit(struct volumes *volumes)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(&volumes->digests, &i, &key, &value);)
        free(value);
    for (size_t i = 0; strmap_next(&volumes->cached, &i, &key, &value);) {
        free(*(char **)value); /* struct cached_token begins with its token */
        free(value);
    }
    strmap_clear(&volumes->digests);
    strmap_clear(&volumes->cached);
    free(volumes->dir);
}

static gid_t fs_group(const struct pod_view *view)
{
    return (gid_t)json_int_or(json_at(view->pod, "spec", "securityContext", "fsGroup"),
                              (int64_t)NO_GROUP);
}

static const char *fs_group_policy(const struct pod_view *view)
{
    return json_text(view->pod, "spec", "securityContext", "fsGroupChangePolicy");
}

static char *volume_path(const struct volumes *volumes, const char *name)
{
    return xasprintf("%s/volumes/%s", volumes->dir, name);
}

/* ---- one kind each ---- */

struct setup {
    struct volumes *volumes;
    const struct pod_view *view;
    const char *name, *path;
    const json_t *source;
    int64_t *again_us;
};

static bool mount_memory(const struct setup *setup, struct error *err)
{
    struct quantity size;
    const char *limit = json_text(setup->source, "sizeLimit");
    CLEANUP(free_ptr)
    char *options = limit && quantity_parse(str_of(limit), &size) && quantity_value(&size) > 0
                        ? xasprintf("mode=0777,size=%lld", (long long)quantity_value(&size))
                        : xstrdup("mode=0777,size=50%");
    if (mount("tmpfs", setup->path, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
        return error_internal(err, "mounting memory: %s", strerrordesc_np(errno));
    return true;
}

static bool set_up_empty_dir(const struct setup *setup, struct error *err)
{
    struct stat found;
    gid_t gid = fs_group(setup->view);
    if (stat(setup->path, &found) == 0)
        return true; /* made before: its contents are the Pod's */
    if (!folder_make(setup->path, 0755, err))
        return false;
    const char *medium = json_text(setup->source, "medium");
    if (text_eq(medium, "Memory") && !mount_memory(setup, err)) {
        (void)rmdir(setup->path); /* so that the next try does not take it for done */
        return false;
    }
    if ((gid != NO_GROUP && chown(setup->path, (uid_t)-1, gid) != 0) ||
        chmod(setup->path, gid == NO_GROUP ? 0777 : 02777) != 0)
        return error_internal(err, "changing the mode: %s", strerrordesc_np(errno));
    return true;
}

static bool set_up_files(const struct setup *setup, const char *kind, struct error *err)
{
    char digest[65];
    CLEANUP(payload_clear) struct payload payload = {0};
    mode_t mode = (mode_t)json_int_or(json_at(setup->source, "defaultMode"), 0644);
    const char *before = strmap_get(&setup->volumes->digests, setup->name);
    if (!volume_payload_add(setup->volumes, setup->view, kind, setup->source, setup->name, mode,
                            &payload, setup->again_us, err))
        return false;
    payload_digest(&payload, digest);
    if (before && strcmp(before, digest) == 0)
        return true;
    if (!folder_make(setup->path, 0755, err) ||
        !atomic_write(setup->path, &payload, fs_group(setup->view), err))
        return false;
    free(strmap_put(&setup->volumes->digests, setup->name, xstrdup(digest)));
    return true;
}

static bool set_up_config_map(const struct setup *setup, struct error *err)
{
    return set_up_files(setup, "configMap", err);
}

static bool set_up_secret(const struct setup *setup, struct error *err)
{
    return set_up_files(setup, "secret", err);
}

static bool set_up_downward(const struct setup *setup, struct error *err)
{
    return set_up_files(setup, "downwardAPI", err);
}

static bool set_up_projected(const struct setup *setup, struct error *err)
{
    return set_up_files(setup, "projected", err);
}

/* Never for a tenant: the host's files are not its own. */
static bool set_up_host_path(const struct setup *setup, struct error *err)
{
    struct stat found;
    const char *path = json_text(setup->source, "path"), *type = json_text(setup->source, "type");
    if (setup->view->cluster)
        return error_set(err, ERROR_FORBIDDEN, "hostPath volumes are not allowed");
    if (!path || path[0] != '/')
        return error_set(err, ERROR_INVALID, "hostPath needs an absolute path");
    if (text_eq(type, "DirectoryOrCreate"))
        return folder_make(path, 0755, err);
    if (!type || !*type) /* nothing is checked, and runtimes make what is missing */
        return stat(path, &found) == 0 || folder_make(path, 0755, err);
    if (stat(path, &found) != 0)
        return error_set(err, ERROR_NOT_FOUND, "hostPath type check failed: %s is not a %s", path,
                         type);
    return true;
}

/* A link to where the claim leads: the folder outlives the Pod. */
static bool link_claim(const struct setup *setup, const char *claim, struct error *err)
{
    char before[PATH_MAX];
    CLEANUP(free_ptr) char *target = NULL;
    CLEANUP(free_ptr) char *folder = xasprintf("%s/volumes", setup->volumes->dir);
    ssize_t len = readlink(setup->path, before, sizeof(before));
    if (len > 0)
        return true; /* made before: a bound claim leads to the same place for life */
    if (!volume_claim_find(setup->volumes, claim, fs_group(setup->view),
                           fs_group_policy(setup->view), &target, err) ||
        !folder_make(folder, 0755, err))
        return false;
    return symlink(target, setup->path) == 0 ||
           error_internal(err, "linking the volume: %s", strerrordesc_np(errno));
}

static bool set_up_claim(const struct setup *setup, struct error *err)
{
    const char *claim = json_text(setup->source, "claimName");
    return link_claim(setup, claim ? claim : "", err);
}

/* Its claim is named after the Pod and the volume. */
static bool set_up_ephemeral(const struct setup *setup, struct error *err)
{
    CLEANUP(free_ptr)
    char *claim =
        xasprintf("%s-%s", json_text(setup->view->pod, "metadata", "name") ?: "", setup->name);
    return link_claim(setup, claim, err);
}

static const struct volume_kind {
    const char *member;
    bool (*set_up)(const struct setup *setup, struct error *err);
} volume_kinds[] = {
    {"emptyDir", set_up_empty_dir},   {"configMap", set_up_config_map},
    {"secret", set_up_secret},        {"projected", set_up_projected},
    {"downwardAPI", set_up_downward}, {"hostPath", set_up_host_path},
    {"ephemeral", set_up_ephemeral},  {"persistentVolumeClaim", set_up_claim},
};

static bool set_up_one(struct volumes *volumes, const struct pod_view *view, const json_t *volume,
                       int64_t *again_us, struct error *err)
{
    const char *name = json_text(volume, "name");
    CLEANUP(free_ptr) char *path = volume_path(volumes, name ? name : "");
    for (size_t i = 0; i < ARRAY_LEN(volume_kinds); i++) {
        const json_t *source = json_at(volume, volume_kinds[i].member);
        struct setup setup = {volumes, view, name, path, source, again_us};
        if (source)
            return volume_kinds[i].set_up(&setup, err);
    }
    return error_set(err, ERROR_INVALID, "this node does not support the volume's type");
}

bool volumes_update(struct volumes *volumes, const struct pod_view *view, int64_t *again_us,
                    const char **volume, struct error *err)
{
    size_t i;
    const json_t *one;
    *again_us = 0;
    json_array_foreach (json_at(view->pod, "spec", "volumes"), i, one)
        if (!set_up_one(volumes, view, one, again_us, err)) {
            *volume = json_text(one, "name");
            return false;
        }
    return true;
}

/* ---- mounts ---- */

static const json_t *find_volume(const struct pod_view *view, const char *name)
{
    return json_named(json_at(view->pod, "spec", "volumes"), name);
}

/* A folder or a file to mount on, as what is mounted. */
static bool make_target(const char *target, int source, struct error *err)
{
    struct stat found;
    if (fstat(source, &found) != 0)
        return error_internal(err, "looking at the subPath: %s", strerrordesc_np(errno));
    if (S_ISDIR(found.st_mode))
        return folder_make(target, 0750, err);
    CLEANUP(close_fd) int fd = open(target, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    return fd >= 0 ||
           error_internal(err, "making the subPath's target: %s", strerrordesc_np(errno));
}

/* Binds what the descriptor shows, not what the path shows by now (CVE-2021-25741). */
static bool bind_sub_path(struct volumes *volumes, const char *root, const char *sub_path,
                          const char *unique, char **path, struct error *err)
{
    CLEANUP(free_ptr) char *folder = xasprintf("%s/subpaths", volumes->dir);
    CLEANUP(free_ptr) char *target = xasprintf("%s/%s", folder, unique);
    CLEANUP(close_fd) int source = folder_open_below(root, sub_path, true, err);
    if (source < 0 || !folder_make(folder, 0750, err))
        return false;
    folder_unmount(target); /* of the container's last attempt */
    if (!make_target(target, source, err))
        return false;
    CLEANUP(free_ptr) char *link = xasprintf("/proc/self/fd/%d", source);
    if (mount(link, target, NULL, MS_BIND, NULL) != 0)
        return error_internal(err, "mounting the subPath: %s", strerrordesc_np(errno));
    *path = TAKE(target);
    return true;
}

bool volumes_read_only(const struct pod_view *view, const json_t *mount)
{
    const json_t *volume = find_volume(view, json_text(mount, "name"));
    return json_bool_or(json_at(volume, "persistentVolumeClaim", "readOnly"), false);
}

/* What a volume's folder is, where that is a link of ours. */
static char *follow_link(char *path)
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof(target));
    if (len <= 0 || (size_t)len == sizeof(target))
        return path;
    free(path);
    return xstrndup(target, (size_t)len);
}

bool volumes_mount_source(struct volumes *volumes, const struct pod_view *view, const json_t *mount,
                          const char *sub_path, const char *unique, char **path, struct error *err)
{
    const char *name = json_text(mount, "name");
    const json_t *volume = find_volume(view, name);
    const char *host_path = json_text(volume, "hostPath", "path");
    if (!volume)
        return error_set(err, ERROR_INVALID, "there is no volume \"%s\"", name ? name : "");
    CLEANUP(free_ptr)
    char *root = host_path ? xstrdup(host_path) : follow_link(volume_path(volumes, name));
    if (!*sub_path) {
        *path = TAKE(root);
        return true;
    }
    if (sub_path[0] == '/' || strstr(sub_path, ".."))
        return error_set(err, ERROR_INVALID, "subPath \"%s\" must not leave the volume", sub_path);
    return bind_sub_path(volumes, root, sub_path, unique, path, err);
}

bool volumes_remove(const char *pod_dir, struct error *err)
{
    folder_unmount(pod_dir);
    return folder_remove(pod_dir, err);
}
