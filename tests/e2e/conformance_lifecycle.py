"""Upstream's lifecycle tests of resources that need no running Pod, request by request: see conformance_kit.py.

OPERATIONS holds what the "should support ... API operations" tests make, LIFECYCLES what the "should run through the
lifecycle of ..." tests make. Each table has one loop that sends the requests in upstream's order and expects what upstream expects.
"""
import base64
import copy
import subprocess

from conformance_kit import MERGE, STRATEGIC, annotated, at, check, gone, has, main, meta, names, rewrite, saw, until


def version(one):
    return int(one["metadata"]["resourceVersion"])


def request():
    made = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null",
                           "-subj", "/O=system:e2e/CN=e2e-user"], capture_output=True, check=True).stdout
    return base64.b64encode(made).decode()


# ---- API operations ----

CONDITION = {"type": "StatusPatched", "status": "True", "reason": "E2E", "message": "Set by e2e test"}
RULES = {"matchConstraints": {"namespaceSelector": {"matchLabels": {"e2e": "none"}}, "resourceRules": [
    {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]},
    "validations": [{"expression": "object.spec.replicas > 1", "messageExpression": "'wants ' + string(2)"}]}
PATHS = {"rules": [{"host": "foo.example.com", "http": {"paths": [
    {"path": "/", "pathType": "ImplementationSpecific", "backend": {"service": {"name": "test-backend", "port": {"number": 8080}}}}]}}]}
JOB = {"template": {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": "busybox", "command": ["sleep", "300"]}]}}}

# title: (group and version, resource, namespaced, the rest of the object, [(status to patch, status to put)])
OPERATIONS = {
    "CSIStorageCapacity should support CSIStorageCapacities API operations":
        ("storage.k8s.io/v1", "csistoragecapacities", True, {"storageClassName": "e2e.example.com"}, None),
    "RuntimeClass should support RuntimeClasses API operations":
        ("node.k8s.io/v1", "runtimeclasses", False, {"handler": "e2e-conformance-runtime-class"}, None),
    "EndpointSlice should support creating EndpointSlice API operations":
        ("discovery.k8s.io/v1", "endpointslices", True, {"addressType": "IPv4", "endpoints": [
            {"addresses": ["1.2.3.4", "5.6.7.8"]}, {"addresses": ["2.2.3.4", "6.6.7.8"]}]}, None),
    "Ingress API should support creating Ingress API operations":
        ("networking.k8s.io/v1", "ingresses", True, {"spec": dict(PATHS, defaultBackend={"service": {"name": "default-backend", "port": {"name": "http"}}})},
         ({"loadBalancer": {"ingress": [{"ip": "169.1.1.1"}]}}, {"loadBalancer": {"ingress": [{"ip": "169.1.1.2"}]}})),
    "IngressClass API should support creating IngressClass API operations":
        ("networking.k8s.io/v1", "ingressclasses", False, {"spec": {"controller": "example.com/controller"}}, None),
    "NetworkPolicy API should support creating NetworkPolicy API operations":
        ("networking.k8s.io/v1", "networkpolicies", True, {"spec": {"podSelector": {"matchLabels": {"pod-name": "test-pod"}}, "policyTypes": ["Ingress"],
         "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns-name": "pod-b"}}}], "ports": [{"port": 80}]}]}}, None),
    "CronJob should support CronJob API operations":
        ("batch/v1", "cronjobs", True, {"spec": {"schedule": "*/1 * * * ?", "concurrencyPolicy": "Allow", "suspend": True, "jobTemplate": {"spec": JOB}}},
         ({"lastScheduleTime": "2025-01-02T03:04:05Z"}, {"lastScheduleTime": "2025-01-02T03:04:06Z"})),
    "Certificates API should support CSR API operations":
        ("certificates.k8s.io/v1", "certificatesigningrequests", False, {"spec": {
            "signerName": "example.com/e2e", "usages": ["digital signature", "key encipherment", "server auth"], "expirationSeconds": 3600}},
         ({"conditions": [CONDITION]}, {"conditions": [dict(CONDITION, type="StatusUpdate")]})),
    "API priority and fairness should support FlowSchema API operations":
        ("flowcontrol.apiserver.k8s.io/v1", "flowschemas", False, {"spec": {
            "matchingPrecedence": 10000, "priorityLevelConfiguration": {"name": "global-default"}, "distinguisherMethod": {"type": "ByUser"}, "rules": [
                {"subjects": [{"kind": "User", "user": {"name": "example-e2e-non-existent-user"}}],
                 "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}]}},
         ({"conditions": [dict(CONDITION, type="PatchStatusFailed", status="False")]}, {"conditions": [dict(CONDITION, type="StatusUpdateFailed", status="False")]})),
    "API priority and fairness should support PriorityLevelConfiguration API operations":
        ("flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations", False, {"spec": {
            "type": "Limited", "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}},
         ({"conditions": [dict(CONDITION, type="PatchStatusFailed", status="False")]}, {"conditions": [dict(CONDITION, type="StatusUpdateFailed", status="False")]})),
    "ValidatingAdmissionPolicy should support ValidatingAdmissionPolicy API operations":
        ("admissionregistration.k8s.io/v1", "validatingadmissionpolicies", False, {"spec": RULES},
         ({"conditions": [dict(CONDITION, lastTransitionTime="2025-01-02T03:04:05Z")]},
          {"conditions": [dict(CONDITION, type="StatusUpdate", lastTransitionTime="2025-01-02T03:04:05Z")]})),
    "ValidatingAdmissionPolicy should support ValidatingAdmissionPolicyBinding API operations":
        ("admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings", False,
         {"spec": {"policyName": "replicalimit-policy.example.com", "validationActions": ["Deny"]}}, None),
    "HorizontalPodAutoscaler API operations":
        ("autoscaling/v2", "horizontalpodautoscalers", True, {"spec": {"minReplicas": 1, "maxReplicas": 2, "scaleTargetRef": {
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}}},
         ({"conditions": [CONDITION]}, {"conditions": [dict(CONDITION, type="StatusUpdate")]})),
}


def found_in_discovery(api, gv, kind, status):
    group, number = gv.split("/")
    listed = {one["name"]: [each["version"] for each in one["versions"]] for one in api("GET", "/apis")["groups"]}
    assert number in listed[group], listed
    assert number in [one["version"] for one in api("GET", "/apis/" + group)["versions"]]
    resources = [one["name"] for one in api("GET", "/apis/" + gv)["resources"]]
    assert kind in resources and (not status or kind + "/status" in resources), resources


KEEP_NOTES = {"flowschemas", "prioritylevelconfigurations", "validatingadmissionpolicies"}  # whose /status changes nothing of metadata


def status_steps(api, path, patched, put):
    got = api("PATCH", path + "/status", {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": patched}, type=MERGE)
    noted = got["metadata"]["annotations"].get("patchedstatus") == "true"
    assert has(got["status"], patched) and noted == (path.split("/")[-2] not in KEEP_NOTES), got

    def change(one):
        for key, value in put.items():
            one["status"][key] = one["status"].get(key, []) + value if isinstance(value, list) else value
    assert has(rewrite(api, path + "/status", change)["status"], put)
    got = api("GET", path + "/status")
    assert has(got["status"], put) and got["metadata"]["uid"] == api("GET", path)["metadata"]["uid"], got


# What the patch and the update change of the spec, beside an annotation.
CHANGES = {
    "flowschemas": ({"matchingPrecedence": 9999}, {"matchingPrecedence": 9998}),
    "prioritylevelconfigurations": ({"limited": {"nominalConcurrencyShares": 4}},
                                    {"limited": {"nominalConcurrencyShares": 6, "lendablePercent": 0, "limitResponse": {"type": "Reject"}}}),
    "validatingadmissionpolicies": ({"failurePolicy": "Ignore"}, {"failurePolicy": "Fail"}),
}


def operations(gv, kind, namespaced, more, status):
    def run(api, ns):
        patched, put = CHANGES.get(kind, ({}, {}))
        found_in_discovery(api, gv, kind, status)
        home, label = at(gv, kind, ns if namespaced else None), "special-label=" + ns
        body = dict(meta("e2e-" + ns, labels={"special-label": ns}), **copy.deepcopy(more))
        if kind == "certificatesigningrequests":
            body["spec"]["request"] = request()
        made = api("POST", home, body)
        again = api("POST", home, body, code=409)
        assert again["reason"] == "AlreadyExists", again
        for suffix in "ab":
            api("POST", home, dict(body, metadata={"generateName": "e2e-" + suffix + "-", "labels": {"special-label": ns}}))
        path = home + "/e2e-" + ns
        assert api("GET", path)["metadata"]["uid"] == made["metadata"]["uid"]
        listed = api("GET", home, labelSelector=label)
        assert len(listed["items"]) == len(api("GET", at(gv, kind), labelSelector=label)["items"]) == 3, names(listed)
        since = listed["metadata"]["resourceVersion"]
        got = api("PATCH", path, dict({"metadata": {"annotations": {"patched": "true"}}}, **({"spec": patched} if patched else {})), type=MERGE)
        assert got["metadata"]["annotations"]["patched"] == "true" and has(got.get("spec", {}), patched), got

        def change(one):
            one["metadata"]["annotations"]["updated"] = "true"
            if put:
                one["spec"].update(put)
        got = rewrite(api, path, change)
        assert got["metadata"]["annotations"]["updated"] == "true" and has(got.get("spec", {}), put), got
        for where in (home, at(gv, kind)):
            saw(api, where, since, label, (annotated("patched"), annotated("updated")))
        if status:
            status_steps(api, path, *status)
        api("DELETE", path)
        until("gone", lambda: gone(api, path))
        saw(api, home, since, label, [lambda event: event["type"] == "DELETED" and event["object"]["metadata"]["uid"] == made["metadata"]["uid"]])
        assert len(api("GET", home, labelSelector=label)["items"]) == 2
        api("DELETE", home, labelSelector=label)
        until("all gone", lambda: not api("GET", home, labelSelector=label)["items"])
    return run


for title, row in OPERATIONS.items():
    check(title)(operations(*row))


# ---- lifecycles ----

# title: (group and version, resource, namespaced, the rest of the object)
LIFECYCLES = {
    "CSINodes CSI Conformance should run through the lifecycle of a csinode": ("storage.k8s.io/v1", "csinodes", False, {"spec": {"drivers": []}}),
    "CSIInlineVolumes should run through the lifecycle of a CSIDriver": ("storage.k8s.io/v1", "csidrivers", False, {"spec": {
        "volumeLifecycleModes": ["Persistent", "Ephemeral"], "fsGroupPolicy": "ReadWriteOnceWithFSType"}}),
    "StorageClasses CSI Conformance should run through the lifecycle of a StorageClass": ("storage.k8s.io/v1", "storageclasses", False, {
        "kind": "StorageClass", "provisioner": "e2e-fake-provisioner"}),
    "VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment": ("storage.k8s.io/v1", "volumeattachments", False, {
        "spec": {"attacher": "e2e-test.storage.k8s.io", "nodeName": "some-node", "source": {"persistentVolumeName": "pv-e2e"}}, "status": {"attached": False}}),
    "PodTemplates should run the lifecycle of PodTemplates": ("v1", "podtemplates", True, {"template": {"spec": {"containers": [
        {"name": "nginx", "image": "nginx"}]}}}),
    "ConfigMap should run through a ConfigMap lifecycle": ("v1", "configmaps", True, {"data": {"valueName": "value"}}),
    "Secrets should patch a secret": ("v1", "secrets", True, {"data": {"key": "dmFsdWU="}, "type": "Opaque"}),
    "Lease lease API should be available": ("coordination.k8s.io/v1", "leases", True, {"spec": {
        "holderIdentity": "holder", "leaseDurationSeconds": 30, "acquireTime": "2025-01-02T03:04:05.000000Z", "leaseTransitions": 0}}),
    "ServiceAccounts should run through the lifecycle of a ServiceAccount": ("v1", "serviceaccounts", True, {}),
    "ControllerRevision should manage the lifecycle of a ControllerRevision": ("apps/v1", "controllerrevisions", True, {"data": {"a": 1}, "revision": 1}),
    "PriorityClass endpoints can be operated with different HTTP methods": ("scheduling.k8s.io/v1", "priorityclasses", False, {"value": 1}),
    "LimitRange should list, patch and delete a LimitRange by collection": ("v1", "limitranges", True, {"spec": {"limits": [
        {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}}]}}),
}


def lifecycle(gv, kind, namespaced, more):
    def run(api, ns):
        home = at(gv, kind, ns if namespaced else None)
        first = api("POST", home, dict(meta(f"e2e-{ns}-0"), **more))
        path, name = home + "/" + first["metadata"]["name"], first["metadata"]["name"]
        assert api("GET", path)["metadata"]["uid"] == first["metadata"]["uid"]
        patched = api("PATCH", path, {"metadata": {"labels": {name: "patched"}}}, type=STRATEGIC)
        assert patched["metadata"]["labels"][name] == "patched" and version(patched) > version(first), patched
        assert names(api("GET", at(gv, kind), labelSelector=name + "=patched")) == [name]
        api("DELETE", path)
        until("gone", lambda: not api("GET", home, labelSelector=name + "=patched")["items"])

        made = [api("POST", home, dict({"metadata": {"generateName": f"e2e-{ns}-v2-"}}, **more)) for _ in range(2)]
        for one in made:
            got = rewrite(api, home + "/" + one["metadata"]["name"], lambda each: each["metadata"].update(labels={"e2e-" + ns: "updated"}))
            assert got["metadata"]["labels"] == {"e2e-" + ns: "updated"} and version(got) > version(one), got
        assert names(api("GET", home, labelSelector=f"e2e-{ns}=updated")) == names({"items": made})
        api("DELETE", home, labelSelector=f"e2e-{ns}=updated")
        until("all gone", lambda: not api("GET", home, labelSelector=f"e2e-{ns}=updated")["items"])
    return run


for title, row in LIFECYCLES.items():
    check(title)(lifecycle(*row))


@check("VolumeAttachment Conformance should apply changes to a volumeattachment status")
def attachment_status(api, ns):
    path = at("storage.k8s.io/v1", "volumeattachments", None, "va-" + ns)
    made = api("POST", at("storage.k8s.io/v1", "volumeattachments"), dict(meta("va-" + ns, uid="va-" + ns), status={"attached": False}, spec={
        "attacher": "e2e-test.storage.k8s.io", "nodeName": "n", "source": {"persistentVolumeName": "pv-" + ns}}))
    assert made["metadata"]["name"] == "va-" + ns
    got = api("PATCH", path, {"metadata": {"labels": {"va-" + ns: "patched"}}}, type=MERGE)
    assert got["metadata"]["labels"] == {"va-" + ns: "patched"}, got
    assert api("GET", path + "/status")["status"]["attached"] is False
    assert api("PATCH", path + "/status", {"status": {"attached": True}}, type=MERGE)["status"]["attached"] is True
    assert rewrite(api, path + "/status", lambda one: one["status"].update(attached=False))["status"]["attached"] is False
    api("DELETE", path)
    until("gone", lambda: not api("GET", at("storage.k8s.io/v1", "volumeattachments"), labelSelector=f"va-{ns}=patched")["items"])


@check("Aggregator should keep what an APIService is given, and its status")
def api_service(api, ns):
    home, name = at("apiregistration.k8s.io/v1", "apiservices"), f"v1alpha1.{ns}.example.com"
    path = home + "/" + name
    api("POST", home, dict(meta(name), spec={"group": ns + ".example.com", "version": "v1alpha1", "groupPriorityMinimum": 2000, "versionPriority": 200,
                                             "insecureSkipTLSVerify": True, "service": {"namespace": ns, "name": "sample-api", "port": 7443}}))
    until("found wanting", lambda: has(api("GET", path + "/status").get("status", {}), {"conditions": [{"type": "Available", "status": "False"}]}))
    assert api("PATCH", path, {"spec": {"versionPriority": 400}}, type=MERGE)["spec"]["versionPriority"] == 400
    assert [one["spec"]["versionPriority"] for one in api("GET", home)["items"] if one["metadata"]["name"] == name] == [400]
    got = api("PATCH", path, {"metadata": {"labels": {name: "patched"}}}, type=STRATEGIC)
    assert got["metadata"]["labels"][name] == "patched", got
    condition = {"type": "StatusUpdated", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    got = rewrite(api, path + "/status", lambda one: one["status"]["conditions"].append(condition))
    assert has(got["status"], {"conditions": [condition, {"type": "Available"}]}), got
    assert has(api("GET", path + "/status")["status"], {"conditions": [condition]})
    got = rewrite(api, path, lambda one: one["metadata"].update(labels={name: "updated"}))
    assert got["metadata"]["labels"] == {name: "updated"}, got
    assert names(api("GET", home, labelSelector=name + "=updated")) == [name]
    api("DELETE", home, labelSelector=name + "=updated")
    until("gone", lambda: gone(api, path))


# ---- volumes and claims ----

def volume_and_claim(api, ns, handle):
    volumes, claims = at("v1", "persistentvolumes"), at("v1", "persistentvolumeclaims", ns)
    volume = api("POST", volumes, {"metadata": {"generateName": ns + "-", "labels": {"e2e-pv-pool": ns}}, "spec": {
        "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain", "storageClassName": ns,
        "csi": {"driver": "e2e-driver-" + ns, "volumeHandle": handle}}})
    claim = api("POST", claims, {"metadata": {"generateName": "pvc-"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}, "storageClassName": ns}})
    assert names(api("GET", volumes, labelSelector="e2e-pv-pool=" + ns)) == [volume["metadata"]["name"]]
    assert names(api("GET", claims)) == [claim["metadata"]["name"]]
    return volumes + "/" + volume["metadata"]["name"], claims + "/" + claim["metadata"]["name"]


@check("PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC")
def volumes_live(api, ns):
    for path in reversed(volume_and_claim(api, ns, "e2e-conformance")):
        name, before = path.rpartition("/")[2], api("GET", path)
        got = api("PATCH", path, {"metadata": {"labels": {name: "patched"}}}, type=STRATEGIC)
        assert got["metadata"]["labels"][name] == "patched" and version(got) > version(before), got
        assert api("GET", path)["metadata"]["uid"] == got["metadata"]["uid"]
        api("DELETE", path)
        until(path + " is gone", lambda: gone(api, path))

    volume, claim = volume_and_claim(api, ns, "e2e-conformance")
    for path in (volume, claim):
        got = rewrite(api, path, lambda one: one["metadata"].setdefault("labels", {}).update({one["metadata"]["name"]: "updated"}))
        assert got["metadata"]["labels"][got["metadata"]["name"]] == "updated", got
    home, name = claim.rsplit("/", 1)
    assert names(api("GET", at("v1", "persistentvolumeclaims"), labelSelector=name + "=updated")) == [name]
    for path in (claim, volume):
        home, name = path.rsplit("/", 1)
        api("DELETE", home, labelSelector=name + "=updated")
        until(path + " is gone", lambda: not api("GET", home, labelSelector=name + "=updated")["items"])


@check("PersistentVolumes CSI Conformance should apply changes to a pv/pvc status")
def volumes_status(api, ns):
    volume, claim = volume_and_claim(api, ns, "e2e-status-conformance")
    assert api("GET", claim + "/status")["status"]["phase"] in ("Pending", "Bound")
    assert api("GET", volume + "/status")["status"]["phase"] in ("Available", "Bound", "Pending")
    patched = {"conditions": [{"type": "StatusPatched", "status": "True", "reason": "E2E patchedStatus", "message": "Set from e2e test"}]}
    assert has(api("PATCH", claim + "/status", {"status": patched}, type=MERGE)["status"], patched)
    patched = {"message": "StatusPatched", "reason": "E2E patchStatus"}
    assert has(api("PATCH", volume + "/status", {"status": patched}, type=MERGE)["status"], patched)
    updated = {"type": "StatusUpdated", "status": "True", "reason": "E2E updateStatus", "message": "Set from e2e test"}
    got = rewrite(api, claim + "/status", lambda one: one["status"].setdefault("conditions", []).append(updated))
    assert has(got["status"], {"conditions": [updated]}), got
    updated = {"message": "StatusUpdated", "reason": "E2E updateStatus"}
    assert has(rewrite(api, volume + "/status", lambda one: one["status"].update(updated))["status"], updated)
    for path in (claim, volume):
        api("DELETE", path)
        until(path + " is gone", lambda: gone(api, path))


@check("CSIInlineVolumes should support CSIVolumeSource in Pod API")
def inline_volumes(api, ns):
    body = dict(meta("pod-csi-inline-volumes"), spec={"volumes": [
        {"name": "vol1", "csi": {"driver": "e2e.example.com"}}, {"name": "vol2", "csi": {"driver": "e2e.example.com", "fsType": "ext4", "readOnly": True}}],
        "containers": [{"name": "c", "image": "busybox", "command": ["sh", "-c", "ls /mnt/*"], "volumeMounts": [
            {"name": "vol1", "mountPath": "/mnt/vol1"}, {"name": "vol2", "mountPath": "/mnt/vol2"}]}]})
    home = at("v1", "pods", ns)
    made = api("POST", home, body)
    assert api("POST", home, body, code=409)["reason"] == "AlreadyExists"
    path = home + "/pod-csi-inline-volumes"
    assert api("GET", path)["metadata"]["uid"] == made["metadata"]["uid"] and len(api("GET", home)["items"]) == 1
    got = api("PATCH", path, {"metadata": {"annotations": {"patched": "true"}}}, type=MERGE)
    assert got["metadata"]["annotations"]["patched"] == "true", got
    api("DELETE", path)
    assert gone(api, path) or api("GET", path)["metadata"]["deletionTimestamp"]


# ---- nodes ----

@check("Node Lifecycle should run through the lifecycle of a node")
def node(api, ns):
    home, name = at("v1", "nodes"), "e2e-fake-node-" + ns
    made = api("POST", home, dict(meta(name), spec={"unschedulable": True}, status={"phase": "Running", "conditions": [
        {"type": "Ready", "status": "True", "reason": "E2E", "message": "Set from e2e test"}]}))
    path = home + "/" + name
    assert made["metadata"]["name"] == api("GET", path)["metadata"]["name"] == name
    got = api("PATCH", path, {"metadata": {"labels": {name: "patched"}}}, type=STRATEGIC)
    assert got["metadata"]["labels"][name] == "patched" and version(got) > version(made), got
    assert names(api("GET", home, labelSelector=name + "=patched")) == [name]
    got = rewrite(api, path, lambda one: one["metadata"]["labels"].update({name: "updated"}))
    assert got["metadata"]["labels"][name] == "updated", got
    api("DELETE", path)
    until("gone", lambda: gone(api, path))


# ---- services and endpoints ----

@check("Services should complete a service status lifecycle")
def service_status(api, ns):
    home, name, label = at("v1", "services", ns), "test-service-" + ns[-4:], "test-service-static=true"
    since = api("GET", at("v1", "services"), labelSelector=label)["metadata"]["resourceVersion"]
    api("POST", home, dict(meta(name, labels={"test-service-static": "true"}), spec={
        "type": "LoadBalancer", "loadBalancerClass": "example.com/internal-vip", "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}]}))
    path = home + "/" + name
    saw(api, home, since, label, [lambda event: event["type"] == "ADDED" and event["object"]["metadata"]["name"] == name])
    assert api("GET", path + "/status")["status"]["loadBalancer"] == {}
    api("PATCH", path + "/status", {"metadata": {"annotations": {"patchedstatus": "true"}},
                                    "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}}, type=MERGE)
    saw(api, home, since, label, [annotated("patchedstatus")])
    condition = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test", "lastTransitionTime": None}
    rewrite(api, path + "/status", lambda one: one["status"].setdefault("conditions", []).append(condition))
    saw(api, home, since, label, [lambda event: has(event["object"]["status"], {"conditions": [dict(type="StatusUpdate", reason="E2E", message="Set from e2e test")]})])
    api("PATCH", path, {"metadata": {"creationTimestamp": None, "labels": {"test-service": "patched"}}, "spec": {}, "status": {"loadBalancer": {}}}, type=STRATEGIC)
    saw(api, home, since, label, [lambda event: event["object"]["metadata"]["labels"].get("test-service") == "patched"])
    api("DELETE", path)
    saw(api, home, since, label, [lambda event: event["type"] == "DELETED"])


@check("Services should delete a collection of services")
def services_collect(api, ns):
    home = at("v1", "services", ns)
    for number, (name, label) in enumerate((("e2e-svc-a", {ns: "a", "e2e-svc": "yes"}), ("e2e-svc-b", {ns: "b", "e2e-svc": "yes"}), ("e2e-svc-c", {ns: "c"}))):
        api("POST", home, dict(meta(name, labels=label), spec={"ports": [{"name": "port1", "port": 80 + number}]}))
    assert len(api("GET", home)["items"]) == 3
    api("DELETE", home, labelSelector="e2e-svc=yes")
    until("two are gone", lambda: names(api("GET", home)) == ["e2e-svc-c"])


@check("Services should find a service from listing all namespaces")
def service_found(api, ns):
    assert [one for one in api("GET", at("v1", "services"))["items"]
            if (one["metadata"]["name"], one["metadata"]["namespace"]) == ("kubernetes", "default")]


@check("EndpointSlice should have Endpoints and EndpointSlices pointing to API Server")
def api_endpoints(api, ns):
    api("GET", at("v1", "services", "default", "kubernetes"))
    subsets = api("GET", at("v1", "endpoints", "default", "kubernetes"))["subsets"]
    slices = api("GET", at("discovery.k8s.io/v1", "endpointslices", "default"), labelSelector="kubernetes.io/service-name=kubernetes")["items"]
    assert subsets and slices
    assert {one["ip"] for each in subsets for one in each["addresses"]} == {one for each in slices for end in each["endpoints"] for one in end["addresses"]}
    assert {one["port"] for each in subsets for one in each["ports"]} == {one["port"] for each in slices for one in each["ports"]}


@check("EndpointSlice should create and delete Endpoints and EndpointSlices for a Service with a selector specified")
def empty_selector(api, ns):
    slices = at("discovery.k8s.io/v1", "endpointslices", ns)
    label = {"labelSelector": "kubernetes.io/service-name=example-empty-selector"}
    api("POST", at("v1", "services", ns), dict(meta("example-empty-selector"), spec={
        "selector": {"does-not-match-anything": "endpoints-and-endpoint-slices-should-still-be-created"}, "ports": [{"name": "example", "port": 80, "protocol": "TCP"}]}))
    until("Endpoints", lambda: not gone(api, at("v1", "endpoints", ns, "example-empty-selector")))
    got = until("EndpointSlice", lambda: api("GET", slices, **label)["items"])[0]
    assert got["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io" and not got.get("endpoints"), got
    api("DELETE", at("v1", "services", ns, "example-empty-selector"))
    until("no Endpoints", lambda: gone(api, at("v1", "endpoints", ns, "example-empty-selector")))
    until("no EndpointSlice", lambda: not api("GET", slices, **label)["items"])


@check("EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete")
def mirrored(api, ns):
    home, slices = at("v1", "endpoints", ns), at("discovery.k8s.io/v1", "endpointslices", ns)

    def mirrors():
        return [([port["port"] for port in one["ports"]], [each["addresses"] for each in one["endpoints"]])
                for one in api("GET", slices, labelSelector="kubernetes.io/service-name=example-custom-endpoints")["items"]]
    api("POST", at("v1", "services", ns), dict(meta("example-custom-endpoints"), spec={"ports": [{"name": "example", "port": 80, "protocol": "TCP"}]}))
    body = dict(meta("example-custom-endpoints"), subsets=[{"ports": [{"port": 80}], "addresses": [{"ip": "10.1.2.3"}]}])
    api("POST", home, body)
    until("mirrored", lambda: mirrors() == [([80], [["10.1.2.3"]])], 12)
    body["subsets"][0]["addresses"] = [{"ip": "10.2.3.4"}]
    api("PUT", home + "/example-custom-endpoints", body)
    until("mirrored", lambda: mirrors() == [([80], [["10.2.3.4"]])], 12)
    api("DELETE", home + "/example-custom-endpoints")
    until("no mirror", lambda: mirrors() == [], 12)


@check("Services should test the lifecycle of an Endpoint")
def endpoints(api, ns):
    home, label = at("v1", "endpoints", ns), "test-endpoint-static=true"
    since = api("GET", home)["metadata"]["resourceVersion"]
    body = dict(meta("testservice", labels={"test-endpoint-static": "true"}), subsets=[
        {"addresses": [{"ip": "10.0.0.24"}], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}])
    made = api("POST", home, body)
    assert names(api("GET", at("v1", "endpoints"), labelSelector=label)) == ["testservice"]
    made["metadata"]["labels"]["test-service"] = "updated"
    api("PUT", home + "/testservice", made)
    saw(api, home, since, label, [lambda event: event["object"]["metadata"]["labels"].get("test-service") == "updated"])
    api("PATCH", home + "/testservice", {"metadata": {"labels": {"test-service": "patched"}}, "subsets": [
        {"addresses": [{"ip": "10.0.0.25"}], "ports": [{"name": "http-test", "port": 8080}]}]}, type=STRATEGIC)
    got = api("GET", home + "/testservice")
    assert got["metadata"]["labels"]["test-service"] == "patched" and len(got["subsets"]) == 1, got
    assert got["subsets"][0] == {"addresses": [{"ip": "10.0.0.25"}], "ports": [{"name": "http-test", "port": 8080, "protocol": "TCP"}]}, got
    api("DELETE", home, labelSelector=label)
    saw(api, home, since, label, [lambda event: event["type"] == "DELETED"])
    assert gone(api, home + "/testservice")


# ---- what stays as it is ----

@check("ConfigMap, Secrets should be immutable if immutable field is set")
def immutable(api, ns):
    for kind, values in (("configmaps", ("one", "two", "three")), ("secrets", ("b25l", "dHdv", "dGhyZWU="))):
        path = at("v1", kind, ns, "immutable")
        one = api("POST", at("v1", kind, ns), dict(meta("immutable"), data={"data-1": values[0]}))
        one["data"]["data-4"] = values[1]
        one = api("PUT", path, one)
        one["immutable"] = True
        one = api("PUT", path, one)
        changed = copy.deepcopy(one)
        changed["data"]["data-5"] = values[2]
        assert api("PUT", path, changed, code=422)["reason"] == "Invalid"
        assert api("PUT", path, dict(one, immutable=False), code=422)["reason"] == "Invalid"
        one = api("GET", path)
        one["metadata"]["labels"] = {"label1": "value1"}
        api("PUT", path, one)
        api("DELETE", path)


@check("should fail to create ConfigMap with empty key; should fail to create secret due to empty secret key")
def empty_key(api, ns):
    assert api("POST", at("v1", "configmaps", ns), dict(meta("e"), data={"": "value-1"}), code=422)["reason"] == "Invalid"
    assert api("POST", at("v1", "secrets", ns), dict(meta("e"), data={"": "dmFsdWUtMQo="}), code=422)["reason"] == "Invalid"


@check("Sysctls should reject invalid sysctls")
def sysctls(api, ns):
    values = {"foo-": "bar", "kernel.shmmax": "100000000", "safe-and-unsafe": "100000000", "bar..": "42"}
    got = api("POST", at("v1", "pods", ns), dict(meta("sysctl"), spec={
        "containers": [{"name": "c", "image": "busybox"}], "securityContext": {"sysctls": [dict(name=name, value=value) for name, value in values.items()]}}), code=422)
    assert 'Invalid value: "foo-"' in got["message"] and 'Invalid value: "bar.."' in got["message"], got
    assert "safe-and-unsafe" not in got["message"] and "kernel.shmmax" not in got["message"], got


@check("RuntimeClass should reject a Pod requesting a non-existent or deleted RuntimeClass")
def no_class(api, ns):
    body = dict(meta("rc"), spec={"runtimeClassName": ns + "-nonexistent", "containers": [{"name": "c", "image": "busybox"}]})
    assert api("POST", at("v1", "pods", ns), body, code=403, dryRun="All")["reason"] == "Forbidden"
    api("POST", at("node.k8s.io/v1", "runtimeclasses"), dict(meta(ns + "-delete-me"), handler="runc"))
    api("DELETE", at("node.k8s.io/v1", "runtimeclasses", None, ns + "-delete-me"))
    body["spec"]["runtimeClassName"] = ns + "-delete-me"
    assert api("POST", at("v1", "pods", ns), body, code=403, dryRun="All")["reason"] == "Forbidden"


@check("PodTemplates should replace a pod template")
def podtemplate(api, ns):
    home = at("v1", "podtemplates", ns)
    api("POST", home, dict(meta("pt", labels={"podtemplate-set": "true"}), template={"spec": {"containers": [{"name": "c", "image": "busybox"}]}}))
    got = rewrite(api, home + "/pt", lambda one: one["metadata"].update(annotations={"updated": "true"}))
    assert got["metadata"]["annotations"] == {"updated": "true"}, got


main()
