/* controllers/event_ttl.h: Events live for a while after they were last written, an hour unless the
 * server is told otherwise. Source: kube-apiserver's --event-ttl. */
#pragma once
#include "controllers/controller.h"
#include "controllers/plan.h"

#define EVENT_TTL_DEFAULT_S 3600

/* Pure. No time is stored with a write, so that the latest past time that the Event names, as one
 * of its own or of who wrote its fields, stands for it. */
void event_ttl_decide(const json_t *event, int64_t ttl_us, int64_t now_us, struct plan *plan);
extern const struct controller event_ttl_controller;
