/* schema/autoscaler_form.h: HorizontalPodAutoscalers of autoscaling/v1, and of autoscaling/v2,
 * which is stored.
 *
 * What v1 has no fields for travels in annotations (autoscaling.alpha.kubernetes.io/metrics,
 * current-metrics, conditions, behavior), so that nothing is lost on the way there and back. Pure.
 * Source: pkg/apis/autoscaling/v1/conversion.go, pkg/apis/autoscaling/helpers.go. */
#pragma once
#include "base/json.h"

/* New references; what is given is not changed. Text in those annotations that cannot be read is
 * dropped, as upstream does. What comes out as v2 has no defaults yet. */
json_t *autoscaler_to_v1(const json_t *v2);
json_t *autoscaler_from_v1(const json_t *v1);
