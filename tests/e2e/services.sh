#!/usr/bin/env bash
# Services of the host cluster: NodePorts at the node's address, and clients that keep to an endpoint until they are silent.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

address=192.0.2.10
ip link add ext0 type bridge && ip address add $address/24 dev ext0 && ip link set ext0 up
start_warren --node-address $address
check "a tenant" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
check_out "the node has the address" "^$address\$" admin get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'

admin apply -f - > /dev/null << END
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
---
apiVersion: v1
kind: Service
metadata: {name: kept}
spec:
  type: NodePort
  selector: {app: web}
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}
  ports: [{port: 80, targetPort: 8080, nodePort: 30081}]
---
apiVersion: v1
kind: Service
metadata: {name: long}
spec: {type: NodePort, selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 8080, nodePort: 30082}]}
END
check "two Pods serve" admin rollout status deployment/web --timeout=120s

# ask ADDRESS PORT: the name of the Pod that answers.
ask() {
    timeout 5 bash -c 'exec 3<> "/dev/tcp/$0/$1" && printf "GET / HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3' "$@"
}
wait_for "a NodePort answers at the node's address" 30 ask $address 30080
both() { [ "$(for _ in $(seq 30); do ask $address 30080; done | sort -u | wc -l)" = 2 ]; }
wait_for "and both Pods do" 60 both
check_fails "not at the loopback" '.' ask 127.0.0.1 30080

wait_for "one with affinity answers" 30 ask $address 30081
# Twenty answers without a second of silence between them.
loyal() { [ "$(for _ in $(seq 20); do ask $address 30081; done | sort -u | wc -l)" = 1 ]; }
wait_for "by one Pod only" 60 loyal
kept() {
    local before after
    before=$(ask $address 30082)
    admin create service clusterip "other-$RANDOM" --tcp=80 > /dev/null
    after=$(ask $address 30082)
    [ -n "$before" ] && [ "$before" = "$after" ]
}
wait_for "also when other rules change" 30 kept
first=$(ask $address 30081)
strays() { # a client that was silent for longer is a new one
    sleep 1.5
    local now
    now=$(ask $address 30081)
    [ -n "$now" ] && [ "$now" != "$first" ]
}
wait_for "until it was silent" 120 strays

acme run walker --image=busybox --image-pull-policy=IfNotPresent -- sleep 3600 > /dev/null
check "a tenant's Pod" acme wait pod/walker --for=condition=Ready --timeout=60s
check_fails "does not reach the host's NodePort" '.' acme exec walker -- wget -q -T 3 -O - http://$address:30080/

stop_warren
summary
