/* The PodSecurity plugin: asks pod_security.c about Pods, about templates of Pods (warnings alone),
 * and about the Pods of a namespace whose labels change. What the audit labels ask for is
 * an annotation of the audit event. Source: pod-security-admission's admission.go. */
#include <string.h>

#include "apiserver/admission/admission.h"
#include "apiserver/admission/pod_security.h"
#include "apiserver/audit/audit.h"
#include "apiserver/meter.h"
#include "base/clock.h"
#include "schema/meta.h"

#define EXISTING_MAX     ((size_t)3000) /* Pods that a change of labels is checked against */
#define EXISTING_TIME_NS INT64_C(1000000000)

static const char *label_of_object(const void *from, const char *key)
{
    return object_label(from, key);
}

static const char *label_of_tree(const void *from, const char *key)
{
    return meta_label(from, key);
}

static enum step_result read_policy(struct request *request, struct pod_security_policy *policy)
{
    CLEANUP(object_unref_ptr) struct object *namespace = NULL;
    enum step_result result =
        request_read(request, "namespaces", "", request_ns(request), &namespace);
    if (result != STEP_NEXT)
        return result;
    if (!namespace) {
        error_internal(&request->error, "failed to lookup namespace \"%s\"", request_ns(request));
        return STEP_FAIL;
    }
    pod_security_policy_read(label_of_object, namespace, policy, NULL);
    return STEP_NEXT;
}

/* Appends `violate PodSecurity "restricted:latest": ...` when it does. */
static bool judge(const struct pod_security_grade *grade, const json_t *metadata,
                  const json_t *spec, const char *verb, struct buf *out)
{
    buf_printf(out, "%s PodSecurity \"", verb);
    pod_security_grade_write(out, grade);
    buf_add_text(out, "\": ");
    return pod_security_violates(grade, metadata, spec, NULL, out);
}

static void count(const struct request *request, const struct pod_security_policy *policy,
                  enum pod_security_mode mode, bool violated)
{
    static const char *const modes[POD_SECURITY_MODES] = {"enforce", "audit", "warn"};
    CLEANUP(buf_free) struct buf grade = BUF_TEXT;
    pod_security_grade_write(&grade, &policy->grades[mode]);
    char *version = strchr(grade.data, ':');
    *version++ = '\0';
    meter_pod_security(
        request, &(struct meter_pod_security){
                     .decision = violated ? "deny" : "allow",
                     .mode = modes[mode],
                     .level = grade.data,
                     .version = version,
                     .resource = strcmp(request->storage, "pods") == 0 ? "pod" : "controller"});
}

#define NOTE(name) "pod-security.kubernetes.io/" name

static void note_enforced(struct request *request, const struct pod_security_policy *policy)
{
    CLEANUP(buf_free) struct buf grade = BUF_TEXT;
    if (!audit_wanted(request))
        return;
    pod_security_grade_write(&grade, &policy->grades[POD_SECURITY_ENFORCE]);
    audit_annotate(request, NOTE("enforce-policy"), grade.data);
}

static void note_violations(struct request *request, const struct pod_security_policy *policy,
                            const json_t *metadata, const json_t *spec)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    const struct pod_security_grade *grade = &policy->grades[POD_SECURITY_AUDIT];
    if (grade->level == POD_SECURITY_PRIVILEGED ||
        !judge(grade, metadata, spec, "would violate", &text))
        return;
    count(request, policy, POD_SECURITY_AUDIT, true);
    audit_annotate(request, NOTE("audit-violations"), text.data);
}

static void warn(struct request *request, const struct pod_security_policy *policy,
                 const json_t *metadata, const json_t *spec)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    const struct pod_security_grade *grade = &policy->grades[POD_SECURITY_WARN];
    if (grade->level == POD_SECURITY_PRIVILEGED ||
        !judge(grade, metadata, spec, "would violate", &text))
        return;
    count(request, policy, POD_SECURITY_WARN, true);
    warnings_add(&request->warnings, text.data);
}

enum step_result check_pod_security(struct request *request)
{
    const json_t *pod = request->object;
    const json_t *metadata = json_object_get(pod, "metadata"), *spec = json_object_get(pod, "spec");
    struct pod_security_policy policy;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    enum step_result result = read_policy(request, &policy);
    if (result != STEP_NEXT)
        return result;
    if (!request->current || pod_security_matters(pod, request->old))
        note_enforced(request, &policy);
    if (pod_security_is_privileged(&policy)) {
        count(request, &policy, POD_SECURITY_ENFORCE, false);
        return STEP_NEXT;
    }
    if (request->current && !pod_security_matters(pod, request->old))
        return STEP_NEXT;
    bool violated = judge(&policy.grades[POD_SECURITY_ENFORCE], metadata, spec, "violates", &text);
    count(request, &policy, POD_SECURITY_ENFORCE, violated);
    note_violations(request, &policy, metadata, spec);
    if (violated) {
        error_forbidden(&request->error, "pods", meta_name(pod), "%s", text.data);
        return STEP_FAIL;
    }
    warn(request, &policy, metadata, spec);
    return STEP_NEXT;
}

/* ---- what makes Pods ---- */

static const json_t *template_of(const struct request *request)
{
    if (strcmp(request->storage, "podtemplates") == 0)
        return json_object_get(request->object, "template");
    if (strcmp(request->storage, "cronjobs.batch") == 0)
        return json_at(request->object, "spec", "jobTemplate", "spec", "template");
    return json_at(request->object, "spec", "template");
}

enum step_result check_template_security(struct request *request)
{
    const json_t *template = template_of(request);
    struct pod_security_policy policy;
    if (!template)
        return STEP_NEXT;
    enum step_result result = read_policy(request, &policy);
    if (result != STEP_NEXT)
        return result;
    const json_t *metadata = json_object_get(template, "metadata"),
                 *spec = json_object_get(template, "spec");
    note_violations(request, &policy, metadata, spec);
    warn(request, &policy, metadata, spec);
    return result;
}

/* ---- labels of namespaces ---- */

static bool same_causes(const struct error *a, const struct error *b)
{
    if (a->cause_count != b->cause_count)
        return false;
    for (size_t i = 0; i < a->cause_count; i++)
        if (!text_eq(a->causes[i].field, b->causes[i].field) ||
            !text_eq(a->causes[i].message, b->causes[i].message))
            return false;
    return true;
}

/* False: the labels are refused. What was wrong before may stay as it is. */
static bool read_change(struct request *request, struct pod_security_policy *now,
                        struct pod_security_policy *old)
{
    CLEANUP(error_clear) struct error was_wrong = {0};
    pod_security_policy_read(label_of_tree, request->object, now, &request->error);
    pod_security_policy_read(label_of_tree, request->old, old, &was_wrong);
    if (request->error.cause_count && same_causes(&request->error, &was_wrong))
        error_clear(&request->error);
    return request_invalid(request, request->resource->kind, request->resource->group,
                           meta_name(request->object)) == STEP_NEXT;
}

/* How many were looked at. */
static size_t tally(const struct object_list *pods, const struct pod_security_grade *grade,
                    struct pod_security_tally *found)
{
    int64_t until = clock_mono_ns() + EXISTING_TIME_NS;
    size_t i = 0;
    while (i < pods->count && i < EXISTING_MAX && clock_mono_ns() < until) {
        CLEANUP(buf_free) struct buf reasons = BUF_TEXT;
        json_auto_t *pod = object_json(pods->items[i]);
        if (pod_security_violates(grade, json_object_get(pod, "metadata"),
                                  json_object_get(pod, "spec"), &reasons, NULL))
            pod_security_tally_add(found, reasons.data, pods->items[i]->name);
        i++;
    }
    return i;
}

static void warn_of_existing(struct request *request, const struct object_list *pods,
                             const struct pod_security_grade *grade)
{
    CLEANUP(pod_security_tally_clear) struct pod_security_tally found = {0};
    CLEANUP(buf_free) struct buf head = BUF_TEXT;
    size_t seen = tally(pods, grade, &found);
    if (seen < pods->count) {
        buf_printf(&head,
                   "new PodSecurity enforce level only checked against the first %zu of %zu "
                   "existing pods",
                   seen, pods->count);
        warnings_add(&request->warnings, head.data);
        buf_clear(&head);
    }
    if (!found.by_reasons.count)
        return;
    buf_printf(&head,
               "existing pods in namespace \"%s\" violate the new PodSecurity enforce level \"",
               meta_name(request->object));
    pod_security_grade_write(&head, grade);
    buf_add_char(&head, '"');
    warnings_add(&request->warnings, head.data);
    char **lines = pod_security_tally_lines(&found);
    for (size_t i = 0; i < found.by_reasons.count; i++) {
        warnings_add(&request->warnings, lines[i]);
        free(lines[i]);
    }
    free(lines);
}

enum step_result check_namespace_security(struct request *request)
{
    struct pod_security_policy now, old;
    struct object_list pods = {0};
    const struct cache_range range = {.ns = meta_name(request->object)};
    bool gone = false;
    if (!read_change(request, &now, &old))
        return STEP_FAIL;
    const struct pod_security_grade *grade = &now.grades[POD_SECURITY_ENFORCE];
    if (!request->current || !pod_security_tightens(grade, &old.grades[POD_SECURITY_ENFORCE]))
        return STEP_NEXT;
    if (!request->may_block)
        return STEP_BLOCK; /* it takes a while */
    enum step_result result = request_list(request, "pods", &range, &pods, &gone);
    if (result == STEP_NEXT)
        warn_of_existing(request, &pods, grade);
    object_list_free(&pods);
    return result;
}
