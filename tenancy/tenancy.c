/* Hangs tenancy's hooks and its controller into the server. */
#include "tenancy/tenancy.h"

#include "quota/quota.h"
#include "store/cache.h"
#include "tenancy/tenancy_internal.h"

struct row { /* what the frame and the hooks borrow for life */
    struct tenancy tenancy;
    struct controller controllers[2];
};

static void add_hook(struct tenancy *tenancy, const struct api_hook *hook)
{
    struct api_hook own = *hook;
    own.arg = tenancy;
    api_hook_add(tenancy->api, &own);
}

struct tenancy *tenancy_new(const struct tenancy_options *options)
{
    struct row *row = xcalloc(1, sizeof(*row));
    struct tenancy *tenancy = &row->tenancy;
    tenancy->api = options->api;
    tenancy->controllers = options->controllers;
    tenancy->vcluster = options->vcluster;
    tenancy->host = store_cluster_by_id(api_store(options->api), CLUSTER_HOST_ID);
    tenancy->domain = options->domain ? xstrdup(options->domain) : NULL;
    user_internal(&tenancy->user, TENANCY_USER, true);
    quota_set_plan_source(plan_limits, tenancy);
    store_listen(api_store(options->api), plan_changed, tenancy);
    add_hook(tenancy, &tenant_hook);
    add_hook(tenancy, &plan_hook);
    const struct controller *const all[] = {&tenant_controller, &refresh_controller};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        row->controllers[i] = *all[i];
        row->controllers[i].arg = tenancy;
        controllers_add(options->controllers, &row->controllers[i]);
    }
    controllers_when_on_duty(options->controllers, tenant_take, tenancy);
    controllers_when_on_duty(options->controllers, refresh_take, tenancy);
    return tenancy;
}

void tenancy_free(struct tenancy *tenancy)
{
    if (!tenancy)
        return;
    store_listen(tenancy->host->store, NULL, tenancy);
    quota_set_plan_source(NULL, NULL);
    cluster_unref(tenancy->host);
    user_clear(&tenancy->user);
    free(tenancy->domain);
    free(tenancy); /* the row begins with it */
}
