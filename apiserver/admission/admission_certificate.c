/* CertificateSigningRequests: who asks, who may approve and sign, and what a subject may not be.
 * Sources: pkg/registry/certificates/certificates/strategy.go, plugin/pkg/admission/certificates.
 */
#include <string.h>

#include "apiserver/admission/admission.h"
#include "apiserver/special.h"
#include "auth/csr.h"
#include "base/clock.h"
#include "base/codec.h"
#include "rbac/rbac.h"
#include "schema/meta.h"

#define REQUESTS    "certificatesigningrequests.certificates.k8s.io"
#define REQUEST_MAX ((size_t)1 << 20)

enum step_result admit_requester(struct request *request)
{
    static const char *const members[] = {"username", "uid", "groups", "extra"};
    json_t *spec = json_ensure_object(request->object, "spec");
    json_auto_t *user = review_user_json(&request->user);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(user, members[i]);
        if (value)
            json_object_set(spec, members[i], value);
        else
            json_object_del(spec, members[i]);
    }
    return STEP_NEXT;
}

enum step_result check_subject(struct request *request)
{
    static const char client[] = "kubernetes.io/kube-apiserver-client";
    const json_t *spec = json_object_get(request->object, "spec");
    const char *text = json_text(spec, "request");
    CLEANUP(buf_free) struct buf pem = BUF_INIT(REQUEST_MAX);
    CLEANUP(error_clear) struct error why = {0};
    bool readable = text && base64_decode(&pem, str_of(text), BASE64_STANDARD);
    CLEANUP(csr_free_ptr) struct csr *csr = csr_parse(readable ? buf_str(&pem) : str_of(""), &why);
    if (!csr) {
        error_add_invalid(&request->error, "spec.request", text ? text : "", why.message);
        return request_invalid(request, request->resource->kind, request->resource->group,
                               meta_name(request->object));
    }
    if (!text_eq(json_text(spec, "signerName"), client) ||
        !csr_has_organization(csr, "system:masters"))
        return STEP_NEXT;
    error_forbidden(&request->error, REQUESTS, meta_name(request->object),
                    "use of %s signer with system:masters group is not allowed", client);
    return STEP_FAIL;
}

/* ---- approve and sign: verbs on the signer ---- */

static enum step_result may_use(struct request *request, const char *verb, const char *signer,
                                bool *allowed)
{
    const struct rbac_attributes attributes = {.user = &request->user,
                                               .verb = verb,
                                               .group = "certificates.k8s.io",
                                               .resource = "signers",
                                               .subresource = "",
                                               .ns = "",
                                               .name = signer};
    enum rbac_decision decision = rbac_authorize(request->cluster, &attributes, NULL);
    if (decision == RBAC_COLD) {
        if (!request->may_block)
            return STEP_BLOCK;
        if (!rbac_warm(request->cluster, &request->error))
            return STEP_FAIL;
        decision = rbac_authorize(request->cluster, &attributes, NULL);
    }
    *allowed = decision == RBAC_ALLOW;
    return STEP_NEXT;
}

/* By its name, or by "DOMAIN" and a star for all of the domain. */
static enum step_result check_signer(struct request *request, const char *verb)
{
    const char *given = json_text(request->old, "spec", "signerName"), *signer = given ? given : "";
    CLEANUP(free_ptr) char *domain = xasprintf("%.*s/*", (int)strcspn(signer, "/"), signer);
    bool allowed = false;
    enum step_result result = may_use(request, verb, signer, &allowed);
    if (result == STEP_NEXT && !allowed)
        result = may_use(request, verb, domain, &allowed);
    if (result != STEP_NEXT || allowed)
        return result;
    error_forbidden(&request->error, REQUESTS, request->route.name,
                    "user not permitted to %s requests with signerName \"%s\"", verb, signer);
    return STEP_FAIL;
}

enum step_result check_approver(struct request *request)
{
    return check_signer(request, "approve");
}

enum step_result check_certificate_signer(struct request *request)
{
    const json_t *now = json_object_get(request->object, "status"),
                 *old = json_object_get(request->old, "status");
    bool same = text_eq(json_text(now, "certificate"), json_text(old, "certificate")) ||
                (!json_text(now, "certificate") && !json_text(old, "certificate"));
    const json_t *conditions = json_object_get(now, "conditions"),
                 *before = json_object_get(old, "conditions");
    if (same && (json_equal(conditions, before) ||
                 (!json_array_size(conditions) && !json_array_size(before))))
        return STEP_NEXT;
    return check_signer(request, "sign");
}

/* ---- times of conditions ---- */

static void set_times(json_t *condition, const json_t *old, const char *now)
{
    const char *transition = now;
    const json_t *before;
    size_t i;
    json_array_foreach (old, i, before) {
        const char *since = json_text(before, "lastTransitionTime");
        if (text_eq(json_text(before, "type"), json_text(condition, "type")) && since &&
            text_eq(json_text(before, "status"), json_text(condition, "status")))
            transition = since;
    }
    if (!json_text(condition, "lastUpdateTime"))
        json_set_text(condition, "lastUpdateTime", now);
    if (!json_text(condition, "lastTransitionTime"))
        json_set_text(condition, "lastTransitionTime", transition);
}

enum step_result admit_condition_times(struct request *request)
{
    const json_t *old = json_at(request->old, "status", "conditions");
    json_t *condition;
    char now[TIME_TEXT_SIZE];
    size_t i;
    time_format(clock_now_us(), now);
    json_array_foreach (json_at(request->object, "status", "conditions"), i, condition)
        if (json_is_object(condition))
            set_times(condition, old, now);
    return STEP_NEXT;
}
