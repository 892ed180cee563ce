/* host/scheduler/scheduler.c: the controller row: Pods without a node, in order, each through one
 * cycle. */
#include "host/scheduler.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "controllers/observe.h"
#include "controllers/plan.h"
#include "controllers/volume_binder.h"
#include "host/scheduler/claims.h"
#include "host/scheduler/kin.h"
#include "host/scheduler/preemption.h"
#include "host/scheduler/view.h"
#include "schema/condition.h"
#include "schema/meta.h"

#define ROW_NAME     "default-scheduler"
#define KEY          "schedule" /* one key a cluster: its Pods are worked off in the queue sort's order */
#define BATCH        64         /* Pods in one turn; then other clusters have theirs */
#define IDLE_MS      60000 /* a view without pending Pods is dropped after this */
#define PROFILES_MAX 8

struct scheduler {
    struct controller row;
    struct profile profiles[PROFILES_MAX];
    size_t profile_count;
    const struct scheduler_tenants *tenants; /* may be NULL */
    pthread_mutex_t lock;
    struct strmap views; /* cluster id -> struct view; guarded by lock; a view belongs to the worker
                            with its key */
};

static const double attempt_buckets[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
                                         0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384};
static const double try_buckets[] = {1, 2, 4, 8, 16}, victim_buckets[] = {1, 2, 4, 8, 16, 32, 64};
static const struct metric_family attempts_family = {
    .name = "scheduler_schedule_attempts_total",
    .help = "[STABLE] Tries to schedule a Pod, by result.",
    .kind = METRIC_COUNTER,
    .labels = {"profile", "result"}};
static const struct metric_family duration_family = {
    .name = "scheduler_scheduling_attempt_duration_seconds",
    .help = "[STABLE] How long a try to schedule a Pod takes, binding included.",
    .kind = METRIC_HISTOGRAM,
    .labels = {"profile", "result"},
    .buckets = attempt_buckets,
    .bucket_count = ARRAY_LEN(attempt_buckets)};
static const struct metric_family tries_family = {
    .name = "scheduler_pod_scheduling_attempts",
    .help = "[STABLE] How many tries it took to schedule a Pod.",
    .kind = METRIC_HISTOGRAM,
    .buckets = try_buckets,
    .bucket_count = ARRAY_LEN(try_buckets)};
static const struct metric_family preemptions_family = {
    .name = "scheduler_preemption_attempts_total",
    .help = "[STABLE] How often Pods were to make room for another.",
    .kind = METRIC_COUNTER};
static const struct metric_family victims_family = {
    .name = "scheduler_preemption_victims",
    .help = "[STABLE] How many Pods were to make room for one.",
    .kind = METRIC_HISTOGRAM,
    .buckets = victim_buckets,
    .bucket_count = ARRAY_LEN(victim_buckets)};

/* ---- profiles ---- */

static bool is_disabled(const struct scheduler_profile *wanted, const char *plugin)
{
    for (size_t i = 0; wanted && wanted->disabled && wanted->disabled[i]; i++)
        if (strcmp(wanted->disabled[i], plugin) == 0)
            return true;
    return false;
}

static int64_t weight_of(const struct scheduler_profile *wanted, const struct plugin *plugin)
{
    for (size_t i = 0; wanted && wanted->weights && wanted->weights[i].plugin; i++)
        if (strcmp(wanted->weights[i].plugin, plugin->name) == 0)
            return wanted->weights[i].weight;
    return plugin->weight;
}

static void add_profile(struct scheduler *scheduler, const struct scheduler_profile *wanted,
                        const char *name)
{
    assert(scheduler->profile_count < PROFILES_MAX);
    struct profile *profile = &scheduler->profiles[scheduler->profile_count++];
    profile->name = name;
    for (size_t i = 0; scheduler_plugins[i]; i++) {
        if (is_disabled(wanted, scheduler_plugins[i]->name))
            continue;
        profile->weights[profile->count] = weight_of(wanted, scheduler_plugins[i]);
        profile->plugins[profile->count++] = scheduler_plugins[i];
    }
}

static const struct profile *find_profile(const struct scheduler *scheduler, const char *name)
{
    for (size_t i = 0; i < scheduler->profile_count; i++)
        if (strcmp(scheduler->profiles[i].name, name) == 0)
            return &scheduler->profiles[i];
    return NULL;
}

/* ---- views ---- */

static struct view *view_of(struct scheduler *scheduler, struct cluster *cluster)
{
    char id[24];
    (void)snprintf(id, sizeof(id), "%lld", (long long)cluster->id);
    pthread_mutex_lock(&scheduler->lock);
    struct view *view = strmap_get(&scheduler->views, id);
    if (!view) {
        view = view_new(cluster, cluster->id == CLUSTER_HOST_ID ? scheduler->tenants : NULL);
        (void)strmap_put(&scheduler->views, id, view); /* there was none */
    }
    pthread_mutex_unlock(&scheduler->lock);
    return view;
}

static void drop_view(struct scheduler *scheduler, struct cluster *cluster)
{
    char id[24];
    (void)snprintf(id, sizeof(id), "%lld", (long long)cluster->id);
    pthread_mutex_lock(&scheduler->lock);
    struct view *view = strmap_remove(&scheduler->views, id);
    pthread_mutex_unlock(&scheduler->lock);
    view_free(view);
}

/* ---- one Pod ---- */

static bool bind(const struct reconcile *reconcile, const struct pod_info *pod, const char *node,
                 struct error *err)
{
    json_auto_t *binding =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s}}", "apiVersion", "v1", "kind",
                  "Binding", "metadata", "name", pod->name, "namespace", pod->ns, "uid", pod->uid,
                  "target", "kind", "Node", "name", node);
    return api_post_sub(&reconcile->caller, "pods", "binding", pod->ns, pod->name, binding, NULL,
                        err);
}

/* Reserve, permit, bind; what was reserved is given back when a later step fails. */
static bool place(const struct profile *profile, const struct reconcile *reconcile,
                  struct view *view, struct pod_info *pod, struct node_info *node,
                  const struct plan *settle, struct error *err)
{
    const struct cycle cycle = {pod, &view->snapshot, NULL};
    bool permitted = true;
    view_assume(view, pod, node);
    for (size_t i = 0; i < profile->count; i++)
        if (profile->plugins[i]->reserve)
            profile->plugins[i]->reserve(&cycle, node);
    for (size_t i = 0; i < profile->count && permitted; i++)
        if (profile->plugins[i]->permit)
            permitted = profile->plugins[i]->permit(&cycle, node);
    if (permitted && plan_apply(&reconcile->caller, settle, NULL, err) &&
        bind(reconcile, pod, node->name, err))
        return true;
    for (size_t i = profile->count; i-- > 0;)
        if (profile->plugins[i]->unreserve)
            profile->plugins[i]->unreserve(&cycle, node);
    view_forget(view, pod, node);
    return false;
}

/* What is said of a Pod that got no node. */
struct verdict {
    const char *reason, *message;
    const char *nominate; /* node where room is made; "": none is; NULL: as it was */
};

static bool is_told(const struct pod_info *pod, const struct verdict *verdict)
{
    const json_t *told = condition_find(json_at(pod->pod, "status", "conditions"), "PodScheduled");
    return text_eq(json_text(told, "status"), "False") &&
           text_eq(json_text(told, "reason"), verdict->reason) &&
           text_eq(json_text(told, "message"), verdict->message) &&
           (!verdict->nominate || strcmp(verdict->nominate, pod->nominated) == 0);
}

/* PodScheduled=False with the reason, and an event; only when it says something new. False when the
 * Pod has changed meanwhile or the API is busy: to be told by another try. */
static bool tell_unschedulable(const struct reconcile *reconcile, const struct pod_info *pod,
                               const struct verdict *verdict)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(error_clear) struct error err = {0};
    const json_t *old = json_at(pod->pod, "status", "conditions");
    const json_t *told = condition_find(old, "PodScheduled");
    if (is_told(pod, verdict))
        return true;
    json_t *conditions = old ? json_deep_copy(old) : json_array();
    json_auto_t *since = NULL;
    if (text_eq(json_text(told, "status"), "False"))
        since = json_incref(json_object_get(told, "lastTransitionTime"));
    (void)condition_remove(conditions,
                           "PodScheduled"); /* so that a new message alone is written, too */
    const struct condition want = {"PodScheduled", "False", verdict->reason, verdict->message};
    (void)condition_set(conditions, &want, reconcile->now_us, false);
    if (since)
        json_object_set(condition_find(conditions, "PodScheduled"), "lastTransitionTime", since);
    json_t *patch =
        json_pack("{s:{s:s, s:s}, s:{s:o}}", "metadata", "uid", pod->uid, "resourceVersion",
                  meta_resource_version(pod->pod), "status", "conditions", conditions);
    if (verdict->nominate)
        json_object_set_new(json_object_get(patch, "status"), "nominatedNodeName",
                            verdict->nominate[0] ? json_string(verdict->nominate) : json_null());
    plan_patch(&plan, "pods", pod->pod, patch)->subresource = "status";
    plan_event(&plan, pod->pod, "Warning", "FailedScheduling", "%s", verdict->message);
    return plan_apply(&reconcile->caller, &plan, NULL, &err);
}

enum outcome { OUTCOME_SCHEDULED, OUTCOME_UNSCHEDULABLE, OUTCOME_ERROR, OUTCOME_SETTLING };
static const char *const outcome_names[] = {"scheduled", "unschedulable", "error"};

/* The budgets that matter to whom the Pod may stop; NULL when it may stop nobody. */
static bool read_budgets(const struct view *view, const struct pod_info *pod, json_t **out,
                         struct error *err)
{
    CLEANUP(json_list_free) struct json_list list = {0};
    const struct observe_query query = {.resource = "poddisruptionbudgets.policy"};
    if (pod->yields || !view_has_lesser(view, pod))
        return true;
    if (pod->tenant[0] && view->tenants)
        return view->tenants->budgets(view->tenants->arg, pod->tenant, out, err);
    if (!observe_list(view->cluster, &query, &list, err))
        return false;
    *out = json_array();
    for (size_t i = 0; i < list.count; i++)
        json_array_append(*out, list.items[i]);
    return true;
}

/* Stops the victims, whose room the Pod is to have; others that waited for it wait for another. */
static bool preempt(const struct reconcile *reconcile, struct view *view,
                    const struct snapshot *snapshot, const struct pod_info *pod,
                    const struct preemption *preemption, struct error *err)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    preemption_plan(pod, preemption, snapshot, reconcile->now_us, &plan);
    for (size_t i = 0; i < snapshot->nominee_count; i++)
        if (preemption_displaces(pod, preemption, &snapshot->nominees[i]))
            view_nominate(view, snapshot->nominees[i].pod, "");
    view_nominate(view, pod, preemption->node->name);
    metric_add(metric_series(&preemptions_family, NULL), 1);
    metric_observe(metric_series(&victims_family, NULL), (double)preemption->victim_count);
    return plan_apply(&reconcile->caller, &plan, NULL, err);
}

static enum outcome give_up(const struct reconcile *reconcile, struct pending *pending,
                            const struct verdict *verdict, bool stuck, enum outcome outcome)
{
    pending_stick(pending, reconcile->now_us);
    pending->stuck = tell_unschedulable(reconcile, pending->pod, verdict) && stuck;
    return outcome;
}

static enum outcome find_room(const struct reconcile *reconcile, struct view *view,
                              const struct snapshot *snapshot, struct pending *pending,
                              const struct decision *decision)
{
    const struct preemption *preemption = &decision->preemption;
    CLEANUP(error_clear) struct error err = {0};
    struct verdict verdict = {"Unschedulable", decision->message, NULL};
    if (preemption->node) {
        if (!preempt(reconcile, view, snapshot, pending->pod, preemption, &err)) {
            view_nominate(view, pending->pod, pending->pod->nominated);
            return give_up(reconcile, pending, &verdict, false, OUTCOME_ERROR);
        }
        verdict.nominate = preemption->node->name;
    } else if (!preemption->waits && pending->pod->nominated[0]) {
        verdict.nominate = "";
        view_nominate(view, pending->pod, "");
    }
    return give_up(reconcile, pending, &verdict, true, OUTCOME_UNSCHEDULABLE);
}

/* The node is chosen, and the Pod's claims are told; it is tried again when they are bound. Until
 * then its room there is kept. */
static bool settle_claims(const struct reconcile *reconcile, struct view *view,
                          struct pending *pending, const struct node_info *node,
                          const struct plan *settle, struct error *err)
{
    if (!plan_apply(&reconcile->caller, settle, NULL, err))
        return false;
    view_nominate(view, pending->pod, node->name);
    pending->attempts = 0; /* it got on: the next step is not a hasty one */
    pending_stick(pending, reconcile->now_us);
    return true;
}

static enum outcome take_place(const struct profile *profile, const struct reconcile *reconcile,
                               struct view *view, const struct snapshot *snapshot,
                               struct pending *pending, struct node_info *node)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(plan_clear) struct plan settle = {0};
    claims_settle(snapshot, node->node, &settle);
    if (pending->claims && settle_claims(reconcile, view, pending, node, &settle, &err))
        return OUTCOME_SETTLING;
    if (!pending->claims && place(profile, reconcile, view, pending->pod, node, &settle, &err))
        return OUTCOME_SCHEDULED;
    pending_stick(pending, reconcile->now_us);
    pending->stuck = false; /* nothing is lacking: again after the back-off */
    const struct verdict verdict = {"SchedulerError", err.message ? err.message : "", NULL};
    if (err.reason != ERROR_NOT_FOUND && err.reason != ERROR_CONFLICT)
        (void)tell_unschedulable(reconcile, pending->pod, &verdict); /* it is tried again */
    return OUTCOME_ERROR;
}

static enum outcome try_pod(const struct profile *profile, const struct reconcile *reconcile,
                            struct view *view, struct pending *pending, const char **node)
{
    CLEANUP(decision_free) struct decision decision = {0};
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *budgets = NULL, *kin = NULL;
    CLEANUP(claims_clear) struct claims claims = {0};
    if (!read_budgets(view, pending->pod, &budgets, &err) ||
        !claims_read(view->cluster, pending->pod, &claims, &err) ||
        (view->snapshot.node_count > 1 && !kin_read(view->cluster, pending->pod, &kin, &err))) {
        pending_stick(pending, reconcile->now_us);
        pending->stuck = false;
        return OUTCOME_ERROR;
    }
    struct snapshot snapshot = view_snapshot(view, pending->pod);
    snapshot.budgets = budgets;
    snapshot.claims = claims.tree;
    snapshot.kin = kin;
    snapshot.volumes = claims.volumes.items;
    snapshot.volume_count = claims.volumes.count;
    pending->claims = claims_wait(claims.tree);
    pending->delayed = claims.delayed;
    schedule_decide(profile, pending->pod, &snapshot, (uint64_t)clock_mono_ns(), &decision);
    struct node_info *found = decision.node ? strmap_get(&view->nodes, decision.node->name) : NULL;
    enum outcome outcome = found ? take_place(profile, reconcile, view, &snapshot, pending, found)
                                 : find_room(reconcile, view, &snapshot, pending, &decision);
    *node = outcome == OUTCOME_SCHEDULED ? found->name : NULL;
    view_snapshot_clear(view, &snapshot);
    return outcome;
}

/* The node that the Pod is bound to now; NULL: none. */
static const char *attempt(const struct scheduler *scheduler, const struct reconcile *reconcile,
                           struct view *view, struct pending *pending)
{
    const char *node = NULL;
    const struct profile *profile = find_profile(scheduler, pending->pod->profile);
    int64_t start = clock_mono_ns();
    enum outcome outcome = try_pod(profile, reconcile, view, pending, &node);
    if (outcome == OUTCOME_SETTLING)
        return NULL;
    if (outcome == OUTCOME_SCHEDULED)
        metric_observe(metric_series(&tries_family, NULL), pending->attempts + 1);
    metric_add(metric_with(&attempts_family, profile->name, outcome_names[outcome]), 1);
    metric_observe(metric_with(&duration_family, profile->name, outcome_names[outcome]),
                   (double)(clock_mono_ns() - start) / 1e9);
    return node;
}

/* Binds as many as a turn takes; the events about it come after, so that no Pod waits for them. */
static void attempt_all(const struct scheduler *scheduler, const struct reconcile *reconcile,
                        struct view *view, struct pending **ready, size_t count)
{
    const char *nodes[BATCH];
    for (size_t i = 0; i < count; i++)
        nodes[i] = attempt(scheduler, reconcile, view, ready[i]);
    for (size_t i = 0; i < count; i++)
        if (nodes[i])
            controller_event(&reconcile->caller, ready[i]->pod->pod, "Normal", "Scheduled",
                             "Successfully assigned %s/%s to %s", ready[i]->pod->ns,
                             ready[i]->pod->name, nodes[i]);
}

/* ---- the row ---- */

/* Pods of schedulers that are not ours are theirs. */
static size_t keep_ours(const struct scheduler *scheduler, struct pending **ready, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (find_profile(scheduler, ready[i]->pod->profile))
            ready[kept++] = ready[i];
    return kept;
}

static enum reconcile_result rest(struct scheduler *scheduler, struct view *view,
                                  const struct reconcile *reconcile, int64_t next_us,
                                  int64_t *again_ms)
{
    if (next_us) {
        int64_t wait_ms = (next_us - reconcile->now_us) / 1000 + 1;
        *again_ms = wait_ms > 0 ? wait_ms : 1;
        return RECONCILE_AGAIN;
    }
    if (reconcile->now_us - view->used_us < (int64_t)IDLE_MS * 1000) {
        *again_ms = IDLE_MS;
        return RECONCILE_AGAIN;
    }
    drop_view(scheduler, reconcile->cluster);
    return RECONCILE_DONE;
}

static enum reconcile_result reconcile_schedule(void *arg, struct reconcile *reconcile,
                                                int64_t *again_ms, struct error *err)
{
    struct scheduler *scheduler = arg;
    struct view *view = view_of(scheduler, reconcile->cluster);
    size_t count;
    if (!view_update(view, reconcile->now_us, err))
        return RECONCILE_RETRY;
    CLEANUP(free_ptr)
    struct pending **ready = view_ready(view, plugin_priority_sort.less, reconcile->now_us, &count);
    count = keep_ours(scheduler, ready, count);
    if (count)
        view->used_us = reconcile->now_us;
    attempt_all(scheduler, reconcile, view, ready, count < BATCH ? count : BATCH);
    if (count > BATCH) {
        *again_ms = 0;
        return RECONCILE_AGAIN;
    }
    return rest(scheduler, view, reconcile, view_next(view), again_ms);
}

/* Only a Pod that waits, has come to a node, makes room or gets other labels concerns the
 * scheduler: not each beat of a running one. */
static void map_pod(struct cluster *cluster, const struct object *pod, const struct object *before,
                    void (*add)(void *arg, const char *key), void *arg)
{
    static const char mark[] = "\"deletionTimestamp\":";
    const char *phase = object_field(pod, "status.phase");
    (void)cluster;
    if (!object_field(pod, "spec.nodeName")[0] || strcmp(phase, "Succeeded") == 0 ||
        strcmp(phase, "Failed") == 0 || !before || !object_field(before, "spec.nodeName")[0] ||
        !object_same_labels(pod, before) ||
        memmem(pod->body.data, pod->body.len, mark, sizeof(mark) - 1))
        add(arg, KEY);
}

/* A Pod that is removed at once leaves no mark of having been stopped. */
static void on_change(void *arg, struct cluster *cluster, enum event_type type,
                      const struct object *object, const struct object *before,
                      void (*add)(void *add_arg, const char *key), void *add_arg)
{
    (void)arg;
    (void)cluster;
    (void)before;
    if (type == EVENT_DELETED && strcmp(object->resource, "pods") == 0)
        add(add_arg, KEY);
}

static bool same_node(const struct object *node, const struct object *before)
{
    json_auto_t *now = object_json(node), *then = object_json(before);
    static const char *const parts[][2] = {
        {"spec", NULL}, {"metadata", "labels"}, {"status", "allocatable"}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *const path[] = {parts[i][0], parts[i][1], NULL};
        if (!semantic_equal(json_at_path(now, path), json_at_path(then, path)))
            return false;
    }
    return true;
}

/* Heartbeats change only conditions. */
static void map_node(struct cluster *cluster, const struct object *node,
                     const struct object *before, void (*add)(void *arg, const char *key),
                     void *arg)
{
    (void)cluster;
    if (!before || !same_node(node, before))
        add(arg, KEY);
}

static void map_storage(struct cluster *cluster, const struct object *object,
                        const struct object *before, void (*add)(void *arg, const char *key),
                        void *arg)
{
    (void)cluster;
    (void)object;
    (void)before;
    add(arg, KEY);
}

static const struct controller_source sources[] = {{"pods", map_pod},
                                                   {"nodes", map_node},
                                                   {CLAIMS, map_storage},
                                                   {VOLUMES, map_storage},
                                                   {"storageclasses.storage.k8s.io", map_storage},
                                                   {NULL, NULL}};

struct scheduler *scheduler_new(const struct scheduler_config *config,
                                struct controllers *controllers)
{
    struct scheduler *scheduler = xcalloc(1, sizeof(*scheduler));
    pthread_mutex_init(&scheduler->lock, NULL);
    for (size_t i = 0; config && i < config->profile_count; i++)
        add_profile(scheduler, &config->profiles[i], config->profiles[i].name);
    if (!scheduler->profile_count)
        add_profile(scheduler, NULL, "default-scheduler");
    scheduler->row = (struct controller){
        .name = ROW_NAME,
        .user = "system:kube-scheduler",
        .sources = sources,
        .host_only = !(config && config->tenants),
        .reconcile = reconcile_schedule,
        .arg = scheduler,
        .changed = on_change,
    };
    controllers_add(controllers, &scheduler->row);
    return scheduler;
}

void scheduler_serve_tenants(struct scheduler *scheduler, const struct scheduler_tenants *tenants)
{
    scheduler->tenants = tenants;
}

void scheduler_wake(struct controllers *controllers, struct cluster *host)
{
    controllers_enqueue(controllers, ROW_NAME, host, KEY);
}

void scheduler_free(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    const char *id;
    void *view;
    for (size_t i = 0; strmap_next(&scheduler->views, &i, &id, &view);)
        view_free(view);
    strmap_clear(&scheduler->views);
    pthread_mutex_destroy(&scheduler->lock);
    free(scheduler);
}
