#include "controllers/disruption_scale.h"

#include <string.h>

#include "base/mem.h"
#include "base/strset.h"
#include "controllers/controller.h"
#include "controllers/kinds.h"
#include "schema/meta.h"

struct look {
    const struct reconcile *reconcile;
    struct stored_kinds kinds;
    struct strset asked;   /* uids of the Pods' controllers */
    struct strset counted; /* uids of those whose scale counts */
};

static void look_clear(struct look *look)
{
    stored_kinds_free(&look->kinds);
    strset_clear(&look->asked);
    strset_clear(&look->counted);
}

void disruption_scale_clear(struct disruption_scale *scale)
{
    free(scale->problem);
    *scale = (struct disruption_scale){0};
}

static const char *text_of(const json_t *reference, const char *member)
{
    const char *text = json_text(reference, member);
    return text ? text : "";
}

/* There is no scale: is it the object that is missing, or can its kind not be scaled? */
static bool absent(const struct look *look, const struct stored_kind *row, const char *name,
                   struct error *err)
{
    json_auto_t *object = NULL;
    if (err->reason != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    if (!observe_get(look->reconcile->cluster, row->resource, look->reconcile->ns, name, &object,
                     err))
        return false;
    return object ? error_set(err, ERROR_NOT_FOUND, "%s does not implement the scale subresource",
                              row->resource)
                  : true;
}

/* `*scale` is NULL, on success, when there is no object of that uid. */
static bool read_scale(const struct look *look, const json_t *reference, json_t **scale,
                       struct error *err)
{
    const char *version = text_of(reference, "apiVersion"), *kind = text_of(reference, "kind");
    const char *name = text_of(reference, "name");
    const struct stored_kind *row = stored_kinds_find(&look->kinds, version, kind);
    json_auto_t *found = NULL;
    *scale = NULL;
    if (!row || !row->namespaced)
        return error_set(err, ERROR_NOT_FOUND, "no matches for kind \"%s\" in version \"%s\"", kind,
                         version);
    if (!api_get_sub(&look->reconcile->caller, row->resource, "scale", look->reconcile->ns, name,
                     &found, err))
        return absent(look, row, name, err);
    if (text_eq(meta_uid(found), json_text(reference, "uid")))
        *scale = json_incref(found);
    return true;
}

/* What stands above a Deployment's ReplicaSet; NULL for all else. */
static bool read_above(const struct look *look, const json_t *reference, json_t **scale,
                       struct error *err)
{
    json_auto_t *set = NULL;
    *scale = NULL;
    if (!text_eq(json_text(reference, "kind"), "ReplicaSet") ||
        !text_eq(json_text(reference, "apiVersion"), "apps/v1"))
        return true;
    if (!observe_get(look->reconcile->cluster, "replicasets.apps", look->reconcile->ns,
                     text_of(reference, "name"), &set, err))
        return false;
    const json_t *above = set ? meta_controller(set) : NULL;
    if (!text_eq(json_text(above, "kind"), "Deployment") ||
        !text_eq(meta_uid(set), json_text(reference, "uid")))
        return true;
    return read_scale(look, above, scale, err);
}

static bool count_pod(struct look *look, const json_t *pod, struct disruption_scale *out,
                      struct error *err)
{
    const json_t *reference = meta_controller(pod);
    json_auto_t *scale = NULL;
    if (!reference) {
        out->unmanaged = true;
        return true;
    }
    if (!strset_add(&look->asked, text_of(reference, "uid")))
        return true;
    if (!read_above(look, reference, &scale, err) ||
        (!scale && !read_scale(look, reference, &scale, err)))
        return false;
    if (!scale)
        return error_set(err, ERROR_NOT_FOUND, "found no controllers for pod \"%s\"",
                         meta_name(pod));
    if (strset_add(&look->counted, meta_uid(scale)))
        out->expected += json_int_or(json_at(scale, "spec", "replicas"), 0);
    return true;
}

bool disruption_scale_observe(const struct reconcile *reconcile, const struct json_list *pods,
                              struct disruption_scale *out, struct error *err)
{
    CLEANUP(look_clear) struct look look = {.reconcile = reconcile};
    if (!stored_kinds_list(reconcile->cluster, &look.kinds, err))
        return false;
    for (size_t i = 0; i < pods->count; i++) {
        if (count_pod(&look, pods->items[i], out, err))
            continue;
        if (err->code >= 500)
            return false;
        out->problem = xstrdup(err->message);
        error_clear(err);
        break;
    }
    return true;
}
