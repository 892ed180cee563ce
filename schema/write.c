/* Members are written from a list of them, which is put in order when it is not: most objects come
 * from a client that prints them as the server does, or from the store. */
#include "schema/write.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS_AT_HAND 24

struct member {
    struct str key;
    const struct field *field; /* NULL: of a map, or of nothing known */
    const json_t *value;
};

struct members {
    struct member *items; /* at_hand, or a block of its own */
    size_t count;
    bool in_order;
    struct member at_hand[MEMBERS_AT_HAND];
};

/* Where metadata.resourceVersion goes. */
struct place {
    struct member version;
    size_t at; /* 0: not seen yet */
};

static void write_struct(struct buf *out, const struct type *type, const json_t *value);

/* Fields as they are declared, then keys as strings. */
static int compare_members(const void *a, const void *b)
{
    const struct member *one = a, *two = b;
    if (one->field != two->field)
        return !one->field ? 1 : !two->field ? -1 : one->field < two->field ? -1 : 1;
    size_t len = one->key.len < two->key.len ? one->key.len : two->key.len;
    int order = memcmp(one->key.data, two->key.data, len);
    return order ? order : (one->key.len > two->key.len) - (one->key.len < two->key.len);
}

/* `type` NULL: of a map. */
static void members_init(struct members *members, const struct type *type, const json_t *object)
{
    size_t size = json_object_size(object);
    const char *key;
    members->items = size > MEMBERS_AT_HAND ? xreallocarray(NULL, size, sizeof(*members->items))
                                            : members->at_hand;
    members->count = 0;
    members->in_order = true;
    for (struct json_each each = json_each_of(object); (key = json_each_key(&each)); each.at++) {
        struct member *member = &members->items[members->count++];
        *member = (struct member){.key = {key, json_each_key_len(&each)},
                                  .value = json_each_value(&each)};
        member->field = type ? type_field(type, member->key) : NULL;
        if (members->count > 1 && compare_members(member - 1, member) > 0)
            members->in_order = false;
    }
    if (!members->in_order)
        qsort(members->items, members->count, sizeof(*members->items), compare_members);
}

static void members_deinit(struct members *members)
{
    if (members->items != members->at_hand)
        free(members->items);
}

static void write_key(struct buf *out, const struct member *member, char before)
{
    buf_add_char(out, before);
    json_write_string(out, member->key);
    buf_add_char(out, ':');
}

static void write_item(struct buf *out, const struct field *field, const json_t *value);

/* `field` NULL: of a custom resource. */
static void write_list(struct buf *out, const struct field *field, const json_t *list)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i)
            buf_add_char(out, ',');
        write_item(out, field, json_array_get(list, i));
    }
    buf_add_char(out, ']');
}

static void write_map(struct buf *out, const struct field *field, const json_t *map)
{
    CLEANUP(members_deinit) struct members members;
    members_init(&members, NULL, map);
    for (size_t i = 0; i < members.count; i++) {
        write_key(out, &members.items[i], i ? ',' : '{');
        write_item(out, field, members.items[i].value);
    }
    buf_add_text(out, members.count ? "}" : "{}");
}

static void write_sorted(struct buf *out, const json_t *value)
{
    if (json_is_array(value))
        write_list(out, NULL, value);
    else if (json_is_object(value))
        write_map(out, NULL, value);
    else
        json_write(out, value);
}

static void write_item(struct buf *out, const struct field *field, const json_t *value)
{
    if (!field)
        write_sorted(out, value);
    else if (field->kind == FIELD_REF)
        write_struct(out, field->ref, value);
    else
        json_write(out, value);
}

static void write_field(struct buf *out, const struct field *field, const json_t *value)
{
    if (field->card == CARD_LIST && json_is_array(value))
        write_list(out, field, value);
    else if (field->card == CARD_MAP && json_is_object(value))
        write_map(out, field, value);
    else
        write_item(out, field, value);
}

static void write_member(struct buf *out, const struct member *member, bool custom)
{
    if (custom)
        write_sorted(out, member->value);
    else if (member->field)
        write_field(out, member->field, member->value);
    else
        json_write(out, member->value);
}

/* JSONSchemaPropsOrBool and its like. */
static void write_union(struct buf *out, const struct type *type, const json_t *value)
{
    for (size_t i = 0; i < type->wrapper_count; i++) {
        const struct field *field = &type->wrappers[i];
        bool fits = field->card == CARD_LIST ? json_is_array(value) : json_is_object(value);
        if (field->kind == FIELD_REF && fits) {
            write_field(out, field, value);
            return;
        }
    }
    json_write(out, value);
}

static void write_struct(struct buf *out, const struct type *type, const json_t *value)
{
    if (type->flags & TYPE_UNION) {
        write_union(out, type, value);
        return;
    }
    if (!json_is_object(value)) {
        json_write(out, value);
        return;
    }
    CLEANUP(members_deinit) struct members members;
    members_init(&members, type, value);
    for (size_t i = 0; i < members.count; i++) {
        write_key(out, &members.items[i], i ? ',' : '{');
        write_member(out, &members.items[i], false);
    }
    buf_add_text(out, members.count ? "}" : "{}");
}

void schema_write(struct buf *out, const struct type *type, const json_t *value)
{
    if (!type)
        json_write(out, value);
    else if (type->custom)
        write_sorted(out, value);
    else
        write_struct(out, type, value);
}

const struct type *schema_type_of(const json_t *object)
{
    const char *kind = json_text(object, "kind"), *version = json_text(object, "apiVersion");
    if (!kind || !version)
        return NULL;
    struct str rest = str_of(version);
    struct str group = strchr(version, '/') ? str_cut(&rest, '/') : STR("");
    return type_of_kind(group, rest, str_of(kind));
}

/* ---- drafts ---- */

/* All but the version, whose place it finds. */
static void write_metadata(struct buf *out, const struct type *type, const json_t *metadata,
                           bool custom, struct place *place)
{
    CLEANUP(members_deinit) struct members members;
    members_init(&members, type, metadata);
    buf_add_char(out, '{');
    char last = '{';
    for (size_t i = 0; i < members.count; i++) {
        const struct member *member = &members.items[i];
        if (str_eq(member->key, place->version.key))
            continue;
        if (last != '{')
            buf_add_char(out, ',');
        if (!place->at && compare_members(member, &place->version) > 0)
            place->at = out->len;
        json_write_string(out, member->key);
        buf_add_char(out, ':');
        write_member(out, member, custom);
        last = ',';
    }
    if (!place->at)
        place->at = out->len;
    buf_add_char(out, '}');
}

static size_t write_draft(struct buf *out, const struct type *type, const json_t *object)
{
    const bool custom = type->custom != NULL;
    const struct field *field = custom ? NULL : type_field(type, STR("metadata"));
    const struct type *metadata = field && field->kind == FIELD_REF ? field->ref : NULL;
    struct place place = {.version = {.key = STR("resourceVersion")}};
    place.version.field = metadata ? type_field(metadata, place.version.key) : NULL;
    CLEANUP(members_deinit) struct members members;
    members_init(&members, custom ? NULL : type, object);
    for (size_t i = 0; i < members.count; i++) {
        const struct member *member = &members.items[i];
        write_key(out, member, i ? ',' : '{');
        if (str_is(member->key, "metadata"))
            write_metadata(out, metadata, member->value, custom, &place);
        else
            write_member(out, member, custom);
    }
    buf_add_char(out, '}');
    return place.at;
}

bool schema_draft_make(const struct type *type, json_t *object, struct buf *out,
                       struct object_draft *draft, struct error *err)
{
    if (!type)
        return object_draft_make(object, out, draft, err);
    json_ensure_object(object, "metadata");
    buf_clear(out);
    size_t at = write_draft(out, type, object);
    return object_draft_of(object, out, at, draft, err);
}
