/* string.format() on literals: what can be seen to be wrong before it runs. Source: cel-go's
 * ext/formatting.go. */
#include <ctype.h>
#include <string.h>

#include "cel/ast.h"
#include "cel/eval.h"

/* The types that a clause takes, by kind; dyn is left to the run. */
#define KIND(kind) (1U << (kind))
#define ANY_TEXT                                                                                   \
    (KIND(CEL_STRING) | KIND(CEL_BOOL) | KIND(CEL_BYTES) | KIND(CEL_INT) | KIND(CEL_UINT) |        \
     KIND(CEL_DOUBLE) | KIND(CEL_MAP) | KIND(CEL_LIST) | KIND(CEL_TYPE) | KIND(CEL_DURATION) |     \
     KIND(CEL_TIMESTAMP) | KIND(CEL_NULL))
#define NUMBERS (KIND(CEL_INT) | KIND(CEL_UINT) | KIND(CEL_DOUBLE))

static const struct clause_row {
    char letter;
    unsigned kinds;
    const char *name, *takes;
} clause_rows[] = {
    {'s', ANY_TEXT, "string",
     "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"},
    {'d', KIND(CEL_INT) | KIND(CEL_UINT), "decimal", "integers"},
    {'f', NUMBERS, "fixed-point", "doubles"},
    {'e', NUMBERS, "scientific", "doubles"},
    {'b', KIND(CEL_INT) | KIND(CEL_UINT) | KIND(CEL_BOOL), "binary", "integers and bools"},
    {'x', KIND(CEL_INT) | KIND(CEL_UINT) | KIND(CEL_STRING) | KIND(CEL_BYTES), "hex",
     "integers, byte buffers, and strings"},
    {'X', KIND(CEL_INT) | KIND(CEL_UINT) | KIND(CEL_STRING) | KIND(CEL_BYTES), "hex",
     "integers, byte buffers, and strings"},
    {'o', KIND(CEL_INT) | KIND(CEL_UINT), "octal", "integers"},
};

static const struct clause_row *find_clause(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(clause_rows); i++)
        if (clause_rows[i].letter == letter)
            return &clause_rows[i];
    return NULL;
}

struct format_check {
    const struct cel_node *call, *list;
    struct str source;
    struct cel_problems *problems;
    size_t used;
};

/* One clause, behind its percent sign; `*at` moves behind it. False when something is wrong: said.
 */
static bool check_clause(struct format_check *check, struct str text, size_t *at)
{
    size_t offset = check->call->offset;
    if (*at < text.len && text.data[*at] == '%') {
        ++*at;
        return true;
    }
    if (*at >= text.len || check->used >= check->list->count) {
        cel_problem_add(check->problems, check->source, offset,
                        *at >= text.len ? "unexpected end of string" : "index %zu out of range",
                        check->used);
        return false;
    }
    while (*at < text.len && (text.data[*at] == '.' || isdigit((unsigned char)text.data[*at])))
        ++*at;
    const struct clause_row *row = *at < text.len ? find_clause(text.data[*at]) : NULL;
    if (!row) {
        cel_problem_add(
            check->problems, check->source, offset,
            "could not parse formatting clause: unrecognized formatting clause \"%.*s\"",
            *at < text.len ? 1 : 0, text.data + *at);
        return false;
    }
    ++*at;
    const struct cel_node *arg = check->list->args[check->used++];
    if (arg->type->kind == CEL_DYN || (row->kinds & KIND(arg->type->kind)))
        return true;
    cel_problem_add(check->problems, check->source, arg->offset,
                    "error during formatting: %s clause can only be used on %s, was given %s",
                    row->name, row->takes, cel_type_name(arg->type));
    return false;
}

void cel_check_format(const struct cel_node *call, struct str source, struct cel_problems *problems)
{
    bool literal = str_is(call->name, "format") && call->member && call->count == 2 &&
                   call->args[0]->kind == CEL_NODE_CONST && call->args[1]->kind == CEL_NODE_LIST &&
                   !call->args[1]->optional;
    if (!literal)
        return;
    struct format_check check = {call, call->args[1], source, problems, 0};
    struct str text = call->args[0]->constant.text;
    for (size_t at = 0; at < text.len;) {
        bool clause = text.data[at++] == '%';
        if (clause && !check_clause(&check, text, &at))
            return;
    }
    if (check.used < check.list->count)
        cel_problem_add(problems, source, call->offset,
                        "too many arguments supplied to string.format (expected %zu, got %u)",
                        check.used, check.list->count);
}
