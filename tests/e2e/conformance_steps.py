"""Upstream's tests of workloads and Pods that came after 1.20, request by request, with Pods that run: see conformance_kit.py.

The bodies are what upstream's Go clients send: with the null times and empty structs of their types, without resourceVersions
where they leave them out. What those tests watch for is watched for here.
"""
import copy

from conformance_kit import MERGE, STRATEGIC, annotated, at, check, gone, has, main, meta, names, rewrite, saw, until

SLEEP = ["sleep", "3600"]
SERVE = ["sh", "-c", "echo hi > /tmp/index.html; exec httpd -f -p 80 -h /tmp"]
CONDITION = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test", "lastTransitionTime": None}


def container(name="c", command=SLEEP, **more):
    return dict({"name": name, "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": command, "resources": {}}, **more)


def template(app, *containers, **spec):
    return {"metadata": {"creationTimestamp": None, "labels": app}, "spec": dict(
        {"containers": list(containers) or [container()], "terminationGracePeriodSeconds": 0}, **spec)}


def workload(name, labels, replicas=1, containers=(), **more):
    return dict(meta(name, labels=labels, creationTimestamp=None), status={}, spec=dict({
        "replicas": replicas, "selector": {"matchLabels": labels}, "template": template(labels, *containers)}, **more))


def ready(api, path, count):
    def settled():
        one = api("GET", path)
        status = one["status"]
        return one if status.get("observedGeneration") == one["metadata"]["generation"] and count == status.get("readyReplicas", 0) and \
            status.get("updatedReplicas", count) == status.get("replicas", 0) == count else None
    return until(f"{path}: {count} ready", settled, 60)


# ---- /status of workloads, seen by a watch ----

STATUS = {
    "Deployment should validate Deployment Status endpoints": ("deployments", {"strategy": {}}),
    "ReplicaSet should validate Replicaset Status endpoints": ("replicasets", {}),
    "StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should validate Statefulset Status endpoints":
        ("statefulsets", {"serviceName": "test", "updateStrategy": {}}),
    "Daemon set [Serial] should verify changes to a daemon set status": ("daemonsets", {"updateStrategy": {}}),
}


def status(kind, more):
    def run(api, ns):
        home, label = at("apps/v1", kind, ns), {"e2e": "testing", "name": "httpd"}
        since = api("GET", home)["metadata"]["resourceVersion"]
        body = workload("e2e", label, **more)
        if kind == "daemonsets":
            body["spec"].pop("replicas")
            body["status"] = {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}
        api("POST", home, body)
        path = home + "/e2e"
        ready(api, path, 1) if kind != "daemonsets" else until("ready", lambda: api("GET", path)["status"].get("numberReady") == 1, 60)
        assert "conditions" in api("GET", path + "/status")["status"] or kind != "deployments"
        updated = dict(CONDITION, lastUpdateTime=None) if kind == "deployments" else CONDITION
        got = rewrite(api, path + "/status", lambda one: one["status"].setdefault("conditions", []).append(updated))
        seen = {"conditions": [{"type": "StatusUpdate", "reason": "E2E", "message": "Set from e2e test"}]}
        assert has(got["status"], seen), got["status"]
        saw(api, home, since, "e2e=testing", [lambda event: has(event["object"]["status"], seen)])
        got = api("PATCH", path + "/status", {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}, type=MERGE)
        assert has(got["status"], {"conditions": [{"type": "StatusPatched"}]}), got["status"]
        saw(api, home, since, "e2e=testing", [lambda event: has(event["object"]["status"], {"conditions": [{"type": "StatusPatched"}]})])
    return run


for title, row in STATUS.items():
    check(title)(status(*row))


# ---- Deployment, ReplicaSet, StatefulSet, ControllerRevision ----

@check("Deployment should run the lifecycle of a Deployment")
def deployment(api, ns):
    home, label = at("apps/v1", "deployments", ns), {"test-deployment-static": "true"}
    flat, path = "test-deployment-static=true", home + "/test-deployment"
    body = workload("test-deployment", label, 2, [container("test-deployment")], strategy={})
    since = api("GET", home, labelSelector=flat)["metadata"]["resourceVersion"]
    api("POST", home, body)
    saw(api, home, since, flat, [lambda event: event["type"] == "ADDED", lambda event: event["object"]["status"].get("readyReplicas") == 2])
    api("PATCH", path, {"metadata": {"labels": {"test-deployment": "patched"}}, "spec": {"replicas": 1, "template": {"spec": {
        "TerminationGracePeriodSeconds": 2, "containers": [container("test-deployment", ["sleep", "1800"])]}}}}, type=STRATEGIC)
    saw(api, home, since, flat, [lambda event: event["type"] == "MODIFIED" and event["object"]["metadata"]["labels"].get("test-deployment") == "patched"])
    ready(api, path, 1)
    assert names(api("GET", at("apps/v1", "deployments"), labelSelector=flat)) == ["test-deployment"]
    update = copy.deepcopy(body)
    update["metadata"]["labels"] = dict(label, **{"test-deployment": "updated"})
    update["spec"]["template"]["spec"]["containers"][0]["command"] = ["sleep", "900"]
    api("PUT", path, update)  # no resourceVersion
    got = api("GET", path + "/status")
    assert got["spec"]["template"]["spec"]["containers"][0]["command"] == ["sleep", "900"], got["spec"]
    assert got["metadata"]["labels"]["test-deployment"] == "updated", got["metadata"]
    ready(api, path, 2)
    api("PATCH", path + "/status", {"metadata": {"labels": {"test-deployment": "patched-status"}},
                                    "status": {"readyReplicas": 0, "availableReplicas": 0}}, type=STRATEGIC)
    got = api("GET", path + "/status")
    assert got["metadata"]["labels"]["test-deployment"] == "updated", got["metadata"]
    ready(api, path, 2)
    api("DELETE", home, {"kind": "DeleteOptions", "apiVersion": "apps/v1", "gracePeriodSeconds": 1}, labelSelector=flat)
    saw(api, home, since, flat, [lambda event: event["type"] == "DELETED"])


@check("ReplicaSet Replace and Patch tests")
def replicaset(api, ns):
    home, label = at("apps/v1", "replicasets", ns), {"app": "test-rs"}
    body = workload("test-rs", label, 1, [container("test-rs")])
    since = api("GET", home)["metadata"]["resourceVersion"]
    api("POST", home, body)
    ready(api, home + "/test-rs", 1)
    scale = api("GET", home + "/test-rs/scale")
    assert scale["spec"]["replicas"] == scale["status"]["replicas"] == 1, scale
    scale["metadata"].pop("resourceVersion")
    scale["spec"]["replicas"] = 2
    assert api("PUT", home + "/test-rs/scale", scale)["spec"]["replicas"] == 2
    got = api("PATCH", home + "/test-rs", {"metadata": {"labels": {"test-rs": "patched"}}, "spec": {"replicas": 3, "template": {"spec": {
        "TerminationGracePeriodSeconds": 1, "containers": [container("test-rs")]}}}}, type=STRATEGIC)
    assert got["spec"]["replicas"] == 3 and got["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 0, got["spec"]
    saw(api, home, since, "test-rs=patched", [lambda event: event["object"]["status"].get("readyReplicas") == 3])


@check("StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should list, patch and delete a collection of StatefulSets")
def statefulset(api, ns):
    home, path = at("apps/v1", "statefulsets", ns), at("apps/v1", "statefulsets", ns, "test-ss")
    api("POST", home, workload("test-ss", {"name": "sample-pod", "pod": "httpd"}, 1, [container("webserver")], serviceName="test", updateStrategy={}))
    ready(api, path, 1)
    api("PATCH", path, {"metadata": {"labels": {"test-ss": "patched"}}, "spec": {"replicas": 2, "template": {"spec": {
        "TerminationGracePeriodSeconds": 1, "containers": [container("test-ss")]}}}}, type=STRATEGIC)
    got = api("GET", path)
    assert got["spec"]["replicas"] == 2 and got["spec"]["template"]["spec"]["containers"][0]["name"] == "test-ss", got["spec"]
    ready(api, path, 2)
    assert names(api("GET", at("apps/v1", "statefulsets"), labelSelector="test-ss=patched")) == ["test-ss"]
    api("DELETE", home, {"kind": "DeleteOptions", "apiVersion": "apps/v1", "gracePeriodSeconds": 1}, labelSelector="test-ss=patched")
    assert not api("GET", at("apps/v1", "statefulsets"), labelSelector="test-ss=patched")["items"]


@check("ControllerRevision [Serial] should manage the lifecycle of a ControllerRevision")
def revisions(api, ns):
    sets, home, label = at("apps/v1", "daemonsets", ns), at("apps/v1", "controllerrevisions", ns), "daemonset-name=e2e"
    body = workload("e2e", {"daemonset-name": "e2e"}, updateStrategy={})
    body["spec"].pop("replicas")
    api("POST", sets, dict(body, status={"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}))
    until("ready", lambda: api("GET", sets + "/e2e")["status"].get("numberReady") == 1, 60)
    ds, listed = api("GET", sets + "/e2e"), api("GET", at("apps/v1", "controllerrevisions"), labelSelector=label)["items"]
    assert len(listed) == 1 and listed[0]["metadata"]["ownerReferences"][0]["uid"] == ds["metadata"]["uid"], listed
    first = listed[0]["metadata"]["name"]
    assert api("PATCH", home + "/" + first, {"metadata": {"labels": {first: "patched"}}}, type=STRATEGIC)["metadata"]["labels"][first] == "patched"
    api("POST", home, dict(meta("e2e-made", labels={"daemonset-name": "e2e", "controller-revision-hash": "made"}, ownerReferences=[
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "e2e", "uid": ds["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}]),
        data=listed[0]["data"], revision=2))
    assert api("PUT", home + "/e2e-made", dict(api("GET", home + "/e2e-made"), data={"spec": {}}), code=422)["reason"] == "Invalid"

    def counted(count):
        until(f"{count} revisions", lambda: len(api("GET", home, labelSelector=label)["items"]) == count)
    counted(2)
    api("DELETE", home + "/" + first)
    counted(1)
    now = names(api("GET", home, labelSelector=label))[0]
    got = rewrite(api, home + "/" + now, lambda one: one["metadata"]["labels"].update({now: "updated"}))
    assert got["metadata"]["labels"][now] == "updated", got
    api("PATCH", sets + "/e2e", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}, "updateStrategy": {"type": "RollingUpdate"}}, type=STRATEGIC)
    counted(2)
    api("DELETE", home, labelSelector=now + "=updated")
    counted(1)
    assert api("GET", home, labelSelector=label)["items"][0]["revision"] == 3, api("GET", home, labelSelector=label)["items"]


# ---- Job ----

def job(name, command, **spec):
    return dict(meta(name, labels={"e2e-job-label": name}, creationTimestamp=None), status={}, spec=dict({
        "parallelism": 2, "completions": 4, "backoffLimit": 6, "template": template({"job": name}, container(command=command), restartPolicy="Never")}, **spec))


def finished(api, path, type, reason=None):
    def met():
        one = api("GET", path)
        return one if has(one["status"].get("conditions"), [dict({"type": type, "status": "True"}, **({"reason": reason} if reason else {}))]) else None
    return until(f"{path}: {type} {reason or ''}", met, 90)


@check("Job should manage the lifecycle of a job")
def job_lifecycle(api, ns):
    home, path, label = at("batch/v1", "jobs", ns), at("batch/v1", "jobs", ns, "e2e"), "e2e-job-label=e2e"
    since = api("GET", home, labelSelector=label)["metadata"]["resourceVersion"]
    api("POST", home, job("e2e", ["true"], suspend=True))
    assert api("PATCH", path, {"metadata": {"labels": {"e2e": "patched"}}}, type=STRATEGIC)["metadata"]["labels"]["e2e"] == "patched"
    saw(api, home, since, label, [lambda event: event["type"] == "MODIFIED" and event["object"]["metadata"]["labels"].get("e2e") == "patched"])

    def resume(one):
        one["spec"]["suspend"] = False
        one["metadata"].setdefault("annotations", {})["updated"] = "true"
    assert rewrite(api, path, resume)["metadata"]["annotations"]["updated"] == "true"
    saw(api, home, since, label, [annotated("updated")])
    assert names(api("GET", at("batch/v1", "jobs"), labelSelector=label)) == ["e2e"]
    assert finished(api, path, "Complete")["status"]["succeeded"] == 4
    assert len([one for one in api("GET", at("v1", "pods", ns), labelSelector="job=e2e")["items"] if one["status"]["phase"] == "Succeeded"]) == 4
    api("DELETE", home, {"kind": "DeleteOptions", "apiVersion": "batch/v1", "propagationPolicy": "Background"}, labelSelector=label)
    saw(api, home, since, label, [lambda event: event["type"] == "DELETED"])
    assert not api("GET", at("batch/v1", "jobs"), labelSelector=label)["items"]


@check("Job should apply changes to a job status")
def job_status(api, ns):
    home, path = at("batch/v1", "jobs", ns), at("batch/v1", "jobs", ns, "e2e")
    api("POST", home, job("e2e", SLEEP))
    until("active", lambda: api("GET", path)["status"].get("ready") == 2, 60)
    got = api("PATCH", path + "/status", {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {
        "conditions": [{"type": "CustomConditionType", "status": "True", "lastProbeTime": None, "lastTransitionTime": None}]}}, type=MERGE)
    assert has(got["status"], {"conditions": [{"type": "CustomConditionType", "status": "True"}]}), got
    assert got["metadata"]["annotations"]["patchedstatus"] == "true", got
    got = rewrite(api, path + "/status", lambda one: one["status"]["conditions"].append({"type": "CustomConditionType2", "status": "True"}))
    assert has(got["status"], {"conditions": [{"type": "CustomConditionType2"}]}), got
    assert api("GET", path + "/status")["metadata"]["uid"] == got["metadata"]["uid"]


@check("Job should allow to use the pod failure policy on exit code to fail the job early")
def job_fails_early(api, ns):
    path = at("batch/v1", "jobs", ns, "pod-failure-failjob")
    api("POST", path.rsplit("/", 1)[0], job("pod-failure-failjob", ["sh", "-c", "exit 1"], podFailurePolicy={"rules": [
        {"action": "FailJob", "onExitCodes": {"containerName": "c", "operator": "In", "values": [1]}}]}))
    got = finished(api, path, "Failed", "PodFailurePolicy")
    assert has(got["status"], {"conditions": [{"type": "FailureTarget", "reason": "PodFailurePolicy"}]}), got["status"]


@check("Job should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition")
def job_ignores(api, ns):
    path, pods = at("batch/v1", "jobs", ns, "evicted"), at("v1", "pods", ns)
    body = job("evicted", ["sh", "-c", "trap 'exit 1' TERM; test -e /v/go-$JOB_COMPLETION_INDEX && exit 0; sleep 3600 & wait"], completionMode="Indexed",
               parallelism=3, completions=3, backoffLimit=2, podFailurePolicy={"rules": [
                   {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                   {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [0]}}]})
    spec = body["spec"]["template"]["spec"]
    spec["terminationGracePeriodSeconds"] = 2
    spec["volumes"] = [{"name": "v", "configMap": {"name": "go", "optional": True}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    api("POST", path.rsplit("/", 1)[0], body)
    until("all run", lambda: api("GET", path)["status"].get("ready") == 3, 60)
    evicted = api("GET", pods, labelSelector="job=evicted")["items"]
    api("POST", at("v1", "configmaps", ns), dict(meta("go"), data={f"go-{index}": "" for index in range(3)}))
    for one in evicted:
        name = one["metadata"]["name"]
        api("POST", f"{pods}/{name}/eviction", dict(meta(name, namespace=ns), apiVersion="policy/v1", kind="Eviction"))
    for one in evicted:
        until("evicted", lambda: gone(api, pods + "/" + one["metadata"]["name"]), 60)
    got = finished(api, path, "Complete")
    assert got["status"]["succeeded"] == 3 and not got["status"].get("failed"), got["status"]


# ---- Pods ----

def pod(name, labels=None, *containers, **spec):
    return dict(meta(name, labels=labels or {}, creationTimestamp=None), status={}, spec=dict(
        {"containers": list(containers) or [container()], "terminationGracePeriodSeconds": 1}, **spec))


def runs(api, path, phase="Running"):
    return until(f"{path} {phase}", lambda: (lambda one: one if one["status"].get("phase") == phase else None)(api("GET", path)), 60)


@check("Pods should run through the lifecycle of Pods and PodStatus")
def pod_lifecycle(api, ns):
    home, label = at("v1", "pods", ns), "test-pod-static=true"
    since = api("GET", at("v1", "pods"), labelSelector=label)["metadata"]["resourceVersion"]
    api("POST", home, pod("pod-test", {"test-pod-static": "true"}, container("pod-test")))
    saw(api, home, since, label, [lambda event: event["object"]["status"].get("phase") == "Running"])
    until("ready", lambda: has(api("GET", home + "/pod-test")["status"]["conditions"], [{"type": "Ready", "status": "True"}]))
    api("PATCH", home + "/pod-test", {"metadata": {"creationTimestamp": None, "labels": {"test-pod": "patched"}}, "status": {}, "spec": {
        "terminationGracePeriodSeconds": 1, "containers": [{"name": "pod-test", "image": "busybox:latest", "resources": {}}]}}, type=STRATEGIC)
    got = api("GET", home + "/pod-test")
    assert got["metadata"]["labels"]["test-pod"] == "patched" and got["spec"]["containers"][0]["image"] == "busybox:latest", got
    until("ready", lambda: has(api("GET", home + "/pod-test")["status"]["conditions"], [{"type": "Ready", "status": "True"}]))

    def unready(one):
        for each in one["status"]["conditions"]:
            if each["type"] in ("Ready", "ContainersReady"):
                each["status"] = "False"
    got = rewrite(api, home + "/pod-test/status", unready)
    assert has(got["status"]["conditions"], [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "False"}]), got["status"]
    api("DELETE", home, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 1}, labelSelector=label)
    saw(api, home, since, label, [lambda event: event["type"] == "DELETED"])
    assert gone(api, home + "/pod-test")


@check("Pods should patch a pod status")
def pod_status(api, ns):
    path = at("v1", "pods", ns, "e2e")
    api("POST", at("v1", "pods", ns), pod("e2e", {"e2e": "e2e"}))
    runs(api, path)
    got = api("PATCH", path + "/status", {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {
        "message": "Patched by e2e test", "reason": "E2E"}}, type=MERGE)
    assert got["status"]["message"] == "Patched by e2e test" and got["status"]["reason"] == "E2E", got["status"]


@check("Ephemeral Containers should update the ephemeral containers in an existing pod")
def ephemeral(api, ns):
    path = at("v1", "pods", ns, "target")
    api("POST", at("v1", "pods", ns), pod("target", {}, container("test-container-1")))
    runs(api, path)
    debugger = container("debugger", ["sh", "-c", "while true; do echo polo; sleep 2; done"], stdin=True, tty=True)
    api("PATCH", path + "/ephemeralcontainers", {"spec": {"ephemeralContainers": [debugger]}}, type=STRATEGIC)
    until("runs", lambda: has(api("GET", path)["status"].get("ephemeralContainerStatuses"), [{"name": "debugger"}]) and
          api("GET", path)["status"]["ephemeralContainerStatuses"][0]["state"].get("running"))
    until("logs", lambda: "polo" in api("GET", path + "/log", container="debugger").text)
    assert len(api("GET", path + "/ephemeralcontainers")["spec"]["ephemeralContainers"]) == 1
    got = api("GET", path)
    got["spec"]["ephemeralContainers"].append(container("debugger2", terminationMessagePolicy="File"))
    for _ in range(5):
        got["metadata"]["resourceVersion"] = api("GET", path)["metadata"]["resourceVersion"]
        answer = api.session.put(api.base + path + "/ephemeralcontainers", json=got, timeout=30)
        if answer.status_code != 409:
            break
    assert answer.status_code == 200, answer.text
    assert len(api("GET", path + "/ephemeralcontainers")["spec"]["ephemeralContainers"]) == 2


@check("Sysctls should support sysctls; Security Context should support RunAsUser and RunAsGroup")
def contexts(api, ns):
    home = at("v1", "pods", ns)
    whoami = ["sh", "-c", "id; sysctl kernel.shm_rmid_forced"]
    api("POST", home, pod("of-pod", {}, container(command=whoami), restartPolicy="Never", securityContext={
        "runAsUser": 1001, "runAsGroup": 2002, "sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]}))
    api("POST", home, pod("of-container", {}, container(command=whoami, securityContext={"runAsUser": 1001, "runAsGroup": 2002}), restartPolicy="Never"))
    for name in ("of-pod", "of-container"):
        runs(api, home + "/" + name, "Succeeded")
        log = api("GET", f"{home}/{name}/log").text
        assert "uid=1001" in log and "gid=2002" in log, log
        assert name != "of-pod" or "kernel.shm_rmid_forced = 1" in log, log


@check("RuntimeClass should schedule a Pod requesting a RuntimeClass and initialize its Overhead")
def overhead(api, ns):
    api("POST", at("node.k8s.io/v1", "runtimeclasses"), dict(meta(ns), handler="runc", overhead={"podFixed": {"cpu": "10m", "memory": "1Mi"}}))
    api("POST", at("v1", "pods", ns), pod("e2e", {}, container(command=["true"]), runtimeClassName=ns, restartPolicy="Never"))
    got = until("scheduled", lambda: (lambda one: one if one["spec"].get("nodeName") else None)(api("GET", at("v1", "pods", ns, "e2e"))))
    assert got["spec"]["overhead"] == {"cpu": "10m", "memory": "1Mi"}, got["spec"]
    api("DELETE", at("node.k8s.io/v1", "runtimeclasses", None, ns))


# ---- Services ----

@check("EndpointSlice should create Endpoints and EndpointSlices for Pods matching a Service")
def slices(api, ns):
    pods, services, home = at("v1", "pods", ns), at("v1", "services", ns), at("discovery.k8s.io/v1", "endpointslices", ns)
    api("POST", pods, pod("pod1", {"pod1": "on", "shared12": "on"}, container("container1", ports=[{"name": "example-name", "containerPort": 3000}])))
    api("POST", pods, pod("pod2", {"pod2": "on", "shared12": "on"}, container("container1", ports=[
        {"name": "example-name", "containerPort": 3001}, {"name": "other-port", "containerPort": 3002}])))
    for name, selector, port in (("example-int-port", "pod1", {"name": "example", "targetPort": 3000}), ("example-no-match", "pod3", {"name": "example-no-match", "targetPort": 8080}),
                                 ("example-named-port", "shared12", {"name": "http", "targetPort": "example-name"})):
        api("POST", services, dict(meta(name), spec={"selector": {selector: "on"}, "publishNotReadyAddresses": True, "ports": [dict(port, port=80, protocol="TCP")]}))
    addresses = {name: until("an address", lambda: api("GET", pods + "/" + name)["status"].get("podIPs"), 60)[0]["ip"] for name in ("pod1", "pod2")}
    uids = {name: api("GET", pods + "/" + name)["metadata"]["uid"] for name in addresses}

    def listed(name):
        return api("GET", home, labelSelector="kubernetes.io/service-name=" + name)["items"]

    def sliced(name):
        return sorted((each["addresses"][0], one["ports"][0]["port"], one["ports"][0]["name"], each["targetRef"]["name"], each["targetRef"]["uid"])
                      for one in listed(name) for each in one.get("endpoints") or [])

    def subsets(name):
        return sorted((each["ip"], one["ports"][0]["port"], one["ports"][0]["name"], each["targetRef"]["name"], each["targetRef"]["uid"])
                      for one in api("GET", at("v1", "endpoints", ns, name)).get("subsets") or []
                      for each in one.get("addresses", []) + one.get("notReadyAddresses", []))

    def expected(port, *names_):
        return sorted((addresses[name], number, port, name, uids[name]) for name, number in names_)
    for name, wanted in (("example-int-port", expected("example", ("pod1", 3000))), ("example-no-match", []),
                         ("example-named-port", expected("http", ("pod1", 3000), ("pod2", 3001)))):
        until("slices of " + name, lambda: sliced(name) == wanted)
        until("Endpoints of " + name, lambda: subsets(name) == wanted)
    assert len(listed("example-no-match")) == 1 and not listed("example-no-match")[0].get("ports"), listed("example-no-match")
    assert len(listed("example-named-port")) == 2, listed("example-named-port")
    for one in listed("example-named-port"):
        api("DELETE", home + "/" + one["metadata"]["name"])
    until("slices again", lambda: sliced("example-named-port") == expected("http", ("pod1", 3000), ("pod2", 3001)))


@check("Proxy version v1 A set of valid responses are returned for both pod and service Proxy")
def proxied(api, ns):
    api("POST", at("v1", "pods", ns), pod("agnhost", {"e2e-test": "proxy-endpoints"}, container(command=SERVE)))
    api("POST", at("v1", "services", ns), dict(meta("e2e-proxy-test-service"), spec={
        "selector": {"e2e-test": "proxy-endpoints"}, "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]}))
    runs(api, at("v1", "pods", ns, "agnhost"))
    for path in (at("v1", "pods", ns, "agnhost", "proxy"), at("v1", "services", ns, "e2e-proxy-test-service", "proxy")):
        def answer(method, more=""):
            return api.session.request(method, api.base + path + more, timeout=30, allow_redirects=False)
        until("serves", lambda: answer("GET", "/").status_code == 200)
        assert answer("GET", "/index.html").text == "hi\n"
        for method in ("GET", "HEAD"):
            got = answer(method, "?method=" + method)
            assert got.status_code == 301 and got.headers["Location"].endswith("/proxy/?method=" + method), (got.status_code, got.headers)
        for method in ("DELETE", "OPTIONS", "PATCH", "POST", "PUT"):
            assert answer(method, "?method=" + method).status_code not in (301, 404, 405), (method, answer(method, "?method=" + method).status_code)


main()
