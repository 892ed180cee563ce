#include "host/node/pod_status.h"

#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "runtime/image.h"

char *container_id(const char *uid, const char *name, unsigned attempt)
{
    char digest[65];
    CLEANUP(free_ptr) char *text = xasprintf("%s/%s/%u", uid, name, attempt);
    sha256_hex(text, strlen(text), digest);
    return xasprintf("warren://%s", digest);
}

const char *container_status_list(enum container_class class)
{
    static const char *const lists[] = {
        [CLASS_INIT] = "initContainerStatuses",
        [CLASS_SIDECAR] = "initContainerStatuses",
        [CLASS_MAIN] = "containerStatuses",
        [CLASS_EPHEMERAL] = "ephemeralContainerStatuses",
    };
    return lists[class];
}

static void set_time(json_t *object, const char *key, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];
    if (at_us) {
        time_format(at_us, text);
        json_object_set_new(object, key, json_string(text));
    } else {
        json_object_set_new(object, key, json_null());
    }
}

/* ---- one container's state ---- */

static json_t *waiting(const char *reason, const char *message)
{
    json_t *inner = json_object();
    json_set_text(inner, "reason", reason);
    if (message && *message)
        json_set_text(inner, "message", message);
    return json_pack("{s:o}", "waiting", inner);
}

static json_t *terminated(const char *uid, const char *name, const struct ended *ended)
{
    CLEANUP(free_ptr) char *id = container_id(uid, name, ended->attempt);
    json_t *inner = json_object();
    json_object_set_new(inner, "exitCode", json_integer(ended->exit_code));
    if (ended->exit_signal)
        json_object_set_new(inner, "signal", json_integer(ended->exit_signal));
    json_set_text(inner, "reason",
                  ended->unstarted        ? "StartError"
                  : ended->oom_killed     ? "OOMKilled"
                  : ended->exit_code == 0 ? "Completed"
                                          : "Error");
    if (ended->message)
        json_set_text(inner, "message", ended->message);
    set_time(inner, "startedAt", ended->started_us);
    set_time(inner, "finishedAt", ended->finished_us);
    json_set_text(inner, "containerID", id);
    return json_pack("{s:o}", "terminated", inner);
}

/* Words for an image that could not be had: the error first, then that we wait. */
static json_t *image_waiting(const struct container_state *state, const json_t *spec,
                             int64_t now_us)
{
    const char *image = json_text(spec, "image");
    if (!text_eq(state->image_reason, "ErrImagePull") ||
        now_us - state->image_failed_us < PULL_ERROR_SHOWN_US)
        return waiting(state->image_reason, state->image_message);
    CLEANUP(free_ptr)
    char *message = xasprintf("Back-off pulling image \"%s\": ErrImagePull: %s", image ? image : "",
                              state->image_message ? state->image_message : "");
    return waiting("ImagePullBackOff", message);
}

static json_t *crash_waiting(const struct status_input *input, const struct container_state *state)
{
    long long delay_s = (long long)state->crash.delay_us / 1000000;
    CLEANUP(free_ptr)
    char *delay = delay_s < 60 ? xasprintf("%llds", delay_s)
                               : xasprintf("%lldm%llds", delay_s / 60, delay_s % 60);
    CLEANUP(free_ptr)
    char *message = xasprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", delay,
                              state->name, json_text(input->pod, "metadata", "name"),
                              json_text(input->pod, "metadata", "namespace"), input->uid);
    return waiting("CrashLoopBackOff", message);
}

static const json_t *spec_of(const struct status_input *input, const struct container_state *state)
{
    struct pod_view view = {.pod = input->pod};
    return pod_view_container(&view, state->name);
}

static bool over(const struct status_input *input)
{
    const struct pod_seen *seen = input->seen;
    enum pod_phase phase = pod_phase_of(seen);
    return seen->deleting || seen->gone || phase == PHASE_SUCCEEDED || phase == PHASE_FAILED;
}

static json_t *state_json(const struct status_input *input, size_t i)
{
    const struct container_state *state = &input->containers[i];
    const struct container_seen *seen = &input->seen->containers[i];
    if (state->run == RUN_RUNNING) {
        json_t *inner = json_object();
        set_time(inner, "startedAt", state->started_us);
        return json_pack("{s:o}", "running", inner);
    }
    bool comes_back =
        state->run == RUN_EXITED && container_restarts(input->seen, seen) && !over(input);
    if (state->run == RUN_EXITED && !comes_back)
        return terminated(input->uid, state->name, &state->ended);
    if (state->image == IMAGE_FAILED)
        return image_waiting(state, spec_of(input, state), input->now_us);
    if (state->start_failed_us)
        return waiting(state->start_reason, state->start_message);
    if (comes_back && seen->not_before_us > input->now_us)
        return crash_waiting(input, state);
    if (comes_back)
        return terminated(input->uid, state->name, &state->ended);
    bool has_init = json_array_size(json_at(input->pod, "spec", "initContainers")) > 0;
    return waiting(has_init && !pod_initialized(input->seen) ? "PodInitializing"
                   : has_init && state->class == CLASS_MAIN  ? "PodInitializing"
                                                             : "ContainerCreating",
                   NULL);
}

static json_t *last_state_json(const struct status_input *input, size_t i)
{
    const struct container_state *state = &input->containers[i];
    json_auto_t *now = state_json(input, i);
    if (state->run == RUN_EXITED && json_object_get(now, "waiting"))
        return terminated(input->uid, state->name, &state->ended);
    return state->has_last ? terminated(input->uid, state->name, &state->last) : json_object();
}

/* ---- one container's status ---- */

static json_t *mounts_json(const json_t *spec)
{
    size_t i;
    const json_t *mount;
    json_t *list = json_array();
    json_array_foreach (json_at(spec, "volumeMounts"), i, mount) {
        json_t *one = json_object();
        json_set_text(one, "name", json_text(mount, "name"));
        json_set_text(one, "mountPath", json_text(mount, "mountPath"));
        if (json_bool_or(json_at(mount, "readOnly"), false)) {
            json_object_set_new(one, "readOnly", json_true());
            json_set_text(one, "recursiveReadOnly", "Disabled");
        }
        json_array_append_new(list, one);
    }
    return list;
}

static bool is_ready(const struct container_state *state)
{
    if (state->class == CLASS_INIT)
        return state->run == RUN_EXITED && state->ended.exit_code == 0;
    if (state->class == CLASS_EPHEMERAL)
        return false; /* as upstream: nobody waits for it */
    return state->run == RUN_RUNNING && state->started && state->ready;
}

static json_t *container_json(const struct status_input *input, size_t i)
{
    const struct container_state *state = &input->containers[i];
    const json_t *spec = spec_of(input, state);
    bool began = state->run != RUN_NONE;
    const char *image = began && state->image_ran ? state->image_ran : json_text(spec, "image");
    CLEANUP(free_ptr) char *full = image_reference_normalize(image ? image : "");
    CLEANUP(free_ptr)
    char *id = began ? container_id(input->uid, state->name, state->attempt) : xstrdup("");
    json_t *one = json_object();
    json_set_text(one, "name", state->name);
    json_object_set_new(one, "state", state_json(input, i));
    json_object_set_new(one, "lastState", last_state_json(input, i));
    json_object_set_new(one, "ready", json_boolean(is_ready(state)));
    json_object_set_new(one, "restartCount",
                        json_integer(began ? state->attempt : state->next_attempt));
    json_set_text(one, "image", began && full ? full : image ? image : "");
    json_set_text(one, "imageID", state->image_digest ? state->image_digest : "");
    if (began)
        json_set_text(one, "containerID", id);
    if (state->class != CLASS_EPHEMERAL)
        json_object_set_new(one, "started",
                            json_boolean(state->run == RUN_RUNNING && state->started));
    json_t *mounts = mounts_json(spec);
    if (json_array_size(mounts))
        json_object_set(one, "volumeMounts", mounts);
    json_decref(mounts);
    return one;
}

/* ---- conditions ---- */

static const json_t *find_condition(const json_t *status, const char *type)
{
    size_t i;
    const json_t *one;
    json_array_foreach (json_at(status, "conditions"), i, one)
        if (text_eq(json_text(one, "type"), type))
            return one;
    return NULL;
}

struct condition {
    const char *type;
    bool on;
    const char *reason, *message; /* may be NULL */
};

static void add_condition(json_t *list, const struct status_input *input,
                          const struct condition *condition)
{
    const char *value = condition->on ? "True" : "False";
    const json_t *old = find_condition(input->before, condition->type);
    json_t *one = json_object();
    json_set_text(one, "type", condition->type);
    json_set_text(one, "status", value);
    json_object_set_new(one, "lastProbeTime", json_null());
    if (text_eq(json_text(old, "status"), value) && json_text(old, "lastTransitionTime"))
        json_set_text(one, "lastTransitionTime", json_text(old, "lastTransitionTime"));
    else
        set_time(one, "lastTransitionTime", input->now_us);
    if (condition->reason)
        json_set_text(one, "reason", condition->reason);
    if (condition->message && *condition->message)
        json_set_text(one, "message", condition->message);
    json_array_append_new(list, one);
}

/* "containers with WHAT status: [a b]"; owned; NULL when there are none. */
static char *unready_text(const struct status_input *input)
{
    struct buf text = BUF_TEXT;
    size_t found = 0;
    for (size_t i = 0; i < input->count; i++) {
        const struct container_state *state = &input->containers[i];
        bool counts = state->class == CLASS_MAIN || state->class == CLASS_SIDECAR;
        if (counts && !is_ready(state))
            buf_printf(&text, "%s%s", found++ ? " " : "containers with unready status: [",
                       state->name);
    }
    buf_add_char(&text, ']');
    char *result = buf_take(&text);
    if (!found) {
        free(result);
        return NULL;
    }
    return result;
}

static char *incomplete_text(const struct status_input *input)
{
    struct buf text = BUF_TEXT;
    size_t found = 0;
    for (size_t i = 0; i < input->count; i++) {
        const struct container_state *state = &input->containers[i];
        bool done = state->class == CLASS_INIT      ? is_ready(state)
                    : state->class == CLASS_SIDECAR ? state->started
                                                    : true;
        if (!done)
            buf_printf(&text, "%s%s", found++ ? " " : "containers with incomplete status: [",
                       state->name);
    }
    buf_add_char(&text, ']');
    return buf_take(&text);
}

/* The first readiness gate that is not True, or NULL. */
static const char *closed_gate(const struct status_input *input)
{
    size_t i;
    const json_t *gate;
    json_array_foreach (json_at(input->pod, "spec", "readinessGates"), i, gate) {
        const char *type = json_text(gate, "conditionType");
        const json_t *found = find_condition(json_at(input->pod, "status"), type ? type : "");
        if (!text_eq(json_text(found, "status"), "True"))
            return type;
    }
    return NULL;
}

static json_t *conditions_json(const struct status_input *input)
{
    json_t *list = json_array();
    enum pod_phase phase = pod_phase_of(input->seen);
    bool final = phase == PHASE_SUCCEEDED || phase == PHASE_FAILED;
    const char *final_reason = phase == PHASE_FAILED ? "PodFailed" : "PodCompleted";
    bool initialized = pod_initialized(input->seen) || phase == PHASE_SUCCEEDED;
    CLEANUP(free_ptr) char *unready = unready_text(input);
    CLEANUP(free_ptr) char *incomplete = incomplete_text(input);
    const char *gate = closed_gate(input);
    const char *unready_reason = final ? final_reason : "ContainersNotReady";
    const char *unready_message = final ? NULL : unready;
    bool containers_ready = !unready && !final;
    struct condition ready = {"Ready", containers_ready && !gate, NULL, NULL};
    CLEANUP(free_ptr)
    char *gate_text =
        gate ? xasprintf("corresponding condition of pod readiness gate \"%s\" does not exist.",
                         gate)
             : NULL;
    if (!containers_ready) {
        ready.reason = unready_reason;
        ready.message = unready_message;
    } else if (gate) {
        ready.reason = "ReadinessGatesNotReady";
        ready.message = gate_text;
    }
    add_condition(list, input,
                  &(struct condition){"PodReadyToStartContainers", input->has_network, NULL, NULL});
    add_condition(list, input,
                  &(struct condition){"Initialized", initialized,
                                      !initialized               ? "ContainersNotInitialized"
                                      : phase == PHASE_SUCCEEDED ? "PodCompleted"
                                                                 : NULL,
                                      initialized ? NULL : incomplete});
    add_condition(list, input, &ready);
    add_condition(list, input,
                  &(struct condition){"ContainersReady", containers_ready,
                                      containers_ready ? NULL : unready_reason,
                                      containers_ready ? NULL : unready_message});
    add_condition(list, input, &(struct condition){"PodScheduled", true, NULL, NULL});
    return list;
}

/* ---- the whole ---- */

/* Each container into the list of its class; only the main ones' is there when it is empty. */
static void add_containers(json_t *status, const struct status_input *input)
{
    json_object_set_new(status, container_status_list(CLASS_MAIN), json_array());
    for (size_t i = 0; i < input->count; i++) {
        const char *list = container_status_list(input->containers[i].class);
        json_array_append_new(json_ensure_array(status, list), container_json(input, i));
    }
}

json_t *pod_status_render(const struct status_input *input)
{
    static const char *const phases[] = {"Pending", "Running", "Succeeded", "Failed"};
    json_t *status = json_object();
    json_set_text(status, "phase", phases[pod_phase_of(input->seen)]);
    if (!input->rejected)
        json_object_set_new(status, "conditions", conditions_json(input));
    if (input->reason)
        json_set_text(status, "reason", input->reason);
    if (input->message)
        json_set_text(status, "message", input->message);
    json_set_text(status, "hostIP", input->host_ip);
    json_object_set_new(status, "hostIPs", json_pack("[{s:s}]", "ip", input->host_ip));
    if (*input->pod_ip) {
        json_set_text(status, "podIP", input->pod_ip);
        json_object_set_new(status, "podIPs", json_pack("[{s:s}]", "ip", input->pod_ip));
    }
    set_time(status, "startTime", input->start_time_us);
    if (!input->rejected)
        add_containers(status, input);
    return status;
}

/* ---- the patch ---- */

/* null for each key that `before` has and `after` has not. */
static void null_absent(const json_t *before, json_t *after, const char *const *keys)
{
    for (; *keys; keys++)
        if (json_object_get(before, *keys) && !json_object_get(after, *keys))
            json_object_set_new(after, *keys, json_null());
}

static bool has_address(const json_t *list, const char *ip)
{
    size_t i;
    const json_t *one;
    json_array_foreach (list, i, one)
        if (text_eq(json_text(one, "ip"), ip))
            return true;
    return false;
}

/* Lists of addresses merge by address: one that went must be replaced away. */
static void replace_addresses(const json_t *before, json_t *after, const char *key)
{
    size_t i;
    const json_t *one;
    json_t *list = json_object_get(after, key);
    json_array_foreach (json_object_get(before, key), i, one)
        if (list && !has_address(list, json_text(one, "ip"))) {
            json_array_append_new(list, json_pack("{s:s}", "$patch", "replace"));
            return;
        }
}

json_t *pod_status_patch(const json_t *before, const json_t *after)
{
    static const char *const of_status[] = {"reason", "message", "podIP", "podIPs", NULL},
                             *const of_condition[] = {"reason", "message", NULL};
    size_t i;
    json_t *condition;
    json_t *patch = json_deep_copy(after);
    null_absent(before, patch, of_status);
    json_array_foreach (json_object_get(patch, "conditions"), i, condition)
        null_absent(find_condition(before, json_text(condition, "type")), condition, of_condition);
    replace_addresses(before, patch, "podIPs");
    replace_addresses(before, patch, "hostIPs");
    return patch;
}
