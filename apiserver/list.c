/* LIST: the state at one revision, whole or page by page. A page after the first comes from the
 * same revision; when history no longer reaches there, the client gets 410 with a token that goes
 * on from what is there now. Source: Kubernetes docs "API Concepts". */
#include "apiserver/list.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/conversion.h"
#include "apiserver/custom.h"
#include "apiserver/identity_lease.h"
#include "apiserver/list_options.h"
#include "apiserver/list_token.h"
#include "apiserver/steps.h"
#include "base/clock.h"

/* ---- selection ---- */

bool selection_parse(struct request *request, struct selection *selection)
{
    const char *labels = route_arg(&request->route, "labelSelector"),
               *fields = route_arg(&request->route, "fieldSelector");
    const char *ns = request_ns(request);
    const char *name = request->route.name;
    *selection = (struct selection){.ns = *ns ? ns : NULL, .name = name && *name ? name : NULL};
    if (labels && *labels &&
        !(selection->labels = selector_parse_labels(str_of(labels), &request->error)))
        return false;
    if (fields && *fields &&
        !(selection->fields =
              selector_parse_fields(str_of(fields), request->resource, &request->error))) {
        selection_clear(selection);
        return false;
    }
    selection->parses = request->resource->type && request->resource->type->custom &&
                        !selector_is_indexed(selection->fields);
    if ((selection->labels || (selection->fields && selection->parses)) &&
        custom_converter(request))
        selection->version = request->resource->api_version;
    return true;
}

void selection_clear(struct selection *selection)
{
    selector_free(selection->labels);
    selector_free(selection->fields);
    *selection = (struct selection){0};
}

static bool keeps_fields(const struct selection *selection, const struct object *object)
{
    if (!selection->parses)
        return selector_matches_fields(selection->fields, object);
    json_auto_t *tree = object_json(object);
    return selector_matches_tree(selection->fields, tree);
}

static bool keeps_content(const struct selection *selection, const struct object *object)
{
    return (!selection->labels || selector_matches_labels(selection->labels, object)) &&
           (!selection->fields || keeps_fields(selection, object));
}

static bool is_converted(const struct selection *selection, const struct object *object)
{
    return selection->version && !str_is(conversion_version(object), selection->version);
}

bool selection_keeps(const struct selection *selection, const struct object *object)
{
    return (!selection->ns || strcmp(selection->ns, object->ns) == 0) &&
           (!selection->name || strcmp(selection->name, object->name) == 0) &&
           (is_converted(selection, object) || keeps_content(selection, object));
}

bool selection_shows(const struct selection *selection, const struct object *shown)
{
    return !selection->version || keeps_content(selection, shown);
}

void selection_filter(const struct selection *selection, struct object_list *shown)
{
    size_t kept = 0;
    for (size_t i = 0; i < shown->count; i++)
        if (selection_shows(selection, shown->items[i]))
            shown->items[kept++] = shown->items[i];
        else
            object_unref(shown->items[i]);
    shown->count = kept;
}

static bool keep(const struct object *object, void *arg)
{
    return selection_keeps(arg, object);
}

/* ---- the request ---- */

struct list_plan {
    struct selection selection;
    struct list_token token;
    bool continued;
    size_t limit;
    int64_t at_revision; /* 0: now */
};

static void plan_clear(struct list_plan *plan)
{
    selection_clear(&plan->selection);
    list_token_clear(&plan->token);
}

static bool parse_revision(struct request *request, const struct list_options *options,
                           struct list_plan *plan)
{
    int64_t value;
    if (!list_options_revision(request, options, &value))
        return false;
    if (plan->continued && value != 0)
        return error_bad_request(&request->error,
                                 "specifying resource version is not allowed when using continue");
    if (value > atomic_load(&request->cluster->revision))
        return list_from_future(request, value) == STEP_NEXT;
    /* Without a match rule a limited list is taken at exactly that revision. */
    if (options->exact || (!options->matches && plan->limit && value))
        plan->at_revision = value;
    return true;
}

static bool parse_token(struct request *request, const struct list_options *options,
                        struct list_plan *plan)
{
    plan->continued = options->next != NULL;
    if (!plan->continued)
        return true;
    if (!list_token_parse(options->next, &plan->token, &request->error))
        return false;
    plan->at_revision = plan->token.revision == LIST_TOKEN_REVISION_NOW ? 0 : plan->token.revision;
    return true;
}

/* Who takes what there is takes it whole: upstream's cache knows no pages. Events it doesn't hold.
 */
static bool is_whole(const struct request *request, const struct list_options *options)
{
    return text_eq(options->revision, "0") && !options->next && !options->exact &&
           strcmp(request->storage, "events") != 0;
}

static bool plan_parse(struct request *request, struct list_plan *plan)
{
    struct list_options options;
    *plan = (struct list_plan){0};
    if (!list_options_parse(request, false, &options) ||
        !selection_parse(request, &plan->selection))
        return false;
    plan->limit = options.limit > 0 && !is_whole(request, &options) ? (size_t)options.limit : 0;
    return parse_token(request, &options, plan) && parse_revision(request, &options, plan);
}

enum step_result list_from_future(struct request *request, int64_t revision)
{
    struct error *err = &request->error;
    error_set(err, ERROR_TIMEOUT, "Timeout: Too large resource version: %lld, current: %lld",
              (long long)revision, (long long)atomic_load(&request->cluster->revision));
    err->retry_after_s = 1;
    error_set_cause(err, "ResourceVersionTooLarge", NULL, "Too large resource version");
    return STEP_FAIL;
}

static struct cache_range range_of(struct list_plan *plan)
{
    bool all = !plan->selection.labels && !plan->selection.fields && !plan->selection.name;
    struct cache_range range = {
        .ns = plan->selection.ns,
        .limit = plan->limit,
        .at_revision = plan->at_revision,
        .keep = all ? NULL : keep,
        .arg = &plan->selection,
    };
    if (plan->continued) {
        range.after_ns = plan->token.ns;
        range.after_name = plan->token.name;
    }
    return range;
}

/* Clients tell the present from the snapshot that they lost by its revision. */
static bool is_unmoved(const struct request *request, const struct list_plan *plan)
{
    return plan->continued && plan->token.revision == atomic_load(&request->cluster->revision);
}

/* 410, with a token that continues from the present. */
static enum step_result expired(struct request *request, const struct list_plan *plan)
{
    if (!plan->continued) {
        error_set(&request->error, ERROR_EXPIRED,
                  "The resourceVersion for the provided list is too old.");
        return STEP_FAIL;
    }
    if (is_unmoved(request, plan)) {
        if (!request->may_block)
            return STEP_BLOCK;
        identity_lease_renew(request->api, request->cluster);
    }
    error_set(&request->error, ERROR_EXPIRED,
              "The provided continue parameter is too old to display a consistent list result. You "
              "can start a new list "
              "without the continue parameter, or use the continue token in this response to "
              "retrieve the remainder of the "
              "results. Continuing with the provided token results in an inconsistent list - "
              "objects that were created, "
              "modified, or deleted between the time the first chunk was returned and now may show "
              "up in the list.");
    request->reply.next_page =
        list_token_make(LIST_TOKEN_REVISION_NOW, 0, plan->token.ns, plan->token.name);
    return STEP_FAIL;
}

enum step_result step_list(struct request *request)
{
    CLEANUP(plan_clear) struct list_plan plan;
    struct reply *reply = &request->reply;
    bool gone = false;
    if (!plan_parse(request, &plan))
        return STEP_FAIL;
    int64_t now_s = clock_now_us() / 1000000;
    bool follows = plan.continued && plan.at_revision;
    int64_t taken_s = follows ? plan.token.taken_s : now_s;
    if (now_s - taken_s > LIST_TOKEN_AGE_S)
        return expired(request, &plan);
    struct cache_range range = range_of(&plan);
    enum step_result result = request_list(request, request->storage, &range, &reply->list, &gone);
    if (result != STEP_NEXT)
        return result;
    if (gone)
        return expired(request, &plan);
    if (plan.at_revision)
        reply->list.revision = plan.at_revision;
    if (reply->list.more && reply->list.count) {
        const struct object *last = reply->list.items[reply->list.count - 1];
        reply->next_page = list_token_make(reply->list.revision, taken_s, last->ns, last->name);
        reply->partial_count = !range.keep;
    }
    reply->kind = REPLY_LIST;
    reply->code = 200;
    result = custom_reply(request);
    if (result == STEP_DONE) /* a page may then have less than was asked for */
        selection_filter(&plan.selection, &reply->list);
    return result;
}

enum step_result list_selected(struct request *request, struct object_list *list)
{
    CLEANUP(plan_clear) struct list_plan plan;
    bool gone = false;
    if (!plan_parse(request, &plan))
        return STEP_FAIL;
    struct cache_range range = range_of(&plan);
    enum step_result result = request_list(request, request->storage, &range, list, &gone);
    if (result == STEP_NEXT && gone)
        return expired(request, &plan);
    if (result == STEP_NEXT && (result = custom_list(request, list)) != STEP_NEXT) {
        object_list_free(list);
        return result;
    }
    if (result == STEP_NEXT)
        selection_filter(&plan.selection, list);
    return result;
}
