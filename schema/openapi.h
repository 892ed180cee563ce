/* schema/openapi.h: OpenAPI documents from the type and resource tables.
 *
 * `rows` are served beside the built-in ones: a cluster's CRDs, and on the host cluster its own
 * (host_only) rows, which no document holds otherwise. May be NULL with 0. Building takes
 * milliseconds: callers keep the bytes. Any thread. */
#pragma once
#include "base/buf.h"
#include "schema/resource.h"

/* One group-version's OpenAPI v3 document. Empty `paths` when nothing is served there. */
void openapi_v3(struct buf *out, const char *group, const char *version,
                const struct resource *const *rows, size_t row_count);
/* The OpenAPI v3 document of a group's own URL, which says which versions it has. */
void openapi_v3_group(struct buf *out, const char *group);
/* That of a URL above all groups, or beside them ("api", "version"): false when there is none of
 * that name. */
MUST_CHECK bool openapi_v3_root(struct buf *out, const char *name);
/* The names of these, from 0 on, owned; NULL behind the last. */
char *openapi_root_name(size_t at);
/* The whole Swagger 2.0 document. */
void openapi_v2(struct buf *out, const struct resource *const *rows, size_t row_count);
/* A Swagger 2.0 document (openapi_v2's) in gnostic's protobuf form, which kubectl before 1.24 asks
 * for. False when `json` is none, or too deep. */
MUST_CHECK bool openapi_v2_protobuf(struct buf *out, struct str json);
/* The same for an OpenAPI 3.0 document (openapi_v3's). */
MUST_CHECK bool openapi_v3_protobuf(struct buf *out, struct str json);
