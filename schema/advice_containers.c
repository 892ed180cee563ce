/* Warnings about containers, their ports and the annotations that speak of them.
 * Source: pkg/api/pod/warnings.go. */
#include <string.h>

#include "base/quantity.h"
#include "base/str.h"
#include "schema/advice_internal.h"
#include "schema/kinds/pod.h"

static void about_bytes(const struct advice *advice, const json_t *list, const char *path)
{
    static const char *const names[] = {"memory", "ephemeral-storage"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *text = json_text(list, names[i]);
        struct quantity amount;
        if (text && quantity_parse(str_of(text), &amount) && quantity_milli(&amount) % 1000 != 0)
            advice_warn(advice,
                        "%s[%s]: fractional byte value \"%s\" is invalid, must be an integer", path,
                        names[i], text);
    }
}

/* A second value is fine when it is made from the first. */
static void about_env(const struct advice *advice, const json_t *env, const char *path)
{
    size_t i;
    json_t *item;
    json_array_foreach (env, i, item) {
        const char *name = json_text(item, "name"), *value = json_text(item, "value");
        if (!name || !advice_is_repeated(env, i, "name", name))
            continue;
        CLEANUP(free_ptr) char *reference = xasprintf("$(%s)", name);
        if (json_object_get(item, "valueFrom") || !value || !strstr(value, reference) ||
            strcmp(value, reference) == 0)
            advice_warn(
                advice,
                "%s.env[%zu]: hides previous definition of \"%s\", which may be dropped when "
                "using apply",
                path, i, name);
    }
}

static bool same_member(const json_t *a, const json_t *b, const char *member)
{
    const json_t *left = json_object_get(a, member), *right = json_object_get(b, member);
    return left == right || json_equal(left, right);
}

/* How a port stands to one before it; NULL: they are apart. */
static const char *port_clash(const json_t *port, const json_t *other)
{
    bool host = json_object_get(port, "hostPort"), other_host = json_object_get(other, "hostPort");
    if (!same_member(port, other, "containerPort") || !same_member(port, other, "protocol"))
        return NULL;
    if (same_member(port, other, "hostIP") && same_member(port, other, "hostPort"))
        return "duplicate";
    if (!host || !other_host)
        return "overlapping";
    if (same_member(port, other, "hostPort") &&
        !json_object_get(port, "hostIP") != !json_object_get(other, "hostIP"))
        return "dangerously ambiguous";
    return NULL;
}

static void about_host_ip(const struct advice *advice, const json_t *port, const char *path)
{
    if (json_object_get(port, "hostIP") && !json_object_get(port, "hostPort"))
        advice_warn(
            advice,
            "%s: hostIP set without hostPort: {Name:%s HostPort:0 ContainerPort:%lld Protocol:%s "
            "HostIP:%s}",
            path, json_text(port, "name") ? json_text(port, "name") : "",
            (long long)json_int_or(json_object_get(port, "containerPort"), 0),
            json_text(port, "protocol") ? json_text(port, "protocol") : "",
            json_text(port, "hostIP"));
}

/* Ports of all containers stand in one room; `seen` is those before this container's. */
static void about_ports(const struct advice *advice, const json_t *ports, const char *container,
                        json_t *seen)
{
    size_t i, k;
    json_t *port, *other;
    json_array_foreach (ports, i, port) {
        CLEANUP(free_ptr) char *path = xasprintf("%s.ports[%zu]", container, i);
        about_host_ip(advice, port, path);
        json_array_foreach (seen, k, other) {
            const char *clash = port_clash(port, json_object_get(other, "port"));
            if (clash)
                advice_warn(advice, "%s: %s port definition with %s%s", path, clash, advice->prefix,
                            json_text(other, "path"));
        }
        json_array_append_new(seen, json_pack("{s:O, s:s}", "port", port, "path", path));
    }
}

/* ---- annotations that fields have replaced ---- */

#define SECCOMP_POD       "seccomp.security.alpha.kubernetes.io/pod"
#define SECCOMP_CONTAINER "container.seccomp.security.alpha.kubernetes.io/"

static void about_profile(const struct advice *advice, const json_t *annotations,
                          const char *prefix, const char *name, const char *text)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s%s", prefix, name);
    if (json_object_get(annotations, key))
        advice_warn(advice, "metadata.annotations[%s]: %s", key, text);
}

#define SECCOMP_TEXT  "non-functional in v1.27+; use the \"seccompProfile\" field instead"
#define APPARMOR_TEXT "deprecated since v1.30; use the \"appArmorProfile\" field instead"

/* Of Pods themselves, the AppArmor ones are spoken of where they become fields. */
static void about_profiles(const struct advice *advice, const json_t *pod, const json_t *container)
{
    const json_t *annotations = json_at(pod, "metadata", "annotations");
    const char *name = json_text(container, "name");
    bool field = json_at(pod, "spec", "securityContext", "appArmorProfile") ||
                 json_at(container, "securityContext", "appArmorProfile");
    if (!annotations || !name)
        return;
    if (!json_at(container, "securityContext", "seccompProfile"))
        about_profile(advice, annotations, SECCOMP_CONTAINER, name, SECCOMP_TEXT);
    if (*advice->prefix && !field)
        about_profile(advice, annotations, APPARMOR_ANNOTATION, name, APPARMOR_TEXT);
}

void advise_containers(const struct advice *advice, const json_t *pod)
{
    static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};
    const json_t *spec = json_object_get(pod, "spec");
    json_auto_t *ports = json_array();
    size_t i;
    json_t *item;
    about_bytes(advice, json_object_get(spec, "overhead"), "spec.overhead");
    if (!json_at(spec, "securityContext", "seccompProfile"))
        about_profile(advice, json_at(pod, "metadata", "annotations"), SECCOMP_POD, "",
                      SECCOMP_TEXT);
    for (size_t list = 0; list < ARRAY_LEN(lists); list++)
        json_array_foreach (json_object_get(spec, lists[list]), i, item) {
            CLEANUP(free_ptr) char *path = xasprintf("spec.%s[%zu]", lists[list], i);
            CLEANUP(free_ptr) char *limits = xasprintf("%s.resources.limits", path);
            CLEANUP(free_ptr) char *requests = xasprintf("%s.resources.requests", path);
            about_profiles(advice, pod, item);
            about_bytes(advice, json_at(item, "resources", "limits"), limits);
            about_bytes(advice, json_at(item, "resources", "requests"), requests);
            about_env(advice, json_object_get(item, "env"), path);
            about_ports(advice, json_object_get(item, "ports"), path, ports);
        }
}

/* Upstream speaks of the annotation unless it says what the whole Pod's field says. */
static void about_annotation(const struct advice *advice, const json_t *pod,
                             const json_t *container)
{
    CLEANUP(free_ptr) char *key = xasprintf(APPARMOR_ANNOTATION "%s", json_text(container, "name"));
    const char *annotation = json_text(pod, "metadata", "annotations", key);
    if (!annotation || json_at(container, "securityContext", "appArmorProfile"))
        return;
    json_auto_t *profile = apparmor_from_annotation(annotation);
    const json_t *of_pod = json_at(pod, "spec", "securityContext", "appArmorProfile");
    if (!profile || !json_equal(profile, of_pod))
        advice_warn(advice, "metadata.annotations[%s]: " APPARMOR_TEXT, key);
}

void advise_before(const char *storage, const json_t *object, struct warnings *warnings)
{
    const struct advice advice = {"", warnings};
    static const char *const lists[] = {"initContainers", "containers"};
    size_t i;
    json_t *item;
    if (strcmp(storage, "pods") != 0 || text_eq(json_text(object, "spec", "os", "name"), "windows"))
        return;
    for (size_t list = 0; list < ARRAY_LEN(lists); list++)
        json_array_foreach (json_at(object, "spec", lists[list]), i, item)
            if (json_text(item, "name"))
                about_annotation(&advice, object, item);
}
