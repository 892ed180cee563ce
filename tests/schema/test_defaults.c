/* What is set where nobody said anything, and what endpoints keep: a row a rule, for every kind.
 *
 * Named after the type and the field whose rule it is. What an API server adds (names, addresses,
 * what admission puts in) is looked at in tests/apiserver and tests/e2e. */
#include "tests/schema/support_kind.h"

#include <string.h>

/* clang-format off */
#define POD(rest)    "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'i:1'}]" rest "}}"
#define C(rest)      "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'i:1'" rest "}]}}"
#define E(rest)      "{'metadata':{'name':'p'},'spec':{'ephemeralContainers':[{'name':'c'" rest "}]}}"
#define V(source)    POD(",'volumes':[{'name':'v'," source "}]")
#define PV(source)   "{'spec':{" source "}}"
#define SVC(rest)    "{'spec':{'ports':[{'port':80}]" rest "}}"
#define LABELS       "'template':{'metadata':{'labels':{'a':'b'}}}"
#define HPA(rest)    "{'spec':{'maxReplicas':3" rest "}}"
#define HOOK         "{'webhooks':[{'name':'a.b.c','clientConfig':{'service':{'name':'s','namespace':'n'}},'rules':[{}]}]}"
#define MATCH        "{'spec':{'matchConstraints':{}}}"
#define LEVEL(rest)  "{'spec':{" rest "}}"

#define HPAS     "horizontalpodautoscalers.autoscaling"
#define DRIVERS  "csidrivers.storage.k8s.io"
#define VWC      "validatingwebhookconfigurations.admissionregistration.k8s.io"
#define MWC      "mutatingwebhookconfigurations.admissionregistration.k8s.io"
#define POLICIES "validatingadmissionpolicies.admissionregistration.k8s.io"
#define FLOWS    "flowschemas.flowcontrol.apiserver.k8s.io"
#define LEVELS   "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
#define CRDS     "customresourcedefinitions.apiextensions.k8s.io"
#define BINDINGS "rolebindings.rbac.authorization.k8s.io"
#define CBINDING "clusterrolebindings.rbac.authorization.k8s.io"
#define SLICES   "endpointslices.discovery.k8s.io"

static const struct default_case defaults[] = {
    {"ResourceList", "pods", C(",'resources':{'limits':{'cpu':'100u'}}"), "spec.containers.0.resources.limits.cpu", "'1m'"},
    {"ReplicationController selector", "replicationcontrollers", "{'spec':{" LABELS "}}", "spec.selector", "{'a':'b'}"},
    {"ReplicationController labels", "replicationcontrollers", "{'spec':{" LABELS "}}", "metadata.labels", "{'a':'b'}"},
    {"ReplicationController replicas", "replicationcontrollers", "{'spec':{}}", "spec.replicas", "1"},
    {"Volume without a source", "pods", POD(",'volumes':[{'name':'v'}]"), "spec.volumes.0.emptyDir", "{}"},
    {"Container pull policy, no tag", "pods", "{'spec':{'containers':[{'image':'i'}]}}", "spec.containers.0.imagePullPolicy", "'Always'"},
    {"Container pull policy, a tag", "pods", C(""), "spec.containers.0.imagePullPolicy", "'IfNotPresent'"},
    {"Container message path", "pods", C(""), "spec.containers.0.terminationMessagePath", "'/dev/termination-log'"},
    {"Container message policy", "pods", C(""), "spec.containers.0.terminationMessagePolicy", "'File'"},
    {"EphemeralContainer pull policy, no tag", "pods", E(",'image':'i'"), "spec.ephemeralContainers.0.imagePullPolicy", "'Always'"},
    {"EphemeralContainer pull policy, a tag", "pods", E(",'image':'i:1'"), "spec.ephemeralContainers.0.imagePullPolicy", "'IfNotPresent'"},
    {"EphemeralContainer message path", "pods", E(""), "spec.ephemeralContainers.0.terminationMessagePath", "'/dev/termination-log'"},
    {"EphemeralContainer message policy", "pods", E(""), "spec.ephemeralContainers.0.terminationMessagePolicy", "'File'"},
    {"ContainerPort protocol", "pods", C(",'ports':[{'containerPort':1}]"), "spec.containers.0.ports.0.protocol", "'TCP'"},
    {"ContainerPort protocol, init", "pods", "{'spec':{'initContainers':[{'image':'i','ports':[{'containerPort':1}]}]}}", "spec.initContainers.0.ports.0.protocol", "'TCP'"},
    {"ContainerPort host port", "pods", "{'spec':{'hostNetwork':true,'containers':[{'ports':[{'containerPort':8}]}]}}", "spec.containers.0.ports.0.hostPort", "8"},
    {"ContainerPort host port, init", "pods", "{'spec':{'hostNetwork':true,'initContainers':[{'ports':[{'containerPort':8}]}]}}", "spec.initContainers.0.ports.0.hostPort", "8"},
    {"ContainerPort host port, without hostNetwork", "pods", C(",'ports':[{'containerPort':8}]"), "spec.containers.0.ports.0.hostPort", ""},
    {"Pod requests", "pods", C(",'resources':{'limits':{'cpu':'1'}}"), "spec.containers.0.resources.requests", "{'cpu':'1'}"},
    {"Pod requests, init", "pods", "{'spec':{'initContainers':[{'resources':{'limits':{'cpu':'1'}}}]}}", "spec.initContainers.0.resources.requests", "{'cpu':'1'}"},
    {"Pod resize policy", "pods", C(",'resources':{'requests':{'cpu':'1'}}"), "spec.containers.0.resizePolicy", ""},
    {"Pod service links", "pods", POD(""), "spec.enableServiceLinks", "true"},
    {"Pod service links, template", "podtemplates", "{'template':{'spec':{}}}", "template.spec.enableServiceLinks", ""},
    {"PodSpec dnsPolicy", "pods", POD(""), "spec.dnsPolicy", "'ClusterFirst'"},
    {"PodSpec restartPolicy", "pods", POD(""), "spec.restartPolicy", "'Always'"},
    {"PodSpec securityContext", "pods", POD(""), "spec.securityContext", "{}"},
    {"PodSpec grace", "pods", POD(""), "spec.terminationGracePeriodSeconds", "30"},
    {"PodSpec scheduler", "pods", POD(""), "spec.schedulerName", "'default-scheduler'"},
    {"PodSpec serviceAccount", "pods", POD(",'serviceAccountName':'x'"), "spec.serviceAccount", "'x'"},
    {"PodSpec serviceAccountName", "pods", POD(",'serviceAccount':'x'"), "spec.serviceAccountName", "'x'"},
    {"PodSpec serviceAccountName, template", "deployments.apps", "{'spec':{'template':{'spec':{'serviceAccount':'x'}}}}", "spec.template.spec.serviceAccountName", "'x'"},
    {"PodSpec dnsPolicy, template", "jobs.batch", "{'spec':{'template':{'spec':{}}}}", "spec.template.spec.dnsPolicy", "'ClusterFirst'"},
    {"Probe timeout", "pods", C(",'livenessProbe':{'timeoutSeconds':0}"), "spec.containers.0.livenessProbe.timeoutSeconds", "1"},
    {"Probe period", "pods", C(",'readinessProbe':{}"), "spec.containers.0.readinessProbe.periodSeconds", "10"},
    {"Probe successes", "pods", C(",'startupProbe':{}"), "spec.containers.0.startupProbe.successThreshold", "1"},
    {"Probe failures", "pods", C(",'livenessProbe':{}"), "spec.containers.0.livenessProbe.failureThreshold", "3"},
    {"GRPCAction service", "pods", C(",'livenessProbe':{'grpc':{'port':1}}"), "spec.containers.0.livenessProbe.grpc.service", "''"},
    {"HTTPGetAction path", "pods", C(",'livenessProbe':{'httpGet':{'port':1}}"), "spec.containers.0.livenessProbe.httpGet.path", "'/'"},
    {"HTTPGetAction scheme", "pods", C(",'livenessProbe':{'httpGet':{'port':1}}"), "spec.containers.0.livenessProbe.httpGet.scheme", "'HTTP'"},
    {"HTTPGetAction scheme, hook", "pods", C(",'lifecycle':{'preStop':{'httpGet':{'port':1}}}"), "spec.containers.0.lifecycle.preStop.httpGet.scheme", "'HTTP'"},
    {"HTTPGetAction path, hook", "pods", C(",'lifecycle':{'postStart':{'httpGet':{'port':1}}}"), "spec.containers.0.lifecycle.postStart.httpGet.path", "'/'"},
    {"SecretVolumeSource mode", "pods", V("'secret':{'secretName':'s'}"), "spec.volumes.0.secret.defaultMode", "420"},
    {"ConfigMapVolumeSource mode", "pods", V("'configMap':{'name':'s'}"), "spec.volumes.0.configMap.defaultMode", "420"},
    {"DownwardAPIVolumeSource mode", "pods", V("'downwardAPI':{}"), "spec.volumes.0.downwardAPI.defaultMode", "420"},
    {"ProjectedVolumeSource mode", "pods", V("'projected':{}"), "spec.volumes.0.projected.defaultMode", "420"},
    {"ServiceAccountTokenProjection", "pods", V("'projected':{'sources':[{'serviceAccountToken':{'path':'t'}}]}"), "spec.volumes.0.projected.sources.0.serviceAccountToken.expirationSeconds", "3600"},
    {"HostPathVolumeSource type", "pods", V("'hostPath':{'path':'/x'}"), "spec.volumes.0.hostPath.type", "''"},
    {"HostPathVolumeSource type, PersistentVolume", "persistentvolumes", PV("'hostPath':{'path':'/x'}"), "spec.hostPath.type", "''"},
    {"ObjectFieldSelector version", "pods", C(",'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'}}}]"), "spec.containers.0.env.0.valueFrom.fieldRef.apiVersion", "'v1'"},
    {"ObjectFieldSelector version, volume", "pods", V("'downwardAPI':{'items':[{'path':'p','fieldRef':{'fieldPath':'metadata.name'}}]}"), "spec.volumes.0.downwardAPI.items.0.fieldRef.apiVersion", "'v1'"},
    {"ObjectFieldSelector version, projected", "pods", V("'projected':{'sources':[{'downwardAPI':{'items':[{'path':'p','fieldRef':{'fieldPath':'metadata.name'}}]}}]}"), "spec.volumes.0.projected.sources.0.downwardAPI.items.0.fieldRef.apiVersion", "'v1'"},
    {"ISCSIVolumeSource", "pods", V("'iscsi':{}"), "spec.volumes.0.iscsi.iscsiInterface", "'default'"},
    {"ISCSIPersistentVolumeSource", "persistentvolumes", PV("'iscsi':{}"), "spec.iscsi.iscsiInterface", "'default'"},
    {"RBDVolumeSource pool", "pods", V("'rbd':{}"), "spec.volumes.0.rbd.pool", "'rbd'"},
    {"RBDVolumeSource user", "pods", V("'rbd':{}"), "spec.volumes.0.rbd.user", "'admin'"},
    {"RBDVolumeSource keyring", "pods", V("'rbd':{}"), "spec.volumes.0.rbd.keyring", "'/etc/ceph/keyring'"},
    {"RBDPersistentVolumeSource pool", "persistentvolumes", PV("'rbd':{}"), "spec.rbd.pool", "'rbd'"},
    {"RBDPersistentVolumeSource user", "persistentvolumes", PV("'rbd':{}"), "spec.rbd.user", "'admin'"},
    {"RBDPersistentVolumeSource keyring", "persistentvolumes", PV("'rbd':{}"), "spec.rbd.keyring", "'/etc/ceph/keyring'"},
    {"AzureDiskVolumeSource caching", "pods", V("'azureDisk':{}"), "spec.volumes.0.azureDisk.cachingMode", "'ReadWrite'"},
    {"AzureDiskVolumeSource fsType", "pods", V("'azureDisk':{}"), "spec.volumes.0.azureDisk.fsType", "'ext4'"},
    {"AzureDiskVolumeSource readOnly", "pods", V("'azureDisk':{}"), "spec.volumes.0.azureDisk.readOnly", "false"},
    {"AzureDiskVolumeSource kind", "pods", V("'azureDisk':{}"), "spec.volumes.0.azureDisk.kind", "'Shared'"},
    {"AzureDiskVolumeSource, PersistentVolume", "persistentvolumes", PV("'azureDisk':{}"), "spec.azureDisk", "{'cachingMode':'ReadWrite','fsType':'ext4','kind':'Shared','readOnly':false,'diskName':'','diskURI':''}"},
    {"ScaleIOVolumeSource storage", "pods", V("'scaleIO':{}"), "spec.volumes.0.scaleIO.storageMode", "'ThinProvisioned'"},
    {"ScaleIOVolumeSource fsType", "pods", V("'scaleIO':{}"), "spec.volumes.0.scaleIO.fsType", "'xfs'"},
    {"ScaleIOPersistentVolumeSource storage", "persistentvolumes", PV("'scaleIO':{}"), "spec.scaleIO.storageMode", "'ThinProvisioned'"},
    {"ScaleIOPersistentVolumeSource fsType", "persistentvolumes", PV("'scaleIO':{}"), "spec.scaleIO.fsType", "'xfs'"},
    {"EphemeralVolumeSource", "pods", V("'ephemeral':{'volumeClaimTemplate':{'spec':{}}}"), "spec.volumes.0.ephemeral.volumeClaimTemplate.spec.volumeMode", "'Filesystem'"},
    {"Secret type", "secrets", "{}", "type", "'Opaque'"},
    {"Service affinity", "services", SVC(""), "spec.sessionAffinity", "'None'"},
    {"Service affinity's settings go", "services", SVC(",'sessionAffinity':'None','sessionAffinityConfig':{'clientIP':{}}"), "spec.sessionAffinityConfig", ""},
    {"Service affinity timeout", "services", SVC(",'sessionAffinity':'ClientIP'"), "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "10800"},
    {"Service type", "services", SVC(""), "spec.type", "'ClusterIP'"},
    {"ServicePort protocol", "services", SVC(""), "spec.ports.0.protocol", "'TCP'"},
    {"ServicePort target", "services", SVC(""), "spec.ports.0.targetPort", "80"},
    {"ServicePort target of 0", "services", "{'spec':{'ports':[{'port':80,'targetPort':0}]}}", "spec.ports.0.targetPort", "80"},
    {"ServicePort target of ''", "services", "{'spec':{'ports':[{'port':80,'targetPort':''}]}}", "spec.ports.0.targetPort", "80"},
    {"Service external traffic, NodePort", "services", SVC(",'type':'NodePort'"), "spec.externalTrafficPolicy", "'Cluster'"},
    {"Service external traffic, LoadBalancer", "services", SVC(",'type':'LoadBalancer'"), "spec.externalTrafficPolicy", "'Cluster'"},
    {"Service external traffic, external IPs", "services", SVC(",'externalIPs':['1.2.3.4']"), "spec.externalTrafficPolicy", "'Cluster'"},
    {"Service external traffic, ClusterIP", "services", SVC(""), "spec.externalTrafficPolicy", ""},
    {"Service internal traffic", "services", SVC(""), "spec.internalTrafficPolicy", "'Cluster'"},
    {"Service internal traffic, ExternalName", "services", SVC(",'type':'ExternalName'"), "spec.internalTrafficPolicy", ""},
    {"Service node ports", "services", SVC(",'type':'LoadBalancer'"), "spec.allocateLoadBalancerNodePorts", "true"},
    {"Service node ports, ClusterIP", "services", SVC(""), "spec.allocateLoadBalancerNodePorts", ""},
    {"Service ipMode", "services", "{'spec':{'type':'LoadBalancer'},'status':{'loadBalancer':{'ingress':[{'ip':'1.2.3.4'}]}}}", "status.loadBalancer.ingress.0.ipMode", "'VIP'"},
    {"Service ipMode, by name", "services", "{'spec':{'type':'LoadBalancer'},'status':{'loadBalancer':{'ingress':[{'hostname':'h'}]}}}", "status.loadBalancer.ingress.0.ipMode", ""},
    {"PersistentVolume phase", "persistentvolumes", "{'spec':{}}", "status.phase", "'Pending'"},
    {"PersistentVolume reclaim", "persistentvolumes", "{'spec':{}}", "spec.persistentVolumeReclaimPolicy", "'Retain'"},
    {"PersistentVolume mode", "persistentvolumes", "{'spec':{}}", "spec.volumeMode", "'Filesystem'"},
    {"PersistentVolumeClaim phase", "persistentvolumeclaims", "{'spec':{}}", "status.phase", "'Pending'"},
    {"PersistentVolumeClaimSpec mode", "persistentvolumeclaims", "{'spec':{}}", "spec.volumeMode", "'Filesystem'"},
    {"EndpointPort protocol", "endpoints", "{'subsets':[{'ports':[{'port':1}]}]}", "subsets.0.ports.0.protocol", "'TCP'"},
    {"Namespace label", "namespaces", "{'metadata':{'name':'n'}}", "metadata.labels", "{'kubernetes.io/metadata.name':'n'}"},
    {"Namespace label, no name yet", "namespaces", "{'metadata':{'generateName':'n'}}", "metadata.labels", ""},
    {"NamespaceStatus phase", "namespaces", "{}", "status.phase", "'Active'"},
    {"NodeStatus allocatable", "nodes", "{'status':{'capacity':{'cpu':'4'}}}", "status.allocatable", "{'cpu':'4'}"},
    {"LimitRangeItem default", "limitranges", "{'spec':{'limits':[{'type':'Container','max':{'cpu':'1'}}]}}", "spec.limits.0.default", "{'cpu':'1'}"},
    {"LimitRangeItem default request", "limitranges", "{'spec':{'limits':[{'type':'Container','default':{'cpu':'1'}}]}}", "spec.limits.0.defaultRequest", "{'cpu':'1'}"},
    {"LimitRangeItem default request, min", "limitranges", "{'spec':{'limits':[{'type':'Container','min':{'cpu':'1'}}]}}", "spec.limits.0.defaultRequest", "{'cpu':'1'}"},
    {"LimitRangeItem of Pods", "limitranges", "{'spec':{'limits':[{'type':'Pod','max':{'cpu':'1'}}]}}", "spec.limits.0.default", ""},
    {"Deployment replicas", "deployments.apps", "{'spec':{}}", "spec.replicas", "1"},
    {"StatefulSet replicas", "statefulsets.apps", "{'spec':{}}", "spec.replicas", "1"},
    {"ReplicaSet replicas", "replicasets.apps", "{'spec':{}}", "spec.replicas", "1"},
    {"Deployment history", "deployments.apps", "{'spec':{}}", "spec.revisionHistoryLimit", "10"},
    {"StatefulSet history", "statefulsets.apps", "{'spec':{}}", "spec.revisionHistoryLimit", "10"},
    {"DaemonSet history", "daemonsets.apps", "{'spec':{}}", "spec.revisionHistoryLimit", "10"},
    {"Deployment strategy", "deployments.apps", "{'spec':{}}", "spec.strategy.type", "'RollingUpdate'"},
    {"Deployment unavailable", "deployments.apps", "{'spec':{'strategy':{'rollingUpdate':{'maxSurge':1}}}}", "spec.strategy.rollingUpdate.maxUnavailable", "'25%'"},
    {"Deployment surge", "deployments.apps", "{'spec':{}}", "spec.strategy.rollingUpdate.maxSurge", "'25%'"},
    {"Deployment deadline", "deployments.apps", "{'spec':{}}", "spec.progressDeadlineSeconds", "600"},
    {"DaemonSet strategy", "daemonsets.apps", "{'spec':{}}", "spec.updateStrategy.type", "'RollingUpdate'"},
    {"DaemonSet unavailable", "daemonsets.apps", "{'spec':{}}", "spec.updateStrategy.rollingUpdate.maxUnavailable", "1"},
    {"DaemonSet surge", "daemonsets.apps", "{'spec':{}}", "spec.updateStrategy.rollingUpdate.maxSurge", "0"},
    {"DaemonSet on delete", "daemonsets.apps", "{'spec':{'updateStrategy':{'type':'OnDelete'}}}", "spec.updateStrategy.rollingUpdate", ""},
    {"StatefulSet management", "statefulsets.apps", "{'spec':{}}", "spec.podManagementPolicy", "'OrderedReady'"},
    {"StatefulSet strategy", "statefulsets.apps", "{'spec':{}}", "spec.updateStrategy.type", "'RollingUpdate'"},
    {"StatefulSet partition", "statefulsets.apps", "{'spec':{'updateStrategy':{'type':'RollingUpdate','rollingUpdate':{}}}}", "spec.updateStrategy.rollingUpdate.partition", "0"},
    {"StatefulSet partition, strategy unset", "statefulsets.apps", "{'spec':{}}", "spec.updateStrategy.rollingUpdate.partition", "0"},
    {"StatefulSet partition, nothing to roll", "statefulsets.apps", "{'spec':{'updateStrategy':{'type':'RollingUpdate'}}}", "spec.updateStrategy.rollingUpdate", ""},
    {"StatefulSet unavailable", "statefulsets.apps", "{'spec':{}}", "spec.updateStrategy.rollingUpdate.maxUnavailable", ""},
    {"StatefulSet claims of deleted", "statefulsets.apps", "{'spec':{}}", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "'Retain'"},
    {"StatefulSet claims of scaled", "statefulsets.apps", "{'spec':{'persistentVolumeClaimRetentionPolicy':{'whenDeleted':'Delete'}}}", "spec.persistentVolumeClaimRetentionPolicy.whenScaled", "'Retain'"},
    {"StatefulSet claims' phase", "statefulsets.apps", "{'spec':{'volumeClaimTemplates':[{}]}}", "spec.volumeClaimTemplates.0.status.phase", "'Pending'"},
    {"StatefulSet claims' version", "statefulsets.apps", "{'spec':{'volumeClaimTemplates':[{}]}}", "spec.volumeClaimTemplates.0.apiVersion", "'v1'"},
    {"StatefulSet claims' kind", "statefulsets.apps", "{'spec':{'volumeClaimTemplates':[{}]}}", "spec.volumeClaimTemplates.0.kind", "'PersistentVolumeClaim'"},
    {"Job completions", "jobs.batch", "{'spec':{}}", "spec.completions", "1"},
    {"Job completions, some at once", "jobs.batch", "{'spec':{'parallelism':2}}", "spec.completions", ""},
    {"Job parallelism", "jobs.batch", "{'spec':{'completions':4}}", "spec.parallelism", "1"},
    {"Job back-off by index", "jobs.batch", "{'spec':{'backoffLimitPerIndex':1}}", "spec.backoffLimit", "2147483647"},
    {"Job back-off", "jobs.batch", "{'spec':{}}", "spec.backoffLimit", "6"},
    {"Job labels", "jobs.batch", "{'spec':{" LABELS "}}", "metadata.labels", "{'a':'b'}"},
    {"Job mode", "jobs.batch", "{'spec':{}}", "spec.completionMode", "'NonIndexed'"},
    {"Job suspend", "jobs.batch", "{'spec':{}}", "spec.suspend", "false"},
    {"PodFailurePolicy status", "jobs.batch", "{'spec':{'podFailurePolicy':{'rules':[{'onPodConditions':[{'type':'t'}]}]}}}", "spec.podFailurePolicy.rules.0.onPodConditions.0.status", "'True'"},
    {"Job replacement by policy", "jobs.batch", "{'spec':{'podFailurePolicy':{}}}", "spec.podReplacementPolicy", "'Failed'"},
    {"Job replacement", "jobs.batch", "{'spec':{}}", "spec.podReplacementPolicy", "'TerminatingOrFailed'"},
    {"Job selector by hand", "jobs.batch", "{'spec':{}}", "spec.manualSelector", "false"},
    {"CronJob concurrency", "cronjobs.batch", "{'spec':{}}", "spec.concurrencyPolicy", "'Allow'"},
    {"CronJob suspend", "cronjobs.batch", "{'spec':{}}", "spec.suspend", "false"},
    {"CronJob successes", "cronjobs.batch", "{'spec':{}}", "spec.successfulJobsHistoryLimit", "3"},
    {"CronJob failures", "cronjobs.batch", "{'spec':{}}", "spec.failedJobsHistoryLimit", "1"},
    {"HorizontalPodAutoscaler least", HPAS, HPA(""), "spec.minReplicas", "1"},
    {"HorizontalPodAutoscaler metrics", HPAS, HPA(""), "spec.metrics", "[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':80}}}]"},
    {"HorizontalPodAutoscaler up, window", HPAS, HPA(",'behavior':{}"), "spec.behavior.scaleUp.stabilizationWindowSeconds", "0"},
    {"HorizontalPodAutoscaler up, choice", HPAS, HPA(",'behavior':{}"), "spec.behavior.scaleUp.selectPolicy", "'Max'"},
    {"HorizontalPodAutoscaler up, policies", HPAS, HPA(",'behavior':{'scaleUp':{'selectPolicy':'Min'}}"), "spec.behavior.scaleUp.policies", "[{'type':'Pods','value':4,'periodSeconds':15},{'type':'Percent','value':100,'periodSeconds':15}]"},
    {"HorizontalPodAutoscaler down, window", HPAS, HPA(",'behavior':{}"), "spec.behavior.scaleDown.stabilizationWindowSeconds", ""},
    {"HorizontalPodAutoscaler down, choice", HPAS, HPA(",'behavior':{'scaleDown':{}}"), "spec.behavior.scaleDown.selectPolicy", "'Max'"},
    {"HorizontalPodAutoscaler down, policies", HPAS, HPA(",'behavior':{}"), "spec.behavior.scaleDown.policies", "[{'type':'Percent','value':100,'periodSeconds':15}]"},
    {"HorizontalPodAutoscaler no behavior", HPAS, HPA(""), "spec.behavior", ""},
    {"NetworkPolicyPort protocol", "networkpolicies.networking.k8s.io", "{'spec':{'ingress':[{'ports':[{'port':1}]}]}}", "spec.ingress.0.ports.0.protocol", "'TCP'"},
    {"NetworkPolicyPort protocol, egress", "networkpolicies.networking.k8s.io", "{'spec':{'egress':[{'ports':[{'port':1}]}]}}", "spec.egress.0.ports.0.protocol", "'TCP'"},
    {"NetworkPolicy types", "networkpolicies.networking.k8s.io", "{'spec':{}}", "spec.policyTypes", "['Ingress']"},
    {"NetworkPolicy types, egress", "networkpolicies.networking.k8s.io", "{'spec':{'egress':[{}]}}", "spec.policyTypes", "['Ingress','Egress']"},
    {"IngressClass scope", "ingressclasses.networking.k8s.io", "{'spec':{'parameters':{'kind':'K','name':'n'}}}", "spec.parameters.scope", "'Cluster'"},
    {"RoleBinding role", BINDINGS, "{'roleRef':{'kind':'Role'}}", "roleRef.apiGroup", "'rbac.authorization.k8s.io'"},
    {"ClusterRoleBinding role", CBINDING, "{'roleRef':{'kind':'ClusterRole'}}", "roleRef.apiGroup", "'rbac.authorization.k8s.io'"},
    {"Subject account", BINDINGS, "{'subjects':[{'kind':'ServiceAccount'}]}", "subjects.0.apiGroup", ""},
    {"Subject user", BINDINGS, "{'subjects':[{'kind':'User'}]}", "subjects.0.apiGroup", "'rbac.authorization.k8s.io'"},
    {"Subject group", CBINDING, "{'subjects':[{'kind':'Group'}]}", "subjects.0.apiGroup", "'rbac.authorization.k8s.io'"},
    {"PriorityClass preemption", "priorityclasses.scheduling.k8s.io", "{}", "preemptionPolicy", "'PreemptLowerPriority'"},
    {"StorageClass reclaim", "storageclasses.storage.k8s.io", "{}", "reclaimPolicy", "'Delete'"},
    {"StorageClass binding", "storageclasses.storage.k8s.io", "{}", "volumeBindingMode", "'Immediate'"},
    {"CSIDriver attach", DRIVERS, "{'spec':{}}", "spec.attachRequired", "true"},
    {"CSIDriver Pod's data", DRIVERS, "{'spec':{}}", "spec.podInfoOnMount", "false"},
    {"CSIDriver capacity", DRIVERS, "{'spec':{}}", "spec.storageCapacity", "false"},
    {"CSIDriver fsGroup", DRIVERS, "{'spec':{}}", "spec.fsGroupPolicy", "'ReadWriteOnceWithFSType'"},
    {"CSIDriver modes", DRIVERS, "{'spec':{}}", "spec.volumeLifecycleModes", "['Persistent']"},
    {"CSIDriver republish", DRIVERS, "{'spec':{}}", "spec.requiresRepublish", "false"},
    {"CSIDriver SELinux", DRIVERS, "{'spec':{}}", "spec.seLinuxMount", "false"},
    {"ValidatingWebhook failure", VWC, HOOK, "webhooks.0.failurePolicy", "'Fail'"},
    {"ValidatingWebhook match", VWC, HOOK, "webhooks.0.matchPolicy", "'Equivalent'"},
    {"ValidatingWebhook namespaces", VWC, HOOK, "webhooks.0.namespaceSelector", "{}"},
    {"ValidatingWebhook objects", VWC, HOOK, "webhooks.0.objectSelector", "{}"},
    {"ValidatingWebhook timeout", VWC, HOOK, "webhooks.0.timeoutSeconds", "10"},
    {"MutatingWebhook failure", MWC, HOOK, "webhooks.0.failurePolicy", "'Fail'"},
    {"MutatingWebhook match", MWC, HOOK, "webhooks.0.matchPolicy", "'Equivalent'"},
    {"MutatingWebhook namespaces", MWC, HOOK, "webhooks.0.namespaceSelector", "{}"},
    {"MutatingWebhook objects", MWC, HOOK, "webhooks.0.objectSelector", "{}"},
    {"MutatingWebhook timeout", MWC, HOOK, "webhooks.0.timeoutSeconds", "10"},
    {"MutatingWebhook again", MWC, HOOK, "webhooks.0.reinvocationPolicy", "'Never'"},
    {"Rule scope", MWC, HOOK, "webhooks.0.rules.0.scope", "'*'"},
    {"Rule scope, policy", POLICIES, "{'spec':{'matchConstraints':{'resourceRules':[{}]}}}", "spec.matchConstraints.resourceRules.0.scope", "'*'"},
    {"ServiceReference port", VWC, HOOK, "webhooks.0.clientConfig.service.port", "443"},
    {"ValidatingAdmissionPolicy failure", POLICIES, MATCH, "spec.failurePolicy", "'Fail'"},
    {"MatchResources match", POLICIES, MATCH, "spec.matchConstraints.matchPolicy", "'Equivalent'"},
    {"MatchResources namespaces", POLICIES, MATCH, "spec.matchConstraints.namespaceSelector", "{}"},
    {"MatchResources objects", POLICIES, MATCH, "spec.matchConstraints.objectSelector", "{}"},
    {"MatchResources of a binding", "validatingadmissionpolicybindings.admissionregistration.k8s.io", "{'spec':{'matchResources':{}}}", "spec.matchResources", "{'matchPolicy':'Equivalent','namespaceSelector':{},'objectSelector':{}}"},
    {"discovery EndpointPort name", SLICES, "{'ports':[{'port':1}]}", "ports.0.name", "''"},
    {"discovery EndpointPort protocol", SLICES, "{'ports':[{'port':1}]}", "ports.0.protocol", "'TCP'"},
    {"FlowSchema precedence", FLOWS, "{'spec':{}}", "spec.matchingPrecedence", "1000"},
    {"Exempt shares", LEVELS, LEVEL("'type':'Exempt','exempt':{}"), "spec.exempt.nominalConcurrencyShares", "0"},
    {"Exempt lendable", LEVELS, LEVEL("'type':'Exempt','exempt':{}"), "spec.exempt.lendablePercent", "0"},
    {"Limited shares", LEVELS, LEVEL("'limited':{}"), "spec.limited.nominalConcurrencyShares", "30"},
    {"Limited shares of 0", LEVELS, LEVEL("'limited':{'nominalConcurrencyShares':0}"), "spec.limited.nominalConcurrencyShares", "0"},
    {"Limited lendable", LEVELS, LEVEL("'limited':{}"), "spec.limited.lendablePercent", "0"},
    {"Queuing hand", LEVELS, LEVEL("'limited':{'limitResponse':{'type':'Queue','queuing':{}}}"), "spec.limited.limitResponse.queuing.handSize", "8"},
    {"Queuing queues", LEVELS, LEVEL("'limited':{'limitResponse':{'type':'Queue','queuing':{}}}"), "spec.limited.limitResponse.queuing.queues", "64"},
    {"Queuing length", LEVELS, LEVEL("'limited':{'limitResponse':{'type':'Queue','queuing':{}}}"), "spec.limited.limitResponse.queuing.queueLengthLimit", "50"},
    {"CustomResourceDefinition stored versions", CRDS, "{'spec':{'versions':[{'name':'v1','storage':false},{'name':'v2','storage':true}]}}", "status.storedVersions", "['v2']"},
    {"CustomResourceDefinition singular", CRDS, "{'spec':{'names':{'kind':'FooBar'}}}", "spec.names.singular", "'foobar'"},
    {"CustomResourceDefinition list", CRDS, "{'spec':{'names':{'kind':'FooBar'}}}", "spec.names.listKind", "'FooBarList'"},
    {"CustomResourceDefinition conversion", CRDS, "{'spec':{}}", "spec.conversion.strategy", "'None'"},
    {"CustomResourceDefinition webhook's port", CRDS, "{'spec':{'conversion':{'webhook':{'clientConfig':{'service':{}}}}}}", "spec.conversion.webhook.clientConfig.service.port", "443"},
    {"APIService port", "apiservices.apiregistration.k8s.io", "{'spec':{'service':{}}}", "spec.service.port", "443"},
};

/* What a strategy makes of a create (no old object), or of an update by an endpoint. */
static const struct strategy_case strategies[] = {
    {"Pod status of a create", "pods", "{'spec':{},'status':{'phase':'Running','podIP':'1.2.3.4'}}", NULL, "", "status", "{'phase':'Pending','qosClass':'BestEffort'}"},
    {"Pod gated", "pods", "{'spec':{'schedulingGates':[{'name':'g'}]}}", NULL, "", "status.conditions.0.reason", "'SchedulingGated'"},
    {"Pod gated, status", "pods", "{'spec':{'schedulingGates':[{'name':'g'}]}}", NULL, "", "status.conditions.0.status", "'False'"},
    {"Pod status", "pods", "{'status':{'phase':'x'}}", "{'status':{'phase':'Running'}}", "", "status.phase", "'Running'"},
    {"Pod spec by status", "pods", "{'spec':{'nodeName':'m'},'status':{}}", "{'spec':{'nodeName':'n'}}", "status", "spec.nodeName", "'n'"},
    {"Pod deletion by status", "pods", "{'metadata':{'deletionTimestamp':'x'},'status':{}}", "{'metadata':{}}", "status", "metadata.deletionTimestamp", ""},
    {"Pod owners by status", "pods", "{'metadata':{'ownerReferences':[{'name':'x'}]},'status':{}}", "{'metadata':{}}", "status", "metadata.ownerReferences", ""},
    {"Pod quality by status", "pods", "{'metadata':{},'status':{}}", "{'metadata':{},'status':{'qosClass':'Burstable'}}", "status", "status.qosClass", "'Burstable'"},
    {"Namespace phase of a create", "namespaces", "{'status':{'phase':'Terminating'}}", NULL, "", "status.phase", "'Active'"},
    {"Namespace finalizer", "namespaces", "{'spec':{'finalizers':['a.b/c']}}", NULL, "", "spec.finalizers", "['a.b/c','kubernetes']"},
    {"Namespace finalizer, once", "namespaces", "{'spec':{'finalizers':['kubernetes']}}", NULL, "", "spec.finalizers", "['kubernetes']"},
    {"Namespace finalizers", "namespaces", "{'spec':{'finalizers':['x/y']}}", "{'spec':{'finalizers':['kubernetes']}}", "", "spec.finalizers", "['kubernetes']"},
    {"Namespace status", "namespaces", "{'status':{'phase':'Terminating'}}", "{'status':{'phase':'Active'}}", "", "status.phase", "'Active'"},
    {"Namespace status by finalize", "namespaces", "{'status':{'phase':'Terminating'}}", "{'status':{'phase':'Active'}}", "finalize", "status.phase", "'Active'"},
    {"Namespace spec by status", "namespaces", "{'spec':{'finalizers':[]}}", "{'spec':{'finalizers':['kubernetes']}}", "status", "spec.finalizers", "['kubernetes']"},
    {"Node status", "nodes", "{'status':{'phase':'x'}}", "{'status':{'phase':'y'}}", "", "status.phase", "'y'"},
    {"Node spec by status", "nodes", "{'spec':{'podCIDR':'x'}}", "{'spec':{'podCIDR':'y'}}", "status", "spec.podCIDR", "'y'"},
    {"PersistentVolume phase of a create", "persistentvolumes", "{'spec':{},'status':{'phase':'Bound'}}", NULL, "", "status.phase", "'Pending'"},
    {"PersistentVolumeClaim reference", "persistentvolumeclaims", "{'spec':{'dataSource':{'kind':'K','name':'n'}}}", NULL, "", "spec.dataSourceRef", "{'kind':'K','name':'n'}"},
    {"PersistentVolumeClaim source", "persistentvolumeclaims", "{'spec':{'dataSourceRef':{'kind':'K','name':'n'}}}", NULL, "", "spec.dataSource", "{'kind':'K','name':'n'}"},
    {"PersistentVolumeClaim source elsewhere", "persistentvolumeclaims", "{'spec':{'dataSourceRef':{'kind':'K','name':'n','namespace':'m'}}}", NULL, "", "spec.dataSource", ""},
    {"Secret type, update", "secrets", "{}", "{'type':'Opaque'}", "", "type", "'Opaque'"},
    {"ServiceAccount secrets", "serviceaccounts", "{'secrets':[{'name':'s','namespace':'n','uid':'u'}]}", NULL, "", "secrets", "[{'name':'s'}]"},
    {"ServiceAccount secrets, update", "serviceaccounts", "{'secrets':[{'name':'s','kind':'k'}]}", "{}", "", "secrets", "[{'name':'s'}]"},
    {"Deployment labels by status", "deployments.apps", "{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{'labels':{'c':'d'}}}", "status", "metadata.labels", "{'c':'d'}"},
    {"FlowSchema labels by status", FLOWS, "{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{'labels':{'c':'d'}}}", "status", "metadata.labels", "{'c':'d'}"},
    {"FlowSchema owners by status", FLOWS, "{'metadata':{'ownerReferences':[{'name':'x'}]}}", "{'metadata':{}}", "status", "metadata.ownerReferences", ""},
    {"FlowSchema labels", FLOWS, "{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{'labels':{'c':'d'}}}", "", "metadata.labels", "{'a':'b'}"},
    {"PriorityLevelConfiguration notes by status", LEVELS, "{'metadata':{'annotations':{'a':'b'}}}", "{'metadata':{}}", "status", "metadata.annotations", ""},
    {"ValidatingAdmissionPolicy finalizers by status", POLICIES, "{'metadata':{'finalizers':['a.b/c']}}", "{'metadata':{}}", "status", "metadata.finalizers", ""},
    {"VolumeAttachment labels by status", "volumeattachments.storage.k8s.io", "{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{}}", "status", "metadata.labels", ""},
    {"APIService labels by status", "apiservices.apiregistration.k8s.io", "{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{}}", "status", "metadata.labels", ""},
    {"CustomResourceDefinition labels by status", CRDS, "{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{}}", "status", "metadata.labels", "{'a':'b'}"},
    {"Job template's name", "jobs.batch", "{'metadata':{'name':'j','uid':'u'},'spec':{'template':{}}}", NULL, "", "spec.template.metadata.labels",
     "{'batch.kubernetes.io/job-name':'j','job-name':'j','batch.kubernetes.io/controller-uid':'u','controller-uid':'u'}"},
    {"Job selector", "jobs.batch", "{'metadata':{'name':'j','uid':'u'},'spec':{'template':{}}}", NULL, "", "spec.selector.matchLabels", "{'batch.kubernetes.io/controller-uid':'u'}"},
    {"Job selector, by hand", "jobs.batch", "{'metadata':{'name':'j','uid':'u'},'spec':{'manualSelector':true,'template':{}}}", NULL, "", "spec.selector", ""},
    {"CertificateSigningRequest spec", "certificatesigningrequests.certificates.k8s.io", "{'spec':{'signerName':'x/y'}}", "{'spec':{'signerName':'a/b'}}", "", "spec.signerName", "'a/b'"},
    {"CertificateSigningRequest spec by status", "certificatesigningrequests.certificates.k8s.io", "{'spec':{'signerName':'x/y'}}", "{'spec':{'signerName':'a/b'}}", "status", "spec.signerName", "'a/b'"},
    {"CertificateSigningRequest spec by approval", "certificatesigningrequests.certificates.k8s.io", "{'spec':{'signerName':'x/y'}}", "{'spec':{'signerName':'a/b'}}", "approval", "spec.signerName", "'a/b'"},
    {"CertificateSigningRequest decision by status", "certificatesigningrequests.certificates.k8s.io", "{'status':{'conditions':[{'type':'Denied','status':'True','reason':'Other'}]}}",
     "{'status':{'conditions':[{'type':'Denied','status':'True'}]}}", "status", "status.conditions", "[{'type':'Denied','status':'True'}]"},
    {"CertificateSigningRequest nothing by approval", "certificatesigningrequests.certificates.k8s.io", "{'status':{}}", "{'status':{'conditions':[{'type':'Denied'}]}}", "approval", "status", "{}"},
    {"CertificateSigningRequest certificate by approval", "certificatesigningrequests.certificates.k8s.io", "{'status':{'certificate':'eA=='}}", "{}", "approval", "status.certificate", ""},
    {"APIService without a service", "apiservices.apiregistration.k8s.io", "{'spec':{}}", NULL, "", "status.conditions.0.reason", "'Local'"},
    {"Service becomes a name", "services", "{'spec':{'type':'ExternalName','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1'],'ipFamilies':['IPv4']}}",
     "{'spec':{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1'],'ipFamilies':['IPv4']}}", "", "spec", "{'type':'ExternalName'}"},
    {"Service gives its node ports back", "services", "{'spec':{'type':'ClusterIP','ports':[{'port':80,'protocol':'TCP','nodePort':30001}]}}",
     "{'spec':{'type':'NodePort','ports':[{'port':80,'protocol':'TCP','nodePort':30001}]}}", "", "spec.ports.0.nodePort", ""},
    {"Service gives its health check back", "services", "{'spec':{'type':'ClusterIP','healthCheckNodePort':30001}}",
     "{'spec':{'type':'LoadBalancer','externalTrafficPolicy':'Local','healthCheckNodePort':30001}}", "", "spec.healthCheckNodePort", ""},
    {"Service needs no node ports now", "services", "{'spec':{'type':'ClusterIP','allocateLoadBalancerNodePorts':true}}",
     "{'spec':{'type':'LoadBalancer','allocateLoadBalancerNodePorts':true}}", "", "spec.allocateLoadBalancerNodePorts", ""},
    {"Service has no class now", "services", "{'spec':{'type':'ClusterIP','loadBalancerClass':'a/b'}}",
     "{'spec':{'type':'LoadBalancer','loadBalancerClass':'a/b'}}", "", "spec.loadBalancerClass", ""},
    {"Service has no policy now", "services", "{'spec':{'type':'ClusterIP','externalTrafficPolicy':'Cluster'}}",
     "{'spec':{'type':'NodePort','externalTrafficPolicy':'Cluster'}}", "", "spec.externalTrafficPolicy", ""},
    {"Service balanced no more", "services", "{'spec':{'type':'ClusterIP'},'status':{}}",
     "{'spec':{'type':'LoadBalancer'},'status':{'loadBalancer':{'ingress':[{'ip':'1.2.3.4'}]}}}", "", "status.loadBalancer.ingress", ""},
};

/* Kinds with the usual pair: status is the system's, and an update of it changes nothing else. */
static const char *const pairs[] = {
    "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch", "replicationcontrollers",
    "resourcequotas", "services", "persistentvolumes", "persistentvolumeclaims", "ingresses.networking.k8s.io", "poddisruptionbudgets.policy",
    HPAS, FLOWS, LEVELS, POLICIES, "volumeattachments.storage.k8s.io", CRDS, "apiservices.apiregistration.k8s.io",
};
/* clang-format on */

static void test_strategies(void **state)
{
    (void)state;
    kind_check_strategies(strategies, ARRAY_LEN(strategies));
}

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        /* clang-format off */
        const struct strategy_case rows[] = {
            {pairs[i], pairs[i], "{'spec':{},'status':{'x':'y'}}", NULL, "", "status.x", ""},
            {pairs[i], pairs[i], "{'spec':{},'status':{'x':'y'}}", "{'spec':{},'status':{'x':'z'}}", "", "status.x", "'z'"},
            {pairs[i], pairs[i], "{'spec':{'x':'y'}}", "{'spec':{'x':'z'}}", "status", "spec.x", "'z'"},
            {pairs[i], pairs[i], "{'spec':{},'status':{'x':'y'}}", "{'spec':{},'status':{'x':'z'}}", "status", "status.x", "'y'"},
        };
        /* clang-format on */
        kind_check_strategies(rows, ARRAY_LEN(rows));
    }
}

static void test_defaults(void **state)
{
    (void)state;
    kind_check_defaults(defaults, ARRAY_LEN(defaults));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_strategies),
                                       cmocka_unit_test(test_pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
