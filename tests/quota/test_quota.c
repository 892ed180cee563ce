/* Charges over a real store: what counts, what is refused in which words, and that the last unit is
 * taken once. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "quota/quota.h"
#include "schema/meta.h"
#include "tests/world/world.h"

static int scene_up(void **state)
{
    static unsigned next;
    CLEANUP(free_ptr) char *name = xasprintf("q%u", next++);
    struct cluster *cluster = world_cluster(name);
    quota_set_plan(cluster, NULL);
    *state = cluster;
    return 0;
}

static int scene_down(void **state)
{
    cluster_unref(*state);
    return 0;
}

static enum quota_result charges_of(struct cluster *cluster, const char *resource,
                                    const json_t *now, const json_t *old, struct charges *charges,
                                    struct error *err)
{
    for (int i = 0; i < 3; i++) {
        enum quota_result result = quota_charges(cluster, resource, now, old, charges, err);
        if (result != QUOTA_COLD)
            return result;
        struct error why = {0};
        if (!quota_warm(cluster, &why))
            fail_msg("%s", why.message);
    }
    return QUOTA_COLD;
}

/* What the API server does with a write: charge, store, and say what was too much. */
static bool apply(struct cluster *cluster, enum store_op op, const char *resource,
                  const json_t *now, struct error *err)
{
    CLEANUP(charges_free) struct charges charges = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(object_unref_ptr) struct object *current = NULL;
    json_auto_t *value = json_deep_copy(now), *old = NULL;
    struct store_write write = {
        .cluster = cluster, .resource = store_intern(resource), .op = op, .value = value};
    size_t refused = 0;
    char uid[UUID_TEXT_SIZE];
    uuid_make(uid);
    if (op != STORE_CREATE) {
        assert_true(
            cache_get(cluster, resource, meta_namespace(now), meta_name(now), &current, err));
        old = object_json(current);
    } else {
        json_set_text(json_ensure_object(value, "metadata"), "uid", uid);
    }
    if (charges_of(cluster, resource, op == STORE_DELETE ? NULL : value, old, &charges, err) !=
        QUOTA_OK)
        return false;
    assert_true(object_draft_make(value, &text, &write.draft, err));
    write.charges = charges.items;
    write.charge_count = charges.count;
    enum store_result result = store_write_wait(cluster->store, &write, NULL, &refused);
    if (result == STORE_OVER_LIMIT)
        return quota_exceeded(cluster, resource, meta_name(now), &charges, refused, err);
    assert_int_equal(result, STORE_OK);
    return true;
}

/* NULL when it passed; else the message, owned. */
static char *try_apply(struct cluster *cluster, enum store_op op, const char *resource,
                       const char *yaml)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *value = world_yaml(yaml);
    return apply(cluster, op, resource, value, &err) ? NULL : xstrdup(err.message);
}

static void must(struct cluster *cluster, enum store_op op, const char *resource, const char *yaml)
{
    CLEANUP(free_ptr) char *message = try_apply(cluster, op, resource, yaml);
    if (message)
        fail_msg("%s: %s", yaml, message);
}

static void must_refuse(struct cluster *cluster, enum store_op op, const char *resource,
                        const char *yaml, const char *words)
{
    CLEANUP(free_ptr) char *message = try_apply(cluster, op, resource, yaml);
    if (!message)
        fail_msg("%s: passed", yaml);
    if (words)
        assert_string_equal(message, words);
}

#define POD(name, more)                                                                            \
    "{metadata: {name: " name ", namespace: team}, spec: {containers: [{name: c" more "}]}}"
#define CPU(request, limit) ", resources: {requests: {cpu: " request "}, limits: {cpu: " limit "}}"

static void counts(void **state)
{
    struct cluster *cluster = *state;
    must(cluster, STORE_CREATE, "pods", POD("before", ""));
    object_unref(world_put(cluster, "resourcequotas",
                           "{metadata: {name: q, namespace: team}, spec: {hard: {pods: '3', "
                           "count/configmaps: '1', count/deployments.apps: '1'}}}"));
    must(cluster, STORE_CREATE, "pods", POD("a", ""));
    must(cluster, STORE_CREATE, "pods", POD("b", ""));
    must_refuse(cluster, STORE_CREATE, "pods", POD("c", ""),
                "pods \"c\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, "
                "limited: pods=3");
    must(cluster, STORE_CREATE, "pods",
         "{metadata: {name: c, namespace: other}, spec: {containers: []}}");
    must(cluster, STORE_DELETE, "pods", POD("before", ""));
    must(cluster, STORE_CREATE, "pods", POD("c", ""));
    must(cluster, STORE_CREATE, "configmaps", "{metadata: {name: m, namespace: team}}");
    must_refuse(cluster, STORE_CREATE, "configmaps", "{metadata: {name: n2, namespace: team}}",
                "configmaps \"n2\" is forbidden: exceeded quota: q, requested: count/configmaps=1, "
                "used: count/configmaps=1, "
                "limited: count/configmaps=1");
    must(cluster, STORE_CREATE, "deployments.apps", "{metadata: {name: d, namespace: team}}");
    must_refuse(cluster, STORE_CREATE, "deployments.apps", "{metadata: {name: e, namespace: team}}",
                NULL);
    must(cluster, STORE_CREATE, "secrets", "{metadata: {name: s, namespace: team}}");
}

/* A Pod that has ended gives back what it had, but still counts as an object. */
static void ended_pods(void **state)
{
    struct cluster *cluster = *state;
    object_unref(
        world_put(cluster, "resourcequotas",
                  "{metadata: {name: q, namespace: team}, spec: {hard: {pods: '1', count/pods: "
                  "'2', requests.cpu: '1'}}}"));
    must(cluster, STORE_CREATE, "pods", POD("a", CPU("800m", "1")));
    must_refuse(cluster, STORE_CREATE, "pods", POD("b", CPU("800m", "1")),
                "pods \"b\" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=800m, "
                "used: pods=1,requests.cpu=800m, "
                "limited: pods=1,requests.cpu=1");
    must(cluster, STORE_UPDATE, "pods",
         "{metadata: {name: a, namespace: team, uid: u}, spec: {containers: [{name: c" CPU(
             "800m", "1") "}]}, status: {phase: Succeeded}}");
    must(cluster, STORE_CREATE, "pods", POD("b", CPU("800m", "1")));
    must(cluster, STORE_UPDATE, "pods",
         "{metadata: {name: b, namespace: team, uid: u}, spec: {containers: [{name: c" CPU(
             "800m", "1") "}]}, status: {phase: Failed}}");
    must_refuse(cluster, STORE_CREATE, "pods",
                POD("c", CPU("800m", "1")), /* two objects are there */
                "pods \"c\" is forbidden: exceeded quota: q, requested: count/pods=1, used: "
                "count/pods=2, limited: count/pods=2");
}

static void compute(void **state)
{
    struct cluster *cluster = *state;
    object_unref(
        world_put(cluster, "resourcequotas",
                  "{metadata: {name: q, namespace: team}, spec: {hard: {cpu: '1', memory: 1Gi, "
                  "limits.cpu: '2', requests.nvidia.com/gpu: '1'}}}"));
    must_refuse(cluster, STORE_CREATE, "pods", POD("a", ""),
                "pods \"a\" is forbidden: failed quota: q: must specify cpu for: c; limits.cpu "
                "for: c; memory for: c");
    must(cluster, STORE_CREATE, "pods",
         POD("a", ", resources: {requests: {cpu: 500m, memory: 600Mi, nvidia.com/gpu: 1}, limits: "
                  "{cpu: '1'}}"));
    must_refuse(cluster, STORE_CREATE, "pods",
                POD("b", ", resources: {requests: {cpu: 400m, memory: 600Mi}, limits: {cpu: '1'}}"),
                "pods \"b\" is forbidden: exceeded quota: q, requested: memory=600Mi, used: "
                "memory=600Mi, limited: memory=1Gi");
    must_refuse(cluster, STORE_CREATE, "pods",
                POD("b", ", resources: {requests: {cpu: 1m, memory: 1Mi, nvidia.com/gpu: 1}, "
                         "limits: {cpu: 1m}}"),
                "pods \"b\" is forbidden: exceeded quota: q, requested: requests.nvidia.com/gpu=1, "
                "used: requests.nvidia.com/gpu=1, "
                "limited: requests.nvidia.com/gpu=1");
    must(cluster, STORE_CREATE, "pods",
         POD("b", ", resources: {requests: {cpu: 500m, memory: 424Mi}, limits: {cpu: '1'}}"));
}

static void other_kinds(void **state)
{
    struct cluster *cluster = *state;
    object_unref(world_put(cluster, "resourcequotas",
                           "{metadata: {name: q, namespace: team}, spec: {hard: {services: '3', "
                           "services.nodeports: '2', "
                           "services.loadbalancers: '1', requests.storage: 10Gi, "
                           "fast.storageclass.storage.k8s.io/requests.storage: 3Gi}}}"));
#define SERVICE(name, spec) "{metadata: {name: " name ", namespace: team}, spec: " spec "}"
    must(cluster, STORE_CREATE, "services", SERVICE("a", "{type: NodePort, ports: [{port: 1}]}"));
    must_refuse(cluster, STORE_CREATE, "services",
                SERVICE("b", "{type: NodePort, ports: [{port: 1}, {port: 2}]}"), NULL);
    must(cluster, STORE_CREATE, "services",
         SERVICE("b", "{type: LoadBalancer, ports: [{port: 1}]}"));
    must_refuse(
        cluster, STORE_CREATE, "services",
        SERVICE("c",
                "{type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 1}]}"),
        NULL);
    must(cluster, STORE_CREATE, "services", SERVICE("c", "{type: ClusterIP, ports: [{port: 1}]}"));
    must_refuse(cluster, STORE_UPDATE, "services",
                "{metadata: {name: c, namespace: team, uid: u}, spec: {type: NodePort, ports: "
                "[{port: 1}]}}",
                NULL);
#define CLAIM(name, class, size)                                                                   \
    "{metadata: {name: " name                                                                      \
    ", namespace: team}, spec: {storageClassName: " class ", resources: {requests: "               \
                                                          "{storage: " size "}}}}"
    must(cluster, STORE_CREATE, "persistentvolumeclaims", CLAIM("a", "fast", "2Gi"));
    must_refuse(cluster, STORE_CREATE, "persistentvolumeclaims", CLAIM("b", "fast", "2Gi"),
                "persistentvolumeclaims \"b\" is forbidden: exceeded quota: q, requested: "
                "fast.storageclass.storage.k8s.io/requests.storage=2Gi, used: "
                "fast.storageclass.storage.k8s.io/requests.storage=2Gi, "
                "limited: fast.storageclass.storage.k8s.io/requests.storage=3Gi");
    must(cluster, STORE_CREATE, "persistentvolumeclaims", CLAIM("b", "slow", "8Gi"));
    must_refuse(cluster, STORE_CREATE, "persistentvolumeclaims", CLAIM("c", "slow", "1"), NULL);
}

static void scopes(void **state)
{
    static const struct {
        const char *scope, *inside, *outside;
        /* clang-format off */
    } rows[] = {
        {"scopes: [BestEffort]", POD("x", ""), POD("x", CPU("1", "1"))},
        {"scopes: [NotBestEffort]", POD("x", CPU("1", "1")), POD("x", "")},
        {"scopes: [Terminating]", "{metadata: {name: x, namespace: team}, spec: {activeDeadlineSeconds: 5, containers: []}}", POD("x", "")},
        {"scopes: [NotTerminating]", POD("x", ""), "{metadata: {name: x, namespace: team}, spec: {activeDeadlineSeconds: 5, containers: []}}"},
        {"scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [high]}]}",
         "{metadata: {name: x, namespace: team}, spec: {priorityClassName: high, containers: []}}",
         "{metadata: {name: x, namespace: team}, spec: {priorityClassName: low, containers: []}}"},
        {"scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: Exists}]}",
         "{metadata: {name: x, namespace: team}, spec: {priorityClassName: low, containers: []}}", POD("x", "")},
        {"scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: NotIn, values: [high]}]}",
         "{metadata: {name: x, namespace: team}, spec: {priorityClassName: low, containers: []}}",
         "{metadata: {name: x, namespace: team}, spec: {priorityClassName: high, containers: []}}"},
        {"scopes: [CrossNamespacePodAffinity]",
         "{metadata: {name: x, namespace: team}, spec: {containers: [], affinity: {podAffinity: "
         "{requiredDuringSchedulingIgnoredDuringExecution: [{namespaceSelector: {}}]}}}}", POD("x", "")},
    };
    /* clang-format on */
    struct cluster *cluster = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr)
        char *quota = xasprintf(
            "{metadata: {name: q, namespace: team}, spec: {hard: {pods: '0'}, %s}}", rows[i].scope);
        object_unref(world_put(cluster, "resourcequotas", quota));
        must_refuse(cluster, STORE_CREATE, "pods", rows[i].inside, NULL);
        must(cluster, STORE_CREATE, "pods", rows[i].outside);
        must(cluster, STORE_DELETE, "pods", rows[i].outside);
        world_remove(cluster, "resourcequotas", "team", "q");
    }
}

/* A change of what is limited counts anew; a change of how much does not need to. */
static void changed_quotas(void **state)
{
    struct cluster *cluster = *state;
    for (char name[2] = "a"; name[0] < 'e'; name[0]++) {
        CLEANUP(free_ptr) char *map = xasprintf("{metadata: {name: %s, namespace: team}}", name);
        must(cluster, STORE_CREATE, "configmaps", map);
    }
#define QUOTA(hard) "{metadata: {name: q, namespace: team, uid: fixed}, spec: {hard: " hard "}}"
    object_unref(world_put(cluster, "resourcequotas", QUOTA("{pods: '1'}")));
    must(cluster, STORE_CREATE, "pods", POD("p", ""));
    world_replace(cluster, "resourcequotas", QUOTA("{pods: '1', configmaps: '5'}"));
    must(cluster, STORE_CREATE, "configmaps", "{metadata: {name: fifth, namespace: team}}");
    must_refuse(cluster, STORE_CREATE, "configmaps", "{metadata: {name: sixth, namespace: team}}",
                NULL);
    must_refuse(cluster, STORE_CREATE, "pods", POD("p2", ""), NULL);
    world_replace(cluster, "resourcequotas", QUOTA("{pods: '2', configmaps: '6'}"));
    must(cluster, STORE_CREATE, "configmaps", "{metadata: {name: sixth, namespace: team}}");
    must(cluster, STORE_CREATE, "pods", POD("p2", ""));
    /* Lowered below what is there: nothing more, and what goes can go. */
    world_replace(cluster, "resourcequotas", QUOTA("{pods: '1', configmaps: '6'}"));
    must_refuse(cluster, STORE_CREATE, "pods", POD("p3", ""), NULL);
    must(cluster, STORE_DELETE, "pods", POD("p2", ""));
    must_refuse(cluster, STORE_CREATE, "pods", POD("p3", ""), NULL);
    must(cluster, STORE_DELETE, "pods", POD("p", ""));
    must(cluster, STORE_CREATE, "pods", POD("p3", ""));
    /* What another process finds after this one is gone. */
    cluster_part_drop(cluster, CLUSTER_PART_QUOTA);
    quota_set_plan(cluster, NULL);
    must_refuse(cluster, STORE_CREATE, "pods", POD("p4", ""), NULL);
}

static void status(void **state)
{
    struct cluster *cluster = *state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(object_unref_ptr)
    struct object *object = world_put(cluster, "resourcequotas",
                                      "{metadata: {name: q, namespace: team}, spec: {hard: {pods: "
                                      "'4', requests.cpu: 1500m, secrets: '1'}}}");
    must(cluster, STORE_CREATE, "pods", POD("a", CPU("250m", "1")));
    must(cluster, STORE_CREATE, "pods", POD("b", CPU("1", "1")));
    json_auto_t *quota = object_json(object), *found = NULL;
    json_auto_t *expected = world_yaml("{hard: {pods: '4', requests.cpu: 1500m, secrets: '1'}, "
                                       "used: {pods: '2', requests.cpu: 1250m, secrets: '0'}}");
    assert_true(quota_status(cluster, quota, &found, &err));
    assert_true(json_equal(found, expected));
    json_auto_t *from_counters = NULL;
    must(cluster, STORE_DELETE, "pods", POD("a", CPU("250m", "1")));
    assert_true(quota_used(cluster, quota, &from_counters, &err));
    assert_string_equal(json_text(from_counters, "used", "requests.cpu"), "1");
    must(cluster, STORE_CREATE, "pods", POD("a", CPU("250m", "1")));
    CLEANUP(charges_free) struct charges counted = {0};
    assert_true(quota_recount(cluster, quota, &counted, &err));
    assert_int_equal(counted.count, 3);
    assert_int_equal(counted.items[0].delta, 2000);
}

/* ---- the last unit ---- */

struct racer {
    struct cluster *cluster;
    unsigned number, made;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    for (unsigned i = 0; i < 10; i++) {
        CLEANUP(free_ptr)
        char *yaml =
            xasprintf("{metadata: {name: r%u-%u, namespace: team}, spec: {containers: []}}",
                      racer->number, i);
        CLEANUP(free_ptr) char *message = try_apply(racer->cluster, STORE_CREATE, "pods", yaml);
        racer->made += message == NULL;
    }
    return NULL;
}

static void last_unit(void **state)
{
    enum { RACERS = 4, LIMIT = 13 };
    struct cluster *cluster = *state;
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    unsigned made = 0;
    object_unref(world_put(cluster, "resourcequotas",
                           "{metadata: {name: q, namespace: team}, spec: {hard: {pods: '13'}}}"));
    for (unsigned i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.cluster = cluster, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        made += racers[i].made;
    }
    assert_int_equal(made, LIMIT);
}

/* ---- plans ---- */

static void plans(void **state)
{
    struct cluster *cluster = *state;
    json_auto_t *limits = world_yaml("{configmaps: '2', bytes: 10Ki, unknown: '0'}");
    quota_set_plan(cluster, limits);
    must(cluster, STORE_CREATE, "configmaps", "{metadata: {name: a, namespace: team}}");
    must(cluster, STORE_CREATE, "configmaps", "{metadata: {name: b, namespace: other}}");
    must_refuse(cluster, STORE_CREATE, "configmaps", "{metadata: {name: c, namespace: team}}",
                "configmaps \"c\" is forbidden: exceeded plan, requested: configmaps=1, used: "
                "configmaps=2, limited: configmaps=2");
    must(cluster, STORE_DELETE, "configmaps", "{metadata: {name: b, namespace: other}}");
    must(cluster, STORE_CREATE, "configmaps", "{metadata: {name: c, namespace: team}}");
    CLEANUP(free_ptr) char *filler = xcalloc(1, 9001);
    memset(filler, 'x', 9000);
    CLEANUP(free_ptr)
    char *big = xasprintf("{metadata: {name: c, namespace: team, uid: u}, data: {a: %s}}", filler);
    CLEANUP(free_ptr)
    char *bigger = xasprintf("{metadata: {name: c, namespace: team, uid: u}, data: {a: %s%s}}",
                             filler, filler);
    must(cluster, STORE_UPDATE, "configmaps", big);
    must_refuse(cluster, STORE_UPDATE, "configmaps", bigger, NULL);
    must(cluster, STORE_UPDATE, "configmaps", "{metadata: {name: c, namespace: team, uid: u}}");
    must(cluster, STORE_UPDATE, "configmaps", big);
}

/* Written and taken away again, the counters are where they were. */
struct sum {
    int64_t total;
    size_t count;
};

static void add_used(void *arg, const char *counter, int64_t used)
{
    struct sum *sum = arg;
    (void)counter;
    sum->total += used < 0 ? -used : used;
    sum->count++;
}

static void symmetry(void **state)
{
    static const struct {
        const char *resource, *first, *second;
        /* clang-format off */
    } rows[] = {
        {"pods", POD("a", CPU("1", "2")), "{metadata: {name: a, namespace: team, uid: u, labels: {x: z}}, spec: {containers: []}, status: {phase: Failed}}"},
        {"services", SERVICE("a", "{type: NodePort, ports: [{port: 1}]}"), "{metadata: {name: a, namespace: team, uid: u}, spec: {}}"},
        {"persistentvolumeclaims", CLAIM("a", "fast", "2Gi"), CLAIM("a", "fast", "3Gi")},
        {"events", "{metadata: {name: a, namespace: team}, message: m}", "{metadata: {name: a, namespace: team, uid: u}, message: longer}"},
        {"configmaps", "{metadata: {name: a, namespace: team, annotations: {k: v}}, data: {a: b}}", "{metadata: {name: a, namespace: team, uid: u}}"},
    };
    /* clang-format on */
    struct cluster *cluster = *state;
    struct error err = {0};
    json_auto_t *limits = json_object();
    quota_set_plan(cluster, limits);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sum sum = {0};
        must(cluster, STORE_CREATE, rows[i].resource, rows[i].first);
        must(cluster, STORE_UPDATE, rows[i].resource, rows[i].second);
        must(cluster, STORE_UPDATE, rows[i].resource, rows[i].first);
        must(cluster, STORE_DELETE, rows[i].resource, rows[i].first);
        assert_true(store_usage(cluster, "plan", add_used, &sum, &err));
        assert_true(sum.count > 0);
        if (sum.total != 0)
            fail_msg("%s: %lld", rows[i].resource, (long long)sum.total);
    }
}

/* ---- limit ranges ---- */

static char *limit(struct cluster *cluster, const char *resource, json_t *object)
{
    CLEANUP(error_clear) struct error err = {0}, why = {0};
    bool is_pod = strcmp(resource, "pods") == 0;
    if (is_pod && quota_limit_defaults(cluster, object) == QUOTA_COLD) {
        assert_true(quota_warm(cluster, &why));
        assert_int_equal(quota_limit_defaults(cluster, object), QUOTA_OK);
    }
    enum quota_result result = quota_limit_check(cluster, resource, object, &err);
    if (result == QUOTA_COLD) {
        assert_true(quota_warm(cluster, &why));
        result = quota_limit_check(cluster, resource, object, &err);
    }
    return result == QUOTA_DENIED ? xstrdup(err.message) : NULL;
}

static void limit_defaults(void **state)
{
    struct cluster *cluster = *state;
    object_unref(world_put(
        cluster, "limitranges",
        "{metadata: {name: l, namespace: team}, spec: {limits: [{type: Container, default: "
        "{cpu: 500m, memory: 1Gi}, defaultRequest: {cpu: 100m}}]}}"));
    json_auto_t *pod = world_yaml(POD("a", ", resources: {requests: {cpu: 200m}}"));
    json_auto_t *expected = world_yaml("{requests: {cpu: 200m}, limits: {cpu: 500m, memory: 1Gi}}");
    assert_null(limit(cluster, "pods", pod));
    assert_true(json_equal(
        json_at(json_array_get(json_at(pod, "spec", "containers"), 0), "resources"), expected));
    assert_string_equal(meta_annotation(pod, "kubernetes.io/limit-ranger"),
                        "LimitRanger plugin set: cpu, memory limit for container c");
    json_auto_t *elsewhere =
        world_yaml("{metadata: {name: a, namespace: other}, spec: {containers: [{name: c}]}}");
    assert_null(limit(cluster, "pods", elsewhere));
    assert_null(json_at(json_array_get(json_at(elsewhere, "spec", "containers"), 0), "resources"));
}

static void limit_bounds(void **state)
{
    static const struct {
        const char *limits, *resource, *object, *message; /* after "is forbidden: "; NULL: passes */
        /* clang-format off */
    } rows[] = {
        {"{type: Container, min: {cpu: 100m}}", "pods", POD("a", CPU("100m", "1")), NULL},
        {"{type: Container, min: {cpu: 100m}}", "pods", POD("a", CPU("50m", "1")),
         "minimum cpu usage per Container is 100m, but request is 50m"},
        {"{type: Container, min: {cpu: 100m}}", "pods", POD("a", ""), "minimum cpu usage per Container is 100m.  No request is specified"},
        {"{type: Container, max: {cpu: '1'}}", "pods", POD("a", CPU("1", "2")), "maximum cpu usage per Container is 1, but limit is 2"},
        {"{type: Container, max: {cpu: '1'}}", "pods", POD("a", ", resources: {requests: {cpu: '1'}}"),
         "maximum cpu usage per Container is 1.  No limit is specified"},
        {"{type: Pod, max: {memory: 1Gi}}", "pods",
         "{metadata: {name: a, namespace: team}, spec: {containers: [{name: a, resources: {limits: {memory: 600Mi}}}, {name: b, "
         "resources: {limits: {memory: 600Mi}}}]}}", "maximum memory usage per Pod is 1Gi, but limit is 1200Mi"},
        {"{type: Pod, max: {cpu: '1'}}", "pods",
         "{metadata: {name: a, namespace: team}, spec: {overhead: {cpu: 500m}, containers: [{name: a, resources: {limits: {cpu: "
         "'1'}}}]}}", NULL},
        {"{type: Container, maxLimitRequestRatio: {cpu: '2'}}", "pods", POD("a", CPU("1", "2")), NULL},
        {"{type: Container, maxLimitRequestRatio: {cpu: '2'}}", "pods", POD("a", CPU("1", "5")),
         "cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000"},
        {"{type: Container, maxLimitRequestRatio: {cpu: '1.5'}}", "pods", POD("a", CPU("1", "2")),
         "cpu max limit to request ratio per Container is 1.5, but provided ratio is 2.000000"},
        {"{type: PersistentVolumeClaim, min: {storage: 1Gi}, max: {storage: 2Gi}}", "persistentvolumeclaims", CLAIM("a", "x", "3Gi"),
         "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"},
        {"{type: PersistentVolumeClaim, min: {storage: 1Gi}, max: {storage: 2Gi}}", "persistentvolumeclaims", CLAIM("a", "x", "2Gi"), NULL},
        {"{type: Container, min: {cpu: '2'}, max: {cpu: '1'}}", "pods", POD("a", CPU("1500m", "1500m")),
         "[minimum cpu usage per Container is 2, but request is 1500m, maximum cpu usage per Container is 1, but limit is 1500m]"},
    };
    /* clang-format on */
    struct cluster *cluster = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr)
        char *range = xasprintf("{metadata: {name: l, namespace: team}, spec: {limits: [%s]}}",
                                rows[i].limits);
        object_unref(world_put(cluster, "limitranges", range));
        json_auto_t *object = world_yaml(rows[i].object);
        CLEANUP(free_ptr) char *message = limit(cluster, rows[i].resource, object);
        CLEANUP(free_ptr)
        char *expected = xasprintf("%s \"a\" is forbidden: %s", rows[i].resource,
                                   rows[i].message ? rows[i].message : "");
        if ((message == NULL) != (rows[i].message == NULL))
            fail_msg("%s %s: %s", rows[i].limits, rows[i].object, message ? message : "passed");
        if (message)
            assert_string_equal(message, expected);
        world_remove(cluster, "limitranges", "team", "l");
    }
}

int main(void)
{
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_up, scene_down)
    const struct CMUnitTest tests[] = {
        SCENE_TEST(counts),      SCENE_TEST(ended_pods),     SCENE_TEST(compute),
        SCENE_TEST(other_kinds), SCENE_TEST(scopes),         SCENE_TEST(changed_quotas),
        SCENE_TEST(status),      SCENE_TEST(last_unit),      SCENE_TEST(plans),
        SCENE_TEST(symmetry),    SCENE_TEST(limit_defaults), SCENE_TEST(limit_bounds),
    };
    return cmocka_run_group_tests(tests, world_up, world_down);
}
