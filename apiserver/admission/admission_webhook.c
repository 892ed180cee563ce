#include "apiserver/admission/admission_webhook.h"

#include <string.h>

#include "apiserver/admission/admission_eval.h"
#include "apiserver/admission/admission_review.h"
#include "apiserver/api_internal.h"
#include "apiserver/admission/hooks.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "schema/meta.h"
#include "schema/patch.h"

#define PATCH_MAX CALLOUT_ANSWER_MAX
#define WORD_BITS 64

bool webhooks_exempt(const struct request *request)
{
    static const char *const plurals[] = {
        "mutatingwebhookconfigurations", "validatingwebhookconfigurations",
        "validatingadmissionpolicies", "validatingadmissionpolicybindings"};
    if (strcmp(request->resource->group, "admissionregistration.k8s.io") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(plurals); i++)
        if (strcmp(request->resource->plural, plurals[i]) == 0)
            return true;
    return false;
}

/* ---- rounds ---- */

void webhook_rounds_clear(struct webhook_rounds *rounds)
{
    json_decref(rounds->output);
    free(rounds->called);
    free(rounds->again);
    *rounds = (struct webhook_rounds){0};
}

static bool bit_of(const uint64_t *set, size_t at)
{
    return set[at / WORD_BITS] >> (at % WORD_BITS) & 1;
}

static void bit_set(uint64_t *set, size_t at)
{
    set[at / WORD_BITS] |= (uint64_t)1 << (at % WORD_BITS);
}

/* Those that were called and may be called again, will be. */
static void require_again(struct webhook_rounds *rounds, size_t count)
{
    for (size_t i = 0; i < count / WORD_BITS + 1; i++) {
        rounds->again[i] |= rounds->called[i];
        rounds->called[i] = 0;
    }
}

/* ---- one call ---- */

enum call_result {
    CALL_ALLOWED,
    CALL_FAILED,   /* the call: failurePolicy says what follows */
    CALL_REJECTED, /* or what it answered cannot be used: request->error */
    CALL_ELSEWHERE /* STEP_CALL, or STEP_FAIL: not on this thread */
};

struct calling {
    struct asked *asked;
    const struct hook *hook;
    const struct resource *row; /* by which it matched */
    bool mutating;
    json_t *object, *old; /* in the row's version */
    bool changed;
};

static void calling_clear(struct calling *calling)
{
    json_decref(calling->object);
    json_decref(calling->old);
}

static enum step_result take_forms(struct calling *calling)
{
    struct asked *asked = calling->asked;
    enum step_result result = asked_form(asked, calling->row, asked->object, &calling->object);
    if (result == STEP_NEXT)
        result = asked_form(asked, calling->row, asked->old, &calling->old);
    return result;
}

/* Of the object in the review; NULL for a connection's options. */
static const struct type *type_of(const struct calling *calling)
{
    const struct asked *asked = calling->asked;
    const struct request *request = asked->request;
    if (asked->operation == ASKED_CONNECT)
        return NULL;
    return request->type && request->type != request->resource->type ? request->type
                                                                     : calling->row->type;
}

/* The patched object, with what is behind decoding: its type's shape and defaults. */
static json_t *apply_patch(const struct calling *calling, const char *base64, struct error *err)
{
    CLEANUP(buf_free) struct buf patch = BUF_INIT(PATCH_MAX);
    CLEANUP(error_clear) struct error why = {0};
    const struct type *type = type_of(calling);
    json_t *object = NULL;
    if (!base64_decode(&patch, str_of(base64), BASE64_STANDARD))
        error_set(&why, ERROR_BAD_REQUEST, "illegal base64 data");
    else
        object = patch_json(calling->object, buf_str(&patch), &why);
    if (object && !type)
        return object;
    if (object && schema_shape(type, object, FIELD_VALIDATION_IGNORE, NULL, &why)) {
        schema_default(type, object);
        return object;
    }
    json_decref(object);
    error_internal(err, "%s", why.message ? why.message : "the patch cannot be applied");
    return NULL;
}

/* An empty list of operations changes nothing. */
static bool is_empty_patch(const char *base64)
{
    return strcmp(base64, "W10=") == 0;
}

static enum call_result take_patch(struct calling *calling, const char *base64)
{
    struct asked *asked = calling->asked;
    struct error *err = &asked->request->error;
    json_t *form = NULL;
    if (!calling->object) {
        error_internal(err,
                       "admission webhook \"%s\" attempted to modify the object, which is not "
                       "supported for this "
                       "operation",
                       calling->hook->name);
        return CALL_REJECTED;
    }
    json_auto_t *patched = apply_patch(calling, base64, err);
    if (!patched || asked_unform(asked, calling->row, patched, &form) != STEP_NEXT)
        return CALL_REJECTED;
    calling->changed = !json_equal(patched, calling->object);
    json_decref(asked->object);
    asked->object = form;
    return CALL_ALLOWED;
}

static void add_warnings(struct request *request, const json_t *warnings)
{
    const json_t *warning;
    size_t i;
    json_array_foreach (warnings, i, warning)
        if (json_is_string(warning))
            warnings_add(&request->warnings, json_string_value(warning));
}

/* The call itself failed: in `err` what is told when that is a refusal. */
static enum call_result call_failed(const struct calling *calling, const char *why,
                                    struct error *err)
{
    error_internal(err, "failed calling webhook \"%s\": %s", calling->hook->name, why);
    return CALL_FAILED;
}

static enum call_result ask(struct calling *calling, struct error *err)
{
    const struct hook *hook = calling->hook;
    struct asked *asked = calling->asked;
    struct request *request = asked->request;
    CLEANUP(error_clear) struct error why = {0};
    char uid[UUID_TEXT_SIZE];
    struct review_answer said;
    uuid_make(uid);
    const struct review_ask question = {
        hook->review_version, uid,         asked, asked_place_of(asked, calling->row),
        calling->object,      calling->old};
    json_auto_t *review = admission_review(&question);
    const struct webhook_call call = {&hook->client, review, hook->timeout_s, CALLOUT_ANSWER_MAX};
    json_auto_t *answer = webhook_call(request->api, request->cluster, &call, &why);
    if (!answer) {
        error_wrap(&why, "failed to call webhook");
        return call_failed(calling, why.message, err);
    }
    if (!admission_review_read(answer, &question, calling->mutating, &said, &why))
        return call_failed(calling, why.message, err);
    add_warnings(request, said.warnings);
    if (!said.allowed) {
        admission_review_deny(hook->name, said.result, &request->error);
        return CALL_REJECTED;
    }
    return said.patch && !is_empty_patch(said.patch) ? take_patch(calling, said.patch)
                                                     : CALL_ALLOWED;
}

static enum call_result call_hook(struct calling *calling, struct error *err,
                                  enum step_result *elsewhere)
{
    struct request *request = calling->asked->request;
    if (request->dry_run && calling->hook->has_side_effects) {
        error_bad_request(&request->error, "admission webhook \"%s\" does not support dry run",
                          calling->hook->name);
        return CALL_REJECTED;
    }
    if (!calling->hook->review_version)
        return call_failed(
            calling,
            "could not create admission objects: webhook does not accept known AdmissionReview "
            "versions (v1, v1beta1)",
            err);
    *elsewhere = request_may_call(request);
    return *elsewhere == STEP_NEXT ? ask(calling, err) : CALL_ELSEWHERE;
}

/* Calls the hook; `*changed` when it changed the object. */
static enum step_result run_hook(struct calling *calling)
{
    struct request *request = calling->asked->request;
    CLEANUP(error_clear) struct error failure = {0};
    enum step_result elsewhere = STEP_NEXT;
    enum call_result result = call_hook(calling, &failure, &elsewhere);
    switch (result) {
    case CALL_ALLOWED:
        return STEP_NEXT;
    case CALL_ELSEWHERE:
        return elsewhere;
    case CALL_REJECTED:
        return STEP_FAIL;
    case CALL_FAILED:
        break;
    }
    if (calling->hook->ignores_failure) {
        log_debug("apiserver", "webhook fails open in cluster %s: %s", request->cluster->name,
                  failure.message);
        return STEP_NEXT;
    }
    error_move(&request->error, &failure);
    return STEP_FAIL;
}

static enum step_result from_match(enum match_result result)
{
    return result == MATCH_BLOCK ? STEP_BLOCK : STEP_FAIL;
}

/* STEP_NEXT with `row` NULL: it is not for this request. */
static enum step_result match_hook(const struct hook *hook, const struct asked *asked,
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
    const struct hook *hook = calling->hook;
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
    error_forbidden(&asked->request->error, asked->place.resource->key, asked->name, "%s", why);
    return STEP_FAIL;
}

/* Whether the hook is to be called, with the forms that it gets. */
static enum step_result prepare(struct calling *calling, bool *called)
{
    const struct hook *hook = calling->hook;
    struct request *request = calling->asked->request;
    enum step_result result = match_hook(hook, calling->asked, &calling->row);
    *called = result == STEP_NEXT && calling->row;
    if (!*called)
        return result;
    if (hook->conditions)
        result = request_may_compute(request);
    if (result == STEP_NEXT)
        result = take_forms(calling);
    if (result == STEP_NEXT && hook->conditions)
        result = check_conditions(calling, called);
    return result;
}

/* ---- mutating ---- */

static enum step_result mutate_by(struct asked *asked, const struct hooks *hooks, size_t at,
                                  struct webhook_rounds *rounds)
{
    const struct hook *hook = &hooks->mutating[at];
    CLEANUP(calling_clear)
    struct calling calling = {.asked = asked, .hook = hook, .mutating = true};
    bool called = false;
    if (rounds->second && !bit_of(rounds->again, at))
        return STEP_NEXT;
    enum step_result result = prepare(&calling, &called);
    if (result != STEP_NEXT || !called)
        return result;
    result = run_hook(&calling);
    if (result != STEP_NEXT)
        return result;
    if (calling.changed) {
        require_again(rounds, hooks->mutating_count);
        rounds->changed = true;
    }
    if (hook->reinvoked)
        bit_set(rounds->called, at);
    return STEP_NEXT;
}

enum step_result webhooks_mutate(struct asked *asked, const struct hooks *hooks,
                                 struct webhook_rounds *rounds)
{
    size_t words = hooks->mutating_count / WORD_BITS + 1;
    enum step_result result = STEP_NEXT;
    if (!rounds->called) {
        rounds->called = xcalloc(words, sizeof(*rounds->called));
        rounds->again = xcalloc(words, sizeof(*rounds->again));
    }
    if (rounds->second && !json_equal(rounds->output, asked->object))
        require_again(rounds, hooks->mutating_count);
    for (size_t i = 0; i < hooks->mutating_count && result == STEP_NEXT; i++)
        result = mutate_by(asked, hooks, i, rounds);
    json_decref(rounds->output);
    rounds->output = json_deep_copy(asked->object);
    return result;
}

/* ---- validating ---- */

enum step_result webhooks_validate(struct asked *asked, const struct hooks *hooks)
{
    for (size_t i = 0; i < hooks->validating_count; i++) {
        CLEANUP(calling_clear)
        struct calling calling = {.asked = asked, .hook = &hooks->validating[i]};
        bool called = false;
        enum step_result result = prepare(&calling, &called);
        if (result == STEP_NEXT && called)
            result = run_hook(&calling);
        if (result != STEP_NEXT)
            return result;
    }
    return STEP_NEXT;
}
