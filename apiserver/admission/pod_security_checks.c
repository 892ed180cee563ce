#include "apiserver/admission/pod_security_checks.h"

#include <string.h>

#include "base/strset.h"
#include "schema/go_text.h"
#include "schema/meta.h"

#define SECCOMP_POD       "seccomp.security.alpha.kubernetes.io/pod"
#define SECCOMP_CONTAINER "container.seccomp.security.alpha.kubernetes.io/"
#define APPARMOR          "container.apparmor.security.beta.kubernetes.io/"

/* ---- what is told ---- */

/* `"a", "b"`, in the order of adding. */
struct names {
    struct buf text;
    size_t count;
};

static void names_add(struct names *names, const char *name)
{
    if (names->count++ == 0)
        names->text = BUF_TEXT;
    else
        buf_add_text(&names->text, ", ");
    buf_printf(&names->text, "\"%s\"", name ? name : "");
}

static void names_add_set(struct names *names, const struct strset *set)
{
    for (size_t i = 0; i < set->count; i++)
        names_add(names, set->items[i]);
}

static void names_free(struct names *names)
{
    buf_free(&names->text);
}

static const char *plural(size_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

/* `containers "a", "b"` */
static void write_containers(struct buf *out, const struct names *containers)
{
    buf_printf(out, "%s %s", plural(containers->count, "container", "containers"),
               containers->text.data);
}

static void write_set(struct buf *out, const struct strset *set)
{
    CLEANUP(names_free) struct names names = {0};
    names_add_set(&names, set);
    buf_add_text(out, names.text.data);
}

static void write_bare_set(struct buf *out, const struct strset *set)
{
    for (size_t i = 0; i < set->count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", set->items[i]);
}

/* Who set something that is refused: the Pod, containers, or both. */
struct setters {
    bool pod;
    struct names containers;
};

static void setters_free(struct setters *setters)
{
    names_free(&setters->containers);
}

static bool setters_any(const struct setters *setters)
{
    return setters->pod || setters->containers.count > 0;
}

/* `pod and container "a"` */
static void write_setters(struct buf *out, const struct setters *setters)
{
    if (setters->pod)
        buf_add_text(out, setters->containers.count ? "pod and " : "pod");
    if (setters->containers.count)
        write_containers(out, &setters->containers);
}

/* ---- who is asked ---- */

/* Judges one securityContext, which may be NULL; may note values in `bad`. */
typedef bool (*context_fn)(const json_t *context, const struct pod_security_seen *pod,
                           struct strset *bad);

static void ask_containers(const struct pod_security_seen *pod, context_fn is_bad,
                           struct strset *bad, struct names *names)
{
    const json_t *container;
    size_t i;
    json_array_foreach (pod->containers, i, container)
        if (is_bad(json_object_get(container, "securityContext"), pod, bad))
            names_add(names, json_text(container, "name"));
}

static void ask_all(const struct pod_security_seen *pod, context_fn is_bad, struct strset *bad,
                    struct setters *setters)
{
    setters->pod = is_bad(json_object_get(pod->spec, "securityContext"), pod, bad);
    ask_containers(pod, is_bad, bad, &setters->containers);
}

/* What a later version of the standards allows more. */
struct allowed {
    const char *value;
    int since;
};

static bool is_allowed(const char *text, int version, const struct allowed *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].since <= version && strcmp(text, rows[i].value) == 0)
            return true;
    return false;
}

/* ---- baseline ---- */

static bool is_local_profile(const char *type)
{
    return strcmp(type, "RuntimeDefault") == 0 || strcmp(type, "Localhost") == 0;
}

/* True when the context has the profile, of a type that is refused. */
static bool bad_profile(const json_t *context, const char *member, struct strset *bad)
{
    const json_t *profile = json_object_get(context, member);
    const char *given = json_text(profile, "type"), *type = given ? given : "";
    if (!json_is_object(profile) || is_local_profile(type))
        return false;
    strset_add(bad, type);
    return true;
}

static bool bad_apparmor(const json_t *context, const struct pod_security_seen *pod,
                         struct strset *bad)
{
    (void)pod;
    return bad_profile(context, "appArmorProfile", bad);
}

/* `key="value"` of annotations that name an AppArmor profile which is refused. */
static void find_apparmor_annotations(const json_t *metadata, struct strset *found)
{
    const char *key;
    const json_t *value;
    json_object_foreach (json_object_get(metadata, "annotations"), key, value) {
        const char *profile = json_string_value(value);
        if (!text_starts(key, APPARMOR) || !profile || !*profile ||
            strcmp(profile, "runtime/default") == 0 || text_starts(profile, "localhost/"))
            continue;
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        buf_printf(&text, "%s=", key);
        go_quote(&text, str_of(profile));
        strset_add(found, text.data);
    }
}

static const char *check_apparmor(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(setters_free) struct setters setters = {0};
    CLEANUP(strset_clear) struct strset bad = {0}, annotations = {0};
    CLEANUP(names_free) struct names values = {0};
    ask_all(pod, bad_apparmor, &bad, &setters);
    find_apparmor_annotations(pod->metadata, &annotations);
    if (!setters_any(&setters) && annotations.count == 0)
        return NULL;
    names_add_set(&values, &bad);
    names_add_set(&values, &annotations);
    write_setters(detail, &setters);
    if (annotations.count)
        buf_printf(detail, "%s%s", setters_any(&setters) ? " and " : "",
                   plural(annotations.count, "annotation", "annotations"));
    buf_printf(detail, " must not set AppArmor profile type to %s", values.text.data);
    return plural(values.count, "forbidden AppArmor profile", "forbidden AppArmor profiles");
}

static bool bad_added(const json_t *context, const struct allowed *rows, size_t count,
                      struct strset *bad)
{
    const json_t *added;
    size_t i;
    bool any = false;
    json_array_foreach (json_at(context, "capabilities", "add"), i, added) {
        const char *name = json_string_value(added);
        if (!name || is_allowed(name, 0, rows, count))
            continue;
        strset_add(bad, name);
        any = true;
    }
    return any;
}

static bool bad_capabilities(const json_t *context, const struct pod_security_seen *pod,
                             struct strset *bad)
{
    static const struct allowed usual[] = {
        {"AUDIT_WRITE", 0}, {"CHOWN", 0},  {"DAC_OVERRIDE", 0},     {"FOWNER", 0},  {"FSETID", 0},
        {"KILL", 0},        {"MKNOD", 0},  {"NET_BIND_SERVICE", 0}, {"SETFCAP", 0}, {"SETGID", 0},
        {"SETPCAP", 0},     {"SETUID", 0}, {"SYS_CHROOT", 0},
    };
    (void)pod;
    return bad_added(context, usual, ARRAY_LEN(usual), bad);
}

static void write_added(struct buf *detail, const struct names *containers,
                        const struct strset *added)
{
    write_containers(detail, containers);
    buf_add_text(detail, " must not include ");
    write_set(detail, added);
    buf_add_text(detail, " in securityContext.capabilities.add");
}

static const char *check_capabilities(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names containers = {0};
    CLEANUP(strset_clear) struct strset added = {0};
    ask_containers(pod, bad_capabilities, &added, &containers);
    if (!containers.count)
        return NULL;
    write_added(detail, &containers, &added);
    return "non-default capabilities";
}

static const char *check_host_namespaces(const struct pod_security_seen *pod, struct buf *detail)
{
    static const char *const members[] = {"hostNetwork", "hostPID", "hostIPC"};
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (json_is_true(json_object_get(pod->spec, members[i]))) {
            buf_printf(detail, "%s%s=true", any ? ", " : "", members[i]);
            any = true;
        }
    return any ? "host namespaces" : NULL;
}

static const char *check_host_paths(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names volumes = {0};
    const json_t *volume;
    size_t i;
    json_array_foreach (json_object_get(pod->spec, "volumes"), i, volume)
        if (json_is_object(json_object_get(volume, "hostPath")))
            names_add(&volumes, json_text(volume, "name"));
    if (!volumes.count)
        return NULL;
    buf_printf(detail, "%s %s", plural(volumes.count, "volume", "volumes"), volumes.text.data);
    return "hostPath volumes";
}

static bool takes_host_port(const json_t *container, struct strset *ports)
{
    const json_t *port;
    size_t i;
    bool any = false;
    json_array_foreach (json_object_get(container, "ports"), i, port) {
        int64_t number = json_int_or(json_object_get(port, "hostPort"), 0);
        if (number == 0)
            continue;
        CLEANUP(free_ptr) char *text = xasprintf("%lld", (long long)number);
        strset_add(ports, text);
        any = true;
    }
    return any;
}

static const char *check_host_ports(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names containers = {0};
    CLEANUP(strset_clear) struct strset ports = {0};
    const json_t *container;
    size_t i;
    json_array_foreach (pod->containers, i, container)
        if (takes_host_port(container, &ports))
            names_add(&containers, json_text(container, "name"));
    if (!containers.count)
        return NULL;
    write_containers(detail, &containers);
    buf_printf(detail, " %s %s ", plural(containers.count, "uses", "use"),
               plural(ports.count, "hostPort", "hostPorts"));
    write_bare_set(detail, &ports);
    return "hostPort";
}

static bool is_privileged(const json_t *context, const struct pod_security_seen *pod,
                          struct strset *bad)
{
    (void)pod, (void)bad;
    return json_is_true(json_object_get(context, "privileged"));
}

static const char *check_privileged(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names containers = {0};
    ask_containers(pod, is_privileged, NULL, &containers);
    if (!containers.count)
        return NULL;
    write_containers(detail, &containers);
    buf_add_text(detail, " must not set securityContext.privileged=true");
    return "privileged";
}

static bool bad_proc_mount(const json_t *context, const struct pod_security_seen *pod,
                           struct strset *bad)
{
    const char *mount = json_text(context, "procMount");
    (void)pod;
    if (!mount || strcmp(mount, "Default") == 0)
        return false;
    strset_add(bad, mount);
    return true;
}

static const char *check_proc_mount(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names containers = {0};
    CLEANUP(strset_clear) struct strset mounts = {0};
    ask_containers(pod, bad_proc_mount, &mounts, &containers);
    if (!containers.count)
        return NULL;
    write_containers(detail, &containers);
    buf_add_text(detail, " must not set securityContext.procMount to ");
    write_set(detail, &mounts);
    return "procMount";
}

static bool says(const json_t *context, const char *member)
{
    const char *text = json_text(context, "seLinuxOptions", member);
    return text && *text;
}

/* Notes types. */
static bool bad_selinux(const json_t *context, const struct pod_security_seen *pod,
                        struct strset *bad)
{
    static const struct allowed types[] = {{"", 0},
                                           {"container_t", 0},
                                           {"container_init_t", 0},
                                           {"container_kvm_t", 0},
                                           {"container_engine_t", 31}};
    const char *given = json_text(context, "seLinuxOptions", "type"), *type = given ? given : "";
    bool good = is_allowed(type, pod->version, types, ARRAY_LEN(types));
    if (!good)
        strset_add(bad, type);
    return !good || says(context, "user") || says(context, "role");
}

static bool anybody_says(const struct pod_security_seen *pod, const char *member)
{
    const json_t *container;
    size_t i;
    json_array_foreach (pod->containers, i, container)
        if (says(json_object_get(container, "securityContext"), member))
            return true;
    return says(json_object_get(pod->spec, "securityContext"), member);
}

static const char *check_selinux(const struct pod_security_seen *pod, struct buf *detail)
{
    static const char *const members[] = {"user", "role"};
    CLEANUP(setters_free) struct setters setters = {0};
    CLEANUP(strset_clear) struct strset types = {0};
    const char *between = "";
    ask_all(pod, bad_selinux, &types, &setters);
    if (!setters_any(&setters))
        return NULL;
    write_setters(detail, &setters);
    buf_add_text(detail, " set forbidden securityContext.seLinuxOptions: ");
    if (types.count) {
        buf_printf(detail, "%s ", plural(types.count, "type", "types"));
        write_set(detail, &types);
        between = "; ";
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (anybody_says(pod, members[i])) {
            buf_printf(detail, "%s%s may not be set", between, members[i]);
            between = "; ";
        }
    return "seLinuxOptions";
}

/* Up to 1.18 annotations said it. */
static void find_seccomp_annotation(const struct pod_security_seen *pod, const char *key,
                                    struct strset *found)
{
    const char *profile = json_text(pod->metadata, "annotations", key);
    if (!profile || strcmp(profile, "runtime/default") == 0 ||
        strcmp(profile, "docker/default") == 0 || text_starts(profile, "localhost/"))
        return;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    buf_printf(&text, "%s=", key);
    go_quote(&text, str_of(profile));
    strset_add(found, text.data);
}

static const char *check_seccomp_annotations(const struct pod_security_seen *pod,
                                             struct buf *detail)
{
    CLEANUP(strset_clear) struct strset found = {0};
    const json_t *container;
    size_t i;
    find_seccomp_annotation(pod, SECCOMP_POD, &found);
    json_array_foreach (pod->containers, i, container) {
        const char *name = json_text(container, "name");
        CLEANUP(free_ptr) char *key = xasprintf("%s%s", SECCOMP_CONTAINER, name ? name : "");
        find_seccomp_annotation(pod, key, &found);
    }
    if (!found.count)
        return NULL;
    buf_printf(detail, "forbidden %s ", plural(found.count, "annotation", "annotations"));
    write_bare_set(detail, &found);
    return "seccompProfile";
}

static bool bad_seccomp(const json_t *context, const struct pod_security_seen *pod,
                        struct strset *bad)
{
    (void)pod;
    return bad_profile(context, "seccompProfile", bad);
}

static const char *check_seccomp(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(setters_free) struct setters setters = {0};
    CLEANUP(strset_clear) struct strset types = {0};
    ask_all(pod, bad_seccomp, &types, &setters);
    if (!setters_any(&setters))
        return NULL;
    write_setters(detail, &setters);
    buf_add_text(detail, " must not set securityContext.seccompProfile.type to ");
    write_set(detail, &types);
    return "seccompProfile";
}

static const char *check_sysctls(const struct pod_security_seen *pod, struct buf *detail)
{
    static const struct allowed safe[] = {{"kernel.shm_rmid_forced", 0},
                                          {"net.ipv4.ip_local_port_range", 0},
                                          {"net.ipv4.tcp_syncookies", 0},
                                          {"net.ipv4.ping_group_range", 0},
                                          {"net.ipv4.ip_unprivileged_port_start", 0},
                                          {"net.ipv4.ip_local_reserved_ports", 27},
                                          {"net.ipv4.tcp_keepalive_time", 29},
                                          {"net.ipv4.tcp_fin_timeout", 29},
                                          {"net.ipv4.tcp_keepalive_intvl", 29},
                                          {"net.ipv4.tcp_keepalive_probes", 29},
                                          {"net.ipv4.tcp_rmem", 32},
                                          {"net.ipv4.tcp_wmem", 32}};
    const json_t *sysctl;
    size_t i;
    bool any = false;
    json_array_foreach (json_at(pod->spec, "securityContext", "sysctls"), i, sysctl) {
        const char *name = json_text(sysctl, "name");
        if (is_allowed(name ? name : "", pod->version, safe, ARRAY_LEN(safe)))
            continue;
        buf_printf(detail, "%s%s", any ? ", " : "", name ? name : "");
        any = true;
    }
    return any ? "forbidden sysctls" : NULL;
}

static bool is_host_process(const json_t *context, const struct pod_security_seen *pod,
                            struct strset *bad)
{
    (void)pod, (void)bad;
    return json_is_true(json_at(context, "windowsOptions", "hostProcess"));
}

static const char *check_host_process(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(setters_free) struct setters setters = {0};
    ask_all(pod, is_host_process, NULL, &setters);
    if (!setters_any(&setters))
        return NULL;
    write_setters(detail, &setters);
    buf_add_text(detail, " must not set securityContext.windowsOptions.hostProcess=true");
    return "hostProcess";
}

/* ---- restricted ---- */

static bool may_escalate(const json_t *context, const struct pod_security_seen *pod,
                         struct strset *bad)
{
    (void)pod, (void)bad;
    return !json_is_false(json_object_get(context, "allowPrivilegeEscalation"));
}

static const char *check_escalation(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names containers = {0};
    ask_containers(pod, may_escalate, NULL, &containers);
    if (!containers.count)
        return NULL;
    write_containers(detail, &containers);
    buf_add_text(detail, " must set securityContext.allowPrivilegeEscalation=false");
    return "allowPrivilegeEscalation != false";
}

static bool keeps_capabilities(const json_t *context, const struct pod_security_seen *pod,
                               struct strset *bad)
{
    (void)pod, (void)bad;
    return !json_array_has_text(json_at(context, "capabilities", "drop"), "ALL");
}

static bool bad_restricted_capabilities(const json_t *context, const struct pod_security_seen *pod,
                                        struct strset *bad)
{
    static const struct allowed only[] = {{"NET_BIND_SERVICE", 0}};
    (void)pod;
    return bad_added(context, only, ARRAY_LEN(only), bad);
}

static const char *check_dropped(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names keeping = {0};
    CLEANUP(names_free) struct names adding = {0};
    CLEANUP(strset_clear) struct strset added = {0};
    ask_containers(pod, keeps_capabilities, NULL, &keeping);
    ask_containers(pod, bad_restricted_capabilities, &added, &adding);
    if (!keeping.count && !adding.count)
        return NULL;
    if (keeping.count) {
        write_containers(detail, &keeping);
        buf_add_text(detail, " must set securityContext.capabilities.drop=[\"ALL\"]");
    }
    if (keeping.count && adding.count)
        buf_add_text(detail, "; ");
    if (adding.count)
        write_added(detail, &adding, &added);
    return "unrestricted capabilities";
}

/* The kind of a volume when it is one that restricted Pods have not; NULL: it is fine. */
static const char *restricted_kind(const json_t *volume)
{
    static const char *const fine[] = {"configMap", "csi",       "downwardAPI",
                                       "emptyDir",  "ephemeral", "persistentVolumeClaim",
                                       "projected", "secret"};
    static const char *const kinds[] = {"hostPath",
                                        "gcePersistentDisk",
                                        "awsElasticBlockStore",
                                        "gitRepo",
                                        "nfs",
                                        "iscsi",
                                        "glusterfs",
                                        "rbd",
                                        "flexVolume",
                                        "cinder",
                                        "cephfs",
                                        "flocker",
                                        "fc",
                                        "azureFile",
                                        "vsphereVolume",
                                        "quobyte",
                                        "azureDisk",
                                        "photonPersistentDisk",
                                        "portworxVolume",
                                        "scaleIO",
                                        "storageos"};
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        if (json_is_object(json_object_get(volume, fine[i])))
            return NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (json_is_object(json_object_get(volume, kinds[i])))
            return kinds[i];
    return "unknown";
}

static const char *check_volumes(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names volumes = {0};
    CLEANUP(strset_clear) struct strset kinds = {0};
    const json_t *volume;
    size_t i;
    json_array_foreach (json_object_get(pod->spec, "volumes"), i, volume) {
        const char *kind = restricted_kind(volume);
        if (!kind)
            continue;
        strset_add(&kinds, kind);
        names_add(&volumes, json_text(volume, "name"));
    }
    if (!volumes.count)
        return NULL;
    buf_printf(detail, "%s %s %s %s ", plural(volumes.count, "volume", "volumes"),
               volumes.text.data, plural(volumes.count, "uses", "use"),
               plural(kinds.count, "restricted volume type", "restricted volume types"));
    write_set(detail, &kinds);
    return "restricted volume types";
}

/* `pod or container "a" must set ...`: neither the Pod nor these containers said it. */
static bool write_missing(struct buf *detail, const struct names *containers, const char *what)
{
    if (!containers->count)
        return false;
    buf_add_text(detail, "pod or ");
    write_containers(detail, containers);
    buf_printf(detail, " must set %s", what);
    return true;
}

static bool sets_root(const json_t *context, const struct pod_security_seen *pod,
                      struct strset *bad)
{
    (void)pod, (void)bad;
    return json_is_false(json_object_get(context, "runAsNonRoot"));
}

static bool lacks_non_root(const json_t *context, const struct pod_security_seen *pod,
                           struct strset *bad)
{
    (void)pod, (void)bad;
    return !json_is_boolean(json_object_get(context, "runAsNonRoot"));
}

static const char *check_non_root(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(setters_free) struct setters setters = {0};
    CLEANUP(names_free) struct names missing = {0};
    ask_all(pod, sets_root, NULL, &setters);
    if (setters_any(&setters)) {
        write_setters(detail, &setters);
        buf_add_text(detail, " must not set securityContext.runAsNonRoot=false");
        return "runAsNonRoot != true";
    }
    if (json_is_true(json_at(pod->spec, "securityContext", "runAsNonRoot")))
        return NULL;
    ask_containers(pod, lacks_non_root, NULL, &missing);
    return write_missing(detail, &missing, "securityContext.runAsNonRoot=true")
               ? "runAsNonRoot != true"
               : NULL;
}

static bool is_root(const json_t *context, const struct pod_security_seen *pod, struct strset *bad)
{
    (void)pod, (void)bad;
    return json_int_or(json_object_get(context, "runAsUser"), -1) == 0;
}

static const char *check_user(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(setters_free) struct setters setters = {0};
    ask_all(pod, is_root, NULL, &setters);
    if (!setters_any(&setters))
        return NULL;
    write_setters(detail, &setters);
    buf_add_text(detail, " must not set runAsUser=0");
    return "runAsUser=0";
}

static bool lacks_seccomp(const json_t *context, const struct pod_security_seen *pod,
                          struct strset *bad)
{
    (void)pod, (void)bad;
    return !json_is_object(json_object_get(context, "seccompProfile"));
}

static const char *check_seccomp_set(const struct pod_security_seen *pod, struct buf *detail)
{
    CLEANUP(names_free) struct names missing = {0};
    const char *reason = check_seccomp(pod, detail);
    if (reason || json_is_object(json_at(pod->spec, "securityContext", "seccompProfile")))
        return reason;
    ask_containers(pod, lacks_seccomp, NULL, &missing);
    return write_missing(
               detail, &missing,
               "securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"")
               ? "seccompProfile"
               : NULL;
}

/* ---- the table ---- */

#define EVER INT_MAX

/* Baseline ones first, then restricted ones, each by id. */
/* clang-format off */
const struct pod_security_check pod_security_checks[] = {
    {"appArmorProfile", POD_SECURITY_BASELINE, 0, EVER, check_apparmor, NULL, EVER},
    {"capabilities_baseline", POD_SECURITY_BASELINE, 0, EVER, check_capabilities, NULL, EVER},
    {"hostNamespaces", POD_SECURITY_BASELINE, 0, EVER, check_host_namespaces, NULL, EVER},
    {"hostPathVolumes", POD_SECURITY_BASELINE, 0, EVER, check_host_paths, NULL, EVER},
    {"hostPorts", POD_SECURITY_BASELINE, 0, EVER, check_host_ports, NULL, EVER},
    {"privileged", POD_SECURITY_BASELINE, 0, EVER, check_privileged, NULL, EVER},
    {"procMount", POD_SECURITY_BASELINE, 0, EVER, check_proc_mount, NULL, EVER},
    {"seLinuxOptions", POD_SECURITY_BASELINE, 0, EVER, check_selinux, NULL, EVER},
    {"seccompProfile_baseline", POD_SECURITY_BASELINE, 0, 19, check_seccomp_annotations, NULL, EVER},
    {"seccompProfile_baseline", POD_SECURITY_BASELINE, 19, EVER, check_seccomp, NULL, EVER},
    {"sysctls", POD_SECURITY_BASELINE, 0, EVER, check_sysctls, NULL, EVER},
    {"windowsHostProcess", POD_SECURITY_BASELINE, 0, EVER, check_host_process, NULL, EVER},
    {"allowPrivilegeEscalation", POD_SECURITY_RESTRICTED, 8, EVER, check_escalation, NULL, 25},
    {"capabilities_restricted", POD_SECURITY_RESTRICTED, 22, EVER, check_dropped, "capabilities_baseline", 25},
    {"restrictedVolumes", POD_SECURITY_RESTRICTED, 0, EVER, check_volumes, "hostPathVolumes", EVER},
    {"runAsNonRoot", POD_SECURITY_RESTRICTED, 0, EVER, check_non_root, NULL, EVER},
    {"runAsUser", POD_SECURITY_RESTRICTED, 23, EVER, check_user, NULL, EVER},
    {"seccompProfile_restricted", POD_SECURITY_RESTRICTED, 19, EVER, check_seccomp_set, "seccompProfile_baseline", 25},
};
/* clang-format on */
const size_t pod_security_check_count = ARRAY_LEN(pod_security_checks);
