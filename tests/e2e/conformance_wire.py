#!/usr/bin/env python3
"""conformance_wire.py KUBECONFIG [WORD]: encodings byte by byte, options of lists and watches, patches, dry runs and strictness."""
import struct

from conformance_kit import *

PROTOBUF = "application/vnd.kubernetes.protobuf"
AS = ";g=meta.k8s.io;v=v1;as=%s"
METADATA = PROTOBUF + ";as=PartialObjectMetadata%s;g=meta.k8s.io;v=v1"


# ---- protobuf without a schema: fields are (number, integer or bytes) ----


def varint(data, at):
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value, shift = value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    at, found = 0, []
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        else:
            assert tag & 7 == 0, tag
        found.append((tag >> 3, value))
    return found


def field(message, *numbers):
    for number in numbers:
        message = next((value for key, value in fields(message) if key == number), b"")
    return message


def envelope(data):
    """(apiVersion, kind, message)"""
    assert data[:4] == b"k8s\0", data[:200]
    return field(data[4:], 1, 1).decode(), field(data[4:], 1, 2).decode(), field(data[4:], 2)


def put(number, value):
    def number_of(rest):
        return bytes([rest]) if rest < 128 else bytes([rest & 127 | 128]) + number_of(rest >> 7)
    value = value.encode() if isinstance(value, str) else value
    return number_of(number << 3 | 2) + number_of(len(value)) + value


def wrap(version, kind, message):
    return b"k8s\0" + put(1, put(1, version) + put(2, kind)) + put(2, message) + put(3, "") + put(4, "")


def ask(api, method, path, body=None, accept="application/json", type="application/json", **params):
    data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
    return api.session.request(method, api.base + path, params=params, data=data, timeout=30,
                               headers={"Accept": accept, "Content-Type": type})


def frames(api, path, count, accept=PROTOBUF + ";stream=watch", **params):
    """The first events of a watch: (type, envelope)."""
    answer = api.session.get(api.base + path, params=dict(params, watch="1", timeoutSeconds=5), headers={"Accept": accept},
                             stream=True, timeout=20)
    assert answer.status_code == 200 and "protobuf" in answer.headers["Content-Type"], (answer.text[:300], answer.headers)
    found, kept = [], b""
    for chunk in answer.iter_content(None):
        kept += chunk
        while len(kept) >= 4 and len(kept) >= 4 + struct.unpack(">I", kept[:4])[0]:
            end = 4 + struct.unpack(">I", kept[:4])[0]
            event, kept = kept[4:end], kept[end:]
            found.append((field(event, 1).decode(), envelope(field(event, 2, 1))))
            if len(found) == count:
                answer.close()
                return found
    return found


def table(rows):
    """Rows of (what, answer, code, words...): every one is to be heard."""
    wrong = [f"{what}: {answer.status_code} {answer.text[:300]}, wanted {code} {words}" for what, answer, code, *words in rows
             if answer.status_code != code or not all(word in answer.text for word in words)]
    assert not wrong, "\n".join(wrong)


def configmaps(ns):
    return f"/api/v1/namespaces/{ns}/configmaps"


# ---- encodings ----


@check("protobuf: objects, lists, Status, metadata, options")
def protobuf(api, ns):
    path = configmaps(ns)
    made = ask(api, "POST", path, wrap("v1", "ConfigMap", put(1, put(1, "pb")) + put(2, put(1, "k") + put(2, "v"))), PROTOBUF, PROTOBUF)
    assert made.status_code == 201 and envelope(made.content)[:2] == ("v1", "ConfigMap"), made.content[:200]
    got = ask(api, "GET", path + "/pb", accept=PROTOBUF)
    assert got.headers["Content-Type"] == PROTOBUF and field(envelope(got.content)[2], 1, 1) == b"pb", got.headers
    _, kind, message = envelope(ask(api, "GET", path, accept=PROTOBUF, limit=1).content)
    assert kind == "ConfigMapList" and len([1 for number, _ in fields(message) if number == 2]) == 1 and field(message, 1, 2), message
    gone_ = ask(api, "GET", path + "/none", accept=PROTOBUF)
    version, kind, message = envelope(gone_.content)
    assert (gone_.status_code, version, kind) == (404, "v1", "Status") and field(message, 3) == b'configmaps "none" not found', message
    assert envelope(ask(api, "GET", path + "/pb", accept=METADATA % "").content)[:2] == ("meta.k8s.io/v1", "PartialObjectMetadata")
    assert envelope(ask(api, "GET", path, accept=METADATA % "List").content)[1] == "PartialObjectMetadataList"
    other = put(2, put(1, "00000000-0000-0000-0000-000000000000"))
    table([
        ("uid of DeleteOptions", ask(api, "DELETE", path + "/pb", wrap("v1", "DeleteOptions", other), type=PROTOBUF), 409, "the UID in the precondition"),
        ("dryRun of DeleteOptions", ask(api, "DELETE", path + "/pb", wrap("meta.k8s.io/v1", "DeleteOptions", put(5, "All")), type=PROTOBUF), 200),
        ("it is kept", ask(api, "GET", path + "/pb"), 200),
        ("cut short", ask(api, "POST", path, wrap("v1", "ConfigMap", b"\x0a\x7fa"), type=PROTOBUF), 400),
        ("another kind", ask(api, "POST", path, wrap("v1", "Secret", b""), type=PROTOBUF), 400),
        ("no protobuf", ask(api, "POST", path, b"{}", type=PROTOBUF), 400, "expected prefix [107 56 115 0]"),
    ])
    for i in range(3):
        api("POST", path, dict(meta(f"big{i}"), data={"x": "y" * 100000}))
    packed = api.session.get(api.base + path, headers={"Accept": PROTOBUF, "Accept-Encoding": "gzip"}, timeout=30)
    assert packed.headers.get("Content-Encoding") == "gzip" and envelope(packed.content)[1] == "ConfigMapList", packed.headers


@check("objects that are not stored say that they were not created")
def not_created(api, ns):
    access = {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": ns}}
    authorization, authentication = "/apis/authorization.k8s.io/v1/", "/apis/authentication.k8s.io/v1/"
    local = f"{authorization}namespaces/{ns}/localsubjectaccessreviews"
    for path, spec, metadata in [
        (authorization + "selfsubjectaccessreviews", access, {}),
        (authorization + "subjectaccessreviews", dict(access, user="u"), {}),
        (local, dict(access, user="u"), {"namespace": ns}),
        (authorization + "selfsubjectrulesreviews", {"namespace": ns}, {}),
        (authentication + "tokenreviews", {"token": "x"}, {}),
    ]:
        said = {"creationTimestamp": "2020-01-01T00:00:00Z", "uid": "u", "deletionTimestamp": "2020-01-01T00:00:00Z", "selfLink": "/"}
        for given in ({}, said):
            got = api("POST", path, {"metadata": given, "spec": spec}, fieldManager="m")["metadata"]
            managers = [(one["manager"], list(one["fieldsV1"])) for one in got.pop("managedFields")]
            assert got == dict(metadata, creationTimestamp=None) and managers == [("m", ["f:spec"])], (path, got, managers)
        message = envelope(ask(api, "POST", path, {"spec": spec}, PROTOBUF).content)[2]
        assert (8, b"") in fields(field(message, 1)), (path, message)
    is_status(api("POST", local, {"metadata": {"namespace": "other"}, "spec": dict(access, user="u")}, code=400), 400, "BadRequest",
              "the namespace of the provided object does not match the namespace sent on the request")
    # What is stored was created: a null is nobody's word for when.
    body = dict(meta("null", creationTimestamp=None), data={})
    made = api("POST", configmaps(ns), body)
    assert made["metadata"]["creationTimestamp"], made
    put_ = api("PUT", configmaps(ns) + "/null", dict(body, data={"a": "b"}))["metadata"]
    assert put_["creationTimestamp"] == made["metadata"]["creationTimestamp"], put_
    templates = f"/api/v1/namespaces/{ns}/podtemplates"
    assert '"template":{"metadata":{"creationTimestamp":null}' in ask(api, "POST", templates, dict(meta("t"), template={"spec": pod("x")["spec"]})).text


@check("OpenAPI v3: a document for each URL that is served")
def openapi_urls(api, ns):
    body = crd({"v1": ANY}, group=f"{ns}.example.com")
    define(api, body)
    custom, index = "apis/" + body["spec"]["group"], {}

    def listed():
        index.update(api("GET", "/openapi/v3")["paths"])
        return custom + "/v1" in index
    until("the definition is in the index", listed)
    plain = {".well-known/openid-configuration": "getServiceAccountIssuerOpenIDConfiguration", "api": "getCoreAPIVersions", "apis": "getAPIVersions",
             "openid/v1/jwks": "getServiceAccountIssuerOpenIDKeyset", "version": "getCodeVersion", "apis/apps": "getAppsAPIGroup",
             "apis/rbac.authorization.k8s.io": "getRbacAuthorizationAPIGroup"}
    for name, operation in plain.items():
        url = index[name]["serverRelativeURL"]
        url = url[url.index("/openapi/"):]  # behind what the cluster's own URL begins with
        assert url.startswith(f"/openapi/v3/{name}?hash="), url
        document = api("GET", url)
        assert list(document["paths"]) == [f"/{name}/"] and document["paths"][f"/{name}/"]["get"]["operationId"] == operation, document
    served = {"apis/" + one["name"] for one in api("GET", "/apis")["groups"]}
    assert {one.rsplit("/", 1)[0] for one in index if one.count("/") == 2 and one.startswith("apis/")} <= served
    assert {"apis/apps", "apis/batch", "apis/apiregistration.k8s.io", "apis/apiextensions.k8s.io"} <= set(index) and custom in served, index
    assert custom not in index, "a CRD's group has a document of its own"
    table([("a CRD's group", ask(api, "GET", "/openapi/v3/" + custom), 404), ("no URL", ask(api, "GET", "/openapi/v3/logs"), 404),
           ("in protobuf", ask(api, "GET", "/openapi/v3/version", accept="application/com.github.proto-openapi.spec.v3.v1.0+protobuf"), 200)])
    assert set(api("GET", "/openapi/v2")["paths"]) >= {f"/{name}/" for name in plain}
    undefine(api, body)


@check("protobuf: watches, their bookmarks and metadata")
def protobuf_watch(api, ns):
    path = configmaps(ns)
    api("POST", path, meta("a"))
    assert [one[0] for one in frames(api, path, 1, resourceVersion="0")] == ["ADDED"]
    begun = frames(api, path, 3, sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true")
    assert [one for one in begun if one[0] == "BOOKMARK" and one[1][1] == "ConfigMap"], begun
    shown = frames(api, path, 1, accept=METADATA % "" + ";stream=watch", resourceVersion="0")
    assert shown[0][1][:2] == ("meta.k8s.io/v1", "PartialObjectMetadata"), shown


@check("every answer names its FlowSchema and priority level")
def flow(api, ns):
    base = "/apis/flowcontrol.apiserver.k8s.io/v1/"
    names = {one["metadata"]["uid"]: one["metadata"]["name"] for kind in ("flowschemas", "prioritylevelconfigurations")
             for one in api("GET", base + kind)["items"]}
    account = f"system:serviceaccount:{ns}:default"
    for path, user, schema, level in [
            ("/version", None, "exempt", "exempt"), ("/healthz", "jane", "probes", "exempt"),
            (configmaps(ns), None, "exempt", "exempt"), (configmaps(ns), "jane", "global-default", "global-default"),
            (configmaps(ns), account, "service-accounts", "workload-low"),
            ("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x", "system:kube-scheduler", "system-leader-election", "leader-election"),
            (configmaps(ns), "system:kube-controller-manager", "kube-controller-manager", "workload-high")]:
        answer = api.session.get(api.base + path, headers={"Impersonate-User": user} if user else {}, timeout=30)
        told = [names.get(answer.headers.get(f"X-Kubernetes-PF-{kind}-UID")) for kind in ("FlowSchema", "PriorityLevel")]
        assert told == [schema, level], (path, user, told)


@check("metrics: a cluster's own requests and objects")
def metrics(api, ns):
    api("POST", configmaps(ns), meta("counted"))
    text = api.session.get(api.base + "/metrics", timeout=30).text
    assert 'apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="configmaps"' in text, text[:2000]
    assert "apiserver_request_duration_seconds_bucket{" in text, text[:2000]


# ---- options ----


@check("what lists, gets and watches refuse to be asked")
def options(api, ns):
    path = configmaps(ns)
    api("POST", path, meta("a")), api("POST", path, meta("b"))
    token = ask(api, "GET", path, limit=1).json()["metadata"]["continue"]

    def get(at=path, **params):
        return ask(api, "GET", at, **params)
    table([
        ("create: a long manager", ask(api, "POST", path, meta("m"), fieldManager="m" * 129), 422,
         'CreateOptions.meta.k8s.io \\"\\" is invalid: fieldManager: Too long: may not be more than 128 bytes'),
        ("update: another namespace", ask(api, "PUT", path + "/none", meta("none", namespace="other")), 400,
         "the namespace of the provided object does not match the namespace sent on the request"),
        ("list: no token of ours", get(**{"continue": "what"}), 400, "invalid continue token: continue key is not valid"),
        ("list: match alone", get(resourceVersionMatch="NotOlderThan"), 422, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ("list: sendInitialEvents", get(sendInitialEvents="true"), 422, "sendInitialEvents is forbidden for list"),
        ("list: timeout", get(timeoutSeconds="soon"), 400),
        ("list: revision", get(resourceVersion="abc"), 500, "resourceVersion: Invalid value: "),
        ("continue and revision", get(**{"continue": token, "resourceVersion": "5"}), 400, "specifying resource version is not allowed when using continue"),
        ("continue and match", get(**{"continue": token, "resourceVersion": "5", "resourceVersionMatch": "Exact"}), 422, "forbidden when continue is provided"),
        ("continue", get(**{"continue": token}), 200, '"name":"b"'),
        ("get: revision", get(path + "/a", resourceVersion="abc"), 500, "resourceVersion: Invalid value: "),
        ("get: revision to come", get(path + "/a", resourceVersion="999999999"), 504, "Too large resource version"),
        ("watch: match alone", get(watch="1", resourceVersionMatch="NotOlderThan", resourceVersion="1"), 422,
         "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
        ("watch: Exact", get(watch="1", resourceVersionMatch="Exact", sendInitialEvents="true"), 422, "requires setting resourceVersionMatch to NotOlderThan"),
        ("watch: selector", get(watch="1", fieldSelector="a.b=c"), 400),
    ])
    old = get(f"/api/v1/watch/namespaces/{ns}/configmaps/a", timeoutSeconds=1)
    assert old.status_code == 200 and old.text.count('"ADDED"') == 1 and '"name":"a"' in old.text, old.text[:300]


@check("dry runs of every verb keep nothing")
def dry_runs(api, ns):
    path, pods, services = configmaps(ns), f"/api/v1/namespaces/{ns}/pods", f"/api/v1/namespaces/{ns}/services"
    deployments = f"/apis/apps/v1/namespaces/{ns}/deployments"
    api("POST", path, dict(meta("c"), data={"a": "1"})), api("POST", pods, pod("e"))
    api("POST", deployments, dict(meta("d"), spec={"replicas": 0, "selector": {"matchLabels": {"app": "d"}}, "template": template("d")}))

    def dry(method, at, body=None, type="application/json", **params):
        return ask(api, method, at, body, type=type, dryRun="All", **params)
    port = dict(meta("s"), spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 30987}]})
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "e"}}
    table([
        ("of an unknown kind", ask(api, "POST", path, meta("x"), dryRun="Some"), 422, 'supported values: \\"All\\"'),
        ("create", dry("POST", path, meta("x")), 201), ("no x", ask(api, "GET", path + "/x"), 404),
        ("update", dry("PUT", path + "/c", dict(meta("c"), data={"z": "1"})), 200, '"z":"1"'),
        ("patch", dry("PATCH", path + "/c", {"data": {"z": "1"}}, MERGE), 200, '"z":"1"'),
        ("apply", dry("PATCH", path + "/c", {"apiVersion": "v1", "kind": "ConfigMap", "data": {"z": "1"}}, APPLY, fieldManager="m"), 200, '"z":"1"'),
        ("delete", dry("DELETE", path + "/c"), 200), ("deletecollection", dry("DELETE", path), 200),
        ("scale", dry("PUT", deployments + "/d/scale", {"metadata": {"name": "d", "namespace": ns}, "spec": {"replicas": 3}}), 200, '"replicas":3'),
        ("eviction", dry("POST", pods + "/e/eviction", eviction), 201, '"Success"'),
        ("eviction by its options", ask(api, "POST", pods + "/e/eviction", dict(eviction, deleteOptions={"dryRun": ["All"]})), 201, '"Success"'),
        ("binding", dry("POST", pods + "/e/binding", {"target": {"kind": "Node", "name": "n"}}), 201, '"Success"'),
        ("a node port", dry("POST", services, port), 201), ("which is free", ask(api, "POST", services, port), 201),
        ("token", dry("POST", f"/api/v1/namespaces/{ns}/serviceaccounts/default/token", {"spec": {}}), 201),
        ("namespace", dry("DELETE", f"/api/v1/namespaces/{ns}"), 200),
    ])
    assert api("GET", path + "/c")["data"] == {"a": "1"} and api("GET", deployments + "/d")["spec"]["replicas"] == 0
    assert "nodeName" not in api("GET", pods + "/e")["spec"] and api("GET", f"/api/v1/namespaces/{ns}")["status"]["phase"] == "Active"


# ---- patches ----


@check("JSON patch: every operation, and what is refused")
def json_patch(api, ns):
    path = configmaps(ns)
    api("POST", path, dict(meta("c"), data={"a": "1", "x": "2"}))

    def patch(*operations):
        return ask(api, "PATCH", path + "/c", list(operations), type=JSON_PATCH)

    def op(name, at, **more):
        return dict({"op": name, "path": at}, **more)
    got = patch(op("test", "/data/a", value="1"), op("add", "/data/b", value="3"), op("copy", "/data/c", **{"from": "/data/b"}),
                op("move", "/data/d", **{"from": "/data/c"}), op("replace", "/data/x", value="9"), op("remove", "/data/a"))
    assert got.json()["data"] == {"b": "3", "d": "3", "x": "9"}, got.text
    began = time.monotonic()
    copies = [op("copy", f"/data/n{i}", **{"from": "/data/big"}) for i in range(9000)]
    table([
        ("a failed test", patch(op("test", "/data/b", value="no")), 422, "the server rejected our request due to an error in our request"),
        ("nothing to remove", patch(op("remove", "/data/none")), 422), ("no operation", patch(op("jump", "/data/b")), 422),
        ("too many", patch(*[op("test", "/data/b", value="3")] * 10001), 413, "The allowed maximum operations in a JSON patch is 10000, got 10001"),
        ("force", ask(api, "PATCH", path + "/c", {}, type=MERGE, force="true"), 422, "may not be specified for non-apply patch"),
        ("unknown field", ask(api, "PATCH", path + "/c", {"zap": 1}, type=MERGE, fieldValidation="Strict"), 422, 'strict decoding error: unknown field'),
        ("wrong type", ask(api, "PATCH", path + "/c", {"data": "x"}, type=MERGE), 422, "json: cannot unmarshal string into Go struct field ConfigMap.data"),
        ("another name", ask(api, "PATCH", path + "/c", {"metadata": {"name": "o"}}, type=MERGE), 400, "does not match the name on the URL (c)"),
    ])
    grown = patch(op("add", "/data/big", value="x" * 100000), *copies)
    assert grown.status_code in (400, 413, 422) and time.monotonic() - began < 10, (grown.status_code, grown.text[:200])


@check("strategic merge: every directive")
def strategic(api, ns):
    path = f"/apis/apps/v1/namespaces/{ns}/deployments"
    spec = {"containers": [{"name": "a", "image": "i", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "i"}],
            "volumes": [{"name": "v", "emptyDir": {}}]}
    api("POST", path, dict(meta("s", finalizers=["example.com/1", "example.com/2"], labels={"a": "b"}), spec={
        "replicas": 0, "selector": {"matchLabels": {"app": "s"}}, "template": {"metadata": {"labels": {"app": "s"}}, "spec": spec}}))

    def patch(body):
        return ask(api, "PATCH", path + "/s", body, type=STRATEGIC)

    def inside(**members):
        return patch({"spec": {"template": {"spec": members}}}).json()["spec"]["template"]["spec"]
    got = inside(containers=[{"name": "b", "$patch": "delete"}, {"name": "c", "image": "i"}])
    assert sorted(one["name"] for one in got["containers"]) == ["a", "c"], got
    got = inside(**{"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}], "containers": [{"name": "c", "image": "j"}]})
    assert [one["name"] for one in got["containers"]] == ["c", "a"], got
    got = inside(containers=[{"name": "a", "env": [{"$patch": "replace"}, {"name": "Z", "value": "3"}]}])
    assert [env["name"] for one in got["containers"] for env in one.get("env", [])] == ["Z"], got
    got = inside(volumes=[{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "z"}}])
    assert sorted(got["volumes"][0]) == ["configMap", "name"], got
    got = patch({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}).json()
    assert got["spec"]["strategy"] == {"type": "Recreate"}, got
    got = patch({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/1"], "labels": {"$patch": "replace", "only": "this"}}}).json()
    assert got["metadata"]["finalizers"] == ["example.com/2"] and got["metadata"]["labels"] == {"only": "this"}, got["metadata"]
    got = patch({"metadata": {"finalizers": None, "labels": {"$patch": "delete"}}}).json()
    assert "labels" not in got["metadata"] and "finalizers" not in got["metadata"], got["metadata"]
    table([
        ("unknown directive", patch({"spec": {"strategy": {"$patch": "explode"}}}), 500),
        ("no key", patch({"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}}), 500),
    ])


@check("ten managers of updates are kept apart")
def managers(api, ns):
    path = configmaps(ns)
    api("POST", path, dict(meta("c"), data={"m": "x"}))  # nobody is noted for an object that was created without a field
    for i in range(12):
        api("PATCH", path + "/c", {"data": {f"m{i}": "x"}}, type=MERGE, fieldManager=f"m{i}")
    kept = [one["manager"] for one in api("GET", path + "/c")["metadata"]["managedFields"]]
    assert len(kept) <= 11 and "ancient-changes" in kept, kept


@check("warnings about what is deprecated or does not work as it reads")
def warnings(api, ns):
    def said(method, path, body=None):
        answer = ask(api, method, path, body, type=MERGE if method == "PATCH" else "application/json")
        assert answer.status_code in (200, 201), answer.text
        return answer.headers.get("Warning", "")
    pods = f"/api/v1/namespaces/{ns}/pods"
    text = said("POST", pods, pod("w.x", nodeSelector={"beta.kubernetes.io/os": "linux"}))
    assert '299 - "metadata.name: this is used in the Pod\'s hostname' in text, text
    assert '299 - "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \\"kubernetes.io/os\\" instead"' in text, text
    assert said("PATCH", pods + "/w.x", meta("w.x", labels={"a": "b"})) == ""
    deployment = dict(meta("w"), spec={"replicas": 0, "selector": {"matchLabels": {"app": "w"}}, "template": template("w")})
    deployments = f"/apis/apps/v1/namespaces/{ns}/deployments"
    assert said("POST", deployments, deployment) == ""
    deployment["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
        {"topologyKey": "k", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}]
    text = said("PATCH", deployments + "/w", {"spec": deployment["spec"]})
    assert "spec.template.spec.topologySpreadConstraints[0].labelSelector: a null labelSelector" in text, text
    assert "v1 ComponentStatus is deprecated in v1.19+" in said("GET", "/api/v1/componentstatuses")


@check("scopes of quotas: what counts where, what they refuse")
def scopes(api, ns):
    base = f"/api/v1/namespaces/{ns}"
    for name, scope, hard in [("t", "Terminating", {"pods": "1"}), ("nt", "NotTerminating", {"pods": "9"}), ("be", "BestEffort", {"pods": "1"}),
                              ("nbe", "NotBestEffort", {"pods": "9", "requests.cpu": "1"})]:
        api("POST", base + "/resourcequotas", dict(meta(name), spec={"hard": hard, "scopes": [scope]}))
    api("POST", base + "/resourcequotas", dict(meta("prio"), spec={"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [
        {"scopeName": "PriorityClass", "operator": "In", "values": ["system-cluster-critical"]}]}}))
    api("POST", base + "/resourcequotas", dict(meta("cross"), spec={"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [
        {"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"}]}}))
    until("status of each quota", lambda: all("used" in one.get("status", {}) for one in api("GET", base + "/resourcequotas")["items"]))
    cpu = {"requests": {"cpu": "300m"}}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "k", "labelSelector": {}, "namespaces": ["other"]}]}}

    def make(*args, **more):
        return ask(api, "POST", base + "/pods", pod(*args, **more))
    table([
        ("first", make("t1", activeDeadlineSeconds=100), 201),
        ("a second best-effort one", make("b2"), 403, "exceeded quota: be, requested: pods=1, used: pods=1, limited: pods=1"),
        ("a second that ends", make("t2", cpu, activeDeadlineSeconds=9), 403, "exceeded quota: t, requested: pods=1"),
        ("no CPU stated", make("n0", {"limits": {"memory": "1Gi"}}), 403, "failed quota: nbe: must specify requests.cpu for: c"),
        ("one with CPU", make("n1", cpu), 201),
        ("too much CPU", make("n2", {"requests": {"cpu": "800m"}}), 403, "exceeded quota: nbe, requested: requests.cpu=800m, used: requests.cpu=300m, limited: requests.cpu=1"),
        ("affinity across namespaces", make("x1", cpu, affinity=affinity), 403, "exceeded quota: cross"),
        ("a priority", make("p1", cpu, priorityClassName="system-cluster-critical"), 201),
        ("a second of it", make("p2", cpu, priorityClassName="system-cluster-critical"), 403, "exceeded quota: prio"),
        ("an update brings a Pod into a scope", ask(api, "PATCH", base + "/pods/n1", {"spec": {"activeDeadlineSeconds": 5}}, type=MERGE), 200),
    ])
    until("usage follows", lambda: api("GET", base + "/resourcequotas/t")["status"]["used"] == {"pods": "2"})
    table([(words, ask(api, "POST", base + "/resourcequotas", dict(meta("bad"), spec=spec)), 422, words) for spec, words in [
        ({"hard": {"pods": "1"}, "scopes": ["Terminating", "NotTerminating"]}, "conflicting scopes"),
        ({"hard": {"requests.cpu": "1"}, "scopes": ["BestEffort"]}, "unsupported scope applied to resource"),
        ({"hard": {"pods": "1"}, "scopes": ["Foo"]}, "unsupported scope"),
    ]])


@check("limits of containers, Pods and claims")
def limits(api, ns):
    base = f"/api/v1/namespaces/{ns}"
    api("POST", base + "/limitranges", dict(meta("lr"), spec={"limits": [
        {"type": "Container", "default": {"cpu": "500m", "memory": "512Mi"}, "defaultRequest": {"cpu": "250m"}, "min": {"cpu": "100m"},
         "max": {"cpu": "1", "memory": "1Gi"}, "maxLimitRequestRatio": {"cpu": "4"}},
        {"type": "Pod", "max": {"cpu": "2"}}, {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "5Gi"}}]}))

    def make(name, resources=None, count=1):
        body = pod(name, resources)
        body["spec"]["containers"] = [dict(body["spec"]["containers"][0], name=f"c{i}") for i in range(count)]
        return ask(api, "POST", base + "/pods", body)

    def claim(size):
        return ask(api, "POST", base + "/persistentvolumeclaims", dict(meta("c" + size.lower()), spec={
            "accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": size}}}))
    table([
        ("defaults", make("a"), 201, "LimitRanger plugin set: "),
        ("too little", make("b", {"requests": {"cpu": "50m"}, "limits": {"cpu": "60m"}}), 403, "minimum cpu usage per Container is 100m, but request is 50m"),
        ("too much", make("d", {"limits": {"cpu": "3"}}), 403,
         "[maximum cpu usage per Container is 1, but limit is 3, maximum cpu usage per Pod is 2, but limit is 3]"),
        ("ratio", make("e", {"requests": {"cpu": "100m"}, "limits": {"cpu": "900m"}}), 403,
         "cpu max limit to request ratio per Container is 4, but provided ratio is 9.000000"),
        ("together", make("f", {"limits": {"cpu": "1"}}, 3), 403, "maximum cpu usage per Pod is 2, but limit is 3"),
        ("small claim", claim("1Mi"), 403, "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"),
        ("large claim", claim("6Gi"), 403, "maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi"),
        ("claim", claim("2Gi"), 201),
    ])
    got = api("GET", base + "/pods/a")["spec"]["containers"][0]["resources"]
    assert got == {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}, got


# path below the namespace unless it begins with /, Accept's parameters, the first bytes, the last
ENDINGS = [
    ("/configmaps/c", "", '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c",', "}\n"),
    ("/configmaps", "", '{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"', "]}\n"),
    ("/configmaps/c", AS % "Table", '{"kind":"Table",', "]}\n"),
    ("/configmaps/c", AS % "PartialObjectMetadata", '{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"c",', "}\n"),
    ("/configmaps/none", "", '{"kind":"Status","apiVersion":"v1",', "}\n"),
    ("/configmaps/c?pretty=true", "", '{\n  "kind": "ConfigMap",\n', "\n}"),
    ("/configmaps/none?pretty=true", "", '{\n  "kind": "Status",\n', "\n}"),
    ("/configmaps?watch=1&timeoutSeconds=1", "", '{"type":"ADDED","object":{"kind":"ConfigMap",', "}}\n"),
    ("%s/c", "", '{"apiVersion":"mygroup.example.com/v1","kind":"', "}\n"),
    ("%s/c", AS % "Table", '{"kind":"Table",', "]}\n"),
    ("%s/c", AS % "PartialObjectMetadata", '{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"c","namespace":"', "}\n"),
    ("%s", AS % "PartialObjectMetadataList", '{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"', "}}]}\n"),
    ("//api", "", '{"kind":"APIVersions","versions":["v1"]', "]}\n"),
    ("//api/v1", "", '{"kind":"APIResourceList","groupVersion":"v1","resources":[', "]}\n"),
    ("//apis/apps", "", '{"kind":"APIGroup","apiVersion":"v1","name":"apps","versions":[', "}}\n"),
    ("//apis/apps/v1", "", '{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"apps/v1","resources":[', "]}\n"),
    ("//version", "", '{\n  "major": "1",\n', "\n}"),
    ("//openapi/v3", "", '{"paths":{', "}}}"),
    ("//.well-known/openid-configuration", "", '{"issuer":"', "]}"),
    ("//openid/v1/jwks", "", '{"keys":[', "]}"),
]


@check("how answers begin and end")
def endings(api, ns):
    body = crd({"v1": {"type": "object"}}, scope="Namespaced")
    define(api, body)
    base, things = f"/api/v1/namespaces/{ns}", resources(body, ns=ns)
    for at, kind in ((base + "/configmaps", {}), (things, {"apiVersion": "mygroup.example.com/v1", "kind": body["spec"]["names"]["kind"]})):
        api("POST", at, dict(meta("c"), **kind))
    wrong = []
    for path, parameters, start, end in ENDINGS:
        at = things + path[2:] if path.startswith("%s") else path[1:] if path.startswith("//") else base + path
        text = api.session.get(api.base + at, headers={"Accept": "application/json" + parameters}, timeout=30).text
        if not text.startswith(start) or not text.endswith(end) or text.endswith("\n\n"):
            wrong.append((path, parameters, text[:120], text[-20:]))
    undefine(api, body)
    assert not wrong, wrong


main()
