/* Controllers and scheduler against a real API server and PostgreSQL: a workload's life, with a
 * kubelet played here. */
#include "tests/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "host/scheduler.h"
#include "schema/condition.h"
#include "schema/meta.h"
#include "tests/apiserver/support_fixture.h"

#define WAIT_US ((int64_t)30 * 1000 * 1000)

struct world {
    struct fixture fixture;
    struct controllers *controllers;
    struct scheduler *scheduler;
    struct api_caller admin;
    int serial; /* for Pod addresses */
};

static struct world world;

static json_t *tree(const char *text)
{
    json_error_t why;
    char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, 0, &why);
    if (!value)
        fail_msg("%s in %s", why.text, copy);
    free(copy);
    return value;
}

static void start_controllers(int64_t event_ttl_s)
{
    struct error err = {0};
    world.controllers = controllers_new(
        &(struct controllers_options){.api = world.fixture.api, .event_ttl_s = event_ttl_s});
    controllers_add_kubernetes(world.controllers);
    world.scheduler = scheduler_new(NULL, world.controllers);
    if (!controllers_start(world.controllers, &err))
        fail_msg("%s", err.message);
}

static void stop_controllers(void)
{
    controllers_stop(world.controllers);
    scheduler_free(world.scheduler);
    world.controllers = NULL;
    world.scheduler = NULL;
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&world.fixture);
    world.admin = fixture_admin(&world.fixture, world.fixture.host);
    start_controllers(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stop_controllers();
    fixture_stop(&world.fixture);
    return 0;
}

static void create(const char *resource, const char *ns, const char *text)
{
    struct error err = {0};
    json_auto_t *object = tree(text);
    if (!api_create(&world.admin, resource, ns, object, NULL, &err))
        fail_msg("creating %s: %s", resource, err.message);
}

static json_t *get(const char *resource, const char *ns, const char *name)
{
    struct error err = {0};
    json_t *object = NULL;
    if (!observe_get(world.fixture.host, resource, ns, name, &object, &err))
        fail_msg("%s", err.message);
    return object;
}

static void list(const char *resource, const char *ns, struct json_list *out)
{
    struct error err = {0};
    if (!observe_list(world.fixture.host, &(struct observe_query){.resource = resource, .ns = ns},
                      out, &err))
        fail_msg("%s", err.message);
}

static size_t count(const char *resource, const char *ns)
{
    CLEANUP(json_list_free) struct json_list items = {0};
    list(resource, ns, &items);
    return items.count;
}

static void patch(const char *resource, const char *sub, const char *ns, const char *name,
                  const char *text)
{
    struct error err = {0};
    json_auto_t *body = tree(text);
    if (!api_patch(&world.admin, resource, sub, ns, name, body, NULL, &err) &&
        err.reason != ERROR_NOT_FOUND)
        fail_msg("patching %s %s: %s", resource, name, err.message);
    error_clear(&err);
}

static void delete (const char *resource, const char *ns, const char *name, const char *propagation,
                    int64_t grace_s)
{
    struct error err = {0};
    const struct api_delete_options options = {.propagation = propagation, .grace_s = grace_s};
    if (!api_delete(&world.admin, resource, ns, name, &options, &err) &&
        err.reason != ERROR_NOT_FOUND)
        fail_msg("deleting %s %s: %s", resource, name, err.message);
    error_clear(&err);
}

/* Bound Pods run and are ready; Pods being stopped go. */
static void play_kubelet(void)
{
    CLEANUP(json_list_free) struct json_list pods = {0};
    list("pods", NULL, &pods);
    for (size_t i = 0; i < pods.count; i++) {
        const json_t *pod = pods.items[i];
        const char *node = json_text(pod, "spec", "nodeName"),
                   *phase = json_text(pod, "status", "phase");
        if (!node || !node[0])
            continue;
        if (meta_deleting(pod)) {
            delete ("pods", meta_namespace(pod), meta_name(pod), NULL, 0);
        } else if (!phase || strcmp(phase, "Running") != 0) {
            char text[400];
            (void)snprintf(text, sizeof(text),
                           "{'status':{'phase':'Running','podIP':'10.244.0.%d','podIPs':[{'ip':'10."
                           "244.0.%d'}],"
                           "'conditions':[{'type':'Ready','status':'True','lastTransitionTime':'"
                           "2026-01-01T00:00:00Z'},"
                           "{'type':'PodScheduled','status':'True'}]}}",
                           world.serial % 250 + 2, world.serial % 250 + 2);
            world.serial++;
            patch("pods", "status", meta_namespace(pod), meta_name(pod), text);
        }
    }
}

/* What there is, for the reader of a failure. */
static void tell_world(void)
{
    static const char *const resources[] = {"namespaces", "deployments.apps", "replicasets.apps",
                                            "pods",       "endpoints",        "events"};
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        CLEANUP(json_list_free) struct json_list items = {0};
        list(resources[i], NULL, &items);
        for (size_t j = 0; j < items.count; j++) {
            CLEANUP(free_ptr) char *text = json_dumps(items.items[j], JSON_COMPACT);
            (void)fprintf(stderr, "%s: %s\n", resources[i], text);
        }
    }
}

typedef bool (*condition_fn)(const void *arg);

static void wait_for(const char *what, condition_fn condition, const void *arg)
{
    int64_t until = clock_now_us() + WAIT_US;
    while (!condition(arg)) {
        if (clock_now_us() > until) {
            tell_world();
            fail_msg("%s did not come about", what);
        }
        play_kubelet();
        usleep(5000);
    }
}

#define NODE                                                                                       \
    "{'metadata':{'name':'n1','labels':{'kubernetes.io/"                                           \
    "hostname':'n1'}},'status':{'allocatable':{'cpu':'4',"                                         \
    "'memory':'8Gi','pods':'110'},'capacity':{'cpu':'4','memory':'8Gi','pods':'110'},'conditions'" \
    ":[{'type':'Ready',"                                                                           \
    "'status':'True','lastHeartbeatTime':'2026-01-01T00:00:00Z','lastTransitionTime':'2026-01-"    \
    "01T00:00:00Z'}]}}"
#define DEPLOYMENT                                                                                 \
    "{'apiVersion':'apps/"                                                                         \
    "v1','kind':'Deployment','metadata':{'name':'web'},'spec':{'replicas':3,'selector':"           \
    "{'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web'}},'spec':{'"      \
    "containers':[{"                                                                               \
    "'name':'c','image':'v1','ports':[{'name':'http','containerPort':8080}]}]}}}}"
#define SERVICE                                                                                    \
    "{'metadata':{'name':'web'},'spec':{'selector':{'app':'web'},'ports':[{'port':80,'targetPort'" \
    ":'http'}]}}"

static bool has_account(const void *ns)
{
    json_auto_t *account = get("serviceaccounts", ns, "default"),
                *map = get("configmaps", ns, "kube-root-ca.crt");
    return account && map;
}

static bool is_available(const void *arg)
{
    const int *want = arg;
    json_auto_t *deployment = get("deployments.apps", "d", "web");
    const json_t *status = json_object_get(deployment, "status");
    return json_int_or(json_object_get(status, "observedGeneration"), 0) ==
               json_int_or(json_at(deployment, "metadata", "generation"), -1) &&
           json_int_or(json_object_get(status, "availableReplicas"), 0) == *want &&
           json_int_or(json_object_get(status, "updatedReplicas"), 0) == *want &&
           json_int_or(json_object_get(status, "replicas"), 0) == *want &&
           text_eq(json_text(condition_find(json_object_get(status, "conditions"), "Progressing"),
                             "reason"),
                   "NewReplicaSetAvailable");
}

static bool has_addresses(const void *arg)
{
    const size_t *want = arg;
    CLEANUP(json_list_free) struct json_list slices = {0};
    json_auto_t *endpoints = get("endpoints", "d", "web");
    const json_t *subset = json_array_get(json_object_get(endpoints, "subsets"), 0);
    list("endpointslices.discovery.k8s.io", "d", &slices);
    return json_array_size(json_object_get(subset, "addresses")) == *want && slices.count == 1 &&
           json_array_size(json_object_get(slices.items[0], "endpoints")) == *want;
}

static bool is_empty(const void *ns)
{
    return count("pods", ns) == 0 && count("replicasets.apps", ns) == 0 &&
           count("deployments.apps", ns) == 0;
}

static bool is_gone(const void *ns)
{
    json_auto_t *namespace = get("namespaces", "", ns);
    return !namespace;
}

static void a_workload_lives_and_goes(void **state)
{
    int three = 3, five = 5;
    size_t addresses = 3;
    (void)state;
    create("nodes", "", NODE);
    create("namespaces", "", "{'metadata':{'name':'d'}}");
    wait_for("the namespace's ServiceAccount and root CA", has_account, "d");
    create("deployments.apps", "d", DEPLOYMENT);
    create("services", "d", SERVICE);
    wait_for("three replicas", is_available, &three);
    wait_for("three addresses", has_addresses, &addresses);
    json_auto_t *endpoints = get("endpoints", "d", "web");
    const json_t *port = json_array_get(
        json_object_get(json_array_get(json_object_get(endpoints, "subsets"), 0), "ports"), 0);
    assert_int_equal(json_int_or(json_object_get(port, "port"), 0), 8080);

    patch("deployments.apps", "", "d", "web", "{'spec':{'replicas':5}}");
    wait_for("five replicas", is_available, &five);
    patch("deployments.apps", "", "d", "web",
          "{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'v2','ports':[{'name':'"
          "http','containerPort':8080}]}]}}}}");
    wait_for("the new version", is_available, &five);
    assert_int_equal(count("replicasets.apps", "d"), 2);
    json_auto_t *deployment = get("deployments.apps", "d", "web");
    assert_string_equal(meta_annotation(deployment, "deployment.kubernetes.io/revision"), "2");

    delete ("deployments.apps", "d", "web", "Background", -1);
    wait_for("nothing left of it", is_empty, "d");
    delete ("namespaces", "", "d", NULL, -1);
    wait_for("the namespace's end", is_gone, "d");
}

static void deletion_takes_the_order_asked_for(void **state)
{
    int three = 3;
    (void)state;
    create("namespaces", "", "{'metadata':{'name':'d'}}");
    wait_for("the ServiceAccount", has_account, "d");
    create("deployments.apps", "d", DEPLOYMENT);
    wait_for("three replicas", is_available, &three);
    delete ("deployments.apps", "d", "web", "Foreground", -1);
    wait_for("foreground deletion", is_empty, "d");

    create("deployments.apps", "d", DEPLOYMENT);
    wait_for("three replicas", is_available, &three);
    delete ("deployments.apps", "d", "web", "Orphan", -1);
    int64_t until = clock_now_us() + WAIT_US;
    while (count("deployments.apps", "d") && clock_now_us() < until)
        usleep(5000);
    assert_int_equal(count("deployments.apps", "d"), 0);
    CLEANUP(json_list_free) struct json_list sets = {0};
    list("replicasets.apps", "d", &sets);
    assert_int_equal(sets.count, 1);
    assert_null(meta_controller(sets.items[0]));
    assert_int_equal(count("pods", "d"), 3);

    create("deployments.apps", "d", DEPLOYMENT); /* adopts what was orphaned */
    wait_for("adoption", is_available, &three);
    assert_int_equal(count("replicasets.apps", "d"), 1);
    delete ("namespaces", "", "d", NULL, -1);
    wait_for("the namespace's end", is_gone, "d");
}

static bool is_told(const void *message)
{
    json_auto_t *pod = get("pods", "default", "big");
    const json_t *condition = condition_find(json_at(pod, "status", "conditions"), "PodScheduled");
    return text_eq(json_text(condition, "message"), message) &&
           text_eq(json_text(condition, "reason"), "Unschedulable");
}

static bool is_bound(const void *name)
{
    json_auto_t *pod = get("pods", "default", name);
    return text_eq(json_text(pod, "spec", "nodeName"), "n1");
}

static bool has_event(const void *reason)
{
    CLEANUP(json_list_free) struct json_list events = {0};
    list("events", "default", &events);
    for (size_t i = 0; i < events.count; i++)
        if (text_eq(json_text(events.items[i], "reason"), reason))
            return true;
    return false;
}

#define POD(name, cpu)                                                                             \
    "{'metadata':{'name':'" name                                                                   \
    "'},'spec':{'containers':[{'name':'c','image':'i','resources':{'requests':{'cpu':'" cpu        \
    "'}}}]}}"

static void pods_wait_for_room(void **state)
{
    (void)state;
    wait_for("the ServiceAccount", has_account, "default");
    create("pods", "default", POD("first", "3"));
    wait_for("the first Pod's node", is_bound, "first");
    create("pods", "default", POD("big", "2"));
    wait_for("the reason", is_told,
             "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 "
             "No preemption "
             "victims found for incoming pod.");
    wait_for("the event", has_event, "FailedScheduling");
    delete ("pods", "default", "first", NULL, 0);
    wait_for("the room", is_bound, "big");
    wait_for("the event", has_event, "Scheduled");
    delete ("pods", "default", "big", NULL, 0);
}

static bool is_refused(const void *name)
{
    json_auto_t *pod = get("pods", "default", name);
    return text_eq(
        json_text(condition_find(json_at(pod, "status", "conditions"), "PodScheduled"), "reason"),
        "Unschedulable");
}

#define GUEST(name, of)                                                                            \
    "{'metadata':{'name':'" name "'},'spec':{'affinity':{'podAffinity':{"                          \
    "'requiredDuringSchedulingIgnoredDuringExecution':[{'labelSelector':{'matchLabels':{'app':"    \
    "'" of                                                                                         \
    "'}},'topologyKey':'kubernetes.io/hostname'}]}},'containers':[{'name':'c','image':'i'}]}}"
#define LABELLED(app) "{'metadata':{'labels':{'app':'" app "'}}}"

/* A Pod that wants to be near others waits until there are such. */
static void pods_wait_for_company(void **state)
{
    static const struct {
        const char *guest, *text, *host, *relabel; /* without `relabel`: it is created like that */
    } rows[] = {
        {"comes", GUEST("comes", "a"), "host", NULL},
        {"changes", GUEST("changes", "b"), "host", LABELLED("b")},
        {"itself", GUEST("itself", "c"), "itself", LABELLED("c")},
    };
    (void)state;
    wait_for("the ServiceAccount", has_account, "default");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        create("pods", "default", rows[i].text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        wait_for(rows[i].guest, is_refused, rows[i].guest);
    create("pods", "default",
           "{'metadata':{'name':'host','labels':{'app':'a'}},'spec':{'containers':[{'name':'c',"
           "'image':'i'}]}}");
    wait_for("the host's node", is_bound, "host");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].relabel)
            patch("pods", "", "default", rows[i].host, rows[i].relabel);
        wait_for(rows[i].guest, is_bound, rows[i].guest);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        delete ("pods", "default", rows[i].guest, NULL, 0);
    delete ("pods", "default", "host", NULL, 0);
}

PRINTF_LIKE(3, 4)
static void create_of(const char *resource, const char *ns, const char *format, ...)
{
    char text[800];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    create(resource, ns, text);
}

/* Their class comes late, and they fill the node: room is kept for each until it is bound, and not
 * once more beside that. */
static void pods_wait_for_their_claims(void **state)
{
    static const char *const names[] = {"v0", "v1", "v2", "v3"};
    (void)state;
    wait_for("the ServiceAccount", has_account, "default");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        create_of("persistentvolumeclaims", "default",
                  "{'metadata':{'name':'%s'},'spec':{'storageClassName':'late','accessModes':"
                  "['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}",
                  names[i]);
        create_of("pods", "default",
                  "{'metadata':{'name':'%s'},'spec':{'volumes':[{'name':'v',"
                  "'persistentVolumeClaim':{'claimName':'%s'}}],'containers':[{'name':'c',"
                  "'image':'i','resources':{'requests':{'cpu':'1'}}}]}}",
                  names[i], names[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        wait_for(names[i], is_refused, names[i]);
    create("storageclasses.storage.k8s.io", "",
           "{'metadata':{'name':'late'},'provisioner':'kubernetes.io/no-provisioner',"
           "'volumeBindingMode':'WaitForFirstConsumer'}");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        create_of("persistentvolumes", "",
                  "{'metadata':{'name':'%s'},'spec':{'capacity':{'storage':'1Gi'},'accessModes':"
                  "['ReadWriteOnce'],'storageClassName':'late','hostPath':{'path':'/%s'}}}",
                  names[i], names[i]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        wait_for(names[i], is_bound, names[i]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        delete ("pods", "default", names[i], NULL, 0);
}

/* What changed while no controller ran is found after a start. */
static void a_restart_finds_what_was_missed(void **state)
{
    int three = 3;
    (void)state;
    stop_controllers();
    create("namespaces", "", "{'metadata':{'name':'d'}}");
    create("deployments.apps", "d", DEPLOYMENT);
    start_controllers(0);
    wait_for("three replicas", is_available, &three);
    stop_controllers();
    delete ("deployments.apps", "d", "web", "Background", -1);
    assert_int_equal(count("replicasets.apps", "d"), 1);
    start_controllers(0);
    wait_for("nothing left of it", is_empty, "d");
    delete ("namespaces", "", "d", NULL, -1);
    wait_for("the namespace's end", is_gone, "d");
}

static bool is_settled(const void *arg)
{
    const struct cluster *cluster = arg;
    struct error err = {0};
    size_t number = 0;
    bool settled = true;
    struct cluster **clusters = store_unsettled(world.fixture.store, &number, &err);
    for (size_t i = 0; i < number; i++) {
        settled &= clusters[i]->id != cluster->id;
        cluster_unref(clusters[i]);
    }
    free(clusters);
    return settled;
}

/* A restart has nothing to look at in a cluster where all is done; one with work left is marked by
 * its next change. */
static void a_quiet_cluster_settles(void **state)
{
    struct error err = {0};
    (void)state;
    struct cluster *tenant = fixture_tenant(&world.fixture, "quiet");
    assert_false(is_settled(tenant));
    wait_for("quiet", is_settled, tenant);
    struct api_caller caller = fixture_admin(&world.fixture, tenant);
    json_auto_t *map = tree("{'metadata':{'name':'m'}}");
    if (!api_create(&caller, "configmaps", "default", map, NULL, &err))
        fail_msg("%s", err.message);
    assert_false(is_settled(tenant));
    wait_for("quiet again", is_settled, tenant);
    cluster_unref(tenant);
}

/* Tenants' clusters have their own controllers; their Pods are placed by the syncer. */
static void a_tenant_is_served(void **state)
{
    struct error err = {0};
    (void)state;
    struct cluster *tenant = fixture_tenant(&world.fixture, "acme");
    struct cluster *host = world.fixture.host;
    world.admin = fixture_admin(&world.fixture, tenant);
    world.fixture.host = tenant; /* the helpers look here now */
    create("namespaces", "", "{'metadata':{'name':'d'}}");
    wait_for("the ServiceAccount", has_account, "d");
    create("deployments.apps", "d", DEPLOYMENT);
    int64_t until = clock_now_us() + WAIT_US;
    while (count("pods", "d") < 3 && clock_now_us() < until)
        usleep(5000);
    assert_int_equal(count("pods", "d"), 3);
    CLEANUP(json_list_free) struct json_list pods = {0};
    list("pods", "d", &pods);
    for (size_t i = 0; i < pods.count; i++)
        assert_null(json_text(pods.items[i], "spec",
                              "nodeName")); /* a tenant's Pods are the syncer's to place */
    delete ("namespaces", "", "d", NULL, -1);
    until = clock_now_us() + WAIT_US;
    while (!is_gone("d") && clock_now_us() < until) {
        CLEANUP(json_list_free) struct json_list rest = {0};
        list("pods", "d", &rest);
        for (size_t i = 0; i < rest.count; i++)
            delete ("pods", "d", meta_name(rest.items[i]), NULL, 0);
        usleep(20000);
    }
    assert_true(is_gone("d"));
    world.fixture.host = host;
    world.admin = fixture_admin(&world.fixture, host);
    cluster_unref(tenant);
    error_clear(&err);
}

static bool is_event_gone(const void *name)
{
    json_auto_t *event = get("events", "default", name);
    return !event;
}

static void events_age(void **state)
{
    (void)state;
    stop_controllers();
    start_controllers(1);
    create("events", "default",
           "{'metadata':{'name':'aging'},'involvedObject':{'namespace':'default'},'reason':'R','"
           "type':'Normal'}");
    wait_for("the Event's end", is_event_gone, "aging");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workload_lives_and_goes),
        cmocka_unit_test(deletion_takes_the_order_asked_for),
        cmocka_unit_test(pods_wait_for_room),
        cmocka_unit_test(pods_wait_for_company),
        cmocka_unit_test(pods_wait_for_their_claims),
        cmocka_unit_test(a_restart_finds_what_was_missed),
        cmocka_unit_test(a_quiet_cluster_settles),
        cmocka_unit_test(a_tenant_is_served),
        cmocka_unit_test(events_age),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
