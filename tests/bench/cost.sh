#!/usr/bin/env bash
# tests/bench/cost.sh [BUILD-DIR]: what one create of a ConfigMap costs in CPU time, at concurrency 16; for machines that are too
# busy to measure rates on. Starts a Warren of its own in its own namespaces; ticks are 10 ms, so the count is in thousands.
set -euo pipefail
build=$(realpath "${1:-build}")
if [ -z "${WARREN_COST_INSIDE:-}" ]; then
    export WARREN_COST_INSIDE=1
    exec unshare --net --pid --fork --kill-child --mount --mount-proc "$0" "$build"
fi
count=8000
work=$(mktemp -d /tmp/warren-cost.XXXXXX)
chmod 755 "$work"
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf --one-file-system "$work"' EXIT
ip link set lo up

cpu_ms() { # PATTERN: user and system time of all processes that match, in ms
    local pid total=0
    for pid in $(pgrep -f "$1"); do total=$((total + $(awk '{print ($14 + $15) * 10}' "/proc/$pid/stat"))); done
    echo "$total"
}

"$build/warren" up --data-dir "$work/data" --listen 127.0.0.1:6443 --no-node > "$work/log" 2>&1 &
for _ in $(seq 300); do grep -qx ready "$work/log" && break; sleep 0.1; done
"$build/warren" tenant create bench --data-dir "$work/data" --kubeconfig "$work/bench.kubeconfig" > /dev/null
sleep 1
server=$(cpu_ms 'warren server') database=$(cpu_ms 'postgres: warren')
"$build/warren_bench" load "$work/bench.kubeconfig" configmaps 16 "$count" > /dev/null
echo "server   $((($(cpu_ms 'warren server') - server) * 1000 / count)) us a create"
echo "database $((($(cpu_ms 'postgres: warren') - database) * 1000 / count)) us a create"
