/* schema/openapi.h: OpenAPI documents from the type and resource tables. */
#pragma once
#include "base/buf.h"
#include "schema/resource.h"

/* One group-version's OpenAPI v3 document. `extra` rows (CRDs) may be NULL. */
void openapi_v3(struct buf *out, const char *group, const char *version, const struct resource *const *rows, size_t row_count);
/* The whole Swagger 2.0 document. */
void openapi_v2(struct buf *out, const struct resource *const *rows, size_t row_count);
