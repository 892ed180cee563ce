/* What is wrong with an expression, and how cel-go prints it. */
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "cel/ast.h"
#include "cel/text.h"

void cel_problem_add(struct cel_problems *problems, struct str source, size_t offset,
                     const char *format, ...)
{
    struct cel_problem problem = {.line = 1};
    size_t line = 0;
    va_list args;
    if (problems->count >= CEL_PROBLEMS_MAX)
        return;
    if (offset > source.len)
        offset = source.len;
    for (size_t i = 0; i < offset; i++)
        if (source.data[i] == '\n') {
            problem.line++;
            line = i + 1;
        }
    problem.column = (unsigned)cel_text_count((struct str){source.data + line, offset - line});
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    problem.message = xstrdup(text.len ? text.data : "");
    problems->items = xreallocarray(problems->items, problems->count + 1, sizeof(*problems->items));
    problems->items[problems->count++] = problem;
}

void cel_problems_clear(struct cel_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->items[i].message);
    free(problems->items);
    *problems = (struct cel_problems){0};
}

static struct str line_of(struct str source, unsigned number)
{
    struct str rest = source, line = {0};
    for (unsigned i = 0; i < number; i++)
        line = str_cut(&rest, '\n');
    return line;
}

/* The line, and a mark below the column: wide where the character is. */
static void add_snippet(struct buf *out, struct str line, unsigned column)
{
    size_t at = 0;
    buf_add_text(out, "\n | ");
    for (size_t i = 0; i < line.len; i++)
        buf_add_char(out, line.data[i] == '\t' ? ' ' : line.data[i]);
    buf_add_text(out, "\n | ");
    for (unsigned i = 0; i < column && at < line.len; i++) {
        size_t len = cel_text_next((struct str){line.data + at, line.len - at}, NULL);
        buf_add_text(out, len > 1 ? "．" : ".");
        at += len;
    }
    bool wide =
        at < line.len && cel_text_next((struct str){line.data + at, line.len - at}, NULL) > 1;
    buf_add_text(out, wide ? "＾" : "^");
}

char *cel_problems_text(const struct cel_problems *problems, struct str source)
{
    struct buf out = BUF_TEXT;
    for (size_t i = 0; i < problems->count; i++) {
        const struct cel_problem *problem = &problems->items[i];
        buf_printf(&out, "%sERROR: <input>:%u:%u: %s", i ? "\n" : "", problem->line,
                   problem->column + 1, problem->message);
        add_snippet(&out, line_of(source, problem->line), problem->column);
    }
    char *text = buf_take(&out);
    return text ? text : xstrdup("");
}
