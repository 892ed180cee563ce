/* schema/patch.h: the patch formats. Pure; bounded in time and memory whatever the patch.
 * Sources: RFC 6902, RFC 7386, Kubernetes strategic merge patch (apimachinery strategicpatch). */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "schema/type.h"

#define PATCH_OPERATIONS_MAX 10000

/* Who decodes a patch, for the words in which it is refused: where fields are validated (which is
 * the default), upstream decodes it once more than otherwise. */
enum patch_reader {
    PATCH_READ_STRICT,
    PATCH_READ_PLAIN, /* fieldValidation=Ignore, and the patches of webhooks */
};

/* Each returns a new tree; NULL with BAD_REQUEST, INVALID or UNKNOWN in upstream's words. `target`
 * is not changed. */
MUST_CHECK json_t *patch_json(const json_t *target, struct str patch, enum patch_reader reader,
                              struct error *err);
MUST_CHECK json_t *patch_merge(const json_t *target, struct str patch, enum patch_reader reader,
                               struct error *err);
MUST_CHECK json_t *patch_strategic(const struct type *type, const json_t *target, struct str patch,
                                   struct error *err);
/* The same on trees. */
MUST_CHECK json_t *patch_merge_tree(const json_t *target, const json_t *patch);
MUST_CHECK json_t *patch_strategic_tree(const struct type *type, const json_t *target,
                                        const json_t *patch, struct error *err);
