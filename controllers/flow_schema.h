/* controllers/flow_schema.h: FlowSchemas say in their condition Dangling whether the priority level
 * that they name is there. What they do to requests is apiserver/flow*.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "controllers/controller.h"
#include "controllers/plan.h"

/* Pure. `found`: whether its priority level is there. */
void flow_schema_decide(const json_t *flow_schema, bool found, int64_t now_us, struct plan *plan);

extern const struct controller flow_schema_controller;
