/* Partitions of `change`: whoever keeps them from being made, no write is refused and no event
 * lost. */
#include "support_store.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "base/parse.h"

#define LOCK "x'77617272656e02'::bigint" /* who makes or drops them has it */
#define TRY(select)                                                                                \
    "SELECT CASE WHEN pg_try_advisory_xact_lock(" LOCK ") THEN (" select ")::text END"
#define NO_PARTITIONS "SELECT drop_change_partitions(clock_timestamp() + interval '1 day', 0)"
#define OLD_CALL      "SELECT change_partitions(600)"
#define PAUSE         "SELECT pg_sleep(0.2)"
#define MAKE_NOW      "SELECT make_change_partitions(clock_timestamp(), 3)"

static struct store *store;

static int up(void **state)
{
    if (postgres_up(state))
        return -1;
    store = store_up();
    return 0;
}

static int down(void **state)
{
    store_close(store);
    return postgres_down(state);
}

/* ---- sessions that are in the way ---- */

static PGconn *session(const char *statement)
{
    PGconn *conn = PQconnectdb(postgres_conninfo(test_postgres));
    PQclear(PQexec(conn, "SET search_path = warren; SET lock_timeout = '50ms'"));
    PGresult *result = PQexec(conn, statement);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", statement, PQerrorMessage(conn));
    PQclear(result);
    return conn;
}

/* What became of a statement: "" or its SQLSTATE. */
static void state_of(PGconn *conn, const char *statement, char out[6])
{
    PGresult *result = PQexec(conn, statement);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    (void)snprintf(out, 6, "%s", state ? state : "");
    PQclear(result);
}

static void assert_state(const char *want, const char *statement)
{
    char state[6];
    PGconn *conn = session("SELECT 1");
    state_of(conn, statement, state);
    PQfinish(conn);
    assert_string_equal(want, state);
}

static int64_t sql_free(char *statement)
{
    int64_t number = sql(statement);
    free(statement);
    return number;
}
#define SQL(...) sql_free(xasprintf(__VA_ARGS__))

static void assert_in_default(int64_t want, const struct cluster *cluster)
{
    assert_int_equal(want, SQL("SELECT count(*) FROM change_default WHERE cluster = %lld",
                               (long long)cluster->id));
}

/* ---- what a server that knew nothing of it finds in the tables ---- */

/* From `revision` to `last`, one event each, to a server that was not there. */
static void assert_history(const char *name, int64_t revision, int64_t last)
{
    struct error err = {0};
    struct store *other = store_up();
    struct cluster *there = store_cluster(other, name);
    struct watch *watch;
    assert_true(cache_warm(there, "configmaps", &err));
    assert_int_equal(CACHE_LIST_OK, watch_open(there, "configmaps", revision, NULL, NULL, &watch));
    while (++revision <= last) {
        struct event *event;
        assert_int_equal(WATCH_EVENT, watch_next(watch, &event));
        assert_int_equal(revision, event->revision);
        event_unref(event);
    }
    watch_close(watch);
    cluster_unref(there);
    store_close(other);
}

static int64_t put_three(struct cluster *cluster, const char *name)
{
    PUT(cluster, .name = name, .value = 1);
    PUT(cluster, .name = name, .op = STORE_UPDATE, .value = 2);
    return PUT(cluster, .name = name, .op = STORE_DELETE);
}

/* As a backup does: it holds its locks until it ends. */
static void a_long_reader_keeps_nobody_from_writing(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    int64_t first = PUT(cluster, .value = 1);
    sql(NO_PARTITIONS);
    PGconn *reader = session("BEGIN; LOCK TABLE change, change_default IN ACCESS SHARE MODE");
    assert_state("55P03", MAKE_NOW);
    int64_t before = put_three(cluster, "b");
    assert_in_default(3, cluster);
    PQfinish(reader);
    sql(MAKE_NOW);
    assert_true(sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'change'::regclass") > 3);
    int64_t last = put_three(cluster, "c");
    assert_int_equal(before + 3, last);
    assert_history(cluster->name, first, last);
}

/* What readers of a snapshot see does not change, and they do not keep partitions from being
 * dropped for ever. */
static void an_open_snapshot_stays_whole(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    char outcome[6];
    PUT(cluster, .value = 1);
    PGconn *reader =
        session("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT count(*) FROM change");
    assert_state("55P03", NO_PARTITIONS);
    put_three(cluster, "b");
    state_of(reader, "SELECT count(*) FROM change", outcome);
    assert_string_equal("", outcome);
    PQfinish(reader);
    assert_state("", NO_PARTITIONS);
    assert_int_equal(0, sql("SELECT count(*) FROM change"));
    sql(MAKE_NOW);
}

/* Another session is at them, and stays there: a server starts all the same, and writes. */
static void nobody_makes_them(void **state)
{
    (void)state;
    PGconn *other = session("SELECT pg_advisory_lock(" LOCK ")");
    sql(NO_PARTITIONS);
    struct store *late = store_up();
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(late);
    int64_t first = PUT(cluster, .value = 1);
    int64_t last = put_three(cluster, "b");
    assert_in_default(4, cluster);
    assert_true(store_healthy(late));
    char name[64];
    (void)snprintf(name, sizeof(name), "%s", cluster->name);
    cluster_unref(TAKE(cluster));
    store_close(late);
    PQfinish(other);
    assert_history(name, first, last);
}

/* ---- time ---- */

static void set_clock(const struct cluster *cluster, int64_t at_s)
{
    SQL("UPDATE head SET changed_at = to_timestamp(%lld) WHERE cluster = %lld", (long long)at_s,
        (long long)cluster->id);
}

/* A clock goes far ahead and comes back: what was written then keeps its place, between the past
 * that is dropped before it and what is written once that time has come. */
static void a_clock_that_was_set(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    int64_t slot_s = sql("SELECT (floor(extract(epoch FROM now()) / 300) * 300)::bigint") + 300000;
    sql(NO_PARTITIONS);
    sql(MAKE_NOW);
    int64_t first = PUT(cluster, .value = 1);
    set_clock(cluster, slot_s + 10);
    int64_t ahead = put_three(cluster, "b");
    SQL("SELECT make_change_partitions(to_timestamp(%lld), 3)", (long long)(slot_s + 20));
    SQL("SELECT 1 / (to_regclass('change_%lld') IS NULL)::int", (long long)slot_s);
    SQL("SELECT 1 / (to_regclass('change_%lld') IS NOT NULL)::int", (long long)(slot_s + 300));
    assert_int_equal(ahead + 3, put_three(cluster, "c")); /* still in that period */
    set_clock(cluster, slot_s + 310);
    int64_t last = put_three(cluster, "d");
    assert_in_default(6, cluster);
    assert_history(cluster->name, first, last);
    SQL("SELECT drop_change_partitions(to_timestamp(%lld), 0)", (long long)(slot_s + 310));
    assert_int_equal(3, sql("SELECT count(*) FROM change"));
    assert_history(cluster->name, last - 3, last);
    sql(NO_PARTITIONS);
    sql(MAKE_NOW);
}

static void the_metric_tells_how_far(void **state)
{
    (void)state;
    static const char name[] = "\nwarren_change_partitions_until_seconds ";
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    int64_t until_s;
    metrics_render(&text);
    const char *line = strstr(text.data, name);
    assert_non_null(line);
    struct str rest = str_of(line + sizeof(name) - 1);
    assert_true(parse_i64(str_cut(&rest, '\n'), 1, INT64_MAX, &until_s));
    assert_true(until_s - clock_now_us() / 1000000 > 1200);
}

/* ---- everything at once ---- */

struct keeper {
    pthread_t thread;
    atomic_bool *stop;
    const char *const *statements;
    unsigned deadlocks;
};

static void *keep(void *arg)
{
    struct keeper *keeper = arg;
    PGconn *conn = session("SELECT 1");
    for (size_t i = 0; !atomic_load(keeper->stop); i++) {
        char outcome[6];
        if (!keeper->statements[i])
            i = 0;
        state_of(conn, keeper->statements[i], outcome);
        keeper->deadlocks += strcmp(outcome, "40P01") == 0;
    }
    PQfinish(conn);
    return NULL;
}

struct scribe {
    pthread_t thread;
    struct cluster *cluster;
    int number;
};

static void *scribble(void *arg)
{
    struct scribe *scribe = arg;
    for (int i = 0; i < 40; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "s%d-%d", scribe->number, i);
        put_three(scribe->cluster, name);
    }
    return NULL;
}

/* Two servers write; partitions come and go, readers stay for long: each write is taken, and the
 * servers agree. */
static void two_servers_write_on(void **state)
{
    (void)state;
    static const char *const makes[] = {TRY(NO_PARTITIONS), PAUSE,         TRY(MAKE_NOW), PAUSE,
                                        TRY(OLD_CALL),      TRY(MAKE_NOW), PAUSE,         NULL};
    static const char *const reads[] = {"BEGIN; SELECT count(*) FROM change; SELECT "
                                        "pg_sleep(0.07); SELECT count(*) FROM change; COMMIT",
                                        "SELECT min(revision) FROM change", NULL};
    atomic_bool stop = false;
    struct keeper keepers[] = {{.stop = &stop, .statements = makes},
                               {.stop = &stop, .statements = makes},
                               {.stop = &stop, .statements = reads}};
    struct store *other = store_up();
    CLEANUP(cluster_unref_ptr) struct cluster *one = cluster_fresh(store);
    CLEANUP(cluster_unref_ptr) struct cluster *two = cluster_fresh(other);
    struct scribe scribes[] = {{.cluster = one, .number = 0},
                               {.cluster = two, .number = 1},
                               {.cluster = two, .number = 2}};
    for (size_t i = 0; i < ARRAY_LEN(keepers); i++)
        pthread_create(&keepers[i].thread, NULL, keep, &keepers[i]);
    for (size_t i = 0; i < ARRAY_LEN(scribes); i++)
        pthread_create(&scribes[i].thread, NULL, scribble, &scribes[i]);
    for (size_t i = 0; i < ARRAY_LEN(scribes); i++)
        pthread_join(scribes[i].thread, NULL);
    atomic_store(&stop, true);
    for (size_t i = 0; i < ARRAY_LEN(keepers); i++) {
        pthread_join(keepers[i].thread, NULL);
        assert_int_equal(0, keepers[i].deadlocks);
    }
    assert_int_equal(121, atomic_load(&one->revision));
    assert_int_equal(241, atomic_load(&two->revision));
    store_close(other);
    sql(NO_PARTITIONS);
    sql(MAKE_NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_reader_keeps_nobody_from_writing),
        cmocka_unit_test(an_open_snapshot_stays_whole),
        cmocka_unit_test(nobody_makes_them),
        cmocka_unit_test(a_clock_that_was_set),
        cmocka_unit_test(the_metric_tells_how_far),
        cmocka_unit_test(two_servers_write_on),
    };
    return cmocka_run_group_tests(tests, up, down);
}
