/* Lists as YAML, item by item: as a tree a list takes ten times its text. */
#include "base/json.h"

#include <string.h>

#include "base/json_scan.h"
#include "base/mem.h"

static bool write_sorted(struct buf *out, json_t *tree)
{
    if (!tree)
        return false;
    yaml_sort(tree);
    yaml_write(out, tree);
    return true;
}

static json_t *parse(struct str json)
{
    CLEANUP(error_clear) struct error ignored = {0};
    return json_parse(json, JSON_LOAD_LENIENT, &ignored);
}

/* As one item of a list that stands at the margin. */
static bool write_item(struct buf *out, struct str json)
{
    json_auto_t *tree = parse(json), *list = json_array();
    return tree && json_array_append(list, tree) == 0 && write_sorted(out, list);
}

/* `array` has items. */
static bool write_items(struct buf *out, struct str array)
{
    const char *at = array.data + 1, *end = array.data + array.len;
    for (;;) {
        const char *next = json_scan_value(at, end);
        if (!next || next >= end || !write_item(out, (struct str){at, (size_t)(next - at)}))
            return false;
        if (*next != ',')
            return *next == ']';
        at = next + 1;
    }
}

/* The document with an empty array in place of this one. */
static json_t *parse_around(struct str json, struct str array)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(json.len);
    const char *behind = array.data + array.len;
    buf_add(&text, json.data, (size_t)(array.data - json.data));
    buf_add_text(&text, "[]");
    buf_add(&text, behind, (size_t)(json.data + json.len - behind));
    return parse(buf_str(&text));
}

/* Where the line "NAME: []" is at the margin, which nothing but the document's own member is. */
static const char *find_line(const struct buf *text, const char *line)
{
    const char *found = text->data;
    while ((found = strstr(found, line)) && found != text->data && found[-1] != '\n')
        found++;
    return found;
}

static bool write_around(struct buf *out, struct str json, const char *name, struct str array)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(out->max);
    CLEANUP(free_ptr) char *line = xasprintf("%s: []\n", name);
    json_auto_t *tree = parse_around(json, array);
    if (!write_sorted(&text, tree) || !buf_ok(&text))
        return false;
    const char *found = find_line(&text, line);
    if (!found)
        return false;
    const char *behind = found + strlen(line);
    buf_add(out, text.data, (size_t)(found - text.data));
    buf_printf(out, "%s:\n", name);
    bool ok = write_items(out, array);
    buf_add_text(out, behind);
    return ok;
}

bool yaml_write_list(struct buf *out, struct str json)
{
    static const char *const names[] = {"items", "rows"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str array = json_member(json, str_of(names[i]));
        if (array.len > 2 && array.data[0] == '[')
            return write_around(out, json, names[i], array);
    }
    json_auto_t *tree = parse(json);
    return write_sorted(out, tree);
}
