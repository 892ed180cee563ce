/* Ingresses and IngressClasses. */
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SPEC           PATH(NULL, "spec")
#define CONTROLLER_MAX 250

static void keep_status(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

/* `at` is the backend's: upstream blames that when there is none, or both. */
static void check_backend_port(struct error *err, const struct path *at, const json_t *port)
{
    const struct path *path = PATH(PATH(at, "service"), "port");
    const char *name = rule_text(port, "name");
    int64_t number = rule_int(port, "number", 0);
    if (!*name && !number)
        rule_required(err, at, "port name or number is required");
    else if (*name && number)
        rule_invalid_text(err, at, "", "cannot set both port name & port number");
    else if (*name)
        check_name(err, path, port, "name", value_check_port_name);
    else
        check_range(err, path, port, "number", 1, 65535);
}

/* {apiGroup, kind, name} of an object beside it. */
static void check_local_reference(struct error *err, const struct path *at, const json_t *reference)
{
    check_name(err, at, reference, "apiGroup", name_check_dns_subdomain);
    if (check_required(err, at, reference, "kind", "kind is required"))
        check_name(err, at, reference, "kind", name_check_path_segment);
    if (check_required(err, at, reference, "name", "name is required"))
        check_name(err, at, reference, "name", name_check_path_segment);
}

static void check_backend(struct error *err, const struct path *at, const json_t *backend)
{
    const json_t *service = member_object(backend, "service"),
                 *resource = member_object(backend, "resource");
    if (service && resource) {
        rule_invalid_text(err, at, "", "cannot set both resource and service backends");
    } else if (resource) {
        check_local_reference(err, PATH(at, "resource"), resource);
    } else if (service) {
        check_name_required(err, PATH(at, "service"), service, "name", name_check_dns_1035_label);
        check_backend_port(err, at, member_object(service, "port"));
    } else {
        rule_invalid_text(err, at, "", "resource or service backend is required");
    }
}

/* Sequences that no exact or prefix path may have; the last ones only at the end. */
static const struct bad_sequence {
    const char *text;
    bool at_end;
} bad_sequences[] = {{"//", false},  {"/./", false}, {"/../", false}, {"%2f", false},
                     {"%2F", false}, {"/..", true},  {"/.", true}};

static void check_path_text(struct error *err, const struct path *path, const char *text)
{
    if (*text != '/')
        rule_invalid_text(err, path, text, "must be an absolute path");
    for (size_t i = 0; *text && i < ARRAY_LEN(bad_sequences); i++) {
        const struct bad_sequence *bad = &bad_sequences[i];
        if (bad->at_end ? !text_ends(text, bad->text) : !strstr(text, bad->text))
            continue;
        CLEANUP(free_ptr)
        char *detail =
            xasprintf(bad->at_end ? "cannot end with '%s'" : "must not contain '%s'", bad->text);
        rule_invalid_text(err, path, text, detail);
    }
}

static void check_path(struct error *err, const struct path *at, const json_t *item)
{
    static const char *const types[] = {"Exact", "ImplementationSpecific", "Prefix", NULL};
    const char *type = rule_text(item, "pathType"), *text = rule_text(item, "path");
    if (!*type) {
        rule_required(err, PATH(at, "pathType"), "pathType must be specified");
        return;
    }
    if (strcmp(type, "ImplementationSpecific") != 0 && rule_one_of(type, types))
        check_path_text(err, PATH(at, "path"), text);
    else if (!rule_one_of(type, types))
        check_enum(err, at, item, "pathType", types);
    else if (*text && *text != '/')
        rule_invalid_text(err, PATH(at, "path"), text, "must be an absolute path");
    check_backend(err, PATH(at, "backend"), member_object(item, "backend"));
}

static void check_host(struct error *err, const struct path *path, const char *host)
{
    const char *wrong =
        strchr(host, '*') ? value_check_wildcard_subdomain(host) : name_check_dns_subdomain(host);
    if (wrong)
        rule_invalid_text(err, path, host, wrong);
}

static void check_rule(struct error *err, const struct path *at, const json_t *rule)
{
    const json_t *http = member_object(rule, "http"), *item;
    const struct path *path = PATH(PATH(at, "http"), "paths");
    if (*rule_text(rule, "host") && !value_check_ip(rule_text(rule, "host")))
        rule_invalid_text(err, PATH(at, "host"), rule_text(rule, "host"),
                          "must be a DNS name, not an IP address");
    if (*rule_text(rule, "host"))
        check_host(err, PATH(at, "host"), rule_text(rule, "host"));
    if (http && json_array_size(member_array(http, "paths")) == 0)
        rule_required(err, path, NULL);
    LIST_EACH (member_array(http, "paths"), i, item)
        check_path(err, PATH_AT(path, i), item);
}

static void check_spec(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *item, *host;
    const json_t *backend = member_object(spec, "defaultBackend");
    if (!backend && !rule_filled(spec, "rules"))
        rule_invalid(err, SPEC, member_array(spec, "rules"),
                     "either `defaultBackend` or `rules` must be specified");
    if (backend)
        check_backend(err, PATH(SPEC, "defaultBackend"), backend);
    LIST_EACH (member_array(spec, "rules"), i, item)
        check_rule(err, PATH_AT(PATH(SPEC, "rules"), i), item);
    LIST_EACH (member_array(spec, "tls"), i, item) {
        const struct path *at = PATH_AT(PATH(SPEC, "tls"), i);
        LIST_EACH (member_array(item, "hosts"), k, host)
            check_host(err, PATH_AT(PATH(at, "hosts"), k),
                       json_string_value(host) ? json_string_value(host) : "");
        check_name(err, at, item, "secretName", name_check_dns_subdomain);
    }
    check_name(err, SPEC, spec, "ingressClassName", name_check_dns_subdomain);
}

static void validate(const json_t *object, struct error *err)
{
    const char *annotation = meta_annotation(object, "kubernetes.io/ingress.class");
    const char *class = rule_text_at(object, "spec.ingressClassName");
    check_spec(object, err);
    if (annotation && *class && strcmp(annotation, class) != 0)
        rule_invalid_text(err, PATH(PATH(NULL, "annotations"), "kubernetes.io/ingress.class"),
                          annotation, "must match `ingressClassName` when both are specified");
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    const json_t *item;
    (void)old;
    if (is_main(subresource))
        check_spec(object, err);
    LIST_EACH (is_sub(subresource, "status") ? json_at(object, "status", "loadBalancer", "ingress")
                                             : NULL,
               i, item)
        check_balancer_address(
            err, PATH_AT(PATH(PATH(PATH(NULL, "status"), "loadBalancer"), "ingress"), i), item);
}

const struct kind_rules kind_ingresses = {
    .resource = "ingresses.networking.k8s.io",
    .prepare_create = strategy_status_create,
    .prepare_update = keep_status,
    .validate = validate,
    .validate_update = validate_update,
    .has_generation = true,
};

static void class_defaults(json_t *object)
{
    default_text(json_at(object, "spec", "parameters"), "scope", "Cluster");
}

static void class_validate(const json_t *object, struct error *err)
{
    static const char *const scopes[] = {"Cluster", "Namespace", NULL};
    const json_t *spec = json_object_get(object, "spec"),
                 *parameters = member_object(spec, "parameters");
    const struct path *at = PATH(SPEC, "parameters");
    bool namespaced = strcmp(rule_text(parameters, "scope"), "Namespace") == 0;
    check_max_text(err, SPEC, spec, "controller", CONTROLLER_MAX);
    check_domain_path(err, SPEC, spec, "controller");
    if (!parameters)
        return;
    check_local_reference(err, at, parameters);
    check_enum_required(err, at, parameters, "scope", scopes);
    if (namespaced && check_required(err, at, parameters, "namespace",
                                     "`parameters.scope` is set to 'Namespace'"))
        check_name(err, at, parameters, "namespace", name_check_dns_label);
    else if (strcmp(rule_text(parameters, "scope"), "Cluster") == 0 &&
             rule_has(parameters, "namespace"))
        rule_forbidden(err, PATH(at, "namespace"), "`parameters.scope` is set to 'Cluster'");
}

static void class_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                  struct error *err)
{
    (void)subresource;
    check_immutable(err, SPEC, json_object_get(object, "spec"), json_object_get(old, "spec"),
                    "controller");
    class_validate(object, err);
}

const struct kind_rules kind_ingress_classes = {
    .resource = "ingressclasses.networking.k8s.io",
    .set_defaults = class_defaults,
    .validate = class_validate,
    .validate_update = class_validate_update,
    .has_generation = true,
};
