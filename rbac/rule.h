/* rbac/rule.h: one PolicyRule, compiled: what it matches, what it covers, how it is told.
 * Source: Kubernetes component-helpers auth/rbac/validation. Immutable; any thread. */
#pragma once
#include "base/buf.h"
#include "base/arena.h"
#include "rbac/rbac.h"

/* Each a NULL-ended array, never NULL itself. */
struct rule {
    const char *const *verbs, *const *groups, *const *resources, *const *names, *const *urls;
};
struct rule_list {
    const struct rule *items;
    size_t count;
};

/* From a role's `rules` array; what is not a rule is left out. Everything lives in `arena`. */
struct rule_list rule_list_compile(struct arena *arena, const json_t *rules);
bool rule_allows(const struct rule *rule, const struct rbac_attributes *attributes);
bool rule_list_allows(const struct rule_list *rules, const struct rbac_attributes *attributes);
/* Does `rule` alone give everything that `wanted` gives? */
bool rule_covers(const struct rule *rule, const struct rule *wanted);
/* As it stands in a role, without empty members. New reference. */
json_t *rule_json(const struct rule *rule);
/* `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` */
void rule_describe(struct buf *out, const struct rule *rule);
/* `["a" "b"]`, as Go's %q writes a slice. */
void rule_quote_list(struct buf *out, const char *const *items);
/* `"a"`, as Go's %q writes a string. */
void rule_quote(struct buf *out, const char *text);
