/* Evaluation: a walk over the tree. Its depth is bounded by the parser's, its work and memory by
 * the limits. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cel/env.h"
#include "cel/function.h"

#define MEMORY_MAX ((size_t)64 << 20)
#define LEVELS_MAX 600 /* of the tree, composed fields included: what the C stack is good for */

enum memo { MEMO_UNREAD, MEMO_RUNNING, MEMO_DONE };

struct slot {
    bool set, optional;
    const json_t *json;
    struct cel_value made; /* when it is no JSON */
};

struct cel_eval {
    struct cel_env *env;
    struct arena arena;
    struct slot *slots; /* of the environment's variables */
    struct cel_value *locals;
    struct cel_value *composed; /* of the environment's composed fields */
    uint8_t *memo;              /* enum memo, beside them */
    uint64_t cost, cost_max;    /* of this run */
    uint64_t left;              /* of the budget */
    uint64_t work;
    unsigned levels;
    bool stopped;
    enum cel_outcome outcome; /* why it was stopped */
    const char *why;
    const struct cel_authz *authz;
    const struct cel_authz_request *request_resource;
};

static struct cel_value run(struct cel_eval *eval, const struct cel_node *node);

/* ---- limits ---- */

static void stop(struct cel_eval *eval, enum cel_outcome outcome, const char *why)
{
    if (eval->stopped)
        return;
    eval->stopped = true;
    eval->outcome = outcome;
    eval->why = why;
}

void *cel_eval_alloc(struct cel_eval *eval, size_t count, size_t size)
{
    void *block = arena_alloc(&eval->arena, count, size);
    if (!block)
        stop(eval, CEL_FAILED, "operation cancelled: the expression uses too much memory");
    return block;
}

bool cel_eval_work(struct cel_eval *eval, uint64_t work)
{
    if (work > CEL_WORK_MAX || eval->work > CEL_WORK_MAX - work)
        stop(eval, CEL_OVER_COST, "operation cancelled: actual cost limit exceeded");
    else
        eval->work += work;
    return !eval->stopped;
}

static bool charge(struct cel_eval *eval, uint64_t cost)
{
    if (__builtin_add_overflow(eval->cost, cost, &eval->cost) || eval->cost > eval->cost_max)
        stop(eval, CEL_OVER_COST, "operation cancelled: actual cost limit exceeded");
    return cel_eval_work(eval, 1);
}

bool cel_is_stopped(const struct cel_eval *eval)
{
    return eval->stopped;
}

struct cel_value cel_stopped(const struct cel_eval *eval)
{
    return (struct cel_value){.kind = CEL_VALUE_ERROR, .text = str_of(eval->why ? eval->why : "")};
}

struct cel_value cel_fail(struct cel_eval *eval, const char *format, ...)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(65536);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    struct cel_value value = cel_copy_text(eval, buf_ok(&text) ? buf_str(&text) : STR("error"));
    value.kind = CEL_VALUE_ERROR;
    return value;
}

const struct cel_authz *cel_eval_authz(const struct cel_eval *eval)
{
    return eval->authz;
}

/* ---- names ---- */

static struct cel_value read_slot(struct cel_eval *eval, const struct cel_node *node)
{
    const struct slot *slot = &eval->slots[node->slot];
    const struct cel_type *type = eval->env->variables[node->slot].type;
    if (node->slot == eval->env->composed_slot)
        return (struct cel_value){.kind = CEL_VALUE_COMPOSED};
    if (!slot->set)
        return cel_fail(eval, "no such attribute(s): %s", eval->env->variables[node->slot].name);
    if (slot->made.kind != CEL_VALUE_NULL)
        return slot->made;
    if (!slot->optional)
        return cel_of_json(eval, slot->json, type);
    if (!slot->json)
        return cel_optional_none();
    return cel_optional_of(
        eval,
        cel_of_json(eval, slot->json, type->kind == CEL_OPTIONAL ? type->params[0] : &cel_dyn));
}

static struct cel_value run_name(struct cel_eval *eval, const struct cel_node *node)
{
    if (!charge(eval, 1))
        return cel_stopped(eval);
    if (node->place == CEL_PLACE_LOCAL)
        return eval->locals[node->slot];
    if (node->place == CEL_PLACE_TYPE)
        return node->constant;
    return read_slot(eval, node);
}

/* ---- composed fields ---- */

static struct cel_value run_field(struct cel_eval *eval, const struct cel_program *program,
                                  const char *name)
{
    struct cel_value *outer = eval->locals;
    uint64_t cost = eval->cost;
    eval->locals = cel_eval_alloc(eval, program->local_max + 1, sizeof(*eval->locals));
    eval->cost = 0;
    struct cel_value value = eval->locals ? run(eval, program->root) : cel_stopped(eval);
    eval->left = eval->cost < eval->left ? eval->left - eval->cost : 0;
    eval->cost = cost;
    eval->locals = outer;
    bool over = eval->stopped && eval->outcome == CEL_OVER_COST;
    if (over) /* the field's own limit, not that of the expression which reads it */
        eval->stopped = false;
    if (cel_is_error(&value))
        value = cel_fail(eval, "composited variable \"%s\" fails to evaluate: " STR_FMT, name,
                         STR_ARG(value.text));
    return value;
}

static struct cel_value read_composed(struct cel_eval *eval, struct str name)
{
    size_t at = 0;
    while (at < eval->env->field_count && !str_is(name, eval->env->fields[at].name))
        at++;
    if (at == eval->env->field_count)
        return cel_fail(eval, "no such key: " STR_FMT, STR_ARG(name));
    const struct cel_composed_field *field = &eval->env->fields[at];
    if (!field->program)
        return cel_fail(eval, "composited variable \"%s\" fails to compile", field->name);
    if (eval->memo[at] == MEMO_RUNNING)
        return cel_fail(eval, "composited variable \"%s\" fails to evaluate: it reads itself",
                        field->name);
    if (eval->memo[at] == MEMO_UNREAD) {
        eval->memo[at] = MEMO_RUNNING;
        eval->composed[at] = run_field(eval, field->program, field->name);
        eval->memo[at] = MEMO_DONE;
    }
    return eval->composed[at];
}

/* ---- selection ---- */

static bool is_attribute(const struct cel_node *node)
{
    return node->kind == CEL_NODE_IDENT || (node->kind == CEL_NODE_SELECT && !node->presence) ||
           (node->kind == CEL_NODE_CALL &&
            (node->call == CEL_CALL_INDEX || node->call == CEL_CALL_CONDITIONAL ||
             node->call == CEL_CALL_OPTIONAL_SELECT));
}

static struct cel_value missing(struct cel_eval *eval, struct str name)
{
    return cel_fail(eval, "no such key: " STR_FMT, STR_ARG(name));
}

/* The member, or an error; of an optional, an optional. */
static struct cel_value select_from(struct cel_eval *eval, struct cel_value operand,
                                    struct str name)
{
    struct cel_value out;
    if (operand.kind == CEL_VALUE_OPTIONAL) {
        if (!operand.inner ||
            !(cel_is_map(operand.inner) && cel_member(eval, operand.inner, name, &out)))
            return cel_optional_none();
        return cel_is_error(&out) ? out : cel_optional_of(eval, out);
    }
    if (operand.kind == CEL_VALUE_COMPOSED)
        return read_composed(eval, name);
    if (!cel_is_map(&operand))
        return operand.kind == CEL_VALUE_NULL || cel_is_list(&operand)
                   ? missing(eval, name)
                   : cel_fail(eval, "no such overload");
    return cel_member(eval, &operand, name, &out) ? out : missing(eval, name);
}

static struct cel_value has_member(struct cel_eval *eval, struct cel_value operand, struct str name)
{
    struct cel_value out;
    if (operand.kind == CEL_VALUE_OPTIONAL)
        return operand.inner ? has_member(eval, *operand.inner, name) : cel_of_bool(false);
    if (operand.kind == CEL_VALUE_COMPOSED)
        return cel_of_bool(true);
    return cel_of_bool(cel_is_map(&operand) && cel_member(eval, &operand, name, &out));
}

static struct cel_value run_select(struct cel_eval *eval, const struct cel_node *node)
{
    struct cel_value operand = run(eval, node->args[0]);
    if (cel_is_error(&operand))
        return operand;
    if (node->presence)
        return has_member(eval, operand, node->name);
    if (!charge(eval, is_attribute(node->args[0]) ? 1 : 2))
        return cel_stopped(eval);
    return select_from(eval, operand, node->name);
}

/* `a.?b`: nothing missing is an error. */
static struct cel_value run_optional_select(struct cel_eval *eval, const struct cel_node *node)
{
    struct cel_value operand = run(eval, node->args[0]), out;
    struct str name = node->args[1]->constant.text;
    if (cel_is_error(&operand))
        return operand;
    if (!charge(eval, 1))
        return cel_stopped(eval);
    if (operand.kind == CEL_VALUE_OPTIONAL)
        return select_from(eval, operand, name);
    if (operand.kind == CEL_VALUE_COMPOSED)
        out = read_composed(eval, name);
    else if (!cel_is_map(&operand) || !cel_member(eval, &operand, name, &out))
        return cel_optional_none();
    return cel_is_error(&out) ? out : cel_optional_of(eval, out);
}

/* ---- logic ---- */

/* && and ||: `decides` is the value that settles it, on either side of an error. */
static struct cel_value run_logic(struct cel_eval *eval, const struct cel_node *node, bool decides)
{
    struct cel_value left = run(eval, node->args[0]);
    if (eval->stopped || (left.kind == CEL_VALUE_BOOL && left.boolean == decides))
        return left;
    struct cel_value right = run(eval, node->args[1]);
    if (eval->stopped || (right.kind == CEL_VALUE_BOOL && right.boolean == decides))
        return right;
    if (cel_is_error(&left))
        return left;
    if (cel_is_error(&right))
        return right;
    if (left.kind != CEL_VALUE_BOOL || right.kind != CEL_VALUE_BOOL)
        return cel_fail(eval, "no such overload");
    return cel_of_bool(!decides);
}

static struct cel_value run_conditional(struct cel_eval *eval, const struct cel_node *node)
{
    struct cel_value condition = run(eval, node->args[0]);
    if (cel_is_error(&condition))
        return condition;
    if (condition.kind != CEL_VALUE_BOOL)
        return cel_fail(eval, "no such overload");
    return run(eval, node->args[condition.boolean ? 1 : 2]);
}

/* ---- calls ---- */

static const struct cel_overload *choose(const struct cel_node *node, const struct cel_value *args)
{
    size_t count;
    const struct cel_overload *overloads = cel_function_find(node->name, &count);
    for (size_t i = 0; i < count; i++) {
        bool fits = overloads[i].member == node->member && overloads[i].count == node->count;
        for (size_t j = 0; fits && j < node->count; j++)
            fits = cel_value_fits(&args[j], overloads[i].params[j]);
        if (fits)
            return &overloads[i];
    }
    return NULL;
}

/* Operators know their left operand's type; functions tell the types that they were given. */
static struct cel_value no_overload(struct cel_eval *eval, const struct cel_node *node,
                                    const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf types = BUF_INIT(4096);
    bool is_operator = node->name.data[0] == '_' || node->name.data[0] == '@' ||
                       node->name.data[0] == '!' || node->name.data[0] == '-';
    if (is_operator)
        return cel_fail(eval, "no such overload");
    for (size_t i = 0; i < node->count; i++)
        buf_printf(&types, "%s%s", i ? ", " : "", cel_type_name(cel_type_of(&args[i])));
    return cel_fail(eval, "no such overload: " STR_FMT "(%s)", STR_ARG(node->name),
                    types.len ? types.data : "");
}

static struct cel_value match_compiled(struct cel_eval *eval, const struct cel_node *node,
                                       const struct cel_value *args)
{
    size_t span[2];
    int found = args[0].kind != CEL_VALUE_STRING || !cel_eval_work(eval, args[0].text.len)
                    ? -2
                    : cel_regex_find(node->regex, args[0].text, 0, span);
    if (found == -2)
        return eval->stopped ? cel_stopped(eval) : no_overload(eval, node, args);
    return found < 0 ? cel_fail(eval, "the regular expression takes too long") : cel_of_bool(found);
}

static struct cel_value run_overload(struct cel_eval *eval, const struct cel_node *node,
                                     const struct cel_value *args)
{
    const struct cel_overload *overload = node->overload;
    bool fits = overload != NULL;
    for (size_t i = 0; fits && i < node->count; i++)
        fits = cel_value_fits(&args[i], overload->params[i]);
    if (!fits)
        overload = choose(node, args);
    if (!overload)
        return no_overload(eval, node, args);
    struct cel_value value =
        node->regex ? match_compiled(eval, node, args) : overload->run(eval, args);
    if (eval->stopped)
        return cel_stopped(eval);
    uint64_t cost = node->folded ? 0 : cel_cost_run(overload->cost, args, overload->count, &value);
    return charge(eval, cost) ? value : cel_stopped(eval);
}

/* An optional with a value needs no other. */
static bool is_settled(const struct cel_node *node, const struct cel_value *first)
{
    return (node->call == CEL_CALL_OPTIONAL_OR || node->call == CEL_CALL_OPTIONAL_OR_VALUE) &&
           first->kind == CEL_VALUE_OPTIONAL && first->inner;
}

static struct cel_value run_function(struct cel_eval *eval, const struct cel_node *node)
{
    struct cel_value args[CEL_PARAMS_MAX];
    if (node->count > CEL_PARAMS_MAX)
        return cel_fail(eval, "no such overload");
    for (size_t i = 0; i < node->count; i++) {
        args[i] = run(eval, node->args[i]);
        if (cel_is_error(&args[i]))
            return args[i];
        if (i == 0 && is_settled(node, &args[0])) /* the alternative is not evaluated */
            return !charge(eval, 1)                     ? cel_stopped(eval)
                   : node->call == CEL_CALL_OPTIONAL_OR ? args[0]
                                                        : *args[0].inner;
    }
    return run_overload(eval, node, args);
}

static struct cel_value run_call(struct cel_eval *eval, const struct cel_node *node)
{
    switch ((enum cel_call)node->call) {
    case CEL_CALL_AND:
        return run_logic(eval, node, false);
    case CEL_CALL_OR:
        return run_logic(eval, node, true);
    case CEL_CALL_CONDITIONAL:
        return run_conditional(eval, node);
    case CEL_CALL_OPTIONAL_SELECT:
        return run_optional_select(eval, node);
    default:
        return run_function(eval, node);
    }
}

/* ---- aggregates ---- */

static struct cel_value run_list(struct cel_eval *eval, const struct cel_node *node)
{
    struct cel_list *list = cel_list_new(eval, node->count);
    if (!list || !charge(eval, node->literal ? 0 : 10))
        return cel_stopped(eval);
    list->count = 0;
    for (size_t i = 0; i < node->count; i++) {
        struct cel_value item = run(eval, node->args[i]);
        if (cel_is_error(&item))
            return item;
        if (node->optional && node->optional[i]) {
            if (item.kind != CEL_VALUE_OPTIONAL)
                return cel_fail(eval,
                                "cannot initialize optional list element from non-optional value");
            if (!item.inner)
                continue;
            item = *item.inner;
        }
        list->items[list->count++] = item;
    }
    return cel_of_list(list);
}

static bool may_be_key(const struct cel_value *value)
{
    return value->kind == CEL_VALUE_BOOL || value->kind == CEL_VALUE_INT ||
           value->kind == CEL_VALUE_UINT || value->kind == CEL_VALUE_STRING;
}

static struct cel_value run_map(struct cel_eval *eval, const struct cel_node *node)
{
    struct cel_map *map = cel_eval_alloc(eval, 1, sizeof(*map));
    struct cel_value *values = cel_eval_alloc(eval, node->count + 1, sizeof(*values)), twice;
    if (!map || !values || !charge(eval, node->literal ? 0 : 30))
        return cel_stopped(eval);
    *map = (struct cel_map){.keys = values, .values = values + node->count / 2};
    for (size_t i = 0; i + 1 < node->count; i += 2) {
        struct cel_value key = run(eval, node->args[i]);
        struct cel_value value = cel_is_error(&key) ? key : run(eval, node->args[i + 1]);
        if (cel_is_error(&value))
            return value;
        if (node->optional && node->optional[i]) {
            if (value.kind != CEL_VALUE_OPTIONAL)
                return cel_fail(eval, "cannot initialize optional entry from non-optional value");
            if (!value.inner)
                continue;
            value = *value.inner;
        }
        if (!may_be_key(&key))
            return cel_fail(eval, "unsupported key type: %s", cel_type_name(cel_type_of(&key)));
        map->keys[map->count] = key;
        map->values[map->count++] = value;
    }
    if (!cel_map_index(eval, map, &twice)) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
        cel_value_write(&text, &twice);
        return cel_fail(eval, "Failed with repeated key %s", text.len ? text.data : "");
    }
    return (struct cel_value){.kind = CEL_VALUE_MAP, .map = map};
}

/* ---- comprehensions: what each round costs is that of the loops which the macros stand for ----
 */

struct fold {
    struct cel_eval *eval;
    const struct cel_node *node;
    struct cel_value range;
    size_t count;
};

/* Puts the item into its place; false when the evaluation is stopped or the item is an error. */
static bool next_item(struct fold *fold, size_t at, uint64_t cost)
{
    fold->eval->locals[fold->node->slot] = cel_item(fold->eval, &fold->range, at);
    return charge(fold->eval, cost);
}

/* all and exists: the first `decides` settles it; else the first error does. */
static struct cel_value fold_quantifier(struct fold *fold, bool decides)
{
    struct cel_value failure = CEL_NULL_VALUE;
    for (size_t i = 0; i < fold->count; i++) {
        if (!next_item(fold, i, decides ? 4 : 3))
            return cel_stopped(fold->eval);
        struct cel_value one = run(fold->eval, fold->node->args[1]);
        if (fold->eval->stopped)
            return one;
        if (one.kind == CEL_VALUE_BOOL &&
            one.boolean == decides) /* the loop looks once more whether to go on */
            return i + 1 == fold->count || charge(fold->eval, decides ? 3 : 2)
                       ? one
                       : cel_stopped(fold->eval);
        if (one.kind != CEL_VALUE_BOOL && !cel_is_error(&failure))
            failure = cel_is_error(&one) ? one : cel_fail(fold->eval, "no such overload");
    }
    return cel_is_error(&failure) ? failure : cel_of_bool(!decides);
}

/* The predicate's verdict; false with an error in *failure. */
static bool predicate(struct fold *fold, bool *holds, struct cel_value *failure)
{
    struct cel_value one = run(fold->eval, fold->node->args[1]);
    *holds = one.kind == CEL_VALUE_BOOL && one.boolean;
    if (one.kind == CEL_VALUE_BOOL)
        return true;
    *failure = cel_is_error(&one) ? one : cel_fail(fold->eval, "no such overload");
    return false;
}

static struct cel_value fold_exists_one(struct fold *fold)
{
    struct cel_value failure;
    size_t found = 0;
    bool holds;
    for (size_t i = 0; i < fold->count; i++) {
        if (!next_item(fold, i, 1))
            return cel_stopped(fold->eval);
        if (!predicate(fold, &holds, &failure))
            return failure;
        if (holds && !charge(fold->eval, 1))
            return cel_stopped(fold->eval);
        found += holds;
    }
    return charge(fold->eval, 1) ? cel_of_bool(found == 1) : cel_stopped(fold->eval);
}

/* map and filter. */
static struct cel_value fold_list(struct fold *fold)
{
    const struct cel_node *node = fold->node;
    struct cel_list *list = cel_list_new(fold->eval, fold->count);
    struct cel_value failure;
    bool holds = true;
    if (!list || !charge(fold->eval, 10))
        return cel_stopped(fold->eval);
    list->count = 0;
    for (size_t i = 0; i < fold->count; i++) {
        if (!next_item(fold, i, 1))
            return cel_stopped(fold->eval);
        if (node->fold != CEL_FOLD_MAP && !predicate(fold, &holds, &failure))
            return failure;
        if (!holds)
            continue;
        if (!charge(fold->eval, node->fold == CEL_FOLD_FILTER ? 12 : 11))
            return cel_stopped(fold->eval);
        struct cel_value item = node->fold == CEL_FOLD_FILTER
                                    ? fold->eval->locals[node->slot]
                                    : run(fold->eval, node->args[node->count - 1]);
        if (cel_is_error(&item))
            return item;
        list->items[list->count++] = item;
    }
    return cel_of_list(list);
}

static struct cel_value fold_optional(struct cel_eval *eval, const struct cel_node *node,
                                      struct cel_value target)
{
    if (target.kind != CEL_VALUE_OPTIONAL)
        return cel_fail(eval, "no such overload: hasValue(%s)",
                        cel_type_name(cel_type_of(&target)));
    if (!charge(eval, 3))
        return cel_stopped(eval);
    if (!target.inner)
        return cel_optional_none();
    eval->locals[node->slot] = *target.inner;
    struct cel_value value = run(eval, node->args[1]);
    return cel_is_error(&value) || node->fold == CEL_FOLD_OPT_FLATMAP
               ? value
               : cel_optional_of(eval, value);
}

static const char *go_type(const struct cel_value *value)
{
    static const char *const names[] = {
        [CEL_VALUE_NULL] = "types.Null",         [CEL_VALUE_BOOL] = "types.Bool",
        [CEL_VALUE_INT] = "types.Int",           [CEL_VALUE_UINT] = "types.Uint",
        [CEL_VALUE_DOUBLE] = "types.Double",     [CEL_VALUE_STRING] = "types.String",
        [CEL_VALUE_BYTES] = "types.Bytes",       [CEL_VALUE_TIMESTAMP] = "types.Timestamp",
        [CEL_VALUE_DURATION] = "types.Duration", [CEL_VALUE_OPTIONAL] = "*types.Optional",
        [CEL_VALUE_TYPE] = "*types.Type",        [CEL_VALUE_ERROR] = "*types.Err",
    };
    return value->kind < ARRAY_LEN(names) && names[value->kind] ? names[value->kind] : "ref.Val";
}

static struct cel_value run_fold(struct cel_eval *eval, const struct cel_node *node)
{
    struct fold fold = {.eval = eval, .node = node, .range = run(eval, node->args[0])};
    if (cel_is_error(&fold.range))
        return fold.range;
    if (node->fold == CEL_FOLD_OPT_MAP || node->fold == CEL_FOLD_OPT_FLATMAP)
        return fold_optional(eval, node, fold.range);
    if (cel_is_map(&fold.range))
        fold.range = cel_map_keys(eval, &fold.range);
    if (!cel_is_list(&fold.range))
        return eval->stopped
                   ? cel_stopped(eval)
                   : cel_fail(eval, "got '%s', expected iterable type", go_type(&fold.range));
    fold.count = cel_count(&fold.range);
    if (!charge(eval, 1)) /* the result */
        return cel_stopped(eval);
    switch ((enum cel_fold)node->fold) {
    case CEL_FOLD_ALL:
        return fold_quantifier(&fold, false);
    case CEL_FOLD_EXISTS:
        return fold_quantifier(&fold, true);
    case CEL_FOLD_EXISTS_ONE:
        return fold_exists_one(&fold);
    default:
        return fold_list(&fold);
    }
}

/* ---- all ---- */

static struct cel_value run_kind(struct cel_eval *eval, const struct cel_node *node)
{
    switch ((enum cel_node_kind)node->kind) {
    case CEL_NODE_CONST:
        return node->constant;
    case CEL_NODE_IDENT:
        return run_name(eval, node);
    case CEL_NODE_SELECT:
        return run_select(eval, node);
    case CEL_NODE_CALL:
        return run_call(eval, node);
    case CEL_NODE_LIST:
        return run_list(eval, node);
    case CEL_NODE_MAP:
        return run_map(eval, node);
    case CEL_NODE_FOLD:
        return run_fold(eval, node);
    case CEL_NODE_STRUCT:
        break;
    }
    return cel_fail(eval, "unsupported expression");
}

static struct cel_value run(struct cel_eval *eval, const struct cel_node *node)
{
    if (eval->levels >= LEVELS_MAX)
        stop(eval, CEL_FAILED, "operation cancelled: the expression nests too deep");
    if (eval->stopped)
        return cel_stopped(eval);
    eval->levels++;
    struct cel_value value = run_kind(eval, node);
    eval->levels--;
    return eval->stopped ? cel_stopped(eval) : value;
}

/* ---- the public face ---- */

struct cel_eval *cel_eval_new(struct cel_env *env, const struct cel_limits *limits)
{
    struct cel_eval *eval = xcalloc(1, sizeof(*eval));
    eval->env = cel_env_ref(env);
    eval->cost_max = limits->cost_max ? limits->cost_max : CEL_COST_MAX;
    eval->left = limits->budget ? limits->budget : UINT64_MAX;
    eval->arena.max = limits->memory_max ? limits->memory_max : MEMORY_MAX;
    eval->slots = xcalloc(env->variable_count + 1, sizeof(*eval->slots));
    eval->composed = xcalloc(env->field_count + 1, sizeof(*eval->composed));
    eval->memo = xcalloc(env->field_count + 1, 1);
    return eval;
}

void cel_eval_free(struct cel_eval *eval)
{
    if (!eval)
        return;
    arena_clear(&eval->arena);
    cel_env_unref(eval->env);
    free(eval->slots);
    free(eval->composed);
    free(eval->memo);
    free(eval);
}

static struct slot *slot_of(struct cel_eval *eval, const char *name)
{
    int slot = cel_env_find(eval->env, str_of(name));
    return slot < 0 ? NULL : &eval->slots[slot];
}

void cel_eval_set(struct cel_eval *eval, const char *name, const json_t *value)
{
    struct slot *slot = slot_of(eval, name);
    if (slot)
        *slot = (struct slot){.set = true, .json = value};
}

void cel_eval_set_optional(struct cel_eval *eval, const char *name, const json_t *value)
{
    struct slot *slot = slot_of(eval, name);
    if (slot)
        *slot = (struct slot){.set = true, .optional = true, .json = value};
}

void cel_eval_set_authz(struct cel_eval *eval, const struct cel_authz *authz,
                        const struct cel_authz_request *request_resource)
{
    struct slot *authorizer = slot_of(eval, "authorizer");
    struct slot *resource = slot_of(eval, "authorizer.requestResource");
    static const struct cel_authz_request nobody;
    eval->authz = authz;
    if (authorizer)
        *authorizer = (struct slot){.set = true, .made = cel_of_opaque(&cel_authorizer, &nobody)};
    if (resource && request_resource)
        *resource = (struct slot){.set = true,
                                  .made = cel_of_opaque(&cel_resource_check, request_resource)};
}

void cel_eval_reset(struct cel_eval *eval)
{
    arena_clear(&eval->arena);
    memset(eval->memo, MEMO_UNREAD, eval->env->field_count);
}

uint64_t cel_eval_left(const struct cel_eval *eval)
{
    return eval->left;
}

static void over_budget(struct cel_result *result)
{
    result->outcome = CEL_OVER_BUDGET;
    result->message = "validation failed due to running out of cost budget, no further validation "
                      "rules will be run";
}

void cel_eval_run(struct cel_eval *eval, const struct cel_program *program,
                  struct cel_result *result)
{
    *result = (struct cel_result){.outcome = CEL_DONE};
    eval->cost = eval->work = 0;
    eval->levels = 0;
    eval->stopped = false;
    eval->why = NULL;
    eval->locals = cel_eval_alloc(eval, program->local_max + 1, sizeof(*eval->locals));
    result->value = eval->locals ? run(eval, program->root) : cel_stopped(eval);
    result->cost = eval->cost;
    if (cel_is_error(&result->value)) {
        struct cel_value kept = cel_copy_text(eval, result->value.text);
        result->outcome = eval->stopped ? eval->outcome : CEL_FAILED;
        result->message = kept.text.data;
    }
    if (eval->left == UINT64_MAX)
        return;
    if (eval->cost > eval->left)
        over_budget(result);
    eval->left = eval->cost < eval->left ? eval->left - eval->cost : 0;
}
