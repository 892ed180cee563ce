/* Where a request meets the webhooks that its cluster configured: writes, deletions, what is no
 * plain write (bindings, evictions, tokens, reviews), and connections. */
#include <string.h>

#include "apiserver/admission/admission.h"
#include "apiserver/admission/webhook_dispatch.h"
#include "apiserver/admission/admission_config.h"
#include "apiserver/steps.h"
#include "base/parse.h"

static void asked_clear_ptr(struct asked *asked)
{
    asked_clear(asked);
}

/* ---- writes ---- */

static enum step_result mutate(struct request *request, const struct admission_config *config,
                               struct webhook_rounds *rounds)
{
    CLEANUP(asked_clear_ptr) struct asked asked;
    asked_write(&asked, request, request->current ? ASKED_UPDATE : ASKED_CREATE);
    const json_t *before = asked.object;
    enum step_result result = webhooks_mutate(&asked, config, rounds);
    if (result == STEP_NEXT && asked.object != before && !asked_accept(&asked))
        return STEP_FAIL;
    return result;
}

enum step_result admit_configured(struct request *request, step_fn again)
{
    CLEANUP(admission_config_unref_ptr) struct admission_config *config = NULL;
    CLEANUP(webhook_rounds_clear) struct webhook_rounds rounds = {0};
    if (webhooks_exempt(request))
        return STEP_NEXT;
    enum step_result result = admission_config_load(request, &config);
    if (result != STEP_NEXT || !config || !config->mutating_count)
        return result;
    result = mutate(request, config, &rounds);
    if (result != STEP_NEXT || !rounds.changed)
        return result;
    rounds.second = true;
    result = again(request);
    return result == STEP_NEXT ? mutate(request, config, &rounds) : result;
}

/* Policies are not asked about reviews: one that denies all would have nobody let in to remove it.
 * Source: pkg/kubeapiserver/admission/exclusion. */
static bool is_review(const struct asked *asked)
{
    const char *group = asked->place.resource->group;
    return strcmp(group, "authentication.k8s.io") == 0 ||
           strcmp(group, "authorization.k8s.io") == 0;
}

/* Policies come before webhooks. */
static enum step_result validate(struct asked *asked, const struct admission_config *config)
{
    enum step_result result = is_review(asked)
                                  ? STEP_NEXT
                                  : policies_check(asked, config->policies, config->policy_count);
    return result == STEP_NEXT ? webhooks_validate(asked, config) : result;
}

enum step_result check_configured(struct request *request)
{
    CLEANUP(admission_config_unref_ptr) struct admission_config *config = NULL;
    CLEANUP(asked_clear_ptr) struct asked asked = {0};
    if (webhooks_exempt(request))
        return STEP_NEXT;
    enum step_result result = admission_config_load(request, &config);
    if (result != STEP_NEXT || !config)
        return result;
    asked_write(&asked, request, request->current ? ASKED_UPDATE : ASKED_CREATE);
    return validate(&asked, config);
}

/* Both kinds, of a request that no other plugin looks at. */
static enum step_result run_configured(struct asked *asked, const struct admission_config *config)
{
    CLEANUP(webhook_rounds_clear) struct webhook_rounds rounds = {0};
    enum step_result result = webhooks_mutate(asked, config, &rounds);
    rounds.second = true;
    if (result == STEP_NEXT && rounds.changed)
        result = webhooks_mutate(asked, config, &rounds);
    return result == STEP_NEXT ? validate(asked, config) : result;
}

/* Puts together what is asked about the request. */
typedef void (*ask_fn)(struct asked *asked, struct request *request);

/* A request that no stored object is made of: `object`, which may be NULL, becomes what webhooks
 * make of it. */
static enum step_result enter(struct request *request, ask_fn ask, json_t **object)
{
    CLEANUP(admission_config_unref_ptr) struct admission_config *config = NULL;
    CLEANUP(asked_clear_ptr) struct asked asked = {0};
    enum step_result result = admission_config_load(request, &config);
    if (result != STEP_NEXT || !config)
        return result;
    ask(&asked, request);
    result = run_configured(&asked, config);
    if (result == STEP_NEXT && object) {
        json_decref(*object);
        *object = json_incref(asked.object);
    }
    return result;
}

static void ask_delete(struct asked *asked, struct request *request)
{
    asked_write(asked, request, ASKED_DELETE);
}

enum step_result step_admit_delete(struct request *request)
{
    return webhooks_exempt(request) ? STEP_NEXT : enter(request, ask_delete, NULL);
}

static json_t **special_object(struct request *request)
{
    return request->eviction ? &request->eviction : &request->object;
}

static void ask_special(struct asked *asked, struct request *request)
{
    asked_special(asked, request, ASKED_CREATE, *special_object(request));
}

enum step_result step_admit_special(struct request *request)
{
    enum step_result result = admit_special(request);
    return result == STEP_NEXT ? enter(request, ask_special, special_object(request)) : result;
}

/* ---- connections ---- */

static json_t *option_value(const struct field *field, const char *text)
{
    int64_t number;
    switch (field->kind) {
    case FIELD_BOOL:
        return json_boolean(strcmp(text, "false") != 0 && strcmp(text, "0") != 0);
    case FIELD_INT32:
    case FIELD_INT64:
        return parse_i64(str_of(text), INT64_MIN, INT64_MAX, &number) ? json_integer(number) : NULL;
    default:
        return json_string(text);
    }
}

/* The type of its options; NULL: it has none. */
static const struct type *connect_type(const struct request *request)
{
    const char *kind = request->sub ? request->sub->kind : NULL;
    CLEANUP(free_ptr) char *name = xasprintf("io.k8s.api.core.v1.%s", kind ? kind : "");
    return type_find(name);
}

/* What a connection was asked for, as the options object of its subresource; new. */
static json_t *connect_options(const struct request *request)
{
    const struct type *type = connect_type(request);
    json_t *options = json_pack("{s:s, s:s}", "kind", request->sub->kind, "apiVersion", "v1");
    const struct route *route = &request->route;
    for (size_t i = 0; i < route->arg_count; i++) {
        const struct field *field = type_field(type, str_of(route->args[i].key));
        json_t *value = field ? option_value(field, route->args[i].value) : NULL;
        if (value && field->card == CARD_LIST)
            json_array_append_new(json_ensure_array(options, field->name), value);
        else if (value)
            json_object_set_new(options, field->name, value);
    }
    if (type_field(type, STR("path")) && *route->rest)
        json_object_set_new(options, "path", json_sprintf("%s", route->rest));
    return options;
}

static void ask_connect(struct asked *asked, struct request *request)
{
    json_auto_t *options = connect_options(request);
    asked_special(asked, request, ASKED_CONNECT, options);
}

enum step_result step_admit_connect(struct request *request)
{
    return connect_type(request) ? enter(request, ask_connect, NULL) : STEP_NEXT;
}
