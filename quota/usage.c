/* Measuring objects. "pods" and compute resources count Pods that still run or will; count/pods
 * counts all of them. */
#include "quota/usage.h"

#include <string.h>

#include "base/quantity.h"

static void add_one(struct amounts *out, const char *name)
{
    amounts_add(out, name, QUOTA_UNIT);
}

/* ---- Pods ---- */

static bool is_terminal(const json_t *pod)
{
    const char *phase = json_text(pod, "status", "phase");
    return text_eq(phase, "Succeeded") || text_eq(phase, "Failed");
}

static bool is_sidecar(const json_t *container)
{
    return text_eq(json_text(container, "restartPolicy"), "Always");
}

/* Init containers run one after another, each beside the sidecars that started before it. */
static void add_init(const json_t *pod, const char *which, struct amounts *sum)
{
    CLEANUP(amounts_free) struct amounts sidecars = {0}, highest = {0};
    size_t i;
    const json_t *container;
    json_array_foreach (json_at(pod, "spec", "initContainers"), i, container) {
        CLEANUP(amounts_free) struct amounts one = {0};
        amounts_read(&one, json_at(container, "resources", which));
        if (is_sidecar(container)) {
            amounts_add_all(sum, &one);
            amounts_add_all(&sidecars, &one);
            amounts_max_all(&highest, &sidecars);
        } else {
            amounts_add_all(&one, &sidecars);
            amounts_max_all(&highest, &one);
        }
    }
    amounts_max_all(sum, &highest);
}

/* Overhead comes on top; of limits only where there is one. */
static void add_overhead(const json_t *pod, const char *which, struct amounts *sum)
{
    CLEANUP(amounts_free) struct amounts overhead = {0};
    bool limits = strcmp(which, "limits") == 0;
    amounts_read(&overhead, json_at(pod, "spec", "overhead"));
    for (size_t i = 0; i < overhead.count; i++)
        if (!limits || amounts_get(sum, overhead.items[i].name) != 0)
            amounts_add(sum, overhead.items[i].name, overhead.items[i].milli);
}

void usage_containers_sum(const json_t *pod, const char *which, struct amounts *out)
{
    size_t i;
    const json_t *container;
    json_array_foreach (json_at(pod, "spec", "containers"), i, container)
        amounts_read(out, json_at(container, "resources", which));
    add_init(pod, which, out);
}

void usage_pod_sum(const json_t *pod, const char *which, struct amounts *out)
{
    usage_containers_sum(pod, which, out);
    add_overhead(pod, which, out);
}

/* Which quota names a Pod's requests and limits count under. */
static const struct {
    const char *resource, *request_name, *bare_name, *limit_name;
} compute_rows[] = {
    {"cpu", "requests.cpu", "cpu", "limits.cpu"},
    {"memory", "requests.memory", "memory", "limits.memory"},
    {"ephemeral-storage", "requests.ephemeral-storage", "ephemeral-storage",
     "limits.ephemeral-storage"},
};

/* "example.com/gpu": anything with a domain that is not Kubernetes' own. */
static bool is_extended(const char *name)
{
    return strchr(name, '/') && !strstr(name, "kubernetes.io/") && !text_starts(name, "requests.");
}

static void add_compute(struct amounts *out, const struct amounts *requests,
                        const struct amounts *limits)
{
    for (size_t i = 0; i < ARRAY_LEN(compute_rows); i++) {
        const struct amount *request = amounts_find(requests, compute_rows[i].resource);
        const struct amount *limit = amounts_find(limits, compute_rows[i].resource);
        if (request) {
            amounts_add(out, compute_rows[i].bare_name, request->milli);
            amounts_add(out, compute_rows[i].request_name, request->milli);
        }
        if (limit)
            amounts_add(out, compute_rows[i].limit_name, limit->milli);
    }
    for (size_t i = 0; i < requests->count; i++) {
        const struct amount *request = &requests->items[i];
        bool pages = text_starts(request->name, "hugepages-");
        if (!pages && !is_extended(request->name))
            continue;
        CLEANUP(free_ptr) char *prefixed = xasprintf("requests.%s", request->name);
        amounts_add(out, prefixed, request->milli);
        if (pages)
            amounts_add(out, request->name, request->milli);
    }
}

static void measure_pod(const json_t *pod, struct amounts *out)
{
    CLEANUP(amounts_free) struct amounts requests = {0}, limits = {0};
    if (is_terminal(pod))
        return;
    usage_pod_sum(pod, "requests", &requests);
    usage_pod_sum(pod, "limits", &limits);
    add_one(out, "pods");
    add_compute(out, &requests, &limits);
}

/* ---- other kinds ---- */

static void measure_service(const json_t *service, struct amounts *out)
{
    const char *type = json_text(service, "spec", "type");
    const json_t *ports = json_at(service, "spec", "ports"), *port;
    bool balancer = text_eq(type, "LoadBalancer");
    int64_t node_ports = 0;
    size_t i;
    add_one(out, "services");
    if (balancer)
        add_one(out, "services.loadbalancers");
    if (!balancer && !text_eq(type, "NodePort"))
        return;
    bool all =
        !balancer || json_bool_or(json_at(service, "spec", "allocateLoadBalancerNodePorts"), true);
    json_array_foreach (ports, i, port)
        node_ports += all || json_int_or(json_at(port, "nodePort"), 0) != 0;
    amounts_add(out, "services.nodeports", node_ports * QUOTA_UNIT);
}

static void measure_claim(const json_t *claim, struct amounts *out)
{
    const char *class = json_text(claim, "spec", "storageClassName");
    int64_t storage = 0;
    bool sized = amount_parse(json_at(claim, "spec", "resources", "requests", "storage"), &storage);
    add_one(out, "persistentvolumeclaims");
    if (sized)
        amounts_add(out, "requests.storage", storage);
    if (!class || !*class)
        return;
    CLEANUP(free_ptr)
    char *count = xasprintf("%s.storageclass.storage.k8s.io/persistentvolumeclaims", class);
    CLEANUP(free_ptr)
    char *size = xasprintf("%s.storageclass.storage.k8s.io/requests.storage", class);
    add_one(out, count);
    if (sized)
        amounts_add(out, size, storage);
}

static const struct {
    const char *resource;
    void (*measure)(const json_t *object, struct amounts *out); /* NULL: one of RESOURCE */
} kind_rows[] = {
    {"pods", measure_pod},
    {"services", measure_service},
    {"persistentvolumeclaims", measure_claim},
    {"configmaps", NULL},
    {"secrets", NULL},
    {"replicationcontrollers", NULL},
    {"resourcequotas", NULL},
};

void usage_of(const char *resource, const json_t *object, struct amounts *out)
{
    CLEANUP(free_ptr) char *count = xasprintf("count/%s", resource);
    add_one(out, count);
    for (size_t i = 0; i < ARRAY_LEN(kind_rows); i++) {
        if (strcmp(kind_rows[i].resource, resource) != 0)
            continue;
        if (kind_rows[i].measure)
            kind_rows[i].measure(object, out);
        else
            add_one(out, resource);
    }
}

const char *usage_resource(const char *name)
{
    if (text_starts(name, "count/"))
        return name + strlen("count/");
    if (strcmp(name, "requests.storage") == 0 || strstr(name, ".storageclass.storage.k8s.io/"))
        return "persistentvolumeclaims";
    if (text_starts(name, "services."))
        return "services";
    for (size_t i = 0; i < ARRAY_LEN(kind_rows); i++)
        if (strcmp(kind_rows[i].resource, name) == 0)
            return kind_rows[i].resource;
    for (size_t i = 0; i < ARRAY_LEN(compute_rows); i++)
        if (strcmp(compute_rows[i].bare_name, name) == 0)
            return "pods";
    bool of_pods = text_starts(name, "requests.") || text_starts(name, "limits.") ||
                   text_starts(name, "hugepages-");
    return of_pods ? "pods" : NULL;
}

/* ---- what a quota demands ---- */

/* Upstream calls this demand a mistake that is kept: of CPU and memory only. */
static const struct {
    const char *name, *which, *resource;
} demand_rows[] = {
    {"cpu", "requests", "cpu"},
    {"limits.cpu", "limits", "cpu"},
    {"limits.memory", "limits", "memory"},
    {"memory", "requests", "memory"},
    {"requests.cpu", "requests", "cpu"},
    {"requests.memory", "requests", "memory"},
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The containers that do not state it, sorted, with commas; NULL when all do. */
static char *silent_containers(const json_t *pod, const char *which, const char *resource)
{
    static const char *const lists[] = {"containers", "initContainers"};
    const char **names = xcalloc(json_array_size(json_at(pod, "spec", "containers")) +
                                     json_array_size(json_at(pod, "spec", "initContainers")) + 1,
                                 sizeof(*names));
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    size_t count = 0, i;
    const json_t *container;
    for (size_t list = 0; list < ARRAY_LEN(lists); list++)
        json_array_foreach (json_at(pod, "spec", lists[list]), i, container)
            if (!json_at(container, "resources", which, resource))
                names[count++] = json_text(container, "name") ?: "";
    qsort(names, count, sizeof(*names), by_text);
    for (i = 0; i < count; i++)
        buf_printf(&text, "%s%s", i ? "," : "", names[i]);
    free(names);
    return count ? buf_take(&text) : NULL;
}

char *usage_missing(const struct amounts *required, const json_t *pod)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    for (size_t i = 0; i < ARRAY_LEN(demand_rows); i++) {
        if (!amounts_has(required, demand_rows[i].name))
            continue;
        CLEANUP(free_ptr)
        char *silent = silent_containers(pod, demand_rows[i].which, demand_rows[i].resource);
        if (silent)
            buf_printf(&text, "%s%s for: %s", text.len ? "; " : "", demand_rows[i].name, silent);
    }
    return text.len ? buf_take(&text) : NULL;
}
