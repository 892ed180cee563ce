/* apiserver/documents/served.h: the group versions that a cluster serves, in the order in which
 * discovery lists them: built in, of its CRDs, of other servers. Pure.
 *
 * Source: kube-aggregator's SortedByGroupAndVersion: groups by the highest groupPriorityMinimum,
 * then by the name of the APIService that has it; versions by versionPriority, then by age and
 * number. */
#pragma once
#include "apiserver/documents/document.h"

struct aggregate_item;

struct served_version {
    const char *group, *version; /* borrowed from the edition */
    int group_priority;          /* the group's */
    int version_priority;
    char *lead; /* owned: the name that stands for the group where groups are equal */
    const struct aggregate_item *item; /* of another server; NULL: ours */
};

struct served {
    struct served_version *items; /* the versions of a group stand together */
    size_t count;
};

/* All but the group without a name. `out` comes in empty. */
void served_list(struct served *out, const struct edition *edition);
void served_clear(struct served *served);
/* The end of the group that begins at `start`. */
size_t served_group_end(const struct served *served, size_t start);
/* Where the group begins; served->count when it is not served. */
size_t served_find(const struct served *served, const char *group);
