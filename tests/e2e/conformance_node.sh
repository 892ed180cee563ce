#!/usr/bin/env bash
# What upstream's conformance tests of sig-node do beyond conformance_apps.sh, and what kubectl debug needs: Pods of a tenant.
# Rows of tests/conformance.md name the checks below.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "a tenant" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
value() { acme get "$1" -o "jsonpath=$2"; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }
container='{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "sleep 3600"]}'

acme apply -f - > /dev/null << END
apiVersion: v1
kind: Pod
metadata: {name: no-command}
spec: {restartPolicy: Never, containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [/no/such]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: no-command-again}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [no-such]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: plain}
spec: {terminationGracePeriodSeconds: 0, containers: [$container]}
---
apiVersion: v1
kind: Pod
metadata: {name: gated}
spec: {schedulingGates: [{name: example.com/wait}], terminationGracePeriodSeconds: 0, containers: [$container]}
---
apiVersion: v1
kind: Pod
metadata: {name: gates}
spec: {readinessGates: [{conditionType: example.com/ok}], terminationGracePeriodSeconds: 0, containers: [$container]}
END

# ---- containers that cannot start ----
state='{.status.containerStatuses[0].state'
wait_for "a Pod whose command is not there fails" 60 is pod/no-command '{.status.phase}' Failed
check "with StartError" is pod/no-command "$state.terminated.reason}" StartError
check "and exit code 128" is pod/no-command "$state.terminated.exitCode}" 128
wait_for "restarted, it waits with RunContainerError" 60 is pod/no-command-again "$state.waiting.reason}" RunContainerError
wait_for "and is counted" 60 is pod/no-command-again '{.status.containerStatuses[0].restartCount}' 1

# ---- ephemeral containers ----
wait_for "a Pod runs" 60 is pod/plain '{.status.phase}' Running
check "kubectl debug" acme debug plain --image=busybox --image-pull-policy=IfNotPresent --target=c -c debugger --profile=general -- ps
ended='{.status.ephemeralContainerStatuses[0].state.terminated.exitCode}'
wait_for "the ephemeral container ends" 60 is pod/plain "$ended" 0
check_out "it saw the processes of its target" 'sleep 3600' acme logs plain -c debugger
check "the Pod runs on" is pod/plain '{.status.containerStatuses[0].ready}' true

# ---- gates ----
wait_for "a gated Pod says so" 30 is pod/gated '{.status.conditions[0].reason}' SchedulingGated
check "and has no node" is pod/gated '{.spec.nodeName}' ""
check "its gate is lifted" acme patch pod gated --type=json -p '[{"op":"remove","path":"/spec/schedulingGates/0"}]'
wait_for "it runs" 60 is pod/gated '{.status.phase}' Running
ready='{.status.conditions[?(@.type=="Ready")].status}'
wait_for "a readiness gate holds a Pod back" 60 is pod/gates '{.status.conditions[?(@.type=="Ready")].reason}' ReadinessGatesNotReady
gate() { acme patch pod gates --subresource=status -p "{\"status\":{\"conditions\":[{\"type\":\"example.com/ok\",\"status\":\"$1\"}]}}"; }
check "the gate opens" gate True
wait_for "and the Pod is ready" 30 is pod/gates "$ready" True
check "the gate shuts" gate False
wait_for "and it is not" 30 is pod/gates "$ready" False

stop_warren
summary
