/* Server-side apply: sets of fields, merging by list type, ownership, conflicts, pruning. */
#include "tests/test.h"

#include <string.h>

#include "base/json.h"
#include "schema/apply.h"
#include "schema/field_set.h"
#include "schema/typed.h"
#include "tests/schema/support_random.h"

#define DEPLOYMENT "io.k8s.api.apps.v1.Deployment"

static char *rendered(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    char *copy = xstrdup(text);
    free(text);
    return copy;
}

static json_t *tree(const char *text)
{
    json_error_t why;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &why);
    if (!value)
        fail_msg("%s in %s", why.text, text);
    return value;
}

static void parse_set(struct arena *arena, struct field_set *set, const json_t *fields)
{
    CLEANUP(error_clear) struct error err = {0};
    assert_true(field_set_parse(arena, set, fields, &err));
}

static char *set_text(const struct field_set *set)
{
    json_auto_t *value = field_set_json(set);
    return rendered(value);
}

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
        json_auto_t *left = tree(rows[i].a), *right = tree(rows[i].b);
        struct field_set b = {0}, set[3] = {{0}, {0}, {0}};
        const char *want[] = {rows[i].united, rows[i].difference, rows[i].common};
        parse_set(&arena, &b, right);
        for (size_t j = 0; j < 3; j++)
            parse_set(&arena, &set[j], left);
        field_set_union(&arena, &set[0], &b);
        assert_true(field_set_covers(&set[0], &b));
        assert_int_equal(field_set_meets(&set[1], &b), strcmp(rows[i].common, "{}") != 0);
        field_set_subtract(&set[1], &b);
        assert_false(field_set_meets(&set[1], &b));
        field_set_intersect(&set[2], &b);
        for (size_t j = 0; j < 3; j++) {
            CLEANUP(free_ptr) char *text = set_text(&set[j]);
            if (strcmp(text, want[j]) != 0)
                fail_msg("%s, %zu: %s", rows[i].name, j, text);
        }
    }
}

static void broken_sets_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "[]", "{\"x\":{}}", "{\"f:a\":1}", "{\"k:[1]\":{}}", "{\"v:{\":{}}", "{\"\":{}}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
        struct field_set set = {0};
        json_auto_t *value = tree(rows[i]);
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
        json_auto_t *live = tree(rows[i].live), *applied = tree(rows[i].applied);
        CLEANUP(arena_clear) struct arena arena = ARENA_UNBOUNDED;
        json_auto_t *merged =
            typed_merge(&arena, typed_root(type_find(rows[i].type)), live, applied);
        CLEANUP(free_ptr) char *text = rendered(merged);
        if (strcmp(text, rows[i].merged) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static struct apply by(const char *manager)
{
    return (struct apply){.type = type_find(DEPLOYMENT),
                          .api_version = "apps/v1",
                          .kind = "Deployment",
                          .subresource = "",
                          .manager = manager,
                          .now_us = 1700000000000000};
}

#define HEAD                                                                                       \
    "\"kind\":\"Deployment\",\"apiVersion\":\"apps/"                                               \
    "v1\",\"metadata\":{\"name\":\"w\",\"namespace\":\"n\"}"

static json_t *apply_text(const struct apply *apply, const json_t *live, const char *config)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *applied = tree(config);
    json_t *result = apply_configuration(apply, live, applied, &err);
    if (!result)
        fail_msg("%s", err.message);
    return result;
}

static char *fields_text(const json_t *object, const char *manager)
{
    json_t *entry;
    size_t at;
    json_array_foreach (json_at(object, "metadata", "managedFields"), at, entry)
        if (text_eq(json_text(entry, "manager"), manager))
            return rendered(json_object_get(entry, "fieldsV1"));
    return xstrdup("none");
}

static void applied_fields_are_owned(void **state)
{
    (void)state;
    const struct apply me = by("me");
    json_auto_t *made = apply_text(
        &me, NULL,
        "{" HEAD ",\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
        "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":"
        "[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]}]}}}}");
    CLEANUP(free_ptr) char *fields = fields_text(made, "me");
    assert_string_equal(
        fields,
        "{\"f:spec\":{\"f:replicas\":{},\"f:selector\":{},\"f:template\":{\"f:metadata\":{\"f:"
        "labels\":"
        "{\"f:a\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},"
        "\"f:image\":{},\"f:name\":{},\"f:ports\":{\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":"
        "\\\"TCP\\\"}\":{\".\":{},\"f:containerPort\":{}}}}}}}}}");
    assert_int_equal(json_int_or(json_at(made, "spec", "replicas"), 0), 2);
    /* Again: nothing changes, not even the time. */
    struct apply later = me;
    later.now_us += 1000000000;
    json_auto_t *config =
        tree("{" HEAD ",\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
             "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":"
             "[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]}]}}}}");
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *again = apply_configuration(&later, made, config, &err);
    assert_true(json_equal(made, again));
}

static void conflicts_name_their_owners(void **state)
{
    (void)state;
    const struct apply me = by("me"), you = by("you");
    json_auto_t *mine =
        apply_text(&me, NULL, "{" HEAD ",\"spec\":{\"replicas\":2,\"paused\":true}}");
    json_auto_t *one = tree("{" HEAD ",\"spec\":{\"replicas\":3}}");
    json_auto_t *two = tree("{" HEAD ",\"spec\":{\"replicas\":3,\"paused\":false}}");
    CLEANUP(error_clear) struct error err = {0};
    assert_null(apply_configuration(&you, mine, one, &err));
    assert_int_equal(err.code, 409);
    assert_string_equal(err.message,
                        "Apply failed with 1 conflict: conflict with \"me\": .spec.replicas");
    assert_int_equal(err.cause_count, 1);
    assert_string_equal(err.causes[0].type, "FieldManagerConflict");
    assert_string_equal(err.causes[0].field, ".spec.replicas");
    assert_string_equal(err.causes[0].message, "conflict with \"me\"");
    assert_null(apply_configuration(&you, mine, two, &err));
    assert_string_equal(
        err.message,
        "Apply failed with 2 conflicts: conflicts with \"me\":\n- .spec.paused\n- .spec.replicas");

    struct apply forced = you;
    forced.force = true;
    json_auto_t *taken = apply_configuration(&forced, mine, one, &err);
    CLEANUP(free_ptr) char *my_fields = fields_text(taken, "me");
    CLEANUP(free_ptr) char *your_fields = fields_text(taken, "you");
    assert_string_equal(my_fields, "{\"f:spec\":{\"f:paused\":{}}}");
    assert_string_equal(your_fields, "{\"f:spec\":{\"f:replicas\":{}}}");
    assert_int_equal(json_int_or(json_at(taken, "spec", "replicas"), 0), 3);
}

static void the_same_value_is_shared(void **state)
{
    (void)state;
    const struct apply me = by("me"), you = by("you");
    json_auto_t *mine = apply_text(&me, NULL, "{" HEAD ",\"spec\":{\"replicas\":2}}");
    json_auto_t *both = apply_text(&you, mine, "{" HEAD ",\"spec\":{\"replicas\":2}}");
    CLEANUP(free_ptr) char *fields = fields_text(both, "you");
    assert_string_equal(fields, "{\"f:spec\":{\"f:replicas\":{}}}");
    /* One gives it up: the other still has it. Both: it is gone. */
    json_auto_t *left = apply_text(&me, both, "{" HEAD ",\"spec\":{\"paused\":true}}");
    assert_int_equal(json_int_or(json_at(left, "spec", "replicas"), 0), 2);
    json_auto_t *gone = apply_text(&you, left, "{" HEAD "}");
    assert_null(json_at(gone, "spec", "replicas"));
    assert_true(json_is_true(json_at(gone, "spec", "paused")));
}

static void what_is_left_out_is_removed(void **state)
{
    (void)state;
    const struct apply me = by("me");
    json_auto_t *first = apply_text(
        &me, NULL,
        "{" HEAD
        ",\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}},\"spec\":"
        "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"},{\"name\":\"d\",\"image\":\"j\"}]}}}}");
    /* Somebody else adds a container and a field of `c`. */
    struct apply other = by("other");
    json_auto_t *edited = json_deep_copy(first);
    json_t *containers = json_at(edited, "spec", "template", "spec", "containers");
    json_array_append_new(containers, tree("{\"name\":\"e\",\"image\":\"k\"}"));
    json_set_text(json_array_get(containers, 0), "workingDir", "/w");
    apply_track(&other, first, edited);
    CLEANUP(free_ptr) char *fields = fields_text(edited, "other");
    assert_string_equal(
        fields, "{\"f:spec\":{\"f:template\":{\"f:spec\":{\"f:containers\":{"
                "\"k:{\\\"name\\\":\\\"c\\\"}\":{\"f:workingDir\":{}},"
                "\"k:{\\\"name\\\":\\\"e\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":{}}}}}}}");
    json_auto_t *second = apply_text(
        &me, edited,
        "{" HEAD ",\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"a\":\"1\"}},\"spec\":"
        "{\"containers\":[{\"name\":\"c\",\"image\":\"i2\"}]}}}}");
    CLEANUP(free_ptr) char *text = rendered(json_at(second, "spec", "template"));
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
    const struct apply me = by("me"), you = by("you");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *first = apply_text(&you, NULL, rows[i].theirs);
        json_auto_t *second = apply_text(&me, first, rows[i].mine);
        json_auto_t *third = apply_text(&me, second, rows[i].then);
        json_t *left = json_object_get(third, "spec");
        if (!json_at(left, "template", "spec", "containers"))
            json_object_del(left, "template"); /* that, and a strategy, each object has */
        json_object_del(left, "strategy");
        CLEANUP(free_ptr) char *spec = rendered(left);
        CLEANUP(free_ptr) char *theirs = fields_text(third, "you");
        CLEANUP(free_ptr) char *mine = fields_text(third, "me");
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
        json_auto_t *before = tree(rows[i].before), *after = tree(rows[i].after);
        struct typed_changes changes = {0};
        typed_compare(&arena, (struct typed){0}, before, after, &changes);
        CLEANUP(free_ptr) char *added = set_text(&changes.added);
        CLEANUP(free_ptr) char *modified = set_text(&changes.modified);
        CLEANUP(free_ptr) char *removed = set_text(&changes.removed);
        assert_string_equal(added, rows[i].added);
        assert_string_equal(modified, rows[i].modified);
        assert_string_equal(removed, rows[i].removed);
    }
}

static void false_overrides_true(void **state)
{
    (void)state;
    struct apply me = by("me"), you = by("you");
    json_auto_t *mine = apply_text(&me, NULL, "{" HEAD ",\"spec\":{\"paused\":true}}");
    you.force = true;
    json_auto_t *yours = apply_text(&you, mine, "{" HEAD ",\"spec\":{\"paused\":false}}");
    assert_null(json_at(yours, "spec", "paused"));
    CLEANUP(free_ptr) char *fields = fields_text(yours, "you");
    assert_string_equal(fields, "{\"f:spec\":{\"f:paused\":{}}}");
}

static void created_objects_are_tracked(void **state)
{
    (void)state;
    const struct apply me = by("kubectl-create");
    json_auto_t *object = tree(
        "{" HEAD
        ",\"spec\":{\"replicas\":1,\"selector\":{\"matchLabels\":{\"app\":\"x\"}},\"strategy\":"
        "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":\"25%\"}},\"template\":"
        "{\"metadata\":{\"labels\":{\"app\":\"x\"},\"creationTimestamp\":null},\"spec\":{"
        "\"containers\":"
        "[{\"name\":\"c\",\"resources\":{}}]}}},\"status\":{}}");
    apply_track(&me, NULL, object);
    CLEANUP(free_ptr) char *fields = fields_text(object, "kubectl-create");
    /* As upstream notes it for `kubectl create deployment`. */
    assert_string_equal(
        fields,
        "{\"f:spec\":{\"f:replicas\":{},\"f:selector\":{},\"f:strategy\":{\"f:rollingUpdate\":{\"."
        "\":{},"
        "\"f:maxSurge\":{}},\"f:type\":{}},\"f:template\":{\"f:metadata\":{\"f:labels\":{\".\":{},"
        "\"f:app\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},"
        "\"f:name\":{},\"f:resources\":{}}}}}}}");
    const json_t *entry = json_array_get(json_at(object, "metadata", "managedFields"), 0);
    assert_string_equal(json_text(entry, "operation"), "Update");
    assert_string_equal(json_text(entry, "time"), "2023-11-14T22:13:20Z");
    json_auto_t *same = json_deep_copy(object);
    apply_track(&me, object, same);
    assert_true(json_equal(object, same));
}

static void applied_after_creation_conflicts(void **state)
{
    (void)state;
    const struct apply creator = by("creator"), me = by("me");
    json_auto_t *object = tree("{" HEAD ",\"spec\":{\"replicas\":1}}");
    apply_track(&creator, NULL, object);
    json_auto_t *config = tree("{" HEAD ",\"spec\":{\"replicas\":2}}");
    CLEANUP(error_clear) struct error err = {0};
    assert_null(apply_configuration(&me, object, config, &err));
    assert_string_equal(
        err.message,
        "Apply failed with 1 conflict: conflict with \"creator\" using apps/v1: .spec.replicas");
    /* Never tracked: it belongs to those before. */
    json_object_del(json_object_get(object, "metadata"), "managedFields");
    assert_null(apply_configuration(&me, object, config, &err));
    assert_non_null(strstr(err.message, "\"before-first-apply\" using apps/v1"));
}

static void updates_are_capped(void **state)
{
    (void)state;
    json_auto_t *object = tree("{" HEAD "}");
    for (int i = 0; i < 15; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("m%02d", i);
        struct apply each = by(name);
        each.now_us += (int64_t)i * 1000000;
        json_auto_t *before = i ? json_deep_copy(object) : NULL;
        json_set_text(json_ensure_object(json_object_get(object, "metadata"), "labels"), name, "x");
        apply_track(&each, before, object);
    }
    assert_int_equal(json_array_size(json_at(object, "metadata", "managedFields")), 10);
    CLEANUP(free_ptr) char *oldest = fields_text(object, "ancient-changes");
    assert_non_null(strstr(oldest, "f:m00"));
    assert_non_null(strstr(oldest, "f:m05"));
    assert_null(strstr(oldest, "f:m06"));
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
    };
    /* clang-format on */
    const struct apply me = by("me");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *config = tree(rows[i].in);
        assert_null(apply_configuration(&me, NULL, config, &err));
        assert_string_equal(err.message, rows[i].message);
    }
}

#define LAST "kubectl.kubernetes.io/last-applied-configuration"

/* Applied from kubectl's own side, and since changed by somebody else in one place. */
static json_t *client_side_object(const char *replicas_now)
{
    const struct apply client = by("kubectl-client-side-apply"), other = by("hpa");
    CLEANUP(free_ptr)
    char *text = xasprintf("{" HEAD ",\"spec\":{\"replicas\":2,\"paused\":true}}");
    json_auto_t *object = tree(text);
    json_set_text(json_ensure_object(json_object_get(object, "metadata"), "annotations"), LAST,
                  text);
    apply_track(&client, NULL, object);
    json_auto_t *before = json_deep_copy(object), *replicas = tree(replicas_now);
    json_object_set(json_object_get(object, "spec"), "replicas", json_object_get(replicas, "n"));
    apply_track(&other, before, object);
    return TAKE(object);
}

static void client_side_apply_goes_on(void **state)
{
    (void)state;
    const struct apply kubectl = by("kubectl"), me = by("me");
    json_auto_t *live = client_side_object("{\"n\":2}");
    const char *config = "{" HEAD ",\"spec\":{\"replicas\":3,\"paused\":false}}";
    /* What still is as kubectl left it is no conflict for kubectl, and for nobody else. */
    json_auto_t *taken = apply_text(&kubectl, live, config);
    CLEANUP(free_ptr) char *fields = fields_text(taken, "kubectl");
    CLEANUP(free_ptr) char *left = fields_text(taken, "kubectl-client-side-apply");
    assert_string_equal(fields, "{\"f:spec\":{\"f:paused\":{},\"f:replicas\":{}}}");
    assert_null(strstr(left, "f:replicas"));
    assert_string_equal(
        json_text(taken, "metadata", "annotations", LAST),
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":"
        "\"w\",\"namespace\":\"n\"},\"spec\":{\"paused\":false,\"replicas\":3}}\n");
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *applied = tree(config);
    assert_null(apply_configuration(&me, live, applied, &err));
    assert_int_equal(err.code, 409);
    assert_int_equal(err.cause_count, 2);
}

static void what_others_changed_since_conflicts(void **state)
{
    (void)state;
    const struct apply kubectl = by("kubectl");
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *live = client_side_object("{\"n\":5}");
    json_auto_t *applied = tree("{" HEAD ",\"spec\":{\"replicas\":3,\"paused\":false}}");
    assert_null(apply_configuration(&kubectl, live, applied, &err));
    assert_int_equal(err.code, 409);
    assert_int_equal(err.cause_count, 1);
    assert_string_equal(err.causes[0].field, ".spec.replicas");
}

/* A last configuration that is none, or of another version, allows nothing; one that grows too
 * large goes. */
static void last_configurations_may_be_odd(void **state)
{
    (void)state;
    static const char *const odd[] = {"{", "[]", "{\"kind\":\"Deployment\"}",
                                      "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/"
                                      "v1beta1\",\"spec\":{\"replicas\":2,\"paused\":true}}",
                                      "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/"
                                      "v1\",\"spec\":{\"replicas\":2,\"paused\":true,\"x\":1}}"};
    struct apply kubectl = by("kubectl");
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *live = client_side_object("{\"n\":2}");
        json_set_text(json_at(live, "metadata", "annotations"), LAST, odd[i]);
        json_auto_t *applied = tree("{" HEAD ",\"spec\":{\"replicas\":3}}");
        assert_null(apply_configuration(&kubectl, live, applied, &err));
        assert_int_equal(err.code, 409);
    }
    json_auto_t *live = client_side_object("{\"n\":2}");
    CLEANUP(free_ptr) char *large = xcalloc(1, ((size_t)256 << 10) + 1);
    memset(large, 'x', (size_t)256 << 10);
    json_auto_t *applied = tree("{" HEAD ",\"spec\":{\"minReadySeconds\":3}}");
    json_set_text(json_object_get(applied, "metadata"), "generateName", large);
    CLEANUP(error_clear) struct error err = {0};
    kubectl.force = true;
    json_auto_t *grown = apply_configuration(&kubectl, live, applied, &err);
    assert_non_null(grown);
    assert_null(json_text(grown, "metadata", "annotations", LAST));
}

/* `managedFields: [{}]` forgets everybody, also who asks for it. */
static void forgetting_is_not_noted(void **state)
{
    (void)state;
    const struct apply me = by("me");
    json_auto_t *live = client_side_object("{\"n\":5}"), *object = json_deep_copy(live);
    json_object_set_new(json_object_get(object, "metadata"), "managedFields", json_pack("[{}]"));
    json_object_set_new(json_object_get(object, "spec"), "replicas", json_integer(9));
    apply_track(&me, live, object);
    assert_null(json_at(object, "metadata", "managedFields"));
}

/* Nobody is noted then, until somebody applies. */
static void what_is_forgotten_stays_so(void **state)
{
    (void)state;
    const struct apply me = by("me"), you = by("you");
    json_auto_t *object = tree("{" HEAD ",\"spec\":{\"replicas\":2}}");
    apply_track(&me, NULL, object);
    json_auto_t *empty = json_deep_copy(object), *later = NULL;
    json_object_set_new(json_object_get(empty, "metadata"), "managedFields", json_array());
    apply_track(&me, object, empty);
    assert_null(json_at(empty, "metadata", "managedFields"));
    later = json_deep_copy(empty);
    json_object_set_new(json_object_get(later, "spec"), "replicas", json_integer(3));
    apply_track(&you, empty, later);
    assert_null(json_at(later, "metadata", "managedFields"));
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *config = tree("{" HEAD ",\"spec\":{\"replicas\":4}}");
    assert_null(apply_configuration(&you, later, config, &err));
    assert_non_null(strstr(err.message, "before-first-apply"));
}

/* Of two entries of one identity the later one counts. */
static void the_later_entry_counts(void **state)
{
    (void)state;
    const struct apply me = by("me");
    json_auto_t *live = tree("{" HEAD ",\"spec\":{\"replicas\":2,\"paused\":true}}");
    apply_track(&me, NULL, live);
    json_auto_t *object = json_deep_copy(live);
    json_set_text(json_ensure_object(json_object_get(object, "metadata"), "labels"), "a", "b");
    json_object_set_new(
        json_object_get(object, "metadata"), "managedFields",
        tree(
            "[{\"manager\":\"x\",\"operation\":\"Apply\",\"apiVersion\":\"apps/v1\",\"fieldsType\":"
            "\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:replicas\":{}}}},{\"manager\":\"x\","
            "\"operation\":\"Apply\",\"apiVersion\":\"apps/v1\",\"fieldsType\":\"FieldsV1\","
            "\"fieldsV1\":{\"f:spec\":{\"f:paused\":{}}}}]"));
    apply_track(&me, live, object);
    CLEANUP(free_ptr) char *fields = fields_text(object, "x");
    assert_string_equal(fields, "{\"f:spec\":{\"f:paused\":{}}}");
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
    const struct apply first = by("first"), second = by("second");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *before = rows[i].before ? tree(rows[i].before) : NULL;
        json_auto_t *after = tree(rows[i].after);
        if (before)
            apply_track(&first, NULL, before);
        apply_track(&second, before, after);
        CLEANUP(free_ptr) char *fields = fields_text(after, "second");
        assert_string_equal(fields, rows[i].fields);
    }
}

/* An applied item takes the place of all of its key. */
static void an_applied_item_replaces_several(void **state)
{
    (void)state;
    const struct apply first = by("first");
    struct apply me = by("me");
    me.force = true;
    json_auto_t *live = tree(
        ENV("{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\"},{\"name\":\"a\",\"value\":\"2\"}"));
    apply_track(&first, NULL, live);
    json_auto_t *applied = apply_text(&me, live, ENV("{\"name\":\"a\"}"));
    CLEANUP(free_ptr) char *text = rendered(json_at(applied, "spec", "template", "spec"));
    assert_string_equal(
        text, "{\"containers\":[{\"env\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"name\":\"c\"}]}");
}

#define ENTRY(operation, version, type, fields)                                                    \
    "[{\"manager\":\"x\",\"operation\":\"" operation "\",\"apiVersion\":\"" version                \
    "\",\"fieldsType\":\"" type "\",\"fieldsV1\":" fields "}]"

/* What others made of the entries counts when it can be read. */
static void entries_are_kept_readable(void **state)
{
    (void)state;
    static const struct {
        const char *entries, *why;
    } rows[] = {
        {ENTRY("Update", "v1", "FieldsV1", "{\"f:a\":{}}"), NULL},
        {"[]", NULL},
        {ENTRY("", "v1", "FieldsV1", "{}"), "operation must be `Apply` or `Update`"},
        {ENTRY("Apply", "", "FieldsV1", "{}"), "apiVersion must not be empty"},
        {ENTRY("Apply", "v1", "", "{}"), "missing fieldsType in managed fields entry 0"},
        {ENTRY("Apply", "v1", "FieldsV2", "{}"),
         "invalid fieldsType \"FieldsV2\" in managed fields entry 0"},
        {ENTRY("Apply", "v1", "FieldsV1", "{\"x\":{}}"), ""},
    };
    json_auto_t *before = tree("{\"metadata\":{\"managedFields\":[{\"manager\":\"kept\"}]}}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *object = tree("{\"metadata\":{}}"), *entries = tree(rows[i].entries);
        json_object_set(json_object_get(object, "metadata"), "managedFields", entries);
        assert_int_equal(apply_keep_readable(before, object, &err), !rows[i].why);
        assert_true(
            json_equal(json_at(object, "metadata", "managedFields"),
                       rows[i].why ? json_at(before, "metadata", "managedFields") : entries));
        if (rows[i].why && *rows[i].why)
            assert_string_equal(err.message, rows[i].why);
    }
}

/* What an endpoint resets is nobody's who writes there. */
static void what_is_reset_is_not_owned(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *type, *subresource;
        bool has_status;
        const char *object, *fields;
    } rows[] = {
        {"Deployment", DEPLOYMENT, "", true,
         "{\"spec\":{\"paused\":true},\"status\":{\"replicas\":1}}",
         "{\"f:spec\":{\"f:paused\":{}}}"},
        {"Deployment", DEPLOYMENT, "status", true,
         "{\"metadata\":{\"labels\":{\"a\":\"b\"},\"annotations\":{\"a\":\"b\"}},\"spec\":{"
         "\"paused\":true},"
         "\"status\":{\"replicas\":1}}",
         "{\"f:metadata\":{\"f:annotations\":{\"f:a\":{}}},\"f:status\":{\"f:replicas\":{}}}"},
        {"Pod", "io.k8s.api.core.v1.Pod", "status", true,
         "{\"metadata\":{\"labels\":{\"a\":\"b\"},\"ownerReferences\":[{\"uid\":\"u\"}]},\"spec\":{"
         "\"nodeName\":"
         "\"n\"},\"status\":{\"phase\":\"x\"}}",
         "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}},\"f:status\":{\"f:phase\":{}}}"},
        {"Pod", "io.k8s.api.core.v1.Pod", "resize", true,
         "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"nodeName\":\"n\",\"containers\":[{"
         "\"name\":\"c\","
         "\"image\":\"i\",\"resources\":{\"limits\":{\"cpu\":\"1\"}}}]},\"status\":{\"phase\":"
         "\"x\"}}",
         "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:resources\":{"
         "\"f:limits\":"
         "{\"f:cpu\":{}}}}}}}"},
        {"Pod", "io.k8s.api.core.v1.Pod", "ephemeralcontainers", true,
         "{\"spec\":{\"nodeName\":\"n\",\"ephemeralContainers\":[{\"name\":\"c\"}]}}",
         "{\"f:spec\":{\"f:ephemeralContainers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:"
         "name\":{}}}}}"},
        {"CertificateSigningRequest", "io.k8s.api.certificates.v1.CertificateSigningRequest", "",
         true, "{\"spec\":{\"usages\":[\"a\"]},\"status\":{\"certificate\":\"eA==\"}}", "none"},
        {"CertificateSigningRequest", "io.k8s.api.certificates.v1.CertificateSigningRequest",
         "approval", true,
         "{\"status\":{\"certificate\":\"eA==\",\"conditions\":[{\"type\":\"t\"}]}}",
         "{\"f:status\":{\"f:conditions\":{\"k:{\\\"type\\\":\\\"t\\\"}\":{\".\":{},\"f:type\":{}}}"
         "}}"},
        {"Event", "io.k8s.api.core.v1.Event", "", false, "{\"reason\":\"r\"}", "{\"f:reason\":{}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        const struct apply me = {.type = type_find(rows[i].type),
                                 .api_version = "x/v1",
                                 .kind = rows[i].kind,
                                 .subresource = rows[i].subresource,
                                 .has_status = rows[i].has_status,
                                 .manager = "me"};
        json_auto_t *config = tree(rows[i].object);
        json_auto_t *made = apply_configuration(&me, NULL, config, &err);
        CLEANUP(free_ptr) char *fields = fields_text(made, "me");
        if (strcmp(fields, rows[i].fields) != 0)
            fail_msg("%s %s: %s", rows[i].kind, rows[i].subresource, fields);
    }
}

static const struct type *served(void *arg, const char *api_version)
{
    (void)arg;
    return strcmp(api_version, "old/v1") == 0 ? NULL : type_find(DEPLOYMENT);
}

/* Other versions call replicas the revisionHistoryLimit. */
static json_t *renamed(void *arg, const json_t *object, const char *api_version)
{
    bool here = strcmp(api_version, "apps/v1") == 0,
         was_here = text_eq(json_text(object, "apiVersion"), "apps/v1");
    const char *from = was_here ? "replicas" : "revisionHistoryLimit",
               *to = here ? "replicas" : "revisionHistoryLimit";
    json_t *copy = json_deep_copy(object), *spec = json_ensure_object(copy, "spec");
    json_auto_t *value = json_incref(json_object_get(spec, from));
    (void)arg;
    if (strcmp(api_version, "broken/v1") == 0) {
        json_decref(copy);
        return NULL;
    }
    json_object_del(spec, from);
    if (value)
        json_object_set(spec, to, value);
    json_set_text(copy, "apiVersion", api_version);
    return copy;
}

#define OTHER(name, version)                                                                       \
    "{\"manager\":\"" name "\",\"operation\":\"Apply\",\"apiVersion\":\"" version                  \
    "\",\"fieldsType\":\"FieldsV1\","                                                              \
    "\"fieldsV1\":{\"f:spec\":{\"f:revisionHistoryLimit\":{}}}}"
#define OF_OTHERS                                                                                  \
    "{\"apiVersion\":\"apps/"                                                                      \
    "v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"w\",\"managedFields\":[" OTHER(         \
        "known",                                                                                   \
        "new/v1") "," OTHER("gone",                                                                \
                            "old/v1") "," OTHER("unknown",                                         \
                                                "broken/v1") "]},\"spec\":{\"replicas\":2}}"

/* Managers are asked in the version that they know. */
static void versions_are_converted(void **state)
{
    (void)state;
    const struct apply_versions versions = {NULL, served, renamed};
    struct apply me = by("me"), known = by("known");
    me.versions = known.versions = &versions;
    json_auto_t *live = tree(OF_OTHERS), *config = tree("{" HEAD ",\"spec\":{\"replicas\":3}}");
    CLEANUP(error_clear) struct error err = {0};
    assert_true(apply_has_other_version(live, "apps/v1"));
    assert_null(apply_configuration(&me, live, config, &err));
    assert_string_equal(err.message, "Apply failed with 1 conflict: conflict with \"known\": "
                                     ".spec.revisionHistoryLimit");
    /* What is given up in another version goes, too. */
    json_auto_t *less = apply_text(&known, live, "{" HEAD ",\"spec\":{\"paused\":true}}");
    assert_null(json_at(less, "spec", "replicas"));
    json_auto_t *object = json_deep_copy(live);
    json_object_set_new(json_object_get(object, "spec"), "replicas", json_integer(5));
    apply_track(&me, live, object);
    CLEANUP(free_ptr) char *kept = fields_text(object, "unknown");
    assert_string_equal(kept, "{\"f:spec\":{\"f:revisionHistoryLimit\":{}}}");
    assert_int_equal(json_array_size(json_at(object, "metadata", "managedFields")), 2);
}

/* What our own components wrote, which nobody is noted for, outlives what it stands beside. */
static void the_rest_of_metadata_stays(void **state)
{
    (void)state;
    const struct apply me = by("me");
    json_auto_t *live = apply_text(&me, NULL,
                                   "{\"metadata\":{\"name\":\"w\",\"annotations\":{\"mine\":\"x\"}}"
                                   ",\"spec\":{\"replicas\":1}}");
    json_set_text(json_at(live, "metadata", "annotations"), "theirs", "y");
    json_object_set_new(json_object_get(live, "metadata"), "finalizers", tree("[\"a/b\"]"));
    json_auto_t *left =
        apply_text(&me, live, "{\"metadata\":{\"name\":\"w\"},\"spec\":{\"replicas\":1}}");
    json_object_del(json_object_get(left, "metadata"), "managedFields");
    CLEANUP(free_ptr) char *text = rendered(json_object_get(left, "metadata"));
    assert_string_equal(
        text, "{\"annotations\":{\"theirs\":\"y\"},\"finalizers\":[\"a/b\"],\"name\":\"w\"}");
}

/* A write that changes nothing but times changes nothing. */
static void times_alone_are_no_change(void **state)
{
    (void)state;
    struct apply me = by("me");
    json_auto_t *live = tree("{" HEAD ",\"spec\":{\"replicas\":2}}");
    apply_track(&me, NULL, live);
    json_auto_t *object = json_deep_copy(live), *other = json_deep_copy(live);
    json_t *entry = json_array_get(json_at(object, "metadata", "managedFields"), 0);
    json_set_text(entry, "time", "2030-01-01T00:00:00Z");
    json_auto_t *later = json_deep_copy(object);
    json_object_set_new(json_object_get(later, "spec"), "replicas", json_integer(3));
    apply_keep_times(live, object);
    assert_true(json_equal(live, object));
    apply_keep_times(live, later);
    assert_string_equal(
        json_text(json_array_get(json_at(later, "metadata", "managedFields"), 0), "time"),
        "2030-01-01T00:00:00Z");
    json_object_del(json_object_get(other, "metadata"), "managedFields");
    apply_keep_times(live, other);
    assert_null(json_at(other, "metadata", "managedFields"));
}

/* Applying random configurations of two managers in turn: what was applied is there; the same again
 * changes nothing. */
static void random_configurations(void **state)
{
    (void)state;
    struct apply me = by("me"), you = by("you");
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
            CLEANUP(free_ptr) char *a = rendered(next);
            CLEANUP(free_ptr) char *b = rendered(again);
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
    json_auto_t *object = tree("{\"data\":{},\"metadata\":{\"finalizers\":[]}}");
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
        cmocka_unit_test(broken_sets_are_refused),
        cmocka_unit_test(merges),
        cmocka_unit_test(applied_fields_are_owned),
        cmocka_unit_test(conflicts_name_their_owners),
        cmocka_unit_test(the_same_value_is_shared),
        cmocka_unit_test(what_is_left_out_is_removed),
        cmocka_unit_test(others_keep_theirs),
        cmocka_unit_test(kinds_of_values_change),
        cmocka_unit_test(false_overrides_true),
        cmocka_unit_test(created_objects_are_tracked),
        cmocka_unit_test(applied_after_creation_conflicts),
        cmocka_unit_test(updates_are_capped),
        cmocka_unit_test(misfits_are_refused),
        cmocka_unit_test(client_side_apply_goes_on),
        cmocka_unit_test(what_others_changed_since_conflicts),
        cmocka_unit_test(last_configurations_may_be_odd),
        cmocka_unit_test(forgetting_is_not_noted),
        cmocka_unit_test(what_is_forgotten_stays_so),
        cmocka_unit_test(the_later_entry_counts),
        cmocka_unit_test(items_of_one_key),
        cmocka_unit_test(an_applied_item_replaces_several),
        cmocka_unit_test(entries_are_kept_readable),
        cmocka_unit_test(what_is_reset_is_not_owned),
        cmocka_unit_test(versions_are_converted),
        cmocka_unit_test(the_rest_of_metadata_stays),
        cmocka_unit_test(times_alone_are_no_change),
        cmocka_unit_test(random_configurations),
        cmocka_unit_test(many_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
