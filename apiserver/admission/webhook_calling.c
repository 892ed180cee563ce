#include "apiserver/admission/webhook_calling.h"

#include <string.h>

#include "apiserver/admission/admission_eval.h"
#include "apiserver/admission/webhook_review.h"
#include "apiserver/admission/admission_config.h"
#include "apiserver/audit/audit.h"
#include "apiserver/meter.h"
#include "base/clock.h"
#include "base/log.h"

void calling_clear(struct calling *calling)
{
    json_decref(calling->object);
    json_decref(calling->old);
    free(calling->patch);
    *calling = (struct calling){0};
}

/* ---- whether ---- */

/* As another one of the same row has them, or made. */
static enum step_result take_forms(struct calling *calling, const struct calling *like)
{
    struct asked *asked = calling->asked;
    if (like) {
        calling->object = json_incref(like->object);
        calling->old = json_incref(like->old);
        return STEP_NEXT;
    }
    enum step_result result = asked_form(asked, calling->row, asked->object, &calling->object);
    if (result == STEP_NEXT)
        result = asked_form(asked, calling->row, asked->old, &calling->old);
    return result;
}

static enum step_result from_match(enum match_result result)
{
    return result == MATCH_BLOCK ? STEP_BLOCK : STEP_FAIL;
}

/* STEP_NEXT with `row` NULL: it is not for this request. */
static enum step_result match_hook(const struct webhook *hook, const struct asked *asked,
                                   const struct resource **row)
{
    *row = NULL;
    enum match_result result = admission_match(&hook->match, asked, false, row);
    if (result == MATCH_YES)
        return STEP_NEXT;
    *row = NULL;
    return result == MATCH_NO ? STEP_NEXT : from_match(result);
}

/* matchConditions, on the forms that the webhook would see. */
static enum step_result check_conditions(struct calling *calling, bool *met)
{
    const struct webhook *hook = calling->hook;
    struct asked *asked = calling->asked;
    CLEANUP(free_ptr) char *why = NULL;
    struct evaluation evaluation;
    const struct eval_input input = {.asked = asked,
                                     .place = asked_place_of(asked, calling->row),
                                     .object = calling->object,
                                     .old = calling->old};
    evaluation_init(&evaluation, hook->conditions, &input, EVAL_BUDGET_CONDITIONS);
    enum conditions_result result =
        evaluation_conditions(&evaluation, &hook->conditions->conditions, &why);
    bool cold = evaluation.cold;
    evaluation_deinit(&evaluation);
    *met = result == CONDITIONS_MET;
    if (cold)
        return STEP_BLOCK;
    if (result != CONDITIONS_FAILED || hook->ignores_failure)
        return STEP_NEXT;
    error_forbidden(&asked->request->error, asked->place.resource->key, asked_refused_name(asked),
                    "%s", why);
    return STEP_FAIL;
}

enum step_result calling_prepare(struct calling *calling, const struct calling *others,
                                 size_t count, bool *called)
{
    const struct webhook *hook = calling->hook;
    struct request *request = calling->asked->request;
    const struct calling *like = NULL;
    enum step_result result = match_hook(hook, calling->asked, &calling->row);
    *called = result == STEP_NEXT && calling->row;
    if (!*called)
        return result;
    for (size_t i = 0; i < count && !like; i++)
        like = others[i].row == calling->row ? &others[i] : NULL;
    if (hook->conditions)
        result = request_may_compute(request);
    if (result == STEP_NEXT)
        result = take_forms(calling, like);
    if (result == STEP_NEXT && hook->conditions)
        result = check_conditions(calling, called);
    return result;
}

static bool refuses_dry_run(const struct calling *calling)
{
    return calling->asked->request->dry_run && calling->hook->has_side_effects;
}

enum step_result calling_may_run(const struct calling *calling)
{
    if (refuses_dry_run(calling) || !calling->hook->review_version)
        return STEP_NEXT;
    return request_may_call(calling->asked->request);
}

/* ---- what came of it ---- */

void verdict_init(struct verdict *verdict, struct request *request)
{
    verdict->request = request;
    pthread_mutex_init(&verdict->lock, NULL);
}

void verdict_deinit(struct verdict *verdict)
{
    pthread_mutex_destroy(&verdict->lock);
}

/* The first error is told, later ones are forgotten; false. */
static bool reject(struct verdict *verdict, struct error *err)
{
    pthread_mutex_lock(&verdict->lock);
    if (!verdict->request->error.code)
        error_move(&verdict->request->error, err);
    pthread_mutex_unlock(&verdict->lock);
    return false;
}

static void add_warnings(struct verdict *verdict, const json_t *warnings)
{
    const json_t *warning;
    size_t i;
    pthread_mutex_lock(&verdict->lock);
    json_array_foreach (warnings, i, warning)
        if (json_is_string(warning))
            warnings_add(&verdict->request->warnings, json_string_value(warning));
    pthread_mutex_unlock(&verdict->lock);
}

/* "WEBHOOK/KEY", as it says of itself. */
static void add_notes(const struct calling *calling, struct verdict *verdict, const json_t *notes)
{
    json_t *tree = (json_t *)(uintptr_t)notes, *value; /* iterated, not changed */
    const char *key;
    if (!audit_wanted(verdict->request) || !json_is_object(notes))
        return;
    pthread_mutex_lock(&verdict->lock);
    json_object_foreach (tree, key, value) {
        CLEANUP(free_ptr) char *name = xasprintf("%s/%s", calling->hook->name, key);
        if (json_is_string(value))
            audit_annotate(verdict->request, name, json_string_value(value));
    }
    pthread_mutex_unlock(&verdict->lock);
}

static void note_failed_open(const struct calling *calling, struct verdict *verdict)
{
    if (!audit_wanted(verdict->request))
        return;
    CLEANUP(free_ptr)
    char *key =
        xasprintf("failed-open.%s.webhook.admission.k8s.io/round_%u_index_%zu",
                  calling->mutating ? "mutation" : "validating", calling->round, calling->index);
    pthread_mutex_lock(&verdict->lock);
    audit_annotate(verdict->request, key, calling->hook->name);
    pthread_mutex_unlock(&verdict->lock);
}

/* ---- the call ---- */

enum call_result {
    CALL_ALLOWED,
    CALL_FAILED,  /* failurePolicy says what follows */
    CALL_REJECTED /* whatever that says */
};

/* The call itself failed: in `err` what is told when that is a refusal. */
static enum call_result call_failed(const struct calling *calling, const char *why,
                                    struct error *err)
{
    if (request_left_ms(calling->asked->request) <= 0) {
        error_set(err, ERROR_TIMEOUT,
                  "Timeout: request did not complete within requested timeout - context deadline "
                  "exceeded");
        return CALL_REJECTED;
    }
    error_internal(err, "failed calling webhook \"%s\": %s", calling->hook->name, why);
    return CALL_FAILED;
}

/* Its own timeout, or what is left of the request's. */
static int64_t timeout_of(const struct calling *calling)
{
    int64_t left_ms = request_left_ms(calling->asked->request),
            own_ms = calling->hook->timeout_s * 1000;
    return own_ms < left_ms ? own_ms : left_ms;
}

/* An empty list of operations changes nothing. */
static bool is_empty_patch(const char *base64)
{
    return strcmp(base64, "W10=") == 0;
}

static enum call_result read_answer(struct calling *calling, const json_t *answer,
                                    const struct review_ask *question, struct verdict *verdict,
                                    struct error *err)
{
    CLEANUP(error_clear) struct error why = {0};
    struct review_answer said;
    if (!webhook_review_read(answer, question, calling->mutating, &said, &why))
        return call_failed(calling, why.message, err);
    add_warnings(verdict, said.warnings);
    add_notes(calling, verdict, said.annotations);
    if (!said.allowed) {
        webhook_review_deny(calling->hook->name, said.result, err);
        return CALL_REJECTED;
    }
    if (said.patch && !is_empty_patch(said.patch))
        calling->patch = xstrdup(said.patch);
    return CALL_ALLOWED;
}

static enum call_result ask(struct calling *calling, struct verdict *verdict, struct error *err)
{
    const struct webhook *hook = calling->hook;
    struct asked *asked = calling->asked;
    struct request *request = asked->request;
    CLEANUP(error_clear) struct error why = {0};
    char uid[UUID_TEXT_SIZE];
    uuid_make(uid);
    const struct review_ask question = {
        hook->review_version, uid,         asked, asked_place_of(asked, calling->row),
        calling->object,      calling->old};
    int64_t timeout_ms = timeout_of(calling);
    if (timeout_ms <= 0)
        return call_failed(calling, "", err);
    json_auto_t *review = webhook_review(&question);
    const struct webhook_call call = {.client = &hook->client,
                                      .review = review,
                                      .timeout_ms = timeout_ms,
                                      .answer_max = CALLOUT_ANSWER_MAX};
    CLEANUP(webhook_answer_clear) struct webhook_answer answer = {0};
    if (webhook_call(request->api, request->cluster, &call, &answer, &why))
        return read_answer(calling, answer.tree, &question, verdict, err);
    error_wrap(&why, "failed to call webhook");
    return call_failed(calling, why.message, err);
}

static enum call_result call_hook(struct calling *calling, struct verdict *verdict,
                                  struct error *err)
{
    if (refuses_dry_run(calling)) {
        error_bad_request(err, "admission webhook \"%s\" does not support dry run",
                          calling->hook->name);
        return CALL_REJECTED;
    }
    if (!calling->hook->review_version)
        return call_failed(
            calling,
            "could not create admission objects: webhook does not accept known AdmissionReview "
            "versions (v1, v1beta1)",
            err);
    return ask(calling, verdict, err);
}

bool calling_run(struct calling *calling, struct verdict *verdict)
{
    CLEANUP(error_clear) struct error failure = {0};
    int64_t start = clock_mono_ns();
    enum call_result result = call_hook(calling, verdict, &failure);
    meter_webhook(calling->asked->request, calling->mutating ? METER_ADMIT : METER_VALIDATE,
                  calling->hook->name,
                  result == CALL_REJECTED ||
                      (result == CALL_FAILED && !calling->hook->ignores_failure),
                  start);
    if (result == CALL_ALLOWED)
        return true;
    if (result == CALL_REJECTED || !calling->hook->ignores_failure)
        return reject(verdict, &failure);
    note_failed_open(calling, verdict);
    log_debug("apiserver", "webhook fails open in cluster %s: %s",
              calling->asked->request->cluster->name, failure.message);
    return true;
}
