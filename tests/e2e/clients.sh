#!/usr/bin/env bash
# Real clients against a tenant's endpoint: kubectl 1.20, helm 4, Debian's Python client.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1
export HOME=$WARREN_E2E_WORK

start_warren
check "tenant create" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
export KUBECONFIG=$PWD/acme.kubeconfig

check_out "kubectl 1.20: version" 'GitVersion:"v1.32' kubectl-1.20 version
check "kubectl 1.20: apply" kubectl-1.20 apply -f "$here/deploy/examples/hello.yaml"
check "kubectl 1.20: rollout status" kubectl-1.20 -n hello rollout status deployment/hello --timeout=90s
check_out "kubectl 1.20: get" '1/1 +Running' kubectl-1.20 -n hello get pods
check_out "kubectl 1.20: get -o wide" '10\.244\.' kubectl-1.20 -n hello get pods -o wide
check_out "kubectl 1.20: describe" 'Started container web' kubectl-1.20 -n hello describe pods
check_out "kubectl 1.20: explain" 'replicas' kubectl-1.20 explain deployment.spec
check_out "kubectl 1.20: logs" 'serving on port' kubectl-1.20 -n hello logs deployment/hello
check "kubectl 1.20: label" kubectl-1.20 -n hello label deployment/hello tier=front
check_out "kubectl 1.20: get by label" 'hello' kubectl-1.20 -n hello get deployments -l tier=front
check_out "kubectl 1.20: diff is empty" '^$' kubectl-1.20 diff -f "$here/deploy/examples/hello.yaml"
check "kubectl 1.20: delete" kubectl-1.20 delete -f "$here/deploy/examples/hello.yaml" --timeout=90s

check "kubectl: create namespace" kubectl create namespace shop
check "helm install" helm install one "$here/tests/e2e/chart" -n shop --wait --timeout 120s
check_out "helm list" 'one.*deployed' helm list -n shop
check "helm upgrade" helm upgrade one "$here/tests/e2e/chart" -n shop --set greeting=welcome --wait --timeout 120s
check_out "the upgrade is there" 'welcome from front' kubectl -n shop get configmap one-front -o yaml
check "helm rollback" helm rollback one 1 -n shop --wait --timeout 120s
check_out "the rollback is there" 'hello from front' kubectl -n shop get configmap one-front -o yaml
check_out "helm history" 'Rollback to 1' helm history one -n shop
check "helm uninstall" helm uninstall one -n shop --wait --timeout 120s
check_out "nothing is left of it" '^$' kubectl -n shop get deployments,configmaps -l app=one -o name

life() { helm "$1" life "$here/tests/e2e/chart-life" -n life --wait --timeout 120s "${@:2}"; }
check "helm: a chart with hooks, a CRD and a subchart" life install --create-namespace --wait-for-jobs
check_out "helm: it found what is there" '^true true 1$' kubectl -n life get configmap life-seen -o 'jsonpath={.data.meadows} {.data.batch} {.data.nodes}'
check_out "helm: hooks are cleared away as told" '^job.batch/life-fill job.batch/life-post-install $' kubectl -n life get jobs -o 'jsonpath={range .items[*]}job.batch/{.metadata.name} {end}'
check_out "helm test" '^tested' helm test life -n life --logs
check_fails "helm: an upgrade whose hook fails" 'pre-upgrade hooks failed' life upgrade --set 'migrate=exit 3' --rollback-on-failure
check_out "helm: is rolled back" 'Rollback to 1' helm history life -n life
check "helm uninstall with hooks" helm uninstall life -n life --wait --timeout 120s
check_out "helm: what it is to keep stays" 'life-key' kubectl -n life get secrets

check_out "the Python client" 'done' /usr/bin/python3 "$here/tests/e2e/python_client.py" "$KUBECONFIG"

node_client() {
    mkdir -p npm && cp "$here/tests/e2e/node_client.mjs" npm/ && cp -r "$WARREN_CLIENTS/node_modules" npm/ && node npm/node_client.mjs "$KUBECONFIG"
}
check_out "the npm client" 'done' node_client

check "kubectl: apply on the server" kubectl apply --server-side -f "$here/deploy/examples/hello.yaml"
check "kubectl: apply on the server again" kubectl apply --server-side -f "$here/deploy/examples/hello.yaml"
check "kubectl: wait" kubectl -n hello wait deployment/hello --for=condition=Available --timeout=90s
check "kubectl: edit" env KUBE_EDITOR="sed -i s/8080/8081/" kubectl -n hello edit configmap/hello-page
paged() { # COLOR: a ConfigMap
    printf '{apiVersion: v1, kind: ConfigMap, metadata: {name: paged, namespace: hello}, data: {color: %s}}\n' "$1"
}
check "kubectl: apply on the client" kubectl apply -f <(paged red)
check "kubectl: then on the server" kubectl apply --server-side -f <(paged blue)
check_out "kubectl: what was applied last goes along" 'color: blue' kubectl -n hello apply view-last-applied configmap/paged
check "kubectl: then on the client again" kubectl apply -f <(paged green)
check_out "kubectl: groups in the order in which they were named" '\[z a system:authenticated\]' kubectl auth whoami --as=jane --as-group=z --as-group=a
check_out "kubectl: api-versions" 'discovery.k8s.io/v1' kubectl api-versions
check_out "kubectl: top-level cluster-info" 'control plane' kubectl cluster-info
check_fails "kubectl: unknown field" 'unknown field "spec.replicaz"' bash -c "sed s/replicas:/replicaz:/ '$here/deploy/examples/hello.yaml' | kubectl apply -f -"
check_out "kubectl: warren as a plugin" 'warren' bash -c "ln -sf '$WARREN' kubectl-warren && PATH=\$PWD:\$PATH kubectl warren version"
stop_warren
[ "$failed" = 0 ] || tail -40 "$LOG.kept"
summary
