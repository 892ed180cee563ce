/* controllers/autoscaler_internal.h: the parts of a decision: how many replicas a metric asks for
 * (autoscaler_replicas.c), and how many there may be (autoscaler_limit.c). Pure. */
#pragma once
#include "base/error.h"
#include "controllers/autoscaler.h"

/* One metric of type Resource or ContainerResource. */
struct autoscaler_target {
    const char *resource;
    const char *container; /* NULL: all of a Pod */
    int64_t utilization;   /* percent of the requests; 0: none */
    int64_t average_milli; /* of a Pod */
};
struct autoscaler_proposal {
    int64_t replicas;
    int64_t utilization, average_milli; /* as measured */
};
/* False with upstream's words in `err`. */
MUST_CHECK bool autoscaler_propose(const struct autoscaler_seen *seen,
                                   const struct autoscaler_target *target,
                                   struct autoscaler_proposal *out, struct error *err);

struct autoscaler_limits {
    int64_t least, most, current;
    const json_t *behavior; /* NULL: none */
    int64_t now_us;
};
struct autoscaler_verdict {
    int64_t replicas;
    const char *able_reason, *able_message; /* of AbleToScale */
    bool limited;                           /* ScalingLimited, and why */
    const char *limit_reason, *limit_message;
};
/* Adds `wanted` to the history. */
void autoscaler_limit(const struct autoscaler_limits *limits, struct autoscaler_history *history,
                      int64_t wanted, struct autoscaler_verdict *out);
/* The scale was changed by so many. */
void autoscaler_scaled(struct autoscaler_history *history, int64_t change, int64_t now_us);
