/* Reflectors: list, then watch, for ever. A curl multi handle a reflector, so that stopping
 * interrupts any wait.
 *
 * What is known is kept by key (namespace/name) with its metadata only: enough to tell what
 * vanished between two lists and to name it in a DELETED event. Source: client-go
 * tools/cache/reflector.go. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strmap.h"
#include "client/client_internal.h"

#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS   30000
#define EVENT_MAX        ((size_t)16 << 20)
#define WATCH_SECONDS    300 /* and up to as much again, so that watches do not end together */
#define WATCH_SHORT_NS   INT64_C(1000000000)
#define PAGE             500

struct reflector {
    struct client *client;
    char *path; /* with its query, if any */
    struct reflector_handler handler;
    CURLM *multi;
    pthread_t thread;
    bool stopping; /* atomic */
    /* Owned by the thread: */
    char *version;       /* to watch from; NULL: list first */
    struct strmap known; /* key -> json_t of metadata */
    unsigned failures;
    struct buf line;   /* of a watch: what came after the last newline */
    bool watch_broken; /* an ERROR event, or a line that is none */
    bool expired;
};

static bool is_stopping(const struct reflector *reflector)
{
    return __atomic_load_n(&reflector->stopping, __ATOMIC_ACQUIRE);
}

/* ---- what is known ---- */

static char *object_key(const json_t *object)
{
    const char *namespace = json_text(object, "metadata", "namespace"),
               *name = json_text(object, "metadata", "name");
    return xasprintf("%s/%s", namespace ? namespace : "", name ? name : "");
}

/* kind, apiVersion and the metadata without managedFields: what a DELETED event needs. */
static json_t *remains(const json_t *object)
{
    static const char *const keep[] = {"name",   "namespace",   "uid",
                                       "labels", "annotations", "resourceVersion"};
    json_t *result = json_object(), *metadata = json_object();
    for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
        json_t *value = json_at(object, "metadata", keep[i]);
        if (value)
            json_object_set_new(metadata, keep[i], json_deep_copy(value));
    }
    json_object_set_new(result, "metadata", metadata);
    return result;
}

static void remember(struct reflector *reflector, const json_t *object)
{
    CLEANUP(free_ptr) char *key = object_key(object);
    json_decref(strmap_put(&reflector->known, key, remains(object)));
}

static void forget(struct reflector *reflector, const json_t *object)
{
    CLEANUP(free_ptr) char *key = object_key(object);
    json_decref(strmap_remove(&reflector->known, key));
}

static void set_version(struct reflector *reflector, const char *version)
{
    if (!version)
        return;
    free(reflector->version);
    reflector->version = xstrdup(version);
}

/* ---- a transfer that can be interrupted ---- */

static bool wait_transfer(struct reflector *reflector, CURLcode *why)
{
    int running = 1;
    while (running) {
        if (is_stopping(reflector) || curl_multi_perform(reflector->multi, &running) != CURLM_OK)
            return false;
        if (running)
            curl_multi_poll(reflector->multi, NULL, 0, 60000, NULL);
    }
    int left;
    const CURLMsg *message = curl_multi_info_read(reflector->multi, &left);
    *why = message ? message->data.result : CURLE_RECV_ERROR;
    return true;
}

struct transfer {
    const char *path;
    curl_write_callback write;
    void *arg;
    long timeout_ms; /* 0: none */
};

/* Runs one GET. `*code` is the HTTP status. False when it failed or the reflector stops. */
static bool run_transfer(struct reflector *reflector, const struct transfer *transfer, long *code,
                         struct error *err)
{
    CURLcode why = CURLE_OK;
    struct curl_slist *headers = NULL;
    CURL *handle = client_take(reflector->client);
    bool ok = handle && client_prepare(reflector->client, handle, transfer->path, &headers, err);
    if (ok) {
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, transfer->write);
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer->arg);
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, transfer->timeout_ms);
        curl_easy_setopt(handle, CURLOPT_PRIVATE, reflector);
        curl_multi_add_handle(reflector->multi, handle);
        ok = wait_transfer(reflector, &why);
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, code);
        curl_multi_remove_handle(reflector->multi, handle);
        if (!ok)
            error_unavailable(err, "stopped");
        else if (why != CURLE_OK)
            ok = client_transfer_error(reflector->client, why, err);
    }
    client_give(reflector->client, handle);
    curl_slist_free_all(headers);
    return ok;
}

/* ---- list ---- */

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
    struct buf *answer = arg;
    buf_add(answer, data, size * count);
    return buf_ok(answer) ? size * count : 0;
}

static json_t *get_page(struct reflector *reflector, const char *token, struct error *err)
{
    long code = 0;
    CLEANUP(buf_free) struct buf answer = BUF_INIT(CLIENT_ANSWER_MAX);
    char *escaped = curl_easy_escape(NULL, token, 0);
    CLEANUP(free_ptr)
    char *path =
        xasprintf("%s%climit=%d%s%s", reflector->path, strchr(reflector->path, '?') ? '&' : '?',
                  PAGE, *token ? "&continue=" : "", *token && escaped ? escaped : "");
    curl_free(escaped);
    struct transfer transfer = {path, take_answer, &answer, CLIENT_REQUEST_MS};
    if (!run_transfer(reflector, &transfer, &code, err))
        return NULL;
    if (code != 200) {
        client_status_error(code, buf_str(&answer), err);
        return NULL;
    }
    return json_parse(buf_str(&answer), JSON_LOAD_LENIENT, err);
}

/* Tells each item of a page and moves it from `old` to what is known. */
static void take_page(struct reflector *reflector, struct strmap *old, const json_t *items)
{
    size_t i;
    const json_t *item;
    json_array_foreach (items, i, item) {
        CLEANUP(free_ptr) char *key = object_key(item);
        json_auto_t *before = strmap_remove(old, key);
        const char *type = before ? "MODIFIED" : "ADDED";
        const char *uid = json_text(before, "metadata", "uid");
        if (before && !text_eq(uid, json_text(item, "metadata", "uid"))) {
            reflector->handler.on_event(reflector->handler.arg, "DELETED", before);
            type = "ADDED";
        }
        remember(reflector, item);
        reflector->handler.on_event(reflector->handler.arg, type, item);
    }
}

static void drop_known(struct strmap *known)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(known, &i, &key, &value);)
        json_decref(value);
    strmap_clear(known);
}

static void tell_vanished(struct reflector *reflector, const struct strmap *old)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(old, &i, &key, &value);)
        reflector->handler.on_event(reflector->handler.arg, "DELETED", value);
}

/* The pages are collected first: half a list must not be told as a whole one. */
static json_t *get_pages(struct reflector *reflector, char **version, struct error *err)
{
    json_t *pages = json_array();
    CLEANUP(free_ptr) char *token = xstrdup("");
    do {
        json_t *page = get_page(reflector, token, err);
        if (!page) {
            json_decref(pages);
            return NULL;
        }
        json_array_append_new(pages, page);
        const char *next = json_text(page, "metadata", "continue");
        free(token);
        token = xstrdup(next ? next : "");
        const char *at = json_text(page, "metadata", "resourceVersion");
        free(*version);
        *version = xstrdup(at ? at : "0");
    } while (*token);
    return pages;
}

static bool list_all(struct reflector *reflector, struct error *err)
{
    size_t i;
    const json_t *page;
    CLEANUP(free_ptr) char *version = NULL;
    json_auto_t *pages = get_pages(reflector, &version, err);
    if (!pages)
        return false;
    struct strmap old = reflector->known;
    reflector->known = (struct strmap){0};
    json_array_foreach (pages, i, page)
        take_page(reflector, &old, json_at(page, "items"));
    tell_vanished(reflector, &old);
    drop_known(&old);
    set_version(reflector, version);
    if (reflector->handler.on_synced)
        reflector->handler.on_synced(reflector->handler.arg);
    return true;
}

/* ---- watch ---- */

static void take_event(struct reflector *reflector, const json_t *event)
{
    const char *type = json_text(event, "type");
    const json_t *object = json_at(event, "object");
    if (!type || !json_is_object(object) || text_eq(type, "ERROR")) {
        reflector->watch_broken = true;
        reflector->expired = json_int_or(json_at(object, "code"), 0) == 410;
        return;
    }
    set_version(reflector, json_text(object, "metadata", "resourceVersion"));
    if (text_eq(type, "BOOKMARK"))
        return;
    if (text_eq(type, "DELETED"))
        forget(reflector, object);
    else
        remember(reflector, object);
    reflector->failures = 0;
    reflector->handler.on_event(reflector->handler.arg, type, object);
}

static void take_line(struct reflector *reflector, struct str line)
{
    CLEANUP(error_clear) struct error ignored = {0};
    if (str_trim(line).len == 0)
        return;
    json_auto_t *event = json_parse(line, JSON_LOAD_LENIENT, &ignored);
    if (event)
        take_event(reflector, event);
    else
        reflector->watch_broken = true;
}

static size_t take_stream(char *data, size_t size, size_t count, void *arg)
{
    struct reflector *reflector = arg;
    struct str rest = {data, size * count};
    while (rest.len && !reflector->watch_broken) {
        const char *newline = memchr(rest.data, '\n', rest.len);
        size_t len = newline ? (size_t)(newline - rest.data) : rest.len;
        buf_add(&reflector->line, rest.data, len);
        if (!buf_ok(&reflector->line))
            return 0;
        rest = (struct str){rest.data + len, rest.len - len};
        if (newline) {
            rest = (struct str){rest.data + 1, rest.len - 1};
            take_line(reflector, buf_str(&reflector->line));
            buf_clear(&reflector->line);
        }
    }
    return reflector->watch_broken || is_stopping(reflector) ? 0 : size * count;
}

/* True when the watch ended in order or was cut after it had worked; `err` says why it did not. */
static bool watch_once(struct reflector *reflector, struct error *err)
{
    long code = 0;
    unsigned char chance;
    random_bytes(&chance, 1);
    CLEANUP(free_ptr)
    char *path =
        xasprintf("%s%cwatch=true&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%d",
                  reflector->path, strchr(reflector->path, '?') ? '&' : '?', reflector->version,
                  WATCH_SECONDS + WATCH_SECONDS * chance / 256);
    struct transfer transfer = {path, take_stream, reflector,
                                2L * WATCH_SECONDS * 1000 + CLIENT_REQUEST_MS};
    reflector->watch_broken = reflector->expired = false;
    bool ok = run_transfer(reflector, &transfer, &code, err);
    struct buf rest = reflector->line;
    reflector->line = BUF_INIT(EVENT_MAX);
    if (code && code != 200) {
        reflector->expired = code == 410;
        error_clear(err);
        ok = client_status_error(code, buf_str(&rest), err);
    }
    buf_free(&rest);
    return ok && !reflector->watch_broken;
}

/* ---- the thread ---- */

/* Doubles up to the maximum, with a random half, and ends at once when the reflector stops. */
static void back_off(struct reflector *reflector)
{
    unsigned char chance;
    random_bytes(&chance, 1);
    int64_t wait_ms = BACKOFF_MAX_MS;
    if (reflector->failures < 8 &&
        (int64_t)BACKOFF_FIRST_MS << reflector->failures < BACKOFF_MAX_MS)
        wait_ms = (int64_t)BACKOFF_FIRST_MS << reflector->failures;
    reflector->failures++;
    wait_ms = wait_ms / 2 + wait_ms / 2 * chance / 256;
    int64_t until = clock_mono_ns() + wait_ms * 1000000;
    while (!is_stopping(reflector) && clock_mono_ns() < until)
        curl_multi_poll(reflector->multi, NULL, 0, (int)((until - clock_mono_ns()) / 1000000 + 1),
                        NULL);
}

static void one_turn(struct reflector *reflector)
{
    CLEANUP(error_clear) struct error err = {0};
    if (!reflector->version) {
        if (list_all(reflector, &err)) {
            reflector->failures = 0;
            return;
        }
    } else {
        int64_t began_ns = clock_mono_ns();
        if (watch_once(reflector, &err) && clock_mono_ns() - began_ns > WATCH_SHORT_NS)
            return; /* it ended in its time; one that ends at once must not be repeated without a
                       pause */
    }
    if (is_stopping(reflector))
        return;
    if (reflector->expired || err.reason == ERROR_GONE || err.reason == ERROR_EXPIRED) {
        free(reflector->version);
        reflector->version = NULL;
        reflector->expired = false;
    }
    if (reflector->failures == 3)
        log_warn("client", "watching %s fails: %s", reflector->path,
                 err.message ? err.message : "the stream broke");
    back_off(reflector);
}

static void *reflector_run(void *arg)
{
    struct reflector *reflector = arg;
    while (!is_stopping(reflector))
        one_turn(reflector);
    return NULL;
}

struct reflector *reflector_start(struct client *client, const char *path,
                                  const struct reflector_handler *handler)
{
    struct reflector *reflector = xcalloc(1, sizeof(*reflector));
    *reflector = (struct reflector){
        .client = client, .path = xstrdup(path), .handler = *handler, .line = BUF_INIT(EVENT_MAX)};
    reflector->multi = curl_multi_init();
    if (!reflector->multi ||
        pthread_create(&reflector->thread, NULL, reflector_run, reflector) != 0)
        abort(); /* out of memory or threads at start: as xmalloc */
    return reflector;
}

void reflector_stop(struct reflector *reflector)
{
    if (!reflector)
        return;
    __atomic_store_n(&reflector->stopping, true, __ATOMIC_RELEASE);
    curl_multi_wakeup(reflector->multi);
    pthread_join(reflector->thread, NULL);
    curl_multi_cleanup(reflector->multi);
    drop_known(&reflector->known);
    buf_free(&reflector->line);
    free(reflector->version);
    free(reflector->path);
    free(reflector);
}
