/* Jobs: completions, failure and success policies, and what may change while a Job is suspended. */
#include "schema/kinds/job.h"
#include "schema/meta.h"

#define SPEC              PATH(NULL, "spec")
#define PARALLELISM_MAX   100000
#define INDEX_MAX         100000
#define POLICY_RULES_MAX  20
#define EXIT_CODES_MAX    255
#define SUCCESS_RULES_MAX 20

static bool is_indexed(const json_t *spec)
{
    return strcmp(rule_text(spec, "completionMode"), "Indexed") == 0;
}

void job_spec_defaults(json_t *spec)
{
    json_t *rule, *pattern;
    if (!spec)
        return;
    if (!rule_has(spec, "completions") && !rule_has(spec, "parallelism"))
        default_int(spec, "completions", 1);
    default_int(spec, "parallelism", 1);
    default_int(spec, "backoffLimit", rule_has(spec, "backoffLimitPerIndex") ? INT32_MAX : 6);
    default_text(spec, "completionMode", "NonIndexed");
    default_bool(spec, "suspend", false);
    default_text(spec, "podReplacementPolicy", rule_has(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed");
    LIST_EACH (json_at(spec, "podFailurePolicy", "rules"), i, rule) {
        LIST_EACH (member_array(rule, "onPodConditions"), k, pattern)
            default_text(pattern, "status", "True");
    }
    pod_template_defaults(spec);
}

static void set_defaults(json_t *object)
{
    json_t *labels = json_at(object, "spec", "template", "metadata", "labels");
    json_t *meta = json_object_size(labels) ? json_ensure_object(object, "metadata") : NULL;
    if (meta && !rule_filled(meta, "labels"))
        json_object_set_new(meta, "labels", json_deep_copy(labels));
    job_spec_defaults(member_object(object, "spec"));
    default_bool(member_object(object, "spec"), "manualSelector", false);
}

static void label_unless_set(json_t *labels, const char *key, const char *value)
{
    if (!json_object_get(labels, key))
        json_object_set_new(labels, key, json_string(value));
}

/* The selector that nobody has to write: by the Job's uid. */
static void generate_selector(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    json_t *template = spec ? json_ensure_object(spec, "template") : NULL;
    json_t *labels = template ? json_ensure_object(json_ensure_object(template, "metadata"), "labels") : NULL;
    if (!spec || rule_bool(spec, "manualSelector"))
        return;
    label_unless_set(labels, "batch.kubernetes.io/job-name", meta_name(object));
    label_unless_set(labels, "job-name", meta_name(object));
    label_unless_set(labels, "batch.kubernetes.io/controller-uid", meta_uid(object));
    label_unless_set(labels, "controller-uid", meta_uid(object));
    json_t *match = json_ensure_object(json_ensure_object(spec, "selector"), "matchLabels");
    label_unless_set(match, "batch.kubernetes.io/controller-uid", meta_uid(object));
}

static void prepare_create(json_t *object)
{
    strategy_status_create(object);
    generate_selector(object);
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static void check_exit_codes(struct error *err, const struct path *at, const json_t *codes)
{
    static const char *const operators[] = {"In", "NotIn", NULL};
    const json_t *values = member_array(codes, "values"), *value;
    const struct path *path = PATH(at, "values");
    bool is_in = strcmp(rule_text(codes, "operator"), "In") == 0;
    check_enum_required(err, at, codes, "operator", operators);
    if (json_array_size(values) == 0)
        rule_invalid(err, path, values, "at least one value is required");
    else if (json_array_size(values) > EXIT_CODES_MAX)
        rule_too_many(err, path, json_array_size(values), EXIT_CODES_MAX);
    LIST_EACH (values, i, value) {
        if (is_in && json_int_or(value, 1) == 0)
            rule_invalid(err, PATH_AT(path, i), value, "must not be 0 for the In operator");
        if (i && json_equal(value, json_array_get(values, i - 1)))
            rule_duplicate(err, PATH_AT(path, i), value);
        else if (i && json_int_or(value, 0) < json_int_or(json_array_get(values, i - 1), 0))
            rule_invalid(err, path, values, "must be ordered");
    }
}

static void check_failure_rule(struct error *err, const struct path *at, const json_t *rule, const json_t *spec)
{
    static const char *const actions[] = {"Count", "FailIndex", "FailJob", "Ignore", NULL};
    static const char *const statuses[] = {"False", "True", "Unknown", NULL};
    const json_t *codes = member_object(rule, "onExitCodes"), *conditions = member_array(rule, "onPodConditions"),
                 *item;
    check_enum_required(err, at, rule, "action", actions);
    if (strcmp(rule_text(rule, "action"), "FailIndex") == 0 && !rule_has(spec, "backoffLimitPerIndex"))
        rule_invalid(err, PATH(at, "action"), json_object_get(rule, "action"),
                     "requires the backoffLimitPerIndex to be set");
    if (codes)
        check_exit_codes(err, PATH(at, "onExitCodes"), codes);
    if (json_array_size(conditions) > POLICY_RULES_MAX)
        rule_too_many(err, PATH(at, "onPodConditions"), json_array_size(conditions), POLICY_RULES_MAX);
    LIST_EACH (conditions, i, item) {
        const struct path *path = PATH_AT(PATH(at, "onPodConditions"), i);
        check_name_required(err, path, item, "type", name_check_qualified);
        check_enum_required(err, path, item, "status", statuses);
    }
    if (codes && json_array_size(conditions))
        rule_invalid(err, at, NULL, "specifying both OnExitCodes and OnPodConditions is not supported");
    if (!codes && !json_array_size(conditions))
        rule_invalid(err, at, NULL, "specifying one of OnExitCodes and OnPodConditions is required");
}

static void check_failure_policy(struct error *err, const json_t *spec)
{
    const json_t *rules = json_at(spec, "podFailurePolicy", "rules"), *rule;
    const struct path *path = PATH(PATH(SPEC, "podFailurePolicy"), "rules");
    if (json_array_size(rules) > POLICY_RULES_MAX)
        rule_too_many(err, path, json_array_size(rules), POLICY_RULES_MAX);
    LIST_EACH (rules, i, rule)
        check_failure_rule(err, PATH_AT(path, i), rule, spec);
}

static void check_success_policy(struct error *err, const json_t *spec)
{
    const json_t *policy = member_object(spec, "successPolicy"), *rules = member_array(policy, "rules"), *rule;
    const struct path *at = PATH(SPEC, "successPolicy"), *path = PATH(at, "rules");
    if (!policy)
        return;
    if (!is_indexed(spec))
        rule_invalid(err, at, policy, "requires indexed completion mode");
    if (json_array_size(rules) == 0)
        rule_required(err, path, "at least one rules must be specified when the successPolicy is specified");
    if (json_array_size(rules) > SUCCESS_RULES_MAX)
        rule_too_many(err, path, json_array_size(rules), SUCCESS_RULES_MAX);
    LIST_EACH (rules, i, rule) {
        if (!rule_has(rule, "succeededCount") && !rule_has(rule, "succeededIndexes"))
            rule_required(err, PATH_AT(path, i),
                          "at least one of succeededCount or succeededIndexes must be specified");
        check_min(err, PATH_AT(path, i), rule, "succeededCount", 0);
        check_max_text(err, PATH_AT(path, i), rule, "succeededIndexes", 65536);
    }
}

static void check_index_limits(struct error *err, const json_t *spec)
{
    const json_t *failed = json_object_get(spec, "maxFailedIndexes"),
                 *completions = json_object_get(spec, "completions");
    const json_t *parallelism = json_object_get(spec, "parallelism");
    if (!is_indexed(spec)) {
        check_forbidden(err, SPEC, spec, "backoffLimitPerIndex", "requires indexed completion mode");
        check_forbidden(err, SPEC, spec, "maxFailedIndexes", "requires indexed completion mode");
        return;
    }
    if (!json_is_integer(completions))
        rule_required(err, PATH(SPEC, "completions"), "when completion mode is Indexed");
    if (json_int_or(parallelism, 0) > PARALLELISM_MAX)
        rule_invalid(err, PATH(SPEC, "parallelism"), parallelism,
                     "must be less than or equal to %d when completion mode is Indexed", PARALLELISM_MAX);
    if (json_is_integer(failed) && json_integer_value(failed) > INDEX_MAX)
        rule_invalid(err, PATH(SPEC, "maxFailedIndexes"), failed, "must be less than or equal to %d", INDEX_MAX);
    if (json_is_integer(failed) && json_integer_value(failed) > json_int_or(completions, INT32_MAX))
        rule_invalid(err, PATH(SPEC, "maxFailedIndexes"), failed, "must be less than or equal to completions");
    if (json_is_integer(failed) && !rule_has(spec, "backoffLimitPerIndex"))
        rule_required(err, PATH(SPEC, "backoffLimitPerIndex"), "when maxFailedIndexes is specified");
}

static void check_restart_policy(struct error *err, const struct path *at, const json_t *spec)
{
    static const char *const policies[] = {"Never", "OnFailure", NULL};
    const json_t *pod = json_at(spec, "template", "spec");
    const struct path *path = PATH(PATH(at, "template"), "spec");
    const char *policy = rule_text(pod, "restartPolicy");
    if (strcmp(policy, "Always") == 0 || !*policy)
        rule_required(err, PATH(path, "restartPolicy"), "valid values: \"OnFailure\", \"Never\"");
    else
        check_enum(err, path, pod, "restartPolicy", policies);
    if (rule_has(spec, "podFailurePolicy") && strcmp(policy, "Never") != 0)
        rule_invalid(err, PATH(path, "restartPolicy"), json_object_get(pod, "restartPolicy"),
                     "only \"Never\" is supported when podFailurePolicy is specified");
}

void check_job_spec(struct error *err, const struct path *at, const json_t *spec)
{
    static const char *const numbers[] = {
        "parallelism",          "completions",     "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
        "backoffLimitPerIndex", "maxFailedIndexes"};
    static const char *const modes[] = {"Indexed", "NonIndexed", NULL};
    static const char *const replacements[] = {"Failed", "TerminatingOrFailed", NULL};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        check_min(err, at, spec, numbers[i], 0);
    check_enum(err, at, spec, "completionMode", modes);
    check_index_limits(err, spec);
    check_failure_policy(err, spec);
    check_success_policy(err, spec);
    check_pod_template(err, PATH(at, "template"), member_object(spec, "template"));
    check_restart_policy(err, at, spec);
    check_enum(err, at, spec, "podReplacementPolicy", replacements);
    if (rule_has(spec, "podFailurePolicy") && strcmp(rule_text(spec, "podReplacementPolicy"), "Failed") != 0)
        rule_not_supported(err, PATH(at, "podReplacementPolicy"), json_object_get(spec, "podReplacementPolicy"),
                           (const char *const[]){"Failed", NULL});
    check_name(err, at, spec, "managedBy", value_check_domain_path);
}

static void check_selector(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *selector = member_object(spec, "selector");
    const json_t *labels = json_at(spec, "template", "metadata", "labels");
    if (!selector) {
        rule_required(err, PATH(SPEC, "selector"), NULL);
        return;
    }
    check_label_selector(err, PATH(SPEC, "selector"), selector);
    if (!rule_selects(selector, labels)) {
        CLEANUP(free_ptr) char *shown = rule_map_go(labels);
        rule_invalid_raw(err, PATH(PATH(PATH(SPEC, "template"), "metadata"), "labels"), shown,
                         "`selector` does not match template `labels`");
    }
}

static void validate(const json_t *object, struct error *err)
{
    check_selector(object, err);
    check_job_spec(err, SPEC, json_object_get(object, "spec"));
}

/* Suspended and never started: its template's placement may still change. */
static bool may_be_placed(const json_t *old)
{
    return json_is_true(json_at(old, "spec", "suspend")) && !rule_has(json_object_get(old, "status"), "startTime");
}

static bool template_fits(const json_t *now, const json_t *before)
{
    static const char *const open[] = {"nodeSelector", "affinity", "tolerations", "schedulingGates", NULL};
    const json_t *spec = json_object_get(now, "spec"), *old = json_object_get(before, "spec");
    const json_t *sides[] = {spec, old};
    const char *key;
    json_t *value;
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        MAP_EACH (sides[i], key, value) {
            if (!rule_one_of(key, open) && !rule_equal(value, json_object_get(sides[1 - i], key)))
                return false;
        }
    }
    return true;
}

static void check_completions_update(const json_t *spec, const json_t *before, struct error *err)
{
    const json_t *now = json_object_get(spec, "completions"), *parallelism = json_object_get(spec, "parallelism");
    if (rule_equal(now, json_object_get(before, "completions")))
        return;
    if (!is_indexed(spec))
        rule_invalid(err, PATH(SPEC, "completions"), now, RULE_IMMUTABLE);
    else if (!json_is_integer(now) || !json_equal(now, parallelism))
        rule_invalid(err, PATH(SPEC, "completions"), now, "can only be modified in tandem with parallelism");
}

static void validate_status(const json_t *object, const json_t *old, struct error *err)
{
    static const char *const counts[] = {"active", "succeeded", "failed", "ready", "terminating"};
    const json_t *status = json_object_get(object, "status"), *before = json_object_get(old, "status");
    const struct path *at = PATH(NULL, "status");
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        check_min(err, at, status, counts[i], 0);
    if (rule_has(before, "completionTime"))
        check_immutable(err, at, status, before, "completionTime");
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource, struct error *err)
{
    static const char *const fixed[] = {"completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy",
                                        "successPolicy"};
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    const json_t *template = json_object_get(spec, "template"), *old_template = json_object_get(before, "template");
    if (is_sub(subresource, "status")) {
        validate_status(object, old, err);
        return;
    }
    validate(object, err);
    check_completions_update(spec, before, err);
    check_selector_immutable(err, PATH(SPEC, "selector"), json_object_get(spec, "selector"),
                             json_object_get(before, "selector"));
    if (may_be_placed(old) ? !template_fits(template, old_template) : !rule_equal(template, old_template))
        rule_invalid(err, PATH(SPEC, "template"), template, RULE_IMMUTABLE);
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        check_immutable(err, SPEC, spec, before, fixed[i]);
}

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    CLEANUP(free_ptr) char *succeeded = xasprintf("%lld", (long long)json_int_or(json_at(object, "status", "succeeded"), 0));
    add(arg, "status.successful", succeeded);
}

const struct kind_rules kind_jobs = {
    .resource = "jobs.batch",
    .set_defaults = set_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .index = index_fields,
    .has_generation = true,
};
