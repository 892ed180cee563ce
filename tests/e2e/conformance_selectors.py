#!/usr/bin/env python3
"""conformance_selectors.py KUBECONFIG [WORD]: field and label selectors, in lists and in watches: each field that a kind can be selected by, and each
kind by what all kinds have. A row of FIELDS is a kind, what its object says, what its status is made to say, the field, its value then."""
import subprocess

from conformance_kinds import *

BASES.update({
    "Namespace": ("/api/v1/namespaces", {}),
    "CSR": ("/apis/certificates.k8s.io/v1/certificatesigningrequests", {"spec": {"signerName": "example.com/s", "usages": ["client auth"]}}),
})
ABOUT = {"kind": "Pod", "name": "n", "uid": "u", "apiVersion": "v1", "resourceVersion": "7", "fieldPath": "spec.containers{c}"}
OLD = {"involvedObject": ABOUT, "source": {"component": "old"}, "reportingComponent": "x.y/z"}
NEW = {"regarding": ABOUT}
GATED, AWAY = S(schedulingGates=[{"name": "a.b/c"}]), S(managedBy="a.b/c")  # nobody else writes their status
SIGNER = "example.com/only-here"

FIELDS = [
    ("Pod", {}, {}, "spec.nodeName", ""), ("Pod", S(nodeName="n"), {}, "spec.nodeName", "n"), ("Pod", S(nodeName="n"), {}, "spec.host", "n"),
    ("Pod", {}, {}, "spec.restartPolicy", "Always"), ("Pod", S(restartPolicy="Never"), {}, "spec.restartPolicy", "Never"),
    ("Pod", {}, {}, "spec.schedulerName", "default-scheduler"), ("Pod", S(schedulerName="s"), {}, "spec.schedulerName", "s"),
    ("Pod", {}, {}, "spec.serviceAccountName", "default"), ("Pod", {}, {}, "spec.hostNetwork", "false"), ("Pod", S(hostNetwork=True), {}, "spec.hostNetwork", "true"),
    ("Pod", {}, {}, "status.phase", "Pending"), ("Pod", GATED, {"phase": "Running"}, "status.phase", "Running"), ("Pod", {}, {}, "status.podIP", ""),
    ("Pod", GATED, {"podIP": "10.7.7.7", "podIPs": [{"ip": "10.7.7.7"}]}, "status.podIP", "10.7.7.7"), ("Pod", GATED, {"podIPs": [{"ip": "10.7.7.7"}]}, "status.podIPs", ""),
    ("Pod", {}, {}, "status.nominatedNodeName", ""), ("Pod", GATED, {"nominatedNodeName": "n"}, "status.nominatedNodeName", "n"),
    ("Node", {}, {}, "spec.unschedulable", "false"), ("Node", S(unschedulable=True), {}, "spec.unschedulable", "true"),
    ("Namespace", {}, {}, "status.phase", "Active"), ("Secret", {"type": "a.b/c"}, {}, "type", "a.b/c"),
    ("Controller", {}, {}, "status.replicas", "0"), ("Job", {}, {}, "status.successful", "0"), ("Job", AWAY, {"succeeded": 1}, "status.successful", "1"), ("CSR", S(signerName=SIGNER), {}, "spec.signerName", SIGNER),
    ("Service", S(clusterIP="None"), {}, "spec.clusterIP", "None"), ("Service", {}, {}, "spec.type", "ClusterIP"), ("NodePort", {}, {}, "spec.type", "NodePort"),
] + [("Event", OLD, {}, f"involvedObject.{member}", value) for member, value in ABOUT.items()] + [
    ("Event", OLD, {}, "involvedObject.namespace", "%s"), ("Event", OLD, {}, "reason", "R"), ("Event", OLD, {}, "reportingComponent", "x.y/z"), ("Event", OLD, {}, "type", "Normal"),
    ("Event", OLD, {}, "source", "old"), ("Event", {}, {}, "source", ""), ("Event", dict(OLD, source={}), {}, "source", "x.y/z"),
] + [("NewEvent", NEW, {}, f"regarding.{member}", value) for member, value in ABOUT.items()] + [
    ("NewEvent", NEW, {}, "regarding.namespace", "%s"), ("NewEvent", NEW, {}, "reason", "R"), ("NewEvent", NEW, {}, "reportingController", "x.y/z"), ("NewEvent", NEW, {}, "type", "Normal"),
]
CHANGES = [  # kind, what its object says, endpoint, what is changed there, the field, what it says first and then
    ("Pod", GATED, "/status", {"status": {"phase": "Running"}}, "status.phase", "Pending", "Running"),
    ("Node", {}, "", S(unschedulable=True), "spec.unschedulable", "false", "true"),
    ("Job", AWAY, "/status", {"status": {"succeeded": 1}}, "status.successful", "0", "1"), ("Controller", {}, "", S(replicas=1), "status.replicas", "0", "1"),
]
AGAIN = {"Fixed", "FixedSecret", "NodePort", "Balancer"}  # more objects of a kind


def listed(api, path, name, **selectors):
    return name in names(api("GET", path, **selectors))


def watched(api, path, since, **selectors):
    """The name of what the watch shows first."""
    event = take(api.watch(path, resourceVersion=since, **selectors), 1)
    return event[0]["object"]["metadata"]["name"] if event else None


def select(api, path, name, since, field, value):
    """What is wrong with how lists and a watch answer to `field` having `value`."""
    there, mine = f"{field}={value}", f"metadata.name={name},"
    asked = {there: True, there + "-not": False, f"{field}!={value}": False, f"{mine}{field}!=another": True}
    wrong = [f"list {text}" for text, wanted in asked.items() if listed(api, path, name, fieldSelector=text) != wanted]
    return wrong if watched(api, path, since, fieldSelector=mine + there) == name else wrong + [f"watch {there}"]


def create(api, kind, ns, name, change, status):
    path, body = made(kind, ns, name)
    body = merged(body, change)
    answer = send(api, "POST", path, body)
    assert answer.status_code == 201, f"{kind} {change}: {answer.text[:300]}"
    if status:
        api("PATCH", f"{path}/{body['metadata']['name']}/status", {"status": status}, type=MERGE)
    return path, body["metadata"]["name"], str(int(answer.json()["metadata"]["resourceVersion"]) - 1)


def forget(api, path, name):
    send(api, "DELETE", f"{path}/{name}", None, gracePeriodSeconds=0, propagationPolicy="Background")


def ask_for_certificate():
    asked = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=x"],
                                  check=True, capture_output=True).stdout
    BASES["CSR"][1]["spec"]["request"] = base64.b64encode(asked).decode()


@check("each field that a kind can be selected by")
def fields(api, ns):
    ask_for_certificate()
    wrong = []
    for number, (kind, change, status, field, value) in enumerate(FIELDS):
        path, name, since = create(api, kind, ns, f"f{number}-{ns}", change, status)
        value = value.replace("%s", ns)
        wrong += [f"{kind} {field}: {why}" for why in select(api, path, name, since, field, value)]
        forget(api, path, name)
    assert not wrong, "\n".join(wrong)


@check("what a change takes out of a selection is deleted for its watchers")
def changes(api, ns):
    for kind, begin, sub, change, field, before, after in CHANGES:
        path, name, since = create(api, kind, ns, f"c-{ns}", begin, {})
        api("PATCH", f"{path}/{name}{sub}", change, type=MERGE)
        mine = f"metadata.name={name},{field}="
        events = api.watch(path, resourceVersion=since, fieldSelector=mine + before)
        assert any(event["type"] == "DELETED" for event in events), kind
        events.close()
        first = take(api.watch(path, resourceVersion=since, fieldSelector=mine + after), 1)
        assert [event["type"] for event in first] == ["ADDED"], (kind, first)
        forget(api, path, name)


@check("each kind by its name, its namespace and its labels, and by no other field")
def kinds(api, ns):
    ask_for_certificate()
    wrong = []
    for kind in BASES:
        if kind in AGAIN:
            continue
        path, name, since = create(api, kind, ns, f"k-{ns}", {"metadata": {"labels": {"l": ns, "m": "1"}}}, {})
        mine = f"metadata.name={name}" + (f",metadata.namespace={ns}" if "/namespaces/" in path else "")
        for selectors in ({"labelSelector": "l=" + ns}, {"fieldSelector": mine}):
            if not listed(api, path, name, **selectors) or watched(api, path, since, **selectors) != name:
                wrong.append(f"{kind}: {selectors}")
        refused = send(api, "GET", path, None, fieldSelector="no.such=x")
        if refused.status_code != 400 or refused.json()["reason"] != "BadRequest":
            wrong.append(f"{kind}: no.such {refused.text[:200]}")
        forget(api, path, name)
    assert not wrong, "\n".join(wrong)


@check("label selectors: their operators")
def operators(api, ns):
    path, name, since = create(api, "ConfigMap", ns, "labelled", {"metadata": {"labels": {"l": "x", "m": "1"}}}, {})
    for text, wanted in {"l=x": True, "l==x": True, "l in (x,z)": True, "l": True, "!none": True, "l!=z": True, "none!=z": True, "none notin (z)": True,
                         "l=x,m notin (2)": True, "l=z": False, "!l": False, "l notin (x)": False, "l=x,m=2": False, "none": False, "m>0": True, "m<1": False}.items():
        assert listed(api, path, name, labelSelector=text) == wanted, text
        assert not wanted or watched(api, path, since, labelSelector=text) == name, text


main()
