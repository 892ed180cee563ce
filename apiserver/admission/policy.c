#include "apiserver/admission/policy.h"

#include <string.h>

#include "apiserver/admission/admission_eval.h"
#include "apiserver/admission/policy_params.h"
#include "apiserver/audit/audit.h"
#include "schema/meta.h"

#define MESSAGE_MAX ((size_t)5 << 10)  /* of a messageExpression's value */
#define NOTE_MAX    ((size_t)10 << 10) /* of an audit annotation's */

/* One policy, one binding, one request, one param. */
struct judging {
    struct asked *asked;
    const struct policy *policy;
    const struct policy_binding *binding; /* NULL: the policy itself is wrong */
    struct eval_input input;
    json_t *object, *old, *namespace_object; /* owned; what the input borrows */
    size_t expression;                       /* of the validations: the one that runs */
    bool denied;                             /* request->error has the first denial */
};

static void judging_clear(struct judging *judging)
{
    json_decref(judging->object);
    json_decref(judging->old);
    json_decref(judging->namespace_object);
}

/* ---- what a violation does ---- */

static const struct reason_row {
    const char *text;
    enum error_reason reason;
} reason_rows[] = {
    {"Invalid", ERROR_INVALID},
    {"Forbidden", ERROR_FORBIDDEN},
    {"Unauthorized", ERROR_UNAUTHORIZED},
    {"RequestEntityTooLarge", ERROR_TOO_LARGE},
};

static enum error_reason reason_of(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(reason_rows); i++)
        if (text_eq(text, reason_rows[i].text))
            return reason_rows[i].reason;
    return ERROR_INVALID;
}

/* As a refusal of another plugin, but with the reason that the policy names. */
static void deny(struct judging *judging, const char *message, const char *reason)
{
    struct request *request = judging->asked->request;
    struct error *err = &request->error;
    CLEANUP(free_ptr)
    char *text =
        judging->binding
            ? xasprintf("ValidatingAdmissionPolicy '%s' with binding '%s' denied request: %s",
                        judging->policy->name, judging->binding->name, message)
            : xasprintf("ValidatingAdmissionPolicy '%s' denied request: %s", judging->policy->name,
                        message);
    if (judging->denied)
        return;
    judging->denied = true;
    error_forbidden(err, request->resource->key, asked_refused_name(judging->asked), "%s", text);
    err->reason = reason_of(reason);
    err->code = error_reason_code(err->reason);
    err->causes = xreallocarray(err->causes, err->cause_count + 1, sizeof(*err->causes));
    err->causes[err->cause_count++] = (struct error_cause){.message = xstrdup(text)};
}

/* What an audit event says of a validation that does not hold. */
static void note_failure(struct judging *judging, const char *message)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_auto_t *actions = json_deep_copy(judging->binding->action_names);
    json_auto_t *list =
        json_pack("[{s:s, s:s, s:s, s:i, s:O}]", "message", message, "policy",
                  judging->policy->name, "binding", judging->binding->name, "expressionIndex",
                  (int)judging->expression, "validationActions", actions);
    json_write(&text, list);
    audit_annotate(judging->asked->request, "validation.policy.admission.k8s.io/validation_failure",
                   text.data);
}

static void violate(struct judging *judging, const char *message, const char *reason)
{
    if (judging->binding && (judging->binding->actions & POLICY_AUDIT) &&
        audit_wanted(judging->asked->request))
        note_failure(judging, message);
    if (!judging->binding || (judging->binding->actions & POLICY_DENY)) {
        deny(judging, message, reason);
        return;
    }
    if (!(judging->binding->actions & POLICY_WARN))
        return;
    CLEANUP(free_ptr)
    char *text =
        xasprintf("Validation failed for ValidatingAdmissionPolicy '%s' with binding '%s': %s",
                  judging->policy->name, judging->binding->name, message);
    warnings_add(&judging->asked->request->warnings, text);
}

/* Something could not be evaluated: failurePolicy says what follows. */
static void fail(struct judging *judging, const char *why)
{
    if (!judging->policy->ignores_failure)
        violate(judging, why, NULL);
}

/* ---- validations ---- */

/* The message of a validation that does not hold; owned. */
static char *message_of(struct evaluation *evaluation, const struct admission_expression *dynamic,
                        const json_t *validation)
{
    CLEANUP(free_ptr) char *ignored = NULL;
    struct cel_value value;
    struct str text;
    const char *fixed = json_text(validation, "message"),
               *expression = json_text(validation, "expression");
    if (*dynamic->text && evaluation_run(evaluation, dynamic, &value, &ignored) &&
        cel_value_text(&value, &text)) {
        text = str_trim(text);
        if (text.len && text.len <= MESSAGE_MAX && !memchr(text.data, '\n', text.len))
            return str_dup(text);
    }
    struct str said = str_trim(str_of(fixed ? fixed : ""));
    if (said.len)
        return str_dup(said);
    said = str_trim(str_of(expression ? expression : ""));
    return xasprintf("failed expression: " STR_FMT, STR_ARG(said));
}

static void run_validations(struct judging *judging, struct evaluation *evaluation)
{
    const struct admission_programs *programs = judging->policy->programs;
    const json_t *list = json_object_get(judging->policy->spec, "validations");
    for (size_t i = 0; i < programs->validations.count; i++) {
        struct cel_value value;
        CLEANUP(free_ptr) char *why = NULL;
        judging->expression = i;
        if (!evaluation_run(evaluation, &programs->validations.items[i], &value, &why)) {
            fail(judging, why);
            continue;
        }
        if (value.kind == CEL_VALUE_BOOL && value.boolean)
            continue;
        const json_t *validation = json_array_get(list, i);
        CLEANUP(free_ptr)
        char *message = message_of(evaluation, &programs->messages.items[i], validation);
        violate(judging, message, json_text(validation, "reason"));
    }
}

/* "POLICY/KEY": the text that the expression gives, if any. */
static void note_value(struct judging *judging, size_t at, const struct cel_value *value)
{
    const json_t *list = json_object_get(judging->policy->spec, "auditAnnotations");
    struct str text;
    if (!audit_wanted(judging->asked->request) || !cel_value_text(value, &text))
        return;
    text = str_trim(text);
    if (!text.len)
        return;
    CLEANUP(free_ptr)
    char *key =
        xasprintf("%s/%s", judging->policy->name, json_text(json_array_get(list, at), "key"));
    CLEANUP(free_ptr)
    char *note = str_dup((struct str){text.data, text.len < NOTE_MAX ? text.len : NOTE_MAX});
    audit_annotate(judging->asked->request, key, note);
}

/* Their values are for the audit log; what cannot be evaluated is a failure. */
static void run_annotations(struct judging *judging, struct evaluation *evaluation)
{
    const struct admission_expressions *annotations = &judging->policy->programs->annotations;
    for (size_t i = 0; i < annotations->count; i++) {
        struct cel_value value;
        CLEANUP(free_ptr) char *why = NULL;
        if (evaluation_run(evaluation, &annotations->items[i], &value, &why))
            note_value(judging, i, &value);
        else if (!judging->policy->ignores_failure)
            deny(judging, why, NULL);
    }
}

static enum step_result judge(struct judging *judging, const json_t *params)
{
    const struct admission_programs *programs = judging->policy->programs;
    struct evaluation evaluation;
    CLEANUP(free_ptr) char *why = NULL;
    judging->input.params = json_is_null(params) ? NULL : params;
    evaluation_init(&evaluation, programs, &judging->input, EVAL_BUDGET_CONDITIONS);
    enum conditions_result met = evaluation_conditions(&evaluation, &programs->conditions, &why);
    bool cold = evaluation.cold;
    evaluation_deinit(&evaluation);
    if (met == CONDITIONS_FAILED)
        fail(judging, why);
    if (met != CONDITIONS_MET)
        return cold ? STEP_BLOCK : STEP_NEXT;
    evaluation_init(&evaluation, programs, &judging->input, EVAL_BUDGET_POLICY);
    run_validations(judging, &evaluation);
    run_annotations(judging, &evaluation);
    cold = evaluation.cold;
    evaluation_deinit(&evaluation);
    return cold ? STEP_BLOCK : STEP_NEXT;
}

/* ---- bindings ---- */

static enum step_result from_match(enum match_result result)
{
    if (result == MATCH_YES || result == MATCH_NO)
        return STEP_NEXT;
    return result == MATCH_BLOCK ? STEP_BLOCK : STEP_FAIL;
}

static void misconfigured(struct judging *judging, const char *why)
{
    CLEANUP(free_ptr)
    char *text =
        xasprintf("failed to configure %s: %s", judging->binding ? "binding" : "policy", why);
    if (!judging->policy->ignores_failure)
        deny(judging, text, NULL);
}

static enum step_result run_binding(struct judging *judging)
{
    const struct resource *row;
    json_auto_t *params = NULL;
    const json_t *param;
    CLEANUP(free_ptr) char *why = NULL;
    enum step_result step = STEP_NEXT;
    size_t i;
    enum match_result matches =
        admission_match(&judging->binding->match, judging->asked, true, &row);
    if (matches != MATCH_YES)
        return from_match(matches);
    switch (
        policy_params(judging->asked, judging->policy, judging->binding, &params, &why, &step)) {
    case PARAMS_SKIP:
        return STEP_NEXT;
    case PARAMS_WRONG:
        misconfigured(judging, why);
        return STEP_NEXT;
    case PARAMS_ELSEWHERE:
        return step;
    case PARAMS_FOUND:
        break;
    }
    json_array_foreach (params, i, param)
        if ((step = judge(judging, param)) != STEP_NEXT)
            break;
    return step;
}

/* ---- policies ---- */

/* The namespace that the object is in; a Namespace is in none. */
static enum step_result read_namespace(struct judging *judging)
{
    struct request *request = judging->asked->request;
    const char *ns = request_ns(request);
    CLEANUP(object_unref_ptr) struct object *namespace = NULL;
    if (!*ns)
        return STEP_NEXT;
    enum step_result result = request_read(request, "namespaces", "", ns, &namespace);
    if (result == STEP_NEXT && namespace)
        judging->namespace_object = object_json(namespace);
    return result;
}

static enum step_result set_input(struct judging *judging, const struct resource *row)
{
    struct asked *asked = judging->asked;
    enum step_result result = asked_form(asked, row, asked->object, &judging->object);
    if (result == STEP_NEXT)
        result = asked_form(asked, row, asked->old, &judging->old);
    if (result == STEP_NEXT)
        result = read_namespace(judging);
    judging->input = (struct eval_input){
        .asked = asked,
        .place = asked_place_of(asked, row),
        .object = judging->object,
        .old = judging->old,
        .namespace_object = judging->namespace_object,
    };
    return result;
}

static enum step_result check_one(struct asked *asked, const struct policy *policy)
{
    const struct resource *row = NULL;
    CLEANUP(judging_clear) struct judging judging = {.asked = asked, .policy = policy};
    enum match_result matches = admission_match(&policy->match, asked, false, &row);
    if (matches != MATCH_YES)
        return from_match(matches);
    enum step_result result = request_may_compute(asked->request);
    if (result == STEP_NEXT)
        result = set_input(&judging, row);
    for (size_t i = 0; i < policy->binding_count && result == STEP_NEXT; i++) {
        judging.binding = &policy->bindings[i];
        result = run_binding(&judging);
    }
    return result == STEP_NEXT && judging.denied ? STEP_FAIL : result;
}

enum step_result policies_check(struct asked *asked, const struct policy *policies, size_t count)
{
    enum step_result result = STEP_NEXT;
    for (size_t i = 0; i < count && result == STEP_NEXT; i++)
        result = check_one(asked, &policies[i]);
    return result;
}
