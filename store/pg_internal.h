/* store/pg_internal.h: talking to PostgreSQL: connections, binary parameters, results, each wait
 * with a deadline. */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define PG_SCHEMA     "warren"
#define PG_PARAMS_MAX 20
#define PG_CONNECT_MS 5000
#define PG_QUERY_MS   60000

/* Types of array elements. */
#define PG_OID_BYTEA 17
#define PG_OID_INT8  20
#define PG_OID_INT4  23
#define PG_OID_TEXT  25

/* Binary parameters in their order. Text, bytes and arrays are borrowed until the statement is
 * sent. */
struct pg_params {
    int count;
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    char numbers[PG_PARAMS_MAX][8];
};
void pg_i64(struct pg_params *params, int64_t value);
void pg_i32(struct pg_params *params, int32_t value);
void pg_i16(struct pg_params *params, int16_t value);
void pg_text(struct pg_params *params, const char *value); /* NULL: SQL's NULL */
void pg_bytes(struct pg_params *params, struct str value); /* NULL data: SQL's NULL */

/* One-dimensional arrays: begin, add each, then pg_array as the parameter. */
void pg_array_begin(struct buf *array, uint32_t element_oid);
void pg_array_add(struct buf *array, const void *data, size_t len);
void pg_array_i64(struct buf *array, int64_t value);
void pg_array_i32(struct buf *array, int32_t value);
void pg_array(struct pg_params *params, struct buf *array);

/* Fields of binary results. */
int64_t pg_get_i64(const PGresult *result, int row, int column);
int32_t pg_get_i32(const PGresult *result, int row, int column);
int16_t pg_get_i16(const PGresult *result, int row, int column);
const char *pg_get_text(const PGresult *result, int row,
                        int column); /* terminated, borrowed; "" for NULL */
struct str pg_get_bytes(const PGresult *result, int row, int column); /* NULL data for NULL */

/* For CLEANUP. */
void pg_result_clear(PGresult **result);
void pg_conn_close(PGconn **conn);

/* Connects within PG_CONNECT_MS and sets the search path. NULL (503) when it fails. */
PGconn *pg_connect(const char *conninfo, struct error *err);
/* Waits until there is a result to be had, sending what is still unsent. False when the connection
 * is lost or the deadline passed: then close it. */
MUST_CHECK bool pg_wait(PGconn *conn, int64_t deadline_mono_ns);
/* The same for who has something else to do. */
struct pg_patience {
    int64_t until_mono_ns;
    int64_t awake_mono_ns; /* looks again and again until then, and sleeps only after; 0: sleeps */
    int other_fd;          /* ends when this can be read; -1: none */
};
enum pg_wait_end { PG_WAIT_READY, PG_WAIT_LATE, PG_WAIT_LOST };
enum pg_wait_end pg_wait_or(PGconn *conn, const struct pg_patience *patience);
/* Runs one statement within PG_QUERY_MS, results in binary. NULL (503) when it fails. */
PGresult *pg_query(PGconn *conn, const char *sql, const struct pg_params *params,
                   struct error *err);
/* The same when no rows are wanted. `sql` may hold several statements when there are no parameters.
 */
MUST_CHECK bool pg_command(PGconn *conn, const char *sql, struct error *err);
MUST_CHECK bool pg_command_params(PGconn *conn, const char *sql, const struct pg_params *params,
                                  struct error *err);
/* As pg_query; `*unique` is true when it failed because of a unique key. */
PGresult *pg_query_unique(PGconn *conn, const char *sql, const struct pg_params *params,
                          bool *unique, struct error *err);
/* Opens a transaction in which only rows of `cluster` are visible. `mode`: what follows BEGIN, ""
 * for the default. */
MUST_CHECK bool pg_begin_tenant(PGconn *conn, int64_t cluster, const char *mode, struct error *err);
/* Ends a transaction that may have failed. */
void pg_rollback(PGconn *conn);
