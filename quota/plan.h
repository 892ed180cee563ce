/* quota/plan.h: what a tenant's plan counts. A fixed table: every counter is kept from a cluster's
 * birth on, whether its plan limits it or not, so that a change of plan never has to count anything
 * anew. Only for this folder. */
#pragma once
#include "quota/amounts.h"
#include "quota/quota.h"

#define PLAN_SCOPE "plan"
/* Limits are asked for again after this long, in case a change of them was missed. */
#define PLAN_KEEP_NS (INT64_C(30) * 1000000000)

struct plan {
    struct amounts limits; /* of counters; what is not there is not limited */
};
/* NULL when `limits` is NULL. What is not a quantity, or not a counter, is left out. */
struct plan *plan_new(const json_t *limits);
void limits_plan_free(struct plan *plan);
/* Adds what `object` costs a plan. */
void plan_measure(const char *resource, const json_t *object, struct amounts *out);
