/* Threads for requests that wait outside: whose turn it is among our own components. */
#include "apiserver/admission/lanes.h"
#include "base/clock.h"
#include "tests/test.h"

#define SECOND_NS ((int64_t)1000000000)

enum { SLOW = 2, OTHER };

/* One that was slow rests, and holds no thread up that others need meanwhile. */
static void test_rest(void **state)
{
    struct lanes *lanes = lanes_new();
    (void)state;
    assert_true(lanes_enter(lanes, SLOW));
    lanes_leave(lanes, SLOW, clock_mono_ns() - 3600 * SECOND_NS);
    int64_t start = clock_mono_ns();
    for (unsigned i = 0; i < 100; i++)
        assert_false(lanes_enter(lanes, SLOW));
    assert_true(clock_mono_ns() - start < 5 * SECOND_NS);
    assert_true(lanes_enter(lanes, OTHER));
    lanes_leave(lanes, OTHER, clock_mono_ns());
    assert_true(lanes_enter(lanes, OTHER));
    lanes_leave(lanes, OTHER, clock_mono_ns());
    lanes_free(lanes);
}

/* Each has one place, and all together a few. */
static void test_places(void **state)
{
    struct lanes *lanes = lanes_new();
    int64_t now = clock_mono_ns();
    (void)state;
    for (int64_t i = 0; i < LANES_INSIDE; i++)
        assert_true(lanes_enter(lanes, OTHER + i));
    assert_false(lanes_enter(lanes, OTHER));
    assert_false(lanes_enter(lanes, OTHER + LANES_INSIDE));
    for (int64_t i = 0; i < LANES_INSIDE; i++)
        lanes_leave(lanes, OTHER + i, now);
    assert_true(lanes_enter(lanes, OTHER + LANES_INSIDE));
    lanes_leave(lanes, OTHER + LANES_INSIDE, clock_mono_ns());
    lanes_free(lanes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rest), cmocka_unit_test(test_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
