/* host/scheduler/plugin_pod_affinity.c: InterPodAffinity: near to some Pods, away from others.
 *
 * Pre-filter walks all Pods once and notes, for each term, in which topology domains it is met.
 * Source: Kubernetes docs, "Inter-pod affinity and anti-affinity". */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "host/scheduler/framework.h"
#include "schema/meta.h"

#define REQUIRED  "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"

struct term {
    const char *key;
    struct selector *selector;
    const json_t *namespaces, *namespace_selector;
    const char *own_ns;
    int64_t weight;
};

struct affinity {
    struct term *near, *away; /* the Pod's required terms */
    size_t near_count, away_count;
    struct strmap met;       /* "N/VALUE": required term N is met in that domain */
    struct strmap forbidden; /* "N/VALUE": anti-affinity term N meets a Pod there */
    struct strmap repelled;  /* "KEY/VALUE": a Pod there does not want this one near */
    struct strmap liked;     /* "KEY/VALUE" -> score, biased by 1 << 40 so that it is not NULL */
    bool any_met, self_met;
};

#define LIKED_BIAS ((intptr_t)1 << 40)

static void term_free(struct term *term)
{
    selector_free(term->selector);
}

static void affinity_free(void *state)
{
    struct affinity *affinity = state;
    for (size_t i = 0; i < affinity->near_count; i++)
        term_free(&affinity->near[i]);
    for (size_t i = 0; i < affinity->away_count; i++)
        term_free(&affinity->away[i]);
    strmap_clear(&affinity->met);
    strmap_clear(&affinity->forbidden);
    strmap_clear(&affinity->repelled);
    strmap_clear(&affinity->liked);
    free(affinity->near);
    free(affinity->away);
    free(affinity);
}

static struct term read_term(const json_t *json, const char *ns, int64_t weight)
{
    CLEANUP(error_clear) struct error err = {0};
    const char *key = json_text(json, "topologyKey");
    return (struct term){
        .key = key ? key : "",
        .selector = selector_from_json(json_object_get(json, "labelSelector"), &err),
        .namespaces = json_object_get(json, "namespaces"),
        .namespace_selector = json_object_get(json, "namespaceSelector"),
        .own_ns = ns,
        .weight = weight,
    };
}

static struct term *read_terms(const struct pod_info *pod, const char *kind, size_t *count)
{
    const json_t *terms = json_at(pod->pod, "spec", "affinity", kind, REQUIRED);
    *count = json_array_size(terms);
    struct term *out = xcalloc(*count + 1, sizeof(*out));
    for (size_t i = 0; i < *count; i++)
        out[i] = read_term(json_array_get(terms, i), pod->ns, 0);
    return out;
}

static bool namespace_matches(const struct term *term, const struct snapshot *snapshot,
                              const char *ns)
{
    CLEANUP(error_clear) struct error err = {0};
    if (json_array_has_text(term->namespaces, ns))
        return true;
    if (!term->namespace_selector || json_is_null(term->namespace_selector))
        return !json_array_size(term->namespaces) && strcmp(ns, term->own_ns) == 0;
    struct selector *selector = selector_from_json(term->namespace_selector, &err);
    bool matches =
        selector && selector_matches_json(selector, json_object_get(snapshot->namespaces, ns));
    selector_free(selector);
    return matches;
}

static bool term_matches(const struct term *term, const struct snapshot *snapshot,
                         const struct pod_info *pod)
{
    return term->selector &&
           selector_matches_json(term->selector, json_at(pod->pod, "metadata", "labels")) &&
           namespace_matches(term, snapshot, pod->ns);
}

static void note(struct strmap *map, const char *key, const char *value, intptr_t weight)
{
    CLEANUP(free_ptr) char *id = xasprintf("%s/%s", key, value);
    intptr_t before = (intptr_t)strmap_get(map, id);
    (void)strmap_put(map, id, (void *)((before ? before : LIKED_BIAS) + weight));
}

static void note_terms(const struct cycle *cycle, const struct term *terms, size_t count,
                       const struct pod_info *other, const struct node_info *node,
                       struct strmap *map)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = meta_label(node->node, terms[i].key);
        char index[24];
        (void)snprintf(index, sizeof(index), "%zu", i);
        if (value && term_matches(&terms[i], cycle->snapshot, other))
            note(map, index, value, 0);
    }
}

/* What `from` prefers, as seen where `node` is, when it is about `to`. */
static void note_preferred(const struct cycle *cycle, struct affinity *affinity,
                           const struct pod_info *from, const struct pod_info *to,
                           const struct node_info *node)
{
    static const struct {
        const char *kind;
        int64_t sign;
    } kinds[] = {{"podAffinity", 1}, {"podAntiAffinity", -1}};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const json_t *items = json_at(from->pod, "spec", "affinity", kinds[k].kind, PREFERRED);
        for (size_t i = 0; i < json_array_size(items); i++) {
            const json_t *item = json_array_get(items, i);
            struct term term = read_term(json_object_get(item, "podAffinityTerm"), from->ns,
                                         json_int_or(json_object_get(item, "weight"), 0));
            const char *value = meta_label(node->node, term.key);
            if (value && term_matches(&term, cycle->snapshot, to))
                note(&affinity->liked, term.key, value, (intptr_t)(kinds[k].sign * term.weight));
            term_free(&term);
        }
    }
}

/* Anti-affinity holds both ways: what a running Pod must not have near. */
static void note_repelled(const struct cycle *cycle, struct affinity *affinity,
                          const struct pod_info *other, const struct node_info *node)
{
    size_t count;
    struct term *terms = read_terms(other, "podAntiAffinity", &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = meta_label(node->node, terms[i].key);
        if (value && term_matches(&terms[i], cycle->snapshot, cycle->pod))
            note(&affinity->repelled, terms[i].key, value, 0);
        term_free(&terms[i]);
    }
    free(terms);
}

static void look_at(const struct cycle *cycle, struct affinity *affinity,
                    const struct pod_info *other, const struct node_info *node)
{
    note_terms(cycle, affinity->near, affinity->near_count, other, node, &affinity->met);
    note_terms(cycle, affinity->away, affinity->away_count, other, node, &affinity->forbidden);
    note_preferred(cycle, affinity, cycle->pod, other, node);
    if (!json_at(other->pod, "spec", "affinity"))
        return;
    note_repelled(cycle, affinity, other, node);
    note_preferred(cycle, affinity, other, cycle->pod, node);
}

static bool has_affinity(const struct cycle *cycle)
{
    if (json_at(cycle->pod->pod, "spec", "affinity"))
        return true;
    for (size_t i = 0; i < cycle->snapshot->node_count; i++)
        for (size_t j = 0; j < cycle->snapshot->nodes[i]->pod_count; j++)
            if (json_at(cycle->snapshot->nodes[i]->pods[j]->pod, "spec", "affinity"))
                return true;
    return false;
}

static void *prepare(const struct cycle *cycle, struct filter_status *status)
{
    (void)status;
    if (!has_affinity(cycle))
        return NULL;
    struct affinity *affinity = xcalloc(1, sizeof(*affinity));
    affinity->near = read_terms(cycle->pod, "podAffinity", &affinity->near_count);
    affinity->away = read_terms(cycle->pod, "podAntiAffinity", &affinity->away_count);
    for (size_t i = 0; i < cycle->snapshot->node_count; i++)
        for (size_t j = 0; j < cycle->snapshot->nodes[i]->pod_count; j++)
            look_at(cycle, affinity, cycle->snapshot->nodes[i]->pods[j], cycle->snapshot->nodes[i]);
    affinity->any_met = affinity->met.count > 0;
    affinity->self_met = true;
    for (size_t i = 0; i < affinity->near_count; i++)
        affinity->self_met &= term_matches(&affinity->near[i], cycle->snapshot, cycle->pod);
    return affinity;
}

static bool noted(const struct strmap *map, const char *key, const char *value)
{
    CLEANUP(free_ptr) char *id = xasprintf("%s/%s", key, value);
    return strmap_has(map, id);
}

static bool near_ok(const struct affinity *affinity, const struct node_info *node)
{
    bool met = true;
    for (size_t i = 0; i < affinity->near_count; i++) {
        const char *value = meta_label(node->node, affinity->near[i].key);
        char index[24];
        (void)snprintf(index, sizeof(index), "%zu", i);
        if (!value)
            return false;
        met &= noted(&affinity->met, index, value);
    }
    return met ||
           (!affinity->any_met && affinity->self_met); /* the first of a group finds nobody there */
}

static bool away_ok(const struct affinity *affinity, const struct node_info *node)
{
    for (size_t i = 0; i < affinity->away_count; i++) {
        const char *value = meta_label(node->node, affinity->away[i].key);
        char index[24];
        (void)snprintf(index, sizeof(index), "%zu", i);
        if (value && noted(&affinity->forbidden, index, value))
            return false;
    }
    return true;
}

static bool is_repelled(const struct affinity *affinity, const struct node_info *node)
{
    const char *key;
    json_t *value;
    if (!affinity->repelled.count)
        return false;
    json_object_foreach (json_at(node->node, "metadata", "labels"), key, value) {
        if (json_is_string(value) && noted(&affinity->repelled, key, json_string_value(value)))
            return true;
    }
    return false;
}

static void filter_pods(const struct cycle *cycle, void *state, const struct node_info *node,
                        struct filter_status *status)
{
    const struct affinity *affinity = state;
    (void)cycle;
    if (!affinity)
        return;
    if (!near_ok(affinity, node))
        filter_refuse(status, FILTER_UNRESOLVED, "node(s) didn't match pod affinity rules");
    else if (!away_ok(affinity, node))
        filter_refuse(status, FILTER_NO, "node(s) didn't match pod anti-affinity rules");
    else if (is_repelled(affinity, node))
        filter_refuse(status, FILTER_NO,
                      "node(s) didn't satisfy existing pods anti-affinity rules");
}

static int64_t score_pods(const struct cycle *cycle, void *state, const struct node_info *node)
{
    const struct affinity *affinity = state;
    const char *key;
    json_t *value;
    int64_t sum = 0;
    (void)cycle;
    if (!affinity || !affinity->liked.count)
        return 0;
    json_object_foreach (json_at(node->node, "metadata", "labels"), key, value) {
        CLEANUP(free_ptr)
        char *id = xasprintf("%s/%s", key, json_is_string(value) ? json_string_value(value) : "");
        intptr_t found = (intptr_t)strmap_get(&affinity->liked, id);
        sum += found ? found - LIKED_BIAS : 0;
    }
    return sum;
}

static void normalize_pods(const struct cycle *cycle, void *state, int64_t *scores, size_t count)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    (void)cycle;
    (void)state;
    for (size_t i = 0; i < count; i++) {
        least = scores[i] < least ? scores[i] : least;
        most = scores[i] > most ? scores[i] : most;
    }
    for (size_t i = 0; i < count; i++)
        scores[i] = most > least ? SCORE_MAX * (scores[i] - least) / (most - least) : 0;
}

const struct plugin plugin_pod_affinity = {
    .name = "InterPodAffinity",
    .weight = 2,
    .pre_filter = prepare,
    .free_state = affinity_free,
    .filter = filter_pods,
    .score = score_pods,
    .normalize = normalize_pods,
};
