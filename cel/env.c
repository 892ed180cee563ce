/* Environments: the variables of expressions, and expressions that are variables themselves. */
#include "cel/env.h"

#include <assert.h>
#include <string.h>

#include "base/refs.h"

static bool composed_field(const void *data, struct str name, struct cel_field *out)
{
    const struct cel_env *env = data;
    for (size_t i = 0; i < env->field_count; i++)
        if (str_is(name, env->fields[i].name)) {
            *out = env->fields[i].field;
            return true;
        }
    return false;
}

struct cel_env *cel_env_new(void)
{
    struct cel_env *env = xcalloc(1, sizeof(*env));
    env->composed_slot = SIZE_MAX;
    atomic_init(&env->refs, 1);
    return env;
}

void cel_env_declare(struct cel_env *env, const char *name, const struct cel_type *type)
{
    assert(!env->sealed && env->variable_count < CEL_VARIABLES_MAX);
    env->variables[env->variable_count++] = (struct cel_variable){name, type};
}

void cel_env_compose(struct cel_env *env, const char *object_name, const char *type_name)
{
    assert(env->composed_slot == SIZE_MAX);
    env->composed_object =
        (struct cel_object){.name = type_name, .field = composed_field, .data = env};
    env->composed_type =
        (struct cel_type){.kind = CEL_OBJECT, .name = type_name, .object = &env->composed_object};
    env->composed_slot = env->variable_count;
    cel_env_declare(env, object_name, &env->composed_type);
}

bool cel_env_define(struct cel_env *env, const char *field, struct str source,
                    struct cel_problems *problems)
{
    assert(!env->sealed && env->composed_slot != SIZE_MAX);
    const struct cel_program *program = cel_compile(env, source, NULL, problems);
    env->fields = xreallocarray(env->fields, env->field_count + 1, sizeof(*env->fields));
    struct cel_composed_field *row = &env->fields[env->field_count++];
    *row = (struct cel_composed_field){.name = xstrdup(field), .program = program};
    row->field = (struct cel_field){.key = row->name,
                                    .type = program ? cel_program_type(program) : &cel_dyn};
    return program != NULL;
}

void cel_env_seal(struct cel_env *env)
{
    env->sealed = true;
}

struct cel_env *cel_env_ref(struct cel_env *env)
{
    refs_take(&env->refs);
    return env;
}

void cel_env_unref(struct cel_env *env)
{
    if (!env || !refs_drop(&env->refs))
        return;
    for (size_t i = 0; i < env->field_count; i++) {
        cel_program_unref(env->fields[i].program);
        free(env->fields[i].name);
    }
    free(env->fields);
    free(env);
}

int cel_env_find(const struct cel_env *env, struct str name)
{
    for (size_t i = 0; i < env->variable_count; i++)
        if (str_is(name, env->variables[i].name))
            return (int)i;
    return -1;
}
