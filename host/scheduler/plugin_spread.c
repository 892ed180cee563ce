/* host/scheduler/plugin_spread.c: PodTopologySpread: a Pod's kin evenly over the values of a node
 * label. Source: Kubernetes docs, "Pod Topology Spread Constraints". */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "controllers/node_fit.h"
#include "host/scheduler/framework.h"
#include "schema/meta.h"

#define CONSTRAINTS_MAX 32

struct constraint {
    const char *key;
    struct selector *selector;
    int64_t skew_max, domains_min;
    bool hard, honor_affinity, honor_taints;
    bool self;             /* the Pod itself counts */
    struct strmap domains; /* label value -> matching Pods + 1, as a pointer-sized number */
    int64_t least;
};

struct spread {
    struct constraint items[CONSTRAINTS_MAX];
    size_t count;
};

static void spread_free(void *state)
{
    struct spread *spread = state;
    for (size_t i = 0; i < spread->count; i++) {
        selector_free(spread->items[i].selector);
        strmap_clear(&spread->items[i].domains);
    }
    free(spread);
}

/* The selector with the Pod's own values of matchLabelKeys added. */
static struct selector *selector_of(const json_t *constraint, const json_t *labels)
{
    CLEANUP(error_clear) struct error err = {0};
    const json_t *keys = json_object_get(constraint, "matchLabelKeys");
    const json_t *given = json_object_get(constraint, "labelSelector");
    json_auto_t *selector = given ? json_deep_copy(given) : json_object();
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const char *key = json_string_value(json_array_get(keys, i));
        json_t *value = key ? json_object_get(labels, key) : NULL;
        if (value)
            json_object_set(json_ensure_object(selector, "matchLabels"), key, value);
    }
    return given || json_array_size(keys) ? selector_from_json(selector, &err)
                                          : selector_from_json(NULL, &err);
}

static void read_constraint(struct spread *spread, const json_t *json, const json_t *labels)
{
    const char *key = json_text(json, "topologyKey");
    struct constraint *item = &spread->items[spread->count];
    if (!key || spread->count == CONSTRAINTS_MAX)
        return;
    *item = (struct constraint){
        .key = key,
        .selector = selector_of(json, labels),
        .skew_max = json_int_or(json_object_get(json, "maxSkew"), 1),
        .domains_min = json_int_or(json_object_get(json, "minDomains"), 1),
        .hard = !text_eq(json_text(json, "whenUnsatisfiable"), "ScheduleAnyway"),
        .honor_affinity = !text_eq(json_text(json, "nodeAffinityPolicy"), "Ignore"),
        .honor_taints = text_eq(json_text(json, "nodeTaintsPolicy"), "Honor"),
    };
    item->self = item->selector && selector_matches_json(item->selector, labels);
    spread->count++;
}

static bool taints_allow(const struct pod_info *pod, const struct node_info *node)
{
    const json_t *taints = json_at(node->node, "spec", "taints");
    for (size_t i = 0; i < json_array_size(taints); i++) {
        const json_t *taint = json_array_get(taints, i);
        if (!text_eq(json_text(taint, "effect"), "PreferNoSchedule") &&
            !pod_info_tolerates(pod, taint))
            return false;
    }
    return true;
}

static int64_t count_matching(const struct constraint *item, const struct pod_info *pod,
                              const struct node_info *node)
{
    int64_t count = 0;
    for (size_t i = 0; item->selector && i < node->pod_count; i++) {
        const struct pod_info *other = node->pods[i];
        count += !other->deleting && strcmp(other->ns, pod->ns) == 0 &&
                 selector_matches_json(item->selector, json_at(other->pod, "metadata", "labels"));
    }
    return count;
}

static void count_domains(const struct cycle *cycle, struct constraint *item)
{
    for (size_t i = 0; i < cycle->snapshot->node_count; i++) {
        const struct node_info *node = cycle->snapshot->nodes[i];
        const char *value = meta_label(node->node, item->key);
        if (!value ||
            (item->honor_affinity &&
             !node_fit_required(json_object_get(cycle->pod->pod, "spec"), node->node)) ||
            (item->honor_taints && !taints_allow(cycle->pod, node)))
            continue;
        uintptr_t count = (uintptr_t)strmap_get(&item->domains, value);
        count += (uintptr_t)count_matching(item, cycle->pod, node) + (count ? 0 : 1);
        (void)strmap_put(&item->domains, value, (void *)count);
    }
    const char *value;
    void *count;
    item->least = item->domains.count ? INT64_MAX : 0;
    for (size_t i = 0; strmap_next(&item->domains, &i, &value, &count);)
        if ((int64_t)(uintptr_t)count - 1 < item->least)
            item->least = (int64_t)(uintptr_t)count - 1;
    if ((int64_t)item->domains.count < item->domains_min)
        item->least = 0;
}

static void *prepare(const struct cycle *cycle, struct filter_status *status)
{
    const json_t *constraints = json_at(cycle->pod->pod, "spec", "topologySpreadConstraints");
    const json_t *labels = json_at(cycle->pod->pod, "metadata", "labels");
    (void)status;
    if (!json_array_size(constraints))
        return NULL;
    struct spread *spread = xcalloc(1, sizeof(*spread));
    for (size_t i = 0; i < json_array_size(constraints); i++)
        read_constraint(spread, json_array_get(constraints, i), labels);
    for (size_t i = 0; i < spread->count; i++)
        count_domains(cycle, &spread->items[i]);
    return spread;
}

static int64_t domain_count(const struct constraint *item, const char *value)
{
    uintptr_t count = (uintptr_t)strmap_get(&item->domains, value);
    return count ? (int64_t)count - 1 : 0;
}

static void filter_spread(const struct cycle *cycle, void *state, const struct node_info *node,
                          struct filter_status *status)
{
    const struct spread *spread = state;
    (void)cycle;
    for (size_t i = 0; spread && i < spread->count && status->code == FILTER_OK; i++) {
        const struct constraint *item = &spread->items[i];
        const char *value = meta_label(node->node, item->key);
        if (!item->hard)
            continue;
        if (!value)
            filter_refuse(
                status, FILTER_UNRESOLVED,
                "node(s) didn't match pod topology spread constraints (missing required label)");
        else if (domain_count(item, value) + item->self - item->least > item->skew_max)
            filter_refuse(status, FILTER_NO,
                          "node(s) didn't match pod topology spread constraints");
    }
}

static int64_t score_spread(const struct cycle *cycle, void *state, const struct node_info *node)
{
    const struct spread *spread = state;
    int64_t sum = 0;
    (void)cycle;
    for (size_t i = 0; spread && i < spread->count; i++) {
        const char *value = meta_label(node->node, spread->items[i].key);
        if (!spread->items[i].hard)
            sum += value ? domain_count(&spread->items[i], value) + spread->items[i].skew_max - 1
                         : INT32_MAX;
    }
    return sum;
}

/* Few kin are good; a node without the label gets nothing. */
static void normalize_spread(const struct cycle *cycle, void *state, int64_t *scores, size_t count)
{
    int64_t least = INT64_MAX, most = 0;
    (void)cycle;
    for (size_t i = 0; i < count; i++)
        if (scores[i] < INT32_MAX) {
            least = scores[i] < least ? scores[i] : least;
            most = scores[i] > most ? scores[i] : most;
        }
    for (size_t i = 0; i < count; i++) {
        if (!state || scores[i] >= INT32_MAX)
            scores[i] = 0;
        else
            scores[i] = most ? SCORE_MAX * (most + least - scores[i]) / most : SCORE_MAX;
    }
}

const struct plugin plugin_topology_spread = {
    .name = "PodTopologySpread",
    .weight = 2,
    .pre_filter = prepare,
    .free_state = spread_free,
    .filter = filter_spread,
    .score = score_spread,
    .normalize = normalize_spread,
};
