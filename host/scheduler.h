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

/* Adds its row to `controllers` (before controllers_start). `config` may be NULL. */
struct scheduler *scheduler_new(const struct scheduler_config *config,
                                struct controllers *controllers);
/* After controllers_stop. */
void scheduler_free(struct scheduler *scheduler);
