/* apiserver/meter.h: what the server does, under upstream's metric names: for the process, and for
 * each virtual cluster apart, which sees nothing but its own. A cluster's counts go when it is
 * idle. Calls from inside are not counted. */
#pragma once
#include "apiserver/request.h"

#define METER_SERIES_MAX 100 /* of one cluster, a family */

/* An answer goes out. */
void meter_request(const struct request *request, unsigned code);
/* A resource was asked for that upstream says to use no more. */
void meter_deprecated(const struct request *request);
/* A request was turned away because its cluster has too many under way. */
void meter_refused(const struct request *request);

/* What admission spends its time on; `name` NULL: on all of a step. `start_mono_ns` is when it
 * began. */
enum meter_admission { METER_ADMIT, METER_VALIDATE };
void meter_admission(const struct request *request, enum meter_admission step, const char *name,
                     bool rejected, int64_t start_mono_ns);
void meter_webhook(const struct request *request, enum meter_admission step, const char *name,
                   bool rejected, int64_t start_mono_ns);
/* PodSecurity decided. `resource` is "pod" or "controller". */
struct meter_pod_security {
    const char *decision, *mode, *level, *version, *resource;
};
void meter_pod_security(const struct request *request, const struct meter_pod_security *what);

/* A health check's outcome, for /metrics/slis. `probe` is "livez" or so. */
void meter_check(const struct request *request, const char *check, const char *probe, bool passed);

/* Appends what the request's cluster may see. UNAVAILABLE in request->error. Blocking. */
MUST_CHECK bool meter_render(struct request *request, struct buf *out);
/* The same of health checks. */
void meter_render_checks(const struct request *request, struct buf *out);

/* ---- for meter_render.c ---- */

#define METER_TARGET                                                                               \
    "component", "group", "resource", "scope", "subresource", "verb", "version" /* in this order   \
                                                                                 */
#define METER_TARGET_LABELS 7
/* What a request is for: values of METER_TARGET. */
void meter_target(const struct request *request, const char *values[METER_TARGET_LABELS]);
