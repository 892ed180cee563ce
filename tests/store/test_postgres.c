#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/postgres.h"

extern char **environ;
static const char *program;

/* Runs one statement as the conninfo's role; true when it succeeds. */
static bool run_sql(const char *conninfo, const char *sql)
{
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    PQfinish(conn);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void data_survives_stop_and_kill(void **state)
{
    (void)state;
    struct error err = {0};
    char dir[] = "/tmp/store-pgdir-XXXXXX";
    assert_non_null(mkdtemp(dir));
    chmod(dir, 0755);
    struct postgres_options options = {.dir = dir};

    struct postgres *first = postgres_start(&options, &err);
    assert_non_null(first);
    assert_true(run_sql(postgres_conninfo(first), "CREATE TABLE t (a int)"));
    postgres_stop(first);

    struct postgres *second = postgres_start(&options, &err);
    assert_non_null(second);
    assert_true(run_sql(postgres_conninfo(second), "INSERT INTO t VALUES (1)"));
    assert_true(postgres_crash(second, &err));
    assert_false(postgres_alive(second));
    struct postgres *third = postgres_start(&options, &err); /* finds a stale postmaster.pid */
    assert_non_null(third);
    assert_true(run_sql(postgres_conninfo(third), "SELECT 1 / count(*) FROM t"));

    struct postgres *fourth =
        postgres_start(&options, &err); /* finds one that still runs: takes over */
    assert_non_null(fourth);
    assert_true(run_sql(postgres_conninfo(fourth), "SELECT 1 / count(*) FROM t"));
    postgres_stop(fourth);
    postgres_stop(third);
    postgres_stop(second);
    assert_int_equal(0, nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

/* As below /root: initdb would only say that permission is denied. */
static void directory_closed_to_postgres_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct error err = {0};
    char dir[] = "/tmp/store-pgdir-XXXXXX"; /* made with mode 0700 */
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_ptr) char *below = xasprintf("%s/data", dir);
    struct postgres_options options = {.dir = below};
    assert_null(postgres_start(&options, &err));
    CLEANUP(free_ptr) char *why = xasprintf("may not enter %s: choose", dir);
    assert_non_null(strstr(err.message, why));
    error_clear(&err);
    assert_int_equal(0, nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

static void temporary_one_leaves_nothing(void **state)
{
    (void)state;
    struct error err = {0};
    struct postgres *postgres = postgres_temp(&err);
    assert_non_null(postgres);
    CLEANUP(free_ptr) char *conninfo = xstrdup(postgres_conninfo(postgres));
    assert_true(run_sql(conninfo, "SELECT 1"));
    assert_false(run_sql(conninfo, "COPY (SELECT 1) TO PROGRAM 'true'")); /* not a superuser */
    postgres_stop(postgres);
    assert_false(run_sql(conninfo, "SELECT 1"));
    char dir[64] = "";
    sscanf(conninfo, "host='%63[^']'", dir);
    assert_int_not_equal(0, access(dir, F_OK));
}

/* ---- the parent is killed ---- */

static bool is_gone(const char *pid_text, const char *dir)
{
    char proc[64];
    (void)snprintf(proc, sizeof(proc), "/proc/%s", pid_text);
    return access(proc, F_OK) != 0 && access(dir, F_OK) != 0;
}

static void killed_parent_takes_it_along(void **state)
{
    (void)state;
    int ends[2];
    pid_t child;
    char line[128] = "", pid_text[32], dir[64];
    const char *argv[] = {program, "child", NULL};
    posix_spawn_file_actions_t actions;
    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    assert_int_equal(
        0, posix_spawn(&child, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ));
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    assert_non_null(fgets(line, sizeof(line), output));
    (void)fclose(output);
    assert_int_equal(2, sscanf(line, "%31s %63s", pid_text, dir));
    assert_false(is_gone(pid_text, dir));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct timespec moment = {.tv_nsec = 20000000};
    for (int i = 0; i < 500 && !is_gone(pid_text, dir); i++)
        nanosleep(&moment, NULL);
    assert_true(is_gone(pid_text, dir));
}

static int child_main(void)
{
    struct error err = {0};
    struct postgres *postgres = postgres_temp(&err);
    char dir[64] = "";
    if (!postgres || sscanf(postgres_conninfo(postgres), "host='%63[^']'", dir) != 1)
        return 1;
    printf("%d %s\n", (int)postgres_pid(postgres), dir);
    (void)fflush(stdout);
    pause(); /* until it is killed */
    return 1;
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 2 && strcmp(argv[1], "child") == 0)
        return child_main();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_survives_stop_and_kill),
        cmocka_unit_test(directory_closed_to_postgres_is_named),
        cmocka_unit_test(temporary_one_leaves_nothing),
        cmocka_unit_test(killed_parent_takes_it_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
