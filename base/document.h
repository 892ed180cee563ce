/* base/document.h: trees of JSON values, under the names of jansson's functions.
 *
 * The code was written for jansson, and libraries that we link (libjwt, libnftables) still bring
 * the real one along: what is called here is ours all the same, and has symbols of its own (below).
 * It takes one block for an object with its members and their keys, one for a string, and none for
 * small integers, where jansson takes three for each member.
 *
 * As in jansson: values are counted (atomically), `_new` takes the reference that it is given also
 * when it fails, getters lend. Objects keep the order in which members came. What fails returns -1
 * or NULL, and a NULL or a value of the wrong type is no accident: it is an empty object, text or
 * number 0. Texts are UTF-8, of less than 4 GiB, and may hold NULs; `_nocheck` trusts the caller.
 * Memory that runs out ends the process, as in base/mem.h.
 * Other than jansson: strings and numbers never change, so that copies of trees share them.
 * Iterators
 * (`void *`) end when a member is added; json_object_foreach() does not mind, nor does either mind
 * that members go. A tree that a second thread can see is frozen.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

/* Symbols of ours: with jansson's, the libraries that mean jansson would get us, since a program's
 * symbols come before those of its libraries. */
#define json_array                   warren_json_array
#define json_array_append_new        warren_json_array_append_new
#define json_array_clear             warren_json_array_clear
#define json_array_extend            warren_json_array_extend
#define json_array_insert_new        warren_json_array_insert_new
#define json_array_remove            warren_json_array_remove
#define json_array_set_new           warren_json_array_set_new
#define json_copy                    warren_json_copy
#define json_deep_copy               warren_json_deep_copy
#define json_delete                  warren_json_delete
#define json_dumpb                   warren_json_dumpb
#define json_dumps                   warren_json_dumps
#define json_equal                   warren_json_equal
#define json_false                   warren_json_false
#define json_integer                 warren_json_integer
#define json_loadb                   warren_json_loadb
#define json_loads                   warren_json_loads
#define json_null                    warren_json_null
#define json_object                  warren_json_object
#define json_object_clear            warren_json_object_clear
#define json_object_deln             warren_json_object_deln
#define json_object_getn             warren_json_object_getn
#define json_object_iter             warren_json_object_iter
#define json_object_iter_key         warren_json_object_iter_key
#define json_object_iter_key_len     warren_json_object_iter_key_len
#define json_object_iter_next        warren_json_object_iter_next
#define json_object_iter_set_new     warren_json_object_iter_set_new
#define json_object_iter_value       warren_json_object_iter_value
#define json_object_setn_new         warren_json_object_setn_new
#define json_object_setn_new_nocheck warren_json_object_setn_new_nocheck
#define json_object_update           warren_json_object_update
#define json_object_update_missing   warren_json_object_update_missing
#define json_object_update_recursive warren_json_object_update_recursive
#define json_pack                    warren_json_pack
#define json_real                    warren_json_real
#define json_real_read               warren_json_real_read
#define json_sprintf                 warren_json_sprintf
#define json_string                  warren_json_string
#define json_stringn                 warren_json_stringn
#define json_stringn_nocheck         warren_json_stringn_nocheck
#define json_true                    warren_json_true

typedef enum {
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_INTEGER,
    JSON_REAL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
} json_type;

typedef long long json_int_t;

#define JSON_FOREVER UINT32_MAX /* `references` of what is never freed */

typedef struct json_t {
    json_type type;
    uint32_t references;
} json_t;

/* What stands behind json_t; for the functions in this header alone. */
struct json_text {
    json_t head;
    uint32_t len;
    char bytes[]; /* and a NUL */
};

struct json_whole {
    json_t head;
    int64_t value;
};

struct json_decimal {
    json_t head;
    double value;
    uint32_t len;
    char literal[]; /* and a NUL; empty: it was not read */
};

struct json_items {
    json_t head;
    uint32_t count, capacity;
    uint32_t room_count; /* of `room` */
    json_t **items;      /* `room`, or a block of its own */
    json_t *room[];
};

struct json_member {
    uint64_t mark;   /* length and some characters of the key; never equal once it was removed */
    const char *key; /* NULL: it was removed */
    json_t *value;
};

struct json_members {
    json_t head;
    uint32_t count;              /* of those that are there */
    uint32_t used, capacity;     /* of `members`, removed ones among them */
    uint32_t key_at, size;       /* in this block: where the next key may go, and the end */
    struct json_member *members; /* `room`, or a block of its own; past 16, an index follows them */
    struct json_member room[];   /* and keys */
};

#define json_typeof(json)     ((json)->type)
#define json_is_object(json)  ((json) && json_typeof(json) == JSON_OBJECT)
#define json_is_array(json)   ((json) && json_typeof(json) == JSON_ARRAY)
#define json_is_string(json)  ((json) && json_typeof(json) == JSON_STRING)
#define json_is_integer(json) ((json) && json_typeof(json) == JSON_INTEGER)
#define json_is_real(json)    ((json) && json_typeof(json) == JSON_REAL)
#define json_is_number(json)  (json_is_integer(json) || json_is_real(json))
#define json_is_true(json)    ((json) && json_typeof(json) == JSON_TRUE)
#define json_is_false(json)   ((json) && json_typeof(json) == JSON_FALSE)
#define json_is_boolean(json) (json_is_true(json) || json_is_false(json))
#define json_is_null(json)    ((json) && json_typeof(json) == JSON_NULL)

/* ---- references ---- */

void json_delete(json_t *json); /* json_decref()'s, for the last one */

static inline json_t *json_incref(json_t *json)
{
    if (json && __atomic_load_n(&json->references, __ATOMIC_RELAXED) != JSON_FOREVER)
        __atomic_add_fetch(&json->references, 1, __ATOMIC_RELAXED);
    return json;
}

/* Who holds the only reference need not lock the bus to drop it. */
static inline void json_decref(json_t *json)
{
    uint32_t left = json ? __atomic_load_n(&json->references, __ATOMIC_ACQUIRE) : JSON_FOREVER;
    if (left == JSON_FOREVER)
        return;
    if (left == 1 || __atomic_sub_fetch(&json->references, 1, __ATOMIC_ACQ_REL) == 0)
        json_delete(json);
}

static inline void json_decrefp(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

#define json_auto_t json_t __attribute__((cleanup(json_decrefp)))

/* ---- scalars ---- */

json_t *json_string(const char *text); /* NULL when it is not UTF-8, or NULL */
json_t *json_stringn(const char *text, size_t len);
json_t *json_stringn_nocheck(const char *text, size_t len);
MUST_CHECK json_t *json_sprintf(const char *format, ...) PRINTF_LIKE(1, 2);
json_t *json_integer(json_int_t value);
json_t *json_real(double value); /* NULL when it is not finite */
/* The same with how it was written, which copies of the tree keep: Go tells 1.0 from 1. What is
 * longer than JSON_LITERAL_MAX is forgotten. */
#define JSON_LITERAL_MAX ((size_t)1024)
json_t *json_real_read(double value, const char *literal, size_t len);
json_t *json_true(void);
json_t *json_false(void);
json_t *json_null(void);
#define json_boolean(value) ((value) ? json_true() : json_false())

static inline const char *json_string_value(const json_t *json)
{
    return json_is_string(json) ? ((const struct json_text *)json)->bytes : NULL;
}

static inline size_t json_string_length(const json_t *json)
{
    return json_is_string(json) ? ((const struct json_text *)json)->len : 0;
}

static inline json_int_t json_integer_value(const json_t *json)
{
    return json_is_integer(json) ? ((const struct json_whole *)json)->value : 0;
}

static inline double json_real_value(const json_t *json)
{
    return json_is_real(json) ? ((const struct json_decimal *)json)->value : 0;
}

/* How a real was written; NULL for what was not read. */
static inline const char *json_real_literal(const json_t *json)
{
    const struct json_decimal *real = json_is_real(json) ? (const struct json_decimal *)json : NULL;
    return real && real->len ? real->literal : NULL;
}

static inline double json_number_value(const json_t *json)
{
    return json_is_integer(json) ? (double)json_integer_value(json) : json_real_value(json);
}

/* ---- arrays ---- */

json_t *json_array(void);
/* Empty, with room for so many. */
json_t *json_array_sized(size_t count);
int json_array_append_new(json_t *array, json_t *value);
int json_array_set_new(json_t *array, size_t index, json_t *value);
int json_array_insert_new(json_t *array, size_t index, json_t *value);
int json_array_remove(json_t *array, size_t index);
int json_array_clear(json_t *array);
int json_array_extend(json_t *array, const json_t *more);

static inline size_t json_array_size(const json_t *json)
{
    return json_is_array(json) ? ((const struct json_items *)json)->count : 0;
}

MUST_CHECK static inline json_t *json_array_get(const json_t *json, size_t index)
{
    return index < json_array_size(json) ? ((const struct json_items *)json)->items[index] : NULL;
}

static inline int json_array_append(json_t *array, json_t *value)
{
    return json_array_append_new(array, json_incref(value));
}

static inline int json_array_set(json_t *array, size_t index, json_t *value)
{
    return json_array_set_new(array, index, json_incref(value));
}

#define json_array_foreach(array, index, value)                                                    \
    for ((index) = 0;                                                                              \
         (index) < json_array_size(array) && ((value) = json_array_get(array, index)); (index)++)

/* ---- objects ---- */

json_t *json_object(void);
/* Empty, with room for so many members, whose keys with their NULs have so many bytes. */
json_t *json_object_sized(size_t count, size_t key_bytes);
MUST_CHECK json_t *json_object_getn(const json_t *object, const char *key, size_t len);
int json_object_setn_new(json_t *object, const char *key, size_t len, json_t *value);
int json_object_setn_new_nocheck(json_t *object, const char *key, size_t len, json_t *value);
int json_object_deln(json_t *object, const char *key, size_t len); /* -1: it was not there */
int json_object_clear(json_t *object);
int json_object_update(json_t *object, const json_t *other);
int json_object_update_missing(json_t *object, const json_t *other);
int json_object_update_recursive(json_t *object, const json_t *other);

static inline size_t json_object_size(const json_t *json)
{
    return json_is_object(json) ? ((const struct json_members *)json)->count : 0;
}

MUST_CHECK static inline json_t *json_object_get(const json_t *object, const char *key)
{
    return key ? json_object_getn(object, key, strlen(key)) : NULL;
}

static inline int json_object_set_new(json_t *object, const char *key, json_t *value)
{
    return json_object_setn_new(object, key, key ? strlen(key) : 0, value);
}

static inline int json_object_setn(json_t *object, const char *key, size_t len, json_t *value)
{
    return json_object_setn_new(object, key, len, json_incref(value));
}

static inline int json_object_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, json_incref(value));
}

static inline int json_object_del(json_t *object, const char *key)
{
    return key ? json_object_deln(object, key, strlen(key)) : -1;
}

void *json_object_iter(const json_t *object);
void *json_object_iter_next(const json_t *object, void *iter);
const char *json_object_iter_key(const void *iter);
size_t json_object_iter_key_len(const void *iter);
json_t *json_object_iter_value(const void *iter);
int json_object_iter_set_new(json_t *object, void *iter, json_t *value);

/* Where json_object_foreach() is. */
struct json_each {
    const struct json_members *object; /* NULL: nothing to see */
    uint32_t at;
};

static inline struct json_each json_each_of(const json_t *json)
{
    return (struct json_each){json_is_object(json) ? (const struct json_members *)json : NULL, 0};
}

/* The key there, past removed ones; NULL at the end. */
static inline const char *json_each_key(struct json_each *each)
{
    while (each->object && each->at < each->object->used) {
        const char *key = each->object->members[each->at].key;
        if (key)
            return key;
        each->at++;
    }
    return NULL;
}

static inline json_t *json_each_value(const struct json_each *each)
{
    return each->object->members[each->at].value;
}

static inline size_t json_each_key_len(const struct json_each *each)
{
    return (uint32_t)each->object->members[each->at].mark;
}

#define JSON_EACH_NAME_(number) json_each_##number
#define JSON_EACH_NAME(number)  JSON_EACH_NAME_(number) /* loops stand in loops */
#define JSON_EACH(each, start, key, value, more)                                                   \
    for (struct json_each each = (start);                                                          \
         ((key) = json_each_key(&each)) && ((value) = json_each_value(&each)) && (more);           \
         each.at++)

#define json_object_foreach(object, key, value)                                                    \
    JSON_EACH(JSON_EACH_NAME(__COUNTER__), json_each_of(object), key, value, true)
#define JSON_EACH_LEN(each, object, key, len, value)                                               \
    JSON_EACH(each, json_each_of(object), key, value, ((len) = json_each_key_len(&each), true))
#define json_object_keylen_foreach(object, key, len, value)                                        \
    JSON_EACH_LEN(JSON_EACH_NAME(__COUNTER__), object, key, len, value)
#define json_object_foreach_safe(object, next, key, value) /* `next` is not needed here */         \
    JSON_EACH(JSON_EACH_NAME(__COUNTER__), ((void)&(next), json_each_of(object)), key, value, true)

/* ---- whole trees ---- */

/* Integers and reals are never equal; the order of members does not matter. */
int json_equal(const json_t *a, const json_t *b);
/* A new container with the same values; anything else itself. */
MUST_CHECK json_t *json_copy(const json_t *value);
MUST_CHECK json_t *json_deep_copy(const json_t *value);

/* By a format: {s:v} and [v] with v = s (char *), i (int), I (json_int_t), b (int), f (double), n,
 * o (json_t *, taken), O (json_t *, counted), { } and [ ]. Behind s, o and O, `*` leaves a NULL out
 * and `?` makes it null. `s%` and `s#` are followed by a length (size_t, int). NULL when an
 * argument is NULL, is not UTF-8 or is not finite; what was to be taken is dropped then. */
MUST_CHECK json_t *json_pack(const char *format, ...);

#define JSON_DISABLE_EOF_CHECK 0x2  /* what follows the value is not looked at */
#define JSON_DECODE_ANY        0x4  /* else only an object or an array will do */
#define JSON_ALLOW_NUL         0x10 /* as \u0000 */

typedef struct json_error_t {
    char text[160];
} json_error_t;

/* base/json.h's json_parse(), the last of duplicate keys wins. `error` may be NULL. */
MUST_CHECK json_t *json_loads(const char *text, size_t flags, json_error_t *error);
MUST_CHECK json_t *json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);

#define JSON_INDENT(n)         ((n)&0x1f)
#define JSON_COMPACT           0x20
#define JSON_SORT_KEYS         0x80
#define JSON_ENCODE_ANY        0x200 /* else only an object or an array will do */
#define JSON_REAL_PRECISION(n) (((n)&0x1f) << 11)

/* jansson's text, byte for byte, for what is hashed or compared; json_write() (base/json.h) is Go's
 * and faster. Owned; NULL when there is nothing to write. */
MUST_CHECK char *json_dumps(const json_t *json, size_t flags);
/* The length of that text; it is put into `bytes` when it fits, without a NUL. */
size_t json_dumpb(const json_t *json, char *bytes, size_t size, size_t flags);
