/* Block-style YAML for people: what `-o yaml` prints. Strings are quoted only where a reader would take them for
 * something else. */
#include "base/json.h"

#include <string.h>

static void write_value(struct buf *out, const json_t *value, unsigned indent, bool in_list);

static void add_indent(struct buf *out, unsigned indent)
{
    for (unsigned i = 0; i < indent; i++)
        buf_add_text(out, "  ");
}

/* Whether a plain scalar would read back as this very string. */
static bool reads_back(struct str text)
{
    struct error err = {0};
    json_auto_t *again = yaml_parse(text, JSON_LOAD_LENIENT, &err);
    error_clear(&err);
    return json_is_string(again) &&
           str_eq((struct str){json_string_value(again), json_string_length(again)}, text);
}

static bool is_plain(struct str text)
{
    if (!text.len || strchr("-?:,[]{}#&*!|>'\"%@` \t", text.data[0]))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7f || (c == ':' && (i + 1 == text.len || text.data[i + 1] == ' ')) ||
            (c == '#' && i && text.data[i - 1] == ' '))
            return false;
    }
    return text.data[text.len - 1] != ' ' && reads_back(text);
}

/* Lines of text without trailing blanks go into a literal block. */
static bool is_block(struct str text)
{
    if (!text.len || !memchr(text.data, '\n', text.len) || text.data[0] == ' ' || text.data[0] == '\n')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < 0x20 && c != '\n') || c == 0x7f || (c == ' ' && i + 1 < text.len && text.data[i + 1] == '\n'))
            return false;
    }
    return text.data[text.len - 1] != ' ';
}

static void write_block(struct buf *out, struct str text, unsigned indent)
{
    size_t newlines = 0;
    while (newlines < text.len && text.data[text.len - 1 - newlines] == '\n')
        newlines++;
    buf_add_text(out, newlines == 0 ? "|-" : newlines == 1 ? "|" : "|+");
    struct str rest = {text.data, text.len - (newlines ? 1 : 0)};
    while (rest.data) {
        struct str line = str_cut(&rest, '\n');
        buf_add_char(out, '\n');
        if (line.len) {
            add_indent(out, indent);
            buf_add_str(out, line);
        }
    }
}

static void write_text(struct buf *out, struct str text, unsigned indent)
{
    if (is_plain(text))
        buf_add_str(out, text);
    else if (is_block(text))
        write_block(out, text, indent);
    else
        json_write_string(out, text);
}

static void write_object(struct buf *out, const json_t *object, unsigned indent, bool in_list)
{
    const char *key;
    json_t *member, *self = (json_t *)(uintptr_t)object; /* jansson's iterators are not const */
    bool first = true;
    json_object_foreach(self, key, member)
    {
        if (!first || !in_list) {
            if (out->len)
                buf_add_char(out, '\n');
            add_indent(out, indent);
        }
        first = false;
        write_text(out, str_of(key), indent);
        buf_add_char(out, ':');
        bool nested = (json_is_object(member) && json_object_size(member)) || json_array_size(member);
        if (!nested)
            buf_add_char(out, ' ');
        /* A list stands at its key's own indentation, as kubectl prints it. */
        write_value(out, member, json_is_array(member) ? indent : indent + 1, false);
    }
}

static void write_array(struct buf *out, const json_t *array, unsigned indent)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (out->len)
            buf_add_char(out, '\n');
        add_indent(out, indent);
        buf_add_text(out, "- ");
        write_value(out, json_array_get(array, i), indent + 1, true);
    }
}

static void write_value(struct buf *out, const json_t *value, unsigned indent, bool in_list)
{
    if (json_is_object(value) && json_object_size(value))
        write_object(out, value, indent, in_list);
    else if (json_array_size(value))
        write_array(out, value, indent);
    else if (json_is_string(value))
        write_text(out, (struct str){json_string_value(value), json_string_length(value)}, indent);
    else
        json_write(out, value);
}

void yaml_write(struct buf *out, const json_t *value)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(out->max);
    write_value(&text, value, 0, false);
    buf_add_char(&text, '\n');
    if (buf_ok(&text))
        buf_add(out, text.data, text.len);
}
