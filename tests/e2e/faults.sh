#!/usr/bin/env bash
# Killing any process at any instant: what was acknowledged stays, both sides converge, nothing is left over or doubled.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "tenant create" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }
child() { pgrep -P "$UP" -f "warren $1 " | head -1; }
check "apply" acme apply -f "$here/deploy/examples/hello.yaml"
acme -n hello patch deployment/hello --type=merge -p '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":1}}}}' > /dev/null

: > acknowledged
write_on() { # until the file `stop` is there: names that the server took go to `acknowledged`
    local i=0
    while [ ! -e stop ]; do
        i=$((i + 1))
        acme -n hello create configmap "w$i" --from-literal=k=v > /dev/null 2>&1 && echo "w$i" >> acknowledged
    done
}
write_on &
writer=$!
pod_of() { admin get pods -A -o json | jq -r '.items[] | select(.metadata.namespace=="warren-acme" and .metadata.deletionTimestamp==null) | .metadata.name'; }
settled() { # as many host Pods as tenant Pods, all ready, each name once
    local want
    want=$(acme -n hello get deployment hello -o 'jsonpath={.spec.replicas}/{.status.readyReplicas}/{.status.updatedReplicas}') || return 1
    [ "$want" = "$1/$1/$1" ] && [ "$(acme -n hello get pods -o name | wc -l)" = "$1" ] && [ "$(pod_of | wc -l)" = "$1" ] &&
        [ "$(pod_of | sort -u | wc -l)" = "$1" ]
}

replicas=3
for victim in server node server postgres server; do
    replicas=$((replicas == 3 ? 5 : 3))
    acme -n hello scale deployment/hello --replicas=$replicas > /dev/null 2>&1
    sleep "0.$((RANDOM % 6))"
    if [ "$victim" = postgres ]; then pid=$(head -1 "$DATA"/postgres/data/postmaster.pid); else pid=$(child "$victim"); fi
    kill -KILL "$pid"
    wait_for "the $victim killed: the API answers again" 60 acme get namespaces
    acme -n hello scale deployment/hello --replicas=$replicas > /dev/null 2>&1
    wait_for "the $victim killed: both sides agree on $replicas Pods" 90 settled $replicas
done

kill -KILL "$UP"
wait "$UP" 2> /dev/null
: > "$LOG"
start_warren
wait_for "everything killed: both sides agree on $replicas Pods" 90 settled "$replicas"
touch stop
wait "$writer" 2> /dev/null
lost() { comm -23 <(sort acknowledged) <(acme -n hello get configmaps -o name | sed 's|.*/||' | sort); }
check_out "writes were acknowledged throughout" '^[1-9][0-9]+$' bash -c 'wc -l < acknowledged'
check_out "no acknowledged write is lost" '^$' lost

# What a power cut leaves: files. No process, no mount, no device, no rule; files where namespaces were mounted.
kill -KILL -1
wait 2> /dev/null
awk -v top="$DATA/" 'index($5, top) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r umount -l
ip -br link | awk '/^(warren|veth)/ {sub("@.*", "", $1); print $1}' | xargs -r -n 1 ip link delete
nft flush ruleset
: > "$LOG"
start_warren
wait_for "the machine went down: both sides agree on $replicas Pods" 120 settled "$replicas"

check "delete the namespace" acme delete namespace hello --timeout=90s
nothing_left() { [ -z "$(pod_of)" ] && [ "$(admin -n warren-acme get configmaps,secrets,services -o name | grep -c 'x-hello-x')" = 0 ]; }
wait_for "nothing of it is left on the host" 60 nothing_left
check_out "no sandbox is left on the node" '^0$' bash -c "ls '$DATA'/node/runtime/sandboxes 2> /dev/null | wc -l"

check_fails "an image that does not exist" 'ErrImagePull|ImagePullBackOff' bash -c "
    kubectl --kubeconfig acme.kubeconfig run absent --image=127.0.0.1:1/no/such:image --restart=Never > /dev/null
    for i in \$(seq 100); do
        kubectl --kubeconfig acme.kubeconfig get pod absent -o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}' | grep -E 'ErrImagePull|ImagePullBackOff' && exit 1
        sleep 0.2
    done"
check_fails "a body of more than 3 MiB" 'too large|TooLarge|413' bash -c "
    head -c 3500000 /dev/zero | tr '\0' x > big; kubectl --kubeconfig acme.kubeconfig create configmap big --from-file=big"
check_fails "an image file that is none" 'warren: ' "$WARREN" image import acknowledged --data-dir "$DATA"
stop_warren
[ "$failed" = 0 ] || tail -60 "$LOG.kept"
summary
