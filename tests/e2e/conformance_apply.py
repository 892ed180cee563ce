#!/usr/bin/env python3
"""conformance_apply.py KUBECONFIG [WORD]: what upstream's integration tests ask of field validation, patches and server-side apply, of built-in
and of custom resources. No Pod has to run."""
import concurrent.futures

from conformance_kit import *

LEVELS = ("Strict", "Warn", "Ignore", "")
YAML, JSON = "application/yaml", "application/json"


def ask(api, method, path, body, type=JSON, level="", **params):
    """The answer, and the texts of its warnings."""
    if level:
        params["fieldValidation"] = level
    answer = api.session.request(method, api.base + path, params=params, timeout=30, data=body if isinstance(body, str) else json.dumps(body),
                                 headers={"Content-Type": type, "Accept": JSON})
    texts = [one[len('299 - "'):-1].replace('\\"', '"') for one in answer.raw.headers.getlist("Warning")]
    return answer, texts


def unknown(*fields):
    return [f'unknown field "{field}"' for field in fields]


def duplicate(*fields):
    return [f'duplicate field "{field}"' for field in fields]


def lines(**numbers):
    return [f'line {number}: key "{key}" already set in map' for key, number in numbers.items()]


def strict(texts, before="strict decoding error: "):
    """The error that holds all of what would be warnings."""
    yaml_lines = [text for text in texts if text.startswith("line ")]
    parts = ["\n  ".join(["yaml: unmarshal errors:"] + yaml_lines)] if yaml_lines else []
    return before + ", ".join(parts + texts[len(yaml_lines):])


def judge(wrong, name, asked, level, texts, error=None):
    """Strictness refuses, warnings tell, and nobody hears of it otherwise."""
    answer, got = asked
    message = answer.json().get("message", "")
    if level == "Strict":
        fine = answer.status_code in (400, 422) and message.endswith(error or strict(texts)) and not got
    else:
        fine = answer.status_code in (200, 201) and got == ([] if level == "Ignore" else texts)
    if not fine:
        wrong.append(f"{name} {level}: {answer.status_code} {message[-600:]} {got}, wanted {texts}")


# ---- field validation ----

C0 = "spec.template.spec.containers[0]."
CONTAINER = '{"name": "c", "image": "i", %s"imagePullPolicy": "Always", "imagePullPolicy": "Never"}'
DEPLOYMENT = """{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "other", "name": "%s", "labels": {"a": "b"}, "metaOdd": "x"},
 "spec": {"odd": 1, "oddTwice": 1, "oddTwice": 2, "paused": true, "paused": false, "selector": {"matchLabels": {"a": "b"}},
 "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [""" + CONTAINER % '"deep": 1, ' + "]}}}}"
DEPLOYMENT_YAML = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: other
  name: %s
  metaOdd: x
spec:
  odd: 1
  oddTwice: 1
  oddTwice: 2
  paused: true
  paused: false
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - name: c
        image: i
        deep: 1
        imagePullPolicy: Always
        imagePullPolicy: Never
"""
BY_TEXT = (duplicate("metadata.name") + unknown("metadata.metaOdd", "spec.odd", "spec.oddTwice") + duplicate("spec.paused") +
           unknown(C0 + "deep") + duplicate(C0 + "imagePullPolicy"))
BY_LINE = lines(name=5, oddTwice=10, paused=12, imagePullPolicy=22) + unknown("metadata.metaOdd", "spec.odd", "spec.oddTwice", C0 + "deep")
MERGED = '{"spec": {"odd": 1, "oddTwice": 1, "oddTwice": 2, "paused": true, "paused": false, "template": {"spec": {"containers": [%s]}}}}' % (
    CONTAINER % '"deep": 1, ')
MERGED_KNOWN = '{"spec": {"paused": true, "paused": false, "template": {"spec": {"containers": [%s]}}}}' % CONTAINER % ""
OPERATIONS = """[{"op": "add", "path": "/spec/odd", "value": 1, "foo": "bar"}, {"op": "add", "path": "/spec/gone", "path": "/spec/odd3", "value": {"a": 1, "a": 2}},
 {"op": "add", "path": "/spec/paused", "value": true}, {"op": "add", "path": "/spec/paused", "value": false},
 {"op": "add", "path": "/spec/template/spec/containers/0/deep", "value": 1}]"""
OP_TEXTS = ['json patch unknown field "[0].foo"', 'json patch duplicate field "[1].path"', 'json patch duplicate field "[1].value.a"']
PATCHES = [
    ("merge patch", MERGED, MERGE, duplicate("spec.oddTwice", "spec.paused", C0 + "imagePullPolicy") + unknown("spec.odd", "spec.oddTwice", C0 + "deep")),
    ("merge patch of known fields", MERGED_KNOWN, MERGE, duplicate("spec.paused", C0 + "imagePullPolicy")),
    ("JSON patch", OPERATIONS, JSON_PATCH, OP_TEXTS + unknown("spec.odd", "spec.odd3", C0 + "deep")),
    ("strategic merge patch", MERGED, STRATEGIC,
     duplicate("spec.oddTwice", "spec.paused", C0 + "imagePullPolicy") + unknown("spec.odd", "spec.oddTwice", C0 + "deep")),
    ("strategic merge patch of known fields", MERGED_KNOWN, STRATEGIC, duplicate("spec.paused", C0 + "imagePullPolicy")),
]
APPLIED = """{"apiVersion": "%s", "kind": "%s", "metadata": {"name": "%s"},
 "spec": {"%s": %s,
  "%s": %s%s}}"""
NO_YAML = "error strict decoding YAML: error converting YAML to JSON: "


def deployment(name):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template("x") | {"metadata": {"labels": {"a": "b"}}}}}


@check("field validation of built-in objects: create, update, each patch, apply, in JSON and YAML")
def built_in_fields(api, ns):
    path, wrong = f"/apis/apps/v1/namespaces/{ns}/deployments", []
    rest = f', "selector": {{"matchLabels": {{"a": "b"}}}}, "template": {json.dumps(deployment("x")["spec"]["template"])}'
    for level in LEVELS:
        name = (level or "none").lower()
        api("POST", path, deployment(name))
        for kind, body, type, texts in (("JSON", DEPLOYMENT, JSON, BY_TEXT), ("YAML", DEPLOYMENT_YAML, YAML, BY_LINE)):
            judge(wrong, kind + " create", ask(api, "POST", path, body % f"{name}-{kind.lower()}", type, level, dryRun="All"), level, texts)
            judge(wrong, kind + " update", ask(api, "PUT", f"{path}/{name}", body % name, type, level, dryRun="All"), level, texts)
        for kind, body, type, texts in PATCHES:
            judge(wrong, kind, ask(api, "PATCH", f"{path}/{name}", body, type, level, dryRun="All"), level, texts)
        for target in (name, "new"):
            body = APPLIED % ("apps/v1", "Deployment", target, "paused", "false", "paused", "true", rest)
            judge(wrong, "apply to " + target, ask(api, "PATCH", f"{path}/{target}", body, APPLY, level, fieldManager="m", dryRun="All"), level,
                  lines(paused=3), NO_YAML + strict(lines(paused=3), ""))
    assert not wrong, "\n".join(wrong)


CUSTOM = """{"apiVersion": "%(version)s", "kind": "%(kind)s", "metadata": {"name": "other", "name": "%(name)s", "metaOdd": "x", "resourceVersion": "%(revision)s"},
 "spec": {"odd": 1, "oddTwice": 1, "oddTwice": 2, "known": "a", "known": "b",
  "ports": [{"containerPort": 80, "protocol": "TCP", "name": "a", "name": "b", "deep": 1}],
  "embedded": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "d", "metaOdd": "x"}}}}"""
CUSTOM_YAML = """apiVersion: %(version)s
kind: %(kind)s
metadata:
  name: other
  name: %(name)s
  metaOdd: x
  resourceVersion: "%(revision)s"
spec:
  odd: 1
  oddTwice: 1
  oddTwice: 2
  known: a
  known: b
  ports:
  - containerPort: 80
    protocol: TCP
    name: a
    name: b
    deep: 1
  embedded:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: c, namespace: d, metaOdd: x}
"""
CUSTOM_MERGED = """{"spec": {"odd": 1, "oddTwice": 1, "oddTwice": 2, "known": "a", "known": "b",
 "ports": [{"containerPort": 80, "protocol": "TCP", "name": "a", "name": "b", "deep": 1}]}}"""
CUSTOM_OPERATIONS = """[{"op": "add", "path": "/spec/odd", "value": 1, "foo": "bar"}, {"op": "add", "path": "/spec/gone", "path": "/spec/oddTwice", "value": 1},
 {"op": "add", "path": "/spec/ports/0/deep", "value": 1}]"""


def custom_schema(**spec):
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"metadata": {"type": "object"}}}
    return {"type": "object", "properties": {"spec": dict(
        type="object", properties={"known": {"type": "string"}, "ports": PORTS, "embedded": embedded}, **spec)}}


@check("field validation of custom resources, with and without a schema for all of them")
def custom_fields(api, ns):
    wrong = []
    for open_ended, spec in (("", {}), ("open ", {"x-kubernetes-preserve-unknown-fields": True})):
        body = crd({"v1": custom_schema(**spec)})
        define(api, body)
        path, kind, version = resources(body), body["spec"]["names"]["kind"], body["spec"]["group"] + "/v1"
        inside, odd = unknown("spec.ports[0].deep"), unknown("spec.odd", "spec.oddTwice")
        odd = sorted(inside + ([] if open_ended else odd))
        texts = unknown("metadata.metaOdd") + odd + unknown("spec.embedded.metadata.metaOdd")
        twice = duplicate("spec.oddTwice", "spec.known", "spec.ports[0].name")
        for level in LEVELS:
            name = (level or "none").lower()
            made = api("POST", path, dict(meta(name), apiVersion=version, kind=kind, spec={"ports": [{"containerPort": 80, "protocol": "TCP"}]}))
            fill = {"version": version, "kind": kind, "name": name, "revision": made["metadata"]["resourceVersion"]}
            for media, text, type, first in (("JSON", CUSTOM, JSON, duplicate("metadata.name") + twice),
                                             ("YAML", CUSTOM_YAML, YAML, lines(name=5, oddTwice=11, known=13) + lines(name=18))):
                judge(wrong, open_ended + media + " create", ask(api, "POST", path, text % dict(fill, name="new", revision=""), type, level, dryRun="All"),
                      level, first + texts)
                judge(wrong, open_ended + media + " update", ask(api, "PUT", f"{path}/{name}", text % fill, type, level, dryRun="All"), level, first + texts)
            for what, text, type, first in (("merge patch", CUSTOM_MERGED, MERGE, twice), ("JSON patch", CUSTOM_OPERATIONS, JSON_PATCH, OP_TEXTS[:2])):
                judge(wrong, open_ended + what, ask(api, "PATCH", f"{path}/{name}", text, type, level, dryRun="All"), level, first + odd)
            for target in (name, "new"):
                judge(wrong, open_ended + "apply to " + target,
                      ask(api, "PATCH", f"{path}/{target}", APPLIED % (version, kind, target, "known", '"a"', "known", '"b"', ""), APPLY, level,
                          fieldManager="m", dryRun="All"), level, lines(known=3), NO_YAML + strict(lines(known=3), ""))
        undefine(api, body)
    assert not wrong, "\n".join(wrong)


EMBEDDED = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
KIND = "may have mixed case, but should otherwise match: a DNS-1035 label must consist of"
EMBEDDINGS = [  # what is embedded, the code, what is blamed and why
    ({"kind": "Foo", "apiVersion": "foo/v1", "metadata": {"name": "foo", "odd": 1}}, 201, "", ""),
    ({"kind": "Foo"}, 422, "x.apiVersion", "Required value: must not be empty"),
    ({"kind": "%", "apiVersion": "v1"}, 422, "x.kind", 'Invalid value: "%": ' + KIND),
    ({"kind": "Foo", "apiVersion": "a/b/c"}, 422, "x.apiVersion", 'Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'),
    ({"kind": "Foo", "apiVersion": "v1", "metadata": {"name": ".."}}, 422, "x.metadata.name", "Invalid value: \"..\": may not be '..'"),
    ({"kind": "Foo", "apiVersion": "v1", "metadata": {"labels": {"a": "b c"}}}, 422, "x.metadata.labels", 'Invalid value: "b c"'),
    ({"kind": 1, "apiVersion": "v1"}, 400, "x.kind", "Invalid value: 1: must be a string"),
    ({"kind": "Foo", "apiVersion": "v1", "metadata": {"namespace": 42}}, 400, "x.metadata",
     'Invalid value: map[string]interface {}{"namespace":42}: json: cannot unmarshal number into Go struct field ObjectMeta.namespace of type string'),
]


@check("embedded resources have a kind, a version and metadata")
def embedded(api, ns):
    body, wrong = crd({"v1": {"type": "object", "properties": {"x": dict(EMBEDDED, properties={"y": EMBEDDED})}}}), []
    define(api, body)
    head = {"apiVersion": body["spec"]["group"] + "/v1", "kind": body["spec"]["names"]["kind"]}
    for inner, code, field, why in EMBEDDINGS:
        for at, value in (("x", inner), ("x.y", {"kind": "Foo", "apiVersion": "v1", "y": inner})):
            answer, _ = ask(api, "POST", resources(body), dict(meta("e"), x=value, **head), dryRun="All")
            got = answer.json()
            if answer.status_code != code or (field and f"{at}{field[1:]}: {why}" not in got["message"]) or "odd" in str(got.get("x")):
                wrong.append(f"{value}: {answer.text}, wanted {at}{field[1:]}: {why}")
    undefine(api, body)
    assert not wrong, "\n".join(wrong)


# ---- patches of what an object is ----

NO_KIND = 'no kind "%s" is registered for version "%s" in scheme "pkg/api/legacyscheme/scheme.go:30"'


@check("a patch can change neither kind nor version")
def patched_kind(api, ns):
    path, wrong = f"/api/v1/namespaces/{ns}/configmaps", []
    api("POST", path, meta("c"))
    body = crd({"v1": ANY, "v2": ANY})
    define(api, body)
    custom, kind, group = resources(body), body["spec"]["names"]["kind"], body["spec"]["group"]
    api("POST", custom, dict(meta("c"), apiVersion=group + "/v1", kind=kind))
    for name, at, change, text in (
            ("unknown kind", path, {"kind": "Foo"}, NO_KIND % ("Foo", "v1")),
            ("unknown version", path, {"apiVersion": "v2"}, NO_KIND % ("ConfigMap", "v2")),
            ("other kind", path, {"kind": "Secret"}, "converting (v1.Secret) to (core.ConfigMap): unknown conversion"),
            ("same", path, {"kind": "ConfigMap", "apiVersion": "v1"}, None),
            ("none", path, {"kind": None}, None),
            ("custom kind", custom, {"kind": "Bar"}, f'Bar.{group} "c" is invalid: kind: Invalid value: "Bar": must be {kind}'),
            ("custom version", custom, {"apiVersion": group + "/v3"}, f"request to convert CR from an invalid group/version: {group}/v3"),
            ("custom group", custom, {"apiVersion": "v1"}, f'v1, Kind={kind} is unstructured and is not suitable for converting to "{group}/v1"'),
            ("custom, served version", custom, {"apiVersion": group + "/v2"}, None)):
        operations = [{"op": "add" if value else "remove", "path": "/" + key, "value": value} for key, value in change.items()]
        for type, patch in ((MERGE, change), (JSON_PATCH, operations)):
            answer, _ = ask(api, "PATCH", at + "/c", patch, type)
            message = answer.json().get("message", "")
            if answer.status_code != (422 if text else 200) or not message.endswith(text or ""):
                wrong.append(f"{name}: {answer.status_code} {message}")
    answer, _ = ask(api, "PATCH", path + "/c", {"kind": "Foo"}, STRATEGIC)
    assert answer.status_code == 200 and answer.json()["kind"] == "ConfigMap", answer.text
    undefine(api, body)
    assert not wrong, "\n".join(wrong)


# ---- whose fields are whose ----


def owners(got):
    """(manager, operation, subresource): fields"""
    return {(one["manager"], one["operation"], one.get("subresource", "")): one["fieldsV1"] for one in got["metadata"].get("managedFields", [])}


def apply(api, path, body, manager, code=200, **params):
    return api("PATCH", path, body, code, APPLY, fieldManager=manager, **params)


def config(name):
    return dict(meta(name, labels={"l": "v"}), apiVersion="v1", kind="ConfigMap", data={"k": "v"})


@check("managedFields that are emptied are kept no longer, until somebody applies")
def forgetting(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    for none in ([], [{}]):
        replaced = config("c")
        replaced["metadata"]["managedFields"] = none
        for type, body in ((MERGE, {"metadata": {"managedFields": none}}), (STRATEGIC, {"metadata": {"managedFields": [{}]}}),
                           (JSON_PATCH, [{"op": "replace", "path": "/metadata/managedFields", "value": none}]), (None, replaced)):
            apply(api, path + "/c", config("c"), "one", 201)
            got = api("PATCH", path + "/c", body, type=type) if type else api("PUT", path + "/c", body)
            assert not owners(got), (type, none, owners(got))
            got = api("PATCH", path + "/c", {"data": {"k": "w"}}, type=MERGE)
            assert not owners(got), owners(got)
            is_status(apply(api, path + "/c", config("c"), "one", 409), 409, "Conflict", 'conflict with "before-first-apply" using v1: .data.k')
            api("DELETE", path + "/c")


@check("managedFields that a client writes: renamed, without their subresource, with the object, malformed")
def written(api, ns):
    path = f"/api/v1/namespaces/{ns}/pods"
    name, head = path + "/p", {"apiVersion": "v1", "kind": "Pod"}
    apply(api, name, dict(pod("p", schedulingGates=[{"name": "x/y"}]), **head), "first", 201)
    apply(api, name, dict(head, metadata={"labels": {"a": "1"}}), "second")
    apply(api, name + "/status", dict(head, metadata={"labels": {"b": "2"}}), "second")
    assert list(owners(api("GET", name)))[-2:] == [("second", "Apply", ""), ("second", "Apply", "status")], owners(api("GET", name))
    got = rewrite(api, name, lambda one: [entry.pop("subresource", None) for entry in one["metadata"]["managedFields"]])
    assert owners(got)[("second", "Apply", "")] == {"f:metadata": {"f:labels": {"f:b": {}}}}, owners(got)
    got = rewrite(api, name, lambda one: [entry.update(manager="both") for entry in one["metadata"]["managedFields"] if entry["operation"] == "Apply"])
    assert [key for key in owners(got) if key[1] == "Apply"] == [("both", "Apply", "")], owners(got)
    path, body = f"/api/v1/namespaces/{ns}/configmaps", config("c")
    entry = {"manager": "early", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:other": {}}}}
    body["metadata"]["managedFields"] = [entry]
    assert owners(api("POST", path, body))[("early", "Apply", "")] == entry["fieldsV1"]
    body["metadata"].update(name="d", managedFields=[dict(entry, fieldsType="")])
    assert ("early", "Apply", "") not in owners(api("POST", path, body))


@check("what is applied again changes nothing, also where defaults come between")
def nothing_new(api, ns):
    path = f"/apis/apps/v1/namespaces/{ns}/statefulsets"
    claim = {"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}}
    body = dict(deployment("s"), kind="StatefulSet")
    body["spec"].update(serviceName="s", volumeClaimTemplates=[claim])
    made = apply(api, path + "/s", body, "m", 201)
    early = dict(next(one for one in made["metadata"]["managedFields"] if one["manager"] == "m"), time="2019-07-08T09:31:18Z")
    api("PATCH", path + "/s", {"metadata": {"annotations": {"a": "b"}, "managedFields": [early]}}, type=MERGE)
    made = apply(api, path + "/s", body, "m")
    assert early in made["metadata"]["managedFields"], made["metadata"]


@check("what admission and allocation fill in is nobody's, and neither is what an endpoint resets")
def nobodys(api, ns):
    def spec(path, body):
        return owners(api("POST", f"{path}", body, fieldManager="m"))[("m", "Update", "")]["f:spec"]
    got = spec(f"/api/v1/namespaces/{ns}/pods", pod("p", schedulingGates=[{"name": "x/y"}]))
    assert not got.keys() & {"f:volumes", "f:serviceAccount", "f:serviceAccountName", "f:tolerations", "f:priority"}, got
    assert "f:volumeMounts" not in got["f:containers"]['k:{"name":"c"}'], got
    got = spec(f"/api/v1/namespaces/{ns}/services", dict(meta("s"), spec={"ports": [{"port": 80}]}))
    assert sorted(got) == ["f:internalTrafficPolicy", "f:ports", "f:sessionAffinity", "f:type"], got
    got = spec(f"/apis/batch/v1/namespaces/{ns}/jobs", dict(meta("j"), spec={"suspend": True, "template": template("j", restartPolicy="Never")}))
    assert "f:selector" not in got and got["f:template"]["f:metadata"]["f:labels"] == {".": {}, "f:app": {}}, got
    path, one = f"/apis/apps/v1/namespaces/{ns}/daemonsets", deployment("d")
    one.update(kind="DaemonSet", spec={key: one["spec"][key] for key in ("selector", "template")})
    made, generation = api("POST", path, one, fieldManager="m"), {"f:annotations": {"f:deprecated.daemonset.template.generation": {}}}
    assert owners(made)[("m", "Update", "")]["f:metadata"] == {"f:annotations": {".": {}} | generation["f:annotations"]}, owners(made)
    got = api("PUT", path + "/d", one, fieldManager="n")  # in v1 it is an annotation, which this one leaves out
    assert owners(got)[("n", "Update", "")] == {"f:metadata": generation} and got["metadata"]["annotations"] == made["metadata"]["annotations"], owners(got)
    path = f"/apis/apps/v1/namespaces/{ns}/deployments"
    api("POST", path, deployment("d"))
    change = {"metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}}, "status": {"observedGeneration": 1}}
    got = api("PATCH", path + "/d/status", change, type=MERGE, fieldManager="m")
    assert "f:labels" not in owners(got)[("m", "Update", "status")]["f:metadata"], owners(got)
    for subresources in ({}, {"status": {}}):
        body = crd({"v1": ANY}, subresources=subresources)
        define(api, body)
        one = dict(meta("r"), apiVersion=body["spec"]["group"] + "/v1", kind=body["spec"]["names"]["kind"], spec={"a": 1}, status={"a": 1})
        got = owners(apply(api, resources(body) + "/r", one, "m", 201))[("m", "Apply", "")]
        assert ("f:status" in got) != bool(subresources), got
        if subresources:
            one["metadata"]["labels"] = {"a": "b"}
            got = owners(apply(api, resources(body) + "/r/status", one, "m"))[("m", "Apply", "status")]
            assert got == {"f:status": {".": {}, "f:a": {}}}, got
        undefine(api, body)


SCALER = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
TARGET = {"scaleTargetRef": {"kind": "Deployment", "name": "x", "apiVersion": "apps/v1"}}
MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}}
EVENT = {"kind": "Event", "metadata": {"name": "e"}}


@check("managers of a built-in kind's other versions keep what is as it was, and are asked about the rest")
def other_versions(api, ns):
    def scaler(version, spec, manager, code=200, **params):
        body = dict(SCALER, apiVersion="autoscaling/" + version, spec=spec)
        return apply(api, f"/apis/autoscaling/{version}/namespaces/{ns}/horizontalpodautoscalers/h", body, manager, code, **params)

    def specs(got):
        return {(one["manager"], one["apiVersion"].split("/")[-1]): sorted(one["fieldsV1"]["f:spec"]) for one in got["metadata"]["managedFields"]}
    scaler("v1", dict(TARGET, maxReplicas=3, targetCPUUtilizationPercentage=50), "one", 201)
    is_status(scaler("v2", {"maxReplicas": 4}, "two", 409), 409, "Conflict", 'Apply failed with 1 conflict: conflict with "one": .spec.maxReplicas')
    got = specs(scaler("v2", {"maxReplicas": 4}, "two", force="true"))
    assert got == {("one", "v1"): ["f:scaleTargetRef", "f:targetCPUUtilizationPercentage"], ("two", "v2"): ["f:maxReplicas"]}, got
    got = specs(scaler("v2", {"maxReplicas": 4, "metrics": [MEMORY]}, "two"))
    assert got == {("one", "v1"): ["f:scaleTargetRef"], ("two", "v2"): ["f:maxReplicas", "f:metrics"]}, got
    got = scaler("v1", dict(TARGET, minReplicas=2), "one")
    assert specs(got)[("two", "v2")] == ["f:maxReplicas", "f:metrics"] and got["spec"]["maxReplicas"] == 4, got
    got = scaler("v1", dict(TARGET, minReplicas=2, targetCPUUtilizationPercentage=60), "two")
    assert specs(got) == {("one", "v1"): ["f:minReplicas", "f:scaleTargetRef"],
                          ("two", "v1"): ["f:minReplicas", "f:scaleTargetRef", "f:targetCPUUtilizationPercentage"]}, got

    def event(version, manager, code=200, **fields):
        path = "/api/v1" if version == "v1" else "/apis/" + version
        return apply(api, f"{path}/namespaces/{ns}/events/e", dict(EVENT, apiVersion=version, **fields), manager, code)
    event("v1", "one", 201, involvedObject={"namespace": ns, "name": "x", "kind": "Pod"}, reason="r", message="m", type="Normal", action="a",
          eventTime="2020-01-01T00:00:00.000000Z", reportingComponent="a.b/c", reportingInstance="i")
    events = "events.k8s.io/v1"
    got = event(events, "two", series={"count": 2, "lastObservedTime": "2020-01-01T00:00:00.000000Z"})
    assert "f:message" in owners(got)[("one", "Apply", "")], owners(got)
    is_status(event(events, "two", 409, note="n"), 409, "Conflict", 'conflict with "one": .message')
    entry = {"manager": "old", "operation": "Update", "apiVersion": "events.k8s.io/v1beta1", "fieldsType": "FieldsV1", "fieldsV1": {"f:note": {}}}
    got = api("GET", f"/api/v1/namespaces/{ns}/events/e")
    got["metadata"]["managedFields"].append(entry)
    assert "old" not in {who for who, _, _ in owners(api("PUT", f"/api/v1/namespaces/{ns}/events/e", got))}, "of a version that is not served"


@check("items of one key, which an update may leave in a list, are one value")
def duplicates(api, ns):
    path = f"/apis/apps/v1/namespaces/{ns}/deployments"
    body = deployment("d")
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": one} for one in "12"] + [{"name": "B", "value": "3"}]

    def env(got, manager):
        return owners(got)[manager]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"c"}'].get("f:env")
    got = api("POST", path, body, fieldManager="creator")
    assert env(got, ("creator", "Update", "")) == {".": {}, 'k:{"name":"A"}': {}, 'k:{"name":"B"}': {".": {}, "f:name": {}, "f:value": {}}}, owners(got)
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "4"}]
    is_status(apply(api, path + "/d", body, "m", 409), 409, "Conflict", '.spec.template.spec.containers[name="c"].env[name="A"]')
    got = apply(api, path + "/d", body, "m", force="true")
    assert got["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "4"}, {"name": "B", "value": "3"}], got["spec"]
    assert 'k:{"name":"A"}' not in env(got, ("creator", "Update", "")), owners(got)


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
SPEC = {"list": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {
            "type": "object", "required": ["name"], "properties": {
                "name": TEXT, "number": NUMBER, "set": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}}}},
        "set": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}, "atomic": {"type": "array", "items": TEXT},
        "maps": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": TEXT}},
        "struct": {"type": "object", "properties": {"name": TEXT, "number": NUMBER}}, "text": TEXT}
SPECS = {"type": "object", "properties": {"spec": {"type": "object", "properties": SPEC}}}


def named(**items):
    """A list by name: number, or the set's items."""
    fill = {int: lambda value: {"number": value}, str: lambda value: {"set": list(value)} if value else {}}
    return {"list": [dict({"name": name}, **fill[type(value)](value)) for name, value in items.items()]}


def own(name, *fields, **sets):
    under = {".": {}, "f:name": {}, **{"f:" + field: {} for field in fields}, **{"f:" + key: {f'v:"{one}"': {} for one in value} for key, value in sets.items()}}
    return {f'k:{{"name":"{name}"}}': under}


A, S0 = 'spec.list[name="a"]', {"name": "a", "number": 1}
# Name; who does what (applies, + forced, or updates) and the fields it conflicts with; the spec then, and whose what is: of writes in three versions.
MERGES = [
    ("an item less", [("one", named(a="", b="")), ("two", named(c="")), ("one", named(a=""))], named(a="", c=""),
     [{}, {"f:list": own("c")}, {"f:list": own("a")}]),
    ("an item that two have", [("one", named(a="", b="", c="")), ("two", named(c="", d="")), ("one", named(a=""))], named(a="", c="", d=""),
     [{}, {"f:list": own("c") | own("d")}, {"f:list": own("a")}]),
    ("the same value", [("one", named(a=0)), ("two", named(a=0))], named(a=0), [{"f:list": own("a", "number")}] * 2),
    ("another value", [("one", named(a=0)), ("two", named(a=1), "." + A + ".number")], named(a=0), [{"f:list": own("a", "number")}]),
    ("another value, forced", [("one", named(a=0)), ("two+", named(a=1))], named(a=1), [{"f:list": own("a")}, {"f:list": own("a", "number")}]),
    ("items of an item", [("one", named(a="", b="c")), ("two", named(b="d")), ("one", named(a=""))], named(a="", b="d"),
     [{}, {"f:list": own("b", set="d")}, {"f:list": own("a")}]),
    ("items that hang on", [("one", named(a="", b="c")), ("two", named(b="d")), ("update", named(a="", b="cde")), ("one", named(a=""))],
     named(a="", b="de"), [{}, {"f:list": own("b", set="d")}, {"f:list": {'k:{"name":"b"}': {"f:set": {'v:"e"': {}}}}}, {"f:list": own("a")}]),
    ("items that go with theirs", [("one", named(a="", b="c")), ("two", named(a="b")), ("update", named(a="b", b="cd")), ("one", named(a=""))],
     named(a="b"), [{}, {"f:list": own("a", set="b")}, {}, {"f:list": own("a")}]),
    ("a field less", [("one", {"struct": S0}), ("one", {"struct": {"name": "a"}})], {"struct": {"name": "a"}}, [{}, {"f:struct": {"f:name": {}}}]),
    ("a field that two have", [("one", {"struct": S0}), ("two", {"struct": {"number": 1}}), ("one", {"struct": {"name": "a"}})], {"struct": S0},
     [{}, {"f:struct": {"f:number": {}}}, {"f:struct": {"f:name": {}}}]),
    ("a field that an updater has", [("update", {"struct": S0}), ("one", {"struct": S0}), ("one", {"struct": {"name": "a"}})], {"struct": S0},
     [{".": {}, "f:struct": {".": {}, "f:name": {}, "f:number": {}}}, {}, {"f:struct": {"f:name": {}}}]),
    ("an updater takes over", [("one", {"struct": S0}), ("update", {"struct": {"name": "a", "number": 2}})], {"struct": {"name": "a", "number": 2}},
     [{"f:struct": {"f:name": {}}}, {"f:struct": {"f:number": {}}}]),
    ("a struct less", [("one", {"text": "x", "struct": S0}), ("one", {"text": "x"})], {"text": "x"}, [{}, {"f:text": {}}]),
    ("an atomic list", [("one", {"atomic": ["a", "b"]}), ("two", {"atomic": ["b"]}, ".spec.atomic"), ("one", {"text": "x"})], {"text": "x"},
     [{}, {}, {"f:text": {}}]),
    ("maps", [("one", {"maps": {"a": {"x": "1"}, "b": {"y": "1"}}}), ("two", {"maps": {"b": {"z": "1"}}}), ("one", {"maps": {"a": {"x": "1"}}})],
     {"maps": {"a": {"x": "1"}, "b": {"z": "1"}}}, [{}, {"f:maps": {"f:b": {".": {}, "f:z": {}}}}, {"f:maps": {"f:a": {".": {}, "f:x": {}}}}]),
    ("the order that is applied", [("one", {"set": ["a", "b", "c", "d"]}), ("two", {"set": ["d", "b"]})], {"set": ["a", "c", "d", "b"]},
     [{"f:set": {f'v:"{one}"': {} for one in "abcd"}}, {"f:set": {'v:"b"': {}, 'v:"d"': {}}}]),
]


def merge_once(api, body, name, writes, versions):
    head = {"kind": body["spec"]["names"]["kind"], "metadata": {"name": name}}
    for (who, spec, *conflict), version in zip(writes, versions):
        path = f"{resources(body, version)}/{name}"
        one = dict(head, apiVersion=f"{body['spec']['group']}/{version}", spec=spec)
        if who != "update":
            got = api.session.patch(api.base + path, json=one, timeout=30, headers={"Content-Type": APPLY},
                                    params={"fieldManager": who.strip("+"), "force": str("+" in who).lower()})
            told = [cause["field"] for cause in got.json().get("details", {}).get("causes", [])]
            assert told == conflict and got.status_code in (200, 201, 409), (who, version, told, got.text[:300])
        elif gone(api, path):
            api("POST", resources(body, version), one, fieldManager=who)
        else:
            api("PATCH", path, [{"op": "replace", "path": "/spec", "value": spec}], type=JSON_PATCH, fieldManager=who)
    return api("GET", f"{resources(body)}/{name}")


@check("what managers apply in several versions is merged, pruned and owned in theirs")
def merges(api, ns):
    body, wrong = crd({"v1": SPECS, "v2": SPECS, "v3": SPECS}), []
    define(api, body)
    for versions in (["v1"] * 4, ["v2", "v1", "v3", "v2"]):
        for number, (name, writes, spec, fields) in enumerate(MERGES):
            got = merge_once(api, body, f"m{number}-{versions[0]}", writes, versions)
            have = {(one["manager"], one["apiVersion"].split("/")[1]): one["fieldsV1"]["f:spec"] for one in got["metadata"]["managedFields"]}
            want = {(who.strip("+"), version): mine for (who, *_), version, mine in zip(writes, versions, fields) if mine}
            if got["spec"] != spec or have != want:
                wrong.append(f"{name} in {versions}: {got['spec']} {have}, wanted {want}")
    assert not wrong, "\n".join(wrong)
    api("PATCH", f"{CRDS}/{body['metadata']['name']}", [{"op": "replace", "path": "/spec/versions/1/served", "value": False}], type=JSON_PATCH)
    until("v2 is not served", lambda: gone(api, resources(body, "v2")))
    got = merge_once(api, body, "m0-v2", [("three", {"text": "x"})], ["v1"])
    assert sorted(one["manager"] for one in got["metadata"]["managedFields"]) == ["one", "three", "two"], got["metadata"]
    got = merge_once(api, body, "m9-v2", [("three", {"text": "x"})], ["v1"])
    assert {one["manager"]: one["apiVersion"].split("/")[1] for one in got["metadata"]["managedFields"]} == {"one": "v3", "two": "v1", "three": "v1"}, got["metadata"]
    undefine(api, body)


NULL = 'spec.%s: Invalid value: "null": spec.%s in body must be of type object: "null"'


@check("who gives up the last field of a struct, and applies it empty, leaves a null: gone where a type drops it, else judged")
def emptied(api, ns):
    path, one = f"/apis/apps/v1/namespaces/{ns}/deployments/d", deployment("d")
    container = one["spec"]["template"]["spec"]["containers"][0]
    for given, kept in (({"runAsUser": 1}, {"runAsUser": 1}), ({}, None), ({}, {})):
        container["securityContext"] = given
        got = apply(api, path, one, "m", 201 if kept == {"runAsUser": 1} else 200)
        assert got["spec"]["template"]["spec"]["containers"][0].get("securityContext") == kept, got["spec"]
    inner = {"type": "object", "properties": {"a": TEXT}}
    spec = {"text": TEXT, "struct": inner, "nullable": dict(inner, nullable=True), "default": dict(inner, default={"a": "d"})}
    body = crd({"v1": {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}})
    define(api, body)
    head = dict(meta("c"), apiVersion=body["spec"]["group"] + "/v1", kind=body["spec"]["names"]["kind"])
    full = {key: {"a": "x"} for key in ("struct", "nullable", "default")}
    for applied, code, left in ((full, 201, full), (dict(full, struct={}), 422, "struct"), (dict(full, nullable={}), 200, dict(full, nullable=None)),
                                ({"default": {}, "text": "x"}, 200, {"default": {"a": "d"}, "text": "x"})):
        got = apply(api, resources(body) + "/c", dict(head, spec=applied), "m", code)
        assert got["spec"] == left if code != 422 else NULL % (left, left) in got["message"], got
    undefine(api, body)


@check("patches of one object that come at once all land")
def patched_at_once(api, ns):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    api("POST", path, meta("hot"))

    def patch(number):
        return api.session.patch(f"{api.base}{path}/hot", json={"data": {f"k{number}": "v"}}, headers={"Content-Type": MERGE}, timeout=60).status_code
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        codes = list(pool.map(patch, range(128)))
    assert set(codes) == {200}, codes
    assert len(api("GET", path + "/hot")["data"]) == 128


@check("an apply leaves alone what nobody applied: finalizers and annotations of others")
def left_alone(api, ns):
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims"
    body = dict(meta("p", labels={"a": "b"}), apiVersion="v1", kind="PersistentVolumeClaim",
                spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})
    assert apply(api, path + "/p", body, "m", 201)["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    del body["metadata"]["labels"]
    got = apply(api, path + "/p", body, "m")
    assert got["metadata"].get("finalizers") == ["kubernetes.io/pvc-protection"] and "labels" not in got["metadata"], got["metadata"]


@check("scale of custom resources is a count that fits, and a Table has their columns")
def scaled(api, ns):
    body = crd({"v1": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}, subresources={"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.picks"}})
    define(api, body)
    wrong, path, kind = [], resources(body), body["spec"]["names"]["kind"]

    def one(name, replicas, **more):
        return dict(meta(name), apiVersion="mygroup.example.com/v1", kind=kind, spec={"replicas": replicas}, **more)

    def refused(what, answer, *causes):
        got = [(c["field"], c["message"]) for c in answer.get("details", {}).get("causes", [])]
        if got != list(causes):
            wrong.append(f"{what}: {got}")

    for replicas, text in ((-1, "-1: should be a non-negative integer"), (2**31, "2147483648: should be less than or equal to 2147483647"),
                           ("x", "0: .spec.replicas accessor error: x is of the type string, expected int64"),
                           (None, "0: .spec.replicas accessor error: <nil> is of the type <nil>, expected int64")):
        refused(replicas, api("POST", path, one("a", replicas), 422), (".spec.replicas", "Invalid value: " + text))
    refused("in its way", api("POST", path, dict(one("a", 1), spec=[1]), 422),
            (".spec.replicas", "Invalid value: 0: .spec accessor error: [1] is of the type []interface {}, expected map[string]interface{}"))
    api("POST", path, one("a", 3))
    refused("scale", api("PATCH", path + "/a/scale", {"spec": {"replicas": -2}}, type=MERGE, code=422),
            (".spec.replicas", "Invalid value: -2: should be a non-negative integer"))
    refused("status", api("PATCH", path + "/a/status", {"status": {"replicas": -1, "picks": 5}}, type=MERGE, code=422),
            (".status.replicas", "Invalid value: -1: should be a non-negative integer"),
            (".status.picks", 'Invalid value: "": .status.picks accessor error: 5 is of the type int64, expected string'))
    table = api("GET", path + "/a/scale", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert table["kind"] == "Table" and [c["name"] for c in table["columnDefinitions"]] == ["Name", "Age"], table
    assert table["rows"][0]["cells"][0] == "a" and table["rows"][0]["object"]["kind"] == "PartialObjectMetadata", table
    api("POST", path, dict(one("b", 1), spec={}))
    none = api("GET", path + "/b/scale", code=500)
    assert none["message"] == 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist', none
    said = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "b"}}
    for type, change in ((MERGE, {"metadata": {"labels": {"a": "b"}}}), (JSON_PATCH, []), (APPLY, said)):
        answer, _ = ask(api, "PATCH", path + "/b/scale", change, type, **({"fieldManager": "m"} if type == APPLY else {}))
        is_status(answer.json(), 400, "BadRequest", 'the spec replicas field ".spec.replicas" cannot be empty')
    assert api("PATCH", path + "/b/scale", {"spec": {"replicas": 2}}, type=MERGE)["spec"]["replicas"] == 2
    assert apply(api, path + "/b/scale", said, "m")["spec"]["replicas"] == 2
    stale = api("GET", path + "/b/scale")
    stale["metadata"]["resourceVersion"] = "1"
    api("PUT", path + "/b/scale", stale, 409)
    undefine(api, body)
    assert not wrong, "\n".join(wrong)


@check("applies of one new object at once: one makes it, the others change it")
def at_once(api, ns):
    path, managers = f"/api/v1/namespaces/{ns}/configmaps/", [f"m{i}" for i in range(8)]

    def one(name, manager):
        body = dict(meta(name), apiVersion="v1", kind="ConfigMap", data={manager: "x"})
        return api.session.patch(api.base + path + name, params={"fieldManager": manager}, data=json.dumps(body),
                                 headers={"Content-Type": APPLY}, timeout=30)
    with concurrent.futures.ThreadPoolExecutor(len(managers)) as pool:
        for name in (f"new{i}" for i in range(5)):
            got = list(pool.map(lambda manager: one(name, manager), managers))
            assert sorted(answer.status_code for answer in got) == [200] * 7 + [201], [(answer.status_code, answer.text[:200]) for answer in got]
            assert set(api("GET", path + name)["data"]) == set(managers)


main()
