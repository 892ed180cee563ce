#include "schema/advice.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "base/str.h"
#include "schema/meta.h"

struct advice {
    const char *prefix; /* in front of field paths: "spec.template." */
    struct warnings *warnings;
};

struct told {
    const char *key, *text;
};

static const struct told old_labels[] = {
    {"beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
    {"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
    {"failure-domain.beta.kubernetes.io/region",
     "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
    {"failure-domain.beta.kubernetes.io/zone",
     "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
    {"beta.kubernetes.io/instance-type",
     "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"},
};
static const struct told pod_annotations[] = {
    {"scheduler.alpha.kubernetes.io/critical-pod",
     "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
    {"security.alpha.kubernetes.io/sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"},
    {"security.alpha.kubernetes.io/unsafe-sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"},
};
static const struct told volume_annotations[] = {
    {"volume.beta.kubernetes.io/storage-class",
     "deprecated since v1.8; use \"storageClassName\" attribute instead"},
    {"volume.beta.kubernetes.io/mount-options",
     "deprecated since v1.31; use \"mountOptions\" attribute instead"},
};
static const struct told claim_annotations[] = {
    {"volume.beta.kubernetes.io/storage-class",
     "deprecated since v1.8; use \"storageClassName\" attribute instead"},
};
static const struct told volume_sources[] = {
    {"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
    {"gitRepo", "deprecated in v1.11"},
    {"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
    {"flocker", "deprecated in v1.22, non-functional in v1.25+"},
    {"storageos", "deprecated in v1.22, non-functional in v1.25+"},
    {"quobyte", "deprecated in v1.22, non-functional in v1.25+"},
    {"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
    {"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    {"rbd", "deprecated in v1.28, non-functional in v1.31+"},
};

/* A warning about a field; `format` begins with its path behind the prefix. */
PRINTF_LIKE(2, 3) static void warn(const struct advice *advice, const char *format, ...)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    va_list args;
    buf_add_text(&text, advice->prefix);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (buf_ok(&text))
        warnings_add(advice->warnings, text.data);
}

static const char *find_told(const struct told *rows, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (text_eq(rows[i].key, key))
            return rows[i].text;
    return NULL;
}

static const char *old_label(const char *key)
{
    return find_told(old_labels, ARRAY_LEN(old_labels), key);
}

static void about_members(const struct advice *advice, const json_t *members, const char *path,
                          const struct told *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (json_object_get(members, rows[i].key))
            warn(advice, "%s[%s]: %s", path, rows[i].key, rows[i].text);
}

/* ---- selectors and affinity ---- */

static void about_terms(const struct advice *advice, const json_t *terms, const char *path,
                        const char *inside)
{
    size_t i, k;
    json_t *item, *expression;
    json_array_foreach (terms, i, item) {
        const json_t *term = *inside ? json_object_get(item, inside) : item;
        json_array_foreach (json_object_get(term, "matchExpressions"), k, expression) {
            const char *key = json_text(expression, "key"), *text = old_label(key);
            if (text)
                warn(advice, "%s[%zu]%s%s.matchExpressions[%zu].key: %s is %s", path, i,
                     *inside ? "." : "", inside, k, key, text);
        }
    }
}

static void about_pod_terms(const struct advice *advice, const json_t *affinity, const char *name)
{
    static const struct {
        const char *list, *inside;
    } rows[] = {{"requiredDuringSchedulingIgnoredDuringExecution", ""},
                {"preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"}};
    size_t i;
    json_t *item;
    for (size_t row = 0; row < ARRAY_LEN(rows); row++)
        json_array_foreach (json_at(affinity, name, rows[row].list), i, item) {
            const char *inside = rows[row].inside;
            const json_t *term = *inside ? json_object_get(item, inside) : item;
            if (!json_is_object(json_object_get(term, "labelSelector")))
                warn(advice,
                     "spec.affinity.%s.%s[%zu]%s%s.labelSelector: a null labelSelector results in "
                     "matching no pod",
                     name, rows[row].list, i, *inside ? "." : "", inside);
        }
}

static void about_placement(const struct advice *advice, const json_t *spec)
{
    const json_t *affinity = json_object_get(spec, "affinity");
    const json_t *node = json_object_get(affinity, "nodeAffinity");
    size_t i;
    json_t *item;
    about_members(advice, json_object_get(spec, "nodeSelector"), "spec.nodeSelector", old_labels,
                  ARRAY_LEN(old_labels));
    about_terms(
        advice,
        json_at(node, "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"),
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
        "nodeSelectorTerms",
        "");
    about_terms(advice, json_at(node, "preferredDuringSchedulingIgnoredDuringExecution"),
                "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution",
                "preference");
    json_array_foreach (json_object_get(spec, "topologySpreadConstraints"), i, item) {
        const char *key = json_text(item, "topologyKey"), *text = old_label(key);
        if (text)
            warn(advice, "spec.topologySpreadConstraints[%zu].topologyKey: %s is %s", i, key, text);
        if (!json_is_object(json_object_get(item, "labelSelector")))
            warn(advice,
                 "spec.topologySpreadConstraints[%zu].labelSelector: a null labelSelector results "
                 "in matching no pod",
                 i);
    }
}

/* ---- volumes and names ---- */

static void about_volumes(const struct advice *advice, const json_t *volumes)
{
    size_t i;
    json_t *item;
    json_array_foreach (volumes, i, item)
        for (size_t k = 0; k < ARRAY_LEN(volume_sources); k++)
            if (json_object_get(item, volume_sources[k].key))
                warn(advice, "spec.volumes[%zu].%s: %s", i, volume_sources[k].key,
                     volume_sources[k].text);
}

/* Whether an item before `end` has the same text in `member`. */
static bool is_repeated(const json_t *list, size_t end, const char *member, const char *text)
{
    for (size_t i = 0; i < end; i++)
        if (text_eq(json_text(json_array_get(list, i), member), text))
            return true;
    return false;
}

static void about_lists(const struct advice *advice, const json_t *spec)
{
    const json_t *aliases = json_object_get(spec, "hostAliases"),
                 *secrets = json_object_get(spec, "imagePullSecrets");
    size_t i;
    json_t *item;
    json_array_foreach (aliases, i, item) {
        const char *ip = json_text(item, "ip");
        if (ip && is_repeated(aliases, i, "ip", ip))
            warn(advice, "spec.hostAliases[%zu].ip: duplicate ip \"%s\"", i, ip);
    }
    json_array_foreach (secrets, i, item) {
        const char *name = json_text(item, "name");
        if (name && *name && is_repeated(secrets, i, "name", name))
            warn(advice, "spec.imagePullSecrets[%zu].name: duplicate name \"%s\"", i, name);
        if (!name || !*name)
            warn(advice, "spec.imagePullSecrets[%zu].name: invalid empty name \"\"", i);
    }
}

/* ---- containers ---- */

static void about_bytes(const struct advice *advice, const json_t *list, const char *path)
{
    static const char *const names[] = {"memory", "ephemeral-storage"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *text = json_text(list, names[i]);
        struct quantity amount;
        if (text && quantity_parse(str_of(text), &amount) && quantity_milli(&amount) % 1000 != 0)
            warn(advice, "%s[%s]: fractional byte value \"%s\" is invalid, must be an integer",
                 path, names[i], text);
    }
}

/* A second value is fine when it is made from the first. */
static void about_env(const struct advice *advice, const json_t *env, const char *path)
{
    size_t i;
    json_t *item;
    json_array_foreach (env, i, item) {
        const char *name = json_text(item, "name"), *value = json_text(item, "value");
        if (!name || !is_repeated(env, i, "name", name))
            continue;
        CLEANUP(free_ptr) char *reference = xasprintf("$(%s)", name);
        if (json_object_get(item, "valueFrom") || !value || !strstr(value, reference) ||
            strcmp(value, reference) == 0)
            warn(advice,
                 "%s.env[%zu]: hides previous definition of \"%s\", which may be dropped when "
                 "using apply",
                 path, i, name);
    }
}

static bool same_port(const json_t *a, const json_t *b)
{
    static const char *const numbers[] = {"containerPort", "hostPort"};
    const char *texts[][2] = {{json_text(a, "protocol"), json_text(b, "protocol")},
                              {json_text(a, "hostIP"), json_text(b, "hostIP")}};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (json_int_or(json_object_get(a, numbers[i]), 0) !=
            json_int_or(json_object_get(b, numbers[i]), 0))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(texts[i][0] ? texts[i][0] : "", texts[i][1] ? texts[i][1] : "") != 0)
            return false;
    return true;
}

static void about_ports(const struct advice *advice, const json_t *ports, const char *path)
{
    size_t i, k;
    json_t *port, *other;
    json_array_foreach (ports, i, port)
        json_array_foreach (ports, k, other) {
            if (k == i)
                break;
            if (same_port(port, other))
                warn(advice, "%s.ports[%zu]: duplicate port definition with %s%s.ports[%zu]", path,
                     i, advice->prefix, path, k);
        }
}

static void about_containers(const struct advice *advice, const json_t *spec)
{
    static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
    size_t i;
    json_t *item;
    for (size_t list = 0; list < ARRAY_LEN(lists); list++)
        json_array_foreach (json_object_get(spec, lists[list]), i, item) {
            CLEANUP(free_ptr) char *path = xasprintf("spec.%s[%zu]", lists[list], i);
            CLEANUP(free_ptr) char *limits = xasprintf("%s.resources.limits", path);
            CLEANUP(free_ptr) char *requests = xasprintf("%s.resources.requests", path);
            about_bytes(advice, json_at(item, "resources", "limits"), limits);
            about_bytes(advice, json_at(item, "resources", "requests"), requests);
            about_env(advice, json_object_get(item, "env"), path);
            about_ports(advice, json_object_get(item, "ports"), path);
        }
}

/* ---- kinds ---- */

/* Of a Pod or a template: `pod` has metadata and spec. */
static void about_pod(const struct advice *advice, const json_t *pod)
{
    const json_t *spec = json_object_get(pod, "spec");
    about_placement(advice, spec);
    about_members(advice, json_at(pod, "metadata", "annotations"), "metadata.annotations",
                  pod_annotations, ARRAY_LEN(pod_annotations));
    about_volumes(advice, json_object_get(spec, "volumes"));
    about_lists(advice, spec);
    about_bytes(advice, json_object_get(spec, "overhead"), "spec.overhead");
    about_containers(advice, spec);
    if (json_int_or(json_object_get(spec, "terminationGracePeriodSeconds"), 0) < 0)
        warn(advice,
             "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid "
             "and will be treated as 1");
    about_pod_terms(advice, json_object_get(spec, "affinity"), "podAffinity");
    about_pod_terms(advice, json_object_get(spec, "affinity"), "podAntiAffinity");
}

static void about_volume(const struct advice *advice, const json_t *volume)
{
    const json_t *spec = json_object_get(volume, "spec");
    about_members(advice, json_at(volume, "metadata", "annotations"), "metadata.annotations",
                  volume_annotations, ARRAY_LEN(volume_annotations));
    if (text_eq(json_text(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
        warn(advice,
             "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
             "Instead, the recommended approach is to use dynamic provisioning.");
    about_terms(advice, json_at(spec, "nodeAffinity", "required", "nodeSelectorTerms"),
                "spec.nodeAffinity.required.nodeSelectorTerms", "");
    for (size_t i = 0; i < ARRAY_LEN(volume_sources); i++)
        if (json_object_get(spec, volume_sources[i].key))
            warn(advice, "spec.%s: %s", volume_sources[i].key, volume_sources[i].text);
}

static void about_claim(const struct advice *advice, const json_t *claim)
{
    about_members(advice, json_at(claim, "metadata", "annotations"), "metadata.annotations",
                  claim_annotations, ARRAY_LEN(claim_annotations));
    const char *text = json_text(claim, "spec", "resources", "requests", "storage");
    struct quantity amount;
    if (text && quantity_parse(str_of(text), &amount) && quantity_milli(&amount) % 1000 != 0)
        warn(
            advice,
            "spec.resources.requests[storage]: fractional byte value \"%s\" is invalid, must be an "
            "integer",
            text);
}

static void about_ingress(const struct advice *advice, const json_t *ingress)
{
    if (json_at(ingress, "metadata", "annotations", "kubernetes.io/ingress.class"))
        warn(advice, "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
                     "'spec.ingressClassName' instead");
}

/* Names that go into the names or host names of Pods. */
static void about_name(const struct advice *advice, const json_t *object, const char *whose)
{
    const char *name = meta_name(object);
    if (name && strchr(name, '.'))
        warn(advice,
             "metadata.name: this is used in %s, which can result in surprising behavior; a DNS "
             "label is recommended: [must not contain dots]",
             whose);
}

static const char of_pods[] = "Pod names and hostnames", of_hosts[] = "the Pod's hostname";

static const struct advice_row {
    const char *storage;
    void (*about)(const struct advice *advice, const json_t *object);
    const char *path[4]; /* to what `about` looks at; empty: the object itself */
    const char *named;   /* what its name is used in; NULL: no matter */
    bool on_update;
} rows[] = {
    {"pods", about_pod, {NULL}, of_hosts, false},
    {"podtemplates", about_pod, {"template", NULL}, NULL, true},
    {"replicationcontrollers", about_pod, {"spec", "template", NULL}, of_pods, true},
    {"replicasets.apps", about_pod, {"spec", "template", NULL}, of_pods, true},
    {"deployments.apps", about_pod, {"spec", "template", NULL}, of_pods, true},
    {"daemonsets.apps", about_pod, {"spec", "template", NULL}, NULL, true},
    {"statefulsets.apps", about_pod, {"spec", "template", NULL}, NULL, true},
    {"jobs.batch", about_pod, {"spec", "template", NULL}, of_pods, true},
    {"cronjobs.batch", about_pod, {"spec", "jobTemplate", "spec", "template"}, of_pods, true},
    {"persistentvolumes", about_volume, {NULL}, NULL, true},
    {"persistentvolumeclaims", about_claim, {NULL}, NULL, true},
    {"ingresses.networking.k8s.io", about_ingress, {NULL}, NULL, false},
};

/* Templates are looked at again when the spec changed. */
static bool is_due(const struct advice_row *row, const json_t *object, const json_t *old)
{
    if (!old)
        return true;
    return row->on_update && (!row->path[0] || !json_equal(json_object_get(object, row->path[0]),
                                                           json_object_get(old, row->path[0])));
}

void advise(const char *storage, const json_t *object, const json_t *old, struct warnings *warnings)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct advice_row *row = &rows[i];
        CLEANUP(buf_free) struct buf prefix = BUF_TEXT;
        if (strcmp(row->storage, storage) != 0 || !is_due(row, object, old))
            continue;
        const json_t *at = object;
        buf_add(&prefix, "", 0);
        for (size_t k = 0; k < ARRAY_LEN(row->path) && row->path[k]; k++) {
            at = json_object_get(at, row->path[k]);
            buf_printf(&prefix, "%s.", row->path[k]);
        }
        if (row->named && !old)
            about_name(&(struct advice){"", warnings}, object, row->named);
        row->about(&(struct advice){prefix.data ? prefix.data : "", warnings}, at);
    }
}
