/* Selectors against stored objects' indexes: nothing is parsed but for fields of custom resources.
 */
#include <stdio.h>
#include <string.h>

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

bool selector_is_indexed(const struct selector *selector)
{
    for (size_t i = 0; selector && i < selector->count; i++)
        if (!text_starts(selector->items[i].key, "metadata."))
            return false;
    return true;
}

/* The scalar at "spec.color" as text, in `room` when it is none; "" when there is nothing. */
static const char *field_text(const json_t *object, const char *path, char room[24])
{
    for (struct str rest = str_of(path); rest.len;) {
        struct str member = str_cut(&rest, '.');
        object = json_object_getn(object, member.data, member.len);
    }
    if (json_is_string(object))
        return json_string_value(object);
    if (json_is_boolean(object))
        return json_is_true(object) ? "true" : "false";
    (void)snprintf(room, 24, "%lld", (long long)json_integer_value(object));
    return json_is_integer(object) ? room : "";
}

bool selector_matches_tree(const struct selector *selector, const json_t *object)
{
    char room[24];
    for (size_t i = 0; selector && i < selector->count; i++)
        if (!requirement_matches(&selector->items[i],
                                 field_text(object, selector->items[i].key, room)))
            return false;
    return !selector || !selector->nothing;
}
