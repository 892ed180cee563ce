/* host/network/transaction.h: scripts to nftables, each all or nothing. One thread at a time. */
#pragma once
#include "base/buf.h"

struct nft_ctx;

/* NULL when nftables does not work here; closed by nft_ctx_free(). */
struct nft_ctx *transaction_open(void);
/* False, and `who` has logged why, when the script is too large or nftables refuses it: then
 * nothing has changed. */
bool transaction_run(struct nft_ctx *nft, const struct buf *script, const char *who);
