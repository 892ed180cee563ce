/* runtime/image.h: images on this machine: content-addressed, imported or pulled. Any thread;
 * blocking. Sources: OCI image-spec and distribution-spec; docker-archive as `docker save` writes
 * it. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "runtime/runtime.h"

struct image {
    char *digest;      /* of the config: "sha256:..." */
    char **references; /* "docker.io/library/busybox:1.36", NULL-ended */
    int64_t size_bytes, created_us;
};
void images_free(struct image *images, size_t count);

/* Imports every image of an OCI layout (directory or tar) or docker-archive (tar, optionally gzip).
 * `reference` names an image that has no name of its own; NULL otherwise. Adds what it imported to
 * `*names` (NULL-ended, owned; may be NULL). */
MUST_CHECK bool image_import(struct runtime *runtime, const char *path, const char *reference,
                             char ***names, struct error *err);

struct image_auth {
    const char *username, *password; /* NULL: anonymous */
};
/* Pulls by reference; resumes broken layers, checks digests, retries with back-off. `http_hosts`:
 * registries to be spoken to without TLS ("127.0.0.1:5000"), NULL-ended; loopback is always tried
 * so after TLS fails. Owned digest in `*digest`. */
MUST_CHECK bool image_pull(struct runtime *runtime, const char *reference,
                           const struct image_auth *auth, const char *const *http_hosts,
                           char **digest, struct error *err);
/* NOT_FOUND when it is absent. Config JSON (Entrypoint, Env, User, ...), new reference. */
MUST_CHECK bool image_config(struct runtime *runtime, const char *reference, json_t **config,
                             char **digest, struct error *err);
MUST_CHECK bool image_list(struct runtime *runtime, struct image **images, size_t *count,
                           struct error *err);
MUST_CHECK bool image_remove(struct runtime *runtime, const char *reference, struct error *err);
/* Removes layers that nothing refers to; returns freed bytes in `*freed`. */
MUST_CHECK bool image_collect(struct runtime *runtime, int64_t *freed, struct error *err);
/* "busybox" -> "docker.io/library/busybox:latest"; owned; NULL when it is malformed. */
char *image_reference_normalize(const char *reference);
