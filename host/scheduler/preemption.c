#include "host/scheduler/preemption.h"

#include <string.h>

#include "base/mem.h"
#include "schema/condition.h"
#include "schema/meta.h"

static void mark_disrupted(const struct pod_info *pod, const struct pod_info *victim,
                           int64_t now_us, struct plan *plan)
{
    const json_t *old = json_at(victim->pod, "status", "conditions");
    json_auto_t *conditions = old ? json_deep_copy(old) : json_array();
    CLEANUP(free_ptr)
    char *message = xasprintf("%s: preempting to accommodate a higher priority pod", pod->profile);
    const struct condition want = {"DisruptionTarget", "True", "PreemptionByScheduler", message};
    if (!condition_set(conditions, &want, now_us, false))
        return;
    json_t *patch =
        json_pack("{s:{s:s, s:s}, s:{s:O}}", "metadata", "uid", victim->uid, "resourceVersion",
                  meta_resource_version(victim->pod), "status", "conditions", conditions);
    plan_patch(plan, "pods", victim->pod, patch)->subresource = "status";
}

bool preemption_displaces(const struct pod_info *pod, const struct preemption *preemption,
                          const struct nominee *nominee)
{
    return nominee->pod != pod && strcmp(nominee->node, preemption->node->name) == 0 &&
           pod_may_preempt(pod, nominee->pod);
}

void preemption_plan(const struct pod_info *pod, const struct preemption *preemption,
                     const struct snapshot *snapshot, int64_t now_us, struct plan *plan)
{
    for (size_t i = 0; i < preemption->victim_count; i++) {
        const struct pod_info *victim = preemption->victims[i];
        if (victim->deleting)
            continue;
        mark_disrupted(pod, victim, now_us, plan);
        plan_delete(plan, "pods", victim->pod);
        plan_event(plan, victim->pod, "Normal", "Preempted", "Preempted by pod %s on node %s",
                   pod->told_uid, preemption->node->name);
    }
    for (size_t i = 0; i < snapshot->nominee_count; i++) {
        const struct nominee *nominee = &snapshot->nominees[i];
        if (!preemption_displaces(pod, preemption, nominee))
            continue;
        json_t *patch = json_pack("{s:{s:s}, s:{s:n}}", "metadata", "uid", nominee->pod->uid,
                                  "status", "nominatedNodeName");
        plan_patch(plan, "pods", nominee->pod->pod, patch)->subresource = "status";
    }
}
