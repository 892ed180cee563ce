#include "host/host_port.h"

#include <string.h>

#include "base/mem.h"

#define ANY_ADDRESS "0.0.0.0"

struct host_port *host_ports_of(const json_t *pod_spec, size_t *count)
{
    struct host_port *list = NULL;
    const json_t *containers = json_object_get(pod_spec, "containers");
    *count = 0;
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *ports = json_object_get(json_array_get(containers, i), "ports");
        for (size_t j = 0; j < json_array_size(ports); j++) {
            const json_t *port = json_array_get(ports, j);
            int64_t number = json_int_or(json_object_get(port, "hostPort"), 0);
            const char *ip = json_text(port, "hostIP"), *protocol = json_text(port, "protocol");
            if (!number)
                continue;
            list = xreallocarray(list, *count + 1, sizeof(*list));
            list[(*count)++] = (struct host_port){.ip = ip && *ip ? ip : ANY_ADDRESS,
                                                  .protocol = protocol ? protocol : "TCP",
                                                  .port = number};
        }
    }
    return list;
}

static bool clash(const struct host_port *a, const struct host_port *b)
{
    return a->port == b->port && strcmp(a->protocol, b->protocol) == 0 &&
           (strcmp(a->ip, b->ip) == 0 || strcmp(a->ip, ANY_ADDRESS) == 0 ||
            strcmp(b->ip, ANY_ADDRESS) == 0);
}

bool host_ports_clash(const struct host_port *a, size_t a_count, const struct host_port *b,
                      size_t b_count)
{
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++)
            if (clash(&a[i], &b[j]))
                return true;
    return false;
}
