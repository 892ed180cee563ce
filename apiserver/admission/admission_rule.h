/* apiserver/admission/admission_rule.h: which requests a webhook or a policy is for: operations,
 * resources and selectors. Compiled once from a configuration, which must outlive it; any thread.
 * Source: apiserver pkg/admission/plugin/webhook/{rules,predicates}. */
#pragma once
#include "apiserver/admission/asked.h"
#include "schema/selector.h"

enum rule_scope { RULE_ANYWHERE, RULE_CLUSTER, RULE_NAMESPACED };

struct admission_rule {
    unsigned operations; /* enum asked_operation */
    enum rule_scope scope;
    const json_t *groups, *versions, *resources, *names; /* borrowed arrays; names may be NULL */
};

/* matchConstraints and matchResources, or what a webhook says in their place. */
struct admission_match {
    struct admission_rule *rules, *excluded;
    size_t rule_count, excluded_count;
    struct selector *namespaces, *objects; /* NULL: everything */
    bool exact;                            /* matchPolicy */
};

/* `holder` has namespaceSelector, objectSelector, matchPolicy; its rules stand under `rules_key`.
 */
void admission_match_init(struct admission_match *match, const json_t *holder,
                          const char *rules_key);
void admission_match_deinit(struct admission_match *match);

enum match_result { MATCH_NO, MATCH_YES, MATCH_BLOCK /* caches are cold */, MATCH_FAIL };
/* On MATCH_YES `*row` is the resource by which it matched: the request's own, or one equivalent to
 * it. MATCH_FAIL sets request->error. Without rules everything matches when `open`. */
enum match_result admission_match(const struct admission_match *match, const struct asked *asked,
                                  bool open, const struct resource **row);
