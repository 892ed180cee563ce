/* Defaults of Pods and of everything that embeds a Pod's spec.
 * Source: pkg/apis/core/v1/defaults.go and conversion.go. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"

/* The tag decides, as the image reference's parser sees it: none and no digest means "latest". */
static bool is_latest(const char *image)
{
    const char *digest = strchr(image, '@');
    size_t len = digest ? (size_t)(digest - image) : strlen(image);
    size_t colon = len;
    for (size_t i = len; i-- > 0 && image[i] != '/';)
        if (image[i] == ':')
            colon = i;
    for (size_t i = 0; i < colon; i++)
        if (image[i] >= 'A' && image[i] <= 'Z')
            return false; /* no reference at all */
    if (len == 0)
        return false;
    if (colon == len)
        return !digest;
    return len - colon == 7 && strncmp(image + colon, ":latest", 7) == 0;
}

static void http_get_defaults(json_t *action)
{
    default_text(action, "path", "/");
    default_text(action, "scheme", "HTTP");
}

static void probe_defaults(json_t *probe)
{
    json_t *grpc = member_object(probe, "grpc");
    if (!probe)
        return;
    default_int_zero(probe, "timeoutSeconds", 1);
    default_int_zero(probe, "periodSeconds", 10);
    default_int_zero(probe, "successThreshold", 1);
    default_int_zero(probe, "failureThreshold", 3);
    http_get_defaults(member_object(probe, "httpGet"));
    if (grpc && !rule_has(grpc, "service"))
        json_object_set_new(grpc, "service", json_string(""));
}

static void field_ref_defaults(json_t *parent)
{
    default_text(member_object(parent, "fieldRef"), "apiVersion", "v1");
}

static void container_defaults(json_t *container)
{
    json_t *lifecycle = member_object(container, "lifecycle"), *item;
    default_text(container, "imagePullPolicy",
                 is_latest(rule_text(container, "image")) ? "Always" : "IfNotPresent");
    default_text(container, "terminationMessagePath", "/dev/termination-log");
    default_text(container, "terminationMessagePolicy", "File");
    LIST_EACH (member_array(container, "ports"), i, item)
        default_text(item, "protocol", "TCP");
    LIST_EACH (member_array(container, "env"), i, item)
        field_ref_defaults(member_object(item, "valueFrom"));
    probe_defaults(member_object(container, "livenessProbe"));
    probe_defaults(member_object(container, "readinessProbe"));
    probe_defaults(member_object(container, "startupProbe"));
    http_get_defaults(member_object(member_object(lifecycle, "postStart"), "httpGet"));
    http_get_defaults(member_object(member_object(lifecycle, "preStop"), "httpGet"));
    resources_defaults(container);
}

static void downward_defaults(json_t *source)
{
    json_t *item;
    LIST_EACH (member_array(source, "items"), i, item)
        field_ref_defaults(item);
}

static void projected_defaults(json_t *volume)
{
    json_t *source;
    LIST_EACH (json_at(volume, "projected", "sources"), i, source) {
        default_int(member_object(source, "serviceAccountToken"), "expirationSeconds", 3600);
        downward_defaults(member_object(source, "downwardAPI"));
    }
}

/* Members of volume sources with a constant default: text, or a number. */
static const struct volume_default {
    const char *source, *member, *text;
    int64_t number;
} volume_texts[] = {
    {"secret", "defaultMode", NULL, 0644},
    {"configMap", "defaultMode", NULL, 0644},
    {"downwardAPI", "defaultMode", NULL, 0644},
    {"projected", "defaultMode", NULL, 0644},
    {"iscsi", "iscsiInterface", "default", 0},
    {"rbd", "pool", "rbd", 0},
    {"rbd", "user", "admin", 0},
    {"rbd", "keyring", "/etc/ceph/keyring", 0},
    {"azureDisk", "cachingMode", "ReadWrite", 0},
    {"azureDisk", "fsType", "ext4", 0},
    {"azureDisk", "kind", "Shared", 0},
    {"scaleIO", "storageMode", "ThinProvisioned", 0},
    {"scaleIO", "fsType", "xfs", 0},
};

void volume_source_defaults(json_t *volume)
{
    for (size_t i = 0; i < ARRAY_LEN(volume_texts); i++) {
        const struct volume_default *row = &volume_texts[i];
        json_t *source = member_object(volume, row->source);
        if (row->text)
            default_text(source, row->member, row->text);
        else
            default_int(source, row->member, row->number);
    }
    default_bool(member_object(volume, "azureDisk"), "readOnly", false);
    if (member_object(volume, "hostPath") && !rule_has(member_object(volume, "hostPath"), "type"))
        json_object_set_new(member_object(volume, "hostPath"), "type", json_string(""));
}

static bool has_source(const json_t *volume)
{
    const char *key;
    json_t *value;
    MAP_EACH (volume, key, value) {
        if (strcmp(key, "name") != 0 && !json_is_null(value))
            return true;
    }
    return false;
}

static void volume_defaults(json_t *volume)
{
    if (!has_source(volume))
        json_object_set_new(volume, "emptyDir", json_object());
    volume_source_defaults(volume);
    downward_defaults(member_object(volume, "downwardAPI"));
    projected_defaults(volume);
    claim_spec_defaults(json_at(volume, "ephemeral", "volumeClaimTemplate", "spec"));
}

/* v1 shows the name twice; either may be given. */
static void account_defaults(json_t *spec)
{
    const char *name = rule_text(spec, "serviceAccountName");
    if (!*name)
        name = rule_text(spec, "serviceAccount");
    if (!*name)
        return;
    CLEANUP(free_ptr) char *copy = xstrdup(name);
    json_set_text(spec, "serviceAccountName", copy);
    json_set_text(spec, "serviceAccount", copy);
}

void pod_spec_defaults(json_t *spec)
{
    json_t *item;
    if (!spec)
        return;
    pod_drop_disabled(spec);
    default_text(spec, "dnsPolicy", "ClusterFirst");
    default_text(spec, "restartPolicy", "Always");
    default_object(spec, "securityContext");
    default_int(spec, "terminationGracePeriodSeconds", 30);
    default_text(spec, "schedulerName", "default-scheduler");
    account_defaults(spec);
    LIST_EACH (member_array(spec, "volumes"), i, item)
        volume_defaults(item);
    for (size_t k = 0; k < POD_LISTS; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, item)
            container_defaults(item);
    resource_list_defaults(member_object(spec, "overhead"));
}

void pod_template_defaults(json_t *owner_spec)
{
    json_t *template = owner_spec ? default_object(owner_spec, "template") : NULL;
    if (template)
        pod_spec_defaults(default_object(template, "spec"));
}

/* Only for Pods, not for templates: limits are requests where none are given. */
static void requests_from_limits(json_t *container)
{
    const char *key;
    json_t *value;
    json_t *resources = member_object(container, "resources");
    json_t *limits = member_object(resources, "limits");
    json_t *requests = json_object_size(limits) ? default_object(resources, "requests") : NULL;
    json_object_foreach (limits, key, value) {
        if (requests && !json_object_get(requests, key))
            json_object_set_new(requests, key, json_deep_copy(value));
    }
}

static void host_ports_from_container_ports(json_t *container)
{
    json_t *port;
    LIST_EACH (member_array(container, "ports"), i, port) {
        if (rule_int(port, "hostPort", 0) == 0 && rule_int(port, "containerPort", 0) != 0)
            json_object_set(port, "hostPort", json_object_get(port, "containerPort"));
    }
}

/* status.podIP is status.podIPs[0]; whichever is given makes the other. */
static void pod_ip_defaults(json_t *status)
{
    const char *ip = rule_text(status, "podIP");
    json_t *ips = member_array(status, "podIPs");
    const char *first = rule_text(json_array_get(ips, 0), "ip");
    if (*ip && strcmp(ip, first) != 0)
        json_object_set_new(status, "podIPs", json_pack("[{s:s}]", "ip", ip));
    else if (!*ip && *first)
        json_object_set_new(status, "podIP", json_string(first));
}

void pod_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec"), *item;
    if (!spec)
        return;
    for (size_t k = 0; k < 2; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, item) {
            requests_from_limits(item);
            if (rule_bool(spec, "hostNetwork"))
                host_ports_from_container_ports(item);
        }
    default_bool(spec, "enableServiceLinks", true);
    pod_spec_defaults(spec);
    pod_ip_defaults(member_object(object, "status"));
}
