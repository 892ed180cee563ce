#include "store/pg_internal.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void add(struct pg_params *params, const void *data, size_t len)
{
    assert(params->count < PG_PARAMS_MAX);
    params->values[params->count] = data;
    params->lengths[params->count] = (int)len;
    params->formats[params->count++] = 1;
}

static void add_number(struct pg_params *params, const void *big_endian, size_t len)
{
    assert(params->count < PG_PARAMS_MAX);
    char *place = params->numbers[params->count];
    memcpy(place, big_endian, len);
    add(params, place, len);
}

void pg_i64(struct pg_params *params, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    add_number(params, &wire, sizeof(wire));
}

void pg_i32(struct pg_params *params, int32_t value)
{
    uint32_t wire = htobe32((uint32_t)value);
    add_number(params, &wire, sizeof(wire));
}

void pg_i16(struct pg_params *params, int16_t value)
{
    uint16_t wire = htobe16((uint16_t)value);
    add_number(params, &wire, sizeof(wire));
}

void pg_text(struct pg_params *params, const char *value)
{
    add(params, value, value ? strlen(value) : 0);
}

void pg_bytes(struct pg_params *params, struct str value)
{
    add(params, value.data, value.len);
}

static void add_wire32(struct buf *array, uint32_t value)
{
    uint32_t wire = htobe32(value);
    buf_add(array, &wire, sizeof(wire));
}

/* Dimensions, null flag, element type, length (put in at the end), lower bound. */
void pg_array_begin(struct buf *array, uint32_t element_oid)
{
    buf_clear(array);
    add_wire32(array, 1);
    add_wire32(array, 0);
    add_wire32(array, element_oid);
    add_wire32(array, 0);
    add_wire32(array, 1);
}

void pg_array_add(struct buf *array, const void *data, size_t len)
{
    add_wire32(array, (uint32_t)len);
    buf_add(array, data, len);
    if (!buf_ok(array))
        return;
    uint32_t count;
    memcpy(&count, array->data + 12, sizeof(count));
    count = htobe32(be32toh(count) + 1);
    memcpy(array->data + 12, &count, sizeof(count));
}

void pg_array_i64(struct buf *array, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    pg_array_add(array, &wire, sizeof(wire));
}

void pg_array_i32(struct buf *array, int32_t value)
{
    uint32_t wire = htobe32((uint32_t)value);
    pg_array_add(array, &wire, sizeof(wire));
}

void pg_array(struct pg_params *params, struct buf *array)
{
    add(params, array->data, array->len);
}

int64_t pg_get_i64(const PGresult *result, int row, int column)
{
    uint64_t wire = 0;
    if (PQgetlength(result, row, column) == (int)sizeof(wire))
        memcpy(&wire, PQgetvalue(result, row, column), sizeof(wire));
    return (int64_t)be64toh(wire);
}

int32_t pg_get_i32(const PGresult *result, int row, int column)
{
    uint32_t wire = 0;
    if (PQgetlength(result, row, column) == (int)sizeof(wire))
        memcpy(&wire, PQgetvalue(result, row, column), sizeof(wire));
    return (int32_t)be32toh(wire);
}

int16_t pg_get_i16(const PGresult *result, int row, int column)
{
    uint16_t wire = 0;
    if (PQgetlength(result, row, column) == (int)sizeof(wire))
        memcpy(&wire, PQgetvalue(result, row, column), sizeof(wire));
    return (int16_t)be16toh(wire);
}

const char *pg_get_text(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column);
}

struct str pg_get_bytes(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return (struct str){0};
    return (struct str){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

void pg_result_clear(PGresult **result)
{
    PQclear(*result);
}

void pg_conn_close(PGconn **conn)
{
    PQfinish(*conn);
}

/* Until the deadline, at least 0. */
static struct timespec time_left(int64_t deadline_mono_ns, int64_t now_mono_ns)
{
    int64_t left = deadline_mono_ns - now_mono_ns;
    if (left < 0)
        left = 0;
    return (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
}

/* About a microsecond in which this core is left to its other thread, which may well be the one
 * that makes the answer. */
static void spin(void)
{
    for (int i = 0; i < 16; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    }
}

/* False when `until` passed; what became of each is in its `revents`. */
static bool poll_until(struct pollfd *waited, nfds_t count, int64_t awake_mono_ns,
                       int64_t until_mono_ns)
{
    for (;;) {
        int64_t now = clock_mono_ns();
        bool awake = now < awake_mono_ns;
        struct timespec left = time_left(awake ? now : until_mono_ns, now);
        int ready = ppoll(waited, count, &left, NULL);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready > 0;
        if (ready == 0 && !awake)
            return false;
        spin();
    }
}

enum pg_wait_end pg_wait_or(PGconn *conn, const struct pg_patience *patience)
{
    struct pollfd waited[2] = {{.fd = PQsocket(conn)},
                               {.fd = patience->other_fd, .events = POLLIN}};
    for (;;) {
        int unsent = PQflush(conn);
        if (unsent < 0)
            return PG_WAIT_LOST;
        if (!PQisBusy(conn))
            return PG_WAIT_READY;
        waited[0].events = (short)(POLLIN | (unsent ? POLLOUT : 0));
        if (!poll_until(waited, ARRAY_LEN(waited), patience->awake_mono_ns,
                        patience->until_mono_ns))
            return PG_WAIT_LATE;
        if ((waited[0].revents & ~POLLOUT) && !PQconsumeInput(conn))
            return PG_WAIT_LOST;
        if (!waited[0].revents)
            return PG_WAIT_LATE;
    }
}

bool pg_wait(PGconn *conn, int64_t deadline_mono_ns)
{
    return pg_wait_or(conn, &(struct pg_patience){.until_mono_ns = deadline_mono_ns,
                                                  .other_fd = -1}) == PG_WAIT_READY;
}

/* The first line of libpq's message: what an operator needs; no data of a tenant is in it. */
static bool fail(PGconn *conn, const PGresult *result, const char *doing, struct error *err)
{
    struct str text = str_of(result ? PQresultErrorMessage(result)
                             : conn ? PQerrorMessage(conn)
                                    : "out of memory");
    struct str line = str_trim(str_cut(&text, '\n'));
    if (!line.len)
        line = STR("no answer in time");
    return error_unavailable(err, "the database: %s: " STR_FMT, doing, STR_ARG(line));
}

/* Connects without blocking past the deadline. */
static bool finish_connect(PGconn *conn, int64_t deadline_mono_ns)
{
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    if (PQstatus(conn) == CONNECTION_BAD)
        return false;
    while (want == PGRES_POLLING_READING || want == PGRES_POLLING_WRITING) {
        struct pollfd waited = {.fd = PQsocket(conn),
                                .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        if (!poll_until(&waited, 1, 0, deadline_mono_ns))
            return false;
        want = PQconnectPoll(conn);
    }
    return want == PGRES_POLLING_OK;
}

static void ignore_notice(void *arg, const PGresult *notice)
{
    (void)arg;
    (void)notice;
}

PGconn *pg_connect(const char *conninfo, struct error *err)
{
    static const char *const keys[] = {"dbname", "application_name", "client_encoding", NULL};
    /* A transaction that nobody goes on with would keep partitions from being made. */
    static const char settings[] =
        "SET search_path = " PG_SCHEMA "; SET idle_in_transaction_session_timeout = '60s'";
    const char *values[] = {conninfo, "warren", "UTF8", NULL};
    PGconn *conn = PQconnectStartParams(keys, values, 1);
    if (!conn || !finish_connect(conn, clock_mono_ns() + (int64_t)PG_CONNECT_MS * 1000000)) {
        fail(conn, NULL, "connecting", err);
        PQfinish(conn);
        return NULL;
    }
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    if (!PQsetnonblocking(conn, 1) && pg_command(conn, settings, err))
        return conn;
    PQfinish(conn);
    return NULL;
}

/* Reads to the end of the statement; the first result that is an error, else the last one. */
static PGresult *collect(PGconn *conn, int64_t deadline_mono_ns)
{
    PGresult *kept = NULL;
    for (;;) {
        if (!pg_wait(conn, deadline_mono_ns)) {
            PQclear(kept);
            return NULL;
        }
        PGresult *next = PQgetResult(conn);
        if (!next)
            return kept;
        if (kept && PQresultStatus(kept) == PGRES_FATAL_ERROR) {
            PQclear(next);
            continue;
        }
        PQclear(kept);
        kept = next;
    }
}

static PGresult *run(PGconn *conn, const char *sql, const struct pg_params *params, bool *unique,
                     struct error *err)
{
    int64_t deadline = clock_mono_ns() + (int64_t)PG_QUERY_MS * 1000000;
    int sent = params ? PQsendQueryParams(conn, sql, params->count, NULL, params->values,
                                          params->lengths, params->formats, 1)
                      : PQsendQuery(conn, sql);
    PGresult *result = sent ? collect(conn, deadline) : NULL;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return result;
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    *unique = text_eq(state, "23505");
    fail(conn, result, "a statement failed", err);
    PQclear(result);
    return NULL;
}

PGresult *pg_query(PGconn *conn, const char *sql, const struct pg_params *params, struct error *err)
{
    static const struct pg_params none;
    bool unique;
    return run(conn, sql, params ? params : &none, &unique, err);
}

PGresult *pg_query_unique(PGconn *conn, const char *sql, const struct pg_params *params,
                          bool *unique, struct error *err)
{
    *unique = false;
    return run(conn, sql, params, unique, err);
}

bool pg_command(PGconn *conn, const char *sql, struct error *err)
{
    bool unique;
    PGresult *result = run(conn, sql, NULL, &unique, err);
    PQclear(result);
    return result != NULL;
}

bool pg_command_params(PGconn *conn, const char *sql, const struct pg_params *params,
                       struct error *err)
{
    PGresult *result = pg_query(conn, sql, params, err);
    PQclear(result);
    return result != NULL;
}

bool pg_begin_tenant(PGconn *conn, int64_t cluster, const char *mode, struct error *err)
{
    CLEANUP(free_ptr) char *begin = xasprintf("BEGIN %s", mode);
    CLEANUP(free_ptr) char *id = xasprintf("%lld", (long long)cluster);
    struct pg_params params = {0};
    pg_text(&params, id);
    return pg_command(conn, begin, err) &&
           pg_command_params(conn,
                             "SELECT set_config('role', 'warren_tenant', true), "
                             "set_config('warren.cluster', $1, true)",
                             &params, err);
}

void pg_rollback(PGconn *conn)
{
    struct error ignored = {0};
    if (PQtransactionStatus(conn) != PQTRANS_IDLE)
        (void)!pg_command(conn, "ROLLBACK",
                          &ignored); /* a connection that is lost is closed by its owner */
    error_clear(&ignored);
}
