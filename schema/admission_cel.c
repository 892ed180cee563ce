#include "schema/admission_cel.h"

#include <string.h>

#include "schema/cel_types.h"

#define COUNT_MAX 1000 /* of one list; validation refuses longer ones */

static void expressions_free(struct admission_expressions *list)
{
    for (size_t i = 0; i < list->count; i++) {
        cel_program_unref(list->items[i].program);
        free(list->items[i].problem);
    }
    free(list->items);
}

void admission_programs_free(struct admission_programs *programs)
{
    if (!programs)
        return;
    expressions_free(&programs->conditions);
    expressions_free(&programs->variables);
    expressions_free(&programs->validations);
    expressions_free(&programs->messages);
    expressions_free(&programs->annotations);
    cel_env_unref(programs->env);
    free(programs);
}

/* ---- results ---- */

static bool is_bool(const struct cel_type *type)
{
    return type->kind == CEL_BOOL;
}

static bool is_text(const struct cel_type *type)
{
    return type->kind == CEL_STRING;
}

static bool is_text_or_null(const struct cel_type *type)
{
    return type->kind == CEL_STRING || type->kind == CEL_NULL;
}

/* What an expression of each list must give; dyn is not enough. */
static const struct result_row {
    bool (*fits)(const struct cel_type *type);
    const char *problem;
} result_bool = {is_bool, "must evaluate to bool"},
  result_text = {is_text, "must evaluate to string"},
  result_text_or_null = {is_text_or_null, "must evaluate to one of [string null_type]"};

static char *problem_of(struct cel_problems *problems, const char *text)
{
    CLEANUP(free_ptr) char *words = cel_problems_text(problems, str_of(text));
    cel_problems_clear(problems);
    return xasprintf("compilation failed: %s", words);
}

static void compile_one(struct cel_env *env, struct admission_expression *expression,
                        const struct result_row *row)
{
    struct cel_problems problems = {0};
    if (expression->problem || str_trim(str_of(expression->text)).len == 0)
        return;
    const struct cel_program *program = cel_compile(env, str_of(expression->text), NULL, &problems);
    if (!program) {
        expression->problem = problem_of(&problems, expression->text);
        return;
    }
    if (row->fits(cel_program_type(program))) {
        expression->program = program;
        return;
    }
    cel_program_unref(program);
    expression->problem = xstrdup(row->problem);
}

/* One that is too much stands for all that are, and does not compile. */
static struct admission_expressions texts_of(const json_t *list, const char *member)
{
    struct admission_expressions out = {.count = json_array_size(list)};
    bool too_many = out.count > COUNT_MAX;
    if (too_many)
        out.count = COUNT_MAX + 1;
    out.items = xcalloc(out.count + 1, sizeof(*out.items));
    for (size_t i = 0; i < out.count; i++) {
        const char *text = json_text(json_array_get(list, i), member);
        out.items[i].text = text ? text : "";
    }
    if (too_many)
        out.items[COUNT_MAX].problem =
            xasprintf("compilation failed: there are more than %d expressions", COUNT_MAX);
    return out;
}

static void compile_list(struct cel_env *env, const json_t *list, const char *member,
                         const struct result_row *row, struct admission_expressions *out)
{
    *out = texts_of(list, member);
    for (size_t i = 0; i < out->count; i++)
        compile_one(env, &out->items[i], row);
}

/* ---- variables ---- */

static void declare(struct cel_env *env, const json_t *spec, const struct cel_type *object,
                    const struct cel_type *params)
{
    cel_env_declare(env, "object", object ? object : &cel_dyn);
    cel_env_declare(env, "oldObject", object ? object : &cel_dyn);
    cel_env_declare(env, "request", &cel_request_type);
    cel_env_declare(env, "namespaceObject", &cel_namespace_type);
    cel_env_declare(env, "authorizer", &cel_authorizer);
    cel_env_declare(env, "authorizer.requestResource", &cel_resource_check);
    if (json_is_object(json_object_get(spec, "paramKind")))
        cel_env_declare(env, "params", params ? params : &cel_dyn);
}

static void define_variables(struct cel_env *env, const json_t *list,
                             struct admission_expressions *out)
{
    *out = texts_of(list, "expression");
    for (size_t i = 0; i < out->count; i++) {
        struct cel_problems problems = {0};
        const char *name = json_text(json_array_get(list, i), "name");
        struct admission_expression *item = &out->items[i];
        if (item->problem || !name || !*name || !*item->text)
            continue;
        if (!cel_env_define(env, name, str_of(item->text), &problems))
            item->problem = problem_of(&problems, item->text);
    }
}

struct admission_programs *admission_compile(const json_t *spec, const struct cel_type *object,
                                             const struct cel_type *params)
{
    const json_t *validations = json_object_get(spec, "validations");
    bool is_policy = json_object_get(spec, "matchConstraints") || validations;
    struct admission_programs *programs = xcalloc(1, sizeof(*programs));
    programs->env = cel_env_new();
    programs->has_params = json_is_object(json_object_get(spec, "paramKind"));
    declare(programs->env, spec, object, params);
    if (is_policy) {
        cel_env_compose(programs->env, "variables", "kubernetes.variables");
        define_variables(programs->env, json_object_get(spec, "variables"), &programs->variables);
    }
    cel_env_seal(programs->env);
    compile_list(programs->env, json_object_get(spec, "matchConditions"), "expression",
                 &result_bool, &programs->conditions);
    compile_list(programs->env, validations, "expression", &result_bool, &programs->validations);
    compile_list(programs->env, validations, "messageExpression", &result_text,
                 &programs->messages);
    compile_list(programs->env, json_object_get(spec, "auditAnnotations"), "valueExpression",
                 &result_text_or_null, &programs->annotations);
    return programs;
}
