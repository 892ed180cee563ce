/* quota/usage.h: what one object uses, and whether a quota's scopes speak of it. Pure.
 * Source: Kubernetes docs "Resource Quotas"; upstream pkg/quota/v1/evaluator. */
#pragma once
#include "quota/amounts.h"

#define QUOTA_UNIT 1000 /* one of a thing, in thousandths */

/* Adds what `object` (of storage key `resource`) uses: count/RESOURCE, and what its kind is
 * measured by. */
void usage_of(const char *resource, const json_t *object, struct amounts *out);
/* The storage key of the resource whose objects are counted under `name` ("requests.cpu": "pods").
 * Borrowed from `name` or static; NULL when nothing is. */
const char *usage_resource(const char *name);
/* Requests and limits of a whole Pod: containers, sidecars, init containers, overhead. */
void usage_pod_sum(const json_t *pod, const char *which, struct amounts *out);
/* The same without overhead. */
void usage_containers_sum(const json_t *pod, const char *which, struct amounts *out);
/* Does every scope of `quota` (a ResourceQuota) match? Only Pods have scopes: a scoped quota
 * matches nothing else. */
bool usage_in_scope(const json_t *quota, const char *resource, const json_t *object);
/* Names, with their containers, that a quota on `required` demands of a Pod and that it does not
 * state: "cpu for: a,b; memory for: a". Owned; NULL when nothing is missing. */
char *usage_missing(const struct amounts *required, const json_t *pod);
