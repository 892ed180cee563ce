/* URLs, as Go's net/url parses a request URI. */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "cel/library.h"

static struct str from(struct str text, size_t at)
{
    return (struct str){text.data + at, text.len - at};
}

static size_t find(struct str text, char c)
{
    const char *found = text.len ? memchr(text.data, c, text.len) : NULL;
    return found ? (size_t)(found - text.data) : text.len;
}

static size_t find_last(struct str text, char c)
{
    const char *found = text.len ? memrchr(text.data, c, text.len) : NULL;
    return found ? (size_t)(found - text.data) : text.len;
}

static bool escapes_fit(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '%' &&
            !(i + 2 < text.len && isxdigit((unsigned char)text.data[i + 1]) &&
              isxdigit((unsigned char)text.data[i + 2])))
            return false;
    return true;
}

/* Takes "scheme:" off the front. */
static const char *take_scheme(struct str *rest, struct cel_url *out)
{
    for (size_t i = 0; i < rest->len; i++) {
        unsigned char c = (unsigned char)rest->data[i];
        if (isalpha(c) || (i && (isdigit(c) || c == '+' || c == '-' || c == '.')))
            continue;
        if (c != ':')
            return NULL;
        if (!i)
            return "missing protocol scheme";
        out->scheme = (struct str){rest->data, i};
        *rest = from(*rest, i + 1);
        return NULL;
    }
    return NULL;
}

static bool port_fits(struct str port)
{
    for (size_t i = 1; i < port.len; i++)
        if (!isdigit((unsigned char)port.data[i]))
            return false;
    return !port.len || port.data[0] == ':';
}

/* [address]:port or name:port */
static const char *split_host(struct str host, struct cel_url *out)
{
    size_t end = host.len && host.data[0] == '[' ? find_last(host, ']') : 0;
    struct str port = {0};
    if (host.len && host.data[0] == '[') {
        if (end == host.len)
            return "missing ']' in host";
        port = from(host, end + 1);
        out->hostname = (struct str){host.data + 1, end - 1};
    } else {
        size_t colon = find_last(host, ':');
        port = from(host, colon);
        out->hostname = (struct str){host.data, colon};
    }
    if (!port_fits(port))
        return "invalid port after host";
    for (size_t i = 0; i < host.len; i++)
        if ((unsigned char)host.data[i] <= ' ' || strchr("\"<>\\^`{|}", host.data[i]))
            return "invalid character in host name";
    out->host = host;
    out->port = port.len ? from(port, 1) : (struct str){0};
    return escapes_fit(host) ? NULL : "invalid URL escape";
}

const char *cel_url_parse(struct str text, struct cel_url *out)
{
    *out = (struct cel_url){.whole = text};
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return "net/url: invalid control character in URL";
    if (!text.len)
        return "empty url";
    struct str rest = {text.data, find(text, '#')};
    const char *why = take_scheme(&rest, out);
    if (why)
        return why;
    size_t question = find(rest, '?');
    out->query = question < rest.len ? from(rest, question + 1) : (struct str){0};
    rest.len = question;
    if (!rest.len || rest.data[0] != '/')
        return out->scheme.len && rest.len ? NULL : "invalid URI for request";
    if (str_starts(rest, STR("//")) && (out->scheme.len || !str_starts(rest, STR("///")))) {
        struct str authority = from(rest, 2);
        authority.len = find(authority, '/');
        rest = from(rest, 2 + authority.len);
        size_t user = find_last(authority, '@');
        why = split_host(user < authority.len ? from(authority, user + 1) : authority, out);
    }
    out->path = rest;
    return why ? why : escapes_fit(rest) ? NULL : "invalid URL escape";
}

struct cel_value cel_lib_url(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_url *url = cel_eval_alloc(eval, 1, sizeof(*url));
    if (!url || !cel_eval_work(eval, args[0].text.len))
        return cel_stopped(eval);
    const char *why = cel_url_parse(args[0].text, url);
    if (why)
        return cel_fail(eval,
                        "URL parse error during conversion from string: parse \"" STR_FMT "\": %s",
                        STR_ARG(args[0].text), why);
    return cel_of_opaque(&cel_url, url);
}

struct cel_value cel_lib_is_url(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_url url;
    if (!cel_eval_work(eval, args[0].text.len))
        return cel_stopped(eval);
    return cel_of_bool(cel_url_parse(args[0].text, &url) == NULL);
}

static const struct cel_url *url_of(const struct cel_value *value)
{
    return value->opaque;
}

struct cel_value cel_lib_url_scheme(struct cel_eval *eval, const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf lower = BUF_INIT(65536);
    struct str scheme = url_of(args)->scheme;
    for (size_t i = 0; i < scheme.len; i++)
        buf_add_char(&lower, (char)tolower((unsigned char)scheme.data[i]));
    return cel_copy_text(eval, buf_str(&lower));
}

#define PART(name, part)                                                                           \
    struct cel_value cel_lib_##name(struct cel_eval *eval, const struct cel_value *args)           \
    {                                                                                              \
        (void)eval; /* nothing can fail */                                                         \
        return cel_of_text(url_of(args)->part);                                                    \
    }
PART(url_host, host)
PART(url_hostname, hostname)
PART(url_port, port)

/* What a path may hold as it is; the rest is escaped. */
struct cel_value cel_lib_url_path(struct cel_eval *eval, const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT((size_t)8 << 20);
    struct str path = url_of(args)->path;
    for (size_t i = 0; i < path.len && cel_eval_work(eval, 1); i++) {
        unsigned char c = (unsigned char)path.data[i];
        if (isalnum(c) || (c && strchr("-_.~$&+,/:;=@!'()*[]%", c)))
            buf_add_char(&out, (char)c);
        else
            buf_printf(&out, "%%%02X", c);
    }
    return cel_copy_text(eval, buf_str(&out));
}

/* ---- queries ---- */

static bool unescape(struct cel_eval *eval, struct str text, struct cel_value *out)
{
    char *copy = cel_eval_alloc(eval, text.len + 1, 1);
    size_t len = 0;
    if (!copy || !escapes_fit(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            const char hex[] = {text.data[i + 1], text.data[i + 2], '\0'};
            c = (char)strtoul(hex, NULL, 16);
            i += 2;
        }
        copy[len++] = text.data[i] == '+' && c == '+' ? ' ' : c;
    }
    *out = cel_of_text((struct str){copy, len});
    return true;
}

/* Adds the value to the list of its key. */
static bool put(struct cel_eval *eval, struct cel_map *map, size_t room,
                const struct cel_value *key, struct cel_value value)
{
    size_t at = 0;
    while (at < map->count && cel_compare(&map->keys[at], key) != 0)
        at++;
    if (!cel_eval_work(eval, at + 1))
        return false;
    struct cel_list *list = at < map->count ? (struct cel_list *)(uintptr_t)map->values[at].list
                                            : cel_list_new(eval, room);
    if (!list)
        return false;
    if (at == map->count) {
        list->count = 0;
        map->keys[map->count] = *key;
        map->values[map->count++] = cel_of_list(list);
    }
    list->items[list->count++] = value;
    return true;
}

#define QUERY_MAX 256 /* parameters that are looked at */

struct cel_value cel_lib_url_query(struct cel_eval *eval, const struct cel_value *args)
{
    struct str rest = url_of(args)->query;
    struct cel_map *map = cel_eval_alloc(eval, 1, sizeof(*map));
    struct cel_value *slots = cel_eval_alloc(eval, (size_t)2 * QUERY_MAX, sizeof(*slots)), key,
                     value, twice;
    if (!map || !slots)
        return cel_stopped(eval);
    *map = (struct cel_map){.keys = slots, .values = slots + QUERY_MAX};
    for (size_t i = 0; rest.len && i < QUERY_MAX; i++) {
        struct str part = str_cut(&rest, '&');
        bool skipped = !part.len || memchr(part.data, ';', part.len);
        if (skipped)
            continue;
        struct str right = part, left = str_cut(&right, '=');
        if (unescape(eval, left, &key) && unescape(eval, right.data ? right : STR(""), &value))
            (void)put(eval, map, QUERY_MAX, &key, value); /* stopped: said below */
    }
    (void)cel_map_index(eval, map, &twice); /* no key is there twice */
    return cel_is_stopped(eval) ? cel_stopped(eval)
                                : (struct cel_value){.kind = CEL_VALUE_MAP, .map = map};
}
