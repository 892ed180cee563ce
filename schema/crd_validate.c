/* Validation of custom resources, with the words of the OpenAPI validator that upstream uses.
 *
 * The work is bounded: every node that is looked at and every regular expression costs from one
 * budget; a document that asks for more is refused. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdarg.h>
#include <string.h>

#include "base/json.h"
#include "schema/crd_number.h"
#include "schema/crd_old.h"
#include "schema/crd_schema.h"
#include "schema/go_text.h"

#define STEPS_MAX      2000000
#define PATTERN_COST   50
#define CAUSES_MAX     100
#define SHOWN_MAX      64 /* members of an enum */
#define MATCH_LIMIT    20000
#define MATCH_HEAP_KIB 1024

struct check {
    struct error *err;
    unsigned *steps;   /* left */
    const json_t *old; /* what the value was before, where that can be told; NULL */
    unsigned matched;  /* how much had a say: by it upstream finds the best alternative */
    bool quiet;        /* inside an alternative: only whether it fits */
    bool failed;
};

static bool check_node(struct check *check, const struct step *step, const struct crd_node *node,
                       const json_t *value, bool whole);
static bool check_changed(struct check *outer, const json_t *old, const struct step *step,
                          const struct crd_node *node, const json_t *value);

/* Something does not fit; true when it is to be told, too. */
static bool fail(struct check *check)
{
    check->failed = true;
    return !check->quiet && check->err->cause_count < CAUSES_MAX;
}

/* Upstream tells nothing twice: alternatives often say what their surroundings do. */
static void drop_double(struct error *err)
{
    const struct error_cause *last = &err->causes[err->cause_count - 1];
    for (const struct error_cause *one = err->causes; one < last; one++)
        if (strcmp(one->field, last->field) == 0 && strcmp(one->message, last->message) == 0) {
            error_cut_causes(err, err->cause_count - 1);
            return;
        }
}

static void add(struct check *check, const struct step *step, enum cause_kind kind,
                const char *format, ...) PRINTF_LIKE(4, 5);

/* Adds a cause, unless only the answer counts. */
static void add(struct check *check, const struct step *step, enum cause_kind kind,
                const char *format, ...)
{
    if (!fail(check))
        return;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(buf_free) struct buf path = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    step_write(&path, step);
    error_add_cause(check->err, kind, path.len ? path.data : "", "%s", text.len ? text.data : "");
    drop_double(check->err);
}

/* Owned; "" at the root. */
static char *path_of(const struct step *step)
{
    struct buf path = BUF_TEXT;
    step_write(&path, step);
    char *text = buf_take(&path);
    return text ? text : xstrdup("");
}

/* A value as Go's errors show it. */
static char *shown(const json_t *value)
{
    struct buf out = BUF_INIT((size_t)8 << 10);
    go_print_syntax(&out, value);
    if (!buf_ok(&out)) {
        buf_free(&out);
        return xstrdup("{...}");
    }
    return buf_take(&out);
}

static void invalid(struct check *check, const struct step *step, const char *value,
                    const char *format, ...) PRINTF_LIKE(4, 5);

/* `Invalid value: VALUE: PATH in body DETAIL` */
static void invalid(struct check *check, const struct step *step, const char *value,
                    const char *format, ...)
{
    check->failed = true;
    if (check->quiet)
        return;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(free_ptr) char *path = path_of(step);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    add(check, step, CAUSE_INVALID, "Invalid value: %s: %s in body %s", value, path, text.data);
}

/* ---- types ---- */

static const char *const kind_names[] = {
    [CRD_ANY] = "",
    [CRD_OBJECT] = "object",
    [CRD_ARRAY] = "array",
    [CRD_STRING] = "string",
    [CRD_INTEGER] = "integer",
    [CRD_NUMBER] = "number",
    [CRD_BOOLEAN] = "boolean",
};

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static bool kind_fits(const struct crd_node *node, const json_t *value)
{
    switch ((enum crd_kind)node->kind) {
    case CRD_OBJECT:
        return json_is_object(value);
    case CRD_ARRAY:
        return json_is_array(value);
    case CRD_STRING:
        return json_is_string(value);
    case CRD_INTEGER:
        return crd_is_whole(value);
    case CRD_NUMBER:
        return json_is_number(value);
    case CRD_BOOLEAN:
        return json_is_boolean(value);
    case CRD_ANY:
        break;
    }
    return true;
}

static void check_type(struct check *check, const struct step *step, const struct crd_node *node,
                       const json_t *value)
{
    bool either = node->flags & CRD_INT_OR_STRING;
    if (either ? json_is_string(value) || crd_is_whole(value) : kind_fits(node, value))
        return;
    CLEANUP(free_ptr) char *path = path_of(step);
    add(check, step, CAUSE_TYPE_INVALID,
        "Invalid value: \"%s\": %s in body must be of type %s: \"%s\"", type_name(value), path,
        either ? "integer,string" : kind_names[node->kind], type_name(value));
}

/* ---- scalars ---- */

static bool is_member(const json_t *value, const json_t *member)
{
    return json_is_number(value) ? crd_is_member(value, member) : json_equal(value, member);
}

/* A string that an enum allows, or the JSON of another value; in quotes. */
static void add_member(struct buf *out, const json_t *member)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)8 << 10);
    if (json_is_string(member))
        buf_add_text(&text, json_string_value(member));
    else
        json_write(&text, member);
    go_quote(out, buf_ok(&text) ? buf_str(&text) : STR("{...}"));
}

static void check_enum(struct check *check, const struct step *step, const struct crd_node *node,
                       const json_t *value)
{
    CLEANUP(buf_free) struct buf names = BUF_TEXT;
    for (size_t i = 0; i < json_array_size(node->enums); i++) {
        const json_t *member = json_array_get(node->enums, i);
        if (*check->steps)
            --*check->steps;
        if (is_member(value, member))
            return;
        buf_add_text(&names, i ? ", " : "");
        if (!check->quiet && i <= SHOWN_MAX)
            add_member(&names, member);
    }
    CLEANUP(free_ptr) char *text = shown(value);
    add(check, step, CAUSE_NOT_SUPPORTED, "Unsupported value: %s: supported values: %s", text,
        names.len ? names.data : "");
}

static size_t chars_in(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static bool pattern_fits(struct check *check, const struct crd_node *node, const char *text)
{
    size_t len = strlen(text);
    unsigned cost = PATTERN_COST + (unsigned)(len > 100000 ? 100000 : len);
    *check->steps = *check->steps > cost ? *check->steps - cost : 0;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int result = PCRE2_ERROR_NOMEMORY;
    if (data && context) {
        pcre2_set_match_limit(context, MATCH_LIMIT);
        pcre2_set_heap_limit(context, MATCH_HEAP_KIB);
        result = pcre2_match(node->code, (PCRE2_SPTR)text, len, 0, 0, data, context);
    }
    if (result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_HEAPLIMIT) /* it cost that much */
        *check->steps = *check->steps > MATCH_LIMIT ? *check->steps - MATCH_LIMIT : 0;
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return result >= 0;
}

/* The first that is wrong with its length and pattern, and its format. */
static void check_string(struct check *check, const struct step *step, const struct crd_node *node,
                         const json_t *value)
{
    const char *text = json_string_value(value);
    size_t count = node->min_length >= 0 || node->max_length >= 0 ? chars_in(text) : 0;
    bool too_long = node->max_length >= 0 && count > (size_t)node->max_length;
    bool too_short = !too_long && node->min_length >= 0 && count < (size_t)node->min_length;
    bool unlike = !too_long && !too_short && node->code && !pattern_fits(check, node, text);
    bool misformed = node->format && !crd_format_fits(node->format, text);
    CLEANUP(free_ptr) char *quoted = too_short || unlike || misformed ? shown(value) : NULL;
    if (too_long)
        add(check, step, CAUSE_TOO_LONG, "Too long: may not be more than %lld bytes",
            (long long)node->max_length);
    if (too_short)
        invalid(check, step, quoted, "should be at least %lld chars long",
                (long long)node->min_length);
    if (unlike)
        invalid(check, step, quoted, "should match '%s'", node->pattern);
    if (misformed) {
        CLEANUP(free_ptr) char *path = path_of(step);
        add(check, step, CAUSE_TYPE_INVALID, "Invalid value: %s: %s in body must be of type %s: %s",
            quoted, path, node->format, quoted);
    }
}

static void check_bound(struct check *check, const struct step *step, const json_t *value,
                        const json_t *bound, bool upper, bool exclusive)
{
    if (!json_is_number(bound))
        return;
    int order = upper ? crd_compare(value, bound) : -crd_compare(value, bound);
    if (exclusive ? order < 0 : order <= 0)
        return;
    json_auto_t *limit = crd_bound_of(value, bound);
    CLEANUP(free_ptr) char *text = shown(value);
    CLEANUP(free_ptr) char *edge = shown(limit);
    invalid(check, step, text, "should be %s than%s %s", upper ? "less" : "greater",
            exclusive ? "" : " or equal to", edge);
}

static void check_number(struct check *check, const struct step *step, const struct crd_node *node,
                         const json_t *value)
{
    double factor = json_number_value(node->multiple_of);
    if (factor > 0 && !crd_is_multiple(value, node->multiple_of)) {
        json_auto_t *limit = factor < 1 ? json_incref((json_t *)(uintptr_t)node->multiple_of)
                                        : crd_bound_of(value, node->multiple_of);
        CLEANUP(free_ptr) char *text = shown(value);
        CLEANUP(free_ptr) char *edge = shown(limit);
        invalid(check, step, text, "should be a multiple of %s", edge);
    }
    check_bound(check, step, value, node->minimum, false, node->flags & CRD_EXCLUSIVE_MIN);
    check_bound(check, step, value, node->maximum, true, node->flags & CRD_EXCLUSIVE_MAX);
}

/* ---- structures ---- */

static void check_distinct(struct check *check, const struct step *step,
                           const struct crd_node *node, const json_t *list)
{
    CLEANUP(strmap_clear) struct strmap seen = {0};
    if (node->list_type != LIST_SET && node->list_type != LIST_MAP)
        return;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct step here = {
            .parent = step, .index = i, .kind = STEP_INDEX, .depth = step ? step->depth + 1 : 0};
        json_auto_t *keys = crd_item_keys(node, json_array_get(list, i));
        CLEANUP(free_ptr) char *id = crd_keys_text(keys);
        if (!strmap_put(&seen, id, check))
            continue;
        CLEANUP(free_ptr) char *text = shown(keys);
        add(check, &here, CAUSE_DUPLICATE, "Duplicate value: %s", text);
    }
}

static void check_items(struct check *check, const struct step *step, const struct crd_node *node,
                        const json_t *list)
{
    CLEANUP(strmap_clear) struct strmap before = {0};
    crd_old_index(node, check->old, &before);
    for (size_t i = 0; node->items && i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        const struct step here = {
            .parent = step, .index = i, .kind = STEP_INDEX, .depth = step ? step->depth + 1 : 0};
        if (!check_changed(check, crd_old_item(&before, node, item), &here, node->items, item))
            check->failed = true;
    }
}

static void check_array(struct check *check, const struct step *step, const struct crd_node *node,
                        const json_t *list)
{
    size_t count = json_array_size(list);
    CLEANUP(free_ptr) char *text = xasprintf("%zu", count);
    check_items(check, step, node, list);
    if (node->min_items >= 0 && count < (size_t)node->min_items)
        invalid(check, step, text, "should have at least %lld items", (long long)node->min_items);
    if (node->max_items >= 0 && count > (size_t)node->max_items)
        add(check, step, CAUSE_TOO_MANY, "Too many: %zu: must have at most %lld items", count,
            (long long)node->max_items);
    check_distinct(check, step, node, list);
}

static void check_required(struct check *check, const struct step *step,
                           const struct crd_node *node, const json_t *object)
{
    for (size_t i = 0; i < json_array_size(node->required); i++) {
        const char *key = json_string_value(json_array_get(node->required, i));
        const struct step here = {.parent = step, .key = str_of(key ? key : ""), .kind = STEP_KEY};
        if (key && !json_object_get(object, key))
            add(check, &here, CAUSE_REQUIRED, "Required value");
    }
}

static bool is_head(const char *key)
{
    return strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0;
}

/* False when there are too few or too many, and upstream looks no further. */
static bool check_count(struct check *check, const struct step *step, const struct crd_node *node,
                        size_t count)
{
    if (node->min_properties >= 0 && count < (size_t)node->min_properties) {
        CLEANUP(free_ptr) char *text = xasprintf("%zu", count);
        invalid(check, step, text, "should have at least %lld properties",
                (long long)node->min_properties);
        return false;
    }
    if (node->max_properties >= 0 && count > (size_t)node->max_properties) {
        add(check, step, CAUSE_TOO_MANY, "Too many: %zu: must have at most %lld items", count,
            (long long)node->max_properties);
        return false;
    }
    return true;
}

static void check_members(struct check *check, const struct step *step, const struct crd_node *node,
                          const json_t *object, bool whole)
{
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        const struct crd_node *child = crd_property(node, key);
        const struct step here = {.parent = step,
                                  .key = str_of(key),
                                  .kind = STEP_KEY,
                                  .depth = step ? step->depth + 1 : 0};
        if (!child)
            child = node->additional;
        if (child && !(whole && strcmp(key, "metadata") == 0 && !child->property_count) &&
            !check_changed(check, !step && is_head(key) ? NULL : json_object_get(check->old, key),
                           &here, child, value))
            check->failed = true;
    }
}

static void check_object(struct check *check, const struct step *step, const struct crd_node *node,
                         const json_t *object, bool whole)
{
    if (check_count(check, step, node, json_object_size(object))) {
        check_members(check, step, node, object, whole);
        check_required(check, step, node, object);
    }
    if (whole && step && !check->quiet) {
        CLEANUP(free_ptr) char *path = path_of(step);
        size_t before = check->err->cause_count;
        crd_validate_embedded(object, path, check->err);
        check->failed = check->failed || check->err->cause_count > before;
    }
}

/* ---- alternatives ---- */

/* How many alternatives a value fits, and the one of the others that came nearest; NULL. */
struct fit {
    size_t count;
    const struct crd_node *best;
    unsigned matched; /* by that one */
};

static struct fit fitting(struct check *check, const struct step *step,
                          const struct crd_nodes *nodes, const json_t *value)
{
    struct fit fit = {0};
    for (size_t i = 0; i < nodes->count; i++) {
        struct check quiet = {.err = check->err, .steps = check->steps, .quiet = true};
        bool fits = check_node(&quiet, step, nodes->items[i], value, false);
        fit.count += fits;
        if (!fits && (!fit.best || quiet.matched > fit.matched)) {
            fit.best = nodes->items[i];
            fit.matched = quiet.matched;
        }
    }
    return fit;
}

/* What keeps the value from being the alternative that came nearest, when it is none. */
static void tell_best(struct check *check, const struct step *step, const struct fit *fit,
                      const json_t *value)
{
    struct check part = {.err = check->err, .steps = check->steps};
    check->matched += fit->matched;
    if (fit->best && !check->quiet)
        (void)check_node(&part, step, fit->best, value, false); /* it does not fit */
}

/* Upstream names the place in the words alone. */
static void misfit(struct check *check, const struct step *step, const char *detail)
{
    if (!fail(check))
        return;
    CLEANUP(free_ptr) char *path = path_of(step);
    error_add_cause(check->err, CAUSE_INVALID, "<nil>", "Invalid value: \"\": \"%s\" %s", path,
                    detail);
    drop_double(check->err);
}

static void check_one_of(struct check *check, const struct step *step, const struct crd_node *node,
                         const json_t *value)
{
    const struct fit fit = fitting(check, step, &node->one_of, value);
    size_t count = fit.count;
    if (!node->one_of.count || count == 1)
        return;
    CLEANUP(free_ptr)
    char *found =
        count ? xasprintf("Found %zu valid alternatives", count) : xstrdup("Found none valid");
    CLEANUP(free_ptr)
    char *text = xasprintf("must validate one and only one schema (oneOf). %s", found);
    misfit(check, step, text);
    if (!count)
        tell_best(check, step, &fit, value);
}

static void check_any_of(struct check *check, const struct step *step, const struct crd_node *node,
                         const json_t *value)
{
    const struct fit fit = fitting(check, step, &node->any_of, value);
    if (!node->any_of.count || fit.count)
        return;
    misfit(check, step, "must validate at least one schema (anyOf)");
    tell_best(check, step, &fit, value);
}

static void check_all_of(struct check *check, const struct step *step, const struct crd_node *node,
                         const json_t *value)
{
    struct check part = *check;
    size_t fits = 0;
    part.old = NULL;
    for (size_t i = 0; i < node->all_of.count; i++)
        fits += check_node(&part, step, node->all_of.items[i], value, false);
    if (fits < node->all_of.count)
        misfit(check, step,
               fits ? "must validate all the schemas (allOf)"
                    : "must validate all the schemas (allOf). None validated");
}

static void check_logic(struct check *check, const struct step *step, const struct crd_node *node,
                        const json_t *value)
{
    check_any_of(check, step, node, value);
    check_one_of(check, step, node, value);
    check_all_of(check, step, node, value);
    if (node->not ) {
        const struct crd_nodes only = {.items = (struct crd_node *[]){node->not }, .count = 1};
        if (fitting(check, step, &only, value).count)
            misfit(check, step, "must not validate the schema (not)");
    }
}

/* What there is to say of a value whose type is right or not, in upstream's order. */
static void check_value(struct check *check, const struct step *step, const struct crd_node *node,
                        const json_t *value, bool whole)
{
    if (!json_is_null(value))
        check_logic(check, step, node, value);
    if (json_is_string(value))
        check_string(check, step, node, value);
    else if (json_is_number(value))
        check_number(check, step, node, value);
    else if (json_is_array(value))
        check_array(check, step, node, value);
    if (node->enums)
        check_enum(check, step, node, value);
    if (json_is_object(value))
        check_object(check, step, node, value, whole);
}

/* How many of upstream's validators look at a value itself. */
static unsigned say_of(const struct crd_node *node, const json_t *value)
{
    bool typed = node->kind != CRD_ANY || (node->flags & CRD_INT_OR_STRING);
    bool plain = json_is_boolean(value) || json_is_null(value);
    return 3u + typed + !plain + (node->format && json_is_string(value));
}

static bool check_node(struct check *outer, const struct step *step, const struct crd_node *node,
                       const json_t *value, bool whole)
{
    struct check check = {
        .err = outer->err, .steps = outer->steps, .old = outer->old, .quiet = outer->quiet};
    if (!*check.steps || (step && step->depth > JSON_DEPTH_MAX))
        return false; /* crd_validate() says so */
    --*check.steps;
    if (json_is_null(value) && (node->flags & CRD_NULLABLE))
        return true;
    check_type(&check, step, node, value);
    check_value(&check, step, node, value, whole);
    outer->matched += check.matched + say_of(node, value);
    return !check.failed;
}

/* A value inside another. What is wrong with one that is as it was before is let pass: a schema
 * that became stricter must not stand in the way of other changes. */
static bool check_changed(struct check *outer, const json_t *old, const struct step *step,
                          const struct crd_node *node, const json_t *value)
{
    struct check check = *outer;
    size_t before = outer->err->cause_count;
    check.old = old;
    bool fits = check_node(&check, step, node, value, node->flags & CRD_EMBEDDED);
    outer->matched = check.matched;
    if (fits || !old || !*check.steps || !crd_is_same(node, value, old))
        return fits;
    error_cut_causes(outer->err, before);
    return true;
}

static void validate(const struct crd_node *node, const json_t *value, const json_t *old,
                     bool whole, struct error *err)
{
    unsigned steps = STEPS_MAX;
    struct check check = {.err = err, .steps = &steps, .old = old};
    bool fits = check_node(&check, NULL, node, value, whole);
    if (!steps && !fits)
        error_add_forbidden(err, "", "checking this object against its schema costs too much");
}

static bool is_duplicate(const struct error_cause *cause, const void *arg)
{
    (void)arg;
    return strcmp(cause->type, "FieldValueDuplicate") == 0;
}

static bool is_no_duplicate(const struct error_cause *cause, const void *arg)
{
    return !is_duplicate(cause, arg);
}

static bool has_duplicates(const struct error *err)
{
    for (size_t i = 0; i < err->cause_count; i++)
        if (is_duplicate(&err->causes[i], NULL))
            return true;
    return false;
}

/* Lists that had doubles anywhere before may have some everywhere: who tells an item's old self? */
static bool lets_duplicates_pass(const struct crd_node *node, const json_t *old)
{
    CLEANUP(error_clear) struct error before = {0};
    if (old)
        validate(node, old, NULL, true, &before);
    return has_duplicates(&before);
}

void crd_validate(const struct crd_node *node, const json_t *object, const json_t *old,
                  struct error *err)
{
    CLEANUP(error_clear) struct error found = {0};
    validate(node, object, old, true, &found);
    bool pass = has_duplicates(&found) && lets_duplicates_pass(node, old);
    error_move_causes(err, &found, pass ? is_no_duplicate : NULL, NULL);
}

void crd_validate_value(const struct crd_node *node, const json_t *value, struct error *err)
{
    validate(node, value, NULL, false, err);
}
