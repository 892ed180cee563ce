/* The agent's start and end: what is opened, in which order, and which thread runs what. */
#include "host/node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "host/node/folder.h"
#include "host/node/masquerade.h"
#include "host/node/node_internal.h"
#include "host/node/pod_worker.h"
#include "host/node/server.h"
#include "host/node/services.h"

#define POD_THREADS   8
#define POD_SHARE     6 /* of one tenant, at a time */
#define SIDE_THREADS  24
#define SIDE_SHARE    8
#define OWN_THREADS   2
#define START_SECONDS 60
#define STOP_SECONDS  60
#define OWN_GROUP     1
#define DEFAULT_PODS  110

static const crew_fn pod_jobs[] = {[JOB_POD] = pod_sync_job};

static const crew_fn side_jobs[] = {
    [JOB_PULL] = pod_pull_job,         [JOB_PROBE] = pod_probe_job,
    [JOB_PRE_STOP] = pod_pre_stop_job, [JOB_POST_START] = pod_post_start_job,
    [JOB_VOLUME] = node_volume_job,
};

static const crew_fn own_jobs[] = {
    [JOB_LEASE] = node_lease_job, [JOB_NODE_STATUS] = node_status_job};

/* ---- what the watch and the runtime tell ---- */

static void on_pod(void *arg, const char *type, const json_t *pod)
{
    pod_worker_see(arg, pod, strcmp(type, "DELETED") == 0);
}

static void on_synced(void *arg)
{
    struct node *node = arg;
    pthread_mutex_lock(&node->lock);
    bool first = !node->synced;
    node->synced = true;
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
    if (first)
        pod_sweep(node);
}

/* A container of some sandbox changed: its Pod is looked at. */
static void *watch_runtime(void *arg)
{
    struct node *node = arg;
    struct pollfd fds[2] = {{runtime_event_fd(node->runtime), POLLIN, 0},
                            {node->stop_fd, POLLIN, 0}};
    while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
        if (fds[1].revents)
            break;
        for (char *id; (id = runtime_next_event(node->runtime)); free(id)) {
            struct pod_worker *worker = pod_worker_find(node, id);
            if (worker)
                pod_worker_wake(worker);
            pod_worker_unref(worker);
        }
    }
    return NULL;
}

/* ---- start ---- */

static const char *text_or(const char *text, const char *other)
{
    return text ? text : other;
}

static char **copy_list(const char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    char **copy = xcalloc(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(list[i]);
    return copy;
}

static struct node *node_new(const struct node_options *options)
{
    struct node *node = xcalloc(1, sizeof(*node));
    node->name = xstrdup(options->name);
    node->address = xstrdup(options->address);
    node->data_dir = xstrdup(options->data_dir);
    node->cluster_dns = xstrdup(text_or(options->cluster_dns, "10.96.0.10"));
    node->cluster_domain = xstrdup(text_or(options->cluster_domain, "cluster.local"));
    node->http_registries = copy_list(options->http_registries);
    node->max_pods = options->max_pods ? options->max_pods : DEFAULT_PODS;
    node->stop_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&node->lock, NULL);
    cond_init(&node->changed);
    node_measure(node);
    return node;
}

/* Names that go into nftables and into paths. */
static bool check_options(const struct node_options *options, struct error *err)
{
    struct in_addr address;
    const char *bridge = text_or(options->bridge, "warren0");
    if (strlen(bridge) >= IF_NAMESIZE ||
        strspn(bridge, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(bridge) || !*bridge)
        return error_bad_request(err,
                                 "the bridge's name must be 1 to 15 lower-case letters and digits");
    if (inet_pton(AF_INET, options->address, &address) != 1)
        return error_bad_request(err, "the node's address %s is not an IPv4 address",
                                 options->address);
    if (options->data_dir[0] != '/')
        return error_bad_request(err, "the node's data directory must be an absolute path");
    return true;
}

static bool open_folders(struct node *node, const struct node_options *options, struct error *err)
{
    static const char *const names[] = {"pods", "logs", "runtime", "cni"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", node->data_dir, names[i]);
        if (!folder_make(path, 0755, err))
            return false;
    }
    CLEANUP(free_ptr) char *leases = xasprintf("%s/cni", node->data_dir);
    return cni_init(&node->cni, text_or(options->cni_bin_dir, "/usr/lib/cni"), leases,
                    text_or(options->bridge, "warren0"), options->pod_cidr, err);
}

static bool open_runtime(struct node *node, const struct node_options *options, struct error *err)
{
    CLEANUP(free_ptr) char *root = xasprintf("%s/runtime", node->data_dir);
    struct runtime_options runtime = {.root = root,
                                      .shim_path = options->shim_path,
                                      .cgroup_parent = text_or(options->cgroup_parent, "warren")};
    node->runtime = runtime_open(&runtime, err);
    return node->runtime && masquerade_start(options->pod_cidr, node->cni.bridge, err);
}

static bool open_server(struct node *node, const struct node_options *options, struct error *err)
{
    struct server_options server = {options->address, options->port, options->serving_cert_pem,
                                    options->serving_key_pem, options->client_ca_pem};
    node->server = node_server_start(node, &server, err);
    return node->server != NULL;
}

/* The server may be a moment behind us. */
static bool register_in_time(struct node *node, struct error *err)
{
    int64_t until_ns = clock_mono_ns() + INT64_C(1000000000) * START_SECONDS;
    while (!node_register(node, err)) {
        if (clock_mono_ns() > until_ns)
            return error_wrap(err, "registering node %s", node->name);
        struct pollfd stop = {node->stop_fd, POLLIN, 0};
        poll(&stop, 1, 200);
        error_clear(err);
    }
    return true;
}

/* Waits until `done` holds. False when the time is up. */
static bool wait_for(struct node *node, bool (*done)(const struct node *), int seconds)
{
    int64_t until_mono_ns = clock_mono_ns() + seconds * INT64_C(1000000000);
    bool ok = true;
    pthread_mutex_lock(&node->lock);
    while (!done(node) && ok)
        ok = cond_wait_until(&node->changed, &node->lock, until_mono_ns);
    ok = done(node);
    pthread_mutex_unlock(&node->lock);
    return ok;
}

static bool is_synced(const struct node *node)
{
    return node->synced;
}

static bool start_work(struct node *node, struct error *err)
{
    node->events = events_new(node->client, node->name);
    node->services = service_cache_new(node->client);
    node->pods = crew_new(pod_jobs, POD_THREADS, POD_SHARE, node);
    node->side = crew_new(side_jobs, SIDE_THREADS, SIDE_SHARE, node);
    node->own = crew_new(own_jobs, OWN_THREADS, OWN_THREADS, node);
    if (pthread_create(&node->runtime_thread, NULL, watch_runtime, node) != 0)
        abort(); /* no threads at start: as xmalloc */
    events_node(node->events, "Normal", "Starting", "Starting kubelet.");
    crew_add(node->own, OWN_GROUP, JOB_LEASE, node->name, 0);
    crew_add(node->own, OWN_GROUP, JOB_NODE_STATUS, node->name, 10000);
    CLEANUP(free_ptr)
    char *path = xasprintf("/api/v1/pods?fieldSelector=spec.nodeName%%3D%s", node->name);
    struct reflector_handler handler = {on_pod, on_synced, node};
    node->reflector = reflector_start(node->client, path, &handler);
    node->volumes = node_watch_volumes(node);
    if (!wait_for(node, is_synced, START_SECONDS))
        return error_set(err, ERROR_TIMEOUT, "the list of Pods did not come in %d seconds",
                         START_SECONDS);
    events_node(node->events, "Normal", "NodeReady", "Node %s status is now: NodeReady",
                node->name);
    return true;
}

struct node *node_start(const struct node_options *options, struct error *err)
{
    if (!check_options(options, err))
        return NULL;
    struct node *node = node_new(options);
    node->client = client_from_kubeconfig(options->kubeconfig, NULL, err);
    if (node->client && open_folders(node, options, err) && open_runtime(node, options, err) &&
        open_server(node, options, err) && register_in_time(node, err) && start_work(node, err))
        return node;
    node_stop(node, false);
    return NULL;
}

unsigned node_port(const struct node *node)
{
    return server_port(node->server);
}

struct runtime *node_runtime(struct node *node)
{
    return node->runtime;
}

/* ---- end ---- */

static bool no_workers(const struct node *node)
{
    return node->workers.count == 0;
}

/* Every Pod is treated as gone from the API; their workers tear them down and retire. */
static void stop_all_pods(struct node *node)
{
    const char *uid;
    void *value;
    pthread_mutex_lock(&node->lock);
    for (size_t i = 0; strmap_next(&node->workers, &i, &uid, &value);) {
        struct pod_worker *worker = value;
        pthread_mutex_lock(&worker->lock);
        worker->gone = true;
        pthread_mutex_unlock(&worker->lock);
        pod_worker_wake(worker);
    }
    pthread_mutex_unlock(&node->lock);
    if (!wait_for(node, no_workers, STOP_SECONDS))
        log_warn("node", "some Pods could not be stopped in %d seconds", STOP_SECONDS);
    pod_sweep(node);
}

static void drop_workers(struct node *node)
{
    const char *uid;
    void *value;
    struct strmap workers = node->workers; /* no thread is left that could look */
    node->workers = (struct strmap){0};
    for (size_t i = 0; strmap_next(&workers, &i, &uid, &value);)
        pod_worker_unref(value);
    strmap_clear(&workers);
}

static void end_threads(struct node *node, bool stop_pods)
{
    uint64_t one = 1;
    if (node->reflector)
        reflector_stop(node->reflector); /* first: no new Pods */
    if (node->volumes)
        reflector_stop(node->volumes);
    node_server_stop(node->server);
    if (stop_pods && node->pods)
        stop_all_pods(node);
    (void)!write(node->stop_fd, &one, sizeof(one)); /* an eventfd of ours takes it */
    if (node->pods)
        pthread_join(node->runtime_thread, NULL);
    crew_stop(node->own);
    crew_stop(node->side);
    crew_stop(node->pods);
    crew_free(node->own);
    crew_free(node->side); /* only now: the jobs of each add to the other */
    crew_free(node->pods);
}

void node_stop(struct node *node, bool stop_pods)
{
    if (!node)
        return;
    end_threads(node, stop_pods);
    drop_workers(node);
    events_free(node->events);
    service_cache_free(node->services);
    if (stop_pods && node->runtime) {
        masquerade_stop(node->cni.bridge);
        cni_destroy(&node->cni);
    }
    runtime_close(node->runtime);
    cni_deinit(&node->cni);
    client_free(node->client);
    for (char **one = node->http_registries; *one; one++)
        free(*one);
    free(node->http_registries);
    strmap_clear(&node->workers);
    close(node->stop_fd);
    pthread_cond_destroy(&node->changed);
    pthread_mutex_destroy(&node->lock);
    free(node->name);
    free(node->address);
    free(node->data_dir);
    free(node->cluster_dns);
    free(node->cluster_domain);
    free(node);
}
