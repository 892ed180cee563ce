/* tests/store/support_store.h: one PostgreSQL a test program, clusters with fresh names, short ways
 * to write. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/cache.h"
#include "store/postgres.h"
#include "store/store.h"

extern struct postgres *test_postgres;

/* For cmocka_run_group_tests. */
int postgres_up(void **state);
int postgres_down(void **state);

struct store *store_up(void); /* opens a store on it; fails the test when it cannot */
/* A cluster with a name that was not used before, and no objects. Referenced. */
struct cluster *cluster_fresh(struct store *store);

/* One write of a ConfigMap-like object `ns`/`name` with data.value = `value`, waited for. */
struct put {
    struct cluster *cluster;
    const char *resource, *ns, *name; /* NULL: "configmaps", "default", "a" */
    enum store_op op;
    int value;
    int64_t expect;
    const struct store_charge *charges;
    size_t charge_count;
};
enum store_result put_try(const struct put *put, struct object **object, size_t *refused);
/* The same, must succeed; its revision. */
int64_t put_ok(const struct put *put);
#define PUT(...) put_ok(&(const struct put){__VA_ARGS__})
/* data.value of an object. */
int object_value(const struct object *object);
/* Runs SQL as the conninfo's role within schema warren; must succeed; the first value as a number,
 * else 0. */
int64_t sql(const char *statement);
/* Waits up to 60 s until `check` is true. */
void eventually(bool (*check)(void *arg), void *arg, const char *what);
