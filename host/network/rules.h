/* host/network/rules.h: the nftables rule set of a view, as one script that replaces the table as a whole. Pure. */
#pragma once
#include "base/buf.h"
#include "host/network.h"
#include "host/network/view.h"

/* Lock held. */
void rules_write(struct buf *out, const struct network_options *options, const struct view *view);
/* The script that removes the table. */
void rules_remove(struct buf *out, const struct network_options *options);
/* The same for IPv6, by which no Pod reaches anything: a table that never changes, for kernels that have IPv6. */
void rules_write_ipv6(struct buf *out, const struct network_options *options);
void rules_remove_ipv6(struct buf *out, const struct network_options *options);
