/* controllers/namespace.h: ending a namespace: its content, then its finalizer.
 * Source: upstream pkg/controller/namespace (and its ordered deletion: Pods go before what protects
 * others from them). */
#pragma once
#include "controllers/kinds.h"
#include "controllers/observe.h"
#include "controllers/plan.h"

#define NAMESPACE_DELETES_MAX 500 /* objects deleted in one look */

struct namespace_content {
    const struct stored_kind *kind;
    struct json_list objects; /* only their metadata is read */
};

struct namespace_seen {
    const json_t *namespace;                 /* being deleted */
    const struct namespace_content *content; /* of every namespaced kind; empty ones too */
    size_t content_count;
    int64_t now_us;
};

/* Pure. Deletes what is not being deleted yet, writes phase and conditions, and finalizes when
 * nothing is left. */
void namespace_decide(const struct namespace_seen *seen, struct plan *plan);

struct controller;
extern const struct controller namespace_controller;
