/* What an expression costs: estimated before, and counted while it runs.
 * Source: cel-go's checker/cost.go and interpreter/runtimecost.go, apiserver's
 * pkg/cel/library/cost.go, by their rules: which CRDs are accepted hangs on these numbers. */
#include <math.h>
#include <string.h>

#include "cel/env.h"
#include "cel/function.h"
#include "cel/library.h"

#define TEXT_FACTOR   0.1
#define REGEX_FACTOR  0.25
#define FORMAT_FACTOR 32 /* the largest pattern of a named format, by REGEX_FACTOR */
#define CHECK_COST    350000
#define UNKNOWN       ((struct range){0, UINT64_MAX})
#define FIXED(n)      ((struct range){(n), (n)})

/* Both of sizes and of costs. */
struct range {
    uint64_t min, max;
};

static uint64_t add_sat(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t mul_sat(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t scale(uint64_t n, double factor)
{
    double product = ceil((double)n * factor);
    return product >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)product;
}

static struct range add(struct range a, struct range b)
{
    return (struct range){add_sat(a.min, b.min), add_sat(a.max, b.max)};
}

static struct range multiply(struct range a, struct range b)
{
    return (struct range){mul_sat(a.min, b.min), mul_sat(a.max, b.max)};
}

static struct range by_factor(struct range a, double factor)
{
    return (struct range){scale(a.min, factor), scale(a.max, factor)};
}

static struct range unite(struct range a, struct range b)
{
    return (struct range){a.min < b.min ? a.min : b.min, a.max > b.max ? a.max : b.max};
}

/* ---- while it runs ---- */

static uint64_t text_cost(const struct cel_value *value, double factor)
{
    return scale(cel_size(value), factor);
}

static uint64_t match_cost(const struct cel_value *args)
{
    uint64_t text = scale(1 + cel_size(&args[0]), TEXT_FACTOR);
    return mul_sat(text, text_cost(&args[1], REGEX_FACTOR));
}

/* An item of a list costs one, a text a tenth of its bytes. */
static uint64_t traversal_cost(const struct cel_value *value)
{
    uint64_t cost = 0;
    if (value->kind == CEL_VALUE_STRING || value->kind == CEL_VALUE_BYTES)
        return (uint64_t)((double)value->text.len * TEXT_FACTOR);
    if (value->kind == CEL_VALUE_LIST) {
        for (size_t i = 0; i < value->list->count; i++)
            cost = add_sat(cost, traversal_cost(&value->list->items[i]));
        return cost;
    }
    if (value->kind != CEL_VALUE_JSON_LIST)
        return 1;
    for (size_t i = 0; i < json_array_size(value->json); i++) {
        const json_t *item = json_array_get(value->json, i);
        cost +=
            json_is_string(item) ? (uint64_t)((double)json_string_length(item) * TEXT_FACTOR) : 1;
    }
    return cost;
}

static uint64_t address_size(const struct cel_value *value)
{
    if (value->kind != CEL_VALUE_OPAQUE)
        return cel_size(value);
    const struct cel_address *address = value->opaque;
    return value->type == &cel_cidr ? (address->bits + 7U) / 8 : address->len;
}

static uint64_t contains_cost(enum cel_cost_rule rule, const struct cel_value *args)
{
    uint64_t size = address_size(&args[0]), cost = scale(2 * size, TEXT_FACTOR);
    if (rule == CEL_COST_CONTAINS_CIDR || rule == CEL_COST_CONTAINS_TEXT_CIDR)
        cost += scale(size, TEXT_FACTOR) + 1;
    if (rule == CEL_COST_CONTAINS_TEXT_IP || rule == CEL_COST_CONTAINS_TEXT_CIDR)
        cost += text_cost(&args[1], TEXT_FACTOR);
    return cost;
}

uint64_t cel_cost_run(enum cel_cost_rule rule, const struct cel_value *args, size_t count,
                      const struct cel_value *result)
{
    if (rule == CEL_COST_ONE) /* most of them: no size is looked at */
        return 1;
    uint64_t first = count ? cel_size(&args[0]) : 1, second = count > 1 ? cel_size(&args[1]) : 1;
    switch (rule) {
    case CEL_COST_NONE:
        return 0;
    case CEL_COST_TEXT:
    case CEL_COST_TEXT_SAME:
    case CEL_COST_AFFIX:
    case CEL_COST_TO_BYTES:
    case CEL_COST_TO_TEXT:
        return scale(first, TEXT_FACTOR);
    case CEL_COST_LIST:
        return second;
    case CEL_COST_LESSER:
        return scale(first < second ? first : second, TEXT_FACTOR);
    case CEL_COST_JOIN_TWO:
        return scale(add_sat(first, second), TEXT_FACTOR);
    case CEL_COST_MATCH:
    case CEL_COST_FIND:
        return match_cost(args);
    case CEL_COST_CONTAINS:
        return mul_sat(scale(first, TEXT_FACTOR), scale(second, TEXT_FACTOR));
    case CEL_COST_TRAVERSE:
        return traversal_cost(&args[0]);
    case CEL_COST_REPLACE:
    case CEL_COST_SPLIT:
    case CEL_COST_TEXT_TWICE:
        return scale(first, 2 * TEXT_FACTOR);
    case CEL_COST_JOIN:
        return text_cost(result, 2 * TEXT_FACTOR);
    case CEL_COST_CONTAINS_IP:
    case CEL_COST_CONTAINS_CIDR:
    case CEL_COST_CONTAINS_TEXT_IP:
    case CEL_COST_CONTAINS_TEXT_CIDR:
        return contains_cost(rule, args);
    case CEL_COST_SETS:
        return add_sat(mul_sat(first, second), 1);
    case CEL_COST_EQUIVALENT:
        return add_sat(mul_sat(2 * first, second), 1);
    case CEL_COST_CHECK:
        return CHECK_COST;
    case CEL_COST_VALIDATE:
        return mul_sat(scale(second, TEXT_FACTOR), FORMAT_FACTOR);
    default:
        return 1;
    }
}

/* ---- before it runs ---- */

/* What is known of an expression's value. `at` is the declared type that it was reached by, field
 * for field, from a variable; only such a value has the size that its declaration says. */
struct known {
    struct range cost;
    struct range size;
    bool sized;
    const struct cel_type *at; /* NULL: computed */
};

struct scope {
    const struct scope *outer;
    uint32_t slot;
    const struct cel_type *at;
};

struct coster {
    const struct cel_env *env;
    const struct scope *scopes;
};

static struct known cost_node(struct coster *coster, const struct cel_node *node);

static bool is_scalar(const struct cel_type *type)
{
    return type->kind == CEL_BOOL || type->kind == CEL_INT || type->kind == CEL_UINT ||
           type->kind == CEL_DOUBLE || type->kind == CEL_TIMESTAMP || type->kind == CEL_DURATION ||
           type->kind == CEL_TYPE;
}

/* The size of a declared type, as a value of it can be: of a scalar, nothing. */
static struct range declared_size(const struct cel_type *at)
{
    return (struct range){0, at->size_max};
}

static struct range size_of(const struct known *known, const struct cel_type *type)
{
    if (known->sized)
        return known->size;
    if (known->at)
        return declared_size(known->at);
    return is_scalar(type) ? FIXED(1) : UNKNOWN;
}

static struct known cost_name(struct coster *coster, const struct cel_node *node)
{
    struct known known = {.cost = FIXED(1)};
    if (node->place == CEL_PLACE_VARIABLE)
        known.at = coster->env->variables[node->slot].type;
    if (node->place != CEL_PLACE_LOCAL)
        return known;
    const struct scope *scope = coster->scopes;
    while (scope && scope->slot != node->slot)
        scope = scope->outer;
    known.at = scope ? scope->at : NULL;
    return known;
}

static struct known cost_select(struct coster *coster, const struct cel_node *node)
{
    struct known operand = cost_node(coster, node->args[0]), known = {.cost = operand.cost};
    struct cel_field field;
    const struct cel_type *type = node->args[0]->type;
    if (node->presence)
        return known;
    if (type->kind == CEL_MAP || type->kind == CEL_OBJECT)
        known.cost = add(known.cost, FIXED(1));
    const struct cel_type *at = operand.at;
    if (at && at->kind == CEL_OBJECT && at->object->field(at->object->data, node->name, &field))
        known.at = field.type;
    else if (at && at->kind == CEL_MAP)
        known.at = at->params[1];
    return known;
}

static struct known cost_constant(const struct cel_node *node)
{
    struct known known = {.cost = FIXED(0)};
    if (node->constant.kind == CEL_VALUE_STRING || node->constant.kind == CEL_VALUE_BYTES) {
        known.sized = true;
        known.size = FIXED(cel_size(&node->constant));
    }
    return known;
}

static struct known cost_aggregate(struct coster *coster, const struct cel_node *node)
{
    bool list = node->kind == CEL_NODE_LIST;
    struct known known = {.cost = FIXED(list ? 10U : 30U), .sized = true};
    known.size = FIXED(list ? node->count : node->count / 2);
    for (size_t i = 0; i < node->count; i++)
        known.cost = add(known.cost, cost_node(coster, node->args[i]).cost);
    return known;
}

/* ---- comprehensions: the cost of the loops which the macros stand for ---- */

static struct range step_cost(const struct cel_node *node, struct range first, struct range second)
{
    const struct range one = FIXED(1);
    switch ((enum cel_fold)node->fold) {
    case CEL_FOLD_ALL: /* @not_strictly_false(accu); accu && predicate */
        return add(FIXED(2), (struct range){1, add_sat(1, first.max)});
    case CEL_FOLD_EXISTS:
        return add(FIXED(3), (struct range){1, add_sat(1, first.max)});
    case CEL_FOLD_EXISTS_ONE: /* predicate ? accu + 1 : accu */
        return add(first, (struct range){1, 2});
    case CEL_FOLD_MAP: /* accu + [transform] */
        return add(first, FIXED(12));
    case CEL_FOLD_MAP_SOME:
        return add(first, unite(add(second, FIXED(12)), one));
    case CEL_FOLD_FILTER:
        return add(first, unite(FIXED(13), one));
    default:
        return first;
    }
}

static struct known cost_fold(struct coster *coster, const struct cel_node *node)
{
    struct known range = cost_node(coster, node->args[0]), known = {.cost = range.cost};
    struct range bodies[2] = {FIXED(0), FIXED(0)};
    bool optional = node->fold == CEL_FOLD_OPT_MAP || node->fold == CEL_FOLD_OPT_FLATMAP;
    bool makes_list = node->fold == CEL_FOLD_MAP || node->fold == CEL_FOLD_MAP_SOME ||
                      node->fold == CEL_FOLD_FILTER;
    const struct scope scope = {
        .outer = coster->scopes,
        .slot = node->slot,
        .at = range.at && (range.at->kind == CEL_LIST || range.at->kind == CEL_MAP)
                  ? range.at->params[0]
                  : NULL,
    };
    coster->scopes = &scope;
    for (size_t i = 1; i < node->count; i++)
        bodies[i - 1] = cost_node(coster, node->args[i]).cost;
    coster->scopes = scope.outer;
    struct range count = size_of(&range, node->args[0]->type);
    if (optional) {
        known.cost = add(known.cost, unite(FIXED(3), add(bodies[0], FIXED(16))));
        return known;
    }
    known.size = count;
    known.sized = makes_list;
    known.cost = add(known.cost, FIXED(makes_list                          ? 11U
                                       : node->fold == CEL_FOLD_EXISTS_ONE ? 2U
                                                                           : 1U));
    known.cost = add(known.cost, multiply(count, step_cost(node, bodies[0], bodies[1])));
    return known;
}

/* ---- calls ---- */

struct call {
    const struct cel_node *node;
    struct known args[CEL_PARAMS_MAX];
    struct range sizes[CEL_PARAMS_MAX];
};

struct estimate {
    struct range cost, size;
    bool sized;
};

static struct estimate priced(struct range cost)
{
    return (struct estimate){.cost = cost};
}

static struct estimate sized(struct range cost, struct range size)
{
    return (struct estimate){.cost = cost, .size = size, .sized = true};
}

/* Each item, and of texts a tenth of each; of a text, a tenth of it. */
static struct range traverse_cost(const struct call *call)
{
    const struct cel_type *type = call->node->args[0]->type, *at = call->args[0].at;
    struct range each = FIXED(1);
    if (type->kind != CEL_LIST)
        return by_factor(call->sizes[0], TEXT_FACTOR);
    const struct cel_type *item = type->params[0];
    if (item->kind == CEL_STRING || item->kind == CEL_BYTES)
        each =
            add(each, by_factor(at && at->kind == CEL_LIST ? declared_size(at->params[0]) : UNKNOWN,
                                TEXT_FACTOR));
    return multiply(call->sizes[0], each);
}

static struct estimate replace_cost(const struct call *call)
{
    struct range text = call->sizes[0], from = call->sizes[1], to = call->sizes[2], times = {0, 0},
                 kept = {0, 0};
    if (from.min == 0) {
        times.max = add_sat(text.max, 1);
        kept.max = text.max;
    } else if (to.max <= from.min) {
        kept.max = text.max;
    } else {
        times.max =
            (uint64_t)fmin(ceil((double)text.max / (double)from.min), 18446744073709549568.0);
    }
    if (from.max == 0) {
        times.min = add_sat(text.min, 1);
        kept.min = text.min;
    } else if (from.max <= to.min) {
        kept.min = text.min;
    } else {
        times.min =
            (uint64_t)fmin(ceil((double)text.min / (double)from.max), 18446744073709549568.0);
    }
    return sized(by_factor(text, 2 * TEXT_FACTOR), add(multiply(times, to), kept));
}

static struct estimate join_cost(const struct call *call)
{
    const struct cel_type *at = call->args[0].at;
    struct range count = call->sizes[0],
                 item = at && at->kind == CEL_LIST ? declared_size(at->params[0]) : UNKNOWN;
    struct range size = multiply(count, item);
    if (call->node->count > 1) {
        struct range gaps = {count.min ? count.min - 1 : 0, count.max ? count.max - 1 : 0};
        size = add(size, multiply(call->sizes[1], gaps));
    }
    return sized(by_factor(size, TEXT_FACTOR), size);
}

static struct range match_estimate(const struct call *call)
{
    struct range text = by_factor(add(call->sizes[0], FIXED(1)), TEXT_FACTOR);
    return multiply(text, by_factor(call->sizes[1], REGEX_FACTOR));
}

static struct range contains_estimate(enum cel_cost_rule rule, const struct call *call)
{
    const struct range size = {4, 16};
    struct range cost = by_factor(add(size, size), TEXT_FACTOR);
    if (rule == CEL_COST_CONTAINS_CIDR || rule == CEL_COST_CONTAINS_TEXT_CIDR)
        cost = add(cost, add(by_factor(size, TEXT_FACTOR), FIXED(1)));
    if (rule == CEL_COST_CONTAINS_TEXT_IP || rule == CEL_COST_CONTAINS_TEXT_CIDR)
        cost = add(cost, by_factor(call->sizes[1], TEXT_FACTOR));
    return cost;
}

static struct range lesser_cost(const struct call *call)
{
    uint64_t most =
        call->sizes[0].max < call->sizes[1].max ? call->sizes[0].max : call->sizes[1].max;
    return by_factor((struct range){most > 0, most}, TEXT_FACTOR);
}

/* Beside its arguments. */
static struct estimate call_cost(enum cel_cost_rule rule, const struct call *call)
{
    struct range first = call->sizes[0], second = call->sizes[1];
    bool url = str_is(call->node->name, "url");
    switch (rule) {
    case CEL_COST_TEXT: /* of these functions, upstream prices but the one and those that format */
        return priced(url || str_is(call->node->name, "format") ||
                              str_is(call->node->name, "strings.quote")
                          ? by_factor(first, TEXT_FACTOR)
                          : FIXED(1));
    case CEL_COST_TEXT_SAME:
        return sized(by_factor(first, TEXT_FACTOR), first);
    case CEL_COST_AFFIX:
        return priced(by_factor(second, TEXT_FACTOR));
    case CEL_COST_TO_BYTES:
        return sized(by_factor(first, TEXT_FACTOR),
                     (struct range){first.min, mul_sat(first.max, 4)});
    case CEL_COST_TO_TEXT:
        return sized(by_factor(first, TEXT_FACTOR), (struct range){first.min / 4, first.max});
    case CEL_COST_LIST:
        return priced(second);
    case CEL_COST_LESSER:
        return priced(lesser_cost(call));
    case CEL_COST_JOIN_TWO:
        return sized(by_factor(add(first, second), TEXT_FACTOR), add(first, second));
    case CEL_COST_JOIN_LISTS:
        return sized(FIXED(1), add(first, second));
    case CEL_COST_MATCH:
        return priced(call->node->member ? match_estimate(call) : FIXED(1));
    case CEL_COST_FIND:
        return sized(match_estimate(call), (struct range){0, first.max});
    case CEL_COST_CONTAINS:
        return priced(multiply(by_factor(first, TEXT_FACTOR), by_factor(second, TEXT_FACTOR)));
    case CEL_COST_TRAVERSE:
        return priced(traverse_cost(call));
    case CEL_COST_REPLACE:
        return replace_cost(call);
    case CEL_COST_SPLIT:
        return sized(by_factor(first, 2 * TEXT_FACTOR), (struct range){0, first.max});
    case CEL_COST_JOIN:
        return join_cost(call);
    case CEL_COST_CONTAINS_IP:
    case CEL_COST_CONTAINS_CIDR:
    case CEL_COST_CONTAINS_TEXT_IP:
    case CEL_COST_CONTAINS_TEXT_CIDR:
        return priced(contains_estimate(rule, call));
    case CEL_COST_SETS:
        return priced(add(multiply(first, second), FIXED(1)));
    case CEL_COST_EQUIVALENT:
        return priced(add(multiply(multiply(first, second), FIXED(2)), FIXED(1)));
    case CEL_COST_CHECK:
        return priced(FIXED(CHECK_COST));
    case CEL_COST_VALIDATE:
        return priced(by_factor(by_factor(second, TEXT_FACTOR), FORMAT_FACTOR));
    case CEL_COST_DYN:
        return sized(FIXED(1), first);
    default:
        return priced(FIXED(1));
    }
}

/* The rules of every overload that can be meant, together. */
static struct estimate overloads_cost(const struct call *call)
{
    size_t count;
    const struct cel_overload *rows = cel_function_find(call->node->name, &count);
    struct estimate all = {.cost = {UINT64_MAX, 0}};
    if (call->node->overload)
        return call_cost(call->node->overload->cost, call);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].member != call->node->member || rows[i].count != call->node->count)
            continue;
        struct estimate one = call_cost(rows[i].cost, call);
        all.cost = unite(all.cost, one.cost);
        all.size = !one.sized ? all.size : all.sized ? unite(all.size, one.size) : one.size;
        all.sized = all.sized || one.sized;
    }
    return all;
}

static struct known cost_logic(const struct call *call)
{
    struct range left = call->args[0].cost, right = call->args[1].cost;
    return (struct known){.cost = {left.min, add_sat(left.max, right.max)}};
}

static struct known cost_conditional(const struct call *call)
{
    return (struct known){
        .cost = add(call->args[0].cost, unite(call->args[1].cost, call->args[2].cost)),
        .size = unite(call->sizes[1], call->sizes[2]),
        .sized = true,
    };
}

static struct known cost_call(struct coster *coster, const struct cel_node *node)
{
    struct call call = {.node = node};
    for (size_t i = 0; i < node->count && i < CEL_PARAMS_MAX; i++) {
        call.args[i] = cost_node(coster, node->args[i]);
        call.sizes[i] = size_of(&call.args[i], node->args[i]->type);
    }
    if (node->call == CEL_CALL_AND || node->call == CEL_CALL_OR)
        return cost_logic(&call);
    if (node->call == CEL_CALL_CONDITIONAL)
        return cost_conditional(&call);
    struct estimate own =
        node->call == CEL_CALL_OPTIONAL_SELECT ? priced(FIXED(1)) : overloads_cost(&call);
    struct known known = {.cost = own.cost, .size = own.size, .sized = own.sized};
    for (size_t i = 0; i < node->count && i < CEL_PARAMS_MAX; i++)
        known.cost = add(known.cost, call.args[i].cost);
    const struct cel_type *at = call.args[0].at;
    bool indexed = node->call == CEL_CALL_INDEX && at;
    if (indexed && at->kind == CEL_LIST)
        known.at = at->params[0];
    else if (indexed && at->kind == CEL_MAP)
        known.at = at->params[1];
    return known;
}

static struct known cost_node(struct coster *coster, const struct cel_node *node)
{
    switch ((enum cel_node_kind)node->kind) {
    case CEL_NODE_CONST:
        return cost_constant(node);
    case CEL_NODE_IDENT:
        return cost_name(coster, node);
    case CEL_NODE_SELECT:
        return cost_select(coster, node);
    case CEL_NODE_CALL:
        return cost_call(coster, node);
    case CEL_NODE_FOLD:
        return cost_fold(coster, node);
    default:
        return cost_aggregate(coster, node);
    }
}

struct cel_cost cel_cost_of(const struct cel_env *env, const struct cel_node *root)
{
    struct coster coster = {.env = env};
    const struct known known = cost_node(&coster, root);
    return (struct cel_cost){known.cost.min, known.cost.max};
}
