/* The work queue's promises, the pool, metrics and other programs. */
#include "tests/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "base/spawn.h"
#include "base/work_queue.h"

static void keys_are_merged_and_groups_take_turns(void **state)
{
    (void)state;
    struct work_queue *queue = work_queue_new(NULL);
    for (int i = 0; i < 3; i++) {
        work_queue_add(queue, 1, 0, "a");
        work_queue_add(queue, 1, 0, "b");
    }
    work_queue_add(queue, 2, 0, "c");
    assert_int_equal(work_queue_busy(queue, 1), 2);
    static const char *const order[] = {"a", "c", "b"};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        struct work_item *item = work_queue_take(queue);
        assert_string_equal(item->key, order[i]);
        work_queue_done(queue, item);
    }
    assert_int_equal(work_queue_busy(queue, 0), 0);
    work_queue_free(queue);
}

static void a_key_added_while_worked_on_comes_again(void **state)
{
    (void)state;
    struct work_queue *queue = work_queue_new(NULL);
    work_queue_add(queue, 1, 0, "a");
    struct work_item *item = work_queue_take(queue);
    work_queue_add(queue, 1, 0, "a");
    work_queue_done(queue, item);
    item = work_queue_take(queue);
    assert_string_equal(item->key, "a");
    work_queue_done(queue, item);
    assert_int_equal(work_queue_busy(queue, 0), 0);
    work_queue_free(queue);
}

static void what_goes_on_is_told_by_kind(void **state)
{
    (void)state;
    struct work_report kinds[2];
    struct work_queue *queue = work_queue_new(&(struct work_queue_options){.kinds = 2});
    work_queue_add(queue, 1, 0, "a");
    work_queue_add(queue, 1, 1, "b");
    work_queue_add(queue, 2, 1, "c");
    work_queue_add(queue, 2, 7, "d"); /* of a kind that nobody asks for */
    struct work_item *item = work_queue_take(queue);
    assert_true(item->taken_mono_ns > 0 && item->waited_ns >= 0);
    work_queue_report(queue, kinds);
    assert_int_equal(kinds[0].waiting, 0);
    assert_true(kinds[0].working_ns >= kinds[0].longest_ns && kinds[0].longest_ns >= 0);
    assert_int_equal(kinds[1].waiting, 2);
    assert_int_equal(kinds[1].longest_ns, 0);
    work_queue_done(queue, item);
    work_queue_drop_group(queue, 1);
    work_queue_drop_group(queue, 2);
    work_queue_report(queue, kinds);
    assert_int_equal(kinds[0].working_ns + kinds[1].waiting, 0);
    work_queue_free(queue);
}

static void failures_back_off(void **state)
{
    (void)state;
    const struct work_queue_options options = {.backoff_first_ms = 2, .backoff_max_ms = 8};
    struct work_queue *queue = work_queue_new(&options);
    work_queue_add(queue, 1, 0, "a");
    int64_t start = clock_mono_ns();
    for (unsigned i = 0; i < 4; i++) { /* 2 + 4 + 8 + 8 ms */
        struct work_item *item = work_queue_take(queue);
        assert_int_equal(item->failures, i);
        work_queue_retry(queue, item, 0);
    }
    struct work_item *item = work_queue_take(queue);
    assert_true(clock_mono_ns() - start >= 22 * 1000000);
    work_queue_again(queue, item, 1);
    item = work_queue_take(queue);
    assert_int_equal(item->failures, 0);
    work_queue_done(queue, item);
    work_queue_free(queue);
}

static void a_failure_may_say_how_long_at_most(void **state)
{
    (void)state;
    const struct work_queue_options options = {.backoff_first_ms = 60000, .backoff_max_ms = 60000};
    struct work_queue *queue = work_queue_new(&options);
    work_queue_add(queue, 1, 0, "a");
    int64_t start = clock_mono_ns();
    work_queue_retry(queue, work_queue_take(queue), 1);
    struct work_item *item = work_queue_take(queue);
    assert_true(clock_mono_ns() - start < (int64_t)30 * 1000000000);
    assert_int_equal(item->failures, 1);
    work_queue_done(queue, item);
    work_queue_free(queue);
}

static void groups_can_be_dropped_and_queues_are_bounded(void **state)
{
    (void)state;
    const struct work_queue_options options = {.items_max = 4};
    struct work_queue *queue = work_queue_new(&options);
    assert_true(work_queue_add(queue, 1, 0, "a"));
    assert_true(work_queue_add_after(queue, 1, 0, "b", 100000));
    assert_true(work_queue_add_after(queue, 1, 0, "c", 100000));
    assert_true(work_queue_add(queue, 2, 0, "d"));
    assert_false(work_queue_add(queue, 2, 0, "e"));
    work_queue_drop_group(queue, 1);
    assert_int_equal(work_queue_busy(queue, 1), 0);
    assert_true(work_queue_add(queue, 2, 0, "e"));
    for (int i = 0; i < 2; i++)
        work_queue_done(queue, work_queue_take(queue));
    work_queue_stop(queue);
    assert_null(work_queue_take(queue));
    work_queue_free(queue);
}

#define KEYS 51 /* a multiple of the groups: a key is always of the same one */
struct race {
    struct work_queue *queue;
    atomic_int working[KEYS], done[KEYS];
};

static void *race_worker(void *arg)
{
    struct race *race = arg;
    for (struct work_item *item; (item = work_queue_take(race->queue));) {
        int key = item->key[0] - '!';
        assert_int_equal(atomic_fetch_add(&race->working[key], 1), 0);
        atomic_fetch_add(&race->done[key], 1);
        atomic_fetch_sub(&race->working[key], 1);
        if (item->failures == 0 && key % 5 == 0)
            work_queue_retry(race->queue, item, 0);
        else
            work_queue_done(race->queue, item);
    }
    return NULL;
}

static void a_key_is_worked_on_by_one_at_a_time(void **state)
{
    (void)state;
    static struct race race;
    pthread_t threads[4];
    race.queue = work_queue_new(NULL);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, race_worker, &race);
    for (int round = 0; round < 2000; round++) {
        char key[2] = {(char)('!' + round % KEYS), 0};
        work_queue_add(race.queue, round % 3, 0, key);
    }
    int64_t deadline = clock_mono_ns() + (int64_t)10 * 1000000000;
    while (work_queue_busy(race.queue, 0) && clock_mono_ns() < deadline)
        sched_yield();
    work_queue_stop(race.queue);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    for (int key = 0; key < KEYS; key++)
        assert_true(race.done[key] > 0);
    work_queue_free(race.queue);
}

static void count_job(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void pools_run_everything(void **state)
{
    (void)state;
    atomic_int count = 0;
    struct pool *pool = pool_new(3, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(pool_submit(pool, count_job, &count));
    pool_free(pool);
    assert_int_equal(count, 1000);
}

static const struct metric_family jobs = {.name = "jobs", .help = "J.", .kind = METRIC_GAUGE};

static void collect(void *arg)
{
    metric_set_value(metric_series(arg, NULL), 7);
}

static size_t lines_in(struct metric_set *set)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)1 << 20);
    size_t lines = 0;
    metric_set_render(set, &text);
    for (const char *at = text.data; at && (at = strchr(at, '\n')); at++)
        lines += at[1] && at[1] != '#';
    return lines;
}

/* Whoever counts, and however many things there are to be told apart. */
static void a_set_has_few_lines(void **state)
{
    (void)state;
    static const double bounds[] = {1, 2, 3};
    static const struct metric_family few = {.name = "few",
                                             .help = "F.",
                                             .kind = METRIC_HISTOGRAM,
                                             .labels = {"x"},
                                             .buckets = bounds,
                                             .bucket_count = 3,
                                             .series_max = 2},
                                      own = {.name = "own",
                                             .help = "O.",
                                             .kind = METRIC_COUNTER,
                                             .labels = {"x"},
                                             .own = true};
    struct metric_set *above = metric_set_new(1000, NULL), *set = metric_set_new(1000, above);
    for (int i = 0; i < 2000; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%d", i);
        metric_observe(metric_set_series(set, &few, (const char *const[]){text}), 1);
        metric_add(metric_set_series(set, &own, (const char *const[]){text}), 1);
    }
    assert_int_equal(lines_in(above), 3 * 6); /* two and the rest */
    assert_int_equal(lines_in(set), 3 * 6 + 1000 + 1);
    metric_set_free(set);
    metric_set_free(above);
}

static void metrics_print_and_bound_their_series(void **state)
{
    (void)state;
    static const double bounds[] = {0.1, 1};
    static struct metric_family requests = {
        .name = "requests_total", .help = "Requests.", .kind = METRIC_COUNTER, .labels = {"code"}};
    static struct metric_family seconds = {.name = "seconds",
                                           .help = "Time.",
                                           .kind = METRIC_HISTOGRAM,
                                           .buckets = bounds,
                                           .bucket_count = 2};
    static const struct metric_family since = {.name = "since", .help = "S.", .kind = METRIC_REAL};
    char code[16];
    metric_add(metric_with(&requests, "2\"00"), 2);
    for (int i = 0; i < 3 * METRIC_SERIES_MAX; i++) {
        (void)snprintf(code, sizeof(code), "%d", i);
        metric_add(metric_with(&requests, code), 1);
    }
    metric_observe(metric_series(&seconds, NULL), 0.05);
    metric_observe(metric_series(&seconds, NULL), 5);
    struct metric_set *all = metric_set_new(10, NULL), *own = metric_set_new(2, all);
    for (int i = 0; i < 4; i++)
        metric_add(metric_set_series(own, &requests,
                                     (const char *const[]){i < 2   ? "1"
                                                           : i < 3 ? "2"
                                                                   : "3"}),
                   1);
    CLEANUP(buf_free) struct buf apart = BUF_TEXT;
    metric_set_render(own, &apart);
    assert_string_equal(
        strchr(apart.data, '{'),
        "{code=\"1\"} 2\nrequests_total{code=\"2\"} 1\nrequests_total{code=\"other\"} 1\n");
    metric_set_free(own);
    buf_clear(&apart);
    metric_set_render(all, &apart); /* what was counted below stays counted */
    assert_string_equal(
        strchr(apart.data, '{'),
        "{code=\"1\"} 2\nrequests_total{code=\"2\"} 1\nrequests_total{code=\"other\"} 1\n");
    metric_set_free(all);
    metric_set_real(metric_series(&since, NULL), 1.5);
    metrics_collect(collect, (void *)(uintptr_t)&jobs);
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    metrics_render(&out);
    metrics_collect(NULL, (void *)(uintptr_t)&jobs);
    assert_non_null(strstr(out.data, "# TYPE since gauge\nsince 1.5\n"));
    assert_non_null(strstr(out.data, "# TYPE jobs gauge\njobs 7\n"));
    assert_non_null(
        strstr(out.data, "# TYPE requests_total counter\nrequests_total{code=\"2\\\"00\"} 2\n"));
    assert_non_null(strstr(out.data, "requests_total{code=\"other\"} 401\n"));
    assert_non_null(strstr(out.data,
                           "seconds_bucket{le=\"0.1\"} 1\nseconds_bucket{le=\"1\"} 1\n"
                           "seconds_bucket{le=\"+Inf\"} 2\nseconds_sum 5.05\nseconds_count 2\n"));
}

static void programs_run(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf out = BUF_TEXT, errors = BUF_TEXT;
    int status = -1;
    const char *const cat[] = {"sh", "-c", "cat; echo oops >&2; exit 3", NULL};
    const struct spawn_options options = {.argv = cat, .input = STR("hello")};
    assert_true(spawn_run(&options, &status, &out, &errors, &err));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_string_equal(out.data, "hello");
    assert_string_equal(errors.data, "oops\n");

    const char *const slow[] = {"sleep", "100", NULL};
    const struct spawn_options late = {.argv = slow, .timeout_ms = 50};
    assert_false(spawn_run(&late, &status, NULL, NULL, &err));
    assert_int_equal(err.reason, ERROR_TIMEOUT);

    const char *const absent[] = {"/no/such/program", NULL};
    const struct spawn_options wrong = {.argv = absent};
    assert_false(spawn_run(&wrong, &status, NULL, NULL, &err));

    const char *const loud[] = {"head", "-c", "100000", "/dev/zero", NULL};
    const struct spawn_options bounded = {.argv = loud, .output_max = 1000};
    buf_clear(&out);
    assert_true(spawn_run(&bounded, &status, &out, NULL, &err));
    assert_int_equal(out.len, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_merged_and_groups_take_turns),
        cmocka_unit_test(a_key_added_while_worked_on_comes_again),
        cmocka_unit_test(what_goes_on_is_told_by_kind),
        cmocka_unit_test(failures_back_off),
        cmocka_unit_test(a_failure_may_say_how_long_at_most),
        cmocka_unit_test(groups_can_be_dropped_and_queues_are_bounded),
        cmocka_unit_test(a_key_is_worked_on_by_one_at_a_time),
        cmocka_unit_test(pools_run_everything),
        cmocka_unit_test(metrics_print_and_bound_their_series),
        cmocka_unit_test(a_set_has_few_lines),
        cmocka_unit_test(programs_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
