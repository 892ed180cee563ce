/* A definition's versions as rows. */
#include "schema/crd.h"

#include <ctype.h>
#include <stdatomic.h>
#include <string.h>

#include "base/refs.h"
#include "schema/crd_rule.h"
#include "schema/meta.h"

#define ALL_VERBS                                                                                  \
    (VERB_GET | VERB_LIST | VERB_WATCH | VERB_CREATE | VERB_UPDATE | VERB_PATCH | VERB_DELETE |    \
     VERB_DELETE_COLLECTION)

struct compiled {
    struct crd crd; /* first: a struct crd is one of these */
    atomic_uint refs;
    json_t *definition; /* owned, frozen */
    struct crd_memory *memory;
};

static const struct column age_column = {
    .name = "Age",
    .type = "date",
    .format = "",
    .description = "How long ago the object was created.",
    .source = ".metadata.creationTimestamp",
};
static const struct column name_column = {
    .name = "Name",
    .type = "string",
    .format = "name",
    .description = "Name is unique within a namespace.",
    .source = ".metadata.name",
};

static const char *const *texts(struct crd_memory *memory, const json_t *list)
{
    size_t count = json_array_size(list), kept = 0;
    if (!count)
        return NULL;
    const char **items = crd_alloc(memory, count + 1, sizeof(*items));
    for (size_t i = 0; i < count; i++)
        if (json_is_string(json_array_get(list, i)))
            items[kept++] = json_string_value(json_array_get(list, i));
    return items;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* JSON paths of single fields, as field selectors write them: without the dot in front. */
static const char *const *selectable_fields(struct crd_memory *memory, const json_t *given)
{
    size_t count = json_array_size(given), kept = 0;
    const char **paths = crd_alloc(memory, count + 1, sizeof(*paths));
    for (size_t i = 0; i < count; i++) {
        const char *path = json_text(json_array_get(given, i), "jsonPath");
        if (path && path[0] == '.')
            paths[kept++] = path + 1;
    }
    return paths;
}

static void set_columns(struct compiled *compiled, struct resource *row, const json_t *version)
{
    const json_t *given = json_object_get(version, "additionalPrinterColumns");
    size_t count = json_array_size(given);
    struct column *columns = crd_alloc(compiled->memory, count + 3, sizeof(*columns));
    row->columns = columns;
    columns[row->column_count++] = name_column;
    if (!given)
        columns[row->column_count++] = age_column;
    for (size_t i = 0; i < count; i++) {
        const json_t *column = json_array_get(given, i);
        const char *description = or_empty(json_text(column, "description")),
                   *path = or_empty(json_text(column, "jsonPath"));
        columns[row->column_count++] = (struct column){
            .name = or_empty(json_text(column, "name")),
            .type = or_empty(json_text(column, "type")),
            .format = or_empty(json_text(column, "format")),
            .description = *description ? description
                                        : crd_text(compiled->memory,
                                                   "Custom resource definition column (in JSONPath "
                                                   "format): %s",
                                                   path),
            .source = path,
            .priority = (int)json_int_or(json_object_get(column, "priority"), 0),
        };
    }
    const json_t *scale = json_at(version, "subresources", "scale"); /* read by crd_scale.c */
    columns[row->column_count] = (struct column){
        .name = or_empty(json_text(scale, "specReplicasPath")),
        .type = or_empty(json_text(scale, "statusReplicasPath")),
        .source = or_empty(json_text(scale, "labelSelectorPath")),
    };
}

static void set_subresources(struct compiled *compiled, struct resource *row, const json_t *version)
{
    const json_t *given = json_object_get(version, "subresources");
    struct subresource *subs = crd_alloc(compiled->memory, 2, sizeof(*subs));
    row->subresources = subs;
    if (json_object_get(given, "status"))
        subs[row->subresource_count++] = (struct subresource){
            .name = "status",
            .kind = row->kind,
            .group = "",
            .version = "",
            .verbs = VERB_GET | VERB_UPDATE | VERB_PATCH,
            .type = row->type,
        };
    if (json_object_get(given, "scale"))
        subs[row->subresource_count++] = (struct subresource){
            .name = "scale",
            .kind = "Scale",
            .group = "autoscaling",
            .version = "v1",
            .verbs = VERB_GET | VERB_UPDATE | VERB_PATCH,
            .type = type_find("io.k8s.api.autoscaling.v1.Scale"),
        };
}

/* "com.example.v1.Kind", as upstream names the schema of example.com/v1's Kind. */
static char *type_name(struct compiled *compiled, const char *version, const char *kind)
{
    CLEANUP(buf_free) struct buf name = BUF_TEXT;
    struct str rest = str_of(compiled->crd.group);
    while (rest.len) {
        size_t at = rest.len;
        while (at && rest.data[at - 1] != '.')
            at--;
        buf_add(&name, rest.data + at, rest.len - at);
        buf_add_char(&name, '.');
        rest.len = at ? at - 1 : 0;
    }
    return crd_text(compiled->memory, "%s%s.%s", name.data, version, kind);
}

static const char *const *gvk_of(struct crd_memory *memory, const struct resource *row)
{
    const char **gvks = crd_alloc(memory, 2, sizeof(*gvks));
    gvks[0] = crd_text(memory, "%s/%s", row->api_version, row->kind);
    return gvks;
}

static bool make_type(struct compiled *compiled, struct resource *row, const json_t *version)
{
    CLEANUP(error_clear) struct error ignored = {0};
    bool several = json_array_size(json_at(compiled->definition, "spec", "versions")) > 1;
    bool changed = json_int_or(json_at(compiled->definition, "metadata", "generation"), 0) > 1;
    const struct crd_node *node =
        crd_compile(compiled->memory, json_at(version, "schema", "openAPIV3Schema"), "", &ignored);
    if (!node)
        return false;
    crd_rules_compile(compiled->memory, node, "",
                      &ignored); /* what does not compile is told to who breaks it */
    struct type *type = crd_alloc(compiled->memory, 1, sizeof(*type));
    *type = *crd_type(compiled->memory, node, type_name(compiled, row->version, row->kind),
                      several || (changed && crd_has_defaults(node)) ? TYPE_CONVERTED : 0);
    type->gvks = gvk_of(compiled->memory, row);
    type->selectable = row->selectable;
    row->type = type;
    return true;
}

/* The version that takes a deprecated one's place: the foremost of those that come before it; NULL.
 */
static const char *successor(const json_t *versions, const char *deprecated)
{
    const char *best = NULL;
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *version = json_array_get(versions, i);
        const char *name = or_empty(json_text(version, "name"));
        if (json_is_true(json_object_get(version, "served")) &&
            !json_is_true(json_object_get(version, "deprecated")) &&
            crd_compare_versions(&name, best ? &best : &deprecated) < 0)
            best = name;
    }
    return best;
}

static const char *deprecation_of(const struct compiled *compiled, const struct resource *row,
                                  const json_t *version)
{
    const char *given = json_text(version, "deprecationWarning");
    if (!json_is_true(json_object_get(version, "deprecated")))
        return NULL;
    if (given)
        return given;
    const char *next = successor(json_at(compiled->definition, "spec", "versions"), row->version);
    return next ? crd_text(compiled->memory, "%s %s is deprecated; use %s/%s %s", row->api_version,
                           row->kind, row->group, next, row->kind)
                : crd_text(compiled->memory, "%s %s is deprecated", row->api_version, row->kind);
}

static struct resource *make_row(struct compiled *compiled, const json_t *version)
{
    const json_t *spec = json_object_get(compiled->definition, "spec");
    const json_t *names = compiled->crd.names;
    struct crd_memory *memory = compiled->memory;
    struct resource *row = crd_alloc(memory, 1, sizeof(*row));
    row->key = compiled->crd.name;
    row->group = compiled->crd.group;
    row->version = or_empty(json_text(version, "name"));
    row->plural = or_empty(json_text(names, "plural"));
    row->singular = or_empty(json_text(names, "singular"));
    row->kind = or_empty(json_text(names, "kind"));
    row->list_kind = or_empty(json_text(names, "listKind"));
    row->short_names = texts(memory, json_object_get(names, "shortNames"));
    row->categories = texts(memory, json_object_get(names, "categories"));
    row->selectable = selectable_fields(memory, json_object_get(version, "selectableFields"));
    row->api_version = crd_text(memory, "%s/%s", row->group, row->version);
    row->deprecation = deprecation_of(compiled, row, version);
    row->verbs = ALL_VERBS;
    row->namespaced = text_eq(json_text(spec, "scope"), "Namespaced");
    set_columns(compiled, row, version);
    if (!make_type(compiled, row, version))
        return NULL;
    set_subresources(compiled, row, version);
    return row;
}

/* ---- the order of versions ---- */

struct version_rank {
    int64_t stage, major, minor; /* stage: 2 GA, 1 beta, 0 alpha, -1 none of these */
};

static struct version_rank rank_of(const char *name)
{
    struct version_rank rank = {.stage = -1};
    char *at = NULL;
    if (name[0] != 'v' || !isdigit((unsigned char)name[1]))
        return rank;
    rank.major = (int64_t)strtoull(name + 1, &at, 10);
    if (*at == '\0')
        return (struct version_rank){.stage = 2, .major = rank.major};
    int64_t stage = text_starts(at, "beta") ? 1 : text_starts(at, "alpha") ? 0 : -1;
    const char *number = at + (stage == 1 ? 4 : 5);
    if (stage < 0 || !isdigit((unsigned char)*number))
        return (struct version_rank){.stage = -1};
    rank.minor = (int64_t)strtoull(number, &at, 10);
    rank.stage = *at ? -1 : stage;
    return rank;
}

int crd_compare_versions(const void *a, const void *b)
{
    const char *left = *(const char *const *)a, *right = *(const char *const *)b;
    const struct version_rank one = rank_of(left), two = rank_of(right);
    if (one.stage != two.stage)
        return one.stage > two.stage ? -1 : 1;
    if (one.stage < 0)
        return strcmp(left, right);
    if (one.major != two.major)
        return one.major > two.major ? -1 : 1;
    return one.minor == two.minor ? 0 : one.minor > two.minor ? -1 : 1;
}

static int compare_rows(const void *a, const void *b)
{
    return crd_compare_versions(&(*(const struct resource *const *)a)->version,
                                &(*(const struct resource *const *)b)->version);
}

static bool make_rows(struct compiled *compiled)
{
    const json_t *versions = json_at(compiled->definition, "spec", "versions");
    size_t count = json_array_size(versions), unserved = 0;
    struct resource **rows = crd_alloc(compiled->memory, count + 1, sizeof(struct resource *));
    for (size_t i = 0; i < count; i++) {
        const json_t *version = json_array_get(versions, i);
        struct resource *row = make_row(compiled, version);
        if (!row)
            return false;
        if (json_is_true(json_object_get(version, "storage")))
            compiled->crd.stored = row;
        if (json_is_true(json_object_get(version, "served")))
            rows[compiled->crd.row_count++] = row;
        else
            rows[count - ++unserved] = row;
    }
    qsort(rows, compiled->crd.row_count, sizeof(*rows), compare_rows);
    if (compiled->crd.row_count)
        rows[0]->preferred = true;
    compiled->crd.rows = (const struct resource *const *)rows;
    compiled->crd.version_count = count;
    return compiled->crd.stored != NULL;
}

static void compiled_free(struct compiled *compiled)
{
    crd_memory_free(compiled->memory);
    json_decref(compiled->definition);
    free(compiled);
}

const struct crd *crd_new(const json_t *definition)
{
    struct compiled *compiled = xcalloc(1, sizeof(*compiled));
    atomic_init(&compiled->refs, 1);
    compiled->definition = json_deep_copy(definition);
    compiled->memory = crd_memory_new();
    const json_t *own = compiled->definition;
    compiled->crd.name = or_empty(json_text(own, "metadata", "name"));
    compiled->crd.group = or_empty(json_text(own, "spec", "group"));
    compiled->crd.names = json_at(own, "status", "acceptedNames");
    if (resource_by_key(compiled->crd.name) || !crd_condition(own, "Established") ||
        !json_text(compiled->crd.names, "plural") || !make_rows(compiled)) {
        compiled_free(compiled);
        return NULL;
    }
    if (text_eq(json_text(own, "spec", "conversion", "strategy"), "Webhook"))
        compiled->crd.conversion = json_at(own, "spec", "conversion");
    compiled->crd.terminating = crd_condition(own, "Terminating");
    compiled->crd.storage_version = compiled->crd.stored->version;
    return &compiled->crd;
}

void crd_default_stored(const struct crd *crd, json_t *object)
{
    const struct resource *row = crd_row(crd, json_text(object, "apiVersion"));
    if (row)
        crd_default(row->type->custom, object);
}

bool crd_serves(const struct crd *crd, const json_t *definition)
{
    const struct compiled *compiled = (const struct compiled *)crd;
    return json_equal(json_object_get(compiled->definition, "spec"),
                      json_object_get(definition, "spec")) &&
           json_equal(crd->names, json_at(definition, "status", "acceptedNames"));
}

const struct resource *crd_row(const struct crd *crd, const char *api_version)
{
    for (size_t i = 0; i < crd->version_count; i++)
        if (text_eq(api_version, crd->rows[i]->api_version))
            return crd->rows[i];
    return NULL;
}

static struct compiled *compiled_of(const struct crd *crd)
{
    return (struct compiled *)(uintptr_t)crd; /* its first member; only the count changes */
}

const struct crd *crd_ref(const struct crd *crd)
{
    refs_take(&compiled_of(crd)->refs);
    return crd;
}

void crd_unref(const struct crd *crd)
{
    if (crd && refs_drop(&compiled_of(crd)->refs))
        compiled_free(compiled_of(crd));
}
