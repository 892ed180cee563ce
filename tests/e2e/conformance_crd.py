#!/usr/bin/env python3
"""conformance_crd.py KUBECONFIG [WORD]: what upstream's conformance tests ask of CustomResourceDefinitions. No Pod has to run."""
import base64
import json
import time

from conformance_kit import *

CRON = {"type": "string", "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$"}
BODY = """apiVersion: {version}
kind: {kind}
metadata:
  name: mytest
  finalizers:
  - test-finalizer
{extra}  foo: foo1
{again}  cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP
"""


# ---- the definitions themselves ----


@check("listing custom resource definition objects works")
def list_definitions(api, ns):
    made = [define(api, crd({"v1beta1": ANY}, labels={"e2e-list-test-uuid": ns})) for _ in range(4)]
    other = crd({"v1beta1": ANY})
    define(api, other)
    found = api("GET", CRDS, labelSelector=f"e2e-list-test-uuid={ns}")["items"]
    assert len(found) == 4, len(found)
    for one in found:
        same = [was for was in made if was["metadata"]["name"] == one["metadata"]["name"]]
        assert one["spec"] == same[0]["spec"], (one["spec"], same[0]["spec"])
    api("DELETE", CRDS, labelSelector=f"e2e-list-test-uuid={ns}")
    until("they are gone", lambda: not api("GET", CRDS, labelSelector=f"e2e-list-test-uuid={ns}")["items"])
    api("GET", f"{CRDS}/{other['metadata']['name']}")
    undefine(api, other)


@check("getting/updating/patching custom resource definition status sub-resource works")
def definition_status(api, ns):
    body = crd({"v1beta1": ANY})
    define(api, body)
    path = f"{CRDS}/{body['metadata']['name']}"
    updated = {"type": "", "status": "", "lastTransitionTime": None, "message": "updated"}
    got = rewrite(api, path + "/status", lambda one: one["status"]["conditions"].append(updated))
    assert "updated" in [one.get("message") for one in got["status"]["conditions"]], got["status"]
    patch = [{"op": "add", "path": "/status/conditions", "value": [{"message": "patched"}]}]
    got = api("PATCH", path + "/status", patch, type=JSON_PATCH)
    assert "patched" in [one.get("message") for one in got["status"]["conditions"]], got["status"]
    undefine(api, body)


@check("custom resource defaulting for requests and from storage works")
def defaulting(api, ns):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
              "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    body = crd({"v1beta1": schema})
    define(api, body)
    path, definition = resources(body), f"{CRDS}/{body['metadata']['name']}"
    head = {"apiVersion": "mygroup.example.com/v1beta1", "kind": body["spec"]["names"]["kind"]}
    api("POST", path, dict(head, **meta("cr-1")))
    at = "/spec/versions/0/schema/openAPIV3Schema/properties/"
    api("PATCH", definition, [{"op": "add", "path": at + "a/default", "value": "A"}], type=JSON_PATCH)
    until("defaulted on read", lambda: api("GET", path + "/cr-1").get("a") == "A")
    listed = api("GET", path)["items"][0]
    assert listed["a"] == "A", listed
    watched = take(api.watch(path, resourceVersion="0"), 1)[0]["object"]
    assert watched.get("a") == "A", watched
    got = api("POST", path, dict(head, **meta("cr-2")))
    assert got["a"] == "A" and "b" not in got, got
    api("PATCH", definition, [{"op": "remove", "path": at + "a/default"},
                              {"op": "add", "path": at + "b/default", "value": "B"}], type=JSON_PATCH)
    until("the other default", lambda: api("GET", path + "/cr-2").get("b") == "B")
    assert api("GET", path + "/cr-2")["a"] == "A", "what was stored stays"
    got = api("GET", path + "/cr-1")
    assert "a" not in got and got["b"] == "B", got
    undefine(api, body)


@check("watch on custom resource definition objects")
def watch_objects(api, ns):
    body = crd({"v1": ANY})
    define(api, body)
    path = resources(body)
    start = api("GET", path)["metadata"]["resourceVersion"]
    head = {"apiVersion": "mygroup.example.com/v1", "kind": body["spec"]["names"]["kind"]}
    for name in ("name1", "name2"):
        api("POST", path, dict(head, content={"key": "value"}, num={"num1": 1}, **meta(name)))
    for name in ("name1", "name2"):
        api("PATCH", f"{path}/{name}", [{"op": "add", "path": "/dummy", "value": "test"}], type=JSON_PATCH)
    for name in ("name1", "name2"):
        api("DELETE", f"{path}/{name}")
    got = [(one["type"], one["object"]["metadata"]["name"]) for one in take(api.watch(path, resourceVersion=start), 6)]
    assert got == [(kind, name) for kind in ("ADDED", "MODIFIED", "DELETED") for name in ("name1", "name2")], got
    undefine(api, body)


@check("MUST list and watch custom resources matching the field selector")
def field_selectors(api, ns):
    schema = {"type": "object", "properties": {"host": {"type": "string"}, "port": {"type": "string"}}}
    body = crd({"v2": schema}, group="stable.example.com", scope="Namespaced", selectableFields=[{"jsonPath": ".host"}, {"jsonPath": ".port"}])
    define(api, body)
    path = resources(body, ns=ns)
    head = {"apiVersion": "stable.example.com/v2", "kind": body["spec"]["names"]["kind"]}
    for document, at in (("/openapi/v2", ("definitions",)), ("/openapi/v3/apis/stable.example.com/v2", ("components", "schemas"))):
        def shown(found=None):
            found = api("GET", document, accept="")
            for key in at + ("com.example.stable.v2." + head["kind"],):
                found = found.get(key, {})
            return found.get("x-kubernetes-selectable-fields") == [{"fieldPath": "host"}, {"fieldPath": "port"}]
        until(f"the fields in {document}", shown, 10)
    start = api("GET", path, fieldSelector="host=host1")["metadata"]["resourceVersion"]
    for name, fields in (("one", {"host": "host1", "port": "80"}), ("two", {"host": "host1", "port": "8080"}), ("three", {"host": "host2"})):
        api("POST", path, dict(head, **meta(name), **fields))

    def names(selector):
        return sorted(one["metadata"]["name"] for one in api("GET", path, fieldSelector=selector)["items"])
    assert names("host=host1") == ["one", "two"] and names("host=host1,port=80") == ["one"] and names("port=") == ["three"]
    assert names("host!=host1") == ["three"] and names("metadata.name=two,host=host1") == ["two"]
    api("DELETE", path, {"gracePeriodSeconds": 0}, fieldSelector="host=host1,port=80")
    two = api("GET", path + "/two")
    two["host"] = "host2"
    api("PUT", path + "/two", two)
    assert names("host=host1") == []
    got = [(one["type"], one["object"]["metadata"]["name"]) for one in take(api.watch(path, resourceVersion=start, fieldSelector="host=host1"), 4)]
    assert got == [("ADDED", "one"), ("ADDED", "two"), ("DELETED", "one"), ("DELETED", "two")], got
    got = take(api.watch(path, resourceVersion=start, fieldSelector="host=host1,port=80"), 2)
    assert [one["type"] for one in got] == ["ADDED", "DELETED"], got
    is_status(api("GET", path, code=400, fieldSelector="spec.what=1"), 400, "BadRequest", "field label not supported: spec.what")
    is_status(api("POST", path, dict(head, kind="Other", **meta("other")), code=422), 422, "Invalid", f'kind: Invalid value: "Other": must be {head["kind"]}')
    is_status(api("POST", path, dict(head, apiVersion="stable.example.com/v9", **meta("other")), code=400), 400, "BadRequest",
              "the API version in the data (stable.example.com/v9) does not match the expected API version (stable.example.com/v2)")
    is_status(api("PATCH", path + "/two", {}, code=415, type=STRATEGIC), 415, "UnsupportedMediaType", "accepted media types include: "
              "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml")
    undefine(api, body)


# ---- OpenAPI ----

BARS = {"description": "List of Bars and their statuses.", "type": "array",
        "items": {"type": "object", "properties": {"name": {"description": "Name of Bar.", "type": "string"},
                                                   "available": {"description": "Whether the Bar is installed.", "type": "boolean"},
                                                   "quxType": {"description": "Indicates to external qux type.",
                                                               "pattern": "in-tree|out-of-tree", "type": "string"}}}}
FOO = {"description": "Foo CRD for Testing", "type": "object", "properties": {
    "spec": {"type": "object", "description": "Specification of Foo", "properties": {"bars": {
        "description": "List of Bars and their specs.", "type": "array",
        "items": {"type": "object", "required": ["name"], "properties": {
            "name": {"description": "Name of Bar.", "type": "string"}, "age": {"description": "Age of Bar.", "type": "string"},
            "feeling": {"description": "Whether Bar is feeling great.", "type": "string", "enum": ["Great", "Down"]},
            "bazs": {"description": "List of Bazs.", "items": {"type": "string"}, "type": "array"}}}}}},
    "status": {"description": "Status of Foo", "type": "object", "properties": {"bars": BARS}}}}
WALDO = {"description": "Waldo CRD for Testing", "type": "object", "properties": {
    "spec": {"description": "Specification of Waldo", "type": "object",
             "properties": {"dummy": {"description": "Dummy property.", "type": "object"}}},
    "status": {"description": "Status of Waldo", "type": "object", "properties": {"bars": {
        "description": "List of Bars and their statuses.", "type": "array", "items": {"type": "object"}}}}}}


def published(api, body, version):
    """The definition of that version in the v2 document, without what the server adds; None while it is not there."""
    group = ".".join(reversed(body["spec"]["group"].split(".")))
    kind = body["spec"]["names"]["kind"]
    document = api("GET", "/openapi/v2", accept="")
    found = document["definitions"].get(f"{group}.{version}.{kind}")
    if not found:
        return None
    assert found.pop("x-kubernetes-group-version-kind") == [{"group": body["spec"]["group"], "kind": kind, "version": version}], found
    for name in ("metadata", "apiVersion", "kind"):
        found.get("properties", {}).pop(name, None)
    if not found.get("properties", True):
        del found["properties"]
    return found


def wait_published(api, body, version, wanted):
    last = {}

    def right():
        last["found"] = published(api, body, version)
        return last["found"] == wanted
    try:
        until("published", right, 10)
    except AssertionError:
        raise AssertionError(f"{json.dumps(last['found'], sort_keys=True)}\nwanted {json.dumps(wanted, sort_keys=True)}")


@check("works for CRD with validation schema")
def publish_schema(api, ns):
    body = crd({"v1": FOO}, group="crd-publish-openapi-test-foo.example.com", scope="Namespaced")
    define(api, body)
    wait_published(api, body, "v1", FOO)
    path = resources(body, ns=ns)
    head = {"apiVersion": body["spec"]["group"] + "/v1", "kind": body["spec"]["names"]["kind"]}
    api("POST", path, dict(head, **meta("test-foo"), spec={"bars": [{"name": "test-bar"}]}))
    api("DELETE", path + "/test-foo")
    bad = api("POST", path, dict(head, **meta("test-foo"), spec={"bars": [{"name": "b", "feeling": "NonExistentValue"}]}), code=422)
    assert 'Unsupported value: "NonExistentValue"' in bad["message"], bad
    bad = api("POST", path, dict(head, **meta("test-foo"), spec={"foo": True}), code=400, fieldValidation="Strict")
    assert 'unknown field "spec.foo"' in bad["message"], bad
    bad = api("POST", path, dict(head, **meta("test-foo"), spec={"bars": [{"age": "10"}]}), code=422)
    assert "spec.bars[0].name: Required value" in bad["message"], bad
    undefine(api, body)
    until("not published", lambda: published(api, body, "v1") is None)


@check("works for CRD without validation schema")
def publish_any(api, ns):
    body = crd({"v1": ANY}, group="crd-publish-openapi-test-empty.example.com", scope="Namespaced")
    define(api, body)
    wait_published(api, body, "v1", {"type": "object"})
    undefine(api, body)


@check("works for CRD preserving unknown fields at the schema root")
def publish_root(api, ns):
    body = crd({"v1": dict(WALDO, **{"x-kubernetes-preserve-unknown-fields": True})}, group="crd-publish-openapi-test-unknown-at-root.example.com")
    define(api, body)
    wait_published(api, body, "v1", {"type": "object"})
    undefine(api, body)


@check("works for CRD preserving unknown fields in an embedded object")
def publish_nested(api, ns):
    schema = json.loads(json.dumps(WALDO))
    schema["description"] = "preserve-unknown-properties in nested field for Testing"
    schema["properties"]["spec"]["x-kubernetes-preserve-unknown-fields"] = True
    body = crd({"v1": schema}, group="crd-publish-openapi-test-unknown-in-nested.example.com")
    define(api, body)
    wanted = json.loads(json.dumps(schema))
    for member in ("type", "properties"):  # with them, kubectl would refuse what they do not name
        del wanted["properties"]["spec"][member]
    wait_published(api, body, "v1", wanted)
    path = resources(body)
    head = {"apiVersion": body["spec"]["group"] + "/v1", "kind": body["spec"]["names"]["kind"]}
    got = api("POST", path, dict(head, **meta("test-cr"), spec={"a": None, "b": [{"c": "d"}]}), fieldValidation="Strict")
    assert got["spec"]["b"] == [{"c": "d"}], got
    undefine(api, body)


@check("works for multiple CRDs")
def publish_many(api, ns):
    for groups, versions in ((("foo", "waldo"), ("v1", "v1beta1")), (("common-group",) * 2, ("v4", "v5")), (("common-group",) * 2, ("v6", "v6"))):
        made = [crd({versions[i]: schema}, group=f"crd-publish-openapi-test-{groups[i]}.example.com") for i, schema in enumerate((FOO, WALDO))]
        for body in made:
            define(api, body)
        for i, schema in enumerate((FOO, WALDO)):
            wait_published(api, made[i], versions[i], schema)
        for body in made:
            undefine(api, body)


@check("updates the published spec when one version gets renamed")
def publish_rename(api, ns):
    body = crd({"v2": FOO, "v3": FOO}, group="crd-publish-openapi-test-multi-ver.example.com")
    define(api, body)
    for version in ("v2", "v3"):
        wait_published(api, body, version, FOO)
    patch = [{"op": "test", "path": "/spec/versions/1/name", "value": "v3"}, {"op": "replace", "path": "/spec/versions/1/name", "value": "v4"}]
    api("PATCH", f"{CRDS}/{body['metadata']['name']}", patch, type=JSON_PATCH)
    wait_published(api, body, "v4", FOO)
    wait_published(api, body, "v3", None)
    wait_published(api, body, "v2", FOO)
    undefine(api, body)


@check("removes definition from spec when one version gets changed to not be served")
def publish_unserved(api, ns):
    body = crd({"v5": FOO, "v6alpha1": FOO}, group="crd-publish-openapi-test-multi-to-single-ver.example.com")
    define(api, body)
    wait_published(api, body, "v6alpha1", FOO)
    rewrite(api, f"{CRDS}/{body['metadata']['name']}", lambda one: one["spec"]["versions"][1].update(served=False))
    wait_published(api, body, "v6alpha1", None)
    wait_published(api, body, "v5", FOO)
    undefine(api, body)


# ---- field validation ----


def spec_schema(**spec):
    return {"type": "object", "properties": {"spec": dict(type="object", properties={"foo": {"type": "string"}, "cronSpec": CRON, "ports": PORTS}, **spec)}}


def two_versions(schema):
    body = crd({"v1beta1": schema, "v1": schema}, subresources={"status": {}})
    body["spec"]["versions"][0]["storage"], body["spec"]["versions"][1]["storage"] = False, True
    return body


def apply_cr(api, body, code=None, extra="spec:\n", again=""):
    text = BODY.format(version=body["spec"]["group"] + "/v1beta1", kind=body["spec"]["names"]["kind"], extra=extra, again=again)
    return api("PATCH", resources(body) + "/mytest", text, code=code, type=APPLY, fieldManager="field_validation_mgr", fieldValidation="Strict")


def release(api, body):
    if not gone(api, resources(body) + "/mytest"):
        api("PATCH", resources(body) + "/mytest", {"metadata": {"finalizers": None}}, type=MERGE)
    undefine(api, body)


@check("should create/apply a valid CR for CRD with validation schema")
def valid_cr(api, ns):
    body = two_versions(spec_schema())
    define(api, body)
    apply_cr(api, body, 201)
    release(api, body)


@check("should create/apply a CR with unknown fields for CRD with no validation schema")
def no_schema(api, ns):
    body = two_versions(ANY)
    define(api, body)
    apply_cr(api, body, 201, again="  unknown: uk1\n")
    release(api, body)


@check("should create/apply an invalid CR with extra properties for CRD with validation schema")
def extra_properties(api, ns):
    body = two_versions(spec_schema())
    define(api, body)
    got = apply_cr(api, body, 500, extra="unknownField: unknown\nspec:\n")
    assert ".unknownField: field not declared in schema" in got["message"], got
    release(api, body)


@check("should detect unknown metadata fields in both the root and embedded object of a CR")
def unknown_metadata(api, ns):
    schema = spec_schema(**{"x-kubernetes-preserve-unknown-fields": True})
    schema["properties"]["spec"]["properties"]["template"] = {
        "type": "object", "x-kubernetes-embedded-resource": True,
        "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string"}}}, "spec": {"type": "object"}}}
    body = two_versions(schema)
    define(api, body)
    for version in ("apiVersion", "apiversion"):  # upstream's test has it wrong
        template = f"  template:\n    {version}: foo/v1\n    kind: Sub\n    metadata:\n        unknownSubMeta: unknown\n        name: subobject\n        namespace: {ns}\n"
        got = apply_cr(api, body, 500, extra="  unknownMeta: unknown\nspec:\n" + template)
        assert any(f".{path}: field not declared in schema" in got["message"]
                   for path in ("metadata.unknownMeta", "spec.template.metadata.unknownSubMeta")), got
    release(api, body)


@check("should detect duplicates in a CR when preserving unknown fields")
def duplicates(api, ns):
    body = two_versions(spec_schema(**{"x-kubernetes-preserve-unknown-fields": True}))
    define(api, body)
    text = BODY.format(version=body["spec"]["group"] + "/v1beta1", kind=body["spec"]["names"]["kind"], extra="spec:\n  unknown: uk1\n", again="  foo: foo2\n")
    got = api("PATCH", resources(body) + "/mytest", text, code=400, type=APPLY, fieldManager="field_validation_mgr", fieldValidation="Strict")
    lines = text.split("\n")
    assert f'line {lines.index("  foo: foo2") + 1}: key "foo" already set in map' in got["message"], got
    release(api, body)


# ---- discovery of them ----


@check("should support raw aggregated discovery request for CRDs")
def aggregated(api, ns):
    body = crd({"v1": ANY}, group="aggregated.example.com")
    define(api, body)
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    got = api("GET", "/apis", accept=accept)
    found = [one for group in got["items"] if group["metadata"]["name"] == "aggregated.example.com" for one in group["versions"]]
    assert found[0]["version"] == "v1" and found[0]["freshness"] == "Current", found
    assert [one["resource"] for one in found[0]["resources"]] == [body["spec"]["names"]["plural"]], found
    undefine(api, body)
    until("gone from it", lambda: "aggregated.example.com" not in [one["metadata"]["name"] for one in api("GET", "/apis", accept=accept)["items"]])


# ---- what upstream's own tests of the server ask ----


def named(body, version, name, **fields):
    return dict({"apiVersion": f"{body['spec']['group']}/{version}", "kind": body["spec"]["names"]["kind"]}, **meta(name), **fields)


@check("a deprecated version of a CRD warns its users, and names the one to use")
def deprecated_version(api, ns):
    body = crd({"v1beta2": ANY, "v1beta1": ANY, "v1alpha2": ANY, "v1alpha1": ANY})
    versions, kind = body["spec"]["versions"], body["spec"]["names"]["kind"]
    versions[3]["deprecated"] = versions[2]["deprecated"] = True
    versions[2]["deprecationWarning"] = "no more of this"
    define(api, body)
    wanted = {"v1alpha1": f'299 - "mygroup.example.com/v1alpha1 {kind} is deprecated; use mygroup.example.com/v1beta2 {kind}"',
              "v1alpha2": '299 - "no more of this"', "v1beta1": None, "v1beta2": None}
    for version, warning in wanted.items():
        got = api.session.get(api.base + resources(body, version), timeout=30)
        assert got.status_code == 200 and got.headers.get("Warning") == warning, (version, got.headers)
    undefine(api, body)


@check("names that were in use are accepted once their CRD is gone")
def freed_names(api, ns):
    first, second = crd({"v1": ANY}), crd({"v1": ANY})
    second["spec"]["names"]["kind"] = first["spec"]["names"]["kind"]
    path = f"{CRDS}/{second['metadata']['name']}"

    def accepted():
        return [one["status"] for one in api("GET", path)["status"]["conditions"] if one["type"] == "NamesAccepted"]
    define(api, first)
    api("POST", CRDS, second)
    assert accepted() == ["False"], api("GET", path)["status"]
    undefine(api, first)
    until("accepted", lambda: accepted() == ["True"])
    undefine(api, second)


@check("the approval of a CRD in a community's group is told by a condition")
def approval(api, ns):
    rules = "see https://github.com/kubernetes/enhancements/pull/1111"
    cases = {"https://example.com/1": ("True", "ApprovedAnnotation", "approved in https://example.com/1"),
             "unapproved, a test": ("False", "UnapprovedAnnotation", 'not approved: "unapproved, a test"')}
    body = crd({"v1": ANY}, group="sigs.k8s.io")
    at = "metadata.annotations[api-approved.kubernetes.io]"
    is_status(api("POST", CRDS, body, code=422), 422, "Invalid", f'{at}: Required value: protected groups must have approval annotation')
    body["metadata"]["annotations"] = {"api-approved.kubernetes.io": "yes"}
    is_status(api("POST", CRDS, body, code=422), 422, "Invalid", f'{at}: Invalid value: "yes": protected groups must have approval annotation '
              f'"api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", {rules}')
    for text, wanted in cases.items():
        body = crd({"v1": ANY}, group="sigs.k8s.io")
        body["metadata"]["annotations"] = {"api-approved.kubernetes.io": text}
        made = api("POST", CRDS, body)
        found = [(one["status"], one["reason"], one["message"]) for one in made["status"]["conditions"]
                 if one["type"] == "KubernetesAPIApprovalPolicyConformant"]
        assert found == [wanted], made["status"]
        undefine(api, body)


@check("what is read has the defaults of the version that it is stored in")
def stored_defaults(api, ns):
    def spec(own):
        properties = {name: {"type": "string"} for name in ("a", "late", "stored", "served")}
        return {"type": "object", "properties": dict(properties, **{own: {"type": "string", "default": own}})}
    body = crd({"v1": spec("stored"), "v1beta1": spec("served")})
    define(api, body)
    path, definition = resources(body, "v1beta1"), f"{CRDS}/{body['metadata']['name']}"
    api("POST", path, named(body, "v1beta1", "one", a="x"))
    made = api("GET", path + "/one")
    assert made["stored"] == "stored" and made["served"] == "served", made
    late = "/spec/versions/{}/schema/openAPIV3Schema/properties/late/default"
    for version, there in ((1, False), (0, True)):
        api("PATCH", definition, [{"op": "add", "path": late.format(version), "value": "L"}], type=JSON_PATCH)
        if there:
            until("defaulted on read", lambda: "late" in api("GET", path + "/one"))
        assert ("late" in api("GET", path)["items"][0]) == there, (version, api("GET", path))
    undefine(api, body)


@check("defaults of embedded metadata are what metadata can be")
def meta_defaults(api, ns):
    def embedded(**metadata):
        return {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {
            "apiVersion": {"type": "string", "default": "foos/v1"}, "kind": {"type": "string", "default": "Foo"},
            "metadata": dict({"type": "object"}, **metadata)}}
    fields = {"properties": {"name": {"type": "string", "default": "bar"}, "unknown": {"type": "string", "default": "x"}}}
    body = crd({"v1": {"type": "object", "properties": {
        "fields": embedded(**fields), "whole": embedded(default={"name": "bar", "unknown": "x"}, **fields)}}})
    define(api, body)
    made = api("POST", resources(body), named(body, "v1", "one", fields={"metadata": {}}, whole={}))
    wanted = {"apiVersion": "foos/v1", "kind": "Foo", "metadata": {"name": "bar"}}
    assert made["fields"] == wanted and made["whole"] == wanted, made
    undefine(api, body)


@check("lists that had doubles before the schema said that they may not keep them")
def kept_doubles(api, ns):
    item = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
    body = crd({"v1": {"type": "object", "properties": {"l": {
        "type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"]}}}})
    define(api, body)
    path = resources(body) + "/one"
    got = api("POST", resources(body), named(body, "v1", "one", l=[{"a": 1, "b": 1}, {"a": 1, "b": 2}]))
    double = dict(got, l=got["l"] + [{"a": 1, "b": 1}])
    is_status(api("PUT", path, double, code=422), 422, "Invalid", 'l[2]: Duplicate value: map[string]interface {}{"a":1, "b":1}')
    keys = "/spec/versions/0/schema/openAPIV3Schema/properties/l/x-kubernetes-list-map-keys"
    api("PATCH", f"{CRDS}/{body['metadata']['name']}", [{"op": "replace", "path": keys, "value": ["a"]}], type=JSON_PATCH)
    assert len(api("PUT", path, double)["l"]) == 3
    undefine(api, body)


@check("what broke a rule before it was made is let be with a warning, the object's and its status's")
def let_be(api, ns):
    part = {"type": "object", "properties": {"s": {"type": "string"}, "n": {"type": "integer"}}}
    schema = lambda: {"type": "object", "properties": {"spec": dict(part), "status": dict(part)}}
    body = crd({"v1": schema()}, subresources={"status": {}})
    define(api, body)
    path, definition = resources(body) + "/one", f"{CRDS}/{body['metadata']['name']}"
    api("POST", resources(body), named(body, "v1", "one", spec={"s": "x", "n": 1}))
    api("PATCH", path + "/status", {"status": {"s": "x", "n": 1}}, type=MERGE)
    rule = [{"rule": "self.startsWith('k8s')", "message": "needs a prefix"}]
    at = "/spec/versions/0/schema/openAPIV3Schema/properties/{}/properties/s/x-kubernetes-validations"
    api("PATCH", definition, [{"op": "add", "path": at.format(one), "value": rule} for one in ("spec", "status")], type=JSON_PATCH)
    for sub, of in (("", "spec"), ("/status", "status")):
        until("the rule holds", lambda: api.session.patch(api.base + path + sub, json={of: {"s": "y"}}, timeout=30,
                                                          headers={"Content-Type": MERGE}).status_code == 422)
        answer = api.session.patch(api.base + path + sub, json={of: {"n": 2}}, timeout=30, headers={"Content-Type": MERGE})
        assert answer.status_code == 200, answer.text
        wanted = [f'299 - "{one}.s: Invalid value: \\"string\\": needs a prefix"' for one in ("spec", "status")]
        assert answer.raw.headers.getlist("Warning") == wanted, answer.headers
    undefine(api, body)


@check("a schema that is not structural is refused, at first and later, with all that is wrong with it")
def structural(api, ns):
    at, good = "spec.validation.openAPIV3Schema", {"type": "object", "properties": {"a": {"type": "string"}}}
    wrong = dict(good, anyOf=[{"properties": {"a": {"type": "string"}, "b": {"minLength": 1}}}])
    causes = [f"{at}: Invalid value", f"{at}.anyOf[0].properties[a].type: Forbidden: must be empty to be structural",
              f"{at}.properties[b]: Required value: because it is defined in {at}.anyOf[0].properties[b]"]
    body = crd({"v1": good}, subresources={"status": {}})
    path = f"{CRDS}/{body['metadata']['name']}"
    replaced = [{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": wrong}]
    define(api, body)
    other = crd({"v1": wrong}, subresources={"status": {}})
    for bad in api("POST", CRDS, other, code=422), api("PATCH", path, replaced, code=422, type=JSON_PATCH):
        said = [f"{one['field']}: {one['message']}" for one in bad["details"]["causes"]]
        assert len(said) == len(causes) and all(one.startswith(wanted) for one, wanted in zip(said, causes)), said
    api("PATCH", path, [{"op": "add", "path": "/spec/versions/0/deprecationWarning", "value": "x"}], code=422, type=JSON_PATCH)
    either = {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
    replaced[0]["value"] = dict(good, properties={"port": either, "map": {"type": "object", "additionalProperties": either}})
    api("PATCH", path, replaced, type=JSON_PATCH)
    undefine(api, body)


@check("a conversion webhook without a certificate in its caBundle keeps a new CRD from being served")
def broken_bundle(api, ns):
    def bundle(data):
        hook = {"clientConfig": {"service": {"namespace": ns, "name": "hook"}, "caBundle": data}, "conversionReviewVersions": ["v1"]}
        return {"spec": {"conversion": {"strategy": "Webhook", "webhook": hook}}}

    def established(got):
        return [(one["status"], one["reason"], one["message"]) for one in got["status"]["conditions"] if one["type"] == "Established"]
    body, good = crd({"v1": ANY}), base64.b64encode(open(api.session.verify, "rb").read()).decode()
    body["spec"].update(bundle("Cg==")["spec"])
    path = f"{CRDS}/{body['metadata']['name']}"
    made = api("POST", CRDS, body)
    assert established(made) == [("False", "InvalidCABundle", "The conversion webhook CABundle is invalid")], made["status"]
    assert gone(api, resources(body))
    made = api("PATCH", path, bundle(good), type=MERGE)
    assert established(made) == [("True", "InitialNamesAccepted", "the initial names have been accepted")], made["status"]
    until("served", lambda: not gone(api, resources(body)))
    bad = api("PATCH", path, bundle("Cg=="), code=422, type=MERGE)
    assert [one["field"] for one in bad["details"]["causes"]] == ["spec.conversion.webhookClientConfig.caBundle"], bad
    is_status(bad, 422, "Invalid", "Invalid value: []byte{0xa}: unable to load root certificates: ")
    long = api("PATCH", path, bundle(base64.b64encode(bytes(1 << 20)).decode()), code=422, type=MERGE)
    assert ", 0x0, ...}" in long["message"] and len(long["message"]) < 1 << 16
    undefine(api, body)


@check("a watch of custom resources ends when they are defined anew, and others go on")
def watch_ends(api, ns):
    body, other = (crd({"v1": ANY}) for _ in range(2))
    define(api, body)
    define(api, other)
    definition = f"{CRDS}/{body['metadata']['name']}"

    def begin(of, seen):
        events = api.watch(resources(of), seconds=120)
        assert [next(events)["object"]["metadata"]["name"] for _ in seen] == seen
        return events
    for of in (body, other):
        api("POST", resources(of), named(of, "v1", "one"))
    ends, goes = begin(body, ["one"]), begin(other, ["one"])
    api("PATCH", definition, {"metadata": {"labels": {"a": "b"}}}, type=MERGE)
    api("POST", resources(body), named(body, "v1", "two"))
    assert next(ends)["object"]["metadata"]["name"] == "two", "a label of the definition ended it"
    short = {"op": "add", "path": "/spec/names/shortNames", "value": ["x" + body["spec"]["names"]["kind"]]}
    api("PATCH", definition, [short], type=JSON_PATCH)
    assert list(ends) == []
    ends = begin(body, ["one", "two"])
    undefine(api, body)
    assert [event["type"] for event in ends] == ["DELETED", "DELETED"]
    api("POST", resources(other), named(other, "v1", "two"))
    assert next(goes)["object"]["metadata"]["name"] == "two"
    goes.close()
    undefine(api, other)


@check("a watch whose client is behind ends as well, with what there was by then")
def watch_behind(api, ns):
    body, early, late = crd({"v1": ANY}), 16, 4  # more than sockets hold, less than is kept of the past
    define(api, body)
    one = f"{resources(body)}/one"
    api("POST", resources(body), named(body, "v1", "one"))
    events = api.watch(resources(body), seconds=120)
    assert next(events)["type"] == "ADDED"
    for number in range(early):
        api("PATCH", one, {"large": chr(65 + number) * 500000}, type=MERGE)
    short = {"op": "add", "path": "/spec/names/shortNames", "value": ["x" + body["spec"]["names"]["kind"]]}
    api("PATCH", f"{CRDS}/{body['metadata']['name']}", [short], type=JSON_PATCH)
    for number in range(late):
        api("PATCH", one, {"late": number}, type=MERGE)
    seen = [event["type"] for event in events]
    assert early <= len(seen) <= early + 1 and set(seen) == {"MODIFIED"}, seen
    undefine(api, body)


@check("custom resources answer at paths of their scope, for one object by its name")
def paths(api, ns):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    scale = {"status": {}, "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}}
    for scope, right, wrong in (("Cluster", None, ns), ("Namespaced", ns, None)):
        body = crd({"v1": schema}, scope=scope, subresources=scale)
        define(api, body)
        here, there = resources(body, ns=right), resources(body, ns=wrong)
        api("POST", here, named(body, "v1", "one", spec={"n": 1}))
        for method in ("POST", "DELETE"):
            is_status(api(method, there, named(body, "v1", "two"), code=404), 404, "NotFound")
        for method, sub in (("GET", ""), ("PUT", "/status"), ("DELETE", "/status"), ("GET", "/scale")):
            is_status(api(method, f"{there}/one{sub}", code=404), 404, "NotFound")
        for method, type in (("PUT", "application/json"), ("PATCH", MERGE)):
            is_status(api(method, here, {}, code=400, type=type), 400, "BadRequest", "name must be provided")
        for sub in ("", "/status", "/scale"):
            is_status(api("PATCH", f"{here}/one{sub}", {}, code=415, type=STRATEGIC), 415, "UnsupportedMediaType")
        is_status(api("POST", here, {}, code=400), 400, "BadRequest", "Object 'Kind' is missing in 'unstructured object has no kind'")
        bad = api("POST", here, dict(named(body, "v1", "two"), kind="Other"), code=422)
        assert bad["message"].startswith('Other.mygroup.example.com "two" is invalid: kind: Invalid value: "Other": must be '), bad
        undefine(api, body)


main()
