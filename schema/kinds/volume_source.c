/* Drivers of volumes: what each needs, in Pods and in PersistentVolumes alike. */
#include "schema/kinds/volume.h"

#include "schema/kinds/pod.h"
#include "schema/meta.h"

#define TENANT_MAX    64
#define REGISTRY_FORM "must be a host:port pair or multiple pairs separated by commas"

void check_volume_sources(struct error *err, const struct path *at, const json_t *volume,
                          const struct volume_source *rows, size_t count,
                          const struct volume_place *place)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct volume_source *row = &rows[i];
        const json_t *source = member_object(volume, row->member);
        const struct path *path = PATH(at, row->path ? row->path : row->member);
        if (!source)
            continue;
        if (found++) {
            rule_forbidden(err, PATH(at, row->many ? row->many : row->member),
                           "may not specify more than 1 volume type");
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(row->needs) && row->needs[k]; k++)
            check_required(err, path, source, row->needs[k], NULL);
        if (row->check)
            row->check(err, path, source, place);
    }
    if (found == 0)
        rule_required(err, at, "must specify a volume type");
}

void check_host_path(struct error *err, const struct path *at, const json_t *source,
                     const struct volume_place *place)
{
    static const char *const types[] = {
        "",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
        "File", "FileOrCreate", "Socket",     NULL};
    (void)place;
    if (!check_required(err, at, source, "path", NULL))
        return;
    check_no_backsteps(err, PATH(at, "path"), rule_text(source, "path"));
    check_enum(err, at, source, "type", types);
}

void check_partition(struct error *err, const struct path *at, const json_t *source,
                     const struct volume_place *place)
{
    int64_t partition = rule_int(source, "partition", 0);
    (void)place;
    if (partition < 0 || partition > 255)
        rule_invalid(err, PATH(at, "partition"), json_object_get(source, "partition"),
                     "must be between 1 and 255, inclusive");
}

void check_nfs(struct error *err, const struct path *at, const json_t *source,
               const struct volume_place *place)
{
    (void)place;
    if (rule_text(source, "path")[0] != '/')
        rule_invalid_text(err, PATH(at, "path"), rule_text(source, "path"),
                          "must be an absolute path");
}

void check_flocker(struct error *err, const struct path *at, const json_t *source,
                   const struct volume_place *place)
{
    const char *name = rule_text(source, "datasetName"), *uuid = rule_text(source, "datasetUUID");
    (void)place;
    if (!*name && !*uuid)
        rule_required(err, at, "one of datasetName and datasetUUID is required");
    if (*name && *uuid)
        rule_invalid_text(err, at, "resource",
                          "datasetName and datasetUUID can not be specified simultaneously");
    if (strchr(name, '/'))
        rule_invalid_text(err, PATH(at, "datasetName"), name, "must not contain '/'");
}

/* As Go's net.SplitHostPort takes it. */
static bool is_host_port(struct str text)
{
    struct str host = text;
    const char *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
    if (!colon)
        return false;
    host.len = (size_t)(colon - text.data);
    if (host.len > 1 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = (struct str){host.data + 1, host.len - 2};
    else if (host.len && memchr(host.data, ':', host.len))
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (host.data[i] == '[' || host.data[i] == ']')
            return false;
    for (const char *at = colon; at < text.data + text.len; at++)
        if (*at == '[' || *at == ']')
            return false;
    return true;
}

void check_quobyte(struct error *err, const struct path *at, const json_t *source,
                   const struct volume_place *place)
{
    const char *registry = rule_text(source, "registry");
    struct str rest = str_of(registry);
    (void)place;
    if (!*registry)
        rule_required(err, PATH(at, "registry"), REGISTRY_FORM);
    else if (strlen(rule_text(source, "tenant")) > TENANT_MAX)
        rule_required(err, PATH(at, "tenant"),
                      "must be a UUID and may not exceed a length of 64 characters");
    else
        while (rest.data)
            if (!is_host_port(str_cut(&rest, ',')))
                rule_invalid_text(err, PATH(at, "registry"), registry, REGISTRY_FORM);
    check_required(err, at, source, "volume", NULL);
}

static bool is_word(const char *text, size_t count)
{
    size_t len = 0;
    for (; text[len]; len++)
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", text[len]))
            return false;
    return len == count;
}

/* iqn.2001-04.com.example:storage */
static bool is_iqn(const char *name)
{
    static const char date[] = "dddd-dd.";
    const char *at = name + strlen("iqn.");
    if (!text_starts(name, "iqn."))
        return false;
    for (size_t i = 0; date[i]; i++, at++)
        if (date[i] == 'd' ? *at < '0' || *at > '9' : *at != date[i])
            return false;
    size_t authority = strcspn(at, ":");
    for (size_t i = 0; i < authority; i++)
        if (!strchr("-.", at[i]) && !is_word((const char[]){at[i], '\0'}, 1))
            return false;
    if (authority == 0 || at[authority] != ':')
        return false;
    at += authority + 1;
    return *at && strcspn(at, ",;*&$| \t\n\v\f\r") == strlen(at);
}

static const char *check_initiator(const char *name, const char *form)
{
    bool iqn = text_starts(name, "iqn"), eui = text_starts(name, "eui"),
         naa = text_starts(name, "naa");
    if (!iqn && !eui && !naa)
        return form;
    if (iqn ? is_iqn(name) : name[3] && is_word(name + 4, eui ? 16 : 32))
        return NULL;
    return "must be valid format";
}

bool iscsi_is_too_long(const json_t *source, const char *volume)
{
    return rule_has(source, "initiatorName") &&
           strlen(volume) + 1 + strlen(rule_text(source, "targetPortal")) > ISCSI_PORTAL_MAX;
}

void check_iscsi_target(struct error *err, const struct path *at, const json_t *source,
                        const char *form)
{
    const char *iqn = rule_text(source, "iqn"), *initiator = rule_text(source, "initiatorName"),
               *wrong;
    if (!*iqn)
        rule_required(err, PATH(at, "iqn"), NULL);
    else if ((wrong = check_initiator(iqn, form)))
        rule_invalid_text(err, PATH(at, "iqn"), iqn, wrong);
    check_range(err, at, source, "lun", 0, 255);
    if ((rule_bool(source, "chapAuthDiscovery") || rule_bool(source, "chapAuthSession")) &&
        !member_object(source, "secretRef"))
        rule_required(err, PATH(at, "secretRef"), NULL);
    if (rule_has(source, "initiatorName") && (wrong = check_initiator(initiator, form)))
        rule_invalid_text(err, PATH(at, "initiatorname"), initiator, wrong);
}

void check_fibre_channel(struct error *err, const struct path *at, const json_t *source,
                         const struct volume_place *place)
{
    const json_t *targets = member_array(source, "targetWWNs"),
                 *wwids = member_array(source, "wwids");
    (void)place;
    if (json_array_size(targets) == 0 && json_array_size(wwids) == 0)
        rule_required(err, PATH(at, "targetWWNs"),
                      "must specify either targetWWNs or wwids, but not both");
    if (json_array_size(targets) && json_array_size(wwids))
        rule_invalid_list(err, PATH(at, "targetWWNs"), "string", targets,
                          "targetWWNs and wwids can not be specified simultaneously");
    if (json_array_size(targets) == 0)
        return;
    if (!rule_has(source, "lun"))
        rule_required(err, PATH(at, "lun"), "lun is required if targetWWNs is specified");
    check_range(err, at, source, "lun", 0, 255);
}

static void make_lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

static bool is_reserved(const char *key)
{
    CLEANUP(free_ptr) char *domain = xasprintf(".%.*s", (int)strcspn(key, "/"), key);
    make_lower(domain);
    return text_ends(domain, ".kubernetes.io") || text_ends(domain, ".k8s.io");
}

void check_flex(struct error *err, const struct path *at, const json_t *source,
                const struct volume_place *place)
{
    const char *key;
    json_t *value;
    (void)place;
    MAP_EACH (member_object(source, "options"), key, value) {
        if (is_reserved(key))
            rule_invalid_text(err, PATH_KEY(PATH(at, "options"), key), key,
                              "kubernetes.io and k8s.io namespaces are reserved");
    }
}

void check_azure_disk(struct error *err, const struct path *at, const json_t *source,
                      const struct volume_place *place)
{
    static const char *const caching[] = {"None", "ReadOnly", "ReadWrite", NULL};
    static const char *const kinds[] = {"Dedicated", "Managed", "Shared", NULL};
    static const char *const managed[] = {"/subscriptions/{sub-id}/resourcegroups/{group-name}/"
                                          "providers/microsoft.compute/disks/{disk-id}",
                                          NULL};
    static const char *const blob[] = {
        "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd", NULL};
    const char *uri = rule_text(source, "diskURI");
    bool is_managed = strcmp(rule_text(source, "kind"), "Managed") == 0;
    (void)place;
    check_enum(err, at, source, "cachingMode", caching);
    check_enum(err, at, source, "kind", kinds);
    if (rule_has(source, "kind") && !text_starts(uri, is_managed ? "/subscriptions/" : "https://"))
        rule_not_supported(err, PATH(at, "diskURI"), json_object_get(source, "diskURI"),
                           is_managed ? managed : blob);
}

void check_secret_ref(struct error *err, const struct path *at, const json_t *source,
                      bool has_namespace)
{
    const json_t *ref = member_object(source, "secretRef");
    if (!ref)
        return;
    check_required(err, PATH(at, "secretRef"), ref, "name", NULL);
    if (has_namespace)
        check_required(err, PATH(at, "secretRef"), ref, "namespace", NULL);
}

void check_storage_os(struct error *err, const struct path *at, const json_t *source,
                      bool has_namespace)
{
    check_name_required(err, at, source, "volumeName", name_check_dns_label);
    check_name(err, at, source, "volumeNamespace", name_check_dns_label);
    check_secret_ref(err, at, source, has_namespace);
}
