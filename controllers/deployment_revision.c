/* controllers/deployment_revision.c: which ReplicaSet is which revision: hash, annotations,
 * history. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/strmap.h"
#include "controllers/deployment_internal.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "controllers/template_hash.h"
#include "schema/condition.h"
#include "schema/meta.h"

#define HISTORY_CHARS_MAX                                                                          \
    2000 /* of the revision-history annotation; the oldest numbers are cut                         \
          */

/* Annotations of a Deployment that its ReplicaSets do not get. */
static const char *const own_annotations[] = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION_ANNOTATION,
    HISTORY_ANNOTATION,
    DESIRED_ANNOTATION,
    MAX_ANNOTATION,
    "deprecated.deployment.rollback.to",
};

int64_t revision_of(const json_t *object)
{
    const char *text = meta_annotation(object, REVISION_ANNOTATION);
    int64_t revision;
    return text && parse_i64(str_of(text), 0, INT64_MAX, &revision) ? revision : 0;
}

int64_t revision_next(const struct rollout *rollout)
{
    int64_t most = 0;
    for (size_t i = 0; i < rollout->old_count; i++) {
        int64_t revision = revision_of(rollout->old[i]);
        most = revision > most ? revision : most;
    }
    return most + 1;
}

/* ---- annotations ---- */

static bool is_own(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(own_annotations); i++)
        if (strcmp(own_annotations[i], key) == 0)
            return true;
    return false;
}

static bool copy_annotations(const json_t *deployment, json_t *set)
{
    const char *key;
    json_t *value;
    bool changed = false;
    json_object_foreach (json_at(deployment, "metadata", "annotations"), key, value) {
        const char *text = json_string_value(value);
        if (is_own(key) || !text || text_eq(meta_annotation(set, key), text))
            continue;
        meta_set_annotation(set, key, text);
        changed = true;
    }
    return changed;
}

static void remember_revision(json_t *set, const char *revision)
{
    const char *history = meta_annotation(set, HISTORY_ANNOTATION);
    CLEANUP(free_ptr)
    char *text = history && history[0] ? xasprintf("%s,%s", history, revision) : xstrdup(revision);
    const char *from = text;
    while (strlen(from) > HISTORY_CHARS_MAX && strchr(from, ','))
        from = strchr(from, ',') + 1;
    meta_set_annotation(set, HISTORY_ANNOTATION, from);
}

static bool number_set(json_t *set, int64_t revision)
{
    int64_t before = revision_of(set);
    if (before >= revision)
        return false;
    CLEANUP(free_ptr) char *text = xasprintf("%lld", (long long)revision);
    CLEANUP(free_ptr) char *old = xasprintf("%lld", (long long)before);
    meta_set_annotation(set, REVISION_ANNOTATION, text);
    if (before)
        remember_revision(set, old);
    return true;
}

/* ---- making and numbering ---- */

json_t *revision_new_set(const struct rollout *rollout, int64_t replicas, int64_t revision)
{
    const json_t *deployment = rollout->deployment, *spec = json_object_get(deployment, "spec");
    int64_t collisions = json_int_or(json_at(deployment, "status", "collisionCount"), 0);
    json_t *template = json_deep_copy(json_object_get(spec, "template"));
    json_t *selector = json_deep_copy(json_object_get(spec, "selector"));
    CLEANUP(free_ptr) char *hash = template_hash(template, collisions);
    CLEANUP(free_ptr) char *name = xasprintf("%s-%s", meta_name(deployment), hash);
    json_t *labels = json_ensure_object(json_ensure_object(template, "metadata"), "labels");
    json_set_text(labels, HASH_LABEL, hash);
    json_set_text(json_ensure_object(selector, "matchLabels"), HASH_LABEL, hash);
    json_t *set =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:o, s:[o]}, s:{s:I, s:o, s:o}}", "apiVersion",
                  "apps/v1", "kind", "ReplicaSet", "metadata", "name", name, "namespace",
                  meta_namespace(deployment), "labels", json_deep_copy(labels), "ownerReferences",
                  owner_reference(deployment, "apps/v1", "Deployment"), "spec", "replicas",
                  (json_int_t)replicas, "selector", selector, "template", template);
    if (json_int_or(json_object_get(spec, "minReadySeconds"), 0))
        json_object_set(json_object_get(set, "spec"), "minReadySeconds",
                        json_object_get(spec, "minReadySeconds"));
    (void)copy_annotations(deployment, set);
    (void)number_set(set, revision);
    CLEANUP(free_ptr) char *desired = xasprintf("%lld", (long long)rollout->replicas);
    CLEANUP(free_ptr)
    char *most = xasprintf("%lld", (long long)(rollout->replicas + rollout_max_surge(rollout)));
    meta_set_annotation(set, DESIRED_ANNOTATION, desired);
    meta_set_annotation(set, MAX_ANNOTATION, most);
    return set;
}

bool revision_sync(struct rollout *rollout)
{
    const json_t *min_ready = json_at(rollout->deployment, "spec", "minReadySeconds");
    if (!rollout->fresh)
        return false;
    json_auto_t *set = json_deep_copy(rollout->fresh);
    bool changed = copy_annotations(rollout->deployment, set);
    changed |= number_set(set, revision_next(rollout));
    if (!semantic_equal(min_ready, json_at(set, "spec", "minReadySeconds"))) {
        json_object_set_new(json_object_get(set, "spec"), "minReadySeconds",
                            json_integer(json_int_or(min_ready, 0)));
        changed = true;
    }
    if (changed) {
        plan_update(rollout->plan, REPLICASETS, "", json_incref(set));
        return true;
    }
    const char *revision = meta_annotation(set, REVISION_ANNOTATION);
    if (!revision || text_eq(meta_annotation(rollout->deployment, REVISION_ANNOTATION), revision))
        return false;
    json_t *deployment = json_deep_copy(rollout->deployment);
    meta_set_annotation(deployment, REVISION_ANNOTATION, revision);
    plan_update(rollout->plan, DEPLOYMENTS, "status", deployment);
    return true;
}

/* ---- history ---- */

static int by_revision(const void *left, const void *right)
{
    const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
    int64_t difference = revision_of(a) - revision_of(b);
    if (difference)
        return difference > 0 ? 1 : -1;
    const char *made_a = json_text(a, "metadata", "creationTimestamp");
    const char *made_b = json_text(b, "metadata", "creationTimestamp");
    return strcmp(made_a ? made_a : "", made_b ? made_b : "");
}

static bool is_settled(const json_t *set)
{
    return set_replicas(set) == 0 && set_actual(set) == 0 &&
           json_int_or(json_at(set, "metadata", "generation"), 0) <=
               json_int_or(json_at(set, "status", "observedGeneration"), 0);
}

void revision_clean_up(struct rollout *rollout)
{
    int64_t limit =
        json_int_or(json_at(rollout->deployment, "spec", "revisionHistoryLimit"), INT32_MAX);
    CLEANUP(free_ptr) json_t **alive = xcalloc(rollout->old_count + 1, sizeof(*alive));
    size_t count = 0;
    for (size_t i = 0; i < rollout->old_count; i++)
        if (!meta_deleting(rollout->old[i]))
            alive[count++] = rollout->old[i];
    if (count == 0 || (int64_t)count <= limit)
        return;
    qsort(alive, count, sizeof(*alive), by_revision);
    for (size_t i = 0; i < count - (size_t)limit; i++)
        if (is_settled(alive[i]))
            plan_delete(rollout->plan, REPLICASETS, alive[i]);
}
