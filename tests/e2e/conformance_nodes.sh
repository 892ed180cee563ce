#!/usr/bin/env bash
# What a tenant does to its nodes and what that does to its Pods: labels, taints, cordons, drains, resources of its own,
# priorities. Rows of tests/conformance.md name the checks below. A second tenant has nothing to do with any of it.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "a tenant" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
check "another" "$WARREN" tenant create globex --data-dir "$DATA" --kubeconfig globex.kubeconfig
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
globex() { kubectl --kubeconfig globex.kubeconfig "$@"; }
value() { acme get "$1" -o "jsonpath=$2"; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }
container='{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "sleep 3600"]}'
resource=scheduling.k8s.io/foo

# pod NAME PRIORITYCLASS AMOUNT: a Pod that wants some of the tenant's own resource.
pod() {
    acme apply -f - << END
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {name: $1}, finalizers: [$4]}
spec:
  priorityClassName: $2
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "sleep 3600"],
     resources: {requests: {$resource: "$3"}, limits: {$resource: "$3"}}}
END
}

# ---- nodes before any Pod ----
check_out "a new tenant has a node" 'node/node-' acme get nodes -o name
node=$(value nodes '{.items[0].metadata.name}')
wait_for "which is ready" 60 is "node/$node" '{.status.conditions[?(@.type=="Ready")].status}' True
metal=$(kubectl --kubeconfig "$ADMIN" get nodes -o 'jsonpath={.items[0].metadata.name}')
check "and does not tell the host's name" test -z "$(acme get nodes -o yaml | grep -w -- "$metal")"
check "a node of the tenant's own" acme create -f - << 'END'
{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "fake"}}
END
check "stays" acme get node fake
check "and goes" acme delete node fake

# ---- labels ----
acme apply -f - > /dev/null << END
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds}
spec:
  selector: {matchLabels: {name: ds}}
  template:
    metadata: {labels: {name: ds}}
    spec: {terminationGracePeriodSeconds: 0, nodeSelector: {color: blue}, containers: [$container]}
---
apiVersion: v1
kind: Pod
metadata: {name: picky}
spec: {terminationGracePeriodSeconds: 0, nodeSelector: {color: blue}, containers: [$container]}
---
apiVersion: v1
kind: Pod
metadata: {name: plain}
spec: {terminationGracePeriodSeconds: 0, containers: [$container]}
END
globex apply -f - > /dev/null << END
apiVersion: v1
kind: Pod
metadata: {name: bystander}
spec: {terminationGracePeriodSeconds: 0, containers: [$container]}
END
waits="didn't match Pod's node affinity/selector"
says() { value "$1" '{.status.conditions[?(@.type=="PodScheduled")].message}' | grep -q -- "$2"; }
wait_for "a Pod waits for its label" 30 says pod/picky "$waits"
check "a DaemonSet has no node" is ds/ds '{.status.desiredNumberScheduled}' 0
check "the tenant labels its node" acme label node "$node" color=blue
wait_for "the Pod runs" 30 is pod/picky '{.status.phase}' Running
wait_for "and the DaemonSet's" 30 is ds/ds '{.status.numberReady}' 1
check "another color" acme label node "$node" color=green --overwrite
wait_for "takes the DaemonSet's away" 30 is ds/ds '{.status.currentNumberScheduled}' 0
check "the DaemonSet asks for that color" acme patch ds ds --type=merge \
    -p '{"spec":{"updateStrategy":{"type":"RollingUpdate"},"template":{"spec":{"nodeSelector":{"color":"green"}}}}}'
wait_for "which brings it back" 30 is ds/ds '{.status.numberReady}' 1
check "a third color" acme label node "$node" color=red --overwrite
wait_for "takes it away again" 30 is ds/ds '{.status.currentNumberScheduled}' 0
check "which the other tenant does not see" test -z "$(globex get nodes -l color -o name)"

# ---- cordon, taint, drain ----
check "cordon" acme cordon "$node"
acme apply -f - > /dev/null << END
apiVersion: v1
kind: Pod
metadata: {name: late}
spec: {terminationGracePeriodSeconds: 0, containers: [$container]}
END
wait_for "a Pod waits" 30 says pod/late 'untolerated taint\|unschedulable'
check "uncordon" acme uncordon "$node"
wait_for "it runs" 30 is pod/late '{.status.phase}' Running
acme apply -f - > /dev/null << END
apiVersion: v1
kind: Pod
metadata: {name: patient}
spec:
  terminationGracePeriodSeconds: 0
  tolerations: [{key: sick, operator: Exists, effect: NoExecute}]
  containers: [$container]
END
wait_for "a Pod that tolerates" 30 is pod/patient '{.status.phase}' Running
check "NoExecute" acme taint node "$node" sick=yes:NoExecute
gone() { ! acme get pod "$1"; }
wait_for "evicts those that do not" 30 gone late
check "and nobody else" is pod/patient '{.status.phase}' Running
check "the taint goes" acme taint node "$node" sick-
wait_for "the other tenant's runs" 30 test "$(globex get pod bystander -o 'jsonpath={.status.phase}')" = Running
check "drain" acme drain "$node" --ignore-daemonsets --force --delete-emptydir-data --timeout=60s
check "leaves nothing" test -z "$(acme get pods -o name)"
check "and the other tenant alone" test "$(globex get pod bystander -o 'jsonpath={.status.phase}')" = Running
check "uncordon again" acme uncordon "$node"

# ---- resources of the tenant's own, and priorities ----
acme apply -f - > /dev/null << 'END'
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: low}, value: 1}
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: polite}, value: 1000, preemptionPolicy: Never}
END
check "capacity of its own" acme patch node "$node" --subresource=status --type=merge \
    -p "{\"status\":{\"capacity\":{\"$resource\":\"5\"}}}"
wait_for "can be had" 60 is "node/$node" "{.status.allocatable.scheduling\\.k8s\\.io/foo}" 5
check "a lesser Pod" pod lesser low 3 example.com/stay
wait_for "has some" 30 is pod/lesser '{.status.phase}' Running
check "one that stops nobody" pod polite polite 3 ""
wait_for "waits" 30 says pod/polite 'not eligible due to preemptionPolicy=Never'
check "one that does" pod greater high 3 ""
wait_for "runs" 60 is pod/greater '{.status.phase}' Running
disrupted='{.status.conditions[?(@.type=="DisruptionTarget")].reason}'
check "the lesser was told" is pod/lesser "$disrupted" PreemptionByScheduler
check_out "it is being deleted" '20' value pod/lesser '{.metadata.deletionTimestamp}'
check "for which node" is pod/greater '{.status.nominatedNodeName}' "$node"
told() { acme get events --field-selector reason=Preempted -o 'jsonpath={.items[*].message}' | grep -q "$1"; }
wait_for "by whom, in the tenant's words" 60 told "Preempted by pod $(value pod/greater '{.metadata.uid}') on node $node"
check "let go" acme patch pod lesser --type=merge -p '{"metadata":{"finalizers":null}}'
check "critical Pods come before" pod critical system-cluster-critical 4 ""
wait_for "everybody" 60 is pod/critical '{.status.phase}' Running
wait_for "else" 30 gone greater
check "no capacity any more" acme patch node "$node" --subresource=status --type=json \
    -p '[{"op":"remove","path":"/status/capacity/scheduling.k8s.io~1foo"}]'
wait_for "at all" 60 is "node/$node" "{.status.allocatable.scheduling\\.k8s\\.io/foo}" ""
check "the other tenant saw nothing of it" test -z "$(globex get nodes -o yaml | grep foo)"

stop_warren
summary
