#!/usr/bin/env bash
# What upstream's conformance tests ask of a tenant whose Pods run: conformance_workloads.py what those of sig-apps look at,
# conformance_steps.py the requests of those that came after 1.20, one by one.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

start_warren
check "a tenant" "$WARREN" tenant create acme --plan large --data-dir "$DATA" --kubeconfig acme.kubeconfig
for script in conformance_workloads.py conformance_steps.py; do
    while IFS= read -r line; do
        case $line in
        'ok '*) ok "${line#ok }" ;;
        'FAIL '*) fail "${line#FAIL }" ;;
        *) printf '%s\n' "$line" ;;
        esac
    done < <(PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/tests/e2e/$script" acme.kubeconfig "${1:-}" 2>&1)
done
stop_warren
summary
