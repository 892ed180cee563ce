/* Compiled schemas as struct types: what server-side apply and OpenAPI see. Lists of lists and maps
 * of lists have no such form: they are raw values, taken apart as upstream does with untyped ones.
 */
#include <string.h>

#include "schema/crd_schema.h"

struct make {
    struct crd_memory *memory;
};

static const struct type *struct_of(struct make *make, const struct crd_node *node,
                                    const char *name);

static bool is_struct(const struct crd_node *node)
{
    return node->kind == CRD_OBJECT && node->property_count;
}

/* The kind of one value: of a field, an item or a map's value. */
static void set_value(struct make *make, struct field *field, const struct crd_node *node)
{
    static const uint8_t kinds[] = {
        [CRD_ANY] = FIELD_JSON,      [CRD_OBJECT] = FIELD_JSON,   [CRD_ARRAY] = FIELD_JSON,
        [CRD_STRING] = FIELD_STRING, [CRD_INTEGER] = FIELD_INT64, [CRD_NUMBER] = FIELD_DOUBLE,
        [CRD_BOOLEAN] = FIELD_BOOL,
    };
    field->kind = node->flags & CRD_INT_OR_STRING ? FIELD_INT_OR_STRING : kinds[node->kind];
    if (!is_struct(node))
        return;
    field->kind = FIELD_REF;
    field->ref = struct_of(make, node, field->name);
}

static struct field field_of(struct make *make, const char *name, const struct crd_node *node)
{
    struct field field = {.name = name,
                          .name_len = (uint32_t)strlen(name),
                          .proto_name = name,
                          .flags = FIELD_POINTER};
    const struct crd_node *value = node;
    if (node->kind == CRD_ARRAY && node->items && node->items->kind != CRD_ARRAY) {
        field.card = CARD_LIST;
        field.list_type = node->list_type;
        field.map_keys = node->map_keys;
        value = node->items;
    } else if (node->kind == CRD_OBJECT && node->additional && !node->property_count &&
               node->additional->kind != CRD_ARRAY && !node->additional->additional) {
        field.card = CARD_MAP;
        value = node->additional;
    }
    if (node->flags & CRD_ATOMIC_MAP)
        field.flags |= FIELD_STRUCT_ATOMIC;
    if (node->default_value) {
        char *text = json_dumps(node->default_value, JSON_ENCODE_ANY | JSON_COMPACT);
        field.default_json = text ? crd_text(make->memory, "%s", text) : NULL;
        free(text);
    }
    set_value(make, &field, value);
    return field;
}

static struct field head_field(const char *name)
{
    struct field field = {
        .name = name, .name_len = (uint32_t)strlen(name), .proto_name = name, .kind = FIELD_STRING};
    if (strcmp(name, "metadata") == 0) {
        field.kind = FIELD_REF;
        field.ref = type_find(META_TYPE);
    }
    return field;
}

static bool is_head(const char *name)
{
    return strcmp(name, "apiVersion") == 0 || strcmp(name, "kind") == 0 ||
           strcmp(name, "metadata") == 0;
}

static int by_name(const void *a, const void *b)
{
    return field_compare(a, b);
}

static void fill(struct make *make, struct type *type, const struct crd_node *node, bool whole)
{
    static const char *const heads[] = {"apiVersion", "kind", "metadata"};
    struct field *fields =
        crd_alloc(make->memory, node->property_count + ARRAY_LEN(heads), sizeof(*fields));
    uint16_t count = 0;
    for (size_t i = 0; whole && i < ARRAY_LEN(heads); i++)
        fields[count++] = head_field(heads[i]);
    for (size_t i = 0; i < node->property_count && count < UINT16_MAX; i++)
        if (!whole || !is_head(node->properties[i].name))
            fields[count++] = field_of(make, node->properties[i].name, node->properties[i].node);
    qsort(fields, count, sizeof(*fields), by_name);
    type->fields = fields;
    type->field_count = count;
}

static const struct type *struct_of(struct make *make, const struct crd_node *node,
                                    const char *name)
{
    struct type *type = crd_alloc(make->memory, 1, sizeof(*type));
    type->name = name;
    if (node->flags & CRD_ATOMIC_MAP)
        type->flags |= TYPE_ATOMIC;
    if (node->flags & (CRD_PRESERVE | CRD_OPEN_MAP | CRD_EMBEDDED))
        type->flags |= TYPE_OPEN;
    fill(make, type, node, false);
    return type;
}

const struct type *crd_type(struct crd_memory *memory, const struct crd_node *node,
                            const char *name, uint16_t flags)
{
    struct make make = {.memory = memory};
    struct type *type = crd_alloc(memory, 1, sizeof(*type));
    type->name = name;
    type->flags = (uint16_t)(TYPE_TYPEMETA | TYPE_NO_PROTOBUF | flags);
    if (node->flags & CRD_PRESERVE)
        type->flags |= TYPE_OPEN;
    type->custom = node;
    fill(&make, type, node, true);
    return type;
}
