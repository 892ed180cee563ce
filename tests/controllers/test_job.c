/* Jobs: whole runs over the sim, with Pods that succeed or fail. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/job.h"
#include "controllers/job_indexes.h"
#include "controllers/job_surplus.h"
#include "controllers/pod_state.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define JOB                                                                                        \
    "{'apiVersion':'batch/"                                                                        \
    "v1','kind':'Job','metadata':{'name':'work','namespace':'d','uid':'job-uid'},'spec':{%s,"      \
    "'template':{'metadata':{'labels':{'batch.kubernetes.io/"                                      \
    "job-name':'work'}},'spec':{'restartPolicy':'Never',"                                          \
    "'containers':[{'name':'c'}]}}}}"

struct world {
    struct sim sim;
    int fail_first;        /* so many Pods fail before one succeeds */
    unsigned fail_indexes; /* bits: these always fail */
    int started, most;
};

static json_t *job(const struct world *world)
{
    return sim_get(&world->sim, "jobs.batch", "d", "work");
}

static void world_init(struct world *world, const char *spec, int fail_first)
{
    CLEANUP(free_ptr) char *text = xasprintf(JOB, spec);
    *world = (struct world){.fail_first = fail_first};
    sim_init(&world->sim);
    sim_put(&world->sim, "jobs.batch", sim_json(text));
}

static size_t step(struct world *world, int64_t *again_ms)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(json_list_free) struct json_list pods = {0};
    sim_list(&world->sim, "pods", &pods);
    job_decide(&(struct job_seen){job(world), pods.items, pods.count, world->sim.now_us}, &plan);
    for (size_t i = 0; i < plan.count; i++)
        world->started += plan.items[i].verb == PLAN_CREATE;
    sim_apply(&world->sim, &plan);
    if (again_ms)
        *again_ms = plan.again_ms;
    return plan.count;
}

/* One Pod a turn ends. */
static size_t run_pod(struct world *world)
{
    CLEANUP(json_list_free) struct json_list pods = {0};
    int active = 0;
    sim_list(&world->sim, "pods", &pods);
    for (size_t i = 0; i < pods.count; i++)
        active += pod_is_active(pods.items[i]);
    world->most = active > world->most ? active : world->most;
    for (size_t i = 0; i < pods.count; i++) {
        json_t *pod = sim_get(&world->sim, "pods", "d", meta_name(pods.items[i]));
        if (pod_is_terminal(pod))
            continue;
        int64_t index = job_index_of(pod);
        bool fails = meta_deleting(pod) || world->fail_first-- > 0 ||
                     (index >= 0 && world->fail_indexes >> index & 1);
        json_t *status = sim_json("{'containerStatuses':[{'state':{'terminated':{}}}]}");
        json_set_text(status, "phase", fails ? "Failed" : "Succeeded");
        json_object_set_new(json_at(json_array_get(json_object_get(status, "containerStatuses"), 0),
                                    "state", "terminated"),
                            "exitCode", json_integer(fails ? 3 : 0));
        json_object_set_new(json_at(json_array_get(json_object_get(status, "containerStatuses"), 0),
                                    "state", "terminated"),
                            "finishedAt", json_time(world->sim.now_us));
        json_object_set_new(pod, "status", status);
        return 1;
    }
    return 0;
}

static void run(struct world *world, const char *name)
{
    for (int i = 0; i < 400; i++) {
        int64_t again_ms = 0;
        size_t did = step(world, &again_ms);
        if (job_finished(job(world)) && !did)
            return;
        did += run_pod(world);
        world->sim.now_us += (!did && again_ms ? again_ms : 10) * 1000;
    }
    fail_msg("%s: does not end", name);
}

static int64_t count(const struct world *world, const char *key)
{
    return json_int_or(json_at(job(world), "status", key), 0);
}

static void runs_end(void **state)
{
    static const struct {
        const char *name, *spec;
        int fail_first;
        const char *end, *reason;
        int succeeded, failed, most;
    } rows[] = {
        {"one", "'completions':1,'parallelism':1", 0, "Complete", "CompletionsReached", 1, 0, 1},
        {"many, few at a time", "'completions':7,'parallelism':3", 0, "Complete",
         "CompletionsReached", 7, 0, 3},
        {"tries again", "'completions':1,'parallelism':1,'backoffLimit':3", 2, "Complete",
         "CompletionsReached", 1, 2, 1},
        {"gives up", "'completions':1,'parallelism':1,'backoffLimit':2", 99, "Failed",
         "BackoffLimitExceeded", 0, 3, 1},
        {"its policy fails it",
         "'completions':1,'parallelism':1,'podFailurePolicy':{'rules':[{'action':'FailJob',"
         "'onExitCodes':{'operator':'In','values':[3]}}]}",
         99, "Failed", "PodFailurePolicy", 0, 1, 1},
        {"its policy ignores failures",
         "'completions':1,'parallelism':1,'backoffLimit':0,'podFailurePolicy':{'rules':[{'action':"
         "'Ignore','onExitCodes':{'operator':'NotIn','values':[4]}}]}",
         2, "Complete", "CompletionsReached", 1, 0, 1},
        {"no second try", "'completions':1,'parallelism':1,'backoffLimit':0", 99, "Failed",
         "BackoffLimitExceeded", 0, 1, 1},
        {"a work queue", "'parallelism':3", 0, "Complete", "CompletionsReached", 3, 0, 3},
        {"indexed", "'completions':5,'parallelism':2,'completionMode':'Indexed'", 0, "Complete",
         "CompletionsReached", 5, 0, 2},
        {"indexed with failures",
         "'completions':3,'parallelism':3,'completionMode':'Indexed','backoffLimit':6", 2,
         "Complete", "CompletionsReached", 3, 2, 3},
        {"nothing to do", "'completions':0,'parallelism':1", 0, "Complete", "CompletionsReached", 0,
         0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        world_init(&world, rows[i].spec, rows[i].fail_first);
        run(&world, rows[i].name);
        const json_t *end =
            condition_find(json_at(job(&world), "status", "conditions"), rows[i].end);
        if (!end || !text_eq(json_text(end, "reason"), rows[i].reason) ||
            count(&world, "succeeded") != rows[i].succeeded ||
            count(&world, "failed") != rows[i].failed || world.most != rows[i].most ||
            count(&world, "active"))
            fail_msg("%s: %s, %lld succeeded, %lld failed, %d at most", rows[i].name,
                     end ? json_text(end, "reason") : "open", (long long)count(&world, "succeeded"),
                     (long long)count(&world, "failed"), world.most);
        CLEANUP(json_list_free) struct json_list pods = {0};
        sim_list(&world.sim, "pods", &pods);
        for (size_t j = 0; j < pods.count; j++)
            assert_false(
                meta_has_finalizer(pods.items[j], JOB_FINALIZER)); /* all are counted and free */
        assert_int_equal(step(&world, NULL), 0);                   /* deciding twice */
        sim_free(&world.sim);
    }
}

static void indexes_are_told(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, "'completions':4,'parallelism':4,'completionMode':'Indexed'", 0);
    run(&world, "indexed");
    assert_string_equal(json_text(job(&world), "status", "completedIndexes"), "0-3");
    CLEANUP(json_list_free) struct json_list pods = {0};
    sim_list(&world.sim, "pods", &pods);
    assert_string_equal(meta_annotation(pods.items[0], "batch.kubernetes.io/job-completion-index"),
                        "0");
    assert_string_equal(json_text(pods.items[0], "spec", "hostname"), "work-0");
    sim_free(&world.sim);
}

#define INDEXED "'completionMode':'Indexed','completions':4,'parallelism':4,"
#define RULE(action)                                                                               \
    ",'podFailurePolicy':{'rules':[{'action':'" action                                             \
    "','onExitCodes':{'operator':'In','values':[3]}}]}"

static void indexes_fail(void **state)
{
    static const struct {
        const char *name, *spec;
        unsigned fail;
        const char *end, *reason, *completed, *failed_indexes;
        int failed;
    } rows[] = {
        {"all others go on", INDEXED "'backoffLimitPerIndex':1", 1 << 1, "Failed", "FailedIndexes",
         "0,2,3", "1", 2},
        {"none fails", INDEXED "'backoffLimitPerIndex':1", 0, "Complete", "CompletionsReached",
         "0-3", "", 0},
        {"the first failure is the last", INDEXED "'backoffLimitPerIndex':0", 1 << 2 | 1 << 3,
         "Failed", "FailedIndexes", "0,1", "2,3", 2},
        {"too many", INDEXED "'backoffLimitPerIndex':0,'maxFailedIndexes':1", 7, "Failed",
         "MaxFailedIndexesExceeded", NULL, NULL, -1},
        {"a rule fails the index", INDEXED "'backoffLimitPerIndex':5" RULE("FailIndex"), 1 << 1,
         "Failed", "FailedIndexes", "0,2,3", "1", 1},
        {"both limits", INDEXED "'backoffLimitPerIndex':5,'backoffLimit':2", 1 << 1, "Failed",
         "BackoffLimitExceeded", NULL, "", 3},
        {"success of some is enough",
         INDEXED "'successPolicy':{'rules':[{'succeededIndexes':'0,2-3'}]}", 1 << 1, "Complete",
         "SuccessPolicy", "0,2,3", NULL, -1},
        {"so many of some",
         INDEXED "'backoffLimitPerIndex':0,'successPolicy':{'rules':[{'succeededIndexes':'1'},"
                 "{'succeededIndexes':'1-3','succeededCount':1}]}",
         1 << 1, "Complete", "SuccessPolicy", NULL, NULL, -1},
        {"so many of all", INDEXED "'successPolicy':{'rules':[{'succeededCount':3}]}", 1 << 1,
         "Complete", "SuccessPolicy", "0,2,3", NULL, -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        world_init(&world, rows[i].spec, 0);
        world.fail_indexes = rows[i].fail;
        run(&world, rows[i].name);
        const json_t *status = json_object_get(job(&world), "status");
        const json_t *end = condition_find(json_object_get(status, "conditions"), rows[i].end);
        const char *completed = json_text(status, "completedIndexes");
        const char *failed = json_text(status, "failedIndexes");
        if (!end || !text_eq(json_text(end, "reason"), rows[i].reason) ||
            (rows[i].completed && !text_eq(completed, rows[i].completed)) ||
            (rows[i].failed_indexes && !text_eq(failed, rows[i].failed_indexes)) ||
            (rows[i].failed >= 0 && count(&world, "failed") != rows[i].failed))
            fail_msg("%s: %s, %s completed, %s failed, %lld failures", rows[i].name,
                     end ? json_text(end, "reason") : "open", completed ? completed : "none",
                     failed ? failed : "none", (long long)count(&world, "failed"));
        CLEANUP(json_list_free) struct json_list pods = {0};
        sim_list(&world.sim, "pods", &pods);
        for (size_t j = 0; j < pods.count; j++)
            assert_false(meta_has_finalizer(pods.items[j], JOB_FINALIZER));
        assert_int_equal(step(&world, NULL), 0);
        sim_free(&world.sim);
    }
}

/* Each Pod says how often its index had failed before, and comes after a back-off of its own. */
static void failures_are_counted_by_index(void **state)
{
    struct world world;
    int64_t again_ms = 0;
    (void)state;
    world_init(&world,
               "'completionMode':'Indexed','completions':1,'parallelism':1,"
               "'backoffLimitPerIndex':3",
               99);
    (void)step(&world, NULL);
    for (int i = 0; i < 3; i++) {
        CLEANUP(json_list_free) struct json_list pods = {0};
        CLEANUP(free_ptr) char *want = xasprintf("%d", i);
        sim_list(&world.sim, "pods", &pods);
        for (size_t j = 0; j < pods.count; j++)
            if (!pod_is_terminal(pods.items[j]))
                assert_string_equal(meta_annotation(pods.items[j], JOB_INDEX_FAILURE_ANNOTATION),
                                    want);
        (void)run_pod(&world);
        while (step(&world, &again_ms))
            continue;
        assert_in_range(again_ms, (10000 << i) - 1000, (10000 << i) + 1);
        world.sim.now_us += again_ms * 1000;
        (void)step(&world, NULL);
    }
    sim_free(&world.sim);
}

static void failures_wait_longer_each_time(void **state)
{
    static const int64_t waits_s[] = {10, 20, 40};
    struct world world;
    int64_t again_ms;
    (void)state;
    world_init(&world, "'completions':1,'parallelism':1,'backoffLimit':6", 99);
    (void)step(&world, NULL);
    for (size_t i = 0; i < ARRAY_LEN(waits_s); i++) {
        (void)run_pod(&world);
        while (step(&world, &again_ms))
            continue;
        assert_in_range(again_ms, waits_s[i] * 1000 - 1000, waits_s[i] * 1000 + 1);
        world.sim.now_us += again_ms * 1000;
        (void)step(&world, NULL);
        assert_int_equal(world.started, (int)i + 2);
    }
    sim_free(&world.sim);
}

static void a_deadline_ends_it(void **state)
{
    struct world world;
    int64_t again_ms;
    (void)state;
    world_init(&world, "'completions':1,'parallelism':1,'activeDeadlineSeconds':30", 0);
    (void)step(&world, &again_ms);
    (void)step(&world, &again_ms);
    assert_in_range(again_ms, 1, 30001);
    world.sim.now_us += INT64_C(31) * 1000000;
    run(&world, "late");
    const json_t *end = condition_find(json_at(job(&world), "status", "conditions"), "Failed");
    assert_string_equal(json_text(end, "reason"), "DeadlineExceeded");
    sim_free(&world.sim);
}

static void suspended_runs_nothing(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, "'completions':2,'parallelism':2,'suspend':true", 0);
    (void)step(&world, NULL);
    assert_int_equal(sim_count(&world.sim, "pods"), 0);
    assert_true(condition_is(json_at(job(&world), "status", "conditions"), "Suspended", "True"));
    assert_int_equal(step(&world, NULL), 0);
    json_object_set_new(json_object_get(job(&world), "spec"), "suspend", json_false());
    run(&world, "resumed");
    assert_int_equal(count(&world, "succeeded"), 2);
    sim_free(&world.sim);
}

/* The first `count` Pods of the world are deleted, as somebody may; a finalizer of others holds
 * them. */
static void delete_pods(struct world *world, int count)
{
    CLEANUP(json_list_free) struct json_list pods = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    sim_list(&world->sim, "pods", &pods);
    for (size_t i = 0; i < pods.count && (int)i < count; i++) {
        json_t *pod = sim_get(&world->sim, "pods", "d", meta_name(pods.items[i]));
        json_array_append_new(json_at(pod, "metadata", "finalizers"), json_string("a/held"));
        plan_delete(&plan, "pods", pod);
    }
    sim_apply(&world->sim, &plan);
}

static void settle(struct world *world)
{
    for (int i = 0; step(world, NULL); i++)
        if (i == 20)
            fail_msg("does not settle");
}

static size_t held(const struct world *world)
{
    CLEANUP(json_list_free) struct json_list pods = {0};
    size_t count = 0;
    sim_list(&world->sim, "pods", &pods);
    for (size_t i = 0; i < pods.count; i++)
        count += meta_has_finalizer(pods.items[i], JOB_FINALIZER);
    return count;
}

static void deleted_pods(void **state)
{
    static const struct {
        const char *name, *spec;
        int active, failed, terminating;
    } rows[] = {
        {"have failed", "'completions':2,'parallelism':2", 2, 1, 1},
        {"whether or not they are indexed",
         "'completions':2,'parallelism':2,'completionMode':'Indexed'", 2, 1, 1},
        {"also for their index",
         "'completions':2,'parallelism':2,'completionMode':'Indexed','backoffLimitPerIndex':3", 2,
         1, 1},
        {"are waited for where only failed ones are replaced",
         "'completions':2,'parallelism':2,'podReplacementPolicy':'Failed'", 1, 0, 1},
        {"and by index",
         "'completions':2,'parallelism':2,'completionMode':'Indexed','podReplacementPolicy':'"
         "Failed'",
         1, 0, 1},
        {"fail the Job", "'completions':2,'parallelism':2,'backoffLimit':0", 0, 2, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        world_init(&world, rows[i].spec, 0);
        settle(&world);
        delete_pods(&world, 1);
        settle(&world);
        world.sim.now_us += INT64_C(11) * 1000000; /* the back-off */
        settle(&world);
        if (count(&world, "active") != rows[i].active ||
            count(&world, "failed") != rows[i].failed ||
            count(&world, "terminating") != rows[i].terminating)
            fail_msg("%s: %lld active, %lld failed, %lld terminating", rows[i].name,
                     (long long)count(&world, "active"), (long long)count(&world, "failed"),
                     (long long)count(&world, "terminating"));
        sim_free(&world.sim);
    }
}

/* A change of the Job's spec that takes Pods away: none of them has failed. */
static void fewer_pods(void **state)
{
    static const struct {
        const char *name, *spec, *key;
        int64_t value; /* -1: true */
        int active;
        const char *left; /* indexes of those that run */
    } rows[] = {
        {"suspended", "'completions':4,'parallelism':4,'backoffLimit':0", "suspend", -1, 0, ""},
        {"less at once", "'completions':9,'parallelism':5,'backoffLimit':2", "parallelism", 2, 2,
         NULL},
        {"a work queue", "'parallelism':5,'backoffLimit':0", "parallelism", 1, 1, NULL},
        {"fewer indexes", "'completions':3,'parallelism':3,'completionMode':'Indexed'",
         "completions", 1, 1, "0"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world;
        CLEANUP(json_list_free) struct json_list pods = {0};
        struct buf left = BUF_TEXT;
        world_init(&world, rows[i].spec, 0);
        settle(&world);
        json_object_set_new(json_object_get(job(&world), "spec"), rows[i].key,
                            rows[i].value < 0 ? json_true() : json_integer(rows[i].value));
        settle(&world);
        sim_list(&world.sim, "pods", &pods);
        for (size_t j = 0; j < pods.count; j++)
            buf_printf(&left, "%lld", (long long)job_index_of(pods.items[j]));
        CLEANUP(free_ptr) char *text = buf_take(&left);
        if (count(&world, "active") != rows[i].active || count(&world, "failed") ||
            (int)pods.count != rows[i].active || job_finished(job(&world)) ||
            (rows[i].left && strcmp(text ? text : "", rows[i].left) != 0))
            fail_msg("%s: %lld active, %lld failed, left %s", rows[i].name,
                     (long long)count(&world, "active"), (long long)count(&world, "failed"), text);
        sim_free(&world.sim);
    }
}

static void success_takes_the_rest_away_uncounted(void **state)
{
    struct world world;
    (void)state;
    world_init(&world,
               "'completionMode':'Indexed','completions':3,'parallelism':3,'successPolicy':"
               "{'rules':[{'succeededCount':1}]}",
               0);
    settle(&world);
    (void)run_pod(&world);
    settle(&world);
    assert_string_equal(job_finished(job(&world)), "Complete");
    assert_int_equal(count(&world, "succeeded"), 1);
    assert_int_equal(count(&world, "failed"), 0);
    assert_int_equal(sim_count(&world.sim, "pods"), 1);
    sim_free(&world.sim);
}

static void a_deleted_job_lets_go(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, "'completions':3,'parallelism':3", 0);
    settle(&world);
    assert_int_equal(held(&world), 3);
    json_object_set_new(json_object_get(job(&world), "metadata"), "deletionTimestamp",
                        json_time(world.sim.now_us));
    settle(&world);
    assert_int_equal(held(&world), 0);
    assert_int_equal(sim_count(&world.sim, "pods"), 3);
    sim_free(&world.sim);
}

#define RUNS(name, index, node, phase, ready)                                                      \
    "{'metadata':{'name':'" name                                                                   \
    "','annotations':{'batch.kubernetes.io/job-completion-index':'" index                          \
    "'}},'spec':{'nodeName':'" node "'},'status':{'phase':'" phase                                 \
    "','conditions':[{'type':'Ready','status':'" ready "'}]}}"

static void who_goes_first(void **state)
{
    static const struct {
        const char *name, *pods;
        int64_t completions, least;
        const char *want;
    } rows[] = {
        {"nobody", "[" RUNS("a", "0", "n", "Running", "True") "]", 3, 0, ""},
        {"not yet placed",
         "[" RUNS("a", "0", "n", "Running", "True") "," RUNS(
             "b", "1", "", "Pending", "False") "," RUNS("c", "2", "n", "Pending", "False") "]",
         -1, 2, "b c"},
        {"not yet ready",
         "[" RUNS("a", "0", "n", "Running", "True") "," RUNS("b", "1", "n", "Running", "False") "]",
         -1, 1, "b"},
        {"all of more than there are", "[" RUNS("a", "0", "n", "Running", "True") "]", -1, 5, "a"},
        {"one too many of an index",
         "[" RUNS("a", "1", "n", "Running", "True") "," RUNS(
             "b", "1", "n", "Running", "False") "," RUNS("c", "0", "", "Pending", "False") "]",
         3, 0, "b"},
        {"of no index, though it is further",
         "[" RUNS("a", "7", "n", "Running", "True") "," RUNS(
             "b", "x", "n", "Running", "True") "," RUNS("c", "0", "", "Pending", "False") "]",
         3, 1, "a b"},
        {"those and others",
         "[" RUNS("a", "7", "n", "Running", "True") "," RUNS(
             "b", "1", "n", "Running", "True") "," RUNS("c", "0", "", "Pending", "False") "]",
         3, 2, "a c"},
        {"finished ones do not run",
         "[" RUNS("a", "0", "n", "Succeeded", "False") "," RUNS("b", "0", "n", "Running",
                                                                "True") "]",
         3, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *list = sim_json(rows[i].pods);
        json_t *pods[4];
        const json_t *go[4];
        struct buf text = BUF_TEXT;
        for (size_t j = 0; j < json_array_size(list); j++)
            pods[j] = json_array_get(list, j);
        const struct job_surplus surplus = {pods, json_array_size(list), rows[i].completions,
                                            rows[i].least};
        size_t found = job_surplus_find(&surplus, go);
        for (size_t j = 0; j < found; j++)
            buf_printf(&text, "%s%s", j ? " " : "", meta_name(go[j]));
        CLEANUP(free_ptr) char *got = buf_take(&text);
        if (strcmp(got ? got : "", rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name, got);
    }
}

static void finished_jobs_expire(void **state)
{
    static const struct {
        const char *name, *job, *plan;
        int64_t again_s;
    } rows[] = {
        {"runs", "{'metadata':{'name':'work'},'spec':{'ttlSecondsAfterFinished':5}}", "", 0},
        {"for ever",
         "{'metadata':{'name':'work'},'status':{'conditions':[{'type':'Complete','status':'True'}]}"
         "}",
         "", 0},
        {"not yet",
         "{'metadata':{'name':'work'},'spec':{'ttlSecondsAfterFinished':50},'status':{'conditions':"
         "[{'type':'Complete',"
         "'status':'True','lastTransitionTime':'2025-10-09T08:53:00Z'}]}}",
         "", 30},
        {"now",
         "{'metadata':{'name':'work'},'spec':{'ttlSecondsAfterFinished':10},'status':{'conditions':"
         "[{'type':'Failed',"
         "'status':'True','lastTransitionTime':'2025-10-09T08:53:00Z'}]}}",
         "delete jobs.batch work\n", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        json_auto_t *one = sim_json(rows[i].job);
        job_ttl_decide(one, INT64_C(1760000000) * 1000000, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0 || plan.again_ms / 1000 != rows[i].again_s)
            fail_msg("%s: %s %lld", rows[i].name, text, (long long)plan.again_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_end),
        cmocka_unit_test(indexes_are_told),
        cmocka_unit_test(indexes_fail),
        cmocka_unit_test(failures_are_counted_by_index),
        cmocka_unit_test(failures_wait_longer_each_time),
        cmocka_unit_test(a_deadline_ends_it),
        cmocka_unit_test(suspended_runs_nothing),
        cmocka_unit_test(deleted_pods),
        cmocka_unit_test(fewer_pods),
        cmocka_unit_test(success_takes_the_rest_away_uncounted),
        cmocka_unit_test(a_deleted_job_lets_go),
        cmocka_unit_test(who_goes_first),
        cmocka_unit_test(finished_jobs_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
