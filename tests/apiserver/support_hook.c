#include "support_hook.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/pki.h"
#include "base/codec.h"
#include "tests/test.h"

#define BODY_MAX ((size_t)8 << 20)

struct visit {
    struct buf body;
};

static const struct hook_path *find(const struct hook_server *server, const char *path)
{
    for (const struct hook_path *row = server->paths; row->path; row++)
        if (strcmp(row->path, path) == 0)
            return row;
    return NULL;
}

static void remember(struct hook_server *server, const char *path, json_t *review)
{
    pthread_mutex_lock(&server->lock);
    if (server->seen_count < HOOK_SEEN_MAX) {
        server->seen_paths[server->seen_count] = xstrdup(path);
        server->seen[server->seen_count++] = json_incref(review);
    }
    pthread_mutex_unlock(&server->lock);
}

static enum MHD_Result reply(struct MHD_Connection *http, unsigned code, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (code == 302)
        MHD_add_response_header(response, "Location", "https://127.0.0.1:1/elsewhere");
    enum MHD_Result result = MHD_queue_response(http, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result serve(struct hook_server *server, struct MHD_Connection *http,
                             const char *path, struct buf *body)
{
    struct error ignored = {0};
    const struct hook_path *row = find(server, path);
    json_auto_t *review = json_parse(buf_str(body), JSON_LOAD_LENIENT, &ignored);
    error_clear(&ignored);
    remember(server, path, review);
    if (!row)
        return reply(http, 404, "not here");
    json_auto_t *answer = row->answer(server, review);
    if (!answer)
        return reply(http, 500, "boom");
    if (json_is_string(answer)) /* anything but a review */
        return reply(http, strcmp(json_string_value(answer), "redirect") == 0 ? 302 : 200,
                     json_string_value(answer));
    CLEANUP(buf_free) struct buf text = BUF_INIT(BODY_MAX);
    json_write(&text, answer);
    return reply(http, 200, text.data);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *http, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    struct visit *visit = *context;
    (void)method, (void)version;
    if (!visit) {
        visit = *context = xcalloc(1, sizeof(*visit));
        visit->body = BUF_INIT(BODY_MAX);
        return MHD_YES;
    }
    if (*size) {
        buf_add(&visit->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    return serve(cls, http, url, &visit->body);
}

static void on_end(void *cls, struct MHD_Connection *http, void **context,
                   enum MHD_RequestTerminationCode code)
{
    struct visit *visit = *context;
    (void)cls, (void)http, (void)code;
    if (visit)
        buf_free(&visit->body);
    free(visit);
}

static char *base64_of(const char *text)
{
    struct buf out = BUF_TEXT;
    base64_encode(&out, text, strlen(text), BASE64_STANDARD);
    return buf_take(&out);
}

void hook_server_start(struct hook_server *server, const struct hook_path *paths)
{
    static const char *const addresses[] = {"127.0.0.1", NULL}, *const names[] = {
                                                                    "hook.default.svc", NULL};
    struct keypair ca = {0}, other = {0}, pair = {0};
    struct error err = {0};
    struct cert_request want = {.common_name = "hook",
                                .addresses = addresses,
                                .dns_names = names,
                                .server = true,
                                .valid_s = 3600};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *server = (struct hook_server){.paths = paths};
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->released, NULL);
    assert_true(pki_make_ca("hooks", 3600, &ca, &err) &&
                pki_make_ca("others", 3600, &other, &err) && pki_issue(&ca, &want, &pair, &err));
    server->ca_base64 = base64_of(ca.cert);
    server->other_ca_base64 = base64_of(other.cert);
    server->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL,
        NULL, on_request, server, MHD_OPTION_SOCK_ADDR, &any, MHD_OPTION_HTTPS_MEM_KEY, pair.key,
        MHD_OPTION_HTTPS_MEM_CERT, pair.cert, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
        MHD_OPTION_END);
    assert_non_null(server->daemon);
    server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    server->url = xasprintf("https://127.0.0.1:%u", server->port);
    keypair_clear(&ca);
    keypair_clear(&other);
    keypair_clear(&pair);
}

void hook_server_clear(struct hook_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->seen_count; i++) {
        json_decref(server->seen[i]);
        free(server->seen_paths[i]);
    }
    server->seen_count = 0;
    server->release = false;
    server->met = 0;
    pthread_mutex_unlock(&server->lock);
}

void hook_server_stop(struct hook_server *server)
{
    hook_server_release(server);
    MHD_stop_daemon(server->daemon);
    hook_server_clear(server);
    pthread_cond_destroy(&server->released);
    pthread_mutex_destroy(&server->lock);
    free(server->url);
    free(server->ca_base64);
    free(server->other_ca_base64);
}

size_t hook_server_calls(struct hook_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t count = server->seen_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

const json_t *hook_server_request(struct hook_server *server)
{
    pthread_mutex_lock(&server->lock);
    const json_t *last = server->seen_count ? server->seen[server->seen_count - 1] : NULL;
    pthread_mutex_unlock(&server->lock);
    return json_object_get(last, "request");
}

void hook_server_wait(struct hook_server *server)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&server->lock);
    int waited = 0;
    while (!server->release && !waited)
        waited = pthread_cond_timedwait(&server->released, &server->lock, &until);
    pthread_mutex_unlock(&server->lock);
}

bool hook_server_meet(struct hook_server *server, unsigned wanted)
{
    struct timespec until;
    int waited = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&server->lock);
    server->met++;
    pthread_cond_broadcast(&server->released);
    while (server->met < wanted && !waited)
        waited = pthread_cond_timedwait(&server->released, &server->lock, &until);
    bool all = server->met >= wanted;
    pthread_mutex_unlock(&server->lock);
    return all;
}

void hook_server_release(struct hook_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->release = true;
    pthread_cond_broadcast(&server->released);
    pthread_mutex_unlock(&server->lock);
}

json_t *hook_answer(const json_t *review, json_t *response)
{
    json_object_set(response, "uid", json_at(review, "request", "uid"));
    return json_pack("{s:s, s:O, s:o}", "kind", "AdmissionReview", "apiVersion",
                     json_object_get(review, "apiVersion"), "response", response);
}

json_t *hook_patch(const json_t *review, const char *patch)
{
    CLEANUP(free_ptr) char *text = base64_of(patch);
    return hook_answer(review, json_pack("{s:b, s:s, s:s}", "allowed", 1, "patchType", "JSONPatch",
                                         "patch", text));
}
