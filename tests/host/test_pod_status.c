/* Pod statuses as the kubelet writes them, and the patch from one to the next. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "host/node/pod_status.h"

#define NOW INT64_C(1767323045000000) /* 2026-01-02T03:04:05Z */
#define POD                                                                                        \
    "{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"u\"},\"spec\":{"                  \
    "\"containers\":[{\"name\":\"m\",\"image\":\"busybox\"}]}}"

static json_t *parse(const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *value = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    assert_non_null(value);
    return value;
}

struct row {
    const char *name;
    struct container_seen seen;
    struct container_state state;
    bool network, gone;
    enum restart_policy restart;
    /* path=value each, ended by NULL; an absent value is "-" */
    const char *want[8];
};

static char m[] = "m", why[] = "CreateContainerConfigError", secret[] = "secret \"s\" not found",
            run_error[] = "RunContainerError", pull[] = "ErrImagePull", refused[] = "refused";

/* clang-format off */
static const struct row rows[] = {
    {"new",
     {.class = CLASS_MAIN},
     {.name = m, .class = CLASS_MAIN},
     false,
     false,
     RESTART_ALWAYS,
     {"phase=Pending", "c.state.waiting.reason=ContainerCreating", "c.imageID=", "c.image=busybox",
      "Ready=False ContainersNotReady", "PodReadyToStartContainers=False -", "Initialized=True -",
      NULL}},
    {"running and ready",
     {.class = CLASS_MAIN, .run = RUN_RUNNING, .started = true},
     {.name = m,
      .class = CLASS_MAIN,
      .run = RUN_RUNNING,
      .started = true,
      .ready = true,
      .started_us = NOW},
     true,
     false,
     RESTART_ALWAYS,
     {"phase=Running", "c.state.running.startedAt=2026-01-02T03:04:05Z",
      "c.image=docker.io/library/busybox:latest", "Ready=True -", "ContainersReady=True -",
      "PodReadyToStartContainers=True -", NULL}},
    {"running, not ready",
     {.class = CLASS_MAIN, .run = RUN_RUNNING, .started = true},
     {.name = m, .class = CLASS_MAIN, .run = RUN_RUNNING, .started = true},
     true,
     false,
     RESTART_ALWAYS,
     {"phase=Running", "Ready=False ContainersNotReady", NULL}},
    {"cannot be configured",
     {.class = CLASS_MAIN, .image = IMAGE_PRESENT},
     {.name = m,
      .class = CLASS_MAIN,
      .image = IMAGE_PRESENT,
      .start_failed_us = NOW,
      .start_reason = why,
      .start_message = secret},
     true,
     false,
     RESTART_ALWAYS,
     {"phase=Pending", "c.state.waiting.reason=CreateContainerConfigError",
      "c.state.waiting.message=secret \"s\" not found", NULL}},
    {"cannot be pulled",
     {.class = CLASS_MAIN, .image = IMAGE_FAILED},
     {.name = m,
      .class = CLASS_MAIN,
      .image = IMAGE_FAILED,
      .image_failed_us = NOW,
      .image_reason = pull,
      .image_message = refused},
     true,
     false,
     RESTART_ALWAYS,
     {"c.state.waiting.reason=ErrImagePull", "c.state.waiting.message=refused", NULL}},
    {"waits to be pulled again",
     {.class = CLASS_MAIN, .image = IMAGE_FAILED},
     {.name = m,
      .class = CLASS_MAIN,
      .image = IMAGE_FAILED,
      .image_failed_us = NOW - PULL_ERROR_SHOWN_US,
      .image_reason = pull,
      .image_message = refused},
     true,
     false,
     RESTART_ALWAYS,
     {"c.state.waiting.reason=ImagePullBackOff",
      "c.state.waiting.message=Back-off pulling image \"busybox\": ErrImagePull: refused", NULL}},
    {"crash loop",
     {.class = CLASS_MAIN, .run = RUN_EXITED, .exit_code = 1, .not_before_us = NOW + 1},
     {.name = m,
      .class = CLASS_MAIN,
      .run = RUN_EXITED,
      .attempt = 5,
      .ended = {.attempt = 5, .exit_code = 1},
      .crash = {80000000, NOW}},
     true,
     false,
     RESTART_ALWAYS,
     {"phase=Running", "c.state.waiting.reason=CrashLoopBackOff",
      "c.state.waiting.message=back-off 1m20s restarting failed container=m pod=p_n(u)",
      "c.lastState.terminated.reason=Error", "Ready=False ContainersNotReady", NULL}},
    {"failed",
     {.class = CLASS_MAIN, .run = RUN_EXITED, .exit_code = 137},
     {.name = m,
      .class = CLASS_MAIN,
      .run = RUN_EXITED,
      .ended = {.exit_code = 137, .oom_killed = true}},
     true,
     false,
     RESTART_NEVER,
     {"phase=Failed", "c.state.terminated.reason=OOMKilled", "Ready=False PodFailed", NULL}},
    {"never ran",
     {.class = CLASS_MAIN, .run = RUN_EXITED, .exit_code = 128},
     {.name = m,
      .class = CLASS_MAIN,
      .run = RUN_EXITED,
      .start_failed_us = NOW,
      .start_reason = run_error,
      .start_message = refused,
      .ended = {.exit_code = 128, .unstarted = true, .message = refused}},
     true,
     false,
     RESTART_NEVER,
     {"phase=Failed", "c.state.terminated.reason=StartError", "c.state.terminated.message=refused", NULL}},
    {"never ran, and is tried again",
     {.class = CLASS_MAIN, .run = RUN_EXITED, .exit_code = 128},
     {.name = m,
      .class = CLASS_MAIN,
      .run = RUN_EXITED,
      .start_failed_us = NOW,
      .start_reason = run_error,
      .start_message = refused,
      .ended = {.exit_code = 128, .unstarted = true, .message = refused}},
     true,
     false,
     RESTART_ALWAYS,
     {"phase=Running", "c.state.waiting.reason=RunContainerError", "c.lastState.terminated.reason=StartError", NULL}},
    {"succeeded",
     {.class = CLASS_MAIN, .run = RUN_EXITED},
     {.name = m, .class = CLASS_MAIN, .run = RUN_EXITED},
     true,
     false,
     RESTART_ON_FAILURE,
     {"phase=Succeeded", "c.state.terminated.reason=Completed", "Ready=False PodCompleted",
      "Initialized=True PodCompleted", NULL}},
};
/* clang-format on */

/* The text that `path` (with dots) leads to; "c." begins in the first container's status. */
static const char *walk(const json_t *status, const char *path)
{
    struct str rest = str_of(path);
    const json_t *at = status;
    if (text_starts(path, "c.")) {
        at = json_array_get(json_object_get(status, "containerStatuses"), 0);
        (void)str_cut(&rest, '.');
    }
    while (at && rest.data) {
        CLEANUP(free_ptr) char *key = str_dup(str_cut(&rest, '.'));
        at = json_object_get(at, key);
    }
    return json_is_string(at) ? json_string_value(at) : "-";
}

/* "STATUS REASON" of a condition; owned. */
static char *condition(const json_t *status, const char *type)
{
    size_t i;
    const json_t *one;
    json_array_foreach (json_object_get(status, "conditions"), i, one)
        if (text_eq(json_text(one, "type"), type))
            return xasprintf("%s %s", json_text(one, "status"),
                             json_text(one, "reason") ? json_text(one, "reason") : "-");
    return xstrdup("-");
}

static json_t *render(const struct row *row, const json_t *pod, const json_t *before)
{
    struct container_seen container = row->seen;
    struct pod_seen seen = {.restart = row->restart,
                            .gone = row->gone,
                            .now_us = NOW,
                            .containers = &container,
                            .count = 1};
    struct status_input input = {.pod = pod,
                                 .before = before,
                                 .seen = &seen,
                                 .containers = &row->state,
                                 .count = 1,
                                 .uid = "u",
                                 .host_ip = "192.0.2.1",
                                 .pod_ip = row->network ? "10.0.0.2" : "",
                                 .has_network = row->network,
                                 .start_time_us = NOW,
                                 .now_us = NOW};
    return pod_status_render(&input);
}

static void test_render(void **state)
{
    (void)state;
    json_auto_t *pod = parse(POD);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *status = render(&rows[i], pod, NULL);
        for (const char *const *want = rows[i].want; *want; want++) {
            struct str rest = str_of(*want);
            CLEANUP(free_ptr) char *path = str_dup(str_cut(&rest, '='));
            bool is_condition = path[0] >= 'A' && path[0] <= 'Z';
            CLEANUP(free_ptr)
            char *got = is_condition ? condition(status, path) : xstrdup(walk(status, path));
            if (!str_is(rest, got))
                fail_msg("%s: want %s, got \"%s\"", rows[i].name, *want, got);
        }
    }
}

static void test_times_of_transition_stay(void **state)
{
    (void)state;
    json_auto_t *pod = parse(POD);
    json_auto_t *before = parse(
        "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":\"old\"},"
        "{\"type\":\"ContainersReady\",\"status\":\"False\",\"lastTransitionTime\":\"old\"}]}");
    json_auto_t *status = render(&rows[1], pod, before);
    const json_t *conditions = json_object_get(status, "conditions");
    assert_string_equal(json_text(json_array_get(conditions, 2), "lastTransitionTime"), "old");
    assert_string_equal(json_text(json_array_get(conditions, 3), "lastTransitionTime"),
                        "2026-01-02T03:04:05Z");
    json_auto_t *again = render(&rows[1], pod, status);
    assert_true(json_equal(again, status));
}

static void test_patch(void **state)
{
    (void)state;
    json_auto_t *before = parse("{\"reason\":\"x\",\"podIPs\":[{\"ip\":\"1.1.1.1\"}],"
                                "\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\","
                                "\"reason\":\"r\",\"message\":\"m\"}]}");
    json_auto_t *after = parse("{\"podIPs\":[{\"ip\":\"2.2.2.2\"}],\"conditions\":[{\"type\":"
                               "\"Ready\",\"status\":\"True\"}]}");
    json_auto_t *patch = pod_status_patch(before, after);
    const json_t *ready = json_array_get(json_object_get(patch, "conditions"), 0);
    assert_true(json_is_null(json_object_get(patch, "reason")));
    assert_true(json_is_null(json_object_get(ready, "reason")) &&
                json_is_null(json_object_get(ready, "message")));
    assert_string_equal(json_text(json_array_get(json_object_get(patch, "podIPs"), 1), "$patch"),
                        "replace");
    json_auto_t *same = pod_status_patch(NULL, after);
    assert_true(json_equal(same, after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_render),
                                       cmocka_unit_test(test_times_of_transition_stay),
                                       cmocka_unit_test(test_patch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
