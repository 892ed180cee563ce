/* openAPIV3Schema text to nodes, with the checks that make it structural. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "schema/crd_schema.h"

#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define COMPILED_PATTERN_MAX ((size_t)256 << 10)

/* ---- memory ---- */

struct chunk {
    struct chunk *next;
    max_align_t data[];
};

struct release {
    struct release *next;
    void (*release)(void *data);
    void *data;
};

struct crd_memory {
    struct chunk *chunks;
    struct release *releases;
    struct crd_node *nodes;
    size_t node_count, code_bytes;
};

struct crd_memory *crd_memory_new(void)
{
    return xcalloc(1, sizeof(struct crd_memory));
}

void crd_memory_free(struct crd_memory *memory)
{
    if (!memory)
        return;
    for (struct release *row = memory->releases; row; row = row->next)
        row->release(row->data);
    for (struct crd_node *node = memory->nodes; node; node = node->next)
        pcre2_code_free(node->code);
    for (struct chunk *next, *chunk = memory->chunks; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(memory);
}

void *crd_alloc(struct crd_memory *memory, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct chunk), &bytes))
        abort(); /* counts come from documents of 3 MiB */
    struct chunk *chunk = xcalloc(1, bytes);
    chunk->next = memory->chunks;
    memory->chunks = chunk;
    return chunk->data;
}

void crd_on_free(struct crd_memory *memory, void (*release)(void *data), void *data)
{
    struct release *row = crd_alloc(memory, 1, sizeof(*row));
    *row = (struct release){memory->releases, release, data};
    memory->releases = row;
}

char *crd_text(struct crd_memory *memory, const char *format, ...)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    char *copy = crd_alloc(memory, text.len + 1, 1);
    return text.len ? memcpy(copy, text.data, text.len) : copy;
}

/* ---- compiling ---- */

struct compile {
    struct crd_memory *memory;
    struct buf path;
    struct error *err;
    unsigned depth;
    bool full; /* past a limit: said once */
};

enum place { AT_ROOT, AT_FIELD, AT_ITEM, IN_LOGIC };

static const char *here(const struct compile *compile)
{
    return buf_ok(&compile->path) && compile->path.len ? compile->path.data : "";
}

static void wrong(struct compile *compile, const char *member, const char *value,
                  const char *detail)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s.%s", here(compile), member);
    error_add_invalid(compile->err, path, value, detail);
}

static void forbid(struct compile *compile, const char *member, const char *detail)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s.%s", here(compile), member);
    error_add_forbidden(compile->err, path, detail);
}

static struct crd_node *node_of(struct compile *compile, const json_t *text, enum place place);

static const struct kind_row {
    const char *name;
    enum crd_kind kind;
} kind_rows[] = {
    {"object", CRD_OBJECT},   {"array", CRD_ARRAY},   {"string", CRD_STRING},
    {"integer", CRD_INTEGER}, {"number", CRD_NUMBER}, {"boolean", CRD_BOOLEAN},
};

static void read_kind(struct compile *compile, struct crd_node *node, const json_t *text,
                      enum place place)
{
    static const char *const missing[] = {
        [AT_ROOT] = "must not be empty at the root",
        [AT_FIELD] = "must not be empty for specified object fields",
        [AT_ITEM] = "must not be empty for specified array items",
    };
    const char *type = json_text(text, "type");
    for (size_t i = 0; type && i < ARRAY_LEN(kind_rows); i++)
        if (strcmp(type, kind_rows[i].name) == 0)
            node->kind = (uint8_t)kind_rows[i].kind;
    if (type && *type && node->kind == CRD_ANY) {
        CLEANUP(free_ptr) char *path = xasprintf("%s.type", here(compile));
        error_add_cause(compile->err, CAUSE_NOT_SUPPORTED, path,
                        "Unsupported value: \"%s\": supported values: \"array\", \"boolean\", "
                        "\"integer\", \"number\", \"object\", \"string\"",
                        type);
        return;
    }
    bool may_lack = place == IN_LOGIC || (node->flags & (CRD_INT_OR_STRING | CRD_PRESERVE));
    if (node->kind == CRD_ANY && !may_lack) {
        CLEANUP(free_ptr) char *path = xasprintf("%s.type", here(compile));
        error_add_required(compile->err, path, missing[place]);
    } else if (place == AT_ROOT && node->kind != CRD_OBJECT && node->kind != CRD_ANY) {
        wrong(compile, "type", type, "must be object at the root");
    }
}

static const struct flag_row {
    const char *name;
    enum crd_node_flags flag;
} flag_rows[] = {
    {"nullable", CRD_NULLABLE},
    {"x-kubernetes-int-or-string", CRD_INT_OR_STRING},
    {"x-kubernetes-preserve-unknown-fields", CRD_PRESERVE},
    {"x-kubernetes-embedded-resource", CRD_EMBEDDED},
    {"exclusiveMinimum", CRD_EXCLUSIVE_MIN},
    {"exclusiveMaximum", CRD_EXCLUSIVE_MAX},
};

static void read_flags(struct crd_node *node, const json_t *text)
{
    for (size_t i = 0; i < ARRAY_LEN(flag_rows); i++)
        if (json_is_true(json_object_get(text, flag_rows[i].name)))
            node->flags |= (uint16_t)flag_rows[i].flag;
    if (text_eq(json_text(text, "x-kubernetes-map-type"), "atomic"))
        node->flags |= CRD_ATOMIC_MAP;
    node->required = json_object_get(text, "required");
    node->default_value = json_object_get(text, "default");
    node->minimum = json_object_get(text, "minimum");
    node->maximum = json_object_get(text, "maximum");
    node->multiple_of = json_object_get(text, "multipleOf");
    node->format = json_text(text, "format");
}

static void read_limits(struct crd_node *node, const json_t *text)
{
    const struct {
        const char *name;
        int64_t *out;
    } rows[] = {
        {"minLength", &node->min_length},         {"maxLength", &node->max_length},
        {"minItems", &node->min_items},           {"maxItems", &node->max_items},
        {"minProperties", &node->min_properties}, {"maxProperties", &node->max_properties},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        *rows[i].out = json_int_or(json_object_get(text, rows[i].name), -1);
}

static void read_enum(struct compile *compile, struct crd_node *node, const json_t *text)
{
    node->enums = json_object_get(text, "enum");
    if (json_array_size(node->enums) > CRD_ENUM_MAX) {
        CLEANUP(free_ptr) char *path = xasprintf("%s.enum", here(compile));
        error_add_cause(compile->err, CAUSE_TOO_MANY, path,
                        "Too many: %zu: must have at most %d items", json_array_size(node->enums),
                        CRD_ENUM_MAX);
    }
}

/* ECMA's syntax is near enough to PCRE2's; neither look-behind nor recursion matter here, since
 * matching is limited. */
static void read_pattern(struct compile *compile, struct crd_node *node, const json_t *text)
{
    const char *pattern = json_text(text, "pattern");
    int error_code;
    PCRE2_SIZE offset, size = 0;
    if (!pattern || !*pattern)
        return;
    size_t len = strlen(pattern);
    if (len > CRD_PATTERN_MAX) {
        forbid(compile, "pattern", "the regular expression is too long");
        return;
    }
    node->pattern = pattern;
    node->code = pcre2_compile((PCRE2_SPTR)pattern, len,
                               PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C,
                               &error_code, &offset, NULL);
    if (!node->code) {
        char why[128] = "";
        (void)pcre2_get_error_message(error_code, (PCRE2_UCHAR *)why, sizeof(why)); /* cut: fine */
        CLEANUP(free_ptr)
        char *detail = xasprintf("must be a valid regular expression, but isn't: %s", why);
        wrong(compile, "pattern", pattern, detail);
        return;
    }
    if (pcre2_pattern_info(node->code, PCRE2_INFO_SIZE, &size) == 0)
        compile->memory->code_bytes += size;
    if (size > COMPILED_PATTERN_MAX || compile->memory->code_bytes > 64 * COMPILED_PATTERN_MAX)
        forbid(compile, "pattern", "the regular expression is too large");
}

static int by_name(const void *a, const void *b)
{
    const struct crd_property *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static void read_properties(struct compile *compile, struct crd_node *node, const json_t *text,
                            enum place place)
{
    json_t *properties = json_object_get(text, "properties"), *value;
    const char *key;
    if (!json_is_object(properties))
        return;
    node->properties =
        crd_alloc(compile->memory, json_object_size(properties), sizeof(*node->properties));
    json_object_foreach (properties, key, value) {
        size_t mark = buf_enter(&compile->path, ".properties[%s]", key);
        struct crd_node *child = node_of(compile, value, place == IN_LOGIC ? IN_LOGIC : AT_FIELD);
        buf_leave(&compile->path, mark);
        if (child)
            node->properties[node->property_count++] = (struct crd_property){key, child};
    }
    qsort(node->properties, node->property_count, sizeof(*node->properties), by_name);
}

static void read_additional(struct compile *compile, struct crd_node *node, const json_t *text,
                            enum place place)
{
    json_t *additional = json_object_get(text, "additionalProperties");
    if (json_is_true(additional))
        node->flags |= CRD_OPEN_MAP;
    if (!json_is_object(additional))
        return;
    if (place != IN_LOGIC && json_object_size(json_object_get(text, "properties")) > 0)
        forbid(compile, "additionalProperties",
               "additionalProperties and properties are mutual exclusive");
    size_t mark = buf_enter(&compile->path, ".additionalProperties");
    node->additional = node_of(compile, additional, place == IN_LOGIC ? IN_LOGIC : AT_FIELD);
    buf_leave(&compile->path, mark);
}

static void read_items(struct compile *compile, struct crd_node *node, const json_t *text,
                       enum place place)
{
    json_t *items = json_object_get(text, "items");
    if (json_is_array(items))
        forbid(compile, "items", "items must be a schema object and not an array");
    if (json_is_object(items)) {
        size_t mark = buf_enter(&compile->path, ".items");
        node->items = node_of(compile, items, place == IN_LOGIC ? IN_LOGIC : AT_ITEM);
        buf_leave(&compile->path, mark);
    } else if (node->kind == CRD_ARRAY && place != IN_LOGIC) {
        CLEANUP(free_ptr) char *path = xasprintf("%s.items", here(compile));
        error_add_required(compile->err, path, "must be specified");
    }
}

static void read_list(struct compile *compile, struct crd_node *node, const json_t *text)
{
    const char *type = json_text(text, "x-kubernetes-list-type");
    const json_t *keys = json_object_get(text, "x-kubernetes-list-map-keys");
    node->list_type = LIST_ATOMIC;
    if (text_eq(type, "set"))
        node->list_type = LIST_SET;
    if (!text_eq(type, "map"))
        return;
    if (!json_array_size(keys)) {
        CLEANUP(free_ptr) char *path = xasprintf("%s.x-kubernetes-list-map-keys", here(compile));
        error_add_required(compile->err, path,
                           "must not be empty if x-kubernetes-list-type is map");
        return;
    }
    const char **names = crd_alloc(compile->memory, json_array_size(keys) + 1, sizeof(*names));
    for (size_t i = 0; i < json_array_size(keys); i++)
        names[i] = json_string_value(json_array_get(keys, i));
    node->list_type = LIST_MAP;
    node->map_keys = names;
}

static void read_alternatives(struct compile *compile, struct crd_nodes *nodes, const json_t *text,
                              const char *member)
{
    const json_t *list = json_object_get(text, member);
    if (!json_array_size(list))
        return;
    nodes->items = crd_alloc(compile->memory, json_array_size(list), sizeof(struct crd_node *));
    for (size_t i = 0; i < json_array_size(list); i++) {
        size_t mark = buf_enter(&compile->path, ".%s[%zu]", member, i);
        struct crd_node *node = node_of(compile, json_array_get(list, i), IN_LOGIC);
        buf_leave(&compile->path, mark);
        if (node)
            nodes->items[nodes->count++] = node;
    }
}

static void read_logic(struct compile *compile, struct crd_node *node, const json_t *text)
{
    json_t *not = json_object_get(text, "not");
    read_alternatives(compile, &node->all_of, text, "allOf");
    read_alternatives(compile, &node->any_of, text, "anyOf");
    read_alternatives(compile, &node->one_of, text, "oneOf");
    if (!json_is_object(not ))
        return;
    size_t mark = buf_enter(&compile->path, ".not");
    node->not = node_of(compile, not, IN_LOGIC);
    buf_leave(&compile->path, mark);
}

static void check_structure(struct compile *compile, const struct crd_node *node,
                            const json_t *text)
{
    static const char *const unsupported[] = {"$ref", "definitions", "dependencies", "id",
                                              "patternProperties"};
    for (size_t i = 0; i < ARRAY_LEN(unsupported); i++)
        if (json_object_get(text, unsupported[i]))
            forbid(compile, unsupported[i],
                   i == 0 ? "$ref is not supported" : "must not be set in a structural schema");
    if (json_is_true(json_object_get(text, "uniqueItems")))
        forbid(compile, "uniqueItems",
               "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
    if ((node->flags & CRD_EMBEDDED) && node->kind != CRD_OBJECT)
        wrong(compile, "type", json_text(text, "type") ? json_text(text, "type") : "",
              "must be object if x-kubernetes-embedded-resource is true");
    if (node->map_keys && node->items && node->items->kind != CRD_OBJECT)
        wrong(compile, "items.type",
              json_text(node->items->text, "type") ? json_text(node->items->text, "type") : "",
              "must be object if parent array's x-kubernetes-list-type is map");
}

/* A default must be what it would be taken for: of the schema's own shape, and valid. */
static void check_default(struct compile *compile, const struct crd_node *node, enum place place)
{
    CLEANUP(error_clear) struct error why = {0};
    if (place == IN_LOGIC) {
        forbid(compile, "default", "must not be set inside of allOf, anyOf, oneOf or not");
        return;
    }
    json_auto_t *value = json_deep_copy(node->default_value);
    crd_default(node, value);
    crd_validate_value(node, value, &why);
    if (why.cause_count && !(node->flags & CRD_EMBEDDED)) {
        CLEANUP(free_ptr)
        char *path = xasprintf("%s.default%s%s", here(compile), *why.causes[0].field ? "." : "",
                               why.causes[0].field);
        error_add_cause(compile->err, CAUSE_INVALID, path, "%s", why.causes[0].message);
    }
}

static bool within_limits(struct compile *compile)
{
    if (compile->full)
        return false;
    compile->full = ++compile->memory->node_count > CRD_NODES_MAX || compile->depth > CRD_DEPTH_MAX;
    if (compile->full)
        error_add_forbidden(compile->err, here(compile),
                            "the schema is too large or nests too deep");
    return !compile->full;
}

static struct crd_node *node_of(struct compile *compile, const json_t *text, enum place place)
{
    if (!json_is_object(text) || !within_limits(compile))
        return NULL;
    struct crd_node *node = crd_alloc(compile->memory, 1, sizeof(*node));
    node->next = compile->memory->nodes;
    compile->memory->nodes = node;
    node->text = text;
    compile->depth++;
    read_flags(node, text);
    read_kind(compile, node, text, place);
    read_limits(node, text);
    read_enum(compile, node, text);
    read_pattern(compile, node, text);
    read_properties(compile, node, text, place);
    read_additional(compile, node, text, place);
    read_items(compile, node, text, place);
    read_list(compile, node, text);
    read_logic(compile, node, text);
    if (place != IN_LOGIC)
        check_structure(compile, node, text);
    if (node->default_value)
        node->default_size = json_dumpb(node->default_value, NULL, 0, JSON_ENCODE_ANY);
    if (node->default_value)
        check_default(compile, node, place);
    compile->depth--;
    return node;
}

const struct crd_node *crd_compile(struct crd_memory *memory, const json_t *text, const char *path,
                                   struct error *err)
{
    struct compile compile = {.memory = memory, .path = BUF_TEXT, .err = err};
    size_t before = err->cause_count;
    buf_add_text(&compile.path, path);
    struct crd_node *node = node_of(&compile, text, AT_ROOT);
    if (crd_has_meta_defaults(node))
        node->flags |= CRD_META_DEFAULTS;
    buf_free(&compile.path);
    return err->cause_count == before ? node : NULL;
}

const struct crd_node *crd_property(const struct crd_node *node, const char *name)
{
    const struct crd_property key = {.name = name};
    const struct crd_property *found = node->property_count
                                           ? bsearch(&key, node->properties, node->property_count,
                                                     sizeof(*node->properties), by_name)
                                           : NULL;
    return found ? found->node : NULL;
}
