#include "host/pseudo_node.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"

const char *const pseudo_node_labels[] = {"kubernetes.io/os", "kubernetes.io/arch",
                                          "beta.kubernetes.io/os", "beta.kubernetes.io/arch", NULL};

void pseudo_node_name(const char *cluster, const char *host_node, char out[PSEUDO_NODE_NAME_SIZE])
{
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", cluster, host_node);
    char digest[65];
    sha256_hex(key, strlen(key), digest);
    (void)snprintf(out, PSEUDO_NODE_NAME_SIZE, "node-%.10s", digest);
}
