#include "controllers/certificate.h"

#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "rbac/rbac.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define REQUESTS    "certificatesigningrequests.certificates.k8s.io"
#define PEM_MAX     ((size_t)1 << 20)
#define SECOND_US   INT64_C(1000000)
#define HOUR_US     (3600 * SECOND_US)
#define VALID_S     ((int64_t)365 * 86400)
#define VALID_MIN_S ((int64_t)600)
#define PENDING_US  (24 * HOUR_US) /* how long a request waits for a decision */
#define FINISHED_US HOUR_US        /* how long what is decided stays */

/* ---- decide ---- */

static const json_t *conditions_of(const json_t *request)
{
    return json_at(request, "status", "conditions");
}

static json_t *with_condition(const json_t *request, const char *type, const char *reason,
                              const char *message)
{
    json_t *body = json_deep_copy(request);
    json_t *conditions = json_ensure_array(json_ensure_object(body, "status"), "conditions");
    json_array_append_new(conditions, json_pack("{s:s, s:s, s:s, s:s}", "type", type, "status",
                                                "True", "reason", reason, "message", message));
    return body;
}

/* When the object has had its time; INT64_MAX: never. */
static int64_t deadline(const struct certificate_seen *seen)
{
    static const char *const types[] = {"Denied", "Failed", "Approved"};
    const json_t *conditions = conditions_of(seen->request);
    if (json_array_size(conditions) == 0)
        return json_time_us(json_at(seen->request, "metadata", "creationTimestamp")) + PENDING_US;
    if (seen->ends_us && seen->ends_us <= seen->now_us)
        return seen->now_us;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const json_t *condition = condition_find(conditions, types[i]);
        bool over = condition && (strcmp(types[i], "Approved") != 0 || seen->ends_us);
        if (over)
            return json_time_us(json_object_get(condition, "lastUpdateTime")) + FINISHED_US;
    }
    return INT64_MAX;
}

static void approve(const struct certificate_seen *seen, struct plan *plan)
{
    const json_t *spec = json_object_get(seen->request, "spec");
    bool own = text_eq(json_text(spec, "username"), csr_common_name(seen->parsed));
    const char *how = NULL;
    if (!certificate_is_node_client(json_text(spec, "signerName"), seen->parsed,
                                    json_object_get(spec, "usages")))
        return;
    if (own && seen->may_self)
        how = "Auto approving self kubelet client certificate after SubjectAccessReview.";
    else if (seen->may_node)
        how = "Auto approving kubelet client certificate after SubjectAccessReview.";
    if (how)
        plan_update(plan, REQUESTS, "approval",
                    with_condition(seen->request, "Approved", "AutoApproved", how));
}

static int64_t valid_s(const json_t *spec)
{
    int64_t asked = json_int_or(json_object_get(spec, "expirationSeconds"), VALID_S);
    if (asked > VALID_S)
        return VALID_S;
    return asked < VALID_MIN_S ? VALID_MIN_S : asked;
}

static struct certificate_verdict sign(const struct certificate_seen *seen, struct plan *plan)
{
    const json_t *spec = json_object_get(seen->request, "spec"),
                 *usages = json_object_get(spec, "usages");
    bool known = false;
    CLEANUP(free_ptr)
    char *refusal =
        certificate_refusal(json_text(spec, "signerName"), seen->parsed, usages, &known);
    if (refusal)
        plan_update(plan, REQUESTS, "status",
                    with_condition(seen->request, "Failed", "SignerValidationFailure", refusal));
    return (struct certificate_verdict){
        .sign = known && !refusal,
        .terms = {.digital_signature = json_array_has_text(usages, "digital signature"),
                  .key_encipherment = json_array_has_text(usages, "key encipherment"),
                  .client = json_array_has_text(usages, "client auth"),
                  .server = json_array_has_text(usages, "server auth"),
                  .valid_s = valid_s(spec)},
    };
}

struct certificate_verdict certificate_decide(const struct certificate_seen *seen,
                                              struct plan *plan)
{
    const json_t *conditions = conditions_of(seen->request);
    int64_t until = deadline(seen);
    if (meta_deleting(seen->request))
        return (struct certificate_verdict){0};
    if (until <= seen->now_us) {
        plan_delete(plan, REQUESTS, seen->request);
        return (struct certificate_verdict){0};
    }
    if (until != INT64_MAX)
        plan_again(plan, (until - seen->now_us) / 1000 + 1);
    bool decided = condition_find(conditions, "Denied") || condition_find(conditions, "Failed");
    if (!seen->parsed || seen->ends_us || decided)
        return (struct certificate_verdict){0};
    if (condition_is(conditions, "Approved", "True"))
        return sign(seen, plan);
    approve(seen, plan);
    return (struct certificate_verdict){0};
}

void certificate_issued(const json_t *request, const char *pem, struct plan *plan)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(PEM_MAX);
    json_t *status = json_deep_copy(json_object_get(request, "status"));
    base64_encode(&text, pem, strlen(pem), BASE64_STANDARD);
    json_set_text(status, "certificate", text.data);
    plan_status(plan, REQUESTS, request, status);
}

/* ---- observe ---- */

/* The bytes at a base64 field; NULL when there are none. Owned. */
static char *decoded(const json_t *text)
{
    struct buf bytes = BUF_INIT(PEM_MAX);
    if (json_is_string(text) && json_string_length(text) &&
        base64_decode(&bytes, str_of(json_string_value(text)), BASE64_STANDARD))
        return buf_take(&bytes);
    buf_free(&bytes);
    return NULL;
}

static void read_user(const json_t *spec, struct user *user)
{
    const json_t *group;
    size_t i;
    const char *name = json_text(spec, "username");
    user->name = xstrdup(name ? name : "");
    json_array_foreach (json_object_get(spec, "groups"), i, group)
        if (json_is_string(group))
            user_add_group(user, json_string_value(group));
}

static bool may(struct cluster *cluster, const struct user *user, const char *subresource)
{
    const struct rbac_attributes attributes = {.user = user,
                                               .verb = "create",
                                               .group = "certificates.k8s.io",
                                               .resource = "certificatesigningrequests",
                                               .subresource = subresource,
                                               .ns = "",
                                               .name = ""};
    return rbac_authorize(cluster, &attributes, NULL) == RBAC_ALLOW;
}

static bool observe_rights(struct reconcile *reconcile, struct certificate_seen *seen,
                           struct error *err)
{
    CLEANUP(user_clear) struct user user = {0};
    if (!rbac_warm(reconcile->cluster, err))
        return false;
    read_user(json_object_get(seen->request, "spec"), &user);
    seen->may_self = may(reconcile->cluster, &user, "selfnodeclient");
    seen->may_node = may(reconcile->cluster, &user, "nodeclient");
    return true;
}

static enum reconcile_result reconcile_certificate(void *arg, struct reconcile *reconcile,
                                                   int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *request = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(error_clear) struct error unreadable = {0};
    if (!observe_get(reconcile->cluster, REQUESTS, "", reconcile->name, &request, err))
        return RECONCILE_RETRY;
    if (!request)
        return RECONCILE_DONE;
    CLEANUP(free_ptr) char *text = decoded(json_at(request, "spec", "request"));
    CLEANUP(free_ptr) char *issued = decoded(json_at(request, "status", "certificate"));
    CLEANUP(csr_free_ptr) struct csr *parsed = csr_parse(str_of(text ? text : ""), &unreadable);
    struct certificate_seen seen = {.request = request,
                                    .parsed = parsed,
                                    .ends_us = issued ? cert_end_us(issued) : 0,
                                    .now_us = reconcile->now_us};
    if (!observe_rights(reconcile, &seen, err))
        return RECONCILE_RETRY;
    const struct certificate_verdict verdict = certificate_decide(&seen, &plan);
    if (verdict.sign) {
        CLEANUP(free_ptr) char *pem = NULL;
        if (!csr_sign(reconcile->cluster, parsed, &verdict.terms, &pem, err))
            return RECONCILE_RETRY;
        certificate_issued(request, pem, &plan);
    }
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

static const struct controller_source sources[] = {{REQUESTS, NULL}, {NULL, NULL}};

const struct controller certificate_controller = {
    .name = "certificate-controller",
    .sources = sources,
    .reconcile = reconcile_certificate,
};
