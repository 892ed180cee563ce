/* Selectors against stored objects' indexes: nothing is parsed. */
#include "schema/selector_internal.h"

bool selector_matches_labels(const struct selector *selector, const struct object *object)
{
    for (size_t i = 0; selector && i < selector->count; i++)
        if (!requirement_matches(&selector->items[i], object_label(object, selector->items[i].key)))
            return false;
    return !selector || !selector->nothing;
}

bool selector_matches_fields(const struct selector *selector, const struct object *object)
{
    for (size_t i = 0; selector && i < selector->count; i++)
        if (!requirement_matches(&selector->items[i], object_field(object, selector->items[i].key)))
            return false;
    return !selector || !selector->nothing;
}
