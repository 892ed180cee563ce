/* Containers: names, images, ports, environment, mounts, resources.
 * Source: validateContainers and its parts in pkg/apis/core/validation. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"
#include "base/quantity.h"

#define ONE_OF_ENV                                                                                 \
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
#define ONLY_ONE "may not have more than one field specified at a time"

static const char *const pull_policies[] = {"Always", "IfNotPresent", "Never", NULL};
static const char *const message_policies[] = {"File", "FallbackToLogsOnError", NULL};
static const char *const propagations[] = {"Bidirectional", "HostToContainer", "None", NULL};
static const char *const recursive_modes[] = {"Disabled", "Enabled", "IfPossible", NULL};

static const char *const env_paths[] = {
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
    NULL,
};

static bool has_backsteps(const char *value)
{
    struct str rest = str_of(value);
    while (rest.data)
        if (str_is(str_cut(&rest, '/'), ".."))
            return true;
    return false;
}

void check_no_backsteps(struct error *err, const struct path *path, const char *value)
{
    if (has_backsteps(value))
        rule_invalid_text(err, path, value, "must not contain '..'");
}

void check_local_path(struct error *err, const struct path *path, const char *value)
{
    if (*value == '/')
        rule_invalid_text(err, path, value, "must be a relative path");
    check_no_backsteps(err, path, value);
}

/* "metadata.labels['key']": true, with what is before and the key. */
static bool split_subscript(const char *path, struct str *name, char **key)
{
    const char *open = strstr(path, "['");
    if (!open || open == path || !text_ends(open + 2, "']"))
        return false;
    *name = (struct str){path, (size_t)(open - path)};
    *key = xstrndup(open + 2, strlen(open + 2) - 2);
    return true;
}

/* A bad key is blamed on the reference as a whole; annotations' are shown in lower case. */
static void check_subscript(struct error *err, const struct path *at, const char *text,
                            struct str name, char *key)
{
    bool annotation = str_is(name, "metadata.annotations");
    if (!annotation && !str_is(name, "metadata.labels")) {
        CLEANUP(free_ptr)
        char *detail = xasprintf(
            "error converting fieldPath: field label does not support subscript: %s", text);
        rule_invalid_text(err, PATH(at, "fieldPath"), text, detail);
        return;
    }
    for (char *c = key; annotation && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    rule_named(err, at, key, name_check_qualified);
}

void check_field_ref(struct error *err, const struct path *at, const json_t *ref,
                     const char *const *paths)
{
    static const char *const known[] = {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.labels",
        "metadata.annotations",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.serviceAccountName",
        "spec.schedulerName",
        "status.phase",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
        "spec.host",
        NULL,
    };
    const char *text = rule_text(ref, "fieldPath"), *version = rule_text(ref, "apiVersion");
    const struct path *path = PATH(at, "fieldPath");
    struct str name;
    CLEANUP(free_ptr) char *key = NULL;
    if (!check_required(err, at, ref, "apiVersion", NULL) ||
        !check_required(err, at, ref, "fieldPath", NULL))
        return;
    if (strcmp(version, "v1") != 0) {
        CLEANUP(free_ptr)
        char *detail =
            xasprintf("error converting fieldPath: unsupported pod version: %s", version);
        rule_invalid_text(err, path, text, detail);
    } else if (split_subscript(text, &name, &key)) {
        check_subscript(err, at, text, name, key);
    } else if (!rule_one_of(text, known)) {
        CLEANUP(free_ptr)
        char *detail = xasprintf("error converting fieldPath: field label not supported: %s", text);
        rule_invalid_text(err, path, text, detail);
    } else if (!rule_one_of(strcmp(text, "spec.host") == 0 ? "spec.nodeName" : text, paths)) {
        rule_not_supported(err, path, json_object_get(ref, "fieldPath"), paths);
    }
}

/* What a resource may be divided by; by the name's end, or its beginning. */
static const struct divisor_row {
    const char *resource;
    bool is_cpu;
    const char *told;
} divisor_rows[] = {
    {"cpu", true, "cpu"},
    {"memory", false, "memory"},
    {"ephemeral-storage", false, "local ephemeral storage"},
    {"hugepages-", false, "hugepages"},
};

static void check_divisor(struct error *err, const struct path *at, const char *resource,
                          const char *text)
{
    static const char *const cpu[] = {"1m", "1", NULL};
    static const char *const bytes[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P",  "1E",
                                        "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei", NULL};
    char shown[QUANTITY_TEXT_SIZE];
    struct quantity divisor;
    const char *name = strchr(resource, '.');
    if (!name || !quantity_parse(str_of(text), &divisor) || divisor.nano == 0)
        return;
    quantity_format(&divisor, shown);
    for (size_t i = 0; i < ARRAY_LEN(divisor_rows); i++) {
        const struct divisor_row *row = &divisor_rows[i];
        if (!text_starts(name + 1, row->resource) || rule_one_of(shown, row->is_cpu ? cpu : bytes))
            continue;
        CLEANUP(free_ptr)
        char *detail = xasprintf("only divisor's values %s are supported with the %s resource",
                                 row->is_cpu ? "1m and 1"
                                             : "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, "
                                               "1Pi, 1Ei",
                                 row->told);
        rule_invalid_text(err, PATH(at, "divisor"), resource, detail);
    }
}

void check_resource_field_ref(struct error *err, const struct path *at, const json_t *ref,
                              bool needs_container)
{
    static const char *const known[] = {"limits.cpu",
                                        "limits.ephemeral-storage",
                                        "limits.memory",
                                        "requests.cpu",
                                        "requests.ephemeral-storage",
                                        "requests.memory",
                                        NULL};
    const char *resource = rule_text(ref, "resource");
    bool huge =
        text_starts(resource, "limits.hugepages-") || text_starts(resource, "requests.hugepages-");
    bool sound = huge || rule_one_of(resource, known);
    if ((!needs_container || check_required(err, at, ref, "containerName", NULL)) &&
        check_required(err, at, ref, "resource", NULL) && !sound)
        rule_not_supported(err, PATH(at, "resource"), json_object_get(ref, "resource"), known);
    if (sound)
        check_divisor(err, at, resource, rule_text(ref, "divisor"));
}

static void check_key_ref(struct error *err, const struct path *at, const json_t *ref)
{
    rule_named(err, PATH(at, "name"), rule_text(ref, "name"), name_check_dns_subdomain);
    check_name_required(err, at, ref, "key", value_check_config_key);
}

static void check_value_from(struct error *err, const struct path *at, const json_t *variable)
{
    static const char *const sources[] = {"fieldRef", "resourceFieldRef", "configMapKeyRef",
                                          "secretKeyRef"};
    const json_t *from = member_object(variable, "valueFrom");
    size_t count = 0;
    if (!from)
        return;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        const json_t *source = member_object(from, sources[i]);
        const struct path *path = PATH(at, sources[i]);
        count += source != NULL;
        if (source && i == 0)
            check_field_ref(err, path, source, env_paths);
        else if (source && i == 1)
            check_resource_field_ref(err, path, source, false);
        else if (source)
            check_key_ref(err, path, source);
    }
    if (count == 0)
        rule_invalid_text(err, at, "", ONE_OF_ENV);
    else if (*rule_text(variable, "value"))
        rule_invalid_text(err, at, "", "may not be specified when `value` is not empty");
    else if (count > 1)
        rule_invalid_text(err, at, "", ONLY_ONE);
}

static void check_env(struct error *err, const struct path *path, const json_t *list)
{
    const json_t *variable;
    LIST_EACH (list, i, variable) {
        const struct path *at = PATH_AT(path, i);
        check_name_required(err, at, variable, "name", value_check_env_name);
        check_value_from(err, PATH(at, "valueFrom"), variable);
    }
}

static void check_env_from(struct error *err, const struct path *path, const json_t *list)
{
    static const char *const sources[] = {"configMapRef", "secretRef"};
    const json_t *item;
    LIST_EACH (list, i, item) {
        const struct path *at = PATH_AT(path, i);
        size_t count = 0;
        check_name(err, at, item, "prefix", value_check_env_name);
        for (size_t k = 0; k < ARRAY_LEN(sources); k++) {
            const json_t *source = member_object(item, sources[k]);
            count += source != NULL;
            if (source && check_required(err, PATH(at, sources[k]), source, "name", NULL) &&
                name_check("dns-subdomain", rule_text(source, "name"), true))
                rule_invalid_text(err, PATH(PATH(at, sources[k]), "name"),
                                  rule_text(source, "name"),
                                  name_check("dns-subdomain", rule_text(source, "name"), true));
        }
        if (count == 0)
            rule_invalid_text(err, path, "", "must specify one of: `configMapRef` or `secretRef`");
        else if (count > 1)
            rule_invalid_text(err, path, "", ONLY_ONE);
    }
}

static void check_port(struct error *err, const struct path *at, const json_t *port)
{
    if (rule_int(port, "containerPort", 0) == 0)
        rule_required(err, PATH(at, "containerPort"), NULL);
    else
        check_range(err, at, port, "containerPort", 1, 65535);
    if (rule_int(port, "hostPort", 0) != 0)
        check_range(err, at, port, "hostPort", 1, 65535);
    check_enum_required(err, at, port, "protocol", protocols);
}

static void check_ports(struct error *err, const struct path *path, const json_t *ports)
{
    const json_t *port;
    json_auto_t *seen = rule_set(ports);
    LIST_EACH (ports, i, port) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(port, "name");
        check_name(err, at, port, "name", value_check_port_name);
        if (*name && !value_check_port_name(name) && rule_seen(seen, name))
            rule_duplicate(err, PATH(at, "name"), json_object_get(port, "name"));
        check_port(err, at, port);
    }
}

/* What containers refer to, by name; sets and indexes of the Pod's and of the container's own
 * lists. */
struct pod_names {
    const json_t *volumes, *containers, *init_containers;
    /* of the container at hand */
    const json_t *devices, *device_paths, *mounts, *mount_paths;
};

/* `at`: the list of mounts. Upstream does not say which. */
static void check_propagation(struct error *err, const struct path *at, const json_t *mount,
                              const json_t *container)
{
    bool privileged = json_is_true(json_at(container, "securityContext", "privileged"));
    const char *mode = rule_text(mount, "mountPropagation"),
               *recursive = rule_text(mount, "recursiveReadOnly");
    check_enum(err, at, mount, "mountPropagation", propagations);
    if (strcmp(mode, "Bidirectional") == 0 && !privileged)
        rule_forbidden(
            err, PATH(at, "mountPropagation"),
            "Bidirectional mount propagation is available only to privileged containers");
    check_enum(err, at, mount, "recursiveReadOnly", recursive_modes);
    if (!rule_one_of(recursive, (const char *const[]){"Enabled", "IfPossible", NULL}))
        return;
    if (!rule_bool(mount, "readOnly"))
        rule_forbidden(err, PATH(at, "recursiveReadOnly"),
                       "may only be specified when readOnly is true");
    if (*mode && strcmp(mode, "None") != 0)
        rule_forbidden(err, PATH(at, "recursiveReadOnly"),
                       "may only be specified when mountPropagation is None or not specified");
}

static void check_mount(struct error *err, const struct path *at, const json_t *mount,
                        const struct pod_names *names, json_t *seen)
{
    const char *name = rule_text(mount, "name"), *where = rule_text(mount, "mountPath");
    check_required(err, at, mount, "name", NULL);
    if (!json_object_get(names->volumes, name))
        rule_not_found(err, PATH(at, "name"), json_object_get(mount, "name"));
    check_required(err, at, mount, "mountPath", NULL);
    if (rule_seen(seen, where))
        rule_invalid_text(err, PATH(at, "mountPath"), where, "must be unique");
    if (*name && json_object_get(names->devices, name))
        rule_invalid_text(err, PATH(at, "name"), name, "must not already exist in volumeDevices");
    if (*where && json_object_get(names->device_paths, where))
        rule_invalid_text(err, PATH(at, "mountPath"), where,
                          "must not already exist as a path in volumeDevices");
    check_local_path(err, PATH(at->up, "subPath"), rule_text(mount, "subPath"));
    if (*rule_text(mount, "subPathExpr") && *rule_text(mount, "subPath"))
        rule_invalid_text(err, PATH(at, "subPathExpr"), rule_text(mount, "subPathExpr"),
                          "subPathExpr and subPath are mutually exclusive");
    check_local_path(err, PATH(at->up, "subPathExpr"), rule_text(mount, "subPathExpr"));
}

static void check_mounts(struct error *err, const struct path *path, const json_t *container,
                         const struct pod_names *names)
{
    const json_t *mounts = member_array(container, "volumeMounts"), *mount;
    json_auto_t *seen = rule_set(mounts);
    LIST_EACH (mounts, i, mount) {
        check_mount(err, PATH_AT(path, i), mount, names, seen);
        check_propagation(err, path, mount, container);
    }
}

static void check_devices(struct error *err, const struct path *path, const json_t *container,
                          const struct pod_names *names)
{
    const json_t *devices = member_array(container, "volumeDevices"), *device;
    LIST_EACH (devices, i, device) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(device, "name"), *where = rule_text(device, "devicePath");
        const json_t *volume = json_object_get(names->volumes, name);
        check_required(err, at, device, "name", NULL);
        if (json_object_get(names->devices, name) != device)
            rule_invalid_text(err, PATH(at, "name"), name, "must be unique");
        if (volume && !rule_has(volume, "persistentVolumeClaim") && !rule_has(volume, "ephemeral"))
            rule_invalid_text(err, PATH(at, "name"), name,
                              "can only use volume source type of PersistentVolumeClaim or "
                              "Ephemeral for block mode");
        if (!volume)
            rule_not_found(err, PATH(at, "name"), json_object_get(device, "name"));
        check_required(err, at, device, "devicePath", NULL);
        if (*where && json_object_get(names->device_paths, where) != device)
            rule_invalid_text(err, PATH(at, "devicePath"), where, "must be unique");
        if (has_backsteps(where))
            rule_invalid_text(err, PATH(at, "devicePath"), where,
                              "can not contain backsteps ('..')");
        if (json_object_get(names->mounts, name))
            rule_invalid_text(err, PATH(at, "name"), name,
                              "must not already exist in volumeMounts");
        if (json_object_get(names->mount_paths, where))
            rule_invalid_text(err, PATH(at, "devicePath"), where,
                              "must not already exist as a path in volumeMounts");
    }
}

static bool is_container_resource(const char *name)
{
    return rule_one_of(name, (const char *const[]){"cpu", "memory", "ephemeral-storage", NULL}) ||
           resource_is_hugepages(name);
}

/* Of another domain than Kubernetes' own. */
static bool is_foreign(const char *name)
{
    return strchr(name, '/') && !strstr(name, "kubernetes.io/");
}

void check_container_resource_name(struct error *err, const struct path *path, const char *name)
{
    check_resource_name(err, path, name);
    if (!strchr(name, '/') && !is_container_resource(name))
        rule_invalid_text(err, path, name, "must be a standard resource for containers");
    else if (is_foreign(name) && !resource_is_extended(name))
        rule_invalid_text(err, path, name, "doesn't follow extended resource name standard");
}

bool resource_can_overcommit(const char *name)
{
    return !is_foreign(name) && !resource_is_hugepages(name);
}

/* Whole pages, of the size that the name ends in. */
static bool is_whole_pages(const char *name, const struct quantity *amount)
{
    struct quantity page;
    if (!quantity_parse(str_of(name + strlen("hugepages-")), &page) || page.nano <= 0 ||
        quantity_milli(&page) % 1000)
        return false;
    return quantity_value(amount) % quantity_value(&page) == 0;
}

static void check_amount(struct error *err, const struct path *path, const char *name,
                         const json_t *value)
{
    struct quantity quantity;
    const char *text = json_string_value(value);
    check_container_resource_name(err, path, name);
    check_resource_amount(err, path, name, value);
    if (!resource_is_hugepages(name) || !text || !quantity_parse(str_of(text), &quantity) ||
        is_whole_pages(name, &quantity))
        return;
    CLEANUP(free_ptr)
    char *detail = xasprintf("%s is not positive integer multiple of %s", text, name);
    rule_invalid_text(err, path, text, detail);
}

/* A request against its limit. Extended resources and huge pages cannot be overcommitted. */
static void check_request(struct error *err, const struct path *at, const char *name,
                          const json_t *request, const json_t *limit)
{
    struct quantity want, max;
    bool fixed = !resource_can_overcommit(name);
    if (!limit) {
        if (fixed)
            rule_required(err, PATH(at, "limits"),
                          "Limit must be set for non overcommitable resources");
        return;
    }
    if (!json_is_string(request) || !json_is_string(limit) ||
        !quantity_parse(str_of(json_string_value(request)), &want) ||
        !quantity_parse(str_of(json_string_value(limit)), &max))
        return;
    int order = quantity_compare(&want, &max);
    if (fixed && order != 0)
        rule_invalid(err, PATH(at, "requests"), request, "must be equal to %s limit of %s", name,
                     json_string_value(limit));
    else if (order > 0)
        rule_invalid(err, PATH(at, "requests"), request,
                     "must be less than or equal to %s limit of %s", name,
                     json_string_value(limit));
}

void check_resources(struct error *err, const struct path *at, const json_t *resources)
{
    const json_t *limits = member_object(resources, "limits"),
                 *requests = member_object(resources, "requests");
    const char *name;
    json_t *value;
    bool huge = false, plain = false;
    MAP_EACH (limits, name, value) {
        check_amount(err, PATH_KEY(PATH(at, "limits"), name), name, value);
        huge = huge || resource_is_hugepages(name);
        plain = plain || strcmp(name, "cpu") == 0 || strcmp(name, "memory") == 0;
    }
    MAP_EACH (requests, name, value) {
        check_amount(err, PATH_KEY(PATH(at, "requests"), name), name, value);
        check_request(err, at, name, value, json_object_get(limits, name));
        plain = plain || strcmp(name, "cpu") == 0 || strcmp(name, "memory") == 0;
    }
    if (huge && !plain)
        rule_forbidden(err, at, "HugePages require cpu or memory");
}

/* By the rules of limits, and told by their path, as upstream's ValidateOverhead does. */
void check_overhead(struct error *err, const struct path *at, const json_t *amounts)
{
    json_auto_t *limits = amounts ? json_object() : NULL;
    if (limits)
        json_object_set(limits, "limits", (json_t *)(uintptr_t)amounts);
    check_resources(err, at, limits);
}

void check_image_space(struct error *err, const struct path *at, const json_t *container)
{
    const char *image = rule_text(container, "image");
    if (*image && str_trim(str_of(image)).len != strlen(image))
        rule_invalid_text(err, PATH(at, "image"), image,
                          "must not have leading or trailing whitespace");
}

static void check_container(struct error *err, const struct path *at, const json_t *container,
                            struct pod_names *names)
{
    const json_t *device_list = member_array(container, "volumeDevices"),
                 *mount_list = member_array(container, "volumeMounts");
    json_auto_t *devices = rule_index(device_list, "name"),
                *device_paths = rule_index(device_list, "devicePath"),
                *mounts = device_list ? rule_index(mount_list, "name") : NULL,
                *mount_paths = device_list ? rule_index(mount_list, "mountPath") : NULL;
    names->devices = devices;
    names->device_paths = device_paths;
    names->mounts = mounts;
    names->mount_paths = mount_paths;
    check_name_required(err, at, container, "name", name_check_dns_label);
    check_required(err, at, container, "image", NULL);
    check_enum_required(err, at, container, "terminationMessagePolicy", message_policies);
    check_ports(err, PATH(at, "ports"), member_array(container, "ports"));
    check_env(err, PATH(at, "env"), member_array(container, "env"));
    check_env_from(err, PATH(at, "envFrom"), member_array(container, "envFrom"));
    check_mounts(err, PATH(at, "volumeMounts"), container, names);
    check_devices(err, PATH(at, "volumeDevices"), container, names);
    check_enum_required(err, at, container, "imagePullPolicy", pull_policies);
    check_resources(err, PATH(at, "resources"), member_object(container, "resources"));
    check_security_context(err, PATH(at, "securityContext"),
                           member_object(container, "securityContext"));
}

/* Names are unique among all three lists; `seen` holds those so far. */
static void check_unique(struct error *err, const struct path *at, const json_t *container,
                         json_t *seen)
{
    if (rule_seen(seen, rule_text(container, "name")))
        rule_duplicate(err, PATH(at, "name"), json_object_get(container, "name"));
}

static void check_host_ports(struct error *err, const struct path *path, const json_t *container,
                             json_t *used)
{
    const json_t *port;
    LIST_EACH (member_array(container, "ports"), i, port) {
        int64_t host = rule_int(port, "hostPort", 0);
        if (host == 0)
            continue;
        CLEANUP(free_ptr)
        char *id = xasprintf("%s/%s/%lld", rule_text(port, "protocol"), rule_text(port, "hostIP"),
                             (long long)host);
        if (rule_seen(used, id)) {
            json_auto_t *shown = json_string(id);
            rule_duplicate(err, PATH(PATH_AT(PATH(path, "ports"), i), "hostPort"), shown);
        }
    }
}

static void check_main_container(struct error *err, const struct path *at, const json_t *container,
                                 const json_t *spec, const struct pod_names *names, json_t *seen)
{
    (void)names;
    check_unique(err, at, container, seen);
    check_lifecycle(err, PATH(at, "lifecycle"), member_object(container, "lifecycle"), spec);
    check_probes(err, at, container, spec);
    check_forbidden(err, at, container, "restartPolicy", "may not be set for non-init containers");
}

/* One runs after the other, so that only its own host ports are in a container's way; upstream
 * blames the first. */
static void check_init_container(struct error *err, const struct path *at, const json_t *container,
                                 const json_t *spec, const struct pod_names *names, json_t *seen)
{
    static const char *const members[] = {"lifecycle", "livenessProbe", "readinessProbe",
                                          "startupProbe"};
    json_auto_t *used = json_object();
    (void)names;
    check_enum(err, at, container, "restartPolicy", (const char *const[]){"Always", NULL});
    check_unique(err, at, container, seen);
    check_host_ports(err, PATH_AT(at->up, 0), container, used);
    if (strcmp(rule_text(container, "restartPolicy"), "Always") == 0) {
        check_lifecycle(err, PATH(at, "lifecycle"), member_object(container, "lifecycle"), spec);
        check_probes(err, at, container, spec);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        check_forbidden(err, at, container, members[i],
                        "may not be set for init containers without restartPolicy=Always");
}

static void check_ephemeral(struct error *err, const struct path *at, const json_t *container,
                            const json_t *spec, const struct pod_names *names, json_t *seen)
{
    static const char detail[] = "cannot be set for an Ephemeral Container";
    static const char *const members[] = {"ports",         "resources",      "restartPolicy",
                                          "livenessProbe", "readinessProbe", "startupProbe",
                                          "lifecycle"};
    static const char *const paths[] = {"subPath", "subPathExpr"};
    const char *target = rule_text(container, "targetContainerName");
    const json_t *mount;
    (void)spec;
    check_image_space(err, at, container);
    check_unique(err, at, container, seen);
    if (*target && !json_object_get(names->containers, target) &&
        !json_object_get(names->init_containers, target))
        rule_not_found(err, PATH(at, "targetContainerName"),
                       json_object_get(container, "targetContainerName"));
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (rule_filled(container, members[i]))
            rule_forbidden(err, PATH(at, members[i]), detail);
    LIST_EACH (member_array(container, "volumeMounts"), i, mount)
        for (size_t k = 0; k < ARRAY_LEN(paths); k++)
            if (*rule_text(mount, paths[k]))
                rule_forbidden(err, PATH(PATH_AT(PATH(at, "volumeMounts"), i), paths[k]), detail);
}

static const struct container_list {
    const char *member;
    void (*check)(struct error *err, const struct path *at, const json_t *container,
                  const json_t *spec, const struct pod_names *names, json_t *seen);
} container_lists[] = {
    {"containers", check_main_container},
    {"initContainers", check_init_container},
    {"ephemeralContainers", check_ephemeral},
};

void check_containers(struct error *err, const struct path *at, const json_t *spec,
                      const json_t *volumes)
{
    json_auto_t *seen = json_object(), *used = json_object();
    json_auto_t *mains = rule_index(member_array(spec, "containers"), "name");
    json_auto_t *inits = rule_index(member_array(spec, "initContainers"), "name");
    struct pod_names names = {.volumes = volumes, .containers = mains, .init_containers = inits};
    const json_t *container;
    if (json_array_size(member_array(spec, "containers")) == 0)
        rule_required(err, PATH(at, "containers"), NULL);
    for (size_t k = 0; k < ARRAY_LEN(container_lists); k++) {
        const struct container_list *row = &container_lists[k];
        LIST_EACH (member_array(spec, row->member), i, container) {
            const struct path *path = PATH_AT(PATH(at, row->member), i);
            check_container(err, path, container, &names);
            row->check(err, path, container, spec, &names, seen);
        }
        if (k == 0)
            LIST_EACH (member_array(spec, row->member), i, container)
                check_host_ports(err, PATH_AT(PATH(at, row->member), i), container, used);
    }
}
