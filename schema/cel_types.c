/* Built-in types as CEL types: made once, all of them, since they refer to each other. */
#include "schema/cel_types.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "schema/type.h"

/* ---- names ---- */

static bool is_reserved(struct str key)
{
    static const char *const words[] = {
        "true",     "false",   "null",      "in",       "as",  "break",  "const",
        "continue", "else",    "for",       "function", "if",  "import", "let",
        "loop",     "package", "namespace", "return",   "var", "void",   "while"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(key, words[i]))
            return true;
    return false;
}

bool cel_escape(struct buf *out, struct str key)
{
    if (!key.len || isdigit((unsigned char)key.data[0]))
        return false;
    if (is_reserved(key)) {
        buf_printf(out, "__" STR_FMT "__", STR_ARG(key));
        return true;
    }
    for (size_t i = 0; i < key.len; i++) {
        char c = key.data[i];
        bool twice = c == '_' && i + 1 < key.len && key.data[i + 1] == '_';
        const char *word = twice      ? "underscores"
                           : c == '.' ? "dot"
                           : c == '-' ? "dash"
                           : c == '/' ? "slash"
                                      : NULL;
        if (word)
            buf_printf(out, "__%s__", word);
        else if (isalnum((unsigned char)c) || c == '_')
            buf_add_char(out, c);
        else
            return false;
        i += twice;
    }
    return true;
}

/* ---- built-in types ---- */

struct builtin {
    struct cel_type type;
    struct cel_object object;
    const struct type *of;
    struct str *names;              /* beside of->fields; no data: cannot be named */
    const struct cel_type **fields; /* beside of->fields */
};

static struct builtin *builtins; /* in the order of type_all() */
static size_t builtin_count;

static const struct cel_type *find_builtin(const struct type *type)
{
    size_t low = 0, high = builtin_count;
    while (type && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(builtins[middle].of->name, type->name);
        if (order == 0)
            return &builtins[middle].type;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return &cel_dyn;
}

static const struct cel_type *value_type(const struct field *field)
{
    static const struct cel_type *const types[] = {
        [FIELD_STRING] = &cel_string,
        [FIELD_INT32] = &cel_int,
        [FIELD_INT64] = &cel_int,
        [FIELD_BOOL] = &cel_bool,
        [FIELD_DOUBLE] = &cel_double,
        [FIELD_BYTES] = &cel_bytes,
        [FIELD_TIME] = &cel_timestamp,
        [FIELD_MICRO_TIME] = &cel_timestamp,
        [FIELD_DURATION] = &cel_string,
        [FIELD_QUANTITY] = &cel_string,
        [FIELD_INT_OR_STRING] = &cel_dyn,
        [FIELD_RAW] = &cel_dyn,
        [FIELD_FIELDS_V1] = &cel_dyn,
        [FIELD_JSON] = &cel_dyn,
        [FIELD_STRING_LIST] = &cel_list_string,
    };
    return field->kind == FIELD_REF ? find_builtin(field->ref) : types[field->kind];
}

static const struct cel_type *field_type(const struct field *field)
{
    const struct cel_type *value = value_type(field);
    if (field->card == CARD_ONE)
        return value;
    struct cel_type *type = xcalloc(1, sizeof(*type)); /* for the life of the process */
    type->kind = field->card == CARD_LIST ? CEL_LIST : CEL_MAP;
    type->params[0] = field->card == CARD_LIST ? value : &cel_string;
    type->params[1] = field->card == CARD_LIST ? NULL : value;
    type->map_keys = field->map_keys;
    if (field->card == CARD_LIST && field->list_type == LIST_SET)
        type->list_kind = CEL_LIST_SET;
    if (field->card == CARD_LIST && field->list_type == LIST_MAP)
        type->list_kind = CEL_LIST_MAP;
    return type;
}

static bool find_field(const void *data, struct str name, struct cel_field *out)
{
    const struct builtin *builtin = data;
    for (size_t i = 0; i < builtin->of->field_count; i++)
        if (builtin->names[i].data && str_eq(builtin->names[i], name)) {
            *out = (struct cel_field){builtin->of->fields[i].name, builtin->fields[i]};
            return true;
        }
    return false;
}

static bool find_member(const void *data, struct str key, struct cel_field *out)
{
    const struct builtin *builtin = data;
    const struct field *field = type_field(builtin->of, key);
    if (!field)
        return false;
    *out = (struct cel_field){field->name, builtin->fields[field - builtin->of->fields]};
    return true;
}

static void make_names(struct builtin *builtin)
{
    for (size_t i = 0; i < builtin->of->field_count; i++) {
        struct buf name = BUF_TEXT;
        if (cel_escape(&name, str_of(builtin->of->fields[i].name)))
            builtin->names[i] =
                (struct str){name.data, name.len}; /* kept for the life of the process */
        else
            buf_free(&name);
        builtin->fields[i] = field_type(&builtin->of->fields[i]);
    }
}

static void make_builtins(void)
{
    const struct type *const *types = type_all(&builtin_count);
    builtins = xcalloc(builtin_count, sizeof(*builtins));
    for (size_t i = 0; i < builtin_count; i++) {
        struct builtin *builtin = &builtins[i];
        builtin->of = types[i];
        builtin->names = xcalloc(types[i]->field_count + 1U, sizeof(*builtin->names));
        builtin->fields = xcalloc(types[i]->field_count + 1U, sizeof(struct cel_type *));
        builtin->object = (struct cel_object){types[i]->name, find_field, find_member, builtin};
        builtin->type = (struct cel_type){
            .kind = CEL_OBJECT, .name = types[i]->name, .object = &builtin->object};
        if (types[i]->flags & (TYPE_UNWRAPPED | TYPE_UNION)) /* no object in JSON */
            builtin->type = cel_dyn;
    }
    for (size_t i = 0; i < builtin_count; i++)
        make_names(&builtins[i]);
}

const struct cel_type *cel_builtin_type(const struct type *type)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_builtins);
    return find_builtin(type);
}

/* ---- admission's variables ---- */

struct row {
    const char *name; /* NULL: the end */
    const struct cel_type *type;
};

static bool find_row(const void *data, struct str name, struct cel_field *out)
{
    for (const struct row *row = data; row->name; row++)
        if (str_is(name, row->name)) {
            *out = (struct cel_field){row->name, row->type};
            return true;
        }
    return false;
}

#define OBJECT(id, text, ...)                                                                      \
    static const struct row id##_rows[] = {__VA_ARGS__, {NULL, NULL}};                             \
    static const struct cel_object id##_object = {text, find_row, find_row, id##_rows};            \
    static const struct cel_type id = {.kind = CEL_OBJECT, .name = text, .object = &id##_object}

static const struct cel_type texts_by_name = {.kind = CEL_MAP,
                                              .params = {&cel_string, &cel_string}};
static const struct cel_type lists_by_name = {.kind = CEL_MAP,
                                              .params = {&cel_string, &cel_list_string}};

OBJECT(gvk, "kubernetes.GroupVersionKind", {"group", &cel_string}, {"version", &cel_string},
       {"kind", &cel_string});
OBJECT(gvr, "kubernetes.GroupVersionResource", {"group", &cel_string}, {"version", &cel_string},
       {"resource", &cel_string});
OBJECT(user_info, "kubernetes.UserInfo", {"username", &cel_string}, {"uid", &cel_string},
       {"groups", &cel_list_string}, {"extra", &lists_by_name});
static const struct row request_rows[] = {
    {"kind", &gvk},
    {"resource", &gvr},
    {"subResource", &cel_string},
    {"requestKind", &gvk},
    {"requestResource", &gvr},
    {"requestSubResource", &cel_string},
    {"name", &cel_string},
    {"namespace", &cel_string},
    {"operation", &cel_string},
    {"userInfo", &user_info},
    {"dryRun", &cel_bool},
    {"options", &cel_dyn},
    {NULL, NULL},
};
static const struct cel_object request_object = {"kubernetes.AdmissionRequest", find_row, find_row,
                                                 request_rows};
const struct cel_type cel_request_type = {
    .kind = CEL_OBJECT, .name = "kubernetes.AdmissionRequest", .object = &request_object};

OBJECT(namespace_metadata, "kubernetes.NamespaceMetadata", {"name", &cel_string},
       {"generateName", &cel_string}, {"namespace", &cel_string}, {"labels", &texts_by_name},
       {"annotations", &texts_by_name}, {"UID", &cel_string}, {"creationTimestamp", &cel_timestamp},
       {"deletionGracePeriodSeconds", &cel_int}, {"deletionTimestamp", &cel_timestamp},
       {"generation", &cel_int}, {"resourceVersion", &cel_string},
       {"finalizers", &cel_list_string});
OBJECT(namespace_spec, "kubernetes.NamespaceSpec", {"finalizers", &cel_list_string});
OBJECT(namespace_condition, "kubernetes.NamespaceCondition", {"status", &cel_string},
       {"type", &cel_string}, {"lastTransitionTime", &cel_timestamp}, {"message", &cel_string},
       {"reason", &cel_string});
static const struct cel_type namespace_conditions = {.kind = CEL_LIST,
                                                     .params = {&namespace_condition}};
OBJECT(namespace_status, "kubernetes.NamespaceStatus", {"conditions", &namespace_conditions},
       {"phase", &cel_string});
static const struct row namespace_rows[] = {{"metadata", &namespace_metadata},
                                            {"spec", &namespace_spec},
                                            {"status", &namespace_status},
                                            {NULL, NULL}};
static const struct cel_object namespace_object = {"kubernetes.Namespace", find_row, find_row,
                                                   namespace_rows};
const struct cel_type cel_namespace_type = {
    .kind = CEL_OBJECT, .name = "kubernetes.Namespace", .object = &namespace_object};
