/* schema/admission_cel.h: the expressions of webhooks' matchConditions and of
 * ValidatingAdmissionPolicies, compiled with the variables that admission gives them: object,
 * oldObject, request, namespaceObject, authorizer, params, variables.
 * Source: apiserver's pkg/admission/plugin/cel and plugin/policy/validating. */
#pragma once
#include "base/json.h"
#include "cel/cel.h"

struct admission_expression {
    const char *text;                  /* borrowed */
    const struct cel_program *program; /* NULL: it does not compile, or there is none */
    char *problem; /* owned; "compilation failed: ERROR: ..." or "must evaluate to bool" */
};

struct admission_expressions {
    struct admission_expression *items; /* as many as the list has; an absent one has text "" */
    size_t count;
};

/* What a policy's spec, or a webhook, says in CEL. Immutable once made; any thread. */
struct admission_programs {
    struct cel_env *env;
    bool has_params;                          /* the expressions know `params` */
    struct admission_expressions conditions;  /* matchConditions; booleans */
    struct admission_expressions variables;   /* their problems only: evaluated when read */
    struct admission_expressions validations; /* booleans */
    struct admission_expressions messages;    /* messageExpression of each validation; texts */
    struct admission_expressions annotations; /* valueExpression of each; texts or null */
};

/* `spec` is a policy's spec or a webhook, and must outlive what is made. Types NULL: not known. A
 * webhook's expressions know no params. New. */
struct admission_programs *admission_compile(const json_t *spec, const struct cel_type *object,
                                             const struct cel_type *params);
void admission_programs_free(struct admission_programs *programs);
