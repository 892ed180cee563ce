/* A host's node as a tenant's: whose field is whose. */
#include "tests/test.h"

#include <string.h>

#include "host/pseudo_node.h"
#include "schema/meta.h"
#include "vcluster/node_view.h"

static json_t *read(const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *value = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    if (!value)
        fail_msg("%s: %s", text, err.message);
    return value;
}

static const char host_text[] =
    "{\"metadata\":{\"name\":\"metal-1\",\"labels\":{\"kubernetes.io/os\":\"linux\",\"rack\":\"7\","
    "\"kubernetes.io/hostname\":\"metal-1\"}},\"spec\":{},"
    "\"status\":{\"capacity\":{\"cpu\":\"4\",\"gpu.example.com/real\":\"1\"},"
    "\"allocatable\":{\"cpu\":\"3\",\"gpu.example.com/real\":\"1\"},"
    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"lastHeartbeatTime\":\"2026-01-01T00:"
    "00:00Z\"}],"
    "\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.1.2.3\"}],"
    "\"nodeInfo\":{\"architecture\":\"amd64\",\"kernelVersion\":\"6.1\",\"machineID\":\"secret\"}}"
    "}";

static void a_new_one_tells_nothing_of_the_host(void **state)
{
    (void)state;
    json_auto_t *host = read(host_text);
    json_auto_t *node = node_view("acme", host, NULL);
    CLEANUP(free_ptr) char *text = json_dumps(node, 0);
    static const char *const secrets[] = {"metal-1", "rack", "10.1.2.3", "6.1", "secret"};
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (strstr(text, secrets[i]))
            fail_msg("%s is in %s", secrets[i], text);
    assert_string_equal(meta_label(node, "kubernetes.io/hostname"), meta_name(node));
    assert_string_equal(meta_label(node, "kubernetes.io/os"), "linux");
    assert_true(node_view_is_ours(node));
    assert_string_equal(json_text(node, "status", "capacity", "cpu"), "4");
    assert_string_equal(json_text(node, "status", "allocatable", "cpu"), "3");
}

static void what_the_tenant_wrote_stays(void **state)
{
    (void)state;
    json_auto_t *host = read(host_text);
    json_auto_t *first = node_view("acme", host, NULL);
    json_t *status = json_object_get(first, "status"), *spec = json_object_get(first, "spec");
    meta_set_label(first, "mine", "x");
    json_object_set_new(spec, "unschedulable", json_true());
    json_object_set_new(spec, "taints",
                        json_pack("[{s:s, s:s}]", "key", "k", "effect", "NoSchedule"));
    json_set_text(json_object_get(status, "capacity"), "example.com/fake", "5");
    json_set_text(json_object_get(status, "capacity"), "cpu", "400");
    json_set_text(json_object_get(status, "capacity"), "gpu.example.com/real", "100");
    json_set_text(json_object_get(status, "allocatable"), "example.com/gone", "1");
    json_array_append_new(json_object_get(status, "conditions"),
                          json_pack("{s:s, s:s}", "type", "Mine", "status", "True"));
    json_array_append_new(json_object_get(status, "addresses"),
                          json_pack("{s:s, s:s}", "type", "ExternalIP", "address", "8.8.8.8"));
    json_auto_t *node = node_view("acme", host, first);
    assert_string_equal(meta_label(node, "mine"), "x");
    assert_true(json_is_true(json_at(node, "spec", "unschedulable")));
    assert_int_equal(json_array_size(json_at(node, "spec", "taints")), 1);
    assert_string_equal(json_text(node, "status", "capacity", "example.com/fake"), "5");
    assert_string_equal(json_text(node, "status", "allocatable", "example.com/fake"), "5");
    assert_null(json_at(node, "status", "allocatable", "example.com/gone"));
    assert_string_equal(json_text(node, "status", "capacity", "cpu"), "4");
    assert_string_equal(json_text(node, "status", "capacity", "gpu.example.com/real"), "1");
    assert_int_equal(json_array_size(json_at(node, "status", "conditions")), 2);
    assert_int_equal(json_array_size(json_at(node, "status", "addresses")), 2);
    json_auto_t *again = node_view("acme", host, node);
    assert_true(json_equal(again, node)); /* converged */
}

static void which_nodes_and_changes_are_shown(void **state)
{
    (void)state;
    static const struct {
        const char *name, *path, *value;
        bool differs, shown;
    } rows[] = {
        {"a heartbeat", "lastHeartbeatTime", "\"2026-01-01T00:00:10Z\"", false, true},
        {"not ready any more", "status", "\"False\"", true, true},
    };
    json_auto_t *before = read(host_text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *now = read(host_text),
                    *value = json_loads(rows[i].value, JSON_DECODE_ANY, NULL);
        json_object_set(json_array_get(json_at(now, "status", "conditions"), 0), rows[i].path,
                        value);
        if (node_view_differs(now, before) != rows[i].differs ||
            node_view_shown(now) != rows[i].shown)
            fail_msg("%s", rows[i].name);
    }
    json_auto_t *kept = read(host_text);
    json_object_set_new(json_object_get(kept, "spec"), "taints",
                        json_pack("[{s:s, s:s}]", "key", "node-role.kubernetes.io/control-plane",
                                  "effect", "NoSchedule"));
    assert_false(node_view_shown(kept));
    assert_true(node_view_differs(kept, before));
}

static void a_tenants_own_is_not_ours(void **state)
{
    (void)state;
    json_auto_t *fake =
        read("{\"metadata\":{\"name\":\"fake\"},\"spec\":{\"providerID\":\"warren://other\"}}");
    assert_false(node_view_is_ours(fake));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_tells_nothing_of_the_host),
        cmocka_unit_test(what_the_tenant_wrote_stays),
        cmocka_unit_test(which_nodes_and_changes_are_shown),
        cmocka_unit_test(a_tenants_own_is_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
