/* Duty: the right to run what only one replica may, held by an advisory lock of the feed's session.
 *
 * It ends with the connection, so it ends with the process: PostgreSQL sees that at once, and
 * another replica, which asks each second, gets it. Who has it asks nothing. */
#include "store/store_internal.h"

#define DUTY_LOCK 0x77617272656e03

void duty_init(struct duty *duty)
{
    pthread_mutex_init(&duty->lock, NULL);
}

void duty_deinit(struct duty *duty)
{
    pthread_mutex_destroy(&duty->lock);
}

void store_on_duty(struct store *store, void (*fn)(void *arg, bool held), void *arg)
{
    struct duty *duty = &store->duty;
    pthread_mutex_lock(&duty->lock);
    duty->fn = fn;
    duty->arg = arg;
    if (fn)
        fn(arg, duty->held);
    pthread_mutex_unlock(&duty->lock);
}

static void set_held(struct duty *duty, bool held)
{
    pthread_mutex_lock(&duty->lock);
    bool changed = duty->held != held;
    duty->held = held;
    if (changed && duty->fn)
        duty->fn(duty->arg, held);
    pthread_mutex_unlock(&duty->lock);
}

bool duty_held(struct duty *duty)
{
    pthread_mutex_lock(&duty->lock);
    bool held = duty->held;
    pthread_mutex_unlock(&duty->lock);
    return held;
}

bool duty_ask(struct duty *duty, PGconn *conn, struct error *err)
{
    struct pg_params params = {0};
    pg_i64(&params, DUTY_LOCK);
    CLEANUP(pg_result_clear)
    PGresult *got = pg_query(conn, "SELECT pg_try_advisory_lock($1)::int", &params, err);
    if (!got)
        return false;
    if (pg_get_i32(got, 0, 0))
        set_held(duty, true);
    return true;
}

void duty_lose(struct duty *duty)
{
    set_held(duty, false);
}
