/* vcluster/mapping.h: which host object stands for which tenant object.
 *
 * Rows of the store's mapping table, unique both ways, held in memory as well. Ownership is this
 * and nothing else: never a name, label or annotation. Keys are "namespace/name". Any thread; claim
 * and release block for the database. */
#pragma once
#include "store/store.h"

struct mapping_index;

/* Reads every row. */
struct mapping_index *mapping_open(struct store *store, struct error *err);
/* Reads the rows of a cluster (NULL: of all) again: another server has written them. Nobody may
 * claim or release meanwhile. */
MUST_CHECK bool mapping_reload(struct mapping_index *index, struct cluster *cluster,
                               struct error *err);
void mapping_close(struct mapping_index *index);

/* The host key of a tenant's object, owned; NULL when there is none. */
char *mapping_to_host(struct mapping_index *index, const struct cluster *cluster, const char *kind,
                      const char *tenant_key);
/* The tenant's object behind a host key: its cluster's id and an owned key; false when there is
 * none. */
bool mapping_to_tenant(struct mapping_index *index, const char *kind, const char *host_key,
                       int64_t *cluster_id, char **tenant_key);
/* The host key for a tenant's object, made when there is none: readable when that is free, hashed
 * when not. Owned. */
MUST_CHECK bool mapping_claim(struct mapping_index *index, struct cluster *cluster,
                              const char *kind, const char *ns, const char *name, char **host_key,
                              struct error *err);
MUST_CHECK bool mapping_release(struct mapping_index *index, struct cluster *cluster,
                                const char *kind, const char *tenant_key, struct error *err);
/* Every tenant key of a kind whose namespace is `ns` (NULL: all): each(arg, tenant_key), under no
 * lock. */
void mapping_each(struct mapping_index *index, const struct cluster *cluster, const char *kind,
                  const char *ns, void (*each)(void *arg, const char *tenant_key), void *arg);
/* Forgets all rows of a cluster that is being deleted. */
MUST_CHECK bool mapping_release_all(struct mapping_index *index, struct cluster *cluster,
                                    struct error *err);
