/* Volumes: a name, exactly one source, and what each source needs. */
#include "schema/kinds/pod.h"
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

static void check_items(struct error *err, const struct path *path, const json_t *items)
{
    const json_t *item;
    LIST_EACH (items, i, item) {
        const struct path *at = PATH_AT(path, i);
        check_required(err, at, item, "key", NULL);
        if (check_required(err, at, item, "path", NULL))
            check_file_path(err, PATH(at, "path"), rule_text(item, "path"));
        check_mode(err, at, item, "mode");
    }
}

static void check_host_path(struct error *err, const struct path *at, const json_t *source)
{
    static const char *const types[] = {
        "",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
        "File", "FileOrCreate", "Socket",     NULL};
    const char *path = rule_text(source, "path");
    struct str rest = str_of(path);
    if (!check_required(err, at, source, "path", NULL))
        return;
    while (rest.data)
        if (str_is(str_cut(&rest, '/'), "..")) {
            rule_invalid_text(err, PATH(at, "path"), path, "must not contain '..'");
            break;
        }
    check_enum(err, at, source, "type", types);
}

static void check_empty_dir(struct error *err, const struct path *at, const json_t *source)
{
    struct quantity size;
    const char *text = rule_text(source, "sizeLimit");
    if (*text && quantity_parse(str_of(text), &size) && size.nano < 0)
        rule_forbidden(err, PATH(at, "sizeLimit"),
                       "SizeLimit field must be a valid resource quantity");
}

static void check_secret(struct error *err, const struct path *at, const json_t *source)
{
    check_required(err, at, source, "secretName", NULL);
    check_mode(err, at, source, "defaultMode");
    check_items(err, PATH(at, "items"), member_array(source, "items"));
}

static void check_config_map(struct error *err, const struct path *at, const json_t *source)
{
    check_required(err, at, source, "name", NULL);
    check_mode(err, at, source, "defaultMode");
    check_items(err, PATH(at, "items"), member_array(source, "items"));
}

static void check_claim(struct error *err, const struct path *at, const json_t *source)
{
    check_required(err, at, source, "claimName", NULL);
}

static void check_downward_file(struct error *err, const struct path *at, const json_t *file)
{
    const json_t *field = member_object(file, "fieldRef"),
                 *resource = member_object(file, "resourceFieldRef");
    if (check_required(err, at, file, "path", NULL))
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

static void check_downward(struct error *err, const struct path *at, const json_t *source)
{
    const json_t *file;
    check_mode(err, at, source, "defaultMode");
    LIST_EACH (member_array(source, "items"), i, file)
        check_downward_file(err, at, file); /* upstream does not say which */
}

static void check_token(struct error *err, const struct path *at, const json_t *source)
{
    int64_t seconds = rule_int(source, "expirationSeconds", 3600);
    const json_t *value = json_object_get(source, "expirationSeconds");
    if (seconds < 600)
        rule_invalid(err, PATH(at, "expirationSeconds"), value,
                     "may not specify a duration less than 10 minutes");
    if (seconds > (int64_t)1 << 32)
        rule_invalid(err, PATH(at, "expirationSeconds"), value,
                     "may not specify a duration larger than 2^32 seconds");
    if (check_required(err, at, source, "path", NULL))
        check_file_path(err, PATH(at, "path"), rule_text(source, "path"));
}

static void check_projected_named(struct error *err, const struct path *at, const json_t *source)
{
    check_required(err, at, source, "name", NULL);
    check_items(err, PATH(at, "items"), member_array(source, "items"));
}

static void check_bundle(struct error *err, const struct path *at, const json_t *source)
{
    if (check_required(err, at, source, "path", NULL))
        check_file_path(err, PATH(at, "path"), rule_text(source, "path"));
}

struct source_row {
    const char *member;
    void (*check)(struct error *err, const struct path *at, const json_t *source);
};

static const struct source_row projected_rows[] = {
    {"secret", check_projected_named},    {"configMap", check_projected_named},
    {"downwardAPI", check_downward},      {"serviceAccountToken", check_token},
    {"clusterTrustBundle", check_bundle},
};

/* Two sources may not write the same file. */
static void check_file_once(struct error *err, const struct path *at, const json_t *source,
                            json_t *files)
{
    const json_t *item;
    const char *path = rule_text(source, "path");
    if (*path && json_object_get(files, path))
        rule_invalid_text(err, at, path, "conflicting duplicate paths");
    if (*path)
        json_object_set_new(files, path, json_true());
    LIST_EACH (member_array(source, "items"), i, item) {
        path = rule_text(item, "path");
        if (*path && json_object_get(files, path))
            rule_invalid_text(err, at, path, "conflicting duplicate paths");
        if (*path)
            json_object_set_new(files, path, json_true());
    }
}

static void check_projected(struct error *err, const struct path *at, const json_t *volume)
{
    const json_t *source;
    json_auto_t *files = json_object();
    check_mode(err, at, volume, "defaultMode");
    LIST_EACH (member_array(volume, "sources"), i, source) {
        const struct path *path = PATH_AT(PATH(at, "sources"), i);
        size_t count = 0;
        for (size_t k = 0; k < ARRAY_LEN(projected_rows); k++) {
            const json_t *part = member_object(source, projected_rows[k].member);
            if (!part)
                continue;
            if (count++)
                rule_forbidden(err, PATH(path, projected_rows[k].member),
                               "may not specify more than 1 volume type per source");
            projected_rows[k].check(err, PATH(path, projected_rows[k].member), part);
            check_file_once(err, at, part, files);
        }
        if (count == 0)
            rule_required(err, path, "must specify a projection source");
    }
}

static void check_nfs(struct error *err, const struct path *at, const json_t *source)
{
    check_required(err, at, source, "server", NULL);
    if (check_required(err, at, source, "path", NULL) && rule_text(source, "path")[0] != '/')
        rule_invalid_text(err, PATH(at, "path"), rule_text(source, "path"),
                          "must be an absolute path");
}

static void check_csi(struct error *err, const struct path *at, const json_t *source)
{
    check_name_required(err, at, source, "driver", name_check_dns_subdomain);
    if (rule_has(source, "nodePublishSecretRef"))
        check_required(err, PATH(at, "nodePublishSecretRef"),
                       member_object(source, "nodePublishSecretRef"), "name", NULL);
}

static void check_ephemeral(struct error *err, const struct path *at, const json_t *source)
{
    const json_t *template = member_object(source, "volumeClaimTemplate");
    if (!template)
        rule_required(err, PATH(at, "volumeClaimTemplate"), NULL);
    else
        check_claim_spec(err, PATH(PATH(at, "volumeClaimTemplate"), "spec"),
                         member_object(template, "spec"));
}

static void check_iscsi(struct error *err, const struct path *at, const json_t *source)
{
    check_required(err, at, source, "targetPortal", NULL);
    check_required(err, at, source, "iqn", NULL);
}

static void check_nothing(struct error *err, const struct path *at, const json_t *source)
{
    (void)err;
    (void)at;
    (void)source;
}

/* In upstream's order: the first is checked, every further one is one too many. */
static const struct source_row source_rows[] = {
    {"emptyDir", check_empty_dir},
    {"hostPath", check_host_path},
    {"gitRepo", check_nothing},
    {"gcePersistentDisk", check_nothing},
    {"awsElasticBlockStore", check_nothing},
    {"secret", check_secret},
    {"nfs", check_nfs},
    {"iscsi", check_iscsi},
    {"glusterfs", check_nothing},
    {"flocker", check_nothing},
    {"persistentVolumeClaim", check_claim},
    {"rbd", check_nothing},
    {"cephfs", check_nothing},
    {"quobyte", check_nothing},
    {"downwardAPI", check_downward},
    {"fc", check_nothing},
    {"configMap", check_config_map},
    {"azureFile", check_nothing},
    {"flexVolume", check_nothing},
    {"vsphereVolume", check_nothing},
    {"photonPersistentDisk", check_nothing},
    {"portworxVolume", check_nothing},
    {"azureDisk", check_nothing},
    {"storageos", check_nothing},
    {"projected", check_projected},
    {"scaleIO", check_nothing},
    {"csi", check_csi},
    {"ephemeral", check_ephemeral},
    {"cinder", check_nothing},
    {"image", check_nothing},
};

static void check_source(struct error *err, const struct path *at, const json_t *volume)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(source_rows); i++) {
        const json_t *source = member_object(volume, source_rows[i].member);
        if (!source)
            continue;
        if (count++)
            rule_forbidden(err, PATH(at, source_rows[i].member),
                           "may not specify more than 1 volume type");
        else
            source_rows[i].check(err, PATH(at, source_rows[i].member), source);
    }
    if (count == 0)
        rule_required(err, at, "must specify a volume type");
}

void check_volumes(struct error *err, const struct path *path, const json_t *volumes)
{
    const json_t *volume;
    json_auto_t *seen = rule_set(volumes);
    LIST_EACH (volumes, i, volume) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(volume, "name");
        check_source(err, at, volume);
        check_name_required(err, at, volume, "name", name_check_dns_label);
        if (*name && json_object_get(seen, name))
            rule_duplicate(err, PATH(at, "name"), json_object_get(volume, "name"));
        json_object_set_new(seen, name, json_true());
    }
}
