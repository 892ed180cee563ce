/* Values: reading JSON, lists and maps of both kinds, equality and order. */
#include "cel/value.h"

#include <math.h>
#include <string.h>

#include "base/codec.h"
#include "base/json.h"
#include "cel/eval.h"
#include "cel/text.h"

#define DEPTH_MAX 128
#define FEW_KEYS  8
#define BYTES_MAX ((size_t)8 << 20)

/* ---- from JSON ---- */

static struct cel_value of_real(double value, const struct cel_type *type)
{
    if (type->kind == CEL_INT && value > -9.2e18 && value < 9.2e18 && floor(value) == value)
        return cel_of_int((int64_t)value);
    return cel_of_double(value);
}

static struct cel_value of_integer(int64_t value, const struct cel_type *type)
{
    if (type->kind == CEL_DOUBLE)
        return cel_of_double((double)value);
    return cel_of_int(value);
}

static struct cel_value of_string(struct cel_eval *eval, struct str text,
                                  const struct cel_type *type)
{
    struct cel_time time;
    switch (type->kind) {
    case CEL_TIMESTAMP:
        if (!(type->form == CEL_JSON_DATE ? cel_parse_date(text, &time)
                                          : cel_parse_timestamp(text, &time)))
            return cel_fail(eval, "Invalid %s format " STR_FMT,
                            type->form == CEL_JSON_DATE ? "date" : "date-time", STR_ARG(text));
        return cel_of_time(time, CEL_VALUE_TIMESTAMP);
    case CEL_DURATION:
        if (!cel_parse_duration(text, &time))
            return cel_fail(eval, "Invalid duration format " STR_FMT, STR_ARG(text));
        return cel_of_time(time, CEL_VALUE_DURATION);
    case CEL_BYTES: {
        CLEANUP(buf_free) struct buf bytes = BUF_INIT(BYTES_MAX);
        if (!base64_decode(&bytes, text, BASE64_STANDARD))
            return cel_fail(eval, "Invalid byte format " STR_FMT, STR_ARG(text));
        struct cel_value value = cel_copy_text(eval, buf_str(&bytes));
        if (value.kind == CEL_VALUE_STRING)
            value.kind = CEL_VALUE_BYTES;
        return value;
    }
    default:
        return cel_of_text(text);
    }
}

struct cel_value cel_of_json(struct cel_eval *eval, const json_t *json, const struct cel_type *type)
{
    if (!json)
        return CEL_NULL_VALUE;
    switch (json_typeof(json)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return cel_of_bool(json_is_true(json));
    case JSON_INTEGER:
        return of_integer(json_integer_value(json), type);
    case JSON_REAL:
        return of_real(json_real_value(json), type);
    case JSON_STRING:
        return of_string(eval, (struct str){json_string_value(json), json_string_length(json)},
                         type);
    case JSON_ARRAY:
        return (struct cel_value){.kind = CEL_VALUE_JSON_LIST,
                                  .type = type->kind == CEL_LIST ? type : &cel_list_dyn,
                                  .json = json};
    case JSON_OBJECT:
        return (struct cel_value){
            .kind = CEL_VALUE_JSON_MAP,
            .type = type->kind == CEL_MAP || type->kind == CEL_OBJECT ? type : &cel_map_string,
            .json = json};
    case JSON_NULL:
        break;
    }
    return CEL_NULL_VALUE;
}

/* ---- lists and maps ---- */

bool cel_is_list(const struct cel_value *value)
{
    return value->kind == CEL_VALUE_LIST || value->kind == CEL_VALUE_JSON_LIST;
}

bool cel_is_map(const struct cel_value *value)
{
    return value->kind == CEL_VALUE_MAP || value->kind == CEL_VALUE_JSON_MAP;
}

size_t cel_count(const struct cel_value *value)
{
    switch (value->kind) {
    case CEL_VALUE_LIST:
        return value->list->count;
    case CEL_VALUE_MAP:
        return value->map->count;
    case CEL_VALUE_JSON_LIST:
        return json_array_size(value->json);
    default:
        return json_object_size(value->json);
    }
}

struct cel_value cel_item(struct cel_eval *eval, const struct cel_value *list, size_t at)
{
    if (list->kind == CEL_VALUE_LIST)
        return list->list->items[at];
    return cel_of_json(eval, json_array_get(list->json, at), list->type->params[0]);
}

struct cel_list *cel_list_new(struct cel_eval *eval, size_t count)
{
    struct cel_list *list = cel_eval_alloc(eval, 1, sizeof(*list));
    struct cel_value *items = cel_eval_alloc(eval, count ? count : 1, sizeof(*items));
    if (!list || !items)
        return NULL;
    *list = (struct cel_list){.count = count, .items = items};
    return list;
}

struct cel_value cel_of_list(const struct cel_list *list)
{
    return (struct cel_value){.kind = CEL_VALUE_LIST, .list = list};
}

struct cel_value cel_optional_none(void)
{
    return (struct cel_value){.kind = CEL_VALUE_OPTIONAL};
}

struct cel_value cel_optional_of(struct cel_eval *eval, struct cel_value inner)
{
    struct cel_value *kept = cel_eval_alloc(eval, 1, sizeof(*kept));
    if (!kept)
        return cel_stopped(eval);
    *kept = inner;
    return (struct cel_value){.kind = CEL_VALUE_OPTIONAL, .inner = kept};
}

struct cel_value cel_copy_text(struct cel_eval *eval, struct str text)
{
    char *copy = cel_eval_alloc(eval, text.len + 1, 1);
    if (!copy)
        return cel_stopped(eval);
    if (text.len)
        memcpy(copy, text.data, text.len);
    return cel_of_text((struct str){copy, text.len});
}

/* A total order of what can be a key: numbers by their value, then texts, then booleans. */
static int compare_keys(const struct cel_value *a, const struct cel_value *b)
{
    int order = cel_compare(a, b);
    if (order != 2)
        return order;
    return a->kind < b->kind ? -1 : a->kind > b->kind;
}

static int compare_ordered(const void *a, const void *b, void *keys)
{
    const struct cel_value *values = keys;
    return compare_keys(&values[*(const uint32_t *)a], &values[*(const uint32_t *)b]);
}

bool cel_map_index(struct cel_eval *eval, struct cel_map *map, struct cel_value *twice)
{
    uint32_t *order = cel_eval_alloc(eval, map->count + 1, sizeof(*order));
    if (!order)
        return true;
    for (uint32_t i = 0; i < map->count; i++)
        order[i] = i;
    qsort_r(order, map->count, sizeof(*order), compare_ordered, map->keys);
    for (size_t i = 1; i < map->count; i++)
        if (compare_keys(&map->keys[order[i - 1]], &map->keys[order[i]]) == 0) {
            *twice = map->keys[order[i]];
            return false;
        }
    map->order = map->count > FEW_KEYS ? order : NULL;
    return true;
}

static bool find_made(const struct cel_map *map, const struct cel_value *key, struct cel_value *out)
{
    size_t low = 0, high = map->count;
    for (size_t i = 0; !map->order && i < map->count; i++)
        if (compare_keys(&map->keys[i], key) == 0) {
            *out = map->values[i];
            return true;
        }
    while (map->order && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_keys(&map->keys[map->order[middle]], key);
        if (order == 0) {
            *out = map->values[map->order[middle]];
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* The type of a member of a JSON object, by its key there. */
static const struct cel_type *member_type(const struct cel_value *map, struct str key)
{
    struct cel_field field;
    if (map->type->kind == CEL_MAP)
        return map->type->params[1];
    const struct cel_object *object = map->type->object;
    return object->member && object->member(object->data, key, &field) ? field.type : &cel_dyn;
}

bool cel_map_find(struct cel_eval *eval, const struct cel_value *map, const struct cel_value *key,
                  struct cel_value *out)
{
    if (map->kind == CEL_VALUE_MAP)
        return find_made(map->map, key, out);
    if (key->kind != CEL_VALUE_STRING)
        return false;
    const json_t *found =
        json_object_getn(map->json, key->text.data ? key->text.data : "", key->text.len);
    if (!found)
        return false;
    *out = cel_of_json(eval, found, member_type(map, key->text));
    return true;
}

bool cel_member(struct cel_eval *eval, const struct cel_value *object, struct str name,
                struct cel_value *out)
{
    struct cel_field field;
    struct cel_value key = cel_of_text(name);
    if (object->kind != CEL_VALUE_JSON_MAP || object->type->kind != CEL_OBJECT)
        return cel_map_find(eval, object, &key, out);
    const struct cel_object *type = object->type->object;
    if (!type->field(type->data, name, &field))
        return cel_map_find(eval, object, &key, out);
    const json_t *found = json_object_get(object->json, field.key);
    if (!found || (json_is_null(found) && !field.type->nullable && field.type->kind != CEL_DYN))
        return false;
    *out = cel_of_json(eval, found, field.type);
    return true;
}

struct cel_value cel_map_keys(struct cel_eval *eval, const struct cel_value *map)
{
    struct cel_list *list = cel_list_new(eval, cel_count(map));
    const char *key;
    size_t at = 0, len;
    json_t *ignored;
    if (!list)
        return cel_stopped(eval);
    if (map->kind == CEL_VALUE_MAP) {
        memcpy(list->items, map->map->keys, list->count * sizeof(*list->items));
        return cel_of_list(list);
    }
    json_object_keylen_foreach(map->json, key, len, ignored) list->items[at++] =
        cel_of_text((struct str){key, len});
    return cel_of_list(list);
}

/* ---- sizes ---- */

uint64_t cel_size(const struct cel_value *value)
{
    switch ((enum cel_value_kind)value->kind) {
    case CEL_VALUE_STRING:
        return cel_text_count(value->text);
    case CEL_VALUE_BYTES:
        return value->text.len;
    case CEL_VALUE_LIST:
    case CEL_VALUE_MAP:
    case CEL_VALUE_JSON_LIST:
    case CEL_VALUE_JSON_MAP:
        return cel_count(value);
    default:
        return 1;
    }
}

bool cel_is_zero(const struct cel_value *value)
{
    switch ((enum cel_value_kind)value->kind) {
    case CEL_VALUE_NULL:
        return true;
    case CEL_VALUE_BOOL:
        return !value->boolean;
    case CEL_VALUE_INT:
        return value->integer == 0;
    case CEL_VALUE_UINT:
        return value->natural == 0;
    case CEL_VALUE_DOUBLE:
        return value->real == 0;
    case CEL_VALUE_STRING:
    case CEL_VALUE_BYTES:
        return value->text.len == 0;
    case CEL_VALUE_DURATION:
        return value->time.seconds == 0 && value->time.nanos == 0;
    case CEL_VALUE_LIST:
    case CEL_VALUE_MAP:
    case CEL_VALUE_JSON_LIST:
    case CEL_VALUE_JSON_MAP:
        return cel_count(value) == 0;
    case CEL_VALUE_OPTIONAL:
        return !value->inner;
    default:
        return false;
    }
}

/* ---- order ---- */

static int order_of(int64_t difference)
{
    return difference < 0 ? -1 : difference > 0;
}

/* An integer beside a double, exactly. */
static int compare_real(__int128 whole, double real)
{
    if (isnan(real))
        return 2;
    if (real >= 18446744073709551616.0)
        return -1;
    if (real < -9223372036854775808.0)
        return 1;
    __int128 floor_of = (__int128)floor(real);
    if (whole != floor_of)
        return whole < floor_of ? -1 : 1;
    return real > floor(real) ? -1 : 0;
}

static bool is_number(const struct cel_value *value)
{
    return value->kind == CEL_VALUE_INT || value->kind == CEL_VALUE_UINT ||
           value->kind == CEL_VALUE_DOUBLE;
}

static int compare_numbers(const struct cel_value *a, const struct cel_value *b)
{
    if (a->kind == CEL_VALUE_DOUBLE && b->kind == CEL_VALUE_DOUBLE)
        return isnan(a->real) || isnan(b->real) ? 2 : a->real < b->real ? -1 : a->real > b->real;
    __int128 left = a->kind == CEL_VALUE_UINT ? (__int128)a->natural : a->integer;
    __int128 right = b->kind == CEL_VALUE_UINT ? (__int128)b->natural : b->integer;
    if (a->kind == CEL_VALUE_DOUBLE) {
        int order = compare_real(right, a->real);
        return order == 2 ? 2 : -order;
    }
    if (b->kind == CEL_VALUE_DOUBLE)
        return compare_real(left, b->real);
    return left < right ? -1 : left > right;
}

int cel_compare(const struct cel_value *a, const struct cel_value *b)
{
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b);
    if (a->kind != b->kind)
        return 2;
    switch ((enum cel_value_kind)a->kind) {
    case CEL_VALUE_BOOL:
        return (int)a->boolean - (int)b->boolean;
    case CEL_VALUE_STRING:
    case CEL_VALUE_BYTES: {
        size_t least = a->text.len < b->text.len ? a->text.len : b->text.len;
        int order = least ? memcmp(a->text.data, b->text.data, least) : 0;
        return order ? order_of(order) : a->text.len < b->text.len ? -1 : a->text.len > b->text.len;
    }
    case CEL_VALUE_TIMESTAMP:
    case CEL_VALUE_DURATION:
        if (a->time.seconds != b->time.seconds)
            return a->time.seconds < b->time.seconds ? -1 : 1;
        return order_of((int64_t)a->time.nanos - b->time.nanos);
    default:
        return 2;
    }
}

/* ---- equality ---- */

static bool equal(struct cel_eval *eval, const struct cel_value *a, const struct cel_value *b,
                  unsigned depth);

static bool equal_in_order(struct cel_eval *eval, const struct cel_value *a,
                           const struct cel_value *b, unsigned depth)
{
    for (size_t i = 0; i < cel_count(a); i++) {
        const struct cel_value left = cel_item(eval, a, i), right = cel_item(eval, b, i);
        if (!equal(eval, &left, &right, depth + 1))
            return false;
    }
    return true;
}

/* Items of a set, or of a map by its keys, in any order. */
static bool equal_in_any_order(struct cel_eval *eval, const struct cel_value *a,
                               const struct cel_value *b, unsigned depth)
{
    for (size_t i = 0; i < cel_count(a); i++) {
        const struct cel_value left = cel_item(eval, a, i);
        bool found = false;
        for (size_t j = 0; j < cel_count(b) && !found && !cel_is_stopped(eval); j++) {
            const struct cel_value right = cel_item(eval, b, j);
            found = equal(eval, &left, &right, depth + 1);
        }
        if (!found)
            return false;
    }
    return true;
}

static bool equal_lists(struct cel_eval *eval, const struct cel_value *a, const struct cel_value *b,
                        unsigned depth)
{
    bool in_any_order = a->kind == CEL_VALUE_JSON_LIST && a->type->list_kind != CEL_LIST_ATOMIC;
    if (cel_count(a) != cel_count(b))
        return false;
    return in_any_order ? equal_in_any_order(eval, a, b, depth) : equal_in_order(eval, a, b, depth);
}

static bool equal_maps(struct cel_eval *eval, const struct cel_value *a, const struct cel_value *b,
                       unsigned depth)
{
    if (cel_count(a) != cel_count(b))
        return false;
    const struct cel_value keys = cel_map_keys(eval, a);
    for (size_t i = 0; !cel_is_error(&keys) && i < keys.list->count; i++) {
        struct cel_value left = CEL_NULL_VALUE, right = CEL_NULL_VALUE;
        if (!cel_map_find(eval, b, &keys.list->items[i], &right))
            return false;
        (void)cel_map_find(eval, a, &keys.list->items[i], &left); /* it is there */
        if (!equal(eval, &left, &right, depth + 1))
            return false;
    }
    return true;
}

static bool equal(struct cel_eval *eval, const struct cel_value *a, const struct cel_value *b,
                  unsigned depth)
{
    bool texts = a->kind == b->kind && (a->kind == CEL_VALUE_STRING || a->kind == CEL_VALUE_BYTES);
    if (depth > DEPTH_MAX || !cel_eval_work(eval, texts ? 1 + a->text.len : 1))
        return false;
    if (texts)
        return str_eq(a->text, b->text);
    if (cel_is_list(a) && cel_is_list(b))
        return equal_lists(eval, a, b, depth);
    if (cel_is_map(a) && cel_is_map(b))
        return equal_maps(eval, a, b, depth);
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b) == 0;
    if (a->kind != b->kind)
        return false;
    switch ((enum cel_value_kind)a->kind) {
    case CEL_VALUE_NULL:
        return true;
    case CEL_VALUE_TYPE:
        return strcmp(cel_type_name(a->type), cel_type_name(b->type)) == 0;
    case CEL_VALUE_OPTIONAL:
        return a->inner && b->inner ? equal(eval, a->inner, b->inner, depth + 1)
                                    : a->inner == b->inner;
    case CEL_VALUE_OPAQUE:
        return cel_opaque_equal(a, b);
    default:
        return cel_compare(a, b) == 0;
    }
}

bool cel_equal(struct cel_eval *eval, const struct cel_value *a, const struct cel_value *b)
{
    return equal(eval, a, b, 0);
}

/* ---- to JSON ---- */

bool cel_value_text(const struct cel_value *value, struct str *out)
{
    if (value->kind != CEL_VALUE_STRING)
        return false;
    *out = value->text;
    return true;
}

static json_t *to_json(const struct cel_value *value, unsigned depth);

static json_t *list_to_json(const struct cel_list *list, unsigned depth)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *item = to_json(&list->items[i], depth + 1);
        if (!item || json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *map_to_json(const struct cel_map *map, unsigned depth)
{
    json_t *object = json_object();
    for (size_t i = 0; i < map->count; i++) {
        CLEANUP(buf_free) struct buf key = BUF_TEXT;
        json_t *item = to_json(&map->values[i], depth + 1);
        cel_value_write(&key, &map->keys[i]);
        if (!item || json_object_setn_new(object, key.data ? key.data : "", key.len, item) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *text_to_json(struct buf *text)
{
    return json_stringn(text->data ? text->data : "", text->len);
}

static json_t *to_json(const struct cel_value *value, unsigned depth)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    if (depth > JSON_DEPTH_MAX)
        return NULL;
    switch ((enum cel_value_kind)value->kind) {
    case CEL_VALUE_NULL:
        return json_null();
    case CEL_VALUE_BOOL:
        return json_boolean(value->boolean);
    case CEL_VALUE_INT:
        return json_integer(value->integer);
    case CEL_VALUE_UINT:
        return value->natural > INT64_MAX ? json_real((double)value->natural)
                                          : json_integer((json_int_t)value->natural);
    case CEL_VALUE_DOUBLE:
        return json_real(value->real);
    case CEL_VALUE_STRING:
        return json_stringn(value->text.data ? value->text.data : "", value->text.len);
    case CEL_VALUE_BYTES:
        base64_encode(&text, value->text.data, value->text.len, BASE64_STANDARD);
        return text_to_json(&text);
    case CEL_VALUE_TIMESTAMP:
        cel_write_timestamp(&text, value->time);
        return text_to_json(&text);
    case CEL_VALUE_DURATION:
        cel_write_duration(&text, value->time);
        return text_to_json(&text);
    case CEL_VALUE_LIST:
        return list_to_json(value->list, depth);
    case CEL_VALUE_MAP:
        return map_to_json(value->map, depth);
    case CEL_VALUE_JSON_LIST:
    case CEL_VALUE_JSON_MAP:
        return json_deep_copy(value->json);
    case CEL_VALUE_OPTIONAL:
        return value->inner ? to_json(value->inner, depth + 1) : json_null();
    default:
        return NULL;
    }
}

json_t *cel_value_json(const struct cel_value *value)
{
    return to_json(value, 0);
}

/* ---- names and words ---- */

const struct cel_type *cel_type_of(const struct cel_value *value)
{
    static const struct cel_type list = {.kind = CEL_LIST}, map = {.kind = CEL_MAP},
                                 optional = {.kind = CEL_OPTIONAL};
    static const struct cel_type *const types[] = {
        [CEL_VALUE_NULL] = &cel_null,
        [CEL_VALUE_BOOL] = &cel_bool,
        [CEL_VALUE_INT] = &cel_int,
        [CEL_VALUE_UINT] = &cel_uint,
        [CEL_VALUE_DOUBLE] = &cel_double,
        [CEL_VALUE_STRING] = &cel_string,
        [CEL_VALUE_BYTES] = &cel_bytes,
        [CEL_VALUE_TIMESTAMP] = &cel_timestamp,
        [CEL_VALUE_DURATION] = &cel_duration,
        [CEL_VALUE_LIST] = &list,
        [CEL_VALUE_MAP] = &map,
        [CEL_VALUE_JSON_LIST] = &list,
        [CEL_VALUE_JSON_MAP] = &map,
        [CEL_VALUE_OPTIONAL] = &optional,
        [CEL_VALUE_TYPE] = &cel_type_type,
        [CEL_VALUE_COMPOSED] = &map,
        [CEL_VALUE_ERROR] = &cel_dyn,
    };
    if (value->kind == CEL_VALUE_OPAQUE ||
        (value->kind == CEL_VALUE_JSON_MAP && value->type->kind == CEL_OBJECT))
        return value->type;
    return types[value->kind];
}

const char *cel_type_name(const struct cel_type *type)
{
    static const char *const names[] = {
        [CEL_DYN] = "dyn",
        [CEL_NULL] = "null_type",
        [CEL_BOOL] = "bool",
        [CEL_INT] = "int",
        [CEL_UINT] = "uint",
        [CEL_DOUBLE] = "double",
        [CEL_STRING] = "string",
        [CEL_BYTES] = "bytes",
        [CEL_LIST] = "list",
        [CEL_MAP] = "map",
        [CEL_TYPE] = "type",
        [CEL_OPTIONAL] = "optional_type",
        [CEL_ERROR] = "error",
        [CEL_PARAM] = "dyn",
        [CEL_TIMESTAMP] = "google.protobuf.Timestamp",
        [CEL_DURATION] = "google.protobuf.Duration",
    };
    return type->kind == CEL_OBJECT || type->kind == CEL_OPAQUE ? type->name : names[type->kind];
}

void cel_value_write(struct buf *out, const struct cel_value *value)
{
    switch ((enum cel_value_kind)value->kind) {
    case CEL_VALUE_NULL:
        buf_add_text(out, "null");
        return;
    case CEL_VALUE_BOOL:
        buf_add_text(out, value->boolean ? "true" : "false");
        return;
    case CEL_VALUE_INT:
        buf_add_i64(out, value->integer);
        return;
    case CEL_VALUE_UINT:
        buf_printf(out, "%llu", (unsigned long long)value->natural);
        return;
    case CEL_VALUE_DOUBLE:
        cel_write_double(out, value->real);
        return;
    case CEL_VALUE_STRING:
    case CEL_VALUE_BYTES:
        buf_add_str(out, value->text);
        return;
    case CEL_VALUE_TIMESTAMP:
        cel_write_timestamp(out, value->time);
        return;
    case CEL_VALUE_DURATION:
        cel_write_duration(out, value->time);
        return;
    default:
        buf_add_text(
            out, cel_type_name(value->kind == CEL_VALUE_TYPE ? value->type : cel_type_of(value)));
    }
}
