/* What nodes may say, and the taint that new ones have. NodeRestriction is not on by default
 * upstream, but wherever nodes are not trusted with each other's Pods. Sources:
 * plugin/pkg/admission/noderestriction, /nodetaint. */
#include <string.h>

#include "apiserver/admission/admission.h"
#include "base/strset.h"
#include "rbac/rbac.h"
#include "schema/meta.h"

#define NOT_READY "node.kubernetes.io/not-ready"

/* ---- TaintNodesByCondition ---- */

enum step_result admit_node_taint(struct request *request)
{
    json_t *taints = json_ensure_array(json_ensure_object(request->object, "spec"), "taints"),
           *taint;
    size_t i;
    json_array_foreach (taints, i, taint)
        if (text_eq(json_text(taint, "key"), NOT_READY) &&
            text_eq(json_text(taint, "effect"), "NoSchedule"))
            return STEP_NEXT;
    json_array_append_new(taints,
                          json_pack("{s:s, s:s}", "key", NOT_READY, "effect", "NoSchedule"));
    return STEP_NEXT;
}

/* ---- labels ---- */

/* Whether the label's key has this domain before its slash, or one below it. */
static bool in_domain(const char *key, const char *domain)
{
    struct str name = str_of(key), owner = str_cut(&name, '/'), wanted = str_of(domain);
    if (!name.data)
        return false; /* no slash */
    return str_eq(owner, wanted) ||
           (str_ends(owner, wanted) && owner.data[owner.len - wanted.len - 1] == '.');
}

/* Labels of Kubernetes' own that a node knows about itself. */
static bool is_own_label(const char *key)
{
    static const char *const keys[] = {"kubernetes.io/hostname",
                                       "kubernetes.io/os",
                                       "kubernetes.io/arch",
                                       "beta.kubernetes.io/os",
                                       "beta.kubernetes.io/arch",
                                       "beta.kubernetes.io/instance-type",
                                       "node.kubernetes.io/instance-type",
                                       "topology.kubernetes.io/zone",
                                       "topology.kubernetes.io/region",
                                       "failure-domain.beta.kubernetes.io/zone",
                                       "failure-domain.beta.kubernetes.io/region"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return in_domain(key, "kubelet.kubernetes.io") || in_domain(key, "node.kubernetes.io");
}

static bool is_forbidden_label(const char *key)
{
    if (in_domain(key, "node-restriction.kubernetes.io"))
        return true;
    return (in_domain(key, "kubernetes.io") || in_domain(key, "k8s.io")) && !is_own_label(key);
}

/* Labels that differ and that a node may not change. */
static void find_forbidden(const json_t *labels, const json_t *others, struct strset *found)
{
    const char *key;
    const json_t *value;
    json_object_foreach (labels, key, value)
        if (!json_equal(value, json_object_get(others, key)) && is_forbidden_label(key))
            strset_add(found, key);
}

static enum step_result check_labels(struct request *request, const char *node)
{
    const json_t *now = json_at(request->object, "metadata", "labels"),
                 *old = json_at(request->old, "metadata", "labels");
    CLEANUP(strset_clear) struct strset found = {0};
    CLEANUP(buf_free) struct buf list = BUF_TEXT;
    find_forbidden(now, old, &found);
    find_forbidden(old, now, &found);
    if (!found.count)
        return STEP_NEXT;
    for (size_t i = 0; i < found.count; i++)
        buf_printf(&list, "%s%s", i ? ", " : "", found.items[i]);
    if (request->current)
        error_forbidden(&request->error, "nodes", meta_name(request->object),
                        "is not allowed to modify labels: %s", list.data);
    else
        error_forbidden(&request->error, "nodes", meta_name(request->object),
                        "node \"%s\" is not allowed to set the following labels: %s", node,
                        list.data);
    return STEP_FAIL;
}

/* ---- NodeRestriction ---- */

static bool same_list(const json_t *a, const json_t *b)
{
    return (json_array_size(a) == 0 && json_array_size(b) == 0) || json_equal(a, b);
}

enum step_result check_node(struct request *request)
{
    const char *node = rbac_node_name(&request->user);
    if (!rbac_admit_node(&request->user, request->resource->key, request->object, &request->error))
        return STEP_FAIL;
    if (!node || strcmp(request->storage, "nodes") != 0)
        return STEP_NEXT;
    if (request->current && !same_list(json_at(request->object, "spec", "taints"),
                                       json_at(request->old, "spec", "taints"))) {
        error_forbidden(&request->error, "nodes", meta_name(request->object),
                        "node \"%s\" is not allowed to modify taints", node);
        return STEP_FAIL;
    }
    return check_labels(request, node);
}

enum step_result check_pod_status(struct request *request)
{
    const char *node = rbac_node_name(&request->user);
    const json_t *now = json_at(request->object, "metadata", "labels"),
                 *old = json_at(request->old, "metadata", "labels");
    bool same = json_object_size(now) == 0 ? json_object_size(old) == 0 : json_equal(now, old);
    if (!node || same)
        return STEP_NEXT;
    error_forbidden(&request->error, "pods", meta_name(request->object),
                    "node \"%s\" cannot update labels through pod status", node);
    return STEP_FAIL;
}

static enum step_result refuse_token(struct request *request, const char *why)
{
    error_forbidden(&request->error, "serviceaccounts", request->route.name, "%s", why);
    return STEP_FAIL;
}

/* A node has tokens for its own Pods alone. */
enum step_result check_node_token(struct request *request)
{
    const char *node = rbac_node_name(&request->user);
    const json_t *ref = json_at(request->object, "spec", "boundObjectRef");
    const char *name = json_text(ref, "name"), *uid = json_text(ref, "uid");
    CLEANUP(object_unref_ptr) struct object *pod = NULL;
    if (!node)
        return STEP_NEXT;
    if (!text_eq(json_text(ref, "apiVersion"), "v1") || !text_eq(json_text(ref, "kind"), "Pod") ||
        !name || !*name)
        return refuse_token(request, "node requested token not bound to a pod");
    if (!uid || !*uid)
        return refuse_token(request, "node requested token with a pod binding without a uid");
    enum step_result result = request_read(request, "pods", request_ns(request), name, &pod);
    if (result != STEP_NEXT)
        return result;
    if (!pod) {
        error_not_found(&request->error, "pods", name);
        return STEP_FAIL;
    }
    if (strcmp(pod->uid, uid) != 0) {
        CLEANUP(free_ptr)
        char *why =
            xasprintf("the UID in the bound object reference (%s) does not match the UID in "
                      "record (%s). The object might have been deleted and then recreated",
                      uid, pod->uid);
        return refuse_token(request, why);
    }
    if (strcmp(object_field(pod, "spec.nodeName"), node) != 0)
        return refuse_token(request,
                            "node requested token bound to a pod scheduled on a different node");
    return STEP_NEXT;
}
