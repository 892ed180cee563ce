/* What a CustomResourceDefinition must be, and its status. Source: apiextensions-apiserver's
 * validation, naming and establishing controllers. */
#include <string.h>

#include "base/clock.h"
#include "base/strset.h"
#include "schema/crd.h"
#include "schema/crd_rule.h"
#include "schema/meta.h"

#define APPROVED       "api-approved.kubernetes.io"
#define APPROVAL_RULES "https://github.com/kubernetes/enhancements/pull/1111"

/* Of one that is there. */
static void check_label(struct error *err, const char *path, const char *value)
{
    const char *why = value && *value ? name_check_dns_1035_label(value) : NULL;
    if (why)
        error_add_invalid(err, path, value, why);
}

static char *lowered(const char *text)
{
    char *copy = xstrdup(text ? text : "");
    for (char *at = copy; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return copy;
}

/* Names of kinds are labels but for their capitals. */
static void check_kind(struct error *err, const char *path, const char *kind)
{
    CLEANUP(free_ptr) char *lower = lowered(kind);
    const char *why = *lower ? name_check_dns_1035_label(lower) : NULL;
    if (!why)
        return;
    CLEANUP(free_ptr)
    char *detail = xasprintf("may have mixed case, but should otherwise match: %s", why);
    error_add_invalid(err, path, kind, detail);
}

/* One that is empty is wrong here. */
static void check_labels(struct error *err, const json_t *names, const char *member)
{
    const json_t *list = json_object_get(names, member);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        const char *why = name_check_dns_1035_label(text ? text : "");
        CLEANUP(free_ptr) char *path = xasprintf("spec.names.%s[%zu]", member, i);
        if (why)
            error_add_invalid(err, path, text, why);
    }
}

static void check_names(const json_t *spec, struct error *err)
{
    static const char *const needed[] = {"plural", "singular", "kind", "listKind"};
    const json_t *names = json_object_get(spec, "names");
    const char *kind = json_text(names, "kind"), *list = json_text(names, "listKind");
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        const char *text = json_text(names, needed[i]);
        CLEANUP(free_ptr) char *path = xasprintf("spec.names.%s", needed[i]);
        if (!text || !*text)
            error_add_required(err, path, NULL);
    }
    check_label(err, "spec.names.plural", json_text(names, "plural"));
    check_label(err, "spec.names.singular", json_text(names, "singular"));
    check_kind(err, "spec.names.kind", kind);
    check_kind(err, "spec.names.listKind", list);
    check_labels(err, names, "shortNames");
    if (kind && list && *kind && strcmp(kind, list) == 0)
        error_add_invalid(err, "spec.names.listKind", list,
                          "kind and listKind may not be the same");
    check_labels(err, names, "categories");
}

static void check_name(const json_t *definition, struct error *err)
{
    const json_t *spec = json_object_get(definition, "spec");
    const char *group = json_text(spec, "group"), *plural = json_text(spec, "names", "plural");
    CLEANUP(free_ptr)
    char *name = xasprintf("%s.%s", plural ? plural : "", group ? group : "");
    if (strcmp(name, meta_name(definition)) != 0)
        error_add_invalid(err, "metadata.name", meta_name(definition),
                          "must be spec.names.plural+\".\"+spec.group");
    else if (resource_by_key(name)) /* upstream serves it, apart from its own, in other versions */
        error_add_invalid(err, "metadata.name", name, "is the name of a built-in resource");
}

static void check_group(const json_t *spec, struct error *err)
{
    const char *group = json_text(spec, "group");
    const char *why = group && *group ? name_check_dns_subdomain(group) : NULL;
    if (!group || !*group)
        error_add_required(err, "spec.group", NULL);
    else if (why)
        error_add_invalid(err, "spec.group", group, why);
    else if (!strchr(group, '.'))
        error_add_invalid(err, "spec.group", group, "should be a domain with at least one dot");
}

/* Groups of the Kubernetes community are not for everybody. */
static bool is_protected(const json_t *definition)
{
    const char *group = json_text(definition, "spec", "group");
    return group && (text_ends(group, ".k8s.io") || text_ends(group, ".kubernetes.io") ||
                     strcmp(group, "k8s.io") == 0 || strcmp(group, "kubernetes.io") == 0);
}

static const struct approval {
    const char *status, *reason; /* of the condition that tells of it */
    const char *detail;          /* before the annotation where it is approved or not */
} approvals[] = {
    {"False", "MissingAnnotation",
     "protected groups must have approval annotation \"" APPROVED "\", see " APPROVAL_RULES},
    {"False", "UnapprovedAnnotation", "not approved: "},
    {"True", "ApprovedAnnotation", "approved in "},
    {"False", "InvalidAnnotation",
     "protected groups must have approval annotation \"" APPROVED
     "\" with either a URL or a reason starting with \"unapproved\", see " APPROVAL_RULES},
};

enum approval_state { APPROVAL_MISSING, APPROVAL_BYPASSED, APPROVAL_GIVEN, APPROVAL_INVALID };

static enum approval_state approval_of(const json_t *definition)
{
    const char *text = meta_annotation(definition, APPROVED);
    const char *host = text ? strstr(text, "://") : NULL;
    if (!text || !*text)
        return APPROVAL_MISSING;
    if (text_starts(text, "unapproved"))
        return APPROVAL_BYPASSED;
    return host && host > text && host[3] && host[3] != '/' ? APPROVAL_GIVEN : APPROVAL_INVALID;
}

/* What has not changed is not an update's fault. */
static void check_approval(const json_t *definition, const json_t *old, struct error *err)
{
    enum approval_state state = approval_of(definition);
    if (!is_protected(definition) || (old && approval_of(old) == state))
        return;
    if (state == APPROVAL_MISSING)
        error_add_required(err, "metadata.annotations[" APPROVED "]", approvals[state].detail);
    if (state == APPROVAL_INVALID)
        error_add_invalid(err, "metadata.annotations[" APPROVED "]",
                          meta_annotation(definition, APPROVED), approvals[state].detail);
}

static void check_schema(const json_t *schema, const char *path, struct error *err)
{
    struct crd_memory *memory = crd_memory_new();
    const struct crd_node *root = crd_compile(memory, schema, path, err);
    if (root)
        crd_rules_compile(memory, root, path, err);
    crd_memory_free(memory);
}

static void check_version(const json_t *version, size_t at, bool alike, struct error *err)
{
    CLEANUP(free_ptr) char *name_path = xasprintf("spec.versions[%zu].name", at);
    CLEANUP(free_ptr)
    char *schema_path = xasprintf("spec.versions[%zu].schema.openAPIV3Schema", at);
    const json_t *schema = json_at(version, "schema", "openAPIV3Schema");
    const char *name = json_text(version, "name"),
               *why = name_check_dns_1035_label(name ? name : "");
    if (why)
        error_add_invalid(err, name_path, name ? name : "", why);
    if (!schema)
        error_add_required(err, schema_path, "schemas are required");
    else if (!alike)
        check_schema(schema, schema_path, err);
    else if (at == 0)
        check_schema(schema, "spec.validation.openAPIV3Schema", err);
}

/* Whether all versions have the same schema: upstream then keeps one, in a place of its own. */
static bool have_one_schema(const json_t *versions)
{
    const json_t *first = json_object_get(json_array_get(versions, 0), "schema");
    for (size_t i = 1; i < json_array_size(versions); i++) {
        const json_t *other = json_object_get(json_array_get(versions, i), "schema");
        if (!first || !other || !json_equal(first, other))
            return false;
    }
    return first != NULL;
}

static void check_versions(const json_t *spec, struct error *err)
{
    const json_t *versions = json_object_get(spec, "versions");
    CLEANUP(strset_clear) struct strset seen = {0};
    size_t stored = 0, count = json_array_size(versions);
    bool alike = have_one_schema(versions), unique = true;
    if (!count || count > CRD_VERSIONS_MAX)
        error_add_required(err, "spec.versions", "must have between 1 and 100 versions");
    for (size_t i = 0; i < count && i < CRD_VERSIONS_MAX; i++) {
        const json_t *version = json_array_get(versions, i);
        const char *name = json_text(version, "name");
        stored += json_is_true(json_object_get(version, "storage"));
        unique = strset_add(&seen, name ? name : "") && unique;
        check_version(version, i, alike, err);
    }
    if (!unique)
        error_add_cause(err, CAUSE_INVALID, "spec.versions",
                        "Invalid value: %zu versions: must contain unique version names", count);
    if (stored != 1)
        error_add_cause(err, CAUSE_INVALID, "spec.versions",
                        "Invalid value: %zu storage versions: must have exactly one version marked "
                        "as storage version",
                        stored);
}

static void check_preserved(const json_t *spec, struct error *err)
{
    if (json_is_true(json_object_get(spec, "preserveUnknownFields")))
        error_add_cause(err, CAUSE_INVALID, "spec.preserveUnknownFields",
                        "Invalid value: true: cannot set to true, set "
                        "x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema "
                        "instead");
}

static void check_scope(const json_t *spec, struct error *err)
{
    const char *scope = json_text(spec, "scope");
    if (!scope || !*scope)
        error_add_required(err, "spec.scope", NULL);
    else if (strcmp(scope, "Namespaced") != 0 && strcmp(scope, "Cluster") != 0)
        error_add_cause(err, CAUSE_NOT_SUPPORTED, "spec.scope",
                        "Unsupported value: \"%s\": supported values: \"Cluster\", \"Namespaced\"",
                        scope);
}

static void check_same(const json_t *spec, const json_t *old, const char *path, const char *member,
                       struct error *err)
{
    const char *now = json_text(spec, member), *before = json_text(old, member);
    if (before && now && strcmp(now, before) != 0)
        error_add_invalid(err, path, now, "field is immutable");
}

static bool has_version(const json_t *spec, const char *name)
{
    const json_t *versions = json_object_get(spec, "versions");
    for (size_t i = 0; i < json_array_size(versions); i++)
        if (text_eq(json_text(json_array_get(versions, i), "name"), name))
            return true;
    return false;
}

static void check_stored(const json_t *definition, struct error *err)
{
    const json_t *stored = json_at(definition, "status", "storedVersions");
    if (json_array_size(stored) == 0)
        error_add_cause(err, CAUSE_INVALID, "status.storedVersions",
                        "Invalid value: []string{}: must have at least one stored version");
    for (size_t i = 0; i < json_array_size(stored); i++) {
        const char *name = json_string_value(json_array_get(stored, i));
        CLEANUP(free_ptr) char *path = xasprintf("status.storedVersions[%zu]", i);
        if (name && !has_version(json_object_get(definition, "spec"), name))
            error_add_cause(err, CAUSE_INVALID, path,
                            "Invalid value: \"%s\": missing from spec.versions; %s was previously "
                            "a storage version, and must remain in spec.versions until a storage "
                            "migration ensures no data remains persisted in %s and removes %s from "
                            "status.storedVersions",
                            name, name, name, name);
    }
}

/* What objects are stored under never changes; what they are, not once they can be. */
static void check_fixed(const json_t *definition, const json_t *old, struct error *err)
{
    const json_t *spec = json_object_get(definition, "spec"),
                 *before = json_object_get(old, "spec");
    const json_t *names = json_object_get(spec, "names"),
                 *names_before = json_object_get(before, "names");
    if (crd_condition(old, "Established")) {
        check_same(spec, before, "spec.scope", "scope", err);
        check_same(names, names_before, "spec.names.kind", "kind", err);
    }
    check_same(spec, before, "spec.group", "group", err);
    check_same(names, names_before, "spec.names.plural", "plural", err);
}

void crd_check(const json_t *definition, const json_t *old, struct error *err)
{
    const json_t *spec = json_object_get(definition, "spec");
    if (!old)
        check_name(definition, err);
    check_group(spec, err);
    check_scope(spec, err);
    check_versions(spec, err);
    check_names(spec, err);
    if (old)
        check_fixed(definition, old, err);
    check_stored(definition, err);
    check_approval(definition, old, err);
    check_preserved(spec, err);
}

/* ---- status ---- */

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
    enum approval_state state = approval_of(definition);
    const struct approval *row = &approvals[state];
    const char *text = meta_annotation(definition, APPROVED);
    const char *quote = state == APPROVAL_BYPASSED ? "\"" : "";
    bool shown = state == APPROVAL_BYPASSED || state == APPROVAL_GIVEN;
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
    if (is_protected(definition))
        tell_approval(definition, now_us);
}
