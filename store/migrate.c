#include "store/migrate_internal.h"

#include <string.h>

#define MIGRATE_LOCK 0x77617272656e01 /* any number, the same in every version */

static bool apply(PGconn *conn, const struct migration *step, struct error *err)
{
    struct pg_params name = {0};
    pg_text(&name, step->name);
    if (!pg_command(conn, "BEGIN", err))
        return false;
    bool ok = pg_command(conn, step->sql, err) &&
              pg_command_params(conn, "INSERT INTO migration (name) VALUES ($1)", &name, err) &&
              pg_command(conn, "COMMIT", err);
    if (ok)
        return true;
    struct error ignored = {0};
    (void)!pg_command(conn, "ROLLBACK", &ignored); /* the first error is the one to tell */
    error_clear(&ignored);
    return error_wrap(err, "migration %s", step->name);
}

static bool known(const char *name)
{
    for (const struct migration *step = migrations; step->name; step++)
        if (strcmp(step->name, name) == 0)
            return true;
    return false;
}

static bool done(const PGresult *applied, const char *name)
{
    for (int row = 0; row < PQntuples(applied); row++)
        if (strcmp(PQgetvalue(applied, row, 0), name) == 0)
            return true;
    return false;
}

static bool apply_missing(PGconn *conn, struct error *err)
{
    CLEANUP(pg_result_clear)
    PGresult *applied = pg_query(conn, "SELECT name FROM migration", NULL, err);
    if (!applied)
        return false;
    for (int row = 0; row < PQntuples(applied); row++)
        if (!known(PQgetvalue(applied, row, 0)))
            return error_unavailable(err, "the database was migrated by a newer version (%s)",
                                     PQgetvalue(applied, row, 0));
    for (const struct migration *step = migrations; step->name; step++)
        if (!done(applied, step->name) && !apply(conn, step, err))
            return false;
    return true;
}

/* An operator may have made the schema for a role that may not make one itself. */
static bool make_schema(PGconn *conn, struct error *err)
{
    CLEANUP(pg_result_clear)
    PGresult *found =
        pg_query(conn, "SELECT 1 FROM pg_namespace WHERE nspname = '" PG_SCHEMA "'", NULL, err);
    if (!found || PQntuples(found))
        return found != NULL;
    return pg_command(conn, "CREATE SCHEMA " PG_SCHEMA, err);
}

bool migrate(PGconn *conn, struct error *err)
{
    struct pg_params key = {0};
    pg_i64(&key, MIGRATE_LOCK);
    CLEANUP(pg_result_clear)
    PGresult *locked = pg_query(conn, "SELECT pg_advisory_lock($1)", &key, err);
    if (!locked)
        return false;
    bool ok = make_schema(conn, err) &&
              pg_command(conn,
                         "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, "
                         "at timestamptz NOT NULL DEFAULT now())",
                         err) &&
              apply_missing(conn, err);
    struct error ignored = {0};
    CLEANUP(pg_result_clear)
    PGresult *unlocked = pg_query(conn, "SELECT pg_advisory_unlock($1)", &key, &ignored);
    (void)unlocked;
    error_clear(&ignored); /* the lock goes with the connection at the latest */
    return ok;
}
