#include "apiserver/backend/usage.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/backend/framing.h"
#include "apiserver/backend/node_tls.h"
#include "apiserver/backend/tunnel.h"
#include "base/clock.h"
#include "base/cond.h"
#include "base/strmap.h"

#define SECOND_NS   ((int64_t)1000000000)
#define RENEW_NS    (10 * SECOND_NS)  /* who asks every 15 s without waiting gets new ones */
#define STALE_NS    (60 * SECOND_NS)  /* what is older tells nothing of the present */
#define PAIR_NS     SECOND_NS         /* between the first two scrapes */
#define RETRY_NS    (5 * SECOND_NS)   /* after a node did not answer */
#define FORGET_NS   (300 * SECOND_NS) /* since it was asked for last */
#define ANSWER_NS   (10 * SECOND_NS)  /* for a whole answer */
#define WORKERS_MAX 64
#define TEXT_MAX    ((size_t)16 << 20)

struct entry { /* a node; guarded by usages->lock */
    char *url;
    struct entry *next; /* in the queue */
    bool busy;          /* in the queue, or being asked */
    bool failed;        /* the last time */
    struct usage_scrape *now, *before;
    int64_t now_mono_ns;   /* of `now` */
    int64_t tried_mono_ns; /* 0: never */
    int64_t asked_mono_ns; /* somebody wanted it */
};

struct usages {
    struct api *api;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct strmap entries; /* by URL */
    struct entry *first, **last;
    unsigned workers;
    bool stopping;
};

struct usages *usages_new(struct api *api)
{
    struct usages *usages = xcalloc(1, sizeof(*usages));
    usages->api = api;
    usages->last = &usages->first;
    pthread_mutex_init(&usages->lock, NULL);
    cond_init(&usages->changed);
    return usages;
}

void usages_stop(struct usages *usages)
{
    pthread_mutex_lock(&usages->lock);
    usages->stopping = true;
    pthread_cond_broadcast(&usages->changed);
    pthread_mutex_unlock(&usages->lock);
}

static void entry_free(struct entry *entry)
{
    usage_scrape_unref(entry->now);
    usage_scrape_unref(entry->before);
    free(entry->url);
    free(entry);
}

void usages_free(struct usages *usages)
{
    const char *url;
    void *value;
    for (size_t i = 0; strmap_next(&usages->entries, &i, &url, &value);)
        entry_free(value);
    strmap_clear(&usages->entries);
    pthread_cond_destroy(&usages->changed);
    pthread_mutex_destroy(&usages->lock);
    free(usages);
}

/* One that has gone by, or NULL. */
static struct entry *forgotten(const struct usages *usages, int64_t now_mono_ns)
{
    const char *url;
    void *value;
    for (size_t i = 0; strmap_next(&usages->entries, &i, &url, &value);) {
        struct entry *entry = value;
        if (!entry->busy && now_mono_ns - entry->asked_mono_ns > FORGET_NS)
            return entry;
    }
    return NULL;
}

void usages_expire(struct usages *usages, int64_t now_mono_ns)
{
    struct entry *entry;
    pthread_mutex_lock(&usages->lock);
    while ((entry = forgotten(usages, now_mono_ns))) {
        (void)strmap_remove(&usages->entries, entry->url);
        entry_free(entry);
    }
    pthread_mutex_unlock(&usages->lock);
}

/* ---- asking one node ---- */

static bool read_body(struct backend *node, struct framing *framing, struct buf *rest,
                      struct buf *body)
{
    char bytes[(size_t)16 << 10];
    int64_t until = clock_mono_ns() + ANSWER_NS;
    size_t len = rest->len;
    enum framing_result result = framing_take(framing, rest->data, &len);
    buf_add(body, rest->data, len);
    while (result == FRAMING_MORE && buf_ok(body) && clock_mono_ns() < until) {
        ssize_t got = backend_receive(node, bytes, sizeof(bytes), BACKEND_WAIT_MS);
        if (got <= 0)
            return framing_close(framing) == FRAMING_END;
        len = (size_t)got;
        result = framing_take(framing, bytes, &len);
        buf_add(body, bytes, len);
    }
    return result == FRAMING_END && buf_ok(body);
}

static bool fetch(struct api *api, const char *url, struct buf *body)
{
    static const char question[] = "GET /metrics/resource HTTP/1.0\r\nHost: node\r\n\r\n";
    CLEANUP(error_clear) struct error ignored = {0};
    struct buf head = {0}, rest = {0};
    struct backend node;
    struct framing framing;
    bool ok = node_connect(api, url, &node, &ignored);
    ok = ok && backend_send(&node, str_of(question)) &&
         backend_read_head(&node, &head, &rest, BACKEND_WAIT_MS) && head_status(&head) == 200 &&
         framing_init(&framing, &head, false) && read_body(&node, &framing, &rest, body);
    backend_close(&node);
    buf_free(&head);
    buf_free(&rest);
    return ok;
}

/* NULL when it does not answer. */
static struct usage_scrape *scrape(struct api *api, const char *url)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(TEXT_MAX);
    return fetch(api, url, &body) ? usage_parse(buf_str(&body), clock_now_us()) : NULL;
}

/* Takes what was read; `usages->lock` is held. */
static void keep(struct entry *entry, struct usage_scrape *read, int64_t now_mono_ns)
{
    entry->busy = false;
    entry->failed = read == NULL;
    entry->tried_mono_ns = now_mono_ns;
    if (!read)
        return;
    bool pairs = entry->now && now_mono_ns - entry->now_mono_ns <= STALE_NS;
    usage_scrape_unref(entry->before);
    if (!pairs)
        usage_scrape_unref(entry->now);
    entry->before = pairs ? entry->now : NULL;
    entry->now = read;
    entry->now_mono_ns = now_mono_ns;
}

static struct entry *take_first(struct usages *usages)
{
    struct entry *entry = usages->stopping ? NULL : usages->first;
    if (!entry)
        return NULL;
    usages->first = entry->next;
    if (!usages->first)
        usages->last = &usages->first;
    entry->next = NULL;
    return entry;
}

/* Asks node after node until none waits. A busy entry is nobody else's to free. */
static void work(void *arg)
{
    struct usages *usages = arg;
    struct entry *entry;
    pthread_mutex_lock(&usages->lock);
    while ((entry = take_first(usages))) {
        pthread_mutex_unlock(&usages->lock);
        struct usage_scrape *read = scrape(usages->api, entry->url);
        pthread_mutex_lock(&usages->lock);
        keep(entry, read, clock_mono_ns());
        pthread_cond_broadcast(&usages->changed);
    }
    usages->workers--;
    pthread_mutex_unlock(&usages->lock);
}

/* ---- who wants to know ---- */

enum state {
    STATE_READY, /* there is what can be told, or it cannot be had now */
    STATE_BUSY,  /* being asked */
    STATE_DUE,   /* should be asked */
    STATE_EARLY, /* should be asked in a moment */
};

static enum state state_of(const struct entry *entry, int64_t fresh_ns, int64_t now_mono_ns)
{
    int64_t age_ns = now_mono_ns - entry->now_mono_ns;
    if (entry->busy)
        return STATE_BUSY;
    if (entry->failed && now_mono_ns - entry->tried_mono_ns < RETRY_NS)
        return STATE_READY;
    if (!entry->now || age_ns > STALE_NS)
        return STATE_DUE;
    if (!entry->before)
        return age_ns < PAIR_NS ? STATE_EARLY : STATE_DUE;
    return age_ns < fresh_ns ? STATE_READY : STATE_DUE;
}

static struct entry *entry_of(struct usages *usages, const char *url)
{
    struct entry *entry = strmap_get(&usages->entries, url);
    if (entry)
        return entry;
    entry = xcalloc(1, sizeof(*entry));
    entry->url = xstrdup(url);
    strmap_put(&usages->entries, url, entry);
    return entry;
}

/* One more thread where that helps; false when no thread works at all. */
static bool start_worker(struct usages *usages)
{
    if (usages->workers < WORKERS_MAX && tunnels_run(usages->api->tunnels, work, usages))
        usages->workers++;
    return usages->workers > 0;
}

static void enqueue(struct usages *usages, struct entry *entry, int64_t now_mono_ns)
{
    entry->busy = true;
    *usages->last = entry;
    usages->last = &entry->next;
    if (start_worker(usages))
        return;
    while (usages->first) { /* the server is full, or stops */
        struct entry *given_up = usages->first;
        usages->first = given_up->next;
        given_up->next = NULL;
        keep(given_up, NULL, now_mono_ns);
    }
    usages->last = &usages->first;
}

/* Sets off what is due; how long to wait for more, at most `until`. 0: no more. */
static int64_t pursue(struct usages *usages, const char *const *urls, size_t count,
                      int64_t fresh_ns, int64_t until_mono_ns)
{
    int64_t now = clock_mono_ns(), next = 0;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = entry_of(usages, urls[i]);
        enum state state = state_of(entry, fresh_ns, now);
        entry->asked_mono_ns = now;
        if (state == STATE_DUE)
            enqueue(usages, entry, now);
        int64_t due = state == STATE_READY   ? 0
                      : state == STATE_EARLY ? entry->now_mono_ns + PAIR_NS
                                             : until_mono_ns;
        if (due && (!next || due < next))
            next = due;
    }
    return next < until_mono_ns ? next : until_mono_ns;
}

static bool take(struct usages *usages, const char *url, struct usage_reading *reading)
{
    const struct entry *entry = strmap_get(&usages->entries, url);
    bool paired = entry->now && entry->before && clock_mono_ns() - entry->now_mono_ns <= STALE_NS;
    if (paired)
        *reading =
            (struct usage_reading){usage_scrape_ref(entry->now), usage_scrape_ref(entry->before)};
    return paired || entry->failed;
}

bool usages_read(struct usages *usages, const char *const *urls, size_t count, int64_t wait_ms,
                 struct usage_reading *readings)
{
    int64_t until = clock_mono_ns() + wait_ms * 1000000,
            fresh_ns = wait_ms ? USAGE_FRESH_NS : RENEW_NS, next;
    bool whole = true;
    pthread_mutex_lock(&usages->lock);
    while ((next = pursue(usages, urls, count, fresh_ns, until)) && !usages->stopping &&
           clock_mono_ns() < until)
        cond_wait_until(&usages->changed, &usages->lock, next);
    for (size_t i = 0; i < count; i++)
        whole = take(usages, urls[i], &readings[i]) && whole;
    pthread_mutex_unlock(&usages->lock);
    return whole;
}

void usage_reading_clear(struct usage_reading *reading)
{
    usage_scrape_unref(reading->now);
    usage_scrape_unref(reading->before);
    *reading = (struct usage_reading){0};
}
