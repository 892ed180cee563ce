/* What may block: loading a cluster's plan, making its quotas ready, counting anew. */
#include <string.h>

#include "base/clock.h"
#include "quota/rule_set.h"
#include "quota/usage.h"
#include "schema/meta.h"

#define COUNT_TRIES 100

/* Where plans come from: set once at start by tenancy/, before there is traffic. */
static struct {
    quota_plan_fn load;
    void *arg;
} plan_source;

void quota_set_plan_source(quota_plan_fn load, void *arg)
{
    plan_source.load = load;
    plan_source.arg = arg;
}

/* Loaded a while before it must be, so that a write finds it still good. */
static bool is_fresh(const struct quota_part *part)
{
    return part->plan_mono_ns && clock_mono_ns() - part->plan_mono_ns < PLAN_KEEP_NS / 2;
}

static void put_plan(struct quota_part *part, struct plan *plan)
{
    pthread_mutex_lock(&part->lock);
    struct plan *before = part->plan;
    part->plan = plan;
    part->plan_mono_ns = clock_mono_ns();
    pthread_mutex_unlock(&part->lock);
    limits_plan_free(before);
}

void quota_set_plan(struct cluster *cluster, const json_t *limits)
{
    CLEANUP(quota_part_unref_ptr) struct quota_part *part = quota_part_get(cluster);
    put_plan(part, plan_new(limits));
}

void quota_forget_plan(struct cluster *cluster)
{
    cluster_part_drop(cluster, CLUSTER_PART_QUOTA);
}

static bool load_plan(struct cluster *cluster, struct quota_part *part, struct error *err)
{
    json_auto_t *limits = NULL;
    pthread_mutex_lock(&part->lock);
    bool fresh = is_fresh(part);
    pthread_mutex_unlock(&part->lock);
    if (fresh)
        return true;
    if (plan_source.load && !plan_source.load(plan_source.arg, cluster, &limits, err))
        return false;
    put_plan(part, plan_new(limits));
    return true;
}

/* ---- counting ---- */

/* Adds what every object of `resource` in the quota's namespace and scope uses, of what the quota
 * counts. */
static bool count_resource(struct cluster *cluster, const struct quota_rule *rule,
                           const char *resource, struct amounts *used, int64_t *revision,
                           struct error *err)
{
    struct object_list list = {0};
    if (!cache_list(cluster, resource, meta_namespace(rule->value), &list, err))
        return false;
    *revision = list.revision;
    for (size_t i = 0; i < list.count; i++) {
        json_auto_t *object = object_json(list.items[i]);
        CLEANUP(amounts_free) struct amounts one = {0};
        if (!usage_in_scope(rule->value, resource, object))
            continue;
        usage_of(resource, object, &one);
        for (size_t k = 0; k < one.count; k++)
            if (amounts_has(&rule->hard, one.items[k].name))
                amounts_add(used, one.items[k].name, one.items[k].milli);
    }
    object_list_free(&list);
    return true;
}

static bool seen_before(const struct quota_rule *rule, size_t at, const char *resource)
{
    for (size_t i = 0; i < at; i++)
        if (text_eq(usage_resource(rule->hard.items[i].name), resource))
            return true;
    return false;
}

/* All that the quota counts, of one and the same revision; `*steady` is false when writes came in
 * between. */
static bool count_once(struct cluster *cluster, const struct quota_rule *rule, struct amounts *used,
                       int64_t *revision, bool *steady, struct error *err)
{
    *steady = true;
    *revision = 0;
    for (size_t i = 0; i < rule->hard.count; i++) {
        const char *resource = usage_resource(rule->hard.items[i].name);
        int64_t at;
        amounts_add(used, rule->hard.items[i].name, 0);
        if (!resource || seen_before(rule, i, resource))
            continue;
        if (!count_resource(cluster, rule, resource, used, &at, err))
            return false;
        *steady = *steady && (*revision == 0 || *revision == at);
        *revision = at;
    }
    return true;
}

static bool count(struct cluster *cluster, const struct quota_rule *rule, struct amounts *used,
                  int64_t *revision, struct error *err)
{
    for (unsigned try = 0; try < COUNT_TRIES; try++) {
        bool steady;
        if (!count_once(cluster, rule, used, revision, &steady, err))
            return false;
        if (steady)
            return true;
        amounts_free(used);
    }
    return error_unavailable(err, "the namespace changes too fast to be counted");
}

bool quota_recount(struct cluster *cluster, const json_t *resource_quota, struct charges *out,
                   struct error *err)
{
    CLEANUP(quota_rule_unref_ptr) struct quota_rule *rule = quota_rule_new(resource_quota);
    CLEANUP(amounts_free) struct amounts used = {0};
    int64_t revision;
    if (!count(cluster, rule, &used, &revision, err))
        return false;
    for (size_t i = 0; i < used.count; i++)
        charges_add(out, rule->scope, used.items[i].name, used.items[i].milli,
                    amounts_get(&rule->hard, used.items[i].name));
    return true;
}

/* ---- settling: counters that fit ---- */

/* Counts and sets the counters with their mark; the store takes them only if nothing was written
 * meanwhile. */
static bool recount_and_set(struct cluster *cluster, const struct quota_rule *rule,
                            struct amounts *used, struct error *err)
{
    for (unsigned try = 0; try < COUNT_TRIES; try++) {
        CLEANUP(charges_free) struct charges counters = {0};
        int64_t revision;
        bool applied = false;
        amounts_free(used);
        if (!count(cluster, rule, used, &revision, err))
            return false;
        if (revision == 0) /* the quota counts nothing */
            return true;
        charges_add(&counters, rule->scope, QUOTA_MARK, rule->mark, INT64_MAX);
        for (size_t i = 0; i < used->count; i++)
            charges_add(&counters, rule->scope, used->items[i].name, used->items[i].milli,
                        INT64_MAX);
        if (!store_usage_set(cluster, rule->scope, counters.items, counters.count, revision,
                             &applied, err))
            return false;
        if (applied)
            return true;
    }
    return error_unavailable(err, "the namespace changes too fast to be counted");
}

static void find_mark(void *arg, const char *counter, int64_t used)
{
    if (strcmp(counter, QUOTA_MARK) == 0)
        *(int64_t *)arg = used;
}

bool quota_rule_settle(struct cluster *cluster, struct quota_rule *rule, struct error *err)
{
    CLEANUP(amounts_free) struct amounts used = {0};
    int64_t mark = 0;
    if (atomic_load(&rule->ready))
        return true;
    if (!store_usage(cluster, rule->scope, find_mark, &mark, err))
        return false;
    if (mark != rule->mark && !recount_and_set(cluster, rule, &used, err))
        return false;
    atomic_store(&rule->ready, true);
    return true;
}

bool quota_warm(struct cluster *cluster, struct error *err)
{
    struct object_list quotas = {0};
    CLEANUP(quota_part_unref_ptr) struct quota_part *part = quota_part_get(cluster);
    if (!load_plan(cluster, part, err) || !cache_warm(cluster, "limitranges", err) ||
        !cache_list(cluster, QUOTA_RESOURCE, NULL, &quotas, err))
        return false;
    bool ready = true;
    for (size_t i = 0; i < quotas.count && ready; i++) {
        CLEANUP(quota_rule_unref_ptr)
        struct quota_rule *rule = quota_part_rule(part, quotas.items[i]);
        ready = quota_rule_settle(cluster, rule, err);
    }
    object_list_free(&quotas);
    return ready;
}

/* ---- for the quota controller ---- */

static json_t *status_of(const json_t *quota, const struct amounts *used)
{
    const json_t *hard = json_at(quota, "spec", "hard");
    json_t *status = json_object();
    if (hard)
        json_object_set_new(status, "hard", json_deep_copy(hard));
    for (size_t i = 0; i < used->count; i++) {
        CLEANUP(free_ptr) char *text = amount_text(used->items[i].name, used->items[i].milli);
        json_set_text(json_ensure_object(status, "used"), used->items[i].name, text);
    }
    return status;
}

bool quota_status(struct cluster *cluster, const json_t *resource_quota, json_t **status,
                  struct error *err)
{
    CLEANUP(quota_rule_unref_ptr) struct quota_rule *rule = quota_rule_new(resource_quota);
    CLEANUP(amounts_free) struct amounts used = {0};
    if (!recount_and_set(cluster, rule, &used, err))
        return false;
    *status = status_of(resource_quota, &used);
    return true;
}

static void add_row(void *arg, const char *counter, int64_t used)
{
    amounts_add(arg, counter, used);
}

bool quota_used(struct cluster *cluster, const json_t *resource_quota, json_t **status,
                struct error *err)
{
    CLEANUP(quota_rule_unref_ptr) struct quota_rule *rule = quota_rule_new(resource_quota);
    CLEANUP(amounts_free) struct amounts rows = {0}, used = {0};
    if (!quota_rule_settle(cluster, rule, err) ||
        !store_usage(cluster, rule->scope, add_row, &rows, err))
        return false;
    for (size_t i = 0; i < rule->hard.count; i++)
        amounts_add(&used, rule->hard.items[i].name, amounts_get(&rows, rule->hard.items[i].name));
    *status = status_of(resource_quota, &used);
    return true;
}
