#!/usr/bin/env bash
# tests/bench/turns.sh ROUNDS CONCURRENCY COUNT BUILD-DIR...: creates of ConfigMaps with several builds in turn, which is what two builds
# can be compared by on a machine that others use too. Each on an empty database of its own, in its own namespaces, below ${TMPDIR:-/tmp}
# (TMPDIR=/dev/shm leaves the disk out). Prints a line a run, with the CPU that a create cost the server and PostgreSQL's sessions.
set -euo pipefail
if [ -z "${WARREN_TURNS_INSIDE:-}" ]; then
    export WARREN_TURNS_INSIDE=1
    exec unshare --net --pid --fork --kill-child --mount --mount-proc "$0" "$@"
fi
rounds=$1 concurrency=$2 count=$3
shift 3
work=$(mktemp -d "${TMPDIR:-/tmp}/warren-turns.XXXXXX")
chmod 755 "$work"
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf --one-file-system "$work"' EXIT
ip link set lo up

cpu_us() { # PATTERN: of all threads of all processes that match
    local pid
    for pid in $(pgrep -f "$1"); do cat /proc/"$pid"/task/*/schedstat; done | awk '{us += $1 / 1000} END {printf "%d", us}'
}

for _ in $(seq "$rounds"); do
    for build in "$@"; do
        "$build/warren" up --data-dir "$work/data" --listen 127.0.0.1:6443 --no-node > "$work/log" 2>&1 &
        up=$!
        for _ in $(seq 300); do grep -qx ready "$work/log" && break; sleep 0.1; done
        "$build/warren" tenant create bench --data-dir "$work/data" --kubeconfig "$work/kubeconfig" > /dev/null
        sleep 1
        server=$(cpu_us 'warren server --') database=$(cpu_us 'postgres: warren')
        line=$("$build/warren_bench" load "$work/kubeconfig" configmaps "$concurrency" "$count" 2>&1 > /dev/null | tail -1)
        echo "$build $line  server $((($(cpu_us 'warren server --') - server) / count)) us" \
            "database $((($(cpu_us 'postgres: warren') - database) / count)) us"
        kill "$up"
        wait "$up" || true
        rm -rf --one-file-system "$work/data"
    done
done
