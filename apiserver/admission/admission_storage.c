/* Default classes, and finalizers that keep volumes while they are used.
 * Sources: plugin/pkg/admission/storage, plugin/pkg/admission/network/defaultingressclass. */
#include <string.h>

#include "apiserver/admission/admission.h"
#include "base/quantity.h"
#include "schema/meta.h"

struct marked {
    const char *annotation;
    char *name; /* owned: of the newest that is marked; ties by name */
    char *created;
};

static void consider(struct marked *best, const struct object *object)
{
    json_auto_t *tree = object_json(object);
    const char *created = json_text(tree, "metadata", "creationTimestamp");
    if (!text_eq(meta_annotation(tree, best->annotation), "true") || !created)
        return;
    int order = best->name ? strcmp(created, best->created) : 1;
    if (order < 0 || (order == 0 && strcmp(object->name, best->name) > 0))
        return;
    free(best->name);
    free(best->created);
    best->name = xstrdup(object->name);
    best->created = xstrdup(created);
}

/* The default class of a resource, by annotation. */
static enum step_result find_default(struct request *request, const char *resource,
                                     const char *annotation, char **name)
{
    struct object_list classes = {0};
    struct cache_range range = {0};
    struct marked best = {.annotation = annotation};
    bool gone = false;
    enum step_result result = request_list(request, resource, &range, &classes, &gone);
    for (size_t i = 0; result == STEP_NEXT && i < classes.count; i++)
        consider(&best, classes.items[i]);
    object_list_free(&classes);
    free(best.created);
    *name = best.name;
    return result;
}

/* A class that a spec names by a member, or did by an annotation once. */
struct class_kind {
    const char *member, *annotation, *resource, *default_annotation;
};

static enum step_result fill_default(struct request *request, const struct class_kind *kind)
{
    json_t *spec = json_ensure_object(request->object, "spec");
    CLEANUP(free_ptr) char *name = NULL;
    if (json_object_get(spec, kind->member) || meta_annotation(request->object, kind->annotation))
        return STEP_NEXT;
    enum step_result result =
        find_default(request, kind->resource, kind->default_annotation, &name);
    if (result == STEP_NEXT && name)
        json_set_text(spec, kind->member, name);
    return result;
}

enum step_result admit_storage_class(struct request *request)
{
    static const struct class_kind kind = {
        "storageClassName", "volume.beta.kubernetes.io/storage-class",
        "storageclasses.storage.k8s.io", "storageclass.kubernetes.io/is-default-class"};
    return fill_default(request, &kind);
}

enum step_result admit_ingress_class(struct request *request)
{
    static const struct class_kind kind = {"ingressClassName", "kubernetes.io/ingress.class",
                                           "ingressclasses.networking.k8s.io",
                                           "ingressclass.kubernetes.io/is-default-class"};
    return fill_default(request, &kind);
}

enum step_result admit_storage_protection(struct request *request)
{
    const char *finalizer = strcmp(request->storage, "persistentvolumes") == 0
                                ? "kubernetes.io/pv-protection"
                                : "kubernetes.io/pvc-protection";
    if (!meta_has_finalizer(request->object, finalizer))
        json_array_append_new(
            json_ensure_array(json_ensure_object(request->object, "metadata"), "finalizers"),
            json_string(finalizer));
    return STEP_NEXT;
}

/* ---- PersistentVolumeClaimResize ---- */

static bool grows(const json_t *object, const json_t *old)
{
    struct quantity now, before;
    const char *text = json_text(object, "spec", "resources", "requests", "storage"),
               *old_text = json_text(old, "spec", "resources", "requests", "storage");
    return text && old_text && quantity_parse(str_of(text), &now) &&
           quantity_parse(str_of(old_text), &before) && quantity_compare(&now, &before) > 0;
}

static enum step_result refuse_resize(struct request *request, const char *why)
{
    error_forbidden(&request->error, request->resource->key, request->route.name, "%s", why);
    return STEP_FAIL;
}

enum step_result check_resize(struct request *request)
{
    const char *note = meta_annotation(request->old, "volume.beta.kubernetes.io/storage-class");
    const char *name = note ? note : json_text(request->old, "spec", "storageClassName");
    CLEANUP(object_unref_ptr) struct object *class = NULL;
    if (!grows(request->object, request->old))
        return STEP_NEXT;
    if (!text_eq(json_text(request->old, "status", "phase"), "Bound"))
        return refuse_resize(request, "Only bound persistent volume claims can be expanded");
    enum step_result result =
        name && *name ? request_read(request, "storageclasses.storage.k8s.io", "", name, &class)
                      : STEP_NEXT;
    if (result != STEP_NEXT)
        return result;
    json_auto_t *tree = class ? object_json(class) : NULL;
    if (json_is_true(json_object_get(tree, "allowVolumeExpansion")))
        return STEP_NEXT;
    return refuse_resize(
        request, "only dynamically provisioned pvc can be resized and the storageclass that "
                 "provisions the pvc must support resize");
}
