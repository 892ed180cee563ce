#include "host/node/events.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/strmap.h"

#define MERGE_US    INT64_C(600000000)
#define SERIES_MAX  4096
#define MESSAGE_MAX 1024
#define FLUSH_US    INT64_C(2000000)

/* What was written before, for counting. */
struct series {
    char *path; /* of the Event */
    int64_t count, last_us;
};

struct waiting {
    json_t *event;
    char *key; /* object, reason, message */
};

struct events {
    struct client *client;
    char *node_name;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct waiting ring[EVENTS_MAX]; /* guarded by lock, as what follows */
    size_t first, count;
    bool stopping;
    int64_t stop_us;
    struct strmap series; /* owned by the thread */
};

/* ---- writing ---- */

static void series_drop_all(struct strmap *map)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(map, &i, &key, &value);) {
        free(((struct series *)value)->path);
        free(value);
    }
    strmap_clear(map);
}

static bool raise_count(struct events *events, struct series *series, const json_t *event)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *patch = json_pack("{s:I, s:O}", "count", (json_int_t)(series->count + 1),
                                   "lastTimestamp", json_object_get(event, "lastTimestamp"));
    if (!client_patch(events->client, series->path, patch, NULL, &err))
        return false;
    series->count++;
    series->last_us = clock_now_us();
    return true;
}

static void write_event(struct events *events, const struct waiting *waiting)
{
    CLEANUP(error_clear) struct error err = {0};
    struct series *series = strmap_get(&events->series, waiting->key);
    if (series && clock_now_us() - series->last_us < MERGE_US &&
        raise_count(events, series, waiting->event))
        return;
    const char *namespace = json_text(waiting->event, "metadata", "namespace");
    CLEANUP(free_ptr) char *path = xasprintf("/api/v1/namespaces/%s/events", namespace);
    if (!client_create(events->client, path, waiting->event, NULL, &err))
        return; /* the namespace ends, or the server is away: an event is not worth a retry */
    if (events->series.count >= SERIES_MAX)
        series_drop_all(&events->series);
    if (!series || !strmap_has(&events->series, waiting->key)) {
        series = xcalloc(1, sizeof(*series));
        strmap_put(&events->series, waiting->key, series);
    }
    free(series->path);
    *series = (struct series){
        xasprintf("%s/%s", path, json_text(waiting->event, "metadata", "name")), 1, clock_now_us()};
}

static bool take_waiting(struct events *events, struct waiting *out)
{
    pthread_mutex_lock(&events->lock);
    while (!events->count && !events->stopping)
        pthread_cond_wait(&events->wake, &events->lock);
    bool found = events->count && (!events->stopping || clock_now_us() < events->stop_us);
    if (found) {
        *out = events->ring[events->first];
        events->first = (events->first + 1) % EVENTS_MAX;
        events->count--;
    }
    pthread_mutex_unlock(&events->lock);
    return found;
}

static void waiting_clear(struct waiting *waiting)
{
    json_decref(waiting->event);
    free(waiting->key);
}

static void *events_run(void *arg)
{
    struct events *events = arg;
    for (struct waiting one; take_waiting(events, &one);) {
        write_event(events, &one);
        waiting_clear(&one);
    }
    return NULL;
}

struct events *events_new(struct client *client, const char *node_name)
{
    struct events *events = xcalloc(1, sizeof(*events));
    events->client = client;
    events->node_name = xstrdup(node_name);
    pthread_mutex_init(&events->lock, NULL);
    pthread_cond_init(&events->wake, NULL);
    if (pthread_create(&events->thread, NULL, events_run, events) != 0)
        abort(); /* no threads at start: as xmalloc */
    return events;
}

void events_free(struct events *events)
{
    if (!events)
        return;
    pthread_mutex_lock(&events->lock);
    events->stopping = true;
    events->stop_us = clock_now_us() + FLUSH_US;
    pthread_cond_signal(&events->wake);
    pthread_mutex_unlock(&events->lock);
    pthread_join(events->thread, NULL);
    for (; events->count; events->count--, events->first = (events->first + 1) % EVENTS_MAX)
        waiting_clear(&events->ring[events->first]);
    series_drop_all(&events->series);
    pthread_mutex_destroy(&events->lock);
    pthread_cond_destroy(&events->wake);
    free(events->node_name);
    free(events);
}

/* ---- telling ---- */

/* Takes `object` (an ObjectReference). */
static void tell(struct events *events, json_t *object, const char *namespace, const char *type,
                 const char *reason, const char *message)
{
    char now[TIME_TEXT_SIZE];
    time_format(clock_now_us(), now);
    const char *name = json_text(object, "name"), *uid = json_text(object, "uid"),
               *field = json_text(object, "fieldPath");
    CLEANUP(free_ptr)
    char *event_name =
        xasprintf("%.230s.%llx", name,
                  (unsigned long long)clock_now_us() * 1000 + (unsigned)clock_mono_ns() % 1000);
    struct waiting one = {.key = xasprintf("%s/%s/%s/%s/%s", namespace, uid ? uid : name,
                                           field ? field : "", reason, message)};
    one.event = json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:i, s:s, s:s}",
        "kind", "Event", "apiVersion", "v1", "metadata", "name", event_name, "namespace", namespace,
        "involvedObject", object, "reason", reason, "message", message, "type", type, "source",
        "component", "kubelet", "host", events->node_name, "firstTimestamp", now, "lastTimestamp",
        now, "count", 1, "reportingComponent", "kubelet", "reportingInstance", events->node_name);
    struct waiting dropped = {0};
    if (!one.event) { /* a message that is not UTF-8 */
        free(one.key);
        return;
    }
    pthread_mutex_lock(&events->lock);
    if (events->count == EVENTS_MAX) {
        dropped = events->ring[events->first];
        events->first = (events->first + 1) % EVENTS_MAX;
        events->count--;
    }
    events->ring[(events->first + events->count++) % EVENTS_MAX] = one;
    pthread_cond_signal(&events->wake);
    pthread_mutex_unlock(&events->lock);
    waiting_clear(&dropped);
}

PRINTF_LIKE(1, 0) static char *format_message(const char *format, va_list args)
{
    struct buf text = BUF_INIT(MESSAGE_MAX * 16);
    buf_vprintf(&text, format, args);
    char *message = buf_take(&text);
    if (!message)
        return xstrdup("");
    for (size_t len = strlen(message); len > MESSAGE_MAX || (len && (message[len] & 0xc0) == 0x80);)
        message[--len] = 0; /* cut, but not inside a character */
    return message;
}

void events_pod(struct events *events, const json_t *pod, const char *container, const char *type,
                const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(free_ptr) char *message = format_message(format, args);
    va_end(args);
    static const char *const copied[] = {"namespace", "name", "uid", "resourceVersion"};
    json_t *object = json_pack("{s:s, s:s}", "kind", "Pod", "apiVersion", "v1");
    for (size_t i = 0; i < ARRAY_LEN(copied); i++)
        if (json_at(pod, "metadata", copied[i]))
            json_object_set(object, copied[i], json_at(pod, "metadata", copied[i]));
    if (container) {
        CLEANUP(free_ptr) char *path = xasprintf("spec.containers{%s}", container);
        json_object_set_new(object, "fieldPath", json_string(path));
    }
    const char *namespace = json_text(pod, "metadata", "namespace");
    tell(events, object, namespace ? namespace : "default", type, reason, message);
}

void events_node(struct events *events, const char *type, const char *reason, const char *format,
                 ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(free_ptr) char *message = format_message(format, args);
    va_end(args);
    tell(events,
         json_pack("{s:s, s:s, s:s}", "kind", "Node", "name", events->node_name, "uid",
                   events->node_name),
         "default", type, reason, message);
}
