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

static void validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    check_pod_spec(err, SPEC, spec, HOLDER_POD);
    if (rule_filled(spec, "ephemeralContainers"))
        rule_forbidden(err, PATH(SPEC, "ephemeralContainers"), "cannot be set on create");
    if (*rule_text(spec, "nodeName") && rule_filled(spec, "schedulingGates"))
        rule_forbidden(err, PATH(SPEC, "nodeName"),
                       "cannot be set until all schedulingGates have been cleared");
}

/* Equal but for the members in `except`. */
static bool same_except(const json_t *a, const json_t *b, const char *const *except)
{
    const char *key;
    json_t *value;
    MAP_EACH (a, key, value) {
        if (!rule_one_of(key, except) && !rule_equal(value, json_object_get(b, key)))
            return false;
    }
    MAP_EACH (b, key, value) {
        if (!rule_one_of(key, except) && !json_object_get(a, key) && !rule_equal(value, NULL))
            return false;
    }
    return true;
}

static bool containers_fit(const json_t *spec, const json_t *before, const char *member)
{
    static const char *const except[] = {"image", NULL};
    const json_t *now = member_array(spec, member), *then = member_array(before, member);
    for (size_t i = 0; i < json_array_size(now); i++)
        if (!same_except(json_array_get(now, i), json_array_get(then, i), except))
            return false;
    return true;
}

static bool same_count(const json_t *spec, const json_t *before, const char *member)
{
    return json_array_size(member_array(spec, member)) ==
           json_array_size(member_array(before, member));
}

static bool grace_fits(const json_t *spec, const json_t *before)
{
    int64_t now = rule_int(spec, "terminationGracePeriodSeconds", 0);
    int64_t then = rule_int(before, "terminationGracePeriodSeconds", 0);
    return now == then || (then < 0 && now == 1);
}

/* While gated, a Pod's placement may be narrowed. */
static bool gated_fits(const json_t *spec, const json_t *before)
{
    const char *key;
    json_t *value;
    if (rule_equal(json_object_get(spec, "nodeSelector"),
                   json_object_get(before, "nodeSelector")) &&
        rule_equal(json_object_get(spec, "affinity"), json_object_get(before, "affinity")))
        return true;
    if (!rule_filled(before, "schedulingGates"))
        return false;
    MAP_EACH (member_object(before, "nodeSelector"), key, value) {
        if (!json_equal(value, json_object_get(member_object(spec, "nodeSelector"), key)))
            return false;
    }
    static const char *const node_affinity[] = {"nodeAffinity", NULL};
    return same_except(json_object_get(spec, "affinity"), json_object_get(before, "affinity"),
                       node_affinity);
}

static void check_gate_update(const json_t *spec, const json_t *before, struct error *err)
{
    json_auto_t *had = rule_index(member_array(before, "schedulingGates"), "name");
    const json_t *gate;
    LIST_EACH (member_array(spec, "schedulingGates"), i, gate) {
        if (!json_object_get(had, rule_text(gate, "name")))
            rule_forbidden(err, PATH_AT(PATH(SPEC, "schedulingGates"), i),
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
}

static void check_deadline_update(const json_t *spec, const json_t *before, struct error *err)
{
    const json_t *now = json_object_get(spec, "activeDeadlineSeconds");
    const json_t *then = json_object_get(before, "activeDeadlineSeconds");
    const struct path *path = PATH(SPEC, "activeDeadlineSeconds");
    if (json_is_integer(now)) {
        check_range(err, SPEC, spec, "activeDeadlineSeconds", 0, INT32_MAX);
        if (json_is_integer(then) && json_integer_value(then) < json_integer_value(now))
            rule_invalid(err, path, now, "must be less than or equal to previous value");
    } else if (json_is_integer(then)) {
        rule_invalid(err, path, NULL, "must not update from a positive integer to nil value");
    }
}

static void validate_spec_update(const json_t *spec, const json_t *before, struct error *err)
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
    static const char *const lists[] = {"containers", "initContainers"};
    bool counts = true;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (!same_count(spec, before, lists[i])) {
            rule_forbidden(err, PATH(SPEC, lists[i]),
                           "pod updates may not add or remove containers");
            counts = false;
        }
    if (!counts)
        return;
    check_deadline_update(spec, before, err);
    check_gate_update(spec, before, err);
    check_toleration_update(spec, before, err);
    if (!same_except(spec, before, except) || !containers_fit(spec, before, "containers") ||
        !containers_fit(spec, before, "initContainers") || !grace_fits(spec, before) ||
        !gated_fits(spec, before))
        rule_forbidden(err, SPEC, "%s", UPDATE_DETAIL);
    const json_t *container;
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        LIST_EACH (member_array(spec, lists[k]), i, container)
            check_required(err, PATH_AT(PATH(SPEC, lists[k]), i), container, "image", NULL);
}

static void validate_ephemeral_update(const json_t *spec, const json_t *before, struct error *err)
{
    json_auto_t *now = rule_index(member_array(spec, "ephemeralContainers"), "name");
    const struct path *path = PATH(SPEC, "ephemeralContainers");
    const json_t *old;
    check_containers(err, SPEC, spec, HOLDER_POD);
    LIST_EACH (member_array(before, "ephemeralContainers"), i, old) {
        const json_t *same = json_object_get(now, rule_text(old, "name"));
        if (!same || !rule_equal(same, old))
            rule_forbidden(err, path, "existing ephemeral containers \"%s\" may not be %s\n",
                           rule_text(old, "name"), same ? "changed" : "removed");
    }
}

static void validate_resize(const json_t *object, const json_t *old, struct error *err)
{
    const json_t *container;
    LIST_EACH (json_at(object, "spec", "containers"), i, container)
        check_resources(err, PATH(PATH_AT(PATH(SPEC, "containers"), i), "resources"),
                        member_object(container, "resources"));
    const char *before = rule_text_at(old, "status.qosClass"),
               *now = pod_qos(json_object_get(object, "spec"));
    if (*before && strcmp(before, now) != 0)
        rule_invalid_text(err, PATH(PATH(NULL, "status"), "qosClass"), now,
                          "Pod QOS Class may not change as a result of resizing");
}

static bool ended_for_good(const json_t *status, const char *policy)
{
    const json_t *terminated = json_at(status, "state", "terminated");
    return terminated &&
           (strcmp(policy, "Never") == 0 ||
            (strcmp(policy, "OnFailure") == 0 && rule_int(terminated, "exitCode", 0) == 0));
}

/* A container that has ended for good stays so. */
static void check_status_list(const json_t *object, const json_t *old, const char *member,
                              struct error *err)
{
    const json_t *after = member_array(json_object_get(object, "status"), member), *now;
    json_auto_t *before = rule_index(member_array(json_object_get(old, "status"), member), "name");
    const char *policy = rule_text_at(old, "spec.restartPolicy");
    LIST_EACH (after, i, now) {
        const json_t *had = json_object_get(before, rule_text(now, "name"));
        if (had && ended_for_good(had, policy) && !json_at(now, "state", "terminated"))
            rule_forbidden(err, PATH(PATH_AT(PATH(PATH(NULL, "status"), member), i), "state"),
                           "may not be transitioned to non-terminated state");
    }
}

static void validate_status_update(const json_t *object, const json_t *old, struct error *err)
{
    const json_t *item;
    const char *nominated = rule_text_at(object, "status.nominatedNodeName");
    check_status_list(object, old, "containerStatuses", err);
    if (*nominated && name_check_dns_subdomain(nominated))
        rule_invalid_text(err, PATH(PATH(NULL, "status"), "nominatedNodeName"), nominated,
                          name_check_dns_subdomain(nominated));
    LIST_EACH (json_at(object, "status", "podIPs"), i, item) {
        const char *wrong = value_check_ip(rule_text(item, "ip"));
        if (wrong)
            rule_invalid_text(err, PATH_AT(PATH(PATH(NULL, "status"), "podIPs"), i),
                              rule_text(item, "ip"), wrong);
    }
}

/* Whether a Pod is the image of a node's own is said once. */
static void check_mirror_update(const json_t *object, const json_t *old, struct error *err)
{
    static const char mirror[] = "kubernetes.io/config.mirror";
    const struct path *path = PATH_KEY(PATH(PATH(NULL, "metadata"), "annotations"), mirror);
    const char *now = meta_annotation(object, mirror), *before = meta_annotation(old, mirror);
    if (before && (!now || strcmp(now, before) != 0))
        rule_forbidden(err, path, "may not remove or update mirror pod annotation");
    else if (now && !before)
        rule_forbidden(err, path, "may not add mirror pod annotation");
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    if (is_sub(subresource, "status"))
        validate_status_update(object, old, err);
    else if (is_sub(subresource, "ephemeralcontainers"))
        validate_ephemeral_update(spec, before, err);
    else if (is_sub(subresource, "resize"))
        validate_resize(object, old, err);
    else if (is_main(subresource))
        validate_spec_update(spec, before, err);
    if (is_main(subresource))
        check_mirror_update(object, old, err);
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
