/* Webhook configurations and admission policies. */
#include <ctype.h>
#include <string.h>

#include "schema/admission_cel.h"
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define CONDITIONS_MAX 64

static void match_defaults(json_t *holder)
{
    default_text(holder, "matchPolicy", "Equivalent");
    default_object(holder, "namespaceSelector");
    default_object(holder, "objectSelector");
}

static void rules_defaults(json_t *rules)
{
    json_t *rule;
    LIST_EACH (rules, i, rule)
        default_text(rule, "scope", "*");
}

static void webhook_defaults(json_t *object, bool mutating)
{
    json_t *hook;
    LIST_EACH (member_array(object, "webhooks"), i, hook) {
        default_text(hook, "failurePolicy", "Fail");
        match_defaults(hook);
        default_int(hook, "timeoutSeconds", 10);
        if (mutating)
            default_text(hook, "reinvocationPolicy", "Never");
        default_int(member_object(member_object(hook, "clientConfig"), "service"), "port", 443);
        rules_defaults(member_array(hook, "rules"));
    }
}

static void validating_defaults(json_t *object)
{
    webhook_defaults(object, false);
}

static void mutating_defaults(json_t *object)
{
    webhook_defaults(object, true);
}

static void webhooks_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    (void)subresource;
    strategy_generation_update(
        object, old,
        !rule_equal(json_object_get(object, "webhooks"), json_object_get(old, "webhooks")));
}

static void check_star_alone(struct error *err, const struct path *path, const json_t *list,
                             const char *what)
{
    if (json_array_size(list) == 0)
        rule_required(err, path, NULL);
    else if (json_array_size(list) > 1 && json_array_has_text(list, "*"))
        rule_invalid(err, path, list, "if '*' is present, must not specify other %s", what);
}

/* Something with a subresource, that one before it with a star for either half has named already.
 * One with a star is added to `stars`. */
static void check_covered(struct error *err, const struct path *path, const char *text,
                          json_t *stars)
{
    const char *slash = strchr(text, '/');
    if (!slash || strcmp(text, "*/*") == 0)
        return;
    CLEANUP(free_ptr) char *subresources = xasprintf("%.*s/*", (int)(slash - text), text);
    CLEANUP(free_ptr) char *resources = xasprintf("*%s", slash);
    const char *const covers[] = {subresources, resources};
    for (size_t i = 0; i < ARRAY_LEN(covers); i++) {
        if (!json_object_get(stars, covers[i]))
            continue;
        CLEANUP(free_ptr)
        char *detail = xasprintf("if '%s' is present, must not specify %s", covers[i], text);
        rule_invalid_text(err, path, text, detail);
    }
    if (*text == '*' || strcmp(slash, "/*") == 0)
        json_object_set_new(stars, text, json_true());
}

static void check_resources(struct error *err, const struct path *path, const json_t *list)
{
    const json_t *item;
    json_auto_t *stars = json_object();
    bool all = json_array_has_text(list, "*/*"), plain = json_array_has_text(list, "*");
    if (json_array_size(list) == 0)
        rule_required(err, path, NULL);
    if (all && json_array_size(list) > 1)
        rule_invalid(err, path, list, "if '*/*' is present, must not specify other resources");
    LIST_EACH (list, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        if (!*text)
            rule_required(err, PATH_AT(path, i), NULL);
        else if (plain && strcmp(text, "*") != 0 && !strchr(text, '/'))
            rule_invalid(
                err, path, list,
                "if '*' is present, must not specify other resources without subresources");
        check_covered(err, PATH_AT(path, i), text, stars);
    }
}

static void check_rule(struct error *err, const struct path *at, const json_t *rule)
{
    static const char *const operations[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE", NULL};
    static const char *const scopes[] = {"*", "Cluster", "Namespaced", NULL};
    const json_t *list = member_array(rule, "operations"), *item;
    check_star_alone(err, PATH(at, "operations"), list, "operations");
    LIST_EACH (list, i, item) {
        if (!json_is_string(item) || !rule_one_of(json_string_value(item), operations))
            rule_not_supported(err, PATH_AT(PATH(at, "operations"), i), item, operations);
    }
    check_star_alone(err, PATH(at, "apiGroups"), member_array(rule, "apiGroups"), "API groups");
    check_star_alone(err, PATH(at, "apiVersions"), member_array(rule, "apiVersions"),
                     "API versions");
    check_resources(err, PATH(at, "resources"), member_array(rule, "resources"));
    check_enum(err, at, rule, "scope", scopes);
}

static void check_url(struct error *err, const struct path *path, const char *url)
{
    if (!text_starts(url, "https://"))
        rule_invalid_text(
            err, path, url,
            "'https' is the only allowed URL scheme; desired format: https://host[/path]");
    else if (!url[8] || url[8] == '/')
        rule_invalid_text(err, path, url,
                          "host must be specified; desired format: https://host[/path]");
    if (strchr(url, '@'))
        rule_invalid_text(err, path, url, "user information is not permitted in the URL");
    if (strchr(url, '#'))
        rule_invalid_text(err, path, url, "fragments are not permitted in the URL");
    if (strchr(url, '?'))
        rule_invalid_text(err, path, url, "query parameters are not permitted in the URL");
}

void check_webhook_client(struct error *err, const struct path *at, const json_t *client)
{
    const json_t *service = member_object(client, "service");
    const struct path *path = PATH(at, "service");
    bool url = rule_has(client, "url");
    if (url == (service != NULL))
        rule_required(err, at, "exactly one of url or service is required");
    else if (url)
        check_url(err, PATH(at, "url"), rule_text(client, "url"));
    if (!service || url)
        return;
    check_required(err, path, service, "name", "service name is required");
    check_required(err, path, service, "namespace", "service namespace is required");
    const json_t *port = json_object_get(service, "port");
    if (json_is_integer(port) && (json_integer_value(port) < 1 || json_integer_value(port) > 65535))
        rule_invalid(err, PATH(path, "port"), port,
                     "port is not valid: must be between 1 and 65535, inclusive");
    if (*rule_text(service, "path") && rule_text(service, "path")[0] != '/')
        rule_invalid_text(err, PATH(path, "path"), rule_text(service, "path"),
                          "must start with a '/'");
}

/* What is wrong with the expressions of a list, at `member` of each item. */
static void check_expressions(struct error *err, const struct path *path, const char *member,
                              const struct admission_expressions *expressions)
{
    for (size_t i = 0; i < expressions->count; i++)
        if (expressions->items[i].problem)
            rule_invalid_text(err, PATH(PATH_AT(path, i), member), expressions->items[i].text,
                              expressions->items[i].problem);
}

static void check_match_conditions(struct error *err, const struct path *path, const json_t *list)
{
    const json_t *item;
    json_auto_t *seen = json_object();
    if (json_array_size(list) > CONDITIONS_MAX)
        rule_too_many(err, path, json_array_size(list), CONDITIONS_MAX);
    LIST_EACH (list, i, item) {
        const struct path *at = PATH_AT(path, i);
        check_name_required(err, at, item, "name", name_check_qualified);
        check_required(err, at, item, "expression", NULL);
        if (*rule_text(item, "name") && json_object_get(seen, rule_text(item, "name")))
            rule_duplicate(err, PATH(at, "name"), json_object_get(item, "name"));
        json_object_set_new(seen, rule_text(item, "name"), json_true());
    }
}

void check_review_versions(struct error *err, const struct path *path, const json_t *list,
                           const char *missing)
{
    const json_t *item;
    json_auto_t *seen = json_object();
    if (json_array_size(list) == 0) {
        rule_required(err, path, missing);
        return;
    }
    if (!json_array_has_text(list, "v1") && !json_array_has_text(list, "v1beta1"))
        rule_invalid(err, path, list, "must include at least one of v1, v1beta1");
    LIST_EACH (list, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "",
                   *wrong = name_check_dns_1035_label(text);
        if (wrong)
            rule_invalid_text(err, PATH_AT(path, i), text, wrong);
        if (rule_seen(seen, text))
            rule_invalid_text(err, PATH_AT(path, i), text, "duplicate version");
    }
}

static bool is_qualified_domain(const char *name)
{
    const char *dot = strchr(name, '.');
    return !name_check_dns_subdomain(name) && dot && strchr(dot + 1, '.');
}

static void check_hook(struct error *err, const struct path *at, const json_t *hook)
{
    static const char *const failures[] = {"Fail", "Ignore", NULL};
    static const char *const matches[] = {"Equivalent", "Exact", NULL};
    static const char *const effects[] = {"None", "NoneOnDryRun", NULL};
    static const char *const again[] = {"IfNeeded", "Never", NULL};
    const json_t *rule, *seconds = json_object_get(hook, "timeoutSeconds");
    if (!is_qualified_domain(rule_text(hook, "name")))
        rule_invalid_text(err, PATH(at, "name"), rule_text(hook, "name"),
                          "should be a domain with at least three segments separated by dots");
    LIST_EACH (member_array(hook, "rules"), i, rule)
        check_rule(err, PATH_AT(PATH(at, "rules"), i), rule);
    check_enum(err, at, hook, "failurePolicy", failures);
    check_enum(err, at, hook, "matchPolicy", matches);
    check_enum(err, at, hook, "reinvocationPolicy", again);
    if (!*rule_text(hook, "sideEffects"))
        rule_required(err, PATH(at, "sideEffects"), "must specify one of None, NoneOnDryRun");
    check_enum(err, at, hook, "sideEffects", effects);
    if (json_is_integer(seconds) &&
        (json_integer_value(seconds) < 1 || json_integer_value(seconds) > 30))
        rule_invalid(err, PATH(at, "timeoutSeconds"), seconds,
                     "the timeout value must be between 1 and 30 seconds");
    check_label_selector(err, PATH(at, "namespaceSelector"),
                         member_object(hook, "namespaceSelector"));
    check_label_selector(err, PATH(at, "objectSelector"), member_object(hook, "objectSelector"));
    check_webhook_client(err, PATH(at, "clientConfig"), member_object(hook, "clientConfig"));
    check_match_conditions(err, PATH(at, "matchConditions"), member_array(hook, "matchConditions"));
    check_review_versions(err, PATH(at, "admissionReviewVersions"),
                          member_array(hook, "admissionReviewVersions"),
                          "must specify one of v1, v1beta1");
}

static void check_hook_expressions(struct error *err, const struct path *at, const json_t *hook)
{
    if (json_array_size(member_array(hook, "matchConditions")) == 0)
        return;
    struct admission_programs *programs = admission_compile(hook, NULL, NULL);
    check_expressions(err, PATH(at, "matchConditions"), "expression", &programs->conditions);
    admission_programs_free(programs);
}

static void webhooks_validate(const json_t *object, struct error *err)
{
    const json_t *hook;
    json_auto_t *seen = json_object();
    LIST_EACH (member_array(object, "webhooks"), i, hook) {
        const struct path *at = PATH_AT(PATH(NULL, "webhooks"), i);
        check_hook(err, at, hook);
        check_hook_expressions(err, at, hook);
        if (json_object_get(seen, rule_text(hook, "name")))
            rule_duplicate(err, PATH(at, "name"), json_object_get(hook, "name"));
        json_object_set_new(seen, rule_text(hook, "name"), json_true());
    }
}

static void webhooks_validate_update(const json_t *object, const json_t *old,
                                     const char *subresource, struct error *err)
{
    (void)old;
    (void)subresource;
    webhooks_validate(object, err);
}

const struct kind_rules kind_validating_webhooks = {
    .resource = "validatingwebhookconfigurations.admissionregistration.k8s.io",
    .set_defaults = validating_defaults,
    .prepare_create = strategy_generation_create,
    .prepare_update = webhooks_prepare_update,
    .validate = webhooks_validate,
    .validate_update = webhooks_validate_update,
};

const struct kind_rules kind_mutating_webhooks = {
    .resource = "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    .set_defaults = mutating_defaults,
    .prepare_create = strategy_generation_create,
    .prepare_update = webhooks_prepare_update,
    .validate = webhooks_validate,
    .validate_update = webhooks_validate_update,
};

static void constraint_defaults(json_t *constraints)
{
    if (!constraints)
        return;
    match_defaults(constraints);
    rules_defaults(member_array(constraints, "resourceRules"));
    rules_defaults(member_array(constraints, "excludeResourceRules"));
}

static void policy_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    default_text(spec, "failurePolicy", "Fail");
    constraint_defaults(member_object(spec, "matchConstraints"));
}

static void policy_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

#define SPEC PATH(NULL, "spec")

static void check_validation(struct error *err, const struct path *at, const json_t *validation)
{
    static const char *const reasons[] = {"Forbidden", "Invalid", "RequestEntityTooLarge",
                                          "Unauthorized", NULL};
    const char *message = rule_text(validation, "message");
    check_required(err, at, validation, "expression", "expression is not specified");
    if (*message && str_trim(str_of(message)).len == 0)
        rule_invalid_text(err, PATH(at, "message"), message,
                          "message must be non-empty if specified");
    if (strchr(message, '\n'))
        rule_invalid_text(err, PATH(at, "message"), message,
                          "message must not contain line breaks");
    if (*rule_text(validation, "messageExpression") &&
        str_trim(str_of(rule_text(validation, "messageExpression"))).len == 0)
        rule_invalid_text(err, PATH(at, "messageExpression"),
                          rule_text(validation, "messageExpression"),
                          "messageExpression must be non-empty if specified");
    check_enum(err, at, validation, "reason", reasons);
}

static bool is_identifier(const char *name)
{
    static const char *const reserved[] = {
        "true",      "false",  "null",     "in",   "as",     "break", "const", "continue",
        "else",      "for",    "function", "if",   "import", "let",   "loop",  "package",
        "namespace", "return", "var",      "void", "while",  NULL};
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_')
            return false;
    return !rule_one_of(name, reserved);
}

static void check_variables(struct error *err, const struct path *path, const json_t *list)
{
    const json_t *item;
    json_auto_t *seen = json_object();
    LIST_EACH (list, i, item) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(item, "name");
        if (check_required(err, at, item, "name", "name is not specified") && !is_identifier(name))
            rule_invalid_text(err, PATH(at, "name"), name, "name is not a valid CEL identifier");
        check_required(err, at, item, "expression", "expression is not specified");
        if (*name && rule_seen(seen, name))
            rule_duplicate(err, PATH(at, "name"), json_object_get(item, "name"));
    }
}

static void check_annotations(struct error *err, const struct path *path, const json_t *list)
{
    const json_t *item;
    json_auto_t *seen = json_object();
    LIST_EACH (list, i, item) {
        const struct path *at = PATH_AT(path, i);
        check_required(err, at, item, "key", "key is not specified");
        check_required(err, at, item, "valueExpression", "valueExpression is not specified");
        if (*rule_text(item, "key") && rule_seen(seen, rule_text(item, "key")))
            rule_duplicate(err, PATH(at, "key"), json_object_get(item, "key"));
    }
}

static void check_param_kind(struct error *err, const json_t *kind)
{
    const struct path *at = PATH(SPEC, "paramKind");
    const char *version = rule_text(kind, "apiVersion");
    if (!kind)
        return;
    if (check_required(err, at, kind, "apiVersion", NULL)) {
        const char *slash = strchr(version, '/');
        const char *wrong = name_check_dns_1035_label(slash ? slash + 1 : version);
        if (wrong)
            rule_invalid_text(err, PATH(at, "apiVersion"), version, wrong);
    }
    check_required(err, at, kind, "kind", NULL);
}

static void check_policy_expressions(struct error *err, const json_t *spec)
{
    struct admission_programs *programs = admission_compile(spec, NULL, NULL);
    check_expressions(err, PATH(SPEC, "matchConditions"), "expression", &programs->conditions);
    check_expressions(err, PATH(SPEC, "variables"), "expression", &programs->variables);
    check_expressions(err, PATH(SPEC, "validations"), "expression", &programs->validations);
    check_expressions(err, PATH(SPEC, "validations"), "messageExpression", &programs->messages);
    check_expressions(err, PATH(SPEC, "auditAnnotations"), "valueExpression",
                      &programs->annotations);
    admission_programs_free(programs);
}

static void policy_validate(const json_t *object, struct error *err)
{
    static const char *const failures[] = {"Fail", "Ignore", NULL};
    const json_t *spec = json_object_get(object, "spec"),
                 *constraints = member_object(spec, "matchConstraints"), *item;
    const struct path *at = PATH(SPEC, "matchConstraints");
    check_enum(err, SPEC, spec, "failurePolicy", failures);
    if (!constraints)
        rule_required(err, at, NULL);
    else if (!rule_filled(constraints, "resourceRules"))
        rule_required(err, PATH(at, "resourceRules"), NULL);
    LIST_EACH (member_array(constraints, "resourceRules"), i, item)
        check_rule(err, PATH_AT(PATH(at, "resourceRules"), i), item);
    check_match_conditions(err, PATH(SPEC, "matchConditions"),
                           member_array(spec, "matchConditions"));
    if (!rule_filled(spec, "validations") && !rule_filled(spec, "auditAnnotations"))
        rule_required(err, PATH(SPEC, "validations"),
                      "validations or auditAnnotations must contain at least one item");
    LIST_EACH (member_array(spec, "validations"), i, item)
        check_validation(err, PATH_AT(PATH(SPEC, "validations"), i), item);
    if (json_array_size(member_array(spec, "auditAnnotations")) > 20)
        rule_invalid(err, PATH(SPEC, "auditAnnotations"), member_array(spec, "auditAnnotations"),
                     "must not have more than 20 auditAnnotations");
    check_param_kind(err, member_object(spec, "paramKind"));
    check_variables(err, PATH(SPEC, "variables"), member_array(spec, "variables"));
    check_annotations(err, PATH(SPEC, "auditAnnotations"), member_array(spec, "auditAnnotations"));
    check_policy_expressions(err, spec);
}

static void policy_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    (void)old;
    if (is_main(subresource))
        policy_validate(object, err);
}

const struct kind_rules kind_admission_policies = {
    .resource = "validatingadmissionpolicies.admissionregistration.k8s.io",
    .set_defaults = policy_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = policy_prepare_update,
    .validate = policy_validate,
    .validate_update = policy_validate_update,
    .has_generation = true,
};

static void binding_defaults(json_t *object)
{
    constraint_defaults(json_at(object, "spec", "matchResources"));
}

static void check_param_ref(struct error *err, const struct path *at, const json_t *ref)
{
    static const char *const actions[] = {"Allow", "Deny", NULL};
    bool name = *rule_text(ref, "name") != '\0', selector = rule_has(ref, "selector");
    if (!ref)
        return;
    if (!name && !selector)
        rule_required(err, at, "one of name or selector must be specified");
    if (name && selector)
        rule_forbidden(err, PATH(at, "name"), "name and selector are mutually exclusive");
    check_enum_required(err, at, ref, "parameterNotFoundAction", actions);
}

static void binding_validate(const json_t *object, struct error *err)
{
    static const char *const actions[] = {"Audit", "Deny", "Warn", NULL};
    const json_t *spec = json_object_get(object, "spec"),
                 *list = member_array(spec, "validationActions"), *item;
    const struct path *path = PATH(SPEC, "validationActions");
    json_auto_t *seen = json_object();
    check_name_required(err, SPEC, spec, "policyName", name_check_dns_subdomain);
    check_param_ref(err, PATH(SPEC, "paramRef"), member_object(spec, "paramRef"));
    if (json_array_size(list) == 0)
        rule_required(err, path, "at least one validation action is required");
    LIST_EACH (list, i, item) {
        if (!json_is_string(item) || !rule_one_of(json_string_value(item), actions))
            rule_not_supported(err, PATH_AT(path, i), item, actions);
        if (json_is_string(item) && rule_seen(seen, json_string_value(item)))
            rule_duplicate(err, PATH_AT(path, i), item);
    }
    if (json_array_has_text(list, "Deny") && json_array_has_text(list, "Warn"))
        rule_invalid(err, path, list,
                     "must not contain both Deny and Warn (repeating the same validation failure "
                     "information in "
                     "the API response and headers serves no purpose)");
}

static void binding_validate_update(const json_t *object, const json_t *old,
                                    const char *subresource, struct error *err)
{
    (void)old;
    (void)subresource;
    binding_validate(object, err);
}

const struct kind_rules kind_admission_bindings = {
    .resource = "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    .set_defaults = binding_defaults,
    .validate = binding_validate,
    .validate_update = binding_validate_update,
    .has_generation = true,
};
