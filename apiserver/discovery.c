/* Discovery: which groups, versions, resources and verbs there are. Pure: from the resource tables
 * to JSON. */
#include <string.h>

#include "apiserver/document.h"
#include "base/json.h"
#include "schema/crd.h"

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
            return !all[i].aggregated && (edition->host || !all[i].host_only);
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

/* ---- the cluster's own groups ---- */

/* Whether this row is the first of its group (and version, when `version` is wanted too). */
static bool first_custom(const struct edition *edition, size_t at, bool by_version)
{
    const struct resource *row = edition->rows[at];
    for (size_t i = 0; i < at; i++)
        if (strcmp(edition->rows[i]->group, row->group) == 0 &&
            (!by_version || strcmp(edition->rows[i]->version, row->version) == 0))
            return false;
    return true;
}

/* Calls for each version of a custom group, in the order of preference. */
static void each_custom_version(const struct edition *edition, const char *group,
                                void (*each)(const struct edition *edition, const char *group,
                                             const char *version, json_t *out),
                                json_t *out)
{
    CLEANUP(free_ptr) const char **names = xcalloc(edition->row_count + 1, sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < edition->row_count; i++)
        if (strcmp(edition->rows[i]->group, group) == 0 && first_custom(edition, i, true))
            names[count++] = edition->rows[i]->version;
    qsort(names, count, sizeof(*names), crd_compare_versions);
    for (size_t i = 0; i < count; i++)
        each(edition, group, names[i], out);
}

static void add_version(const struct edition *edition, const char *group, const char *version,
                        json_t *out)
{
    (void)edition;
    json_array_append_new(out, version_json(group, version));
}

static json_t *custom_group_json(const struct edition *edition, const char *group)
{
    json_t *versions = json_array();
    each_custom_version(edition, group, add_version, versions);
    if (!json_array_size(versions)) {
        json_decref(versions);
        return NULL;
    }
    json_t *preferred = json_incref(json_array_get(versions, 0));
    return json_pack("{s:s, s:o, s:o}", "name", group, "versions", versions, "preferredVersion",
                     preferred);
}

static json_t *group_json(const char *group)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    json_t *versions = json_array(), *preferred = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].group, group) != 0)
            continue;
        json_array_append_new(versions, version_json(group, all[i].version));
        if (all[i].preferred && !preferred)
            preferred = version_json(group, all[i].version);
    }
    if (json_array_size(versions) == 0) {
        json_decref(versions);
        return NULL;
    }
    if (!preferred)
        preferred = json_incref(json_array_get(versions, 0));
    return json_pack("{s:s, s:o, s:o}", "name", group, "versions", versions, "preferredVersion",
                     preferred);
}

/* True for the first row of a group among all. */
static bool first_of_group(const struct group_version *all, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(all[i].group, all[at].group) == 0)
            return false;
    return true;
}

void discovery_groups(struct buf *out, const struct edition *edition)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    json_t *groups = json_array();
    for (size_t i = 0; i < count; i++)
        if (*all[i].group && first_of_group(all, i) && edition_shows(edition, all[i].group))
            json_array_append_new(groups, group_json(all[i].group));
    for (size_t i = 0; i < edition->row_count; i++)
        if (first_custom(edition, i, false) && !edition_shows(edition, edition->rows[i]->group))
            json_array_append_new(groups, custom_group_json(edition, edition->rows[i]->group));
    finish(out, json_pack("{s:s, s:s, s:o}", "kind", "APIGroupList", "apiVersion", "v1", "groups",
                          groups));
}

bool discovery_group(struct buf *out, const struct edition *edition, const char *group)
{
    json_t *document = *group && edition_shows(edition, group) ? group_json(group)
                                                               : custom_group_json(edition, group);
    if (!document)
        return false;
    json_set_text(document, "kind", "APIGroup");
    json_set_text(document, "apiVersion", "v1");
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
    if (row->storage_version_hash)
        json_set_text(json, "storageVersionHash", row->storage_version_hash);
    return json;
}

static json_t *subresource_json(const struct resource *row, const struct subresource *sub)
{
    CLEANUP(free_ptr) char *name = xasprintf("%s/%s", row->plural, sub->name);
    json_t *json = json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "singularName", "",
                             "namespaced", row->namespaced, "kind",
                             sub->kind ? sub->kind : row->kind, "verbs", verbs_json(sub->verbs));
    if (sub->version && *sub->version) {
        json_set_text(json, "group", sub->group);
        json_set_text(json, "version", sub->version);
    }
    return json;
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
    json_t *document = json_pack("{s:s, s:s, s:o}", "kind", "APIResourceList", "groupVersion", text,
                                 "resources", resources);
    if (*group)
        json_set_text(document, "apiVersion", "v1");
    finish(out, document);
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

static json_t *aggregated_version(const char *group, const char *version)
{
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    json_t *resources = json_array();
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i]->group, group) == 0 && strcmp(rows[i]->version, version) == 0)
            json_array_append_new(resources, aggregated_resource(rows[i]));
    return json_pack("{s:s, s:o, s:s}", "version", version, "resources", resources, "freshness",
                     "Current");
}

static json_t *aggregated_group(const char *group)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    json_t *versions = json_array(), *metadata = json_object();
    for (size_t i = 0; i < count; i++) /* the preferred version leads */
        if (strcmp(all[i].group, group) == 0 && all[i].preferred)
            json_array_append_new(versions, aggregated_version(group, all[i].version));
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].group, group) == 0 && !all[i].preferred)
            json_array_append_new(versions, aggregated_version(group, all[i].version));
    if (*group)
        json_set_text(metadata, "name", group);
    json_object_set_new(metadata, "creationTimestamp", json_null());
    return json_pack("{s:o, s:o}", "metadata", metadata, "versions", versions);
}

static void add_custom_version(const struct edition *edition, const char *group,
                               const char *version, json_t *out)
{
    json_t *resources = json_array();
    for (size_t i = 0; i < edition->row_count; i++)
        if (strcmp(edition->rows[i]->group, group) == 0 &&
            strcmp(edition->rows[i]->version, version) == 0)
            json_array_append_new(resources, aggregated_resource(edition->rows[i]));
    json_array_append_new(out, json_pack("{s:s, s:o, s:s}", "version", version, "resources",
                                         resources, "freshness", "Current"));
}

static json_t *aggregated_custom(const struct edition *edition, const char *group)
{
    json_t *versions = json_array();
    each_custom_version(edition, group, add_custom_version, versions);
    return json_pack("{s:{s:s, s:n}, s:o}", "metadata", "name", group, "creationTimestamp",
                     "versions", versions);
}

void discovery_aggregated(struct buf *out, const struct edition *edition, bool core)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++)
        if ((*all[i].group == '\0') == core && first_of_group(all, i) &&
            edition_shows(edition, all[i].group))
            json_array_append_new(items, aggregated_group(all[i].group));
    for (size_t i = 0; !core && i < edition->row_count; i++)
        if (first_custom(edition, i, false) && !edition_shows(edition, edition->rows[i]->group))
            json_array_append_new(items, aggregated_custom(edition, edition->rows[i]->group));
    finish(out, json_pack("{s:s, s:s, s:{}, s:o}", "kind", "APIGroupDiscoveryList", "apiVersion",
                          edition->beta ? "apidiscovery.k8s.io/v2beta1" : "apidiscovery.k8s.io/v2",
                          "metadata", "items", items));
}
