/* x-kubernetes-validations when an object is written. */
#include <string.h>

#include "base/json.h"
#include "schema/crd_old.h"
#include "schema/crd_rule.h"
#include "schema/go_text.h"

#define MESSAGE_MAX 5120
#define CAUSES_MAX  100

/* A value, and what it was before where that can be told. */
struct self {
    const struct crd_node *node; /* what it is of */
    const json_t *now, *old;     /* old: what `oldSelf` is; NULL: there is none */
    struct self *outer;          /* the nearest one around it that lets old faults pass; NULL */
    bool lets_pass;              /* what was wrong with it before, while it is as it was */
    bool is_compared, is_same;
};

struct run {
    struct error *err;
    struct warnings *warnings; /* of what is let pass; NULL */
    struct buf path;
    uint64_t left; /* of the budget */
    bool over;     /* no rule is run any more */
};

static void walk(struct run *run, struct self *self);

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

static void warn(const struct run *run, const struct error *let_be)
{
    for (size_t i = 0; run->warnings && i < let_be->cause_count; i++) {
        CLEANUP(free_ptr)
        char *text = xasprintf("%s: %s", let_be->causes[i].field, let_be->causes[i].message);
        const struct warnings one = {.items = &text, .count = 1};
        warnings_merge(run->warnings, &one); /* once */
    }
}

/* The nearest value, itself or around it, whose old faults pass while it is as it was; NULL. */
static struct self *lenient(struct self *self)
{
    return self->lets_pass && self->old ? self : self->outer;
}

static bool is_unchanged(struct self *self)
{
    struct self *judge = lenient(self);
    if (judge && !judge->is_compared) {
        judge->is_same = crd_is_same(judge->node, judge->now, judge->old);
        judge->is_compared = true;
    }
    return judge && judge->is_same;
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
        CLEANUP(buf_free) struct buf quoted = BUF_TEXT;
        const char *source = json_text(rule->text, "messageExpression");
        go_quote(&quoted, str_of(source ? source : ""));
        if (poor)
            fail_at(run, node,
                    "messageExpression evaluation failed due to running out of cost budget, no "
                    "further validation rules will be run");
        else
            fail_at(run, node,
                    "no further validation rules will be run due to call cost exceeds limit for "
                    "messageExpression: %s",
                    quoted.data);
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

/* What was wrong before, and is let be, is told as a warning. */
static void say_verdict(struct run *run, const struct crd_rule *rule, struct self *self,
                        struct cel_eval *eval)
{
    CLEANUP(free_ptr) char *message = NULL;
    CLEANUP(error_clear) struct error let_be = {0};
    bool passes = !rule->reads_old && is_unchanged(self);
    struct error *err = run->err;
    run->err = passes ? &let_be : err;
    if (make_message(run, self->node, rule, eval, &message)) {
        if (!message)
            message =
                *rule->message ? xstrdup(rule->message) : xasprintf("failed rule: %s", shown(rule));
        add_verdict(run, self->node, rule, message);
    }
    run->err = err;
    warn(run, &let_be);
}

static void run_rule(struct run *run, const struct crd_rule *rule, struct self *self)
{
    const struct crd_node *node = self->node;
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
            say_verdict(run, rule, self, eval);
    }
    cel_eval_free(eval);
}

static void run_rules(struct run *run, struct self *self)
{
    const struct crd_node *node = self->node;
    if (node->rule_count && !run->left) {
        fail_at(run, node,
                "validation failed due to running out of cost budget, no further validation rules "
                "will be run");
        run->over = true;
    }
    for (size_t i = 0; i < node->rule_count && !run->over; i++)
        run_rule(run, &node->rules[i], self);
}

/* ---- the whole object ---- */

static void walk_child(struct run *run, struct self *self, bool named, const char *key)
{
    size_t mark = named ? buf_enter(&run->path, "%s%s", run->path.len ? "." : "", key)
                        : buf_enter(&run->path, "[%s]", key);
    walk(run, self);
    buf_leave(&run->path, mark);
}

static const json_t *no_null(const json_t *value)
{
    return json_is_null(value) ? NULL : value;
}

static void walk_items(struct run *run, const struct self *self, struct self *outer)
{
    CLEANUP(strmap_clear) struct strmap before = {0};
    const struct crd_node *items = self->node->items;
    if (!items || !items->has_rules)
        return;
    crd_old_index(self->node, self->old, &before);
    for (size_t i = 0; i < json_array_size(self->now) && !run->over; i++) {
        CLEANUP(free_ptr) char *index = xasprintf("%zu", i);
        json_t *item = json_array_get(self->now, i);
        struct self inner = {
            .node = items,
            .now = item,
            .old = no_null(crd_old_item(&before, self->node, item)),
            .outer = outer,
            .lets_pass = self->lets_pass,
        };
        walk_child(run, &inner, false, index);
    }
}

static void walk_members(struct run *run, const struct self *self, struct self *outer)
{
    const char *key;
    json_t *value;
    json_object_foreach (self->now, key, value) {
        const struct crd_node *child = crd_property(self->node, key);
        bool named = child != NULL,
             head = !self->outer && (strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0);
        child = named ? child : self->node->additional;
        if (run->over)
            return;
        if (!child || !child->has_rules)
            continue;
        struct self inner = {
            .node = child,
            .now = value,
            .old = no_null(json_object_get(self->old, key)),
            .outer = head ? NULL : outer,
            .lets_pass = self->lets_pass && !head,
        };
        walk_child(run, &inner, named, key);
    }
}

static void walk(struct run *run, struct self *self)
{
    if (json_is_null(self->now) || !self->node->has_rules || run->over)
        return;
    run_rules(run, self);
    struct self *outer = lenient(self);
    if (json_is_array(self->now))
        walk_items(run, self, outer);
    else if (json_is_object(self->now))
        walk_members(run, self, outer);
}

void crd_rules_run(const struct crd_node *root, const json_t *object, const json_t *old,
                   struct warnings *warnings, struct error *err)
{
    struct run run = {.err = err, .warnings = warnings, .path = BUF_TEXT, .left = CRD_RUN_BUDGET};
    struct self self = {.node = root, .now = object, .old = old, .lets_pass = true};
    walk(&run, &self);
    buf_free(&run.path);
}

void crd_rules_run_value(const struct crd_node *node, const json_t *value, const char *path,
                         struct error *err)
{
    struct run run = {.err = err, .path = BUF_TEXT, .left = CRD_RUN_BUDGET};
    struct self self = {.node = node, .now = value};
    buf_add_text(&run.path, path);
    walk(&run, &self);
    buf_free(&run.path);
}
