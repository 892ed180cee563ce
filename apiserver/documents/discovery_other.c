#include "apiserver/documents/discovery_other.h"

#include <string.h>

#define RESOURCES_MAX 2000

static const char *text_or(const json_t *object, const char *member, const char *other)
{
    const char *text = json_text(object, member);
    return text && *text ? text : other;
}

static json_t *kind_of(const json_t *resource, const char *group, const char *version)
{
    return json_pack("{s:s, s:s, s:s}", "group", text_or(resource, "group", group), "version",
                     text_or(resource, "version", version), "kind", text_or(resource, "kind", ""));
}

static json_t *texts_of(const json_t *resource, const char *member)
{
    json_t *out = json_array(), *item;
    size_t i;
    json_array_foreach (json_object_get(resource, member), i, item)
        if (json_is_string(item))
            json_array_append(out, item);
    return out;
}

static void set_texts(json_t *to, const char *member, const json_t *resource)
{
    json_t *texts = texts_of(resource, member);
    if (json_array_size(texts))
        json_object_set(to, member, texts);
    json_decref(texts);
}

static json_t *convert_resource(const json_t *resource, const char *group, const char *version)
{
    bool namespaced = json_is_true(json_object_get(resource, "namespaced"));
    json_t *out =
        json_pack("{s:s, s:o, s:s, s:s, s:o}", "resource", json_text(resource, "name"),
                  "responseKind", kind_of(resource, group, version), "scope",
                  namespaced ? "Namespaced" : "Cluster", "singularResource",
                  text_or(resource, "singularName", ""), "verbs", texts_of(resource, "verbs"));
    set_texts(out, "shortNames", resource);
    set_texts(out, "categories", resource);
    return out;
}

static json_t *find(json_t *resources, struct str name)
{
    json_t *resource;
    size_t i;
    json_array_foreach (resources, i, resource)
        if (str_is(name, json_text(resource, "resource")))
            return resource;
    return NULL;
}

static void add_subresource(json_t *parent, const json_t *resource, const char *name,
                            const char *group, const char *version)
{
    json_array_append_new(json_ensure_array(parent, "subresources"),
                          json_pack("{s:s, s:o, s:o}", "subresource", name, "responseKind",
                                    kind_of(resource, group, version), "verbs",
                                    texts_of(resource, "verbs")));
}

json_t *discovery_convert(const json_t *list, const char *group, const char *version)
{
    json_t *out = json_array(), *resource;
    const json_t *resources = json_object_get(list, "resources");
    size_t i;
    if (json_array_size(resources) > RESOURCES_MAX)
        return out;
    json_array_foreach (resources, i, resource) {
        const char *name = json_text(resource, "name");
        if (name && *name && !strchr(name, '/'))
            json_array_append_new(out, convert_resource(resource, group, version));
    }
    json_array_foreach (resources, i, resource) {
        struct str rest = str_of(json_text(resource, "name"));
        if (!rest.data || !memchr(rest.data, '/', rest.len))
            continue;
        json_t *parent = find(out, str_cut(&rest, '/'));
        if (parent && rest.len)
            add_subresource(parent, resource, rest.data, group, version);
    }
    return out;
}
