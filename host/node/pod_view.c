#include "host/node/pod_view.h"

#include <string.h>

#include "base/strset.h"
#include "base/quantity.h"

static const char *annotation(const json_t *pod, const char *key)
{
    return json_text(pod, "metadata", "annotations", key);
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a ? a : b ? b : c;
}

void pod_view_init(struct pod_view *view, const json_t *pod)
{
    *view = (struct pod_view){.pod = pod, .cluster = annotation(pod, TENANCY_PREFIX "cluster")};
    bool tenant = view->cluster != NULL;
    view->name = first_of(tenant ? annotation(pod, TENANCY_PREFIX "name") : NULL,
                          json_text(pod, "metadata", "name"), "");
    view->namespace = first_of(tenant ? annotation(pod, TENANCY_PREFIX "namespace") : NULL,
                               json_text(pod, "metadata", "namespace"), "");
    view->uid = first_of(tenant ? annotation(pod, TENANCY_PREFIX "uid") : NULL,
                         json_text(pod, "metadata", "uid"), "");
    view->node_name = first_of(json_text(pod, "spec", "nodeName"), NULL, "");
    if (tenant)
        pseudo_node_name(view->cluster, view->node_name, view->pseudo_node);
}

bool pod_view_host_network(const struct pod_view *view)
{
    return json_bool_or(json_at(view->pod, "spec", "hostNetwork"), false) && !view->cluster;
}

const json_t *pod_view_container(const struct pod_view *view, const char *name)
{
    static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
    const json_t *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(lists) && !found; i++)
        found = json_named(json_at(view->pod, "spec", lists[i]), name);
    return found;
}

/* ---- labels and annotations ---- */

static bool is_hidden(const struct pod_view *view, const char *key)
{
    return view->cluster && strstr(key, TENANCY_PREFIX) == key;
}

/* As Go's %q for what a label or annotation may hold. */
static void add_quoted(struct buf *out, const char *value)
{
    buf_add_char(out, '"');
    for (const char *c = value; *c; c++) {
        if (*c == '"' || *c == '\\')
            buf_add_char(out, '\\');
        if (*c == '\n')
            buf_add_text(out, "\\n");
        else if (*c == '\t')
            buf_add_text(out, "\\t");
        else if (*c == '\r')
            buf_add_text(out, "\\r");
        else
            buf_add_char(out, *c);
    }
    buf_add_char(out, '"');
}

/* `key="value"` a line, sorted by key. */
static char *format_map(const struct pod_view *view, const json_t *map)
{
    CLEANUP(strset_clear) struct strset keys = {0};
    struct buf out = BUF_TEXT;
    const char *key;
    json_t *value;
    json_object_foreach (map, key, value)
        if (!is_hidden(view, key))
            strset_add(&keys, key);
    for (size_t i = 0; i < keys.count; i++) {
        const char *text = json_string_value(json_object_get(map, keys.items[i]));
        buf_printf(&out, "%s%s=", i ? "\n" : "", keys.items[i]);
        add_quoted(&out, text ? text : "");
    }
    return buf_take(&out);
}

/* The KEY in `metadata.labels['KEY']`; owned; NULL when the path is not of that form. */
static char *subscript(const char *path, const char *prefix)
{
    size_t len = strlen(path), start = strlen(prefix);
    if (!text_starts(path, prefix) || len < start + 4 || !text_starts(path + start, "['") ||
        !text_ends(path, "']"))
        return NULL;
    return xstrndup(path + start + 2, len - start - 4);
}

static bool map_field(const struct pod_view *view, const char *path, const char *member, char **out)
{
    CLEANUP(free_ptr) char *prefix = xasprintf("metadata.%s", member);
    const json_t *map = json_at(view->pod, "metadata", member);
    if (strcmp(path, prefix) == 0) {
        *out = format_map(view, map);
        return *out != NULL;
    }
    CLEANUP(free_ptr) char *key = subscript(path, prefix);
    if (!key)
        return false;
    const char *value = is_hidden(view, key) ? NULL : json_string_value(json_object_get(map, key));
    *out = xstrdup(value ? value : "");
    return true;
}

/* ---- fields ---- */

static const char *service_account(const struct pod_view *view)
{
    const char *mine =
        view->cluster ? annotation(view->pod, TENANCY_PREFIX "service-account") : NULL;
    return first_of(mine, json_text(view->pod, "spec", "serviceAccountName"), "");
}

bool pod_view_field(const struct pod_view *view, const char *path, char **out, struct error *err)
{
    const char *host_ip = view->cluster ? PSEUDO_NODE_ADDRESS : view->host_ip;
    const struct {
        const char *path, *value;
    } plain[] = {
        {"metadata.name", view->name},
        {"metadata.namespace", view->namespace},
        {"metadata.uid", view->uid},
        {"spec.nodeName", view->cluster ? view->pseudo_node : view->node_name},
        {"status.hostIP", host_ip},
        {"status.hostIPs", host_ip},
        {"status.podIP", view->pod_ip},
        {"status.podIPs", view->pod_ip},
        {"spec.serviceAccountName", service_account(view)},
    };
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (strcmp(path, plain[i].path) == 0) {
            *out = xstrdup(plain[i].value ? plain[i].value : "");
            return true;
        }
    if (map_field(view, path, "labels", out) || map_field(view, path, "annotations", out))
        return true;
    return error_set(err, ERROR_INVALID, "unsupported fieldPath: %s", path);
}

/* ---- resources ---- */

/* The container's amount, or what absence means, in thousandths of the base unit. */
static bool resource_milli(const struct pod_view *view, const json_t *container,
                           const char *resource, int64_t *milli)
{
    struct str name, rest = str_of(resource);
    struct str list = str_cut(&rest, '.');
    CLEANUP(free_ptr) char *list_name = str_dup(list);
    CLEANUP(free_ptr) char *amount_name = str_dup(rest);
    name = rest;
    if ((!str_is(list, "limits") && !str_is(list, "requests")) || !name.len)
        return false;
    const char *text = json_text(container, "resources", list_name, amount_name);
    struct quantity quantity;
    *milli = 0;
    if (text && quantity_parse(str_of(text), &quantity))
        *milli = quantity_milli(&quantity);
    else if (str_is(list, "limits") && str_is(name, "cpu"))
        *milli = view->allocatable_cpu_milli;
    else if (str_is(list, "limits") && str_is(name, "memory") &&
             __builtin_mul_overflow(view->allocatable_memory, 1000, milli))
        *milli = INT64_MAX;
    return true;
}

bool pod_view_resource(const struct pod_view *view, const json_t *container, const char *resource,
                       const char *divisor, char **out, struct error *err)
{
    struct quantity unit;
    int64_t milli, unit_milli = 1000;
    if (!resource_milli(view, container, resource, &milli))
        return error_set(err, ERROR_INVALID, "unsupported container resource: %s", resource);
    if (divisor && quantity_parse(str_of(divisor), &unit) && quantity_milli(&unit) > 0)
        unit_milli = quantity_milli(&unit);
    int64_t whole = milli / unit_milli + (milli % unit_milli ? 1 : 0); /* rounded up */
    *out = xasprintf("%lld", (long long)whole);
    return true;
}
