/* apiserver/identity_lease.h: the Lease kube-system/apiserver-ID, by which an API server says that
 * it serves a cluster.
 *
 * Upstream's servers renew theirs every ten seconds, and its compaction writes too, so that a
 * revision never stands for long. Nothing is written into an idle cluster here: the Lease is
 * renewed when that is needed, by a client whose snapshot of a list has expired: what it reads from
 * then on is of another revision, however little the cluster does. Source: Kubernetes docs,
 * "Leases", "API server identity". */
#pragma once
#include "apiserver/api.h"

/* Makes it or renews it. Best effort: a cluster without kube-system has none. Blocking. */
void identity_lease_renew(struct api *api, struct cluster *cluster);
