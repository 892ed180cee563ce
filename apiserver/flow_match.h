/* apiserver/flow_match.h: which FlowSchema a request falls under, and the priority level that this
 * one names. Answers carry the uids of both; how much may be under way is decided by cluster alone
 * (flow.c).
 *
 * A cluster's table is kept with it, made on first use and again when one of these objects changes.
 * Immutable, counted. Source: apiserver pkg/util/flowcontrol (rule.go, apf_controller.go) and
 * pkg/server/filters/priority-and-fairness.go. */
#pragma once
#include "apiserver/request.h"

struct flow_table;
void flow_table_unref(struct flow_table *table);

struct flow_slot; /* in the cluster's part */
struct flow_slot *flow_slot_new(void);
void flow_slot_free(struct flow_slot *slot);

/* An object of this resource (a storage key) changed. Any thread. */
void flow_changed(struct cluster *cluster, const char *resource);
/* Sets request->flow_matched, or leaves it NULL: for what runs long, for health probes of a cluster
 * whose table is not at hand, and when the table cannot be had. STEP_NEXT or STEP_BLOCK. */
enum step_result flow_classify(struct request *request);

struct flow_match { /* borrowed from its table */
    const char *schema_uid, *level_uid;
    const char *schema_name, *level_name;
};
