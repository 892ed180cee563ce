/* PersistentVolumes, StorageClasses, VolumeAttachments. */
#include <ctype.h>

#include "schema/kinds/pod.h"
#include "schema/kinds/volume.h"
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

/* A reference to a Secret by its name and namespace. */
static void check_reference(struct error *err, const struct path *at, const json_t *source,
                            const char *member)
{
    const json_t *ref = member_object(source, member);
    if (!ref)
        return;
    check_name_required(err, PATH(at, member), ref, "name", name_check_dns_subdomain);
    check_name_required(err, PATH(at, member), ref, "namespace", name_check_dns_label);
}

static void check_csi(struct error *err, const struct path *at, const json_t *source,
                      const struct volume_place *place)
{
    static const char *const refs[] = {"controllerPublishSecretRef", "controllerExpandSecretRef",
                                       "nodePublishSecretRef", "nodeExpandSecretRef"};
    (void)place;
    check_driver_name(err, at, source, "driver");
    check_required(err, at, source, "volumeHandle", NULL);
    for (size_t i = 0; i < ARRAY_LEN(refs); i++)
        check_reference(err, at, source, refs[i]);
}

static void check_iscsi(struct error *err, const struct path *at, const json_t *source,
                        const struct volume_place *place)
{
    if (iscsi_is_too_long(source, place->volume))
        rule_invalid_text(err, PATH(at, "targetportal"), rule_text(source, "targetPortal"),
                          ISCSI_TOO_LONG);
    check_iscsi_target(err, at, source, "must be valid format");
    if (member_object(source, "secretRef"))
        check_required(err, PATH(at, "secretRef"), member_object(source, "secretRef"), "name",
                       NULL);
}

static void check_gluster(struct error *err, const struct path *at, const json_t *source,
                          const struct volume_place *place)
{
    const char *ns = rule_text(source, "endpointsNamespace"), *wrong = name_check_dns_label(ns);
    (void)place;
    if (!rule_has(source, "endpointsNamespace") || !wrong)
        return;
    rule_invalid_text(err, PATH(at, "endpointsNamespace"), ns,
                      *ns ? wrong
                          : "if the endpointnamespace is set, it must be a valid namespace name");
}

static void check_cinder(struct error *err, const struct path *at, const json_t *source,
                         const struct volume_place *place)
{
    (void)place;
    check_secret_ref(err, at, source, true);
}

static void check_storageos(struct error *err, const struct path *at, const json_t *source,
                            const struct volume_place *place)
{
    (void)place;
    check_storage_os(err, at, source, true);
}

static void check_azure_file(struct error *err, const struct path *at, const json_t *source,
                             const struct volume_place *place)
{
    (void)place;
    if (rule_has(source, "secretNamespace"))
        check_required(err, at, source, "secretNamespace", NULL);
}

static void check_local(struct error *err, const struct path *at, const json_t *source,
                        const struct volume_place *place)
{
    (void)place;
    if (check_required(err, at, source, "path", NULL))
        check_no_backsteps(err, PATH(at, "path"), rule_text(source, "path"));
}

/* In upstream's order, and with its names. */
static const struct volume_source sources[] = {
    {"hostPath", {NULL}, check_host_path, NULL, NULL},
    {"gcePersistentDisk", {"pdName"}, check_partition, NULL, "persistentDisk"},
    {"awsElasticBlockStore", {"volumeID"}, check_partition, NULL, NULL},
    {"glusterfs", {"endpoints", "path"}, check_gluster, NULL, NULL},
    {"flocker", {NULL}, check_flocker, NULL, NULL},
    {"nfs", {"server", "path"}, check_nfs, NULL, NULL},
    {"rbd", {"monitors", "image"}, NULL, NULL, NULL},
    {"quobyte", {NULL}, check_quobyte, NULL, NULL},
    {"cephfs", {"monitors"}, NULL, "cephFS", NULL},
    {"iscsi", {"targetPortal"}, check_iscsi, NULL, NULL},
    {"cinder", {"volumeID"}, check_cinder, NULL, NULL},
    {"fc", {NULL}, check_fibre_channel, NULL, NULL},
    {"flexVolume", {"driver"}, check_flex, NULL, NULL},
    {"azureFile", {"secretName", "shareName"}, check_azure_file, NULL, NULL},
    {"vsphereVolume", {"volumePath"}, NULL, NULL, NULL},
    {"photonPersistentDisk", {"pdID"}, NULL, NULL, NULL},
    {"portworxVolume", {"volumeID"}, NULL, NULL, NULL},
    {"azureDisk", {"diskName", "diskURI"}, check_azure_disk, NULL, NULL},
    {"scaleIO", {"gateway", "system", "volumeName"}, NULL, NULL, NULL},
    {"local", {NULL}, check_local, NULL, NULL},
    {"storageos", {NULL}, check_storageos, NULL, NULL},
    {"csi", {NULL}, check_csi, NULL, NULL},
};

/* Is it "/", as Go's path.Clean sees it? */
static bool is_root(const char *path)
{
    struct str rest = str_of(path);
    if (*path != '/')
        return false;
    size_t depth = 0;
    while (rest.data) {
        struct str part = str_cut(&rest, '/');
        if (str_is(part, ".."))
            depth -= depth > 0;
        else
            depth += part.len && !str_is(part, ".");
    }
    return depth == 0;
}

static void check_source(struct error *err, const json_t *spec, const char *name)
{
    const json_t *host = member_object(spec, "hostPath");
    check_volume_sources(err, SPEC, spec, sources, ARRAY_LEN(sources),
                         &(struct volume_place){"", name});
    if (member_object(spec, "local") && !member_object(spec, "nodeAffinity"))
        rule_required(err, PATH(SPEC, "nodeAffinity"), "Local volume requires node affinity");
    if (is_root(rule_text(host, "path")) &&
        strcmp(rule_text(spec, "persistentVolumeReclaimPolicy"), "Recycle") == 0)
        rule_forbidden(err, PATH(SPEC, "persistentVolumeReclaimPolicy"),
                       "may not be 'recycle' for a hostPath mount of '/'");
}

static void check_capacity(struct error *err, const json_t *spec)
{
    const json_t *capacity = member_object(spec, "capacity");
    const struct path *path = PATH(SPEC, "capacity");
    struct quantity quantity;
    const char *key;
    json_t *value;
    if (json_object_size(capacity) == 0)
        rule_required(err, path, NULL);
    if (!rule_has(capacity, "storage") || json_object_size(capacity) > 1)
        rule_not_supported(err, path, capacity, (const char *const[]){"storage", NULL});
    MAP_EACH (capacity, key, value) {
        const char *text = json_string_value(value) ? json_string_value(value) : "";
        if (!quantity_parse(str_of(text), &quantity))
            continue;
        if (quantity_value(&quantity) < 0) {
            json_auto_t *shown = json_integer(quantity_value(&quantity));
            rule_invalid(err, PATH_KEY(path, key), shown, "must be a valid resource quantity");
        }
        if (quantity.nano <= 0)
            rule_invalid_text(err, PATH_KEY(path, key), text, "must be greater than zero");
    }
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
    if (member_object(spec, "nodeAffinity") && !json_at(spec, "nodeAffinity", "required"))
        rule_required(err, PATH(PATH(SPEC, "nodeAffinity"), "required"),
                      "must specify required node constraints");
    check_node_selector(err, PATH(PATH(SPEC, "nodeAffinity"), "required"),
                        json_at(spec, "nodeAffinity", "required"));
    check_source(err, spec, meta_name(object));
    check_name(err, SPEC, spec, "storageClassName", name_check_dns_subdomain);
    check_enum(err, SPEC, spec, "volumeMode", volume_modes);
}

/* A Secret for growing may be added to a CSI volume; nothing else of a source changes. */
static bool sources_same(const json_t *spec, const json_t *before)
{
    static const char *const expand[] = {"controllerExpandSecretRef", NULL};
    const json_t *csi = member_object(spec, "csi"), *had = member_object(before, "csi");
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        const char *member = sources[i].member;
        bool is_csi = strcmp(member, "csi") == 0;
        if (is_csi && csi && had && !rule_has(had, expand[0])
                ? !rule_same_except(csi, had, expand)
                : !rule_equal(json_object_get(spec, member), json_object_get(before, member)))
            return false;
    }
    return true;
}

/* Labels of nodes that got another name when they became stable. */
static const struct stable_label {
    const char *beta, *stable;
} stable_labels[] = {
    {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
    {"beta.kubernetes.io/os", "kubernetes.io/os"},
    {"beta.kubernetes.io/arch", "kubernetes.io/arch"},
    {"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"},
};

static bool is_renamed(const char *now, const char *before)
{
    for (size_t i = 0; i < ARRAY_LEN(stable_labels); i++)
        if (strcmp(stable_labels[i].beta, before) == 0 && strcmp(stable_labels[i].stable, now) == 0)
            return true;
    return false;
}

/* Gives requirements that were only renamed their new keys in `before`, which is changed. */
static void rename_keys(const json_t *now, json_t *before)
{
    const json_t *terms = json_at(now, "required", "nodeSelectorTerms"), *term;
    LIST_EACH (terms, i, term) {
        const json_t *had = json_array_get(json_at(before, "required", "nodeSelectorTerms"), i);
        const json_t *expression;
        LIST_EACH (member_array(term, "matchExpressions"), k, expression) {
            json_t *old = json_array_get(member_array(had, "matchExpressions"), k);
            const char *key = rule_text(expression, "key");
            if (is_renamed(key, rule_text(old, "key")))
                json_set_text(old, "key", key);
        }
    }
}

static void volume_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec"),
                 *affinity = json_object_get(spec, "nodeAffinity");
    if (!is_main(subresource))
        return;
    volume_validate(object, err);
    if (!sources_same(spec, before))
        rule_forbidden(err, PATH(SPEC, "persistentvolumesource"),
                       "spec.persistentvolumesource is immutable after creation");
    check_immutable(err, NULL, spec, before, "volumeMode"); /* sic: not of spec */
    if (!rule_has(before, "nodeAffinity"))
        return;
    json_auto_t *had = json_deep_copy(json_object_get(before, "nodeAffinity"));
    rename_keys(affinity, had);
    if (!rule_equal(affinity, had))
        rule_invalid(err, PATH(NULL, "nodeAffinity"), affinity,
                     RULE_IMMUTABLE ", except for updating from beta label to GA");
}

const struct kind_rules kind_volumes = {
    .resource = "persistentvolumes",
    .set_defaults = volume_defaults,
    .prepare_create = volume_prepare_create,
    .prepare_update = strategy_status_update,
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
    .prepare_update = strategy_status_alone,
    .validate = attachment_validate,
    .validate_update = attachment_validate_update,
};
