/* controllers/event.c: Events about objects.
 *
 * An Event's name is made from what it says, so that saying it again finds the first one and counts
 * it up: no memory is kept, and it works across restarts and replicas. Source: upstream client-go
 * tools/record (aggregation key). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "controllers/controller.h"
#include "schema/meta.h"

#define MESSAGE_MAX 1024 /* upstream's limit of an Event's message */

/* Users whose events carry another name than the last part of the user's. */
static const struct {
    const char *user, *component;
} components[] = {
    {"daemon-set-controller", "daemonset-controller"},
    {"endpointslice-controller", "endpoint-slice-controller"},
    {"endpointslicemirroring-controller", "endpoint-slice-mirroring-controller"},
    {"disruption-controller", "controllermanager"},
    {"generic-garbage-collector", "garbage-collector-controller"},
    {"kube-scheduler", "default-scheduler"},
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
};

static void name_event(struct said *said)
{
    uint64_t hash = 0xcbf29ce484222325u;
    hash = hash_text(hash, meta_uid(said->object));
    hash = hash_text(hash, said->component);
    hash = hash_text(hash, said->type);
    hash = hash_text(hash, said->reason);
    hash = hash_text(hash, said->message);
    (void)snprintf(said->name, sizeof(said->name), "%.236s.%016llx", meta_name(said->object),
                   (unsigned long long)hash);
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
    json_auto_t *patch = json_pack("{s:I, s:s}", "count", (json_int_t)count, "lastTimestamp", now);
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
    struct said said = {
        .object = object,
        .ns = meta_namespace(object)[0] ? meta_namespace(object) : "default",
        .component = component_of(caller->user),
        .type = type,
        .reason = reason,
        .message = message,
    };
    name_event(&said);
    time_format(clock_now_us(), now);
    json_auto_t *event = event_new(&said, now);
    CLEANUP(error_clear) struct error err = {0};
    if (event && !api_create(caller, "events", said.ns, event, NULL, &err) &&
        err.reason == ERROR_ALREADY_EXISTS)
        count_up(caller, &said, now);
}
