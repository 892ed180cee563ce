/* host/node/volumes.h: a Pod's volumes on this node: made before its sandbox, kept up to date,
 * unmounted and removed.
 *
 * Lives below DIR, the Pod's folder: DIR/volumes/NAME, and DIR/subpaths/... for bind mounts of
 * subPaths. What outlives the Pod is a link there: removal follows none. Owned by whoever works on
 * the Pod. */
#pragma once
#include "base/strmap.h"
#include "host/node/pod_env.h"
#include "host/node/pod_view.h"

/* A bound service-account token of `audience` ("" for the API server's own), owned, with its
 * expiry. */
struct token_source {
    bool (*request)(void *arg, const char *audience, int64_t seconds, char **token,
                    int64_t *expires_us, struct error *err);
    void *arg;
};

/* Where the node keeps the folders of local volumes, and whose they are. Borrowed for life. */
struct volume_place {
    const char *data_dir, *node;
};

struct volumes {
    char *dir;
    struct volume_place place;
    struct object_source objects;
    struct token_source tokens;
    struct strmap digests; /* volume -> owned text: what was written last */
    struct strmap cached;  /* volume/source -> struct cached_token */
};

void volumes_init(struct volumes *volumes, const char *pod_dir, const struct object_source *objects,
                  const struct token_source *tokens, const struct volume_place *place);
void volumes_deinit(struct volumes *volumes);
/* Makes what is missing and rewrites what has changed. `*again_us`: when to call again (tokens,
 * ConfigMaps, Secrets, the Pod's own fields); 0: never. On failure `*volume` names the volume
 * (borrowed from the Pod). */
MUST_CHECK bool volumes_update(struct volumes *volumes, const struct pod_view *view,
                               int64_t *again_us, const char **volume, struct error *err);
/* The path on the host to mount for one volumeMount of `container`; owned. `index` tells mounts of
 * one container apart; `sub_path` is expanded already, "" for none. */
MUST_CHECK bool volumes_mount_source(struct volumes *volumes, const struct pod_view *view,
                                     const json_t *mount, const char *sub_path, const char *unique,
                                     char **path, struct error *err);
/* Whether the volume of a volumeMount may only be read, whatever the mount says. */
bool volumes_read_only(const struct pod_view *view, const json_t *mount);
/* Unmounts and removes everything below the Pod's folder. */
MUST_CHECK bool volumes_remove(const char *pod_dir, struct error *err);
