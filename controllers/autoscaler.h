/* controllers/autoscaler.h: HorizontalPodAutoscalers: as many replicas as their metrics ask for.
 * Source: Kubernetes docs, "Horizontal Pod Autoscaling"; upstream pkg/controller/podautoscaler. */
#pragma once
#include "controllers/plan.h"

#define AUTOSCALER_PERIOD_US ((int64_t)15 * 1000000)

/* What is remembered of one autoscaler between two looks, as upstream does: in memory. */
struct autoscaler_mark {
    int64_t at_us, count; /* replicas that were recommended, or by how many it was scaled */
};
struct autoscaler_marks {
    struct autoscaler_mark *items; /* in order of time; owned */
    size_t count, capacity;
};
struct autoscaler_history {
    struct autoscaler_marks advised, ups, downs;
};
void autoscaler_history_clear(struct autoscaler_history *history);

struct autoscaler_seen {
    const json_t *autoscaler;
    const char *resource;      /* storage key of what it scales */
    const json_t *scale;       /* of that; NULL: */
    const char *scale_problem; /* why there is none */
    json_t *const *pods;       /* that the scale selects */
    size_t pod_count;
    const json_t *usage;       /* array of their PodMetrics; NULL: */
    const char *usage_problem; /* why there is none */
    int64_t now_us;
};
/* Pure but for `history`, to which what is advised and done is added. The first action is the
 * change of the scale, when there is one. */
void autoscaler_decide(const struct autoscaler_seen *seen, struct autoscaler_history *history,
                       struct plan *plan);
/* What is to be told instead when the scale could not be changed. */
void autoscaler_failed(const struct autoscaler_seen *seen, const char *why, struct plan *plan);

struct controllers;
void autoscaler_add(struct controllers *controllers);
