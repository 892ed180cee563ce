#!/usr/bin/env bash
# tests/bench/targets.sh [BUILD-DIR] [TRIALS]: the figures that have a target, one after the other, in a minute a trial; each
# trial on an empty database of its own, in its own namespaces. A table on standard error, JSON lines on standard output.
set -euo pipefail
build=$(realpath "${1:-build}") trials=${2:-3}
if [ -z "${WARREN_TARGETS_INSIDE:-}" ]; then
    export WARREN_TARGETS_INSIDE=1
    exec unshare --net --pid --fork --kill-child --mount --mount-proc "$0" "$build" "$trials"
fi
work=$(mktemp -d /tmp/warren-targets.XXXXXX)
chmod 755 "$work"
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf --one-file-system "$work"' EXIT
ip link set lo up

cpu_us() { # of all the server's threads
    cat /proc/"$(pgrep -of 'warren server --')"/task/*/schedstat | awk '{us += $1 / 1000} END {printf "%d", us}'
}

# COUNT WORDS...: a measurement by warren_bench, and what each of COUNT cost the server
measure() {
    local count=$1 before
    shift
    before=$(cpu_us)
    "$build/warren_bench" "$@"
    printf '%42s %d us of server CPU each\n' "" $((($(cpu_us) - before) / count)) >&2
}

for trial in $(seq "$trials"); do
    echo "--- trial $trial" >&2
    "$build/warren" up --data-dir "$work/$trial" --listen 127.0.0.1:6443 --no-node > "$work/log" 2>&1 &
    up=$!
    for _ in $(seq 300); do grep -qx ready "$work/log" && break; sleep 0.1; done
    "$build/warren" tenant create bench --data-dir "$work/$trial" --kubeconfig "$work/kubeconfig" > /dev/null
    sleep 1
    measure 2000 load "$work/kubeconfig" configmaps 1 2000
    measure 6000 load "$work/kubeconfig" configmaps 16 6000
    measure 8000 load "$work/kubeconfig" configmaps 64 8000
    measure 6000 load "$work/kubeconfig" get 16 6000
    measure 50000 fan "$work/kubeconfig" 100 500 1 0
    measure 500000 fan "$work/kubeconfig" 500 1000 8 0
    measure 60000 fan "$work/kubeconfig" 1000 60 1 20
    measure 20 load "$work/kubeconfig" list 1 20
    measure 2000 load "$work/kubeconfig" pods 16 2000
    "$build/warren_bench" load "$work/kubeconfig" pods 32 3000 > /dev/null 2>&1
    sleep 30 # the syncer and the scheduler have their say of 5,000 Pods
    "$build/warren_bench" lists "$work/kubeconfig" 20
    kill "$up"
    wait "$up" || true
done
