/* The table of all functions.
 *
 * Signatures: `TARGET.ARGUMENTS:RESULT` of a member, `ARGUMENTS:RESULT` of a function; a letter is
 * a type: n null  b bool  i int  u uint  d double  s string  y bytes  t timestamp  r duration  *
 * dyn A, B any type, the same wherever it stands   Lx list of x   Mxy map of x to y   Ox optional x
 * Tx type of x U URL  Q quantity  I IP  C CIDR  F named format  Z authorizer  P, G, R checks of
 * paths, groups, resources  X decision
 */
#include "cel/function.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cel/library.h"

const struct cel_type cel_url = {.kind = CEL_OPAQUE, .name = "kubernetes.URL"};
const struct cel_type cel_quantity = {.kind = CEL_OPAQUE, .name = "kubernetes.Quantity"};
const struct cel_type cel_ip = {.kind = CEL_OPAQUE, .name = "net.IP"};
const struct cel_type cel_cidr = {.kind = CEL_OPAQUE, .name = "net.CIDR"};
const struct cel_type cel_format = {.kind = CEL_OPAQUE, .name = "kubernetes.NamedFormat"};
const struct cel_type cel_path_check = {.kind = CEL_OPAQUE,
                                        .name = "kubernetes.authorization.PathCheck"};
const struct cel_type cel_group_check = {.kind = CEL_OPAQUE,
                                         .name = "kubernetes.authorization.GroupCheck"};
const struct cel_type cel_decision = {.kind = CEL_OPAQUE,
                                      .name = "kubernetes.authorization.Decision"};

#define ROW(name, signature, fn, cost)                                                             \
    {                                                                                              \
        name, signature, cel_lib_##fn, CEL_COST_##cost, false, 0, {0}, NULL                        \
    }
#define LAZY(name, signature)                                                                      \
    {                                                                                              \
        name, signature, NULL, CEL_COST_NONE, false, 0, {0}, NULL                                  \
    }

/* An order of all numbers among each other, and of the other types in themselves. */
#define ORDER(op, fn)                                                                              \
    ROW(op, "b,b:b", fn, ONE), ROW(op, "i,i:b", fn, ONE), ROW(op, "i,d:b", fn, ONE),               \
        ROW(op, "i,u:b", fn, ONE), ROW(op, "u,u:b", fn, ONE), ROW(op, "u,d:b", fn, ONE),           \
        ROW(op, "u,i:b", fn, ONE), ROW(op, "d,d:b", fn, ONE), ROW(op, "d,i:b", fn, ONE),           \
        ROW(op, "d,u:b", fn, ONE), ROW(op, "s,s:b", fn, LESSER), ROW(op, "y,y:b", fn, LESSER),     \
        ROW(op, "t,t:b", fn, ONE), ROW(op, "r,r:b", fn, ONE)
#define OF_TIME(name, fn)       ROW(name, "t.:i", fn, ONE), ROW(name, "t.s:i", fn, ONE)
#define OF_SPAN(name, fn, span) OF_TIME(name, fn), ROW(name, "r.:i", span, ONE)
#define OF_SORTED(name, fn, result)                                                                \
    ROW(name, "Li.:" result("i"), fn, TRAVERSE), ROW(name, "Lu.:" result("u"), fn, TRAVERSE),      \
        ROW(name, "Ld.:" result("d"), fn, TRAVERSE), ROW(name, "Lb.:" result("b"), fn, TRAVERSE),  \
        ROW(name, "Lr.:" result("r"), fn, TRAVERSE), ROW(name, "Lt.:" result("t"), fn, TRAVERSE),  \
        ROW(name, "Ls.:" result("s"), fn, TRAVERSE), ROW(name, "Ly.:" result("y"), fn, TRAVERSE)
#define AS_BOOL(letter) "b"
#define AS_ITEM(letter) letter

static struct cel_overload table[] = {
    /* ---- operators ---- */
    LAZY("_?_:_", "b,A,A:A"),
    LAZY("_&&_", "b,b:b"),
    LAZY("_||_", "b,b:b"),
    ROW("!_", "b:b", not, ONE),
    ROW("_==_", "A,A:b", equal, LESSER),
    ROW("_!=_", "A,A:b", unequal, LESSER),
    ORDER("_<_", less),
    ORDER("_<=_", less_equal),
    ORDER("_>_", greater),
    ORDER("_>=_", greater_equal),
    ROW("_+_", "y,y:y", add, JOIN_TWO),
    ROW("_+_", "d,d:d", add, ONE),
    ROW("_+_", "r,r:r", add, ONE),
    ROW("_+_", "r,t:t", add, ONE),
    ROW("_+_", "t,r:t", add, ONE),
    ROW("_+_", "i,i:i", add, ONE),
    ROW("_+_", "LA,LA:LA", add, JOIN_LISTS),
    ROW("_+_", "s,s:s", add, JOIN_TWO),
    ROW("_+_", "u,u:u", add, ONE),
    ROW("_-_", "d,d:d", subtract, ONE),
    ROW("_-_", "r,r:r", subtract, ONE),
    ROW("_-_", "i,i:i", subtract, ONE),
    ROW("_-_", "t,r:t", subtract, ONE),
    ROW("_-_", "t,t:r", subtract, ONE),
    ROW("_-_", "u,u:u", subtract, ONE),
    ROW("_*_", "d,d:d", multiply, ONE),
    ROW("_*_", "i,i:i", multiply, ONE),
    ROW("_*_", "u,u:u", multiply, ONE),
    ROW("_/_", "d,d:d", divide, ONE),
    ROW("_/_", "i,i:i", divide, ONE),
    ROW("_/_", "u,u:u", divide, ONE),
    ROW("_%_", "i,i:i", modulo, ONE),
    ROW("_%_", "u,u:u", modulo, ONE),
    ROW("-_", "d:d", negate, ONE),
    ROW("-_", "i:i", negate, ONE),
    ROW("_[_]", "LA,i:A", index_list, INDEX_LIST),
    ROW("_[_]", "MAB,A:B", index_map, INDEX_MAP),
    ROW("_[_]", "OLA,i:OA", index_optional, ONE),
    ROW("_[_]", "OMAB,A:OB", index_optional, ONE),
    ROW("_[?_]", "LA,i:OA", index_optional, ONE),
    ROW("_[?_]", "OLA,i:OA", index_optional, ONE),
    ROW("_[?_]", "MAB,A:OB", index_optional, ONE),
    ROW("_[?_]", "OMAB,A:OB", index_optional, ONE),
    ROW("@in", "A,LA:b", in_list, LIST),
    ROW("@in", "A,MAB:b", in_map, ONE),

    /* ---- standard functions ---- */
    ROW("size", "y:i", size, ONE),
    ROW("size", "y.:i", size, ONE),
    ROW("size", "LA:i", size, ONE),
    ROW("size", "LA.:i", size, ONE),
    ROW("size", "MAB:i", size, ONE),
    ROW("size", "MAB.:i", size, ONE),
    ROW("size", "s:i", size, ONE),
    ROW("size", "s.:i", size, ONE),
    ROW("contains", "s.s:b", contains, CONTAINS),
    ROW("startsWith", "s.s:b", starts_with, AFFIX),
    ROW("endsWith", "s.s:b", ends_with, AFFIX),
    ROW("matches", "s,s:b", matches, MATCH),
    ROW("matches", "s.s:b", matches, MATCH),
    ROW("type", "A:TA", type_of, ONE),
    ROW("dyn", "A:*", identity, DYN),
    ROW("bool", "b:b", to_bool, ONE),
    ROW("bool", "s:b", to_bool, ONE),
    ROW("bytes", "y:y", to_bytes, ONE),
    ROW("bytes", "s:y", to_bytes, TO_BYTES),
    ROW("double", "d:d", to_double, ONE),
    ROW("double", "i:d", to_double, ONE),
    ROW("double", "s:d", to_double, ONE),
    ROW("double", "u:d", to_double, ONE),
    ROW("duration", "r:r", to_duration, ONE),
    ROW("duration", "i:r", to_duration, ONE),
    ROW("duration", "s:r", to_duration, ONE),
    ROW("int", "i:i", to_int, ONE),
    ROW("int", "d:i", to_int, ONE),
    ROW("int", "r:i", to_int, ONE),
    ROW("int", "s:i", to_int, ONE),
    ROW("int", "t:i", to_int, ONE),
    ROW("int", "u:i", to_int, ONE),
    ROW("string", "s:s", to_string, ONE),
    ROW("string", "b:s", to_string, ONE),
    ROW("string", "y:s", to_string, TO_TEXT),
    ROW("string", "d:s", to_string, ONE),
    ROW("string", "r:s", to_string, ONE),
    ROW("string", "i:s", to_string, ONE),
    ROW("string", "t:s", to_string, ONE),
    ROW("string", "u:s", to_string, ONE),
    ROW("string", "I:s", ip_string, ONE),
    ROW("string", "C:s", cidr_string, ONE),
    ROW("timestamp", "t:t", to_timestamp, ONE),
    ROW("timestamp", "i:t", to_timestamp, ONE),
    ROW("timestamp", "s:t", to_timestamp, ONE),
    ROW("uint", "u:u", to_uint, ONE),
    ROW("uint", "d:u", to_uint, ONE),
    ROW("uint", "i:u", to_uint, ONE),
    ROW("uint", "s:u", to_uint, ONE),
    OF_TIME("getFullYear", get_full_year),
    OF_TIME("getMonth", get_month),
    OF_TIME("getDate", get_date),
    OF_TIME("getDayOfMonth", get_day_of_month),
    OF_TIME("getDayOfWeek", get_day_of_week),
    OF_TIME("getDayOfYear", get_day_of_year),
    OF_SPAN("getHours", get_hours, duration_hours),
    OF_SPAN("getMinutes", get_minutes, duration_minutes),
    OF_SPAN("getSeconds", get_seconds, duration_seconds),
    OF_SPAN("getMilliseconds", get_milliseconds, duration_milliseconds),

    /* ---- optional values ---- */
    LAZY("_?._", "*,s:*"),
    ROW("optional.of", "A:OA", optional_of, ONE),
    ROW("optional.ofNonZeroValue", "A:OA", optional_of_non_zero, ONE),
    ROW("optional.none", ":OA", optional_none, ONE),
    ROW("value", "OA.:A", value, ONE),
    ROW("hasValue", "OA.:b", has_value, ONE),
    ROW("or", "OA.OA:OA", or, ONE),
    ROW("orValue", "OA.A:A", or_value, ONE),

    /* ---- texts ---- */
    ROW("charAt", "s.i:s", char_at, ONE),
    ROW("indexOf", "s.s:i", index_of, TRAVERSE),
    ROW("indexOf", "s.s,i:i", index_of, TRAVERSE),
    ROW("indexOf", "LA.A:i", list_index_of, TRAVERSE),
    ROW("lastIndexOf", "s.s:i", last_index_of, TRAVERSE),
    ROW("lastIndexOf", "s.s,i:i", last_index_of, TRAVERSE),
    ROW("lastIndexOf", "LA.A:i", list_last_index_of, TRAVERSE),
    ROW("join", "Ls.:s", join, JOIN),
    ROW("join", "Ls.s:s", join, JOIN),
    ROW("lowerAscii", "s.:s", lower_ascii, TEXT_SAME),
    ROW("upperAscii", "s.:s", upper_ascii, TEXT_SAME),
    ROW("replace", "s.s,s:s", replace, REPLACE),
    ROW("replace", "s.s,s,i:s", replace, REPLACE),
    ROW("split", "s.s:Ls", split, SPLIT),
    ROW("split", "s.s,i:Ls", split, SPLIT),
    ROW("substring", "s.i:s", substring, TEXT_SAME),
    ROW("substring", "s.i,i:s", substring, TEXT_SAME),
    ROW("trim", "s.:s", trim, TEXT_SAME),
    ROW("format", "s.L*:s", format, TEXT),
    ROW("strings.quote", "s:s", quote, TEXT),
    ROW("find", "s.s:s", find, FIND),
    ROW("findAll", "s.s:Ls", find_all, FIND),
    ROW("findAll", "s.s,i:Ls", find_all, FIND),

    /* ---- lists and sets ---- */
    OF_SORTED("isSorted", is_sorted, AS_BOOL),
    OF_SORTED("max", max, AS_ITEM),
    OF_SORTED("min", min, AS_ITEM),
    ROW("sum", "Li.:i", sum, TRAVERSE),
    ROW("sum", "Lu.:u", sum, TRAVERSE),
    ROW("sum", "Ld.:d", sum, TRAVERSE),
    ROW("sum", "Lr.:r", sum, TRAVERSE),
    ROW("sets.contains", "LA,LA:b", sets_contains, SETS),
    ROW("sets.equivalent", "LA,LA:b", sets_equivalent, EQUIVALENT),
    ROW("sets.intersects", "LA,LA:b", sets_intersects, SETS),

    /* ---- URLs ---- */
    ROW("url", "s:U", url, TEXT),
    ROW("isURL", "s:b", is_url, ONE),
    ROW("getScheme", "U.:s", url_scheme, ONE),
    ROW("getHost", "U.:s", url_host, ONE),
    ROW("getHostname", "U.:s", url_hostname, ONE),
    ROW("getPort", "U.:s", url_port, ONE),
    ROW("getEscapedPath", "U.:s", url_path, ONE),
    ROW("getQuery", "U.:MsLs", url_query, ONE),

    /* ---- quantities ---- */
    ROW("quantity", "s:Q", quantity, TEXT),
    ROW("isQuantity", "s:b", is_quantity, TEXT),
    ROW("isInteger", "Q.:b", quantity_is_integer, ONE),
    ROW("asInteger", "Q.:i", quantity_as_integer, ONE),
    ROW("asApproximateFloat", "Q.:d", quantity_as_float, ONE),
    ROW("sign", "Q.:i", quantity_sign, ONE),
    ROW("add", "Q.Q:Q", quantity_add, ONE),
    ROW("add", "Q.i:Q", quantity_add, ONE),
    ROW("sub", "Q.Q:Q", quantity_sub, ONE),
    ROW("sub", "Q.i:Q", quantity_sub, ONE),
    ROW("isLessThan", "Q.Q:b", quantity_less, ONE),
    ROW("isGreaterThan", "Q.Q:b", quantity_greater, ONE),
    ROW("compareTo", "Q.Q:i", quantity_compare, ONE),

    /* ---- addresses ---- */
    ROW("ip", "s:I", ip, TEXT),
    ROW("ip", "C.:I", cidr_ip, ONE),
    ROW("isIP", "s:b", is_ip, TEXT),
    ROW("ip.isCanonical", "s:b", ip_is_canonical, TEXT_TWICE),
    ROW("family", "I.:i", ip_family, ONE),
    ROW("isUnspecified", "I.:b", ip_is_unspecified, ONE),
    ROW("isLoopback", "I.:b", ip_is_loopback, ONE),
    ROW("isLinkLocalMulticast", "I.:b", ip_is_link_local_multicast, ONE),
    ROW("isLinkLocalUnicast", "I.:b", ip_is_link_local_unicast, ONE),
    ROW("isGlobalUnicast", "I.:b", ip_is_global_unicast, ONE),
    ROW("cidr", "s:C", cidr, TEXT),
    ROW("isCIDR", "s:b", is_cidr, TEXT),
    ROW("containsIP", "C.I:b", cidr_contains_ip, CONTAINS_IP),
    ROW("containsIP", "C.s:b", cidr_contains_ip, CONTAINS_TEXT_IP),
    ROW("containsCIDR", "C.C:b", cidr_contains_cidr, CONTAINS_CIDR),
    ROW("containsCIDR", "C.s:b", cidr_contains_cidr, CONTAINS_TEXT_CIDR),
    ROW("prefixLength", "C.:i", cidr_prefix_length, ONE),
    ROW("masked", "C.:C", cidr_masked, ONE),

/* ---- named formats ---- */
#define X(name) ROW("format." #name, ":F", format_##name, ONE),
    CEL_FORMAT_NAMES(X)
#undef X
        ROW("format.named", "s:OF", format_named, ONE),
    ROW("validate", "F.s:OLs", format_validate, VALIDATE),

    /* ---- authorizer ---- */
    ROW("path", "Z.s:P", authz_path, ONE),
    ROW("group", "Z.s:G", authz_group, ONE),
    ROW("serviceAccount", "Z.s,s:Z", authz_service_account, ONE),
    ROW("resource", "G.s:R", authz_resource, ONE),
    ROW("subresource", "R.s:R", authz_subresource, ONE),
    ROW("namespace", "R.s:R", authz_namespace, ONE),
    ROW("name", "R.s:R", authz_name, ONE),
    ROW("fieldSelector", "R.s:R", authz_field_selector, ONE),
    ROW("labelSelector", "R.s:R", authz_label_selector, ONE),
    ROW("check", "P.s:X", authz_check, CHECK),
    ROW("check", "R.s:X", authz_check, CHECK),
    ROW("allowed", "X.:b", authz_allowed, ONE),
    ROW("reason", "X.:s", authz_reason, ONE),
    ROW("errored", "X.:b", authz_errored, ONE),
    ROW("error", "X.:s", authz_error, ONE),
};

/* ---- signatures ---- */

static const struct cel_type param_a = {.kind = CEL_PARAM, .name = "A"},
                             param_b = {.kind = CEL_PARAM, .name = "B"};

static const struct letter {
    char letter;
    const struct cel_type *type;
} letters[] = {
    {'n', &cel_null},       {'b', &cel_bool},        {'i', &cel_int},
    {'u', &cel_uint},       {'d', &cel_double},      {'s', &cel_string},
    {'y', &cel_bytes},      {'t', &cel_timestamp},   {'r', &cel_duration},
    {'*', &cel_dyn},        {'A', &param_a},         {'B', &param_b},
    {'U', &cel_url},        {'Q', &cel_quantity},    {'I', &cel_ip},
    {'C', &cel_cidr},       {'F', &cel_format},      {'Z', &cel_authorizer},
    {'P', &cel_path_check}, {'G', &cel_group_check}, {'R', &cel_resource_check},
    {'X', &cel_decision},
};

static const struct generic {
    char letter;
    enum cel_kind kind;
    int params;
} generics[] = {{'L', CEL_LIST, 1}, {'M', CEL_MAP, 2}, {'O', CEL_OPTIONAL, 1}, {'T', CEL_TYPE, 1}};

static const struct cel_type *read_type(const char **at)
{
    char letter = *(*at)++;
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (letters[i].letter == letter)
            return letters[i].type;
    for (size_t i = 0; i < ARRAY_LEN(generics); i++)
        if (generics[i].letter == letter) {
            struct cel_type *type = xcalloc(1, sizeof(*type)); /* for the life of the process */
            type->kind = (uint8_t)generics[i].kind;
            for (int j = 0; j < generics[i].params; j++)
                type->params[j] = read_type(at);
            return type;
        }
    abort(); /* the table above is wrong */
}

static void read_signature(struct cel_overload *row)
{
    const char *at = row->signature;
    while (*at != ':') {
        if (*at == '.')
            row->member = true;
        if (*at == '.' || *at == ',')
            at++;
        else
            row->params[row->count++] = read_type(&at);
    }
    at++;
    row->result = read_type(&at);
}

/* By name. Stable: the overloads of a name are tried in the order in which they are written. */
static void sort_table(void)
{
    for (size_t i = 1; i < ARRAY_LEN(table); i++) {
        struct cel_overload row = table[i];
        size_t j = i;
        for (; j && strcmp(table[j - 1].function, row.function) > 0; j--)
            table[j] = table[j - 1];
        table[j] = row;
    }
}

static void make_table(void)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        read_signature(&table[i]);
    sort_table();
}

const struct cel_overload *cel_function_find(struct str name, size_t *count)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t low = 0, high = ARRAY_LEN(table);
    pthread_once(&once, make_table);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct str here = str_of(table[middle].function);
        size_t least = here.len < name.len ? here.len : name.len;
        int order = memcmp(here.data, name.data, least);
        if (order < 0 || (order == 0 && here.len < name.len))
            low = middle + 1;
        else
            high = middle;
    }
    *count = 0;
    while (low + *count < ARRAY_LEN(table) && str_is(name, table[low + *count].function))
        ++*count;
    return *count ? &table[low] : NULL;
}

/* ---- types ---- */

bool cel_value_fits(const struct cel_value *value, const struct cel_type *type)
{
    switch ((enum cel_kind)type->kind) {
    case CEL_DYN:
    case CEL_PARAM:
        return true;
    case CEL_LIST:
        return cel_is_list(value);
    case CEL_MAP:
        return cel_is_map(value);
    case CEL_OBJECT:
    case CEL_OPAQUE:
        return (value->kind == CEL_VALUE_OPAQUE || value->kind == CEL_VALUE_JSON_MAP) &&
               cel_type_equal(value->type, type);
    default:
        return cel_type_of(value)->kind == type->kind;
    }
}

const struct cel_type *cel_type_by_name(struct str name)
{
    static const struct cel_type list = {.kind = CEL_LIST, .params = {&cel_dyn}};
    static const struct cel_type optional = {.kind = CEL_OPTIONAL, .params = {&cel_dyn}};
    static const struct cel_type *const types[] = {
        &cel_null,       &cel_bool,        &cel_int,       &cel_uint,       &cel_double,
        &cel_string,     &cel_bytes,       &cel_timestamp, &cel_duration,   &list,
        &cel_map_dyn,    &optional,        &cel_type_type, &cel_url,        &cel_quantity,
        &cel_ip,         &cel_cidr,        &cel_format,    &cel_authorizer, &cel_resource_check,
        &cel_path_check, &cel_group_check, &cel_decision,
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_is(name, cel_type_name(types[i])))
            return types[i];
    return NULL;
}
