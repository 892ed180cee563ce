/* Strings, numbers, times and codings: one table each. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/parse.h"
#include "base/strmap.h"
#include "base/strset.h"

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fine;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-7", true, -7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {" 1", false, 0},
        {"1x", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 0;
        bool fine = parse_i64(str_of(rows[i].text), INT64_MIN, INT64_MAX, &value);
        if (fine != rows[i].fine || value != rows[i].value)
            fail_msg("%s", rows[i].text);
    }
    int64_t value;
    assert_false(parse_i64(STR("11"), 0, 10, &value));
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text, *micro;
    } rows[] = {
        {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"},
        {"2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05.000006Z"},
        {"2024-02-29T23:59:59.1234567+01:30", "2024-02-29T22:29:59.123456Z"},
        {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"},
        {"2023-02-29T00:00:00Z", NULL},
        {"2026-01-02 03:04:05Z", NULL},
        {"2026-01-02T03:04:05", NULL},
        {"2026-01-02T03:04:05.Z", NULL},
        {"2026-01-02T24:00:00Z", NULL},
        {"2026-01-02T03:04:05Zx", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t at_us;
        char text[TIME_TEXT_SIZE];
        bool fine = time_parse(str_of(rows[i].text), &at_us);
        if (fine != (rows[i].micro != NULL))
            fail_msg("%s", rows[i].text);
        if (!fine)
            continue;
        time_format_micro(at_us, text);
        assert_string_equal(text, rows[i].micro);
    }
}

static void base64(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *standard, *url;
    } rows[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"\xfb\xff", "+/8=", "-_8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int kind = 0; kind < 2; kind++) {
            CLEANUP(buf_free) struct buf out = BUF_TEXT, back = BUF_TEXT;
            const char *coded = kind ? rows[i].url : rows[i].standard;
            base64_encode(&out, rows[i].plain, strlen(rows[i].plain), (enum base64_kind)kind);
            assert_true(str_is(buf_str(&out), coded));
            assert_true(base64_decode(&back, str_of(coded), (enum base64_kind)kind));
            assert_true(str_is(buf_str(&back), rows[i].plain));
        }
    }
    static const char *const malformed[] = {"Zg=", "Z", "Zg==Zg==", "Zh==", "Z g=", "====", "Zm9*"};
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        if (base64_decode(&out, str_of(malformed[i]), BASE64_STANDARD))
            fail_msg("%s", malformed[i]);
    }
}

static void buffers_keep_their_maximum(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf buf = BUF_INIT(10);
    buf_add_text(&buf, "0123456789");
    assert_true(buf_ok(&buf));
    assert_string_equal(buf.data, "0123456789");
    buf_add_char(&buf, 'x');
    assert_false(buf_ok(&buf));
    assert_null(buf_take(&buf));
    buf_clear(&buf);
    buf_printf(&buf, "%d", 42);
    CLEANUP(free_ptr) char *text = buf_take(&buf);
    assert_string_equal(text, "42");
    for (unsigned nth = 1; nth < 4; nth++) {
        CLEANUP(buf_free) struct buf failing = BUF_INIT(1000);
        mem_fail_nth(nth);
        for (int i = 0; i < 500; i++)
            buf_add_char(&failing, 'x');
        mem_fail_nth(0);
        assert_false(buf_ok(&failing));
    }
}

static void maps_and_sets(void **state)
{
    (void)state;
    struct strmap map = {0};
    struct strset set = {0};
    char key[16];
    int values[1000];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "key-%d", i);
        assert_null(strmap_put(&map, key, &values[i]));
        assert_true(strset_add(&set, key));
        assert_false(strset_add(&set, key));
    }
    for (int i = 0; i < 1000; i += 2) {
        (void)snprintf(key, sizeof(key), "key-%d", i);
        assert_ptr_equal(strmap_remove(&map, key), &values[i]);
        assert_true(strset_remove(&set, key));
    }
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "key-%d", i);
        assert_ptr_equal(strmap_get(&map, key), i % 2 ? &values[i] : NULL);
        assert_int_equal(strset_has(&set, key), i % 2);
    }
    size_t at = 0, seen = 0;
    const char *found;
    void *value;
    while (strmap_next(&map, &at, &found, &value))
        seen++;
    assert_int_equal(seen, 500);
    strmap_clear(&map);
    strset_clear(&set);
}

/* More than random bytes are fetched for at once: none comes twice. */
static void uuids_are_random_and_in_form(void **state)
{
    enum { COUNT = 200 };
    (void)state;
    CLEANUP(strset_clear) struct strset seen = {0};
    for (size_t i = 0; i < COUNT; i++) {
        char uuid[UUID_TEXT_SIZE];
        uuid_make(uuid);
        assert_int_equal(UUID_TEXT_SIZE - 1, strlen(uuid));
        assert_int_equal(UUID_TEXT_SIZE - 1, strspn(uuid, "0123456789abcdef-"));
        for (size_t at = 0; at < strlen(uuid); at++)
            assert_int_equal(at == 8 || at == 13 || at == 18 || at == 23, uuid[at] == '-');
        assert_int_equal('4', uuid[14]);
        assert_non_null(strchr("89ab", uuid[19]));
        assert_true(strset_add(&seen, uuid));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(times),
        cmocka_unit_test(base64),
        cmocka_unit_test(uuids_are_random_and_in_form),
        cmocka_unit_test(buffers_keep_their_maximum),
        cmocka_unit_test(maps_and_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
