#include "apiserver/documents/served.h"

#include <limits.h>
#include <string.h>

#include "apiserver/backend/aggregate.h"
#include "schema/api_service.h"
#include "schema/crd.h"

#define OWN_GROUP_PRIORITY    15900 /* of built-in groups that upstream does not have */
#define ADD_ON_GROUP_PRIORITY 100   /* of those that an add-on serves there: metrics-server's own */

static bool has(const struct served *served, const char *group, const char *version)
{
    for (size_t i = 0; i < served->count; i++)
        if (strcmp(served->items[i].group, group) == 0 &&
            strcmp(served->items[i].version, version) == 0)
            return true;
    return false;
}

static void add(struct served *served, struct served_version version)
{
    if (has(served, version.group, version.version))
        return;
    version.lead = api_service_name(version.group, version.version);
    served->items[served->count++] = version;
}

static void add_built_in(struct served *served, const struct edition *edition)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (!*all[i].group || !edition_shows(edition, all[i].group) ||
            aggregates_find(edition->aggregates, all[i].group, all[i].version))
            continue;
        int priority = all[i].group_priority ? all[i].group_priority
                       : all[i].aggregated   ? ADD_ON_GROUP_PRIORITY
                       : first               ? INT_MAX /* apiregistration.k8s.io */
                                             : OWN_GROUP_PRIORITY;
        add(served, (struct served_version){.group = all[i].group,
                                            .version = all[i].version,
                                            .group_priority = priority,
                                            .version_priority = all[i].version_priority});
        first = false;
    }
}

/* Before the CRDs': who registers a Service for a group version means it. */
static void add_aggregated(struct served *served, const struct edition *edition)
{
    for (size_t i = 0; edition->aggregates && i < edition->aggregates->count; i++) {
        const struct aggregate_item *item = &edition->aggregates->items[i];
        add(served, (struct served_version){.group = item->group,
                                            .version = item->version,
                                            .group_priority = item->group_priority,
                                            .version_priority = item->version_priority,
                                            .item = item});
    }
}

static void add_custom(struct served *served, const struct edition *edition)
{
    for (size_t i = 0; i < edition->row_count; i++)
        add(served, (struct served_version){.group = edition->rows[i]->group,
                                            .version = edition->rows[i]->version,
                                            .group_priority = API_SERVICE_CUSTOM_GROUP,
                                            .version_priority = API_SERVICE_CUSTOM_VERSION});
}

/* Each version gets its group's priority and leading name. */
static void level(struct served *served)
{
    for (size_t i = 0; i < served->count; i++) {
        struct served_version *one = &served->items[i];
        for (size_t k = 0; k < served->count; k++) {
            const struct served_version *other = &served->items[k];
            bool leads = other->group_priority > one->group_priority ||
                         (other->group_priority == one->group_priority &&
                          strcmp(other->lead, one->lead) < 0);
            if (k == i || strcmp(other->group, one->group) != 0 || !leads)
                continue;
            one->group_priority = other->group_priority;
            free(one->lead);
            one->lead = xstrdup(other->lead);
        }
    }
}

static int compare(const void *a, const void *b)
{
    const struct served_version *one = a, *two = b;
    if (one->group_priority != two->group_priority)
        return one->group_priority > two->group_priority ? -1 : 1;
    int order = strcmp(one->lead, two->lead);
    if (order)
        return order;
    if (one->version_priority != two->version_priority)
        return one->version_priority > two->version_priority ? -1 : 1;
    return crd_compare_versions(&one->version, &two->version);
}

void served_list(struct served *out, const struct edition *edition)
{
    size_t count;
    (void)group_version_all(&count);
    size_t others = edition->aggregates ? edition->aggregates->count : 0;
    out->items = xcalloc(count + edition->row_count + others + 1, sizeof(*out->items));
    add_built_in(out, edition);
    add_aggregated(out, edition);
    add_custom(out, edition);
    level(out);
    qsort(out->items, out->count, sizeof(*out->items), compare);
}

void served_clear(struct served *served)
{
    for (size_t i = 0; i < served->count; i++)
        free(served->items[i].lead);
    free(served->items);
    *served = (struct served){0};
}

size_t served_group_end(const struct served *served, size_t start)
{
    size_t end = start;
    while (end < served->count && strcmp(served->items[end].group, served->items[start].group) == 0)
        end++;
    return end;
}

size_t served_find(const struct served *served, const char *group)
{
    size_t at = 0;
    while (at < served->count && strcmp(served->items[at].group, group) != 0)
        at++;
    return at;
}
