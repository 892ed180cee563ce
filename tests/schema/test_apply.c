/* Server-side apply: who owns which field, conflicts, and what is noted of other writes. */
#include "tests/test.h"

#include <string.h>

#include "base/json.h"
#include "schema/apply.h"
#include "tests/schema/support_apply.h"

static void applied_fields_are_owned(void **state)
{
    (void)state;
    const struct apply me = apply_by("me");
    json_auto_t *made = apply_text(
        &me, NULL,
        "{" HEAD ",\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
        "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":"
        "[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]}]}}}}");
    CLEANUP(free_ptr) char *fields = apply_fields(made, "me");
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
    json_auto_t *config = apply_tree(
        "{" HEAD ",\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
        "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":"
        "[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]}]}}}}");
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *again = apply_configuration(&later, made, config, &err);
    assert_true(json_equal(made, again));
}

static void conflicts_name_their_owners(void **state)
{
    (void)state;
    const struct apply me = apply_by("me"), you = apply_by("you");
    json_auto_t *mine =
        apply_text(&me, NULL, "{" HEAD ",\"spec\":{\"replicas\":2,\"paused\":true}}");
    json_auto_t *one = apply_tree("{" HEAD ",\"spec\":{\"replicas\":3}}");
    json_auto_t *two = apply_tree("{" HEAD ",\"spec\":{\"replicas\":3,\"paused\":false}}");
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
    CLEANUP(free_ptr) char *my_fields = apply_fields(taken, "me");
    CLEANUP(free_ptr) char *your_fields = apply_fields(taken, "you");
    assert_string_equal(my_fields, "{\"f:spec\":{\"f:paused\":{}}}");
    assert_string_equal(your_fields, "{\"f:spec\":{\"f:replicas\":{}}}");
    assert_int_equal(json_int_or(json_at(taken, "spec", "replicas"), 0), 3);
}

static void the_same_value_is_shared(void **state)
{
    (void)state;
    const struct apply me = apply_by("me"), you = apply_by("you");
    json_auto_t *mine = apply_text(&me, NULL, "{" HEAD ",\"spec\":{\"replicas\":2}}");
    json_auto_t *both = apply_text(&you, mine, "{" HEAD ",\"spec\":{\"replicas\":2}}");
    CLEANUP(free_ptr) char *fields = apply_fields(both, "you");
    assert_string_equal(fields, "{\"f:spec\":{\"f:replicas\":{}}}");
    /* One gives it up: the other still has it. Both: it is gone. */
    json_auto_t *left = apply_text(&me, both, "{" HEAD ",\"spec\":{\"paused\":true}}");
    assert_int_equal(json_int_or(json_at(left, "spec", "replicas"), 0), 2);
    json_auto_t *gone = apply_text(&you, left, "{" HEAD "}");
    assert_null(json_at(gone, "spec", "replicas"));
    assert_true(json_is_true(json_at(gone, "spec", "paused")));
}

static void created_objects_are_tracked(void **state)
{
    (void)state;
    const struct apply me = apply_by("kubectl-create");
    json_auto_t *object = apply_tree(
        "{" HEAD
        ",\"spec\":{\"replicas\":1,\"selector\":{\"matchLabels\":{\"app\":\"x\"}},\"strategy\":"
        "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":\"25%\"}},\"template\":"
        "{\"metadata\":{\"labels\":{\"app\":\"x\"},\"creationTimestamp\":null},\"spec\":{"
        "\"containers\":"
        "[{\"name\":\"c\",\"resources\":{}}]}}},\"status\":{}}");
    apply_track(&me, NULL, object);
    CLEANUP(free_ptr) char *fields = apply_fields(object, "kubectl-create");
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
    const struct apply creator = apply_by("creator"), me = apply_by("me");
    json_auto_t *object = apply_tree("{" HEAD ",\"spec\":{\"replicas\":1}}");
    apply_track(&creator, NULL, object);
    json_auto_t *config = apply_tree("{" HEAD ",\"spec\":{\"replicas\":2}}");
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
    json_auto_t *object = apply_tree("{" HEAD "}");
    for (int i = 0; i < 15; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("m%02d", i);
        struct apply each = apply_by(name);
        each.now_us += (int64_t)i * 1000000;
        json_auto_t *before = i ? json_deep_copy(object) : NULL;
        json_set_text(json_ensure_object(json_object_get(object, "metadata"), "labels"), name, "x");
        apply_track(&each, before, object);
    }
    assert_int_equal(json_array_size(json_at(object, "metadata", "managedFields")), 10);
    CLEANUP(free_ptr) char *oldest = apply_fields(object, "ancient-changes");
    assert_non_null(strstr(oldest, "f:m00"));
    assert_non_null(strstr(oldest, "f:m05"));
    assert_null(strstr(oldest, "f:m06"));
}

#define LAST "kubectl.kubernetes.io/last-applied-configuration"

/* Applied from kubectl's own side, and since changed by somebody else in one place. */
static json_t *client_side_object(const char *replicas_now)
{
    const struct apply client = apply_by("kubectl-client-side-apply"), other = apply_by("hpa");
    CLEANUP(free_ptr)
    char *text = xasprintf("{" HEAD ",\"spec\":{\"replicas\":2,\"paused\":true}}");
    json_auto_t *object = apply_tree(text);
    json_set_text(json_ensure_object(json_object_get(object, "metadata"), "annotations"), LAST,
                  text);
    apply_track(&client, NULL, object);
    json_auto_t *before = json_deep_copy(object), *replicas = apply_tree(replicas_now);
    json_object_set(json_object_get(object, "spec"), "replicas", json_object_get(replicas, "n"));
    apply_track(&other, before, object);
    return TAKE(object);
}

static void client_side_apply_goes_on(void **state)
{
    (void)state;
    const struct apply kubectl = apply_by("kubectl"), me = apply_by("me");
    json_auto_t *live = client_side_object("{\"n\":2}");
    const char *config = "{" HEAD ",\"spec\":{\"replicas\":3,\"paused\":false}}";
    /* What still is as kubectl left it is no conflict for kubectl, and for nobody else. */
    json_auto_t *taken = apply_text(&kubectl, live, config);
    CLEANUP(free_ptr) char *fields = apply_fields(taken, "kubectl");
    CLEANUP(free_ptr) char *left = apply_fields(taken, "kubectl-client-side-apply");
    assert_string_equal(fields, "{\"f:spec\":{\"f:paused\":{},\"f:replicas\":{}}}");
    assert_null(strstr(left, "f:replicas"));
    assert_string_equal(
        json_text(taken, "metadata", "annotations", LAST),
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":"
        "\"w\",\"namespace\":\"n\"},\"spec\":{\"paused\":false,\"replicas\":3}}\n");
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *applied = apply_tree(config);
    assert_null(apply_configuration(&me, live, applied, &err));
    assert_int_equal(err.code, 409);
    assert_int_equal(err.cause_count, 2);
}

static void what_others_changed_since_conflicts(void **state)
{
    (void)state;
    const struct apply kubectl = apply_by("kubectl");
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *live = client_side_object("{\"n\":5}");
    json_auto_t *applied = apply_tree("{" HEAD ",\"spec\":{\"replicas\":3,\"paused\":false}}");
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
    struct apply kubectl = apply_by("kubectl");
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *live = client_side_object("{\"n\":2}");
        json_set_text(json_at(live, "metadata", "annotations"), LAST, odd[i]);
        json_auto_t *applied = apply_tree("{" HEAD ",\"spec\":{\"replicas\":3}}");
        assert_null(apply_configuration(&kubectl, live, applied, &err));
        assert_int_equal(err.code, 409);
    }
    json_auto_t *live = client_side_object("{\"n\":2}");
    CLEANUP(free_ptr) char *large = xcalloc(1, ((size_t)256 << 10) + 1);
    memset(large, 'x', (size_t)256 << 10);
    json_auto_t *applied = apply_tree("{" HEAD ",\"spec\":{\"minReadySeconds\":3}}");
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
    const struct apply me = apply_by("me");
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
    const struct apply me = apply_by("me"), you = apply_by("you");
    json_auto_t *object = apply_tree("{" HEAD ",\"spec\":{\"replicas\":2}}");
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
    json_auto_t *config = apply_tree("{" HEAD ",\"spec\":{\"replicas\":4}}");
    assert_null(apply_configuration(&you, later, config, &err));
    assert_non_null(strstr(err.message, "before-first-apply"));
}

/* Of two entries of one identity the later one counts. */
static void the_later_entry_counts(void **state)
{
    (void)state;
    const struct apply me = apply_by("me");
    json_auto_t *live = apply_tree("{" HEAD ",\"spec\":{\"replicas\":2,\"paused\":true}}");
    apply_track(&me, NULL, live);
    json_auto_t *object = json_deep_copy(live);
    json_set_text(json_ensure_object(json_object_get(object, "metadata"), "labels"), "a", "b");
    json_object_set_new(
        json_object_get(object, "metadata"), "managedFields",
        apply_tree(
            "[{\"manager\":\"x\",\"operation\":\"Apply\",\"apiVersion\":\"apps/v1\",\"fieldsType\":"
            "\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:replicas\":{}}}},{\"manager\":\"x\","
            "\"operation\":\"Apply\",\"apiVersion\":\"apps/v1\",\"fieldsType\":\"FieldsV1\","
            "\"fieldsV1\":{\"f:spec\":{\"f:paused\":{}}}}]"));
    apply_track(&me, live, object);
    CLEANUP(free_ptr) char *fields = apply_fields(object, "x");
    assert_string_equal(fields, "{\"f:spec\":{\"f:paused\":{}}}");
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
    json_auto_t *before = apply_tree("{\"metadata\":{\"managedFields\":[{\"manager\":\"kept\"}]}}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *object = apply_tree("{\"metadata\":{}}"),
                    *entries = apply_tree(rows[i].entries);
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
        json_auto_t *config = apply_tree(rows[i].object);
        json_auto_t *made = apply_configuration(&me, NULL, config, &err);
        CLEANUP(free_ptr) char *fields = apply_fields(made, "me");
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
    struct apply me = apply_by("me"), known = apply_by("known");
    me.versions = known.versions = &versions;
    json_auto_t *live = apply_tree(OF_OTHERS),
                *config = apply_tree("{" HEAD ",\"spec\":{\"replicas\":3}}");
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
    CLEANUP(free_ptr) char *kept = apply_fields(object, "unknown");
    assert_string_equal(kept, "{\"f:spec\":{\"f:revisionHistoryLimit\":{}}}");
    assert_int_equal(json_array_size(json_at(object, "metadata", "managedFields")), 2);
}

/* What our own components wrote, which nobody is noted for, outlives what it stands beside. */
static void the_rest_of_metadata_stays(void **state)
{
    (void)state;
    const struct apply me = apply_by("me");
    json_auto_t *live = apply_text(&me, NULL,
                                   "{\"metadata\":{\"name\":\"w\",\"annotations\":{\"mine\":\"x\"}}"
                                   ",\"spec\":{\"replicas\":1}}");
    json_set_text(json_at(live, "metadata", "annotations"), "theirs", "y");
    json_object_set_new(json_object_get(live, "metadata"), "finalizers", apply_tree("[\"a/b\"]"));
    json_auto_t *left =
        apply_text(&me, live, "{\"metadata\":{\"name\":\"w\"},\"spec\":{\"replicas\":1}}");
    json_object_del(json_object_get(left, "metadata"), "managedFields");
    CLEANUP(free_ptr) char *text = apply_rendered(json_object_get(left, "metadata"));
    assert_string_equal(
        text, "{\"annotations\":{\"theirs\":\"y\"},\"finalizers\":[\"a/b\"],\"name\":\"w\"}");
}

/* A write that changes nothing but times changes nothing. */
static void times_alone_are_no_change(void **state)
{
    (void)state;
    struct apply me = apply_by("me");
    json_auto_t *live = apply_tree("{" HEAD ",\"spec\":{\"replicas\":2}}");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applied_fields_are_owned),
        cmocka_unit_test(conflicts_name_their_owners),
        cmocka_unit_test(the_same_value_is_shared),
        cmocka_unit_test(created_objects_are_tracked),
        cmocka_unit_test(applied_after_creation_conflicts),
        cmocka_unit_test(updates_are_capped),
        cmocka_unit_test(client_side_apply_goes_on),
        cmocka_unit_test(what_others_changed_since_conflicts),
        cmocka_unit_test(last_configurations_may_be_odd),
        cmocka_unit_test(forgetting_is_not_noted),
        cmocka_unit_test(what_is_forgotten_stays_so),
        cmocka_unit_test(the_later_entry_counts),
        cmocka_unit_test(entries_are_kept_readable),
        cmocka_unit_test(what_is_reset_is_not_owned),
        cmocka_unit_test(versions_are_converted),
        cmocka_unit_test(the_rest_of_metadata_stays),
        cmocka_unit_test(times_alone_are_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
