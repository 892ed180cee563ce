#!/usr/bin/env bash
# What upstream's conformance tests of sig-apps, sig-node and sig-network do, against a tenant with real Pods.
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

evict() {
    printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"%s","namespace":"default"}}' "$1" > evict.json
    acme create --raw "/api/v1/namespaces/default/pods/$1/eviction" -f evict.json
}
pod_of() { acme get pods -l "$1" -o 'jsonpath={.items[0].metadata.name}'; }

acme apply -f - > /dev/null << END
apiVersion: v1
kind: ReplicationController
metadata: {name: rc}
spec:
  replicas: 2
  selector: {name: rc}
  template: {metadata: {labels: {name: rc}}, spec: {terminationGracePeriodSeconds: 0, containers: [$container]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds}
spec:
  selector: {matchLabels: {name: ds}}
  template: {metadata: {labels: {name: ds}}, spec: {terminationGracePeriodSeconds: 0, containers: [$container]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {name: web}, ports: [{port: 80, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {name: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ss}
spec:
  serviceName: peers
  replicas: 2
  selector: {matchLabels: {name: web}}
  template:
    metadata: {labels: {name: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: c
        image: busybox
        imagePullPolicy: IfNotPresent
        command: [sh, -c, 'echo served > /tmp/ok; exec httpd -f -p 80 -h /tmp']
        readinessProbe: {httpGet: {path: /ok, port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {terminationGracePeriodSeconds: 0, containers: [$container]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: fails}
spec:
  podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [3]}}]}
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, 'exit 3']}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: byindex}
spec:
  completionMode: Indexed
  completions: 3
  parallelism: 3
  backoffLimitPerIndex: 0
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, 'exit \$JOB_COMPLETION_INDEX']}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: elsewhere}
spec:
  managedBy: example.com/other
  template: {spec: {restartPolicy: Never, containers: [$container]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: evicted}
spec:
  backoffLimit: 0
  podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}
  template: {spec: {terminationGracePeriodSeconds: 1, restartPolicy: Never, containers: [$container]}}
END

# ---- ReplicationController ----
wait_for "a ReplicationController's Pods are ready" 60 is rc/rc '{.status.readyReplicas}' 2
check "it scales" acme scale rc rc --replicas=3
wait_for "and counts them" 30 is rc/rc '{.status.availableReplicas}' 3
stray=$(pod_of name=rc)
check "a Pod leaves its selector" acme label pod "$stray" name=other --overwrite
wait_for "it is released" 60 is "pod/$stray" '{.metadata.ownerReferences}' ""
check "and comes back" acme label pod "$stray" name=rc --overwrite
wait_for "one of four is too many" 30 is rc/rc '{.status.replicas}' 3

# ---- DaemonSet ----
wait_for "a tenant's DaemonSet is ready" 60 is ds/ds '{.status.numberReady}' 1

# ---- ControllerRevisions ----
revisions() { [ "$(acme get controllerrevisions -l name=ds -o name | wc -l)" = "$1" ]; }
revision=$(acme get controllerrevisions -l name=ds -o 'jsonpath={.items[0].metadata.name}')
check "a DaemonSet has a revision" revisions 1
check "it can be labelled" acme label controllerrevision "$revision" marked=patched
acme get controllerrevision "$revision" -o json | jq '.metadata |= {name: "other", labels, ownerReferences} | .revision += 1' > other.json
check "another of the same template" acme create -f other.json
check "stands beside it" revisions 2
check "the first goes" acme delete controllerrevision "$revision"
check "one is left" revisions 1
check "it is marked" acme label controllerrevision other marked=updated --overwrite
check "the template changes" acme patch ds ds --type=merge -p '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":1}}}}'
wait_for "and has a revision" 30 revisions 2
check "the other goes by its label" acme delete controllerrevisions -l marked=updated
check "the new one stays" revisions 1

# ---- Job ----
fail_reason='{.status.conditions[?(@.type=="Failed")].reason}'
wait_for "a Job fails by its policy" 60 is job/fails "$fail_reason" PodFailurePolicy
wait_for "one by its indexes" 60 is job/byindex "$fail_reason" FailedIndexes
check "of which one had succeeded" is job/byindex '{.status.completedIndexes}/{.status.failedIndexes}' 0/1,2
check "one that is managed elsewhere is left alone" is job/elsewhere '{.status}' '{}'
wait_for "a Job's Pod runs" 60 is job/evicted '{.status.ready}' 1
first=$(pod_of job-name=evicted)
check "it is evicted" evict "$first"
replaced() { [ "$(pod_of job-name=evicted)" != "$first" ] && is job/evicted '{.status.ready}' 1; }
wait_for "replaced" 60 replaced
check "and not counted as a failure" is job/evicted '{.status.failed}' ""

# ---- Services and DNS ----
wait_for "a StatefulSet is ready" 60 is sts/ss '{.status.readyReplicas}' 2
node=$(acme get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')
port=$(value svc/web '{.spec.ports[0].nodePort}') address=$(value svc/web '{.spec.clusterIP}')
from_client() { acme exec client -- sh -c "$1" | grep -q "$2"; }
get_from() { from_client "printf 'GET /ok HTTP/1.0\r\n\r\n' | nc -w 2 $1 $2" served; }
reverse=$(awk -F. '{print $4 "." $3 "." $2 "." $1}' <<< "$address").in-addr.arpa
wait_for "a ClusterIP answers" 30 get_from "$address" 80
wait_for "its NodePort answers" 30 get_from "$node" "$port"
wait_for "a Pod of a headless Service has a name" 30 from_client 'nslookup ss-0.peers.default.svc.cluster.local' Address
wait_for "a Service's address has one" 30 from_client "nslookup -type=ptr $reverse" 'web.default.svc.cluster.local'

stop_warren
summary
