/* Quantities: reading, rounding, canonical text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/quantity.h"

static void test_canonical(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        {"0", "0"},
        {"0m", "0"},
        {"00", "0"},
        {"-0", "0"},
        {"1", "1"},
        {"0.5", "500m"},
        {"500m", "500m"},
        {"1000m", "1"},
        {"1500m", "1500m"},
        {"1.5", "1500m"},
        {"1.500", "1.500"},
        {"0.1", "100m"},
        {"100m", "100m"},
        {"1024Mi", "1Gi"},
        {"1Gi", "1Gi"},
        {"1.5Gi", "1536Mi"},
        {"512Ki", "512Ki"},
        {"1000Ki", "1000Ki"},
        {"1024", "1024"},
        {"1023Ki", "1023Ki"},
        {"1000", "1k"},
        {"1k", "1k"},
        {"1000k", "1M"},
        {"1e3", "1e3"},
        {"1000e3", "1e6"},
        {"12e6", "12e6"},
        {"1E3", "1E3"},
        {"1E", "1E"},
        {"123456789n", "123456789n"},
        {"0.9n", "1n"},
        {"1.0000000001", "1000000001n"},
        {"-1", "-1"},
        {"-1.5", "-1500m"},
        {"+5", "+5"},
        {".5", "500m"},
        {"5.", "5."},
        {"8Ei", "9223372036854775807"},
        {"1.2345", "1234500u"},
        {"0.5Mi", "512Ki"},
        {"0.0001Ki", "102400u"},
        {"100Ki", "100Ki"},
        {"0.5Ki", "512"},
        {"9999999999999999999", "9999999999999999999"},
        {" 1 ", "1"},
        {"Mi", "0"},
        {"1.0", "1"},
        {"10", "10"},
        {"100000", "100k"},
        {"128Mi", "128Mi"},
        {"2048Mi", "2Gi"},
        {"64000Ki", "64000Ki"},
        {"1e-3", "1e-3"},
        {"1e-1", "100e-3"},
        {"", NULL},
        {"a", NULL},
        {"1a", NULL},
        {"1 Mi", NULL},
        {"1ki", NULL},
        {"1KI", NULL},
        {"1mi", NULL},
        {"--1", NULL},
        {"1.2.3", NULL},
        {"e", NULL},
        {"1e", NULL},
        {"1ee3", NULL},
        {"1e3.5", NULL},
        {"1i", NULL},
        {"0x10", NULL},
        {"1,5", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[QUANTITY_TEXT_SIZE] = "";
        bool ok = quantity_canonical(str_of(cases[i].in), out);
        if (ok != (cases[i].out != NULL) || (ok && strcmp(out, cases[i].out) != 0))
            fail_msg("%s: got %s, want %s", cases[i].in, ok ? out : "refused",
                     cases[i].out ? cases[i].out : "refused");
    }
}

static void test_milli_rounding(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"0.0001", "1m"}, {"1n", "1m"},   {"1.0005", "1001m"},
                 {"100m", "100m"}, {"1u", "1m"},   {"1100u", "2m"},
                 {"-1n", "-1m"},   {"1Gi", "1Gi"}, {"0.5", "500m"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[QUANTITY_TEXT_SIZE] = "";
        assert_true(quantity_canonical_milli(str_of(cases[i].in), out));
        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s: got %s, want %s", cases[i].in, out, cases[i].out);
    }
}

static void test_values(void **state)
{
    static const struct {
        const char *in;
        int64_t value, milli;
        /* clang-format off */
    } cases[] = {
        {"1", 1, 1000},          {"1500m", 2, 1500},           {"100m", 1, 100},        {"1n", 1, 1},
        {"-1500m", -2, -1500},   {"1Gi", 1073741824, 1073741824000}, {"1G", 1000000000, 1000000000000},
        {"8Ei", INT64_MAX, INT64_MAX}, {"1e40", INT64_MAX, INT64_MAX}, {"-1e40", -INT64_MAX, -INT64_MAX},
        {"1e999999999", INT64_MAX, INT64_MAX}, {"1e-999999999", 1, 1}, {"0", 0, 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct quantity quantity;
        assert_true(quantity_parse(str_of(cases[i].in), &quantity));
        if (quantity_value(&quantity) != cases[i].value ||
            quantity_milli(&quantity) != cases[i].milli)
            fail_msg("%s: got %lld and %lld", cases[i].in, (long long)quantity_value(&quantity),
                     (long long)quantity_milli(&quantity));
    }
}

static void test_no_text(void **state)
{
    struct quantity quantity;
    (void)state;
    assert_false(quantity_parse((struct str){0}, &quantity));
    assert_false(quantity_parse(STR(""), &quantity));
}

static struct quantity parsed(const char *text)
{
    struct quantity quantity;
    assert_true(quantity_parse(str_of(text), &quantity));
    return quantity;
}

static void test_arithmetic(void **state)
{
    struct quantity a = parsed("1Gi"), b = parsed("512Mi"), c = parsed("1024Mi"),
                    zero = parsed("0");
    char out[QUANTITY_TEXT_SIZE];
    (void)state;
    assert_int_equal(quantity_compare(&a, &c), 0);
    assert_true(quantity_compare(&a, &b) > 0);
    assert_true(quantity_compare(&b, &a) < 0);
    struct quantity sum = quantity_add(&a, &b);
    quantity_format(&sum, out);
    assert_string_equal(out, "1536Mi");
    sum = quantity_add(&zero, &b);
    quantity_format(&sum, out);
    assert_string_equal(out, "512Mi");
    sum = quantity_sub(&b, &a);
    quantity_format(&sum, out);
    assert_string_equal(out, "-512Mi");
    sum = quantity_from_milli(2500, QUANTITY_DECIMAL_SI);
    quantity_format(&sum, out);
    assert_string_equal(out, "2500m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical),  cmocka_unit_test(test_milli_rounding),
        cmocka_unit_test(test_values),     cmocka_unit_test(test_no_text),
        cmocka_unit_test(test_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
