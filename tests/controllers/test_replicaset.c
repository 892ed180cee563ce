/* ReplicaSet: how many Pods, whose, and which go first. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/pod_state.h"
#include "controllers/replicaset.h"
#include "schema/meta.h"

#define SET                                                                                        \
    "{'apiVersion':'apps/"                                                                         \
    "v1','kind':'ReplicaSet','metadata':{'name':'web','namespace':'d','uid':'set-uid'},"           \
    "'spec':{'replicas':%d,'selector':{'matchLabels':{'app':'web'}},'template':{'metadata':{'"     \
    "labels':"                                                                                     \
    "{'app':'web'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}}"

static json_t *set_of(int replicas)
{
    CLEANUP(free_ptr) char *text = xasprintf(SET, replicas);
    return sim_json(text);
}

struct world {
    struct sim sim;
    struct json_list pods;
    struct selector *selector;
    struct replicaset_seen seen;
};

static void look(struct world *world)
{
    struct error err = {0};
    json_list_free(&world->pods);
    selector_free(world->selector);
    sim_list(&world->sim, "pods", &world->pods);
    json_t *set = sim_get(&world->sim, "replicasets.apps", "d", "web");
    world->selector = selector_from_json(json_at(set, "spec", "selector"), &err);
    world->seen = (struct replicaset_seen){
        .kind = &replica_kind_set,
        .replicaset = set,
        .selector = world->selector,
        .pods = world->pods.items,
        .pod_count = world->pods.count,
        .now_us = world->sim.now_us,
    };
}

static void world_init(struct world *world, int replicas)
{
    *world = (struct world){0};
    sim_init(&world->sim);
    sim_put(&world->sim, "replicasets.apps", set_of(replicas));
    look(world);
}

static void world_free(struct world *world)
{
    json_list_free(&world->pods);
    selector_free(world->selector);
    sim_free(&world->sim);
}

/* One look: manages, then writes the status. Returns how many actions it took. */
static size_t step(struct world *world)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(plan_clear) struct plan status = {0};
    look(world);
    replicaset_decide(&world->seen, &plan);
    replicaset_decide_status(&world->seen, NULL, NULL, &status);
    sim_apply(&world->sim, &plan);
    sim_apply(&world->sim, &status);
    return plan.count + status.count;
}

static void settle(struct world *world, const char *name)
{
    for (int i = 0; i < 10; i++)
        if (step(world) == 0)
            return;
    fail_msg("%s: does not settle", name);
}

static json_t *put_pod(struct world *world, const char *name, const char *more)
{
    CLEANUP(free_ptr)
    char *text =
        xasprintf("{'metadata':{'name':'%s','namespace':'d','labels':{'app':'web'}%s}", name, more);
    return sim_put(&world->sim, "pods", sim_json(text));
}

#define OWNED                                                                                      \
    ",'ownerReferences':[{'apiVersion':'apps/"                                                     \
    "v1','kind':'ReplicaSet','name':'web','uid':'set-uid','controller':true}]"

static void counts_converge(void **state)
{
    static const struct {
        const char *name;
        int before, after;
    } cases[] = {{"none", 0, 0},    {"first sync", 0, 3}, {"grows", 2, 7},
                 {"shrinks", 7, 2}, {"to nothing", 4, 0}, {"converged", 3, 3}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;
        world_init(&world, cases[i].before);
        settle(&world, cases[i].name);
        json_t *set = sim_get(&world.sim, "replicasets.apps", "d", "web");
        json_object_set_new(json_object_get(set, "spec"), "replicas", json_integer(cases[i].after));
        settle(&world, cases[i].name);
        if (sim_count(&world.sim, "pods") != (size_t)cases[i].after)
            fail_msg("%s: %zu Pods", cases[i].name, sim_count(&world.sim, "pods"));
        assert_int_equal(json_int_or(json_at(set, "status", "replicas"), -1), cases[i].after);
        assert_int_equal(step(&world), 0); /* deciding twice */
        world_free(&world);
    }
}

static void created_pods_are_as_the_template(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 1);
    CLEANUP(plan_clear) struct plan plan = {0};
    replicaset_decide(&world.seen, &plan);
    assert_int_equal(plan.count, 1);
    const struct plan_action *action = &plan.items[0];
    assert_string_equal(json_text(action->body, "metadata", "generateName"), "web-");
    assert_string_equal(json_text(action->body, "metadata", "labels", "app"), "web");
    assert_string_equal(json_text(meta_controller(action->body), "uid"), "set-uid");
    assert_true(json_is_true(json_object_get(meta_controller(action->body), "blockOwnerDeletion")));
    assert_string_equal(action->ok_reason, "SuccessfulCreate");
    world_free(&world);
}

static void orphans_are_adopted_and_strays_released(void **state)
{
    static const struct {
        const char *name, *pod, *plan;
    } cases[] = {
        {"adopts a match", "'x':{}", "patch pods p\n"},
        {"leaves a deleted one", "'deletionTimestamp':'2026-01-01T00:00:00Z'", "create pods \n"},
        {"leaves another's",
         "'ownerReferences':[{'apiVersion':'v1','kind':'X','name':'x','uid':'other','controller':"
         "true}]",
         "create pods \n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;
        CLEANUP(plan_clear) struct plan plan = {0};
        world_init(&world, 1);
        CLEANUP(free_ptr) char *more = xasprintf(",%s}", cases[i].pod);
        put_pod(&world, "p", more);
        look(&world);
        replicaset_decide(&world.seen, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, cases[i].plan) != 0)
            fail_msg("%s: %s", cases[i].name, text);
        world_free(&world);
    }
}

static void released_when_labels_change(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 1);
    settle(&world, "one");
    CLEANUP(json_list_free) struct json_list pods = {0};
    sim_list(&world.sim, "pods", &pods);
    json_t *pod = sim_get(&world.sim, "pods", "d", meta_name(pods.items[0]));
    json_object_set_new(json_at(pod, "metadata", "labels"), "app", json_string("debug"));
    settle(&world, "released");
    assert_int_equal(sim_count(&world.sim, "pods"),
                     2); /* the stray stays, a new one takes its place */
    assert_null(meta_controller(pod));
    world_free(&world);
}

/* Each row: two Pods; the first is to go first. */
static void ranking(void **state)
{
#define READY(since)                                                                               \
    "'conditions':[{'type':'Ready','status':'True','lastTransitionTime':'" since "'}]"
    static const struct {
        const char *name, *first, *second;
    } cases[] = {
        {"unassigned first", "},'spec':{}}", "},'spec':{'nodeName':'n'}}"},
        {"pending before unknown", "},'status':{'phase':'Pending'}}",
         "},'status':{'phase':'Unknown'}}"},
        {"unknown before running", "},'status':{'phase':'Unknown'}}",
         "},'status':{'phase':'Running'}}"},
        {"not ready first", "},'status':{}}", "},'status':{" READY("2020-01-01T00:00:00Z") "}}"},
        {"cheaper first", ",'annotations':{'controller.kubernetes.io/pod-deletion-cost':'-5'}}}",
         "}}"},
        {"shorter ready first", "},'status':{" READY("2025-10-09T08:53:00Z") "}}",
         "},'status':{" READY("2025-01-01T00:00:00Z") "}}"},
        {"more restarts first", "},'status':{'containerStatuses':[{'restartCount':4}]}}",
         "},'status':{'containerStatuses':[{'restartCount':1}]}}"},
        {"newer first", ",'creationTimestamp':'2025-10-09T08:53:00Z'}}",
         ",'creationTimestamp':'2025-01-01T00:00:00Z'}}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct replicaset_seen seen = {.now_us = INT64_C(1760000000) * 1000000};
        for (int swapped = 0; swapped < 2; swapped++) {
            CLEANUP(free_ptr)
            char *first = xasprintf("{'metadata':{'uid':'a','name':'first'%s", cases[i].first);
            CLEANUP(free_ptr)
            char *second = xasprintf("{'metadata':{'uid':'b','name':'second'%s", cases[i].second);
            json_auto_t *a = sim_json(first), *b = sim_json(second);
            json_t *pods[] = {swapped ? b : a, swapped ? a : b};
            replicaset_rank(pods, 2, &seen);
            if (pods[0] != a)
                fail_msg("%s (swapped %d)", cases[i].name, swapped);
        }
    }
}

static void crowded_nodes_lose_first(void **state)
{
    json_auto_t *a = sim_json("{'metadata':{'uid':'a'},'spec':{'nodeName':'full'}}");
    json_auto_t *b = sim_json("{'metadata':{'uid':'b'},'spec':{'nodeName':'free'}}");
    json_auto_t *c = sim_json("{'metadata':{'uid':'c'},'spec':{'nodeName':'full'}}");
    json_t *siblings[] = {a, b, c}, *pods[] = {b, a};
    struct replicaset_seen seen = {.siblings = siblings, .sibling_count = 3};
    (void)state;
    replicaset_rank(pods, 2, &seen);
    assert_ptr_equal(pods[0], a);
}

static void status_tells_failures_and_availability(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 2);
    settle(&world, "two");
    json_t *set = sim_get(&world.sim, "replicasets.apps", "d", "web");
    json_object_set_new(json_object_get(set, "spec"), "minReadySeconds", json_integer(10));
    CLEANUP(json_list_free) struct json_list pods = {0};
    sim_list(&world.sim, "pods", &pods);
    json_t *pod = sim_get(&world.sim, "pods", "d", meta_name(pods.items[0]));
    json_object_set_new(pod, "status",
                        sim_json("{'phase':'Running','conditions':[{'type':'Ready','status':'True',"
                                 "'lastTransitionTime':'2025-10-09T08:53:18Z'}]}"));
    CLEANUP(plan_clear) struct plan plan = {0};
    look(&world);
    replicaset_decide_status(&world.seen, "FailedCreate", "exceeded quota", &plan);
    assert_int_equal(plan.count, 1);
    const json_t *status = json_object_get(plan.items[0].body, "status");
    assert_int_equal(json_int_or(json_object_get(status, "readyReplicas"), 0), 1);
    assert_int_equal(json_int_or(json_object_get(status, "availableReplicas"), 0), 0);
    assert_string_equal(
        json_text(json_array_get(json_object_get(status, "conditions"), 0), "reason"),
        "FailedCreate");
    assert_in_range(plan.again_ms, 1,
                    10000); /* when the Pod will have been ready for long enough */
    sim_apply(&world.sim, &plan);
    settle(&world, "recovers");
    assert_null(json_at(set, "status", "conditions"));
    world_free(&world);
}

static void nothing_while_being_deleted(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 3);
    json_t *set = sim_get(&world.sim, "replicasets.apps", "d", "web");
    json_set_text(json_object_get(set, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
    put_pod(&world, "orphan", "}");
    CLEANUP(plan_clear) struct plan plan = {0};
    look(&world);
    replicaset_decide(&world.seen, &plan);
    assert_int_equal(plan.count, 0);
    world_free(&world);
}

static void finished_pods_do_not_count(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 1);
    put_pod(&world, "done", OWNED "},'status':{'phase':'Failed'}");
    CLEANUP(plan_clear) struct plan plan = {0};
    look(&world);
    replicaset_decide(&world.seen, &plan);
    CLEANUP(free_ptr) char *text = sim_text(&plan);
    assert_string_equal(text, "create pods \n");
    world_free(&world);
}

static void a_replication_controller_is_the_same_by_another_name(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 1);
    world.seen.kind = &replica_kind_controller;
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(plan_clear) struct plan status = {0};
    replicaset_decide(&world.seen, &plan);
    assert_int_equal(plan.count, 1);
    const json_t *owner = meta_controller(plan.items[0].body);
    assert_string_equal(json_text(owner, "apiVersion"), "v1");
    assert_string_equal(json_text(owner, "kind"), "ReplicationController");
    replicaset_decide_status(&world.seen, "FailedCreate", "exceeded quota", &status);
    assert_string_equal(status.items[0].resource, "replicationcontrollers");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_converge),
        cmocka_unit_test(created_pods_are_as_the_template),
        cmocka_unit_test(orphans_are_adopted_and_strays_released),
        cmocka_unit_test(released_when_labels_change),
        cmocka_unit_test(ranking),
        cmocka_unit_test(crowded_nodes_lose_first),
        cmocka_unit_test(status_tells_failures_and_availability),
        cmocka_unit_test(nothing_while_being_deleted),
        cmocka_unit_test(finished_pods_do_not_count),
        cmocka_unit_test(a_replication_controller_is_the_same_by_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
