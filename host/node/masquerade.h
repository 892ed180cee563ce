/* host/node/masquerade.h: Pods' way out: one nftables table of the agent's own, made at start and
 * removed at the end. */
#pragma once
#include "base/error.h"

/* Packets from `pod_cidr` that leave by another interface than `bridge` get the node's address. */
MUST_CHECK bool masquerade_start(const char *pod_cidr, const char *bridge, struct error *err);
void masquerade_stop(const char *bridge);
