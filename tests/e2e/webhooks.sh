#!/usr/bin/env bash
# Webhooks of a tenant through kubectl: admission by URL and by Service, conversion, and whom they never see or reach.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1
export HOME=$WARREN_E2E_WORK
server=${WARREN%/*}/tests/hook_server

# ---- a webhook elsewhere: behind an address that is neither ours nor private ----
FAR=11.0.0.2 NEAR=11.0.0.1 PORT=8443
URL=https://$FAR:$PORT
make_certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=hooks-ca &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.csr -subj /CN=hooks &&
        openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out tls.crt \
            -extfile <(echo "subjectAltName=IP:$FAR,DNS:hook.default.svc")
}
start_far() {
    unshare --net "$server" "$PORT" tls.crt tls.key > far.log 2>&1 &
    local pid=$! until=$((SECONDS + 20))
    until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.05
    done
    ip link add near type veth peer name far netns "$pid" && ip addr add "$NEAR/24" dev near && ip link set near up &&
        nsenter -t "$pid" -n sh -c "ip addr add $FAR/24 dev far && ip link set far up && ip link set lo up"
}
calls() { curl -sf -m 20 --cacert ca.pem "$URL/calls/$1"; }

start_warren
check "certificates" make_certificates
check "a webhook far away" start_far
wait_for "answers" 20 calls allow
for tenant in acme globex; do
    check "tenant $tenant" "$WARREN" tenant create "$tenant" --data-dir "$DATA" --kubeconfig "$tenant.kubeconfig"
done
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
globex() { kubectl --kubeconfig globex.kubeconfig "$@"; }
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }
CA=$(base64 -w0 ca.pem)

# hook KIND NAME PATH [LINE...]: a configuration of one webhook for new ConfigMaps; lines are the webhook's own.
hook() {
    local kind=$1 name=$2 path=$3 line
    shift 3
    cat << END
apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}WebhookConfiguration
metadata: {name: $name}
webhooks:
- name: $name.hooks.test
  admissionReviewVersions: [v1]
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
END
    grep -q clientConfig <<< "$*" || printf '  clientConfig: {url: "%s", caBundle: %s}\n' "$URL$path" "$CA"
    grep -q sideEffects <<< "$*" || printf '  sideEffects: NoneOnDryRun\n'
    for line in "$@"; do printf '  %s\n' "$line"; done
}
put() { hook "${@:2}" | "$1" apply -f -; }
unhook() { "$1" delete mutatingwebhookconfigurations,validatingwebhookconfigurations --all; }
map() { "$1" create configmap "$2" --from-literal=a=b "${@:3}"; }
data_of() { acme get configmap "$1" -o 'jsonpath={.data}'; }

# ---- mutation ----
check "a webhook that comes later" put acme Mutating b /stage-1
check "and one that needs it" put acme Mutating a /stage-2 'reinvocationPolicy: IfNeeded'
check "create" map acme both
check_out "both had their turn" '"stage-1":"yes","stage-2":"yes"' data_of both
check "that is not asked again" put acme Mutating a /stage-2 'reinvocationPolicy: Never'
check "create" map acme one
check_out "the first alone" '^\{"a":"b","stage-1":"yes"\}$' data_of one
check_out "a dry run shows what would be" 'stage-1: "?yes' map acme dry --dry-run=server -o yaml
check_fails "and makes nothing" 'not found' data_of dry
check "forget them" unhook acme

# ---- validation ----
check "one that denies" put acme Validating v /deny-message
check_fails "with its words" 'admission webhook "v.hooks.test" denied the request: not today' map acme denied
from_file() { printf '{apiVersion: v1, kind: ConfigMap, metadata: {name: denied}}' | acme create -f -; }
check_fails "and its reason" 'Error from server \(Conflict\): .*not today' from_file
check "one without words" put acme Validating v /deny
check_fails "is told so" 'admission webhook "v.hooks.test" denied the request without explanation' map acme denied
check "one that warns" put acme Validating v /warn
check_out "warns, and lets pass" 'Warning: mind the gap' map acme warned
check "only what is tried" put acme Validating v /only-dry
check "is tried" map acme tried --dry-run=server
check_fails "and not done" 'denied the request' map acme tried
check_fails "what has other effects is refused" 'sideEffects: Unsupported value: "Some"' put acme Validating w /allow 'sideEffects: Some'
check "forget them" unhook acme

# ---- failures ----
check "one that is broken" put acme Validating v /broken
check_fails "fails what it is asked for" 'failed calling webhook "v.hooks.test": .*(boom|500|could not get)' map acme broken
check "unless that is ignored" put acme Validating v /broken 'failurePolicy: Ignore'
check "then it passes" map acme broken
check "one that hangs" put acme Validating v /slow 'timeoutSeconds: 1'
check_fails "is given up" 'failed calling webhook "v.hooks.test": .*context deadline exceeded' map acme hung
check "or ignored" put acme Validating v /slow 'timeoutSeconds: 1' 'failurePolicy: Ignore'
check "then it passes" map acme hung
check "one that points elsewhere" put acme Validating v /redirect
check_fails "is not followed" 'failed calling webhook "v.hooks.test"' map acme redirected
check "forget them" unhook acme

# ---- which requests ----
check "one for some objects" put acme Validating v /deny 'objectSelector: {matchLabels: {watched: "yes"}}'
check "others pass" map acme unwatched
labelled() { printf '{apiVersion: v1, kind: ConfigMap, metadata: {name: watched, labels: {watched: "yes"}}}' | acme create -f -; }
check_fails "those do not" 'denied the request' labelled
check "one for some namespaces" put acme Validating v /deny 'namespaceSelector: {matchLabels: {watched: "yes"}}'
check "a namespace" acme create namespace watched
check "a label" acme label namespace watched watched=yes
check "others pass" map acme elsewhere
check_fails "that one does not" 'denied the request' map acme there -n watched
check "one with a condition" put acme Validating v /deny 'matchConditions: [{name: c, expression: "object.metadata.name.startsWith(\"x\")"}]'
check "others pass" map acme y
check_fails "what it is for does not" 'denied the request' map acme x
check_fails "a condition that is none" 'matchConditions\[0\].expression: Invalid value' \
    put acme Validating w /deny 'matchConditions: [{name: c, expression: "object.("}]'
check "forget them" unhook acme

# ---- another tenant, and the host ----
check "one for all that acme does" put acme Validating all /deny \
    'rules: [{apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*/*"]}]'
check_fails "acme cannot do it" 'denied the request' map acme all
before=$(calls deny)
check "globex can" map globex all
check "and delete it" globex delete configmap all
check "so can the operator" map admin all
check_out "and nothing was asked" "^$before$" calls deny
check "acme can still forget it" unhook acme
check_out "without asking it either" "^$before$" calls deny

# ---- what must not be dialled ----
for url in "https://127.0.0.1:6443/" "https://localhost:$PORT/deny" "https://$NEAR:6443/" "https://10.244.0.1:6443/" \
    "https://169.254.169.254/" "https://[::1]:6443/" "https://0.0.0.0:6443/" "https://2130706433:6443/"; do
    check "one at $url" put acme Validating v /deny "clientConfig: {url: \"$url\", caBundle: $CA}"
    check_fails "is not dialled" 'failed calling webhook "v.hooks.test": .*address not allowed' map acme dialled
done
check "forget them" unhook acme

# ---- a Service of the tenant's ----
copy_server() {
    local library
    install -D "$server" rootfs/usr/bin/hook_server
    for library in $(ldd "$server" | grep -oE '/[^ ]+'); do install -D "$(readlink -f "$library")" "rootfs$library"; done
}
make_image() {
    copy_server && tar -C rootfs -cf layer.tar . &&
        printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
            "$(sha256sum layer.tar | cut -d' ' -f1)" > config.json &&
        printf '[{"Config":"config.json","RepoTags":["hooks:1"],"Layers":["layer.tar"]}]' > manifest.json &&
        tar -cf hooks.tar manifest.json config.json layer.tar
}
manifests() {
    cat << END
apiVersion: v1
kind: Pod
metadata: {name: hook, labels: {app: hook}}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: hooks:1
    imagePullPolicy: Never
    command: [/usr/bin/hook_server, '8443', /tls/tls.crt, /tls/tls.key]
    ports: [{name: https, containerPort: 8443}]
    volumeMounts: [{name: tls, mountPath: /tls}]
  volumes: [{name: tls, secret: {secretName: tls}}]
---
apiVersion: v1
kind: Service
metadata: {name: hook}
spec: {selector: {app: hook}, ports: [{port: 443, targetPort: https}]}
END
}
by_service() { printf 'clientConfig: {service: {namespace: default, name: %s, path: %s}, caBundle: %s}' "$1" "$2" "$CA"; }
inside_calls() { acme get --raw "/api/v1/namespaces/default/services/https:hook:443/proxy/calls/$1"; }
check "an image with the server" make_image
check "import it" "$WARREN" image import hooks.tar --data-dir "$DATA"
check "its certificate" acme create secret tls tls --cert tls.crt --key tls.key
check "Pod and Service" bash -c "$(declare -f manifests); manifests | kubectl --kubeconfig acme.kubeconfig apply -f -"
check "the Pod is ready" acme wait pod/hook --for=condition=Ready --timeout=90s
wait_for "it is reached" 60 inside_calls allow
check "one behind the Service" put acme Validating v /x "$(by_service hook /deny-message)"
check_fails "denies with its words" 'admission webhook "v.hooks.test" denied the request: not today' map acme served
check "one that mutates" put acme Mutating m /x "$(by_service hook /stage-1)"
check "instead" acme delete validatingwebhookconfigurations --all
check "create" map acme served
check_out "mutated in the Pod" '"stage-1":"yes"' data_of served
check "forget them" unhook acme

# ---- through which another reaches nothing ----
before=$(inside_calls deny-message)
check "globex names a Service that acme has" put globex Validating v /x "$(by_service hook /deny-message)"
check_fails "it has none" 'failed calling webhook "v.hooks.test": .*not found' map globex served
forged() { # ADDRESS [POD]
    cat << END
apiVersion: v1
kind: Service
metadata: {name: hook}
spec: {ports: [{port: 443, targetPort: $PORT}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: hook}
subsets: [{addresses: [{ip: $1${2:+, targetRef: {kind: Pod, namespace: default, name: $2\}}}], ports: [{port: $PORT}]}]
END
}
pod_address=$(acme get pod hook -o 'jsonpath={.status.podIP}')
for address in "$FAR" "$NEAR" "$pod_address" "$pod_address hook"; do
    # shellcheck disable=SC2086 # an address, and the name of a Pod
    check "globex makes up endpoints: $address" bash -c "$(declare -f forged); PORT=$PORT; forged $address | kubectl --kubeconfig globex.kubeconfig apply -f -"
    check_fails "they lead nowhere" 'failed calling webhook "v.hooks.test"' map globex served
done
check_out "acme's Pod was not asked" "^$before$" inside_calls deny-message
check "forget them" unhook globex

# ---- conversion ----
definition() {
    local version
    cat << END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: routes.hooks.example.com}
spec:
  group: hooks.example.com
  scope: Namespaced
  names: {plural: routes, singular: route, kind: Route}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {service: {namespace: default, name: hook, path: /convert}, caBundle: $CA}
  versions:
END
    for version in "v1 true host" "v2 false address"; do
        # shellcheck disable=SC2086 # three words
        set -- $version
        printf '  - {name: %s, served: true, storage: %s, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {%s: {type: string}}}}}}}\n' "$@"
    done
}
check "a definition of two versions" bash -c "$(declare -f definition); CA=$CA; definition | kubectl --kubeconfig acme.kubeconfig apply -f -"
check "it is established" acme wait --for=condition=Established crd/routes.hooks.example.com --timeout=20s
new_route() { printf '{apiVersion: hooks.example.com/v2, kind: Route, metadata: {name: r}, spec: {address: there}}' | acme apply -f -; }
check "an object of the second" new_route
check_out "got as the first" '^there$' acme get routes.v1.hooks.example.com r -o 'jsonpath={.spec.host}'
check_out "and as the second" '^there$' acme get routes.v2.hooks.example.com r -o 'jsonpath={.spec.address}'
check "the Pod goes" acme delete pod hook
check_fails "then nothing converts" 'conversion webhook for hooks.example.com/v1, Kind=Route failed' acme get routes.v2.hooks.example.com r
check_out "what needs none is there" '^there$' acme get routes.v1.hooks.example.com r -o 'jsonpath={.spec.host}'

stop_warren
summary
