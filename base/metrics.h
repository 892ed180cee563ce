/* base/metrics.h: counters, gauges and histograms, printed in Prometheus' text format.
 *
 * A family is declared once, as a static struct; a series is made on first use, in the process's
 * own set or in one that somebody keeps. At most so many series a family and so many lines a set:
 * further label sets are counted in one series labelled "other". Label values never name a tenant's
 * objects, but in families of METRIC_OWN. Any thread; updates are atomic. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define METRIC_SERIES_MAX 200  /* of the process's own set, a family */
#define METRIC_LINES_MAX  1750 /* of a set; what is "other" comes on top */
#define METRIC_LABELS_MAX 10

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_REAL /* a gauge, too */,
    METRIC_SECONDS /* a counter, set */,
    METRIC_HISTOGRAM
};

struct metric_family {
    const char *name, *help;
    enum metric_kind kind;
    const char *labels[METRIC_LABELS_MAX]; /* names, NULL-ended when fewer */
    const double *buckets;                 /* upper bounds, ascending, for histograms */
    size_t bucket_count;
    size_t series_max; /* if that is less than the set's; 0: it is not */
    bool own;          /* counted in its set alone, not above: labels are the set's owner's words */
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
void metric_add(struct metric *metric, int64_t amount);      /* counter, gauge */
void metric_observe(struct metric *metric, double value);    /* histogram; seconds, bytes */
void metric_set_value(struct metric *metric, int64_t value); /* gauge, of this set alone */
void metric_set_real(struct metric *metric, double value);   /* real, of this set alone */

/* Calls collect(arg) before each render of the process's own set: for gauges that are found out
 * only then. `collect` NULL: not any more; it is not running then. */
void metrics_collect(void (*collect)(void *arg), void *arg);
/* Appends every family that was used, with HELP and TYPE. */
void metrics_render(struct buf *out);
