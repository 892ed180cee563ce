/* tenancy/tenancy.h: tenants and plans as objects of the host cluster (tenancy.warren.dev/v1), and
 * their life.
 *
 * POST of a Tenant provisions its virtual cluster in one transaction and answers when that is
 * usable; a Tenant that is being deleted keeps a finalizer until host and database are empty of it;
 * GET tenants/NAME/kubeconfig issues a client certificate. Limits are a Plan's, with the Tenant's
 * own over them. */
#pragma once
#include "controllers/controller.h"
#include "vcluster/vcluster.h"

/* Brings the host cluster up to what it needs: credentials, first objects, RBAC, built-in Plans.
 * Each start does it; what is there stays as it is. `listen` and `advertise` (may be NULL) are
 * HOST:PORT, named by the serving certificate; `domain` may be NULL. Before api_start. Blocking. */
struct tenancy_host {
    struct store *store;
    const char *listen, *advertise, *domain;
};
MUST_CHECK bool tenancy_bootstrap_host(const struct tenancy_host *host, struct error *err);

struct tenancy_options {
    struct api *api;
    struct controllers *controllers;
    struct vcluster *vcluster;
    const char *domain; /* as api_options.domain; may be NULL */
};
struct tenancy;
/* Adds the hooks, the controller's row and the source of plans. Between controllers_new and
 * controllers_start. */
struct tenancy *tenancy_new(const struct tenancy_options *options);
/* After controllers_stop and api_stop. */
void tenancy_free(struct tenancy *tenancy);

/* A kubeconfig for a cluster, with a fresh client certificate of `user` in `groups`, valid for
 * `valid_s`. Owned. */
MUST_CHECK bool tenancy_kubeconfig(struct api *api, struct cluster *cluster, const char *user,
                                   const char *const *groups, int64_t valid_s, char **text,
                                   struct error *err);
