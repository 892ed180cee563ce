/* Where a Pod may go: node selectors, affinity, tolerations, spreading. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"

static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};

/* How many values an operator takes. */
static const struct operator_row {
    const char *name;
    size_t min, max;
    const char *detail;
} operator_rows[] = {
    {"In", 1, SIZE_MAX, "must be specified when `operator` is 'In' or 'NotIn'"},
    {"NotIn", 1, SIZE_MAX, "must be specified when `operator` is 'In' or 'NotIn'"},
    {"Exists", 0, 0, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"},
    {"DoesNotExist", 0, 0, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"},
    {"Gt", 1, 1, "must be specified single value when `operator` is 'Lt' or 'Gt'"},
    {"Lt", 1, 1, "must be specified single value when `operator` is 'Lt' or 'Gt'"},
};

static void check_node_requirement(struct error *err, const struct path *at,
                                   const json_t *requirement)
{
    const char *op = rule_text(requirement, "operator"), *key = rule_text(requirement, "key");
    size_t count = json_array_size(member_array(requirement, "values"));
    const struct operator_row *row = NULL;
    for (size_t i = 0; i < ARRAY_LEN(operator_rows); i++)
        if (strcmp(operator_rows[i].name, op) == 0)
            row = &operator_rows[i];
    if (!row)
        rule_invalid_text(err, PATH(at, "operator"), op, "not a valid selector operator");
    else if (count > row->max && row->max == 0)
        rule_forbidden(err, PATH(at, "values"), "%s", row->detail);
    else if (count < row->min || count > row->max)
        rule_required(err, PATH(at, "values"), row->detail);
    rule_named(err, PATH(at, "key"), key, name_check_qualified);
}

static void check_field_requirement(struct error *err, const struct path *at,
                                    const json_t *requirement)
{
    const char *op = rule_text(requirement, "operator"), *key = rule_text(requirement, "key");
    const json_t *values = member_array(requirement, "values"), *value;
    if (!rule_one_of(op, (const char *const[]){"In", "NotIn", NULL}))
        rule_invalid_text(err, PATH(at, "operator"), op, "not a valid selector operator");
    else if (json_array_size(values) != 1)
        rule_required(
            err, PATH(at, "values"),
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
    if (strcmp(key, "metadata.name") != 0) {
        rule_invalid_text(err, PATH(at, "key"), key, "not a valid field selector key");
        return;
    }
    LIST_EACH (values, i, value) {
        const char *name = json_string_value(value) ? json_string_value(value) : "";
        rule_named(err, PATH_AT(PATH(at, "values"), i), name, name_check_dns_subdomain);
    }
}

static void check_term(struct error *err, const struct path *at, const json_t *term)
{
    const json_t *item;
    LIST_EACH (member_array(term, "matchExpressions"), i, item)
        check_node_requirement(err, PATH_AT(PATH(at, "matchExpressions"), i), item);
    LIST_EACH (member_array(term, "matchFields"), i, item)
        check_field_requirement(err, PATH_AT(PATH(at, "matchFields"), i), item);
}

void check_node_selector(struct error *err, const struct path *at, const json_t *selector)
{
    const json_t *terms = member_array(selector, "nodeSelectorTerms"), *term;
    const struct path *path = PATH(at, "nodeSelectorTerms");
    if (!selector)
        return;
    if (json_array_size(terms) == 0)
        rule_required(err, path, "must have at least one node selector term");
    LIST_EACH (terms, i, term)
        check_term(err, PATH_AT(path, i), term);
}

static void check_weight(struct error *err, const struct path *at, const json_t *item)
{
    int64_t weight = rule_int(item, "weight", 0);
    if (weight < 1 || weight > 100) {
        json_auto_t *shown = json_integer(weight);
        rule_invalid(err, PATH(at, "weight"), shown, "must be in the range 1-100");
    }
}

static void check_node_affinity(struct error *err, const struct path *at, const json_t *affinity)
{
    static const char preferred[] = "preferredDuringSchedulingIgnoredDuringExecution";
    static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
    const json_t *item;
    check_node_selector(err, PATH(at, required), member_object(affinity, required));
    LIST_EACH (member_array(affinity, preferred), i, item) {
        const struct path *path = PATH_AT(PATH(at, preferred), i);
        check_weight(err, path, item);
        check_term(err, PATH(path, "preference"), member_object(item, "preference"));
    }
}

static void check_keys(struct error *err, const struct path *path, const json_t *keys,
                       const json_t *selector)
{
    const json_t *item;
    if (json_array_size(keys) && !selector) {
        rule_forbidden(err, path, "must not be specified when labelSelector is not set");
        return;
    }
    LIST_EACH (keys, i, item)
        rule_named(err, PATH_AT(path, i), json_string_value(item) ? json_string_value(item) : "",
                   name_check_qualified);
}

/* The selector has an expression of each key already, merged in when the Pod was made: a second one
 * is the user's own. Upstream's path lacks the member. */
static void check_merged_keys(struct error *err, const struct path *at, const json_t *keys,
                              const json_t *selector)
{
    json_auto_t *seen = json_object();
    const json_t *expression;
    const char *label;
    json_t *value;
    if (!selector || json_array_size(keys) == 0)
        return;
    MAP_EACH (member_object(selector, "matchLabels"), label, value)
        (void)rule_seen(seen, label); /* the first */
    LIST_EACH (member_array(selector, "matchExpressions"), i, expression) {
        const char *key = rule_text(expression, "key");
        bool again = rule_seen(seen, key);
        for (size_t k = json_array_size(keys); again && k-- > 0;)
            if (json_is_string(json_array_get(keys, k)) &&
                strcmp(json_string_value(json_array_get(keys, k)), key) == 0) {
                rule_invalid_text(err, PATH_AT(at, k), key,
                                  "exists in both matchLabelKeys and labelSelector");
                break;
            }
    }
}

static void check_label_keys(struct error *err, const struct path *at, const json_t *term)
{
    const json_t *match = member_array(term, "matchLabelKeys"),
                 *mismatch = member_array(term, "mismatchLabelKeys"),
                 *selector = member_object(term, "labelSelector"), *item;
    check_keys(err, PATH(at, "matchLabelKeys"), match, selector);
    check_keys(err, PATH(at, "mismatchLabelKeys"), mismatch, selector);
    check_merged_keys(err, at, match, selector);
    LIST_EACH (match, i, item)
        if (json_is_string(item) && json_array_has_text(mismatch, json_string_value(item)))
            rule_invalid_text(err, PATH_AT(PATH(at, "matchLabelKeys"), i), json_string_value(item),
                              "exists in both matchLabelKeys and mismatchLabelKeys");
}

static void check_affinity_term(struct error *err, const struct path *at, const json_t *term)
{
    const char *key = rule_text(term, "topologyKey");
    const json_t *ns;
    check_label_selector(err, PATH(at, "labelSelector"), member_object(term, "labelSelector"));
    check_label_selector(err, PATH(at, "namespaceSelector"),
                         member_object(term, "namespaceSelector"));
    LIST_EACH (member_array(term, "namespaces"), i, ns) {
        const char *name = json_string_value(ns) ? json_string_value(ns) : "";
        rule_named(err, PATH(at, "namespace"), name, name_check_dns_label);
    }
    check_label_keys(err, at, term);
    if (!*key)
        rule_required(err, PATH(at, "topologyKey"), "can not be empty");
    rule_named(err, PATH(at, "topologyKey"), key, name_check_qualified);
}

/* Adds what the Pod's own labels say of the keys to the term's selector. */
static void merge_keys(json_t *term, const char *member, const json_t *labels, const char *operator)
{
    const json_t *keys = member_array(term, member), *item;
    json_t *selector = json_object_get(term, "labelSelector");
    if (!json_is_object(selector))
        return;
    LIST_EACH (keys, i, item) {
        const char *key = json_string_value(item), *value = key ? json_text(labels, key) : NULL;
        json_t *expressions = json_object_get(selector, "matchExpressions");
        if (!value)
            continue;
        if (!json_is_array(expressions))
            json_object_set_new(selector, "matchExpressions", expressions = json_array());
        json_array_append_new(expressions, json_pack("{s:s,s:s,s:[s]}", "key", key,
                                                     "operator", operator, "values", value));
    }
}

static void merge_term(json_t *term, const json_t *labels)
{
    merge_keys(term, "matchLabelKeys", labels, "In");
    merge_keys(term, "mismatchLabelKeys", labels, "NotIn");
}

void affinity_merge_label_keys(json_t *pod)
{
    static const char *const kinds[] = {"podAffinity", "podAntiAffinity"};
    const json_t *labels = json_at(pod, "metadata", "labels");
    json_t *term;
    for (size_t k = 0; labels && k < ARRAY_LEN(kinds); k++) {
        const json_t *affinity = json_at(pod, "spec", "affinity", kinds[k]);
        LIST_EACH (member_array(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), i,
                   term)
            merge_term(term, labels);
        LIST_EACH (member_array(affinity, "preferredDuringSchedulingIgnoredDuringExecution"), i,
                   term)
            merge_term(json_object_get(term, "podAffinityTerm"), labels);
    }
}

static void check_pod_affinity(struct error *err, const struct path *at, const json_t *affinity)
{
    static const char preferred[] = "preferredDuringSchedulingIgnoredDuringExecution";
    static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
    const json_t *item;
    LIST_EACH (member_array(affinity, required), i, item)
        check_affinity_term(err, PATH_AT(PATH(at, required), i), item);
    LIST_EACH (member_array(affinity, preferred), i, item) {
        const struct path *path = PATH_AT(PATH(at, preferred), i);
        check_weight(err, path, item);
        check_affinity_term(err, PATH(path, "podAffinityTerm"),
                            member_object(item, "podAffinityTerm"));
    }
}

void check_affinity(struct error *err, const struct path *at, const json_t *affinity)
{
    check_node_affinity(err, PATH(at, "nodeAffinity"), member_object(affinity, "nodeAffinity"));
    check_pod_affinity(err, PATH(at, "podAffinity"), member_object(affinity, "podAffinity"));
    check_pod_affinity(err, PATH(at, "podAntiAffinity"),
                       member_object(affinity, "podAntiAffinity"));
}

/* Upstream blames the operator, and says all in one. */
static void check_toleration_value(struct error *err, const struct path *path, const char *value)
{
    const char *faults[NAME_FAULTS_MAX];
    size_t count = name_faults_label_value(value, faults);
    if (count == 0)
        return;
    CLEANUP(free_ptr)
    char *detail = xasprintf("%s%s%s", faults[0], count > 1 ? ";" : "", count > 1 ? faults[1] : "");
    rule_invalid_text(err, path, value, detail);
}

static void check_toleration(struct error *err, const struct path *at, const json_t *toleration)
{
    const char *key = rule_text(toleration, "key"), *op = rule_text(toleration, "operator");
    const char *value = rule_text(toleration, "value"), *effect = rule_text(toleration, "effect");
    static const char *const operators[] = {"Equal", "Exists", NULL};
    check_name(err, at, toleration, "key", name_check_qualified);
    if (!*key && strcmp(op, "Exists") != 0)
        rule_invalid_text(err, PATH(at, "operator"), op,
                          "operator must be Exists when `key` is empty, which means \"match all "
                          "values and all keys\"");
    if (rule_has(toleration, "tolerationSeconds") && strcmp(effect, "NoExecute") != 0)
        rule_invalid_text(err, PATH(at, "effect"), effect,
                          "effect must be 'NoExecute' when `tolerationSeconds` is set");
    if (!*op || strcmp(op, "Equal") == 0)
        check_toleration_value(err, PATH(at, "operator"), value);
    else if (strcmp(op, "Exists") == 0 && *value)
        rule_invalid(err, PATH(at, "operator"), toleration,
                     "value must be empty when `operator` is 'Exists'");
    else
        check_enum(err, at, toleration, "operator", operators);
    check_enum(err, at, toleration, "effect", effects);
}

void check_tolerations(struct error *err, const struct path *path, const json_t *tolerations)
{
    const json_t *toleration;
    LIST_EACH (tolerations, i, toleration)
        check_toleration(err, PATH_AT(path, i), toleration);
}

static bool selects_key(const json_t *selector, const char *key)
{
    const json_t *item;
    if (json_at(selector, "matchLabels", key))
        return true;
    LIST_EACH (member_array(selector, "matchExpressions"), i, item)
        if (strcmp(rule_text(item, "key"), key) == 0)
            return true;
    return false;
}

static void check_spread_keys(struct error *err, const struct path *path, const json_t *constraint)
{
    const json_t *keys = member_array(constraint, "matchLabelKeys"), *item,
                 *selector = member_object(constraint, "labelSelector");
    if (json_array_size(keys) && !selector)
        rule_forbidden(err, path, "must not be specified when labelSelector is not set");
    LIST_EACH (keys, i, item) {
        const char *key = json_string_value(item) ? json_string_value(item) : "";
        rule_named(err, PATH_AT(path, i), key, name_check_qualified);
        if (selects_key(selector, key))
            rule_invalid_text(err, PATH_AT(path, i), key,
                              "exists in both matchLabelKeys and labelSelector");
    }
}

/* `again`: how the constraint is told when a later one is like it; NULL: none is. */
static void check_constraint(struct error *err, const struct path *at, const json_t *constraint,
                             const char *again)
{
    static const char *const actions[] = {"DoNotSchedule", "ScheduleAnyway", NULL};
    static const char *const policies[] = {"Honor", "Ignore", NULL};
    const json_t *skew = json_object_get(constraint, "maxSkew"),
                 *domains = json_object_get(constraint, "minDomains");
    if (json_int_or(skew, 0) <= 0) {
        json_auto_t *shown = json_integer(json_int_or(skew, 0));
        rule_invalid(err, PATH(at, "maxSkew"), shown, "must be greater than zero");
    }
    if (!*rule_text(constraint, "topologyKey"))
        rule_required(err, PATH(at, "topologyKey"), "can not be empty");
    check_enum_given(err, at, constraint, "whenUnsatisfiable", actions);
    if (again) {
        json_auto_t *shown = json_string(again);
        rule_duplicate(err, PATH(at, "{topologyKey, whenUnsatisfiable}"), shown);
    }
    if (json_is_integer(domains) && json_integer_value(domains) <= 0)
        rule_invalid(err, PATH(at, "minDomains"), domains, "must be greater than zero");
    if (json_is_integer(domains) &&
        strcmp(rule_text(constraint, "whenUnsatisfiable"), "DoNotSchedule") != 0)
        rule_invalid(err, PATH(at, "minDomains"), domains,
                     "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not %s",
                     rule_text(constraint, "whenUnsatisfiable"));
    check_enum(err, at, constraint, "nodeAffinityPolicy", policies);
    check_enum(err, at, constraint, "nodeTaintsPolicy", policies);
    check_spread_keys(err, PATH(at, "matchLabelKeys"), constraint);
    check_label_selector(err, PATH(at, "labelSelector"),
                         member_object(constraint, "labelSelector"));
}

/* What makes a constraint itself; owned. */
static char *constraint_id(const json_t *constraint)
{
    return xasprintf("{%s, %s}", rule_text(constraint, "topologyKey"),
                     rule_text(constraint, "whenUnsatisfiable"));
}

void check_spread_constraints(struct error *err, const struct path *path, const json_t *constraints)
{
    const json_t *constraint;
    json_auto_t *last = json_object(); /* where each stands for the last time */
    LIST_EACH (constraints, i, constraint) {
        CLEANUP(free_ptr) char *id = constraint_id(constraint);
        json_object_set_new(last, id, json_integer((json_int_t)i));
    }
    LIST_EACH (constraints, i, constraint) {
        CLEANUP(free_ptr) char *id = constraint_id(constraint);
        bool again = json_int_or(json_object_get(last, id), 0) > (int64_t)i;
        check_constraint(err, PATH_AT(path, i), constraint, again ? id : NULL);
    }
}
