/* store/postgres.h: a private PostgreSQL under a directory of ours, for `warren up` and for tests.
 *
 * It listens on a Unix socket below the directory and on no network address, runs as user
 * `postgres` when we are root, is tuned for small memory, and shuts down when the thread that
 * started it ends (start it from the main thread). Inside it a role `warren`, without superuser
 * rights, owns a database `warren`: that is what the conninfo names. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct postgres;

struct postgres_options {
    const char *dir;          /* made when absent; data/, run/ and postgres.log go into it */
    const gid_t *clients;     /* a group that may connect too; NULL: only who runs it, and root */
    int64_t start_timeout_ms; /* 0: 60,000; recovery after a crash counts */
    bool unsafe_fast; /* no fsync: for tests that do not measure; survives kill -9 but no power cut
                       */
};

/* Starts it, after initdb when the directory is new. One that still runs there, left by a caller
 * that was killed, is stopped first; what a killed one left is cleared away. Blocking. NULL when it
 * fails. */
struct postgres *postgres_start(const struct postgres_options *options, struct error *err);
/* For libpq; alive as long as `postgres`. */
const char *postgres_conninfo(const struct postgres *postgres);
/* The postmaster. */
pid_t postgres_pid(const struct postgres *postgres);
/* False when the postmaster has ended by itself. */
bool postgres_alive(struct postgres *postgres);
/* Fast shutdown (clients are cut off, data is flushed), then frees. NULL is allowed. */
void postgres_stop(struct postgres *postgres);
/* kill -9 and start again: for tests of recovery. */
MUST_CHECK bool postgres_crash(struct postgres *postgres, struct error *err);
MUST_CHECK bool postgres_restart(struct postgres *postgres, struct error *err);

/* A cluster for one test program, in a fresh directory below /tmp. Both it and the directory go
 * away when the program ends, however it ends; postgres_stop() makes that happen at once. struct
 * postgres *pg = postgres_temp(&err); struct store *store = store_open(&(struct
 * store_options){.conninfo = postgres_conninfo(pg)}, &err);
 *     ... store_close(store); postgres_stop(pg); */
struct postgres *postgres_temp(struct error *err);
