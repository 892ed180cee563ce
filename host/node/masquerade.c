#include "host/node/masquerade.h"

#include <nftables/libnftables.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/* Runs commands in one transaction. `*why` is owned. */
static bool run_commands(const char *commands, char **why)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft)
        return false;
    nft_ctx_buffer_output(nft);
    nft_ctx_buffer_error(nft);
    bool ok = nft_run_cmd_from_buffer(nft, commands) == 0;
    if (why)
        *why = xstrdup(nft_ctx_get_error_buffer(nft));
    nft_ctx_free(nft);
    return ok;
}

/* Interface names and CIDRs were checked by cni_init; the table is named after the bridge, so that
 * two agents of a test do not share one. */
bool masquerade_start(const char *pod_cidr, const char *bridge, struct error *err)
{
    CLEANUP(free_ptr) char *why = NULL;
    CLEANUP(free_ptr)
    char *commands = xasprintf(
        "add table ip warren_node_%s\n"
        "delete table ip warren_node_%s\n"
        "add table ip warren_node_%s\n"
        "add chain ip warren_node_%s postrouting { type nat hook postrouting priority srcnat; "
        "policy accept; }\n"
        "add rule ip warren_node_%s postrouting ip saddr %s oifname != \"%s\" masquerade\n",
        bridge, bridge, bridge, bridge, bridge, pod_cidr, bridge);
    if (run_commands(commands, &why))
        return true;
    return error_internal(err, "the node's nftables rules cannot be set: %s",
                          why ? why : "out of memory");
}

void masquerade_stop(const char *bridge)
{
    CLEANUP(free_ptr) char *why = NULL;
    CLEANUP(free_ptr) char *commands = xasprintf("delete table ip warren_node_%s\n", bridge);
    if (!run_commands(commands, &why))
        log_warn("node", "the node's nftables rules cannot be removed: %s",
                 why ? why : "out of memory");
}
