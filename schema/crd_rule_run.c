/* x-kubernetes-validations when an object is written. */
#include <string.h>

#include "base/json.h"
#include "schema/crd_rule.h"

#define MESSAGE_MAX 5120
#define CAUSES_MAX  100

/* A value, and what it was before where that can be told. */
struct self {
    const json_t *now, *old; /* old: what `oldSelf` is; NULL: there is none */
    const json_t *
        was; /* what the value is taken to be the successor of, for letting old faults pass; NULL */
    const struct self *outer; /* the nearest one around it that has a `was` */
};

struct run {
    struct error *err;
    struct buf path;
    uint64_t left; /* of the budget */
    bool over;     /* no rule is run any more */
};

static void walk(struct run *run, const struct crd_node *node, const struct self *self);

static const char *type_text(const struct crd_node *node)
{
    const char *type = json_text(node->text, "type");
    return type ? type : "";
}

/* ---- errors ---- */

/* The path of the value, or of what the rule says that its errors are about. Owned. */
static char *path_of(const struct run *run, const struct crd_rule *rule)
{
    const char *at = run->path.len ? run->path.data : NULL;
    if (rule && rule->path && *rule->path)
        return at ? xasprintf("%s.%s", at, rule->path) : xstrdup(rule->path);
    return xstrdup(at ? at : "<nil>");
}

static void fail_at(struct run *run, const struct crd_node *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void fail_at(struct run *run, const struct crd_node *node, const char *format, ...)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(free_ptr) char *path = path_of(run, NULL);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (run->err->cause_count < CAUSES_MAX)
        error_add_invalid(run->err, path, type_text(node), text.len ? text.data : "");
}

static const char *shown(const struct crd_rule *rule)
{
    return *rule->message ? rule->message : rule->source;
}

static void add_verdict(struct run *run, const struct crd_node *node, const struct crd_rule *rule,
                        const char *detail)
{
    CLEANUP(free_ptr) char *path = path_of(run, rule);
    const char *reason = json_text(rule->text, "reason");
    if (run->err->cause_count >= CAUSES_MAX)
        return;
    if (text_eq(reason, "FieldValueForbidden"))
        error_add_forbidden(run->err, path, detail);
    else if (text_eq(reason, "FieldValueRequired"))
        error_add_required(run->err, path, detail);
    else if (text_eq(reason, "FieldValueDuplicate"))
        error_add_cause(run->err, CAUSE_DUPLICATE, path, "Duplicate value: \"%s\"",
                        type_text(node));
    else
        error_add_invalid(run->err, path, type_text(node), detail);
}

/* Whether the value, or the nearest one around it that can be told, is as it was. */
static bool is_unchanged(const struct self *self)
{
    if (self->was)
        return json_equal(self->now, self->was);
    return self->outer && json_equal(self->outer->now, self->outer->was);
}

/* ---- one rule ---- */

static void pay(struct run *run, uint64_t cost)
{
    run->left -= cost < run->left ? cost : run->left;
}

static void say_failure(struct run *run, const struct crd_node *node, const struct crd_rule *rule,
                        const struct cel_result *result)
{
    if (result->outcome == CEL_OVER_COST) {
        fail_at(run, node,
                "'%s': no further validation rules will be run due to call cost exceeds limit for "
                "rule: %s",
                result->message, shown(rule));
        run->over = true;
    } else if (text_starts(result->message, "no such overload")) {
        fail_at(run, node,
                "'%s': call arguments did not match a supported operator, function or macro "
                "signature for rule: %s",
                result->message, shown(rule));
    } else {
        fail_at(run, node, "%s evaluating rule: %s", result->message, shown(rule));
    }
}

/* What the message expression makes of it; NULL when that is nothing to show. False when it cost
 * too much: said. */
static bool make_message(struct run *run, const struct crd_node *node, const struct crd_rule *rule,
                         struct cel_eval *eval, char **message)
{
    struct cel_result result;
    struct str text;
    *message = NULL;
    if (!rule->message_program)
        return true;
    cel_eval_run(eval, rule->message_program, &result);
    bool poor = result.cost > run->left;
    if (poor || result.outcome == CEL_OVER_COST) {
        fail_at(run, node, "%s",
                poor ? "messageExpression evaluation failed due to running out of cost budget, no "
                       "further validation rules "
                       "will be run"
                     : "no further validation rules will be run due to call cost exceeds limit for "
                       "messageExpression");
        run->over = true;
        return false;
    }
    pay(run, result.cost);
    if (result.outcome != CEL_DONE || !cel_value_text(&result.value, &text))
        return true;
    text = str_trim(text);
    if (text.len && text.len <= MESSAGE_MAX && !memchr(text.data, '\n', text.len))
        *message = str_dup(text);
    return true;
}

static void say_verdict(struct run *run, const struct crd_node *node, const struct crd_rule *rule,
                        const struct self *self, struct cel_eval *eval)
{
    CLEANUP(free_ptr) char *message = NULL;
    if (!rule->reads_old && is_unchanged(self))
        return; /* it was wrong before, and is let be */
    if (!make_message(run, node, rule, eval, &message))
        return;
    if (!message)
        message =
            *rule->message ? xstrdup(rule->message) : xasprintf("failed rule: %s", shown(rule));
    add_verdict(run, node, rule, message);
}

static void run_rule(struct run *run, const struct crd_node *node, const struct crd_rule *rule,
                     const struct self *self)
{
    struct cel_result result;
    if (rule->problem)
        fail_at(run, node, "rule compile error: %s", rule->problem);
    if (!rule->program || (rule->reads_old && !self->old && !rule->old_optional))
        return;
    struct cel_eval *eval = cel_eval_new(rule->env, &(struct cel_limits){0});
    cel_eval_set(eval, "self", self->now);
    if (rule->old_optional)
        cel_eval_set_optional(eval, "oldSelf", self->old);
    else if (self->old)
        cel_eval_set(eval, "oldSelf", self->old);
    cel_eval_run(eval, rule->program, &result);
    if (result.cost > run->left) {
        fail_at(run, node,
                "validation failed due to running out of cost budget, no further validation rules "
                "will be run");
        run->over = true;
    } else {
        pay(run, result.cost);
        if (result.outcome != CEL_DONE)
            say_failure(run, node, rule, &result);
        else if (result.value.kind != CEL_VALUE_BOOL || !result.value.boolean)
            say_verdict(run, node, rule, self, eval);
    }
    cel_eval_free(eval);
}

static void run_rules(struct run *run, const struct crd_node *node, const struct self *self)
{
    if (node->rule_count && !run->left) {
        fail_at(run, node,
                "validation failed due to running out of cost budget, no further validation rules "
                "will be run");
        run->over = true;
    }
    for (size_t i = 0; i < node->rule_count && !run->over; i++)
        run_rule(run, node, &node->rules[i], self);
}

/* ---- the whole object ---- */

static void walk_child(struct run *run, const struct crd_node *node, const struct self *self,
                       bool named, const char *key)
{
    size_t mark = named ? buf_enter(&run->path, "%s%s", run->path.len ? "." : "", key)
                        : buf_enter(&run->path, "[%s]", key);
    walk(run, node, self);
    buf_leave(&run->path, mark);
}

/* The item of a map list that has the same keys. */
static const json_t *same_item(const struct crd_node *list, const json_t *old, const json_t *item)
{
    for (size_t i = 0; i < json_array_size(old); i++) {
        const json_t *other = json_array_get(old, i);
        bool same = true;
        for (const char *const *key = list->map_keys; same && *key; key++) {
            const json_t *a = json_object_get(item, *key), *b = json_object_get(other, *key);
            same = a == b || (a && b && json_equal(a, b));
        }
        if (same)
            return other;
    }
    return NULL;
}

static void walk_items(struct run *run, const struct crd_node *node, const struct self *self,
                       const struct self *outer)
{
    bool told = node->list_type == LIST_MAP;
    for (size_t i = 0;
         node->items && node->items->has_rules && i < json_array_size(self->now) && !run->over;
         i++) {
        CLEANUP(free_ptr) char *index = xasprintf("%zu", i);
        const json_t *item = json_array_get(self->now, i);
        const struct self inner = {
            .now = item,
            .old = told ? same_item(node, self->old, item) : NULL,
            .was = told && self->was ? same_item(node, self->was, item) : NULL,
            .outer = outer,
        };
        walk_child(run, node->items, &inner, false, index);
    }
}

static void walk_members(struct run *run, const struct crd_node *node, const struct self *self,
                         const struct self *outer)
{
    const char *key;
    json_t *value;
    json_object_foreach (self->now, key, value) {
        const struct crd_node *child = crd_property(node, key);
        bool named = child != NULL,
             head = !self->outer && (strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0);
        child = named ? child : node->additional;
        if (run->over)
            return;
        if (!child || !child->has_rules)
            continue;
        const struct self inner = {
            .now = value,
            .old = json_object_get(self->old, key),
            .was = head ? NULL : json_object_get(self->was, key),
            .outer = head ? NULL : outer,
        };
        walk_child(run, child, &inner, named, key);
    }
}

static void walk(struct run *run, const struct crd_node *node, const struct self *self)
{
    if (json_is_null(self->now) || !node->has_rules || run->over)
        return;
    run_rules(run, node, self);
    for (size_t i = 0; i < node->all_of.count && !run->over; i++) {
        const struct self part = {.now = self->now, .old = self->old, .outer = self->outer};
        run_rules(run, node->all_of.items[i], &part);
    }
    const struct self *outer = self->was ? self : self->outer;
    if (json_is_array(self->now))
        walk_items(run, node, self, outer);
    else if (json_is_object(self->now))
        walk_members(run, node, self, outer);
}

void crd_rules_run(const struct crd_node *root, const json_t *object, const json_t *old,
                   struct error *err)
{
    struct run run = {.err = err, .path = BUF_TEXT, .left = CRD_RUN_BUDGET};
    const struct self self = {.now = object, .old = old, .was = old};
    walk(&run, root, &self);
    buf_free(&run.path);
}

void crd_rules_run_value(const struct crd_node *node, const json_t *value, const char *path,
                         struct error *err)
{
    struct run run = {.err = err, .path = BUF_TEXT, .left = CRD_RUN_BUDGET};
    const struct self self = {.now = value};
    buf_add_text(&run.path, path);
    walk(&run, node, &self);
    buf_free(&run.path);
}
