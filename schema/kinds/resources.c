/* Resource names and amounts: what containers, quotas, nodes and volumes count in. */
#include "schema/kinds/kinds.h"
#include "schema/meta.h"
#include "base/quantity.h"

void resource_list_defaults(json_t *list)
{
    char text[QUANTITY_TEXT_SIZE];
    const char *key;
    json_t *value;
    json_object_foreach (list, key, value) {
        const char *given = json_string_value(value);
        if (given && quantity_canonical_milli(str_of(given), text) && strcmp(given, text) != 0)
            json_object_set_new(list, key, json_string(text));
    }
}

void resources_defaults(json_t *parent)
{
    json_t *resources = member_object(parent, "resources");
    resource_list_defaults(member_object(resources, "limits"));
    resource_list_defaults(member_object(resources, "requests"));
}

bool check_quantity(struct error *err, const struct path *path, const json_t *value)
{
    struct quantity quantity;
    const char *text = json_string_value(value);
    if (!text || !quantity_parse(str_of(text), &quantity)) {
        rule_invalid(err, path, value, "must be a quantity");
        return false;
    }
    if (quantity.nano >= 0)
        return true;
    rule_invalid(err, path, value, RULE_NOT_NEGATIVE);
    return false;
}

static const char *const integer_names[] = {
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
    NULL,
};

void check_resource_amount(struct error *err, const struct path *path, const char *name,
                           const json_t *value)
{
    struct quantity quantity;
    bool whole = rule_one_of(name, integer_names) || resource_is_extended(name);
    if (check_quantity(err, path, value) && whole &&
        quantity_parse(str_of(json_string_value(value)), &quantity) &&
        quantity_milli(&quantity) % 1000)
        rule_invalid_raw(err, path, json_string_value(value), "must be an integer");
}

static const char *const standard_names[] = {
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
    "storage",
    "requests.storage",
    NULL,
};

static const char *check_standard(const char *name)
{
    if (strchr(name, '/') || rule_one_of(name, standard_names) || resource_is_hugepages(name) ||
        text_starts(name, "requests.hugepages-"))
        return NULL;
    return "must be a standard resource type or fully qualified";
}

const char *resource_name_check(const char *name)
{
    const char *wrong = name_check_qualified(name);
    return wrong ? wrong : check_standard(name);
}

void check_resource_name(struct error *err, const struct path *path, const char *name)
{
    if (name_check_qualified(name))
        rule_named(err, path, name, name_check_qualified);
    else
        rule_named(err, path, name, check_standard);
}

bool resource_is_hugepages(const char *name)
{
    return text_starts(name, "hugepages-");
}

bool resource_is_extended(const char *name)
{
    const char *slash = strchr(name, '/');
    if (!slash || text_starts(name, "requests."))
        return false;
    size_t len = (size_t)(slash - name);
    bool native = len >= 13 && strncmp(slash - 13, "kubernetes.io", 13) == 0;
    return !native;
}
