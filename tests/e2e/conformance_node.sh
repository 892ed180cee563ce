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

# ---- tokens for others ----
acme apply -f - > /dev/null << END
apiVersion: v1
kind: Pod
metadata: {name: federated}
spec:
  terminationGracePeriodSeconds: 0
  tolerations: [{operator: Exists}]
  containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "3600"], volumeMounts: [{name: t, mountPath: /t}]}]
  volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: vault, audience: vault, expirationSeconds: 3600}}]}}]
END
wait_for "a Pod with a token for another audience runs" 60 is pod/federated '{.status.phase}' Running
review() {
    printf '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"%s","audiences":["%s"]}}' \
        "$(acme exec federated -- cat /t/vault)" "$1" > review.json
    acme create --raw /apis/authentication.k8s.io/v1/tokenreviews -f review.json
}
check_out "it is good for that one" '"authenticated":true.*"username":"system:serviceaccount:default:default"|"username":"system:serviceaccount:default:default".*"authenticated":true' review vault
check_out "and for no other" '"error":' review https://kubernetes.default.svc

# ---- streams ----
bulk() { acme exec plain -- dd if=/dev/zero bs=1M count=16 status=none | wc -c; }
check_out "exec carries 16 MiB whole" '^16777216$' bulk
back() { head -c 4194304 /dev/zero | acme exec -i plain -- sh -c 'wc -c'; }
check_out "and takes 4 MiB" '^4194304$' back
dial() { WEBSOCKET_KUBECONFIG=acme.kubeconfig python3 "$here/tests/e2e/dial_websocket.py" "$@"; }
exec_path='/api/v1/namespaces/default/pods/plain/exec?command=echo&command=hi&container=c&stdout=1&stderr=1'
acme run sayer --image=busybox --image-pull-policy=IfNotPresent --restart=Never -- echo said > /dev/null
wait_for "a Pod says something" 60 is pod/sayer '{.status.phase}' Succeeded
check_out "exec by channel.k8s.io" '^channel.k8s.io 01 0168690a closed$' dial "$exec_path" channel.k8s.io
check_out "exec in base64" '^base64.channel.k8s.io 31 316147[0-9a-f]* closed$' dial "$exec_path" base64.channel.k8s.io
check_out "exec without a protocol's name" '^- 01 016869' dial "$exec_path"
check_out "an unknown protocol is refused at once" '^400$' timeout 30 bash -c "$(declare -f dial); here=$here dial '$exec_path' no-such"
check_out "a log over WebSocket" '^binary.k8s.io 736169640a closed$' dial /api/v1/namespaces/default/pods/sayer/log binary.k8s.io

# ---- hooks that ask another Pod, which the node must not do in its own name ----
acme run listener --image=busybox --image-pull-policy=IfNotPresent -- httpd -f -vv -p 8080 -h /etc > /dev/null
wait_for "a Pod listens" 60 is pod/listener '{.status.phase}' Running
ask_listener() {
    acme run "$1" --image=busybox --image-pull-policy=IfNotPresent --overrides "{\"spec\":{\"terminationGracePeriodSeconds\":5,\"containers\":
      [{\"name\":\"$1\",\"image\":\"busybox\",\"imagePullPolicy\":\"IfNotPresent\",\"command\":[\"sleep\",\"3600\"],\"lifecycle\":
      {\"$2\":{\"httpGet\":{\"host\":\"$(value pod/listener '{.status.podIP}')\",\"port\":8080,\"path\":\"/$1\"}}}}]}}"
}
was_asked() { acme logs listener | grep -q "url:/$1"; }
check "a Pod with a postStart hook" ask_listener greeter postStart
wait_for "its hook reaches another Pod" 30 was_asked greeter
check "a Pod with a preStop hook" ask_listener leaver preStop
wait_for "it runs" 60 is pod/leaver '{.status.phase}' Running
check "and goes" acme delete pod leaver --timeout=60s
wait_for "having said so" 60 was_asked leaver

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

# ---- another image for what runs ----
restarts='{.status.containerStatuses[0].restartCount}'
check "the image of a running container is changed" acme set image pod/gated c=docker.io/library/busybox
wait_for "it starts again" 60 is pod/gated "$restarts" 1
wait_for "and runs" 30 is pod/gated '{.status.containerStatuses[0].ready}' true
image_said() { acme get events --field-selector=reason=Killing,involvedObject.name=gated | grep -q 'Container c definition changed, will be restarted'; }
wait_for "an event says why" 30 image_said
check "an image that is not there" acme set image pod/gated c=localhost:1/none
wait_for "ends the container" 60 is pod/gated '{.status.containerStatuses[0].state.terminated.exitCode}{.status.containerStatuses[0].lastState.terminated.exitCode}' 137
check "and another takes its place" acme set image pod/gated c=busybox
wait_for "it runs" 60 is pod/gated '{.status.containerStatuses[0].ready}' true

# ---- runtime classes ----
classed() {
    acme run "$1" --image=busybox --image-pull-policy=IfNotPresent --restart=Never \
        --overrides "{\"spec\":{\"runtimeClassName\":\"$2\"}}" -- sleep 3600
}
acme apply -f - > /dev/null << END
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: plain}
handler: runc
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: heavy}
handler: crun
overhead: {podFixed: {cpu: 10m, memory: 8Mi}}
scheduling: {nodeSelector: {kubernetes.io/os: linux}}
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: foreign}
handler: some-handler
END
check_fails "a Pod of no RuntimeClass is refused" 'is forbidden: pod rejected: RuntimeClass "none" not found' classed refused none
check "a Pod of a RuntimeClass" classed class-plain plain
check "one of a class with overhead" classed class-heavy heavy
check "one of a class that no node can run" classed class-foreign foreign
wait_for "the first runs" 60 is pod/class-plain '{.status.phase}' Running
wait_for "the second runs" 60 is pod/class-heavy '{.status.phase}' Running
check "with its overhead" is pod/class-heavy '{.spec.overhead.cpu} {.spec.nodeSelector}' '10m {"kubernetes.io/os":"linux"}'
no_sandbox() { acme get events --field-selector=reason=FailedCreatePodSandBox,involvedObject.name=class-foreign | grep -q 'no runtime for "some-handler" is configured'; }
wait_for "the third has no sandbox, and is told" 60 no_sandbox
check "it has a node" is pod/class-foreign '{.status.conditions[?(@.type=="PodScheduled")].status}' True
check "and waits" is pod/class-foreign '{.status.containerStatuses[0].state.waiting.reason}' ContainerCreating
check "it goes" acme delete pod class-foreign --timeout=60s
check "a class is deleted" acme delete runtimeclass plain
check_fails "its Pods are refused" 'RuntimeClass "plain" not found' classed refused plain

# ---- names, systems, the end of a Pod ----
acme apply -f - > /dev/null << END
apiVersion: v1
kind: Pod
metadata: {name: named}
spec: {terminationGracePeriodSeconds: 0, hostname: h1, subdomain: sub, setHostnameAsFQDN: true, containers: [$container]}
---
apiVersion: v1
kind: Pod
metadata: {name: windows}
spec: {os: {name: windows}, containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent}]}
---
apiVersion: v1
kind: Pod
metadata: {name: slow, labels: {app: slow}}
spec:
  terminationGracePeriodSeconds: 60
  containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "trap : TERM; echo slow > /tmp/index.html; httpd -p 80 -h /tmp; while :; do sleep 1; done"]}]
---
apiVersion: v1
kind: Service
metadata: {name: slow}
spec: {selector: {app: slow}, ports: [{port: 80}]}
END
check "Pods with names and ends" acme wait --for=condition=Ready pod/named pod/slow --timeout=60s
check_out "a whole name" '^h1.sub.default.svc.cluster.local$' acme exec named -- hostname
wait_for "a Pod for another system is rejected" 30 is pod/windows '{.status.phase} {.status.reason}' 'Failed PodOSNotSupported'
check_out "and seen to be" 'PodOSNotSupported' acme get pod windows
acme delete pod slow --wait=false > /dev/null
leaving() { acme get endpointslices -l kubernetes.io/service-name=slow -o 'jsonpath={.items[*].endpoints[*].conditions}' | grep -q '"ready":false,"serving":true,"terminating":true'; }
# Not wget: that of Debian's busybox-static crashes.
serves() { acme exec named -- sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 3 $1 80" | grep -q slow; }
wait_for "a Pod that ends goes on serving" 20 leaving
wait_for "when there is no other" 20 serves "$(value svc/slow '{.spec.clusterIP}')"
acme delete pod slow --now --wait=false > /dev/null 2>&1

no_held() { ! acme get pod held && ! acme get pod lost; }
# A finalizer holds them: one ends in the second that it gets at the least, of the other nobody can say how it ended.
for name in held lost; do
    acme apply -f - > /dev/null << END
apiVersion: v1
kind: Pod
metadata: {name: $name, finalizers: [example.com/stay]}
spec:
  restartPolicy: Never
  containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "trap 'exit 7' TERM; while :; do sleep 0.1; done"]}]
END
done
check "Pods that are held" acme wait --for=condition=Ready pod/held pod/lost --timeout=60s
acme delete pod held --grace-period=0 --force --wait=false > /dev/null 2>&1
wait_for "a held Pod says how it ended" 20 is pod/held '{.status.phase} {.status.containerStatuses[0].state.terminated.exitCode}' 'Failed 7'
kubectl --kubeconfig "$ADMIN" -n warren-acme delete pod lost-x-default-x-acme --grace-period=0 --force > /dev/null 2>&1
wait_for "one that was lost has failed" 20 is pod/lost '{.status.phase} {.status.containerStatuses[0].state.terminated.reason}' \
    'Failed ContainerStatusUnknown'
check "they may go" acme patch pod held lost --type=merge -p '{"metadata":{"finalizers":null}}'
wait_for "and do" 20 no_held

stop_warren
summary
