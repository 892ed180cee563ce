/* cel/env.h: inside environments and programs. Internal to cel/. */
#pragma once
#include <stdatomic.h>

#include "cel/ast.h"

#define CEL_VARIABLES_MAX 256

struct cel_variable {
    const char *name;
    const struct cel_type *type;
};

/* A field of the composed object: an expression of its own. */
struct cel_composed_field {
    char *name;                        /* owned */
    const struct cel_program *program; /* owned; NULL: it did not compile */
    struct cel_field field;
};

struct cel_env {
    struct cel_variable variables[CEL_VARIABLES_MAX];
    size_t variable_count;
    struct cel_composed_field *fields; /* owned */
    size_t field_count;
    size_t composed_slot; /* of the composed object; SIZE_MAX: none */
    struct cel_object composed_object;
    struct cel_type composed_type;
    atomic_uint refs;
    bool sealed;
};

struct cel_program {
    struct cel_env *env;
    bool env_counted; /* false: a field of this environment, which owns the program */
    struct arena arena;
    struct cel_node *root;
    uint32_t local_max;
    struct cel_cost cost;
    char *source; /* owned; the tree points into it */
    atomic_uint refs;
};

/* The slot of a variable, or -1. */
int cel_env_find(const struct cel_env *env, struct str name);
