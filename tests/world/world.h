/* tests/world/world.h: a real store with clusters in it, for tests of the floors above: auth, rbac,
 * quota, tenancy. */
#pragma once
#include "store/cache.h"
#include "store/store.h"
#include "tests/test.h"

/* Group setup and teardown: PostgreSQL and a store for the whole program. */
int world_up(void **state);
int world_down(void **state);
struct store *world_store(void);
/* A new cluster with credentials and nothing else; a reference, for CLEANUP(cluster_unref_ptr). */
struct cluster *world_cluster(const char *name);
/* Creates from YAML; metadata.uid is made when it is not given. `name` may be NULL. Returns a
 * reference. */
struct object *world_put(struct cluster *cluster, const char *resource, const char *yaml);
/* Replaces whatever has that namespace and name. */
void world_replace(struct cluster *cluster, const char *resource, const char *yaml);
void world_remove(struct cluster *cluster, const char *resource, const char *ns, const char *name);
json_t *world_yaml(const char *yaml);
