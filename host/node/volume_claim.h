/* host/node/volume_claim.h: where a PersistentVolumeClaim leads on this node. */
#pragma once
#include "host/node/volumes.h"

/* The folder or file of the volume that the claim is bound to; a local volume's is made at its
 * first use, and given to `group` (-1: to everybody) as `policy` (fsGroupChangePolicy; may be NULL)
 * says. Owned. */
MUST_CHECK bool volume_claim_find(const struct volumes *volumes, const char *claim, gid_t group,
                                  const char *policy, char **path, struct error *err);
/* The folder of a local volume; NULL when its handle is no name. Owned. */
char *local_volume_folder(const char *data_dir, const json_t *volume);
