/* A set keeps the series of each family in a hash by their label values as they are given, and its
 * families, of which there are few, in a list in first-use order, most of them at hand besides.
 * Labels are laid out once, when a series is made: looking one up costs a copy of its values and
 * their hash. */
#include "base/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/strmap.h"

#define KEY_SIZE 1024 /* of label values together; above that they are "other" */
#define AT_HAND  32

struct metric {
    char *labels; /* `a="b",c="d"`; "" without labels */
    const struct metric_family *family;
    struct metric *above;        /* counts what this one counts, too; NULL: none */
    _Atomic int64_t value;       /* counter, gauge; of a histogram its count */
    _Atomic double sum;          /* histogram; of a real its value */
    atomic_llong *bucket_counts; /* histogram, one a bucket, not cumulative */
    struct metric *next;
};

struct state {
    struct strmap series; /* label values (add_key) -> metric */
    struct metric *first, *last;
    const struct metric_family *family;
    struct state *next;
};

struct metric_set {
    size_t series_max;
    struct metric_set *above; /* NULL: none */
    pthread_rwlock_t lock;    /* guards the rest, taken before that of `above`; series are atomic */
    struct state *families, *last;
    struct state *at_hand[AT_HAND]; /* by the family's address; the last to come of a place */
    size_t lines;                   /* that its series take */
};

static struct metric_set process = {.series_max = METRIC_SERIES_MAX,
                                    .lock = PTHREAD_RWLOCK_INITIALIZER};

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
static void format_labels(struct buf *out, const struct metric_family *family,
                          const char *const *values)
{
    for (size_t i = 0; i < label_count(family); i++) {
        buf_printf(out, "%s%s=\"", i ? "," : "", family->labels[i]);
        add_label_value(out, values ? values[i] : "other");
        buf_add_char(out, '"');
    }
}

/* Families are static structs of more than 64 bytes. */
static size_t place_of(const struct metric_family *family)
{
    return ((uintptr_t)family / 64) % AT_HAND;
}

static struct state *state_find(const struct metric_set *set, const struct metric_family *family)
{
    struct state *state = set->at_hand[place_of(family)];
    if (state && state->family == family)
        return state;
    state = set->families;
    while (state && state->family != family)
        state = state->next;
    return state;
}

static struct state *state_of(struct metric_set *set, const struct metric_family *family)
{
    struct state *state = state_find(set, family);
    if (state)
        return state;
    state = xcalloc(1, sizeof(*state));
    state->family = family;
    set->at_hand[place_of(family)] = state;
    if (set->last)
        set->last->next = state;
    else
        set->families = state;
    return set->last = state;
}

/* The values, one after the other, each behind a byte that is in no UTF-8; NULL and what is too
 * long for a key: the series that takes what no longer fits, whose key is empty as is that of a
 * family without labels. */
static bool make_key(char key[KEY_SIZE], const struct metric_family *family,
                     const char *const *values)
{
    char *at = key, *end = key + KEY_SIZE - 1;
    for (size_t i = 0; values && i < label_count(family); i++) {
        size_t len = strlen(values[i]);
        if (len >= (size_t)(end - at)) {
            *key = '\0';
            return false;
        }
        *at++ = '\xff';
        memcpy(at, values[i], len);
        at += len;
    }
    *at = '\0';
    return values != NULL;
}

static size_t lines_of(const struct metric_family *family)
{
    return family->kind == METRIC_HISTOGRAM ? family->bucket_count + 3 : 1;
}

/* Whether there may be one more of the family. The first may be always, and what has no labels is
 * one series anyway. */
static bool has_room(const struct metric_set *set, const struct state *state)
{
    const struct metric_family *family = state->family;
    size_t most = family->series_max && family->series_max < set->series_max ? family->series_max
                                                                             : set->series_max;
    return !family->labels[0] || !state->series.count ||
           (state->series.count < most && set->lines + lines_of(family) <= METRIC_LINES_MAX);
}

static struct metric *series_make(struct state *state, const char *key, const char *const *values)
{
    struct buf labels = BUF_TEXT;
    struct metric *metric = xcalloc(1, sizeof(*metric));
    format_labels(&labels, state->family, values);
    metric->labels = labels.data ? labels.data : xstrdup("");
    metric->family = state->family;
    if (state->family->bucket_count)
        metric->bucket_counts =
            xcalloc(state->family->bucket_count, sizeof(*metric->bucket_counts));
    strmap_put(&state->series, key, metric);
    if (state->last)
        state->last->next = metric;
    else
        state->first = metric;
    return state->last = metric;
}

static struct metric *series_add(struct metric_set *set, const struct metric_family *family,
                                 const char *const *values)
{
    char key[KEY_SIZE];
    bool fits = make_key(key, family, values);
    pthread_rwlock_wrlock(&set->lock);
    struct state *state = state_of(set, family);
    struct metric *metric = strmap_get(&state->series, key);
    if (!metric && (!fits || has_room(set, state))) {
        metric = series_make(state, key, fits ? values : NULL);
        set->lines += lines_of(family);
        if (set->above && !family->own)
            metric->above = series_add(set->above, family, fits ? values : NULL);
    }
    pthread_rwlock_unlock(&set->lock);
    return metric ? metric : series_add(set, family, NULL);
}

struct metric *metric_set_series(struct metric_set *set, const struct metric_family *family,
                                 const char *const *values)
{
    char key[KEY_SIZE];
    (void)make_key(key, family, values); /* either way it is the key of one series */
    pthread_rwlock_rdlock(&set->lock);
    const struct state *state = state_find(set, family);
    struct metric *metric = state ? strmap_get(&state->series, key) : NULL;
    pthread_rwlock_unlock(&set->lock);
    return metric ? metric : series_add(set, family, values);
}

struct metric_set *metrics_process(void)
{
    return &process;
}

struct metric *metric_series(const struct metric_family *family, const char *const *values)
{
    return metric_set_series(&process, family, values);
}

struct metric_set *metric_set_new(size_t series_max, struct metric_set *above)
{
    struct metric_set *set = xcalloc(1, sizeof(*set));
    set->above = above;
    set->series_max = series_max;
    pthread_rwlock_init(&set->lock, NULL);
    return set;
}

static void free_state(struct state *state)
{
    for (struct metric *metric = state->first, *next; metric; metric = next) {
        next = metric->next;
        free(metric->labels);
        free(metric->bucket_counts);
        free(metric);
    }
    strmap_clear(&state->series);
    free(state);
}

void metric_set_free(struct metric_set *set)
{
    if (!set)
        return;
    for (struct state *state = set->families, *next; state; state = next) {
        next = state->next;
        free_state(state);
    }
    pthread_rwlock_destroy(&set->lock);
    free(set);
}

void metric_add(struct metric *metric, int64_t amount)
{
    for (; metric; metric = metric->above)
        atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void metric_set_value(struct metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void metric_set_real(struct metric *metric, double value)
{
    atomic_store_explicit(&metric->sum, value, memory_order_relaxed);
}

/* In `bucket`, which is bucket_count for what is above all bounds. */
static void observe(struct metric *metric, size_t bucket, double value)
{
    double sum = atomic_load_explicit(&metric->sum, memory_order_relaxed);
    if (bucket < metric->family->bucket_count)
        atomic_fetch_add_explicit(&metric->bucket_counts[bucket], 1, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&metric->sum, &sum, sum + value,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    atomic_fetch_add_explicit(&metric->value, 1, memory_order_relaxed);
}

void metric_observe(struct metric *metric, double value)
{
    const struct metric_family *family = metric->family;
    size_t bucket = 0;
    while (bucket < family->bucket_count && value > family->buckets[bucket])
        bucket++;
    for (; metric; metric = metric->above)
        observe(metric, bucket, value);
}

static void render_line(struct buf *out, const struct metric *metric, const char *suffix,
                        const char *extra)
{
    bool labelled = *metric->labels || *extra;
    buf_printf(out, "%s%s%s%s%s%s%s ", metric->family->name, suffix, labelled ? "{" : "",
               metric->labels, *metric->labels && *extra ? "," : "", extra, labelled ? "}" : "");
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
    static const char *const kinds[] = {[METRIC_COUNTER] = "counter",
                                        [METRIC_GAUGE] = "gauge",
                                        [METRIC_REAL] = "gauge",
                                        [METRIC_SECONDS] = "counter",
                                        [METRIC_HISTOGRAM] = "histogram"};
    const struct metric_family *family = state->family;
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
               kinds[family->kind]);
    for (struct metric *metric = state->first; metric; metric = metric->next) {
        if (family->kind == METRIC_HISTOGRAM) {
            render_histogram(out, metric);
            continue;
        }
        render_line(out, metric, "", "");
        if (family->kind == METRIC_REAL || family->kind == METRIC_SECONDS)
            buf_printf(out, "%.12g\n", atomic_load_explicit(&metric->sum, memory_order_relaxed));
        else
            buf_printf(out, "%lld\n",
                       (long long)atomic_load_explicit(&metric->value, memory_order_relaxed));
    }
}

void metric_set_render(struct metric_set *set, struct buf *out)
{
    pthread_rwlock_rdlock(&set->lock);
    for (const struct state *state = set->families; state; state = state->next)
        render_family(out, state);
    pthread_rwlock_unlock(&set->lock);
}

/* ---- what is found out only when it is asked for ---- */

#define COLLECTORS_MAX 8

static struct {
    pthread_mutex_t lock; /* held while they run; guards the rest */
    struct {
        void (*collect)(void *arg);
        void *arg;
    } items[COLLECTORS_MAX];
    size_t count;
} collectors = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void forget_collector(const void *arg)
{
    for (size_t i = 0; i < collectors.count; i++)
        if (collectors.items[i].arg == arg) {
            collectors.items[i] = collectors.items[--collectors.count];
            return;
        }
}

void metrics_collect(void (*collect)(void *arg), void *arg)
{
    pthread_mutex_lock(&collectors.lock);
    assert(!collect || collectors.count < COLLECTORS_MAX);
    if (collect) {
        collectors.items[collectors.count].collect = collect;
        collectors.items[collectors.count++].arg = arg;
    } else {
        forget_collector(arg);
    }
    pthread_mutex_unlock(&collectors.lock);
}

void metrics_render(struct buf *out)
{
    pthread_mutex_lock(&collectors.lock);
    for (size_t i = 0; i < collectors.count; i++)
        collectors.items[i].collect(collectors.items[i].arg);
    pthread_mutex_unlock(&collectors.lock);
    metric_set_render(&process, out);
}
