/* controllers/endpoints.h: the Endpoints of each Service that has a selector. */
#pragma once
#include "controllers/plan.h"

#define ENDPOINTS_MAX                                                                              \
    1000 /* addresses in one object; the rest is cut off and the object says so                    \
          */

struct endpoints_seen {
    const json_t *service; /* NULL when it is gone */
    const json_t *endpoints;
    json_t *const *pods; /* those that the Service selects */
    size_t pod_count;
};
void endpoints_decide(const struct endpoints_seen *seen, struct plan *plan);

struct controller;
extern const struct controller endpoints_controller;
