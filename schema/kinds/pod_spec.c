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

static void check_searches(struct error *err, const struct path *path, const json_t *searches)
{
    const json_t *item;
    size_t total = json_array_size(searches) ? json_array_size(searches) - 1 : 0;
    if (json_array_size(searches) > SEARCHES_MAX)
        rule_invalid(err, path, searches, "must not have more than %d search paths", SEARCHES_MAX);
    LIST_EACH (searches, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        size_t len = strlen(text);
        CLEANUP(free_ptr) char *name = xstrndup(text, len && text[len - 1] == '.' ? len - 1 : len);
        const char *wrong = *name ? name_check_dns_subdomain(name) : NULL;
        total += len;
        if (wrong)
            rule_invalid_text(err, PATH_AT(path, i), text, wrong);
    }
    if (total > SEARCHES_TEXT_MAX)
        rule_invalid(err, path, searches,
                     "must not have more than %d characters (including spaces) in the search list",
                     SEARCHES_TEXT_MAX);
}

static void check_dns(struct error *err, const struct path *at, const json_t *spec)
{
    const json_t *config = member_object(spec, "dnsConfig"),
                 *servers = member_array(config, "nameservers"), *item;
    const struct path *path = PATH(at, "dnsConfig");
    check_enum_required(err, at, spec, "dnsPolicy", dns_policies);
    if (strcmp(rule_text(spec, "dnsPolicy"), "None") == 0) {
        if (!config)
            rule_required(err, path, "must provide `dnsConfig` when `dnsPolicy` is None");
        else if (json_array_size(servers) == 0)
            rule_required(err, PATH(path, "nameservers"),
                          "must provide at least one DNS nameserver when `dnsPolicy` is None");
    }
    if (!config)
        return;
    if (json_array_size(servers) > NAMESERVERS_MAX)
        rule_invalid(err, PATH(path, "nameservers"), servers,
                     "must not have more than %d nameservers", NAMESERVERS_MAX);
    LIST_EACH (servers, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "",
                   *wrong = value_check_ip(text);
        if (wrong)
            rule_invalid_text(err, PATH_AT(PATH(path, "nameservers"), i), text, wrong);
    }
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
            if ((wrong = name_check_dns_subdomain(text)))
                rule_invalid_text(err, PATH(at, "hostnames"), text, wrong);
        }
    }
}

static void check_gates(struct error *err, const struct path *path, const json_t *gates)
{
    const json_t *gate;
    json_auto_t *seen = rule_set(gates);
    LIST_EACH (gates, i, gate) {
        const struct path *at = PATH_AT(path, i);
        const char *name = rule_text(gate, "name"), *wrong = name_check_qualified(name);
        if (wrong)
            rule_invalid_text(err, at, name, wrong);
        if (json_object_get(seen, name))
            rule_duplicate(err, at, json_object_get(gate, "name"));
        json_object_set_new(seen, name, json_true());
    }
}

static void check_names(struct error *err, const struct path *at, const json_t *spec)
{
    static const struct {
        const char *member;
        rule_name_fn check;
    } names[] = {
        {"serviceAccountName", name_check_dns_subdomain},
        {"nodeName", name_check_dns_subdomain},
        {"hostname", name_check_dns_label},
        {"subdomain", name_check_dns_label},
        {"priorityClassName", name_check_dns_subdomain},
        {"runtimeClassName", name_check_dns_subdomain},
        {"schedulerName", name_check_qualified},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        check_name(err, at, spec, names[i].member, names[i].check);
}

static void check_os(struct error *err, const struct path *at, const json_t *os)
{
    static const char *const systems[] = {"linux", "windows", NULL};
    if (os && check_required(err, at, os, "name", NULL))
        check_enum(err, at, os, "name", systems);
}

void check_pod_spec(struct error *err, const struct path *at, const json_t *spec,
                    enum pod_holder holder)
{
    static const char *const preemptions[] = {"PreemptLowerPriority", "Never", NULL};
    const json_t *readiness;
    const json_t *grace = json_object_get(spec, "terminationGracePeriodSeconds");
    check_volumes(err, PATH(at, "volumes"), member_array(spec, "volumes"));
    check_containers(err, at, spec, holder);
    LIST_EACH (member_array(spec, "readinessGates"), i, readiness) {
        const char *wrong = name_check_qualified(rule_text(readiness, "conditionType"));
        if (wrong)
            rule_invalid_text(err, PATH(PATH_AT(PATH(at, "readinessGates"), i), "conditionType"),
                              rule_text(readiness, "conditionType"), wrong);
    }
    check_gates(err, PATH(at, "schedulingGates"), member_array(spec, "schedulingGates"));
    check_enum_required(err, at, spec, "restartPolicy", restart_policies);
    check_dns(err, at, spec);
    check_labels(err, PATH(at, "nodeSelector"), member_object(spec, "nodeSelector"));
    check_pod_security_context(err, PATH(at, "securityContext"),
                               member_object(spec, "securityContext"), spec);
    check_affinity(err, PATH(at, "affinity"), member_object(spec, "affinity"));
    check_names(err, at, spec);
    if (json_is_integer(grace) && json_integer_value(grace) < 0 && holder == HOLDER_TEMPLATE)
        rule_invalid(err, PATH(at, "terminationGracePeriodSeconds"), grace, RULE_NOT_NEGATIVE);
    check_range(err, at, spec, "activeDeadlineSeconds", 1, INT32_MAX);
    check_tolerations(err, PATH(at, "tolerations"), member_array(spec, "tolerations"));
    check_overhead(err, PATH(at, "overhead"), member_object(spec, "overhead"));
    check_host_aliases(err, PATH(at, "hostAliases"), member_array(spec, "hostAliases"));
    check_enum(err, at, spec, "preemptionPolicy", preemptions);
    check_spread_constraints(err, PATH(at, "topologySpreadConstraints"),
                             member_array(spec, "topologySpreadConstraints"));
    check_os(err, PATH(at, "os"), member_object(spec, "os"));
}

static void check_template_meta(struct error *err, const struct path *path, const json_t *meta)
{
    const char *key;
    json_t *value;
    check_labels(err, PATH(path, "labels"), member_object(meta, "labels"));
    MAP_EACH (member_object(meta, "annotations"), key, value) {
        const char *wrong = name_check_qualified(key);
        if (wrong)
            rule_invalid_text(err, PATH(path, "annotations"), key, wrong);
    }
}

/* Upstream's paths lack "metadata". */
void check_pod_template_meta(struct error *err, const struct path *at, const json_t *template)
{
    check_template_meta(err, at, member_object(template, "metadata"));
}

void check_pod_template(struct error *err, const struct path *at, const json_t *template)
{
    const json_t *spec = member_object(template, "spec");
    check_pod_template_meta(err, at, template);
    check_pod_spec(err, PATH(at, "spec"), spec, HOLDER_TEMPLATE);
    if (rule_filled(spec, "ephemeralContainers"))
        rule_forbidden(err, PATH(PATH(at, "spec"), "ephemeralContainers"),
                       "ephemeral containers not allowed in pod template");
}
