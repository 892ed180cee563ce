/* host/network/dns_answer.h: what the DNS server says about the cluster's own names. Pure, but for
 * the view's lock. Source: Kubernetes "DNS-Based Service Discovery" specification, version 1.1.0.
 */
#pragma once
#include <ldns/ldns.h>

#include "host/network/view.h"

enum dns_verdict {
    DNS_ANSWERED, /* `answer` is complete: found, no such name, or no data */
    DNS_FORWARD,  /* not ours: ask the servers outside */
};

/* Answers `query` (parsed, one question) as a client of `cluster` sees it. `domain` is
 * "cluster.local". Takes the lock. */
enum dns_verdict dns_answer(struct view *view, const char *cluster, const char *domain,
                            const ldns_pkt *query, ldns_pkt **answer);
