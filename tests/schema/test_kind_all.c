/* Every kind: its key is served, it survives anything, its defaults settle at once. */
#include "tests/schema/support_kind.h"

#include <string.h>

#include "base/clock.h"
#include "schema/kinds/kinds.h"
#include "schema/resource.h"

static const struct kind_rules *const rows[] = {
#define X(name) &kind_##name,
    KINDS(X)
#undef X
};

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!resource_by_key(rows[i]->resource))
            fail_msg("%s is not served", rows[i]->resource);
        assert_ptr_equal(kind_rules(rows[i]->resource), rows[i]);
    }
    assert_string_equal(kind_rules("widgets.example.com")->resource, "");
}

static bool is_stored(const struct resource *resource)
{
    return (resource->verbs & VERB_CREATE) && (resource->verbs & VERB_WATCH) &&
           strncmp(resource->group, "tenancy.", 8) != 0;
}

static void test_complete(void **state)
{
    size_t count;
    const struct resource *const *all = resource_all(&count);
    (void)state;
    for (size_t i = 0; i < count; i++)
        if (is_stored(all[i]) && !kind_is_built_in(all[i]->key))
            fail_msg("%s has no rules", all[i]->key);
}

static void ignore_index(void *arg, const char *path, const char *value)
{
    assert_non_null(path);
    assert_non_null(value);
    (void)arg;
}

/* Everything that a request calls, on an object that may be anything. */
static void run_all(const struct kind_rules *rules, json_t *object)
{
    static const char *const subs[] = {
        "", "status", "scale", "approval", "finalize", "ephemeralcontainers", "resize"};
    json_auto_t *old = json_deep_copy(object);
    CLEANUP(error_clear) struct error err = {0};
    if (rules->set_defaults)
        rules->set_defaults(object);
    json_auto_t *again = json_deep_copy(object);
    if (rules->set_defaults)
        rules->set_defaults(again);
    if (!json_equal(again, object))
        fail_msg("%s: defaults do not settle", rules->resource);
    if (rules->prepare_create)
        rules->prepare_create(object);
    if (rules->validate)
        rules->validate(object, &err);
    for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
        json_auto_t *changed = json_deep_copy(object);
        if (rules->prepare_update)
            rules->prepare_update(changed, old, subs[i]);
        if (rules->validate_update)
            rules->validate_update(changed, old, subs[i], &err);
    }
    kind_index(rules->resource, object, ignore_index, NULL);
}

static void test_anything(void **state)
{
    static const char *const objects[] = {
        "{}",
        "{'metadata':{},'spec':{},'status':{}}",
        "{'metadata':null,'spec':null,'status':null}",
        "{'metadata':{'name':'n'},'spec':{'containers':[{}],'ports':[{}],'template':{'spec':{'"
        "containers':[{}],'volumes':[{}]}},"
        "'rules':[{}],'limits':[{}],'drivers':[{}],'metrics':[{}],'selector':{},'strategy':{},'"
        "updateStrategy':{},'behavior':{},"
        "'jobTemplate':{'spec':{'template':{}}},'versions':[{'storage':true}],'"
        "volumeClaimTemplates':[{}],'ingress':[{'from':[{}],'ports':[{}]}],"
        "'hard':{'a':'x'},'taints':[{}],'tokenRequests':[{}],'names':{'kind':'K'},'conversion':{}},"
        "'webhooks':[{'rules':[{}],'clientConfig':{}}],"
        "'subsets':[{'addresses':[{}],'ports':[{}]}],'endpoints':[{}],'subjects':[{}],'roleRef':{},"
        "'rules':[{}],'data':{'a':'b'},'template':{}}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t k = 0; k < ARRAY_LEN(objects); k++) {
            json_auto_t *object = kind_json(objects[k]);
            run_all(rows[i], object);
        }
}

/* Validation is in the path of every write: a bound that only something quadratic would break. */
static void test_speed(void **state)
{
    const struct kind_rules *rules = kind_rules("deployments.apps");
    json_auto_t *object =
        kind_json("{'metadata':{'name':'d'},'spec':{'selector':{'matchLabels':{'a':'b'}},'template'"
                  ":{'metadata':{'labels':{'a':'b'}},'spec':{'containers':["
                  "{'name':'c','image':'i','ports':[{'containerPort':80}],'env':[{'name':'A','"
                  "value':'1'}],'resources':{'limits':{'cpu':'1'}},"
                  "'livenessProbe':{'httpGet':{'port':80}},'volumeMounts':[{'name':'v','mountPath':"
                  "'/v'}]}],'volumes':[{'name':'v'}]}}}}");
    CLEANUP(error_clear) struct error err = {0};
    (void)state;
    rules->set_defaults(object);
    int64_t start = clock_mono_ns();
    for (int i = 0; i < 1000; i++)
        rules->validate(object, &err);
    int64_t each_ns = (clock_mono_ns() - start) / 1000;
    assert_int_equal(err.cause_count, 0);
    print_message("a Deployment's validation: %lld ns\n", (long long)each_ns);
    assert_true(each_ns < 2000000);
}

/* Lists as long as a body may hold: whatever looks at each pair of items takes minutes here. */
static void test_long_lists(void **state)
{
    const struct kind_rules *rules = kind_rules("pods");
    json_auto_t *pod = kind_json(
        "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'i','ports':[],'"
        "volumeMounts':[]}],"
        "'volumes':[],'tolerations':[],'ephemeralContainers':[],'topologySpreadConstraints':[]}}");
    json_t *spec = json_object_get(pod, "spec"),
           *container = json_array_get(json_object_get(spec, "containers"), 0);
    CLEANUP(error_clear) struct error err = {0};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("n%d", i);
        json_array_append_new(json_object_get(container, "ports"),
                              json_pack("{s:s,s:i}", "name", name, "containerPort", 1));
        json_array_append_new(json_object_get(container, "volumeMounts"),
                              json_pack("{s:s,s:s}", "name", name, "mountPath", name));
        json_array_append_new(json_object_get(spec, "volumes"), json_pack("{s:s}", "name", name));
        json_array_append_new(json_object_get(spec, "tolerations"),
                              json_pack("{s:s,s:s}", "key", name, "operator", "Exists"));
        json_array_append_new(json_object_get(spec, "topologySpreadConstraints"),
                              json_pack("{s:s}", "topologyKey", name));
    }
    rules->set_defaults(pod);
    int64_t start = clock_mono_ns();
    rules->validate(pod, &err);
    rules->validate_update(pod, pod, "", &err);
    assert_true(clock_mono_ns() - start < 10000000000);
    assert_true(err.cause_count <= RULE_CAUSES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_complete),
                                       cmocka_unit_test(test_anything),
                                       cmocka_unit_test(test_speed),
                                       cmocka_unit_test(test_long_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
