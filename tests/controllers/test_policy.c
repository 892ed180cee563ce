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
        CLEANUP(policy_seen_clear) struct policy_seen seen;
        const struct json_list none = {0};
        assert_false(policy_is_custom(policy));
        policy_see(&seen, policy, &none);
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

#define TEXT(name) "'" name "':{'type':'string'}"
#define VERSION(name, stored, spec)                                                                \
    "{'name':'" name "','served':true,'storage':" stored                                           \
    ",'schema':{'openAPIV3Schema':{'type':'object','properties':{'spec':{'type':'object',"         \
    "'properties':{" spec "}}}}}}"
#define DEFINITION                                                                                 \
    "{'metadata':{'name':'ants.ants.test','generation':1},'spec':{'group':'ants.test',"            \
    "'scope':'Namespaced','names':{'plural':'ants','singular':'ant','kind':'Ant',"                 \
    "'listKind':'AntList'},'versions':[" VERSION("v1", "true", TEXT("size")) "," VERSION(          \
        "v2", "false", TEXT("length")) "]}}"
#define OF_ANTS(version, expression)                                                               \
    POLICY(RULE("ants.test", version, "'ants'"), "{'expression':'" expression "'}", "")

/* Custom resources: by their definition's schema of that version, with all of metadata. */
static void custom(void **state)
{
    static const struct {
        const char *name, *policy, *want; /* want: in the only warning; NULL: there is none */
    } rows[] = {
        {"fits", OF_ANTS("v1", "object.spec.size == \\'big\\'"), NULL},
        {"undefined field", OF_ANTS("v1", "object.spec.length == \\'big\\'"),
         "ants.test/v1, Kind=Ant: ERROR: <input>:1:12: undefined field 'length'"},
        {"another version", OF_ANTS("v2", "object.spec.size == \\'big\\'"),
         "ants.test/v2, Kind=Ant: ERROR: <input>:1:12: undefined field 'size'"},
        {"another type", OF_ANTS("v1", "object.spec.size > 1"), "found no matching overload"},
        {"metadata",
         OF_ANTS("v1", "\\'a\\' in object.metadata.labels && object.metadata.generation > 0"),
         NULL},
        {"undefined metadata", OF_ANTS("v1", "object.metadata.nme == \\'a\\'"),
         "undefined field 'nme'"},
        {"no such version", OF_ANTS("v3", "object.spec.length == 1"), NULL},
        {"no such definition",
         POLICY(RULE("bees.test", "v1", "'bees'"), "{'expression':'object.spec.length == 1'}", ""),
         NULL},
        {"params",
         "{'metadata':{'name':'p','generation':2},'spec':{'paramKind':{'apiVersion':'ants.test/v1',"
         "'kind':'Ant'},'matchConstraints':{'resourceRules':[" RULE(
             "apps", "v1",
             "'deployments'") "]},'validations':[{'expression':'params.spec.wings == 2'}]}}",
         "undefined field 'wings'"},
    };
    (void)state;
    json_auto_t *definition = sim_json(DEFINITION);
    crd_set_status(definition, &(struct crd_verdict){0}, 0);
    json_t *items[] = {definition};
    const struct json_list definitions = {.items = items, .count = 1};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *policy = sim_json(rows[i].policy);
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(policy_seen_clear) struct policy_seen seen;
        assert_true(policy_is_custom(policy));
        policy_see(&seen, policy, &definitions);
        policy_decide(&seen, &plan);
        assert_int_equal(plan.count, 1);
        const json_t *warnings =
            json_at(plan.items[0].body, "status", "typeChecking", "expressionWarnings");
        const char *text = json_text(json_array_get(warnings, 0), "warning");
        if (json_array_size(warnings) != (rows[i].want != NULL) ||
            (rows[i].want && !strstr(text, rows[i].want)))
            fail_msg("%s: %s", rows[i].name, text ? text : "no warning");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decides), cmocka_unit_test(custom)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
