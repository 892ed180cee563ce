#!/usr/bin/env bash
# What upstream's conformance tests of the API ask, of a tenant's endpoint and of the host's; no Pod has to run.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

mkdir -m 777 audit # the server is a user of its own
export WARREN_AUDIT_LOG=$PWD/audit/audit.log
/usr/bin/python3 "$here/tests/e2e/conformance_audit.py" --policy > audit/policy.yaml
start_warren --no-node --audit-policy-file "$PWD/audit/policy.yaml" --audit-log-path "$WARREN_AUDIT_LOG"
check "tenant create" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
run() { # KUBECONFIG SCRIPT [WORD]
    while IFS= read -r line; do
        case $line in
        'ok '*) ok "${line#ok }" ;;
        'FAIL '*) fail "${line#FAIL }" ;;
        *) printf '%s\n' "$line" ;;
        esac
    done < <(PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/tests/e2e/$2" "$1" "${3:-}" 2>&1)
}
# The metrics first: what the others ask for fills the series that there may be, and what comes then is "other".
scripts=(
    conformance_metrics.py
    conformance_api.py
    conformance_lifecycle.py
    conformance_crd.py
    conformance_rules.py
    conformance_fields.py
    conformance_wire.py
    conformance_words.py
    conformance_names.py
    conformance_selectors.py
    conformance_apply.py
    conformance_gates.py
    conformance_defaults.py
    conformance_groups.py
    conformance_core.py
    conformance_controllers.py
    conformance_audit.py
)
for script in "${scripts[@]}"; do
    for kubeconfig in acme.kubeconfig "$ADMIN"; do
        run "$kubeconfig" "$script" "${1:-}"
    done
done
stop_warren
summary
