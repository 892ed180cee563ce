/* cel/library.h: the implementations that the function table names. Internal to cel/.
 *
 * All have the form of cel_overload.run. */
#pragma once
#include "cel/eval.h"

/* clang-format off */
#define CEL_STANDARD(X) \
    X(equal) X(unequal) X(less) X(less_equal) X(greater) X(greater_equal) X(not) X(add) \
    X(subtract) X(multiply) X(divide) X(modulo) X(negate) X(index_list) X(index_map) \
    X(index_optional) X(in_list) X(in_map) X(size) X(contains) X(starts_with) X(ends_with) \
    X(matches) X(type_of) X(identity) X(to_bool) X(to_bytes) X(to_double) X(to_duration) \
    X(to_int) X(to_string) X(to_timestamp) X(to_uint)
#define CEL_TIMES(X) \
    X(get_full_year) X(get_month) X(get_date) X(get_day_of_month) X(get_day_of_week) \
    X(get_day_of_year) X(get_hours) X(get_minutes) X(get_seconds) X(get_milliseconds) \
    X(duration_hours) X(duration_minutes) X(duration_seconds) X(duration_milliseconds)
#define CEL_OPTIONALS(X) \
    X(optional_of) X(optional_none) X(optional_of_non_zero) X(has_value) X(value) X(or) \
    X(or_value)
#define CEL_STRINGS(X) \
    X(char_at) X(index_of) X(last_index_of) X(join) X(lower_ascii) X(upper_ascii) X(replace) \
    X(split) X(substring) X(trim) X(format) X(quote) X(find) X(find_all)
#define CEL_LISTS(X) \
    X(is_sorted) X(sum) X(min) X(max) X(list_index_of) X(list_last_index_of) X(sets_contains) \
    X(sets_equivalent) X(sets_intersects)
#define CEL_URLS(X) \
    X(url) X(is_url) X(url_scheme) X(url_host) X(url_hostname) X(url_port) X(url_path) \
    X(url_query)
#define CEL_QUANTITIES(X) \
    X(quantity) X(is_quantity) X(quantity_is_integer) X(quantity_as_integer) \
    X(quantity_as_float) X(quantity_sign) X(quantity_add) X(quantity_sub) X(quantity_less) \
    X(quantity_greater) X(quantity_compare)
#define CEL_ADDRESSES(X) \
    X(ip) X(is_ip) X(ip_is_canonical) X(ip_family) X(ip_is_unspecified) X(ip_is_loopback) \
    X(ip_is_link_local_multicast) X(ip_is_link_local_unicast) X(ip_is_global_unicast) \
    X(ip_string) X(cidr) X(is_cidr) X(cidr_contains_ip) X(cidr_contains_cidr) X(cidr_ip) \
    X(cidr_prefix_length) X(cidr_masked) X(cidr_string)
#define CEL_FORMAT_NAMES(X) \
    X(dns1123Label) X(dns1123Subdomain) X(dns1035Label) X(qualifiedName) X(dns1123LabelPrefix) \
    X(dns1123SubdomainPrefix) X(dns1035LabelPrefix) X(labelValue) X(uri) X(uuid) X(byte) X(date) \
    X(datetime)
#define CEL_FORMATS(X) \
    X(format_named) X(format_validate)
#define CEL_AUTHZ(X) \
    X(authz_path) X(authz_group) X(authz_resource) X(authz_subresource) X(authz_namespace) \
    X(authz_name) X(authz_field_selector) X(authz_label_selector) X(authz_service_account) \
    X(authz_check) X(authz_allowed) X(authz_reason) X(authz_errored) X(authz_error)
#define CEL_LIBRARY(X) \
    CEL_STANDARD(X) CEL_TIMES(X) CEL_OPTIONALS(X) CEL_STRINGS(X) CEL_LISTS(X) CEL_URLS(X) \
    CEL_QUANTITIES(X) CEL_ADDRESSES(X) CEL_FORMATS(X) CEL_AUTHZ(X)
/* clang-format on */

#define X(name)                                                                                    \
    struct cel_value cel_lib_##name(struct cel_eval *eval, const struct cel_value *args);
CEL_LIBRARY(X)
#undef X
#define X(name)                                                                                    \
    struct cel_value cel_lib_format_##name(struct cel_eval *eval, const struct cel_value *args);
CEL_FORMAT_NAMES(X)
#undef X

extern const struct cel_type cel_url, cel_quantity, cel_ip, cel_cidr, cel_format, cel_path_check,
    cel_group_check, cel_decision;

/* ---- what the libraries' own values are ---- */

struct cel_url {
    struct str whole, scheme, host, hostname, port, path, query; /* the path escaped */
};

struct cel_address {
    unsigned char bytes[16];
    uint8_t len;  /* 4 or 16 */
    uint8_t bits; /* of a CIDR: its prefix */
};

/* An address without zone, IPv4-mapped or leading zeroes. */
bool cel_address_parse(struct str text, struct cel_address *out);
void cel_address_write(struct buf *out, const struct cel_address *address);
/* NULL when it is one, as Go parses request URIs; else why not. */
const char *cel_url_parse(struct str text, struct cel_url *out);
