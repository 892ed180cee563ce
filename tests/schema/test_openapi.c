/* OpenAPI documents: they are JSON, hold every resource, and refer to nothing that they do not
 * define. */
#include "tests/test.h"

#include <string.h>

#include "base/json.h"
#include "schema/openapi.h"
#include "schema/wire.h"

static json_t *parsed(struct buf *out)
{
    CLEANUP(error_clear) struct error err = {0};
    assert_true(buf_ok(out));
    json_t *document =
        json_parse(buf_str(out), JSON_LOAD_STRICT, &err); /* strict: no member twice */
    if (!document)
        fail_msg("%s", err.message);
    return document;
}

static json_t *v3(const char *group, const char *version)
{
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    openapi_v3(&out, group, version, NULL, 0);
    return parsed(&out);
}

static json_t *v2(const struct resource *const *rows, size_t count)
{
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    openapi_v2(&out, rows, count);
    return parsed(&out);
}

/* Every $ref under `value` has its definition. */
static void check_refs(const json_t *value, const json_t *schemas, const char *prefix)
{
    const char *key;
    json_t *member, *self = (json_t *)(uintptr_t)value;
    size_t at;
    if (json_is_array(value)) {
        json_array_foreach (value, at, member)
            check_refs(member, schemas, prefix);
        return;
    }
    json_object_foreach (self, key, member) {
        const char *ref = strcmp(key, "$ref") == 0 ? json_string_value(member) : NULL;
        if (!ref) {
            check_refs(member, schemas, prefix);
            continue;
        }
        if (!text_starts(ref, prefix) || !json_object_get(schemas, ref + strlen(prefix)))
            fail_msg("dangling %s", ref);
    }
}

static void every_group_has_a_document(void **state)
{
    (void)state;
    size_t count;
    const struct group_version *groups = group_version_all(&count);
    for (size_t i = 0; i < count; i++) {
        json_auto_t *document = v3(groups[i].group, groups[i].version);
        const json_t *schemas = json_at(document, "components", "schemas");
        check_refs(document, schemas, "#/components/schemas/");
        if (groups[i].host_only)
            assert_int_equal(json_object_size(json_at(document, "paths")), 0);
        else
            assert_true(json_object_size(json_at(document, "paths")) > 1);
    }
}

/* kubectl looks for PATCH of a kind, and whether it takes fieldValidation. */
static bool patch_validates(const json_t *document, const struct resource *row)
{
    const char *path;
    json_t *item, *parameter;
    size_t at;
    json_object_foreach (json_at(document, "paths"), path, item) {
        const json_t *gvk = json_at(item, "patch", "x-kubernetes-group-version-kind");
        if (!text_eq(json_text(gvk, "kind"), row->kind) ||
            !text_eq(json_text(gvk, "group"), row->group) ||
            !text_eq(json_text(gvk, "version"), row->version))
            continue;
        json_array_foreach (json_at(item, "patch", "parameters"), at, parameter)
            if (text_eq(json_text(parameter, "name"), "fieldValidation"))
                return true;
    }
    return false;
}

static bool has_schema(const json_t *schemas, const struct resource *row)
{
    const json_t *schema = json_object_get(schemas, row->type->name);
    json_t *gvk;
    size_t at;
    json_array_foreach (json_object_get(schema, "x-kubernetes-group-version-kind"), at, gvk)
        if (text_eq(json_text(gvk, "kind"), row->kind) &&
            text_eq(json_text(gvk, "group"), row->group))
            return true;
    return false;
}

static void every_resource_is_there(void **state)
{
    (void)state;
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    json_auto_t *swagger = v2(NULL, 0);
    check_refs(swagger, json_object_get(swagger, "definitions"), "#/definitions/");
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->host_only)
            continue;
        json_auto_t *document = v3(rows[i]->group, rows[i]->version);
        if (!has_schema(json_at(document, "components", "schemas"), rows[i]) ||
            !has_schema(json_object_get(swagger, "definitions"), rows[i]))
            fail_msg("%s %s: no schema", rows[i]->group, rows[i]->kind);
        if ((rows[i]->verbs & VERB_PATCH) &&
            (!patch_validates(document, rows[i]) || !patch_validates(swagger, rows[i])))
            fail_msg("%s %s: no PATCH with fieldValidation", rows[i]->group, rows[i]->kind);
    }
}

static void some_members_in_full(void **state)
{
    (void)state;
    json_auto_t *document = v3("apps", "v1");
    const json_t *list =
        json_at(document, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments", "get");
    assert_string_equal(json_text(list, "operationId"), "listAppsV1NamespacedDeployment");
    assert_string_equal(json_text(list, "x-kubernetes-action"), "list");
    const json_t *ports = json_at(document, "components", "schemas", "io.k8s.api.core.v1.Container",
                                  "properties", "ports");
    assert_string_equal(json_text(ports, "x-kubernetes-list-type"), "map");
    assert_string_equal(json_text(ports, "x-kubernetes-patch-merge-key"), "containerPort");
    assert_string_equal(json_text(ports, "x-kubernetes-patch-strategy"), "merge");
    assert_int_equal(json_array_size(json_at(ports, "x-kubernetes-list-map-keys")), 2);
    json_auto_t *core = v3("", "v1");
    const json_t *exec =
        json_at(core, "paths", "/api/v1/namespaces/{namespace}/pods/{name}/exec", "post");
    assert_string_equal(json_text(exec, "operationId"), "connectCoreV1PostNamespacedPodExec");
    assert_non_null(json_at(core, "paths",
                            "/api/v1/namespaces/{namespace}/services/{name}/proxy/{path}", "head"));
}

/* The URLs that say what is served, and what their answers are. */
static void roots_are_there(void **state)
{
    (void)state;
    static const struct {
        const char *url, *id, *type;
    } rows[] = {
        {"/api/", "getCoreAPIVersions", "meta.v1.APIVersions"},
        {"/apis/", "getAPIVersions", "meta.v1.APIGroupList"},
        {"/apis/apps/", "getAppsAPIGroup", "meta.v1.APIGroup"},
        {"/apis/rbac.authorization.k8s.io/", "getRbacAuthorizationAPIGroup", "meta.v1.APIGroup"},
        {"/apis/apps/v1/", "getAppsV1APIResources", "meta.v1.APIResourceList"},
        {"/version/", "getCodeVersion", "version.Info"},
        {"/openid/v1/jwks/", "getServiceAccountIssuerOpenIDKeyset", NULL},
        {"/.well-known/openid-configuration/", "getServiceAccountIssuerOpenIDConfiguration", NULL},
    };
    json_auto_t *swagger = v2(NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const json_t *get = json_at(swagger, "paths", rows[i].url, "get");
        const char *ref = json_text(get, "responses", "200", "schema", "$ref");
        if (!text_eq(json_text(get, "operationId"), rows[i].id) || !ref != !rows[i].type ||
            (ref && !text_ends(ref, rows[i].type)))
            fail_msg("%s: %s", rows[i].url, ref ? ref : "none");
    }
    assert_null(json_at(swagger, "paths", "/apis/tenancy.warren.dev/"));
}

/* Each URL that is no group version's has a document of its own: that path, and what it refers to.
 */
static void roots_have_documents(void **state)
{
    static const struct {
        const char *name, *media, *type; /* "apis/apps": a group */
    } rows[] = {
        {".well-known/openid-configuration", "application/json", NULL},
        {"api", "application/vnd.kubernetes.protobuf", "APIVersions"},
        {"apis", "application/yaml", "APIGroupList"},
        {"openid/v1/jwks", "application/jwk-set+json", NULL},
        {"version", "application/json", "Info"},
        {"apis/apps", "application/json", "APIGroup"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf out = BUF_INIT((size_t)1 << 20);
        CLEANUP(free_ptr) char *url = xasprintf("/%s/", rows[i].name);
        struct error err = {0};
        if (text_starts(rows[i].name, "apis/"))
            openapi_v3_group(&out, rows[i].name + 5);
        else
            assert_true(openapi_v3_root(&out, rows[i].name));
        json_auto_t *document = json_parse(buf_str(&out), JSON_LOAD_STRICT, &err);
        const json_t *paths = json_at(document, "paths"),
                     *schemas = json_at(document, "components", "schemas"),
                     *answer = json_at(paths, url, "get", "responses", "200", "content",
                                       rows[i].media, "schema");
        const char *ref = json_text(answer, "$ref");
        if (json_object_size(paths) != 1 || !answer || !ref != !rows[i].type ||
            (ref && !text_ends(ref, rows[i].type)))
            fail_msg("%s: %s", rows[i].name, out.data);
        check_refs(document, schemas, "#/components/schemas/");
        CLEANUP(buf_free) struct buf packed = BUF_INIT((size_t)1 << 20);
        assert_true(openapi_v3_protobuf(&packed, buf_str(&out)));
    }
    CLEANUP(buf_free) struct buf none = BUF_INIT((size_t)1 << 20);
    assert_false(openapi_v3_root(&none, "logs"));
    for (size_t i = 0; i < 5; i++) {
        CLEANUP(free_ptr) char *name = openapi_root_name(i);
        assert_string_equal(name, rows[i].name);
    }
    assert_null(openapi_root_name(5));
}

/* How merges go of one field of v2 and of v3: each extension, or NULL where there is none. */
static void merges_are_told(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *type, *field, *list, *map, *strategy, *key;
    } rows[] = {
        {"io.k8s.api.core.v1.PodSpec", "nodeSelector", NULL, "atomic", NULL, NULL},
        {"io.k8s.api.core.v1.PodSpec", "volumes", "map", NULL, "merge,retainKeys", "name"},
        {"io.k8s.api.core.v1.Container", "args", "atomic", NULL, NULL, NULL},
        {"io.k8s.api.core.v1.PersistentVolumeSpec", "claimRef", NULL, "granular", NULL, NULL},
        {"io.k8s.api.core.v1.PersistentVolumeClaimStatus", "allocatedResourceStatuses", NULL, "granular", NULL, NULL},
        {"io.k8s.api.apps.v1.DeploymentSpec", "strategy", NULL, NULL, "retainKeys", NULL},
        {"io.k8s.api.policy.v1.PodDisruptionBudgetSpec", "selector", NULL, NULL, "replace", NULL},
        {"io.k8s.api.certificates.v1.CertificateSigningRequestSpec", "request", "atomic", NULL, NULL, NULL},
        {"io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec", "caBundle", "atomic", NULL, NULL, NULL},
        {"io.k8s.apimachinery.pkg.apis.meta.v1.Status", "details", "atomic", NULL, NULL, NULL},
        {"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers", "set", NULL, "merge", NULL},
    };
    /* clang-format on */
    json_auto_t *swagger = v2(NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const json_t *field =
            json_at(swagger, "definitions", rows[i].type, "properties", rows[i].field);
        if (!field || !text_eq(json_text(field, "x-kubernetes-list-type"), rows[i].list) ||
            !text_eq(json_text(field, "x-kubernetes-map-type"), rows[i].map) ||
            !text_eq(json_text(field, "x-kubernetes-patch-strategy"), rows[i].strategy) ||
            !text_eq(json_text(field, "x-kubernetes-patch-merge-key"), rows[i].key))
            fail_msg("%s.%s", rows[i].type, rows[i].field);
    }
}

/* Sets of values that are closed stand in the documents, sorted. */
static void enums_are_told(void **state)
{
    (void)state;
    json_auto_t *swagger = v2(NULL, 0), *core = v3("", "v1");
    const json_t *definitions = json_object_get(swagger, "definitions");
    const json_t *schemas = json_at(core, "components", "schemas");
    size_t count;
    const struct type *const *types = type_all(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < types[i]->field_count; j++) {
            const struct field *field = &types[i]->fields[j];
            const json_t *old = json_at(definitions, types[i]->name, "properties", field->name);
            const json_t *new = json_at(schemas, types[i]->name, "properties", field->name);
            const char *inside = field->card == CARD_LIST  ? "items"
                                 : field->card == CARD_MAP ? "additionalProperties"
                                                           : NULL;
            const json_t *set =
                json_object_get(inside ? json_object_get(old, inside) : old, "enum");
            const json_t *same =
                json_object_get(inside ? json_object_get(new, inside) : new, "enum");
            if (old && !set == !!(field->flags & FIELD_ENUM_CLOSED))
                fail_msg("%s.%s", types[i]->name, field->name);
            if (old && new &&set && !json_equal(set, same))
                fail_msg("%s.%s differs", types[i]->name, field->name);
        }
}

static void host_rows_are_asked_for(void **state)
{
    (void)state;
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    static const char path[] = "/apis/tenancy.warren.dev/v1/tenants";
    json_auto_t *tenant = v2(NULL, 0), *host = v2(rows, count);
    assert_null(json_at(tenant, "paths", path));
    assert_non_null(json_at(host, "paths", path));
    assert_int_equal(json_object_size(json_at(host, "paths", path)),
                     4); /* get, post, delete, parameters */
}

/* The named entries of the message in field `number` of `message`. */
static size_t entries_of(struct str message, uint32_t number, uint32_t entry, struct str *first)
{
    struct wire_reader reader = wire_reader_of(message);
    struct wire_field field;
    size_t count = 0;
    while (wire_next(&reader, &field)) {
        if (field.number != number)
            continue;
        struct wire_reader inner = wire_reader_of(field.bytes);
        struct wire_field item;
        while (wire_next(&inner, &item))
            if (item.number == entry && !count++)
                *first = item.bytes;
    }
    assert_false(reader.malformed);
    return count;
}

static void old_kubectls_form(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf json = BUF_TEXT;
    CLEANUP(buf_free) struct buf bytes = BUF_TEXT;
    struct str first = STR("");
    openapi_v2(&json, NULL, 0);
    json_auto_t *document = parsed(&json);
    assert_true(openapi_v2_protobuf(&bytes, buf_str(&json)));
    assert_int_equal(entries_of(buf_str(&bytes), 8, 2, &first),
                     json_object_size(json_at(document, "paths")));
    assert_int_equal(entries_of(buf_str(&bytes), 9, 1, &first),
                     json_object_size(json_at(document, "definitions")));
    struct wire_reader reader = wire_reader_of(first);
    struct wire_field field;
    assert_true(wire_next(&reader, &field) && field.number == 1);
    assert_true(text_starts(field.bytes.data, "io.k8s."));
    assert_false(openapi_v2_protobuf(&bytes, STR("[]")));
}

/* The fields of `message` with this number; the last one's bytes in `*last`. */
static size_t fields_of(struct str message, uint32_t number, struct str *last)
{
    struct wire_reader reader = wire_reader_of(message);
    struct wire_field field;
    size_t count = 0;
    while (wire_next(&reader, &field))
        if (field.number == number && ++count)
            *last = field.bytes;
    assert_false(reader.malformed);
    return count;
}

static void version_3_in_protobuf(void **state)
{
    static const char source[] =
        "{\"openapi\":\"3.0.0\",\"components\":{\"schemas\":{\"A\":{\"properties\":{\"p\":{"
        "\"items\":"
        "{\"$ref\":\"#/r\"},\"default\":true,\"x-kubernetes-list-type\":\"set\"}}}}}}";
    struct str at = STR(""), item = STR("");
    CLEANUP(buf_free) struct buf bytes = BUF_TEXT;
    CLEANUP(buf_free) struct buf json = BUF_TEXT;
    CLEANUP(buf_free) struct buf whole = BUF_TEXT;
    /* components, schemas, a pair, its value, the schema, properties, a pair, its value, the schema
     */
    static const uint32_t path[] = {5, 1, 1, 2, 1, 31, 1, 2, 1};
    (void)state;
    assert_true(openapi_v3_protobuf(&bytes, str_of(source)));
    at = buf_str(&bytes);
    for (size_t i = 0; i < ARRAY_LEN(path); i++)
        assert_int_equal(fields_of(at, path[i], &at), 1);
    assert_int_equal(fields_of(at, 30, &item), 1); /* items */
    assert_int_equal(fields_of(item, 1, &item), 1);
    assert_int_equal(fields_of(item, 2, &item), 1); /* a reference */
    assert_int_equal(fields_of(item, 1, &item), 1);
    assert_true(str_is(item, "#/r"));
    assert_int_equal(fields_of(at, 33, &item), 1); /* default */
    assert_int_equal(fields_of(item, 2, &item), 1);
    assert_int_equal(fields_of(at, 36, &item), 1); /* extension */
    openapi_v3(&json, "apps", "v1", NULL, 0);
    json_auto_t *document = parsed(&json);
    assert_true(openapi_v3_protobuf(&whole, buf_str(&json)));
    assert_int_equal(fields_of(buf_str(&whole), 4, &at), 1);
    assert_int_equal(fields_of(at, 1, &item), json_object_size(json_at(document, "paths")));
    assert_false(openapi_v3_protobuf(&whole, STR("7")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_group_has_a_document),
        cmocka_unit_test(every_resource_is_there),
        cmocka_unit_test(some_members_in_full),
        cmocka_unit_test(host_rows_are_asked_for),
        cmocka_unit_test(merges_are_told),
        cmocka_unit_test(roots_are_there),
        cmocka_unit_test(roots_have_documents),
        cmocka_unit_test(enums_are_told),
        cmocka_unit_test(old_kubectls_form),
        cmocka_unit_test(version_3_in_protobuf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
