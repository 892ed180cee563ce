/* Custom resources in OpenAPI documents: the definition's own schema, with what every object has.
 * Source: apiextensions-apiserver pkg/controller/openapi/builder. */
#include <string.h>

#include "base/json.h"
#include "schema/crd_schema.h"
#include "schema/openapi_internal.h"

/* What Swagger 2.0 has no words for; kubectl before 1.24 would reject values by less than it. */
static const char *const not_in_v2[] = {
    "nullable", "default", "oneOf", "anyOf", "allOf", "not", "x-kubernetes-validations", "example"};

static void simplify(json_t *schema, unsigned depth)
{
    const char *key;
    json_t *value, *items = json_object_get(schema, "items");
    if (depth > CRD_DEPTH_MAX || !json_is_object(schema))
        return;
    bool loose = json_is_true(json_object_get(schema, "x-kubernetes-int-or-string")) ||
                 json_is_true(json_object_get(schema, "nullable"));
    for (size_t i = 0; i < ARRAY_LEN(not_in_v2); i++)
        json_object_del(schema, not_in_v2[i]);
    if (loose)
        json_object_del(schema, "type");
    if (json_is_true(json_object_get(schema, "x-kubernetes-preserve-unknown-fields"))) {
        json_object_del(schema, "properties");
        json_object_del(schema, "items");
        json_object_del(schema, "type");
    }
    json_object_foreach (json_object_get(schema, "properties"), key, value)
        simplify(value, depth + 1);
    simplify(items, depth + 1);
    simplify(json_object_get(schema, "additionalProperties"), depth + 1);
}

/* Beside a $ref v3 allows nothing else, so that it is wrapped. */
static void metadata_member(struct openapi *doc)
{
    bool wrap = doc->version == OPENAPI_V3;
    doc_object(doc->out, "metadata");
    doc_text(doc->out, "description", "Standard object's metadata.");
    if (wrap) {
        doc_array(doc->out, "allOf");
        doc_open(doc->out, '{');
    }
    openapi_ref(doc, type_find("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"));
    if (wrap) {
        doc_close(doc->out, '}');
        doc_close(doc->out, ']');
    }
    doc_close(doc->out, '}');
}

static void properties(struct openapi *doc, const json_t *given)
{
    static const struct {
        const char *name, *schema;
    } heads[] = {
        {"apiVersion",
         "{\"description\":\"APIVersion defines in which version of its group's schema this object "
         "is written.\",\"type\":\"string\"}"},
        {"kind", "{\"description\":\"Kind is the name of the resource that this object is one "
                 "of.\",\"type\":"
                 "\"string\"}"},
    };
    const char *key;
    json_t *value;
    doc_object(doc->out, "properties");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        doc_raw(doc->out, heads[i].name, heads[i].schema);
    metadata_member(doc);
    json_object_foreach (given, key, value) {
        if (strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0 ||
            strcmp(key, "metadata") == 0)
            continue;
        doc_key(doc->out, key);
        json_write(doc->out, value);
    }
    doc_close(doc->out, '}');
}

static void write_gvk(struct openapi *doc, const char *gvk)
{
    struct str rest = str_of(gvk);
    CLEANUP(free_ptr) char *group = str_dup(str_cut(&rest, '/'));
    CLEANUP(free_ptr) char *version = str_dup(str_cut(&rest, '/'));
    CLEANUP(free_ptr) char *kind = str_dup(rest);
    doc_array(doc->out, "x-kubernetes-group-version-kind");
    doc_open(doc->out, '{');
    doc_text(doc->out, "group", group);
    doc_text(doc->out, "kind", kind);
    doc_text(doc->out, "version", version);
    doc_close(doc->out, '}');
    doc_close(doc->out, ']');
}

static void write_selectable(struct openapi *doc, const char *const *fields)
{
    if (!fields || !*fields)
        return;
    doc_array(doc->out, "x-kubernetes-selectable-fields");
    for (; *fields; fields++) {
        doc_open(doc->out, '{');
        doc_text(doc->out, "fieldPath", *fields);
        doc_close(doc->out, '}');
    }
    doc_close(doc->out, ']');
}

/* What keeps unknown fields at its root says nothing in v2: kubectl would refuse what is not among
 * the properties. */
static json_t *schema_in(enum openapi_version version, const struct type *type)
{
    if (version != OPENAPI_V2)
        return json_deep_copy(type->custom->text);
    if (json_is_true(json_object_get(type->custom->text, "x-kubernetes-preserve-unknown-fields")))
        return json_pack("{s:s}", "type", "object");
    json_t *schema = json_deep_copy(type->custom->text);
    simplify(schema, 0);
    return schema;
}

void openapi_custom(struct openapi *doc, const struct type *type)
{
    json_auto_t *schema = schema_in(doc->version, type);
    bool open = doc->version == OPENAPI_V2 && json_object_size(schema) == 1;
    const char *key;
    json_t *value;
    doc_object(doc->out, type->name);
    json_object_foreach (schema, key, value) {
        if (strcmp(key, "properties") == 0)
            continue;
        doc_key(doc->out, key);
        json_write(doc->out, value);
    }
    if (!open)
        properties(doc, json_object_get(schema, "properties"));
    if (type->gvks)
        write_gvk(doc, type->gvks[0]);
    write_selectable(doc, type->selectable);
    doc_close(doc->out, '}');
}
