/* The heads of a forwarded request and of its answer: which headers pass. */
#include <string.h>
#include <strings.h>

#include "apiserver/backend/backend.h"
#include "apiserver/backend/forward.h"

/* Of one connection only (RFC 9110, 7.6.1), or written anew here. */
static const char *const own_headers[] = {
    "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
    "Te",         "Trailer",    "Upgrade",          "Transfer-Encoding",  "Content-Length",
};
/* Of a client's, beside them: what it proved itself by, what is said of it by us, and "X-Remote-",
 * "Impersonate-" as beginnings. */
static const char *const kept_back[] = {"Host", "Expect", "Authorization", "X-Forwarded-Uri"};
static const char *const kept_back_prefixes[] = {"X-Remote-", "Impersonate-"};
/* Of an answer's: which sites may read it is not for what stands behind to say. */
static const char *const cross_site[] = {
    "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods", "Access-Control-Allow-Origin"};

static bool is_one_of(const char *const *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == name.len && strncasecmp(names[i], name.data, name.len) == 0)
            return true;
    return false;
}

/* True when `list` ("keep-alive, X-Thing") holds the token. */
static bool lists(struct str list, struct str token)
{
    while (list.len) {
        struct str item = str_trim(str_cut(&list, ','));
        if (item.len == token.len && strncasecmp(item.data, token.data, token.len) == 0)
            return true;
    }
    return false;
}

static struct str client_header(const struct request *request, const char *name)
{
    return str_of(MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, name));
}

bool forward_is_upgrade(const struct request *request)
{
    return request->http && lists(client_header(request, "Connection"), STR("upgrade")) &&
           client_header(request, "Upgrade").len;
}

/* ---- the request ---- */

struct writing {
    struct buf *out;
    const struct request *request;
    struct str connection, forwarded_for;
    bool is_upgrade;
    bool is_read; /* pages among the answers are: they may not come compressed */
};

static bool passes(const struct writing *writing, const char *name)
{
    struct str text = str_of(name);
    for (size_t i = 0; i < ARRAY_LEN(kept_back_prefixes); i++)
        if (strncasecmp(name, kept_back_prefixes[i], strlen(kept_back_prefixes[i])) == 0)
            return false;
    return head_name_ok(text) && !is_one_of(own_headers, ARRAY_LEN(own_headers), text) &&
           !is_one_of(kept_back, ARRAY_LEN(kept_back), text) &&
           strcasecmp(name, "X-Forwarded-For") != 0 &&
           !(writing->is_read && strcasecmp(name, "Accept-Encoding") == 0) &&
           (writing->is_upgrade || !lists(writing->connection, text));
}

static enum MHD_Result write_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct writing *writing = cls;
    (void)kind;
    if (value && passes(writing, name) && !strpbrk(value, "\r\n"))
        buf_printf(writing->out, "%s: %s\r\n", name, value);
    return MHD_YES;
}

/* How the body goes on: as it came. */
static void write_framing(struct buf *out, const struct request *request)
{
    struct str length = client_header(request, "Content-Length");
    if (!request->early) {
        bool bare = !request->body.len &&
                    (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
        if (!bare)
            buf_printf(out, "Content-Length: %zu\r\n", request->body.len);
    } else if (client_header(request, "Transfer-Encoding").data || !length.data) {
        buf_add_text(out, "Transfer-Encoding: chunked\r\n");
    } else {
        buf_printf(out, "Content-Length: " STR_FMT "\r\n", STR_ARG(length));
    }
}

void forward_head_write(struct buf *out, const struct request *request,
                        const struct forward_target *target, const char *client_address)
{
    struct writing writing = {.out = out,
                              .request = request,
                              .connection = client_header(request, "Connection"),
                              .forwarded_for = client_header(request, "X-Forwarded-For"),
                              .is_upgrade = forward_is_upgrade(request),
                              .is_read = target->prefix != NULL};
    struct str host = target->host ? str_of(target->host) : client_header(request, "Host");
    size_t path_len = strcspn(target->path, "?");
    buf_printf(out, "%s %s HTTP/1.1\r\nHost: " STR_FMT "\r\n", request->method, target->path,
               STR_ARG(host.len ? host : STR("localhost")));
    MHD_get_connection_values(request->http, MHD_HEADER_KIND, write_header, &writing);
    buf_printf(out, "X-Forwarded-For: " STR_FMT "%s%s\r\n", STR_ARG(writing.forwarded_for),
               writing.forwarded_for.len ? ", " : "", client_address);
    buf_printf(out, "X-Forwarded-Uri: %s%.*s\r\n", target->prefix ? target->prefix : "",
               (int)path_len, target->path);
    if (writing.is_upgrade)
        buf_printf(out, "Connection: Upgrade\r\nUpgrade: " STR_FMT "\r\n",
                   STR_ARG(client_header(request, "Upgrade")));
    else
        buf_add_text(out, "Connection: close\r\n");
    write_framing(out, request);
    buf_add_str(out, buf_str(&target->more));
    buf_add_text(out, "\r\n");
}

/* ---- the answer ---- */

char *forward_url(const char *url, const char *prefix, const char *backend_host,
                  const char *client_host)
{
    const char *scheme_end = strstr(url, "://"), *path = url;
    bool same_client = false;
    if (scheme_end && strcspn(url, "/?#") > (size_t)(scheme_end - url))
        path = scheme_end + 3;
    else if (text_starts(url, "//"))
        path = url + 2;
    if (path != url) {
        size_t len = strcspn(path, "/?#");
        struct str host = {path, len};
        same_client = client_host && str_is(host, client_host);
        if (!same_client && !(backend_host && str_is(host, backend_host)))
            return xstrdup(url);
        path += len;
    }
    if (*path != '/')
        return xstrdup(url);
    size_t prefix_len = strlen(prefix);
    bool there = strncmp(path, prefix, prefix_len) == 0;
    return xasprintf("%.*s%s%s", same_client ? (int)(path - url) : 0, url, there ? "" : prefix,
                     path);
}

char *forward_seen_url(const struct forward_target *target, const char *prefix, const char *url)
{
    CLEANUP(free_ptr)
    char *host = target->place.address
                     ? xasprintf("%s:%u", target->place.address, target->place.port)
                     : NULL;
    return forward_url(url, prefix, host, target->host);
}

static void copy_location(struct MHD_Response *response, const char *value,
                          const struct forward_target *target)
{
    CLEANUP(free_ptr) char *seen = forward_seen_url(target, target->prefix, value);
    MHD_add_response_header(response, "Location", seen);
}

void forward_head_copy(struct MHD_Response *response, const struct buf *head,
                       const struct forward_target *target)
{
    struct str rest = buf_str(head), connection = head_value(head, "Connection");
    str_cut(&rest, '\n');
    while (rest.len) {
        struct str value = str_cut(&rest, '\n'), name = str_cut(&value, ':');
        value = str_trim(value);
        if (!head_name_ok(name) || !value.data ||
            is_one_of(own_headers, ARRAY_LEN(own_headers), name) ||
            is_one_of(cross_site, ARRAY_LEN(cross_site), name) || lists(connection, name))
            continue;
        CLEANUP(free_ptr) char *key = str_dup(name);
        CLEANUP(free_ptr) char *text = str_dup(value);
        if (target->prefix && strcasecmp(key, "Location") == 0)
            copy_location(response, text, target);
        else if (*text)
            MHD_add_response_header(response, key, text);
    }
}
