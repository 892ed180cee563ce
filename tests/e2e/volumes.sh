#!/usr/bin/env bash
# PersistentVolumes with real folders behind them: in a tenant, on the host, and what is left of them.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
for name in acme globex; do
    check "a tenant $name" "$WARREN" tenant create "$name" --data-dir "$DATA" --kubeconfig "$name.kubeconfig"
done
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
globex() { kubectl --kubeconfig globex.kubeconfig "$@"; }
host() { kubectl --kubeconfig "$ADMIN" "$@"; }
value() { acme get "$1" -o "jsonpath=$2"; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }
folders() { find "$DATA/node/claims" -mindepth 1 -maxdepth 1 2> /dev/null | wc -l; }
has_folders() { [ "$(folders)" = "$1" ]; }
is_empty() { [ -z "$("$@" -o name 2> /dev/null)" ]; }
container='name: c, image: busybox, imagePullPolicy: IfNotPresent'
claim() {
    cat << END
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: $1}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: $2}}${3:+, $3}}
END
}
# pod NAME CLAIM COMMAND [MORE]
pod() {
    cat << END
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers: [{$container, command: [sh, -c, '$3'], volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: $2${4:+, $4}}}]
END
}

# ---- a StatefulSet ----
check_out "there is a default StorageClass" 'standard \(default\)' acme get storageclass
acme apply -f - > /dev/null << END
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext: {runAsUser: 1000, fsGroup: 2000}
      containers:
      - $(printf '{%s, command: [sh, -c, "hostname >> /data/log; touch /part/x && sleep 3600"]' "$container"), volumeMounts: [{name: data, mountPath: /data}, {name: data, mountPath: /part, subPath: a/b}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
END
check "a StatefulSet with claims is rolled out" acme rollout status statefulset/db --timeout=60s
check "its claims are bound" is pvc/data-db-1 '{.status.phase} {.status.capacity.storage}' 'Bound 1Gi'
check "each has a folder" has_folders 2
check_out "the group may write to it" '^2000 2777$' stat -c '%g %a' "$DATA/node/claims/$(host get pv -o 'jsonpath={.items[0].spec.csi.volumeHandle}')"
acme delete pod db-0 --now > /dev/null 2>&1
check "the next Pod of that name" acme wait --for=condition=Ready pod/db-0 --timeout=60s
check_out "finds what the last one wrote" '^db-0 db-0 $' acme exec db-0 -- sh -c 'tr "\n" " " < /data/log'
check_out "and nothing of the other's" '^db-1 $' acme exec db-1 -- sh -c 'tr "\n" " " < /data/log'
check "a claim grows" acme patch pvc data-db-0 -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
wait_for "with its volume" 20 is pvc/data-db-0 '{.status.capacity.storage}' 2Gi
check_fails "it does not shrink" 'can not be less than' acme patch pvc data-db-0 -p '{"spec":{"resources":{"requests":{"storage":"1Gi"}}}}'
acme delete pvc data-db-1 --wait=false > /dev/null
check "a claim that is used is kept" is pvc/data-db-1 '{.status.phase}' Bound
acme scale statefulset db --replicas=1 > /dev/null
wait_for "until its Pod is gone" 30 is_empty acme get pvc data-db-1 --ignore-not-found
wait_for "and its folder with it" 30 has_folders 1

# ---- claims of many kinds ----
{ claim late 1Gi; echo ---; pod writer late 'echo kept > /v/file; sleep 3600'; } | acme apply -f - > /dev/null
check "a Pod and its claim at once" acme wait --for=condition=Ready pod/writer --timeout=60s
pod reader late 'cat /v/file; echo no > /v/file' 'readOnly: true' | acme apply -f - > /dev/null
wait_for "a reader of the same claim ends" 30 is pod/reader '{.status.phase}' Failed
check_out "has read, and could not write" 'kept' acme logs reader
check_out "for that reason" 'Read-only file system' acme logs reader
pod orphan nowhere 'true' | acme apply -f - > /dev/null
wait_for "a Pod without its claim waits" 20 is pod/orphan '{.status.conditions[?(@.type=="PodScheduled")].reason}' Unschedulable
check_out "and says for what" 'persistentvolumeclaim "nowhere" not found' value pod/orphan '{.status.conditions[0].message}'
claim nowhere 1Mi | acme apply -f - > /dev/null
wait_for "and goes on when it comes" 30 is pod/orphan '{.status.phase}' Succeeded
acme apply -f - > /dev/null << END
apiVersion: v1
kind: Pod
metadata: {name: scratch}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{$container, command: [sh, -c, "touch /v/x && sleep 3600"], volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}}}]
END
check "an ephemeral volume" acme wait --for=condition=Ready pod/scratch --timeout=60s
acme delete pod scratch --now > /dev/null 2>&1
wait_for "goes with its Pod" 30 is_empty acme get pvc scratch-v --ignore-not-found
claim device 1Gi 'volumeMode: Block' | acme apply -f - > /dev/null
has_event() { acme get events --field-selector "reason=$1" -o name | grep -q .; }
wait_for "a device is not to be had" 20 has_event ProvisioningFailed

# ---- kept volumes ----
volume=$(value pvc/late '{.spec.volumeName}')
acme patch pv "$volume" -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}' > /dev/null
acme delete pod writer reader --now > /dev/null 2>&1
acme delete pvc late > /dev/null
wait_for "a volume that is to be kept" 20 is "pv/$volume" '{.status.phase}' Released
acme patch pv "$volume" --type=json -p '[{"op":"remove","path":"/spec/claimRef"}]' > /dev/null
{ claim again 1Gi "volumeName: $volume"; echo ---; pod heir again 'cat /v/file'; } | acme apply -f - > /dev/null
wait_for "has its contents for the next claim" 30 is pod/heir '{.status.phase}' Succeeded
check_out "as they were" '^kept$' acme logs heir

# ---- what is not a tenant's ----
acme apply -f - > /dev/null << END
apiVersion: v1
kind: PersistentVolume
metadata: {name: root}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: mine, hostPath: {path: /}}
END
{ claim root 1Gi 'storageClassName: mine'; echo ---; pod thief root 'ls /v'; } | acme apply -f - > /dev/null
wait_for "a hostPath volume in a tenant is refused" 20 is pod/thief '{.status.conditions[?(@.type=="PodScheduled")].reason}' NotAllowed
handle=$(host get pv -o 'jsonpath={.items[0].spec.csi.volumeHandle}')
globex apply -f - > /dev/null << END
apiVersion: v1
kind: PersistentVolume
metadata: {name: $volume}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: mine, csi: {driver: local.warren.dev, volumeHandle: $handle}}
END
{ claim theirs 1Gi 'storageClassName: mine'; echo ---; pod thief theirs 'ls -A /v; echo end'; } | globex apply -f - > /dev/null
wait_for "a handle of another tenant's volume" 30 globex wait --for=jsonpath='{.status.phase}'=Succeeded pod/thief --timeout=0s
check_out "leads to a folder of one's own" '^end$' globex logs thief
check_fails "more than the plan has" 'exceeded plan.*requests.storage' globex apply -f <(claim huge 1Pi)

# ---- the host ----
mkdir -p "$WARREN_E2E_WORK/disk"
echo disk > "$WARREN_E2E_WORK/disk/file"
host apply -f - > /dev/null << END
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: disks
  local: {path: $WARREN_E2E_WORK/disk}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [linux]}]}]}}
END
{ claim disk 1Gi 'storageClassName: disks'; echo ---; pod disk disk 'cat /v/file'; } | host apply -f - > /dev/null
wait_for "a local volume on the host" 30 host wait --for=jsonpath='{.status.phase}'=Succeeded pod/disk --timeout=0s
check_out "is what is there" '^disk$' host logs disk
host delete pod disk --now > /dev/null 2>&1
host delete pvc disk > /dev/null

# ---- the end ----
stop_warren
start_warren
check "after a restart" acme wait --for=condition=Ready pod/db-0 --timeout=60s
wait_for "the contents are there" 20 acme exec db-0 -- grep -q db-0 /data/log
check "and writable" acme exec db-0 -- touch /data/after
for name in acme globex; do
    check "tenant $name goes" "$WARREN" tenant delete "$name" --data-dir "$DATA"
done
wait_for "and all of its volumes" 30 has_folders 0
wait_for "of which the host has none left" 20 is_empty host get pv -l local.warren.dev/node
check_out "what the operator brought is there" disk cat "$WARREN_E2E_WORK/disk/file"
stop_warren
summary
