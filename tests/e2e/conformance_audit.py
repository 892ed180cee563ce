#!/usr/bin/env python3
"""conformance_audit.py KUBECONFIG [WORD]: what requests leave in the audit log, whose path is in WARREN_AUDIT_LOG.

The server's policy is POLICY: `conformance_audit.py --policy` prints it.
"""
import os

POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- {level: None, resources: [{group: "", resources: [events]}, {group: coordination.k8s.io}], omitStages: [RequestReceived]}
- {level: Metadata, resources: [{group: "", resources: [secrets]}]}
- {level: RequestResponse, resources: [{group: "", resources: [podtemplates]}], omitStages: [RequestReceived]}
- {level: Request, resources: [{group: "", resources: [limitranges]}], omitStages: [RequestReceived]}
- {level: None, userGroups: ["system:nodes"]}
- {level: Metadata, omitStages: [RequestReceived]}
"""
import sys

if sys.argv[1:] == ["--policy"]:
    print(POLICY)
    sys.exit()

from conformance_kit import *


def events(audit_id, count):
    """The events of one request, once there are `count`."""
    def look():
        with open(os.environ["WARREN_AUDIT_LOG"]) as lines:
            found = [json.loads(line) for line in lines if audit_id in line and line.endswith("\n")]
        return [one for one in found if one["auditID"] == audit_id] if len(found) >= count else None
    got = until(f"{count} events of {audit_id}", look)
    assert len(got) == count, got
    for one in got:
        assert (one["kind"], one["apiVersion"]) == ("Event", "audit.k8s.io/v1"), one
        assert one["requestReceivedTimestamp"] <= one["stageTimestamp"], one
    return got


def say(api, method, path, body=None, code=None, headers={}, type="application/json", **params):
    """The answer and its audit id."""
    answer = api.session.request(method, api.base + path, params=params, timeout=30, headers=dict(headers, **{"Content-Type": type}),
                                 data=None if body is None else json.dumps(body))
    assert answer.status_code == (code or (201 if method == "POST" else 200)), (answer.status_code, answer.text)
    return answer, answer.headers["Audit-Id"]


@check("audit: who asked for what, and what came of it")
def metadata(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    answer, id = say(api, "POST", path, meta("a"), headers={"User-Agent": "me", "X-Forwarded-For": "10.1.2.3, nonsense"})
    event, = events(id, 1)
    assert event["stage"] == "ResponseComplete" and event["level"] == "Metadata" and event["verb"] == "create", event
    assert event["requestURI"].endswith(path) and event["userAgent"] == "me", event
    assert event["sourceIPs"][0] == "10.1.2.3" and len(event["sourceIPs"]) == 2, event
    assert event["user"]["username"] == "kubernetes-admin" and "system:masters" in event["user"]["groups"], event
    assert event["objectRef"] == {"resource": "configmaps", "namespace": ns, "apiVersion": "v1", "name": "a"}, event
    assert event["responseStatus"] == {"metadata": {}, "code": 201}, event
    assert event["annotations"]["authorization.k8s.io/decision"] == "allow", event
    cluster = event["annotations"]["tenancy.warren.dev/cluster"]
    assert cluster == (api.base.split("/clusters/")[1] if "/clusters/" in api.base else "host"), event
    assert not {"requestObject", "responseObject", "impersonatedUser"} & set(event), event
    _, id = say(api, "GET", path + "/none", code=404, headers={"Audit-Id": f"mine-{ns}"})
    event, = events(f"mine-{ns}", 1)
    assert id == event["auditID"] and event["responseStatus"]["reason"] == "NotFound" and event["responseStatus"]["code"] == 404, event


@check("audit: objects only where the policy asks for them, and never of secrets")
def levels(api, ns):
    path = f"/api/v1/namespaces/{ns}/podtemplates"
    given = dict(meta("t", labels={"a": "b"}), template=template("t"))
    answer, id = say(api, "POST", path, given)
    event, = events(id, 1)
    shown = answer.json()
    del shown["metadata"]["managedFields"]
    assert (event["level"], event["requestObject"], event["responseObject"]) == ("RequestResponse", given, shown), event
    _, id = say(api, "PATCH", path + "/t", {"metadata": {"labels": {"a": "c"}}}, type=MERGE)
    assert events(id, 1)[0]["requestObject"] == {"metadata": {"labels": {"a": "c"}}}
    _, id = say(api, "GET", path)
    listed = events(id, 1)[0]["responseObject"]
    assert listed["kind"] == "PodTemplateList" and "managedFields" not in str(listed), listed
    _, id = say(api, "DELETE", path + "/t", {"propagationPolicy": "Background"})
    event, = events(id, 1)
    assert event["requestObject"]["propagationPolicy"] == "Background" and event["responseStatus"]["code"] == 200, event
    _, id = say(api, "POST", f"/api/v1/namespaces/{ns}/limitranges", dict(meta("l"), spec={"limits": [{"type": "Pod"}]}))
    event, = events(id, 1)
    assert event["requestObject"]["spec"] == {"limits": [{"type": "Pod"}]} and "responseObject" not in event, event
    path = f"/api/v1/namespaces/{ns}/secrets"
    _, id = say(api, "POST", path, dict(meta("s"), stringData={"password": "geheim"}))
    received, complete = events(id, 2)
    assert [received["stage"], complete["stage"]] == ["RequestReceived", "ResponseComplete"], (received, complete)
    assert received["stageTimestamp"] == received["requestReceivedTimestamp"] and "responseStatus" not in received, received
    assert "geheim" not in json.dumps(complete) and complete["level"] == "Metadata", complete
    _, id = say(api, "GET", f"/api/v1/namespaces/{ns}/events")
    _, later = say(api, "GET", f"/api/v1/namespaces/{ns}/configmaps")
    events(later, 1)
    with open(os.environ["WARREN_AUDIT_LOG"]) as lines:
        assert id not in lines.read()


@check("audit: impersonation, denials and nobody")
def identities(api, ns):
    path = f"/api/v1/namespaces/{ns}/pods"
    _, id = say(api, "GET", path, code=403, headers={"Impersonate-User": "jane"})
    event, = events(id, 1)
    assert event["user"]["username"] == "kubernetes-admin" and event["impersonatedUser"]["username"] == "jane", event
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid" and event["responseStatus"]["reason"] == "Forbidden", event
    role = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]}
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/"
    api("POST", rbac + "roles", dict(meta("r"), **role))
    api("POST", rbac + "rolebindings", dict(meta("b"), roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
                                            subjects=[{"kind": "User", "name": "jane"}]))
    _, id = say(api, "GET", path, headers={"Impersonate-User": "jane"})
    event, = events(id, 1)
    assert event["annotations"]["authorization.k8s.io/reason"] == f'RBAC: allowed by RoleBinding "b/{ns}" of Role "r" to User "jane"', event
    answer = requests.get(api.base + path, headers={"Authorization": "Bearer x"}, verify=api.session.verify, timeout=30)
    assert answer.status_code == 401, answer.text
    event, = events(answer.headers["Audit-Id"], 1)
    assert event["user"] == {} and event["responseStatus"]["code"] == 401, event


@check("audit: what runs long has a beginning and an end")
def streams(api, ns):
    answer, id = say(api, "GET", f"/api/v1/namespaces/{ns}/configmaps", watch="true", timeoutSeconds="1")
    started, complete = events(id, 2)
    assert [started["stage"], complete["stage"]] == ["ResponseStarted", "ResponseComplete"], (started, complete)
    assert started["verb"] == "watch" and started["responseStatus"]["code"] == 200, started


@check("audit: annotations of Pod Security, policies and deprecated kinds")
def annotations(api, ns):
    labels = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/audit": "restricted"}
    api("PATCH", f"/api/v1/namespaces/{ns}", meta(ns, labels=labels), type=MERGE)
    _, id = say(api, "POST", f"/api/v1/namespaces/{ns}/pods", pod("p"))
    notes = events(id, 1)[0]["annotations"]
    assert notes["pod-security.kubernetes.io/enforce-policy"] == "baseline:latest", notes
    assert notes["pod-security.kubernetes.io/audit-violations"].startswith('would violate PodSecurity "restricted:latest": '), notes
    _, id = say(api, "GET", "/api/v1/componentstatuses")
    assert events(id, 1)[0]["annotations"]["k8s.io/deprecated"] == "true"
    base, name = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic", f"audit-{ns}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    api("POST", base + "ies", dict(meta(name), spec={
        "matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "object.metadata.name != 'bad'", "message": "it is bad"}],
        "auditAnnotations": [{"key": "named", "valueExpression": "'is ' + object.metadata.name"}]}))
    api("POST", base + "ybindings", dict(meta(name), spec={
        "policyName": name, "validationActions": ["Audit"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns}}}}))
    try:
        until("the policy is in force", lambda: "named" in str(
            events(say(api, "POST", f"/api/v1/namespaces/{ns}/configmaps", {"metadata": {"generateName": "try-"}})[1], 1)))
        _, id = say(api, "POST", f"/api/v1/namespaces/{ns}/configmaps", meta("bad"))
        notes = events(id, 1)[0]["annotations"]
        assert notes[name + "/named"] == "is bad", notes
        failure, = json.loads(notes["validation.policy.admission.k8s.io/validation_failure"])
        assert failure == {"message": "it is bad", "policy": name, "binding": name, "expressionIndex": 0, "validationActions": ["Audit"]}, failure
    finally:
        api("DELETE", base + f"ybindings/{name}"), api("DELETE", base + f"ies/{name}")


@check("audit: what the API's own components write")
def components(api, ns):
    api("POST", f"/apis/apps/v1/namespaces/{ns}/replicasets", dict(meta("rs"), spec={
        "replicas": 1, "selector": {"matchLabels": {"app": "rs"}}, "template": template("rs")}))

    def made():
        with open(os.environ["WARREN_AUDIT_LOG"]) as lines:
            return [one for one in (json.loads(line) for line in lines if f"/namespaces/{ns}/pods" in line and line.endswith("\n"))
                    if one["verb"] == "create" and one["user"]["username"] == "system:serviceaccount:kube-system:replicaset-controller"]
    event = until("the controller's event", made)[0]
    assert event["requestURI"] == f"/api/v1/namespaces/{ns}/pods" and event["responseStatus"]["code"] == 201, event


main()
