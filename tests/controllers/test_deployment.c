/* Deployment: whole rollouts, step by step, with ReplicaSets and Pods that behave. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/deployment.h"
#include "controllers/owner.h"
#include "controllers/pod_state.h"
#include "controllers/replicaset.h"
#include "schema/condition.h"
#include "schema/meta.h"

#define SETS "replicasets.apps"
#define DEPLOYMENT                                                                                 \
    "{'apiVersion':'apps/"                                                                         \
    "v1','kind':'Deployment','metadata':{'name':'web','namespace':'d','uid':'deployment-uid'},"    \
    "'spec':{'replicas':%d,'progressDeadlineSeconds':600,'revisionHistoryLimit':10,'strategy':%s," \
    "'selector':"                                                                                  \
    "{'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web'}},'spec':{'"      \
    "containers':"                                                                                 \
    "[{'name':'c','image':'v1'}]}}}}"
#define ROLLING "{'type':'RollingUpdate','rollingUpdate':{'maxSurge':%s,'maxUnavailable':%s}}"

struct world {
    struct sim sim;
    bool broken;       /* new Pods never become ready */
    int least, most;   /* available and all Pods seen during the rollout */
    struct buf events; /* what was told */
};

static json_t *deployment(const struct world *world)
{
    return sim_get(&world->sim, "deployments.apps", "d", "web");
}

static void world_init(struct world *world, int replicas, const char *strategy)
{
    CLEANUP(free_ptr) char *text = xasprintf(DEPLOYMENT, replicas, strategy);
    *world = (struct world){.least = 1000, .events = BUF_TEXT};
    sim_init(&world->sim);
    sim_put(&world->sim, "deployments.apps", sim_json(text));
}

static void world_free(struct world *world)
{
    buf_free(&world->events);
    sim_free(&world->sim);
}

/* Reads what belongs to `uid`. */
static void owned(const struct world *world, const char *resource, const char *uid,
                  struct json_list *out)
{
    CLEANUP(json_list_free) struct json_list all = {0};
    sim_list(&world->sim, resource, &all);
    for (size_t i = 0; i < all.count; i++)
        if (owner_is_controller(all.items[i], uid))
            json_list_add(out, json_incref(all.items[i]));
}

static void note_events(struct world *world, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].message)
            buf_printf(&world->events, "%s\n", plan->items[i].message);
}

static size_t decide(struct world *world, int64_t *again_ms)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(json_list_free) struct json_list sets = {0};
    owned(world, SETS, "deployment-uid", &sets);
    const struct deployment_seen seen = {deployment(world), sets.items, sets.count, false,
                                         world->sim.now_us};
    deployment_decide(&seen, &plan);
    note_events(world, &plan);
    sim_apply(&world->sim, &plan);
    if (again_ms)
        *again_ms = plan.again_ms;
    return plan.count;
}

static size_t run_set(struct world *world, const json_t *set)
{
    struct error err = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(plan_clear) struct plan status = {0};
    CLEANUP(json_list_free) struct json_list pods = {0};
    owned(world, "pods", meta_uid(set), &pods);
    struct selector *selector = selector_from_json(json_at(set, "spec", "selector"), &err);
    const struct replicaset_seen seen = {.kind = &replica_kind_set,
                                         .replicaset = set,
                                         .selector = selector,
                                         .pods = pods.items,
                                         .pod_count = pods.count,
                                         .now_us = world->sim.now_us};
    replicaset_decide(&seen, &plan);
    replicaset_decide_status(&seen, NULL, NULL, &status);
    sim_apply(&world->sim, &plan);
    sim_apply(&world->sim, &status);
    selector_free(selector);
    return plan.count + status.count;
}

/* A kubelet: one Pod a turn becomes ready. */
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
        const char *image =
            json_text(json_array_get(json_at(pods.items[i], "spec", "containers"), 0), "image");
        json_t *pod = sim_get(&world->sim, "pods", "d", meta_name(pods.items[i]));
        if (pod_is_ready(pod) || (world->broken && strcmp(image, "v1") != 0))
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
    for (int i = 0; i < 300; i++) {
        CLEANUP(json_list_free) struct json_list sets = {0};
        size_t did = decide(world, NULL);
        sim_list(&world->sim, SETS, &sets);
        for (size_t j = 0; j < sets.count; j++)
            did += run_set(world, sim_get(&world->sim, SETS, "d", meta_name(sets.items[j])));
        did += run_pods(world);
        if (!did)
            return;
        world->sim.now_us += 1000000;
    }
    fail_msg("%s: does not settle", name);
}

static void set_image(struct world *world, const char *image)
{
    json_t *container =
        json_array_get(json_at(deployment(world), "spec", "template", "spec", "containers"), 0);
    json_set_text(container, "image", image);
    json_object_set_new(
        json_object_get(deployment(world), "metadata"), "generation",
        json_integer(json_int_or(json_at(deployment(world), "metadata", "generation"), 0) + 1));
}

static void set_spec(struct world *world, const char *key, json_t *value)
{
    json_object_set_new(json_object_get(deployment(world), "spec"), key, value);
    json_object_set_new(
        json_object_get(deployment(world), "metadata"), "generation",
        json_integer(json_int_or(json_at(deployment(world), "metadata", "generation"), 0) + 1));
}

static const char *condition_reason(struct world *world, const char *type)
{
    const char *reason = json_text(
        condition_find(json_at(deployment(world), "status", "conditions"), type), "reason");
    return reason ? reason : "";
}

static int64_t status_count(struct world *world, const char *key)
{
    return json_int_or(json_at(deployment(world), "status", key), 0);
}

static void first_rollout(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 3, "{'type':'RollingUpdate'}");
    assert_true(decide(&world, NULL) > 0);
    assert_string_equal(condition_reason(&world, "Progressing"), "NewReplicaSetCreated");
    settle(&world, "first");
    assert_int_equal(sim_count(&world.sim, "pods"), 3);
    assert_int_equal(status_count(&world, "availableReplicas"), 3);
    assert_int_equal(status_count(&world, "updatedReplicas"), 3);
    assert_string_equal(condition_reason(&world, "Progressing"), "NewReplicaSetAvailable");
    assert_string_equal(condition_reason(&world, "Available"), "MinimumReplicasAvailable");
    assert_string_equal(meta_annotation(deployment(&world), "deployment.kubernetes.io/revision"),
                        "1");
    assert_int_equal(json_int_or(json_at(deployment(&world), "metadata", "generation"), 0), 1);
    assert_int_equal(decide(&world, NULL), 0); /* deciding twice */
    CLEANUP(json_list_free) struct json_list sets = {0};
    sim_list(&world.sim, SETS, &sets);
    const char *hash = meta_label(sets.items[0], "pod-template-hash");
    assert_non_null(hash);
    CLEANUP(free_ptr) char *name = xasprintf("web-%s", hash);
    assert_string_equal(meta_name(sets.items[0]), name);
    assert_string_equal(
        json_text(sets.items[0], "spec", "selector", "matchLabels", "pod-template-hash"), hash);
    assert_string_equal(meta_annotation(sets.items[0], "deployment.kubernetes.io/max-replicas"),
                        "4");
    CLEANUP(free_ptr) char *told = xasprintf("Scaled up replica set %s from 0 to 3\n", name);
    assert_string_equal(world.events.data, told);
    world_free(&world);
}

static void rolling_keeps_its_limits(void **state)
{
    static const struct {
        const char *name, *surge, *unavailable;
        int replicas, least, most;
    } cases[] = {
        {"one up", "1", "0", 4, 4, 5},
        {"one down", "0", "1", 4, 3, 4},
        {"both", "2", "1", 6, 5, 8},
        {"percent", "'25%'", "'25%'", 8, 6, 10},
        {"percent rounds up and down", "'10%'", "'10%'", 5, 5, 6},
        {"zero and zero", "0", "0", 3, 2, 3},
        {"all at once", "'100%'", "'100%'", 5, 0, 10},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;
        CLEANUP(free_ptr) char *strategy = xasprintf(ROLLING, cases[i].surge, cases[i].unavailable);
        world_init(&world, cases[i].replicas, strategy);
        settle(&world, cases[i].name);
        world.least = 1000;
        world.most = 0;
        set_image(&world, "v2");
        settle(&world, cases[i].name);
        if (world.least < cases[i].least || world.most > cases[i].most)
            fail_msg("%s: between %d available and %d at all", cases[i].name, world.least,
                     world.most);
        assert_int_equal(status_count(&world, "updatedReplicas"), cases[i].replicas);
        assert_int_equal(sim_count(&world.sim, "pods"), cases[i].replicas);
        assert_int_equal(sim_count(&world.sim, SETS), 2);
        assert_string_equal(
            meta_annotation(deployment(&world), "deployment.kubernetes.io/revision"), "2");
        world_free(&world);
    }
}

static void undo_takes_the_old_set_back(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 2, "{'type':'RollingUpdate'}");
    settle(&world, "v1");
    set_image(&world, "v2");
    settle(&world, "v2");
    set_image(&world, "v1");
    settle(&world, "v1 again");
    assert_int_equal(sim_count(&world.sim, SETS), 2);
    assert_string_equal(meta_annotation(deployment(&world), "deployment.kubernetes.io/revision"),
                        "3");
    CLEANUP(json_list_free) struct json_list sets = {0};
    sim_list(&world.sim, SETS, &sets);
    const json_t *first =
        json_int_or(json_at(sets.items[0], "spec", "replicas"), 0) ? sets.items[0] : sets.items[1];
    assert_string_equal(meta_annotation(first, "deployment.kubernetes.io/revision-history"), "1");
    world_free(&world);
}

static void history_is_limited(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 1, "{'type':'RollingUpdate'}");
    set_spec(&world, "revisionHistoryLimit", json_integer(2));
    for (int i = 1; i < 7; i++) {
        CLEANUP(free_ptr) char *image = xasprintf("v%d", i);
        set_image(&world, image);
        settle(&world, image);
    }
    assert_int_equal(sim_count(&world.sim, SETS), 3); /* the current one and two old ones */
    world_free(&world);
}

static void recreate_stops_before_it_starts(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 3, "{'type':'Recreate'}");
    settle(&world, "v1");
    world.most = 0;
    set_image(&world, "v2");
    settle(&world, "v2");
    assert_int_equal(world.most, 3);
    assert_int_equal(status_count(&world, "updatedReplicas"), 3);
    world_free(&world);
}

static void recreate_waits_for_old_pods(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 1, "{'type':'Recreate'}");
    settle(&world, "v1");
    set_image(&world, "v2");
    CLEANUP(json_list_free) struct json_list sets = {0};
    sim_list(&world.sim, SETS, &sets);
    json_object_set_new(json_object_get(sets.items[0], "spec"), "replicas", json_integer(0));
    CLEANUP(plan_clear) struct plan plan = {0};
    const struct deployment_seen seen = {deployment(&world), sets.items, sets.count, true,
                                         world.sim.now_us};
    deployment_decide(&seen, &plan);
    for (size_t i = 0; i < plan.count; i++)
        assert_int_not_equal(plan.items[i].verb, PLAN_CREATE);
    world_free(&world);
}

static void a_stuck_rollout_times_out(void **state)
{
    struct world world;
    int64_t again_ms;
    (void)state;
    world_init(&world, 3, "{'type':'RollingUpdate'}");
    settle(&world, "v1");
    world.broken = true;
    set_image(&world, "v2");
    settle(&world, "stuck");
    assert_string_equal(condition_reason(&world, "Progressing"), "ReplicaSetUpdated");
    assert_string_equal(condition_reason(&world, "Available"), "MinimumReplicasAvailable");
    assert_int_equal(decide(&world, &again_ms), 0);
    assert_in_range(again_ms, 500000, 601000); /* wakes itself when the deadline passes */
    world.sim.now_us += INT64_C(700) * 1000000;
    settle(&world, "late");
    assert_string_equal(condition_reason(&world, "Progressing"), "ProgressDeadlineExceeded");
    world.broken = false;
    settle(&world, "mended");
    assert_string_equal(condition_reason(&world, "Progressing"), "NewReplicaSetAvailable");
    world_free(&world);
}

static void pause_holds_and_resume_goes_on(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 2, "{'type':'RollingUpdate'}");
    settle(&world, "v1");
    set_spec(&world, "paused", json_true());
    settle(&world, "paused");
    assert_string_equal(condition_reason(&world, "Progressing"), "DeploymentPaused");
    set_image(&world, "v2");
    settle(&world, "held");
    assert_int_equal(sim_count(&world.sim, SETS), 1);
    set_spec(&world, "replicas", json_integer(4));
    settle(&world, "scaled while paused");
    assert_int_equal(sim_count(&world.sim, "pods"), 4);
    set_spec(&world, "paused", json_false());
    settle(&world, "resumed");
    assert_int_equal(sim_count(&world.sim, SETS), 2);
    assert_int_equal(status_count(&world, "updatedReplicas"), 4);
    world_free(&world);
}

static void scaling_mid_rollout_is_proportional(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 10,
               "{'type':'RollingUpdate','rollingUpdate':{'maxSurge':3,'maxUnavailable':2}}");
    settle(&world, "v1");
    world.broken = true;
    set_image(&world, "v2");
    settle(&world, "stuck at 8 and 5");
    set_spec(&world, "replicas", json_integer(15));
    settle(&world, "scaled");
    CLEANUP(json_list_free) struct json_list sets = {0};
    sim_list(&world.sim, SETS, &sets);
    int64_t sizes[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        const char *image = json_text(
            json_array_get(json_at(sets.items[i], "spec", "template", "spec", "containers"), 0),
            "image");
        sizes[strcmp(image, "v2") == 0] =
            json_int_or(json_at(sets.items[i], "spec", "replicas"), 0);
    }
    assert_int_equal(sizes[0] + sizes[1],
                     18); /* the documentation's example: 3 of the 5 go to the old set */
    assert_int_equal(sizes[0], 11);
    assert_int_equal(sizes[1], 7);
    world_free(&world);
}

static void failures_to_create_show(void **state)
{
    static const struct {
        const char *name;
        bool taken;
        const char *plan, *reason;
    } cases[] = {
        {"name taken", true, "update deployments.apps/status web\n", ""},
        {"refused", false,
         "update deployments.apps/status web\n"
         "event events web Warning ReplicaSetCreateError: Failed to create new replica set "
         "\"web-x\": no\n",
         "ReplicaSetCreateError"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;
        CLEANUP(plan_clear) struct plan plan = {0};
        world_init(&world, 1, "{'type':'RollingUpdate'}");
        const struct deployment_seen seen = {deployment(&world), NULL, 0, false, world.sim.now_us};
        deployment_decide_create_failed(&seen, "web-x", cases[i].taken, "no", &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        assert_string_equal(text, cases[i].plan);
        sim_apply(&world.sim, &plan);
        assert_string_equal(condition_reason(&world, "Progressing"), cases[i].reason);
        assert_int_equal(status_count(&world, "collisionCount"), cases[i].taken);
        world_free(&world);
    }
}

static void scale_down_to_zero_and_back(void **state)
{
    static const int sizes[] = {3, 0, 5, 1, 0};
    struct world world;
    (void)state;
    world_init(&world, 2, "{'type':'RollingUpdate'}");
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        set_spec(&world, "replicas", json_integer(sizes[i]));
        settle(&world, "sized");
        assert_int_equal(sim_count(&world.sim, "pods"), sizes[i]);
        assert_int_equal(sim_count(&world.sim, SETS), 1);
    }
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_rollout),
        cmocka_unit_test(rolling_keeps_its_limits),
        cmocka_unit_test(undo_takes_the_old_set_back),
        cmocka_unit_test(history_is_limited),
        cmocka_unit_test(recreate_stops_before_it_starts),
        cmocka_unit_test(recreate_waits_for_old_pods),
        cmocka_unit_test(a_stuck_rollout_times_out),
        cmocka_unit_test(pause_holds_and_resume_goes_on),
        cmocka_unit_test(scaling_mid_rollout_is_proportional),
        cmocka_unit_test(failures_to_create_show),
        cmocka_unit_test(scale_down_to_zero_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
