/* cel/ast.h: an expression as a tree, as the parser makes it, the checker annotates it, and cost
 * and evaluation read it. Internal to cel/. Macros are expanded: the comprehensions are nodes of
 * their own kind. */
#pragma once
#include "base/arena.h"
#include "cel/cel.h"

struct cel_overload;

enum cel_node_kind {
    CEL_NODE_CONST,
    CEL_NODE_IDENT,  /* name */
    CEL_NODE_SELECT, /* args[0] . name; `presence`: has() */
    CEL_NODE_CALL,   /* name(args); `member`: args[0].name(...) */
    CEL_NODE_LIST,   /* args */
    CEL_NODE_MAP,    /* args: key, value, key, value ... */
    CEL_NODE_STRUCT, /* name{...}: args are values, `fields` their names */
    CEL_NODE_FOLD,   /* a comprehension macro: args[0] is the range, then the bodies */
};

enum cel_fold {
    CEL_FOLD_ALL,
    CEL_FOLD_EXISTS,
    CEL_FOLD_EXISTS_ONE,
    CEL_FOLD_MAP,      /* args: range, transform */
    CEL_FOLD_MAP_SOME, /* args: range, predicate, transform */
    CEL_FOLD_FILTER,   /* args: range, predicate */
    CEL_FOLD_OPT_MAP,  /* args: optional, transform */
    CEL_FOLD_OPT_FLATMAP,
};

/* Functions that are evaluated, or priced, in a way of their own. */
enum cel_call {
    CEL_CALL_PLAIN,
    CEL_CALL_AND,
    CEL_CALL_OR,
    CEL_CALL_CONDITIONAL,
    CEL_CALL_OPTIONAL_SELECT,
    CEL_CALL_INDEX,
    CEL_CALL_OPTIONAL_OR, /* of optional values: the alternative is evaluated only when it is needed
                           */
    CEL_CALL_OPTIONAL_OR_VALUE,
};

enum cel_place { CEL_PLACE_NONE, CEL_PLACE_LOCAL, CEL_PLACE_VARIABLE, CEL_PLACE_TYPE };

struct cel_node {
    uint8_t kind; /* enum cel_node_kind */
    uint8_t fold; /* enum cel_fold */
    uint8_t place;
    uint8_t call; /* enum cel_call; by the checker */
    bool member, presence;
    bool
        literal; /* a constant, a list or map of such, or one of another type that is made of one */
    bool folded; /* a call that cel-go makes no call of: its run costs nothing */
    uint16_t depth;
    uint32_t offset; /* of the byte that messages point at */
    uint32_t count, slot;
    struct str name; /* identifier, field, function, iteration variable, object type */
    struct cel_node **args;
    bool *optional;     /* of list elements and map entries, one each; NULL: none is */
    struct str *fields; /* CEL_NODE_STRUCT */
    struct cel_value constant;
    const struct cel_type *type;         /* by the checker */
    const struct cel_field *field;       /* of a select on an object */
    const struct cel_overload *overload; /* when just one fits */
    void *regex;                         /* compiled: the pattern was a constant */
};

struct cel_parse {
    struct arena *arena;
    struct str source;
    struct cel_problems *problems;
    size_t node_count;
};

/* NULL, with problems, when it is no expression. */
struct cel_node *cel_parse(struct cel_parse *parse);
/* Adds a problem at that byte. */
void cel_problem_add(struct cel_problems *problems, struct str source, size_t offset,
                     const char *format, ...) PRINTF_LIKE(4, 5);
/* NULL when the expression grows too large: said already. */
struct cel_node *cel_node_new(struct cel_parse *parse, enum cel_node_kind kind, size_t offset,
                              size_t count);

/* The node that a macro call stands for; NULL with *is_macro when its arguments are wrong. */
struct cel_node *cel_macro_expand(struct cel_parse *parse, struct cel_node *call, bool *is_macro);

/* Resolves names, types and overloads; false with problems. */
bool cel_check_tree(struct cel_env *env, struct arena *arena, struct cel_node *root,
                    struct str source, struct cel_problems *problems, uint32_t *local_max);
/* The literal arguments that can be seen to be wrong: durations, times, regular expressions.
 * Compiles the latter. */
bool cel_check_literals(struct cel_node *root, struct str source, struct cel_problems *problems);
/* The same of a call of string.format(). */
void cel_check_format(const struct cel_node *call, struct str source,
                      struct cel_problems *problems);
void cel_literals_free(struct cel_node *root);
struct cel_cost cel_cost_of(const struct cel_env *env, const struct cel_node *root);
