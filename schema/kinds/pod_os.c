/* Pods of an operating system: what Linux and Windows each cannot do, and Windows' own options.
 * Source: validateOS, validateLinux, validateWindows and validateWindowsHostProcessPod in
 * pkg/apis/core/validation. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"

#define CREDENTIAL_MAX ((size_t)64 << 10)
#define DOMAIN_MAX     255
#define USER_MAX       104
#define NETBIOS_MAX    15
#define NOT_ON_WINDOWS "cannot be set for a windows pod"
#define NOT_ON_LINUX   "windows options cannot be set for a linux pod"

/* A name as NetBIOS takes it: 1 to 15 characters, no dot first. */
static bool is_netbios(const char *domain)
{
    size_t count = 0;
    if (!*domain || *domain == '.' || strpbrk(domain, "\\/:*?\"<>|"))
        return false;
    for (const char *at = domain; *at; at++)
        count += ((unsigned char)*at & 0xc0) != 0x80;
    return count <= NETBIOS_MAX;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits and '-', in either case. */
static bool is_dns_domain(const char *domain)
{
    struct str rest = str_of(domain);
    while (rest.data) {
        struct str label = str_cut(&rest, '.');
        if (label.len == 0 || label.len > 63 || !is_alnum(label.data[0]) ||
            !is_alnum(label.data[label.len - 1]))
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!is_alnum(label.data[i]) && label.data[i] != '-')
                return false;
    }
    return true;
}

static void check_user(struct error *err, const struct path *path, const char *whole,
                       const char *user)
{
    if (!*user)
        rule_invalid_text(err, path, whole, "runAsUserName's User cannot be empty");
    else if (strlen(user) > USER_MAX)
        rule_invalid_text(err, path, whole,
                          "runAsUserName's User length must not be longer than 104 characters");
    if (*user && strspn(user, ". ") == strlen(user))
        rule_invalid_text(err, path, whole,
                          "runAsUserName's User cannot contain only periods or spaces");
    if (strpbrk(user, "\"/\\:;|=,+*?<>@[]"))
        rule_invalid_text(err, path, whole,
                          "runAsUserName's User cannot contain the following characters: "
                          "\"/\\:;|=,+*?<>@[]");
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

/* DOMAIN\USER, or USER. */
static void check_user_name(struct error *err, const struct path *path, const char *name)
{
    const char *slash = strchr(name, '\\');
    if (!*name) {
        rule_invalid_text(err, path, name, "runAsUserName cannot be an empty string");
        return;
    }
    if (has_control(name)) {
        rule_invalid_text(err, path, name, "runAsUserName cannot contain control characters");
        return;
    }
    if (slash && strchr(slash + 1, '\\')) {
        rule_invalid_text(err, path, name, "runAsUserName cannot contain more than one backslash");
        return;
    }
    CLEANUP(free_ptr) char *domain = xstrndup(name, slash ? (size_t)(slash - name) : 0);
    if (strlen(domain) > DOMAIN_MAX)
        rule_invalid_text(err, path, name,
                          "runAsUserName's Domain length must be under 256 characters");
    if (slash && !is_netbios(domain) && !is_dns_domain(domain))
        rule_invalid_text(err, path, name,
                          "runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    check_user(err, path, name, slash ? slash + 1 : name);
}

void check_windows_options(struct error *err, const struct path *at, const json_t *options)
{
    const char *name = rule_text(options, "gmsaCredentialSpecName"),
               *credential = rule_text(options, "gmsaCredentialSpec");
    if (rule_has(options, "gmsaCredentialSpecName") && name_check_dns_subdomain(name))
        rule_invalid_text(err, PATH(at, "gmsaCredentialSpecName"), name,
                          name_check_dns_subdomain(name));
    if (rule_has(options, "gmsaCredentialSpec") && !*credential)
        rule_invalid_text(err, PATH(at, "gmsaCredentialSpec"), credential,
                          "gmsaCredentialSpec cannot be an empty string");
    else if (strlen(credential) > CREDENTIAL_MAX)
        rule_invalid_text(err, PATH(at, "gmsaCredentialSpec"), credential,
                          "gmsaCredentialSpec size must be under 64 KiB");
    if (rule_has(options, "runAsUserName"))
        check_user_name(err, PATH(at, "runAsUserName"), rule_text(options, "runAsUserName"));
}

static const json_t *host_process(const json_t *holder)
{
    return json_at(holder, "securityContext", "windowsOptions", "hostProcess");
}

void check_host_process(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *of_pod = host_process(spec), *container;
    size_t count = 0, privileged = 0;
    for (size_t k = 0; k < POD_LISTS; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, container) {
            const json_t *own = host_process(container);
            const struct path *path = PATH_AT(PATH(at, pod_container_lists[k]), i);
            count++;
            privileged += json_is_true(json_is_boolean(own) ? own : of_pod);
            if (json_is_boolean(own) && json_is_boolean(of_pod) && own != of_pod)
                rule_invalid(
                    err, PATH(PATH(PATH(path, "securityContext"), "windowsOptions"), "hostProcess"),
                    own, "pod hostProcess value must be identical if both are specified, was %s",
                    json_is_true(of_pod) ? "true" : "false");
        }
    if (privileged && privileged != count)
        rule_invalid_text(err, at, "",
                          "If pod contains any hostProcess containers then all containers must be "
                          "HostProcess containers");
    if (privileged && !rule_bool(spec, "hostNetwork"))
        rule_invalid_raw(err, PATH(at, "hostNetwork"), "false",
                         "hostNetwork must be true if pod contains any hostProcess containers");
}

static void check_linux(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *container;
    if (json_at(spec, "securityContext", "windowsOptions"))
        rule_forbidden(err, PATH(PATH(at, "securityContext"), "windowsOptions"), NOT_ON_LINUX);
    for (size_t k = 0; k < POD_LISTS; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, container) {
            const struct path *path = PATH_AT(PATH(at, pod_container_lists[k]), i);
            if (json_at(container, "securityContext", "windowsOptions"))
                rule_forbidden(err, PATH(PATH(path, "securityContext"), "windowsOptions"),
                               NOT_ON_LINUX);
        }
}

/* What Windows does not know: of a Pod (in its security context, or beside it), of a container. */
static const struct windows_row {
    const char *member;
    bool beside; /* in the spec itself */
    bool flag;   /* only true is a setting */
} windows_rows[] = {
    {"appArmorProfile", false, false},
    {"seLinuxOptions", false, false},
    {"hostUsers", true, false},
    {"hostPID", true, true},
    {"hostIPC", true, true},
    {"seccompProfile", false, false},
    {"fsGroup", false, false},
    {"fsGroupChangePolicy", false, false},
    {"sysctls", false, true},
    {"shareProcessNamespace", true, false},
    {"runAsUser", false, false},
    {"runAsGroup", false, false},
    {"supplementalGroups", false, false},
};
static const char *const windows_container[] = {
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
};

static void check_windows(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *context = member_object(spec, "securityContext"), *container;
    for (size_t i = 0; i < ARRAY_LEN(windows_rows); i++) {
        const struct windows_row *row = &windows_rows[i];
        const json_t *holder = row->beside ? spec : context;
        if (row->flag ? rule_filled(holder, row->member) : rule_has(holder, row->member))
            rule_forbidden(err, PATH(row->beside ? at : PATH(at, "securityContext"), row->member),
                           NOT_ON_WINDOWS);
    }
    for (size_t k = 0; k < POD_LISTS; k++)
        LIST_EACH (member_array(spec, pod_container_lists[k]), i, container) {
            const struct path *path = PATH_AT(PATH(at, pod_container_lists[k]), i);
            context = member_object(container, "securityContext");
            for (size_t m = 0; m < ARRAY_LEN(windows_container); m++)
                check_forbidden(err, PATH(path, "securityContext"), context, windows_container[m],
                                NOT_ON_WINDOWS);
        }
}

void check_os(struct error *err, const struct path *at, const json_t *spec)
{
    static const char *const systems[] = {"linux", "windows", NULL};
    const json_t *os = member_object(spec, "os");
    const char *name = rule_text(os, "name");
    if (!os)
        return;
    if (!*name)
        rule_required(err, PATH(PATH(at, "os"), "name"), "cannot be empty");
    else if (!rule_one_of(name, systems))
        rule_not_supported(err, PATH(at, "os"), json_object_get(os, "name"), systems);
    else if (strcmp(name, "linux") == 0)
        check_linux(err, at, spec);
    else
        check_windows(err, at, spec);
}
