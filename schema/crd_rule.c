/* x-kubernetes-validations when a definition is written: what a rule must be, and what it may cost.
 */
#include "schema/crd_rule.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "schema/go_text.h"

#define MEMBER        "x-kubernetes-validations"
#define REQUEST_MAX   ((uint64_t)3 * 1024 * 1024)
#define MESSAGE_MAX   2048
#define EXPENSIVE_MAX 4
#define UNBOUNDED     UINT64_MAX

struct compile {
    struct crd_memory *memory;
    struct error *err;
    struct buf path;
    size_t rule_count;
    uint64_t total; /* estimated costs so far */
    struct expensive {
        char *path; /* owned */
        uint64_t cost;
    } expensive[EXPENSIVE_MAX + 1]; /* the dearest first */
    size_t expensive_count;
};

/* What holds where a node stands. */
struct place {
    uint64_t times; /* that a value of it can stand in one object; UNBOUNDED: nobody knows */
    const char *uncorrelated; /* the list whose items have no old selves; NULL: there is none */
};

/* ---- paths ---- */

static const char *here(const struct compile *compile)
{
    return compile->path.len ? compile->path.data : "";
}

/* Owned: "PATH.x-kubernetes-validations[AT].NAME". */
static char *rule_path(const struct compile *compile, size_t at, const char *name)
{
    return xasprintf("%s." MEMBER "[%zu].%s", here(compile), at, name);
}

static void forbid(struct compile *compile, size_t at, const char *name, const char *detail)
{
    CLEANUP(free_ptr) char *path = rule_path(compile, at, name);
    error_add_forbidden(compile->err, path, detail);
}

static void require(struct compile *compile, size_t at, const char *name, const char *detail)
{
    CLEANUP(free_ptr) char *path = rule_path(compile, at, name);
    error_add_required(compile->err, path, detail);
}

static void refuse(struct compile *compile, size_t at, const char *name, const char *value,
                   const char *detail)
{
    CLEANUP(free_ptr) char *path = rule_path(compile, at, name);
    error_add_invalid(compile->err, path, value, detail);
}

/* The rule as Go prints the struct that holds it. */
static void refuse_rule(struct compile *compile, size_t at, const char *name, const json_t *text,
                        const char *detail)
{
    static const char *const members[] = {
        "Rule", "rule", "Message", "message", "MessageExpression", "messageExpression"};
    CLEANUP(free_ptr) char *path = rule_path(compile, at, name);
    CLEANUP(buf_free) struct buf shown = BUF_TEXT;
    buf_add_text(&shown, "apiextensions.ValidationRule{");
    for (size_t i = 0; i < ARRAY_LEN(members); i += 2) {
        const char *value = json_text(text, members[i + 1]);
        buf_printf(&shown, "%s%s:", i ? ", " : "", members[i]);
        go_quote(&shown, str_of(value ? value : ""));
    }
    buf_add_text(&shown, ", Reason:(*apiextensions.FieldValueErrorReason)(nil), FieldPath:");
    go_quote(&shown, str_of(json_text(text, "fieldPath") ? json_text(text, "fieldPath") : ""));
    buf_add_text(&shown, ", OptionalOldSelf:(*bool)(nil)}");
    error_add_cause(compile->err, CAUSE_INVALID, path, "Invalid value: %s: %s", shown.data, detail);
}

/* ---- costs ---- */

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* Owned. */
static char *over_budget(const char *what, uint64_t cost, uint64_t limit)
{
    double factor = (double)cost / (double)limit;
    CLEANUP(free_ptr)
    char *shown = factor > 100   ? xstrdup("more than 100x")
                  : factor < 1.5 ? xasprintf("%fx", factor)
                                 : xasprintf("%.1fx", factor);
    return xasprintf("%s exceeds budget by factor of %s (try simplifying the rule, or adding "
                     "maxItems, maxProperties, and "
                     "maxLength where arrays, maps, and strings are declared)",
                     what, shown);
}

static void observe(struct compile *compile, size_t at, const char *name, uint64_t cost)
{
    if (__builtin_add_overflow(compile->total, cost, &compile->total))
        compile->total = UINT64_MAX;
    if (cost < CRD_SCHEMA_COST_MAX / 100)
        return;
    size_t place = compile->expensive_count;
    while (place && compile->expensive[place - 1].cost < cost)
        place--;
    memmove(&compile->expensive[place + 1], &compile->expensive[place],
            (compile->expensive_count - place) * sizeof(*compile->expensive));
    compile->expensive[place] = (struct expensive){rule_path(compile, at, name), cost};
    if (++compile->expensive_count > EXPENSIVE_MAX)
        free(compile->expensive[--compile->expensive_count].path);
}

static void price(struct compile *compile, size_t at, const char *name, const char *what,
                  uint64_t cost)
{
    if (cost > CRD_RULE_COST_MAX) {
        CLEANUP(free_ptr) char *text = over_budget(what, cost, CRD_RULE_COST_MAX);
        forbid(compile, at, name, text);
    }
    observe(compile, at, name, cost);
}

static void price_all(struct compile *compile)
{
    for (size_t i = 0; i < compile->expensive_count; i++) {
        if (compile->total > CRD_SCHEMA_COST_MAX)
            error_add_forbidden(compile->err, compile->expensive[i].path,
                                "contributed to estimated rule cost total "
                                "exceeding cost limit for "
                                "entire OpenAPIv3 schema");
        free(compile->expensive[i].path);
    }
    if (compile->total <= CRD_SCHEMA_COST_MAX)
        return;
    CLEANUP(free_ptr)
    char *text = over_budget(MEMBER " estimated rule cost total for entire OpenAPIv3 schema",
                             compile->total, CRD_SCHEMA_COST_MAX);
    error_add_forbidden(compile->err, here(compile), text);
}

/* How often a value inside this one can stand, of which there can be `times`. */
static uint64_t times_inside(const struct crd_node *node, uint64_t times)
{
    int64_t most = 1;
    if (node->kind == CRD_ARRAY)
        most = node->max_items;
    else if (node->kind == CRD_OBJECT && node->additional)
        most = node->max_properties;
    return most < 0 || times == UNBOUNDED ? UNBOUNDED : multiply(times, (uint64_t)most);
}

/* ---- what a rule says beside its expression ---- */

static bool has_line_break(struct str text)
{
    return text.len && (memchr(text.data, '\n', text.len) || memchr(text.data, '\r', text.len));
}

static struct str trimmed(const json_t *text, const char *member)
{
    const char *value = json_text(text, member);
    return str_trim(str_of(value ? value : ""));
}

static void check_message(struct compile *compile, size_t at, const json_t *text)
{
    const char *message = json_text(text, "message");
    struct str rule = trimmed(text, "rule"), trim = trimmed(text, "message");
    bool given = message && *message;
    if (!rule.len) {
        require(compile, at, "rule", "rule is not specified");
    } else if (given && !trim.len) {
        refuse(compile, at, "message", message, "message must be non-empty if specified");
    } else if (given && strlen(message) > MESSAGE_MAX) {
        CLEANUP(free_ptr) char *head = xasprintf("%.10s...", message);
        refuse(compile, at, "message", head,
               "message must have a maximum length of 2048 characters");
    } else if (has_line_break(trim)) {
        refuse(compile, at, "message", message, "message must not contain line breaks");
    } else if (has_line_break(rule) && !trim.len) {
        require(compile, at, "message", "message must be specified if rule contains line breaks");
    }
    const char *expression = json_text(text, "messageExpression");
    if (expression && *expression && !trimmed(text, "messageExpression").len)
        require(compile, at, "messageExpression",
                "messageExpression must be non-empty if specified");
}

static const struct reason_row {
    const char *reason;
    enum cause_kind kind;
} reasons[] = {
    {"FieldValueDuplicate", CAUSE_DUPLICATE},
    {"FieldValueForbidden", CAUSE_FORBIDDEN},
    {"FieldValueInvalid", CAUSE_INVALID},
    {"FieldValueRequired", CAUSE_REQUIRED},
};

static void check_reason(struct compile *compile, size_t at, const json_t *text)
{
    const char *reason = json_text(text, "reason");
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (!reason || strcmp(reason, reasons[i].reason) == 0)
            return;
    CLEANUP(free_ptr) char *path = rule_path(compile, at, "reason");
    error_add_cause(compile->err, CAUSE_NOT_SUPPORTED, path,
                    "Unsupported value: \"%s\": supported values: \"FieldValueDuplicate\", "
                    "\"FieldValueForbidden\", "
                    "\"FieldValueInvalid\", \"FieldValueRequired\"",
                    reason);
}

/* ---- field paths: .a['b'].c ---- */

struct path_state {
    struct compile *compile;
    const struct crd_node *node;
    struct buf out;
    char why[128];
};

static bool step_into(struct path_state *state, struct str name)
{
    CLEANUP(free_ptr) char *key = str_dup(name);
    bool named = state->node->property_count > 0;
    if (!named && !state->node->additional) {
        snprintf(state->why, sizeof(state->why), "does not refer to a valid field");
        return false;
    }
    if (named)
        buf_printf(&state->out, "%s%s", state->out.len ? "." : "", key);
    else
        buf_printf(&state->out, "[%s]", key);
    state->node = named ? crd_property(state->node, key) : state->node->additional;
    if (!state->node)
        snprintf(state->why, sizeof(state->why), "does not refer to a valid field");
    return state->node != NULL;
}

/* ['NAME'], with its escapes; `*rest` moves behind it. */
static bool read_bracket(struct path_state *state, struct str *rest)
{
    CLEANUP(buf_free) struct buf name = BUF_TEXT;
    size_t at = 2;
    if (rest->len < 3 || rest->data[1] != '\'') {
        snprintf(state->why, sizeof(state->why), "expected single quoted string but got %.20s",
                 rest->len > 1 ? "something else" : "");
        return false;
    }
    for (; at < rest->len && rest->data[at] != '\''; at++) {
        at += rest->data[at] == '\\' && at + 1 < rest->len;
        buf_add_char(&name, rest->data[at]);
    }
    if (at + 1 >= rest->len || rest->data[at + 1] != ']') {
        snprintf(state->why, sizeof(state->why), "unexpected end of JSON path");
        return false;
    }
    *rest = (struct str){rest->data + at + 2, rest->len - at - 2};
    return step_into(state, buf_str(&name));
}

static bool read_path(struct path_state *state, struct str rest)
{
    while (rest.len) {
        if (rest.data[0] == '[') {
            if (!read_bracket(state, &rest))
                return false;
            continue;
        }
        size_t end = 1;
        while (end < rest.len && rest.data[end] != '.' && rest.data[end] != '[' &&
               rest.data[end] != ']')
            end++;
        if (rest.data[0] != '.')
            snprintf(state->why, sizeof(state->why), "expected [ or . but got: %.*s",
                     (int)(end > 64 ? 64 : end), rest.data);
        else if (end == 1)
            snprintf(state->why, sizeof(state->why), "unexpected end of JSON path");
        if (state->why[0] || !step_into(state, (struct str){rest.data + 1, end - 1}))
            return false;
        rest = (struct str){rest.data + end, rest.len - end};
    }
    return true;
}

/* The path as errors write it; NULL when there is none, or when it is wrong. */
static const char *check_path(struct compile *compile, size_t at, const struct crd_node *node,
                              const json_t *text)
{
    const char *given = json_text(text, "fieldPath"), *kept = NULL;
    struct path_state state = {.compile = compile, .node = node, .out = BUF_TEXT};
    struct str trim = trimmed(text, "fieldPath");
    if (!given || !*given)
        return NULL;
    if (!trim.len)
        refuse(compile, at, "fieldPath", given, "fieldPath must be non-empty if specified");
    if (has_line_break(trim))
        refuse(compile, at, "fieldPath", given, "fieldPath must not contain line breaks");
    if (read_path(&state, trim)) {
        kept = crd_text(compile->memory, "%s", state.out.len ? state.out.data : "");
    } else {
        CLEANUP(free_ptr) char *why = xasprintf("fieldPath must be a valid path: %s", state.why);
        refuse(compile, at, "fieldPath", given, why);
    }
    buf_free(&state.out);
    return kept;
}

/* ---- expressions ---- */

static void release_rule(void *data)
{
    struct crd_rule *rule = data;
    cel_program_unref(rule->program);
    cel_program_unref(rule->message_program);
    cel_env_unref(rule->env);
}

static struct cel_env *env_of(struct compile *compile, const struct crd_node *node,
                              bool old_optional)
{
    struct cel_env *env = cel_env_new();
    const struct cel_type *old = node->declared;
    if (old_optional) {
        struct cel_type *optional = crd_alloc(compile->memory, 1, sizeof(*optional));
        *optional = (struct cel_type){.kind = CEL_OPTIONAL, .params = {node->declared}};
        old = optional;
    }
    cel_env_declare(env, "self", node->declared);
    cel_env_declare(env, "oldSelf", old);
    cel_env_seal(env);
    return env;
}

/* The program; NULL, and *why (the schema's), when it does not compile to a result of that kind. */
static const struct cel_program *compile_expression(struct compile *compile, struct cel_env *env,
                                                    struct str source, enum cel_kind wanted,
                                                    const char *head, const char **why)
{
    struct cel_problems problems = {0};
    const struct cel_program *program = cel_compile(env, source, NULL, &problems);
    if (!program) {
        CLEANUP(free_ptr) char *text = cel_problems_text(&problems, source);
        *why = crd_text(compile->memory, "%scompilation failed: %s", head, text);
    } else if (cel_program_type(program)->kind != wanted) {
        *why = wanted == CEL_BOOL ? "cel expression must evaluate to a bool"
                                  : "messageExpression must evaluate to a string";
        cel_program_unref(program);
        program = NULL;
    }
    cel_problems_clear(&problems);
    return program;
}

static void compile_message(struct compile *compile, size_t at, struct crd_rule *rule)
{
    struct str source = trimmed(rule->text, "messageExpression");
    const char *why = NULL;
    if (!source.len || !rule->program)
        return;
    rule->message_program =
        compile_expression(compile, rule->env, str_of(json_text(rule->text, "messageExpression")),
                           CEL_STRING, "messageExpression ", &why);
    if (why)
        refuse_rule(compile, at, "messageExpression", rule->text, why);
    else
        price(compile, at, "messageExpression", "estimated messageExpression cost",
              cel_program_cost(rule->message_program).max);
}

static void check_old(struct compile *compile, size_t at, const struct crd_rule *rule,
                      const struct place *place)
{
    CLEANUP(free_ptr) char *path = rule_path(compile, at, "optionalOldSelf");
    if (rule->reads_old && place->uncorrelated) {
        CLEANUP(free_ptr)
        char *detail = xasprintf(
            "oldSelf cannot be used on the uncorrelatable portion of the schema within %s",
            place->uncorrelated);
        refuse(compile, at, "rule", json_text(rule->text, "rule"), detail);
    } else if (!rule->reads_old &&
               json_is_boolean(json_object_get(rule->text, "optionalOldSelf"))) {
        error_add_cause(compile->err, CAUSE_INVALID, path,
                        "Invalid value: %s: may not be set if oldSelf is not used in rule",
                        rule->old_optional ? "true" : "false");
    }
}

static void compile_rule(struct compile *compile, const struct crd_node *node,
                         const struct place *place, size_t at, struct crd_rule *rule)
{
    uint64_t times =
        place->times == UNBOUNDED ? REQUEST_MAX / (uint64_t)(node->least_size + 1) : place->times;
    const char *source = json_text(rule->text, "rule");
    rule->env = env_of(compile, node, rule->old_optional);
    crd_on_free(compile->memory, release_rule, rule);
    rule->program =
        compile_expression(compile, rule->env, str_of(source), CEL_BOOL, "", &rule->problem);
    if (!rule->program) {
        refuse_rule(compile, at, "rule", rule->text, rule->problem);
        return;
    }
    rule->reads_old = cel_program_reads(rule->program, "oldSelf");
    price(compile, at, "rule", "estimated rule cost",
          multiply(cel_program_cost(rule->program).max, times));
    compile_message(compile, at, rule);
    check_old(compile, at, rule, place);
}

static void read_rule(struct compile *compile, const struct crd_node *node, size_t at,
                      struct crd_rule *rule)
{
    struct str source = trimmed(rule->text, "rule"), message = trimmed(rule->text, "message");
    check_message(compile, at, rule->text);
    check_reason(compile, at, rule->text);
    rule->path = check_path(compile, at, node, rule->text);
    rule->source = crd_text(compile->memory, STR_FMT, STR_ARG(source));
    rule->message = crd_text(compile->memory, STR_FMT, STR_ARG(message));
    rule->old_optional = json_is_true(json_object_get(rule->text, "optionalOldSelf"));
}

static void compile_rules(struct compile *compile, struct crd_node *node, const struct place *place)
{
    const json_t *list = json_object_get(node->text, MEMBER);
    size_t count = json_array_size(list), before = compile->err->cause_count;
    if (!count)
        return;
    compile->rule_count += count;
    if (compile->rule_count > CRD_RULES_MAX) {
        error_add_forbidden(compile->err, here(compile), "the schema has too many rules");
        return;
    }
    node->rules = crd_alloc(compile->memory, count, sizeof(*node->rules));
    node->rule_count = count;
    for (size_t i = 0; i < count; i++) {
        node->rules[i].text = json_array_get(list, i);
        read_rule(compile, node, i, &node->rules[i]);
    }
    if (compile->err->cause_count > before)
        return;
    if (!node->declared) {
        CLEANUP(free_ptr) char *path = xasprintf("%s." MEMBER, here(compile));
        error_add_cause(
            compile->err, CAUSE_INTERNAL, path,
            "Internal error: internal error: failed to retrieve type information for " MEMBER);
        return;
    }
    for (size_t i = 0; i < count; i++)
        compile_rule(compile, node, place, i, &node->rules[i]);
}

/* ---- the whole schema ---- */

static bool walk(struct compile *compile, struct crd_node *node, const struct place *place);

static bool walk_child(struct compile *compile, struct crd_node *node, const struct place *place,
                       const char *member, const char *key)
{
    size_t mark = key ? buf_enter(&compile->path, ".%s[%s]", member, key)
                      : buf_enter(&compile->path, ".%s", member);
    bool found = walk(compile, node, place);
    buf_leave(&compile->path, mark);
    return found;
}

static void forbid_nested(struct compile *compile, const struct crd_node *node);

static void forbid_in(struct compile *compile, const struct crd_nodes *nodes, const char *member)
{
    for (size_t i = 0; i < nodes->count; i++) {
        size_t mark = buf_enter(&compile->path, ".%s[%zu]", member, i);
        forbid_nested(compile, nodes->items[i]);
        buf_leave(&compile->path, mark);
    }
}

static void forbid_in_one(struct compile *compile, const struct crd_node *node, const char *member)
{
    size_t mark = buf_enter(&compile->path, ".%s", member);
    if (node)
        forbid_nested(compile, node);
    buf_leave(&compile->path, mark);
}

/* What only narrows a value down has no rules: nothing below a node's allOf and its like. */
static void forbid_junctors(struct compile *compile, const struct crd_node *node)
{
    forbid_in(compile, &node->all_of, "allOf");
    forbid_in(compile, &node->any_of, "anyOf");
    forbid_in(compile, &node->one_of, "oneOf");
    forbid_in_one(compile, node->not, "not");
}

static void forbid_nested(struct compile *compile, const struct crd_node *node)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s." MEMBER, here(compile));
    if (json_array_size(json_object_get(node->text, MEMBER)))
        error_add_forbidden(compile->err, path, "must be empty to be structural");
    for (size_t i = 0; i < node->property_count; i++) {
        size_t mark = buf_enter(&compile->path, ".properties[%s]", node->properties[i].name);
        forbid_nested(compile, node->properties[i].node);
        buf_leave(&compile->path, mark);
    }
    forbid_in_one(compile, node->items, "items");
    forbid_in_one(compile, node->additional, "additionalProperties");
    forbid_junctors(compile, node);
}

/* What a default is must hold to the rules like any other value. */
static void check_default(struct compile *compile, const struct crd_node *node)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s.default", here(compile));
    json_auto_t *value = json_deep_copy(node->default_value);
    crd_default(node, value);
    crd_rules_run_value(node, value, path, compile->err);
}

static bool walk(struct compile *compile, struct crd_node *node, const struct place *place)
{
    size_t before = compile->err->cause_count;
    bool found = false;
    struct place inner = {times_inside(node, place->times), place->uncorrelated};
    if (node->additional)
        found |= walk_child(compile, node->additional, &inner, "additionalProperties", NULL);
    for (size_t i = 0; i < node->property_count; i++)
        found |= walk_child(compile, node->properties[i].node, &inner, "properties",
                            node->properties[i].name);
    if (node->items) {
        if (node->list_type != LIST_MAP && !inner.uncorrelated)
            inner.uncorrelated = crd_text(compile->memory, "%s", here(compile));
        found |= walk_child(compile, node->items, &inner, "items", NULL);
    }
    forbid_junctors(compile, node);
    compile_rules(compile, node, place);
    node->has_rules = found || node->rule_count;
    if (node->has_rules && node->default_value && compile->err->cause_count == before)
        check_default(compile, node);
    return node->has_rules;
}

void crd_rules_compile(struct crd_memory *memory, const struct crd_node *root, const char *path,
                       struct error *err)
{
    struct compile compile = {.memory = memory, .err = err, .path = BUF_TEXT};
    struct crd_node *own =
        (struct crd_node *)(uintptr_t)root; /* not shared yet: it is being made */
    const struct place place = {.times = 1};
    buf_add_text(&compile.path, path);
    (void)crd_declare(memory, own, "selfType", true); /* kept in the nodes */
    own->served = crd_declare_served(memory, own);
    (void)walk(&compile, own, &place); /* kept in the nodes */
    price_all(&compile);
    buf_free(&compile.path);
}

bool crd_has_rules(const struct crd_node *node)
{
    return node->has_rules;
}
