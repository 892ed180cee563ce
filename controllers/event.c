/* controllers/event.c: Events about objects.
 *
 * An Event's name is made from what it says, so that saying it again finds the first one and counts
 * it up, and those that differ in the message alone lie side by side: beyond a few, one more speaks
 * for all. No memory is kept, and it works across restarts and replicas. Source: upstream client-go
 * tools/record (aggregation key, EventAggregator). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "controllers/controller.h"
#include "schema/meta.h"

#define MESSAGE_MAX 1024 /* upstream's limit of an Event's message */
#define SIMILAR_MAX 9    /* that differ in the message alone */
#define COMBINED    "(combined from similar events): "

/* Users whose events carry another name than the last part of the user's. */
static const struct {
    const char *user, *component;
} components[] = {
    {"daemon-set-controller", "daemonset-controller"},
    {"endpointslice-controller", "endpoint-slice-controller"},
    {"endpointslicemirroring-controller", "endpoint-slice-mirroring-controller"},
    {"disruption-controller", "controllermanager"},
    {"ephemeral-volume-controller", "ephemeral_volume"},
    {"generic-garbage-collector", "garbage-collector-controller"},
    {"kube-scheduler", "default-scheduler"},
    {"persistent-volume-binder", "persistentvolume-controller"},
};

static const char *component_of(const struct user *user)
{
    const char *colon = strrchr(user->name, ':');
    const char *name = colon ? colon + 1 : user->name;
    for (size_t i = 0; i < ARRAY_LEN(components); i++)
        if (strcmp(components[i].user, name) == 0)
            return components[i].component;
    return name;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return (hash ^ 0xff) * 0x100000001b3u; /* so that "ab","c" differs from "a","bc" */
}

struct said {
    const json_t *object;
    const char *ns, *component, *type, *reason, *message;
    char name[300];
    size_t similar_len; /* of the name: what it has in common with those of similar Events */
};

/* Half of `hash`, for a name that has room for two. */
static unsigned fold(uint64_t hash)
{
    return (unsigned)(hash ^ hash >> 32);
}

static void name_event(struct said *said)
{
    uint64_t hash = 0xcbf29ce484222325u;
    hash = hash_text(hash, meta_uid(said->object));
    hash = hash_text(hash, said->component);
    hash = hash_text(hash, said->type);
    hash = hash_text(hash, said->reason);
    (void)snprintf(said->name, sizeof(said->name), "%.236s.%08x", meta_name(said->object),
                   fold(hash));
    said->similar_len = strlen(said->name);
    (void)snprintf(said->name + said->similar_len, sizeof(said->name) - said->similar_len, "%08x",
                   fold(hash_text(hash, said->message)));
}

static bool is_known(struct cluster *cluster, const struct said *said)
{
    CLEANUP(object_unref_ptr) struct object *found = NULL;
    CLEANUP(error_clear) struct error err = {0};
    return cache_get(cluster, "events", said->ns, said->name, &found, &err) && found;
}

/* Whether as many as there may be are there. */
static bool are_many(struct cluster *cluster, const struct said *said)
{
    char prefix[sizeof(said->name)];
    CLEANUP(object_list_free) struct object_list list = {0};
    (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)said->similar_len, said->name);
    const struct cache_range range = {
        .ns = said->ns, .after_ns = said->ns, .after_name = prefix, .limit = SIMILAR_MAX};
    return cache_list_peek(cluster, "events", &range, &list) == CACHE_LIST_OK &&
           list.count == SIMILAR_MAX && text_starts(list.items[SIMILAR_MAX - 1]->name, prefix);
}

/* Drops what a cut left of the last character: a text that is not UTF-8 makes no Event. */
static void end_whole(char *text)
{
    size_t len = strlen(text), at = len;
    while (at && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
        at--;
    if (at && str_utf8_character((struct str){text + at - 1, len - at + 1}) != len - at + 1)
        text[at - 1] = '\0';
}

/* Makes it the one that speaks for all: of a message that none has, with the latest in it. */
static void combine(struct said *said, char text[static MESSAGE_MAX + 1])
{
    char latest[MESSAGE_MAX + 1];
    (void)snprintf(latest, sizeof(latest), "%s", said->message);
    said->message = COMBINED;
    name_event(said);
    (void)snprintf(text, MESSAGE_MAX + 1, COMBINED "%.*s", MESSAGE_MAX - (int)strlen(COMBINED),
                   latest);
    end_whole(text);
    said->message = text;
}

static json_t *involved(const json_t *object)
{
    json_t *reference = json_object();
    static const char *const members[] = {"name", "namespace", "uid", "resourceVersion"};
    json_object_set(reference, "kind", json_object_get(object, "kind"));
    json_object_set(reference, "apiVersion", json_object_get(object, "apiVersion"));
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        json_object_set(reference, members[i], json_at(object, "metadata", members[i]));
    return reference;
}

static json_t *event_new(const struct said *said, const char *now)
{
    return json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:s, s:{s:s}, s:s, s:s, s:i, s:n, s:s, s:s}",
        "apiVersion", "v1", "kind", "Event", "metadata", "name", said->name, "namespace", said->ns,
        "involvedObject", involved(said->object), "reason", said->reason, "message", said->message,
        "type", said->type, "source", "component", said->component, "firstTimestamp", now,
        "lastTimestamp", now, "count", 1, "eventTime", "reportingComponent", said->component,
        "reportingInstance", "");
}

static void count_up(const struct api_caller *caller, const struct said *said, const char *now)
{
    CLEANUP(object_unref_ptr) struct object *found = NULL;
    CLEANUP(error_clear) struct error err = {0};
    if (!cache_get(caller->cluster, "events", said->ns, said->name, &found, &err) || !found)
        return;
    json_auto_t *event = object_json(found);
    int64_t count = json_int_or(json_object_get(event, "count"), 1) + 1;
    json_auto_t *patch = json_pack("{s:I, s:s, s:s}", "count", (json_int_t)count, "lastTimestamp",
                                   now, "message", said->message);
    if (!api_patch(caller, "events", "", said->ns, said->name, patch, NULL, &err))
        return; /* best effort */
}

void controller_event(const struct api_caller *caller, const json_t *object, const char *type,
                      const char *reason, const char *format, ...)
{
    char message[MESSAGE_MAX + 1], now[TIME_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    end_whole(message);
    struct said said = {
        .object = object,
        .ns = meta_namespace(object)[0] ? meta_namespace(object) : "default",
        .component = component_of(caller->user),
        .type = type,
        .reason = reason,
        .message = message,
    };
    name_event(&said);
    if (!is_known(caller->cluster, &said) && are_many(caller->cluster, &said))
        combine(&said, message);
    time_format(clock_now_us(), now);
    json_auto_t *event = event_new(&said, now);
    CLEANUP(error_clear) struct error err = {0};
    if (event && !api_create(caller, "events", said.ns, event, NULL, &err) &&
        err.reason == ERROR_ALREADY_EXISTS)
        count_up(caller, &said, now);
}
