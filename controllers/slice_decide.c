/* controllers/slice_decide.c: from wanted endpoints and the slices there are, to few writes. */
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "controllers/endpointslice.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "schema/meta.h"

void slice_want_free(struct slice_want *want)
{
    for (size_t i = 0; i < want->group_count; i++) {
        json_decref(want->groups[i].ports);
        json_decref(want->groups[i].endpoints);
    }
    free(want->groups);
    want->groups = NULL;
    want->group_count = 0;
}

struct slice_group *slice_group_of(struct slice_want *want, const char *address_type, json_t *ports)
{
    for (size_t i = 0; i < want->group_count; i++)
        if (strcmp(want->groups[i].address_type, address_type) == 0 &&
            json_equal(want->groups[i].ports, ports))
            return &want->groups[i];
    want->groups = xreallocarray(want->groups, want->group_count + 1, sizeof(*want->groups));
    struct slice_group *group = &want->groups[want->group_count++];
    *group = (struct slice_group){address_type, json_incref(ports), json_array()};
    return group;
}

/* A slice as it will be. */
struct draft {
    const json_t *slice; /* the one that is there; NULL: new */
    json_t *endpoints;   /* owned */
    bool changed;
    size_t group; /* index in want, or SIZE_MAX */
};

struct drafting {
    const struct slice_want *want;
    struct draft *drafts;
    size_t count;
    struct strmap left; /* "GROUP/ADDRESS" -> wanted endpoint that has no slice yet */
};

static char *endpoint_key(size_t group, const json_t *endpoint)
{
    const char *address =
        json_string_value(json_array_get(json_object_get(endpoint, "addresses"), 0));
    return xasprintf("%zu/%s", group, address ? address : "");
}

static size_t group_index(const struct slice_want *want, const json_t *slice)
{
    const char *type = json_text(slice, "addressType");
    for (size_t i = 0; i < want->group_count; i++)
        if (text_eq(type, want->groups[i].address_type) &&
            semantic_equal(json_object_get(slice, "ports"), want->groups[i].ports))
            return i;
    return SIZE_MAX;
}

static void list_wanted(struct drafting *drafting)
{
    for (size_t i = 0; i < drafting->want->group_count; i++) {
        const json_t *endpoints = drafting->want->groups[i].endpoints;
        for (size_t j = 0; j < json_array_size(endpoints); j++) {
            CLEANUP(free_ptr) char *key = endpoint_key(i, json_array_get(endpoints, j));
            (void)strmap_put(&drafting->left, key,
                             json_array_get(endpoints, j)); /* each address once */
        }
    }
}

/* Endpoints that are still wanted stay where they are, in their new form. */
static void keep_wanted(struct drafting *drafting, const json_t *slice)
{
    struct draft *draft = &drafting->drafts[drafting->count++];
    const json_t *old = json_object_get(slice, "endpoints");
    *draft = (struct draft){slice, json_array(), false, group_index(drafting->want, slice)};
    for (size_t i = 0; draft->group != SIZE_MAX && i < json_array_size(old); i++) {
        const json_t *endpoint = json_array_get(old, i);
        CLEANUP(free_ptr) char *key = endpoint_key(draft->group, endpoint);
        json_t *wanted = strmap_remove(&drafting->left, key);
        if (!wanted) {
            draft->changed = true;
            continue;
        }
        draft->changed |= !semantic_equal(wanted, endpoint);
        json_array_append(draft->endpoints, wanted);
    }
}

static struct draft *with_room(struct drafting *drafting, size_t group, bool changed)
{
    for (size_t i = 0; i < drafting->count; i++) {
        struct draft *draft = &drafting->drafts[i];
        if (draft->group == group && draft->changed == changed &&
            json_array_size(draft->endpoints) < SLICE_ENDPOINTS_MAX)
            return draft;
    }
    return NULL;
}

static void place(struct drafting *drafting, size_t group, json_t *endpoint)
{
    struct draft *draft = with_room(drafting, group, true);
    if (!draft)
        draft = with_room(drafting, group, false);
    if (!draft) {
        drafting->drafts =
            xreallocarray(drafting->drafts, drafting->count + 1, sizeof(*drafting->drafts));
        draft = &drafting->drafts[drafting->count++];
        *draft = (struct draft){NULL, json_array(), true, group};
    }
    draft->changed = true;
    json_array_append(draft->endpoints, endpoint);
}

static void place_left(struct drafting *drafting)
{
    for (size_t i = 0; i < drafting->want->group_count; i++) {
        const json_t *endpoints = drafting->want->groups[i].endpoints;
        for (size_t j = 0; j < json_array_size(endpoints); j++) {
            json_t *endpoint = json_array_get(endpoints, j);
            CLEANUP(free_ptr) char *key = endpoint_key(i, endpoint);
            if (strmap_remove(&drafting->left, key))
                place(drafting, i, endpoint);
        }
    }
}

/* ---- writing ---- */

static json_t *make_labels(const struct slice_want *want)
{
    json_t *labels = want->labels ? json_deep_copy(want->labels) : json_object();
    json_set_text(labels, SLICE_SERVICE_LABEL, want->service_name);
    json_set_text(labels, SLICE_MANAGED_LABEL, want->managed_by);
    return labels;
}

static json_t *new_slice(const struct slice_want *want, const char *address_type, json_t *ports,
                         json_t *endpoints)
{
    CLEANUP(free_ptr) char *prefix = xasprintf("%s-", want->service_name);
    json_t *slice =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:o, s:[o]}, s:s, s:O}", "apiVersion",
                  "discovery.k8s.io/v1", "kind", "EndpointSlice", "metadata", "generateName",
                  prefix, "namespace", meta_namespace(want->owner), "labels", make_labels(want),
                  "ownerReferences", owner_reference(want->owner, "v1", want->owner_kind),
                  "addressType", address_type, "endpoints", endpoints);
    if (ports)
        json_object_set(slice, "ports", ports);
    return slice;
}

static void write_existing(const struct slice_want *want, const struct draft *draft,
                           bool keep_empty, struct plan *plan)
{
    json_auto_t *labels = make_labels(want);
    if (!json_array_size(draft->endpoints) && !keep_empty) {
        plan_delete(plan, SLICES, draft->slice);
        return;
    }
    if (!draft->changed && semantic_equal(labels, json_at(draft->slice, "metadata", "labels")))
        return;
    json_t *slice = json_deep_copy(draft->slice);
    json_object_set(json_object_get(slice, "metadata"), "labels", labels);
    json_object_set(slice, "endpoints", draft->endpoints);
    if (!json_array_size(draft->endpoints))
        json_object_del(slice, "ports");
    plan_update(plan, SLICES, "", slice);
}

static bool any_endpoint(const struct drafting *drafting)
{
    for (size_t i = 0; i < drafting->count; i++)
        if (json_array_size(drafting->drafts[i].endpoints))
            return true;
    return false;
}

static void write_drafts(const struct drafting *drafting, struct plan *plan)
{
    const struct slice_want *want = drafting->want;
    bool placeholder = want->placeholder && !any_endpoint(drafting);
    for (size_t i = 0; i < drafting->count; i++) {
        struct draft *draft = &drafting->drafts[i];
        if (!draft->slice) {
            const struct slice_group *group = &want->groups[draft->group];
            json_t *slice = new_slice(want, group->address_type, group->ports, draft->endpoints);
            plan_create(plan, SLICES, meta_namespace(want->owner), slice);
            continue;
        }
        bool keep =
            placeholder && text_eq(json_text(draft->slice, "addressType"), want->placeholder_type);
        draft->changed |= keep && json_array_size(json_object_get(draft->slice, "endpoints"));
        write_existing(want, draft, keep, plan);
        placeholder &= !keep;
    }
    if (placeholder) {
        json_auto_t *none = json_array();
        plan_create(plan, SLICES, meta_namespace(want->owner),
                    new_slice(want, want->placeholder_type, NULL, none));
    }
}

void slice_decide(const struct slice_want *want, json_t *const *existing, size_t count,
                  struct plan *plan)
{
    struct drafting drafting = {.want = want, .drafts = xcalloc(count + 1, sizeof(struct draft))};
    list_wanted(&drafting);
    for (size_t i = 0; i < count; i++)
        keep_wanted(&drafting, existing[i]);
    place_left(&drafting);
    write_drafts(&drafting, plan);
    for (size_t i = 0; i < drafting.count; i++)
        json_decref(drafting.drafts[i].endpoints);
    free(drafting.drafts);
    strmap_clear(&drafting.left);
}
