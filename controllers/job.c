#include "controllers/job.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "schema/meta.h"

#define JOBS       "jobs.batch"
#define NAME_LABEL "batch.kubernetes.io/job-name"

static const double sync_buckets[] = {0.004, 0.008, 0.016, 0.032, 0.064,  0.128,  0.256, 0.512,
                                      1.024, 2.048, 4.096, 8.192, 16.384, 32.768, 65.536};
static const struct metric_family syncs_family = {
    .name = "job_controller_job_syncs_total",
    .help = "[STABLE] How often Jobs were looked at.",
    .kind = METRIC_COUNTER,
    .labels = {"action", "completion_mode", "result"}};
static const struct metric_family sync_seconds_family = {
    .name = "job_controller_job_sync_duration_seconds",
    .help = "[STABLE] How long looking at a Job takes.",
    .kind = METRIC_HISTOGRAM,
    .labels = {"action", "completion_mode", "result"},
    .buckets = sync_buckets,
    .bucket_count = ARRAY_LEN(sync_buckets),
    .series_max = 3};

/* Upstream tells apart what a look was for, which here is always the same. */
static void measure(const json_t *job, bool applied, int64_t start_mono_ns)
{
    const char *mode = json_text(job, "spec", "completionMode");
    const char *const labels[] = {"reconciling", mode ? mode : "NonIndexed",
                                  applied ? "success" : "error"};
    metric_add(metric_series(&syncs_family, labels), 1);
    metric_observe(metric_series(&sync_seconds_family, labels),
                   (double)(clock_mono_ns() - start_mono_ns) / 1e9);
}

/* A Job's Pods: those of its selector, adopted and released as any controller's. */
static bool claim_pods(const struct reconcile *reconcile, const json_t *job, struct json_list *out,
                       bool *changed, struct plan *plan, struct error *err)
{
    struct selector *selector = selector_from_json(json_at(job, "spec", "selector"), err);
    const struct claim claim = {job, "batch/v1", "Job", "pods", selector, JOB_FINALIZER};
    bool ok = selector && claim_observe(reconcile->cluster, reconcile->ns, &claim, NULL, out,
                                        changed, plan, err);
    selector_free(selector);
    return ok;
}

/* Those of a Job that is gone, by its name; also those that it has left to themselves. */
static bool find_pods(const struct reconcile *reconcile, struct json_list *out, struct error *err)
{
    json_auto_t *labels = json_pack("{s:s}", NAME_LABEL, reconcile->name);
    struct selector *selector = selector_from_map(labels);
    CLEANUP(json_list_free) struct json_list all = {0};
    const struct observe_query query = {
        .resource = "pods",
        .ns = reconcile->ns,
        .selector = selector,
    };
    bool ok = observe_list(reconcile->cluster, &query, &all, err);
    selector_free(selector);
    for (size_t i = 0; i < all.count; i++) {
        const json_t *controller = meta_controller(all.items[i]);
        if (!controller || (text_eq(json_text(controller, "kind"), "Job") &&
                            text_eq(json_text(controller, "name"), reconcile->name)))
            json_list_add(out, json_incref(all.items[i]));
    }
    return ok;
}

/* Somebody else's, for the whole of its life. */
static bool is_managed_elsewhere(const json_t *job)
{
    const char *manager = json_text(job, "spec", "managedBy");
    return manager && strcmp(manager, "kubernetes.io/job-controller") != 0;
}

static enum reconcile_result reconcile_job(void *arg, struct reconcile *reconcile,
                                           int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *job = NULL;
    CLEANUP(json_list_free) struct json_list pods = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    bool claimed = false;
    int64_t start = clock_mono_ns();
    if (!observe_get(reconcile->cluster, JOBS, reconcile->ns, reconcile->name, &job, err))
        return RECONCILE_RETRY;
    if (is_managed_elsewhere(job))
        return RECONCILE_DONE;
    if (!(job ? claim_pods(reconcile, job, &pods, &claimed, &plan, err)
              : find_pods(reconcile, &pods, err)))
        return RECONCILE_RETRY;
    if (job && !claimed)
        job_decide(&(struct job_seen){job, pods.items, pods.count, reconcile->now_us}, &plan);
    if (!job)
        job_release_decide(pods.items, pods.count, &plan);
    bool applied = plan_apply(&reconcile->caller, &plan, NULL, err) || error_is_terminating(err);
    measure(job, applied, start);
    return reconcile_end(applied, &plan, again_ms);
}

static void map_pod(struct cluster *cluster, const struct object *pod, const struct object *before,
                    void (*add)(void *arg, const char *key), void *arg)
{
    (void)cluster;
    owner_map(pod, before, "batch", "Job", add, arg);
}

static const struct controller_source job_sources[] = {
    {JOBS, NULL}, {"pods", map_pod}, {NULL, NULL}};

const struct controller job_controller = {
    .name = "job-controller",
    .sources = job_sources,
    .reconcile = reconcile_job,
};

/* ---- time to live ---- */

static enum reconcile_result reconcile_ttl(void *arg, struct reconcile *reconcile,
                                           int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *job = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, JOBS, reconcile->ns, reconcile->name, &job, err))
        return RECONCILE_RETRY;
    if (!job)
        return RECONCILE_DONE;
    job_ttl_decide(job, reconcile->now_us, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

static const struct controller_source ttl_sources[] = {{JOBS, NULL}, {NULL, NULL}};

const struct controller job_ttl_controller = {
    .name = "ttl-after-finished-controller",
    .sources = ttl_sources,
    .reconcile = reconcile_ttl,
};
