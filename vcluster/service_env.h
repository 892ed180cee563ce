/* vcluster/service_env.h: the environment variables by which Pods find Services. Pure.
 * Source: Kubernetes docs, "Discovering services"; upstream pkg/kubelet/envvars. */
#pragma once
#include "base/json.h"

/* Puts before what is in `env` (an array of {name, value}): KUBERNETES_* for `api_address`, port
 * 443; then, when `services` (an array of Services) is not NULL, theirs. Later entries win, so that
 * a Pod's own stand. */
void service_env_prepend(json_t *env, const char *api_address, const json_t *services);
