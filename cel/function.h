/* cel/function.h: the one table of all functions: name, signature, implementation, cost. Internal
 * to cel/. */
#pragma once
#include "cel/eval.h"

#define CEL_PARAMS_MAX 4

/* What a call costs beside its arguments. `n` is the size of the first argument (the target, of a
 * member). */
enum cel_cost_rule {
    CEL_COST_ONE,
    CEL_COST_NONE,      /* what is evaluated lazily: its operands alone */
    CEL_COST_TEXT,      /* a tenth of n */
    CEL_COST_TEXT_SAME, /* a tenth of n; the result is at most as large */
    CEL_COST_AFFIX,     /* startsWith, endsWith: a tenth of the affix, n when run */
    CEL_COST_TO_BYTES,
    CEL_COST_TO_TEXT,
    CEL_COST_LIST,     /* the items of the second argument */
    CEL_COST_LESSER,   /* a tenth of the smaller of two */
    CEL_COST_JOIN_TWO, /* a tenth of both together */
    CEL_COST_JOIN_LISTS,
    CEL_COST_MATCH, /* text by regular expression */
    CEL_COST_FIND,
    CEL_COST_CONTAINS, /* text by text */
    CEL_COST_TRAVERSE, /* every item; of texts, a tenth of each too */
    CEL_COST_REPLACE,
    CEL_COST_SPLIT,
    CEL_COST_JOIN,
    CEL_COST_TEXT_TWICE,
    CEL_COST_CONTAINS_IP,
    CEL_COST_CONTAINS_CIDR,
    CEL_COST_CONTAINS_TEXT_IP,
    CEL_COST_CONTAINS_TEXT_CIDR,
    CEL_COST_SETS, /* n times m */
    CEL_COST_EQUIVALENT,
    CEL_COST_CHECK,    /* an authorization */
    CEL_COST_VALIDATE, /* a named format */
    CEL_COST_INDEX_LIST,
    CEL_COST_INDEX_MAP,
    CEL_COST_DYN, /* as its argument */
};

struct cel_overload {
    const char *function;
    /* `TARGET.ARGS:RESULT` or `ARGS:RESULT`, in the letters of function.c. */
    const char *signature;
    struct cel_value (*run)(struct cel_eval *eval,
                            const struct cel_value *args); /* NULL: evaluated in a way of its own */
    enum cel_cost_rule cost;
    /* Read from the signature: */
    bool member;
    uint8_t count; /* of parameters, the target included */
    const struct cel_type *params[CEL_PARAMS_MAX];
    const struct cel_type *result;
};

/* The overloads of that name, in the table's order; NULL when there is no such function. Any
 * thread. */
const struct cel_overload *cel_function_find(struct str name, size_t *count);
/* Whether a value can be an argument of that type, by what can be seen at once. */
bool cel_value_fits(const struct cel_value *value, const struct cel_type *type);
/* `type(x)`: the type that an identifier names; NULL when it names none. */
const struct cel_type *cel_type_by_name(struct str name);
/* What that call cost, now that its result is known. */
uint64_t cel_cost_run(enum cel_cost_rule rule, const struct cel_value *args, size_t count,
                      const struct cel_value *result);
