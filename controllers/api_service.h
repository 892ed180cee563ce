/* controllers/api_service.h: APIServices: whether their servers are there, and those that stand for
 * CustomResourceDefinitions.
 * Source: kube-aggregator pkg/controllers/status and pkg/controllers/autoregister; kube-apiserver
 * pkg/controlplane/controller/crdregistration. */
#pragma once
#include "apiserver/api.h"
#include "controllers/plan.h"

struct availability_seen {
    const json_t *api_service;
    const json_t *service, *endpoints; /* that it names; NULL: there is none */
    enum api_probe probe;              /* what its server said last */
    const char *problem;               /* API_PROBE_FAILED: why */
    int64_t now_us;
};
/* Whether its server is worth asking: all else is in order. Pure. */
bool availability_wants_probe(const struct availability_seen *seen);
/* Pure. */
void availability_decide(const struct availability_seen *seen, struct plan *plan);

struct registration_seen {
    const char *group, *version;
    bool served;               /* by a CustomResourceDefinition */
    const json_t *api_service; /* that stands for it; NULL: there is none */
};
/* Pure. */
void registration_decide(const struct registration_seen *seen, struct plan *plan);

struct controller;
extern const struct controller availability_controller, registration_controller;
