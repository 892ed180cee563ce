#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "controllers/daemonset.h"
#include "controllers/node_fit.h"
#include "controllers/owner.h"
#include "controllers/pod_state.h"
#include "controllers/revision.h"
#include "schema/meta.h"

#define SETS       "daemonsets.apps"
#define HASH_LABEL "controller-revision-hash"
#define BURST      250
#define GENERATION "deprecated.daemonset.template.generation"

/* One node: whether a Pod belongs there, and those that are. */
struct place {
    const json_t *node; /* NULL: it is gone */
    const char *name;
    bool run, stay;            /* may come; may stay */
    const json_t *old, *fresh; /* live Pods: of an old template, of the current one */
    size_t pods;
};

struct daemon_view {
    const struct daemonset_seen *seen;
    const json_t *spec, *revision;
    const char *hash;
    json_t *tolerations; /* the template's and our own */
    struct place *places;
    size_t place_count;
    int64_t min_ready_s, created;
    struct plan *plan;
};

/* Node conditions do not drive daemons away. */
static const struct {
    const char *key, *effect;
    bool host_network; /* only with the host's network */
} own_tolerations[] = {
    {"node.kubernetes.io/not-ready", "NoExecute", false},
    {"node.kubernetes.io/unreachable", "NoExecute", false},
    {"node.kubernetes.io/disk-pressure", "NoSchedule", false},
    {"node.kubernetes.io/memory-pressure", "NoSchedule", false},
    {"node.kubernetes.io/pid-pressure", "NoSchedule", false},
    {"node.kubernetes.io/unschedulable", "NoSchedule", false},
    {"node.kubernetes.io/network-unavailable", "NoSchedule", true},
};

static json_t *make_tolerations(const json_t *pod_spec)
{
    const json_t *theirs = json_object_get(pod_spec, "tolerations");
    json_t *all = theirs ? json_deep_copy(theirs) : json_array();
    for (size_t i = 0; i < ARRAY_LEN(own_tolerations); i++)
        if (!own_tolerations[i].host_network ||
            json_is_true(json_object_get(pod_spec, "hostNetwork")))
            json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "key", own_tolerations[i].key,
                                                 "operator", "Exists", "effect",
                                                 own_tolerations[i].effect));
    return all;
}

/* ---- which nodes ---- */

static void judge(const struct daemon_view *view, struct place *place)
{
    const json_t *pod_spec = json_at(view->spec, "template", "spec");
    const json_t *taints = json_at(place->node, "spec", "taints");
    const char *fixed = json_text(pod_spec, "nodeName");
    if (!place->node || (fixed && fixed[0] && strcmp(fixed, place->name) != 0) ||
        !node_fit_required(pod_spec, place->node))
        return;
    place->run = place->stay = true;
    for (size_t i = 0; i < json_array_size(taints); i++) {
        const json_t *taint = json_array_get(taints, i);
        const char *effect = json_text(taint, "effect");
        if (text_eq(effect, "PreferNoSchedule") || node_fit_tolerates(view->tolerations, taint))
            continue;
        place->run = false;
        place->stay &= !text_eq(effect, "NoExecute");
    }
}

/* Before it is bound, a daemon's Pod says by its affinity where it goes. */
static const char *target_node(const json_t *pod)
{
    const char *bound = json_text(pod, "spec", "nodeName");
    const json_t *terms =
        json_at(pod, "spec", "affinity", "nodeAffinity",
                "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms");
    if (bound && bound[0])
        return bound;
    for (size_t i = 0; i < json_array_size(terms); i++) {
        const json_t *field = json_array_get(json_at(json_array_get(terms, i), "matchFields"), 0);
        if (text_eq(json_text(field, "key"), "metadata.name"))
            return json_string_value(json_array_get(json_object_get(field, "values"), 0));
    }
    return "";
}

static struct place *place_of(struct daemon_view *view, const char *name)
{
    for (size_t i = 0; i < view->place_count; i++)
        if (strcmp(view->places[i].name, name) == 0)
            return &view->places[i];
    struct place *place = &view->places[view->place_count++];
    *place = (struct place){.name = name};
    return place;
}

static void delete_pod(struct daemon_view *view, const json_t *pod)
{
    struct plan_action *action = plan_delete(view->plan, "pods", pod);
    action->about = json_incref((json_t *)(uintptr_t)view->seen->set); /* only read */
    action->ok_reason = "SuccessfulDelete";
    action->ok_text = "Deleted pod: ";
}

/* Finished Pods make way; of two of the same template the older stays. */
static void put_pod(struct daemon_view *view, const json_t *pod)
{
    struct place *place = place_of(view, target_node(pod) ? target_node(pod) : "");
    bool failed = strcmp(pod_phase(pod), "Failed") == 0;
    place->pods++;
    if (meta_deleting(pod))
        return;
    if (pod_is_terminal(pod)) {
        if (failed)
            plan_event(view->plan, view->seen->set, "Warning", "FailedDaemonPod",
                       "Found failed daemon pod %s/%s on node %s, will try to kill it",
                       meta_namespace(pod), meta_name(pod), place->name);
        else
            plan_event(view->plan, view->seen->set, "Normal", "SucceededDaemonPod",
                       "Found succeeded daemon pod %s/%s on node %s, will try to delete it",
                       meta_namespace(pod), meta_name(pod), place->name);
        delete_pod(view, pod);
        return;
    }
    const json_t **slot =
        text_eq(meta_label(pod, HASH_LABEL), view->hash) ? &place->fresh : &place->old;
    if (!*slot) {
        *slot = pod;
        return;
    }
    const char *made = json_text(pod, "metadata", "creationTimestamp");
    const char *other = json_text(*slot, "metadata", "creationTimestamp");
    bool older = strcmp(made ? made : "", other ? other : "") < 0;
    delete_pod(view, older ? *slot : pod);
    if (older)
        *slot = pod;
}

static void survey(struct daemon_view *view)
{
    const struct daemonset_seen *seen = view->seen;
    view->places = xcalloc(seen->node_count + seen->pod_count + 1, sizeof(*view->places));
    for (size_t i = 0; i < seen->node_count; i++) {
        struct place *place = &view->places[view->place_count++];
        *place = (struct place){.node = seen->nodes[i], .name = meta_name(seen->nodes[i])};
        judge(view, place);
    }
    for (size_t i = 0; i < seen->pod_count; i++)
        put_pod(view, seen->pods[i]);
}

/* ---- making and taking away ---- */

/* Bound to its node by affinity, so that the scheduler still has its say about room. */
static void pin(json_t *pod, const char *node)
{
    json_t *affinity = json_ensure_object(
        json_ensure_object(json_object_get(pod, "spec"), "affinity"), "nodeAffinity");
    json_t *required =
        json_ensure_object(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
    json_t *terms = json_ensure_array(required, "nodeSelectorTerms");
    json_auto_t *fields =
        json_pack("[{s:s, s:s, s:[s]}]", "key", "metadata.name", "operator", "In", "values", node);
    if (!json_array_size(terms))
        json_array_append_new(terms, json_object());
    for (size_t i = 0; i < json_array_size(terms); i++)
        json_object_set(json_array_get(terms, i), "matchFields", fields);
}

static void create_pod(struct daemon_view *view, const struct place *place)
{
    const json_t *set = view->seen->set;
    if (view->created++ >= BURST)
        return;
    json_t *pod = pod_from_template(json_object_get(view->spec, "template"), meta_name(set),
                                    owner_reference(set, "apps/v1", "DaemonSet"));
    const char *generation = meta_annotation(set, GENERATION);
    meta_set_label(pod, HASH_LABEL, view->hash);
    if (generation)
        meta_set_label(pod, "pod-template-generation", generation);
    json_object_set(json_object_get(pod, "spec"), "tolerations", view->tolerations);
    pin(pod, place->name);
    struct plan_action *action = plan_create(view->plan, "pods", meta_namespace(set), pod);
    action->flags = PLAN_SLOW_START | PLAN_GO_ON;          /* the status is told in any case */
    action->about = json_incref((json_t *)(uintptr_t)set); /* only read */
    action->ok_reason = "SuccessfulCreate";
    action->ok_text = "Created pod: ";
    action->fail_reason = "FailedCreate";
    action->fail_text = "Error creating: ";
}

static void manage(struct daemon_view *view)
{
    for (size_t i = 0; i < view->place_count; i++) {
        struct place *place = &view->places[i];
        if (!place->stay && place->old)
            delete_pod(view, place->old);
        if (!place->stay && place->fresh)
            delete_pod(view, place->fresh);
        if (place->run && !place->pods)
            create_pod(view, place);
    }
}

static bool is_available(const struct daemon_view *view, const json_t *pod)
{
    return pod && pod_is_available(pod, view->min_ready_s, view->seen->now_us);
}

static int64_t desired(const struct daemon_view *view)
{
    int64_t count = 0;
    for (size_t i = 0; i < view->place_count; i++)
        count += view->places[i].run;
    return count;
}

static int64_t resolve(const struct daemon_view *view, const char *key, int64_t fallback)
{
    const json_t *value = json_at(view->spec, "updateStrategy", "rollingUpdate", key);
    struct str text = str_of(json_string_value(value));
    int64_t percent;
    if (!json_is_string(value))
        return json_int_or(value, fallback);
    text.len -= text.len && text.data[text.len - 1] == '%';
    return parse_i64(text, 0, 100, &percent) ? (desired(view) * percent + 99) / 100 : fallback;
}

/* New Pods beside the old ones; an old one goes when its successor is available, or when it is of
 * no use beside it. Where the old one does not work its successor may always come. */
static void roll_surging(struct daemon_view *view, int64_t surge)
{
    for (size_t i = 0; i < view->place_count; i++) {
        const struct place *place = &view->places[i];
        if (!place->run || !place->old)
            continue;
        if (!place->fresh) {
            if (!is_available(view, place->old))
                create_pod(view, place);
            continue;
        }
        surge -= !is_available(view, place->fresh);
        if (is_available(view, place->fresh) || !pod_is_ready(place->old))
            delete_pod(view, place->old);
    }
    for (size_t i = 0; i < view->place_count && surge > 0; i++) {
        const struct place *place = &view->places[i];
        if (!place->run || !place->old || place->fresh || !is_available(view, place->old))
            continue;
        create_pod(view, place);
        surge--;
    }
}

/* Old Pods go first, as many as may be missing; those that do not work go anyway, and beside that.
 */
static void roll_replacing(struct daemon_view *view, int64_t budget)
{
    for (size_t i = 0; i < view->place_count; i++) {
        const struct place *place = &view->places[i];
        bool works = is_available(view, place->fresh) || is_available(view, place->old);
        bool replaced = place->old && !place->fresh;
        budget -= place->run && !works && !replaced;
        if (place->run && place->old && !works)
            delete_pod(view, place->old);
    }
    for (size_t i = 0; i < view->place_count && budget > 0; i++) {
        const struct place *place = &view->places[i];
        if (!place->run || !place->old || !is_available(view, place->old))
            continue;
        delete_pod(view, place->old);
        budget--;
    }
}

static void roll(struct daemon_view *view)
{
    int64_t surge = resolve(view, "maxSurge", 0);
    if (text_eq(json_text(view->spec, "updateStrategy", "type"), "OnDelete"))
        return;
    if (surge > 0)
        roll_surging(view, surge);
    else
        roll_replacing(view, resolve(view, "maxUnavailable", 1));
}

/* ---- status ---- */

static void decide_status(struct daemon_view *view)
{
    int64_t current = 0, misscheduled = 0, ready = 0, updated = 0, available = 0;
    const json_t *old = json_object_get(view->seen->set, "status");
    for (size_t i = 0; i < view->place_count; i++) {
        const struct place *place = &view->places[i];
        const json_t *pod = place->fresh ? place->fresh : place->old;
        if (!place->run) {
            misscheduled += place->pods > 0;
            continue;
        }
        current += place->pods > 0;
        ready += (place->fresh && pod_is_ready(place->fresh)) ||
                 (place->old && pod_is_ready(place->old));
        available += is_available(view, place->fresh) || is_available(view, place->old);
        updated += pod && pod == place->fresh;
    }
    json_t *status =
        json_pack("{s:I, s:I, s:I, s:I}", "currentNumberScheduled", (json_int_t)current,
                  "numberMisscheduled", (json_int_t)misscheduled, "desiredNumberScheduled",
                  (json_int_t)desired(view), "numberReady", (json_int_t)ready);
    const struct {
        const char *key;
        int64_t count;
    } more[] = {
        {"observedGeneration", json_int_or(json_at(view->seen->set, "metadata", "generation"), 0)},
        {"updatedNumberScheduled", updated},
        {"numberAvailable", available},
        {"numberUnavailable", desired(view) - available},
    };
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        if (more[i].count)
            json_object_set_new(status, more[i].key, json_integer(more[i].count));
    if (json_object_get(old, "collisionCount"))
        json_object_set(status, "collisionCount", json_object_get(old, "collisionCount"));
    if (semantic_equal(status, old))
        json_decref(status);
    else
        plan_status(view->plan, SETS, view->seen->set, status)->flags |= PLAN_ABSENT_OK;
    if (view->min_ready_s && ready > available)
        plan_again(view->plan, view->min_ready_s * 1000);
}

void daemonset_decide(const struct daemonset_seen *seen, struct plan *plan)
{
    const json_t *spec = json_object_get(seen->set, "spec");
    const struct revision_seen revisions = {seen->set, "DaemonSet", HASH_LABEL, seen->revisions,
                                            seen->revision_count};
    struct daemon_view view = {
        .seen = seen,
        .spec = spec,
        .min_ready_s = json_int_or(json_object_get(spec, "minReadySeconds"), 0),
        .plan = plan,
    };
    view.revision = revision_current(&revisions, plan);
    if (!view.revision)
        return;
    view.hash = meta_label(view.revision, HASH_LABEL);
    view.hash = view.hash ? view.hash : "";
    json_auto_t *tolerations = make_tolerations(json_at(spec, "template", "spec"));
    view.tolerations = tolerations;
    if (!meta_deleting(seen->set)) {
        survey(&view);
        manage(&view);
        roll(&view);
        const char *const used[] = {meta_name(view.revision), NULL};
        revision_trim(&revisions, used, plan);
        decide_status(&view);
    }
    free(view.places);
}
