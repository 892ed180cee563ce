/* controllers/observe.h: reading a cluster for a decision: from the cache, as trees that the caller
 * owns.
 *
 * Objects are chosen by what the cache has indexed (labels) or by a search of their bytes (an
 * owner's uid), so that only those that matter are parsed. Blocking at a resource's first use. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "schema/selector.h"
#include "store/cache.h"

struct json_list {
    json_t **items; /* by namespace and name; each owned */
    size_t count, capacity;
};
void json_list_free(struct json_list *list);
/* Takes `item`. */
void json_list_add(struct json_list *list, json_t *item);

struct observe_query {
    const char *resource;
    const char *ns;                  /* NULL: all namespaces */
    const struct selector *selector; /* NULL: no condition */
    const char *
        owner_uid; /* objects that name this uid are kept too, whatever their labels; may be NULL */
    const char *text; /* only objects that have this somewhere in their JSON; NULL: no condition */
    const char *field, *value; /* an indexed field that must have this value; NULL: no condition */
};
MUST_CHECK bool observe_list(struct cluster *cluster, const struct observe_query *query,
                             struct json_list *out, struct error *err);
/* True with *out NULL when there is none. */
MUST_CHECK bool observe_get(struct cluster *cluster, const char *resource, const char *ns,
                            const char *name, json_t **out, struct error *err);
/* Whether the two mean the same to the API: an absent member equals null, "", 0, false, [] and {}.
 */
bool semantic_equal(const json_t *a, const json_t *b);
