#include <string.h>

#include "controllers/garbage.h"
#include "schema/meta.h"

#define FOREGROUND "foregroundDeletion"
#define ORPHAN     "orphan"

bool garbage_is_foreground(const json_t *object)
{
    return meta_deleting(object) && meta_has_finalizer(object, FOREGROUND);
}

bool garbage_is_orphaning(const json_t *object)
{
    return meta_deleting(object) && meta_has_finalizer(object, ORPHAN);
}

static json_t *patch_of(const json_t *object, const char *member, json_t *value)
{
    return json_pack("{s:{s:s, s:s, s:o}}", "metadata", "uid", meta_uid(object), "resourceVersion",
                     meta_resource_version(object), member, value);
}

static void remove_finalizer(const struct garbage_seen *seen, const char *name, struct plan *plan)
{
    const json_t *old = json_at(seen->object, "metadata", "finalizers");
    json_t *finalizers = json_array();
    for (size_t i = 0; i < json_array_size(old); i++)
        if (!text_eq(json_string_value(json_array_get(old, i)), name))
            json_array_append(finalizers, json_array_get(old, i));
    plan_patch(plan, seen->resource, seen->object,
               patch_of(seen->object, "finalizers", finalizers));
}

/* ---- the object as an owner ---- */

static const json_t *reference_to(const json_t *dependent, const char *uid)
{
    const json_t *references = json_at(dependent, "metadata", "ownerReferences");
    for (size_t i = 0; i < json_array_size(references); i++)
        if (text_eq(json_text(json_array_get(references, i), "uid"), uid))
            return json_array_get(references, i);
    return NULL;
}

/* Goes when no dependent that blocks it is left. */
static void decide_foreground(const struct garbage_seen *seen, struct plan *plan)
{
    const char *uid = meta_uid(seen->object);
    for (size_t i = 0; i < seen->dependent_count; i++) {
        const json_t *reference = reference_to(seen->dependents[i].object, uid);
        if (json_is_true(json_object_get(reference, "blockOwnerDeletion")))
            return; /* the dependents are looked at on their own; the last one to go wakes us */
    }
    remove_finalizer(seen, FOREGROUND, plan);
}

static void decide_orphan(const struct garbage_seen *seen, struct plan *plan)
{
    const char *uid = meta_uid(seen->object);
    for (size_t i = 0; i < seen->dependent_count; i++) {
        const json_t *dependent = seen->dependents[i].object;
        const json_t *old = json_at(dependent, "metadata", "ownerReferences");
        if (!reference_to(dependent, uid))
            continue;
        json_t *references = json_array();
        for (size_t j = 0; j < json_array_size(old); j++)
            if (!text_eq(json_text(json_array_get(old, j), "uid"), uid))
                json_array_append(references, json_array_get(old, j));
        plan_patch(plan, seen->dependents[i].resource, dependent,
                   patch_of(dependent, "ownerReferences", references));
    }
    remove_finalizer(seen, ORPHAN, plan);
}

/* ---- the object as a dependent ---- */

static size_t count_owners(const struct garbage_seen *seen, enum owner_state state)
{
    size_t count = 0, all = json_array_size(json_at(seen->object, "metadata", "ownerReferences"));
    for (size_t i = 0; i < all; i++)
        count += seen->owners[i] == state;
    return count;
}

/* Another owner keeps it: references to those that went are taken out. */
static void drop_references(const struct garbage_seen *seen, struct plan *plan)
{
    const json_t *old = json_at(seen->object, "metadata", "ownerReferences");
    json_t *references = json_array();
    for (size_t i = 0; i < json_array_size(old); i++)
        if (seen->owners[i] == OWNER_SOLID)
            json_array_append(references, json_array_get(old, i));
    plan_patch(plan, seen->resource, seen->object,
               patch_of(seen->object, "ownerReferences", references));
}

/* Owners that wait for one another in a circle would wait for ever. */
static void unblock_owners(const struct garbage_seen *seen, struct plan *plan)
{
    json_t *references = json_deep_copy(json_at(seen->object, "metadata", "ownerReferences"));
    for (size_t i = 0; i < json_array_size(references); i++)
        json_object_set_new(json_array_get(references, i), "blockOwnerDeletion", json_false());
    plan_patch(plan, seen->resource, seen->object,
               patch_of(seen->object, "ownerReferences", references));
}

static void delete_object(const struct garbage_seen *seen, struct plan *plan)
{
    bool foreground = meta_has_finalizer(seen->object, FOREGROUND);
    if (count_owners(seen, OWNER_WAITING) && seen->dependent_count) {
        for (size_t i = 0; i < seen->dependent_count; i++)
            if (garbage_is_foreground(seen->dependents[i].object)) {
                unblock_owners(seen, plan);
                return; /* its change brings it back here */
            }
        foreground = true;
    }
    plan_delete(plan, seen->resource, seen->object)->propagation =
        meta_has_finalizer(seen->object, ORPHAN) ? "Orphan"
        : foreground                             ? "Foreground"
                                                 : "Background";
}

static bool is_unblocked(const json_t *object)
{
    const json_t *references = json_at(object, "metadata", "ownerReferences");
    for (size_t i = 0; i < json_array_size(references); i++)
        if (json_is_true(json_object_get(json_array_get(references, i), "blockOwnerDeletion")))
            return false;
    return true;
}

static void decide_dependent(const struct garbage_seen *seen, struct plan *plan)
{
    size_t solid = count_owners(seen, OWNER_SOLID), gone = count_owners(seen, OWNER_ABSENT);
    size_t waiting = count_owners(seen, OWNER_WAITING);
    if (solid && gone + waiting)
        drop_references(seen, plan);
    else if (!solid && waiting && is_unblocked(seen->object) && seen->dependent_count)
        plan_delete(plan, seen->resource, seen->object)->propagation = "Foreground";
    else if (!solid && gone + waiting)
        delete_object(seen, plan);
}

void garbage_decide(const struct garbage_seen *seen, struct plan *plan)
{
    if (garbage_is_orphaning(seen->object))
        decide_orphan(seen, plan);
    else if (garbage_is_foreground(seen->object))
        decide_foreground(seen, plan);
    else if (!meta_deleting(seen->object))
        decide_dependent(seen, plan);
}
