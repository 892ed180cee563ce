#include "host/network/transaction.h"

#include <nftables/libnftables.h>

#include "base/log.h"

struct nft_ctx *transaction_open(void)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (nft && (nft_ctx_buffer_error(nft) != 0 || nft_ctx_buffer_output(nft) != 0)) {
        nft_ctx_free(nft);
        return NULL;
    }
    return nft;
}

bool transaction_run(struct nft_ctx *nft, const struct buf *script, const char *who)
{
    if (!buf_ok(script) || nft_run_cmd_from_buffer(nft, script->data) != 0) {
        const char *why = nft_ctx_get_error_buffer(nft);
        log_error(who, "nftables refused the rules: %.200s",
                  why && *why ? why : "they are too large");
        return false;
    }
    return true;
}
