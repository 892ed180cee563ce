/* Source: kube-controller-manager's validatingadmissionpolicystatus, and apiserver's
 * pkg/admission/plugin/policy/validating/typechecking.go. */
#include "controllers/policy.h"

#include <stdio.h>
#include <string.h>

#include "controllers/observe.h"
#include "schema/admission_cel.h"
#include "schema/cel_types.h"
#include "schema/meta.h"

#define POLICIES "validatingadmissionpolicies.admissionregistration.k8s.io"

/* ---- types ---- */

static bool is_plain(const json_t *list)
{
    const json_t *item;
    size_t i;
    json_array_foreach (list, i, item)
        if (!json_is_string(item) || strpbrk(json_string_value(item), "*/"))
            return false;
    return json_array_size(list) > 0;
}

static void add_type(struct policy_seen *seen, const struct resource *row)
{
    struct policy_type found = {.type = row && row->type ? cel_builtin_type(row->type) : NULL};
    size_t at = 0;
    if (!found.type || seen->type_count == POLICY_TYPES_MAX)
        return;
    (void)snprintf(found.gvk, sizeof(found.gvk), "%s, Kind=%s", row->api_version, row->kind);
    while (at < seen->type_count && strcmp(seen->types[at].gvk, found.gvk) < 0)
        at++;
    if (at < seen->type_count && strcmp(seen->types[at].gvk, found.gvk) == 0)
        return;
    memmove(&seen->types[at + 1], &seen->types[at], (seen->type_count - at) * sizeof(found));
    seen->types[at] = found;
    seen->type_count++;
}

/* Each combination that one rule names; none of a rule with a wildcard. */
static void add_rule(struct policy_seen *seen, const json_t *rule)
{
    const json_t *groups = json_object_get(rule, "apiGroups"),
                 *versions = json_object_get(rule, "apiVersions"),
                 *resources = json_object_get(rule, "resources"), *group, *version, *resource;
    const json_t *item;
    size_t i, k, n;
    json_array_foreach (groups, i, item)
        if (!json_is_string(item) || strcmp(json_string_value(item), "*") == 0)
            return;
    if (!is_plain(versions) || !is_plain(resources))
        return;
    json_array_foreach (groups, i, group)
        json_array_foreach (versions, k, version)
            json_array_foreach (resources, n, resource)
                add_type(seen, resource_find(str_of(json_string_value(group)),
                                             str_of(json_string_value(version)),
                                             str_of(json_string_value(resource))));
}

static const struct cel_type *params_type(const json_t *kind)
{
    const char *api_version = json_text(kind, "apiVersion"), *name = json_text(kind, "kind");
    struct str version = str_of(api_version ? api_version : ""), group = STR("");
    if (api_version && strchr(api_version, '/'))
        group = str_cut(&version, '/');
    const struct resource *row = resource_by_kind(group, version, str_of(name ? name : ""));
    return row && row->type ? cel_builtin_type(row->type) : NULL;
}

void policy_see(struct policy_seen *seen, const json_t *policy)
{
    const json_t *rule;
    size_t i;
    *seen = (struct policy_seen){.policy = policy};
    json_array_foreach (json_at(policy, "spec", "matchConstraints", "resourceRules"), i, rule)
        add_rule(seen, rule);
    seen->params = params_type(json_at(policy, "spec", "paramKind"));
}

/* ---- deciding ---- */

/* What is wrong with one expression, for each type; in `text`. */
static void add_problem(struct buf *text, const char *gvk,
                        const struct admission_expression *expression)
{
    static const char prefix[] = "compilation failed: ";
    const char *problem = expression->problem;
    if (!problem)
        return;
    if (text_starts(problem, prefix))
        problem += sizeof(prefix) - 1;
    buf_printf(text, "%s%s: %s\n", text->len ? "\n" : "", gvk, problem);
}

static void add_warning(json_t *warnings, const char *member, size_t index, struct buf *text)
{
    if (text->len)
        json_array_append_new(warnings,
                              json_pack("{s:o, s:s}", "fieldRef",
                                        json_sprintf("spec.validations[%zu].%s", index, member),
                                        "warning", text->data));
    buf_free(text);
}

static json_t *type_warnings(const struct policy_seen *seen)
{
    const json_t *spec = json_object_get(seen->policy, "spec");
    struct admission_programs *programs[POLICY_TYPES_MAX];
    json_t *warnings = json_array();
    for (size_t t = 0; t < seen->type_count; t++)
        programs[t] = admission_compile(spec, seen->types[t].type, seen->params);
    for (size_t i = 0; i < json_array_size(json_object_get(spec, "validations")); i++) {
        struct buf expression = BUF_TEXT, message = BUF_TEXT;
        for (size_t t = 0; t < seen->type_count && i < programs[t]->validations.count; t++) {
            add_problem(&expression, seen->types[t].gvk, &programs[t]->validations.items[i]);
            add_problem(&message, seen->types[t].gvk, &programs[t]->messages.items[i]);
        }
        add_warning(warnings, "expression", i, &expression);
        add_warning(warnings, "messageExpression", i, &message);
    }
    for (size_t t = 0; t < seen->type_count; t++)
        admission_programs_free(programs[t]);
    return warnings;
}

void policy_decide(const struct policy_seen *seen, struct plan *plan)
{
    int64_t generation = json_int_or(json_at(seen->policy, "metadata", "generation"), 0);
    const json_t *status = json_object_get(seen->policy, "status");
    if (json_int_or(json_object_get(status, "observedGeneration"), 0) >= generation)
        return;
    json_t *checked = json_object(), *warnings = type_warnings(seen);
    if (json_array_size(warnings) > 0)
        json_object_set(checked, "expressionWarnings", warnings);
    json_decref(warnings);
    json_t *now = json_is_object(status) ? json_deep_copy(status) : json_object();
    json_object_set_new(now, "observedGeneration", json_integer(generation));
    json_object_set_new(now, "typeChecking", checked);
    plan_status(plan, POLICIES, seen->policy, now)->flags |= PLAN_ABSENT_OK;
}

static enum reconcile_result reconcile_policy(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    json_auto_t *policy = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    struct policy_seen seen;
    (void)arg, (void)again_ms;
    if (!observe_get(reconcile->cluster, POLICIES, "", reconcile->name, &policy, err))
        return RECONCILE_RETRY;
    if (!policy || meta_deleting(policy))
        return RECONCILE_DONE;
    policy_see(&seen, policy);
    policy_decide(&seen, &plan);
    return plan_apply(&reconcile->caller, &plan, NULL, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

static const struct controller_source sources[] = {{POLICIES, NULL}, {NULL, NULL}};

const struct controller policy_controller = {
    .name = "validatingadmissionpolicy-status-controller",
    .sources = sources,
    .reconcile = reconcile_policy,
};
