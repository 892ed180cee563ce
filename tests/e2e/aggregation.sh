#!/usr/bin/env bash
# An API that a tenant's own Pod serves: APIService, discovery, kubectl; and proxies to Pods, Services and nodes.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1
export HOME=$WARREN_E2E_WORK

# ---- a server: openssl behind TLS, which sends files as whole HTTP answers ----
copy_program() {
    local library
    install -D "$(command -v openssl)" rootfs/usr/bin/openssl
    for library in $(ldd "$(command -v openssl)" | grep -oE '/[^ ]+'); do install -D "$(readlink -f "$library")" "rootfs$library"; done
}
# answer PATH BODY: what it says to GET PATH
answer() {
    install -d "rootfs/srv/$(dirname "$1")"
    printf 'HTTP/1.0 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s' "${3:-application/json}" "${#2}" "$2" > "rootfs/srv/$1"
}
make_image() {
    copy_program &&
        answer apis/wardle.example.com/v1alpha1/flunders '{"kind":"FlunderList","apiVersion":"wardle.example.com/v1alpha1","metadata":{},"items":[{"kind":"Flunder","apiVersion":"wardle.example.com/v1alpha1","metadata":{"name":"first"}}]}' &&
        mv rootfs/srv/apis/wardle.example.com/v1alpha1/flunders flunders && rm -r rootfs/srv/apis/wardle.example.com/v1alpha1 &&
        answer apis/wardle.example.com/v1alpha1 '{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"wardle.example.com/v1alpha1","resources":[{"name":"flunders","singularName":"flunder","namespaced":false,"kind":"Flunder","shortNames":["fl"],"verbs":["get","list"]}]}' &&
        answer page '<a href="/other">x</a>' text/html &&
        tar -C rootfs -cf layer.tar . &&
        printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
            "$(sha256sum layer.tar | cut -d' ' -f1)" > config.json &&
        printf '[{"Config":"config.json","RepoTags":["wardle:1"],"Layers":["layer.tar"]}]' > manifest.json &&
        tar -cf wardle.tar manifest.json config.json layer.tar
}
make_certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=wardle-ca &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.csr -subj /CN=api.default.svc &&
        openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out tls.crt \
            -extfile <(echo subjectAltName=DNS:api.default.svc)
}
manifests() {
    cat << END
apiVersion: v1
kind: Pod
metadata: {name: api, labels: {app: api}}
spec:
  automountServiceAccountToken: false
  containers:
  - name: c
    image: wardle:1
    imagePullPolicy: Never
    workingDir: /srv
    command: [/usr/bin/openssl, s_server, -accept, '8443', -cert, /tls/tls.crt, -key, /tls/tls.key, -HTTP, -quiet]
    ports: [{name: https, containerPort: 8443}]
    volumeMounts: [{name: tls, mountPath: /tls}]
  volumes: [{name: tls, secret: {secretName: tls}}]
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {selector: {app: api}, ports: [{port: 443, targetPort: https}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1alpha1.wardle.example.com}
spec:
  group: wardle.example.com
  version: v1alpha1
  service: {namespace: default, name: api, port: 443}
  caBundle: $(base64 -w0 ca.pem)
  groupPriorityMinimum: 2000
  versionPriority: 15
END
}

start_warren
check "an image with a server" make_image
check "import it" "$WARREN" image import wardle.tar --data-dir "$DATA"
check "certificates" make_certificates
check "tenant create" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
check "another tenant" "$WARREN" tenant create globex --data-dir "$DATA" --kubeconfig globex.kubeconfig
export KUBECONFIG=$PWD/acme.kubeconfig

condition() { kubectl get apiservice v1alpha1.wardle.example.com -o "jsonpath={.status.conditions[0].$1}"; }
has_reason() { [ "$(condition reason)" = "$1" ]; }

check_out "a cluster begins with its own APIServices" 'v1.apps +Local +True' kubectl get apiservices
check_out "which are upstream's" '^onstart$' kubectl get apiservice v1. -o 'jsonpath={.metadata.labels.kube-aggregator\.kubernetes\.io/automanaged}'
check "its certificate" kubectl create secret tls tls --cert tls.crt --key tls.key
check "Pod, Service, APIService" bash -c "$(declare -f manifests); manifests | kubectl apply -f -"
wait_for "it has no endpoints at first, or is there" 30 has_reason Passed
check_out "all is well" 'all checks passed' condition message
check_out "its discovery" 'APIResourceList' kubectl get --raw /apis/wardle.example.com/v1alpha1
check_out "its group" 'wardle.example.com' kubectl get --raw /apis
wait_for "aggregated discovery" 60 bash -c "kubectl api-resources --api-group wardle.example.com | grep -q 'flunders *fl '"
check_fails "the other tenant has none of it" 'the server doesn.t have a resource type|could not find' \
    kubectl --kubeconfig globex.kubeconfig get flunders
check_fails "who may not, is refused by us" 'cannot list resource "flunders"' \
    kubectl --as jane get --raw /apis/wardle.example.com/v1alpha1/flunders
check_out "the configuration that its authors read" 'front-proxy-client' \
    kubectl -n kube-system get configmap extension-apiserver-authentication -o yaml

# ---- proxies ----
through_proxy() {
    kubectl proxy --append-server-path --port 0 > proxy.log 2>&1 &
    local proxy=$! until=$((SECONDS + 60)) status=1
    until grep -q Starting proxy.log || [ "$SECONDS" -ge "$until" ]; do sleep 0.1; done
    curl -sf -m 30 "http://$(grep -oE '127[0-9.:]+' proxy.log)$1" && status=0
    kill "$proxy"
    wait "$proxy" 2> /dev/null
    return $status
}
check_out "pods/proxy" '<a href=' kubectl get --raw /api/v1/namespaces/default/pods/https:api:8443/proxy/page
check_out "services/proxy" 'APIResourceList' \
    kubectl get --raw /api/v1/namespaces/default/services/https:api:443/proxy/apis/wardle.example.com/v1alpha1
check_out "kubectl proxy" '<a href=' through_proxy /api/v1/namespaces/default/services/https:api:443/proxy/page
check_fails "no such port" 'no service port 9 found for service "api"' kubectl get --raw /api/v1/namespaces/default/services/api:9/proxy/
check_fails "another tenant's Pod" 'not found' \
    kubectl --kubeconfig globex.kubeconfig get --raw /api/v1/namespaces/default/pods/https:api:8443/proxy/page
node=$(kubectl get nodes -o 'jsonpath={.items[0].metadata.name}')
check_out "a tenant's node tells of its Pods" '"name":"api"' kubectl get --raw "/api/v1/nodes/$node/proxy/pods"
check_fails "and of nothing else" 'shared with other clusters' kubectl get --raw "/api/v1/nodes/$node/proxy/metrics"
node=$(kubectl --kubeconfig "$ADMIN" get nodes -o 'jsonpath={.items[0].metadata.name}')
check_out "the operator's reaches the agent" '^ok' kubectl --kubeconfig "$ADMIN" get --raw "/api/v1/nodes/$node/proxy/healthz"

# ---- trouble ----
check "its Pod goes" kubectl delete pod api --grace-period=1
wait_for "nobody is there" 30 has_reason MissingEndpoints
check_out "upstream's words" 'endpoints for service/api in "default" have no addresses with port name ""' condition message
check_fails "its resources are not available" 'service unavailable|unable to handle the request' kubectl get --raw /apis/wardle.example.com/v1alpha1
check_out "what is ours still is" 'default' kubectl get namespaces
check "its Service goes" kubectl delete service api
wait_for "it is missed" 30 has_reason ServiceNotFound
check "the APIService goes" kubectl delete apiservice v1alpha1.wardle.example.com
check_fails "and its group" '404|could not find' kubectl get --raw /apis/wardle.example.com

# ---- CustomResourceDefinitions ----
check "a CustomResourceDefinition" kubectl apply -f - << 'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {plural: things, kind: Thing}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
END
wait_for "has an APIService" 60 kubectl get apiservice v1.example.com
check "that comes back" bash -c "kubectl delete apiservice v1.example.com && kubectl wait --for=create apiservice/v1.example.com --timeout=10s"
check "with the definition" kubectl delete crd things.example.com
wait_for "it goes" 60 bash -c "! kubectl get apiservice v1.example.com 2> /dev/null"
stop_warren
summary
