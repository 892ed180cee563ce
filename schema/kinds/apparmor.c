/* AppArmor profiles of Pods: annotations say what fields have said since 1.30, and are kept in step
 * with them. Source: pkg/registry/core/pod/strategy.go, applyAppArmorVersionSkew. */
#include "schema/kinds/pod.h"

static char *annotation_key(const json_t *container)
{
    return xasprintf(APPARMOR_ANNOTATION "%s", rule_text(container, "name"));
}

json_t *apparmor_from_annotation(const char *text)
{
    static const char local[] = "localhost/";
    if (strcmp(text, "unconfined") == 0)
        return json_pack("{s:s}", "type", "Unconfined");
    if (strcmp(text, "runtime/default") == 0)
        return json_pack("{s:s}", "type", "RuntimeDefault");
    if (!text_starts(text, local) || !text[sizeof(local) - 1])
        return NULL;
    return json_pack("{s:s,s:s}", "type", "Localhost", "localhostProfile",
                     text + sizeof(local) - 1);
}

/* Owned; NULL: the profile is none. */
static char *annotation_from(const json_t *profile)
{
    const char *type = rule_text(profile, "type"), *name = json_text(profile, "localhostProfile");
    if (strcmp(type, "Unconfined") == 0)
        return xstrdup("unconfined");
    if (strcmp(type, "RuntimeDefault") == 0)
        return xstrdup("runtime/default");
    return strcmp(type, "Localhost") == 0 && name ? xasprintf("localhost/%s", name) : NULL;
}

static void sync_container(json_t *pod, json_t *container)
{
    CLEANUP(free_ptr) char *key = annotation_key(container);
    const json_t *of_pod = json_at(pod, "spec", "securityContext", "appArmorProfile"),
                 *own = json_at(container, "securityContext", "appArmorProfile");
    const char *annotation = json_text(pod, "metadata", "annotations", key);
    if (!annotation) {
        CLEANUP(free_ptr) char *text = annotation_from(own ? own : of_pod);
        if (text)
            json_set_text(json_ensure_object(json_ensure_object(pod, "metadata"), "annotations"),
                          key, text);
    } else if (!own) {
        json_auto_t *profile = apparmor_from_annotation(annotation);
        if (profile && !json_equal(profile, of_pod))
            json_object_set(json_ensure_object(container, "securityContext"), "appArmorProfile",
                            profile);
    }
}

void apparmor_sync(json_t *pod)
{
    size_t i;
    json_t *item;
    if (strcmp(rule_text(json_at(pod, "spec", "os"), "name"), "windows") == 0)
        return;
    for (size_t list = 0; list < POD_LISTS; list++)
        json_array_foreach (json_at(pod, "spec", pod_container_lists[list]), i, item)
            sync_container(pod, item);
}
