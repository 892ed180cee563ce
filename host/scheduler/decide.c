/* host/scheduler/decide.c: one Pod, all nodes: filter, score, choose; or say why not, as upstream
 * says it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "host/scheduler/framework.h"

const struct plugin *const scheduler_plugins[] = {
    &plugin_priority_sort,      &plugin_node_unschedulable, &plugin_node_name,
    &plugin_taint_toleration,   &plugin_node_affinity,      &plugin_node_ports,
    &plugin_resources_fit,      &plugin_topology_spread,    &plugin_pod_affinity,
    &plugin_resources_balanced, &plugin_image_locality,     NULL,
};
_Static_assert(ARRAY_LEN(scheduler_plugins) <= SCHEDULER_PLUGINS_MAX,
               "a profile holds every plugin");

void filter_refuse(struct filter_status *status, enum filter_code code, const char *format, ...)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    va_list args;
    if (code > status->code)
        status->code = code;
    if (status->reason_count == FILTER_REASONS_MAX)
        return;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    status->reasons[status->reason_count++] = buf_take(&text);
}

void filter_status_clear(struct filter_status *status)
{
    for (size_t i = 0; i < status->reason_count; i++)
        free(status->reasons[i]);
    *status = (struct filter_status){0};
}

void decision_free(struct decision *decision)
{
    free(decision->message);
    *decision = (struct decision){0};
}

void normalize_default(int64_t *scores, size_t count, bool reverse)
{
    int64_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = scores[i] > most ? scores[i] : most;
    for (size_t i = 0; i < count; i++) {
        int64_t score = most ? scores[i] * SCORE_MAX / most : 0;
        scores[i] = reverse ? SCORE_MAX - score : score;
    }
}

/* ---- why nothing fits ---- */

struct diagnosis {
    struct strmap reasons; /* text -> how many nodes, as a pointer-sized number */
    size_t unresolved, nodes;
    char *pre_filter; /* owned: one sentence for all nodes */
};

static void diagnosis_free(struct diagnosis *diagnosis)
{
    strmap_clear(&diagnosis->reasons);
    free(diagnosis->pre_filter);
}

static void diagnose(struct diagnosis *diagnosis, const struct filter_status *status)
{
    diagnosis->unresolved += status->code == FILTER_UNRESOLVED;
    for (size_t i = 0; i < status->reason_count; i++) {
        uintptr_t count = (uintptr_t)strmap_get(&diagnosis->reasons, status->reasons[i]);
        (void)strmap_put(&diagnosis->reasons, status->reasons[i], (void *)(count + 1));
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_reasons(const struct diagnosis *diagnosis, struct buf *out)
{
    CLEANUP(free_ptr) char **lines = xcalloc(diagnosis->reasons.count + 1, sizeof(*lines));
    const char *reason;
    void *count;
    size_t used = 0;
    for (size_t i = 0; strmap_next(&diagnosis->reasons, &i, &reason, &count);)
        lines[used++] = xasprintf("%zu %s", (size_t)(uintptr_t)count, reason);
    qsort(lines, used, sizeof(*lines), by_text);
    for (size_t i = 0; i < used; i++) {
        buf_printf(out, "%s%s", i ? ", " : "", lines[i]);
        free(lines[i]);
    }
}

/* Preemption is not done yet by this scheduler; the sentence says what upstream's finds when it has
 * no victims. */
static void add_preemption(const struct diagnosis *diagnosis, struct buf *out)
{
    size_t hopeless = diagnosis->unresolved, tried = diagnosis->nodes - hopeless;
    buf_printf(out, " preemption: 0/%zu nodes are available: ", diagnosis->nodes);
    if (tried)
        buf_printf(out, "%zu No preemption victims found for incoming pod", tried);
    if (hopeless)
        buf_printf(out, "%s%zu Preemption is not helpful for scheduling", tried ? ", " : "",
                   hopeless);
    buf_add_char(out, '.');
}

static char *explain(const struct diagnosis *diagnosis)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    if (diagnosis->nodes == 0)
        return xstrdup("no nodes available to schedule pods");
    buf_printf(&text, "0/%zu nodes are available: ", diagnosis->nodes);
    if (diagnosis->pre_filter)
        buf_add_text(&text, diagnosis->pre_filter);
    else
        add_reasons(diagnosis, &text);
    buf_add_char(&text, '.');
    add_preemption(diagnosis, &text);
    return buf_take(&text);
}

/* ---- the cycle ---- */

static bool run_pre_filters(const struct profile *profile, const struct cycle *cycle,
                            struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < profile->count; i++) {
        CLEANUP(filter_status_clear) struct filter_status status = {0};
        if (!profile->plugins[i]->pre_filter)
            continue;
        cycle->states[i] = profile->plugins[i]->pre_filter(cycle, &status);
        if (status.code == FILTER_OK)
            continue;
        diagnosis->pre_filter = xstrdup(status.reason_count ? status.reasons[0] : "");
        diagnosis->unresolved = diagnosis->nodes;
        return false;
    }
    return true;
}

static bool passes(const struct profile *profile, const struct cycle *cycle,
                   const struct node_info *node, struct filter_status *status)
{
    for (size_t i = 0; i < profile->count; i++) {
        if (profile->plugins[i]->filter)
            profile->plugins[i]->filter(cycle, cycle->states[i], node, status);
        if (status->code != FILTER_OK)
            return false;
    }
    return true;
}

static size_t filter_nodes(const struct profile *profile, const struct cycle *cycle,
                           struct node_info **fit, struct diagnosis *diagnosis)
{
    size_t count = 0;
    for (size_t i = 0; i < cycle->snapshot->node_count; i++) {
        CLEANUP(filter_status_clear) struct filter_status status = {0};
        if (passes(profile, cycle, cycle->snapshot->nodes[i], &status))
            fit[count++] = cycle->snapshot->nodes[i];
        else
            diagnose(diagnosis, &status);
    }
    return count;
}

static void add_scores(const struct profile *profile, size_t plugin, const struct cycle *cycle,
                       struct node_info *const *fit, int64_t *scores, int64_t *total, size_t count)
{
    const struct plugin *row = profile->plugins[plugin];
    for (size_t i = 0; i < count; i++)
        scores[i] = row->score(cycle, cycle->states[plugin], fit[i]);
    if (row->normalize)
        row->normalize(cycle, cycle->states[plugin], scores, count);
    for (size_t i = 0; i < count; i++)
        total[i] += scores[i] * profile->weights[plugin];
}

/* The best; among equals one by chance, so that equal nodes fill evenly. */
static struct node_info *choose(const struct profile *profile, const struct cycle *cycle,
                                struct node_info **fit, size_t count, uint64_t seed)
{
    CLEANUP(free_ptr) int64_t *scores = xcalloc(count, sizeof(*scores));
    CLEANUP(free_ptr) int64_t *total = xcalloc(count, sizeof(*total));
    size_t best = 0, equals = 1;
    if (count == 1)
        return fit[0];
    for (size_t i = 0; i < profile->count; i++)
        if (profile->plugins[i]->score && profile->weights[i])
            add_scores(profile, i, cycle, fit, scores, total, count);
    for (size_t i = 1; i < count; i++) {
        if (total[i] > total[best]) {
            best = i;
            equals = 1;
        } else if (total[i] == total[best] &&
                   (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33 <
                       (UINT64_C(1) << 31) / ++equals) {
            best = i;
        }
    }
    return fit[best];
}

static void free_states(const struct profile *profile, struct cycle *cycle)
{
    for (size_t i = 0; i < profile->count; i++)
        if (cycle->states[i] && profile->plugins[i]->free_state)
            profile->plugins[i]->free_state(cycle->states[i]);
}

void schedule_decide(const struct profile *profile, const struct pod_info *pod,
                     const struct snapshot *snapshot, uint64_t seed, struct decision *out)
{
    void *states[SCHEDULER_PLUGINS_MAX] = {0};
    struct cycle cycle = {pod, snapshot, states};
    CLEANUP(diagnosis_free) struct diagnosis diagnosis = {.nodes = snapshot->node_count};
    CLEANUP(free_ptr)
    struct node_info **fit = xcalloc(snapshot->node_count + 1, sizeof(struct node_info *));
    size_t count = 0;
    *out = (struct decision){0};
    if (snapshot->node_count && run_pre_filters(profile, &cycle, &diagnosis))
        count = filter_nodes(profile, &cycle, fit, &diagnosis);
    out->feasible = (int64_t)count;
    if (count)
        out->node = choose(profile, &cycle, fit, count, seed);
    else
        out->message = explain(&diagnosis);
    free_states(profile, &cycle);
}
