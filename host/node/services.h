/* host/node/services.h: Services as the environment of containers shows them (HELLO_SERVICE_HOST,
 * ...).
 *
 * Kept by a reflector on all Services. A tenant's Pod sees its own cluster's: host Services that
 * carry the tenancy annotations. Any thread. */
#pragma once
#include "client/client.h"
#include "host/node/pod_env.h"

struct service_cache;

struct service_cache *service_cache_new(struct client *client);
void service_cache_free(struct service_cache *cache);
/* Fills `out` with the Services of the Pod's namespace (unless enableServiceLinks is false) and of
 * the API server. Waits up to two seconds for the first list. */
void service_cache_env(struct service_cache *cache, const struct pod_view *view, struct env *out);

/* One Service's variables, by upstream's names. Pure. */
void service_env_add(struct env *out, const char *name, const char *address, const json_t *ports);
