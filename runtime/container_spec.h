/* runtime/container_spec.h: a container as the shim is told it: one JSON file, spec.json, in its
 * directory.
 *
 * name, image, imageDigest; layers (directories, topmost first); args, env ("K=V"), cwd; user
 * ("user:group", of the image), uid, gid (-1: the image's), groups; mustNotBeRoot, readOnlyRoot,
 * privileged, noNewPrivs, tty, stdinOpen, stdinOnce; capsAdd, capsDrop; seccomp; limits {cpuShares,
 * cpuQuotaUs, memoryMaxBytes, pidsMax}; oomScoreAdj; logPath, logMaxBytes; mounts [{source |
 * tmpfsSize, target, readOnly}]. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"

#define SPEC_BYTES_MAX ((size_t)4 << 20)

/* From the caller's wishes and the image's config ({"Entrypoint": ..., "Env": ...}). New reference;
 * INVALID otherwise. */
MUST_CHECK json_t *container_spec_make(const struct container_config *config,
                                       const json_t *image_config, const char *image_digest,
                                       json_t *layers, struct error *err);
/* What of it concerns control groups. */
struct cgroup_limits container_spec_limits(const json_t *spec);
/* [a-zA-Z0-9][a-zA-Z0-9._-]{0,127}: a name that is safe as a directory's. */
bool container_name_valid(const char *name);
