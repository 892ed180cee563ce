#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/postgres.h"

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

    struct postgres *fourth = postgres_start(&options, &err); /* finds one that still runs: takes over */
    assert_non_null(fourth);
    assert_true(run_sql(postgres_conninfo(fourth), "SELECT 1 / count(*) FROM t"));
    postgres_stop(fourth);
    postgres_stop(third);
    postgres_stop(second);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_survives_stop_and_kill),
        cmocka_unit_test(temporary_one_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
