/* PersistentVolumeClaims, and their spec where other kinds embed it. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"
#include "base/quantity.h"

#define SPEC       PATH(NULL, "spec")
#define BETA_CLASS "volume.beta.kubernetes.io/storage-class"

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
    check_label_selector(err, PATH(at, "selector"), member_object(spec, "selector"));
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

static void check_data_source(struct error *err, const struct path *at, const json_t *source)
{
    const char *kind = rule_text(source, "kind");
    if (!source)
        return;
    check_required(err, at, source, "name", NULL);
    check_required(err, at, source, "kind", NULL);
    if (!*rule_text(source, "apiGroup") && strcmp(kind, "PersistentVolumeClaim") != 0)
        rule_invalid_text(err, at, kind,
                          "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
    check_name(err, at, source, "apiGroup", name_check_dns_subdomain);
}

void check_claim_spec(struct error *err, const struct path *at, const json_t *spec)
{
    check_modes(err, at, spec);
    check_storage(err, at, spec);
    check_name(err, at, spec, "storageClassName", name_check_dns_subdomain);
    check_enum(err, at, spec, "volumeMode", volume_modes);
    check_data_source(err, PATH(at, "dataSource"), member_object(spec, "dataSource"));
    check_data_source(err, PATH(at, "dataSourceRef"), member_object(spec, "dataSourceRef"));
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
    const char *beta = meta_annotation(old, BETA_CLASS);
    if (strcmp(member, "volumeName") == 0)
        return !*rule_text(before, member);
    if (strcmp(member, "storageClassName") == 0)
        return !rule_has(before, member) && (!beta || strcmp(beta, rule_text(spec, member)) == 0);
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

/* Less than before is allowed, to get out of a growth that fails, but not below what there is. */
static void check_size(const json_t *object, const json_t *old, struct error *err)
{
    struct quantity now, then, capacity = {0};
    const struct path *path = PATH(PATH(PATH(SPEC, "resources"), "requests"), "storage");
    if (!storage_of(json_at(object, "spec", "resources", "requests"), &now) ||
        !storage_of(json_at(old, "spec", "resources", "requests"), &then) ||
        quantity_compare(&now, &then) >= 0)
        return;
    (void)storage_of(json_at(old, "status", "capacity"), &capacity); /* none is 0 */
    if (quantity_compare(&now, &capacity) <= 0)
        rule_forbidden(err, path, "field can not be less than status.capacity");
}

/* Claims whose class was an annotation may name it in the field. */
static void check_class_annotation(const json_t *object, const json_t *old, struct error *err)
{
    const char *now = meta_annotation(object, BETA_CLASS),
               *before = meta_annotation(old, BETA_CLASS),
               *class = json_text(object, "spec", "storageClassName");
    bool upgrades = before && !json_text(old, "spec", "storageClassName") && class &&
                    strcmp(class, before) == 0 && (!now || strcmp(now, before) == 0);
    if (!upgrades && strcmp(now ? now : "", before ? before : "") != 0)
        rule_invalid_text(err, PATH(PATH(PATH(NULL, "metadata"), "annotations"), BETA_CLASS),
                          now ? now : "", RULE_IMMUTABLE);
}

static void check_amounts(struct error *err, const struct path *path, const json_t *list)
{
    struct quantity amount;
    const char *key;
    json_t *value;
    MAP_EACH (list, key, value) {
        const char *text = json_string_value(value);
        if (text && quantity_parse(str_of(text), &amount) && quantity_value(&amount) < 0)
            rule_invalid(err, PATH_KEY(path, key), json_object_get(list, key),
                         "must be a valid resource quantity");
    }
}

/* Of what Kubernetes itself counts, a claim has storage alone. */
static bool check_storage_key(struct error *err, const struct path *path, const char *key)
{
    const char *wrong = name_check_qualified(key);
    bool native = !strchr(key, '/') || strstr(key, "kubernetes.io/");
    json_auto_t *shown = json_string(key);
    rule_named(err, path, key, name_check_qualified);
    if (!wrong && native && strcmp(key, "storage") != 0)
        rule_not_supported(err, path, shown, (const char *const[]){"storage", NULL});
    return !wrong && (!native || strcmp(key, "storage") == 0);
}

static void validate_status(const json_t *object, struct error *err)
{
    static const char *const states[] = {"ControllerResizeInProgress", "ControllerResizeInfeasible",
                                         "NodeResizePending",          "NodeResizeInProgress",
                                         "NodeResizeInfeasible",       NULL};
    const json_t *status = json_object_get(object, "status"),
                 *allocated = member_object(status, "allocatedResources");
    const struct path *at = PATH(NULL, "status"),
                      *statuses = PATH(at, "allocatedResourceStatus"); /* sic */
    const char *key;
    json_t *value;
    check_amounts(err, PATH(at, "capacity"), member_object(status, "capacity"));
    MAP_EACH (member_object(status, "allocatedResourceStatuses"), key, value) {
        json_auto_t *shown = json_string(key);
        (void)check_storage_key(err, statuses, key); /* the value is judged all the same */
        if (!json_is_string(value) || !rule_one_of(json_string_value(value), states))
            rule_not_supported(err, statuses, shown, states);
    }
    MAP_EACH (allocated, key, value)
        (void)check_storage_key(err, PATH(at, "allocatedResources"), key); /* likewise */
    check_amounts(err, PATH(at, "allocatedResources"), allocated);
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    if (is_sub(subresource, "status"))
        validate_status(object, err);
    if (!is_main(subresource))
        return;
    validate(object, err);
    check_class_annotation(object, old, err);
    if (!spec_fits(json_object_get(object, "spec"), json_object_get(old, "spec"), old))
        rule_forbidden(err, SPEC,
                       "spec is immutable after creation except resources.requests and "
                       "volumeAttributesClassName for bound "
                       "claims");
    check_size(object, old, err);
    if (!rule_equal(json_at(object, "spec", "volumeMode"), json_at(old, "spec", "volumeMode")))
        rule_invalid(err, PATH(NULL, "volumeMode"), json_at(object, "spec", "volumeMode"), /* sic */
                     RULE_IMMUTABLE);
}

const struct kind_rules kind_claims = {
    .resource = "persistentvolumeclaims",
    .set_defaults = set_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
};
