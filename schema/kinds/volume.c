/* Volumes of Pods: a name, exactly one source, and what those sources need that only Pods have. */
#include "schema/kinds/pod.h"
#include "schema/kinds/volume.h"
#include "schema/meta.h"
#include "base/quantity.h"

#define FILE_MODE_DETAIL "must be a number between 0 and 0777 (octal), both inclusive"

static const char *const downward_paths[] = {"metadata.name",   "metadata.namespace",
                                             "metadata.labels", "metadata.annotations",
                                             "metadata.uid",    NULL};

static void check_mode(struct error *err, const struct path *at, const json_t *object,
                       const char *member)
{
    int64_t mode = rule_int(object, member, 0);
    if (mode < 0 || mode > 0777)
        rule_invalid(err, PATH(at, member), json_object_get(object, member), FILE_MODE_DETAIL);
}

/* A file below the volume's root that is not the atomic writer's own. */
static void check_file_path(struct error *err, const struct path *path, const char *value)
{
    check_local_path(err, path, value);
    if (text_starts(value, "..") && !text_starts(value, "../"))
        rule_invalid_text(err, path, value, "must not start with '..'");
}

static void check_item(struct error *err, const struct path *at, const json_t *item)
{
    check_required(err, at, item, "key", NULL);
    check_required(err, at, item, "path", NULL);
    check_file_path(err, PATH(at, "path"), rule_text(item, "path"));
    check_mode(err, at, item, "mode");
}

static void check_empty_dir(struct error *err, const struct path *at, const json_t *source,
                            const struct volume_place *place)
{
    struct quantity size;
    const char *text = rule_text(source, "sizeLimit");
    (void)place;
    if (*text && quantity_parse(str_of(text), &size) && size.nano < 0)
        rule_forbidden(err, PATH(at, "sizeLimit"),
                       "SizeLimit field must be a valid resource quantity");
}

static void check_git(struct error *err, const struct path *at, const json_t *source,
                      const struct volume_place *place)
{
    (void)place;
    check_local_path(err, PATH(at, "directory"), rule_text(source, "directory"));
}

/* Secrets and ConfigMaps. */
static void check_keyed(struct error *err, const struct path *at, const json_t *source,
                        const struct volume_place *place)
{
    const json_t *item;
    (void)place;
    check_mode(err, at, source, "defaultMode");
    LIST_EACH (member_array(source, "items"), i, item)
        check_item(err, PATH_AT(PATH(at, "items"), i), item);
}

static void check_downward_file(struct error *err, const struct path *at, const json_t *file)
{
    const json_t *field = member_object(file, "fieldRef"),
                 *resource = member_object(file, "resourceFieldRef");
    check_required(err, at, file, "path", NULL);
    check_file_path(err, PATH(at, "path"), rule_text(file, "path"));
    if (field) {
        check_field_ref(err, PATH(at, "fieldRef"), field, downward_paths);
        if (resource)
            rule_invalid_text(err, at, "resource",
                              "fieldRef and resourceFieldRef can not be specified simultaneously");
    } else if (resource) {
        check_resource_field_ref(err, PATH(at, "resourceFieldRef"), resource, true);
    } else {
        rule_required(err, at, "one of fieldRef and resourceFieldRef is required");
    }
    check_mode(err, at, file, "mode");
}

static void check_downward(struct error *err, const struct path *at, const json_t *source,
                           const struct volume_place *place)
{
    const json_t *file;
    (void)place;
    check_mode(err, at, source, "defaultMode");
    LIST_EACH (member_array(source, "items"), i, file)
        check_downward_file(err, at, file); /* upstream does not say which */
}

/* Two sources may not write the same file; `named` is shown. */
static void check_file_once(struct error *err, const struct path *at, const char *path,
                            const char *named, json_t *files)
{
    if (*path && rule_seen(files, path))
        rule_invalid_text(err, at, named, "conflicting duplicate paths");
}

/* `at` is the source in the list, `volume` the whole. */
static void check_projected_keyed(struct error *err, const struct path *at,
                                  const struct path *volume, const json_t *source, json_t *files)
{
    const json_t *item;
    check_required(err, at, source, "name", NULL);
    LIST_EACH (member_array(source, "items"), i, item) {
        check_item(err, PATH_AT(PATH(at, "items"), i), item);
        check_file_once(err, volume, rule_text(item, "path"), rule_text(source, "name"), files);
    }
}

static void check_projected_downward(struct error *err, const struct path *at,
                                     const struct path *volume, const json_t *source, json_t *files)
{
    const json_t *file;
    LIST_EACH (member_array(source, "items"), i, file) {
        const char *path = rule_text(file, "path");
        check_downward_file(err, at, file);
        check_file_once(err, volume, path, path, files);
    }
}

/* Of a token's path upstream blames the volume, and does not compare it with others. */
static void check_token(struct error *err, const struct path *at, const struct path *volume,
                        const json_t *source, json_t *files)
{
    int64_t seconds = rule_int(source, "expirationSeconds", 3600);
    const json_t *value = json_object_get(source, "expirationSeconds");
    (void)files;
    if (seconds < 600)
        rule_invalid(err, PATH(at, "expirationSeconds"), value,
                     "may not specify a duration less than 10 minutes");
    if (seconds > (int64_t)1 << 32)
        rule_invalid(err, PATH(at, "expirationSeconds"), value,
                     "may not specify a duration larger than 2^32 seconds");
    if (check_required(err, volume, source, "path", NULL))
        check_file_path(err, PATH(volume, "path"), rule_text(source, "path"));
}

static const struct projected_row {
    const char *member;
    void (*check)(struct error *err, const struct path *at, const struct path *volume,
                  const json_t *source, json_t *files);
} projected_rows[] = {
    {"secret", check_projected_keyed},
    {"configMap", check_projected_keyed},
    {"downwardAPI", check_projected_downward},
    {"serviceAccountToken", check_token},
};

static void check_projected(struct error *err, const struct path *at, const json_t *volume,
                            const struct volume_place *place)
{
    const json_t *source;
    json_auto_t *files = json_object();
    (void)place;
    check_mode(err, at, volume, "defaultMode");
    LIST_EACH (member_array(volume, "sources"), i, source) {
        const struct path *path = PATH_AT(PATH(at, "sources"), i);
        size_t count = 0;
        for (size_t k = 0; k < ARRAY_LEN(projected_rows); k++) {
            const json_t *part = member_object(source, projected_rows[k].member);
            if (!part)
                continue;
            count++;
            projected_rows[k].check(err, PATH(path, projected_rows[k].member), at, part, files);
        }
        if (count > 1)
            rule_forbidden(err, path, "may not specify more than 1 volume type per source");
    }
}

/* An initiator's name and the volume's own must fit one session. */
static void check_iscsi(struct error *err, const struct path *at, const json_t *source,
                        const struct volume_place *place)
{
    check_iscsi_target(err, at, source, "must be valid format starting with iqn, eui, or naa");
    if (iscsi_is_too_long(source, place->volume))
        rule_invalid_text(err, PATH(at->up, "name"), place->volume, ISCSI_TOO_LONG);
}

static void check_cinder(struct error *err, const struct path *at, const json_t *source,
                         const struct volume_place *place)
{
    (void)place;
    check_secret_ref(err, at, source, false);
}

static void check_storageos(struct error *err, const struct path *at, const json_t *source,
                            const struct volume_place *place)
{
    (void)place;
    check_storage_os(err, at, source, false);
}

static void check_csi(struct error *err, const struct path *at, const json_t *source,
                      const struct volume_place *place)
{
    const json_t *ref = member_object(source, "nodePublishSecretRef");
    const char *name = rule_text(ref, "name");
    (void)place;
    check_driver_name(err, at, source, "driver");
    if (ref && check_required(err, PATH(at, "nodePublishSecretRef"), ref, "name", NULL))
        rule_named(err, PATH(at, "name"), name, name_check_dns_subdomain); /* sic */
}

/* Of a template's metadata only labels and annotations count. */
static void check_claim_meta(struct error *err, const struct path *at, const json_t *meta)
{
    const char *key;
    json_t *value;
    check_annotation_map(err, PATH(at, "annotations"), member_object(meta, "annotations"));
    check_labels(err, PATH(at, "labels"), member_object(meta, "labels"));
    MAP_EACH (meta, key, value) {
        if (strcmp(key, "labels") != 0 && strcmp(key, "annotations") != 0 && rule_filled(meta, key))
            rule_forbidden(err, PATH(at, key), "cannot be set");
    }
}

static void check_ephemeral(struct error *err, const struct path *at, const json_t *source,
                            const struct volume_place *place)
{
    const json_t *template = member_object(source, "volumeClaimTemplate");
    const struct path *path = PATH(at, "volumeClaimTemplate");
    if (!template) {
        rule_required(err, path, NULL);
    } else {
        check_claim_meta(err, PATH(path, "metadata"), member_object(template, "metadata"));
        check_claim_spec(err, PATH(path, "spec"), member_object(template, "spec"));
    }
    if (!*place->pod || !*place->volume)
        return;
    CLEANUP(free_ptr) char *claim = xasprintf("%s-%s", place->pod, place->volume);
    const char *wrong = name_check_dns_subdomain(claim);
    if (!wrong)
        return;
    CLEANUP(free_ptr) char *detail = xasprintf("PVC name \"%s\": %s", claim, wrong);
    rule_invalid_text(err, PATH(at->up, "name"), place->volume, detail);
}

/* In upstream's order, and with its names. */
static const struct volume_source sources[] = {
    {"emptyDir", {NULL}, check_empty_dir, NULL, NULL},
    {"hostPath", {NULL}, check_host_path, NULL, NULL},
    {"gitRepo", {"repository"}, check_git, NULL, NULL},
    {"gcePersistentDisk", {"pdName"}, check_partition, NULL, "persistentDisk"},
    {"awsElasticBlockStore", {"volumeID"}, check_partition, NULL, NULL},
    {"secret", {"secretName"}, check_keyed, NULL, NULL},
    {"nfs", {"server", "path"}, check_nfs, NULL, NULL},
    {"iscsi", {"targetPortal"}, check_iscsi, NULL, NULL},
    {"glusterfs", {"endpoints", "path"}, NULL, NULL, NULL},
    {"flocker", {NULL}, check_flocker, NULL, NULL},
    {"persistentVolumeClaim", {"claimName"}, NULL, NULL, NULL},
    {"rbd", {"monitors", "image"}, NULL, NULL, NULL},
    {"cinder", {"volumeID"}, check_cinder, NULL, NULL},
    {"cephfs", {"monitors"}, NULL, "cephFS", NULL},
    {"quobyte", {NULL}, check_quobyte, NULL, NULL},
    {"downwardAPI", {NULL}, check_downward, "downwarAPI", NULL},
    {"fc", {NULL}, check_fibre_channel, NULL, NULL},
    {"flexVolume", {"driver"}, check_flex, NULL, NULL},
    {"configMap", {"name"}, check_keyed, NULL, NULL},
    {"azureFile", {"secretName", "shareName"}, NULL, NULL, NULL},
    {"vsphereVolume", {"volumePath"}, NULL, NULL, NULL},
    {"photonPersistentDisk", {"pdID"}, NULL, NULL, NULL},
    {"portworxVolume", {"volumeID"}, NULL, NULL, NULL},
    {"azureDisk", {"diskName", "diskURI"}, check_azure_disk, NULL, NULL},
    {"storageos", {NULL}, check_storageos, NULL, NULL},
    {"projected", {NULL}, check_projected, NULL, NULL},
    {"scaleIO", {"gateway", "system", "volumeName"}, NULL, NULL, NULL},
    {"csi", {NULL}, check_csi, NULL, NULL},
    {"ephemeral", {NULL}, check_ephemeral, NULL, NULL},
};

/* Claims that will be made for the Pod; NULL: none, or its name is not known. */
static json_t *created_claims(const json_t *volumes, const char *pod)
{
    json_t *claims = NULL, *volume;
    LIST_EACH (volumes, i, volume) {
        if (!*pod || !member_object(volume, "ephemeral"))
            continue;
        CLEANUP(free_ptr) char *name = xasprintf("%s-%s", pod, rule_text(volume, "name"));
        claims = claims ? claims : json_object();
        json_object_set_new(claims, name, json_true());
    }
    return claims;
}

json_t *check_volumes(struct error *err, const struct path *path, const json_t *volumes,
                      const char *pod)
{
    json_t *sound = json_array_size(volumes) ? json_object() : NULL, *volume;
    json_auto_t *created = created_claims(volumes, pod);
    LIST_EACH (volumes, i, volume) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(volume, "name"),
                   *claim = rule_text(member_object(volume, "persistentVolumeClaim"), "claimName");
        size_t before = err->cause_count;
        check_volume_sources(err, at, volume, sources, ARRAY_LEN(sources),
                             &(struct volume_place){pod, name});
        check_name_required(err, at, volume, "name", name_check_dns_label);
        if (json_object_get(sound, name))
            rule_duplicate(err, PATH(at, "name"), json_object_get(volume, "name"));
        if (err->cause_count == before)
            json_object_set(sound, name, volume);
        if (json_object_get(created, claim))
            rule_invalid_text(err, PATH(PATH(at, "persistentVolumeClaim"), "claimName"), claim,
                              "must not reference a PVC that gets created for an ephemeral volume");
    }
    return sound;
}
