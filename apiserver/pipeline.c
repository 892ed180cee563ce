/* The request pipeline: a table of small steps. It runs on an I/O thread and never waits there. A
 * step that would have to says STEP_BLOCK; the server then suspends the connection and runs
 * everything again on a pool thread, where waiting is allowed. The last step of a write (write.c)
 * submits it; its callback, on a store writer thread, makes the reply. */
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/audit/audit.h"
#include "apiserver/steps.h"

static const step_fn front[] = {
    step_route, step_cluster,   step_authenticate, step_audit, step_impersonate,
    step_flow,  step_authorize, step_dispatch,     step_body,  NULL,
};

enum step_result pipeline_chain(struct request *request, const step_fn *chain)
{
    for (; *chain; chain++) {
        enum step_result result = (*chain)(request);
        if (result != STEP_NEXT)
            return result;
    }
    return STEP_NEXT;
}

static enum step_result run_once(struct request *request)
{
    enum step_result result = pipeline_chain(request, front);
    if (result == STEP_NEXT && request->chain)
        result = pipeline_chain(request, request->chain);
    if (result == STEP_NEXT) {
        error_internal(&request->error, "the request was not answered");
        result = STEP_FAIL;
    }
    return result;
}

enum step_result pipeline_run(struct request *request)
{
    for (;;) {
        enum step_result result = run_once(request);
        if (result == STEP_FAIL)
            return STEP_DONE;
        if (result == STEP_BLOCK && request->may_block) {
            error_unavailable(&request->error, "the server could not read what the request needs");
            return STEP_DONE;
        }
        if (result != STEP_AGAIN)
            return result;
        if (!request_tries_again(request))
            return STEP_DONE; /* the lost race is the error */
        request_rewind(request);
    }
}
