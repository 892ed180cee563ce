/* Measuring for plans. Sizes are of what the tenant wrote, not of metadata that the server keeps,
 * so that an object gives back exactly what it took. */
#include "quota/plan.h"

#include <string.h>

#include "quota/usage.h"

#define EVENT_RESOURCE "events"

/* What a plan counts under what quotas call it; one name for both where `usage` is NULL. */
static const struct {
    const char *counter, *usage;
} plan_rows[] = {
    {"configmaps", NULL},
    {"limits.cpu", NULL},
    {"limits.memory", NULL},
    {"namespaces", "count/namespaces"},
    {"persistentvolumeclaims", NULL},
    {"pods", NULL},
    {"requests.cpu", NULL},
    {"requests.memory", NULL},
    {"requests.storage", NULL},
    {"secrets", NULL},
    {"services", NULL},
    {"services.loadbalancers", NULL},
    {"services.nodeports", NULL},
};
/* Counted by themselves: Events of their own, so that a storm of them leaves room for the rest. */
static const char *const own_counters[] = {"bytes", "events", "objects"};

bool quota_plan_counter(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(plan_rows); i++)
        if (strcmp(plan_rows[i].counter, name) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LEN(own_counters); i++)
        if (strcmp(own_counters[i], name) == 0)
            return true;
    return false;
}

struct plan *plan_new(const json_t *limits)
{
    if (!limits)
        return NULL;
    CLEANUP(amounts_free) struct amounts all = {0};
    struct plan *plan = xcalloc(1, sizeof(*plan));
    amounts_read(&all, limits);
    for (size_t i = 0; i < all.count; i++)
        if (quota_plan_counter(all.items[i].name))
            amounts_add(&plan->limits, all.items[i].name, all.items[i].milli);
    return plan;
}

void limits_plan_free(struct plan *plan)
{
    if (plan)
        amounts_free(&plan->limits);
    free(plan);
}

/* Roughly what it takes as JSON. Depth is bounded by the decoder. */
static size_t size_of(const json_t *value)
{
    json_t *tree =
        (json_t *)(uintptr_t)value; /* iterators take a mutable one; nothing is changed */
    size_t size = 2, i;
    const char *key;
    json_t *item;
    if (json_is_string(value))
        return json_string_length(value) + 2;
    json_array_foreach (tree, i, item)
        size += size_of(item) + 1;
    json_object_foreach (tree, key, item)
        size += strlen(key) + 4 + size_of(item);
    return size + 4;
}

static size_t object_size(const json_t *object)
{
    static const char *const kept[] = {"name", "namespace", "labels", "annotations"};
    json_t *tree = (json_t *)(uintptr_t)object, *item;
    const char *key;
    size_t size = 0;
    json_object_foreach (tree, key, item)
        if (strcmp(key, "metadata") != 0)
            size += strlen(key) + 4 + size_of(item);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (json_at(object, "metadata", kept[i]))
            size += size_of(json_at(object, "metadata", kept[i]));
    return size;
}

void plan_measure(const char *resource, const json_t *object, struct amounts *out)
{
    CLEANUP(amounts_free) struct amounts usage = {0};
    usage_of(resource, object, &usage);
    for (size_t i = 0; i < ARRAY_LEN(plan_rows); i++) {
        const struct amount *amount =
            amounts_find(&usage, plan_rows[i].usage ?: plan_rows[i].counter);
        if (amount)
            amounts_add(out, plan_rows[i].counter, amount->milli);
    }
    amounts_add(out, strcmp(resource, EVENT_RESOURCE) == 0 ? "events" : "objects", QUOTA_UNIT);
    amounts_add(out, "bytes", (int64_t)object_size(object) * QUOTA_UNIT);
}

void quota_seed_charges(const char *resource, const json_t *object, struct charges *out)
{
    CLEANUP(amounts_free) struct amounts cost = {0};
    plan_measure(resource, object, &cost);
    for (size_t i = 0; i < cost.count; i++)
        charges_add(out, PLAN_SCOPE, cost.items[i].name, cost.items[i].milli, INT64_MAX);
}
