/* Server-side apply: sets of fields, merging by list type, what is removed, what does not fit. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "schema/apply.h"
#include "schema/field_set.h"
#include "schema/typed.h"
#include "tests/schema/support_apply.h"
#include "tests/schema/support_random.h"

static void sets(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name, *a, *b, *united, *difference, *common;
    } rows[] = {
        {"leaves", "{\"f:a\":{},\"f:b\":{}}", "{\"f:b\":{},\"f:c\":{}}", "{\"f:a\":{},\"f:b\":{},\"f:c\":{}}",
         "{\"f:a\":{}}", "{\"f:b\":{}}"},
        {"nested", "{\"f:a\":{\".\":{},\"f:x\":{}}}", "{\"f:a\":{\"f:x\":{}}}", "{\"f:a\":{\".\":{},\"f:x\":{}}}",
         "{\"f:a\":{}}", "{\"f:a\":{\"f:x\":{}}}"},
        {"keys in any order", "{\"k:{\\\"b\\\":1,\\\"a\\\":2}\":{}}", "{\"k:{\\\"a\\\":2, \\\"b\\\":1}\":{}}",
         "{\"k:{\\\"a\\\":2,\\\"b\\\":1}\":{}}", "{}", "{\"k:{\\\"a\\\":2,\\\"b\\\":1}\":{}}"},
        {"apart", "{\"f:a\":{}}", "{\"f:b\":{}}", "{\"f:a\":{},\"f:b\":{}}", "{\"f:a\":{}}", "{}"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
        json_auto_t *left = apply_tree(rows[i].a), *right = apply_tree(rows[i].b);
        struct field_set b = {0}, set[3] = {{0}, {0}, {0}};
        const char *want[] = {rows[i].united, rows[i].difference, rows[i].common};
        apply_parse_set(&arena, &b, right);
        for (size_t j = 0; j < 3; j++)
            apply_parse_set(&arena, &set[j], left);
        field_set_union(&arena, &set[0], &b);
        assert_true(field_set_covers(&set[0], &b));
        assert_int_equal(field_set_meets(&set[1], &b), strcmp(rows[i].common, "{}") != 0);
        field_set_subtract(&set[1], &b);
        assert_false(field_set_meets(&set[1], &b));
        field_set_intersect(&set[2], &b);
        for (size_t j = 0; j < 3; j++) {
            CLEANUP(free_ptr) char *text = apply_set_text(&set[j]);
            if (strcmp(text, want[j]) != 0)
                fail_msg("%s, %zu: %s", rows[i].name, j, text);
        }
    }
}

static void add_path(void *arg, const char *path)
{
    struct buf *out = arg;
    buf_printf(out, "%s%s", out->len ? " " : "", path);
}

/* Elements come in the order of their values, and are written as Go writes those; paths come level
 * by level. */
static void sets_have_an_order(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *in, *out, *paths;
    } rows[] = {
        {"{\"v:10\":{},\"v:9\":{},\"v:9.5\":{},\"v:null\":{},\"v:true\":{},\"v:\\\"\\\"\":{},\"v:[1]\":{},\"f:z\":{},\"i:10\":{},\"i:2\":{}}",
         "{\"f:z\":{},\"v:9\":{},\"v:9.5\":{},\"v:10\":{},\"v:\\\"\\\"\":{},\"v:true\":{},\"v:[1]\":{},\"v:null\":{},\"i:2\":{},\"i:10\":{}}",
         ".z [=9] [=9.5] [=10] [=\"\"] [=true] [=[1]] [=null] [2] [10]"},
        {"{\"k:{\\\"port\\\":443}\":{\"f:a\":{}},\"k:{\\\"port\\\":80}\":{},\"f:b\":{\"f:c\":{}},\"f:d\":{}}",
         "{\"f:b\":{\"f:c\":{}},\"f:d\":{},\"k:{\\\"port\\\":80}\":{},\"k:{\\\"port\\\":443}\":{\"f:a\":{}}}",
         ".d [port=80] .b.c [port=443].a"},
        {"{\"v:\\\"a b\\\"\":{},\"v:\\\"a\\\"\":{},\"v:\\\"<\\\"\":{},\"v:1e3\":{},\"v:2.0\":{},\"v:2\":{}}",
         "{\"v:2\":{},\"v:1000\":{},\"v:\\\"\\\\u003c\\\"\":{},\"v:\\\"a\\\"\":{},\"v:\\\"a b\\\"\":{}}", NULL},
        {"{\"x:later\":{\"f:a\":{}},\"f:b\":{\"y:later\":{}},\"i:+1\":{}}", "{\"f:b\":{},\"i:1\":{}}", ".b [1]"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
        CLEANUP(buf_free) struct buf paths = BUF_TEXT;
        json_auto_t *in = apply_tree(rows[i].in);
        struct field_set set = {0};
        apply_parse_set(&arena, &set, in);
        json_auto_t *out = field_set_json(&set);
        char *text = json_dumps(out, JSON_COMPACT);
        field_set_each(&set, add_path, &paths);
        assert_string_equal(text, rows[i].out);
        if (rows[i].paths)
            assert_string_equal(paths.data, rows[i].paths);
        free(text);
    }
}

static void broken_sets_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "[]",           "{\"x\":{}}", "{\"f:a\":1}",  "{\"k:[1]\":{}}",
        "{\"v:{\":{}}", "{\"\":{}}",  "{\"i:a\":{}}", "{\"i:1.5\":{}}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
        struct field_set set = {0};
        json_auto_t *value = apply_tree(rows[i]);
        if (field_set_parse(&arena, &set, value, &err))
            fail_msg("taken: %s", rows[i]);
    }
}

static void merges(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name, *type, *live, *applied, *merged;
    } rows[] = {
        {"map", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}",
         "{\"labels\":{\"b\":\"3\",\"c\":\"4\"}}", "{\"labels\":{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"}}"},
        {"set", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "{\"finalizers\":[\"a\",\"b\"]}",
         "{\"finalizers\":[\"c\",\"a\"]}", "{\"finalizers\":[\"c\",\"a\",\"b\"]}"},
        {"atomic list", "io.k8s.api.core.v1.Container", "{\"args\":[\"a\",\"b\"]}", "{\"args\":[\"c\"]}",
         "{\"args\":[\"c\"]}"},
        {"atomic struct", "io.k8s.api.apps.v1.ReplicaSetSpec", "{\"selector\":{\"matchLabels\":{\"a\":\"1\"}}}",
         "{\"selector\":{\"matchLabels\":{\"b\":\"1\"}}}", "{\"selector\":{\"matchLabels\":{\"b\":\"1\"}}}"},
        {"list by key", "io.k8s.api.core.v1.Container", "{\"env\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\",\"value\":\"2\"}]}",
         "{\"env\":[{\"name\":\"c\",\"value\":\"3\"},{\"name\":\"b\",\"value\":\"4\"}]}",
         "{\"env\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"c\",\"value\":\"3\"},{\"name\":\"b\",\"value\":\"4\"}]}"},
        {"key with default", "io.k8s.api.core.v1.Container", "{\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\",\"name\":\"x\"}]}",
         "{\"ports\":[{\"containerPort\":80,\"hostPort\":8080}]}",
         "{\"ports\":[{\"containerPort\":80,\"hostPort\":8080,\"name\":\"x\",\"protocol\":\"TCP\"}]}"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *live = apply_tree(rows[i].live), *applied = apply_tree(rows[i].applied);
        CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
        json_auto_t *merged =
            typed_merge(&arena, typed_root(type_find(rows[i].type)), live, applied);
        CLEANUP(free_ptr) char *text = apply_rendered(merged);
        if (strcmp(text, rows[i].merged) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static void what_is_left_out_is_removed(void **state)
{
    (void)state;
    const struct apply me = apply_by("me");
    json_auto_t *first = apply_text(
        &me, NULL,
        "{" HEAD
        ",\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}},\"spec\":"
        "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"},{\"name\":\"d\",\"image\":\"j\"}]}}}}");
    /* Somebody else adds a container and a field of `c`. */
    struct apply other = apply_by("other");
    json_auto_t *edited = json_deep_copy(first);
    json_t *containers = json_at(edited, "spec", "template", "spec", "containers");
    json_array_append_new(containers, apply_tree("{\"name\":\"e\",\"image\":\"k\"}"));
    json_set_text(json_array_get(containers, 0), "workingDir", "/w");
    apply_track(&other, first, edited);
    CLEANUP(free_ptr) char *fields = apply_fields(edited, "other");
    assert_string_equal(
        fields, "{\"f:spec\":{\"f:template\":{\"f:spec\":{\"f:containers\":{"
                "\"k:{\\\"name\\\":\\\"c\\\"}\":{\"f:workingDir\":{}},"
                "\"k:{\\\"name\\\":\\\"e\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":{}}}}}}}");
    json_auto_t *second = apply_text(
        &me, edited,
        "{" HEAD ",\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"a\":\"1\"}},\"spec\":"
        "{\"containers\":[{\"name\":\"c\",\"image\":\"i2\"}]}}}}");
    CLEANUP(free_ptr) char *text = apply_rendered(json_at(second, "spec", "template"));
    assert_string_equal(text, "{\"metadata\":{\"labels\":{\"a\":\"1\"}},\"spec\":{\"containers\":["
                              "{\"image\":\"i2\",\"name\":\"c\",\"workingDir\":\"/w\"},"
                              "{\"image\":\"k\",\"name\":\"e\"}]}}");
}

#define SPEC(members) "{" HEAD ",\"spec\":{" members "}}"

/* Three applies, the second and the third by one manager: what is there in the end, and whose. */
static void others_keep_theirs(void **state)
{
    (void)state;
    static const struct {
        const char *name, *theirs, *mine, *then, *spec, *their_fields, *my_fields;
    } rows[] = {
        {"an empty struct", SPEC("\"paused\":true"), SPEC(""), SPEC("\"replicas\":1"),
         "{\"paused\":true,\"replicas\":1}", "{\"f:spec\":{\"f:paused\":{}}}",
         "{\"f:spec\":{\"f:replicas\":{}}}"},
        {"a null", SPEC("\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}"),
         SPEC("\"template\":{\"spec\":{\"containers\":null}}"), SPEC("\"template\":null"),
         "{\"template\":{\"metadata\":{},\"spec\":{\"containers\":[{\"name\":\"c\"}]}}}",
         "{\"f:spec\":{\"f:template\":{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}"
         "\":{\".\":{},"
         "\"f:name\":{}}}}}}}",
         "{\"f:spec\":{\"f:template\":{}}}"},
        {"an empty list", SPEC("\"paused\":true"),
         SPEC("\"replicas\":1,\"template\":{\"spec\":{\"imagePullSecrets\":[]}}"),
         SPEC("\"replicas\":1"), "{\"paused\":true,\"replicas\":1}",
         "{\"f:spec\":{\"f:paused\":{}}}", "{\"f:spec\":{\"f:replicas\":{}}}"},
        {"an empty struct that the other has", SPEC("\"strategy\":{}"),
         SPEC("\"strategy\":{\"type\":\"Recreate\"}"), SPEC("\"replicas\":1"), "{\"replicas\":1}",
         "{\"f:spec\":{\"f:strategy\":{}}}", "{\"f:spec\":{\"f:replicas\":{}}}"},
    };
    const struct apply me = apply_by("me"), you = apply_by("you");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *first = apply_text(&you, NULL, rows[i].theirs);
        json_auto_t *second = apply_text(&me, first, rows[i].mine);
        json_auto_t *third = apply_text(&me, second, rows[i].then);
        json_t *left = json_object_get(third, "spec");
        if (!json_at(left, "template", "spec", "containers"))
            json_object_del(left, "template"); /* that, and a strategy, each object has */
        json_object_del(left, "strategy");
        CLEANUP(free_ptr) char *spec = apply_rendered(left);
        CLEANUP(free_ptr) char *theirs = apply_fields(third, "you");
        CLEANUP(free_ptr) char *mine = apply_fields(third, "me");
        if (strcmp(spec, rows[i].spec) != 0 || strcmp(theirs, rows[i].their_fields) != 0 ||
            strcmp(mine, rows[i].my_fields) != 0)
            fail_msg("%s: %s %s %s", rows[i].name, spec, theirs, mine);
    }
}

/* What nothing is known of may become something else. */
static void kinds_of_values_change(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *added, *modified, *removed;
    } rows[] = {
        {"{\"a\":[]}", "{\"a\":{\"b\":{\"c\":1}}}", "{\"f:a\":{\"f:b\":{\".\":{},\"f:c\":{}}}}",
         "{\"f:a\":{}}", "{}"},
        {"{\"a\":{\"b\":1}}", "{\"a\":\"x\"}", "{}", "{\"f:a\":{}}", "{\"f:a\":{\"f:b\":{}}}"},
        {"{\"a\":{}}", "{\"a\":[]}", "{}", "{\"f:a\":{}}", "{}"},
        {"{\"a\":{\"b\":1}}", "{\"a\":null}", "{}", "{}", "{\"f:a\":{\"f:b\":{}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
        json_auto_t *before = apply_tree(rows[i].before), *after = apply_tree(rows[i].after);
        struct typed_changes changes = {0};
        typed_compare(&arena, (struct typed){0}, before, after, &changes);
        CLEANUP(free_ptr) char *added = apply_set_text(&changes.added);
        CLEANUP(free_ptr) char *modified = apply_set_text(&changes.modified);
        CLEANUP(free_ptr) char *removed = apply_set_text(&changes.removed);
        assert_string_equal(added, rows[i].added);
        assert_string_equal(modified, rows[i].modified);
        assert_string_equal(removed, rows[i].removed);
    }
}

static void false_overrides_true(void **state)
{
    (void)state;
    struct apply me = apply_by("me"), you = apply_by("you");
    json_auto_t *mine = apply_text(&me, NULL, "{" HEAD ",\"spec\":{\"paused\":true}}");
    you.force = true;
    json_auto_t *yours = apply_text(&you, mine, "{" HEAD ",\"spec\":{\"paused\":false}}");
    assert_null(json_at(yours, "spec", "paused"));
    CLEANUP(free_ptr) char *fields = apply_fields(yours, "you");
    assert_string_equal(fields, "{\"f:spec\":{\"f:paused\":{}}}");
}

static void misfits_are_refused(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *in, *message;
    } rows[] = {
        {"{" HEAD ",\"spec\":{\"foo\":1}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema"},
        {"{" HEAD ",\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"a\"}]}}}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate "
         "entries for key [name=\"a\"]"},
        {"{\"metadata\":{\"managedFields\":[{}]}}", "metadata.managedFields must be nil"},
        {"{" HEAD ",\"spec\":{\"foo\":1,\"replicas\":\"x\"}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): errors:\n  .spec.foo: field not declared in "
         "schema\n  .spec.replicas: expected numeric (int or float), got string"},
        {"{" HEAD ",\"spec\":{\"paused\":1}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.paused: expected boolean, got &{1}"},
        {"{" HEAD ",\"spec\":{\"strategy\":{\"type\":5}}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.strategy.type: expected string, got "
         "&value.valueUnstructured{Value:5}"},
        {"{" HEAD ",\"spec\":{\"template\":{\"spec\":{\"containers\":{\"name\":\"a\"}}}}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.template.spec.containers: expected "
         "list, got &{map[name:a]}"},
        {"{" HEAD ",\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":[\"a\"]}}}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.template.spec.nodeSelector: expected "
         "map, got &{[a]}"},
        {"{" HEAD ",\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"command\":[\"x\",true]}]}}}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"a\"]."
         "command[1]: expected string, got &value.valueUnstructured{Value:true}"},
        {"{" HEAD ",\"spec\":{\"template\":{\"spec\":{\"tolerations\":[{\"key\":\"a\",\"foo\":1}]}}}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.template.spec.tolerations[0].foo: field "
         "not declared in schema"},
        {"{" HEAD ",\"spec\":{\"selector\":{\"matchLabels\":{\"a\":1}}}}",
         "failed to create typed patch object (n/w; apps/v1, Kind=Deployment): .spec.selector.matchLabels.a: expected string, "
         "got &value.valueUnstructured{Value:1}"},
    };
    /* clang-format on */
    const struct apply me = apply_by("me");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *config = apply_tree(rows[i].in);
        assert_null(apply_configuration(&me, NULL, config, &err));
        assert_string_equal(err.message, rows[i].message);
    }
}

#define ENV(items)                                                                                 \
    "{" HEAD ",\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[" items  \
    "]}]}}}}"
#define ENV_FIELDS(fields)                                                                         \
    "{\"f:spec\":{\"f:template\":{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":"   \
    "{" fields "}}}}}}"
#define ONE(name) "\"k:{\\\"name\\\":\\\"" name "\\\"}\":"

/* Items of one key, which an update may have, are one value: it has no fields. */
static void items_of_one_key(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *fields; /* of who updates */
    } rows[] = {
        {NULL,
         ENV("{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"a\",\"value\":\"2\"},{\"name\":\"b\"}"),
         ENV_FIELDS("\".\":{},\"f:env\":{\".\":{}," ONE("a") "{}," ONE(
             "b") "{\".\":{},\"f:name\":{}}},\"f:name\":{}")},
        {ENV("{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"a\",\"value\":\"2\"}"),
         ENV("{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"a\",\"value\":\"3\"}"),
         ENV_FIELDS("\"f:env\":{" ONE("a") "{}}")},
        {ENV("{\"name\":\"a\"}"), ENV("{\"name\":\"a\"},{\"name\":\"a\"}"),
         ENV_FIELDS("\"f:env\":{" ONE("a") "{}}")},
        {ENV("{\"name\":\"a\"},{\"name\":\"a\"}"), ENV("{\"name\":\"a\"}"),
         ENV_FIELDS("\"f:env\":{" ONE("a") "{\".\":{},\"f:name\":{}}}")},
    };
    const struct apply first = apply_by("first"), second = apply_by("second");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *before = rows[i].before ? apply_tree(rows[i].before) : NULL;
        json_auto_t *after = apply_tree(rows[i].after);
        if (before)
            apply_track(&first, NULL, before);
        apply_track(&second, before, after);
        CLEANUP(free_ptr) char *fields = apply_fields(after, "second");
        assert_string_equal(fields, rows[i].fields);
    }
}

/* An applied item takes the place of all of its key. */
static void an_applied_item_replaces_several(void **state)
{
    (void)state;
    const struct apply first = apply_by("first");
    struct apply me = apply_by("me");
    me.force = true;
    json_auto_t *live = apply_tree(
        ENV("{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\"},{\"name\":\"a\",\"value\":\"2\"}"));
    apply_track(&first, NULL, live);
    json_auto_t *applied = apply_text(&me, live, ENV("{\"name\":\"a\"}"));
    CLEANUP(free_ptr) char *text = apply_rendered(json_at(applied, "spec", "template", "spec"));
    assert_string_equal(
        text, "{\"containers\":[{\"env\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"name\":\"c\"}]}");
}

/* Applying random configurations of two managers in turn: what was applied is there; the same again
 * changes nothing. */
static void random_configurations(void **state)
{
    (void)state;
    struct apply me = apply_by("me"), you = apply_by("you");
    json_auto_t *live = NULL;
    me.force = you.force = true;
    for (uint64_t seed = 0; seed < 60; seed++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *config = random_object(type_find(DEPLOYMENT), seed);
        json_object_del(config, "metadata");
        const struct apply *apply = seed & 1 ? &me : &you;
        json_auto_t *next = apply_configuration(apply, live, config, &err);
        if (!next && strstr(err.message, "duplicate entries"))
            continue;
        if (!next)
            fail_msg("%s", err.message);
        json_auto_t *again = apply_configuration(apply, next, config, &err);
        if (!json_equal(next, again)) {
            CLEANUP(free_ptr) char *a = apply_rendered(next);
            CLEANUP(free_ptr) char *b = apply_rendered(again);
            fail_msg("seed %d:\n%s\n%s", (int)seed, a, b);
        }
        json_decref(live);
        live = TAKE(next);
    }
}

/* Tens of thousands of members in the worst order: quadratic code would not end before the test's
 * time does. */
static void many_members(void **state)
{
    (void)state;
    const struct apply me = {.type = type_find("io.k8s.api.core.v1.ConfigMap"),
                             .api_version = "v1",
                             .kind = "ConfigMap",
                             .subresource = "",
                             .manager = "me",
                             .force = true};
    json_auto_t *object = apply_tree("{\"data\":{},\"metadata\":{\"finalizers\":[]}}");
    json_t *finalizers = json_at(object, "metadata", "finalizers");
    for (int i = 60000; i > 0; i--) {
        CLEANUP(free_ptr) char *key = xasprintf("k%05d", i);
        json_set_text(json_object_get(object, "data"), key, "x");
        json_array_append_new(finalizers, json_string(key));
    }
    json_auto_t *tracked = json_deep_copy(object);
    apply_track(&me, NULL, tracked);
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *applied = apply_configuration(&me, tracked, object, &err);
    assert_int_equal(json_array_size(json_at(applied, "metadata", "finalizers")), 60000);
    assert_int_equal(json_object_size(json_at(applied, "data")), 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets),
        cmocka_unit_test(sets_have_an_order),
        cmocka_unit_test(broken_sets_are_refused),
        cmocka_unit_test(merges),
        cmocka_unit_test(what_is_left_out_is_removed),
        cmocka_unit_test(others_keep_theirs),
        cmocka_unit_test(kinds_of_values_change),
        cmocka_unit_test(false_overrides_true),
        cmocka_unit_test(misfits_are_refused),
        cmocka_unit_test(items_of_one_key),
        cmocka_unit_test(an_applied_item_replaces_several),
        cmocka_unit_test(random_configurations),
        cmocka_unit_test(many_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
