/* schema/kind.h: the rules of a kind that its structure does not tell: one row of functions per
 * resource.
 *
 * All are pure functions of their arguments; NULL means "nothing special". They mirror upstream's
 * defaulting, strategies (pkg/registry/.../strategy.go) and validation. metadata's own rules are
 * schema/meta.h's. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "schema/resource.h"

struct kind_rules {
    const char *resource; /* storage key */
    /* Decode-time defaults (defaults.go). */
    void (*set_defaults)(json_t *object);
    /* Strategy: drops what clients may not set (status on create), sets generation's base. */
    void (*prepare_create)(json_t *object);
    /* `subresource` is "" or "status", "scale", ...: keeps from `old` what that endpoint may not
     * change. */
    void (*prepare_update)(json_t *object, const json_t *old, const char *subresource);
    /* Append causes to `err` (error_add_*); the caller seals. A create calls `validate`. An update
     * calls `validate_update` alone, which includes what of `validate` still holds; `validate` when
     * there is none. metadata's name and uid are set before any of these. */
    void (*validate)(const json_t *object, struct error *err);
    void (*validate_update)(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err);
    /* Values for field selectors. */
    void (*index)(const json_t *object, void (*add)(void *arg, const char *path, const char *value),
                  void *arg);
    /* Upstream's name rule: "dns-subdomain", "dns-label", "dns-1035-label", "path-segment". NULL:
     * dns-subdomain */
    const char *name_format;
    bool has_generation;  /* metadata.generation rises when spec changes */
    bool graceful_delete; /* Pods: deletionGracePeriodSeconds */
};

/* Never NULL: resources without rules of their own share one empty row. */
const struct kind_rules *kind_rules(const char *resource);
/* object_index_fn over the rows above. */
void kind_index(const char *resource, const json_t *value,
                void (*add)(void *arg, const char *path, const char *value), void *arg);
