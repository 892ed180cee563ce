#include "controllers/owner.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "schema/meta.h"

json_t *owner_reference(const json_t *owner, const char *api_version, const char *kind)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "apiVersion", api_version, "kind", kind,
                     "name", meta_name(owner), "uid", meta_uid(owner), "controller", 1,
                     "blockOwnerDeletion", 1);
}

bool owner_is_controller(const json_t *object, const char *uid)
{
    const char *found = json_text(meta_controller(object), "uid");
    return found && strcmp(found, uid) == 0;
}

bool owner_has_controller(const json_t *object)
{
    return meta_controller(object) != NULL;
}

/* The bytes `"ownerReferences":[` cannot stand inside a JSON string, where quotes are escaped.
 * Metadata is written first, so the first place is its own unless it has none: then a template's
 * references may be found, which costs a needless wake-up and nothing else. */
json_t *owner_references_of(const struct object *object)
{
    static const char mark[] = "\"ownerReferences\":";
    const char *at = memmem(object->body.data, object->body.len, mark, sizeof(mark) - 1);
    if (!at)
        return NULL;
    at += sizeof(mark) - 1;
    return json_loadb(at, object->body.len - (size_t)(at - object->body.data),
                      JSON_DISABLE_EOF_CHECK, NULL);
}

static bool is_group(const char *api_version, const char *group)
{
    size_t len = strlen(group);
    if (!len) /* "v1" */
        return !strchr(api_version, '/');
    return strncmp(api_version, group, len) == 0 && api_version[len] == '/';
}

static void map_one(const struct object *object, const char *group, const char *kind,
                    void (*add)(void *arg, const char *key), void *arg)
{
    json_auto_t *references = owner_references_of(object);
    for (size_t i = 0; i < json_array_size(references); i++) {
        const json_t *reference = json_array_get(references, i);
        const char *name = json_text(reference, "name"),
                   *version = json_text(reference, "apiVersion");
        if (!name || !version || !json_is_true(json_object_get(reference, "controller")) ||
            !text_eq(json_text(reference, "kind"), kind) || !is_group(version, group))
            continue;
        char key[512];
        (void)snprintf(key, sizeof(key), "%s/%s", object->ns, name);
        add(arg, key);
    }
}

void owner_map(const struct object *object, const struct object *before, const char *group,
               const char *kind, void (*add)(void *arg, const char *key), void *arg)
{
    map_one(object, group, kind, add, arg);
    if (before)
        map_one(before, group, kind, add, arg);
}

/* ---- claiming ---- */

/* A merge patch replaces lists, so it carries all references that stay, guarded by uid and
 * resourceVersion. */
static json_t *references_patch(const json_t *object, json_t *references)
{
    return json_pack("{s:{s:s, s:s, s:o}}", "metadata", "uid", meta_uid(object), "resourceVersion",
                     meta_resource_version(object), "ownerReferences", references);
}

json_t *finalizers_without(const json_t *object, const char *finalizer)
{
    const json_t *old = json_at(object, "metadata", "finalizers");
    json_t *left = json_array();
    for (size_t i = 0; i < json_array_size(old); i++)
        if (!text_eq(json_string_value(json_array_get(old, i)), finalizer))
            json_array_append(left, json_array_get(old, i));
    return left;
}

static void adopt(const struct claim *claim, const json_t *object, struct plan *plan)
{
    const json_t *old = json_at(object, "metadata", "ownerReferences");
    json_t *references = old ? json_deep_copy(old) : json_array();
    json_array_append_new(references,
                          owner_reference(claim->owner, claim->api_version, claim->kind));
    json_t *patch = references_patch(object, references);
    if (claim->finalizer && !meta_has_finalizer(object, claim->finalizer)) {
        json_t *all = finalizers_without(object, claim->finalizer);
        json_array_append_new(all, json_string(claim->finalizer));
        json_object_set_new(json_object_get(patch, "metadata"), "finalizers", all);
    }
    plan_patch(plan, claim->resource, object, patch);
}

static void release(const struct claim *claim, const json_t *object, struct plan *plan)
{
    const json_t *old = json_at(object, "metadata", "ownerReferences");
    json_t *references = json_array();
    for (size_t i = 0; i < json_array_size(old); i++) {
        json_t *reference = json_array_get(old, i);
        if (!text_eq(json_text(reference, "uid"), meta_uid(claim->owner)))
            json_array_append(references, reference);
    }
    json_t *patch = references_patch(object, references);
    if (claim->finalizer && meta_has_finalizer(object, claim->finalizer))
        json_object_set_new(json_object_get(patch, "metadata"), "finalizers",
                            finalizers_without(object, claim->finalizer));
    plan_patch(plan, claim->resource, object, patch);
}

enum claim_result claim_decide(const struct claim *claim, const json_t *object, struct plan *plan)
{
    bool matches = selector_matches_json(claim->selector, json_at(object, "metadata", "labels"));
    if (owner_has_controller(object)) {
        if (!owner_is_controller(object, meta_uid(claim->owner)))
            return CLAIM_NOT_OURS;
        if (matches)
            return CLAIM_OURS;
        if (meta_deleting(claim->owner))
            return CLAIM_NOT_OURS;
        release(claim, object, plan);
        return CLAIM_CHANGED;
    }
    if (!matches || meta_deleting(claim->owner) || meta_deleting(object))
        return CLAIM_NOT_OURS;
    adopt(claim, object, plan);
    return CLAIM_CHANGED;
}

bool claim_observe(struct cluster *cluster, const char *ns, const struct claim *claim,
                   bool (*fits)(const json_t *owner, const json_t *object), struct json_list *ours,
                   bool *changed, struct plan *plan, struct error *err)
{
    CLEANUP(json_list_free) struct json_list candidates = {0};
    const struct observe_query query = {.resource = claim->resource,
                                        .ns = ns,
                                        .selector = claim->selector,
                                        .owner_uid = meta_uid(claim->owner)};
    if (!observe_list(cluster, &query, &candidates, err))
        return false;
    for (size_t i = 0; i < candidates.count; i++) {
        if (fits && !fits(claim->owner, candidates.items[i]))
            continue;
        enum claim_result result = claim_decide(claim, candidates.items[i], plan);
        if (result == CLAIM_OURS)
            json_list_add(ours, json_incref(candidates.items[i]));
        *changed |= result == CLAIM_CHANGED;
    }
    return true;
}
