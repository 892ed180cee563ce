/* tests/host/support_api.h: an API server of a few lines, in memory, over HTTP on loopback: what
 * the node agent needs. */
#pragma once
#include "base/json.h"

struct fake_api;

struct fake_api *fake_api_start(void);
void fake_api_stop(struct fake_api *api);
unsigned fake_api_port(const struct fake_api *api);
/* Stores a copy below `collection` ("/api/v1/namespaces/default/pods") under its name, with a uid;
 * watches are told. */
void fake_api_put(struct fake_api *api, const char *collection, const json_t *object);
/* New reference; NULL when there is none. */
json_t *fake_api_get(struct fake_api *api, const char *path);
/* Merges into what is there; false when there is nothing. */
bool fake_api_merge(struct fake_api *api, const char *path, const json_t *patch);
void fake_api_remove(struct fake_api *api, const char *path);
/* Waits until `done` holds for the object (NULL: absent). False after `seconds`. */
bool fake_api_wait(struct fake_api *api, const char *path, bool (*done)(const json_t *object),
                   int seconds);
/* How many Events with this reason there are. */
unsigned fake_api_events(struct fake_api *api, const char *reason);
