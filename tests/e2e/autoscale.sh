#!/usr/bin/env bash
# What Pods use: kubectl top, metrics.k8s.io as its clients read it, and HorizontalPodAutoscalers that scale by it.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "a tenant" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
check "another tenant" "$WARREN" tenant create globex --data-dir "$DATA" --kubeconfig globex.kubeconfig
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
globex() { kubectl --kubeconfig globex.kubeconfig "$@"; }
host() { kubectl --kubeconfig "$ADMIN" "$@"; }
is() { [ "$(acme get "$1" -o "jsonpath=$2")" = "$3" ]; }

acme apply -f - > /dev/null << END
apiVersion: apps/v1
kind: Deployment
metadata: {name: burner}
spec:
  replicas: 1
  selector: {matchLabels: {app: burner}}
  template:
    metadata: {labels: {app: burner}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {name: idle, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "3600"]}
        - name: burn
          image: busybox
          imagePullPolicy: IfNotPresent
          # Until it is told to rest, through its volume.
          command: [sh, -c, 'while :; do if [ -e /d/rest ]; then sleep 1; fi; done']
          resources: {requests: {cpu: 20m}, limits: {cpu: 200m}}
          volumeMounts: [{name: d, mountPath: /d}]
      volumes: [{name: d, emptyDir: {}}]
END
wait_for "a Pod that burns CPU runs" 60 is deployment/burner '{.status.readyReplicas}' 1

# ---- kubectl top ----
hot() { acme top pods "$@" --no-headers | grep -qE 'burner-[^ ]+ +[1-9][0-9]+m +[0-9]+Mi'; }
wait_for "kubectl top pods shows it" 30 hot
check_out "by its containers" 'burner-[^ ]+ +burn +[1-9][0-9]+m' acme top pods --containers
check_out "both" 'burner-[^ ]+ +idle +0m|burner-[^ ]+ +idle +[0-9]m' acme top pods --containers
check_out "of all namespaces, sorted" 'default +burner' acme top pods -A --sort-by=cpu
check_out "chosen by label" 'burner' acme top pods -l app=burner
check_out "or nothing" 'No resources found' acme top pods -l app=other
check_out "one" 'burner' acme top pod "$(acme get pods -o 'jsonpath={.items[0].metadata.name}')"
check_fails "one that is not there" 'pods "none" not found' acme top pod none
check_out "kubectl 1.20 does, too" 'burner-[^ ]+ +[1-9][0-9]+m' kubectl-1.20 --kubeconfig acme.kubeconfig top pods
check_out "as a table" 'NAME +CPU +MEMORY +WINDOW' acme get pods.metrics.k8s.io
check_out "another tenant sees nothing of it" 'No resources found' globex top pods -A
nodes() { "$1" top nodes --no-headers | grep -qE '[0-9]+m +[0-9]+% +[0-9]+Mi +[0-9]+%'; }
check "a tenant's nodes use what its Pods use" nodes acme
check_out "nothing where it has none" ' 0m +0% +0Mi +0%' globex top nodes
check "the host's nodes are told as they are" nodes host
check_out "with all tenants' Pods" 'burner' host top pods -A

# ---- the API ----
raw=/apis/metrics.k8s.io/v1beta1
window='"timestamp":"[^"]+Z","window":"[0-9.]+m?s"'
check_out "a list" "^\{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metadata\":\{\},\"items\":\[\{\"metadata\":\{\"name\":\"burner-[^}]+\"labels\":\{\"app\":\"burner\"[^}]+\}\},$window,\"containers\":\[\{\"name\":\"burn\",\"usage\":\{\"cpu\":\"[0-9]+[num]?\",\"memory\":\"[0-9]+Ki\"" \
    acme get --raw "$raw/namespaces/default/pods"
check_out "of nodes" "\"kind\":\"NodeMetricsList\".*$window,\"usage\":\{\"cpu\":\"[0-9]+[num]?\",\"memory\":\"[0-9]+Ki\"" host get --raw "$raw/nodes"
check_out "in discovery" '^nodes +metrics.k8s.io/v1beta1 +false +NodeMetrics' acme api-resources --api-group=metrics.k8s.io --no-headers
check_fails "it cannot be written" 'the server does not allow this method' acme delete --raw "$raw/namespaces/default/pods/x"
acme create rolebinding viewer --clusterrole=view --user=jane > /dev/null
check_out "who may view may see it" 'burner' acme --as jane top pods
check_fails "of one namespace" 'cannot list resource "nodes" in API group "metrics.k8s.io"' acme --as jane top nodes

# ---- autoscaling ----
condition() { acme get hpa "$1" -o "jsonpath={.status.conditions[?(@.type==\"$2\")].$3}"; }
tells() { condition "$1" "$2" message | grep -qF -- "$3"; }
scaler() { # NAME KIND TARGET METRIC-OF-CPU
    acme apply -f - << END
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: $1}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: $2, name: $3}
  minReplicas: 1
  maxReplicas: 2
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
  metrics: [$4]
END
}
of_container() { echo "{type: ContainerResource, containerResource: {name: cpu, container: burn, target: {type: Utilization, averageUtilization: $1}}}"; }
check "an autoscaler" scaler burner Deployment burner "$(of_container 50)"
# It looks every 15 s, and when it changes; what a Pod uses while it begins counts for nothing.
scaled_to() { acme annotate hpa burner "asked=$SECONDS" --overwrite && is deployment/burner '{.spec.replicas}' "$1"; }
wait_for "scales up" 90 scaled_to 2
check_out "and says so" 'SuccessfulRescale +.*New size: 2; reason: cpu container resource utilization \(percentage of request\) above target' acme describe hpa burner
check_out "with what it measured" 'cpu: [0-9]+%/50%' acme get hpa burner
check "and why not further" tells burner ScalingLimited 'the desired replica count is more than the maximum replica count'
check "a target that is never reached" scaler burner Deployment burner "$(of_container 100000)"
wait_for "scales down" 90 scaled_to 1
check "one that asks for more than is known" scaler whole Deployment burner '{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}'
wait_for "says what is missing" 60 tells whole ScalingActive 'failed to get cpu utilization: missing request for cpu in container idle of Pod burner-'
check "one without a target" scaler lost StatefulSet none "$(of_container 50)"
wait_for "says so" 60 tells lost AbleToScale 'statefulsets.apps "none" not found'

check "delete" acme delete deployment burner
stop_warren
[ "$failed" = 0 ] || tail -40 "$LOG.kept"
summary
