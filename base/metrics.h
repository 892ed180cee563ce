/* base/metrics.h: counters, gauges and histograms, printed in Prometheus' text format.
 *
 * A family is declared once (a static struct registered by metric_register); a series is made on first use.
 * At most METRIC_SERIES_MAX series a family: further label sets are counted in one series labelled "other".
 * Label values never name a tenant's objects. Any thread; updates are atomic. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define METRIC_SERIES_MAX 200
#define METRIC_LABELS_MAX 6

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_family {
    const char *name, *help;
    enum metric_kind kind;
    const char *labels[METRIC_LABELS_MAX]; /* names, NULL-ended when fewer */
    const double *buckets;                 /* upper bounds, ascending, for histograms */
    size_t bucket_count;
    void *state; /* metrics.c's; starts NULL */
};

struct metric; /* one series; lives as long as the process */

/* The series of `family` with these label values (as many as the family has labels). Never NULL. */
struct metric *metric_series(struct metric_family *family, const char *const *values);
#define metric_with(family, ...) metric_series((family), (const char *const[]){__VA_ARGS__})
void metric_add(struct metric *metric, int64_t amount);   /* counter, gauge */
void metric_set(struct metric *metric, int64_t value);    /* gauge */
void metric_observe(struct metric *metric, double value); /* histogram; seconds, bytes */
/* Appends every family that was used, with HELP and TYPE. */
void metrics_render(struct buf *out);
