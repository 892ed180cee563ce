#include "host/node/volume_claim.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "host/node/folder.h"
#include "schema/local_volume.h"

#define HANDLE_MAX 200

/* ---- local volumes ---- */

/* It becomes the name of a folder. */
static bool is_name(const char *handle)
{
    size_t len = handle ? strlen(handle) : 0;
    return len > 0 && len <= HANDLE_MAX && handle[0] != '.' &&
           strspn(handle, "0123456789abcdefghijklmnopqrstuvwxyz-.") == len;
}

char *local_volume_folder(const char *data_dir, const json_t *volume)
{
    const char *handle = json_text(volume, "spec", "csi", "volumeHandle");
    return is_name(handle) ? xasprintf("%s/claims/%s", data_dir, handle) : NULL;
}

/* Open to all before it has an owner, as an emptyDir. */
static bool make_folder(const char *path, struct error *err)
{
    struct stat found;
    if (stat(path, &found) == 0)
        return true;
    if (!folder_make(path, 0711, err))
        return false;
    return chmod(path, 0777) == 0 ||
           error_internal(err, "changing the mode: %s", strerrordesc_np(errno));
}

static bool give_to_group(const char *path, gid_t group, const char *policy, struct error *err)
{
    struct stat found;
    if (group == (gid_t)-1)
        return true;
    if (text_eq(policy, "OnRootMismatch") && stat(path, &found) == 0 && found.st_gid == group &&
        (found.st_mode & 02070) == 02070)
        return true;
    return folder_give(path, group, err);
}

/* ---- the volume's source ---- */

struct finding {
    const struct volumes *volumes;
    const json_t *volume;
    gid_t group;
    const char *policy;
};

static bool find_local_volume(const struct finding *finding, char **path, struct error *err)
{
    const struct volume_place *place = &finding->volumes->place;
    const char *node = json_text(finding->volume, "metadata", "labels", LOCAL_VOLUME_NODE);
    if (!text_eq(json_text(finding->volume, "spec", "csi", "driver"), LOCAL_VOLUME_DRIVER))
        return error_set(err, ERROR_INVALID,
                         "driver name %s not found in the list of registered "
                         "CSI drivers",
                         json_text(finding->volume, "spec", "csi", "driver") ?: "");
    if (!text_eq(node, place->node))
        return error_set(err, ERROR_INVALID, "the volume is not on this node");
    CLEANUP(free_ptr) char *folder = local_volume_folder(place->data_dir, finding->volume);
    if (!folder)
        return error_set(err, ERROR_INVALID, "the volume's handle is not a name");
    if (!make_folder(folder, err) || !give_to_group(folder, finding->group, finding->policy, err))
        return false;
    *path = TAKE(folder);
    return true;
}

static bool find_path(const struct finding *finding, const char *member, char **path,
                      struct error *err)
{
    struct stat found;
    const char *at = json_text(finding->volume, "spec", member, "path"),
               *type = json_text(finding->volume, "spec", member, "type");
    if (!at || at[0] != '/')
        return error_set(err, ERROR_INVALID, "the volume needs an absolute path");
    if (text_eq(type, "DirectoryOrCreate") && !folder_make(at, 0755, err))
        return false;
    if (stat(at, &found) != 0)
        return error_set(err, ERROR_NOT_FOUND, "path \"%s\" does not exist", at);
    *path = xstrdup(at);
    return true;
}

static bool find_host_path(const struct finding *finding, char **path, struct error *err)
{
    return find_path(finding, "hostPath", path, err);
}

static bool find_local_path(const struct finding *finding, char **path, struct error *err)
{
    return find_path(finding, "local", path, err);
}

static const struct {
    const char *member;
    bool (*find)(const struct finding *finding, char **path, struct error *err);
} sources[] = {
    {"csi", find_local_volume}, {"hostPath", find_host_path}, {"local", find_local_path}};

/* ---- the claim ---- */

static bool read_volume(const struct volumes *volumes, const char *name, json_t **volume,
                        struct error *err)
{
    const struct object_source *objects = &volumes->objects;
    json_auto_t *claim = NULL;
    if (!objects->get(objects->arg, "persistentvolumeclaims", name, &claim, err))
        return false;
    const char *bound = json_text(claim, "spec", "volumeName");
    if (!bound || !*bound || !text_eq(json_text(claim, "status", "phase"), "Bound"))
        return error_set(err, ERROR_UNAVAILABLE, "persistentvolumeclaim \"%s\" is not bound", name);
    if (!objects->get(objects->arg, "persistentvolumes", bound, volume, err))
        return false;
    return text_eq(json_text(*volume, "spec", "claimRef", "uid"),
                   json_text(claim, "metadata", "uid")) ||
           error_set(err, ERROR_INVALID,
                     "persistentvolumeclaim \"%s\" is bound to a volume that is not its own", name);
}

bool volume_claim_find(const struct volumes *volumes, const char *claim, gid_t group,
                       const char *policy, char **path, struct error *err)
{
    json_auto_t *volume = NULL;
    if (!read_volume(volumes, claim, &volume, err))
        return false;
    const struct finding finding = {volumes, volume, group, policy};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (json_at(volume, "spec", sources[i].member))
            return sources[i].find(&finding, path, err);
    return error_set(err, ERROR_INVALID, "this node does not support the volume's type");
}
