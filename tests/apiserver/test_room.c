/* Room for what others say: taken at once, waited for, never more than there is. */
#include <pthread.h>

#include "apiserver/room.h"
#include "base/clock.h"
#include "tests/test.h"

#define SECOND_NS ((int64_t)1000000000)
#define FAR_NS    (60 * SECOND_NS) /* far more than it takes */

static void test_take(void **state)
{
    static const struct row {
        const char *name;
        size_t taken, bytes;
        bool fits;
    } rows[] = {
        {"nothing", 0, 0, true},         {"all", 0, 100, true},
        {"too much", 0, 101, false},     {"the rest", 60, 40, true},
        {"more than it", 60, 41, false}, {"overflow", 60, SIZE_MAX, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct room *room = room_new(100);
        assert_true(room_take(room, rows[i].taken));
        if (room_take(room, rows[i].bytes) != rows[i].fits)
            fail_msg("%s", rows[i].name);
        room_give(room, rows[i].taken + (rows[i].fits ? rows[i].bytes : 0));
        room_unref(room);
    }
}

static void test_late(void **state)
{
    struct room *room = room_new(100);
    (void)state;
    assert_int_equal(room_wait(room, 101, clock_mono_ns() + FAR_NS), ROOM_TOO_SMALL);
    assert_int_equal(room_wait(room, 100, 0), ROOM_TAKEN);
    assert_int_equal(room_wait(room, 1, 0), ROOM_LATE);
    room_give(room, 100);
    assert_int_equal(room_wait(room, 1, 0), ROOM_TAKEN);
    room_give(room, 1);
    room_unref(room);
}

/* More threads than fit, each of which comes several times. */
#define THREADS 8
#define TIMES   200

struct guest {
    struct room *room;
    unsigned failures;
};

static void *come_and_go(void *arg)
{
    struct guest *guest = arg;
    for (unsigned i = 0; i < TIMES; i++) {
        size_t bytes = 1 + i * 7 % 60;
        if (room_wait(guest->room, bytes, clock_mono_ns() + FAR_NS) == ROOM_TAKEN)
            room_give(guest->room, bytes);
        else
            guest->failures++;
    }
    return NULL;
}

static void test_crowd(void **state)
{
    pthread_t threads[THREADS];
    struct guest guests[THREADS];
    struct room *room = room_new(100);
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        guests[i] = (struct guest){room_ref(room), 0};
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &guests[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(guests[i].failures, 0);
        room_unref(room);
    }
    assert_true(room_take(room, 100));
    room_give(room, 100);
    room_unref(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_take), cmocka_unit_test(test_late),
                                       cmocka_unit_test(test_crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
