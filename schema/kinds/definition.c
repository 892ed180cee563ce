/* CustomResourceDefinitions: their strategy, and what is told of them in one answer, in upstream's
 * order. Paths are those of upstream's internal form. */
#include "schema/kinds/definition.h"
#include "schema/crd.h"
#include "schema/meta.h"

#define SPEC PATH(NULL, "spec")

static char *lowered(const char *text)
{
    char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return copy;
}

/* ---- strategy ---- */

static void definition_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec"), *names = member_object(spec, "names"), *version;
    const char *kind = rule_text(names, "kind");
    if (!spec)
        return;
    if (names && *kind && !*rule_text(names, "singular")) {
        CLEANUP(free_ptr) char *singular = lowered(kind);
        default_text(names, "singular", singular);
    }
    if (names && *kind && !*rule_text(names, "listKind")) {
        CLEANUP(free_ptr) char *list = xasprintf("%sList", kind);
        default_text(names, "listKind", list);
    }
    default_text(default_object(spec, "conversion"), "strategy", "None");
    default_int(json_at(spec, "conversion", "webhook", "clientConfig", "service"), "port", 443);
    json_t *status = member_object(object, "status");
    if (rule_filled(status, "storedVersions"))
        return;
    LIST_EACH (member_array(spec, "versions"), i, version) {
        if (rule_bool(version, "storage"))
            json_object_set_new(json_ensure_object(object, "status"), "storedVersions",
                                json_pack("[s]", rule_text(version, "name")));
    }
}

static void definition_prepare_create(json_t *object)
{
    json_t *versions = json_incref(json_at(object, "status", "storedVersions"));
    strategy_status_create(object);
    if (versions)
        json_object_set_new(json_ensure_object(object, "status"), "storedVersions", versions);
}

/* A new storage version is remembered as one that objects may be stored in. */
static void definition_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    json_t *version;
    strategy_status_update(object, old, subresource);
    if (!is_main(subresource))
        return;
    json_t *status = json_deep_copy(json_object_get(old, "status"));
    if (!status)
        status = json_object();
    json_object_set_new(object, "status", status);
    json_t *stored = json_ensure_array(status, "storedVersions");
    LIST_EACH (json_at(object, "spec", "versions"), i, version) {
        if (rule_bool(version, "storage") &&
            !json_array_has_text(stored, rule_text(version, "name")))
            json_array_append_new(stored, json_string(rule_text(version, "name")));
    }
}

/* ---- names ---- */

/* A label but for its capitals. */
static void check_kind_name(struct error *err, const struct path *at, const json_t *names,
                            const char *member)
{
    CLEANUP(free_ptr) char *lower = lowered(rule_text(names, member));
    const char *why = *lower ? name_check_dns_1035_label(lower) : NULL;
    CLEANUP(free_ptr)
    char *detail = xasprintf("may have mixed case, but should otherwise match: %s", why ? why : "");
    if (why)
        rule_invalid_text(err, PATH(at, member), rule_text(names, member), detail);
}

/* One that is empty is wrong here. */
static void check_label_list(struct error *err, const struct path *path, const json_t *list)
{
    const json_t *item;
    LIST_EACH (list, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        const char *why = name_check_dns_1035_label(text);
        if (why)
            rule_invalid_text(err, PATH_AT(path, i), text, why);
    }
}

static void check_names(struct error *err, const json_t *names)
{
    const struct path *at = PATH(SPEC, "names");
    const char *kind = rule_text(names, "kind"), *list = rule_text(names, "listKind");
    check_name(err, at, names, "plural", name_check_dns_1035_label);
    check_name(err, at, names, "singular", name_check_dns_1035_label);
    check_kind_name(err, at, names, "kind");
    check_kind_name(err, at, names, "listKind");
    check_label_list(err, PATH(at, "shortNames"), member_array(names, "shortNames"));
    if (*kind && strcmp(kind, list) == 0)
        rule_invalid_text(err, PATH(at, "listKind"), list, "kind and listKind may not be the same");
    check_label_list(err, PATH(at, "categories"), member_array(names, "categories"));
}

static void check_needed_names(struct error *err, const json_t *names)
{
    static const char *const needed[] = {"plural", "singular", "kind", "listKind"};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        check_required(err, PATH(SPEC, "names"), names, needed[i], NULL);
}

/* ---- versions ---- */

static void check_schemas(struct error *err, const json_t *versions)
{
    const json_t *version;
    LIST_EACH (versions, i, version) {
        const struct path *at = PATH(PATH_AT(PATH(SPEC, "versions"), i), "schema");
        if (!json_at(version, "schema", "openAPIV3Schema"))
            rule_required(err, PATH(at, "openAPIV3Schema"), "schemas are required");
    }
}

/* Upstream shows all of them as Go prints structs. */
static void blame_versions(struct error *err, size_t count, const char *what, const char *detail)
{
    CLEANUP(free_ptr) char *shown = xasprintf("%zu %s", count, what);
    rule_invalid_raw(err, PATH(SPEC, "versions"), shown, detail);
}

static void check_versions(struct error *err, const json_t *spec)
{
    const json_t *versions = member_array(spec, "versions"), *version;
    const struct path *path = PATH(SPEC, "versions");
    json_auto_t *seen = json_object();
    size_t stored = 0, count = json_array_size(versions);
    bool unique = true;
    LIST_EACH (versions, i, version) {
        stored += rule_bool(version, "storage");
        unique = !rule_seen(seen, rule_text(version, "name")) && unique;
        check_name_given(err, PATH_AT(path, i), version, "name", name_check_dns_1035_label);
        check_definition_version(err, spec, i);
    }
    if (!unique)
        blame_versions(err, count, "versions", "must contain unique version names");
    if (stored != 1)
        blame_versions(err, stored, "storage versions",
                       "must have exactly one version marked as storage version");
    const char *first = rule_text(json_array_get(versions, 0), "name");
    const char *why = *first ? name_check_dns_1035_label(first) : NULL;
    if (why) /* it is the version of old clients, too */
        rule_invalid_text(err, PATH(SPEC, "version"), first, why);
}

static bool has_version(const json_t *versions, const char *name)
{
    const json_t *version;
    bool found = false;
    LIST_EACH (versions, i, version)
        found = found || strcmp(rule_text(version, "name"), name) == 0;
    return found;
}

/* What objects may be stored in cannot go. */
static void check_stored(struct error *err, const json_t *definition)
{
    const json_t *stored = json_at(definition, "status", "storedVersions"), *item,
                 *versions = json_at(definition, "spec", "versions");
    const struct path *path = PATH(PATH(NULL, "status"), "storedVersions");
    if (json_array_size(stored) == 0)
        rule_invalid_raw(err, path, "[]string{}", "must have at least one stored version");
    LIST_EACH (stored, i, item) {
        const char *name = json_string_value(item);
        CLEANUP(free_ptr)
        char *detail = xasprintf(
            "missing from spec.versions; %s was previously a storage version, and must remain in "
            "spec.versions until a storage migration ensures no data remains persisted in %s and "
            "removes %s from status.storedVersions",
            name ? name : "", name ? name : "", name ? name : "");
        if (name && !has_version(versions, name))
            rule_invalid_text(err, PATH_AT(path, i), name, detail);
    }
}

/* ---- conversion ---- */

static void check_conversion_webhook(struct error *err, const struct path *at,
                                     const json_t *webhook)
{
    const json_t *client = member_object(webhook, "clientConfig");
    const struct path *path = PATH(at, "webhookClientConfig");
    if (!client)
        rule_required(err, path, "required when strategy is set to Webhook");
    else
        check_webhook_client(err, path, client);
    check_review_versions(err, PATH(at, "conversionReviewVersions"),
                          member_array(webhook, "conversionReviewVersions"), NULL);
}

static void check_conversion(struct error *err, const json_t *spec)
{
    static const char *const strategies[] = {"None", "Webhook", NULL};
    const json_t *conversion = member_object(spec, "conversion"),
                 *webhook = member_object(conversion, "webhook");
    const struct path *at = PATH(SPEC, "conversion");
    check_enum_required(err, at, conversion, "strategy", strategies);
    if (strcmp(rule_text(conversion, "strategy"), "Webhook") == 0) {
        check_conversion_webhook(err, at, webhook);
        return;
    }
    if (rule_has(webhook, "clientConfig"))
        rule_forbidden(err, PATH(at, "webhookClientConfig"),
                       "should not be set when strategy is not set to Webhook");
    if (rule_filled(webhook, "conversionReviewVersions"))
        rule_forbidden(err, PATH(at, "conversionReviewVersions"),
                       "should not be set when strategy is not set to Webhook");
}

/* ---- all of it ---- */

static void check_group(struct error *err, const json_t *spec)
{
    const char *group = rule_text(spec, "group"), *why = name_check_dns_subdomain(group);
    if (!check_required(err, SPEC, spec, "group", NULL))
        return;
    if (why)
        rule_invalid_text(err, PATH(SPEC, "group"), group, why);
    else if (!strchr(group, '.'))
        rule_invalid_text(err, PATH(SPEC, "group"), group,
                          "should be a domain with at least one dot");
}

static void check_spec(struct error *err, const json_t *spec)
{
    static const char *const scopes[] = {"Cluster", "Namespaced", NULL};
    const json_t *names = member_object(spec, "names"), *versions = member_array(spec, "versions");
    if (json_array_size(versions) > CRD_VERSIONS_MAX) {
        rule_too_many(err, PATH(SPEC, "versions"), json_array_size(versions), CRD_VERSIONS_MAX);
        return;
    }
    check_group(err, spec);
    check_enum_required(err, SPEC, spec, "scope", scopes);
    check_schemas(err, versions);
    check_versions(err, spec);
    check_needed_names(err, names);
    check_names(err, names);
    check_definition_common(err, spec);
    check_conversion(err, spec);
}

/* What objects are stored under never changes; what they are, not once they can be. */
static void check_fixed(struct error *err, const json_t *definition, const json_t *old)
{
    const json_t *spec = member_object(definition, "spec"), *before = member_object(old, "spec");
    const json_t *names = member_object(spec, "names"),
                 *names_before = member_object(before, "names");
    const struct path *at = PATH(SPEC, "names");
    if (crd_condition(old, "Established")) {
        check_immutable(err, SPEC, spec, before, "scope");
        check_immutable(err, at, names, names_before, "kind");
    }
    check_immutable(err, SPEC, spec, before, "group");
    check_immutable(err, at, names, names_before, "plural");
}

/* An approval that has not changed is not an update's fault. */
static void check_approval(struct error *err, const json_t *definition, const json_t *old)
{
    const char *why, *before;
    enum crd_approval approval = crd_approval(definition, &why);
    const struct path *path = PATH_KEY(PATH(PATH(NULL, "metadata"), "annotations"), CRD_APPROVED);
    if (old && crd_approval(old, &before) == approval)
        return;
    if (approval == CRD_APPROVAL_MISSING)
        rule_required(err, path, why);
    if (approval == CRD_APPROVAL_INVALID)
        rule_invalid_text(err, path, meta_annotation(definition, CRD_APPROVED), why);
}

static void check_rest(struct error *err, const json_t *definition, const json_t *old)
{
    const json_t *preserve = json_at(definition, "spec", "preserveUnknownFields");
    check_stored(err, definition);
    check_approval(err, definition, old);
    if (json_is_true(preserve))
        rule_invalid(err, PATH(SPEC, "preserveUnknownFields"), preserve,
                     "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                     "spec.versions[*].schema instead");
}

static void definition_validate(const json_t *object, struct error *err)
{
    const json_t *spec = member_object(object, "spec");
    CLEANUP(free_ptr)
    char *name = xasprintf("%s.%s", rule_text(member_object(spec, "names"), "plural"),
                           rule_text(spec, "group"));
    if (strcmp(name, meta_name(object)) != 0)
        rule_invalid_text(err, PATH(PATH(NULL, "metadata"), "name"), meta_name(object),
                          "must be spec.names.plural+\".\"+spec.group");
    else if (resource_by_key(name)) /* upstream serves it, apart from its own, in other versions */
        rule_invalid_text(err, PATH(PATH(NULL, "metadata"), "name"), name,
                          "is the name of a built-in resource");
    check_spec(err, spec);
    check_rest(err, object, NULL);
}

/* What was wrong already, and is as it was, is not this update's fault. */
static void definition_validate_update(const json_t *object, const json_t *old,
                                       const char *subresource, struct error *err)
{
    CLEANUP(error_clear) struct error found = {0};
    CLEANUP(error_clear) struct error before = {0};
    if (!is_main(subresource) || meta_deleting(object))
        return;
    check_spec(&found, member_object(object, "spec"));
    if (found.cause_count)
        check_spec(&before, member_object(old, "spec"));
    error_move_causes(err, &found, definition_is_news, &before);
    check_fixed(err, object, old);
    check_rest(err, object, old);
}

const struct kind_rules kind_definitions = {
    .resource = "customresourcedefinitions.apiextensions.k8s.io",
    .set_defaults = definition_defaults,
    .prepare_create = definition_prepare_create,
    .prepare_update = definition_prepare_update,
    .validate = definition_validate,
    .validate_update = definition_validate_update,
    .has_generation = true,
};
