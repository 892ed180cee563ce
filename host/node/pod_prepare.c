/* A Pod's ground: volumes, sandbox, network; a record of it on disk, so that the next agent finds
 * and removes it. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "host/node/folder.h"
#include "host/node/pod_files.h"
#include "host/node/pod_resources.h"
#include "host/node/pod_worker.h"
#include "host/pod_notes.h"

#define RECORD_MAX     (256 << 10)
#define PIDS_MAX       4096
#define NODE_HOSTS_MAX ((size_t)256 << 10)
#define PORTS_MAX      256
#define SYSCTLS_MAX    32

/* Upstream's safe sysctls: those that stay inside a Pod. */
static const char *const safe_sysctls[] = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
};

/* ---- the record ---- */

static char *record_path(const char *pod_dir)
{
    return xasprintf("%s/pod.json", pod_dir);
}

static json_t *read_record(const char *pod_dir)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(RECORD_MAX);
    CLEANUP(free_ptr) char *path = record_path(pod_dir);
    return folder_read_file(path, &text, &err) ? json_parse(buf_str(&text), JSON_LOAD_LENIENT, &err)
                                               : NULL;
}

static bool write_record(const char *pod_dir, const json_t *record, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(free_ptr) char *path = record_path(pod_dir);
    json_write(&text, record);
    return folder_write_file(path, text.data, text.len, 0600, err);
}

/* The host ports of all containers, as the CNI wants them. A tenant has none: the node's ports are
 * not its own. */
static json_t *host_ports(const struct pod_view *view)
{
    size_t i, k;
    const json_t *container, *port;
    const json_t *pod = view->cluster ? NULL : view->pod;
    json_t *list = json_array();
    json_array_foreach (json_at(pod, "spec", "containers"), i, container)
        json_array_foreach (json_at(container, "ports"), k, port)
            if (json_int_or(json_at(port, "hostPort"), 0) > 0 && json_array_size(list) < PORTS_MAX)
                json_array_append(list, (json_t *)(uintptr_t)port);
    return list;
}

static size_t cni_ports(const json_t *list, struct cni_port *out)
{
    size_t i, count = 0;
    const json_t *port;
    json_array_foreach (list, i, port) {
        const char *protocol = json_text(port, "protocol"), *address = json_text(port, "hostIP");
        struct cni_port one = {.container =
                                   (unsigned)json_int_or(json_at(port, "containerPort"), 0),
                               .host = (unsigned)json_int_or(json_at(port, "hostPort"), 0)};
        (void)snprintf(one.protocol, sizeof(one.protocol), "%s",
                       text_eq(protocol, "UDP")    ? "udp"
                       : text_eq(protocol, "SCTP") ? "sctp"
                                                   : "tcp");
        (void)snprintf(one.host_ip, sizeof(one.host_ip), "%s", address ? address : "");
        if (count < PORTS_MAX)
            out[count++] = one;
    }
    return count;
}

/* ---- the sandbox ---- */

static const char **collect_sysctls(const json_t *pod)
{
    size_t i, count = 0;
    const json_t *one;
    const char **list = xcalloc(SYSCTLS_MAX + 1, sizeof(*list));
    json_array_foreach (json_at(pod, "spec", "securityContext", "sysctls"), i, one)
        for (size_t k = 0; k < ARRAY_LEN(safe_sysctls) && count < SYSCTLS_MAX; k++)
            if (text_eq(json_text(one, "name"), safe_sysctls[k]))
                list[count++] = xasprintf("%s=%s", safe_sysctls[k],
                                          json_text(one, "value") ? json_text(one, "value") : "");
    return list;
}

static void free_sysctls(const char ***list)
{
    for (const char **one = *list; *one; one++)
        free((char *)(uintptr_t)*one);
    free(*list);
}

/* A tenant's Pod has one whatever it asks for. */
static bool wants_user_namespace(const struct pod_view *view)
{
    const json_t *spec = json_at(view->pod, "spec");
    return view->cluster || !json_bool_or(json_at(spec, "hostUsers"), true);
}

/* A tenant's RuntimeClass chooses no runtime of ours; one that names another has none. */
static bool has_runtime(const struct pod_view *view, struct error *err)
{
    const char *handler =
        view->cluster ? json_text(view->pod, "metadata", "annotations", POD_NOTE_HANDLER) : NULL;
    return !handler || error_set(err, ERROR_INVALID,
                                 "rpc error: code = Unknown desc = failed to get sandbox runtime: "
                                 "no runtime for \"%s\" is configured",
                                 handler);
}

/* Owned; "" where there is none, or a Pod has a network of its own. */
static char *read_node_hosts(const struct pod_view *view)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(NODE_HOSTS_MAX);
    if (!pod_view_host_network(view) || !folder_read_file("/etc/hosts", &text, &err))
        return xstrdup("");
    return buf_take(&text);
}

static bool start_sandbox(struct pod_worker *worker, const struct pod_view *view, struct error *err)
{
    struct node *node = worker->node;
    struct dns_settings dns = {node->cluster_dns, node->cluster_domain};
    struct cgroup_values limits;
    const json_t *spec = json_at(view->pod, "spec");
    CLEANUP(free_ptr) char *resolv = pod_resolv_conf(view, &dns);
    CLEANUP(free_ptr) char *node_hosts = read_node_hosts(view);
    CLEANUP(free_ptr) char *hosts = pod_hosts_file(view, &dns, node_hosts);
    CLEANUP(free_ptr) char *hostname = NULL;
    CLEANUP(free_ptr) char *log_dir = pod_log_dir(worker);
    CLEANUP(free_sysctls) const char **sysctls = collect_sysctls(view->pod);
    pod_cgroup(view->pod, &limits);
    if (!pod_kernel_hostname(view, &dns, &hostname, err) || !folder_make(log_dir, 0755, err))
        return false;
    struct sandbox_config config = {
        .id = worker->uid,
        .hostname = hostname,
        .host_network = pod_view_host_network(view),
        .host_pid = json_bool_or(json_at(spec, "hostPID"), false) && !view->cluster,
        .share_pid = json_bool_or(json_at(spec, "shareProcessNamespace"), false),
        .user_namespace = wants_user_namespace(view),
        .resolv_conf = resolv,
        .hosts = hosts,
        .cpu_shares = limits.cpu_shares,
        .cpu_quota_us = limits.cpu_quota_us,
        .memory_max_bytes = limits.memory_max_bytes,
        .pids_max = PIDS_MAX,
        .log_dir = log_dir,
        .sysctls = sysctls,
    };
    return sandbox_start(node->runtime, &config, err);
}

static void set_address(struct pod_worker *worker, const char *address)
{
    pthread_mutex_lock(&worker->lock);
    (void)snprintf(worker->pod_ip, sizeof(worker->pod_ip), "%s", address ? address : "");
    pthread_mutex_unlock(&worker->lock);
}

static bool join_network(struct pod_worker *worker, json_t *record, struct error *err)
{
    struct cni_port ports[PORTS_MAX];
    struct cni_result result;
    CLEANUP(free_ptr) char *netns = NULL;
    if (json_bool_or(json_at(record, "hostNetwork"), false)) {
        json_set_text(record, "ip", worker->node->address);
    } else {
        if (!sandbox_netns(worker->node->runtime, worker->uid, &netns, err))
            return false;
        struct cni_pod pod = {worker->uid, netns, ports,
                              cni_ports(json_at(record, "ports"), ports)};
        if (!cni_add(&worker->node->cni, &pod, &result, err))
            return error_wrap(err, "failed to setup network for sandbox \"%s\"", worker->uid);
        json_set_text(record, "ip", result.addresses[0]);
    }
    set_address(worker, json_text(record, "ip"));
    return write_record(worker->dir, record, err);
}

/* The kubelet's hosts file names the Pod's address, so it is written once that is known, and
 * mounted over. */
static bool write_hosts(struct pod_worker *worker, const struct pod_view *view, struct error *err)
{
    struct dns_settings dns = {worker->node->cluster_dns, worker->node->cluster_domain};
    CLEANUP(free_ptr) char *node_hosts = read_node_hosts(view);
    CLEANUP(free_ptr) char *hosts = pod_hosts_file(view, &dns, node_hosts);
    CLEANUP(free_ptr) char *path = xasprintf("%s/etc-hosts", worker->dir);
    return folder_write_file(path, hosts, strlen(hosts), 0644, err);
}

bool pod_prepare(struct pod_worker *worker, const struct pod_view *view, struct error *err)
{
    const char *volume = NULL;
    json_auto_t *record = json_pack(
        "{s:s, s:s, s:b, s:o}", "namespace", worker->namespace, "name", worker->name, "hostNetwork",
        (int)json_bool_or(json_at(view->pod, "spec", "hostNetwork"), false), "ports",
        host_ports(view));
    if (worker->has_remains && !pod_teardown(worker, err))
        return false; /* of a try that failed half-way */
    worker->has_remains = true;
    if (!folder_make(worker->dir, 0750, err))
        return false;
    if (!volumes_update(&worker->volumes, view, &worker->volumes_again_us, &volume, err)) {
        events_pod(worker->node->events, view->pod, NULL, "Warning", "FailedMount",
                   "MountVolume.SetUp failed for volume \"%s\" : %s", volume, err->message);
        return false;
    }
    if (!has_runtime(view, err) || !write_record(worker->dir, record, err) ||
        !start_sandbox(worker, view, err) || !join_network(worker, record, err) ||
        !write_hosts(worker, view, err)) {
        events_pod(worker->node->events, view->pod, NULL, "Warning", "FailedCreatePodSandBox",
                   "Failed to create pod sandbox: %s", err->message);
        return false;
    }
    worker->prepared = true;
    return true;
}

/* ---- the end ---- */

static bool leave_network(struct node *node, const char *id, const json_t *record,
                          struct error *err)
{
    struct cni_port ports[PORTS_MAX];
    CLEANUP(free_ptr) char *netns = NULL;
    CLEANUP(error_clear) struct error ignored = {0};
    if (!record || json_bool_or(json_at(record, "hostNetwork"), false))
        return true;
    if (!sandbox_netns(node->runtime, id, &netns, &ignored))
        netns = NULL; /* its lease is given back all the same */
    struct cni_pod pod = {id, netns, ports, cni_ports(json_at(record, "ports"), ports)};
    return cni_delete(&node->cni, &pod, err);
}

static bool remove_all(struct node *node, const char *id, const char *dir, struct error *err)
{
    json_auto_t *record = read_record(dir);
    return leave_network(node, id, record, err) && sandbox_remove(node->runtime, id, err) &&
           volumes_remove(dir, err);
}

bool pod_teardown(struct pod_worker *worker, struct error *err)
{
    if (!remove_all(worker->node, worker->uid, worker->dir, err))
        return false;
    volumes_deinit(&worker->volumes); /* what was written is gone: forget its digests */
    struct object_source objects = worker->volumes.objects;
    struct token_source tokens = worker->volumes.tokens;
    struct volume_place place = worker->volumes.place;
    volumes_init(&worker->volumes, worker->dir, &objects, &tokens, &place);
    worker->volumes_again_us = 0;
    worker->prepared = worker->has_remains = false;
    return true;
}

/* ---- what stands from before ---- */

void pod_adopt(struct pod_worker *worker)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *netns = NULL;
    json_auto_t *record = read_record(worker->dir);
    worker->adopted = true;
    bool sandbox = sandbox_netns(worker->node->runtime, worker->uid, &netns, &err);
    worker->has_remains = sandbox || access(worker->dir, F_OK) == 0;
    worker->prepared = sandbox && json_text(record, "ip");
    if (worker->prepared)
        set_address(worker, json_text(record, "ip"));
    worker->volumes_again_us = worker->prepared ? 1 : 0; /* look at them soon */
}

/* Names in a folder, NULL-ended, owned. */
static char **list_folder(const char *path)
{
    size_t count = 0;
    char **names = xcalloc(1, sizeof(*names));
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        names = xreallocarray(names, count + 2, sizeof(*names));
        names[count++] = xstrdup(entry->d_name);
        names[count] = NULL;
    }
    if (folder)
        closedir(folder);
    return names;
}

static void free_names(char **names)
{
    for (char **one = names; one && *one; one++)
        free(*one);
    free(names);
}

static bool is_known(struct node *node, const char *uid)
{
    struct pod_worker *worker = pod_worker_find(node, uid);
    pod_worker_unref(worker);
    return worker != NULL;
}

/* A sandbox, or a folder whose sandbox is gone; removing what is absent succeeds. */
static void sweep_ids(struct node *node, char **ids)
{
    for (char **id = ids; id && *id; id++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr) char *dir = xasprintf("%s/pods/%s", node->data_dir, *id);
        if (!is_known(node, *id) && !remove_all(node, *id, dir, &err))
            log_warn("node", "what is left of pod %s cannot be removed: %s", *id, err.message);
    }
}

/* NAMESPACE_NAME_UID: none of the three has an underscore. */
static void sweep_logs(struct node *node)
{
    CLEANUP(free_ptr) char *logs = xasprintf("%s/logs", node->data_dir);
    char **names = list_folder(logs);
    for (char **name = names; *name; name++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr) char *dir = xasprintf("%s/%s", logs, *name);
        const char *uid = strrchr(*name, '_');
        if (uid && !is_known(node, uid + 1) && !folder_remove(dir, &err))
            log_warn("node", "the logs %s cannot be removed: %s", *name, err.message);
    }
    free_names(names);
}

void pod_sweep(struct node *node)
{
    CLEANUP(free_ptr) char *pods = xasprintf("%s/pods", node->data_dir);
    char **sandboxes = sandbox_list(node->runtime), **folders = list_folder(pods);
    sweep_ids(node, sandboxes);
    sweep_ids(node, folders);
    sweep_logs(node);
    free_names(sandboxes);
    free_names(folders);
}
