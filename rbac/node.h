/* rbac/node.h: what a node's agent may do: its own Node, its own Pods, and what those Pods use.
 * Only for this folder. Source: Kubernetes docs "Using Node Authorization". */
#pragma once
#include "rbac/compiled.h"

/* NO_OPINION when it is not a node that asks, or nothing here allows it. */
enum rbac_decision node_authorize(struct cluster *cluster, struct rbac_part *part,
                                  const struct rbac_attributes *attributes);
