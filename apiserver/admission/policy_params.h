/* apiserver/admission/policy_params.h: the objects that a binding parameterizes its policy with. */
#pragma once
#include "apiserver/admission/policy.h"

enum params_result {
    PARAMS_FOUND,    /* an array of one or more; null stands for "without params" */
    PARAMS_SKIP,     /* none, and that is allowed: the binding says nothing */
    PARAMS_WRONG,    /* `*why` (owned): a misconfiguration */
    PARAMS_ELSEWHERE /* `*step`: STEP_BLOCK, STEP_CALL or STEP_FAIL */
};
/* `*params` is new. */
enum params_result policy_params(const struct asked *asked, const struct policy *policy,
                                 const struct policy_binding *binding, json_t **params, char **why,
                                 enum step_result *step);
