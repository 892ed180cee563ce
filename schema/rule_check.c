/* Checks of one member, and of the small structures that many kinds share: labels, label selectors.
 */
#include "schema/rule_internal.h"

#include <ctype.h>

#include "schema/go_text.h"
#include "schema/meta.h"
#include "schema/selector.h"

#define ANNOTATIONS_MAX (256 * 1024)

void check_min(struct error *err, const struct path *at, const json_t *object, const char *member,
               int64_t min)
{
    const json_t *value = json_object_get(object, member);
    if (json_is_integer(value) && json_integer_value(value) < min)
        rule_invalid(err, PATH(at, member), value,
                     min == 0 ? RULE_NOT_NEGATIVE : "must be greater than or equal to %lld",
                     (long long)min);
}

void check_range(struct error *err, const struct path *at, const json_t *object, const char *member,
                 int64_t low, int64_t high)
{
    const json_t *value = json_object_get(object, member);
    if (json_is_integer(value) &&
        (json_integer_value(value) < low || json_integer_value(value) > high))
        rule_invalid(err, PATH(at, member), value, "must be between %lld and %lld, inclusive",
                     (long long)low, (long long)high);
}

void check_enum(struct error *err, const struct path *at, const json_t *object, const char *member,
                const char *const *allowed)
{
    const char *text = rule_text(object, member);
    if (*text && !rule_one_of(text, allowed))
        rule_not_supported(err, PATH(at, member), json_object_get(object, member), allowed);
}

void check_enum_required(struct error *err, const struct path *at, const json_t *object,
                         const char *member, const char *const *allowed)
{
    if (check_required(err, at, object, member, NULL))
        check_enum(err, at, object, member, allowed);
}

void check_enum_given(struct error *err, const struct path *at, const json_t *object,
                      const char *member, const char *const *allowed)
{
    const char *text = rule_text(object, member);
    if (!rule_one_of(text, allowed))
        rule_not_supported(err, PATH(at, member), *text ? json_object_get(object, member) : NULL,
                           allowed);
}

/* Formats in which more than one thing can be wrong. */
static const struct name_faults_row {
    rule_name_fn check;
    size_t (*faults)(const char *value, const char *faults[]);
} name_faults_rows[] = {
    {name_check_dns_subdomain, name_faults_dns_subdomain},
    {name_check_dns_label, name_faults_dns_label},
    {name_check_dns_1035_label, name_faults_dns_1035_label},
    {name_check_qualified, name_faults_qualified},
    {name_check_label_value, name_faults_label_value},
    {value_check_port_name, value_faults_port_name},
    {value_check_config_key, value_faults_config_key},
};

void rule_named(struct error *err, const struct path *path, const char *value, rule_name_fn fn)
{
    const char *faults[NAME_FAULTS_MAX], *first = fn(value);
    size_t count = 1;
    if (!first)
        return;
    faults[0] = first;
    for (size_t i = 0; i < ARRAY_LEN(name_faults_rows); i++)
        if (name_faults_rows[i].check == fn)
            count = name_faults_rows[i].faults(value, faults);
    for (size_t i = 0; i < count; i++)
        rule_invalid_text(err, path, value, faults[i]);
}

void check_name(struct error *err, const struct path *at, const json_t *object, const char *member,
                rule_name_fn fn)
{
    if (*rule_text(object, member))
        rule_named(err, PATH(at, member), rule_text(object, member), fn);
}

bool check_required(struct error *err, const struct path *at, const json_t *object,
                    const char *member, const char *detail)
{
    const json_t *value = json_object_get(object, member);
    if (json_is_integer(value) || json_is_boolean(value) || rule_filled(object, member))
        return true;
    rule_required(err, PATH(at, member), detail);
    return false;
}

void check_name_required(struct error *err, const struct path *at, const json_t *object,
                         const char *member, rule_name_fn fn)
{
    if (check_required(err, at, object, member, NULL))
        check_name(err, at, object, member, fn);
}

void check_name_given(struct error *err, const struct path *at, const json_t *object,
                      const char *member, rule_name_fn fn)
{
    const char *text = rule_text(object, member), *wrong = fn(text);
    if (wrong)
        rule_invalid_text(err, PATH(at, member), text, wrong);
}

void check_immutable(struct error *err, const struct path *at, const json_t *object,
                     const json_t *old, const char *member)
{
    const json_t *value = json_object_get(object, member);
    if (!rule_equal(value, json_object_get(old, member)))
        rule_invalid(err, PATH(at, member), value, RULE_IMMUTABLE);
}

void check_forbidden(struct error *err, const struct path *at, const json_t *object,
                     const char *member, const char *detail)
{
    if (rule_has(object, member))
        rule_forbidden(err, PATH(at, member), "%s", detail);
}

void check_max_text(struct error *err, const struct path *at, const json_t *object,
                    const char *member, size_t max)
{
    if (strlen(rule_text(object, member)) > max)
        rule_too_long(err, PATH(at, member), max);
}

void check_port_or_name(struct error *err, const struct path *path, const json_t *value)
{
    if (json_is_string(value)) {
        rule_named(err, path, json_string_value(value), value_check_port_name);
    } else if (json_int_or(value, 0) < 1 || json_int_or(value, 0) > 65535) {
        json_auto_t *shown = json_integer(json_int_or(value, 0));
        rule_invalid(err, path, shown, "must be between 1 and 65535, inclusive");
    }
}

void check_labels(struct error *err, const struct path *path, const json_t *labels)
{
    const char *key;
    json_t *value;
    MAP_EACH (labels, key, value) {
        const char *text = json_string_value(value);
        rule_named(err, path, key, name_check_qualified);
        rule_named(err, path, text ? text : "", name_check_label_value);
    }
}

static const char *check_lowered(const char *key)
{
    char lowered[512];
    size_t len = strlen(key);
    if (len >= sizeof(lowered))
        return name_check_qualified(key);
    for (size_t i = 0; i <= len; i++)
        lowered[i] = (char)tolower((unsigned char)key[i]);
    return name_check_qualified(lowered);
}

void check_annotation_map(struct error *err, const struct path *path, const json_t *annotations)
{
    const char *key;
    json_t *value;
    size_t total = 0;
    MAP_EACH (annotations, key, value) {
        const char *wrong = check_lowered(key);
        if (wrong)
            rule_invalid_text(err, path, key, wrong);
        total += strlen(key) + json_string_length(value);
    }
    if (total > ANNOTATIONS_MAX)
        rule_too_long(err, path, ANNOTATIONS_MAX);
}

static const char *const selector_operators[] = {"In", "NotIn", "Exists", "DoesNotExist", NULL};

static void check_expression(struct error *err, const struct path *path, const json_t *expression)
{
    const char *op = rule_text(expression, "operator");
    const json_t *values = member_array(expression, "values");
    const json_t *value;
    if (rule_one_of(op, (const char *const[]){"In", "NotIn", NULL})) {
        if (json_array_size(values) == 0)
            rule_required(err, PATH(path, "values"),
                          "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (rule_one_of(op, selector_operators)) {
        if (json_array_size(values) > 0)
            rule_forbidden(err, PATH(path, "values"),
                           "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else {
        rule_invalid_text(err, PATH(path, "operator"), op, "not a valid selector operator");
    }
    rule_named(err, PATH(path, "key"), rule_text(expression, "key"), name_check_qualified);
    LIST_EACH (values, i, value)
        rule_named(err, PATH_AT(PATH(path, "values"), i),
                   json_string_value(value) ? json_string_value(value) : "",
                   name_check_label_value);
}

#define REASON_MAX  1024
#define MESSAGE_MAX 32768

static bool is_reason(const char *text)
{
    size_t len = strlen(text);
    if (!isalpha((unsigned char)*text))
        return false;
    for (size_t i = 1; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("_,:", text[i]))
            return false;
    return !strchr(",:", text[len - 1]);
}

static void check_condition(struct error *err, const struct path *at, const json_t *condition)
{
    static const char *const statuses[] = {"False", "True", "Unknown", NULL};
    const char *reason = rule_text(condition, "reason"),
               *wrong = name_check_qualified(rule_text(condition, "type"));
    const json_t *generation = json_object_get(condition, "observedGeneration");
    if (wrong)
        rule_invalid_text(err, PATH(at, "type"), rule_text(condition, "type"), wrong);
    check_enum_given(err, at, condition, "status", statuses);
    if (json_is_integer(generation) && json_integer_value(generation) < 0)
        rule_invalid(err, PATH(at, "observedGeneration"), generation,
                     "must be greater than or equal to zero");
    check_required(err, at, condition, "lastTransitionTime", "must be set");
    if (check_required(err, at, condition, "reason", "must be set") && !is_reason(reason))
        rule_invalid_text(
            err, PATH(at, "reason"), reason,
            "a condition reason must start with alphabetic character, optionally followed by a "
            "string of alphanumeric characters or '_,:', and must end with an alphanumeric "
            "character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or "
            "'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is "
            "'[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')");
    check_max_text(err, at, condition, "reason", REASON_MAX);
    check_max_text(err, at, condition, "message", MESSAGE_MAX);
}

void check_meta_conditions(struct error *err, const struct path *path, const json_t *conditions)
{
    const json_t *condition;
    json_auto_t *seen = json_object();
    LIST_EACH (conditions, i, condition) {
        if (rule_seen(seen, rule_text(condition, "type")))
            rule_duplicate(err, PATH(PATH_AT(path, i), "type"), json_object_get(condition, "type"));
        check_condition(err, PATH_AT(path, i), condition);
    }
}

void check_label_selector(struct error *err, const struct path *path, const json_t *selector)
{
    const json_t *expressions = member_array(selector, "matchExpressions"), *expression;
    check_labels(err, PATH(path, "matchLabels"), member_object(selector, "matchLabels"));
    LIST_EACH (expressions, i, expression)
        check_expression(err, PATH_AT(PATH(path, "matchExpressions"), i), expression);
}

bool rule_selects(const json_t *selector, const json_t *labels)
{
    CLEANUP(error_clear) struct error ignored = {0}; /* told by check_label_selector */
    struct selector *parsed = selector_from_json(selector, &ignored);
    bool yes = parsed && selector_matches_json(parsed, labels);
    selector_free(parsed);
    return yes;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *rule_map_go(const json_t *map)
{
    struct buf out = BUF_TEXT;
    size_t count = 0;
    const char *key;
    json_t *value;
    if (!map || json_is_null(map))
        return xstrdup("map[string]string(nil)");
    const char **keys = xcalloc(json_object_size(map) + 1, sizeof(*keys));
    MAP_EACH (map, key, value)
        keys[count++] = key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    buf_add_text(&out, "map[string]string{");
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%s\"%s\":\"%s\"", i ? ", " : "", keys[i], rule_text(map, keys[i]));
    buf_add_char(&out, '}');
    free(keys);
    return buf_take(&out);
}

static void write_expressions_go(struct buf *out, const json_t *expressions)
{
    const json_t *expression, *value;
    if (!expressions) {
        buf_add_text(out, "[]v1.LabelSelectorRequirement(nil)");
        return;
    }
    buf_add_text(out, "[]v1.LabelSelectorRequirement{");
    LIST_EACH (expressions, i, expression) {
        buf_printf(out,
                   "%sv1.LabelSelectorRequirement{Key:\"%s\", Operator:\"%s\", Values:[]string",
                   i ? ", " : "", rule_text(expression, "key"), rule_text(expression, "operator"));
        const json_t *values = member_array(expression, "values");
        buf_add_text(out, values ? "{" : "(nil)");
        LIST_EACH (values, k, value)
            buf_printf(out, "%s\"%s\"", k ? ", " : "",
                       json_string_value(value) ? json_string_value(value) : "");
        buf_add_text(out, values ? "}}" : "}");
    }
    buf_add_char(out, '}');
}

void rule_invalid_list(struct error *err, const struct path *path, const char *type,
                       const json_t *list, const char *detail)
{
    struct buf out = BUF_TEXT;
    const json_t *item;
    buf_printf(&out, "[]%s%s", type, list ? "{" : "(nil)");
    LIST_EACH (list, i, item) {
        buf_add_text(&out, i ? ", " : "");
        go_quote(&out, str_of(json_string_value(item) ? json_string_value(item) : ""));
    }
    buf_add_text(&out, list ? "}" : "");
    CLEANUP(free_ptr) char *shown = buf_take(&out);
    rule_invalid_raw(err, path, shown, detail);
}

char *rule_selector_go(const json_t *selector)
{
    struct buf out = BUF_TEXT;
    CLEANUP(free_ptr) char *labels = rule_map_go(json_object_get(selector, "matchLabels"));
    buf_printf(&out, "v1.LabelSelector{MatchLabels:%s, MatchExpressions:", labels);
    write_expressions_go(&out, member_array(selector, "matchExpressions"));
    buf_add_char(&out, '}');
    return buf_take(&out);
}
