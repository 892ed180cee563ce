/* APIServices: availability, and those of CustomResourceDefinitions. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/api_service.h"
#include "schema/condition.h"

#define REMOTE(status)                                                                             \
    "{'metadata':{'name':'v1.g'},'spec':{'group':'g','version':'v1','service':{'namespace':'n',"   \
    "'name':'s','port':443}}" status "}"
#define SERVICE "{'spec':{'type':'ClusterIP','ports':[{'name':'a','port':443}]}}"
#define READY   "{'subsets':[{'addresses':[{'ip':'1.2.3.4'}],'ports':[{'name':'a','port':8443}]}]}"

static void availability(void **state)
{
    static const struct {
        const char *name, *api_service, *service, *endpoints;
        enum api_probe probe;
        const char *status, *reason, *message; /* NULL: no change */
        bool again;
    } rows[] = {
        {"local", "{'metadata':{'name':'v1.g'},'spec':{'group':'g'}}", NULL, NULL,
         API_PROBE_PENDING, "True", "Local", "Local APIServices are always available", false},
        {"no Service", REMOTE(""), NULL, NULL, API_PROBE_PENDING, "False", "ServiceNotFound",
         "service/s in \"n\" is not present", true},
        {"another port", REMOTE(""), "{'spec':{'ports':[{'port':80}]}}", NULL, API_PROBE_PENDING,
         "False", "ServicePortError", "service/s in \"n\" is not listening on port 443", true},
        {"no Endpoints", REMOTE(""), SERVICE, NULL, API_PROBE_PENDING, "False", "EndpointsNotFound",
         "cannot find endpoints for service/s in \"n\"", true},
        {"nobody ready", REMOTE(""), SERVICE,
         "{'subsets':[{'notReadyAddresses':[{'ip':'1.2.3.4'}],'ports':[{'name':'a'}]}]}",
         API_PROBE_PENDING, "False", "MissingEndpoints",
         "endpoints for service/s in \"n\" have no addresses with port name \"a\"", true},
        {"ready under another name", REMOTE(""), SERVICE,
         "{'subsets':[{'addresses':[{'ip':'1.2.3.4'}],'ports':[{'port':1}]}]}", API_PROBE_PENDING,
         "False", "MissingEndpoints",
         "endpoints for service/s in \"n\" have no addresses with port name \"a\"", true},
        {"being asked", REMOTE(""), SERVICE, READY, API_PROBE_PENDING, NULL, NULL, NULL, true},
        {"passed", REMOTE(""), SERVICE, READY, API_PROBE_PASSED, "True", "Passed",
         "all checks passed", true},
        {"failed", REMOTE(""), SERVICE, READY, API_PROBE_FAILED, "False", "FailedDiscoveryCheck",
         "why", true},
        {"elsewhere", REMOTE(""), "{'spec':{'type':'ExternalName'}}", NULL, API_PROBE_PASSED,
         "True", "Passed", "all checks passed", true},
        {"settled",
         REMOTE(",'status':{'conditions':[{'type':'Available','status':'True','reason':'Passed','"
                "message':'all checks passed'}]}"),
         SERVICE, READY, API_PROBE_PASSED, NULL, NULL, NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *api_service = sim_json(rows[i].api_service);
        json_auto_t *service = rows[i].service ? sim_json(rows[i].service) : NULL;
        json_auto_t *endpoints = rows[i].endpoints ? sim_json(rows[i].endpoints) : NULL;
        CLEANUP(plan_clear) struct plan plan = {0};
        const struct availability_seen seen = {.api_service = api_service,
                                               .service = service,
                                               .endpoints = endpoints,
                                               .probe = rows[i].probe,
                                               .problem = "why",
                                               .now_us = 1};
        availability_decide(&seen, &plan);
        const json_t *found =
            plan.count
                ? condition_find(json_at(plan.items[0].body, "status", "conditions"), "Available")
                : NULL;
        bool ok = plan.count == (rows[i].status ? 1U : 0U) &&
                  (plan.again_ms > 0) == rows[i].again &&
                  (!rows[i].status || (text_eq(json_text(found, "status"), rows[i].status) &&
                                       text_eq(json_text(found, "reason"), rows[i].reason) &&
                                       text_eq(json_text(found, "message"), rows[i].message)));
        if (!ok)
            fail_msg("%s: %s %s", rows[i].name, json_text(found, "reason"),
                     json_text(found, "message"));
    }
}

#define CUSTOM(managed, priority)                                                                  \
    "{'metadata':{'name':'v1.g','uid':'u','labels':{" managed "}},'spec':{'group':'g','version':"  \
    "'v1','groupPriorityMinimum':" priority ",'versionPriority':100}}"
#define MANAGED "'kube-aggregator.kubernetes.io/automanaged':'true'"

static void registration(void **state)
{
    static const struct {
        const char *name;
        bool served;
        const char *api_service, *plan;
    } rows[] = {
        {"served", true, NULL, "create apiservices.apiregistration.k8s.io v1.g\n"},
        {"not served", false, NULL, ""},
        {"settled", true, CUSTOM(MANAGED, "1000"), ""},
        {"changed", true, CUSTOM(MANAGED, "1"), "update apiservices.apiregistration.k8s.io v1.g\n"},
        {"no longer served", false, CUSTOM(MANAGED, "1000"),
         "delete apiservices.apiregistration.k8s.io v1.g\n"},
        {"somebody's own", true, CUSTOM("", "1"), ""},
        {"somebody's own, not served", false, CUSTOM("", "1"), ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *api_service = rows[i].api_service ? sim_json(rows[i].api_service) : NULL;
        CLEANUP(plan_clear) struct plan plan = {0};
        registration_decide(&(struct registration_seen){"g", "v1", rows[i].served, api_service},
                            &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(availability),
                                       cmocka_unit_test(registration)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
