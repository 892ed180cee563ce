/* Threads for requests that wait outside: whose turn it is, and work in parts. */
#include <pthread.h>

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

/* ---- work in parts ---- */

#define MEET_S 60 /* far more than it takes */

/* Where some wait until `wanted` are there. */
struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned wanted, there, most; /* guarded by lock; most: that were there at once */
    bool open, late;              /* nobody waits; somebody did so in vain */
};

static void meeting_init(struct meeting *meeting, unsigned wanted)
{
    *meeting = (struct meeting){.wanted = wanted};
    pthread_mutex_init(&meeting->lock, NULL);
    pthread_cond_init(&meeting->changed, NULL);
}

static void meeting_deinit(struct meeting *meeting)
{
    pthread_cond_destroy(&meeting->changed);
    pthread_mutex_destroy(&meeting->lock);
}

/* Waits for the others; under the lock. */
static void meet(struct meeting *meeting)
{
    struct timespec until;
    int waited = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += MEET_S;
    meeting->there++;
    if (meeting->there > meeting->most)
        meeting->most = meeting->there;
    if (meeting->there >= meeting->wanted)
        meeting->open = true;
    pthread_cond_broadcast(&meeting->changed);
    while (!meeting->open && !waited)
        waited = pthread_cond_timedwait(&meeting->changed, &meeting->lock, &until);
    meeting->late |= waited != 0;
    meeting->there--;
}

#define PARTS_MAX 64

struct parts {
    struct meeting *meeting;
    unsigned runs[PARTS_MAX]; /* guarded by the meeting's lock */
};

static void run_part(void *arg, size_t part)
{
    struct parts *parts = arg;
    pthread_mutex_lock(&parts->meeting->lock);
    parts->runs[part]++;
    meet(parts->meeting);
    pthread_mutex_unlock(&parts->meeting->lock);
}

/* Each part runs once, and as many at once as the share allows. */
static void test_spread(void **state)
{
    static const struct row {
        const char *name;
        size_t count;
        unsigned at_once; /* that must meet, so that any goes on */
    } rows[] = {{"none", 0, 1}, {"one", 1, 1}, {"two", 2, 2}, {"many", PARTS_MAX, LANES_SHARE}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lanes *lanes = lanes_new();
        struct meeting meeting;
        meeting_init(&meeting, rows[i].at_once);
        struct parts parts = {.meeting = &meeting};
        lanes_spread(lanes, OTHER, rows[i].count, run_part, &parts);
        for (size_t part = 0; part < PARTS_MAX; part++)
            if (parts.runs[part] != (part < rows[i].count))
                fail_msg("%s: part %zu ran %u times", rows[i].name, part, parts.runs[part]);
        if (meeting.late || meeting.most > LANES_SHARE + 1) /* it was called from outside of them */
            fail_msg("%s: %u at once", rows[i].name, meeting.most);
        meeting_deinit(&meeting);
        lanes_free(lanes);
    }
}

/* A lane's own work, in parts of which each goes on at once. */
struct spreader {
    struct lanes *lanes;
    struct meeting *begun, *done;
    size_t parts_run; /* guarded by done's lock */
};

static void count_part(void *arg, size_t part)
{
    struct spreader *spreader = arg;
    (void)part;
    pthread_mutex_lock(&spreader->done->lock);
    spreader->parts_run++;
    pthread_mutex_unlock(&spreader->done->lock);
}

static void spread_on_lane(void *arg)
{
    struct spreader *spreader = arg;
    pthread_mutex_lock(&spreader->begun->lock);
    meet(spreader->begun);
    pthread_mutex_unlock(&spreader->begun->lock);
    lanes_spread(spreader->lanes, OTHER, PARTS_MAX, count_part, spreader);
    pthread_mutex_lock(&spreader->done->lock);
    meet(spreader->done);
    pthread_mutex_unlock(&spreader->done->lock);
}

/* A share that is used up by those that spread: each does its parts itself, and all end. */
static void test_spread_full(void **state)
{
    struct lanes *lanes = lanes_new();
    struct meeting begun, done;
    (void)state;
    meeting_init(&begun, LANES_SHARE);
    meeting_init(&done, LANES_SHARE + 1);
    struct spreader spreader = {lanes, &begun, &done, 0};
    for (unsigned i = 0; i < LANES_SHARE; i++)
        assert_true(lanes_submit(lanes, OTHER, spread_on_lane, &spreader));
    pthread_mutex_lock(&done.lock);
    meet(&done);
    assert_false(begun.late || done.late);
    assert_int_equal(spreader.parts_run, LANES_SHARE * PARTS_MAX);
    pthread_mutex_unlock(&done.lock);
    lanes_free(lanes);
    meeting_deinit(&begun);
    meeting_deinit(&done);
}

static void wait_inside(void *arg)
{
    struct meeting *meeting = arg;
    pthread_mutex_lock(&meeting->lock);
    meet(meeting);
    pthread_mutex_unlock(&meeting->lock);
}

/* However many clusters' webhooks hang, another's request begins; and work in parts has no help. */
static void test_scarce(void **state)
{
    struct lanes *lanes = lanes_new();
    struct meeting hang, one, alone;
    const unsigned hostile = 64;
    (void)state;
    meeting_init(&hang, hostile * LANES_SHARE + 1); /* opened by hand */
    meeting_init(&one, 2);
    meeting_init(&alone, 1);
    struct parts parts = {.meeting = &alone};
    for (unsigned i = 0; i < hostile; i++)
        for (unsigned k = 0; k < LANES_SHARE; k++)
            assert_true(lanes_submit(lanes, OTHER + 1 + i, wait_inside, &hang));
    assert_true(lanes_submit(lanes, OTHER, wait_inside, &one));
    pthread_mutex_lock(&one.lock);
    meet(&one);
    pthread_mutex_unlock(&one.lock);
    lanes_spread(lanes, OTHER, PARTS_MAX, run_part, &parts);
    assert_false(one.late);
    assert_int_equal(alone.most, 1);
    pthread_mutex_lock(&hang.lock);
    hang.open = true;
    pthread_cond_broadcast(&hang.changed);
    pthread_mutex_unlock(&hang.lock);
    lanes_free(lanes);
    meeting_deinit(&hang);
    meeting_deinit(&one);
    meeting_deinit(&alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rest),   cmocka_unit_test(test_places),
        cmocka_unit_test(test_spread), cmocka_unit_test(test_spread_full),
        cmocka_unit_test(test_scarce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
