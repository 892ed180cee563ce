/* HorizontalPodAutoscalers: how many replicas their metrics ask for, and how many there may be. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/autoscaler_internal.h"

#define NOW_US   (INT64_C(1760000000) * 1000000) /* 2025-10-09T08:53:20Z */
#define LONG_AGO "2025-10-09T08:00:00Z"
#define JUST_NOW "2025-10-09T08:53:00Z"
#define UTILIZATION                                                                                \
    "{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization',"                  \
    "'averageUtilization':50}}}"
#define AVERAGE                                                                                    \
    "{'type':'Resource','resource':{'name':'cpu','target':{'type':'AverageValue','averageValue':"  \
    "'100m'}}}"
#define CONTAINER                                                                                  \
    "{'type':'ContainerResource','containerResource':{'name':'cpu','container':'c','target':{"     \
    "'type':'Utilization','averageUtilization':50}}}"
#define CUSTOM                                                                                     \
    "{'type':'Pods','pods':{'metric':{'name':'hits'},'target':{'type':'AverageValue',"             \
    "'averageValue':'10'}}}"

/* 'name started ready millicores' of each Pod, cut at semicolons: ready 'R', 'U' (not), 'P' (still
 * pending), 'D' (being deleted); millicores '-': nothing is known. */
struct world {
    struct json_list pods;
    json_t *usage, *autoscaler, *scale;
};

static void add_pod(struct world *world, const char *name, bool begins, char ready,
                    const char *millicores)
{
    const char *began = begins ? JUST_NOW : LONG_AGO;
    CLEANUP(free_ptr)
    char *pod = xasprintf(
        "{'metadata':{'name':'%s','namespace':'d'%s},'spec':{'containers':[{'name':'c',"
        "'resources':{'requests':{'cpu':'100m'}}}]},'status':{'phase':'%s','startTime':'%s',"
        "'conditions':[{'type':'Ready','status':'%s','lastTransitionTime':'%s'}]}}",
        name, ready == 'D' ? ",'deletionTimestamp':'" LONG_AGO "'" : "",
        ready == 'P' ? "Pending" : "Running", began, ready == 'R' ? "True" : "False", began);
    json_list_add(&world->pods, sim_json(pod));
    if (strcmp(millicores, "-") == 0)
        return;
    CLEANUP(free_ptr)
    char *usage =
        xasprintf("{'metadata':{'name':'%s'},'timestamp':'2025-10-09T08:53:14Z','window':'15s',"
                  "'containers':[{'name':'c','usage':{'cpu':'%sm','memory':'1Mi'}}]}",
                  name, millicores);
    json_array_append_new(world->usage, sim_json(usage));
}

static void world_init(struct world *world, const char *pods, const char *spec, int replicas)
{
    struct str rest = str_of(pods);
    CLEANUP(free_ptr)
    char *autoscaler =
        xasprintf("{'metadata':{'name':'h','namespace':'d','uid':'u'},'spec':{%s}}", spec);
    CLEANUP(free_ptr)
    char *scale = xasprintf("{'metadata':{'name':'w','namespace':'d'},'spec':{'replicas':%d},"
                            "'status':{'replicas':%d,'selector':'a=b'}}",
                            replicas, replicas);
    *world = (struct world){.usage = json_array()};
    world->autoscaler = sim_json(autoscaler);
    world->scale = sim_json(scale);
    for (int i = 0; rest.len; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("p%d", i);
        struct str one = str_cut(&rest, ' ');
        CLEANUP(free_ptr) char *amount = str_dup((struct str){one.data + 2, one.len - 2});
        add_pod(world, name, one.data[0] == 'n', one.data[1], amount);
    }
}

static void world_clear(struct world *world)
{
    json_list_free(&world->pods);
    json_decref(world->usage);
    json_decref(world->autoscaler);
    json_decref(world->scale);
}

static void decide(struct world *world, struct autoscaler_history *history, int64_t now_us,
                   struct plan *plan)
{
    const struct autoscaler_seen seen = {.autoscaler = world->autoscaler,
                                         .resource = "deployments.apps",
                                         .scale = world->scale,
                                         .pods = world->pods.items,
                                         .pod_count = world->pods.count,
                                         .usage = world->usage,
                                         .now_us = now_us};
    autoscaler_decide(&seen, history, plan);
}

/* The replicas that a plan asks for; `current` when none. */
static int64_t replicas_of(const struct plan *plan, int64_t current)
{
    bool scales = plan->count && strcmp(plan->items[0].subresource, "scale") == 0;
    return scales ? json_int_or(json_at(plan->items[0].body, "spec", "replicas"), -1) : current;
}

static const json_t *status_of(const struct plan *plan)
{
    return plan->count ? json_object_get(plan->items[plan->count - 1].body, "status") : NULL;
}

static const char *reason_of(const json_t *status, const char *type)
{
    const json_t *condition;
    size_t i;
    json_array_foreach (json_object_get(status, "conditions"), i, condition)
        if (text_eq(json_text(condition, "type"), type))
            return json_text(condition, "reason");
    return "";
}

/* Each Pod is its age ('o'ld, 'n'ew), its readiness, and what it uses. */
static void proposals(void **state)
{
    static const struct {
        const char *name, *pods, *metrics, *spec;
        int replicas;
        int64_t want;
        const char *active, *limited; /* reasons */
    } rows[] = {
        {"as it should be", "oR50 oR50", UTILIZATION, "", 2, 2, "ValidMetricFound", ""},
        {"within a tenth", "oR54 oR55", UTILIZATION, "", 2, 2, "ValidMetricFound", ""},
        {"above", "oR100 oR100", UTILIZATION, "", 2, 4, "ValidMetricFound", "DesiredWithinRange"},
        {"rounded up", "oR60 oR60", UTILIZATION, "", 2, 3, "ValidMetricFound",
         "DesiredWithinRange"},
        {"below", "oR10 oR10 oR10 oR10", UTILIZATION, "", 4, 1, "ValidMetricFound",
         "DesiredWithinRange"},
        {"not below the least", "oR10 oR10 oR10", UTILIZATION, "'minReplicas':2,", 3, 2,
         "ValidMetricFound", "TooFewReplicas"},
        {"not above the most", "oR900 oR900", UTILIZATION, "'maxReplicas':3,", 2, 3,
         "ValidMetricFound", "TooManyReplicas"},
        {"not too fast", "oR900 oR900 oR900", UTILIZATION, "", 3, 6, "ValidMetricFound",
         "ScaleUpLimit"},
        {"by an amount", "oR200 oR200", AVERAGE, "", 2, 4, "ValidMetricFound",
         "DesiredWithinRange"},
        {"of one container", "oR100 oR100", CONTAINER, "", 2, 4, "ValidMetricFound",
         "DesiredWithinRange"},
        {"the most of two", "oR100 oR100", UTILIZATION "," AVERAGE, "", 2, 4, "ValidMetricFound",
         "DesiredWithinRange"},
        {"one that is not ready uses nothing yet", "oR100 nU900", UTILIZATION, "", 2, 2,
         "ValidMetricFound", ""},
        {"nor one that was ready a moment ago", "oR100 nR900", UTILIZATION, "", 2, 2,
         "ValidMetricFound", ""},
        {"a pending one holds back", "oR150 oP-", UTILIZATION, "", 2, 3, "ValidMetricFound",
         "DesiredWithinRange"},
        {"one of which nothing is known does, too", "oR150 oR-", UTILIZATION, "", 2, 3,
         "ValidMetricFound", "DesiredWithinRange"},
        {"and counts as busy on the way down", "oR10 oR-", UTILIZATION, "", 2, 2,
         "ValidMetricFound", ""},
        {"one that goes does not count", "oR100 oD900", UTILIZATION, "", 1, 2, "ValidMetricFound",
         "DesiredWithinRange"},
        {"none is known", "oR-", UTILIZATION, "", 1, 1, "FailedGetResourceMetric", ""},
        {"a metric that nobody tells", "oR50", CUSTOM, "", 1, 1, "FailedGetPodsMetric", ""},
        {"up by the other all the same", "oR100", CUSTOM "," UTILIZATION, "", 1, 2,
         "ValidMetricFound", "DesiredWithinRange"},
        {"not down by the other alone", "oR10 oR10", CUSTOM "," UTILIZATION, "", 2, 2,
         "FailedGetPodsMetric", ""},
        {"more than may be", "oR50", UTILIZATION, "'maxReplicas':3,", 5, 3, "", ""},
        {"fewer than may be", "oR50", UTILIZATION, "'minReplicas':3,", 1, 3, "", ""},
        {"switched off", "", UTILIZATION, "", 0, 0, "ScalingDisabled", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        CLEANUP(plan_clear) struct plan plan = {0};
        struct autoscaler_history history = {0};
        bool bounded = strstr(rows[i].spec, "maxReplicas");
        CLEANUP(free_ptr)
        char *spec = xasprintf("%s%s'metrics':[%s]", rows[i].spec,
                               bounded ? "" : "'maxReplicas':10,", rows[i].metrics);
        world_init(&world, rows[i].pods, spec, rows[i].replicas);
        decide(&world, &history, NOW_US, &plan);
        const json_t *status = status_of(&plan);
        if (replicas_of(&plan, rows[i].replicas) != rows[i].want ||
            strcmp(reason_of(status, "ScalingActive"), rows[i].active) != 0 ||
            (*rows[i].limited &&
             strcmp(reason_of(status, "ScalingLimited"), rows[i].limited) != 0)) {
            CLEANUP(free_ptr) char *found = json_dumps(status, 0);
            CLEANUP(free_ptr) char *text = sim_text(&plan);
            fail_msg("%s: %s %s", rows[i].name, text, found);
        }
        autoscaler_history_clear(&history);
        world_clear(&world);
    }
}

/* In upstream's words, to the letter. */
static void says_why(void **state)
{
    struct world world;
    struct autoscaler_history history = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    (void)state;
    world_init(&world, "oR50", "'maxReplicas':10,'metrics':[" UTILIZATION "]", 1);
    json_array_clear(world.usage);
    decide(&world, &history, NOW_US, &plan);
    plan_print(&plan, &text);
    assert_string_equal(
        text.data,
        "event events h Warning FailedGetResourceMetric: failed to get cpu utilization: unable to "
        "get metrics for resource cpu: no metrics returned from resource metrics API\n"
        "event events h Warning FailedComputeMetricsReplicas: invalid metrics (1 invalid out of "
        "1), "
        "first error is: failed to get cpu resource metric value: failed to get cpu utilization: "
        "unable to get metrics for resource cpu: no metrics returned from resource metrics API\n"
        "update horizontalpodautoscalers.autoscaling/status h\n");
    autoscaler_history_clear(&history);
    world_clear(&world);
}

/* Looking again with what was told changes nothing. */
static void converges(void **state)
{
    struct world world;
    struct autoscaler_history history = {0};
    CLEANUP(plan_clear) struct plan plan = {0}, again = {0};
    (void)state;
    world_init(&world, "oR50", "'maxReplicas':10,'metrics':[" UTILIZATION "]", 1);
    decide(&world, &history, NOW_US, &plan);
    const json_t *current = json_array_get(json_object_get(status_of(&plan), "currentMetrics"), 0);
    assert_int_equal(json_int_or(json_at(current, "resource", "current", "averageUtilization"), 0),
                     50);
    assert_string_equal(json_text(current, "resource", "current", "averageValue"), "50m");
    json_object_set(world.autoscaler, "status", (json_t *)(uintptr_t)status_of(&plan));
    decide(&world, &history, NOW_US + AUTOSCALER_PERIOD_US, &again);
    assert_int_equal(again.count, 0);
    assert_int_equal(again.again_ms, 15000);
    autoscaler_history_clear(&history);
    world_clear(&world);
}

/* Down only when nothing more was advised for five minutes. */
static void stabilizes(void **state)
{
    static const struct {
        int64_t after_s, want;
        const char *reason;
    } rows[] = {{15, 4, "ScaleDownStabilized"},
                {290, 4, "ScaleDownStabilized"},
                {301, 1, "ReadyForNewScale"}};
    struct autoscaler_history history = {0};
    struct autoscaler_limits limits = {.least = 1, .most = 10, .current = 4, .now_us = NOW_US};
    struct autoscaler_verdict verdict;
    (void)state;
    autoscaler_limit(&limits, &history, 4, &verdict);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        limits.now_us = NOW_US + rows[i].after_s * 1000000;
        autoscaler_limit(&limits, &history, 1, &verdict);
        assert_int_equal(verdict.replicas, rows[i].want);
        assert_string_equal(verdict.able_reason, rows[i].reason);
    }
    autoscaler_history_clear(&history);
}

static void behaves(void **state)
{
    static const struct {
        const char *name, *behavior;
        int64_t current, changed; /* so many a moment ago */
        int64_t wanted, want;
        const char *reason;
    } rows[] = {
        {"by Pods", "'scaleUp':{'policies':[{'type':'Pods','value':2,'periodSeconds':60}]}", 3, 0,
         9, 5, "ScaleUpLimit"},
        {"some of them are there already",
         "'scaleUp':{'policies':[{'type':'Pods','value':2,'periodSeconds':60}]}", 4, 1, 9, 5,
         "ScaleUpLimit"},
        {"all of them are", "'scaleUp':{'policies':[{'type':'Pods','value':2,'periodSeconds':60}]}",
         4, 2, 9, 4, "ScaleUpLimit"},
        {"by a share, rounded up",
         "'scaleUp':{'policies':[{'type':'Percent','value':50,'periodSeconds':60}]}", 3, 0, 9, 5,
         "ScaleUpLimit"},
        {"the larger of two",
         "'scaleUp':{'policies':[{'type':'Percent','value':50,'periodSeconds':60},{'type':'Pods',"
         "'value':4,'periodSeconds':60}]}",
         3, 0, 9, 7, "ScaleUpLimit"},
        {"the smaller",
         "'scaleUp':{'selectPolicy':'Min','policies':[{'type':'Percent','value':50,"
         "'periodSeconds':60},{'type':'Pods','value':4,'periodSeconds':60}]}",
         3, 0, 9, 5, "ScaleUpLimit"},
        {"never", "'scaleUp':{'selectPolicy':'Disabled'}", 3, 0, 9, 3, "ScaleUpLimit"},
        {"down by Pods",
         "'scaleDown':{'stabilizationWindowSeconds':0,'policies':[{'type':'Pods','value':1,"
         "'periodSeconds':60}]}",
         5, 0, 1, 4, "ScaleDownLimit"},
        {"down by a share",
         "'scaleDown':{'stabilizationWindowSeconds':0,'policies':[{'type':'Percent','value':50,"
         "'periodSeconds':60}]}",
         5, 0, 1, 2, "ScaleDownLimit"},
        {"all the way",
         "'scaleDown':{'stabilizationWindowSeconds':0,'policies':[{'type':'Percent','value':100,"
         "'periodSeconds':15}]}",
         5, 0, 1, 1, "DesiredWithinRange"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr) char *text = xasprintf("{%s}", rows[i].behavior);
        json_auto_t *behavior = sim_json(text);
        struct autoscaler_history history = {0};
        struct autoscaler_verdict verdict;
        const struct autoscaler_limits limits = {.least = 1,
                                                 .most = 20,
                                                 .current = rows[i].current,
                                                 .behavior = behavior,
                                                 .now_us = NOW_US};
        if (rows[i].changed)
            autoscaler_scaled(&history, rows[i].changed, NOW_US - 1000000);
        autoscaler_limit(&limits, &history, rows[i].wanted, &verdict);
        if (verdict.replicas != rows[i].want || strcmp(verdict.limit_reason, rows[i].reason) != 0)
            fail_msg("%s: %lld %s", rows[i].name, (long long)verdict.replicas,
                     verdict.limit_reason);
        autoscaler_history_clear(&history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proposals),  cmocka_unit_test(says_why), cmocka_unit_test(converges),
        cmocka_unit_test(stabilizes), cmocka_unit_test(behaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
