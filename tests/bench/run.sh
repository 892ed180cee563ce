#!/usr/bin/env bash
# tests/bench/run.sh [TRIALS]: builds release, starts a Warren of its own in its own namespaces, measures; JSON lines on standard
# output, a table on standard error. Wants a quiet machine: close everything else. About a minute a trial.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
trials=${1:-3}
if [ -z "${WARREN_BENCH_INSIDE:-}" ]; then
    cmake -B "$here/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=ON > /dev/null
    cmake --build "$here/build" -j "$(nproc)" --target warren warren_bench > /dev/null
    export WARREN_BENCH_INSIDE=1
    exec unshare --net --pid --fork --kill-child --mount --mount-proc "$0" "$@"
fi
ip link set lo up
work=$(mktemp -d /tmp/warren-bench.XXXXXX)
chmod 755 "$work"
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf --one-file-system "$work"' EXIT

memory() { # NAME: resident (PSS) and CPU of each of our processes now
    local pid total=0 pss
    for pid in $(pgrep -f 'warren (up|server)|postgres' || true); do
        pss=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup" 2> /dev/null || echo 0)
        total=$((total + ${pss:-0}))
        if tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -q 'warren server'; then server=${pss:-0}; fi
    done
    printf '{"op":"memory","what":"%s","server_kib":%d,"all_kib":%d}\n' "$1" "${server:-0}" "$total"
    printf 'memory     %-40s server %7d KiB   all with PostgreSQL %7d KiB\n' "$1" "${server:-0}" "$total" >&2
}

for trial in $(seq "$trials"); do
    echo "--- trial $trial" >&2
    data=$work/$trial
    "$here/build/warren" up --data-dir "$data" --listen 127.0.0.1:6443 --no-node > "$work/log" 2>&1 &
    up=$!
    for _ in $(seq 600); do grep -qx ready "$work/log" && break; sleep 0.1; done
    sleep 5
    memory "idle, no tenant"
    "$here/build/warren" tenant create bench --data-dir "$data" --kubeconfig "$work/bench.kubeconfig" > /dev/null
    "$here/build/warren_bench" cluster "$work/bench.kubeconfig" 1
    memory "after the load on one cluster"
    "$here/build/warren_bench" load "$data/admin.kubeconfig" tenants 1 1000
    sleep 75 # caches of idle clusters are dropped after a minute
    memory "1,000 idle tenants beside it"
    kill "$up"
    wait "$up" || true
    : > "$work/log"
    "$here/build/warren" up --data-dir "$data-node" --listen 127.0.0.1:6443 >> "$work/log" 2>&1 &
    up=$!
    for _ in $(seq 600); do grep -qx ready "$work/log" && break; sleep 0.1; done
    "$here/build/warren" tenant create bench --data-dir "$data-node" --kubeconfig "$work/bench.kubeconfig" > /dev/null
    "$here/build/warren_bench" pods "$work/bench.kubeconfig" "$data-node/admin.kubeconfig" 30
    kill "$up"
    wait "$up" || true
done
