#!/usr/bin/env python3
"""python_client.py KUBECONFIG: typed clients, a watch and the dynamic client of Debian's python3-kubernetes."""
import sys

from kubernetes import client, config, dynamic, watch

config.load_kube_config(sys.argv[1])
core, apps = client.CoreV1Api(), client.AppsV1Api()

core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="python")))
core.create_namespaced_config_map("python", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="one"), data={"k": "v"}))
version = core.list_namespaced_config_map("python").metadata.resource_version
core.patch_namespaced_config_map("one", "python", {"data": {"k": "w"}})
for event in watch.Watch().stream(core.list_namespaced_config_map, "python", resource_version=version, timeout_seconds=10):
    if event["object"].metadata.name == "one":
        assert event["type"] == "MODIFIED" and event["object"].data["k"] == "w", event
        break
else:
    sys.exit("the change was not seen")

apps.create_namespaced_deployment("python", client.V1Deployment(
    metadata=client.V1ObjectMeta(name="web"),
    spec=client.V1DeploymentSpec(
        replicas=0, selector=client.V1LabelSelector(match_labels={"app": "web"}),
        template=client.V1PodTemplateSpec(
            metadata=client.V1ObjectMeta(labels={"app": "web"}),
            spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="busybox")])))))
assert apps.read_namespaced_deployment_scale("web", "python").spec.replicas == 0

dynamic_client = dynamic.DynamicClient(client.ApiClient())
services = dynamic_client.resources.get(api_version="v1", kind="Service")
services.create(namespace="python", body={"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
assert services.get(name="s", namespace="python").spec.clusterIP.startswith("10.96.")

try:
    core.read_namespaced_secret("absent", "python")
    sys.exit("an absent Secret was found")
except client.ApiException as absent:
    assert absent.status == 404 and '"reason":"NotFound"' in absent.body, absent.body
core.delete_namespace("python")
print("done")
