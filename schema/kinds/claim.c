/* PersistentVolumeClaims, and their spec where other kinds embed it. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"
#include "base/quantity.h"

#define SPEC PATH(NULL, "spec")

static const char *const access_modes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                           "ReadWriteOncePod", NULL};
static const char *const volume_modes[] = {"Block", "Filesystem", NULL};

void claim_spec_defaults(json_t *spec)
{
    if (!spec)
        return;
    default_text(spec, "volumeMode", "Filesystem");
    resources_defaults(spec);
}

static void set_defaults(json_t *object)
{
    default_text(json_ensure_object(object, "status"), "phase", "Pending");
    claim_spec_defaults(member_object(object, "spec"));
    resource_list_defaults(json_at(object, "status", "capacity"));
    resource_list_defaults(json_at(object, "status", "allocatedResources"));
}

/* dataSource and dataSourceRef mirror each other, unless the reference crosses namespaces. */
static void mirror_data_source(json_t *spec)
{
    json_t *source = member_object(spec, "dataSource"), *ref = member_object(spec, "dataSourceRef");
    if (source && !ref)
        json_object_set_new(spec, "dataSourceRef", json_deep_copy(source));
    else if (ref && !source && !*rule_text(ref, "namespace"))
        json_object_set_new(spec, "dataSource", json_deep_copy(ref));
}

static void prepare_create(json_t *object)
{
    json_object_set_new(object, "status", json_pack("{s:s}", "phase", "Pending"));
    mirror_data_source(member_object(object, "spec"));
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
    if (is_main(subresource))
        mirror_data_source(member_object(object, "spec"));
}

static void check_modes(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *modes = member_array(spec, "accessModes"), *mode;
    const struct path *path = PATH(at, "accessModes");
    if (json_array_size(modes) == 0)
        rule_required(err, path, "at least 1 access mode is required");
    LIST_EACH (modes, i, mode) {
        if (!json_is_string(mode) || !rule_one_of(json_string_value(mode), access_modes))
            rule_not_supported(err, path, mode, access_modes);
    }
    if (json_array_size(modes) > 1 && json_array_has_text(modes, "ReadWriteOncePod"))
        rule_forbidden(err, path, "may not use ReadWriteOncePod with other access modes");
}

static void check_storage(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *value = json_at(spec, "resources", "requests", "storage");
    const struct path *path = PATH_KEY(PATH(at, "resources"), "storage");
    struct quantity quantity;
    if (!value) {
        rule_required(err, PATH_KEY(PATH(at, "resources"), "storage"), NULL);
        return;
    }
    if (json_is_string(value) && quantity_parse(str_of(json_string_value(value)), &quantity) &&
        quantity.nano <= 0)
        rule_invalid(err, path, value, "must be greater than zero");
}

static bool is_same_source(const json_t *spec)
{
    static const char *const members[] = {"apiGroup", "kind", "name"};
    const json_t *source = member_object(spec, "dataSource"),
                 *ref = member_object(spec, "dataSourceRef");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (strcmp(rule_text(source, members[i]), rule_text(ref, members[i])) != 0)
            return false;
    return true;
}

void check_claim_spec(struct error *err, const struct path *at, const json_t *spec)
{
    check_modes(err, at, spec);
    check_label_selector(err, PATH(at, "selector"), member_object(spec, "selector"));
    check_storage(err, at, spec);
    check_name(err, at, spec, "storageClassName", name_check_dns_subdomain);
    check_name(err, at, spec, "volumeAttributesClassName", name_check_dns_subdomain);
    check_enum(err, at, spec, "volumeMode", volume_modes);
    for (size_t i = 0; i < 2; i++) {
        const char *member = i ? "dataSourceRef" : "dataSource";
        const json_t *source = member_object(spec, member);
        if (!source)
            continue;
        check_required(err, PATH(at, member), source, "name", NULL);
        check_required(err, PATH(at, member), source, "kind", NULL);
        if (!*rule_text(source, "apiGroup") &&
            strcmp(rule_text(source, "kind"), "PersistentVolumeClaim") != 0 &&
            *rule_text(source, "kind"))
            rule_invalid_text(
                err, PATH(at, member), rule_text(source, "kind"),
                "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
    }
    if (rule_has(spec, "dataSource") && rule_has(spec, "dataSourceRef") && !is_same_source(spec))
        rule_invalid(err, at, json_object_get(spec, "dataSource"), "must match dataSourceRef");
}

static void validate(const json_t *object, struct error *err)
{
    check_claim_spec(err, SPEC, json_object_get(object, "spec"));
}

static bool is_bound(const json_t *object)
{
    return strcmp(rule_text_at(object, "status.phase"), "Bound") == 0;
}

/* What may still change after creation. */
static bool may_change(const char *member, const json_t *spec, const json_t *before,
                       const json_t *old)
{
    if (strcmp(member, "volumeName") == 0 || strcmp(member, "storageClassName") == 0)
        return !*rule_text(before, member);
    if (strcmp(member, "volumeAttributesClassName") == 0)
        return is_bound(old) && *rule_text(spec, member);
    return false;
}

static bool resources_fit(const json_t *spec, const json_t *before, const json_t *old)
{
    const json_t *now = json_object_get(spec, "resources"),
                 *then = json_object_get(before, "resources");
    if (rule_equal(now, then))
        return true;
    return is_bound(old) &&
           rule_equal(json_object_get(now, "limits"), json_object_get(then, "limits"));
}

static bool spec_fits(const json_t *spec, const json_t *before, const json_t *old)
{
    static const char *const members[] = {
        "accessModes", "selector",   "volumeName",    "storageClassName",
        "volumeMode",  "dataSource", "dataSourceRef", "volumeAttributesClassName"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!rule_equal(json_object_get(spec, members[i]), json_object_get(before, members[i])) &&
            !may_change(members[i], spec, before, old))
            return false;
    return resources_fit(spec, before, old);
}

static bool storage_of(const json_t *list, struct quantity *out)
{
    const char *text = rule_text(list, "storage");
    return *text && quantity_parse(str_of(text), out);
}

static void check_size(const json_t *object, const json_t *old, struct error *err)
{
    struct quantity now, then, capacity;
    const struct path *path = PATH(PATH(PATH(SPEC, "resources"), "requests"), "storage");
    if (!storage_of(json_at(object, "spec", "resources", "requests"), &now) ||
        !storage_of(json_at(old, "spec", "resources", "requests"), &then) ||
        quantity_compare(&now, &then) >= 0)
        return;
    if (storage_of(json_at(old, "status", "capacity"), &capacity) &&
        quantity_compare(&now, &capacity) <= 0)
        rule_forbidden(err, path, "field can not be less than status.capacity");
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    if (!is_main(subresource))
        return;
    validate(object, err);
    if (!spec_fits(json_object_get(object, "spec"), json_object_get(old, "spec"), old))
        rule_forbidden(err, SPEC,
                       "spec is immutable after creation except resources.requests and "
                       "volumeAttributesClassName for bound "
                       "claims");
    check_size(object, old, err);
}

const struct kind_rules kind_claims = {
    .resource = "persistentvolumeclaims",
    .set_defaults = set_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
};
