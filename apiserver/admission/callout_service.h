/* apiserver/admission/callout_service.h: one POST over a stream that reach.h made: libcurl (7.88)
 * dials even a socket that it is told is connected. HTTP/1.0, so that the answer ends with the
 * connection. */
#pragma once
#include "apiserver/admission/callout.h"

/* `host` is what the certificate must name; `target`: path and query. True with `*status` and the
 * body in `answer`; else `*why` (static), or `dial` when the Service cannot be reached. Blocks. */
MUST_CHECK bool callout_service(struct api *api, struct cluster *cluster,
                                const struct callout *call, const char *host, const char *target,
                                struct buf *answer, long *status, const char **why,
                                struct error *dial);
