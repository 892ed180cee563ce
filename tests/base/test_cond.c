/* Conditions: a time that is past is not waited for, one to come is, and a signal comes before it.
 */
#include "tests/test.h"

#include "base/clock.h"
#include "base/cond.h"

#define MS_NS     INT64_C(1000000)
#define MINUTE_NS (60 * 1000 * MS_NS)

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void times_are_monotonic(void **state)
{
    (void)state;
    int64_t soon = clock_mono_ns() + MS_NS;
    pthread_mutex_lock(&shared.lock);
    assert_false(cond_wait_until(&shared.changed, &shared.lock, clock_mono_ns() - MS_NS));
    while (cond_wait_until(&shared.changed, &shared.lock, soon))
        continue;
    pthread_mutex_unlock(&shared.lock);
    assert_true(clock_mono_ns() >= soon);
}

static void *finish(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&shared.lock);
    shared.done = true;
    pthread_cond_signal(&shared.changed);
    pthread_mutex_unlock(&shared.lock);
    return NULL;
}

static void signals_end_it(void **state)
{
    (void)state;
    pthread_t thread;
    bool in_time = true;
    int64_t until = clock_mono_ns() + MINUTE_NS;
    assert_int_equal(pthread_create(&thread, NULL, finish, NULL), 0);
    pthread_mutex_lock(&shared.lock);
    while (!shared.done && in_time)
        in_time = cond_wait_until(&shared.changed, &shared.lock, until);
    pthread_mutex_unlock(&shared.lock);
    assert_true(shared.done && in_time);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_monotonic),
        cmocka_unit_test(signals_end_it),
    };
    cond_init(&shared.changed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
