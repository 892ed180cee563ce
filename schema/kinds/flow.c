/* FlowSchemas and PriorityLevelConfigurations. */
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SPEC       PATH(NULL, "spec")
#define QUEUES_MAX 10000000

static void keep_status(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static void schema_defaults(json_t *object)
{
    default_int_zero(member_object(object, "spec"), "matchingPrecedence", 1000);
}

static void check_subject(struct error *err, const struct path *at, const json_t *subject)
{
    static const char *const kinds[] = {"Group", "ServiceAccount", "User", NULL};
    static const char *const members[] = {"group", "serviceAccount", "user"};
    const char *kind = rule_text(subject, "kind");
    check_enum_given(err, at, subject, "kind", kinds);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        bool mine = strcmp(kinds[i], kind) == 0, given = rule_has(subject, members[i]);
        if (mine && !given)
            rule_required(err, PATH(at, members[i]), "");
        else if (mine)
            check_required(err, PATH(at, members[i]), member_object(subject, members[i]), "name",
                           NULL);
        else if (given && rule_one_of(kind, kinds))
            rule_forbidden(err, PATH(at, members[i]),
                           "%s is forbidden when subject kind is not '%s'", members[i], kinds[i]);
    }
}

static void check_flow_rule(struct error *err, const struct path *at, const json_t *rule)
{
    const json_t *item;
    if (!rule_filled(rule, "subjects"))
        rule_required(err, PATH(at, "subjects"), "subjects must contain at least one value");
    LIST_EACH (member_array(rule, "subjects"), i, item)
        check_subject(err, PATH_AT(PATH(at, "subjects"), i), item);
    if (!rule_filled(rule, "resourceRules") && !rule_filled(rule, "nonResourceRules"))
        rule_required(err, at,
                      "at least one of resourceRules and nonResourceRules has to be non-empty");
    LIST_EACH (member_array(rule, "resourceRules"), i, item) {
        const struct path *path = PATH_AT(PATH(at, "resourceRules"), i);
        check_required(err, path, item, "verbs", "verbs must contain at least one value");
        check_required(err, path, item, "apiGroups",
                       "resource rules must supply at least one api group");
        check_required(err, path, item, "resources",
                       "resource rules must supply at least one resource");
        if (!rule_filled(item, "namespaces") && !rule_bool(item, "clusterScope"))
            rule_required(
                err, PATH(path, "namespaces"),
                "resource rules that are not cluster scoped must supply at least one namespace");
    }
    LIST_EACH (member_array(rule, "nonResourceRules"), i, item) {
        const struct path *path = PATH_AT(PATH(at, "nonResourceRules"), i);
        check_required(err, path, item, "verbs", "verbs must contain at least one value");
        check_required(err, path, item, "nonResourceURLs",
                       "nonResourceURLs must contain at least one value");
    }
}

static void schema_validate(const json_t *object, struct error *err)
{
    static const char *const methods[] = {"ByNamespace", "ByUser", NULL};
    const json_t *spec = json_object_get(object, "spec"),
                 *precedence = json_object_get(spec, "matchingPrecedence"), *rule;
    if (json_int_or(precedence, 0) <= 0)
        rule_invalid(err, PATH(SPEC, "matchingPrecedence"), precedence, "must be a positive value");
    else if (json_integer_value(precedence) > 10000)
        rule_invalid(err, PATH(SPEC, "matchingPrecedence"), precedence,
                     "must not be greater than 10000");
    if (json_int_or(precedence, 0) == 1 && strcmp(meta_name(object), "exempt") != 0)
        rule_invalid(err, PATH(SPEC, "matchingPrecedence"), precedence,
                     "only the schema named 'exempt' may have matchingPrecedence 1");
    if (rule_has(spec, "distinguisherMethod"))
        check_enum_given(err, PATH(SPEC, "distinguisherMethod"),
                         member_object(spec, "distinguisherMethod"), "type", methods);
    check_name_required(err, PATH(SPEC, "priorityLevelConfiguration"),
                        member_object(spec, "priorityLevelConfiguration"), "name",
                        name_check_dns_subdomain);
    LIST_EACH (member_array(spec, "rules"), i, rule)
        check_flow_rule(err, PATH_AT(PATH(SPEC, "rules"), i), rule);
}

static void schema_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    (void)old;
    if (is_main(subresource))
        schema_validate(object, err);
}

const struct kind_rules kind_flow_schemas = {
    .resource = "flowschemas.flowcontrol.apiserver.k8s.io",
    .set_defaults = schema_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = keep_status,
    .validate = schema_validate,
    .validate_update = schema_validate_update,
    .has_generation = true,
};

static void level_defaults(json_t *object)
{
    json_t *exempt = json_at(object, "spec", "exempt"),
           *limited = json_at(object, "spec", "limited");
    json_t *queuing = json_at(limited, "limitResponse", "queuing");
    default_int(exempt, "nominalConcurrencyShares", 0);
    default_int(exempt, "lendablePercent", 0);
    default_int(limited, "nominalConcurrencyShares", 30);
    default_int(limited, "lendablePercent", 0);
    default_int_zero(queuing, "handSize", 8);
    default_int_zero(queuing, "queues", 64);
    default_int_zero(queuing, "queueLengthLimit", 50);
}

static void check_queuing(struct error *err, const struct path *at, const json_t *queuing)
{
    static const char *const members[] = {"queueLengthLimit", "queues", "handSize"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (rule_int(queuing, members[i], 0) <= 0)
            rule_invalid(err, PATH(at, members[i]), json_object_get(queuing, members[i]),
                         "must be positive");
    if (rule_int(queuing, "queues", 0) > QUEUES_MAX)
        rule_invalid(err, PATH(at, "queues"), json_object_get(queuing, "queues"),
                     "must not be greater than %d", QUEUES_MAX);
    if (rule_int(queuing, "handSize", 0) > rule_int(queuing, "queues", 0))
        rule_invalid(err, PATH(at, "handSize"), json_object_get(queuing, "handSize"),
                     "should not be greater than queues (%lld)",
                     (long long)rule_int(queuing, "queues", 0));
}

static void check_limited(struct error *err, const struct path *at, const json_t *limited)
{
    static const char *const types[] = {"Queue", "Reject", NULL};
    const json_t *response = member_object(limited, "limitResponse"),
                 *queuing = member_object(response, "queuing");
    const struct path *path = PATH(at, "limitResponse");
    bool queue = strcmp(rule_text(response, "type"), "Queue") == 0;
    check_min(err, at, limited, "nominalConcurrencyShares", 0);
    check_range(err, at, limited, "lendablePercent", 0, 100);
    check_min(err, at, limited, "borrowingLimitPercent", 0);
    check_enum_given(err, path, response, "type", types);
    if (queue && !queuing)
        rule_required(err, PATH(path, "queuing"),
                      "must not be empty if limited.limitResponse.type is limited");
    else if (queue)
        check_queuing(err, PATH(path, "queuing"), queuing);
    else if (queuing)
        rule_forbidden(err, PATH(path, "queuing"),
                       "must be nil if limited.limitResponse.type is not Limited");
}

static void level_validate(const json_t *object, struct error *err)
{
    static const char *const types[] = {"Exempt", "Limited", NULL};
    const json_t *spec = json_object_get(object, "spec"), *limited = member_object(spec, "limited");
    bool is_limited = strcmp(rule_text(spec, "type"), "Limited") == 0;
    check_enum_given(err, SPEC, spec, "type", types);
    if (is_limited && !limited)
        rule_required(err, PATH(SPEC, "limited"), "must not be empty when type is Limited");
    else if (is_limited)
        check_limited(err, PATH(SPEC, "limited"), limited);
    else if (limited)
        rule_forbidden(err, PATH(SPEC, "limited"), "must be nil if the type is not Limited");
    if (is_limited && rule_has(spec, "exempt"))
        rule_forbidden(err, PATH(SPEC, "exempt"), "must be nil if the type is Limited");
}

static void level_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                  struct error *err)
{
    (void)old;
    if (is_main(subresource))
        level_validate(object, err);
}

const struct kind_rules kind_priority_levels = {
    .resource = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    .set_defaults = level_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = keep_status,
    .validate = level_validate,
    .validate_update = level_validate_update,
    .has_generation = true,
};
