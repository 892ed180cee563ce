/* Which Pod and port a target means. Pure: objects in, names and numbers out. */
#include <string.h>

#include "apiserver/backend/reach_internal.h"
#include "base/parse.h"

const char *reach_service_port(const json_t *service, const char *port, struct error *err)
{
    const json_t *one;
    size_t i;
    int64_t number;
    if (!parse_i64(str_of(port), 0, INT64_MAX, &number))
        return port;
    json_array_foreach (json_at(service, "spec", "ports"), i, one) {
        const char *name = json_text(one, "name");
        if (json_int_or(json_at(one, "port"), -1) == number)
            return name ? name : "";
    }
    error_unavailable(err, "no service port %lld found for service \"%s\"", (long long)number,
                      json_text(service, "metadata", "name"));
    return NULL;
}

static unsigned named_port(const json_t *subset, const char *name)
{
    const json_t *one;
    size_t i;
    json_array_foreach (json_at(subset, "ports"), i, one) {
        const char *own = json_text(one, "name");
        if (strcmp(own ? own : "", name) == 0)
            return (unsigned)json_int_or(json_at(one, "port"), 0) & 0xffff;
    }
    return 0;
}

static bool is_pod_of(const json_t *address, const char *ns)
{
    return text_eq(json_text(address, "targetRef", "kind"), "Pod") &&
           text_eq(json_text(address, "targetRef", "namespace"), ns) &&
           json_text(address, "targetRef", "name") && json_text(address, "ip");
}

bool reach_candidate(const json_t *endpoints, const char *ns, const char *port_name, size_t index,
                     struct reach_candidate *out)
{
    const json_t *subset, *address;
    size_t i, j;
    json_array_foreach (json_at(endpoints, "subsets"), i, subset) {
        unsigned port = named_port(subset, port_name);
        if (!port)
            continue;
        json_array_foreach (json_at(subset, "addresses"), j, address) {
            if (!is_pod_of(address, ns) || index-- > 0)
                continue;
            *out = (struct reach_candidate){json_text(address, "ip"),
                                            json_text(address, "targetRef", "name"), port};
            return true;
        }
    }
    return false;
}

bool reach_pod_has(const json_t *pod, const char *address)
{
    const json_t *one;
    size_t i;
    json_array_foreach (json_at(pod, "status", "podIPs"), i, one)
        if (text_eq(json_text(one, "ip"), address))
            return true;
    return text_eq(json_text(pod, "status", "podIP"), address);
}

unsigned reach_pod_port(const json_t *pod, const char *port, unsigned default_port)
{
    const json_t *container, *one;
    size_t i, j;
    int64_t number;
    if (*port && parse_i64(str_of(port), 1, 65535, &number))
        return (unsigned)number;
    json_array_foreach (json_at(pod, "spec", "containers"), i, container)
        json_array_foreach (json_at(container, "ports"), j, one)
            if (!*port || text_eq(json_text(one, "name"), port))
                return (unsigned)json_int_or(json_at(one, "containerPort"), 0) & 0xffff;
    return *port ? 0 : default_port;
}
