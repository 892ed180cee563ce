#include "vcluster/service_env.h"

#include <ctype.h>
#include <string.h>

#include "schema/meta.h"

static void add(json_t *env, const char *prefix, const char *suffix, const char *value)
{
    json_array_append_new(
        env, json_pack("{s:o, s:s}", "name", json_sprintf("%s%s", prefix, suffix), "value", value));
}

/* `my-service` -> `MY_SERVICE`. Owned. */
static char *variable(const char *name)
{
    char *text = xstrdup(name);
    for (char *at = text; *at; at++)
        *at = *at == '-' || *at == '.' ? '_' : (char)toupper((unsigned char)*at);
    return text;
}

/* MY_SERVICE_PORT_80_TCP and its parts, as docker links once made them. */
static void add_link(json_t *env, const char *service, const char *address, const json_t *port)
{
    int64_t number = json_int_or(json_object_get(port, "port"), 0);
    const char *given = json_text(port, "protocol");
    CLEANUP(free_ptr) char *upper = variable(given ? given : "TCP");
    CLEANUP(free_ptr) char *lower = xstrdup(upper);
    for (char *at = lower; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    CLEANUP(free_ptr) char *url = xasprintf("%s://%s:%lld", lower, address, (long long)number);
    CLEANUP(free_ptr)
    char *prefix = xasprintf("%s_PORT_%lld_%s", service, (long long)number, upper);
    CLEANUP(free_ptr) char *digits = xasprintf("%lld", (long long)number);
    add(env, prefix, "", url);
    add(env, prefix, "_PROTO", lower);
    add(env, prefix, "_PORT", digits);
    add(env, prefix, "_ADDR", address);
}

static void add_service(json_t *env, const char *name, const char *address, const json_t *ports)
{
    CLEANUP(free_ptr) char *service = variable(name);
    const json_t *first = json_array_get(ports, 0);
    if (!first || !address || !*address || strcmp(address, "None") == 0)
        return;
    CLEANUP(free_ptr)
    char *port = xasprintf("%lld", (long long)json_int_or(json_object_get(first, "port"), 0));
    add(env, service, "_SERVICE_HOST", address);
    add(env, service, "_SERVICE_PORT", port);
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const char *port_name = json_text(json_array_get(ports, i), "name");
        if (!port_name || !*port_name)
            continue;
        CLEANUP(free_ptr) char *named = variable(port_name);
        CLEANUP(free_ptr) char *suffix = xasprintf("_SERVICE_PORT_%s", named);
        CLEANUP(free_ptr)
        char *number =
            xasprintf("%lld", (long long)json_int_or(json_at(json_array_get(ports, i), "port"), 0));
        add(env, service, suffix, number);
    }
    const char *protocol = json_text(first, "protocol");
    CLEANUP(free_ptr)
    char *url = xasprintf("%s://%s:%s", protocol && strcmp(protocol, "UDP") == 0 ? "udp" : "tcp",
                          address, port);
    add(env, service, "_PORT", url);
    for (size_t i = 0; i < json_array_size(ports); i++)
        add_link(env, service, address, json_array_get(ports, i));
}

void service_env_prepend(json_t *env, const char *api_address, const json_t *services)
{
    json_auto_t *added = json_array();
    json_auto_t *api_ports =
        json_pack("[{s:s, s:i, s:s}]", "name", "https", "port", 443, "protocol", "TCP");
    add_service(added, "kubernetes", api_address, api_ports);
    for (size_t i = 0; i < json_array_size(services); i++) {
        const json_t *service = json_array_get(services, i);
        if (strcmp(meta_name(service), "kubernetes") != 0)
            add_service(added, meta_name(service), json_text(service, "spec", "clusterIP"),
                        json_at(service, "spec", "ports"));
    }
    json_array_extend(added, env);
    json_array_clear(env);
    json_array_extend(env, added);
}
