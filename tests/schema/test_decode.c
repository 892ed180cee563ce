/* Decoding: what is refused and in which words, what is dropped, what is made canonical; defaults
 * from the types. */
#include "tests/test.h"

#include <string.h>

#include "base/json.h"
#include "schema/decode_internal.h"
#include "base/go_duration.h"

#define DEPLOYMENT "io.k8s.api.apps.v1.Deployment"
#define POD        "io.k8s.api.core.v1.Pod"
#define CONFIG_MAP "io.k8s.api.core.v1.ConfigMap"
#define SECRET     "io.k8s.api.core.v1.Secret"
#define SERVICE    "io.k8s.api.core.v1.Service"
#define LEASE      "io.k8s.api.coordination.v1.Lease"
#define CRD        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"
#define REVIEW     "io.k8s.api.authentication.v1.TokenReview"

static char *rendered(const json_t *value)
{
    struct buf out = BUF_TEXT;
    json_write(&out, value);
    return buf_take(&out);
}

static void documents_are_shaped(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name, *type, *in, *out;
    } rows[] = {
        {"kept", POD, "{\"kind\":\"Pod\",\"spec\":{\"hostNetwork\":true}}",
         "{\"kind\":\"Pod\",\"spec\":{\"hostNetwork\":true}}"},
        {"null is absent", POD, "{\"metadata\":null,\"spec\":{\"nodeName\":null}}", "{\"spec\":{}}"},
        {"empty is absent", POD,
         "{\"metadata\":{\"labels\":{},\"finalizers\":[],\"name\":\"\"},\"spec\":{\"hostIPC\":false}}",
         "{\"metadata\":{},\"spec\":{}}"},
        {"presence is kept", DEPLOYMENT, "{\"spec\":{\"replicas\":0,\"paused\":false}}",
         "{\"spec\":{\"replicas\":0}}"},
        {"required and empty stays", POD, "{\"spec\":{\"containers\":[]}}", "{\"spec\":{\"containers\":[]}}"},
        {"null in a map", CONFIG_MAP, "{\"data\":{\"a\":null,\"b\":\"\"}}", "{\"data\":{\"a\":\"\",\"b\":\"\"}}"},
        {"null in lists", POD, "{\"spec\":{\"containers\":[null,{\"args\":[null]}]}}",
         "{\"spec\":{\"containers\":[{},{\"args\":[\"\"]}]}}"},
        {"time in UTC", POD, "{\"metadata\":{\"creationTimestamp\":\"2024-03-01T02:00:00.5+02:00\"}}",
         "{\"metadata\":{\"creationTimestamp\":\"2024-03-01T00:00:00Z\"}}"},
        {"micro time", LEASE, "{\"spec\":{\"renewTime\":\"2024-03-01T01:00:00.500000+01:00\"}}",
         "{\"spec\":{\"renewTime\":\"2024-03-01T00:00:00.500000Z\"}}"},
        {"quantities", POD,
         "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"1000m\",\"memory\":1024}}}]}}",
         "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"1024\"}}}]}}"},
        {"int or string", SERVICE,
         "{\"spec\":{\"ports\":[{\"port\":1,\"targetPort\":\"http\"},{\"port\":2,\"targetPort\":80}]}}",
         "{\"spec\":{\"ports\":[{\"port\":1,\"targetPort\":\"http\"},{\"port\":2,\"targetPort\":80}]}}"},
        {"bytes", SECRET, "{\"data\":{\"a\":\"aGk=\",\"b\":\"aG\\nk=\"}}", "{\"data\":{\"a\":\"aGk=\",\"b\":\"aGk=\"}}"},
        {"gated field", POD, "{\"spec\":{\"resourceClaims\":[{\"name\":\"a\"}]}}", "{\"spec\":{}}"},
        {"union", CRD,
         "{\"spec\":{\"versions\":[{\"schema\":{\"openAPIV3Schema\":{\"items\":{\"type\":\"a\",\"type2\":1},"
         "\"additionalProperties\":false,\"default\":[1,{\"x\":null}]}}}]}}",
         "{\"spec\":{\"versions\":[{\"schema\":{\"openAPIV3Schema\":{\"items\":{\"type\":\"a\"},"
         "\"additionalProperties\":false,\"default\":[1,{\"x\":null}]}}}]}}"},
        {"unwrapped", REVIEW, "{\"status\":{\"user\":{\"extra\":{\"a\":[\"b\",\"c\"]}}}}",
         "{\"status\":{\"user\":{\"extra\":{\"a\":[\"b\",\"c\"]}}}}"},
        {"raw is kept", "io.k8s.api.apps.v1.ControllerRevision", "{\"data\":{\"a\":{\"b\":null}},\"revision\":0}",
         "{\"data\":{\"a\":{\"b\":null}},\"revision\":0}"},
        {"raw zero is kept", "io.k8s.api.apps.v1.ControllerRevision", "{\"data\":0,\"revision\":0}", "{\"data\":0,\"revision\":0}"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value = schema_decode(type_find(rows[i].type), str_of(rows[i].in),
                                           FIELD_VALIDATION_STRICT, NULL, &err);
        if (!value)
            fail_msg("%s: %s", rows[i].name, err.message);
        CLEANUP(free_ptr) char *text = rendered(value);
        if (strcmp(text, rows[i].out) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

/* What one member of a type becomes, or why it is refused. Upstream's decoder is as strict, and as
 * lenient, as Go's packages are. */
/* One value, and what is read; or what is said of it. */
struct reading {
    const char *type, *in, *out, *message; /* one of the last two */
};

static void check_readings(const struct reading *rows, size_t count)
{
    CLEANUP(buf_free) struct buf wrong = BUF_TEXT;
    for (size_t i = 0; i < count; i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value = schema_decode(type_find(rows[i].type), str_of(rows[i].in),
                                           FIELD_VALIDATION_STRICT, NULL, &err);
        CLEANUP(free_ptr) char *text = value ? rendered(value) : xstrdup(err.message);
        if (!text_eq(text, rows[i].out ? rows[i].out : rows[i].message))
            buf_printf(&wrong, "%s: %s\n", rows[i].in, text);
    }
    if (wrong.len)
        fail_msg("%s", wrong.data);
}

#define TIME_OF(text)  POD, "{\"metadata\":{\"creationTimestamp\":" text "}}"
#define TIME_IS(text)  "{\"metadata\":{\"creationTimestamp\":\"" text "\"}}"
#define MICRO_OF(text) LEASE, "{\"spec\":{\"renewTime\":" text "}}"
#define MICRO_IS(text) "{\"spec\":{\"renewTime\":\"" text "\"}}"
#define BAD_TIME(text) "parsing time \"" text "\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
#define BAD_MICRO(text)                                                                            \
    "parsing time \"" text "\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse "
/* clang-format off */
static const struct reading times[] = {
    {TIME_OF("\"2024-03-01T02:00:00.999999999+02:00\""), TIME_IS("2024-03-01T00:00:00Z"), NULL},
    {TIME_OF("\"2024-02-29T23:59:59-23:59\""), TIME_IS("2024-03-01T23:58:59Z"), NULL},
    {TIME_OF("\"2024-03-01T00:00:00,5Z\""), TIME_IS("2024-03-01T00:00:00Z"), NULL},
    {TIME_OF("\"2024-03-01T1:00:00Z\""), TIME_IS("2024-03-01T01:00:00Z"), NULL},
    {TIME_OF("\"2024-03-01T00:00:00+24:60\""), TIME_IS("2024-02-28T23:00:00Z"), NULL},
    {TIME_OF("null"), "{\"metadata\":{}}", NULL},
    {TIME_OF("\"\""), NULL, BAD_TIME("") "\"\" as \"2006\""},
    {TIME_OF("\"2024-03-01t00:00:00Z\""), NULL, BAD_TIME("2024-03-01t00:00:00Z") "\"t00:00:00Z\" as \"T\""},
    {TIME_OF("\"2024-03-01T00:00:00z\""), NULL, BAD_TIME("2024-03-01T00:00:00z") "\"z\" as \"Z07:00\""},
    {TIME_OF("\"2024-03-01T00:00:00\""), NULL, BAD_TIME("2024-03-01T00:00:00") "\"\" as \"Z07:00\""},
    {TIME_OF("\"2024-03-01 00:00:00Z\""), NULL, BAD_TIME("2024-03-01 00:00:00Z") "\" 00:00:00Z\" as \"T\""},
    {TIME_OF("\"2024-3-01T00:00:00Z\""), NULL, BAD_TIME("2024-3-01T00:00:00Z") "\"3-01T00:00:00Z\" as \"01\""},
    {TIME_OF("\"2024-03-01T00:00:00Zx\""), NULL, "parsing time \"2024-03-01T00:00:00Zx\": extra text: \"x\""},
    {TIME_OF("\"2024-13-01T00:00:00Z\""), NULL, "parsing time \"2024-13-01T00:00:00Z\": month out of range"},
    {TIME_OF("\"2023-02-29T00:00:00Z\""), NULL, "parsing time \"2023-02-29T00:00:00Z\": day out of range"},
    {TIME_OF("\"2024-03-01T24:00:00Z\""), NULL, "parsing time \"2024-03-01T24:00:00Z\": hour out of range"},
    {TIME_OF("\"2024-03-01T00:60:00Z\""), NULL, "parsing time \"2024-03-01T00:60:00Z\": minute out of range"},
    {TIME_OF("\"2024-03-01T00:00:60Z\""), NULL, "parsing time \"2024-03-01T00:00:60Z\": second out of range"},
    {TIME_OF("\"2024-03-01T00:00:00+25:00\""), NULL, "parsing time \"2024-03-01T00:00:00+25:00\": time zone offset hour out of range"},
    {MICRO_OF("\"2024-03-01T00:00:00.123456Z\""), MICRO_IS("2024-03-01T00:00:00.123456Z"), NULL},
    {MICRO_OF("\"2024-03-01T00:00:00Z\""), NULL, BAD_MICRO("2024-03-01T00:00:00Z") "\"Z\" as \".000000\""},
    {MICRO_OF("\"2024-03-01T00:00:00.5Z\""), NULL, BAD_MICRO("2024-03-01T00:00:00.5Z") "\".5Z\" as \".000000\""},
    {MICRO_OF("\"2024-03-01T00:00:00.123456789Z\""), NULL, BAD_MICRO("2024-03-01T00:00:00.123456789Z") "\"789Z\" as \"Z07:00\""},
    {MICRO_OF("3"), NULL, "json: cannot unmarshal number into Go value of type string"},
};
/* clang-format on */

#define BYTES_OF(text) SECRET, "{\"data\":{\"a\":\"" text "\"}}"
#define BYTES_IS(text) "{\"data\":{\"a\":\"" text "\"}}"
#define BAD_BYTES(at)  "illegal base64 data at input byte " at
/* clang-format off */
static const struct reading bytes[] = {
    {BYTES_OF(""), BYTES_IS(""), NULL},
    {BYTES_OF("YQ=="), BYTES_IS("YQ=="), NULL},
    {BYTES_OF("YR=="), BYTES_IS("YQ=="), NULL},
    {BYTES_OF("Y\\r\\nQ=\\n=\\n"), BYTES_IS("YQ=="), NULL},
    {BYTES_OF("\\n"), BYTES_IS(""), NULL},
    {BYTES_OF("YQ"), NULL, BAD_BYTES("0")},
    {BYTES_OF("YWJjYQ="), NULL, BAD_BYTES("7")},
    {BYTES_OF("YQ=a"), NULL, BAD_BYTES("2")},
    {BYTES_OF("YQ==YQ=="), NULL, BAD_BYTES("4")},
    {BYTES_OF("Y==="), NULL, BAD_BYTES("1")},
    {BYTES_OF("YWI-"), NULL, BAD_BYTES("3")},
    {BYTES_OF("_w=="), NULL, BAD_BYTES("0")},
    {BYTES_OF("YW I="), NULL, BAD_BYTES("2")},
};
/* clang-format on */

#define AMOUNT_OF(text) "io.k8s.api.core.v1.ResourceQuotaSpec", "{\"hard\":{\"a\":" text "}}"
#define AMOUNT_IS(text) "{\"hard\":{\"a\":\"" text "\"}}"
#define BAD_AMOUNT                                                                                 \
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define BAD_SUFFIX "unable to parse quantity's suffix"
/* clang-format off */
static const struct reading amounts[] = {
    {AMOUNT_OF("\"1000m\""), AMOUNT_IS("1"), NULL},
    {AMOUNT_OF("\"0.5\""), AMOUNT_IS("500m"), NULL},
    {AMOUNT_OF("0.1"), AMOUNT_IS("100m"), NULL},
    {AMOUNT_OF("\"1E3\""), AMOUNT_IS("1E3"), NULL},
    {AMOUNT_OF("1e3"), AMOUNT_IS("1e3"), NULL},
    {AMOUNT_OF("1000.0"), AMOUNT_IS("1k"), NULL},
    {AMOUNT_OF("\"12e4\""), AMOUNT_IS("120e3"), NULL},
    {AMOUNT_OF("\"1.5Gi\""), AMOUNT_IS("1536Mi"), NULL},
    {AMOUNT_OF("\"1024Mi\""), AMOUNT_IS("1Gi"), NULL},
    {AMOUNT_OF("\"100000k\""), AMOUNT_IS("100M"), NULL},
    {AMOUNT_OF("\"0.5Ki\""), AMOUNT_IS("512"), NULL},
    {AMOUNT_OF("\"0.1Ki\""), AMOUNT_IS("102400m"), NULL},
    {AMOUNT_OF("\"0.1n\""), AMOUNT_IS("1n"), NULL},
    {AMOUNT_OF("\"-0.1n\""), AMOUNT_IS("-1n"), NULL},
    {AMOUNT_OF("\"1e-12\""), AMOUNT_IS("1e-9"), NULL},
    {AMOUNT_OF("\"+1\""), AMOUNT_IS("+1"), NULL},
    {AMOUNT_OF("\"-0\""), AMOUNT_IS("0"), NULL},
    {AMOUNT_OF("\" 1 \""), AMOUNT_IS("1"), NULL},
    {AMOUNT_OF("\".5\""), AMOUNT_IS("500m"), NULL},
    {AMOUNT_OF("\"1.\""), AMOUNT_IS("1."), NULL},
    {AMOUNT_OF("\"0001\""), AMOUNT_IS("0001"), NULL},
    {AMOUNT_OF("\"9223372036854775807\""), AMOUNT_IS("9223372036854775807"), NULL},
    {AMOUNT_OF("\"9223372036854775808\""), AMOUNT_IS("9223372036854775808"), NULL},
    {AMOUNT_OF("\"100E\""), AMOUNT_IS("100E"), NULL},
    {AMOUNT_OF("\"16Ei\""), AMOUNT_IS("9223372036854775807"), NULL},
    {AMOUNT_OF("null"), AMOUNT_IS("0"), NULL},
    {AMOUNT_OF("\"\""), NULL, BAD_AMOUNT},
    {AMOUNT_OF("\"1 Gi\""), NULL, BAD_AMOUNT},
    {AMOUNT_OF("\"1gi\""), NULL, BAD_AMOUNT},
    {AMOUNT_OF("\"1K\""), NULL, BAD_SUFFIX},
    {AMOUNT_OF("\"1.2.3\""), NULL, BAD_AMOUNT},
    {AMOUNT_OF("\"e3\""), AMOUNT_IS("0"), NULL},
    {AMOUNT_OF("\"1kk\""), NULL, BAD_SUFFIX},
    {AMOUNT_OF("\"1e\""), NULL, BAD_SUFFIX},
    {AMOUNT_OF("\"x\""), NULL, BAD_AMOUNT},
    {AMOUNT_OF("[]"), NULL, BAD_AMOUNT},
    {AMOUNT_OF("true"), NULL, BAD_AMOUNT},
};
/* clang-format on */

#define WINDOW_OF(text)                                                                            \
    "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics", "{\"window\":" text "}"
#define PORT_OF(text)     "io.k8s.api.core.v1.ServicePort", "{\"targetPort\":" text "}"
#define SECONDS_OF(text)  "io.k8s.api.core.v1.PodSpec", "{\"activeDeadlineSeconds\":" text "}"
#define REPLICAS_OF(text) "io.k8s.api.apps.v1.ReplicaSetSpec", "{\"replicas\":" text "}"
#define BAD_REPLICAS(what)                                                                         \
    "json: cannot unmarshal " what " into Go struct field ReplicaSetSpec.replicas of type int32"
/* clang-format off */
static const struct reading numbers[] = {
    {WINDOW_OF("\"90s\""), "{\"window\":\"1m30s\"}", NULL},
    {WINDOW_OF("\"1h\""), "{\"window\":\"1h0m0s\"}", NULL},
    {WINDOW_OF("\"\""), NULL, "time: invalid duration \"\""},
    {WINDOW_OF("30"), NULL, "json: cannot unmarshal number into Go value of type string"},
    {PORT_OF("\"80\""), "{\"targetPort\":\"80\"}", NULL},
    {PORT_OF("-1"), "{\"targetPort\":-1}", NULL},
    {PORT_OF("2147483648"), NULL, "json: cannot unmarshal number 2147483648 into Go value of type int32"},
    {PORT_OF("[]"), NULL, "json: cannot unmarshal array into Go value of type int32"},
    {SECONDS_OF("9007199254740993"), "{\"activeDeadlineSeconds\":9007199254740993}", NULL},
    {SECONDS_OF("-9223372036854775808"), "{\"activeDeadlineSeconds\":-9223372036854775808}", NULL},
    {SECONDS_OF("-0"), "{\"activeDeadlineSeconds\":0}", NULL},
    {REPLICAS_OF("-2147483649"), NULL, BAD_REPLICAS("number -2147483649")},
    {REPLICAS_OF("1e3"), NULL, BAD_REPLICAS("number 1e3")},
    {REPLICAS_OF("2.00"), NULL, BAD_REPLICAS("number 2.00")},
    {REPLICAS_OF("-1E+0"), NULL, BAD_REPLICAS("number -1E+0")},
    {REPLICAS_OF("123456789012345678901"), NULL, BAD_REPLICAS("number 123456789012345678901")},
    {PORT_OF("8.0"), NULL, "json: cannot unmarshal number 8.0 into Go value of type int32"},
    {REPLICAS_OF("true"), NULL, BAD_REPLICAS("bool")},
    {REPLICAS_OF("null"), "{}", NULL},
};
/* clang-format on */

static void values_are_read_as_go_reads_them(void **state)
{
    (void)state;
    check_readings(times, ARRAY_LEN(times));
    check_readings(bytes, ARRAY_LEN(bytes));
    check_readings(amounts, ARRAY_LEN(amounts));
    check_readings(numbers, ARRAY_LEN(numbers));
}

static void wrong_documents_are_refused(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *type, *in, *message;
    } rows[] = {
        {POD, "[]", "json: cannot unmarshal array into Go value of type v1.Pod"},
        {POD, "{\"spec\":[]}", "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"},
        {DEPLOYMENT, "{\"spec\":{\"replicas\":\"3\"}}",
         "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"},
        {DEPLOYMENT, "{\"spec\":{\"replicas\":1.5}}",
         "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"},
        {DEPLOYMENT, "{\"spec\":{\"replicas\":1.0}}",
         "json: cannot unmarshal number 1.0 into Go struct field DeploymentSpec.spec.replicas of type int32"},
        {DEPLOYMENT, "{\"spec\":{\"replicas\":2147483648}}",
         "json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32"},
        {POD, "{\"spec\":{\"containers\":{}}}",
         "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"},
        {POD, "{\"spec\":{\"containers\":[{\"env\":[{\"name\":\"a\",\"value\":1}]}]}}",
         "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string"},
        {POD, "{\"spec\":{\"containers\":[3]}}",
         "json: cannot unmarshal number into Go struct field PodSpec.spec.containers of type v1.Container"},
        {POD, "{\"metadata\":{\"labels\":{\"a\":true}}}",
         "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string"},
        {POD, "{\"metadata\":{\"labels\":[]}}",
         "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string"},
        {CONFIG_MAP, "{\"data\":{\"a\":1}}",
         "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"},
        {SECRET, "{\"data\":{\"a\":\"%%\"}}", "illegal base64 data at input byte 0"},
        {SECRET, "{\"data\":{\"a\":1}}",
         "json: cannot unmarshal number into Go struct field Secret.data of type []uint8"},
        {POD, "{\"metadata\":{\"creationTimestamp\":\"yesterday\"}}",
         "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\""},
        {POD, "{\"metadata\":{\"creationTimestamp\":\"2024-03-01\"}}",
         "parsing time \"2024-03-01\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"T\""},
        {POD, "{\"metadata\":{\"creationTimestamp\":7}}",
         "json: cannot unmarshal number into Go value of type string"},
        {POD, "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"lots\"}}}]}}",
         "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
        {SERVICE, "{\"spec\":{\"ports\":[{\"targetPort\":true}]}}",
         "json: cannot unmarshal bool into Go value of type int32"},
        {SERVICE, "{\"spec\":{\"ports\":[{\"targetPort\":1.5}]}}",
         "json: cannot unmarshal number 1.5 into Go value of type int32"},
        {REVIEW, "{\"status\":{\"user\":{\"extra\":{\"a\":[1]}}}}",
         "json: cannot unmarshal number into Go struct field ExtraValue.status.user.extra of type string"},
        {CRD, "{\"spec\":{\"versions\":[{\"schema\":{\"openAPIV3Schema\":{\"items\":1}}}]}}",
         "JSONSchemaPropsOrArray cannot be made from this JSON value"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int validation = FIELD_VALIDATION_STRICT; validation <= FIELD_VALIDATION_IGNORE;
             validation++) {
            CLEANUP(error_clear) struct error err = {0};
            CLEANUP(warnings_free) struct warnings warnings = {0};
            json_auto_t *value = schema_decode(type_find(rows[i].type), str_of(rows[i].in),
                                               (enum field_validation)validation, &warnings, &err);
            if (value || strcmp(err.message, rows[i].message) != 0)
                fail_msg("%s: %s", rows[i].in, value ? "taken" : err.message);
            assert_int_equal(err.code, 400);
        }
    }
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       " ",
                                       "{",
                                       "{\"a\"}",
                                       "{\"kind\":\"\xff\"}",
                                       "nope",
                                       "{}{}",
                                       "{\"metadata\":{\"generation\":9223372036854775808}}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value =
            schema_decode(type_find(POD), str_of(rows[i]), FIELD_VALIDATION_STRICT, NULL, &err);
        if (value)
            fail_msg("taken: %s", rows[i]);
        assert_int_equal(err.code, 400);
    }
}

/* clang-format off */
static const struct {
    const char *type, *in, *message; /* found in strict mode */
} strict_rows[] = {
    {POD, "{\"foo\":1}", "unknown field \"foo\""},
    {POD, "{\"Spec\":{}}", "unknown field \"Spec\""},
    {DEPLOYMENT, "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"foo\":{}}]}}}}",
     "unknown field \"spec.template.spec.containers[0].foo\""},
    {POD, "{\"metadata\":{\"name\":\"a\",\"name\":\"b\"}}", "duplicate field \"metadata.name\""},
    {POD, "{\"metadata\":{\"labels\":{\"x/y\":\"a\",\"x/y\":\"b\"}}}", "duplicate field \"metadata.labels.x/y\""},
    {POD, "{\"spec\":{\"containers\":[{},{\"n\\u0061me\":\"a\",\"name\":\"b\"}]},\"z\":[{\"q\":1,\"q\":2}]}",
     "duplicate field \"spec.containers[1].name\", unknown field \"z\""},
    {POD, "{\"a\":1,\"metadata\":{\"b\":2},\"a\":1}", "unknown field \"a\", unknown field \"metadata.b\""},
    {POD, "{\"spec\":{},\"spec\":{\"x\":\"}\\\"\"}}", "duplicate field \"spec\", unknown field \"spec.x\""},
    {POD, "{\"a\\\"b\":1}", "unknown field \"a\\\"b\""},
    {CRD,
     "{\"spec\":{\"versions\":[{\"schema\":{\"openAPIV3Schema\":{\"zz\":1,\"properties\":{\"a\":{\"yy\":1}}}}}]}}",
     "unknown field \"spec.versions[0].schema.openAPIV3Schema.zz\", "
     "unknown field \"spec.versions[0].schema.openAPIV3Schema.properties.a.yy\""},
};
/* clang-format on */

static void strictness(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strict_rows); i++) {
        const struct type *type = type_find(strict_rows[i].type);
        struct str in = str_of(strict_rows[i].in);
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(warnings_free) struct warnings warnings = {0};
        CLEANUP(free_ptr)
        char *want = xasprintf("strict decoding error: %s", strict_rows[i].message);
        assert_null(schema_decode(type, in, FIELD_VALIDATION_STRICT, &warnings, &err));
        assert_string_equal(err.message, want);
        assert_int_equal(err.code, 400);
        assert_int_equal(warnings.count, 0);

        json_auto_t *warned = schema_decode(type, in, FIELD_VALIDATION_WARN, &warnings, &err);
        CLEANUP(buf_free) struct buf joined = BUF_TEXT;
        for (size_t j = 0; j < warnings.count; j++)
            buf_printf(&joined, "%s%s", j ? ", " : "", warnings.items[j]);
        assert_non_null(warned);
        assert_string_equal(joined.data, strict_rows[i].message);

        json_auto_t *ignored = schema_decode(type, in, FIELD_VALIDATION_IGNORE, NULL, &err);
        assert_non_null(ignored);
        assert_true(json_equal(warned, ignored));
    }
}

/* YAML says where a key comes again, all at once; what is found in the tree comes in order. */
static void yaml_is_strict(void **state)
{
    (void)state;
    static const char text[] =
        "spec:\n  paused: true\n  paused: false\n  zz: 1\n  b: 2\nmetadata:\n"
        "  labels: {a: b,\n    a: c}\n  odd: 1\n";
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(warnings_free) struct warnings warnings = {0};
    const struct type *type = type_find(DEPLOYMENT);
    assert_null(schema_decode_yaml(type, STR(text), FIELD_VALIDATION_STRICT, &warnings, &err));
    assert_string_equal(err.message,
                        "strict decoding error: yaml: unmarshal errors:\n"
                        "  line 3: key \"paused\" already set in map\n"
                        "  line 8: key \"a\" already set in map, unknown field \"metadata.odd\", "
                        "unknown field \"spec.b\", unknown field \"spec.zz\"");
    json_auto_t *value =
        schema_decode_yaml(type, STR(text), FIELD_VALIDATION_WARN, &warnings, &err);
    assert_string_equal(json_text(value, "metadata", "labels", "a"), "c");
    assert_int_equal(warnings.count, 5);
    assert_string_equal(warnings.items[1], "line 8: key \"a\" already set in map");
    assert_string_equal(warnings.items[2], "unknown field \"metadata.odd\"");
}

static void findings_are_in_order(void **state)
{
    (void)state;
    static const char *const in_order[] = {
        "unknown field \"a\"",          "unknown field \"a[9].b\"",   "unknown field \"a[10].b\"",
        "unknown field \"a.b\"",        "unknown field \"a.b.c\"",    "unknown field \"a.b-c\"",
        "unknown field \"spec.odd10\"", "unknown field \"spec.odd2\""};
    CLEANUP(warnings_free) struct warnings found = {0};
    for (size_t i = ARRAY_LEN(in_order); i-- > 0;)
        warnings_add(&found, in_order[i]);
    strict_sort(&found, 0);
    for (size_t i = 0; i < ARRAY_LEN(in_order); i++)
        assert_string_equal(found.items[i], in_order[i]);
}

static void trees_are_shaped(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(warnings_free) struct warnings warnings = {0};
    json_auto_t *tree = json_loads("{\"spec\":{\"replicas\":3,\"x\":1}}", 0, NULL);
    assert_true(schema_shape(type_find(DEPLOYMENT), tree, FIELD_VALIDATION_WARN, &warnings, &err));
    assert_int_equal(warnings.count, 1);
    assert_string_equal(warnings.items[0], "unknown field \"spec.x\"");
    CLEANUP(free_ptr) char *text = rendered(tree);
    assert_string_equal(text, "{\"spec\":{\"replicas\":3}}");
    json_auto_t *wrong = json_loads("{\"spec\":{\"x\":1}}", 0, NULL);
    assert_false(schema_shape(type_find(DEPLOYMENT), wrong, FIELD_VALIDATION_STRICT, NULL, &err));
}

/* Go's converter, which reads what a strategic patch made, takes reals that are whole, and cuts off
 * what an int32 does not hold. */
static void merged_numbers_are_converted(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct reading rows[] = {
        {REPLICAS_OF("2.0"), "{\"replicas\":2}", NULL},
        {REPLICAS_OF("1e3"), "{\"replicas\":1000}", NULL},
        {REPLICAS_OF("4294967297"), "{\"replicas\":1}", NULL},
        {REPLICAS_OF("1e300"), "{\"replicas\":0}", NULL},
        {REPLICAS_OF("2.5"), NULL, "cannot convert float64 to int32"},
        {SECONDS_OF("9.5e18"), "{\"activeDeadlineSeconds\":-9223372036854775808}", NULL},
        {PORT_OF("80.0"), "{\"targetPort\":80}", NULL},
        {PORT_OF("2.5"), NULL, "json: cannot unmarshal number 2.5 into Go value of type int32"},
        {PORT_OF("3e9"), NULL, "json: cannot unmarshal number 3000000000 into Go value of type int32"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(warnings_free) struct warnings found = {0};
        json_auto_t *tree = json_loads(rows[i].in, 0, NULL);
        bool ok = schema_shape_merged(type_find(rows[i].type), tree, &found,
                                      FIELD_VALIDATION_IGNORE, NULL, &err);
        CLEANUP(free_ptr) char *text = ok ? rendered(tree) : xstrdup(err.message);
        const char *want = rows[i].out ? rows[i].out : rows[i].message;
        if (ok != (rows[i].out != NULL) || strcmp(text, want) != 0)
            fail_msg("%s: %s", rows[i].in, text);
    }
}

static void warnings_are_bounded(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(warnings_free) struct warnings warnings = {0};
    buf_add_char(&body, '{');
    for (int i = 0; i < 5000; i++)
        buf_printf(&body, "%s\"f%d\":1", i ? "," : "", i);
    buf_add_char(&body, '}');
    json_auto_t *value =
        schema_decode(type_find(POD), buf_str(&body), FIELD_VALIDATION_WARN, &warnings, &err);
    assert_non_null(value);
    assert_int_equal(warnings.count, 64);
}

/* Little text that would become much memory. */
static void bombs_are_refused(void **state)
{
    (void)state;
    static const char *const items[] = {"null", "{}"};
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        CLEANUP(buf_free) struct buf body = BUF_TEXT;
        CLEANUP(error_clear) struct error err = {0};
        buf_add_text(&body, "{\"spec\":{\"containers\":[");
        for (int j = 0; j < 100001; j++)
            buf_printf(&body, "%s%s", j ? "," : "", items[i]);
        buf_add_text(&body, "]}}");
        assert_null(
            schema_decode(type_find(POD), buf_str(&body), FIELD_VALIDATION_IGNORE, NULL, &err));
        assert_int_equal(err.code, 413);
    }
}

static void durations(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *in, *out; /* out NULL: refused */
    } rows[] = {
        {"0", "0s"},          {"1h", "1h0m0s"},    {"1.5s", "1.5s"},      {"300ms", "300ms"},
        {"-1m1s", "-1m1s"},   {"1500us", "1.5ms"}, {"1ns", "1ns"},        {"90m", "1h30m0s"},
        {"+5s", "5s"},        {"", NULL},          {"1", NULL},           {"1x", NULL},
        {"h", NULL},          {".s", NULL},        {"9223372037s", NULL}, {"2h45m30.25s", "2h45m30.25s"},
        {"9999999999999999999999h", NULL},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ns;
        char text[GO_DURATION_TEXT_SIZE];
        bool taken = go_duration_parse(str_of(rows[i].in), &ns);
        if (taken != (rows[i].out != NULL))
            fail_msg("%s", rows[i].in);
        if (!taken)
            continue;
        go_duration_format(ns, text);
        assert_string_equal(text, rows[i].out);
    }
}

static void types_fill_their_zeroes(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *type, *in, *out;
    } rows[] = {
        {"io.k8s.api.core.v1.PodTemplateSpec", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"ports\":[{\"containerPort\":1}]}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"ports\":[{\"containerPort\":1,\"protocol\":\"TCP\"}],"
         "\"resources\":{}}]},\"metadata\":{\"creationTimestamp\":null}}"},
        {"io.k8s.api.apps.v1.ReplicaSetSpec", "{\"template\":{}}",
         "{\"template\":{\"metadata\":{\"creationTimestamp\":null},\"spec\":{\"containers\":null}},\"selector\":null}"},
        {"io.k8s.api.apps.v1.ReplicaSetStatus", "{}", "{\"replicas\":0}"},
        {"io.k8s.api.core.v1.ResourceFieldSelector", "{\"resource\":\"limits.cpu\"}",
         "{\"resource\":\"limits.cpu\",\"divisor\":\"0\"}"},
        {"io.k8s.api.rbac.v1.Role", "{}", "{\"metadata\":{\"creationTimestamp\":null},\"rules\":null}"},
        {"io.k8s.api.rbac.v1.PolicyRule", "{}", "{\"verbs\":null}"},
        {"io.k8s.api.discovery.v1.EndpointSlice", "{}", "{\"metadata\":{\"creationTimestamp\":null},\"addressType\":\"\",\"endpoints\":null,\"ports\":null}"},
        {"io.k8s.api.core.v1.LimitRangeSpec", "{}", "{\"limits\":null}"},
        {"io.k8s.api.core.v1.EnvVar", "{}", "{\"name\":\"\"}"},
        {"io.k8s.api.core.v1.ContainerStatus", "{\"name\":\"c\"}",
         "{\"name\":\"c\",\"state\":{},\"lastState\":{},\"ready\":false,\"restartCount\":0,\"image\":\"\",\"imageID\":\"\"}"},
        {"io.k8s.api.core.v1.NodeDaemonEndpoints", "{}", "{\"kubeletEndpoint\":{\"Port\":0}}"},
        {"io.k8s.api.core.v1.TypedLocalObjectReference", "{\"kind\":\"K\"}", "{\"kind\":\"K\",\"apiGroup\":null,\"name\":\"\"}"},
        {"io.k8s.api.core.v1.TCPSocketAction", "{}", "{\"port\":0}"},
        {"io.k8s.api.apps.v1.ControllerRevision", "{}", "{\"metadata\":{\"creationTimestamp\":null},\"data\":null,\"revision\":0}"},
        {"io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus", "{}", "{\"desiredReplicas\":0,\"currentMetrics\":null}"},
        {"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus", "{}",
         "{\"conditions\":null,\"acceptedNames\":{\"plural\":\"\",\"kind\":\"\"},\"storedVersions\":null}"},
        {"io.k8s.api.core.v1.Event", "{}",
         "{\"reportingComponent\":\"\",\"reportingInstance\":\"\",\"metadata\":{\"creationTimestamp\":null},\"involvedObject\":{},\"source\":{},"
         "\"firstTimestamp\":null,\"lastTimestamp\":null,\"eventTime\":null}"},
        {"dev.warren.tenancy.v1.TenantSpec", "{\"plan\":\"small\"}", "{\"plan\":\"small\",\"tier\":\"virtual\"}"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *value = json_loads(rows[i].in, 0, NULL);
        schema_default(type_find(rows[i].type), value);
        CLEANUP(free_ptr) char *text = rendered(value);
        assert_string_equal(text, rows[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_shaped),
        cmocka_unit_test(values_are_read_as_go_reads_them),
        cmocka_unit_test(wrong_documents_are_refused),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(strictness),
        cmocka_unit_test(yaml_is_strict),
        cmocka_unit_test(findings_are_in_order),
        cmocka_unit_test(trees_are_shaped),
        cmocka_unit_test(merged_numbers_are_converted),
        cmocka_unit_test(warnings_are_bounded),
        cmocka_unit_test(durations),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(types_fill_their_zeroes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
