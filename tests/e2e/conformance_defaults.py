#!/usr/bin/env python3
"""conformance_defaults.py KUBECONFIG [WORD]: what the server itself puts into objects beside conformance_gates.py's defaults: generations, empty
status, what admission adds; what updates keep; and what each resource takes: methods, PUT of what is not there, PUT without a resourceVersion."""
import re
import subprocess

from conformance_kinds import *

ADMISSION, OPEN = "/apis/admissionregistration.k8s.io/v1/", {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
RULE = {"apiGroups": ["zz.z"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["xs"]}
HOOK = {"webhooks": [{"name": "a.b.c", "clientConfig": {"url": "https://x/y"}, "sideEffects": "None", "admissionReviewVersions": ["v1"], "rules": [RULE]}]}
VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": OPEN, "status": OPEN}}},
           "subresources": {"status": {}}}
REQUEST = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null",
                          "-subj", "/CN=x"], check=True, capture_output=True).stdout
BASES.update({
    "CSR": ("/apis/certificates.k8s.io/v1/certificatesigningrequests",
            {"spec": {"request": base64.b64encode(REQUEST).decode(), "signerName": "example.com/s", "usages": ["client auth"]}}),
    "VWC": (ADMISSION + "validatingwebhookconfigurations", HOOK), "MWC": (ADMISSION + "mutatingwebhookconfigurations", HOOK),
    "VAP": (ADMISSION + "validatingadmissionpolicies", {"spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}]}}),
    "VAPB": (ADMISSION + "validatingadmissionpolicybindings", {"spec": {"policyName": "x", "validationActions": ["Deny"]}}),
    "CRD": ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            {"spec": {"group": "made.example.com", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"}, "versions": [VERSION]}}),
    "Foo": ("/apis/made.example.com/v1/namespaces/%s/foos", {"apiVersion": "made.example.com/v1", "kind": "Foo", "spec": {"a": 1}}),
    "ClusterBinding": ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", BASES["RoleBinding"][1]),
    "OldAutoscaler": ("/apis/autoscaling/v1/namespaces/%s/horizontalpodautoscalers", BASES["Autoscaler"][1]),
    "Account": ("/api/v1/namespaces/%s/serviceaccounts", {}),
})
NAMES.update({"CRD": "foos.made.example.com", "APIService": "v1.made2.example.com"})
BASES["APIService"][1]["spec"]["group"] = "made2.example.com"

MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
LABEL, NOTE = ({"metadata": {member: {"l": "x"}}} for member in ("labels", "annotations"))

# kind: (what is patched, the generation then)...; the first is that of the create
GENERATIONS = {
    "Deployment": [1, (LABEL, 1), (NOTE, 2), (S(minReadySeconds=1), 3)], "ReplicaSet": [1, (NOTE, 1), (S(minReadySeconds=1), 2)],
    "StatefulSet": [1, (NOTE, 1), (S(minReadySeconds=1), 2)], "DaemonSet": [1, (NOTE, 1), (S(minReadySeconds=1), 2)],
    "Job": [1, (NOTE, 1), (S(backoffLimit=9), 2)], "CronJob": [1, (NOTE, 1), (S(schedule="1 * * * *"), 2)],
    "Controller": [1, (NOTE, 1), (S(minReadySeconds=1), 2)], "PodTemplate": [1, (NOTE, 1), ({"template": {"spec": {"nodeName": "n"}}}, 2)],
    "Ingress": [1, (NOTE, 1), (S(ingressClassName="x"), 2)], "IngressClass": [1, (NOTE, 1), (S(parameters={"kind": "K", "name": "n"}), 2)],
    "NetworkPolicy": [1, (NOTE, 1), (S(ingress=[{}]), 2)], "Budget": [1, (NOTE, 1), (S(minAvailable=2), 2)],
    "PriorityClass": [1, (NOTE, 1), ({"description": "d"}, 1)], "Slice": [1, (NOTE, 1), (LABEL, 2), ({"ports": [{"port": 81}]}, 3)],
    "FlowSchema": [1, (NOTE, 1), (S(matchingPrecedence=7), 2)], "Level": [1, (NOTE, 1), (S(limited={"nominalConcurrencyShares": 6}), 2)],
    "VAP": [1, (NOTE, 1), (S(failurePolicy="Ignore"), 2)], "VAPB": [1, (NOTE, 1), (S(validationActions=["Warn"]), 2)],
    "VWC": [1, (NOTE, 1), ({"webhooks": [dict(HOOK["webhooks"][0], timeoutSeconds=3)]}, 2)],
    "MWC": [1, (NOTE, 1), ({"webhooks": [dict(HOOK["webhooks"][0], timeoutSeconds=3)]}, 2)],
    "CRD": [1, (NOTE, 1), (S(names={"shortNames": ["fo"]}), 2)], "Foo": [1, (NOTE, 1), ({"status": {"a": 1}}, 1), (S(a=2), 2)],
    "Driver": [None, (NOTE, None), (S(requiresRepublish=True), 1)],
    "Autoscaler": [None, (S(maxReplicas=4), None)], "Pod": [None, (S(activeDeadlineSeconds=9), None)], "Service": [None, (S(sessionAffinity="ClientIP"), None)],
    "ConfigMap": [None, ({"data": {"k": "w"}}, None)], "StorageClass": [None, ({"allowVolumeExpansion": True}, None)], "Lease": [None, (S(holderIdentity="y"), None)],
}

# kind: (a status that a client sends, the one that a create begins with)
BEGINNINGS = {
    "Deployment": ({"replicas": 7}, {}), "ReplicaSet": ({"replicas": 7}, {"replicas": 0}), "StatefulSet": ({"replicas": 7}, {"replicas": 0, "availableReplicas": 0}),
    "DaemonSet": ({"numberReady": 7}, {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}),
    "Job": ({"active": 7}, {}), "CronJob": ({"lastScheduleTime": "2026-01-02T03:04:05Z"}, {}), "Controller": ({"replicas": 7}, {"replicas": 0}),
    "ResourceQuota": ({"used": {"pods": "7"}}, {}), "Service": ({"loadBalancer": {"ingress": [{"ip": "10.7.7.7"}]}}, {"loadBalancer": {}}),
    "Volume": ({"phase": "Bound"}, None), "Claim": ({"phase": "Bound"}, {"phase": "Pending"}), "Ingress": ({"loadBalancer": {"ingress": [{"ip": "10.7.7.7"}]}}, {"loadBalancer": {}}),
    "Budget": ({"expectedPods": 7}, {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}),
    "Autoscaler": ({"currentReplicas": 7, "desiredReplicas": 7}, {"desiredReplicas": 0, "currentMetrics": None}),
    "FlowSchema": ({"conditions": [{"type": "Dangling", "status": "True"}]}, {}), "Level": ({"conditions": [{"type": "x", "status": "True"}]}, {}),
    "VAP": ({"observedGeneration": 7}, {}), "Attachment": ({"attached": True}, {"attached": False}),
    "APIService": ({"conditions": [{"type": "Available", "status": "True"}]}, {}), "CSR": ({"certificate": "eA=="}, {}), "Foo": ({"a": 1}, "absent"),
    "Pod": ({"phase": "Running", "podIP": "10.7.7.7"}, {"phase": "Pending", "qosClass": "BestEffort"}),
}

# kind: (a status that /status takes, the one that an update then tries, what else each of them changes)
KEPT = {
    "Deployment": ({"collisionCount": 7}, {"collisionCount": 8}, S(minReadySeconds=1)),
    "ReplicaSet": ({"replicas": 7}, {"replicas": 8}, S(minReadySeconds=1)), "StatefulSet": ({"replicas": 7}, {"replicas": 8}, S(minReadySeconds=1)),
    "DaemonSet": ({"numberReady": 7}, {"numberReady": 8}, S(minReadySeconds=1)), "Job": ({"conditions": [{"type": "X", "status": "True"}]}, {"conditions": [{"type": "X", "status": "False"}]}, S(backoffLimit=9)),
    "CronJob": ({"lastScheduleTime": "2026-01-02T03:04:05Z"}, {"lastScheduleTime": "2026-01-03T03:04:05Z"}, S(failedJobsHistoryLimit=9)),
    "Controller": ({"replicas": 7}, {"replicas": 8}, S(minReadySeconds=1)), "ResourceQuota": ({"used": {"pods": "7"}}, {"used": {"pods": "8"}}, S(hard={"pods": "51"})),
    "Balancer": ({"loadBalancer": {"ingress": [{"ip": "10.7.7.7"}]}}, {"loadBalancer": {"ingress": [{"ip": "10.7.7.8"}]}}, S(sessionAffinity="ClientIP")),
    "Volume": ({"message": "one"}, {"message": "two"}, S(persistentVolumeReclaimPolicy="Delete")),
    "Claim": ({"capacity": {"storage": "7Gi"}}, {"capacity": {"storage": "8Gi"}}, S(volumeName="v")),
    "Ingress": ({"loadBalancer": {"ingress": [{"ip": "10.7.7.7"}]}}, {"loadBalancer": {"ingress": [{"ip": "10.7.7.8"}]}}, S(ingressClassName="x")),
    "Budget": ({"expectedPods": 7}, {"expectedPods": 8}, S(minAvailable=2)), "Autoscaler": ({"currentReplicas": 7}, {"currentReplicas": 8}, S(maxReplicas=4)),
    "FlowSchema": ({"conditions": [{"type": "X", "status": "True"}]}, {"conditions": [{"type": "X", "status": "False"}]}, S(matchingPrecedence=7)),
    "Level": ({"conditions": [{"type": "X", "status": "True"}]}, {"conditions": [{"type": "X", "status": "False"}]}, S(limited={"nominalConcurrencyShares": 6})),
    "VAP": ({"observedGeneration": 1}, {"observedGeneration": 2}, S(failurePolicy="Ignore")), "Attachment": ({"attached": True}, {"attached": False}, {}),
    "CRD": ({"conditions": [{"type": "X", "status": "True"}]}, {"conditions": [{"type": "X", "status": "False"}]}, S(names={"shortNames": ["fo"]})),
    "CSR": ({"conditions": [{"type": "X", "status": "True", "reason": "one"}]}, {"conditions": [{"type": "X", "status": "True", "reason": "two"}]}, S(signerName="example.com/t")),
    "APIService": ({"conditions": [{"type": "X", "status": "True"}]}, {"conditions": [{"type": "X", "status": "False"}]}, S(versionPriority=11)),
    "Foo": ({"a": 1}, {"a": 2}, S(a=2)), "Pod": ({"message": "one"}, {"message": "two"}, S(activeDeadlineSeconds=9)),
    "Node": ({"phase": "Running"}, {"phase": "Pending"}, S(unschedulable=True)),
}
LABELS_KEPT = {"Deployment", "FlowSchema", "Level", "VAP", "Attachment", "APIService", "Foo"}

# a Service, what an update changes in it, the members of its spec that are gone then
SERVICE_TURNS = [
    ("ClusterIP", {}, {"type": "ExternalName", "externalName": "x.example.com"}, ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]),
    ("NodePort", {}, {"type": "ClusterIP"}, ["ports.0.nodePort", "externalTrafficPolicy"]),
    ("LoadBalancer", {"externalTrafficPolicy": "Local", "loadBalancerClass": "a.b/c"}, {"type": "ClusterIP"},
     ["ports.0.nodePort", "healthCheckNodePort", "allocateLoadBalancerNodePorts", "loadBalancerClass", "externalTrafficPolicy"]),
    ("LoadBalancer", {"externalTrafficPolicy": "Local"}, {"externalTrafficPolicy": "Cluster"}, ["healthCheckNodePort"]),
    ("LoadBalancer", {}, {"type": "NodePort"}, ["allocateLoadBalancerNodePorts"]),
    ("ClusterIP", {"externalIPs": ["1.2.3.4"]}, {"externalIPs": []}, ["externalTrafficPolicy"]),
]

# kind, what is asked, the whole list or member that is shown where the type has no omitempty
SHOWN = [
    ("Role", {"rules": None}, "rules", None), ("ClusterRole", {"rules": []}, "rules", None), ("Slice", {"endpoints": None}, "endpoints", None),
    ("Slice", {"ports": None}, "ports", None), ("LimitRange", S(limits=None), "spec.limits", None), ("CSINode", S(drivers=None), "spec.drivers", None),
    ("Event", {}, "reportingInstance", ""), ("Node", {}, "status.nodeInfo.kubeletVersion", ""), ("Node", {}, "status.daemonEndpoints.kubeletEndpoint.Port", 0),
    ("Claim", S(dataSource={"kind": "PersistentVolumeClaim", "name": "x"}), "spec.dataSource.apiGroup", None),
    ("Deployment", {}, "spec.template.metadata.creationTimestamp", None),
]


def at(tree, path):
    for step in path.split("."):
        if isinstance(tree, list):
            tree = dict(enumerate(tree)).get(int(step), "absent")
        else:
            tree = tree.get(step, "absent") if isinstance(tree, dict) else "absent"
    return tree


def define(api):
    """The custom kind of this file: once for all checks, which share the cluster."""
    path, body = made("CRD", "", "")
    body["metadata"]["name"] = NAMES["CRD"]
    if gone(api, f"{path}/{NAMES['CRD']}"):
        send(api, "POST", path, body)
    until("the kind is served", lambda: not gone(api, "/apis/made.example.com/v1/foos"))


def forget(api, where):
    send(api, "DELETE", where, None, gracePeriodSeconds=0, propagationPolicy="Background")


@check("generation counts what upstream counts")
def generations(api, ns):
    define(api)
    wrong = []
    for kind, (first, *changes) in GENERATIONS.items():
        path, body = made(kind, ns, f"gen-{ns}")
        if kind == "CRD":
            path, body = path, dict(merged(body, S(group="other.example.com")), metadata={"name": "foos.other.example.com"})
        where = f"{path}/{body['metadata']['name']}"
        got = send(api, "POST", path, body)
        for what, wanted in [("create", first)] + changes:
            if what != "create":
                got = send(api, "PATCH", where, what)
            count = got.json().get("metadata", {}).get("generation")
            if got.status_code not in (200, 201) or count != wanted:
                wrong.append(f"{kind} {json.dumps(what)[:80]}: {got.status_code} {count}, wanted {wanted} {got.text[:200] if got.status_code > 201 else ''}")
        forget(api, where)
    assert not wrong, "\n".join(wrong)


@check("a create begins with the status that upstream gives it")
def beginnings(api, ns):
    define(api)
    wrong = []
    for kind, (sent, wanted) in BEGINNINGS.items():
        path, body = made(kind, ns, f"begin-{ns}")
        got = send(api, "POST", path, dict(body, status=sent), dryRun="All").json()
        status = got.get("status", "absent")
        fine = status["phase"] == "Pending" and "lastPhaseTransitionTime" in status if kind == "Volume" else status == wanted
        if not fine:
            wrong.append(f"{kind}: {json.dumps(status)}, wanted {wanted}")
    local = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v9.made.example.com"},
             "spec": {"group": "made.example.com", "version": "v9", "groupPriorityMinimum": 10, "versionPriority": 10}}
    told = api("POST", BASES["APIService"][0], local, dryRun="All")["status"]["conditions"][0]
    if (told["type"], told["status"], told["reason"], told["message"]) != ("Available", "True", "Local", "Local APIServices are always available"):
        wrong.append(f"local APIService: {told}")
    assert not wrong, "\n".join(wrong)


@check("an update keeps the status, one of the status all else")
def kept(api, ns):
    define(api)
    wrong = []
    for kind, (first, second, change) in KEPT.items():
        path, body = made(kind, ns, f"kept-{ns}")
        if kind == "CRD":
            body = dict(merged(body, S(group="kept.example.com")), metadata={"name": "foos.kept.example.com"})
        where, labels = f"{path}/{body['metadata']['name']}", {"metadata": {"labels": {"by": "status"}}}
        old = send(api, "POST", path, body).json()
        got = send(api, "PATCH", where + "/status", dict(copy.deepcopy(change), status=first, **labels)).json()
        named = "absent" if kind in LABELS_KEPT else "status"
        if got.get("spec") != old.get("spec") or not has(got.get("status"), first) or at(got, "metadata.labels.by") != named:
            wrong.append(f"{kind} by status: {json.dumps(got)[:1500]}")

        def tried():
            before = api("GET", where)
            answer = send(api, "PATCH", where, dict(copy.deepcopy(change), status=second)).json()
            return answer if answer.get("status", "none") == before["status"] else None  # a controller can write between the two
        got = until(f"{kind} keeps its status", tried, 5)
        if has(got["status"], second) or not has(got["spec"], {} if kind == "CSR" else change.get("spec", {})):
            wrong.append(f"{kind}: {json.dumps(got)[:1500]}")
        forget(api, where)
    assert not wrong, "\n".join(wrong)


@check("a namespace keeps its finalizers and its phase")
def namespace_kept(api, ns):
    where = f"/api/v1/namespaces/{ns}"
    got = api("PATCH", where, {"spec": {"finalizers": ["a.b/c"]}, "status": {"phase": "Terminating"}}, type=MERGE)
    assert (got["spec"], got["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"}), got
    got = api("PATCH", where + "/status", {"spec": {"finalizers": ["a.b/c"]}, "status": {"conditions": [{"type": "X", "status": "True"}]}}, type=MERGE)
    assert got["spec"] == {"finalizers": ["kubernetes"]} and got["status"]["conditions"][0]["type"] == "X", got
    got = api("PUT", where + "/finalize", dict(got, status={"phase": "Terminating"}, spec={"finalizers": ["kubernetes", "a.b/c"]}))
    assert got["status"]["phase"] == "Active" and got["spec"]["finalizers"] == ["kubernetes", "a.b/c"], got
    api("PUT", where + "/finalize", dict(got, spec={"finalizers": ["kubernetes"]}))


@check("a Service gives back what its new type has no use for")
def service_turns(api, ns):
    path, wrong = f"/api/v1/namespaces/{ns}/services", []
    for number, (kind, spec, change, gone_now) in enumerate(SERVICE_TURNS):
        got = api("POST", path, dict(meta(f"turn{number}"), spec=dict(spec, type=kind, ports=[{"port": 80}])))
        had = [member for member in gone_now if at(got["spec"], member) == "absent"]
        got = api("PUT", f"{path}/turn{number}", dict(got, spec=dict(got["spec"], **change)))
        left = [member for member in gone_now if at(got["spec"], member) != "absent"]
        if had or left:
            wrong.append(f"{kind} {change}: had no {had}, has {left}: {got['spec']}")
    one = api("POST", path, dict(meta("turned"), spec={"type": "LoadBalancer", "ports": [{"port": 80}]}))
    told = api("PATCH", f"{path}/turned/status", {"status": {"loadBalancer": {"ingress": [{"ip": "10.7.7.7"}, {"hostname": "h.example.com"}]}}}, type=MERGE)
    assert told["status"]["loadBalancer"] == {"ingress": [{"ip": "10.7.7.7", "ipMode": "VIP"}, {"hostname": "h.example.com"}]}, told
    assert api("PATCH", f"{path}/turned", {"spec": {"type": "ClusterIP"}}, type=MERGE)["status"]["loadBalancer"] == {}
    assert api("GET", f"{path}/turned")["spec"]["clusterIP"] == one["spec"]["clusterIP"]
    assert not wrong, "\n".join(wrong)


@check("a Service that leads nowhere by itself is of both families")
def service_families(api, ns):
    path = f"/api/v1/namespaces/{ns}/services"
    got = api("POST", path, dict(meta("alone"), spec={"clusterIP": "None", "ports": [{"port": 80}], "ipFamilies": ["IPv6"]}))["spec"]
    assert (got["ipFamilyPolicy"], got["ipFamilies"]) == ("RequireDualStack", ["IPv6", "IPv4"]), got
    is_status(api("PATCH", f"{path}/alone", {"spec": {"ipFamilies": ["IPv6"]}}, type=MERGE, code=422), 422, "Invalid",
              "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary IP family")
    assert api("PATCH", f"{path}/alone", {"spec": {"ipFamilies": ["IPv4", "IPv6"]}}, type=MERGE)["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
    got = api("PATCH", f"{path}/alone", {"spec": {"ipFamilyPolicy": "SingleStack"}}, type=MERGE)["spec"]
    assert (got["ipFamilyPolicy"], got["ipFamilies"]) == ("SingleStack", ["IPv4"]), got


@check("a new Service's node ports: one number for a port, and whose fault it is when it is taken")
def service_ports(api, ns):
    path = f"/api/v1/namespaces/{ns}/services"
    for number, asked in enumerate([(None, None), ("first", None), (None, "second")]):
        taken = api("POST", path, made("NodePort", ns, f"picks{number}")[1])["spec"]["ports"][0]["nodePort"]
        api("DELETE", f"{path}/picks{number}")
        ports = [dict({"name": name.lower(), "port": 53, "protocol": name}, **({"nodePort": taken} if want else {})) for name, want in zip(("TCP", "UDP"), asked)]
        got = [port["nodePort"] for port in api("POST", path, dict(meta(f"shares{number}"), spec={"type": "NodePort", "ports": ports}))["spec"]["ports"]]
        assert got[0] == got[1] and (not any(asked) or got[0] == taken), (asked, got)
    held = got[0]
    for kind, spec, code, words in [
            ("NodePort", {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81, "nodePort": held}]}, 422, f"spec.ports[1].nodePort: Invalid value: {held}: provided port is already"),
            ("LoadBalancer", {"ports": [{"port": 80}], "externalTrafficPolicy": "Local", "healthCheckNodePort": held}, 500,
             f"Internal error occurred: failed to allocate requested HealthCheck NodePort {held}: provided port is already allocated"),
            ("LoadBalancer", {"ports": [{"port": 80}], "externalTrafficPolicy": "Local", "healthCheckNodePort": 5}, 500,
             "failed to allocate requested HealthCheck NodePort 5: provided port is not in the valid range. The range of valid ports is 30000-32767")]:
        is_status(api("POST", path, dict(meta("late"), spec=dict(spec, type=kind)), code=code), code, "Invalid" if code == 422 else "InternalError", words)


@check("what every object's metadata begins with")
def metadata(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    sent = {"deletionTimestamp": "2020-01-01T00:00:00Z", "deletionGracePeriodSeconds": 7, "selfLink": "/x", "uid": "mine", "creationTimestamp": "2020-01-01T00:00:00Z"}
    got = api("POST", path, {"metadata": dict(sent, generateName="g" * 80)})["metadata"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", got["uid"]), got
    assert re.fullmatch("g{58}[bcdfghjklmnpqrstvwxz2456789]{5}", got["name"]) and got["namespace"] == ns, got
    assert got["creationTimestamp"] > sent["creationTimestamp"] and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", got["creationTimestamp"]), got
    assert not {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"} & set(got), got
    where, revision = f"{path}/{got['name']}", got["resourceVersion"]
    assert api("PATCH", where, {"data": None}, type=MERGE)["metadata"]["resourceVersion"] == revision
    changed = api("PATCH", where, {"data": {"k": "v"}}, type=MERGE)["metadata"]
    assert int(changed["resourceVersion"]) > int(revision) and [(one["operation"], one["apiVersion"], one["fieldsType"]) for one in changed["managedFields"]] == [
        ("Update", "v1", "FieldsV1")], changed


@check("what a delete writes into an object that stays")
def deletes(api, ns):
    maps, sets = f"/api/v1/namespaces/{ns}/configmaps", f"/apis/apps/v1/namespaces/{ns}/replicasets"
    for policy, finalizers in [("Background", ["a.b/c"]), ("Foreground", ["a.b/c", "foregroundDeletion"]), ("Orphan", ["a.b/c", "orphan"])]:
        where = f"{maps}/{policy.lower()}"
        api("POST", maps, meta(policy.lower(), finalizers=["a.b/c"]))
        got = send(api, "DELETE", where, {"propagationPolicy": policy}).json()["metadata"]
        assert got["finalizers"] == finalizers and got["deletionTimestamp"] and got["deletionGracePeriodSeconds"] == 0 and "generation" not in got, got
        api("PATCH", where, {"metadata": {"finalizers": None}}, type=MERGE)
    body = made("ReplicaSet", ns, "counted")[1]
    api("POST", sets, merged(body, {"metadata": {"finalizers": ["a.b/c"]}}))
    assert api("DELETE", f"{sets}/counted")["metadata"]["generation"] == 2
    api("PATCH", f"{sets}/counted", {"metadata": {"finalizers": None}}, type=MERGE)


@check("an old autoscaler shows the metric that a new one begins with, and a token lives for an hour")
def elsewhere(api, ns):
    path, body = made("OldAutoscaler", ns, "old")
    assert api("POST", path, body)["spec"]["targetCPUUtilizationPercentage"] == 80
    got = api("POST", f"/api/v1/namespaces/{ns}/serviceaccounts/default/token", {})
    assert got["spec"]["expirationSeconds"] == 3600, got["spec"]


@check("how long a Pod is given, whoever deletes it")
def grace(api, ns):
    pods, node = f"/api/v1/namespaces/{ns}/pods", f"grace-{ns}"
    api("POST", "/api/v1/nodes", meta(node))
    try:
        for number, (spec, asked, phase, wanted) in enumerate([
                ({"nodeName": node}, None, None, 30), ({"nodeName": node, "terminationGracePeriodSeconds": 9}, None, None, 9), ({"nodeName": node}, 5, None, 5),
                ({"nodeName": node}, -1, None, 1), ({"nodeName": node, "terminationGracePeriodSeconds": -1}, None, None, 1), ({"nodeName": node}, 0, None, "gone"),
                ({"nodeName": node}, None, "Succeeded", "gone"), ({"schedulingGates": [{"name": "a.b/c"}]}, None, None, "gone")]):
            api("POST", pods, pod(f"p{number}", **spec))
            if phase:
                api("PATCH", f"{pods}/p{number}/status", {"status": {"phase": phase}}, type=MERGE)
            got = api("DELETE", f"{pods}/p{number}", {} if asked is None else {"gracePeriodSeconds": asked})
            left = "gone" if gone(api, f"{pods}/p{number}") else got["metadata"]["deletionGracePeriodSeconds"]
            assert left == wanted, (spec, asked, phase, left, got)
            if wanted != "gone":
                forget(api, f"{pods}/p{number}")
    finally:
        forget(api, f"/api/v1/nodes/{node}")


@check("a request for a certificate says who asks, and when it was judged")
def requests_signed(api, ns):
    path, body = made("CSR", ns, f"said-{ns}")
    lies = {"username": "root", "uid": "7", "groups": ["system:masters"], "extra": {"x": ["y"]}}
    me = api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})["status"]["userInfo"]
    where, spec = f"{path}/said-{ns}", send(api, "POST", path, merged(body, {"spec": lies})).json()["spec"]
    assert (spec["username"], spec["groups"], spec.get("uid"), spec.get("extra")) == (me["username"], me["groups"], me.get("uid"), me.get("extra")), (spec, me)
    approved = {"type": "Approved", "status": "True", "reason": "R", "message": "m"}
    got = api("PATCH", where + "/approval", {"status": {"conditions": [approved], "certificate": "eA=="}}, type=MERGE)["status"]
    assert set(got) == {"conditions"} and got["conditions"][0]["lastUpdateTime"] and got["conditions"][0]["lastTransitionTime"], got
    other = {"type": "X", "status": "True", "reason": "R", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    got = api("PATCH", where + "/status", {"status": {"conditions": [dict(approved, message="n"), other]}}, type=MERGE)["status"]["conditions"]
    assert [one["type"] for one in got] == ["Approved", "X"] and got[0]["message"] == "m" and got[1]["lastTransitionTime"] == "2020-01-01T00:00:00Z", got
    got = api("PATCH", where + "/status", {"status": {"conditions": [got[0], {"type": "X", "status": "True", "reason": "S"}]}}, type=MERGE)["status"]["conditions"]
    assert got[1]["lastTransitionTime"] == "2020-01-01T00:00:00Z" and got[1]["lastUpdateTime"] > got[1]["lastTransitionTime"], got
    forget(api, where)


@check("members without omitempty are shown empty")
def shown(api, ns):
    wrong = []
    for number, (kind, change, path, wanted) in enumerate(SHOWN):
        where, body = made(kind, ns, f"s{number}-{ns}")
        got = send(api, "POST", where, merged(body, change), dryRun="All")
        if got.status_code != 201 or at(got.json(), path) != wanted:
            wrong.append(f"{row_name(kind, change)} {path}: {at(got.json(), path)} {got.text[:200]}")
    assert not wrong, "\n".join(wrong)


@check("what admission adds")
def admission(api, ns):
    base, wrong = f"/api/v1/namespaces/{ns}", []
    api("PATCH", base + "/serviceaccounts/default", {"imagePullSecrets": [{"name": "pull"}]}, type=MERGE)
    api("POST", "/apis/node.k8s.io/v1/runtimeclasses", dict(meta(f"heavy-{ns}"), handler="h", overhead={"podFixed": {"cpu": "10m"}}, scheduling={
        "nodeSelector": {"r": "s"}, "tolerations": [{"key": "t", "operator": "Exists"}]}))
    api("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", dict(meta(f"calm-{ns}"), value=7, preemptionPolicy="Never"))
    mine = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    away = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for spec, path, wanted in [
            ({}, "imagePullSecrets", [{"name": "pull"}]), (S(imagePullSecrets=[{"name": "own"}])["spec"], "imagePullSecrets", [{"name": "own"}]),
            ({"runtimeClassName": f"heavy-{ns}"}, "overhead", {"cpu": "10m"}), ({"runtimeClassName": f"heavy-{ns}"}, "nodeSelector", {"r": "s"}),
            ({"runtimeClassName": f"heavy-{ns}", "nodeSelector": {"q": "z"}}, "nodeSelector", {"q": "z", "r": "s"}),
            ({"runtimeClassName": f"heavy-{ns}"}, "tolerations.2", {"key": "t", "operator": "Exists"}),
            ({"runtimeClassName": f"heavy-{ns}", "tolerations": [{"operator": "Exists"}]}, "tolerations", [{"operator": "Exists"}]),
            ({"tolerations": [mine]}, "tolerations", [mine, away]), ({"tolerations": [{"operator": "Exists"}]}, "tolerations", [{"operator": "Exists"}]),
            ({"priorityClassName": f"calm-{ns}"}, "priority", 7), ({"priorityClassName": f"calm-{ns}"}, "preemptionPolicy", "Never"),
            ({"priorityClassName": "system-node-critical"}, "priority", 2000001000),
            ({"automountServiceAccountToken": False}, "volumes", "absent"), ({"serviceAccountName": "default"}, "serviceAccount", "default")]:
        got = send(api, "POST", base + "/pods", pod("p", **spec), dryRun="All")
        if got.status_code != 201 or at(got.json()["spec"], path) != wanted:
            wrong.append(f"{spec} {path}: {got.text[:900]}, wanted {wanted}")
    token = api("POST", base + "/pods", pod("p", initContainers=[dict(C, name="first"), dict(C, name="own", volumeMounts=[{"name": "e", "mountPath": MOUNTED}])],
                                                volumes=[{"name": "e", "emptyDir": {}}]), dryRun="All")["spec"]
    token["volumes"].pop(0)
    name = token["volumes"][0]["name"]
    sources = [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
               {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
               {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]
    assert token["volumes"] == [{"name": name, "projected": {"defaultMode": 420, "sources": sources}}] and len(name) == len("kube-api-access-12345"), token
    for one in (token["containers"][0], token["initContainers"][0]):
        assert one["volumeMounts"] == [{"name": name, "readOnly": True, "mountPath": MOUNTED}], token
    assert token["initContainers"][1]["volumeMounts"] == [{"name": "e", "mountPath": MOUNTED}], token
    api("DELETE", f"/apis/node.k8s.io/v1/runtimeclasses/heavy-{ns}"), api("DELETE", f"/apis/scheduling.k8s.io/v1/priorityclasses/calm-{ns}")
    assert not wrong, "\n".join(wrong)


@check("what a class or a limit that is the default adds")
def default_classes(api, ns):
    claims, ingresses = f"/api/v1/namespaces/{ns}/persistentvolumeclaims", f"/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses"
    claim, ingress = made("Claim", ns, "c")[1], made("Ingress", ns, "i")[1]
    claim["spec"].pop("storageClassName")
    stores, doors, ranks = "/apis/storage.k8s.io/v1/storageclasses", "/apis/networking.k8s.io/v1/ingressclasses", BASES["PriorityClass"][0]
    usual = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true", "ingressclass.kubernetes.io/is-default-class": "true"}}
    api("POST", stores, dict(meta(f"usual-{ns}", **usual), provisioner="example.com/p"))
    api("POST", doors, dict(meta(f"usual-{ns}", **usual), spec={"controller": "example.com/x"}))
    api("POST", ranks, dict(meta(f"usual-{ns}"), value=9, globalDefault=True, preemptionPolicy="Never"))
    api("POST", f"/api/v1/namespaces/{ns}/limitranges", dict(meta("l"), spec={"limits": [{"type": "Container", "default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}}]}))
    try:
        until("the class's name", lambda: api("POST", claims, claim, dryRun="All")["spec"].get("storageClassName") == f"usual-{ns}")
        assert api("POST", claims, dict(claim, spec=dict(claim["spec"], storageClassName="")), dryRun="All")["spec"]["storageClassName"] == ""
        until("the ingress's class", lambda: api("POST", ingresses, ingress, dryRun="All")["spec"].get("ingressClassName") == f"usual-{ns}")
        old = dict(ingress, metadata=dict(ingress["metadata"], annotations={"kubernetes.io/ingress.class": "x"}))
        assert "ingressClassName" not in api("POST", ingresses, old, dryRun="All")["spec"]
        until("the Pod's class", lambda: api("POST", f"/api/v1/namespaces/{ns}/pods", pod("p"), dryRun="All")["spec"].get("priorityClassName") == f"usual-{ns}")
        got = api("POST", f"/api/v1/namespaces/{ns}/pods", pod("p"), dryRun="All")
        assert (got["spec"]["priority"], got["spec"]["preemptionPolicy"]) == (9, "Never"), got["spec"]
        assert got["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}, got["spec"]
        assert got["metadata"]["annotations"] == {"kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container c; cpu limit for container c"}, got
    finally:
        api("DELETE", f"{stores}/usual-{ns}"), api("DELETE", f"{doors}/usual-{ns}"), api("DELETE", f"{ranks}/usual-{ns}")


CREATED_BY_PUT = {"endpoints", "events", "limitranges", "services", "clusterrolebindings", "clusterroles", "rolebindings", "roles",
                  "leases", "runtimeclasses"}
NEED_VERSION = {"apiservices", "poddisruptionbudgets", "csidrivers", "csinodes", "csistoragecapacities", "volumeattachments", "mutatingwebhookconfigurations",
                "validatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings", "customresourcedefinitions", "leases",
                "runtimeclasses", "foos"}


@check("PUT of what is not there, and PUT without a resourceVersion")
def puts(api, ns):
    define(api)
    wrong, seen = [], set()
    for kind in BASES:
        path, body = made(kind, ns, f"put-{ns}")
        plural, where = path.rsplit("/", 1)[1], f"{path}/{body['metadata']['name']}"
        if path in seen or plural == "pods":
            continue
        seen.add(path)
        if kind == "CRD":
            body = dict(merged(body, S(group="put.example.com")), metadata={"name": "foos.put.example.com"})
            where = f"{path}/foos.put.example.com"
        got = send(api, "PUT", where, body)
        if got.status_code not in ((201,) if plural in CREATED_BY_PUT else (404, 405)):
            wrong.append(f"{plural}: PUT answers {got.status_code} {got.text[:200]}")
        if got.status_code != 201:
            got = send(api, "POST", path, body)
        if got.status_code != 201:
            continue  # what has no PUT
        again = got.json()
        again["metadata"].pop("resourceVersion")
        again["metadata"]["labels"] = {"x": "y"}
        answer = send(api, "PUT", where, again)
        if answer.status_code != (422 if plural in NEED_VERSION else 200):
            wrong.append(f"{plural}: without a version {answer.status_code} {answer.text[:200]}")
        if answer.status_code == 422 and "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update" not in answer.text:
            wrong.append(f"{plural}: {answer.text[:300]}")
        forget(api, where)
    forget(api, f"{BASES['CRD'][0]}/{NAMES['CRD']}")
    assert not wrong, "\n".join(wrong)


VERBS = {"get": ("GET", False), "list": ("GET", True), "create": ("POST", True), "update": ("PUT", False), "patch": ("PATCH", False), "delete": ("DELETE", False),
         "deletecollection": ("DELETE", True)}


@check("each resource answers the methods of its verbs, and no other")
def methods(api, ns):
    wrong = []
    groups = [api("GET", "/api/v1")] + [api("GET", f"/apis/{one['preferredVersion']['groupVersion']}") for one in api("GET", "/apis")["groups"]
                                        if one["name"].endswith(".k8s.io") or "." not in one["name"]]
    for one in groups:
        root = ("/apis/" if "/" in one["groupVersion"] else "/api/") + one["groupVersion"] + "/"
        for resource in one["resources"]:
            plural, _, sub = resource["name"].partition("/")
            collection = root + (f"namespaces/{ns}/" if resource["namespaced"] else "") + plural
            for verb, (method, of_all) in VERBS.items():
                if sub and (of_all or "get" not in resource["verbs"] or resource["kind"].endswith("Options")):
                    continue  # connections, and what is only created
                if of_all and verb in resource["verbs"] and method == "DELETE":
                    continue
                got = send(api, method, collection + ("" if of_all else "/none" + (f"/{sub}" if sub else "")), None if method == "GET" else {})
                if (got.status_code == 405) == (verb in resource["verbs"]):
                    wrong.append(f"{method} {resource['name']}{' (all)' if of_all else ''}: {got.status_code} {got.text[:120]}")
    assert not wrong, "\n".join(wrong)


main()
