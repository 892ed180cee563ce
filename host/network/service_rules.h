/* host/network/service_rules.h: the nftables rule set of a view, as one script, which is one
 * transaction. Pure. */
#pragma once
#include "base/buf.h"
#include "host/network.h"
#include "host/network/view.h"

/* The view's lock is held. `names`, which comes in empty, gets what the script makes, for the next
 * one: given as `before`, it says what the table holds, and only what clients' affinity has
 * gathered stays of it. With an empty `before` the table is made anew. */
void service_rules_write(struct buf *out, const struct network_options *options,
                         const struct view *view, const struct strmap *before,
                         struct strmap *names);
/* The script that removes the table. */
void service_rules_remove(struct buf *out, const struct network_options *options);
/* The same for IPv6, by which no Pod reaches anything: a table that never changes, for kernels that
 * have IPv6. */
void service_rules_write_ipv6(struct buf *out, const struct network_options *options);
void service_rules_remove_ipv6(struct buf *out, const struct network_options *options);
