/* controllers/custom.h: what goes with a deleted CustomResourceDefinition. */
#pragma once
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/plan.h"

struct custom_seen {
    const json_t *definition;
    const char *resource;            /* storage key of its objects */
    const struct json_list *objects; /* all of them */
};
/* Pure: deletes the objects, then takes the finalizer away. */
void custom_decide(const struct custom_seen *seen, struct plan *plan);
extern const struct controller custom_controller;
