#!/usr/bin/env python3
"""conformance_core.py KUBECONFIG [WORD]: the rules of core/v1, with all that is wrong. A row is a valid object's kind, what is changed in
it, and every cause of the answer in upstream's order: the field, and how the message begins, by which the reason goes. conformance_rules.py
and conformance_fields.py ask whether the right field is blamed; here nothing may be missing, be said twice or be said beside it. An update's
row has what the object is made with, and by which endpoint it is changed. Causes of maps come in any order, and rows have one of a map."""
from conformance_kinds import *

REASONS = {"Required value": "FieldValueRequired", "Invalid value": "FieldValueInvalid", "Duplicate value": "FieldValueDuplicate",
           "Forbidden": "FieldValueForbidden", "Unsupported value": "FieldValueNotSupported", "Not found": "FieldValueNotFound",
           "Too long": "FieldValueTooLong", "Too many": "FieldValueTooMany"}
REQ, PREF = ("%sDuringSchedulingIgnoredDuringExecution" % word for word in ("required", "preferred"))
SUB = "a lowercase RFC 1123 subdomain must consist of"
LABEL = "a lowercase RFC 1123 label must consist of"
NAME = "name part must consist of alphanumeric characters"
IP = "must be a valid IP address"
CIDR = "must be a valid CIDR value"
DUAL = "may specify no more than one IP for each IP family"
WINDOWS = "Forbidden: cannot be set for a windows pod"
DIVISOR = "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the %s resource"
BASES.update({
    "Namespace": ("/api/v1/namespaces", {}),
    "Account": ("/api/v1/namespaces/%s/serviceaccounts", {}),
    "TokenSecret": ("/api/v1/namespaces/%s/secrets", {"type": "kubernetes.io/service-account-token", "metadata": {"annotations": {"kubernetes.io/service-account.name": "default"}}}),
    "Gated": ("/api/v1/namespaces/%s/pods", {"spec": {"containers": [C], "schedulingGates": [{"name": "g"}], "nodeSelector": {"a": "b"}}}),
})


def V(**source):
    return S(volumes=[dict({"name": "v"}, **source)])


def SC(**context):
    return S(securityContext=context)


def CC(**context):
    return K(securityContext=context)


def ENV(**source):
    return K(env=[{"name": "A", "valueFrom": source}])


def MOUNT(**mount):
    return S(volumes=[{"name": "v", "emptyDir": {}}], containers=[dict(C, volumeMounts=[dict({"name": "v", "mountPath": "/x"}, **mount)])])


def TERM(**term):
    return S(affinity={"podAffinity": {REQ: [dict({"topologyKey": "k"}, **term)]}})


def NODES(**requirement):
    return S(affinity={"nodeAffinity": {REQ: {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}})


def SPREAD(**constraint):
    return S(topologySpreadConstraints=[dict({"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "DoNotSchedule"}, **constraint)])


def PROJ(*sources):
    return V(projected={"sources": list(sources)})


def PV(**source):
    return S(hostPath=None, **source)


def ANN(**annotations):
    return {"metadata": {"annotations": annotations}}


T0 = "spec.affinity.podAffinity.%s[0]" % REQ
N0 = "spec.affinity.nodeAffinity.%s.nodeSelectorTerms[0].matchExpressions[0]" % REQ
C0, V0, P0 = "spec.containers[0]", "spec.volumes[0]", "spec.ports[0]"

# ---- Pods: their volumes ----
VOLUMES = [
    ("Pod", V(gitRepo={"repository": "", "directory": "../x"}), [V0 + ".gitRepo.repository: Required value", V0 + ".gitRepo.directory: Invalid value: \"../x\": must not contain '..'"]),
    ("Pod", V(gcePersistentDisk={"pdName": "", "partition": 256}), [V0 + ".persistentDisk.pdName: Required value", V0 + ".persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive"]),
    ("Pod", V(awsElasticBlockStore={"volumeID": "", "partition": -1}), [V0 + ".awsElasticBlockStore.volumeID: Required value", V0 + ".awsElasticBlockStore.partition: Invalid value: -1: must be"]),
    ("Pod", V(nfs={"server": "", "path": ""}), [V0 + ".nfs.server: Required value", V0 + ".nfs.path: Required value", V0 + '.nfs.path: Invalid value: "": must be an absolute path']),
    ("Pod", V(iscsi={"targetPortal": "", "iqn": "x", "lun": 256, "chapAuthSession": True}), [V0 + ".iscsi.targetPortal: Required value", V0 + '.iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
                                                                                       V0 + ".iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive", V0 + ".iscsi.secretRef: Required value"]),
    ("Pod", V(iscsi={"targetPortal": "p" * 70, "iqn": "iqn.2001-04.com.example:a", "lun": 0, "initiatorName": "iqn.x"}), [V0 + '.iscsi.initiatorname: Invalid value: "iqn.x": must be valid format', V0 + '.name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> must be under 64']),
    ("Pod", V(iscsi={"targetPortal": "p", "iqn": "naa." + "0" * 32, "lun": 0}), []),
    ("Pod", V(glusterfs={"endpoints": "", "path": ""}), [V0 + ".glusterfs.endpoints: Required value", V0 + ".glusterfs.path: Required value"]),
    ("Pod", V(flocker={}), [V0 + ".flocker: Required value: one of datasetName and datasetUUID is required"]),
    ("Pod", V(flocker={"datasetName": "a/b", "datasetUUID": "x"}), [V0 + '.flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously', V0 + ".flocker.datasetName: Invalid value: \"a/b\": must not contain '/'"]),
    ("Pod", V(rbd={"monitors": [], "image": ""}), [V0 + ".rbd.monitors: Required value", V0 + ".rbd.image: Required value"]),
    ("Pod", V(cinder={"volumeID": "", "secretRef": {}}), [V0 + ".cinder.volumeID: Required value", V0 + ".cinder.secretRef.name: Required value"]),
    ("Pod", V(cephfs={"monitors": []}), [V0 + ".cephfs.monitors: Required value"]),
    ("Pod", V(cephfs={"monitors": ["a"]}, rbd={"monitors": ["a"], "image": "x"}), [V0 + ".cephFS: Forbidden: may not specify more than 1 volume type"]),
    ("Pod", V(quobyte={"registry": "a", "volume": ""}), [V0 + '.quobyte.registry: Invalid value: "a": must be a host:port pair or multiple pairs', V0 + ".quobyte.volume: Required value"]),
    ("Pod", V(quobyte={"registry": "a:1,[::1]:2", "volume": "x", "tenant": "t" * 65}), [V0 + ".quobyte.tenant: Required value: must be a UUID and may not exceed a length of 64 characters"]),
    ("Pod", V(fc={}), [V0 + ".fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"]),
    ("Pod", V(fc={"targetWWNs": ["a"], "wwids": ["b"]}), [V0 + '.fc.targetWWNs: Invalid value: []string{"a"}: targetWWNs and wwids can not be specified simultaneously', V0 + ".fc.lun: Required value: lun is required if targetWWNs is specified"]),
    ("Pod", V(flexVolume={"driver": "", "options": {"x.K8s.io/a": "b"}}), [V0 + ".flexVolume.driver: Required value", V0 + ".flexVolume.options[x.K8s.io/a]: Invalid value: \"x.K8s.io/a\": kubernetes.io and k8s.io namespaces are reserved"]),
    ("Pod", V(azureFile={"secretName": "", "shareName": ""}), [V0 + ".azureFile.secretName: Required value", V0 + ".azureFile.shareName: Required value"]),
    ("Pod", V(vsphereVolume={"volumePath": ""}), [V0 + ".vsphereVolume.volumePath: Required value"]),
    ("Pod", V(photonPersistentDisk={"pdID": ""}), [V0 + ".photonPersistentDisk.pdID: Required value"]),
    ("Pod", V(portworxVolume={"volumeID": ""}), [V0 + ".portworxVolume.volumeID: Required value"]),
    ("Pod", V(azureDisk={"diskName": "", "diskURI": "x", "cachingMode": "y"}), [V0 + ".azureDisk.diskName: Required value", V0 + '.azureDisk.cachingMode: Unsupported value: "y": supported values: "None", "ReadOnly", "ReadWrite"',
                                                                              V0 + '.azureDisk.diskURI: Unsupported value: "x": supported values: "https://{account-name}']),
    ("Pod", V(storageos={"volumeName": "A_", "volumeNamespace": "b.c", "secretRef": {}}), [V0 + '.storageos.volumeName: Invalid value: "A_": ' + LABEL, V0 + '.storageos.volumeNamespace: Invalid value: "b.c": must not contain dots', V0 + ".storageos.secretRef.name: Required value"]),
    ("Pod", V(scaleIO={"gateway": "", "system": "", "volumeName": "", "secretRef": {"name": "s"}}), [V0 + ".scaleIO.gateway: Required value", V0 + ".scaleIO.system: Required value", V0 + ".scaleIO.volumeName: Required value"]),
    ("Pod", V(csi={"driver": "", "nodePublishSecretRef": {"name": "A_"}}), [V0 + ".csi.driver: Required value", V0 + '.csi.driver: Invalid value: "": ' + SUB, V0 + '.csi.name: Invalid value: "A_": ' + SUB]),
    ("Pod", V(csi={"driver": "Upper.example.com"}), []),
    ("Pod", V(csi={"driver": "x" * 64, "nodePublishSecretRef": {}}), [V0 + ".csi.driver: Too long: may not be more than 63 bytes", V0 + ".csi.nodePublishSecretRef.name: Required value"]),
    ("Pod", V(ephemeral={"volumeClaimTemplate": {"metadata": {"name": "x", "labels": {"a b": "c"}}, "spec": {"accessModes": ["x"], "resources": {"requests": {"storage": "-1"}}}}}), [
        V0 + '.ephemeral.volumeClaimTemplate.metadata.labels: Invalid value: "a b": ' + NAME, V0 + ".ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
        V0 + '.ephemeral.volumeClaimTemplate.spec.accessModes: Unsupported value: "x": supported', V0 + '.ephemeral.volumeClaimTemplate.spec.resources[storage]: Invalid value: "-1": must be greater than zero']),
    ("Pod", dict(S(volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}}}},
                            {"name": "w", "persistentVolumeClaim": {"claimName": "fixed-v"}}]), metadata={"name": "fixed"}),
     ['spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: "fixed-v": must not reference a PVC that gets created for an ephemeral volume']),
    ("Pod", V(downwardAPI={"defaultMode": 512, "items": [{"path": "../a", "mode": -1}]}), [V0 + ".downwardAPI.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive", V0 + ".downwardAPI.path: Invalid value: \"../a\": must not contain '..'",
                                                                                         V0 + ".downwardAPI: Required value: one of fieldRef and resourceFieldRef is required", V0 + ".downwardAPI.mode: Invalid value: -1: must be a number"]),
    ("Pod", V(emptyDir={}, downwardAPI={}), [V0 + ".downwarAPI: Forbidden: may not specify more than 1 volume type"]),
    ("Pod", V(downwardAPI={"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}), [V0 + ".downwardAPI.resourceFieldRef.containerName: Required value"]),
    ("Pod", V(configMap={"name": "c", "items": [{"key": "", "path": ""}, {"key": "k", "path": "..a", "mode": 512}]}), [V0 + ".configMap.items[0].key: Required value", V0 + ".configMap.items[0].path: Required value",
                                                                                                                V0 + ".configMap.items[1].path: Invalid value: \"..a\": must not start with '..'", V0 + ".configMap.items[1].mode: Invalid value: 512"]),
    ("Pod", PROJ({"secret": {"name": ""}}, {}), [V0 + ".projected.sources[0].secret.name: Required value"]),
    ("Pod", PROJ({"secret": {"name": "s"}, "downwardAPI": {}}), [V0 + ".projected.sources[0]: Forbidden: may not specify more than 1 volume type per source"]),
    ("Pod", PROJ({"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}}, {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}}), [V0 + '.projected: Invalid value: "p": conflicting duplicate paths']),
    ("Pod", PROJ({"serviceAccountToken": {"path": "/t", "expirationSeconds": 1}}), [V0 + ".projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes", V0 + '.projected.path: Invalid value: "/t": must be a relative path']),
    ("Pod", PROJ({"serviceAccountToken": {"path": "p"}}, {"serviceAccountToken": {"path": "p"}}), []),
    ("Pod", S(volumes=[{"name": "A_", "hostPath": {"path": ""}}], containers=[dict(C, volumeMounts=[{"name": "A_", "mountPath": "/x"}])]), [
        V0 + ".hostPath.path: Required value", V0 + '.name: Invalid value: "A_": ' + LABEL, C0 + '.volumeMounts[0].name: Not found: "A_"']),
    ("Pod", S(volumes=[{"name": "v", "emptyDir": {}}] * 3), ['spec.volumes[1].name: Duplicate value: "v"', 'spec.volumes[2].name: Duplicate value: "v"']),
]

# ---- Pods: their containers ----
CONTAINERS = [
    ("Pod", S(containers=[{"name": "", "image": "", "imagePullPolicy": "x", "terminationMessagePolicy": "y"}]), [
        C0 + ".name: Required value", C0 + ".image: Required value", C0 + '.terminationMessagePolicy: Unsupported value: "y": supported values: "File", "FallbackToLogsOnError"', C0 + '.imagePullPolicy: Unsupported value: "x"']),
    ("Pod", K(name="A" * 64), [C0 + '.name: Invalid value: "' + "A" * 64 + '": must be no more than 63 characters', C0 + '.name: Invalid value: "' + "A" * 64 + '": ' + LABEL]),
    ("Pod", K(ports=[{"containerPort": 0, "name": "-A-long-name-of-a-port"}]), [C0 + '.ports[0].name: Invalid value: "-A-long-name-of-a-port": ' + words for words in (
        "must be no more than 15 characters", "must contain only alpha-numeric characters", "must not begin or end with a hyphen")] + [C0 + ".ports[0].containerPort: Required value"]),
    ("Pod", K(ports=[{"containerPort": 80, "hostPort": -1, "protocol": "ICMP"}]), [C0 + ".ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive", C0 + '.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"']),
    ("Pod", S(containers=[dict(C, ports=[{"containerPort": 80, "hostPort": 80}]), dict(C, name="d", ports=[{"containerPort": 80, "hostPort": 80}])]), ['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"']),
    ("Pod", S(initContainers=[{"name": "i", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]}]), ['spec.initContainers[0].ports[1].hostPort: Duplicate value: "TCP//80"']),
    ("Pod", S(initContainers=[{"name": "c", "image": "i"}]), ['spec.initContainers[0].name: Duplicate value: "c"']),
    ("Pod", S(initContainers=[{"name": "s", "image": "i", "restartPolicy": "Always", "livenessProbe": {"httpGet": {"port": 80}, "successThreshold": 2}}]), ["spec.initContainers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"]),
    ("Pod", K(image=" i "), [C0 + '.image: Invalid value: " i ": must not have leading or trailing whitespace']),
    ("Pod", K(livenessProbe={}, readinessProbe={"grpc": {"port": 0}, "terminationGracePeriodSeconds": 0}, startupProbe={"exec": {}, "periodSeconds": -1}, restartPolicy="Always"), [
        C0 + ".livenessProbe: Required value: must specify a handler type", C0 + ".readinessProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive",
        C0 + ".readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0", C0 + ".readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must not be set for readinessProbes",
        C0 + ".startupProbe.exec.command: Required value", C0 + ".startupProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0", C0 + ".restartPolicy: Forbidden: may not be set for non-init containers"]),
    ("Pod", K(lifecycle={"postStart": {"exec": {"command": ["a"]}, "sleep": {"seconds": 1}}, "preStop": {"httpGet": {"port": "", "scheme": "x", "httpHeaders": [{"name": "a b", "value": ""}]}}}), [
        C0 + ".lifecycle.postStart.sleep: Forbidden: may not specify more than 1 handler type", C0 + '.lifecycle.preStop.httpGet.port: Invalid value: "": must contain only alpha-numeric', C0 + '.lifecycle.preStop.httpGet.port: Invalid value: "": must contain at least one letter (a-z)',
        C0 + '.lifecycle.preStop.httpGet.scheme: Unsupported value: "x": supported values: "HTTP", "HTTPS"', C0 + '.lifecycle.preStop.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of']),
    ("Pod", dict(S(terminationGracePeriodSeconds=5, containers=[dict(C, lifecycle={"preStop": {"sleep": {"seconds": 6}}})])), [C0 + ".lifecycle.preStop.sleep: Invalid value: 6: must be greater than 0 and less than terminationGracePeriodSeconds (5)"]),
    ("Pod", K(env=[{"name": ""}, {"name": "A", "valueFrom": {}}]), [C0 + ".env[0].name: Required value", C0 + '.env[1].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`']),
    ("Pod", ENV(fieldRef={"apiVersion": "v2", "fieldPath": "metadata.name"}), [C0 + '.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.name": error converting fieldPath: unsupported pod version: v2']),
    ("Pod", ENV(fieldRef={"fieldPath": "status.phase"}), [C0 + '.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"']),
    ("Pod", ENV(fieldRef={"fieldPath": "spec.host"}), []),
    ("Pod", ENV(fieldRef={"fieldPath": "spec.nodeName['a']"}), [C0 + ".env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.nodeName['a']\": error converting fieldPath: field label does not support subscript: spec.nodeName['a']"]),
    ("Pod", ENV(fieldRef={"fieldPath": "metadata.labels['a b']"}), [C0 + '.env[0].valueFrom.fieldRef: Invalid value: "a b": ' + NAME]),
    ("Pod", ENV(fieldRef={"fieldPath": "metadata.annotations['Up.Case/x']"}), []),
    ("Pod", ENV(resourceFieldRef={"resource": "limits.cpu", "divisor": "2"}), [C0 + '.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource']),
    ("Pod", ENV(resourceFieldRef={"resource": "requests.ephemeral-storage", "divisor": "2"}), [C0 + '.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "requests.ephemeral-storage": ' + DIVISOR % "local ephemeral storage"]),
    ("Pod", ENV(resourceFieldRef={"resource": "limits.hugepages-2Mi", "divisor": "2"}), [C0 + '.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.hugepages-2Mi": ' + DIVISOR % "hugepages"]),
    ("Pod", ENV(resourceFieldRef={"resource": "limits.cpu", "divisor": "1000m"}), []),
    ("Pod", ENV(secretKeyRef={"name": "A_", "key": ""}), [C0 + '.env[0].valueFrom.secretKeyRef.name: Invalid value: "A_": ' + SUB, C0 + ".env[0].valueFrom.secretKeyRef.key: Required value"]),
    ("Pod", ENV(configMapKeyRef={"name": "c", "key": "..a b"}), [C0 + '.env[0].valueFrom.configMapKeyRef.key: Invalid value: "..a b": a valid config key must consist of', C0 + ".env[0].valueFrom.configMapKeyRef.key: Invalid value: \"..a b\": must not start with '..'"]),
    ("Pod", K(envFrom=[{"prefix": "a=", "secretRef": {"name": "A_"}}, {"configMapRef": {"name": ""}}]), [C0 + '.envFrom[0].prefix: Invalid value: "a=": a valid environment variable name must consist only of printable ASCII', C0 + '.envFrom[0].secretRef.name: Invalid value: "A_": ' + SUB,
                                                                                                C0 + ".envFrom[1].configMapRef.name: Required value"]),
    ("Pod", MOUNT(subPath="/a", subPathExpr="../b"), [C0 + '.volumeMounts.subPath: Invalid value: "/a": must be a relative path', C0 + '.volumeMounts[0].subPathExpr: Invalid value: "../b": subPathExpr and subPath are mutually exclusive', C0 + ".volumeMounts.subPathExpr: Invalid value: \"../b\": must not contain '..'"]),
    ("Pod", MOUNT(recursiveReadOnly="Enabled", mountPropagation="HostToContainer"), [C0 + ".volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true", C0 + ".volumeMounts.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified"]),
    ("Pod", S(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}], containers=[dict(C, volumeMounts=[{"name": "v", "mountPath": "/x"}], volumeDevices=[{"name": "v", "devicePath": "/x"}])]), [
        C0 + '.volumeMounts[0].name: Invalid value: "v": must not already exist in volumeDevices', C0 + '.volumeMounts[0].mountPath: Invalid value: "/x": must not already exist as a path in volumeDevices',
        C0 + '.volumeDevices[0].name: Invalid value: "v": must not already exist in volumeMounts', C0 + '.volumeDevices[0].devicePath: Invalid value: "/x": must not already exist as a path in volumeMounts']),
    ("Pod", S(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}], containers=[dict(C, volumeDevices=[{"name": "v", "devicePath": "/a..b"}])]), []),
    ("Pod", K(resources={"limits": {"hugepages-2Mi": "3Mi"}}), [C0 + '.resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi', C0 + '.resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not', C0 + ".resources: Forbidden: HugePages require cpu or memory"]),
    ("Pod", K(resources={"limits": {"requests.example.com/x": "1"}}), [C0 + ".resources.limits[requests.example.com/x]: Invalid value: \"requests.example.com/x\": doesn't follow extended resource name standard", C0 + ".resources.requests[requests.example.com/x]: Invalid value"]),
    ("Pod", K(resources={"limits": {"a b": "1"}, "requests": {"cpu": "1"}}), [C0 + '.resources.limits[a b]: Invalid value: "a b": ' + NAME, C0 + '.resources.limits[a b]: Invalid value: "a b": must be a standard resource for containers', C0 + '.resources.requests[a b]: Invalid value: "a b": ' + NAME, C0 + '.resources.requests[a b]: Invalid value: "a b": must be']),
    ("Pod", CC(runAsUser=-1, runAsGroup=-2, procMount="Default", seccompProfile={"type": ""}, appArmorProfile={"type": "x"}), [C0 + ".securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive", C0 + ".securityContext.runAsGroup: Invalid value: -2",
                                                                                                                       C0 + ".securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set", C0 + '.securityContext.appArmorProfile.type: Unsupported value: "x": supported values: "Localhost", "RuntimeDefault", "Unconfined"']),
    ("Pod", CC(appArmorProfile={"type": "Localhost", "localhostProfile": " x"}), [C0 + '.securityContext.appArmorProfile.localhostProfile: Invalid value: " x": must not be padded with whitespace']),
    ("Pod", CC(appArmorProfile={"type": "Localhost"}), [C0 + ".securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost"]),
    ("Pod", CC(appArmorProfile={"type": "Unconfined", "localhostProfile": "x"}), [C0 + '.securityContext.appArmorProfile.localhostProfile: Invalid value: "x": can only be set when AppArmor type is Localhost']),
    ("Pod", CC(windowsOptions={"gmsaCredentialSpecName": "A_", "gmsaCredentialSpec": "", "runAsUserName": "a\\b\\c"}), [C0 + '.securityContext.windowsOptions.gmsaCredentialSpecName: Invalid value: "A_": ' + SUB, C0 + '.securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string',
                                                                                                                 C0 + '.securityContext.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName cannot contain more than one backslash']),
    ("Pod", CC(windowsOptions={"runAsUserName": ".d\\a*b"}), [C0 + ".securityContext.windowsOptions.runAsUserName: Invalid value: \".d\\\\a*b\": runAsUserName's Domain doesn't match the NetBios nor the DNS format", C0 + ".securityContext.windowsOptions.runAsUserName: Invalid value: \".d\\\\a*b\": runAsUserName's User cannot contain the following"]),
    ("Pod", CC(windowsOptions={"runAsUserName": "NT AUTHORITY\\NETWORK SERVICE"}), []),
]

# ---- Pods: the rest of their spec ----
PODS = [
    ("Pod", S(nodeName="A_", serviceAccountName="default", hostname="b.c", subdomain="D", restartPolicy="x", dnsPolicy="y", nodeSelector={"a b": "c d"}), [
        'spec.restartPolicy: Unsupported value: "x": supported values: "Always", "OnFailure", "Never"', 'spec.dnsPolicy: Unsupported value: "y": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
        'spec.nodeSelector: Invalid value: "a b": ' + NAME, 'spec.nodeSelector: Invalid value: "c d": a valid label must be', 'spec.nodeName: Invalid value: "A_": ' + SUB, 'spec.hostname: Invalid value: "b.c": must not contain dots',
        'spec.subdomain: Invalid value: "D": ' + LABEL]),
    ("Pod", S(schedulerName="Any thing"), []),
    ("Pod", S(dnsPolicy="None"), ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]),
    ("Pod", S(dnsConfig={"nameservers": ["a", "1.1.1.1", "1.1.1.1", "1.1.1.1"], "searches": ["."], "options": [{}]}), ['spec.dnsConfig.nameservers: Invalid value: []string{"a", "1.1.1.1", "1.1.1.1", "1.1.1.1"}: must not have more than 3 nameservers',
                                                                                                              'spec.dnsConfig.nameservers[0]: Invalid value: "a": ' + IP, 'spec.dnsConfig.searches[0]: Invalid value: "": ' + SUB, "spec.dnsConfig.options[0]: Required value: must not be empty"]),
    ("Pod", S(readinessGates=[{"conditionType": "a b"}], schedulingGates=[{"name": ""}, {"name": ""}]), ['spec.readinessGates[0].conditionType: Invalid value: "a b": ' + NAME, 'spec.schedulingGates[0]: Invalid value: "": name part must be non-empty', 'spec.schedulingGates[0]: Invalid value: "": ' + NAME,
                                                                                               'spec.schedulingGates[1]: Invalid value: "": name part must be non-empty', 'spec.schedulingGates[1]: Invalid value: "": ' + NAME, 'spec.schedulingGates[1]: Duplicate value: ""']),
    ("Pod", S(hostAliases=[{"ip": "x", "hostnames": ["a", "B_"]}]), ['spec.hostAliases[0].ip: Invalid value: "x": ' + IP, 'spec.hostAliases[0].hostnames[1]: Invalid value: "B_": ' + SUB]),
    ("Pod", S(tolerations=[{"key": "a b", "operator": "x", "effect": "y", "tolerationSeconds": 1}]), ['spec.tolerations[0].key: Invalid value: "a b": ' + NAME, "spec.tolerations[0].effect: Invalid value: \"y\": effect must be 'NoExecute' when `tolerationSeconds` is set",
                                                                                                'spec.tolerations[0].operator: Unsupported value: "x": supported values: "Equal", "Exists"', 'spec.tolerations[0].effect: Unsupported value: "y": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"']),
    ("Pod", S(tolerations=[{"key": "a", "value": "x" * 63 + " "}]), ['spec.tolerations[0].operator: Invalid value: "' + "x" * 63 + ' ": must be no more than 63 characters;a valid label must be']),
    ("Pod", S(overhead={"cpu": "-1"}), [lambda answer: answer["code"] in (403, 422)]),
    ("Pod", SC(fsGroup=-1, runAsUser=-2, runAsGroup=-3, supplementalGroups=[1, -4], fsGroupChangePolicy="x", seccompProfile={"type": "Localhost", "localhostProfile": "/a"}), [
        "spec.securityContext.fsGroup: Invalid value: -1", "spec.securityContext.runAsUser: Invalid value: -2", "spec.securityContext.runAsGroup: Invalid value: -3", "spec.securityContext.supplementalGroups[1]: Invalid value: -4",
        'spec.securityContext.fsGroupChangePolicy: Unsupported value: "x": supported values: "Always", "OnRootMismatch"', 'spec.securityContext.seccompProfile.localhostProfile: Invalid value: "/a": must be a relative path']),
    ("Pod", S(hostNetwork=True, hostIPC=True, securityContext={"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}, {"name": "kernel.shm_rmid_forced", "value": "1"}, {"name": "", "value": ""}, {"name": "kernel.domainname", "value": "x"}]}), [
        "spec.securityContext.sysctls[0].name: Invalid value: \"net.ipv4.tcp_syncookies\": may not be specified when 'hostNetwork' is true", "spec.securityContext.sysctls[1].name: Invalid value: \"kernel.shm_rmid_forced\": may not be specified when 'hostIPC' is true", "spec.securityContext.sysctls[2].name: Required value"]),
    ("Pod", S(hostUsers=False, hostNetwork=True, hostPID=True, hostIPC=True), ["spec.%s: Forbidden: when `pod.Spec.HostUsers` is false" % field for field in ("hostNetwork", "HostPID", "HostIPC")]),
    ("Pod", S(os={"name": ""}), ["spec.os.name: Required value: cannot be empty"]),
    ("Pod", S(os={"name": "linux"}, securityContext={"windowsOptions": {}}, containers=[dict(C, securityContext={"windowsOptions": {"hostProcess": False}})]), ["spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod", C0 + ".securityContext.windowsOptions: Forbidden: windows options cannot"]),
    ("Pod", S(os={"name": "windows"}, hostPID=True, shareProcessNamespace=False, securityContext={"runAsUser": 1, "seLinuxOptions": {}, "sysctls": [{"name": "a", "value": "b"}]}, containers=[dict(C, securityContext={"privileged": False, "capabilities": {}})]), [
        "spec.securityContext.seLinuxOptions: " + WINDOWS, "spec.hostPID: " + WINDOWS, "spec.securityContext.sysctls: " + WINDOWS, "spec.shareProcessNamespace: " + WINDOWS, "spec.securityContext.runAsUser: " + WINDOWS,
        C0 + ".securityContext.capabilities: " + WINDOWS, C0 + ".securityContext.privileged: " + WINDOWS]),
    ("Pod", S(containers=[dict(C, securityContext={"windowsOptions": {"hostProcess": True}}), dict(C, name="d", securityContext={"windowsOptions": {"hostProcess": False}})], securityContext={"windowsOptions": {"hostProcess": True}}), [
        "spec.containers[1].securityContext.windowsOptions.hostProcess: Invalid value: false: pod hostProcess value must be identical if both are specified, was true",
        'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers', "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers"]),
    ("Pod", SPREAD(maxSkew=0, topologyKey="", whenUnsatisfiable="", minDomains=0, nodeAffinityPolicy="x", nodeTaintsPolicy="y"), [
        "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero", "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
        'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "": supported values: "DoNotSchedule", "ScheduleAnyway"', "spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: must be greater than zero",
        "spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not", 'spec.topologySpreadConstraints[0].nodeAffinityPolicy: Unsupported value: "x": supported values: "Honor", "Ignore"',
        'spec.topologySpreadConstraints[0].nodeTaintsPolicy: Unsupported value: "y"']),
    ("Pod", SPREAD(matchLabelKeys=["a b"]), ["spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set", 'spec.topologySpreadConstraints[0].matchLabelKeys[0]: Invalid value: "a b": ' + NAME]),
    ("Pod", TERM(topologyKey="", namespaces=["A_"], labelSelector={"matchExpressions": [{"key": "a b", "operator": "In"}]}, namespaceSelector={"matchLabels": {"c d": "e"}}), [
        T0 + ".labelSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'", T0 + '.labelSelector.matchExpressions[0].key: Invalid value: "a b": ' + NAME, T0 + '.namespaceSelector.matchLabels: Invalid value: "c d": ' + NAME,
        T0 + '.namespace: Invalid value: "A_": ' + LABEL, T0 + ".topologyKey: Required value: can not be empty", T0 + '.topologyKey: Invalid value: "": name part must be non-empty', T0 + '.topologyKey: Invalid value: "": ' + NAME]),
    ("Pod", dict(TERM(labelSelector={"matchLabels": {"x": "1"}}, matchLabelKeys=["x"]), metadata={"labels": {"x": "1"}}), [T0 + '[0]: Invalid value: "x": exists in both matchLabelKeys and labelSelector']),
    ("Pod", NODES(key="a b", operator="Lt", values=["1", "2"]), [N0 + ".values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'", N0 + '.key: Invalid value: "a b": ' + NAME]),
    ("Pod", S(affinity={"nodeAffinity": {PREF: [{"weight": 101, "preference": {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["A_"]}]}}]}}), [
        "spec.affinity.nodeAffinity.%s[0].weight: Invalid value: 101: must be in the range 1-100" % PREF, 'spec.affinity.nodeAffinity.%s[0].preference.matchFields[0].values[0]: Invalid value: "A_": ' % PREF + SUB]),
    ("Pod", ANN(**{"kubernetes.io/config.mirror": "x"}), [lambda answer: answer["code"] in (403, 422)]),
    ("Pod", ANN(**{"controller.kubernetes.io/pod-deletion-cost": "+1"}), ['metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer']),
    ("Pod", ANN(**{"seccomp.security.alpha.kubernetes.io/pod": "x"}), ['metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: "x": must be a valid seccomp profile']),
    ("Pod", ANN(**{"container.apparmor.security.beta.kubernetes.io/z": "x"}), ['metadata.annotations[container.apparmor.security.beta.kubernetes.io/z]: Invalid value: "z": container not found', 'metadata.annotations[container.apparmor.security.beta.kubernetes.io/z]: Invalid value: "x": invalid AppArmor profile name: "x"']),
    ("Pod", dict(SC(seccompProfile={"type": "Unconfined"}), **ANN(**{"seccomp.security.alpha.kubernetes.io/pod": "runtime/default"})), ["spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"]),
    ("Pod", dict(CC(appArmorProfile={"type": "Localhost", "localhostProfile": "a"}), **ANN(**{"container.apparmor.security.beta.kubernetes.io/c": "localhost/b"})), [C0 + ".securityContext.appArmorProfile.localhostProfile: Forbidden: apparmor profile in annotation and field must match"]),
    ("Deployment", S(template={"metadata": {"labels": {"a b": "c"}, "annotations": {"d e": "f"}}}), ['spec.template.labels: Invalid value: "a b": ' + NAME, 'spec.template.annotations: Invalid value: "d e": ' + NAME]),
    ("Deployment", S(template={"spec": {"priorityClassName": "A_", "runtimeClassName": "", "preemptionPolicy": "x", "overhead": {"cpu": "-1"}, "activeDeadlineSeconds": 0, "terminationGracePeriodSeconds": -5}}), [
        'spec.template.spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive', 'spec.template.spec.priorityClassName: Invalid value: "A_": ' + SUB, 'spec.template.spec.runtimeClassName: Invalid value: "": ' + SUB,
        'spec.template.spec.preemptionPolicy: Unsupported value: "x": supported values: "PreemptLowerPriority", "Never"', 'spec.template.spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"]),
    ("Controller", S(selector=None, template={"metadata": {"labels": None}}), ["spec.selector: Required value"]),
    ("Controller", S(minReadySeconds=-1, replicas=-2, selector={"z": "z"}, template={"spec": {"activeDeadlineSeconds": 5, "restartPolicy": "Never"}}), ["spec.minReadySeconds: Invalid value: -1", "spec.replicas: Invalid value: -2",
        "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"a\"}: `selector` does not match template `labels`", 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"', "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not Supported"]),
]

# ---- everything else ----
REST = [
    ("Service", S(ports=[{"name": "A_", "port": 0, "protocol": "x", "targetPort": 70000, "appProtocol": ""}], selector={"a b": "c"}, sessionAffinity="x", externalIPs=["y", "127.0.0.1"], type="z"), [
        P0 + '.name: Invalid value: "A_": ' + LABEL, P0 + ".port: Invalid value: 0: must be between 1 and 65535, inclusive", P0 + '.protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"', P0 + ".targetPort: Invalid value: 70000: must be between",
        P0 + '.appProtocol: Invalid value: "": name part must be non-empty', P0 + '.appProtocol: Invalid value: "": ' + NAME, 'spec.selector: Invalid value: "a b": ' + NAME, 'spec.sessionAffinity: Unsupported value: "x": supported values: "ClientIP", "None"',
        'spec.externalIPs[0]: Invalid value: "y": ' + IP, 'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)', 'spec.type: Unsupported value: "z": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"']),
    ("Service", S(clusterIP="10.96.0.9", clusterIPs=["10.96.0.9", "10.96.0.8", "None"]), [lambda answer: "may only hold up to 2 values" in answer["message"]]),
    ("Service", S(clusterIP="10.96.0.9", ipFamilies=["IPv6"]), [lambda answer: "expected an IPv6 value as indicated by `ipFamilies[0]`" in answer["message"]]),
    ("Service", dict(S(loadBalancerSourceRanges=["x"]), **ANN(**{"service.kubernetes.io/topology-mode": "a", "service.kubernetes.io/topology-aware-hints": "b"})), [
        'metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "a": must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified',
        "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'", 'spec.LoadBalancerSourceRanges[0]: Invalid value: "x": ' + CIDR]),
    ("Balancer", ANN(**{"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, x"}), ['metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Invalid value: "x": ' + CIDR]),
    ("Balancer", S(loadBalancerSourceRanges=[" 10.0.0.0/8 "]), []),
    ("Service", S(type="ExternalName", externalName="", clusterIPs=["1.1.1.1"], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack", ports=None), ["spec.clusterIPs: Forbidden: may not be set for ExternalName services", "spec.ipFamilies: Forbidden: may not", "spec.ipFamilyPolicy: Forbidden: may not", "spec.externalName: Required value"]),
    ("Endpoints", {"subsets": [{"addresses": [{"ip": "x", "hostname": "A_", "nodeName": "B_"}], "ports": [{"port": 0, "protocol": "y", "appProtocol": "a b"}]}]}, [
        'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7', 'subsets[0].addresses[0].hostname: Invalid value: "A_": ' + LABEL, 'subsets[0].addresses[0].nodeName: Invalid value: "B_": ' + SUB,
        'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address', "subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive", 'subsets[0].ports[0].protocol: Unsupported value: "y"', 'subsets[0].ports[0].appProtocol: Invalid value: "a b": ' + NAME]),
    ("ConfigMap", {"data": {"k": "v"}, "binaryData": {"k": "dg=="}}, ['data[k]: Invalid value: "k": duplicate of key present in binaryData']),
    ("Secret", {"type": "kubernetes.io/basic-auth", "data": {"k": "dg=="}}, ["data[username]: Required value", "data[password]: Required value"]),
    ("Secret", {"type": "kubernetes.io/tls", "data": {"k": "dg=="}}, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
    ("Secret", {"stringData": {"a": "b"}}, []),
    ("Account", {"metadata": {"name": "A_"}}, ['metadata.name: Invalid value: "A_": ' + SUB]),
    ("Namespace", {"metadata": {"name": "a.b"}}, ['metadata.name: Invalid value: "a.b": must not contain dots']),
    ("Namespace", {"spec": {"finalizers": ["", "a b/c d"]}}, ['spec.finalizers: Invalid value: "": name part must be non-empty', 'spec.finalizers: Invalid value: "": ' + NAME, 'spec.finalizers: Invalid value: "": name is neither a standard finalizer name nor is it fully qualified',
                                                        'spec.finalizers: Invalid value: "a b/c d": prefix part ' + SUB, 'spec.finalizers: Invalid value: "a b/c d": ' + NAME]),
    ("Node", S(taints=[{"key": "", "value": "a b", "effect": ""}, {"key": "k", "effect": "NoSchedule"}, {"key": "k", "effect": "NoSchedule"}], podCIDR="10.9.0.0/24", podCIDRs=["10.9.0.0/24", "10.9.0.0/24"]), [
        'metadata.taints[0].key: Invalid value: "": name part must be non-empty', 'metadata.taints[0].key: Invalid value: "": ' + NAME, 'metadata.taints[0].value: Invalid value: "a b": a valid label must be', "metadata.taints[0].effect: Required value", "metadata.taints[2]: Duplicate value: ",
        'spec.podCIDRs: Invalid value: []string{"10.9.0.0/24", "10.9.0.0/24"}: may specify no more than one CIDR for each IP family', 'spec.podCIDRs[1]: Duplicate value: "10.9.0.0/24"']),
    ("Node", {"status": {"capacity": {"cpu": "-1"}, "allocatable": {"pods": "1500m"}}}, ['status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0', "status.allocatable.pods: Invalid value: 1500m: must be an integer"]),
    ("Volume", S(hostPath=None, accessModes=[], capacity=None), ["spec.accessModes: Required value", "spec.capacity: Required value", "spec.capacity: Unsupported value: ", "spec: Required value: must specify a volume type"]),
    ("Volume", S(capacity={"storage": "-1"}, nodeAffinity={}, volumeMode="x", persistentVolumeReclaimPolicy="y"), ["spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity", 'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
        'spec.persistentVolumeReclaimPolicy: Unsupported value: "y": supported values: "Delete", "Recycle", "Retain"', "spec.nodeAffinity.required: Required value: must specify required node constraints", 'spec.volumeMode: Unsupported value: "x": supported values: "Block", "Filesystem"']),
    ("Volume", S(hostPath={"path": "/a/.."}, persistentVolumeReclaimPolicy="Recycle"), ["spec.hostPath.path: Invalid value: \"/a/..\": must not contain '..'", "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"]),
    ("Volume", PV(csi={"driver": "d", "volumeHandle": "", "controllerPublishSecretRef": {"name": "A_"}, "nodeExpandSecretRef": {"namespace": "b.c"}}), ["spec.csi.volumeHandle: Required value", 'spec.csi.controllerPublishSecretRef.name: Invalid value: "A_": ' + SUB, "spec.csi.controllerPublishSecretRef.namespace: Required value",
        "spec.csi.nodeExpandSecretRef.name: Required value", 'spec.csi.nodeExpandSecretRef.namespace: Invalid value: "b.c": must not contain dots']),
    ("Volume", PV(local={"path": "a/../b"}), ["spec.local.path: Invalid value: \"a/../b\": must not contain '..'", "spec.nodeAffinity: Required value: Local volume requires node affinity"]),
    ("Volume", PV(iscsi={"targetPortal": "p", "iqn": "x", "lun": 0, "secretRef": {}}), ['spec.iscsi.iqn: Invalid value: "x": must be valid format', "spec.iscsi.secretRef.name: Required value"]),
    ("Volume", PV(glusterfs={"endpoints": "e", "path": "p", "endpointsNamespace": ""}), ['spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set, it must be a valid namespace name']),
    ("Volume", PV(cinder={"volumeID": "v", "secretRef": {}}), ["spec.cinder.secretRef.name: Required value", "spec.cinder.secretRef.namespace: Required value"]),
    ("Volume", PV(azureFile={"secretName": "s", "shareName": "n", "secretNamespace": ""}), ["spec.azureFile.secretNamespace: Required value"]),
    ("Volume", PV(fc={"wwids": ["a"]}, gcePersistentDisk={"pdName": "x"}), ["spec.fc: Forbidden: may not specify more than 1 volume type"]),
    ("Claim", S(accessModes=["x"], selector={"matchLabels": {"a b": "c"}}, resources={"requests": {"storage": "0"}}, volumeMode="y", dataSource={"kind": "K", "name": "", "apiGroup": "A_"}), [
        'spec.selector.matchLabels: Invalid value: "a b": ' + NAME, 'spec.accessModes: Unsupported value: "x": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"', 'spec.resources[storage]: Invalid value: "0": must be greater than zero',
        'spec.volumeMode: Unsupported value: "y"', "spec.dataSource.name: Required value", 'spec.dataSource.apiGroup: Invalid value: "A_": ' + SUB, "spec.dataSourceRef.name: Required value", 'spec.dataSourceRef.apiGroup: Invalid value: "A_": ' + SUB]),
    ("Claim", S(dataSource={"kind": "Other", "name": "x"}), ["spec.dataSource: Invalid value: \"Other\": must be 'PersistentVolumeClaim' when referencing the default apiGroup", "spec.dataSourceRef: Invalid value: \"Other\": must be 'PersistentVolumeClaim'"]),
    ("ResourceQuota", S(hard={"foo": "1500m"}), ['spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified', 'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota']),
    ("ResourceQuota", S(hard={"storage": "1"}), ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota']),
    ("ResourceQuota", S(hard={"services": "1"}, scopes=["BestEffort", "NotBestEffort", "x"]), ['spec.scopes: Invalid value: []core.ResourceQuotaScope{"BestEffort", "NotBestEffort", "x"}: ' + words for words in (
        "unsupported scope applied to resource", "unsupported scope applied to resource", "unsupported scope", "conflicting scopes")]),
    ("ResourceQuota", S(scopeSelector={"matchExpressions": [{"scopeName": "x", "operator": "In"}, {"scopeName": "Terminating", "operator": "NotIn", "values": ["a"]}, {"scopeName": "NotTerminating", "operator": "Exists", "values": ["b"]}]}), [
        'spec.scopeSelector.matchExpressions.scopeName: Invalid value: "x": unsupported scope', "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value",
        "spec.scopeSelector.matchExpressions.operator: Invalid value: \"NotIn\": must be 'Exist' only operator when scope is any of", "spec.scopeSelector.matchExpressions.values: Invalid value: []string{\"b\"}: must be no value", "spec.scopes: Invalid value: []core.ResourceQuotaScope(nil): conflicting scopes"]),
    ("Event", {"involvedObject": {"namespace": None}}, ['involvedObject.namespace: Invalid value: "": does not match event.namespace']),
    ("Event", {"eventTime": "2026-01-02T03:04:05.000000Z", "reason": "x" * 129, "action": "y" * 129, "reportingComponent": "a b", "message": "z" * 1025}, ['reportingController: Invalid value: "a b": ' + NAME, "reportingInstance: Required value",
        'action: Invalid value: "": can have at most 128 characters', 'reason: Invalid value: "": can have at most 128 characters', 'message: Invalid value: "": can have at most 1024 characters']),
    ("LimitRange", S(limits=[{"type": "a b"}, {"type": "Container", "max": {"storage": "1"}}, {"type": "Container"}]), ['spec.limits[0].type: Invalid value: "a b": ' + NAME] + ['spec.limits[1].%s[storage]: Invalid value: "storage": must be a standard resource for containers' % member for member in ("max", "default", "defaultRequest")] + [
        'spec.limits[2].type: Duplicate value: "Container"']),
    ("LimitRange", S(limits=[{"type": "Container", "default": {"example.com/x": "2"}, "defaultRequest": {"example.com/x": "1"}}]), ["spec.limits[0].defaultRequest[example.com/x]: Invalid value: 1: default value 2 must equal to defaultRequest value 1 in example.com/x"]),
    ("LimitRange", S(limits=[{"type": "Pod", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}}]), ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'", "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'"]),
]

E, F, Q = "ephemeralcontainers", "finalize", "status"
FIXED = ["spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"]  # the mount of the token goes, too
EC = {"name": "e", "image": "i"}
# kind, what it is made with, endpoint, what is changed, causes
UPDATES = [
    ("Pod", {}, "", S(containers=[dict(C, image=" j ")]), ['spec.containers[0].image: Invalid value: " j ": must not have leading or trailing whitespace'] * 2 + FIXED),
    ("Pod", {}, "", S(containers=[dict(C, image="")]), ["spec.containers[0].image: Required value"] * 2 + FIXED),
    ("Pod", {}, "", S(tolerations=[{"key": "a b", "operator": "Exists"}]), ['spec.tolerations[0].key: Invalid value: "a b": ' + NAME] * 2),
    ("Pod", S(activeDeadlineSeconds=10), "", S(activeDeadlineSeconds=11, nodeName="n"), ["spec.activeDeadlineSeconds: Invalid value: 11: must be less than or equal to previous value"]),
    ("Pod", S(activeDeadlineSeconds=10), "", S(activeDeadlineSeconds=0), ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"]),
    ("Pod", S(activeDeadlineSeconds=10), "", S(activeDeadlineSeconds=-1), ["spec.activeDeadlineSeconds: Invalid value: -1: must be between 1 and 2147483647", "spec.activeDeadlineSeconds: Invalid value: -1: must be between 0 and 2147483647"]),
    ("Pod", {}, "", ANN(**{"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}), ["metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: Forbidden: may not add AppArmor annotations"]),
    ("Pod", S(terminationGracePeriodSeconds=-1), "", S(terminationGracePeriodSeconds=1), []),
    ("Gated", {}, "", S(nodeSelector={"c": "d"}), []),
    ("Gated", {}, "", S(nodeSelector={"a": "c"}), ['spec.nodeSelector: Invalid value: map[string]string{"a":"c"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)']),
    ("Gated", {}, "", NODES(key="k", operator="Exists"), []),
    ("Gated", NODES(key="k", operator="Exists"), "", NODES(key="l", operator="Exists"), ["spec.affinity.nodeAffinity.%s.nodeSelectorTerms[0]: Invalid value: " % REQ]),
    ("Gated", NODES(key="k", operator="Exists"), "", S(affinity={"nodeAffinity": {REQ: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "k", "operator": "Exists"}]}, {}]}}}), ["spec.affinity.nodeAffinity.%s.nodeSelectorTerms: Invalid value: " % REQ]),
    ("Gated", {}, "", S(schedulingGates=[]), []),
    ("Pod", {}, E, S(ephemeralContainers=[dict(EC, name="c", image=" i", targetContainerName="z", ports=[{"containerPort": 1}], resources={"limits": {"cpu": "1"}}, livenessProbe={"exec": {"command": ["a"]}},
                                                volumeMounts=[{"name": "v", "mountPath": "/x", "subPath": "a"}])]), [
        'spec.ephemeralContainers[0].volumeMounts[0].name: Not found: "v"', 'spec.ephemeralContainers[0].image: Invalid value: " i": must not have', 'spec.ephemeralContainers[0].name: Duplicate value: "c"', 'spec.ephemeralContainers[0].targetContainerName: Not found: "z"'] + [
        "spec.ephemeralContainers[0].%s: Forbidden: cannot be set for an Ephemeral Container" % field for field in ("ports", "resources", "livenessProbe", "volumeMounts[0].subPath")]),
    ("Pod", {}, Q, {"status": {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}], "conditions": [{"type": "a b", "status": "True"}], "nominatedNodeName": "A_", "qosClass": "Guaranteed"}}, [
        'metadata.conditions[0].Type: Invalid value: "a b": ' + NAME, 'status.nominatedNodeName: Invalid value: "A_": ' + SUB, 'status.qosClass: Invalid value: "Guaranteed": field is immutable', "status.podIPs: Invalid value: ", "status.podIPs[1]: Duplicate value: "]),
    ("Pod", {}, Q, {"status": {"hostIP": "10.0.0.1", "hostIPs": [{"ip": "10.0.0.2"}]}}, ['status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`']),
    ("Balancer", S(externalTrafficPolicy="Local"), "", S(healthCheckNodePort=30333), ["spec.healthCheckNodePort: Forbidden: field is immutable"]),
    ("Balancer", {}, "", S(loadBalancerClass="a/b c"), ['spec.loadBalancerClass: Invalid value: "a/b c": may not change once set', 'spec.loadBalancerClass: Invalid value: "a/b c": ' + NAME, 'spec.loadBalancerClass: Invalid value: "a/b c": ' + NAME]),
    ("Balancer", {}, Q, {"status": {"loadBalancer": {"ingress": [{"ip": "x"}, {"hostname": "1.2.3.4"}, {"ipMode": "VIP"}]}}}, [
        'status.loadBalancer.ingress[0].ip: Invalid value: "x": ' + IP, 'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address', "status.loadBalancer.ingress[2].ipMode: Forbidden: may not be specified when `ip` is not set"]),
    ("Volume", PV(csi={"driver": "d", "volumeHandle": "h"}), "", S(csi={"controllerExpandSecretRef": {"name": "s", "namespace": "n"}}), []),
    ("Volume", PV(csi={"driver": "d", "volumeHandle": "h"}), "", S(csi={"volumeHandle": "i"}, volumeMode="Block"), ["spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation", 'volumeMode: Invalid value: "Block": field is immutable']),
    ("Volume", S(nodeAffinity={"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "beta.kubernetes.io/os", "operator": "Exists"}]}]}}), "", S(nodeAffinity={"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "Exists"}]}]}}), []),
    ("Claim", {}, "", S(volumeMode="Block"), ["spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims", 'volumeMode: Invalid value: "Block": field is immutable']),
    ("Claim", {}, "", ANN(**{"volume.beta.kubernetes.io/storage-class": "x"}), ['metadata.annotations.volume.beta.kubernetes.io/storage-class: Invalid value: "x": field is immutable']),
    ("Claim", {}, Q, {"status": {"capacity": {"storage": "-1"}, "allocatedResourceStatuses": {"cpu": "x"}}}, ["status.capacity[storage]: Invalid value: ", 'status.allocatedResourceStatus: Unsupported value: "cpu": supported values: "storage"', 'status.allocatedResourceStatus: Unsupported value: "cpu": supported values: "ControllerResizeInProgress"']),
    ("ResourceQuota", {}, Q, {"status": {"hard": {"foo": "1"}}}, ['status.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified', 'status.hard[foo]: Invalid value: "foo": must be a standard resource for quota']),
    ("ResourceQuota", S(scopes=["BestEffort", "Terminating"]), "", S(scopes=["Terminating", "BestEffort"]), []),
    ("Node", {}, "", S(podCIDRs=["x"]), ['spec.podCIDRs[0]: Invalid value: "x": ' + CIDR, 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid']),
    ("Endpoints", {}, "", {"subsets": [{}]}, ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]),
    ("Fixed", {}, "", {"binaryData": {"b": "dg=="}}, ["binaryData: Forbidden: field is immutable when `immutable` is set"]),
    ("Claim", S(volumeName="v"), "", S(volumeName="w"), ["spec: Forbidden: spec is immutable after creation except resources.requests"]),
    ("Claim", S(storageClassName=""), "", S(storageClassName="y"), ["spec: Forbidden: spec is immutable after creation except resources.requests"]),
    ("Fixed", {}, "", {"immutable": None, "data": {"k": "w"}}, ["immutable: Forbidden: field is immutable when `immutable` is set", "data: Forbidden: field is immutable when `immutable` is set"]),
    ("Namespace", {}, Q, {"status": {"phase": "Terminating"}}, ["status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"]),
    ("Controller", {}, Q, {"status": {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3}}, ["status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas", "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
                                                                                        "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas"]),
]


def fits(cause, wanted):
    field, _, words = wanted.partition(": ")
    kind = next(kind for kind in REASONS if words.startswith(kind))
    return cause["field"] == field and cause["message"].startswith(words) and cause["reason"] == REASONS[kind]


def differs(answer, wanted):
    """None when the answer has exactly these causes, which the message repeats, the same but once."""
    if not wanted:
        return None if answer.status_code in (200, 201) else f"{answer.status_code} {answer.text[:400]}"
    got = answer.json()
    if callable(wanted[0]):
        return None if wanted[0](got) else f"{answer.status_code} {answer.text[:400]}"
    causes = got.get("details", {}).get("causes", [])
    if answer.status_code == 422 and len(causes) == len(wanted) and all(map(fits, causes, wanted)):
        once = list(dict.fromkeys(f"{cause['field']}: {cause['message']}" for cause in causes))
        text = got["message"].partition(" is invalid: ")[2]
        return None if text == (f"[{', '.join(once)}]" if len(once) > 1 else once[0]) else f"message {text!r}"
    return f"{answer.status_code}\n    " + "\n    ".join(f"{cause['field']}: {cause['message'][:300]}" for cause in causes or [{"field": "", "message": got.get("message", "taken")}])


def creates(rows):
    def run(api, ns):
        wrong = []
        for number, (kind, change, wanted) in enumerate(rows):
            path, body = made(kind, ns, f"c{number}" if kind != "Namespace" else f"{ns}-{number}")
            why = differs(send(api, "POST", path, merged(body, change), dryRun="All"), wanted)
            if why:
                wrong.append(f"{row_name(kind, change)}: {why}\n  wanted\n    " + "\n    ".join(map(str, wanted)))
        assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong)
    return run


for what, rows in (("volumes", VOLUMES), ("containers", CONTAINERS), ("Pods", PODS), ("other kinds", REST)):
    check(f"core: all that is wrong with {what}, in order")(creates(rows))


@check("core: all that is wrong with updates, in order")
def updates(api, ns):
    wrong = []
    for number, (kind, change, endpoint, patch, wanted) in enumerate(UPDATES):
        path, body = made(kind, ns, f"u{number}-{ns}")
        first = send(api, "POST", path, merged(body, change))
        assert first.status_code == 201, f"{kind}: {first.text[:300]}"
        at = f"{path}/{first.json()['metadata']['name']}"
        why = differs(send(api, "PATCH", f"{at}/{endpoint}".rstrip("/"), patch), wanted)
        if why:
            wrong.append(f"{row_name(kind, patch)} {endpoint}: {why}\n  wanted\n    " + "\n    ".join(map(str, wanted)))
        send(api, "DELETE", at, None, gracePeriodSeconds=0)
    assert not wrong, f"{len(wrong)} of {len(UPDATES)}:\n" + "\n".join(wrong)


def step(api, at, patch, wanted=()):
    """One change of what is there, and how it is answered."""
    why = differs(send(api, "PATCH", at, patch), list(wanted))
    assert not why, f"{at} {json.dumps(patch)[:200]}: {why}\n  wanted\n    " + "\n    ".join(wanted)


def grows(api, pvc, size, wanted=()):
    """A claim that no volume has is Pending again as soon as the binder sees it: it is told to be Bound until that was in time."""
    for _ in range(20):
        step(api, pvc + "/status", {"status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}})
        answer = send(api, "PATCH", pvc, S(resources={"requests": {"storage": size}}))
        if "for bound claims" not in answer.text:
            break
    why = differs(answer, list(wanted))
    assert not why, why


@check("core: what is refused after what came before")
def histories(api, ns):
    path, pvc = f"/api/v1/namespaces/{ns}/pods/p", f"/api/v1/namespaces/{ns}/persistentvolumeclaims/c"
    send(api, "POST", f"/api/v1/namespaces/{ns}/pods", pod("p", nodeName="none", restartPolicy="Never", resources={"limits": {"cpu": "1", "example.com/x": "1"}}))
    ended, runs = {"terminated": {"exitCode": 1}}, {"running": {}}
    def states(state):
        return {"status": {kind: [dict(name="c", image="i", imageID="x", ready=False, restartCount=0, state=state)] for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")}}
    step(api, path + "/status", states(ended))
    step(api, path + "/status", states(runs), [f"status.{kind}[0].state: Forbidden: may not be transitioned to non-terminated state" for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")])
    step(api, path + "/ephemeralcontainers", S(ephemeralContainers=[EC]))
    step(api, path + "/ephemeralcontainers", S(ephemeralContainers=[dict(EC, image="j")]), ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be changed'])
    step(api, path + "/ephemeralcontainers", S(ephemeralContainers=[]), ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed'])
    for limits, wanted in (({"cpu": "2", "example.com/x": "1"}, []), ({"cpu": "2", "example.com/x": "2"}, ["spec: Forbidden: only cpu and memory resources are mutable"])):
        got = api("GET", path)
        del got["metadata"]["resourceVersion"]  # whoever writes its status meanwhile is nothing to this
        got["spec"]["containers"][0]["resources"] = {"limits": limits, "requests": limits}
        why = differs(send(api, "PUT", path + "/resize", got), wanted)
        assert not why, why
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    api("POST", classes, dict(meta(ns), provisioner="example.com/p", allowVolumeExpansion=True))
    api("POST", f"/api/v1/namespaces/{ns}/persistentvolumeclaims", merged(made("Claim", ns, "c")[1], S(storageClassName=ns)))
    grows(api, pvc, "4Gi")
    grows(api, pvc, "3Gi")
    grows(api, pvc, "2Gi", ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"])
    send(api, "DELETE", f"{classes}/{ns}", None)
    first = api("POST", f"/api/v1/namespaces/{ns}/services", made("NodePort", ns, "s")[1])["spec"]["ports"][0]["nodePort"]
    answer = send(api, "POST", f"/api/v1/namespaces/{ns}/services", merged(made("NodePort", ns, "t")[1], S(ports=[{"port": 81, "nodePort": first}])))
    assert not differs(answer, [f"spec.ports[0].nodePort: Invalid value: {first}: provided port is already allocated"]), answer.text
    space = api("GET", f"/api/v1/namespaces/{ns}")
    space["spec"]["finalizers"].append("mine")
    answer = send(api, "PUT", f"/api/v1/namespaces/{ns}/finalize", space)
    assert not differs(answer, ['spec.finalizers[1]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified']), answer.text


@check("core: bindings and logs")
def requests_of_pods(api, ns):
    pods = f"/api/v1/namespaces/{ns}/pods"
    send(api, "POST", pods, pod("p", nodeName="none"))
    for target, words in (({"kind": "Pod", "name": "x"}, 'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"'), ({"kind": "Node"}, "target.name: Required value")):
        answer = send(api, "POST", f"{pods}/p/binding", dict(meta("p"), target=target))
        assert (answer.status_code, answer.json()["message"]) == (500, words), answer.text  # an aggregate, no Status, upstream
    for query, words in (("tailLines=-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"), ("limitBytes=0", "limitBytes: Invalid value: 0: must be greater than 0"),
                         ("sinceSeconds=0", "sinceSeconds: Invalid value: 0: must be greater than 0"), ("sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z", "at most one of `sinceTime` or `sinceSeconds` may be specified")):
        answer = send(api, "GET", f"{pods}/p/log?{query}", None)
        assert answer.status_code == 422 and words in answer.json()["message"], f"{query}: {answer.status_code} {answer.text[:300]}"


main()
