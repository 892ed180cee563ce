#include "schema/apply_reset.h"

#include <string.h>

#define PATHS_MAX 3
#define NAMES_MAX 4 /* of a path, with the NULL at its end */
#define ANY_ITEM  "*"

struct reset {
    const char *kind; /* built in; NULL: every one */
    const char *subresource;
    bool only; /* the paths are all that can be changed */
    const char *const paths[PATHS_MAX][NAMES_MAX + 1];
};

/* Sorted by nothing: the first that fits counts. */
static const struct reset built_in[] = {
    {"Deployment", "status", false, {{"spec"}, {"metadata", "labels"}}},
    {"Pod",
     "status",
     false,
     {{"spec"}, {"metadata", "deletionTimestamp"}, {"metadata", "ownerReferences"}}},
    {"Pod", "ephemeralcontainers", true, {{"spec", "ephemeralContainers"}}},
    {"Pod",
     "resize",
     true,
     {{"spec", "containers", ANY_ITEM, "resources"},
      {"spec", "containers", ANY_ITEM, "resizePolicy"}}},
    {"CertificateSigningRequest", "", false, {{"spec"}, {"status"}}},
    {"CertificateSigningRequest", "status", false, {{"spec"}, {"status", "conditions"}}},
    {"CertificateSigningRequest", "approval", false, {{"spec"}, {"status", "certificate"}}},
    {"APIService", "status", false, {{"spec"}, {"metadata"}}},
    {"CustomResourceDefinition", "status", false, {{"spec"}, {"metadata"}}},
    {"FlowSchema", "status", false, {{"spec"}, {"metadata"}}},
    {"PriorityLevelConfiguration", "status", false, {{"spec"}, {"metadata"}}},
    {"ValidatingAdmissionPolicy", "status", false, {{"spec"}, {"metadata"}}},
    {"VolumeAttachment", "status", false, {{"spec"}, {"metadata"}}},
    {NULL, "status", false, {{"spec"}}},
};
static const struct reset custom_status = {NULL, "status", false, {{"spec"}, {"metadata"}}};
/* Where status has an endpoint of its own. */
static const struct reset status_apart = {NULL, "", false, {{"status"}}};

static const struct reset *find(const struct apply *apply)
{
    for (size_t i = 0; !apply->type->custom && i < ARRAY_LEN(built_in); i++)
        if (strcmp(built_in[i].subresource, apply->subresource) == 0 &&
            (!built_in[i].kind || strcmp(built_in[i].kind, apply->kind) == 0))
            return &built_in[i];
    if (!*apply->subresource)
        return apply->has_status ? &status_apart : NULL;
    return strcmp(apply->subresource, "status") == 0 ? &custom_status : NULL;
}

static bool fits(struct str element, const char *name)
{
    return strcmp(name, ANY_ITEM) == 0 ||
           (element.data[0] == 'f' &&
            str_is((struct str){element.data + 2, element.len - 2}, name));
}

/* Leaves what lies on the paths of `mask`, which have come along so far, and what is below them. */
static void keep_only(const struct reset *reset, unsigned mask, size_t depth, struct field_set *set)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct field_node *node = &set->nodes[i];
        unsigned along = 0;
        bool whole = false;
        for (size_t p = 0; p < PATHS_MAX; p++) {
            const char *const *names = reset->paths[p];
            if (!(mask & 1U << p) || !names[depth] || !fits(node->element, names[depth]))
                continue;
            along |= 1U << p;
            whole = whole || !names[depth + 1];
        }
        if (!whole && along)
            keep_only(reset, along, depth + 1, &node->under);
        if (along && (node->member || node->under.count))
            set->nodes[kept++] = *node;
    }
    set->count = kept;
}

void apply_drop_reset(const struct apply *apply, struct field_set *set)
{
    const struct reset *reset = find(apply);
    if (reset && reset->only)
        keep_only(reset, (1U << PATHS_MAX) - 1, 0, set);
    for (size_t i = 0; reset && !reset->only && i < PATHS_MAX; i++)
        if (reset->paths[i][0])
            field_set_drop_path(set, reset->paths[i], true);
}
