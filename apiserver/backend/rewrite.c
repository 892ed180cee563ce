#include "apiserver/backend/rewrite.h"

#include <string.h>
#include <strings.h>

#define URL_MAX ((size_t)64 << 10)

static const struct link_row {
    const char *tag, *attributes; /* each between spaces */
} link_rows[] = {
    {"a", " href "},
    {"applet", " codebase "},
    {"area", " href "},
    {"audio", " src "},
    {"base", " href "},
    {"blockquote", " cite "},
    {"body", " background "},
    {"button", " formaction "},
    {"command", " icon "},
    {"del", " cite "},
    {"embed", " src "},
    {"form", " action "},
    {"frame", " longdesc src "},
    {"head", " profile "},
    {"html", " manifest "},
    {"iframe", " longdesc src "},
    {"img", " longdesc src usemap "},
    {"input", " src usemap formaction "},
    {"ins", " cite "},
    {"link", " href "},
    {"object", " classid codebase data usemap "},
    {"q", " cite "},
    {"script", " src "},
    {"source", " src "},
    {"video", " poster src "},
};

/* What is inside is text, whatever it looks like. */
static const char *const raw_tags[] = {"iframe", "noembed",  "noframes", "plaintext", "script",
                                       "style",  "textarea", "title",    "xmp"};

struct reader {
    struct buf *out;
    const char *at, *end;
    rewrite_fn url;
    const void *arg;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(struct str text, const char *name)
{
    return strlen(name) == text.len && strncasecmp(name, text.data, text.len) == 0;
}

/* Copies up to `to`. */
static void copy_to(struct reader *reader, const char *to)
{
    buf_add(reader->out, reader->at, (size_t)(to - reader->at));
    reader->at = to;
}

/* Copies up to and with `text`, or all. */
static void copy_past(struct reader *reader, const char *text)
{
    size_t len = strlen(text);
    const char *found = memmem(reader->at, (size_t)(reader->end - reader->at), text, len);
    copy_to(reader, found ? found + len : reader->end);
}

/* Copies up to the end tag of a raw element, which comes next. */
static void copy_raw(struct reader *reader, struct str tag)
{
    for (const char *at = reader->at; at + tag.len + 2 <= reader->end; at++)
        if (at[0] == '<' && at[1] == '/' && strncasecmp(at + 2, tag.data, tag.len) == 0) {
            copy_to(reader, at);
            return;
        }
    copy_to(reader, reader->end);
}

static struct str word(struct reader *reader, const char *stops)
{
    const char *start = reader->at, *at = start;
    while (at < reader->end && !is_space(*at) && !strchr(stops, *at))
        at++;
    copy_to(reader, at);
    return (struct str){start, (size_t)(at - start)};
}

static void skip_spaces(struct reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && is_space(*at))
        at++;
    copy_to(reader, at);
}

static bool holds_url(struct str tag, struct str attribute)
{
    char name[16];
    for (size_t i = 0; i < ARRAY_LEN(link_rows); i++) {
        if (!is_name(tag, link_rows[i].tag) || attribute.len + 3 > sizeof(name))
            continue;
        name[0] = ' ';
        memcpy(name + 1, attribute.data, attribute.len);
        name[attribute.len + 1] = ' ';
        name[attribute.len + 2] = '\0';
        return strcasestr(link_rows[i].attributes, name) != NULL;
    }
    return false;
}

/* The value's bytes end at `to`. */
static void put_value(struct reader *reader, const char *to, bool is_url)
{
    size_t len = (size_t)(to - reader->at);
    if (!is_url || len > URL_MAX) {
        copy_to(reader, to);
        return;
    }
    CLEANUP(free_ptr) char *text = xstrndup(reader->at, len);
    CLEANUP(free_ptr) char *seen = reader->url(reader->arg, text);
    buf_add_text(reader->out, seen);
    reader->at = to;
}

static void attribute_value(struct reader *reader, bool is_url)
{
    char quote = reader->at < reader->end ? *reader->at : '\0';
    const char *to;
    if (quote == '"' || quote == '\'') {
        copy_to(reader, reader->at + 1);
        to = memchr(reader->at, quote, (size_t)(reader->end - reader->at));
        put_value(reader, to ? to : reader->end, is_url && to);
        copy_to(reader, to ? to + 1 : reader->end);
        return;
    }
    for (to = reader->at; to < reader->end && !is_space(*to) && *to != '>';)
        to++;
    put_value(reader, to, is_url);
}

static void start_tag(struct reader *reader)
{
    copy_to(reader, reader->at + 1);
    struct str tag = word(reader, "/>");
    while (reader->at < reader->end && *reader->at != '>') {
        if (is_space(*reader->at) || *reader->at == '/') {
            copy_to(reader, reader->at + 1);
            continue;
        }
        const char *before = reader->at;
        struct str name = word(reader, "=/>");
        skip_spaces(reader);
        if (reader->at < reader->end && *reader->at == '=') {
            copy_to(reader, reader->at + 1);
            skip_spaces(reader);
            attribute_value(reader, holds_url(tag, name));
        } else if (reader->at == before) {
            copy_to(reader, before + 1);
        }
    }
    if (reader->at < reader->end)
        copy_to(reader, reader->at + 1);
    for (size_t i = 0; i < ARRAY_LEN(raw_tags); i++)
        if (is_name(tag, raw_tags[i]))
            copy_raw(reader, tag);
}

static void markup(struct reader *reader)
{
    size_t left = (size_t)(reader->end - reader->at);
    if (left >= 4 && memcmp(reader->at, "<!--", 4) == 0)
        copy_past(reader, "-->");
    else if (left >= 2 && is_letter(reader->at[1]))
        start_tag(reader);
    else if (left >= 2 && strchr("/!?", reader->at[1]))
        copy_past(reader, ">");
    else
        copy_to(reader, reader->at + 1);
}

void rewrite_html(struct buf *out, struct str page, rewrite_fn url, const void *arg)
{
    struct reader reader = {out, page.data, page.data + page.len, url, arg};
    while (reader.at < reader.end) {
        const char *next = memchr(reader.at, '<', (size_t)(reader.end - reader.at));
        copy_to(&reader, next ? next : reader.end);
        if (next)
            markup(&reader);
    }
}
