/* Cells that are code: one function each, by the name in the column's source. Pods' are in
 * table_pod.c. */
#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "schema/meta.h"
#include "schema/table.h"
#include "schema/table_internal.h"

#define LIST_MAX 3

static const char *text_in(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static const json_t *condition_in(const json_t *list, const char *type)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(text_in(json_array_get(list, i), "type"), type) == 0)
            return json_array_get(list, i);
    return NULL;
}

static const json_t *condition(const struct cell *cell, const char *type)
{
    return condition_in(json_at(cell->object, "status", "conditions"), type);
}

static bool condition_true(const struct cell *cell, const char *type)
{
    return strcmp(text_in(condition(cell, type), "status"), "True") == 0;
}

static bool say(const struct cell *cell, const char *text)
{
    buf_add_text(cell->out, text);
    return true;
}

static bool readiness_gates(const struct cell *cell)
{
    const json_t *gates = json_at(cell->object, "spec", "readinessGates");
    size_t count = json_array_size(gates), yes = 0;
    for (size_t i = 0; i < count; i++)
        yes += condition_true(cell, text_in(json_array_get(gates, i), "conditionType"));
    if (count)
        buf_printf(cell->out, "%zu/%zu", yes, count);
    return count > 0;
}

static bool node_status(const struct cell *cell)
{
    const json_t *ready = condition(cell, "Ready");
    say(cell, !ready ? "Unknown" : condition_true(cell, "Ready") ? "Ready" : "NotReady");
    if (json_is_true(json_at(cell->object, "spec", "unschedulable")))
        say(cell, ",SchedulingDisabled");
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool node_roles(const struct cell *cell)
{
    static const char prefix[] = "node-role.kubernetes.io/";
    const json_t *labels = json_at(cell->object, "metadata", "labels");
    struct cell_list list = {.out = cell->out, .separator = ","};
    const char *key;
    json_t *value;
    size_t count = 0;
    const char **roles = xcalloc(json_object_size(labels) + 1, sizeof(*roles));
    json_object_foreach (labels, key, value) {
        const char *role = text_starts(key, prefix)                 ? key + sizeof(prefix) - 1
                           : strcmp(key, "kubernetes.io/role") == 0 ? json_string_value(value)
                                                                    : NULL;
        if (role && *role)
            roles[count++] = role;
    }
    qsort(roles, count, sizeof(*roles), compare_texts);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(roles[i], roles[i - 1]) != 0)
            cell_list_add(&list, roles[i]);
    free(roles);
    return count > 0;
}

static void add_all(struct cell_list *list, const json_t *texts)
{
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        cell_list_add(list, text ? text : "");
    }
}

/* The addresses of a LoadBalancer and the external ones, or what a Service of another type has. */
static bool service_external_ip(const struct cell *cell)
{
    const char *type = json_text(cell->object, "spec", "type");
    const json_t *external = json_at(cell->object, "spec", "externalIPs");
    struct cell_list list = {.out = cell->out, .separator = ","};
    if (text_eq(type, "ExternalName"))
        return say(cell, text_in(json_object_get(cell->object, "spec"), "externalName"));
    if (text_eq(type, "LoadBalancer")) {
        struct buf set = BUF_TEXT;
        struct cell part = {.object = cell->object, .out = &set};
        if (cell_eval(&part,
                      STR("sortedSet(.status.loadBalancer.ingress[*].ip|.hostname;sep=\",\")")))
            cell_list_add(&list, set.data);
        buf_free(&set);
        add_all(&list, external);
        return list.count ? true : say(cell, "<pending>");
    }
    if (!text_eq(type, "ClusterIP") && !text_eq(type, "NodePort"))
        return say(cell, "<unknown>");
    add_all(&list, external);
    return list.count ? true : say(cell, "<none>");
}

static bool service_ports(const struct cell *cell)
{
    const json_t *ports = json_at(cell->object, "spec", "ports");
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const json_t *port = json_array_get(ports, i);
        int64_t node = json_int_or(json_object_get(port, "nodePort"), 0);
        buf_printf(cell->out, "%s%lld", i ? "," : "",
                   (long long)json_int_or(json_object_get(port, "port"), 0));
        if (node)
            buf_printf(cell->out, ":%lld", (long long)node);
        buf_printf(cell->out, "/%s", text_in(port, "protocol"));
    }
    return json_array_size(ports) > 0;
}

static void add_address(struct cell_list *list, const json_t *address, const json_t *port)
{
    bool v6 = strchr(text_in(address, "ip"), ':') != NULL;
    CLEANUP(free_ptr)
    char *text =
        port ? xasprintf("%s%s%s:%lld", v6 ? "[" : "", text_in(address, "ip"), v6 ? "]" : "",
                         (long long)json_int_or(json_object_get(port, "port"), 0))
             : xstrdup(text_in(address, "ip"));
    cell_list_add(list, text);
}

static bool endpoints(const struct cell *cell)
{
    const json_t *subsets = json_object_get(cell->object, "subsets");
    struct cell_list list = {.out = cell->out, .max = LIST_MAX, .separator = ","};
    for (size_t i = 0; i < json_array_size(subsets); i++) {
        const json_t *subset = json_array_get(subsets, i),
                     *addresses = json_object_get(subset, "addresses");
        const json_t *ports = json_object_get(subset, "ports");
        for (size_t p = 0; p < json_array_size(ports); p++)
            for (size_t a = 0; a < json_array_size(addresses); a++)
                add_address(&list, json_array_get(addresses, a), json_array_get(ports, p));
        for (size_t a = 0; !json_array_size(ports) && a < json_array_size(addresses); a++)
            add_address(&list, json_array_get(addresses, a), NULL);
    }
    cell_list_end(&list);
    return list.count ? true : say(cell, "<none>");
}

static bool slice_ports(const struct cell *cell)
{
    const json_t *ports = json_object_get(cell->object, "ports");
    struct cell_list list = {.out = cell->out, .max = LIST_MAX, .separator = ","};
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const json_t *port = json_array_get(ports, i), *number = json_object_get(port, "port");
        CLEANUP(free_ptr)
        char *text = json_is_integer(number)
                         ? xasprintf("%lld", (long long)json_integer_value(number))
                         : NULL;
        const char *name = text_in(port, "name");
        cell_list_add(&list, text ? text : *name ? name : "*");
    }
    cell_list_end(&list);
    return list.count > 0;
}

static bool slice_endpoints(const struct cell *cell)
{
    const json_t *items = json_object_get(cell->object, "endpoints");
    struct cell_list list = {.out = cell->out, .max = LIST_MAX, .separator = ","};
    for (size_t i = 0; i < json_array_size(items); i++)
        add_all(&list, json_object_get(json_array_get(items, i), "addresses"));
    cell_list_end(&list);
    return list.count > 0;
}

static bool ingress_hosts(const struct cell *cell)
{
    const json_t *rules = json_at(cell->object, "spec", "rules");
    struct cell_list list = {.out = cell->out, .max = LIST_MAX, .separator = ","};
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const char *host = text_in(json_array_get(rules, i), "host");
        if (*host)
            cell_list_add(&list, host);
    }
    cell_list_end(&list);
    return list.count ? true : say(cell, "*");
}

static bool job_status(const struct cell *cell)
{
    if (condition_true(cell, "Complete"))
        return say(cell, "Complete");
    if (condition_true(cell, "Failed"))
        return say(cell, "Failed");
    if (meta_deleting(cell->object))
        return say(cell, "Terminating");
    if (condition_true(cell, "Suspended"))
        return say(cell, "Suspended");
    return say(cell, condition_true(cell, "FailureTarget") ? "FailureTarget" : "Running");
}

static bool job_completions(const struct cell *cell)
{
    int64_t done = json_int_or(json_at(cell->object, "status", "succeeded"), 0);
    int64_t parallel = json_int_or(json_at(cell->object, "spec", "parallelism"), 0);
    const json_t *want = json_at(cell->object, "spec", "completions");
    if (json_is_integer(want))
        buf_printf(cell->out, "%lld/%lld", (long long)done, (long long)json_integer_value(want));
    else if (parallel > 1)
        buf_printf(cell->out, "%lld/1 of %lld", (long long)done, (long long)parallel);
    else
        buf_printf(cell->out, "%lld/1", (long long)done);
    return true;
}

static bool job_duration(const struct cell *cell)
{
    char text[32];
    int64_t from_us, to_us = 0;
    const char *start = json_text(cell->object, "status", "startTime"),
               *end = json_text(cell->object, "status", "completionTime");
    if (!start || !time_parse(str_of(start), &from_us) || (end && !time_parse(str_of(end), &to_us)))
        return false;
    if (!end) {
        cell_since(cell, from_us);
        return true;
    }
    human_duration(to_us - from_us, text);
    return say(cell, text);
}

/* "res: used/hard" of the keys that begin with "limits." or of the others, sorted. */
static bool quota_list(const struct cell *cell, bool limits)
{
    const json_t *hard = json_at(cell->object, "status", "hard"),
                 *used = json_at(cell->object, "status", "used");
    struct cell_list list = {.out = cell->out, .separator = ", "};
    const char *key;
    json_t *value;
    size_t count = 0;
    const char **keys = xcalloc(json_object_size(hard) + 1, sizeof(*keys));
    json_object_foreach (hard, key, value)
        if (text_starts(key, "limits.") == limits)
            keys[count++] = key;
    qsort(keys, count, sizeof(*keys), compare_texts);
    for (size_t i = 0; i < count; i++) {
        const char *amount = text_in(used, keys[i]);
        CLEANUP(free_ptr)
        char *text =
            xasprintf("%s: %s/%s", keys[i], *amount ? amount : "0", text_in(hard, keys[i]));
        cell_list_add(&list, text);
    }
    free(keys);
    return true;
}

static bool quota_requests(const struct cell *cell)
{
    return quota_list(cell, false);
}

static bool quota_limits(const struct cell *cell)
{
    return quota_list(cell, true);
}

static bool csr_condition(const struct cell *cell)
{
    const char *certificate = json_text(cell->object, "status", "certificate");
    say(cell, condition(cell, "Denied")     ? "Denied"
              : condition(cell, "Approved") ? "Approved"
                                            : "Pending");
    if (condition(cell, "Failed"))
        say(cell, ",Failed");
    if (certificate && *certificate)
        say(cell, ",Issued");
    return true;
}

static bool replicas_ready(const struct cell *cell)
{
    buf_printf(cell->out, "%lld/%lld",
               (long long)json_int_or(json_at(cell->object, "status", "readyReplicas"), 0),
               (long long)json_int_or(json_at(cell->object, "spec", "replicas"), 0));
    return true;
}

static bool event_source(const struct cell *cell)
{
    const json_t *source = json_object_get(cell->object, "source");
    const char *component = text_in(source, "component"), *host = text_in(source, "host");
    component = *component ? component : text_in(cell->object, "reportingComponent");
    host = *host ? host : text_in(cell->object, "reportingInstance");
    buf_printf(cell->out, "%s%s%s", component, *host ? ", " : "", host);
    return true;
}

static void add_lower(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_add_char(out, (char)tolower((unsigned char)*text));
}

static bool event_object(const struct cell *cell)
{
    const json_t *involved = json_object_get(cell->object, "involvedObject");
    const char *name = text_in(involved, "name");
    add_lower(cell->out, text_in(involved, "kind"));
    if (*name)
        buf_printf(cell->out, "/%s", name);
    return true;
}

static bool storage_class_name(const struct cell *cell)
{
    const char *a = meta_annotation(cell->object, "storageclass.kubernetes.io/is-default-class");
    const char *b =
        meta_annotation(cell->object, "storageclass.beta.kubernetes.io/is-default-class");
    buf_printf(cell->out, "%s%s", meta_name(cell->object),
               text_eq(a, "true") || text_eq(b, "true") ? " (default)" : "");
    return true;
}

/* deployment.apps/name of the controlling owner. */
static bool controller_owner(const struct cell *cell)
{
    const json_t *owner = meta_controller(cell->object);
    const char *version = text_in(owner, "apiVersion"), *slash = strchr(version, '/');
    if (!owner)
        return false;
    add_lower(cell->out, text_in(owner, "kind"));
    if (slash) {
        CLEANUP(free_ptr) char *group = xstrndup(version, (size_t)(slash - version));
        buf_add_char(cell->out, '.');
        add_lower(cell->out, group);
    }
    buf_printf(cell->out, "/%s", text_in(owner, "name"));
    return true;
}

static bool class_parameters(const struct cell *cell)
{
    const json_t *parameters = json_at(cell->object, "spec", "parameters");
    const char *group = text_in(parameters, "apiGroup");
    if (!json_is_object(parameters))
        return false;
    buf_printf(cell->out, "%s%s%s/%s", text_in(parameters, "kind"), *group ? "." : "", group,
               text_in(parameters, "name"));
    return true;
}

static bool service_availability(const struct cell *cell)
{
    const json_t *available = condition(cell, "Available");
    const char *status = text_in(available, "status");
    if (!available)
        return say(cell, "Unknown");
    if (strcmp(status, "True") == 0)
        return say(cell, "True");
    buf_printf(cell->out, "%s (%s)", status, text_in(available, "reason"));
    return true;
}

static bool missing_level(const struct cell *cell)
{
    const json_t *dangling = condition(cell, "Dangling");
    return dangling ? say(cell, text_in(dangling, "status")) : false;
}

static const json_t *healthy(const struct cell *cell)
{
    return condition_in(json_object_get(cell->object, "conditions"), "Healthy");
}

static bool component_status(const struct cell *cell)
{
    const json_t *found = healthy(cell);
    return say(cell, !found                                          ? "Unknown"
                     : strcmp(text_in(found, "status"), "True") == 0 ? "Healthy"
                                                                     : "Unhealthy");
}

static bool component_message(const struct cell *cell)
{
    return say(cell, text_in(healthy(cell), "message"));
}

static bool component_error(const struct cell *cell)
{
    return say(cell, text_in(healthy(cell), "error"));
}

static bool policy_param_ref(const struct cell *cell)
{
    const json_t *ref = json_at(cell->object, "spec", "paramRef");
    const char *ns = text_in(ref, "namespace"), *name = text_in(ref, "name");
    bool bad = false;
    if (!json_is_object(ref))
        return false;
    buf_printf(cell->out, "%s/", *ns ? ns : "*");
    if (*name)
        return say(cell, name);
    (void)cell_selector(cell->out, json_object_get(ref, "selector"),
                        &bad); /* an empty one prints nothing */
    return true;
}

/* By how the source begins. */
/* ---- usage ---- */

/* What the containers of a PodMetrics use together. */
static bool containers_usage(const struct cell *cell, const char *resource)
{
    const json_t *containers = json_object_get(cell->object, "containers"), *container;
    struct quantity sum = {0}, one;
    char text[QUANTITY_TEXT_SIZE];
    size_t i;
    json_array_foreach (containers, i, container) {
        const char *used = json_text(container, "usage", resource);
        if (used && quantity_parse(str_of(used), &one))
            sum = i ? quantity_add(&sum, &one) : one;
    }
    quantity_format(&sum, text);
    buf_add_text(cell->out, text);
    return true;
}

static bool containers_cpu(const struct cell *cell)
{
    return containers_usage(cell, "cpu");
}

static bool containers_memory(const struct cell *cell)
{
    return containers_usage(cell, "memory");
}

static const struct computed_row {
    const char *source;
    cell_fn fn;
} rows[] = {
    {"computed:podReady", cell_pod_ready},
    {"computed:podStatus", cell_pod_status},
    {"computed:podRestarts", cell_pod_restarts},
    {"computed:readinessGates", readiness_gates},
    {"computed:nodeStatus", node_status},
    {"computed:nodeRoles", node_roles},
    {"computed:serviceExternalIP", service_external_ip},
    {"computed:servicePorts", service_ports},
    {"computed:endpoints", endpoints},
    {"computed:slicePorts", slice_ports},
    {"computed:sliceEndpoints", slice_endpoints},
    {"computed:ingressHosts", ingress_hosts},
    {"computed:jobStatus", job_status},
    {"computed:jobCompletions", job_completions},
    {"computed:quotaRequests", quota_requests},
    {"computed:quotaLimits", quota_limits},
    {"computed:csrCondition", csr_condition},
    {"computed:hpaMetrics", cell_hpa_metrics},
    {"computed:containersCPU", containers_cpu},
    {"computed:containersMemory", containers_memory},
    {"humanDuration(.status.completionTime|", job_duration},
    {".status.readyReplicas/.spec.replicas", replicas_ready},
    {"(.source.component|", event_source},
    {"lower(.involvedObject.kind)[", event_object},
    {".metadata.name+\" (default)\"", storage_class_name},
    {"controllerOwner:", controller_owner},
    {".spec.parameters.kind[", class_parameters},
    {"conditions[Available]:", service_availability},
    {"conditions[Dangling].status", missing_level},
    {"conditions[Healthy].status", component_status},
    {"conditions[Healthy].message", component_message},
    {"conditions[Healthy].error", component_error},
    {"(.spec.paramRef.namespace|", policy_param_ref},
};

cell_fn cell_computed(struct str source)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_starts(source, str_of(rows[i].source)))
            return rows[i].fn;
    return NULL;
}
