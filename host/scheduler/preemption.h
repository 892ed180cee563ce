/* host/scheduler/preemption.h: what a found preemption does: pure, as a plan. */
#pragma once
#include "controllers/plan.h"
#include "host/scheduler/framework.h"

/* Victims are marked as disrupted, stopped with their own grace and told by whom; nominees that
 * are displaced lose their nomination. */
void preemption_plan(const struct pod_info *pod, const struct preemption *preemption,
                     const struct snapshot *snapshot, int64_t now_us, struct plan *plan);
/* Whether room that was made for the nominee goes to the Pod. */
bool preemption_displaces(const struct pod_info *pod, const struct preemption *preemption,
                          const struct nominee *nominee);
