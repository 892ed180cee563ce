/* Scalars: what each kind of field accepts, and its canonical form.
 * Source: the UnmarshalJSON of apimachinery's types; Go's encoding/json for the rest. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "schema/decode_internal.h"
#include "base/go_duration.h"
#include "schema/go_base64.h"
#include "schema/go_text.h"
#include "schema/go_time.h"
#include "base/quantity.h"

#define BYTES_MAX ((size_t)4 << 20)

/* Context that all checks need. */
struct scalar {
    struct shaper *shaper;
    const struct step *step;
    const struct type *owner;
    const struct field *field;
    const json_t *value;
    json_t **out;
};

bool shape_mismatch(struct shaper *shaper, const struct step *step, const struct type *owner,
                    const struct field *field, bool item, const json_t *value)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(buf_free) struct buf path = BUF_TEXT;
    bool number = field->kind == FIELD_INT32 || field->kind == FIELD_INT64;
    if (shaper->converts) {
        go_conversion_error(&text, field, item, value);
        return error_bad_request(shaper->err, "%s", text.data);
    }
    buf_add_text(&text, "json: cannot unmarshal ");
    go_value_kind(&text, value, number && (item || field->card == CARD_ONE));
    step_write_fields(&path, step);
    buf_printf(&text, " into Go struct field %s.%s of type ", type_short_name(owner),
               path.data ? path.data : "");
    go_field_type(&text, field, item);
    return error_bad_request(shaper->err, "%s", buf_ok(&text) ? text.data : "malformed value");
}

static bool mismatch(const struct scalar *s)
{
    return shape_mismatch(s->shaper, s->step, s->owner, s->field, true, s->value);
}

/* For types that decode themselves: no field is named. */
static bool value_mismatch(const struct scalar *s, const char *go_type, bool with_number)
{
    CLEANUP(buf_free) struct buf kind = BUF_TEXT;
    json_auto_t *again = s->shaper->converts && json_is_real(s->value)
                             ? json_real(json_real_value(s->value)) /* as it is written anew */
                             : NULL;
    go_value_kind(&kind, again ? again : s->value, with_number);
    return error_bad_request(s->shaper->err, "json: cannot unmarshal %s into Go value of type %s",
                             kind.data, go_type);
}

static struct str text_of(const struct scalar *s)
{
    return (struct str){json_string_value(s->value), json_string_length(s->value)};
}

static bool check_string(const struct scalar *s)
{
    return json_is_string(s->value) || mismatch(s);
}

static bool check_bool(const struct scalar *s)
{
    return json_is_boolean(s->value) || mismatch(s);
}

static bool check_double(const struct scalar *s)
{
    return json_is_number(s->value) || mismatch(s);
}

static bool is_integer(const json_t *value, int64_t min, int64_t max)
{
    return json_is_integer(value) && json_integer_value(value) >= min &&
           json_integer_value(value) <= max;
}

/* Whether Go's converter makes a number an integer: it cuts off what does not fit, but takes no
 * fractions. */
static bool convert(const struct scalar *s, int64_t *whole)
{
    if (!s->shaper->converts || !json_is_number(s->value))
        return false;
    double real = json_real_value(s->value);
    bool fits = real > -9.2e18 && real < 9.2e18;
    if (json_is_real(s->value) && (trunc(real) > real || trunc(real) < real))
        return false;
    *whole = json_is_integer(s->value) ? json_integer_value(s->value)
             : fits                    ? (int64_t)real
                                       : INT64_MIN;
    return true;
}

static bool check_int32(const struct scalar *s)
{
    int64_t whole;
    if (is_integer(s->value, INT32_MIN, INT32_MAX))
        return true;
    if (!convert(s, &whole))
        return mismatch(s);
    *s->out = json_integer((int32_t)(uint32_t)(uint64_t)whole);
    return true;
}

static bool check_int64(const struct scalar *s)
{
    int64_t whole;
    if (json_is_integer(s->value))
        return true;
    if (!convert(s, &whole))
        return mismatch(s);
    *s->out = json_integer(whole);
    return true;
}

static bool check_bytes(const struct scalar *s)
{
    if (!json_is_string(s->value))
        return mismatch(s);
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(BYTES_MAX);
    size_t at;
    if (base64_decode(&bytes, text_of(s), BASE64_STANDARD))
        return true;
    buf_clear(&bytes);
    if (!go_base64_decode(&bytes, text_of(s), &at))
        return error_bad_request(s->shaper->err, "%sillegal base64 data at input byte %zu",
                                 s->shaper->converts ? "error decoding from json: " : "", at);
    CLEANUP(buf_free) struct buf text = BUF_INIT(BYTES_MAX * 2);
    base64_encode(&text, bytes.data, bytes.len, BASE64_STANDARD);
    *s->out = json_stringn(buf_ok(&text) && text.len ? text.data : "", text.len);
    return true;
}

static bool check_any_time(const struct scalar *s, enum go_time_layout layout,
                           void (*format)(int64_t, char[TIME_TEXT_SIZE]))
{
    CLEANUP(buf_free) struct buf why = BUF_TEXT;
    char text[TIME_TEXT_SIZE];
    int64_t at_us;
    if (!json_is_string(s->value))
        return value_mismatch(s, "string", false);
    if (!go_time_parse(text_of(s), layout, &at_us, &why))
        return error_bad_request(s->shaper->err, "%s", buf_ok(&why) ? why.data : "malformed time");
    format(at_us, text);
    if (!str_is(text_of(s), text))
        *s->out = json_string(text);
    return true;
}

static bool check_time(const struct scalar *s)
{
    return check_any_time(s, GO_TIME_SECONDS, time_format);
}

static bool check_micro_time(const struct scalar *s)
{
    return check_any_time(s, GO_TIME_MICRO, time_format_micro);
}

static bool check_duration(const struct scalar *s)
{
    CLEANUP(buf_free) struct buf quoted = BUF_TEXT;
    int64_t ns;
    if (!json_is_string(s->value))
        return value_mismatch(s, "string", false);
    if (go_duration_parse(text_of(s), &ns)) {
        char text[GO_DURATION_TEXT_SIZE];
        go_duration_format(ns, text);
        if (!str_is(text_of(s), text))
            *s->out = json_string(text);
        return true;
    }
    go_quote(&quoted, text_of(s));
    return error_bad_request(s->shaper->err, "time: invalid duration %s", quoted.data);
}

static bool check_quantity(const struct scalar *s)
{
    CLEANUP(buf_free) struct buf other = BUF_TEXT;
    char text[QUANTITY_TEXT_SIZE];
    const char *literal = s->shaper->converts ? NULL : json_real_literal(s->value);
    if (literal)
        buf_add_text(&other, literal);
    else if (!json_is_string(s->value))
        json_write(&other, s->value);
    struct str given = json_is_string(s->value) ? str_trim(text_of(s)) : buf_str(&other);
    bool told = json_is_string(s->value) || json_is_number(s->value);
    if (!told || !quantity_canonical(given, text))
        return error_bad_request(s->shaper->err, "%s", quantity_problem(given));
    if (!json_is_string(s->value) || !str_is(text_of(s), text))
        *s->out = json_string(text);
    return true;
}

static bool check_int_or_string(const struct scalar *s)
{
    int64_t whole;
    if (json_is_string(s->value) || is_integer(s->value, INT32_MIN, INT32_MAX))
        return true;
    if (!json_is_real(s->value) || !convert(s, &whole) || whole < INT32_MIN || whole > INT32_MAX)
        return value_mismatch(s, "int32", true);
    *s->out = json_integer(whole); /* JSON is made of it in between: 2.0 is 2 */
    return true;
}

static bool depth_ok(const json_t *value, unsigned levels)
{
    if (!levels)
        return !json_is_object(value) && !json_is_array(value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!depth_ok(json_array_get(value, i), levels - 1))
            return false;
    for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at))
        if (!depth_ok(json_object_iter_value(at), levels - 1))
            return false;
    return true;
}

/* Kept as it is; only what could not be read again is refused. */
static bool check_any(const struct scalar *s)
{
    unsigned above = s->step->depth + 1;
    if (above <= JSON_DEPTH_MAX && depth_ok(s->value, JSON_DEPTH_MAX - above))
        return true;
    return error_bad_request(s->shaper->err, "the document nests deeper than %d levels",
                             JSON_DEPTH_MAX);
}

static bool check_string_list(const struct scalar *s)
{
    for (size_t i = 0; i < json_array_size(s->value); i++)
        if (!json_is_string(json_array_get(s->value, i)))
            return mismatch(s);
    return json_is_array(s->value) || mismatch(s);
}

static bool (*const checks[])(const struct scalar *) = {
    [FIELD_STRING] = check_string,
    [FIELD_INT32] = check_int32,
    [FIELD_INT64] = check_int64,
    [FIELD_BOOL] = check_bool,
    [FIELD_DOUBLE] = check_double,
    [FIELD_BYTES] = check_bytes,
    [FIELD_TIME] = check_time,
    [FIELD_MICRO_TIME] = check_micro_time,
    [FIELD_DURATION] = check_duration,
    [FIELD_QUANTITY] = check_quantity,
    [FIELD_INT_OR_STRING] = check_int_or_string,
    [FIELD_RAW] = check_any,
    [FIELD_FIELDS_V1] = check_any,
    [FIELD_JSON] = check_any,
    [FIELD_STRING_LIST] = check_string_list,
};

bool shape_scalar(struct shaper *shaper, const struct step *step, const struct type *owner,
                  const struct field *field, const json_t *value, json_t **out)
{
    const struct scalar s = {shaper, step, owner, field, value, out};
    *out = NULL;
    return checks[field->kind](&s);
}
