/* Admission: a table of plugins in upstream's order. A plugin sees the object before it is stored,
 * and changes or refuses it. ResourceQuota comes last, as charges that travel with the write. */
#include "apiserver/admission/admission.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/meter.h"
#include "apiserver/service_address.h"
#include "apiserver/steps.h"
#include "base/clock.h"
#include "rbac/rbac.h"
#include "schema/meta.h"

#define CERTIFICATES "certificatesigningrequests.certificates.k8s.io"

enum operation { ON_CREATE = 1, ON_UPDATE = 2 };

static enum operation operation_of(const struct request *request)
{
    return request->current ? ON_UPDATE : ON_CREATE;
}

/* ---- NamespaceLifecycle ---- */

static enum step_result refuse_terminating(struct request *request, const char *ns)
{
    struct error *err = &request->error;
    const char *name = *request->route.name ? request->route.name : meta_name(request->object);
    error_forbidden(err, request->resource->key, name,
                    "unable to create new content in namespace %s because it is being terminated",
                    ns);
    error_set_cause(err, "NamespaceTerminating", "metadata.namespace",
                    "namespace %s is being terminated", ns);
    return STEP_FAIL;
}

static enum step_result admit_namespace(struct request *request)
{
    const char *ns = request_ns(request);
    CLEANUP(object_unref_ptr) struct object *namespace = NULL;
    if (!*ns)
        return STEP_NEXT;
    enum step_result result = request_read(request, "namespaces", "", ns, &namespace);
    if (result != STEP_NEXT)
        return result;
    if (!namespace) {
        error_not_found(&request->error, "namespaces", ns);
        return STEP_FAIL;
    }
    if (strcmp(object_field(namespace, "status.phase"), "Terminating") == 0)
        return refuse_terminating(request, ns);
    return STEP_NEXT;
}

/* ---- LimitRanger ---- */

/* What was warmed may be cold again at once: a quota whose status is written meanwhile has a new
 * rule. */
#define QUOTA_WARM_MAX 8

static enum step_result from_quota(enum quota_result result)
{
    switch (result) {
    case QUOTA_OK:
        return STEP_NEXT;
    case QUOTA_DENIED:
        return STEP_FAIL;
    case QUOTA_COLD:
        break;
    }
    return STEP_BLOCK;
}

static enum quota_result limit_defaults(struct request *request)
{
    return quota_limit_defaults(request->cluster, request->object);
}

static enum quota_result limit_check(struct request *request)
{
    return quota_limit_check(request->cluster, request->resource->key, request->object,
                             &request->error);
}

static enum step_result run_quota(struct request *request,
                                  enum quota_result (*run)(struct request *request))
{
    enum quota_result result;
    unsigned warmed = 0;
    while ((result = run(request)) == QUOTA_COLD && request->may_block && warmed++ < QUOTA_WARM_MAX)
        if (!quota_warm(request->cluster, &request->error))
            return STEP_FAIL;
    return from_quota(result);
}

static enum step_result admit_limit_range(struct request *request)
{
    return run_quota(request, limit_defaults);
}

static enum step_result check_limit_range(struct request *request)
{
    if (request->old && meta_deleting(request->old))
        return STEP_NEXT;
    return run_quota(request, limit_check);
}

/* ---- escalation: nobody gives rights that they do not have ---- */

static enum step_result check_escalation(struct request *request)
{
    if (request->old &&
        json_equal(json_object_get(request->old, "rules"),
                   json_object_get(request->object, "rules")) &&
        json_equal(json_object_get(request->old, "aggregationRule"),
                   json_object_get(request->object, "aggregationRule")) &&
        json_equal(json_object_get(request->old, "roleRef"),
                   json_object_get(request->object, "roleRef")) &&
        json_equal(json_object_get(request->old, "subjects"),
                   json_object_get(request->object, "subjects")))
        return STEP_NEXT;
    if (!request->may_block)
        return STEP_BLOCK;
    if (!rbac_warm(request->cluster, &request->error))
        return STEP_FAIL;
    return rbac_check_escalation(request->cluster, &request->user, request->resource->key,
                                 request->object, &request->error)
               ? STEP_NEXT
               : STEP_FAIL;
}

/* ---- the table ---- */

static const struct plugin {
    const char *name;
    const char *const keys[8]; /* resources; empty: all */
    unsigned operations;
    step_fn admit, validate; /* NULL: none */
    const char *sub;         /* the subresource it is for; NULL: the resource itself */
    /* clang-format off */
} plugins[] = {
    {"NamespaceLifecycle", {NULL}, ON_CREATE, admit_namespace, NULL, NULL},
    {"LimitRanger", {"pods"}, ON_CREATE, admit_limit_range, check_limit_range, NULL},
    {"LimitRanger", {"persistentvolumeclaims"}, ON_CREATE | ON_UPDATE, NULL, check_limit_range, NULL},
    {"ServiceAccount", {"pods"}, ON_CREATE, admit_service_account, check_service_account, NULL},
    {"ServiceAccount", {"pods"}, ON_UPDATE, NULL, check_ephemeral_account, "ephemeralcontainers"},
    {"NodeRestriction",
     {"nodes", "leases.coordination.k8s.io"},
     ON_CREATE | ON_UPDATE,
     NULL,
     check_node, NULL},
    {"NodeRestriction", {"nodes"}, ON_UPDATE, NULL, check_node, "status"},
    {"NodeRestriction", {"pods"}, ON_UPDATE, NULL, check_pod_status, "status"},
    {"TaintNodesByCondition", {"nodes"}, ON_CREATE, admit_node_taint, NULL, NULL},
    {"PodSecurity", {"namespaces"}, ON_CREATE | ON_UPDATE, NULL, check_namespace_security, NULL},
    {"PodSecurity", {"pods"}, ON_CREATE | ON_UPDATE, NULL, check_pod_security, NULL},
    {"PodSecurity", {"pods"}, ON_UPDATE, NULL, check_pod_security, "ephemeralcontainers"},
    {"PodSecurity", {"pods"}, ON_UPDATE, NULL, check_pod_security, "resize"},
    {"PodSecurity",
     {"replicationcontrollers", "podtemplates", "replicasets.apps", "deployments.apps",
      "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch"},
     ON_CREATE | ON_UPDATE,
     NULL,
     check_template_security,
     NULL},
    {"Priority", {"pods"}, ON_CREATE | ON_UPDATE, admit_priority, NULL, NULL},
    {"Priority",
     {"priorityclasses.scheduling.k8s.io"},
     ON_CREATE | ON_UPDATE,
     NULL,
     check_default_class,
     NULL},
    {"DefaultTolerationSeconds", {"pods"}, ON_CREATE | ON_UPDATE, admit_tolerations, NULL, NULL},
    {"DefaultStorageClass", {"persistentvolumeclaims"}, ON_CREATE, admit_storage_class, NULL, NULL},
    {"StorageObjectInUseProtection",
     {"persistentvolumeclaims", "persistentvolumes"},
     ON_CREATE,
     admit_storage_protection,
     NULL,
     NULL},
    {"PersistentVolumeClaimResize", {"persistentvolumeclaims"}, ON_UPDATE, NULL, check_resize, NULL},
    {"RuntimeClass", {"pods"}, ON_CREATE, admit_runtime_class, check_runtime_class, NULL},
    {"DefaultIngressClass", {"ingresses.networking.k8s.io"}, ON_CREATE, admit_ingress_class, NULL, NULL},
    {"CertificateApproval", {CERTIFICATES}, ON_UPDATE, admit_condition_times, check_approver, "approval"},
    {"CertificateSigning", {CERTIFICATES}, ON_UPDATE, admit_condition_times, check_certificate_signer, "status"},
    {"CertificateSubjectRestriction", {CERTIFICATES}, ON_CREATE, admit_requester, check_subject, NULL},
    {"RBACEscalation",
     {"roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io",
      "rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io"},
     ON_CREATE | ON_UPDATE,
     NULL,
     check_escalation, NULL},
};
/* clang-format on */

static bool concerns(const struct plugin *plugin, const struct request *request)
{
    const char *sub = plugin->sub ? plugin->sub : "";
    if (!(plugin->operations & operation_of(request)) || strcmp(sub, request->route.sub) != 0)
        return false;
    if (!plugin->keys[0])
        return true;
    for (size_t i = 0; i < ARRAY_LEN(plugin->keys) && plugin->keys[i]; i++)
        if (strcmp(plugin->keys[i], request->storage) == 0)
            return true;
    return false;
}

/* What has to wait is run anew, and counted then. */
static bool has_decided(enum step_result result)
{
    return result == STEP_NEXT || result == STEP_FAIL;
}

static enum step_result run_plugin(struct request *request, const struct plugin *plugin,
                                   enum meter_admission step)
{
    step_fn decide = step == METER_ADMIT ? plugin->admit : plugin->validate;
    if (!decide || !concerns(plugin, request))
        return STEP_NEXT;
    int64_t start = clock_mono_ns();
    enum step_result result = decide(request);
    if (has_decided(result))
        meter_admission(request, step, plugin->name, result == STEP_FAIL, start);
    return result;
}

static enum step_result run_mutating(struct request *request)
{
    for (size_t i = 0; i < ARRAY_LEN(plugins); i++) {
        enum step_result result = run_plugin(request, &plugins[i], METER_ADMIT);
        if (result != STEP_NEXT)
            return result;
    }
    return STEP_NEXT;
}

static enum step_result run_validating(struct request *request)
{
    for (size_t i = 0; i < ARRAY_LEN(plugins); i++) {
        enum step_result result = run_plugin(request, &plugins[i], METER_VALIDATE);
        if (result != STEP_NEXT)
            return result;
    }
    return STEP_NEXT;
}

enum step_result step_admit(struct request *request)
{
    int64_t start = clock_mono_ns();
    enum step_result result = run_mutating(request);
    if (result == STEP_NEXT)
        result = admit_configured(request, run_mutating);
    if (has_decided(result))
        meter_admission(request, METER_ADMIT, NULL, result == STEP_FAIL, start);
    return result;
}

enum step_result step_admit_validate(struct request *request)
{
    int64_t start = clock_mono_ns();
    enum step_result result = run_validating(request);
    if (result == STEP_NEXT)
        result = check_configured(request);
    if (has_decided(result))
        meter_admission(request, METER_VALIDATE, NULL, result == STEP_FAIL, start);
    return result;
}

/* What is no plain write meets the plugins that look at more than stored objects. */
enum step_result admit_special(struct request *request)
{
    const char *key = request->resource->key;
    enum step_result result = STEP_NEXT;
    if (strcmp(request->resource->group, "authorization.k8s.io") != 0)
        result = admit_namespace(request); /* who asks for rights learns nothing of namespaces */
    if (result == STEP_NEXT && strcmp(key, "serviceaccounts") == 0)
        result = check_node_token(request);
    return result;
}

static enum quota_result charge(struct request *request)
{
    const json_t *now = request->write.op == STORE_DELETE ? NULL : request->object;
    return quota_charges(request->cluster, request->storage, now, request->old, &request->charges,
                         &request->error);
}

enum step_result step_quota(struct request *request)
{
    const json_t *now = request->write.op == STORE_DELETE ? NULL : request->object;
    enum step_result result = run_quota(request, charge);
    if (result == STEP_NEXT && strcmp(request->storage, "services") == 0)
        service_charges(now, request->old, &request->charges);
    return result;
}
