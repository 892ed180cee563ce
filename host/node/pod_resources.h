/* host/node/pod_resources.h: requests and limits as cgroup values. Pure. Source: kubelet
 * pkg/kubelet/cm/helpers_linux.go. */
#pragma once
#include "base/json.h"

struct cgroup_values {
    int64_t cpu_shares, cpu_quota_us,
        memory_max_bytes; /* 0: none; the quota is for a period of 100 ms */
};

void container_cgroup(const json_t *container, struct cgroup_values *out);
/* Sums of the main containers and sidecars, or the largest init container; limits only when every
 * container has one. */
void pod_cgroup(const json_t *pod, struct cgroup_values *out);
/* Guaranteed -997, BestEffort 1000, Burstable between by its share of memory. */
int container_oom_score(const json_t *pod, const json_t *container, int64_t memory_capacity);
