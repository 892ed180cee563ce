#include "apiserver/aggregate.h"

#include <string.h>

bool aggregate_may_serve(const char *group, const char *version)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].group, group) == 0 && strcmp(all[i].version, version) == 0)
            return all[i].aggregated;
    return true;
}
