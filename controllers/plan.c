#include "controllers/plan.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "schema/meta.h"

/* ---- building ---- */

void plan_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_action *action = &plan->items[i];
        free(action->ns);
        free(action->name);
        free(action->uid);
        free(action->message);
        json_decref(action->body);
        json_decref(action->about);
    }
    free(plan->items);
    *plan = (struct plan){0};
}

static struct plan_action *append(struct plan *plan, enum plan_verb verb, const char *resource,
                                  const char *ns, const char *name)
{
    if (plan->count == plan->capacity) {
        plan->capacity = plan->capacity ? plan->capacity * 2 : 8;
        plan->items = xreallocarray(plan->items, plan->capacity, sizeof(*plan->items));
    }
    struct plan_action *action = &plan->items[plan->count++];
    *action = (struct plan_action){
        .verb = verb,
        .resource = resource,
        .subresource = "",
        .ns = xstrdup(ns),
        .name = xstrdup(name),
        .grace_s = -1,
    };
    return action;
}

struct plan_action *plan_create(struct plan *plan, const char *resource, const char *ns,
                                json_t *body)
{
    struct plan_action *action = append(plan, PLAN_CREATE, resource, ns, meta_name(body));
    action->body = body;
    return action;
}

struct plan_action *plan_update(struct plan *plan, const char *resource, const char *subresource,
                                json_t *body)
{
    struct plan_action *action =
        append(plan, PLAN_UPDATE, resource, meta_namespace(body), meta_name(body));
    action->subresource = subresource;
    action->body = body;
    return action;
}

struct plan_action *plan_patch(struct plan *plan, const char *resource, const json_t *object,
                               json_t *patch)
{
    struct plan_action *action =
        append(plan, PLAN_PATCH, resource, meta_namespace(object), meta_name(object));
    action->flags = PLAN_ABSENT_OK;
    action->body = patch;
    return action;
}

struct plan_action *plan_delete(struct plan *plan, const char *resource, const json_t *object)
{
    struct plan_action *action =
        append(plan, PLAN_DELETE, resource, meta_namespace(object), meta_name(object));
    action->flags = PLAN_ABSENT_OK;
    action->uid = xstrdup(meta_uid(object));
    return action;
}

void plan_event(struct plan *plan, const json_t *about, const char *type, const char *reason,
                const char *format, ...)
{
    struct plan_action *action =
        append(plan, PLAN_EVENT, "events", meta_namespace(about), meta_name(about));
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    action->about = json_incref((json_t *)(uintptr_t)about); /* only read */
    action->event_type = type;
    action->ok_reason = reason;
    action->message = buf_take(&text);
}

struct plan_action *plan_status(struct plan *plan, const char *resource, const json_t *object,
                                json_t *status)
{
    json_t *body = json_copy(
        (json_t *)(uintptr_t)object); /* shallow: the other members are shared and only read */
    json_object_set_new(body, "status", status);
    return plan_update(plan, resource, "status", body);
}

void plan_again(struct plan *plan, int64_t delay_ms)
{
    if (delay_ms < 1)
        delay_ms = 1;
    if (!plan->again_ms || delay_ms < plan->again_ms)
        plan->again_ms = delay_ms;
}

static const char *const verb_names[] = {"create", "update", "patch", "delete", "event"};
_Static_assert(ARRAY_LEN(verb_names) == PLAN_EVENT + 1, "a name for each verb");

void plan_print(const struct plan *plan, struct buf *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_action *action = &plan->items[i];
        buf_printf(out, "%s %s%s%s %s", verb_names[action->verb], action->resource,
                   action->subresource[0] ? "/" : "", action->subresource, action->name);
        if (action->verb == PLAN_EVENT)
            buf_printf(out, " %s %s: %s", action->event_type, action->ok_reason, action->message);
        buf_add_char(out, '\n');
    }
}

/* ---- doing ---- */

bool error_is_terminating(const struct error *err)
{
    return err->reason == ERROR_FORBIDDEN && err->message &&
           strstr(err->message, "because it is being terminated");
}

static bool perform_delete(const struct api_caller *caller, const struct plan_action *action,
                           struct error *err)
{
    const struct api_delete_options options = {
        .uid = action->uid,
        .propagation = action->propagation,
        .grace_s = action->grace_s,
    };
    return api_delete(caller, action->resource, action->ns, action->name, &options, err);
}

static bool perform(const struct api_caller *caller, const struct plan_action *action, json_t **out,
                    struct error *err)
{
    switch (action->verb) {
    case PLAN_CREATE:
        return api_create(caller, action->resource, action->ns, action->body, out, err);
    case PLAN_UPDATE:
        return api_update(caller, action->resource, action->subresource, action->ns, action->name,
                          action->body, out, err);
    case PLAN_PATCH:
        return api_patch(caller, action->resource, action->subresource, action->ns, action->name,
                         action->body, out, err);
    case PLAN_DELETE:
        return perform_delete(caller, action, err);
    case PLAN_EVENT:
        controller_event(caller, action->about, action->event_type, action->ok_reason, "%s",
                         action->message);
        return true;
    }
    return true;
}

static bool is_tolerated(const struct plan_action *action, const struct error *err)
{
    /* A delete whose uid does not match (409) means that the object meant is gone. */
    if (action->flags & PLAN_ABSENT_OK)
        return err->reason == ERROR_NOT_FOUND ||
               (action->verb == PLAN_DELETE && err->reason == ERROR_CONFLICT && action->uid);
    return action->flags & PLAN_EXISTS_OK && err->reason == ERROR_ALREADY_EXISTS;
}

static void tell_success(const struct api_caller *caller, const struct plan_action *action,
                         const json_t *made)
{
    if (!action->ok_reason || action->verb == PLAN_EVENT)
        return;
    if (action->message)
        controller_event(caller, action->about, "Normal", action->ok_reason, "%s", action->message);
    else
        controller_event(caller, action->about, "Normal", action->ok_reason, "%s%s",
                         action->ok_text, made ? meta_name(made) : action->name);
}

static bool act(const struct api_caller *caller, const struct plan_action *action,
                struct error *err)
{
    json_auto_t *made = NULL;
    CLEANUP(error_clear) struct error why = {0};
    if (perform(caller, action, &made, &why)) {
        tell_success(caller, action, made);
        return true;
    }
    if (is_tolerated(action, &why))
        return true;
    if (action->fail_reason && !error_is_terminating(&why))
        controller_event(caller, action->about, "Warning", action->fail_reason, "%s%s",
                         action->fail_text, why.message ? why.message : "");
    error_move(err, &why);
    return false;
}

/* Creates from `first` on, as long as they start slowly: how many were tried; false in *ok after a
 * failed batch. */
static size_t slow_start(const struct api_caller *caller, const struct plan *plan, size_t first,
                         bool *ok, const struct plan_action **failed, struct error *err)
{
    size_t end = first, at = first;
    while (end < plan->count && plan->items[end].flags & PLAN_SLOW_START)
        end++;
    for (size_t batch = 1; at < end && *ok; batch *= 2)
        for (size_t i = 0; i < batch && at < end; i++, at++) {
            CLEANUP(error_clear) struct error why = {0};
            if (act(caller, &plan->items[at], &why) || !*ok)
                continue;
            *ok = false;
            *failed = &plan->items[at];
            error_move(err, &why);
        }
    return end - first;
}

bool plan_apply(const struct api_caller *caller, const struct plan *plan,
                const struct plan_action **failed, struct error *err)
{
    const struct plan_action *culprit = NULL;
    CLEANUP(error_clear) struct error first = {0};
    bool ok = true;
    for (size_t i = 0; i < plan->count;) {
        const struct plan_action *action = &plan->items[i];
        CLEANUP(error_clear) struct error why = {0};
        bool done = true;
        if (action->flags & PLAN_SLOW_START) {
            i += slow_start(caller, plan, i, &done, &action, &why);
        } else {
            done = act(caller, action, &why);
            i++;
        }
        if (done)
            continue;
        if (ok) {
            culprit = action;
            error_move(&first, &why);
        }
        ok = false;
        if (!(action->flags & PLAN_GO_ON))
            break;
    }
    if (!ok)
        error_move(err, &first);
    if (failed)
        *failed = culprit;
    return ok;
}

enum reconcile_result reconcile_end(bool applied, const struct plan *plan, int64_t *again_ms)
{
    if (!applied)
        return RECONCILE_RETRY;
    *again_ms = plan->again_ms;
    return plan->again_ms ? RECONCILE_AGAIN : RECONCILE_DONE;
}
