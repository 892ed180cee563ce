/* controllers/frame.c: from a change in the store to a reconcile on a worker thread.
 *
 * The store tells of every change on its own threads; the frame maps it to keys there (never
 * blocking) and puts them into one work queue. Workers take keys, check that the cluster still
 * lives, and call the row's reconcile as the row's own user. */
#include "controllers/event_ttl.h"
#include "controllers/frame_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define THREADS_DEFAULT 4
#define STACK_BYTES     ((size_t)1 << 20)
#define TAKING_MS       20 /* how long keys wait for what must come first */
#define OUTAGE_RETRY_MS                                                                            \
    2000 /* a database that is away is not the key's fault: it is back at once for all of them */

struct controllers *controllers_new(const struct controllers_options *options)
{
    struct controllers *controllers = xcalloc(1, sizeof(*controllers));
    controllers->api = options->api;
    controllers->store = api_store(options->api);
    controllers->queue = work_queue_new(&(struct work_queue_options){.kinds = CONTROLLER_ROWS_MAX});
    controllers->settle = settle_new(controllers->store, controllers->queue);
    controllers->thread_max = options->threads ? options->threads : THREADS_DEFAULT;
    controllers->event_ttl_us =
        (options->event_ttl_s ? options->event_ttl_s : EVENT_TTL_DEFAULT_S) * 1000000;
    return controllers;
}

static struct listener *listener_of(struct controllers *controllers, const char *resource)
{
    if (strcmp(resource, "*") == 0)
        return &controllers->every;
    struct listener *listener = strmap_get(&controllers->listeners, resource);
    if (!listener) {
        listener = xcalloc(1, sizeof(*listener));
        (void)strmap_put(&controllers->listeners, resource, listener); /* there was none */
    }
    return listener;
}

void controllers_add(struct controllers *controllers, const struct controller *spec)
{
    assert(controllers->row_count < CONTROLLER_ROWS_MAX && !atomic_load(&controllers->running));
    uint32_t kind = (uint32_t)controllers->row_count++;
    struct controller_row *row = &controllers->rows[kind];
    CLEANUP(free_ptr) char *name = xasprintf("system:serviceaccount:kube-system:%s", spec->name);
    row->spec = spec;
    user_internal(&row->user, spec->user ? spec->user : name, spec->is_master);
    row_measure(row);
    for (const struct controller_source *source = spec->sources; source->resource; source++) {
        struct listener *listener = listener_of(controllers, source->resource);
        assert(listener->count < CONTROLLER_ROWS_MAX);
        listener->items[listener->count].kind = kind;
        listener->items[listener->count++].map = source->map;
    }
}

/* ---- changes to keys ---- */

bool row_serves(const struct controller *spec, const struct cluster *cluster)
{
    bool host = cluster->id == CLUSTER_HOST_ID;
    return !(spec->host_only && !host) && !(spec->tenants_only && host);
}

struct adding {
    struct controllers *controllers;
    struct cluster *cluster;
    uint32_t kind;
};

static void add_key(void *arg, const char *key)
{
    struct adding *adding = arg;
    if (atomic_load(&adding->controllers->duty) == DUTY_NONE)
        return;
    metric_add(adding->controllers->rows[adding->kind].adds, 1);
    if (!work_queue_add(adding->controllers->queue, adding->cluster->id, adding->kind, key) &&
        atomic_load(&adding->controllers->running))
        log_error("controllers", "the work queue is full: a key of cluster %s is dropped",
                  adding->cluster->name);
}

void row_map(struct controllers *controllers, struct cluster *cluster, uint32_t kind,
             controller_map_fn map, const struct object *object, const struct object *before)
{
    const struct controller *spec = controllers->rows[kind].spec;
    struct adding adding = {controllers, cluster, kind};
    if (spec->wants && !spec->wants(spec->arg, cluster, object))
        return;
    if (map) {
        map(cluster, object, before, add_key, &adding);
        return;
    }
    char key[512];
    (void)snprintf(key, sizeof(key), "%s%s%s", object->ns, object->ns[0] ? "/" : "", object->name);
    add_key(&adding, key);
}

static void tell_watchers(struct controllers *controllers, struct cluster *cluster,
                          enum event_type type, const struct object *object,
                          const struct object *before)
{
    for (size_t i = 0; i < controllers->row_count; i++) {
        const struct controller *spec = controllers->rows[i].spec;
        struct adding adding = {controllers, cluster, (uint32_t)i};
        if (spec->changed && row_serves(spec, cluster))
            spec->changed(spec->arg, cluster, type, object, before, add_key, &adding);
    }
}

static void tell(struct controllers *controllers, const struct listener *listener,
                 struct cluster *cluster, const struct object *object, const struct object *before)
{
    for (size_t i = 0; i < listener->count; i++)
        if (row_serves(controllers->rows[listener->items[i].kind].spec, cluster) &&
            !(listener == &controllers->every &&
              controllers->rows[listener->items[i].kind].spec->changed))
            row_map(controllers, cluster, listener->items[i].kind, listener->items[i].map, object,
                    before);
}

static void on_change(void *arg, struct cluster *cluster, enum event_type type,
                      struct object *object, struct object *before)
{
    struct controllers *controllers = arg;
    if (!atomic_load(&controllers->running) || atomic_load(&cluster->state) != CLUSTER_ACTIVE)
        return;
    tell_watchers(controllers, cluster, type, object, before); /* what they know stays true */
    if (atomic_load(&controllers->duty) == DUTY_NONE)
        return;
    const struct listener *listener = strmap_get(&controllers->listeners, object->resource);
    if (listener)
        tell(controllers, listener, cluster, object, before);
    tell(controllers, &controllers->every, cluster, object, before);
    settle_seen(controllers->settle, cluster, object->revision);
}

static int find_row(struct controllers *controllers, const char *name)
{
    for (size_t i = 0; i < controllers->row_count; i++)
        if (strcmp(controllers->rows[i].spec->name, name) == 0)
            return (int)i;
    return -1;
}

void controllers_enqueue_after(struct controllers *controllers, const char *name,
                               struct cluster *cluster, const char *key, int64_t delay_ms)
{
    int kind = find_row(controllers, name);
    assert(kind >= 0);
    if (atomic_load(&controllers->duty) == DUTY_NONE ||
        atomic_load(&cluster->state) != CLUSTER_ACTIVE)
        return;
    struct adding adding = {controllers, cluster, (uint32_t)kind};
    if (delay_ms <= 0) {
        add_key(&adding, key);
        return;
    }
    settle_wait(controllers->settle, cluster, adding.kind, key, true);
    if (!work_queue_add_after(controllers->queue, cluster->id, adding.kind, key, delay_ms))
        settle_wait(controllers->settle, cluster, adding.kind, key, false);
}

void controllers_enqueue(struct controllers *controllers, const char *name, struct cluster *cluster,
                         const char *key)
{
    controllers_enqueue_after(controllers, name, cluster, key, 0);
}

void controllers_relist(struct controllers *controllers, struct cluster *cluster)
{
    if (atomic_load(&controllers->duty) == DUTY_NONE)
        return;
    settle_seen(controllers->settle, cluster, atomic_load(&cluster->revision));
    (void)work_queue_add(controllers->queue, cluster->id, KIND_RELIST,
                         "*"); /* full: logged by whoever filled it */
}

/* ---- working on a key ---- */

static void cut_key(struct reconcile *reconcile, const char *key)
{
    const char *slash = strchr(key, '/');
    const char *name = slash ? slash + 1 : key;
    reconcile->key = key;
    if (slash)
        (void)snprintf(reconcile->ns, sizeof(reconcile->ns), "%.*s", (int)(slash - key), key);
    (void)snprintf(reconcile->name, sizeof(reconcile->name), "%s", name);
}

static void log_retry(const struct controller_row *row, const struct cluster *cluster,
                      const struct error *err, unsigned failures)
{
    enum log_level level = err->reason == ERROR_CONFLICT || failures < 3 ? LOG_DEBUG : LOG_WARN;
    log_line(level, "controllers", "%s tries again in cluster %s (failure %u): %s", row->spec->name,
             cluster->name, failures + 1, error_reason_text(err->reason));
    if (failures >= 3)
        log_debug("controllers", "%s: %s", row->spec->name, err->message ? err->message : "");
}

/* Of a key that failed; 0: as long as its failures want. */
static int64_t longest_wait_ms(const struct error *err)
{
    return err->reason == ERROR_UNAVAILABLE ? OUTAGE_RETRY_MS : 0;
}

static enum reconcile_result run_row(struct controllers *controllers, struct cluster *cluster,
                                     const struct work_item *item, int64_t *again_ms)
{
    struct controller_row *row = &controllers->rows[item->kind];
    CLEANUP(error_clear) struct error err = {0};
    struct reconcile reconcile = {
        .controllers = controllers,
        .cluster = cluster,
        .caller = {controllers->api, cluster, &row->user},
        .now_us = clock_now_us(),
    };
    cut_key(&reconcile, item->key);
    enum reconcile_result result = row->spec->reconcile(row->spec->arg, &reconcile, again_ms, &err);
    row_worked(row, item->waited_ns, clock_mono_ns() - item->taken_mono_ns);
    if (result == RECONCILE_RETRY) {
        *again_ms = longest_wait_ms(&err);
        metric_add(row->retries, 1);
        log_retry(row, cluster, &err, item->failures);
    }
    return result;
}

/* For a name of "*": every key of the row's first source there. */
static enum reconcile_result expand(struct controllers *controllers, struct cluster *cluster,
                                    const struct work_item *item)
{
    CLEANUP(object_list_free) struct object_list list = {0};
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *ns = xstrndup(item->key, strcspn(item->key, "/*"));
    const struct controller_source *source = &controllers->rows[item->kind].spec->sources[0];
    if (!cache_list(cluster, source->resource, ns, &list, &err))
        return RECONCILE_RETRY;
    for (size_t i = 0; i < list.count; i++)
        row_map(controllers, cluster, item->kind, source->map, list.items[i], NULL);
    return RECONCILE_DONE;
}

static bool names_all(const char *key)
{
    return strcmp(key, "*") == 0 || text_ends(key, "/*");
}

static bool start_unsettled(struct controllers *controllers, struct error *err)
{
    size_t count = 0;
    CLEANUP(error_clear) struct error why = {0};
    struct cluster **clusters = store_unsettled(controllers->store, &count, &why);
    if (!clusters && why.code) {
        error_move(err, &why);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (atomic_load(&clusters[i]->state) == CLUSTER_ACTIVE)
            controllers_relist(controllers, clusters[i]);
        cluster_unref(clusters[i]);
    }
    free(clusters);
    return true;
}

/* What another server has left undone is what a restart would find: clusters beyond their mark. */
static bool take_over(struct controllers *controllers, struct error *err)
{
    enum duty taking = DUTY_TAKING;
    for (size_t i = 0; i < controllers->take_count; i++)
        if (!controllers->takes[i].fn(controllers->takes[i].arg, err))
            return false;
    (void)atomic_compare_exchange_strong(&controllers->duty, &taking,
                                         DUTY_ON); /* else it was lost meanwhile */
    return start_unsettled(controllers, err);
}

static enum reconcile_result run_own(struct controllers *controllers, struct cluster *cluster,
                                     uint32_t kind, int64_t *again_ms)
{
    CLEANUP(error_clear) struct error err = {0};
    bool done = kind == KIND_TAKE ? take_over(controllers, &err)
                                  : relist_cluster(controllers, cluster, &err);
    if (!done)
        *again_ms = longest_wait_ms(&err);
    if (!done && kind == KIND_TAKE)
        log_warn("controllers", "coming on duty is tried again: %s", error_reason_text(err.reason));
    return done ? RECONCILE_DONE : RECONCILE_RETRY;
}

static enum reconcile_result run(struct controllers *controllers, struct cluster *cluster,
                                 const struct work_item *item, int64_t *again_ms)
{
    if (item->kind >= CONTROLLER_ROWS_MAX)
        return run_own(controllers, cluster, item->kind, again_ms);
    return names_all(item->key) ? expand(controllers, cluster, item)
                                : run_row(controllers, cluster, item, again_ms);
}

/* A suspended cluster's keys are dropped unsettled: resuming looks at all of it again. So are all
 * when another server is on duty, and coming on duty does. */
static void drop(struct controllers *controllers, struct work_item *item)
{
    int64_t group = item->group;
    work_queue_done(controllers->queue, item);
    work_queue_drop_group(controllers->queue, group);
    settle_forget(controllers->settle, group);
}

static enum reconcile_result try_run(struct controllers *controllers, struct cluster *cluster,
                                     const struct work_item *item, int64_t *again_ms)
{
    if (atomic_load(&controllers->duty) == DUTY_TAKING && item->kind != KIND_TAKE) {
        *again_ms = TAKING_MS;
        return RECONCILE_AGAIN;
    }
    return run(controllers, cluster, item, again_ms);
}

static void work(struct controllers *controllers, struct work_item *item)
{
    int64_t again_ms = 0;
    uint32_t kind = item->kind;
    CLEANUP(free_ptr) char *key = xstrdup(item->key);
    CLEANUP(cluster_unref_ptr)
    struct cluster *cluster = store_cluster_by_id(controllers->store, item->group);
    if (!cluster || atomic_load(&cluster->state) != CLUSTER_ACTIVE ||
        atomic_load(&controllers->duty) == DUTY_NONE) {
        drop(controllers, item);
        return;
    }
    settle_wait(controllers->settle, cluster, kind, key, false);
    enum reconcile_result result = try_run(controllers, cluster, item, &again_ms);
    if (result != RECONCILE_DONE)
        settle_wait(controllers->settle, cluster, kind, key, true);
    if (result == RECONCILE_DONE)
        work_queue_done(controllers->queue, item);
    else if (result == RECONCILE_AGAIN)
        work_queue_again(controllers->queue, item, again_ms);
    else
        work_queue_retry(controllers->queue, item, again_ms);
    settle_done(controllers->settle, cluster);
}

static void *worker(void *arg)
{
    struct controllers *controllers = arg;
    struct work_item *item;
    while ((item = work_queue_take(controllers->queue)))
        work(controllers, item);
    return NULL;
}

/* ---- start and stop ---- */

void controllers_when_on_duty(struct controllers *controllers,
                              bool (*take)(void *arg, struct error *err), void *arg)
{
    assert(controllers->take_count < TAKES_MAX && !atomic_load(&controllers->running));
    controllers->takes[controllers->take_count].fn = take;
    controllers->takes[controllers->take_count++].arg = arg;
}

bool controllers_on_duty(const struct controllers *controllers)
{
    return atomic_load(&controllers->duty) == DUTY_ON;
}

static void on_duty(void *arg, bool held)
{
    struct controllers *controllers = arg;
    atomic_store(&controllers->duty, held ? DUTY_TAKING : DUTY_NONE);
    log_info("controllers", held ? "on duty" : "off duty: another server may be");
    if (held)
        (void)work_queue_add(controllers->queue, CLUSTER_HOST_ID, KIND_TAKE,
                             "*"); /* full: logged by whoever filled it */
}

static bool start_threads(struct controllers *controllers, struct error *err)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    controllers->threads = xcalloc(controllers->thread_max, sizeof(*controllers->threads));
    int failure = 0;
    while (!failure && controllers->thread_count < controllers->thread_max) {
        failure = pthread_create(&controllers->threads[controllers->thread_count], &attributes,
                                 worker, controllers);
        controllers->thread_count += !failure;
    }
    pthread_attr_destroy(&attributes);
    return failure ? error_internal(err, "starting a controller thread: %s", strerror(failure))
                   : true;
}

bool controllers_start(struct controllers *controllers, struct error *err)
{
    store_listen(controllers->store, on_change, controllers);
    metrics_collect(controllers_measure, controllers);
    atomic_store(&controllers->running, true);
    if (!settle_start(controllers->settle, err) || !start_threads(controllers, err))
        return false;
    store_on_duty(controllers->store, on_duty, controllers);
    return true;
}

static void free_listeners(struct controllers *controllers)
{
    void *listener;
    const char *resource;
    for (size_t i = 0; strmap_next(&controllers->listeners, &i, &resource, &listener);)
        free(listener);
    strmap_clear(&controllers->listeners);
}

void controllers_stop(struct controllers *controllers)
{
    if (!controllers)
        return;
    atomic_store(&controllers->running, false);
    metrics_collect(NULL, controllers);
    store_on_duty(controllers->store, NULL, NULL);
    work_queue_stop(controllers->queue);
    for (unsigned i = 0; i < controllers->thread_count; i++)
        pthread_join(controllers->threads[i], NULL);
    settle_stop(controllers->settle);
    store_listen(controllers->store, NULL, controllers);
    for (size_t i = 0; i < controllers->row_count; i++) {
        const struct controller *spec = controllers->rows[i].spec;
        user_clear(&controllers->rows[i].user);
        if (spec->free)
            spec->free(spec->arg);
    }
    free_listeners(controllers);
    work_queue_free(controllers->queue);
    free(controllers->threads);
    free(controllers);
}
