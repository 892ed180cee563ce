#include "controllers/node_ttl.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "store/cache.h"

#define NODES "nodes"
#define KEY   "ttl" /* one key a cluster: the time depends on how many nodes there are */

static const struct step {
    size_t nodes_min, nodes_max;
    const char *seconds;
} steps[] = {
    {0, 100, "0"}, {90, 500, "15"}, {450, 1000, "30"}, {900, 2000, "60"}, {1800, SIZE_MAX, "300"},
};

static const struct step *step_told(struct str seconds)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (str_is(seconds, steps[i].seconds))
            return &steps[i];
    return NULL;
}

static const struct step *find_step(const struct node_ttl_seen *nodes, size_t count)
{
    const struct step *step = NULL;
    for (size_t i = 0; i < count && !step; i++)
        step = step_told(nodes[i].told);
    step = step ? step : steps;
    while (count > step->nodes_max)
        step++;
    while (count < step->nodes_min)
        step--;
    return step;
}

void node_ttl_decide(const struct node_ttl_seen *nodes, size_t count, struct plan *plan)
{
    const struct step *step = find_step(nodes, count);
    for (size_t i = 0; i < count; i++) {
        if (str_is(nodes[i].told, step->seconds))
            continue;
        json_auto_t *node = json_pack("{s:{s:s}}", "metadata", "name", nodes[i].name);
        plan_patch(plan, NODES, node,
                   json_pack("{s:{s:{s:s}}}", "metadata", "annotations", NODE_TTL_ANNOTATION,
                             step->seconds));
    }
}

/* The annotation as it is written; empty without. */
static struct str told(const struct object *node)
{
    static const char mark[] = "\"" NODE_TTL_ANNOTATION "\":\"";
    const char *at = memmem(node->body.data, node->body.len, mark, sizeof(mark) - 1);
    if (!at)
        return (struct str){0};
    at += sizeof(mark) - 1;
    const char *end = memchr(at, '"', node->body.len - (size_t)(at - node->body.data));
    return (struct str){at, end ? (size_t)(end - at) : 0};
}

static enum reconcile_result reconcile_ttl(void *arg, struct reconcile *reconcile,
                                           int64_t *again_ms, struct error *err)
{
    (void)arg;
    CLEANUP(object_list_free) struct object_list list = {0};
    CLEANUP(free_ptr) struct node_ttl_seen *nodes = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!cache_list(reconcile->cluster, NODES, NULL, &list, err))
        return RECONCILE_RETRY;
    nodes = xcalloc(list.count + 1, sizeof(*nodes));
    for (size_t i = 0; i < list.count; i++)
        nodes[i] = (struct node_ttl_seen){list.items[i]->name, told(list.items[i])};
    node_ttl_decide(nodes, list.count, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

/* A new node, or one whose time was changed; heartbeats tell nothing. */
static void map_node(struct cluster *cluster, const struct object *node,
                     const struct object *before, void (*add)(void *arg, const char *key),
                     void *arg)
{
    (void)cluster;
    if (!before || !str_eq(told(node), told(before)))
        add(arg, KEY);
}

static void on_change(void *arg, struct cluster *cluster, enum event_type type,
                      const struct object *object, const struct object *before,
                      void (*add)(void *add_arg, const char *key), void *add_arg)
{
    (void)arg;
    (void)cluster;
    (void)before;
    if (type == EVENT_DELETED && strcmp(object->resource, NODES) == 0)
        add(add_arg, KEY);
}

static const struct controller_source sources[] = {{NODES, map_node}, {NULL, NULL}};

const struct controller node_ttl_controller = {
    .name = "ttl-controller",
    .sources = sources,
    .reconcile = reconcile_ttl,
    .changed = on_change,
};
