#!/usr/bin/env python3
"""conformance_groups.py KUBECONFIG [WORD]: the rules of every kind outside core/v1, with all that an answer says: which causes, in which order,
with reason, field and message, and the sentence that is made of them. A row is a kind, a change of a valid object, and its causes as
`field: message`, none when it is to pass; `~` stands for any text. conformance_rules.py has the rules of core/v1."""
import re

from conformance_kinds import *

REASONS = {"Invalid value": "FieldValueInvalid", "Required value": "FieldValueRequired", "Unsupported value": "FieldValueNotSupported",
           "Forbidden": "FieldValueForbidden", "Duplicate value": "FieldValueDuplicate", "Too long": "FieldValueTooLong",
           "Too many": "FieldValueTooMany", "Not found": "FieldValueNotFound"}
LABEL = ("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
         "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')")
SUBDOMAIN = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
             "alphanumeric character (e.g. 'example.com', regex used for validation is "
             r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")
LABEL_1035 = ("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "
              "alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')")
QUALIFIED = ("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
             "'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")
VALUE = ("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
         "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
         "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
PERCENT = ("a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is "
           "'[0-9]+%')")
LONG = "must be no more than 63 characters"
MIN0 = "must be greater than or equal to 0"
FIXED = "field is immutable"
DECREMENT = "cannot be decremented"


def M(**members):
    return {"metadata": members}


def negative(path, *members):
    return [f"{path}.{member}: Invalid value: -1: {MIN0}" for member in members]


def pattern(text):
    return ".*".join(re.escape(part) for part in text.split("~"))


def said(answer):
    """The causes as `field: message`, after a look at how they stand in the answer; the message alone when it is not about an object."""
    got = answer.json()
    if answer.status_code != 422 or "causes" not in got.get("details", {}):
        return [f"{answer.status_code} {got.get('reason')}: {got.get('message')}"]
    details = got["details"]
    texts = [f"{cause['field']}: {cause['message']}" for cause in details["causes"]]
    for cause in details["causes"]:
        reason = REASONS.get(cause["message"].split(":")[0])
        assert cause["reason"] == reason or cause["reason"] == "FieldValueTypeInvalid" and reason == "FieldValueInvalid", cause
    once = list(dict.fromkeys(texts))
    kind = f"{details['kind']}.{details['group']}" if details.get("group") else details["kind"]
    whole = f"{kind} \"{details.get('name', '')}\" is invalid: " + (once[0] if len(once) == 1 else f"[{', '.join(once)}]")
    assert got["message"] == whole and got["reason"] == "Invalid", f"{got['message']}\n  is not\n  {whole}"
    return once


def differs(answer, wanted):
    """None when the answer says what is wanted."""
    if not wanted:
        return None if answer.status_code in (200, 201) else f"not taken: {answer.text[:400]}"
    if answer.status_code in (200, 201):
        return f"it was taken, wanted {wanted}"
    texts = said(answer)
    if len(texts) == len(wanted) and all(re.fullmatch(pattern(want), text, re.S) for want, text in zip(wanted, texts)):
        return None
    return "\n".join(["said:"] + ["    " + text[:500] for text in texts] + ["  wanted:"] + ["    " + want[:500] for want in wanted])


def compare(rows, ask):
    wrong = []
    for number, (kind, change, *wanted) in enumerate(rows):
        try:
            why = differs(ask(kind, change, number), wanted)
        except AssertionError as error:
            why = str(error)
        if why:
            wrong.append(f"{row_name(kind, change)}: {why}")
    return wrong


HOOK = {"name": "a.b.c", "clientConfig": {"service": {"name": "s", "namespace": "n"}}, "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "rules": [{"apiGroups": ["zz.z"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["xs"]}]}
ADMISSION = "/apis/admissionregistration.k8s.io/v1/"
BASES.update({
    "VWC": (ADMISSION + "validatingwebhookconfigurations", {"webhooks": [HOOK]}),
    "MWC": (ADMISSION + "mutatingwebhookconfigurations", {"webhooks": [HOOK]}),
    "VAP": (ADMISSION + "validatingadmissionpolicies", {"spec": {"matchConstraints": {"resourceRules": HOOK["rules"]}, "validations": [{"expression": "true"}]}}),
    "VAPB": (ADMISSION + "validatingadmissionpolicybindings", {"spec": {"policyName": "p", "validationActions": ["Deny"]}}),
    "ClusterBinding": ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", BASES["RoleBinding"][1]),
})


# ---- metadata, as every kind has it ----
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}


def OWNERS(**change):
    return M(ownerReferences=[dict(OWNER, **change)])


def MANAGED(**change):
    return M(managedFields=[dict({"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:k": {}}}}, **change)])


META = [
    ("ConfigMap", M(name="", generateName=""), "metadata.name: Required value: name or generateName is required"),
    ("ConfigMap", M(name="A_"), f'metadata.name: Invalid value: "A_": {SUBDOMAIN}'),
    ("ConfigMap", M(name="a" * 254), f'metadata.name: Invalid value: "{"a" * 254}": must be no more than 253 characters'),
    ("ConfigMap", M(name="", generateName="A_"), f'metadata.generateName: Invalid value: "A_": {SUBDOMAIN}', f'metadata.name: Invalid value: "A_~": {SUBDOMAIN}'),
    ("ConfigMap", M(name="", generateName="a-")),
    ("Driver", M(namespace="default")),
    ("ConfigMap", M(generation=-1), f"metadata.generation: Invalid value: -1: {MIN0}"),
    ("ConfigMap", M(labels={"a b": "c"}), f'metadata.labels: Invalid value: "a b": {QUALIFIED}'),
    ("ConfigMap", M(labels={"A_/b": "c"}), f'metadata.labels: Invalid value: "A_/b": prefix part {SUBDOMAIN}'),
    ("ConfigMap", M(labels={"a/b/c": "c"}), 'metadata.labels: Invalid value: "a/b/c": a qualified name must consist of alphanumeric characters, \'-\', \'_\' or \'.\', and must start and end with an alphanumeric character (e.g. \'MyName\',  or \'my.name\',  or \'123-abc\', regex used for validation is \'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\') with an optional DNS subdomain prefix and \'/\' (e.g. \'example.com/MyName\')'),
    ("ConfigMap", M(labels={"x" * 64: "c"}), f'metadata.labels: Invalid value: "{"x" * 64}": name part must be no more than 63 characters'),
    ("ConfigMap", M(labels={"a": "b c"}), f'metadata.labels: Invalid value: "b c": {VALUE}'),
    ("ConfigMap", M(labels={"a": "x" * 64}), f'metadata.labels: Invalid value: "{"x" * 64}": {LONG}'),
    ("ConfigMap", M(annotations={"a b": "c"}), f'metadata.annotations: Invalid value: "a b": {QUALIFIED}'),
    ("ConfigMap", M(annotations={"EXAMPLE.com/b": "c"})),
    ("ConfigMap", M(annotations={"a": "x" * 262144}), "metadata.annotations: Too long: may not be more than 262144 bytes"),
    ("ConfigMap", M(annotations={"a": "x" * 262143})),
    ("ConfigMap", M(finalizers=["a b"]), f'metadata.finalizers: Invalid value: "a b": {QUALIFIED}', 'metadata.finalizers[0]: Invalid value: "a b": name is neither a standard finalizer name nor is it fully qualified'),
    ("ConfigMap", M(finalizers=["a"]), 'metadata.finalizers[0]: Invalid value: "a": name is neither a standard finalizer name nor is it fully qualified'),
    ("ConfigMap", M(finalizers=["orphan", "foregroundDeletion"]), "metadata.finalizers: Invalid value: ~: finalizer orphan and foregroundDeletion cannot be both set"),
    ("ConfigMap", M(finalizers=["orphan", "example.com/x", "kubernetes"])),
    ("ConfigMap", OWNERS(apiVersion=""), 'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty'),
    ("ConfigMap", OWNERS(kind="", name="", uid=""), 'metadata.ownerReferences.kind: Invalid value: "": must not be empty', 'metadata.ownerReferences.name: Invalid value: "": must not be empty', 'metadata.ownerReferences.uid: Invalid value: "": must not be empty'),
    ("ConfigMap", OWNERS(kind="Event"), "metadata.ownerReferences: Invalid value: ~: /v1, Kind=Event is disallowed from being an owner"),
    ("ConfigMap", M(ownerReferences=[dict(OWNER, controller=True), dict(OWNER, name="q", uid="v", controller=True)]), 'metadata.ownerReferences: Invalid value: ~: Only one reference can have Controller set to true. Found "true" in references for p and q'),
    # several at once, in the order of the members
    ("ConfigMap", {"metadata": {"name": "A_", "generation": -1, "labels": {"a": "b c"}, "finalizers": ["a"]}, "data": {"a/b": "c"}},
     f'metadata.name: Invalid value: "A_": {SUBDOMAIN}', f"metadata.generation: Invalid value: -1: {MIN0}", f'metadata.labels: Invalid value: "b c": {VALUE}',
     'metadata.finalizers[0]: Invalid value: "a": name is neither a standard finalizer name nor is it fully qualified',
     "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"),
]
NAMED = {"Deployment": SUBDOMAIN, "ReplicaSet": SUBDOMAIN, "DaemonSet": SUBDOMAIN, "Driver": SUBDOMAIN, "CronJob": SUBDOMAIN, "Autoscaler": SUBDOMAIN,
         "Ingress": SUBDOMAIN, "IngressClass": SUBDOMAIN, "NetworkPolicy": SUBDOMAIN, "Budget": SUBDOMAIN, "StorageClass": SUBDOMAIN,
         "Attachment": SUBDOMAIN, "PriorityClass": SUBDOMAIN, "Lease": SUBDOMAIN, "RuntimeClass": SUBDOMAIN, "Slice": SUBDOMAIN, "Revision": SUBDOMAIN,
         "VWC": SUBDOMAIN, "MWC": SUBDOMAIN, "VAP": SUBDOMAIN, "VAPB": SUBDOMAIN, "FlowSchema": SUBDOMAIN, "Level": SUBDOMAIN, "Capacity": SUBDOMAIN,
         "StatefulSet": LABEL, "CSINode": SUBDOMAIN}
META += [(kind, M(name="A_"), f'metadata.name: Invalid value: "A_": {words}') for kind, words in NAMED.items()]
META += [(kind, M(name="a%b"), 'metadata.name: Invalid value: "a%b": may not contain \'%\'') for kind in ("Role", "ClusterRole", "RoleBinding", "ClusterBinding")]
META += [(kind, M(name="A_:b")) for kind in ("Role", "ClusterRole", "RoleBinding", "ClusterBinding")]
META += [
    ("Job", M(name="A_"), f'metadata.name: Invalid value: "A_": {SUBDOMAIN}', f'spec.template.labels: Invalid value: "A_": {VALUE}'),
    ("StatefulSet", M(name="a.b"), 'metadata.name: Invalid value: "a.b": must not contain dots'),
    ("Driver", M(name="a" * 64)),
    ("CronJob", M(name="a" * 53), f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 characters'),
    ("CronJob", M(name="a" * 52)),
    ("PriorityClass", M(name="system-x"), "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class"),
]

META_UPDATES = [
    ("ConfigMap", MANAGED(manager="x" * 129), "metadata.managedFields[0].manager: Too long: may not be more than 128 bytes"),
    ("ConfigMap", MANAGED(subresource="x" * 257), "metadata.managedFields[0].subresource: Too long: may not be more than 256 bytes"),
    ("ConfigMap", M(labels={"a": "b c"}, finalizers=["a"]), f'metadata.labels: Invalid value: "b c": {VALUE}', 'metadata.finalizers[0]: Invalid value: "a": name is neither a standard finalizer name nor is it fully qualified'),
    ("ConfigMap", M(name="other"), "400 BadRequest: the name of the object (other) does not match the name on the URL (~)"),
    ("ConfigMap", M(namespace="other"), "400 BadRequest: the namespace of the provided object does not match the namespace sent on the request"),
    ("ConfigMap", M(uid="other"), f'metadata.uid: Invalid value: "other": {FIXED}'),
    ("ConfigMap", M(creationTimestamp="2020-01-02T03:04:05Z", generation=-1)),
    ("ConfigMap", M(deletionTimestamp="2020-01-02T03:04:05Z"), f"metadata.deletionTimestamp: Invalid value: ~: {FIXED}"),
    ("ConfigMap", M(deletionGracePeriodSeconds=5), f"metadata.deletionGracePeriodSeconds: Invalid value: 5: {FIXED}"),
]
SELECT = [  # LabelSelectors, wherever they are
    ("Budget", S(selector={"matchLabels": {"a b": "c d"}}), f'spec.selector.matchLabels: Invalid value: "a b": {QUALIFIED}', f'spec.selector.matchLabels: Invalid value: "c d": {VALUE}'),
    ("Budget", S(selector={"matchExpressions": [{"key": "a", "operator": "In"}]}), "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
    ("Budget", S(selector={"matchExpressions": [{"key": "a", "operator": "NotIn", "values": []}]}), "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
    ("Budget", S(selector={"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}), "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    ("Budget", S(selector={"matchExpressions": [{"key": "a", "operator": "DoesNotExist", "values": ["b"]}]}), "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    ("Budget", S(selector={"matchExpressions": [{"key": "a", "operator": "Is"}]}), 'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator'),
    ("Budget", S(selector={"matchExpressions": [{"key": "a b", "operator": "Exists"}]}), f'spec.selector.matchExpressions[0].key: Invalid value: "a b": {QUALIFIED}'),
    ("Budget", S(selector={"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c d"]}]}), f'spec.selector.matchExpressions[0].values[1]: Invalid value: "c d": {VALUE}'),
]

# ---- apps ----
EMPTY_SELECTOR = "v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}"
TEMPLATE_B = {"metadata": {"labels": {"app": "b"}}}
NO_MATCH = 'spec.template.metadata.labels: Invalid value: map[string]string{"app":"a"}: `selector` does not match template `labels`'
BAD_SELECTOR = {"matchExpressions": [{"key": "a", "operator": "Is"}]}
NOT_A_SELECTOR = 'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator'


def INT(number):
    return f'intstr.IntOrString{{Type:0, IntVal:{number}, StrVal:""}}'


def TEXT(text):
    return f'intstr.IntOrString{{Type:1, IntVal:0, StrVal:"{text}"}}'


def ROLL(**rolling):
    return S(strategy={"rollingUpdate": rolling})


def DAEMON(**rolling):
    return S(updateStrategy={"rollingUpdate": rolling})


APPS = [
    ("Deployment", S(replicas=-1, minReadySeconds=-1, revisionHistoryLimit=-1, progressDeadlineSeconds=-2),
     *negative("spec", "replicas", "minReadySeconds", "revisionHistoryLimit"), f"spec.progressDeadlineSeconds: Invalid value: -2: {MIN0}",
     "spec.progressDeadlineSeconds: Invalid value: -2: must be greater than minReadySeconds"),
    ("Deployment", S(progressDeadlineSeconds=5, minReadySeconds=5), "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"),
    ("Deployment", S(selector=None), "spec.selector: Required value", NO_MATCH),
    ("Deployment", S(selector={"matchLabels": None}), f"spec.selector: Invalid value: {EMPTY_SELECTOR}: empty selector is invalid for deployment"),
    ("Deployment", S(selector={"matchLabels": {"app": "b"}}), NO_MATCH),
    ("Deployment", S(selector=BAD_SELECTOR), NOT_A_SELECTOR, "spec.selector: Invalid value: ~: invalid label selector"),
    ("Deployment", S(template={"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 5}}), 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
     "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"),
    ("Deployment", S(strategy={"type": "x"}), 'spec.strategy: Unsupported value: ~: supported values: "Recreate", "RollingUpdate"'),
    ("Deployment", S(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}), "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"),
    ("Deployment", ROLL(maxUnavailable=0, maxSurge=0), f"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: {INT(0)}: may not be 0 when `maxSurge` is 0"),
    ("Deployment", ROLL(maxUnavailable="0%", maxSurge=0), f"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: {TEXT('0%')}: may not be 0 when `maxSurge` is 0"),
    ("Deployment", ROLL(maxUnavailable="101%", maxSurge="101%"), f"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: {TEXT('101%')}: must not be greater than 100%"),
    ("Deployment", ROLL(maxUnavailable="x", maxSurge=-1), f"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: {TEXT('x')}: {PERCENT}",
     f"spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: {MIN0}"),
    ("Deployment", S(template=None), "spec.template.metadata.labels: Invalid value: map[string]string(nil): `selector` does not match template `labels`", "spec.template.spec.containers: Required value"),
    ("ReplicaSet", S(replicas=-1, minReadySeconds=-1), *negative("spec", "replicas", "minReadySeconds")),
    ("ReplicaSet", S(selector=None), "spec.selector: Required value", NO_MATCH),
    ("ReplicaSet", S(selector={"matchLabels": None}), f"spec.selector: Invalid value: {EMPTY_SELECTOR}: empty selector is invalid for deployment"),
    ("ReplicaSet", S(selector={"matchLabels": {"app": "b"}}), NO_MATCH),
    ("ReplicaSet", S(selector=BAD_SELECTOR), NOT_A_SELECTOR, "spec.selector: Invalid value: ~: invalid label selector"),
    ("DaemonSet", S(selector=None), NO_MATCH),
    ("DaemonSet", S(selector={"matchLabels": None}), f"spec.selector: Invalid value: {EMPTY_SELECTOR}: empty selector is invalid for daemonset"),
    ("DaemonSet", S(selector={"matchLabels": {"app": "b"}}), NO_MATCH),
    ("DaemonSet", S(selector=BAD_SELECTOR), NOT_A_SELECTOR),
    ("DaemonSet", S(minReadySeconds=-1, revisionHistoryLimit=-1), *negative("spec", "minReadySeconds", "revisionHistoryLimit")),
    ("DaemonSet", S(template={"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 5}}), 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
     "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported"),
    ("DaemonSet", S(updateStrategy={"type": "x"}), 'spec.updateStrategy: Unsupported value: ~: supported values: "RollingUpdate", "OnDelete"'),
    ("DaemonSet", DAEMON(maxUnavailable=1, maxSurge=1), f"spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: {INT(1)}: may not be set when maxUnavailable is non-zero"),
    ("DaemonSet", DAEMON(maxUnavailable=0, maxSurge="0%"), "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"),
    ("DaemonSet", DAEMON(maxUnavailable=0, maxSurge="101%"), f"spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: {TEXT('101%')}: must not be greater than 100%"),
    ("DaemonSet", DAEMON(maxUnavailable=0, maxSurge="30%")),
    ("StatefulSet", S(selector=None), "spec.selector: Required value", NO_MATCH),
    ("StatefulSet", S(selector={"matchLabels": None}), f"spec.selector: Invalid value: {EMPTY_SELECTOR}: empty selector is invalid for statefulset"),
    ("StatefulSet", S(selector={"matchLabels": {"app": "b"}}), NO_MATCH),
    ("StatefulSet", S(selector=BAD_SELECTOR), NOT_A_SELECTOR, "spec.selector: Invalid value: ~"),
    ("StatefulSet", S(podManagementPolicy="x"), "spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'"),
    ("StatefulSet", S(updateStrategy={"type": "x"}), "spec.updateStrategy: Invalid value: ~: must be 'RollingUpdate' or 'OnDelete'"),
    ("StatefulSet", S(updateStrategy={"type": "OnDelete", "rollingUpdate": {"partition": 1}}), "spec.updateStrategy.rollingUpdate: Invalid value: ~: only allowed for updateStrategy 'RollingUpdate'"),
    ("StatefulSet", S(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": -1}}), *negative("spec.updateStrategy.rollingUpdate", "partition")),
    ("StatefulSet", S(persistentVolumeClaimRetentionPolicy={"whenDeleted": "x", "whenScaled": "y"}),
     'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "x": supported values: "Retain", "Delete"',
     'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "y": supported values: "Retain", "Delete"'),
    ("StatefulSet", S(replicas=-1, minReadySeconds=-1, ordinals={"start": -1}), *negative("spec", "replicas", "minReadySeconds", "ordinals.start")),
    ("StatefulSet", S(template={"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 5}}), 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
     "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported"),
    ("Revision", {"data": None, "revision": -1}, "data: Required value: data is mandatory", f"revision: Invalid value: -1: {MIN0}"),
]
APPS_UPDATES = [(kind, S(selector={"matchLabels": {"app": "b"}}, template=TEMPLATE_B), f"spec.selector: Invalid value: ~MatchLabels:map[string]string{{\"app\":\"b\"}}~: {FIXED}")
                for kind in ("Deployment", "ReplicaSet", "DaemonSet")]
APPS_UPDATES += [
    ("Deployment", S(replicas=-1), *negative("spec", "replicas")),
    ("Deployment", S(paused=True, replicas=0)),
    ("StatefulSet", S(serviceName="t", replicas=-1), *negative("spec", "replicas"), "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"),
    ("StatefulSet", S(revisionHistoryLimit=3), "spec: Forbidden: updates to statefulset spec for fields other than ~ are forbidden"),
    ("StatefulSet", S(replicas=0, ordinals={"start": 2}, minReadySeconds=3, template={"spec": {"containers": [dict(C, image="j")]}},
                      updateStrategy={"type": "OnDelete", "rollingUpdate": None}, persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"})),
    ("Revision", {"data": {"a": 2}}, f"data: Invalid value: ~: {FIXED}"),
    ("Revision", {"revision": 2}),
    ("Deployment/status", {"status": {"replicas": 1, "updatedReplicas": 2, "readyReplicas": 3, "availableReplicas": 4}},
     "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas", "status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas",
     "status.availableReplicas: Invalid value: 4: cannot be greater than status.replicas", "status.availableReplicas: Invalid value: 4: cannot be greater than readyReplicas"),
    ("Deployment/status", {"status": {"unavailableReplicas": -1, "availableReplicas": -1, "readyReplicas": -1, "updatedReplicas": -1, "replicas": -1, "observedGeneration": -1}},
     *negative("status", "observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")),
    ("Deployment/status", {"status": {"replicas": -1}}, *negative("status", "replicas"),
     *[f"status.{member}Replicas: Invalid value: 0: cannot be greater than status.replicas" for member in ("updated", "ready", "available")]),
    ("ReplicaSet/status", {"status": {"replicas": 1, "fullyLabeledReplicas": 2, "readyReplicas": 3, "availableReplicas": 4}},
     "status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas", "status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas",
     "status.availableReplicas: Invalid value: 4: cannot be greater than status.replicas", "status.availableReplicas: Invalid value: 4: cannot be greater than readyReplicas"),
    ("ReplicaSet/status", {"status": {"observedGeneration": -1, "availableReplicas": -1, "readyReplicas": -1, "fullyLabeledReplicas": -1, "replicas": -1}},
     *negative("status", "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")),
    ("StatefulSet/status", {"status": {"replicas": 1, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 2, "availableReplicas": 3}},
     *[f"status.{member}Replicas: Invalid value: {2 + (member == 'available')}: cannot be greater than status.replicas" for member in ("ready", "current", "updated", "available")],
     "status.availableReplicas: Invalid value: 3: cannot be greater than status.readyReplicas"),
    ("StatefulSet/status", {"status": {"observedGeneration": -1, "availableReplicas": -1, "updatedReplicas": -1, "currentReplicas": -1, "readyReplicas": -1, "replicas": -1}},
     *negative("status", "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "observedGeneration")),
    ("DaemonSet/status", {"status": {member: -1 for member in ("numberUnavailable", "numberAvailable", "updatedNumberScheduled", "observedGeneration", "numberReady",
                                                               "desiredNumberScheduled", "numberMisscheduled", "currentNumberScheduled")}},
     *negative("status", "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration", "updatedNumberScheduled", "numberAvailable",
               "numberUnavailable")),
]

# ---- batch ----
COUNTED = {"completionMode": "Indexed", "completions": 3}


def RULES(*rules, **spec):
    return S(podFailurePolicy={"rules": list(rules)}, **spec)


def RULE(**rule):
    return dict({"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}, **rule)


def CODES(**codes):
    return RULES(RULE(onExitCodes=dict({"operator": "In", "values": [1]}, **codes)))


def PATTERNS(*patterns):
    return RULES({"action": "Ignore", "onPodConditions": list(patterns)})


def SUCCESS(*rules, **spec):
    return S(successPolicy={"rules": list(rules)}, **dict(COUNTED, **spec))


FAILURE = "spec.podFailurePolicy.rules[0]"
SUCCEEDED = "spec.successPolicy.rules[0]"
MANY = "when completions are above 100000 and used with backoff limit per index"
ACTIONS = '"Count", "FailIndex", "FailJob", "Ignore"'
JOBS = [
    ("Job", S(parallelism=-1, completions=-1, activeDeadlineSeconds=-1, backoffLimit=-1, ttlSecondsAfterFinished=-1),
     *negative("spec", "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")),
    ("Job", S(backoffLimitPerIndex=-1, maxFailedIndexes=-1, **COUNTED), *negative("spec", "backoffLimitPerIndex", "maxFailedIndexes")),
    ("Job", S(completionMode="x"), 'spec.completionMode: Unsupported value: "x": supported values: "NonIndexed", "Indexed"'),
    ("Job", S(completionMode="Indexed", parallelism=2), "spec.completions: Required value: when completion mode is Indexed"),
    ("Job", S(parallelism=100001, **COUNTED), "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"),
    ("Job", S(maxFailedIndexes=4, backoffLimitPerIndex=1, **COUNTED), "spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions"),
    ("Job", S(maxFailedIndexes=1, **COUNTED), "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"),
    ("Job", S(completionMode="Indexed", completions=100001, backoffLimitPerIndex=1, parallelism=10001),
     "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000", f"spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 {MANY}"),
    ("Job", S(completionMode="Indexed", completions=100001, backoffLimitPerIndex=1, parallelism=10000, maxFailedIndexes=10001),
     f"spec.maxFailedIndexes: Invalid value: 10001: must be less than or equal to 10000 {MANY}"),
    ("Job", S(completionMode="Indexed", completions=100002, backoffLimitPerIndex=1, maxFailedIndexes=100001),
     "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000", f"spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 10000 {MANY}"),
    ("Job", S(backoffLimitPerIndex=1, maxFailedIndexes=1), "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode", "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode"),
    ("Job", S(successPolicy={"rules": [{"succeededCount": 1}]}), "spec.successPolicy: Invalid value: ~: requires indexed completion mode"),
    ("Job", S(selector=SELECTOR), "spec.selector: Invalid value: ~: `selector` not auto-generated", "spec.template.metadata.labels: Invalid value: map[string]string{~}: `selector` does not match template `labels`"),
    ("Job", S(selector=SELECTOR, template={"metadata": {"labels": {"app": "a"}}}), "spec.selector: Invalid value: ~: `selector` not auto-generated"),
    ("Job", S(template={"metadata": {"labels": {"job-name": "other"}}}), "spec.template.metadata.labels[job-name]: Invalid value: map[string]string{~}: must be 'c~'"),
    ("Job", S(manualSelector=True), "spec.selector: Required value", "spec.template.metadata.labels: Invalid value: ~: `selector` does not match template `labels`"),
    ("Job", S(manualSelector=True, selector=SELECTOR, template={"metadata": {"labels": {"app": "a"}}})),
    ("Job", S(template={"spec": {"restartPolicy": "Always"}}), 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'),
    ("Job", S(template={"spec": {"restartPolicy": None}}), 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'),
    ("Job", RULES(RULE(), template={"spec": {"restartPolicy": "OnFailure"}}), 'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'),
    ("Job", S(podReplacementPolicy="x"), 'spec.podReplacementPolicy: Unsupported value: "x": supported values: "Failed", "TerminatingOrFailed"'),
    ("Job", RULES(RULE(), podReplacementPolicy="TerminatingOrFailed"), 'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'),
    ("Job", RULES(*[RULE()] * 21), "spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items"),
    ("Job", RULES(RULE(action="")), f'{FAILURE}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]'),
    ("Job", RULES(RULE(action="x")), f'{FAILURE}.action: Unsupported value: "x": supported values: {ACTIONS}'),
    ("Job", RULES(RULE(action="FailIndex")), f'{FAILURE}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'),
    ("Job", RULES({"action": "Ignore"}), f"{FAILURE}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"),
    ("Job", RULES(RULE(onPodConditions=[{"type": "T", "status": "True"}])), f"{FAILURE}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"),
    ("Job", CODES(operator="x"), f'{FAILURE}.onExitCodes.operator: Unsupported value: "x": supported values: "In", "NotIn"'),
    ("Job", CODES(operator=""), f'{FAILURE}.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]'),
    ("Job", CODES(containerName="other"), f'{FAILURE}.onExitCodes.containerName: Invalid value: "other": must be one of the container or initContainer names in the pod template'),
    ("Job", CODES(values=[]), f"{FAILURE}.onExitCodes.values: Invalid value: ~: at least one value is required"),
    ("Job", CODES(values=list(range(1, 257))), f"{FAILURE}.onExitCodes.values: Too many: 256: must have at most 255 items"),
    ("Job", CODES(values=[0]), f"{FAILURE}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"),
    ("Job", CODES(values=[1, 3, 2, 1]), f"{FAILURE}.onExitCodes.values[3]: Duplicate value: 1", f"{FAILURE}.onExitCodes.values: Invalid value: ~: must be ordered"),
    ("Job", CODES(values=[2, 2]), f"{FAILURE}.onExitCodes.values[1]: Duplicate value: 2"),
    ("Job", PATTERNS(*[{"type": "T", "status": "True"}] * 21), f"{FAILURE}.onPodConditions: Too many: 21: must have at most 20 items"),
    ("Job", PATTERNS({"type": "a b", "status": "x"}), f'{FAILURE}.onPodConditions[0].type: Invalid value: "a b": {QUALIFIED}',
     f'{FAILURE}.onPodConditions[0].status: Unsupported value: "x": supported values: "False", "True", "Unknown"'),
    ("Job", SUCCESS(), "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified"),
    ("Job", SUCCESS(*[{"succeededCount": 1}] * 21), "spec.successPolicy.rules: Too many: 21: must have at most 20 items"),
    ("Job", SUCCESS({}), f"{SUCCEEDED}: Required value: at least one of succeededCount or succeededIndexes must be specified"),
    ("Job", SUCCESS({"succeededCount": 4}), f"{SUCCEEDED}.succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)"),
    ("Job", SUCCESS({"succeededCount": -1}), *negative(SUCCEEDED, "succeededCount")),
    ("Job", SUCCESS({"succeededIndexes": "0-1", "succeededCount": 3}), f"{SUCCEEDED}.succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)"),
    ("Job", SUCCESS({"succeededIndexes": "0-3"}), f'{SUCCEEDED}.succeededIndexes: Invalid value: "0-3": error parsing succeededIndexes: too large index: "3"'),
    ("Job", SUCCESS({"succeededIndexes": "2,1"}), f'{SUCCEEDED}.succeededIndexes: Invalid value: "2,1": error parsing succeededIndexes: non-increasing order, previous: 2, current: 1'),
    ("Job", SUCCESS({"succeededIndexes": "0" * 65537}), f"{SUCCEEDED}.succeededIndexes: Too long: may not be more than 65536 bytes"),
    ("Job", S(managedBy="x"), 'spec.managedBy: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")'),
    ("Job", S(managedBy=""), "spec.managedBy: Required value"),
    ("Job", S(managedBy="example.com/" + "x" * 52), "spec.managedBy: Too long: may not be more than 63 bytes"),
    ("Job", {"metadata": {"name": "a" * 62}, "spec": COUNTED}, f'metadata.name: Invalid value: "{"a" * 62}": will not able to create pod with invalid DNS label: {"a" * 62}-2'),
    ("CronJob", S(schedule=""), "spec.schedule: Required value"),
    ("CronJob", S(schedule="* * * *"), 'spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]'),
    ("CronJob", S(schedule="60 * * * *"), 'spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60'),
    ("CronJob", S(schedule="@often"), 'spec.schedule: Invalid value: "@often": unrecognized descriptor: @often'),
    ("CronJob", S(schedule="@hourly")),
    ("CronJob", S(schedule="@every 1h30m")),
    ("CronJob", S(schedule="TZ=UTC * * * * *"), 'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
    ("CronJob", S(schedule="CRON_TZ=UTC * * * * *", timeZone="UTC"), 'spec.schedule: Invalid value: "CRON_TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
    ("CronJob", S(timeZone="Mars/X"), 'spec.timeZone: Invalid value: "Mars/X": unknown time zone Mars/X'),
    ("CronJob", S(timeZone="Local"), 'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'),
    ("CronJob", S(timeZone="local"), 'spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
     'spec.timeZone: Invalid value: "local": unknown time zone local'),
    ("CronJob", S(timeZone=""), 'spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'),
    ("CronJob", S(timeZone="Europe/Vienna")),
    ("CronJob", S(concurrencyPolicy="x"), 'spec.concurrencyPolicy: Unsupported value: "x": supported values: "Allow", "Forbid", "Replace"'),
    ("CronJob", S(startingDeadlineSeconds=-1, successfulJobsHistoryLimit=-1, failedJobsHistoryLimit=-1), *negative("spec", "startingDeadlineSeconds"),
     *negative("spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")),
    ("CronJob", S(jobTemplate={"spec": {"selector": SELECTOR}}), "spec.jobTemplate.spec.selector: Invalid value: ~: `selector` will be auto-generated"),
    ("CronJob", S(jobTemplate={"spec": {"manualSelector": True}}), 'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"'),
    ("CronJob", S(jobTemplate={"spec": {"manualSelector": False}})),
    ("CronJob", S(jobTemplate={"spec": {"parallelism": -1}}), *negative("spec.jobTemplate.spec", "parallelism")),
    ("CronJob", {"metadata": {"name": "a" * 53}, "spec": {"concurrencyPolicy": "x"}}, "spec.concurrencyPolicy: Unsupported value: ~", 'metadata.name: Invalid value: ~: must be no more than 52 characters'),
]


# ---- updates of Jobs ----
THE_END = "2026-01-02T03:04:06Z"


def CONDITIONS(*types, **status):
    return {"status": dict({"conditions": [{"type": one.lstrip("-"), "status": "False" if one[0] == "-" else "True"} for one in types]}, **status)}


def pair(first, second):
    return f"status.conditions: Invalid value: cannot set {first} and {second} conditions"


COMPLETE, FAILED = {"startTime": "2026-01-02T03:04:05Z", "completionTime": THE_END}, {"startTime": "2026-01-02T03:04:05Z"}
BASES.update({
    "Counted": (BASES["Job"][0], {"spec": dict(JOB, suspend=True, parallelism=3, backoffLimitPerIndex=1, **COUNTED)}),
    "Running": (BASES["Job"][0], {"spec": dict(JOB, managedBy="example.com/m"), "status": dict(FAILED, active=1, failed=2, succeeded=2)}),
    "Placed": (BASES["Job"][0], {"spec": dict(JOB, suspend=True, template={"spec": dict(JOB["template"]["spec"], affinity={"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}]}}})})}),
    "Completed": (BASES["Job"][0], {"spec": dict(JOB, managedBy="example.com/m"), "status": dict(CONDITIONS("SuccessCriteriaMet", "Complete")["status"], **COMPLETE)}),
    "Broken": (BASES["Job"][0], {"spec": dict(JOB, managedBy="example.com/m"), "status": dict(CONDITIONS("FailureTarget", "Failed")["status"], **FAILED)}),
})
JOB_UPDATES = [
    ("Job", S(completions=5), f"spec.completions: Invalid value: 5: {FIXED}"),
    ("Job", S(parallelism=3, suspend=False, activeDeadlineSeconds=9, backoffLimit=9, ttlSecondsAfterFinished=5)),
    ("Job", S(completionMode="Indexed"), f'spec.completionMode: Invalid value: "Indexed": {FIXED}'),
    ("Job", S(podFailurePolicy={"rules": [RULE()]}, podReplacementPolicy="Failed"), f"spec.podFailurePolicy: Invalid value: ~: {FIXED}"),
    ("Job", S(managedBy="example.com/x"), f'spec.managedBy: Invalid value: "example.com/x": {FIXED}'),
    ("Job", S(selector={"matchLabels": {"x": "y"}}), "spec.template.metadata.labels: Invalid value: map[string]string{~}: `selector` does not match template `labels`", f"spec.selector: Invalid value: ~: {FIXED}"),
    ("Job", S(template={"spec": {"containers": [dict(C, image="j")]}}), f"spec.template: Invalid value: ~: {FIXED}"),
    ("Job", S(template={"metadata": {"labels": {"x": "y"}, "annotations": {"x": "y"}}, "spec": {"nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}], "schedulingGates": [{"name": "g"}]}})),
    ("Job", S(template={"spec": {"affinity": {"nodeAffinity": {}}}})),
    ("Job", S(template={"spec": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "k"}]}}}}), f"spec.template: Invalid value: ~: {FIXED}"),
    ("Placed", S(template={"spec": {"affinity": None}})),
    ("Running", S(template={"spec": {"nodeSelector": {"a": "b"}}}), f"spec.template: Invalid value: ~: {FIXED}"),
    ("Counted", S(completions=5), "spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism"),
    ("Counted", S(completions=5, parallelism=5)),
    ("Counted", S(completions=None), "spec.completions: Required value: when completion mode is Indexed"),
    ("Counted", S(backoffLimitPerIndex=2, successPolicy={"rules": [{"succeededCount": 1}]}), f"spec.backoffLimitPerIndex: Invalid value: 2: {FIXED}", f"spec.successPolicy: Invalid value: ~: {FIXED}"),
    ("Job/status", {"status": {"terminating": -1, "ready": -2, "failed": -1, "succeeded": -1, "active": -1}},
     *negative("status", "active", "succeeded", "failed"), f"status.ready: Invalid value: -2: {MIN0}", *negative("status", "terminating"),
     "status.failed: Invalid value: -1: cannot decrease the failed counter", "status.succeeded: Invalid value: -1: cannot decrease the succeeded counter"),
    ("Job/status", {"status": {"uncountedTerminatedPods": {"succeeded": ["a", ""], "failed": ["a"]}}},
     'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty', 'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"'),
    ("Job/status", CONDITIONS("SuccessCriteriaMet", "Complete", "FailureTarget", "Failed", **COMPLETE), pair("Complete=True", "Failed=true"), pair("Complete=True", "FailureTarget=true"),
     pair("SuccessCriteriaMet=True", "Failed=true"), pair("SuccessCriteriaMet=True", "FailureTarget=true")),
    ("Job/status", CONDITIONS("Complete", **COMPLETE), "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition"),
    ("Job/status", CONDITIONS("Failed", **FAILED), "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition"),
    ("Job/status", CONDITIONS("SuccessCriteriaMet", "Complete"), "status.completionTime: Required value: completionTime is required for Complete jobs", "status.startTime: Required value: startTime is required for finished job"),
    ("Job/status", CONDITIONS("FailureTarget", **COMPLETE), "status.completionTime: Invalid value: ~: cannot set completionTime when there is no Complete=True condition"),
    ("Job/status", CONDITIONS("SuccessCriteriaMet", "Complete", startTime="2026-01-03T03:04:05Z", completionTime=THE_END), "status.completionTime: Invalid value: ~: completionTime cannot be set before startTime"),
    ("Job/status", CONDITIONS("FailureTarget", "Failed", active=1, terminating=1, uncountedTerminatedPods={"failed": ["a"]}, **FAILED), "status.active: Invalid value: 1: active>0 is invalid for finished job",
     "status.uncountedTerminatedPods: Invalid value: ~: uncountedTerminatedPods needs to be empty for finished job", "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job"),
    ("Job/status", {"status": {"ready": 1}}, "status.ready: Invalid value: 1: cannot set more ready pods than active"),
    ("Job/status", {"status": {"completedIndexes": "0", "failedIndexes": "1"}}, 'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
     'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null'),
    ("Counted/status", {"status": {"completedIndexes": "0-1", "failedIndexes": "1-2"}}, 'status.failedIndexes: Invalid value: "1-2": failedIndexes and completedIndexes overlap at index: 1'),
    ("Counted/status", {"status": {"completedIndexes": "0,x", "failedIndexes": "3"}}, 'status.completedIndexes: Invalid value: "0,x": error parsing completedIndexes: cannot convert string to integer for index: "x"',
     'status.failedIndexes: Invalid value: "3": error parsing failedIndexes: too large index: "3"'),
    ("Counted/status", {"status": {"completedIndexes": "0,2", "failedIndexes": "1"}}),
    ("Running/status", {"status": {"startTime": None}}, "status.startTime: Required value: startTime cannot be removed for unsuspended job"),
    ("Running/status", {"status": {"failed": 1, "succeeded": 0}}, "status.failed: Invalid value: 1: cannot decrease the failed counter", "status.succeeded: Invalid value: 0: cannot decrease the succeeded counter"),
    ("Completed/status", CONDITIONS("-SuccessCriteriaMet", "-Complete", completionTime=None), "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
     "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition"),
    ("Completed/status", {"status": {"completionTime": "2026-01-02T03:04:09Z"}}, "status.completionTime: Invalid value: ~: completionTime cannot be mutated"),
    ("Completed/status", {"status": {"completionTime": None}}, "status.completionTime: Required value: completionTime is required for Complete jobs"),
    ("Broken/status", CONDITIONS("-FailureTarget", "-Failed"), "status.conditions: Invalid value: cannot disable the terminal Failed=True condition", "status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition"),
    ("CronJob", S(schedule="TZ=UTC * * * * *"), 'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
    ("CronJob", S(timeZone="Mars/X", suspend=False), 'spec.timeZone: Invalid value: "Mars/X": unknown time zone Mars/X'),
    ("CronJob", S(suspend=False, schedule="@daily")),
]

# ---- autoscaling ----
METRIC = {"name": "m"}


def METRICS(*metrics, **spec):
    return S(metrics=list(metrics), **spec)


def RESOURCE(**target):
    return {"type": "Resource", "resource": {"name": "cpu", "target": dict({"type": "Utilization"}, **target)}}


def SCALE(**rules):
    return S(behavior={"scaleUp": dict({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1}]}, **rules)})


AT = "spec.metrics[0]"
UP = "spec.behavior.scaleUp"
SOURCES = '"ContainerResource", "External", "Object", "Pods", "Resource"'
EITHER = "must set either a target raw value or a target utilization"
AUTOSCALERS = [
    ("Autoscaler", S(maxReplicas=0), "spec.maxReplicas: Invalid value: 0: must be greater than 0", "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`"),
    ("Autoscaler", S(minReplicas=4), "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"),
    ("Autoscaler", S(minReplicas=0), "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
     "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas"),
    ("Autoscaler", S(scaleTargetRef={"kind": "", "name": ""}), "spec.scaleTargetRef.kind: Required value", "spec.scaleTargetRef.name: Required value"),
    ("Autoscaler", S(scaleTargetRef={"kind": "a/b", "name": ".."}), "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'", "spec.scaleTargetRef.name: Invalid value: \"..\": may not be '..'"),
    ("Autoscaler", METRICS({"type": "x"}), f'{AT}.type: Unsupported value: "x": supported values: {SOURCES}'),
    ("Autoscaler", METRICS({"type": ""}), f"{AT}.type: Required value: must specify a metric source type", f'{AT}.type: Unsupported value: "": supported values: {SOURCES}'),
    ("Autoscaler", METRICS({"type": "Object"}), f"{AT}.object: Required value: must populate information for the given metric source"),
    ("Autoscaler", METRICS(dict(RESOURCE(averageUtilization=1), **{"type": "Pods"})), f"{AT}.pods: Required value: must populate information for the given metric source"),
    ("Autoscaler", METRICS(dict(POD_METRIC, **{"resource": RESOURCE(averageUtilization=0)["resource"]})), f"{AT}.resource: Forbidden: must populate the given metric source only"),
    ("Autoscaler", METRICS(RESOURCE()), f"{AT}.resource.target.averageUtilization: Required value: {EITHER}"),
    ("Autoscaler", METRICS(RESOURCE(averageUtilization=0)), f"{AT}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0"),
    ("Autoscaler", METRICS(RESOURCE(averageUtilization=1, averageValue="0")), f"{AT}.resource.target.averageValue: Invalid value: ~: must be positive",
     f"{AT}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization"),
    ("Autoscaler", METRICS({"type": "Resource", "resource": {"name": "", "target": {"type": "x", "averageValue": "1"}}}), f"{AT}.resource.name: Required value: must specify a resource name",
     f'{AT}.resource.target.type: Invalid value: "x": must be either Utilization, Value, or AverageValue'),
    ("Autoscaler", METRICS({"type": "ContainerResource", "containerResource": {"name": "", "container": "", "target": {"type": ""}}}), f"{AT}.containerResource.name: Required value: must specify a resource name",
     f"{AT}.containerResource.container: Required value: must specify a container", f"{AT}.containerResource.target.type: Required value: must specify a metric target type",
     f'{AT}.containerResource.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue', f"{AT}.containerResource.target.averageUtilization: Required value: {EITHER}"),
    ("Autoscaler", METRICS({"type": "Pods", "pods": {"metric": {"name": ""}, "target": {"type": "AverageValue"}}}), f"{AT}.pods.metric.name: Required value: must specify a metric name",
     f"{AT}.pods.target.averageValue: Required value: must specify a positive target averageValue"),
    ("Autoscaler", METRICS({"type": "External", "external": {"metric": {"name": "a/b"}, "target": {"type": "Value"}}}), f"{AT}.external.metric.name: Invalid value: \"a/b\": may not contain '/'",
     f"{AT}.external.target.averageValue: Required value: must set either a target value for metric or a per-pod target"),
    ("Autoscaler", METRICS({"type": "External", "external": {"metric": METRIC, "target": {"type": "Value", "value": "1", "averageValue": "1"}}}),
     f"{AT}.external.target.value: Forbidden: may not set both a target value for metric and a per-pod target"),
    ("Autoscaler", METRICS({"type": "Object", "object": {"describedObject": {"kind": "", "name": ""}, "metric": METRIC, "target": {"type": "Value"}}}), f"{AT}.object.describedObject.kind: Required value",
     f"{AT}.object.describedObject.name: Required value", f"{AT}.object.target.averageValue: Required value: must set either a target value or averageValue"),
    ("Autoscaler", METRICS({"type": "Object", "object": {"describedObject": {"kind": "K", "name": "n"}, "metric": METRIC, "target": {"type": "Value", "value": "1", "averageValue": "1"}}})),
    ("Autoscaler", SCALE(stabilizationWindowSeconds=-1), f"{UP}.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero"),
    ("Autoscaler", SCALE(stabilizationWindowSeconds=3601), f"{UP}.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600"),
    ("Autoscaler", SCALE(selectPolicy="x"), f'{UP}.selectPolicy: Unsupported value: "x": supported values: "Disabled", "Max", "Min"'),
    ("Autoscaler", SCALE(policies=[{"type": "x", "value": 0, "periodSeconds": 1801}, {"type": "Percent", "value": 1, "periodSeconds": 0}]),
     f'{UP}.policies[0].type: Unsupported value: "x": supported values: "Percent", "Pods"', f"{UP}.policies[0].value: Invalid value: 0: must be greater than zero",
     f"{UP}.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800", f"{UP}.policies[1].periodSeconds: Invalid value: 0: must be greater than zero"),
]
AUTOSCALER_UPDATES = [
    ("Autoscaler", S(maxReplicas=0, minReplicas=None), "spec.maxReplicas: Invalid value: 0: must be greater than 0", "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`"),
    ("Autoscaler/status", {"status": {"currentReplicas": -1, "desiredReplicas": -1}}, *negative("status", "currentReplicas", "desiredReplicas")),
    ("Deployment/scale", S(replicas=-1), *negative("spec", "replicas")),
]

# ---- networking, policy, discovery ----
BACKEND = {"service": {"name": "s", "port": {"number": 80}}}


def PATHS(*paths):
    return S(rules=[{"http": {"paths": [dict({"path": "/", "pathType": "Prefix", "backend": BACKEND}, **path) for path in paths]}}])


def BACK(**backend):
    return S(rules=None, defaultBackend=backend)


def PORT(**port):
    return S(ingress=[{"ports": [port]}])


def FROM(*peers):
    return S(ingress=[{"from": list(peers)}])


def PARAMETERS(**parameters):
    return S(parameters=dict({"kind": "K", "name": "n"}, **parameters))


def ENDPOINT(**endpoint):
    return {"endpoints": [dict({"addresses": ["10.0.0.1"]}, **endpoint)]}


PATH = "spec.rules[0].http.paths[0]"
RANGE = "must be between 1 and 65535, inclusive"
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
NETWORKS = [
    ("Ingress", S(rules=None), "spec: Invalid value: ~: either `defaultBackend` or `rules` must be specified"),
    ("Ingress", S(ingressClassName="A_"), f'spec.ingressClassName: Invalid value: "A_": {SUBDOMAIN}'),
    ("Ingress", {"metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}}, "spec": {"ingressClassName": "b"}},
     'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified'),
    ("Ingress", S(rules=[{"host": "1.2.3.4"}]), 'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'),
    ("Ingress", S(rules=[{"host": "::1"}]), 'spec.rules[0].host: Invalid value: "::1": must be a DNS name, not an IP address', f'spec.rules[0].host: Invalid value: "::1": {SUBDOMAIN}'),
    ("Ingress", S(rules=[{"host": "A_"}]), f'spec.rules[0].host: Invalid value: "A_": {SUBDOMAIN}'),
    ("Ingress", S(rules=[{"host": "*a.b"}]), 'spec.rules[0].host: Invalid value: "*a.b": a wildcard DNS-1123 subdomain must start with \'*.\', ~'),
    ("Ingress", S(rules=[{"host": "*.a.b"}])),
    ("Ingress", S(rules=[{"http": {"paths": []}}]), "spec.rules[0].http.paths: Required value"),
    ("Ingress", PATHS({"pathType": None, "backend": {}}), f"{PATH}.pathType: Required value: pathType must be specified"),
    ("Ingress", PATHS({"pathType": "x"}), f'{PATH}.pathType: Unsupported value: "x": supported values: "Exact", "ImplementationSpecific", "Prefix"'),
    ("Ingress", PATHS({"path": "a//b/.", "pathType": "Exact"}), f'{PATH}.path: Invalid value: "a//b/.": must be an absolute path', f"{PATH}.path: Invalid value: \"a//b/.\": must not contain '//'",
     f"{PATH}.path: Invalid value: \"a//b/.\": cannot end with '/.'"),
    ("Ingress", PATHS({"path": "/a%2fb/../c/./d%2F/.."}), *[f"{PATH}.path: Invalid value: ~: must not contain '{one}'" for one in ("/./", "/../", "%2f", "%2F")], f"{PATH}.path: Invalid value: ~: cannot end with '/..'"),
    ("Ingress", PATHS({"path": "", "pathType": "Prefix"}), f'{PATH}.path: Invalid value: "": must be an absolute path'),
    ("Ingress", PATHS({"path": "a", "pathType": "ImplementationSpecific"}), f'{PATH}.path: Invalid value: "a": must be an absolute path'),
    ("Ingress", PATHS({"path": "/a//b", "pathType": "ImplementationSpecific"})),
    ("Ingress", BACK(), 'spec.defaultBackend: Invalid value: "": resource or service backend is required'),
    ("Ingress", BACK(resource={"kind": "K", "name": "n"}, **BACKEND), 'spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'),
    ("Ingress", BACK(resource={"kind": "", "name": "", "apiGroup": "A_"}), f'spec.defaultBackend.resource.apiGroup: Invalid value: "A_": {SUBDOMAIN}', "spec.defaultBackend.resource.kind: Required value: kind is required",
     "spec.defaultBackend.resource.name: Required value: name is required"),
    ("Ingress", BACK(resource={"kind": "a/b", "name": "a%b"}), "spec.defaultBackend.resource.kind: Invalid value: \"a/b\": may not contain '/'", "spec.defaultBackend.resource.name: Invalid value: \"a%b\": may not contain '%'"),
    ("Ingress", BACK(service={"name": "", "port": {}}), "spec.defaultBackend.service.name: Required value", "spec.defaultBackend: Required value: port name or number is required"),
    ("Ingress", BACK(service={"name": "1", "port": {"number": 65536}}), f'spec.defaultBackend.service.name: Invalid value: "1": {LABEL_1035}', f"spec.defaultBackend.service.port.number: Invalid value: 65536: {RANGE}"),
    ("Ingress", BACK(service={"name": "s", "port": {"number": 1, "name": "p"}}), 'spec.defaultBackend: Invalid value: "": cannot set both port name & port number'),
    ("Ingress", S(tls=[{"hosts": ["A_"], "secretName": "A_"}]), f'spec.tls[0].hosts[0]: Invalid value: "A_": {SUBDOMAIN}', f'spec.tls[0].secretName: Invalid value: "A_": {SUBDOMAIN}'),
    ("Ingress", S(tls=[{"hosts": ["1.2.3.4"]}])),
    ("IngressClass", S(controller=""), "spec.controller: Required value"),
    ("IngressClass", S(controller="x"), 'spec.controller: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")'),
    ("IngressClass", S(controller="A_/x y"), f'spec.controller: Invalid value: "A_": {SUBDOMAIN}', 'spec.controller: Invalid value: "x y": Invalid path (regex used for validation is \'[A-Za-z0-9/\\-._~%!$&\'()*+,;=:]+\')'),
    ("IngressClass", S(controller="a.b/" + "x" * 247), "spec.controller: Too long: may not be more than 250 bytes"),
    ("IngressClass", PARAMETERS(kind="", name=""), "spec.parameters.kind: Required value: kind is required", "spec.parameters.name: Required value: name is required"),
    ("IngressClass", PARAMETERS(scope="x"), 'spec.parameters.scope: Unsupported value: "x": supported values: "Cluster", "Namespace"'),
    ("IngressClass", PARAMETERS(scope="Namespace"), "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"),
    ("IngressClass", PARAMETERS(scope="Namespace", namespace="A_"), f'spec.parameters.namespace: Invalid value: "A_": {LABEL}'),
    ("IngressClass", PARAMETERS(namespace="a"), "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"),
    ("NetworkPolicy", S(policyTypes=["x"]), 'spec.policyTypes[0]: Unsupported value: "x": supported values: "Ingress", "Egress"'),
    ("NetworkPolicy", S(policyTypes=["Ingress", "Egress", "x"]), "spec.policyTypes: Invalid value: ~: may not specify more than two policyTypes"),
    ("NetworkPolicy", PORT(protocol="x", port=0), 'spec.ingress[0].ports[0].protocol: Unsupported value: "x": supported values: "TCP", "UDP", "SCTP"', f"spec.ingress[0].ports[0].port: Invalid value: 0: {RANGE}"),
    ("NetworkPolicy", PORT(port=80, endPort=70), "spec.ingress[0].ports[0].endPort: Invalid value: ~: must be greater than or equal to `port`"),
    ("NetworkPolicy", PORT(port=80, endPort=65536), f"spec.ingress[0].ports[0].endPort: Invalid value: 65536: {RANGE}"),
    ("NetworkPolicy", PORT(port=80, endPort=0), "spec.ingress[0].ports[0].endPort: Invalid value: ~: must be greater than or equal to `port`", f"spec.ingress[0].ports[0].endPort: Invalid value: 0: {RANGE}"),
    ("NetworkPolicy", PORT(endPort=80), "spec.ingress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is not specified"),
    ("NetworkPolicy", PORT(port="p", endPort=80), "spec.ingress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is non-numeric"),
    ("NetworkPolicy", FROM({}), "spec.ingress[0].from[0]: Required value: must specify a peer"),
    ("NetworkPolicy", FROM({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}), "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"),
    ("NetworkPolicy", FROM({"ipBlock": {"cidr": ""}}), "spec.ingress[0].from[0].ipBlock.cidr: Required value"),
    ("NetworkPolicy", FROM({"ipBlock": {"cidr": "x", "except": ["y"]}}), f'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "x": {CIDR}'),
    ("NetworkPolicy", FROM({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["y", "10.0.0.0/8", "10.1.0.0/16"]}}), f'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "y": {CIDR}',
     'spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`'),
    ("Budget", S(minAvailable=1, maxUnavailable=1), "spec: Invalid value: ~: minAvailable and maxUnavailable cannot be both set"),
    ("Budget", S(minAvailable=-1), *negative("spec", "minAvailable")),
    ("Budget", S(minAvailable="101%"), f"spec.minAvailable: Invalid value: {TEXT('101%')}: must not be greater than 100%"),
    ("Budget", S(minAvailable=None, maxUnavailable="x"), f"spec.maxUnavailable: Invalid value: {TEXT('x')}: {PERCENT}"),
    ("Budget", S(unhealthyPodEvictionPolicy="x"), 'spec.unhealthyPodEvictionPolicy: Unsupported value: "x": supported values: "AlwaysAllow", "IfHealthyBudget"'),
    ("Slice", {"addressType": None}, "addressType: Required value"),
    ("Slice", {"addressType": "x"}, 'addressType: Unsupported value: "x": supported values: "FQDN", "IPv4", "IPv6"'),
    ("Slice", {"endpoints": [{"addresses": []}]}, "endpoints[0].addresses: Required value: must contain at least 1 address"),
    ("Slice", {"endpoints": [{"addresses": ["10.0.0.1"] * 101}]}, "endpoints[0].addresses: Too many: 101: must have at most 100 items"),
    ("Slice", {"endpoints": [{"addresses": ["10.0.0.1"]}] * 1001}, "endpoints: Too many: 1001: must have at most 1000 items"),
    ("Slice", {"endpoints": [{"addresses": ["x"]}]}, 'endpoints[0].addresses[0]: Invalid value: "x": must be a valid IPv4 address', 'endpoints[0].addresses[0]: Invalid value: "x": must be a valid IP address'),
    ("Slice", {"endpoints": [{"addresses": ["127.0.0.1"]}]}, 'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'),
    ("Slice", {"addressType": "IPv6"}, 'endpoints[0].addresses[0]: Invalid value: "10.0.0.1": must be a valid IPv6 address'),
    ("Slice", {"addressType": "FQDN", "endpoints": [{"addresses": ["a", "A_.b", "a.b", ""]}]}, 'endpoints[0].addresses[0]: Invalid value: "a": should be a domain with at least two segments separated by dots',
     f'endpoints[0].addresses[1]: Invalid value: "A_.b": {SUBDOMAIN}', "endpoints[0].addresses[3]: Required value"),
    ("Slice", ENDPOINT(nodeName="A_", hostname="A_"), f'endpoints[0].nodeName: Invalid value: "A_": {SUBDOMAIN}', f'endpoints[0].hostname: Invalid value: "A_": {LABEL}'),
    ("Slice", ENDPOINT(hints={"forZones": [{"name": f"z{i}"} for i in range(9)]}), "endpoints[0].hints.forZones: Too many: 9: must have at most 8 items"),
    ("Slice", ENDPOINT(hints={"forZones": [{"name": "a"}, {"name": "a"}, {"name": "b c"}]}), 'endpoints[0].hints.forZones[1].name: Duplicate value: "a"', f'endpoints[0].hints.forZones[2].name: Invalid value: "b c": {VALUE}'),
    ("Slice", {"ports": [{"name": "A_", "protocol": "x", "appProtocol": "a b"}]}, f'ports[0].name: Invalid value: "A_": {LABEL}', 'ports[0].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"',
     f'ports[0].appProtocol: Invalid value: "a b": {QUALIFIED}'),
    ("Slice", {"ports": [{"port": 1}, {"port": 2}]}, 'ports[1].name: Duplicate value: ""'),
    ("Slice", {"ports": [{"name": "a"}] * 20001}, "ports: Too many: 20001: must have at most 20000 items"),
]
CONDITION = {"type": "A", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z"}


def STATE(*conditions):
    return {"status": {"conditions": [dict(CONDITION, **one) for one in conditions]}}


NETWORK_UPDATES = [
    ("Ingress", S(ingressClassName="A_"), f'spec.ingressClassName: Invalid value: "A_": {SUBDOMAIN}'),
    ("IngressClass", S(controller="x"), f'spec.controller: Invalid value: "x": {FIXED}', 'spec.controller: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")'),
    ("IngressClass", S(controller="example.com/y"), f'spec.controller: Invalid value: "example.com/y": {FIXED}'),
    ("NetworkPolicy", S(policyTypes=["x"]), 'spec.policyTypes[0]: Unsupported value: "x": supported values: "Ingress", "Egress"'),
    ("Slice", {"addressType": "FQDN", "endpoints": []}, f'addressType: Invalid value: "FQDN": {FIXED}'),
    ("Budget", S(minAvailable=2)),
    ("Budget/status", {"status": {"disruptionsAllowed": -1, "currentHealthy": -1, "desiredHealthy": -1, "expectedPods": -1}}, *negative("status", "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")),
    ("Budget/status", STATE({"status": "x"}), 'status.conditions[0].status: Unsupported value: "x": supported values: "False", "True", "Unknown"'),
    ("Budget/status", STATE({"reason": ""}), "status.conditions[0].reason: Required value: must be set"),
    ("Budget/status", STATE({"reason": "1"}), "status.conditions[0].reason: Invalid value: \"1\": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an "
     "alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')"),
    ("Budget/status", STATE({"reason": "R" * 1025, "message": "m" * 32769}), "status.conditions[0].reason: Too long: may not be more than 1024 bytes", "status.conditions[0].message: Too long: may not be more than 32768 bytes"),
    ("Budget/status", STATE({}, {"observedGeneration": -1}), 'status.conditions[1].type: Duplicate value: "A"', "status.conditions[1].observedGeneration: Invalid value: -1: must be greater than or equal to zero"),
    ("Budget/status", STATE({"type": "a b", "lastTransitionTime": None}), f'status.conditions[0].type: Invalid value: "a b": {QUALIFIED}', "status.conditions[0].lastTransitionTime: Required value: must be set"),
    ("Budget/status", STATE({}, {"type": "B"})),
]

# ---- rbac ----
GROUP = "rbac.authorization.k8s.io"


def GRANT(**rule):
    return {"rules": [rule]}


def SUBJECT(**subject):
    return {"subjects": [subject]}


RBAC = [
    ("Role", GRANT(verbs=[]), "rules[0].verbs: Required value: verbs must contain at least one value", "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
     "rules[0].resources: Required value: resource rules must supply at least one resource"),
    ("Role", GRANT(verbs=["get"], nonResourceURLs=["/x"]), "rules[0].nonResourceURLs: Invalid value: ~: namespaced rules cannot apply to non-resource URLs"),
    ("ClusterRole", GRANT(verbs=["get"], nonResourceURLs=["/x"], resources=["pods"]), "rules[0].nonResourceURLs: Invalid value: ~: rules cannot apply to both regular resources and non-resource URLs"),
    ("ClusterRole", {"rules": None, "aggregationRule": {}}, "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"),
    ("ClusterRole", {"rules": None, "aggregationRule": {"clusterRoleSelectors": [BAD_SELECTOR]}}, 'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
     'aggregationRule.clusterRoleSelectors[0]: Invalid value: "null": invalid label selector.'),
    ("RoleBinding", {"roleRef": {"apiGroup": "x", "kind": "x", "name": ""}}, f'roleRef.apiGroup: Unsupported value: "x": supported values: "{GROUP}"', 'roleRef.kind: Unsupported value: "x": supported values: "Role", "ClusterRole"', "roleRef.name: Required value"),
    ("RoleBinding", {"roleRef": {"name": "a/b"}}, "roleRef.name: Invalid value: \"a/b\": may not contain '/'"),
    ("ClusterBinding", {"roleRef": {"kind": "Role"}}, 'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'),
    ("RoleBinding", SUBJECT(kind="x", name=""), "subjects[0].name: Required value", 'subjects[0].kind: Unsupported value: "x": supported values: "ServiceAccount", "User", "Group"'),
    ("RoleBinding", SUBJECT(kind="User", name="u", apiGroup="x"), f'subjects[0].apiGroup: Unsupported value: "x": supported values: "{GROUP}"'),
    ("RoleBinding", SUBJECT(kind="Group", name="u", apiGroup="x"), f'subjects[0].apiGroup: Unsupported value: "x": supported values: "{GROUP}"'),
    ("RoleBinding", SUBJECT(kind="ServiceAccount", name="A_", apiGroup="x"), f'subjects[0].name: Invalid value: "A_": {SUBDOMAIN}', 'subjects[0].apiGroup: Unsupported value: "x": supported values: ""'),
    ("ClusterBinding", SUBJECT(kind="ServiceAccount", name="a"), "subjects[0].namespace: Required value"),
]
RBAC_UPDATES = [
    ("RoleBinding", {"roleRef": {"name": "edit"}}, f'roleRef: Invalid value: rbac.RoleRef{{APIGroup:"{GROUP}", Kind:"ClusterRole", Name:"edit"}}: cannot change roleRef'),
    ("ClusterBinding", {"roleRef": {"name": "edit"}}, f'roleRef: Invalid value: rbac.RoleRef{{APIGroup:"{GROUP}", Kind:"ClusterRole", Name:"edit"}}: cannot change roleRef'),
    ("Role", GRANT(verbs=[], apiGroups=[""], resources=["pods"]), "rules[0].verbs: Required value: verbs must contain at least one value"),
]

# ---- storage, scheduling, coordination, node, events ----
LONG_MAP = {"a": "x" * 262144}


def TOKENS(*tokens):
    return S(tokenRequests=list(tokens))


def CSI(**driver):
    return S(drivers=[dict({"name": "d.example.com", "nodeID": "1", "topologyKeys": ["k"]}, **driver)])


def SERIES(**series):
    return {"series": dict({"count": 2, "lastObservedTime": "2026-01-02T03:04:05.000000Z"}, **series)}


STORAGE = [
    ("StorageClass", {"provisioner": ""}, "provisioner: Required value"),
    ("StorageClass", {"provisioner": "a b", "reclaimPolicy": "x", "volumeBindingMode": "x"}, f'provisioner: Invalid value: "a b": {QUALIFIED}', 'reclaimPolicy: Unsupported value: "x": supported values: "Delete", "Retain"',
     'volumeBindingMode: Unsupported value: "x": supported values: "Immediate", "WaitForFirstConsumer"'),
    ("StorageClass", {"provisioner": "EXAMPLE.com/P"}),
    ("StorageClass", {"parameters": {f"k{i}": "" for i in range(513)}}, "parameters: Too long: may not be more than 512 bytes"),
    ("StorageClass", {"parameters": LONG_MAP}, "parameters: Too long: may not be more than 262144 bytes"),
    ("StorageClass", {"parameters": {"": "a"}}, 'parameters: Invalid value: "": field can not be empty.'),
    ("Attachment", S(source={"persistentVolumeName": None}), "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
    ("Attachment", S(source={"persistentVolumeName": ""}), "spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName", f'spec.source.persistentVolumeName: Invalid value: "": {SUBDOMAIN}'),
    ("Attachment", S(attacher="", nodeName=""), "spec.attacher: Required value", f'spec.nodeName: Invalid value: "": {SUBDOMAIN}', f'spec.attacher: Invalid value: "": {SUBDOMAIN}'),
    ("Attachment", S(attacher="a" * 64), "spec.attacher: Too long: may not be more than 63 bytes"),
    ("Driver", S(fsGroupPolicy="x", volumeLifecycleModes=["x"]), 'spec.fsGroupPolicy: Unsupported value: "x": supported values: "File", "None", "ReadWriteOnceWithFSType"', 'spec.volumeLifecycleModes: Unsupported value: "x": supported values: "Persistent", "Ephemeral"'),
    ("Driver", TOKENS({"audience": "a"}, {"audience": "a", "expirationSeconds": 1}, {"audience": "b", "expirationSeconds": 599}, {"audience": "c", "expirationSeconds": 4294967297}), 'spec.tokenRequests[1].audience: Duplicate value: "a"',
     "spec.tokenRequests[2].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes", "spec.tokenRequests[3].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds"),
    ("CSINode", CSI(name="", nodeID=""), "spec.drivers[0].name: Required value", f'spec.drivers[0].name: Invalid value: "": {SUBDOMAIN}', "spec.drivers[0].nodeID: Required value"),
    ("CSINode", CSI(name="a" * 64, nodeID="x" * 257), "spec.drivers[0].name: Too long: may not be more than 63 bytes", f'spec.drivers[0].nodeID: Invalid value: "{"x" * 257}": must be 256 characters or less'),
    ("CSINode", CSI(allocatable={"count": -1}, topologyKeys=["a b", "k", "k"]), *negative("spec.drivers[0].allocatable", "count"), f'spec.drivers[0]: Invalid value: "a b": {QUALIFIED}', 'spec.drivers[0]: Duplicate value: "k"'),
    ("CSINode", S(drivers=[{"name": "d.example.com", "nodeID": "1", "topologyKeys": []}] * 2), 'spec.drivers[1].name: Duplicate value: "d.example.com"'),
    ("Capacity", {"storageClassName": "", "nodeTopology": BAD_SELECTOR, "capacity": "-1"}, 'nodeTopology.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator', f'storageClassName: Invalid value: "": {SUBDOMAIN}',
     f'capacity: Invalid value: "-1": {MIN0}'),
    ("PriorityClass", {"value": 1000000001}, "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"),
    ("PriorityClass", {"preemptionPolicy": "x"}, 'preemptionPolicy: Unsupported value: "x": supported values: "PreemptLowerPriority", "Never"'),
    ("Lease", S(leaseDurationSeconds=0, leaseTransitions=-1), "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0", *negative("spec", "leaseTransitions")),
    ("RuntimeClass", {"handler": ""}, f'handler: Invalid value: "": {LABEL}'),
    ("RuntimeClass", {"handler": "A_"}, f'handler: Invalid value: "A_": {LABEL}'),
    ("RuntimeClass", {"scheduling": {"nodeSelector": {"a b": "c"}, "tolerations": [{"key": "k", "operator": "x"}]}}, f'scheduling.nodeSelector: Invalid value: "a b": {QUALIFIED}',
     'scheduling.tolerations.tolerations[0].operator: Unsupported value: "x": supported values: "Equal", "Exists"'),
    ("NewEvent", {"eventTime": None}, "eventTime: Required value"),
    ("NewEvent", {"type": "Loud"}, 'type: Invalid value: "": has invalid value: Loud'),
    ("NewEvent", {"deprecatedFirstTimestamp": "2026-01-02T03:04:05Z", "deprecatedLastTimestamp": "2026-01-02T03:04:05Z", "deprecatedCount": 3, "deprecatedSource": {"host": "h"}},
     *[f'{member}: Invalid value: "": needs to be unset' for member in ("firstTimestamp", "lastTimestamp", "count", "source")]),
    ("NewEvent", SERIES(count=1), 'series.count: Invalid value: "": should be at least 2'),
    ("NewEvent", SERIES(count=1, lastObservedTime=None), 'series.count: Invalid value: "": should be at least 2', "series.lastObservedTime: Required value"),
    ("NewEvent", {"reportingController": "a b", "reportingInstance": "", "action": "x" * 129, "reason": "", "note": "x" * 1025}, f'reportingController: Invalid value: "a b": {QUALIFIED}', "reportingInstance: Required value",
     'action: Invalid value: "": can have at most 128 characters', "reason: Required value", 'message: Invalid value: "": can have at most 1024 characters'),
]
STORAGE_UPDATES = [
    ("StorageClass", {"provisioner": "example.com/q", "parameters": {"a": "b"}, "reclaimPolicy": "Retain", "volumeBindingMode": "WaitForFirstConsumer"}, *[f"{member}: Forbidden: updates to {member} are forbidden." for member in ("parameters", "provisioner", "reclaimPolicy")],
     f'volumeBindingMode: Invalid value: "WaitForFirstConsumer": {FIXED}'),
    ("StorageClass", {"allowVolumeExpansion": True, "mountOptions": ["a"]}),
    ("Attachment", S(nodeName="m"), f"spec: Invalid value: ~: {FIXED}"),
    ("Driver", S(attachRequired=False, volumeLifecycleModes=["Ephemeral"]), f"spec.attachedRequired: Invalid value: false: {FIXED}", f"spec.volumeLifecycleModes: Invalid value: ~: {FIXED}"),
    ("CSINode", CSI(nodeID="2"), f"CSINodeDriver: Invalid value: ~: {FIXED}"),
    ("CSINode", S(drivers=[])),
    ("Capacity", {"storageClassName": "y", "nodeTopology": {"matchLabels": {"a": "b"}}}, f"nodeTopology: Invalid value: ~: {FIXED}", f'storageClassName: Invalid value: "y": {FIXED}'),
    ("PriorityClass", {"value": 6, "preemptionPolicy": "Never"}, "value: Forbidden: may not be changed in an update.", f'preemptionPolicy: Invalid value: "Never": {FIXED}'),
    ("RuntimeClass", {"handler": "A_"}, f'handler: Invalid value: "A_": {FIXED}'),
    ("Lease", S(leaseDurationSeconds=0), "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"),
    ("NewEvent", {"reason": "Other", "note": "n", "type": "Warning", "action": "B"}, f'reason: Invalid value: "Other": {FIXED}', f'message: Invalid value: "n": {FIXED}', f'type: Invalid value: "Warning": {FIXED}', f'action: Invalid value: "B": {FIXED}'),
    ("NewEvent", SERIES(count=1), 'series.count: Invalid value: "": should be at least 2'),
    ("NewEvent", SERIES()),
]

# ---- admission ----
def WITH(**change):
    return {"webhooks": [dict(HOOK, **change)]}


def MATCH(**change):
    return WITH(rules=[dict(HOOK["rules"][0], **change)])


def SERVICE(**change):
    return WITH(clientConfig={"service": dict({"name": "s", "namespace": "n"}, **change)})


def URL(url):
    return WITH(clientConfig={"url": url})


FORM = "; desired format: https://host[/path]"
H, R = "webhooks[0]", "webhooks[0].rules[0]"
HOOKS = [
    (WITH(name=""), f"{H}.name: Required value"),
    (WITH(name="A_"), f'{H}.name: Invalid value: "A_": {SUBDOMAIN}'),
    (WITH(name="a.b"), f'{H}.name: Invalid value: "a.b": should be a domain with at least three segments separated by dots'),
    ({"webhooks": [HOOK, HOOK]}, 'webhooks[1].name: Duplicate value: "a.b.c"'),
    (WITH(failurePolicy="x", matchPolicy="x", sideEffects="Some", timeoutSeconds=31), f'{H}.failurePolicy: Unsupported value: "x": supported values: "Fail", "Ignore"', f'{H}.matchPolicy: Unsupported value: "x": supported values: "Equivalent", "Exact"',
     f'{H}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"', f"{H}.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"),
    (WITH(sideEffects=None, timeoutSeconds=0), f"{H}.sideEffects: Required value: must specify one of None, NoneOnDryRun", f"{H}.timeoutSeconds: Invalid value: 0: the timeout value must be between 1 and 30 seconds"),
    (WITH(clientConfig={}), f"{H}.clientConfig: Required value: exactly one of url or service is required"),
    (URL("http://u@h/p?q#f"), f'{H}.clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme{FORM}', f'{H}.clientConfig.url: Invalid value: "u": user information is not permitted in the URL',
     f'{H}.clientConfig.url: Invalid value: "f": fragments are not permitted in the URL', f'{H}.clientConfig.url: Invalid value: "q": query parameters are not permitted in the URL'),
    (URL("https:///p"), f'{H}.clientConfig.url: Invalid value: "": host must be provided{FORM}'),
    (URL("https://h:1/p")),
    (SERVICE(name="", port=0, path="x"), f"{H}.clientConfig.service.namespace: Required value: service namespace is required", f"{H}.clientConfig.service.port: Invalid value: 0: port is not valid: {RANGE}",
     f"{H}.clientConfig.service.path: Invalid value: \"x\": must start with a '/'", f'{H}.clientConfig.service.path: Invalid value: "x": segment[0] may not be empty'),
    (SERVICE(namespace=""), f"{H}.clientConfig.service.name: Required value: service name is required"),
    (SERVICE(path="/a//A_/"), f'{H}.clientConfig.service.path: Invalid value: "/a//A_/": segment[1] may not be empty', f'{H}.clientConfig.service.path: Invalid value: "/a//A_/": segment[2]: {SUBDOMAIN}'),
    (WITH(admissionReviewVersions=[]), f"{H}.admissionReviewVersions: Required value: must specify one of v1, v1beta1"),
    (WITH(admissionReviewVersions=["v2", "v2", "1"]), f'{H}.admissionReviewVersions[1]: Invalid value: "v2": duplicate version', f'{H}.admissionReviewVersions[2]: Invalid value: "1": {LABEL_1035}',
     f"{H}.admissionReviewVersions: Invalid value: ~: must include at least one of v1, v1beta1"),
    (MATCH(operations=[], apiGroups=[], apiVersions=[], resources=[]), *[f"{R}.{member}: Required value" for member in ("operations", "apiGroups", "apiVersions", "resources")]),
    (MATCH(operations=["*", "x"], scope="x"), f"{R}.operations: Invalid value: ~: if '*' is present, must not specify other operations", f'{R}.operations[1]: Unsupported value: "x": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
     f'{R}.scope: Unsupported value: "x": supported values: "*", "Cluster", "Namespaced"'),
    (MATCH(apiGroups=["*", "a"], apiVersions=["*", ""]), f"{R}.apiGroups: Invalid value: ~: if '*' is present, must not specify other API groups", f"{R}.apiVersions: Invalid value: ~: if '*' is present, must not specify other API versions", f"{R}.apiVersions[1]: Required value"),
    (MATCH(resources=["*/*", "a"]), f"{R}.resources: Invalid value: ~: if '*/*' is present, must not specify other resources"),
    (MATCH(resources=["*", "a"]), f"{R}.resources: Invalid value: ~: if '*' is present, must not specify other resources without subresources"),
    (MATCH(resources=["a/*", "a/x", "*/y", "b/y", ""]), f"{R}.resources[1]: Invalid value: \"a/x\": if 'a/*' is present, must not specify a/x", f"{R}.resources[3]: Invalid value: \"b/y\": if '*/y' is present, must not specify b/y", f"{R}.resources[4]: Required value"),
    (WITH(matchConditions=[{"name": f"n{i}", "expression": "true"} for i in range(65)]), f"{H}.matchConditions: Too many: 65: must have at most 64 items"),
    (WITH(matchConditions=[{"name": "", "expression": ""}, {"name": "a b", "expression": "1"}]), f"{H}.matchConditions[0].expression: Required value", f"{H}.matchConditions[0].name: Required value",
     f'{H}.matchConditions[1].expression: Invalid value: "1": must evaluate to bool', f'{H}.matchConditions[1].name: Invalid value: "a b": {QUALIFIED}'),
    (WITH(matchConditions=[{"name": "n", "expression": "true"}, {"name": "n", "expression": "true"}]), f'{H}.matchConditions[1].name: Duplicate value: "n"'),
]
HOOKS = [(kind, *(row if isinstance(row, tuple) else (row,))) for kind in ("VWC", "MWC") for row in HOOKS]
HOOKS += [("MWC", WITH(reinvocationPolicy="x"), f'{H}.reinvocationPolicy: Unsupported value: "x": supported values: "IfNeeded", "Never"')]
CHECK = "spec.validations[0]"
POLICIES = [
    ("VAP", S(failurePolicy="x"), 'spec.failurePolicy: Unsupported value: "x": supported values: "Fail", "Ignore"'),
    ("VAP", S(paramKind={"apiVersion": "", "kind": ""}), "spec.paramKind.apiVersion: Required value", "spec.paramKind.kind: Required value"),
    ("VAP", S(paramKind={"apiVersion": "a/b/c", "kind": "A_"}), 'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c', f'spec.paramKind.kind: Invalid value: "A_": may have mixed case, but should otherwise match: {LABEL_1035}'),
    ("VAP", S(matchConstraints=None), "spec.matchConstraints: Required value"),
    ("VAP", S(matchConstraints={"resourceRules": []}), "spec.matchConstraints.resourceRules: Required value"),
    ("VAP", S(validations=[]), "spec.validations: Required value: validations or auditAnnotations must contain at least one item", "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item"),
    ("VAP", S(validations=[{"expression": " ", "messageExpression": " ", "message": " ", "reason": "x"}]), f"{CHECK}.expression: Required value: expression is not specified", f'{CHECK}.messageExpression: Invalid value: " ": must be non-empty if specified',
     f'{CHECK}.message: Invalid value: " ": message must be non-empty if specified', f'{CHECK}.reason: Unsupported value: "x": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"'),
    ("VAP", S(validations=[{"expression": "true", "message": "a\nb"}]), f'{CHECK}.message: Invalid value: "a\\nb": message must not contain line breaks'),
    ("VAP", S(variables=[{"name": "", "expression": ""}, {"name": "1a", "expression": "true"}]), "spec.variables[0].name: Required value: name is not specified", "spec.variables[0].expression: Required value: expression is not specified",
     'spec.variables[1].name: Invalid value: "1a": name is not a valid CEL identifier'),
    ("VAP", S(auditAnnotations=[{"key": f"k{i}", "valueExpression": "'a'"} for i in range(21)]), "spec.auditAnnotations: Invalid value: ~: must not have more than 20 auditAnnotations"),
    ("VAP", S(auditAnnotations=[{"key": "a b", "valueExpression": ""}, {"key": "k", "valueExpression": "'a'"}, {"key": "k", "valueExpression": "'a'"}]), f'spec.auditAnnotations[0].key: Invalid value: "~/a b": {QUALIFIED}',
     "spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified", 'spec.auditAnnotations[2].key: Duplicate value: "k"'),
    ("VAPB", S(policyName=""), "spec.policyName: Required value"),
    ("VAPB", S(policyName="A_"), f'spec.policyName: Invalid value: "A_": {SUBDOMAIN}'),
    ("VAPB", S(validationActions=[]), "spec.validationActions: Required value: at least one validation action is required"),
    ("VAPB", S(validationActions=["x", "Deny", "Deny", "Warn"]), 'spec.validationActions[0]: Unsupported value: "x": supported values: "Audit", "Deny", "Warn"', 'spec.validationActions[2]: Duplicate value: "Deny"',
     "spec.validationActions: Invalid value: ~: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)"),
    ("VAPB", S(paramRef={}), "spec.paramRef: Required value: one of name or selector must be specified", "spec.paramRef.parameterNotFoundAction: Required value"),
    ("VAPB", S(paramRef={"name": "a", "selector": {}, "parameterNotFoundAction": "x"}), "spec.paramRef.name: Forbidden: name and selector are mutually exclusive", "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
     'spec.paramRef.parameterNotFoundAction: Unsupported value: "x": supported values: "Deny", "Allow"'),
]

# ---- flow control, API services ----
def LIMITED(**limited):
    return S(limited=limited)


def QUEUE(**queuing):
    return LIMITED(limitResponse={"type": "Queue", "queuing": queuing})


def FLOW(**rule):
    return S(rules=[dict({"subjects": [{"kind": "User", "user": {"name": "u"}}], "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]}, **rule)])


def WHO(**subject):
    return FLOW(subjects=[subject])


def REACH(**rule):
    return FLOW(nonResourceRules=[], resourceRules=[dict({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["a"]}, **rule)])


def ACCOUNT(**account):
    return WHO(kind="ServiceAccount", serviceAccount=dict({"name": "a", "namespace": "b"}, **account))


Q = "spec.limited.limitResponse.queuing"
VERBS = 'supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"'
FLOWS = [
    ("Level", S(type="x"), 'spec.type: Unsupported value: "x": supported values: "Exempt", "Limited"'),
    ("Level", S(type="Exempt", limited=None), 'spec.type: Invalid value: "Exempt": type must be \'Exempt\' if and only if name is \'exempt\''),
    ("Level", S(type="Exempt"), 'spec.type: Invalid value: "Exempt": type must be \'Exempt\' if and only if name is \'exempt\'', "spec.limited: Forbidden: must be nil if the type is not Limited"),
    ("Level", S(limited=None), "spec.limited: Required value: must not be empty when type is Limited"),
    ("Level", S(exempt={}), "spec.exempt: Forbidden: must be nil if the type is Limited"),
    ("Level", LIMITED(nominalConcurrencyShares=-1, lendablePercent=101, borrowingLimitPercent=-1), "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
     "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive", "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer"),
    ("Level", LIMITED(limitResponse={"type": "x"}), 'spec.limited.limitResponse.type: Unsupported value: "x": supported values: "Queue", "Reject"'),
    ("Level", LIMITED(limitResponse={"type": "Reject", "queuing": {}}), f"{Q}: Forbidden: must be nil if limited.limitResponse.type is not Limited"),
    ("Level", LIMITED(limitResponse={"type": "Queue"}), f"{Q}: Required value: must not be empty if limited.limitResponse.type is Limited"),
    ("Level", QUEUE(queueLengthLimit=-1, queues=-1, handSize=-1), *[f"{Q}.{member}: Invalid value: -1: must be positive" for member in ("queueLengthLimit", "queues", "handSize")]),
    ("Level", QUEUE(queues=10000001, handSize=1), f"{Q}.queues: Invalid value: 10000001: must not be greater than 10000000"),
    ("Level", QUEUE(queues=5, handSize=6), f"{Q}.handSize: Invalid value: 6: should not be greater than queues (5)"),
    ("Level", QUEUE(queues=1024, handSize=7), f"{Q}.handSize: Invalid value: 7: required entropy bits of deckSize 1024 and handSize 7 should not be greater than 60"),
    ("Level", QUEUE(queues=1024, handSize=6)),
    ("FlowSchema", S(matchingPrecedence=-1), "spec.matchingPrecedence: Invalid value: -1: must be a positive value"),
    ("FlowSchema", S(matchingPrecedence=10001), "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"),
    ("FlowSchema", S(matchingPrecedence=1), "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"),
    ("FlowSchema", S(distinguisherMethod={"type": "x"}), 'spec.distinguisherMethod.type: Unsupported value: ~: supported values: "ByNamespace", "ByUser"'),
    ("FlowSchema", S(priorityLevelConfiguration={"name": ""}), "spec.priorityLevelConfiguration.name: Required value: must reference a priority level"),
    ("FlowSchema", S(priorityLevelConfiguration={"name": "A_"}), f'spec.priorityLevelConfiguration.name: Invalid value: "A_": {SUBDOMAIN}'),
    ("FlowSchema", FLOW(subjects=[], nonResourceRules=[]), "spec.rules[0].subjects: Required value: subjects must contain at least one value", "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty"),
    ("FlowSchema", WHO(kind="x"), 'spec.rules[0].subjects[0].kind: Unsupported value: "x": supported values: "Group", "ServiceAccount", "User"'),
    ("FlowSchema", WHO(kind="User"), "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'"),
    ("FlowSchema", WHO(kind="Group", group={"name": ""}, user={"name": "u"}, serviceAccount={"name": "a", "namespace": "b"}), "spec.rules[0].subjects[0].group.name: Required value",
     "spec.rules[0].subjects[0].serviceAccount: Forbidden: serviceAccount is forbidden when subject kind is not 'ServiceAccount'", "spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'"),
    ("FlowSchema", ACCOUNT(name="", namespace=""), "spec.rules[0].subjects[0].serviceAccount.name: Required value", "spec.rules[0].subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account"),
    ("FlowSchema", ACCOUNT(name="A_", namespace="A_"), f'spec.rules[0].subjects[0].serviceAccount.name: Invalid value: "A_": {SUBDOMAIN}', f'spec.rules[0].subjects[0].serviceAccount.namespace: Invalid value: "A_": {LABEL}'),
    ("FlowSchema", ACCOUNT(name="*")),
    ("FlowSchema", FLOW(nonResourceRules=[{"verbs": [], "nonResourceURLs": []}]), "spec.rules[0].nonResourceRules[0].verbs: Required value: verbs must contain at least one value",
     "spec.rules[0].nonResourceRules[0].nonResourceURLs: Required value: nonResourceURLs must contain at least one value"),
    ("FlowSchema", FLOW(nonResourceRules=[{"verbs": ["*", "get"], "nonResourceURLs": ["*", "/x"]}]), "spec.rules[0].nonResourceRules[0].verbs: Invalid value: ~: if '*' is present, must not specify other verbs",
     "spec.rules[0].nonResourceRules[0].nonResourceURLs: Invalid value: ~: if '*' is present, must not specify other non-resource URLs"),
    ("FlowSchema", FLOW(nonResourceRules=[{"verbs": ["x"], "nonResourceURLs": ["", "x", "/a b", "/a//b", "/a*", "/a/*", "/"]}]), f"spec.rules[0].nonResourceRules[0].verbs: Unsupported value: ~: {VERBS}",
     *[f'spec.rules[0].nonResourceRules[0].nonResourceURLs[{i}]: Invalid value: "{url}": {why}' for i, (url, why) in enumerate((
         ("", "must not be empty"), ("x", "must start with slash"), ("/a b", "must not contain white-space"), ("/a//b", "must not contain double slash"), ("/a*", "wildcard can only do suffix matching")))]),
    ("FlowSchema", REACH(verbs=[], apiGroups=[], resources=[], namespaces=[]), "spec.rules[0].resourceRules[0].verbs: Required value: verbs must contain at least one value", "spec.rules[0].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group",
     "spec.rules[0].resourceRules[0].resources: Required value: resource rules must supply at least one resource", "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace"),
    ("FlowSchema", REACH(apiGroups=["*", "a"], resources=["*", "a"], namespaces=["*", "a"]), "spec.rules[0].resourceRules[0].apiGroups: Invalid value: ~: if '*' is present, must not specify other api groups",
     "spec.rules[0].resourceRules[0].resources: Invalid value: ~: if '*' is present, must not specify other resources", "spec.rules[0].resourceRules[0].namespaces: Invalid value: ~: if '*' is present, must not specify other namespaces"),
    ("FlowSchema", REACH(namespaces=["A_"]), f"spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: \"A_\": each member of this list must be '*' or a DNS-1123 label; {LABEL}"),
    ("FlowSchema", REACH(namespaces=[], clusterScope=True)),
    ("APIService", {"metadata": {"name": "v1.other"}}, 'metadata.name: Invalid value: "v1.other": must be `spec.version+"."+spec.group`: "v1.g.example.com"'),
    ("APIService", {"metadata": {"name": "v2."}, "spec": {"group": "", "version": "v2"}}, "spec.group: Required value: only v1 may have an empty group and it better be legacy kube"),
    ("APIService", {"metadata": {"name": "1.A_"}, "spec": {"group": "A_", "version": "1", "groupPriorityMinimum": 20001, "versionPriority": 1001}}, f'spec.group: Invalid value: "A_": {SUBDOMAIN}', f'spec.version: Invalid value: "1": {LABEL_1035}',
     "spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000", "spec.versionPriority: Invalid value: 1001: must be positive and less than 1000"),
    ("APIService", S(service={"name": "", "namespace": "", "port": 65536}), "spec.service.namespace: Required value", "spec.service.name: Required value", f"spec.service.port: Invalid value: 65536: port is not valid: {RANGE}"),
    ("APIService", S(caBundle="eA=="), "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present"),
    ("APIService", S(service=None, caBundle="eA=="), 'spec.caBundle: Invalid value: "1 bytes": local APIServices may not have a caBundle', "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify"),
]
FLOW_UPDATES = [
    ("FlowSchema", S(matchingPrecedence=10001), "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"),
    ("FlowSchema/status", {"status": {"conditions": [{"type": "A"}, {"type": "A"}, {"type": ""}]}}, 'status.conditions[1].type: Duplicate value: "A"', "status.conditions[2].type: Required value: must not be empty"),
    ("Level/status", {"status": {"conditions": [{"type": "A"}, {"type": "A"}]}}, 'status.conditions[1].type: Duplicate value: "A"'),
    ("APIService/status", {"status": {"conditions": [{"type": "A", "status": "x"}]}}, 'status.conditions[0].status: Unsupported value: "x": supported values: "True", "False", "Unknown"'),
]

# ---- custom resources and their definitions ----
def CRD(**spec):
    return S(**spec)


def VERSION(**version):
    return dict({"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}, **version)


def TYPED(**schema):
    return S(versions=[VERSION(schema={"openAPIV3Schema": dict({"type": "object"}, **schema)})])


def FIELD(**schema):
    return TYPED(properties={"a": schema})


def HOOKED(**webhook):
    return S(conversion={"strategy": "Webhook", "webhook": dict({"clientConfig": {"url": "https://h/"}, "conversionReviewVersions": ["v1"]}, **webhook)})


BASES.update({
    "CRD": ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            {"spec": {"group": "groups.example.com", "scope": "Namespaced", "names": {"plural": "rows", "kind": "Row"}, "versions": [VERSION()]}}),
})
NAMES["CRD"] = "rows.groups.example.com"
MIXED = "may have mixed case, but should otherwise match: "
V, SCHEMA = "spec.versions[0]", "spec.validation.openAPIV3Schema"
DEFINITIONS = [
    ("CRD", M(name="a.b.c"), 'metadata.name: Invalid value: "a.b.c": must be spec.names.plural+"."+spec.group'),
    ("CRD", S(group=""), 'metadata.name: Invalid value: ~: must be spec.names.plural+"."+spec.group', "spec.group: Required value"),
    ("CRD", S(group="A_.b"), 'metadata.name: Invalid value: ~: must be spec.names.plural+"."+spec.group', f'spec.group: Invalid value: "A_.b": {SUBDOMAIN}'),
    ("CRD", dict(M(name="rows.a"), **S(group="a")), 'spec.group: Invalid value: "a": should be a domain with at least one dot'),
    ("CRD", S(scope=""), "spec.scope: Required value"),
    ("CRD", S(scope="x"), 'spec.scope: Unsupported value: "x": supported values: "Cluster", "Namespaced"'),
    ("CRD", dict(M(name="1.groups.example.com"), **S(names={"plural": "1", "singular": "2", "kind": "3", "listKind": "4", "shortNames": ["5"], "categories": ["6"]})),
     f'spec.names.plural: Invalid value: "1": {LABEL_1035}', f'spec.names.singular: Invalid value: "2": {LABEL_1035}', f'spec.names.kind: Invalid value: "3": {MIXED}{LABEL_1035}', f'spec.names.listKind: Invalid value: "4": {MIXED}{LABEL_1035}',
     f'spec.names.shortNames[0]: Invalid value: "5": {LABEL_1035}', f'spec.names.categories[0]: Invalid value: "6": {LABEL_1035}'),
    ("CRD", S(names={"listKind": "Row"}), 'spec.names.listKind: Invalid value: "Row": kind and listKind may not be the same'),
    ("CRD", S(versions=[VERSION(name="1")]), f'{V}.name: Invalid value: "1": {LABEL_1035}', f'spec.version: Invalid value: "1": {LABEL_1035}'),
    ("CRD", S(versions=[VERSION(), VERSION(storage=False)]), "spec.versions: Invalid value: ~: must contain unique version names"),
    ("CRD", S(versions=[VERSION(storage=False)]), "spec.versions: Invalid value: ~: must have exactly one version marked as storage version", "status.storedVersions: Invalid value: ~: must have at least one stored version"),
    ("CRD", S(versions=[VERSION(), VERSION(name="v2")]), "spec.versions: Invalid value: ~: must have exactly one version marked as storage version"),
    ("CRD", S(versions=[VERSION(schema=None)]), f"{V}.schema.openAPIV3Schema: Required value: schemas are required"),
    ("CRD", S(preserveUnknownFields=True), "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"),
    ("CRD", S(conversion={"strategy": "x"}), 'spec.conversion.strategy: Unsupported value: "x": supported values: "None", "Webhook"'),
    ("CRD", HOOKED(clientConfig=None, conversionReviewVersions=["v2"]), "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook", "spec.conversion.conversionReviewVersions: Invalid value: ~: must include at least one of v1, v1beta1"),
    ("CRD", S(conversion={"strategy": "None", "webhook": {"clientConfig": {"url": "https://h/"}, "conversionReviewVersions": ["v1"]}}), "spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook",
     "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook"),
    ("CRD", dict(M(name="rows.a.k8s.io"), **S(group="a.k8s.io")), 'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'),
]
DEFINITION_UPDATES = [
    ("CRD", S(scope="Cluster"), f'spec.scope: Invalid value: "Cluster": {FIXED}'),
    ("CRD", S(names={"kind": "Other", "singular": "other", "listKind": "OtherList"}), f'spec.names.kind: Invalid value: "Other": {FIXED}'),
    ("CRD", S(group="other.example.com"), f'spec.group: Invalid value: "other.example.com": {FIXED}'),
    ("CRD", S(names={"plural": "others"}), f'spec.names.plural: Invalid value: "others": {FIXED}'),
    ("CRD", S(versions=[VERSION(name="v2")]), 'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions'),
    ("CRD", S(names={"shortNames": ["r"], "categories": ["all"]})),
]

# ---- reviews and tokens: nothing is stored of them ----
BASES.update({
    "Review": ("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": {"user": "u", "resourceAttributes": {"verb": "get", "resource": "pods"}}}),
    "LocalReview": ("/apis/authorization.k8s.io/v1/namespaces/%s/localsubjectaccessreviews", {"spec": {"user": "u", "resourceAttributes": {"verb": "get", "resource": "pods"}}}),
    "Token": ("/api/v1/namespaces/%s/serviceaccounts/default/token", {"spec": {}}),
})
UNNAMED = {"metadata": {"name": None}}
URLS = {"nonResourceAttributes": {"path": "/", "verb": "get"}}
REVIEWS = [
    ("Review", dict(UNNAMED, **S(**URLS)), "spec.nonResourceAttributes: Invalid value: ~: cannot be specified in combination with resourceAttributes"),
    ("Review", dict(UNNAMED, **S(resourceAttributes=None, user="")), 'spec.resourceAttributes: Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified',
     'spec.user: Invalid value: "": at least one of user or group must be specified'),
    ("Review", {}, "metadata: Invalid value: ~: must be empty"),
    ("Review", UNNAMED),
    ("LocalReview", dict(UNNAMED, **S(resourceAttributes={"namespace": "other"})), 'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace'),
    ("LocalReview", dict(UNNAMED, **S(resourceAttributes=None, **URLS)), "spec.nonResourceAttributes: Invalid value: ~: disallowed on this kind of request"),
    ("LocalReview", {}, "metadata: Invalid value: ~: must be empty except for namespace", 'spec.resourceAttributes.namespace: Invalid value: "": must match metadata.namespace'),
    ("Token", dict(UNNAMED, **S(expirationSeconds=599)), "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"),
    ("Token", dict(UNNAMED, **S(expirationSeconds=4294967297)), "spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds"),
]


def creating(api, ns):
    def ask(kind, change, number):
        path, body = made(kind, ns, f"c{number}")
        return send(api, "POST", path, merged(body, change), dryRun="All")
    return ask


def updating(api, ns):
    """Changes one stored object of each kind, without keeping the change; after a slash, a subresource of it."""
    kept = {}

    def ask(kind, change, number):
        kind, _, sub = kind.partition("/")
        if kind not in kept:
            path, body = made(kind, ns, f"{kind.lower()}-{ns}")
            status = body.pop("status", None)
            first = send(api, "POST", path, body)
            assert first.status_code == 201, f"{kind}: {first.text[:300]}"
            kept[kind] = f"{path}/{first.json()['metadata']['name']}"
            if status:
                got = send(api, "PATCH", kept[kind] + "/status", {"status": status})
                assert got.status_code == 200, got.text
        return send(api, "PATCH", kept[kind] + ("/" + sub if sub else ""), change, dryRun="All")
    ask.kept = kept
    return ask


def register(name, creates, updates=()):
    @check(f"rules of {name}: what is said of each that is broken")
    def rules(api, ns):
        ask = updating(api, ns)
        try:
            wrong = compare(creates, creating(api, ns)) + compare(updates, ask)
        finally:
            for path in ask.kept.values():
                send(api, "DELETE", path, None, gracePeriodSeconds=0)
        assert not wrong, f"{len(wrong)} of {len(creates) + len(updates)}:\n" + "\n".join(wrong)


register("metadata", META + SELECT, META_UPDATES)
register("apps", APPS, APPS_UPDATES)
register("batch", JOBS, JOB_UPDATES)
register("autoscaling", AUTOSCALERS, AUTOSCALER_UPDATES)
register("networking, policy and discovery", NETWORKS, NETWORK_UPDATES)
register("rbac", RBAC, RBAC_UPDATES)
register("storage, scheduling, coordination, node and events", STORAGE, STORAGE_UPDATES)
register("admissionregistration", HOOKS + POLICIES)
register("flowcontrol and apiregistration", FLOWS, FLOW_UPDATES)
register("apiextensions", DEFINITIONS, DEFINITION_UPDATES)
register("authorization and authentication", REVIEWS)
main()
