#include <string.h>

#include "apiserver/admission/policy.h"
#include "schema/meta.h"

static const struct action_row {
    const char *text;
    enum policy_action action;
} action_rows[] = {
    {"Deny", POLICY_DENY},
    {"Warn", POLICY_WARN},
    {"Audit", POLICY_AUDIT},
};

static void compile_binding(struct policy_binding *binding, const json_t *object)
{
    const json_t *spec = json_object_get(object, "spec"),
                 *resources = json_object_get(spec, "matchResources");
    struct error ignored = {0};
    *binding = (struct policy_binding){.name = meta_name(object),
                                       .action_names = json_object_get(spec, "validationActions"),
                                       .param_ref = json_object_get(spec, "paramRef")};
    admission_match_init(&binding->match, resources, "resourceRules");
    const json_t *selector = json_object_get(binding->param_ref, "selector");
    if (json_is_object(selector))
        binding->params = selector_from_json(selector, &ignored); /* what was stored was checked */
    error_clear(&ignored);
    for (size_t i = 0; i < ARRAY_LEN(action_rows); i++)
        if (json_array_has_text(json_object_get(spec, "validationActions"), action_rows[i].text))
            binding->actions |= action_rows[i].action;
}

static void compile_bindings(struct policy *policy, const json_t *bindings)
{
    const json_t *object;
    size_t i;
    policy->bindings = xcalloc(json_array_size(bindings) + 1, sizeof(*policy->bindings));
    json_array_foreach (bindings, i, object)
        if (text_eq(json_text(object, "spec", "policyName"), policy->name))
            compile_binding(&policy->bindings[policy->binding_count++], object);
}

static void compile(struct policy *policy, const json_t *definition, const json_t *bindings)
{
    const json_t *spec = json_object_get(definition, "spec");
    *policy = (struct policy){
        .name = meta_name(definition),
        .spec = spec,
        .ignores_failure = text_eq(json_text(spec, "failurePolicy"), "Ignore"),
        .param_version = json_text(spec, "paramKind", "apiVersion"),
        .param_kind = json_text(spec, "paramKind", "kind"),
    };
    compile_bindings(policy, bindings);
    if (!policy->binding_count)
        return;
    admission_match_init(&policy->match, json_object_get(spec, "matchConstraints"),
                         "resourceRules");
    policy->programs = admission_compile(spec, NULL, NULL);
}

static void policy_clear(struct policy *policy)
{
    for (size_t i = 0; i < policy->binding_count; i++) {
        admission_match_deinit(&policy->bindings[i].match);
        selector_free(policy->bindings[i].params);
    }
    free(policy->bindings);
    admission_match_deinit(&policy->match);
    admission_programs_free(policy->programs);
}

struct policy *policies_compile(const json_t *definitions, const json_t *bindings, size_t *count)
{
    struct policy *policies = xcalloc(json_array_size(definitions) + 1, sizeof(*policies));
    const json_t *definition;
    size_t i;
    *count = 0;
    json_array_foreach (definitions, i, definition) {
        struct policy *policy = &policies[*count];
        compile(policy, definition, bindings);
        if (policy->binding_count)
            ++*count;
        else
            policy_clear(policy);
    }
    return policies;
}

void policies_free(struct policy *policies, size_t count)
{
    for (size_t i = 0; i < count; i++)
        policy_clear(&policies[i]);
    free(policies);
}
