/* CertificateSigningRequests: the request, its usages, and conditions that only certain endpoints
 * may set. spec.username, uid, groups and extra are the API server's to fill in from the request.
 */
#include "base/codec.h"
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SPEC           PATH(NULL, "spec")
#define REQUEST_MAX    ((size_t)1 << 20)
#define EXPIRATION_MIN 600

static const char *const usages[] = {
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
    NULL,
};

/* One PEM block of this kind, without headers. */
static bool is_pem(const char *encoded, const char *label)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(REQUEST_MAX);
    CLEANUP(free_ptr)
    char *begin = xasprintf("-----BEGIN %s-----", label),
         *end = xasprintf("-----END %s-----", label);
    if (!base64_decode(&text, str_of(encoded), BASE64_STANDARD) || !text.data)
        return false;
    const char *from = strstr(text.data, begin), *to = from ? strstr(from, end) : NULL;
    bool headers = from && to && memchr(from, ':', (size_t)(to - from)) != NULL;
    return from && to && !headers;
}

static void check_request(struct error *err, const json_t *spec)
{
    const char *request = rule_text(spec, "request");
    if (!is_pem(request, "CERTIFICATE REQUEST"))
        rule_invalid(err, PATH(SPEC, "request"), json_object_get(spec, "request"),
                     "PEM block type must be CERTIFICATE REQUEST");
}

static void check_usages(struct error *err, const json_t *spec)
{
    const json_t *list = member_array(spec, "usages"), *item;
    const struct path *path = PATH(SPEC, "usages");
    json_auto_t *seen = json_object();
    if (json_array_size(list) == 0)
        rule_required(err, path, "usages must be provided");
    LIST_EACH (list, i, item) {
        if (!json_is_string(item) || !rule_one_of(json_string_value(item), usages))
            rule_not_supported(err, PATH_AT(path, i), item, usages);
    }
    LIST_EACH (list, i, item) {
        if (json_is_string(item) && rule_seen(seen, json_string_value(item)))
            rule_duplicate(err, PATH_AT(path, i), item);
    }
}

/* Each label of one part of a signer's name; the first wrong one is named. */
static void check_signer_part(struct error *err, const struct path *path, const char *part,
                              rule_name_fn check)
{
    struct str rest = str_of(part);
    while (rest.data) {
        CLEANUP(free_ptr) char *label = str_dup(str_cut(&rest, '.'));
        const char *wrong = check(label);
        if (!wrong)
            continue;
        CLEANUP(free_ptr) char *detail = xasprintf("validating label \"%s\": %s", label, wrong);
        rule_invalid_text(err, path, part, detail);
        return;
    }
}

static void check_signer_name(struct error *err, const struct path *path, const char *name)
{
    struct str rest = str_of(name);
    CLEANUP(free_ptr)
    char *domain = str_dup(str_cut(&rest, '/')), *signer = rest.data ? str_dup(rest) : NULL;
    if (strcmp(name, "kubernetes.io/legacy-unknown") == 0) {
        rule_invalid_text(err, path, name,
                          "the legacy signerName is not allowed via this API version");
    } else if (!*name) {
        rule_required(err, path, "signerName must be provided");
    } else if (!signer || strchr(signer, '/')) {
        rule_invalid_text(
            err, path, name,
            "must be a fully qualified domain and path of the form 'example.com/signer-name'");
    } else {
        check_signer_part(err, path, domain, name_check_dns_label);
        if (!strchr(domain, '.'))
            rule_invalid_text(err, path, domain,
                              "should be a domain with at least two segments separated by dots");
        check_signer_part(err, path, signer, name_check_dns_subdomain);
    }
}

static bool is_decision(const json_t *item)
{
    return rule_one_of(rule_text(item, "type"), (const char *const[]){"Approved", "Denied", NULL});
}

static void check_conditions(const json_t *object, struct error *err)
{
    const json_t *list = json_at(object, "status", "conditions"), *item;
    const struct path *path = PATH(PATH(NULL, "status"), "conditions");
    bool approved = false, denied = false;
    json_auto_t *seen = json_object();
    LIST_EACH (list, i, item) {
        const char *type = rule_text(item, "type");
        check_required(err, PATH_AT(path, i), item, "type", NULL);
        check_required(err, PATH_AT(path, i), item, "status", NULL);
        bool fixed = rule_one_of(type, (const char *const[]){"Approved", "Denied", "Failed", NULL});
        if (fixed && *rule_text(item, "status") && strcmp(rule_text(item, "status"), "True") != 0)
            rule_not_supported(err, PATH(PATH_AT(path, i), "status"),
                               json_object_get(item, "status"),
                               (const char *const[]){"True", NULL});
        approved = approved || strcmp(type, "Approved") == 0;
        denied = denied || strcmp(type, "Denied") == 0;
        if (approved && denied && is_decision(item))
            rule_invalid(err, PATH(PATH_AT(path, i), "type"), json_object_get(item, "type"),
                         "Approved and Denied conditions are mutually exclusive");
        if (rule_seen(seen, type))
            rule_duplicate(err, PATH(PATH_AT(path, i), "type"), json_object_get(item, "type"));
    }
}

static void validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"),
                 *seconds = json_object_get(spec, "expirationSeconds");
    check_request(err, spec);
    check_usages(err, spec);
    check_signer_name(err, PATH(SPEC, "signerName"), rule_text(spec, "signerName"));
    if (json_is_integer(seconds) && json_integer_value(seconds) < EXPIRATION_MIN)
        rule_invalid(err, PATH(SPEC, "expirationSeconds"), seconds,
                     "may not specify a duration less than 600 seconds (10 minutes)");
    check_conditions(object, err);
}

/* What was decided stands as it is, however an update of the status writes it. */
static void keep_decisions(json_t *list, const json_t *old)
{
    json_auto_t *before = rule_index(old, "type");
    json_t *item;
    LIST_EACH (list, i, item) {
        json_t *kept = is_decision(item) ? json_object_get(before, rule_text(item, "type")) : NULL;
        if (kept)
            json_array_set(list, i, kept);
    }
}

/* /approval writes conditions and nothing else. */
static void approve(json_t *object, const json_t *old)
{
    json_auto_t *conditions = json_incref(json_at(object, "status", "conditions"));
    json_t *status = json_deep_copy(json_object_get(old, "status"));
    json_object_set_new(object, "status", status ? status : json_object());
    if (json_array_size(conditions))
        json_object_set(json_object_get(object, "status"), "conditions", conditions);
    else
        json_object_del(json_object_get(object, "status"), "conditions");
}

/* /status may not decide, /approval may do nothing else, and the spec is never changed. */
static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_keep(object, old, "spec");
    if (is_main(subresource))
        strategy_keep(object, old, "status");
    else if (is_sub(subresource, "approval"))
        approve(object, old);
    else
        keep_decisions(json_at(object, "status", "conditions"),
                       json_at(old, "status", "conditions"));
}

static void check_kept_conditions(const json_t *object, const json_t *old, bool approves,
                                  struct error *err)
{
    static const char *const kept[] = {"Approved", "Denied", "Failed"};
    const struct path *path = PATH(PATH(NULL, "status"), "conditions");
    json_auto_t *now = rule_index(json_at(object, "status", "conditions"), "type");
    json_auto_t *before = rule_index(json_at(old, "status", "conditions"), "type");
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        bool is = json_object_get(now, kept[i]) != NULL,
             was = json_object_get(before, kept[i]) != NULL;
        if (was && !is)
            rule_forbidden(err, path, "updates may not remove a condition of type \"%s\"", kept[i]);
        if (is && !was && !approves && strcmp(kept[i], "Failed") != 0)
            rule_forbidden(err, path, "updates may not add a condition of type \"%s\"", kept[i]);
    }
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    const char *before = rule_text_at(old, "status.certificate"),
               *now = rule_text_at(object, "status.certificate");
    const struct path *path = PATH(PATH(NULL, "status"), "certificate");
    check_conditions(object, err);
    check_kept_conditions(object, old, is_sub(subresource, "approval"), err);
    if (*before && strcmp(before, now) != 0)
        rule_forbidden(err, path, "updates may not modify existing certificate content");
    else if (*now && !is_pem(now, "CERTIFICATE"))
        rule_invalid_text(err, path, "<certificate data>", "must contain one or more PEM blocks");
}

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    index_paths(object, (const char *const[]){"spec.signerName", NULL}, add, arg);
}

const struct kind_rules kind_certificate_requests = {
    .resource = "certificatesigningrequests.certificates.k8s.io",
    .prepare_create = strategy_status_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .index = index_fields,
    .name_format = "any",
};
