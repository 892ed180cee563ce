/* controllers/disruption_target.c: the condition DisruptionTarget of Pods that stayed after all.
 * Source: upstream pkg/controller/disruption, syncStalePodDisruption. */
#include <string.h>

#include "controllers/controller.h"
#include "controllers/disruption.h"
#include "controllers/observe.h"
#include "controllers/pod_state.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define TARGET "DisruptionTarget"

/* What a kubelet says stands until the Pod is gone, however long that takes. */
static bool may_be_stale(const json_t *pod, const json_t *condition)
{
    return text_eq(json_text(condition, "status"), "True") &&
           !text_eq(json_text(condition, "reason"), "TerminationByKubelet") &&
           !meta_deleting(pod) && !pod_is_terminal(pod);
}

void disruption_target_decide(const json_t *pod, int64_t now_us, struct plan *plan)
{
    const json_t *condition = condition_find(json_at(pod, "status", "conditions"), TARGET);
    if (!condition || !may_be_stale(pod, condition))
        return;
    int64_t left_us = json_time_us(json_object_get(condition, "lastTransitionTime")) +
                      DISRUPTION_EXPIRES_US - now_us;
    if (left_us > 0) {
        plan_again(plan, left_us / 1000 + 1);
        return;
    }
    json_t *status = json_deep_copy(json_object_get(pod, "status"));
    json_t *stale = condition_find(json_object_get(status, "conditions"), TARGET);
    json_object_set_new(stale, "status", json_string("False"));
    json_object_set_new(stale, "lastTransitionTime", json_time(now_us));
    json_object_del(stale, "reason");
    json_object_del(stale, "message");
    plan_status(plan, "pods", pod, status)->flags |= PLAN_ABSENT_OK;
}

static enum reconcile_result reconcile_pod(void *arg, struct reconcile *reconcile,
                                           int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *pod = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "pods", reconcile->ns, reconcile->name, &pod, err))
        return RECONCILE_RETRY;
    if (!pod)
        return RECONCILE_DONE;
    disruption_target_decide(pod, reconcile->now_us, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

static bool wants_pod(void *arg, struct cluster *cluster, const struct object *pod)
{
    static const char mark[] = "\"" TARGET "\"";
    (void)arg;
    (void)cluster;
    return memmem(pod->body.data, pod->body.len, mark, sizeof(mark) - 1);
}

static const struct controller_source sources[] = {{"pods", NULL}, {NULL, NULL}};

const struct controller disruption_target_controller = {
    .name = "stale-pod-disruption-controller",
    .user = "system:serviceaccount:kube-system:disruption-controller",
    .sources = sources,
    .reconcile = reconcile_pod,
    .wants = wants_pod,
};
