/* Nodes: silence, taints, and Pods that must leave. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/node.h"
#include "controllers/node_ttl.h"
#include "schema/condition.h"
#include "schema/meta.h"

#define NOW    (INT64_C(1760000000) * 1000000)
#define SECOND INT64_C(1000000)
#define NODE(ready, more)                                                                          \
    "{'metadata':{'name':'n','creationTimestamp':'2025-01-01T00:00:00Z'},'spec':{'x':1" more       \
    "},'status':{'conditions':[{'type':'Ready','status':'" ready                                   \
    "'},{'type':'MemoryPressure','status':'False'}]}}"
#define TAINTED(text) ",'taints':[" text "]"
#define TAINT(key, effect)                                                                         \
    "{'key':'node.kubernetes.io/" key "','effect':'" effect "','timeAdded':'2025-10-09T08:53:20Z'" \
    "}"

static char *taints_text(const json_t *node)
{
    struct buf text = BUF_TEXT;
    const json_t *taints = json_at(node, "spec", "taints");
    for (size_t i = 0; i < json_array_size(taints); i++)
        buf_printf(&text, "%s%s:%s", i ? " " : "",
                   strrchr(json_text(json_array_get(taints, i), "key"), '/') + 1,
                   json_text(json_array_get(taints, i), "effect"));
    return buf_take(&text);
}

static void steps(void **state)
{
    static const struct {
        const char *name, *node;
        int64_t silent_s; /* < 0: never heard of */
        bool monitored;
        const char *plan, *taints;
    } rows[] = {
        {"healthy", NODE("True", ""), 5, true, "", NULL},
        {"first beat: admitted", NODE("True", TAINTED(TAINT("not-ready", "NoSchedule"))), 0, true,
         "update nodes n\n", ""},
        {"says not ready", NODE("False", ""), 5, true, "update nodes n\n",
         "not-ready:NoSchedule not-ready:NoExecute"},
        {"silent", NODE("True", ""), 51, true,
         "update nodes/status n\nevent events n Normal NodeNotReady: Node n status is now: "
         "NodeNotReady\n",
         NULL},
        {"unknown: tainted", NODE("Unknown", ""), 60, true, "update nodes n\n",
         "unreachable:NoSchedule unreachable:NoExecute"},
        {"unknown and tainted: nothing",
         NODE("Unknown",
              TAINTED(TAINT("unreachable", "NoSchedule") "," TAINT("unreachable", "NoExecute"))),
         90, true, "", NULL},
        {"back again",
         NODE("True",
              TAINTED(TAINT("unreachable", "NoSchedule") "," TAINT("unreachable", "NoExecute"))),
         1, true, "update nodes n\n", ""},
        {"never heard of", "{'metadata':{'name':'n','creationTimestamp':'2025-01-01T00:00:00Z'}}",
         -1, true,
         "update nodes/status n\nevent events n Normal NodeNotReady: Node n status is now: "
         "NodeNotReady\n",
         NULL},
        {"just registered",
         "{'metadata':{'name':'n','creationTimestamp':'2025-10-09T08:53:00Z'},'spec':{'taints':"
         "[" TAINT("not-ready", "NoSchedule") "]}}",
         -1, true, "", NULL},
        {"a tenant's view is not timed", NODE("True", ""), -1, false, "", NULL},
        {"cordoned", NODE("True", ",'unschedulable':true"), 5, true, "update nodes n\n",
         "unschedulable:NoSchedule"},
        {"under pressure",
         "{'metadata':{'name':'n'},'status':{'conditions':[{'type':'Ready','status':'True'},"
         "{'type':'DiskPressure','status':'True'}]}}",
         5, true, "update nodes n\n", "disk-pressure:NoSchedule"},
        {"others' taints stay",
         NODE("True",
              TAINTED("{'key':'a/b','effect':'NoSchedule'}," TAINT("not-ready", "NoExecute"))),
         5, true, "update nodes n\n", "b:NoSchedule"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        json_auto_t *node = sim_json(rows[i].node);
        const struct node_seen seen = {
            .node = node,
            .monitored = rows[i].monitored,
            .heard_us = rows[i].silent_s < 0 ? 0 : NOW - rows[i].silent_s * SECOND,
            .now_us = NOW,
        };
        node_decide(&seen, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
        if (!rows[i].taints)
            continue;
        CLEANUP(free_ptr) char *taints = taints_text(plan.items[0].body);
        if (strcmp(taints, rows[i].taints) != 0)
            fail_msg("%s: %s", rows[i].name, taints);
    }
}

static void silence_is_told_in_words(void **state)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    json_auto_t *node = sim_json(NODE("True", ""));
    (void)state;
    node_decide(
        &(struct node_seen){
            .node = node, .monitored = true, .heard_us = NOW - 60 * SECOND, .now_us = NOW},
        &plan);
    const json_t *conditions = json_at(plan.items[0].body, "status", "conditions");
    assert_string_equal(json_text(condition_find(conditions, "Ready"), "reason"),
                        "NodeStatusUnknown");
    assert_string_equal(json_text(condition_find(conditions, "Ready"), "message"),
                        "Kubelet stopped posting node status.");
    assert_string_equal(json_text(condition_find(conditions, "MemoryPressure"), "status"),
                        "Unknown");
    assert_string_equal(json_text(condition_find(conditions, "PIDPressure"), "reason"),
                        "NodeStatusNeverUpdated");
}

static void pods_of_a_silent_node_are_doubted(void **state)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    json_auto_t *node = sim_json(
        NODE("Unknown",
             TAINTED(TAINT("unreachable", "NoSchedule") "," TAINT("unreachable", "NoExecute"))));
    json_auto_t *pod = sim_json("{'metadata':{'name':'p','namespace':'d'},'status':{'conditions':[{"
                                "'type':'Ready','status':'True'}]}}");
    json_t *pods[] = {pod};
    (void)state;
    node_decide(&(struct node_seen){.node = node,
                                    .pods = pods,
                                    .pod_count = 1,
                                    .monitored = true,
                                    .heard_us = NOW - 60 * SECOND,
                                    .now_us = NOW},
                &plan);
    CLEANUP(free_ptr) char *text = sim_text(&plan);
    assert_string_equal(
        text, "patch pods/status p\nevent events p Warning NodeNotReady: Node is not ready\n");
}

/* The taint was added 100 s ago. */
static void eviction(void **state)
{
#define PODS(tolerations)                                                                          \
    "{'metadata':{'name':'p','namespace':'d','uid':'u'},'spec':{'tolerations':[" tolerations "]}}"
    static const struct {
        const char *name, *pod;
        bool leaves;
        int64_t again_s;
    } rows[] = {
        {"not tolerated", PODS(""), true, 0},
        {"tolerated for ever",
         PODS("{'key':'node.kubernetes.io/unreachable','operator':'Exists','effect':'NoExecute'}"),
         false, 0},
        {"tolerated, other effect",
         PODS("{'key':'node.kubernetes.io/unreachable','operator':'Exists','effect':'NoSchedule'}"),
         true, 0},
        {"for 300 s",
         PODS("{'key':'node.kubernetes.io/"
              "unreachable','operator':'Exists','tolerationSeconds':300}"),
         false, 200},
        {"for 60 s",
         PODS(
             "{'key':'node.kubernetes.io/unreachable','operator':'Exists','tolerationSeconds':60}"),
         true, 0},
        {"the shorter counts",
         PODS("{'operator':'Exists'},{'operator':'Exists','tolerationSeconds':10}"), true, 0},
        {"less than nothing is nothing", PODS("{'operator':'Exists','tolerationSeconds':-5}"), true,
         0},
        {"leaves already", "{'metadata':{'name':'p','deletionTimestamp':'2026-01-01T00:00:00Z'}}",
         false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        json_auto_t *node = sim_json(
            "{'metadata':{'name':'n'},'spec':{'taints':[" TAINT("unreachable", "NoExecute") "]}}");
        json_auto_t *pod = sim_json(rows[i].pod);
        json_t *pods[] = {pod};
        const struct node_seen seen = {
            .node = node, .pods = pods, .pod_count = 1, .now_us = NOW + 100 * SECOND};
        eviction_decide(&seen, &plan);
        bool leaves = plan.count && plan.items[plan.count - 1].verb == PLAN_DELETE;
        if (leaves != rows[i].leaves || plan.again_ms / 1000 != rows[i].again_s)
            fail_msg("%s: leaves %d, again in %lld ms", rows[i].name, leaves,
                     (long long)plan.again_ms);
    }
}

static void pods_of_a_lost_node_are_removed(void **state)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    json_auto_t *running = sim_json("{'metadata':{'name':'a'},'status':{'phase':'Running'}}");
    json_auto_t *done = sim_json("{'metadata':{'name':'b'},'status':{'phase':'Succeeded'}}");
    json_auto_t *evicted =
        sim_json("{'metadata':{'name':'c'},'status':{'phase':'Running','conditions':"
                 "[{'type':'DisruptionTarget','status':'True',"
                 "'reason':'DeletionByTaintManager'}]}}");
    json_t *pods[] = {running, done, evicted};
    (void)state;
    pod_gc_decide(pods, 3, NOW, &plan);
    CLEANUP(free_ptr) char *text = sim_text(&plan);
    assert_string_equal(text, "patch pods/status a\ndelete pods a\ndelete pods b\n"
                              "patch pods/status c\ndelete pods c\n");
    static const size_t patches[] = {0, 3}, deletes[] = {1, 2, 4};
    for (size_t i = 0; i < ARRAY_LEN(patches); i++)
        assert_string_equal(
            json_text(json_object_get(plan.items[patches[i]].body, "status"), "phase"), "Failed");
    for (size_t i = 0; i < ARRAY_LEN(deletes); i++)
        assert_int_equal(plan.items[deletes[i]].grace_s, 0);
}

/* A Pod that was deleted 30 s ago, but is held. */
static void pods_that_came_to_no_node(void **state)
{
#define DELETED "'deletionTimestamp':'2025-10-09T08:52:50Z'"
    static const struct {
        const char *name, *pod;
        bool fails;
        int64_t again_s;
    } rows[] = {
        {"fails", "{'metadata':{" DELETED "},'status':{'phase':'Pending'}}", true, 0},
        {"has a node", "{'metadata':{" DELETED "},'spec':{'nodeName':'n'}}", false, 0},
        {"is not deleted", "{'metadata':{'name':'p'}}", false, 0},
        {"has ended", "{'metadata':{" DELETED "},'status':{'phase':'Failed'}}", false, 0},
        {"may go yet", "{'metadata':{'deletionTimestamp':'2025-10-09T08:53:15Z'}}", false, 15},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        json_auto_t *pod = sim_json(rows[i].pod);
        unscheduled_decide(pod, NOW, &plan);
        bool fails =
            plan.count && text_eq(json_text(plan.items[0].body, "status", "phase"), "Failed");
        if (fails != rows[i].fails || plan.again_ms / 1000 != rows[i].again_s)
            fail_msg("%s: fails %d, again in %lld ms", rows[i].name, fails,
                     (long long)plan.again_ms);
    }
}

/* How long Nodes' agents may keep what they have read, by how many Nodes there are. */
static void time_to_live(void **state)
{
    static const struct {
        const char *name, *told; /* what the Nodes but the last, new one say */
        size_t nodes;
        const char *want;
    } rows[] = {
        {"the first", NULL, 1, "0"},
        {"up to 100", "0", 100, "0"},
        {"one more", "0", 101, "15"},
        {"not back at once", "15", 91, "15"},
        {"back", "15", 89, "0"},
        {"of 500", "15", 501, "30"},
        {"of 2000", "60", 2001, "300"},
        {"many at once", "0", 1500, "60"},
        {"nearly all gone", "300", 2, "0"},
        {"a time that is none", "soon", 2, "0"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0}, second = {0};
        CLEANUP(free_ptr)
        struct node_ttl_seen *nodes = xcalloc(rows[i].nodes, sizeof(*nodes));
        for (size_t j = 0; j < rows[i].nodes; j++)
            nodes[j] =
                (struct node_ttl_seen){"n", str_of(j + 1 < rows[i].nodes ? rows[i].told : NULL)};
        node_ttl_decide(nodes, rows[i].nodes, &plan);
        bool others = rows[i].nodes > 1 && strcmp(rows[i].told, rows[i].want) != 0;
        const char *got =
            json_text(plan.items[0].body, "metadata", "annotations", NODE_TTL_ANNOTATION);
        if (plan.count != (others ? rows[i].nodes : 1) || strcmp(got, rows[i].want) != 0)
            fail_msg("%s: %zu are told %s", rows[i].name, plan.count, got);
        for (size_t j = 0; j < rows[i].nodes; j++)
            nodes[j].told = str_of(rows[i].want);
        node_ttl_decide(nodes, rows[i].nodes, &second);
        if (second.count)
            fail_msg("%s: told twice", rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(silence_is_told_in_words),
        cmocka_unit_test(pods_of_a_silent_node_are_doubted),
        cmocka_unit_test(eviction),
        cmocka_unit_test(pods_of_a_lost_node_are_removed),
        cmocka_unit_test(pods_that_came_to_no_node),
        cmocka_unit_test(time_to_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
