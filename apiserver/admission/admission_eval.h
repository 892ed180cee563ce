/* apiserver/admission/admission_eval.h: admission's expressions on one request. One thread at a
 * time. */
#pragma once
#include "apiserver/admission/asked.h"
#include "schema/admission_cel.h"

#define EVAL_BUDGET_CONDITIONS ((uint64_t)2500000) /* upstream's cost limits */
#define EVAL_BUDGET_POLICY     ((uint64_t)10000000)
/* Ours, since others wait for the same processors: of all expressions of one request, whatever the
 * number of policies, bindings and params; less on threads that serve all clusters, our own
 * components'. Making an evaluation ready costs too. */
#define EVAL_BUDGET_REQUEST ((uint64_t)30000000)
#define EVAL_BUDGET_INSIDE  ((uint64_t)5000000)
#define EVAL_COST_READY     ((uint64_t)1000)

/* What expressions read. Trees are borrowed and may be NULL. */
struct eval_input {
    const struct asked *asked;
    struct asked_place place;
    const json_t *object, *old; /* in that place's version */
    const json_t *params, *namespace_object;
};

struct evaluation {
    struct request *request;
    struct cel_eval *eval;
    uint64_t budget;
    json_t *request_tree; /* owned, as the rest: what the variables point into */
    struct cel_authz authz;
    struct cel_authz_request request_resource;
    bool cold; /* the authorizer had to be asked and could not answer yet: STEP_BLOCK */
};

/* `budget`: of these expressions; less when the request has spent nearly all of its own. */
void evaluation_init(struct evaluation *evaluation, const struct admission_programs *programs,
                     const struct eval_input *input, uint64_t budget);
void evaluation_deinit(struct evaluation *evaluation);

/* Runs one. False, with the words of what went wrong in `*why` (owned): `expression 'X' resulted in
 * error: ...`. The value lives until deinit. */
MUST_CHECK bool evaluation_run(struct evaluation *evaluation,
                               const struct admission_expression *expression,
                               struct cel_value *value, char **why);

enum conditions_result { CONDITIONS_MET, CONDITIONS_UNMET, CONDITIONS_FAILED };
/* All conditions. One that is false decides, whatever the others say; else `*why` (owned) has what
 * went wrong. */
enum conditions_result evaluation_conditions(struct evaluation *evaluation,
                                             const struct admission_expressions *conditions,
                                             char **why);
