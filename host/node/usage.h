/* host/node/usage.h: what the machine and the Pods on it use, read when somebody asks.
 *
 * As the kubelet tells it: /metrics/resource in Prometheus' text form, /stats/summary in JSON.
 * Source: kubelet pkg/kubelet/metrics/collectors/resource_metrics.go, pkg/kubelet/apis/stats. */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "runtime/runtime.h"

struct node;

struct container_used {
    char *name; /* owned */
    int64_t started_us;
    struct usage_sample sample;
};

struct pod_used {
    char *ns, *name, *uid, *started; /* owned; `started` NULL: not yet */
    struct usage_sample sample;
    struct container_used *containers; /* those that run; owned */
    size_t count;
};

struct node_used {
    struct usage_sample machine;
    struct pod_used *pods; /* those with a running container; owned */
    size_t count;
    bool failed; /* something that runs could not be read */
};

/* Blocking: reads files of every container. Any thread. */
void node_usage_read(struct node *node, struct node_used *out);
void node_usage_clear(struct node_used *used);

/* Pure. */
void node_usage_metrics(struct buf *out, const struct node_used *used);
json_t *node_usage_summary(const char *node_name, const struct node_used *used);
