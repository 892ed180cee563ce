/* Fairness between clusters: each may have so many requests under way; the next is told to come
 * back. Watches do not count once they stream. Source of the numbers: upstream's
 * --max-requests-inflight and its mutating twin. */
#include "apiserver/backend/aggregate.h"
#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/flow_match.h"
#include "apiserver/meter.h"
#include "apiserver/admission/admission_config.h"
#include "base/metrics.h"
#include "store/cluster.h"

#define IN_FLIGHT_MAX 600

struct flow_part {
    struct cluster_part part;
    atomic_uint in_flight, writes, forwarded; /* `writes` are some of `in_flight` */
    struct custom_slot *custom;
    struct admission_slot *admission;
    struct webhook_rooms webhook_rooms;
    struct aggregate_slot *aggregate;
    struct flow_slot *match;
    struct metric_set *meter, *checks;
};

static void part_free(struct cluster_part *part)
{
    custom_slot_free(((struct flow_part *)part)->custom);
    admission_slot_free(((struct flow_part *)part)->admission);
    webhook_rooms_deinit(&((struct flow_part *)part)->webhook_rooms);
    aggregate_slot_free(((struct flow_part *)part)->aggregate);
    flow_slot_free(((struct flow_part *)part)->match);
    metric_set_free(((struct flow_part *)part)->meter);
    metric_set_free(((struct flow_part *)part)->checks);
    free(part);
}

static struct cluster_part *part_make(struct cluster *cluster)
{
    struct flow_part *flow = xcalloc(1, sizeof(*flow));
    (void)cluster;
    flow->part.free = part_free;
    atomic_init(&flow->part.refs, 1);
    flow->custom = custom_slot_new();
    flow->admission = admission_slot_new();
    webhook_rooms_init(&flow->webhook_rooms);
    flow->aggregate = aggregate_slot_new();
    flow->match = flow_slot_new();
    flow->meter = metric_set_new(METER_SERIES_MAX, metrics_process());
    flow->checks = metric_set_new(METRIC_SERIES_MAX, NULL);
    return &flow->part;
}

struct cluster_part *flow_part_get(struct cluster *cluster)
{
    return cluster_part_get(cluster, CLUSTER_PART_API, part_make);
}

struct custom_slot *flow_custom_slot(struct cluster_part *part)
{
    return ((struct flow_part *)part)->custom;
}

struct admission_slot *flow_admission_slot(struct cluster_part *part)
{
    return ((struct flow_part *)part)->admission;
}

const struct webhook_rooms *flow_webhook_rooms(struct cluster_part *part)
{
    return &((struct flow_part *)part)->webhook_rooms;
}

struct aggregate_slot *flow_aggregate_slot(struct cluster_part *part)
{
    return ((struct flow_part *)part)->aggregate;
}

struct flow_slot *flow_match_slot(struct cluster_part *part)
{
    return ((struct flow_part *)part)->match;
}

struct metric_set *flow_meter(struct cluster_part *part)
{
    return ((struct flow_part *)part)->meter;
}

struct metric_set *flow_checks(struct cluster_part *part)
{
    return ((struct flow_part *)part)->checks;
}

void flow_count(struct cluster_part *part, unsigned *reads, unsigned *writes)
{
    struct flow_part *flow = (struct flow_part *)part;
    unsigned all = atomic_load(&flow->in_flight), some = atomic_load(&flow->writes);
    *writes += some;
    *reads += all > some ? all - some : 0;
}

static bool is_read(const struct route *route)
{
    static const char *const verbs[] = {"get", "list", "watch"};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (text_eq(route->verb, verbs[i]))
            return true;
    return false;
}

enum step_result step_flow(struct request *request)
{
    if (request->caller)
        return STEP_NEXT;
    struct cluster_part *part = cluster_part_get(request->cluster, CLUSTER_PART_API, part_make);
    struct flow_part *flow = (struct flow_part *)part;
    if (atomic_fetch_add(&flow->in_flight, 1) >= IN_FLIGHT_MAX &&
        !user_in(&request->user, "system:masters")) {
        atomic_fetch_sub(&flow->in_flight, 1);
        cluster_part_unref(part);
        meter_refused(request);
        error_set(&request->error, ERROR_TOO_MANY_REQUESTS,
                  "Too many requests, please try again later.");
        request->error.retry_after_s = 1;
        return STEP_FAIL;
    }
    request->flow = part;
    request->writes = !is_read(&request->route);
    atomic_fetch_add(&flow->writes, request->writes);
    return flow_classify(request);
}

void flow_leave(struct request *request)
{
    struct flow_part *flow = (struct flow_part *)request->flow;
    if (!flow)
        return;
    atomic_fetch_sub(&flow->writes, request->writes);
    atomic_fetch_sub(&flow->in_flight, 1);
    cluster_part_unref(request->flow);
    request->flow = NULL;
}

struct cluster_part *flow_forward_enter(struct cluster *cluster, unsigned most)
{
    struct cluster_part *part = flow_part_get(cluster);
    if (atomic_fetch_add(&((struct flow_part *)part)->forwarded, 1) < most)
        return part;
    flow_forward_leave(part);
    return NULL;
}

void flow_forward_leave(struct cluster_part *part)
{
    if (!part)
        return;
    atomic_fetch_sub(&((struct flow_part *)part)->forwarded, 1);
    cluster_part_unref(part);
}
