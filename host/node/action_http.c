/* httpGet of probes and hooks. */
#include <stdio.h>
#include <string.h>

#include "host/node/action_internal.h"

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;
    size_t len = size * count;
    if (body->len + len <= ACTION_BODY_MAX)
        buf_add(body, data, len);
    return len;
}

static curl_socket_t open_inside(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    (void)address;
    int fd = action_connect_inside(arg);
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int is_connected(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)fd;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

void action_prepare_curl(CURL *handle, const struct action_target *target, const char *url,
                         struct buf *body)
{
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)target->action->timeout_ms);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, body);
    if (!target->from_inside)
        return;
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_inside);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, target);
    curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, is_connected);
}

/* Headers with a line break in them would be several. */
static struct curl_slist *http_headers(const json_t *spec)
{
    size_t i;
    const json_t *one;
    struct curl_slist *list = curl_slist_append(NULL, "Accept: */*");
    json_array_foreach (json_at(spec, "httpHeaders"), i, one) {
        const char *name = json_text(one, "name"), *value = json_text(one, "value");
        if (!name || !value || strpbrk(name, "\r\n:") || strpbrk(value, "\r\n") || i >= 64)
            continue;
        CLEANUP(free_ptr)
        char *line = *value ? xasprintf("%s: %s", name, value) : xasprintf("%s;", name);
        list = curl_slist_append(list, line);
    }
    return list;
}

static CURLcode http_get(const struct action_target *target, const char *url, const json_t *spec,
                         struct buf *body, long *code)
{
    CURL *handle = curl_easy_init();
    struct curl_slist *headers = http_headers(spec);
    if (!handle) {
        curl_slist_free_all(headers);
        return CURLE_OUT_OF_MEMORY;
    }
    action_prepare_curl(handle, target, url, body);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER,
                     0L); /* as upstream: a probe does not judge certificates */
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "kube-probe/1.32");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    CURLcode why = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, code);
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
    return why;
}

bool action_run_http(const struct action *action, const json_t *spec,
                     char output[ACTION_OUTPUT_SIZE])
{
    long code = 0;
    struct action_target target;
    const char *path = json_text(spec, "path");
    CLEANUP(buf_free) struct buf body = BUF_INIT(ACTION_BODY_MAX);
    if (!action_find_target(action, spec, &target)) {
        action_say(output, "the probe's address is not known");
        return false;
    }
    CLEANUP(free_ptr)
    char *url =
        xasprintf("%s://%s:%u%s%s", text_eq(json_text(spec, "scheme"), "HTTPS") ? "https" : "http",
                  target.host, target.port, path && path[0] == '/' ? "" : "/", path ? path : "");
    CURLcode why = http_get(&target, url, spec, &body, &code);
    if (why != CURLE_OK) {
        (void)snprintf(output, ACTION_OUTPUT_SIZE, "Get \"%.400s\": %s", url,
                       why == CURLE_COULDNT_CONNECT ? "dial tcp: connect: connection refused"
                       : why == CURLE_OPERATION_TIMEDOUT
                           ? "context deadline exceeded (Client.Timeout exceeded while "
                             "awaiting headers)"
                           : curl_easy_strerror(why));
        return false;
    }
    if (code >= 200 && code < 400)
        return true;
    (void)snprintf(output, ACTION_OUTPUT_SIZE, "HTTP probe failed with statuscode: %ld", code);
    return false;
}
