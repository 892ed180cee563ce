/* A tenant's Pod as a host Pod: each level of the spec is a table of the fields that may cross, and
 * how. */
#include "vcluster/translate.h"

#include <stdio.h>
#include <string.h>

#include "host/pod_notes.h"
#include "base/codec.h"
#include "controllers/volume_binder.h"
#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/service_env.h"

#define TOLERATIONS_NOTE_MAX ((size_t)16 << 10) /* more of them tolerate nothing */

struct crossing {
    const struct translate_context *context;
    const json_t *pod;
    const char *ns;
    struct error *err;
};

/* Puts what `value` becomes into `out[field]`, or nothing; false refuses the Pod. */
typedef bool (*cross_fn)(struct crossing *crossing, json_t *out, const char *field,
                         const json_t *value);

struct rule {
    const char *field;
    cross_fn cross;
};

static bool refuse(struct crossing *crossing, const char *field, const char *why)
{
    return error_set(crossing->err, ERROR_FORBIDDEN, "%s: %s", field, why);
}

static bool copy(struct crossing *crossing, json_t *out, const char *field, const json_t *value)
{
    (void)crossing;
    json_object_set_new(out, field, json_deep_copy(value));
    return true;
}

/* For what the host decides by itself: the tenant's value stays on the tenant's object. */
static bool stay(struct crossing *crossing, json_t *out, const char *field, const json_t *value)
{
    (void)crossing;
    (void)out;
    (void)field;
    (void)value;
    return true;
}

/* Fine while false, zero or empty. */
static bool only_unset(struct crossing *crossing, json_t *out, const char *field,
                       const json_t *value)
{
    (void)out;
    bool unset = json_is_null(value) || json_is_false(value) ||
                 (json_is_integer(value) && !json_integer_value(value)) ||
                 (json_is_string(value) && !*json_string_value(value)) ||
                 (json_is_array(value) && !json_array_size(value)) ||
                 (json_is_object(value) && !json_object_size(value));
    return unset || refuse(crossing, field, "is not allowed in a virtual cluster on shared nodes");
}

/* Applies the table to every member of `in`. */
static bool cross_object(struct crossing *crossing, const struct rule *rules, size_t count,
                         const json_t *in, json_t *out)
{
    const char *field;
    json_t *value;
    json_object_foreach (in, field, value) {
        const struct rule *rule = NULL;
        for (size_t i = 0; i < count && !rule; i++)
            if (strcmp(rules[i].field, field) == 0)
                rule = &rules[i];
        if (!rule)
            return refuse(crossing, field, "is not supported in a virtual cluster");
        if (!rule->cross(crossing, out, field, value))
            return false;
    }
    return true;
}

/* Applies `each` to every element of an array; the results form an array again. */
static bool cross_list(struct crossing *crossing, const struct rule *rules, size_t count,
                       json_t *out, const char *field, const json_t *list)
{
    json_t *crossed = json_array();
    json_object_set_new(out, field, crossed);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_object();
        json_array_append_new(crossed, item);
        if (!cross_object(crossing, rules, count, json_array_get(list, i), item))
            return error_wrap(crossing->err, "%s[%zu]", field, i);
    }
    return true;
}

#define CROSS_OBJECT(name, rules)                                                                  \
    static bool name(struct crossing *crossing, json_t *out, const char *field,                    \
                     const json_t *value)                                                          \
    {                                                                                              \
        json_t *crossed = json_object();                                                           \
        json_object_set_new(out, field, crossed);                                                  \
        return cross_object(crossing, rules, ARRAY_LEN(rules), value, crossed) ||                  \
               error_wrap(crossing->err, "%s", field);                                             \
    }
#define CROSS_LIST(name, rules)                                                                    \
    static bool name(struct crossing *crossing, json_t *out, const char *field,                    \
                     const json_t *value)                                                          \
    {                                                                                              \
        return cross_list(crossing, rules, ARRAY_LEN(rules), out, field, value);                   \
    }

static void set_host_name(struct crossing *crossing, json_t *out, const char *field,
                          const char *kind, const json_t *value)
{
    const struct translate_context *context = crossing->context;
    const char *name = json_string_value(value);
    CLEANUP(free_ptr)
    char *host = context->name_of(context->arg, kind, crossing->ns, name ? name : "");
    json_set_text(out, field, host);
}

static bool config_name(struct crossing *crossing, json_t *out, const char *field,
                        const json_t *value)
{
    set_host_name(crossing, out, field, "configmaps", value);
    return true;
}

static bool secret_name(struct crossing *crossing, json_t *out, const char *field,
                        const json_t *value)
{
    set_host_name(crossing, out, field, "secrets", value);
    return true;
}

/* ---- what the downward API may tell ---- */

/* The node agent answers these in the tenant's words: it reads the notes, and gives the pseudo
 * node's name. */
static const char *const fields_told[] = {
    "metadata.name",           "metadata.namespace",   "metadata.uid",
    "metadata.labels",         "metadata.annotations", "spec.nodeName",
    "spec.serviceAccountName", "status.podIP",         "status.podIPs",
    "status.hostIP",           "status.hostIPs"};

/* `metadata.annotations['key']` and `metadata.labels['key']` stay: both are copied to the host Pod,
 * but for ours. */
static bool is_subscript(const char *path)
{
    return (text_starts(path, "metadata.annotations['") ||
            text_starts(path, "metadata.labels['")) &&
           !strstr(path, NOTE_PREFIX);
}

static bool field_path(struct crossing *crossing, json_t *out, const char *field,
                       const json_t *value)
{
    const char *path = json_string_value(value);
    bool told = path && is_subscript(path);
    for (size_t i = 0; path && i < ARRAY_LEN(fields_told); i++)
        told = told || strcmp(path, fields_told[i]) == 0;
    return told ? copy(crossing, out, field, value)
                : refuse(crossing, path ? path : field, "is not in the downward API");
}

static const struct rule field_ref_rules[] = {{"apiVersion", copy}, {"fieldPath", field_path}};
CROSS_OBJECT(field_ref, field_ref_rules)

/* ---- environment ---- */

static const struct rule config_key_rules[] = {
    {"name", config_name}, {"key", copy}, {"optional", copy}};
static const struct rule secret_key_rules[] = {
    {"name", secret_name}, {"key", copy}, {"optional", copy}};
CROSS_OBJECT(config_key, config_key_rules)
CROSS_OBJECT(secret_key, secret_key_rules)
static const struct rule value_from_rules[] = {{"fieldRef", field_ref},
                                               {"resourceFieldRef", copy},
                                               {"configMapKeyRef", config_key},
                                               {"secretKeyRef", secret_key}};
CROSS_OBJECT(value_from, value_from_rules)
static const struct rule env_rules[] = {{"name", copy}, {"value", copy}, {"valueFrom", value_from}};
CROSS_LIST(env, env_rules)
static const struct rule config_env_rules[] = {{"name", config_name}, {"optional", copy}};
static const struct rule secret_env_rules[] = {{"name", secret_name}, {"optional", copy}};
CROSS_OBJECT(config_env, config_env_rules)
CROSS_OBJECT(secret_env, secret_env_rules)
static const struct rule env_from_rules[] = {
    {"prefix", copy}, {"configMapRef", config_env}, {"secretRef", secret_env}};
CROSS_LIST(env_from, env_from_rules)

/* ---- containers ---- */

/* What the "baseline" Pod security standard lets a container add; and SYS_PTRACE, which "kubectl
 * debug" asks for: in a user namespace of the Pod's own it reaches the Pod's own processes. */
static const char *const caps_allowed[] = {
    "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",       "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT", "SYS_PTRACE"};

static bool caps_add(struct crossing *crossing, json_t *out, const char *field, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_array_get(value, i));
        bool allowed = false;
        for (size_t j = 0; name && j < ARRAY_LEN(caps_allowed); j++)
            allowed = allowed || strcmp(name, caps_allowed[j]) == 0;
        if (!allowed)
            return refuse(crossing, "capabilities.add", name ? name : "(not a name)");
    }
    return copy(crossing, out, field, value);
}

static bool proc_mount(struct crossing *crossing, json_t *out, const char *field,
                       const json_t *value)
{
    (void)out;
    return text_eq(json_string_value(value), "Default") ||
           refuse(crossing, field, "only Default is allowed");
}

/* Unconfined and profiles of the node's file system are not for tenants. */
static bool seccomp_profile(struct crossing *crossing, json_t *out, const char *field,
                            const json_t *value)
{
    return text_eq(json_text(value, "type"), "RuntimeDefault")
               ? copy(crossing, out, field, value)
               : refuse(crossing, field, "only RuntimeDefault is allowed");
}

/* The host has its own profile; what would be without one is refused. */
static bool apparmor_profile(struct crossing *crossing, json_t *out, const char *field,
                             const json_t *value)
{
    (void)out;
    return text_eq(json_text(value, "type"), "RuntimeDefault") ||
           refuse(crossing, field, "only RuntimeDefault is allowed");
}

static const struct rule caps_rules[] = {{"add", caps_add}, {"drop", copy}};
CROSS_OBJECT(capabilities, caps_rules)
/* clang-format off */
static const struct rule container_security_rules[] = {
    {"allowPrivilegeEscalation", copy}, {"capabilities", capabilities}, {"privileged", only_unset},
    {"procMount", proc_mount},          {"readOnlyRootFilesystem", copy}, {"runAsGroup", copy},
    {"runAsNonRoot", copy},             {"runAsUser", copy},            {"seccompProfile", seccomp_profile},
    {"seLinuxOptions", stay},           {"windowsOptions", stay},       {"appArmorProfile", apparmor_profile},
};
/* clang-format on */
CROSS_OBJECT(container_security, container_security_rules)

static const struct rule port_rules[] = {{"name", copy},
                                         {"containerPort", copy},
                                         {"protocol", copy},
                                         {"hostPort", only_unset},
                                         {"hostIP", only_unset}};
CROSS_LIST(ports, port_rules)

static bool no_propagation(struct crossing *crossing, json_t *out, const char *field,
                           const json_t *value)
{
    (void)out;
    return text_eq(json_string_value(value), "None") ||
           refuse(crossing, field, "only None is allowed");
}

static const struct rule volume_mount_rules[] = {{"name", copy},
                                                 {"mountPath", copy},
                                                 {"readOnly", copy},
                                                 {"recursiveReadOnly", copy},
                                                 {"subPath", copy},
                                                 {"subPathExpr", copy},
                                                 {"mountPropagation", no_propagation}};
CROSS_LIST(volume_mounts, volume_mount_rules)

static const struct rule container_rules[] = {
    {"name", copy},
    {"image", copy},
    {"command", copy},
    {"args", copy},
    {"workingDir", copy},
    {"ports", ports},
    {"env", env},
    {"envFrom", env_from},
    {"resources", copy},
    {"resizePolicy", copy},
    {"restartPolicy", copy},
    {"volumeMounts", volume_mounts},
    {"volumeDevices", only_unset},
    {"livenessProbe", copy},
    {"readinessProbe", copy},
    {"startupProbe", copy},
    {"lifecycle", copy},
    {"terminationMessagePath", copy},
    {"terminationMessagePolicy", copy},
    {"imagePullPolicy", copy},
    {"securityContext", container_security},
    {"stdin", copy},
    {"stdinOnce", copy},
    {"tty", copy},
};

static const struct rule ephemeral_rules[] = {
    {"name", copy},
    {"image", copy},
    {"command", copy},
    {"args", copy},
    {"workingDir", copy},
    {"env", env},
    {"envFrom", env_from},
    {"volumeMounts", volume_mounts},
    {"terminationMessagePath", copy},
    {"terminationMessagePolicy", copy},
    {"imagePullPolicy", copy},
    {"securityContext", container_security},
    {"stdin", copy},
    {"stdinOnce", copy},
    {"tty", copy},
    {"targetContainerName", copy},
    {"resources", only_unset},
};

/* Raw sockets could speak in a neighbour's name on the bridge: not by default, and nobody can add
 * them. */
static void drop_raw_sockets(json_t *container)
{
    json_t *capabilities =
        json_ensure_object(json_ensure_object(container, "securityContext"), "capabilities");
    json_array_append_new(json_ensure_array(capabilities, "drop"), json_string("NET_RAW"));
}

/* What every container gets, whatever the tenant wrote. */
static void complete_containers(struct crossing *crossing, json_t *crossed)
{
    const struct translate_context *context = crossing->context;
    const json_t *os = json_at(crossing->pod, "spec", "os");
    bool links = json_bool_or(json_at(crossing->pod, "spec", "enableServiceLinks"), true);
    /* One for another system may have no capabilities, and no node of ours starts it. */
    bool starts = text_eq(json_text(os, "name") ?: "linux", "linux");
    for (size_t i = 0; i < json_array_size(crossed); i++) {
        if (starts)
            drop_raw_sockets(json_array_get(crossed, i));
        service_env_prepend(json_ensure_array(json_array_get(crossed, i), "env"),
                            context->cluster_ip, links ? context->services : NULL);
    }
}

static bool containers(struct crossing *crossing, json_t *out, const char *field,
                       const json_t *value)
{
    if (!cross_list(crossing, container_rules, ARRAY_LEN(container_rules), out, field, value))
        return false;
    complete_containers(crossing, json_object_get(out, field));
    return true;
}

static bool ephemeral_containers(struct crossing *crossing, json_t *out, const char *field,
                                 const json_t *value)
{
    if (!cross_list(crossing, ephemeral_rules, ARRAY_LEN(ephemeral_rules), out, field, value))
        return false;
    complete_containers(crossing, json_object_get(out, field));
    return true;
}

/* ---- volumes ---- */

static const struct rule config_volume_rules[] = {
    {"name", config_name}, {"items", copy}, {"defaultMode", copy}, {"optional", copy}};
static const struct rule secret_volume_rules[] = {
    {"secretName", secret_name}, {"items", copy}, {"defaultMode", copy}, {"optional", copy}};
static const struct rule secret_projection_rules[] = {
    {"name", secret_name}, {"items", copy}, {"optional", copy}};
static const struct rule config_projection_rules[] = {
    {"name", config_name}, {"items", copy}, {"optional", copy}};
static const struct rule empty_dir_rules[] = {{"medium", copy}, {"sizeLimit", copy}};
static const struct rule downward_item_rules[] = {
    {"path", copy}, {"fieldRef", field_ref}, {"resourceFieldRef", copy}, {"mode", copy}};
CROSS_OBJECT(config_volume, config_volume_rules)
CROSS_OBJECT(secret_volume, secret_volume_rules)
CROSS_OBJECT(secret_projection, secret_projection_rules)
CROSS_OBJECT(config_projection, config_projection_rules)
CROSS_OBJECT(empty_dir, empty_dir_rules)
CROSS_LIST(downward_items, downward_item_rules)
static const struct rule downward_rules[] = {{"items", downward_items}, {"defaultMode", copy}};
CROSS_OBJECT(downward, downward_rules)

void translate_token_key(const char *audience, char key[TOKEN_KEY_SIZE])
{
    char digest[65];
    sha256_hex(audience, strlen(audience), digest);
    (void)snprintf(key, TOKEN_KEY_SIZE, *audience ? "token-%.16s" : "token", digest);
}

/* The tenant's token comes from a Secret that the syncer fills: the node must not ask the host for
 * one of its own. */
static bool token_projection(struct crossing *crossing, json_t *out, const char *field,
                             const json_t *value)
{
    char key[TOKEN_KEY_SIZE];
    const char *path = json_text(value, "path"), *audience = json_text(value, "audience");
    (void)field;
    translate_token_key(audience ? audience : "", key);
    json_object_set_new(out, "secret",
                        json_pack("{s:s, s:[{s:s, s:s}]}", "name", crossing->context->token_secret,
                                  "items", "key", key, "path", path ? path : "token"));
    return true;
}

static const struct rule projection_rules[] = {{"secret", secret_projection},
                                               {"configMap", config_projection},
                                               {"downwardAPI", downward},
                                               {"serviceAccountToken", token_projection}};
CROSS_LIST(projection_sources, projection_rules)
static const struct rule projected_rules[] = {{"sources", projection_sources},
                                              {"defaultMode", copy}};
CROSS_OBJECT(projected, projected_rules)

static bool add_claim(struct crossing *crossing, json_t *out, const char *claim, bool read_only)
{
    const struct translate_context *context = crossing->context;
    CLEANUP(free_ptr)
    char *name = context->claim_of(context->arg, crossing->ns, claim, crossing->err);
    if (name)
        json_object_set_new(out, "persistentVolumeClaim",
                            json_pack("{s:s, s:b}", "claimName", name, "readOnly", read_only));
    return name;
}

/* The host's claim stands for the tenant's volume, which outlives its claims. */
static bool claim_volume(struct crossing *crossing, json_t *out, const char *field,
                         const json_t *value)
{
    const char *claim = json_text(value, "claimName");
    (void)field;
    return add_claim(crossing, out, claim ? claim : "",
                     json_bool_or(json_object_get(value, "readOnly"), false));
}

/* On the host as if the Pod named the claim that was made for it. */
static bool ephemeral_volume(struct crossing *crossing, json_t *out, const char *field,
                             const json_t *value)
{
    const json_t *list = json_at(crossing->pod, "spec", "volumes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *volume = json_array_get(list, i);
        if (json_object_get(volume, field) != value)
            continue;
        CLEANUP(free_ptr) char *claim = pod_claim_name(crossing->pod, volume);
        return add_claim(crossing, out, claim, false);
    }
    return true;
}

static const struct rule volume_rules[] = {
    {"name", copy},
    {"configMap", config_volume},
    {"secret", secret_volume},
    {"emptyDir", empty_dir},
    {"downwardAPI", downward},
    {"projected", projected},
    {"persistentVolumeClaim", claim_volume},
    {"ephemeral", ephemeral_volume},
};
CROSS_LIST(volumes, volume_rules)

/* ---- the rest of the spec ---- */

static const struct rule pull_secret_rules[] = {{"name", secret_name}};
CROSS_LIST(pull_secrets, pull_secret_rules)

static const char *const sysctls_safe[] = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
};

static bool sysctls(struct crossing *crossing, json_t *out, const char *field, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_text(json_array_get(value, i), "name");
        bool safe = false;
        for (size_t j = 0; name && j < ARRAY_LEN(sysctls_safe); j++)
            safe = safe || strcmp(name, sysctls_safe[j]) == 0;
        if (!safe)
            return refuse(crossing, "sysctls", name ? name : "(not a name)");
    }
    return copy(crossing, out, field, value);
}

static const struct rule pod_security_rules[] = {
    {"runAsUser", copy},
    {"runAsGroup", copy},
    {"runAsNonRoot", copy},
    {"supplementalGroups", copy},
    {"fsGroup", copy},
    {"fsGroupChangePolicy", copy},
    {"supplementalGroupsPolicy", copy},
    {"seccompProfile", seccomp_profile},
    {"sysctls", sysctls},
    {"seLinuxOptions", stay},
    {"seLinuxChangePolicy", stay},
    {"windowsOptions", stay},
    {"appArmorProfile", apparmor_profile},
};
CROSS_OBJECT(pod_security, pod_security_rules)

/* Tolerations of every taint, and of those that on the host keep tenants off its own nodes. They
 * are of the taints that the tenant sees: its own. */
static bool tolerates_reserved(const char *key)
{
    return !key || !*key || text_starts(key, "node-role.kubernetes.io/");
}

/* What is left out here goes as a note, see add_tolerations_note(). */
static bool tolerations(struct crossing *crossing, json_t *out, const char *field,
                        const json_t *value)
{
    json_t *crossed = json_array();
    json_object_set_new(out, field, crossed);
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *one = json_array_get(value, i);
        const char *key = json_text(one, "key");
        if (key && text_starts(key, NOTE_PREFIX))
            return refuse(crossing, field, key);
        if (!tolerates_reserved(key))
            json_array_append_new(crossed, json_deep_copy(one));
    }
    return true;
}

/* Terms that select Pods see only this namespace of this cluster. */
static void confine_term(struct crossing *crossing, json_t *term)
{
    json_t *selector = json_ensure_object(term, "labelSelector");
    json_t *labels = json_ensure_object(selector, "matchLabels");
    json_set_text(labels, NOTE_CLUSTER, crossing->context->cluster);
    json_set_text(labels, NOTE_NAMESPACE, crossing->ns);
}

static bool confine_terms(struct crossing *crossing, json_t *terms, bool weighted)
{
    for (size_t i = 0; i < json_array_size(terms); i++) {
        json_t *term = json_array_get(terms, i);
        if (weighted)
            term = json_object_get(term, "podAffinityTerm");
        if (!term)
            continue;
        if (json_array_size(json_object_get(term, "namespaces")) ||
            json_object_get(term, "namespaceSelector"))
            return refuse(crossing, "affinity",
                          "terms that select other namespaces are not supported");
        confine_term(crossing, term);
    }
    return true;
}

/* ---- nodes by name: the tenant's names are not the host's ---- */

#define HOSTNAME_LABEL "kubernetes.io/hostname"
#define NO_NODE        "no-such-node.invalid" /* a host node's own name must not be found by guessing */

static json_t *node_crossed(struct crossing *crossing, const json_t *pseudo)
{
    const char *name = json_string_value(pseudo);
    CLEANUP(free_ptr)
    char *host = name ? crossing->context->node_of(crossing->context->arg, name) : NULL;
    return json_string(host ? host : NO_NODE);
}

/* Requirements on `key`: each value becomes the host's name. */
static void cross_requirements(struct crossing *crossing, json_t *requirements, const char *key)
{
    for (size_t i = 0; i < json_array_size(requirements); i++) {
        json_t *values = json_object_get(json_array_get(requirements, i), "values");
        if (!text_eq(json_text(json_array_get(requirements, i), "key"), key))
            continue;
        for (size_t v = 0; v < json_array_size(values); v++)
            json_array_set_new(values, v, node_crossed(crossing, json_array_get(values, v)));
    }
}

static void cross_node_term(struct crossing *crossing, json_t *term)
{
    cross_requirements(crossing, json_object_get(term, "matchFields"), "metadata.name");
    cross_requirements(crossing, json_object_get(term, "matchExpressions"), HOSTNAME_LABEL);
}

static void cross_node_affinity(struct crossing *crossing, json_t *nodes)
{
    json_t *required =
        json_at(nodes, "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms");
    json_t *preferred = json_object_get(nodes, "preferredDuringSchedulingIgnoredDuringExecution");
    for (size_t i = 0; i < json_array_size(required); i++)
        cross_node_term(crossing, json_array_get(required, i));
    for (size_t i = 0; i < json_array_size(preferred); i++)
        cross_node_term(crossing, json_object_get(json_array_get(preferred, i), "preference"));
}

static bool node_selector(struct crossing *crossing, json_t *out, const char *field,
                          const json_t *value)
{
    json_t *crossed = json_deep_copy(value);
    const json_t *name = json_object_get(value, HOSTNAME_LABEL);
    if (name)
        json_object_set_new(crossed, HOSTNAME_LABEL, node_crossed(crossing, name));
    json_object_set_new(out, field, crossed);
    return true;
}

static bool affinity(struct crossing *crossing, json_t *out, const char *field, const json_t *value)
{
    static const char *const kinds[] = {"podAffinity", "podAntiAffinity"};
    json_t *crossed = json_deep_copy(value);
    json_object_set_new(out, field, crossed);
    cross_node_affinity(crossing, json_object_get(crossed, "nodeAffinity"));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        json_t *kind = json_object_get(crossed, kinds[i]);
        if (!confine_terms(crossing,
                           json_object_get(kind, "requiredDuringSchedulingIgnoredDuringExecution"),
                           false) ||
            !confine_terms(crossing,
                           json_object_get(kind, "preferredDuringSchedulingIgnoredDuringExecution"),
                           true))
            return false;
    }
    return true;
}

static bool spread(struct crossing *crossing, json_t *out, const char *field, const json_t *value)
{
    json_t *crossed = json_deep_copy(value);
    json_object_set_new(out, field, crossed);
    for (size_t i = 0; i < json_array_size(crossed); i++)
        confine_term(crossing, json_array_get(crossed, i));
    return true;
}

static const struct rule spec_rules[] = {
    {"activeDeadlineSeconds", copy},
    {"affinity", affinity},
    {"automountServiceAccountToken", stay},
    {"containers", containers},
    {"dnsConfig", copy},
    {"dnsPolicy", copy},
    {"enableServiceLinks", stay},
    {"ephemeralContainers", ephemeral_containers},
    {"hostAliases", copy},
    {"hostIPC", only_unset},
    {"hostNetwork", only_unset},
    {"hostPID", only_unset},
    {"hostUsers", stay},
    {"hostname", copy},
    {"imagePullSecrets", pull_secrets},
    {"initContainers", containers},
    {"nodeName", stay},
    {"nodeSelector", node_selector},
    {"os", copy},
    {"overhead", copy},
    {"preemptionPolicy", stay},
    {"priority", stay},
    {"priorityClassName", stay},
    {"readinessGates", copy},
    {"resourceClaims", only_unset},
    {"resources", only_unset},
    {"restartPolicy", copy},
    {"runtimeClassName", stay}, /* a name of the tenant's, never of the host's */
    {"schedulerName", stay},
    {"schedulingGates", only_unset},
    {"securityContext", pod_security},
    {"serviceAccount", stay},
    {"serviceAccountName", stay},
    {"setHostnameAsFQDN", copy},
    {"shareProcessNamespace", copy},
    {"subdomain", copy},
    {"terminationGracePeriodSeconds", copy},
    {"tolerations", tolerations},
    {"topologySpreadConstraints", spread},
    {"volumes", volumes},
};

static void add_tolerations_note(const json_t *pod, json_t *notes)
{
    const json_t *list = json_at(pod, "spec", "tolerations");
    json_auto_t *own = json_array();
    CLEANUP(buf_free) struct buf text = BUF_INIT(TOLERATIONS_NOTE_MAX);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (tolerates_reserved(json_text(json_array_get(list, i), "key")))
            json_array_append(own, json_array_get(list, i));
    json_write(&text, own);
    if (json_array_size(own) && buf_ok(&text))
        json_set_text(notes, POD_NOTE_TOLERATIONS, text.data);
}

/* The tenant's annotations as they are, but for ours. */
static void add_annotations(const struct translate_context *context, const json_t *pod,
                            json_t *meta)
{
    json_t *notes = json_object_get(meta, "annotations"), *value;
    const char *key, *account = json_text(pod, "spec", "serviceAccountName");
    json_object_foreach (json_at(pod, "metadata", "annotations"), key, value) {
        if (!text_starts(key, NOTE_PREFIX))
            json_object_set(notes, key, value);
    }
    json_set_text(notes, NOTE_SERVICE_ACCOUNT, account ? account : "default");
    /* On the host they rank this tenant's Pods among each other, and say nothing to anybody else.
     */
    json_object_set_new(
        notes, POD_NOTE_PRIORITY,
        json_sprintf("%lld", (long long)json_int_or(json_at(pod, "spec", "priority"), 0)));
    add_tolerations_note(pod, notes);
    json_set_text(notes, POD_NOTE_HANDLER, context->handler);
    json_set_text(notes, POD_NOTE_PREEMPTION, json_text(pod, "spec", "preemptionPolicy"));
}

json_t *translate_pod(const struct translate_context *context, const json_t *pod, struct error *err)
{
    struct crossing crossing = {context, pod, meta_namespace(pod), err};
    json_t *meta = translate_meta(context, pod, "Pod");
    json_auto_t *host = json_pack("{s:s, s:s, s:o, s:{}}", "apiVersion", "v1", "kind", "Pod",
                                  "metadata", meta, "spec");
    json_t *spec = json_object_get(host, "spec");
    add_annotations(context, pod, meta);
    if (!cross_object(&crossing, spec_rules, ARRAY_LEN(spec_rules), json_object_get(pod, "spec"),
                      spec)) {
        error_wrap(err, "spec");
        return NULL;
    }
    char hostname[HOST_NAME_MAX + 1];
    (void)snprintf(hostname, sizeof(hostname), "%s", meta_name(pod));
    if (!json_object_get(spec, "hostname") && !strchr(hostname, '.'))
        json_set_text(spec, "hostname", hostname);
    json_set_text(spec, "serviceAccountName", "default");
    json_object_set_new(spec, "automountServiceAccountToken", json_false());
    json_object_set_new(spec, "enableServiceLinks", json_false());
    return TAKE(host);
}

/* ---- what a Pod refers to ---- */

static void refer(const json_t *object, const char *key, const char *kind,
                  void (*each)(void *arg, const char *kind, const char *name), void *arg)
{
    const char *name = json_text(object, key);
    if (name && *name)
        each(arg, kind, name);
}

static void refer_projected(const json_t *sources,
                            void (*each)(void *arg, const char *kind, const char *name), void *arg)
{
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *source = json_array_get(sources, i);
        refer(json_object_get(source, "configMap"), "name", "configmaps", each, arg);
        refer(json_object_get(source, "secret"), "name", "secrets", each, arg);
    }
}

static void refer_containers(const json_t *list,
                             void (*each)(void *arg, const char *kind, const char *name), void *arg)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *container = json_array_get(list, i);
        const json_t *vars = json_object_get(container, "env"),
                     *from = json_object_get(container, "envFrom");
        for (size_t j = 0; j < json_array_size(vars); j++) {
            const json_t *source = json_object_get(json_array_get(vars, j), "valueFrom");
            refer(json_object_get(source, "configMapKeyRef"), "name", "configmaps", each, arg);
            refer(json_object_get(source, "secretKeyRef"), "name", "secrets", each, arg);
        }
        for (size_t j = 0; j < json_array_size(from); j++) {
            refer(json_object_get(json_array_get(from, j), "configMapRef"), "name", "configmaps",
                  each, arg);
            refer(json_object_get(json_array_get(from, j), "secretRef"), "name", "secrets", each,
                  arg);
        }
    }
}

void translate_pod_references(const json_t *pod,
                              void (*each)(void *arg, const char *kind, const char *name),
                              void *arg)
{
    const json_t *spec = json_object_get(pod, "spec"), *list = json_object_get(spec, "volumes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *volume = json_array_get(list, i);
        refer(json_object_get(volume, "configMap"), "name", "configmaps", each, arg);
        refer(json_object_get(volume, "secret"), "secretName", "secrets", each, arg);
        refer_projected(json_at(volume, "projected", "sources"), each, arg);
    }
    list = json_object_get(spec, "imagePullSecrets");
    for (size_t i = 0; i < json_array_size(list); i++)
        refer(json_array_get(list, i), "name", "secrets", each, arg);
    refer_containers(json_object_get(spec, "initContainers"), each, arg);
    refer_containers(json_object_get(spec, "containers"), each, arg);
    refer_containers(json_object_get(spec, "ephemeralContainers"), each, arg);
}

/* Calls each(arg, source) for every serviceAccountToken of the Pod's volumes. */
static void each_token(const json_t *pod, void (*each)(void *arg, const json_t *source), void *arg)
{
    const json_t *list = json_at(pod, "spec", "volumes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *sources = json_at(json_array_get(list, i), "projected", "sources");
        for (size_t j = 0; j < json_array_size(sources); j++) {
            const json_t *token =
                json_object_get(json_array_get(sources, j), "serviceAccountToken");
            if (token)
                each(arg, token);
        }
    }
}

static void take_longest(void *arg, const json_t *source)
{
    int64_t *longest = arg,
            seconds = json_int_or(json_object_get(source, "expirationSeconds"), 3607);
    *longest = seconds > *longest ? seconds : *longest;
}

int64_t translate_pod_token_seconds(const json_t *pod)
{
    int64_t longest = 0;
    each_token(pod, take_longest, &longest);
    return longest;
}

static void take_audience(void *arg, const json_t *source)
{
    const char *audience = json_text(source, "audience");
    strset_add(arg, audience ? audience : "");
}

void translate_pod_audiences(const json_t *pod, struct strset *audiences)
{
    each_token(pod, take_audience, audiences);
}
