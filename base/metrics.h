/* base/metrics.h: counters, gauges and histograms, printed in Prometheus' text format.
 *
 * A family is declared once, as a static struct; a series is made on first use, in the process's
 * own set or in one that somebody keeps. At most so many series a family and set: further label
 * sets are counted in one series labelled "other". Label values never name a tenant's objects. Any
 * thread; updates are atomic. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define METRIC_SERIES_MAX 200 /* of the process's own set */
#define METRIC_LABELS_MAX 10

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_family {
    const char *name, *help;
    enum metric_kind kind;
    const char *labels[METRIC_LABELS_MAX]; /* names, NULL-ended when fewer */
    const double *buckets;                 /* upper bounds, ascending, for histograms */
    size_t bucket_count;
};

struct metric; /* one series; lives as long as its set: that of the process for ever */

/* The series of `family` with these label values (as many as the family has labels). Never NULL. */
struct metric *metric_series(const struct metric_family *family, const char *const *values);
#define metric_with(family, ...) metric_series((family), (const char *const[]){__VA_ARGS__})

struct metric_set;
struct metric_set *metrics_process(void); /* the process's own */
/* What is counted in it is counted in `above`, too, which outlives it (NULL: nowhere else). */
struct metric_set *metric_set_new(size_t series_max, struct metric_set *above);
void metric_set_free(struct metric_set *set);
/* As metric_series(), of this set. */
struct metric *metric_set_series(struct metric_set *set, const struct metric_family *family,
                                 const char *const *values);
/* As metrics_render(), of this set. */
void metric_set_render(struct metric_set *set, struct buf *out);
void metric_add(struct metric *metric, int64_t amount);   /* counter, gauge */
void metric_observe(struct metric *metric, double value); /* histogram; seconds, bytes */
/* Appends every family that was used, with HELP and TYPE. */
void metrics_render(struct buf *out);
