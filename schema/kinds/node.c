/* Nodes: taints, Pod ranges that are set once, sizes. */
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SPEC PATH(NULL, "spec")

static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};

static void check_taint(struct error *err, const struct path *at, const json_t *taint)
{
    const char *wrong = name_check_label_value(rule_text(taint, "value"));
    rule_named(err, PATH(at, "key"), rule_text(taint, "key"), name_check_qualified);
    if (wrong)
        rule_invalid_text(err, PATH(at, "value"), rule_text(taint, "value"), wrong);
    check_enum_required(err, at, taint, "effect", effects);
}

void check_taints(struct error *err, const struct path *path, const json_t *taints)
{
    const json_t *taint;
    json_auto_t *seen = rule_set(taints);
    LIST_EACH (taints, i, taint) {
        CLEANUP(free_ptr)
        char *id = xasprintf("%s %s", rule_text(taint, "key"), rule_text(taint, "effect"));
        check_taint(err, PATH_AT(path, i), taint);
        if (rule_seen(seen, id))
            rule_duplicate_told(err, PATH_AT(path, i), taint,
                                "taints must be unique by key and effect pair");
    }
}

static void set_defaults(json_t *object)
{
    json_t *status = member_object(object, "status");
    json_t *capacity = member_object(status, "capacity");
    if (capacity && !rule_has(status, "allocatable"))
        json_object_set_new(status, "allocatable", json_deep_copy(capacity));
    resource_list_defaults(capacity);
    resource_list_defaults(member_object(status, "allocatable"));
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static void check_amounts(struct error *err, const struct path *path, const json_t *list)
{
    const char *key;
    json_t *value;
    MAP_EACH (list, key, value)
        check_resource_amount(err, PATH(path, key), key, value); /* sic: as if it were a member */
}

static void check_cidrs(struct error *err, const json_t *spec)
{
    const json_t *cidrs = member_array(spec, "podCIDRs"), *item;
    const struct path *path = PATH(SPEC, "podCIDRs");
    json_auto_t *seen = rule_set(cidrs);
    LIST_EACH (cidrs, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "",
                   *wrong = value_check_cidr(text);
        if (wrong)
            rule_invalid_text(err, PATH_AT(path, i), text, wrong);
    }
    if (json_array_size(cidrs) > 1 && !value_is_dual_stack(cidrs))
        rule_invalid_list(err, path, "string", cidrs,
                          "may specify no more than one CIDR for each IP family");
    LIST_EACH (cidrs, i, item) {
        if (json_is_string(item) && rule_seen(seen, json_string_value(item)))
            rule_duplicate(err, PATH_AT(path, i), item);
    }
}

static void validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"),
                 *status = json_object_get(object, "status");
    const struct path *at = PATH(NULL, "status");
    check_taints(err, PATH(PATH(NULL, "metadata"), "taints"),
                 member_array(spec, "taints")); /* sic */
    check_amounts(err, PATH(at, "capacity"), member_object(status, "capacity"));
    check_amounts(err, PATH(at, "allocatable"), member_object(status, "allocatable"));
    check_cidrs(err, spec);
}

/* From nothing to something, and never again. */
static void check_set_once(struct error *err, const json_t *spec, const json_t *before,
                           const char *member, const char *detail)
{
    if (rule_filled(before, member) &&
        !rule_equal(json_object_get(spec, member), json_object_get(before, member)))
        rule_forbidden(err, PATH(SPEC, member), "%s", detail);
}

static void check_addresses(struct error *err, const json_t *addresses)
{
    const struct path *path = PATH(PATH(NULL, "status"), "addresses");
    const json_t *address;
    json_auto_t *seen = json_object();
    LIST_EACH (addresses, i, address) {
        CLEANUP(free_ptr)
        char *id = xasprintf("%s %s", rule_text(address, "type"), rule_text(address, "address"));
        if (rule_seen(seen, id))
            rule_duplicate(err, PATH_AT(path, i), address);
    }
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    (void)subresource;
    validate(object, err);
    check_addresses(err, json_at(object, "status", "addresses"));
    check_set_once(err, spec, before, "podCIDRs",
                   "node updates may not change podCIDR except from \"\" to valid");
    check_set_once(err, spec, before, "providerID",
                   "node updates may not change providerID except from \"\" to valid");
}

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    add(arg, "spec.unschedulable",
        json_is_true(json_at(object, "spec", "unschedulable")) ? "true" : "false");
}

const struct kind_rules kind_nodes = {
    .resource = "nodes",
    .set_defaults = set_defaults,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .index = index_fields,
};
