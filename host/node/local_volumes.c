/* The folders of local volumes that are being deleted: removed, and then the API is told by taking
 * the finalizer away. A volume that nobody deletes keeps its folder, whatever happens to Pods and
 * to this agent. */
#include <string.h>

#include "base/log.h"
#include "host/node/folder.h"
#include "host/node/node_internal.h"
#include "host/node/volume_claim.h"
#include "schema/local_volume.h"

#define VOLUME_GROUP 2

/* ---- one volume ---- */

static bool is_to_go(const struct node *node, const json_t *volume)
{
    return json_at(volume, "metadata", "deletionTimestamp") &&
           json_array_has_text(json_at(volume, "metadata", "finalizers"), LOCAL_VOLUME_FINALIZER) &&
           text_eq(json_text(volume, "metadata", "labels", LOCAL_VOLUME_NODE), node->name);
}

static bool tell_removed(struct node *node, const char *path, const json_t *volume,
                         struct error *err)
{
    json_auto_t *patch =
        json_pack("{s:{s:O, s:[s]}}", "metadata", "uid", json_at(volume, "metadata", "uid"),
                  "$deleteFromPrimitiveList/finalizers", LOCAL_VOLUME_FINALIZER);
    return node_patch(node, path, patch, NULL, err);
}

static bool remove_volume(struct node *node, const char *name, struct error *err)
{
    json_auto_t *volume = NULL;
    CLEANUP(free_ptr) char *path = xasprintf("/api/v1/persistentvolumes/%s", name);
    if (!client_get(node->client, path, &volume, err))
        return false;
    if (!is_to_go(node, volume))
        return true;
    CLEANUP(free_ptr) char *folder = local_volume_folder(node->data_dir, volume);
    return (!folder || folder_remove(folder, err)) && tell_removed(node, path, volume, err);
}

int64_t node_volume_job(void *arg, const char *key)
{
    CLEANUP(error_clear) struct error err = {0};
    if (remove_volume(arg, key, &err) || err.reason == ERROR_NOT_FOUND ||
        err.reason == ERROR_FORBIDDEN) /* which is what one that is gone is to a node */
        return CREW_DONE;
    log_warn("node", "volume %s cannot be removed yet: %s", key, err.message);
    return CREW_RETRY;
}

/* ---- which ---- */

static void on_volume(void *arg, const char *type, const json_t *volume)
{
    struct node *node = arg;
    const char *name = json_text(volume, "metadata", "name");
    if (name && strcmp(type, "DELETED") != 0 && is_to_go(node, volume))
        crew_add(node->side, VOLUME_GROUP, JOB_VOLUME, name, 0);
}

struct reflector *node_watch_volumes(struct node *node)
{
    CLEANUP(free_ptr)
    char *path = xasprintf("/api/v1/persistentvolumes?labelSelector=local.warren.dev%%2Fnode%%3D%s",
                           node->name);
    struct reflector_handler handler = {on_volume, NULL, node};
    return reflector_start(node->client, path, &handler);
}
