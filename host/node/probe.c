/* Probes: exec, httpGet, tcpSocket, grpc's port; one key a probe that comes back every period while
 * its container runs. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "host/node/action.h"
#include "host/node/pod_worker.h"

static const struct probe_kind {
    const char *member, *word; /* in the spec; in events */
} probe_kinds[] = {
    {"startupProbe", "Startup"}, {"livenessProbe", "Liveness"}, {"readinessProbe", "Readiness"}};

enum { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS };

/* Counts in a row live with the key: one thread works on it at a time. */
struct probe_run {
    int64_t successes, failures;
};

struct probe {
    struct pod_worker *worker;
    struct container_state *state;
    json_t *pod;
    const json_t *spec; /* the probe's */
    const json_t *container;
    size_t kind;
    unsigned attempt;
};

static int64_t number(const json_t *spec, const char *key, int64_t fallback)
{
    int64_t value = json_int_or(json_object_get(spec, key), fallback);
    return value > 0 ? value : fallback;
}

void pod_start_probes(struct pod_worker *worker, const json_t *pod, struct container_state *state)
{
    struct pod_view view = {.pod = pod};
    const json_t *container = pod_view_container(&view, state->name);
    for (size_t i = 0; i < ARRAY_LEN(probe_kinds); i++) {
        const json_t *spec = json_object_get(container, probe_kinds[i].member);
        if (!spec)
            continue;
        CLEANUP(free_ptr)
        char *key = xasprintf("%s/%s/%zu/%u/0/0", worker->uid, state->name, i, state->attempt);
        crew_add(worker->node->side, worker->group, JOB_PROBE, key,
                 json_int_or(json_object_get(spec, "initialDelaySeconds"), 0) * 1000);
    }
}

/* ---- results ---- */

static void give_up(struct probe *probe)
{
    struct pod_worker *worker = probe->worker;
    const json_t *grace = json_object_get(probe->spec, "terminationGracePeriodSeconds");
    pthread_mutex_lock(&worker->lock);
    probe->state->must_restart = true;
    probe->state->probe_grace_s = json_int_or(grace, -1);
    pthread_mutex_unlock(&worker->lock);
    events_pod(worker->node->events, probe->pod, probe->state->name, "Normal", "Killing",
               "Container %s failed %s probe, will be restarted", probe->state->name,
               probe->kind == PROBE_STARTUP ? "startup" : "liveness");
}

/* True when the container's readiness or start changed. */
static bool set_flags(struct probe *probe, bool passed)
{
    struct container_state *state = probe->state;
    bool changed = false;
    pthread_mutex_lock(&probe->worker->lock);
    if (probe->kind == PROBE_STARTUP && passed && !state->started) {
        changed = state->started = true;
        state->ready = json_object_get(probe->container, "readinessProbe") == NULL;
    }
    if (probe->kind == PROBE_READINESS && state->ready != passed) {
        changed = true;
        state->ready = passed;
    }
    pthread_mutex_unlock(&probe->worker->lock);
    return changed;
}

/* Returns whether the probe goes on. */
static bool take_result(struct probe *probe, struct probe_run *run, bool passed, const char *output)
{
    bool changed = false, go_on = true;
    if (passed) {
        run->failures = 0;
        if (++run->successes >= number(probe->spec, "successThreshold", 1)) {
            changed = set_flags(probe, true);
            go_on = probe->kind != PROBE_STARTUP;
        }
    } else {
        run->successes = 0;
        run->failures++;
        events_pod(probe->worker->node->events, probe->pod, probe->state->name, "Warning",
                   "Unhealthy", "%s probe failed: %s", probe_kinds[probe->kind].word, output);
        if (run->failures >= number(probe->spec, "failureThreshold", 3)) {
            if (probe->kind == PROBE_READINESS) {
                changed = set_flags(probe, false);
            } else {
                give_up(probe);
                changed = true;
                go_on = false;
            }
        }
    }
    if (changed)
        pod_worker_wake(probe->worker);
    return go_on;
}

/* ---- the job ---- */

/* Whether the container still is the one that the key speaks of. */
static bool still_runs(const struct probe *probe)
{
    struct container_state *state = probe->state;
    pthread_mutex_lock(&probe->worker->lock);
    bool wanted = probe->kind == PROBE_READINESS || /* that goes on to the end */
                  (state->stop == STOP_NONE && !state->must_restart);
    bool same = !probe->worker->gone && wanted && probe->attempt + 1 == state->probed_attempt &&
                state->run == RUN_RUNNING;
    pthread_mutex_unlock(&probe->worker->lock);
    return same;
}

static bool must_wait_for_start(const struct probe *probe)
{
    pthread_mutex_lock(&probe->worker->lock);
    bool waits = probe->kind != PROBE_STARTUP && !probe->state->started;
    pthread_mutex_unlock(&probe->worker->lock);
    return waits;
}

/* The counts are carried in the key; the next turn is a new key. */
static void again(struct probe *probe, const struct probe_run *run)
{
    int64_t period_s = number(probe->spec, "periodSeconds", 10);
    CLEANUP(free_ptr)
    char *key = xasprintf("%s/%s/%zu/%u/%lld/%lld", probe->worker->uid, probe->state->name,
                          probe->kind, probe->attempt, (long long)run->successes % 100000,
                          (long long)run->failures % 100000);
    crew_add(probe->worker->node->side, probe->worker->group, JOB_PROBE, key, period_s * 1000);
}

static void run_probe(struct probe *probe, struct probe_run *run)
{
    if (!still_runs(probe))
        return;
    bool go_on = true;
    if (!must_wait_for_start(probe)) {
        CLEANUP(free_ptr) char *name = container_runtime_name(probe->state, probe->attempt);
        struct action action = {
            .worker = probe->worker,
            .pod = probe->pod,
            .container = probe->container,
            .runtime_name = name,
            .spec = probe->spec,
            .timeout_ms = number(probe->spec, "timeoutSeconds", 1) * 1000,
        };
        char output[ACTION_OUTPUT_SIZE] = "";
        bool passed = action_run(&action, output);
        go_on = still_runs(probe) && take_result(probe, run, passed, output);
    }
    if (go_on)
        again(probe, run);
}

/* UID/CONTAINER/KIND/ATTEMPT/SUCCESSES/FAILURES */
static bool parse_key(struct node *node, const char *key, struct probe *probe,
                      struct probe_run *run)
{
    int64_t kind, attempt;
    struct str rest = str_of(key);
    CLEANUP(free_ptr) char *uid = str_dup(str_cut(&rest, '/'));
    CLEANUP(free_ptr) char *name = str_dup(str_cut(&rest, '/'));
    if (!parse_i64(str_cut(&rest, '/'), 0, PROBE_READINESS, &kind) ||
        !parse_i64(str_cut(&rest, '/'), 0, INT32_MAX, &attempt) ||
        !parse_i64(str_cut(&rest, '/'), 0, INT32_MAX, &run->successes) ||
        !parse_i64(rest, 0, INT32_MAX, &run->failures))
        return false;
    *probe = (struct probe){.kind = (size_t)kind, .attempt = (unsigned)attempt};
    probe->worker = pod_worker_find(node, uid);
    if (!probe->worker)
        return false;
    struct pod_view view = {0};
    view.pod = probe->pod = pod_worker_pod(probe->worker);
    probe->state = pod_worker_container(probe->worker, name);
    probe->container = pod_view_container(&view, name);
    probe->spec = json_object_get(probe->container, probe_kinds[probe->kind].member);
    return true;
}

int64_t pod_probe_job(void *arg, const char *key)
{
    struct probe probe;
    struct probe_run run;
    if (!parse_key(arg, key, &probe, &run))
        return CREW_DONE;
    if (probe.state && probe.spec)
        run_probe(&probe, &run);
    json_decref(probe.pod);
    pod_worker_unref(probe.worker);
    return CREW_DONE;
}
