/* Lookups in the generated resource tables: about a hundred rows, so a scan of their lengths and
 * names is enough. */
#include "schema/resource.h"

#include <string.h>

#include "schema/tables.h"

static bool in_group_version(const struct resource *resource, struct str group, struct str version)
{
    return str_is(group, resource->group) && str_is(version, resource->version);
}

const struct resource *resource_find(struct str group, struct str version, struct str plural)
{
    for (size_t i = 0; i < schema_resource_count; i++) {
        const struct resource *resource = schema_resources[i];
        if (str_is(plural, resource->plural) && in_group_version(resource, group, version))
            return resource;
    }
    return NULL;
}

const struct resource *resource_by_key(const char *key)
{
    const struct resource *found = NULL;
    for (size_t i = 0; i < schema_resource_count; i++) {
        if (strcmp(schema_resources[i]->key, key) != 0)
            continue;
        if (schema_resources[i]->preferred)
            return schema_resources[i];
        if (!found)
            found = schema_resources[i];
    }
    return found;
}

const struct resource *resource_by_kind(struct str group, struct str version, struct str kind)
{
    for (size_t i = 0; i < schema_resource_count; i++) {
        const struct resource *resource = schema_resources[i];
        if (str_is(kind, resource->kind) && in_group_version(resource, group, version))
            return resource;
    }
    return NULL;
}

const struct subresource *resource_sub(const struct resource *resource, struct str name)
{
    for (size_t i = 0; i < resource->subresource_count; i++)
        if (str_is(name, resource->subresources[i].name))
            return &resource->subresources[i];
    return NULL;
}

const struct resource *const *resource_all(size_t *count)
{
    *count = schema_resource_count;
    return schema_resources;
}

const struct group_version *group_version_all(size_t *count)
{
    *count = schema_group_version_count;
    return schema_group_versions;
}

const struct group_version *group_version_find(const char *group, const char *version)
{
    for (size_t i = 0; i < schema_group_version_count; i++)
        if (strcmp(schema_group_versions[i].group, group) == 0 &&
            strcmp(schema_group_versions[i].version, version) == 0)
            return &schema_group_versions[i];
    return NULL;
}

const char *resource_api_version(const struct resource *resource)
{
    return resource->api_version;
}
