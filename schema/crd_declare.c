/* Structural schemas as CEL types, with how large their values can get within one request: which
 * rules are too expensive follows from that. Source: apiserver's pkg/cel/common/schemas.go. */
#include <string.h>

#include "schema/cel_types.h"
#include "schema/crd.h"
#include "schema/crd_rule.h"

#define REQUEST_MAX (3 * 1024 * 1024)
#define OBJECT_META "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

/* The least size of a value as JSON. */
#define SIZE_NUMBER    1
#define SIZE_BOOL      4
#define SIZE_TEXT      2
#define SIZE_DURATION  3
#define SIZE_DATE      12
#define SIZE_DATE_TIME 21

/* An object's fields, by the names that expressions know them by. */
struct fields {
    const struct crd_node *node;
    size_t count;
    struct named {
        const char *name;
        struct cel_field field;
    } * rows;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static bool find_field(const void *data, struct str name, struct cel_field *out)
{
    const struct fields *fields = data;
    CLEANUP(free_ptr) char *wanted = str_dup(name);
    const struct named key = {.name = wanted};
    const struct named *found =
        fields->count ? bsearch(&key, fields->rows, fields->count, sizeof(*fields->rows), by_name)
                      : NULL;
    if (found)
        *out = found->field;
    return found != NULL;
}

static bool find_member(const void *data, struct str key, struct cel_field *out)
{
    const struct fields *fields = data;
    for (size_t i = 0; i < fields->count; i++)
        if (str_is(key, fields->rows[i].field.key)) {
            *out = fields->rows[i].field;
            return true;
        }
    return false;
}

static struct cel_type *new_type(struct crd_memory *memory, const struct crd_node *node,
                                 enum cel_kind kind)
{
    struct cel_type *type = crd_alloc(memory, 1, sizeof(*type));
    type->kind = (uint8_t)kind;
    type->nullable = node->flags & CRD_NULLABLE;
    return type;
}

static uint64_t limit_or(int64_t limit, uint64_t fallback)
{
    return limit < 0 ? fallback : (uint64_t)limit;
}

/* ---- texts ---- */

static uint64_t text_size(const struct crd_node *node)
{
    uint64_t longest = 0;
    if (node->max_length >= 0)
        return 4 * (uint64_t)node->max_length; /* in bytes, as far as code points can take */
    if (!json_array_size(node->enums))
        return REQUEST_MAX - 2;
    for (size_t i = 0; i < json_array_size(node->enums); i++) {
        uint64_t len = json_string_length(json_array_get(node->enums, i));
        longest = len > longest ? len : longest;
    }
    return longest;
}

static const struct text_format {
    const char *format;
    enum cel_kind kind;
    enum cel_json_form form;
    int64_t least;
    uint64_t most;
} text_formats[] = {
    {"byte", CEL_BYTES, CEL_JSON_PLAIN, SIZE_TEXT, REQUEST_MAX - 2},
    {"duration", CEL_DURATION, CEL_JSON_PLAIN, SIZE_DURATION, 32},
    {"date", CEL_TIMESTAMP, CEL_JSON_DATE, SIZE_DATE, 12},
    {"date-time", CEL_TIMESTAMP, CEL_JSON_PLAIN, SIZE_DATE_TIME, 32},
};

static struct cel_type *declare_text(struct crd_memory *memory, struct crd_node *node)
{
    for (size_t i = 0; i < ARRAY_LEN(text_formats); i++) {
        const struct text_format *row = &text_formats[i];
        if (!text_eq(node->format, row->format))
            continue;
        struct cel_type *type = new_type(memory, node, row->kind);
        type->form = (uint8_t)row->form;
        type->size_max = row->kind == CEL_BYTES ? limit_or(node->max_length, row->most) : row->most;
        node->least_size = row->least;
        return type;
    }
    struct cel_type *type = new_type(memory, node, CEL_STRING);
    type->size_max = text_size(node);
    node->least_size = SIZE_TEXT;
    return type;
}

/* ---- lists and maps ---- */

static struct cel_type *declare_list(struct crd_memory *memory, struct crd_node *node,
                                     const char *name)
{
    const struct cel_type *item =
        node->items ? crd_declare(memory, node->items, crd_text(memory, "%s.@idx", name),
                                  node->items->flags & CRD_EMBEDDED)
                    : NULL;
    if (!item)
        return NULL;
    struct cel_type *type = new_type(memory, node, CEL_LIST);
    type->params[0] = item;
    type->list_kind = node->list_type == LIST_SET   ? CEL_LIST_SET
                      : node->list_type == LIST_MAP ? CEL_LIST_MAP
                                                    : CEL_LIST_ATOMIC;
    type->map_keys = node->map_keys;
    type->size_max =
        limit_or(node->max_items, (REQUEST_MAX - 2) / (uint64_t)(node->items->least_size + 1));
    node->least_size = 2;
    return type;
}

static struct cel_type *declare_map(struct crd_memory *memory, struct crd_node *node,
                                    const char *name)
{
    struct crd_node *value = node->additional;
    const struct cel_type *declared =
        crd_declare(memory, value, crd_text(memory, "%s.@elem", name), value->flags & CRD_EMBEDDED);
    if (!declared)
        return NULL;
    struct cel_type *type = new_type(memory, node, CEL_MAP);
    type->params[0] = &cel_string;
    type->params[1] = declared;
    type->size_max =
        limit_or(node->max_properties, (REQUEST_MAX - 2) / (uint64_t)(value->least_size + 6));
    node->least_size = 2;
    return type;
}

/* ---- objects ---- */

static bool is_required(const struct crd_node *node, const char *name)
{
    return json_array_has_text(node->required, name);
}

static void add_field(struct crd_memory *memory, struct fields *fields, const char *key,
                      const struct cel_type *type)
{
    CLEANUP(buf_free) struct buf name = BUF_TEXT;
    if (cel_escape(&name, str_of(key)) && buf_ok(&name))
        fields->rows[fields->count++] =
            (struct named){crd_text(memory, "%s", name.data), {key, type}};
}

static const struct cel_type head_text = {.kind = CEL_STRING, .size_max = REQUEST_MAX - 2};

static bool head_metadata(const void *data, struct str name, struct cel_field *out)
{
    const char *key = str_is(name, "name")           ? "name"
                      : str_is(name, "generateName") ? "generateName"
                                                     : NULL;
    (void)data; /* there is but one */
    *out = (struct cel_field){key, &head_text};
    return key != NULL;
}

static const struct cel_object metadata_object = {"selfType.metadata", head_metadata, head_metadata,
                                                  NULL};
static const struct cel_type metadata_type = {
    .kind = CEL_OBJECT, .name = "selfType.metadata", .object = &metadata_object};

static bool is_head(const char *key)
{
    return strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0 ||
           strcmp(key, "metadata") == 0;
}

static struct cel_type *declare_object(struct crd_memory *memory, struct crd_node *node,
                                       const char *name, bool whole)
{
    struct fields *fields = crd_alloc(memory, 1, sizeof(*fields));
    struct cel_object *object = crd_alloc(memory, 1, sizeof(*object));
    struct cel_type *type = new_type(memory, node, CEL_OBJECT);
    fields->node = node;
    fields->rows = crd_alloc(memory, node->property_count + 3, sizeof(*fields->rows));
    node->least_size = 2;
    for (size_t i = 0; i < node->property_count; i++) {
        const char *key = node->properties[i].name;
        struct crd_node *child = node->properties[i].node;
        const struct cel_type *declared = crd_declare(
            memory, child, crd_text(memory, "%s.%s", name, key), child->flags & CRD_EMBEDDED);
        if (!declared || (whole && is_head(key)))
            continue;
        add_field(memory, fields, key, declared);
        if (is_required(node, key) && !child->default_value)
            node->least_size += (int64_t)strlen(key) + child->least_size + 4;
    }
    if (whole) {
        add_field(memory, fields, "apiVersion", &head_text);
        add_field(memory, fields, "kind", &head_text);
        add_field(memory, fields, "metadata", &metadata_type);
    }
    qsort(fields->rows, fields->count, sizeof(*fields->rows), by_name);
    *object = (struct cel_object){name, find_field, find_member, fields};
    type->name = name;
    type->object = object;
    return type;
}

/* ---- all ---- */

static struct cel_type *declare_scalar(struct crd_memory *memory, struct crd_node *node,
                                       enum cel_kind kind, int64_t least)
{
    node->least_size = least;
    return new_type(memory, node, kind);
}

static struct cel_type *declare(struct crd_memory *memory, struct crd_node *node, const char *name,
                                bool whole)
{
    if (node->flags & CRD_INT_OR_STRING) {
        struct cel_type *type = declare_scalar(memory, node, CEL_DYN, SIZE_NUMBER);
        type->size_max = node->max_length >= 0 ? 4 * (uint64_t)node->max_length : REQUEST_MAX - 2;
        return type;
    }
    switch ((enum crd_kind)node->kind) {
    case CRD_OBJECT:
        if (node->additional)
            return declare_map(memory, node, name);
        return declare_object(memory, node, name, whole);
    case CRD_ARRAY:
        return declare_list(memory, node, name);
    case CRD_STRING:
        return declare_text(memory, node);
    case CRD_INTEGER:
        return declare_scalar(memory, node, CEL_INT, SIZE_NUMBER);
    case CRD_NUMBER:
        return declare_scalar(memory, node, CEL_DOUBLE, SIZE_NUMBER);
    case CRD_BOOLEAN:
        return declare_scalar(memory, node, CEL_BOOL, SIZE_BOOL);
    case CRD_ANY:
        break;
    }
    return NULL;
}

const struct cel_type *crd_declare(struct crd_memory *memory, struct crd_node *node,
                                   const char *name, bool whole)
{
    if (!node->is_declared)
        node->declared = declare(memory, node, name, whole);
    node->is_declared = true;
    return node->declared;
}

/* ---- objects as they are served ---- */

static struct cel_field all_metadata(void)
{
    return (struct cel_field){"metadata", cel_builtin_type(type_find(OBJECT_META))};
}

/* `data` is the declared type. */
static bool find_served(const void *data, struct str name, struct cel_field *out)
{
    const struct cel_object *object = ((const struct cel_type *)data)->object;
    if (!str_is(name, "metadata"))
        return object->field(object->data, name, out);
    *out = all_metadata();
    return true;
}

static bool find_served_member(const void *data, struct str key, struct cel_field *out)
{
    const struct cel_object *object = ((const struct cel_type *)data)->object;
    if (!str_is(key, "metadata"))
        return object->member(object->data, key, out);
    *out = all_metadata();
    return true;
}

const struct cel_type *crd_declare_served(struct crd_memory *memory, const struct crd_node *root)
{
    const struct cel_type *declared = root->declared;
    if (!declared || declared->kind != CEL_OBJECT)
        return NULL;
    struct cel_object *object = crd_alloc(memory, 1, sizeof(*object));
    struct cel_type *type = crd_alloc(memory, 1, sizeof(*type));
    *object = (struct cel_object){declared->name, find_served, find_served_member, declared};
    *type = *declared;
    type->object = object;
    return type;
}

const struct cel_type *crd_cel_type(const struct resource *row)
{
    return row->type && row->type->custom ? row->type->custom->served : NULL;
}
