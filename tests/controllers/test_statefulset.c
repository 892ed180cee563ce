/* StatefulSets: order, identity, partitions, revisions, over the sim. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/pod_state.h"
#include "controllers/revision.h"
#include "controllers/statefulset.h"
#include "controllers/statefulset_claims.h"
#include "schema/meta.h"

#define SET                                                                                        \
    "{'apiVersion':'apps/"                                                                         \
    "v1','kind':'StatefulSet','metadata':{'name':'db','namespace':'d','uid':'set-uid'},'spec':{"   \
    "'replicas':%d,'serviceName':'db','podManagementPolicy':'%s','updateStrategy':{'type':'"       \
    "RollingUpdate',"                                                                              \
    "'rollingUpdate':{'partition':0}},'revisionHistoryLimit':2,'selector':{'matchLabels':{'app':'" \
    "db'}},"                                                                                       \
    "'volumeClaimTemplates':[{'metadata':{'name':'data'},'spec':{}}],'template':{'metadata':{'"    \
    "labels':{'app':'db'}},"                                                                       \
    "'spec':{'containers':[{'name':'c','image':'v1'}]}}}}"

struct world {
    struct sim sim;
    struct buf log; /* what was made and deleted, in order */
    int unready_most;
};

static json_t *set_of(const struct world *world)
{
    return sim_get(&world->sim, "statefulsets.apps", "d", "db");
}

static void world_init(struct world *world, int replicas, const char *policy)
{
    CLEANUP(free_ptr) char *text = xasprintf(SET, replicas, policy);
    *world = (struct world){.log = BUF_TEXT};
    sim_init(&world->sim);
    sim_put(&world->sim, "statefulsets.apps", sim_json(text));
}

static void world_free(struct world *world)
{
    buf_free(&world->log);
    sim_free(&world->sim);
}

static void note(struct world *world, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_action *action = &plan->items[i];
        if (strcmp(action->resource, "pods") == 0)
            buf_printf(&world->log, "%c%s ", action->verb == PLAN_CREATE ? '+' : '-', action->name);
    }
}

static size_t step(struct world *world)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(json_list_free) struct json_list pods = {0}, revisions = {0}, claims = {0};
    json_auto_t *names = json_object();
    sim_list(&world->sim, "pods", &pods);
    sim_list(&world->sim, REVISIONS, &revisions);
    sim_list(&world->sim, "persistentvolumeclaims", &claims);
    for (size_t i = 0; i < claims.count; i++)
        json_object_set(names, meta_name(claims.items[i]), claims.items[i]);
    const struct statefulset_seen seen = {set_of(world),    revisions.items, revisions.count,
                                          pods.items,       pods.count,      names,
                                          world->sim.now_us};
    statefulset_decide(&seen, &plan);
    note(world, &plan);
    for (size_t i = 0; i < plan.count;
         i++) /* the sim's update writes spec and metadata; a revision is another shape */
        if (plan.items[i].verb == PLAN_UPDATE && strcmp(plan.items[i].resource, REVISIONS) == 0)
            json_object_set_new(sim_get(&world->sim, REVISIONS, "d", plan.items[i].name),
                                "revision",
                                json_incref(json_object_get(plan.items[i].body, "revision")));
    sim_apply(&world->sim, &plan);
    return plan.count;
}

static size_t run_pods(struct world *world)
{
    CLEANUP(json_list_free) struct json_list pods = {0};
    size_t done = 0;
    int unready = 0;
    sim_list(&world->sim, "pods", &pods);
    for (size_t i = 0; i < pods.count; i++) {
        json_t *pod = sim_get(&world->sim, "pods", "d", meta_name(pods.items[i]));
        if (pod_is_ready(pod))
            continue;
        unready++;
        json_object_set_new(
            pod, "status",
            sim_json("{'phase':'Running','conditions':[{'type':'Ready','status':'True',"
                     "'lastTransitionTime':'2025-10-01T00:00:00Z'}]}"));
        done++;
    }
    world->unready_most = unready > world->unready_most ? unready : world->unready_most;
    return done;
}

static void settle(struct world *world)
{
    for (int i = 0; i < 200; i++) {
        size_t did = step(world);
        did += run_pods(world);
        if (!did)
            return;
    }
    fail_msg("does not settle: %s", world->log.data);
}

static void set_spec(struct world *world, const char *key, json_t *value)
{
    json_object_set_new(json_object_get(set_of(world), "spec"), key, value);
}

static void set_image(struct world *world, const char *image)
{
    json_set_text(
        json_array_get(json_at(set_of(world), "spec", "template", "spec", "containers"), 0),
        "image", image);
}

static int64_t count(struct world *world, const char *key)
{
    return json_int_or(json_at(set_of(world), "status", key), 0);
}

static void grows_and_shrinks_in_order(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 3, "OrderedReady");
    settle(&world);
    assert_string_equal(world.log.data, "+db-0 +db-1 +db-2 ");
    assert_int_equal(world.unready_most, 1);
    assert_int_equal(count(&world, "readyReplicas"), 3);
    assert_int_equal(sim_count(&world.sim, "persistentvolumeclaims"), 3);
    const json_t *pod = sim_get(&world.sim, "pods", "d", "db-1");
    assert_string_equal(json_text(pod, "spec", "hostname"), "db-1");
    assert_string_equal(json_text(pod, "spec", "subdomain"), "db");
    assert_string_equal(meta_label(pod, "statefulset.kubernetes.io/pod-name"), "db-1");
    assert_string_equal(meta_label(pod, "apps.kubernetes.io/pod-index"), "1");
    assert_string_equal(json_text(json_array_get(json_at(pod, "spec", "volumes"), 0),
                                  "persistentVolumeClaim", "claimName"),
                        "data-db-1");
    assert_int_equal(step(&world), 0); /* deciding twice */
    buf_clear(&world.log);
    set_spec(&world, "replicas", json_integer(1));
    settle(&world);
    assert_string_equal(world.log.data, "-db-2 -db-1 ");
    assert_int_equal(sim_count(&world.sim, "persistentvolumeclaims"), 3); /* data stays */
    world_free(&world);
}

/* With everything unhealthy nothing goes but the lowest: the others may hold what it needs. */
static void shrinking_halts_at_the_unhealthy(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 3, "OrderedReady");
    settle(&world);
    static const char *const names[] = {"db-0", "db-1", "db-2"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        json_object_set_new(sim_get(&world.sim, "pods", "d", names[i]), "status",
                            sim_json("{'phase':'Running'}"));
    buf_clear(&world.log);
    set_spec(&world, "replicas", json_integer(0));
    for (int i = 0; i < 5; i++)
        (void)step(&world);
    assert_int_equal(world.log.len, 0);
    json_object_set_new(
        sim_get(&world.sim, "pods", "d", "db-2"), "status",
        sim_json("{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]}"));
    (void)step(&world);
    (void)step(&world);
    assert_string_equal(world.log.data, "-db-2 ");
    world_free(&world);
}

/* Who takes the claims of db-0 and db-1 along, when the set has 1 replica and both Pods are there.
 */
static void claims_go_with_set_or_pod(void **state)
{
    static const struct {
        const char *name, *deleted, *scaled, *first, *second; /* kinds of owners; "": none */
    } rows[] = {
        {"nobody", "Retain", "Retain", "", ""},
        {"the set", "Delete", "Retain", "StatefulSet", "StatefulSet"},
        {"the Pod that leaves", "Retain", "Delete", "", "Pod"},
        {"each its own", "Delete", "Delete", "StatefulSet", "Pod"},
    };
    static const char *const before[] = {"[]",
                                         "[{'kind':'StatefulSet','uid':'db-uid','name':'db'}]",
                                         "[{'kind':'Pod','uid':'old','name':'db-1'}]"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t b = 0; b < ARRAY_LEN(before); b++) {
            CLEANUP(free_ptr)
            char *set_text = xasprintf(
                "{'metadata':{'name':'db','namespace':'d','uid':'db-uid'},'spec':{"
                "'persistentVolumeClaimRetentionPolicy':{'whenDeleted':'%s','whenScaled':'%s'},"
                "'volumeClaimTemplates':[{'metadata':{'name':'data'}}]}}",
                rows[i].deleted, rows[i].scaled);
            CLEANUP(free_ptr)
            char *claims_text =
                xasprintf("{'data-db-0':{'metadata':{'name':'data-db-0','ownerReferences':%s}},"
                          "'data-db-1':{'metadata':{'name':'data-db-1','ownerReferences':%s}},"
                          "'data-db-7':{'metadata':{'name':'data-db-7'}},'data-dbx-0':{}}",
                          before[b], before[b]);
            json_auto_t *set = sim_json(set_text), *claims = sim_json(claims_text);
            json_auto_t *first = sim_json("{'metadata':{'name':'db-0','uid':'u0'}}"),
                        *second = sim_json("{'metadata':{'name':'db-1','uid':'u1'}}");
            json_t *pods[] = {first, second};
            CLEANUP(plan_clear) struct plan plan = {0}, again = {0};
            struct claims_seen seen = {set, claims, pods, 2, 0, 1};
            claims_decide(&seen, &plan);
            for (size_t a = 0; a < plan.count; a++)
                json_object_set(claims, plan.items[a].name, plan.items[a].body);
            const char *const names[] = {"data-db-0", "data-db-1"};
            const char *const wanted[] = {rows[i].first, rows[i].second};
            for (size_t n = 0; n < ARRAY_LEN(names); n++) {
                const json_t *owners = json_at(claims, names[n], "metadata", "ownerReferences");
                const char *kind = json_text(json_array_get(owners, 0), "kind");
                bool foreign = b == 2 && n == 0; /* not this claim's Pod: somebody else's */
                if (!foreign && (json_array_size(owners) != (wanted[n][0] != '\0') ||
                                 strcmp(kind ? kind : "", wanted[n]) != 0))
                    fail_msg("%s, %s: %s", rows[i].name, names[n], kind ? kind : "none");
            }
            claims_decide(&seen, &again);
            assert_int_equal(again.count, 0); /* deciding twice */
        }
}

static void parallel_does_not_wait(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 4, "Parallel");
    settle(&world);
    assert_int_equal(world.unready_most, 4);
    world_free(&world);
}

static void updates_from_the_highest_down(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 3, "OrderedReady");
    settle(&world);
    buf_clear(&world.log);
    set_image(&world, "v2");
    settle(&world);
    assert_string_equal(world.log.data, "-db-2 +db-2 -db-1 +db-1 -db-0 +db-0 ");
    assert_string_equal(json_text(set_of(&world), "status", "currentRevision"),
                        json_text(set_of(&world), "status", "updateRevision"));
    assert_int_equal(count(&world, "updatedReplicas"), 3);
    world_free(&world);
}

static void a_partition_keeps_the_rest(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 3, "OrderedReady");
    settle(&world);
    buf_clear(&world.log);
    set_spec(&world, "updateStrategy",
             sim_json("{'type':'RollingUpdate','rollingUpdate':{'partition':2}}"));
    set_image(&world, "v2");
    settle(&world);
    assert_string_equal(world.log.data, "-db-2 +db-2 ");
    json_object_del(world.sim.objects,
                    "pods d/db-0"); /* below the partition it comes back as it was */
    settle(&world);
    const json_t *pod = sim_get(&world.sim, "pods", "d", "db-0");
    assert_string_equal(json_text(json_array_get(json_at(pod, "spec", "containers"), 0), "image"),
                        "v1");
    world_free(&world);
}

static void on_delete_waits_for_the_user(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 2, "OrderedReady");
    settle(&world);
    buf_clear(&world.log);
    set_spec(&world, "updateStrategy", sim_json("{'type':'OnDelete'}"));
    set_image(&world, "v2");
    settle(&world);
    assert_int_equal(world.log.len, 0);
    json_object_del(world.sim.objects, "pods d/db-0");
    settle(&world);
    const json_t *pod = sim_get(&world.sim, "pods", "d", "db-0");
    assert_string_equal(json_text(json_array_get(json_at(pod, "spec", "containers"), 0), "image"),
                        "v2");
    world_free(&world);
}

static void failed_pods_are_replaced(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 2, "OrderedReady");
    settle(&world);
    buf_clear(&world.log);
    json_set_text(json_object_get(sim_get(&world.sim, "pods", "d", "db-0"), "status"), "phase",
                  "Failed");
    settle(&world);
    assert_string_equal(world.log.data, "-db-0 +db-0 ");
    world_free(&world);
}

static void revisions_are_kept_and_cut(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, 1, "OrderedReady");
    for (int i = 1; i < 6; i++) {
        CLEANUP(free_ptr) char *image = xasprintf("v%d", i);
        set_image(&world, image);
        settle(&world);
    }
    assert_int_equal(sim_count(&world.sim, REVISIONS), 3); /* the live one and two */
    CLEANUP(json_list_free) struct json_list revisions = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    sim_list(&world.sim, REVISIONS, &revisions);
    json_write(&text, json_object_get(revisions.items[0], "data"));
    assert_non_null(strstr(
        text.data,
        "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":{")); /* in order
                                                                                         */
    assert_non_null(strstr(text.data, "{\"image\":\"v3\",\"name\":\"c\"}"));
    size_t before = sim_count(&world.sim, REVISIONS);
    set_image(&world, "v4"); /* back: the old revision comes to the front */
    settle(&world);
    assert_int_equal(sim_count(&world.sim, REVISIONS), before);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_shrinks_in_order),
        cmocka_unit_test(shrinking_halts_at_the_unhealthy),
        cmocka_unit_test(claims_go_with_set_or_pod),
        cmocka_unit_test(parallel_does_not_wait),
        cmocka_unit_test(updates_from_the_highest_down),
        cmocka_unit_test(a_partition_keeps_the_rest),
        cmocka_unit_test(on_delete_waits_for_the_user),
        cmocka_unit_test(failed_pods_are_replaced),
        cmocka_unit_test(revisions_are_kept_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
