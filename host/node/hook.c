/* Lifecycle hooks: postStart beside a container's first moments, preStop before its SIGTERM. */
#include <string.h>

#include "base/clock.h"
#include "host/node/action.h"

#define POST_START_MS INT64_C(120000)
#define PRE_STOP_MS   INT64_C(3600000)

struct hook {
    struct pod_worker *worker;
    struct container_state *state;
    json_t *pod;
    const json_t *container, *spec;
    unsigned attempt;
    int64_t deadline_us; /* of the container's stop */
};

static bool find_hook(struct node *node, const char *key, const char *member, struct hook *hook)
{
    struct str rest = str_of(key);
    CLEANUP(free_ptr) char *uid = str_dup(str_cut(&rest, '/'));
    CLEANUP(free_ptr) char *name = str_dup(rest);
    *hook = (struct hook){.worker = pod_worker_find(node, uid)};
    if (!hook->worker)
        return false;
    struct pod_view view = {0};
    view.pod = hook->pod = pod_worker_pod(hook->worker);
    hook->state = pod_worker_container(hook->worker, name);
    hook->container = pod_view_container(&view, name);
    hook->spec = json_at(hook->container, "lifecycle", member);
    if (!hook->state)
        return true;
    pthread_mutex_lock(&hook->worker->lock);
    hook->attempt = hook->state->attempt;
    hook->deadline_us = hook->state->stop_deadline_us;
    pthread_mutex_unlock(&hook->worker->lock);
    return true;
}

static void hook_clear(struct hook *hook)
{
    json_decref(hook->pod);
    pod_worker_unref(hook->worker);
}

static bool run_hook(const struct hook *hook, int64_t timeout_ms, char output[ACTION_OUTPUT_SIZE])
{
    CLEANUP(free_ptr) char *name = container_runtime_name(hook->state, hook->attempt);
    struct action action = {hook->worker, hook->pod, hook->container, name, hook->spec, timeout_ms};
    return action_run(&action, output);
}

int64_t pod_pre_stop_job(void *arg, const char *key)
{
    struct hook hook;
    char output[ACTION_OUTPUT_SIZE] = "";
    if (!find_hook(arg, key, "preStop", &hook))
        return CREW_DONE;
    if (hook.state && hook.spec) {
        int64_t left_ms = (hook.deadline_us - clock_now_us()) / 1000;
        if (left_ms > PRE_STOP_MS)
            left_ms = PRE_STOP_MS;
        if (left_ms > 0 && !run_hook(&hook, left_ms, output))
            events_pod(hook.worker->node->events, hook.pod, hook.state->name, "Warning",
                       "FailedPreStopHook", "PreStopHook failed");
        pthread_mutex_lock(&hook.worker->lock);
        if (hook.state->stop == STOP_HOOK)
            hook.state->stop = STOP_HOOK_DONE;
        pthread_mutex_unlock(&hook.worker->lock);
        pod_worker_wake(hook.worker);
    }
    hook_clear(&hook);
    return CREW_DONE;
}

/* A hook that fails ends its container, which its restart policy may start again. */
int64_t pod_post_start_job(void *arg, const char *key)
{
    struct hook hook;
    char output[ACTION_OUTPUT_SIZE] = "";
    if (!find_hook(arg, key, "postStart", &hook))
        return CREW_DONE;
    if (hook.state && hook.spec && !run_hook(&hook, POST_START_MS, output)) {
        events_pod(hook.worker->node->events, hook.pod, hook.state->name, "Warning",
                   "FailedPostStartHook", "PostStartHook failed");
        pthread_mutex_lock(&hook.worker->lock);
        hook.state->must_restart = true;
        pthread_mutex_unlock(&hook.worker->lock);
        pod_worker_wake(hook.worker);
    }
    hook_clear(&hook);
    return CREW_DONE;
}
