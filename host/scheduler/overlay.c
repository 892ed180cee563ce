#include "host/scheduler/overlay.h"

#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "host/pseudo_node.h"
#include "schema/meta.h"

#define HOSTNAME_LABEL "kubernetes.io/hostname"

/* Each Pod of the tenant's goes through all that it says of each node, while others' Pods wait. */
#define LABELS_MAX    256
#define TAINTS_MAX    64
#define RESOURCES_MAX 128

static bool says_too_much(const json_t *tenant_node)
{
    return json_object_size(json_at(tenant_node, "metadata", "labels")) > LABELS_MAX ||
           json_array_size(json_at(tenant_node, "spec", "taints")) > TAINTS_MAX ||
           json_object_size(json_at(tenant_node, "status", "allocatable")) > RESOURCES_MAX;
}

/* Names of nodes are translated on the way to the host, so the host's own is what is compared. */
static json_t *make_labels(const json_t *host, const json_t *tenant)
{
    const json_t *theirs = json_at(tenant, "metadata", "labels");
    json_t *labels = theirs ? json_deep_copy(theirs) : json_object();
    if (tenant && !json_object_get(labels, HOSTNAME_LABEL))
        return labels;
    json_set_text(labels, HOSTNAME_LABEL, meta_label(host, HOSTNAME_LABEL));
    for (size_t i = 0; !tenant && pseudo_node_labels[i]; i++)
        json_set_text(labels, pseudo_node_labels[i], meta_label(host, pseudo_node_labels[i]));
    return labels;
}

static bool has_taint(const json_t *taints, const json_t *taint)
{
    for (size_t i = 0; i < json_array_size(taints); i++) {
        const json_t *other = json_array_get(taints, i);
        if (text_eq(json_text(other, "key"), json_text(taint, "key")) &&
            text_eq(json_text(other, "effect"), json_text(taint, "effect")))
            return true;
    }
    return false;
}

/* Not a Node of the tenant's but what overlay_closed() made. */
static bool is_closed(const json_t *tenant_node)
{
    return json_object_get(tenant_node, "metadata") == NULL;
}

static json_t *make_spec(const json_t *host, const json_t *tenant)
{
    const json_t *spec = json_object_get(host, "spec"), *theirs = json_at(tenant, "spec", "taints");
    json_t *out = spec ? json_deep_copy(spec) : json_object();
    for (size_t i = 0; i < json_array_size(theirs); i++) {
        json_t *taint = json_copy(json_array_get(theirs, i));
        bool news = !has_taint(json_object_get(out, "taints"), taint);
        json_object_set_new(taint, OVERLAY_MARK, json_true());
        if (news)
            json_array_append(json_ensure_array(out, "taints"), taint);
        json_decref(taint);
    }
    if (json_is_true(json_at(tenant, "spec", "unschedulable")) &&
        !json_is_true(json_object_get(out, "unschedulable"))) {
        json_object_set_new(out, "unschedulable", json_true());
        json_object_set_new(out, OVERLAY_MARK, json_boolean(!is_closed(tenant)));
    }
    return out;
}

static int64_t used_by(const struct node_info *node, const char *tenant, const char *name)
{
    int64_t sum = 0;
    for (size_t i = 0; i < node->pod_count; i++) {
        int64_t more = sched_amounts_get(&node->pods[i]->requests, name);
        if (strcmp(node->pods[i]->tenant, tenant) == 0 && __builtin_add_overflow(sum, more, &sum))
            return INT64_MAX;
    }
    return sum;
}

/* What the host's node has is the host's to say. */
static void add_resources(struct node_info *node, const char *tenant, const json_t *tenant_node)
{
    const json_t *host = json_at(node->node, "status", "allocatable");
    const char *name;
    json_t *value;
    json_object_foreach (json_at(tenant_node, "status", "allocatable"), name, value) {
        struct quantity quantity;
        const char *text = json_string_value(value);
        if (!strchr(name, '/') || json_object_get(host, name) || !text ||
            !quantity_parse(str_of(text), &quantity))
            continue;
        sched_amounts_add(&node->allocatable, name, quantity_value(&quantity));
        sched_amounts_add(&node->requested, name,
                          used_by(node, tenant, name) - sched_amounts_get(&node->requested, name));
    }
}

static struct node_info *cover(const struct node_info *base, const char *tenant,
                               const json_t *tenant_node)
{
    struct node_info *node = node_info_copy(base);
    json_auto_t *closed = NULL;
    if (says_too_much(tenant_node))
        tenant_node = closed = overlay_closed();
    json_t *tree = json_object();
    json_object_set(tree, "metadata", json_object_get(base->node, "metadata"));
    json_object_set(tree, "status", json_object_get(base->node, "status"));
    json_t *meta = json_copy(json_object_get(tree, "metadata")); /* the name stays where it is */
    json_object_set_new(meta, "labels", make_labels(base->node, tenant_node));
    json_object_set_new(tree, "metadata", meta);
    json_object_set_new(tree, "spec", make_spec(base->node, tenant_node));
    json_decref(node->node);
    node->node = tree;
    node->name = meta_name(tree);
    add_resources(node, tenant, tenant_node);
    return node;
}

json_t *overlay_closed(void)
{
    return json_pack("{s:{s:b}}", "spec", "unschedulable", 1);
}

struct snapshot overlay_snapshot(const struct snapshot *base, const char *tenant,
                                 const json_t *nodes)
{
    struct snapshot out = *base;
    out.nodes = xcalloc(base->node_count + 1, sizeof(struct node_info *));
    for (size_t i = 0; i < base->node_count; i++)
        out.nodes[i] = cover(base->nodes[i], tenant, json_object_get(nodes, base->nodes[i]->name));
    return out;
}

void overlay_clear(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->node_count; i++)
        node_info_free(snapshot->nodes[i]);
    free(snapshot->nodes);
    *snapshot = (struct snapshot){0};
}
