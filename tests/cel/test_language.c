/* The language: literals, operators, macros, optional values, and what goes wrong. */
#include "base/buf.h"
#include "tests/cel/support_cel.h"
#include "tests/test.h"

struct row {
    const char *source, *wanted;
};

static void check_rows(const struct row *rows, size_t count, const char *json)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char *found = cel_test_run(rows[i].source, json);
        if (strcmp(found, rows[i].wanted) != 0) {
            print_error("%s\n  found:  %s\n  wanted: %s\n", rows[i].source, found, rows[i].wanted);
            wrong++;
        }
        free(found);
    }
    assert_int_equal(wrong, 0);
}

#define CHECK(rows)                                                                                \
    check_rows(rows, ARRAY_LEN(rows),                                                              \
               "{\"a\":1,\"l\":[3,1,2],\"m\":{\"k\":\"v\"},\"n\":null,\"s\":\"text\"}")

static void literals(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1", "1"},
        {"-1", "-1"},
        {"0x1F", "31"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808",
         "? ERROR: <input>:1:1: invalid int literal\n | 9223372036854775808\n | ^"},
        {"12u", "12"},
        {"0xFFu", "255"},
        {"1.5e3", "1500.0"},
        {".5", "0.5"},
        {"true || false", "true"},
        {"null", "null"},
        {"\"a\\n\\u00e9\\x41\\101\"", "\"a\\n\u00e9AA\""},
        {"'it''s'", "? ERROR: <input>:1:5: Syntax error: extraneous input ''s'' expecting <EOF>\n "
                    "| 'it''s'\n | ....^"},
        {"r'\\d+'", "\"\\\\d+\""},
        {"'''a\n'b''''", "? ERROR: <input>:2:6: Syntax error: token recognition error at: '''\n | "
                         "'b''''\n | .....^"},
        {"\"\"\"say \"hi\" \"\"\"", "\"say \\\"hi\\\" \""},
        {"b'\\xff\\000'", "\"/wA=\""},
        {"b'\u00e9'", "\"w6k=\""},
        {"[1, 2, 3,]", "[1,2,3]"},
        {"{'a': 1, 'b': 2}", "{\"a\":1,\"b\":2}"},
        {"{1: 'a', true: 'b'}", "? ERROR: <input>:1:10: expected type 'int' but found 'bool'\n | "
                                "{1: 'a', true: 'b'}\n | .........^"},
        {"[1, 'a']",
         "? ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^"},
        {"[]", "[]"},
        {"{}", "{}"},
        {"1 // one", "1"},
    };
    CHECK(rows);
}

static void operators(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1 + 2 * 3 - 4", "3"},
        {"7 / 2", "3"},
        {"-7 % 3", "-1"},
        {"1 / 0", "! division by zero"},
        {"1 % 0", "! modulus by zero"},
        {"9223372036854775807 + 1", "! integer overflow"},
        {"-(-9223372036854775807 - 1)", "! integer overflow"},
        {"1u - 2u", "! unsigned integer overflow"},
        {"1.0 / 0.0 > 1.0", "true"},
        {"'a' + 'b'", "\"ab\""},
        {"b'a' + b'b'", "\"YWI=\""},
        {"[1] + [2]", "[1,2]"},
        {"1 == 1.0", "? ERROR: <input>:1:3: found no matching overload for '_==_' applied to "
                     "'(int, double)'\n | 1 == 1.0\n | ..^"},
        {"1 < 1.5", "true"},
        {"2u >= 2", "true"},
        {"dyn(1) == 1.0", "true"},
        {"dyn(1) == 'a'", "false"},
        {"'b' > 'a'", "true"},
        {"[1, 2] == [1, 2]", "true"},
        {"{'a': 1} == {'a': 1}", "true"},
        {"1 in [1, 2]", "true"},
        {"'a' in {'a': 1}", "true"},
        {"true ? 1 : 2", "1"},
        {"!true || false", "false"},
        {"!!true", "true"},
        {"--1", "1"},
        {"1/0 > 1 || true", "true"},
        {"true || 1/0 > 1", "true"},
        {"1/0 > 1 && false", "false"},
        {"1/0 > 1 && true", "! division by zero"},
        {"x.a && true", "! no such overload"},
        {"x.a + x.s", "! no such overload"},
        {"x.l[0]", "3"},
        {"x.l[7]", "! index out of bounds: 7"},
        {"x.m['k']", "\"v\""},
        {"x.m['z']", "! no such key: z"},
        {"x.z", "! no such key: z"},
        {"1 + 'a'", "? ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, "
                    "string)'\n | 1 + 'a'\n | ..^"},
        {"foo",
         "? ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^"},
        {"self.foo", "? ERROR: <input>:1:5: undefined field 'foo'\n | self.foo\n | ....^"},
        {"foo(1)", "? ERROR: <input>:1:4: undeclared reference to 'foo' (in container '')\n | "
                   "foo(1)\n | ...^"},
        {"'a'.size(1)", "? ERROR: <input>:1:9: found no matching overload for 'size' applied to "
                        "'string.(int)'\n | 'a'.size(1)\n | ........^"},
        {"1.foo",
         "? ERROR: <input>:1:2: type 'int' does not support field selection\n | 1.foo\n | .^"},
        {"self.name.foo", "? ERROR: <input>:1:10: type 'string' does not support field selection\n "
                          "| self.name.foo\n | .........^"},
        {"1 +", "? ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', "
                "'(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, "
                "STRING, BYTES, IDENTIFIER}\n | 1 +\n | ...^"},
        {"{", "? ERROR: <input>:1:2: Syntax error: mismatched input '<EOF>' expecting {'[', '{', "
              "'}', '(', '.', ',', '-', '!', '\\u003F', 'true', 'false', 'null', NUM_FLOAT, "
              "NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | {\n | .^"},
        {"?", "? ERROR: <input>:1:1: Syntax error: mismatched input '?' expecting {'[', '{', '(', "
              "'.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, "
              "BYTES, IDENTIFIER}\n | ?\n | ^"},
        {"t{", "? ERROR: <input>:1:3: Syntax error: mismatched input '<EOF>' expecting {'}', ',', "
               "'\\u003F', IDENTIFIER}\n | t{\n | ..^"},
        {"if", "? ERROR: <input>:1:1: reserved identifier: if\n | if\n | ^"},
        {"type(1) == int", "true"},
        {"type('a') == string && type([]) == list && type({}) == map && type(null) == null_type",
         "true"},
    };
    CHECK(rows);
}

static void macros(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"has(x.a) && !has(x.z) && !has(x.m.z)", "true"},
        {"has(self.name) && !has(self.missing)", "true"},
        {"has(1)", "? ERROR: <input>:1:4: invalid argument to has() macro\n | has(1)\n | ...^"},
        {"[1, 2, 3].all(i, i > 0)", "true"},
        {"[1, 2, 3].exists(i, i == 2)", "true"},
        {"[1, 2, 2].exists_one(i, i == 2)", "false"},
        {"[1, 2, 3].map(i, i * 2)", "[2,4,6]"},
        {"[1, 2, 3].map(i, i > 1, i * 2)", "[4,6]"},
        {"[1, 2, 3].filter(i, i != 2)", "[1,3]"},
        {"{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])", "true"},
        {"[1, 0].exists(i, 1 / i == 1)", "true"},
        {"[0, 1].all(i, 1 / i == 7)", "false"},
        {"[0, 1].all(i, 1 / i == 1)", "! division by zero"},
        {"[[1], [2, 3]].map(l, l.map(i, i + size(l)))", "[[2],[4,5]]"},
        {"[1].all(i, i)", "? ERROR: <input>:1:8: found no matching overload for '_&&_' applied to "
                          "'(bool, int)'\n | [1].all(i, i)\n | .......^"},
        {"[1].all(1, true)",
         "? ERROR: <input>:1:9: argument must be a simple name\n | [1].all(1, true)\n | ........^"},
        {"[1].map(1, true)",
         "? ERROR: <input>:1:9: argument is not an identifier\n | [1].map(1, true)\n | ........^"},
        {"1.all(i, true)",
         "? ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must "
         "be list, map, or dynamic)\n | 1.all(i, true)\n | ^"},
        {"x.a.all(i, true)", "! got 'types.Int', expected iterable type"},
        {"self.ports.exists(p, p.port == 443)", "true"},
        {"self.ports.map(p, p.name)", "[\"http\",\"https\"]"},
    };
    CHECK(rows);
}

static void optionals(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"optional.of(1).value()", "1"},
        {"optional.none().hasValue()", "false"},
        {"optional.none().value()", "! optional.none() dereference"},
        {"optional.ofNonZeroValue(0).orValue(5)", "5"},
        {"optional.none().or(optional.of(3)).value()", "3"},
        {"x.?z.orValue('none')", "\"none\""},
        {"x.?m.k.orValue('none')", "\"v\""},
        {"x.?m.?z.hasValue()", "false"},
        {"x.l[?0].value()", "3"},
        {"x.l[?9].hasValue()", "false"},
        {"self.?missing.orValue('d')", "\"d\""},
        {"self.labels[?'app'].value()", "\"web\""},
        {"optional.of(2).optMap(v, v + 1).value()", "3"},
        {"optional.none().optMap(v, v + 1).hasValue()", "false"},
        {"optional.of(2).optFlatMap(v, optional.of(v * 2)).value()", "4"},
        {"[?optional.of(1), ?optional.none(), 2]", "[1,2]"},
        {"{?'a': optional.of(1), ?'b': optional.none()}", "{\"a\":1}"},
        {"optional.of(1) == optional.of(1)", "true"},
    };
    CHECK(rows);
}

static void values(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"self.replicas + 1", "4"},
        {"self.ratio", "2.0"},
        {"self.ratio == 2.0", "true"},
        {"self.at.getFullYear()", "2024"},
        {"self.at.getDate() == 29 && self.at.getMonth() == 1 && self.at.getDayOfMonth() == 28",
         "true"},
        {"self.at.getMilliseconds()", "789"},
        {"self.__for__.getMinutes()", "90"},
        {"self.__for__ > duration('1h')", "true"},
        {"string(self.data)", "\"hi\""},
        {"self.any.k[1]", "2.5"},
        {"self.set == ['y', 'x']", "true"},
        {"self.tags == ['b', 'a']", "false"},
        {"self.set + ['x', 'z']", "[\"x\",\"y\",\"z\"]"},
        {"self.ports[0].port", "80"},
        {"self.labels.app", "\"web\""},
        {"self.labels.exists(k, k == 'tier')", "true"},
        {"self.first", "! no such key: first"},
        {"x.n == null", "true"},
        {"authorizer.group('').resource('pods').name('mine').check('get').allowed()", "true"},
        {"authorizer.group('').resource('pods').check('get').allowed()", "false"},
        {"authorizer.path('/metrics').check('get').reason()", "\"for it is so\""},
        {"authorizer.path(' ').check('get').allowed()", "! path must not be empty"},
        {"authorizer.requestResource.check('break').error()", "\"broken\""},
        {"authorizer.serviceAccount('ns', 'robot').group('').resource('x').check('get').allowed()",
         "true"},
    };
    CHECK(rows);
}

static char *repeated(const char *head, const char *part, size_t times, const char *tail)
{
    struct buf text = BUF_TEXT;
    buf_add_text(&text, head);
    for (size_t i = 0; i < times; i++)
        buf_add_text(&text, part);
    buf_add_text(&text, tail);
    return buf_take(&text);
}

/* Each is refused, or ends, within its limits. */
static void hostile(void **state)
{
    (void)state;
    static const struct hostile_row {
        const char *head, *part, *tail, *wanted;
        size_t times;
    } rows[] = {
        {"", "(", "1", "? ERROR: <input>:1:1: expression recursion limit exceeded: 250", 300},
        {"1", "+1", "", "? ERROR: <input>:1:1: expression recursion limit exceeded: 250", 300},
        {"", "[", "", "? ERROR: <input>:1:1: expression recursion limit exceeded: 250", 300},
        {"true", "||true", "", "true", 2000},
        {"'", "a", "'",
         "? ERROR: <input>:1:1: expression code point size exceeds limit: size: 100003, limit "
         "100000",
         100001},
        {"[1", ",1", "].map(a, [1].map(b, a))", "[[1]", 5000},
        {"x", ".a", "", "? ERROR: <input>:1:1: expression recursion limit exceeded: 250", 300},
        {"[0,0,0,0,0,0,0,0,0,0]", ".map(a, [0,0,0,0,0,0,0,0,0,0]", "", "? ERROR", 8},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('", "(a+)+", "b')", "false", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *source = repeated(rows[i].head, rows[i].part, rows[i].times, rows[i].tail);
        char *found = cel_test_run(source, "{}");
        if (strncmp(found, rows[i].wanted, strlen(rows[i].wanted)) != 0)
            fail_msg("row %zu: %.200s", i, found);
        free(found);
        free(source);
    }
    char *found = cel_test_run(
        "[1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, [1,2,3,4,5,6,7,8,9].map(c, "
        "[1,2,3,4,5,6,7,8,9].map(d, [1,2,3,4,5,6,7,8,9].map(e, [1,2,3,4,5,6,7,8,9].map(f, f))))))",
        "{}");
    assert_string_equal(found, "! operation cancelled: actual cost limit exceeded");
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals),  cmocka_unit_test(operators), cmocka_unit_test(macros),
        cmocka_unit_test(optionals), cmocka_unit_test(values),    cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
