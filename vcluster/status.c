#include "vcluster/status.h"

#include <string.h>

#include "base/clock.h"
#include "host/pseudo_node.h"
#include "schema/meta.h"
#include "vcluster/names.h"

static const char *const status_copied[] = {"phase",
                                            "message",
                                            "reason",
                                            "podIP",
                                            "podIPs",
                                            "startTime",
                                            "initContainerStatuses",
                                            "containerStatuses",
                                            "ephemeralContainerStatuses",
                                            "resize"};

/* Whether the tenant decides by this condition when its Pod is ready. */
static bool is_gate(const json_t *tenant_pod, const char *type)
{
    const json_t *gates = json_at(tenant_pod, "spec", "readinessGates");
    for (size_t i = 0; type && i < json_array_size(gates); i++)
        if (text_eq(type, json_text(json_array_get(gates, i), "conditionType")))
            return true;
    return false;
}

static json_t *find_condition(const json_t *list, const char *type)
{
    for (size_t i = 0; type && i < json_array_size(list); i++)
        if (text_eq(type, json_text(json_array_get(list, i), "type")))
            return json_array_get(list, i);
    return NULL;
}

/* Conditions of the tenant's own writers stay; the host's replace those of the same type. */
static json_t *merge_conditions(const json_t *tenant_pod, const json_t *host)
{
    const json_t *tenant = json_at(tenant_pod, "status", "conditions");
    json_t *merged = json_array();
    for (size_t i = 0; i < json_array_size(host); i++)
        if (!is_gate(tenant_pod, json_text(json_array_get(host, i), "type")))
            json_array_append_new(merged, json_deep_copy(json_array_get(host, i)));
    for (size_t i = 0; i < json_array_size(tenant); i++) {
        json_t *condition = json_array_get(tenant, i);
        const char *type = json_text(condition, "type");
        if (type && !find_condition(merged, type) && !text_starts(type, NOTE_PREFIX))
            json_array_append_new(merged, json_deep_copy(condition));
    }
    return merged;
}

json_t *status_gates_to_host(const json_t *tenant_pod, const json_t *host_pod)
{
    const json_t *tenant = json_at(tenant_pod, "status", "conditions"),
                 *host = json_at(host_pod, "status", "conditions");
    json_t *conditions = json_array();
    for (size_t i = 0; i < json_array_size(host); i++)
        if (!is_gate(tenant_pod, json_text(json_array_get(host, i), "type")))
            json_array_append(conditions, json_array_get(host, i));
    for (size_t i = 0; i < json_array_size(tenant); i++)
        if (is_gate(tenant_pod, json_text(json_array_get(tenant, i), "type")))
            json_array_append(conditions, json_array_get(tenant, i));
    json_t *next = NULL;
    if (!json_equal(conditions, host) &&
        json_array_size(json_at(tenant_pod, "spec", "readinessGates"))) {
        next = json_deep_copy(host_pod);
        json_object_set_new(json_ensure_object(next, "status"), "conditions",
                            json_deep_copy(conditions));
    }
    json_decref(conditions);
    return next;
}

/* Why containers wait names the Pod as "NAME_NAMESPACE(UID)": the host's becomes the tenant's. */
static void rename_in(json_t *waiting, const char *from, const char *to)
{
    const char *text = json_text(waiting, "message"), *at = text ? strstr(text, from) : NULL;
    if (!at)
        return;
    CLEANUP(free_ptr)
    char *renamed = xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    json_set_text(waiting, "message", renamed);
}

static void rename_waiting(json_t *status, const json_t *tenant_pod, const json_t *host_pod)
{
    static const char *const lists[] = {"initContainerStatuses", "containerStatuses",
                                        "ephemeralContainerStatuses"};
    CLEANUP(free_ptr)
    char *from =
        xasprintf("%s_%s(%s)", meta_name(host_pod), meta_namespace(host_pod), meta_uid(host_pod));
    CLEANUP(free_ptr)
    char *to = xasprintf("%s_%s(%s)", meta_name(tenant_pod), meta_namespace(tenant_pod),
                         meta_uid(tenant_pod));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        json_t *list = json_object_get(status, lists[i]);
        for (size_t j = 0; j < json_array_size(list); j++)
            rename_in(json_at(json_array_get(list, j), "state", "waiting"), from, to);
    }
}

static void tell_nomination(json_t *status, const char *cluster, const char *host_node)
{
    char node[HOST_NAME_MAX + 1];
    if (!host_node)
        return;
    names_pseudo_node(cluster, host_node, node);
    json_set_text(status, "nominatedNodeName", node);
}

json_t *status_from_host(const char *cluster, const json_t *tenant_pod, const json_t *host_pod)
{
    const json_t *from = json_object_get(host_pod, "status");
    json_t *to = json_object();
    json_object_set_new(to, "conditions",
                        merge_conditions(tenant_pod, json_object_get(from, "conditions")));
    for (size_t i = 0; i < ARRAY_LEN(status_copied); i++)
        if (json_object_get(from, status_copied[i]))
            json_object_set_new(to, status_copied[i],
                                json_deep_copy(json_object_get(from, status_copied[i])));
    rename_waiting(to, tenant_pod, host_pod);
    tell_nomination(to, cluster, json_text(from, "nominatedNodeName"));
    if (json_object_get(from, "hostIP")) {
        json_set_text(to, "hostIP", PSEUDO_NODE_ADDRESS);
        json_object_set_new(to, "hostIPs", json_pack("[{s:s}]", "ip", PSEUDO_NODE_ADDRESS));
    }
    return to;
}

/* ---- a host Pod that is gone ---- */

#define LOST_EXIT_CODE 137 /* as if it had been killed */

static void lose_containers(json_t *status, const char *field, bool waiting_too)
{
    json_t *list = json_object_get(status, field);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        if (!json_at(one, "state", "running") && !(waiting_too && json_at(one, "state", "waiting")))
            continue;
        json_object_set_new(one, "ready", json_false());
        json_object_set_new(one, "started", json_false());
        json_object_set_new(one, "state",
                            json_pack("{s:{s:i, s:s, s:s, s:n, s:n}}", "terminated", "exitCode",
                                      LOST_EXIT_CODE, "reason", "ContainerStatusUnknown", "message",
                                      "The container could not be located when the pod was "
                                      "terminated",
                                      "startedAt", "finishedAt"));
    }
}

json_t *status_of_lost(const json_t *tenant_pod, int64_t now_us)
{
    static const char *const types[] = {"Ready", "ContainersReady"};
    json_t *status = json_deep_copy(json_object_get(tenant_pod, "status"));
    char now[TIME_TEXT_SIZE];
    time_format(now_us, now);
    json_set_text(status, "phase", "Failed");
    lose_containers(status, "initContainerStatuses", false);
    lose_containers(status, "containerStatuses", true);
    lose_containers(status, "ephemeralContainerStatuses", false);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        json_t *condition = find_condition(json_object_get(status, "conditions"), types[i]);
        if (!condition || text_eq(json_text(condition, "status"), "False"))
            continue;
        json_set_text(condition, "status", "False");
        json_set_text(condition, "reason", "PodFailed");
        json_set_text(condition, "lastTransitionTime", now);
    }
    return status;
}

/* ---- text ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

struct words {
    const char *cluster, *host_ns, *ns, *host_node;
    char *(*name_of)(void *arg, const char *host_name);
    void *arg;
};

static void add_word(struct buf *out, const struct words *words, struct str word)
{
    CLEANUP(free_ptr) char *text = str_dup(word);
    if (strcmp(text, words->host_ns) == 0) {
        buf_add_text(out, words->ns);
        return;
    }
    if (words->host_node && strcmp(text, words->host_node) == 0) {
        char pseudo[HOST_NAME_MAX + 1];
        names_pseudo_node(words->cluster, words->host_node, pseudo);
        buf_add_text(out, pseudo);
        return;
    }
    CLEANUP(free_ptr) char *name = words->name_of(words->arg, text);
    buf_add_text(out, name ? name : text);
}

char *status_text(const char *cluster, const char *host_ns, const char *ns, const char *host_node,
                  const char *text, char *(*name_of)(void *arg, const char *host_name), void *arg)
{
    const struct words words = {cluster, host_ns, ns, host_node, name_of, arg};
    struct buf out = BUF_INIT(64 << 10);
    while (*text) {
        size_t len = 0;
        while (is_name_char(text[len]))
            len++;
        /* A full stop at the end belongs to the sentence. */
        while (len && (text[len - 1] == '.' || text[len - 1] == '-'))
            len--;
        if (len) {
            add_word(&out, &words, (struct str){text, len});
            text += len;
        } else {
            buf_add_char(&out, *text++);
        }
    }
    char *result = buf_take(&out);
    return result ? result : xstrdup("");
}
