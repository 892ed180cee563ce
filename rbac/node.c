/* The node authorizer. Upstream gives nodes some rights by type and lets admission narrow them to
 * the node's own objects; here a request that names its object is narrowed at once, so that a
 * stolen node certificate reaches that node's Pods and no others. */
#include "rbac/node.h"

#include <string.h>

#include "base/json.h"
#include "schema/local_volume.h"
#include "store/cache.h"

#define NODE_PREFIX "system:node:"

const char *rbac_node_name(const struct user *user)
{
    if (!user->name || !text_starts(user->name, NODE_PREFIX) || !user_in(user, "system:nodes"))
        return NULL;
    const char *name = user->name + strlen(NODE_PREFIX);
    return *name ? name : NULL;
}

/* ---- what a Pod uses ---- */

static bool name_is(const json_t *value, const char *key, const char *name)
{
    return text_eq(json_text(value, key), name);
}

static bool any_named(const json_t *array, const char *key, const char *name)
{
    size_t i;
    const json_t *item;
    json_array_foreach (array, i, item)
        if (name_is(item, key, name))
            return true;
    return false;
}

/* Environment of one container: valueFrom.X.name, envFrom.Y.name. */
static bool env_uses(const json_t *container, const char *key_ref, const char *from_ref,
                     const char *name)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_at(container, "env"), i, item)
        if (text_eq(json_text(item, "valueFrom", key_ref, "name"), name))
            return true;
    json_array_foreach (json_at(container, "envFrom"), i, item)
        if (text_eq(json_text(item, from_ref, "name"), name))
            return true;
    return false;
}

static bool containers_use(const json_t *spec, const char *key_ref, const char *from_ref,
                           const char *name)
{
    static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
    for (size_t list = 0; list < ARRAY_LEN(lists); list++) {
        size_t i;
        const json_t *container;
        json_array_foreach (json_at(spec, lists[list]), i, container)
            if (env_uses(container, key_ref, from_ref, name))
                return true;
    }
    return false;
}

/* A volume names it as VOLUME.KEY, a projected one as projected.sources[].VOLUME.name. */
static bool volumes_use(const json_t *spec, const char *volume, const char *key, const char *name)
{
    size_t i, k;
    const json_t *item, *source;
    json_array_foreach (json_at(spec, "volumes"), i, item) {
        if (text_eq(json_text(item, volume, key), name))
            return true;
        json_array_foreach (json_at(item, "projected", "sources"), k, source)
            if (text_eq(json_text(source, volume, "name"), name))
                return true;
    }
    return false;
}

static bool uses_secret(const json_t *pod, const char *name)
{
    const json_t *spec = json_at(pod, "spec");
    return any_named(json_at(spec, "imagePullSecrets"), "name", name) ||
           volumes_use(spec, "secret", "secretName", name) ||
           containers_use(spec, "secretKeyRef", "secretRef", name);
}

static bool uses_config_map(const json_t *pod, const char *name)
{
    const json_t *spec = json_at(pod, "spec");
    return volumes_use(spec, "configMap", "name", name) ||
           containers_use(spec, "configMapKeyRef", "configMapRef", name);
}

/* By name, or an ephemeral volume's claim, which is called POD-VOLUME. */
static bool uses_claim(const json_t *pod, const char *name)
{
    const json_t *spec = json_at(pod, "spec"), *volume;
    const char *pod_name = json_text(pod, "metadata", "name");
    size_t i;
    if (volumes_use(spec, "persistentVolumeClaim", "claimName", name))
        return true;
    json_array_foreach (json_at(spec, "volumes"), i, volume) {
        if (!json_at(volume, "ephemeral"))
            continue;
        CLEANUP(free_ptr)
        char *own = xasprintf("%s-%s", pod_name ?: "", json_text(volume, "name") ?: "");
        if (strcmp(own, name) == 0)
            return true;
    }
    return false;
}

static bool uses_account(const json_t *pod, const char *name)
{
    return text_eq(json_text(pod, "spec", "serviceAccountName"), name);
}

/* ---- its own Pods ---- */

struct own_pods {
    const char *node, *quoted; /* quoted: the name as it must stand in a body that names it */
};

static bool is_candidate(const struct object *pod, void *arg)
{
    const struct own_pods *own = arg;
    return strcmp(object_field(pod, "spec.nodeName"), own->node) == 0 &&
           (!own->quoted ||
            memmem(pod->body.data, pod->body.len, own->quoted, strlen(own->quoted)));
}

static enum rbac_decision pods_cold(struct rbac_part *part)
{
    atomic_store(&part->wants_pods, true);
    return RBAC_COLD;
}

/* Is there a Pod on this node that uses it? Bodies are parsed only where the name stands in them;
 * an ephemeral claim's name does not, so claims look at every Pod of the node in that namespace. */
static enum rbac_decision used_by_pod(struct cluster *cluster, struct rbac_part *part,
                                      const char *node, const struct rbac_attributes *attributes,
                                      bool (*uses)(const json_t *pod, const char *name))
{
    CLEANUP(free_ptr) char *quoted = xasprintf("\"%s\"", attributes->name);
    struct own_pods own = {.node = node, .quoted = uses == uses_claim ? NULL : quoted};
    struct cache_range range = {.ns = attributes->ns, .keep = is_candidate, .arg = &own};
    struct object_list pods = {0};
    enum rbac_decision decision = RBAC_NO_OPINION;
    if (!*attributes->ns || !*attributes->name)
        return RBAC_NO_OPINION;
    if (cache_list_peek(cluster, "pods", &range, &pods) != CACHE_LIST_OK)
        return pods_cold(part);
    for (size_t i = 0; i < pods.count && decision != RBAC_ALLOW; i++) {
        json_auto_t *pod = object_json(pods.items[i]);
        if (uses(pod, attributes->name))
            decision = RBAC_ALLOW;
    }
    object_list_free(&pods);
    return decision;
}

/* What to decide without the object, when it is not there or not known yet; RBAC_ALLOW with it. */
static enum rbac_decision find(struct cluster *cluster, struct rbac_part *part,
                               const char *resource, const char *ns, const char *name,
                               struct object **found)
{
    switch (cache_peek(cluster, resource, ns, name, found)) {
    case CACHE_COLD:
        return pods_cold(part);
    case CACHE_ABSENT:
        return RBAC_NO_OPINION;
    case CACHE_HIT:
        break;
    }
    return RBAC_ALLOW;
}

static enum rbac_decision own_pod(struct cluster *cluster, struct rbac_part *part, const char *node,
                                  const struct rbac_attributes *attributes)
{
    CLEANUP(object_unref_ptr) struct object *pod = NULL;
    enum rbac_decision decision =
        find(cluster, part, "pods", attributes->ns, attributes->name, &pod);
    if (decision != RBAC_ALLOW)
        return decision;
    return strcmp(object_field(pod, "spec.nodeName"), node) == 0 ? RBAC_ALLOW : RBAC_NO_OPINION;
}

/* Those that are pinned to the node, and those whose claims its Pods use. */
static enum rbac_decision own_volume(struct cluster *cluster, struct rbac_part *part,
                                     const char *node, const struct rbac_attributes *attributes)
{
    CLEANUP(object_unref_ptr) struct object *found = NULL;
    enum rbac_decision decision =
        find(cluster, part, "persistentvolumes", "", attributes->name, &found);
    if (decision != RBAC_ALLOW)
        return decision;
    json_auto_t *volume = object_json(found);
    if (text_eq(json_text(volume, "metadata", "labels", LOCAL_VOLUME_NODE), node))
        return RBAC_ALLOW;
    struct rbac_attributes claim = *attributes;
    claim.ns = json_text(volume, "spec", "claimRef", "namespace") ?: "";
    claim.name = json_text(volume, "spec", "claimRef", "name") ?: "";
    return strcmp(attributes->verb, "get") == 0
               ? used_by_pod(cluster, part, node, &claim, uses_claim)
               : RBAC_NO_OPINION;
}

/* ---- by resource ---- */

struct node_request {
    struct cluster *cluster;
    struct rbac_part *part;
    const char *node;
    const struct rbac_attributes *attributes;
};

static bool one_of(const char *verb, const char *list)
{
    size_t len = strlen(verb);
    for (const char *at = strstr(list, verb); at; at = strstr(at + 1, verb))
        if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

static enum rbac_decision allow_if(bool yes)
{
    return yes ? RBAC_ALLOW : RBAC_NO_OPINION;
}

static enum rbac_decision used(const struct node_request *request,
                               bool (*uses)(const json_t *, const char *))
{
    return used_by_pod(request->cluster, request->part, request->node, request->attributes, uses);
}

static enum rbac_decision secrets(const struct node_request *request)
{
    const struct rbac_attributes *attributes = request->attributes;
    if (*attributes->subresource || !one_of(attributes->verb, "get list watch"))
        return RBAC_NO_OPINION;
    return used(request,
                strcmp(attributes->resource, "secrets") == 0 ? uses_secret : uses_config_map);
}

static enum rbac_decision claims(const struct node_request *request)
{
    const struct rbac_attributes *attributes = request->attributes;
    bool status = strcmp(attributes->subresource, "status") == 0;
    if (!one_of(attributes->verb, status ? "get update patch" : "get") ||
        (*attributes->subresource && !status))
        return RBAC_NO_OPINION;
    return used(request, uses_claim);
}

static enum rbac_decision volumes(const struct node_request *request)
{
    const struct rbac_attributes *attributes = request->attributes;
    if (*attributes->subresource)
        return RBAC_NO_OPINION;
    if (one_of(attributes->verb, "list watch") && text_eq(attributes->volume_node, request->node))
        return RBAC_ALLOW;
    return one_of(attributes->verb, "get patch") && *attributes->name
               ? own_volume(request->cluster, request->part, request->node, attributes)
               : RBAC_NO_OPINION;
}

static enum rbac_decision accounts(const struct node_request *request)
{
    const struct rbac_attributes *attributes = request->attributes;
    if (strcmp(attributes->verb, "create") != 0 || strcmp(attributes->subresource, "token") != 0)
        return RBAC_NO_OPINION;
    return used(request, uses_account);
}

/* On create the name is still unknown here: rbac_admit_node compares it. */
static enum rbac_decision leases(const struct node_request *request)
{
    const struct rbac_attributes *attributes = request->attributes;
    if (*attributes->subresource || strcmp(attributes->ns, "kube-node-lease") != 0)
        return RBAC_NO_OPINION;
    if (strcmp(attributes->verb, "create") == 0)
        return RBAC_ALLOW;
    return allow_if(one_of(attributes->verb, "get update patch delete") &&
                    strcmp(attributes->name, request->node) == 0);
}

static enum rbac_decision nodes(const struct node_request *request)
{
    const struct rbac_attributes *attributes = request->attributes;
    if (!*attributes->subresource && strcmp(attributes->verb, "create") == 0)
        return RBAC_ALLOW; /* its name: rbac_admit_node */
    const char *verbs = strcmp(attributes->subresource, "status") == 0 ? "get update patch"
                        : *attributes->subresource                     ? ""
                                                   : "get list watch update patch";
    return allow_if(one_of(attributes->verb, verbs) &&
                    strcmp(attributes->name, request->node) == 0);
}

static enum rbac_decision pods(const struct node_request *request)
{
    const struct rbac_attributes *attributes = request->attributes;
    const char *sub = attributes->subresource;
    if (!*sub && one_of(attributes->verb, "list watch") &&
        text_eq(attributes->pod_node, request->node))
        return RBAC_ALLOW;
    const char *verbs = !*sub                          ? "get list watch delete"
                        : strcmp(sub, "status") == 0   ? "get update patch"
                        : strcmp(sub, "eviction") == 0 ? "create"
                                                       : "";
    if (!one_of(attributes->verb, verbs) || !*attributes->name)
        return RBAC_NO_OPINION;
    return own_pod(request->cluster, request->part, request->node, attributes);
}

static const struct {
    const char *group, *resource;
    enum rbac_decision (*decide)(const struct node_request *request);
} node_rows[] = {
    {"", "secrets", secrets},
    {"", "configmaps", secrets},
    {"", "persistentvolumeclaims", claims},
    {"", "persistentvolumes", volumes},
    {"", "serviceaccounts", accounts},
    {"coordination.k8s.io", "leases", leases},
    {"", "nodes", nodes},
    {"", "pods", pods},
};

/* The rest is the same for every node. Source: upstream's NodeRules. */
static const struct {
    const char *group, *resource, *sub, *verbs;
} shared_rows[] = {
    {"authentication.k8s.io", "tokenreviews", "", "create"},
    {"authorization.k8s.io", "subjectaccessreviews", "", "create"},
    {"authorization.k8s.io", "localsubjectaccessreviews", "", "create"},
    {"", "services", "", "get list watch"},
    {"", "events", "", "create update patch"},
    {"", "endpoints", "", "get"},
    {"certificates.k8s.io", "certificatesigningrequests", "", "create get list watch"},
    {"storage.k8s.io", "csidrivers", "", "get list watch"},
    {"node.k8s.io", "runtimeclasses", "", "get list watch"},
};

static bool is_shared_right(const struct rbac_attributes *attributes)
{
    for (size_t i = 0; i < ARRAY_LEN(shared_rows); i++)
        if (strcmp(shared_rows[i].group, attributes->group) == 0 &&
            strcmp(shared_rows[i].resource, attributes->resource) == 0 &&
            strcmp(shared_rows[i].sub, attributes->subresource) == 0)
            return one_of(attributes->verb, shared_rows[i].verbs);
    return false;
}

enum rbac_decision node_authorize(struct cluster *cluster, struct rbac_part *part,
                                  const struct rbac_attributes *attributes)
{
    const char *node = rbac_node_name(attributes->user);
    if (!node || attributes->path)
        return RBAC_NO_OPINION;
    struct node_request request = {
        .cluster = cluster, .part = part, .node = node, .attributes = attributes};
    for (size_t i = 0; i < ARRAY_LEN(node_rows); i++)
        if (strcmp(node_rows[i].group, attributes->group) == 0 &&
            strcmp(node_rows[i].resource, attributes->resource) == 0)
            return node_rows[i].decide(&request);
    return allow_if(is_shared_right(attributes));
}

/* ---- admission ---- */

bool rbac_admit_node(const struct user *user, const char *resource, const json_t *object,
                     struct error *err)
{
    const char *node = rbac_node_name(user), *name = json_text(object, "metadata", "name");
    if (!node || !object)
        return true;
    bool own = text_eq(name, node);
    if (strcmp(resource, "nodes") == 0 && !own)
        return error_forbidden(err, resource, name,
                               "node \"%s\" is not allowed to modify node \"%s\"", node,
                               name ?: "");
    if (strcmp(resource, "leases.coordination.k8s.io") == 0 && !own)
        return error_forbidden(
            err, resource, name,
            "can only access node lease with the same name as the requesting node");
    return true;
}
