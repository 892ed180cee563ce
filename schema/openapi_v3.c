/* OpenAPI v3: one document a group version, a group, or a URL that is no group's. */
#include "schema/openapi_internal.h"

static void begin(struct openapi *doc)
{
    doc_open(doc->out, '{');
    doc_text(doc->out, "openapi", "3.0.0");
    doc_raw(doc->out, "info", "{\"title\":\"Kubernetes\",\"version\":\"v1.32.0\"}");
    doc_object(doc->out, "paths");
}

static void end(struct openapi *doc)
{
    struct buf *out = doc->out;
    doc_close(out, '}');
    doc_object(out, "components");
    doc_object(out, "schemas");
    openapi_schemas(doc);
    doc_close(out, '}');
    doc_raw(out, "securitySchemes",
            "{\"BearerToken\":{\"type\":\"apiKey\",\"description\":\"Bearer Token authentication\","
            "\"name\":\"authorization\",\"in\":\"header\"}}");
    doc_close(out, '}');
    doc_close(out, '}');
    strmap_clear(&doc->schemas);
}

void openapi_v3(struct buf *out, const char *group, const char *version,
                const struct resource *const *rows, size_t row_count)
{
    struct openapi doc = {.out = out, .version = OPENAPI_V3};
    begin(&doc);
    openapi_paths(&doc, group, version, rows, row_count);
    end(&doc);
}

void openapi_v3_group(struct buf *out, const char *group)
{
    struct openapi doc = {.out = out, .version = OPENAPI_V3};
    begin(&doc);
    openapi_group_root(&doc, group);
    end(&doc);
}

bool openapi_v3_root(struct buf *out, const char *name)
{
    struct openapi doc = {.out = out, .version = OPENAPI_V3};
    begin(&doc);
    bool there = openapi_root(&doc, name);
    end(&doc);
    return there;
}
