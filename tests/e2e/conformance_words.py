#!/usr/bin/env python3
"""conformance_words.py KUBECONFIG [WORD]: what is said to a client that asks for what cannot be, call by call, and what it is warned of."""
import re

from conformance_kinds import *

CM, PODS = ("/api/v1/namespaces/%s/" + plural for plural in ("configmaps", "pods"))
DEPLOYMENTS = "/apis/apps/v1/namespaces/%s/deployments"
GENERIC_404 = "the server could not find the requested resource"
GENERIC_405 = "the server does not allow this method on the requested resource"
NO_KIND = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: "
SCHEME = 'in scheme "pkg/api/legacyscheme/scheme.go:30"'
NO_CONVERSION = 'cannot be handled as a ConfigMap: converting (v1.%s) to (core.ConfigMap): unknown conversion'
NO_REVISION = 'resourceVersion: Invalid value: "%s": strconv.ParseUint: parsing "%s": invalid syntax'
NO_TOKEN = "invalid continue token: continue key is not valid: "
LIST_INVALID = 'ListOptions.meta.k8s.io "" is invalid: '
PROPAGATION = 'propagationPolicy: Unsupported value: "foo": supported values: "Foreground", "Background", "Orphan", "nil"'
PARSE_INT = 'strconv.ParseInt: parsing "abc": invalid syntax'
BOTH = 'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set'
UIDS = 'Operation cannot be fulfilled on configmaps "c": Precondition failed: UID in precondition: other, UID in object meta: '


def typed(kind, version, name="new"):
    return dict(meta(name), kind=kind, apiVersion=version)


# method, path below the ConfigMaps unless it begins with /, query, body, code, reason, message (its beginning; None: any)
REQUESTS = [
    ("GET", "", "timeout=abc", None, 400, "BadRequest", 'invalid timeout specified in the request URL - time: invalid duration "abc"'),
    ("GET", "", "timeout=9999h", None, 200, None, None),
    ("GET", "", "timeoutSeconds=abc", None, 400, "BadRequest", PARSE_INT),
    ("GET", "", "limit=abc", None, 400, "BadRequest", PARSE_INT),
    ("GET", "", "limit=-1", None, 200, None, None),
    ("GET", "", "allowWatchBookmarks=maybe", None, 200, None, None),
    ("GET", "", "limit=99999999999999999999", None, 400, "BadRequest", 'strconv.ParseInt: parsing "99999999999999999999": value out of range'),
    ("GET", "", "limit=", None, 400, "BadRequest", 'strconv.ParseInt: parsing "": invalid syntax'),
    ("GET", "", "timeout=1", None, 400, "BadRequest", 'invalid timeout specified in the request URL - time: missing unit in duration "1"'),
    ("GET", "", "timeout=1x", None, 400, "BadRequest", 'invalid timeout specified in the request URL - time: unknown unit "x" in duration "1x"'),
    ("GET", "", "resourceVersion=-1", None, 500, None, NO_REVISION % ("-1", "-1")),
    ("GET", "", "watch=1&resourceVersion=x", None, 500, None, NO_REVISION % ("x", "x")),
    ("GET", "/c", "resourceVersion=x", None, 500, None, NO_REVISION % ("x", "x")),
    ("GET", "", "limit=1&resourceVersion=x", None, 400, "BadRequest", "invalid resource version: " + NO_REVISION % ("x", "x")),
    ("GET", "", "resourceVersion=x&resourceVersionMatch=Exact", None, 400, "BadRequest", "invalid resource version: " + NO_REVISION % ("x", "x")),
    ("GET", "", "resourceVersionMatch=x", None, 422, "Invalid", LIST_INVALID + "[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
     'resourceVersion is provided, resourceVersionMatch: Unsupported value: "x": supported values: "Exact", "NotOlderThan", ""]'),
    ("GET", "", "resourceVersionMatch=Exact&resourceVersion=1&continue=x", None, 422, "Invalid",
     LIST_INVALID + "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided"),
    ("GET", "", "sendInitialEvents=false", None, 422, "Invalid", LIST_INVALID + "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
    ("GET", "", "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", None, 422, "Invalid", LIST_INVALID + "[resourceVersionMatch: Forbidden: "
     'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]'),
    ("GET", "", "watch=1&resourceVersionMatch=NotOlderThan&continue=x", None, 422, "Invalid", LIST_INVALID + "[resourceVersionMatch: Forbidden: resourceVersionMatch "
     "is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided]"),
    ("GET", "", "continue=%25", None, 400, "BadRequest", NO_TOKEN + "illegal base64 data at input byte 0"),
    ("GET", "", "continue=e30", None, 400, "BadRequest", NO_TOKEN + 'server does not recognize this encoded version ""'),
    ("GET", "", "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", None, 400, "BadRequest", NO_TOKEN + "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
    ("GET", "", "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MX0", None, 400, "BadRequest", NO_TOKEN + "encoded start key empty (version meta.k8s.io/v1)"),
    ("GET", "", "labelSelector=a==b==c", None, 400, "BadRequest", "found '==', expected: ',' or 'end of string'"),
    ("GET", "", "fieldSelector=a>b", None, 400, "BadRequest", "invalid selector: 'a>b'; can't understand 'a>b'"),
    ("GET", "", "fieldSelector=a.b=c", None, 400, "BadRequest", '"a.b" is not a known field selector: only "metadata.name", "metadata.namespace"'),
    ("GET", "/apis/batch/v1/jobs", "fieldSelector=a=b", None, 400, "BadRequest", 'field label "a" not supported for Job'),
    ("GET", "/api/v1/pods", "fieldSelector=a=b", None, 400, "BadRequest", "field label not supported: a"),
    ("GET", "/api/v1/services", "fieldSelector=a=b", None, 400, "BadRequest", "field label not supported: a"),
    ("GET", "/apis/apps/v1/daemonsets", "fieldSelector=a=b", None, 400, "BadRequest", '"a" is not a known field selector: only '),
    # names and paths
    ("GET", "/a%25b", "", None, 400, "BadRequest", 'Name parameter invalid: "a%b": may not contain \'%\''),
    ("GET", "/%2e%2e", "", None, 400, "BadRequest", 'Name parameter invalid: "..": may not be \'..\''),
    ("GET", "/a%2Fb", "", None, 404, "NotFound", GENERIC_404),
    ("GET", "/c/status", "", None, 404, "NotFound", GENERIC_404),
    ("GET", "/api/v1/namespaces/default/namespaces", "", None, 404, "NotFound", GENERIC_404),
    ("GET", "/api/v1/namespaces/default/nodes", "", None, 404, "NotFound", GENERIC_404),
    ("GET", "/apis/apps/v9", "", None, 404, "NotFound", GENERIC_404),
    ("GET", "/apis/apps/v9/things", "", None, 404, "NotFound", GENERIC_404),
    ("GET", "/api/v2", "", None, 404, "NotFound", GENERIC_404),
    ("GET", "/api/v1/namespaces//configmaps", "", None, 404, "NotFound", GENERIC_404),
    ("GET", "//api/v1/configmaps", "", None, 404, None, "404 page not found"),
    ("GET", "/apis/nope.example.com/v1/things", "", None, 404, None, "404 page not found"),
    ("GET", "/api/v1/bindings", "", None, 405, "MethodNotAllowed", GENERIC_405),
    ("PUT", "", "", meta("c"), 405, "MethodNotAllowed", GENERIC_405),
    ("POST", "/api/v1/watch/configmaps", "", None, 405, "MethodNotAllowed", GENERIC_405),
    ("POST", "/c", "", meta("c"), 405, "MethodNotAllowed", GENERIC_405),
    # options of writes
    ("POST", "", "fieldValidation=foo", meta("new"), 422, "Invalid",
     'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "foo": supported values: "", "Ignore", "Strict", "Warn"'),
    ("POST", "", "dryRun=All&dryRun=x&fieldValidation=y&fieldManager=a%0Ab", meta("new"), 422, "Invalid", 'CreateOptions.meta.k8s.io "" is invalid: ['
     'fieldManager: Invalid value: "a\\nb": invalid character U+000A (at position 1), dryRun: Unsupported value: []string{"All", "x"}: supported values: "All", '
     'fieldValidation: Unsupported value: "y": supported values: "", "Ignore", "Strict", "Warn"]'),
    ("PUT", "/c", "fieldManager=" + "m" * 129, meta("c"), 422, "Invalid",
     'UpdateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes'),
    ("DELETE", "/none", "propagationPolicy=", None, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "": '),
    ("DELETE", "/c", "", {"propagationPolicy": "x", "orphanDependents": True, "dryRun": ["x", "All"]}, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: '
     '[propagationPolicy: Invalid value: "x": orphanDependents and deletionPropagation cannot be both set, propagationPolicy: Unsupported value: "x": '
     'supported values: "Foreground", "Background", "Orphan", "nil", dryRun: Unsupported value: []string{"x", "All"}: supported values: "All"]'),
    ("DELETE", "/c", "gracePeriodSeconds=", None, 400, "BadRequest", 'strconv.ParseInt: parsing "": invalid syntax'),
    ("DELETE", "", "limit=x", None, 400, "BadRequest", 'strconv.ParseInt: parsing "x": invalid syntax'),
    ("DELETE", "", "resourceVersionMatch=Exact", None, 422, "Invalid", LIST_INVALID + "resourceVersionMatch: Forbidden: "),
    ("POST", "", "dryRun=x", meta("new"), 422, "Invalid",
     'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: []string{"x"}: supported values: "All"'),
    ("DELETE", "/c", "propagationPolicy=foo", None, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: ' + PROPAGATION),
    ("DELETE", "/c", "", {"propagationPolicy": "foo"}, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: ' + PROPAGATION),
    ("DELETE", "", "propagationPolicy=foo", None, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: ' + PROPAGATION),
    ("DELETE", "/c", "propagationPolicy=Orphan&orphanDependents=true", None, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: ' + BOTH),
    ("DELETE", "/c", "", {"propagationPolicy": "Orphan", "orphanDependents": True}, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: ' + BOTH),
    ("DELETE", "/c", "", {"dryRun": ["x"]}, 422, "Invalid", 'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: []string{"x"}'),
    ("DELETE", "/c", "gracePeriodSeconds=abc", None, 400, "BadRequest", PARSE_INT),
    ("DELETE", "/c", "dryRun=All&gracePeriodSeconds=-1", None, 200, None, None),
    ("DELETE", "/c", "fieldValidation=Strict", {"foo": 1, "dryRun": ["All"]}, 200, None, None),
    ("DELETE", "/c", "", {"kind": "DeleteOptions", "apiVersion": "apps/v1", "dryRun": ["All"]}, 200, None, None),
    ("DELETE", "/c", "", {"kind": "Pod", "apiVersion": "v1"}, 500, None, 'no kind "Pod" is registered for version "v1" in scheme '),
    ("DELETE", "/c", "", "{", 500, None, "couldn't get version/kind; json parse error: unexpected end of JSON input"),
    ("DELETE", "/c", "", {"gracePeriodSeconds": "x"}, 500, None, "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"),
    ("DELETE", "/c", "", {"preconditions": {"uid": "1"}}, 409, "Conflict",
     'Operation cannot be fulfilled on ConfigMap "c": the UID in the precondition (1) does not match the UID in record ('),
    ("DELETE", "/c", "", {"preconditions": {"resourceVersion": "1"}}, 409, "Conflict",
     'Operation cannot be fulfilled on ConfigMap "c": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ('),
    ("DELETE", "/none", "", None, 404, "NotFound", 'configmaps "none" not found'),
    # bodies
    ("POST", "", "", "", 400, "BadRequest", NO_KIND + "unexpected end of JSON input (<empty>)"),
    ("POST", "", "", "{", 400, "BadRequest", NO_KIND + "unexpected end of JSON input ({)"),
    ("POST", "", "", "[]", 400, "BadRequest", NO_KIND + "json: cannot unmarshal array into Go value of type struct { APIVersion string "),
    ("POST", "", "", "null", 422, "Invalid", 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'),
    ("POST", "", "", {"kind": 1}, 400, "BadRequest", NO_KIND + 'json: cannot unmarshal number into Go struct field .kind of type string ({"kind": 1})'),
    ("POST", "", "", typed("ConfigMap", "a/b/c"), 400, "BadRequest",
     "the object provided is unrecognized (must be of type ConfigMap): unexpected GroupVersion string: a/b/c ("),
    ("POST", "", "", typed("ConfigMapList", "v1"), 400, "BadRequest", 'ConfigMapList in version "v1" ' + NO_CONVERSION % "ConfigMapList"),
    ("POST", "", "", typed("List", "v1"), 400, "BadRequest", 'List in version "v1" ' + NO_CONVERSION % "List"),
    ("POST", "", "", typed("Secret", "v1"), 400, "BadRequest", 'Secret in version "v1" ' + NO_CONVERSION % "Secret"),
    ("POST", "", "", typed("Deployment", "apps/v1"), 400, "BadRequest", 'Deployment in version "v1" ' + NO_CONVERSION % "Deployment"),
    ("PUT", "/c", "", typed("Secret", "v1", "c"), 400, "BadRequest", 'Secret in version "v1" ' + NO_CONVERSION % "Secret"),
    ("POST", "", "", typed("Foo", "v1"), 400, "BadRequest", 'Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for version "v1" ' + SCHEME),
    ("POST", "", "", typed("ConfigMap", "v2"), 400, "BadRequest", 'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" ' + SCHEME),
    ("POST", DEPLOYMENTS, "", typed("Deployment", "apps/v1beta1"), 400, "BadRequest",
     "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)"),
    ("POST", "", "", dict(meta("new"), data={"a": 1}), 400, "BadRequest",
     'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string'),
    ("POST", "", "", meta("new", resourceVersion="5"), 500, None, "resourceVersion should not be set on objects to be created"),
    ("POST", "", "", meta("new", namespace="other"), 400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request"),
    ("POST", "", "", meta("c"), 409, "AlreadyExists", 'configmaps "c" already exists'),
    ("POST", "/api/v1/nodes", "dryRun=All", meta("new", namespace="other"), 201, None, None),
    ("PUT", "/c", "", meta("c", namespace="other"), 400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request"),
    ("PUT", "/c", "", meta("other"), 400, "BadRequest", "the name of the object (other) does not match the name on the URL (c)"),
    ("PUT", "/c", "", {"metadata": {}}, 400, "BadRequest", "name must be provided"),
    ("PUT", "/c", "", meta("c", uid="other"), 409, "Conflict", UIDS),
    ("PUT", "/c", "", meta("c", resourceVersion="1"), 409, "Conflict",
     'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again'),
    ("PUT", "/none", "", meta("none", uid="other"), 404, "NotFound", 'configmaps "none" not found'),
]


@check("refusals of requests, in upstream's words")
def requests_refused(api, ns):
    base, wrong = CM % ns, []
    api("POST", base, meta("c"))
    for method, path, query, body, code, reason, message in REQUESTS:
        at = (path % ns if "%s" in path else path) if path.startswith(("/api", "//api")) else base + path
        request = requests.Request(method, api.base + at, data=body if body is None or isinstance(body, str) else json.dumps(body),
                                   headers={"Content-Type": "application/json", "Accept": "application/json"})
        ready = api.session.prepare_request(request)
        ready.url = api.base + at + ("?" + query if query else "")
        answer = api.session.send(ready, timeout=30, verify=api.session.verify, cert=api.session.cert)
        got = answer.json() if "json" in answer.headers["Content-Type"] else {"message": answer.text}
        said = got.get("message", "") if got.get("kind") == "Status" or "kind" not in got else ""
        if (answer.status_code, got.get("reason")) != (code, reason) or not said.startswith(message or ""):
            wrong.append(f"{method} {at}?{query} {body}: {answer.status_code} {got.get('reason')} {said[:300]!r}, wanted {code} {reason} {message!r}")
    assert not wrong, f"{len(wrong)} of {len(REQUESTS)}:\n" + "\n".join(wrong)


BIND = {"target": {"kind": "Node", "name": "nn"}}
APPLIED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ap"}}
REVIEWER = [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}]

# What strategic patches make is turned from a tree into Go's values.
UNFIT = [
    ({"data": 5}, "map[data:5]", "cannot restore map from int64"),
    ({"metadata": {"labels": "x"}}, "map[metadata:map[labels:x]]", "cannot restore map from string"),
    ({"metadata": "x"}, "map[metadata:x]", "cannot restore struct from: string"),
    ({"metadata": {"finalizers": {}}}, "map[metadata:map[finalizers:map[]]]", "cannot restore slice from map"),
    ({"data": {"a": 5}}, "map[data:map[a:5]]", "cannot convert int64 to string"),
    ({"data": {"a": True}}, "map[data:map[a:true]]", "unrecognized type: string"),
    ({"immutable": "yes"}, "map[immutable:yes]", "unrecognized type: bool"),
    ({"binaryData": {"b": "!"}}, "map[binaryData:map[b:!]]", "error decoding from json: illegal base64 data at input byte 0"),
    ({"binaryData": {"b": 5}}, "map[binaryData:map[b:5]]", "cannot restore slice from int64"),
]
# as whom (None: the administrator), method, path below the namespace unless it begins with /, query, body, its type, code, reason, message
STATES = [
    (None, "POST", "/api/v1/namespaces/absent/configmaps", "", meta("x"), None, 404, "NotFound", 'namespaces "absent" not found'),
    (None, "POST", "/configmaps", "", meta("held"), None, 409, "AlreadyExists", 'object is being deleted: configmaps "held" already exists'),
    (None, "POST", "/pods/gated/binding", "", BIND, None, 409, "Conflict", 'Operation cannot be fulfilled on pods/binding "gated": pod gated has non-empty .spec.schedulingGates'),
    (None, "POST", "/pods/two/binding", "", {"target": {"kind": "Foo", "name": "x"}}, None, 500, None,
     'target.kind: Unsupported value: "Foo": supported values: "Node", "<empty>"'),
    (None, "POST", "/pods/two/binding", "", dict(BIND, metadata={"name": "x"}), None, 400, "BadRequest", "name in URL does not match name in Binding object"),
    (None, "POST", "/pods/bound/binding", "", BIND, None, 409, "Conflict",
     'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "nn"'),
    (None, "POST", "/pods/none/binding", "", BIND, None, 404, "NotFound", 'pods "none" not found'),
    (None, "POST", "/pods/two/eviction", "", typed("Eviction", "policy/v1", "x"), None, 400, "BadRequest", "name in URL does not match name in Eviction object"),
    (None, "GET", "/pods/two/log", "", None, None, 400, "BadRequest", "a container name must be specified for pod two, choose one of: [c d]"),
    (None, "GET", "/pods/two/log", "container=zz", None, None, 400, "BadRequest", "container zz is not valid for pod two"),
    (None, "GET", "/pods/two/log", "container=d", None, None, 400, "BadRequest", "pod two does not have a host assigned"),
    (None, "GET", "/pods/two/log", "tailLines=-1", None, None, 422, "Invalid", 'PodLogOptions "two" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'),
    (None, "GET", "/pods/two/log", "sinceSeconds=0", None, None, 422, "Invalid", 'PodLogOptions "two" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0'),
    (None, "GET", "/pods/two/log", "limitBytes=0", None, None, 422, "Invalid", 'PodLogOptions "two" is invalid: limitBytes: Invalid value: 0: must be greater than 0'),
    (None, "GET", "/pods/two/log", "tailLines=x", None, None, 400, "BadRequest", 'strconv.ParseInt: parsing "x": invalid syntax'),
    (None, "POST", "/pods", "", pod("n", serviceAccountName="none"), None, 403, "Forbidden", 'pods "n" is forbidden: error looking up service account '),
    (None, "POST", "/pods", "", pod("n", priorityClassName="none"), None, 403, "Forbidden", 'pods "n" is forbidden: no PriorityClass with name none was found'),
    (None, "POST", "/pods", "", pod("n", priority=7), None, 403, "Forbidden", 'pods "n" is forbidden: the integer value of priority (7) must not be provided in pod spec; '
     "priority admission controller computed 0 from the given PriorityClass name"),
    (None, "POST", "/pods", "", pod("n", runtimeClassName="none"), None, 403, "Forbidden", 'pods "n" is forbidden: pod rejected: RuntimeClass "none" not found'),
    (None, "DELETE", "/api/v1/namespaces/kube-system", "", None, None, 403, "Forbidden", 'namespaces "kube-system" is forbidden: this namespace may not be deleted'),
    # patches
    (None, "PATCH", "/configmaps/ap", "", "{}", "application/json", 415, "UnsupportedMediaType", "415: Unsupported Media Type"),
    (None, "PATCH", "/configmaps/ap", "", "{", MERGE, 400, "BadRequest", "error decoding patch: unexpected end of JSON input"),
    (None, "PATCH", "/configmaps/ap", "", "[]", MERGE, 400, "BadRequest", "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"),
    (None, "PATCH", "/configmaps/ap", "fieldValidation=Ignore", "[]", MERGE, 400, "BadRequest", "Invalid JSON Patch"),
    (None, "PATCH", "/configmaps/ap", "", "{}", JSON_PATCH, 400, "BadRequest", "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
    (None, "PATCH", "/configmaps/ap", "", "{", STRATEGIC, 400, "BadRequest", "unexpected end of JSON input"),
    *[(None, "PATCH", "/configmaps/ap", "", body, STRATEGIC, 422, "Invalid", f' "" is invalid: patch: Invalid value: "{shown}": {why}') for body, shown, why in UNFIT],
    (None, "PATCH", "/configmaps/ap", "", {"metadata": {"uid": "1"}}, MERGE, 422, "Invalid",
     'ConfigMap "ap" is invalid: metadata.uid: Invalid value: "1": field is immutable'),
    (None, "PATCH", "/configmaps/ap", "", APPLIED, APPLY, 422, "Invalid", 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'),
    (None, "PATCH", "/configmaps/ap", "fieldManager=n", dict(APPLIED, data={"a": "2", "b": "2"}), APPLY, 409, "Conflict",
     'Apply failed with 2 conflicts: conflicts with "m":\n- .data.a\n- .data.b'),
    (None, "PATCH", "/configmaps/ap", "fieldManager=n", dict(APPLIED, foo=1), APPLY, 500, None, "failed to create typed patch object ("),
    (None, "PATCH", "/configmaps/new", "fieldManager=n", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "uid": "u"}}, APPLY, 409, "Conflict",
     'Operation cannot be fulfilled on configmaps "new": uid mismatch: the provided object specified uid u, and no existing object was found'),
    # who may not
    ("jane", "GET", "/configmaps", "", None, None, 403, "Forbidden", 'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "'),
    ("jane", "GET", "/api/v1/nodes/n", "", None, None, 403, "Forbidden", 'nodes "n" is forbidden: User "jane" cannot get resource "nodes" in API group "" at the cluster scope'),
    ("jane", "GET", "/foo", "", None, None, 403, "Forbidden", 'forbidden: User "jane" cannot get path "/foo"'),
    ("jane", "GET", "/pods/x/log", "", None, None, 403, "Forbidden", 'pods "x" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "'),
    ("jane", "DELETE", "/pods", "", None, None, 403, "Forbidden", 'pods is forbidden: User "jane" cannot deletecollection resource "pods" in API group "" in the namespace "'),
    ("jane", "POST", "/roles", "", dict(meta("e"), rules=[{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]), None, 403, "Forbidden",
     'roles.rbac.authorization.k8s.io "e" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
     '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'),
]


@check("refusals that depend on what is there, in upstream's words")
def states_refused(api, ns):
    base, rbac, wrong = f"/api/v1/namespaces/{ns}", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}", []
    api("POST", base + "/configmaps", meta("held", finalizers=["example.com/hold"]))
    api("DELETE", base + "/configmaps/held")
    api("PATCH", base + "/configmaps/ap", dict(APPLIED, data={"a": "1", "b": "1"}), 201, type=APPLY, fieldManager="m")
    two = pod("two")
    two["spec"]["containers"].append(dict(C, name="d"))
    for one in (two, pod("gated", schedulingGates=[{"name": "a.b/c"}]), pod("bound", nodeName="nn")):
        api("POST", base + "/pods", one)
    api("POST", rbac + "/roles", dict(meta("r"), rules=[{"verbs": ["create"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]}]))
    api("POST", rbac + "/rolebindings", dict(meta("r"), roleRef={"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}, subjects=REVIEWER))
    for user, method, path, query, body, type, code, reason, message in STATES:
        at = path if path.startswith(("/api", "/foo")) else (rbac if path == "/roles" else base) + path
        headers = {"Content-Type": type or "application/json", "Accept": "application/json", **({"Impersonate-User": user} if user else {})}
        answer = api.session.request(method, api.base + at + ("?" + query if query else ""), headers=headers, timeout=30,
                                     data=body if body is None or isinstance(body, str) else json.dumps(body))
        got = answer.json()
        if (answer.status_code, got.get("reason")) != (code, reason) or not got.get("message", "").startswith(message):
            wrong.append(f"{user} {method} {at}?{query} {body}: {answer.status_code} {got.get('reason')} {got.get('message')!r}, wanted {code} {reason} {message!r}")
    api("PATCH", base + "/configmaps/held", {"metadata": {"finalizers": None}}, type=MERGE)
    assert not wrong, f"{len(wrong)} of {len(STATES)}:\n" + "\n".join(wrong)


LEASES = "/apis/coordination.k8s.io/v1/namespaces/%s/leases"
INVALID_NAME = {"reason": "FieldValueRequired", "message": "Required value: name or generateName is required", "field": "metadata.name"}

# method, path, query, body, its type, code, message (its beginning), details as a whole ({} and None differ)
STATUSES = [
    ("GET", CM + "/none", "", None, None, 404, 'configmaps "none" not found', {"kind": "configmaps", "name": "none"}),
    ("GET", DEPLOYMENTS + "/none", "", None, None, 404, 'deployments.apps "none" not found', {"group": "apps", "kind": "deployments", "name": "none"}),
    ("POST", CM % "absent", "", meta("x"), None, 404, 'namespaces "absent" not found', {"kind": "namespaces", "name": "absent"}),
    ("GET", "/api/v1/things", "", None, None, 404, GENERIC_404, {}),
    ("PUT", CM, "", meta("c"), None, 405, GENERIC_405, {}),
    ("POST", CM, "", meta("c"), None, 409, 'configmaps "c" already exists', {"kind": "configmaps", "name": "c"}),
    ("POST", CM, "", meta("held"), None, 409, 'object is being deleted: configmaps "held" already exists', {"kind": "configmaps", "name": "held"}),
    ("PUT", CM + "/c", "", meta("c", resourceVersion="1"), None, 409, 'Operation cannot be fulfilled on configmaps "c": the object has been modified',
     {"kind": "configmaps", "name": "c"}),
    ("DELETE", CM + "/c", "", {"preconditions": {"uid": "1"}}, None, 409, 'Operation cannot be fulfilled on ConfigMap "c": ', {"kind": "ConfigMap", "name": "c"}),
    ("DELETE", LEASES + "/l", "", {"preconditions": {"uid": "1"}}, None, 409, 'Operation cannot be fulfilled on Lease.coordination.k8s.io "l": ',
     {"group": "coordination.k8s.io", "kind": "Lease", "name": "l"}),
    ("PATCH", CM + "/c", "fieldManager=n", typed("ConfigMap", "v1", "c") | {"data": {"a": "2"}}, APPLY, 409, 'Apply failed with 1 conflict: conflict with "m": .data.a',
     {"causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "m"', "field": ".data.a"}]}),
    ("POST", CM, "", {}, None, 422, 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
     {"kind": "ConfigMap", "causes": [INVALID_NAME]}),
    ("POST", CM, "dryRun=x", meta("n"), None, 422, 'CreateOptions.meta.k8s.io "" is invalid: ', {"group": "meta.k8s.io", "kind": "CreateOptions", "causes": [
        {"reason": "FieldValueNotSupported", "message": 'Unsupported value: []string{"x"}: supported values: "All"', "field": "dryRun"}]}),
    ("PUT", LEASES + "/l", "", meta("l"), None, 422, 'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: ', {
        "group": "coordination.k8s.io", "kind": "leases", "name": "l", "causes": [
            {"reason": "FieldValueInvalid", "message": "Invalid value: 0x0: must be specified for an update", "field": "metadata.resourceVersion"}]}),
    ("PATCH", CM + "/c", "", [{"op": "test", "path": "/data/a", "value": "2"}], JSON_PATCH, 422, "the server rejected our request due to an error in our request", None),
    ("POST", CM, "", {"data": {"k": "x" * 1048577}} | meta("n"), None, 422, 'ConfigMap "n" is invalid: []: Too long: may not be more than 1048576 bytes', {
        "kind": "ConfigMap", "name": "n", "causes": [{"reason": "FieldValueTooLong", "message": "Too long: may not be more than 1048576 bytes", "field": "[]"}]}),
    ("GET", PODS + "/none/log", "sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z", None, None, 422,
     'PodLogOptions "none" is invalid: []: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified', {"kind": "PodLogOptions", "name": "none", "causes": [
         {"reason": "FieldValueForbidden", "message": "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified", "field": "[]"}]}),
    ("GET", PODS + "/none/exec", "dryRun=All", None, None, 400, "dryRun is not supported", None),
    ("GET", "/api/v1/namespaces/%s/services/none/proxy/a", "dryRun=All", None, None, 400, "dryRun is not supported", None),
    ("GET", CM, "limit=x", None, None, 400, "strconv.ParseInt: ", None),
    ("GET", CM, "resourceVersion=x", None, None, 500, "resourceVersion: ", None),
    ("GET", CM, "resourceVersion=999999999", None, None, 504, "Timeout: Too large resource version: 999999999, current: ", {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}),
    ("POST", CM, "", "x", "text/plain", 415, "the body of the request was in an unknown format", None),
    ("PATCH", CM + "/c", "", "{}", "text/plain", 415, "415: Unsupported Media Type", {}),
    ("DELETE", "/api/v1/namespaces/kube-public", "", None, None, 403, 'namespaces "kube-public" is forbidden: this namespace may not be deleted',
     {"kind": "namespaces", "name": "kube-public"}),
    ("POST", PODS, "", pod("n", priorityClassName="none"), None, 403, 'pods "n" is forbidden: no PriorityClass with name none was found', {"kind": "pods", "name": "n"}),
    ("POST", PODS, "", pod("n", serviceAccountName="none"), None, 403, 'pods "n" is forbidden: error looking up service account ', {"kind": "pods", "name": "n"}),
]


@check("details of each kind of refusal")
def details(api, ns):
    base, wrong = CM % ns, []
    api("POST", base, meta("held", finalizers=["example.com/hold"]))
    api("DELETE", base + "/held")
    api("PATCH", base + "/c", typed("ConfigMap", "v1", "c") | {"data": {"a": "1"}}, 201, type=APPLY, fieldManager="m")
    api("POST", LEASES % ns, meta("l"))
    for method, path, query, body, type, code, message, wanted in STATUSES:
        at = (path % ns if "%s" in path else path) + ("?" + query if query else "")
        answer = api.session.request(method, api.base + at, headers={"Content-Type": type or "application/json", "Accept": "application/json"}, timeout=30,
                                     data=body if body is None or isinstance(body, str) else json.dumps(body))
        got = answer.json()
        if (answer.status_code, got.get("code"), got.get("details")) != (code, code, wanted) or not got["message"].startswith(message):
            wrong.append(f"{method} {at}: {answer.text[:500]}, wanted {code} {message!r} {wanted}")
    api("PATCH", base + "/held", {"metadata": {"finalizers": None}}, type=MERGE)
    assert not wrong, f"{len(wrong)} of {len(STATUSES)}:\n" + "\n".join(wrong)


REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
TO_PODS = {"verb": "list", "resource": "pods"}
SELECTOR_AT = "spec.resourceAttributes.%s."

# spec of a SelfSubjectAccessReview, what is said
REVIEWS = [
    ({}, 'spec.resourceAttributes: Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified'),
    ({"resourceAttributes": TO_PODS, "nonResourceAttributes": {"path": "/x", "verb": "get"}}, "spec.nonResourceAttributes: Invalid value: "
     'authorization.NonResourceAttributes{Path:"/x", Verb:"get"}: cannot be specified in combination with resourceAttributes'),
    ({"resourceAttributes": dict(TO_PODS, fieldSelector={"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]})},
     SELECTOR_AT % "fieldSelector" + 'rawSelector: Invalid value: "a=b": may not specified at the same time as requirements'),
    ({"resourceAttributes": dict(TO_PODS, fieldSelector={})}, SELECTOR_AT % "fieldSelector"
     + "requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required"),
    ({"resourceAttributes": dict(TO_PODS, fieldSelector={"requirements": [{"operator": "In", "values": ["b"]}]})},
     SELECTOR_AT % "fieldSelector" + "requirements[0].key: Required value: must be specified"),
    ({"resourceAttributes": dict(TO_PODS, fieldSelector={"requirements": [{"key": "a", "operator": "Exists", "values": ["b"]}]})},
     SELECTOR_AT % "fieldSelector" + "requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    ({"resourceAttributes": dict(TO_PODS, labelSelector={"requirements": [{"key": "a", "operator": "In"}]})},
     SELECTOR_AT % "labelSelector" + "requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
    ({"resourceAttributes": dict(TO_PODS, labelSelector={"requirements": [{"key": "-a", "operator": "Exists"}]})},
     SELECTOR_AT % "labelSelector" + 'requirements[0].key: Invalid value: "-a": name part must consist of alphanumeric characters'),
    ({"resourceAttributes": dict(TO_PODS, labelSelector={"requirements": [{"key": "a", "operator": "In", "values": ["-b"]}]})},
     SELECTOR_AT % "labelSelector" + 'requirements[0].values[0]: Invalid value: "-b": a valid label must be an empty string or consist of'),
]


@check("refusals of questions about access")
def reviews_refused(api, ns):
    for spec, words in REVIEWS:
        answer = send(api, "POST", REVIEW, {"spec": spec})
        is_status(answer.json(), 422, "Invalid", 'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: ' + words)


# headers, the code, the user's name and groups in the answer (None: refused)
IMPERSONATED = [
    ({"Impersonate-User": "jane"}, 201, "jane", ["system:authenticated"]),
    ({"Impersonate-User": "jane", "Impersonate-Group": "z"}, 201, "jane", ["z", "system:authenticated"]),
    ({"Impersonate-User": "system:serviceaccount:a:b"}, 201, "system:serviceaccount:a:b",
     ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]),
    ({"Impersonate-User": "system:serviceaccount:a:b", "Impersonate-Group": "g"}, 201, "system:serviceaccount:a:b", ["g", "system:authenticated"]),
    ({"Impersonate-User": ""}, 201, None, None),
    ({"Impersonate-User": "jane", "Impersonate-Group": "system:unauthenticated"}, 403, None, None),
    ({"Impersonate-User": "system:anonymous"}, 403, None, None),
    ({"Impersonate-Group": "g"}, 400, None, None),
    ({"Impersonate-Uid": "1"}, 400, None, None),
    ({"Impersonate-Extra-a": "b"}, 400, None, None),
]


@check("TokenReview: what is wrong with a token")
def token_reviews(api, ns):
    accounts, path = f"/api/v1/namespaces/{ns}/serviceaccounts", "/apis/authentication.k8s.io/v1/tokenreviews"
    for name in ("gone", "kept"):
        api("POST", accounts, meta(name))
    held = api("POST", f"/api/v1/namespaces/{ns}/pods", pod("held", serviceAccountName="kept"))["metadata"]

    def issue(account, **spec):
        return api("POST", f"{accounts}/{account}/token", {"spec": spec})["status"]["token"]
    gone_, other = issue("gone"), issue("kept", audiences=["vault", "ci"])
    bound = issue("kept", boundObjectRef={"apiVersion": "v1", "kind": "Pod", "name": "held", "uid": held["uid"]})
    until("the token is good", lambda: api("POST", path, {"spec": {"token": bound}})["status"].get("authenticated"))
    api("DELETE", f"{accounts}/gone")
    api("DELETE", f"/api/v1/namespaces/{ns}/pods/held", gracePeriodSeconds=0)
    issuer = api("GET", "/.well-known/openid-configuration")["issuer"]
    for token, audiences, words in [
        ("x", [], "invalid bearer token"),
        (gone_[:-8] + ("A" if gone_[-8] != "A" else "B") + gone_[-7:], [], "[invalid bearer token, square/go-jose: error in cryptographic primitive]"),
        (gone_, [], '[invalid bearer token, serviceaccounts "gone" not found]'),
        (bound, [], "[invalid bearer token, service account token has been invalidated]"),
        (other, [], f'[invalid bearer token, token audiences ["vault" "ci"] is invalid for the target audiences ["{issuer}"]]'),
        (other, ["db"], '[invalid bearer token, token audiences ["vault" "ci"] is invalid for the target audiences ["db"]]'),
    ]:
        got = until(words, lambda: [one for one in [api("POST", path, {"spec": {"token": token, "audiences": audiences}})["status"]] if one.get("error")])
        assert got == [{"user": {}, "error": words}], got
    is_status(api("POST", path, {"spec": {}}, code=400), 400, "BadRequest", "token is required for TokenReview in authentication")


@check("impersonation: whom its headers make")
def impersonation(api, ns):
    for headers, code, name, groups in IMPERSONATED:
        answer = api.session.post(api.base + "/apis/authentication.k8s.io/v1/selfsubjectreviews", json={}, headers=headers, timeout=30)
        assert answer.status_code == code, (headers, answer.text)
        user = answer.json().get("status", {})["userInfo"] if code == 201 else {}
        assert not name or (user["username"], user["groups"]) == (name, groups), (headers, user)


@check("owner references that are there twice are dropped, with a warning")
def duplicate_owners(api, ns):
    path, owner = CM % ns, {"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1"}
    owners = [owner, owner, dict(owner, uid="2")]  # who are not there: a dry run, or the garbage collector comes
    api("POST", path, meta("o"))
    for method, name, when in [("POST", "", ""), ("PUT", "o", ""), ("PATCH", "o", " after mutating admission happens")]:
        answer = send(api, method, f"{path}/{name}".rstrip("/"), meta(name or "n", ownerReferences=owners), dryRun="All")
        assert [one["uid"] for one in answer.json()["metadata"]["ownerReferences"]] == ["1", "2"], answer.text
        wanted = (f".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may reject such requests "
                  "as early as 1.24; please fix your requests; duplicate UID(s) observed: 1")
        assert answer.headers["Warning"] == f'299 - "{wanted}"', answer.headers


@check("media types that are not taken, or cannot be given")
def media(api, ns):
    for headers, code, words in [
            ({"Content-Type": "text/plain"}, 415, "the body of the request was in an unknown format - accepted media types include: "
             "application/json, application/yaml, application/vnd.kubernetes.protobuf"),
            ({"Content-Type": "application/json", "Accept": "text/html"}, 406, "only the following media types are accepted: "
             "application/json, application/yaml, application/vnd.kubernetes.protobuf")]:
        answer = api.session.post(api.base + CM % ns, data="{}", headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["message"]) == (code, words), answer.text


@check("Scale as a Table and as metadata alone")
def scale_table(api, ns):
    path = DEPLOYMENTS % ns
    api("POST", path, dict(meta("d"), spec={"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}))
    table = api("GET", path + "/d/scale", accept=TABLE)
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"], table
    assert table["rows"][0]["cells"][:3] == ["d", 0, 0], table["rows"]
    assert api("GET", path + "/d/scale", accept=PARTIAL % "")["kind"] == "PartialObjectMetadata"


@check("/version has upstream's form")
def version_form(api, ns):
    forms = {"major": r"1", "minor": r"32", "gitVersion": r"v1\.32\.\d+\S*", "gitCommit": r"[0-9a-f]{40}", "gitTreeState": r"clean|dirty|archive",
             "buildDate": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "goVersion": r"go1\.\d+(\.\d+)?", "compiler": "gc", "platform": r"linux/(amd64|arm64)"}
    got = api("GET", "/version")
    assert list(got) == list(forms) and all(re.fullmatch(form, got[key]) for key, form in forms.items()), got


def VOL(**volume):
    return S(volumes=[dict({"name": "v"}, **volume)])


def ITEMS(*paths):
    return [{"key": f"k{at}", "path": path} for at, path in enumerate(paths)]


def NOTE(**annotations):
    return {"metadata": {"annotations": annotations}}


PORT = {"containerPort": 80}
SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
APPARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'
OLD_OS = 'deprecated since v1.14; use "kubernetes.io/os" instead'
OS = "beta.kubernetes.io/os"
FRACTION = 'fractional byte value "%s" is invalid, must be an integer'
LABEL = "which can result in surprising behavior; a DNS label is recommended: [%s]"
DOTS, LONG = "must not contain dots", "must be no more than 63 characters"
NETIP = 'IP address was accepted, but will be invalid in a future Kubernetes release: ParseAddr("%s"): IPv4 field has octet with leading zero'
RFC = 'is not in RFC 5952 canonical format (%s), which may cause controller apply-loops'

# kind, name, what changes, every warning
WARNINGS = [
    ("Pod", "w", {}, []),
    ("Pod", "w", VOL(configMap={"name": "c", "items": ITEMS("a", "a/b", "x/")}), ['volume "v" (ConfigMap "c"): overlapping paths: "a/b" with "a"']),
    ("Pod", "w", VOL(secret={"secretName": "s", "items": ITEMS("x", "x/y")}), ['volume "v" (Secret "s"): overlapping paths: "x/y" with "x"']),
    ("Pod", "w", VOL(downwardAPI={"items": [{"path": path, "fieldRef": {"fieldPath": "metadata.name"}} for path in ("a", "a/")]}),
     ['volume "v" (DownwardAPI): overlapping paths: "a" with "a"']),
    ("Pod", "w", VOL(projected={"sources": [{"configMap": {"name": "c", "items": ITEMS("a")}}, {"secret": {"name": "s", "items": ITEMS("a/q")}}]}),
     ['volume "v" (Projected Secret "s"): overlapping paths: "a/q" with "a"']),
    ("Pod", "w", VOL(gitRepo={"repository": "x"}), ["spec.volumes[0].gitRepo: deprecated in v1.11"]),
    ("Pod", "w", VOL(storageos={"volumeName": "x"}), ["spec.volumes[0].storageOS: deprecated in v1.22, non-functional in v1.25+"]),
    ("Pod", "w", VOL(ephemeral={"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}}}}),
     ["spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: " + FRACTION % "1500m"]),
    ("Pod", "w", K(ports=[dict(PORT, hostIP="1.2.3.4")]),
     ["spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}"]),
    ("Pod", "w", K(ports=[PORT, PORT]), ["spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"]),
    ("Pod", "w", S(containers=[dict(C, ports=[PORT]), dict(C, name="d", ports=[PORT])]),
     ["spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]"]),
    ("Pod", "w", K(ports=[PORT, dict(PORT, protocol="UDP")]), []),
    ("Pod", "w", NOTE(**{"seccomp.security.alpha.kubernetes.io/pod": "unconfined", "container.seccomp.security.alpha.kubernetes.io/c": "unconfined"}),
     ["metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: " + SECCOMP, "metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: " + SECCOMP]),
    ("Pod", "w", NOTE(**{"container.apparmor.security.beta.kubernetes.io/c": "runtime/default"}),
     ["metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: " + APPARMOR]),
    ("Pod", "w", S(securityContext={"appArmorProfile": {"type": "RuntimeDefault"}}), []),
    ("Deployment", "w", S(template=NOTE(**{"container.apparmor.security.beta.kubernetes.io/c": "runtime/default"})),
     ["spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: " + APPARMOR]),
    ("Pod", "w", K(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
     ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply']),
    ("Pod", "w", K(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]), []),
    ("Pod", "w", K(resources={"requests": {"memory": "100m"}, "limits": {"memory": "100m"}}),
     ["spec.containers[0].resources.limits[memory]: " + FRACTION % "100m", "spec.containers[0].resources.requests[memory]: " + FRACTION % "100m"]),
    ("Pod", "a.b", {}, ["metadata.name: this is used in the Pod's hostname, " + LABEL % DOTS]),
    ("Pod", "a" * 64, {}, ["metadata.name: this is used in the Pod's hostname, " + LABEL % LONG]),
    ("Deployment", "a." + "b" * 70, {}, ["metadata.name: this is used in Pod names and hostnames, " + LABEL % (LONG + " " + DOTS)]),
    ("Job", "a.b", {}, ["metadata.name: this is used in Pod names and hostnames, " + LABEL % DOTS]),
    ("CronJob", "a.b", {}, ["metadata.name: this is used in Pod names and hostnames, " + LABEL % DOTS]),
    ("Job", "w", S(completionMode="Indexed", completions=100001, parallelism=10001),
     ["spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track "
      "completedIndexes when a big number of indexes fail"]),
    ("StatefulSet", "w", S(volumeClaimTemplates=[{"metadata": {"name": "x"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}}}]),
     ["spec.volumeClaimTemplates[0].resources.requests[storage]: " + FRACTION % "1500m"]),
    ("Pod", "w", S(nodeSelector={"node-role.kubernetes.io/master": ""}),
     ['spec.nodeSelector[node-role.kubernetes.io/master]: use "node-role.kubernetes.io/control-plane" instead']),
    ("Pod", "w", S(hostAliases=[{"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}]), ['spec.hostAliases[1].ip: duplicate ip "1.1.1.1"']),
    ("Pod", "w", S(imagePullSecrets=[{"name": "a"}, {"name": "a"}, {}]),
     ['spec.imagePullSecrets[1].name: duplicate name "a"', 'spec.imagePullSecrets[2].name: invalid empty name ""']),
    ("Pod", "w", S(terminationGracePeriodSeconds=-1), ["spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"]),
    ("Service", "w", {}, []),
    ("Service", "w", NOTE(**{"service.kubernetes.io/topology-aware-hints": "auto"}),
     ["annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead"]),
    ("Balancer", "w", S(loadBalancerIP="01.2.3.4"), ["spec.loadBalancerIP: " + NETIP % "01.2.3.4"]),
    ("Service", "w", S(externalIPs=["2001:db8::0001"]), ['spec.externalIPs[0]: IPv6 address "2001:db8::0001" ' + RFC % '"2001:db8::1"']),
    ("Service", "w", S(externalIPs=["::ffff:1.2.3.4"]), []),
    ("Balancer", "w", S(loadBalancerSourceRanges=["2001:DB8::/64"]), ['spec.loadBalancerSourceRanges[0]: IPv6 prefix "2001:DB8::/64" ' + RFC % '"2001:db8::/64"']),
    ("Service", "w", S(externalName="x.y"), ['spec.externalName is ignored when spec.type is not "ExternalName"']),
    ("Service", "w", S(type="ExternalName", externalName="x.y", externalIPs=["1.2.3.4"]), ['spec.externalIPs is ignored when spec.type is "ExternalName"']),
    ("Service", "w", S(clusterIP="None", sessionAffinity="ClientIP"), []),
    ("Secret", "w", {"type": "kubernetes.io/tls", "data": {"tls.crt": "eA==", "tls.key": "eA=="}}, ["tls: failed to find any PEM data in certificate input"]),
    ("Node", "w", S(externalID="x"), ["spec.externalID: this field is deprecated, and is unused by Kubernetes"]),
    ("RuntimeClass", "w", {"scheduling": {"nodeSelector": {OS: "x"}}}, ["scheduling.nodeSelector: " + OLD_OS]),
    ("StorageClass", "w", {"allowedTopologies": [{"matchLabelExpressions": [{"key": OS, "values": ["x"]}]}]},
     ["allowedTopologies[0].matchLabelExpressions[0].key: " + OLD_OS]),
    ("Capacity", "w", {"nodeTopology": {"matchExpressions": [{"key": OS, "operator": "Exists"}]}}, [f"nodeTopology.matchExpressions[0].key: {OS} is {OLD_OS}"]),
    ("Claim", "w", NOTE(**{"volume.beta.kubernetes.io/storage-class": "x"}),
     ['metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead']),
    ("Volume", "w", S(persistentVolumeReclaimPolicy="Recycle"),
     ["spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."]),
    ("Ingress", "w", NOTE(**{"kubernetes.io/ingress.class": "x"}),
     ['annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead']),
    ("Budget", "w", {"spec": {"selector": {}}}, []),
]


@check("warnings of each kind, no more and no less")
def warned(api, ns):
    wrong = []
    for kind, name, change, texts in WARNINGS:
        path, body = made(kind, ns, name)
        answer = send(api, "POST", path, merged(body, change), dryRun="All")
        said = [text.replace('\\"', '"') for text in re.findall(r'299 - "((?:[^"\\]|\\.)*)"', answer.headers.get("Warning", ""))]
        if answer.status_code != 201 or said != texts:
            wrong.append(f"{row_name(kind, change)}: {answer.status_code} {said} {answer.text[:200] if answer.status_code != 201 else ''}, wanted {texts}")
    assert not wrong, f"{len(wrong)} of {len(WARNINGS)}:\n" + "\n".join(wrong)


@check("warnings of more than 4096 characters together are told by the first 256 of each")
def long_warnings(api, ns):
    keys = ["k%02d" % i + 600 * "\u00e9" for i in range(40)]
    answer = api.session.post(api.base + CM % ns, json=dict(meta("w"), **dict.fromkeys(keys, 1)))
    assert answer.status_code == 201, answer.text
    said = re.findall(r'299 - "((?:[^"\\]|\\.)*)"', answer.headers["Warning"].encode("latin1").decode())
    assert said == [f'unknown field \\"{key}'[:257] for key in keys[:16]], said  # a backslash is none of them


@check("AppArmor: fields and annotations of a Pod are kept in step")
def apparmor(api, ns):
    key = "container.apparmor.security.beta.kubernetes.io/c"
    for change, annotation, profile in [
            (NOTE(**{key: "localhost/x"}), "localhost/x", {"type": "Localhost", "localhostProfile": "x"}),
            (K(securityContext={"appArmorProfile": {"type": "Unconfined"}}), "unconfined", {"type": "Unconfined"}),
            (S(securityContext={"appArmorProfile": {"type": "RuntimeDefault"}}), "runtime/default", None)]:
        path, body = made("Pod", ns, "a")
        got = send(api, "POST", path, merged(body, change), dryRun="All").json()
        assert got["metadata"]["annotations"][key] == annotation, got["metadata"]
        assert got["spec"]["containers"][0].get("securityContext", {}).get("appArmorProfile") == profile, got["spec"]


main()
