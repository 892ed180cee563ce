/* The functions: conversions, texts, times, lists, and Kubernetes' libraries. */
#include "base/buf.h"
#include "tests/cel/support_cel.h"
#include "tests/test.h"

struct row {
    const char *source, *wanted;
};

static void check_rows(const struct row *rows, size_t count)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char *found = cel_test_run(rows[i].source, "{\"i\":1,\"s\":\"text\",\"l\":[]}");
        if (strcmp(found, rows[i].wanted) != 0) {
            print_error("%s\n  found:  %s\n  wanted: %s\n", rows[i].source, found, rows[i].wanted);
            wrong++;
        }
        free(found);
    }
    assert_int_equal(wrong, 0);
}

#define CHECK(rows) check_rows(rows, ARRAY_LEN(rows))

static void conversions(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"int('12') + int(3.9) + int(4u)", "19"},
        {"int('x')", "! strconv.ParseInt: parsing \"x\": invalid syntax"},
        {"int(1e30)", "! integer overflow"},
        {"uint(-1)", "! unsigned integer overflow"},
        {"uint('7')", "7"},
        {"double('1.5') + double(1)", "2.5"},
        {"double('x')", "! strconv.ParseFloat: parsing \"x\": invalid syntax"},
        {"string(1.0) + ' ' + string(1e7) + ' ' + string(0.1) + ' ' + string(123456.0)",
         "\"1 1e+07 0.1 123456\""},
        {"string(true) + string(7u) + string(b'ab')", "\"true7ab\""},
        {"string(b'\\xff')", "! invalid UTF-8 in bytes, cannot convert to string"},
        {"bool('true') && !bool('False')", "true"},
        {"bool('yes')", "! type conversion error from 'string' to 'bool'"},
        {"bytes('é') == b'\\xc3\\xa9'", "true"},
        {"string(timestamp('2024-01-02T03:04:05.060Z'))", "\"2024-01-02T03:04:05.06Z\""},
        {"string(timestamp('2024-01-02T03:04:05+02:00'))", "\"2024-01-02T01:04:05Z\""},
        {"string(duration('1h1.5s'))", "\"3601.5s\""},
        {"string(duration('-90m'))", "\"-5400s\""},
        {"int(timestamp('1970-01-01T00:01:00Z'))", "60"},
        {"timestamp('nonsense')", "? ERROR: <input>:1:11: invalid timestamp argument\n | "
                                  "timestamp('nonsense')\n | ..........^"},
        {"duration('1x')",
         "? ERROR: <input>:1:10: invalid duration argument\n | duration('1x')\n | .........^"},
        {"'a'.matches('(')",
         "? ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('(')\n | ............^"},
        {"timestamp('2024-01-01T00:00:00Z') + duration('24h') == timestamp('2024-01-02T00:00:00Z')",
         "true"},
        {"timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('24h')",
         "true"},
        {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "! timestamp overflow"},
        {"timestamp('2024-01-01T12:00:00Z').getDayOfWeek()", "1"},
        {"timestamp('2024-12-31T12:00:00Z').getDayOfYear()", "365"},
        {"timestamp('2024-01-01T12:00:00Z').getHours('+05:30')", "17"},
        {"timestamp('2024-01-01T12:00:00Z').getHours('../etc/passwd')",
         "! unknown time zone ../etc/passwd"},
        {"duration('90m').getHours()", "1"},
        {"size('héé') == 3 && size(b'\\xc3\\xa9') == 2 && size([1]) == 1 && {'a': 1}.size() == 1",
         "true"},
        {"dyn('a').startsWith('a')", "true"},
        {"x.i.startsWith('a')", "! no such overload: startsWith(int, string)"},
    };
    CHECK(rows);
}

static void texts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"'hello'.charAt(4) + 'hello'.charAt(5)", "\"o\""},
        {"'hello'.charAt(6)", "! index out of range: 6"},
        {"'hello mellow'.indexOf('ello', 2)", "7"},
        {"'héllo'.indexOf('l')", "2"},
        {"'hello mellow'.lastIndexOf('ello')", "7"},
        {"'hello mellow'.lastIndexOf('ello', 6)", "1"},
        {"'hello'.indexOf('')", "0"},
        {"'hello'.indexOf('l', 9)", "! index out of range: 9"},
        {"['a', 'b'].join() + ['a', 'b'].join('-')", "\"aba-b\""},
        {"'TacoCat É'.lowerAscii()", "\"tacocat É\""},
        {"'hello hello'.replace('he', 'we')", "\"wello wello\""},
        {"'hello hello'.replace('he', 'we', 1)", "\"wello hello\""},
        {"'ab'.replace('', '_')", "\"_a_b_\""},
        {"'a b c'.split(' ')", "[\"a\",\"b\",\"c\"]"},
        {"'a b c'.split(' ', 2)", "[\"a\",\"b c\"]"},
        {"'a b c'.split(' ', 0)", "[]"},
        {"'abc'.split('')", "[\"a\",\"b\",\"c\"]"},
        {"'tacocat'.substring(4) + 'tacocat'.substring(0, 4)", "\"cattaco\""},
        {"'tacocat'.substring(4, 2)", "! invalid substring range. start: 4, end: 2"},
        {"'  \\t trim\\n'.trim()", "\"trim\""},
        {"strings.quote('a\"b\\n')", "\"\\\"a\\\\\\\"b\\\\n\\\"\""},
        {"'%s is %d, %.2f, %x, %X, %o, %b, 100%%'.format([dyn('a'), 7, 1.5, 255, 'é', 8, 5])",
         "\"a is 7, 1.50, ff, C3A9, 10, 101, 100%\""},
        {"'%s %s %s'.format([dyn([dyn(1), 'a']), {'k': 2}, null])", "\"[1, a] {k: 2} null\""},
        {"'%s'.format([duration('90m')])", "\"5400s\""},
        {"'%e'.format([1052.032911275])", "\"1.052033\u202f×\u202f10⁰³\""},
        {"'%d'.format([dyn('a')])", "! error during formatting: decimal clause can only be used on "
                                    "integers, was given string"},
        {"'%d'.format(['a'])", "? ERROR: <input>:1:14: error during formatting: decimal clause can "
                               "only be used on integers, was given "
                               "string\n | '%d'.format(['a'])\n | .............^"},
        {"'%s'.format([])",
         "? ERROR: <input>:1:12: index 0 out of range\n | '%s'.format([])\n | ...........^"},
        {"'%s'.format(['a', 'b'])", "? ERROR: <input>:1:12: too many arguments supplied to "
                                    "string.format (expected 1, got 2)\n | "
                                    "'%s'.format(['a', 'b'])\n | ...........^"},
        {"'%s %%'.format(x.l)", "! index 0 out of range"},
        {"'%q'.format([1])", "? ERROR: <input>:1:12: could not parse formatting clause: "
                             "unrecognized formatting clause \"q\"\n | "
                             "'%q'.format([1])\n | ...........^"},
        {"'abc 123'.find('[0-9]+')", "\"123\""},
        {"'123 abc 456'.findAll('[0-9]+')", "[\"123\",\"456\"]"},
        {"'123 abc 456'.findAll('[0-9]+', 1)", "[\"123\"]"},
        {"'abc'.matches('a.c') && !'abc'.matches('^b')", "true"},
        {"'x'.find('(?=x)')",
         "! Illegal regex: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"},
        {"'xx'.find('(x)\\\\1')",
         "! Illegal regex: error parsing regexp: invalid escape sequence: `\\1`"},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'.matches('^(a|a)*$')", "false"},
        {"'a'.reverse()", "? ERROR: <input>:1:12: undeclared reference to 'reverse' (in container "
                          "'')\n | 'a'.reverse()\n | ...........^"},
    };
    CHECK(rows);
}

static void lists(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"[1, 2, 2].isSorted() && !['b', 'a'].isSorted() && [].isSorted()", "true"},
        {"[1, 3, 2].sum() == 6 && [1.5, 1.0].sum() == 2.5 && [duration('1m'), "
         "duration('1s')].sum() == duration('61s')",
         "true"},
        {"[1, 3, 2].max() == 3 && ['b', 'a'].min() == 'a'", "true"},
        {"x.l.min()", "! min called on empty list"},
        {"[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && [1].indexOf(5) == -1",
         "true"},
        {"sets.contains([1, 2, 3], [3, 1]) && sets.equivalent([1, 1], [1]) && "
         "!sets.intersects([1], [2])",
         "true"},
        {"self.set == ['y', 'x'] && self.ports == [self.ports[1], self.ports[0]]", "true"},
    };
    CHECK(rows);
}

static void kubernetes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"url('https://example.com:80/a b?k=v+w&k=%20&z#f').getQuery()",
         "{\"k\":[\"v w\",\" \"],\"z\":[\"\"]}"},
        {"url('https://u@Example.com:80/a').getHost()", "\"Example.com:80\""},
        {"url('https://[::1]:80/').getHostname() + url('https://[::1]:80/').getPort()",
         "\"::180\""},
        {"url('https://example.com/a%2Fb c').getEscapedPath()", "\"/a%2Fb%20c\""},
        {"url('HTTPS://x').getScheme()", "\"https\""},
        {"isURL('/a/b') && !isURL('a/b') && !isURL('../a') && !isURL('')", "true"},
        {"url('a b')",
         "! URL parse error during conversion from string: parse \"a b\": invalid URI for request"},
        {"quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1k').asInteger() == 1000",
         "true"},
        {"quantity('50m').asInteger()", "! cannot convert value to integer"},
        {"quantity('50m').add(20).asApproximateFloat()", "20.05"},
        {"quantity('50m').sub(quantity('60m')).sign() == -1 && quantity('1000m') == quantity('1')",
         "true"},
        {"isQuantity('1.3Gi') && !isQuantity('20 k')", "true"},
        {"quantity('abc')", "! quantities must match the regular expression "
                            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
        {"isIP('127.0.0.1') && !isIP('127.0.0.256') && !isIP('fe80::1%en0') && "
         "!isIP('::ffff:1.2.3.4')",
         "true"},
        {"ip('::1').family() == 6 && ip('::1').isLoopback() && ip('0.0.0.0').isUnspecified()",
         "true"},
        {"ip('224.0.0.1').isLinkLocalMulticast() && ip('169.254.1.1').isLinkLocalUnicast() && "
         "ip('8.8.8.8').isGlobalUnicast()",
         "true"},
        {"ip.isCanonical('2001:db8::68') && !ip.isCanonical('2001:DB8::68')", "true"},
        {"string(ip('2001:DB8::68'))", "\"2001:db8::68\""},
        {"ip('2001:db8::68') == ip('2001:DB8::68')", "true"},
        {"cidr('192.168.0.0/24').containsIP('192.168.0.1') && "
         "!cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
         "true"},
        {"cidr('192.168.0.0/24').containsCIDR('192.168.0.0/25') && "
         "!cidr('192.168.0.0/24').containsCIDR('192.168.0.0/23')",
         "true"},
        {"string(cidr('192.168.1.5/24').masked()) + string(cidr('192.168.1.5/24').ip())",
         "\"192.168.1.0/24192.168.1.5\""},
        {"cidr('192.168.1.5/24').prefixLength()", "24"},
        {"isCIDR('192.168.1.0/33')", "false"},
        {"!format.dns1123Label().validate('my-label').hasValue()", "true"},
        {"format.dns1123Label().validate('My').value()",
         "[\"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
         "and must start and end "
         "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation "
         "is "
         "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')\"]"},
        {"format.named('uuid').value().validate('x').value()",
         "[\"does not match the UUID format\"]"},
        {"format.named('nothing').hasValue()", "false"},
    };
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions),
        cmocka_unit_test(texts),
        cmocka_unit_test(lists),
        cmocka_unit_test(kubernetes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
