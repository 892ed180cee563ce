#include "apiserver/admission/webhook_dispatch.h"

#include <string.h>

#include "apiserver/admission/webhook_calling.h"
#include "apiserver/api_internal.h"
#include "apiserver/audit/audit.h"
#include "apiserver/admission/admission_config.h"
#include "apiserver/admission/lanes.h"
#include "base/codec.h"
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

/* ---- patches ---- */

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
static json_t *apply_patch(const struct calling *calling, struct error *err)
{
    CLEANUP(buf_free) struct buf patch = BUF_INIT(PATCH_MAX);
    CLEANUP(error_clear) struct error why = {0};
    const struct type *type = type_of(calling);
    json_t *object = NULL;
    if (!base64_decode(&patch, str_of(calling->patch), BASE64_STANDARD))
        error_set(&why, ERROR_BAD_REQUEST, "illegal base64 data");
    else
        object = patch_json(calling->object, buf_str(&patch), NULL, &why);
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

/* Makes of asked->object what the webhook wants. */
static enum step_result take_patch(struct calling *calling, bool *changed)
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
        return STEP_FAIL;
    }
    json_auto_t *patched = apply_patch(calling, err);
    if (!patched || asked_unform(asked, calling->row, patched, &form) != STEP_NEXT)
        return STEP_FAIL;
    *changed = !json_equal(patched, calling->object);
    json_decref(asked->object);
    asked->object = form;
    return STEP_NEXT;
}

/* ---- mutating ---- */

static enum step_result run_mutating(struct calling *calling, bool *changed)
{
    struct verdict verdict;
    enum step_result result = calling_may_run(calling);
    if (result != STEP_NEXT)
        return result;
    verdict_init(&verdict, calling->asked->request);
    bool allowed = calling_run(calling, &verdict);
    verdict_deinit(&verdict);
    if (!allowed)
        return STEP_FAIL;
    return calling->patch ? take_patch(calling, changed) : STEP_NEXT;
}

/* Whether it changed anything, and (where objects are logged) what. */
static void note_mutation(struct calling *calling, bool changed)
{
    struct request *request = calling->asked->request;
    const struct webhook *hook = calling->hook;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    if (!audit_wanted(request))
        return;
    CLEANUP(free_ptr)
    char *key = xasprintf("mutation.webhook.admission.k8s.io/round_%u_index_%zu", calling->round,
                          calling->index);
    json_auto_t *note = json_pack("{s:s, s:s, s:b}", "configuration", hook->configuration,
                                  "webhook", hook->name, "mutated", changed);
    json_write(&text, note);
    audit_annotate(request, key, text.data);
}

static enum step_result mutate_by(struct asked *asked, const struct admission_config *config,
                                  size_t at, struct webhook_rounds *rounds)
{
    const struct webhook *hook = &config->mutating[at];
    CLEANUP(calling_clear)
    struct calling calling = {
        .asked = asked, .hook = hook, .mutating = true, .round = rounds->second, .index = at};
    bool called = false, changed = false;
    if (rounds->second && !bit_of(rounds->again, at))
        return STEP_NEXT;
    enum step_result result = calling_prepare(&calling, NULL, 0, &called);
    if (result != STEP_NEXT || !called)
        return result;
    result = run_mutating(&calling, &changed);
    if (result != STEP_NEXT)
        return result;
    note_mutation(&calling, changed);
    if (changed) {
        require_again(rounds, config->mutating_count);
        rounds->changed = true;
    }
    if (hook->reinvoked)
        bit_set(rounds->called, at);
    return STEP_NEXT;
}

enum step_result webhooks_mutate(struct asked *asked, const struct admission_config *config,
                                 struct webhook_rounds *rounds)
{
    size_t words = config->mutating_count / WORD_BITS + 1;
    enum step_result result = STEP_NEXT;
    if (!rounds->called) {
        rounds->called = xcalloc(words, sizeof(*rounds->called));
        rounds->again = xcalloc(words, sizeof(*rounds->again));
    }
    if (rounds->second && !json_equal(rounds->output, asked->object))
        require_again(rounds, config->mutating_count);
    for (size_t i = 0; i < config->mutating_count && result == STEP_NEXT; i++)
        result = mutate_by(asked, config, i, rounds);
    json_decref(rounds->output);
    rounds->output = json_deep_copy(asked->object);
    return result;
}

/* ---- validating ---- */

struct validation {
    struct calling *callings; /* owned */
    size_t count;
    struct verdict verdict;
};

static void validation_clear(struct validation *validation)
{
    for (size_t i = 0; i < validation->count; i++)
        calling_clear(&validation->callings[i]);
    free(validation->callings);
    verdict_deinit(&validation->verdict);
}

/* Those that are to be called; whether this thread may. */
static enum step_result gather(struct validation *validation, struct asked *asked,
                               const struct admission_config *config)
{
    enum step_result result = STEP_NEXT;
    validation->callings = xcalloc(config->validating_count + 1, sizeof(*validation->callings));
    for (size_t i = 0; i < config->validating_count && result == STEP_NEXT; i++) {
        CLEANUP(calling_clear)
        struct calling calling = {.asked = asked, .hook = &config->validating[i], .index = i};
        bool called = false;
        result = calling_prepare(&calling, validation->callings, validation->count, &called);
        if (result != STEP_NEXT || !called)
            continue;
        validation->callings[validation->count++] = calling;
        calling = (struct calling){0};
    }
    for (size_t i = 0; i < validation->count && result == STEP_NEXT; i++)
        result = calling_may_run(&validation->callings[i]);
    return result;
}

static void run_one(void *arg, size_t at)
{
    struct validation *validation = arg;
    (void)calling_run(&validation->callings[at], &validation->verdict); /* the verdict says */
}

enum step_result webhooks_validate(struct asked *asked, const struct admission_config *config)
{
    CLEANUP(validation_clear) struct validation validation = {0};
    struct request *request = asked->request;
    verdict_init(&validation.verdict, request);
    enum step_result result = gather(&validation, asked, config);
    if (result != STEP_NEXT || !validation.count)
        return result;
    lanes_spread(request->api->lanes, request->cluster->id, validation.count, run_one, &validation);
    return request->error.code ? STEP_FAIL : STEP_NEXT;
}
