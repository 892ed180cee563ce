#include "schema/advice.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "base/str.h"
#include "schema/advice_internal.h"
#include "schema/meta.h"

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
    {"app.kubernetes.io/created-by", "deprecated since v1.9"},
    {"scheduler.alpha.kubernetes.io/preferAvoidPods",
     "deprecated since v1.22; use Taints and Tolerations instead"},
    {"node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"},
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
    {"storageos", "deprecated in v1.22, non-functional in v1.25+"}, /* shown as storageOS */
    {"quobyte", "deprecated in v1.22, non-functional in v1.25+"},
    {"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
    {"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    {"rbd", "deprecated in v1.28, non-functional in v1.31+"},
};

void advice_warn(const struct advice *advice, const char *format, ...)
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
            advice_warn(advice, "%s[%s]: %s", path, rows[i].key, rows[i].text);
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
                advice_warn(advice, "%s[%zu]%s%s.matchExpressions[%zu].key: %s is %s", path, i,
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
                advice_warn(
                    advice,
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
            advice_warn(advice, "spec.topologySpreadConstraints[%zu].topologyKey: %s is %s", i, key,
                        text);
        if (!json_is_object(json_object_get(item, "labelSelector")))
            advice_warn(
                advice,
                "spec.topologySpreadConstraints[%zu].labelSelector: a null labelSelector results "
                "in matching no pod",
                i);
    }
}

/* ---- volumes and names ---- */

static void about_claim_spec(const struct advice *advice, const json_t *spec, const char *path)
{
    const char *text = json_text(spec, "resources", "requests", "storage");
    struct quantity amount;
    if (text && quantity_parse(str_of(text), &amount) && quantity_milli(&amount) % 1000 != 0)
        advice_warn(
            advice,
            "%s.resources.requests[storage]: fractional byte value \"%s\" is invalid, must be an "
            "integer",
            path, text);
}

static void about_volumes(const struct advice *advice, const json_t *volumes)
{
    size_t i;
    json_t *item;
    json_array_foreach (volumes, i, item) {
        CLEANUP(free_ptr)
        char *claim = xasprintf("spec.volumes[%zu].ephemeral.volumeClaimTemplate.spec", i);
        for (size_t k = 0; k < ARRAY_LEN(volume_sources); k++) {
            const char *name = volume_sources[k].key;
            if (json_object_get(item, name))
                advice_warn(advice, "spec.volumes[%zu].%s: %s", i,
                            strcmp(name, "storageos") == 0 ? "storageOS" : name,
                            volume_sources[k].text);
        }
        about_claim_spec(advice, json_at(item, "ephemeral", "volumeClaimTemplate", "spec"), claim);
    }
    advise_paths(volumes, advice->warnings);
}

bool advice_is_repeated(const json_t *list, size_t end, const char *member, const char *text)
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
        if (ip && advice_is_repeated(aliases, i, "ip", ip))
            advice_warn(advice, "spec.hostAliases[%zu].ip: duplicate ip \"%s\"", i, ip);
    }
    json_array_foreach (secrets, i, item) {
        const char *name = json_text(item, "name");
        if (name && *name && advice_is_repeated(secrets, i, "name", name))
            advice_warn(advice, "spec.imagePullSecrets[%zu].name: duplicate name \"%s\"", i, name);
        if (!name || !*name)
            advice_warn(advice, "spec.imagePullSecrets[%zu].name: invalid empty name \"\"", i);
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
    advise_containers(advice, pod);
    if (json_int_or(json_object_get(spec, "terminationGracePeriodSeconds"), 0) < 0)
        advice_warn(advice,
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
        advice_warn(advice,
                    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
                    "Instead, the recommended approach is to use dynamic provisioning.");
    about_terms(advice, json_at(spec, "nodeAffinity", "required", "nodeSelectorTerms"),
                "spec.nodeAffinity.required.nodeSelectorTerms", "");
    for (size_t i = 0; i < ARRAY_LEN(volume_sources); i++)
        if (json_object_get(spec, volume_sources[i].key))
            advice_warn(advice, "spec.%s: %s", volume_sources[i].key, volume_sources[i].text);
}

static void about_claim(const struct advice *advice, const json_t *claim)
{
    about_members(advice, json_at(claim, "metadata", "annotations"), "metadata.annotations",
                  claim_annotations, ARRAY_LEN(claim_annotations));
    about_claim_spec(advice, json_object_get(claim, "spec"), "spec");
}

static void about_ingress(const struct advice *advice, const json_t *ingress)
{
    if (json_at(ingress, "metadata", "annotations", "kubernetes.io/ingress.class"))
        advice_warn(advice, "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
                            "'spec.ingressClassName' instead");
}

static void about_job(const struct advice *advice, const json_t *spec)
{
    struct advice inside = {advice->prefix, advice->warnings};
    CLEANUP(free_ptr) char *prefix = xasprintf("%stemplate.", advice->prefix);
    if (text_eq(json_text(spec, "completionMode"), "Indexed") &&
        json_int_or(json_object_get(spec, "completions"), 0) > 100000 &&
        json_int_or(json_object_get(spec, "parallelism"), 0) > 10000)
        advice_warn(
            &(struct advice){"", advice->warnings},
            "%.*s: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism "
            "higher than 10^4, Kubernetes might not be able to track completedIndexes when a big "
            "number of indexes fail",
            (int)strlen(advice->prefix) - 1, advice->prefix);
    inside.prefix = prefix;
    about_pod(&inside, json_object_get(spec, "template"));
}

static void about_stateful_set(const struct advice *advice, const json_t *spec)
{
    CLEANUP(free_ptr) char *prefix = xasprintf("%stemplate.", advice->prefix);
    size_t i;
    json_t *item;
    about_pod(&(struct advice){prefix, advice->warnings}, json_object_get(spec, "template"));
    json_array_foreach (json_object_get(spec, "volumeClaimTemplates"), i, item) {
        CLEANUP(free_ptr) char *path = xasprintf("volumeClaimTemplates[%zu]", i);
        about_claim_spec(advice, json_object_get(item, "spec"), path);
    }
}

static void about_node(const struct advice *advice, const json_t *node)
{
    const char *external = json_text(node, "spec", "externalID");
    if (json_at(node, "spec", "configSource"))
        advice_warn(advice, "spec.configSource: the feature is removed");
    if (external && *external)
        advice_warn(advice,
                    "spec.externalID: this field is deprecated, and is unused by Kubernetes");
}

static void about_runtime_class(const struct advice *advice, const json_t *class)
{
    const json_t *selector = json_at(class, "scheduling", "nodeSelector");
    for (size_t i = 0; i < ARRAY_LEN(old_labels); i++)
        if (json_object_get(selector, old_labels[i].key))
            advice_warn(advice, "scheduling.nodeSelector: %s", old_labels[i].text);
}

static void about_storage_class(const struct advice *advice, const json_t *class)
{
    size_t i, k;
    json_t *term, *expression;
    json_array_foreach (json_object_get(class, "allowedTopologies"), i, term)
        json_array_foreach (json_object_get(term, "matchLabelExpressions"), k, expression) {
            const char *text = old_label(json_text(expression, "key"));
            if (text)
                advice_warn(advice, "allowedTopologies[%zu].matchLabelExpressions[%zu].key: %s", i,
                            k, text);
        }
}

static void about_capacity(const struct advice *advice, const json_t *capacity)
{
    const json_t *topology = json_object_get(capacity, "nodeTopology");
    size_t i;
    json_t *expression;
    json_array_foreach (json_object_get(topology, "matchExpressions"), i, expression) {
        const char *key = json_text(expression, "key"), *text = old_label(key);
        if (text)
            advice_warn(advice, "nodeTopology.matchExpressions[%zu].key: %s is %s", i, key, text);
    }
    for (size_t k = 0; k < ARRAY_LEN(old_labels); k++)
        if (json_at(topology, "matchLabels", old_labels[k].key))
            advice_warn(advice, "nodeTopology.matchLabels.%s: %s", old_labels[k].key,
                        old_labels[k].text);
}

/* Names that go into the names or host names of Pods. */
static void about_name(const struct advice *advice, const json_t *object, const char *whose)
{
    const char *name = meta_name(object);
    bool is_long = name && strlen(name) > 63, has_dots = name && strchr(name, '.');
    if (is_long || has_dots)
        advice_warn(
            advice,
            "metadata.name: this is used in %s, which can result in surprising behavior; a DNS "
            "label is recommended: [%s%s%s]",
            whose, is_long ? "must be no more than 63 characters" : "",
            is_long && has_dots ? " " : "", has_dots ? "must not contain dots" : "");
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
    {"statefulsets.apps", about_stateful_set, {"spec", NULL}, NULL, true},
    {"jobs.batch", about_job, {"spec", NULL}, of_pods, true},
    {"cronjobs.batch", about_job, {"spec", "jobTemplate", "spec"}, of_pods, true},
    {"persistentvolumes", about_volume, {NULL}, NULL, true},
    {"persistentvolumeclaims", about_claim, {NULL}, NULL, true},
    {"ingresses.networking.k8s.io", about_ingress, {NULL}, NULL, false},
    {"services", advise_service, {NULL}, NULL, true},
    {"secrets", advise_secret, {NULL}, NULL, true},
    {"nodes", about_node, {NULL}, NULL, true},
    {"runtimeclasses.node.k8s.io", about_runtime_class, {NULL}, NULL, true},
    {"storageclasses.storage.k8s.io", about_storage_class, {NULL}, NULL, true},
    {"csistoragecapacities.storage.k8s.io", about_capacity, {NULL}, NULL, true},
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
