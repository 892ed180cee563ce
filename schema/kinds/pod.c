/* Pods: what may be created, what may change afterwards, and by which endpoint. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"

#define SPEC PATH(NULL, "spec")

#define UPDATE_DETAIL                                                                              \
    "pod updates may not change fields other than "                                                \
    "`spec.containers[*].image`,`spec.initContainers[*].image`,"                                   \
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"    \
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"

static void add_gated_condition(json_t *status)
{
    json_object_set_new(status, "conditions",
                        json_pack("[{s:s,s:s,s:n,s:n,s:s,s:s}]", "type", "PodScheduled", "status",
                                  "False", "lastProbeTime", "lastTransitionTime", "reason",
                                  "SchedulingGated", "message",
                                  "Scheduling is blocked due to non-empty scheduling gates"));
}

static void prepare_create(json_t *object)
{
    const json_t *spec = json_object_get(object, "spec");
    json_t *status = json_pack("{s:s,s:s}", "phase", "Pending", "qosClass", pod_qos(spec));
    if (rule_filled(spec, "schedulingGates"))
        add_gated_condition(status);
    json_object_set_new(object, "status", status);
    apparmor_sync(object);
    affinity_merge_label_keys(object);
}

static void prepare_status(json_t *object, const json_t *old)
{
    json_t *meta = json_ensure_object(object, "metadata");
    json_t *status = json_ensure_object(object, "status");
    const json_t *old_meta = json_object_get(old, "metadata");
    strategy_keep(object, old, "spec");
    strategy_keep(meta, old_meta, "deletionTimestamp");
    strategy_keep(meta, old_meta, "ownerReferences");
    if (!*rule_text(status, "qosClass"))
        strategy_keep(status, json_object_get(old, "status"), "qosClass");
}

/* /ephemeralcontainers changes that one list. */
static void prepare_ephemeral(json_t *object, const json_t *old)
{
    json_t *spec = json_deep_copy(json_object_get(old, "spec"));
    json_t *list = json_at(object, "spec", "ephemeralContainers");
    if (list)
        json_object_set(spec, "ephemeralContainers", list);
    else
        json_object_del(spec, "ephemeralContainers");
    json_object_set_new(object, "spec", spec);
    strategy_keep(object, old, "status");
}

/* /resize changes containers' resources. */
static void prepare_resize(json_t *object, const json_t *old)
{
    json_t *spec = json_deep_copy(json_object_get(old, "spec")), *container;
    LIST_EACH (member_array(spec, "containers"), i, container) {
        const json_t *new = json_array_get(json_at(object, "spec", "containers"), i);
        if (strcmp(rule_text(new, "name"), rule_text(container, "name")) == 0)
            strategy_keep(container, new, "resources");
    }
    json_object_set_new(object, "spec", spec);
    strategy_keep(object, old, "status");
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    if (is_sub(subresource, "status"))
        prepare_status(object, old);
    else if (is_sub(subresource, "ephemeralcontainers"))
        prepare_ephemeral(object, old);
    else if (is_sub(subresource, "resize"))
        prepare_resize(object, old);
    else
        strategy_keep(object, old, "status");
}

/* What holds of every Pod, new or not. */
static void check_pod(struct error *err, const json_t *object)
{
    const json_t *spec = json_object_get(object, "spec");
    check_pod_annotations(err, PATH(PATH(NULL, "metadata"), "annotations"),
                          json_at(object, "metadata", "annotations"), spec);
    check_pod_spec(err, SPEC, spec, meta_name(object));
}

static void validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    check_pod(err, object);
    if (rule_filled(spec, "ephemeralContainers"))
        rule_forbidden(err, PATH(SPEC, "ephemeralContainers"), "cannot be set on create");
    if (*rule_text(spec, "nodeName") && rule_filled(spec, "schedulingGates"))
        rule_forbidden(err, PATH(SPEC, "nodeName"),
                       "cannot be set until all schedulingGates have been cleared");
    check_annotations_match(err, SPEC, json_at(object, "metadata", "annotations"), spec);
}

static bool containers_fit(const json_t *spec, const json_t *before, const char *member)
{
    static const char *const except[] = {"image", NULL};
    const json_t *now = member_array(spec, member), *then = member_array(before, member);
    for (size_t i = 0; i < json_array_size(now); i++)
        if (!rule_same_except(json_array_get(now, i), json_array_get(then, i), except))
            return false;
    return true;
}

/* False: nothing more is to be said of the update. */
static bool check_container_update(struct error *err, const json_t *spec, const json_t *before,
                                   const char *member)
{
    const json_t *now = member_array(spec, member), *then = member_array(before, member), *item;
    if (json_array_size(now) != json_array_size(then)) {
        rule_forbidden(err, PATH(SPEC, member), "pod updates may not add or remove containers");
        return false;
    }
    LIST_EACH (now, i, item) {
        const struct path *at = PATH_AT(PATH(SPEC, member), i);
        check_required(err, at, item, "image", NULL);
        check_image_space(err, at, item);
    }
    return true;
}

static bool grace_fits(const json_t *spec, const json_t *before)
{
    int64_t now = rule_int(spec, "terminationGracePeriodSeconds", 0);
    int64_t then = rule_int(before, "terminationGracePeriodSeconds", 0);
    return now == then || (then < 0 && now == 1);
}

/* The first of `now` are those of `then`. */
static bool begins_with(const json_t *now, const json_t *then)
{
    const json_t *item;
    if (json_array_size(now) < json_array_size(then))
        return false;
    LIST_EACH (then, i, item)
        if (!rule_equal(item, json_array_get(now, i)))
            return false;
    return true;
}

/* A term without any requirement selects nothing, and stays so. */
static bool term_narrows(const json_t *now, const json_t *then)
{
    static const char *const members[] = {"matchExpressions", "matchFields"};
    bool empty = true, grows = false;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        empty = empty && !rule_filled(then, members[i]);
        grows = grows || rule_filled(now, members[i]);
        if (!begins_with(member_array(now, members[i]), member_array(then, members[i])))
            return false;
    }
    return !empty || !grows;
}

static void check_terms_update(struct error *err, const json_t *spec, const json_t *before)
{
    static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
    const json_t *now = json_at(spec, "affinity", "nodeAffinity", required, "nodeSelectorTerms"),
                 *then = json_at(before, "affinity", "nodeAffinity", required, "nodeSelectorTerms"),
                 *term;
    const struct path *path =
        PATH(PATH(PATH(PATH(SPEC, "affinity"), "nodeAffinity"), required), "nodeSelectorTerms");
    if (json_array_size(then) && json_array_size(now) != json_array_size(then)) {
        rule_invalid(err, path, now,
                     "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
        return;
    }
    LIST_EACH (then, i, term)
        if (!term_narrows(json_array_get(now, i), term))
            rule_invalid(err, PATH_AT(path, i), json_array_get(now, i),
                         "only additions are allowed (no mutations or deletions)");
}

/* While gated, a Pod's placement may be narrowed. */
static void check_gated_update(struct error *err, const json_t *spec, const json_t *before)
{
    const json_t *selector = member_object(spec, "nodeSelector");
    const char *key;
    json_t *value;
    if (!rule_filled(before, "schedulingGates"))
        return;
    MAP_EACH (member_object(before, "nodeSelector"), key, value) {
        if (json_equal(value, json_object_get(selector, key)))
            continue;
        CLEANUP(free_ptr) char *shown = rule_map_go(selector);
        rule_invalid_raw(err, PATH(SPEC, "nodeSelector"), shown,
                         "only additions to spec.nodeSelector are allowed (no mutations or "
                         "deletions)");
        break;
    }
    check_terms_update(err, spec, before);
}

/* But for what check_gated_update() has judged. */
static bool placement_fits(const json_t *spec, const json_t *before)
{
    static const char *const node_affinity[] = {"nodeAffinity", NULL};
    if (!rule_filled(before, "schedulingGates"))
        return rule_equal(json_object_get(spec, "nodeSelector"),
                          json_object_get(before, "nodeSelector")) &&
               rule_equal(json_object_get(spec, "affinity"), json_object_get(before, "affinity"));
    return rule_same_except(json_object_get(spec, "affinity"), json_object_get(before, "affinity"),
                            node_affinity);
}

static void check_gate_update(const json_t *spec, const json_t *before, struct error *err)
{
    json_auto_t *had = rule_index(member_array(before, "schedulingGates"), "name");
    const json_t *gate;
    LIST_EACH (member_array(spec, "schedulingGates"), i, gate) {
        if (!json_object_get(had, rule_text(gate, "name")))
            rule_forbidden(err, PATH(PATH_AT(PATH(SPEC, "schedulingGates"), i), "name"),
                           "only deletion is allowed, but found new scheduling gate '%s'",
                           rule_text(gate, "name"));
    }
}

/* What makes a toleration itself: all but how long; owned. No part holds a space. */
static char *toleration_id(const json_t *toleration)
{
    return xasprintf("%s %s %s %s", rule_text(toleration, "key"), rule_text(toleration, "operator"),
                     rule_text(toleration, "value"), rule_text(toleration, "effect"));
}

/* Tolerations are added; of the old ones only tolerationSeconds may change. */
static void check_toleration_update(const json_t *spec, const json_t *before, struct error *err)
{
    json_auto_t *now = json_object();
    const json_t *toleration;
    LIST_EACH (member_array(spec, "tolerations"), i, toleration) {
        CLEANUP(free_ptr) char *id = toleration_id(toleration);
        (void)rule_seen(now, id); /* twice is fine */
    }
    LIST_EACH (member_array(before, "tolerations"), i, toleration) {
        CLEANUP(free_ptr) char *id = toleration_id(toleration);
        if (json_object_get(now, id))
            continue;
        rule_forbidden(err, PATH(SPEC, "tolerations"),
                       "existing toleration can not be modified except its tolerationSeconds");
        return;
    }
    check_tolerations(err, PATH(SPEC, "tolerations"), member_array(spec, "tolerations"));
}

/* False: nothing more is to be said of the update. */
static bool check_deadline_update(const json_t *spec, const json_t *before, struct error *err)
{
    const json_t *now = json_object_get(spec, "activeDeadlineSeconds");
    const json_t *then = json_object_get(before, "activeDeadlineSeconds");
    const struct path *path = PATH(SPEC, "activeDeadlineSeconds");
    int64_t seconds = json_int_or(now, 0);
    if (!json_is_integer(now)) {
        if (json_is_integer(then))
            rule_invalid(err, path, NULL, "must not update from a positive integer to nil value");
        return true;
    }
    check_range(err, SPEC, spec, "activeDeadlineSeconds", 0, INT32_MAX);
    if (seconds < 0 || seconds > INT32_MAX)
        return false;
    if (!json_is_integer(then) || json_integer_value(then) >= seconds)
        return true;
    rule_invalid(err, path, now, "must be less than or equal to previous value");
    return false;
}

static void validate_spec_update(const json_t *object, const json_t *old, struct error *err)
{
    static const char *const except[] = {"containers",
                                         "initContainers",
                                         "activeDeadlineSeconds",
                                         "tolerations",
                                         "terminationGracePeriodSeconds",
                                         "schedulingGates",
                                         "nodeSelector",
                                         "affinity",
                                         NULL};
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    check_pod(err, object);
    check_pod_annotations_update(err, object, old);
    if (!check_container_update(err, spec, before, "containers") ||
        !check_container_update(err, spec, before, "initContainers") ||
        !check_deadline_update(spec, before, err))
        return;
    check_toleration_update(spec, before, err);
    check_gate_update(spec, before, err);
    check_gated_update(err, spec, before);
    if (!rule_same_except(spec, before, except) || !containers_fit(spec, before, "containers") ||
        !containers_fit(spec, before, "initContainers") || !grace_fits(spec, before) ||
        !placement_fits(spec, before))
        rule_forbidden(err, SPEC, "%s", UPDATE_DETAIL);
}

static void validate_ephemeral_update(const json_t *object, const json_t *old, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec"),
                 *had;
    json_auto_t *now = rule_index(member_array(spec, "ephemeralContainers"), "name");
    const struct path *path = PATH(SPEC, "ephemeralContainers");
    if (meta_annotation(old, "kubernetes.io/config.mirror")) {
        rule_forbidden(err, PATH(NULL, ""), "static pods do not support ephemeral containers");
        return;
    }
    check_pod(err, object);
    check_pod_annotations_update(err, object, old);
    LIST_EACH (member_array(before, "ephemeralContainers"), i, had) {
        const json_t *same = json_object_get(now, rule_text(had, "name"));
        if (!same || !rule_equal(same, had))
            rule_forbidden(err, path, "existing ephemeral containers \"%s\" may not be %s\n",
                           rule_text(had, "name"), same ? "changed" : "removed");
    }
}

static void validate_resize(const json_t *object, const json_t *old, struct error *err)
{
    static const char *const lists[] = {"limits", "requests"};
    static const char *const resizable[] = {"cpu", "memory", NULL};
    const json_t *now = json_at(object, "spec", "containers"), *container,
                 *before = json_at(old, "spec", "containers");
    const char *qos = rule_text_at(old, "status.qosClass");
    if (meta_annotation(old, "kubernetes.io/config.mirror")) {
        rule_forbidden(err, PATH(NULL, ""), "static pods cannot be resized");
        return;
    }
    if (strcmp(rule_text_at(old, "spec.os.name"), "windows") == 0) {
        rule_forbidden(err, PATH(NULL, ""), "windows pods cannot be resized");
        return;
    }
    check_pod(err, object);
    if (*qos && strcmp(qos, pod_qos(json_object_get(object, "spec"))) != 0)
        rule_invalid_text(err, SPEC, qos, "Pod QOS Class may not change as a result of resizing");
    LIST_EACH (now, i, container) {
        const json_t *had = json_array_get(before, i);
        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
            if (!rule_same_except(json_at(container, "resources", lists[k]),
                                  json_at(had, "resources", lists[k]), resizable)) {
                rule_forbidden(err, SPEC, "only cpu and memory resources are mutable");
                break;
            }
    }
}

/* Containers' statuses, and by which policy they end for good; NULL: by the Pod's. */
static const struct status_list {
    const char *member, *policy;
} status_lists[] = {
    {"containerStatuses", NULL},
    {"initContainerStatuses", NULL},
    {"ephemeralContainerStatuses", "Never"},
};

static bool ended_for_good(const json_t *status, const char *policy)
{
    const json_t *terminated = json_at(status, "state", "terminated");
    return terminated &&
           (strcmp(policy, "Never") == 0 ||
            (strcmp(policy, "OnFailure") == 0 && rule_int(terminated, "exitCode", 0) == 0));
}

/* A container that has ended for good stays so; upstream counts in the old list. */
static void check_transitions(struct error *err, const json_t *object, const json_t *old,
                              const struct status_list *row)
{
    const struct path *path = PATH(PATH(NULL, "status"), row->member);
    const json_t *before = member_array(json_object_get(old, "status"), row->member), *had;
    json_auto_t *after =
        rule_index(member_array(json_object_get(object, "status"), row->member), "name");
    json_auto_t *inits = rule_index(json_at(old, "spec", "initContainers"), "name");
    const char *policy = row->policy ? row->policy : rule_text_at(old, "spec.restartPolicy");
    LIST_EACH (before, i, had) {
        const json_t *now = json_object_get(after, rule_text(had, "name")),
                     *init = json_object_get(inits, rule_text(had, "name"));
        bool sidecar = strcmp(rule_text(init, "restartPolicy"), "Always") == 0;
        if (now && !sidecar && ended_for_good(had, policy) && !json_at(now, "state", "terminated"))
            rule_forbidden(err, PATH(PATH_AT(path, i), "state"),
                           "may not be transitioned to non-terminated state");
    }
}

/* `list` of {ip}: addresses, no two alike, at most one of each family. */
static void check_ips(struct error *err, const struct path *path, const json_t *list)
{
    const json_t *item;
    json_auto_t *seen = rule_set(list), *texts = json_array();
    bool sound = true;
    LIST_EACH (list, i, item) {
        const char *ip = rule_text(item, "ip"), *wrong = value_check_ip(ip);
        json_array_append_new(texts, json_string(ip));
        sound = sound && !wrong;
        if (wrong)
            rule_invalid_text(err, PATH_AT(path, i), ip, wrong);
    }
    if (sound && json_array_size(texts) > 1 && !value_is_dual_stack(texts))
        rule_invalid(err, path, list, "may specify no more than one IP for each IP family");
    LIST_EACH (list, i, item) {
        if (rule_seen(seen, rule_text(item, "ip")))
            rule_duplicate(err, PATH_AT(path, i), item);
    }
}

static void check_conditions(struct error *err, const json_t *conditions)
{
    static const char *const system[] = {"PodScheduled", "Ready", "Initialized", NULL};
    const struct path *path = PATH(PATH(NULL, "metadata"), "conditions"); /* sic */
    const json_t *condition;
    LIST_EACH (conditions, i, condition) {
        const char *type = rule_text(condition, "type");
        if (!rule_one_of(type, system))
            rule_named(err, PATH(PATH_AT(path, i), "Type"), type, name_check_qualified);
    }
}

static void validate_status_update(const json_t *object, const json_t *old, struct error *err)
{
    const json_t *status = json_object_get(object, "status"),
                 *before = json_object_get(old, "status");
    const struct path *at = PATH(NULL, "status");
    const json_t *host_ips = member_array(status, "hostIPs");
    const char *first = rule_text(json_array_get(host_ips, 0), "ip");
    check_pod_annotations_update(err, object, old);
    check_conditions(err, member_array(status, "conditions"));
    if (strcmp(rule_text(status, "nominatedNodeName"), rule_text(before, "nominatedNodeName")) != 0)
        check_name(err, at, status, "nominatedNodeName", name_check_dns_subdomain);
    check_immutable(err, at, status, before, "qosClass");
    for (size_t i = 0; i < ARRAY_LEN(status_lists); i++)
        check_transitions(err, object, old, &status_lists[i]);
    check_ips(err, PATH(at, "podIPs"), member_array(status, "podIPs"));
    if (json_array_size(host_ips) && strcmp(rule_text(status, "hostIP"), first) != 0)
        rule_invalid_text(err, PATH(PATH_AT(PATH(at, "hostIPs"), 0), "ip"), first,
                          "must be equal to `hostIP`");
    check_ips(err, PATH(at, "hostIPs"), host_ips);
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    if (is_sub(subresource, "status"))
        validate_status_update(object, old, err);
    else if (is_sub(subresource, "ephemeralcontainers"))
        validate_ephemeral_update(object, old, err);
    else if (is_sub(subresource, "resize"))
        validate_resize(object, old, err);
    else if (is_main(subresource))
        validate_spec_update(object, old, err);
}

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    static const char *const paths[] = {"spec.nodeName",
                                        "spec.restartPolicy",
                                        "spec.schedulerName",
                                        "spec.serviceAccountName",
                                        "status.phase",
                                        "status.podIP",
                                        "status.nominatedNodeName",
                                        NULL};
    index_paths(object, paths, add, arg);
    add(arg, "spec.hostNetwork",
        json_is_true(json_at(object, "spec", "hostNetwork")) ? "true" : "false");
}

const struct kind_rules kind_pods = {
    .resource = "pods",
    .set_defaults = pod_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .index = index_fields,
    .graceful_delete = true,
};
