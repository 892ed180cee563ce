/* schema/patch.h: the patch formats. Pure; bounded in time and memory whatever the patch.
 * Sources: RFC 6902, RFC 7386, Kubernetes strategic merge patch (apimachinery strategicpatch). */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "schema/decode.h"
#include "schema/type.h"

#define PATCH_OPERATIONS_MAX 10000

/* Each returns a new tree; NULL with BAD_REQUEST, INVALID or UNKNOWN in upstream's words. `target`
 * is not changed. Where fields are validated (which is the default), upstream decodes a patch once
 * more than otherwise: that gives other words for what is no patch, and tells what strictness finds
 * in its text, which is added to `found`. NULL: fieldValidation=Ignore, and patches of webhooks. */
MUST_CHECK json_t *patch_json(const json_t *target, struct str patch, struct warnings *found,
                              struct error *err);
MUST_CHECK json_t *patch_merge(const json_t *target, struct str patch, struct warnings *found,
                               struct error *err);
MUST_CHECK json_t *patch_strategic(const struct type *type, const json_t *target, struct str patch,
                                   struct warnings *found, struct error *err);
/* The same on trees. */
MUST_CHECK json_t *patch_merge_tree(const json_t *target, const json_t *patch);
MUST_CHECK json_t *patch_strategic_tree(const struct type *type, const json_t *target,
                                        const json_t *patch, struct error *err);
