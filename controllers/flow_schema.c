#include "controllers/flow_schema.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/observe.h"
#include "schema/condition.h"
#include "schema/meta.h"

#define SCHEMAS "flowschemas.flowcontrol.apiserver.k8s.io"
#define LEVELS  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"

/* ---- decide ---- */

/* Source: upstream util/flowcontrol, presyncFlowSchemaStatus: any difference is a transition. */
void flow_schema_decide(const json_t *flow_schema, bool found, int64_t now_us, struct plan *plan)
{
    const char *level = json_text(flow_schema, "spec", "priorityLevelConfiguration", "name");
    CLEANUP(free_ptr)
    char *message = xasprintf(
        "This FlowSchema references the PriorityLevelConfiguration object named \"%s\" %s", level,
        found ? "and it exists" : "but there is no such object");
    const struct condition want = {"Dangling", found ? "False" : "True",
                                   found ? "Found" : "NotFound", message};
    const json_t *status = json_object_get(flow_schema, "status");
    const json_t *told = condition_find(json_object_get(status, "conditions"), want.type);
    if (text_eq(json_text(told, "status"), want.status) &&
        text_eq(json_text(told, "reason"), want.reason) &&
        text_eq(json_text(told, "message"), message))
        return;
    json_t *now = json_is_object(status) ? json_deep_copy(status) : json_object();
    json_t *conditions = json_ensure_array(now, "conditions");
    (void)condition_remove(conditions, want.type); /* there may be none */
    (void)condition_set(conditions, &want, now_us, false);
    plan_status(plan, SCHEMAS, flow_schema, now)->flags |= PLAN_ABSENT_OK;
}

/* ---- observe ---- */

static enum reconcile_result reconcile_flow_schema(void *arg, struct reconcile *reconcile,
                                                   int64_t *again_ms, struct error *err)
{
    json_auto_t *flow_schema = NULL;
    CLEANUP(object_unref_ptr) struct object *level = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    (void)arg;
    if (!observe_get(reconcile->cluster, SCHEMAS, "", reconcile->name, &flow_schema, err))
        return RECONCILE_RETRY;
    const char *named = json_text(flow_schema, "spec", "priorityLevelConfiguration", "name");
    if (!named || meta_deleting(flow_schema))
        return RECONCILE_DONE;
    if (!cache_get(reconcile->cluster, LEVELS, "", named, &level, err))
        return RECONCILE_RETRY;
    flow_schema_decide(flow_schema, level != NULL, reconcile->now_us, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

/* What a cluster is born with says already how it is: a new cluster costs nothing here. */
static bool is_of_birth(const struct object *object, const struct object *before)
{
    static const char word[] = "\"apf.kubernetes.io/autoupdate-spec\"";
    return !before && memmem(object->body.data, object->body.len, word, sizeof(word) - 1);
}

static void map_schema(struct cluster *cluster, const struct object *object,
                       const struct object *before, void (*add)(void *arg, const char *key),
                       void *arg)
{
    (void)cluster;
    if (!is_of_birth(object, before))
        add(arg, object->name);
}

/* Of the schemas, those that have its name in them look again. */
static void map_level(struct cluster *cluster, const struct object *object,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg)
{
    CLEANUP(object_list_free) struct object_list schemas = {0};
    if (is_of_birth(object, before))
        return;
    if (cache_list_peek(cluster, SCHEMAS, &(struct cache_range){0}, &schemas) != CACHE_LIST_OK) {
        add(arg, "*");
        return;
    }
    for (size_t i = 0; i < schemas.count; i++) {
        const struct object *one = schemas.items[i];
        if (memmem(one->body.data, one->body.len, object->name, strlen(object->name)))
            add(arg, one->name);
    }
}

static const struct controller_source sources[] = {
    {SCHEMAS, map_schema}, {LEVELS, map_level}, {NULL, NULL}};

const struct controller flow_schema_controller = {
    .name = "priority-and-fairness-config-consumer",
    .sources = sources,
    .is_master = true,
    .reconcile = reconcile_flow_schema,
};
