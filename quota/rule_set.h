/* quota/rule_set.h: a cluster's ResourceQuotas in memory: the QUOTA part. Only for this folder.
 *
 * A quota's counters live in the store under a scope that has its uid in it, with a row "@" that
 * says which set of resources and scopes they were counted for. A quota is `ready` once that row is
 * known to fit; until then writes that it speaks of are COLD, so that nothing slips past a quota
 * that nobody has counted yet. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "base/strmap.h"
#include "quota/plan.h"
#include "store/cache.h"

#define QUOTA_RESOURCE "resourcequotas"
#define QUOTA_MARK     "@"

struct quota_rule { /* frozen but for `ready` */
    atomic_uint refs;
    atomic_bool ready;
    int64_t revision; /* of the ResourceQuota */
    int64_t mark;     /* what the "@" row must hold */
    char *name, *scope;
    struct amounts hard;
    json_t *value; /* the ResourceQuota */
};
void quota_rule_unref(struct quota_rule *rule);
void quota_rule_unref_ptr(struct quota_rule **rule); /* for CLEANUP */

struct quota_part {
    struct cluster_part part;
    pthread_mutex_t lock;
    /* Guarded by lock. */
    struct strmap rules;  /* "NS/NAME": struct quota_rule */
    struct plan *plan;    /* NULL: none */
    int64_t plan_mono_ns; /* when it was loaded; 0: it is not */
};
struct quota_part *quota_part_get(struct cluster *cluster); /* referenced; never blocks */
void quota_part_unref_ptr(struct quota_part **part);        /* for CLEANUP */
/* The rule of a cached ResourceQuota, made when it is new or changed. Referenced. */
struct quota_rule *quota_part_rule(struct quota_part *part, const struct object *quota);
/* A rule by itself, for counting. */
struct quota_rule *quota_rule_new(const json_t *quota);
/* Makes one rule ready: reads its mark, and counts when it does not fit. Blocking. */
MUST_CHECK bool quota_rule_settle(struct cluster *cluster, struct quota_rule *rule,
                                  struct error *err);
