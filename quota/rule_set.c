/* ResourceQuotas, parsed once for each of their revisions. */
#include "quota/rule_set.h"

#include <string.h>

#include "base/codec.h"
#include "base/refs.h"
#include "schema/meta.h"

/* Of what the counters depend on: which resources, which scopes. Values may change without counting
 * anew. */
static int64_t mark_of(const json_t *quota, const struct amounts *hard)
{
    static const char *const parts[] = {"scopes", "scopeSelector"};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    unsigned char digest[32];
    int64_t mark = 0;
    for (size_t i = 0; i < hard->count; i++)
        buf_printf(&text, "%s\n", hard->items[i].name);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (json_at(quota, "spec", parts[i]))
            json_write(&text, json_at(quota, "spec", parts[i]));
    sha256(text.data, text.len, digest);
    for (size_t i = 0; i < sizeof(mark); i++)
        mark = (int64_t)((uint64_t)mark << 8 | digest[i]);
    return (mark & INT64_MAX) >> 1 | 1; /* positive, never the 0 of an absent row */
}

struct quota_rule *quota_rule_new(const json_t *quota)
{
    struct quota_rule *rule = xcalloc(1, sizeof(*rule));
    atomic_init(&rule->refs, 1);
    rule->name = xstrdup(meta_name(quota));
    rule->scope = xasprintf("quota/%s/%s/%s", meta_namespace(quota), rule->name, meta_uid(quota));
    rule->value = json_deep_copy(quota);
    amounts_read(&rule->hard, json_at(quota, "spec", "hard"));
    rule->mark = mark_of(quota, &rule->hard);
    return rule;
}

void quota_rule_unref(struct quota_rule *rule)
{
    if (!rule || !refs_drop(&rule->refs))
        return;
    free(rule->name);
    free(rule->scope);
    amounts_free(&rule->hard);
    json_decref(rule->value);
    free(rule);
}

void quota_rule_unref_ptr(struct quota_rule **rule)
{
    quota_rule_unref(*rule);
}

static void part_free(struct cluster_part *base)
{
    struct quota_part *part = (struct quota_part *)base;
    const char *key;
    void *rule;
    for (size_t i = 0; strmap_next(&part->rules, &i, &key, &rule);)
        quota_rule_unref(rule);
    strmap_clear(&part->rules);
    limits_plan_free(part->plan);
    pthread_mutex_destroy(&part->lock);
    free(part);
}

static struct cluster_part *part_make(struct cluster *cluster)
{
    (void)cluster;
    struct quota_part *part = xcalloc(1, sizeof(*part));
    atomic_init(&part->part.refs, 1);
    part->part.free = part_free;
    pthread_mutex_init(&part->lock, NULL);
    return &part->part;
}

struct quota_part *quota_part_get(struct cluster *cluster)
{
    return (struct quota_part *)cluster_part_get(cluster, CLUSTER_PART_QUOTA, part_make);
}

void quota_part_unref_ptr(struct quota_part **part)
{
    cluster_part_unref(&(*part)->part);
}

static struct quota_rule *find_locked(struct quota_part *part, const char *key, int64_t revision)
{
    struct quota_rule *rule = strmap_get(&part->rules, key);
    if (!rule || rule->revision != revision)
        return NULL;
    refs_take(&rule->refs);
    return rule;
}

/* Puts `fresh` in the place of an older one; what that knew of its counters holds on if they count
 * the same. */
static void put_locked(struct quota_part *part, const char *key, struct quota_rule *fresh,
                       struct quota_rule **before)
{
    *before = strmap_get(&part->rules, key);
    if (*before && strcmp((*before)->scope, fresh->scope) == 0 && (*before)->mark == fresh->mark)
        atomic_store(&fresh->ready, atomic_load(&(*before)->ready));
    refs_take(&fresh->refs);
    strmap_put(&part->rules, key, fresh);
}

struct quota_rule *quota_part_rule(struct quota_part *part, const struct object *quota)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", quota->ns, quota->name);
    pthread_mutex_lock(&part->lock);
    struct quota_rule *rule = find_locked(part, key, quota->revision);
    pthread_mutex_unlock(&part->lock);
    if (rule)
        return rule;
    struct quota_rule *before;
    json_auto_t *value = object_json(quota);
    rule = quota_rule_new(value);
    rule->revision = quota->revision;
    pthread_mutex_lock(&part->lock);
    put_locked(part, key, rule, &before);
    pthread_mutex_unlock(&part->lock);
    quota_rule_unref(before);
    return rule;
}
