/* schema/api_service.h: APIServices of what this API server serves itself: registered by us, as
 * upstream's kube-aggregator does. Source: kube-aggregator pkg/controllers/autoregister;
 * kube-apiserver's table of priorities. */
#pragma once
#include "base/json.h"
#include "schema/resource.h"

#define API_SERVICES "apiservices.apiregistration.k8s.io"
/* "onstart": made once, then the users' to change; "true": kept as it is, and deleted with its
 * cause. */
#define API_SERVICE_MANAGED        "kube-aggregator.kubernetes.io/automanaged"
#define API_SERVICE_CUSTOM_GROUP   1000
#define API_SERVICE_CUSTOM_VERSION 100

/* "v1.apps"; owned. */
char *api_service_name(const char *group, const char *version);
/* Of a built-in group version, as it is stored, available since `since`. New reference. */
json_t *api_service_local(const struct group_version *group_version, const char *since);
/* Of a group version of CustomResourceDefinitions, as it is created. New reference. */
json_t *api_service_custom(const char *group, const char *version);
