/* What a write costs: against the plan of its cluster, and against each ResourceQuota that speaks
 * of it. */
#include <string.h>

#include "base/clock.h"
#include "quota/rule_set.h"
#include "quota/usage.h"
#include "schema/meta.h"

void charges_free(struct charges *charges)
{
    for (size_t i = 0; i < charges->count; i++) {
        free((void *)(uintptr_t)charges->items[i].scope);
        free((void *)(uintptr_t)charges->items[i].counter);
    }
    free(charges->items);
    *charges = (struct charges){0};
}

void charges_add(struct charges *charges, const char *scope, const char *counter, int64_t delta,
                 int64_t limit)
{
    if (charges->count == charges->capacity) {
        charges->capacity = charges->capacity ? charges->capacity * 2 : 8;
        charges->items = xreallocarray(charges->items, charges->capacity, sizeof(*charges->items));
    }
    charges->items[charges->count++] = (struct store_charge){
        .scope = xstrdup(scope), .counter = xstrdup(counter), .delta = delta, .limit = limit};
}

struct charge_request {
    struct cluster *cluster;
    struct quota_part *part;
    const char *resource;
    const json_t *new_object, *old_object;
    struct amounts new_usage, old_usage;
    struct charges *out;
    struct error *err;
};

/* ---- the plan ---- */

/* Copies the limits out, so that the lock is not held while measuring. False: not loaded. */
static bool plan_limits(struct quota_part *part, bool *has_plan, struct amounts *limits)
{
    pthread_mutex_lock(&part->lock);
    bool loaded = part->plan_mono_ns && clock_mono_ns() - part->plan_mono_ns < PLAN_KEEP_NS;
    *has_plan = part->plan != NULL;
    if (part->plan)
        amounts_add_all(limits, &part->plan->limits);
    pthread_mutex_unlock(&part->lock);
    return loaded;
}

static int64_t limit_of(const struct amounts *limits, const char *counter)
{
    const struct amount *limit = limits ? amounts_find(limits, counter) : NULL;
    return limit ? limit->milli : INT64_MAX;
}

/* Usage of the new object less that of the old one; what does not change is not written. `limits`
 * NULL: no matter how much it comes to. */
static void add_differences(struct charges *out, const char *scope, struct amounts *delta,
                            const struct amounts *before, const struct amounts *limits)
{
    for (size_t i = 0; i < before->count; i++)
        amounts_add(delta, before->items[i].name, -before->items[i].milli);
    for (size_t i = 0; i < delta->count; i++)
        if (delta->items[i].milli != 0)
            charges_add(out, scope, delta->items[i].name, delta->items[i].milli,
                        limit_of(limits, delta->items[i].name));
}

static bool charge_plan(struct charge_request *request)
{
    CLEANUP(amounts_free) struct amounts limits = {0}, delta = {0}, before = {0};
    bool has_plan;
    if (!plan_limits(request->part, &has_plan, &limits))
        return false;
    if (!has_plan)
        return true;
    if (request->new_object)
        plan_measure(request->resource, request->new_object, &delta);
    if (request->old_object)
        plan_measure(request->resource, request->old_object, &before);
    add_differences(request->out, PLAN_SCOPE, &delta, &before, &limits);
    return true;
}

/* ---- quotas ---- */

/* Keeps what the quota counts. */
static void mask(const struct amounts *usage, const struct amounts *hard, struct amounts *out)
{
    for (size_t i = 0; i < usage->count; i++)
        if (amounts_has(hard, usage->items[i].name))
            amounts_add(out, usage->items[i].name, usage->items[i].milli);
}

static bool speaks_of(const struct quota_rule *rule, const char *resource)
{
    for (size_t i = 0; i < rule->hard.count; i++)
        if (text_eq(usage_resource(rule->hard.items[i].name), resource))
            return true;
    return false;
}

/* A quota on CPU or memory wants every container of a new Pod to state it. */
static bool check_stated(struct charge_request *request, const struct quota_rule *rule)
{
    if (request->old_object || strcmp(request->resource, "pods") != 0)
        return true;
    CLEANUP(free_ptr) char *missing = usage_missing(&rule->hard, request->new_object);
    if (!missing)
        return true;
    return error_forbidden(request->err, request->resource, meta_name(request->new_object),
                           "failed quota: %s: must specify %s", rule->name, missing);
}

static enum quota_result charge_rule(struct charge_request *request, struct quota_rule *rule)
{
    CLEANUP(amounts_free) struct amounts delta = {0}, before = {0};
    bool now =
        request->new_object && usage_in_scope(rule->value, request->resource, request->new_object);
    bool then =
        request->old_object && usage_in_scope(rule->value, request->resource, request->old_object);
    if ((!now && !then) || !speaks_of(rule, request->resource))
        return QUOTA_OK;
    if (now && !check_stated(request, rule))
        return QUOTA_DENIED;
    if (!atomic_load(&rule->ready))
        return QUOTA_COLD;
    if (now)
        mask(&request->new_usage, &rule->hard, &delta);
    if (then)
        mask(&request->old_usage, &rule->hard, &before);
    /* An update may bring a Pod into a scope, whatever that comes to: upstream asks quotas about
     * creates and resizes. */
    bool moves = request->old_object && now && !then;
    add_differences(request->out, rule->scope, &delta, &before, moves ? NULL : &rule->hard);
    return QUOTA_OK;
}

static void measure(struct charge_request *request)
{
    if (request->new_object)
        usage_of(request->resource, request->new_object, &request->new_usage);
    if (request->old_object)
        usage_of(request->resource, request->old_object, &request->old_usage);
}

static enum quota_result charge_quotas(struct charge_request *request, const char *ns)
{
    struct object_list quotas = {0};
    enum quota_result result = QUOTA_OK;
    if (cache_list_peek(request->cluster, QUOTA_RESOURCE, &(struct cache_range){.ns = ns},
                        &quotas) != CACHE_LIST_OK)
        return QUOTA_COLD;
    if (quotas.count)
        measure(request);
    for (size_t i = 0; i < quotas.count && result == QUOTA_OK; i++) {
        CLEANUP(quota_rule_unref_ptr)
        struct quota_rule *rule = quota_part_rule(request->part, quotas.items[i]);
        result = charge_rule(request, rule);
    }
    object_list_free(&quotas);
    amounts_free(&request->new_usage);
    amounts_free(&request->old_usage);
    return result;
}

/* One order for all writers, so that two replicas' transactions cannot wait for each other's rows.
 */
static int by_counter(const void *a, const void *b)
{
    const struct store_charge *one = a, *other = b;
    int order = strcmp(one->scope, other->scope);
    return order ? order : strcmp(one->counter, other->counter);
}

enum quota_result quota_charges(struct cluster *cluster, const char *resource,
                                const json_t *new_object, const json_t *old_object,
                                struct charges *out, struct error *err)
{
    CLEANUP(quota_part_unref_ptr) struct quota_part *part = quota_part_get(cluster);
    struct charge_request request = {.cluster = cluster,
                                     .part = part,
                                     .resource = resource,
                                     .new_object = new_object,
                                     .old_object = old_object,
                                     .out = out,
                                     .err = err};
    const char *ns = meta_namespace(new_object ? new_object : old_object);
    enum quota_result result = charge_plan(&request) ? QUOTA_OK : QUOTA_COLD;
    if (result == QUOTA_OK && *ns)
        result = charge_quotas(&request, ns);
    if (result != QUOTA_OK)
        charges_free(out);
    else if (out->count > 1)
        qsort(out->items, out->count, sizeof(*out->items), by_counter);
    return result;
}
