/* The quality of service class of a Pod, from its containers' cpu and memory.
 * Source: pkg/apis/core/v1/helper/qos. */
#include "schema/kinds/pod.h"
#include "base/quantity.h"

enum { CPU, MEMORY, KINDS_COUNT };

static const char *const names[KINDS_COUNT] = {"cpu", "memory"};

struct sums {
    struct quantity requests[KINDS_COUNT], limits[KINDS_COUNT];
    bool guaranteed;
};

static bool add(const json_t *list, size_t kind, struct quantity *sum)
{
    struct quantity amount;
    const char *text = rule_text(list, names[kind]);
    if (!*text || !quantity_parse(str_of(text), &amount) || amount.nano <= 0)
        return false;
    *sum = quantity_add(sum, &amount);
    return true;
}

static void add_container(const json_t *container, struct sums *sums)
{
    const json_t *resources = member_object(container, "resources");
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        add(member_object(resources, "requests"), i, &sums->requests[i]);
        if (!add(member_object(resources, "limits"), i, &sums->limits[i]))
            sums->guaranteed = false;
    }
}

const char *pod_qos(const json_t *spec)
{
    struct sums sums = {.guaranteed = true};
    const json_t *item;
    bool any = false;
    LIST_EACH (member_array(spec, "containers"), i, item)
        add_container(item, &sums);
    LIST_EACH (member_array(spec, "initContainers"), i, item)
        add_container(item, &sums);
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        any = any || sums.requests[i].nano || sums.limits[i].nano;
        if (quantity_compare(&sums.requests[i], &sums.limits[i]) != 0)
            sums.guaranteed = false;
    }
    if (!any)
        return "BestEffort";
    return sums.guaranteed ? "Guaranteed" : "Burstable";
}
