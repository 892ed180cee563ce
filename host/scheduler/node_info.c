#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "host/scheduler/framework.h"
#include "schema/meta.h"
#include "base/quantity.h"

struct node_info *node_info_new(json_t *node, int64_t revision)
{
    struct node_info *info = xcalloc(1, sizeof(*info));
    const char *name;
    json_t *value, *list = json_at(node, "status", "allocatable");
    if (!list)
        list = json_at(node, "status", "capacity");
    info->node = node;
    info->name = meta_name(node);
    info->revision = revision;
    json_object_foreach (list, name, value) {
        struct quantity quantity;
        const char *text = json_string_value(value);
        if (text && quantity_parse(str_of(text), &quantity))
            sched_amounts_add(&info->allocatable, name,
                              strcmp(name, "cpu") == 0 ? quantity_milli(&quantity)
                                                       : quantity_value(&quantity));
    }
    return info;
}

void node_info_free(struct node_info *info)
{
    if (!info)
        return;
    sched_amounts_free(&info->allocatable);
    sched_amounts_free(&info->requested);
    sched_amounts_free(&info->scored);
    free(info->pods);
    json_decref(info->node);
    free(info);
}

static void copy_amounts(struct amounts *to, const struct amounts *from)
{
    for (size_t i = 0; i < from->count; i++)
        sched_amounts_add(to, from->items[i].name, from->items[i].value);
}

struct node_info *node_info_copy(const struct node_info *node)
{
    struct node_info *copy = xcalloc(1, sizeof(*copy));
    copy->node = json_incref(node->node);
    copy->name = node->name;
    copy->revision = node->revision;
    copy_amounts(&copy->allocatable, &node->allocatable);
    copy_amounts(&copy->requested, &node->requested);
    copy_amounts(&copy->scored, &node->scored);
    copy->pods = xcalloc(node->pod_count + 1, sizeof(struct pod_info *));
    copy->pod_capacity = node->pod_count + 1;
    copy->pod_count = node->pod_count;
    for (size_t i = 0; i < node->pod_count; i++)
        copy->pods[i] = node->pods[i];
    return copy;
}

static void count(struct node_info *node, const struct pod_info *pod, int64_t sign)
{
    for (size_t i = 0; i < pod->requests.count; i++)
        sched_amounts_add(&node->requested, pod->requests.items[i].name,
                          sign * pod->requests.items[i].value);
    for (size_t i = 0; i < pod->scored.count; i++)
        sched_amounts_add(&node->scored, pod->scored.items[i].name,
                          sign * pod->scored.items[i].value);
}

void node_info_add_pod(struct node_info *node, struct pod_info *pod)
{
    if (node->pod_count == node->pod_capacity) {
        node->pod_capacity = node->pod_capacity ? node->pod_capacity * 2 : 8;
        node->pods = xreallocarray(node->pods, node->pod_capacity, sizeof(struct pod_info *));
    }
    node->pods[node->pod_count++] = pod;
    count(node, pod, 1);
}

void node_info_remove_pod(struct node_info *node, struct pod_info *pod)
{
    for (size_t i = 0; i < node->pod_count; i++)
        if (node->pods[i] == pod) {
            node->pods[i] = node->pods[--node->pod_count];
            count(node, pod, -1);
            return;
        }
}
