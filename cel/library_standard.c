/* Operators, conversions and the standard functions. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "cel/library.h"
#include "cel/text.h"

#define UINT64_LIMIT 18446744073709551616.0
#define INT64_LIMIT  9223372036854775808.0

static struct cel_value overflow(struct cel_eval *eval, const char *of)
{
    return cel_fail(eval, "%s", of);
}

/* ---- comparison ---- */

struct cel_value cel_lib_equal(struct cel_eval *eval, const struct cel_value *args)
{
    return cel_of_bool(cel_equal(eval, &args[0], &args[1]));
}

struct cel_value cel_lib_unequal(struct cel_eval *eval, const struct cel_value *args)
{
    return cel_of_bool(!cel_equal(eval, &args[0], &args[1]));
}

static struct cel_value ordered(struct cel_eval *eval, const struct cel_value *args, int wanted,
                                bool or_equal)
{
    int order = cel_compare(&args[0], &args[1]);
    bool number = args[0].kind == CEL_VALUE_DOUBLE || args[1].kind == CEL_VALUE_DOUBLE;
    if (order == 2 && number)
        return cel_fail(eval, "NaN values cannot be ordered");
    if (order == 2)
        return cel_fail(eval, "no such overload");
    return cel_of_bool(order == wanted || (or_equal && order == 0));
}

struct cel_value cel_lib_less(struct cel_eval *eval, const struct cel_value *args)
{
    return ordered(eval, args, -1, false);
}

struct cel_value cel_lib_less_equal(struct cel_eval *eval, const struct cel_value *args)
{
    return ordered(eval, args, -1, true);
}

struct cel_value cel_lib_greater(struct cel_eval *eval, const struct cel_value *args)
{
    return ordered(eval, args, 1, false);
}

struct cel_value cel_lib_greater_equal(struct cel_eval *eval, const struct cel_value *args)
{
    return ordered(eval, args, 1, true);
}

struct cel_value cel_lib_not(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_bool(!args[0].boolean);
}

/* ---- arithmetic ---- */

/* A time that came out of a sum. */
static struct cel_value of_nanos(struct cel_eval *eval, __int128 nanos, enum cel_value_kind kind)
{
    if (kind == CEL_VALUE_DURATION) {
        if (nanos > INT64_MAX || nanos < INT64_MIN)
            return overflow(eval, "duration overflow");
        return cel_of_time(cel_time_of_nanos(nanos, kind), kind);
    }
    struct cel_time time = cel_time_of_nanos(nanos, kind);
    return cel_time_in_range(time) ? cel_of_time(time, kind) : overflow(eval, "timestamp overflow");
}

static struct cel_value joined_text(struct cel_eval *eval, const struct cel_value *a,
                                    const struct cel_value *b)
{
    size_t len = a->text.len + b->text.len;
    char *text = cel_eval_work(eval, len) ? cel_eval_alloc(eval, len + 1, 1) : NULL;
    if (!text)
        return cel_stopped(eval);
    if (a->text.len)
        memcpy(text, a->text.data, a->text.len);
    if (b->text.len)
        memcpy(text + a->text.len, b->text.data, b->text.len);
    return (struct cel_value){.kind = a->kind, .text = {text, len}};
}

/* Whether two items of a list with identity are the same one. */
static bool same_item(struct cel_eval *eval, const struct cel_type *type, const struct cel_value *a,
                      const struct cel_value *b)
{
    if (type->list_kind == CEL_LIST_SET || a->kind != CEL_VALUE_JSON_MAP ||
        b->kind != CEL_VALUE_JSON_MAP)
        return cel_equal(eval, a, b);
    for (const char *const *key = type->map_keys; key && *key; key++) {
        const json_t *left = json_object_get(a->json, *key),
                     *right = json_object_get(b->json, *key);
        if (!cel_eval_work(eval, 1) || (left ? !right || !json_equal(left, right) : right != NULL))
            return false;
    }
    return true;
}

/* Sets and maps keep an item's place: what the right side has too replaces it (maps), the rest
 * follows. */
static struct cel_value joined_by_identity(struct cel_eval *eval, const struct cel_value *a,
                                           const struct cel_value *b)
{
    size_t left = cel_count(a), right = cel_count(b);
    struct cel_list *list = cel_list_new(eval, left + right);
    if (!list)
        return cel_stopped(eval);
    list->count = left;
    for (size_t i = 0; i < left; i++)
        list->items[i] = cel_item(eval, a, i);
    for (size_t i = 0; i < right; i++) {
        struct cel_value item = cel_item(eval, b, i);
        size_t at = 0;
        while (at < left && !cel_is_stopped(eval) &&
               !same_item(eval, a->type, &list->items[at], &item))
            at++;
        if (cel_is_stopped(eval))
            return cel_stopped(eval);
        list->items[at < left ? at : list->count++] = item;
    }
    return cel_of_list(list);
}

static struct cel_value joined_lists(struct cel_eval *eval, const struct cel_value *a,
                                     const struct cel_value *b)
{
    size_t left = cel_count(a), right = cel_count(b);
    if (a->kind == CEL_VALUE_JSON_LIST && a->type->list_kind != CEL_LIST_ATOMIC)
        return joined_by_identity(eval, a, b);
    if (!right || !left)
        return right ? *b : *a;
    struct cel_list *list =
        cel_eval_work(eval, left + right) ? cel_list_new(eval, left + right) : NULL;
    if (!list)
        return cel_stopped(eval);
    for (size_t i = 0; i < left; i++)
        list->items[i] = cel_item(eval, a, i);
    for (size_t i = 0; i < right; i++)
        list->items[left + i] = cel_item(eval, b, i);
    return cel_of_list(list);
}

struct cel_value cel_lib_add(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value out = args[0];
    switch ((enum cel_value_kind)args[0].kind) {
    case CEL_VALUE_INT:
        if (__builtin_add_overflow(args[0].integer, args[1].integer, &out.integer))
            return overflow(eval, "integer overflow");
        return out;
    case CEL_VALUE_UINT:
        if (__builtin_add_overflow(args[0].natural, args[1].natural, &out.natural))
            return overflow(eval, "unsigned integer overflow");
        return out;
    case CEL_VALUE_DOUBLE:
        return cel_of_double(args[0].real + args[1].real);
    case CEL_VALUE_STRING:
    case CEL_VALUE_BYTES:
        return joined_text(eval, &args[0], &args[1]);
    case CEL_VALUE_TIMESTAMP:
    case CEL_VALUE_DURATION: {
        bool at = args[0].kind == CEL_VALUE_TIMESTAMP || args[1].kind == CEL_VALUE_TIMESTAMP;
        return of_nanos(eval, cel_time_nanos(args[0].time) + cel_time_nanos(args[1].time),
                        at ? CEL_VALUE_TIMESTAMP : CEL_VALUE_DURATION);
    }
    default:
        return joined_lists(eval, &args[0], &args[1]);
    }
}

struct cel_value cel_lib_subtract(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value out = args[0];
    switch ((enum cel_value_kind)args[0].kind) {
    case CEL_VALUE_INT:
        if (__builtin_sub_overflow(args[0].integer, args[1].integer, &out.integer))
            return overflow(eval, "integer overflow");
        return out;
    case CEL_VALUE_UINT:
        if (__builtin_sub_overflow(args[0].natural, args[1].natural, &out.natural))
            return overflow(eval, "unsigned integer overflow");
        return out;
    case CEL_VALUE_DOUBLE:
        return cel_of_double(args[0].real - args[1].real);
    default: {
        bool at = args[0].kind == CEL_VALUE_TIMESTAMP && args[1].kind == CEL_VALUE_DURATION;
        return of_nanos(eval, cel_time_nanos(args[0].time) - cel_time_nanos(args[1].time),
                        at ? CEL_VALUE_TIMESTAMP : CEL_VALUE_DURATION);
    }
    }
}

struct cel_value cel_lib_multiply(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value out = args[0];
    if (args[0].kind == CEL_VALUE_DOUBLE)
        return cel_of_double(args[0].real * args[1].real);
    if (args[0].kind == CEL_VALUE_INT)
        return __builtin_mul_overflow(args[0].integer, args[1].integer, &out.integer)
                   ? overflow(eval, "integer overflow")
                   : out;
    return __builtin_mul_overflow(args[0].natural, args[1].natural, &out.natural)
               ? overflow(eval, "unsigned integer overflow")
               : out;
}

struct cel_value cel_lib_divide(struct cel_eval *eval, const struct cel_value *args)
{
    if (args[0].kind == CEL_VALUE_DOUBLE)
        return cel_of_double(args[0].real / args[1].real);
    if (cel_is_zero(&args[1]))
        return cel_fail(eval, "division by zero");
    if (args[0].kind == CEL_VALUE_UINT)
        return cel_of_uint(args[0].natural / args[1].natural);
    if (args[0].integer == INT64_MIN && args[1].integer == -1)
        return overflow(eval, "integer overflow");
    return cel_of_int(args[0].integer / args[1].integer);
}

struct cel_value cel_lib_modulo(struct cel_eval *eval, const struct cel_value *args)
{
    if (cel_is_zero(&args[1]))
        return cel_fail(eval, "modulus by zero");
    if (args[0].kind == CEL_VALUE_UINT)
        return cel_of_uint(args[0].natural % args[1].natural);
    if (args[0].integer == INT64_MIN && args[1].integer == -1)
        return overflow(eval, "integer overflow");
    return cel_of_int(args[0].integer % args[1].integer);
}

struct cel_value cel_lib_negate(struct cel_eval *eval, const struct cel_value *args)
{
    if (args[0].kind == CEL_VALUE_DOUBLE)
        return cel_of_double(-args[0].real);
    if (args[0].integer == INT64_MIN)
        return overflow(eval, "integer overflow");
    return cel_of_int(-args[0].integer);
}

/* ---- lists and maps ---- */

/* A whole number as an index; false when it is none. */
static bool index_value(const struct cel_value *value, int64_t *out)
{
    if (value->kind == CEL_VALUE_INT)
        *out = value->integer;
    else if (value->kind == CEL_VALUE_UINT && value->natural <= INT64_MAX)
        *out = (int64_t)value->natural;
    else if (value->kind == CEL_VALUE_DOUBLE && fabs(value->real) < 9e15 &&
             floor(value->real) == value->real)
        *out = (int64_t)value->real;
    else
        return false;
    return true;
}

struct cel_value cel_lib_index_list(struct cel_eval *eval, const struct cel_value *args)
{
    int64_t at;
    if (!index_value(&args[1], &at))
        return cel_fail(eval, "unsupported index type '%s' in list",
                        cel_type_name(cel_type_of(&args[1])));
    if (at < 0 || (uint64_t)at >= cel_count(&args[0]))
        return cel_fail(eval, "index out of bounds: %lld", (long long)at);
    return cel_item(eval, &args[0], (size_t)at);
}

struct cel_value cel_lib_index_map(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value out;
    CLEANUP(buf_free) struct buf key = BUF_INIT(65536);
    if (cel_map_find(eval, &args[0], &args[1], &out))
        return out;
    cel_value_write(&key, &args[1]);
    return cel_fail(eval, "no such key: %s", key.len ? key.data : "");
}

struct cel_value cel_lib_index_optional(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value from = args[0], out;
    int64_t at;
    if (from.kind == CEL_VALUE_OPTIONAL && !from.inner)
        return from;
    if (from.kind == CEL_VALUE_OPTIONAL)
        from = *from.inner;
    bool found = cel_is_map(&from) && cel_map_find(eval, &from, &args[1], &out);
    if (cel_is_list(&from) && index_value(&args[1], &at) && at >= 0 &&
        (uint64_t)at < cel_count(&from)) {
        out = cel_item(eval, &from, (size_t)at);
        found = true;
    }
    if (!found)
        return cel_optional_none();
    return cel_is_error(&out) ? out : cel_optional_of(eval, out);
}

struct cel_value cel_lib_in_list(struct cel_eval *eval, const struct cel_value *args)
{
    for (size_t i = 0; i < cel_count(&args[1]) && !cel_is_stopped(eval); i++) {
        struct cel_value item = cel_item(eval, &args[1], i);
        if (cel_equal(eval, &args[0], &item))
            return cel_of_bool(true);
    }
    return cel_of_bool(false);
}

struct cel_value cel_lib_in_map(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value out;
    return cel_of_bool(cel_map_find(eval, &args[1], &args[0], &out));
}

struct cel_value cel_lib_size(struct cel_eval *eval, const struct cel_value *args)
{
    if (args[0].kind == CEL_VALUE_STRING && !cel_eval_work(eval, args[0].text.len))
        return cel_stopped(eval);
    return cel_of_int((int64_t)cel_size(&args[0]));
}

/* ---- texts ---- */

struct cel_value cel_lib_contains(struct cel_eval *eval, const struct cel_value *args)
{
    if (!cel_eval_work(eval, args[0].text.len))
        return cel_stopped(eval);
    return cel_of_bool(!args[1].text.len || memmem(args[0].text.data, args[0].text.len,
                                                   args[1].text.data, args[1].text.len) != NULL);
}

struct cel_value cel_lib_starts_with(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_bool(!args[1].text.len || str_starts(args[0].text, args[1].text));
}

struct cel_value cel_lib_ends_with(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    struct str text = args[0].text, end = args[1].text;
    return cel_of_bool(!end.len || (text.len >= end.len && memcmp(text.data + text.len - end.len,
                                                                  end.data, end.len) == 0));
}

struct cel_value cel_lib_matches(struct cel_eval *eval, const struct cel_value *args)
{
    char why[CEL_REGEX_WHY] = "";
    size_t span[2];
    if (!cel_eval_work(eval, args[0].text.len + 16 * args[1].text.len))
        return cel_stopped(eval);
    struct cel_regex *regex = cel_regex_new(args[1].text, why);
    if (!regex)
        return cel_fail(eval, "%s", why);
    int found = cel_regex_find(regex, args[0].text, 0, span);
    cel_regex_free(regex);
    return found < 0 ? cel_fail(eval, "the regular expression takes too long") : cel_of_bool(found);
}

/* ---- conversions ---- */

struct cel_value cel_lib_type_of(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return (struct cel_value){.kind = CEL_VALUE_TYPE, .type = cel_type_of(&args[0])};
}

struct cel_value cel_lib_identity(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return args[0];
}

struct cel_value cel_lib_to_bool(struct cel_eval *eval, const struct cel_value *args)
{
    static const struct word {
        const char *text;
        bool value;
    } words[] = {{"1", true},    {"t", true},      {"T", true},      {"TRUE", true},
                 {"true", true}, {"True", true},   {"0", false},     {"f", false},
                 {"F", false},   {"FALSE", false}, {"false", false}, {"False", false}};
    if (args[0].kind == CEL_VALUE_BOOL)
        return args[0];
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(args[0].text, words[i].text))
            return cel_of_bool(words[i].value);
    return cel_fail(eval, "type conversion error from 'string' to 'bool'");
}

struct cel_value cel_lib_to_bytes(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return (struct cel_value){.kind = CEL_VALUE_BYTES, .text = args[0].text};
}

struct cel_value cel_lib_to_double(struct cel_eval *eval, const struct cel_value *args)
{
    char *end;
    if (args[0].kind == CEL_VALUE_DOUBLE)
        return args[0];
    if (args[0].kind == CEL_VALUE_INT)
        return cel_of_double((double)args[0].integer);
    if (args[0].kind == CEL_VALUE_UINT)
        return cel_of_double((double)args[0].natural);
    CLEANUP(free_ptr) char *text = args[0].text.len < 400 ? str_dup(args[0].text) : xstrdup("");
    errno = 0;
    double number = strtod(text, &end);
    bool spaced = !*text || strpbrk(text, " \t\n\r\f\v");
    if (spaced || *end || (errno == ERANGE && isinf(number)))
        return cel_fail(eval, "strconv.ParseFloat: parsing \"%s\": %s", text,
                        !spaced && !*end ? "value out of range" : "invalid syntax");
    return cel_of_double(number);
}

struct cel_value cel_lib_to_duration(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_time time;
    if (args[0].kind == CEL_VALUE_DURATION)
        return args[0];
    if (args[0].kind == CEL_VALUE_INT)
        return of_nanos(eval, args[0].integer, CEL_VALUE_DURATION);
    if (!cel_parse_duration(args[0].text, &time))
        return cel_fail(eval, "time: invalid duration \"" STR_FMT "\"", STR_ARG(args[0].text));
    return cel_of_time(time, CEL_VALUE_DURATION);
}

struct cel_value cel_lib_to_int(struct cel_eval *eval, const struct cel_value *args)
{
    int64_t number;
    struct str text = args[0].text;
    switch ((enum cel_value_kind)args[0].kind) {
    case CEL_VALUE_DOUBLE:
        if (!(args[0].real > -INT64_LIMIT && args[0].real < INT64_LIMIT))
            return overflow(eval, "integer overflow");
        return cel_of_int((int64_t)args[0].real);
    case CEL_VALUE_UINT:
        return args[0].natural > INT64_MAX ? overflow(eval, "integer overflow")
                                           : cel_of_int((int64_t)args[0].natural);
    case CEL_VALUE_TIMESTAMP:
        return cel_of_int(args[0].time.seconds);
    case CEL_VALUE_DURATION:
        return cel_of_int((int64_t)cel_time_nanos(args[0].time));
    case CEL_VALUE_STRING:
        if (text.len > 1 && text.data[0] == '+')
            text = (struct str){text.data + 1, text.len - 1};
        if (!parse_i64(text, INT64_MIN, INT64_MAX, &number))
            return cel_fail(eval, "strconv.ParseInt: parsing \"" STR_FMT "\": invalid syntax",
                            STR_ARG(args[0].text));
        return cel_of_int(number);
    default:
        return args[0];
    }
}

struct cel_value cel_lib_to_uint(struct cel_eval *eval, const struct cel_value *args)
{
    char *end;
    switch ((enum cel_value_kind)args[0].kind) {
    case CEL_VALUE_DOUBLE:
        if (!(args[0].real >= 0 && args[0].real < UINT64_LIMIT))
            return overflow(eval, "unsigned integer overflow");
        return cel_of_uint((uint64_t)args[0].real);
    case CEL_VALUE_INT:
        return args[0].integer < 0 ? overflow(eval, "unsigned integer overflow")
                                   : cel_of_uint((uint64_t)args[0].integer);
    case CEL_VALUE_STRING: {
        CLEANUP(free_ptr) char *text = args[0].text.len < 40 ? str_dup(args[0].text) : xstrdup("");
        errno = 0;
        uint64_t number = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno)
            return cel_fail(eval, "strconv.ParseUint: parsing \"%s\": invalid syntax", text);
        return cel_of_uint(number);
    }
    default:
        return args[0];
    }
}

struct cel_value cel_lib_to_string(struct cel_eval *eval, const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(256);
    if (args[0].kind == CEL_VALUE_STRING)
        return args[0];
    if (args[0].kind == CEL_VALUE_BYTES) {
        if (!cel_eval_work(eval, args[0].text.len))
            return cel_stopped(eval);
        return cel_text_valid(args[0].text)
                   ? cel_of_text(args[0].text)
                   : cel_fail(eval, "invalid UTF-8 in bytes, cannot convert to string");
    }
    cel_value_write(&text, &args[0]);
    return cel_copy_text(eval, buf_str(&text));
}

struct cel_value cel_lib_to_timestamp(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_time time = {.seconds = args[0].integer};
    if (args[0].kind == CEL_VALUE_TIMESTAMP)
        return args[0];
    if (args[0].kind == CEL_VALUE_STRING && !cel_parse_timestamp(args[0].text, &time))
        return cel_fail(
            eval, "parsing time \"" STR_FMT "\" as \"2006-01-02T15:04:05Z07:00\": cannot parse it",
            STR_ARG(args[0].text));
    return cel_time_in_range(time) ? cel_of_time(time, CEL_VALUE_TIMESTAMP)
                                   : overflow(eval, "timestamp overflow");
}

/* ---- optional values ---- */

struct cel_value cel_lib_optional_of(struct cel_eval *eval, const struct cel_value *args)
{
    return cel_optional_of(eval, args[0]);
}

struct cel_value cel_lib_optional_none(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    (void)args; /* there are none */
    return cel_optional_none();
}

struct cel_value cel_lib_optional_of_non_zero(struct cel_eval *eval, const struct cel_value *args)
{
    return cel_is_zero(&args[0]) ? cel_optional_none() : cel_optional_of(eval, args[0]);
}

struct cel_value cel_lib_has_value(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_bool(args[0].inner != NULL);
}

struct cel_value cel_lib_value(struct cel_eval *eval, const struct cel_value *args)
{
    return args[0].inner ? *args[0].inner : cel_fail(eval, "optional.none() dereference");
}

struct cel_value cel_lib_or(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return args[args[0].inner ? 0 : 1];
}

struct cel_value cel_lib_or_value(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return args[0].inner ? *args[0].inner : args[1];
}
