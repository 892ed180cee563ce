/* APIServices that stand for CustomResourceDefinitions: one for each group version that is served.
 */
#include <string.h>

#include "controllers/api_service.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "schema/api_service.h"
#include "schema/crd.h"
#include "schema/meta.h"

/* ---- deciding ---- */

static bool is_managed(const json_t *api_service)
{
    const char *value = json_text(api_service, "metadata", "labels", API_SERVICE_MANAGED);
    return value && strcmp(value, "true") == 0;
}

void registration_decide(const struct registration_seen *seen, struct plan *plan)
{
    json_auto_t *want = api_service_custom(seen->group, seen->version);
    if (!seen->api_service) {
        if (seen->served)
            plan_create(plan, API_SERVICES, "", json_incref(want))->flags |= PLAN_EXISTS_OK;
        return;
    }
    if (!is_managed(seen->api_service)) /* somebody's own: theirs to keep */
        return;
    if (!seen->served) {
        plan_delete(plan, API_SERVICES, seen->api_service)->flags |= PLAN_ABSENT_OK;
        return;
    }
    const json_t *spec = json_object_get(want, "spec");
    if (semantic_equal(json_object_get(seen->api_service, "spec"), spec))
        return;
    json_t *changed = json_deep_copy(seen->api_service);
    json_object_set_new(changed, "spec", json_deep_copy(spec));
    plan_update(plan, API_SERVICES, "", changed)->flags |= PLAN_ABSENT_OK;
}

/* ---- observing ---- */

static bool serves(const json_t *definition, const char *group, const char *version)
{
    const json_t *item;
    size_t i;
    if (!text_eq(json_text(definition, "spec", "group"), group))
        return false;
    json_array_foreach (json_at(definition, "spec", "versions"), i, item)
        if (text_eq(json_text(item, "name"), version) &&
            json_is_true(json_object_get(item, "served")))
            return true;
    return false;
}

/* Only definitions of the group are parsed: they are named PLURAL.GROUP. */
static bool is_served(struct cluster *cluster, const char *group, const char *version, bool *served,
                      struct error *err)
{
    struct object_list list = {0};
    CLEANUP(free_ptr) char *suffix = xasprintf(".%s", group);
    *served = false;
    if (!cache_list(cluster, store_intern(CRD_STORAGE), NULL, &list, err))
        return false;
    for (size_t i = 0; i < list.count && !*served; i++) {
        if (!text_ends(list.items[i]->name, suffix))
            continue;
        json_auto_t *definition = object_json(list.items[i]);
        *served = serves(definition, group, version);
    }
    object_list_free(&list);
    return true;
}

static enum reconcile_result reconcile_registration(void *arg, struct reconcile *reconcile,
                                                    int64_t *again_ms, struct error *err)
{
    json_auto_t *api_service = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(free_ptr) char *version = xstrdup(reconcile->name);
    char *group = strchr(version, '.');
    (void)arg, (void)again_ms;
    if (!group)
        return RECONCILE_DONE;
    *group++ = '\0';
    struct registration_seen seen = {.group = group, .version = version};
    if (group_version_find(group, version))
        return RECONCILE_DONE;
    if (!observe_get(reconcile->cluster, API_SERVICES, "", reconcile->name, &api_service, err) ||
        !is_served(reconcile->cluster, group, version, &seen.served, err))
        return RECONCILE_RETRY;
    seen.api_service = api_service;
    registration_decide(&seen, &plan);
    return plan_apply(&reconcile->caller, &plan, NULL, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

static void map_versions(const struct object *object, void (*add)(void *arg, const char *key),
                         void *arg)
{
    json_auto_t *definition = object_json(object);
    const char *group = json_text(definition, "spec", "group");
    const json_t *item;
    size_t i;
    json_array_foreach (json_at(definition, "spec", "versions"), i, item) {
        const char *version = json_text(item, "name");
        CLEANUP(free_ptr) char *key = group && version ? api_service_name(group, version) : NULL;
        if (key)
            add(arg, key);
    }
}

static void map_definition(struct cluster *cluster, const struct object *object,
                           const struct object *before, void (*add)(void *arg, const char *key),
                           void *arg)
{
    (void)cluster;
    map_versions(object, add, arg);
    if (before)
        map_versions(before, add, arg);
}

static const struct controller_source sources[] = {
    {API_SERVICES, NULL}, {CRD_STORAGE, map_definition}, {NULL, NULL}};

const struct controller registration_controller = {
    .name = "crd-autoregister",
    .user = "system:apiserver",
    .is_master = true,
    .sources = sources,
    .reconcile = reconcile_registration,
};
