#include "apiserver/admission/admission_eval.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/admission/webhook_review.h"
#include "rbac/rbac.h"

/* ---- the authorizer ---- */

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* The request's own user, or the service account that the expression names. */
static void asking_user(const struct request *request, const struct cel_authz_request *asks,
                        struct user *out)
{
    if (!asks->service_account_name || !*asks->service_account_name) {
        user_copy(out, &request->user);
        return;
    }
    const char *ns = or_empty(asks->service_account_namespace);
    out->name = xasprintf("system:serviceaccount:%s:%s", ns, asks->service_account_name);
    user_add_account_groups(out, str_of(ns));
    user_add_group(out, "system:authenticated");
}

static enum rbac_decision decide(struct evaluation *evaluation,
                                 const struct rbac_attributes *attributes, char **reason)
{
    struct request *request = evaluation->request;
    CLEANUP(error_clear) struct error ignored = {0};
    enum rbac_decision decision = rbac_authorize(request->cluster, attributes, reason);
    if (decision != RBAC_COLD || !request->may_block || !rbac_warm(request->cluster, &ignored))
        return decision;
    return rbac_authorize(request->cluster, attributes, reason);
}

static void authorize(void *data, const struct cel_authz_request *asks,
                      struct cel_authz_answer *out)
{
    struct evaluation *evaluation = data;
    CLEANUP(user_clear) struct user user = {0};
    CLEANUP(free_ptr) char *reason = NULL;
    asking_user(evaluation->request, asks, &user);
    const struct rbac_attributes attributes = {
        .user = &user,
        .verb = or_empty(asks->verb),
        .group = or_empty(asks->group),
        .resource = or_empty(asks->resource),
        .subresource = or_empty(asks->subresource),
        .ns = or_empty(asks->namespace_),
        .name = or_empty(asks->name),
        .path = asks->path && *asks->path ? asks->path : NULL,
    };
    enum rbac_decision decision = decide(evaluation, &attributes, &reason);
    evaluation->cold |= decision == RBAC_COLD;
    *out = (struct cel_authz_answer){.allowed = decision == RBAC_ALLOW};
    (void)snprintf(out->reason, sizeof(out->reason), "%s", reason ? reason : ""); /* may be cut */
    if (decision == RBAC_COLD)
        (void)snprintf(out->error, sizeof(out->error), "the rules could not be read");
}

/* ---- variables ---- */

/* The review's request, without the objects. */
static json_t *request_tree(const struct eval_input *input)
{
    const struct review_ask ask = {
        .version = "v1", .uid = "", .asked = input->asked, .place = input->place};
    json_auto_t *review = webhook_review(&ask);
    json_t *request = json_incref(json_object_get(review, "request"));
    json_object_del(request, "object");
    json_object_del(request, "oldObject");
    json_object_del(request, "uid");
    return request;
}

/* Never 0, which would be no limit. */
static uint64_t take_budget(struct request *request, uint64_t wanted)
{
    uint64_t all = request->caller ? EVAL_BUDGET_INSIDE : EVAL_BUDGET_REQUEST;
    request->eval_spent += EVAL_COST_READY;
    uint64_t left = request->eval_spent < all ? all - request->eval_spent : 1;
    return wanted < left ? wanted : left;
}

void evaluation_init(struct evaluation *evaluation, const struct admission_programs *programs,
                     const struct eval_input *input, uint64_t budget)
{
    const struct asked *asked = input->asked;
    const struct resource *row = asked->place.resource;
    *evaluation = (struct evaluation){.request = asked->request,
                                      .budget = take_budget(asked->request, budget)};
    evaluation->eval =
        cel_eval_new(programs->env, &(struct cel_limits){.budget = evaluation->budget});
    evaluation->request_tree = request_tree(input);
    evaluation->authz = (struct cel_authz){authorize, evaluation};
    evaluation->request_resource = (struct cel_authz_request){
        .group = row->group,
        .resource = row->plural,
        .subresource = asked->sub,
        .namespace_ = asked->ns,
        .name = asked->name,
    };
    cel_eval_set(evaluation->eval, "object", input->object);
    cel_eval_set(evaluation->eval, "oldObject", input->old);
    cel_eval_set(evaluation->eval, "request", evaluation->request_tree);
    cel_eval_set(evaluation->eval, "namespaceObject", input->namespace_object);
    if (programs->has_params)
        cel_eval_set(evaluation->eval, "params", input->params);
    cel_eval_set_authz(evaluation->eval, &evaluation->authz, &evaluation->request_resource);
}

void evaluation_deinit(struct evaluation *evaluation)
{
    evaluation->request->eval_spent += evaluation->budget - cel_eval_left(evaluation->eval);
    cel_eval_free(evaluation->eval);
    json_decref(evaluation->request_tree);
}

/* ---- running ---- */

bool evaluation_run(struct evaluation *evaluation, const struct admission_expression *expression,
                    struct cel_value *value, char **why)
{
    struct cel_result result;
    if (!expression->program) {
        *why = xasprintf("expression '%s' resulted in error: %s", expression->text,
                         expression->problem ? expression->problem : "there is no expression");
        return false;
    }
    cel_eval_run(evaluation->eval, expression->program, &result);
    switch (result.outcome) {
    case CEL_DONE:
        *value = result.value;
        return true;
    case CEL_FAILED:
        *why = xasprintf("expression '%s' resulted in error: %s", expression->text, result.message);
        return false;
    case CEL_OVER_COST:
        *why = xasprintf(
            "expression '%s' resulted in error: operation cancelled: actual cost limit exceeded",
            expression->text);
        return false;
    case CEL_OVER_BUDGET:
        break;
    }
    *why = xstrdup("validation failed due to running out of cost budget, no further validation "
                   "rules will be run");
    return false;
}

enum conditions_result evaluation_conditions(struct evaluation *evaluation,
                                             const struct admission_expressions *conditions,
                                             char **why)
{
    CLEANUP(buf_free) struct buf problems = BUF_TEXT;
    size_t failed = 0;
    for (size_t i = 0; i < conditions->count; i++) {
        struct cel_value value;
        CLEANUP(free_ptr) char *problem = NULL;
        if (!evaluation_run(evaluation, &conditions->items[i], &value, &problem)) {
            buf_printf(&problems, "%s%s", failed++ ? ", " : "", problem);
            continue;
        }
        if (value.kind != CEL_VALUE_BOOL || !value.boolean)
            return CONDITIONS_UNMET;
    }
    if (!failed)
        return CONDITIONS_MET;
    *why = failed > 1 ? xasprintf("[%s]", problems.data) : xstrdup(problems.data);
    return CONDITIONS_FAILED;
}
