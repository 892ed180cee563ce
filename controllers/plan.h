/* controllers/plan.h: what a decision wants done, as data; and the one place that does it.
 *
 * decide functions append actions; plan_apply() performs them in order, by the same API path that
 * users take, as the controller's own user. It stops at the first failure: the key comes back, and
 * deciding anew finds what is left. */
#pragma once
#include "apiserver/api.h"
#include "base/json.h"

enum plan_verb { PLAN_CREATE, PLAN_UPDATE, PLAN_PATCH, PLAN_DELETE, PLAN_EVENT };

enum plan_flags {
    PLAN_ABSENT_OK = 1 << 0, /* the object is gone: as good as done */
    PLAN_EXISTS_OK = 1 << 1, /* create: another has made it: as good as done */
    PLAN_SLOW_START =
        1 << 2, /* creates in batches of 1, 2, 4, ...; a batch with a failure is the last one */
    PLAN_GO_ON =
        1 << 3, /* a failure is reported at the end, the actions behind it are still tried */
};

struct plan_action {
    enum plan_verb verb;
    unsigned flags;
    const char *resource, *subresource; /* static or outliving the plan; subresource "" for none */
    char *ns, *name, *uid;              /* uid: a precondition of deletes; may be NULL */
    json_t *body;                       /* object, patch, or what an event is about */
    const char *propagation;            /* of deletes; NULL: the kind's default */
    int64_t grace_s;                    /* of deletes; -1: the kind's default */
    /* Events about `about` on success ("Created pod: %s" with the object's name) and on failure
     * ("Error creating: %s" with the error). NULL: none. For PLAN_EVENT, ok_reason and message are
     * the event. */
    json_t *about;
    const char *ok_reason, *ok_text, *fail_reason, *fail_text;
    const char *event_type; /* of PLAN_EVENT */
    char *message;          /* of PLAN_EVENT, and of ok events where it is set */
};

struct plan {
    struct plan_action *items;
    size_t count, capacity;
    int64_t again_ms; /* > 0: look again then */
};

void plan_clear(struct plan *plan);

/* Each appends one action and returns it for details; valid until the next call. Objects are
 * borrowed, bodies taken. */
struct plan_action *plan_create(struct plan *plan, const char *resource, const char *ns,
                                json_t *body);
struct plan_action *plan_update(struct plan *plan, const char *resource, const char *subresource,
                                json_t *body);
struct plan_action *plan_patch(struct plan *plan, const char *resource, const json_t *object,
                               json_t *patch);
struct plan_action *plan_delete(struct plan *plan, const char *resource, const json_t *object);
void plan_event(struct plan *plan, const json_t *about, const char *type, const char *reason,
                const char *format, ...) PRINTF_LIKE(5, 6);
/* An update of only the status: a copy of `object` with `status` (taken) in it. */
struct plan_action *plan_status(struct plan *plan, const char *resource, const json_t *object,
                                json_t *status);
/* Looks again in `delay_ms` or sooner. */
void plan_again(struct plan *plan, int64_t delay_ms);

/* Whether any action reads "VERB RESOURCE[/SUB] NAME"; for tests: one line each, in order. */
void plan_print(const struct plan *plan, struct buf *out);

/* Performs. On failure `err` is the first one's, and `*failed` (may be NULL) its action. */
MUST_CHECK bool plan_apply(const struct api_caller *caller, const struct plan *plan,
                           const struct plan_action **failed, struct error *err);
/* The namespace is being deleted: nothing that is worth another try. */
bool error_is_terminating(const struct error *err);
