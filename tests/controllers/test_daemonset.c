/* DaemonSets: one Pod a node, tolerations, rolling updates, over the sim. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/daemonset.h"
#include "controllers/pod_state.h"
#include "controllers/revision.h"
#include "schema/meta.h"

#define SET                                                                                        \
    "{'apiVersion':'apps/"                                                                         \
    "v1','kind':'DaemonSet','metadata':{'name':'agent','namespace':'d','uid':'set-uid'},'spec':{"  \
    "'updateStrategy':{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':1,'maxSurge':%d}}" \
    ",'selector':"                                                                                 \
    "{'matchLabels':{'app':'agent'}},'template':{'metadata':{'labels':{'app':'agent'}},'spec':{%"  \
    "s'containers':"                                                                               \
    "[{'name':'c','image':'v1'}]}}}}"
#define NODE(name, more) "{'metadata':{'name':'" name "'" more "}}"

struct world {
    struct sim sim;
    int least, most;      /* ready Pods and all Pods during an update */
    int created, deleted; /* Pods, in the last look */
};

static json_t *set_of(const struct world *world)
{
    return sim_get(&world->sim, "daemonsets.apps", "d", "agent");
}

static void put_node(struct world *world, const char *text)
{
    sim_put(&world->sim, "nodes", sim_json(text));
}

static void world_init(struct world *world, int surge, const char *spec)
{
    CLEANUP(free_ptr) char *text = xasprintf(SET, surge, spec);
    *world = (struct world){.least = 1000};
    sim_init(&world->sim);
    sim_put(&world->sim, "daemonsets.apps", sim_json(text));
}

static size_t step(struct world *world)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(json_list_free) struct json_list pods = {0}, revisions = {0}, nodes = {0};
    sim_list(&world->sim, "pods", &pods);
    sim_list(&world->sim, REVISIONS, &revisions);
    sim_list(&world->sim, "nodes", &nodes);
    const struct daemonset_seen seen = {set_of(world), revisions.items,  revisions.count,
                                        nodes.items,   nodes.count,      pods.items,
                                        pods.count,    world->sim.now_us};
    daemonset_decide(&seen, &plan);
    sim_apply(&world->sim, &plan);
    size_t writes = 0;
    world->created = world->deleted = 0;
    for (size_t i = 0; i < plan.count; i++) {
        writes += plan.items[i].verb != PLAN_EVENT;
        world->created +=
            plan.items[i].verb == PLAN_CREATE && !strcmp(plan.items[i].resource, "pods");
        world->deleted +=
            plan.items[i].verb == PLAN_DELETE && !strcmp(plan.items[i].resource, "pods");
    }
    return writes;
}

static size_t run_pods(struct world *world)
{
    CLEANUP(json_list_free) struct json_list pods = {0};
    int ready = 0;
    size_t done = 0;
    sim_list(&world->sim, "pods", &pods);
    for (size_t i = 0; i < pods.count; i++)
        ready += pod_is_ready(pods.items[i]);
    world->least = ready < world->least ? ready : world->least;
    world->most = (int)pods.count > world->most ? (int)pods.count : world->most;
    for (size_t i = 0; i < pods.count && !done; i++) {
        json_t *pod = sim_get(&world->sim, "pods", "d", meta_name(pods.items[i]));
        if (pod_is_ready(pod))
            continue;
        json_object_set_new(
            pod, "status",
            sim_json("{'phase':'Running','conditions':[{'type':'Ready','status':'True',"
                     "'lastTransitionTime':'2025-10-01T00:00:00Z'}]}"));
        done++;
    }
    return done;
}

static void settle(struct world *world, const char *name)
{
    for (int i = 0; i < 200; i++) {
        size_t did = step(world);
        did += run_pods(world);
        if (!did)
            return;
    }
    fail_msg("%s: does not settle", name);
}

static int64_t count(struct world *world, const char *key)
{
    return json_int_or(json_at(set_of(world), "status", key), 0);
}

static void which_nodes(void **state)
{
    static const struct {
        const char *name, *node, *spec;
        bool runs;
    } rows[] = {
        {"any", NODE("a", ""), "", true},
        {"cordoned",
         "{'metadata':{'name':'a'},'spec':{'taints':[{'key':'node.kubernetes.io/"
         "unschedulable','effect':'NoSchedule'}]}}",
         "", true},
        {"not ready",
         "{'metadata':{'name':'a'},'spec':{'taints':[{'key':'node.kubernetes.io/"
         "not-ready','effect':'NoExecute'}]}}",
         "", true},
        {"tainted",
         "{'metadata':{'name':'a'},'spec':{'taints':[{'key':'x','effect':'NoSchedule'}]}}", "",
         false},
        {"tainted and tolerated",
         "{'metadata':{'name':'a'},'spec':{'taints':[{'key':'x','effect':'NoSchedule'}]}}",
         "'tolerations':[{'operator':'Exists'}],", true},
        {"selected", NODE("a", ",'labels':{'disk':'ssd'}"), "'nodeSelector':{'disk':'ssd'},", true},
        {"not selected", NODE("a", ""), "'nodeSelector':{'disk':'ssd'},", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        world_init(&world, 0, rows[i].spec);
        put_node(&world, rows[i].node);
        settle(&world, rows[i].name);
        if (sim_count(&world.sim, "pods") != rows[i].runs ||
            count(&world, "desiredNumberScheduled") != rows[i].runs)
            fail_msg("%s: %zu Pods", rows[i].name, sim_count(&world.sim, "pods"));
        assert_int_equal(step(&world), 0); /* deciding twice */
        sim_free(&world.sim);
    }
}

static void nodes_come_and_go(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 0, "");
    put_node(&world, NODE("a", ""));
    put_node(&world, NODE("b", ""));
    settle(&world, "two");
    assert_int_equal(count(&world, "numberReady"), 2);
    put_node(&world, NODE("c", ""));
    settle(&world, "three");
    assert_int_equal(sim_count(&world.sim, "pods"), 3);
    json_object_del(world.sim.objects, "nodes /a");
    settle(&world, "one less");
    assert_int_equal(sim_count(&world.sim, "pods"), 2);
    json_t *node = sim_get(&world.sim, "nodes", "", "b");
    json_object_set_new(node, "spec", sim_json("{'taints':[{'key':'x','effect':'NoSchedule'}]}"));
    settle(&world, "may stay, not come");
    assert_int_equal(sim_count(&world.sim, "pods"), 2);
    assert_int_equal(count(&world, "numberMisscheduled"), 1);
    json_object_set_new(node, "spec", sim_json("{'taints':[{'key':'x','effect':'NoExecute'}]}"));
    settle(&world, "must go");
    assert_int_equal(sim_count(&world.sim, "pods"), 1);
    sim_free(&world.sim);
}

static void updates_roll(void **state)
{
    static const struct {
        const char *name;
        int surge, least, most;
    } rows[] = {{"one at a time", 0, 3, 4}, {"beside the old", 1, 4, 5}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        world_init(&world, rows[i].surge, "");
        put_node(&world, NODE("a", ""));
        put_node(&world, NODE("b", ""));
        put_node(&world, NODE("c", ""));
        put_node(&world, NODE("e", ""));
        settle(&world, rows[i].name);
        world.least = 1000;
        world.most = 0;
        json_set_text(
            json_array_get(json_at(set_of(&world), "spec", "template", "spec", "containers"), 0),
            "image", "v2");
        settle(&world, rows[i].name);
        if (world.least < rows[i].least || world.most > rows[i].most ||
            count(&world, "updatedNumberScheduled") != 4)
            fail_msg("%s: between %d and %d, %lld updated", rows[i].name, world.least, world.most,
                     (long long)count(&world, "updatedNumberScheduled"));
        sim_free(&world.sim);
    }
}

static void failed_pods_are_replaced(void **state)
{
    struct world world;
    CLEANUP(json_list_free) struct json_list pods = {0};
    (void)state;
    world_init(&world, 0, "");
    put_node(&world, NODE("a", ""));
    settle(&world, "one");
    sim_list(&world.sim, "pods", &pods);
    json_set_text(
        json_object_get(sim_get(&world.sim, "pods", "d", meta_name(pods.items[0])), "status"),
        "phase", "Failed");
    settle(&world, "again");
    assert_int_equal(sim_count(&world.sim, "pods"), 1);
    assert_null(sim_get(&world.sim, "pods", "d", meta_name(pods.items[0])));
    sim_free(&world.sim);
}

static void set_image(struct world *world, const char *image)
{
    json_t *spec = json_at(set_of(world), "spec", "template", "spec");
    json_set_text(json_array_get(json_object_get(spec, "containers"), 0), "image", image);
}

/* The first look after the template has changed, and the second. */
static void what_does_not_work_goes_first(void **state)
{
    static const struct {
        const char *name;
        int surge, broken, deleted, created, then_deleted, then_created;
    } rows[] = {
        {"all work", 0, 0, 1, 0, 0, 1},
        {"one does not: it goes beside the others", 0, 1, 2, 0, 0, 2},
        {"a new one beside an old one", 1, 0, 0, 1, 0, 0},
        {"and beside one that does not work, which then is of no use", 1, 1, 0, 2, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        CLEANUP(json_list_free) struct json_list pods = {0};
        world_init(&world, rows[i].surge, "");
        put_node(&world, NODE("a", ""));
        put_node(&world, NODE("b", ""));
        put_node(&world, NODE("c", ""));
        settle(&world, rows[i].name);
        sim_list(&world.sim, "pods", &pods);
        for (int j = 0; j < rows[i].broken; j++)
            json_object_set_new(sim_get(&world.sim, "pods", "d", meta_name(pods.items[j])),
                                "status", sim_json("{'phase':'Running'}"));
        set_image(&world, "v2");
        for (int j = 0; j < 5; j++) { /* a revision may come before */
            (void)step(&world);
            if (world.created || world.deleted)
                break;
        }
        int deleted = world.deleted, created = world.created;
        (void)step(&world);
        if (deleted != rows[i].deleted || created != rows[i].created ||
            world.deleted != rows[i].then_deleted || world.created != rows[i].then_created)
            fail_msg("%s: %d deleted, %d created, then %d and %d", rows[i].name, deleted, created,
                     world.deleted, world.created);
        sim_free(&world.sim);
    }
}

/* Of an update that never gets ready, only the Pod that it reached is made again. */
static void going_back_leaves_the_rest(void **state)
{
    struct world world;
    CLEANUP(json_list_free) struct json_list before = {0}, during = {0};
    size_t kept = 0, reached = 0;
    (void)state;
    world_init(&world, 0, "");
    put_node(&world, NODE("a", ""));
    put_node(&world, NODE("b", ""));
    put_node(&world, NODE("c", ""));
    settle(&world, "three");
    sim_list(&world.sim, "pods", &before);
    set_image(&world, "broken");
    for (int i = 0; i < 20; i++)
        (void)step(&world); /* nothing runs */
    sim_list(&world.sim, "pods", &during);
    for (size_t i = 0; i < before.count; i++)
        reached += !sim_get(&world.sim, "pods", "d", meta_name(before.items[i]));
    assert_int_equal(reached, 1);
    set_image(&world, json_text(json_array_get(json_at(before.items[0], "spec", "containers"), 0),
                                "image"));
    settle(&world, "back");
    for (size_t i = 0; i < before.count; i++)
        kept += sim_get(&world.sim, "pods", "d", meta_name(before.items[i])) != NULL;
    assert_int_equal(kept, 2);
    assert_int_equal(sim_count(&world.sim, "pods"), 3);
    assert_int_equal(count(&world, "updatedNumberScheduled"), 3);
    sim_free(&world.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_nodes),
        cmocka_unit_test(nodes_come_and_go),
        cmocka_unit_test(what_does_not_work_goes_first),
        cmocka_unit_test(updates_roll),
        cmocka_unit_test(going_back_leaves_the_rest),
        cmocka_unit_test(failed_pods_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
