/* Security contexts of Pods and containers. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"

#define ID_MAX 2147483647

static void check_profile(struct error *err, const struct path *at, const json_t *profile,
                          const char *what)
{
    static const char *const types[] = {"Localhost", "RuntimeDefault", "Unconfined", NULL};
    const char *type = rule_text(profile, "type");
    bool local = strcmp(type, "Localhost") == 0, seccomp = strcmp(what, "seccomp") == 0;
    if (!profile)
        return;
    if (!*type)
        rule_required(err, PATH(at, "type"),
                      seccomp ? "type is required when seccompProfile is set"
                              : "type is required when appArmorProfile is set");
    else
        check_enum(err, at, profile, "type", types);
    if (local && !rule_has(profile, "localhostProfile")) {
        CLEANUP(free_ptr) char *detail = xasprintf("must be set when %s type is Localhost", what);
        rule_required(err, PATH(at, "localhostProfile"), detail);
    } else if (local) {
        check_local_path(err, PATH(at, "localhostProfile"), rule_text(profile, "localhostProfile"));
    } else if (rule_has(profile, "localhostProfile")) {
        rule_invalid(err, PATH(at, "localhostProfile"),
                     json_object_get(profile, "localhostProfile"),
                     "can only be set when %s type is Localhost", what);
    }
}

static void check_profiles(struct error *err, const struct path *at, const json_t *context)
{
    check_range(err, at, context, "runAsUser", 0, ID_MAX);
    check_range(err, at, context, "runAsGroup", 0, ID_MAX);
    check_profile(err, PATH(at, "seccompProfile"), member_object(context, "seccompProfile"),
                  "seccomp");
    check_profile(err, PATH(at, "appArmorProfile"), member_object(context, "appArmorProfile"),
                  "AppArmor");
}

void check_security_context(struct error *err, const struct path *at, const json_t *context)
{
    static const char *const mounts[] = {"Default", "Unmasked", NULL};
    if (!context)
        return;
    check_profiles(err, at, context);
    check_enum(err, at, context, "procMount", mounts);
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

static void check_sysctls(struct error *err, const struct path *path, const json_t *sysctls)
{
    const json_t *item;
    json_auto_t *seen = rule_set(sysctls);
    LIST_EACH (sysctls, i, item) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(item, "name");
        if (!check_required(err, at, item, "name", NULL))
            continue;
        if (!is_sysctl(name))
            rule_invalid_text(
                err, PATH(at, "name"), name,
                "must have at most 253 characters and match regex "
                "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
        else if (json_object_get(seen, name))
            rule_duplicate(err, PATH(at, "name"), json_object_get(item, "name"));
        json_object_set_new(seen, name, json_true());
    }
}

void check_pod_security_context(struct error *err, const struct path *at, const json_t *context,
                                const json_t *spec)
{
    static const char *const policies[] = {"Always", "OnRootMismatch", NULL};
    static const char *const group_policies[] = {"Merge", "Strict", NULL};
    const json_t *group;
    if (rule_bool(spec, "shareProcessNamespace") && rule_bool(spec, "hostPID"))
        rule_invalid(err, PATH(at, "shareProcessNamespace"),
                     json_object_get(spec, "shareProcessNamespace"),
                     "ShareProcessNamespace and HostPID cannot both be enabled");
    if (!context)
        return;
    check_range(err, at, context, "fsGroup", 0, ID_MAX);
    check_profiles(err, at, context);
    LIST_EACH (member_array(context, "supplementalGroups"), i, group) {
        if (json_int_or(group, 0) < 0 || json_int_or(group, 0) > ID_MAX)
            rule_invalid(err, PATH_AT(PATH(at, "supplementalGroups"), i), group,
                         "must be between 0 and 2147483647, inclusive");
    }
    check_sysctls(err, PATH(at, "sysctls"), member_array(context, "sysctls"));
    check_enum(err, at, context, "fsGroupChangePolicy", policies);
    check_enum(err, at, context, "supplementalGroupsPolicy", group_policies);
}
