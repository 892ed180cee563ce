/* tests/controllers/support_sim.h: a cluster of JSON trees that plans are applied to: decisions
 * without a server.
 *
 * Writes behave as the API's do as far as controllers can tell: uids, generations, creation times,
 * conflicts by resourceVersion, status and spec apart, finalizers holding deletions back. */
#pragma once
#include "tests/test.h"

#include "base/json.h"
#include "controllers/observe.h"
#include "controllers/plan.h"

struct sim {
    json_t *objects; /* "RESOURCE NS/NAME" -> object */
    int64_t now_us;
    int serial;
};

void sim_init(struct sim *sim);
void sim_free(struct sim *sim);
/* Reads JSON written with ' for "; fails the test when it is none. New. */
json_t *sim_json(const char *text);
/* Puts an object in as a user would; takes it. Borrowed result. */
json_t *sim_put(struct sim *sim, const char *resource, json_t *object);
json_t *sim_get(const struct sim *sim, const char *resource, const char *ns, const char *name);
/* Copies of all of a resource, in the order of their keys. */
void sim_list(const struct sim *sim, const char *resource, struct json_list *out);
size_t sim_count(const struct sim *sim, const char *resource);
/* Performs every action but events; fails the test on a conflict. */
void sim_apply(struct sim *sim, const struct plan *plan);
/* The plan as plan_print shows it; owned. */
char *sim_text(const struct plan *plan);
