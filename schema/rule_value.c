/* Values with a form of their own: addresses, ports' names, keys of ConfigMaps, environment
 * variables. Source: apimachinery's util/validation. */
#include "schema/rule_internal.h"

#include <arpa/inet.h>

#include "schema/meta.h"

#define IP_DETAIL   "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
#define CIDR_DETAIL "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_letter(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ip(const char *value)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, value, bytes) == 1 || inet_pton(AF_INET6, value, bytes) == 1;
}

const char *value_check_ip(const char *value)
{
    return is_ip(value) ? NULL : IP_DETAIL;
}

static bool is_prefix_length(const char *text, int max)
{
    int value = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 3 || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
        value = value * 10 + (text[i] - '0');
    }
    return value <= max;
}

const char *value_check_cidr(const char *value)
{
    char address[64];
    const char *slash = strchr(value, '/');
    size_t len = slash ? (size_t)(slash - value) : sizeof(address);
    if (len >= sizeof(address))
        return CIDR_DETAIL;
    memcpy(address, value, len);
    address[len] = '\0';
    if (!is_ip(address) || !is_prefix_length(slash + 1, strchr(address, ':') ? 128 : 32))
        return CIDR_DETAIL;
    return NULL;
}

size_t value_faults_port_name(const char *value, const char *faults[])
{
    size_t len = strlen(value), letters = 0, odd = 0, count = 0;
    for (size_t i = 0; i < len; i++) {
        odd += !is_lower(value[i]) && !is_digit(value[i]) && value[i] != '-';
        letters += is_lower(value[i]);
    }
    if (len > 15)
        faults[count++] = "must be no more than 15 characters";
    if (odd || len == 0)
        faults[count++] = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
    if (letters == 0)
        faults[count++] = "must contain at least one letter (a-z)";
    if (strstr(value, "--"))
        faults[count++] = "must not contain consecutive hyphens";
    if (value[0] == '-' || (len && value[len - 1] == '-'))
        faults[count++] = "must not begin or end with a hyphen";
    return count;
}

const char *value_check_port_name(const char *value)
{
    const char *faults[NAME_FAULTS_MAX];
    return value_faults_port_name(value, faults) ? faults[0] : NULL;
}

size_t value_faults_config_key(const char *value, const char *faults[])
{
    size_t len = strlen(value), odd = 0, count = 0;
    for (size_t i = 0; i < len; i++)
        odd += !is_letter(value[i]) && !is_digit(value[i]) && !strchr("-._", value[i]);
    if (len > 253)
        faults[count++] = "must be no more than 253 characters";
    if (odd || len == 0)
        faults[count++] = "a valid config key must consist of alphanumeric characters, '-', '_' or "
                          "'.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "
                          "validation is '[-._a-zA-Z0-9]+')";
    if (strcmp(value, ".") == 0)
        faults[count++] = "must not be '.'";
    else if (strcmp(value, "..") == 0)
        faults[count++] = "must not be '..'";
    else if (text_starts(value, ".."))
        faults[count++] = "must not start with '..'";
    return count;
}

const char *value_check_config_key(const char *value)
{
    const char *faults[NAME_FAULTS_MAX];
    return value_faults_config_key(value, faults) ? faults[0] : NULL;
}

/* Relaxed, as RelaxedEnvironmentVariableValidation has it: on by default in 1.32. */
const char *value_check_env_name(const char *value)
{
    bool fine = *value != '\0';
    for (const char *at = value; *at; at++)
        if (*at < ' ' || *at > '~' || *at == '=')
            fine = false;
    return fine ? NULL
                : "a valid environment variable name must consist only of printable ASCII "
                  "characters other than '=' "
                  "(e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for "
                  "validation is '^[ "
                  "-<>-~]+$')";
}

const char *value_check_http_header(const char *value)
{
    bool fine = *value != '\0';
    for (const char *at = value; *at; at++)
        if (!is_letter(*at) && !is_digit(*at) && *at != '-')
            fine = false;
    return fine ? NULL
                : "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. "
                  "'X-Header-Name', regex used "
                  "for validation is '[-A-Za-z0-9]+')";
}

static bool is_path_char(char c)
{
    return is_letter(c) || is_digit(c) || strchr("._~%!$&'()*+,;=:/-@", c) != NULL;
}

void check_domain_path(struct error *err, const struct path *at, const json_t *object,
                       const char *member)
{
    const char *value = rule_text(object, member), *slash = strchr(value, '/');
    const struct path *path = PATH(at, member);
    if (!check_required(err, at, object, member, NULL))
        return;
    if (!slash || slash == value || !slash[1]) {
        rule_invalid_text(err, path, value,
                          "must be a domain-prefixed path (such as \"acme.io/foo\")");
        return;
    }
    CLEANUP(free_ptr) char *domain = xstrndup(value, (size_t)(slash - value));
    const char *wrong = name_check_dns_subdomain(domain), *rest = slash + 1;
    if (wrong)
        rule_invalid_text(err, path, domain, wrong);
    while (*rest && is_path_char(*rest))
        rest++;
    if (*rest)
        rule_invalid_text(
            err, path, slash + 1,
            "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
}

const char *value_check_wildcard_subdomain(const char *value)
{
    bool fine = text_starts(value, "*.") && !name_check_dns_subdomain(value + 2);
    if (strlen(value) > 253)
        return "must be no more than 253 characters";
    return fine ? NULL
                : "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS "
                  "subdomain, which must "
                  "consist of lower case alphanumeric characters, '-' or '.' and end with an "
                  "alphanumeric character "
                  "(e.g. "
                  "'*.example.com', regex used for validation is "
                  "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]"
                  "([-a-z0-9]*[a-z0-9])?)*')";
}

/* The address' bytes and the prefix' bits; the text has been checked. */
static bool read_cidr(const char *text, unsigned char bytes[16], int *family, int *bits)
{
    char address[64];
    const char *slash = strchr(text, '/');
    if (value_check_cidr(text))
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    *family = strchr(address, ':') ? AF_INET6 : AF_INET;
    *bits = 0;
    for (const char *at = slash + 1; *at; at++)
        *bits = *bits * 10 + (*at - '0');
    return inet_pton(*family, address, bytes) == 1;
}

bool value_is_dual_stack(const json_t *list)
{
    const char *first = json_string_value(json_array_get(list, 0));
    const char *second = json_string_value(json_array_get(list, 1));
    return json_array_size(list) == 2 && first && second &&
           !strchr(first, ':') != !strchr(second, ':');
}

bool value_cidr_within(const char *inner, const char *outer)
{
    unsigned char in[16], out[16];
    int in_family, out_family, in_bits, out_bits;
    if (!read_cidr(inner, in, &in_family, &in_bits) ||
        !read_cidr(outer, out, &out_family, &out_bits))
        return false;
    if (in_family != out_family || in_bits <= out_bits)
        return false;
    for (int i = 0; i < out_bits; i++)
        if ((in[i / 8] ^ out[i / 8]) & (0x80 >> (i % 8)))
            return false;
    return true;
}
