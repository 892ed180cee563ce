/* cel/eval.h: what functions see of an evaluation. Internal to cel/.
 *
 * A function gets its arguments evaluated and fitting its signature, none of them an error, and
 * returns a value; errors are values too. Whatever it touches in proportion to its input it charges
 * as work, so that no expression runs long. */
#pragma once
#include "base/arena.h"
#include "cel/cel.h"

#define CEL_WORK_MAX ((uint64_t)1 << 29) /* bytes and items looked at in one run */

struct buf;

struct cel_list {
    size_t count;
    struct cel_value *items;
};

struct cel_map {
    size_t count;
    struct cel_value *keys, *values;
    uint32_t *order; /* of the keys, sorted; NULL when they are few */
};

/* NULL, and the evaluation is stopped, when memory is at its maximum. */
void *cel_eval_alloc(struct cel_eval *eval, size_t count, size_t size);
/* False, and the evaluation is stopped, when too much was looked at. */
bool cel_eval_work(struct cel_eval *eval, uint64_t work);
/* Why it was stopped, as a value that nothing recovers from. */
struct cel_value cel_stopped(const struct cel_eval *eval);
bool cel_is_stopped(const struct cel_eval *eval);
struct cel_value cel_fail(struct cel_eval *eval, const char *format, ...) PRINTF_LIKE(2, 3);
const struct cel_authz *cel_eval_authz(const struct cel_eval *eval);

/* ---- values ---- */

#define CEL_NULL_VALUE ((struct cel_value){.kind = CEL_VALUE_NULL})

static inline struct cel_value cel_of_bool(bool value)
{
    return (struct cel_value){.kind = CEL_VALUE_BOOL, .boolean = value};
}

static inline struct cel_value cel_of_int(int64_t value)
{
    return (struct cel_value){.kind = CEL_VALUE_INT, .integer = value};
}

static inline struct cel_value cel_of_uint(uint64_t value)
{
    return (struct cel_value){.kind = CEL_VALUE_UINT, .natural = value};
}

static inline struct cel_value cel_of_double(double value)
{
    return (struct cel_value){.kind = CEL_VALUE_DOUBLE, .real = value};
}

static inline struct cel_value cel_of_text(struct str value)
{
    return (struct cel_value){.kind = CEL_VALUE_STRING, .text = value};
}

static inline struct cel_value cel_of_opaque(const struct cel_type *type, const void *value)
{
    return (struct cel_value){.kind = CEL_VALUE_OPAQUE, .type = type, .opaque = value};
}

static inline bool cel_is_error(const struct cel_value *value)
{
    return value->kind == CEL_VALUE_ERROR;
}

/* Copies the text; of a buffer that failed: out of memory. */
struct cel_value cel_copy_text(struct cel_eval *eval, struct str text);
/* A list of room for `count` items, which the caller fills. NULL as cel_eval_alloc(). */
struct cel_list *cel_list_new(struct cel_eval *eval, size_t count);
struct cel_value cel_of_list(const struct cel_list *list);
struct cel_value cel_optional_of(struct cel_eval *eval, struct cel_value inner);
struct cel_value cel_optional_none(void);

/* The value of JSON read as that type; an error when it cannot be. */
struct cel_value cel_of_json(struct cel_eval *eval, const json_t *json,
                             const struct cel_type *type);
struct cel_value cel_of_time(struct cel_time time, enum cel_value_kind kind);

/* Of both kinds of list and map. */
bool cel_is_list(const struct cel_value *value);
bool cel_is_map(const struct cel_value *value);
size_t cel_count(const struct cel_value *value);
struct cel_value cel_item(struct cel_eval *eval, const struct cel_value *list, size_t at);
/* Sorts the keys when there are many; false when two are the same, which goes to *twice. */
bool cel_map_index(struct cel_eval *eval, struct cel_map *map, struct cel_value *twice);
/* False when there is no such key. */
bool cel_map_find(struct cel_eval *eval, const struct cel_value *map, const struct cel_value *key,
                  struct cel_value *out);
/* The keys as a list. */
struct cel_value cel_map_keys(struct cel_eval *eval, const struct cel_value *map);
/* A field of an object, a member of a map. False when it is absent. */
bool cel_member(struct cel_eval *eval, const struct cel_value *object, struct str name,
                struct cel_value *out);

/* Code points, bytes, items; 1 of anything else. For costs. */
uint64_t cel_size(const struct cel_value *value);
bool cel_equal(struct cel_eval *eval, const struct cel_value *a, const struct cel_value *b);
/* -1, 0, 1, or 2 when the two cannot be ordered. */
int cel_compare(const struct cel_value *a, const struct cel_value *b);
bool cel_is_zero(const struct cel_value *value);
/* The type of a value, as type() sees it. */
const struct cel_type *cel_type_of(const struct cel_value *value);
const char *cel_type_name(const struct cel_type *type);
/* Of two opaque values. */
bool cel_opaque_equal(const struct cel_value *a, const struct cel_value *b);
/* As messages show a value. */
void cel_value_write(struct buf *out, const struct cel_value *value);

/* ---- numbers and times ---- */

void cel_write_double(struct buf *out, double value);
bool cel_parse_timestamp(struct str text, struct cel_time *out);
bool cel_parse_date(struct str text, struct cel_time *out);
/* As Go's time.ParseDuration. */
bool cel_parse_duration(struct str text, struct cel_time *out);
void cel_write_timestamp(struct buf *out, struct cel_time time);
/* Seconds: "1.5s". */
void cel_write_duration(struct buf *out, struct cel_time time);
bool cel_time_in_range(struct cel_time time);
__int128 cel_time_nanos(struct cel_time time);
struct cel_time cel_time_of_nanos(__int128 nanos, enum cel_value_kind kind);

/* ---- regular expressions, of RE2's syntax ---- */

struct cel_regex; /* pcre2_code */
/* NULL, and why, when it is none. `why` is of CEL_REGEX_WHY bytes. */
#define CEL_REGEX_WHY 160
struct cel_regex *cel_regex_new(struct str pattern, char *why);
void cel_regex_free(struct cel_regex *regex);
/* Bytes of memory. */
size_t cel_regex_size(const struct cel_regex *regex);
/* 1: found, at span[0]..span[1]; 0: not; -1: it took too long. */
int cel_regex_find(struct cel_regex *regex, struct str text, size_t from, size_t span[2]);
