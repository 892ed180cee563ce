#include "store/postgres_internal.h"

#include <errno.h>
#include <libpq-fe.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define START_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS  60000

/* Small memory, no network, one disk. What is not here is PostgreSQL's default. */
static const char *const settings[] = {
    "listen_addresses=",
    "max_connections=50",
    "shared_buffers=32MB",
    "work_mem=4MB",
    "maintenance_work_mem=32MB",
    "effective_cache_size=512MB",
    "max_worker_processes=2",
    "max_parallel_workers_per_gather=0",
    "jit=off",
    "wal_compression=lz4",
    "wal_level=replica",
    "max_wal_size=1GB",
    "checkpoint_timeout=15min",
    "default_toast_compression=lz4",
    "autovacuum_naptime=30s",
    "log_min_messages=warning",
    "log_checkpoints=off",
    "password_encryption=scram-sha-256",
};

static void pause_ms(long ms)
{
    struct timespec delay = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&delay, NULL);
}

static char *conninfo_make(const struct postgres *postgres, const char *user, const char *database)
{
    return xasprintf("host='%s' user=%s dbname=%s connect_timeout=5", postgres->run, user,
                     database);
}

static bool launch_postmaster(struct postgres *postgres, struct error *err)
{
    CLEANUP(free_ptr) char *program = xasprintf("%s/postgres", postgres->bin);
    CLEANUP(free_ptr) char *socket = xasprintf("unix_socket_directories=%s", postgres->run);
    /* Who may connect is decided by the directory of the socket. */
    const char *access =
        postgres->has_clients ? "unix_socket_permissions=0777" : "unix_socket_permissions=0700";
    const char *argv[2 * ARRAY_LEN(settings) + 16] = {program, "-D", postgres->data, "-c",
                                                      socket,  "-c", access};
    size_t count = 7;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        argv[count++] = "-c";
        argv[count++] = settings[i];
    }
    if (postgres->unsafe_fast) {
        argv[count++] = "-c";
        argv[count++] = "fsync=off";
    }
    return postgres_launch(postgres, argv, &postgres->pid, err);
}

bool postgres_alive(struct postgres *postgres)
{
    if (postgres->pid && waitpid(postgres->pid, NULL, WNOHANG) == postgres->pid)
        postgres->pid = 0;
    return postgres->pid != 0;
}

/* Starts the postmaster and waits until it takes connections. One that ends again at once is
 * retried: the machine may be short of something for a moment. */
static bool start_ready(struct postgres *postgres, struct error *err)
{
    int64_t deadline = clock_mono_ns() + postgres->start_timeout_ms * 1000000;
    CLEANUP(free_ptr) char *conninfo = conninfo_make(postgres, "postgres", "postgres");
    unsigned attempts = 0;
    while (clock_mono_ns() < deadline) {
        if (!postgres->pid && (attempts++ == 5 || !launch_postmaster(postgres, err)))
            break;
        if (PQping(conninfo) == PQPING_OK)
            return true;
        pause_ms(postgres_alive(postgres) ? 10 : 300);
    }
    CLEANUP(free_ptr) char *why = postgres_log_tail(postgres);
    return error_unavailable(err, "PostgreSQL does not start in %s: %s", postgres->data, why);
}

/* Role and database: "already there" is as good. */
static bool make_database(struct postgres *postgres, struct error *err)
{
    static const char *const steps[] = {"CREATE ROLE warren LOGIN CREATEROLE",
                                        "CREATE DATABASE warren OWNER warren"};
    CLEANUP(free_ptr) char *conninfo = conninfo_make(postgres, "postgres", "postgres");
    PGconn *conn = PQconnectdb(conninfo);
    bool ok = PQstatus(conn) == CONNECTION_OK;
    PGresult *there = PQexec(conn, "SELECT 1 FROM pg_database WHERE datname = 'warren'");
    bool needed = PQntuples(there) == 0;
    PQclear(there);
    for (size_t i = 0; ok && needed && i < ARRAY_LEN(steps); i++) {
        PGresult *result = PQexec(conn, steps[i]);
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        ok = PQresultStatus(result) == PGRES_COMMAND_OK || (state && strcmp(state, "42710") == 0);
        PQclear(result);
    }
    if (!ok)
        error_unavailable(err, "cannot make the database: %s", PQerrorMessage(conn));
    PQfinish(conn);
    return ok;
}

static bool stop_postmaster(struct postgres *postgres, int signal_number)
{
    if (!postgres_alive(postgres))
        return true;
    kill(postgres->pid, signal_number);
    bool clean = postgres_wait_child(postgres->pid, STOP_TIMEOUT_MS);
    postgres->pid = 0;
    return clean;
}

void postgres_free(struct postgres *postgres)
{
    if (!postgres)
        return;
    if (postgres->run && !text_starts(postgres->run, postgres->dir))
        rmdir(postgres->run);
    free(postgres->dir);
    free(postgres->data);
    free(postgres->run);
    free(postgres->log);
    free(postgres->bin);
    free(postgres->conninfo);
    free(postgres->temp_dir);
    free(postgres);
}

struct postgres *postgres_start(const struct postgres_options *options, struct error *err)
{
    struct postgres *postgres = xcalloc(1, sizeof(*postgres));
    CLEANUP(free_ptr) char *absolute = NULL;
    postgres->reaper_fd = -1;
    postgres->unsafe_fast = options->unsafe_fast;
    postgres->has_clients = options->clients;
    postgres->clients = options->clients ? *options->clients : 0;
    postgres->start_timeout_ms =
        options->start_timeout_ms ? options->start_timeout_ms : START_TIMEOUT_MS;
    if (options->dir[0] != '/' && (absolute = getcwd(NULL, 0)))
        postgres->dir = xasprintf("%s/%s", absolute, options->dir);
    else
        postgres->dir = xstrdup(options->dir);
    if (postgres_dir_prepare(postgres, err) && start_ready(postgres, err) &&
        make_database(postgres, err)) {
        postgres->conninfo = conninfo_make(postgres, "warren", "warren");
        return postgres;
    }
    stop_postmaster(postgres, SIGINT);
    postgres_free(postgres);
    return NULL;
}

const char *postgres_conninfo(const struct postgres *postgres)
{
    return postgres->conninfo;
}

pid_t postgres_pid(const struct postgres *postgres)
{
    return postgres->pid;
}

void postgres_stop(struct postgres *postgres)
{
    if (!postgres)
        return;
    if (!stop_postmaster(postgres, postgres->temp_dir ? SIGQUIT : SIGINT) && !postgres->temp_dir)
        log_warn("store",
                 "PostgreSQL did not shut down cleanly and will recover at the next start");
    postgres_temp_end(postgres);
    postgres_free(postgres);
}

bool postgres_crash(struct postgres *postgres, struct error *err)
{
    if (!postgres_alive(postgres))
        return error_unavailable(err, "PostgreSQL is not running");
    kill(postgres->pid, SIGKILL);
    waitpid(postgres->pid, NULL, 0);
    postgres->pid = 0;
    return true;
}

bool postgres_restart(struct postgres *postgres, struct error *err)
{
    stop_postmaster(postgres, SIGINT);
    return postgres_clear_orphans(postgres, err) && start_ready(postgres, err);
}
