/* The type checker: names, types and overloads. Source: cel-go's checker, by its behaviour and its
 * words. */
#include <string.h>

#include "base/buf.h"
#include "cel/env.h"
#include "cel/function.h"
#include "cel/unify.h"

struct local {
    const struct local *outer;
    struct str name;
    const struct cel_type *type;
    uint32_t slot;
};

struct check {
    struct cel_env *env;
    struct cel_unify unify;
    const struct local *locals;
    uint32_t local_count, local_max;
    struct str source;
    struct cel_problems *problems;
};

static const struct cel_type error_type = {.kind = CEL_ERROR};

static void check_node(struct check *check, struct cel_node *node);

/* ---- words ---- */

/* As a message shows it, with what is known of its parameters. Owned. */
static char *shown(struct check *check, const struct cel_type *type)
{
    struct buf out = BUF_TEXT;
    cel_type_write(&out, cel_unify_resolve(&check->unify, type, true));
    char *text = buf_take(&out);
    return text ? text : xstrdup("");
}

static void report(struct check *check, const struct cel_node *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void report(struct check *check, const struct cel_node *node, const char *format, ...)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    cel_problem_add(check->problems, check->source, node->offset, "%s", text.len ? text.data : "");
}

static void undeclared(struct check *check, struct cel_node *node, struct str name)
{
    report(check, node, "undeclared reference to '" STR_FMT "' (in container '')", STR_ARG(name));
    node->type = &error_type;
}

static void mismatch(struct check *check, const struct cel_node *node,
                     const struct cel_type *wanted, const struct cel_type *found)
{
    CLEANUP(free_ptr) char *left = shown(check, wanted);
    CLEANUP(free_ptr) char *right = shown(check, found);
    report(check, node, "expected type '%s' but found '%s'", left, right);
}

static void no_overload(struct check *check, struct cel_node *node, const char *function,
                        const struct cel_type *const *types, size_t count, bool member)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    for (size_t i = 0; i < count; i++) {
        CLEANUP(free_ptr) char *type = shown(check, types[i]);
        bool first = member ? i == 1 : i == 0;
        if (!(member && i == 0))
            buf_add_text(&text, first ? "" : ", ");
        if (!member && i == 0)
            buf_add_char(&text, '(');
        buf_add_text(&text, type);
        if (member && i == 0)
            buf_add_text(&text, ".(");
    }
    if (!count)
        buf_add_char(&text, '(');
    report(check, node, "found no matching overload for '%s' applied to '%s)'", function,
           text.data);
    node->type = &error_type;
}

/* ---- names ---- */

static const struct local *local_find(const struct check *check, struct str name)
{
    const struct local *local = check->locals;
    while (local && !str_eq(local->name, name))
        local = local->outer;
    return local;
}

static bool resolve_name(struct check *check, struct cel_node *node, struct str name)
{
    const struct local *local = local_find(check, name);
    int slot = local ? -1 : cel_env_find(check->env, name);
    const struct cel_type *type = local || slot >= 0 ? NULL : cel_type_by_name(name);
    if (!local && slot < 0 && !type)
        return false;
    node->place = local ? CEL_PLACE_LOCAL : type ? CEL_PLACE_TYPE : CEL_PLACE_VARIABLE;
    node->slot = local ? local->slot : (uint32_t)(slot < 0 ? 0 : slot);
    node->type = local ? local->type : type ? NULL : check->env->variables[slot].type;
    if (type) {
        node->constant = (struct cel_value){.kind = CEL_VALUE_TYPE, .type = type};
        node->type = cel_unify_make(&check->unify, CEL_TYPE, type, NULL);
    }
    return true;
}

/* a.b.c as text; empty when a part is no plain name, or the first is a local. */
static struct str dotted(struct check *check, const struct cel_node *node)
{
    if (node->kind == CEL_NODE_IDENT)
        return local_find(check, node->name) ? (struct str){0} : node->name;
    if (node->kind != CEL_NODE_SELECT || node->presence)
        return (struct str){0};
    struct str head = dotted(check, node->args[0]);
    char *text =
        head.len ? arena_alloc(check->unify.arena, head.len + node->name.len + 2, 1) : NULL;
    if (!text)
        return (struct str){0};
    memcpy(text, head.data, head.len);
    text[head.len] = '.';
    memcpy(text + head.len + 1, node->name.data, node->name.len);
    return (struct str){text, head.len + 1 + node->name.len};
}

/* ---- selection ---- */

static const struct cel_type *field_type(struct check *check, struct cel_node *node,
                                         const struct cel_type *object, struct str name)
{
    struct cel_field *field = arena_alloc(check->unify.arena, 1, sizeof(*field));
    if (!field || !object->object->field(object->object->data, name, field)) {
        report(check, node, "undefined field '" STR_FMT "'", STR_ARG(name));
        return &error_type;
    }
    node->field = field;
    return field->type;
}

/* The type of a member, which is optional when what it is selected from is. */
static const struct cel_type *select_type(struct check *check, struct cel_node *node,
                                          const struct cel_node *operand, struct str name,
                                          bool optional)
{
    const struct cel_type *target = cel_unify_resolve(&check->unify, operand->type, false);
    const struct cel_type *result = &cel_dyn;
    if (target->kind == CEL_OPTIONAL) {
        optional = true;
        target = target->params[0];
    }
    switch ((enum cel_kind)target->kind) {
    case CEL_MAP:
        result = target->params[1];
        break;
    case CEL_OBJECT:
        result = field_type(check, node, target, name);
        break;
    case CEL_PARAM:
        (void)cel_unify_assign(&check->unify, &cel_dyn, target); /* it may be anything then */
        break;
    case CEL_DYN:
    case CEL_ERROR:
        break;
    default: {
        CLEANUP(free_ptr) char *text = shown(check, target);
        report(check, node, "type '%s' does not support field selection", text);
        result = &error_type;
    }
    }
    return optional ? cel_unify_make(&check->unify, CEL_OPTIONAL, result, NULL) : result;
}

static void check_select(struct check *check, struct cel_node *node)
{
    struct str whole = dotted(check, node);
    if (whole.len && resolve_name(check, node, whole)) {
        node->kind = CEL_NODE_IDENT;
        node->count = 0;
        node->name = whole;
        return;
    }
    check_node(check, node->args[0]);
    node->type = select_type(check, node, node->args[0], node->name, false);
    if (node->presence)
        node->type = &cel_bool;
}

/* ---- calls ---- */

static void resolve_overload(struct check *check, struct cel_node *node)
{
    const struct cel_type *types[CEL_PARAMS_MAX + 1], *params[CEL_PARAMS_MAX];
    size_t overload_count, fitting = 0;
    const struct cel_overload *overloads = cel_function_find(node->name, &overload_count);
    const struct cel_type *result = NULL;
    size_t count = node->count > CEL_PARAMS_MAX ? CEL_PARAMS_MAX + 1 : node->count;
    for (size_t i = 0; i < count; i++)
        types[i] = node->args[i]->type;
    for (size_t i = 0; i < overload_count; i++) {
        const struct cel_overload *overload = &overloads[i];
        const struct cel_type *fresh[2] = {0};
        if (overload->member != node->member || overload->count != node->count)
            continue;
        for (size_t j = 0; j < count; j++)
            params[j] = cel_unify_instance(&check->unify, overload->params[j], fresh);
        const struct cel_type *own = cel_unify_instance(&check->unify, overload->result, fresh);
        if (!cel_unify_assign_all(&check->unify, params, types, count))
            continue;
        own = cel_unify_resolve(&check->unify, own, false);
        node->overload = fitting++ ? NULL : overload;
        if (!result)
            result = own;
        else if (result->kind != CEL_DYN && !cel_type_equal(result, own))
            result = &cel_dyn;
    }
    if (!result) {
        CLEANUP(free_ptr) char *name = str_dup(node->name);
        no_overload(check, node, name, types, count, node->member);
        return;
    }
    node->type = result;
}

/* sets.contains(...) is no member of something called sets. */
static void take_namespace(struct check *check, struct cel_node *node)
{
    struct cel_node whole = {.kind = CEL_NODE_SELECT, .name = node->name, .args = node->args};
    size_t count;
    struct str name = node->member ? dotted(check, &whole) : (struct str){0};
    if (!name.len || !cel_function_find(name, &count))
        return;
    node->name = name;
    node->member = false;
    node->args++;
    node->count--;
}

static const struct call_row {
    const char *name;
    bool member;
    enum cel_call call;
} call_rows[] = {
    {"_&&_", false, CEL_CALL_AND},
    {"_||_", false, CEL_CALL_OR},
    {"_?_:_", false, CEL_CALL_CONDITIONAL},
    {"_?._", false, CEL_CALL_OPTIONAL_SELECT},
    {"_[_]", false, CEL_CALL_INDEX},
    {"or", true, CEL_CALL_OPTIONAL_OR},
    {"orValue", true, CEL_CALL_OPTIONAL_OR_VALUE},
};

static enum cel_call call_of(const struct cel_node *node)
{
    for (size_t i = 0; i < ARRAY_LEN(call_rows); i++)
        if (call_rows[i].member == node->member && str_is(node->name, call_rows[i].name))
            return call_rows[i].call;
    return CEL_CALL_PLAIN;
}

/* What cel-go's decOptimize computes beforehand, or looks up in a set that it makes beforehand. */
static bool is_conversion(const struct cel_node *node)
{
    static const char *const names[] = {"bool", "bytes",  "double",    "duration", "dyn",
                                        "int",  "string", "timestamp", "type",     "uint"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!node->member && node->count == 1 && str_is(node->name, names[i]))
            return true;
    return false;
}

static bool is_set(const struct cel_node *list)
{
    bool all = list->kind == CEL_NODE_LIST && list->literal && list->count > 0;
    for (size_t i = 0; all && i < list->count; i++) {
        const struct cel_node *item = list->args[i];
        all = item->kind == CEL_NODE_CONST && item->constant.kind != CEL_VALUE_NULL &&
              item->constant.kind != CEL_VALUE_BYTES;
    }
    return all;
}

static void see_folded(struct cel_node *node)
{
    node->literal = is_conversion(node) && node->args[0]->literal;
    node->folded = node->literal || (str_is(node->name, "@in") && is_set(node->args[1]));
}

static void check_call(struct check *check, struct cel_node *node)
{
    size_t count;
    take_namespace(check, node);
    node->call = (uint8_t)call_of(node);
    for (size_t i = node->member ? 1 : 0; i < node->count; i++)
        check_node(check, node->args[i]);
    if (node->member)
        check_node(check, node->args[0]);
    if (node->call == CEL_CALL_OPTIONAL_SELECT)
        node->type = select_type(check, node, node->args[0], node->args[1]->constant.text, true);
    else if (!cel_function_find(node->name, &count))
        undeclared(check, node, node->name);
    else
        resolve_overload(check, node);
    see_folded(node);
}

/* ---- aggregates ---- */

static const struct cel_type *join(struct check *check, const struct cel_node *node,
                                   const struct cel_type *before, const struct cel_type *now)
{
    if (!before)
        return now;
    if (cel_unify_assign(&check->unify, before, now))
        return cel_unify_general(before, now);
    mismatch(check, node, before, now);
    return &error_type;
}

/* Of `?x` the type inside. */
static const struct cel_type *unwrapped(struct check *check, const struct cel_node *node,
                                        bool optional)
{
    const struct cel_type *type = cel_unify_resolve(&check->unify, node->type, false);
    if (!optional || type->kind == CEL_DYN || type->kind == CEL_ERROR)
        return type;
    if (type->kind == CEL_OPTIONAL)
        return type->params[0];
    mismatch(check, node, cel_unify_make(&check->unify, CEL_OPTIONAL, type, NULL), type);
    return type;
}

static void check_list(struct check *check, struct cel_node *node)
{
    const struct cel_type *item = NULL;
    node->literal = !node->optional;
    for (size_t i = 0; i < node->count; i++) {
        check_node(check, node->args[i]);
        item = join(check, node->args[i], item,
                    unwrapped(check, node->args[i], node->optional && node->optional[i]));
        node->literal = node->literal && node->args[i]->literal;
    }
    node->type =
        cel_unify_make(&check->unify, CEL_LIST, item ? item : cel_unify_fresh(&check->unify), NULL);
}

static void check_map(struct check *check, struct cel_node *node)
{
    const struct cel_type *key = NULL, *value = NULL;
    node->literal = !node->optional;
    for (size_t i = 0; i + 1 < node->count; i += 2) {
        check_node(check, node->args[i]);
        key = join(check, node->args[i], key, node->args[i]->type);
        check_node(check, node->args[i + 1]);
        value = join(check, node->args[i + 1], value,
                     unwrapped(check, node->args[i + 1], node->optional && node->optional[i]));
        node->literal = node->literal && node->args[i]->literal && node->args[i + 1]->literal;
    }
    node->type = cel_unify_make(&check->unify, CEL_MAP, key ? key : cel_unify_fresh(&check->unify),
                                value ? value : cel_unify_fresh(&check->unify));
}

/* No object type can be named here: Kubernetes' environments make objects only in mutations. */
static void check_struct(struct check *check, struct cel_node *node)
{
    undeclared(check, node, node->name);
}

/* ---- comprehensions ---- */

static const struct cel_type *range_item(struct check *check, struct cel_node *range)
{
    const struct cel_type *type = cel_unify_resolve(&check->unify, range->type, false);
    switch ((enum cel_kind)type->kind) {
    case CEL_LIST:
    case CEL_MAP:
        return type->params[0];
    case CEL_PARAM:
        (void)cel_unify_assign(&check->unify, &cel_dyn, type); /* it may be anything then */
        return &cel_dyn;
    case CEL_DYN:
    case CEL_ERROR:
        return &cel_dyn;
    default:
        break;
    }
    CLEANUP(free_ptr) char *text = shown(check, type);
    report(check, range,
           "expression of type '%s' cannot be range of a comprehension (must be list, map, or "
           "dynamic)",
           text);
    return &error_type;
}

/* What an optional holds. */
static const struct cel_type *optional_inner(struct check *check, struct cel_node *node,
                                             struct cel_node *range)
{
    const struct cel_type *type = cel_unify_resolve(&check->unify, range->type, false);
    if (type->kind == CEL_OPTIONAL)
        return type->params[0];
    if (type->kind != CEL_DYN && type->kind != CEL_ERROR)
        no_overload(check, node, "hasValue", &type, 1, true);
    return &cel_dyn;
}

static bool is_optional_fold(const struct cel_node *node)
{
    return node->fold == CEL_FOLD_OPT_MAP || node->fold == CEL_FOLD_OPT_FLATMAP;
}

/* A predicate must be bool; the message is of the expression that the macro stands for. */
static void check_predicate(struct check *check, struct cel_node *node, const struct cel_type *item)
{
    const struct cel_type *types[3] = {&cel_bool, node->args[1]->type};
    if (cel_unify_assign(&check->unify, &cel_bool, node->args[1]->type))
        return;
    if (node->fold == CEL_FOLD_ALL || node->fold == CEL_FOLD_EXISTS) {
        no_overload(check, node, node->fold == CEL_FOLD_ALL ? "_&&_" : "_||_", types, 2, false);
        return;
    }
    types[0] = node->args[1]->type;
    types[1] = types[2] =
        node->fold == CEL_FOLD_EXISTS_ONE
            ? &cel_int
            : cel_unify_make(&check->unify, CEL_LIST,
                             node->fold == CEL_FOLD_FILTER ? item : node->args[2]->type, NULL);
    no_overload(check, node, "_?_:_", types, 3, false);
}

static void check_fold(struct check *check, struct cel_node *node)
{
    check_node(check, node->args[0]);
    const struct cel_type *item = is_optional_fold(node)
                                      ? optional_inner(check, node, node->args[0])
                                      : range_item(check, node->args[0]);
    const struct local local = {
        .outer = check->locals, .name = node->name, .type = item, .slot = check->local_count};
    check->locals = &local;
    node->slot = check->local_count++;
    if (check->local_count > check->local_max)
        check->local_max = check->local_count;
    for (size_t i = 1; i < node->count; i++)
        check_node(check, node->args[i]);
    check->locals = local.outer;
    check->local_count--;
    struct cel_node *last = node->args[node->count - 1];
    node->type = &cel_bool;
    if (!is_optional_fold(node) && node->fold != CEL_FOLD_MAP)
        check_predicate(check, node, item);
    if (node->type->kind == CEL_ERROR)
        return;
    if (node->fold == CEL_FOLD_MAP || node->fold == CEL_FOLD_MAP_SOME)
        node->type = cel_unify_make(&check->unify, CEL_LIST, last->type, NULL);
    else if (node->fold == CEL_FOLD_FILTER)
        node->type = cel_unify_make(&check->unify, CEL_LIST, item, NULL);
    else if (node->fold == CEL_FOLD_OPT_MAP)
        node->type = cel_unify_make(&check->unify, CEL_OPTIONAL, last->type, NULL);
    else if (node->fold == CEL_FOLD_OPT_FLATMAP)
        node->type = last->type;
}

/* ---- all ---- */

static const struct cel_type *constant_type(const struct cel_value *value)
{
    static const struct cel_type *const types[] = {
        [CEL_VALUE_NULL] = &cel_null,     [CEL_VALUE_BOOL] = &cel_bool,
        [CEL_VALUE_INT] = &cel_int,       [CEL_VALUE_UINT] = &cel_uint,
        [CEL_VALUE_DOUBLE] = &cel_double, [CEL_VALUE_STRING] = &cel_string,
        [CEL_VALUE_BYTES] = &cel_bytes,
    };
    return types[value->kind];
}

static void check_node(struct check *check, struct cel_node *node)
{
    switch ((enum cel_node_kind)node->kind) {
    case CEL_NODE_CONST:
        node->type = constant_type(&node->constant);
        return;
    case CEL_NODE_IDENT:
        if (!resolve_name(check, node, node->name))
            undeclared(check, node, node->name);
        return;
    case CEL_NODE_SELECT:
        check_select(check, node);
        return;
    case CEL_NODE_CALL:
        check_call(check, node);
        return;
    case CEL_NODE_LIST:
        check_list(check, node);
        return;
    case CEL_NODE_MAP:
        check_map(check, node);
        return;
    case CEL_NODE_STRUCT:
        check_struct(check, node);
        return;
    case CEL_NODE_FOLD:
        check_fold(check, node);
        return;
    }
}

static void settle(struct check *check, struct cel_node *node)
{
    node->type = cel_unify_resolve(&check->unify, node->type, true);
    for (size_t i = 0; node->kind != CEL_NODE_IDENT && i < node->count; i++)
        settle(check, node->args[i]);
}

bool cel_check_tree(struct cel_env *env, struct arena *arena, struct cel_node *root,
                    struct str source, struct cel_problems *problems, uint32_t *local_max)
{
    struct check check = {
        .env = env, .unify = {.arena = arena}, .source = source, .problems = problems};
    check_node(&check, root);
    if (!problems->count)
        settle(&check, root);
    if (check.unify.failed && !problems->count)
        cel_problem_add(problems, source, 0, "expression is too large");
    *local_max = check.local_max;
    cel_unify_deinit(&check.unify);
    return !problems->count;
}
