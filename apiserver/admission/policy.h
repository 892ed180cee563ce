/* apiserver/admission/policy.h: ValidatingAdmissionPolicy: expressions that a request must satisfy.
 * Source: apiserver pkg/admission/plugin/policy/{generic,validating}. */
#pragma once
#include "apiserver/admission/admission_rule.h"
#include "schema/admission_cel.h"

enum policy_action { POLICY_DENY = 1 << 0, POLICY_WARN = 1 << 1, POLICY_AUDIT = 1 << 2 };

struct policy_binding {
    const char *name;
    struct admission_match
        match;               /* matchResources; without any, everything that the policy is for */
    const json_t *param_ref; /* NULL: none */
    struct selector *params; /* paramRef.selector; NULL: by name */
    unsigned actions;
    const json_t *action_names; /* the same, as they were given */
};

struct policy { /* compiled; immutable; borrows from its definition */
    const char *name;
    const json_t *spec;
    bool ignores_failure;
    struct admission_match match;
    struct admission_programs *programs;
    const char *param_version, *param_kind; /* NULL: it takes no params */
    struct policy_binding *bindings;
    size_t binding_count;
};

/* From the objects of both kinds. Policies without a binding are left out: they do nothing. */
struct policy *policies_compile(const json_t *definitions, const json_t *bindings, size_t *count);
void policies_free(struct policy *policies, size_t count);

/* Denies with request->error, or adds warnings and goes on. */
enum step_result policies_check(struct asked *asked, const struct policy *policies, size_t count);
