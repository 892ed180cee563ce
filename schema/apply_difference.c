#include "schema/apply_difference.h"

#include <string.h>

#include "schema/apply_reset.h"

struct difference_other {
    struct difference_other *next;
    const char *api_version;
    enum difference_state state;
    struct typed_changes changes;
};

/* Bookkeeping that belongs to nobody; NULL-ended. */
static const char *const unowned[][3] = {
    {"apiVersion"},
    {"kind"},
    {"metadata"},
    {"metadata", "name"},
    {"metadata", "namespace"},
    {"metadata", "creationTimestamp"},
    {"metadata", "selfLink"},
    {"metadata", "uid"},
    {"metadata", "clusterName"},
    {"metadata", "generation"},
    {"metadata", "managedFields"},
    {"metadata", "resourceVersion"},
};

void difference_strip(const struct apply *apply, struct field_set *set)
{
    apply_drop_reset(apply, set);
    for (size_t i = 0; i < ARRAY_LEN(unowned); i++)
        field_set_drop_path(set, unowned[i], false);
}

static void compare(const struct difference *difference, const struct type *type,
                    const json_t *before, const json_t *after, struct typed_changes *changes)
{
    typed_compare(difference->arena, typed_root(type), before, after, changes);
    difference_strip(difference->apply, &changes->added);
    difference_strip(difference->apply, &changes->modified);
    difference_strip(difference->apply, &changes->removed);
}

void difference_find(struct difference *difference, const struct apply *apply, struct arena *arena,
                     const json_t *before, const json_t *after)
{
    *difference =
        (struct difference){.apply = apply, .arena = arena, .before = before, .after = after};
    compare(difference, apply->type, before, after, &difference->own);
}

bool difference_any(const struct difference *difference)
{
    return !field_set_empty(&difference->own.added) ||
           !field_set_empty(&difference->own.modified) ||
           !field_set_empty(&difference->own.removed);
}

static enum difference_state find_other(const struct difference *difference,
                                        const char *api_version, struct typed_changes *changes)
{
    const struct apply_versions *versions = difference->apply->versions;
    if (!versions)
        return DIFFERENCE_UNKNOWN;
    const struct type *type = versions->type(versions->arg, api_version);
    if (!type)
        return DIFFERENCE_GONE;
    json_auto_t *before = versions->convert(versions->arg, difference->before, api_version);
    json_auto_t *after =
        before ? versions->convert(versions->arg, difference->after, api_version) : NULL;
    if (!after)
        return DIFFERENCE_UNKNOWN;
    compare(difference, type, before, after, changes);
    return DIFFERENCE_KNOWN;
}

enum difference_state difference_in(struct difference *difference, const char *api_version,
                                    const struct typed_changes **changes)
{
    struct difference_other *other = difference->others;
    *changes = &difference->own;
    if (strcmp(api_version, difference->apply->api_version) == 0)
        return DIFFERENCE_KNOWN;
    while (other && strcmp(other->api_version, api_version) != 0)
        other = other->next;
    if (!other) {
        other = xarena_alloc(difference->arena, 1, sizeof(*other));
        *other = (struct difference_other){.next = difference->others, .api_version = api_version};
        other->state = find_other(difference, api_version, &other->changes);
        difference->others = other;
    }
    *changes = &other->changes;
    return other->state;
}
