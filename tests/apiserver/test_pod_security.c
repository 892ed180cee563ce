/* The Pod Security Standards as pure decisions: each check's pass and fail, versions, labels, and
 * what is told. */
#include <string.h>

#include "apiserver/admission/pod_security.h"
#include "tests/test.h"

/* A container that restricted namespaces take, and the rest of its securityContext. */
#define GOOD(name, more)                                                                           \
    "{\"name\":\"" name "\",\"securityContext\":{\"allowPrivilegeEscalation\":false,"              \
    "\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":\"RuntimeDefault\"},"                      \
    "\"capabilities\":{\"drop\":[\"ALL\"]}" more "}}"
#define PLAIN(name)         "{\"name\":\"" name "\"}"
#define WITH(name, context) "{\"name\":\"" name "\",\"securityContext\":{" context "}}"
#define HOLDING(containers) "{\"containers\":[" containers "]}"
#define POD_WITH(context, containers)                                                              \
    "{\"securityContext\":{" context "},\"containers\":[" containers "]}"

struct row {
    const char *name, *level, *version, *spec;
    const char *details; /* NULL: it passes */
    const char *annotations;
};

static const char *label_of(const void *from, const char *key)
{
    return json_text(from, key);
}

static struct pod_security_policy policy_of(const char *level, const char *version)
{
    struct pod_security_policy policy;
    json_auto_t *labels =
        json_pack("{s:s, s:s}", "pod-security.kubernetes.io/enforce", level,
                  "pod-security.kubernetes.io/enforce-version", version ? version : "latest");
    pod_security_policy_read(label_of, labels, &policy, NULL);
    return policy;
}

static json_t *parse(const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *tree = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    if (!tree)
        fail_msg("%s: %s", text, err.message);
    return tree;
}

static void run_row(const struct row *row)
{
    struct pod_security_policy policy = policy_of(row->level, row->version);
    CLEANUP(free_ptr)
    char *metadata_text =
        xasprintf("{\"annotations\":{%s}}", row->annotations ? row->annotations : "");
    json_auto_t *metadata = parse(metadata_text), *spec = parse(row->spec);
    CLEANUP(buf_free) struct buf details = BUF_TEXT;
    bool violates =
        pod_security_violates(&policy.grades[POD_SECURITY_ENFORCE], metadata, spec, NULL, &details);
    if (violates != (row->details != NULL) || (row->details && strcmp(details.data, row->details)))
        fail_msg("%s: %s, wanted %s", row->name, details.data ? details.data : "passes",
                 row->details ? row->details : "a pass");
}

static void run_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_row(&rows[i]);
}

/* ---- baseline ---- */

static void test_baseline_containers(void **state)
{
    static const struct row rows[] = {
        {"nothing said", "baseline", NULL, HOLDING(PLAIN("a")), NULL, NULL},
        {"privileged false", "baseline", NULL, HOLDING(WITH("a", "\"privileged\":false")), NULL,
         NULL},
        {"privileged", "baseline", NULL, HOLDING(WITH("a", "\"privileged\":true")),
         "privileged (container \"a\" must not set securityContext.privileged=true)", NULL},
        {"all kinds of containers", "baseline", NULL,
         "{\"containers\":[" WITH("a", "\"privileged\":true") "],\"initContainers\":[" WITH(
             "i",
             "\"privileged\":true") "],\"ephemeralContainers\":[" WITH("e",
                                                                       "\"privileged\":true") "]}",
         "privileged (containers \"i\", \"a\", \"e\" must not set "
         "securityContext.privileged=true)",
         NULL},
        {"usual capabilities", "baseline", NULL,
         HOLDING(WITH("a", "\"capabilities\":{\"add\":[\"CHOWN\",\"SYS_CHROOT\"]}")), NULL, NULL},
        {"other capabilities", "baseline", NULL,
         HOLDING(WITH("a", "\"capabilities\":{\"add\":[\"NET_RAW\",\"CHOWN\"]}") "," WITH(
             "b", "\"capabilities\":{\"add\":[\"SYS_ADMIN\",\"NET_RAW\"]}")),
         "non-default capabilities (containers \"a\", \"b\" must not include \"NET_RAW\", "
         "\"SYS_ADMIN\" in securityContext.capabilities.add)",
         NULL},
        {"host port 0", "baseline", NULL,
         HOLDING("{\"name\":\"a\",\"ports\":[{\"containerPort\":1,\"hostPort\":0}]}"), NULL, NULL},
        {"host port", "baseline", NULL,
         HOLDING("{\"name\":\"a\",\"ports\":[{\"containerPort\":1,\"hostPort\":20}]}"),
         "hostPort (container \"a\" uses hostPort 20)", NULL},
        {"host ports, in the order of text", "baseline", NULL,
         HOLDING("{\"name\":\"a\",\"ports\":[{\"hostPort\":9},{\"hostPort\":10}]},"
                 "{\"name\":\"b\",\"ports\":[{\"hostPort\":9}]}"),
         "hostPort (containers \"a\", \"b\" use hostPorts 10, 9)", NULL},
        {"procMount Default", "baseline", NULL, HOLDING(WITH("a", "\"procMount\":\"Default\"")),
         NULL, NULL},
        {"procMount Unmasked", "baseline", NULL, HOLDING(WITH("a", "\"procMount\":\"Unmasked\"")),
         "procMount (container \"a\" must not set securityContext.procMount to \"Unmasked\")",
         NULL},
        {"procMount in a user namespace", "baseline", NULL,
         "{\"hostUsers\":false,\"containers\":[" WITH("a", "\"procMount\":\"Unmasked\"") "]}",
         "procMount (container \"a\" must not set securityContext.procMount to \"Unmasked\")",
         NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_baseline_pod(void **state)
{
    static const struct row rows[] = {
        {"no host namespaces", "baseline", NULL,
         "{\"hostNetwork\":false,\"containers\":[" PLAIN("a") "]}", NULL, NULL},
        {"host namespaces", "baseline", NULL,
         "{\"hostIPC\":true,\"hostPID\":true,\"hostNetwork\":true,\"containers\":[" PLAIN("a") "]}",
         "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)", NULL},
        {"one host namespace", "baseline", NULL,
         "{\"hostPID\":true,\"containers\":[" PLAIN("a") "]}", "host namespaces (hostPID=true)",
         NULL},
        {"emptyDir", "baseline", NULL,
         "{\"containers\":[],\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}", NULL, NULL},
        {"hostPath", "baseline", NULL,
         "{\"containers\":[],\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/"
         "\"}},{\"name\":\"w\",\"hostPath\":{}}]}",
         "hostPath volumes (volumes \"v\", \"w\")", NULL},
        {"Windows host process", "baseline", NULL,
         POD_WITH("\"windowsOptions\":{\"hostProcess\":true}",
                  WITH("a", "\"windowsOptions\":{\"hostProcess\":true}")),
         "hostProcess (pod and container \"a\" must not set "
         "securityContext.windowsOptions.hostProcess=true)",
         NULL},
        {"no Windows host process", "baseline", NULL,
         POD_WITH("\"windowsOptions\":{\"hostProcess\":false}", PLAIN("a")), NULL, NULL},
        {"several at once, by id", "baseline", NULL,
         "{\"hostNetwork\":true,\"volumes\":[{\"name\":\"v\",\"hostPath\":{}}],\"containers\":"
         "[" WITH("a", "\"privileged\":true,\"capabilities\":{\"add\":[\"NET_RAW\"]}") "]}",
         "non-default capabilities (container \"a\" must not include \"NET_RAW\" in "
         "securityContext.capabilities.add), host namespaces (hostNetwork=true), hostPath volumes "
         "(volume \"v\"), privileged (container \"a\" must not set "
         "securityContext.privileged=true)",
         NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define SYSCTL(name) POD_WITH("\"sysctls\":[{\"name\":\"" name "\",\"value\":\"1\"}]", PLAIN("a"))

static void test_sysctls(void **state)
{
    static const struct row rows[] = {
        {"safe ever", "baseline", "v1.0", SYSCTL("kernel.shm_rmid_forced"), NULL, NULL},
        {"since 1.27", "baseline", "v1.27", SYSCTL("net.ipv4.ip_local_reserved_ports"), NULL, NULL},
        {"before 1.27", "baseline", "v1.26", SYSCTL("net.ipv4.ip_local_reserved_ports"),
         "forbidden sysctls (net.ipv4.ip_local_reserved_ports)", NULL},
        {"since 1.29", "baseline", "v1.29", SYSCTL("net.ipv4.tcp_fin_timeout"), NULL, NULL},
        {"before 1.29", "baseline", "v1.28", SYSCTL("net.ipv4.tcp_fin_timeout"),
         "forbidden sysctls (net.ipv4.tcp_fin_timeout)", NULL},
        {"since 1.32", "baseline", "v1.32", SYSCTL("net.ipv4.tcp_rmem"), NULL, NULL},
        {"before 1.32", "baseline", "v1.31", SYSCTL("net.ipv4.tcp_rmem"),
         "forbidden sysctls (net.ipv4.tcp_rmem)", NULL},
        {"a version to come", "baseline", "v1.99", SYSCTL("net.ipv4.tcp_rmem"), NULL, NULL},
        {"never", "baseline", NULL,
         POD_WITH("\"sysctls\":[{\"name\":\"b\"},{\"name\":\"a\"}]", PLAIN("a")),
         "forbidden sysctls (b, a)", NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define TYPED(type) HOLDING(WITH("a", "\"seLinuxOptions\":{\"type\":\"" type "\"}"))

static void test_selinux(void **state)
{
    static const struct row rows[] = {
        {"level alone", "baseline", NULL,
         POD_WITH("\"seLinuxOptions\":{\"level\":\"s0\"}", PLAIN("a")), NULL, NULL},
        {"known type", "baseline", NULL, TYPED("container_t"), NULL, NULL},
        {"since 1.31", "baseline", "v1.31", TYPED("container_engine_t"), NULL, NULL},
        {"before 1.31", "baseline", "v1.30", TYPED("container_engine_t"),
         "seLinuxOptions (container \"a\" set forbidden securityContext.seLinuxOptions: type "
         "\"container_engine_t\")",
         NULL},
        {"everything", "baseline", NULL,
         POD_WITH("\"seLinuxOptions\":{\"type\":\"x\",\"user\":\"u\"}",
                  WITH("a", "\"seLinuxOptions\":{\"type\":\"y\",\"role\":\"r\"}")),
         "seLinuxOptions (pod and container \"a\" set forbidden securityContext.seLinuxOptions: "
         "types \"x\", \"y\"; user may not be set; role may not be set)",
         NULL},
        {"role alone", "baseline", NULL,
         POD_WITH("\"seLinuxOptions\":{\"role\":\"r\"}", PLAIN("a")),
         "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: role may not be set)",
         NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define APPARMOR(name, value)                                                                      \
    "\"container.apparmor.security.beta.kubernetes.io/" name "\":\"" value "\""

static void test_apparmor(void **state)
{
    static const struct row rows[] = {
        {"default", "baseline", NULL,
         POD_WITH("\"appArmorProfile\":{\"type\":\"RuntimeDefault\"}", PLAIN("a")), NULL,
         APPARMOR("a", "localhost/x") "," APPARMOR("b", "runtime/default")},
        {"unconfined Pod", "baseline", NULL,
         POD_WITH("\"appArmorProfile\":{\"type\":\"Unconfined\"}", PLAIN("a")),
         "forbidden AppArmor profile (pod must not set AppArmor profile type to \"Unconfined\")",
         NULL},
        {"unconfined container", "baseline", NULL,
         HOLDING(WITH("a", "\"appArmorProfile\":{\"type\":\"Unconfined\"}")),
         "forbidden AppArmor profile (container \"a\" must not set AppArmor profile type to "
         "\"Unconfined\")",
         NULL},
        {"annotation", "baseline", NULL, HOLDING(PLAIN("a")),
         "forbidden AppArmor profile (annotation must not set AppArmor profile type to "
         "\"container.apparmor.security.beta.kubernetes.io/a=\"unconfined\"\")",
         APPARMOR("a", "unconfined")},
        {"all of it", "baseline", NULL,
         POD_WITH("\"appArmorProfile\":{\"type\":\"Unconfined\"}",
                  WITH("a", "\"appArmorProfile\":{\"type\":\"Unconfined\"}")),
         "forbidden AppArmor profiles (pod and container \"a\" and annotations must not set "
         "AppArmor profile type to \"Unconfined\", "
         "\"container.apparmor.security.beta.kubernetes.io/a=\"bad\"\", "
         "\"container.apparmor.security.beta.kubernetes.io/b=\"bad\"\")",
         APPARMOR("b", "bad") "," APPARMOR("a", "bad")},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define SECCOMP(type) "\"seccompProfile\":{\"type\":\"" type "\"}"

static void test_seccomp_baseline(void **state)
{
    static const struct row rows[] = {
        {"unset", "baseline", NULL, HOLDING(PLAIN("a")), NULL, NULL},
        {"known", "baseline", NULL,
         POD_WITH(SECCOMP("RuntimeDefault"), WITH("a", SECCOMP("Localhost"))), NULL, NULL},
        {"unconfined", "baseline", NULL,
         POD_WITH(SECCOMP("Unconfined"), WITH("a", SECCOMP("Unconfined"))),
         "seccompProfile (pod and container \"a\" must not set securityContext.seccompProfile.type "
         "to \"Unconfined\")",
         NULL},
        {"fields before 1.19", "baseline", "v1.18", POD_WITH(SECCOMP("Unconfined"), PLAIN("a")),
         NULL, NULL},
        {"annotations before 1.19", "baseline", "v1.18", HOLDING(PLAIN("a")),
         "seccompProfile (forbidden annotations "
         "container.seccomp.security.alpha.kubernetes.io/a=\"x\", "
         "seccomp.security.alpha.kubernetes.io/pod=\"unconfined\")",
         "\"seccomp.security.alpha.kubernetes.io/pod\":\"unconfined\","
         "\"container.seccomp.security.alpha.kubernetes.io/a\":\"x\","
         "\"container.seccomp.security.alpha.kubernetes.io/other\":\"x\""},
        {"fine annotations before 1.19", "baseline", "v1.18", HOLDING(PLAIN("a")), NULL,
         "\"seccomp.security.alpha.kubernetes.io/pod\":\"docker/default\","
         "\"container.seccomp.security.alpha.kubernetes.io/a\":\"localhost/x\""},
        {"annotations since 1.19", "baseline", "v1.19", HOLDING(PLAIN("a")), NULL,
         "\"seccomp.security.alpha.kubernetes.io/pod\":\"unconfined\""},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

/* ---- restricted ---- */

#define ESCALATION                                                                                 \
    "allowPrivilegeEscalation != false (container \"a\" must set "                                 \
    "securityContext.allowPrivilegeEscalation=false)"
#define CAPABILITIES                                                                               \
    "unrestricted capabilities (container \"a\" must set "                                         \
    "securityContext.capabilities.drop=[\"ALL\"])"
#define NON_ROOT                                                                                   \
    "runAsNonRoot != true (pod or container \"a\" must set securityContext.runAsNonRoot=true)"
#define PROFILE                                                                                    \
    "seccompProfile (pod or container \"a\" must set securityContext.seccompProfile.type to "      \
    "\"RuntimeDefault\" or \"Localhost\")"

static void test_restricted(void **state)
{
    static const struct row rows[] = {
        {"good", "restricted", NULL, HOLDING(GOOD("a", "")), NULL, NULL},
        {"plain", "restricted", NULL, HOLDING(PLAIN("a")),
         ESCALATION ", " CAPABILITIES ", " NON_ROOT ", " PROFILE, NULL},
        {"by the Pod", "restricted", NULL,
         POD_WITH("\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":\"Localhost\"}", PLAIN("a")),
         ESCALATION ", " CAPABILITIES, NULL},
        {"baseline's come first", "restricted", NULL,
         "{\"hostPID\":true,\"containers\":[" GOOD("a", ",\"privileged\":true") "," PLAIN("b") "]}",
         "host namespaces (hostPID=true), privileged (container \"a\" must not set "
         "securityContext.privileged=true), allowPrivilegeEscalation != false (container \"b\" "
         "must "
         "set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities "
         "(container \"b\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != "
         "true (pod or container \"b\" must set securityContext.runAsNonRoot=true), "
         "seccompProfile (pod or container \"b\" must set securityContext.seccompProfile.type to "
         "\"RuntimeDefault\" or \"Localhost\")",
         NULL},
        {"escalation true", "restricted", "v1.8",
         HOLDING(WITH("a", "\"runAsNonRoot\":true,\"allowPrivilegeEscalation\":true")), ESCALATION,
         NULL},
        {"before 1.8", "restricted", "v1.7", HOLDING(WITH("a", "\"runAsNonRoot\":true")), NULL,
         NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_restricted_users(void **state)
{
    static const struct row rows[] = {
        {"root by the Pod", "restricted", "v1.0", POD_WITH("\"runAsNonRoot\":false", PLAIN("a")),
         "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)", NULL},
        {"root by both", "restricted", "v1.0",
         POD_WITH("\"runAsNonRoot\":false", WITH("a", "\"runAsNonRoot\":false")),
         "runAsNonRoot != true (pod and container \"a\" must not set "
         "securityContext.runAsNonRoot=false)",
         NULL},
        {"a container against its Pod", "restricted", "v1.0",
         POD_WITH("\"runAsNonRoot\":true", WITH("a", "\"runAsNonRoot\":false") "," PLAIN("b")),
         "runAsNonRoot != true (container \"a\" must not set securityContext.runAsNonRoot=false)",
         NULL},
        {"a user namespace does not help", "restricted", "v1.0",
         "{\"hostUsers\":false,\"containers\":[" PLAIN("a") "]}", NON_ROOT, NULL},
        {"user 0 before 1.23", "restricted", "v1.22", HOLDING(GOOD("a", ",\"runAsUser\":0")), NULL,
         NULL},
        {"user 0", "restricted", "v1.23", HOLDING(GOOD("a", ",\"runAsUser\":0")),
         "runAsUser=0 (container \"a\" must not set runAsUser=0)", NULL},
        {"user 0 by both", "restricted", NULL,
         POD_WITH("\"runAsUser\":0", GOOD("a", ",\"runAsUser\":0")),
         "runAsUser=0 (pod and container \"a\" must not set runAsUser=0)", NULL},
        {"user 1", "restricted", NULL, HOLDING(GOOD("a", ",\"runAsUser\":1")), NULL, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define CAPS(add, drop)                                                                            \
    HOLDING(                                                                                       \
        WITH("a", "\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":true," SECCOMP(             \
                      "Localhost") ",\"capabilities\":{\"add\":[" add "],\"drop\":[" drop "]}"))

static void test_restricted_capabilities(void **state)
{
    static const struct row rows[] = {
        {"one may be added", "restricted", NULL, CAPS("\"NET_BIND_SERVICE\"", "\"ALL\""), NULL,
         NULL},
        {"another", "restricted", NULL, CAPS("\"CHOWN\",\"NET_RAW\"", "\"ALL\""),
         "unrestricted capabilities (container \"a\" must not include \"CHOWN\", \"NET_RAW\" in "
         "securityContext.capabilities.add)",
         NULL},
        {"neither", "restricted", NULL, CAPS("\"CHOWN\"", "\"all\""),
         "unrestricted capabilities (container \"a\" must set "
         "securityContext.capabilities.drop=[\"ALL\"]; container \"a\" must not include \"CHOWN\" "
         "in securityContext.capabilities.add)",
         NULL},
        {"baseline's before 1.22", "restricted", "v1.21", CAPS("\"NET_RAW\"", ""),
         "non-default capabilities (container \"a\" must not include \"NET_RAW\" in "
         "securityContext.capabilities.add)",
         NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define VOLUMES(list) "{\"containers\":[" GOOD("a", "") "],\"volumes\":[" list "]}"

static void test_restricted_volumes(void **state)
{
    static const struct row rows[] = {
        {"fine ones", "restricted", NULL,
         VOLUMES("{\"name\":\"a\",\"configMap\":{}},{\"name\":\"b\",\"csi\":{}},{\"name\":\"c\","
                 "\"downwardAPI\":{}},{\"name\":\"d\",\"emptyDir\":{}},{\"name\":\"e\","
                 "\"ephemeral\":{}},{\"name\":\"f\",\"persistentVolumeClaim\":{}},{\"name\":\"g\","
                 "\"projected\":{}},{\"name\":\"h\",\"secret\":{}}"),
         NULL, NULL},
        {"one kind", "restricted", NULL, VOLUMES("{\"name\":\"v\",\"nfs\":{}}"),
         "restricted volume types (volume \"v\" uses restricted volume type \"nfs\")", NULL},
        {"hostPath, told once", "restricted", NULL,
         VOLUMES("{\"name\":\"v\",\"nfs\":{}},{\"name\":\"w\",\"hostPath\":{}},{\"name\":\"x\","
                 "\"none\":{}}"),
         "restricted volume types (volumes \"v\", \"w\", \"x\" use restricted volume types "
         "\"hostPath\", \"nfs\", \"unknown\")",
         NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define WINDOWS "{\"os\":{\"name\":\"windows\"},\"containers\":[" PLAIN("a") "]}"

static void test_windows(void **state)
{
    static const struct row rows[] = {
        {"since 1.25 as Linux only", "restricted", "v1.25", WINDOWS, NON_ROOT, NULL},
        {"before", "restricted", "v1.24", WINDOWS,
         ESCALATION ", " CAPABILITIES ", " NON_ROOT ", " PROFILE, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

/* ---- labels ---- */

static void write_policy(struct buf *out, const struct pod_security_policy *policy)
{
    for (size_t i = 0; i < POD_SECURITY_MODES; i++) {
        buf_add_text(out, i ? " " : "");
        pod_security_grade_write(out, &policy->grades[i]);
    }
}

#define LABEL(mode, value) "\"pod-security.kubernetes.io/" mode "\":\"" value "\""
#define BAD_LEVEL          "must be one of privileged, baseline, restricted"
#define BAD_VERSION        "must be \"latest\" or \"v1.x\""

static void test_labels(void **state)
{
    static const struct {
        const char *labels, *want, *field, *message;
    } rows[] = {
        {"{}", "privileged:latest privileged:latest privileged:latest", NULL, NULL},
        {"{" LABEL("enforce", "baseline") "}", "baseline:latest privileged:latest baseline:latest",
         NULL, NULL},
        {"{" LABEL("enforce", "restricted") "," LABEL("enforce-version", "v1.20") "}",
         "restricted:v1.20 privileged:latest restricted:v1.20", NULL, NULL},
        {"{" LABEL("enforce", "restricted") "," LABEL("warn-version", "v1.2") "}",
         "restricted:latest privileged:latest restricted:v1.2", NULL, NULL},
        {"{" LABEL("enforce", "restricted") "," LABEL("warn", "privileged") "}",
         "restricted:latest privileged:latest privileged:latest", NULL, NULL},
        {"{" LABEL("audit", "baseline") "," LABEL("audit-version", "v1.0") "}",
         "privileged:latest baseline:v1.0 privileged:latest", NULL, NULL},
        {"{" LABEL("enforce", "Baseline") "}",
         "restricted:latest privileged:latest restricted:latest", "enforce", BAD_LEVEL},
        {"{" LABEL("audit", "x") "}", "privileged:latest privileged:latest privileged:latest",
         "audit", BAD_LEVEL},
        {"{" LABEL("warn", "") "}", "privileged:latest privileged:latest privileged:latest", "warn",
         BAD_LEVEL},
        {"{" LABEL("enforce-version", "1.20") "}",
         "privileged:latest privileged:latest privileged:latest", "enforce-version", BAD_VERSION},
        {"{" LABEL("enforce-version", "v1.01") "}",
         "privileged:latest privileged:latest privileged:latest", "enforce-version", BAD_VERSION},
        {"{" LABEL("enforce-version", "v1.99999999999999999999") "}",
         "privileged:latest privileged:latest privileged:latest", "enforce-version", BAD_VERSION},
        {"{" LABEL("enforce-version", "v1.") "}",
         "privileged:latest privileged:latest privileged:latest", "enforce-version", BAD_VERSION},
        {"{" LABEL("enforce-version", "v1.-1") "}",
         "privileged:latest privileged:latest privileged:latest", "enforce-version", BAD_VERSION},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *labels = parse(rows[i].labels);
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        struct pod_security_policy policy;
        pod_security_policy_read(label_of, labels, &policy, &err);
        write_policy(&text, &policy);
        assert_string_equal(text.data, rows[i].want);
        assert_int_equal(err.cause_count, rows[i].field != NULL);
        if (!rows[i].field)
            continue;
        CLEANUP(free_ptr)
        char *field = xasprintf("metadata.labels[pod-security.kubernetes.io/%s]", rows[i].field);
        assert_string_equal(err.causes[0].field, field);
        assert_non_null(strstr(err.causes[0].message, rows[i].message));
    }
}

static void test_tightening(void **state)
{
    static const struct {
        const char *now, *now_version, *old, *old_version;
        bool want;
    } rows[] = {
        {"baseline", NULL, "baseline", NULL, false},
        {"baseline", NULL, "privileged", NULL, true},
        {"privileged", "v1.1", "restricted", NULL, false},
        {"baseline", NULL, "restricted", NULL, false},
        {"baseline", "v1.1", "restricted", NULL, true}, /* another version may want more */
        {"restricted", NULL, "baseline", NULL, true},
        {"restricted", "v1.1", "restricted", "v1.2", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pod_security_policy now = policy_of(rows[i].now, rows[i].now_version),
                                   old = policy_of(rows[i].old, rows[i].old_version);
        assert_int_equal(pod_security_tightens(&now.grades[0], &old.grades[0]), rows[i].want);
    }
}

/* ---- updates ---- */

#define POD(annotations, spec)                                                                     \
    "{\"metadata\":{\"annotations\":{" annotations "}},\"spec\":{" spec "}}"
#define IMAGE(name, image) "{\"name\":\"" name "\",\"image\":\"" image "\"}"
#define ONE                "\"containers\":[" IMAGE("a", "x") "]"

static void test_updates(void **state)
{
    static const struct {
        const char *name, *now, *old;
        bool want;
    } rows[] = {
        {"nothing", POD("", ONE), POD("", ONE), false},
        {"what is not judged", POD("\"k\":\"v\"", ONE ",\"activeDeadlineSeconds\":5"), POD("", ONE),
         false},
        {"image", POD("", "\"containers\":[" IMAGE("a", "y") "]"), POD("", ONE), true},
        {"init image", POD("", "\"initContainers\":[" IMAGE("a", "y") "]"),
         POD("", "\"initContainers\":[" IMAGE("a", "x") "]"), true},
        {"seccomp of the Pod", POD("\"seccomp.security.alpha.kubernetes.io/pod\":\"v\"", ONE),
         POD("", ONE), true},
        {"seccomp of a container",
         POD("\"container.seccomp.security.alpha.kubernetes.io/a\":\"v\"", ONE), POD("", ONE),
         true},
        {"new ephemeral container", POD("", ONE ",\"ephemeralContainers\":[" IMAGE("e", "x") "]"),
         POD("", ONE), true},
        {"ephemeral container as it was",
         POD("", ONE ",\"ephemeralContainers\":[" IMAGE("e", "x") "]"),
         POD("", ONE ",\"ephemeralContainers\":[" IMAGE("e", "x") "]"), false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *now = parse(rows[i].now), *old = parse(rows[i].old);
        if (pod_security_matters(now, old) != rows[i].want)
            fail_msg("%s", rows[i].name);
    }
}

static void test_tally(void **state)
{
    CLEANUP(pod_security_tally_clear) struct pod_security_tally tally = {0};
    static const char *const want[] = {"a (and 2 other pods): privileged",
                                       "d (and 1 other pod): hostPort", "f: hostPort, privileged"};
    (void)state;
    pod_security_tally_add(&tally, "privileged", "b");
    pod_security_tally_add(&tally, "privileged", "a");
    pod_security_tally_add(&tally, "privileged", "c");
    pod_security_tally_add(&tally, "hostPort", "d");
    pod_security_tally_add(&tally, "hostPort", "e");
    pod_security_tally_add(&tally, "hostPort, privileged", "f");
    assert_int_equal(tally.by_reasons.count, ARRAY_LEN(want));
    char **lines = pod_security_tally_lines(&tally);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_string_equal(lines[i], want[i]);
        free(lines[i]);
    }
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_baseline_containers),
        cmocka_unit_test(test_baseline_pod),
        cmocka_unit_test(test_sysctls),
        cmocka_unit_test(test_selinux),
        cmocka_unit_test(test_apparmor),
        cmocka_unit_test(test_seccomp_baseline),
        cmocka_unit_test(test_restricted),
        cmocka_unit_test(test_restricted_users),
        cmocka_unit_test(test_restricted_capabilities),
        cmocka_unit_test(test_restricted_volumes),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_tightening),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_tally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
