/* host/scheduler/decide.c: one Pod, all nodes: filter, score, choose; or say why not, as upstream
 * says it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "host/scheduler/framework.h"

const struct plugin *const scheduler_plugins[] = {
    &plugin_priority_sort,      &plugin_node_unschedulable,
    &plugin_node_name,          &plugin_taint_toleration,
    &plugin_node_affinity,      &plugin_node_ports,
    &plugin_resources_fit,      &plugin_volume_binding,
    &plugin_topology_spread,    &plugin_pod_affinity,
    &plugin_resources_balanced, &plugin_image_locality,
    &plugin_preemption,         NULL,
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

void preemption_clear(struct preemption *preemption)
{
    free(preemption->victims);
    free(preemption->message);
    *preemption = (struct preemption){0};
}

void decision_free(struct decision *decision)
{
    free(decision->message);
    preemption_clear(&decision->preemption);
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

void reasons_clear(struct reasons *reasons)
{
    strmap_clear(&reasons->texts);
}

void reasons_add(struct reasons *reasons, const char *text)
{
    uintptr_t count = (uintptr_t)strmap_get(&reasons->texts, text);
    (void)strmap_put(&reasons->texts, text, (void *)(count + 1)); /* a number, not a pointer */
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void reasons_print(const struct reasons *reasons, size_t nodes, struct buf *out)
{
    CLEANUP(free_ptr) char **lines = xcalloc(reasons->texts.count + 1, sizeof(*lines));
    const char *reason;
    void *count;
    size_t used = 0;
    for (size_t i = 0; strmap_next(&reasons->texts, &i, &reason, &count);)
        lines[used++] = xasprintf("%zu %s", (size_t)(uintptr_t)count, reason);
    qsort(lines, used, sizeof(*lines), by_text);
    buf_printf(out, "0/%zu nodes are available: ", nodes);
    for (size_t i = 0; i < used; i++) {
        buf_printf(out, "%s%s", i ? ", " : "", lines[i]);
        free(lines[i]);
    }
    buf_add_char(out, '.');
}

struct diagnosis {
    struct reasons reasons;
    enum filter_code *codes; /* by node */
    size_t nodes;
    char *pre_filter; /* owned: one sentence for all nodes */
};

static void diagnosis_free(struct diagnosis *diagnosis)
{
    reasons_clear(&diagnosis->reasons);
    free(diagnosis->codes);
    free(diagnosis->pre_filter);
}

static void diagnose(struct diagnosis *diagnosis, size_t node, const struct filter_status *status)
{
    diagnosis->codes[node] = status->code;
    for (size_t i = 0; i < status->reason_count; i++)
        reasons_add(&diagnosis->reasons, status->reasons[i]);
}

static char *explain(const struct diagnosis *diagnosis, const struct preemption *preemption)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    if (diagnosis->nodes == 0)
        return xstrdup("no nodes available to schedule pods");
    if (diagnosis->pre_filter)
        buf_printf(&text, "0/%zu nodes are available: %s.", diagnosis->nodes,
                   diagnosis->pre_filter);
    else
        reasons_print(&diagnosis->reasons, diagnosis->nodes, &text);
    if (preemption->message)
        buf_printf(&text, " preemption: %s", preemption->message);
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
        for (size_t n = 0; n < diagnosis->nodes; n++)
            diagnosis->codes[n] = FILTER_UNRESOLVED;
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

static void free_states(const struct profile *profile, const struct cycle *cycle)
{
    for (size_t i = 0; i < profile->count; i++)
        if (cycle->states[i] && profile->plugins[i]->free_state)
            profile->plugins[i]->free_state(cycle->states[i]);
}

bool schedule_fits(const struct profile *profile, const struct pod_info *pod,
                   const struct snapshot *snapshot, size_t at, struct node_info *node,
                   struct filter_status *status)
{
    void *states[SCHEDULER_PLUGINS_MAX] = {0};
    CLEANUP(free_ptr)
    struct node_info **nodes = xcalloc(snapshot->node_count, sizeof(struct node_info *));
    struct snapshot changed = *snapshot;
    const struct cycle cycle = {pod, &changed, states};
    memcpy(nodes, snapshot->nodes, snapshot->node_count * sizeof(struct node_info *));
    nodes[at] = node;
    changed.nodes = nodes;
    for (size_t i = 0; i < profile->count && status->code == FILTER_OK; i++)
        if (profile->plugins[i]->pre_filter)
            states[i] = profile->plugins[i]->pre_filter(&cycle, status);
    bool fits = status->code == FILTER_OK && passes(profile, &cycle, node, status);
    free_states(profile, &cycle);
    return fits;
}

/* Room that is being made for another is not this one's, unless this one is worth more. */
static bool yields_to(const struct pod_info *pod, const struct nominee *nominee,
                      const struct node_info *node)
{
    const struct pod_info *other = nominee->pod;
    if (other == pod || strcmp(nominee->node, node->name) != 0)
        return false;
    return strcmp(pod->tenant, other->tenant) == 0 ? other->rank >= pod->rank
                                                   : other->priority >= pod->priority;
}

/* The node with those on it for whom room is being made; NULL: nobody. */
static struct node_info *with_nominees(const struct cycle *cycle, const struct node_info *node)
{
    struct node_info *crowded = NULL;
    for (size_t i = 0; i < cycle->snapshot->nominee_count; i++) {
        const struct nominee *nominee = &cycle->snapshot->nominees[i];
        if (!yields_to(cycle->pod, nominee, node))
            continue;
        if (!crowded)
            crowded = node_info_copy(node);
        node_info_add_pod(crowded, nominee->pod);
    }
    return crowded;
}

static bool fits(const struct profile *profile, const struct cycle *cycle, size_t at,
                 struct filter_status *status)
{
    const struct node_info *node = cycle->snapshot->nodes[at];
    struct node_info *crowded = with_nominees(cycle, node);
    bool ok = !crowded || schedule_fits(profile, cycle->pod, cycle->snapshot, at, crowded, status);
    node_info_free(crowded);
    return ok && passes(profile, cycle, node, status);
}

/* A Pod for which room was made goes there, if it still can. */
static size_t filter_nominated(const struct profile *profile, const struct cycle *cycle,
                               struct node_info **fit)
{
    for (size_t i = 0; cycle->pod->nominated[0] && i < cycle->snapshot->node_count; i++) {
        CLEANUP(filter_status_clear) struct filter_status status = {0};
        if (strcmp(cycle->snapshot->nodes[i]->name, cycle->pod->nominated) != 0 ||
            !fits(profile, cycle, i, &status))
            continue;
        fit[0] = cycle->snapshot->nodes[i];
        return 1;
    }
    return 0;
}

static size_t filter_nodes(const struct profile *profile, const struct cycle *cycle,
                           struct node_info **fit, struct diagnosis *diagnosis)
{
    size_t count = filter_nominated(profile, cycle, fit);
    if (count)
        return count;
    for (size_t i = 0; i < cycle->snapshot->node_count; i++) {
        CLEANUP(filter_status_clear) struct filter_status status = {0};
        if (fits(profile, cycle, i, &status))
            fit[count++] = cycle->snapshot->nodes[i];
        else
            diagnose(diagnosis, i, &status);
    }
    return count;
}

static void add_scores(const struct profile *profile, size_t plugin, const struct cycle *cycle,
                       struct node_info *const *fit, int64_t *scores, int64_t *total, size_t count)
{
    const struct plugin *row = profile->plugins[plugin];
    if (row->pre_score)
        row->pre_score(cycle, cycle->states[plugin], fit, count);
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

/* The first plugin that finds a way, or whose reason is told. */
static void post_filter(const struct profile *profile, const struct cycle *cycle,
                        const struct diagnosis *diagnosis, uint64_t seed, struct preemption *out)
{
    for (size_t i = 0; i < profile->count && !out->node; i++)
        if (profile->plugins[i]->post_filter) {
            preemption_clear(out);
            profile->plugins[i]->post_filter(profile, cycle, diagnosis->codes, seed, out);
        }
}

void schedule_decide(const struct profile *profile, const struct pod_info *pod,
                     const struct snapshot *snapshot, uint64_t seed, struct decision *out)
{
    void *states[SCHEDULER_PLUGINS_MAX] = {0};
    struct cycle cycle = {pod, snapshot, states};
    CLEANUP(diagnosis_free)
    struct diagnosis diagnosis = {
        .nodes = snapshot->node_count,
        .codes = xcalloc(snapshot->node_count + 1, sizeof(enum filter_code)),
    };
    CLEANUP(free_ptr)
    struct node_info **fit = xcalloc(snapshot->node_count + 1, sizeof(struct node_info *));
    size_t count = 0;
    *out = (struct decision){0};
    if (snapshot->node_count && run_pre_filters(profile, &cycle, &diagnosis))
        count = filter_nodes(profile, &cycle, fit, &diagnosis);
    out->feasible = (int64_t)count;
    if (count) {
        out->node = choose(profile, &cycle, fit, count, seed);
    } else {
        if (snapshot->node_count)
            post_filter(profile, &cycle, &diagnosis, seed, &out->preemption);
        out->message = explain(&diagnosis, &out->preemption);
    }
    free_states(profile, &cycle);
}
