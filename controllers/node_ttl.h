/* controllers/node_ttl.h: how long a node's agent may use Secrets and ConfigMaps before it asks for
 * them again: the longer, the more nodes there are. Told by an annotation of each Node.
 * Source: upstream pkg/controller/ttl. */
#pragma once
#include "base/str.h"
#include "controllers/plan.h"

#define NODE_TTL_ANNOTATION "node.alpha.kubernetes.io/ttl"

struct node_ttl_seen {
    const char *name;
    struct str told; /* the annotation; empty without */
};
/* Pure. The steps overlap, so that a node more or less does not change all of them to and fro: the
 * step that the Nodes are at is the one that the first of them with a known time tells. */
void node_ttl_decide(const struct node_ttl_seen *nodes, size_t count, struct plan *plan);

struct controller;
extern const struct controller node_ttl_controller;
