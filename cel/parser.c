/* The grammar, by recursive descent. Depth is bounded by CEL_DEPTH_MAX, which also bounds every
 * later walk of the tree. */
#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "cel/lexer.h"
#include "cel/text.h"

#define ARGS_MAX 65536
#define START_SET                                                                                  \
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, "       \
    "STRING, BYTES, IDENTIFIER}"

/* After an opening brace; ANTLR writes a question mark like this. */
#define MAP_SET                                                                                    \
    "{'[', '{', '}', '(', '.', ',', '-', '!', '\\u003F', 'true', 'false', 'null', NUM_FLOAT, "     \
    "NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
#define FIELD_SET "{'}', ',', '\\u003F', IDENTIFIER}"

struct parser {
    struct cel_parse *parse;
    struct cel_token token; /* the next one */
    size_t at;              /* behind it */
    unsigned depth;
    bool failed;
};

struct node_list {
    struct cel_node **items;
    size_t count, capacity;
    uint32_t *offsets; /* of the operator behind each item */
    bool *optional;
};

static struct cel_node *parse_expr(struct parser *parser);

/* ---- helpers ---- */

static void node_list_free(struct node_list *list)
{
    free(list->items);
    free(list->offsets);
    free(list->optional);
}

static void node_list_add(struct node_list *list, struct cel_node *node, size_t offset,
                          bool optional)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 4;
        list->items = xreallocarray(list->items, list->capacity, sizeof(struct cel_node *));
        list->offsets = xreallocarray(list->offsets, list->capacity, sizeof(*list->offsets));
        list->optional = xreallocarray(list->optional, list->capacity, sizeof(*list->optional));
    }
    list->items[list->count] = node;
    list->offsets[list->count] = (uint32_t)offset;
    list->optional[list->count++] = optional;
}

struct cel_node *cel_node_new(struct cel_parse *parse, enum cel_node_kind kind, size_t offset,
                              size_t count)
{
    struct cel_node *node = NULL;
    struct cel_node **args = NULL;
    if (++parse->node_count <= CEL_NODES_MAX) {
        node = arena_alloc(parse->arena, 1, sizeof(*node));
        args = arena_alloc(parse->arena, count + 1, sizeof(struct cel_node *));
    }
    if (!node || !args) {
        if (!parse->problems->count)
            cel_problem_add(parse->problems, parse->source, offset, "expression is too large");
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->offset = (uint32_t)offset;
    node->count = (uint32_t)count;
    node->args = args;
    node->depth = 1;
    return node;
}

static struct cel_node *fail(struct parser *parser)
{
    parser->failed = true;
    return NULL;
}

static struct cel_node *too_deep(struct parser *parser)
{
    if (!parser->failed)
        cel_problem_add(parser->parse->problems, parser->parse->source, 0,
                        "expression recursion limit exceeded: %d", CEL_DEPTH_MAX);
    return fail(parser);
}

/* Takes a child in, and minds the depth. False when there is none or it is too deep. */
static bool adopt(struct parser *parser, struct cel_node *node, size_t at, struct cel_node *child)
{
    if (!node || !child) {
        fail(parser);
        return false;
    }
    node->args[at] = child;
    if (child->depth >= node->depth)
        node->depth = (uint16_t)(child->depth + 1);
    if (node->depth > CEL_DEPTH_MAX) {
        too_deep(parser);
        return false;
    }
    return true;
}

static void advance(struct parser *parser)
{
    parser->token = cel_lex(parser->parse, &parser->at);
}

static bool is_sign(const struct parser *parser, const char *sign)
{
    return parser->token.kind == CEL_TOKEN_SIGN && str_is(parser->token.text, sign);
}

static bool accept(struct parser *parser, const char *sign)
{
    bool found = is_sign(parser, sign);
    if (found)
        advance(parser);
    return found;
}

/* Whether the token after the next one is `wanted` (NULL: the end). */
static bool then(struct parser *parser, const char *wanted)
{
    struct cel_problems ignored = {0};
    struct cel_parse peek = *parser->parse;
    size_t at = parser->at;
    peek.problems = &ignored;
    struct cel_token token = cel_lex(&peek, &at);
    cel_problems_clear(&ignored);
    return wanted ? token.kind == CEL_TOKEN_SIGN && str_is(token.text, wanted)
                  : token.kind == CEL_TOKEN_END;
}

static struct cel_node *unexpected(struct parser *parser, const char *what, const char *expected)
{
    if (!parser->failed)
        cel_problem_add(parser->parse->problems, parser->parse->source, parser->token.offset,
                        "Syntax error: %s input '" STR_FMT "' expecting %s", what,
                        STR_ARG(parser->token.text), expected);
    return fail(parser);
}

static bool expect(struct parser *parser, const char *sign)
{
    if (accept(parser, sign))
        return true;
    CLEANUP(free_ptr) char *quoted = xasprintf("'%s'", sign);
    unexpected(parser,
               parser->token.kind != CEL_TOKEN_END && then(parser, sign) ? "extraneous"
                                                                         : "mismatched",
               quoted);
    return false;
}

static struct cel_node *call_of(struct parser *parser, const char *function, size_t offset,
                                struct cel_node *a, struct cel_node *b, struct cel_node *c)
{
    struct cel_node *args[] = {a, b, c};
    size_t count = c ? 3 : b ? 2 : 1;
    struct cel_node *node = a ? cel_node_new(parser->parse, CEL_NODE_CALL, offset, count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!adopt(parser, node, i, args[i]))
            return NULL;
    node->name = str_of(function);
    return node;
}

/* ---- literals ---- */

static struct cel_node *constant(struct parser *parser, size_t offset, struct cel_value value)
{
    struct cel_node *node = cel_node_new(parser->parse, CEL_NODE_CONST, offset, 0);
    if (!node)
        return fail(parser);
    node->constant = value;
    node->literal = true;
    return node;
}

static struct cel_node *text_constant(struct parser *parser, size_t offset, struct str text)
{
    return constant(parser, offset, (struct cel_value){.kind = CEL_VALUE_STRING, .text = text});
}

static bool read_natural(struct str text, uint64_t *out)
{
    char digits[40];
    char *end;
    if (text.len && (text.data[text.len - 1] == 'u' || text.data[text.len - 1] == 'U'))
        text.len--;
    if (text.len >= sizeof(digits))
        return false;
    memcpy(digits, text.data, text.len);
    digits[text.len] = '\0';
    bool hex = text_starts(digits, "0x");
    errno = 0;
    *out = strtoull(hex ? digits + 2 : digits, &end, hex ? 16 : 10);
    return errno == 0 && *end == '\0';
}

static struct cel_node *bad_literal(struct parser *parser, size_t offset, const char *what)
{
    cel_problem_add(parser->parse->problems, parser->parse->source, offset, "invalid %s literal",
                    what);
    return constant(parser, offset, (struct cel_value){0});
}

static struct cel_node *parse_int(struct parser *parser, struct cel_token token, size_t offset,
                                  bool negative)
{
    uint64_t size;
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    if (!read_natural(token.text, &size) || size > most)
        return bad_literal(parser, offset, "int");
    int64_t number = negative ? (int64_t)(0 - size) : (int64_t)size;
    return constant(parser, offset, (struct cel_value){.kind = CEL_VALUE_INT, .integer = number});
}

static struct cel_node *parse_float(struct parser *parser, struct cel_token token, size_t offset,
                                    bool negative)
{
    CLEANUP(free_ptr) char *text = str_dup(token.text);
    double number = strtod(text, NULL);
    if (__builtin_isinf(number))
        return bad_literal(parser, offset, "double");
    return constant(
        parser, offset,
        (struct cel_value){.kind = CEL_VALUE_DOUBLE, .real = negative ? -number : number});
}

static struct cel_node *parse_text(struct parser *parser, struct cel_token token)
{
    struct cel_value value = {.kind = token.kind == CEL_TOKEN_BYTES ? CEL_VALUE_BYTES
                                                                    : CEL_VALUE_STRING};
    if (!cel_unescape(parser->parse->arena, token, &value.text)) {
        cel_problem_add(parser->parse->problems, parser->parse->source, token.offset,
                        "Syntax error: token recognition error at: '" STR_FMT "'",
                        STR_ARG(token.text));
        return fail(parser);
    }
    return constant(parser, token.offset, value);
}

static struct cel_node *parse_literal(struct parser *parser)
{
    size_t offset = parser->token.offset;
    bool negative = accept(parser, "-");
    struct cel_token token = parser->token;
    uint64_t natural;
    advance(parser);
    switch (token.kind) {
    case CEL_TOKEN_INT:
        return parse_int(parser, token, offset, negative);
    case CEL_TOKEN_FLOAT:
        return parse_float(parser, token, offset, negative);
    case CEL_TOKEN_UINT:
        if (!read_natural(token.text, &natural))
            return bad_literal(parser, offset, "uint");
        return constant(parser, offset,
                        (struct cel_value){.kind = CEL_VALUE_UINT, .natural = natural});
    case CEL_TOKEN_STRING:
    case CEL_TOKEN_BYTES:
        return parse_text(parser, token);
    case CEL_TOKEN_TRUE:
    case CEL_TOKEN_FALSE:
        return constant(
            parser, offset,
            (struct cel_value){.kind = CEL_VALUE_BOOL, .boolean = token.kind == CEL_TOKEN_TRUE});
    default:
        return constant(parser, offset, (struct cel_value){.kind = CEL_VALUE_NULL});
    }
}

/* ---- primaries ---- */

static bool is_reserved(struct str name)
{
    static const char *const reserved[] = {
        "as",       "break",     "const",  "continue", "else", "false", "for",
        "function", "if",        "import", "in",       "let",  "loop",  "null",
        "package",  "namespace", "return", "true",     "var",  "void",  "while"};
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (str_is(name, reserved[i]))
            return true;
    return false;
}

/* Comma-separated up to `close`; a last comma may stand. */
static bool parse_items(struct parser *parser, struct node_list *list, const char *close,
                        bool may_be_optional)
{
    while (!is_sign(parser, close) && !parser->failed) {
        bool optional = may_be_optional && accept(parser, "?");
        struct cel_node *node = parse_expr(parser);
        if (!node || list->count >= ARGS_MAX)
            return fail(parser) != NULL;
        node_list_add(list, node, 0, optional);
        if (!accept(parser, ","))
            break;
    }
    return !parser->failed && expect(parser, close);
}

static struct cel_node *node_with(struct parser *parser, enum cel_node_kind kind, size_t offset,
                                  struct cel_node *target, const struct node_list *list)
{
    struct cel_node *node =
        cel_node_new(parser->parse, kind, offset, list->count + (target != NULL));
    if (target && !adopt(parser, node, 0, target))
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        if (!adopt(parser, node, i + (target != NULL), list->items[i]))
            return NULL;
    return node ? node : fail(parser);
}

static struct cel_node *finish_call(struct parser *parser, struct cel_node *target, struct str name)
{
    CLEANUP(node_list_free) struct node_list args = {0};
    size_t offset = parser->token.offset;
    bool is_macro = false;
    advance(parser); /* the parenthesis */
    if (!parse_items(parser, &args, ")", false))
        return NULL;
    struct cel_node *call = node_with(parser, CEL_NODE_CALL, offset, target, &args);
    if (!call)
        return NULL;
    call->name = name;
    call->member = target != NULL;
    struct cel_node *expanded = cel_macro_expand(parser->parse, call, &is_macro);
    return is_macro ? expanded ? expanded : fail(parser) : call;
}

static struct cel_node *take_optional(struct parser *parser, struct cel_node *node,
                                      const struct node_list *list)
{
    bool any = false;
    for (size_t i = 0; i < list->count; i++)
        any = any || list->optional[i];
    if (!node || !any)
        return node;
    node->optional = arena_alloc(parser->parse->arena, list->count, sizeof(bool));
    if (!node->optional)
        return fail(parser);
    memcpy(node->optional, list->optional, list->count * sizeof(bool));
    return node;
}

static struct cel_node *parse_list(struct parser *parser)
{
    CLEANUP(node_list_free) struct node_list items = {0};
    size_t offset = parser->token.offset;
    advance(parser);
    if (!parse_items(parser, &items, "]", true))
        return NULL;
    return take_optional(parser, node_with(parser, CEL_NODE_LIST, offset, NULL, &items), &items);
}

static struct cel_node *parse_map(struct parser *parser)
{
    CLEANUP(node_list_free) struct node_list items = {0};
    size_t offset = parser->token.offset;
    advance(parser);
    if (parser->token.kind == CEL_TOKEN_END)
        return unexpected(parser, "mismatched", MAP_SET);
    while (!is_sign(parser, "}") && !parser->failed) {
        bool optional = accept(parser, "?");
        struct cel_node *key = parse_expr(parser);
        if (!key || !expect(parser, ":"))
            return fail(parser);
        struct cel_node *value = parse_expr(parser);
        if (!value || items.count >= ARGS_MAX)
            return fail(parser);
        node_list_add(&items, key, 0, optional);
        node_list_add(&items, value, 0, optional);
        if (!accept(parser, ","))
            break;
    }
    if (parser->failed || !expect(parser, "}"))
        return NULL;
    return take_optional(parser, node_with(parser, CEL_NODE_MAP, offset, NULL, &items), &items);
}

/* NAME{field: value, ...} */
static struct cel_node *parse_struct(struct parser *parser, struct str name)
{
    CLEANUP(node_list_free) struct node_list items = {0};
    struct str *fields = arena_alloc(parser->parse->arena, ARGS_MAX / 256, sizeof(*fields));
    size_t offset = parser->token.offset;
    advance(parser);
    while (!is_sign(parser, "}") && !parser->failed && fields) {
        bool optional = accept(parser, "?");
        if (parser->token.kind != CEL_TOKEN_IDENT || items.count >= ARGS_MAX / 256)
            return unexpected(parser, "mismatched", FIELD_SET);
        fields[items.count] = parser->token.text;
        advance(parser);
        if (!expect(parser, ":"))
            return NULL;
        struct cel_node *value = parse_expr(parser);
        if (!value)
            return fail(parser);
        node_list_add(&items, value, 0, optional);
        if (!accept(parser, ","))
            break;
    }
    if (parser->failed || !expect(parser, "}"))
        return NULL;
    struct cel_node *node =
        take_optional(parser, node_with(parser, CEL_NODE_STRUCT, offset, NULL, &items), &items);
    if (node) {
        node->name = name;
        node->fields = fields;
    }
    return node;
}

static struct cel_node *parse_name(struct parser *parser, bool rooted)
{
    struct cel_token token = parser->token;
    if (token.kind != CEL_TOKEN_IDENT)
        return unexpected(parser, "mismatched", "IDENTIFIER");
    advance(parser);
    if (is_reserved(token.text)) {
        cel_problem_add(parser->parse->problems, parser->parse->source, token.offset,
                        "reserved identifier: " STR_FMT, STR_ARG(token.text));
        return fail(parser);
    }
    if (is_sign(parser, "("))
        return finish_call(parser, NULL, token.text);
    if (is_sign(parser, "{"))
        return parse_struct(parser, token.text);
    struct cel_node *node = cel_node_new(parser->parse, CEL_NODE_IDENT, token.offset, 0);
    if (!node)
        return fail(parser);
    node->name = rooted ? (struct str){token.text.data, token.text.len} : token.text;
    return node;
}

static struct cel_node *parse_primary(struct parser *parser)
{
    switch (parser->token.kind) {
    case CEL_TOKEN_IDENT:
        return parse_name(parser, false);
    case CEL_TOKEN_END:
    case CEL_TOKEN_IN:
        return unexpected(parser, "mismatched", START_SET);
    case CEL_TOKEN_SIGN:
        break;
    default:
        return parse_literal(parser);
    }
    if (accept(parser, ".")) /* the root: there is but one container */
        return parse_name(parser, true);
    if (accept(parser, "(")) {
        struct cel_node *inner = parse_expr(parser);
        return inner && expect(parser, ")") ? inner : fail(parser);
    }
    if (is_sign(parser, "["))
        return parse_list(parser);
    if (is_sign(parser, "{"))
        return parse_map(parser);
    return unexpected(parser, then(parser, NULL) ? "mismatched" : "extraneous", START_SET);
}

/* a.b.c as one name; empty when it is none. */
static struct str qualified(struct parser *parser, const struct cel_node *node)
{
    if (node->kind == CEL_NODE_IDENT)
        return node->name;
    if (node->kind != CEL_NODE_SELECT || node->presence)
        return (struct str){0};
    struct str head = qualified(parser, node->args[0]);
    char *text =
        head.len ? arena_alloc(parser->parse->arena, head.len + node->name.len + 2, 1) : NULL;
    if (!text)
        return (struct str){0};
    memcpy(text, head.data, head.len);
    text[head.len] = '.';
    memcpy(text + head.len + 1, node->name.data, node->name.len);
    return (struct str){text, head.len + 1 + node->name.len};
}

static struct cel_node *parse_select(struct parser *parser, struct cel_node *operand)
{
    size_t offset = parser->token.offset;
    advance(parser);
    bool optional = accept(parser, "?");
    struct cel_token name = parser->token;
    if (name.kind != CEL_TOKEN_IDENT)
        return unexpected(parser, "mismatched", "IDENTIFIER");
    advance(parser);
    if (optional)
        return call_of(parser, "_?._", offset, operand,
                       text_constant(parser, name.offset, name.text), NULL);
    if (is_sign(parser, "("))
        return finish_call(parser, operand, name.text);
    struct cel_node *node = cel_node_new(parser->parse, CEL_NODE_SELECT, offset, 1);
    if (!adopt(parser, node, 0, operand))
        return NULL;
    node->name = name.text;
    if (is_sign(parser, "{")) {
        struct str type_name = qualified(parser, node);
        if (type_name.len)
            return parse_struct(parser, type_name);
    }
    return node;
}

static struct cel_node *parse_index(struct parser *parser, struct cel_node *operand)
{
    size_t offset = parser->token.offset;
    advance(parser);
    const char *function = accept(parser, "?") ? "_[?_]" : "_[_]";
    struct cel_node *index = parse_expr(parser);
    if (!index || !expect(parser, "]"))
        return fail(parser);
    return call_of(parser, function, offset, operand, index, NULL);
}

static struct cel_node *parse_member(struct parser *parser, struct cel_node *node)
{
    while (node && !parser->failed) {
        if (is_sign(parser, "."))
            node = parse_select(parser, node);
        else if (is_sign(parser, "["))
            node = parse_index(parser, node);
        else
            return node;
    }
    return NULL;
}

/* ---- operators ---- */

static bool next_is_number(struct parser *parser)
{
    struct cel_problems ignored = {0};
    struct cel_parse peek = *parser->parse;
    size_t at = parser->at;
    peek.problems = &ignored;
    struct cel_token token = cel_lex(&peek, &at);
    cel_problems_clear(&ignored);
    return token.kind == CEL_TOKEN_INT || token.kind == CEL_TOKEN_FLOAT;
}

static struct cel_node *parse_unary(struct parser *parser)
{
    const char *sign = is_sign(parser, "!") ? "!" : is_sign(parser, "-") ? "-" : NULL;
    size_t offset = parser->token.offset;
    bool odd = false;
    if (!sign)
        return parse_member(parser, parse_primary(parser));
    if (*sign == '-' && next_is_number(parser))
        return parse_member(parser, parse_literal(parser));
    while (accept(parser, sign))
        odd = !odd;
    struct cel_node *node = parse_member(parser, parse_primary(parser));
    return node && odd ? call_of(parser, *sign == '!' ? "!_" : "-_", offset, node, NULL, NULL)
                       : node;
}

struct operator_row {
    const char *sign, *function;
};
static const struct operator_row products[] = {
    {"*", "_*_"}, {"/", "_/_"}, {"%", "_%_"}, {NULL, NULL}};
static const struct operator_row sums[] = {{"+", "_+_"}, {"-", "_-_"}, {NULL, NULL}};
static const struct operator_row relations[] = {{"==", "_==_"}, {"!=", "_!=_"}, {"<=", "_<=_"},
                                                {">=", "_>=_"}, {"<", "_<_"},   {">", "_>_"},
                                                {NULL, NULL}};

static const char *operator_of(const struct parser *parser, const struct operator_row *rows)
{
    if (rows == relations && parser->token.kind == CEL_TOKEN_IN)
        return "@in";
    for (; rows->sign; rows++)
        if (is_sign(parser, rows->sign))
            return rows->function;
    return NULL;
}

/* Left-associative operators of one level, over the next tighter one. */
static struct cel_node *parse_level(struct parser *parser, unsigned level)
{
    static const struct operator_row *const levels[] = {relations, sums, products};
    if (level == ARRAY_LEN(levels))
        return parse_unary(parser);
    struct cel_node *left = parse_level(parser, level + 1);
    const char *function;
    while (left && (function = operator_of(parser, levels[level]))) {
        size_t offset = parser->token.offset;
        advance(parser);
        struct cel_node *right = parse_level(parser, level + 1);
        left = right ? call_of(parser, function, offset, left, right, NULL) : NULL;
    }
    return left;
}

/* Terms of && or || as a balanced tree, so that many do not nest deep. */
static struct cel_node *balance(struct parser *parser, const struct node_list *terms,
                                const char *function, size_t low, size_t high)
{
    size_t middle = (low + high + 1) / 2;
    struct cel_node *left =
        middle == low ? terms->items[middle] : balance(parser, terms, function, low, middle - 1);
    struct cel_node *right = middle == high ? terms->items[middle + 1]
                                            : balance(parser, terms, function, middle + 1, high);
    if (!left || !right)
        return fail(parser);
    return call_of(parser, function, terms->offsets[middle], left, right, NULL);
}

static struct cel_node *parse_logic(struct parser *parser, bool or)
{
    CLEANUP(node_list_free) struct node_list terms = {0};
    for (;;) {
        struct cel_node *term = or ? parse_logic(parser, false) : parse_level(parser, 0);
        if (!term)
            return fail(parser);
        node_list_add(&terms, term, parser->token.offset, false);
        if (!accept(parser, or ? "||" : "&&"))
            break;
    }
    if (terms.count == 1)
        return terms.items[0];
    return balance(parser, &terms, or ? "_||_" : "_&&_", 0, terms.count - 2);
}

static struct cel_node *parse_expr(struct parser *parser)
{
    if (++parser->depth > CEL_DEPTH_MAX)
        return too_deep(parser);
    struct cel_node *node = parse_logic(parser, true);
    size_t offset = parser->token.offset;
    if (node && accept(parser, "?")) {
        struct cel_node *yes = parse_logic(parser, true);
        struct cel_node *no = yes && expect(parser, ":") ? parse_expr(parser) : NULL;
        node = yes && no ? call_of(parser, "_?_:_", offset, node, yes, no) : fail(parser);
    }
    parser->depth--;
    return parser->failed ? NULL : node;
}

struct cel_node *cel_parse(struct cel_parse *parse)
{
    struct parser parser = {.parse = parse};
    size_t size = cel_text_count(parse->source);
    if (size > CEL_SOURCE_MAX) {
        cel_problem_add(parse->problems, parse->source, 0,
                        "expression code point size exceeds limit: size: %zu, limit %d", size,
                        CEL_SOURCE_MAX);
        return NULL;
    }
    advance(&parser);
    struct cel_node *node = parse_expr(&parser);
    if (node && parser.token.kind != CEL_TOKEN_END)
        unexpected(&parser, then(&parser, NULL) ? "extraneous" : "mismatched", "<EOF>");
    return parse->problems->count ? NULL : node;
}
