/* controllers/policy.h: the status of ValidatingAdmissionPolicies: whether their expressions fit
 * the types that they are for. */
#pragma once
#include "cel/type.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/plan.h"
#include "schema/crd.h"

#define POLICY_TYPES_MAX 10 /* that one policy is checked against, as upstream */

struct policy_type {
    char gvk[512]; /* "apps/v1, Kind=Deployment" */
    const struct cel_type *type;
};

struct policy_seen {
    const json_t *policy;
    struct policy_type types[POLICY_TYPES_MAX]; /* what its resourceRules name, by GVK */
    size_t type_count;
    const struct cel_type *params;                /* NULL: not known */
    const struct crd *crds[POLICY_TYPES_MAX + 1]; /* referenced: whose types are among them */
    size_t crd_count;
};
void policy_seen_clear(struct policy_seen *seen);

/* Whether it is about groups that are not built in, so that definitions have to be looked at. */
bool policy_is_custom(const json_t *policy);
/* Pure: finds the types, built in and of these CustomResourceDefinitions; `policy` is borrowed. */
void policy_see(struct policy_seen *seen, const json_t *policy,
                const struct json_list *definitions);
/* Pure: writes status.observedGeneration and status.typeChecking of a generation that has none. */
void policy_decide(const struct policy_seen *seen, struct plan *plan);
extern const struct controller policy_controller;
