/* Workers: found by uid, counted, woken by whatever happens to their Pod. */
#include "host/node/pod_worker.h"

#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "host/node/pod_status.h"

static void container_state_deinit(struct container_state *container)
{
    free(container->name);
    free(container->image_digest);
    free(container->image_ran);
    free(container->image_wanted);
    free(container->start_reason);
    free(container->start_message);
    free(container->image_reason);
    free(container->image_message);
    free(container->ended.message);
    free(container->last.message);
}

static void worker_free(struct pod_worker *worker)
{
    for (size_t i = 0; i < worker->count; i++)
        container_state_deinit(&worker->containers[i]);
    free(worker->containers);
    volumes_deinit(&worker->volumes);
    json_decref(worker->pod);
    json_decref(worker->written);
    pthread_mutex_destroy(&worker->lock);
    free(worker->fail_reason);
    free(worker->fail_message);
    free(worker->uid);
    free(worker->namespace);
    free(worker->name);
    free(worker->dir);
    free(worker);
}

/* ---- making one ---- */

static json_t *find_status(const json_t *pod, const char *list, const char *name)
{
    return json_named(json_at(pod, "status", list), name);
}

/* The count goes on where an agent before us (or before a reboot) left it. */
static void container_state_init(struct container_state *container, const json_t *pod,
                                 const json_t *spec, enum container_class class)
{
    const char *name = json_text(spec, "name");
    const json_t *status = find_status(pod, container_status_list(class), name ? name : "");
    int64_t restarts = json_int_or(json_at(status, "restartCount"), 0);
    *container = (struct container_state){
        .name = xstrdup(name ? name : ""), .class = class, .probe_grace_s = -1};
    if (json_text(status, "containerID"))
        container->next_attempt = (unsigned)restarts + 1;
}

static void init_containers(struct pod_worker *worker, const json_t *pod)
{
    size_t i;
    const json_t *spec;
    const json_t *init = json_at(pod, "spec", "initContainers"),
                 *mains = json_at(pod, "spec", "containers");
    size_t total = json_array_size(init) + json_array_size(mains) + EPHEMERAL_MAX;
    worker->containers = xcalloc(total, sizeof(*worker->containers));
    json_array_foreach (init, i, spec)
        if (worker->count < POD_CONTAINERS_MAX)
            container_state_init(&worker->containers[worker->count++], pod, spec,
                                 text_eq(json_text(spec, "restartPolicy"), "Always") ? CLASS_SIDECAR
                                                                                     : CLASS_INIT);
    json_array_foreach (mains, i, spec)
        if (worker->count < POD_CONTAINERS_MAX)
            container_state_init(&worker->containers[worker->count++], pod, spec, CLASS_MAIN);
    pod_worker_take_ephemeral(worker, pod);
}

void pod_worker_take_ephemeral(struct pod_worker *worker, const json_t *pod)
{
    size_t i;
    const json_t *spec;
    size_t first = json_array_size(json_at(pod, "spec", "initContainers")) +
                   json_array_size(json_at(pod, "spec", "containers"));
    json_array_foreach (json_at(pod, "spec", "ephemeralContainers"), i, spec) {
        size_t at = first + i; /* the list only grows */
        if (at < worker->count || i >= EPHEMERAL_MAX || at >= POD_CONTAINERS_MAX)
            continue;
        container_state_init(&worker->containers[at], pod, spec, CLASS_EPHEMERAL);
        worker->count = at + 1;
    }
}

static bool get_object(void *arg, const char *resource, const char *name, json_t **out,
                       struct error *err)
{
    struct pod_worker *worker = arg;
    CLEANUP(free_ptr)
    char *path = strcmp(resource, "persistentvolumes") == 0
                     ? xasprintf("/api/v1/%s/%s", resource, name)
                     : xasprintf("/api/v1/namespaces/%s/%s/%s", worker->namespace, resource, name);
    if (!*name || strchr(name, '/') || strchr(name, '?'))
        return error_not_found(err, resource, name);
    return client_get(worker->node->client, path, out, err);
}

static bool request_token(void *arg, const char *audience, int64_t seconds, char **token,
                          int64_t *expires_us, struct error *err)
{
    struct pod_worker *worker = arg;
    json_auto_t *pod = pod_worker_pod(worker);
    json_auto_t *answer = NULL;
    const char *account = json_text(pod, "spec", "serviceAccountName");
    CLEANUP(free_ptr)
    char *path = xasprintf("/api/v1/namespaces/%s/serviceaccounts/%s/token", worker->namespace,
                           account && *account ? account : "default");
    json_auto_t *request =
        json_pack("{s:s, s:s, s:{s:I, s:{s:s, s:s, s:s, s:s}}}", "kind", "TokenRequest",
                  "apiVersion", "authentication.k8s.io/v1", "spec", "expirationSeconds",
                  (json_int_t)seconds, "boundObjectRef", "kind", "Pod", "apiVersion", "v1", "name",
                  worker->name, "uid", worker->uid);
    if (*audience)
        json_object_set_new(json_object_get(request, "spec"), "audiences",
                            json_pack("[s]", audience));
    if (!client_create(worker->node->client, path, request, &answer, err))
        return error_wrap(err, "failed to fetch token");
    const char *value = json_text(answer, "status", "token"),
               *expires = json_text(answer, "status", "expirationTimestamp");
    if (!value || !expires || !time_parse(str_of(expires), expires_us))
        return error_unavailable(err, "failed to fetch token: the server's answer has none");
    *token = xstrdup(value);
    return true;
}

/* Pods of one tenant take turns as one; the host's own by namespace. */
static int64_t group_of(const json_t *pod)
{
    unsigned char digest[32];
    int64_t group;
    const char *cluster = json_text(pod, "metadata", "annotations", TENANCY_PREFIX "cluster"),
               *namespace = json_text(pod, "metadata", "namespace");
    const char *key = cluster ? cluster : namespace ? namespace : "";
    sha256(key, strlen(key), digest);
    memcpy(&group, digest, sizeof(group));
    return (group & INT64_MAX) | 1;
}

static bool is_final(const json_t *pod)
{
    const char *phase = json_text(pod, "status", "phase");
    return text_eq(phase, "Succeeded") || text_eq(phase, "Failed");
}

static struct pod_worker *worker_new(struct node *node, const json_t *pod, const char *uid)
{
    struct pod_worker *worker = xcalloc(1, sizeof(*worker));
    const char *name = json_text(pod, "metadata", "name"),
               *namespace = json_text(pod, "metadata", "namespace"),
               *start = json_text(pod, "status", "startTime");
    *worker = (struct pod_worker){.node = node, .refs = 1, .group = group_of(pod)};
    pthread_mutex_init(&worker->lock, NULL);
    worker->uid = xstrdup(uid);
    worker->name = xstrdup(name ? name : "");
    worker->namespace = xstrdup(namespace ? namespace : "");
    worker->dir = xasprintf("%s/pods/%s", node->data_dir, uid);
    worker->pod = json_incref((json_t *)(uintptr_t)pod);
    worker->written = json_incref(json_at(pod, "status"));
    worker->finished = is_final(pod);
    if (!start || !time_parse(str_of(start), &worker->start_time_us))
        worker->start_time_us = clock_now_us();
    struct object_source objects = {get_object, worker};
    struct token_source tokens = {request_token, worker};
    const struct volume_place place = {node->data_dir, node->name};
    volumes_init(&worker->volumes, worker->dir, &objects, &tokens, &place);
    init_containers(worker, pod);
    return worker;
}

/* ---- finding ---- */

struct pod_worker *pod_worker_find(struct node *node, const char *uid)
{
    pthread_mutex_lock(&node->lock);
    struct pod_worker *worker = strmap_get(&node->workers, uid);
    if (worker)
        worker->refs++;
    pthread_mutex_unlock(&node->lock);
    return worker;
}

/* Of two Pods of one name the one that is not gone: the other is still being torn down. */
static bool is_named(struct pod_worker *worker, const char *namespace, const char *name)
{
    if (strcmp(worker->name, name) != 0 || strcmp(worker->namespace, namespace) != 0)
        return false;
    pthread_mutex_lock(&worker->lock);
    bool gone = worker->gone;
    pthread_mutex_unlock(&worker->lock);
    return !gone;
}

struct pod_worker *pod_worker_find_named(struct node *node, const char *namespace, const char *name)
{
    const char *uid;
    void *value;
    struct pod_worker *found = NULL;
    pthread_mutex_lock(&node->lock);
    for (size_t i = 0; !found && strmap_next(&node->workers, &i, &uid, &value);) {
        struct pod_worker *worker = value;
        if (is_named(worker, namespace, name))
            found = worker;
    }
    if (found)
        found->refs++;
    pthread_mutex_unlock(&node->lock);
    return found;
}

void pod_worker_unref(struct pod_worker *worker)
{
    if (!worker)
        return;
    struct node *node = worker->node;
    pthread_mutex_lock(&node->lock);
    bool last = --worker->refs == 0;
    pthread_mutex_unlock(&node->lock);
    if (last)
        worker_free(worker);
}

void pod_worker_wake(struct pod_worker *worker)
{
    crew_add(worker->node->pods, worker->group, JOB_POD, worker->uid, 0);
}

json_t *pod_worker_pod(struct pod_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    json_t *pod = json_incref(worker->pod);
    pthread_mutex_unlock(&worker->lock);
    return pod;
}

/* An event of the watch may name a Pod that is known, new, or was never ours. uids are ours to use
 * as names of folders and sandboxes only when they look like uids. */
static bool uid_ok(const char *uid)
{
    size_t len = uid ? strlen(uid) : 0;
    return len > 0 && len <= 63 && strspn(uid, "0123456789abcdefghijklmnopqrstuvwxyz-") == len;
}

void pod_worker_see(struct node *node, const json_t *pod, bool gone)
{
    const char *uid = json_text(pod, "metadata", "uid");
    if (!uid_ok(uid))
        return;
    pthread_mutex_lock(&node->lock);
    struct pod_worker *worker = strmap_get(&node->workers, uid);
    if (!worker && !gone) {
        worker = worker_new(node, pod, uid);
        strmap_put(&node->workers, uid, worker);
    }
    if (worker)
        worker->refs++;
    pthread_mutex_unlock(&node->lock);
    if (!worker)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->gone = worker->gone || gone;
    if (!gone) {
        json_decref(worker->pod);
        worker->pod = json_incref((json_t *)(uintptr_t)pod);
    }
    pthread_mutex_unlock(&worker->lock);
    pod_worker_wake(worker);
    pod_worker_unref(worker);
}

/* ---- names ---- */

void pod_worker_view(struct pod_worker *worker, const json_t *pod, struct pod_view *view)
{
    pod_view_init(view, pod);
    view->host_ip = worker->node->address;
    view->pod_ip = worker->pod_ip;
    view->allocatable_cpu_milli = worker->node->cpu_milli;
    view->allocatable_memory = worker->node->memory_bytes;
}

struct container_state *pod_worker_container(struct pod_worker *worker, const char *name)
{
    for (size_t i = 0; i < worker->count; i++)
        if (strcmp(worker->containers[i].name, name) == 0)
            return &worker->containers[i];
    return NULL;
}

char *container_runtime_name(const struct container_state *container, unsigned attempt)
{
    return xasprintf("%s-%u", container->name, attempt);
}

char *pod_log_dir(const struct pod_worker *worker)
{
    return xasprintf("%s/logs/%s_%s_%s", worker->node->data_dir, worker->namespace, worker->name,
                     worker->uid);
}

char *pod_log_path(const struct pod_worker *worker, const char *container, unsigned attempt)
{
    CLEANUP(free_ptr) char *dir = pod_log_dir(worker);
    return xasprintf("%s/%s/%u.log", dir, container, attempt);
}

char *pod_message_path(const struct pod_worker *worker, const char *container, unsigned attempt)
{
    return xasprintf("%s/messages/%s-%u", worker->dir, container, attempt);
}
