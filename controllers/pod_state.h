/* controllers/pod_state.h: what controllers ask of a Pod. Source: upstream pkg/api/v1/pod and
 * pkg/controller. */
#pragma once
#include <stdint.h>

#include "base/json.h"

const char *pod_phase(const json_t *pod);
/* Neither finished nor being deleted. */
bool pod_is_active(const json_t *pod);
/* Succeeded or Failed. */
bool pod_is_terminal(const json_t *pod);
bool pod_is_ready(const json_t *pod);
/* When it became ready; 0 when it is not. */
int64_t pod_ready_since_us(const json_t *pod);
/* Ready for at least `min_ready_s`. */
bool pod_is_available(const json_t *pod, int64_t min_ready_s, int64_t now_us);
/* The most restarts of any container. */
int64_t pod_restarts_max(const json_t *pod);
/* A new Pod from a template: labels, annotations and finalizers of it, generateName "PREFIX-",
 * owned by `owner`. */
json_t *pod_from_template(const json_t *template, const char *name_prefix, json_t *owner_reference);
