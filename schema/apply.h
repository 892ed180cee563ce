/* schema/apply.h: server-side apply, and the bookkeeping of who set what (metadata.managedFields)
 * on every write.
 *
 * Pure: trees in, trees out; time comes in as data. Entries of other API versions than the
 * request's are compared in theirs where `versions` tells them, else kept as they are. Source:
 * apimachinery's managedfields and structured-merge-diff's merge. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "schema/field_set.h"
#include "schema/resource.h"

/* The versions of a kind beside the request's. */
struct apply_versions {
    void *arg;
    /* NULL: it is not served, and its entries are dropped. */
    const struct type *(*type)(void *arg, const char *api_version);
    /* `object` in that version; new reference. NULL: it cannot be had, and its entries stay as they
     * are. */
    json_t *(*convert)(void *arg, const json_t *object, const char *api_version);
};

struct apply {
    const struct type *type;
    const char *api_version, *kind; /* of the object: "apps/v1", "Deployment" */
    const char *subresource;        /* "" or "status", "scale", ... */
    const char
        *manager;    /* fieldManager; for other writes its default is the user agent up to "/" */
    bool force;      /* take over fields of others; apply only */
    bool has_status; /* status is written at an endpoint of its own */
    int64_t now_us;
    const struct apply_versions *versions; /* NULL: none is known */
};

/* Whether somebody's entry is of another version than `api_version`. */
bool apply_has_other_version(const json_t *object, const char *api_version);

/* Applies a configuration. `live` NULL: creates. New reference: the merged object, shaped, not yet
 * defaulted, with its managedFields, of which it shares with `live` what stays (FieldsV1). `live`
 * is not changed; `applied` gets canonical values, and can be applied again. Fails with CONFLICT
 * and upstream's words and causes when others own what would change; INTERNAL, as upstream, when
 * the configuration does not fit the schema; BAD_REQUEST for malformed values. */
MUST_CHECK json_t *apply_configuration(const struct apply *apply, const json_t *live,
                                       json_t *applied, struct error *err);

/* Any other write: sets `object`'s managedFields from those of `live` (NULL: created) and what
 * differs. Call it when defaults are done, and before admission: what others change belongs to
 * nobody. Returns nothing: what cannot be read
 * is as if it were not there, and who wrote to an object that nobody is noted for is not noted
 * until somebody applies, as upstream. */
void apply_track(const struct apply *apply, const json_t *live, json_t *object);

/* Gives `object` the managedFields of `live` when the two differ in nothing but their times (and
 * resourceVersion): an update that changes nothing is none. */
void apply_keep_times(const json_t *live, json_t *object);

/* Gives `object`, which somebody else had in hand, the managedFields of `before` when its own
 * cannot be read; false then, and why. */
bool apply_keep_readable(const json_t *before, json_t *object, struct error *err);
