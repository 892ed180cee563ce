"""A valid object of each kind, what is changed in it, and what an answer is to say: for conformance_rules.py and conformance_fields.py."""
import copy

from conformance_kit import *

C = {"name": "c", "image": "i"}
SELECTOR = {"matchLabels": {"app": "a"}}
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [C]}}
JOB = {"template": {"spec": {"restartPolicy": "Never", "containers": [C]}}}
POD_METRIC = {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}}

# kind -> (path of the collection, spec and other members of a valid object)
BASES = {
    "Pod": ("/api/v1/namespaces/%s/pods", {"spec": {"containers": [C]}}),
    "Service": ("/api/v1/namespaces/%s/services", {"spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}),
    "NodePort": ("/api/v1/namespaces/%s/services", {"spec": {"type": "NodePort", "ports": [{"port": 80}]}}),
    "Balancer": ("/api/v1/namespaces/%s/services", {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    "ConfigMap": ("/api/v1/namespaces/%s/configmaps", {"data": {"k": "v"}}),
    "Fixed": ("/api/v1/namespaces/%s/configmaps", {"data": {"k": "v"}, "immutable": True}),
    "Secret": ("/api/v1/namespaces/%s/secrets", {"data": {"k": "dg=="}, "type": "Opaque"}),
    "FixedSecret": ("/api/v1/namespaces/%s/secrets", {"data": {"k": "dg=="}, "immutable": True}),
    "Endpoints": ("/api/v1/namespaces/%s/endpoints", {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]}),
    "Claim": ("/api/v1/namespaces/%s/persistentvolumeclaims",
              {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}, "storageClassName": "x"}}),
    "LimitRange": ("/api/v1/namespaces/%s/limitranges", {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}}),
    "ResourceQuota": ("/api/v1/namespaces/%s/resourcequotas", {"spec": {"hard": {"pods": "50"}}}),
    "Event": ("/api/v1/namespaces/%s/events", {"involvedObject": {"kind": "Pod", "namespace": "%s"}, "reason": "R", "type": "Normal"}),
    "NewEvent": ("/apis/events.k8s.io/v1/namespaces/%s/events", {
        "eventTime": "2026-01-02T03:04:05.000000Z", "reportingController": "x.y/z", "reportingInstance": "i", "action": "A",
        "reason": "R", "type": "Normal", "regarding": {"kind": "Pod", "namespace": "%s"}}),
    "Controller": ("/api/v1/namespaces/%s/replicationcontrollers", {"spec": {"selector": {"app": "a"}, "template": TEMPLATE, "replicas": 0}}),
    "PodTemplate": ("/api/v1/namespaces/%s/podtemplates", {"template": TEMPLATE}),
    "Volume": ("/api/v1/persistentvolumes", {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}}),
    "Node": ("/api/v1/nodes", {"spec": {"podCIDR": "10.9.0.0/24", "podCIDRs": ["10.9.0.0/24"]}}),
    "Deployment": ("/apis/apps/v1/namespaces/%s/deployments", {"spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}}),
    "ReplicaSet": ("/apis/apps/v1/namespaces/%s/replicasets", {"spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}}),
    "DaemonSet": ("/apis/apps/v1/namespaces/%s/daemonsets", {"spec": {"selector": SELECTOR, "template": TEMPLATE}}),
    "StatefulSet": ("/apis/apps/v1/namespaces/%s/statefulsets", {"spec": {"serviceName": "s", "replicas": 0, "selector": SELECTOR, "template": TEMPLATE}}),
    "Revision": ("/apis/apps/v1/namespaces/%s/controllerrevisions", {"data": {"a": 1}, "revision": 1}),
    "Job": ("/apis/batch/v1/namespaces/%s/jobs", {"spec": dict(JOB, suspend=True)}),
    "CronJob": ("/apis/batch/v1/namespaces/%s/cronjobs", {"spec": {"schedule": "* * * * *", "suspend": True, "jobTemplate": {"spec": JOB}}}),
    "Autoscaler": ("/apis/autoscaling/v2/namespaces/%s/horizontalpodautoscalers",
                   {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}, "maxReplicas": 3}}),
    "Ingress": ("/apis/networking.k8s.io/v1/namespaces/%s/ingresses", {"spec": {"rules": [{"host": "a.example.com", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]}}),
    "IngressClass": ("/apis/networking.k8s.io/v1/ingressclasses", {"spec": {"controller": "example.com/x"}}),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies", {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
    "Budget": ("/apis/policy/v1/namespaces/%s/poddisruptionbudgets", {"spec": {"minAvailable": 1, "selector": SELECTOR}}),
    "StorageClass": ("/apis/storage.k8s.io/v1/storageclasses", {"provisioner": "example.com/p"}),
    "Attachment": ("/apis/storage.k8s.io/v1/volumeattachments", {"spec": {"attacher": "a.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}),
    "Driver": ("/apis/storage.k8s.io/v1/csidrivers", {"spec": {}}),
    "CSINode": ("/apis/storage.k8s.io/v1/csinodes", {"spec": {"drivers": [{"name": "d.example.com", "nodeID": "1", "topologyKeys": ["k"]}]}}),
    "Capacity": ("/apis/storage.k8s.io/v1/namespaces/%s/csistoragecapacities", {"storageClassName": "x"}),
    "PriorityClass": ("/apis/scheduling.k8s.io/v1/priorityclasses", {"value": 5}),
    "Lease": ("/apis/coordination.k8s.io/v1/namespaces/%s/leases", {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 5}}),
    "Slice": ("/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices",
              {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]}),
    "RuntimeClass": ("/apis/node.k8s.io/v1/runtimeclasses", {"handler": "runc"}),
    "Role": ("/apis/rbac.authorization.k8s.io/v1/namespaces/%s/roles", {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]}),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1/clusterroles", {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]}),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1/namespaces/%s/rolebindings",
                    {"roleRef": {"kind": "ClusterRole", "name": "view", "apiGroup": "rbac.authorization.k8s.io"},
                     "subjects": [{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}]}),
    "FlowSchema": ("/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
                   {"spec": {"priorityLevelConfiguration": {"name": "x"}, "matchingPrecedence": 100}}),
    "Level": ("/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
              {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"type": "Reject"}}}}),
    "APIService": ("/apis/apiregistration.k8s.io/v1/apiservices",
                   {"spec": {"group": "g.example.com", "version": "v1", "groupPriorityMinimum": 10, "versionPriority": 10,
                             "insecureSkipTLSVerify": True, "service": {"name": "s", "namespace": "default"}}}),
}
NAMES = {"APIService": "v1.g.example.com", "Driver": "driver.example.com"}


def S(**spec):
    return {"spec": spec}


def K(**container):
    return S(containers=[dict(C, **container)])


def T(**container):
    return S(template={"spec": {"containers": [dict(C, **container)]}})


def merged(base, patch):
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merged(base[key], value)
        elif value is None:
            base.pop(key, None)
        else:
            base[key] = copy.deepcopy(value)
    return base


def made(kind, ns, name):
    path, members = BASES[kind]
    body = dict(meta(NAMES.get(kind, name)), **copy.deepcopy(members))
    for member in ("involvedObject", "regarding"):
        if member in body:
            body[member]["namespace"] = ns
    return path % ns if "%s" in path else path, body


def judge(answer, field, words):
    if not field and not words:
        return None if answer.status_code in (200, 201) else f"{answer.status_code} {answer.text[:300]}"
    if answer.status_code in (200, 201):
        return "it was taken"
    got = answer.json()
    causes = got.get("details", {}).get("causes", [{"field": "", "message": got["message"]}])
    if any((not field or cause.get("field") == field) and words in cause["message"] for cause in causes):
        return None
    return f"{answer.status_code} {got['message'][:400]}"


def row_name(kind, change):
    return f"{kind} {json.dumps(change)[:110]}"


def walk(rows, ask):
    wrong = []
    for number, (kind, change, field, words) in enumerate(rows):
        why = judge(ask(kind, change, number), field, words)
        if why:
            wrong.append(f"{row_name(kind, change)}: {why}, wanted {field!r} {words!r}")
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong)


def send(api, method, path, body, **params):
    return api.session.request(method, api.base + path, json=body, params=params, timeout=30,
                               headers={"Content-Type": MERGE if method == "PATCH" else "application/json"})
