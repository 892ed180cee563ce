#include "tests/schema/support_random.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/go_duration.h"

#define DEPTH       7
#define STRUCTS_MAX 40 /* inside one field of the object */

struct maker {
    uint64_t state;
    unsigned struct_count; /* in this field so far: past the limit, no more are begun */
};

static uint32_t below(struct maker *maker, uint32_t limit)
{
    maker->state = maker->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(maker->state >> 33) % limit;
}

static json_t *pick(struct maker *maker, const char *const *texts, uint32_t count)
{
    return json_string(texts[below(maker, count)]);
}

static json_t *make_struct(struct maker *maker, const struct type *type, unsigned depth);

static json_t *make_time(struct maker *maker, bool micro)
{
    char text[TIME_TEXT_SIZE];
    int64_t at_us = ((int64_t)below(maker, 2000000000) - 100000000) * 1000000;
    if (micro)
        time_format_micro(at_us + below(maker, 1000000), text);
    else
        time_format(at_us, text);
    return json_string(text);
}

static json_t *make_duration(struct maker *maker)
{
    char text[GO_DURATION_TEXT_SIZE];
    go_duration_format((int64_t)below(maker, 2000000000) * below(maker, 100000), text);
    return json_string(text);
}

static json_t *make_bytes(struct maker *maker)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    unsigned char bytes[20];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)below(maker, 256);
    base64_encode(&text, bytes, 1 + below(maker, sizeof(bytes)), BASE64_STANDARD);
    return json_string(text.data);
}

static json_t *make_raw(struct maker *maker)
{
    return json_pack("{s:i,s:[s,{s:b,s:n}],s:f}", "number", (int)below(maker, 1000), "list",
                     "<&>\xe2\x80\xa8", "yes", (int)below(maker, 2), "nothing", "real",
                     1.5 + below(maker, 100));
}

static json_t *make_scalar(struct maker *maker, const struct field *field)
{
    static const char *const texts[] = {
        "a", "name", "with space", "<&>\"\\\n", "gr\xc3\xbc\xc3\x9f", "x/y.z-0"};
    static const char *const quantities[] = {"1", "100m", "1Gi", "0", "12500u", "3k", "-5"};
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
        return pick(maker, texts, ARRAY_LEN(texts));
    case FIELD_INT32:
        return json_integer(below(maker, 2) ? 1 + (json_int_t)below(maker, 1000000) : INT32_MIN);
    case FIELD_INT64:
        return json_integer(below(maker, 2) ? 1 + (json_int_t)below(maker, 1000000) : INT64_MAX);
    case FIELD_BOOL:
        return json_boolean((field->flags & FIELD_POINTER) ? below(maker, 2) : 1);
    case FIELD_DOUBLE:
        return json_real(0.25 + below(maker, 1000));
    case FIELD_BYTES:
        return make_bytes(maker);
    case FIELD_TIME:
    case FIELD_MICRO_TIME:
        return make_time(maker, field->kind == FIELD_MICRO_TIME);
    case FIELD_DURATION:
        return make_duration(maker);
    case FIELD_QUANTITY:
        return pick(maker, quantities, ARRAY_LEN(quantities));
    case FIELD_INT_OR_STRING:
        return below(maker, 2) ? json_integer(1 + (json_int_t)below(maker, 60000))
                               : json_string("50%");
    default:
        return make_raw(maker);
    }
}

static json_t *make_texts(struct maker *maker)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i <= below(maker, 3); i++)
        json_array_append_new(list, json_string("text"));
    return list;
}

/* Any of a union's alternatives that ends. */
static json_t *make_union(struct maker *maker, const struct type *type, unsigned depth)
{
    const struct field *row = &type->wrappers[below(maker, type->wrapper_count)];
    if (row->kind == FIELD_BOOL)
        return json_boolean(below(maker, 2));
    if (row->kind == FIELD_STRING)
        return make_texts(maker);
    json_t *made = make_struct(maker, row->ref, depth + 1);
    if (row->card != CARD_LIST)
        return made;
    json_t *list = json_array();
    json_array_append_new(list, made);
    return list;
}

static json_t *make_item(struct maker *maker, const struct field *field, unsigned depth)
{
    if (field->kind != FIELD_REF)
        return make_scalar(maker, field);
    if (field->ref->flags & TYPE_UNION)
        return make_union(maker, field->ref, depth);
    if (field->ref->flags & TYPE_UNWRAPPED)
        return make_texts(maker);
    return make_struct(maker, field->ref, depth + 1);
}

static json_t *make_field(struct maker *maker, const struct field *field, unsigned depth)
{
    uint32_t count = 1 + below(maker, 3);
    if (field->card == CARD_ONE)
        return make_item(maker, field, depth);
    json_t *made = field->card == CARD_LIST ? json_array() : json_object();
    for (uint32_t i = 0; i < count; i++) {
        CLEANUP(free_ptr) char *key = xasprintf("key-%u", below(maker, 1000));
        json_t *item = make_item(maker, field, depth);
        if (field->card == CARD_LIST)
            json_array_append_new(made, item);
        else
            json_object_set_new(made, key, item);
    }
    return made;
}

static json_t *make_struct(struct maker *maker, const struct type *type, unsigned depth)
{
    json_t *object = json_object();
    maker->struct_count++;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (depth == 0)
            maker->struct_count = 0;
        bool ends =
            field->kind != FIELD_REF || (depth < DEPTH && maker->struct_count < STRUCTS_MAX);
        if (!ends || (field->flags & (FIELD_OFF | FIELD_TYPEMETA)) || below(maker, 3 + depth) > 1)
            continue;
        json_object_set_new(object, field->name, make_field(maker, field, depth));
    }
    return object;
}

json_t *random_object(const struct type *type, uint64_t seed)
{
    struct maker maker = {.state = seed * 2654435761u + 12345};
    if (type->flags & TYPE_UNION)
        return make_union(&maker, type, 0);
    if (type->flags & TYPE_UNWRAPPED)
        return make_texts(&maker);
    return make_struct(&maker, type, 0);
}
