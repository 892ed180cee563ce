#include "tests/host/support_api.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/strmap.h"

#define CHANGES_MAX 10000

struct fake_api {
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    struct strmap objects;        /* path -> json_t */
    json_t *changes[CHANGES_MAX]; /* of Pods: watch events */
    size_t change_count;
};

struct call {
    struct buf body;
};

/* ---- objects ---- */

static bool is_pod(const char *path)
{
    return strstr(path, "/pods/") != NULL;
}

/* The caller holds the lock. */
static void tell(struct fake_api *api, const char *path, const char *type, json_t *object)
{
    CLEANUP(free_ptr) char *version = xasprintf("%zu", api->change_count + 1);
    json_set_text(json_ensure_object(object, "metadata"), "resourceVersion", version);
    if (is_pod(path) && api->change_count < CHANGES_MAX)
        api->changes[api->change_count++] =
            json_pack("{s:s, s:o}", "type", type, "object", json_deep_copy(object));
    pthread_cond_broadcast(&api->changed);
}

void fake_api_put(struct fake_api *api, const char *collection, const json_t *object)
{
    char uid[UUID_TEXT_SIZE];
    json_t *copy = json_deep_copy(object);
    json_t *metadata = json_ensure_object(copy, "metadata");
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", collection, json_text(metadata, "name"));
    uuid_make(uid);
    if (!json_text(metadata, "uid"))
        json_set_text(metadata, "uid", uid);
    pthread_mutex_lock(&api->lock);
    json_decref(strmap_put(&api->objects, path, copy));
    tell(api, path, "ADDED", copy);
    pthread_mutex_unlock(&api->lock);
}

json_t *fake_api_get(struct fake_api *api, const char *path)
{
    pthread_mutex_lock(&api->lock);
    json_t *found = strmap_get(&api->objects, path);
    found = found ? json_deep_copy(found) : NULL;
    pthread_mutex_unlock(&api->lock);
    return found;
}

bool fake_api_merge(struct fake_api *api, const char *path, const json_t *patch)
{
    pthread_mutex_lock(&api->lock);
    json_t *found = strmap_get(&api->objects, path);
    if (found) {
        json_t *copy = json_deep_copy(patch);
        json_object_update_recursive(found, copy);
        json_decref(copy);
        tell(api, path, "MODIFIED", found);
    }
    pthread_mutex_unlock(&api->lock);
    return found != NULL;
}

void fake_api_remove(struct fake_api *api, const char *path)
{
    pthread_mutex_lock(&api->lock);
    json_t *found = strmap_remove(&api->objects, path);
    if (found)
        tell(api, path, "DELETED", found);
    json_decref(found);
    pthread_mutex_unlock(&api->lock);
}

bool fake_api_wait(struct fake_api *api, const char *path, bool (*done)(const json_t *object),
                   int seconds)
{
    struct timespec until;
    int failed = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&api->lock);
    while (!done(strmap_get(&api->objects, path)) && !failed)
        failed = pthread_cond_timedwait(&api->changed, &api->lock, &until);
    bool ok = done(strmap_get(&api->objects, path));
    pthread_mutex_unlock(&api->lock);
    return ok;
}

unsigned fake_api_events(struct fake_api *api, const char *reason)
{
    const char *path;
    void *value;
    unsigned count = 0;
    pthread_mutex_lock(&api->lock);
    for (size_t i = 0; strmap_next(&api->objects, &i, &path, &value);)
        count += strstr(path, "/events/") && text_eq(json_text(value, "reason"), reason);
    pthread_mutex_unlock(&api->lock);
    return count;
}

/* ---- HTTP ---- */

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned code, const json_t *value)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, value);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, text.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply_missing(struct MHD_Connection *connection)
{
    json_auto_t *status = json_pack("{s:s, s:s, s:s, s:i}", "kind", "Status", "reason", "NotFound",
                                    "message", "not found", "code", 404);
    return reply(connection, 404, status);
}

static json_t *list_pods(struct fake_api *api, bool pods)
{
    const char *path;
    void *value;
    json_t *items = json_array();
    pthread_mutex_lock(&api->lock);
    CLEANUP(free_ptr) char *version = xasprintf("%zu", api->change_count);
    for (size_t i = 0; pods && strmap_next(&api->objects, &i, &path, &value);)
        if (is_pod(path))
            json_array_append_new(items, json_deep_copy(value));
    pthread_mutex_unlock(&api->lock);
    return json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", version, "items", items);
}

struct watch {
    struct fake_api *api;
    size_t next;
    bool pods;
    struct buf pending;
    size_t sent;
};

static ssize_t give_event(void *arg, uint64_t position, char *out, size_t size)
{
    struct watch *watch = arg;
    struct fake_api *api = watch->api;
    (void)position;
    if (watch->sent == watch->pending.len) {
        buf_clear(&watch->pending);
        watch->sent = 0;
        pthread_mutex_lock(&api->lock);
        while (!api->stopping && (!watch->pods || watch->next >= api->change_count))
            pthread_cond_wait(&api->changed, &api->lock);
        if (!api->stopping)
            json_write(&watch->pending, api->changes[watch->next++]);
        pthread_mutex_unlock(&api->lock);
        if (!watch->pending.len)
            return MHD_CONTENT_READER_END_OF_STREAM;
        buf_add_char(&watch->pending, '\n');
    }
    size_t len = watch->pending.len - watch->sent;
    len = len < size ? len : size;
    memcpy(out, watch->pending.data + watch->sent, len);
    watch->sent += len;
    return (ssize_t)len;
}

static void watch_free(void *arg)
{
    struct watch *watch = arg;
    buf_free(&watch->pending);
    free(watch);
}

static enum MHD_Result reply_watch(struct fake_api *api, struct MHD_Connection *connection,
                                   bool pods)
{
    const char *version =
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "resourceVersion");
    struct watch *watch = xcalloc(1, sizeof(*watch));
    *watch = (struct watch){.api = api, .pods = pods, .pending = BUF_TEXT};
    watch->next = version ? strtoul(version, NULL, 10) : 0;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 8192, give_event, watch, watch_free);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result do_get(struct fake_api *api, struct MHD_Connection *connection,
                              const char *url)
{
    bool pods = strcmp(url, "/api/v1/pods") == 0;
    if (pods || strcmp(url, "/api/v1/services") == 0) {
        if (MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "watch"))
            return reply_watch(api, connection, pods);
        json_auto_t *list = list_pods(api, pods);
        return reply(connection, 200, list);
    }
    json_auto_t *found = fake_api_get(api, url);
    return found ? reply(connection, 200, found) : reply_missing(connection);
}

static enum MHD_Result do_write(struct fake_api *api, struct MHD_Connection *connection,
                                const char *url, const char *method, const json_t *body)
{
    CLEANUP(free_ptr) char *path = xstrdup(url);
    if (strcmp(method, "DELETE") == 0) {
        fake_api_remove(api, url);
        return reply(connection, 200, body);
    }
    if (text_ends(url, "/token")) {
        json_auto_t *token = json_pack("{s:{s:s, s:s}}", "status", "token", "a-token",
                                       "expirationTimestamp", "2099-01-01T00:00:00Z");
        return reply(connection, 201, token);
    }
    if (strcmp(method, "POST") == 0) {
        fake_api_put(api, url, body);
        return reply(connection, 201, body);
    }
    if (text_ends(path, "/status"))
        path[strlen(path) - 7] = 0;
    return fake_api_merge(api, path, body) ? reply(connection, 200, body)
                                           : reply_missing(connection);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct call *call = *state;
    CLEANUP(error_clear) struct error err = {0};
    (void)version;
    if (!call) {
        *state = call = xcalloc(1, sizeof(*call));
        call->body = BUF_TEXT;
        return MHD_YES;
    }
    if (*size) {
        buf_add(&call->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") == 0)
        return do_get(arg, connection, url);
    json_auto_t *body = json_parse(buf_str(&call->body), JSON_LOAD_LENIENT, &err);
    return do_write(arg, connection, url, method, body);
}

static void completed(void *arg, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why)
{
    struct call *call = *state;
    (void)arg;
    (void)connection;
    (void)why;
    if (call)
        buf_free(&call->body);
    free(call);
}

struct fake_api *fake_api_start(void)
{
    struct fake_api *api = xcalloc(1, sizeof(*api));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pthread_mutex_init(&api->lock, NULL);
    pthread_cond_init(&api->changed, NULL);
    api->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL,
        NULL, handle, api, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    return api;
}

unsigned fake_api_port(const struct fake_api *api)
{
    return MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void fake_api_stop(struct fake_api *api)
{
    const char *path;
    void *value;
    pthread_mutex_lock(&api->lock);
    api->stopping = true;
    pthread_cond_broadcast(&api->changed);
    pthread_mutex_unlock(&api->lock);
    MHD_stop_daemon(api->daemon);
    for (size_t i = 0; strmap_next(&api->objects, &i, &path, &value);)
        json_decref(value);
    strmap_clear(&api->objects);
    for (size_t i = 0; i < api->change_count; i++)
        json_decref(api->changes[i]);
    free(api);
}
