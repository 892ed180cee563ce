/* The generated tables: complete, consistent with each other, and found by every lookup. */
#include "tests/test.h"

#include <string.h>

#include "base/mem.h"
#include "schema/resource.h"
#include "schema/type.h"

static void types_are_found_by_name(void **state)
{
    (void)state;
    size_t count;
    const struct type *const *types = type_all(&count);
    assert_true(count > 570);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(type_find(types[i]->name), types[i]);
        if (i)
            assert_true(strcmp(types[i - 1]->name, types[i]->name) < 0);
    }
    assert_null(type_find(""));
    assert_null(type_find("io.k8s.api.core.v1.Po"));
    assert_null(type_find("zzz"));
}

static void fields_are_found_by_name(void **state)
{
    (void)state;
    size_t count;
    const struct type *const *types = type_all(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < types[i]->field_count; j++) {
            const struct field *field = &types[i]->fields[j];
            assert_ptr_equal(type_field(types[i], str_of(field->name)), field);
            assert_true(field->kind != FIELD_REF || field->ref);
            assert_true(field->list_type != LIST_MAP || field->map_keys);
        }
        assert_null(type_field(types[i], STR("")));
        assert_null(type_field(types[i], STR("zzzz")));
    }
    const struct type *pod = type_find("io.k8s.api.core.v1.PodSpec");
    assert_null(type_field(pod, STR("container")));
    assert_null(type_field(pod, STR("containersX")));
    assert_null(type_field(pod, STR("Containers")));
    assert_non_null(type_field(pod, (struct str){"containersX", 10}));
}

static void types_of_kinds(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *group, *version, *kind, *name; /* name NULL: none */
    } rows[] = {
        {"", "v1", "Pod", "io.k8s.api.core.v1.Pod"},
        {"apps", "v1", "Deployment", "io.k8s.api.apps.v1.Deployment"},
        {"autoscaling", "v1", "Scale", "io.k8s.api.autoscaling.v1.Scale"},
        {"policy", "v1", "Eviction", "io.k8s.api.policy.v1.Eviction"},
        {"", "v1", "Status", "io.k8s.apimachinery.pkg.apis.meta.v1.Status"},
        {"apps", "v1", "DeleteOptions", "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"},
        {"tenancy.warren.dev", "v1", "Tenant", "dev.warren.tenancy.v1.Tenant"},
        {"", "apps/v1", "Deployment", NULL},
        {"apps", "v1", "", NULL},
        {"apps", "v2", "Deployment", NULL},
        {"", "", "", NULL},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct type *type =
            type_of_kind(str_of(rows[i].group), str_of(rows[i].version), str_of(rows[i].kind));
        if (!text_eq(type ? type->name : NULL, rows[i].name))
            fail_msg("%s/%s %s: %s", rows[i].group, rows[i].version, rows[i].kind,
                     type ? type->name : "none");
    }
}

static void resources_are_found(void **state)
{
    (void)state;
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    assert_true(count > 60);
    for (size_t i = 0; i < count; i++) {
        const struct resource *row = rows[i];
        assert_ptr_equal(
            resource_find(str_of(row->group), str_of(row->version), str_of(row->plural)), row);
        assert_ptr_equal(
            resource_by_kind(str_of(row->group), str_of(row->version), str_of(row->kind)), row);
        assert_non_null(resource_by_key(row->key));
        assert_non_null(row->type);
        assert_true(row->column_count >= 1);
        for (size_t j = 0; j < row->subresource_count; j++)
            assert_ptr_equal(resource_sub(row, str_of(row->subresources[j].name)),
                             &row->subresources[j]);
        assert_null(resource_sub(row, STR("nothing")));
    }
    assert_null(resource_find(STR("apps"), STR("v1"), STR("pods")));
    assert_null(resource_by_key("pods.apps"));
}

static void some_rows_in_full(void **state)
{
    (void)state;
    const struct resource *pods = resource_find(STR(""), STR("v1"), STR("pods"));
    assert_true(pods->namespaced && pods->preferred && pods->unconditional_update);
    assert_false(pods->create_on_update || pods->host_only);
    assert_string_equal(pods->short_names[0], "po");
    assert_string_equal(pods->categories[0], "all");
    assert_string_equal(pods->storage_version_hash, "xPOwRZ+Yhw8=");
    assert_string_equal(resource_api_version(pods), "v1");
    assert_int_equal(pods->column_count, 9);
    assert_string_equal(pods->columns[7].name, "Nominated Node");
    assert_int_equal(pods->columns[7].priority, 1);
    const struct subresource *exec = resource_sub(pods, STR("exec"));
    assert_true(exec->connect && !exec->type);
    assert_string_equal(exec->kind, "PodExecOptions");
    const struct subresource *eviction = resource_sub(pods, STR("eviction"));
    assert_string_equal(eviction->group, "policy");
    assert_string_equal(eviction->type->name, "io.k8s.api.policy.v1.Eviction");
    assert_ptr_equal(resource_by_key("events"), resource_find(STR(""), STR("v1"), STR("events")));
    assert_string_equal(resource_by_key("horizontalpodautoscalers.autoscaling")->version, "v2");
    assert_true(resource_by_key("tenants.tenancy.warren.dev")->host_only);
    const struct field *env = type_field(type_find("io.k8s.api.core.v1.Container"), STR("env"));
    assert_int_equal(env->list_type, LIST_MAP);
    assert_string_equal(env->map_keys[0], "name");
    assert_string_equal(env->merge_key, "name");
    assert_true(env->flags & FIELD_PATCH_MERGE);
    assert_int_equal(env->number, 7);
}

static void every_group_version_has_rows(void **state)
{
    (void)state;
    size_t group_count, row_count;
    const struct group_version *groups = group_version_all(&group_count);
    const struct resource *const *rows = resource_all(&row_count);
    size_t at = 0;
    for (size_t i = 0; i < group_count; i++) { /* in the same order, without holes */
        size_t start = at;
        while (at < row_count && text_eq(rows[at]->group, groups[i].group) &&
               text_eq(rows[at]->version, groups[i].version))
            at++;
        assert_true(at > start);
    }
    assert_int_equal(at, row_count);
    assert_string_equal(groups[0].group, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_found_by_name), cmocka_unit_test(fields_are_found_by_name),
        cmocka_unit_test(types_of_kinds),          cmocka_unit_test(resources_are_found),
        cmocka_unit_test(some_rows_in_full),       cmocka_unit_test(every_group_version_has_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
