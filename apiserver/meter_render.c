/* What /metrics shows: what was counted, and what is found out only now. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "apiserver/api_internal.h"
#include "apiserver/meter.h"
#include "apiserver/version.h"
#include "base/clock.h"
#include "base/metrics.h"

static const struct metric_family build = {
    .name = "kubernetes_build_info",
    .help = "[ALPHA] A constant 1, with the version that is served.",
    .kind = METRIC_GAUGE,
    .labels = {"git_version", "major", "minor"},
};
static const struct metric_family stored = {
    .name = "apiserver_storage_objects",
    .help = "[STABLE] Number of stored objects at the time of last check, by resource.",
    .kind = METRIC_GAUGE,
    .labels = {"resource"},
};
static const struct metric_family store_size = {
    .name = "apiserver_storage_size_bytes",
    .help = "[STABLE] Size of the database that the server keeps everything in.",
    .kind = METRIC_GAUGE,
    .labels = {"storage_cluster_id"},
};
static const struct metric_family under_way = {
    .name = "apiserver_current_inflight_requests",
    .help = "[STABLE] Requests under way now, by kind.",
    .kind = METRIC_GAUGE,
    .labels = {"request_kind"},
};
static const struct metric_family long_running = {
    .name = "apiserver_longrunning_requests",
    .help = "[STABLE] Watches that are being served, by what they watch.",
    .kind = METRIC_GAUGE,
    .labels = {METER_TARGET},
    .series_max = 60,
};

#define PROCESS_GAUGE(variable, family, what)                                                      \
    static const struct metric_family variable = {                                                 \
        .name = "process_" family, .help = what, .kind = METRIC_REAL}
PROCESS_GAUGE(memory, "resident_memory_bytes", "Resident memory size in bytes.");
PROCESS_GAUGE(virtual_memory, "virtual_memory_bytes", "Virtual memory size in bytes.");
PROCESS_GAUGE(open_files, "open_fds", "Number of open file descriptors.");
PROCESS_GAUGE(files_max, "max_fds", "Maximum number of open file descriptors.");
PROCESS_GAUGE(started, "start_time_seconds", "Start time of the process since the epoch.");
static const struct metric_family processor = {.name = "process_cpu_seconds_total",
                                               .help = "Processor time spent, in seconds.",
                                               .kind = METRIC_SECONDS};

/* ---- the process ---- */

static void real(struct metric_set *set, const struct metric_family *family, double value)
{
    metric_set_real(metric_set_series(set, family, NULL), value);
}

static double count_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double count = -3; /* "." and ".." and the directory itself */
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return dir ? count : 0;
}

static double timeval_s(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

/* In ticks since the machine started, the 22nd word of /proc/self/stat; the second may have
 * anything in it but its closing parenthesis' successor. */
static double start_s(void)
{
    char text[1024], *end;
    unsigned long long ticks = 0;
    struct timespec up, now;
    FILE *file = fopen("/proc/self/stat", "re");
    size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        (void)fclose(file); /* it was read */
    text[len] = '\0';
    if (!(end = strrchr(text, ')')) ||
        sscanf(end + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
               "%*d %llu",
               &ticks) != 1)
        return 0;
    clock_gettime(CLOCK_BOOTTIME, &up);
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)(now.tv_sec - up.tv_sec) + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void add_memory(struct metric_set *set)
{
    unsigned long long pages = 0, resident = 0;
    double page = (double)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu %llu", &pages, &resident) == 2) {
        real(set, &virtual_memory, (double)pages * page);
        real(set, &memory, (double)resident * page);
    }
    if (file)
        (void)fclose(file); /* it was read */
}

static void add_process(struct metric_set *set)
{
    struct rusage usage;
    struct rlimit files;
    add_memory(set);
    real(set, &open_files, count_files());
    real(set, &started, start_s());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        real(set, &files_max, (double)files.rlim_cur);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        real(set, &processor, timeval_s(&usage.ru_utime) + timeval_s(&usage.ru_stime));
}

/* ---- the requests under way ---- */

struct gathering {
    struct metric_set *set;
    const struct cluster *cluster;
    bool all; /* those of every cluster: for the host */
    unsigned reads, writes;
};

static void add_stream(void *arg, const struct request *request)
{
    const struct gathering *gathering = arg;
    const char *target[METER_TARGET_LABELS];
    if (!gathering->all && request->cluster != gathering->cluster)
        return;
    meter_target(request, target);
    metric_add(metric_set_series(gathering->set, &long_running, target), 1);
}

static void add_under_way(struct gathering *gathering, struct cluster *cluster)
{
    struct cluster_part *part = cluster_part_peek(cluster, CLUSTER_PART_API);
    if (part)
        flow_count(part, &gathering->reads, &gathering->writes);
    cluster_part_unref(part);
}

static void add_all_under_way(struct gathering *gathering, struct store *store)
{
    size_t count;
    struct cluster **clusters = store_clusters(store, &count);
    for (size_t i = 0; i < count; i++) {
        add_under_way(gathering, clusters[i]);
        cluster_unref(clusters[i]);
    }
    free(clusters);
}

static void add_requests(const struct request *request, struct metric_set *set, bool host)
{
    struct gathering gathering = {.set = set, .cluster = request->cluster, .all = host};
    static const char *const reads = "readOnly", *const writes = "mutating";
    streams_each(&request->api->streams, add_stream, &gathering);
    if (host)
        add_all_under_way(&gathering, request->api->store);
    else
        add_under_way(&gathering, request->cluster);
    metric_set_value(metric_set_series(set, &under_way, &reads), gathering.reads);
    metric_set_value(metric_set_series(set, &under_way, &writes), gathering.writes);
}

/* ---- the store ---- */

static void add_stored(void *arg, const char *resource, int64_t number)
{
    metric_add(metric_set_series(arg, &stored, &resource), number);
}

static bool add_store_size(const struct request *request, struct metric_set *set, struct error *err)
{
    static const char *const id = "postgresql";
    int64_t bytes;
    if (!store_size_bytes(request->api->store, &bytes, err))
        return false;
    metric_set_value(metric_set_series(set, &store_size, &id), bytes);
    return true;
}

/* ---- all of it ---- */

static bool gather(struct request *request, struct metric_set *set, bool host)
{
    struct error *err = &request->error;
    metric_set_value(metric_set_series(set, &build,
                                       (const char *const[]){KUBERNETES_LEVEL, KUBERNETES_MAJOR,
                                                             KUBERNETES_MINOR}),
                     1);
    add_requests(request, set, host);
    if (host)
        add_process(set);
    return store_object_counts(request->cluster, add_stored, set, err) &&
           (!host || add_store_size(request, set, err));
}

bool meter_render(struct request *request, struct buf *out)
{
    struct metric_set *now = metric_set_new(METRIC_SERIES_MAX, NULL);
    bool host = request->cluster->id == CLUSTER_HOST_ID, ok = gather(request, now, host);
    if (ok && host)
        metrics_render(out);
    if (ok && !host) {
        struct cluster_part *part = flow_part_get(request->cluster);
        metric_set_render(flow_meter(part), out);
        cluster_part_unref(part);
    }
    if (ok)
        metric_set_render(now, out);
    metric_set_free(now);
    return ok;
}
