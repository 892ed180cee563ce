#include "controllers/cronjob.h"

#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "schema/meta.h"

#define CRONJOBS "cronjobs.batch"
#define JOBS     "jobs.batch"

static bool observe_jobs(const struct reconcile *reconcile, const json_t *cronjob,
                         struct json_list *out, struct error *err)
{
    CLEANUP(json_list_free) struct json_list all = {0};
    const struct observe_query query = {
        .resource = JOBS, .ns = reconcile->ns, .owner_uid = meta_uid(cronjob)};
    if (!observe_list(reconcile->cluster, &query, &all, err))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (owner_is_controller(all.items[i], meta_uid(cronjob)))
            json_list_add(out, json_incref(all.items[i]));
    return true;
}

static enum reconcile_result reconcile_cronjob(void *arg, struct reconcile *reconcile,
                                               int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *cronjob = NULL;
    CLEANUP(json_list_free) struct json_list jobs = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, CRONJOBS, reconcile->ns, reconcile->name, &cronjob, err))
        return RECONCILE_RETRY;
    if (!cronjob)
        return RECONCILE_DONE;
    if (!observe_jobs(reconcile, cronjob, &jobs, err))
        return RECONCILE_RETRY;
    cronjob_decide(&(struct cronjob_seen){cronjob, jobs.items, jobs.count, reconcile->now_us},
                   &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err) ||
                             error_is_terminating(err),
                         &plan, again_ms);
}

static void map_job(struct cluster *cluster, const struct object *job, const struct object *before,
                    void (*add)(void *arg, const char *key), void *arg)
{
    (void)cluster;
    owner_map(job, before, "batch", "CronJob", add, arg);
}

static const struct controller_source sources[] = {{CRONJOBS, NULL}, {JOBS, map_job}, {NULL, NULL}};

const struct controller cronjob_controller = {
    .name = "cronjob-controller",
    .sources = sources,
    .reconcile = reconcile_cronjob,
};
