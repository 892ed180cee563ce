/* Duty: of several stores on one database one has it, and another gets it when that one is gone. */
#include "support_store.h"

#include <stdatomic.h>

struct seat {
    struct store *store;
    atomic_int told; /* how often it was told that it has duty */
    atomic_bool held;
};

static void on_duty(void *arg, bool held)
{
    struct seat *seat = arg;
    atomic_store(&seat->held, held);
    atomic_fetch_add(&seat->told, held);
}

static void sit(struct seat *seat)
{
    seat->store = store_up();
    store_on_duty(seat->store, on_duty, seat);
}

static void leave(struct seat *seat)
{
    store_on_duty(seat->store, NULL, NULL);
    store_close(seat->store);
}

static bool is_held(void *arg)
{
    struct seat *seat = arg;
    return atomic_load(&seat->held);
}

static void the_first_has_it_and_gives_it_on(void **state)
{
    (void)state;
    struct seat one = {0}, two = {0};
    sit(&one);
    sit(&two);
    assert_true(is_held(&one));
    assert_false(is_held(&two));
    int64_t start = clock_mono_ns();
    leave(&one);
    eventually(is_held, &two, "the second is on duty");
    assert_true(clock_mono_ns() - start < (int64_t)5 * 1000000000);
    sit(&one);
    assert_false(is_held(&one));
    assert_int_equal(1, two.told);
    leave(&one);
    leave(&two);
}

struct two_seats {
    struct seat one, two;
};

static bool moved(void *arg)
{
    struct two_seats *seats = arg;
    return seats->one.told + seats->two.told == 2 && is_held(&seats->one) != is_held(&seats->two);
}

/* The session of whoever has it ends without a word, as when its process is killed. */
static void a_lost_session_loses_it(void **state)
{
    (void)state;
    struct two_seats seats = {0};
    sit(&seats.one);
    sit(&seats.two);
    assert_true(is_held(&seats.one));
    sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = "
        "1 AND granted");
    eventually(moved, &seats, "one of them is on duty, and one only");
    leave(&seats.one);
    leave(&seats.two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_has_it_and_gives_it_on),
        cmocka_unit_test(a_lost_session_loses_it),
    };
    return cmocka_run_group_tests(tests, postgres_up, postgres_down);
}
