/* Security contexts of Pods and containers. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"

#define ID_MAX           2147483647
#define PROFILE_NAME_MAX 4095

static const char *const profile_types[] = {"Localhost", "RuntimeDefault", "Unconfined", NULL};

static void check_seccomp(struct error *err, const struct path *at, const json_t *profile)
{
    const struct path *path = PATH(at, "localhostProfile");
    if (!profile)
        return;
    if (check_required(err, at, profile, "type", "type is required when seccompProfile is set"))
        check_enum(err, at, profile, "type", profile_types);
    if (strcmp(rule_text(profile, "type"), "Localhost") != 0) {
        if (rule_has(profile, "localhostProfile"))
            rule_invalid(err, path, json_object_get(profile, "localhostProfile"),
                         "can only be set when seccomp type is Localhost");
    } else if (!rule_has(profile, "localhostProfile")) {
        rule_required(err, path, "must be set when seccomp type is Localhost");
    } else {
        check_local_path(err, path, rule_text(profile, "localhostProfile"));
    }
}

static void check_apparmor_name(struct error *err, const struct path *path, const json_t *profile)
{
    const char *name = rule_text(profile, "localhostProfile");
    size_t trimmed = str_trim(str_of(name)).len;
    if (!rule_has(profile, "localhostProfile"))
        rule_required(err, path, "must be set when AppArmor type is Localhost");
    else if (trimmed != strlen(name))
        rule_invalid_text(err, path, name, "must not be padded with whitespace");
    else if (trimmed == 0)
        rule_required(err, path, "must be set when AppArmor type is Localhost");
    if (strlen(name) > PROFILE_NAME_MAX)
        rule_too_long(err, path, PROFILE_NAME_MAX);
}

static void check_apparmor(struct error *err, const struct path *at, const json_t *profile)
{
    const struct path *path = PATH(at, "localhostProfile");
    const char *type = rule_text(profile, "type");
    if (!profile)
        return;
    if (!*type)
        rule_required(err, PATH(at, "type"), "type is required when appArmorProfile is set");
    else if (!rule_one_of(type, profile_types))
        check_enum(err, at, profile, "type", profile_types);
    else if (strcmp(type, "Localhost") == 0)
        check_apparmor_name(err, path, profile);
    else if (rule_has(profile, "localhostProfile"))
        rule_invalid(err, path, json_object_get(profile, "localhostProfile"),
                     "can only be set when AppArmor type is Localhost");
}

static void check_escalation(struct error *err, const struct path *at, const json_t *context)
{
    if (!json_is_false(json_object_get(context, "allowPrivilegeEscalation")))
        return;
    if (rule_bool(context, "privileged"))
        rule_invalid(err, at, context,
                     "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    if (json_array_has_text(json_at(context, "capabilities", "add"), "CAP_SYS_ADMIN"))
        rule_invalid(
            err, at, context,
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
}

void check_security_context(struct error *err, const struct path *at, const json_t *context)
{
    static const char *const mounts[] = {"Default", "Unmasked", NULL};
    if (!context)
        return;
    check_range(err, at, context, "runAsUser", 0, ID_MAX);
    check_range(err, at, context, "runAsGroup", 0, ID_MAX);
    check_enum(err, at, context, "procMount", mounts);
    check_seccomp(err, PATH(at, "seccompProfile"), member_object(context, "seccompProfile"));
    check_escalation(err, at, context);
    check_windows_options(err, PATH(at, "windowsOptions"),
                          member_object(context, "windowsOptions"));
    check_apparmor(err, PATH(at, "appArmorProfile"), member_object(context, "appArmorProfile"));
}

static bool is_sysctl_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Segments of [a-z0-9]([-_a-z0-9]*[a-z0-9])? with '.' or '/' between them. */
static bool is_sysctl(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > 253 || !is_sysctl_char(name[0]) || !is_sysctl_char(name[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++) {
        bool separator = name[i] == '.' || name[i] == '/';
        if (!is_sysctl_char(name[i]) && name[i] != '-' && name[i] != '_' && !separator)
            return false;
        if (separator && (!is_sysctl_char(name[i - 1]) || !is_sysctl_char(name[i + 1])))
            return false;
    }
    return true;
}

/* The namespace that a setting is of, as a member of the spec that shares it with the node; NULL:
 * of none that has one. Source: component-helpers' sysctl package. */
static const char *sysctl_shares(const char *name)
{
    static const struct {
        const char *prefix, *member;
    } rows[] = {
        {"net.", "hostNetwork"},
        {"fs.mqueue.", "hostIPC"},
        {"kernel.shm", "hostIPC"},
        {"kernel.msg", "hostIPC"},
    };
    CLEANUP(free_ptr) char *dotted = xstrdup(name);
    for (char *at = dotted; *at; at++)
        *at = *at == '/' ? '.' : *at;
    if (strcmp(dotted, "kernel.sem") == 0)
        return "hostIPC";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (text_starts(dotted, rows[i].prefix))
            return rows[i].member;
    return NULL;
}

static void check_sysctl(struct error *err, const struct path *at, const json_t *item,
                         const json_t *spec, json_t *seen)
{
    const char *name = rule_text(item, "name"), *shared = sysctl_shares(name);
    bool again = rule_seen(seen, name);
    if (check_required(err, at, item, "name", NULL) && !is_sysctl(name))
        rule_invalid_text(
            err, PATH(at, "name"), name,
            "must have at most 253 characters and match regex "
            "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
    else if (*name && again)
        rule_duplicate(err, PATH(at, "name"), json_object_get(item, "name"));
    if (!shared || !rule_bool(spec, shared))
        return;
    CLEANUP(free_ptr) char *detail = xasprintf("may not be specified when '%s' is true", shared);
    rule_invalid_text(err, PATH(at, "name"), name, detail);
}

static void check_groups(struct error *err, const struct path *path, const json_t *groups)
{
    const json_t *group;
    LIST_EACH (groups, i, group) {
        if (json_int_or(group, 0) < 0 || json_int_or(group, 0) > ID_MAX)
            rule_invalid(err, PATH_AT(path, i), group,
                         "must be between 0 and 2147483647, inclusive");
    }
}

void check_pod_security_context(struct error *err, const struct path *at, const json_t *context,
                                const json_t *spec)
{
    static const char *const policies[] = {"Always", "OnRootMismatch", NULL};
    const json_t *sysctls = member_array(context, "sysctls"), *item;
    json_auto_t *seen = rule_set(sysctls);
    check_range(err, at, context, "fsGroup", 0, ID_MAX);
    check_range(err, at, context, "runAsUser", 0, ID_MAX);
    check_range(err, at, context, "runAsGroup", 0, ID_MAX);
    check_groups(err, PATH(at, "supplementalGroups"), member_array(context, "supplementalGroups"));
    if (rule_bool(spec, "shareProcessNamespace") && rule_bool(spec, "hostPID"))
        rule_invalid(err, PATH(at, "shareProcessNamespace"),
                     json_object_get(spec, "shareProcessNamespace"),
                     "ShareProcessNamespace and HostPID cannot both be enabled");
    LIST_EACH (sysctls, i, item)
        check_sysctl(err, PATH_AT(PATH(at, "sysctls"), i), item, spec, seen);
    check_enum(err, at, context, "fsGroupChangePolicy", policies);
    check_seccomp(err, PATH(at, "seccompProfile"), member_object(context, "seccompProfile"));
    check_windows_options(err, PATH(at, "windowsOptions"),
                          member_object(context, "windowsOptions"));
    check_apparmor(err, PATH(at, "appArmorProfile"), member_object(context, "appArmorProfile"));
}
