#include "controllers/job_failure.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "schema/meta.h"

/* The status of the first container that ended with a code that the requirement wants; NULL. */
static const json_t *match_exit_code(const json_t *wanted, const json_t *pod)
{
    const json_t *lists[] = {json_at(pod, "status", "containerStatuses"),
                             json_at(pod, "status", "initContainerStatuses")};
    const json_t *values = json_object_get(wanted, "values");
    const char *name = json_text(wanted, "containerName");
    bool in = text_eq(json_text(wanted, "operator"), "In");
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; i < json_array_size(lists[l]); i++) {
            const json_t *status = json_array_get(lists[l], i);
            int64_t code = json_int_or(json_at(status, "state", "terminated", "exitCode"), 0);
            bool found = false;
            if (!code || (name && !text_eq(json_text(status, "name"), name)))
                continue;
            for (size_t v = 0; v < json_array_size(values); v++)
                found = found || json_int_or(json_array_get(values, v), 0) == code;
            if (found == in)
                return status;
        }
    return NULL;
}

/* The type of the first condition that one of the patterns wants; NULL. */
static const char *match_condition(const json_t *patterns, const json_t *pod)
{
    const json_t *conditions = json_at(pod, "status", "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        const char *type = json_text(condition, "type"), *status = json_text(condition, "status");
        for (size_t p = 0; p < json_array_size(patterns); p++) {
            const json_t *pattern = json_array_get(patterns, p);
            const char *wanted = json_text(pattern, "status");
            if (text_eq(json_text(pattern, "type"), type) &&
                text_eq(wanted ? wanted : "True", status))
                return type;
        }
    }
    return NULL;
}

/* What the rule saw, in upstream's words; NULL when it does not match. */
static char *match_rule(const json_t *rule, size_t index, const json_t *pod)
{
    const char *action = json_text(rule, "action");
    const json_t *codes = json_object_get(rule, "onExitCodes");
    const json_t *status = codes ? match_exit_code(codes, pod) : NULL;
    if (status)
        return xasprintf(
            "Container %s for pod %s/%s failed with exit code %lld matching %s rule "
            "at index %zu",
            json_text(status, "name"), meta_namespace(pod), meta_name(pod),
            (long long)json_int_or(json_at(status, "state", "terminated", "exitCode"), 0), action,
            index);
    const char *type = match_condition(json_object_get(rule, "onPodConditions"), pod);
    return type ? xasprintf("Pod %s/%s has condition %s matching %s rule at index %zu",
                            meta_namespace(pod), meta_name(pod), type, action, index)
                : NULL;
}

enum job_failure job_failure_of(const json_t *policy, const json_t *pod, char **message)
{
    const json_t *rules = json_object_get(policy, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const char *action = json_text(rule, "action");
        CLEANUP(free_ptr) char *seen = match_rule(rule, i, pod);
        if (!seen)
            continue;
        if (text_eq(action, "FailIndex"))
            return JOB_FAILURE_FAIL_INDEX;
        if (text_eq(action, "Ignore"))
            return JOB_FAILURE_IGNORE;
        if (!text_eq(action, "FailJob"))
            return JOB_FAILURE_COUNT;
        *message = TAKE(seen);
        return JOB_FAILURE_FAIL_JOB;
    }
    return JOB_FAILURE_COUNT;
}
