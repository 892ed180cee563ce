/* host/scheduler/plugin_spread.c: PodTopologySpread: a Pod's kin evenly over the values of a node
 * label. A Pod that asks for nothing of the kind is kept apart, where that is possible, from those
 * of the same Services and controller.
 * Source: Kubernetes docs, "Pod Topology Spread Constraints"; upstream's plugin podtopologyspread.
 */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "controllers/node_fit.h"
#include "host/scheduler/framework.h"
#include "schema/meta.h"

#define CONSTRAINTS_MAX 32
#define HOST_LABEL      "kubernetes.io/hostname"
#define IGNORED         (-1) /* the score of a node that lacks a label */

struct constraint {
    const char *key;
    struct selector *selector;
    int64_t skew_max, domains_min;
    bool honor_affinity, honor_taints;
    bool self;             /* the Pod itself counts */
    struct strmap domains; /* label value -> matching Pods + 1, as a pointer-sized number */
    int64_t least;         /* of a hard one: the fewest of a domain */
    double weight;         /* of a soft one: a Pod's; the more domains, the more */
};

/* Hard constraints refuse nodes, soft ones compare those that are left. */
struct constraints {
    struct constraint items[CONSTRAINTS_MAX];
    size_t count;
};

struct spread {
    struct constraints hard, soft;
    bool any_topology; /* soft ones also mean nodes that lack some of the labels */
};

/* What holds, softly, for Pods that say nothing themselves. */
static const struct {
    const char *key;
    int64_t skew_max;
} defaults[] = {{HOST_LABEL, 3}, {"topology.kubernetes.io/zone", 5}};

static void constraints_clear(struct constraints *list)
{
    for (size_t i = 0; i < list->count; i++) {
        selector_free(list->items[i].selector);
        strmap_clear(&list->items[i].domains);
    }
}

static void spread_free(void *state)
{
    struct spread *spread = state;
    constraints_clear(&spread->hard);
    constraints_clear(&spread->soft);
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
    bool soft = text_eq(json_text(json, "whenUnsatisfiable"), "ScheduleAnyway");
    struct constraints *list = soft ? &spread->soft : &spread->hard;
    struct constraint *item = &list->items[list->count];
    if (!key || list->count == CONSTRAINTS_MAX)
        return;
    *item = (struct constraint){
        .key = key,
        .selector = selector_of(json, labels),
        .skew_max = json_int_or(json_object_get(json, "maxSkew"), 1),
        .domains_min = json_int_or(json_object_get(json, "minDomains"), 1),
        .honor_affinity = !text_eq(json_text(json, "nodeAffinityPolicy"), "Ignore"),
        .honor_taints = text_eq(json_text(json, "nodeTaintsPolicy"), "Honor"),
    };
    item->self = item->selector && selector_matches_json(item->selector, labels);
    list->count++;
}

static void read_defaults(struct spread *spread, const json_t *kin)
{
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        CLEANUP(error_clear) struct error err = {0};
        spread->soft.items[spread->soft.count++] = (struct constraint){
            .key = defaults[i].key,
            .selector = selector_from_json(kin, &err),
            .skew_max = defaults[i].skew_max,
            .honor_affinity = true,
        };
    }
    spread->any_topology = true;
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

static bool has_labels(const struct constraints *list, const struct node_info *node)
{
    for (size_t i = 0; i < list->count; i++)
        if (!meta_label(node->node, list->items[i].key))
            return false;
    return true;
}

/* Whether what runs on the node counts, by the constraint's policies. */
static bool includes(const struct constraint *item, const struct pod_info *pod,
                     const struct node_info *node)
{
    return (!item->honor_affinity ||
            node_fit_required(json_object_get(pod->pod, "spec"), node->node)) &&
           (!item->honor_taints || taints_allow(pod, node));
}

/* ---- hard ones ---- */

static void find_least(struct constraint *item)
{
    const char *value;
    void *count;
    item->least = item->domains.count ? INT64_MAX : 0;
    for (size_t i = 0; strmap_next(&item->domains, &i, &value, &count);)
        if ((int64_t)(uintptr_t)count - 1 < item->least)
            item->least = (int64_t)(uintptr_t)count - 1;
    if ((int64_t)item->domains.count < item->domains_min)
        item->least = 0;
}

static void count_hard(const struct cycle *cycle, struct spread *spread)
{
    for (size_t i = 0; i < cycle->snapshot->node_count; i++) {
        const struct node_info *node = cycle->snapshot->nodes[i];
        for (size_t j = 0; j < spread->hard.count && has_labels(&spread->hard, node); j++) {
            struct constraint *item = &spread->hard.items[j];
            const char *value = meta_label(node->node, item->key);
            if (!includes(item, cycle->pod, node))
                continue;
            uintptr_t count = (uintptr_t)strmap_get(&item->domains, value);
            count += (uintptr_t)count_matching(item, cycle->pod, node) + (count ? 0 : 1);
            (void)strmap_put(&item->domains, value, (void *)count);
        }
    }
    for (size_t i = 0; i < spread->hard.count; i++)
        find_least(&spread->hard.items[i]);
}

static void *prepare(const struct cycle *cycle, struct filter_status *status)
{
    const json_t *constraints = json_at(cycle->pod->pod, "spec", "topologySpreadConstraints");
    const json_t *labels = json_at(cycle->pod->pod, "metadata", "labels");
    const json_t *kin = cycle->snapshot->kin;
    (void)status;
    if (!json_array_size(constraints) && !kin)
        return NULL;
    struct spread *spread = xcalloc(1, sizeof(*spread));
    for (size_t i = 0; i < json_array_size(constraints); i++)
        read_constraint(spread, json_array_get(constraints, i), labels);
    if (!json_array_size(constraints))
        read_defaults(spread, kin);
    count_hard(cycle, spread);
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
    for (size_t i = 0; spread && i < spread->hard.count && status->code == FILTER_OK; i++) {
        const struct constraint *item = &spread->hard.items[i];
        const char *value = meta_label(node->node, item->key);
        if (!value)
            filter_refuse(
                status, FILTER_UNRESOLVED,
                "node(s) didn't match pod topology spread constraints (missing required label)");
        else if (domain_count(item, value) + item->self - item->least > item->skew_max)
            filter_refuse(status, FILTER_NO,
                          "node(s) didn't match pod topology spread constraints");
    }
}

/* ---- soft ones ---- */

static bool is_ignored(const struct spread *spread, const struct node_info *node)
{
    return !spread->any_topology && !has_labels(&spread->soft, node);
}

/* A node is a domain of its own: its Pods are counted when it is scored. */
static bool is_of_hosts(const struct constraint *item)
{
    return strcmp(item->key, HOST_LABEL) == 0;
}

/* The domains are those of the nodes that are left. */
static void find_domains(const struct spread *spread, struct constraint *item,
                         struct node_info *const *fit, size_t count)
{
    size_t domains = 0;
    for (size_t i = 0; i < count; i++) {
        const char *value = meta_label(fit[i]->node, item->key);
        if (is_ignored(spread, fit[i]))
            continue;
        domains++;
        if (!is_of_hosts(item) && value)
            (void)strmap_put(&item->domains, value, (void *)(uintptr_t)1);
    }
    item->weight = log((double)(is_of_hosts(item) ? domains : item->domains.count) + 2);
}

static void pre_score(const struct cycle *cycle, void *state, struct node_info *const *fit,
                      size_t count)
{
    struct spread *spread = state;
    for (size_t j = 0; spread && j < spread->soft.count; j++) {
        struct constraint *item = &spread->soft.items[j];
        find_domains(spread, item, fit, count);
        for (size_t i = 0; item->domains.count && i < cycle->snapshot->node_count; i++) {
            const struct node_info *node = cycle->snapshot->nodes[i];
            const char *value = meta_label(node->node, item->key);
            uintptr_t known = value ? (uintptr_t)strmap_get(&item->domains, value) : 0;
            if (!known || is_ignored(spread, node) || !includes(item, cycle->pod, node))
                continue;
            known += (uintptr_t)count_matching(item, cycle->pod, node);
            (void)strmap_put(&item->domains, value, (void *)known);
        }
    }
}

static int64_t score_spread(const struct cycle *cycle, void *state, const struct node_info *node)
{
    const struct spread *spread = state;
    double sum = 0;
    if (!spread || is_ignored(spread, node))
        return IGNORED;
    for (size_t i = 0; i < spread->soft.count; i++) {
        const struct constraint *item = &spread->soft.items[i];
        const char *value = meta_label(node->node, item->key);
        if (!value)
            continue;
        int64_t kin =
            is_of_hosts(item) ? count_matching(item, cycle->pod, node) : domain_count(item, value);
        sum += (double)kin * item->weight + (double)(item->skew_max - 1);
    }
    return (int64_t)llround(sum);
}

/* Few kin are good; a node without the label gets nothing. */
static void normalize_spread(const struct cycle *cycle, void *state, int64_t *scores, size_t count)
{
    const struct spread *spread = state;
    int64_t least = INT64_MAX, most = 0;
    (void)cycle;
    for (size_t i = 0; i < count; i++)
        if (scores[i] != IGNORED) {
            least = scores[i] < least ? scores[i] : least;
            most = scores[i] > most ? scores[i] : most;
        }
    for (size_t i = 0; i < count; i++) {
        if (!spread || !spread->soft.count || scores[i] == IGNORED)
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
    .pre_score = pre_score,
    .score = score_spread,
    .normalize = normalize_spread,
};
