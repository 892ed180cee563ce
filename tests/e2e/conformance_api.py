#!/usr/bin/env python3
"""conformance_api.py KUBECONFIG [WORD]: what upstream's conformance tests of the API ask, call by call. No Pod has to run."""
import base64
import http.client
import json
import socket
import ssl
import time
from urllib.parse import urlsplit

import requests
import yaml

from conformance_kit import *


# ---- lists, watches, forms of answers ----


@check("should return chunks of results for list calls")
def chunks(api, ns):
    for i in range(40):
        api("POST", f"/api/v1/namespaces/{ns}/podtemplates", dict(meta("template-%04d" % i), template=template("t")))
    path, seen, token, first = f"/api/v1/namespaces/{ns}/podtemplates", [], "", None
    while True:
        page = api("GET", path, limit=17, **({"continue": token} if token else {}))
        first = first or page["metadata"]["resourceVersion"]
        assert page["metadata"]["resourceVersion"] == first, page["metadata"]
        seen += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue")
        left = page["metadata"].get("remainingItemCount", 0)
        assert left + len(seen) == 40, (left, len(seen))
        if not token:
            break
    assert seen == ["template-%04d" % i for i in range(40)]
    whole = api("GET", path, limit=0, resourceVersion=first, resourceVersionMatch="NotOlderThan")
    assert len(whole["items"]) == 40
    exact = api("GET", path, limit=5, resourceVersion=first, resourceVersionMatch="Exact")
    assert len(exact["items"]) == 5 and exact["metadata"]["resourceVersion"] == first


@check("a continue token that is not one of ours")
def bad_tokens(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    is_status(api("GET", path, code=400, limit=1, **{"continue": "what"}), 400, "BadRequest", "continue key is not valid")
    is_status(api("GET", path, code=422, resourceVersionMatch="Exact"), 422, "Invalid",
              "resourceVersionMatch is forbidden unless resourceVersion is provided")
    is_status(api("GET", path, code=422, resourceVersionMatch="Never", resourceVersion="1"), 422, "Invalid", "supported values")
    is_status(api("GET", path, code=422, resourceVersionMatch="Exact", resourceVersion="0"), 422, "Invalid",
              'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    is_status(api("GET", path, code=504, resourceVersion="99999999"), 504, "Timeout", "Too large resource version")


@check("should return pod details in a Table")
def pod_table(api, ns):
    api("POST", f"/api/v1/namespaces/{ns}/pods", pod("table"))
    got = api("GET", f"/api/v1/namespaces/{ns}/pods/table", accept=TABLE)
    assert got["kind"] == "Table" and got["apiVersion"] == "meta.k8s.io/v1", got
    assert len(got["columnDefinitions"]) > 2 and got["columnDefinitions"][0]["name"] == "Name"
    assert len(got["rows"]) == 1 and got["rows"][0]["cells"][0] == "table", got["rows"]
    assert got["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    got = api("GET", f"/api/v1/namespaces/{ns}/pods/table", accept=TABLE, includeObject="Object")
    assert got["rows"][0]["object"]["kind"] == "Pod"
    got = api("GET", f"/api/v1/namespaces/{ns}/pods/table", accept=TABLE, includeObject="None")
    assert not got["rows"][0].get("object")
    is_status(api("GET", f"/api/v1/namespaces/{ns}/pods/table", code=400, accept=TABLE, includeObject="Foo"), 400, "BadRequest",
              """includeObject: Invalid value: "Foo": must be 'Metadata', 'Object', 'None', or empty""")


@check("should return chunks of table results for list calls")
def table_chunks(api, ns):
    for i in range(20):
        api("POST", f"/api/v1/namespaces/{ns}/podtemplates", dict(meta("template-%04d" % i), template=template("t")))
    page = api("GET", f"/api/v1/namespaces/{ns}/podtemplates", accept=TABLE, limit=10)
    assert len(page["rows"]) == 10 and page["metadata"]["continue"], page["metadata"]
    rest = api("GET", f"/api/v1/namespaces/{ns}/podtemplates", accept=TABLE, **{"continue": page["metadata"]["continue"]})
    assert len(rest["rows"]) == 10 and not rest["metadata"].get("continue")


@check("should return generic metadata details across all namespaces for nodes")
def node_table(api, ns):
    got = api("GET", "/api/v1/nodes", accept=TABLE)
    assert got["kind"] == "Table" and got["columnDefinitions"][0]["format"] == "name", got


@check("should return a 406 for a backend which does not implement metadata")
def table_406(api, ns):
    review = {"spec": {"resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods"}}}
    got = api("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, code=406, accept=TABLE)
    is_status(got, 406, "NotAcceptable",
              "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf")


@check("metadata of one object and of a list")
def partial(api, ns):
    api("POST", f"/api/v1/namespaces/{ns}/configmaps", dict(meta("one"), data={"k": "v"}))
    got = api("GET", f"/api/v1/namespaces/{ns}/configmaps/one", accept=PARTIAL % "")
    assert got["kind"] == "PartialObjectMetadata" and "data" not in got, got
    got = api("GET", f"/api/v1/namespaces/{ns}/configmaps", accept=PARTIAL % "List")
    assert got["kind"] == "PartialObjectMetadataList" and all("data" not in one for one in got["items"]), got
    is_status(api("GET", f"/api/v1/namespaces/{ns}/configmaps", code=406, accept="application/json;as=Nothing;v=v1;g=meta.k8s.io"),
              406, "NotAcceptable")


@check("should be able to restart watching from the last resource version observed by the previous watch")
def watch_restart(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    label = {"labels": {"watch-this-configmap": "watch-closed-and-restarted"}}
    start = api("GET", path)["metadata"]["resourceVersion"]
    api("POST", path, dict(meta("w", **label)))
    changed = api("PATCH", path + "/w", {"data": {"mutation": "1"}}, type=MERGE)
    selector = dict(labelSelector="watch-this-configmap=watch-closed-and-restarted")
    first = take(api.watch(path, resourceVersion=start, **selector), 2)
    assert [one["type"] for one in first] == ["ADDED", "MODIFIED"]
    assert first[1]["object"]["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]
    api("PATCH", path + "/w", {"data": {"mutation": "2"}}, type=MERGE)
    api("DELETE", path + "/w")
    again = take(api.watch(path, resourceVersion=changed["metadata"]["resourceVersion"], **selector), 2)
    assert [one["type"] for one in again] == ["MODIFIED", "DELETED"] and again[0]["object"]["data"]["mutation"] == "2", again
    assert again[1]["object"]["data"]["mutation"] == "2", again
    assert int(again[1]["object"]["metadata"]["resourceVersion"]) > int(again[0]["object"]["metadata"]["resourceVersion"])


@check("should observe add, update, and delete watch notifications on configmaps")
def watch_labels(api, ns):
    path, key = f"/api/v1/namespaces/{ns}/configmaps", "watch-this-configmap"
    start = api("GET", path)["metadata"]["resourceVersion"]
    for name, edits in (("a", ("1", "2")), ("b", ())):
        api("POST", path, meta(name, labels={key: name}))
        for value in edits:
            api("PATCH", path + "/" + name, {"data": {"mutation": value}}, type=MERGE)
        api("DELETE", path + "/" + name)
    of_a = [("ADDED", "a", None), ("MODIFIED", "a", "1"), ("MODIFIED", "a", "2"), ("DELETED", "a", "2")]
    of_b = [("ADDED", "b", None), ("DELETED", "b", None)]
    for selector, wanted in ((f"{key}=a", of_a), (f"{key}=b", of_b), (f"{key} in (a,b)", of_a + of_b), (key, of_a + of_b)):
        got = [(one["type"], one["object"]["metadata"]["name"], one["object"].get("data", {}).get("mutation"))
               for one in take(api.watch(path, resourceVersion=start, labelSelector=selector), len(wanted))]
        assert got == wanted, (selector, got)


@check("should observe an object deletion if it stops meeting the requirements of the selector")
def watch_selector(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    start = api("GET", path)["metadata"]["resourceVersion"]
    api("POST", path, meta("l", labels={"x": "a"}))
    api("PATCH", path + "/l", {"data": {"mutation": "1"}}, type=MERGE)
    api("PATCH", path + "/l", {"metadata": {"labels": {"x": "b"}}}, type=MERGE)
    api("PATCH", path + "/l", {"data": {"mutation": "2"}}, type=MERGE)
    api("PATCH", path + "/l", {"metadata": {"labels": {"x": "a"}}}, type=MERGE)
    api("PATCH", path + "/l", {"data": {"mutation": "3"}}, type=MERGE)
    api("DELETE", path + "/l")
    got = take(api.watch(path, resourceVersion=start, labelSelector="x=a"), 6)
    assert [one["type"] for one in got] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "MODIFIED", "DELETED"], got
    assert got[2]["object"]["data"]["mutation"] == "1" and got[4]["object"]["data"]["mutation"] == "3", got


@check("should receive events on concurrent watches in same order")
def watch_order(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    start = api("GET", path)["metadata"]["resourceVersion"]
    for i in range(10):
        api("POST", path, meta(f"o{i}"))
        api("PATCH", path + f"/o{i}", {"data": {"i": str(i)}}, type=MERGE)
    first = [e["object"]["metadata"]["resourceVersion"] for e in take(api.watch(path, resourceVersion=start), 20)]
    for version in first[:-1:4]:
        at = first.index(version)
        rest = [e["object"]["metadata"]["resourceVersion"] for e in take(api.watch(path, resourceVersion=version), 19 - at)]
        assert rest == first[at + 1:], (rest, first)


@check("a watch that begins with the list and its bookmark")
def watch_list(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    api("POST", path, meta("b"))
    params = dict(sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true")
    for event in api.watch(path, **params):
        if event["type"] == "BOOKMARK":
            assert event["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true", event
            break
        assert event["type"] == "ADDED"
    is_status(api("GET", path, code=422, watch="true", sendInitialEvents="true"), 422, "Invalid",
              "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    got = take(api.watch(path, resourceVersion="1"), 1)
    assert got[0]["type"] in ("ADDED", "ERROR"), got


# ---- discovery and what stands beside the API ----


@check("should validate PreferredVersion for each APIGroup")
def preferred(api, ns):
    for group in api("GET", "/apis")["groups"]:
        alone = api("GET", "/apis/" + group["name"])
        assert alone["kind"] == "APIGroup" and alone["preferredVersion"] in alone["versions"], alone
        assert alone["preferredVersion"]["groupVersion"].startswith(group["name"] + "/")


RESOURCES = {"admissionregistration.k8s.io/v1": "validatingwebhookconfigurations", "apiextensions.k8s.io/v1": "customresourcedefinitions",
             "apiregistration.k8s.io/v1": "apiservices", "apps/v1": "deployments", "authentication.k8s.io/v1": "tokenreviews",
             "authorization.k8s.io/v1": "selfsubjectaccessreviews", "autoscaling/v1": "horizontalpodautoscalers",
             "autoscaling/v2": "horizontalpodautoscalers", "batch/v1": "jobs", "certificates.k8s.io/v1": "certificatesigningrequests",
             "coordination.k8s.io/v1": "leases", "discovery.k8s.io/v1": "endpointslices", "events.k8s.io/v1": "events",
             "networking.k8s.io/v1": "ingresses", "node.k8s.io/v1": "runtimeclasses", "policy/v1": "poddisruptionbudgets",
             "rbac.authorization.k8s.io/v1": "roles", "scheduling.k8s.io/v1": "priorityclasses", "storage.k8s.io/v1": "csinodes",
             "flowcontrol.apiserver.k8s.io/v1": "flowschemas"}


@check("should locate the groupVersion and a resource within each APIGroup")
def locate(api, ns):
    listed, missing = {one["name"]: one for one in api("GET", "/apis")["groups"]}, []
    for version, resource in RESOURCES.items():
        try:
            group = version.split("/")[0]
            alone = api("GET", "/apis/" + group)
            assert alone["kind"] == "APIGroup" and alone["name"] == group, alone
            for one in (listed[group], alone):
                assert version in [each["groupVersion"] for each in one["versions"]], one
            got = api("GET", "/apis/" + version)
            assert got["kind"] == "APIResourceList" and got["groupVersion"] == version
            assert resource in [one["name"] for one in got["resources"]], resource
        except (AssertionError, KeyError) as absent:
            missing.append(f"{version}: {absent}"[:200])
    assert not missing, missing


@check("should support raw aggregated discovery endpoint Accept headers")
def aggregated(api, ns):
    for path, wanted in (("/api", {("", "v1", "namespaces")}), ("/apis", {(*version.split("/"), one) for version, one in RESOURCES.items()})):
        for version in ("v2", "v2beta1"):
            accept = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
            for header in (accept, accept + ",application/json"):
                got = api.session.get(api.base + path, headers={"Accept": header}, timeout=30)
                assert got.status_code == 200 and got.json()["kind"] == "APIGroupDiscoveryList", got.text[:300]
                assert f"apidiscovery.k8s.io/{version}" == got.json()["apiVersion"], got.json()["apiVersion"]
                assert "as=APIGroupDiscoveryList" in got.headers["Content-Type"], got.headers
            found = {(group["metadata"].get("name", ""), each["version"], one["resource"])
                     for group in got.json()["items"] for each in group["versions"] for one in each.get("resources", [])}
            assert wanted <= found, (path, version, wanted - found)
    for group in got.json()["items"]:
        for version in group["versions"]:
            assert version["freshness"] == "Current", version
            for resource in version.get("resources", []):
                assert resource["scope"] in ("Namespaced", "Cluster") and "verbs" in resource and "responseKind" in resource, resource


@check("should find the server version")
def version(api, ns):
    got = api("GET", "/version")
    assert got["major"] == "1" and got["minor"].isdigit(), got
    assert {"gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"} <= set(got), got


@check("health, readiness, metrics")
def health(api, ns):
    for path in ("/healthz", "/livez", "/readyz", "/healthz/ping", "/livez/ping", "/readyz/ping"):
        got = api("GET", path)
        assert got.text == "ok" and got.headers["Content-Type"].startswith("text/plain"), (path, got.text)
    assert "[+]ping ok" in api("GET", "/readyz", verbose="true").text
    if "/clusters/" not in api.base:  # figures of the process are the operator's
        assert "apiserver_request_total" in api("GET", "/metrics", accept="text/plain").text
    assert "/api/v1" in api("GET", "/")["paths"]


# ---- namespaces ----


@check("should apply changes to a namespace status")
def namespace_status(api, ns):
    path = f"/api/v1/namespaces/{ns}"
    status_patch_cycle(api, path)


@check("should patch a Namespace")
def namespace_patch(api, ns):
    got = api("PATCH", f"/api/v1/namespaces/{ns}", {"metadata": {"labels": {"testLabel": "testValue"}}}, type=STRATEGIC)
    assert got["metadata"]["labels"]["testLabel"] == "testValue" and got["metadata"]["labels"]["kubernetes.io/metadata.name"] == ns


@check("should apply an update to a Namespace")
def namespace_update(api, ns):
    got = rewrite(api, f"/api/v1/namespaces/{ns}", lambda one: one["metadata"].setdefault("labels", {}).update({ns: "updated"}))
    assert got["metadata"]["labels"][ns] == "updated"


@check("should apply a finalizer to a Namespace")
def namespace_finalize(api, ns):
    got = api("GET", f"/api/v1/namespaces/{ns}")
    for finalizers in (["kubernetes", "e2e.example.com/fakeFinalizer"], ["e2e.example.com/fakeFinalizer"], ["kubernetes"]):
        got["spec"] = {"finalizers": finalizers}
        got = api("PUT", f"/api/v1/namespaces/{ns}/finalize", got)
        assert got["spec"]["finalizers"] == finalizers, got
        assert api("GET", f"/api/v1/namespaces/{ns}")["spec"]["finalizers"] == finalizers


@check("should ensure that all services are removed when a namespace is deleted")
def namespace_delete(api, ns):
    name = ns + "-del"
    api("POST", "/api/v1/namespaces", meta(name))
    until("default service account", lambda: not gone(api, f"/api/v1/namespaces/{name}/serviceaccounts/default"))
    api("POST", f"/api/v1/namespaces/{name}/services", dict(meta("s"), spec={"ports": [{"port": 80}], "selector": {"a": "b"}}))
    api("POST", f"/api/v1/namespaces/{name}/pods", pod("p"))
    api("POST", f"/api/v1/namespaces/{name}/configmaps", meta("held", finalizers=["example.com/hold"]))
    got = api("DELETE", f"/api/v1/namespaces/{name}")
    assert got["kind"] == "Namespace" and got["status"]["phase"] == "Terminating", got
    is_status(api("POST", f"/api/v1/namespaces/{name}/configmaps", meta("late"), code=403), 403, "Forbidden",
              f"unable to create new content in namespace {name} because it is being terminated")
    found = until("conditions", lambda: api("GET", f"/api/v1/namespaces/{name}")["status"].get("conditions"))
    until("finalizers remain", lambda: [one for one in api("GET", f"/api/v1/namespaces/{name}")["status"]["conditions"]
                                        if one["type"] == "NamespaceFinalizersRemaining" and one["status"] == "True"
                                        and "example.com/hold in 1 resource instances" in one["message"]])
    assert {one["type"] for one in found} >= {"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure"}, found
    api("PATCH", f"/api/v1/namespaces/{name}/configmaps/held", {"metadata": {"finalizers": None}}, type=MERGE)
    until("namespace gone", lambda: gone(api, f"/api/v1/namespaces/{name}"))
    api("POST", "/api/v1/namespaces", meta(name))
    assert not api("GET", f"/api/v1/namespaces/{name}/services")["items"]
    api("DELETE", f"/api/v1/namespaces/{name}")


# ---- quotas and limits ----


def quota_used(api, ns, name, **wanted):
    """Waits until status.used has `wanted` ("_" in a key stands for ".")."""
    wanted = {key.replace("__", "/").replace("_", "."): value for key, value in wanted.items()}
    last = {}

    def settled():
        last["used"] = api("GET", f"/api/v1/namespaces/{ns}/resourcequotas/{name}").get("status", {}).get("used", {})
        return all(last["used"].get(key) == value for key, value in wanted.items())
    try:
        until("used", settled, 15)
    except AssertionError:
        raise AssertionError(f"used {last['used']}, wanted {wanted}")


HARD = {"pods": "5", "services": "10", "services.nodeports": "1", "services.loadbalancers": "1", "replicationcontrollers": "10",
        "resourcequotas": "1", "configmaps": "10", "secrets": "10", "persistentvolumeclaims": "10", "cpu": "1", "memory": "500Mi",
        "ephemeral-storage": "50Gi", "requests.storage": "10Gi", "count/replicasets.apps": "5", "requests.example.com/dongle": "3",
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "10",
        "gold.storageclass.storage.k8s.io/requests.storage": "10Gi"}


def make_quota(api, ns, name="test-quota", hard=HARD, **spec):
    return api("POST", f"/api/v1/namespaces/{ns}/resourcequotas", dict(meta(name), spec=dict(hard=hard, **spec)))


@check("should create a ResourceQuota and ensure its status is promptly calculated.")
def quota_status(api, ns):
    make_quota(api, ns)
    quota_used(api, ns, "test-quota", resourcequotas="1", pods="0", cpu="0")
    got = api("GET", f"/api/v1/namespaces/{ns}/resourcequotas/test-quota")
    assert got["status"]["hard"] == HARD, got["status"]["hard"]


@check("should create a ResourceQuota and capture the life of a service.")
def quota_service(api, ns):
    make_quota(api, ns)
    quota_used(api, ns, "test-quota", resourcequotas="1", services="0")
    path = f"/api/v1/namespaces/{ns}/services"
    api("POST", path, dict(meta("cluster"), spec={"ports": [{"port": 80}]}))
    api("POST", path, dict(meta("node"), spec={"type": "NodePort", "ports": [{"port": 80}]}))
    is_status(api("POST", path, dict(meta("load"), spec={"type": "LoadBalancer", "ports": [{"port": 80}]}), code=403), 403,
              "Forbidden", "exceeded quota: test-quota")
    quota_used(api, ns, "test-quota", services="2", services_nodeports="1", services_loadbalancers="0")
    is_status(api("PATCH", path + "/cluster", {"spec": {"type": "NodePort"}}, code=403, type=MERGE), 403, "Forbidden",
              "services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1")
    api("PATCH", path + "/node", {"spec": {"type": "ClusterIP"}}, type=MERGE)
    quota_used(api, ns, "test-quota", services="2", services_nodeports="0")
    api("DELETE", path + "/cluster"), api("DELETE", path + "/node")
    quota_used(api, ns, "test-quota", services="0", services_nodeports="0", services_loadbalancers="0")


@check("should create a ResourceQuota and capture the life of a secret.")
def quota_secret(api, ns):
    make_quota(api, ns)
    quota_used(api, ns, "test-quota", secrets="0")
    api("POST", f"/api/v1/namespaces/{ns}/secrets", dict(meta("s"), data={"k": "dg=="}))
    quota_used(api, ns, "test-quota", secrets="1")
    api("DELETE", f"/api/v1/namespaces/{ns}/secrets/s")
    quota_used(api, ns, "test-quota", secrets="0")


@check("should create a ResourceQuota and capture the life of a configMap.")
def quota_configmap(api, ns):
    make_quota(api, ns)
    had = len(api("GET", f"/api/v1/namespaces/{ns}/configmaps")["items"])
    quota_used(api, ns, "test-quota", configmaps=str(had))
    api("POST", f"/api/v1/namespaces/{ns}/configmaps", meta("c"))
    quota_used(api, ns, "test-quota", configmaps=str(had + 1))
    api("DELETE", f"/api/v1/namespaces/{ns}/configmaps/c")
    quota_used(api, ns, "test-quota", configmaps=str(had))


@check("should create a ResourceQuota and capture the life of a pod.")
def quota_pod(api, ns):
    make_quota(api, ns)
    quota_used(api, ns, "test-quota", pods="0")
    path = f"/api/v1/namespaces/{ns}/pods"
    dongle = {"example.com/dongle": "2"}
    requests_ = dict({"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi"}, **dongle)
    api("POST", path, pod("fits", {"requests": requests_, "limits": dongle}))
    quota_used(api, ns, "test-quota", pods="1", cpu="500m", memory="252Mi", requests_example_com__dongle="2",
               **{"ephemeral-storage": "30Gi"})
    is_status(api("POST", path, pod("big", {"requests": {"cpu": "600m", "memory": "100Mi", "ephemeral-storage": "1Gi"}}), code=403), 403,
              "Forbidden", 'pods "big" is forbidden: exceeded quota: test-quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1')
    is_status(api("POST", path, pod("dongles", {"requests": dict({"cpu": "100m", "memory": "100Mi", "ephemeral-storage": "1Gi"}, **dongle),
                                                "limits": dongle}), code=403), 403, "Forbidden", "requests.example.com/dongle=2")
    is_status(api("POST", path, pod("none"), code=403), 403, "Forbidden",
              "failed quota: test-quota: must specify cpu for: c; memory for: c")
    rewrite(api, path + "/fits", lambda one: one["metadata"].update(labels={"x": "y"}))  # the scheduler writes, too
    more = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}}}]}}
    is_status(api("PATCH", path + "/fits", more, code=422, type=STRATEGIC), 422, "Invalid", "pod updates may not change fields other than")
    quota_used(api, ns, "test-quota", pods="1", cpu="500m")
    api("DELETE", path + "/fits", gracePeriodSeconds=0)
    quota_used(api, ns, "test-quota", pods="0", cpu="0", memory="0", requests_example_com__dongle="0", **{"ephemeral-storage": "0"})


@check("should create a ResourceQuota and capture the life of a replication controller.")
def quota_rc(api, ns):
    make_quota(api, ns)
    quota_used(api, ns, "test-quota", replicationcontrollers="0")
    path = f"/api/v1/namespaces/{ns}/replicationcontrollers"
    api("POST", path, dict(meta("rc"), spec={"replicas": 0, "selector": {"app": "rc"}, "template": template("rc")}))
    quota_used(api, ns, "test-quota", replicationcontrollers="1")
    api("DELETE", path + "/rc")
    quota_used(api, ns, "test-quota", replicationcontrollers="0")


@check("should create a ResourceQuota and capture the life of a replica set.")
def quota_rs(api, ns):
    make_quota(api, ns)
    quota_used(api, ns, "test-quota", count__replicasets_apps="0")
    path = f"/apis/apps/v1/namespaces/{ns}/replicasets"
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "rs"}}, "template": template("rs")}
    api("POST", path, dict(meta("rs"), spec=spec))
    quota_used(api, ns, "test-quota", count__replicasets_apps="1")
    api("DELETE", path + "/rs")
    quota_used(api, ns, "test-quota", count__replicasets_apps="0")


@check("should create a ResourceQuota and capture the life of a persistent volume claim")
def quota_pvc(api, ns):
    make_quota(api, ns)
    quota_used(api, ns, "test-quota", persistentvolumeclaims="0")
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims"
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}}
    api("POST", path, dict(meta("pvc"), spec=spec))
    quota_used(api, ns, "test-quota", persistentvolumeclaims="1", requests_storage="1Gi")
    used = api("GET", f"/api/v1/namespaces/{ns}/resourcequotas/test-quota")["status"]["used"]
    assert used["gold.storageclass.storage.k8s.io/requests.storage"] == "1Gi", used
    api("DELETE", path + "/pvc")
    quota_used(api, ns, "test-quota", persistentvolumeclaims="0", requests_storage="0")


@check("should verify ResourceQuota with terminating scopes.")
def quota_terminating(api, ns):
    hard = {"pods": "5", "requests.cpu": "1", "requests.memory": "500Mi", "limits.cpu": "2", "limits.memory": "1Gi"}
    make_quota(api, ns, "terminating", hard, scopes=["Terminating"])
    make_quota(api, ns, "not-terminating", hard, scopes=["NotTerminating"])
    quota_used(api, ns, "terminating", pods="0")
    quota_used(api, ns, "not-terminating", pods="0")
    resources = {"requests": {"cpu": "500m", "memory": "200Mi"}, "limits": {"cpu": "1", "memory": "400Mi"}}
    path = f"/api/v1/namespaces/{ns}/pods"
    api("POST", path, pod("long", resources))
    quota_used(api, ns, "not-terminating", pods="1", requests_cpu="500m", limits_memory="400Mi")
    quota_used(api, ns, "terminating", pods="0", requests_cpu="0")
    api("DELETE", path + "/long", gracePeriodSeconds=0)
    quota_used(api, ns, "not-terminating", pods="0", requests_cpu="0")
    api("POST", path, pod("short", resources, activeDeadlineSeconds=3600))
    quota_used(api, ns, "terminating", pods="1", requests_cpu="500m")
    quota_used(api, ns, "not-terminating", pods="0")
    api("DELETE", path + "/short", gracePeriodSeconds=0)
    quota_used(api, ns, "terminating", pods="0")


@check("should verify ResourceQuota with best effort scope.")
def quota_best_effort(api, ns):
    make_quota(api, ns, "best", {"pods": "5"}, scopes=["BestEffort"])
    make_quota(api, ns, "not-best", {"pods": "5"}, scopes=["NotBestEffort"])
    quota_used(api, ns, "best", pods="0")
    quota_used(api, ns, "not-best", pods="0")
    path = f"/api/v1/namespaces/{ns}/pods"
    api("POST", path, pod("best"))
    quota_used(api, ns, "best", pods="1")
    quota_used(api, ns, "not-best", pods="0")
    api("DELETE", path + "/best", gracePeriodSeconds=0)
    quota_used(api, ns, "best", pods="0")
    api("POST", path, pod("burst", {"requests": {"cpu": "100m"}}))
    quota_used(api, ns, "not-best", pods="1")
    quota_used(api, ns, "best", pods="0")
    api("DELETE", path + "/burst", gracePeriodSeconds=0)
    quota_used(api, ns, "not-best", pods="0")


@check("should be able to update and delete ResourceQuota.")
def quota_update(api, ns):
    got = make_quota(api, ns, "q", {"cpu": "1", "memory": "500Mi"})
    path = f"/api/v1/namespaces/{ns}/resourcequotas/q"
    got["spec"]["hard"] = {"cpu": "2", "memory": "1Gi"}
    got["metadata"].pop("resourceVersion")
    assert api("PUT", path, got)["spec"]["hard"]["cpu"] == "2"
    api("DELETE", path)
    assert gone(api, path)


@check("should manage the lifecycle of a ResourceQuota")
def quota_lifecycle(api, ns):
    path = f"/api/v1/namespaces/{ns}/resourcequotas"
    api("POST", path, dict(meta("q", labels={"e2e": "q"}), spec={"hard": {"cpu": "1", "memory": "500Mi"}}))
    assert api("GET", path + "/q")["spec"]["hard"]["memory"] == "500Mi"
    assert len(api("GET", "/api/v1/resourcequotas", labelSelector="e2e=q")["items"]) == 1
    got = api("PATCH", path + "/q", {"metadata": {"labels": {"q": "patched"}}, "spec": {"hard": {"memory": "750Mi"}}}, type=STRATEGIC)
    assert got["spec"]["hard"] == {"cpu": "1", "memory": "750Mi"}, got
    assert api("DELETE", path, labelSelector="q=patched")["kind"] in ("ResourceQuotaList", "Status")
    until("gone", lambda: gone(api, path + "/q"))


@check("should apply changes to a resourcequota status")
def quota_apply_status(api, ns):
    path = f"/api/v1/namespaces/{ns}/resourcequotas"
    hard = {"cpu": "500m", "memory": "500Mi"}
    api("POST", path, dict(meta("q"), spec={"hard": hard}))
    until("hard in status", lambda: api("GET", path + "/q").get("status", {}).get("hard") == hard)
    got = rewrite(api, path + "/q/status", lambda one: one["status"].update(hard={"cpu": "600m", "memory": "600Mi"}))
    assert got["status"]["hard"]["cpu"] == "600m" and got["spec"]["hard"] == hard, got
    until("reconciled", lambda: api("GET", path + "/q")["status"]["hard"] == hard)
    got = api("PATCH", path + "/q/status", {"status": {"hard": {"cpu": "700m", "memory": "700Mi"}}}, type=MERGE)
    assert got["status"]["hard"]["cpu"] == "700m"
    until("reconciled again", lambda: api("GET", path + "/q")["status"]["hard"] == hard)


@check("LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied.")
def limit_range(api, ns):
    def amounts(cpu, memory, storage):
        return {"cpu": cpu, "memory": memory, "ephemeral-storage": storage}
    path = f"/api/v1/namespaces/{ns}/limitranges"
    limit = {"type": "Container", "min": amounts("50m", "100Mi", "100Gi"), "max": amounts("500m", "500Mi", "500Gi"),
             "default": amounts("500m", "500Mi", "500Gi"), "defaultRequest": amounts("100m", "200Mi", "200Gi")}
    start = api("GET", path)["metadata"]["resourceVersion"]
    made = api("POST", path, dict(meta("limits", labels={"time": ns}), spec={"limits": [limit]}))
    seen = take(api.watch(path, resourceVersion=start, labelSelector="time=" + ns), 1)[0]
    assert (seen["type"], seen["object"]["spec"]) == ("ADDED", made["spec"]) == ("ADDED", {"limits": [api("GET", path + "/limits")["spec"]["limits"][0]]}), seen
    pods = f"/api/v1/namespaces/{ns}/pods"
    got = api("POST", pods, pod("no-resources"))["spec"]["containers"][0]["resources"]
    assert got == {"limits": limit["default"], "requests": limit["defaultRequest"]}, got
    partial_ = {"requests": {"cpu": "300m", "memory": "150Mi"}, "limits": {"cpu": "300m"}}
    got = api("POST", pods, pod("partial", partial_))["spec"]["containers"][0]["resources"]
    assert got["requests"] == amounts("300m", "150Mi", "200Gi") and got["limits"] == amounts("300m", "500Mi", "500Gi"), got
    is_status(api("POST", pods, pod("small", {"requests": amounts("10m", "50Mi", "50Gi")}), code=403), 403, "Forbidden",
              "minimum cpu usage per Container is 50m, but request is 10m")
    is_status(api("POST", pods, pod("large", {"limits": amounts("600m", "600Mi", "600Gi")}), code=403), 403, "Forbidden",
              "maximum cpu usage per Container is 500m, but limit is 600m")
    made["spec"]["limits"][0]["min"] = amounts("9m", "49Mi", "49Gi")
    api("PUT", path + "/limits", made)
    assert api("GET", path + "/limits")["spec"]["limits"][0]["min"] == amounts("9m", "49Mi", "49Gi")
    api("POST", pods, pod("small", {"requests": amounts("10m", "50Mi", "50Gi")}))
    large = pod("large", {"limits": amounts("600m", "600Mi", "600Gi")})
    is_status(api("POST", pods, large, code=403), 403, "Forbidden", "maximum cpu usage per Container is 500m")
    api("DELETE", path + "/limits")
    assert not api("GET", path)["items"]
    until("no limit", lambda: api.session.post(api.base + pods, json=large, timeout=30).status_code == 201)


@check("LimitRange should list, patch and delete a LimitRange by collection")
def limit_range_collection(api, ns):
    path = f"/api/v1/namespaces/{ns}/limitranges"
    api("POST", path, dict(meta("l", labels={"e2e": ns}), spec={"limits": [{"type": "Container", "max": {"cpu": "500m"}}]}))
    assert len(api("GET", "/api/v1/limitranges", labelSelector=f"e2e={ns}")["items"]) == 1
    patch = {"metadata": {"labels": {"l": "patched"}}, "spec": {"limits": [{"type": "Container", "min": {"cpu": "50m"}, "max": {"cpu": "500m"}}]}}
    assert api("PATCH", path + "/l", patch, type=STRATEGIC)["spec"]["limits"][0]["min"]["cpu"] == "50m"
    api("DELETE", path, labelSelector="l=patched")
    until("gone", lambda: gone(api, path + "/l"))


# ---- garbage collection ----


def make_rc(api, ns, name, replicas):
    path = f"/api/v1/namespaces/{ns}/replicationcontrollers"
    got = api("POST", path, dict(meta(name), spec={"replicas": replicas, "selector": {"app": name}, "template": template(name)}))
    until("pods", lambda: len(api("GET", f"/api/v1/namespaces/{ns}/pods", labelSelector=f"app={name}")["items"]) == replicas)
    until("status", lambda: api("GET", f"{path}/{name}")["status"].get("replicas") == replicas)
    return got


def options(policy, uid=None):
    return {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy, "preconditions": {"uid": uid} if uid else None}


@check("should delete pods created by rc when not orphaning")
def gc_background(api, ns):
    rc = make_rc(api, ns, "simple", 3)
    got = api("DELETE", f"/api/v1/namespaces/{ns}/replicationcontrollers/simple", options("Background", rc["metadata"]["uid"]))
    assert got["kind"] == "Status" and got["status"] == "Success" and got["details"]["uid"] == rc["metadata"]["uid"], got
    until("no pods", lambda: not api("GET", f"/api/v1/namespaces/{ns}/pods")["items"])


@check("should orphan pods created by rc if delete options say so")
def gc_orphan(api, ns):
    rc = make_rc(api, ns, "simple", 3)
    got = api("DELETE", f"/api/v1/namespaces/{ns}/replicationcontrollers/simple", options("Orphan", rc["metadata"]["uid"]))
    until("rc gone", lambda: gone(api, f"/api/v1/namespaces/{ns}/replicationcontrollers/simple"))
    time.sleep(1)
    pods = api("GET", f"/api/v1/namespaces/{ns}/pods")["items"]
    assert len(pods) == 3 and not any(one["metadata"].get("ownerReferences") for one in pods), pods


@check("should keep the rc around until all its pods are deleted if the deleteOptions says so")
def gc_foreground(api, ns):
    rc = make_rc(api, ns, "simple", 3)
    held = api("GET", f"/api/v1/namespaces/{ns}/pods")["items"][0]["metadata"]["name"]
    api("PATCH", f"/api/v1/namespaces/{ns}/pods/{held}", {"metadata": {"finalizers": ["example.com/hold"]}}, type=MERGE)
    got = api("DELETE", f"/api/v1/namespaces/{ns}/replicationcontrollers/simple", options("Foreground", rc["metadata"]["uid"]))
    assert got["metadata"]["finalizers"] == ["foregroundDeletion"], got
    until("one pod", lambda: len(api("GET", f"/api/v1/namespaces/{ns}/pods")["items"]) == 1)
    time.sleep(0.5)
    assert not gone(api, f"/api/v1/namespaces/{ns}/replicationcontrollers/simple")
    api("PATCH", f"/api/v1/namespaces/{ns}/pods/{held}", {"metadata": {"finalizers": None}}, type=MERGE)
    until("rc gone", lambda: gone(api, f"/api/v1/namespaces/{ns}/replicationcontrollers/simple"))


def make_deployment(api, ns):
    path = f"/apis/apps/v1/namespaces/{ns}"
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "gc"}}, "template": template("gc")}
    got = api("POST", path + "/deployments", dict(meta("simple"), spec=spec))
    until("rs", lambda: len(api("GET", path + "/replicasets")["items"]) == 1)
    until("pods", lambda: len(api("GET", f"/api/v1/namespaces/{ns}/pods")["items"]) == 2)
    return got


@check("should delete RS created by deployment when not orphaning")
def gc_deployment(api, ns):
    got = make_deployment(api, ns)
    api("DELETE", f"/apis/apps/v1/namespaces/{ns}/deployments/simple", options("Background", got["metadata"]["uid"]))
    until("rs gone", lambda: not api("GET", f"/apis/apps/v1/namespaces/{ns}/replicasets")["items"])
    until("pods gone", lambda: not api("GET", f"/api/v1/namespaces/{ns}/pods")["items"])


@check("should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan")
def gc_deployment_orphan(api, ns):
    got = make_deployment(api, ns)
    api("DELETE", f"/apis/apps/v1/namespaces/{ns}/deployments/simple", options("Orphan", got["metadata"]["uid"]))
    until("deployment gone", lambda: gone(api, f"/apis/apps/v1/namespaces/{ns}/deployments/simple"))
    sets = api("GET", f"/apis/apps/v1/namespaces/{ns}/replicasets")["items"]
    assert len(sets) == 1 and not sets[0]["metadata"].get("ownerReferences"), sets


def owner(of, **more):
    return dict(apiVersion="v1", kind="Pod", name=of["metadata"]["name"], uid=of["metadata"]["uid"], **more)


@check("should not be blocked by dependency circle")
def gc_circle(api, ns):
    path = f"/api/v1/namespaces/{ns}/pods"
    made = [api("POST", path, pod(f"pod{i}")) for i in range(3)]
    for i in range(3):
        refs = [owner(made[(i + 2) % 3], controller=True, blockOwnerDeletion=True)]
        api("PATCH", f"{path}/pod{i}", {"metadata": {"ownerReferences": refs}}, type=STRATEGIC)
    api("DELETE", path + "/pod0", options("Foreground", made[0]["metadata"]["uid"]))
    until("all gone", lambda: not api("GET", path)["items"])


@check("should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted")
def gc_two_owners(api, ns):
    first = make_rc(api, ns, "doomed", 4)
    second = api("POST", f"/api/v1/namespaces/{ns}/replicationcontrollers",
                 dict(meta("stays"), spec={"replicas": 0, "selector": {"app": "stays"}, "template": template("stays")}))
    ref = {"apiVersion": "v1", "kind": "ReplicationController", "name": "stays", "uid": second["metadata"]["uid"]}
    pods = api("GET", f"/api/v1/namespaces/{ns}/pods")["items"]
    for one in pods[:2]:
        api("PATCH", f"/api/v1/namespaces/{ns}/pods/{one['metadata']['name']}", {"metadata": {"ownerReferences": [ref]}}, type=STRATEGIC)
    api("DELETE", f"/api/v1/namespaces/{ns}/replicationcontrollers/doomed", options("Foreground", first["metadata"]["uid"]))
    until("rc gone", lambda: gone(api, f"/api/v1/namespaces/{ns}/replicationcontrollers/doomed"))
    left = api("GET", f"/api/v1/namespaces/{ns}/pods")["items"]
    assert sorted(one["metadata"]["name"] for one in left) == sorted(one["metadata"]["name"] for one in pods[:2]), left
    assert all([ref["uid"]] == [r["uid"] for r in one["metadata"]["ownerReferences"]] for one in left), left


# ---- service accounts, tokens, reviews, certificates ----


@check("should guarantee kube-root-ca.crt exist in any namespace")
def root_ca(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps/kube-root-ca.crt"
    until("published", lambda: not gone(api, path))
    api("DELETE", path)
    until("published again", lambda: not gone(api, path))
    api("PATCH", path, {"data": {"ca.crt": ""}}, type=MERGE)
    until("mended", lambda: "BEGIN CERTIFICATE" in api("GET", path)["data"]["ca.crt"])


@check("should run through the lifecycle of a ServiceAccount")
def sa_lifecycle(api, ns):
    path = f"/api/v1/namespaces/{ns}/serviceaccounts"
    start, label = api("GET", path)["metadata"]["resourceVersion"], "test-serviceaccount-static=true"
    api("POST", path, meta("lifecycle", labels={"test-serviceaccount-static": "true"}))
    got = api("PATCH", path + "/lifecycle", {"automountServiceAccountToken": False}, type=STRATEGIC)
    assert got["automountServiceAccountToken"] is False
    assert api("GET", "/api/v1/serviceaccounts", labelSelector="test-serviceaccount-static=true")["items"]
    api("DELETE", path, labelSelector=label)
    got = [(one["type"], one["object"].get("automountServiceAccountToken")) for one in take(api.watch(path, resourceVersion=start, labelSelector=label), 3)]
    assert got == [("ADDED", None), ("MODIFIED", False), ("DELETED", False)], got
    assert gone(api, path + "/lifecycle")


@check("should update a ServiceAccount")
def sa_update(api, ns):
    path = f"/api/v1/namespaces/{ns}/serviceaccounts"
    got = api("POST", path, dict(meta("e2e-sa"), automountServiceAccountToken=True))
    got["automountServiceAccountToken"] = False
    assert api("PUT", path + "/e2e-sa", got)["automountServiceAccountToken"] is False


@check("should create a serviceAccountToken and ensure a successful TokenReview")
def sa_token(api, ns):
    path = f"/api/v1/namespaces/{ns}/serviceaccounts"
    made = api("POST", path, meta("e2e-sa"))
    got = api("POST", path + "/e2e-sa/token", {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
                                               "metadata": {"name": "e2e-sa", "namespace": ns}, "spec": {"audiences": []}})
    assert got["kind"] == "TokenRequest" and got["spec"]["expirationSeconds"] == 3600 and got["status"]["expirationTimestamp"], got
    token = got["status"]["token"]
    review = api("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": token}})["status"]
    assert review["authenticated"] and review["user"]["username"] == f"system:serviceaccount:{ns}:e2e-sa", review
    assert review["user"]["uid"] == made["metadata"]["uid"]
    assert review["user"]["groups"] == ["system:serviceaccounts", f"system:serviceaccounts:{ns}", "system:authenticated"], review
    assert "authentication.kubernetes.io/credential-id" in review["user"]["extra"], review
    me = requests.post(api.base + "/apis/authentication.k8s.io/v1/selfsubjectreviews", json={}, verify=api.session.verify,
                       headers={"Authorization": "Bearer " + token}, timeout=30)
    assert me.status_code == 201 and me.json()["status"]["userInfo"]["username"] == review["user"]["username"], me.text
    api("DELETE", path + "/e2e-sa")

    def refused():
        return not api("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": token}})["status"].get("authenticated")
    until("refused", refused)


@check("should mount an API token into pods")
def sa_mount(api, ns):
    api("POST", f"/api/v1/namespaces/{ns}/serviceaccounts", meta("mount-test"))
    got = api("POST", f"/api/v1/namespaces/{ns}/pods", pod("p", serviceAccountName="mount-test"))
    mount = [one for one in got["spec"]["containers"][0]["volumeMounts"] if one["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"]
    assert mount and mount[0]["readOnly"], got["spec"]
    sources = got["spec"]["volumes"][0]["projected"]["sources"]
    assert sources[0]["serviceAccountToken"] == {"expirationSeconds": 3607, "path": "token"}, sources


@check("should allow opting out of API token automount")
def sa_opt_out(api, ns):
    for name, automount in (("mount", True), ("default", None), ("nomount", False)):
        if name != "default":
            api("POST", f"/api/v1/namespaces/{ns}/serviceaccounts", dict(meta(name), automountServiceAccountToken=automount))
        for said, wanted in ((None, automount is not False), (True, True), (False, False)):
            spec = {"serviceAccountName": name}
            if said is not None:
                spec["automountServiceAccountToken"] = said
            got = api("POST", f"/api/v1/namespaces/{ns}/pods", pod(f"pod-{name}-{said}".lower(), **spec))
            mounts = [one["mountPath"] for one in got["spec"]["containers"][0].get("volumeMounts", [])]
            assert ("/var/run/secrets/kubernetes.io/serviceaccount" in mounts) == wanted, (name, said, mounts)


@check("ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer")
def oidc(api, ns):
    got = api("GET", "/.well-known/openid-configuration")
    assert got["issuer"] and got["jwks_uri"] and got["response_types_supported"] == ["id_token"], got
    keys = api.session.get(api.base + "/openid/v1/jwks", timeout=30)
    assert keys.headers["Content-Type"].startswith("application/jwk-set+json"), keys.headers
    assert keys.json()["keys"][0]["use"] == "sig"
    made = api("POST", f"/api/v1/namespaces/{ns}/serviceaccounts/default/token", {"spec": {}})["status"]["token"]
    head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in made.split(".")[:2])
    assert head["kid"] in [one["kid"] for one in keys.json()["keys"]] and claims["iss"] == got["issuer"], (head, claims, got)
    assert claims["sub"] == f"system:serviceaccount:{ns}:default" and head["alg"] in got["id_token_signing_alg_values_supported"], (head, claims)
    bound = api("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:service-account-issuer-discovery")
    assert bound["rules"], bound


@check("should support SubjectReview API operations")
def subject_review(api, ns):
    attributes = {"namespace": ns, "verb": "list", "resource": "configmaps", "version": "v1"}
    user, account = f"system:serviceaccount:{ns}:e2e", f"/api/v1/namespaces/{ns}/serviceaccounts"
    groups = ["system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{ns}"]
    api("POST", account, meta("e2e"))
    token = api("POST", account + "/e2e/token", {"spec": {}})["status"]["token"]

    def lists():
        """What the account itself is answered."""
        return requests.get(api.base + f"/api/v1/namespaces/{ns}/configmaps", headers={"Authorization": "Bearer " + token},
                            verify=api.session.verify, timeout=30).status_code
    assert lists() == 403, lists()
    got = api("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": {"user": user, "groups": groups, "resourceAttributes": attributes}})
    assert got["status"]["allowed"] is False, got
    local = f"/apis/authorization.k8s.io/v1/namespaces/{ns}/localsubjectaccessreviews"
    got = api("POST", local, dict({"metadata": {"namespace": ns}}, spec={"user": user, "groups": groups, "resourceAttributes": attributes}))
    assert got["status"]["allowed"] is False, got
    api("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
        dict(meta("view"), roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
             subjects=[{"kind": "ServiceAccount", "name": "e2e", "namespace": ns}]))
    got = until("allowed", lambda: (lambda one: one if one["status"]["allowed"] else None)(api("POST", local, {
        "metadata": {"namespace": ns}, "spec": {"user": user, "groups": groups, "resourceAttributes": attributes}})))
    assert 'RBAC: allowed by RoleBinding "view/' in got["status"]["reason"], got
    assert lists() == 200, lists()
    got = api("POST", local, {"metadata": {"namespace": ns}, "spec": {"user": "e2e", "groups": groups, "resourceAttributes": attributes}})
    assert got["status"]["allowed"] is False, got
    rules = api("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": ns}})["status"]
    assert rules["resourceRules"] and rules["incomplete"] is False, rules


@check("should support CSR API operations")
def csr(api, ns):
    import subprocess
    made = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null",
                           "-subj", "/O=system:e2e/CN=e2e-user"], capture_output=True, check=True).stdout
    base, word = "/apis/certificates.k8s.io/v1/certificatesigningrequests", {"labels": {"e2e": ns}}
    spec = {"request": base64.b64encode(made).decode(), "signerName": "example.com/e2e-" + ns, "usages": ["digital signature", "client auth"]}
    spec["expirationSeconds"] = 3600
    names, mine = [], dict(fieldSelector="spec.signerName=" + spec["signerName"])
    start = api("GET", base, **mine)["metadata"]["resourceVersion"]
    for i in range(3):
        got = api("POST", base, {"metadata": dict(generateName="e2e-example-csr-", **word), "spec": spec})
        names.append(got["metadata"]["name"])
    assert got["spec"]["username"] and got["spec"]["groups"], got["spec"]
    assert len(api("GET", base, **mine)["items"]) == len(api("GET", base, labelSelector=f"e2e={ns}")["items"]) == 3
    assert not api("GET", base, fieldSelector="spec.signerName=example.com/other-" + ns)["items"]
    path = f"{base}/{names[0]}"
    assert api("PATCH", path, {"metadata": {"annotations": {"patched": "true"}}}, type=MERGE)["metadata"]["annotations"]["patched"] == "true"
    got = api("GET", path)
    got["metadata"]["annotations"]["updated"] = "true"
    assert api("PUT", path, got)["metadata"]["annotations"]["updated"] == "true"
    assert api("GET", path + "/approval")["kind"] == "CertificateSigningRequest"
    patch = {"metadata": {"annotations": {"patchedapproval": "true"}},
             "status": {"conditions": [{"type": "ApprovalPatch", "status": "True", "reason": "e2e"}]}}
    got = api("PATCH", path + "/approval", patch, type=MERGE)
    assert got["status"]["conditions"][0]["type"] == "ApprovalPatch" and got["metadata"]["annotations"]["patchedapproval"] == "true", got
    got = api("GET", path)
    got["status"]["conditions"].append({"type": "Approved", "status": "True", "reason": "E2E", "message": "Set from an e2e test"})
    assert len(api("PUT", path + "/approval", got)["status"]["conditions"]) == 2
    pem = open(api.session.verify).read()
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"certificate": base64.b64encode(pem.encode()).decode()}}
    got = api("PATCH", path + "/status", patch, type=MERGE)
    assert got["status"]["certificate"] and got["metadata"]["annotations"]["patchedstatus"] == "true", got
    got["status"]["conditions"].append({"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from an e2e test"})
    assert len(api("PUT", path + "/status", got)["status"]["conditions"]) == 3
    api("DELETE", path)
    assert gone(api, path)
    seen = [(one["type"], one["object"]["metadata"]["name"]) for one in take(api.watch(base, resourceVersion=start, **mine), 10)]
    assert seen[:3] == [("ADDED", name) for name in names] and seen[3:] == [("MODIFIED", names[0])] * 6 + [("DELETED", names[0])], seen
    api("DELETE", base, **mine)
    until("gone", lambda: not api("GET", base, labelSelector=f"e2e={ns}")["items"])


# ---- events ----


@check("Events should manage the lifecycle of an event")
def core_events(api, ns):
    path = f"/api/v1/namespaces/{ns}/events"
    event = {"metadata": {"name": "event-test", "labels": {"testevent-constant": "true"}}, "message": "This is a test event",
             "reason": "Test", "type": "Normal", "count": 1, "involvedObject": {"namespace": ns}}
    api("POST", path, event)
    assert len(api("GET", "/api/v1/events", labelSelector="testevent-constant=true", fieldSelector=f"metadata.namespace={ns}")["items"]) == 1
    assert api("PATCH", path + "/event-test", {"message": "patched"}, type=STRATEGIC)["message"] == "patched"
    got = api("GET", path + "/event-test")
    got["series"] = {"count": 100, "lastObservedTime": "2024-01-01T00:00:00.000001Z"}
    assert api("PUT", path + "/event-test", got)["series"]["count"] == 100
    api("DELETE", path + "/event-test")
    assert not api("GET", "/api/v1/events", labelSelector="testevent-constant=true")["items"]


@check("Events should delete a collection of events")
def core_events_collection(api, ns):
    path = f"/api/v1/namespaces/{ns}/events"
    for i in range(3):
        api("POST", path, {"metadata": {"name": f"test-event-{i}", "labels": {"testevent-set": "true"}}, "reason": "Test", "message": "x",
                           "type": "Normal", "count": 1, "involvedObject": {"namespace": ns}})
    assert len(api("GET", path, labelSelector="testevent-set=true")["items"]) == 3
    api("DELETE", path, labelSelector="testevent-set=true")
    until("gone", lambda: not api("GET", path, labelSelector="testevent-set=true")["items"])


def new_event(ns, name, **labels):
    return {"metadata": {"name": name, "labels": labels}, "eventTime": "2024-01-01T00:00:00.000001Z", "reportingController": "test-controller",
            "reportingInstance": "test-node", "action": "Do", "reason": "Test", "type": "Normal", "note": "note",
            "regarding": {"namespace": ns}}


@check("Events API should ensure that an event can be fetched, patched, deleted, and listed")
def events(api, ns):
    path = f"/apis/events.k8s.io/v1/namespaces/{ns}/events"
    made = api("POST", path, new_event(ns, "event-test"))
    assert len(api("GET", "/apis/events.k8s.io/v1/events", fieldSelector="reportingController=test-controller")["items"]) >= 1
    for where, selector in ((path, "reportingController=test-controller"), (f"/api/v1/namespaces/{ns}/events", "source=test-controller")):
        assert [one["metadata"]["name"] for one in api("GET", where, fieldSelector=selector)["items"]] == ["event-test"], selector
    assert len(api("GET", path)["items"]) == 1
    assert api("GET", path + "/event-test")["note"] == "note"
    got = api("PATCH", path + "/event-test", {"series": {"count": 2, "lastObservedTime": "2024-01-01T00:00:00.000001Z"}}, type=STRATEGIC)
    assert got["series"]["count"] == 2, got
    got["series"] = {"count": 100, "lastObservedTime": "2024-01-02T00:00:00.000001Z"}
    assert api("PUT", path + "/event-test", got)["series"]["count"] == 100
    assert api("GET", f"/api/v1/namespaces/{ns}/events/event-test")["reportingComponent"] == "test-controller"
    api("DELETE", path + "/event-test")
    assert not api("GET", path)["items"] and made["kind"] == "Event"


@check("Events API should delete a collection of events")
def events_collection(api, ns):
    path = f"/apis/events.k8s.io/v1/namespaces/{ns}/events"
    for i in range(3):
        api("POST", path, new_event(ns, f"set-{i}", **{"testevent-set": "true"}))
    assert len(api("GET", path, labelSelector="testevent-set=true")["items"]) == 3
    api("DELETE", path, labelSelector="testevent-set=true")
    until("gone", lambda: not api("GET", path, labelSelector="testevent-set=true")["items"])


# ---- field validation, immutability, names, apply ----


@check("should detect unknown and duplicate fields of a typed object")
def field_validation(api, ns):
    path = f"/apis/apps/v1/namespaces/{ns}/deployments"
    text = """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"my-dep"},"spec":{"unknown1":"val1","unknownDupe":"a","unknownDupe":"b",
"paused":true,"paused":false,"selector":{"matchLabels":{"app":"n"}},"template":{"metadata":{"labels":{"app":"n"}},
"spec":{"containers":[{"name":"n","image":"n","unknownNested":"v1","imagePullPolicy":"Always","imagePullPolicy":"Never"}]}}}}"""
    got = api("POST", path, text, code=400, fieldValidation="Strict")
    is_status(got, 400, "BadRequest", 'unknown field "spec.template.spec.containers[0].unknownNested"')
    for part in ('unknown field "spec.unknown1"', 'unknown field "spec.unknownDupe"', 'duplicate field "spec.paused"',
                 'duplicate field "spec.template.spec.containers[0].imagePullPolicy"', "strict decoding error"):
        assert part in got["message"], (part, got["message"])
    for part in ('"replicas":2,"unknownField":"foo"', '"unknownField":"foo","replicas":2'):
        short = '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"my-dep"},"spec":{%s,"replicas":3,"selector":{},"template":{}}}' % part
        got = api("POST", path, short, code=400, fieldManager="field_validation_mgr", fieldValidation="Strict")
        assert 'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"' in got["message"], got
    warned = api.session.post(api.base + path, data=text, params={"fieldValidation": "Warn"}, headers={"Content-Type": "application/json"}, timeout=30)
    assert warned.status_code == 201 and r'299 - "unknown field \"spec.unknown1\""' in warned.headers.get("Warning", ""), (warned.text, warned.headers)


@check("should detect unknown metadata fields of a typed object")
def metadata_validation(api, ns):
    path = f"/apis/apps/v1/namespaces/{ns}/deployments"
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "my-dep", "unknownMeta": 1},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": dict(template("x"), metadata={"labels": {"a": "b"}, "unknownMeta": 2})}}
    got = api("PATCH", path + "/my-dep", yaml.safe_dump(body), code=500, type=APPLY, fieldManager="me", fieldValidation="Strict")
    # server-side apply looks for unknown fields while it makes typed values
    assert 'unknown field "metadata.unknownMeta"' in got["message"] or ".metadata.unknownMeta: field not declared in schema" in got["message"], got
    got = api("POST", path, body, code=400, fieldValidation="Strict")
    assert 'unknown field "metadata.unknownMeta"' in got["message"] and 'unknown field "spec.template.metadata.unknownMeta"' in got["message"], got


@check("immutable ConfigMaps and Secrets")
def immutable(api, ns):
    for kind, data in (("configmaps", {"k": "v"}), ("secrets", {"k": "dg=="})):
        path = f"/api/v1/namespaces/{ns}/{kind}"
        api("POST", path, dict(meta("i"), data=data))
        api("PATCH", path + "/i", {"immutable": True}, type=MERGE)
        is_status(api("PATCH", path + "/i", {"data": {"k": "dwo="}}, code=422, type=MERGE), 422, "Invalid",
                  "data: Forbidden: field is immutable when `immutable` is set")
        is_status(api("PATCH", path + "/i", {"immutable": False}, code=422, type=MERGE), 422, "Invalid", "immutable: Forbidden")
        api("PATCH", path + "/i", {"metadata": {"labels": {"a": "b"}}}, type=MERGE)
        api("DELETE", path + "/i")


@check("secrets: patch, list and delete by label in all namespaces")
def secret_patch(api, ns):
    path = f"/api/v1/namespaces/{ns}/secrets"
    api("POST", path, dict(meta("s", labels={"testsecret-constant": "true"}), data={"key": "dmFsdWU="}, type="Opaque"))
    assert api("GET", "/api/v1/secrets", labelSelector="testsecret-constant=true")["items"]
    got = api("PATCH", path + "/s", {"metadata": {"labels": {"testsecret": "true"}}, "data": {"key": "dmFsdWUx"}}, type=STRATEGIC)
    assert got["data"]["key"] == "dmFsdWUx"
    is_status(api("POST", path, dict(meta("empty"), data={"": "dmFsdWU="}), code=422), 422, "Invalid")
    api("DELETE", path, labelSelector="testsecret=true")
    until("gone", lambda: gone(api, path + "/s"))


@check("names that the server makes")
def generate(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    names = {api("POST", path, {"metadata": {"generateName": "gen-"}})["metadata"]["name"] for _ in range(5)}
    assert len(names) == 5 and all(len(one) == len("gen-") + 5 for one in names), names
    long = api("POST", path, {"metadata": {"generateName": "x" * 80}})["metadata"]["name"]
    assert len(long) == 63, long


@check("dry run keeps nothing")
def dry_run(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    got = api("POST", path, meta("dry"), dryRun="All")
    assert got["metadata"]["uid"] and gone(api, path + "/dry")
    is_status(api("POST", path, meta("dry"), code=422, dryRun="Some"), 422, "Invalid", 'dryRun: Unsupported value: []string{"Some"}')
    api("POST", path, meta("dry"))
    assert api("PATCH", path + "/dry", {"data": {"a": "b"}}, type=MERGE, dryRun="All")["data"] == {"a": "b"}
    assert "data" not in api("GET", path + "/dry")
    api("DELETE", path + "/dry", dryRun="All")
    api("DELETE", path, dryRun="All")
    assert not gone(api, path + "/dry")


@check("the kinds of patch")
def patches(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    api("POST", path, dict(meta("p"), data={"a": "1", "b": "2"}))
    got = api("PATCH", path + "/p", [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/a"}], type=JSON_PATCH)
    assert got["data"] == {"b": "2"}
    failed = api("PATCH", path + "/p", [{"op": "test", "path": "/data/b", "value": "9"}], code=422, type=JSON_PATCH)
    assert failed["reason"] == "Invalid", failed
    is_status(api("PATCH", path + "/p", "{", code=400, type=MERGE), 400, "BadRequest")
    got = api("PATCH", path + "/p", "{}", code=415, type="application/json")
    is_status(got, 415, "UnsupportedMediaType", "415: Unsupported Media Type")
    is_status(api("PATCH", path + "/absent", {"data": {}}, code=404, type=MERGE), 404, "NotFound")


@check("server-side apply: create, own, conflict, force, give up")
def apply(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps/applied"

    def body(**data):
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": data}
    is_status(api("PATCH", path, body(a="1"), code=422, type=APPLY), 422, "Invalid", "fieldManager: Required value: is required for apply patch")
    got = api("PATCH", path, body(a="1", b="1"), code=201, type=APPLY, fieldManager="one")
    entry = got["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"], entry["fieldsType"]) == ("one", "Apply", "FieldsV1"), entry
    assert "f:a" in entry["fieldsV1"]["f:data"]
    again = api("PATCH", path, body(a="1", b="1"), type=APPLY, fieldManager="one")
    assert again["metadata"]["resourceVersion"] == got["metadata"]["resourceVersion"], "an apply that changes nothing wrote"
    clash = api("PATCH", path, body(a="2"), code=409, type=APPLY, fieldManager="two")
    is_status(clash, 409, "Conflict", 'Apply failed with 1 conflict: conflict with "one": .data.a')
    assert clash["details"]["causes"] == [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}], clash
    assert api("PATCH", path, body(a="2"), type=APPLY, fieldManager="two", force="true")["data"] == {"a": "2", "b": "1"}
    assert api("PATCH", path, body(), type=APPLY, fieldManager="one")["data"] == {"a": "2"}
    got = api("PATCH", path, {"metadata": {"managedFields": [{}]}}, type=MERGE)
    assert not got["metadata"].get("managedFields"), got


@check("conflict, preconditions, deletecollection")
def conflicts(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    made = api("POST", path, meta("c"))
    api("PATCH", path + "/c", {"data": {"a": "b"}}, type=MERGE)
    is_status(api("PUT", path + "/c", made, code=409), 409, "Conflict",
              'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again')
    got = api("DELETE", path + "/c", {"preconditions": {"uid": "other"}}, code=409)
    is_status(got, 409, "Conflict", "the UID in the precondition (other) does not match the UID in record")
    got = api("DELETE", path, fieldSelector="metadata.name=c")
    assert got["kind"] == "ConfigMapList", got["kind"]
    until("gone", lambda: gone(api, path + "/c"))


@check("a TLS server name leads to its cluster, whatever the path, and that of no cluster nowhere")
def server_names(api, ns):
    url = urlsplit(api.base)

    def code(name):
        context = ssl.create_default_context(cafile=api.session.verify)
        context.load_cert_chain(*api.session.cert)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        connection.sock = context.wrap_socket(socket.create_connection((url.hostname, url.port), 30),
                                              server_hostname=f"{name}.clusters.warren.internal")
        connection.request("GET", f"/api/v1/namespaces/{ns}")
        status = connection.getresponse().status
        connection.close()
        return status
    own = url.path.rpartition("/")[2]
    assert not own or code(own) == 200
    assert code("nobody") == 404


main()
