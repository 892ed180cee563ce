#include "tests/world/world.h"

#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "base/json.h"
#include "schema/kind.h"
#include "schema/meta.h"
#include "store/postgres.h"

static struct postgres *postgres;
static struct store *store;

int world_up(void **state)
{
    struct error err = {0};
    (void)state;
    object_set_index(kind_index);
    postgres = postgres_temp(&err);
    store = postgres
                ? store_open(&(struct store_options){.conninfo = postgres_conninfo(postgres)}, &err)
                : NULL;
    if (!store)
        fprintf(stderr, "%s\n", err.message);
    return store ? 0 : -1;
}

int world_down(void **state)
{
    (void)state;
    store_close(store);
    postgres_stop(postgres);
    return 0;
}

struct store *world_store(void)
{
    return store;
}

struct cluster *world_cluster(const char *name)
{
    struct error err = {0};
    struct cluster *cluster = NULL;
    CLEANUP(buf_free) struct buf secrets = BUF_TEXT;
    char uid[UUID_TEXT_SIZE];
    uuid_make(uid);
    assert_true(auth_secrets_make(name, NULL, NULL, &secrets, &err));
    const struct cluster_seed seed = {.name = name, .uid = uid, .secrets = buf_str(&secrets)};
    if (!store_cluster_create(store, &seed, &cluster, &err))
        fail_msg("%s", err.message);
    return cluster;
}

json_t *world_yaml(const char *yaml)
{
    struct error err = {0};
    json_t *value = yaml_parse(str_of(yaml), JSON_LOAD_STRICT, &err);
    if (!value)
        fail_msg("%s: %s", yaml, err.message);
    return value;
}

static struct object *write_object(struct cluster *cluster, const char *resource, const char *yaml,
                                   enum store_op op)
{
    struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_auto_t *value = world_yaml(yaml);
    struct store_write write = {
        .cluster = cluster, .resource = store_intern(resource), .op = op, .value = value};
    struct object *object = NULL;
    char uid[UUID_TEXT_SIZE];
    size_t refused;
    uuid_make(uid);
    if (!*meta_uid(value))
        json_set_text(json_ensure_object(value, "metadata"), "uid", uid);
    assert_true(object_draft_make(value, &text, &write.draft, &err));
    assert_int_equal(store_write_wait(cluster->store, &write, &object, &refused), STORE_OK);
    return object;
}

struct object *world_put(struct cluster *cluster, const char *resource, const char *yaml)
{
    return write_object(cluster, resource, yaml, STORE_CREATE);
}

void world_replace(struct cluster *cluster, const char *resource, const char *yaml)
{
    object_unref(write_object(cluster, resource, yaml, STORE_UPDATE));
}

void world_remove(struct cluster *cluster, const char *resource, const char *ns, const char *name)
{
    struct store_write write = {.cluster = cluster,
                                .resource = store_intern(resource),
                                .op = STORE_DELETE,
                                .draft = {.ns = ns, .name = name}};
    size_t refused;
    assert_int_equal(store_write_wait(cluster->store, &write, NULL, &refused), STORE_OK);
}
