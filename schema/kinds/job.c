/* Jobs: their selector, and what may change while a Job is suspended. */
#include "schema/kinds/job.h"
#include "schema/meta.h"

#define SPEC           PATH(NULL, "spec")
#define MANAGED_BY_MAX 63

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
    default_text(spec, "podReplacementPolicy",
                 rule_has(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed");
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
    json_t *labels =
        template ? json_ensure_object(json_ensure_object(template, "metadata"), "labels") : NULL;
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

static void check_restart_policy(struct error *err, const struct path *at, const json_t *spec)
{
    static const char *const policies[] = {"OnFailure", "Never", NULL};
    const json_t *pod = json_at(spec, "template", "spec");
    const struct path *path = PATH(PATH(at, "template"), "spec");
    const char *policy = rule_text(pod, "restartPolicy");
    if (strcmp(policy, "Always") == 0 || !*policy)
        rule_required(err, PATH(path, "restartPolicy"), "valid values: \"OnFailure\", \"Never\"");
    else if (!rule_one_of(policy, policies))
        check_enum(err, path, pod, "restartPolicy", policies);
    else if (rule_has(spec, "podFailurePolicy") && strcmp(policy, "Never") != 0)
        rule_invalid(err, PATH(path, "restartPolicy"), json_object_get(pod, "restartPolicy"),
                     "only \"Never\" is supported when podFailurePolicy is specified");
}

void check_job_spec(struct error *err, const struct path *at, const json_t *spec)
{
    static const char *const numbers[] = {"parallelism",
                                          "completions",
                                          "activeDeadlineSeconds",
                                          "backoffLimit",
                                          "ttlSecondsAfterFinished",
                                          "backoffLimitPerIndex",
                                          "maxFailedIndexes"};
    static const char *const modes[] = {"NonIndexed", "Indexed", NULL};
    static const char *const replacements[] = {"Failed", "TerminatingOrFailed", NULL};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        check_min(err, at, spec, numbers[i], 0);
    if (rule_has(spec, "maxFailedIndexes") && !rule_has(spec, "backoffLimitPerIndex"))
        rule_required(err, PATH(at, "backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    if (rule_has(spec, "managedBy")) {
        check_domain_path(err, at, spec, "managedBy");
        check_max_text(err, at, spec, "managedBy", MANAGED_BY_MAX);
    }
    check_enum(err, at, spec, "completionMode", modes);
    check_job_policies(err, at, spec);
    check_enum(err, at, spec, "podReplacementPolicy",
               rule_has(spec, "podFailurePolicy") ? (const char *const[]){"Failed", NULL}
                                                  : replacements);
    check_pod_template(err, PATH(at, "template"), member_object(spec, "template"));
    check_restart_policy(err, at, spec);
}

/* A label that the server sets, and that the client has not set otherwise. */
static void check_own_label(struct error *err, const json_t *labels, const char *key,
                            const char *value)
{
    const struct path *path =
        PATH_KEY(PATH(PATH(PATH(SPEC, "template"), "metadata"), "labels"), key);
    const char *actual = json_string_value(json_object_get(labels, key));
    if (!actual || strcmp(actual, value) == 0)
        return;
    CLEANUP(free_ptr) char *shown = rule_map_go(labels);
    CLEANUP(free_ptr) char *detail = xasprintf("must be '%s'", value);
    rule_invalid_raw(err, path, shown, detail);
}

/* Unless it is manual, the selector is what the server makes of it. */
static void check_generated_selector(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"),
                 *selector = member_object(spec, "selector");
    const struct {
        const char *key, *value;
    } rows[] = {{"controller-uid", meta_uid(object)},
                {"job-name", meta_name(object)},
                {"batch.kubernetes.io/controller-uid", meta_uid(object)},
                {"batch.kubernetes.io/job-name", meta_name(object)}};
    json_auto_t *expected = json_object();
    if (rule_bool(spec, "manualSelector") || !selector)
        return;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_own_label(err, json_at(spec, "template", "metadata", "labels"), rows[i].key,
                        rows[i].value);
        json_set_text(expected, rows[i].key, rows[i].value);
    }
    if (!selector_is_readable(selector) || rule_selects(selector, expected))
        return;
    CLEANUP(free_ptr) char *shown = rule_selector_go(selector);
    rule_invalid_raw(err, PATH(SPEC, "selector"), shown, "`selector` not auto-generated");
}

static void check_selector(const json_t *spec, struct error *err)
{
    const json_t *selector = member_object(spec, "selector");
    const json_t *labels = json_at(spec, "template", "metadata", "labels");
    if (!selector)
        rule_required(err, PATH(SPEC, "selector"), NULL);
    check_label_selector(err, PATH(SPEC, "selector"), selector);
    if (selector_is_readable(selector) && !rule_selects(selector, labels)) {
        CLEANUP(free_ptr) char *shown = rule_map_go(labels);
        rule_invalid_raw(err, PATH(PATH(PATH(SPEC, "template"), "metadata"), "labels"), shown,
                         "`selector` does not match template `labels`");
    }
}

/* The last Pod's host name is the Job's name and its index. */
static void check_last_hostname(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    int64_t completions = rule_int(spec, "completions", 0);
    CLEANUP(free_ptr)
    char *last = xasprintf("%s-%lld", meta_name(object), (long long)completions - 1);
    if (job_is_indexed(spec) && completions > 0 && *meta_name(object) &&
        name_check_dns_label(last)) {
        CLEANUP(free_ptr)
        char *detail = xasprintf("will not able to create pod with invalid DNS label: %s", last);
        rule_invalid_text(err, PATH(PATH(NULL, "metadata"), "name"), meta_name(object), detail);
    }
}

static void validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    check_generated_selector(object, err);
    check_job_spec(err, SPEC, spec);
    check_selector(spec, err);
    check_last_hostname(object, err);
}

/* Suspended and never started: its template's placement may still change. */
static bool may_be_placed(const json_t *old)
{
    return json_is_true(json_at(old, "spec", "suspend")) &&
           !rule_has(json_object_get(old, "status"), "startTime");
}

static bool template_fits(const json_t *now, const json_t *before)
{
    static const char *const placed[] = {"nodeSelector", "affinity", "tolerations",
                                         "schedulingGates", NULL};
    static const char *const affinity[] = {"nodeAffinity", NULL};
    const json_t *spec = json_object_get(now, "spec"), *old = json_object_get(before, "spec");
    return rule_same_except(spec, old, placed) &&
           rule_same_except(json_object_get(spec, "affinity"), json_object_get(old, "affinity"),
                            affinity);
}

static void check_completions_update(const json_t *spec, const json_t *before, struct error *err)
{
    const json_t *now = json_object_get(spec, "completions"),
                 *parallelism = json_object_get(spec, "parallelism");
    if (rule_equal(now, json_object_get(before, "completions")))
        return;
    if (!job_is_indexed(spec))
        rule_invalid(err, PATH(SPEC, "completions"), now, RULE_IMMUTABLE);
    else if (json_is_integer(now) && !json_equal(now, parallelism))
        rule_invalid(err, PATH(SPEC, "completions"), now,
                     "can only be modified in tandem with spec.parallelism");
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    static const char *const fixed[] = {"completionMode", "podFailurePolicy",
                                        "backoffLimitPerIndex", "managedBy", "successPolicy"};
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    const json_t *template = json_object_get(spec, "template"),
                 *old_template = json_object_get(before, "template");
    if (is_sub(subresource, "status")) {
        check_job_status(object, old, err);
        return;
    }
    check_job_spec(err, SPEC, spec);
    check_selector(spec, err);
    check_completions_update(spec, before, err);
    check_selector_immutable(err, PATH(SPEC, "selector"), json_object_get(spec, "selector"),
                             json_object_get(before, "selector"));
    if (may_be_placed(old) ? !template_fits(template, old_template)
                           : !rule_equal(template, old_template))
        rule_invalid(err, PATH(SPEC, "template"), template, RULE_IMMUTABLE);
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        check_immutable(err, SPEC, spec, before, fixed[i]);
}

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    CLEANUP(free_ptr)
    char *succeeded =
        xasprintf("%lld", (long long)json_int_or(json_at(object, "status", "succeeded"), 0));
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
