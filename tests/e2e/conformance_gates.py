#!/usr/bin/env python3
"""conformance_gates.py KUBECONFIG [WORD]: fields as of 1.32: what is kept, what is dropped because its feature gate is off, what is
filled in. A row is a kind, what changes in a valid object, a path in the answer and what stands there; ABSENT: nothing does."""
from conformance_kinds import *

ABSENT = "absent"
REQ = "requiredDuringSchedulingIgnoredDuringExecution"
PREF = "preferredDuringSchedulingIgnoredDuringExecution"
SELECT_A = {"matchLabels": {"a": "b"}}
FIELD = {"fieldPath": "metadata.name"}
CLAIM_SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
MOUNT = {"name": "v", "mountPath": "/x"}
PROBE = {"httpGet": {"port": 80}}
COUNTED = {"completionMode": "Indexed", "completions": 3}
ONE_RULE = {"webhooks": [{"name": "a.b.c", "clientConfig": {"service": {"name": "s", "namespace": "n"}}, "sideEffects": "None",
                          "admissionReviewVersions": ["v1"], "rules": [{"apiGroups": ["zz.z"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["xs"]}]}]}
ADMISSION = "/apis/admissionregistration.k8s.io/v1/"
BASES.update({
    "VWC": (ADMISSION + "validatingwebhookconfigurations", ONE_RULE), "MWC": (ADMISSION + "mutatingwebhookconfigurations", ONE_RULE),
    "VAP": (ADMISSION + "validatingadmissionpolicies", {"spec": {"matchConstraints": {"resourceRules": ONE_RULE["webhooks"][0]["rules"]},
                                                                  "validations": [{"expression": "true"}]}}),
    "Namespace": ("/api/v1/namespaces", {}),
    "Account": ("/api/v1/namespaces/%s/serviceaccounts", {}),
    "ClusterBinding": ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", BASES["RoleBinding"][1]),
    "OldAutoscaler": ("/apis/autoscaling/v1/namespaces/%s/horizontalpodautoscalers", BASES["Autoscaler"][1]),
    "CRD": ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {"spec": {
        "group": "gates.example.com", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]}}),
})
NAMES["CRD"] = "foos.gates.example.com"


def VOL(**source):
    return S(volumes=[dict({"name": "v"}, **source)])


def MOUNTED(source, **mount):
    return S(volumes=[dict({"name": "v"}, **source)], containers=[dict(C, volumeMounts=[dict(MOUNT, **mount)])])


def AFFINITY(**kinds):
    return {"metadata": {"labels": {"x": "1", "y": "2"}}, "spec": {"affinity": kinds}}


def TERM(**term):
    return dict({"topologyKey": "k", "labelSelector": {"matchLabels": {"a": "b"}}}, **term)


def PV(**source):
    return S(hostPath=None, **source)


# ---- gates that are off: dropped without a word ----
OFF = [
    ("Pod", S(resources={"limits": {"cpu": "1"}}), "spec.resources", ABSENT),
    ("Pod", K(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "NotRequired"}]), "spec.containers.0.resizePolicy", ABSENT),
    ("Pod", K(securityContext={"procMount": "Unmasked"}), "spec.containers.0.securityContext.procMount", "Default"),
    ("Pod", S(securityContext={"supplementalGroupsPolicy": "Strict"}), "spec.securityContext", {}),
    ("Pod", S(securityContext={"seLinuxChangePolicy": "Recursive"}), "spec.securityContext", {}),
    ("Pod", S(resourceClaims=[{"name": "a", "resourceClaimName": "b"}]), "spec.resourceClaims", ABSENT),
    ("Pod", K(resources={"claims": [{"name": "a"}]}), "spec.containers.0.resources", {}),
    ("Pod", MOUNTED({"image": {"reference": "x"}}), "spec.containers.0.volumeMounts.0.name", lambda name: name.startswith("kube-api-access-")),
    ("Pod", MOUNTED({"image": {"reference": "x"}}), "spec.volumes.0.name", lambda name: name.startswith("kube-api-access-")),
    ("Deployment", S(template={"spec": {"volumes": [{"name": "v", "image": {"reference": "x"}}]}}), "spec.template.spec.volumes", ABSENT),
    ("StatefulSet", S(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}), "spec.updateStrategy.rollingUpdate", {"partition": 0}),
    ("Volume", S(volumeAttributesClassName="x"), "spec.volumeAttributesClassName", ABSENT),
    ("Claim", S(volumeAttributesClassName="x"), "spec.volumeAttributesClassName", ABSENT),
    ("Claim", S(dataSourceRef={"kind": "PersistentVolumeClaim", "name": "x", "namespace": "y"}), "spec.dataSourceRef", {"kind": "PersistentVolumeClaim", "name": "x", "apiGroup": None}),
    ("Lease", S(strategy="OldestEmulationVersion", preferredHolder="x"), "spec.strategy", ABSENT),
    ("Lease", S(strategy="OldestEmulationVersion", preferredHolder="x"), "spec.preferredHolder", ABSENT),
    # what 1.32 does not know yet
    ("Pod", S(hostnameOverride="x"), "spec.hostnameOverride", ABSENT),
    ("Pod", K(lifecycle={"stopSignal": "SIGTERM"}), "spec.containers.0.lifecycle", {}),
    ("Pod", {}, "metadata.generation", ABSENT),
]
# ---- gates that are on ----
ON = [
    ("Pod", K(lifecycle={"preStop": {"sleep": {"seconds": 5}}}), "spec.containers.0.lifecycle.preStop", {"sleep": {"seconds": 5}}),
    ("Pod", MOUNTED({"emptyDir": {}}, readOnly=True, recursiveReadOnly="Enabled"), "spec.containers.0.volumeMounts.0.recursiveReadOnly", "Enabled"),
    ("Pod", S(initContainers=[dict(C, name="s", restartPolicy="Always", livenessProbe=PROBE)]), "spec.initContainers.0.livenessProbe.periodSeconds", 10),
    ("Pod", S(schedulingGates=[{"name": "a.b/c"}]), "status.conditions.0.reason", "SchedulingGated"),
    ("Pod", S(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": SELECT_A, "matchLabelKeys": ["x"],
                                          "minDomains": 2}]), "spec.topologySpreadConstraints.0.matchLabelKeys", ["x"]),
    ("Pod", AFFINITY(podAffinity={REQ: [TERM(matchLabelKeys=["x", "none"], mismatchLabelKeys=["y"])]}), f"spec.affinity.podAffinity.{REQ}.0.labelSelector",
     {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "x", "operator": "In", "values": ["1"]}, {"key": "y", "operator": "NotIn", "values": ["2"]}]}),
    ("Pod", AFFINITY(podAntiAffinity={PREF: [{"weight": 1, "podAffinityTerm": TERM(matchLabelKeys=["x"])}]}),
     f"spec.affinity.podAntiAffinity.{PREF}.0.podAffinityTerm.labelSelector.matchExpressions", [{"key": "x", "operator": "In", "values": ["1"]}]),
    ("Service", S(trafficDistribution="PreferClose"), "spec.trafficDistribution", "PreferClose"),
    ("StatefulSet", S(ordinals={"start": 3}), "spec.ordinals", {"start": 3}),
    ("StatefulSet", S(persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"}), "spec.persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Delete", "whenScaled": "Retain"}),
    ("Job", S(successPolicy={"rules": [{"succeededIndexes": "0-1"}]}, **COUNTED), "spec.successPolicy.rules.0.succeededIndexes", "0-1"),
    ("Job", S(backoffLimitPerIndex=1, maxFailedIndexes=2, **COUNTED), "spec.backoffLimit", 2147483647),
    ("Job", S(managedBy="a.b/c"), "spec.managedBy", "a.b/c"),
    ("Job", S(podFailurePolicy={"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}), "spec.podFailurePolicy.rules.0.onPodConditions.0.status", "True"),
    ("Job", S(podFailurePolicy={"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}), "spec.podReplacementPolicy", "Failed"),
    ("CronJob", S(timeZone="Etc/UTC"), "spec.timeZone", "Etc/UTC"),
    ("Budget", S(unhealthyPodEvictionPolicy="AlwaysAllow"), "spec.unhealthyPodEvictionPolicy", "AlwaysAllow"),
    ("Driver", S(seLinuxMount=True), "spec.seLinuxMount", True),
    ("Slice", {"endpoints": [{"addresses": ["10.0.0.1"], "hints": {"forZones": [{"name": "z"}]}}]}, "endpoints.0.hints", {"forZones": [{"name": "z"}]}),
    ("Volume", {}, "status.lastPhaseTransitionTime", lambda text: text.endswith("Z")),
    ("Claim", S(dataSourceRef={"kind": "PersistentVolumeClaim", "name": "x"}), "spec.dataSource", {"kind": "PersistentVolumeClaim", "name": "x", "apiGroup": None}),
]
# ---- filled in: defaulting, strategies, allocation, admission ----
FILLED = [
    ("Controller", S(selector=None), "spec.selector", {"app": "a"}), ("Controller", {}, "metadata.labels", {"app": "a"}),
    ("Controller", S(replicas=None), "spec.replicas", 1), ("Job", {}, "spec.manualSelector", False),
    ("Pod", VOL(), "spec.volumes.0.emptyDir", {}),
    ("Pod", K(image="i:latest"), "spec.containers.0.imagePullPolicy", "Always"), ("Pod", K(image="i:1"), "spec.containers.0.imagePullPolicy", "IfNotPresent"),
    ("Pod", K(image="i@sha256:" + "a" * 64), "spec.containers.0.imagePullPolicy", "IfNotPresent"),
    ("Pod", K(), "spec.containers.0.terminationMessagePath", "/dev/termination-log"), ("Pod", K(), "spec.containers.0.terminationMessagePolicy", "File"),
    ("Pod", K(ports=[{"containerPort": 80}]), "spec.containers.0.ports.0.protocol", "TCP"),
    ("Pod", K(resources={"limits": {"cpu": "1"}}), "spec.containers.0.resources.requests", {"cpu": "1"}),
    ("Pod", K(resources={"requests": {"cpu": "0.0001"}}), "spec.containers.0.resources.requests.cpu", "1m"),
    ("Pod", {}, "spec.enableServiceLinks", True), ("Pod", {}, "spec.dnsPolicy", "ClusterFirst"), ("Pod", {}, "spec.restartPolicy", "Always"),
    ("Pod", {}, "spec.securityContext", {}), ("Pod", {}, "spec.terminationGracePeriodSeconds", 30), ("Pod", {}, "spec.schedulerName", "default-scheduler"),
    ("Pod", {}, "spec.serviceAccount", "default"), ("Pod", {}, "spec.serviceAccountName", "default"), ("Pod", {}, "status.qosClass", "BestEffort"),
    ("Pod", {}, "spec.priority", 0), ("Pod", {}, "spec.preemptionPolicy", "PreemptLowerPriority"),
    ("Pod", {}, "spec.tolerations.1", {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
    ("Pod", {}, "spec.volumes.0.projected.defaultMode", 420), ("Pod", {}, "spec.volumes.0.projected.sources.0.serviceAccountToken.expirationSeconds", 3607),
    ("Pod", K(livenessProbe=PROBE), "spec.containers.0.livenessProbe", {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10,
                                                                        "successThreshold": 1, "failureThreshold": 3}),
    ("Pod", K(livenessProbe={"grpc": {"port": 80}}), "spec.containers.0.livenessProbe.grpc.service", ""),
    ("Pod", K(env=[{"name": "A", "valueFrom": {"fieldRef": FIELD}}]), "spec.containers.0.env.0.valueFrom.fieldRef.apiVersion", "v1"),
    ("Pod", VOL(secret={"secretName": "s"}), "spec.volumes.0.secret.defaultMode", 420), ("Pod", VOL(configMap={"name": "c"}), "spec.volumes.0.configMap.defaultMode", 420),
    ("Pod", VOL(downwardAPI={}), "spec.volumes.0.downwardAPI.defaultMode", 420),
    ("Pod", VOL(projected={"sources": [{"serviceAccountToken": {"path": "t"}}]}), "spec.volumes.0.projected.sources.0.serviceAccountToken.expirationSeconds", 3600),
    ("Pod", VOL(hostPath={"path": "/x"}), "spec.volumes.0.hostPath.type", ""),
    ("Pod", VOL(iscsi={"targetPortal": "t", "iqn": "iqn.2001-04.com.example:a", "lun": 0}), "spec.volumes.0.iscsi.iscsiInterface", "default"),
    ("Pod", VOL(rbd={"monitors": ["m"], "image": "i"}), "spec.volumes.0.rbd", lambda it: (it["pool"], it["user"], it["keyring"]) == ("rbd", "admin", "/etc/ceph/keyring")),
    ("Pod", VOL(azureDisk={"diskName": "d", "diskURI": "https://blob/x"}), "spec.volumes.0.azureDisk",
     lambda it: (it["cachingMode"], it["fsType"], it["readOnly"], it["kind"]) == ("ReadWrite", "ext4", False, "Shared")),
    ("Pod", VOL(scaleIO={"gateway": "g", "system": "s", "secretRef": {"name": "n"}, "volumeName": "v"}), "spec.volumes.0.scaleIO",
     lambda it: (it["storageMode"], it["fsType"]) == ("ThinProvisioned", "xfs")),
    ("Pod", VOL(ephemeral={"volumeClaimTemplate": {"spec": CLAIM_SPEC}}), "spec.volumes.0.ephemeral.volumeClaimTemplate.spec.volumeMode", "Filesystem"),
    ("Volume", PV(iscsi={"targetPortal": "t", "iqn": "iqn.2001-04.com.example:a", "lun": 0}), "spec.iscsi.iscsiInterface", "default"),
    ("Volume", PV(rbd={"monitors": ["m"], "image": "i"}), "spec.rbd.keyring", "/etc/ceph/keyring"),
    ("Volume", PV(scaleIO={"gateway": "g", "system": "s", "secretRef": {"name": "n", "namespace": "n"}, "volumeName": "v"}), "spec.scaleIO.storageMode", "ThinProvisioned"),
    ("Volume", {}, "spec.persistentVolumeReclaimPolicy", "Retain"), ("Volume", {}, "spec.volumeMode", "Filesystem"), ("Volume", {}, "status.phase", "Pending"),
    ("Volume", {}, "metadata.finalizers", ["kubernetes.io/pv-protection"]),
    ("Claim", {}, "spec.volumeMode", "Filesystem"), ("Claim", {}, "status", {"phase": "Pending"}), ("Claim", {}, "metadata.finalizers", ["kubernetes.io/pvc-protection"]),
    ("Secret", {"type": None}, "type", "Opaque"),
    ("Service", {}, "spec.sessionAffinity", "None"), ("Service", {}, "spec.type", "ClusterIP"), ("Service", {}, "spec.ports.0.targetPort", 80),
    ("Service", {}, "spec.internalTrafficPolicy", "Cluster"), ("Service", {}, "spec.ipFamilies", ["IPv4"]), ("Service", {}, "spec.ipFamilyPolicy", "SingleStack"),
    ("Service", {}, "spec.clusterIPs.0", lambda ip: ip.count(".") == 3), ("Service", {}, "spec.ports.0.protocol", "TCP"), ("Service", {}, "spec.externalTrafficPolicy", ABSENT),
    ("Service", S(externalIPs=["1.2.3.4"]), "spec.externalTrafficPolicy", "Cluster"),
    ("Service", S(sessionAffinity="ClientIP"), "spec.sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}}),
    ("Service", S(clusterIP="None", selector=None), "spec.ipFamilies", ["IPv4", "IPv6"]), ("Service", S(clusterIP="None", selector=None), "spec.ipFamilyPolicy", "RequireDualStack"),
    ("Service", S(clusterIP="None"), "spec.ipFamilyPolicy", "SingleStack"), ("Service", S(clusterIP="None"), "spec.clusterIPs", ["None"]),
    ("Service", S(clusterIP="None", selector=None, ipFamilyPolicy="PreferDualStack"), "spec.ipFamilies", ["IPv4", "IPv6"]),
    ("Service", S(clusterIP="None", selector=None, ipFamilyPolicy="SingleStack"), "spec.ipFamilies", ["IPv4"]),
    ("Service", S(ipFamilyPolicy="PreferDualStack"), "spec.ipFamilies", ["IPv4"]),
    ("NodePort", {}, "spec.externalTrafficPolicy", "Cluster"), ("NodePort", {}, "spec.ports.0.nodePort", lambda port: 30000 <= port <= 32767),
    ("Balancer", {}, "spec.allocateLoadBalancerNodePorts", True), ("Balancer", {}, "spec.ports.0.nodePort", lambda port: 30000 <= port <= 32767),
    ("Balancer", S(allocateLoadBalancerNodePorts=False), "spec.ports.0.nodePort", ABSENT),
    ("Balancer", S(externalTrafficPolicy="Local"), "spec.healthCheckNodePort", lambda port: 30000 <= port <= 32767),
    ("Endpoints", {}, "subsets.0.ports.0.protocol", "TCP"), ("Namespace", {}, "spec.finalizers", ["kubernetes"]), ("Namespace", {}, "status", {"phase": "Active"}),
    ("Node", {"status": {"capacity": {"cpu": "1"}}}, "status.allocatable", {"cpu": "1"}), ("Node", {}, "spec.taints", [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]),
    ("LimitRange", {}, "spec.limits.0.default", {"cpu": "2"}), ("LimitRange", {}, "spec.limits.0.defaultRequest", {"cpu": "2"}),
    ("LimitRange", S(limits=[{"type": "Container", "min": {"cpu": "1"}}]), "spec.limits.0.defaultRequest", {"cpu": "1"}),
    ("Deployment", S(replicas=None), "spec.replicas", 1), ("StatefulSet", S(replicas=None), "spec.replicas", 1), ("ReplicaSet", S(replicas=None), "spec.replicas", 1),
    ("Deployment", {}, "spec.revisionHistoryLimit", 10), ("StatefulSet", {}, "spec.revisionHistoryLimit", 10), ("DaemonSet", {}, "spec.revisionHistoryLimit", 10),
    ("Deployment", {}, "spec.strategy", {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}),
    ("Deployment", {}, "spec.progressDeadlineSeconds", 600), ("Deployment", {}, "metadata.generation", 1), ("Deployment", {"status": {"replicas": 4}}, "status", {}),
    ("DaemonSet", {}, "metadata.annotations", {"deprecated.daemonset.template.generation": "1"}),
    ("DaemonSet", {}, "spec.updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}),
    ("StatefulSet", {}, "spec.podManagementPolicy", "OrderedReady"), ("StatefulSet", {}, "spec.updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
    ("StatefulSet", S(updateStrategy={"type": "RollingUpdate"}), "spec.updateStrategy", {"type": "RollingUpdate"}),
    ("StatefulSet", {}, "spec.persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"}),
    ("StatefulSet", S(volumeClaimTemplates=[{"metadata": {"name": "x"}, "spec": CLAIM_SPEC}]), "spec.volumeClaimTemplates.0",
     lambda it: (it["kind"], it["apiVersion"], it["status"]) == ("PersistentVolumeClaim", "v1", {"phase": "Pending"})),
    ("Job", {}, "spec.completions", 1), ("Job", {}, "spec.parallelism", 1), ("Job", S(parallelism=2), "spec.completions", ABSENT), ("Job", {}, "spec.backoffLimit", 6),
    ("Job", {}, "spec.completionMode", "NonIndexed"), ("Job", S(suspend=None), "spec.suspend", False), ("Job", {}, "spec.podReplacementPolicy", "TerminatingOrFailed"),
    ("Job", S(template={"metadata": {"labels": {"q": "r"}}}), "metadata.labels", {"q": "r"}),
    ("Job", {}, "spec.template.metadata.labels", lambda it: sorted(it) == ["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"]),
    ("Job", {}, "spec.selector.matchLabels", lambda it: list(it) == ["batch.kubernetes.io/controller-uid"]),
    ("CronJob", {}, "spec.concurrencyPolicy", "Allow"), ("CronJob", S(suspend=None), "spec.suspend", False), ("CronJob", {}, "spec.successfulJobsHistoryLimit", 3),
    ("CronJob", {}, "spec.failedJobsHistoryLimit", 1),
    ("Autoscaler", {}, "spec.minReplicas", 1), ("OldAutoscaler", {}, "spec.minReplicas", 1),
    ("Autoscaler", {}, "spec.metrics", [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]),
    ("Autoscaler", S(behavior={}), "spec.behavior.scaleUp", {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]}),
    ("Autoscaler", S(behavior={}), "spec.behavior.scaleDown", {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}),
    ("NetworkPolicy", S(policyTypes=None), "spec.policyTypes", ["Ingress"]), ("NetworkPolicy", S(policyTypes=None, egress=[{}]), "spec.policyTypes", ["Ingress", "Egress"]),
    ("NetworkPolicy", S(ingress=[{"ports": [{"port": 80}]}]), "spec.ingress.0.ports.0.protocol", "TCP"),
    ("IngressClass", S(parameters={"kind": "K", "name": "n", "apiGroup": "g"}), "spec.parameters.scope", "Cluster"),
    ("RoleBinding", {"roleRef": {"apiGroup": None}}, "roleRef.apiGroup", "rbac.authorization.k8s.io"),
    ("ClusterBinding", {"subjects": [{"kind": "Group", "name": "g"}]}, "subjects.0.apiGroup", "rbac.authorization.k8s.io"),
    ("ClusterBinding", {"subjects": [{"kind": "ServiceAccount", "name": "g", "namespace": "n"}]}, "subjects.0.apiGroup", ABSENT),
    ("PriorityClass", {}, "preemptionPolicy", "PreemptLowerPriority"), ("StorageClass", {}, "reclaimPolicy", "Delete"), ("StorageClass", {}, "volumeBindingMode", "Immediate"),
    ("Driver", {}, "spec", {"attachRequired": True, "podInfoOnMount": False, "storageCapacity": False, "fsGroupPolicy": "ReadWriteOnceWithFSType",
                            "volumeLifecycleModes": ["Persistent"], "requiresRepublish": False, "seLinuxMount": False}),
    ("VWC", {}, "webhooks.0", lambda it: (it["failurePolicy"], it["matchPolicy"], it["namespaceSelector"], it["objectSelector"], it["timeoutSeconds"])
     == ("Fail", "Equivalent", {}, {}, 10) and it["rules"][0]["scope"] == "*" and it["clientConfig"]["service"]["port"] == 443),
    ("MWC", {}, "webhooks.0", lambda it: (it["failurePolicy"], it["matchPolicy"], it["timeoutSeconds"], it["reinvocationPolicy"]) == ("Fail", "Equivalent", 10, "Never")),
    ("VAP", {}, "spec", lambda it: it["failurePolicy"] == "Fail" and (it["matchConstraints"]["matchPolicy"], it["matchConstraints"]["namespaceSelector"],
                                                                      it["matchConstraints"]["objectSelector"]) == ("Equivalent", {}, {})),
    ("Slice", {}, "ports.0", {"name": "", "port": 80, "protocol": "TCP"}),
    ("FlowSchema", S(matchingPrecedence=None), "spec.matchingPrecedence", 1000),
    ("Level", S(limited={"nominalConcurrencyShares": None}), "spec.limited", lambda it: (it["nominalConcurrencyShares"], it["lendablePercent"]) == (30, 0)),
    ("Level", S(limited={"limitResponse": {"type": "Queue", "queuing": {}}}), "spec.limited.limitResponse.queuing", {"queues": 64, "handSize": 8, "queueLengthLimit": 50}),
    ("CRD", {}, "spec.names", lambda it: (it["singular"], it["listKind"]) == ("foo", "FooList")), ("CRD", {}, "spec.conversion", {"strategy": "None"}),
    ("CRD", {}, "status.storedVersions", ["v1"]), ("APIService", {}, "spec.service.port", 443),
    ("Account", {"secrets": [{"name": "s", "kind": "Secret"}]}, "secrets", [{"name": "s"}]),
    ("Ingress", {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}, "status", {"loadBalancer": {}}),
    ("Event", {}, "reportingComponent", ""), ("Event", {}, "source", {}), ("Event", {}, "firstTimestamp", None),
    ("NewEvent", {}, "deprecatedSource", {}), ("NewEvent", {"type": "Normal"}, "deprecatedFirstTimestamp", None),
    ("LimitRange", {"metadata": {"name": ""}}, "metadata.name", lambda name: len(name) == 36),
]

KINDS = {}  # plural: kind


def at(tree, path):
    for step in path.split("."):
        if isinstance(tree, list) and step.isdigit() and int(step) < len(tree):
            tree = tree[int(step)]
        elif isinstance(tree, dict) and step in tree:
            tree = tree[step]
        else:
            return ABSENT
    return tree


def create(api, where, body):
    return send(api, "POST", where, body, dryRun="All")


def apply(api, where, body):
    version = where.split("/")[3 if where.startswith("/apis/") else 2]
    group = where.split("/")[2] + "/" if where.startswith("/apis/") else ""
    typed = dict({"apiVersion": group + version, "kind": KINDS[where.rsplit("/", 1)[1]]}, **body)
    return api.session.request("PATCH", f"{api.base}{where}/{body['metadata']['name']}", json=typed, params={"dryRun": "All", "fieldManager": "m"}, timeout=30,
                               headers={"Content-Type": APPLY})


def replace(api, where, body):
    """The same body over what it made: what was filled in then is filled in again."""
    first = send(api, "POST", where, body)
    if first.status_code != 201:
        return first
    there = f"{where}/{first.json()['metadata']['name']}"
    again = dict(body, metadata=dict(body["metadata"], resourceVersion=first.json()["metadata"]["resourceVersion"]))
    for _ in range(5):
        answer = send(api, "PUT", there, again, dryRun="All")
        if answer.status_code != 409:
            break
        again["metadata"]["resourceVersion"] = api("GET", there)["metadata"]["resourceVersion"]  # a controller wrote meanwhile
    send(api, "PATCH", there, {"metadata": {"finalizers": None}})
    send(api, "DELETE", there, None, gracePeriodSeconds=0, propagationPolicy="Background")
    until("its name is free", lambda: gone(api, there))
    return answer


def walk_fields(api, ns, rows, ask=create):
    wrong = []
    for number, (kind, change, path, value) in enumerate(rows):
        where, body = made(kind, ns, f"g{number}-{ns}")
        answer = ask(api, where, merged(body, change))
        taken = answer.status_code in (200, 201)
        got = at(answer.json(), path) if taken else f"{answer.status_code} {answer.text[:300]}"
        fine = taken and (got != ABSENT and value(got) if callable(value) else got == value)
        if not fine:
            wrong.append(f"{row_name(kind, change)} {path}: {got}, wanted {'another' if callable(value) else value}")
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong)


@check("fields behind gates that are off are dropped")
def off(api, ns):
    walk_fields(api, ns, OFF)


@check("fields behind gates that are on are kept")
def on(api, ns):
    walk_fields(api, ns, ON)


@check("what is left out is filled in")
def filled(api, ns):
    walk_fields(api, ns, FILLED)


@check("what is left out is filled in when it is applied")
def filled_by_apply(api, ns):
    KINDS.update((one["name"], one["kind"]) for group in {"/api/v1"} | {"/".join(path.split("/")[:4]) for path, _ in BASES.values() if path.startswith("/apis/")}
                 for one in api("GET", group)["resources"] if "/" not in one["name"])
    walk_fields(api, ns, [row for row in FILLED if row[2] != "metadata.name"], apply)


@check("what is left out is filled in again by a PUT")
def filled_by_put(api, ns):
    # what is made once, and an update must have, or may be without; and what controllers write
    kinds, paths = {"Pod", "Namespace", "Job"}, ("metadata.finalizers", "metadata.name", "spec.taints", "status")
    # The controller annotates a Deployment; where that comes before the PUT, which takes it away, its generation goes on.
    walk_fields(api, ns, [row for row in FILLED if row[0] not in kinds and not row[2].startswith(paths) and
                          (row[0], row[2]) != ("Deployment", "metadata.generation")], replace)


@check("a DaemonSet counts the changes of its template")
def template_generation(api, ns):
    path, body = made("DaemonSet", ns, "d")
    send(api, "POST", path, body)
    for change, count in [(S(minReadySeconds=1), "1"), (S(template={"metadata": {"labels": {"z": "1"}}}), "2"), ({"metadata": {"annotations": None}}, "2")]:
        got = send(api, "PATCH", path + "/d", change).json()
        assert got["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == count, got["metadata"]


@check("a volume's phase has a time")
def phase_time(api, ns):
    path, body = made("Volume", ns, "phase-" + ns)
    first = send(api, "POST", path, body).json()
    api("PATCH", f"{path}/phase-{ns}/status", {"status": {"phase": "Released", "lastPhaseTransitionTime": "2020-01-01T00:00:00Z"}}, type=MERGE)
    got = api("PATCH", f"{path}/phase-{ns}/status", {"status": {"phase": "Failed"}}, type=MERGE)
    assert got["status"]["lastPhaseTransitionTime"] >= first["status"]["lastPhaseTransitionTime"], got["status"]
    api("PATCH", f"{path}/phase-{ns}", {"metadata": {"finalizers": None}}, type=MERGE)
    api("DELETE", f"{path}/phase-{ns}")


@check("reviews: who I am, and what selectors they may have")
def reviews(api, ns):
    info = api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})["status"]["userInfo"]
    assert "system:authenticated" in info["groups"] and "authentication.kubernetes.io/credential-id" in info["extra"], info
    base, where = "/apis/authorization.k8s.io/v1/subjectaccessreviews", "spec.resourceAttributes."
    both = {"rawSelector": "a=b", "requirements": [{"key": "x", "operator": "In", "values": ["n"]}]}
    for selector, field, words in [
            (both, "fieldSelector.rawSelector", "may not specified at the same time as requirements"),
            ({}, "labelSelector.requirements", f"when {where}labelSelector is specified, requirements or rawSelector is required"),
            ({"requirements": [{"key": "", "operator": "In", "values": ["n"]}]}, "fieldSelector.requirements[0].key", "must be specified"),
            ({"requirements": [{"key": "x", "operator": "In"}]}, "fieldSelector.requirements[0].values", "must be specified when `operator` is 'In' or 'NotIn'"),
            ({"requirements": [{"key": "x", "operator": "Exists", "values": ["n"]}]}, "labelSelector.requirements[0].values",
             "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
            ({"requirements": [{"key": "x", "operator": "Later", "values": ["n"]}]}, "fieldSelector", "")]:
        attributes = {"verb": "list", "resource": "pods", field.split(".")[0]: selector}
        answer = send(api, "POST", base, S(user="u", resourceAttributes=attributes))
        why = judge(answer, words and where + field, words)
        assert not why, f"{selector}: {why}"


@check("tokens: their claims")
def claims(api, ns):
    api("POST", f"/api/v1/namespaces/{ns}/pods", pod("p"))
    bound = {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}}}
    token = api("POST", f"/api/v1/namespaces/{ns}/serviceaccounts/default/token", bound)["status"]["token"]
    told = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert {"aud", "exp", "iat", "iss", "jti", "kubernetes.io", "nbf", "sub"} == set(told), told
    assert told["kubernetes.io"]["pod"]["name"] == "p" and told["sub"] == f"system:serviceaccount:{ns}:default", told


main()
