#include "support_watch.h"

#include <string.h>
#include <time.h>

#include "tests/test.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)

/* Under the lock. */
static void take_lines(struct watcher *watcher)
{
    char *start = watcher->bytes.data, *end;
    size_t left = watcher->bytes.len;
    while (left && (end = memchr(start, '\n', left))) {
        json_error_t where;
        json_t *event = json_loadb(start, (size_t)(end - start), 0, &where);
        assert_non_null(event);
        json_array_append_new(watcher->events, event);
        left -= (size_t)(end - start) + 1;
        start = end + 1;
    }
    if (left)
        memmove(watcher->bytes.data, start, left);
    watcher->bytes.len = left;
}

static size_t take(char *data, size_t size, size_t count, void *into)
{
    struct watcher *watcher = into;
    pthread_mutex_lock(&watcher->lock);
    buf_add(&watcher->bytes, data, size * count);
    take_lines(watcher);
    pthread_cond_broadcast(&watcher->changed);
    pthread_mutex_unlock(&watcher->lock);
    return size * count;
}

static int progress(void *into, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct watcher *watcher = into;
    (void)a, (void)b, (void)c, (void)d;
    pthread_mutex_lock(&watcher->lock);
    bool stop = watcher->stop;
    pthread_mutex_unlock(&watcher->lock);
    return stop;
}

static void *run(void *arg)
{
    struct watcher *watcher = arg;
    struct fixture *fixture = watcher->fixture;
    CURL *curl = curl_easy_init();
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", fixture->url, watcher->path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, fixture->ca_path);
    curl_easy_setopt(curl, CURLOPT_SSLCERT, fixture->cert_path);
    curl_easy_setopt(curl, CURLOPT_SSLKEY, fixture->key_path);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, watcher);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, watcher);
    curl_easy_perform(curl);
    pthread_mutex_lock(&watcher->lock);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &watcher->code);
    watcher->ended = true;
    pthread_cond_broadcast(&watcher->changed);
    pthread_mutex_unlock(&watcher->lock);
    curl_easy_cleanup(curl);
    return NULL;
}

void watcher_start(struct watcher *watcher, struct fixture *fixture, const char *path)
{
    *watcher = (struct watcher){.fixture = fixture,
                                .path = xstrdup(path),
                                .bytes = BUF_INIT(LINE_MAX_BYTES),
                                .events = json_array()};
    pthread_mutex_init(&watcher->lock, NULL);
    pthread_cond_init(&watcher->changed, NULL);
    assert_int_equal(pthread_create(&watcher->thread, NULL, run, watcher), 0);
}

static bool wait_for(struct watcher *watcher, size_t count, unsigned seconds)
{
    struct timespec until;
    bool ok = true;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&watcher->lock);
    while (ok && json_array_size(watcher->events) < count && !watcher->ended)
        ok = pthread_cond_timedwait(&watcher->changed, &watcher->lock, &until) == 0;
    ok = json_array_size(watcher->events) >= count;
    pthread_mutex_unlock(&watcher->lock);
    return ok;
}

bool watcher_wait(struct watcher *watcher, size_t count, unsigned seconds)
{
    return wait_for(watcher, count, seconds);
}

bool watcher_wait_end(struct watcher *watcher, unsigned seconds)
{
    wait_for(watcher, SIZE_MAX, seconds);
    pthread_mutex_lock(&watcher->lock);
    bool ended = watcher->ended;
    pthread_mutex_unlock(&watcher->lock);
    return ended;
}

void watcher_stop(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    watcher->stop = true;
    pthread_mutex_unlock(&watcher->lock);
    pthread_join(watcher->thread, NULL);
    json_decref(watcher->events);
    buf_free(&watcher->bytes);
    free(watcher->path);
    pthread_cond_destroy(&watcher->changed);
    pthread_mutex_destroy(&watcher->lock);
}

static json_t *event_at(struct watcher *watcher, size_t n)
{
    pthread_mutex_lock(&watcher->lock);
    json_t *event = json_array_get(watcher->events, n);
    pthread_mutex_unlock(&watcher->lock);
    return event;
}

const char *watcher_type(struct watcher *watcher, size_t n)
{
    const char *type = json_text(event_at(watcher, n), "type");
    return type ? type : "";
}

const char *watcher_name(struct watcher *watcher, size_t n)
{
    const char *name = json_text(event_at(watcher, n), "object", "metadata", "name");
    return name ? name : "";
}
