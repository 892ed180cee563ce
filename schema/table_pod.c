/* The READY, STATUS and RESTARTS of Pods, by the steps of upstream's printPod. */
#include <stdio.h>

#include "base/clock.h"
#include "schema/meta.h"
#include "schema/table_internal.h"

struct pod_cells {
    char reason[128];
    size_t ready, total;
    int64_t restarts, sidecar_restarts;
    int64_t last_us, sidecar_last_us; /* latest termination; 0: none */
    bool initializing;
};

static const json_t *list_of(const json_t *pod, const char *part, const char *member)
{
    return json_object_get(json_object_get(pod, part), member);
}

static const char *text_in(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static int64_t int_in(const json_t *object, const char *member)
{
    return json_int_or(json_object_get(object, member), 0);
}

static void set_reason(struct pod_cells *cells, const char *prefix, const char *reason)
{
    (void)snprintf(cells->reason, sizeof(cells->reason), "%s%s", prefix,
                   reason); /* cut when absurdly long */
}

static void set_number(struct pod_cells *cells, const char *prefix, int64_t number)
{
    (void)snprintf(cells->reason, sizeof(cells->reason), "%s%lld", prefix, (long long)number);
}

static const json_t *find_condition(const json_t *pod, const char *type)
{
    const json_t *conditions = list_of(pod, "status", "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++)
        if (strcmp(text_in(json_array_get(conditions, i), "type"), type) == 0)
            return json_array_get(conditions, i);
    return NULL;
}

static bool condition_is_true(const json_t *pod, const char *type)
{
    return strcmp(text_in(find_condition(pod, type), "status"), "True") == 0;
}

/* An init container that stays: restartPolicy Always. */
static bool is_sidecar(const json_t *pod, const char *name)
{
    const json_t *list = list_of(pod, "spec", "initContainers");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *container = json_array_get(list, i);
        if (strcmp(text_in(container, "name"), name) == 0)
            return strcmp(text_in(container, "restartPolicy"), "Always") == 0;
    }
    return false;
}

static void note_termination(const json_t *status, int64_t *last_us)
{
    int64_t at_us;
    const char *text = json_text(status, "lastState", "terminated", "finishedAt");
    if (text && time_parse(str_of(text), &at_us) && at_us > *last_us)
        *last_us = at_us;
}

static void begin(const json_t *pod, struct pod_cells *cells)
{
    const json_t *status = json_object_get(pod, "status"),
                 *init = list_of(pod, "spec", "initContainers");
    const char *reason = text_in(status, "reason");
    set_reason(cells, "", *reason ? reason : text_in(status, "phase"));
    if (strcmp(text_in(find_condition(pod, "PodScheduled"), "reason"), "SchedulingGated") == 0)
        set_reason(cells, "", "SchedulingGated");
    cells->total = json_array_size(list_of(pod, "spec", "containers"));
    for (size_t i = 0; i < json_array_size(init); i++)
        cells->total += strcmp(text_in(json_array_get(init, i), "restartPolicy"), "Always") == 0;
}

static void explain_termination(struct pod_cells *cells, const char *prefix,
                                const json_t *terminated)
{
    char text[64];
    const char *reason = text_in(terminated, "reason");
    bool signal = int_in(terminated, "signal") != 0;
    if (*reason) {
        set_reason(cells, prefix, reason);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s%s", prefix,
                   signal ? "Signal:" : "ExitCode:"); /* short */
    set_number(cells, text, int_in(terminated, signal ? "signal" : "exitCode"));
}

/* True when the Pod is still held up by this container. */
static bool is_held_up(const json_t *pod, const json_t *status, size_t at, struct pod_cells *cells)
{
    const json_t *terminated = json_at(status, "state", "terminated"),
                 *waiting = json_at(status, "state", "waiting");
    const char *reason = text_in(waiting, "reason");
    if (terminated && int_in(terminated, "exitCode") == 0)
        return false;
    if (is_sidecar(pod, text_in(status, "name")) &&
        json_is_true(json_object_get(status, "started"))) {
        cells->ready += json_is_true(json_object_get(status, "ready"));
        return false;
    }
    if (terminated)
        explain_termination(cells, "Init:", terminated);
    else if (*reason && strcmp(reason, "PodInitializing") != 0)
        set_reason(cells, "Init:", reason);
    else
        (void)snprintf(cells->reason, sizeof(cells->reason), "Init:%zu/%zu", at, /* fits */
                       json_array_size(list_of(pod, "spec", "initContainers")));
    return true;
}

static void look_at_init(const json_t *pod, struct pod_cells *cells)
{
    const json_t *statuses = list_of(pod, "status", "initContainerStatuses");
    for (size_t i = 0; i < json_array_size(statuses) && !cells->initializing; i++) {
        const json_t *status = json_array_get(statuses, i);
        cells->restarts += int_in(status, "restartCount");
        note_termination(status, &cells->last_us);
        if (is_sidecar(pod, text_in(status, "name"))) {
            cells->sidecar_restarts += int_in(status, "restartCount");
            note_termination(status, &cells->sidecar_last_us);
        }
        cells->initializing = is_held_up(pod, status, i, cells);
    }
}

static void look_at_containers(const json_t *pod, struct pod_cells *cells)
{
    const json_t *statuses = list_of(pod, "status", "containerStatuses");
    bool running = false;
    cells->restarts = cells->sidecar_restarts;
    cells->last_us = cells->sidecar_last_us;
    for (size_t i = json_array_size(statuses); i-- > 0;) {
        const json_t *status = json_array_get(statuses, i),
                     *terminated = json_at(status, "state", "terminated");
        const char *waiting = text_in(json_at(status, "state", "waiting"), "reason");
        cells->restarts += int_in(status, "restartCount");
        note_termination(status, &cells->last_us);
        if (*waiting) {
            set_reason(cells, "", waiting);
        } else if (terminated) {
            explain_termination(cells, "", terminated);
        } else if (json_is_true(json_object_get(status, "ready")) &&
                   json_at(status, "state", "running")) {
            running = true;
            cells->ready++;
        }
    }
    if (strcmp(cells->reason, "Completed") == 0 && running)
        set_reason(cells, "", condition_is_true(pod, "Ready") ? "Running" : "NotReady");
}

static void finish(const json_t *pod, struct pod_cells *cells)
{
    const char *phase = text_in(json_object_get(pod, "status"), "phase");
    bool ended = strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
    if (!meta_deleting(pod))
        return;
    if (strcmp(text_in(json_object_get(pod, "status"), "reason"), "NodeLost") == 0)
        set_reason(cells, "", "Unknown");
    else if (!ended)
        set_reason(cells, "", "Terminating");
}

static void compute(const json_t *pod, struct pod_cells *cells)
{
    *cells = (struct pod_cells){0};
    begin(pod, cells);
    look_at_init(pod, cells);
    if (!cells->initializing || condition_is_true(pod, "Initialized"))
        look_at_containers(pod, cells);
    finish(pod, cells);
}

bool cell_pod_ready(const struct cell *cell)
{
    struct pod_cells cells;
    compute(cell->object, &cells);
    buf_printf(cell->out, "%zu/%zu", cells.ready, cells.total);
    return true;
}

bool cell_pod_status(const struct cell *cell)
{
    struct pod_cells cells;
    compute(cell->object, &cells);
    buf_add_text(cell->out, cells.reason);
    return true;
}

bool cell_pod_restarts(const struct cell *cell)
{
    struct pod_cells cells;
    compute(cell->object, &cells);
    buf_add_i64(cell->out, cells.restarts);
    if (cells.restarts && cells.last_us) {
        buf_add_text(cell->out, " (");
        cell_since(cell, cells.last_us);
        buf_add_text(cell->out, " ago)");
    }
    return true;
}
