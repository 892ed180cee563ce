/* What ends a Job: its completions by index, podFailurePolicy and successPolicy. */
#include "base/parse.h"
#include "schema/kinds/job.h"
#include "schema/meta.h"

#define POLICY_RULES_MAX 20
#define EXIT_CODES_MAX   255
#define SUCCEEDED_MAX    65536
#define INDEXES_MANY     100000 /* completions, from where on the next holds */
#define AT_ONCE_MAX      10000
#define WHEN_MANY        " when completions are above 100000 and used with backoff limit per index"

/* One of the values; a missing one is told which there are. */
static void check_choice(struct error *err, const struct path *at, const json_t *object,
                         const char *member, const char *const *allowed)
{
    CLEANUP(buf_free) struct buf detail = BUF_TEXT;
    for (const char *const *value = allowed; *value; value++)
        buf_printf(&detail, "%s\"%s\"", value == allowed ? "valid values: [" : " ", *value);
    buf_add_char(&detail, ']');
    if (check_required(err, at, object, member, detail.data))
        check_enum(err, at, object, member, allowed);
}

bool job_is_indexed(const json_t *spec)
{
    return strcmp(rule_text(spec, "completionMode"), "Indexed") == 0;
}

static bool has_container(const json_t *pod, const char *name)
{
    static const char *const lists[] = {"containers", "initContainers"};
    const json_t *container;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        LIST_EACH (member_array(pod, lists[i]), k, container) {
            if (strcmp(rule_text(container, "name"), name) == 0)
                return true;
        }
    return false;
}

static void check_exit_codes(struct error *err, const struct path *at, const json_t *codes,
                             const json_t *pod)
{
    static const char *const operators[] = {"In", "NotIn", NULL};
    const json_t *container = json_object_get(codes, "containerName");
    const json_t *values = member_array(codes, "values"), *value;
    const struct path *path = PATH(at, "values");
    bool is_in = strcmp(rule_text(codes, "operator"), "In") == 0, ordered = true;
    json_auto_t *seen = json_object();
    check_choice(err, at, codes, "operator", operators);
    if (json_is_string(container) && !has_container(pod, json_string_value(container)))
        rule_invalid(err, PATH(at, "containerName"), container,
                     "must be one of the container or initContainer names in the pod template");
    if (json_array_size(values) == 0)
        rule_invalid(err, path, values, "at least one value is required");
    else if (json_array_size(values) > EXIT_CODES_MAX)
        rule_too_many(err, path, json_array_size(values), EXIT_CODES_MAX);
    LIST_EACH (values, i, value) {
        CLEANUP(free_ptr) char *text = xasprintf("%lld", (long long)json_int_or(value, 0));
        if (is_in && json_int_or(value, 1) == 0)
            rule_invalid(err, PATH_AT(path, i), value, "must not be 0 for the In operator");
        if (rule_seen(seen, text))
            rule_duplicate(err, PATH_AT(path, i), value);
        ordered = ordered &&
                  (!i || json_int_or(value, 0) >= json_int_or(json_array_get(values, i - 1), 0));
    }
    if (!ordered)
        rule_invalid(err, path, values, "must be ordered");
}

static void check_failure_rule(struct error *err, const struct path *at, const json_t *rule,
                               const json_t *spec)
{
    static const char *const actions[] = {"Count", "FailIndex", "FailJob", "Ignore", NULL};
    static const char *const statuses[] = {"False", "True", "Unknown", NULL};
    const json_t *codes = member_object(rule, "onExitCodes"),
                 *conditions = member_array(rule, "onPodConditions"), *item;
    check_choice(err, at, rule, "action", actions);
    if (strcmp(rule_text(rule, "action"), "FailIndex") == 0 &&
        !rule_has(spec, "backoffLimitPerIndex"))
        rule_invalid(err, PATH(at, "action"), json_object_get(rule, "action"),
                     "requires the backoffLimitPerIndex to be set");
    if (codes)
        check_exit_codes(err, PATH(at, "onExitCodes"), codes, json_at(spec, "template", "spec"));
    if (json_array_size(conditions) > POLICY_RULES_MAX)
        rule_too_many(err, PATH(at, "onPodConditions"), json_array_size(conditions),
                      POLICY_RULES_MAX);
    LIST_EACH (conditions, i, item) {
        const struct path *path = PATH_AT(PATH(at, "onPodConditions"), i);
        const char *wrong = name_check_qualified(rule_text(item, "type"));
        if (wrong)
            rule_invalid_text(err, PATH(path, "type"), rule_text(item, "type"), wrong);
        check_choice(err, path, item, "status", statuses);
    }
    if (codes && json_array_size(conditions))
        rule_invalid_bare(err, at,
                          "specifying both OnExitCodes and OnPodConditions is not supported");
    if (!codes && !json_array_size(conditions))
        rule_invalid_bare(err, at, "specifying one of OnExitCodes and OnPodConditions is required");
}

static void check_failure_policy(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *rules = json_at(spec, "podFailurePolicy", "rules"), *rule;
    const struct path *path = PATH(PATH(at, "podFailurePolicy"), "rules");
    if (json_array_size(rules) > POLICY_RULES_MAX)
        rule_too_many(err, path, json_array_size(rules), POLICY_RULES_MAX);
    LIST_EACH (rules, i, rule)
        check_failure_rule(err, PATH_AT(path, i), rule, spec);
}

/* ---- "1,3-5": rising, below the completions ---- */

struct indexes {
    int64_t completions, last, total;
    char *wrong; /* owned; NULL while all is well */
};

static bool read_index(struct indexes *indexes, struct str text, int64_t *out)
{
    if (!parse_i64(text, INT32_MIN, INT32_MAX, out))
        indexes->wrong = xasprintf("cannot convert string to integer for index: \"%.*s\"",
                                   (int)text.len, text.data);
    else if (*out >= indexes->completions)
        indexes->wrong = xasprintf("too large index: \"%.*s\"", (int)text.len, text.data);
    return !indexes->wrong;
}

static bool check_rising(struct indexes *indexes, int64_t previous, int64_t current)
{
    if (previous >= current)
        indexes->wrong = xasprintf("non-increasing order, previous: %lld, current: %lld",
                                   (long long)previous, (long long)current);
    return !indexes->wrong;
}

static bool read_interval(struct indexes *indexes, struct str text)
{
    struct str whole = text, first = str_cut(&text, '-');
    int64_t from, to;
    if (text.data && memchr(text.data, '-', text.len)) {
        indexes->wrong = xasprintf(
            "the fragment \"%.*s\" violates the requirement that an index interval can have at "
            "most two parts separated by '-'",
            (int)whole.len, whole.data);
        return false;
    }
    if (!read_index(indexes, first, &from))
        return false;
    to = from;
    if (text.data && (!read_index(indexes, text, &to) || !check_rising(indexes, from, to)))
        return false;
    if (!check_rising(indexes, indexes->last, from))
        return false;
    indexes->last = to;
    indexes->total += to - from + 1;
    return true;
}

char *job_read_indexes(const char *text, int64_t completions, int64_t *total)
{
    struct indexes indexes = {.completions = completions, .last = INT64_MIN};
    struct str rest = str_of(text);
    while (*text && rest.data && read_interval(&indexes, str_cut(&rest, ',')))
        ;
    *total = indexes.total;
    return indexes.wrong;
}

static void check_success_rule(struct error *err, const struct path *at, const json_t *rule,
                               int64_t completions)
{
    const json_t *count = json_object_get(rule, "succeededCount"),
                 *named = json_object_get(rule, "succeededIndexes");
    int64_t total = 0;
    if (!json_is_integer(count) && !json_is_string(named))
        rule_required(err, at,
                      "at least one of succeededCount or succeededIndexes must be specified");
    check_max_text(err, at, rule, "succeededIndexes", SUCCEEDED_MAX);
    if (json_is_string(named)) {
        CLEANUP(free_ptr)
        char *wrong = job_read_indexes(json_string_value(named), completions, &total);
        if (wrong)
            rule_invalid(err, PATH(at, "succeededIndexes"), named,
                         "error parsing succeededIndexes: %s", wrong);
    }
    check_min(err, at, rule, "succeededCount", 0);
    if (json_int_or(count, 0) > completions)
        rule_invalid(err, PATH(at, "succeededCount"), count,
                     "must be less than or equal to %lld (the number of specified completions)",
                     (long long)completions);
    if (json_is_string(named) && json_int_or(count, 0) > total)
        rule_invalid(err, PATH(at, "succeededCount"), count,
                     "must be less than or equal to %lld (the number of indexes in the specified "
                     "succeededIndexes "
                     "field)",
                     (long long)total);
}

static void check_success_policy(struct error *err, const struct path *above, const json_t *spec)
{
    const json_t *policy = member_object(spec, "successPolicy"),
                 *rules = member_array(policy, "rules"), *rule;
    const struct path *at = PATH(above, "successPolicy"), *path = PATH(at, "rules");
    if (!policy)
        return;
    if (!job_is_indexed(spec)) {
        rule_invalid(err, at, policy, "requires indexed completion mode");
        return;
    }
    if (json_array_size(rules) == 0)
        rule_required(err, path,
                      "at least one rules must be specified when the successPolicy is specified");
    if (json_array_size(rules) > POLICY_RULES_MAX)
        rule_too_many(err, path, json_array_size(rules), POLICY_RULES_MAX);
    LIST_EACH (rules, i, rule)
        check_success_rule(err, PATH_AT(path, i), rule, rule_int(spec, "completions", 0));
}

static void check_most(struct error *err, const struct path *at, const json_t *spec,
                       const char *member, int64_t max, const char *when)
{
    const json_t *value = json_object_get(spec, member);
    if (json_int_or(value, 0) > max)
        rule_invalid(err, PATH(at, member), value, "must be less than or equal to %lld%s",
                     (long long)max, when);
}

static void check_unindexed(struct error *err, const struct path *at, const json_t *spec)
{
    static const char *const members[] = {"backoffLimitPerIndex", "maxFailedIndexes"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (rule_has(spec, members[i]))
            rule_invalid(err, PATH(at, members[i]), json_object_get(spec, members[i]),
                         "requires indexed completion mode");
}

static void check_index_limits(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *failed = json_object_get(spec, "maxFailedIndexes");
    int64_t completions = rule_int(spec, "completions", INT64_MAX);
    bool many = completions > INDEXES_MANY && completions != INT64_MAX &&
                rule_has(spec, "backoffLimitPerIndex");
    if (!job_is_indexed(spec)) {
        check_unindexed(err, at, spec);
        return;
    }
    if (completions == INT64_MAX)
        rule_required(err, PATH(at, "completions"), "when completion mode is Indexed");
    check_most(err, at, spec, "parallelism", INDEXES_MANY, " when completion mode is Indexed");
    if (json_int_or(failed, 0) > completions)
        rule_invalid(err, PATH(at, "maxFailedIndexes"), failed,
                     "must be less than or equal to completions");
    check_most(err, at, spec, "maxFailedIndexes", INDEXES_MANY, "");
    if (!many)
        return;
    if (!rule_has(spec, "maxFailedIndexes"))
        rule_required(err, PATH(at, "maxFailedIndexes"),
                      "must be specified when completions is above 100000");
    check_most(err, at, spec, "parallelism", AT_ONCE_MAX, WHEN_MANY);
    check_most(err, at, spec, "maxFailedIndexes", AT_ONCE_MAX, WHEN_MANY);
}

void check_job_policies(struct error *err, const struct path *at, const json_t *spec)
{
    check_index_limits(err, at, spec);
    check_failure_policy(err, at, spec);
    check_success_policy(err, at, spec);
}
