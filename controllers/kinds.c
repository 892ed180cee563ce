#include "controllers/kinds.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/observe.h"
#include "schema/resource.h"

#define CRDS "customresourcedefinitions.apiextensions.k8s.io"

static void add(struct stored_kinds *kinds, struct stored_kind kind)
{
    if (kinds->count == kinds->capacity) {
        kinds->capacity = kinds->capacity ? kinds->capacity * 2 : 64;
        kinds->items = xreallocarray(kinds->items, kinds->capacity, sizeof(*kinds->items));
    }
    kinds->items[kinds->count++] = kind;
}

static bool has(const struct stored_kinds *kinds, const char *resource)
{
    for (size_t i = 0; i < kinds->count; i++)
        if (strcmp(kinds->items[i].resource, resource) == 0)
            return true;
    return false;
}

/* Reviews and the like are answered, never stored: they cannot be listed. */
static void add_built_in(struct stored_kinds *kinds)
{
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    for (size_t i = 0; i < count; i++) {
        const struct resource *row = rows[i];
        if (!(row->verbs & VERB_LIST) || !(row->verbs & VERB_CREATE) || has(kinds, row->key))
            continue;
        const struct resource *stored = resource_by_key(row->key);
        if (!stored)
            stored = row;
        add(kinds, (struct stored_kind){
                       .resource = xstrdup(row->key),
                       .api_version = xstrdup(resource_api_version(stored)),
                       .kind = xstrdup(row->kind),
                       .namespaced = row->namespaced,
                       .deletable = row->verbs & VERB_DELETE,
                       .built_in = true,
                   });
    }
}

static const char *storage_version(const json_t *crd)
{
    const json_t *versions = json_at(crd, "spec", "versions");
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *version = json_array_get(versions, i);
        if (json_is_true(json_object_get(version, "storage")))
            return json_text(version, "name");
    }
    return NULL;
}

static void add_custom(struct stored_kinds *kinds, const json_t *crd)
{
    const char *plural = json_text(crd, "spec", "names", "plural"),
               *group = json_text(crd, "spec", "group");
    const char *kind = json_text(crd, "spec", "names", "kind"),
               *scope = json_text(crd, "spec", "scope");
    const char *version = storage_version(crd);
    if (!plural || !group || !kind || !version)
        return;
    CLEANUP(free_ptr) char *resource = xasprintf("%s.%s", plural, group);
    if (has(kinds, resource))
        return;
    add(kinds, (struct stored_kind){
                   .resource = TAKE(resource),
                   .api_version = xasprintf("%s/%s", group, version),
                   .kind = xstrdup(kind),
                   .namespaced = text_eq(scope, "Namespaced"),
                   .deletable = true,
               });
}

bool stored_kinds_list(struct cluster *cluster, struct stored_kinds *out, struct error *err)
{
    CLEANUP(json_list_free) struct json_list crds = {0};
    add_built_in(out);
    if (!has(out, CRDS))
        return true;
    if (!observe_list(cluster, &(struct observe_query){.resource = CRDS}, &crds, err))
        return false;
    for (size_t i = 0; i < crds.count; i++)
        add_custom(out, crds.items[i]);
    return true;
}

void stored_kinds_free(struct stored_kinds *kinds)
{
    for (size_t i = 0; i < kinds->count; i++) {
        free(kinds->items[i].resource);
        free(kinds->items[i].api_version);
        free(kinds->items[i].kind);
    }
    free(kinds->items);
    *kinds = (struct stored_kinds){0};
}

static struct str group_of(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    return slash ? (struct str){api_version, (size_t)(slash - api_version)} : STR("");
}

const struct stored_kind *stored_kinds_find(const struct stored_kinds *kinds,
                                            const char *api_version, const char *kind)
{
    for (size_t i = 0; i < kinds->count; i++) {
        const struct stored_kind *item = &kinds->items[i];
        if (strcmp(item->kind, kind) == 0 &&
            str_eq(group_of(item->api_version), group_of(api_version)))
            return item;
    }
    return NULL;
}
