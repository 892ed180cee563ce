/* controllers/root_ca.h: every namespace has the ConfigMap kube-root-ca.crt, which Pods mount
 * beside their token. Source: upstream pkg/controller/certificates/rootcacertpublisher. */
#pragma once
#include "controllers/plan.h"

struct root_ca_seen {
    const json_t *namespace;
    const json_t *config_map; /* NULL when it is missing */
    const char *ca_pem;
};
void root_ca_decide(const struct root_ca_seen *seen, struct plan *plan);

struct controller;
extern const struct controller root_ca_controller;
