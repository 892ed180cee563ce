/* What upstream drops from Pods because its feature gate is off, where more goes than the field
 * itself. Source: pkg/api/pod/util.go, dropDisabledFields. */
#include "schema/kinds/pod.h"

static void drop_mounts(json_t *spec, const char *volume)
{
    json_t *container;
    for (size_t k = 0; k < POD_LISTS; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, container) {
            json_t *mounts = member_array(container, "volumeMounts");
            for (size_t at = json_array_size(mounts); at-- > 0;)
                if (strcmp(rule_text(json_array_get(mounts, at), "name"), volume) == 0)
                    (void)json_array_remove(mounts, at); /* it is there */
            if (mounts && json_array_size(mounts) == 0)
                json_object_del(container, "volumeMounts");
        }
}

/* ImageVolume: the volume goes, and with it what mounts it. */
static void drop_image_volumes(json_t *spec)
{
    json_t *volumes = member_array(spec, "volumes");
    for (size_t at = json_array_size(volumes); at-- > 0;) {
        const json_t *volume = json_array_get(volumes, at);
        if (!rule_has(volume, "image"))
            continue;
        drop_mounts(spec, rule_text(volume, "name"));
        (void)json_array_remove(volumes, at); /* it is there */
    }
    if (volumes && json_array_size(volumes) == 0)
        json_object_del(spec, "volumes");
}

/* ProcMountType: any becomes the default one. */
static void drop_proc_mounts(json_t *spec)
{
    json_t *container;
    for (size_t k = 0; k < POD_LISTS; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, container) {
            json_t *context = member_object(container, "securityContext");
            if (rule_has(context, "procMount"))
                json_set_text(context, "procMount", "Default");
        }
}

void pod_drop_disabled(json_t *spec)
{
    drop_image_volumes(spec);
    drop_proc_mounts(spec);
}
