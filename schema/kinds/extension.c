/* APIServices. */
#include "base/codec.h"
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SPEC       PATH(NULL, "spec")
#define BUNDLE_MAX ((size_t)3 << 20) /* of a body */

static void service_defaults(json_t *object)
{
    default_int(json_at(object, "spec", "service"), "port", 443);
}

/* A local API is always there. */
static void service_prepare_create(json_t *object)
{
    json_t *status = json_object();
    if (!rule_has(json_object_get(object, "spec"), "service"))
        json_object_set_new(status, "conditions",
                            json_pack("[{s:s,s:s,s:s,s:s}]", "type", "Available", "status", "True",
                                      "reason", "Local", "message",
                                      "Local APIServices are always available"));
    json_object_set_new(object, "status", status);
}

static void check_priority(struct error *err, const json_t *spec, const char *member, int64_t max,
                           const char *detail)
{
    int64_t value = rule_int(spec, member, 0);
    if (value > 0 && value <= max)
        return;
    json_auto_t *shown = json_integer(value);
    rule_invalid(err, PATH(SPEC, member), shown, "%s", detail);
}

static void check_no_bundle(struct error *err, const json_t *spec)
{
    CLEANUP(buf_free) struct buf bundle = BUF_INIT(BUNDLE_MAX);
    if (!rule_filled(spec, "caBundle"))
        return;
    if (!base64_decode(&bundle, str_of(rule_text(spec, "caBundle")), BASE64_STANDARD))
        buf_clear(&bundle); /* what is none was refused when it was read */
    CLEANUP(free_ptr) char *shown = xasprintf("%zu bytes", bundle.len);
    rule_invalid_text(err, PATH(SPEC, "caBundle"), shown,
                      "local APIServices may not have a caBundle");
}

static void service_validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *service = member_object(spec, "service");
    CLEANUP(free_ptr)
    char *name = xasprintf("%s.%s", rule_text(spec, "version"), rule_text(spec, "group"));
    if (strcmp(name, meta_name(object)) != 0) {
        CLEANUP(free_ptr)
        char *detail = xasprintf("must be `spec.version+\".\"+spec.group`: \"%s\"", name);
        rule_invalid_text(err, PATH(PATH(NULL, "metadata"), "name"), meta_name(object), detail);
    }
    if (!*rule_text(spec, "group") && strcmp(rule_text(spec, "version"), "v1") != 0)
        rule_required(err, PATH(SPEC, "group"),
                      "only v1 may have an empty group and it better be legacy kube");
    check_name(err, SPEC, spec, "group", name_check_dns_subdomain);
    check_name_given(err, SPEC, spec, "version", name_check_dns_1035_label);
    check_priority(err, spec, "groupPriorityMinimum", 20000,
                   "must be positive and less than 20000");
    check_priority(err, spec, "versionPriority", 1000, "must be positive and less than 1000");
    if (!service) {
        check_no_bundle(err, spec);
        if (rule_bool(spec, "insecureSkipTLSVerify"))
            rule_invalid(err, PATH(SPEC, "insecureSkipTLSVerify"),
                         json_object_get(spec, "insecureSkipTLSVerify"),
                         "local APIServices may not have insecureSkipTLSVerify");
        return;
    }
    check_required(err, PATH(SPEC, "service"), service, "namespace", NULL);
    check_required(err, PATH(SPEC, "service"), service, "name", NULL);
    check_webhook_port(err, PATH(SPEC, "service"), service);
    if (rule_bool(spec, "insecureSkipTLSVerify") && rule_filled(spec, "caBundle"))
        rule_invalid(err, PATH(SPEC, "insecureSkipTLSVerify"),
                     json_object_get(spec, "insecureSkipTLSVerify"),
                     "may not be true if caBundle is present");
}

static void service_validate_update(const json_t *object, const json_t *old,
                                    const char *subresource, struct error *err)
{
    static const char *const statuses[] = {"True", "False", "Unknown", NULL};
    const json_t *condition;
    (void)old;
    if (is_main(subresource))
        service_validate(object, err);
    LIST_EACH (is_sub(subresource, "status") ? json_at(object, "status", "conditions") : NULL, i,
               condition)
        check_enum_given(err, PATH_AT(PATH(PATH(NULL, "status"), "conditions"), i), condition,
                         "status", statuses);
}

const struct kind_rules kind_api_services = {
    .resource = "apiservices.apiregistration.k8s.io",
    .set_defaults = service_defaults,
    .prepare_create = service_prepare_create,
    .prepare_update = strategy_status_alone,
    .validate = service_validate,
    .validate_update = service_validate_update,
    .name_format = "path-segment",
};
