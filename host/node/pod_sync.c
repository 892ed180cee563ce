/* The pod job: observe, decide, do, tell; again until there is nothing to do. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "host/node/folder.h"
#include "host/node/pod_status.h"
#include "host/node/pod_worker.h"

#define TURNS_MAX       16
#define DEFAULT_GRACE_S 30
#define GRACE_MAX_S     86400
#define SECOND_US       INT64_C(1000000)

/* One job's view of things: refreshed each turn. */
struct sync {
    struct pod_worker *worker;
    struct node *node;
    json_t *pod;
    struct pod_view view;
    struct container_seen containers[POD_CONTAINERS_MAX];
    struct pod_seen seen;
    int64_t now_us;
    bool retry; /* something failed that is tried again with back-off */
};

/* ---- observe ---- */

/* "NAME-ATTEMPT" as we named it. */
static struct container_state *split_name(struct pod_worker *worker, const char *full,
                                          unsigned *attempt)
{
    int64_t number;
    const char *dash = strrchr(full, '-');
    if (!dash || !parse_i64(str_of(dash + 1), 0, INT32_MAX, &number))
        return NULL;
    CLEANUP(free_ptr) char *name = xstrndup(full, (size_t)(dash - full));
    *attempt = (unsigned)number;
    return pod_worker_container(worker, name);
}

/* With its message, which is the caller's. */
static struct ended ended_of(const struct sync *sync, const struct container_status *status,
                             const json_t *spec, unsigned attempt)
{
    struct ended ended = {.attempt = attempt,
                          .exit_code = status->exit_code,
                          .exit_signal = status->exit_signal,
                          .oom_killed = status->oom_killed,
                          .unstarted = status->start_error != NULL,
                          .started_us = status->started_us,
                          .finished_us = status->finished_us};
    ended.message = ended.unstarted ? xstrdup(status->start_error)
                                    : pod_termination_message(sync->worker, spec, &ended);
    return ended;
}

/* Takes what `to` says in its place; its message goes. */
static void replace_ended(struct ended *to, struct ended *from)
{
    free(to->message);
    *to = *from;
    from->message = NULL;
}

/* A container that runs from before us. Where it has a probe, what the API said of this very
 * attempt counts: the probe need not pass again. Without one it has started and is ready, whether
 * or not an agent before us lived to tell. */
static void adopt_probes(struct pod_worker *worker, struct container_state *state,
                         const json_t *pod, const json_t *spec)
{
    size_t i;
    const json_t *one, *said = NULL;
    CLEANUP(free_ptr) char *id = container_id(worker->uid, state->name, state->attempt);
    const char *list = container_status_list(state->class);
    json_array_foreach (json_at(pod, "status", list), i, one)
        if (text_eq(json_text(one, "containerID"), id))
            said = one;
    state->started =
        !json_at(spec, "startupProbe") || json_bool_or(json_at(said, "started"), false);
    state->ready = state->started && (!json_at(spec, "readinessProbe") ||
                                      json_bool_or(json_at(said, "ready"), false));
}

/* Takes the message of `ended`. */
static void note_exit(struct container_state *state, struct ended *ended)
{
    state->run = RUN_EXITED;
    replace_ended(&state->ended, ended);
    state->backoff_told = false;
    state->started = state->ready = state->must_restart = false;
    state->stop = STOP_NONE;
}

/* The caller holds the worker's lock. The newest attempt decides; the one before it is the last
 * state; older ones are removed. */
static void take_status(struct sync *sync, const struct container_status *status)
{
    unsigned attempt;
    struct container_state *state = split_name(sync->worker, status->name, &attempt);
    if (!state)
        return;
    const json_t *spec = pod_view_container(&sync->view, state->name);
    bool exited = status->phase == CONTAINER_EXITED;
    if (exited &&
        (state->run == RUN_NONE ? state->next_attempt > attempt + 1 : attempt < state->attempt)) {
        if (!state->has_last || attempt > state->last.attempt) {
            struct ended ended = ended_of(sync, status, spec, attempt);
            replace_ended(&state->last, &ended);
            state->has_last = true;
        }
        return;
    }
    bool known = state->run != RUN_NONE && state->attempt == attempt;
    if (state->run == RUN_EXITED && !known) {
        replace_ended(&state->last, &state->ended);
        state->has_last = true;
    }
    if (!known && status->image_digest && *status->image_digest) {
        free(state->image_digest);
        state->image_digest = xstrdup(status->image_digest);
    }
    if (!known && status->image) {
        free(state->image_ran);
        state->image_ran = xstrdup(status->image);
    }
    state->attempt = attempt;
    state->next_attempt = attempt + 1;
    state->started_us = status->started_us;
    if (exited && (!known || state->run == RUN_RUNNING)) {
        struct ended ended = ended_of(sync, status, spec, attempt);
        note_exit(state, &ended);
    } else if (!exited && !known) {
        state->run = RUN_RUNNING;
        adopt_probes(sync->worker, state, sync->pod, spec);
    }
}

static int by_attempt(const void *a, const void *b)
{
    const struct container_status *left = a, *right = b;
    size_t left_len = strlen(left->name), right_len = strlen(right->name);
    if (left_len != right_len)
        return left_len < right_len ? -1 : 1;
    return strcmp(left->name, right->name);
}

static void remove_old(struct sync *sync, const struct container_status *status)
{
    unsigned attempt;
    CLEANUP(error_clear) struct error err = {0};
    struct container_state *state = split_name(sync->worker, status->name, &attempt);
    if (!state || attempt + 1 >= state->attempt)
        return;
    CLEANUP(free_ptr) char *log = pod_log_path(sync->worker, state->name, attempt);
    if (!container_remove(sync->node->runtime, sync->worker->uid, status->name, &err))
        log_warn("node", "container %s of %s cannot be removed: %s", status->name,
                 sync->worker->uid, err.message);
    CLEANUP(free_ptr) char *rotated = xasprintf("%s.1", log);
    (void)remove(log); /* the sandbox's end removes what stays */
    (void)remove(rotated);
}

static void observe_runtime(struct sync *sync)
{
    struct container_status *statuses = NULL;
    size_t count = 0;
    CLEANUP(error_clear) struct error err = {0};
    if (!sync->worker->adopted)
        pod_adopt(sync->worker);
    if (!sync->worker->prepared ||
        !container_statuses(sync->node->runtime, sync->worker->uid, &statuses, &count, &err))
        return;
    qsort(statuses, count, sizeof(*statuses), by_attempt);
    pthread_mutex_lock(&sync->worker->lock);
    for (size_t i = 0; i < count; i++)
        take_status(sync, &statuses[i]);
    pthread_mutex_unlock(&sync->worker->lock);
    for (size_t i = 0; i < count; i++) {
        remove_old(sync, &statuses[i]);
        container_status_clear(&statuses[i]);
    }
    free(statuses);
}

/* Whether what runs or ended last was made of another image than the spec names now. Such a
 * container is a new one: it owes nothing for its crashes before. */
static bool image_changed(const struct container_state *state, const json_t *spec)
{
    const char *image = json_text(spec, "image");
    return state->image_ran && image && strcmp(state->image_ran, image) != 0;
}

/* The later of what its image, its start and its crashes ask for. */
static int64_t not_before(const struct container_state *state, bool changed, int64_t now_us)
{
    int64_t at_us = 0;
    if (state->image == IMAGE_FAILED)
        at_us = backoff_until(&state->image_backoff, state->image_failed_us, now_us);
    if (state->start_failed_us) {
        int64_t start_us = backoff_until(&state->start_backoff, state->start_failed_us, now_us);
        at_us = start_us > at_us ? start_us : at_us;
    }
    if (state->run == RUN_EXITED && !changed) {
        int64_t crash_us = backoff_until(&state->crash, state->ended.finished_us, now_us);
        at_us = crash_us > at_us ? crash_us : at_us;
    }
    return at_us;
}

/* The caller holds the worker's lock. */
static void see_container(struct sync *sync, size_t i)
{
    struct container_state *state = &sync->worker->containers[i];
    const json_t *spec = pod_view_container(&sync->view, state->name);
    bool changed = image_changed(state, spec);
    if (json_text(spec, "image"))
        pod_want_image(state, json_text(spec, "image"));
    sync->containers[i] = (struct container_seen){
        .class = state->class,
        .run = state->run,
        .exit_code = state->ended.exit_code,
        .started = state->run == RUN_RUNNING && state->started,
        .must_restart = state->must_restart,
        .changed = changed && state->class != CLASS_INIT &&
                   (state->run == RUN_RUNNING || state->replacing),
        .has_pre_stop = json_at(spec, "lifecycle", "preStop") != NULL,
        .image = state->image,
        .not_before_us = not_before(state, changed, sync->now_us),
        .stop = state->stop,
        .stop_deadline_us = state->stop_deadline_us,
    };
}

static enum restart_policy restart_policy(const json_t *pod)
{
    const char *text = json_text(pod, "spec", "restartPolicy");
    return text_eq(text, "Never")       ? RESTART_NEVER
           : text_eq(text, "OnFailure") ? RESTART_ON_FAILURE
                                        : RESTART_ALWAYS;
}

static void observe(struct sync *sync)
{
    struct pod_worker *worker = sync->worker;
    sync->now_us = clock_now_us();
    json_decref(sync->pod);
    sync->pod = pod_worker_pod(worker);
    pod_worker_take_ephemeral(worker, sync->pod);
    pod_worker_view(worker, sync->pod, &sync->view);
    observe_runtime(sync);
    int64_t deadline_s = json_int_or(json_at(sync->pod, "spec", "activeDeadlineSeconds"), 0);
    pthread_mutex_lock(&worker->lock);
    for (size_t i = 0; i < worker->count; i++)
        see_container(sync, i);
    sync->seen = (struct pod_seen){
        .restart = restart_policy(sync->pod),
        .gone = worker->gone,
        .deleting = json_text(sync->pod, "metadata", "deletionTimestamp") != NULL,
        .failing = worker->failing || worker->finished,
        .prepared = worker->prepared,
        .has_remains = worker->has_remains,
        .prepare_not_before_us =
            worker->prepare_failed_us
                ? backoff_until(&worker->prepare_backoff, worker->prepare_failed_us, sync->now_us)
                : 0,
        .deadline_us = deadline_s > 0 ? worker->start_time_us + deadline_s * SECOND_US : 0,
        .now_us = sync->now_us,
        .containers = sync->containers,
        .count = worker->count,
    };
    pthread_mutex_unlock(&worker->lock);
}

/* ---- tell ---- */

/* What makes a write needed: everything but conditions' probe times. */
static bool write_status(struct sync *sync, struct error *err)
{
    struct pod_worker *worker = sync->worker;
    struct status_input input = {
        .pod = sync->pod,
        .before = worker->written,
        .seen = &sync->seen,
        .containers = worker->containers,
        .count = worker->count,
        .uid = worker->uid,
        .host_ip = sync->node->address,
        .pod_ip = worker->pod_ip,
        .has_network = worker->prepared,
        .start_time_us = worker->start_time_us,
        .now_us = sync->now_us,
        .reason = worker->fail_reason,
        .message = worker->fail_message,
        .rejected = worker->rejected,
    };
    pthread_mutex_lock(&worker->lock);
    json_t *status = pod_status_render(&input);
    pthread_mutex_unlock(&worker->lock);
    if (worker->written && json_equal(worker->written, status)) {
        json_decref(status);
        return true;
    }
    CLEANUP(free_ptr)
    char *path = xasprintf("/api/v1/namespaces/%s/pods/%s/status", worker->namespace, worker->name);
    json_auto_t *patch = json_pack("{s:{s:s}, s:o}", "metadata", "uid", worker->uid, "status",
                                   pod_status_patch(worker->written, status));
    if (!node_patch(sync->node, path, patch, NULL, err)) {
        json_decref(status);
        return err->reason == ERROR_NOT_FOUND ||
               err->reason == ERROR_CONFLICT; /* another Pod by now: the watch tells */
    }
    json_decref(worker->written);
    worker->written = status;
    return true;
}

static void tell(struct sync *sync)
{
    CLEANUP(error_clear) struct error err = {0};
    if (sync->worker->finished || sync->seen.gone || sync->worker->finalized)
        return;
    if (!write_status(sync, &err)) {
        log_warn("node", "the status of pod %s cannot be written: %s", sync->worker->uid,
                 err.message);
        sync->retry = true;
    }
}

/* ---- do ---- */

static int64_t grace_seconds(const struct sync *sync, const struct container_state *state)
{
    int64_t grace =
        json_int_or(json_at(sync->pod, "spec", "terminationGracePeriodSeconds"), DEFAULT_GRACE_S);
    if (sync->seen.deleting)
        grace = json_int_or(json_at(sync->pod, "metadata", "deletionGracePeriodSeconds"), grace);
    else if (state->must_restart && state->probe_grace_s >= 0)
        grace = state->probe_grace_s;
    return grace < 0 ? 0 : grace > GRACE_MAX_S ? GRACE_MAX_S : grace;
}

static void send_signal(struct sync *sync, const struct container_state *state, int number)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *name = container_runtime_name(state, state->attempt);
    if (!container_signal(sync->node->runtime, sync->worker->uid, name, number, &err))
        log_debug("node", "container %s of %s: %s", name, sync->worker->uid, err.message);
}

static void set_stop(struct pod_worker *worker, struct container_state *state, enum stop_state stop)
{
    pthread_mutex_lock(&worker->lock);
    state->stop = stop; /* it is ready while it runs and its probe says so */
    pthread_mutex_unlock(&worker->lock);
}

static void do_stop(struct sync *sync, size_t i)
{
    struct container_state *state = &sync->worker->containers[i];
    int64_t grace_s = grace_seconds(sync, state);
    pthread_mutex_lock(&sync->worker->lock);
    state->stop_deadline_us = sync->now_us + grace_s * SECOND_US;
    pthread_mutex_unlock(&sync->worker->lock);
    state->replacing = sync->containers[i].changed && !sync->containers[i].must_restart &&
                       !sync->seen.deleting && !sync->seen.failing;
    if (state->replacing)
        events_pod(sync->node->events, sync->pod, state->name, "Normal", "Killing",
                   "Container %s definition changed, will be restarted", state->name);
    else if (!sync->containers[i].must_restart) /* else the probe has told why */
        events_pod(sync->node->events, sync->pod, state->name, "Normal", "Killing",
                   "Stopping container %s", state->name);
    if (sync->containers[i].has_pre_stop && state->stop_deadline_us > sync->now_us) {
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", sync->worker->uid, state->name);
        set_stop(sync->worker, state, STOP_HOOK);
        crew_add(sync->node->side, sync->worker->group, JOB_PRE_STOP, key, 0);
        return;
    }
    set_stop(sync->worker, state, STOP_TERM);
    send_signal(sync, state, SIGTERM);
}

static void do_term(struct sync *sync, size_t i)
{
    set_stop(sync->worker, &sync->worker->containers[i], STOP_TERM);
    send_signal(sync, &sync->worker->containers[i], SIGTERM);
}

static void do_kill(struct sync *sync, size_t i)
{
    struct container_state *state = &sync->worker->containers[i];
    if (!state->stop_deadline_us)
        state->stop_deadline_us = sync->now_us;
    set_stop(sync->worker, state, STOP_KILL);
    send_signal(sync, state, SIGKILL);
}

static void note_start_failure(struct sync *sync, struct container_state *state, const char *reason,
                               const char *message)
{
    backoff_raise(&state->start_backoff, sync->now_us);
    pthread_mutex_lock(&sync->worker->lock);
    state->start_failed_us = sync->now_us;
    free(state->start_reason);
    free(state->start_message);
    state->start_reason = xstrdup(reason);
    state->start_message = xstrdup(message);
    pthread_mutex_unlock(&sync->worker->lock);
    events_pod(sync->node->events, sync->pod, state->name, "Warning", "Failed", "Error: %s",
               message);
}

/* The caller holds the worker's lock. */
static void note_started(struct container_state *state, const json_t *spec, int64_t now_us)
{
    if (image_changed(state, spec))
        state->crash = (struct backoff){0};
    free(state->image_ran);
    state->image_ran = xstrdup(json_text(spec, "image"));
    state->replacing = false;
    if (state->run == RUN_EXITED) {
        replace_ended(&state->last, &state->ended);
        state->has_last = true;
        backoff_raise(&state->crash, now_us);
    }
    state->started = json_at(spec, "startupProbe") == NULL;
    state->ready = state->started && json_at(spec, "readinessProbe") == NULL;
    state->must_restart = false;
    state->probe_grace_s = -1;
    state->image = IMAGE_UNKNOWN; /* the next start looks again, as its policy says */
    state->run = RUN_RUNNING;
    state->attempt = state->next_attempt++;
    state->started_us = clock_now_us();
    state->start_failed_us = 0;
    state->start_backoff = (struct backoff){0};
}

static void do_start(struct sync *sync, size_t i)
{
    const char *reason = "";
    CLEANUP(error_clear) struct error err = {0};
    struct pod_worker *worker = sync->worker;
    struct container_state *state = &worker->containers[i];
    const json_t *spec = pod_view_container(&sync->view, state->name);
    if (!pod_start_container(worker, &sync->view, state, &reason, &err)) {
        note_start_failure(sync, state, reason, err.message);
        return;
    }
    pthread_mutex_lock(&worker->lock);
    note_started(state, spec, sync->now_us);
    pthread_mutex_unlock(&worker->lock);
    events_pod(sync->node->events, sync->pod, state->name, "Normal", "Started",
               "Started container %s", state->name);
    if (json_at(spec, "lifecycle", "postStart")) {
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", worker->uid, state->name);
        crew_add(sync->node->side, worker->group, JOB_POST_START, key, 0);
    }
}

static void do_prepare(struct sync *sync)
{
    CLEANUP(error_clear) struct error err = {0};
    struct pod_worker *worker = sync->worker;
    if (!pod_admit(worker, sync->pod))
        return;
    if (pod_prepare(worker, &sync->view, &err)) {
        worker->prepare_failed_us = 0;
        worker->prepare_backoff = (struct backoff){0};
        return;
    }
    log_warn("node", "pod %s cannot be prepared: %s", worker->uid, err.message);
    worker->prepare_failed_us = sync->now_us;
    if (worker->prepare_backoff.delay_us) /* 1 s, 2 s, ... 120 s */
        worker->prepare_backoff.delay_us = worker->prepare_backoff.delay_us < 60 * SECOND_US
                                               ? worker->prepare_backoff.delay_us * 2
                                               : 120 * SECOND_US;
    else
        worker->prepare_backoff.delay_us = SECOND_US;
    worker->prepare_backoff.raised_us = sync->now_us;
}

static void do_expire(struct sync *sync)
{
    sync->worker->failing = true;
    sync->worker->fail_reason = xstrdup("DeadlineExceeded");
    sync->worker->fail_message =
        xstrdup("Pod was active on the node longer than the specified deadline");
    events_pod(sync->node->events, sync->pod, NULL, "Normal", "DeadlineExceeded",
               "Pod was active on the node longer than the specified deadline");
}

static void do_teardown(struct sync *sync)
{
    CLEANUP(error_clear) struct error err = {0};
    tell(sync); /* how the containers ended, before what is left of them goes */
    if (pod_teardown(sync->worker, &err)) {
        pod_admit_release(sync->worker);
        return;
    }
    events_pod(sync->node->events, sync->pod, NULL, "Warning", "FailedKillPod",
               "error killing pod: %s", err.message);
    log_warn("node", "pod %s cannot be torn down: %s", sync->worker->uid, err.message);
    sync->retry = true;
}

static void do_finalize(struct sync *sync)
{
    CLEANUP(error_clear) struct error err = {0};
    struct pod_worker *worker = sync->worker;
    if (worker->finalized)
        return; /* its DELETED event is on its way */
    tell(sync);
    CLEANUP(free_ptr)
    char *path = xasprintf("/api/v1/namespaces/%s/pods/%s", worker->namespace, worker->name);
    json_auto_t *options =
        json_pack("{s:s, s:s, s:i, s:{s:s}}", "kind", "DeleteOptions", "apiVersion", "v1",
                  "gracePeriodSeconds", 0, "preconditions", "uid", worker->uid);
    worker->finalized = client_delete(sync->node->client, path, options, &err) ||
                        err.reason == ERROR_NOT_FOUND || err.reason == ERROR_CONFLICT;
    if (!worker->finalized)
        sync->retry = true;
}

static void do_action(struct sync *sync, const struct pod_action *action)
{
    struct container_state *state = &sync->worker->containers[action->container];
    switch (action->kind) {
    case ACTION_PREPARE:
        do_prepare(sync);
        return;
    case ACTION_PULL:
        pod_find_image(sync->worker, sync->pod, state);
        return;
    case ACTION_START:
        do_start(sync, action->container);
        return;
    case ACTION_STOP:
        do_stop(sync, action->container);
        return;
    case ACTION_TERM:
        do_term(sync, action->container);
        return;
    case ACTION_KILL:
        do_kill(sync, action->container);
        return;
    case ACTION_EXPIRE:
        do_expire(sync);
        return;
    case ACTION_TEARDOWN:
        do_teardown(sync);
        return;
    case ACTION_FINALIZE:
        do_finalize(sync);
        return;
    }
}

/* ---- the job ---- */

/* Events and probes that follow from what is seen, once each. */
static void notice(struct sync *sync)
{
    for (size_t i = 0; i < sync->worker->count; i++) {
        struct container_state *state = &sync->worker->containers[i];
        if (state->run == RUN_RUNNING && state->stop == STOP_NONE &&
            state->probed_attempt != state->attempt + 1) {
            state->probed_attempt = state->attempt + 1;
            pod_start_probes(sync->worker, sync->pod, state);
        }
        if (state->run == RUN_EXITED && !state->backoff_told && !sync->seen.deleting &&
            sync->containers[i].not_before_us > sync->now_us && !state->start_failed_us &&
            sync->containers[i].image != IMAGE_FAILED) {
            state->backoff_told = true;
            events_pod(sync->node->events, sync->pod, state->name, "Warning", "BackOff",
                       "Back-off restarting failed container %s in pod %s_%s(%s)", state->name,
                       sync->worker->name, sync->worker->namespace, sync->worker->uid);
        }
    }
}

/* Rewrites volumes whose time has come; what fails keeps its old contents and is tried again in a
 * minute. */
static void refresh_volumes(struct sync *sync)
{
    const char *volume = NULL;
    CLEANUP(error_clear) struct error err = {0};
    struct pod_worker *worker = sync->worker;
    bool due =
        worker->prepared && worker->volumes_again_us && worker->volumes_again_us <= sync->now_us;
    if (!due || sync->seen.deleting || sync->seen.gone)
        return;
    if (!volumes_update(&worker->volumes, &sync->view, &worker->volumes_again_us, &volume, &err)) {
        log_warn("node", "volume %s of pod %s cannot be updated: %s", volume, worker->uid,
                 err.message);
        worker->volumes_again_us = sync->now_us + 60 * SECOND_US;
    }
}

/* A Pod that ended for good is written once more and then left alone. */
static void note_finished(struct sync *sync)
{
    enum pod_phase phase = pod_phase_of(&sync->seen);
    struct pod_worker *worker = sync->worker;
    if ((phase == PHASE_SUCCEEDED || phase == PHASE_FAILED) && !worker->has_remains &&
        !sync->retry && !sync->seen.deleting)
        worker->finished = true;
}

/* True when the worker has nothing left to do and its Pod is gone. */
static bool retire(struct sync *sync)
{
    struct pod_worker *worker = sync->worker;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *logs = pod_log_dir(worker);
    if (!sync->seen.gone || worker->has_remains)
        return false;
    for (size_t i = 0; i < worker->count; i++)
        if (worker->containers[i].run == RUN_RUNNING)
            return false;
    if (!folder_remove(logs, &err))
        log_warn("node", "the logs of pod %s cannot be removed: %s", worker->uid, err.message);
    pthread_mutex_lock(&sync->node->lock);
    strmap_remove(&sync->node->workers, worker->uid);
    worker->refs--; /* the map's; ours keeps it until the job ends */
    pthread_cond_broadcast(&sync->node->changed);
    pthread_mutex_unlock(&sync->node->lock);
    return true;
}

static int64_t soonest(int64_t a_us, int64_t b_us)
{
    return !a_us ? b_us : !b_us || a_us < b_us ? a_us : b_us;
}

/* When a shown ErrImagePull turns into ImagePullBackOff. */
static int64_t pull_error_turns_us(const struct sync *sync)
{
    int64_t at_us = 0;
    pthread_mutex_lock(&sync->worker->lock);
    for (size_t i = 0; i < sync->worker->count; i++) {
        const struct container_state *state = &sync->worker->containers[i];
        int64_t turn_us = state->image_failed_us + PULL_ERROR_SHOWN_US;
        if (state->image == IMAGE_FAILED && turn_us > sync->now_us)
            at_us = soonest(at_us, turn_us);
    }
    pthread_mutex_unlock(&sync->worker->lock);
    return at_us;
}

static int64_t work(struct sync *sync)
{
    struct pod_plan plan;
    int64_t wake_us = 0;
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        observe(sync);
        notice(sync);
        refresh_volumes(sync);
        pod_decide(&sync->seen, &plan);
        if (!plan.count)
            break;
        for (size_t i = 0; i < plan.count; i++)
            do_action(sync, &plan.actions[i]);
        if (sync->retry || sync->worker->finalized)
            break;
    }
    observe(sync);
    tell(sync);
    note_finished(sync);
    if (retire(sync))
        return CREW_DONE;
    if (sync->retry)
        return CREW_RETRY;
    wake_us = soonest(plan.wake_us, pull_error_turns_us(sync));
    if (sync->worker->prepared)
        wake_us = soonest(wake_us, sync->worker->volumes_again_us);
    if (!wake_us)
        return CREW_DONE;
    return wake_us > clock_now_us() ? (wake_us - clock_now_us()) / 1000 + 1 : 1;
}

int64_t pod_sync_job(void *arg, const char *uid)
{
    struct sync *sync = xcalloc(1, sizeof(*sync));
    sync->node = arg;
    sync->worker = pod_worker_find(sync->node, uid);
    int64_t again_ms = CREW_DONE;
    if (sync->worker) {
        again_ms = work(sync);
        pod_worker_unref(sync->worker);
    }
    json_decref(sync->pod);
    free(sync);
    return again_ms;
}
