/* What an autoscaler looks at, and when: while there is one, every 15 s. */
#include "controllers/autoscaler.h"

#include <pthread.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/strmap.h"
#include "controllers/controller.h"
#include "controllers/kinds.h"
#include "controllers/observe.h"
#include "schema/meta.h"

#define AUTOSCALERS "horizontalpodautoscalers.autoscaling"
#define USAGE       "pods.metrics.k8s.io"

struct memory {
    struct controller row;
    pthread_mutex_t lock;
    struct strmap histories; /* "CLUSTER/NAMESPACE/NAME"; guarded by lock; a key has one worker */
};

/* ---- what is remembered ---- */

static char *memory_key(const struct reconcile *reconcile)
{
    return xasprintf("%lld/%s", (long long)reconcile->cluster->id, reconcile->key);
}

static struct autoscaler_history *recall(struct memory *memory, const struct reconcile *reconcile)
{
    CLEANUP(free_ptr) char *key = memory_key(reconcile);
    pthread_mutex_lock(&memory->lock);
    struct autoscaler_history *history = strmap_get(&memory->histories, key);
    if (!history) {
        history = xcalloc(1, sizeof(*history));
        (void)strmap_put(&memory->histories, key, history); /* there was none */
    }
    pthread_mutex_unlock(&memory->lock);
    return history;
}

static void forget(struct memory *memory, const struct reconcile *reconcile)
{
    CLEANUP(free_ptr) char *key = memory_key(reconcile);
    pthread_mutex_lock(&memory->lock);
    struct autoscaler_history *history = strmap_remove(&memory->histories, key);
    pthread_mutex_unlock(&memory->lock);
    if (history)
        autoscaler_history_clear(history);
    free(history);
}

static void memory_free(void *arg)
{
    struct memory *memory = arg;
    const char *key;
    void *history;
    for (size_t i = 0; strmap_next(&memory->histories, &i, &key, &history);) {
        autoscaler_history_clear(history);
        free(history);
    }
    strmap_clear(&memory->histories);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

/* ---- observe ---- */

struct found {
    struct stored_kinds kinds;
    json_t *autoscaler, *scale, *usage;
    struct json_list pods;
    struct error scale_error, usage_error;
};

static void found_clear(struct found *found)
{
    stored_kinds_free(&found->kinds);
    json_decref(found->autoscaler);
    json_decref(found->scale);
    json_decref(found->usage);
    json_list_free(&found->pods);
    error_clear(&found->scale_error);
    error_clear(&found->usage_error);
}

/* The storage key of what it scales; NULL with the reason why there is none. */
static const char *find_target(const struct reconcile *reconcile, struct found *found)
{
    const json_t *target = json_at(found->autoscaler, "spec", "scaleTargetRef");
    const char *version = json_text(target, "apiVersion"), *kind = json_text(target, "kind");
    struct error *err = &found->scale_error;
    if (!stored_kinds_list(reconcile->cluster, &found->kinds, err))
        return NULL;
    const struct stored_kind *row =
        stored_kinds_find(&found->kinds, version ? version : "", kind ? kind : "");
    if (row)
        return row->resource;
    const char *slash = version ? strchr(version, '/') : NULL;
    error_set(err, ERROR_NOT_FOUND, "no matches for kind \"%s\" in group \"%.*s\"",
              kind ? kind : "", slash ? (int)(slash - version) : 0, version ? version : "");
    return NULL;
}

static bool list_pods(const struct reconcile *reconcile, const char *text, struct found *found,
                      struct error *err)
{
    struct selector *selector = selector_parse_labels(str_of(text), err);
    const struct observe_query query = {
        .resource = "pods", .ns = reconcile->ns, .selector = selector};
    bool ok = selector && observe_list(reconcile->cluster, &query, &found->pods, err);
    selector_free(selector);
    return ok;
}

static bool wants_usage(const json_t *autoscaler)
{
    const json_t *metric;
    size_t i;
    json_array_foreach (json_at(autoscaler, "spec", "metrics"), i, metric)
        if (text_ends(json_text(metric, "type") ? json_text(metric, "type") : "", "Resource"))
            return true;
    return false;
}

/* False: look again in a moment, with what `err` says. */
static bool observe(const struct reconcile *reconcile, const char *resource, struct found *found,
                    struct error *err)
{
    const char *name = json_text(found->autoscaler, "spec", "scaleTargetRef", "name");
    if (!api_get_sub(&reconcile->caller, resource, "scale", reconcile->ns, name ? name : "",
                     &found->scale, &found->scale_error))
        return true;
    const char *selector = json_text(found->scale, "status", "selector");
    if (!selector || !*selector)
        return true;
    if (!list_pods(reconcile, selector, found, err))
        return false;
    if (!wants_usage(found->autoscaler) || api_list(&reconcile->caller, USAGE, reconcile->ns,
                                                    selector, &found->usage, &found->usage_error))
        return true;
    if (!found->usage_error.retry_after_s)
        error_wrap(&found->usage_error, "unable to fetch metrics from resource metrics API");
    return !found->usage_error.retry_after_s;
}

/* ---- do ---- */

static bool apply(struct reconcile *reconcile, const struct autoscaler_seen *seen,
                  const struct plan *plan, struct error *err)
{
    const struct plan_action *failed = NULL;
    CLEANUP(plan_clear) struct plan instead = {0};
    if (plan_apply(&reconcile->caller, plan, &failed, err))
        return true;
    if (!failed || strcmp(failed->subresource, "scale") != 0)
        return false;
    autoscaler_failed(seen, err->message, &instead);
    error_clear(err);
    return plan_apply(&reconcile->caller, &instead, NULL, err);
}

static enum reconcile_result reconcile_autoscaler(void *arg, struct reconcile *reconcile,
                                                  int64_t *again_ms, struct error *err)
{
    struct memory *memory = arg;
    CLEANUP(found_clear) struct found found = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, AUTOSCALERS, reconcile->ns, reconcile->name,
                     &found.autoscaler, err))
        return RECONCILE_RETRY;
    if (!found.autoscaler) {
        forget(memory, reconcile);
        return RECONCILE_DONE;
    }
    const char *resource = find_target(reconcile, &found);
    if (resource && !observe(reconcile, resource, &found, err)) {
        *again_ms = 1000;
        return RECONCILE_AGAIN;
    }
    const struct autoscaler_seen seen = {
        .autoscaler = found.autoscaler,
        .resource = resource,
        .scale = found.scale,
        .scale_problem = found.scale_error.message,
        .pods = found.pods.items,
        .pod_count = found.pods.count,
        .usage = found.usage,
        .usage_problem = found.usage_error.message,
        .now_us = reconcile->now_us,
    };
    autoscaler_decide(&seen, recall(memory, reconcile), &plan);
    return reconcile_end(apply(reconcile, &seen, &plan, err), &plan, again_ms);
}

/* ---- what wakes it ---- */

static bool same_member(const struct object *a, const struct object *b, struct str name)
{
    return str_eq(json_member(a->body, name), json_member(b->body, name));
}

/* Its own status does not; an object that is deleted has the status that it had. */
static void map_autoscaler(struct cluster *cluster, const struct object *object,
                           const struct object *before, void (*add)(void *arg, const char *key),
                           void *arg)
{
    (void)cluster;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", object->ns, object->name);
    bool told = before && same_member(object, before, STR("spec")) &&
                !same_member(object, before, STR("status"));
    if (!told)
        add(arg, key);
}

void autoscaler_add(struct controllers *controllers)
{
    static const struct controller_source sources[] = {{AUTOSCALERS, map_autoscaler}, {NULL, NULL}};
    struct memory *memory = xcalloc(1, sizeof(*memory));
    pthread_mutex_init(&memory->lock, NULL);
    memory->row = (struct controller){
        .name = "horizontal-pod-autoscaler",
        .sources = sources,
        .reconcile = reconcile_autoscaler,
        .arg = memory,
        .free = memory_free,
    };
    controllers_add(controllers, &memory->row);
}
