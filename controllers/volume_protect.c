/* The finalizers kubernetes.io/pvc-protection and kubernetes.io/pv-protection. */
#include <string.h>

#include "base/mem.h"
#include "controllers/volume_binder.h"
#include "schema/meta.h"

static const char *finalizer_of(const char *resource)
{
    return strcmp(resource, CLAIMS) == 0 ? "kubernetes.io/pvc-protection"
                                         : "kubernetes.io/pv-protection";
}

void volume_protect(const char *resource, const json_t *object, bool used, struct plan *plan)
{
    const char *finalizer = finalizer_of(resource);
    bool has = meta_has_finalizer(object, finalizer), deleting = meta_deleting(object);
    if (deleting ? !has || used : has)
        return;
    json_t *body = json_deep_copy(object);
    json_t *list = json_ensure_array(json_object_get(body, "metadata"), "finalizers");
    if (!deleting)
        json_array_append_new(list, json_string(finalizer));
    for (size_t i = json_array_size(list); deleting && i-- > 0;)
        if (text_eq(json_string_value(json_array_get(list, i)), finalizer))
            json_array_remove(list, i);
    plan_update(plan, resource, "", body)->flags = PLAN_ABSENT_OK;
}
