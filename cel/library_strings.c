/* The functions of texts: cel-go's string extension, version 2, and Kubernetes' regular
 * expressions. Places are counted in code points. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "cel/library.h"
#include "cel/text.h"

#define TEXT_MAX ((size_t)32 << 20)

static bool work_on(struct cel_eval *eval, struct str text)
{
    return cel_eval_work(eval, 1 + text.len);
}

/* The text that was built, or why it could not be. */
static struct cel_value finish(struct cel_eval *eval, const struct buf *out)
{
    if (!buf_ok(out))
        return cel_fail(eval, "operation cancelled: the text is too long");
    if (!cel_eval_work(eval, out->len))
        return cel_stopped(eval);
    return cel_copy_text(eval, buf_str(out));
}

static struct str slice(struct str text, size_t from, size_t to)
{
    return (struct str){text.data + from, to - from};
}

struct cel_value cel_lib_char_at(struct cel_eval *eval, const struct cel_value *args)
{
    struct str text = args[0].text;
    if (!work_on(eval, text))
        return cel_stopped(eval);
    int64_t count = (int64_t)cel_text_count(text), at = args[1].integer;
    if (at < 0 || at > count)
        return cel_fail(eval, "index out of range: %lld", (long long)at);
    size_t from = cel_text_offset(text, (size_t)at);
    struct str rest = slice(text, from, text.len);
    return cel_of_text((struct str){rest.data, cel_text_next(rest, NULL)});
}

/* ---- searching ---- */

static int64_t find_from(struct str text, struct str part, size_t from)
{
    const char *found = part.len ? memmem(text.data + from, text.len - from, part.data, part.len)
                                 : text.data + from;
    return found ? (int64_t)cel_text_count(slice(text, 0, (size_t)(found - text.data))) : -1;
}

struct cel_value cel_lib_index_of(struct cel_eval *eval, const struct cel_value *args)
{
    struct str text = args[0].text, part = args[1].text;
    int64_t from = args[2].kind == CEL_VALUE_INT ? args[2].integer : 0;
    if (!work_on(eval, text))
        return cel_stopped(eval);
    if (from < 0 || (from && from >= (int64_t)cel_text_count(text)))
        return from >= 0 && !part.len && from == (int64_t)cel_text_count(text)
                   ? cel_of_int(from)
                   : cel_fail(eval, "index out of range: %lld", (long long)from);
    if (!part.len)
        return cel_of_int(from);
    return cel_of_int(
        text.len < part.len ? -1 : find_from(text, part, cel_text_offset(text, (size_t)from)));
}

static int64_t find_last(struct str text, struct str part, size_t at)
{
    for (size_t i = (at < text.len - part.len ? at : text.len - part.len) + 1; i-- > 0;)
        if (memcmp(text.data + i, part.data, part.len) == 0)
            return (int64_t)cel_text_count(slice(text, 0, i));
    return -1;
}

struct cel_value cel_lib_last_index_of(struct cel_eval *eval, const struct cel_value *args)
{
    struct str text = args[0].text, part = args[1].text;
    if (!cel_eval_work(eval, (1 + text.len) * (1 + part.len / 8)))
        return cel_stopped(eval);
    int64_t count = (int64_t)cel_text_count(text);
    int64_t from = args[2].kind == CEL_VALUE_INT ? args[2].integer : count;
    if (from < 0 ||
        (args[2].kind == CEL_VALUE_INT && from >= count && !(from == count && !part.len)))
        return cel_fail(eval, "index out of range: %lld", (long long)from);
    if (!part.len)
        return cel_of_int(from);
    return cel_of_int(
        text.len < part.len ? -1 : find_last(text, part, cel_text_offset(text, (size_t)from)));
}

/* ---- parts ---- */

struct cel_value cel_lib_substring(struct cel_eval *eval, const struct cel_value *args)
{
    struct str text = args[0].text;
    bool ended = args[2].kind == CEL_VALUE_INT;
    if (!work_on(eval, text))
        return cel_stopped(eval);
    int64_t count = (int64_t)cel_text_count(text), from = args[1].integer,
            to = ended ? args[2].integer : count;
    if (ended && from > to)
        return cel_fail(eval, "invalid substring range. start: %lld, end: %lld", (long long)from,
                        (long long)to);
    if (from < 0 || from > count)
        return cel_fail(eval, "index out of range: %lld", (long long)from);
    if (to < 0 || to > count)
        return cel_fail(eval, "index out of range: %lld", (long long)to);
    return cel_of_text(
        slice(text, cel_text_offset(text, (size_t)from), cel_text_offset(text, (size_t)to)));
}

static bool is_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || code == 32 || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

struct cel_value cel_lib_trim(struct cel_eval *eval, const struct cel_value *args)
{
    struct str text = args[0].text;
    uint32_t code;
    if (!work_on(eval, text))
        return cel_stopped(eval);
    for (size_t len; (len = cel_text_next(text, &code)) && is_space(code);)
        text = slice(text, len, text.len);
    size_t end = 0;
    for (size_t len, at = 0; at < text.len; at += len) {
        len = cel_text_next(slice(text, at, text.len), &code);
        if (!is_space(code))
            end = at + len;
    }
    return cel_of_text(slice(text, 0, end));
}

static struct cel_value mapped(struct cel_eval *eval, struct str text, char from, char to)
{
    char *copy = work_on(eval, text) ? cel_eval_alloc(eval, text.len + 1, 1) : NULL;
    if (!copy)
        return cel_stopped(eval);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.data[i] >= from && text.data[i] < from + 26
                      ? (char)(text.data[i] - from + to)
                      : text.data[i];
    return cel_of_text((struct str){copy, text.len});
}

struct cel_value cel_lib_lower_ascii(struct cel_eval *eval, const struct cel_value *args)
{
    return mapped(eval, args[0].text, 'A', 'a');
}

struct cel_value cel_lib_upper_ascii(struct cel_eval *eval, const struct cel_value *args)
{
    return mapped(eval, args[0].text, 'a', 'A');
}

struct cel_value cel_lib_replace(struct cel_eval *eval, const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    struct str text = args[0].text, part = args[1].text;
    int64_t left = args[3].kind == CEL_VALUE_INT ? args[3].integer : -1;
    if (!work_on(eval, text))
        return cel_stopped(eval);
    while (left && (text.len || !part.len)) {
        const char *found = part.len ? memmem(text.data, text.len, part.data, part.len) : text.data;
        if (!found)
            break;
        size_t before = part.len ? (size_t)(found - text.data) : 0;
        buf_add(&out, text.data, before);
        buf_add_str(&out, args[2].text);
        text = slice(text, before + part.len, text.len);
        left -= left > 0;
        if (part.len)
            continue;
        size_t len = cel_text_next(text, NULL);
        if (!len)
            break;
        buf_add(&out, text.data, len);
        text = slice(text, len, text.len);
    }
    buf_add_str(&out, text);
    return finish(eval, &out);
}

static size_t count_parts(struct str text, struct str by, int64_t most)
{
    size_t count = 1;
    if (!by.len)
        count = cel_text_count(text);
    else
        for (const char *at = text.data;
             text.len && (at = memmem(at, text.len - (size_t)(at - text.data), by.data, by.len));
             at += by.len)
            count++;
    return most >= 0 && count > (size_t)most ? (size_t)most : count;
}

struct cel_value cel_lib_split(struct cel_eval *eval, const struct cel_value *args)
{
    struct str text = args[0].text, by = args[1].text;
    int64_t most = args[2].kind == CEL_VALUE_INT ? args[2].integer : -1;
    if (!work_on(eval, text))
        return cel_stopped(eval);
    struct cel_list *list = cel_list_new(eval, count_parts(text, by, most));
    if (!list)
        return cel_stopped(eval);
    for (size_t i = 0; i < list->count; i++) {
        const char *found =
            by.len && text.len ? memmem(text.data, text.len, by.data, by.len) : NULL;
        size_t end = !by.len ? cel_text_next(text, NULL)
                     : found ? (size_t)(found - text.data)
                             : text.len;
        if (i + 1 == list->count)
            end = text.len;
        list->items[i] = cel_of_text(slice(text, 0, end));
        text = slice(text, end + by.len < text.len ? end + by.len : text.len, text.len);
    }
    return cel_of_list(list);
}

struct cel_value cel_lib_join(struct cel_eval *eval, const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    for (size_t i = 0; i < cel_count(&args[0]); i++) {
        struct cel_value item = cel_item(eval, &args[0], i);
        if (item.kind != CEL_VALUE_STRING)
            return cel_fail(eval, "no such overload");
        if (i && args[1].kind == CEL_VALUE_STRING)
            buf_add_str(&out, args[1].text);
        buf_add_str(&out, item.text);
    }
    return finish(eval, &out);
}

struct cel_value cel_lib_quote(struct cel_eval *eval, const struct cel_value *args)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
    CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    struct str text = args[0].text;
    if (!work_on(eval, text))
        return cel_stopped(eval);
    buf_add_char(&out, '"');
    for (size_t len, at = 0; at < text.len; at += len) {
        uint32_t code;
        char bytes[4];
        len = cel_text_next(slice(text, at, text.len), &code);
        const char *special = text.data[at] ? strchr(from, text.data[at]) : NULL;
        if (special)
            buf_printf(&out, "\\%c", to[special - from]);
        else
            buf_add(&out, bytes, cel_text_put(bytes, code));
    }
    buf_add_char(&out, '"');
    return finish(eval, &out);
}

/* ---- regular expressions ---- */

struct cel_value cel_lib_find(struct cel_eval *eval, const struct cel_value *args)
{
    char why[CEL_REGEX_WHY] = "";
    size_t span[2];
    if (!cel_eval_work(eval, args[0].text.len + 16 * args[1].text.len))
        return cel_stopped(eval);
    struct cel_regex *regex = cel_regex_new(args[1].text, why);
    if (!regex)
        return cel_fail(eval, "Illegal regex: %s", why);
    int found = cel_regex_find(regex, args[0].text, 0, span);
    cel_regex_free(regex);
    if (found < 0)
        return cel_fail(eval, "the regular expression takes too long");
    return cel_of_text(found ? slice(args[0].text, span[0], span[1]) : STR(""));
}

/* The next match from `*at`; false at the end. */
static bool next_match(struct cel_regex *regex, struct str text, size_t *at, size_t last_end,
                       struct str *out)
{
    size_t span[2];
    while (*at <= text.len && cel_regex_find(regex, text, *at, span) > 0) {
        bool empty = span[0] == span[1];
        *at = span[1];
        if (empty) /* step over one code point, and drop what touches the match before */
            *at += text.len > span[1] ? cel_text_next(slice(text, span[1], text.len), NULL) : 1;
        *out = slice(text, span[0], span[1]);
        if (!empty || span[0] != last_end)
            return true;
    }
    return false;
}

struct cel_value cel_lib_find_all(struct cel_eval *eval, const struct cel_value *args)
{
    char why[CEL_REGEX_WHY] = "";
    struct str text = args[0].text, found;
    int64_t most = args[2].kind == CEL_VALUE_INT ? args[2].integer : -1;
    struct cel_list *list =
        cel_list_new(eval, most >= 0 && (size_t)most < text.len + 1 ? (size_t)most : text.len + 1);
    if (!list || !cel_eval_work(eval, text.len + 16 * args[1].text.len))
        return cel_stopped(eval);
    struct cel_regex *regex = cel_regex_new(args[1].text, why);
    if (!regex)
        return cel_fail(eval, "Illegal regex: %s", why);
    size_t at = 0, room = list->count, last_end = SIZE_MAX;
    list->count = 0;
    while (list->count < room && cel_eval_work(eval, 64) &&
           next_match(regex, text, &at, last_end, &found)) {
        last_end = (size_t)(found.data - text.data) + found.len;
        list->items[list->count++] = cel_of_text(found);
    }
    cel_regex_free(regex);
    return cel_of_list(list);
}
