/* What a write of a Tenant means: creation makes the cluster, changes reach it at once, deletion
 * waits for the controller. */
#include <string.h>

#include "auth/auth.h"
#include "base/json.h"
#include "schema/meta.h"
#include "store/cache.h"
#include "tenancy/tenancy_internal.h"

#define KUBECONFIG_VALID_S (365 * INT64_C(86400))

static const char *const reserved_names[] = {
    "admin", "api", "console", "default", "host", "kubernetes", "localhost", "system", "warren"};

enum cluster_state tenant_state(const json_t *tenant)
{
    if (meta_deleting(tenant))
        return CLUSTER_DELETING;
    return json_bool_or(json_at(tenant, "spec", "suspended"), false) ? CLUSTER_SUSPENDED
                                                                     : CLUSTER_ACTIVE;
}

const char *tenant_phase(const json_t *tenant)
{
    static const char *const phases[] = {[CLUSTER_ACTIVE] = "Active",
                                         [CLUSTER_SUSPENDED] = "Suspended",
                                         [CLUSTER_DELETING] = "Deleting"};
    return phases[tenant_state(tenant)];
}

bool tenant_read(struct tenancy *tenancy, const char *name, json_t **tenant, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    if (!cache_get(tenancy->host, TENANTS, "", name, &object, err))
        return false;
    *tenant = object ? object_json(object) : NULL;
    return true;
}

/* ---- validation ---- */

static void check_name(const char *name, struct error *err)
{
    const char *wrong = name_check_dns_label(name);
    if (wrong)
        error_add_invalid(err, "metadata.name", name, wrong);
    else if (strlen(name) > TENANT_NAME_MAX)
        error_add_cause(err, CAUSE_TOO_LONG, "metadata.name",
                        "Too long: may not be more than %d bytes", TENANT_NAME_MAX);
    for (size_t i = 0; i < ARRAY_LEN(reserved_names); i++)
        if (strcmp(reserved_names[i], name) == 0)
            error_add_invalid(err, "metadata.name", name, "is reserved");
    if (text_starts(name, "kube-"))
        error_add_invalid(err, "metadata.name", name, "must not begin with \"kube-\"");
}

static void check_tier(const json_t *object, const json_t *old, struct error *err)
{
    const char *tier = json_text(object, "spec", "tier") ?: "virtual";
    if (strcmp(tier, "virtual") != 0)
        error_add_cause(err, CAUSE_NOT_SUPPORTED, "spec.tier",
                        "Unsupported value: \"%s\": supported values: \"virtual\"", tier);
    else if (old && !text_eq(json_text(old, "spec", "tier") ?: "virtual", tier))
        error_add_invalid(err, "spec.tier", tier, "field is immutable");
}

static bool check_plan(struct tenancy *tenancy, const json_t *object, struct error *err)
{
    const char *name = json_text(object, "spec", "plan");
    CLEANUP(object_unref_ptr) struct object *plan = NULL;
    if (!cache_get(tenancy->host, PLANS, "", name, &plan, err))
        return false;
    if (!plan)
        error_add_cause(err, CAUSE_NOT_FOUND, "spec.plan", "Not found: \"%s\"", name);
    return true;
}

static bool validate(struct tenancy *tenancy, const json_t *object, const json_t *old,
                     struct error *err)
{
    struct error causes = {0};
    if (!old)
        check_name(meta_name(object), &causes);
    check_tier(object, old, &causes);
    plan_check_limits(json_at(object, "spec", "limits"), "spec.limits", &causes);
    if (!check_plan(tenancy, object, &causes)) {
        error_move(err, &causes);
        return false;
    }
    bool valid = error_seal_invalid(&causes, "Tenant", "tenancy.warren.dev", meta_name(object));
    if (!valid)
        error_move(err, &causes);
    return valid;
}

/* ---- before ---- */

static void ensure_finalizer(json_t *object)
{
    json_t *list = json_ensure_array(json_ensure_object(object, "metadata"), "finalizers");
    if (!json_array_has_text(list, TENANT_FINALIZER))
        json_array_append_new(list, json_string(TENANT_FINALIZER));
}

/* Out again when what follows fails: nobody has seen it. */
static void withdraw(struct cluster *cluster)
{
    CLEANUP(error_clear) struct error ignored = {0};
    if (!store_cluster_delete(cluster, &ignored))
        error_clear(&ignored); /* the next start finds it: tenant_look_at_start */
}

/* The cluster comes first and the Tenant after it, so that a Tenant that can be read always has a
 * cluster. */
static bool create_tenant(struct tenancy *tenancy, json_t *object, struct error *err)
{
    struct cluster *cluster = NULL;
    const char *name = meta_name(object);
    json_auto_t *there = NULL;
    if (!validate(tenancy, object, NULL, err) || !tenant_read(tenancy, name, &there, err))
        return false;
    if (there)
        return error_already_exists(err, TENANTS, name);
    if (!provision_cluster(tenancy, name, meta_uid(object), &cluster, err))
        return err->reason == ERROR_ALREADY_EXISTS
                   ? (error_clear(err), error_already_exists(err, TENANTS, name))
                   : false;
    CLEANUP(free_ptr) char *endpoint = api_url(tenancy->api, cluster);
    json_t *status = json_ensure_object(object, "status");
    json_set_text(status, "phase", tenant_phase(object));
    json_set_text(status, "endpoint", endpoint);
    json_set_text(status, "clusterUID", cluster->uid);
    ensure_finalizer(object);
    bool state_set = tenant_state(object) == CLUSTER_ACTIVE ||
                     store_cluster_set_state(cluster, tenant_state(object), err);
    if (!state_set)
        withdraw(cluster);
    cluster_unref(cluster);
    return state_set;
}

static bool is_ours(const struct api_caller *caller)
{
    return strcmp(caller->user->name, TENANCY_USER) == 0;
}

/* Status is ours. What was not active becomes so through "Pending": the controller has its Pods to
 * bring back first. */
static void keep_status(json_t *object, const json_t *old)
{
    const char *was = json_text(old, "status", "phase"), *phase = tenant_phase(object);
    json_t *status =
        json_at(old, "status") ? json_deep_copy(json_at(old, "status")) : json_object();
    if (strcmp(phase, "Active") == 0 && !text_eq(was, "Active"))
        phase = "Pending";
    json_set_text(status, "phase", phase);
    json_object_set_new(object, "status", status);
}

static bool update_tenant(struct tenancy *tenancy, const struct api_caller *caller, json_t *object,
                          const json_t *old, struct error *err)
{
    if (is_ours(caller))
        return true;
    if (!meta_deleting(object) && !validate(tenancy, object, old, err))
        return false;
    if (meta_has_finalizer(old, TENANT_FINALIZER))
        ensure_finalizer(object); /* it is the controller's to take away */
    keep_status(object, old);
    return true;
}

/* Only what the controller has emptied goes. */
static bool delete_tenant(struct tenancy *tenancy, const json_t *old, struct error *err)
{
    struct cluster *cluster = store_cluster(api_store(tenancy->api), meta_name(old));
    bool remains = cluster && strcmp(cluster->uid, meta_uid(old)) == 0;
    cluster_unref(cluster);
    return !remains || error_conflict(err, TENANTS, meta_name(old), "its cluster is still there");
}

static bool before_tenant(void *arg, const struct api_caller *caller, json_t *object,
                          const json_t *old, struct error *err)
{
    if (object && !json_text(object, "spec", "plan"))
        json_set_text(json_ensure_object(object, "spec"), "plan", PLAN_DEFAULT);
    if (!object)
        return delete_tenant(arg, old, err);
    return old ? update_tenant(arg, caller, object, old, err) : create_tenant(arg, object, err);
}

/* ---- after ---- */

static void after_tenant(void *arg, const struct api_caller *caller, const json_t *object,
                         const json_t *old)
{
    struct tenancy *tenancy = arg;
    CLEANUP(error_clear) struct error ignored = {0}; /* the controller does it again */
    (void)caller;
    if (!object || !old)
        return;
    struct cluster *cluster = store_cluster(api_store(tenancy->api), meta_name(object));
    if (!cluster)
        return;
    if (tenant_state(object) != atomic_load(&cluster->state) &&
        !store_cluster_set_state(cluster, tenant_state(object), &ignored))
        error_clear(&ignored);
    cluster_unref(cluster);
}

/* ---- tenants/NAME/kubeconfig ---- */

/* It is the host's certificate that a client sees at the host's address, else the cluster's own. */
static bool serving_ca(struct api *api, struct cluster *cluster, bool own_address, char **pem,
                       struct error *err)
{
    struct cluster *shown =
        own_address ? cluster_ref(cluster) : store_cluster_by_id(api_store(api), CLUSTER_HOST_ID);
    bool found = auth_ca_pem(shown, pem, err);
    cluster_unref(shown);
    return found;
}

bool tenancy_kubeconfig(struct api *api, struct cluster *cluster, const char *user,
                        const char *const *groups, int64_t valid_s, char **text, struct error *err)
{
    CLEANUP(keypair_clear) struct keypair client = {0};
    CLEANUP(free_ptr)
    char *url = api_url(api, cluster), *name = api_tls_server_name(api, cluster), *ca = NULL;
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    if (!auth_issue_client(cluster, user, groups, valid_s, &client, err) ||
        !serving_ca(api, cluster, !name, &ca, err))
        return false;
    kubeconfig_write(&out, &(struct kubeconfig){.context = cluster->name,
                                                .server = url,
                                                .tls_server_name = name,
                                                .ca_pem = ca,
                                                .client = &client});
    *text = buf_take(&out);
    return true;
}

static json_t *kubeconfig(struct tenancy *tenancy, const char *name, struct error *err)
{
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = NULL;
    json_auto_t *tenant = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    if (!tenant_read(tenancy, name, &tenant, err))
        return NULL;
    cluster = tenant ? store_cluster(api_store(tenancy->api), name) : NULL;
    if (!cluster || strcmp(cluster->uid, meta_uid(tenant)) != 0) {
        error_not_found(err, TENANTS, name);
        return NULL;
    }
    const char *const groups[] = {"system:masters", NULL};
    if (!tenancy_kubeconfig(tenancy->api, cluster, "kubernetes-admin", groups, KUBECONFIG_VALID_S,
                            &text, err))
        return NULL;
    return json_pack("{s:s, s:s, s:{s:s}, s:{s:s}}", "kind", "Tenant", "apiVersion",
                     "tenancy.warren.dev/v1", "metadata", "name", name, "status", "kubeconfig",
                     text);
}

static json_t *tenant_sub(void *arg, const struct api_caller *caller, const char *name,
                          const char *subresource, const json_t *body, struct error *err)
{
    (void)caller;
    (void)body;
    return strcmp(subresource, "kubeconfig") == 0 ? kubeconfig(arg, name, err) : NULL;
}

const struct api_hook tenant_hook = {
    .resource = TENANTS, .before = before_tenant, .after = after_tenant, .sub = tenant_sub};
