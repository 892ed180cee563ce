/* host/node/events.h: Events about Pods and the Node, written in the background.
 *
 * The same event of the same object within ten minutes raises a count instead. At most EVENTS_MAX
 * wait; past that the oldest are dropped: an event is a courtesy. Any thread, never blocks. */
#pragma once
#include "base/mem.h"
#include "client/client.h"

#define EVENTS_MAX 1000

struct events;

struct events *events_new(struct client *client, const char *node_name);
/* Writes what waits for at most two seconds, then drops it. */
void events_free(struct events *events);
/* About a Pod, or one of its containers when `container` is not NULL. `type`: "Normal" or
 * "Warning". */
void events_pod(struct events *events, const json_t *pod, const char *container, const char *type,
                const char *reason, const char *format, ...) PRINTF_LIKE(6, 7);
void events_node(struct events *events, const char *type, const char *reason, const char *format,
                 ...) PRINTF_LIKE(4, 5);
