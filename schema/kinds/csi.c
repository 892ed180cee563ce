/* CSIDrivers, CSINodes, CSIStorageCapacities. */
#include <ctype.h>

#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SPEC            PATH(NULL, "spec")
#define DRIVER_NAME_MAX 63
#define NODE_ID_MAX     256

void check_driver_name(struct error *err, const struct path *at, const json_t *object,
                       const char *member)
{
    CLEANUP(free_ptr) char *lowered = xstrdup(rule_text(object, member));
    for (char *c = lowered; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    const char *wrong = name_check_dns_subdomain(lowered);
    check_required(err, at, object, member, NULL);
    check_max_text(err, at, object, member, DRIVER_NAME_MAX);
    if (wrong)
        rule_invalid_text(err, PATH(at, member), rule_text(object, member), wrong);
}

static void driver_defaults(json_t *object)
{
    static const struct {
        const char *member;
        bool value;
    } flags[] = {{"attachRequired", true},
                 {"podInfoOnMount", false},
                 {"storageCapacity", false},
                 {"requiresRepublish", false},
                 {"seLinuxMount", false}};
    json_t *spec = member_object(object, "spec");
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        default_bool(spec, flags[i].member, flags[i].value);
    default_text(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    if (spec && !rule_filled(spec, "volumeLifecycleModes"))
        json_object_set_new(spec, "volumeLifecycleModes", json_pack("[s]", "Persistent"));
}

static void driver_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    (void)subresource;
    if (!rule_equal(json_object_get(object, "spec"), json_object_get(old, "spec")))
        strategy_generation_update(object, old, true); /* a create sets none */
}

static void check_tokens(struct error *err, const json_t *tokens)
{
    const json_t *token;
    json_auto_t *seen = json_object();
    LIST_EACH (tokens, i, token) {
        const struct path *at = PATH_AT(PATH(SPEC, "tokenRequests"), i);
        const json_t *seconds = json_object_get(token, "expirationSeconds");
        if (rule_seen(seen, rule_text(token, "audience"))) {
            rule_duplicate(err, PATH(at, "audience"), json_object_get(token, "audience"));
            continue;
        }
        if (json_is_integer(seconds) && json_integer_value(seconds) < 600)
            rule_invalid(err, PATH(at, "expirationSeconds"), seconds,
                         "may not specify a duration less than 10 minutes");
        if (json_int_or(seconds, 0) > (int64_t)1 << 32)
            rule_invalid(err, PATH(at, "expirationSeconds"), seconds,
                         "may not specify a duration larger than 2^32 seconds");
    }
}

static void driver_validate(const json_t *object, struct error *err)
{
    static const char *const policies[] = {"File", "None", "ReadWriteOnceWithFSType", NULL};
    static const char *const modes[] = {"Persistent", "Ephemeral", NULL};
    const json_t *spec = json_object_get(object, "spec"), *mode;
    check_enum(err, SPEC, spec, "fsGroupPolicy", policies);
    check_tokens(err, member_array(spec, "tokenRequests"));
    LIST_EACH (member_array(spec, "volumeLifecycleModes"), i, mode) {
        if (!json_is_string(mode) || !rule_one_of(json_string_value(mode), modes))
            rule_not_supported(err, PATH(SPEC, "volumeLifecycleModes"), mode, modes);
    }
}

static void driver_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    (void)subresource;
    driver_validate(object, err);
    if (rule_bool(spec, "attachRequired") != rule_bool(before, "attachRequired"))
        rule_invalid(err, PATH(SPEC, "attachedRequired"), /* as upstream names it */
                     json_object_get(spec, "attachRequired"), RULE_IMMUTABLE);
    check_immutable(err, SPEC, spec, before, "volumeLifecycleModes");
}

const struct kind_rules kind_csi_drivers = {
    .resource = "csidrivers.storage.k8s.io",
    .set_defaults = driver_defaults,
    .prepare_update = driver_prepare_update,
    .validate = driver_validate,
    .validate_update = driver_validate_update,
};

static void check_topology_keys(struct error *err, const struct path *at, const json_t *keys)
{
    const json_t *key;
    json_auto_t *seen = json_object();
    LIST_EACH (keys, i, key) {
        const char *text = json_string_value(key) ? json_string_value(key) : "";
        const char *wrong = name_check_qualified(text);
        if (!*text)
            rule_required(err, at, NULL);
        if (rule_seen(seen, text))
            rule_duplicate(err, at, key);
        if (wrong)
            rule_invalid(err, at, key, "%s", wrong);
    }
}

static void node_validate(const json_t *object, struct error *err)
{
    const json_t *drivers = json_at(object, "spec", "drivers"), *driver;
    json_auto_t *seen = json_object();
    LIST_EACH (drivers, i, driver) {
        const struct path *at = PATH_AT(PATH(SPEC, "drivers"), i);
        check_driver_name(err, at, driver, "name");
        if (check_required(err, at, driver, "nodeID", NULL) &&
            strlen(rule_text(driver, "nodeID")) > NODE_ID_MAX)
            rule_invalid(err, PATH(at, "nodeID"), json_object_get(driver, "nodeID"),
                         "must be %d characters or less", NODE_ID_MAX);
        if (json_object_get(seen, rule_text(driver, "name")))
            rule_duplicate(err, PATH(at, "name"), json_object_get(driver, "name"));
        json_object_set_new(seen, rule_text(driver, "name"), json_true());
        check_min(err, PATH(at, "allocatable"), member_object(driver, "allocatable"), "count", 0);
        check_topology_keys(err, at, member_array(driver, "topologyKeys"));
    }
}

static void node_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                 struct error *err)
{
    const json_t *drivers = json_at(object, "spec", "drivers"), *driver;
    (void)subresource;
    node_validate(object, err);
    json_auto_t *before = rule_index(json_at(old, "spec", "drivers"), "name");
    LIST_EACH (drivers, i, driver) {
        const json_t *had = json_object_get(before, rule_text(driver, "name"));
        if (had && !rule_equal(driver, had))
            rule_invalid(err, PATH(NULL, "CSINodeDriver"), driver, RULE_IMMUTABLE);
    }
}

const struct kind_rules kind_csi_nodes = {
    .resource = "csinodes.storage.k8s.io",
    .validate = node_validate,
    .validate_update = node_validate_update,
};

static void capacity_validate(const json_t *object, struct error *err)
{
    check_label_selector(err, PATH(NULL, "nodeTopology"), member_object(object, "nodeTopology"));
    check_name_given(err, NULL, object, "storageClassName", name_check_dns_subdomain);
    if (rule_has(object, "capacity"))
        check_quantity(err, PATH(NULL, "capacity"), json_object_get(object, "capacity"));
    if (rule_has(object, "maximumVolumeSize"))
        check_quantity(err, PATH(NULL, "maximumVolumeSize"),
                       json_object_get(object, "maximumVolumeSize"));
}

static void capacity_validate_update(const json_t *object, const json_t *old,
                                     const char *subresource, struct error *err)
{
    (void)subresource;
    check_immutable(err, NULL, object, old, "nodeTopology");
    check_immutable(err, NULL, object, old, "storageClassName");
}

const struct kind_rules kind_storage_capacities = {
    .resource = "csistoragecapacities.storage.k8s.io",
    .validate = capacity_validate,
    .validate_update = capacity_validate_update,
};
