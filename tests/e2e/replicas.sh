#!/usr/bin/env bash
# Two servers over one database: both answer, one runs the controllers, and the other takes over when it dies.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "a tenant" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
sed 's/127.0.0.1:6443/127.0.0.1:7443/' acme.kubeconfig > second.kubeconfig
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
second() { kubectl --kubeconfig second.kubeconfig "$@"; }
child() { pgrep -P "$UP" -f "warren $1 " | head -1; }
option() { tr '\0' '\n' < "/proc/$(child server)/cmdline" | grep -A1 -x -- "$1" | tail -1; }
database=$(option --postgres) user=$(option --user)
mkdir -p other/server
cp "$DATA/server/encryption.key" other/server/
other() {
    "$WARREN" server --postgres "$database" --data-dir "$PWD/other" --listen 127.0.0.1:7443 \
        --user "$user" --credentials-dir "$PWD/other/server" >> other.log 2>&1 &
    OTHER=$!
}
other
wait_for "a second server answers" 30 second get namespaces

cat > web.yaml << 'END'
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
      containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "sleep 3600"]}]
END
check "work is given to the second" second apply -f web.yaml
ready() { [ "$(acme get deployment web -o 'jsonpath={.status.readyReplicas}')" = "$1" ]; }
wait_for "the first does it" 60 ready 2
pod=$(acme get pods -o 'jsonpath={.items[0].metadata.name}')
check_out "the second reaches the Pod" works second exec "$pod" -- echo works
check "only one says that it is on duty" test "$(cat other.log "$LOG" | grep -c 'msg="on duty"')" = 1

# Whoever supervises the first is held, or it would be back at once.
kill -STOP "$UP"
kill -KILL "$(child server)"
check "work while the first is dead" second scale deployment web --replicas=4
placed() { [ "$(second get pods -o 'jsonpath={.items[*].spec.nodeName}' | wc -w)" = "$1" ]; }
wait_for "the second makes and places Pods within seconds" 30 placed 4
kill -CONT "$UP"
wait_for "the first is back" 60 acme get namespaces
wait_for "and the Pods run" 60 ready 4
check "none was made twice" test "$(acme get pods -o name | wc -l)" = 4
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }
check "nor on the host" test "$(admin -n warren-acme get pods -o name | wc -l)" = 4

kill -KILL "$OTHER"
wait "$OTHER" 2> /dev/null
check "less work, with the second dead" acme scale deployment web --replicas=1
wait_for "the first does it again" 30 ready 1
gone() { [ "$(admin -n warren-acme get pods -o name | wc -l)" = 1 ]; }
wait_for "on the host, too" 30 gone

other
wait_for "the second comes back" 30 second get namespaces
kill -TERM "$OTHER"
wait "$OTHER"
check "and stops when asked" test $? = 0
stop_warren
summary
