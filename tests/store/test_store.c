#include "support_store.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void outcomes(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    int64_t first = PUT(cluster, .value = 1);
    assert_int_equal(2, first); /* a cluster without objects is at 1 */
    assert_int_equal(3, PUT(cluster, .op = STORE_UPDATE, .value = 2, .expect = first));
    const struct {
        const char *name;
        struct put put;
        enum store_result result;
        int value; /* of the object that comes back; -1: none */
        int64_t revision;
        /* clang-format off */
    } cases[] = {
        {"taken", {cluster, .value = 9}, STORE_EXISTS, 2, 3},
        {"stale update", {cluster, .op = STORE_UPDATE, .value = 9, .expect = first}, STORE_STALE, 2, 3},
        {"stale delete", {cluster, .op = STORE_DELETE, .expect = first}, STORE_STALE, 2, 3},
        {"absent update", {cluster, .name = "b", .op = STORE_UPDATE}, STORE_ABSENT, -1, 0},
        {"absent delete", {cluster, .name = "b", .op = STORE_DELETE}, STORE_ABSENT, -1, 0},
        {"same name in another namespace", {cluster, .ns = "other", .value = 5}, STORE_OK, 5, 4},
        {"same name of another resource", {cluster, .resource = "secrets", .value = 6}, STORE_OK, 6, 5},
        {"any revision", {cluster, .op = STORE_UPDATE, .value = 7}, STORE_OK, 7, 6},
        {"delete gives the last state", {cluster, .op = STORE_DELETE, .expect = 6}, STORE_OK, 7, 7},
        {"twice", {cluster, .op = STORE_DELETE}, STORE_ABSENT, -1, 0},
        {"again", {cluster, .value = 8}, STORE_OK, 8, 8},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(object_unref_ptr) struct object *object = NULL;
        enum store_result result = put_try(&cases[i].put, &object, NULL);
        if (result != cases[i].result || (object ? object_value(object) : -1) != cases[i].value ||
            (object && object->revision != cases[i].revision))
            fail_msg("%s: result %d, value %d, revision %lld", cases[i].name, (int)result,
                     object ? object_value(object) : -1, object ? (long long)object->revision : 0);
    }
    assert_int_equal(8, atomic_load(&cluster->revision));
}

/* Another cluster's rows are never touched, and revisions are each cluster's own. */
static void clusters_are_apart(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *one = cluster_fresh(store);
    CLEANUP(cluster_unref_ptr) struct cluster *two = cluster_fresh(store);
    assert_int_equal(2, PUT(one, .value = 1));
    assert_int_equal(2, PUT(two, .value = 2));
    assert_int_equal(3, PUT(one, .op = STORE_DELETE));
    struct object *object = NULL;
    struct error err = {0};
    assert_true(cache_get(two, "configmaps", "default", "a", &object, &err));
    assert_int_equal(2, object_value(object));
    object_unref(object);
}

struct racer {
    pthread_t thread;
    struct cluster *cluster;
    int number, made;
    int64_t revisions[200];
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    for (int i = 0; i < 200; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "n%d-%d", racer->number, i);
        racer->revisions[racer->made++] = PUT(racer->cluster, .name = name, .value = i);
    }
    return NULL;
}

static void concurrent_writers_leave_no_gap(void **state)
{
    (void)state;
    enum { WRITERS = 8 };
    struct racer racers[WRITERS] = {0};
    bool seen[WRITERS * 200] = {0};
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    for (int i = 0; i < WRITERS; i++) {
        racers[i] = (struct racer){.cluster = cluster, .number = i};
        assert_int_equal(0, pthread_create(&racers[i].thread, NULL, race, &racers[i]));
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(racers[i].thread, NULL);
    for (int i = 0; i < WRITERS; i++)
        for (int k = 0; k < 200; k++) {
            assert_in_range(racers[i].revisions[k], 2, WRITERS * 200 + 1);
            assert_false(seen[racers[i].revisions[k] - 2]);
            seen[racers[i].revisions[k] - 2] = true;
        }
}

static void read_counter(void *arg, const char *counter, int64_t used)
{
    if (strcmp(counter, "pods") == 0)
        *(int64_t *)arg = used;
}

static int64_t pods_used(struct cluster *cluster)
{
    struct error err = {0};
    int64_t used = 0;
    assert_true(store_usage(cluster, "quota/default/q", read_counter, &used, &err));
    return used;
}

static void charges(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    const struct store_charge one[] = {{"plan", "objects", 1, INT64_MAX},
                                       {"quota/default/q", "pods", 1, 2}};
    const struct store_charge too_much[] = {{"plan", "objects", 1, INT64_MAX},
                                            {"quota/default/q", "pods", 3, 2}};
    const struct store_charge back[] = {{"plan", "objects", -1, 0},
                                        {"quota/default/q", "pods", -1, 0}};
    size_t refused = 9;

    assert_int_equal(
        STORE_OVER_LIMIT,
        put_try(&(struct put){cluster, .charges = too_much, .charge_count = 2}, NULL, &refused));
    assert_int_equal(1, refused);
    assert_int_equal(0, pods_used(cluster));
    PUT(cluster, .name = "a", .charges = one, .charge_count = 2);
    PUT(cluster, .name = "b", .charges = one, .charge_count = 2);
    assert_int_equal(STORE_EXISTS,
                     put_try(&(struct put){cluster, .name = "a", .charges = one, .charge_count = 2},
                             NULL, NULL));
    assert_int_equal(STORE_OVER_LIMIT,
                     put_try(&(struct put){cluster, .name = "c", .charges = one, .charge_count = 2},
                             NULL, &refused));
    assert_int_equal(1, refused);
    assert_int_equal(2, pods_used(cluster));
    PUT(cluster, .name = "a", .op = STORE_DELETE, .charges = back, .charge_count = 2);
    assert_int_equal(1, pods_used(cluster));
    PUT(cluster, .name = "c", .charges = one, .charge_count = 2);

    /* The same counter twice in one write counts twice. */
    const struct store_charge twice[] = {{"t", "x", 1, 1}, {"t", "x", 1, 1}};
    assert_int_equal(STORE_OVER_LIMIT, put_try(&(struct put){cluster, .name = "d", .charges = twice,
                                                             .charge_count = 2},
                                               NULL, &refused));
    assert_int_equal(1, refused);
}

static void recount(void **state)
{
    (void)state;
    struct error err = {0};
    bool applied = true;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    const struct store_charge found[] = {{NULL, "pods", 7, 0}, {NULL, "services", 1, 0}};
    int64_t revision = PUT(cluster, .value = 1);
    assert_true(
        store_usage_set(cluster, "quota/default/q", found, 2, revision - 1, &applied, &err));
    assert_false(applied);
    assert_int_equal(0, pods_used(cluster));
    assert_true(store_usage_set(cluster, "quota/default/q", found, 2, revision, &applied, &err));
    assert_true(applied);
    assert_int_equal(7, pods_used(cluster));
    assert_true(store_usage_set(cluster, "quota/default/q", NULL, 0, revision, &applied, &err));
    assert_int_equal(0, pods_used(cluster));
}

static void mappings_are_unique_both_ways(void **state)
{
    (void)state;
    struct error err = {0};
    char *host = NULL;
    CLEANUP(cluster_unref_ptr) struct cluster *one = cluster_fresh(store);
    CLEANUP(cluster_unref_ptr) struct cluster *two = cluster_fresh(store);
    assert_true(
        store_mapping_claim(one, &(struct store_mapping){"pods", "ns/a", "h/x"}, &host, &err));
    assert_string_equal("h/x", host);
    free(host);
    assert_true(store_mapping_claim(one, &(struct store_mapping){"pods", "ns/a", "h/y"}, &host,
                                    &err)); /* keeps its own */
    assert_string_equal("h/x", host);
    free(host);
    assert_false(store_mapping_claim(two, &(struct store_mapping){"pods", "ns/a", "h/x"}, &host,
                                     &err)); /* another's */
    assert_int_equal(409, err.code);
    error_clear(&err);
    assert_false(
        store_mapping_claim(one, &(struct store_mapping){"pods", "ns/b", "h/x"}, &host, &err));
    error_clear(&err);
    assert_true(
        store_mapping_release(two, "pods", "ns/a", &err)); /* not its own: nothing happens */
    assert_false(
        store_mapping_claim(two, &(struct store_mapping){"pods", "ns/a", "h/x"}, &host, &err));
    error_clear(&err);
    assert_true(store_mapping_release(one, "pods", "ns/a", &err));
    assert_true(
        store_mapping_claim(two, &(struct store_mapping){"pods", "ns/a", "h/x"}, &host, &err));
    free(host);
}

static void clusters_come_and_go(void **state)
{
    (void)state;
    struct error err = {0};
    struct cluster *cluster = NULL, *again = NULL;
    CLEANUP(buf_free) struct buf secrets = BUF_TEXT;
    enum { SEEDS = 150 };
    struct store_write writes[SEEDS] = {0};
    char names[SEEDS][16];
    for (int i = 0; i < SEEDS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "s%03d", i);
        writes[i] =
            (struct store_write){.resource = store_intern("configmaps"), .op = STORE_CREATE};
        writes[i].draft = (struct object_draft){
            .ns = "default",
            .name = names[i],
            .uid = "u",
            .revision_at = 13,
            .body = STR("{\"metadata\":{\"name\":\"x\"},\"data\":{\"value\":4}}")};
    }
    const struct cluster_seed seed = {.name = "acme",
                                      .uid = "uid-1",
                                      .secrets = STR("key\0material"),
                                      .writes = writes,
                                      .write_count = SEEDS};
    assert_true(store_cluster_create(store, &seed, &cluster, &err));
    assert_false(store_cluster_create(store, &seed, &again, &err));
    assert_int_equal(409, err.code);
    error_clear(&err);
    assert_true(store_cluster_secrets(cluster, &secrets, &err));
    assert_int_equal(12, secrets.len);
    assert_true(store_cluster_set_secrets(cluster, STR("new"), &err));
    assert_true(store_cluster_secrets(cluster, &secrets, &err));
    assert_string_equal("new", secrets.data);
    struct object_list list = {0};
    assert_true(cache_list(cluster, "configmaps", "default", &list, &err));
    assert_int_equal(SEEDS, list.count);
    assert_int_equal(SEEDS, list.revision);
    assert_string_equal("s149", list.items[149]->name);
    assert_int_equal(150, list.items[149]->revision);
    object_list_free(&list);
    assert_int_equal(SEEDS + 1, PUT(cluster, .name = "next"));

    assert_true(store_cluster_set_state(cluster, CLUSTER_SUSPENDED, &err));
    assert_int_equal(1, sql("SELECT state FROM cluster WHERE name = 'acme'"));
    struct watch *watch = NULL;
    assert_int_equal(CACHE_LIST_OK,
                     watch_open(cluster, "configmaps", SEEDS + 1, NULL, NULL, &watch));
    assert_true(store_cluster_delete(cluster, &err));
    struct event *event;
    assert_int_equal(WATCH_GONE, watch_next(watch, &event));
    watch_close(watch);
    assert_null(store_cluster(store, "acme"));
    assert_int_equal(STORE_NO_CLUSTER, put_try(&(struct put){.cluster = cluster}, NULL, NULL));
    assert_false(cache_warm(cluster, "configmaps", &err));
    error_clear(&err);
    char *count = xasprintf(
        "SELECT (SELECT count(*) FROM object WHERE cluster = %lld) + (SELECT count(*) FROM change "
        "WHERE cluster = %lld) + (SELECT count(*) FROM head WHERE cluster = %lld)",
        (long long)cluster->id, (long long)cluster->id, (long long)cluster->id);
    assert_int_equal(0, sql(count));
    free(count);
    cluster_unref(cluster);
    assert_true(store_cluster_create(store, &seed, &cluster, &err)); /* the name is free again */
    assert_true(store_cluster_delete(cluster, &err));
    cluster_unref(cluster);
}

static void unsettled(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    for (int round = 0; round < 3; round++) {
        size_t count = 0;
        bool found = false;
        struct cluster **all = store_unsettled(store, &count, &err);
        assert_non_null(all);
        for (size_t i = 0; i < count; i++) {
            found = found || all[i] == cluster;
            cluster_unref(all[i]);
        }
        free(all);
        assert_int_equal(round != 1, found); /* new; settled; changed again */
        if (round == 0)
            assert_true(store_cluster_settled(cluster, atomic_load(&cluster->revision), &err));
        if (round == 1)
            PUT(cluster, .value = 1);
    }
}

struct flood {
    atomic_uint answered, taken, refused;
};

static void count_answer(struct store_write *write, enum store_result result, struct object *object,
                         size_t refused)
{
    struct flood *flood = write->arg;
    (void)object;
    (void)refused;
    atomic_fetch_add(result == STORE_OK ? &flood->taken : &flood->refused, 1);
    atomic_fetch_add(&flood->answered, 1);
}

static bool all_answered(void *arg)
{
    return atomic_load(&((struct flood *)arg)->answered) == 9000;
}

static void full_queue_answers_at_once(void **state)
{
    (void)state;
    struct flood flood = {0};
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    struct store_write *writes = xcalloc(9000, sizeof(*writes));
    char(*names)[16] = xcalloc(9000, 16);
    for (int i = 0; i < 9000; i++) {
        (void)snprintf(names[i], 16, "f%d", i);
        writes[i] = (struct store_write){.cluster = cluster,
                                         .resource = store_intern("configmaps"),
                                         .op = STORE_CREATE,
                                         .done = count_answer,
                                         .arg = &flood};
        writes[i].draft = (struct object_draft){.ns = "",
                                                .name = names[i],
                                                .uid = "",
                                                .revision_at = 13,
                                                .body = STR("{\"metadata\":{}}")};
        store_submit(store, &writes[i]);
    }
    eventually(all_answered, &flood, "every write is answered");
    assert_true(atomic_load(&flood.refused) > 0);
    assert_true(atomic_load(&flood.taken) >= 4096);
    assert_int_equal(atomic_load(&flood.taken) + 1, atomic_load(&cluster->revision));
    free(writes);
    free(names);
}

struct tally {
    atomic_int answers[STORE_UNAVAILABLE + 1], all;
};

static void tally_answer(struct store_write *write, enum store_result result, struct object *object,
                         size_t refused)
{
    struct tally *tally = write->arg;
    (void)object;
    (void)refused;
    atomic_fetch_add(&tally->answers[result], 1);
    atomic_fetch_add(&tally->all, 1);
}

static bool tally_full(void *arg)
{
    return atomic_load(&((struct tally *)arg)->all) == 60;
}

/* Creates that are sent together, some of which must fail: those alone fail, and revisions have no
 * gap. */
static void bulk_creates(void **state)
{
    (void)state;
    static const struct store_charge charges[] = {{"plan", "objects", 1, INT64_MAX},
                                                  {"quota/default/q", "pods", 1, 25}};
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    struct store_write writes[60];
    struct tally tally = {0};
    char names[30][16];
    for (int i = 0; i < 60; i++) { /* each name twice; room for 25 of 30 */
        if (i < 30)
            (void)snprintf(names[i], sizeof(names[i]), "b%d", i);
        writes[i] = (struct store_write){.cluster = cluster,
                                         .resource = store_intern("configmaps"),
                                         .op = STORE_CREATE,
                                         .charges = charges,
                                         .charge_count = 2,
                                         .done = tally_answer,
                                         .arg = &tally};
        writes[i].draft = (struct object_draft){.ns = "",
                                                .name = names[i % 30],
                                                .uid = "",
                                                .revision_at = 13,
                                                .body = STR("{\"metadata\":{}}")};
        store_submit(store, &writes[i]);
    }
    eventually(tally_full, &tally, "every write is answered");
    assert_int_equal(25, atomic_load(&tally.answers[STORE_OK]));
    assert_int_equal(25, atomic_load(&tally.answers[STORE_EXISTS]));
    assert_int_equal(10, atomic_load(&tally.answers[STORE_OVER_LIMIT]));
    assert_int_equal(25, pods_used(cluster));
    assert_int_equal(26, atomic_load(&cluster->revision));
}

/* A statement that forgets its cluster sees nothing of another's; one without a setting sees
 * nothing at all. */
/* ---- a write on the thread that brings it ---- */

/* An update of `a` that may be left to the store: answered on another thread then. */
struct mine {
    struct store_write write;
    struct buf body;
    json_t *value;
    int other_fd; /* of begun_here */
    atomic_int answers;
    enum store_result result;
};

static void note_mine(struct store_write *write, enum store_result result, struct object *object,
                      size_t refused)
{
    struct mine *mine = write->arg;
    (void)object, (void)refused;
    mine->result = result;
    atomic_fetch_add(&mine->answers, 1);
}

static void mine_make(struct mine *mine, struct cluster *cluster, enum store_op op, int value)
{
    struct error err = {0};
    *mine = (struct mine){.body = BUF_INIT(4096), .other_fd = -1};
    mine->value = json_pack("{s:{s:s,s:s,s:s},s:{s:i}}", "metadata", "name", "a", "namespace",
                            "default", "uid", "u", "data", "value", value);
    mine->write = (struct store_write){.cluster = cluster,
                                       .resource = store_intern("configmaps"),
                                       .op = op,
                                       .value = mine->value,
                                       .done = note_mine,
                                       .arg = mine};
    assert_true(object_draft_make(mine->value, &mine->body, &mine->write.draft, &err));
}

static void mine_clear(struct mine *mine)
{
    json_decref(mine->value);
    buf_free(&mine->body);
}

static bool mine_answered(void *arg)
{
    struct mine *mine = arg;
    return atomic_load(&mine->answers) > 0;
}

/* Whether it was written on this thread; if so, the value that came back (-1: none). */
static bool mine_here(struct mine *mine, int other_fd, enum store_result *result, int *value)
{
    struct store_written written = {0};
    if (!store_write_here(store, &mine->write, other_fd, &written))
        return false;
    *result = written.result;
    *value = written.object ? object_value(written.object) : -1;
    object_unref(written.object);
    return true;
}

/* Keeps the cluster's row, so that writes to it wait, until it is closed. */
static PGconn *hold_row(const struct cluster *cluster)
{
    PGconn *conn = PQconnectdb(postgres_conninfo(test_postgres));
    char *lock = xasprintf("BEGIN; SELECT 1 FROM warren.head WHERE cluster = %lld FOR UPDATE",
                           (long long)cluster->id);
    PGresult *held = PQexec(conn, lock);
    assert_int_equal(PGRES_TUPLES_OK, PQresultStatus(held));
    PQclear(held);
    free(lock);
    return conn;
}

/* True once the write waits in the database; while writes that met are still remembered, it is not
 * begun. */
static bool begun_here(void *arg)
{
    struct mine *mine = arg;
    enum store_result result;
    int value;
    assert_false(mine_here(mine, mine->other_fd, &result, &value));
    return sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 1;
}

/* What is begun here goes on in the store: once, in order, whatever else was meant to be looked
 * after. */
static void left_write_goes_on(void **state)
{
    (void)state;
    int pipe_fds[2];
    assert_int_equal(0, pipe(pipe_fds));
    assert_int_equal(1, write(pipe_fds[1], "x", 1));
    const struct {
        const char *name;
        int other_fd;
    } cases[] = {{"late", -1}, {"wanted elsewhere", pipe_fds[0]}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
        struct mine first, second;
        enum store_result result;
        int value;
        mine_make(&first, cluster, STORE_CREATE, 1);
        mine_make(&second, cluster, STORE_UPDATE, 2);
        PGconn *holder = hold_row(cluster);
        first.other_fd = cases[i].other_fd;
        eventually(begun_here, &first, cases[i].name);
        store_submit(store, &first.write);
        if (mine_here(&second, -1, &result, &value))
            fail_msg("%s: passed a write that was before it", cases[i].name);
        store_submit(store, &second.write);
        assert_int_equal(0, atomic_load(&first.answers) + atomic_load(&second.answers));
        PQfinish(holder);
        eventually(mine_answered, &first, "the first answer");
        eventually(mine_answered, &second, "the second answer");
        assert_int_equal(STORE_OK, first.result);
        assert_int_equal(STORE_OK, second.result);
        assert_int_equal(3, atomic_load(&cluster->revision));
        mine_clear(&first);
        mine_clear(&second);
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static bool writes_here(void *arg)
{
    struct mine *mine = arg;
    enum store_result result;
    int value;
    if (mine_here(mine, -1, &result, &value)) {
        assert_int_equal(STORE_OK, result);
        assert_int_equal(7, value);
        return true;
    }
    store_submit(store, &mine->write);
    eventually(mine_answered, mine, "an answer");
    assert_int_equal(STORE_OK, mine->result);
    atomic_store(&mine->answers, 0);
    return false;
}

/* A write that is alone is over at once, as soon as the machine answers within the millisecond.
 * What is not plain is gone on with in the same way. */
static void lone_write_is_written_here(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    struct mine update, taken;
    PUT(cluster, .value = 1);
    mine_make(&update, cluster, STORE_UPDATE, 7);
    eventually(writes_here, &update, "a write here");
    mine_make(&taken, cluster, STORE_CREATE, 8);
    enum store_result result;
    int value;
    assert_false(mine_here(&taken, -1, &result, &value)); /* creates that fail are written anew */
    store_submit(store, &taken.write);
    eventually(mine_answered, &taken, "an answer");
    assert_int_equal(STORE_EXISTS, taken.result);
    mine_clear(&update);
    mine_clear(&taken);
}

/* A connection that is cut under a write begun here is no loss: it is found out what became of it.
 */
static void left_write_survives_its_connection(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    struct mine mine;
    mine_make(&mine, cluster, STORE_CREATE, 1);
    PGconn *holder = hold_row(cluster);
    eventually(begun_here, &mine, "a write that waits");
    sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = "
        "'Lock'");
    store_submit(store, &mine.write);
    PQfinish(holder);
    eventually(mine_answered, &mine, "an answer");
    assert_int_equal(STORE_OK, mine.result);
    assert_int_equal(1, atomic_load(&mine.answers));
    assert_int_equal(2, atomic_load(&cluster->revision));
    mine_clear(&mine);
}

static void row_level_security(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *one = cluster_fresh(store);
    CLEANUP(cluster_unref_ptr) struct cluster *two = cluster_fresh(store);
    struct error err = {0};
    const struct store_charge charge = {"plan", "objects", 1, INT64_MAX};
    char *host = NULL;
    for (int i = 0; i < 2; i++) {
        struct cluster *cluster = i ? two : one;
        PUT(cluster, .charges = &charge, .charge_count = 1);
        assert_true(store_mapping_claim(
            cluster, &(struct store_mapping){"rls", i ? "b" : "a", i ? "b" : "a"}, &host, &err));
        free(host);
    }
    static const char *const tables[] = {"object", "change", "usage", "mapping", "head"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char *own = xasprintf("SET ROLE warren_tenant; SET warren.cluster = '%lld'; "
                              "SELECT count(*) FROM %s WHERE cluster <> %lld",
                              (long long)one->id, tables[i], (long long)one->id);
        char *none = xasprintf("SET ROLE warren_tenant; SELECT count(*) FROM %s", tables[i]);
        char *some = xasprintf(
            "SET ROLE warren_tenant; SET warren.cluster = '%lld'; SELECT count(*) FROM %s",
            (long long)one->id, tables[i]);
        if (sql(own) != 0 || sql(none) != 0 || sql(some) == 0)
            fail_msg("rows of %s show", tables[i]);
        free(own);
        free(none);
        free(some);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),
        cmocka_unit_test(clusters_are_apart),
        cmocka_unit_test(concurrent_writers_leave_no_gap),
        cmocka_unit_test(charges),
        cmocka_unit_test(recount),
        cmocka_unit_test(mappings_are_unique_both_ways),
        cmocka_unit_test(clusters_come_and_go),
        cmocka_unit_test(unsettled),
        cmocka_unit_test(full_queue_answers_at_once),
        cmocka_unit_test(bulk_creates),
        cmocka_unit_test(left_write_goes_on),
        cmocka_unit_test(lone_write_is_written_here),
        cmocka_unit_test(left_write_survives_its_connection),
        cmocka_unit_test(row_level_security),
    };
    return cmocka_run_group_tests(tests, up, down);
}
