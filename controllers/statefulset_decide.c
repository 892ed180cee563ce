#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "controllers/owner.h"
#include "controllers/pod_state.h"
#include "controllers/revision.h"
#include "controllers/statefulset.h"
#include "controllers/statefulset_claims.h"
#include "schema/meta.h"

#define SETS         "statefulsets.apps"
#define HASH_LABEL   "controller-revision-hash"
#define NAME_LABEL   "statefulset.kubernetes.io/pod-name"
#define INDEX_LABEL  "apps.kubernetes.io/pod-index"
#define REPLICAS_MAX 100000 /* looked at in one set; more would be one per address of a cluster */

struct set_view {
    const struct statefulset_seen *seen;
    struct revision_seen revisions;
    const json_t *spec;
    const json_t *update, *current; /* revisions; current may be the same */
    const json_t **pods;            /* by ordinal from `start`; NULL: missing */
    const json_t **condemned;       /* beyond the range, by ordinal */
    size_t condemned_count;
    int64_t start, replicas, partition, min_ready_s;
    bool ordered, on_delete;
};

static int64_t ordinal_of(const struct set_view *view, const json_t *pod)
{
    const char *set = meta_name(view->seen->set), *name = meta_name(pod);
    int64_t ordinal;
    size_t len = strlen(set);
    if (strncmp(name, set, len) != 0 || name[len] != '-' ||
        !parse_i64(str_of(name + len + 1), 0, INT32_MAX, &ordinal))
        return -1;
    return ordinal;
}

static void place_condemned(struct set_view *view, const json_t *pod)
{
    size_t at = view->condemned_count++;
    while (at && ordinal_of(view, view->condemned[at - 1]) > ordinal_of(view, pod)) {
        view->condemned[at] = view->condemned[at - 1];
        at--;
    }
    view->condemned[at] = pod;
}

static void sort_pods(struct set_view *view)
{
    view->pods = xcalloc((size_t)view->replicas + 1, sizeof(*view->pods));
    view->condemned = xcalloc(view->seen->pod_count + 1, sizeof(*view->condemned));
    for (size_t i = 0; i < view->seen->pod_count; i++) {
        const json_t *pod = view->seen->pods[i];
        int64_t ordinal = ordinal_of(view, pod);
        if (ordinal < 0)
            continue;
        if (ordinal >= view->start && ordinal < view->start + view->replicas)
            view->pods[ordinal - view->start] = pod;
        else
            place_condemned(view, pod);
    }
}

static bool is_running_and_ready(const json_t *pod)
{
    return strcmp(pod_phase(pod), "Running") == 0 && pod_is_ready(pod);
}

static bool is_healthy(const struct set_view *view, const json_t *pod)
{
    return pod && !meta_deleting(pod) && is_running_and_ready(pod) &&
           pod_is_available(pod, view->min_ready_s, view->seen->now_us);
}

static bool has_revision(const json_t *pod, const json_t *revision)
{
    return pod && text_eq(meta_label(pod, HASH_LABEL), meta_name(revision));
}

/* ---- making Pods ---- */

/* Claims come before the Pod that mounts them, and outlive it. */
static void create_claims(const struct set_view *view, int64_t ordinal, struct plan *plan)
{
    const json_t *templates = json_object_get(view->spec, "volumeClaimTemplates");
    for (size_t i = 0; i < json_array_size(templates); i++) {
        const json_t *template = json_array_get(templates, i);
        CLEANUP(free_ptr) char *name = claim_name_of(view->seen->set, template, ordinal);
        if (json_object_get(view->seen->claims, name))
            continue;
        json_t *claim = json_deep_copy(template), *metadata = json_ensure_object(claim, "metadata");
        json_auto_t *owners = claim_owners(view->seen->set);
        json_set_text(claim, "apiVersion", "v1");
        json_set_text(claim, "kind", "PersistentVolumeClaim");
        json_set_text(metadata, "name", name);
        json_set_text(metadata, "namespace", meta_namespace(view->seen->set));
        json_object_update_missing(json_ensure_object(metadata, "labels"),
                                   json_at(view->spec, "selector", "matchLabels"));
        if (owners)
            json_object_set(metadata, "ownerReferences", owners);
        struct plan_action *action =
            plan_create(plan, "persistentvolumeclaims", meta_namespace(view->seen->set), claim);
        action->flags = PLAN_EXISTS_OK;
        action->about = json_incref((json_t *)(uintptr_t)view->seen->set); /* only read */
        action->ok_reason = "SuccessfulCreate";
        action->message =
            xasprintf("create Claim %s Pod %s-%lld in StatefulSet %s success", name,
                      meta_name(view->seen->set), (long long)ordinal, meta_name(view->seen->set));
    }
}

static void mount_claims(const struct set_view *view, json_t *pod, int64_t ordinal)
{
    const json_t *templates = json_object_get(view->spec, "volumeClaimTemplates");
    json_t *old = json_at(pod, "spec", "volumes"), *volumes = json_array();
    for (size_t i = 0; i < json_array_size(templates); i++) {
        CLEANUP(free_ptr)
        char *name = claim_name_of(view->seen->set, json_array_get(templates, i), ordinal);
        json_array_append_new(volumes, json_pack("{s:s, s:{s:s}}", "name",
                                                 meta_name(json_array_get(templates, i)),
                                                 "persistentVolumeClaim", "claimName", name));
    }
    for (size_t i = 0; i < json_array_size(old); i++) {
        bool replaced = false;
        for (size_t j = 0; j < json_array_size(templates); j++)
            replaced |= text_eq(json_text(json_array_get(old, i), "name"),
                                meta_name(json_array_get(templates, j)));
        if (!replaced)
            json_array_append(volumes, json_array_get(old, i));
    }
    if (json_array_size(volumes))
        json_object_set(json_object_get(pod, "spec"), "volumes", volumes);
    json_decref(volumes);
}

/* Below the partition a Pod is made anew as it was. */
static const json_t *revision_for(const struct set_view *view, int64_t ordinal)
{
    return !view->on_delete && ordinal < view->start + view->partition ? view->current
                                                                       : view->update;
}

static void create_pod(const struct set_view *view, int64_t ordinal, struct plan *plan)
{
    const json_t *set = view->seen->set, *revision = revision_for(view, ordinal);
    json_t *pod = pod_from_template(revision_template(revision), meta_name(set),
                                    owner_reference(set, "apps/v1", "StatefulSet"));
    json_t *metadata = json_object_get(pod, "metadata"), *spec = json_object_get(pod, "spec");
    CLEANUP(free_ptr) char *number = xasprintf("%lld", (long long)ordinal);
    CLEANUP(free_ptr) char *name = xasprintf("%s-%s", meta_name(set), number);
    const char *service = json_text(view->spec, "serviceName");
    create_claims(view, ordinal, plan);
    json_object_del(metadata, "generateName");
    json_set_text(metadata, "name", name);
    json_set_text(metadata, "namespace", meta_namespace(set));
    meta_set_label(pod, NAME_LABEL, name);
    meta_set_label(pod, INDEX_LABEL, number);
    meta_set_label(pod, HASH_LABEL, meta_name(revision));
    json_set_text(spec, "hostname", name);
    json_set_text(spec, "subdomain", service && service[0] ? service : NULL);
    mount_claims(view, pod, ordinal);
    struct plan_action *action = plan_create(plan, "pods", meta_namespace(set), pod);
    action->flags = PLAN_GO_ON;                            /* the status is told in any case */
    action->about = json_incref((json_t *)(uintptr_t)set); /* only read */
    action->ok_reason = "SuccessfulCreate";
    action->message = xasprintf("create Pod %s in StatefulSet %s successful", name, meta_name(set));
    action->fail_reason = "FailedCreate";
    action->fail_text = "create Pod failed error: ";
}

static void delete_pod(const struct set_view *view, const json_t *pod, struct plan *plan)
{
    struct plan_action *action = plan_delete(plan, "pods", pod);
    action->about = json_incref((json_t *)(uintptr_t)view->seen->set); /* only read */
    action->ok_reason = "SuccessfulDelete";
    action->message = xasprintf("delete Pod %s in StatefulSet %s successful", meta_name(pod),
                                meta_name(view->seen->set));
}

/* ---- steps; each returns false when the rest has to wait ---- */

static bool step_replica(const struct set_view *view, int64_t index, struct plan *plan)
{
    const json_t *pod = view->pods[index];
    if (!pod) {
        create_pod(view, view->start + index, plan);
        return !view->ordered;
    }
    if (pod_is_terminal(pod)) {
        if (!meta_deleting(pod))
            delete_pod(view, pod, plan); /* its successor has its name */
        return !view->ordered;
    }
    return !view->ordered || is_healthy(view, pod);
}

static bool step_replicas(const struct set_view *view, struct plan *plan)
{
    for (int64_t i = 0; i < view->replicas; i++)
        if (!step_replica(view, i, plan))
            return false;
    return true;
}

/* While one beyond the range is unhealthy, others that are must not go: only the lowest of them
 * may. Those in the range are healthy by now. */
static bool may_go(const struct set_view *view, const json_t *pod)
{
    const json_t *first = NULL;
    for (size_t i = 0; i < view->condemned_count && !first; i++)
        if (!is_healthy(view, view->condemned[i]))
            first = view->condemned[i];
    return is_healthy(view, pod) || pod == first;
}

/* From the highest ordinal down. */
static bool step_condemned(const struct set_view *view, struct plan *plan)
{
    for (size_t i = view->condemned_count; i-- > 0;) {
        const json_t *pod = view->condemned[i];
        if (!meta_deleting(pod) && (!view->ordered || may_go(view, pod)))
            delete_pod(view, pod, plan);
        if (view->ordered)
            return false;
    }
    return true;
}

static void step_update(const struct set_view *view, struct plan *plan)
{
    if (view->on_delete)
        return;
    for (int64_t i = view->replicas; i-- > view->partition;) {
        const json_t *pod = view->pods[i];
        if (pod && !has_revision(pod, view->update)) {
            if (!meta_deleting(pod))
                delete_pod(view, pod, plan);
            return;
        }
        if (!is_healthy(view, pod))
            return;
    }
}

/* ---- status ---- */

struct set_counts {
    int64_t replicas, ready, available, current, updated;
};

static void count_one(const struct set_view *view, const json_t *pod, struct set_counts *counts)
{
    bool live = !meta_deleting(pod);
    counts->replicas++;
    counts->ready += is_running_and_ready(pod);
    counts->available +=
        is_running_and_ready(pod) && pod_is_available(pod, view->min_ready_s, view->seen->now_us);
    counts->current += live && has_revision(pod, view->current);
    counts->updated += live && has_revision(pod, view->update);
}

static void decide_status(const struct set_view *view, struct plan *plan)
{
    struct set_counts counts = {0};
    const json_t *old = json_object_get(view->seen->set, "status");
    const char *current = meta_name(view->current), *update = meta_name(view->update);
    for (int64_t i = 0; i < view->replicas; i++)
        if (view->pods[i])
            count_one(view, view->pods[i], &counts);
    for (size_t i = 0; i < view->condemned_count; i++)
        count_one(view, view->condemned[i], &counts);
    if (!view->on_delete && counts.updated == counts.replicas && counts.ready == counts.replicas &&
        counts.replicas == view->replicas) {
        counts.current = counts.updated;
        current = update;
    }
    json_t *status = json_pack("{s:I, s:I, s:s, s:s}", "replicas", (json_int_t)counts.replicas,
                               "availableReplicas", (json_int_t)counts.available, "currentRevision",
                               current, "updateRevision", update);
    const struct {
        const char *key;
        int64_t count;
    } more[] = {
        {"readyReplicas", counts.ready},
        {"currentReplicas", counts.current},
        {"updatedReplicas", counts.updated},
        {"observedGeneration", json_int_or(json_at(view->seen->set, "metadata", "generation"), 0)},
    };
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        if (more[i].count)
            json_object_set_new(status, more[i].key, json_integer(more[i].count));
    json_object_set_new(status, "collisionCount",
                        json_integer(json_int_or(json_object_get(old, "collisionCount"), 0)));
    if (semantic_equal(status, old))
        json_decref(status);
    else
        plan_status(plan, SETS, view->seen->set, status)->flags |= PLAN_ABSENT_OK;
}

/* minReadySeconds passes without a change that would wake us. */
static void wait_for_availability(const struct set_view *view, struct plan *plan)
{
    for (int64_t i = 0; view->min_ready_s && i < view->replicas; i++) {
        const json_t *pod = view->pods[i];
        if (!pod || !pod_is_ready(pod) || is_healthy(view, pod))
            continue;
        int64_t left_us =
            pod_ready_since_us(pod) + view->min_ready_s * 1000000 - view->seen->now_us;
        plan_again(plan, left_us / 1000 + 1);
    }
}

static void view_init(struct set_view *view, const struct statefulset_seen *seen)
{
    const json_t *spec = json_object_get(seen->set, "spec");
    const json_t *strategy = json_object_get(spec, "updateStrategy");
    int64_t replicas = json_int_or(json_object_get(spec, "replicas"), 1);
    *view = (struct set_view){
        .seen = seen,
        .revisions = {seen->set, "StatefulSet", "controller.kubernetes.io/hash", seen->revisions,
                      seen->revision_count},
        .spec = spec,
        .start = json_int_or(json_at(spec, "ordinals", "start"), 0),
        .replicas = replicas < 0              ? 0
                    : replicas > REPLICAS_MAX ? REPLICAS_MAX
                                              : replicas,
        .partition = json_int_or(json_at(strategy, "rollingUpdate", "partition"), 0),
        .min_ready_s = json_int_or(json_object_get(spec, "minReadySeconds"), 0),
        .ordered = !text_eq(json_text(spec, "podManagementPolicy"), "Parallel"),
        .on_delete = text_eq(json_text(strategy, "type"), "OnDelete"),
    };
}

void statefulset_decide(const struct statefulset_seen *seen, struct plan *plan)
{
    struct set_view view;
    view_init(&view, seen);
    view.update = revision_current(&view.revisions, plan);
    if (!view.update)
        return;
    view.current =
        revision_by_name(&view.revisions, json_text(seen->set, "status", "currentRevision"));
    if (!view.current)
        view.current = view.update;
    sort_pods(&view);
    if (!meta_deleting(seen->set)) {
        const struct claims_seen claims = {seen->set,       seen->claims, seen->pods,
                                           seen->pod_count, view.start,   view.replicas};
        claims_decide(&claims, plan);
        if (step_replicas(&view, plan) && step_condemned(&view, plan))
            step_update(&view, plan);
        const char *const used[] = {meta_name(view.current), meta_name(view.update), NULL};
        revision_trim(&view.revisions, used, plan);
    }
    decide_status(&view, plan);
    wait_for_availability(&view, plan);
    free(view.pods);
    free(view.condemned);
}
