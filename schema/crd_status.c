/* What the server says of a CustomResourceDefinition, in its status. Source:
 * apiextensions-apiserver's naming, establishing and API approval controllers. */
#include <string.h>

#include "base/clock.h"
#include "schema/crd.h"
#include "schema/meta.h"

#define APPROVAL_RULES "https://github.com/kubernetes/enhancements/pull/1111"

/* ---- approval: groups of the Kubernetes community are not for everybody ---- */

static bool is_protected(const json_t *definition)
{
    const char *group = json_text(definition, "spec", "group");
    return group && (text_ends(group, ".k8s.io") || text_ends(group, ".kubernetes.io") ||
                     strcmp(group, "k8s.io") == 0 || strcmp(group, "kubernetes.io") == 0);
}

static const struct approval_row {
    const char *status, *reason; /* of the condition that tells of it */
    const char *detail;          /* before the annotation where it is approved or not */
} approval_rows[] = {
    [CRD_APPROVAL_FREE] = {NULL, NULL, NULL},
    [CRD_APPROVAL_MISSING] = {"False", "MissingAnnotation",
                              "protected groups must have approval annotation \"" CRD_APPROVED
                              "\", see " APPROVAL_RULES},
    [CRD_APPROVAL_BYPASSED] = {"False", "UnapprovedAnnotation", "not approved: "},
    [CRD_APPROVAL_GIVEN] = {"True", "ApprovedAnnotation", "approved in "},
    [CRD_APPROVAL_INVALID] = {"False", "InvalidAnnotation",
                              "protected groups must have approval annotation \"" CRD_APPROVED
                              "\" with either a URL or a reason starting with \"unapproved\", "
                              "see " APPROVAL_RULES},
};

static enum crd_approval approval_of(const json_t *definition)
{
    const char *text = meta_annotation(definition, CRD_APPROVED);
    const char *host = text ? strstr(text, "://") : NULL;
    if (!is_protected(definition))
        return CRD_APPROVAL_FREE;
    if (!text || !*text)
        return CRD_APPROVAL_MISSING;
    if (text_starts(text, "unapproved"))
        return CRD_APPROVAL_BYPASSED;
    return host && host > text && host[3] && host[3] != '/' ? CRD_APPROVAL_GIVEN
                                                            : CRD_APPROVAL_INVALID;
}

enum crd_approval crd_approval(const json_t *definition, const char **why)
{
    enum crd_approval approval = approval_of(definition);
    *why = approval_rows[approval].detail;
    return approval;
}

/* ---- conditions ---- */

static json_t *find_condition(const json_t *definition, const char *type)
{
    json_t *conditions = json_at(definition, "status", "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++)
        if (text_eq(json_text(json_array_get(conditions, i), "type"), type))
            return json_array_get(conditions, i);
    return NULL;
}

bool crd_condition(const json_t *definition, const char *type)
{
    return text_eq(json_text(find_condition(definition, type), "status"), "True");
}

void crd_set_condition(json_t *definition, const char *type, const char *status, const char *reason,
                       const char *message, int64_t now_us)
{
    json_t *condition = find_condition(definition, type);
    char now[TIME_TEXT_SIZE];
    time_format(now_us, now);
    if (!condition) {
        condition = json_pack("{s:s}", "type", type);
        json_array_append_new(
            json_ensure_array(json_ensure_object(definition, "status"), "conditions"), condition);
    }
    if (!text_eq(json_text(condition, "status"), status))
        json_set_text(condition, "lastTransitionTime", now);
    json_set_text(condition, "status", status);
    json_set_text(condition, "reason", reason);
    json_set_text(condition, "message", message);
}

static void tell_approval(json_t *definition, int64_t now_us)
{
    enum crd_approval approval = approval_of(definition);
    const struct approval_row *row = &approval_rows[approval];
    const char *text = meta_annotation(definition, CRD_APPROVED);
    const char *quote = approval == CRD_APPROVAL_BYPASSED ? "\"" : "";
    bool shown = approval == CRD_APPROVAL_BYPASSED || approval == CRD_APPROVAL_GIVEN;
    if (approval == CRD_APPROVAL_FREE)
        return;
    CLEANUP(free_ptr)
    char *message =
        xasprintf("%s%s%s%s", row->detail, quote, shown && text ? text : "", shown ? quote : "");
    crd_set_condition(definition, "KubernetesAPIApprovalPolicyConformant", row->status, row->reason,
                      message, now_us);
}

/* What is established stays so. */
static void set_established(json_t *definition, const struct crd_verdict *verdict, int64_t now_us)
{
    static const struct {
        const char *status, *reason, *message;
    } rows[] = {{"True", "InitialNamesAccepted", "the initial names have been accepted"},
                {"False", "NotAccepted", "not all names are accepted"},
                {"False", "InvalidCABundle", "The conversion webhook CABundle is invalid"}};
    bool established = crd_condition(definition, "Established");
    if (verdict->conflict && find_condition(definition, "Established"))
        return;
    size_t row = verdict->conflict ? 1 : verdict->broken_bundle && !established ? 2 : 0;
    crd_set_condition(definition, "Established", rows[row].status, rows[row].reason,
                      rows[row].message, now_us);
}

void crd_set_status(json_t *definition, const struct crd_verdict *verdict, int64_t now_us)
{
    json_t *status = json_ensure_object(definition, "status");
    json_t *names = json_at(definition, "spec", "names");
    const char *conflict = verdict->conflict;
    if (!conflict)
        json_object_set_new(status, "acceptedNames", json_deep_copy(names));
    else if (!json_object_get(status, "acceptedNames"))
        json_object_set_new(status, "acceptedNames",
                            json_pack("{s:s, s:s}", "kind", "", "plural", ""));
    crd_set_condition(definition, "NamesAccepted", conflict ? "False" : "True",
                      conflict ? verdict->conflict_reason : "NoConflicts",
                      conflict ? conflict : "no conflicts found", now_us);
    set_established(definition, verdict, now_us);
    tell_approval(definition, now_us);
}
