/* apiserver/backend/usage.h: what the nodes' Pods use, by asking the nodes' agents.
 *
 * Two scrapes of each node are kept while somebody asks, so that what was used between them can be
 * told; nothing is read, and no thread lives, while nobody does. Every server of several asks for
 * itself. Any thread. */
#pragma once
#include "apiserver/backend/usage_text.h"

#define USAGE_FRESH_NS ((int64_t)15 * 1000000000) /* metrics-server's resolution */

struct api;
struct usages;

struct usages *usages_new(struct api *api);
/* Nobody waits any longer, and nothing more is asked. */
void usages_stop(struct usages *usages);
void usages_free(struct usages *usages);
/* Forgets nodes that nobody asked about for a while. */
void usages_expire(struct usages *usages, int64_t now_mono_ns);

/* Of one node: both, or neither when it did not answer. */
struct usage_reading {
    struct usage_scrape *now, *before; /* referenced */
};
void usage_reading_clear(struct usage_reading *reading);

/* Fills `readings`, one a node, by URL. Waits, at most `wait_ms`, for those that are not fresh;
 * with 0 what is there is taken if it is not too old, and asked for anew in the background. False
 * when a node is still being asked of which there is nothing. */
bool usages_read(struct usages *usages, const char *const *urls, size_t count, int64_t wait_ms,
                 struct usage_reading *readings);
