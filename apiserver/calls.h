/* apiserver/calls.h: requests from inside the process: the same pipeline, blocking, on the calling
 * thread. */
#pragma once
#include "apiserver/request.h"

/* Runs one; the caller looks at error and reply, then frees it. `whole`: the request that it is a
 * part of, which was authorized; NULL: none. */
struct request *call_run(const struct api_caller *caller, const struct call *call, json_t *given,
                         const struct request *whole);
