#include "controllers/event_ttl.h"

#include "controllers/frame_internal.h"
#include "controllers/observe.h"
#include "schema/json_time.h"

#define EVENTS "events"

static void take_later(int64_t *latest_us, const json_t *time, int64_t now_us)
{
    int64_t at_us = json_is_string(time) ? json_time_us(time) : 0;
    if (at_us > *latest_us && at_us <= now_us)
        *latest_us = at_us;
}

void event_ttl_decide(const json_t *event, int64_t ttl_us, int64_t now_us, struct plan *plan)
{
    const json_t *const times[] = {
        json_at(event, "metadata", "creationTimestamp"),
        json_at(event, "firstTimestamp"),
        json_at(event, "lastTimestamp"),
        json_at(event, "eventTime"),
        json_at(event, "series", "lastObservedTime"),
    };
    const json_t *entry;
    int64_t latest_us = 0;
    size_t at;
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        take_later(&latest_us, times[i], now_us);
    json_array_foreach (json_at(event, "metadata", "managedFields"), at, entry)
        take_later(&latest_us, json_object_get(entry, "time"), now_us);
    int64_t left_us = latest_us + ttl_us - now_us;
    if (left_us > 0)
        plan_again(plan, left_us / 1000 + 1);
    else
        plan_delete(plan, EVENTS, event);
}

static enum reconcile_result reconcile_event(void *arg, struct reconcile *reconcile,
                                             int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *event = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, EVENTS, reconcile->ns, reconcile->name, &event, err))
        return RECONCILE_RETRY;
    if (!event)
        return RECONCILE_DONE;
    event_ttl_decide(event, reconcile->controllers->event_ttl_us, reconcile->now_us, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

static const struct controller_source sources[] = {{EVENTS, NULL}, {NULL, NULL}};

const struct controller event_ttl_controller = {
    .name = "event-ttl",
    .sources = sources,
    .is_master = true, /* upstream's storage does it */
    .reconcile = reconcile_event,
};
