/* Type checking of ValidatingAdmissionPolicies. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/policy.h"

#define POLICY(rules, validations, status)                                                         \
    "{'metadata':{'name':'p','generation':2},'spec':{'matchConstraints':{'resourceRules':[" rules  \
    "]},'validations':[" validations "]}" status "}"
#define RULE(group, version, resources)                                                            \
    "{'apiGroups':['" group "'],'apiVersions':['" version                                          \
    "'],'operations':['*'],'resources':[" resources "]}"

static void decides(void **state)
{
    static const struct {
        const char *name, *policy, *want; /* NULL: an empty plan; "": no warning */
    } rows[] = {
        {"fits",
         POLICY(RULE("apps", "v1", "'deployments'"), "{'expression':'object.spec.replicas > 1'}",
                ""),
         ""},
        {"undefined field",
         POLICY(RULE("apps", "v1", "'deployments'"), "{'expression':'object.replicas > 1'}", ""),
         "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'"},
        {"another type",
         POLICY(RULE("apps", "v1", "'deployments'"),
                "{'expression':'object.spec.replicas > \\'x\\''}", ""),
         "found no matching overload"},
        {"one of two",
         POLICY(RULE("apps", "v1", "'deployments','daemonsets'"),
                "{'expression':'object.spec.replicas > 1'}", ""),
         "apps/v1, Kind=DaemonSet: ERROR"},
        {"the message",
         POLICY(RULE("apps", "v1", "'deployments'"),
                "{'expression':'true','messageExpression':'object.metadata.nme'}", ""),
         "spec.validations[0].messageExpression"},
        {"anything", POLICY(RULE("*", "*", "'*'"), "{'expression':'object.replicas > 1'}", ""), ""},
        {"settled",
         POLICY(RULE("apps", "v1", "'deployments'"), "{'expression':'object.replicas > 1'}",
                ",'status':{'observedGeneration':2}"),
         NULL},
        {"older",
         POLICY(RULE("apps", "v1", "'deployments'"), "{'expression':'object.spec.replicas > 1'}",
                ",'status':{'observedGeneration':1}"),
         ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *policy = sim_json(rows[i].policy);
        CLEANUP(plan_clear) struct plan plan = {0};
        struct policy_seen seen;
        policy_see(&seen, policy);
        policy_decide(&seen, &plan);
        if ((plan.count == 0) != (rows[i].want == NULL))
            fail_msg("%s: %zu actions", rows[i].name, plan.count);
        if (!rows[i].want)
            continue;
        const json_t *status = json_object_get(plan.items[0].body, "status"),
                     *warnings = json_at(status, "typeChecking", "expressionWarnings");
        assert_int_equal(json_int_or(json_object_get(status, "observedGeneration"), 0), 2);
        assert_int_equal(json_array_size(warnings), *rows[i].want != '\0');
        const json_t *first = json_array_get(warnings, 0);
        CLEANUP(free_ptr)
        char *text = xasprintf("%s %s", first ? json_text(first, "fieldRef") : "",
                               first ? json_text(first, "warning") : "");
        if (!strstr(text, rows[i].want))
            fail_msg("%s: %s", rows[i].name, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
