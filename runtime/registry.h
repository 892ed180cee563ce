/* runtime/registry.h: a client of one repository of a registry (OCI distribution-spec 1.1; Docker's
 * token server).
 *
 * Credentials go to the registry's own host, and to the token server that it names over TLS; never
 * along a redirect to another host. A redirect never leaves TLS. One thread at a time. */
#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "runtime/image.h"
#include "runtime/image_reference.h"

struct registry;

/* All that is given is copied. `http_hosts` as in image_pull. */
struct registry *registry_open(const struct image_reference *reference,
                               const struct image_auth *auth, const char *const *http_hosts);
void registry_close(struct registry *registry);

/* A manifest or index by tag or digest, into `out` (born with its maximum). NOT_FOUND, FORBIDDEN,
 * UNAVAILABLE or INVALID. */
MUST_CHECK bool registry_manifest(struct registry *registry, const char *which, struct buf *out,
                                  struct error *err);
/* A small blob; the caller checks its digest. */
MUST_CHECK bool registry_blob(struct registry *registry, const char *digest, struct buf *out,
                              struct error *err);
/* A large one into the file `fd`, from where the file ends; at most `size_bytes` in all. Retries,
 * and resumes each time. */
MUST_CHECK bool registry_download(struct registry *registry, const char *digest, int64_t size_bytes,
                                  int fd, struct error *err);
