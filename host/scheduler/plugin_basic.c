/* host/scheduler/plugin_basic.c: PrioritySort, NodeUnschedulable, NodeName, NodePorts,
 * ImageLocality. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "host/scheduler/framework.h"
#include "host/scheduler/overlay.h"

static bool by_priority(const struct pod_info *a, const struct pod_info *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (a->created_us != b->created_us)
        return a->created_us < b->created_us;
    return strcmp(a->uid, b->uid) < 0;
}

const struct plugin plugin_priority_sort = {.name = "PrioritySort", .less = by_priority};

static void filter_unschedulable(const struct cycle *cycle, void *state,
                                 const struct node_info *node, struct filter_status *status)
{
    (void)state;
    if (!json_is_true(json_at(node->node, "spec", "unschedulable")))
        return;
    json_auto_t *taint = json_pack("{s:s, s:s, s:b}", "key", "node.kubernetes.io/unschedulable",
                                   "effect", "NoSchedule", OVERLAY_MARK,
                                   json_is_true(json_at(node->node, "spec", OVERLAY_MARK)));
    if (!pod_info_tolerates(cycle->pod, taint))
        filter_refuse(status, FILTER_UNRESOLVED, "node(s) were unschedulable");
}

const struct plugin plugin_node_unschedulable = {.name = "NodeUnschedulable",
                                                 .filter = filter_unschedulable};

static void filter_name(const struct cycle *cycle, void *state, const struct node_info *node,
                        struct filter_status *status)
{
    (void)state;
    if (cycle->pod->node[0] && strcmp(cycle->pod->node, node->name) != 0)
        filter_refuse(status, FILTER_UNRESOLVED, "node(s) didn't match the requested node name");
}

const struct plugin plugin_node_name = {.name = "NodeName", .filter = filter_name};

static bool ports_taken(const struct pod_info *pod, const struct node_info *node)
{
    for (size_t i = 0; i < node->pod_count; i++)
        if (host_ports_clash(pod->ports, pod->port_count, node->pods[i]->ports,
                             node->pods[i]->port_count))
            return true;
    return false;
}

static void filter_ports(const struct cycle *cycle, void *state, const struct node_info *node,
                         struct filter_status *status)
{
    (void)state;
    if (ports_taken(cycle->pod, node))
        filter_refuse(status, FILTER_NO,
                      "node(s) didn't have free ports for the requested pod ports");
}

const struct plugin plugin_node_ports = {.name = "NodePorts", .filter = filter_ports};

/* ---- ImageLocality: nodes that have the Pod's images, by size, damped by how few nodes have them
 * ---- */

#define IMAGE_BYTES_MIN ((int64_t)23 * 1024 * 1024)
#define IMAGE_BYTES_MAX ((int64_t)1000 * 1024 * 1024) /* a container */

static char *image_name(const char *image)
{
    const char *slash = strrchr(image, '/'), *last = slash ? slash : image;
    return strchr(last, ':') || strchr(image, '@') ? xstrdup(image) : xasprintf("%s:latest", image);
}

static int64_t image_size(const struct node_info *node, const char *name)
{
    const json_t *images = json_at(node->node, "status", "images");
    for (size_t i = 0; i < json_array_size(images); i++) {
        const json_t *image = json_array_get(images, i);
        if (json_array_has_text(json_object_get(image, "names"), name))
            return json_int_or(json_object_get(image, "sizeBytes"), 0);
    }
    return 0;
}

static int64_t image_score(const struct cycle *cycle, const struct node_info *node,
                           const char *name)
{
    const struct snapshot *snapshot = cycle->snapshot;
    int64_t size = image_size(node, name), having = 0;
    for (size_t i = 0; size && i < snapshot->node_count; i++)
        having += image_size(snapshot->nodes[i], name) > 0;
    return size ? size / (int64_t)snapshot->node_count * having : 0;
}

static int64_t score_images(const struct cycle *cycle, void *state, const struct node_info *node)
{
    const json_t *containers = json_at(cycle->pod->pod, "spec", "containers");
    int64_t sum = 0, most = IMAGE_BYTES_MAX * (int64_t)json_array_size(containers);
    (void)state;
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const char *image = json_text(json_array_get(containers, i), "image");
        CLEANUP(free_ptr) char *name = image ? image_name(image) : NULL;
        sum += name ? image_score(cycle, node, name) : 0;
    }
    sum = sum < IMAGE_BYTES_MIN ? IMAGE_BYTES_MIN : sum > most ? most : sum;
    return most > IMAGE_BYTES_MIN ? SCORE_MAX * (sum - IMAGE_BYTES_MIN) / (most - IMAGE_BYTES_MIN)
                                  : 0;
}

const struct plugin plugin_image_locality = {
    .name = "ImageLocality", .weight = 1, .score = score_images};
