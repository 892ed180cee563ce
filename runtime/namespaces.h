/* runtime/namespaces.h: the namespaces that the containers of a sandbox share.
 *
 * Made by a short-lived child of the shim, held by the shim as descriptors, entered by what becomes
 * a container. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"

struct namespaces {
    int user, net, ipc, uts; /* -1: the host's */
    int pid;     /* of the pause process; -1: each container has its own (or the host's) */
    pid_t pause; /* 0: none */
};
#define NAMESPACES_NONE ((struct namespaces){-1, -1, -1, -1, -1, 0})

struct namespaces_plan {
    const char *hostname;
    const char *netns_path; /* the network namespace is bound there */
    uid_t user_base;        /* 0: no user namespace; else 0..65535 inside is user_base.. outside */
    bool host_network, share_pid;
    const json_t *sysctls; /* array of "name=value" */
};
MUST_CHECK bool namespaces_make(const struct namespaces_plan *plan, struct namespaces *made,
                                struct error *err);
/* Closes the descriptors and kills the pause process. */
void namespaces_release(struct namespaces *held);
/* The calling process enters those that are there, but user and pid. */
MUST_CHECK bool namespaces_enter(const struct namespaces *held, struct error *err);
