/* PersistentVolumes, StorageClasses, VolumeAttachments. */
#include <ctype.h>

#include "schema/kinds/pod.h"
#include "schema/meta.h"
#include "base/quantity.h"

#define SPEC                PATH(NULL, "spec")
#define PARAMETERS_MAX      512
#define PARAMETERS_SIZE_MAX 262144

static const char *const access_modes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                           "ReadWriteOncePod", NULL};
static const char *const volume_modes[] = {"Block", "Filesystem", NULL};

static void volume_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    default_text(json_ensure_object(object, "status"), "phase", "Pending");
    default_text(spec, "persistentVolumeReclaimPolicy", "Retain");
    default_text(spec, "volumeMode", "Filesystem");
    volume_source_defaults(spec);
    resource_list_defaults(member_object(spec, "capacity"));
}

static void volume_prepare_create(json_t *object)
{
    json_object_set_new(object, "status", json_pack("{s:s}", "phase", "Pending"));
}

static void keep_status(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static const char *const sources[] = {
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "storageos",
    "local",
    "csi",
};

static void check_volume_source(struct error *err, const json_t *spec)
{
    const json_t *local = member_object(spec, "local"), *csi = member_object(spec, "csi"),
                 *host = member_object(spec, "hostPath");
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        if (!rule_has(spec, sources[i]))
            continue;
        if (count++)
            rule_forbidden(err, PATH(SPEC, sources[i]), "may not specify more than 1 volume type");
    }
    if (count == 0)
        rule_required(err, SPEC, "must specify a volume type");
    if (host)
        check_required(err, PATH(SPEC, "hostPath"), host, "path", NULL);
    if (host && strcmp(rule_text(host, "path"), "/") == 0 &&
        strcmp(rule_text(spec, "persistentVolumeReclaimPolicy"), "Recycle") == 0)
        rule_forbidden(err, PATH(SPEC, "persistentVolumeReclaimPolicy"),
                       "may not be 'recycle' for a hostPath mount of '/'");
    if (local)
        check_required(err, PATH(SPEC, "local"), local, "path", NULL);
    if (local && !rule_has(spec, "nodeAffinity"))
        rule_required(err, PATH(SPEC, "nodeAffinity"), "Local volume requires node affinity");
    if (csi) {
        check_name_required(err, PATH(SPEC, "csi"), csi, "driver", name_check_dns_subdomain);
        check_required(err, PATH(SPEC, "csi"), csi, "volumeHandle", NULL);
    }
}

static void check_capacity(struct error *err, const json_t *spec)
{
    const json_t *capacity = member_object(spec, "capacity"),
                 *storage = json_object_get(capacity, "storage");
    const struct path *path = PATH(SPEC, "capacity");
    struct quantity quantity;
    if (json_object_size(capacity) == 0)
        rule_required(err, path, NULL);
    else if (!storage || json_object_size(capacity) > 1)
        rule_not_supported(err, path, capacity, (const char *const[]){"storage", NULL});
    else if (json_is_string(storage) &&
             quantity_parse(str_of(json_string_value(storage)), &quantity) && quantity.nano <= 0)
        rule_invalid(err, PATH_KEY(path, "storage"), storage, "must be greater than zero");
}

static void volume_validate(const json_t *object, struct error *err)
{
    static const char *const policies[] = {"Delete", "Recycle", "Retain", NULL};
    const json_t *spec = json_object_get(object, "spec"),
                 *modes = member_array(spec, "accessModes"), *mode;
    if (json_array_size(modes) == 0)
        rule_required(err, PATH(SPEC, "accessModes"), NULL);
    LIST_EACH (modes, i, mode) {
        if (!json_is_string(mode) || !rule_one_of(json_string_value(mode), access_modes))
            rule_not_supported(err, PATH(SPEC, "accessModes"), mode, access_modes);
    }
    if (json_array_size(modes) > 1 && json_array_has_text(modes, "ReadWriteOncePod"))
        rule_forbidden(err, PATH(SPEC, "accessModes"),
                       "may not use ReadWriteOncePod with other access modes");
    check_capacity(err, spec);
    check_enum(err, SPEC, spec, "persistentVolumeReclaimPolicy", policies);
    check_node_selector(err, PATH(PATH(SPEC, "nodeAffinity"), "required"),
                        json_at(spec, "nodeAffinity", "required"));
    check_volume_source(err, spec);
    check_name(err, SPEC, spec, "storageClassName", name_check_dns_subdomain);
    check_enum(err, SPEC, spec, "volumeMode", volume_modes);
}

static void volume_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    if (!is_main(subresource))
        return;
    volume_validate(object, err);
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (!rule_equal(json_object_get(spec, sources[i]), json_object_get(before, sources[i]))) {
            rule_forbidden(err, PATH(SPEC, "persistentvolumesource"),
                           "spec.persistentvolumesource is immutable after creation");
            break;
        }
    check_immutable(err, SPEC, spec, before, "volumeMode");
    if (rule_has(before, "nodeAffinity"))
        check_immutable(err, SPEC, spec, before, "nodeAffinity");
}

const struct kind_rules kind_volumes = {
    .resource = "persistentvolumes",
    .set_defaults = volume_defaults,
    .prepare_create = volume_prepare_create,
    .prepare_update = keep_status,
    .validate = volume_validate,
    .validate_update = volume_validate_update,
};

static void class_defaults(json_t *object)
{
    default_text(object, "reclaimPolicy", "Delete");
    default_text(object, "volumeBindingMode", "Immediate");
}

static void check_parameters(struct error *err, const json_t *parameters)
{
    const struct path *path = PATH(NULL, "parameters");
    const char *key;
    json_t *value;
    size_t total = 0;
    if (json_object_size(parameters) > PARAMETERS_MAX) {
        rule_too_long(err, path, PARAMETERS_MAX);
        return;
    }
    MAP_EACH (parameters, key, value) {
        if (!*key)
            rule_invalid_text(err, path, key, "field can not be empty.");
        total += strlen(key) + json_string_length(value);
    }
    if (total > PARAMETERS_SIZE_MAX)
        rule_too_long(err, path, PARAMETERS_SIZE_MAX);
}

static void class_validate(const json_t *object, struct error *err)
{
    static const char *const policies[] = {"Delete", "Retain", NULL};
    static const char *const bindings[] = {"Immediate", "WaitForFirstConsumer", NULL};
    CLEANUP(free_ptr) char *provisioner = xstrdup(rule_text(object, "provisioner"));
    for (char *c = provisioner; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    const char *wrong = name_check_qualified(provisioner);
    if (!*provisioner)
        rule_required(err, PATH(NULL, "provisioner"), NULL);
    else if (wrong)
        rule_invalid_text(err, PATH(NULL, "provisioner"), provisioner, wrong);
    check_parameters(err, member_object(object, "parameters"));
    check_enum(err, NULL, object, "reclaimPolicy", policies);
    check_enum_required(err, NULL, object, "volumeBindingMode", bindings);
}

static void class_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                  struct error *err)
{
    static const char *const fixed[] = {"parameters", "provisioner", "reclaimPolicy"};
    (void)subresource;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (!rule_equal(json_object_get(object, fixed[i]), json_object_get(old, fixed[i])))
            rule_forbidden(err, PATH(NULL, fixed[i]), "updates to %s are forbidden.", fixed[i]);
    check_immutable(err, NULL, object, old, "volumeBindingMode");
}

const struct kind_rules kind_storage_classes = {
    .resource = "storageclasses.storage.k8s.io",
    .set_defaults = class_defaults,
    .validate = class_validate,
    .validate_update = class_validate_update,
};

static void attachment_validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *source = member_object(spec, "source");
    bool name = rule_has(source, "persistentVolumeName"),
         line = rule_has(source, "inlineVolumeSpec");
    if (!*rule_text(spec, "attacher"))
        rule_required(err, PATH(SPEC, "attacher"), NULL);
    if (name && line)
        rule_forbidden(err, PATH(SPEC, "source"),
                       "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
    else if (!name && !line)
        rule_required(err, PATH(SPEC, "source"),
                      "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
    else if (name && !*rule_text(source, "persistentVolumeName"))
        rule_required(err, PATH(PATH(SPEC, "source"), "persistentVolumeName"),
                      "must specify non empty persistentVolumeName");
    check_name_given(err, SPEC, spec, "nodeName", name_check_dns_subdomain);
    check_driver_name(err, SPEC, spec, "attacher");
    if (name)
        check_name_given(err, PATH(SPEC, "source"), source, "persistentVolumeName",
                         name_check_dns_subdomain);
}

static void attachment_validate_update(const json_t *object, const json_t *old,
                                       const char *subresource, struct error *err)
{
    (void)subresource;
    check_immutable(err, NULL, object, old, "spec");
}

const struct kind_rules kind_volume_attachments = {
    .resource = "volumeattachments.storage.k8s.io",
    .prepare_create = strategy_status_create,
    .prepare_update = keep_status,
    .validate = attachment_validate,
    .validate_update = attachment_validate_update,
};
