/* The families of a Service's addresses, in upstream's order: the policy, what contradicts it, what
 * the addresses say, and what this cluster has. */
#include "schema/service_family.h"

#include <string.h>

#include "schema/kinds/service.h"
#include "schema/meta.h"

#define SPEC   PATH(NULL, "spec")
#define POLICY PATH(SPEC, "ipFamilyPolicy")

#define SINGLE      "SingleStack"
#define DUAL        "RequireDualStack"
#define OTHER_OF(f) (strcmp((f), "IPv4") == 0 ? "IPv6" : "IPv4")

static bool has_policy(const json_t *spec, const char *policy)
{
    return strcmp(rule_text(spec, "ipFamilyPolicy"), policy) == 0;
}

/* No addresses, and nobody whom they would lead to. */
static bool is_alone(const json_t *spec)
{
    return strcmp(rule_text(spec, "clusterIP"), "None") == 0 && !rule_filled(spec, "selector");
}

static void settle_policy(json_t *spec, const json_t *before)
{
    const char *had = rule_text(before, "ipFamilyPolicy");
    default_text(spec, "ipFamilyPolicy", *had ? had : is_alone(spec) ? DUAL : SINGLE);
}

/* The lists that have an item a family. */
static const struct {
    const char *member, *kept, *many;
} lists[] = {
    {"clusterIPs", "must be 'SingleStack' to release the secondary cluster IP",
     "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified"},
    {"ipFamilies", "must be 'SingleStack' to release the secondary IP family",
     "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"},
};

/* A policy of one family gives up the second of what the update left as it was. */
static void settle_update(struct error *err, json_t *spec, const json_t *before)
{
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        json_t *list = member_array(spec, lists[i].member);
        const json_t *had = member_array(before, lists[i].member);
        size_t count = json_array_size(list);
        if (has_policy(spec, SINGLE) && count > 1 && json_equal(list, had))
            json_array_remove(list, 1);
        else if (!has_policy(spec, SINGLE) && count && count < json_array_size(had))
            rule_invalid_text(err, POLICY, rule_text(spec, "ipFamilyPolicy"), lists[i].kept);
    }
}

static void check_single(struct error *err, const json_t *spec)
{
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (has_policy(spec, SINGLE) && json_array_size(member_array(spec, lists[i].member)) == 2)
            rule_invalid_text(err, POLICY, SINGLE, lists[i].many);
}

/* Addresses that say no family say it themselves. */
static void infer_families(struct error *err, json_t *spec)
{
    const json_t *ips = member_array(spec, "clusterIPs"), *ip;
    LIST_EACH (ips, i, ip) {
        const char *text = json_string_value(ip) ? json_string_value(ip) : "None";
        if (strcmp(text, "None") == 0)
            return;
        if (i < json_array_size(member_array(spec, "ipFamilies")))
            continue;
        if (strchr(text, ':'))
            rule_invalid_list(err, PATH_AT(PATH(SPEC, "clusterIPs"), i), "string", ips,
                              "IPv6 is not configured on this cluster");
        else
            json_array_append_new(json_ensure_array(spec, "ipFamilies"), json_string("IPv4"));
    }
}

static void settle_alone(json_t *spec)
{
    json_t *families = json_ensure_array(spec, "ipFamilies");
    if (json_array_size(families) == 0)
        json_array_append_new(families, json_string("IPv4"));
    const char *first = json_string_value(json_array_get(families, 0));
    if (json_array_size(families) == 1 && !has_policy(spec, SINGLE))
        json_array_append_new(families, json_string(OTHER_OF(first ? first : "")));
}

static void settle_on_cluster(struct error *err, json_t *spec)
{
    json_t *families = json_ensure_array(spec, "ipFamilies"), *family;
    if (has_policy(spec, DUAL))
        rule_invalid_text(err, POLICY, DUAL,
                          "this cluster is not configured for dual-stack services");
    LIST_EACH (families, i, family) {
        const char *text = json_string_value(family) ? json_string_value(family) : "";
        if (strcmp(text, "IPv4") != 0)
            rule_invalid_text(err, PATH_AT(PATH(SPEC, "ipFamilies"), i), text,
                              "not configured on this cluster");
    }
    if (json_array_size(families) == 0)
        json_array_append_new(families, json_string("IPv4"));
}

bool service_settle_families(json_t *service, const json_t *old, struct error *err)
{
    json_t *spec = member_object(service, "spec");
    const json_t *before = member_object(old, "spec");
    if (!spec || service_is_external_name(spec))
        return true;
    settle_policy(spec, before);
    if (!old)
        service_check_addresses(err, spec);
    if (!err->cause_count) {
        settle_update(err, spec, before);
        check_single(err, spec);
        infer_families(err, spec);
    }
    if (!err->cause_count && is_alone(spec))
        settle_alone(spec);
    else if (!err->cause_count)
        settle_on_cluster(err, spec);
    return !err->cause_count || error_seal_invalid(err, "Service", "", meta_name(service));
}
