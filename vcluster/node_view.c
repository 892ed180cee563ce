#include "vcluster/node_view.h"

#include <string.h>

#include "base/mem.h"
#include "host/pseudo_node.h"
#include "schema/meta.h"
#include "vcluster/names.h"

#define PROVIDER "warren://" /* spec.providerID never changes once it is set */

bool node_view_shown(const json_t *host_node)
{
    static const char *const reserved[] = {NOTE_PREFIX, "node-role.kubernetes.io/"};
    const json_t *taints = json_at(host_node, "spec", "taints");
    for (size_t i = 0; i < json_array_size(taints); i++)
        for (size_t j = 0; j < ARRAY_LEN(reserved); j++) {
            const char *key = json_text(json_array_get(taints, i), "key");
            if (key && text_starts(key, reserved[j]))
                return false;
        }
    return true;
}

bool node_view_is_ours(const json_t *tenant_node)
{
    const char *provider = json_text(tenant_node, "spec", "providerID");
    return provider && text_starts(provider, PROVIDER) &&
           strcmp(provider + strlen(PROVIDER), meta_name(tenant_node)) == 0;
}

/* ---- what every tenant sees ---- */

static json_t *make_info(const json_t *host_node)
{
    static const char *const copied[] = {"operatingSystem", "architecture", "kubeletVersion",
                                         "containerRuntimeVersion"};
    static const char *const blank[] = {"bootID",    "kernelVersion", "kubeProxyVersion",
                                        "machineID", "osImage",       "systemUUID"};
    json_t *info = json_object();
    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        const char *value = json_text(host_node, "status", "nodeInfo", copied[i]);
        json_set_text(info, copied[i], value ? value : "");
    }
    for (size_t i = 0; i < ARRAY_LEN(blank); i++)
        json_set_text(info, blank[i], "");
    return info;
}

static json_t *make_new(const char *name, const json_t *host_node)
{
    json_t *labels = json_pack("{s:s}", "kubernetes.io/hostname", name);
    for (size_t i = 0; pseudo_node_labels[i]; i++)
        json_set_text(labels, pseudo_node_labels[i], meta_label(host_node, pseudo_node_labels[i]));
    return json_pack("{s:s, s:s, s:{s:s, s:o}, s:{}, s:{}}", "apiVersion", "v1", "kind", "Node",
                     "metadata", "name", name, "labels", labels, "spec", "status");
}

/* ---- the two sides of the status ---- */

/* The host's, by type; others are whoever's wrote them. */
static void merge_conditions(json_t *status, const json_t *host)
{
    const json_t *theirs = json_object_get(status, "conditions");
    json_t *merged = host ? json_deep_copy(host) : json_array();
    for (size_t i = 0; i < json_array_size(theirs); i++) {
        json_t *condition = json_array_get(theirs, i);
        bool known = false;
        for (size_t j = 0; j < json_array_size(host) && !known; j++)
            known =
                text_eq(json_text(condition, "type"), json_text(json_array_get(host, j), "type"));
        if (!known)
            json_array_append(merged, condition);
    }
    json_object_set_new(status, "conditions", merged);
}

/* A resource of the tenant's own, as a device plugin's would be: named with a domain, and nothing
 * that the host has. */
static bool is_tenants(const char *name, const json_t *host_capacity)
{
    return strchr(name, '/') && !json_object_get(host_capacity, name);
}

/* All of the capacity that the tenant gave can be had, as a kubelet would say. */
static void merge_amounts(json_t *status, const json_t *host_status)
{
    const json_t *host_capacity = json_object_get(host_status, "capacity");
    const json_t *host_allocatable = json_object_get(host_status, "allocatable");
    json_t *capacity = host_capacity ? json_deep_copy(host_capacity) : json_object();
    json_t *allocatable = host_allocatable ? json_deep_copy(host_allocatable) : json_object();
    const char *name;
    json_t *value;
    json_object_foreach (json_object_get(status, "capacity"), name, value) {
        if (!is_tenants(name, host_capacity))
            continue;
        json_object_set(capacity, name, value);
        json_object_set(allocatable, name, value);
    }
    json_object_set_new(status, "capacity", capacity);
    json_object_set_new(status, "allocatable", allocatable);
}

json_t *node_view(const char *cluster, const json_t *host_node, const json_t *tenant_node)
{
    char name[HOST_NAME_MAX + 1];
    const json_t *from = json_object_get(host_node, "status");
    names_pseudo_node(cluster, meta_name(host_node), name);
    json_t *node = tenant_node ? json_deep_copy(tenant_node) : make_new(name, host_node);
    json_t *spec = json_ensure_object(node, "spec"), *status = json_ensure_object(node, "status");
    if (!json_text(spec, "providerID"))
        json_object_set_new(spec, "providerID", json_sprintf(PROVIDER "%s", name));
    json_object_set_new(status, "addresses",
                        json_pack("[{s:s, s:s}, {s:s, s:s}]", "type", "InternalIP", "address",
                                  PSEUDO_NODE_ADDRESS, "type", "Hostname", "address", name));
    json_object_set_new(status, "nodeInfo", make_info(host_node));
    merge_amounts(status, from);
    merge_conditions(status, json_object_get(from, "conditions"));
    return node;
}

/* ---- heartbeats ---- */

/* A copy of the conditions without their times. */
static json_t *timeless(const json_t *node)
{
    const json_t *conditions = json_at(node, "status", "conditions");
    json_t *copy = conditions ? json_deep_copy(conditions) : json_array();
    for (size_t i = 0; i < json_array_size(copy); i++) {
        json_object_del(json_array_get(copy, i), "lastHeartbeatTime");
        json_object_del(json_array_get(copy, i), "lastTransitionTime");
    }
    return copy;
}

static bool same(const json_t *a, const json_t *b)
{
    return a == b || (a && b && json_equal(a, b));
}

bool node_view_differs(const json_t *host_node, const json_t *before)
{
    static const char *const parts[] = {"capacity", "allocatable", "nodeInfo"};
    json_auto_t *now = timeless(host_node), *then = timeless(before);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!same(json_at(host_node, "status", parts[i]), json_at(before, "status", parts[i])))
            return true;
    return !json_equal(now, then) || node_view_shown(host_node) != node_view_shown(before);
}
