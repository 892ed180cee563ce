#!/usr/bin/env bash
# The walk of the README: a tenant's kubectl runs real containers, and nothing remains.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "tenant create writes a kubeconfig" "$WARREN" tenant create acme --plan small --data-dir "$DATA" --kubeconfig acme.kubeconfig
check "a second tenant" "$WARREN" tenant create globex --data-dir "$DATA" --kubeconfig globex.kubeconfig
check_fails "a name that is taken" 'already exists' "$WARREN" tenant create acme --data-dir "$DATA"
check_fails "a malformed name" 'cannot name a tenant' "$WARREN" tenant create 'Bad_Name' --data-dir "$DATA"
check_out "tenant list" 'acme .*small' "$WARREN" tenant list --data-dir "$DATA"
check_out "tenant list as JSON" '"name": "acme"' "$WARREN" tenant list --data-dir "$DATA" -o json

acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
globex() { kubectl --kubeconfig globex.kubeconfig "$@"; }
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }

check_out "a tenant has a cluster of its own" 'kube-system' acme get namespaces
check_out "version" 'Server Version: v1\.32' acme version
check_out "api-resources" 'deployments +deploy +apps/v1' acme api-resources
check_out "explain" 'replicas' acme explain deployment.spec
check_out "auth can-i" yes acme auth can-i create deployments
check "apply the example" acme apply -f "$here/deploy/examples/hello.yaml"
check "apply again changes nothing" acme apply -f "$here/deploy/examples/hello.yaml"
check "rollout status" acme -n hello rollout status deployment/hello --timeout=90s
check_out "get pods -o wide" '1/1 +Running .*10\.244\.' acme -n hello get pods -o wide
check_out "describe" 'Started container web' acme -n hello describe pods
check_out "the operator sees the Pods under their translated names" 'hello-.*-x-hello-x-acme' admin get pods -A
check_out "the other tenant sees nothing" 'No resources found|service/kubernetes' globex get all -A
check_fails "the other tenant has no such namespace" 'not found' globex get namespace hello
check_out "diff is empty" '^$' acme diff -f "$here/deploy/examples/hello.yaml"

pod=$(acme -n hello get pods -o name | head -1)
pod=${pod#pod/}
check_out "logs" 'welcome: serving on port 8080 as hello-' acme -n hello logs "$pod"
check_out "exec" '^hello-' acme -n hello exec "$pod" -- hostname
check_fails "the exit code of exec" 'exit code 3' acme -n hello exec "$pod" -- sh -c 'exit 3'
check_out "exec with stdin" '^42$' bash -c "echo 42 | kubectl --kubeconfig acme.kubeconfig -n hello exec -i $pod -- cat"
check_out "the token and the CA are mounted" 'ca.crt' acme -n hello exec "$pod" -- ls /var/run/secrets/kubernetes.io/serviceaccount
check_out "the namespace is the tenant's" '^hello$' acme -n hello exec "$pod" -- cat /var/run/secrets/kubernetes.io/serviceaccount/namespace
# The wget of Debian's busybox-static crashes on every URL; its nc does not.
check_out "a Service answers by name" 'Hello from a virtual cluster' acme -n hello exec "$pod" -- \
    sh -c 'printf "GET /index.html HTTP/1.0\r\n\r\n" | nc -w 5 hello 80'
check_fails "link-local addresses are out of reach" 'exit code|timed out|refused' acme -n hello exec "$pod" -- \
    sh -c 'nc -w 2 169.254.169.254 80 < /dev/null'
check_out "names resolve" '10\.96\.0\.1' acme -n hello exec "$pod" -- nslookup kubernetes.default.svc.cluster.local

port_forward() {
    acme -n hello port-forward "pod/$pod" 18080:8080 > forward.log 2>&1 &
    local forward=$! until=$((SECONDS + 60)) status=1
    until grep -q Forwarding forward.log || [ "$SECONDS" -ge "$until" ]; do sleep 0.1; done
    curl -sf -m 30 http://127.0.0.1:18080/ && status=0
    kill "$forward"
    wait "$forward" 2> /dev/null
    [ $status = 0 ] || cat forward.log
    return $status
}
check_out "port-forward" 'Hello from a virtual cluster' port_forward

watch_pods() {
    timeout 90 kubectl --kubeconfig acme.kubeconfig -n hello get pods -w > watch.log 2>&1 &
    local watch=$! until=$((SECONDS + 80))
    until grep -q Running watch.log || [ "$SECONDS" -ge "$until" ]; do sleep 0.1; done
    acme -n hello scale deployment/hello --replicas=4 || return 1
    until [ "$(awk '/ 1\/1 +Running/ {print $1}' watch.log | sort -u | wc -l)" -ge 4 ] || [ "$SECONDS" -ge "$until" ]; do sleep 0.2; done
    kill "$watch" 2> /dev/null
    awk '/ 1\/1 +Running/ {print $1}' watch.log | sort -u | wc -l
    return 0
}
check_out "scale, seen by get -w" '^4$' watch_pods
check "scale down" acme -n hello scale deployment/hello --replicas=2
wait_for "two Pods are left" 60 bash -c '[ "$(kubectl --kubeconfig acme.kubeconfig -n hello get pods -o name | wc -l)" = 2 ]'

pod=$(acme -n hello get pods -o name | head -1)
check "kill the process of a container" acme -n hello exec "${pod#pod/}" -- sh -c 'kill -9 1 || kill 1; for p in /proc/[0-9]*; do :; done; true'
restarted() { [ "$(acme -n hello get "$pod" -o 'jsonpath={.status.containerStatuses[0].restartCount}')" -ge 1 ]; }
host_kill() {
    local name pid
    name=$(admin get pods -A -o name | grep -o "${pod#pod/}[^ ]*" | head -1)
    pid=$(pgrep -f 'httpd -f -v -p 8080' | head -1)
    [ -n "$name" ] && kill -9 "$pid"
}
check "kill a container's process from the host" host_kill
any_restart() { acme -n hello get pods -o 'jsonpath={.items[*].status.containerStatuses[0].restartCount}' | grep -qE '[1-9]'; }
wait_for "restartCount rises" 60 any_restart

check "rollout a change" acme -n hello set env deployment/hello COLOR=green
check "rollout status after the change" acme -n hello rollout status deployment/hello --timeout=90s
check_out "rollout history" '2' acme -n hello rollout history deployment/hello
check "rollout undo" acme -n hello rollout undo deployment/hello
check "rollout status after undo" acme -n hello rollout status deployment/hello --timeout=90s

check "suspend" "$WARREN" tenant suspend globex --data-dir "$DATA"
check_fails "a suspended tenant can be read, not changed" 'suspended' globex create namespace late
check "resume" "$WARREN" tenant resume globex --data-dir "$DATA"
wait_for "a resumed tenant can be changed" 60 globex create namespace later

admin get pods -A -o 'jsonpath={range .items[*]}{.metadata.uid}{"\n"}{end}' > uids
check_out "Pods are running until now" '-' cat uids
stop_warren
check_out "no process of a Pod is left" '^0$' bash -c 'pgrep -fc "[h]ttpd -f -v -p 8080" || true'
check_out "no mount is left" '^0$' bash -c "grep -c ' $DATA/node' /proc/self/mountinfo || true"
check_out "no rule is left" '^$' bash -c 'nft list tables | grep warren || true'
check_out "no bridge is left" '^$' bash -c 'ip -br link | grep warren0 || true'
# By the Pods' names: another Warren may run on this machine.
check_out "no cgroup is left" '^$' bash -c 'find /sys/fs/cgroup -type d -path "*/warren/*" 2> /dev/null | grep -Ff uids | head -3'
start_warren
check_out "a second start finds the tenants" 'acme' "$WARREN" tenant list --data-dir "$DATA"
check_out "and what was in them" 'hello' acme -n hello get deployments
check "and runs it" acme -n hello rollout status deployment/hello --timeout=90s

check "delete the Deployment" acme -n hello delete deployment hello --timeout=60s
nothing_of_acme() { ! admin get pods -A -o name | grep -q 'x-hello-x-acme'; }
wait_for "nothing of it is left on the host" 60 nothing_of_acme
check "delete the tenant" "$WARREN" tenant delete acme --data-dir "$DATA"
check_fails "its namespace is gone from the host" 'not found' admin get namespace warren-acme
check_out "it is not listed" 'globex' "$WARREN" tenant list --data-dir "$DATA"
check_fails "its kubeconfig no longer works" '.' acme get namespaces
stop_warren
[ "$failed" = 0 ] || tail -60 "$LOG.kept"
summary
