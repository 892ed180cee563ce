#include "host/node/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/node/pod_worker.h"

/* ---- reading ---- */

static void pod_clear(struct pod_used *pod)
{
    for (size_t i = 0; i < pod->count; i++)
        free(pod->containers[i].name);
    free(pod->containers);
    free(pod->ns);
    free(pod->name);
    free(pod->uid);
    free(pod->started);
}

void node_usage_clear(struct node_used *used)
{
    for (size_t i = 0; i < used->count; i++)
        pod_clear(&used->pods[i]);
    free(used->pods);
    *used = (struct node_used){0};
}

/* The runtime's name of what runs now, owned; NULL when nothing does. */
static char *running(struct pod_worker *worker, const struct container_state *state,
                     int64_t *started_us)
{
    pthread_mutex_lock(&worker->lock);
    char *name = state->run == RUN_RUNNING ? container_runtime_name(state, state->attempt) : NULL;
    *started_us = state->started_us;
    pthread_mutex_unlock(&worker->lock);
    return name;
}

/* False when it runs and cannot be read. */
static bool read_container(struct pod_worker *worker, const struct container_state *state,
                           struct pod_used *pod)
{
    struct container_used used = {0};
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr) char *name = running(worker, state, &used.started_us);
    if (!name)
        return true;
    if (!container_usage(worker->node->runtime, worker->uid, name, &used.sample, &ignored)) {
        CLEANUP(free_ptr) char *still = running(worker, state, &used.started_us);
        return !text_eq(still, name);
    }
    used.name = xstrdup(state->name);
    pod->containers[pod->count++] = used;
    return true;
}

/* False when something of it could not be read. A Pod of which nothing runs is left empty. */
static bool read_pod(struct pod_worker *worker, struct pod_used *pod)
{
    CLEANUP(error_clear) struct error ignored = {0};
    size_t count = worker->count;
    bool ok = true;
    *pod = (struct pod_used){.containers = xcalloc(count + 1, sizeof(*pod->containers))};
    for (size_t i = 0; i < count; i++)
        ok = read_container(worker, &worker->containers[i], pod) && ok;
    if (!pod->count)
        return ok;
    json_auto_t *tree = pod_worker_pod(worker);
    const char *started = json_text(tree, "status", "startTime");
    pod->started = started ? xstrdup(started) : NULL;
    pod->ns = xstrdup(worker->namespace);
    pod->name = xstrdup(worker->name);
    pod->uid = xstrdup(worker->uid);
    return sandbox_usage(worker->node->runtime, worker->uid, &pod->sample, &ignored) && ok;
}

/* Every worker, referenced; NULL-ended, owned. */
static struct pod_worker **take_workers(struct node *node)
{
    const char *uid;
    void *value;
    size_t count = 0;
    pthread_mutex_lock(&node->lock);
    struct pod_worker **workers = xcalloc(node->workers.count + 1, sizeof(struct pod_worker *));
    for (size_t i = 0; strmap_next(&node->workers, &i, &uid, &value);) {
        workers[count] = value;
        workers[count++]->refs++;
    }
    pthread_mutex_unlock(&node->lock);
    return workers;
}

void node_usage_read(struct node *node, struct node_used *out)
{
    CLEANUP(error_clear) struct error ignored = {0};
    size_t count = 0;
    struct pod_worker **workers = take_workers(node);
    while (workers[count])
        count++;
    *out = (struct node_used){.pods = xcalloc(count + 1, sizeof(*out->pods))};
    out->failed = !machine_usage(&out->machine, &ignored);
    for (size_t i = 0; i < count; i++) {
        struct pod_used *pod = &out->pods[out->count];
        out->failed = !read_pod(workers[i], pod) || out->failed;
        if (pod->count)
            out->count++;
        else
            pod_clear(pod);
        pod_worker_unref(workers[i]);
    }
    free(workers);
}

/* ---- Prometheus' text ---- */

/* What a sample line says of whom. `container` NULL: of the Pod; `pod` NULL too: of the node. */
struct line {
    const char *family;
    const struct pod_used *pod;
    const struct container_used *container;
};

/* Names of Kubernetes need no escapes. */
static void add_labels(struct buf *out, const struct line *line)
{
    buf_add_text(out, line->family);
    if (line->container)
        buf_printf(out, "{container=\"%s\",namespace=\"%s\",pod=\"%s\"}", line->container->name,
                   line->pod->ns, line->pod->name);
    else if (line->pod)
        buf_printf(out, "{namespace=\"%s\",pod=\"%s\"}", line->pod->ns, line->pod->name);
}

static void add_cpu(struct buf *out, const struct line *line, const struct usage_sample *sample)
{
    add_labels(out, line);
    buf_printf(out, " %lld.%09lld %lld\n", (long long)(sample->cpu_ns / 1000000000),
               (long long)(sample->cpu_ns % 1000000000), (long long)(sample->at_us / 1000));
}

static void add_memory(struct buf *out, const struct line *line, const struct usage_sample *sample)
{
    add_labels(out, line);
    buf_printf(out, " %lld %lld\n", (long long)sample->memory_bytes,
               (long long)(sample->at_us / 1000));
}

static void add_start(struct buf *out, const struct line *line, const struct usage_sample *sample)
{
    int64_t at_us = line->container->started_us;
    (void)sample;
    add_labels(out, line);
    buf_printf(out, " %lld.%06lld\n", (long long)(at_us / 1000000), (long long)(at_us % 1000000));
}

enum whose { OF_CONTAINERS, OF_NODE, OF_PODS };

/* In upstream's order. */
static const struct family {
    const char *name, *type, *help;
    enum whose whose;
    void (*add)(struct buf *out, const struct line *line, const struct usage_sample *sample);
} families[] = {
    {"container_cpu_usage_seconds_total", "counter", "CPU time of the container so far",
     OF_CONTAINERS, add_cpu},
    {"container_memory_working_set_bytes", "gauge", "Working set of the container", OF_CONTAINERS,
     add_memory},
    {"container_start_time_seconds", "gauge", "When the container started, since the epoch",
     OF_CONTAINERS, add_start},
    {"node_cpu_usage_seconds_total", "counter", "CPU time of the node so far", OF_NODE, add_cpu},
    {"node_memory_working_set_bytes", "gauge", "Working set of the node", OF_NODE, add_memory},
    {"pod_cpu_usage_seconds_total", "counter", "CPU time of the Pod so far", OF_PODS, add_cpu},
    {"pod_memory_working_set_bytes", "gauge", "Working set of the Pod", OF_PODS, add_memory},
};

static void add_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s [STABLE] %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_pod_lines(struct buf *out, const struct family *family, const struct pod_used *pod)
{
    struct line line = {.family = family->name, .pod = pod};
    if (family->whose == OF_PODS) {
        family->add(out, &line, &pod->sample);
        return;
    }
    for (size_t i = 0; i < pod->count; i++) {
        line.container = &pod->containers[i];
        family->add(out, &line, &pod->containers[i].sample);
    }
}

void node_usage_metrics(struct buf *out, const struct node_used *used)
{
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        const struct family *family = &families[f];
        const struct line of_node = {.family = family->name};
        if (family->whose != OF_NODE && !used->count)
            continue;
        add_head(out, family->name, family->type, family->help);
        if (family->whose == OF_NODE)
            family->add(out, &of_node, &used->machine);
        for (size_t i = 0; i < used->count && family->whose != OF_NODE; i++)
            add_pod_lines(out, family, &used->pods[i]);
    }
    add_head(out, "resource_scrape_error", "gauge", "1 when something could not be read, else 0");
    buf_printf(out, "resource_scrape_error %d\n", used->failed);
}

/* ---- the summary ---- */

static void add_sample(json_t *object, const struct usage_sample *sample)
{
    char time[TIME_TEXT_SIZE];
    time_format(sample->at_us, time);
    json_object_set_new(
        object, "cpu",
        json_pack("{s:s, s:I}", "time", time, "usageCoreNanoSeconds", (json_int_t)sample->cpu_ns));
    json_object_set_new(
        object, "memory",
        json_pack("{s:s, s:I}", "time", time, "workingSetBytes", (json_int_t)sample->memory_bytes));
}

static json_t *summary_of_container(const struct container_used *container)
{
    char started[TIME_TEXT_SIZE];
    time_format(container->started_us, started);
    json_t *object = json_pack("{s:s, s:s}", "name", container->name, "startTime", started);
    add_sample(object, &container->sample);
    return object;
}

static json_t *summary_of_pod(const struct pod_used *pod)
{
    json_t *containers = json_array();
    for (size_t i = 0; i < pod->count; i++)
        json_array_append_new(containers, summary_of_container(&pod->containers[i]));
    json_t *object =
        json_pack("{s:{s:s, s:s, s:s}, s:s?, s:o}", "podRef", "name", pod->name, "namespace",
                  pod->ns, "uid", pod->uid, "startTime", pod->started, "containers", containers);
    add_sample(object, &pod->sample);
    return object;
}

json_t *node_usage_summary(const char *node_name, const struct node_used *used)
{
    json_t *node = json_pack("{s:s}", "nodeName", node_name), *pods = json_array();
    add_sample(node, &used->machine);
    for (size_t i = 0; i < used->count; i++)
        json_array_append_new(pods, summary_of_pod(&used->pods[i]));
    return json_pack("{s:o, s:o}", "node", node, "pods", pods);
}
