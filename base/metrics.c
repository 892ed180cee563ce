/* A family keeps its series in a hash by its label values. Registered families form a list in first-use order. */
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/strmap.h"

struct metric {
    char *labels; /* `a="b",c="d"`; "" without labels */
    const struct metric_family *family;
    _Atomic int64_t value;      /* counter, gauge; of a histogram its count */
    _Atomic double sum;         /* histogram */
    atomic_llong *bucket_counts; /* histogram, one a bucket, not cumulative */
    struct metric *next;
};

struct state {
    struct strmap series; /* labels -> metric */
    struct metric *first, *last;
    struct metric_family *family;
    struct state *next;
};

/* Guards every family's state and the list of families; series themselves are atomic. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct state *families, *families_last;

static void add_label_value(struct buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            buf_add_char(out, '\\');
        if (*value == '\n')
            buf_add_text(out, "\\n");
        else
            buf_add_char(out, *value);
    }
}

static size_t label_count(const struct metric_family *family)
{
    size_t count = 0;
    while (count < METRIC_LABELS_MAX && family->labels[count])
        count++;
    return count;
}

/* `values` NULL: the series that takes what no longer fits. */
static void format_labels(struct buf *out, const struct metric_family *family, const char *const *values)
{
    for (size_t i = 0; i < label_count(family); i++) {
        buf_printf(out, "%s%s=\"", i ? "," : "", family->labels[i]);
        add_label_value(out, values ? values[i] : "other");
        buf_add_char(out, '"');
    }
}

static struct state *state_of(struct metric_family *family)
{
    if (!family->state) {
        struct state *state = xcalloc(1, sizeof(*state));
        state->family = family;
        if (families_last)
            families_last->next = state;
        else
            families = state;
        families_last = state;
        family->state = state;
    }
    return family->state;
}

static struct metric *series_make(struct state *state, const char *labels)
{
    struct metric *metric = xcalloc(1, sizeof(*metric));
    metric->labels = xstrdup(labels);
    metric->family = state->family;
    if (state->family->bucket_count)
        metric->bucket_counts = xcalloc(state->family->bucket_count, sizeof(*metric->bucket_counts));
    strmap_put(&state->series, labels, metric);
    if (state->last)
        state->last->next = metric;
    else
        state->first = metric;
    state->last = metric;
    return metric;
}

static struct metric *series_add(struct metric_family *family, const char *labels)
{
    struct state *state = state_of(family);
    struct metric *metric = strmap_get(&state->series, labels);
    if (metric)
        return metric;
    if (state->series.count < METRIC_SERIES_MAX)
        return series_make(state, labels);
    CLEANUP(buf_free) struct buf other = BUF_TEXT;
    format_labels(&other, family, NULL);
    metric = strmap_get(&state->series, other.data);
    return metric ? metric : series_make(state, other.data);
}

struct metric *metric_series(struct metric_family *family, const char *const *values)
{
    CLEANUP(buf_free) struct buf labels = BUF_TEXT;
    buf_add(&labels, "", 0);
    format_labels(&labels, family, values);
    pthread_rwlock_rdlock(&lock);
    struct state *state = family->state;
    struct metric *metric = state ? strmap_get(&state->series, labels.data) : NULL;
    pthread_rwlock_unlock(&lock);
    if (metric)
        return metric;
    pthread_rwlock_wrlock(&lock);
    metric = series_add(family, labels.data);
    pthread_rwlock_unlock(&lock);
    return metric;
}

void metric_add(struct metric *metric, int64_t amount)
{
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void metric_observe(struct metric *metric, double value)
{
    const struct metric_family *family = metric->family;
    for (size_t i = 0; i < family->bucket_count; i++) {
        if (value <= family->buckets[i]) {
            atomic_fetch_add_explicit(&metric->bucket_counts[i], 1, memory_order_relaxed);
            break;
        }
    }
    double sum = atomic_load_explicit(&metric->sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&metric->sum, &sum, sum + value))
        ;
    metric_add(metric, 1);
}

static void render_line(struct buf *out, const struct metric *metric, const char *suffix, const char *extra)
{
    bool labelled = *metric->labels || *extra;
    buf_printf(out, "%s%s%s%s%s%s%s ", metric->family->name, suffix, labelled ? "{" : "", metric->labels,
               *metric->labels && *extra ? "," : "", extra, labelled ? "}" : "");
}

static void render_histogram(struct buf *out, struct metric *metric)
{
    const struct metric_family *family = metric->family;
    int64_t cumulative = 0;
    char bound[48];
    for (size_t i = 0; i < family->bucket_count; i++) {
        cumulative += atomic_load_explicit(&metric->bucket_counts[i], memory_order_relaxed);
        (void)snprintf(bound, sizeof(bound), "le=\"%g\"", family->buckets[i]);
        render_line(out, metric, "_bucket", bound);
        buf_printf(out, "%lld\n", (long long)cumulative);
    }
    long long count = atomic_load_explicit(&metric->value, memory_order_relaxed);
    render_line(out, metric, "_bucket", "le=\"+Inf\"");
    buf_printf(out, "%lld\n", count);
    render_line(out, metric, "_sum", "");
    buf_printf(out, "%.9g\n", atomic_load_explicit(&metric->sum, memory_order_relaxed));
    render_line(out, metric, "_count", "");
    buf_printf(out, "%lld\n", count);
}

static void render_family(struct buf *out, const struct state *state)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const struct metric_family *family = state->family;
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
               kinds[family->kind]);
    for (struct metric *metric = state->first; metric; metric = metric->next) {
        if (family->kind == METRIC_HISTOGRAM) {
            render_histogram(out, metric);
            continue;
        }
        render_line(out, metric, "", "");
        buf_printf(out, "%lld\n", (long long)atomic_load_explicit(&metric->value, memory_order_relaxed));
    }
}

void metrics_render(struct buf *out)
{
    pthread_rwlock_rdlock(&lock);
    for (const struct state *state = families; state; state = state->next)
        render_family(out, state);
    pthread_rwlock_unlock(&lock);
}
