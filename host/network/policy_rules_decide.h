/* host/network/policy_rules_decide.h: from policies, namespaces and Pods to the rules that hold.
 *
 * Pure: same view, same rule set, in the same order. Of the Pods those of this node are known:
 * what is elsewhere can only be named by its address. */
#pragma once
#include "host/network/policy_rules.h"
#include "host/network/view.h"

/* What the policies of one cluster may cost: looks at Pods, and POLICY_ELEMENT_COST for each member
 * of a set. What is past that allows nothing; the host's own may cost more. */
#define POLICY_COST_MAX      (1U << 18)
#define POLICY_COST_MAX_HOST (1U << 24)
#define POLICY_ELEMENT_COST  16

/* The view's lock is held. `dns_address` is where names are asked for: policies see it as the Pods
 * behind upstream's kube-dns, k8s-app=kube-dns in the cluster's kube-system. `rules` comes in
 * empty. */
void policy_rules_decide(const struct view *view, const char *dns_address,
                         struct policy_rules *rules);
