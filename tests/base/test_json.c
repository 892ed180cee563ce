/* JSON and YAML: what is read, what is refused, what is written. */
#include "tests/test.h"

#include "base/json.h"
#include "base/json_scan.h"
#include "base/json_tape.h"

static char *rewritten(json_t *value)
{
    struct buf out = BUF_TEXT;
    json_write(&out, value);
    return buf_take(&out);
}

static void json_documents(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* out NULL: refused */
    } rows[] = {
        {"{\"a\":1,\"b\":[true,null,\"x\"]}", "{\"a\":1,\"b\":[true,null,\"x\"]}"},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
        {"\"<&>\\u2028\\u00e9\\u0001\"", "\"\\u003c\\u0026\\u003e\\u2028\xc3\xa9\\u0001\""},
        {"1.5", "1.5"},
        {"0.1", "0.1"},
        {"1e3", "1000"},
        {"1e21", "1e+21"},
        {"-2.5e-7", "-2.5e-7"},
        {"0.0", "0"},
        {"", NULL},
        {"{", NULL},
        {"{} x", NULL},
        {"\"\xff\"", NULL},
        {"99999999999999999999", "100000000000000000000"},
        {"123456789012345678901.3", "123456789012345680000"},
        {"-98765432109876543210.5", "-98765432109876540000"},
        {"1e999", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value = json_parse(str_of(rows[i].in), JSON_LOAD_LENIENT, &err);
        if (!rows[i].out) {
            assert_null(value);
            assert_int_equal(err.code, 400);
            continue;
        }
        if (!value)
            fail_msg("%s: %s", rows[i].in, err.message);
        CLEANUP(free_ptr) char *text = rewritten(value);
        assert_string_equal(text, rows[i].out);
    }
}

/* Clients see these: Go's words. */
static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *in, *message;
    } rows[] = {
        {"", "unexpected end of JSON input"},
        {"{\"a\":", "unexpected end of JSON input"},
        {"[1", "unexpected end of JSON input"},
        {"\"a", "unexpected end of JSON input"},
        {"nul", "unexpected end of JSON input"},
        {"x", "invalid character 'x' looking for beginning of value"},
        {"[1,]", "invalid character ']' looking for beginning of value"},
        {"{a", "invalid character 'a' looking for beginning of object key string"},
        {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
        {"{\"a\" 1}", "invalid character '1' after object key"},
        {"{\"a\":1 2}", "invalid character '2' after object key:value pair"},
        {"[1 \"a\"]", "invalid character '\"' after array element"},
        {"{} {", "invalid character '{' after top-level value"},
        {"\"a\nb\"", "invalid character '\\n' in string literal"},
        {"\"\\x\"", "invalid character 'x' in string escape code"},
        {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"},
        {"trux", "invalid character 'x' in literal true (expecting 'e')"},
        {"-x", "invalid character 'x' in numeric literal"},
        {"01", "invalid character '1' after top-level value"},
        {"1.x", "invalid character 'x' after decimal point in numeric literal"},
        {"1ex", "invalid character 'x' in exponent of numeric literal"},
        {"\xc3\xa9", "invalid character '\xc3\x83' looking for beginning of value"},
        {"\"\xc0\x80\"", "invalid UTF-8 in string literal"},
        {"\"\xed\xa0\x80\"", "invalid UTF-8 in string literal"},
        {"\"\xe2\x82\"", "invalid UTF-8 in string literal"},
        {"\"\xf4\x90\x80\x80\"", "invalid UTF-8 in string literal"},
        {"\"\\ud83dx\"", "half a surrogate pair in a string: \\ud83d"},
        {"\"\\ude00\\ud83d\"", "half a surrogate pair in a string: \\ude00"},
        {"\"\\ud83d\\u0041\"", "half a surrogate pair in a string: \\ud83d"},
        {"\"\\u0000\"", "\\u0000 is not allowed in a string"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value = json_parse(str_of(rows[i].in), JSON_LOAD_LENIENT, &err);
        assert_null(value);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void escapes_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *in, *text;
    } rows[] = {
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"a\\u00e9b\\u20acc\"", "a\xc3\xa9"
                                  "b\xe2\x82\xac"
                                  "c"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\xf4\x8f\xbf\xbf\"", "\xf4\x8f\xbf\xbf"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value = json_parse(str_of(rows[i].in), JSON_LOAD_STRICT, &err);
        if (!value)
            fail_msg("%s: %s", rows[i].in, err.message);
        assert_string_equal(json_string_value(value), rows[i].text);
    }
}

/* More tokens than are at hand, on a tape that is used twice. */
static void tapes_grow_and_serve_again(void **state)
{
    (void)state;
    CLEANUP(json_tape_free) struct json_tape tape = {0};
    CLEANUP(error_clear) struct error err = {0};
    for (int count = 3000; count; count -= 1500) {
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        for (int i = 0; i < count; i++)
            buf_printf(&text, "%s{\"n\":%d}", i ? "," : "[", i);
        buf_add_char(&text, ']');
        assert_true(json_tape_read(&tape, buf_str(&text), &err));
        assert_int_equal(tape.count, 1 + 3 * count);
        assert_int_equal(tape.tokens[0].next, tape.count);
        json_auto_t *value = json_parse(buf_str(&text), JSON_LOAD_STRICT, &err);
        assert_int_equal(json_array_size(value), count);
    }
}

static void depth_is_limited(void **state)
{
    (void)state;
    for (int levels = JSON_DEPTH_MAX; levels <= JSON_DEPTH_MAX + 1; levels++) {
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        CLEANUP(error_clear) struct error err = {0};
        for (int i = 0; i < levels; i++)
            buf_add_char(&text, '[');
        for (int i = 0; i < levels; i++)
            buf_add_char(&text, ']');
        json_auto_t *json = json_parse(buf_str(&text), JSON_LOAD_STRICT, &err);
        json_auto_t *yaml = yaml_parse(buf_str(&text), JSON_LOAD_STRICT, &err);
        assert_int_equal(json != NULL, levels <= JSON_DEPTH_MAX);
        assert_int_equal(yaml != NULL, levels <= JSON_DEPTH_MAX);
    }
}

static void yaml_documents(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"a: 1\nb: [x, 'y', \"z\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"]}"},
        {"a: yes\nb: 'yes'\nc: ~\nd: 0o17\ne: 0x1F\nf: 1e3\ng: 1.50\nh: 1.2.3\ni: 017\n",
         "{\"a\":true,\"b\":\"yes\",\"c\":null,\"d\":15,\"e\":31,\"f\":1000,\"g\":1.5,\"h\":\"1.2."
         "3\",\"i\":15}"},
        {"a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
        {"a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  l: w\n",
         "{\"a\":{\"k\":\"v\"},\"b\":{\"k\":\"v\"},\"c\":{\"k\":\"v\",\"l\":\"w\"}}"},
        {"a: &x {k: v}\nb: &y {l: w}\nc:\n  <<: [*x, *y, {k: u}]\n",
         "{\"a\":{\"k\":\"v\"},\"b\":{\"l\":\"w\"},\"c\":{\"k\":\"v\",\"l\":\"w\"}}"},
        {"a: 100m\nb: 1Gi\nc: 2026-01-02\n", "{\"a\":\"100m\",\"b\":\"1Gi\",\"c\":\"2026-01-02\"}"},
        {"a: 1_000\nb: -1_0.5\nc: 0x1_F\nd: _1\ne: a_1\nf: '1_0'\ng: ._5\nh: +1_\n",
         "{\"a\":1000,\"b\":-10.5,\"c\":31,\"d\":\"_1\",\"e\":\"a_1\",\"f\":\"1_0\",\"g\":\"._5\","
         "\"h\":1}"},
        {"[2.0, -0.0, 1e21, 18446744073709551615, 9223372036854775807, 1e18]",
         "[2,0,1e+21,18446744073709552000,9223372036854775807,1000000000000000000]"},
        {"{\"a\": 2.0, \"b\": 1.50}", "{\"a\":2,\"b\":1.5}"},
        {"", "null"},
        {"{\"a\": {\"b\": 1}}", "{\"a\":{\"b\":1}}"},
        {"a: [", NULL},
        {"a: *nothing\n", NULL},
        {"a: {<<: [1]}\n", NULL},
        {"? [a]\n: b\n", NULL},
        {"a: \"x\\0y\"\n", NULL},
        {"\"x\\0y\": a\n", NULL},
        {"a: 1\n---\nb: 2\n", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value = yaml_parse(str_of(rows[i].in), JSON_LOAD_LENIENT, &err);
        if (!rows[i].out) {
            assert_null(value);
            assert_int_equal(err.code, 400);
            continue;
        }
        if (!value)
            fail_msg("%s: %s", rows[i].in, err.message);
        CLEANUP(free_ptr) char *text = rewritten(value);
        assert_string_equal(text, rows[i].out);
    }
}

static void anchor_bombs_are_refused(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(error_clear) struct error err = {0};
    buf_add_text(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 12; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_printf(&text, "%s*a%d", j ? "," : "", i - 1);
        buf_add_text(&text, "]\n");
    }
    json_auto_t *value = yaml_parse(buf_str(&text), JSON_LOAD_LENIENT, &err);
    assert_null(value);
    assert_int_equal(err.code, 400);
}

/* Each alias is within the limit, the tree that they would make is not. */
static void aliases_count_as_depth(void **state)
{
    (void)state;
    enum { LEVELS = 60 };
    for (int aliases = 0; aliases < 3; aliases++) {
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        CLEANUP(error_clear) struct error err = {0};
        buf_add_text(&text, "a0: &a0 x\n");
        for (int i = 1; i <= aliases; i++)
            buf_printf(&text, "a%d: &a%d %.*s*a%d%.*s\n", i, i, LEVELS,
                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", i - 1,
                       LEVELS, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        json_auto_t *value = yaml_parse(buf_str(&text), JSON_LOAD_LENIENT, &err);
        assert_int_equal(value != NULL, aliases < 2);
    }
}

static void yaml_written_reads_back(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"a\":\"yes\",\"b\":[\"1\",{\"c\":\"x: y\",\"d\":[]},[\"n\"]],\"e\":{}}",
        "{\"script\":\"#!/bin/sh\\necho hi\\n\",\"keep\":\"a\\nb\",\"blank\":\"\",\"lead\":\" x\"}",
        "{\"n\":-1,\"r\":1.5,\"t\":true,\"z\":null,\"q\":\"#c\",\"u\":\"caf\xc3\xa9\",\"more\":"
        "\"a\\n\\n\\n\"}",
        "{\"key\\nof lines\":\"x\",\"a: b\":\"- "
        "c\",\"del\":\"a\\u007fb\",\"next\":\"a\\u0085b\\nc\",\"mark\":\"\\ufeffa\\u2028\\nb\"}",
        "\"0\\n:2a\"",
        "[\"1_0\",\"0x_1\",\"-1_\",\"+_1_0.5\",\"_1\",\"a_1\"]",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        json_auto_t *value = json_parse(str_of(rows[i]), JSON_LOAD_STRICT, &err);
        yaml_write(&out, value);
        json_auto_t *again = yaml_parse(buf_str(&out), JSON_LOAD_STRICT, &err);
        if (!json_equal(value, again))
            fail_msg("%s\n%s", rows[i], out.data);
    }
}

static void json_with_line_breaks(void **state)
{
    static const struct {
        const char *plain, *broken;
    } rows[] = {
        {"{}", "{}"},
        {"[]\n", "[]"},
        {"\"a{:,\\\"\"", "\"a{:,\\\"\""},
        {"{\"a\":1,\"b\":[]}", "{\n  \"a\": 1,\n  \"b\": []\n}"},
        {"[{\"a\":{}},2]", "[\n  {\n    \"a\": {}\n  },\n  2\n]"},
        {"{\"a\":\"", "{\n  \"a\": \""}, /* cut short */
        {"}]", "\n}\n]"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        json_indent(&out, str_of(rows[i].plain));
        assert_string_equal(out.data, rows[i].broken);
    }
}

/* Source: the order that Go's YAML writer gives the same keys. */
static void yaml_keys_in_order(void **state)
{
    static const char source[] =
        "{\"b\":1,\"a10\":1,\"a2\":1,\"a\":1,\"B\":1,\"a02\":1,\"a/b\":1,"
        "\".x\":1,\"a-b\":{\"z\":1,\"w\":[{\"d\":1,\"c\":1}]},\"10\":1,\"9\":1}";
    static const char wanted[] =
        ".x: 1\n\"9\": 1\n\"10\": 1\nB: 1\na: 1\na-b:\n  w:\n  - c: 1\n    d: 1\n"
        "  z: 1\na/b: 1\na2: 1\na02: 1\na10: 1\nb: 1\n";
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    json_auto_t *value = json_parse(STR(source), JSON_LOAD_STRICT, &err);
    (void)state;
    yaml_sort(value);
    yaml_write(&out, value);
    assert_string_equal(out.data, wanted);
}

/* One item at a time, or the whole: the same bytes. */
static void yaml_lists_as_trees(void **state)
{
    static const char *const rows[] = {
        "{\"kind\":\"List\",\"items\":[],\"apiVersion\":\"v1\"}",
        "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"metadata\":{\"items\":[],\"x\":\"items: "
        "[]\\n\"},"
        "\"items\":[{\"b\":[1,[2]],\"a\":{\"items\":[]}},{},[],\"],\",7,null,{\"c\":\"a\\nb\\n\"}]"
        "}",
        "{\"rows\":[{\"cells\":[\"x\",1]}],\"kind\":\"Table\"}",
        "{\"items\":[[1,2],[3]]}",
        "{\"items\":{\"a\":1}}",
        "[{\"items\":[1]}]",
        "\"items\"",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(buf_free) struct buf whole = BUF_TEXT;
        CLEANUP(buf_free) struct buf listed = BUF_TEXT;
        json_auto_t *tree = json_parse(str_of(rows[i]), JSON_LOAD_STRICT, &err);
        yaml_sort(tree);
        yaml_write(&whole, tree);
        assert_true(yaml_write_list(&listed, str_of(rows[i])));
        assert_string_equal(listed.data, whole.data);
    }
    static const char *const broken[] = {"", "{\"items\":[1,]}", "{\"items\":[1",
                                         "{\"items\":[{]}"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        assert_false(yaml_write_list(&out, str_of(broken[i])));
    }
}

/* Each byte at each place of a string, behind and before any other: the eight bytes that are looked
 * at at once say the same as one by one. */
static void strings_end_where_they_end(void **state)
{
    (void)state;
    static const char fillers[] = {'a', '!', '#', '[', ']', 0x7f};
    struct json_tape tape = {0};
    for (size_t len = 1; len < 20; len++)
        for (size_t at = 0; at < len; at++)
            for (unsigned c = 1; c < 256; c++) {
                CLEANUP(error_clear) struct error err = {0};
                char text[24] = "\"";
                memset(text + 1, fillers[(len + at + c) % sizeof(fillers)], len);
                text[1 + at] = (char)c;
                text[1 + len] = '"';
                bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
                if (json_tape_read(&tape, (struct str){text, len + 2}, &err) != plain)
                    fail_msg("%u at %zu of %zu", c, at, len);
                if (plain)
                    assert_int_equal(tape.tokens[0].len, len);
            }
    json_tape_free(&tape);
}

/* Where the value that text begins with ends, wherever in blocks of 64 bytes it lies. */
static void values_end_where_they_end(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{}",
        "[]",
        "\"\"",
        "12",
        "null",
        "{\"a\":[1,{\"b\":[]}]}",
        "{\"k:{\\\"name\\\":\\\"}]\\\"}\":{}}",
        "[\"\\\\\",\"\\\\\\\"]\"]",
        "\"a\\\\\\\"b\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int before = 0; before < 70; before++)
            for (int inside = 0; inside < 70; inside += 3) {
                CLEANUP(buf_free) struct buf text = BUF_TEXT;
                buf_printf(&text, "[\"%*s\",%s]", inside, "", rows[i]);
                size_t len = text.len;
                buf_printf(&text, ",%*s}", before, "]");
                const char *end = text.data + text.len, *value = text.data + inside + 4;
                if (json_scan_value(text.data, end) != text.data + len ||
                    json_scan_value(value, end) != value + strlen(rows[i]))
                    fail_msg("%s behind %d", rows[i], inside);
                assert_null(json_scan_value(text.data, text.data + len - 1));
            }
}

static void members_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *json, *value, *text;
    } rows[] = {
        {"{\"a\":\"b\",\"kind\":\"Pod\",\"c\":1}", "\"Pod\"", "Pod"},
        {"{\"kind\":{\"kind\":1}}", "{\"kind\":1}", ""},
        {"{\"a\":{\"kind\":1}}", "", ""},
        {"{}", "", ""},
        {"[\"kind\"]", "", ""},
        {"{\"kind\"", "", ""},
        {"{\"kind\":", "", ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str json = str_of(rows[i].json);
        if (!str_is(json_member(json, STR("kind")), rows[i].value) ||
            !str_is(json_member_text(json, STR("kind")), rows[i].text))
            fail_msg("%s", rows[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_end_where_they_end),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(strings_end_where_they_end),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(escapes_are_read),
        cmocka_unit_test(tapes_grow_and_serve_again),
        cmocka_unit_test(json_documents),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(yaml_documents),
        cmocka_unit_test(anchor_bombs_are_refused),
        cmocka_unit_test(aliases_count_as_depth),
        cmocka_unit_test(yaml_written_reads_back),
        cmocka_unit_test(json_with_line_breaks),
        cmocka_unit_test(yaml_keys_in_order),
        cmocka_unit_test(yaml_lists_as_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
