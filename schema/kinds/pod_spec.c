/* A Pod's spec as a whole, in Pods and in templates.
 * Source: ValidatePodSpec and ValidatePodTemplateSpec in pkg/apis/core/validation. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"

#define NAMESERVERS_MAX   3
#define SEARCHES_MAX      32
#define SEARCHES_TEXT_MAX 2048

static const char *const restart_policies[] = {"Always", "OnFailure", "Never", NULL};
static const char *const dns_policies[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default",
                                           "None", NULL};

const char *const pod_container_lists[POD_LISTS] = {"initContainers", "containers",
                                                    "ephemeralContainers"};

static void check_searches(struct error *err, const struct path *path, const json_t *searches)
{
    const json_t *item;
    size_t total = json_array_size(searches) ? json_array_size(searches) - 1 : 0;
    LIST_EACH (searches, i, item)
        total += json_string_length(item);
    if (json_array_size(searches) > SEARCHES_MAX)
        rule_invalid_list(err, path, "string", searches, "must not have more than 32 search paths");
    if (total > SEARCHES_TEXT_MAX)
        rule_invalid_list(
            err, path, "string", searches,
            "must not have more than 2048 characters (including spaces) in the search list");
    LIST_EACH (searches, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        size_t len = strlen(text);
        CLEANUP(free_ptr) char *name = xstrndup(text, len && text[len - 1] == '.' ? len - 1 : len);
        rule_named(err, PATH_AT(path, i), name, name_check_dns_subdomain);
    }
}

static void check_nameservers(struct error *err, const struct path *path, const json_t *servers)
{
    const json_t *item;
    if (json_array_size(servers) > NAMESERVERS_MAX)
        rule_invalid_list(err, path, "string", servers, "must not have more than 3 nameservers");
    LIST_EACH (servers, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "",
                   *wrong = value_check_ip(text);
        if (wrong)
            rule_invalid_text(err, PATH_AT(path, i), text, wrong);
    }
}

static void check_dns(struct error *err, const struct path *path, const json_t *spec)
{
    const json_t *config = member_object(spec, "dnsConfig"),
                 *servers = member_array(config, "nameservers"), *item;
    if (strcmp(rule_text(spec, "dnsPolicy"), "None") == 0 && !config) {
        rule_required(err, path, "must provide `dnsConfig` when `dnsPolicy` is None");
        return;
    }
    if (strcmp(rule_text(spec, "dnsPolicy"), "None") == 0 && json_array_size(servers) == 0) {
        rule_required(err, PATH(path, "nameservers"),
                      "must provide at least one DNS nameserver when `dnsPolicy` is None");
        return;
    }
    check_nameservers(err, PATH(path, "nameservers"), servers);
    check_searches(err, PATH(path, "searches"), member_array(config, "searches"));
    LIST_EACH (member_array(config, "options"), i, item) {
        if (!*rule_text(item, "name"))
            rule_required(err, PATH_AT(PATH(path, "options"), i), "must not be empty");
    }
}

static void check_host_aliases(struct error *err, const struct path *path, const json_t *aliases)
{
    const json_t *alias, *name;
    LIST_EACH (aliases, i, alias) {
        const struct path *at = PATH_AT(path, i);
        const char *wrong = value_check_ip(rule_text(alias, "ip"));
        if (wrong)
            rule_invalid_text(err, PATH(at, "ip"), rule_text(alias, "ip"), wrong);
        LIST_EACH (member_array(alias, "hostnames"), k, name) {
            const char *text = json_string_value(name) ? json_string_value(name) : "";
            rule_named(err, PATH_AT(PATH(at, "hostnames"), k), text, name_check_dns_subdomain);
        }
    }
}

static void check_gates(struct error *err, const struct path *path, const json_t *gates)
{
    const json_t *gate;
    json_auto_t *seen = rule_set(gates);
    LIST_EACH (gates, i, gate) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(gate, "name");
        rule_named(err, at, name, name_check_qualified);
        if (rule_seen(seen, name))
            rule_duplicate(err, at, json_object_get(gate, "name"));
    }
}

static void check_readiness_gates(struct error *err, const struct path *path, const json_t *gates)
{
    const json_t *gate;
    LIST_EACH (gates, i, gate) {
        const char *type = rule_text(gate, "conditionType");
        rule_named(err, PATH(PATH_AT(path, i), "conditionType"), type, name_check_qualified);
    }
}

/* A container that shares the node's network has the node's ports: its own. */
static void check_node_ports(struct error *err, const struct path *path, const json_t *spec)
{
    const json_t *container, *port;
    if (!rule_bool(spec, "hostNetwork"))
        return;
    LIST_EACH (member_array(spec, "containers"), i, container)
        LIST_EACH (member_array(container, "ports"), k, port) {
            int64_t host = rule_int(port, "hostPort", 0);
            if (host && host != rule_int(port, "containerPort", 0))
                rule_invalid(err, PATH(PATH_AT(PATH(PATH_AT(path, i), "ports"), k), "hostPort"),
                             json_object_get(port, "hostPort"),
                             "must match `containerPort` when `hostNetwork` is true");
        }
}

/* Users of its own go with none of the node's namespaces. */
static void check_host_users(struct error *err, const struct path *at, const json_t *spec)
{
    static const struct {
        const char *member, *told;
    } rows[] = {{"hostNetwork", "hostNetwork"}, {"hostPID", "HostPID"}, {"hostIPC", "HostIPC"}};
    if (!json_is_false(json_object_get(spec, "hostUsers")))
        return;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rule_bool(spec, rows[i].member))
            rule_forbidden(err, PATH(at, rows[i].told), "when `pod.Spec.HostUsers` is false");
}

/* How it is named and where it goes, in upstream's order. */
static void check_names(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *class = json_object_get(spec, "runtimeClassName");
    check_name(err, at, spec, "serviceAccountName", name_check_dns_subdomain);
    check_name(err, at, spec, "nodeName", name_check_dns_subdomain);
    check_range(err, at, spec, "activeDeadlineSeconds", 1, INT32_MAX);
    check_name(err, at, spec, "hostname", name_check_dns_label);
    check_name(err, at, spec, "subdomain", name_check_dns_label);
    check_tolerations(err, PATH(at, "tolerations"), member_array(spec, "tolerations"));
    check_host_aliases(err, PATH(at, "hostAliases"), member_array(spec, "hostAliases"));
    check_name(err, at, spec, "priorityClassName", name_check_dns_subdomain);
    if (json_is_string(class))
        rule_named(err, PATH(at, "runtimeClassName"), json_string_value(class),
                   name_check_dns_subdomain);
}

/* Where the scheduler may put it. */
static void check_placement(struct error *err, const struct path *at, const json_t *spec)
{
    check_affinity(err, PATH(at, "affinity"), member_object(spec, "affinity"));
    check_dns(err, PATH(at, "dnsConfig"), spec);
    check_readiness_gates(err, PATH(at, "readinessGates"), member_array(spec, "readinessGates"));
    check_gates(err, PATH(at, "schedulingGates"), member_array(spec, "schedulingGates"));
    check_spread_constraints(err, PATH(at, "topologySpreadConstraints"),
                             member_array(spec, "topologySpreadConstraints"));
}

void check_pod_spec(struct error *err, const struct path *at, const json_t *spec, const char *pod)
{
    static const char *const preemptions[] = {"PreemptLowerPriority", "Never", NULL};
    json_auto_t *volumes =
        check_volumes(err, PATH(at, "volumes"), member_array(spec, "volumes"), pod ? pod : "");
    check_containers(err, at, spec, volumes);
    check_node_ports(err, PATH(at, "containers"), spec);
    check_enum_required(err, at, spec, "restartPolicy", restart_policies);
    check_enum_required(err, at, spec, "dnsPolicy", dns_policies);
    check_labels(err, PATH(at, "nodeSelector"), member_object(spec, "nodeSelector"));
    check_pod_security_context(err, PATH(at, "securityContext"),
                               member_object(spec, "securityContext"), spec);
    check_placement(err, at, spec);
    check_host_process(err, at, spec);
    check_host_users(err, at, spec);
    check_names(err, at, spec);
    check_enum(err, at, spec, "preemptionPolicy", preemptions);
    check_overhead(err, PATH(at, "overhead"), member_object(spec, "overhead"));
    check_os(err, at, spec);
    const json_t *container;
    for (size_t k = 0; pod && k < POD_LISTS - 1; k++) /* of ephemeral ones it has been said */
        LIST_EACH (member_array(spec, k ? "initContainers" : "containers"), i, container)
            check_image_space(err, PATH_AT(PATH(at, k ? "initContainers" : "containers"), i),
                              container);
}

/* Upstream's paths lack "metadata". */
void check_pod_template_meta(struct error *err, const struct path *at, const json_t *template)
{
    const json_t *meta = member_object(template, "metadata");
    check_labels(err, PATH(at, "labels"), member_object(meta, "labels")); /* sic: not of metadata */
    check_annotation_map(err, PATH(at, "annotations"), member_object(meta, "annotations"));
    check_pod_annotations(err, PATH(at, "annotations"), member_object(meta, "annotations"),
                          member_object(template, "spec"));
}

void check_pod_template(struct error *err, const struct path *at, const json_t *template)
{
    const json_t *spec = member_object(template, "spec");
    check_pod_template_meta(err, at, template);
    check_pod_spec(err, PATH(at, "spec"), spec, NULL);
    check_annotations_match(err, PATH(at, "spec"), json_at(template, "metadata", "annotations"),
                            spec);
    if (rule_filled(spec, "ephemeralContainers"))
        rule_forbidden(err, PATH(PATH(at, "spec"), "ephemeralContainers"),
                       "ephemeral containers not allowed in pod template");
}
