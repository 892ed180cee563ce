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

/* ---- which documents there are ---- */

/* Built-in groups alone: upstream says nothing of those of CRDs but their versions. */
static bool has_group(const struct edition *edition, const char *group)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    for (size_t i = 0; i < count; i++)
        if (*group && strcmp(all[i].group, group) == 0 && edition_shows(edition, group) &&
            has_rows(group, all[i].version))
            return true;
    return false;
}

bool openapi_root_group(struct buf *out, const struct edition *edition, const char *group)
{
    if (!has_group(edition, group))
        return false;
    openapi_v3_group(out, group);
    return true;
}

struct index {
    struct buf *out;
    bool any;
};

static void add_entry(struct index *index, const char *path, const char *url)
{
    json_auto_t *entry = json_pack("{s:s}", "serverRelativeURL", url);
    buf_printf(index->out, "%s\"%s\":", index->any ? "," : "", path);
    json_write(index->out, entry);
    index->any = true;
}

/* The hash in each URL lets clients keep a document for ever: it is that of the document. */
static void add_document(struct index *index, const char *path, const struct buf *document)
{
    char digest[65];
    document_digest(document, digest);
    CLEANUP(free_ptr) char *url = xasprintf("/openapi/v3/%s?hash=%s", path, digest);
    add_entry(index, path, url);
}

static void add_version(struct index *index, const struct edition *edition, const char *group,
                        const char *version)
{
    CLEANUP(buf_free) struct buf document = BUF_INIT(DOCUMENT_MAX);
    CLEANUP(free_ptr)
    char *path = *group ? xasprintf("apis/%s/%s", group, version) : xasprintf("api/%s", version);
    if (openapi_group(&document, edition, group, version))
        add_document(index, path, &document);
}

static void add_group(struct index *index, const struct edition *edition, const char *group)
{
    CLEANUP(buf_free) struct buf document = BUF_INIT(DOCUMENT_MAX);
    CLEANUP(free_ptr) char *path = xasprintf("apis/%s", group);
    if (openapi_root_group(&document, edition, group))
        add_document(index, path, &document);
}

static void add_roots(struct index *index)
{
    char *name;
    for (size_t i = 0; (name = openapi_root_name(i)); i++) {
        CLEANUP(buf_free) struct buf document = BUF_INIT(DOCUMENT_MAX);
        if (openapi_v3_root(&document, name))
            add_document(index, name, &document);
        free(name);
    }
}

static void add_built_in(struct index *index, const struct edition *edition)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(all[k].group, all[i].group) == 0;
        if (!seen)
            add_group(index, edition, all[i].group);
        if (!aggregates_find(edition->aggregates, all[i].group, all[i].version))
            add_version(index, edition, all[i].group, all[i].version);
    }
}

static void add_custom(struct index *index, const struct edition *edition)
{
    for (size_t i = 0; i < edition->row_count; i++) {
        const struct resource *row = edition->rows[i];
        bool seen = (edition_shows(edition, row->group) && has_rows(row->group, row->version)) ||
                    aggregates_find(edition->aggregates, row->group, row->version);
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(edition->rows[k]->group, row->group) == 0 &&
                   strcmp(edition->rows[k]->version, row->version) == 0;
        if (!seen)
            add_version(index, edition, row->group, row->version);
    }
}

/* Documents of other servers stay theirs, with their own hashes. */
static void add_others(struct index *index, const struct edition *edition)
{
    for (size_t i = 0; edition->aggregates && i < edition->aggregates->count; i++) {
        const struct aggregate_item *item = &edition->aggregates->items[i];
        CLEANUP(aggregate_said_clear) struct aggregate_said said = {0};
        aggregate_said(item, &said);
        if (!said.openapi_url)
            continue;
        CLEANUP(free_ptr) char *path = xasprintf("apis/%s/%s", item->group, item->version);
        add_entry(index, path, said.openapi_url);
    }
}

void openapi_index(struct buf *out, const struct edition *edition)
{
    struct index index = {.out = out};
    buf_add_text(out, "{\"paths\":{");
    add_roots(&index);
    add_built_in(&index, edition);
    add_custom(&index, edition);
    add_others(&index, edition);
    buf_add_text(out, "}}");
}
