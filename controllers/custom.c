/* Deleted CustomResourceDefinitions: their objects go first, then the finalizer that held them, and
 * then others may have their names. Source: apiextensions-apiserver pkg/controller/finalizer,
 * pkg/controller/status. */
#include "controllers/custom.h"

#include "base/mem.h"
#include "schema/crd.h"
#include "schema/meta.h"
#include "store/store.h"

#define DELETES_MAX 200
#define AGAIN_MS    1000

void custom_decide(const struct custom_seen *seen, struct plan *plan)
{
    size_t count = 0;
    if (!meta_deleting(seen->definition) || !meta_has_finalizer(seen->definition, CRD_FINALIZER))
        return;
    if (!seen->objects->count) {
        json_t *finalizers = json_array(), *item;
        size_t i;
        json_array_foreach (json_at(seen->definition, "metadata", "finalizers"), i, item)
            if (!text_eq(json_string_value(item), CRD_FINALIZER))
                json_array_append(finalizers, item);
        plan_patch(plan, CRD_STORAGE, seen->definition,
                   json_pack("{s:{s:o}}", "metadata", "finalizers", finalizers))
            ->flags |= PLAN_ABSENT_OK;
        return;
    }
    for (size_t i = 0; i < seen->objects->count && count < DELETES_MAX; i++) {
        if (meta_deleting(seen->objects->items[i]))
            continue;
        plan_delete(plan, seen->resource, seen->objects->items[i])->flags |=
            PLAN_GO_ON | PLAN_ABSENT_OK;
        count++;
    }
    plan_again(plan, count ? 1 : AGAIN_MS);
}

/* A write is what has the server judge a definition's names, even one that says nothing. */
void custom_retry_names(const struct json_list *definitions, struct plan *plan)
{
    for (size_t i = 0; i < definitions->count; i++)
        if (!meta_deleting(definitions->items[i]) &&
            !crd_condition(definitions->items[i], "NamesAccepted"))
            plan_patch(plan, CRD_STORAGE, definitions->items[i], json_object())->flags |=
                PLAN_GO_ON | PLAN_ABSENT_OK;
}

static enum reconcile_result release_names(struct reconcile *reconcile, int64_t *again_ms,
                                           struct error *err)
{
    const struct observe_query query = {.resource = store_intern(CRD_STORAGE),
                                        .text = "Conflict\""}; /* the end of every reason */
    CLEANUP(json_list_free) struct json_list definitions = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_list(reconcile->cluster, &query, &definitions, err))
        return RECONCILE_RETRY;
    custom_retry_names(&definitions, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

static enum reconcile_result reconcile_custom(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *definition = NULL;
    CLEANUP(json_list_free) struct json_list objects = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, CRD_STORAGE, "", reconcile->name, &definition, err))
        return RECONCILE_RETRY;
    if (!definition)
        return release_names(reconcile, again_ms, err);
    if (!meta_deleting(definition))
        return RECONCILE_DONE;
    const struct observe_query query = {.resource = store_intern(reconcile->name)};
    bool owns = !resource_by_key(reconcile->name); /* what is built in keeps its objects */
    if (owns && !observe_list(reconcile->cluster, &query, &objects, err))
        return RECONCILE_RETRY;
    custom_decide(&(struct custom_seen){.definition = definition,
                                        .resource = query.resource,
                                        .objects = &objects},
                  &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

static const struct controller_source sources[] = {{CRD_STORAGE, NULL}, {NULL, NULL}};

const struct controller custom_controller = {
    .name = "customresourcedefinition-controller",
    .user = "system:serviceaccount:kube-system:generic-garbage-collector",
    .sources = sources,
    .reconcile = reconcile_custom,
};
