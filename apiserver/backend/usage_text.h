/* apiserver/backend/usage_text.h: what a node said its Pods use: /metrics/resource in Prometheus'
 * text form, as points to look up. Pure. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

#define USAGE_ROWS_MAX ((size_t)32 << 10) /* containers of one node; more are left out */

/* Counters as of one instant. */
struct usage_point {
    int64_t cpu_ns, memory_bytes;
    int64_t start_us; /* of the container; 0: not said */
    int64_t at_us;    /* of the CPU counter */
};

struct usage_row {
    char *key; /* "namespace/pod/container"; owned */
    struct usage_point point;
};

struct usage_scrape { /* frozen, referenced */
    atomic_uint refs;
    struct usage_row *rows; /* by key; each has CPU and memory */
    size_t count;
    struct usage_point node;
    bool has_node;
};

/* Lines that are none, and families that are not asked for, are passed over. `now_us`: of samples
 * that say no time. With one reference. */
struct usage_scrape *usage_parse(struct str text, int64_t now_us);
struct usage_scrape *usage_scrape_ref(struct usage_scrape *scrape);
void usage_scrape_unref(struct usage_scrape *scrape); /* NULL is none */

/* Where the first row stands whose key is not before `key`. */
size_t usage_find(const struct usage_scrape *scrape, const char *key);

/* What was used between two points. */
struct usage_rate {
    int64_t cpu_nano; /* billionths of a CPU */
    int64_t memory_bytes;
    int64_t at_us, window_us; /* until when, and for how long before */
};
/* `before` NULL: it was not there then. False when the two tell nothing: another container, no
 * time between them, or one that began a moment ago. */
MUST_CHECK bool usage_between(const struct usage_point *before, const struct usage_point *now,
                              struct usage_rate *out);
