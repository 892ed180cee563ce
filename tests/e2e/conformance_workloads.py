"""What upstream's conformance tests of sig-apps ask of a cluster whose Pods run: see conformance_kit.py.

Names are upstream's where a check does what the test of that name does.
"""
import concurrent.futures

from conformance_kit import JSON_PATCH, MERGE, STRATEGIC, check, gone, is_status, main, meta, rewrite, saw, until

SLEEP = ["sleep", "3600"]


def group(kind):
    return {"pods": "/api/v1", "replicationcontrollers": "/api/v1", "jobs": "/apis/batch/v1", "cronjobs": "/apis/batch/v1",
            "poddisruptionbudgets": "/apis/policy/v1"}.get(kind, "/apis/apps/v1")


def path(ns, kind, name=""):
    return f"{group(kind)}/namespaces/{ns}/{kind}" + (f"/{name}" if name else "")


def template(app, command=SLEEP, image="busybox", **spec):
    container = {"name": "c", "image": image, "imagePullPolicy": "IfNotPresent", "command": command}
    return {"metadata": {"labels": {"app": app}}, "spec": dict({"containers": [container], "terminationGracePeriodSeconds": 0}, **spec)}


def workload(name, replicas=1, **more):
    return dict(meta(name, labels={"app": name}),
                spec=dict({"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template(name)}, **more))


def controller(name, replicas=1):
    return dict(meta(name, labels={"app": name}), spec={"replicas": replicas, "selector": {"app": name}, "template": template(name)})


def daemons(name, **more):
    return dict(meta(name, labels={"app": name}), spec=dict({"selector": {"matchLabels": {"app": name}}, "template": template(name)}, **more))


def stateful(name, replicas=1, **more):
    return workload(name, replicas, serviceName=name, **more)


def job(name, command=("true",), restart="Never", **spec):
    return dict(meta(name), spec=dict({"template": template(name, list(command), restartPolicy=restart)}, **spec))


def pods_of(api, ns, app):
    return [one for one in api("GET", path(ns, "pods"), labelSelector="app=" + app)["items"] if "deletionTimestamp" not in one["metadata"]]


def status(api, ns, kind, name, field):
    return api("GET", path(ns, kind, name))["status"].get(field, 0)


def settles(api, ns, kind, name, field, count, seconds=60):
    until(f"{kind}/{name} {field}={count}", lambda: status(api, ns, kind, name, field) == count, seconds)


def condition(one, type):
    return next((each["status"] for each in one["status"].get("conditions", []) if each["type"] == type), None)


# ---- what several kinds share ----

KINDS = {
    "deployments": ("should have a working scale subresource (Deployment)", workload),
    "replicasets": ("Replicaset should have a working scale subresource", workload),
    "statefulsets": ("should have a working scale subresource (StatefulSet)", stateful),
    "replicationcontrollers": ("should get and update a ReplicationController scale", controller),
}


def scales(kind):
    def run(api, ns):
        api("POST", path(ns, kind), KINDS[kind][1]("s"))
        scale = api("GET", path(ns, kind, "s/scale"))
        assert scale["kind"] == "Scale" and scale["spec"]["replicas"] == 1, scale
        scale["spec"]["replicas"] = 2
        scale["metadata"].pop("resourceVersion")  # the controller writes, too
        assert api("PUT", path(ns, kind, "s/scale"), scale)["spec"]["replicas"] == 2
        assert api("GET", path(ns, kind, "s"))["spec"]["replicas"] == 2
        assert api("PATCH", path(ns, kind, "s/scale"), {"spec": {"replicas": 3}}, type=MERGE)["spec"]["replicas"] == 3
        settles(api, ns, kind, "s", "readyReplicas", 3)
    return run


for each in KINDS:
    check(KINDS[each][0])(scales(each))

COLLECTIONS = {
    "replicasets": ("should list and delete a collection of ReplicaSets", workload),
    "daemonsets": ("should list and delete a collection of DaemonSets", daemons),
}


def collects(kind):
    def run(api, ns):
        api("POST", path(ns, kind), COLLECTIONS[kind][1]("c"))
        settles(api, ns, kind, "c", "numberReady" if kind == "daemonsets" else "readyReplicas", 1)
        assert [one["metadata"]["name"] for one in api("GET", group(kind) + "/" + kind, labelSelector="app=c")["items"]] == ["c"]
        got = api("PATCH", path(ns, kind, "c"), {"spec": {"template": {"metadata": {"labels": {"more": "yes"}}}}}, type=STRATEGIC)
        assert got["spec"]["template"]["metadata"]["labels"] == {"app": "c", "more": "yes"}
        api("DELETE", path(ns, kind), labelSelector="app=c")
        until("gone", lambda: gone(api, path(ns, kind, "c")))
    return run


for each in COLLECTIONS:
    check(COLLECTIONS[each][0])(collects(each))


# ---- Deployment ----

@check("RollingUpdateDeployment should delete old pods and create new ones")
def rolling(api, ns):
    api("POST", path(ns, "replicasets"), workload("roll"))
    settles(api, ns, "replicasets", "roll", "readyReplicas", 1)
    api("POST", path(ns, "deployments"), dict(meta("roll"), spec={
        "replicas": 1, "selector": {"matchLabels": {"app": "roll"}}, "template": template("roll", ["sleep", "3601"])}))
    settles(api, ns, "deployments", "roll", "readyReplicas", 1)
    until("the adopted set is empty", lambda: status(api, ns, "replicasets", "roll", "replicas") == 0)
    owner = api("GET", path(ns, "replicasets", "roll"))["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "Deployment" and owner["name"] == "roll" and owner["controller"], owner
    until("one Pod", lambda: len(pods_of(api, ns, "roll")) == 1)


@check("RecreateDeployment should delete old pods and create new ones")
def recreate(api, ns):
    api("POST", path(ns, "deployments"), workload("re", strategy={"type": "Recreate"}))
    settles(api, ns, "deployments", "re", "readyReplicas", 1)
    old = pods_of(api, ns, "re")[0]["metadata"]["name"]
    begin = api("GET", path(ns, "pods"))["metadata"]["resourceVersion"]
    api("PATCH", path(ns, "deployments", "re"), {"spec": {"template": {"metadata": {"annotations": {"next": "yes"}}}}}, type=MERGE)
    for event in api.watch(path(ns, "pods"), labelSelector="app=re", resourceVersion=begin, seconds=30):
        name = event["object"]["metadata"]["name"]
        assert name == old, f"{name} was there while {old} ran"
        if event["type"] == "DELETED" or event["object"]["status"]["phase"] in ("Failed", "Succeeded"):
            break
    settles(api, ns, "deployments", "re", "readyReplicas", 1)


@check("deployment should delete old replica sets")
def old_sets(api, ns):
    api("POST", path(ns, "deployments"), workload("hist", revisionHistoryLimit=0))
    settles(api, ns, "deployments", "hist", "readyReplicas", 1)
    api("PATCH", path(ns, "deployments", "hist"), {"spec": {"template": {"metadata": {"annotations": {"next": "yes"}}}}}, type=MERGE)
    until("one set", lambda: len(api("GET", path(ns, "replicasets"), labelSelector="app=hist")["items"]) == 1, 60)


@check("deployment should support rollover")
def rollover(api, ns):
    api("POST", path(ns, "deployments"), workload("over", minReadySeconds=1, strategy={
        "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}))
    settles(api, ns, "deployments", "over", "availableReplicas", 1)
    for image in ("no/such", "busybox"):  # the second does not wait for the first
        api("PATCH", path(ns, "deployments", "over"), {"spec": {"template": {"metadata": {"annotations": {"image": image}}, "spec": {
            "containers": [{"name": "c", "image": image}]}}}}, type=STRATEGIC)
        settles(api, ns, "deployments", "over", "observedGeneration", api("GET", path(ns, "deployments", "over"))["metadata"]["generation"])
    settles(api, ns, "deployments", "over", "availableReplicas", 1)
    until("the sets in between are empty", lambda: sum(
        one["status"].get("replicas", 0) for one in api("GET", path(ns, "replicasets"), labelSelector="app=over")["items"]) == 1, 60)


@check("deployment should support proportional scaling")
def proportional(api, ns):
    api("POST", path(ns, "deployments"), workload("prop", 4, strategy={
        "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 2}}))
    settles(api, ns, "deployments", "prop", "availableReplicas", 4)
    api("PATCH", path(ns, "deployments", "prop"), {"spec": {"template": {"spec": {"containers": [
        {"name": "c", "image": "no/such"}]}}}}, type=STRATEGIC)

    def sizes():
        return sorted(one["spec"]["replicas"] for one in api("GET", path(ns, "replicasets"), labelSelector="app=prop")["items"])
    until("3 old, 3 new", lambda: sizes() == [3, 3])
    api("PATCH", path(ns, "deployments", "prop"), {"spec": {"replicas": 8}}, type=MERGE)
    until("both grow", lambda: sizes() == [5, 5])


# ---- ReplicaSet, ReplicationController ----

def adopts(api, ns, kind, body):
    """A Pod that matches comes first; it is taken, and let go when its label changes."""
    api("POST", path(ns, "pods"), dict(meta("stray", labels={"app": "own"}), spec=template("own")["spec"]))
    api("POST", path(ns, kind), body("own"))

    def owner():
        return (api("GET", path(ns, "pods", "stray"))["metadata"].get("ownerReferences") or [{}])[0].get("name")
    until("adopted", lambda: owner() == "own")
    api("PATCH", path(ns, "pods", "stray"), {"metadata": {"labels": {"app": "free"}}}, type=MERGE)
    until("released", lambda: owner() is None)
    until("another in its place", lambda: len(pods_of(api, ns, "own")) == 1)


@check("ReplicaSet should adopt matching pods on creation and release no longer matching pods")
def replicaset_adopts(api, ns):
    adopts(api, ns, "replicasets", workload)


@check("ReplicationController should adopt matching pods on creation")
def controller_adopts(api, ns):
    adopts(api, ns, "replicationcontrollers", controller)


@check("should surface a failure condition on a common issue like exceeded quota")
def quota_condition(api, ns):
    api("POST", f"/api/v1/namespaces/{ns}/resourcequotas", dict(meta("two"), spec={"hard": {"pods": "2"}}))
    until("the quota is counted", lambda: api("GET", f"/api/v1/namespaces/{ns}/resourcequotas/two")["status"].get("used"))
    api("POST", path(ns, "replicationcontrollers"), controller("three", 3))
    until("ReplicaFailure", lambda: condition(api("GET", path(ns, "replicationcontrollers", "three")), "ReplicaFailure") == "True")
    api("PATCH", path(ns, "replicationcontrollers", "three"), {"spec": {"replicas": 2}}, type=MERGE)
    until("no failure", lambda: condition(api("GET", path(ns, "replicationcontrollers", "three")), "ReplicaFailure") is None)


@check("should test the lifecycle of a ReplicationController")
def controller_life(api, ns):
    home, one = path(ns, "replicationcontrollers"), path(ns, "replicationcontrollers", "life")
    since = api("GET", home)["metadata"]["resourceVersion"]
    api("POST", path(ns, "replicationcontrollers"), controller("life"))
    settles(api, ns, "replicationcontrollers", "life", "readyReplicas", 1)
    got = api("PATCH", one, {"metadata": {"labels": {"patched": "yes"}}}, type=STRATEGIC)
    assert got["metadata"]["labels"]["patched"] == "yes"
    saw(api, home, since, "app=life", [lambda event: event["type"] == "ADDED", lambda event: event["object"]["status"].get("readyReplicas") == 1,
                                       lambda event: event["type"] == "MODIFIED" and event["object"]["metadata"]["labels"].get("patched")])
    assert api("GET", one + "/status")["status"]["replicas"] == 1
    got = api("PATCH", one + "/status", {"status": {"readyReplicas": 0, "availableReplicas": 0}}, type=STRATEGIC)
    assert got["status"].get("readyReplicas", 0) == 0
    settles(api, ns, "replicationcontrollers", "life", "readyReplicas", 1)
    assert api("PATCH", one + "/scale", {"spec": {"replicas": 2}}, type=STRATEGIC)["spec"]["replicas"] == 2
    settles(api, ns, "replicationcontrollers", "life", "readyReplicas", 2)
    got = rewrite(api, one + "/status", lambda each: each["status"].update(readyReplicas=1, availableReplicas=1))
    assert got["status"]["readyReplicas"] == 1, got["status"]
    got = rewrite(api, one, lambda each: each["metadata"].setdefault("annotations", {}).update(updated="yes"))
    assert got["metadata"]["annotations"]["updated"] == "yes" and got["spec"]["replicas"] == 2, got
    assert [each["metadata"]["name"] for each in api("GET", "/api/v1/replicationcontrollers", labelSelector="patched=yes")["items"]] == ["life"]
    api("DELETE", home, labelSelector="patched=yes")
    saw(api, home, since, "app=life", [lambda event: event["type"] == "DELETED"])
    assert gone(api, one)


# ---- StatefulSet, DaemonSet, ControllerRevision ----

@check("Should recreate evicted statefulset")
def evicted(api, ns):
    api("POST", path(ns, "statefulsets"), stateful("ev", template=template("ev", ["sh", "-c", "test -e /tmp/again || sleep 3600"])))
    settles(api, ns, "statefulsets", "ev", "readyReplicas", 1)
    first = api("GET", path(ns, "pods", "ev-0"))["metadata"]["uid"]
    api("PATCH", path(ns, "pods", "ev-0/status"), {"status": {"phase": "Failed"}}, type=MERGE)
    until("another", lambda: any(pod["metadata"]["uid"] != first for pod in pods_of(api, ns, "ev")), 60)
    settles(api, ns, "statefulsets", "ev", "readyReplicas", 1)


@check("should perform rolling updates and roll backs of template modifications")
def stateful_rolls(api, ns):
    api("POST", path(ns, "statefulsets"), stateful("roll", 2, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}))
    settles(api, ns, "statefulsets", "roll", "readyReplicas", 2)
    first = api("GET", path(ns, "statefulsets", "roll"))["status"]["currentRevision"]

    def revisions():
        return [one["metadata"]["labels"]["controller-revision-hash"] for one in sorted(pods_of(api, ns, "roll"), key=lambda each: each["metadata"]["name"])]

    def partition(number):
        return {"updateStrategy": {"rollingUpdate": {"partition": number}}}
    made = api("PATCH", path(ns, "statefulsets", "roll"), {"spec": dict(
        partition(3), template={"metadata": {"annotations": {"next": "yes"}}})}, type=MERGE)["metadata"]["generation"]
    settles(api, ns, "statefulsets", "roll", "observedGeneration", made)
    second = until("another revision", lambda: (lambda one: one if one != first else None)(
        api("GET", path(ns, "statefulsets", "roll"))["status"]["updateRevision"]))
    assert revisions() == [first, first], "none of them is in the partition"
    api("PATCH", path(ns, "statefulsets", "roll"), {"spec": partition(1)}, type=MERGE)
    until("the canary alone", lambda: revisions() == [first, second], 60)
    settles(api, ns, "statefulsets", "roll", "readyReplicas", 2)
    had = {one["metadata"]["uid"] for one in pods_of(api, ns, "roll")}
    for name in ("roll-0", "roll-1"):
        api("DELETE", path(ns, "pods", name))
    until("each comes back as it was", lambda: not had & {one["metadata"]["uid"] for one in pods_of(api, ns, "roll")} and
          revisions() == [first, second], 60)
    settles(api, ns, "statefulsets", "roll", "readyReplicas", 2)
    api("PATCH", path(ns, "statefulsets", "roll"), {"spec": partition(0)}, type=MERGE)
    until("all of them", lambda: len(revisions()) == 2 and first not in revisions(), 60)
    api("PATCH", path(ns, "statefulsets", "roll"), {"spec": {"template": {"metadata": {"annotations": None}}}}, type=MERGE)
    until("back again", lambda: revisions() == [first, first], 60)


@check("should run and stop simple daemon")
def daemon_simple(api, ns):
    api("POST", path(ns, "daemonsets"), daemons("ds"))
    settles(api, ns, "daemonsets", "ds", "numberReady", 1)
    first = pods_of(api, ns, "ds")[0]["metadata"]["name"]
    api("DELETE", path(ns, "pods", first), gracePeriodSeconds=0)
    until("revived", lambda: [one["metadata"]["name"] for one in pods_of(api, ns, "ds")] not in ([], [first]))
    settles(api, ns, "daemonsets", "ds", "numberReady", 1)


@check("should retry creating failed daemon pods")
def daemon_failed(api, ns):
    api("POST", path(ns, "daemonsets"), daemons("ds"))
    settles(api, ns, "daemonsets", "ds", "numberReady", 1)
    first = pods_of(api, ns, "ds")[0]["metadata"]["name"]
    api("PATCH", path(ns, "pods", first + "/status"), {"status": {"phase": "Failed"}}, type=MERGE)
    until("deleted", lambda: gone(api, path(ns, "pods", first)), 60)
    settles(api, ns, "daemonsets", "ds", "numberReady", 1)


@check("should update pod when spec was updated and update strategy is RollingUpdate")
def daemon_updates(api, ns):
    api("POST", path(ns, "daemonsets"), daemons("ds"))
    settles(api, ns, "daemonsets", "ds", "numberReady", 1)
    first = pods_of(api, ns, "ds")[0]["metadata"]["labels"]["controller-revision-hash"]
    api("PATCH", path(ns, "daemonsets", "ds"), {"spec": {"template": {"metadata": {"annotations": {"next": "yes"}}}}}, type=MERGE)
    settles(api, ns, "daemonsets", "ds", "observedGeneration", 2)
    until("updated", lambda: status(api, ns, "daemonsets", "ds", "updatedNumberScheduled") == 1 and
          [one["metadata"]["labels"]["controller-revision-hash"] for one in pods_of(api, ns, "ds")] not in ([], [first]), 60)


# ---- Job ----

@check("Job should adopt matching orphans and release non-matching pods")
def job_adopts(api, ns):
    api("POST", path(ns, "jobs"), job("adopt", SLEEP, parallelism=2))
    settles(api, ns, "jobs", "adopt", "ready", 2)
    name = pods_of(api, ns, "adopt")[0]["metadata"]["name"]

    def owners():
        return len(api("GET", path(ns, "pods", name))["metadata"].get("ownerReferences") or [])
    api("PATCH", path(ns, "pods", name), {"metadata": {"ownerReferences": None}}, type=MERGE)
    until("adopted", lambda: owners() == 1)
    api("PATCH", path(ns, "pods", name), {"metadata": {"labels": None}}, type=MERGE)
    until("released", lambda: owners() == 0)
    assert not api("GET", path(ns, "pods", name))["metadata"].get("finalizers"), "its namespace could not end"


@check("should run a job to completion when tasks sometimes fail and are locally restarted")
def job_restarts(api, ns):
    flip = ["sh", "-c", "test -e /v/once || { touch /v/once; exit 1; }"]
    body = job("flip", flip, "OnFailure", completions=2, parallelism=1)
    spec = body["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "v", "emptyDir": {}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    api("POST", path(ns, "jobs"), body)
    settles(api, ns, "jobs", "flip", "succeeded", 2, 90)
    assert condition(until("Complete", lambda: condition(api("GET", path(ns, "jobs", "flip")), "Complete") and
                           api("GET", path(ns, "jobs", "flip"))), "SuccessCriteriaMet") == "True"


@check("should create pods for an Indexed job with completion indexes and specified hostname")
def job_indexed(api, ns):
    api("POST", path(ns, "jobs"), job("ix", completions=3, parallelism=3, completionMode="Indexed"))
    settles(api, ns, "jobs", "ix", "succeeded", 3)
    assert status(api, ns, "jobs", "ix", "completedIndexes") == "0-2"
    pods = api("GET", path(ns, "pods"), labelSelector="app=ix")["items"]
    seen = {one["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: one["spec"]["hostname"] for one in pods}
    assert seen == {str(i): f"ix-{i}" for i in range(3)}, seen


@check("Job should delete a job")
def job_delete(api, ns):
    api("POST", path(ns, "jobs"), job("del", SLEEP, parallelism=2))
    settles(api, ns, "jobs", "del", "ready", 2)
    api("DELETE", path(ns, "jobs", "del"), propagationPolicy="Background")
    until("gone with its Pods", lambda: gone(api, path(ns, "jobs", "del")) and not pods_of(api, ns, "del"), 60)


# ---- disruption ----

@check("should update/patch PodDisruptionBudget status")
def budget_status(api, ns):
    at = path(ns, "poddisruptionbudgets")
    api("POST", at, dict(meta("pdb", labels={"app": "pdb"}), spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "pdb"}}}))
    until("seen", lambda: api("GET", at + "/pdb")["status"].get("observedGeneration") == 1)
    disrupted = {"p": "2025-01-02T03:04:05Z"}
    got = rewrite(api, at + "/pdb/status", lambda one: one["status"].update(disruptedPods=disrupted))
    assert got["status"]["disruptedPods"] == disrupted, got["status"]
    got = api("PATCH", at + "/pdb/status", {"status": {"disruptedPods": None}}, type=MERGE)
    assert "disruptedPods" not in got["status"], got["status"]
    got = api("PATCH", at + "/pdb/status", {"status": {"disruptedPods": disrupted}}, type=MERGE)
    assert got["status"]["disruptedPods"] == disrupted, got["status"]


@check("DisruptionController should create a PodDisruptionBudget")
def budget_life(api, ns):
    at = path(ns, "poddisruptionbudgets", "foo")

    def processed():
        one = api("GET", at)
        return one if one["status"].get("observedGeneration") == one["metadata"]["generation"] else None
    made = api("POST", path(ns, "poddisruptionbudgets"), dict(meta("foo"), spec={"minAvailable": "1%", "selector": {"matchLabels": {"foo": "bar"}}}))
    assert made["spec"]["minAvailable"] == "1%" and made["metadata"]["generation"] == 1, made
    until("processed", processed)
    got = rewrite(api, at, lambda one: one["spec"].update(minAvailable="2%"))
    assert got["spec"]["minAvailable"] == "2%" and got["metadata"]["generation"] == 2, got
    assert until("processed", processed)["spec"]["minAvailable"] == "2%"
    got = api("PATCH", at, {"spec": {"minAvailable": "3%"}}, type=STRATEGIC)
    assert got["spec"]["minAvailable"] == "3%" and got["metadata"]["generation"] == 3, got
    until("processed", processed)
    api("DELETE", at)
    until("gone", lambda: gone(api, at))


@check("should block an eviction until the PDB is updated to allow it")
def budget_blocks(api, ns):
    at = path(ns, "poddisruptionbudgets")
    api("POST", path(ns, "replicasets"), workload("pdb"))
    settles(api, ns, "replicasets", "pdb", "readyReplicas", 1)
    api("POST", at, dict(meta("pdb"), spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "pdb"}}}))
    until("counted", lambda: api("GET", at + "/pdb")["status"].get("currentHealthy") == 1)
    name = pods_of(api, ns, "pdb")[0]["metadata"]["name"]
    eviction = dict(meta(name, namespace=ns), apiVersion="policy/v1", kind="Eviction")
    is_status(api("POST", path(ns, "pods", name + "/eviction"), eviction, code=429), 429, "TooManyRequests", "disruption budget")
    api("PATCH", at + "/pdb", [{"op": "replace", "path": "/spec/minAvailable", "value": 0}], type=JSON_PATCH)
    until("allowed", lambda: api("GET", at + "/pdb")["status"].get("disruptionsAllowed") == 1)
    api("POST", path(ns, "pods", name + "/eviction"), eviction)
    until("gone", lambda: gone(api, path(ns, "pods", name)), 60)


def evict(api, ns, name, **options):
    """The answer's code, and its first cause or its message."""
    body = dict(meta(name, namespace=ns), apiVersion="policy/v1", kind="Eviction", deleteOptions=dict(options, gracePeriodSeconds=1))
    answer = api.session.post(api.base + path(ns, "pods", name + "/eviction"), json=body, timeout=30)
    got = answer.json()
    return answer.status_code, (got.get("details", {}).get("causes") or [got])[0].get("message", "")


@check("DisruptionController should observe PodDisruptionBudget status updated; evictions at once take no more than their budget has")
def budget_shared(api, ns):
    at = path(ns, "poddisruptionbudgets")
    api("POST", path(ns, "replicasets"), workload("many", replicas=4))
    settles(api, ns, "replicasets", "many", "readyReplicas", 4)
    api("POST", at, dict(meta("pdb"), spec={"minAvailable": 3, "selector": {"matchLabels": {"app": "many"}}}))
    until("counted", lambda: api("GET", at + "/pdb")["status"].get("disruptionsAllowed") == 1)
    counted = {"currentHealthy": 4, "desiredHealthy": 3, "disruptionsAllowed": 1, "expectedPods": 4, "observedGeneration": 1}
    got = api("GET", at + "/pdb")["status"]
    assert {key: got[key] for key in counted} == counted and condition({"status": got}, "DisruptionAllowed") == "True", got
    names = [one["metadata"]["name"] for one in pods_of(api, ns, "many")]
    assert evict(api, ns, names[0], dryRun=["All"])[0] == 201
    assert api("GET", at + "/pdb")["status"]["disruptionsAllowed"] == 1
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        got = list(pool.map(lambda name: evict(api, ns, name), names))
    assert sorted(code for code, _ in got) == [201, 429, 429, 429], got
    assert all(said.startswith("The disruption budget pdb needs 3 healthy pods and has") for code, said in got if code == 429), got


@check("evictions ask who is ready, and one budget")
def budget_exact(api, ns):
    at, name = path(ns, "poddisruptionbudgets"), "unready"
    spec = template("unready")["spec"]
    spec["containers"][0]["readinessProbe"] = {"exec": {"command": ["false"]}}
    api("POST", path(ns, "pods"), dict(meta(name, labels={"app": name}), spec=spec))
    until("running", lambda: api("GET", path(ns, "pods", name))["status"].get("phase") == "Running", 60)
    for one in "a", "b":
        api("POST", at, dict(meta(one), spec={"minAvailable": 1, "selector": {"matchLabels": {"app": name}}}))
        until("counted", lambda: api("GET", f"{at}/{one}")["status"].get("observedGeneration") == 1)
    assert evict(api, ns, name) == (500, "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")
    api("DELETE", at + "/b")
    assert evict(api, ns, name) == (429, "The disruption budget a needs 1 healthy pods and has 0 currently")
    api("PATCH", at + "/a", {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}, type=MERGE)
    assert evict(api, ns, name)[0] == 201


@check("Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets")
def budgets_list(api, ns):
    at = path(ns, "poddisruptionbudgets")
    for name in ("one", "two", "three"):
        api("POST", at, dict(meta(name, labels={"of": ns}), spec={"minAvailable": "1%", "selector": {"matchLabels": {"app": name}}}))
    assert len(api("GET", group("poddisruptionbudgets") + "/poddisruptionbudgets", labelSelector="of=" + ns)["items"]) == 3
    api("DELETE", at, labelSelector="of=" + ns)
    until("gone", lambda: not api("GET", at)["items"])


# ---- scheduling ----

@check("validates resource limits of pods that are allowed to run")
def resources(api, ns):
    body = template("big")
    body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "15000"}}
    api("POST", path(ns, "pods"), dict(meta("big"), spec=body["spec"]))

    def why():
        return next((one.get("message", "") for one in api("GET", path(ns, "pods", "big"))["status"].get("conditions", [])
                     if one["type"] == "PodScheduled"), "")
    until("Insufficient cpu", lambda: "Insufficient cpu" in why())


@check("should ensure that all pods are removed when a namespace is deleted")
def namespace_pods(api, ns):
    inner = ns + "-in"
    api("POST", "/api/v1/namespaces", meta(inner))
    until("account", lambda: not gone(api, f"/api/v1/namespaces/{inner}/serviceaccounts/default"))
    api("POST", path(inner, "pods"), dict(meta("p"), spec=template("p")["spec"]))
    until("runs", lambda: api("GET", path(inner, "pods", "p"))["status"]["phase"] == "Running", 60)
    api("DELETE", f"/api/v1/namespaces/{inner}")
    until("gone", lambda: gone(api, f"/api/v1/namespaces/{inner}"), 60)
    api("POST", "/api/v1/namespaces", meta(inner))
    assert not api("GET", path(inner, "pods"))["items"]
    api("DELETE", f"/api/v1/namespaces/{inner}")


if __name__ == "__main__":
    main()
