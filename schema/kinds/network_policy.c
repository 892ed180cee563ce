/* NetworkPolicies. */
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SPEC PATH(NULL, "spec")

static const struct direction {
    const char *member, *peers, *type;
} directions[] = {{"ingress", "from", "Ingress"}, {"egress", "to", "Egress"}};

static void set_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec"), *rule, *port;
    for (size_t k = 0; k < ARRAY_LEN(directions); k++)
        LIST_EACH (member_array(spec, directions[k].member), i, rule) {
            LIST_EACH (member_array(rule, "ports"), p, port)
                default_text(port, "protocol", "TCP");
        }
    if (!spec || rule_filled(spec, "policyTypes"))
        return;
    json_t *types = json_pack("[s]", "Ingress");
    if (rule_filled(spec, "egress"))
        json_array_append_new(types, json_string("Egress"));
    json_object_set_new(spec, "policyTypes", types);
}

static void check_port(struct error *err, const struct path *at, const json_t *item)
{
    static const char *const listed[] = {"TCP", "UDP", "SCTP", NULL}; /* here not sorted */
    const json_t *port = json_object_get(item, "port"), *end = json_object_get(item, "endPort");
    check_enum(err, at, item, "protocol", listed);
    if (port && !json_is_null(port))
        check_port_or_name(err, PATH(at, "port"), port);
    if (!json_is_integer(end))
        return;
    if (!port)
        rule_invalid(err, PATH(at, "endPort"), end,
                     "may not be specified when `port` is not specified");
    else if (json_is_string(port))
        rule_invalid(err, PATH(at, "endPort"), end,
                     "may not be specified when `port` is non-numeric");
    else if (json_integer_value(end) < json_int_or(port, 0))
        rule_invalid(err, PATH(at, "endPort"), port, "must be greater than or equal to `port`");
    if (json_is_integer(port))
        check_range(err, at, item, "endPort", 1, 65535);
}

static void check_block(struct error *err, const struct path *at, const json_t *block)
{
    const json_t *item;
    if (!check_required(err, at, block, "cidr", NULL))
        return;
    check_name(err, at, block, "cidr", value_check_cidr);
    if (value_check_cidr(rule_text(block, "cidr")))
        return;
    LIST_EACH (member_array(block, "except"), i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "",
                   *wrong = value_check_cidr(text);
        if (wrong)
            rule_invalid_text(err, PATH_AT(PATH(at, "except"), i), text, wrong);
        else if (!value_cidr_within(text, rule_text(block, "cidr")))
            rule_invalid_text(err, PATH_AT(PATH(at, "except"), i), text,
                              "must be a strict subset of `cidr`");
    }
}

static void check_peer(struct error *err, const struct path *at, const json_t *peer)
{
    static const char *const selectors[] = {"podSelector", "namespaceSelector"};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(selectors); i++)
        if (member_object(peer, selectors[i])) {
            check_label_selector(err, PATH(at, selectors[i]), member_object(peer, selectors[i]));
            count++;
        }
    if (member_object(peer, "ipBlock"))
        check_block(err, PATH(at, "ipBlock"), member_object(peer, "ipBlock"));
    if (count && member_object(peer, "ipBlock"))
        rule_forbidden(err, at, "may not specify both ipBlock and another peer");
    else if (!count && !member_object(peer, "ipBlock"))
        rule_required(err, at, "must specify a peer");
}

static void check_rules(struct error *err, const json_t *spec, const struct direction *direction)
{
    const json_t *rule, *item;
    LIST_EACH (member_array(spec, direction->member), i, rule) {
        const struct path *at = PATH_AT(PATH(SPEC, direction->member), i);
        LIST_EACH (member_array(rule, "ports"), k, item)
            check_port(err, PATH_AT(PATH(at, "ports"), k), item);
        LIST_EACH (member_array(rule, direction->peers), k, item)
            check_peer(err, PATH_AT(PATH(at, direction->peers), k), item);
    }
}

static void validate(const json_t *object, struct error *err)
{
    static const char *const types[] = {"Ingress", "Egress", NULL};
    const json_t *spec = json_object_get(object, "spec"), *list = member_array(spec, "policyTypes"),
                 *type;
    const struct path *path = PATH(SPEC, "policyTypes");
    check_label_selector(err, PATH(SPEC, "podSelector"), member_object(spec, "podSelector"));
    for (size_t k = 0; k < ARRAY_LEN(directions); k++)
        check_rules(err, spec, &directions[k]);
    if (json_array_size(list) > 2) {
        rule_invalid(err, path, list, "may not specify more than two policyTypes");
        return;
    }
    LIST_EACH (list, i, type) {
        if (!json_is_string(type) || !rule_one_of(json_string_value(type), types))
            rule_not_supported(err, PATH_AT(path, i), type, types);
    }
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    (void)old;
    (void)subresource;
    validate(object, err);
}

const struct kind_rules kind_network_policies = {
    .resource = "networkpolicies.networking.k8s.io",
    .set_defaults = set_defaults,
    .validate = validate,
    .validate_update = validate_update,
    .has_generation = true,
};
