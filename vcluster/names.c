#include "vcluster/names.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "host/pseudo_node.h"

#define HASH_DIGITS 10

void names_host_namespace(const char *cluster, char out[HOST_NAME_MAX + 1])
{
    (void)snprintf(out, HOST_NAME_MAX + 1, "warren-%s", cluster);
    if (strlen(cluster) + strlen("warren-") > HOST_NAME_MAX)
        names_host_name(cluster, "", "warren", 1, out);
}

void names_host_name(const char *cluster, const char *ns, const char *name, int unique,
                     char out[HOST_NAME_MAX + 1])
{
    CLEANUP(free_ptr)
    char *whole =
        *ns ? xasprintf("%s-x-%s-x-%s", name, ns, cluster) : xasprintf("%s-x-%s", name, cluster);
    if (!unique && strlen(whole) <= HOST_NAME_MAX) {
        (void)snprintf(out, HOST_NAME_MAX + 1, "%s", whole);
        return;
    }
    /* Hashed with separators that no name can hold, so that different triples never hash the same
     * text. */
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s/%s", cluster, ns, name);
    char digest[65];
    sha256_hex(key, strlen(key), digest);
    int front = (int)(HOST_NAME_MAX - HASH_DIGITS - 1);
    (void)snprintf(out, HOST_NAME_MAX + 1, "%.*s", front, whole);
    size_t len = strlen(out);
    while (len && (out[len - 1] == '-' || out[len - 1] == '.'))
        len--;
    (void)snprintf(out + len, HOST_NAME_MAX + 1 - len, "-%.*s", HASH_DIGITS, digest);
}

void names_pseudo_node(const char *cluster, const char *host_node, char out[HOST_NAME_MAX + 1])
{
    _Static_assert(PSEUDO_NODE_NAME_SIZE <= HOST_NAME_MAX + 1, "a pseudo node's name fits");
    pseudo_node_name(cluster, host_node, out);
}
