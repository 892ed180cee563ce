#!/usr/bin/env python3
"""conformance_controllers.py KUBECONFIG [WORD]: what upstream's integration tests ask of controllers, where no Pod has to run: what is written
into status, and which Events say why."""
from conformance_kit import *

SCALELESS = "jobs.batch does not implement the scale subresource"
UNMANAGED = ("Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: %s,},MatchExpressions:"
             "[]LabelSelectorRequirement{},}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which "
             "may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value.")
# Budget, its spec, expectedPods, desiredHealthy, why nothing may go, the Event.
BUDGETS = [
    ("sets", {"maxUnavailable": 1}, 3, 2, "InsufficientPods", None),
    ("rollout", {"minAvailable": "50%"}, 4, 2, "InsufficientPods", None),
    ("custom", {"minAvailable": "50%"}, 5, 3, "InsufficientPods", None),
    ("jobs", {"maxUnavailable": 1}, 0, 0, "SyncFailed", ("CalculateExpectedPodCountFailed", f"Failed to calculate the number of expected pods: {SCALELESS}")),
    ("nobody", {"maxUnavailable": 1}, 0, 0, "InsufficientPods", ("UnmanagedPods", UNMANAGED % "nobody")),
    ("lost", {"minAvailable": "10%"}, 0, 0, "SyncFailed",
     ("CalculateExpectedPodCountFailed", "Failed to calculate the number of expected pods: no matches for kind \"Lost\" in version \"lost.example.com/v1\"")),
    ("ended", {"minAvailable": 1}, 2, 1, "InsufficientPods", None),
    ("none", {"minAvailable": 1}, 0, 1, "InsufficientPods", ("NoPods", "No matching pods found")),
]


def workload(name, **spec):
    return dict(meta(name), spec=dict(spec, selector={"matchLabels": {"app": name}}, template={"metadata": {"labels": {"app": name}}, "spec": pod("c")["spec"]}))


def labelled(name, app, owner=None):
    body = pod(name)
    body["metadata"].update(labels={"app": app}, ownerReferences=[dict(owner, controller=True)] if owner else None)
    return body


@check("DisruptionController should count what the Pods' controllers want, and say when it cannot")
def budgets(api, ns):
    pods, home = at("v1", "pods", ns), at("policy/v1", "poddisruptionbudgets", ns)
    kind = crd({"v1": ANY}, scope="Namespaced", group=ns + ".example.com", name="counts",
               subresources={"status": {}, "scale": {"specReplicasPath": ".spec.how.many", "statusReplicasPath": ".status.replicas"}})
    define(api, kind)
    try:
        made = api("POST", resources(kind, ns=ns), dict(meta("custom"), apiVersion=ns + ".example.com/v1", kind=kind["spec"]["names"]["kind"], spec={"how": {"many": 5}}))
        owner = {"apiVersion": made["apiVersion"], "kind": made["kind"], "name": "custom", "uid": made["metadata"]["uid"]}
        api("POST", at("apps/v1", "replicasets", ns), workload("sets", replicas=3))
        api("POST", at("apps/v1", "deployments", ns), workload("rollout", replicas=4))
        job = workload("jobs")
        job["spec"] = {"parallelism": 1, "template": job["spec"]["template"]}
        job["spec"]["template"]["spec"]["restartPolicy"] = "Never"
        api("POST", at("batch/v1", "jobs", ns), job)
        api("POST", pods, labelled("custom", "custom", owner))
        api("POST", pods, labelled("lost", "lost", dict(owner, apiVersion="lost.example.com/v1", kind="Lost")))
        for name, app in ("nobody", "nobody"), ("ended-0", "ended"), ("ended-1", "ended"):
            api("POST", pods, labelled(name, app))
        api("PATCH", pods + "/ended-0/status", {"status": {"phase": "Succeeded"}}, type=MERGE)
        for app, count in ("sets", 3), ("rollout", 4), ("jobs", 1):
            until(app, lambda: len(api("GET", pods, labelSelector="app=" + app)["items"]) == count)
        for row in BUDGETS:
            budget(api, ns, home, *row)
    finally:
        undefine(api, kind)


def budget(api, ns, home, name, spec, expected, desired, reason, event):
    api("POST", home, dict(meta(name), spec=dict(spec, selector={"matchLabels": {"app": name}})))
    got = until(name, lambda: (one := api("GET", f"{home}/{name}")).get("status", {}).get("conditions") and one)["status"]
    condition = got["conditions"][0]
    assert (got["expectedPods"], got["desiredHealthy"], got["disruptionsAllowed"]) == (expected, desired, 0), f"{name}: {got}"
    assert (condition["type"], condition["status"], condition["reason"]) == ("DisruptionAllowed", "False", reason), f"{name}: {got}"
    assert condition.get("observedGeneration") == (None if reason == "SyncFailed" else 1), f"{name}: {got}"
    if event:
        until(f"{name}: {event}", lambda: event in [(one["reason"], one["message"]) for one in api(
            "GET", at("v1", "events", ns), fieldSelector=f"involvedObject.kind=PodDisruptionBudget,involvedObject.name={name}")["items"]], 10)


TTL = "node.alpha.kubernetes.io/ttl"


@check("TTLController should tell a Node how long its agent may keep Secrets, also when that was changed by hand")
def node_ttl(api, ns):
    node = at("v1", "nodes") + "/" + ns
    told = lambda: api("GET", node)["metadata"].get("annotations", {}).get(TTL) == "0"
    api("POST", at("v1", "nodes"), meta(ns))
    try:
        until("told", told)
        api("PATCH", node, {"metadata": {"annotations": {TTL: "60", "other": "stays"}}}, type=MERGE)
        api("PATCH", node, {"metadata": {"annotations": {TTL: None}}}, type=MERGE)
        until("told again", told)
        assert api("GET", node)["metadata"]["annotations"]["other"] == "stays"
    finally:
        api("DELETE", node)


@check("Events that differ in their message alone should be told as one beyond the ninth")
def similar(api, ns):
    body = workload("many", replicas=12)
    body["spec"]["template"]["spec"]["schedulingGates"] = [{"name": "example.com/never"}]
    api("POST", at("apps/v1", "replicasets", ns), body)

    def told():
        found = [one for one in api("GET", at("v1", "events", ns), fieldSelector="reason=SuccessfulCreate,involvedObject.name=many")["items"]]
        return sum(one["count"] for one in found) == 12 and found
    found = until("12 Pods", told)
    combined = [one for one in found if one["message"].startswith("(combined from similar events): Created pod: many-")]
    assert len(found) == 10 and [one["count"] for one in combined] == [3], [(one["message"], one["count"]) for one in found]
    assert {one["source"]["component"] for one in found} == {"replicaset-controller"}


@check("An Event should be told though its message is cut within a character")
def cut_message(api, ns):
    policies, bindings = (at("admissionregistration.k8s.io/v1", "validatingadmissionpolic" + end) for end in ("ies", "ybindings"))
    pods = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    here = {"resourceRules": pods, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns}}}
    try:
        for i in range(4):  # each character is of four bytes: one of these is cut between two
            denies = {"expression": f"!object.metadata.name.startsWith('cut{i}-')", "message": i * "x" + 400 * "\U0001f41d"}
            api("POST", policies, dict(meta(f"{ns}{i}"), spec={"matchConstraints": here, "validations": [denies]}))
            api("POST", bindings, dict(meta(f"{ns}{i}"), spec={"policyName": f"{ns}{i}", "validationActions": ["Deny"]}))
            api("POST", at("apps/v1", "replicasets", ns), workload(f"cut{i}", replicas=1))
        for i in range(4):
            path = dict(fieldSelector=f"reason=FailedCreate,involvedObject.name=cut{i}")
            until(f"told of cut{i}", lambda: "\U0001f41d" in str(api("GET", at("v1", "events", ns), **path)["items"]), 10)
    finally:
        for i in range(4):
            api("DELETE", f"{bindings}/{ns}{i}")
            api("DELETE", f"{policies}/{ns}{i}")


@check("A claim's Events should come from upstream's controller of volumes")
def claim_events(api, ns):
    api("POST", at("v1", "persistentvolumeclaims", ns), dict(meta("c"), spec={
        "storageClassName": "nosuch", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}))
    told = until("told", lambda: api("GET", at("v1", "events", ns), fieldSelector="involvedObject.name=c")["items"])[0]
    assert (told["reason"], told["source"]["component"]) == ("ProvisioningFailed", "persistentvolume-controller"), told


FLOWS, LEVELS = (at("flowcontrol.apiserver.k8s.io/v1", kind) for kind in ("flowschemas", "prioritylevelconfigurations"))
LEVEL = 'This FlowSchema references the PriorityLevelConfiguration object named "%s" '


@check("A FlowSchema should say whether its priority level is there")
def dangling(api, ns):
    def says(*wanted):
        def test():
            conditions = api("GET", f"{FLOWS}/{ns}").get("status", {}).get("conditions") or [{}]
            return [conditions[0].get(key) for key in ("type", "status", "reason", "message")] == ["Dangling", *wanted]
        until(wanted, test, 10)
    there, absent = ("False", "Found", LEVEL % ns + "and it exists"), ("True", "NotFound", LEVEL % ns + "but there is no such object")
    try:
        api("POST", FLOWS, dict(meta(ns), spec={"matchingPrecedence": 9000, "priorityLevelConfiguration": {"name": ns}, "rules": []}))
        says(*absent)
        api("POST", LEVELS, dict(meta(ns), spec={"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}))
        says(*there)
        api("DELETE", f"{LEVELS}/{ns}")
        says(*absent)
    finally:
        api("DELETE", f"{FLOWS}/{ns}")


@check("Job should not count Pods that it takes away, and let go of those that it leaves to themselves")
def job_pods(api, ns):
    jobs, pods = at("batch/v1", "jobs", ns), at("v1", "pods", ns)
    body = workload("left", parallelism=2, completions=4, backoffLimit=0)
    del body["spec"]["selector"]
    body["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    mine = lambda: api("GET", pods, labelSelector="batch.kubernetes.io/job-name=left")["items"]
    status = lambda: api("GET", jobs + "/left").get("status", {})
    api("POST", jobs, body)
    for suspended, count in (None, 2), (True, 0), (False, 2):
        if suspended is not None:
            api("PATCH", jobs + "/left", {"spec": {"suspend": suspended}}, type=MERGE)
        until(f"suspended {suspended}", lambda: status().get("active", 0) == count and len(mine()) == count)
        said = [one["status"] for one in status().get("conditions", []) if one["type"] == "Suspended"]
        assert said == ([] if suspended is None else [str(suspended)]) and "failed" not in status(), status()
    assert all(one["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"] for one in mine())
    api("DELETE", jobs + "/left", {"propagationPolicy": "Orphan"})
    until("free", lambda: [1 for one in mine() if not one["metadata"].get("finalizers") and not one["metadata"].get("ownerReferences")] == [1, 1])


@check("Controllers should tell their status also while no Pod can be made")
def no_pods(api, ns):
    api("POST", at("v1", "resourcequotas", ns), dict(meta("none"), spec={"hard": {"pods": "0"}}))
    until("counted", lambda: api("GET", at("v1", "resourcequotas", ns) + "/none").get("status", {}).get("hard"))
    job = workload("job", parallelism=1)
    del job["spec"]["selector"]
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    for path, body, key in (at("apps/v1", "statefulsets", ns), workload("set", replicas=2, serviceName="s"), "observedGeneration"), (at("batch/v1", "jobs", ns), job, "startTime"):
        name = body["metadata"]["name"]
        api("POST", path, body)
        until(f"{name}: FailedCreate", lambda: [1 for one in api("GET", at("v1", "events", ns), fieldSelector="involvedObject.name=" + name)["items"] if one["reason"] == "FailedCreate"])
        until(f"{name}: {key}", lambda: api("GET", f"{path}/{name}").get("status", {}).get(key))


main()
