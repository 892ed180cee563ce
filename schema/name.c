/* Formats of names: labels and subdomains of DNS, path segments, qualified names, label values.
 * Written as scans; the regular expressions are only quoted, in the details that clients see. */
#include "schema/meta.h"

#define LABEL_MAX     63
#define SUBDOMAIN_MAX 253

#define TOO_LONG_63  "must be no more than 63 characters"
#define TOO_LONG_253 "must be no more than 253 characters"

#define SUBDOMAIN_DETAIL                                                                           \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "   \
    "'.', and must start "                                                                         \
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "    \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL_DETAIL                                                                               \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "   \
    "must start and end "                                                                          \
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is " \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define LABEL_1035_DETAIL                                                                          \
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "   \
    "alphabetic "                                                                                  \
    "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex "     \
    "used for validation "                                                                         \
    "is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define NAME_PART_DETAIL                                                                           \
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "  \
    "with an "                                                                                     \
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "         \
    "validation is "                                                                               \
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define QUALIFIED_DETAIL                                                                           \
    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start "   \
    "and end with an "                                                                             \
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "         \
    "validation is "                                                                               \
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' "   \
    "(e.g. "                                                                                       \
    "'example.com/MyName')"
#define LABEL_VALUE_DETAIL                                                                         \
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "    \
    "'.', and must start "                                                                         \
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex "  \
    "used for "                                                                                    \
    "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* One part of a DNS name, of any length. */
static bool is_label(struct str text)
{
    if (text.len == 0 || !is_lower_alnum(text.data[0]) || !is_lower_alnum(text.data[text.len - 1]))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_lower_alnum(text.data[i]) && text.data[i] != '-')
            return false;
    return true;
}

static bool is_subdomain(struct str text)
{
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '.')
            continue;
        if (!is_label((struct str){text.data + start, i - start}))
            return false;
        start = i + 1;
    }
    return true;
}

/* What qualified names' name parts and label values consist of; not empty. */
static bool is_name_part(struct str text)
{
    if (text.len == 0 || !is_alnum(text.data[0]) || !is_alnum(text.data[text.len - 1]))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.data[i]) && (!text.data[i] || !strchr("-_.", text.data[i])))
            return false;
    return true;
}

static size_t subdomain_faults(struct str value, const char *faults[])
{
    size_t count = 0;
    if (value.len > SUBDOMAIN_MAX)
        faults[count++] = TOO_LONG_253;
    if (!is_subdomain(value))
        faults[count++] = SUBDOMAIN_DETAIL;
    return count;
}

static size_t label_faults(struct str value, const char *faults[])
{
    size_t count = 0;
    if (value.len > LABEL_MAX)
        faults[count++] = TOO_LONG_63;
    if (!is_label(value))
        faults[count++] = is_subdomain(value) ? "must not contain dots" : LABEL_DETAIL;
    return count;
}

static size_t label_1035_faults(struct str value, const char *faults[])
{
    size_t count = 0;
    bool digit_first = value.len && value.data[0] >= '0' && value.data[0] <= '9';
    if (value.len > LABEL_MAX)
        faults[count++] = TOO_LONG_63;
    if (!is_label(value) || digit_first)
        faults[count++] = LABEL_1035_DETAIL;
    return count;
}

size_t name_faults_dns_subdomain(const char *value, const char *faults[])
{
    return subdomain_faults(str_of(value), faults);
}

size_t name_faults_dns_label(const char *value, const char *faults[])
{
    return label_faults(str_of(value), faults);
}

size_t name_faults_dns_1035_label(const char *value, const char *faults[])
{
    return label_1035_faults(str_of(value), faults);
}

size_t name_faults_qualified(const char *value, const char *faults[])
{
    const char *slash = strchr(value, '/');
    const char *name = slash ? slash + 1 : value;
    struct str prefix = {value, slash ? (size_t)(slash - value) : 0};
    size_t count = 0;
    if (slash && strchr(name, '/')) {
        faults[0] = QUALIFIED_DETAIL;
        return 1;
    }
    if (slash && prefix.len == 0)
        faults[count++] = "prefix part must be non-empty";
    if (prefix.len > SUBDOMAIN_MAX)
        faults[count++] = "prefix part " TOO_LONG_253;
    if (prefix.len && !is_subdomain(prefix))
        faults[count++] = "prefix part " SUBDOMAIN_DETAIL;
    if (!*name)
        faults[count++] = "name part must be non-empty";
    else if (strlen(name) > LABEL_MAX)
        faults[count++] = "name part " TOO_LONG_63;
    if (!is_name_part(str_of(name)))
        faults[count++] = NAME_PART_DETAIL;
    return count;
}

size_t name_faults_label_value(const char *value, const char *faults[])
{
    size_t count = 0;
    if (strlen(value) > LABEL_MAX)
        faults[count++] = TOO_LONG_63;
    if (*value && !is_name_part(str_of(value)))
        faults[count++] = LABEL_VALUE_DETAIL;
    return count;
}

static const char *check_subdomain(struct str value)
{
    const char *faults[NAME_FAULTS_MAX];
    return subdomain_faults(value, faults) ? faults[0] : NULL;
}

static const char *check_label(struct str value)
{
    const char *faults[NAME_FAULTS_MAX];
    return label_faults(value, faults) ? faults[0] : NULL;
}

static const char *check_1035_label(struct str value)
{
    const char *faults[NAME_FAULTS_MAX];
    return label_1035_faults(value, faults) ? faults[0] : NULL;
}

static const char *check_segment(struct str value)
{
    if (str_is(value, "."))
        return "may not be '.'";
    if (str_is(value, ".."))
        return "may not be '..'";
    if (value.len && memchr(value.data, '/', value.len))
        return "may not contain '/'";
    return value.len && memchr(value.data, '%', value.len) ? "may not contain '%'" : NULL;
}

static const char *check_any(struct str value)
{
    (void)value;
    return NULL;
}

const char *name_check_dns_subdomain(const char *value)
{
    return check_subdomain(str_of(value));
}

const char *name_check_dns_label(const char *value)
{
    return check_label(str_of(value));
}

const char *name_check_dns_1035_label(const char *value)
{
    return check_1035_label(str_of(value));
}

const char *name_check_path_segment(const char *value)
{
    return check_segment(str_of(value));
}

const char *name_check_qualified(const char *value)
{
    const char *faults[NAME_FAULTS_MAX];
    return name_faults_qualified(value, faults) ? faults[0] : NULL;
}

const char *name_check_label_value(const char *value)
{
    const char *faults[NAME_FAULTS_MAX];
    return name_faults_label_value(value, faults) ? faults[0] : NULL;
}

static const struct name_format {
    const char *name;
    const char *(*check)(struct str value);
    bool masks_dash; /* a prefix may end in '-' */
} formats[] = {
    {"dns-subdomain", check_subdomain, true},
    {"dns-label", check_label, true},
    {"dns-1035-label", check_1035_label, true},
    {"path-segment", check_segment, false},
    {"any", check_any, false},
};

const char *name_check(const char *format, const char *value, bool is_prefix)
{
    char masked[SUBDOMAIN_MAX + 2];
    struct str text = str_of(value);
    const struct name_format *found = &formats[0];
    for (size_t i = 0; format && i < ARRAY_LEN(formats); i++)
        if (strcmp(formats[i].name, format) == 0)
            found = &formats[i];
    if (is_prefix && found->masks_dash && text.len > 1 && text.len < sizeof(masked) &&
        text.data[text.len - 1] == '-') {
        memcpy(masked, text.data, text.len - 2);
        masked[text.len - 2] = 'a';
        text = (struct str){masked, text.len - 1};
    }
    return found->check(text);
}
