#include "support_store.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/parse.h"

struct postgres *test_postgres;

int postgres_up(void **state)
{
    struct error err = {0};
    (void)state;
    test_postgres = postgres_temp(&err);
    if (!test_postgres)
        fprintf(stderr, "%s\n", err.message);
    return test_postgres ? 0 : -1;
}

int postgres_down(void **state)
{
    (void)state;
    postgres_stop(test_postgres);
    return 0;
}

struct store *store_up(void)
{
    struct error err = {0};
    struct store *store =
        store_open(&(struct store_options){.conninfo = postgres_conninfo(test_postgres)}, &err);
    if (!store)
        fail_msg("%s", err.message);
    return store;
}

struct cluster *cluster_fresh(struct store *store)
{
    static unsigned next;
    char name[32], uid[UUID_TEXT_SIZE];
    struct error err = {0};
    struct cluster *cluster = NULL;
    uuid_make(uid);
    (void)snprintf(name, sizeof(name), "tenant-%u-%.8s", next++, uid);
    if (!store_cluster_create(store, &(struct cluster_seed){.name = name, .uid = uid}, &cluster,
                              &err))
        fail_msg("%s", err.message);
    return cluster;
}

enum store_result put_try(const struct put *put, struct object **object, size_t *refused)
{
    const char *name = put->name ? put->name : "a", *ns = put->ns ? put->ns : "default";
    struct error err = {0};
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    json_auto_t *value =
        json_pack("{s:s, s:{s:s, s:s, s:s}, s:{s:i}}", "kind", "ConfigMap", "metadata", "name",
                  name, "namespace", ns, "uid", "u-1", "data", "value", put->value);
    struct store_write write = {.cluster = put->cluster,
                                .resource =
                                    store_intern(put->resource ? put->resource : "configmaps"),
                                .op = put->op,
                                .value = value,
                                .expect_revision = put->expect,
                                .charges = put->charges,
                                .charge_count = put->charge_count};
    assert_true(object_draft_make(value, &body, &write.draft, &err));
    return store_write_wait(put->cluster->store, &write, object, refused);
}

int64_t put_ok(const struct put *put)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    assert_int_equal(STORE_OK, put_try(put, &object, NULL));
    assert_non_null(object);
    return object->revision;
}

int object_value(const struct object *object)
{
    json_auto_t *value = object_json(object);
    return (int)json_int_or(json_at(value, "data", "value"), -1);
}

int64_t sql(const char *statement)
{
    PGconn *conn = PQconnectdb(postgres_conninfo(test_postgres));
    PQclear(PQexec(conn, "SET search_path = warren"));
    PGresult *result = PQexec(conn, statement);
    ExecStatusType status = PQresultStatus(result);
    int64_t number = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", statement, PQerrorMessage(conn));
    if (PQntuples(result) == 0 ||
        !parse_i64(str_of(PQgetvalue(result, 0, 0)), INT64_MIN, INT64_MAX, &number))
        number = 0;
    PQclear(result);
    PQfinish(conn);
    return number;
}

void eventually(bool (*check)(void *arg), void *arg, const char *what)
{
    int64_t deadline = clock_mono_ns() + (int64_t)60 * 1000000000;
    struct timespec moment = {.tv_nsec = 2000000};
    while (!check(arg)) {
        if (clock_mono_ns() > deadline)
            fail_msg("not in time: %s", what);
        nanosleep(&moment, NULL);
    }
}
