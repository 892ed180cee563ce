# What every end-to-end test needs: a Warren of its own in namespaces of its own, clients, and checks that say what failed.
#
#   WARREN           the binary (default: build/warren)
#   WARREN_CLIENTS   directory with kubectl, helm and kubectl-1.20 (see fetch-clients)
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${WARREN:=$here/build/warren}" "${WARREN_CLIENTS:=$here/build/clients}"
PATH=$WARREN_CLIENTS:$PATH

# Runs the calling script again in network, process and mount namespaces that end with it.
own_namespaces() {
    [ -z "${WARREN_E2E_INSIDE:-}" ] || return 0
    [ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
    [ -x "$WARREN_CLIENTS/kubectl" ] || "$here/tests/e2e/fetch-clients" "$WARREN_CLIENTS" > /dev/null || exit 1
    export WARREN_E2E_INSIDE=1 WARREN_E2E_WORK
    WARREN_E2E_WORK=$(mktemp -d /tmp/warren-e2e.XXXXXX)
    chmod 755 "$WARREN_E2E_WORK"
    trap 'clean_up_outside' EXIT
    # Ends before ctest would kill this shell, too, so that it can clean up.
    local own_root=() # unshare makes no mount namespace where / is no mount: in a chroot
    mountpoint -q / || own_root=("${WARREN%/*}/tests/own_root")
    timeout --foreground -k 5 840 "${own_root[@]}" unshare --net --pid --fork --kill-child --mount --mount-proc "$0" "$@"
    exit $?
}

# Only what this test's node made: another Warren may run on this machine.
clean_up_outside() {
    local state group
    for state in "$WARREN_E2E_WORK"/data/node/runtime/sandboxes/*; do
        for group in /sys/fs/cgroup/{*/,}warren/"${state##*/}"; do
            [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2> /dev/null
        done
    done
    rm -rf --one-file-system "$WARREN_E2E_WORK"
}

passed=0 failed=0
ok() { passed=$((passed + 1)); printf 'ok    %s\n' "$1"; }
fail() {
    failed=$((failed + 1))
    printf 'FAIL  %s\n' "$1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | head -40 | sed 's/^/      | /'
}

# check NAME COMMAND...: the command succeeds.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then ok "$name"; else fail "$name" "$* -> $output"; fi
}
# check_out NAME PATTERN COMMAND...: the command succeeds and its output matches the extended pattern.
check_out() {
    local name=$1 pattern=$2 output
    shift 2
    output=$("$@" 2>&1) || { fail "$name" "$* -> $output"; return; }
    if grep -qE -- "$pattern" <<< "$output"; then ok "$name"; else fail "$name" "no match for $pattern in: $output"; fi
}
# check_fails NAME PATTERN COMMAND...: the command fails and its output matches.
check_fails() {
    local name=$1 pattern=$2 output
    shift 2
    if output=$("$@" 2>&1); then fail "$name" "succeeded: $output"; return; fi
    if grep -qE -- "$pattern" <<< "$output"; then ok "$name"; else fail "$name" "no match for $pattern in: $output"; fi
}
# wait_for NAME SECONDS COMMAND...: the command succeeds within that time.
wait_for() {
    local name=$1 until=$((SECONDS + $2)) output
    shift 2
    while ! output=$("$@" 2>&1); do
        [ "$SECONDS" -lt "$until" ] || { fail "$name" "$* -> $output"; return 1; }
        sleep 0.1
    done
    ok "$name"
}
summary() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
}

# start_warren [OPTION...]: `warren up` in the background; sets DATA, LOG, UP, ADMIN.
start_warren() {
    ip link set lo up
    DATA=$WARREN_E2E_WORK/data LOG=$WARREN_E2E_WORK/up.log
    touch "$LOG"
    "$WARREN" up --data-dir "$DATA" --listen 127.0.0.1:6443 "$@" >> "$LOG" 2>&1 &
    UP=$!
    local until=$((SECONDS + 120))
    until grep -qx ready "$LOG"; do
        if ! kill -0 "$UP" 2> /dev/null || [ "$SECONDS" -ge "$until" ]; then
            fail "warren up is ready" "$(tail -40 "$LOG")"
            summary
            exit 1
        fi
        sleep 0.05
    done
    ok "warren up is ready"
    ADMIN=$DATA/admin.kubeconfig
}
stop_warren() {
    kill -TERM "$UP" 2> /dev/null
    local until=$((SECONDS + 90))
    while kill -0 "$UP" 2> /dev/null; do
        if [ "$SECONDS" -ge "$until" ]; then
            fail "warren up stops on SIGTERM" "$(tail -20 "$LOG")"
            kill -KILL "$UP"
            return
        fi
        sleep 0.05
    done
    wait "$UP" 2> /dev/null
    ok "warren up stops on SIGTERM"
    : > "$LOG.kept"
    cat "$LOG" >> "$LOG.kept"
    : > "$LOG"
}
