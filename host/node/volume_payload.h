/* host/node/volume_payload.h: the files of configMap, secret, downwardAPI and projected volumes. */
#pragma once
#include "host/node/atomic_writer.h"
#include "host/node/volumes.h"

/* Adds one source's files: `kind` is the member's name ("configMap", "secret", "downwardAPI",
 * "serviceAccountToken", "projected"), `source` its value. `key` names the volume for the token
 * cache. Lowers `*again_us` for what changes. */
MUST_CHECK bool volume_payload_add(struct volumes *volumes, const struct pod_view *view,
                                   const char *kind, const json_t *source, const char *key,
                                   mode_t mode, struct payload *payload, int64_t *again_us,
                                   struct error *err);
