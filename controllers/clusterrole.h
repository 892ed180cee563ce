/* controllers/clusterrole.h: ClusterRoles that are made of others. Source: upstream
 * clusterroleaggregation. */
#pragma once
#include "controllers/plan.h"

struct clusterrole_seen {
    const json_t *role;    /* has an aggregationRule */
    json_t *const *others; /* every ClusterRole, by name */
    size_t other_count;
};
void clusterrole_decide(const struct clusterrole_seen *seen, struct plan *plan);

struct controller;
extern const struct controller clusterrole_controller;
