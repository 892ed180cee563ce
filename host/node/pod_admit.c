/* Pods that name their node themselves have passed no scheduler: what they ask of it may be taken.
 * And no scheduler looks at what system a Pod is for. */
#include "host/host_port.h"
#include "host/node/pod_worker.h"

#define PORTS_TAKEN                                                                                \
    "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"

/* The node's lock is held. */
static bool clashes(struct pod_worker *worker, const struct host_port *wanted, size_t count)
{
    size_t at = 0, theirs_count;
    const char *uid;
    void *value;
    bool found = false;
    while (!found && strmap_next(&worker->node->workers, &at, &uid, &value)) {
        struct pod_worker *other = value;
        if (other == worker || !other->holds_ports)
            continue;
        json_auto_t *pod = pod_worker_pod(other);
        struct host_port *theirs = host_ports_of(json_object_get(pod, "spec"), &theirs_count);
        found = host_ports_clash(wanted, count, theirs, theirs_count);
        free(theirs);
    }
    return found;
}

static bool reject(struct pod_worker *worker, const json_t *pod, const char *reason,
                   const char *message)
{
    worker->failing = worker->rejected = true;
    worker->fail_reason = xstrdup(reason);
    worker->fail_message = xasprintf("Pod was rejected: %s", message);
    events_pod(worker->node->events, pod, NULL, "Warning", reason, "%s", message);
    return false;
}

bool pod_admit(struct pod_worker *worker, const json_t *pod)
{
    size_t count;
    const char *os = json_text(pod, "spec", "os", "name");
    if (os && strcmp(os, "linux") != 0)
        return reject(worker, pod, "PodOSNotSupported",
                      "Failed to admit pod as the OS field doesn't match node OS");
    struct host_port *wanted = host_ports_of(json_object_get(pod, "spec"), &count);
    pthread_mutex_lock(&worker->node->lock);
    bool free_for_it = worker->holds_ports || !clashes(worker, wanted, count);
    worker->holds_ports = free_for_it && count > 0;
    pthread_mutex_unlock(&worker->node->lock);
    free(wanted);
    return free_for_it || reject(worker, pod, "NodePorts", PORTS_TAKEN);
}

void pod_admit_release(struct pod_worker *worker)
{
    pthread_mutex_lock(&worker->node->lock);
    worker->holds_ports = false;
    pthread_mutex_unlock(&worker->node->lock);
}
