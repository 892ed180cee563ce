/* warren_bench: what a Kubernetes endpoint does in a second. Each measurement prints one JSON line
 * and, on standard error, one line of a table. It talks to loopback only, in bounded counts.
 * RESULTS.md says how to repeat the figures. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "tests/bench/http.h"

#define WORKERS_MAX 1024
#define DATA_BYTES  1024

struct latencies {
    int64_t *ns;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double ms_at(const struct latencies *all, double part)
{
    return all->count ? (double)all->ns[(size_t)((double)(all->count - 1) * part)] / 1e6 : 0;
}

static void report(const char *op, const char *what, unsigned workers, struct latencies *all,
                   double seconds, size_t errors)
{
    qsort(all->ns, all->count, sizeof(*all->ns), compare);
    double rate = seconds > 0 ? (double)all->count / seconds : 0;
    printf("{\"op\":\"%s\",\"what\":\"%s\",\"c\":%u,\"count\":%zu,\"errors\":%zu,\"per_s\":%.1f,"
           "\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
           op, what, workers, all->count, errors, rate, ms_at(all, 0.5), ms_at(all, 0.99));
    (void)fflush(stdout);
    (void)fprintf(stderr,
                  "%-10s %-12s c=%-3u %8zu  %10.1f/s  p50 %8.3f ms  p99 %8.3f ms  errors %zu\n", op,
                  what, workers, all->count, rate, ms_at(all, 0.5), ms_at(all, 0.99), errors);
}

/* ---- workers ---- */

struct load {
    const struct target *target;
    bool (*one)(struct http *http, size_t number, struct buf *scratch);
    atomic_size_t next, errors;
    size_t count;
    int64_t *ns;
    pthread_barrier_t start;
};

static void *work(void *arg)
{
    struct load *load = arg;
    struct http *http = http_open(load->target);
    struct buf scratch = BUF_INIT((size_t)64 << 20);
    pthread_barrier_wait(&load->start); /* handshakes are outside the clock */
    for (;;) {
        size_t number = atomic_fetch_add(&load->next, 1);
        if (number >= load->count)
            break;
        int64_t begin = clock_mono_ns();
        buf_clear(&scratch);
        if (!http || !load->one(http, number, &scratch))
            atomic_fetch_add(&load->errors, 1);
        load->ns[number] = clock_mono_ns() - begin;
    }
    http_close(http);
    buf_free(&scratch);
    return NULL;
}

static size_t run(const struct target *target, const char *op, const char *what, unsigned workers,
                  size_t count, bool (*one)(struct http *http, size_t number, struct buf *scratch))
{
    struct load load = {
        .target = target, .one = one, .count = count, .ns = xcalloc(count, sizeof(int64_t))};
    pthread_t threads[WORKERS_MAX];
    pthread_barrier_init(&load.start, NULL, workers + 1);
    for (unsigned i = 0; i < workers; i++)
        pthread_create(&threads[i], NULL, work, &load);
    pthread_barrier_wait(&load.start);
    int64_t begin = clock_mono_ns();
    for (unsigned i = 0; i < workers; i++)
        pthread_join(threads[i], NULL);
    struct latencies all = {load.ns, count};
    report(op, what, workers, &all, (double)(clock_mono_ns() - begin) / 1e9, load.errors);
    pthread_barrier_destroy(&load.start);
    free(load.ns);
    return load.errors;
}

/* ---- what a worker does; the set-up below fills these ---- */

static const char *run_prefix; /* of names, so that runs do not collide */
static size_t existing;        /* ConfigMaps that GET chooses from */
static char data[DATA_BYTES + 1];

static bool create_config_map(struct http *http, size_t number, struct buf *scratch)
{
    buf_printf(scratch,
               "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s-%zu\"},"
               "\"data\":{\"k\":\"%s\"}}",
               run_prefix, number, data);
    return http_call(http, "POST", "/api/v1/namespaces/bench/configmaps", "application/json",
                     buf_str(scratch), NULL) == 201;
}

static bool create_pod(struct http *http, size_t number, struct buf *scratch)
{
    buf_printf(scratch,
               "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s-%zu\","
               "\"labels\":{\"app\":\"bench\"}},\"spec\":{"
               "\"schedulerName\":\"nobody\",\"containers\":[{\"name\":\"c\",\"image\":\"busybox\","
               "\"resources\":{\"requests\":{\"cpu\":\"1m\"}},"
               "\"env\":[{\"name\":\"A\",\"value\":\"b\"}],\"ports\":[{\"containerPort\":80}]}]}}",
               run_prefix, number);
    return http_call(http, "POST", "/api/v1/namespaces/bench/pods", "application/json",
                     buf_str(scratch), NULL) == 201;
}

static bool get_config_map(struct http *http, size_t number, struct buf *scratch)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "/api/v1/namespaces/bench/configmaps/%s-%zu", run_prefix,
                   number * 7919 % existing);
    return http_call(http, "GET", path, NULL, (struct str){0}, scratch) == 200 &&
           scratch->len > DATA_BYTES;
}

static bool list_config_maps(struct http *http, size_t number, struct buf *scratch)
{
    (void)number;
    return http_call(http, "GET", "/api/v1/namespaces/bench/configmaps", NULL, (struct str){0},
                     scratch) == 200;
}

static bool create_tenant(struct http *http, size_t number, struct buf *scratch)
{
    buf_printf(scratch,
               "{\"apiVersion\":\"tenancy.warren.dev/"
               "v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"%s-%zu\"},\"spec\":{\"plan\":"
               "\"small\"}}",
               run_prefix, number);
    return http_call(http, "POST", "/apis/tenancy.warren.dev/v1/tenants", "application/json",
                     buf_str(scratch), NULL) == 201;
}

static bool make_namespace(const struct target *target, const char *name)
{
    struct http *http = http_open(target);
    CLEANUP(free_ptr)
    char *body = xasprintf(
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", name);
    int status =
        http ? http_call(http, "POST", "/api/v1/namespaces", "application/json", str_of(body), NULL)
             : 0;
    http_close(http);
    return status == 201 || status == 409;
}

/* ---- watch fan-out ---- */

struct fan {
    const struct target *target;
    char path[64], watch_path[128];
    size_t creates;
    _Atomic int64_t *sent_ns; /* by number */
    atomic_size_t next, failed;
    int64_t gap_ns, begin_ns; /* between creates; 0: as fast as they are answered */
    atomic_size_t ready, seen, lost;
    int64_t *ns; /* watchers x creates */
    atomic_size_t measured;
};

static void *watch_run(void *arg)
{
    struct fan *fan = arg;
    struct http *http = http_open(fan->target);
    struct str line;
    size_t seen = 0;
    bool open = http && http_stream(http, fan->watch_path) == 200;
    atomic_fetch_add(&fan->ready, 1);
    while (open && seen < fan->creates && http_line(http, &line)) {
        int64_t now = clock_mono_ns(), number;
        const char *at = memmem(line.data, line.len, "\"nr-", 4);
        const char *end = at ? memchr(at + 4, '"', line.len - (size_t)(at + 4 - line.data)) : NULL;
        if (!end || !parse_i64((struct str){at + 4, (size_t)(end - at - 4)}, 0,
                               (int64_t)fan->creates - 1, &number))
            continue;
        fan->ns[atomic_fetch_add(&fan->measured, 1)] = now - atomic_load(&fan->sent_ns[number]);
        seen++;
    }
    atomic_fetch_add(&fan->lost, fan->creates - seen);
    http_close(http);
    return NULL;
}

static bool create_fan(struct http *http, const char *path, struct buf *scratch, size_t number)
{
    buf_clear(scratch);
    buf_printf(scratch,
               "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"nr-%zu\"},"
               "\"data\":{\"k\":\"%s\"}}",
               number, data);
    return http_call(http, "POST", path, "application/json", buf_str(scratch), NULL) == 201;
}

static void *fan_write(void *arg)
{
    struct fan *fan = arg;
    struct http *http = http_open(fan->target);
    CLEANUP(buf_free) struct buf scratch = BUF_INIT((size_t)1 << 20);
    for (size_t i; (i = atomic_fetch_add(&fan->next, 1)) < fan->creates;) {
        int64_t early_ns = fan->begin_ns + (int64_t)i * fan->gap_ns - clock_mono_ns();
        if (fan->gap_ns && early_ns > 0)
            (void)usleep((useconds_t)(early_ns / 1000)); /* a signal makes it early, no more */
        atomic_store(&fan->sent_ns[i], clock_mono_ns());
        if (!http || !create_fan(http, fan->path, &scratch, i))
            atomic_fetch_add(&fan->failed, 1);
    }
    http_close(http);
    return NULL;
}

struct fan_size {
    unsigned watchers, writers;
    size_t creates, per_second; /* 0: as fast as they are answered */
};

static size_t watch_fan(const struct target *target, const struct fan_size *size)
{
    struct fan fan = {.target = target,
                      .creates = size->creates,
                      .sent_ns = xcalloc(size->creates, sizeof(*fan.sent_ns)),
                      .gap_ns =
                          size->per_second ? INT64_C(1000000000) / (int64_t)size->per_second : 0,
                      .ns = xcalloc(size->creates * size->watchers, sizeof(int64_t))};
    pthread_t threads[WORKERS_MAX], writers[WORKERS_MAX];
    CLEANUP(free_ptr)
    char *ns = xasprintf("fan-%u-%u-%zu", size->watchers, size->writers,
                         size->per_second); /* names are free there */
    atomic_store(&fan.failed, !make_namespace(target, ns));
    (void)snprintf(fan.path, sizeof(fan.path), "/api/v1/namespaces/%s/configmaps", ns);
    (void)snprintf(fan.watch_path, sizeof(fan.watch_path),
                   "%s?watch=1&resourceVersion=0&timeoutSeconds=120", fan.path);
    for (unsigned i = 0; i < size->watchers; i++)
        pthread_create(&threads[i], NULL, watch_run, &fan);
    while (atomic_load(&fan.ready) < size->watchers)
        usleep(1000);
    usleep(200000);
    fan.begin_ns = clock_mono_ns();
    for (unsigned i = 0; i < size->writers; i++)
        pthread_create(&writers[i], NULL, fan_write, &fan);
    for (unsigned i = 0; i < size->writers; i++)
        pthread_join(writers[i], NULL);
    for (unsigned i = 0; i < size->watchers; i++)
        pthread_join(threads[i], NULL);
    struct latencies all = {fan.ns, fan.measured};
    size_t errors = fan.lost + fan.failed;
    CLEANUP(free_ptr) char *what = xasprintf("w=%u %zu/s", size->writers, size->per_second);
    report("watchfan", what, size->watchers, &all, (double)(clock_mono_ns() - fan.begin_ns) / 1e9,
           errors);
    free(fan.ns);
    free(fan.sent_ns);
    return errors;
}

/* ---- lists of Pods, by encoding ---- */

static const struct list_encoding {
    const char *what, *accept;
} list_encodings[] = {
    {"json", "application/json"},
    {"protobuf", "application/vnd.kubernetes.protobuf"},
    {"table", "application/json;as=Table;v=v1;g=meta.k8s.io"},
    {"metadata", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"},
};

static bool list_pods(struct http *http, struct latencies *all, struct buf *body)
{
    int64_t begin = clock_mono_ns();
    buf_clear(body);
    if (http_call(http, "GET", "/api/v1/namespaces/bench/pods", NULL, (struct str){0}, body) != 200)
        return false;
    all->ns[all->count++] = clock_mono_ns() - begin;
    return true;
}

static void report_list(const char *what, const char *which, struct latencies *all, size_t bytes)
{
    qsort(all->ns, all->count, sizeof(*all->ns), compare);
    double ms = ms_at(all, 0.5), mb_per_s = ms > 0 ? (double)bytes / ms / 1e3 : 0;
    printf("{\"op\":\"list\",\"what\":\"pods %s\",\"which\":\"%s\",\"count\":%zu,\"bytes\":%zu,"
           "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"mb_per_s\":%.0f}\n",
           what, which, all->count, bytes, ms, ms_at(all, 0.99), mb_per_s);
    (void)fflush(stdout);
    (void)fprintf(stderr, "list pods  %-12s %-6s %8zu  %10.0f MB/s  p50 %8.3f ms  p99 %8.3f ms\n",
                  what, which, all->count, mb_per_s, ms, ms_at(all, 0.99));
}

/* The first list of an encoding, which may have to make what later ones share, and `count` more. */
static size_t measure_lists(const struct target *target, size_t count)
{
    struct http *http = http_open(target);
    CLEANUP(buf_free) struct buf body = BUF_INIT((size_t)256 << 20);
    struct latencies all = {xcalloc(count, sizeof(int64_t)), 0};
    size_t errors = !http;
    for (size_t i = 0; http && i < ARRAY_LEN(list_encodings); i++) {
        const struct list_encoding *encoding = &list_encodings[i];
        http_accept(http, encoding->accept);
        all.count = 0;
        errors += !list_pods(http, &all, &body);
        report_list(encoding->what, "first", &all, body.len);
        for (size_t round = all.count = 0; round < count; round++)
            errors += !list_pods(http, &all, &body);
        report_list(encoding->what, "later", &all, body.len);
    }
    http_close(http);
    free(all.ns);
    return errors;
}

/* ---- from a tenant's Pod to the host's, and to a running container ---- */

#define PODS_MAX    1000
#define POD_WAIT_NS ((int64_t)60 * 1000000000)

struct pod_watch {
    const struct target *target;
    const char *path, *sign;           /* a line counts when it holds `sign` */
    _Atomic int64_t seen_ns[PODS_MAX]; /* 0: not yet */
    atomic_bool open;
};

static void *watch_pods(void *arg)
{
    struct pod_watch *watch = arg;
    struct http *http = http_open(watch->target);
    struct str line;
    int64_t number;
    if (http && http_stream(http, watch->path) == 200)
        atomic_store(&watch->open, true);
    while (atomic_load(&watch->open) && http_line(http, &line)) {
        const char *at = memmem(line.data, line.len, "\"name\":\"pod-", 12);
        size_t digits = at ? strspn(at + 12, "0123456789") : 0;
        if (!digits || !parse_i64((struct str){at + 12, digits}, 0, PODS_MAX - 1, &number) ||
            !memmem(line.data, line.len, watch->sign, strlen(watch->sign)))
            continue;
        int64_t none = 0;
        (void)atomic_compare_exchange_strong(&watch->seen_ns[number], &none,
                                             clock_mono_ns()); /* the first time counts */
    }
    http_close(http);
    return NULL;
}

static bool wait_seen(const struct pod_watch *watch, size_t number)
{
    int64_t until = clock_mono_ns() + POD_WAIT_NS;
    while (!atomic_load(&watch->seen_ns[number]))
        if (usleep(200) != 0 || clock_mono_ns() > until)
            return false;
    return true;
}

static bool pod_call(struct http *http, size_t number, bool create)
{
    char path[96] = "/api/v1/namespaces/bench/pods";
    CLEANUP(buf_free) struct buf body = BUF_INIT(4096);
    if (create)
        buf_printf(&body,
                   "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"pod-%zu\"},"
                   "\"spec\":{\"containers\":[{\"name\":\"c\","
                   "\"image\":\"busybox\",\"imagePullPolicy\":\"IfNotPresent\",\"command\":["
                   "\"sleep\",\"300\"]}]}}",
                   number);
    else
        (void)snprintf(path, sizeof(path),
                       "/api/v1/namespaces/bench/pods/pod-%zu?gracePeriodSeconds=0", number);
    int status =
        http_call(http, create ? "POST" : "DELETE", path, "application/json", buf_str(&body), NULL);
    return status == (create ? 201 : 200) || (!create && status == 404);
}

static size_t measure_pods(const struct target *tenant, const struct target *host, size_t count)
{
    static struct pod_watch on_host = {.path = "/api/v1/pods?watch=1&timeoutSeconds=300",
                                       .sign = "-x-bench-x-"};
    static struct pod_watch running = {
        .path = "/api/v1/namespaces/bench/pods?watch=1&timeoutSeconds=300",
        .sign = "\"phase\":\"Running\""};
    struct latencies mapped = {xcalloc(count, sizeof(int64_t)), 0},
                     started = {xcalloc(count, sizeof(int64_t)), 0};
    pthread_t threads[2];
    struct http *http = http_open(tenant);
    size_t errors = !make_namespace(tenant, "bench");
    on_host.target = host;
    running.target = tenant;
    pthread_create(&threads[0], NULL, watch_pods, &on_host);
    pthread_create(&threads[1], NULL, watch_pods, &running);
    sleep(2); /* the namespace's service account, and the watches */
    int64_t begin = clock_mono_ns();
    for (size_t i = 0; i < count; i++) {
        int64_t sent = clock_mono_ns();
        if (!http || !pod_call(http, i, true) || !wait_seen(&on_host, i) ||
            !wait_seen(&running, i)) {
            errors++;
            continue;
        }
        mapped.ns[mapped.count++] = on_host.seen_ns[i] - sent;
        started.ns[started.count++] = running.seen_ns[i] - sent;
        errors += !pod_call(http, i, false);
    }
    double seconds = (double)(clock_mono_ns() - begin) / 1e9;
    report("pod", "host-pod", 1, &mapped, seconds, errors);
    report("pod", "running", 1, &started, seconds, errors);
    http_close(http);
    free(mapped.ns);
    free(started.ns);
    return errors;
}

/* ---- the programme ---- */

static size_t measure_cluster(const struct target *target, size_t scale)
{
    static const unsigned workers[] = {1, 16, 64};
    static const char *const prefixes[] = {"a", "b", "c"}, *const pod_prefixes[] = {"p", "q", "r"};
    static const size_t creates[] = {1000, 4000, 5000};
    size_t errors = !make_namespace(target, "bench");
    for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
        run_prefix = prefixes[i];
        errors +=
            run(target, "create", "configmaps", workers[i], creates[i] / scale, create_config_map);
    }
    existing = creates[0] / scale;
    for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
        run_prefix = pod_prefixes[i];
        errors += run(target, "create", "pods", workers[i], creates[i] / 4 / scale, create_pod);
    }
    run_prefix = prefixes[0];
    for (size_t i = 0; i < ARRAY_LEN(workers); i++)
        errors +=
            run(target, "get", "configmaps", workers[i], creates[i] * 10 / scale, get_config_map);
    errors += run(target, "list", "configmaps", 1, 20, list_config_maps);
    return errors + watch_fan(target, &(struct fan_size){
                                          .watchers = 100, .writers = 1, .creates = 500 / scale});
}

/* What a worker of `load` can do over and over; `get` and `list` see what `configmaps` made before.
 */
static const struct operation {
    const char *name, *op, *what;
    bool (*one)(struct http *http, size_t number, struct buf *scratch);
} operations[] = {
    {"configmaps", "create", "configmaps", create_config_map},
    {"pods", "create", "pods", create_pod},
    {"get", "get", "configmaps", get_config_map},
    {"list", "list", "configmaps", list_config_maps},
    {"tenants", "provision", "tenants", create_tenant},
};

static bool is_loopback(const char *host)
{
    return text_starts(host, "127.") || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

static bool open_loopback(const char *kubeconfig, struct target *target)
{
    CLEANUP(error_clear) struct error err = {0};
    if (!target_open(kubeconfig, target, &err)) {
        (void)fprintf(stderr, "warren_bench: %s\n", err.message);
        return false;
    }
    if (!is_loopback(target->host))
        (void)fprintf(stderr, "warren_bench: %s is not a loopback address\n", target->host);
    return is_loopback(target->host);
}

#define NUMBERS_MAX 4

struct options {
    const char *words[2]; /* after the kubeconfig: an operation, or the host's kubeconfig */
    size_t numbers[NUMBERS_MAX];
};

static size_t mode_cluster(const struct target *target, const struct options *options)
{
    return measure_cluster(target, options->numbers[0]);
}

static size_t mode_load(const struct target *target, const struct options *options)
{
    size_t errors = !make_namespace(target, "bench");
    CLEANUP(free_ptr)
    char *prefix =
        xasprintf("w%zu", options->numbers[0]); /* `get` reads what as many workers made */
    existing = options->numbers[1];
    run_prefix = prefix;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        if (strcmp(operations[i].name, options->words[0]) == 0)
            return errors + run(target, operations[i].op, operations[i].what,
                                (unsigned)options->numbers[0], options->numbers[1],
                                operations[i].one);
    return 1;
}

static size_t mode_fan(const struct target *target, const struct options *options)
{
    return watch_fan(target, &(struct fan_size){.watchers = (unsigned)options->numbers[0],
                                                .creates = options->numbers[1],
                                                .writers = (unsigned)options->numbers[2],
                                                .per_second = options->numbers[3]});
}

static size_t mode_pods(const struct target *target, const struct options *options)
{
    struct target host;
    if (!open_loopback(options->words[0], &host))
        return 1;
    size_t errors = measure_pods(target, &host, options->numbers[0]);
    target_close(&host);
    return errors;
}

static size_t mode_lists(const struct target *target, const struct options *options)
{
    return measure_lists(target, options->numbers[0]);
}

static const struct mode {
    const char *name;
    size_t word_count, number_count;
    size_t max[NUMBERS_MAX];
    size_t (*measure)(const struct target *target, const struct options *options);
} modes[] = {
    {"cluster", 0, 1, {1000}, mode_cluster},
    {"load", 1, 2, {WORKERS_MAX, 1000000}, mode_load},
    {"fan", 0, 4, {WORKERS_MAX, 100000, WORKERS_MAX, 100000}, mode_fan},
    {"lists", 0, 1, {1000}, mode_lists},
    {"pods", 1, 1, {PODS_MAX}, mode_pods},
};

static const struct mode *read_options(int argc, char **argv, struct options *options)
{
    const struct mode *mode = NULL;
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(modes) && !mode; i++)
        mode = strcmp(argv[1], modes[i].name) == 0 ? &modes[i] : NULL;
    if (!mode || argc != (int)(3 + mode->word_count + mode->number_count))
        return NULL;
    for (size_t i = 0; i < mode->word_count; i++)
        options->words[i] = argv[3 + i];
    for (size_t i = 0; i < mode->number_count; i++) {
        int64_t number;
        if (!parse_i64(str_of(argv[3 + mode->word_count + i]), i == 3 ? 0 : 1,
                       (int64_t)mode->max[i], &number))
            return NULL;
        options->numbers[i] = (size_t)number;
    }
    return mode;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct target target;
    const struct mode *mode = read_options(argc, argv, &options);
    if (!mode) {
        (void)fprintf(stderr, "usage: warren_bench cluster KUBECONFIG SCALE-DOWN               "
                              "creates, GETs, LIST, watch fan-out\n"
                              "       warren_bench load KUBECONFIG OPERATION WORKERS COUNT     one "
                              "of: configmaps pods get list tenants\n"
                              "       warren_bench fan KUBECONFIG WATCHERS CREATES WRITERS RATE  "
                              "each watcher must see each create; RATE a second, 0: no pause\n"
                              "       warren_bench lists KUBECONFIG COUNT                      "
                              "the Pods of `load`, by encoding\n"
                              "       warren_bench pods KUBECONFIG HOST-KUBECONFIG COUNT       a "
                              "tenant's Pod to the host's, and to running\n");
        return 2;
    }
    if (!open_loopback(argv[2], &target))
        return 1;
    memset(data, 'x', DATA_BYTES);
    size_t errors = mode->measure(&target, &options);
    target_close(&target);
    return errors ? 1 : 0;
}
