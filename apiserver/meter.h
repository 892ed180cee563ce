/* apiserver/meter.h: counting requests, under upstream's metric names: for the process, and for
 * each virtual cluster apart, which sees nothing but its own. A cluster's counts go when it is
 * idle. */
#pragma once
#include "apiserver/request.h"

#define METER_SERIES_MAX 100 /* of one cluster, a family */

void meter_request(const struct request *request, unsigned code);
/* Appends what the request's cluster may see. UNAVAILABLE in request->error. Blocking. */
MUST_CHECK bool meter_render(struct request *request, struct buf *out);
