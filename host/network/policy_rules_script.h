/* host/network/policy_rules_script.h: a rule set of policies as one nftables script, which is one
 * transaction. Pure. */
#pragma once
#include "host/network.h"
#include "host/network/policy_rules.h"

/* The table is made anew; without a policy there is none. */
void policy_rules_script_write(struct buf *out, const struct network_options *options,
                               const struct policy_rules *rules);
/* Removes the table, also when it is not there. */
void policy_rules_script_remove(struct buf *out, const struct network_options *options);
