#!/usr/bin/env bash
# A tenant with running Pods is suspended, resumed, held to its plan, and deleted while it runs.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "a tenant" "$WARREN" tenant create acme --plan small --data-dir "$DATA" --kubeconfig acme.kubeconfig
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }
host_pods() { admin get pods -n warren-acme -o name 2> /dev/null | grep -c x-hello-x-acme; }
host_pods_are() { [ "$(host_pods)" = "$1" ]; }

check "Pods run" acme apply -f "$here/deploy/examples/hello.yaml"
check "all of them" acme -n hello rollout status deployment/hello --timeout=90s

check "suspend" "$WARREN" tenant suspend acme --data-dir "$DATA"
wait_for "no Pod of a suspended tenant is on the host" 60 host_pods_are 0
check_out "what it declared can be read" 'hello' acme -n hello get deployments
check_fails "and not changed" 'suspended' acme -n hello delete deployment hello
check_out "it is listed so" 'acme .*Suspended' "$WARREN" tenant list --data-dir "$DATA"
check "resume" "$WARREN" tenant resume acme --data-dir "$DATA"
check "Pods run again" acme -n hello rollout status deployment/hello --timeout=120s
wait_for "on the host" 60 host_pods_are 3

check "the plan's limits are the operator's to set" admin patch tenant acme --type=merge -p '{"spec":{"limits":{"pods":"3"}}}'
check_fails "they hold" 'exceeded plan, requested: pods=1, used: pods=3, limited: pods=3' \
    acme -n hello run extra --image=busybox --image-pull-policy=IfNotPresent --restart=Never -- true
check "less is always possible" acme -n hello scale deployment hello --replicas=2
more() { acme -n hello run extra --image=busybox --image-pull-policy=IfNotPresent --restart=Never -- true; }
wait_for "and makes room" 60 more
ended() { acme -n hello get pod extra -o 'jsonpath={.status.phase}' | grep -q Succeeded; }
wait_for "a Pod that has ended" 60 ended
check "gives its place back" acme -n hello run another --image=busybox --image-pull-policy=IfNotPresent --restart=Never -- sleep 600

check "delete a tenant whose Pods run" "$WARREN" tenant delete acme --data-dir "$DATA"
check_fails "its namespace is gone from the host" 'not found' admin get namespace warren-acme
check_fails "its endpoint is gone" '.' acme get namespaces
check "its name can be had again" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
check_out "empty" 'No resources found' acme get deployments -A

# ---- what every cluster has ----
uid() { acme get "$1" -o 'jsonpath={.metadata.uid}'; }
is_another() { local now; now=$(uid "$1") && [ -n "$now" ] && [ "$now" != "$2" ]; }
for one in service/kubernetes endpoints/kubernetes endpointslice/kubernetes; do
    before=$(uid "$one")
    check "$one is deleted" acme delete "$one"
    wait_for "and is there again" 30 is_another "$one" "$before"
done
check "an endpoint of the API is moved" acme patch endpoints kubernetes --type=json -p '[{"op":"replace","path":"/subsets/0/addresses/0/ip","value":"10.9.9.9"}]'
moved_back() { acme get endpoints kubernetes -o 'jsonpath={.subsets[*].addresses[*].ip}' | grep -qx 10.244.0.1; }
wait_for "and moved back" 30 moved_back
check "a cluster of an older release lacks first objects" acme delete apiservice/v1.batch clusterrole/view flowschema/probes
check "which its server has not looked for" admin -n kube-system delete configmap warren-first-objects
stop_warren
start_warren
refreshed() { admin -n kube-system get configmap warren-first-objects -o 'jsonpath={.data.have}' | grep -q .; }
wait_for "a newer server does" 60 refreshed
check "they are there" acme get apiservice/v1.batch clusterrole/view flowschema/probes
stop_warren
summary
