/* controllers/serviceaccount.h: every namespace has a ServiceAccount "default".
 * Source: upstream pkg/controller/serviceaccount. */
#pragma once
#include "controllers/plan.h"

struct serviceaccount_seen {
    const json_t *namespace;
    const json_t *account; /* NULL when it is missing */
};
void serviceaccount_decide(const struct serviceaccount_seen *seen, struct plan *plan);

struct controller;
extern const struct controller serviceaccount_controller;
