/* apiserver/documents/health.h: /healthz, /livez, /readyz, /version, /metrics and the list of
 * paths. */
#pragma once
#include "apiserver/request.h"

/* STEP_NEXT when the path is none of these. */
enum step_result health_serve(struct request *request);
