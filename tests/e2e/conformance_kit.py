"""What the conformance checks share: an API client over python3-requests, waiting, bodies, and the loop over checks.

A script is run as `SCRIPT KUBECONFIG [WORD]`: each check carries the name of the upstream behaviour (tests/conformance.md);
WORD picks those whose name has it. Each check gets a namespace of its own. Debian's python3-requests and python3-yaml.
"""
import base64
import json
import random
import string
import sys
import tempfile
import time
import traceback

import requests
import yaml

MERGE, STRATEGIC, JSON_PATCH = ("application/%s-patch+json" % kind for kind in ("merge", "strategic-merge", "json"))
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata%s;v=v1;g=meta.k8s.io"
CHECKS = []
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
PORTS = {"type": "array", "x-kubernetes-list-map-keys": ["containerPort", "protocol"], "x-kubernetes-list-type": "map",
         "items": {"type": "object", "required": ["containerPort", "protocol"],
                   "properties": {"containerPort": {"format": "int32", "type": "integer"}, "hostIP": {"type": "string"},
                                  "name": {"type": "string"}, "protocol": {"type": "string"}}}}


class Api:
    """One endpoint and its credentials."""

    def __init__(self, path):
        config = yaml.safe_load(open(path))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.base, self.session, self.kept = cluster["server"], requests.Session(), []
        self.session.trust_env = False
        self.session.verify = self.keep(cluster["certificate-authority-data"])
        self.session.cert = (self.keep(user["client-certificate-data"]), self.keep(user["client-key-data"]))

    def keep(self, data):
        file = tempfile.NamedTemporaryFile()
        file.write(base64.b64decode(data))
        file.flush()
        self.kept.append(file)
        return file.name

    def __call__(self, method, path, body=None, code=None, type="application/json", accept="application/json", **params):
        answer = self.session.request(
            method, self.base + path, params=params, timeout=30, headers={"Content-Type": type, "Accept": accept},
            data=None if body is None else body if isinstance(body, str) else json.dumps(body))
        wanted = code or (201 if method == "POST" else 200)
        assert answer.status_code == wanted, f"{method} {path} {params}: {answer.status_code} {answer.text[:600]}"
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer

    def watch(self, path, seconds=20, **params):
        answer = self.session.get(self.base + path, params=dict(params, watch="true", timeoutSeconds=seconds),
                                  stream=True, timeout=seconds + 10)
        assert answer.status_code == 200, answer.text
        for line in answer.iter_lines():
            yield json.loads(line)


def check(name):
    def keep(function):
        CHECKS.append((name, function))
        return function
    return keep


def rewrite(api, path, change):
    """Reads, changes and writes back; again after a conflict, since controllers write, too."""
    for _ in range(5):
        got = api("GET", path)
        change(got)
        answer = api.session.put(api.base + path, json=got, timeout=30)
        if answer.status_code != 409:
            break
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(what, test, seconds=30):
    end = time.monotonic() + seconds
    while True:
        got = test()
        if got:
            return got
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def take(events, count):
    """The first `count` events, and the stream is closed."""
    got = []
    for event in events:
        got.append(event)
        if len(got) == count:
            break
    events.close()
    return got


def is_status(answer, code, reason, word=""):
    assert (answer["kind"], answer["status"], answer["code"], answer["reason"]) == ("Status", "Failure", code, reason), answer
    assert word in answer["message"], answer["message"]


def meta(name, **more):
    return {"metadata": dict(name=name, **more)}


def pod(name, resources=None, **spec):
    container = {"name": "c", "image": "registry.k8s.io/pause:3.10", "resources": resources or {}}
    return dict(meta(name), spec=dict(containers=[container], **spec))


def template(name, **resources):
    return {"metadata": {"labels": {"app": name}}, "spec": pod(name, **resources)["spec"]}


def at(gv, kind, ns=None, name=None, sub=None):
    """The path of a resource, by group and version."""
    parts = ["/api/v1" if gv == "v1" else "/apis/" + gv] + (["namespaces", ns] if ns else []) + [kind]
    return "/".join(parts + [part for part in (name, sub) if part])


def names(got):
    return sorted(one["metadata"]["name"] for one in got["items"])


def saw(api, path, since, label, wanted):
    """The watch from `since` shows, one after the other, an event that each of `wanted` takes."""
    events, left = api.watch(path, resourceVersion=since, labelSelector=label), list(wanted)
    for event in events:
        if left and left[0](event):
            left.pop(0)
        if not left:
            break
    events.close()
    assert not left, f"{path}: {len(left)} events not seen"


def annotated(key):
    return lambda event: event["type"] == "MODIFIED" and key in event["object"]["metadata"].get("annotations", {})


def has(got, wanted):
    """Whether `got` has all that `wanted` names: fields of objects, and for each item of a list one that has it."""
    return all(has(got.get(key), value) for key, value in wanted.items()) if isinstance(wanted, dict) else \
        all(any(has(one, value) for one in got or []) for value in wanted) if isinstance(wanted, list) else got == wanted


def gone(api, path):
    answer = api.session.get(api.base + path, timeout=30)
    return answer.status_code == 404


def status_patch_cycle(api, path, condition="StatusPatched"):
    """GET, patch and update of /status, as the lifecycle tests do."""
    body = {"metadata": {"annotations": {"patched": "yes"}},
            "status": {"conditions": [{"type": condition, "status": "True", "reason": "E2E", "message": "set"}]}}
    got = api("PATCH", path + "/status", body, type=MERGE)
    assert got["metadata"]["annotations"]["patched"] == "yes" and got["status"]["conditions"][0]["type"] == condition, got
    updated = {"type": "StatusUpdated", "status": "True", "reason": "E2E", "message": "updated"}
    got = rewrite(api, path + "/status", lambda one: one["status"]["conditions"].append(updated))
    assert [one["type"] for one in got["status"]["conditions"]] == [condition, "StatusUpdated"], got


# ---- custom resources ----


def crd(schemas, group="mygroup.example.com", scope="Cluster", name=None, labels=None, **version):
    """A definition with one version a schema: {"v1": {...}}; the first is stored."""
    name = name or "foo" + "".join(random.choices(string.ascii_lowercase, k=5)) + "a"
    versions = [dict(name=one, served=True, storage=not i, schema={"openAPIV3Schema": schema}, **version)
                for i, (one, schema) in enumerate(schemas.items())]
    names = {"plural": name + "s", "singular": name, "kind": name, "listKind": name + "List"}
    return dict(meta(f"{name}s.{group}", labels=labels or {}), spec={"group": group, "versions": versions, "names": names, "scope": scope})


def define(api, body):
    made = api("POST", CRDS, body)
    names, group = body["spec"]["names"], body["spec"]["group"]

    def served():
        found = api.session.get(f"{api.base}/apis/{group}/{body['spec']['versions'][-1]['name']}", timeout=30)
        return found.status_code == 200 and names["plural"] in [one["name"] for one in found.json()["resources"]]
    until("in discovery", served)
    return made


def resources(body, version=None, ns=None):
    spec = body["spec"]
    space = f"/namespaces/{ns}" if ns else ""
    return f"/apis/{spec['group']}/{version or spec['versions'][0]['name']}{space}/{spec['names']['plural']}"


def undefine(api, body):
    api("DELETE", f"{CRDS}/{body['metadata']['name']}")
    until("the definition is gone", lambda: gone(api, f"{CRDS}/{body['metadata']['name']}"))


def main():
    """Runs the checks that `@check` has gathered."""
    api, word, failed, stamp = Api(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "", 0, format(time.time_ns() // 1000000 % 10**8, "x")
    for number, (name, function) in enumerate(CHECKS):
        if word not in name:
            continue
        ns = f"conf-{stamp}-{number}"
        api("POST", "/api/v1/namespaces", meta(ns))
        try:
            until("default service account", lambda: not gone(api, f"/api/v1/namespaces/{ns}/serviceaccounts/default"))
            function(api, ns)
            print("ok   ", name, flush=True)
        except Exception as error:  # every check is to be heard
            failed += 1
            place = traceback.extract_tb(error.__traceback__)
            line = [frame.lineno for frame in place if frame.name == function.__name__][-1:]
            print("FAIL ", name, f"(line {line})\n      |", f"{type(error).__name__}: {error}"[:4000], flush=True)
        api("DELETE", f"/api/v1/namespaces/{ns}")
    print("failed:", failed)
    sys.exit(failed != 0)
