/* apiserver/credentials_tls.h: the serving certificate of each cluster, chosen during the TLS
 * handshake.
 *
 * Parsed once per cluster and kept while it is in use. Any thread. */
#pragma once
#include <gnutls/abstract.h>
#include <stdint.h>

#include "store/cluster.h"

struct credentials_cache;

struct credentials_cache *credentials_cache_new(void);
void credentials_cache_free(struct credentials_cache *cache);
/* The certificate and key of a cluster, valid for at least ten minutes. NULL when they cannot be
 * read. Blocks for one database read when the cluster's secrets are not in memory: GnuTLS cannot
 * wait for an answer in any other way. */
const struct server_credentials *credentials_get(struct credentials_cache *cache,
                                                 struct cluster *cluster);

struct server_credentials {
    int64_t cluster_id;
    _Atomic int64_t used_mono_ns;
    gnutls_pcert_st *chain;
    unsigned chain_count;
    gnutls_privkey_t key;
    struct server_credentials *next;
};
