/* rbac/node.h: what a node's agent may do: its own Node, its own Pods, and what those Pods use. Only for this folder.
 * Source: Kubernetes docs "Using Node Authorization". */
#pragma once
#include "rbac/compiled.h"

/* The node's name for a user "system:node:NAME" in group system:nodes; else NULL. Borrowed. */
const char *node_name_of(const struct user *user);
/* NO_OPINION when it is not a node that asks, or nothing here allows it. */
enum rbac_decision node_authorize(struct cluster *cluster, struct rbac_part *part,
                                  const struct rbac_attributes *attributes);
