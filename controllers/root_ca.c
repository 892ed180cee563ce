#include "controllers/root_ca.h"

#include <string.h>

#include "auth/auth.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "schema/meta.h"

#define CONFIG_MAP "kube-root-ca.crt"
#define DESCRIPTION                                                                                \
    "The certificate authority of this cluster's API server, for clients inside Pods."

static void decide_create(const struct root_ca_seen *seen, struct plan *plan)
{
    const char *ns = meta_name(seen->namespace);
    json_t *map =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1", "kind",
                  "ConfigMap", "metadata", "name", CONFIG_MAP, "namespace", ns, "annotations",
                  "kubernetes.io/description", DESCRIPTION, "data", "ca.crt", seen->ca_pem);
    plan_create(plan, "configmaps", ns, map)->flags = PLAN_EXISTS_OK;
}

void root_ca_decide(const struct root_ca_seen *seen, struct plan *plan)
{
    if (meta_deleting(seen->namespace))
        return;
    if (!seen->config_map) {
        decide_create(seen, plan);
        return;
    }
    json_auto_t *data = json_pack("{s:s}", "ca.crt", seen->ca_pem);
    if (json_equal(data, json_object_get(seen->config_map, "data")))
        return;
    json_t *map = json_deep_copy(seen->config_map);
    json_object_set(map, "data", data);
    meta_set_annotation(map, "kubernetes.io/description", DESCRIPTION);
    plan_update(plan, "configmaps", "", map)->flags = PLAN_ABSENT_OK;
}

static enum reconcile_result reconcile_root_ca(void *arg, struct reconcile *reconcile,
                                               int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *namespace = NULL, *map = NULL;
    CLEANUP(free_ptr) char *pem = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "namespaces", "", reconcile->name, &namespace, err) ||
        !observe_get(reconcile->cluster, "configmaps", reconcile->name, CONFIG_MAP, &map, err))
        return RECONCILE_RETRY;
    if (!namespace)
        return RECONCILE_DONE;
    if (!auth_ca_pem(reconcile->cluster, &pem, err))
        return RECONCILE_RETRY;
    root_ca_decide(&(struct root_ca_seen){namespace, map, pem}, &plan);
    return plan_apply(&reconcile->caller, &plan, NULL, err) || error_is_terminating(err)
               ? RECONCILE_DONE
               : RECONCILE_RETRY;
}

static void map_config_map(struct cluster *cluster, const struct object *map,
                           const struct object *before, void (*add)(void *arg, const char *key),
                           void *arg)
{
    (void)cluster;
    (void)before;
    if (strcmp(map->name, CONFIG_MAP) == 0)
        add(arg, map->ns);
}

static const struct controller_source sources[] = {
    {"namespaces", NULL}, {"configmaps", map_config_map}, {NULL, NULL}};

const struct controller root_ca_controller = {
    .name = "root-ca-cert-publisher",
    .sources = sources,
    .reconcile = reconcile_root_ca,
};
