/* The work queue's metrics. There is one queue for all controllers and clusters; dashboards know
 * one a controller, by upstream's names. Source: client-go util/workqueue/metrics.go,
 * component-base/metrics/prometheus/workqueue; names from the controllers themselves. */
#include <string.h>

#include "controllers/frame_internal.h"

#define HISTOGRAMS_MAX                                                                             \
    14 /* queues with latencies of their own: each takes as many lines as buckets */

/* Some of upstream's, which go from 10 ns to 1,000 s. */
static const double latency_buckets[] = {0.001, 0.01, 0.1, 1, 10};

#define FAMILY(variable, family, what, sort)                                                       \
    static const struct metric_family variable = {                                                 \
        .name = "workqueue_" family, .help = "[ALPHA] " what, .kind = (sort), .labels = {"name"}}
#define LATENCY(variable, family, what)                                                            \
    static const struct metric_family variable = {.name = "workqueue_" family,                     \
                                                  .help = "[ALPHA] " what,                         \
                                                  .kind = METRIC_HISTOGRAM,                        \
                                                  .labels = {"name"},                              \
                                                  .buckets = latency_buckets,                      \
                                                  .bucket_count = ARRAY_LEN(latency_buckets),      \
                                                  .series_max = HISTOGRAMS_MAX}

FAMILY(adds, "adds_total", "Keys handed to the work queue.", METRIC_COUNTER);
FAMILY(retries, "retries_total", "Keys put back after a failure.", METRIC_COUNTER);
FAMILY(depth, "depth", "Keys that wait for a worker.", METRIC_GAUGE);
FAMILY(unfinished, "unfinished_work_seconds",
       "How long what is being worked on now has taken so far, all of it together.", METRIC_REAL);
FAMILY(longest, "longest_running_processor_seconds",
       "How long the longest of what is being worked on now has taken so far.", METRIC_REAL);
LATENCY(queued, "queue_duration_seconds", "How long keys wait for a worker.");
LATENCY(worked, "work_duration_seconds", "How long working on a key takes.");

/* Rows whose queue upstream calls something else than the row is called less "-controller". */
static const struct queue_name {
    const char *controller, *queue;
} queue_names[] = {
    {"apiservice-availability-controller", "remote_available_controller"},
    {"certificate-controller", "certificate"},
    {"clusterrole-aggregation-controller", "ClusterRoleAggregator"},
    {"crd-autoregister", "crd_autoregistration_controller"},
    {"customresourcedefinition-controller", "crd_finalizer"},
    {"daemon-set-controller", "daemonset"},
    {"endpointslice-controller", "endpoint_slice"},
    {"endpointslicemirroring-controller", "endpoint_slice_mirroring"},
    {"ephemeral-volume-controller", "ephemeral_volume"},
    {"generic-garbage-collector", "garbage_collector_attempt_to_delete"},
    {"node-controller", "node_lifecycle_controller"},
    {"persistentvolume-controller", "claims"},
    {"persistentvolume-reclaimer", "volumes"},
    {"pod-garbage-collector", "orphaned_pods_nodes"},
    {"priority-and-fairness-config-consumer", "priority_and_fairness_config_queue"},
    {"pv-protection-controller", "pvprotection"},
    {"pvc-protection-controller", "pvcprotection"},
    {"replication-controller", "replicationmanager"},
    {"resourcequota-controller", "resourcequota_primary"},
    {"root-ca-cert-publisher", "root_ca_cert_publisher"},
    {"service-account-controller", "serviceaccount"},
    {"stale-pod-disruption-controller", "stale_pod_disruption"},
    {"taint-eviction-controller", "noexec_taint_pod"},
    {"tokens-controller", "serviceaccount_tokens_secret"},
    {"tokens-controller-accounts", "serviceaccount_tokens_service"},
    {"ttl-after-finished-controller", "ttl_jobs_to_delete"},
    {"validatingadmissionpolicy-status-controller", "validatingadmissionpolicy-status"},
};

/* Interned, since a row's name may have to lose its end. */
static const char *queue_of(const char *controller)
{
    static const char tail[] = "-controller";
    for (size_t i = 0; i < ARRAY_LEN(queue_names); i++)
        if (strcmp(queue_names[i].controller, controller) == 0)
            return queue_names[i].queue;
    if (!text_ends(controller, tail))
        return controller;
    CLEANUP(free_ptr) char *name = xstrndup(controller, strlen(controller) - (sizeof(tail) - 1));
    return store_intern(name);
}

void row_measure(struct controller_row *row)
{
    row->queue = queue_of(row->spec->name);
    row->adds = metric_with(&adds, row->queue);
    row->retries = metric_with(&retries, row->queue);
    row->depth = metric_with(&depth, row->queue);
    row->unfinished = metric_with(&unfinished, row->queue);
    row->longest = metric_with(&longest, row->queue);
}

void row_worked(const struct controller_row *row, int64_t waited_ns, int64_t worked_ns)
{
    metric_observe(metric_with(&queued, row->queue), (double)waited_ns / 1e9);
    metric_observe(metric_with(&worked, row->queue), (double)worked_ns / 1e9);
}

void controllers_measure(void *arg)
{
    struct controllers *controllers = arg;
    struct work_report kinds[CONTROLLER_ROWS_MAX];
    work_queue_report(controllers->queue, kinds);
    for (size_t i = 0; i < controllers->row_count; i++) {
        const struct controller_row *row = &controllers->rows[i];
        metric_set_value(row->depth, kinds[i].waiting);
        metric_set_real(row->unfinished, (double)kinds[i].working_ns / 1e9);
        metric_set_real(row->longest, (double)kinds[i].longest_ns / 1e9);
    }
}
