#include "controllers/statefulset_claims.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "schema/meta.h"

#define CLAIMS "persistentvolumeclaims"

char *claim_name_of(const json_t *set, const json_t *template, int64_t ordinal)
{
    return xasprintf("%s-%s-%lld", meta_name(template), meta_name(set), (long long)ordinal);
}

/* The ordinal of a claim that is named for one of the set's templates; -1: for none. */
static int64_t ordinal_of(const json_t *set, const char *name)
{
    const json_t *templates = json_at(set, "spec", "volumeClaimTemplates");
    for (size_t i = 0; i < json_array_size(templates); i++) {
        CLEANUP(free_ptr)
        char *prefix = xasprintf("%s-%s-", meta_name(json_array_get(templates, i)), meta_name(set));
        int64_t ordinal;
        if (text_starts(name, prefix) &&
            parse_i64(str_of(name + strlen(prefix)), 0, INT32_MAX, &ordinal))
            return ordinal;
    }
    return -1;
}

bool claim_is_named(const json_t *set, const char *name)
{
    return ordinal_of(set, name) >= 0;
}

static bool deletes(const json_t *set, const char *when)
{
    return text_eq(json_text(set, "spec", "persistentVolumeClaimRetentionPolicy", when), "Delete");
}

json_t *claim_owners(const json_t *set)
{
    json_t *owner =
        deletes(set, "whenDeleted") ? owner_reference(set, "apps/v1", "StatefulSet") : NULL;
    return owner ? json_pack("[o]", owner) : NULL;
}

static const json_t *find_pod(const struct claims_seen *seen, int64_t ordinal)
{
    CLEANUP(free_ptr)
    char *name = xasprintf("%s-%lld", meta_name(seen->set), (long long)ordinal);
    for (size_t i = 0; i < seen->pod_count; i++)
        if (strcmp(meta_name(seen->pods[i]), name) == 0)
            return seen->pods[i];
    return NULL;
}

/* Everybody's but those that this controller sets: the set's, and that of a Pod of the claim's. */
static json_t *others(const json_t *claim, const json_t *set, const char *pod_name)
{
    const json_t *old = json_at(claim, "metadata", "ownerReferences");
    json_t *kept = json_array();
    for (size_t i = 0; i < json_array_size(old); i++) {
        json_t *reference = json_array_get(old, i);
        bool ours = text_eq(json_text(reference, "uid"), meta_uid(set)) ||
                    (text_eq(json_text(reference, "kind"), "Pod") &&
                     text_eq(json_text(reference, "name"), pod_name));
        if (!ours)
            json_array_append(kept, reference);
    }
    return kept;
}

static void decide_one(const struct claims_seen *seen, const json_t *claim, int64_t ordinal,
                       struct plan *plan)
{
    CLEANUP(free_ptr)
    char *pod_name = xasprintf("%s-%lld", meta_name(seen->set), (long long)ordinal);
    bool in_range = ordinal >= seen->start && ordinal < seen->start + seen->replicas;
    bool with_pod = !in_range && deletes(seen->set, "whenScaled");
    const json_t *pod = find_pod(seen, ordinal);
    if (meta_deleting(claim) || (!in_range && !pod))
        return;
    json_auto_t *owners = others(claim, seen->set, pod_name);
    if (with_pod)
        json_array_append_new(owners, owner_reference(pod, "v1", "Pod"));
    else if (deletes(seen->set, "whenDeleted"))
        json_array_append_new(owners, owner_reference(seen->set, "apps/v1", "StatefulSet"));
    if (semantic_equal(owners, json_at(claim, "metadata", "ownerReferences")))
        return;
    json_t *next = json_deep_copy(claim);
    json_object_set(json_object_get(next, "metadata"), "ownerReferences", owners);
    plan_update(plan, CLAIMS, "", next)->flags |= PLAN_ABSENT_OK;
}

void claims_decide(const struct claims_seen *seen, struct plan *plan)
{
    const char *name;
    json_t *claim;
    json_object_foreach (seen->claims, name, claim) {
        int64_t ordinal = ordinal_of(seen->set, name);
        if (ordinal >= 0 && json_is_object(claim))
            decide_one(seen, claim, ordinal, plan);
    }
}
