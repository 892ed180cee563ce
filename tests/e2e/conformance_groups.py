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
    ("ConfigMap", M(namespace="other"), "400 BadRequest: the namespace of the object (other) does not match the namespace on the request (~)"),
    ("ConfigMap", M(uid="other"), "409 Conflict: Operation cannot be fulfilled on configmaps ~: Precondition failed: UID in precondition: other, UID in object meta: ~"),
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
main()
