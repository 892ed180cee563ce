#!/usr/bin/env bash
# What upstream's conformance tests of sig-cli do with kubectl, in a tenant whose Pods run.
# Rows of tests/conformance.md name the checks below.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "a tenant" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
value() { acme get "$1" -o "jsonpath=$2"; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }

# ---- the cluster ----
check_out "api-versions" '^v1$' acme api-versions
check_out "cluster-info" 'Kubernetes control plane.* is running at ' acme cluster-info
check_out "version" 'Server Version: v1\.32' acme version

# ---- a ReplicationController ----
acme apply -f - > /dev/null << 'END'
apiVersion: v1
kind: ReplicationController
metadata: {name: demo}
spec:
  replicas: 2
  selector: {app: demo}
  template:
    metadata: {labels: {app: demo}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: busybox
        imagePullPolicy: IfNotPresent
        command: [sh, -c, 'for i in 1 2 3 4 5; do echo "line $i"; done; exec httpd -f -p 8080 -h /etc']
        ports: [{containerPort: 8080}]
END
wait_for "a ReplicationController runs" 60 is rc/demo '{.status.readyReplicas}' 2
check "scale rc down" acme scale rc demo --replicas=1 --timeout=60s
wait_for "to one" 60 is rc/demo '{.status.replicas}' 1
check "scale rc" acme scale rc demo --replicas=3 --timeout=60s
wait_for "to three" 60 is rc/demo '{.status.readyReplicas}' 3
check_out "describe rc" 'Replicas: +3 current / 3 desired' acme describe rc demo
says_all() { # PATTERN... -- COMMAND...: each matches what it prints
    local patterns=() pattern output
    while [ "$1" != -- ]; do patterns+=("$1") && shift; done
    output=$("${@:2}") || return 1
    for pattern in "${patterns[@]}"; do grep -qE -- "$pattern" <<< "$output" || { printf 'no %s in %s\n' "$pattern" "$output" && return 1; }; done
}
check "describe all of rc" says_all '^Name: +demo' '^Namespace: +default' '^Selector: +app=demo' '^Labels: +app=demo' '^Annotations:' \
    '^Pods Status: +3 Running / 0 Waiting / 0 Succeeded / 0 Failed' '^Pod Template:' 'Image: +busybox' 'SuccessfulCreate' -- acme describe rc demo
check_out "describe a Pod of it" 'Controlled By: +ReplicationController/demo' acme describe pods -l app=demo
check "describe all of a Pod" says_all '^Name: +demo-' '^Node: +node-' '^Labels: +app=demo' '^Status: +Running' '^IP: +[0-9.]+' 'Image: +busybox' \
    'State: +Running' 'QoS Class: +BestEffort' '^Events:' -- acme describe pods -l app=demo
check_out "describe a namespace" 'Status: +Active' acme describe namespace default
check_out "describe a node" 'Ready +True' acme describe nodes
check "expose rc" acme expose rc demo --name=front --port=80 --target-port=8080
check_out "the Service has its port" '^80$' value svc/front '{.spec.ports[0].port}'
check "expose a Service" acme expose service front --name=side --port=2345 --target-port=8080
check "describe a Service" says_all '^Name: +side' '^Namespace: +default' '^Selector: +app=demo' '^Type: +ClusterIP' '^IP: +[0-9.]+' \
    '2345/TCP' '^TargetPort: +8080/TCP' '^Endpoints: +[0-9.]+:8080' '^Session Affinity: +None' -- acme describe service side
pod=$(value pods '{.items[0].metadata.name}')
check "label" acme label pod "$pod" testing-label=testing-label-value
check_out "shows" 'testing-label-value' acme get pod "$pod" -L testing-label
check "takes it away" acme label pod "$pod" testing-label-
check "patch" acme patch pod "$pod" -p '{"metadata":{"annotations":{"x":"y"}}}'
check_out "shows as well" '^y$' value "pod/$pod" '{.metadata.annotations.x}'

# ---- logs ----
check_out "logs" '^line 1$' acme logs "$pod"
check_out "logs --tail" '^line 5$' acme logs "$pod" --tail=1
check_out "logs --limit-bytes" '^l$' acme logs "$pod" --limit-bytes=1
check_out "logs --timestamps" '^[0-9-]+T[0-9:.]+Z line 5$' acme logs "$pod" --tail=1 --timestamps
check_out "logs --since" '^0$' bash -c 'sleep 2; kubectl --kubeconfig acme.kubeconfig logs "$1" --since=1s | wc -l' _ "$pod"
check_out "logs --since of a day" '^5$' bash -c 'kubectl --kubeconfig acme.kubeconfig logs "$1" --since=24h | wc -l' _ "$pod"

# ---- a Pod ----
check "run" acme run once --image=busybox --image-pull-policy=IfNotPresent --restart=Never --labels=run=once -- sleep 3600
check_out "with its restart policy" '^Never$' value pod/once '{.spec.restartPolicy}'
wait_for "it runs" 60 is pod/once '{.status.phase}' Running
check "server-side dry run" acme patch pod once -p '{"spec":{"containers":[{"name":"once","image":"busybox:other"}]}}' --dry-run=server
check "changes nothing" is pod/once '{.spec.containers[0].image}' busybox
acme get pod once -o json | sed 's/"image": "busybox"/"image": "docker.io\/library\/busybox:latest"/' > once.json
check "replace" acme replace -f once.json
check "changes the image" is pod/once '{.spec.containers[0].image}' docker.io/library/busybox:latest
check_fails "diff finds a difference" '^[+].*image: other$' bash -c "kubectl --kubeconfig acme.kubeconfig create deployment d --image=busybox > /dev/null &&
    kubectl --kubeconfig acme.kubeconfig create deployment d --image=other --dry-run=client -o yaml | kubectl --kubeconfig acme.kubeconfig diff -f -"

# ---- a front and a back end ----
acme run asker --image=busybox --image-pull-policy=IfNotPresent --restart=Never -- sleep 3600 > /dev/null
wait_for "another Pod runs" 60 is pod/asker '{.status.phase}' Running
asks() { acme exec asker -- sh -c 'printf "GET /hosts HTTP/1.0\r\n\r\n" | nc -w 2 front 80' | grep -q localhost; }
wait_for "a front and a back end" 30 asks

# ---- kubectl proxy, get --raw ----
acme create configmap acme-only > setup.log
proxied() { # URL [CURL OPTION...]
    local until=$((SECONDS + 60))
    until curl -sf "${@:2}" "$1"; do [ "$SECONDS" -lt "$until" ] || return 1; sleep 0.1; done
}
acme proxy -p 0 > proxy.log 2>&1 & # leaves the server's path out: the TLS server name leads to the cluster
proxy=$!
wait_for "kubectl proxy" 60 grep -q 'Starting to serve' proxy.log
check_out "proxy on a port" '"versions":' proxied "http://$(grep -oE '127[0-9.]+:[0-9]+' proxy.log)/api/"
check_out "which is the tenant's own" '"name": "acme-only"' proxied "http://$(grep -oE '127[0-9.]+:[0-9]+' proxy.log)/api/v1/namespaces/default/configmaps"
kill "$proxy"
check_out "get --raw" '"name":"acme-only"' acme get --raw /api/v1/namespaces/default/configmaps
acme proxy --unix-socket="$PWD/proxy.socket" --append-server-path > socket.log 2>&1 &
proxy=$!
check_out "proxy on a socket" '"versions":' proxied http://localhost/api/ --unix-socket "$PWD/proxy.socket"
kill "$proxy"

check "delete rc" acme delete rc demo --timeout=60s
wait_for "and its Pods" 60 bash -c '[ -z "$(kubectl --kubeconfig acme.kubeconfig get pods -l app=demo -o name)" ]'

stop_warren
summary
