/* What the endpoints of a kind keep of an object is what nobody comes to own through them: the
 * strategies and schema/apply_reset.c say the same, each in its way. */
#include "tests/test.h"

#include <string.h>

#include "base/json.h"
#include "schema/apply.h"
#include "schema/kind.h"
#include "schema/resource.h"
#include "tests/schema/support_apply.h"
#include "tests/schema/support_random.h"

#define SEEDS 40

/* One member of an object, and how it is called in FieldsV1. */
struct member {
    const char *parent, *name; /* parent NULL: at the top */
    const char *fields_parent, *fields_name;
};

static const struct member members[] = {
    {NULL, "spec", NULL, "f:spec"},
    {NULL, "status", NULL, "f:status"},
    {"metadata", "labels", "f:metadata", "f:labels"},
    {"metadata", "annotations", "f:metadata", "f:annotations"},
};

static json_t *member_of(const json_t *object, const struct member *member)
{
    const json_t *parent = member->parent ? json_object_get(object, member->parent) : object;
    return json_object_get(parent, member->name);
}

static json_t *fields_of(const json_t *fields, const struct member *member)
{
    const json_t *parent =
        member->fields_parent ? json_object_get(fields, member->fields_parent) : fields;
    return json_object_get(parent, member->fields_name);
}

/* All of a kind that its seed makes, with metadata that differs between seeds. */
static json_t *object_of(const struct resource *row, uint64_t seed)
{
    json_t *object = random_object(row->type, seed);
    CLEANUP(free_ptr) char *value = xasprintf("%d", (int)seed);
    json_object_set_new(object, "metadata",
                        json_pack("{s:s, s:{s:s}, s:{s:s}}", "name", "n", "labels", "a", value,
                                  "annotations", "b", value));
    return object;
}

/* What a writer at that endpoint comes to own of `object`; NULL: nothing. New reference. */
static json_t *owned(const struct resource *row, const char *subresource, const json_t *object)
{
    const struct apply apply = {.type = row->type,
                                .api_version = resource_api_version(row),
                                .kind = row->kind,
                                .subresource = subresource,
                                .manager = "me",
                                .has_status = true};
    json_auto_t *copy = json_deep_copy(object);
    apply_track(&apply, NULL, copy);
    const json_t *entry = json_array_get(json_at(copy, "metadata", "managedFields"), 0);
    return json_incref(json_object_get(entry, "fieldsV1"));
}

/* Where upstream's strategy and what it calls reset are not the same. */
static const struct {
    const char *resource, *subresource, *member;
} apart[] = {
    {"namespaces", "", "spec"}, /* finalizers are kept, and yet the writer's */
    {"customresourcedefinitions.apiextensions.k8s.io", "",
     "status"}, /* its storage versions grow */
    {"customresourcedefinitions.apiextensions.k8s.io", "status", "labels"}, /* written, nobody's */
    {"customresourcedefinitions.apiextensions.k8s.io", "status", "annotations"},
    {"certificatesigningrequests.certificates.k8s.io", "status", "status"}, /* conditions alone */
};

static bool is_apart(const struct resource *row, const char *subresource, const char *member)
{
    for (size_t i = 0; i < ARRAY_LEN(apart); i++)
        if (strcmp(apart[i].resource, row->key) == 0 &&
            strcmp(apart[i].subresource, subresource) == 0 && strcmp(apart[i].member, member) == 0)
            return true;
    return false;
}

/* What became of a member that writers changed. */
struct fate {
    bool kept, written, owned;
};

static void write_once(const struct resource *row, const char *subresource, uint64_t seed,
                       struct fate fates[ARRAY_LEN(members)])
{
    const struct kind_rules *rules = kind_rules(row->key);
    json_auto_t *old = object_of(row, seed), *written = object_of(row, seed + 1);
    json_auto_t *fields = owned(row, subresource, written);
    json_auto_t *prepared = json_deep_copy(written);
    if (rules->prepare_update)
        rules->prepare_update(prepared, old, subresource);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const json_t *before = member_of(old, &members[i]), *now = member_of(written, &members[i]);
        if (!before || !now || json_equal(before, now))
            continue;
        bool kept = json_equal(member_of(prepared, &members[i]), before);
        fates[i].kept = fates[i].kept || kept;
        fates[i].written = fates[i].written || !kept;
        fates[i].owned = fates[i].owned || fields_of(fields, &members[i]);
    }
}

static void check_endpoint(const struct resource *row, const char *subresource)
{
    struct fate fates[ARRAY_LEN(members)] = {{0}};
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        write_once(row, subresource, seed, fates);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (((fates[i].kept && fates[i].owned) || (fates[i].written && !fates[i].owned)) &&
            !is_apart(row, subresource, members[i].name))
            fail_msg("%s/%s: %s is %s and %s", row->key, subresource, members[i].name,
                     fates[i].kept ? "kept" : "written", fates[i].owned ? "owned" : "nobody's");
}

static void what_is_kept_is_not_owned(void **state)
{
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (!rows[i]->type || !rows[i]->preferred || !resource_sub(rows[i], STR("status")))
            continue;
        check_endpoint(rows[i], "");
        check_endpoint(rows[i], "status");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_not_owned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
