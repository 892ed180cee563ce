#!/usr/bin/env bash
# What upstream's conformance tests of sig-apps ask of a tenant whose Pods run (conformance_workloads.py).
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "a tenant" "$WARREN" tenant create acme --plan large --data-dir "$DATA" --kubeconfig acme.kubeconfig
while IFS= read -r line; do
    case $line in
    'ok '*) ok "${line#ok }" ;;
    'FAIL '*) fail "${line#FAIL }" ;;
    *) printf '%s\n' "$line" ;;
    esac
done < <(PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/tests/e2e/conformance_workloads.py" acme.kubeconfig "${1:-}" 2>&1)
stop_warren
summary
