/* Endpoints and EndpointSlices: which addresses on which ports, and how few writes that takes. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/endpoints.h"
#include "controllers/endpointslice.h"
#include "schema/meta.h"

#define SERVICE(more)                                                                              \
    "{'metadata':{'name':'web','namespace':'d','uid':'s-uid','labels':{'team':'a'}},'spec':{'"     \
    "clusterIP':'10.96.0.5',"                                                                      \
    "'selector':{'app':'web'},'ports':[{'name':'http','port':80,'targetPort':'h'}]" more "}}"
#define POD(name, ip, ready, more)                                                                 \
    "{'metadata':{'name':'" name "','namespace':'d','uid':'u-" name "'" more                       \
    "},'spec':{'nodeName':'n','containers':[{"                                                     \
    "'ports':[{'name':'h','containerPort':8080}]}]},'status':{'phase':'Running','podIP':'" ip      \
    "','conditions':[{'type':'Ready','status':'" ready "'}]}}"

static void read_pods(const char *text, struct json_list *out)
{
    json_auto_t *pods = sim_json(text);
    for (size_t i = 0; i < json_array_size(pods); i++)
        json_list_add(out, json_incref(json_array_get(pods, i)));
}

static void decide(const json_t *service, const json_t *endpoints, const struct json_list *pods,
                   struct plan *plan)
{
    endpoints_decide(&(struct endpoints_seen){service, endpoints, pods->items, pods->count}, plan);
}

static void addresses_by_state(void **state)
{
    static const struct {
        const char *name, *service, *pods;
        size_t ready, unready;
    } rows[] = {
        {"none", SERVICE(""), "[]", 0, 0},
        {"ready", SERVICE(""),
         "[" POD("a", "10.0.0.1", "True", "") "," POD("b", "10.0.0.2", "True", "") "]", 2, 0},
        {"one is not", SERVICE(""),
         "[" POD("a", "10.0.0.1", "True", "") "," POD("b", "10.0.0.2", "False", "") "]", 1, 1},
        {"published all the same", SERVICE(",'publishNotReadyAddresses':true"),
         "[" POD("b", "10.0.0.2", "False", "") "]", 1, 0},
        {"without an address", SERVICE(""), "[" POD("a", "", "True", "") "]", 0, 0},
        {"being stopped", SERVICE(""),
         "[" POD("a", "10.0.0.1", "True", ",'deletionTimestamp':'2026-01-01T00:00:00Z'") "]", 0, 0},
        {"other family", SERVICE(",'ipFamilies':['IPv6']"),
         "[" POD("a", "10.0.0.1", "True", "") "]", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(plan_clear) struct plan again = {0};
        CLEANUP(json_list_free) struct json_list pods = {0};
        json_auto_t *service = sim_json(rows[i].service);
        read_pods(rows[i].pods, &pods);
        decide(service, NULL, &pods, &plan);
        assert_int_equal(plan.count, 1);
        const json_t *made = plan.items[0].body;
        const json_t *subset = json_array_get(json_object_get(made, "subsets"), 0);
        if (json_array_size(json_object_get(subset, "addresses")) != rows[i].ready ||
            json_array_size(json_object_get(subset, "notReadyAddresses")) != rows[i].unready)
            fail_msg("%s", rows[i].name);
        if (subset)
            assert_int_equal(
                json_int_or(
                    json_object_get(json_array_get(json_object_get(subset, "ports"), 0), "port"),
                    0),
                8080);
        decide(service, made, &pods, &again); /* deciding twice */
        assert_int_equal(again.count, 0);
    }
}

static void who_has_endpoints(void **state)
{
    static const struct {
        const char *name, *service, *endpoints, *plan;
    } rows[] = {
        {"no selector: the user's own", "{'metadata':{'name':'web','namespace':'d'},'spec':{}}",
         NULL, ""},
        {"an external name", SERVICE(",'type':'ExternalName'"), NULL, ""},
        {"the Service is gone", NULL, "{'metadata':{'name':'web','namespace':'d'}}",
         "delete endpoints web\n"},
        {"both are gone", NULL, NULL, ""},
        {"somebody emptied it", SERVICE(""), "{'metadata':{'name':'web','namespace':'d'}}",
         "update endpoints web\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(json_list_free) struct json_list pods = {0};
        json_auto_t *service = rows[i].service ? sim_json(rows[i].service) : NULL;
        json_auto_t *endpoints = rows[i].endpoints ? sim_json(rows[i].endpoints) : NULL;
        read_pods("[" POD("a", "10.0.0.1", "True", "") "]", &pods);
        decide(service, endpoints, &pods, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static void headless_is_labelled(void **state)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(json_list_free) struct json_list pods = {0};
    json_auto_t *service = sim_json("{'metadata':{'name':'web','namespace':'d'},'spec':{'clusterIP'"
                                    ":'None','selector':{'a':'b'}}}");
    (void)state;
    read_pods("[{'metadata':{'name':'p','namespace':'d'},'spec':{'hostname':'h','subdomain':'web'},"
              "'status':{'podIP':"
              "'10.0.0.1','conditions':[{'type':'Ready','status':'True'}]}}]",
              &pods);
    decide(service, NULL, &pods, &plan);
    assert_string_equal(meta_label(plan.items[0].body, "service.kubernetes.io/headless"), "");
    const json_t *subset = json_array_get(json_object_get(plan.items[0].body, "subsets"), 0);
    assert_null(json_object_get(subset, "ports")); /* a headless Service needs none */
    assert_string_equal(
        json_text(json_array_get(json_object_get(subset, "addresses"), 0), "hostname"), "h");
}

/* ---- slices ---- */

static void put_pods(struct json_list *pods, int from, int to)
{
    for (int i = from; i < to; i++) {
        CLEANUP(free_ptr)
        char *text = xasprintf(POD("p%03d", "10.0.%d.%d", "True", ""), i, i, i / 250, i % 250 + 1);
        json_list_add(pods, sim_json(text));
    }
}

static void run_slices(struct sim *sim, const struct json_list *pods, struct plan *plan)
{
    CLEANUP(json_list_free) struct json_list slices = {0};
    json_auto_t *service = sim_json(SERVICE(""));
    sim_list(sim, SLICES, &slices);
    const struct endpointslice_seen seen = {.service = service,
                                            .pods = pods->items,
                                            .pod_count = pods->count,
                                            .slices = slices.items,
                                            .slice_count = slices.count};
    endpointslice_decide(&seen, plan);
}

/* Applies; slices are written whole, which the sim's update does for spec and metadata only. */
static void apply_slices(struct sim *sim, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_action *action = &plan->items[i];
        CLEANUP(free_ptr) char *key = xasprintf("%s %s/%s", SLICES, action->ns, action->name);
        if (action->verb == PLAN_CREATE)
            sim_put(sim, SLICES, json_deep_copy(action->body));
        else if (action->verb == PLAN_UPDATE)
            json_object_set_new(sim->objects, key, json_deep_copy(action->body));
        else
            json_object_del(sim->objects, key);
    }
}

static size_t count_endpoints(const struct sim *sim)
{
    CLEANUP(json_list_free) struct json_list slices = {0};
    size_t count = 0;
    sim_list(sim, SLICES, &slices);
    for (size_t i = 0; i < slices.count; i++) {
        size_t own = json_array_size(json_object_get(slices.items[i], "endpoints"));
        assert_true(own <= SLICE_ENDPOINTS_MAX);
        count += own;
    }
    return count;
}

static void slices_follow_with_few_writes(void **state)
{
    static const struct {
        const char *name;
        int from, to;          /* Pods that there are */
        size_t writes, slices; /* how many actions, and slices afterwards */
    } steps[] = {
        {"nothing: a placeholder", 0, 0, 1, 1},
        {"still nothing", 0, 0, 0, 1},
        {"three, in a slice of their own", 0, 3, 2, 1},
        {"converged", 0, 3, 0, 1},
        {"one more", 0, 4, 1, 1},
        {"one less", 1, 4, 1, 1},
        {"many", 1, 251, 3, 3},
        {"a few go", 5, 251, 1, 3},
        {"none left", 0, 0, 3, 1},
    };
    struct sim sim;
    (void)state;
    sim_init(&sim);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(json_list_free) struct json_list pods = {0};
        put_pods(&pods, steps[i].from, steps[i].to);
        run_slices(&sim, &pods, &plan);
        apply_slices(&sim, &plan);
        if (plan.count != steps[i].writes || sim_count(&sim, SLICES) != steps[i].slices ||
            count_endpoints(&sim) != (size_t)(steps[i].to - steps[i].from))
            fail_msg("%s: %zu writes, %zu slices, %zu endpoints", steps[i].name, plan.count,
                     sim_count(&sim, SLICES), count_endpoints(&sim));
    }
    sim_free(&sim);
}

static void slices_tell_conditions(void **state)
{
    static const struct {
        const char *name, *ready, *more;
        bool is_ready, serving, terminating;
    } rows[] = {
        {"ready", "True", "", true, true, false},
        {"not ready", "False", "", false, false, false},
        {"being stopped, still serving", "True", ",'deletionTimestamp':'2026-01-01T00:00:00Z'",
         false, true, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sim sim;
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(json_list_free) struct json_list pods = {0};
        CLEANUP(free_ptr)
        char *text = xasprintf(POD("a", "10.0.0.1", "%s", "%s"), rows[i].more, rows[i].ready);
        json_list_add(&pods, sim_json(text));
        sim_init(&sim);
        run_slices(&sim, &pods, &plan);
        const json_t *slice = plan.items[0].body;
        const json_t *conditions =
            json_object_get(json_array_get(json_object_get(slice, "endpoints"), 0), "conditions");
        if (json_is_true(json_object_get(conditions, "ready")) != rows[i].is_ready ||
            json_is_true(json_object_get(conditions, "serving")) != rows[i].serving ||
            json_is_true(json_object_get(conditions, "terminating")) != rows[i].terminating)
            fail_msg("%s", rows[i].name);
        assert_string_equal(meta_label(slice, "kubernetes.io/service-name"), "web");
        assert_string_equal(meta_label(slice, "endpointslice.kubernetes.io/managed-by"),
                            SLICE_BY_CONTROLLER);
        assert_string_equal(meta_label(slice, "team"), "a");
        assert_string_equal(json_text(meta_controller(slice), "uid"), "s-uid");
        sim_free(&sim);
    }
}

static void endpoints_are_mirrored(void **state)
{
#define OWN(labels)                                                                                \
    "{'metadata':{'name':'db','namespace':'d','uid':'e-uid'" labels                                \
    "},'subsets':[{'addresses':[{'ip':'192.0.2.1'}],'notReadyAddresses':[{'ip':'192.0.2.2'}],'"    \
    "ports':[{'port':5432}]}]}"
    static const struct {
        const char *name, *service, *endpoints, *slices, *plan;
    } rows[] = {
        {"a Service without a selector", "{'metadata':{'name':'db','namespace':'d'},'spec':{}}",
         OWN(""), "[]", "create endpointslices.discovery.k8s.io \n"},
        {"with one: not ours",
         "{'metadata':{'name':'db','namespace':'d'},'spec':{'selector':{'a':'b'}}}", OWN(""), "[]",
         ""},
        {"told not to", "{'metadata':{'name':'db','namespace':'d'},'spec':{}}",
         OWN(",'labels':{'endpointslice.kubernetes.io/skip-mirror':'true'}"), "[]", ""},
        {"no Service any more", NULL, OWN(""), "[{'metadata':{'name':'db-1','namespace':'d'}}]",
         "delete endpointslices.discovery.k8s.io db-1\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(json_list_free) struct json_list slices = {0};
        json_auto_t *service = rows[i].service ? sim_json(rows[i].service) : NULL;
        json_auto_t *endpoints = sim_json(rows[i].endpoints);
        read_pods(rows[i].slices, &slices);
        mirroring_decide(&(struct mirroring_seen){service, endpoints, slices.items, slices.count},
                         &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
        if (i == 0)
            assert_int_equal(json_array_size(json_object_get(plan.items[0].body, "endpoints")), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_by_state),     cmocka_unit_test(who_has_endpoints),
        cmocka_unit_test(headless_is_labelled),   cmocka_unit_test(slices_follow_with_few_writes),
        cmocka_unit_test(slices_tell_conditions), cmocka_unit_test(endpoints_are_mirrored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
