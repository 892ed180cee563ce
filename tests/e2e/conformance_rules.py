#!/usr/bin/env python3
"""conformance_rules.py KUBECONFIG [WORD]: the rules of kinds, a row each: a valid object, what is changed in it, and the field that is to
blame with words of upstream's message. Rows of `UPDATES` change an object that was stored. "" is to blame when it is to pass."""
from conformance_kinds import *

SOURCE = {"emptyDir": {}}
CREATES = [
    ("Pod", S(containers=[]), "spec.containers", "Required value"),
    ("Pod", K(name="A_"), "spec.containers[0].name", "lowercase RFC 1123 label"),
    ("Pod", S(containers=[C, C]), "spec.containers[1].name", "Duplicate value"),
    ("Pod", S(initContainers=[C]), "spec.initContainers[0].name", "Duplicate value"),
    ("Pod", S(ephemeralContainers=[dict(C, name="e")]), "spec.ephemeralContainers", "cannot be set on create"),
    ("Pod", S(nodeName="n", schedulingGates=[{"name": "g"}]), "spec.nodeName", "cannot be set until all schedulingGates have been cleared"),
    ("Pod", S(hostname="A_"), "spec.hostname", "lowercase RFC 1123 label"),
    ("Pod", S(subdomain="A_"), "spec.subdomain", "lowercase RFC 1123 label"),
    ("Pod", S(restartPolicy="Sometimes"), "spec.restartPolicy", "Unsupported value"),
    ("Pod", S(dnsPolicy="Some"), "spec.dnsPolicy", "Unsupported value"),
    ("Pod", S(dnsPolicy="None"), "spec.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None"),
    ("Pod", S(dnsConfig={"nameservers": ["1.1.1.1"] * 4}), "spec.dnsConfig.nameservers", "must not have more than 3 nameservers"),
    ("Pod", S(dnsConfig={"nameservers": ["x"]}), "spec.dnsConfig.nameservers[0]", "must be a valid IP address"),
    ("Pod", S(dnsConfig={"options": [{"value": "x"}]}), "spec.dnsConfig.options[0]", "must not be empty"),
    ("Pod", S(activeDeadlineSeconds=0), "spec.activeDeadlineSeconds", "must be between 1 and 2147483647"),
    ("Pod", S(hostAliases=[{"ip": "x"}]), "spec.hostAliases[0].ip", "must be a valid IP address"),
    ("Pod", S(shareProcessNamespace=True, hostPID=True), "spec.securityContext.shareProcessNamespace", "ShareProcessNamespace and HostPID cannot both be enabled"),
    ("Pod", S(securityContext={"runAsUser": -1}), "spec.securityContext.runAsUser", "must be between 0 and 2147483647"),
    ("Pod", S(securityContext={"fsGroupChangePolicy": "x"}), "spec.securityContext.fsGroupChangePolicy", "Unsupported value"),
    ("Pod", S(securityContext={"sysctls": [{"name": "A B", "value": "1"}]}), "spec.securityContext.sysctls[0].name", "must have at most 253 characters and match regex"),
    ("Pod", S(securityContext={"seccompProfile": {"type": "Localhost"}}), "spec.securityContext.seccompProfile.localhostProfile", "must be set when seccomp type is Localhost"),
    ("Pod", S(os={"name": "plan9"}), "spec.os", "Unsupported value"),
    ("Pod", S(preemptionPolicy="x"), "", "the string value of PreemptionPolicy (x) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name"),
    ("Pod", S(tolerations=[{"operator": "Exists", "value": "x", "key": "k"}]), "spec.tolerations[0].operator", "value must be empty when `operator` is 'Exists'"),
    ("Pod", S(tolerations=[{"operator": "Equal"}]), "spec.tolerations[0].operator", "operator must be Exists when `key` is empty"),
    ("Pod", S(tolerations=[{"key": "k", "operator": "Exists", "effect": "x"}]), "spec.tolerations[0].effect", "Unsupported value"),
    ("Pod", S(tolerations=[{"key": "k", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 1}]), "spec.tolerations[0].effect", "effect must be 'NoExecute' when `tolerationSeconds` is set"),
    ("Pod", S(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}), "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", "must have at least one node selector term"),
    ("Pod", S(affinity={"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 101, "podAffinityTerm": {"topologyKey": "k"}}]}}), "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight", "must be in the range 1-100"),
    ("Pod", S(affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": ""}]}}), "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey", "can not be empty"),
    ("Pod", S(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "k", "whenUnsatisfiable": "DoNotSchedule"}]), "spec.topologySpreadConstraints[0].maxSkew", "must be greater than zero"),
    ("Pod", S(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "", "whenUnsatisfiable": "DoNotSchedule"}]), "spec.topologySpreadConstraints[0].topologyKey", "can not be empty"),
    ("Pod", S(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "x"}]), "spec.topologySpreadConstraints[0].whenUnsatisfiable", "Unsupported value"),
    ("Pod", S(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2}]), "spec.topologySpreadConstraints[0].minDomains", "can only use minDomains if whenUnsatisfiable=DoNotSchedule"),
    ("Pod", S(volumes=[{"name": "v"}]), "", ""),
    ("Pod", S(volumes=[{"name": "v", "emptyDir": {}, "configMap": {"name": "x"}}]), "spec.volumes[0].configMap", "may not specify more than 1 volume type"),
    ("Pod", S(volumes=[dict(SOURCE, name="v"), dict(SOURCE, name="v")]), "spec.volumes[1].name", "Duplicate value"),
    ("Pod", S(volumes=[{"name": "v", "hostPath": {"path": "/a/../b"}}]), "spec.volumes[0].hostPath.path", "must not contain '..'"),
    ("Pod", S(volumes=[{"name": "v", "hostPath": {"path": "/a", "type": "x"}}]), "spec.volumes[0].hostPath.type", "Unsupported value"),
    ("Pod", S(volumes=[{"name": "v", "configMap": {"name": "x", "items": [{"key": "k", "path": "../x"}]}}]), "spec.volumes[0].configMap.items[0].path", "must not contain '..'"),
    ("Pod", S(volumes=[{"name": "v", "configMap": {"name": "x", "defaultMode": 512}}]), "spec.volumes[0].configMap.defaultMode", "must be a number between 0 and 0777 (octal)"),
    ("Pod", S(volumes=[{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 5}}]}}]), "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds", "may not specify a duration less than 10 minutes"),
    ("Pod", S(imagePullSecrets=[{"name": ""}], volumes=[{"name": "v", "nfs": {"server": "", "path": "/x"}}]), "spec.volumes[0].nfs.server", "Required value"),
    ("Pod", S(hostNetwork=True, containers=[dict(C, ports=[{"containerPort": 80, "hostPort": 81}])]), "spec.containers[0].ports[0].hostPort", "must match `containerPort` when `hostNetwork` is true"),
    ("Pod", K(image=""), "spec.containers[0].image", "Required value"),
    ("Pod", K(image=" i"), "spec.containers[0].image", "must not have leading or trailing whitespace"),
    ("Pod", K(imagePullPolicy="x"), "spec.containers[0].imagePullPolicy", 'Unsupported value: "x": supported values: "Always", "IfNotPresent", "Never"'),
    ("Pod", K(terminationMessagePolicy="x"), "spec.containers[0].terminationMessagePolicy", "Unsupported value"),
    ("Pod", K(restartPolicy="Always"), "spec.containers[0].restartPolicy", "may not be set for non-init containers"),
    ("Pod", K(env=[{"name": ""}]), "spec.containers[0].env[0].name", "Required value"),
    ("Pod", K(env=[{"name": "a=b"}]), "spec.containers[0].env[0].name", "a valid environment variable name must consist"),
    ("Pod", K(env=[{"name": "a", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]), "spec.containers[0].env[0].valueFrom", "may not be specified when `value` is not empty"),
    ("Pod", K(env=[{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]), "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath", ""),
    ("Pod", K(env=[{"name": "a", "valueFrom": {"resourceFieldRef": {"resource": "limits.x"}}}]), "spec.containers[0].env[0].valueFrom.resourceFieldRef.resource", "Unsupported value"),
    ("Pod", K(env=[{"name": "a", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a b"}}}]), "spec.containers[0].env[0].valueFrom.secretKeyRef.key", "a valid config key"),
    ("Pod", K(envFrom=[{}]), "spec.containers[0].envFrom", "must specify one of: `configMapRef` or `secretRef`"),
    ("Pod", K(ports=[{"containerPort": 0}]), "spec.containers[0].ports[0].containerPort", "Required value"),
    ("Pod", K(ports=[{"containerPort": 70000}]), "spec.containers[0].ports[0].containerPort", "must be between 1 and 65535"),
    ("Pod", K(ports=[{"containerPort": 80, "protocol": "x"}]), "spec.containers[0].ports[0].protocol", "Unsupported value"),
    ("Pod", K(ports=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]), "spec.containers[0].ports[1].name", "Duplicate value"),
    ("Pod", K(volumeMounts=[{"name": "v", "mountPath": "/x"}]), "spec.containers[0].volumeMounts[0].name", "Not found"),
    ("Pod", S(volumes=[dict(SOURCE, name="v")], containers=[dict(C, volumeMounts=[{"name": "v", "mountPath": ""}])]), "spec.containers[0].volumeMounts[0].mountPath", "Required value"),
    ("Pod", S(volumes=[dict(SOURCE, name="v")], containers=[dict(C, volumeMounts=[{"name": "v", "mountPath": "/x"}] * 2)]), "spec.containers[0].volumeMounts[1].mountPath", "must be unique"),
    ("Pod", S(volumes=[dict(SOURCE, name="v")], containers=[dict(C, volumeMounts=[{"name": "v", "mountPath": "/x", "subPath": "../a"}])]), "spec.containers[0].volumeMounts.subPath", "must not contain '..'"),
    ("Pod", S(volumes=[dict(SOURCE, name="v")], containers=[dict(C, volumeMounts=[{"name": "v", "mountPath": "/x", "mountPropagation": "Bidirectional"}])]), "spec.containers[0].volumeMounts.mountPropagation", "Bidirectional mount propagation is available only to privileged containers"),
    ("Pod", K(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}), "spec.containers[0].resources.requests", "must be less than or equal to cpu limit of 1"),
    ("Pod", K(resources={"requests": {"example.com/x": "1"}}), "spec.containers[0].resources.limits", "Limit must be set for non overcommitable resources"),
    ("Pod", K(resources={"limits": {"cpu": "-1"}}), "spec.containers[0].resources.limits[cpu]", "must be greater than or equal to 0"),
    ("Pod", K(resources={"limits": {"foo": "1"}}), "spec.containers[0].resources.limits[foo]", "must be a standard resource type or fully qualified"),
    ("Pod", K(resources={"limits": {"example.com/x": "500m"}}), "spec.containers[0].resources.limits[example.com/x]", "must be an integer"),
    ("Pod", K(securityContext={"privileged": True, "allowPrivilegeEscalation": False}), "spec.containers[0].securityContext", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"),
    ("Pod", K(lifecycle={"preStop": {}}), "spec.containers[0].lifecycle.preStop", "must specify a handler type"),
    ("Pod", K(livenessProbe={}), "spec.containers[0].livenessProbe", "must specify a handler type"),
    ("Pod", K(livenessProbe={"httpGet": {"port": 80}, "successThreshold": 2}), "spec.containers[0].livenessProbe.successThreshold", "must be 1"),
    ("Pod", K(readinessProbe={"httpGet": {"port": 80}, "periodSeconds": -1}), "spec.containers[0].readinessProbe.periodSeconds", "must be greater than or equal to 0"),
    ("Pod", K(readinessProbe={"httpGet": {"port": 80, "scheme": "x"}}), "spec.containers[0].readinessProbe.httpGet.scheme", "Unsupported value"),
    ("Pod", K(readinessProbe={"tcpSocket": {"port": 0}}), "spec.containers[0].readinessProbe.tcpSocket.port", "must be between 1 and 65535"),
    ("Service", S(ports=[]), "spec.ports", "Required value"),
    ("Service", S(ports=[{"port": 80}, {"port": 81}]), "spec.ports[0].name", "Required value"),
    ("Service", S(ports=[{"port": 0}]), "spec.ports[0].port", "must be between 1 and 65535"),
    ("Service", S(ports=[{"port": 80, "targetPort": "A_B"}]), "spec.ports[0].targetPort", "must contain only alpha-numeric characters"),
    ("Service", S(ports=[{"port": 80, "protocol": "x"}]), "spec.ports[0].protocol", "Unsupported value"),
    ("Service", S(ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]), "spec.ports[1]", "Duplicate value"),
    ("Service", S(ports=[{"port": 80, "nodePort": 30001}]), "spec.ports[0].nodePort", "may not be used when `type` is 'ClusterIP'"),
    ("NodePort", S(ports=[{"port": 80, "nodePort": 5}]), "spec.ports[0].nodePort", "The range of valid ports is 30000-32767"),
    ("Service", S(type="x"), "spec.type", "Unsupported value"),
    ("Service", S(type="ExternalName"), "spec.externalName", "Required value"),
    ("Service", S(type="ExternalName", externalName="e.x", clusterIP="10.96.0.9"), "spec.clusterIPs", "may not be set for ExternalName services"),
    ("Service", S(clusterIP="x"), "spec.clusterIPs[0]", "must be a valid IP address"),
    ("Service", S(clusterIP="192.168.1.1"), "spec.clusterIPs", "failed to allocate IP 192.168.1.1"),
    ("Service", S(clusterIP="fd00::1"), "spec.clusterIPs[0]", 'Invalid value: []string{"fd00::1"}: IPv6 is not configured on this cluster'),
    ("Service", S(clusterIP="10.96.9.9", clusterIPs=["10.96.9.9", "fd00::1"]), "spec.ipFamilyPolicy", "when multiple cluster IPs are specified"),
    ("Service", S(clusterIPs=["10.96.9.9"]), "spec.clusterIPs", "must be empty when `clusterIP` is not specified"),
    ("Service", S(ipFamilies=["IPv4", "IPv6"]), "spec.ipFamilyPolicy", "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"),
    ("Service", S(ipFamilies=["IPv4", "IPv6"], ipFamilyPolicy="PreferDualStack"), "spec.ipFamilies[1]", 'Invalid value: "IPv6": not configured on this cluster'),
    ("Service", S(ipFamilies=["IPv6"]), "spec.ipFamilies[0]", "not configured on this cluster"),
    ("Service", S(clusterIP="None", ipFamilies=["IPv6"]), "spec.ipFamilies[0]", "not configured on this cluster"),
    ("Service", S(ipFamilyPolicy="RequireDualStack"), "spec.ipFamilyPolicy", "this cluster is not configured for dual-stack services"),
    ("Service", S(clusterIP="None", selector=None, ipFamilies=["IPv4", "IPv6"], ipFamilyPolicy="SingleStack"), "spec.ipFamilyPolicy", "when multiple IP families are specified"),
    ("NodePort", S(clusterIP="None"), "spec.clusterIPs[0]", "may not be set to 'None' for NodePort services"),
    ("Service", S(ipFamilies=["IPv5"]), "spec.ipFamilies[0]", ""),
    ("Service", S(ipFamilies=["IPv4", "IPv4"]), "spec.ipFamilies[1]", "Duplicate value"),
    ("Service", S(ipFamilyPolicy="x"), "spec.ipFamilyPolicy", ""),
    ("Service", S(sessionAffinity="x"), "spec.sessionAffinity", "Unsupported value"),
    ("Service", S(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 0}}), "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "must be greater than 0 and less than 86400"),
    ("Service", S(externalTrafficPolicy="Local"), "spec.externalTrafficPolicy", "may only be set for externally-accessible services"),
    ("Service", S(internalTrafficPolicy="x"), "spec.internalTrafficPolicy", "Unsupported value"),
    ("Service", S(trafficDistribution="x"), "spec.trafficDistribution", "Unsupported value"),
    ("Service", S(loadBalancerSourceRanges=["10.0.0.0/8"]), "spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'"),
    ("Balancer", S(loadBalancerSourceRanges=["x"]), "spec.LoadBalancerSourceRanges[0]", "must be a valid CIDR value"),
    ("Service", S(loadBalancerClass="a/b"), "spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'"),
    ("Service", S(allocateLoadBalancerNodePorts=True), "spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'"),
    ("Service", S(externalIPs=["127.0.0.1"]), "spec.externalIPs[0]", "may not be in the loopback range"),
    ("Service", {"metadata": {"name": "1a"}}, "metadata.name", "DNS-1035 label"),
    ("Endpoints", {"subsets": [{"ports": [{"port": 1}]}]}, "subsets[0]", "must specify `addresses` or `notReadyAddresses`"),
    ("Endpoints", {"subsets": [{"addresses": [{"ip": "127.0.0.1"}]}]}, "subsets[0].addresses[0].ip", "may not be in the loopback range"),
    ("ConfigMap", {"data": {"a/b": "x"}}, "data[a/b]", "a valid config key"),
    ("ConfigMap", {"binaryData": {"k": "dg=="}}, "data[k]", "duplicate of key present in binaryData"),
    ("ConfigMap", {"data": {"k": "x" * 1100000}}, "", "Too long"),
    ("Secret", {"type": "kubernetes.io/tls"}, "data[tls.crt]", "Required value"),
    ("Secret", {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "eA=="}}, "data[.dockerconfigjson]", ""),
    ("Secret", {"type": "kubernetes.io/basic-auth"}, "data[username]", "Required value"),
    ("Secret", {"type": "kubernetes.io/ssh-auth"}, "data[ssh-privatekey]", "Required value"),
    ("Secret", {"type": "kubernetes.io/service-account-token"}, "metadata.annotations[kubernetes.io/service-account.name]", "Required value"),
    ("Claim", S(accessModes=[]), "spec.accessModes", "at least 1 access mode is required"),
    ("Claim", S(accessModes=["x"]), "spec.accessModes", "Unsupported value"),
    ("Claim", S(accessModes=["ReadWriteOncePod", "ReadWriteOnce"]), "spec.accessModes", "may not use ReadWriteOncePod with other access modes"),
    ("Claim", S(resources={"requests": None}), "spec.resources[storage]", "Required value"),
    ("Claim", S(resources={"requests": {"storage": "0"}}), "spec.resources[storage]", "must be greater than zero"),
    ("Claim", S(storageClassName="A_"), "spec.storageClassName", ""),
    ("Claim", S(volumeMode="x"), "spec.volumeMode", "Unsupported value"),
    ("Volume", S(accessModes=[]), "spec.accessModes", "Required value"),
    ("Volume", S(capacity=None), "spec.capacity", "Required value"),
    ("Volume", S(hostPath=None), "spec", "must specify a volume type"),
    ("Volume", S(nfs={"server": "s", "path": "/x"}), "spec.nfs", "may not specify more than 1 volume type"),
    ("Volume", S(persistentVolumeReclaimPolicy="x"), "spec.persistentVolumeReclaimPolicy", "Unsupported value"),
    ("Volume", S(volumeMode="x"), "spec.volumeMode", "Unsupported value"),
    ("LimitRange", S(limits=[{"type": "Pod", "default": {"cpu": "1"}}]), "spec.limits[0].default", "may not be specified when `type` is 'Pod'"),
    ("LimitRange", S(limits=[{"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "2"}}]), "spec.limits[0].min[cpu]", "min value 2 is greater than max value 1"),
    ("LimitRange", S(limits=[{"type": "Container"}, {"type": "Container"}]), "spec.limits[1].type", "Duplicate value"),
    ("ResourceQuota", S(hard={"pods": "-1"}), "spec.hard[pods]", "must be greater than or equal to 0"),
    ("ResourceQuota", S(hard={"pods": "500m"}), "spec.hard[pods]", "must be an integer"),
    ("ResourceQuota", S(hard={"foo": "1"}), "spec.hard[foo]", "must be a standard resource for quota"),
    ("ResourceQuota", S(scopes=["Terminating", "NotTerminating"]), "spec.scopes", "conflicting scopes"),
    ("ResourceQuota", S(scopes=["x"]), "spec.scopes", "unsupported scope"),
    ("ResourceQuota", S(hard={"services": "1"}, scopes=["BestEffort"]), "spec.scopes", "unsupported scope applied to resource"),
    ("Event", {"involvedObject": {"namespace": "other"}}, "involvedObject.namespace", "does not match event.namespace"),
    ("NewEvent", {"eventTime": None}, "eventTime", "Required value"),
    ("NewEvent", {"type": "Loud"}, "type", "has invalid value: Loud"),
    ("NewEvent", {"deprecatedCount": 3}, "count", "needs to be unset"),
    ("NewEvent", {"series": {"count": 1, "lastObservedTime": "2026-01-02T03:04:05.000000Z"}}, "series.count", "should be at least 2"),
    ("Controller", S(replicas=-1), "spec.replicas", "must be greater than or equal to 0"),
    ("Controller", S(selector={"x": "y"}), "spec.template.metadata.labels", "`selector` does not match template `labels`"),
    ("PodTemplate", {"template": {"spec": {"containers": []}}}, "template.spec.containers", "Required value"),
    ("Node", S(podCIDRs=["x"]), "spec.podCIDRs[0]", "must be a valid CIDR value"),
    ("Node", S(taints=[{"key": "k", "effect": "x"}]), "", "Unsupported value"),
    ("Deployment", S(replicas=-1), "spec.replicas", "must be greater than or equal to 0"),
    ("Deployment", S(selector={"matchLabels": {"x": "y"}}), "spec.template.metadata.labels", "`selector` does not match template `labels`"),
    ("Deployment", S(selector={"matchLabels": None}), "spec.selector", "empty selector is invalid for deployment"),
    ("Deployment", S(strategy={"type": "x"}), "spec.strategy", "Unsupported value"),
    ("Deployment", S(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}), "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"),
    ("Deployment", S(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}), "spec.strategy.rollingUpdate.maxUnavailable", "may not be 0 when `maxSurge` is 0"),
    ("Deployment", S(strategy={"rollingUpdate": {"maxUnavailable": "101%"}}), "spec.strategy.rollingUpdate.maxUnavailable", "must not be greater than 100%"),
    ("Deployment", S(progressDeadlineSeconds=5, minReadySeconds=5), "spec.progressDeadlineSeconds", "must be greater than minReadySeconds"),
    ("Deployment", T(image=""), "spec.template.spec.containers[0].image", "Required value"),
    ("Deployment", S(template={"spec": {"restartPolicy": "Never"}}), "spec.template.spec.restartPolicy", 'Unsupported value: "Never": supported values: "Always"'),
    ("ReplicaSet", S(selector={"matchLabels": {"x": "y"}}), "spec.template.metadata.labels", "`selector` does not match template `labels`"),
    ("DaemonSet", S(updateStrategy={"type": "x"}), "spec.updateStrategy", "Unsupported value"),
    ("DaemonSet", S(updateStrategy={"rollingUpdate": {"maxUnavailable": 0}}), "spec.updateStrategy.rollingUpdate.maxUnavailable", "cannot be 0"),
    ("StatefulSet", S(podManagementPolicy="x"), "spec.podManagementPolicy", "must be 'OrderedReady' or 'Parallel'"),
    ("StatefulSet", S(updateStrategy={"type": "OnDelete", "rollingUpdate": {"partition": 1}}), "spec.updateStrategy.rollingUpdate", "only allowed for updateStrategy 'RollingUpdate'"),
    ("StatefulSet", S(updateStrategy={"rollingUpdate": {"partition": -1}}), "spec.updateStrategy.rollingUpdate.partition", "must be greater than or equal to 0"),
    ("StatefulSet", S(persistentVolumeClaimRetentionPolicy={"whenDeleted": "x"}), "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Unsupported value"),
    ("Revision", {"revision": -1}, "revision", "must be greater than or equal to 0"),
    ("Revision", {"data": None}, "data", ""),
    ("Job", S(parallelism=-1), "spec.parallelism", "must be greater than or equal to 0"),
    ("Job", S(completionMode="Indexed", parallelism=2), "spec.completions", "when completion mode is Indexed"),
    ("Job", S(completionMode="x"), "spec.completionMode", "Unsupported value"),
    ("Job", S(selector=SELECTOR), "spec.template.metadata.labels", "`selector` does not match template `labels`"),
    ("Job", S(template={"spec": {"restartPolicy": "Always"}}), "spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'),
    ("Job", S(backoffLimitPerIndex=1), "spec.backoffLimitPerIndex", "requires indexed completion mode"),
    ("Job", S(podFailurePolicy={"rules": [{"action": "x", "onExitCodes": {"operator": "In", "values": [1]}}]}), "spec.podFailurePolicy.rules[0].action", "Unsupported value"),
    ("Job", S(podFailurePolicy={"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [0]}}]}), "spec.podFailurePolicy.rules[0].onExitCodes.values[0]", "must not be 0 for the In operator"),
    ("Job", S(podFailurePolicy={"rules": [{"action": "Ignore"}]}), "spec.podFailurePolicy.rules[0]", "specifying one of OnExitCodes and OnPodConditions is required"),
    ("Job", S(podReplacementPolicy="x"), "spec.podReplacementPolicy", "Unsupported value"),
    ("Job", S(managedBy="x"), "spec.managedBy", "must be a domain-prefixed path"),
    ("CronJob", S(schedule="x"), "spec.schedule", "expected exactly 5 fields"),
    ("CronJob", S(schedule="TZ=UTC * * * * *"), "spec.schedule", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    ("CronJob", S(timeZone="Mars/X"), "spec.timeZone", "unknown time zone Mars/X"),
    ("CronJob", S(concurrencyPolicy="x"), "spec.concurrencyPolicy", "Unsupported value"),
    ("CronJob", S(failedJobsHistoryLimit=-1), "spec.failedJobsHistoryLimit", "must be greater than or equal to 0"),
    ("CronJob", {"metadata": {"name": "x" * 53}}, "metadata.name", "must be no more than 52 characters"),
    ("Autoscaler", S(maxReplicas=0), "spec.maxReplicas", "must be greater than 0"),
    ("Autoscaler", S(minReplicas=5), "spec.maxReplicas", "must be greater than or equal to `minReplicas`"),
    ("Autoscaler", S(minReplicas=0), "spec.minReplicas", "must be greater than or equal to 1"),
    ("Autoscaler", S(scaleTargetRef={"name": ""}), "spec.scaleTargetRef.name", "Required value"),
    ("Autoscaler", S(metrics=[{"type": "x"}]), "spec.metrics[0].type", "Unsupported value"),
    ("Autoscaler", S(metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]), "spec.metrics[0].resource.target.averageUtilization", "must set either a target raw value or a target utilization"),
    ("Autoscaler", S(behavior={"scaleDown": {"stabilizationWindowSeconds": 5000}}), "spec.behavior.scaleDown.stabilizationWindowSeconds", "must be less than or equal to 3600"),
    ("Ingress", S(rules=None), "spec", "either `defaultBackend` or `rules` must be specified"),
    ("Ingress", S(rules=[{"host": "1.2.3.4"}]), "spec.rules[0].host", "must be a DNS name, not an IP address"),
    ("Ingress", S(rules=[{"http": {"paths": [{"path": "x", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 1}}}}]}}]), "spec.rules[0].http.paths[0].path", "must be an absolute path"),
    ("Ingress", S(rules=[{"http": {"paths": [{"path": "/", "pathType": "Some", "backend": {"service": {"name": "s", "port": {"number": 1}}}}]}}]), "spec.rules[0].http.paths[0].pathType", "Unsupported value"),
    ("Ingress", S(rules=[{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {}}]}}]), "spec.rules[0].http.paths[0].backend", ""),
    ("IngressClass", S(controller="x"), "spec.controller", "must be a domain-prefixed path"),
    ("NetworkPolicy", S(policyTypes=["x"]), "spec.policyTypes[0]", "Unsupported value"),
    ("NetworkPolicy", S(ingress=[{"from": [{}]}]), "spec.ingress[0].from[0]", "must specify a peer"),
    ("NetworkPolicy", S(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}}]}]), "spec.ingress[0].from[0].ipBlock.except[0]", "must be a strict subset of `cidr`"),
    ("NetworkPolicy", S(ingress=[{"ports": [{"port": 80, "endPort": 70}]}]), "spec.ingress[0].ports[0].endPort", "must be greater than or equal to `port`"),
    ("Budget", S(maxUnavailable=1), "spec", "minAvailable and maxUnavailable cannot be both set"),
    ("Budget", S(minAvailable="101%"), "spec.minAvailable", "must not be greater than 100%"),
    ("Budget", S(unhealthyPodEvictionPolicy="x"), "spec.unhealthyPodEvictionPolicy", "Unsupported value"),
    ("StorageClass", {"provisioner": ""}, "provisioner", "Required value"),
    ("StorageClass", {"reclaimPolicy": "x"}, "reclaimPolicy", "Unsupported value"),
    ("StorageClass", {"volumeBindingMode": "x"}, "volumeBindingMode", "Unsupported value"),
    ("Attachment", S(source={"persistentVolumeName": None}), "spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
    ("Attachment", S(nodeName=""), "spec.nodeName", ""),
    ("Driver", S(fsGroupPolicy="x"), "spec.fsGroupPolicy", "Unsupported value"),
    ("Driver", S(volumeLifecycleModes=["x"]), "spec.volumeLifecycleModes", "Unsupported value"),
    ("Driver", S(tokenRequests=[{"audience": "a"}, {"audience": "a"}]), "spec.tokenRequests[1].audience", "Duplicate value"),
    ("CSINode", S(drivers=[{"name": "d.example.com", "nodeID": "", "topologyKeys": []}]), "spec.drivers[0].nodeID", "Required value"),
    ("Capacity", {"storageClassName": ""}, "storageClassName", ""),
    ("PriorityClass", {"value": 1000000001}, "value", "maximum allowed value of a user defined priority is 1000000000"),
    ("PriorityClass", {"metadata": {"name": "system-x"}}, "metadata.name", "priority class names with 'system-' prefix are reserved for system use only"),
    ("PriorityClass", {"preemptionPolicy": "x"}, "preemptionPolicy", "Unsupported value"),
    ("Lease", S(leaseDurationSeconds=0), "spec.leaseDurationSeconds", "must be greater than 0"),
    ("Lease", S(leaseTransitions=-1), "spec.leaseTransitions", "must be greater than or equal to 0"),
    ("Slice", {"addressType": "x"}, "addressType", "Unsupported value"),
    ("Slice", {"endpoints": [{"addresses": ["x"]}]}, "endpoints[0].addresses[0]", ""),
    ("Slice", {"endpoints": [{"addresses": []}]}, "endpoints[0].addresses", "must contain at least 1 address"),
    ("RuntimeClass", {"handler": "A_"}, "handler", "lowercase RFC 1123 label"),
    ("Role", {"rules": [{"verbs": [], "apiGroups": [""], "resources": ["pods"]}]}, "rules[0].verbs", "verbs must contain at least one value"),
    ("Role", {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]}, "rules[0].nonResourceURLs", "namespaced rules cannot apply to non-resource URLs"),
    ("ClusterRole", {"rules": [{"verbs": ["get"], "resources": ["pods"]}]}, "rules[0].apiGroups", "resource rules must supply at least one api group"),
    ("RoleBinding", {"roleRef": {"kind": "x"}}, "roleRef.kind", "Unsupported value"),
    ("RoleBinding", {"subjects": [{"kind": "ServiceAccount", "name": ""}]}, "subjects[0].name", "Required value"),
    ("FlowSchema", S(matchingPrecedence=10001), "spec.matchingPrecedence", "must not be greater than 10000"),
    ("FlowSchema", S(matchingPrecedence=1), "spec.matchingPrecedence", "only the schema named 'exempt' may have matchingPrecedence 1"),
    ("FlowSchema", S(distinguisherMethod={"type": "x"}), "spec.distinguisherMethod.type", "Unsupported value"),
    ("Level", S(type="x"), "spec.type", ""),
    ("Level", S(limited={"nominalConcurrencyShares": -1}), "spec.limited.nominalConcurrencyShares", "must be"),
    ("Level", S(limited={"limitResponse": {"type": "Reject", "queuing": {"queues": 1, "handSize": 1, "queueLengthLimit": 1}}}), "spec.limited.limitResponse.queuing", "must be nil if limited.limitResponse.type is not Limited"),
    ("APIService", {"spec": {"groupPriorityMinimum": 0}}, "spec.groupPriorityMinimum", "must be positive and less than 20000"),
    ("APIService", {"spec": {"caBundle": "eA=="}}, "spec.insecureSkipTLSVerify", "may not be true if caBundle is present"),
]

UPDATES = [
    ("Pod", S(nodeSelector={"a": "b"}), "spec", "pod updates may not change fields other than"),
    ("Pod", S(containers=[C, dict(C, name="d")]), "spec.containers", "pod updates may not add or remove containers"),
    ("Pod", S(activeDeadlineSeconds=5), "", ""),
    ("Pod", S(tolerations=[{"key": "x", "operator": "Exists"}]), "", ""),
    ("Pod", S(schedulingGates=[{"name": "g"}]), "spec.schedulingGates[0].name", "only deletion is allowed, but found new scheduling gate 'g'"),
    ("Service", S(clusterIP="10.96.0.77"), "spec.clusterIPs[0]", "may not change once set"),
    ("Service", S(clusterIPs=["10.96.0.77"], clusterIP="10.96.0.77"), "spec.clusterIPs[0]", "may not change once set"),
    ("Service", S(ipFamilies=["IPv6"]), "spec.ipFamilies[0]", "not configured on this cluster"),
    ("Service", S(type="NodePort"), "", ""),
    ("Service", S(type="ExternalName", externalName="x.example.com", clusterIP=None, clusterIPs=None, ipFamilies=None, ipFamilyPolicy=None), "", ""),
    ("Balancer", S(loadBalancerClass="a.example.com/b"), "spec.loadBalancerClass", "may not change once set"),
    ("Fixed", {"data": {"k": "w"}}, "data", "field is immutable when `immutable` is set"),
    ("Fixed", {"immutable": False}, "immutable", "field is immutable when `immutable` is set"),
    ("FixedSecret", {"data": {"k": "dw=="}}, "data", "field is immutable when `immutable` is set"),
    ("Secret", {"type": "x"}, "type", "field is immutable"),
    ("Claim", S(accessModes=["ReadOnlyMany"]), "spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"),
    ("Claim", S(resources={"requests": {"storage": "1Gi"}}), "spec", ""),
    ("Claim", S(volumeName="v"), "", ""),
    ("Volume", S(hostPath={"path": "/y"}), "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"),
    ("Volume", S(volumeMode="Block"), "volumeMode", "field is immutable"),
    ("Volume", S(persistentVolumeReclaimPolicy="Delete"), "", ""),
    ("Node", S(podCIDR="10.8.0.0/24", podCIDRs=["10.8.0.0/24"]), "spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid"),
    ("Node", S(unschedulable=True), "", ""),
    ("ResourceQuota", S(scopes=["BestEffort"]), "spec.scopes", "field is immutable"),
    ("Deployment", S(selector={"matchLabels": {"app": "b"}}, template={"metadata": {"labels": {"app": "b"}}}), "spec.selector", "field is immutable"),
    ("ReplicaSet", S(selector={"matchLabels": {"app": "b"}}, template={"metadata": {"labels": {"app": "b"}}}), "spec.selector", "field is immutable"),
    ("DaemonSet", S(selector={"matchLabels": {"app": "b"}}, template={"metadata": {"labels": {"app": "b"}}}), "spec.selector", "field is immutable"),
    ("StatefulSet", S(serviceName="t"), "spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"),
    ("StatefulSet", S(replicas=1, minReadySeconds=3), "", ""),
    ("Revision", {"data": {"a": 2}}, "data", "field is immutable"),
    ("Revision", {"revision": 2}, "", ""),
    ("Job", S(completions=5), "spec.completions", "field is immutable"),
    ("Job", S(completionMode="Indexed", completions=1), "spec.completionMode", "field is immutable"),
    ("Job", S(parallelism=3, backoffLimit=9, ttlSecondsAfterFinished=5), "", ""),
    ("Job", S(selector={"matchLabels": {"x": "y"}}), "spec.selector", "field is immutable"),
    ("Job", S(template={"spec": {"containers": [dict(C, image="j")]}}), "spec.template", "field is immutable"),
    ("Job", S(template={"spec": {"nodeSelector": {"a": "b"}}}), "", ""),
    ("CronJob", S(suspend=False, schedule="@daily"), "", ""),
    ("IngressClass", S(controller="example.com/y"), "spec.controller", "field is immutable"),
    ("StorageClass", {"provisioner": "example.com/q"}, "provisioner", "updates to provisioner are forbidden."),
    ("StorageClass", {"parameters": {"a": "b"}}, "parameters", "updates to parameters are forbidden."),
    ("StorageClass", {"reclaimPolicy": "Retain"}, "reclaimPolicy", "updates to reclaimPolicy are forbidden."),
    ("StorageClass", {"volumeBindingMode": "WaitForFirstConsumer"}, "volumeBindingMode", "field is immutable"),
    ("StorageClass", {"allowVolumeExpansion": True}, "", ""),
    ("Attachment", S(nodeName="m"), "spec", "field is immutable"),
    ("Driver", S(attachRequired=False), "spec.attachedRequired", "field is immutable"),
    ("CSINode", S(drivers=[{"name": "d.example.com", "nodeID": "2", "topologyKeys": ["k"]}]), "CSINodeDriver", "field is immutable"),
    ("Capacity", {"storageClassName": "y"}, "storageClassName", "field is immutable"),
    ("PriorityClass", {"value": 6}, "value", "may not be changed in an update."),
    ("RuntimeClass", {"handler": "other"}, "handler", "field is immutable"),
    ("RoleBinding", {"roleRef": {"name": "edit"}}, "roleRef", "cannot change roleRef"),
    ("Slice", {"addressType": "IPv6"}, "addressType", "field is immutable"),
    ("Event", {"reason": "Other"}, "", ""),
    ("NewEvent", {"reason": "Other"}, "reason", "field is immutable"),
    ("NewEvent", {"note": "Other"}, "message", "field is immutable"),
    ("NewEvent", {"series": {"count": 2, "lastObservedTime": "2026-01-02T03:04:05.000000Z"}}, "", ""),
    ("Ingress", S(ingressClassName="x"), "", ""),
    ("Lease", S(holderIdentity="y"), "", ""),
]


@check("each kind takes a valid object, and shows no field that it did not take")
def valid(api, ns):
    wrong = []
    for kind in BASES:
        path, body = made(kind, ns, "valid-" + ns)
        got = send(api, "POST", path, body, dryRun="All")
        if got.status_code != 201:
            wrong.append(f"{kind}: {got.status_code} {got.text[:300]}")
    assert not wrong, "\n".join(wrong)


@check("each rule of creates blames the right field")
def creates(api, ns):
    def ask(kind, change, number):
        path, body = made(kind, ns, f"c{number}")
        return send(api, "POST", path, merged(body, change), dryRun="All")
    walk(CREATES, ask)


@check("each rule of updates blames the right field")
def updates(api, ns):
    def ask(kind, change, number):
        path, body = made(kind, ns, f"u{number}-{ns}")
        first = send(api, "POST", path, body)
        assert first.status_code == 201, f"{kind}: {first.text[:300]}"
        at = f"{path}/{first.json()['metadata']['name']}"
        answer = send(api, "PATCH", at, change)
        send(api, "DELETE", at, None, gracePeriodSeconds=0)
        return answer
    walk(UPDATES, ask)


@check("what is read as protobuf and written back changes nothing")
def protobuf_and_back(api, ns):
    media, wrong = "application/vnd.kubernetes.protobuf", []
    for kind in BASES:
        path, body = made(kind, ns, f"pb-{ns}")
        first = send(api, "POST", path, body)
        assert first.status_code == 201, f"{kind}: {first.text[:300]}"
        at = f"{api.base}{path}/{first.json()['metadata']['name']}"
        for _ in range(3):  # a controller may write in between
            message = api.session.get(at, headers={"Accept": media}, timeout=30).content
            before = api.session.get(at, timeout=30).json()
            again = api.session.put(at, data=message, headers={"Content-Type": media}, timeout=30)
            if again.status_code == 200 and again.json() == before:
                break
        else:
            wrong.append(f"{kind}: {again.status_code} {again.text[:600]}\n  {json.dumps(before)[:600]}")
        api.session.delete(at, json={"gracePeriodSeconds": 0}, timeout=30)
    assert not wrong, "\n".join(wrong)


@check("status is left alone by updates of the object, and the other way round")
def sides(api, ns):
    wrong = []
    for kind, status, spec in (
            ("Deployment", {"replicas": 7}, {"paused": True}), ("StatefulSet", {"replicas": 7}, {"minReadySeconds": 7}),
            ("ReplicaSet", {"replicas": 7}, {"minReadySeconds": 7}), ("Controller", {"replicas": 7}, {"minReadySeconds": 7}),
            ("Job", {"active": 7}, {"backoffLimit": 7}), ("CronJob", {"lastScheduleTime": "2026-01-02T03:04:05Z"}, {"suspend": False}),
            ("Pod", {"reason": "Seven"}, {"activeDeadlineSeconds": 7}), ("Claim", {"phase": "Lost"}, {"volumeName": "seven"}),
            ("Volume", {"reason": "Seven"}, {"mountOptions": ["seven"]}), ("Ingress", {"loadBalancer": {"ingress": [{"ip": "10.7.7.7"}]}}, {"ingressClassName": "seven"}),
            ("Balancer", {"loadBalancer": {"ingress": [{"ip": "10.7.7.7", "ipMode": "VIP"}]}}, {"sessionAffinity": "ClientIP"}),
            ("Budget", {"expectedPods": 7}, {"minAvailable": 7}), ("Autoscaler", {"currentReplicas": 7, "desiredReplicas": 7}, {"maxReplicas": 7}),
            ("ResourceQuota", {"used": {"pods": "7"}}, {"hard": {"pods": "77"}}), ("Node", {"phase": "Pending"}, {"unschedulable": True})):
        path, body = made(kind, ns, f"s-{ns}")
        send(api, "POST", path, body)
        at = f"{path}/{body['metadata']['name']}"
        got = send(api, "PATCH", at, {"status": status})
        if got.status_code != 200 or all(got.json().get("status", {}).get(key) == value for key, value in status.items()):
            wrong.append(f"{kind}: status by the object: {got.status_code} {got.text[:200]}")
        got = send(api, "PATCH", at + "/status", {"status": status, "spec": spec})
        after = got.json()
        if got.status_code != 200 or any(after.get("status", {}).get(key) != value for key, value in status.items()):
            wrong.append(f"{kind}: status by /status: {got.status_code} {got.text[:300]}")
        elif any(after["spec"].get(key) == value for key, value in spec.items()):
            wrong.append(f"{kind}: spec by /status was taken")
        send(api, "DELETE", at, None, gracePeriodSeconds=0)
    assert not wrong, "\n".join(wrong)


main()
