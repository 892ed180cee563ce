/* Types as OpenAPI schemas: what kubectl explain shows, and what clients merge and validate by. */
#include <string.h>

#include "base/json.h"
#include "schema/openapi_internal.h"

/* clang-format off */
/* Kinds of fields that are schemas of their own. */
static const struct special {
    const char *name, *v2, *v3, *description;
} specials[] = {
    [FIELD_TIME] = {META "Time", "\"type\":\"string\",\"format\":\"date-time\"", NULL,
                    "A time in RFC 3339, in whole seconds."},
    [FIELD_MICRO_TIME] = {META "MicroTime", "\"type\":\"string\",\"format\":\"date-time\"", NULL,
                          "A time in RFC 3339, with microseconds."},
    [FIELD_DURATION] = {META "Duration", "\"type\":\"string\"", NULL, "A span of time, such as 1h30m or 300ms."},
    [FIELD_QUANTITY] = {"io.k8s.apimachinery.pkg.api.resource.Quantity", "\"type\":\"string\"",
                        "\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]",
                        "An exact decimal amount with an optional suffix: 500m, 2, 1.5Gi, 3e6."},
    [FIELD_INT_OR_STRING] = {"io.k8s.apimachinery.pkg.util.intstr.IntOrString",
                             "\"type\":\"string\",\"format\":\"int-or-string\"",
                             "\"format\":\"int-or-string\",\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]",
                             "A number, or a string such as a port's name or a percentage."},
    [FIELD_RAW] = {"io.k8s.apimachinery.pkg.runtime.RawExtension", "\"type\":\"object\"", NULL,
                   "Any object, kept as it is."},
    [FIELD_FIELDS_V1] = {META "FieldsV1", "\"type\":\"object\"", NULL, "A set of fields, as a tree of their names."},
    [FIELD_JSON] = {"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON", "", NULL, "Any JSON value."},
    [FIELD_REF] = {NULL, NULL, NULL, NULL},
};

static const struct {
    const char *type, *item_default;
} scalars[FIELD_REF + 1] = {
    [FIELD_STRING] = {"string", "\"\""}, [FIELD_INT32] = {"integer", "0"}, [FIELD_INT64] = {"integer", "0"},
    [FIELD_BOOL] = {"boolean", "false"}, [FIELD_DOUBLE] = {"number", "0"}, [FIELD_BYTES] = {"string", NULL},
};
/* clang-format on */

static void ref_name(struct openapi *doc, const char *name)
{
    CLEANUP(free_ptr)
    char *path = xasprintf("#/%s/%s",
                           doc->version == OPENAPI_V3 ? "components/schemas" : "definitions", name);
    doc_text(doc->out, "$ref", path);
}

void openapi_ref(struct openapi *doc, const struct type *type)
{
    strmap_put(&doc->schemas, type->name, (void *)(uintptr_t)type);
    ref_name(doc, type->name);
}

void openapi_gvk(struct openapi *doc, const char *group, const char *version, const char *kind)
{
    doc_object(doc->out, "x-kubernetes-group-version-kind");
    doc_text(doc->out, "group", group);
    doc_text(doc->out, "kind", kind);
    doc_text(doc->out, "version", version);
    doc_close(doc->out, '}');
}

/* Members of the schema of one value of the field. */
static void item_members(struct openapi *doc, const struct field *field)
{
    struct buf *out = doc->out;
    if (field->kind == FIELD_REF && !(field->ref->flags & TYPE_UNWRAPPED)) {
        openapi_ref(doc, field->ref);
    } else if (field->kind == FIELD_REF || field->kind == FIELD_STRING_LIST) {
        doc_text(out, "type", "array");
        doc_raw(out, "items", "{\"type\":\"string\"}");
    } else if (specials[field->kind].name) {
        doc->special_schemas |= 1U << field->kind;
        ref_name(doc, specials[field->kind].name);
    } else {
        doc_text(out, "type", scalars[field->kind].type);
        doc_text(out, "format", field->format);
    }
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The values of a closed set, sorted as upstream sorts them. */
static void enum_member(struct openapi *doc, const struct field *field)
{
    size_t count = 0;
    if (!(field->flags & FIELD_ENUM_CLOSED))
        return;
    while (field->enums[count])
        count++;
    CLEANUP(free_ptr) const char **sorted = xcalloc(count + 1, sizeof(*sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = field->enums[i];
    qsort(sorted, count, sizeof(*sorted), compare_text);
    doc_array(doc->out, "enum");
    for (size_t i = 0; i < count; i++)
        doc_item(doc->out, sorted[i]);
    doc_close(doc->out, ']');
}

static void item_schema(struct openapi *doc, const char *key, const struct field *field)
{
    doc_object(doc->out, key);
    item_members(doc, field);
    enum_member(doc, field);
    if (doc->version == OPENAPI_V3) {
        const char *zero = field->kind == FIELD_REF ? "{}" : scalars[field->kind].item_default;
        if (zero)
            doc_raw(doc->out, "default", zero);
    }
    doc_close(doc->out, '}');
}

static const char *map_type(const struct field *field)
{
    if (field->flags & FIELD_STRUCT_GRANULAR)
        return "granular";
    return field->card == CARD_MAP && (field->flags & FIELD_STRUCT_ATOMIC) ? "atomic" : NULL;
}

static const char *patch_strategy(const struct field *field)
{
    unsigned both = FIELD_PATCH_MERGE | FIELD_PATCH_RETAIN;
    if ((field->flags & both) == both)
        return "merge,retainKeys";
    if (field->flags & both)
        return field->flags & FIELD_PATCH_MERGE ? "merge" : "retainKeys";
    return field->flags & FIELD_PATCH_REPLACE ? "replace" : NULL;
}

/* What apply and strategic merge want to know. */
static void merge_members(struct openapi *doc, const struct field *field)
{
    static const char *const list_types[] = {
        [LIST_NONE] = NULL, [LIST_ATOMIC] = "atomic", [LIST_SET] = "set", [LIST_MAP] = "map"};
    doc_text(doc->out, "x-kubernetes-list-type", list_types[field->list_type]);
    if (field->map_keys) {
        doc_array(doc->out, "x-kubernetes-list-map-keys");
        for (const char *const *key = field->map_keys; *key; key++)
            doc_item(doc->out, *key);
        doc_close(doc->out, ']');
    }
    doc_text(doc->out, "x-kubernetes-map-type", map_type(field));
    doc_text(doc->out, "x-kubernetes-patch-merge-key", field->merge_key);
    doc_text(doc->out, "x-kubernetes-patch-strategy", patch_strategy(field));
}

/* In v3 a reference stands alone: what goes with it needs allOf around it. */
static void one_member(struct openapi *doc, const struct field *field)
{
    bool is_ref = field->kind == FIELD_REF || specials[field->kind].name;
    bool wrap = doc->version == OPENAPI_V3 && is_ref && (field->description || field->default_json);
    if (wrap) {
        doc_array(doc->out, "allOf");
        doc_open(doc->out, '{');
    }
    item_members(doc, field);
    if (wrap) {
        doc_close(doc->out, '}');
        doc_close(doc->out, ']');
    }
    enum_member(doc, field);
    if (doc->version == OPENAPI_V3 && field->default_json)
        doc_raw(doc->out, "default", field->default_json);
}

static void property(struct openapi *doc, const struct field *field)
{
    struct buf *out = doc->out;
    doc_object(out, field->name);
    doc_text(out, "description", field->description);
    if (field->card == CARD_ONE) {
        one_member(doc, field);
    } else if (field->card == CARD_LIST) {
        doc_text(out, "type", "array");
        item_schema(doc, "items", field);
    } else {
        doc_text(out, "type", "object");
        item_schema(doc, "additionalProperties", field);
    }
    merge_members(doc, field);
    doc_close(out, '}');
}

static void gvk_item(struct buf *out, const char *group, const char *version, const char *kind)
{
    doc_open(out, '{');
    doc_text(out, "group", group);
    doc_text(out, "kind", kind);
    doc_text(out, "version", version);
    doc_close(out, '}');
}

/* "apps/v1/Deployment", "v1/Pod", or a wildcard, which stands for every group version. */
static void gvk_items(struct buf *out, const char *gvk)
{
    size_t count;
    if (text_starts(gvk, "*/*/")) {
        const struct group_version *all = group_version_all(&count);
        for (size_t i = 0; i < count; i++)
            if (!all[i].host_only)
                gvk_item(out, all[i].group, all[i].version, gvk + 4);
        return;
    }
    const char *kind = strrchr(gvk, '/') + 1, *slash = strchr(gvk, '/');
    CLEANUP(free_ptr)
    char *group =
        slash + 1 == kind ? xstrdup("") : str_dup((struct str){gvk, (size_t)(slash - gvk)});
    const char *start = slash + 1 == kind ? gvk : slash + 1;
    CLEANUP(free_ptr) char *version = str_dup((struct str){start, (size_t)(kind - 1 - start)});
    gvk_item(out, group, version, kind);
}

/* `type:a,b` as one union of x-kubernetes-unions. */
static void union_item(struct buf *out, const char *text)
{
    struct str rest = str_of(text), discriminator = str_cut(&rest, ':');
    CLEANUP(free_ptr) char *name = str_dup(discriminator);
    doc_open(out, '{');
    doc_text(out, "discriminator", name);
    doc_object(out, "fields-to-discriminateBy");
    while (rest.data) {
        CLEANUP(free_ptr) char *field = str_dup(str_cut(&rest, ','));
        CLEANUP(free_ptr) char *upper = xstrdup(field);
        if (*upper >= 'a' && *upper <= 'z')
            *upper = (char)(*upper - 'a' + 'A');
        doc_text(out, field, upper);
    }
    doc_close(out, '}');
    doc_close(out, '}');
}

static void extension_members(struct buf *out, const struct type *type)
{
    if (type->gvks) {
        doc_array(out, "x-kubernetes-group-version-kind");
        for (const char *const *gvk = type->gvks; *gvk; gvk++)
            gvk_items(out, *gvk);
        doc_close(out, ']');
    }
    if (type->flags & TYPE_ATOMIC)
        doc_text(out, "x-kubernetes-map-type", "atomic");
    if (type->unions) {
        doc_array(out, "x-kubernetes-unions");
        for (const char *const *text = type->unions; *text; text++)
            union_item(out, *text);
        doc_close(out, ']');
    }
}

static void schema(struct openapi *doc, const struct type *type)
{
    struct buf *out = doc->out;
    bool any_required = false;
    doc_object(out, type->name);
    doc_text(out, "description", type->description);
    if (!(type->flags & TYPE_UNION))
        doc_text(out, "type", "object");
    for (size_t i = 0; i < type->field_count; i++) {
        if (!(type->fields[i].flags & FIELD_REQUIRED))
            continue;
        if (!any_required)
            doc_array(out, "required");
        doc_item(out, type->fields[i].name);
        any_required = true;
    }
    if (any_required)
        doc_close(out, ']');
    if (type->field_count) {
        doc_object(out, "properties");
        for (size_t i = 0; i < type->field_count; i++)
            property(doc, &type->fields[i]);
        doc_close(out, '}');
    }
    extension_members(out, type);
    doc_close(out, '}');
}

static void special_schema(struct openapi *doc, const struct special *special)
{
    const char *body = doc->version == OPENAPI_V3 && special->v3 ? special->v3 : special->v2;
    doc_object(doc->out, special->name);
    doc_text(doc->out, "description", special->description);
    if (*body)
        buf_printf(doc->out, ",%s", body);
    doc_close(doc->out, '}');
}

void openapi_schemas(struct openapi *doc)
{
    CLEANUP(strmap_clear) struct strmap done = {0};
    for (bool more = true; more;) { /* writing one asks for others */
        CLEANUP(free_ptr) const char **names = xcalloc(doc->schemas.count + 1, sizeof(*names));
        const char *name;
        void *type;
        size_t count = 0;
        for (size_t at = 0; strmap_next(&doc->schemas, &at, &name, &type);)
            if (!strmap_has(&done, name))
                names[count++] = ((const struct type *)type)->name;
        qsort(names, count, sizeof(*names), compare_text);
        for (size_t i = 0; i < count; i++) {
            strmap_put(&done, names[i], doc);
            const struct type *wanted = strmap_get(&doc->schemas, names[i]);
            if (wanted->custom)
                openapi_custom(doc, wanted);
            else
                schema(doc, wanted);
        }
        more = count > 0;
    }
    for (size_t kind = 0; kind < ARRAY_LEN(specials); kind++)
        if (doc->special_schemas & (1U << kind))
            special_schema(doc, &specials[kind]);
}
