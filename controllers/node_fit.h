/* controllers/node_fit.h: whether a Pod may be on a node: selectors, affinity, taints. For the
 * scheduler, for DaemonSets and for evictions. Source: Kubernetes docs, "Assigning Pods to Nodes",
 * "Taints and Tolerations". */
#pragma once
#include "base/json.h"

/* Any of the tolerations tolerates the taint. */
bool node_fit_tolerates(const json_t *tolerations, const json_t *taint);
/* One toleration and one taint. */
bool node_fit_matches(const json_t *toleration, const json_t *taint);
/* A NodeSelectorTerm; an empty one selects nothing. */
bool node_fit_term(const json_t *term, const json_t *node);
/* A NodeSelector, whose terms are alternatives. */
bool node_fit_selector(const json_t *selector, const json_t *node);
/* A class's allowedTopologies, TopologySelectorTerms, which are alternatives. */
bool node_fit_topologies(const json_t *terms, const json_t *node);
/* nodeSelector and required node affinity of a Pod's spec. */
bool node_fit_required(const json_t *pod_spec, const json_t *node);
