/* schema/kinds/service.h: what a Service's type means for its fields, and its checks. */
#pragma once
#include "schema/kinds/kinds.h"

bool service_has_nodeports(const json_t *spec); /* NodePort, LoadBalancer */
bool service_is_external_name(const json_t *spec);
bool service_is_external(const json_t *spec); /* reachable from outside of the cluster */
bool service_needs_health_port(const json_t *spec);
/* clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy, and how they fit each other. */
void service_check_addresses(struct error *err, const json_t *spec);
void service_validate(const json_t *object, struct error *err);
void service_validate_update(const json_t *object, const json_t *old, const char *subresource,
                             struct error *err);
