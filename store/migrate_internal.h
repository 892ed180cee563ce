/* store/migrate_internal.h: the schema's numbered steps, and bringing a database up to the last
 * one. */
#pragma once
#include "store/pg_internal.h"

struct migration {
    const char *name, *sql; /* "0001_tables"; the table ends with a NULL name */
};
extern const struct migration migrations[];

/* Applies what is missing, each step in a transaction of its own, under an advisory lock. Refuses a
 * database that a newer version has migrated. */
MUST_CHECK bool migrate(PGconn *conn, struct error *err);
