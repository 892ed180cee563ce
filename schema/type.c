/* Lookups in the generated type tables. */
#include "schema/type.h"

#include <string.h>

#include "schema/tables.h"

const struct type *type_find(const char *name)
{
    size_t low = 0, high = schema_type_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(schema_types[middle]->name, name);
        if (order == 0)
            return schema_types[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* As strcmp, for a name of the tables against text that may lack its end. */
static int compare_name(const char *name, struct str text)
{
    int order = strncmp(name, text.data, text.len);
    size_t len = strlen(name);
    return order ? order : (len > text.len) - (len < text.len);
}

const struct field *type_field(const struct type *type, struct str json_name)
{
    size_t low = 0, high = type->field_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct field *field = &type->fields[type->by_name[middle]];
        int order = compare_name(field->name, json_name);
        if (order == 0)
            return field;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* True if `gvk` ("apps/v1/Deployment", "v1/Pod", or with wildcards for DeleteOptions) is those
 * three. */
static bool gvk_is(const char *gvk, struct str group, struct str version, struct str kind)
{
    struct str rest = str_of(gvk);
    if (text_starts(gvk, "*/*/"))
        return str_is(kind, gvk + 4);
    if (group.len && !str_eq(str_cut(&rest, '/'), group))
        return false;
    return str_eq(str_cut(&rest, '/'), version) && str_eq(rest, kind);
}

const struct type *type_of_kind(struct str group, struct str version, struct str kind)
{
    for (size_t i = 0; i < schema_type_count; i++) {
        const char *const *gvk = schema_types[i]->gvks;
        for (; gvk && *gvk; gvk++)
            if (gvk_is(*gvk, group, version, kind))
                return schema_types[i];
    }
    return NULL;
}

const struct type *const *type_all(size_t *count)
{
    *count = schema_type_count;
    return schema_types;
}
