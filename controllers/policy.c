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

static const struct cel_type *type_of(const struct resource *row)
{
    if (!row || !row->type)
        return NULL;
    return row->type->custom ? crd_cel_type(row) : cel_builtin_type(row->type);
}

static void add_type(struct policy_seen *seen, const struct resource *row)
{
    struct policy_type found = {.type = type_of(row)};
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

/* ---- custom types ---- */

/* What a rule or paramKind names: by plural or by kind. */
struct wanted {
    const char *group, *version, *plural, *kind; /* NULL: any */
};

static bool defines(const json_t *definition, const struct wanted *wanted)
{
    const json_t *spec = json_object_get(definition, "spec");
    return text_eq(json_text(spec, "group"), wanted->group) &&
           (!wanted->plural || text_eq(json_text(spec, "names", "plural"), wanted->plural)) &&
           (!wanted->kind || text_eq(json_text(spec, "names", "kind"), wanted->kind));
}

/* Compiled once for all versions that are asked for. */
static const struct crd *crd_of(struct policy_seen *seen, const json_t *definition)
{
    for (size_t i = 0; i < seen->crd_count; i++)
        if (strcmp(seen->crds[i]->name, meta_name(definition)) == 0)
            return seen->crds[i];
    if (seen->crd_count == ARRAY_LEN(seen->crds))
        return NULL;
    const struct crd *crd = crd_new(definition);
    if (crd)
        seen->crds[seen->crd_count++] = crd;
    return crd;
}

static const struct resource *find_custom(struct policy_seen *seen, const struct wanted *wanted,
                                          const struct json_list *definitions)
{
    for (size_t i = 0; i < definitions->count; i++) {
        const struct crd *crd =
            defines(definitions->items[i], wanted) ? crd_of(seen, definitions->items[i]) : NULL;
        for (size_t k = 0; crd && k < crd->row_count; k++)
            if (strcmp(crd->rows[k]->version, wanted->version) == 0)
                return crd->rows[k];
    }
    return NULL;
}

/* ---- what a policy names ---- */

/* A group that is built in has none of its resources defined by a CustomResourceDefinition. */
static bool is_custom_group(const char *group)
{
    size_t count;
    const struct group_version *all = group_version_all(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].group, group) == 0)
            return false;
    return strcmp(group, "*") != 0;
}

static const struct resource *find_row(struct policy_seen *seen, const struct wanted *wanted,
                                       const struct json_list *definitions)
{
    if (is_custom_group(wanted->group))
        return find_custom(seen, wanted, definitions);
    return wanted->plural ? resource_find(str_of(wanted->group), str_of(wanted->version),
                                          str_of(wanted->plural))
                          : resource_by_kind(str_of(wanted->group), str_of(wanted->version),
                                             str_of(wanted->kind));
}

/* Each combination that one rule names; none of a rule with a wildcard. */
static void add_rule(struct policy_seen *seen, const json_t *rule,
                     const struct json_list *definitions)
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
            json_array_foreach (resources, n, resource) {
                const struct wanted wanted = {.group = json_string_value(group),
                                              .version = json_string_value(version),
                                              .plural = json_string_value(resource)};
                if (seen->type_count < POLICY_TYPES_MAX)
                    add_type(seen, find_row(seen, &wanted, definitions));
            }
}

/* The group of paramKind.apiVersion; `*version` is the rest. Owned. */
static char *param_group(const json_t *kind, const char **version)
{
    const char *api_version = json_text(kind, "apiVersion");
    struct str rest = str_of(api_version ? api_version : ""), group = STR("");
    if (api_version && strchr(api_version, '/'))
        group = str_cut(&rest, '/');
    *version = rest.data;
    return str_dup(group);
}

static const struct cel_type *params_type(struct policy_seen *seen, const json_t *kind,
                                          const struct json_list *definitions)
{
    const char *version, *name = json_text(kind, "kind");
    CLEANUP(free_ptr) char *group = param_group(kind, &version);
    const struct wanted wanted = {.group = group, .version = version, .kind = name};
    return name ? type_of(find_row(seen, &wanted, definitions)) : NULL;
}

bool policy_is_custom(const json_t *policy)
{
    const json_t *rule, *group, *spec = json_object_get(policy, "spec");
    const char *version;
    size_t i, k;
    CLEANUP(free_ptr) char *param = param_group(json_object_get(spec, "paramKind"), &version);
    bool custom = is_custom_group(param);
    json_array_foreach (json_at(spec, "matchConstraints", "resourceRules"), i, rule)
        json_array_foreach (json_object_get(rule, "apiGroups"), k, group)
            custom |= json_is_string(group) && is_custom_group(json_string_value(group));
    return custom;
}

void policy_see(struct policy_seen *seen, const json_t *policy, const struct json_list *definitions)
{
    const json_t *rule;
    size_t i;
    *seen = (struct policy_seen){.policy = policy};
    json_array_foreach (json_at(policy, "spec", "matchConstraints", "resourceRules"), i, rule)
        add_rule(seen, rule, definitions);
    seen->params = params_type(seen, json_at(policy, "spec", "paramKind"), definitions);
}

void policy_seen_clear(struct policy_seen *seen)
{
    for (size_t i = 0; i < seen->crd_count; i++)
        crd_unref(seen->crds[i]);
    *seen = (struct policy_seen){0};
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

/* Whether this generation has no status yet. */
static bool is_unseen(const json_t *policy)
{
    return json_int_or(json_at(policy, "status", "observedGeneration"), 0) <
           json_int_or(json_at(policy, "metadata", "generation"), 0);
}

void policy_decide(const struct policy_seen *seen, struct plan *plan)
{
    int64_t generation = json_int_or(json_at(seen->policy, "metadata", "generation"), 0);
    const json_t *status = json_object_get(seen->policy, "status");
    if (!is_unseen(seen->policy))
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
    CLEANUP(json_list_free) struct json_list definitions = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(policy_seen_clear) struct policy_seen seen = {0};
    const struct observe_query query = {.resource = CRD_STORAGE};
    (void)arg, (void)again_ms;
    if (!observe_get(reconcile->cluster, POLICIES, "", reconcile->name, &policy, err))
        return RECONCILE_RETRY;
    if (!policy || meta_deleting(policy))
        return RECONCILE_DONE;
    if (!is_unseen(policy))
        return RECONCILE_DONE;
    if (policy_is_custom(policy) && !observe_list(reconcile->cluster, &query, &definitions, err))
        return RECONCILE_RETRY;
    policy_see(&seen, policy, &definitions);
    policy_decide(&seen, &plan);
    return plan_apply(&reconcile->caller, &plan, NULL, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

static const struct controller_source sources[] = {{POLICIES, NULL}, {NULL, NULL}};

const struct controller policy_controller = {
    .name = "validatingadmissionpolicy-status-controller",
    .sources = sources,
    .reconcile = reconcile_policy,
};
