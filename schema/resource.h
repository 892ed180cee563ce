/* schema/resource.h: what the API serves: one row a resource or subresource.
 *
 * The built-in rows are constant, from schema/resources/. A cluster's CRDs add rows of the same
 * struct. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "schema/type.h"

enum verb_flags {
    VERB_GET = 1 << 0,
    VERB_LIST = 1 << 1,
    VERB_WATCH = 1 << 2,
    VERB_CREATE = 1 << 3,
    VERB_UPDATE = 1 << 4,
    VERB_PATCH = 1 << 5,
    VERB_DELETE = 1 << 6,
    VERB_DELETE_COLLECTION = 1 << 7,
};

/* One column of a Table. `source` is a path or a computed cell, read by schema/table.c. */
struct column {
    const char *name, *type, *format, *description, *source;
    int priority; /* 0: always; 1: -o wide */
};

struct subresource {
    const char *name;            /* "status", "scale", "log" */
    const char *kind;            /* "Scale", "Eviction"; else the parent's */
    const char *group, *version; /* of that kind when it is not the parent's; "" */
    uint32_t verbs;
    const struct type *type; /* of the body; NULL for connect and log */
    bool connect;            /* a stream or a proxy: no object behind it */
    bool path;               /* has sub paths of its own: proxy */
};

struct resource {
    const char *key; /* storage name: "pods", "deployments.apps"; several versions share one */
    const char *group, *version, *plural, *singular, *kind, *list_kind;
    const char *const *short_names; /* NULL-ended; may be NULL */
    const char *const *categories;
    const char *const
        *selectable; /* field selectors beside metadata.name/namespace; NULL-ended; may be NULL */
    const char *storage_version_hash;
    const char *api_version; /* "v1", "apps/v1" */
    const char
        *deprecation; /* of a custom resource's version: what its users are warned of; NULL */
    const struct type *type;
    const struct column *columns;
    const struct subresource *subresources;
    size_t column_count, subresource_count;
    uint32_t verbs;
    bool namespaced, preferred;
    bool create_on_update, unconditional_update;
    bool host_only;  /* served by the host cluster only: tenancy.warren.dev */
    bool aggregated; /* upstream's is served by an add-on (metrics.k8s.io): by the cluster's own
                        when it has an APIService for it */
};

struct group_version {
    const char *group, *version;
    bool preferred;
    bool host_only, aggregated;           /* as in struct resource */
    int group_priority, version_priority; /* of its APIService; 0: upstream has none */
};

/* Built-in rows by URL parts; NULL when absent. */
const struct resource *resource_find(struct str group, struct str version, struct str plural);
/* By storage key, the preferred version. */
const struct resource *resource_by_key(const char *key);
const struct resource *resource_by_kind(struct str group, struct str version, struct str kind);
const struct subresource *resource_sub(const struct resource *resource, struct str name);
/* All built-in rows, grouped by group and version in discovery's order. */
const struct resource *const *resource_all(size_t *count);
/* Group versions in discovery's order. */
const struct group_version *group_version_all(size_t *count);
/* NULL when it is not built in. */
const struct group_version *group_version_find(const char *group, const char *version);
/* "v1", "apps/v1"; lives as long as the row. */
const char *resource_api_version(const struct resource *resource);
