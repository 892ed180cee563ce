/* Decision tables of the Pod's state machine. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "host/node/pod_decide.h"

#define NOW INT64_C(1000000000)

static void describe(const struct pod_plan *plan, char *out, size_t size)
{
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < plan->count; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s %zu", i ? ", " : "",
                                pod_action_name(plan->actions[i].kind), plan->actions[i].container);
    if (plan->wake_us)
        (void)snprintf(out + len, size - len, "%swake +%lld", len ? ", " : "",
                       (long long)(plan->wake_us - NOW) / 1000000);
}

#define MAIN_RUNNING                                                                               \
    {                                                                                              \
        .class = CLASS_MAIN, .run = RUN_RUNNING, .started = true, .image = IMAGE_PRESENT           \
    }
#define EXITED(kind, code)                                                                         \
    {                                                                                              \
        .class = kind, .run = RUN_EXITED, .exit_code = code, .image = IMAGE_PRESENT                \
    }
#define FRESH(kind)                                                                                \
    {                                                                                              \
        .class = kind, .image = IMAGE_PRESENT                                                      \
    }

struct row {
    const char *name;
    struct pod_seen seen;
    struct container_seen containers[3];
    size_t count;
    const char *want;
    enum pod_phase phase;
};

/* clang-format off */
static const struct row rows[] = {
    /* clang-format off */
    {"a new pod is prepared first", {0}, {FRESH(CLASS_MAIN)}, 1, "prepare 0", PHASE_PENDING},
    {"preparing waits for its back-off", {.prepare_not_before_us = NOW + 5000000}, {FRESH(CLASS_MAIN)}, 1, "wake +5", PHASE_PENDING},
    {"an unknown image is looked for", {.prepared = true}, {{.class = CLASS_MAIN}}, 1, "pull 0", PHASE_PENDING},
    {"a pull under way is waited for", {.prepared = true}, {{.class = CLASS_MAIN, .image = IMAGE_PULLING}}, 1, "", PHASE_PENDING},
    {"a failed pull waits", {.prepared = true}, {{.class = CLASS_MAIN, .image = IMAGE_FAILED, .not_before_us = NOW + 10000000}}, 1, "wake +10", PHASE_PENDING},
    {"a failed pull is tried again", {.prepared = true}, {{.class = CLASS_MAIN, .image = IMAGE_FAILED}}, 1, "pull 0", PHASE_PENDING},
    {"main containers start together", {.prepared = true}, {FRESH(CLASS_MAIN), FRESH(CLASS_MAIN)}, 2, "start 0, start 1", PHASE_PENDING},
    {"all is well", {.prepared = true}, {MAIN_RUNNING}, 1, "", PHASE_RUNNING},
    {"init before main", {.prepared = true}, {FRESH(CLASS_INIT), FRESH(CLASS_MAIN)}, 2, "start 0", PHASE_PENDING},
    {"init runs, main waits", {.prepared = true}, {{.class = CLASS_INIT, .run = RUN_RUNNING, .started = true}, FRESH(CLASS_MAIN)}, 2, "", PHASE_PENDING},
    {"init done, main starts", {.prepared = true}, {EXITED(CLASS_INIT, 0), FRESH(CLASS_MAIN)}, 2, "start 1", PHASE_PENDING},
    {"second init after the first", {.prepared = true}, {EXITED(CLASS_INIT, 0), FRESH(CLASS_INIT), FRESH(CLASS_MAIN)}, 3, "start 1", PHASE_PENDING},
    {"failed init is tried again", {.prepared = true}, {EXITED(CLASS_INIT, 1), FRESH(CLASS_MAIN)}, 2, "start 0", PHASE_PENDING},
    {"failed init ends a Never pod", {.prepared = true, .restart = RESTART_NEVER, .has_remains = true}, {EXITED(CLASS_INIT, 1), FRESH(CLASS_MAIN)}, 2, "teardown 0", PHASE_FAILED},
    {"a sidecar must have started", {.prepared = true}, {{.class = CLASS_SIDECAR, .run = RUN_RUNNING, .image = IMAGE_PRESENT}, FRESH(CLASS_MAIN)}, 2, "", PHASE_PENDING},
    {"main after the sidecar", {.prepared = true}, {{.class = CLASS_SIDECAR, .run = RUN_RUNNING, .started = true}, FRESH(CLASS_MAIN)}, 2, "start 1", PHASE_PENDING},
    {"a sidecar comes back beside main", {.prepared = true, .restart = RESTART_NEVER}, {EXITED(CLASS_SIDECAR, 0), MAIN_RUNNING}, 2, "start 0", PHASE_RUNNING},
    {"an ephemeral container does not wait for init", {.prepared = true}, {{.class = CLASS_INIT, .run = RUN_RUNNING, .started = true}, FRESH(CLASS_MAIN), FRESH(CLASS_EPHEMERAL)}, 3, "start 2", PHASE_PENDING},
    {"it runs once, and decides nothing", {.prepared = true}, {MAIN_RUNNING, EXITED(CLASS_EPHEMERAL, 1)}, 2, "", PHASE_RUNNING},
    {"it ends with the Pod", {.prepared = true, .restart = RESTART_NEVER, .has_remains = true}, {EXITED(CLASS_MAIN, 0), {.class = CLASS_EPHEMERAL, .run = RUN_RUNNING, .started = true}}, 2, "stop 1", PHASE_SUCCEEDED},
    {"Always restarts a success", {.prepared = true}, {EXITED(CLASS_MAIN, 0)}, 1, "start 0", PHASE_RUNNING},
    {"a crash loop waits", {.prepared = true}, {{.class = CLASS_MAIN, .run = RUN_EXITED, .exit_code = 1, .image = IMAGE_PRESENT, .not_before_us = NOW + 20000000}}, 1, "wake +20", PHASE_RUNNING},
    {"OnFailure restarts a failure", {.prepared = true, .restart = RESTART_ON_FAILURE}, {EXITED(CLASS_MAIN, 2)}, 1, "start 0", PHASE_RUNNING},
    {"OnFailure ends with success", {.prepared = true, .restart = RESTART_ON_FAILURE, .has_remains = true}, {EXITED(CLASS_MAIN, 0)}, 1, "teardown 0", PHASE_SUCCEEDED},
    {"a finished pod is left alone", {.prepared = false, .restart = RESTART_NEVER}, {EXITED(CLASS_MAIN, 3)}, 1, "", PHASE_FAILED},
    {"one of two is over", {.prepared = true, .restart = RESTART_NEVER}, {EXITED(CLASS_MAIN, 0), MAIN_RUNNING}, 2, "", PHASE_RUNNING},
    {"a sidecar ends when main is over", {.prepared = true, .restart = RESTART_NEVER, .has_remains = true}, {{.class = CLASS_SIDECAR, .run = RUN_RUNNING, .started = true}, EXITED(CLASS_MAIN, 0)}, 2, "stop 0", PHASE_SUCCEEDED},
    {"liveness failed", {.prepared = true}, {{.class = CLASS_MAIN, .run = RUN_RUNNING, .started = true, .must_restart = true}}, 1, "stop 0", PHASE_RUNNING},
    {"another image ends what runs", {.prepared = true, .restart = RESTART_NEVER}, {{.class = CLASS_MAIN, .run = RUN_RUNNING, .started = true, .changed = true}}, 1, "stop 0", PHASE_RUNNING},
    {"and starts it again, whatever the policy", {.prepared = true, .restart = RESTART_NEVER}, {{.class = CLASS_MAIN, .run = RUN_EXITED, .exit_code = 137, .changed = true, .image = IMAGE_PRESENT}}, 1, "start 0", PHASE_RUNNING},
    {"stopping waits for its deadline", {.prepared = true}, {{.class = CLASS_MAIN, .run = RUN_RUNNING, .stop = STOP_TERM, .stop_deadline_us = NOW + 3000000}}, 1, "wake +3", PHASE_RUNNING},
    {"deleting stops", {.prepared = true, .deleting = true, .has_remains = true}, {MAIN_RUNNING}, 1, "stop 0", PHASE_RUNNING},
    {"after preStop comes SIGTERM", {.prepared = true, .deleting = true, .has_remains = true}, {{.class = CLASS_MAIN, .run = RUN_RUNNING, .stop = STOP_HOOK_DONE, .stop_deadline_us = NOW + 9000000}}, 1, "term 0, wake +9", PHASE_RUNNING},
    {"past the grace period comes SIGKILL", {.prepared = true, .deleting = true, .has_remains = true}, {{.class = CLASS_MAIN, .run = RUN_RUNNING, .stop = STOP_HOOK, .stop_deadline_us = NOW}}, 1, "kill 0", PHASE_RUNNING},
    {"killed once", {.prepared = true, .deleting = true, .has_remains = true}, {{.class = CLASS_MAIN, .run = RUN_RUNNING, .stop = STOP_KILL, .stop_deadline_us = NOW}}, 1, "", PHASE_RUNNING},
    {"main ends before the sidecar", {.prepared = true, .deleting = true, .has_remains = true}, {{.class = CLASS_SIDECAR, .run = RUN_RUNNING, .started = true}, MAIN_RUNNING}, 2, "stop 1", PHASE_RUNNING},
    {"then the sidecar", {.prepared = true, .deleting = true, .has_remains = true}, {{.class = CLASS_SIDECAR, .run = RUN_RUNNING, .started = true}, EXITED(CLASS_MAIN, 0)}, 2, "stop 0", PHASE_SUCCEEDED},
    {"all ended: tear down", {.prepared = true, .deleting = true, .has_remains = true}, {EXITED(CLASS_MAIN, 0)}, 1, "teardown 0", PHASE_SUCCEEDED},
    {"torn down: let it go", {.deleting = true}, {EXITED(CLASS_MAIN, 0)}, 1, "finalize 0", PHASE_SUCCEEDED},
    {"deleted before it began", {.deleting = true}, {FRESH(CLASS_MAIN)}, 1, "finalize 0", PHASE_PENDING},
    {"gone from the API: at once", {.prepared = true, .gone = true, .has_remains = true}, {{.class = CLASS_SIDECAR, .run = RUN_RUNNING}, MAIN_RUNNING}, 2, "kill 0, kill 1", PHASE_RUNNING},
    {"gone and torn down", {.gone = true}, {EXITED(CLASS_MAIN, 0)}, 1, "", PHASE_SUCCEEDED},
    {"deadline ahead", {.prepared = true, .deadline_us = NOW + 7000000}, {MAIN_RUNNING}, 1, "wake +7", PHASE_RUNNING},
    {"deadline passed", {.prepared = true, .deadline_us = NOW}, {MAIN_RUNNING}, 1, "expire 0", PHASE_RUNNING},
    {"a failing pod ends but stays", {.prepared = true, .failing = true}, {EXITED(CLASS_MAIN, 137)}, 1, "", PHASE_FAILED},
    /* clang-format on */
};
/* clang-format on */

static void test_rows(void **state)
{
    (void)state;
    char got[512];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pod_seen seen = rows[i].seen;
        struct pod_plan plan;
        seen.containers = rows[i].containers;
        seen.count = rows[i].count;
        seen.now_us = NOW;
        pod_decide(&seen, &plan);
        describe(&plan, got, sizeof(got));
        if (strcmp(got, rows[i].want) != 0 || pod_phase_of(&seen) != rows[i].phase)
            fail_msg("%s: got \"%s\" phase %d, want \"%s\" phase %d", rows[i].name, got,
                     (int)pod_phase_of(&seen), rows[i].want, (int)rows[i].phase);
    }
}

static void test_backoff(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    static const int64_t want_s[] = {10, 20, 40, 80, 160, 300, 300};
    assert_int_equal(backoff_until(&backoff, NOW, NOW), 0);
    for (size_t i = 0; i < ARRAY_LEN(want_s); i++) {
        backoff_raise(&backoff, NOW);
        assert_int_equal(backoff_until(&backoff, NOW, NOW), NOW + want_s[i] * 1000000);
    }
    assert_int_equal(backoff_until(&backoff, NOW, NOW + 601 * INT64_C(1000000)), 0);
    backoff_raise(&backoff, NOW + 601 * INT64_C(1000000));
    assert_int_equal(backoff.delay_us, BACKOFF_FIRST_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_backoff)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
