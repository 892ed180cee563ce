#include "host/node/pod_decide.h"

#include <assert.h>

#include "base/mem.h"

static const char *const action_names[] = {
    [ACTION_PREPARE] = "prepare", [ACTION_PULL] = "pull",         [ACTION_START] = "start",
    [ACTION_STOP] = "stop",       [ACTION_TERM] = "term",         [ACTION_KILL] = "kill",
    [ACTION_EXPIRE] = "expire",   [ACTION_TEARDOWN] = "teardown", [ACTION_FINALIZE] = "finalize",
};

const char *pod_action_name(enum pod_action_kind kind)
{
    return action_names[kind];
}

static void add(struct pod_plan *plan, enum pod_action_kind kind, size_t container)
{
    assert(plan->count < ARRAY_LEN(plan->actions));
    plan->actions[plan->count++] = (struct pod_action){kind, container};
}

static void wake_at(struct pod_plan *plan, int64_t at_us)
{
    if (!plan->wake_us || at_us < plan->wake_us)
        plan->wake_us = at_us;
}

/* ---- back-off ---- */

int64_t backoff_until(const struct backoff *backoff, int64_t failed_us, int64_t now_us)
{
    if (!backoff->delay_us || now_us - backoff->raised_us > 2 * BACKOFF_MAX_US)
        return 0;
    return failed_us + backoff->delay_us > now_us ? failed_us + backoff->delay_us : 0;
}

void backoff_raise(struct backoff *backoff, int64_t now_us)
{
    if (!backoff->delay_us || now_us - backoff->raised_us > 2 * BACKOFF_MAX_US)
        backoff->delay_us = BACKOFF_FIRST_US;
    else
        backoff->delay_us =
            backoff->delay_us * 2 < BACKOFF_MAX_US ? backoff->delay_us * 2 : BACKOFF_MAX_US;
    backoff->raised_us = now_us;
}

/* ---- questions ---- */

bool container_restarts(const struct pod_seen *seen, const struct container_seen *container)
{
    if (container->class == CLASS_SIDECAR || container->changed)
        return true;
    if (container->class == CLASS_EPHEMERAL || seen->restart == RESTART_NEVER)
        return false;
    if (container->class == CLASS_INIT || seen->restart == RESTART_ON_FAILURE)
        return container->exit_code != 0;
    return true;
}

static bool any_main_began(const struct pod_seen *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        if (seen->containers[i].class == CLASS_MAIN && seen->containers[i].run != RUN_NONE)
            return true;
    return false;
}

bool pod_initialized(const struct pod_seen *seen)
{
    if (any_main_began(seen))
        return true;
    for (size_t i = 0; i < seen->count; i++) {
        const struct container_seen *one = &seen->containers[i];
        if (one->class == CLASS_INIT && (one->run != RUN_EXITED || one->exit_code != 0))
            return false;
        if (one->class == CLASS_SIDECAR && !one->started)
            return false;
    }
    return true;
}

/* An init container that failed for good. */
static bool init_failed(const struct pod_seen *seen)
{
    for (size_t i = 0; i < seen->count; i++) {
        const struct container_seen *one = &seen->containers[i];
        if (one->class == CLASS_INIT && one->run == RUN_EXITED && one->exit_code != 0 &&
            !container_restarts(seen, one))
            return true;
    }
    return false;
}

enum pod_phase pod_phase_of(const struct pod_seen *seen)
{
    size_t mains = 0, over = 0, failed = 0, began = 0;
    if (seen->failing || init_failed(seen))
        return PHASE_FAILED;
    for (size_t i = 0; i < seen->count; i++) {
        const struct container_seen *one = &seen->containers[i];
        if (one->class != CLASS_MAIN)
            continue;
        mains++;
        began += one->run != RUN_NONE;
        if (one->run == RUN_EXITED &&
            (seen->deleting || seen->gone || !container_restarts(seen, one))) {
            over++;
            failed += one->exit_code != 0;
        }
    }
    if (mains && over == mains)
        return failed ? PHASE_FAILED : PHASE_SUCCEEDED;
    return mains && began == mains ? PHASE_RUNNING : PHASE_PENDING;
}

/* ---- ending ---- */

static void stop_one(const struct pod_seen *seen, size_t i, struct pod_plan *plan)
{
    const struct container_seen *one = &seen->containers[i];
    if (seen->gone && one->stop != STOP_KILL) {
        add(plan, ACTION_KILL, i);
        return;
    }
    if (one->stop == STOP_NONE) {
        add(plan, ACTION_STOP, i);
        return;
    }
    if (one->stop != STOP_KILL && seen->now_us >= one->stop_deadline_us) {
        add(plan, ACTION_KILL, i);
        return;
    }
    if (one->stop == STOP_HOOK_DONE)
        add(plan, ACTION_TERM, i);
    if (one->stop != STOP_KILL)
        wake_at(plan, one->stop_deadline_us);
}

/* Main and init containers first, then sidecars from the last to the first. True when nothing runs.
 */
static bool stop_all(const struct pod_seen *seen, struct pod_plan *plan)
{
    bool running = false;
    for (size_t i = 0; i < seen->count; i++)
        if (seen->containers[i].run == RUN_RUNNING &&
            (seen->containers[i].class != CLASS_SIDECAR || seen->gone)) {
            stop_one(seen, i, plan);
            running = true;
        }
    for (size_t i = seen->count; i-- > 0 && !running;)
        if (seen->containers[i].run == RUN_RUNNING) {
            stop_one(seen, i, plan);
            running = true;
        }
    return !running;
}

static void decide_end(const struct pod_seen *seen, struct pod_plan *plan)
{
    if (!stop_all(seen, plan))
        return;
    if (seen->has_remains)
        add(plan, ACTION_TEARDOWN, 0);
    else if (seen->deleting && !seen->gone)
        add(plan, ACTION_FINALIZE, 0);
}

/* ---- running ---- */

static void start_one(const struct pod_seen *seen, size_t i, struct pod_plan *plan)
{
    const struct container_seen *one = &seen->containers[i];
    if (one->not_before_us > seen->now_us) {
        wake_at(plan, one->not_before_us);
        return;
    }
    switch (one->image) {
    case IMAGE_UNKNOWN:
    case IMAGE_FAILED:
        add(plan, ACTION_PULL, i);
        return;
    case IMAGE_PULLING:
        return;
    case IMAGE_PRESENT:
        add(plan, ACTION_START, i);
        return;
    }
}

/* Keeps one container as it should be. True when the next in order may go on. */
static bool keep_one(const struct pod_seen *seen, size_t i, struct pod_plan *plan)
{
    const struct container_seen *one = &seen->containers[i];
    if (one->run == RUN_RUNNING) {
        if (one->must_restart || one->changed || one->stop != STOP_NONE)
            stop_one(seen, i, plan);
        return one->class != CLASS_INIT && one->started;
    }
    if (one->run == RUN_NONE || container_restarts(seen, one)) {
        start_one(seen, i, plan);
        return false;
    }
    return one->exit_code == 0;
}

static void decide_run(const struct pod_seen *seen, struct pod_plan *plan)
{
    bool mains_began = any_main_began(seen);
    for (size_t i = 0; i < seen->count; i++)
        if (seen->containers[i].class == CLASS_EPHEMERAL)
            (void)keep_one(seen, i,
                           plan); /* a Pod that hangs in its init containers is looked into, too */
    for (size_t i = 0; i < seen->count; i++) {
        const struct container_seen *one = &seen->containers[i];
        if (one->class == CLASS_EPHEMERAL)
            continue;
        if (one->class == CLASS_MAIN) {
            (void)keep_one(seen, i, plan); /* main containers do not wait for each other */
            continue;
        }
        if (mains_began && one->class == CLASS_INIT)
            continue; /* done before; what is left of it does not matter */
        if (!keep_one(seen, i, plan) && !mains_began)
            return;
    }
}

void pod_decide(const struct pod_seen *seen, struct pod_plan *plan)
{
    *plan = (struct pod_plan){0};
    enum pod_phase phase = pod_phase_of(seen);
    if (seen->gone || seen->deleting || seen->failing || phase == PHASE_SUCCEEDED ||
        phase == PHASE_FAILED) {
        decide_end(seen, plan);
        return;
    }
    if (seen->deadline_us && seen->now_us >= seen->deadline_us) {
        add(plan, ACTION_EXPIRE, 0);
        return;
    }
    if (seen->deadline_us)
        wake_at(plan, seen->deadline_us);
    if (seen->prepared)
        decide_run(seen, plan);
    else if (seen->prepare_not_before_us > seen->now_us)
        wake_at(plan, seen->prepare_not_before_us);
    else
        add(plan, ACTION_PREPARE, 0);
}
