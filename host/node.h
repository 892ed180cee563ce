/* host/node.h: the node agent: what the kubelet is to a node.
 *
 * Registers its Node, keeps its Lease, runs the Pods that the API server binds to it, reports their
 * status, and serves logs, exec, attach and port-forward over HTTPS. It has threads of its own;
 * node_start returns when the Node is registered and the first list of Pods has come. Containers
 * outlive the agent unless node_stop is told otherwise. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

struct node;

struct node_options {
    const char *kubeconfig; /* as system:node:NAME, group system:nodes */
    const char *name;
    const char *data_dir; /* DIR/{runtime,pods,logs,cni}; made when missing */
    const char *address;  /* of this node: what Pods and the API server reach it by */
    unsigned port;        /* of the HTTPS server; 0: any free one */
    const char *serving_cert_pem, *serving_key_pem;
    const char *client_ca_pem;          /* the host cluster's CA: who may call the HTTPS server */
    const char *pod_cidr;               /* "10.244.0.0/24": this node's part */
    const char *cluster_dns;            /* "10.96.0.10"; NULL: that */
    const char *cluster_domain;         /* NULL: "cluster.local" */
    const char *shim_path;              /* the warren binary */
    const char *cgroup_parent;          /* NULL: "warren" */
    const char *cni_bin_dir;            /* NULL: "/usr/lib/cni" */
    const char *bridge;                 /* NULL: "warren0" */
    const char *const *http_registries; /* spoken to without TLS; NULL-ended; may be NULL */
    unsigned max_pods;                  /* 0: 110 */
};

/* NULL with `err` when the data directory, the runtime or the server cannot be had within 60 s. */
struct node *node_start(const struct node_options *options, struct error *err);
/* The port that the HTTPS server got. */
unsigned node_port(const struct node *node);
/* Ends every thread. With `stop_pods` every sandbox is killed and removed first, then the bridge
 * and the rules: nothing of the agent's remains but files below data_dir. Otherwise containers keep
 * running and the next start adopts them. */
void node_stop(struct node *node, bool stop_pods);

/* The runtime that the agent uses, for `warren image` in the same process. Borrowed. */
struct runtime *node_runtime(struct node *node);
