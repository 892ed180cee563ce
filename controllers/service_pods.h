/* controllers/service_pods.h: which Pods stand behind a Service, and on which ports: shared by
 * Endpoints and slices. Source: upstream pkg/controller/endpoint, staging endpointslice. */
#pragma once
#include "controllers/observe.h"
#include "controllers/owner.h"

/* Whether the Pod may be listed at all: it has an address and is not finished. */
bool service_pod_listed(const json_t *pod, bool include_terminating);
/* The Pod's address of that family ("IPv4", "IPv6"); NULL when it has none. Borrowed. */
const char *service_pod_address(const json_t *pod, const char *family);
/* The ports of `service` as the Pod offers them: [{name, port, protocol, appProtocol}]; ports whose
 * name the Pod does not have are left out. `names`: "always" in slices, when not empty in
 * Endpoints. New. */
json_t *service_pod_ports(const json_t *service, const json_t *pod, bool name_always);
/* The hostname that DNS knows the Pod under in this Service; NULL when none. Borrowed. */
const char *service_pod_hostname(const json_t *service, const json_t *pod);
json_t *service_pod_reference(const json_t *pod); /* targetRef; new */
bool service_is_headless(const json_t *service);
bool service_publishes_unready(const json_t *service);
bool service_has_selector(const json_t *service);

/* Maps a Pod to the Services of its namespace that select it, or did before. */
void service_map_pod(struct cluster *cluster, const struct object *pod, const struct object *before,
                     void (*add)(void *arg, const char *key), void *arg);
/* All Pods that the Service selects. */
MUST_CHECK bool service_observe_pods(struct cluster *cluster, const json_t *service,
                                     struct json_list *out, struct error *err);
