#!/usr/bin/env bash
# Two tenants who do not trust each other on one node: what each must not reach, beside what it must.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
for tenant in acme globex; do
    check "tenant $tenant" "$WARREN" tenant create "$tenant" --data-dir "$DATA" --kubeconfig "$tenant.kubeconfig"
done
# The server that serves both, whoever takes it over: no root, no capability, no program.
rights() {
    local pid
    pid=$(pgrep -P "$UP" -f "warren server " | head -1)
    awk '/^(Uid|CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp):/ {$1 = ""; print}' "/proc/$pid/status" | tr -d '\n'
    stat -c ' %U %a %n' "$DATA/server/encryption.key" "$DATA/admin.kubeconfig" | sed "s|$DATA/||" | tr -d '\n'
}
uid=$(id -u warren 2> /dev/null)
check_out "the server has no rights on this machine" "^ $uid $uid $uid $uid 0+ 0+ 0+ 1 2 warren 600 server/encryption.key root 600 admin.kubeconfig$" rights
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
globex() { kubectl --kubeconfig globex.kubeconfig "$@"; }
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }
# What somebody sees who shows the bearer token $2 and nothing else at the endpoint of the kubeconfig $1.
endpoint() { kubectl --kubeconfig "$1" config view --raw -o 'jsonpath={.clusters[0].cluster.server}'; }
authority() { kubectl --kubeconfig "$1" config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d; }
with_token() {
    local of=$1 token=$2
    shift 2
    authority "$of" > "$of.crt"
    kubectl --kubeconfig /dev/null --server "$(endpoint "$of")" --certificate-authority "$of.crt" --token "$token" "$@"
}

# One Service in each tenant: `web` in both, and one whose name only its owner has.
manifest() {
    cat << YAML
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
    - name: web
      image: busybox
      imagePullPolicy: IfNotPresent
      command: ["sh", "-c", "mkdir /tmp/page && echo page of $1 > /tmp/page/index.html && exec httpd -f -p 8080 -h /tmp/page"]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: only-$1}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
YAML
}
for tenant in acme globex; do
    manifest "$tenant" > "$tenant.yaml"
    check "$tenant runs a Pod behind a Service" "$tenant" apply -f "$tenant.yaml"
done
for tenant in acme globex; do
    check "the Pod of $tenant is ready" "$tenant" wait pod/web --for=condition=Ready --timeout=90s
done
address_of() { "$1" get pod web -o 'jsonpath={.status.podIP}'; }
acme_pod=$(address_of acme) globex_pod=$(address_of globex)
globex_service=$(globex get service only-globex -o 'jsonpath={.spec.clusterIP}')
in_acme() { acme exec web -- "$@"; }
page() { in_acme sh -c "printf 'GET /index.html HTTP/1.0\r\n\r\n' | nc -w 3 $1 $2"; }
connects() { in_acme sh -c "nc -w 3 $1 $2 < /dev/null"; }

# ---- the network ----
wait_for "its own Service answers" 60 page web.default 80
check_out "with its own page, though another tenant has one of that name" 'page of acme' page web.default 80
check_out "by the Pod's address" 'page of acme' page "$acme_pod" 8080
check "its own API accepts connections" connects 10.96.0.1 443
check_fails "another tenant's Pod" '.' connects "$globex_pod" 8080
check_fails "another tenant's ClusterIP" '.' connects "$globex_service" 80
check "its own API by the address of its Endpoints" connects 10.244.0.1 6443
host_port=$(admin get endpoints kubernetes -o 'jsonpath={.subsets[0].ports[0].port}')
check "the host's Endpoints say where its API is" bash -c "exec 3<> /dev/tcp/10.244.0.1/$host_port"
check_fails "the host's API by the gateway" '.' connects 10.244.0.1 "$host_port"
check_fails "the node's port for the API server" '.' connects 10.244.0.1 10250
check_fails "the metadata address" '.' connects 169.254.169.254 80
ip address add 203.0.113.7/32 dev lo
listen_outside() { python3 -c 'import http.server as h; h.HTTPServer(("203.0.113.7", 8099), h.SimpleHTTPRequestHandler).serve_forever()' > /dev/null 2>&1 & listener=$!; }
listen_outside
host_connects() { timeout 10 bash -c 'exec 3<> /dev/tcp/203.0.113.7/8099'; }
wait_for "something listens on another address of the host" 60 host_connects
check_fails "a Pod does not reach it" '.' connects 203.0.113.7 8099
kill "$listener"
check_out "an outer interface of a Pod has no IPv6 address" '^0$' in_acme sh -c 'cat /proc/net/if_inet6 2> /dev/null | grep -vc " lo$" || true'
no_raw_sockets() {
    local mask
    mask=$(in_acme sed -n 's/CapBnd:[^0-9a-f]*//p' /proc/1/status) || return 1
    [ $((0x$mask & 0x2000)) = 0 ] && [ $((0x$mask & 0x1)) = 1 ] # CAP_NET_RAW is not there, CAP_CHOWN is
}
check "a Pod can have no raw sockets" no_raw_sockets

# ---- names ----
check_out "its own names resolve" '10\.96\.' in_acme nslookup only-acme.default.svc.cluster.local
check_fails "another tenant's do not" '.' in_acme nslookup only-globex.default.svc.cluster.local
check_fails "nor by the host's name for them" '.' in_acme nslookup web-x-default-x-globex.warren-globex.svc.cluster.local

# ---- identities ----
check "acme's kubeconfig at its own endpoint" acme get pods
foreign_kubeconfig() { kubectl --kubeconfig acme.kubeconfig --server "$(endpoint globex.kubeconfig)" get pods; }
check_fails "acme's kubeconfig at the endpoint of globex" 'nauthorized|must be logged in|certificate' foreign_kubeconfig
host_endpoint() { kubectl --kubeconfig acme.kubeconfig --server "$(endpoint "$ADMIN")" get pods; }
check_fails "acme's kubeconfig at the host's endpoint" 'nauthorized|must be logged in|certificate' host_endpoint
check "a role for the Pod's service account" acme create rolebinding view --clusterrole=view --serviceaccount=default:default
token=$(in_acme cat /var/run/secrets/kubernetes.io/serviceaccount/token)
wait_for "the Pod's token at its own endpoint" 60 with_token acme.kubeconfig "$token" get pods
check_fails "but not beyond its role" 'orbidden' with_token acme.kubeconfig "$token" get secrets
check_fails "the Pod's token at the endpoint of globex" 'nauthorized|must be logged in' with_token globex.kubeconfig "$token" get pods
check_fails "the Pod's token at the host's endpoint" 'nauthorized|must be logged in' with_token "$ADMIN" "$token" get pods
# raw PATH TOKEN: the status that curl gets below acme's endpoint, with the path as it is.
raw() {
    authority acme.kubeconfig > acme.crt
    curl -s -o raw.out -w '%{http_code}\n' --path-as-is --cacert acme.crt -H "Authorization: Bearer $2" "$(endpoint acme.kubeconfig)$1"
}
check_out "a path" '^200$' raw /api/v1/namespaces/default/pods "$token"
check_out "an empty token" '^40[13]$' raw /api/v1/namespaces/default/pods ''
check_out "a path that climbs to the host" '^40[0134]$' raw /../../api/v1/namespaces/warren-globex/pods "$token"
check_out "one that climbs to the other tenant" '^40[0134]$' raw /../globex/api/v1/namespaces/default/pods "$token"
check_out "and in disguise" '^40[0134]$' raw /%2e%2e/globex/api/v1/namespaces/default/pods "$token"
check_fails "the other cluster's API below one's own" 'not find|NotFound|orbidden|nauthorized' acme get --raw /clusters/globex/api/v1/pods

# ---- what a Pod may not have ----
refused() { # NAME SPEC: the Pod is taken, stays Pending, and says why
    printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: %s\n' "$1" "$2" | acme apply -f - > /dev/null || return 1
    acme wait "pod/$1" '--for=jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}=NotAllowed' --timeout=20s
}
box='name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "60"]'
check_out "hostPath" 'condition met' refused host-path "{containers: [{$box}], volumes: [{name: v, hostPath: {path: /}}]}"
check_out "hostNetwork" 'condition met' refused host-network "{hostNetwork: true, containers: [{$box}]}"
check_out "hostPID" 'condition met' refused host-pid "{hostPID: true, containers: [{$box}]}"
check_out "privileged" 'condition met' refused privileged "{containers: [{$box, securityContext: {privileged: true}}]}"
check_out "a capability" 'condition met' refused capability "{containers: [{$box, securityContext: {capabilities: {add: [NET_RAW]}}}]}"
check_out "a host port" 'condition met' refused host-port "{containers: [{$box, ports: [{containerPort: 80, hostPort: 8080}]}]}"
check_out "a reserved toleration" 'condition met' refused toleration "{tolerations: [{key: tenancy.warren.dev/dedicated, operator: Exists}], containers: [{$box}]}"
check_out "any of it on a node that the tenant names" 'condition met' refused chosen "{nodeName: $(acme get nodes -o 'jsonpath={.items[0].metadata.name}'), hostPID: true, containers: [{$box}]}"
check_out "none of them is on the host" '^1$' bash -c "kubectl --kubeconfig '$ADMIN' get pods -n warren-acme -o name | wc -l"
plain() { printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec: {containers: [{%s}], volumes: [{name: v, emptyDir: {}}]}\n' "$box" | acme apply -f -; }
check "a plain Pod beside them" plain
check "runs" acme wait pod/plain --for=condition=Ready --timeout=60s
check "and the one with a node is there still" acme get pod chosen

# ---- NetworkPolicies ----
policy() { # KUBECTL NAME SPEC
    printf 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s}\nspec: %s\n' "$2" "$3" | $1 apply -f -
}
# reach NAMESPACE POD ADDRESS PORT: "open" or "shut", as that Pod of acme finds it.
reach() { acme exec -n "$1" "$2" -- sh -c "if nc -w 3 $3 $4 < /dev/null 2> /dev/null; then echo open; else echo shut; fi" 2>&1; }
finds() { # WORD NAMESPACE POD ADDRESS PORT
    local word=$1 got
    shift
    got=$(reach "$@")
    [ "$(tail -1 <<< "$got")" = "$word" ] || { echo "$got"; return 1; }
}
from_node() { timeout 5 bash -c 'exec 3<> "/dev/tcp/$0/8080"' "$acme_pod"; }
check "a namespace" acme create namespace other
acme label namespace other team=blue > /dev/null
acme apply -f - > /dev/null << YAML
apiVersion: v1
kind: Pod
metadata: {name: asker, namespace: other, labels: {app: asker}}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [httpd, -f, -p, "8080"]}]}
YAML
check "a Pod there" acme wait -n other pod/asker --for=condition=Ready --timeout=60s
asker_pod=$(acme get pod asker -n other -o 'jsonpath={.status.podIP}')
web_service=$(acme get service web -o 'jsonpath={.spec.clusterIP}')
check "without a policy they reach each other" finds open other asker "$acme_pod" 8080

check "a policy that lets nobody in" policy acme closed '{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}'
wait_for "shuts out Pods of other namespaces" 60 finds shut other asker "$acme_pod" 8080
check "and of its own" finds shut default plain "$acme_pod" 8080
check "by the Service, too" finds shut default plain "$web_service" 80
check "not the node" from_node
check "what it does not select stays open" finds open default plain "$asker_pod" 8080

check "another, for a namespace by its label" policy acme blue '{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: 8080}]}]}'
wait_for "lets its Pods in" 60 finds open other asker "$acme_pod" 8080
check "by the Service, too" finds open other asker "$web_service" 80
check "and no others" finds shut default plain "$acme_pod" 8080
check "without the label" acme label namespace other team-
wait_for "they are shut out" 60 finds shut other asker "$acme_pod" 8080
check "and a policy for a Pod by its label" policy acme pods '{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {may: enter}}}]}]}'
acme label pod plain may=enter > /dev/null
wait_for "lets that Pod in" 60 finds open default plain "$acme_pod" 8080

check "a policy that lets nothing out" policy acme inside '{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}'
wait_for "shuts it in" 60 finds shut default web "$asker_pod" 8080
check_fails "without names" '.' in_acme timeout 3 nslookup only-acme.default.svc.cluster.local
check "names as upstream's Pods for them" policy acme names '{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}]}'
wait_for "resolve again" 60 in_acme timeout 3 nslookup only-acme.default.svc.cluster.local
check "and nothing else is open" finds shut default web "$asker_pod" 8080
check "a policy for all" policy acme anywhere '{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}'
wait_for "opens all" 60 finds open default web "$asker_pod" 8080

check "another tenant lets everybody in" policy globex everybody '{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}'
check "the operator closes this one" policy "admin -n warren-acme" operators "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: $globex_pod/32}}]}]}"
wait_for "which no policy of its own opens" 60 finds shut default web "$asker_pod" 8080
check_fails "nor does any policy the other tenant" '.' connects "$globex_pod" 8080
foreign() {
    policy acme foreign '{podSelector: {matchLabels: {tenancy.warren.dev/cluster: globex}}}' > /dev/null &&
        acme events --for networkpolicy/foreign | grep NotAllowed
}
wait_for "a policy by labels that are not the tenant's is not allowed" 30 foreign
check "the operator's goes" admin delete networkpolicy operators -n warren-acme
wait_for "and it is open again" 60 finds open default web "$asker_pod" 8080
check "all go" acme delete networkpolicies --all
globex delete networkpolicies --all > /dev/null
none_left() { ! nft list table ip warren0_policy > /dev/null 2>&1; }
wait_for "and nothing of them is left" 60 none_left
check_out "nor on the host" 'No resources found' admin get networkpolicies -A

# ---- addresses that are not its own ----
hijack() {
    acme apply -f - << YAML
apiVersion: v1
kind: Service
metadata: {name: hijack}
spec: {ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: hijack-1, labels: {kubernetes.io/service-name: hijack}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: ["$globex_pod"]}]
YAML
}
check "an EndpointSlice with another tenant's address" hijack
left_out() { acme get events -o 'jsonpath={.items[*].message}' | grep -q 'endpoints are left out'; }
wait_for "is said to be left out" 60 left_out
check_fails "and serves nothing" '.' connects "$(acme get service hijack -o 'jsonpath={.spec.clusterIP}')" 80

# ---- what shows ----
everything() { acme get pods,nodes,events,endpoints,services -A -o yaml; }
shows() { everything | grep -F -- "$1"; }
check "a tenant sees its Pods" shows 'name: web'
check_out "a node by a name of its own" '^node-[0-9a-f]{10}$' acme get pod web -o 'jsonpath={.spec.nodeName}'
check_fails "not the host node's name" '^$' shows "nodeName: $(admin get nodes -o 'jsonpath={.items[0].metadata.name}')"
check_fails "not the host's names for its Pods" '^$' shows web-x-default
check_fails "not the other tenant" '^$' shows globex
stop_warren
[ "$failed" = 0 ] || tail -40 "$LOG.kept"
summary
