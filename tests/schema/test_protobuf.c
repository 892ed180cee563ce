/* Protobuf: bytes as Go writes them, envelopes and frames, and what comes in broken. */
#include "tests/test.h"

#include <string.h>

#include "base/codec.h"
#include "base/json.h"
#include "schema/protobuf.h"
#include "schema/wire.h"
#include "tests/schema/support_protobuf.h"

static char *hex(struct str bytes)
{
    struct buf out = BUF_TEXT;
    hex_encode(&out, bytes.data, bytes.len);
    return buf_take(&out);
}

static void bytes_are_gos(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name, *type, *in, *out;
    } rows[] = {
        {"scalars are written when zero", "io.k8s.api.core.v1.LocalObjectReference", "{}", "0a00"},
        {"pointers are not", "io.k8s.api.core.v1.SecretKeySelector", "{\"key\":\"k\"}", "0a020a0012016b"},
        {"lists are not", "io.k8s.api.core.v1.NodeSelector", "{}", ""},
        {"entries", "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector", "{\"matchLabels\":{\"b\":\"2\",\"a\":\"1\"}}",
         "0a060a01611201310a060a0162120132"},
        {"int or string", "io.k8s.api.core.v1.TCPSocketAction", "{\"port\":80}", "0a0608001050" "1a00" "1200"},
        {"int or string, a string", "io.k8s.api.core.v1.TCPSocketAction", "{\"port\":\"http\"}",
         "0a0a08011000" "1a0468747470" "1200"},
        {"micro time", "io.k8s.api.coordination.v1.LeaseSpec", "{\"renewTime\":\"1970-01-01T00:00:01.000002Z\"}", "2205080110d00f"},
        {"bool", "io.k8s.api.authorization.v1.SubjectAccessReviewStatus", "{\"allowed\":true}", "0801" "1200" "1a00" "2000"},
        {"a list that is null", "io.k8s.api.rbac.v1.PolicyRule", "{\"verbs\":null}", ""},
        {"a map of quantities", "io.k8s.api.core.v1.ResourceQuotaSpec", "{\"hard\":{\"b\":\"2\",\"a\":\"1\"}}",
         "0a080a01611203" "0a0131" "0a080a01621203" "0a0132"},
        {"extra values", "io.k8s.api.authentication.v1.UserInfo", "{\"extra\":{\"a\":[\"b\",\"c\"]}}",
         "0a00" "1200" "220b0a01611206" "0a01620a0163"},
        {"verbs", "io.k8s.apimachinery.pkg.apis.meta.v1.APIResource", "{\"verbs\":[\"get\"]}",
         "0a00" "1000" "1a00" "22050a03676574" "3200" "4200" "4a00" "5200"},
        {"a set of fields", "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry", "{\"fieldsV1\":{\"f:a\":{}}}",
         "0a00" "1200" "1a00" "3200" "3a0c0a0a7b22663a61223a7b7d7d" "4200"},
        {"negative", "io.k8s.api.autoscaling.v1.ScaleSpec", "{\"replicas\":-1}", "08ffffffffffffffffff01"},
        {"time", "io.k8s.api.core.v1.ContainerStateRunning", "{\"startedAt\":\"1970-01-01T00:00:01Z\"}",
         "0a0408011000"},
        {"zero time", "io.k8s.api.core.v1.ContainerStateRunning", "{}", "0a00"},
        {"quantity", "io.k8s.api.core.v1.ResourceFieldSelector", "{\"resource\":\"x\",\"divisor\":\"1m\"}",
         "0a00120178" "1a040a02316d"},
        {"members in another order", "io.k8s.api.core.v1.ResourceFieldSelector",
         "{\"divisor\":\"1m\",\"containerName\":\"c\"}", "0a0163" "1200" "1a040a02316d"},
        {"a member twice: the last one", "io.k8s.api.core.v1.SecretKeySelector",
         "{\"key\":\"long\",\"optional\":true,\"key\":\"k\"}", "0a020a0012016b" "1801"},
        {"a member twice: the last is null", "io.k8s.api.core.v1.SecretKeySelector",
         "{\"key\":\"long\",\"key\":null}", "0a020a001200"},
        {"inside a wrapper", "io.k8s.api.core.v1.Volume", "{\"emptyDir\":{},\"name\":\"v\"}",
         "0a0176" "1204" "12020a00"},
        {"without what is inside it", "io.k8s.api.core.v1.Volume", "{\"name\":\"v\"}", "0a0176" "1200"},
        {"many entries, escaped, not in order", "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
         "{\"matchLabels\":{\"b\":\"\",\"\\u0061\":\"\",\"c\":null}}",
         "0a050a01611200" "0a050a01621200" "0a050a01631200"},
        {"white space and what is not known", "io.k8s.api.core.v1.LocalObjectReference",
         " { \"x\" : [ {} , \"}\" ] , \"name\" : \"n\" } ", "0a016e"},
        {"a name", "io.k8s.api.core.v1.ObjectReference", "{\"name\":\"n\"}",
         "0a00" "1200" "1a016e" "2200" "2a00" "3200" "3a00"},
        {"one that begins like it", "io.k8s.api.core.v1.ObjectReference", "{\"namespace\":\"s\"}",
         "0a00" "120173" "1a00" "2200" "2a00" "3200" "3a00"},
        {"another type's", "io.k8s.api.core.v1.LocalObjectReference", "{\"name\":\"n\"}", "0a016e"},
        {"zeroes in lists", "io.k8s.api.core.v1.NodeSelector", "{\"nodeSelectorTerms\":[null,{}]}",
         "0a00" "0a00"},
    };
    /* clang-format on */
    struct protobuf_memo *memo = protobuf_memo_new();
    /* Four times, every second one the other way round: other members are expected then; the last
     * two with what is remembered. */
    for (size_t n = 0; n < 4 * ARRAY_LEN(rows); n++) {
        size_t at = n % (2 * ARRAY_LEN(rows));
        size_t i = at < ARRAY_LEN(rows) ? at : 2 * ARRAY_LEN(rows) - 1 - at;
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        assert_true(protobuf_encode_next(n < 2 * ARRAY_LEN(rows) ? NULL : memo, &out,
                                         type_find(rows[i].type), str_of(rows[i].in)));
        CLEANUP(free_ptr) char *text = hex(buf_str(&out));
        if (strcmp(text, rows[i].out) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
    protobuf_memo_free(memo);
}

#define CONTAINER(name, env, policy)                                                               \
    "{\"name\":\"" name "\",\"env\":[" env "],\"resources\":{\"limits\":{\"cpu\":\"1\"}}"          \
    ",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"" policy "\"}"
#define POD(labels, containers)                                                                    \
    "{\"metadata\":{\"name\":\"p\",\"labels\":" labels "},\"spec\":{\"containers\":[" containers   \
    "]"                                                                                            \
    ",\"tolerations\":[{\"key\":\"a\"},{\"key\":\"b\"}]}}"
#define ENV "{\"name\":\"A\",\"value\":\"b\"}"
#define ONE CONTAINER("c", ENV, "Always")

/* One memo for all of them, in turn and each a dozen times: the bytes are what each gives alone. */
static void what_is_remembered_changes_nothing(void **state)
{
    static const char *const pods[] = {
        POD("{\"b\":\"2\",\"a\":\"1\"}", ONE),
        POD("{\"b\":\"2\",\"a\":\"1\"}", ONE "," ONE),
        POD("{\"b\":\"2\",\"a\":\"1\"}", ONE "," CONTAINER("d", ENV "," ENV, "Never") "," ONE),
        POD("{\"b\":\"2\",\"a\":\"1\",\"c\":null}", CONTAINER("c", "null," ENV, "Always")),
        POD("{}", "{}"),
        POD("null", "null," ONE),
        "{\"spec\":{\"containers\":[" ONE "]},\"metadata\":{\"labels\":{\"b\":\"2\",\"a\":\"1\"}}}",
        "{\"spec\":{\"containers\":[ " ONE " ] } }",
        "{\"metadata\":[],\"spec\":{\"containers\":{},\"tolerations\":[[]]}}",
        "{}",
    };
    const struct type *type = type_find("io.k8s.api.core.v1.Pod");
    struct protobuf_memo *memo = protobuf_memo_new();
    (void)state;
    for (size_t n = 0; n < 24 * ARRAY_LEN(pods); n++) {
        size_t i = n < 12 * ARRAY_LEN(pods) ? n % ARRAY_LEN(pods) : n / 12 - ARRAY_LEN(pods);
        CLEANUP(buf_free) struct buf alone = BUF_TEXT;
        CLEANUP(buf_free) struct buf next = BUF_TEXT;
        bool ok = protobuf_encode(&alone, type, str_of(pods[i]));
        if (protobuf_encode_next(memo, &next, type, str_of(pods[i])) != ok ||
            (ok && !str_eq(buf_str(&next), buf_str(&alone))))
            fail_msg("%zu: %s", n, pods[i]);
    }
    protobuf_memo_free(memo);
}

#undef CONTAINER
#undef POD
#undef ENV
#undef ONE

/* Messages as other encoders may send them: out of order, in pieces, packed. */
static void text_is_gos(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name, *type;
        struct str in;
        const char *out;
    } rows[] = {
        {"nothing", "io.k8s.api.core.v1.ConfigMap", STR(""), "{}"},
        {"empty", "io.k8s.api.core.v1.SecretKeySelector", STR("\x0a\2\x0a\0\x12\0"), "{\"key\":\"\"}"},
        {"zero is left out", "io.k8s.api.core.v1.Volume", STR("\x0a\1a\x12\x04\x12\x02\x0a\0"),
         "{\"name\":\"a\",\"emptyDir\":{}}"},
        {"zero of a pointer is not", "io.k8s.api.apps.v1.DeploymentSpec", STR("\x08\0"), "{\"replicas\":0}"},
        {"unknown numbers", "io.k8s.api.core.v1.LocalObjectReference", STR("\x0a\1a\x7a\1b"), "{\"name\":\"a\"}"},
        {"the last one counts", "io.k8s.api.core.v1.LocalObjectReference", STR("\x0a\1a\x0a\1b"),
         "{\"name\":\"b\"}"},
        {"a list in pieces", "io.k8s.api.core.v1.Container", STR("\x1a\1a\x0a\1n\x1a\1b"),
         "{\"name\":\"n\",\"command\":[\"a\",\"b\"]}"},
        {"a message in pieces", "io.k8s.api.core.v1.ConfigMap", STR("\x0a\3\x0a\1n\x0a\3\x1a\1s"),
         "{\"metadata\":{\"name\":\"n\",\"namespace\":\"s\"}}"},
        {"a wrapper in pieces", "io.k8s.api.core.v1.Volume",
         STR("\x12\x02\x12\0\x0a\1v\x12\x05\x12\3\x0a\1m"), "{\"name\":\"v\",\"emptyDir\":{\"medium\":\"m\"}}"},
        {"entries", "io.k8s.api.core.v1.ConfigMap", STR("\x12\x06\x12\1v\x0a\1k\x12\0"),
         "{\"data\":{\"k\":\"v\",\"\":\"\"}}"},
        {"packed", "io.k8s.api.core.v1.PodSecurityContext", STR("\x22\x03\x01\x80\x01\x20\x02"),
         "{\"supplementalGroups\":[1,128,2]}"},
        {"bytes", "io.k8s.api.core.v1.Secret", STR("\x12\x07\x0a\1k\x12\2\xff\xfe"),
         "{\"data\":{\"k\":\"//4=\"}}"},
        {"quotes", "io.k8s.api.core.v1.LocalObjectReference", STR("\x0a\x03\"\n<"), "{\"name\":\"\\\"\\n\\u003c\"}"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        CLEANUP(error_clear) struct error err = {0};
        if (!protobuf_to_json(&out, type_find(rows[i].type), rows[i].in, &err))
            fail_msg("%s: %s", rows[i].name, err.message);
        if (strcmp(out.data, rows[i].out) != 0)
            fail_msg("%s: %s", rows[i].name, out.data);
    }
}

/* JSON inside a message is one value: nothing gets out of it. */
static void raw_json_stays_inside(void **state)
{
    (void)state;
    static const struct {
        const char *name, *raw;
        bool taken;
    } rows[] = {
        {"object", "{\"a\":[1, 2]}", true},
        {"nothing", "", true},
        {"space around", " {} ", true},
        {"two values", "{},\"reason\":\"x\"", false},
        {"cut", "{\"a\":", false},
        {"more than closed", "{}}", false},
        {"bad UTF-8", "{\"a\":\"\xff\"}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(buf_free) struct buf message = BUF_TEXT;
        size_t raw = wire_begin(&message, 2);
        wire_bytes(&message, 1, str_of(rows[i].raw));
        wire_end(&message, raw);
        json_auto_t *value = tree_decode(
            type_find("io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"), buf_str(&message), &err);
        if ((value != NULL) != rows[i].taken)
            fail_msg("%s: %s", rows[i].name, value ? "taken" : err.message);
        if (!value)
            assert_int_equal(err.code, 400);
    }
}

/* Names that take two bytes in a message are long in text, whose size has an end. */
static void text_is_bounded(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf message = BUF_TEXT;
    CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
    for (size_t i = 0; i < 4096; i++)
        wire_bytes(&message, 2, STR("\x12\0")); /* an item with an empty spec */
    assert_false(
        protobuf_to_json(&text, type_find("io.k8s.api.core.v1.PodList"), buf_str(&message), &err));
    assert_int_equal(err.code, 413);
}

static void objects_have_envelopes(void **state)
{
    (void)state;
    const struct type *type = type_find("io.k8s.api.core.v1.ConfigMap");
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    CLEANUP(error_clear) struct error err = {0};
    struct protobuf_envelope envelope;
    json_auto_t *map =
        json_loads("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"},"
                   "\"data\":{\"k\":\"v\"}}",
                   0, NULL);
    assert_true(tree_encode_object(&out, type, map));
    assert_memory_equal(out.data,
                        "k8s\0\x0a\x0f\x0a\x02v1\x12\x09"
                        "ConfigMap",
                        21);
    assert_true(protobuf_open(buf_str(&out), &envelope, &err));
    assert_true(str_is(envelope.kind, "ConfigMap") && str_is(envelope.api_version, "v1"));
    json_auto_t *back = protobuf_decode_object(type, buf_str(&out), &err);
    assert_string_equal(json_text(back, "kind"), "ConfigMap");
    assert_string_equal(json_text(back, "data", "k"), "v");
    assert_string_equal(json_text(back, "metadata", "name"), "a");
}

static void lists_are_put_together(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf list = BUF_TEXT;
    const struct type *type = type_find("io.k8s.api.core.v1.ConfigMap");
    assert_true(protobuf_list_meta(&list, STR("{\"resourceVersion\":\"7\"}")));
    for (int i = 0; i < 2; i++)
        assert_true(protobuf_list_item(&list, type, STR("{\"metadata\":{\"name\":\"a\"}}")));
    json_auto_t *back =
        tree_decode(type_find("io.k8s.api.core.v1.ConfigMapList"), buf_str(&list), &err);
    assert_int_equal(json_array_size(json_object_get(back, "items")), 2);
    assert_string_equal(json_text(back, "metadata", "resourceVersion"), "7");
}

static void watch_frames(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf frame = BUF_TEXT;
    protobuf_watch_event(&frame, "ADDED", STR("k8s"));
    CLEANUP(free_ptr) char *text = hex(buf_str(&frame));
    assert_string_equal(text, "0000000e"
                              "0a05"
                              "4144444544"
                              "1205"
                              "0a03"
                              "6b3873");
}

/* Around a message that is elsewhere: the same bytes as with the message inside. */
static void envelopes_around_what_is_elsewhere(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 127, 128, 20000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        CLEANUP(buf_free) struct buf whole = BUF_TEXT;
        CLEANUP(buf_free) struct buf frame = BUF_TEXT;
        CLEANUP(buf_free) struct buf parts = BUF_TEXT;
        CLEANUP(free_ptr) char *zeroes = xcalloc(1, sizes[i] + 1);
        const struct str message = {zeroes, sizes[i]};
        size_t mark = protobuf_begin(&whole, STR("v1"), STR("Pod"), sizes[i]);
        buf_add_str(&whole, message);
        protobuf_end(&whole, mark);
        protobuf_before(&parts, STR("v1"), STR("Pod"), sizes[i]);
        buf_add_str(&parts, message);
        buf_add_str(&parts, protobuf_after);
        assert_true(str_eq(buf_str(&parts), buf_str(&whole)));
        buf_clear(&parts);
        protobuf_watch_event(&frame, "MODIFIED", buf_str(&whole));
        protobuf_before_watched(&parts, "MODIFIED", STR("v1"), STR("Pod"), sizes[i]);
        buf_add_str(&parts, message);
        buf_add_str(&parts, protobuf_after);
        assert_true(str_eq(buf_str(&parts), buf_str(&frame)));
    }
}

static void raw_objects(void **state)
{
    (void)state;
    const struct type *type = type_find("io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent");
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf inner = BUF_TEXT;
    CLEANUP(buf_free) struct buf frame = BUF_TEXT;
    json_auto_t *map = json_loads(
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"data\":{\"k\":\"v\"}}", 0, NULL);
    assert_true(tree_encode_object(&inner, type_find("io.k8s.api.core.v1.ConfigMap"), map));
    protobuf_watch_event(&frame, "ADDED", buf_str(&inner));
    json_auto_t *event = tree_decode(type, (struct str){frame.data + 4, frame.len - 4}, &err);
    assert_string_equal(json_text(event, "object", "data", "k"), "v");
    assert_string_equal(json_text(event, "object", "kind"), "ConfigMap");
}

static void broken_input_is_refused(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name;
        struct str in;
    } rows[] = {
        {"cut tag", STR("\x80")},
        {"cut length", STR("\x0a")},
        {"too long", STR("\x0a\x7f" "a")},
        {"huge length", STR("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f")},
        {"number zero", STR("\x02\x00")},
        {"group", STR("\x0b")},
        {"wrong wire type", STR("\x08\x01")},
        {"bad UTF-8", STR("\x12\x06\x0a\x01\xff\x12\x01" "a")},
        {"NUL in a key", STR("\x12\x06\x0a\x01\0\x12\x01" "a")},
        {"NUL in a value", STR("\x12\x06\x0a\x01" "a\x12\x01\0")},
        {"overlong varint", STR("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value =
            tree_decode(type_find("io.k8s.api.core.v1.ConfigMap"), rows[i].in, &err);
        if (value)
            fail_msg("%s: taken", rows[i].name);
        assert_int_equal(err.code, 400);
    }
    struct protobuf_envelope envelope;
    CLEANUP(error_clear) struct error err = {0};
    assert_false(protobuf_open(STR("{}"), &envelope, &err));
    assert_non_null(strstr(err.message, "expected prefix [107 56 115 0]"));
}

/* Envelopes inside envelopes, thousands deep, must not exhaust the stack. */
static void nesting_is_bounded(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf inner = BUF_INIT((size_t)16 << 20);
    buf_add_text(&inner, "{}");
    for (int i = 0; i < 400; i++) {
        CLEANUP(buf_free) struct buf event = BUF_INIT((size_t)16 << 20);
        size_t envelope = protobuf_begin(&event, STR("v1"), STR("WatchEvent"), inner.len);
        size_t object = wire_begin(&event, 2);
        wire_bytes(&event, 1, buf_str(&inner)); /* RawExtension.raw */
        wire_end(&event, object);
        protobuf_end(&event, envelope);
        buf_free(&inner);
        inner = event;
        event = BUF_TEXT;
    }
    json_auto_t *value = protobuf_decode_object(
        type_find("io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"), buf_str(&inner), &err);
    assert_null(value);
    assert_int_equal(err.code, 400);
}

/* Lengths whose own length was guessed too short and too long. */
static void lengths_are_put_right(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 2097151, 2097152};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (size_t j = 0; j < ARRAY_LEN(sizes); j++) {
            CLEANUP(buf_free) struct buf out = BUF_TEXT;
            CLEANUP(free_ptr) char *zeroes = xcalloc(1, sizes[i] + 1);
            size_t mark = wire_begin_sized(&out, 1, sizes[j]);
            buf_add(&out, zeroes, sizes[i]);
            wire_end(&out, mark);
            struct wire_reader reader = wire_reader_of(buf_str(&out));
            struct wire_field field;
            assert_true(wire_next(&reader, &field));
            assert_int_equal(field.bytes.len, sizes[i]);
            assert_false(wire_next(&reader, &field) || reader.malformed);
            size_t length = sizes[i] < 128 ? 1 : sizes[i] < 16384 ? 2 : sizes[i] < 2097152 ? 3 : 4;
            assert_int_equal(out.len, 1 + length + sizes[i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_gos),
        cmocka_unit_test(what_is_remembered_changes_nothing),
        cmocka_unit_test(text_is_gos),
        cmocka_unit_test(raw_json_stays_inside),
        cmocka_unit_test(text_is_bounded),
        cmocka_unit_test(objects_have_envelopes),
        cmocka_unit_test(lists_are_put_together),
        cmocka_unit_test(watch_frames),
        cmocka_unit_test(envelopes_around_what_is_elsewhere),
        cmocka_unit_test(raw_objects),
        cmocka_unit_test(broken_input_is_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(lengths_are_put_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
