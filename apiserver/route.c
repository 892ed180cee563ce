/* Splitting a request target. Percent-encoding is undone segment by segment, so that an encoded
 * slash can never move a request to another resource; it makes the path one that nothing is served
 * at. */
#include "apiserver/route.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

struct segments {
    const char *items[ROUTE_SEGMENTS_MAX];
    size_t count;
    const char *rest; /* behind a proxy subresource; NULL: there is none */
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* In place. False for a malformed escape or a NUL. */
static bool decode(char *text, bool is_query)
{
    char *to = text;
    for (const char *from = text; *from; from++, to++) {
        if (*from == '+' && is_query) {
            *to = ' ';
        } else if (*from == '%') {
            int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
            if (low < 0 || high * 16 + low == 0)
                return false;
            *to = (char)(high * 16 + low);
            from += 2;
        } else {
            *to = *from;
        }
    }
    *to = '\0';
    return true;
}

static bool parse_args(struct route *route, char *query, struct error *err)
{
    size_t capacity = 1;
    for (const char *at = query; *at; at++)
        capacity += *at == '&';
    if (capacity > ROUTE_ARGS_MAX)
        return error_bad_request(err, "too many query arguments");
    route->args = xcalloc(capacity, sizeof(*route->args));
    for (char *pair = query, *next; pair; pair = next) {
        next = strchr(pair, '&');
        if (next)
            *next++ = '\0';
        if (!*pair)
            continue;
        char *value = strchr(pair, '=');
        if (value)
            *value++ = '\0';
        if (!decode(pair, true) || (value && !decode(value, true)))
            return error_bad_request(err, "invalid URL escape in the query");
        route->args[route->arg_count++] = (struct route_arg){pair, value ? value : ""};
    }
    return true;
}

/* What is behind [namespaces/NS/]RESOURCE/NAME/proxy goes to another server: it is left as it is.
 */
static bool is_proxy(const struct segments *segments)
{
    static const char *const namespaced[] = {"pods", "services"};
    const char *const *parts = segments->items;
    size_t count = segments->count;
    if (count >= 2 && strcmp(parts[0], "clusters") == 0) {
        parts += 2;
        count -= 2;
    }
    if (count < 5 || strcmp(parts[0], "api") != 0 || strcmp(parts[count - 1], "proxy") != 0)
        return false;
    if (count == 5)
        return strcmp(parts[2], "nodes") == 0;
    for (size_t i = 0; i < ARRAY_LEN(namespaced); i++)
        if (count == 7 && strcmp(parts[2], "namespaces") == 0 &&
            strcmp(parts[4], namespaced[i]) == 0)
            return true;
    return false;
}

static bool split_path(struct segments *segments, char *path, struct error *err)
{
    bool escaped = strchr(path, '%') != NULL;
    for (char *at = path, *next; at; at = next) {
        next = strchr(at, '/');
        if (next)
            *next++ = '\0';
        if (!*at && (at == path || !next))
            continue; /* before the first slash, and behind the last */
        if (escaped && strcasestr(at, "%2f"))
            return error_set(err, ERROR_NOT_FOUND,
                             "the server could not find the requested resource");
        if (escaped && !decode(at, false))
            return error_bad_request(err, "invalid path segment");
        if (segments->count == ROUTE_SEGMENTS_MAX)
            return error_bad_request(err, "the path has too many segments");
        segments->items[segments->count++] = at;
        if (is_proxy(segments)) {
            segments->rest = next ? next : "";
            return true;
        }
    }
    return true;
}

static const struct method_verb {
    const char *method, *verb;
} method_verbs[] = {
    {"GET", "get"},     {"HEAD", "get"},      {"POST", "create"},     {"PUT", "update"},
    {"PATCH", "patch"}, {"DELETE", "delete"}, {"OPTIONS", "options"},
};

static const char *verb_of(const char *method)
{
    for (size_t i = 0; i < ARRAY_LEN(method_verbs); i++)
        if (strcmp(method, method_verbs[i].method) == 0)
            return method_verbs[i].verb;
    return "";
}

static const char *lower_method(const char *method)
{
    static const char *const names[] = {"get", "head", "post", "put", "patch", "delete", "options"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(method, names[i]) == 0)
            return names[i];
    return "unknown";
}

static const char *selected(const struct route *route, const char *kind, const char *path)
{
    const char *selector = route_arg(route, kind);
    size_t len = strlen(path);
    if (!selector || strncmp(selector, path, len) != 0 || selector[len] != '=')
        return "";
    const char *value = selector + len + (selector[len + 1] == '=' ? 2 : 1);
    return strchr(value, ',') || strchr(value, '\\') || strchr(value, '/') ? "" : value;
}

const char *route_selected(const struct route *route, const char *path)
{
    return selected(route, "fieldSelector", path);
}

const char *route_labelled(const struct route *route, const char *label)
{
    return selected(route, "labelSelector", label);
}

static void collection_verb(struct route *route)
{
    if (strcmp(route->verb, "get") == 0) {
        route->verb = route_flag(route, "watch") ? "watch" : "list";
        route->name = route_selected(route, "metadata.name");
    } else if (strcmp(route->verb, "delete") == 0) {
        route->verb = "deletecollection";
    }
}

/* The part behind the version: [namespaces/NS/]RESOURCE[/NAME[/SUB[/...]]]. */
static void resource_route(struct route *route, const char *const *parts, size_t count)
{
    if (count > 1 && strcmp(parts[0], "watch") == 0) {
        route->verb = "watch";
        parts++;
        count--;
    }
    if (strcmp(parts[0], "namespaces") == 0 && count > 1) {
        route->ns = parts[1];
        if (count > 2 && strcmp(parts[2], "status") != 0 && strcmp(parts[2], "finalize") != 0) {
            parts += 2;
            count -= 2;
            route->is_deep = strcmp(parts[0], "namespaces") == 0;
        }
    }
    route->is_deep = route->is_deep || count > 3;
    route->plural = parts[0];
    if (count > 1)
        route->name = parts[1];
    if (count > 2)
        route->sub = parts[2];
    if (count == 1)
        collection_verb(route);
}

static bool has_empty(const struct segments *segments)
{
    for (size_t i = 0; i < segments->count; i++)
        if (!*segments->items[i])
            return true;
    return false;
}

/* Nothing is served behind two slashes in a row. */
static void classify(struct route *route, const char *method, struct segments *segments)
{
    const char *const *parts = segments->items;
    size_t count = segments->count;
    route->verb = lower_method(method);
    if (count < 3 || has_empty(segments))
        return;
    bool core = strcmp(parts[0], "api") == 0;
    if (!core && (strcmp(parts[0], "apis") != 0 || count < 4))
        return;
    route->is_resource = true;
    route->verb = verb_of(method);
    route->group = core ? "" : parts[1];
    route->version = parts[core ? 1 : 2];
    resource_route(route, parts + (core ? 2 : 3), count - (core ? 2 : 3));
}

/* Joins the decoded segments again: "/healthz/ping". */
static char *join(const struct segments *segments, size_t from, bool slash, char *out)
{
    char *start = out;
    slash = slash || from >= segments->count;
    for (size_t i = from; i < segments->count; i++) {
        size_t len = strlen(segments->items[i]);
        *out++ = '/';
        memcpy(out, segments->items[i], len);
        out += len;
    }
    if (slash)
        *out++ = '/';
    *out = '\0';
    return start;
}

/* What is behind a proxy subresource, with its slash; written behind the joined path. */
static void set_rest(struct route *route, const struct segments *segments, bool slash, char *out)
{
    if (!segments->rest)
        return;
    size_t len = strlen(segments->rest);
    route->rest = out;
    if (len || slash)
        *out++ = '/';
    memcpy(out, segments->rest, len + 1);
}

bool route_parse(struct route *route, const char *method, const char *target, struct error *err)
{
    size_t len = strlen(target);
    *route = (struct route){
        .group = "", .version = "", .plural = "", .sub = "", .ns = "", .name = "", .rest = ""};
    route->path = "/";
    route->verb = "";
    route->text = xmalloc(4 * len + 8); /* split in place; joined; the rest; the query */
    memcpy(route->text, target, len + 1);
    char *query = strchr(route->text, '?'), *joined = route->text + len + 1;
    if (query)
        *query++ = '\0';
    bool slash =
        query ? query > route->text + 1 && query[-2] == '/' : len && target[len - 1] == '/';
    if (query)
        route->query = memcpy(route->text + 3 * len + 6, query, strlen(query) + 1);
    struct segments segments = {0};
    if (!split_path(&segments, route->text, err) ||
        (query && !segments.rest && !parse_args(route, query, err)))
        return false;
    size_t from = 0;
    if (segments.count >= 2 && strcmp(segments.items[0], "clusters") == 0) {
        route->cluster = segments.items[1];
        from = 2;
    }
    route->path = join(&segments, from, slash && !segments.rest, joined);
    set_rest(route, &segments, slash, joined + strlen(joined) + 1);
    struct segments behind = {.count = segments.count - from};
    memcpy(behind.items, segments.items + from, behind.count * sizeof(*behind.items));
    classify(route, method, &behind);
    return true;
}

bool route_runs_long(const struct route *route)
{
    static const char *const subs[] = {"attach", "exec", "proxy", "log", "portforward"};
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
        if (strcmp(route->sub, subs[i]) == 0)
            return true;
    return strcmp(route->verb, "watch") == 0;
}

bool route_is_proxy(const struct route *route)
{
    return route->is_resource && !*route->group && strcmp(route->sub, "proxy") == 0 &&
           (strcmp(route->plural, "pods") == 0 || strcmp(route->plural, "services") == 0 ||
            strcmp(route->plural, "nodes") == 0);
}

void route_clear(struct route *route)
{
    free(route->text);
    free(route->args);
    *route = (struct route){0};
}

const char *route_arg(const struct route *route, const char *key)
{
    for (size_t i = 0; i < route->arg_count; i++)
        if (strcmp(route->args[i].key, key) == 0)
            return route->args[i].value;
    return NULL;
}

bool route_flag(const struct route *route, const char *key)
{
    const char *value = route_arg(route, key);
    return value && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0;
}
