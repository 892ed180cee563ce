#include "controllers/serviceaccount.h"

#include <string.h>

#include "controllers/controller.h"
#include "controllers/observe.h"
#include "schema/meta.h"

void serviceaccount_decide(const struct serviceaccount_seen *seen, struct plan *plan)
{
    const char *ns = meta_name(seen->namespace);
    if (seen->account || meta_deleting(seen->namespace))
        return;
    json_t *account = json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind",
                                "ServiceAccount", "metadata", "name", "default", "namespace", ns);
    plan_create(plan, "serviceaccounts", ns, account)->flags = PLAN_EXISTS_OK;
}

static enum reconcile_result reconcile_serviceaccount(void *arg, struct reconcile *reconcile,
                                                      int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *namespace = NULL, *account = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "namespaces", "", reconcile->name, &namespace, err) ||
        !observe_get(reconcile->cluster, "serviceaccounts", reconcile->name, "default", &account,
                     err))
        return RECONCILE_RETRY;
    if (namespace)
        serviceaccount_decide(&(struct serviceaccount_seen){namespace, account}, &plan);
    return plan_apply(&reconcile->caller, &plan, NULL, err) || error_is_terminating(err)
               ? RECONCILE_DONE
               : RECONCILE_RETRY;
}

static void map_account(struct cluster *cluster, const struct object *account,
                        const struct object *before, void (*add)(void *arg, const char *key),
                        void *arg)
{
    (void)cluster;
    (void)before;
    if (strcmp(account->name, "default") == 0)
        add(arg, account->ns);
}

static const struct controller_source sources[] = {
    {"namespaces", NULL}, {"serviceaccounts", map_account}, {NULL, NULL}};

const struct controller serviceaccount_controller = {
    .name = "service-account-controller",
    .sources = sources,
    .reconcile = reconcile_serviceaccount,
};
