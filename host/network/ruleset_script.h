/* host/network/ruleset_script.h: a rule set of policies as one nftables script, which is one
 * transaction. Pure. */
#pragma once
#include "host/network.h"
#include "host/network/ruleset.h"

/* The table is made anew; without a Pod that a policy is about there is none. */
void ruleset_script_write(struct buf *out, const struct network_options *options,
                          const struct ruleset *ruleset);
/* Removes the table, also when it is not there. */
void ruleset_script_remove(struct buf *out, const struct network_options *options);
