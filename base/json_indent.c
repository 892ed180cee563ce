/* Compact JSON with line breaks, as Go's json.MarshalIndent lays it out with two spaces. */
#include "base/json.h"

static void break_line(struct buf *out, unsigned depth)
{
    buf_add_char(out, '\n');
    for (unsigned i = 0; i < depth; i++)
        buf_add_text(out, "  ");
}

/* The length of the string that starts with the quote at `at`. */
static size_t string_length(struct str text, size_t at)
{
    size_t end = at + 1;
    while (end < text.len && text.data[end] != '"')
        end += text.data[end] == '\\' ? 2 : 1;
    return (end < text.len ? end + 1 : text.len) - at;
}

void json_indent(struct buf *out, struct str text)
{
    unsigned depth = 0;
    for (size_t i = 0, len; i < text.len; i += len) {
        char c = text.data[i];
        len = c == '"' ? string_length(text, i) : 1;
        bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
        bool empty =
            opens && i + 1 < text.len && (text.data[i + 1] == '}' || text.data[i + 1] == ']');
        if (c == '\n' || c == ' ')
            continue;
        if (empty)
            len = 2;
        else if (closes)
            break_line(out, depth ? --depth : 0);
        buf_add(out, text.data + i, len);
        if (c == ':')
            buf_add_char(out, ' ');
        else if (c == ',' || (opens && !empty))
            break_line(out, opens ? ++depth : depth);
    }
}
