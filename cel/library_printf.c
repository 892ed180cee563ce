/* string.format(): printf of CEL. Source: cel-go's ext/formatting.go, by its behaviour. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "cel/library.h"
#include "cel/text.h"

#define TEXT_MAX      ((size_t)32 << 20)
#define PRECISION_MAX 1000
#define DEPTH_MAX     64

struct printing {
    struct cel_eval *eval;
    struct buf out;
    struct cel_value failure; /* of kind CEL_VALUE_ERROR when something is wrong */
    const struct cel_value *value;
    int precision; /* -1: none given */
};

static bool wrong(struct printing *printing, const char *clause, const char *takes)
{
    printing->failure = cel_fail(
        printing->eval, "error during formatting: %s clause can only be used on %s, was given %s",
        clause, takes, cel_type_name(cel_type_of(printing->value)));
    return false;
}

/* ---- %s ---- */

static bool print_text(struct printing *printing, const struct cel_value *value, unsigned depth);

static bool print_list(struct printing *printing, const struct cel_value *list, unsigned depth)
{
    buf_add_char(&printing->out, '[');
    for (size_t i = 0; i < cel_count(list); i++) {
        struct cel_value item = cel_item(printing->eval, list, i);
        if (i)
            buf_add_text(&printing->out, ", ");
        if (!print_text(printing, &item, depth + 1))
            return false;
    }
    buf_add_char(&printing->out, ']');
    return true;
}

static int by_key(const void *a, const void *b)
{
    return cel_compare(a, b) == -1 ? -1 : 1;
}

static bool print_map(struct printing *printing, const struct cel_value *map, unsigned depth)
{
    struct cel_value keys = cel_map_keys(printing->eval, map), value;
    if (keys.kind != CEL_VALUE_LIST) {
        printing->failure = keys;
        return false;
    }
    qsort(keys.list->items, keys.list->count, sizeof(keys), by_key);
    buf_add_char(&printing->out, '{');
    for (size_t i = 0; i < keys.list->count; i++) {
        if (i)
            buf_add_text(&printing->out, ", ");
        if (!print_text(printing, &keys.list->items[i], depth + 1))
            return false;
        buf_add_text(&printing->out, ": ");
        if (!cel_map_find(printing->eval, map, &keys.list->items[i], &value) ||
            !print_text(printing, &value, depth + 1))
            return false;
    }
    buf_add_char(&printing->out, '}');
    return true;
}

static bool print_text(struct printing *printing, const struct cel_value *value, unsigned depth)
{
    printing->value = value;
    if (cel_is_error(value)) {
        printing->failure = *value;
        return false;
    }
    if (depth > DEPTH_MAX)
        return wrong(printing, "string", "values that nest less deep");
    if (cel_is_list(value))
        return print_list(printing, value, depth);
    if (cel_is_map(value))
        return print_map(printing, value, depth);
    if (value->kind == CEL_VALUE_OPAQUE || value->kind == CEL_VALUE_OPTIONAL ||
        value->kind == CEL_VALUE_COMPOSED)
        return wrong(
            printing, "string",
            "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps");
    if (value->kind == CEL_VALUE_DOUBLE && (isnan(value->real) || isinf(value->real)))
        buf_add_text(&printing->out, isnan(value->real) ? "NaN"
                                     : value->real < 0  ? "-Infinity"
                                                        : "Infinity");
    else
        cel_value_write(&printing->out, value);
    return true;
}

static bool print_string(struct printing *printing)
{
    return print_text(printing, printing->value, 0);
}

/* ---- numbers ---- */

static bool print_decimal(struct printing *printing)
{
    const struct cel_value *value = printing->value;
    if (value->kind == CEL_VALUE_INT || value->kind == CEL_VALUE_UINT) {
        cel_value_write(&printing->out, value);
        return true;
    }
    if (value->kind == CEL_VALUE_DOUBLE && !isfinite(value->real))
        return print_text(printing, value, 0);
    return wrong(printing, "decimal", "integers");
}

static bool as_double(struct printing *printing, double *out)
{
    const struct cel_value *value = printing->value;
    if (value->kind == CEL_VALUE_DOUBLE)
        *out = value->real;
    else if (value->kind == CEL_VALUE_INT)
        *out = (double)value->integer;
    else if (value->kind == CEL_VALUE_UINT)
        *out = (double)value->natural;
    else if (value->kind == CEL_VALUE_STRING && str_is(value->text, "NaN"))
        *out = NAN;
    else if (value->kind == CEL_VALUE_STRING &&
             (str_is(value->text, "Infinity") || str_is(value->text, "-Infinity")))
        *out = value->text.data[0] == '-' ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

static bool print_special(struct printing *printing, double number)
{
    if (isfinite(number))
        return false;
    buf_add_text(&printing->out, isnan(number) ? "NaN" : number < 0 ? "-∞" : "∞");
    return true;
}

static bool print_fixed(struct printing *printing)
{
    double number;
    if (!as_double(printing, &number))
        return wrong(printing, "fixed-point", "doubles");
    if (!print_special(printing, number))
        buf_printf(&printing->out, "%.*f", printing->precision < 0 ? 6 : printing->precision,
                   number);
    return true;
}

/* 1.5 × 10⁰³ */
static bool print_scientific(struct printing *printing)
{
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    double number;
    if (!as_double(printing, &number))
        return wrong(printing, "scientific", "doubles");
    if (print_special(printing, number))
        return true;
    CLEANUP(free_ptr)
    char *text = xasprintf("%.*e", printing->precision < 0 ? 6 : printing->precision, number);
    char *mark = strchr(text, 'e');
    *mark = '\0';
    buf_printf(&printing->out, "%s\u202f×\u202f10%s", text, mark[1] == '-' ? "⁻" : "");
    for (const char *digit = mark + 2; *digit; digit++)
        buf_add_text(&printing->out, raised[*digit - '0']);
    return true;
}

static void print_base(struct buf *out, uint64_t number, unsigned base, bool upper)
{
    char digits[64];
    size_t at = sizeof(digits);
    do
        digits[--at] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[number % base];
    while (number /= base);
    buf_add(out, digits + at, sizeof(digits) - at);
}

static bool print_whole(struct printing *printing, unsigned base, bool upper)
{
    const struct cel_value *value = printing->value;
    bool negative = value->kind == CEL_VALUE_INT && value->integer < 0;
    if (negative)
        buf_add_char(&printing->out, '-');
    if (value->kind == CEL_VALUE_INT)
        print_base(&printing->out,
                   negative ? 0 - (uint64_t)value->integer : (uint64_t)value->integer, base, upper);
    else if (value->kind == CEL_VALUE_UINT)
        print_base(&printing->out, value->natural, base, upper);
    return value->kind == CEL_VALUE_INT || value->kind == CEL_VALUE_UINT;
}

static bool print_binary(struct printing *printing)
{
    if (printing->value->kind == CEL_VALUE_BOOL) {
        buf_add_char(&printing->out, printing->value->boolean ? '1' : '0');
        return true;
    }
    return print_whole(printing, 2, false) || wrong(printing, "binary", "integers and bools");
}

static bool print_octal(struct printing *printing)
{
    return print_whole(printing, 8, false) || wrong(printing, "octal", "integers");
}

static bool print_hex_of(struct printing *printing, bool upper)
{
    const struct cel_value *value = printing->value;
    if (value->kind == CEL_VALUE_STRING || value->kind == CEL_VALUE_BYTES) {
        for (size_t i = 0; i < value->text.len; i++)
            buf_printf(&printing->out, upper ? "%02X" : "%02x", (unsigned char)value->text.data[i]);
        return true;
    }
    return print_whole(printing, 16, upper) ||
           wrong(printing, "hex", "integers, byte buffers, and strings");
}

static bool print_hex(struct printing *printing)
{
    return print_hex_of(printing, false);
}

static bool print_upper_hex(struct printing *printing)
{
    return print_hex_of(printing, true);
}

/* ---- clauses ---- */

static const struct clause {
    char letter;
    bool (*print)(struct printing *printing);
} clauses[] = {{'s', print_string},     {'d', print_decimal},  {'f', print_fixed},
               {'e', print_scientific}, {'b', print_binary},   {'o', print_octal},
               {'x', print_hex},        {'X', print_upper_hex}};

static const struct clause *clause_of(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(clauses); i++)
        if (clauses[i].letter == letter)
            return &clauses[i];
    return NULL;
}

/* .N */
static bool read_precision(struct printing *printing, struct str text, size_t *at)
{
    printing->precision = -1;
    if (*at >= text.len || text.data[*at] != '.')
        return true;
    printing->precision = 0;
    for (++*at; *at < text.len && isdigit((unsigned char)text.data[*at]); ++*at) {
        printing->precision = printing->precision * 10 + (text.data[*at] - '0');
        if (printing->precision > PRECISION_MAX)
            return false;
    }
    return true;
}

static bool print_clause(struct printing *printing, const struct cel_value *args, size_t *at,
                         size_t *used)
{
    struct str text = args[0].text;
    if (*at >= text.len) {
        printing->failure = cel_fail(printing->eval, "unexpected end of string");
        return false;
    }
    if (text.data[*at] == '%') {
        buf_add_char(&printing->out, '%');
        ++*at;
        return true;
    }
    if (*used >= cel_count(&args[1])) {
        printing->failure = cel_fail(printing->eval, "index %zu out of range", *used);
        return false;
    }
    struct cel_value value = cel_item(printing->eval, &args[1], (*used)++);
    printing->value = &value;
    const struct clause *clause =
        read_precision(printing, text, at) && *at < text.len ? clause_of(text.data[*at]) : NULL;
    if (!clause) {
        printing->failure =
            cel_fail(printing->eval,
                     "could not parse formatting clause: unrecognized formatting clause \"%.*s\"",
                     *at < text.len ? 1 : 0, text.data + *at);
        return false;
    }
    ++*at;
    return clause->print(printing);
}

struct cel_value cel_lib_format(struct cel_eval *eval, const struct cel_value *args)
{
    struct printing printing = {.eval = eval, .out = BUF_INIT(TEXT_MAX)};
    struct str text = args[0].text;
    size_t used = 0;
    bool ok = cel_eval_work(eval, text.len);
    for (size_t at = 0; ok && at < text.len;) {
        const char *mark = memchr(text.data + at, '%', text.len - at);
        size_t end = mark ? (size_t)(mark - text.data) : text.len;
        buf_add(&printing.out, text.data + at, end - at);
        at = end + 1;
        if (mark)
            ok = cel_eval_work(eval, 64) && print_clause(&printing, args, &at, &used);
    }
    struct cel_value value = printing.failure;
    if (ok && buf_ok(&printing.out) && cel_eval_work(eval, printing.out.len))
        value = cel_copy_text(eval, buf_str(&printing.out));
    else if (cel_is_stopped(eval))
        value = cel_stopped(eval);
    else if (value.kind != CEL_VALUE_ERROR)
        value = cel_fail(eval, "operation cancelled: the text is too long");
    buf_free(&printing.out);
    return value;
}
