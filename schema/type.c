/* Lookups in the generated type tables. */
#include "schema/type.h"

#include <endian.h>
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

/* The first eight bytes of a name and its last eight; of a shorter one fewer, of which some may be
 * in both. */
struct name_ends {
    uint64_t first, last;
};

static struct name_ends name_ends(const char *name, size_t len)
{
    struct name_ends ends = {0};
    const unsigned char *text = (const unsigned char *)name;
    if (len < 4) {
        ends.first =
            (uint64_t)text[0] | (uint64_t)text[len / 2] << 8 | (uint64_t)text[len - 1] << 16;
        return ends;
    }
    if (len < 8) {
        memcpy(&ends.first, name, 4);
        memcpy(&ends.last, name + len - 4, 4);
    } else {
        memcpy(&ends.first, name, 8);
        memcpy(&ends.last, name + len - 8, 8);
    }
    return (struct name_ends){le64toh(ends.first), le64toh(ends.last)};
}

/* What tells the fields of one type apart; compile.py sees to that. */
static uint64_t field_key(struct name_ends ends, size_t len)
{
    return ends.first ^ (ends.last << 25 | ends.last >> 39) ^ (uint64_t)len << 56;
}

static bool is_named(const struct field *field, struct str name, struct name_ends ends)
{
    if (field->name_len != name.len)
        return false;
    struct name_ends own = name_ends(field->name, name.len);
    return own.first == ends.first && own.last == ends.last &&
           (name.len <= 16 || memcmp(field->name + 8, name.data + 8, name.len - 16) == 0);
}

static const struct field *hashed_field(const struct type *type, struct str name)
{
    struct name_ends ends = name_ends(name.data, name.len);
    uint64_t place = (field_key(ends, name.len) * type->hash_multiplier) >> type->hash_shift;
    uint8_t index = type->by_hash[place];
    if (index >= type->field_count)
        return NULL;
    const struct field *field = &type->fields[index];
    return is_named(field, name, ends) ? field : NULL;
}

int field_compare(const struct field *a, const struct field *b)
{
    if (a->name_len != b->name_len)
        return a->name_len < b->name_len ? -1 : 1;
    return memcmp(a->name, b->name, a->name_len);
}

static const struct field *sorted_field(const struct type *type, struct str name)
{
    const struct field wanted = {.name = name.data, .name_len = (uint32_t)name.len};
    size_t low = 0, high = name.len <= UINT32_MAX ? type->field_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = field_compare(&type->fields[middle], &wanted);
        if (order == 0)
            return &type->fields[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct field *type_field(const struct type *type, struct str json_name)
{
    if (!type->by_hash)
        return sorted_field(type, json_name);
    return json_name.len ? hashed_field(type, json_name) : NULL;
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
