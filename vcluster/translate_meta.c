/* Metadata, ConfigMaps and Secrets, claims. */
#include "vcluster/translate.h"

#include <string.h>

#include "schema/meta.h"
#include "vcluster/names.h"

/* The tenant's labels, without any that would look like ours. */
static void copy_labels(json_t *labels, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach (json_at(object, "metadata", "labels"), key, value) {
        if (!text_starts(key, NOTE_PREFIX) && json_is_string(value))
            json_object_set(labels, key, value);
    }
}

json_t *translate_meta(const struct translate_context *context, const json_t *object,
                       const char *kind)
{
    json_t *meta =
        json_pack("{s:s, s:s, s:{}, s:{s:s, s:s, s:s, s:s, s:s}}", "name", context->host_name,
                  "namespace", context->host_ns, "labels", "annotations", NOTE_CLUSTER,
                  context->cluster, NOTE_NAMESPACE, meta_namespace(object), NOTE_NAME,
                  meta_name(object), NOTE_UID, meta_uid(object), NOTE_KIND, kind);
    json_t *labels = json_object_get(meta, "labels");
    copy_labels(labels, object);
    json_set_text(labels, NOTE_CLUSTER, context->cluster);
    json_set_text(labels, NOTE_NAMESPACE, meta_namespace(object));
    return meta;
}

json_t *translate_config(const struct translate_context *context, const json_t *object,
                         struct error *err)
{
    static const char *const copied[] = {"data", "binaryData", "immutable"};
    const char *kind = json_text(object, "kind");
    (void)err; /* everything in them is data */
    bool secret = text_eq(kind, "Secret");
    json_t *host =
        json_pack("{s:s, s:s, s:o}", "apiVersion", "v1", "kind", secret ? "Secret" : "ConfigMap",
                  "metadata", translate_meta(context, object, secret ? "Secret" : "ConfigMap"));
    for (size_t i = 0; i < ARRAY_LEN(copied); i++)
        if (json_object_get(object, copied[i]))
            json_object_set(host, copied[i], json_object_get(object, copied[i]));
    /* A token of the tenant's service account must not be taken for one of the host's. */
    const char *type = json_text(object, "type");
    if (secret && type && !text_starts(type, "kubernetes.io/service-account-token") &&
        !text_starts(type, "bootstrap.kubernetes.io/"))
        json_set_text(host, "type", type);
    return host;
}

json_t *translate_claim(const struct translate_context *context, const json_t *claim,
                        json_t *access_modes, json_t *size)
{
    return json_pack("{s:s, s:s, s:o, s:{s:O, s:{s:{s:O}}}}", "apiVersion", "v1", "kind",
                     "PersistentVolumeClaim", "metadata",
                     translate_meta(context, claim, "PersistentVolumeClaim"), "spec", "accessModes",
                     access_modes, "resources", "requests", "storage", size);
}
