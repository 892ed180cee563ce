/* Custom resources beside their schema: what it does not know goes, what has a default comes. */
#include <string.h>

#include "base/json.h"
#include "schema/crd_schema.h"

static bool is_head(const char *key)
{
    return strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0 ||
           strcmp(key, "metadata") == 0;
}

static void prune(const struct crd_node *node, const struct step *step, json_t *value, bool whole,
                  struct warnings *found);

static void prune_items(const struct crd_node *node, const struct step *step, json_t *list,
                        struct warnings *found)
{
    json_t *item;
    size_t at;
    json_array_foreach (list, at, item) {
        const struct step here = {
            .parent = step, .index = at, .kind = STEP_INDEX, .depth = step ? step->depth + 1 : 0};
        if (json_is_object(item) || json_is_array(item))
            prune(node, &here, item, node->flags & CRD_EMBEDDED, found);
    }
}

static void prune_members(const struct crd_node *node, const struct step *step, json_t *object,
                          bool whole, struct warnings *found)
{
    for (void *next, *at = json_object_iter(object); at; at = next) {
        const char *key = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        const struct step here = {.parent = step,
                                  .key = str_of(key),
                                  .kind = STEP_KEY,
                                  .depth = step ? step->depth + 1 : 0};
        next = json_object_iter_next(object, at);
        if (whole && is_head(key))
            continue;
        const struct crd_node *child = crd_property(node, key);
        if (!child)
            child = node->additional;
        if (child) {
            if (json_is_object(value) || json_is_array(value))
                prune(child, &here, value, child->flags & CRD_EMBEDDED, found);
        } else if (!(node->flags & (CRD_PRESERVE | CRD_OPEN_MAP))) {
            if (found)
                step_report(found, "unknown", step, str_of(key));
            json_object_del(object, key);
        }
    }
}

static void prune(const struct crd_node *node, const struct step *step, json_t *value, bool whole,
                  struct warnings *found)
{
    if (step && step->depth > JSON_DEPTH_MAX)
        return;
    if (json_is_object(value))
        prune_members(node, step, value, whole, found);
    else if (json_is_array(value) && node->items)
        prune_items(node->items, step, value, found);
}

void crd_prune(const struct crd_node *node, json_t *object, struct warnings *found)
{
    prune(node, NULL, object, true, found);
}

/* ---- defaults ---- */

/* More than any object may have: what grows past it is refused when it is to be stored. */
#define DEFAULTS_MAX ((size_t)8 << 20)

static void fill(const struct crd_node *node, json_t *value, unsigned depth, size_t *room)
{
    const char *key;
    json_t *item;
    size_t at;
    if (depth > JSON_DEPTH_MAX)
        return;
    if (json_is_array(value) && node->items) {
        json_array_foreach (value, at, item)
            fill(node->items, item, depth + 1, room);
        return;
    }
    if (!json_is_object(value))
        return;
    for (size_t i = 0; i < node->property_count; i++) {
        const struct crd_property *property = &node->properties[i];
        json_t *now = json_object_get(value, property->name);
        bool lacks = !now || (json_is_null(now) && !(property->node->flags & CRD_NULLABLE));
        if (!lacks || !property->node->default_value || *room <= property->node->default_size)
            continue;
        *room -= property->node->default_size;
        json_object_set_new(value, property->name, json_deep_copy(property->node->default_value));
    }
    json_object_foreach (value, key, item) {
        const struct crd_node *child = crd_property(node, key);
        if (!child)
            child = node->additional;
        if (child)
            fill(child, item, depth + 1, room);
    }
}

void crd_default(const struct crd_node *node, json_t *object)
{
    size_t room = DEFAULTS_MAX;
    fill(node, object, 0, &room);
    if (node->flags & CRD_META_DEFAULTS) { /* what Go's metadata does not know goes again */
        CLEANUP(error_clear) struct error ignored = {0};
        struct shaper shaper = {.err = &ignored};
        if (!crd_shape_embedded(node, object, &shaper))
            return; /* what has not its shape stays as it is */
    }
}

static bool has_embedded(const struct crd_node *node)
{
    if (!node)
        return false;
    bool found =
        node->flags & CRD_EMBEDDED || has_embedded(node->items) || has_embedded(node->additional);
    for (size_t i = 0; !found && i < node->property_count; i++)
        found = has_embedded(node->properties[i].node);
    return found;
}

bool crd_has_meta_defaults(const struct crd_node *root)
{
    return has_embedded(root) && crd_has_defaults(root);
}

bool crd_has_defaults(const struct crd_node *node)
{
    if (!node)
        return false;
    bool found =
        node->default_value || crd_has_defaults(node->items) || crd_has_defaults(node->additional);
    for (size_t i = 0; !found && i < node->property_count; i++)
        found = crd_has_defaults(node->properties[i].node);
    return found;
}
