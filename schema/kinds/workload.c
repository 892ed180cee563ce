/* Selectors, templates and counts of workloads. */
#include "schema/kinds/workload.h"
#include "schema/selector.h"

#define PERCENT_DETAIL                                                                             \
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "   \
    "'93%', regex used for "                                                                       \
    "validation is '[0-9]+%')"

bool selector_is_readable(const json_t *selector)
{
    CLEANUP(error_clear) struct error ignored = {0}; /* told by check_label_selector */
    struct selector *parsed = selector_from_json(selector, &ignored);
    bool yes = parsed != NULL;
    selector_free(parsed);
    return yes;
}

void check_workload_selector(struct error *err, const struct path *at, const json_t *spec,
                             const char *kind)
{
    const json_t *selector = member_object(spec, "selector");
    const struct path *path = PATH(at, "selector");
    if (!selector) {
        rule_required(err, path, NULL);
        return;
    }
    check_label_selector(err, path, selector);
    if (!rule_filled(selector, "matchLabels") && !rule_filled(selector, "matchExpressions")) {
        CLEANUP(free_ptr) char *shown = rule_selector_go(selector);
        CLEANUP(free_ptr) char *detail = xasprintf("empty selector is invalid for %s", kind);
        rule_invalid_raw(err, path, shown, detail);
    }
}

bool check_selector_reads(struct error *err, const struct path *at, const json_t *spec,
                          const char *detail)
{
    const json_t *selector = member_object(spec, "selector");
    if (selector_is_readable(selector))
        return true;
    CLEANUP(free_ptr) char *shown = rule_selector_go(selector);
    rule_invalid_raw(err, PATH(at, "selector"), shown, detail);
    return false;
}

void check_selector_immutable(struct error *err, const struct path *path, const json_t *now,
                              const json_t *before)
{
    if (rule_equal(now, before))
        return;
    CLEANUP(free_ptr) char *shown = rule_selector_go(now);
    rule_invalid_raw(err, path, shown, RULE_IMMUTABLE);
}

/* The selector, unless it cannot be read, selects the template's Pods. */
static void check_template_fits(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *selector = member_object(spec, "selector"),
                 *labels = json_at(spec, "template", "metadata", "labels");
    if (!selector_is_readable(selector) || rule_selects(selector, labels))
        return;
    CLEANUP(free_ptr) char *shown = rule_map_go(labels);
    rule_invalid_raw(err, PATH(PATH(PATH(at, "template"), "metadata"), "labels"), shown,
                     "`selector` does not match template `labels`");
}

static void check_template_runs(struct error *err, const struct path *path, const json_t *pod,
                                const char *kind)
{
    check_enum_given(err, PATH(path, "spec"), pod, "restartPolicy",
                     (const char *const[]){"Always", NULL});
    if (rule_has(pod, "activeDeadlineSeconds"))
        rule_forbidden(err, PATH(PATH(path, "spec"), "activeDeadlineSeconds"),
                       "activeDeadlineSeconds in %s is not Supported", kind);
}

void check_template_pods(struct error *err, const struct path *at, const json_t *spec,
                         const char *kind)
{
    const json_t *template = member_object(spec, "template");
    if (!template) {
        rule_required(err, PATH(at, "template"), NULL);
        return;
    }
    check_pod_template(err, PATH(at, "template"), template);
    check_template_runs(err, PATH(at, "template"), member_object(template, "spec"), kind);
}

void check_workload_template(struct error *err, const struct path *at, const json_t *spec,
                             const char *kind)
{
    check_template_fits(err, at, spec);
    check_template_pods(err, at, spec, kind);
}

void check_claiming_template(struct error *err, const struct path *at, const json_t *spec,
                             const char *kind)
{
    const json_t *template = member_object(spec, "template");
    check_template_fits(err, at, spec);
    check_pod_template_meta(err, PATH(at, "template"), template);
    check_template_runs(err, PATH(at, "template"), member_object(template, "spec"), kind);
}

static bool is_percent(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits && strcmp(text + digits, "%") == 0;
}

void check_int_or_percent(struct error *err, const struct path *at, const json_t *object,
                          const char *member)
{
    const json_t *value = json_object_get(object, member);
    if (json_is_string(value) && !is_percent(json_string_value(value))) {
        CLEANUP(free_ptr) char *shown = int_or_string_go(value);
        rule_invalid_raw(err, PATH(at, member), shown, PERCENT_DETAIL);
    } else {
        check_min(err, at, object, member, 0);
    }
}

void check_percent_max(struct error *err, const struct path *at, const json_t *object,
                       const char *member)
{
    const json_t *value = json_object_get(object, member);
    const char *text = json_string_value(value);
    if (!text || !is_percent(text))
        return;
    text += strspn(text, "0");
    if (strlen(text) < 4 || strcmp(text, "100%") == 0)
        return;
    CLEANUP(free_ptr) char *shown = int_or_string_go(value);
    rule_invalid_raw(err, PATH(at, member), shown, "must not be greater than 100%");
}

bool is_zero_int_or_percent(const json_t *value)
{
    const char *text = json_string_value(value);
    return text ? is_percent(text) && text[strspn(text, "0")] == '%' : json_int_or(value, 0) == 0;
}

char *int_or_string_go(const json_t *value)
{
    const char *text = json_string_value(value);
    return xasprintf("intstr.IntOrString{Type:%d, IntVal:%lld, StrVal:\"%s\"}", text ? 1 : 0,
                     (long long)json_int_or(value, 0), text ? text : "");
}

void check_counts(struct error *err, const json_t *object, const json_t *old,
                  const char *const *counts, const struct status_order *orders)
{
    const json_t *status = json_object_get(object, "status"),
                 *before = json_object_get(old, "status");
    const struct path *at = PATH(NULL, "status");
    const json_t *collisions = json_object_get(status, "collisionCount");
    for (; *counts; counts++)
        check_min(err, at, status, *counts, 0);
    for (; orders->member; orders++)
        if (rule_int(status, orders->member, 0) > rule_int(status, orders->limit, 0)) {
            json_auto_t *shown = json_integer(rule_int(status, orders->member, 0));
            rule_invalid(err, PATH(at, orders->member), shown, "cannot be greater than %s",
                         orders->shown);
        }
    if (rule_has(before, "collisionCount") &&
        json_int_or(collisions, 0) < rule_int(before, "collisionCount", 0))
        rule_invalid(err, PATH(at, "collisionCount"), collisions, "cannot be decremented");
}
