#!/usr/bin/env python3
"""conformance_metrics.py KUBECONFIG [WORD]: /metrics and /metrics/slis: upstream's names, kinds and labels; how many lines there may be."""
import re

from conformance_kit import *

LINES_MAX = 2000  # of a whole server, whatever the number of its tenants
HISTOGRAM = ("_bucket", "_sum", "_count")


def scrape(api, path):
    """The families: name -> (type, help, [(suffix, labels, value)])."""
    answer = api.session.get(api.base + path, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers
    families, lines = {}, 0
    for line in answer.text.splitlines():
        if line.startswith("# HELP "):
            name, text = line[7:].split(" ", 1)
            assert name not in families and text, line
            families[name] = [None, text, []]
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            families[name][0] = kind
        else:
            found = re.fullmatch(r'([a-z_0-9]+?)(?:\{(.*)\})? ([-+.eE0-9]+|NaN)', line)
            assert found, line
            lines += 1
            metric, labels, value = found.groups()
            assert metric == name or metric[len(name):] in HISTOGRAM and families[name][0] == "histogram", line
            families[name][2].append((metric[len(name):], dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")), float(value)))
    return families, lines


# Upstream's of the API server that are stable, and those of others that dashboards ask for, as far as every endpoint has them.
FAMILIES = {
    "apiserver_admission_controller_admission_duration_seconds": ("histogram", "name operation rejected type"),
    "apiserver_admission_step_admission_duration_seconds": ("histogram", "operation rejected type"),
    "apiserver_current_inflight_requests": ("gauge", "request_kind"),
    "apiserver_longrunning_requests": ("gauge", "component group resource scope subresource verb version"),
    "apiserver_request_duration_seconds": ("histogram", "component dry_run group resource scope subresource verb version"),
    "apiserver_request_total": ("counter", "code component dry_run group resource scope subresource verb version"),
    "apiserver_requested_deprecated_apis": ("gauge", "group removed_release resource subresource version"),
    "apiserver_response_sizes": ("histogram", "component group resource scope subresource verb version"),
    "apiserver_storage_objects": ("gauge", "resource"),
    "apiserver_flowcontrol_dispatched_requests_total": ("counter", "flow_schema priority_level"),
    "apiserver_authorization_decisions_total": ("counter", "decision name type"),
    "authenticated_user_requests": ("counter", "username"),
    "authentication_attempts": ("counter", "result"),
    "kubernetes_build_info": ("gauge", "git_version major minor"),
    "pod_security_evaluations_total": ("counter", "decision mode policy_level policy_version request_operation resource subresource"),
}
# Of the whole server, which only the host's endpoint shows.
HOST = {
    "apiserver_storage_size_bytes": ("gauge", "storage_cluster_id"),
    "process_cpu_seconds_total": ("counter", ""),
    "process_open_fds": ("gauge", ""),
    "process_resident_memory_bytes": ("gauge", ""),
    "process_start_time_seconds": ("gauge", ""),
    "workqueue_adds_total": ("counter", "name"),
    "workqueue_depth": ("gauge", "name"),
    "workqueue_longest_running_processor_seconds": ("gauge", "name"),
    "workqueue_queue_duration_seconds": ("histogram", "name"),
    "workqueue_retries_total": ("counter", "name"),
    "workqueue_unfinished_work_seconds": ("gauge", "name"),
    "workqueue_work_duration_seconds": ("histogram", "name"),
}
QUEUES = "deployment replicaset statefulset daemonset job cronjob endpoint endpoint_slice namespace serviceaccount disruption".split()


def is_host(api):
    return "/clusters/" not in api.base


@check("metrics: upstream's families with their kinds and labels")
def families(api, ns):
    labels = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/enforce-version": "v1.30"}
    api("PATCH", f"/api/v1/namespaces/{ns}", meta(ns, labels=labels), type=MERGE)
    api("POST", f"/api/v1/namespaces/{ns}/pods", pod("good"))
    api("POST", f"/api/v1/namespaces/{ns}/pods", pod("bad", hostNetwork=True), code=403)
    api("GET", "/api/v1/componentstatuses")
    watch = api.session.get(f"{api.base}/api/v1/namespaces/{ns}/pods", params={"watch": "true", "timeoutSeconds": "30"}, stream=True, timeout=40)
    got, lines = scrape(api, "/metrics")
    watch.close()
    assert lines <= LINES_MAX, lines
    for name, (kind, labels) in dict(FAMILIES, **(HOST if is_host(api) else {})).items():
        assert name in got, (name, sorted(got))
        assert got[name][0] == kind and got[name][1], (name, got[name][:2])
        for suffix, found, _ in got[name][2]:
            assert sorted(found) == sorted(labels.split() + ["le"] * (suffix == "_bucket")), (name, found)
    assert is_host(api) or not set(HOST) & set(got), sorted(got)

    def value(name, **labels):
        return sum(value for suffix, found, value in got[name][2] if not suffix and labels.items() <= found.items())
    assert value("apiserver_longrunning_requests", resource="pods", verb="WATCH", scope="namespace") >= 1
    assert value("apiserver_current_inflight_requests", request_kind="readOnly") >= 1
    assert value("apiserver_requested_deprecated_apis", resource="componentstatuses", version="v1") == 1
    for decision in "allow", "deny":
        assert value("pod_security_evaluations_total", decision=decision, mode="enforce", policy_level="baseline", policy_version="v1.30",
                     request_operation="create", resource="pod", subresource="") >= 1, decision
    assert value("authentication_attempts", result="success") > 0
    if is_host(api):
        assert set(QUEUES) <= {labels["name"] for _, labels, _ in got["workqueue_depth"][2]}
        assert 0 < value("process_start_time_seconds") <= time.time() + 1 and value("apiserver_storage_size_bytes") > 0


@check("metrics/slis: what health checks came to")
def slis(api, ns):
    for probe in "readyz", "livez", "healthz":
        api("GET", "/" + probe)
    got, _ = scrape(api, "/metrics/slis")
    for probe in "readyz", "livez", "healthz":
        assert ("", {"name": "ping", "type": probe}, 1.0) in got["kubernetes_healthcheck"][2], got
        assert [value >= 1 for _, labels, value in got["kubernetes_healthchecks_total"][2]
                if labels == {"name": "ping", "status": "success", "type": probe}] == [True], got
    assert "/metrics/slis" in api("GET", "/")["paths"]


main()
