/* tests/bench/store_bench: what the store alone can do, without HTTP. Prints one JSON line a
 * measurement.
 *
 * store_bench DIR [nosync]: makes a PostgreSQL below DIR (with fsync, if not told otherwise) and
 * measures creates at several concurrencies (each client waits for its write), updates,
 * provisioning of clusters with 150 objects, listing and memory. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/cache.h"
#include "store/postgres.h"
#include "store/store.h"

#define SECONDS 3

static struct store *store;
static const char *configmaps;

static void draft_make(struct buf *out, struct object_draft *draft, const char *name, int value)
{
    struct error err = {0};
    json_auto_t *object = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:{s:s}}, s:{s:s, s:i}}", "kind", "ConfigMap",
        "apiVersion", "v1", "metadata", "name", name, "namespace", "default", "uid",
        "01234567-89ab-cdef-0123-456789abcdef", "creationTimestamp", "2026-01-02T03:04:05Z",
        "labels", "app", "bench", "data", "text",
        "The quick brown fox jumps over the lazy dog. The quick brown fox jumps over the lazy dog.",
        "value", value);
    if (!object_draft_make(object, out, draft, &err))
        abort();
    draft->ns = "default"; /* the tree goes away here */
    draft->name = name;
    draft->uid = "01234567-89ab-cdef-0123-456789abcdef";
}

struct client {
    pthread_t thread;
    struct cluster *cluster;
    int number;
    enum store_op op;
    int64_t until, *latencies_ns;
    size_t count;
};

static void *client_run(void *arg)
{
    struct client *client = arg;
    struct buf body = BUF_TEXT;
    for (; clock_mono_ns() < client->until; client->count++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "c%d-%zu", client->number,
                       client->op == STORE_CREATE ? client->count : 0);
        struct store_write write = {
            .cluster = client->cluster, .resource = configmaps, .op = client->op};
        draft_make(&body, &write.draft, name, (int)client->count);
        int64_t start = clock_mono_ns();
        enum store_result result = store_write_wait(store, &write, NULL, NULL);
        if (result != STORE_OK) {
            fprintf(stderr, "result %d\n", (int)result);
            exit(1);
        }
        if (client->count < 200000)
            client->latencies_ns[client->count] = clock_mono_ns() - start;
    }
    buf_free(&body);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *what, int concurrency, double rate, int64_t *latencies, size_t count)
{
    qsort(latencies, count, sizeof(*latencies), compare);
    printf("{\"what\":\"%s\",\"concurrency\":%d,\"per_s\":%.0f,\"p50_us\":%lld,\"p99_us\":%lld}\n",
           what, concurrency, rate, (long long)latencies[count / 2] / 1000,
           (long long)latencies[count * 99 / 100] / 1000);
    fflush(stdout);
}

static struct cluster *cluster_make(const char *name, struct store_write *writes, size_t count)
{
    struct error err = {0};
    struct cluster *cluster;
    struct cluster_seed seed = {.name = name,
                                .uid = "01234567-89ab-cdef-0123-456789abcdef",
                                .secrets = STR("none"),
                                .writes = writes,
                                .write_count = count};
    if (!store_cluster_create(store, &seed, &cluster, &err)) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return cluster;
}

static void bench_writes(const char *what, const char *name, enum store_op op, int concurrency)
{
    struct error err = {0};
    struct cluster *cluster = cluster_make(name, NULL, 0);
    if (!cache_warm(cluster, configmaps, &err))
        abort();
    struct client *clients = xcalloc((size_t)concurrency, sizeof(*clients));
    struct buf body = BUF_TEXT;
    for (int i = 0; i < concurrency && op == STORE_UPDATE; i++) {
        char object[32];
        (void)snprintf(object, sizeof(object), "c%d-0", i);
        struct store_write write = {.cluster = cluster, .resource = configmaps, .op = STORE_CREATE};
        draft_make(&body, &write.draft, object, 0);
        store_write_wait(store, &write, NULL, NULL);
    }
    buf_free(&body);
    int64_t start = clock_mono_ns();
    for (int i = 0; i < concurrency; i++) {
        clients[i] = (struct client){.cluster = cluster,
                                     .number = i,
                                     .op = op,
                                     .until = start + (int64_t)SECONDS * 1000000000,
                                     .latencies_ns = xcalloc(200000, sizeof(int64_t))};
        pthread_create(&clients[i].thread, NULL, client_run, &clients[i]);
    }
    size_t total = 0;
    int64_t *all = xcalloc(200000 * (size_t)concurrency, sizeof(int64_t));
    for (int i = 0; i < concurrency; i++) {
        pthread_join(clients[i].thread, NULL);
        memcpy(all + total, clients[i].latencies_ns, clients[i].count * sizeof(int64_t));
        total += clients[i].count;
        free(clients[i].latencies_ns);
    }
    report(what, concurrency, (double)total * 1e9 / (double)(clock_mono_ns() - start), all, total);
    free(all);
    free(clients);
    cluster_unref(cluster);
}

static void bench_provision(int count)
{
    enum { OBJECTS = 150 };
    static struct store_write writes[OBJECTS];
    static struct buf bodies[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        char *name = xasprintf("seed-%d", i);
        bodies[i] = BUF_TEXT;
        writes[i] = (struct store_write){.resource = configmaps, .op = STORE_CREATE};
        draft_make(&bodies[i], &writes[i].draft, name, i);
    }
    int64_t *latencies = xcalloc((size_t)count, sizeof(int64_t)), begin = clock_mono_ns();
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "tenant-%d", i);
        int64_t start = clock_mono_ns();
        cluster_unref(cluster_make(name, writes, OBJECTS));
        latencies[i] = clock_mono_ns() - start;
    }
    report("provision with 150 objects", 1, count * 1e9 / (double)(clock_mono_ns() - begin),
           latencies, (size_t)count);
    printf("{\"what\":\"memory of an idle cluster\",\"bytes\":%.0f}\n",
           (double)(mallinfo2().uordblks - before) / count);
    free(latencies);
}

static void bench_list(void)
{
    struct error err = {0};
    CLEANUP(cluster_unref_ptr) struct cluster *cluster = store_cluster(store, "create-16");
    int64_t latencies[200];
    size_t count = 0;
    for (int i = 0; i < 200; i++) {
        struct object_list list = {0};
        struct cache_range range = {.limit = 10000};
        int64_t start = clock_mono_ns();
        if (cache_list_peek(cluster, configmaps, &range, &list) != CACHE_LIST_OK)
            abort();
        count = list.count;
        object_list_free(&list);
        latencies[i] = clock_mono_ns() - start;
    }
    printf("{\"listed\":%zu}\n", count);
    report("list", 1, 0, latencies, 200);
    int64_t start = clock_mono_ns();
    cache_drop_idle(store, -1);
    if (!cache_warm(cluster, configmaps, &err))
        abort();
    printf("{\"what\":\"warm\",\"ms\":%.1f}\n", (double)(clock_mono_ns() - start) / 1e6);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: store_bench DIR [nosync]\n");
        return 2;
    }
    struct postgres_options options = {.dir = argv[1], .unsafe_fast = argc > 2};
    struct postgres *postgres = postgres_start(&options, &err);
    store = postgres
                ? store_open(&(struct store_options){.conninfo = postgres_conninfo(postgres)}, &err)
                : NULL;
    if (!store) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    configmaps = store_intern("configmaps");
    bench_writes("create", "create-1", STORE_CREATE, 1);
    bench_writes("create", "create-4", STORE_CREATE, 4);
    bench_writes("create", "create-16", STORE_CREATE, 16);
    bench_writes("create", "create-64", STORE_CREATE, 64);
    bench_writes("update", "update-1", STORE_UPDATE, 1);
    bench_writes("update", "update-16", STORE_UPDATE, 16);
    bench_list();
    bench_provision(300);
    store_close(store);
    postgres_stop(postgres);
    return 0;
}
