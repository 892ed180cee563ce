/* OpenAPI v3: one document a group version. */
#include "schema/openapi_internal.h"

void openapi_v3(struct buf *out, const char *group, const char *version,
                const struct resource *const *rows, size_t row_count)
{
    struct openapi doc = {.out = out, .version = OPENAPI_V3};
    doc_open(out, '{');
    doc_text(out, "openapi", "3.0.0");
    doc_raw(out, "info", "{\"title\":\"Kubernetes\",\"version\":\"v1.32.0\"}");
    doc_object(out, "paths");
    openapi_paths(&doc, group, version, rows, row_count);
    doc_close(out, '}');
    doc_object(out, "components");
    doc_object(out, "schemas");
    openapi_schemas(&doc);
    doc_close(out, '}');
    doc_raw(out, "securitySchemes",
            "{\"BearerToken\":{\"type\":\"apiKey\",\"description\":\"Bearer Token authentication\","
            "\"name\":\"authorization\",\"in\":\"header\"}}");
    doc_close(out, '}');
    doc_close(out, '}');
    strmap_clear(&doc.schemas);
}
