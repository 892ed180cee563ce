/* apiserver/admission/webhook_calling.h: one webhook that a cluster configured and one request:
 * whether it is called for it, and what it says.
 *
 * calling_run() may go on for several at once, on several lanes: what they read of the request and
 * its objects is frozen meanwhile, and what they find is put together under the verdict's lock.
 * Everything else is for the request's own thread. */
#pragma once
#include <pthread.h>

#include "apiserver/admission/asked.h"

struct webhook;

struct calling {
    struct asked *asked;
    const struct webhook *hook;
    bool mutating;
    unsigned round;             /* of mutating ones: 0, or 1 when they are asked again */
    size_t index;               /* its place among the cluster's */
    const struct resource *row; /* by which it matched */
    json_t *object, *old;       /* owned: in the row's version */
    char *patch;                /* owned: what it wants changed, base64; NULL: nothing */
};
void calling_clear(struct calling *calling);

/* What webhooks said: the request's warnings, and its error: the first that there was. */
struct verdict {
    pthread_mutex_t lock;
    struct request *request; /* error and warnings are guarded by lock */
};
void verdict_init(struct verdict *verdict, struct request *request);
void verdict_deinit(struct verdict *verdict);

/* Whether it is to be called, with the forms that it gets: those of one of `others`, about the same
 * objects, when that has them already. */
enum step_result calling_prepare(struct calling *calling, const struct calling *others,
                                 size_t count, bool *called);
/* Whether this thread may. STEP_NEXT, STEP_CALL or STEP_FAIL. */
enum step_result calling_may_run(const struct calling *calling);
/* Calls it, within the request's time. False when it refuses the request, as the verdict says then.
 */
bool calling_run(struct calling *calling, struct verdict *verdict);
