/* FlowSchemas and PriorityLevelConfigurations. */
#include <math.h>

#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SPEC          PATH(NULL, "spec")
#define QUEUES_MAX    10000000
#define HASH_BITS_MAX 60

static void schema_defaults(json_t *object)
{
    default_int_zero(member_object(object, "spec"), "matchingPrecedence", 1000);
}

static void check_account(struct error *err, const struct path *at, const json_t *account)
{
    if (strcmp(rule_text(account, "name"), "*") != 0)
        check_name_required(err, at, account, "name", name_check_dns_subdomain);
    if (check_required(err, at, account, "namespace", "must specify namespace for service account"))
        check_name(err, at, account, "namespace", name_check_dns_label);
}

static const struct subject_row {
    const char *kind, *member;
} subject_rows[] = {{"ServiceAccount", "serviceAccount"}, {"User", "user"}, {"Group", "group"}};

static void check_subject(struct error *err, const struct path *at, const json_t *subject)
{
    static const char *const kinds[] = {"Group", "ServiceAccount", "User", NULL};
    const char *kind = rule_text(subject, "kind");
    if (!rule_one_of(kind, kinds)) {
        check_enum_given(err, at, subject, "kind", kinds);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(subject_rows); i++) {
        const struct subject_row *row = &subject_rows[i];
        const json_t *who = member_object(subject, row->member);
        CLEANUP(free_ptr)
        char *missing =
            xasprintf("%s is required when subject kind is '%s'", row->member, row->kind);
        if (strcmp(row->kind, kind) != 0)
            continue;
        if (!who)
            rule_required(err, PATH(at, row->member), missing);
        else if (i == 0)
            check_account(err, PATH(at, row->member), who);
        else
            check_required(err, PATH(at, row->member), who, "name", NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(subject_rows); i++)
        if (strcmp(subject_rows[i].kind, kind) != 0 && rule_has(subject, subject_rows[i].member))
            rule_forbidden(err, PATH(at, subject_rows[i].member),
                           "%s is forbidden when subject kind is not '%s'", subject_rows[i].member,
                           subject_rows[i].kind);
}

static const char *const verbs[] = {"create", "delete", "deletecollection", "get",   "list",
                                    "patch",  "proxy",  "update",           "watch", NULL};

/* A list that is there, and a star only by itself. True when its items are to be looked at. */
static bool check_listed(struct error *err, const struct path *at, const json_t *rule,
                         const char *member, const char *missing, const char *what)
{
    const json_t *list = member_array(rule, member);
    bool star = json_array_has_text(list, "*");
    if (json_array_size(list) == 0)
        rule_required(err, PATH(at, member), missing);
    else if (star && json_array_size(list) > 1)
        rule_invalid(err, PATH(at, member), list, "if '*' is present, must not specify other %s",
                     what);
    return json_array_size(list) && !star;
}

static void check_verbs(struct error *err, const struct path *at, const json_t *rule)
{
    const json_t *list = member_array(rule, "verbs"), *item;
    if (!check_listed(err, at, rule, "verbs", "verbs must contain at least one value", "verbs"))
        return;
    LIST_EACH (list, i, item) {
        if (json_is_string(item) && rule_one_of(json_string_value(item), verbs))
            continue;
        rule_not_supported(err, PATH(at, "verbs"), list, verbs);
        return;
    }
}

static const char *url_problem(const char *url)
{
    const char *star = strchr(url, '*');
    if (!*url)
        return "must not be empty";
    if (*url != '/')
        return "must start with slash";
    if (strchr(url, ' '))
        return "must not contain white-space";
    if (strstr(url, "//"))
        return "must not contain double slash";
    bool at_end = star && !star[1] && star[-1] == '/';
    return star && !at_end ? "wildcard can only do suffix matching" : NULL;
}

static void check_urls_rule(struct error *err, const struct path *at, const json_t *rule)
{
    const json_t *item;
    check_verbs(err, at, rule);
    bool each =
        check_listed(err, at, rule, "nonResourceURLs",
                     "nonResourceURLs must contain at least one value", "non-resource URLs");
    LIST_EACH (each ? member_array(rule, "nonResourceURLs") : NULL, i, item) {
        const char *url = json_string_value(item) ? json_string_value(item) : "";
        if (url_problem(url))
            rule_invalid_text(err, PATH_AT(PATH(at, "nonResourceURLs"), i), url, url_problem(url));
    }
}

static void check_namespaces(struct error *err, const struct path *at, const json_t *rule)
{
    const json_t *item;
    if (!rule_filled(rule, "namespaces") && rule_bool(rule, "clusterScope"))
        return;
    bool each = check_listed(
        err, at, rule, "namespaces",
        "resource rules that are not cluster scoped must supply at least one namespace",
        "namespaces");
    LIST_EACH (each ? member_array(rule, "namespaces") : NULL, i, item) {
        const char *name = json_string_value(item) ? json_string_value(item) : "",
                   *wrong = name_check_dns_label(name);
        if (wrong)
            rule_invalid(err, PATH_AT(PATH(at, "namespaces"), i), item,
                         "each member of this list must be '*' or a DNS-1123 label; %s", wrong);
    }
}

static void check_resources_rule(struct error *err, const struct path *at, const json_t *rule)
{
    check_verbs(err, at, rule);
    (void)check_listed(err, at, rule, "apiGroups",
                       "resource rules must supply at least one api group",
                       "api groups"); /* whatever they are */
    (void)check_listed(err, at, rule, "resources",
                       "resource rules must supply at least one resource", "resources");
    check_namespaces(err, at, rule);
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
    LIST_EACH (member_array(rule, "resourceRules"), i, item)
        check_resources_rule(err, PATH_AT(PATH(at, "resourceRules"), i), item);
    LIST_EACH (member_array(rule, "nonResourceRules"), i, item)
        check_urls_rule(err, PATH_AT(PATH(at, "nonResourceRules"), i), item);
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
    const struct path *level_at = PATH(SPEC, "priorityLevelConfiguration");
    const json_t *level = member_object(spec, "priorityLevelConfiguration");
    if (check_required(err, level_at, level, "name", "must reference a priority level"))
        check_name(err, level_at, level, "name", name_check_dns_subdomain);
    LIST_EACH (member_array(spec, "rules"), i, rule)
        check_flow_rule(err, PATH_AT(PATH(SPEC, "rules"), i), rule);
}

static void check_flow_conditions(const json_t *object, struct error *err)
{
    const json_t *item;
    json_auto_t *seen = json_object();
    LIST_EACH (json_at(object, "status", "conditions"), i, item) {
        const struct path *at = PATH_AT(PATH(PATH(NULL, "status"), "conditions"), i);
        if (rule_seen(seen, rule_text(item, "type")))
            rule_duplicate(err, PATH(at, "type"), json_object_get(item, "type"));
        check_required(err, at, item, "type", "must not be empty");
    }
}

static void schema_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    (void)old;
    if (is_main(subresource))
        schema_validate(object, err);
    else
        check_flow_conditions(object, err);
}

const struct kind_rules kind_flow_schemas = {
    .resource = "flowschemas.flowcontrol.apiserver.k8s.io",
    .set_defaults = schema_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = strategy_status_alone,
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

/* Dealing a hand to a flow takes so many bits of its hash. */
static int64_t entropy_bits(int64_t deck, int64_t hand)
{
    return (int64_t)ceil(log2((double)deck) * (double)hand);
}

static void check_queuing(struct error *err, const struct path *at, const json_t *queuing)
{
    const json_t *queues = json_object_get(queuing, "queues"),
                 *hand = json_object_get(queuing, "handSize");
    int64_t deck = json_int_or(queues, 0), size = json_int_or(hand, 0);
    if (rule_int(queuing, "queueLengthLimit", 0) <= 0)
        rule_invalid(err, PATH(at, "queueLengthLimit"),
                     json_object_get(queuing, "queueLengthLimit"), "must be positive");
    if (deck <= 0)
        rule_invalid(err, PATH(at, "queues"), queues, "must be positive");
    else if (deck > QUEUES_MAX)
        rule_invalid(err, PATH(at, "queues"), queues, "must not be greater than %d", QUEUES_MAX);
    if (size <= 0)
        rule_invalid(err, PATH(at, "handSize"), hand, "must be positive");
    else if (size > deck)
        rule_invalid(err, PATH(at, "handSize"), hand, "should not be greater than queues (%lld)",
                     (long long)deck);
    else if (entropy_bits(deck, size) > HASH_BITS_MAX)
        rule_invalid(err, PATH(at, "handSize"), hand,
                     "required entropy bits of deckSize %lld and handSize %lld should not be "
                     "greater than %d",
                     (long long)deck, (long long)size, HASH_BITS_MAX);
}

static void check_response(struct error *err, const struct path *at, const json_t *response)
{
    static const char *const types[] = {"Queue", "Reject", NULL};
    const json_t *queuing = member_object(response, "queuing");
    const char *type = rule_text(response, "type");
    bool queue = strcmp(type, "Queue") == 0;
    if (queue && !queuing)
        rule_required(err, PATH(at, "queuing"),
                      "must not be empty if limited.limitResponse.type is Limited");
    else if (queue)
        check_queuing(err, PATH(at, "queuing"), queuing);
    else if (!rule_one_of(type, types))
        check_enum_given(err, at, response, "type", types);
    else if (queuing)
        rule_forbidden(err, PATH(at, "queuing"),
                       "must be nil if limited.limitResponse.type is not Limited");
}

static void check_shares(struct error *err, const struct path *at, const json_t *holder)
{
    const json_t *shares = json_object_get(holder, "nominalConcurrencyShares");
    if (json_int_or(shares, 0) < 0)
        rule_invalid(err, PATH(at, "nominalConcurrencyShares"), shares,
                     "must be a non-negative integer");
}

static void check_limited(struct error *err, const struct path *at, const json_t *limited)
{
    const json_t *borrow = json_object_get(limited, "borrowingLimitPercent");
    check_shares(err, at, limited);
    check_response(err, PATH(at, "limitResponse"), member_object(limited, "limitResponse"));
    check_range(err, at, limited, "lendablePercent", 0, 100);
    if (json_int_or(borrow, 0) < 0)
        rule_invalid(err, PATH(at, "borrowingLimitPercent"), borrow,
                     "if specified, must be a non-negative integer");
}

static void level_validate(const json_t *object, struct error *err)
{
    static const char *const types[] = {"Exempt", "Limited", NULL};
    const json_t *spec = json_object_get(object, "spec"), *limited = member_object(spec, "limited"),
                 *exempt = member_object(spec, "exempt");
    bool is_limited = strcmp(rule_text(spec, "type"), "Limited") == 0,
         is_exempt = strcmp(rule_text(spec, "type"), "Exempt") == 0;
    if (is_exempt != (strcmp(meta_name(object), "exempt") == 0))
        rule_invalid(err, PATH(SPEC, "type"), json_object_get(spec, "type"),
                     "type must be 'Exempt' if and only if name is 'exempt'");
    if (!is_limited && !is_exempt)
        check_enum_given(err, SPEC, spec, "type", types);
    if (is_limited && exempt)
        rule_forbidden(err, PATH(SPEC, "exempt"), "must be nil if the type is Limited");
    if (is_limited && !limited)
        rule_required(err, PATH(SPEC, "limited"), "must not be empty when type is Limited");
    else if (is_limited)
        check_limited(err, PATH(SPEC, "limited"), limited);
    if (is_exempt && limited)
        rule_forbidden(err, PATH(SPEC, "limited"), "must be nil if the type is not Limited");
    if (is_exempt && exempt) {
        check_shares(err, PATH(SPEC, "exempt"), exempt);
        check_range(err, PATH(SPEC, "exempt"), exempt, "lendablePercent", 0, 100);
    }
}

static void level_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                  struct error *err)
{
    (void)old;
    if (is_main(subresource))
        level_validate(object, err);
    else
        check_flow_conditions(object, err);
}

const struct kind_rules kind_priority_levels = {
    .resource = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    .set_defaults = level_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = strategy_status_alone,
    .validate = level_validate,
    .validate_update = level_validate_update,
    .has_generation = true,
};
