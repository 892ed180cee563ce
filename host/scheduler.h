/* host/scheduler.h: which node a Pod runs on: the Kubernetes scheduling framework.
 *
 * A controller row ("default-scheduler", as system:kube-scheduler) works off a cluster's
 * unscheduled Pods in the queue sort's order. Its picture of nodes and Pods follows the cluster's
 * change feed and is dropped when it is idle. Plugins are tables of functions
 * (host/scheduler/framework.h); profiles choose and weigh them. Source: Kubernetes docs,
 * "Scheduling Framework", "Scheduler Configuration". */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/document.h"
#include "controllers/controller.h"

struct scheduler;

/* A score plugin's weight in a profile; 0 turns it off. */
struct scheduler_weight {
    const char *plugin;
    int64_t weight;
};
struct scheduler_profile {
    const char *name; /* spec.schedulerName */
    const struct scheduler_weight
        *weights;                /* over the defaults; ended by a NULL plugin; may be NULL */
    const char *const *disabled; /* plugins left out; NULL-ended; may be NULL */
};
struct scheduler_config {
    const struct scheduler_profile
        *profiles; /* borrowed for life; NULL: one, "default-scheduler" */
    size_t profile_count;
    bool tenants; /* also schedules tenants' clusters that have nodes of their own */
};

/* What the scheduler of the host asks about tenants, by their clusters' names. On its worker, may
 * block. */
struct scheduler_tenants {
    /* The Nodes that the tenant has, as {HOST NAME: Node}, a new tree; NULL while what is known by
     * `*version` (0: nothing) still holds. A tenant that is gone has none. */
    bool (*nodes)(void *arg, const char *tenant, int64_t *version, json_t **out, struct error *err);
    /* Its PodDisruptionBudgets, or the first of very many: a new array. */
    bool (*budgets)(void *arg, const char *tenant, json_t **out, struct error *err);
    void *arg;
};

/* Adds its row to `controllers` (before controllers_start). `config` may be NULL. */
struct scheduler *scheduler_new(const struct scheduler_config *config,
                                struct controllers *controllers);
/* Before controllers_start; without it all Pods are the host's own. `tenants` is borrowed for life.
 */
void scheduler_serve_tenants(struct scheduler *scheduler, const struct scheduler_tenants *tenants);
/* What a tenant says of nodes has changed: its Pods that wait are looked at again. Any thread. */
void scheduler_wake(struct controllers *controllers, struct cluster *host);
/* After controllers_stop. */
void scheduler_free(struct scheduler *scheduler);
