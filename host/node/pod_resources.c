#include "host/node/pod_resources.h"

#include "base/quantity.h"

#define SHARES_PER_CPU 1024
#define SHARES_MIN     2
#define SHARES_MAX     262144
#define PERIOD_US      100000
#define QUOTA_MIN_US   1000

/* -1: not given. */
static int64_t amount(const json_t *container, const char *list, const char *name, bool milli)
{
    struct quantity quantity;
    const char *text = json_text(container, "resources", list, name);
    if (!text || !quantity_parse(str_of(text), &quantity))
        return -1;
    return milli ? quantity_milli(&quantity) : quantity_value(&quantity);
}

struct amounts {
    int64_t cpu_request, cpu_limit, memory_limit; /* -1: none */
};

static struct amounts amounts_of(const json_t *container)
{
    struct amounts found = {amount(container, "requests", "cpu", true),
                            amount(container, "limits", "cpu", true),
                            amount(container, "limits", "memory", false)};
    if (found.cpu_request < 0)
        found.cpu_request = found.cpu_limit; /* as defaulting does */
    return found;
}

static void to_cgroup(const struct amounts *amounts, struct cgroup_values *out)
{
    int64_t shares =
        amounts->cpu_request > 0 ? amounts->cpu_request * SHARES_PER_CPU / 1000 : SHARES_MIN;
    *out = (struct cgroup_values){.cpu_shares = shares < SHARES_MIN   ? SHARES_MIN
                                                : shares > SHARES_MAX ? SHARES_MAX
                                                                      : shares};
    if (amounts->cpu_limit > 0)
        out->cpu_quota_us = amounts->cpu_limit * PERIOD_US / 1000;
    if (out->cpu_quota_us && out->cpu_quota_us < QUOTA_MIN_US)
        out->cpu_quota_us = QUOTA_MIN_US;
    if (amounts->memory_limit > 0)
        out->memory_max_bytes = amounts->memory_limit;
}

void container_cgroup(const json_t *container, struct cgroup_values *out)
{
    struct amounts amounts = amounts_of(container);
    to_cgroup(&amounts, out);
}

static int64_t plus(int64_t sum, int64_t more)
{
    int64_t result;
    if (sum < 0 || more < 0)
        return -1;
    return __builtin_add_overflow(sum, more, &result) ? -1 : result;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? -1 : a > b ? a : b;
}

void pod_cgroup(const json_t *pod, struct cgroup_values *out)
{
    size_t i;
    const json_t *one;
    struct amounts sum = {0}, init = {0};
    json_array_foreach (json_at(pod, "spec", "containers"), i, one) {
        struct amounts mine = amounts_of(one);
        sum.cpu_request += mine.cpu_request > 0 ? mine.cpu_request : 0;
        sum.cpu_limit = plus(sum.cpu_limit, mine.cpu_limit);
        sum.memory_limit = plus(sum.memory_limit, mine.memory_limit);
    }
    json_array_foreach (json_at(pod, "spec", "initContainers"), i, one) {
        struct amounts mine = amounts_of(one);
        if (text_eq(json_text(one, "restartPolicy"), "Always")) {
            sum.cpu_request += mine.cpu_request > 0 ? mine.cpu_request : 0;
            sum.cpu_limit = plus(sum.cpu_limit, mine.cpu_limit);
            sum.memory_limit = plus(sum.memory_limit, mine.memory_limit);
            continue;
        }
        init.cpu_request =
            mine.cpu_request > init.cpu_request ? mine.cpu_request : init.cpu_request;
        init.cpu_limit = larger(init.cpu_limit, mine.cpu_limit);
        init.memory_limit = larger(init.memory_limit, mine.memory_limit);
    }
    sum.cpu_request = sum.cpu_request > init.cpu_request ? sum.cpu_request : init.cpu_request;
    sum.cpu_limit = larger(sum.cpu_limit, init.cpu_limit);
    sum.memory_limit = larger(sum.memory_limit, init.memory_limit);
    to_cgroup(&sum, out);
}

int container_oom_score(const json_t *pod, const json_t *container, int64_t memory_capacity)
{
    const char *class = json_text(pod, "status", "qosClass");
    int64_t request = amount(container, "requests", "memory", false);
    if (text_eq(class, "Guaranteed"))
        return -997;
    if (text_eq(class, "BestEffort") || request <= 0 || memory_capacity <= 0)
        return text_eq(class, "BestEffort") ? 1000 : 999;
    int64_t score = 1000 - (int64_t)((__int128)1000 * request / memory_capacity);
    return score < 3 ? 3 : score > 999 ? 999 : (int)score;
}
