/* The macros: has(), the comprehensions, and those of optional values. */
#include "cel/ast.h"

struct macro {
    const char *name;
    uint8_t count; /* of arguments, without the target */
    bool member;
    enum cel_fold fold;
    const char *why; /* when the first argument is no name */
};

static const struct macro macros[] = {
    {"all", 2, true, CEL_FOLD_ALL, "argument must be a simple name"},
    {"exists", 2, true, CEL_FOLD_EXISTS, "argument must be a simple name"},
    {"exists_one", 2, true, CEL_FOLD_EXISTS_ONE, "argument must be a simple name"},
    {"map", 2, true, CEL_FOLD_MAP, "argument is not an identifier"},
    {"map", 3, true, CEL_FOLD_MAP_SOME, "argument is not an identifier"},
    {"filter", 2, true, CEL_FOLD_FILTER, "argument is not an identifier"},
    {"optMap", 2, true, CEL_FOLD_OPT_MAP, "optMap() variable name must be a simple identifier"},
    {"optFlatMap", 2, true, CEL_FOLD_OPT_FLATMAP,
     "optFlatMap() variable name must be a simple identifier"},
};

static struct cel_node *wrong(struct cel_parse *parse, const struct cel_node *at, const char *why)
{
    cel_problem_add(parse->problems, parse->source, at->offset, "%s", why);
    return NULL;
}

static struct cel_node *expand_has(struct cel_parse *parse, struct cel_node *call)
{
    struct cel_node *field = call->args[0];
    if (field->kind != CEL_NODE_SELECT || field->presence)
        return wrong(parse, call, "invalid argument to has() macro");
    field->presence = true;
    field->offset = call->offset;
    return field;
}

static struct cel_node *expand_fold(struct cel_parse *parse, struct cel_node *call,
                                    const struct macro *macro)
{
    const struct cel_node *variable = call->args[1];
    if (variable->kind != CEL_NODE_IDENT)
        return wrong(parse, variable, macro->why);
    if (str_is(variable->name, "__result__"))
        return wrong(parse, variable, "iteration variable overwrites accumulator variable");
    struct cel_node *node = cel_node_new(parse, CEL_NODE_FOLD, call->offset, macro->count);
    if (!node)
        return NULL;
    node->fold = (uint8_t)macro->fold;
    node->name = variable->name;
    node->depth = call->depth;
    node->args[0] = call->args[0];
    for (size_t i = 1; i < macro->count; i++)
        node->args[i] = call->args[i + 1];
    return node;
}

struct cel_node *cel_macro_expand(struct cel_parse *parse, struct cel_node *call, bool *is_macro)
{
    *is_macro = true;
    if (!call->member && call->count == 1 && str_is(call->name, "has"))
        return expand_has(parse, call);
    for (size_t i = 0; i < ARRAY_LEN(macros); i++)
        if (macros[i].member == call->member && call->count == macros[i].count + 1U &&
            str_is(call->name, macros[i].name))
            return expand_fold(parse, call, &macros[i]);
    *is_macro = false;
    return NULL;
}
