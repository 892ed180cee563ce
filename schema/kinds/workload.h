/* schema/kinds/workload.h: what the kinds that make Pods have in common. */
#pragma once
#include "schema/kinds/pod.h"

/* spec.selector: required, well formed, not empty; `kind` is how upstream's message names it. */
void check_workload_selector(struct error *err, const struct path *at, const json_t *spec,
                             const char *kind);
/* Can it be made a selector of? One that is missing selects nothing. */
bool selector_is_readable(const json_t *selector);
/* False, with `detail`, when spec.selector cannot be made a selector of. */
bool check_selector_reads(struct error *err, const struct path *at, const json_t *spec,
                          const char *detail);
/* A LabelSelector that may not change; shown in Go's syntax. */
void check_selector_immutable(struct error *err, const struct path *path, const json_t *now,
                              const json_t *before);
/* spec.template: labels match the selector, restartPolicy Always, no deadline. `kind`:
 * "ReplicaSet". */
void check_workload_template(struct error *err, const struct path *at, const json_t *spec,
                             const char *kind);
/* Likewise, whatever the selector is. */
void check_template_pods(struct error *err, const struct path *at, const json_t *spec,
                         const char *kind);
/* Likewise with a selector, but its Pod spec is not looked into: volumes that it mounts may come
 * from claims. As upstream's StatefulSet. */
void check_claiming_template(struct error *err, const struct path *at, const json_t *spec,
                             const char *kind);
/* A number >= 0 or a percentage. */
void check_int_or_percent(struct error *err, const struct path *at, const json_t *object,
                          const char *member);
/* A percentage of at most 100%. */
void check_percent_max(struct error *err, const struct path *at, const json_t *object,
                       const char *member);
/* Is it 0 or "0%"? */
bool is_zero_int_or_percent(const json_t *value);
/* intstr.IntOrString{...}; owned. */
char *int_or_string_go(const json_t *value);

/* `member` may not be above `limit`, both in status; `shown` is what messages call the limit. Ended
 * by a NULL member. */
struct status_order {
    const char *member, *limit, *shown;
};
#define STATUS_REPLICAS "replicas", "status.replicas"
/* Counts of status: none of `counts` (NULL-ended) negative, all in order, `collisionCount` never
 * less. */
void check_counts(struct error *err, const json_t *object, const json_t *old,
                  const char *const *counts, const struct status_order *orders);
