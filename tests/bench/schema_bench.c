/* tests/bench/schema_bench: what it costs to read, check, change and write one object, without a
 * server around it. One JSON line a measurement: the median of ROUNDS rounds, and the fastest and
 * slowest tenth beside it, in microseconds an object and, where bytes come out, MB (10^6) of them
 * a second. Time is the thread's CPU time: what others do on the machine counts for less.
 *
 * schema_bench [SAMPLES [NAME]]: SAMPLES is the folder of the sample objects (tests/bench/samples);
 * NAME measures only the rows that begin with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "schema/apply.h"
#include "schema/decode.h"
#include "schema/kind.h"
#include "schema/meta.h"
#include "schema/protobuf.h"
#include "schema/write.h"
#include "store/object.h"

#define ROUNDS     41
#define ROUND_NS   20e6
#define SAMPLE_MAX ((size_t)1 << 20)

static struct str deployment_text, pod_text, pod_message;
static const struct type *deployment_type, *pod_type;
static json_t *deployment, *live_deployment, *pod;

static _Noreturn void fail(const char *what, const struct error *err)
{
    fprintf(stderr, "schema_bench: %s: %s\n", what, err && err->message ? err->message : "failed");
    exit(1);
}

static struct str read_sample(const char *folder, const char *name)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s.json", folder, name);
    FILE *file = fopen(path, "re");
    char *text = xmalloc(SAMPLE_MAX);
    if (!file)
        fail(path, NULL);
    size_t len = fread(text, 1, SAMPLE_MAX, file);
    (void)fclose(file); /* it was only read */
    return (struct str){text, len};
}

/* ---- what is measured: each does it once and says how many bytes came out ---- */

static json_t *decoded(const struct type *type, struct str text)
{
    struct error err = {0};
    json_t *object = schema_decode(type, text, FIELD_VALIDATION_STRICT, NULL, &err);
    if (!object)
        fail(type->name, &err);
    return object;
}

static size_t run_parse(void)
{
    struct error err = {0};
    json_auto_t *object = json_parse(deployment_text, JSON_LOAD_STRICT, &err);
    return object ? deployment_text.len : 0;
}

static size_t run_write(void)
{
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    json_write(&out, pod);
    return out.len;
}

static size_t run_write_ordered(void)
{
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    schema_write(&out, pod_type, pod);
    return out.len;
}

static size_t run_decode(void)
{
    json_auto_t *object = decoded(deployment_type, deployment_text);
    return 0;
}

static void admit(json_t *object)
{
    const struct kind_rules *rules = kind_rules("deployments.apps");
    CLEANUP(error_clear) struct error err = {0};
    schema_default(deployment_type, object);
    meta_validate(resource_by_key("deployments.apps"), object, &err);
    rules->validate(object, &err);
    if (err.cause_count)
        fail(err.causes[0].field, &err);
}

static size_t run_admit(void)
{
    json_auto_t *object = decoded(deployment_type, deployment_text);
    admit(object);
    return 0;
}

static size_t run_to_protobuf(void)
{
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    if (!protobuf_encode_object(&out, pod_type, pod_text))
        fail("to protobuf", NULL);
    return out.len;
}

/* What a list does for each of its objects, without the sending. */
static size_t run_list_item(void)
{
    static struct buf out = BUF_TEXT;
    buf_clear(&out);
    if (!protobuf_list_item(&out, pod_type, pod_text))
        fail("list item", NULL);
    return out.len;
}

static size_t run_from_protobuf(void)
{
    struct error err = {0};
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    if (!protobuf_object_to_json(&out, pod_type, pod_message, &err))
        fail("from protobuf", &err);
    return out.len;
}

/* What a request in protobuf costs until its object is there, and below what one in JSON does. */
static size_t run_decode_protobuf(void)
{
    struct error err = {0};
    json_auto_t *object = protobuf_decode_object(pod_type, pod_message, &err);
    if (!object)
        fail("decode protobuf", &err);
    return 0;
}

static size_t run_decode_pod(void)
{
    json_auto_t *object = decoded(pod_type, pod_text);
    return 0;
}

static json_t *applied(const json_t *live, json_t *config)
{
    struct error err = {0};
    const struct apply apply = {.type = deployment_type,
                                .api_version = "apps/v1",
                                .kind = "Deployment",
                                .subresource = "",
                                .manager = "helm",
                                .now_us = 1772600767000000};
    json_t *object = apply_configuration(&apply, live, config, &err);
    if (!object)
        fail("apply", &err);
    return object;
}

/* Everything that the server does with an applied Deployment but the commit: body, merge, owners,
 * defaults, rules, bytes. */
static size_t run_apply(void)
{
    struct error err = {0};
    struct object_draft draft;
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    json_auto_t *config = yaml_parse(deployment_text, JSON_LOAD_LENIENT, &err);
    json_object_set_new(json_object_get(config, "spec"), "replicas", json_integer(5));
    json_auto_t *object = applied(live_deployment, config);
    admit(object);
    if (!schema_draft_make(deployment_type, object, &out, &draft, &err))
        fail("draft", &err);
    return 0;
}

static const struct bench_row {
    const char *name;
    size_t (*run)(void);
    double target_us; /* 0: none */
} rows[] = {
    {"parse Deployment, no type", run_parse, 0},
    {"write Pod as JSON", run_write, 0},
    {"write Pod as JSON, in the order of its type", run_write_ordered, 0},
    {"decode Deployment, strict", run_decode, 0},
    {"decode, default, validate Deployment", run_admit, 60},
    {"Pod, JSON to protobuf", run_to_protobuf, 30},
    {"Pod of a list, JSON to protobuf", run_list_item, 0},
    {"Pod, protobuf to JSON", run_from_protobuf, 30},
    {"decode Pod, from protobuf", run_decode_protobuf, 0},
    {"decode Pod, from JSON, strict", run_decode_pod, 0},
    {"apply Deployment, without the commit", run_apply, 250},
};

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nanoseconds of CPU time for `count` runs. */
static double time_ns(const struct bench_row *row, size_t count)
{
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (size_t i = 0; i < count; i++)
        (void)row->run(); /* how many bytes it makes is known */
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static void measure(const struct bench_row *row)
{
    double us[ROUNDS];
    size_t bytes = row->run(), count = 1;
    while (time_ns(row, count) < ROUND_NS / 2)
        count *= 2;
    for (size_t round = 0; round < ROUNDS; round++)
        us[round] = time_ns(row, count) / 1e3 / (double)count;
    qsort(us, ROUNDS, sizeof(us[0]), compare);
    double median = us[ROUNDS / 2];
    printf("{\"what\":\"%s\",\"us\":%.1f,\"p10\":%.1f,\"p90\":%.1f", row->name, median,
           us[ROUNDS / 10], us[ROUNDS - 1 - ROUNDS / 10]);
    if (bytes)
        printf(",\"mb_per_s\":%.0f", (double)bytes / median);
    if (row->target_us > 0)
        printf(",\"target_us\":%.0f,\"held\":%s", row->target_us,
               median <= row->target_us ? "true" : "false");
    printf("}\n");
    (void)fflush(stdout); /* a lost line is seen */
}

static void prepare(const char *folder)
{
    struct error err = {0};
    static struct buf message = BUF_TEXT;
    deployment_text = read_sample(folder, "deployment");
    pod_text = read_sample(folder, "pod");
    deployment_type = type_find("io.k8s.api.apps.v1.Deployment");
    pod_type = type_find("io.k8s.api.core.v1.Pod");
    deployment = decoded(deployment_type, deployment_text);
    pod = decoded(pod_type, pod_text);
    if (!protobuf_encode_object(&message, pod_type, pod_text))
        fail("pod", &err);
    pod_message = buf_str(&message);
    live_deployment = applied(NULL, deployment);
    admit(live_deployment);
    json_t *metadata = json_object_get(live_deployment, "metadata");
    json_set_text(metadata, "uid", "4a3f2c1e-9d8b-4f6a-8e7c-1b2a3c4d5e6f");
    json_set_text(metadata, "creationTimestamp", "2026-03-04T05:06:07Z");
    json_set_text(metadata, "resourceVersion", "18234");
}

int main(int argc, char **argv)
{
    prepare(argc > 1 ? argv[1] : "tests/bench/samples");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (argc < 3 || text_starts(rows[i].name, argv[2]))
            measure(&rows[i]);
    json_decref(deployment);
    json_decref(live_deployment);
    json_decref(pod);
    return 0;
}
