#include "base/document.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "base/cell.h"
#include "base/clock.h"
#include "base/str.h"

#define MEMBERS_AT_BIRTH ((size_t)4)
#define KEYS_AT_BIRTH    ((size_t)48) /* bytes */
#define ITEMS_AT_BIRTH   ((size_t)3)
#define SEARCHED_MAX     16 /* more members than that have an index */
#define COUNT_MAX        (UINT32_MAX / 4)

/* ---- scalars ---- */

static const json_t true_value = {JSON_TRUE, JSON_FOREVER},
                    false_value = {JSON_FALSE, JSON_FOREVER},
                    null_value = {JSON_NULL, JSON_FOREVER};

/* Nobody writes to what lives forever. */
static json_t *forever(const json_t *value)
{
    return (json_t *)(uintptr_t)value;
}

json_t *json_true(void)
{
    return forever(&true_value);
}

json_t *json_false(void)
{
    return forever(&false_value);
}

json_t *json_null(void)
{
    return forever(&null_value);
}

/* clang-format off */
#define ONE(n)     {{JSON_INTEGER, JSON_FOREVER}, (n)}
#define FOUR(n)    ONE(n), ONE((n) + 1), ONE((n) + 2), ONE((n) + 3)
#define SIXTEEN(n) FOUR(n), FOUR((n) + 4), FOUR((n) + 8), FOUR((n) + 12)
#define MANY(n)    SIXTEEN(n), SIXTEEN((n) + 16), SIXTEEN((n) + 32), SIXTEEN((n) + 48)
static const struct json_whole small[] = {MANY(0), MANY(64), MANY(128), MANY(192)};
/* clang-format on */

json_t *json_integer(json_int_t value)
{
    if (value >= 0 && value < (json_int_t)ARRAY_LEN(small))
        return forever(&small[value].head);
    struct json_whole *whole = cell_take(sizeof(*whole));
    *whole = (struct json_whole){{JSON_INTEGER, 1}, value};
    return &whole->head;
}

static size_t decimal_size(size_t len)
{
    return sizeof(struct json_decimal) + len + 1;
}

json_t *json_real_read(double value, const char *literal, size_t len)
{
    if (!isfinite(value))
        return NULL;
    size_t kept = len <= JSON_LITERAL_MAX ? len : 0;
    struct json_decimal *real = cell_take(decimal_size(kept));
    *real = (struct json_decimal){.head = {JSON_REAL, 1}, .value = value, .len = (uint32_t)kept};
    memcpy(real->literal, literal, kept);
    real->literal[kept] = '\0';
    return &real->head;
}

json_t *json_real(double value)
{
    return json_real_read(value, "", 0);
}

static size_t text_size(size_t len)
{
    return sizeof(struct json_text) + len + 1;
}

json_t *json_stringn_nocheck(const char *text, size_t len)
{
    if (!text || len >= UINT32_MAX)
        return NULL;
    struct json_text *string = cell_take(text_size(len));
    string->head = (json_t){JSON_STRING, 1};
    string->len = (uint32_t)len;
    memcpy(string->bytes, text, len);
    string->bytes[len] = '\0';
    return &string->head;
}

json_t *json_stringn(const char *text, size_t len)
{
    return text && str_is_utf8((struct str){text, len}) ? json_stringn_nocheck(text, len) : NULL;
}

json_t *json_string(const char *text)
{
    return text ? json_stringn(text, strlen(text)) : NULL;
}

json_t *json_sprintf(const char *format, ...)
{
    char at_hand[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(at_hand, sizeof(at_hand), format, args);
    va_end(args);
    if (len < 0)
        return NULL;
    if ((size_t)len < sizeof(at_hand))
        return json_stringn(at_hand, (size_t)len);
    CLEANUP(free_ptr) char *text = NULL;
    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    return len < 0 ? NULL : json_stringn(text, (size_t)len);
}

/* ---- arrays ---- */

static struct json_items *items_of(json_t *json)
{
    return json_is_array(json) ? (struct json_items *)json : NULL;
}

static size_t items_size(size_t room)
{
    return sizeof(struct json_items) + room * sizeof(json_t *);
}

json_t *json_array_sized(size_t count)
{
    size_t room = count < COUNT_MAX ? count : 0; /* a wish: an array grows */
    struct json_items *array = cell_take(items_size(room));
    array->head = (json_t){JSON_ARRAY, 1};
    array->count = 0;
    array->room_count = array->capacity = (uint32_t)room;
    array->items = array->room;
    return &array->head;
}

json_t *json_array(void)
{
    return json_array_sized(ITEMS_AT_BIRTH);
}

static void free_items(struct json_items *array)
{
    if (array->items != array->room)
        cell_give(array->items, array->capacity * sizeof(json_t *));
}

/* Makes room for `more`. */
static void grow_items(struct json_items *array, size_t more)
{
    if (more <= array->capacity - array->count)
        return;
    assert(more < COUNT_MAX && array->count < COUNT_MAX);
    size_t twice = (size_t)array->capacity * 2, least = array->count + more,
           capacity = twice > least ? twice
                      : least < 4   ? 4
                                    : least;
    json_t **items = cell_take(capacity * sizeof(json_t *));
    memcpy(items, array->items, array->count * sizeof(json_t *));
    free_items(array);
    array->items = items;
    array->capacity = (uint32_t)capacity;
}

static int refused(json_t *value)
{
    json_decref(value);
    return -1;
}

int json_array_insert_new(json_t *json, size_t index, json_t *value)
{
    struct json_items *array = items_of(json);
    if (!value || !array || json == value || index > array->count)
        return refused(value);
    grow_items(array, 1);
    memmove(&array->items[index + 1], &array->items[index],
            (array->count - index) * sizeof(json_t *));
    array->items[index] = value;
    array->count++;
    return 0;
}

int json_array_append_new(json_t *array, json_t *value)
{
    return json_array_insert_new(array, json_array_size(array), value);
}

int json_array_set_new(json_t *json, size_t index, json_t *value)
{
    struct json_items *array = items_of(json);
    if (!value || !array || json == value || index >= array->count)
        return refused(value);
    json_t *before = array->items[index];
    array->items[index] = value;
    json_decref(before);
    return 0;
}

int json_array_remove(json_t *json, size_t index)
{
    struct json_items *array = items_of(json);
    if (!array || index >= array->count)
        return -1;
    json_t *removed = array->items[index];
    array->count--;
    memmove(&array->items[index], &array->items[index + 1],
            (array->count - index) * sizeof(json_t *));
    json_decref(removed);
    return 0;
}

int json_array_clear(json_t *json)
{
    struct json_items *array = items_of(json);
    if (!array)
        return -1;
    while (array->count)
        json_decref(array->items[--array->count]);
    return 0;
}

int json_array_extend(json_t *json, const json_t *more)
{
    struct json_items *array = items_of(json);
    if (!array || !json_is_array(more))
        return -1;
    size_t count = json_array_size(more); /* `more` may be the same array */
    grow_items(array, count);
    for (size_t i = 0; i < count; i++)
        array->items[array->count++] = json_incref(json_array_get(more, i));
    return 0;
}

/* ---- keys ---- */

/* A member's mark: 32 bits of length, three characters, and whose the key is. Two keys with
 * different marks differ, and most that differ have different marks. */
#define MARK_OWNED   ((uint64_t)1 << 63) /* the key is a block of its own, not in the object's */
#define MARK_REMOVED (UINT64_MAX >> 8)   /* no key is that long */

static uint64_t key_mark(const char *key, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)key;
    return len ? len | (uint64_t)bytes[0] << 32 | (uint64_t)bytes[len / 2] << 40 |
                     (uint64_t)bytes[len - 1] << 48
               : 0;
}

static bool same_mark(uint64_t a, uint64_t b)
{
    return (a ^ b) << 8 == 0;
}

static bool is_key(const struct json_member *member, uint64_t mark, const char *key)
{
    return same_mark(member->mark, mark) && memcmp(member->key, key, (uint32_t)mark) == 0;
}

static size_t key_len(const struct json_member *member)
{
    return (uint32_t)member->mark;
}

static uint64_t seeds[2];

static void make_seeds(void)
{
    random_bytes(seeds, sizeof(seeds));
    seeds[1] |= 1;
}

/* Eight bytes at a time into a product by a secret, folded: which keys collide is not to be known.
 */
static uint64_t key_hash(const char *key, size_t len)
{
    uint64_t hash = seeds[0] ^ len;
    while (len) {
        uint64_t word = 0;
        size_t taken = len < sizeof(word) ? len : sizeof(word);
        memcpy(&word, key, taken);
        unsigned __int128 product = (unsigned __int128)(hash ^ word) * seeds[1];
        hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ seeds[0];
        key += taken;
        len -= taken;
    }
    return hash;
}

/* ---- objects ---- */

static struct json_members *members_of(json_t *json)
{
    return json_is_object(json) ? (struct json_members *)json : NULL;
}

static const struct json_members *const_members(const json_t *json)
{
    return json_is_object(json) ? (const struct json_members *)json : NULL;
}

/* Slots in the index of so many members: a power of two, at most half full. */
static size_t slot_count(size_t capacity)
{
    return capacity > SEARCHED_MAX ? (size_t)2 << (64 - __builtin_clzll(capacity - 1)) : 0;
}

static size_t members_size(size_t capacity)
{
    return capacity * sizeof(struct json_member) + slot_count(capacity) * sizeof(uint32_t);
}

/* Slots hold places in `members`, from 1; 0 is free. Removed members stay until all is made anew.
 */
static uint32_t *index_of(const struct json_members *object)
{
    return (uint32_t *)(object->members + object->capacity);
}

static void clear_index(struct json_members *object)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_seeds);
    memset(index_of(object), 0, slot_count(object->capacity) * sizeof(uint32_t));
}

json_t *json_object_sized(size_t count, size_t key_bytes)
{
    if (count > COUNT_MAX / 64 || key_bytes > UINT32_MAX / 4) /* a wish: an object grows */
        count = key_bytes = 0;
    size_t keys = sizeof(struct json_members) + members_size(count),
           size = cell_room(keys + key_bytes);
    struct json_members *object = cell_take(size);
    *object = (struct json_members){.head = {JSON_OBJECT, 1},
                                    .capacity = (uint32_t)count,
                                    .key_at = (uint32_t)keys,
                                    .size = (uint32_t)size,
                                    .members = object->room};
    if (slot_count(count))
        clear_index(object);
    return &object->head;
}

json_t *json_object(void)
{
    return json_object_sized(MEMBERS_AT_BIRTH, KEYS_AT_BIRTH);
}

static void put_in_index(struct json_members *object, uint32_t place)
{
    const struct json_member *member = &object->members[place];
    size_t mask = slot_count(object->capacity) - 1;
    size_t at = key_hash(member->key, key_len(member)) & mask;
    uint32_t *slots = index_of(object);
    while (slots[at])
        at = (at + 1) & mask;
    slots[at] = place + 1;
}

static struct json_member *find(const struct json_members *object, const char *key, size_t len)
{
    uint64_t mark = key_mark(key, len);
    if (len >= UINT32_MAX)
        return NULL;
    if (object->capacity <= SEARCHED_MAX) {
        for (uint32_t i = 0; i < object->used; i++)
            if (is_key(&object->members[i], mark, key))
                return &object->members[i];
        return NULL;
    }
    size_t mask = slot_count(object->capacity) - 1;
    const uint32_t *slots = index_of(object);
    for (size_t at = key_hash(key, len) & mask; slots[at]; at = (at + 1) & mask)
        if (is_key(&object->members[slots[at] - 1], mark, key))
            return &object->members[slots[at] - 1];
    return NULL;
}

static void free_members(struct json_members *object)
{
    if (object->members != object->room)
        cell_give(object->members, members_size(object->capacity));
}

/* Moves the members that are there to `to`, in their order, and makes the index. */
static void move_members(struct json_members *object, struct json_member *to, size_t capacity)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < object->used; i++)
        if (object->members[i].key)
            to[used++] = object->members[i];
    if (to != object->members)
        free_members(object);
    object->members = to;
    object->capacity = (uint32_t)capacity;
    object->used = used;
    if (!slot_count(capacity))
        return;
    clear_index(object);
    for (uint32_t i = 0; i < used; i++)
        put_in_index(object, i);
}

/* Removed ones go only when they are at least half: a loop over the members may be under way. */
static void make_room(struct json_members *object)
{
    if (object->used < object->capacity)
        return;
    if (object->used && object->count <= object->used / 2) {
        move_members(object, object->members, object->capacity);
        return;
    }
    assert(object->capacity < COUNT_MAX / 2);
    size_t capacity = object->capacity ? (size_t)object->capacity * 2 : MEMBERS_AT_BIRTH;
    move_members(object, cell_take(members_size(capacity)), capacity);
}

/* Adds a member whose key is not there. */
static void append(struct json_members *object, const char *key, size_t len, json_t *value)
{
    uint64_t mark = key_mark(key, len);
    char *copy;
    make_room(object);
    if (len < object->size - object->key_at) {
        copy = (char *)object + object->key_at;
        object->key_at += (uint32_t)len + 1;
    } else {
        copy = cell_take(len + 1);
        mark |= MARK_OWNED;
    }
    memcpy(copy, key, len);
    copy[len] = '\0';
    object->members[object->used++] = (struct json_member){mark, copy, value};
    object->count++;
    if (object->capacity > SEARCHED_MAX)
        put_in_index(object, object->used - 1);
}

/* Frees the key and returns the value. */
static json_t *take_member(struct json_member *member)
{
    if (member->mark & MARK_OWNED)
        cell_give((char *)(uintptr_t)member->key, key_len(member) + 1);
    return member->value;
}

json_t *json_object_getn(const json_t *json, const char *key, size_t len)
{
    const struct json_members *object = const_members(json);
    const struct json_member *member = object && key ? find(object, key, len) : NULL;
    return member ? member->value : NULL;
}

static void replace(struct json_member *member, json_t *value)
{
    json_t *before = member->value;
    member->value = value;
    json_decref(before);
}

int json_object_setn_new_nocheck(json_t *json, const char *key, size_t len, json_t *value)
{
    struct json_members *object = members_of(json);
    if (!value || !key || !object || json == value || len >= UINT32_MAX)
        return refused(value);
    struct json_member *member = find(object, key, len);
    if (member)
        replace(member, value);
    else
        append(object, key, len, value);
    return 0;
}

int json_object_setn_new(json_t *object, const char *key, size_t len, json_t *value)
{
    if (!key || !str_is_utf8((struct str){key, len}))
        return refused(value);
    return json_object_setn_new_nocheck(object, key, len, value);
}

int json_object_deln(json_t *json, const char *key, size_t len)
{
    struct json_members *object = members_of(json);
    struct json_member *member = object && key ? find(object, key, len) : NULL;
    if (!member)
        return -1;
    json_t *value = take_member(member);
    *member = (struct json_member){.mark = MARK_REMOVED};
    object->count--;
    json_decref(value);
    return 0;
}

int json_object_clear(json_t *json)
{
    struct json_members *object = members_of(json);
    if (!object)
        return -1;
    for (uint32_t i = 0; i < object->used; i++)
        if (object->members[i].key)
            json_decref(take_member(&object->members[i]));
    object->count = object->used = 0;
    if (slot_count(object->capacity))
        clear_index(object);
    return 0;
}

enum update { UPDATE_ALL, UPDATE_MISSING, UPDATE_DEEP };

static int update(json_t *object, const json_t *other, enum update how)
{
    const char *key;
    if (!json_is_object(object) || !json_is_object(other))
        return -1;
    for (struct json_each each = json_each_of(other); (key = json_each_key(&each)); each.at++) {
        json_t *value = json_each_value(&each);
        size_t len = json_each_key_len(&each);
        json_t *there = how == UPDATE_ALL ? NULL : json_object_getn(object, key, len);
        if (there && how == UPDATE_MISSING)
            continue;
        if (json_is_object(there) && json_is_object(value))
            update(there, value, how);
        else
            json_object_setn_new_nocheck(object, key, len, json_incref(value));
    }
    return 0;
}

int json_object_update(json_t *object, const json_t *other)
{
    return update(object, other, UPDATE_ALL);
}

int json_object_update_missing(json_t *object, const json_t *other)
{
    return update(object, other, UPDATE_MISSING);
}

int json_object_update_recursive(json_t *object, const json_t *other)
{
    return update(object, other, UPDATE_DEEP);
}

/* The first that is there, from `at` on. */
static void *seek(const struct json_members *object, const struct json_member *at)
{
    const struct json_member *end = object->members + object->used;
    while (at < end && !at->key)
        at++;
    return at < end ? (void *)(uintptr_t)at : NULL;
}

void *json_object_iter(const json_t *json)
{
    const struct json_members *object = const_members(json);
    return object ? seek(object, object->members) : NULL;
}

void *json_object_iter_next(const json_t *json, void *iter)
{
    const struct json_members *object = const_members(json);
    const struct json_member *member = iter;
    if (!object || !member)
        return NULL;
    assert(member >= object->members && member < object->members + object->used);
    return seek(object, member + 1);
}

const char *json_object_iter_key(const void *iter)
{
    const struct json_member *member = iter;
    return member ? member->key : NULL;
}

size_t json_object_iter_key_len(const void *iter)
{
    return iter ? key_len(iter) : 0;
}

json_t *json_object_iter_value(const void *iter)
{
    const struct json_member *member = iter;
    return member ? member->value : NULL;
}

int json_object_iter_set_new(json_t *object, void *iter, json_t *value)
{
    if (!value || !iter || !json_is_object(object) || value == object)
        return refused(value);
    replace(iter, value);
    return 0;
}

/* ---- whole trees ---- */

static void delete_object(struct json_members *object)
{
    for (uint32_t i = 0; i < object->used; i++)
        if (object->members[i].key)
            json_decref(take_member(&object->members[i]));
    free_members(object);
    cell_give(object, object->size);
}

static void delete_array(struct json_items *array)
{
    for (uint32_t i = 0; i < array->count; i++)
        json_decref(array->items[i]);
    free_items(array);
    cell_give(array, items_size(array->room_count));
}

void json_delete(json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        delete_object((struct json_members *)json);
        break;
    case JSON_ARRAY:
        delete_array((struct json_items *)json);
        break;
    case JSON_STRING:
        cell_give(json, text_size(json_string_length(json)));
        break;
    case JSON_INTEGER:
        cell_give(json, sizeof(struct json_whole));
        break;
    case JSON_REAL:
        cell_give(json, decimal_size(((struct json_decimal *)json)->len));
        break;
    case JSON_TRUE: /* forever */
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
}

static bool equal_objects(const struct json_members *a, const struct json_members *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->used; i++) {
        const struct json_member *one = &a->members[i], *other = NULL;
        if (!one->key)
            continue;
        if (i < b->used && is_key(&b->members[i], one->mark, one->key)) /* mostly */
            other = &b->members[i];
        else
            other = find(b, one->key, key_len(one));
        same = other && json_equal(one->value, other->value);
    }
    return same;
}

static bool equal_arrays(const json_t *a, const json_t *b)
{
    bool same = json_array_size(a) == json_array_size(b);
    for (size_t i = 0; same && i < json_array_size(a); i++)
        same = json_equal(json_array_get(a, i), json_array_get(b, i));
    return same;
}

int json_equal(const json_t *a, const json_t *b)
{
    if (!a || !b || json_typeof(a) != json_typeof(b))
        return false;
    if (a == b)
        return true;
    double one, other;
    switch (json_typeof(a)) {
    case JSON_OBJECT:
        return equal_objects(const_members(a), const_members(b));
    case JSON_ARRAY:
        return equal_arrays(a, b);
    case JSON_STRING:
        return str_eq((struct str){json_string_value(a), json_string_length(a)},
                      (struct str){json_string_value(b), json_string_length(b)});
    case JSON_INTEGER:
        return json_integer_value(a) == json_integer_value(b);
    case JSON_REAL:
        one = json_real_value(a);
        other = json_real_value(b);
        return one <= other && one >= other;
    default:
        return false; /* of the others there is one */
    }
}

typedef json_t *copy_fn(const json_t *value);

static json_t *share(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

static json_t *copy_object(const struct json_members *from, copy_fn *copy)
{
    size_t key_bytes = 0;
    for (uint32_t i = 0; i < from->used; i++)
        if (from->members[i].key)
            key_bytes += key_len(&from->members[i]) + 1;
    json_t *json = json_object_sized(from->count, key_bytes);
    for (uint32_t i = 0; i < from->used; i++) {
        const struct json_member *member = &from->members[i];
        if (member->key)
            append((struct json_members *)json, member->key, key_len(member), copy(member->value));
    }
    return json;
}

static json_t *copy_array(const json_t *from, copy_fn *copy)
{
    json_t *json = json_array_sized(json_array_size(from));
    for (size_t i = 0; i < json_array_size(from); i++)
        json_array_append_new(json, copy(json_array_get(from, i)));
    return json;
}

static json_t *copy_with(const json_t *value, copy_fn *copy)
{
    if (json_is_object(value))
        return copy_object(const_members(value), copy);
    if (json_is_array(value))
        return copy_array(value, copy);
    return share(value); /* it never changes */
}

json_t *json_copy(const json_t *value)
{
    return copy_with(value, share);
}

json_t *json_deep_copy(const json_t *value)
{
    return copy_with(value, json_deep_copy);
}
