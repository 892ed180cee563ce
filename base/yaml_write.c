/* Block-style YAML for people: what `-o yaml` prints. Strings are quoted only where a reader would
 * take them for something else. */
#include "base/json.h"

#include <string.h>

enum { SIMPLE_KEY_MAX = 1000 }; /* bytes as written */

static void write_value(struct buf *out, const json_t *value, unsigned indent, bool in_list);

static void add_indent(struct buf *out, unsigned indent)
{
    for (unsigned i = 0; i < indent; i++)
        buf_add_text(out, "  ");
}

/* Characters that YAML does not take as they are, or takes for the end of a line: DEL, C1 controls,
 * U+2028/9, U+FEFF, U+FFFE/F. Gives the code and `*len`; 0 when the character at `at` is none of
 * them. `text` is UTF-8. */
static unsigned odd_character(struct str text, size_t at, size_t *len)
{
    const unsigned char *c = (const unsigned char *)text.data + at;
    size_t left = text.len - at;
    *len = c[0] == 0x7f ? 1 : c[0] == 0xc2 ? 2 : 3;
    if (*c == 0x7f)
        return 0x7f;
    if (left >= 2 && c[0] == 0xc2 && c[1] < 0xa0)
        return c[1];
    if (left < 3 || (c[0] != 0xe2 && c[0] != 0xef))
        return 0;
    unsigned code = (c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
    return code == 0x2028 || code == 0x2029 || code == 0xfeff || code >= 0xfffe ? code : 0;
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
    for (size_t i = 0, len; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || odd_character(text, i, &len) ||
            (c == ':' && (i + 1 == text.len || text.data[i + 1] == ' ')) ||
            (c == '#' && i && text.data[i - 1] == ' '))
            return false;
    }
    return text.data[text.len - 1] != ' ' && reads_back(text);
}

/* In double quotes, escaped. */
static void write_quoted(struct buf *out, struct str text)
{
    CLEANUP(buf_free) struct buf json = BUF_INIT(out->max);
    size_t start = 0, len;
    json_write_string(&json, text);
    for (size_t i = 0; i < json.len; i++) {
        unsigned code = odd_character(buf_str(&json), i, &len);
        if (!code)
            continue;
        buf_add(out, json.data + start, i - start);
        buf_printf(out, "\\u%04x", code);
        i += len - 1;
        start = i + 1;
    }
    buf_add(out, json.data + start, json.len - start);
}

/* Lines of text without trailing blanks go into a literal block. */
static bool is_block(struct str text)
{
    size_t len;
    if (!text.len || !memchr(text.data, '\n', text.len) || text.data[0] == ' ' ||
        text.data[0] == '\n')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < 0x20 && c != '\n') || odd_character(text, i, &len) ||
            (c == ' ' && i + 1 < text.len && text.data[i + 1] == '\n'))
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
            add_indent(out, indent ? indent : 1); /* also where the whole document is one text */
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
        write_quoted(out, text);
}

/* With the colon. Readers look for that for 1,024 characters (YAML 1.1, simple keys): a longer key
 * is marked as one. */
static void write_key(struct buf *out, struct str key, unsigned indent)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(out->max);
    if (is_plain(key))
        buf_add_str(&text, key);
    else
        write_quoted(&text, key);
    if (text.len > SIMPLE_KEY_MAX)
        buf_add_text(out, "? ");
    buf_add_str(out, buf_str(&text));
    if (text.len > SIMPLE_KEY_MAX) {
        buf_add_char(out, '\n');
        add_indent(out, indent);
    }
    buf_add_char(out, ':');
}

static void write_object(struct buf *out, const json_t *object, unsigned indent, bool in_list)
{
    const char *key;
    json_t *member;
    bool first = true;
    json_object_foreach (object, key, member) {
        if (!first || !in_list) {
            if (out->len)
                buf_add_char(out, '\n');
            add_indent(out, indent);
        }
        first = false;
        write_key(out, str_of(key), indent);
        bool nested =
            (json_is_object(member) && json_object_size(member)) || json_array_size(member);
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
