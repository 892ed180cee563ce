#include "apiserver/pod_condition.h"

#include "base/clock.h"

void pod_condition_set(json_t *pod, const char *type, const char *reason, const char *message)
{
    char now[TIME_TEXT_SIZE];
    json_t *conditions = json_ensure_array(json_ensure_object(pod, "status"), "conditions"),
           *condition;
    size_t i;
    time_format(clock_now_us(), now);
    json_array_foreach (conditions, i, condition)
        if (text_eq(json_text(condition, "type"), type)) {
            json_array_remove(conditions, i);
            break;
        }
    json_array_append_new(conditions,
                          json_pack("{s:s, s:s, s:n, s:s, s:s*, s:s*}", "type", type, "status",
                                    "True", "lastProbeTime", "lastTransitionTime", now, "reason",
                                    reason, "message", message));
}
