/* Whether the server behind an APIService is there. It is asked on a thread of the API server's
 * (api_probe_service), so that one that hangs holds up nobody here. */
#include "controllers/api_service.h"

#include <string.h>

#include "auth/auth.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "schema/api_service.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define CHECK_MS   30000 /* upstream's resync */
#define PENDING_MS 250
#define FAILED_MS  5000
#define CONFIG_NS  "kube-system"
#define CONFIG     "extension-apiserver-authentication"

/* ---- deciding ---- */

struct verdict {
    const char *status, *reason;
    char *message; /* owned */
};

static const json_t *reference(const struct availability_seen *seen)
{
    return json_at(seen->api_service, "spec", "service");
}

static bool is_cluster_ip(const json_t *service)
{
    const char *type = json_text(service, "spec", "type");
    return !type || strcmp(type, "ClusterIP") == 0;
}

/* The name of the Service's port with that number; NULL when it has none. */
static const char *port_name(const json_t *service, json_int_t number)
{
    const json_t *port;
    size_t i;
    json_array_foreach (json_at(service, "spec", "ports"), i, port) {
        const char *name = json_text(port, "name");
        if (json_integer_value(json_object_get(port, "port")) == number)
            return name ? name : "";
    }
    return NULL;
}

static bool has_addresses(const json_t *endpoints, const char *name)
{
    const json_t *subset, *port;
    size_t i, k;
    json_array_foreach (json_object_get(endpoints, "subsets"), i, subset) {
        if (!json_array_size(json_object_get(subset, "addresses")))
            continue;
        json_array_foreach (json_object_get(subset, "ports"), k, port) {
            const char *own = json_text(port, "name");
            if (strcmp(own ? own : "", name) == 0)
                return true;
        }
    }
    return false;
}

/* What is wrong before its server is asked; reason NULL: nothing. */
static struct verdict check_objects(const struct availability_seen *seen)
{
    const json_t *wanted = reference(seen);
    const char *name = json_text(wanted, "name"), *ns = json_text(wanted, "namespace");
    json_int_t port = json_integer_value(json_object_get(wanted, "port"));
    if (!seen->service)
        return (struct verdict){"False", "ServiceNotFound",
                                xasprintf("service/%s in \"%s\" is not present", name, ns)};
    if (!is_cluster_ip(seen->service))
        return (struct verdict){0};
    const char *own = port_name(seen->service, port);
    if (!own)
        return (struct verdict){"False", "ServicePortError",
                                xasprintf("service/%s in \"%s\" is not listening on port %lld",
                                          name, ns, (long long)port)};
    if (!seen->endpoints)
        return (struct verdict){
            "False", "EndpointsNotFound",
            xasprintf("cannot find endpoints for service/%s in \"%s\"", name, ns)};
    if (!has_addresses(seen->endpoints, own))
        return (struct verdict){
            "False", "MissingEndpoints",
            xasprintf("endpoints for service/%s in \"%s\" have no addresses with port name \"%s\"",
                      name, ns, own)};
    return (struct verdict){0};
}

bool availability_wants_probe(const struct availability_seen *seen)
{
    struct verdict verdict = check_objects(seen);
    bool wants = reference(seen) && !verdict.reason;
    free(verdict.message);
    return wants;
}

static struct verdict decide(const struct availability_seen *seen)
{
    if (!json_is_object(reference(seen)))
        return (struct verdict){"True", "Local", xstrdup("Local APIServices are always available")};
    struct verdict verdict = check_objects(seen);
    if (verdict.reason || seen->probe == API_PROBE_PENDING)
        return verdict;
    if (seen->probe == API_PROBE_PASSED)
        return (struct verdict){"True", "Passed", xstrdup("all checks passed")};
    return (struct verdict){"False", "FailedDiscoveryCheck", xstrdup(seen->problem)};
}

/* As upstream's SetAPIServiceCondition. */
static void set_condition(json_t *status, const struct verdict *verdict, int64_t now_us)
{
    json_t *conditions = json_ensure_array(status, "conditions");
    const json_t *old = condition_find(conditions, "Available");
    json_t *since = text_eq(json_text(old, "status"), verdict->status)
                        ? json_incref(json_object_get(old, "lastTransitionTime"))
                        : NULL;
    if (!since)
        since = json_time(now_us);
    (void)condition_remove(conditions, "Available");
    json_array_append_new(conditions,
                          json_pack("{s:s, s:s, s:o, s:s, s:s}", "type", "Available", "status",
                                    verdict->status, "lastTransitionTime", since, "reason",
                                    verdict->reason, "message", verdict->message));
}

void availability_decide(const struct availability_seen *seen, struct plan *plan)
{
    struct verdict verdict = decide(seen);
    const json_t *old =
        condition_find(json_at(seen->api_service, "status", "conditions"), "Available");
    bool passed = text_eq(verdict.reason, "Passed"), local = text_eq(verdict.reason, "Local");
    bool known = text_eq(json_text(old, "status"), verdict.status) &&
                 text_eq(json_text(old, "reason"), verdict.reason) &&
                 text_eq(json_text(old, "message"), verdict.message);
    if (verdict.reason && !known) {
        json_t *status = json_deep_copy(json_object_get(seen->api_service, "status"));
        if (!status)
            status = json_object();
        set_condition(status, &verdict, seen->now_us);
        plan_status(plan, API_SERVICES, seen->api_service, status)->flags |= PLAN_ABSENT_OK;
    }
    if (!local)
        plan_again(plan, !verdict.reason ? PENDING_MS : passed ? CHECK_MS : FAILED_MS);
    free(verdict.message);
}

/* ---- by what such servers know us ---- */

static bool ensure_config(struct reconcile *reconcile, struct error *err)
{
    json_auto_t *map = NULL;
    CLEANUP(free_ptr) char *ca = NULL;
    CLEANUP(free_ptr) char *front_proxy_ca = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "configmaps", CONFIG_NS, CONFIG, &map, err) ||
        !auth_ca_pem(reconcile->cluster, &ca, err) ||
        !auth_front_proxy_ca(reconcile->cluster, &front_proxy_ca, err))
        return false;
    json_auto_t *data = auth_extension_config(ca, front_proxy_ca);
    if (!map)
        plan_create(&plan, "configmaps", CONFIG_NS,
                    json_pack("{s:s, s:s, s:{s:s, s:s}, s:O}", "apiVersion", "v1", "kind",
                              "ConfigMap", "metadata", "name", CONFIG, "namespace", CONFIG_NS,
                              "data", data))
            ->flags |= PLAN_EXISTS_OK;
    else if (!json_equal(json_object_get(map, "data"), data))
        plan_patch(&plan, "configmaps", map, json_pack("{s:O}", "data", data))->flags |=
            PLAN_ABSENT_OK;
    return plan_apply(&reconcile->caller, &plan, NULL, err);
}

/* ---- the row ---- */

static bool observe(struct reconcile *reconcile, struct availability_seen *seen, json_t **service,
                    json_t **endpoints, struct error *err)
{
    const json_t *wanted = reference(seen);
    const char *ns = json_text(wanted, "namespace"), *name = json_text(wanted, "name");
    if (!observe_get(reconcile->cluster, "services", ns ? ns : "", name ? name : "", service,
                     err) ||
        !observe_get(reconcile->cluster, "endpoints", ns ? ns : "", name ? name : "", endpoints,
                     err))
        return false;
    seen->service = *service;
    seen->endpoints = *endpoints;
    return true;
}

static enum reconcile_result reconcile_availability(void *arg, struct reconcile *reconcile,
                                                    int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *api_service = NULL, *service = NULL, *endpoints = NULL;
    CLEANUP(free_ptr) char *problem = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, API_SERVICES, "", reconcile->name, &api_service, err))
        return RECONCILE_RETRY;
    if (!api_service)
        return RECONCILE_DONE;
    struct availability_seen seen = {.api_service = api_service, .now_us = reconcile->now_us};
    if (json_is_object(reference(&seen))) {
        if (!ensure_config(reconcile, err) || !observe(reconcile, &seen, &service, &endpoints, err))
            return RECONCILE_RETRY;
        if (availability_wants_probe(&seen))
            seen.probe = api_probe_service(reconcile->caller.api, reconcile->cluster,
                                           reconcile->name, &problem);
        seen.problem = problem;
    }
    availability_decide(&seen, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

/* Services and Endpoints concern those APIServices that name them. Where nobody has looked at
 * APIServices yet, none waits for this: one that does looks at its Service anyhow. */
static void map_service(struct cluster *cluster, const struct object *object,
                        const struct object *before, void (*add)(void *arg, const char *key),
                        void *arg)
{
    const struct cache_range everything = {0};
    struct object_list list = {0};
    (void)before;
    if (cache_list_peek(cluster, store_intern(API_SERVICES), &everything, &list) != CACHE_LIST_OK)
        return;
    for (size_t i = 0; i < list.count; i++) {
        if (!memmem(list.items[i]->body.data, list.items[i]->body.len, "\"service\"", 9))
            continue;
        json_auto_t *tree = object_json(list.items[i]);
        if (text_eq(json_text(tree, "spec", "service", "name"), object->name) &&
            text_eq(json_text(tree, "spec", "service", "namespace"), object->ns))
            add(arg, list.items[i]->name);
    }
    object_list_free(&list);
}

static const struct controller_source sources[] = {
    {API_SERVICES, NULL}, {"services", map_service}, {"endpoints", map_service}, {NULL, NULL}};

const struct controller availability_controller = {
    .name = "apiservice-availability-controller",
    .user = "system:apiserver",
    .is_master = true,
    .sources = sources,
    .reconcile = reconcile_availability,
};
