/* controllers/custom.h: what goes with a deleted CustomResourceDefinition, and who gets its names.
 */
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
/* Pure: has the server look again at those of `definitions` whose names were taken. */
void custom_retry_names(const struct json_list *definitions, struct plan *plan);
extern const struct controller custom_controller;
