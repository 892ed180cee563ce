/* OpenAPI documents of one edition, from the schema's tables. */
#include <string.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/documents/document.h"
#include "apiserver/documents/openapi_merge.h"
#include "base/codec.h"
#include "base/json.h"
#include "schema/openapi.h"

#define DOCUMENT_MAX ((size_t)64 << 20)

struct rows {
    const struct resource **items; /* owned array */
    size_t count;
};

static void rows_clear(struct rows *rows)
{
    free(rows->items);
}

/* The host cluster's own rows and those of CRDs, which stand in no document by themselves. */
static struct rows extra_rows(const struct edition *edition)
{
    size_t count;
    const struct resource *const *all = resource_all(&count);
    struct rows rows = {.items = xcalloc(count + edition->row_count + 1, sizeof(*rows.items))};
    for (size_t i = 0; edition->host && i < count; i++)
        if (all[i]->host_only)
            rows.items[rows.count++] = all[i];
    for (size_t i = 0; i < edition->row_count; i++)
        rows.items[rows.count++] = edition->rows[i];
    return rows;
}

static bool has_custom(const struct edition *edition, const char *group, const char *version)
{
    for (size_t i = 0; i < edition->row_count; i++)
        if (strcmp(edition->rows[i]->group, group) == 0 &&
            strcmp(edition->rows[i]->version, version) == 0)
            return true;
    return false;
}

static bool has_rows(const char *group, const char *version)
{
    size_t count;
    const struct resource *const *all = resource_all(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i]->group, group) == 0 && strcmp(all[i]->version, version) == 0)
            return true;
    return false;
}

bool openapi_group(struct buf *out, const struct edition *edition, const char *group,
                   const char *version)
{
    CLEANUP(rows_clear) struct rows rows = extra_rows(edition);
    bool built_in = edition_shows(edition, group) && has_rows(group, version);
    if (!built_in && !has_custom(edition, group, version))
        return false;
    openapi_v3(out, group, version, rows.items, rows.count);
    return true;
}

/* With what other servers say of theirs. */
static bool merge_others(struct buf *out, const struct aggregates *aggregates)
{
    CLEANUP(error_clear) struct error ignored = {0};
    json_auto_t *spec = json_parse(buf_str(out), JSON_LOAD_LENIENT, &ignored);
    for (size_t i = 0; spec && i < aggregates->count; i++) {
        const struct aggregate_item *item = &aggregates->items[i];
        CLEANUP(aggregate_said_clear) struct aggregate_said said = {0};
        CLEANUP(free_ptr) char *prefix = xasprintf("/apis/%s/%s", item->group, item->version);
        aggregate_said(item, &said);
        if (said.swagger)
            openapi_merge(spec, said.swagger, prefix);
    }
    buf_clear(out);
    if (spec)
        json_write(out, spec);
    return spec != NULL;
}

bool openapi_swagger(struct buf *out, const struct edition *edition)
{
    CLEANUP(rows_clear) struct rows rows = extra_rows(edition);
    openapi_v2(out, rows.items, rows.count);
    return !edition->aggregates || merge_others(out, edition->aggregates);
}

/* False when there is no such document. */
static bool index_entry(struct buf *out, const struct edition *edition, const char *group,
                        const char *version, bool first)
{
    struct buf document = BUF_INIT(DOCUMENT_MAX);
    char digest[65];
    bool there = openapi_group(&document, edition, group, version);
    if (there) {
        document_digest(&document, digest);
        CLEANUP(free_ptr)
        char *path =
            *group ? xasprintf("apis/%s/%s", group, version) : xasprintf("api/%s", version);
        buf_printf(out, "%s\"%s\":{\"serverRelativeURL\":\"/openapi/v3/%s?hash=%s\"}",
                   first ? "" : ",", path, path, digest);
    }
    buf_free(&document);
    return there;
}

/* Documents of other servers stay theirs, with their own hashes. */
static void add_others(struct buf *out, const struct edition *edition, bool first)
{
    for (size_t i = 0; edition->aggregates && i < edition->aggregates->count; i++) {
        const struct aggregate_item *item = &edition->aggregates->items[i];
        CLEANUP(aggregate_said_clear) struct aggregate_said said = {0};
        aggregate_said(item, &said);
        if (!said.openapi_url)
            continue;
        CLEANUP(free_ptr) char *path = xasprintf("apis/%s/%s", item->group, item->version);
        json_auto_t *entry = json_pack("{s:s}", "serverRelativeURL", said.openapi_url);
        buf_printf(out, "%s\"%s\":", first ? "" : ",", path);
        json_write(out, entry);
        first = false;
    }
}

/* The hash in each URL lets clients keep a document for ever: it is that of the document. */
void openapi_index(struct buf *out, const struct edition *edition)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    buf_add_text(out, "{\"paths\":{");
    bool first = true;
    for (size_t i = 0; i < count; i++)
        if (!aggregates_find(edition->aggregates, all[i].group, all[i].version))
            first = !index_entry(out, edition, all[i].group, all[i].version, first) && first;
    for (size_t i = 0; i < edition->row_count; i++) {
        const struct resource *row = edition->rows[i];
        bool seen = (edition_shows(edition, row->group) && has_rows(row->group, row->version)) ||
                    aggregates_find(edition->aggregates, row->group, row->version);
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(edition->rows[k]->group, row->group) == 0 &&
                   strcmp(edition->rows[k]->version, row->version) == 0;
        if (!seen)
            first = !index_entry(out, edition, row->group, row->version, first) && first;
    }
    add_others(out, edition, first);
    buf_add_text(out, "}}");
}
