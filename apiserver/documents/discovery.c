/* Discovery: which groups, versions, resources and verbs there are. Pure: from the resource tables
 * to JSON. */
#include <string.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/documents/discovery_other.h"
#include "apiserver/documents/document.h"
#include "apiserver/documents/served.h"
#include "base/json.h"

static const struct verb_name {
    uint32_t flag;
    const char *name;
} verb_names[] = {
    /* alphabetical, as upstream lists them */
    {VERB_CREATE, "create"}, {VERB_DELETE, "delete"}, {VERB_DELETE_COLLECTION, "deletecollection"},
    {VERB_GET, "get"},       {VERB_LIST, "list"},     {VERB_PATCH, "patch"},
    {VERB_UPDATE, "update"}, {VERB_WATCH, "watch"},
};

bool edition_shows(const struct edition *edition, const char *group)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].group, group) == 0)
            return (edition->host || !all[i].host_only);
    return false;
}

static json_t *verbs_json(uint32_t verbs)
{
    json_t *names = json_array();
    for (size_t i = 0; i < ARRAY_LEN(verb_names); i++)
        if (verbs & verb_names[i].flag)
            json_array_append_new(names, json_string(verb_names[i].name));
    return names;
}

static void set_texts(json_t *object, const char *key, const char *const *texts)
{
    if (!texts || !texts[0])
        return;
    json_t *array = json_ensure_array(object, key);
    for (; *texts; texts++)
        json_array_append_new(array, json_string(*texts));
}

static void finish(struct buf *out, json_t *document)
{
    json_write(out, document);
    buf_add_char(out, '\n');
    json_decref(document);
}

static char *group_version_text(const char *group, const char *version)
{
    return *group ? xasprintf("%s/%s", group, version) : xstrdup(version);
}

void discovery_versions(struct buf *out, const struct edition *edition)
{
    (void)edition;
    finish(out,
           json_pack("{s:s, s:[s], s:[{s:s, s:s}]}", "kind", "APIVersions", "versions", "v1",
                     "serverAddressByClientCIDRs", "clientCIDR", "0.0.0.0/0", "serverAddress", ""));
}

/* ---- groups ---- */

static json_t *version_json(const char *group, const char *version)
{
    CLEANUP(free_ptr) char *text = group_version_text(group, version);
    return json_pack("{s:s, s:s}", "groupVersion", text, "version", version);
}

static json_t *group_json(const struct served *served, size_t start)
{
    json_t *versions = json_array();
    for (size_t i = start, end = served_group_end(served, start); i < end; i++)
        json_array_append_new(versions,
                              version_json(served->items[i].group, served->items[i].version));
    return json_pack("{s:s, s:o, s:O}", "name", served->items[start].group, "versions", versions,
                     "preferredVersion", json_array_get(versions, 0));
}

void discovery_groups(struct buf *out, const struct edition *edition)
{
    CLEANUP(served_clear) struct served served = {0};
    json_t *groups = json_array();
    served_list(&served, edition);
    for (size_t i = 0; i < served.count; i = served_group_end(&served, i))
        json_array_append_new(groups, group_json(&served, i));
    finish(out, json_pack("{s:s, s:s, s:o}", "kind", "APIGroupList", "apiVersion", "v1", "groups",
                          groups));
}

bool discovery_group(struct buf *out, const struct edition *edition, const char *group)
{
    CLEANUP(served_clear) struct served served = {0};
    served_list(&served, edition);
    size_t at = served_find(&served, group);
    if (at == served.count)
        return false;
    json_auto_t *members = group_json(&served, at);
    json_t *document = json_pack("{s:s, s:s}", "kind", "APIGroup", "apiVersion", "v1");
    json_object_update(document, members);
    finish(out, document);
    return true;
}

/* ---- resources ---- */

static json_t *resource_json(const struct resource *row)
{
    json_t *json = json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", row->plural, "singularName",
                             row->singular ? row->singular : "", "namespaced", row->namespaced,
                             "kind", row->kind, "verbs", verbs_json(row->verbs));
    set_texts(json, "shortNames", row->short_names);
    set_texts(json, "categories", row->categories);
    if (row->storage_version_hash && *row->storage_version_hash)
        json_set_text(json, "storageVersionHash", row->storage_version_hash);
    return json;
}

static json_t *subresource_json(const struct resource *row, const struct subresource *sub)
{
    CLEANUP(free_ptr) char *name = xasprintf("%s/%s", row->plural, sub->name);
    bool other = sub->version && *sub->version; /* than the resource's own */
    return json_pack("{s:s, s:s, s:b, s:s*, s:s*, s:s, s:o}", "name", name, "singularName", "",
                     "namespaced", row->namespaced, "group", other ? sub->group : NULL, "version",
                     other ? sub->version : NULL, "kind", sub->kind ? sub->kind : row->kind,
                     "verbs", verbs_json(sub->verbs));
}

bool discovery_resources(struct buf *out, const struct edition *edition, const char *group,
                         const char *version)
{
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    json_t *resources = json_array();
    if (!edition_shows(edition, group))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i]->group, group) != 0 || strcmp(rows[i]->version, version) != 0)
            continue;
        json_array_append_new(resources, resource_json(rows[i]));
        for (size_t s = 0; s < rows[i]->subresource_count; s++)
            json_array_append_new(resources, subresource_json(rows[i], &rows[i]->subresources[s]));
    }
    for (size_t i = 0; i < edition->row_count; i++) {
        const struct resource *row = edition->rows[i];
        if (strcmp(row->group, group) != 0 || strcmp(row->version, version) != 0)
            continue;
        json_array_append_new(resources, resource_json(row));
        for (size_t k = 0; k < row->subresource_count; k++)
            json_array_append_new(resources, subresource_json(row, &row->subresources[k]));
    }
    if (json_array_size(resources) == 0) {
        json_decref(resources);
        return false;
    }
    CLEANUP(free_ptr) char *text = group_version_text(group, version);
    finish(out, json_pack("{s:s, s:s*, s:s, s:o}", "kind", "APIResourceList", "apiVersion",
                          *group ? "v1" : NULL, "groupVersion", text, "resources", resources));
    return true;
}

/* ---- aggregated ---- */

static json_t *kind_json(const char *group, const char *version, const char *kind)
{
    return json_pack("{s:s, s:s, s:s}", "group", group, "version", version, "kind", kind);
}

static json_t *aggregated_subresource(const struct resource *row, const struct subresource *sub)
{
    bool own = sub->version && *sub->version;
    return json_pack("{s:s, s:o, s:o}", "subresource", sub->name, "responseKind",
                     kind_json(own ? sub->group : row->group, own ? sub->version : row->version,
                               sub->kind ? sub->kind : row->kind),
                     "verbs", verbs_json(sub->verbs));
}

static json_t *aggregated_resource(const struct resource *row)
{
    json_t *json = json_pack("{s:s, s:o, s:s, s:s, s:o}", "resource", row->plural, "responseKind",
                             kind_json(row->group, row->version, row->kind), "scope",
                             row->namespaced ? "Namespaced" : "Cluster", "singularResource",
                             row->singular ? row->singular : "", "verbs", verbs_json(row->verbs));
    set_texts(json, "shortNames", row->short_names);
    set_texts(json, "categories", row->categories);
    for (size_t s = 0; s < row->subresource_count; s++)
        json_array_append_new(json_ensure_array(json, "subresources"),
                              aggregated_subresource(row, &row->subresources[s]));
    return json;
}

static void add_rows(json_t *resources, const struct resource *const *rows, size_t count,
                     const char *group, const char *version)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i]->group, group) == 0 && strcmp(rows[i]->version, version) == 0)
            json_array_append_new(resources, aggregated_resource(rows[i]));
}

static json_t *own_version(const struct edition *edition, const char *group, const char *version)
{
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    json_t *resources = json_array();
    if (edition_shows(edition, group))
        add_rows(resources, rows, count, group, version);
    add_rows(resources, edition->rows, edition->row_count, group, version);
    return json_pack("{s:s, s:o, s:s}", "version", version, "resources", resources, "freshness",
                     "Current");
}

/* What its server said last; Stale when it did not say so now. */
static json_t *other_version(const struct aggregate_item *item)
{
    CLEANUP(aggregate_said_clear) struct aggregate_said said = {0};
    aggregate_said(item, &said);
    return json_pack("{s:s, s:o, s:s}", "version", item->version, "resources",
                     discovery_convert(said.resources, item->group, item->version), "freshness",
                     said.current ? "Current" : "Stale");
}

static json_t *aggregated_group(const struct edition *edition, const struct served *served,
                                size_t start)
{
    json_t *versions = json_array();
    for (size_t i = start, end = served_group_end(served, start); i < end; i++) {
        const struct served_version *version = &served->items[i];
        json_array_append_new(
            versions, version->item ? other_version(version->item)
                                    : own_version(edition, version->group, version->version));
    }
    return json_pack("{s:{s:s, s:n}, s:o}", "metadata", "name", served->items[start].group,
                     "creationTimestamp", "versions", versions);
}

static json_t *aggregated_core(const struct edition *edition)
{
    return json_pack("{s:{s:n}, s:[o]}", "metadata", "creationTimestamp", "versions",
                     own_version(edition, "", "v1"));
}

void discovery_aggregated(struct buf *out, const struct edition *edition, bool core)
{
    CLEANUP(served_clear) struct served served = {0};
    json_t *items = json_array();
    served_list(&served, edition);
    if (core)
        json_array_append_new(items, aggregated_core(edition));
    for (size_t i = 0; !core && i < served.count; i = served_group_end(&served, i))
        json_array_append_new(items, aggregated_group(edition, &served, i));
    finish(out, json_pack("{s:s, s:s, s:{}, s:o}", "kind", "APIGroupDiscoveryList", "apiVersion",
                          edition->beta ? "apidiscovery.k8s.io/v2beta1" : "apidiscovery.k8s.io/v2",
                          "metadata", "items", items));
}
