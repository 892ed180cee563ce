/* Quantities in 128-bit nano units.
 *
 * Upstream keeps an int64 with a decimal scale and falls back to big decimals; nano units in 128
 * bits hold every value that either can (what is finer than nano is rounded up, what is larger
 * saturates). What upstream remembers of the original text is decided in quantity_canonical(). */
#include "base/quantity.h"

#include <stdio.h>
#include <string.h>

typedef __int128 wide;

#define NANO       ((wide)1000000000)
#define WIDE_MAX   ((wide)(~(unsigned __int128)0 >> 1))
#define BINARY_MAX ((wide)INT64_MAX * NANO)

struct suffix {
    const char *text;
    int exponent; /* of 10 or of 2 */
    enum quantity_format format;
};

static const struct suffix suffixes[] = {
    {"n", -9, QUANTITY_DECIMAL_SI}, {"u", -6, QUANTITY_DECIMAL_SI}, {"m", -3, QUANTITY_DECIMAL_SI},
    {"", 0, QUANTITY_DECIMAL_SI},   {"k", 3, QUANTITY_DECIMAL_SI},  {"M", 6, QUANTITY_DECIMAL_SI},
    {"G", 9, QUANTITY_DECIMAL_SI},  {"T", 12, QUANTITY_DECIMAL_SI}, {"P", 15, QUANTITY_DECIMAL_SI},
    {"E", 18, QUANTITY_DECIMAL_SI}, {"Ki", 10, QUANTITY_BINARY_SI}, {"Mi", 20, QUANTITY_BINARY_SI},
    {"Gi", 30, QUANTITY_BINARY_SI}, {"Ti", 40, QUANTITY_BINARY_SI}, {"Pi", 50, QUANTITY_BINARY_SI},
    {"Ei", 60, QUANTITY_BINARY_SI},
};

/* The parts of a quantity's text. */
struct parts {
    bool negative;
    struct str whole, fraction, suffix; /* whole: without leading zeros */
    int exponent;
    enum quantity_format format;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str take_digits(struct str *rest)
{
    struct str digits = {rest->data, 0};
    for (; rest->len && is_digit(rest->data[0]); digits.len++)
        *rest = (struct str){rest->data + 1, rest->len - 1};
    return digits;
}

/* "e3", "E-3": an exponent of ten. */
static bool read_exponent(struct str text, int *exponent)
{
    bool negative = false;
    int value = 0;
    if (text.len < 2 || (text.data[0] != 'e' && text.data[0] != 'E'))
        return false;
    text = (struct str){text.data + 1, text.len - 1};
    if (text.data[0] == '-' || text.data[0] == '+') {
        negative = text.data[0] == '-';
        text = (struct str){text.data + 1, text.len - 1};
    }
    if (text.len == 0 || text.len > 9)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *exponent = negative ? -value : value;
    return true;
}

static bool read_suffix(struct parts *parts)
{
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (!str_is(parts->suffix, suffixes[i].text))
            continue;
        parts->exponent = suffixes[i].exponent;
        parts->format = suffixes[i].format;
        return true;
    }
    parts->format = QUANTITY_DECIMAL_EXPONENT;
    return read_exponent(parts->suffix, &parts->exponent);
}

/* Sign, digits and fraction; the suffix is what is left. */
static void split(struct str text, struct parts *parts)
{
    *parts = (struct parts){0};
    if (text.len && (text.data[0] == '-' || text.data[0] == '+')) {
        parts->negative = text.data[0] == '-';
        text = (struct str){text.data + 1, text.len - 1};
    }
    while (text.len && text.data[0] == '0')
        text = (struct str){text.data + 1, text.len - 1};
    parts->whole = take_digits(&text);
    if (parts->whole.len == 0)
        parts->whole = STR("0");
    if (text.len && text.data[0] == '.') {
        text = (struct str){text.data + 1, text.len - 1};
        parts->fraction = take_digits(&text);
    }
    parts->suffix = text;
}

const char *quantity_problem(struct str text)
{
    struct parts parts;
    split(text, &parts);
    struct str rest = parts.suffix;
    while (rest.len && strchr("eEinumkKMGTP", rest.data[0]))
        rest = (struct str){rest.data + 1, rest.len - 1};
    if (rest.len && (rest.data[0] == '-' || rest.data[0] == '+'))
        rest = (struct str){rest.data + 1, rest.len - 1};
    (void)take_digits(&rest);
    return text.len && !rest.len ? "unable to parse quantity's suffix"
                                 : "quantities must match the regular expression "
                                   "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
}

/* acc * factor + add; saturates. */
static wide multiply_add(wide acc, wide factor, wide add)
{
    wide result;
    if (__builtin_mul_overflow(acc, factor, &result) ||
        __builtin_add_overflow(result, add, &result))
        return WIDE_MAX;
    return result;
}

static wide divide_up(wide value, wide divisor)
{
    return value / divisor + (value % divisor ? 1 : 0);
}

/* Digit `at` of whole and fraction written in a row. */
static char digit_at(const struct parts *parts, size_t at)
{
    return at < parts->whole.len ? parts->whole.data[at]
                                 : parts->fraction.data[at - parts->whole.len];
}

/* The digits read as one number times 10^shift, rounded up. */
static wide decimal_nano(const struct parts *parts, long shift)
{
    size_t count = parts->whole.len + parts->fraction.len;
    wide value = 0;
    bool more = false;
    for (size_t i = 0; i < count; i++) {
        bool below = shift < 0 && count - i <= (size_t)-shift;
        if (below)
            more = more || digit_at(parts, i) != '0';
        else
            value = multiply_add(value, 10, digit_at(parts, i) - '0');
    }
    for (long i = 0; i < shift && value && value < WIDE_MAX; i++)
        value = multiply_add(value, 10, 0);
    return more ? multiply_add(value, 1, 1) : value;
}

/* Exact enough: a fraction is cut after 18 digits, with what is lost rounded up. */
static wide binary_nano(const struct parts *parts)
{
    wide unit = (wide)1 << parts->exponent;
    wide whole = 0, fraction = 0, scale = 1;
    bool more = false;
    for (size_t i = 0; i < parts->whole.len; i++)
        whole = multiply_add(whole, 10, parts->whole.data[i] - '0');
    for (size_t i = 0; i < parts->fraction.len; i++) {
        if (i >= 9) {
            more = more || parts->fraction.data[i] != '0';
            continue;
        }
        fraction = fraction * 10 + (parts->fraction.data[i] - '0');
        scale *= 10;
    }
    wide part = divide_up(fraction * unit, scale);
    wide rest = divide_up((fraction * unit % scale) * NANO, scale);
    wide exact = fraction * unit % scale ? (part - 1) * NANO + rest : part * NANO;
    wide nano = multiply_add(multiply_add(whole, unit, 0), NANO, exact + (more ? 1 : 0));
    return nano > BINARY_MAX ? BINARY_MAX : nano;
}

static bool parse_parts(struct str text, struct parts *parts, struct quantity *out)
{
    split(text, parts);
    if (!text.len || !read_suffix(parts))
        return false;
    out->format = parts->format;
    if (parts->format == QUANTITY_BINARY_SI)
        out->nano = binary_nano(parts);
    else
        out->nano = decimal_nano(parts, 9L + parts->exponent - (long)parts->fraction.len);
    if (parts->format == QUANTITY_BINARY_SI && out->nano > 0 && out->nano < NANO)
        out->format = QUANTITY_DECIMAL_SI;
    if (parts->negative)
        out->nano = -out->nano;
    return true;
}

bool quantity_parse(struct str text, struct quantity *out)
{
    struct parts parts;
    return parse_parts(text, &parts, out);
}

/* Decimal digits of `value` and a suffix; at most 40 and 11 characters, and never both at their
 * longest. */
static void print(wide value, const char *suffix, char out[QUANTITY_TEXT_SIZE])
{
    char digits[44];
    size_t at = sizeof(digits);
    unsigned __int128 left = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left);
    if (value < 0)
        digits[--at] = '-';
    (void)snprintf(out, QUANTITY_TEXT_SIZE, "%s%s", digits + at,
                   suffix); /* cannot be cut: see above */
}

static void format_decimal(wide nano, enum quantity_format format, char out[QUANTITY_TEXT_SIZE])
{
    int exponent = -9;
    char suffix[12] = "";
    while (nano % 1000 == 0) {
        nano /= 1000;
        exponent += 3;
    }
    for (size_t i = 0; format == QUANTITY_DECIMAL_SI && i < ARRAY_LEN(suffixes); i++)
        if (suffixes[i].format == QUANTITY_DECIMAL_SI && suffixes[i].exponent == exponent) {
            print(nano, suffixes[i].text, out);
            return;
        }
    if (exponent)
        (void)snprintf(suffix, sizeof(suffix), "e%d", exponent); /* two digits */
    print(nano, suffix, out);
}

static void format_binary(wide value, char out[QUANTITY_TEXT_SIZE])
{
    int exponent = 0;
    while (value % 1024 == 0 && exponent < 60) {
        value /= 1024;
        exponent += 10;
    }
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        if (exponent && suffixes[i].format == QUANTITY_BINARY_SI &&
            suffixes[i].exponent == exponent) {
            print(value, suffixes[i].text, out);
            return;
        }
    print(value, "", out);
}

void quantity_format(const struct quantity *quantity, char out[QUANTITY_TEXT_SIZE])
{
    wide nano = quantity->nano;
    if (nano == 0)
        print(0, "", out);
    else if (quantity->format != QUANTITY_BINARY_SI)
        format_decimal(nano, quantity->format, out);
    else if ((nano > -1024 * NANO && nano < 1024 * NANO) || nano % NANO)
        format_decimal(nano, QUANTITY_DECIMAL_SI, out);
    else
        format_binary(nano / NANO, out);
}

static int64_t scaled(wide nano, wide unit)
{
    wide magnitude = nano < 0 ? -nano : nano;
    wide value = divide_up(magnitude, unit);
    if (value > INT64_MAX)
        value = INT64_MAX;
    return (int64_t)(nano < 0 ? -value : value);
}

int64_t quantity_value(const struct quantity *quantity)
{
    return scaled(quantity->nano, NANO);
}

int64_t quantity_milli(const struct quantity *quantity)
{
    return scaled(quantity->nano, NANO / 1000);
}

struct quantity quantity_from_milli(int64_t milli, enum quantity_format format)
{
    return (struct quantity){.nano = (wide)milli * (NANO / 1000), .format = format};
}

struct quantity quantity_add(const struct quantity *a, const struct quantity *b)
{
    struct quantity sum = *a;
    if (a->nano == 0)
        sum.format = b->format;
    if (__builtin_add_overflow(a->nano, b->nano, &sum.nano))
        sum.nano = a->nano < 0 ? -WIDE_MAX : WIDE_MAX;
    return sum;
}

struct quantity quantity_sub(const struct quantity *a, const struct quantity *b)
{
    struct quantity minus = {.nano = -b->nano, .format = b->format};
    return quantity_add(a, &minus);
}

int quantity_compare(const struct quantity *a, const struct quantity *b)
{
    return (a->nano > b->nano) - (a->nano < b->nano);
}

/* Fits upstream's int64 fast path? Only there is the original text remembered. */
static bool is_fast(const struct parts *parts, const struct quantity *quantity)
{
    int digits = (int)(parts->whole.len + parts->fraction.len);
    wide nano = quantity->nano < 0 ? -quantity->nano : quantity->nano;
    if (parts->whole.len + parts->fraction.len > 18)
        return false;
    if (parts->format != QUANTITY_BINARY_SI)
        return parts->exponent - (int)parts->fraction.len >= -9;
    int precision = 15 - (int)parts->whole.len - parts->exponent * 3 / 10 - 1;
    return parts->fraction.len == 0 && digits && precision >= 0 && nano < BINARY_MAX;
}

/* Upstream's test of "is in canonical form", with its gaps: "1.500" and "05" pass. */
static bool keeps_text(const struct parts *parts, const struct quantity *quantity)
{
    size_t count = parts->whole.len + parts->fraction.len;
    if (!is_fast(parts, quantity))
        return false;
    if (parts->format == QUANTITY_BINARY_SI)
        return parts->exponent % 10 == 0 &&
               (digit_at(parts, count - 1) - '0' +
                (count > 1 ? 2 * (digit_at(parts, count - 2) - '0') : 0) +
                (count > 2 ? 4 * (digit_at(parts, count - 3) - '0') : 0)) %
                       8 !=
                   0;
    bool round = count >= 3 && digit_at(parts, count - 1) == '0' &&
                 digit_at(parts, count - 2) == '0' && digit_at(parts, count - 3) == '0';
    return (parts->exponent - (int)parts->fraction.len) % 3 == 0 && !round &&
           digit_at(parts, 0) != '0';
}

bool quantity_canonical(struct str text, char out[QUANTITY_TEXT_SIZE])
{
    struct parts parts;
    struct quantity quantity;
    text = str_trim(text);
    if (!parse_parts(text, &parts, &quantity))
        return false;
    if (text.len < QUANTITY_TEXT_SIZE && keeps_text(&parts, &quantity))
        (void)snprintf(out, QUANTITY_TEXT_SIZE, STR_FMT, STR_ARG(text)); /* fits, as just checked */
    else
        quantity_format(&quantity, out);
    return true;
}

bool quantity_canonical_milli(struct str text, char out[QUANTITY_TEXT_SIZE])
{
    struct quantity quantity;
    if (!quantity_parse(str_trim(text), &quantity))
        return false;
    if (quantity.nano % (NANO / 1000) == 0)
        return quantity_canonical(text, out);
    quantity = quantity_from_milli(quantity_milli(&quantity), quantity.format);
    quantity_format(&quantity, out);
    return true;
}
