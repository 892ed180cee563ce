/* Swagger 2.0: one document for everything that is served. */
#include <string.h>

#include "schema/openapi_internal.h"

/* A group's URL comes with the first version that serves anything. */
static bool serves(const char *group, const struct resource *const *rows, size_t row_count)
{
    size_t count;
    const struct resource *const *built_in = resource_all(&count);
    for (size_t i = 0; i < count; i++)
        if (!built_in[i]->host_only && strcmp(built_in[i]->group, group) == 0)
            return true;
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i]->group, group) == 0)
            return true;
    return false;
}

/* Every (group, version) once, built-in ones first, and every group. `seen` holds "group/version"
 * and "group". */
static void paths_of(struct openapi *doc, struct strmap *seen, const char *group,
                     const char *version, const struct resource *const *rows, size_t row_count)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", group, version);
    if (*group && !strmap_has(seen, group) && serves(group, rows, row_count))
        openapi_group_root(doc, group);
    strmap_put(seen, group, doc);
    if (!strmap_has(seen, key))
        openapi_paths(doc, group, version, rows, row_count);
    strmap_put(seen, key, doc);
}

void openapi_v2(struct buf *out, const struct resource *const *rows, size_t row_count)
{
    struct openapi doc = {.out = out, .version = OPENAPI_V2};
    CLEANUP(strmap_clear) struct strmap seen = {0};
    size_t count;
    const struct group_version *all = group_version_all(&count);
    doc_open(out, '{');
    doc_text(out, "swagger", "2.0");
    doc_raw(out, "info", "{\"title\":\"Kubernetes\",\"version\":\"v1.32.0\"}");
    doc_object(out, "paths");
    openapi_roots(&doc);
    for (size_t i = 0; i < count; i++)
        paths_of(&doc, &seen, all[i].group, all[i].version, rows, row_count);
    for (size_t i = 0; i < row_count; i++)
        paths_of(&doc, &seen, rows[i]->group, rows[i]->version, rows, row_count);
    doc_close(out, '}');
    doc_object(out, "definitions");
    openapi_schemas(&doc);
    doc_close(out, '}');
    doc_raw(out, "securityDefinitions",
            "{\"BearerToken\":{\"description\":\"Bearer Token authentication\",\"type\":\"apiKey\","
            "\"name\":\"authorization\",\"in\":\"header\"}}");
    doc_raw(out, "security", "[{\"BearerToken\":[]}]");
    doc_close(out, '}');
    strmap_clear(&doc.schemas);
}
