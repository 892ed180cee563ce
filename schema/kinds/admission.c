/* Webhook configurations and admission policies. */
#include <ctype.h>
#include <string.h>

#include "schema/admission_cel.h"
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define CONDITIONS_MAX  64
#define ANNOTATIONS_MAX 20
#define URL_STEPS_MAX   100 /* of a path that are looked at */

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

/* A resource with a subresource, that one before it with a star for either half has named already.
 */
static void check_covered(struct error *err, const struct path *path, const char *text,
                          json_t *stars)
{
    const char *slash = strchr(text, '/');
    CLEANUP(free_ptr) char *subresources = xasprintf("%.*s/*", (int)(slash - text), text);
    CLEANUP(free_ptr) char *resources = xasprintf("*%s", slash);
    const char *const covers[] = {subresources, resources};
    bool starred = *text == '*' || strcmp(slash, "/*") == 0;
    for (size_t i = 0; i < ARRAY_LEN(covers); i++) {
        if (!json_object_get(stars, covers[i]))
            continue;
        CLEANUP(free_ptr)
        char *detail = xasprintf("if '%s' is present, must not specify %s", covers[i], text);
        rule_invalid_text(err, path, text, detail);
    }
    if (starred)
        json_object_set_new(stars, text, json_true());
}

static void check_resources(struct error *err, const struct path *path, const json_t *list)
{
    const json_t *item;
    json_auto_t *stars = json_object();
    bool last_is_named = false; /* of those without a subresource: upstream asks no other */
    if (json_array_size(list) == 0)
        rule_required(err, path, NULL);
    LIST_EACH (list, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        if (!*text)
            rule_required(err, PATH_AT(path, i), NULL);
        else if (strchr(text, '/'))
            check_covered(err, PATH_AT(path, i), text, stars);
        else
            last_is_named = strcmp(text, "*") != 0;
    }
    if (json_array_size(list) > 1 && json_array_has_text(list, "*/*"))
        rule_invalid(err, path, list, "if '*/*' is present, must not specify other resources");
    if (last_is_named && json_array_has_text(list, "*"))
        rule_invalid(err, path, list,
                     "if '*' is present, must not specify other resources without subresources");
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
    LIST_EACH (member_array(rule, "apiVersions"), i, item) {
        if (json_string_length(item) == 0)
            rule_required(err, PATH_AT(PATH(at, "apiVersions"), i), NULL);
    }
    check_resources(err, PATH(at, "resources"), member_array(rule, "resources"));
    check_enum(err, at, rule, "scope", scopes);
}

#define URL_FORM "; desired format: https://host[/path]"

/* "https" of "https://host"; nothing when it has none. Cuts it off. */
static struct str cut_scheme(struct str *url)
{
    size_t len = 0;
    while (len < url->len &&
           (isalnum((unsigned char)url->data[len]) || (len && url->data[len] == '+')))
        len++;
    if (len == 0 || len == url->len || url->data[len] != ':')
        return (struct str){"", 0};
    struct str scheme = {url->data, len};
    *url = (struct str){url->data + len + 1, url->len - len - 1};
    return scheme;
}

/* Blames a part by itself. */
static void blame_part(struct error *err, const struct path *path, struct str part,
                       const char *detail)
{
    CLEANUP(free_ptr) char *text = str_dup(part);
    rule_invalid_text(err, path, text, detail);
}

static void check_url(struct error *err, const struct path *path, const char *url)
{
    struct str fragment = str_of(url), query = str_cut(&fragment, '#');
    struct str rest = str_cut(&query, '?'), scheme = cut_scheme(&rest), host = {"", 0}, user = {0};
    if (str_starts(rest, STR("//"))) {
        rest = (struct str){rest.data + 2, rest.len - 2};
        host = str_cut(&rest, '/');
    }
    for (size_t i = host.len; i > 0 && !user.data; i--)
        if (host.data[i - 1] == '@') {
            user = (struct str){host.data, i - 1};
            host = (struct str){host.data + i, host.len - i};
        }
    if (!str_is(scheme, "https"))
        blame_part(err, path, scheme, "'https' is the only allowed URL scheme" URL_FORM);
    if (host.len == 0)
        blame_part(err, path, host, "host must be provided" URL_FORM);
    if (user.data)
        blame_part(err, path, user, "user information is not permitted in the URL");
    if (fragment.len)
        blame_part(err, path, fragment, "fragments are not permitted in the URL");
    if (query.len)
        blame_part(err, path, query, "query parameters are not permitted in the URL");
}

void check_webhook_port(struct error *err, const struct path *at, const json_t *service)
{
    const json_t *port = json_object_get(service, "port");
    if (json_is_integer(port) && (json_integer_value(port) < 1 || json_integer_value(port) > 65535))
        rule_invalid(err, PATH(at, "port"), port,
                     "port is not valid: must be between 1 and 65535, inclusive");
}

/* Each part between slashes is a subdomain; one slash may end them. */
static void check_url_path(struct error *err, const struct path *path, const char *text)
{
    if (!*text || strcmp(text, "/") == 0)
        return;
    if (strcmp(text, "//") == 0) {
        rule_invalid_text(err, path, text, "segment[0] may not be empty");
        return;
    }
    if (*text != '/')
        rule_invalid_text(err, path, text, "must start with a '/'");
    struct str rest = str_of(text + 1);
    if (rest.len && rest.data[rest.len - 1] == '/')
        rest.len--;
    for (size_t i = 0; rest.data && i < URL_STEPS_MAX; i++) {
        CLEANUP(free_ptr) char *step = str_dup(str_cut(&rest, '/'));
        const char *wrong = name_check_dns_subdomain(step);
        CLEANUP(free_ptr)
        char *detail = *step ? xasprintf("segment[%zu]: %s", i, wrong ? wrong : "")
                             : xasprintf("segment[%zu] may not be empty", i);
        if (wrong)
            rule_invalid_text(err, path, text, detail);
    }
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
    /* Upstream takes the one for the other here. */
    if (!*rule_text(service, "namespace"))
        rule_required(err, PATH(path, "name"), "service name is required");
    if (!*rule_text(service, "name"))
        rule_required(err, PATH(path, "namespace"), "service namespace is required");
    check_webhook_port(err, path, service);
    check_url_path(err, PATH(path, "path"), rule_text(service, "path"));
}

/* An expression that must be there: `missing` is said when it is not, else what is wrong with it,
 * which the compiler has found at the same place of its list. */
static void check_expression(struct error *err, const struct path *at, const json_t *item,
                             const char *member, const char *missing,
                             const struct admission_expressions *compiled, size_t i)
{
    const char *text = rule_text(item, member);
    if (str_trim(str_of(text)).len == 0)
        rule_required(err, PATH(at, member), missing);
    else if (compiled && i < compiled->count && compiled->items[i].problem)
        rule_invalid_text(err, PATH(at, member), compiled->items[i].text,
                          compiled->items[i].problem);
}

static void check_match_conditions(struct error *err, const struct path *path, const json_t *list,
                                   const struct admission_expressions *compiled)
{
    const json_t *item;
    json_auto_t *seen = json_object();
    if (json_array_size(list) > CONDITIONS_MAX)
        rule_too_many(err, path, json_array_size(list), CONDITIONS_MAX);
    LIST_EACH (list, i, item) {
        const struct path *at = PATH_AT(path, i);
        check_expression(err, at, item, "expression", NULL, compiled, i);
        check_name_required(err, at, item, "name", name_check_qualified);
        if (*rule_text(item, "name") && rule_seen(seen, rule_text(item, "name")))
            rule_duplicate(err, PATH(at, "name"), json_object_get(item, "name"));
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
    LIST_EACH (list, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "",
                   *wrong = name_check_dns_1035_label(text);
        if (rule_seen(seen, text))
            rule_invalid_text(err, PATH_AT(path, i), text, "duplicate version");
        else if (wrong)
            rule_invalid_text(err, PATH_AT(path, i), text, wrong);
    }
    if (!json_array_has_text(list, "v1") && !json_array_has_text(list, "v1beta1"))
        rule_invalid(err, path, list, "must include at least one of v1, v1beta1");
}

/* At least three labels. */
static void check_hook_name(struct error *err, const struct path *at, const json_t *hook)
{
    const char *name = rule_text(hook, "name"), *wrong = name_check_dns_subdomain(name),
               *dot = strchr(name, '.');
    if (!check_required(err, at, hook, "name", NULL))
        return;
    if (wrong)
        rule_invalid_text(err, PATH(at, "name"), name, wrong);
    else if (!dot || !strchr(dot + 1, '.'))
        rule_invalid_text(err, PATH(at, "name"), name,
                          "should be a domain with at least three segments separated by dots");
}

/* What is wrong with the conditions' expressions is told among them. */
static void check_hook_conditions(struct error *err, const struct path *path, const json_t *hook)
{
    const json_t *list = member_array(hook, "matchConditions");
    if (json_array_size(list) == 0)
        return;
    struct admission_programs *programs = admission_compile(hook, NULL, NULL);
    check_match_conditions(err, path, list, &programs->conditions);
    admission_programs_free(programs);
}

static void check_hook(struct error *err, const struct path *at, const json_t *hook)
{
    static const char *const failures[] = {"Fail", "Ignore", NULL};
    static const char *const matches[] = {"Equivalent", "Exact", NULL};
    static const char *const effects[] = {"None", "NoneOnDryRun", NULL};
    static const char *const again[] = {"IfNeeded", "Never", NULL};
    const json_t *rule, *seconds = json_object_get(hook, "timeoutSeconds");
    check_hook_name(err, at, hook);
    LIST_EACH (member_array(hook, "rules"), i, rule)
        check_rule(err, PATH_AT(PATH(at, "rules"), i), rule);
    check_enum(err, at, hook, "failurePolicy", failures);
    check_enum(err, at, hook, "matchPolicy", matches);
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
    check_enum(err, at, hook, "reinvocationPolicy", again);
    check_webhook_client(err, PATH(at, "clientConfig"), member_object(hook, "clientConfig"));
    check_hook_conditions(err, PATH(at, "matchConditions"), hook);
    check_review_versions(err, PATH(at, "admissionReviewVersions"),
                          member_array(hook, "admissionReviewVersions"),
                          "must specify one of v1, v1beta1");
}

static void webhooks_validate(const json_t *object, struct error *err)
{
    const json_t *hook;
    json_auto_t *seen = json_object();
    LIST_EACH (member_array(object, "webhooks"), i, hook) {
        const struct path *at = PATH_AT(PATH(NULL, "webhooks"), i);
        check_hook(err, at, hook);
        if (*rule_text(hook, "name") && rule_seen(seen, rule_text(hook, "name")))
            rule_duplicate(err, PATH(at, "name"), json_object_get(hook, "name"));
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

#define SPEC PATH(NULL, "spec")

static bool is_blank(const char *text)
{
    return str_trim(str_of(text)).len == 0;
}

static void check_validation(struct error *err, const struct path *at, const json_t *validation,
                             const struct admission_programs *programs, size_t i)
{
    static const char *const reasons[] = {"Forbidden", "Invalid", "RequestEntityTooLarge", NULL};
    const char *message = rule_text(validation, "message"),
               *expression = rule_text(validation, "messageExpression");
    check_expression(err, at, validation, "expression", "expression is not specified",
                     &programs->validations, i);
    if (*expression && is_blank(expression))
        rule_invalid_text(err, PATH(at, "messageExpression"), expression,
                          "must be non-empty if specified");
    else if (*expression)
        check_expression(err, at, validation, "messageExpression", NULL, &programs->messages, i);
    if (*message && is_blank(message))
        rule_invalid_text(err, PATH(at, "message"), message,
                          "message must be non-empty if specified");
    else if (strpbrk(message, "\r\n"))
        rule_invalid_text(err, PATH(at, "message"), message,
                          "message must not contain line breaks");
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

static void check_variables(struct error *err, const struct path *path, const json_t *list,
                            const struct admission_expressions *compiled)
{
    const json_t *item;
    json_auto_t *seen = json_object();
    LIST_EACH (list, i, item) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(item, "name");
        if (is_blank(name))
            rule_required(err, PATH(at, "name"), "name is not specified");
        else if (!is_identifier(name))
            rule_invalid_text(err, PATH(at, "name"), name, "name is not a valid CEL identifier");
        check_expression(err, at, item, "expression", "expression is not specified", compiled, i);
        if (*name && rule_seen(seen, name))
            rule_duplicate(err, PATH(at, "name"), json_object_get(item, "name"));
    }
}

/* Keys are written behind the policy's name. */
static void check_annotations(struct error *err, const struct path *path, const json_t *list,
                              const char *policy, const struct admission_expressions *compiled)
{
    const json_t *item;
    json_auto_t *seen = json_object();
    if (json_array_size(list) > ANNOTATIONS_MAX)
        rule_invalid(err, path, list, "must not have more than %d auditAnnotations",
                     ANNOTATIONS_MAX);
    LIST_EACH (list, i, item) {
        const struct path *at = PATH_AT(path, i);
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", policy, rule_text(item, "key"));
        const char *wrong = name_check_qualified(key);
        if (wrong)
            rule_invalid_text(err, PATH(at, "key"), key, wrong);
        check_expression(err, at, item, "valueExpression", "valueExpression is not specified",
                         compiled, i);
        if (rule_seen(seen, rule_text(item, "key")))
            rule_duplicate(err, PATH(at, "key"), json_object_get(item, "key"));
    }
}

static void check_param_version(struct error *err, const struct path *path, const char *text)
{
    struct str version = str_of(text), group = {"", 0};
    if (strchr(text, '/'))
        group = str_cut(&version, '/');
    CLEANUP(free_ptr) char *group_text = str_dup(group);
    CLEANUP(free_ptr) char *version_text = str_dup(version);
    const char *wrong = name_check_dns_subdomain(group_text);
    if (strchr(version_text, '/')) {
        CLEANUP(free_ptr) char *detail = xasprintf("unexpected GroupVersion string: %s", text);
        rule_invalid_text(err, path, text, detail);
        return;
    }
    if (*group_text && wrong)
        rule_invalid_text(err, path, group_text, wrong);
    wrong = name_check_dns_1035_label(version_text);
    if (!*version_text)
        rule_invalid_text(err, path, text, "version must be specified");
    else if (wrong)
        rule_invalid_text(err, path, version_text, wrong);
}

static void check_param_kind(struct error *err, const json_t *kind)
{
    const struct path *at = PATH(SPEC, "paramKind");
    if (!kind)
        return;
    if (check_required(err, at, kind, "apiVersion", NULL))
        check_param_version(err, PATH(at, "apiVersion"), rule_text(kind, "apiVersion"));
    if (!check_required(err, at, kind, "kind", NULL))
        return;
    CLEANUP(free_ptr) char *lowered = xstrdup(rule_text(kind, "kind"));
    for (char *c = lowered; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    const char *wrong = name_check_dns_1035_label(lowered);
    if (wrong)
        rule_invalid(err, PATH(at, "kind"), json_object_get(kind, "kind"),
                     "may have mixed case, but should otherwise match: %s", wrong);
}

static void check_named_rule(struct error *err, const struct path *at, const json_t *rule)
{
    const json_t *name;
    json_auto_t *seen = json_object();
    LIST_EACH (member_array(rule, "resourceNames"), i, name) {
        const struct path *path = PATH_AT(PATH(at, "resourceNames"), i);
        const char *text = json_string_value(name) ? json_string_value(name) : "",
                   *wrong = name_check_path_segment(text);
        if (wrong)
            rule_invalid_text(err, path, text, wrong);
        if (rule_seen(seen, text))
            rule_duplicate(err, path, name);
    }
    check_rule(err, at, rule);
}

static void check_match_resources(struct error *err, const struct path *at, const json_t *match)
{
    static const char *const policies[] = {"Equivalent", "Exact", NULL};
    static const char *const lists[] = {"resourceRules", "excludeResourceRules"};
    const json_t *item;
    check_enum(err, at, match, "matchPolicy", policies);
    check_label_selector(err, PATH(at, "namespaceSelector"),
                         member_object(match, "namespaceSelector"));
    check_label_selector(err, PATH(at, "objectSelector"), member_object(match, "objectSelector"));
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        LIST_EACH (member_array(match, lists[k]), i, item)
            check_named_rule(err, PATH_AT(PATH(at, lists[k]), i), item);
}

static void check_constraints(struct error *err, const json_t *constraints)
{
    const struct path *at = PATH(SPEC, "matchConstraints");
    if (!constraints) {
        rule_required(err, at, NULL);
        return;
    }
    check_match_resources(err, at, constraints);
    if (!rule_filled(constraints, "resourceRules"))
        rule_required(err, PATH(at, "resourceRules"), NULL);
}

static void check_outcomes(struct error *err, const json_t *object,
                           const struct admission_programs *programs)
{
    static const char *const nothing =
        "validations or auditAnnotations must contain at least one item";
    const json_t *spec = json_object_get(object, "spec"), *item;
    if (!rule_filled(spec, "validations") && !rule_filled(spec, "auditAnnotations")) {
        rule_required(err, PATH(SPEC, "validations"), nothing);
        rule_required(err, PATH(SPEC, "auditAnnotations"), nothing);
    }
    LIST_EACH (member_array(spec, "validations"), i, item)
        check_validation(err, PATH_AT(PATH(SPEC, "validations"), i), item, programs, i);
    check_annotations(err, PATH(SPEC, "auditAnnotations"), member_array(spec, "auditAnnotations"),
                      meta_name(object), &programs->annotations);
}

static void policy_validate(const json_t *object, struct error *err)
{
    static const char *const failures[] = {"Fail", "Ignore", NULL};
    const json_t *spec = json_object_get(object, "spec");
    struct admission_programs *programs = admission_compile(spec, NULL, NULL);
    check_enum(err, SPEC, spec, "failurePolicy", failures);
    check_param_kind(err, member_object(spec, "paramKind"));
    check_constraints(err, member_object(spec, "matchConstraints"));
    check_match_conditions(err, PATH(SPEC, "matchConditions"),
                           member_array(spec, "matchConditions"), &programs->conditions);
    check_variables(err, PATH(SPEC, "variables"), member_array(spec, "variables"),
                    &programs->variables);
    check_outcomes(err, object, programs);
    admission_programs_free(programs);
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
    .prepare_update = strategy_status_alone,
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
    static const char *const actions[] = {"Deny", "Allow", NULL};
    bool name = *rule_text(ref, "name") != '\0', selector = rule_has(ref, "selector");
    if (!ref)
        return;
    check_name(err, at, ref, "name", name_check_path_segment);
    if (name && selector)
        rule_forbidden(err, PATH(at, "name"), "name and selector are mutually exclusive");
    check_label_selector(err, PATH(at, "selector"), member_object(ref, "selector"));
    if (name && selector)
        rule_forbidden(err, PATH(at, "selector"), "name and selector are mutually exclusive");
    if (!name && !selector)
        rule_required(err, at, "one of name or selector must be specified");
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
    check_match_resources(err, PATH(SPEC, "matchResouces"), /* as upstream spells it */
                          member_object(spec, "matchResources"));
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
    if (json_array_size(list) == 0)
        rule_required(err, path, "at least one validation action is required");
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
