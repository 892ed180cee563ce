/* host/scheduler/kin.h: the Pods that do the same as one that waits: those of its Services and of
 * its controller. */
#pragma once
#include "host/scheduler/framework.h"
#include "store/cache.h"

/* `*out` is a LabelSelector of them, a new tree; NULL when nothing leads to the Pod, and when it is
 * not asked for: the Pod says itself how it is spread, or is a tenant's, whose Services and
 * controllers are elsewhere. Source: upstream pkg/scheduler/framework/plugins/helper. */
MUST_CHECK bool kin_read(struct cluster *cluster, const struct pod_info *pod, json_t **out,
                         struct error *err);
