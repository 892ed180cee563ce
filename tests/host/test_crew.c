/* Crews: one thread a key, keys that come back, and a group that hangs leaves threads for the
 * others. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "base/mem.h"
#include "host/node/crew.h"

enum { JOB_HANG, JOB_COUNT, JOB_TWICE };

struct state {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool released;
    unsigned hanging, most_hanging, counted, turns;
};

static int64_t hang(void *arg, const char *key)
{
    struct state *state = arg;
    (void)key;
    pthread_mutex_lock(&state->lock);
    state->hanging++;
    if (state->hanging > state->most_hanging)
        state->most_hanging = state->hanging;
    pthread_cond_broadcast(&state->changed);
    while (!state->released)
        pthread_cond_wait(&state->changed, &state->lock);
    state->hanging--;
    pthread_mutex_unlock(&state->lock);
    return CREW_DONE;
}

static int64_t count(void *arg, const char *key)
{
    struct state *state = arg;
    (void)key;
    pthread_mutex_lock(&state->lock);
    state->counted++;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->lock);
    return CREW_DONE;
}

static int64_t twice(void *arg, const char *key)
{
    struct state *state = arg;
    (void)key;
    pthread_mutex_lock(&state->lock);
    int64_t again_ms = ++state->turns < 2 ? 5 : CREW_DONE;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->lock);
    return again_ms;
}

static const crew_fn jobs[] = {[JOB_HANG] = hang, [JOB_COUNT] = count, [JOB_TWICE] = twice};

/* Waits until the counter has reached `want`. */
static void wait_for(struct state *state, const unsigned *counter, unsigned want)
{
    struct timespec until;
    int failed = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&state->lock);
    while (*counter < want && !failed)
        failed = pthread_cond_timedwait(&state->changed, &state->lock, &until);
    assert_true(*counter >= want);
    pthread_mutex_unlock(&state->lock);
}

static void test_hanging_group_leaves_threads(void **unused)
{
    (void)unused;
    struct state state = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct crew *crew = crew_new(jobs, 3, 2, &state);
    for (int i = 0; i < 10; i++) {
        CLEANUP(free_ptr) char *key = xasprintf("hang-%d", i);
        crew_add(crew, 7, JOB_HANG, key, 0);
    }
    wait_for(&state, &state.hanging, 2);
    for (int i = 0; i < 5; i++) {
        CLEANUP(free_ptr) char *key = xasprintf("count-%d", i);
        crew_add(crew, 8, JOB_COUNT, key, 0);
    }
    wait_for(&state, &state.counted, 5);
    assert_int_equal(state.most_hanging, 2);
    pthread_mutex_lock(&state.lock);
    state.released = true;
    pthread_cond_broadcast(&state.changed);
    pthread_mutex_unlock(&state.lock);
    crew_stop(crew);
    crew_add(crew, 8, JOB_COUNT, "late", 0);
    crew_free(crew);
    assert_int_equal(state.counted, 5);
}

static void test_keys_come_back(void **unused)
{
    (void)unused;
    struct state state = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct crew *crew = crew_new(jobs, 2, 2, &state);
    crew_add(crew, 1, JOB_TWICE, "a", 5);
    wait_for(&state, &state.turns, 2);
    crew_stop(crew);
    crew_free(crew);
    assert_int_equal(state.turns, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hanging_group_leaves_threads),
                                       cmocka_unit_test(test_keys_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
