/* Kill -9 at random instants: what was acknowledged is there, and revisions have no gap and no
 * duplicate. */
#include "support_store.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"

#define ROUNDS  8
#define THREADS 4

extern char **environ;
static const char *program;

static void pause_ms(long ms)
{
    struct timespec delay = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&delay, NULL);
}

static long random_below(long limit)
{
    uint32_t value;
    random_bytes(&value, sizeof(value));
    return (long)(value % (uint32_t)limit);
}

/* ---- the child: writes, and says on its standard output what was acknowledged ---- */

struct child_thread {
    pthread_t thread;
    struct cluster *cluster;
    int number;
};

static void *child_run(void *arg)
{
    struct child_thread *child = arg;
    for (int i = 0;; i++) {
        char line[96], name[48];
        (void)snprintf(name, sizeof(name), "r%d-%d-%d", (int)getpid(), child->number, i);
        int64_t revision = PUT(child->cluster, .name = name, .value = i);
        int len = snprintf(line, sizeof(line), "%lld %s\n", (long long)revision, name);
        if (write(STDOUT_FILENO, line, (size_t)len) != len) /* one write: a line arrives whole */
            _exit(1);
    }
}

static int child_main(const char *conninfo)
{
    struct error err = {0};
    struct child_thread threads[THREADS];
    struct store *store = store_open(&(struct store_options){.conninfo = conninfo}, &err);
    struct cluster *cluster = store ? store_cluster(store, "crash") : NULL;
    if (!cluster)
        return 1;
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct child_thread){.cluster = cluster, .number = i};
        pthread_create(&threads[i].thread, NULL, child_run, &threads[i]);
    }
    pthread_join(threads[0].thread, NULL); /* never: the parent kills us */
    return 1;
}

/* ---- what was acknowledged ---- */

struct acknowledged {
    int64_t *revisions;
    char (*names)[48];
    size_t count, capacity;
};

static void note(struct acknowledged *all, int64_t revision, const char *name)
{
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : 1024;
        all->revisions = xreallocarray(all->revisions, all->capacity, sizeof(*all->revisions));
        all->names = xreallocarray(all->names, all->capacity, sizeof(*all->names));
    }
    all->revisions[all->count] = revision;
    (void)snprintf(all->names[all->count++], sizeof(*all->names), "%s", name);
}

static void note_lines(struct acknowledged *all, FILE *lines)
{
    char line[128];
    while (fgets(line, sizeof(line), lines)) {
        char name[48];
        long long revision;
        if (sscanf(line, "%lld %47s", &revision, name) == 2 && strchr(line, '\n'))
            note(all, revision, name);
    }
}

static void acknowledged_free(struct acknowledged *all)
{
    free(all->revisions);
    free(all->names);
}

/* Against the tables, not against any cache of ours. */
static void check(const struct acknowledged *all, const char *cluster)
{
    char *query =
        xasprintf("SELECT o.revision, o.name FROM object o JOIN cluster c ON c.id = o.cluster "
                  "WHERE c.name = '%s' ORDER BY o.name",
                  cluster);
    char *gaps = xasprintf(
        "SELECT count(*) FILTER (WHERE revision <> place) + abs(max(revision) - max(head)) FROM "
        "(SELECT ch.revision, 1 + row_number() OVER (ORDER BY ch.revision) AS place, h.revision AS "
        "head "
        "FROM change ch JOIN cluster c ON c.id = ch.cluster JOIN head h ON h.cluster = c.id "
        "WHERE c.name = '%s') t",
        cluster);
    PGconn *conn = PQconnectdb(postgres_conninfo(test_postgres));
    PQclear(PQexec(conn, "SET search_path = warren"));
    PGresult *rows = PQexec(conn, query);
    assert_int_equal(PGRES_TUPLES_OK, PQresultStatus(rows));
    for (size_t i = 0; i < all->count; i++) {
        int low = 0, high = PQntuples(rows);
        while (low < high) {
            int middle = (low + high) / 2;
            if (strcmp(PQgetvalue(rows, middle, 1), all->names[i]) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        int64_t revision = 0;
        if (low == PQntuples(rows) || strcmp(PQgetvalue(rows, low, 1), all->names[i]) != 0 ||
            !parse_i64(str_of(PQgetvalue(rows, low, 0)), 1, INT64_MAX, &revision) ||
            revision != all->revisions[i])
            fail_msg("%s was acknowledged as revision %lld", all->names[i],
                     (long long)all->revisions[i]);
    }
    PQclear(rows);
    PQfinish(conn);
    assert_int_equal(0, sql(gaps));
    free(query);
    free(gaps);
}

/* ---- the server is killed ---- */

static FILE *child_start(pid_t *pid)
{
    int ends[2];
    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
    const char *argv[] = {program, "child", postgres_conninfo(test_postgres), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    assert_int_equal(
        0, posix_spawn(pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ));
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    return fdopen(ends[0], "r");
}

static void killed_server_loses_nothing(void **state)
{
    (void)state;
    struct acknowledged all = {0};
    struct error err = {0};
    struct cluster *cluster;
    struct store *store = store_up();
    assert_true(store_cluster_create(store, &(struct cluster_seed){.name = "crash", .uid = "u"},
                                     &cluster, &err));
    cluster_unref(cluster);
    store_close(store);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pid;
        FILE *lines = child_start(&pid);
        int first = fgetc(lines); /* it has begun */
        assert_int_not_equal(EOF, first);
        ungetc(first, lines);
        pause_ms(random_below(60));
        kill(pid, SIGKILL);
        note_lines(&all, lines);
        (void)fclose(lines);
        waitpid(pid, NULL, 0);
        check(&all, "crash");
    }
    assert_true(all.count > 10);
    acknowledged_free(&all);
}

/* ---- PostgreSQL, or a session of it, is killed ---- */

struct writing {
    pthread_t thread;
    struct cluster *cluster;
    int number, unavailable;
    atomic_bool *stop;
    struct acknowledged done;
};

static void *write_run(void *arg)
{
    struct writing *writing = arg;
    for (int i = 0; !atomic_load(writing->stop); i++) {
        char name[48];
        struct object *object = NULL;
        (void)snprintf(name, sizeof(name), "w%d-%d", writing->number, i);
        enum store_result result = put_try(
            &(struct put){.cluster = writing->cluster, .name = name, .value = i}, &object, NULL);
        if (result == STORE_OK)
            note(&writing->done, object->revision, name);
        else if (result == STORE_UNAVAILABLE)
            writing->unavailable++;
        else
            note(&writing->done, -1, name); /* EXISTS would mean that it was written twice */
        object_unref(object);
    }
    return NULL;
}

struct bench_of_writers {
    struct store *store;
    struct cluster *cluster;
    struct writing writers[THREADS];
    atomic_bool stop;
};

static void writers_start(struct bench_of_writers *all)
{
    all->store = store_up();
    all->cluster = cluster_fresh(all->store);
    atomic_store(&all->stop, false);
    for (int i = 0; i < THREADS; i++) {
        all->writers[i] =
            (struct writing){.cluster = all->cluster, .number = i, .stop = &all->stop};
        pthread_create(&all->writers[i].thread, NULL, write_run, &all->writers[i]);
    }
}

static bool is_healthy(void *arg)
{
    return store_healthy(arg);
}

/* Checks what was acknowledged; returns how much, and how many writes got no answer. */
static size_t writers_check(struct bench_of_writers *all, int *unavailable)
{
    size_t count = 0;
    *unavailable = 0;
    atomic_store(&all->stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(all->writers[i].thread, NULL);
        check(&all->writers[i].done, all->cluster->name);
        count += all->writers[i].done.count;
        *unavailable += all->writers[i].unavailable;
        acknowledged_free(&all->writers[i].done);
    }
    assert_true(count + 1 <= (size_t)atomic_load(&all->cluster->revision));
    eventually(is_healthy, all->store, "the store is well again");
    cluster_unref(all->cluster);
    store_close(all->store);
    return count;
}

static void cut_sessions_are_resolved(void **state)
{
    (void)state;
    struct bench_of_writers all;
    int unavailable;
    writers_start(&all);
    for (int round = 0; round < 25; round++) {
        pause_ms(random_below(40));
        sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'warren' AND pid <> pg_backend_pid()");
    }
    pause_ms(300);
    size_t count = writers_check(&all, &unavailable);
    assert_int_equal(0, unavailable); /* each was resolved, and written again if it had to be */
    assert_true(count > 0);           /* how many is a matter of the machine */
}

static void killed_database_loses_nothing(void **state)
{
    (void)state;
    struct bench_of_writers all;
    struct error err = {0};
    int unavailable;
    writers_start(&all);
    for (int round = 0; round < ROUNDS / 2; round++) {
        pause_ms(100 + random_below(100));
        assert_true(postgres_crash(test_postgres, &err));
        pause_ms(random_below(200));
        if (!postgres_restart(test_postgres, &err))
            fail_msg("%s", err.message);
    }
    eventually(is_healthy, all.store, "the store is well again");
    pause_ms(200);
    size_t count = writers_check(&all, &unavailable);
    assert_int_equal(0, unavailable); /* it came back within the 10 s that a write waits */
    assert_true(count > 0);           /* how many is a matter of the machine */
}

static void long_outage_is_answered(void **state)
{
    (void)state;
    struct error err = {0};
    struct store *store = store_up();
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = cluster_fresh(store);
    PUT(cluster, .name = "before");
    assert_true(postgres_crash(test_postgres, &err));
    /* A session outlives its postmaster for a moment, and what it commits is durable. */
    enum store_result result = STORE_OK;
    int64_t start = 0, survived = -1;
    while (result == STORE_OK) {
        char name[32];
        (void)snprintf(name, sizeof(name), "lost-%d", (int)++survived);
        start = clock_mono_ns();
        result = put_try(&(struct put){.cluster = cluster, .name = name}, NULL, NULL);
    }
    assert_int_equal(STORE_UNAVAILABLE, result);
    int64_t waited_ms = (clock_mono_ns() - start) / 1000000;
    assert_in_range(waited_ms, 9000, 25000);
    start = clock_mono_ns();
    assert_int_equal(STORE_UNAVAILABLE,
                     put_try(&(struct put){.cluster = cluster, .name = "lost"}, NULL, NULL));
    assert_true((clock_mono_ns() - start) / 1000000 < 5000); /* now at once */
    assert_false(store_healthy(store));
    if (!postgres_restart(test_postgres, &err))
        fail_msg("%s", err.message);
    eventually(is_healthy, store, "the store is well again");
    assert_int_equal(3 + survived, PUT(cluster, .name = "after"));
    store_close(store);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return child_main(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_server_loses_nothing),
        cmocka_unit_test(cut_sessions_are_resolved),
        cmocka_unit_test(killed_database_loses_nothing),
        cmocka_unit_test(long_outage_is_answered),
    };
    return cmocka_run_group_tests(tests, postgres_up, postgres_down);
}
