/* cel/cel.h: the Common Expression Language, as Kubernetes 1.32 speaks it: declare, compile, run.
 *
 *     struct cel_env *env = cel_env_new();
 *     cel_env_declare(env, "self", type);
 *     cel_env_seal(env);
 *     const struct cel_program *program = cel_compile(env, STR("self.replicas < 5"), &cel_bool,
 * &problems);
 *
 *     struct cel_eval *eval = cel_eval_new(env, &(struct cel_limits){0});
 *     cel_eval_set(eval, "self", json);
 *     cel_eval_run(eval, program, &result);
 *
 * Environments and programs are counted and, once sealed or compiled, immutable: any thread. An
 * evaluation belongs to one thread. Nothing here does input or output, except through the
 * authorizer that the caller lends. Source: the CEL specification; cel-go 0.22; apiserver's pkg/cel
 * environment of compatibility version 1.31, which is what a 1.32 server accepts in new
 * expressions. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/document.h"
#include "cel/type.h"
#include "cel/value.h"

#define CEL_SOURCE_MAX   100000  /* code points of one expression */
#define CEL_NODES_MAX    100000  /* of one expression, macros expanded */
#define CEL_DEPTH_MAX    250     /* nesting of one expression */
#define CEL_PROBLEMS_MAX 100     /* kept of one compilation */
#define CEL_COST_MAX     1000000 /* upstream's PerCallLimit */

/* ---- what is wrong with an expression ---- */

struct cel_problem {
    unsigned line, column; /* from 1 and from 0 */
    char *message;
};

struct cel_problems {
    struct cel_problem *items;
    size_t count;
};

void cel_problems_clear(struct cel_problems *problems);
/* As cel-go prints them, one after the other: "ERROR: <input>:1:6: MESSAGE\n | SOURCE\n | .....^".
 * Owned. */
char *cel_problems_text(const struct cel_problems *problems, struct str source);

/* ---- environment ---- */

struct cel_env;

/* The standard functions and every library of Kubernetes 1.32, without a variable. Unsealed: one
 * thread. */
struct cel_env *cel_env_new(void);
/* Borrows name and type. The name may be qualified ("authorizer.requestResource"). */
void cel_env_declare(struct cel_env *env, const char *name, const struct cel_type *type);
/* Declares `object_name` ("variables") as an object whose fields are expressions: cel_env_define()
 * adds them one by one, each in sight of those before it. They are evaluated when read for the
 * first time in an evaluation, and once. */
void cel_env_compose(struct cel_env *env, const char *object_name, const char *type_name);
/* False, with problems, when the expression does not compile; the field then exists with type dyn
 * and an error as value. */
MUST_CHECK bool cel_env_define(struct cel_env *env, const char *field, struct str source,
                               struct cel_problems *problems);
void cel_env_seal(struct cel_env *env);
struct cel_env *cel_env_ref(struct cel_env *env);
void cel_env_unref(struct cel_env *env);

/* ---- programs ---- */

struct cel_program;

/* The program, or NULL with problems. `wanted` is the type that the result must have; NULL: any.
 * `env` is sealed, and referenced by the program. */
const struct cel_program *cel_compile(struct cel_env *env, struct str source,
                                      const struct cel_type *wanted, struct cel_problems *problems);
const struct cel_program *cel_program_ref(const struct cel_program *program);
void cel_program_unref(const struct cel_program *program);
/* Lives as long as the program. */
const struct cel_type *cel_program_type(const struct cel_program *program);
/* Whether the expression reads the variable of that name. */
bool cel_program_reads(const struct cel_program *program, const char *variable);

struct cel_cost {
    uint64_t min, max; /* UINT64_MAX: beyond all counting */
};
/* What a run can cost, from the expression and the sizes of the declared types. */
struct cel_cost cel_program_cost(const struct cel_program *program);

/* ---- authorizer ---- */

/* What is asked; NULL and "" are alike. */
struct cel_authz_request {
    const char *path; /* of a request for no resource; the rest is then empty */
    const char *verb, *group, *resource, *subresource, *namespace_, *name;
    const char *field_selector, *label_selector; /* as written */
    const char *service_account_namespace,
        *service_account_name; /* instead of the request's own user */
};

struct cel_authz_answer {
    bool allowed;
    char reason[512];
    char error[512]; /* "": none */
};

struct cel_authz {
    void (*check)(void *data, const struct cel_authz_request *request,
                  struct cel_authz_answer *out);
    void *data;
};

/* ---- evaluation ---- */

struct cel_limits {
    uint64_t cost_max; /* of one run; 0: CEL_COST_MAX */
    uint64_t budget;   /* of all runs together; 0: no more than cost_max each */
    size_t memory_max; /* bytes; 0: 64 MiB */
};

enum cel_outcome {
    CEL_DONE,        /* `value` */
    CEL_FAILED,      /* `message`, as cel-go words it */
    CEL_OVER_COST,   /* this run cost more than cost_max */
    CEL_OVER_BUDGET, /* all runs together cost more than the budget */
};

/* Valid until the evaluation is freed. */
struct cel_result {
    enum cel_outcome outcome;
    struct cel_value value;
    const char *message;
    uint64_t cost;
};

struct cel_eval;

/* `env` is sealed, and referenced. */
struct cel_eval *cel_eval_new(struct cel_env *env, const struct cel_limits *limits);
void cel_eval_free(struct cel_eval *eval);
/* The variable's value, borrowed and unchanged until the evaluation is freed; NULL: null. It is
 * read as its declared type says, and only as far as it is looked at. */
void cel_eval_set(struct cel_eval *eval, const char *name, const json_t *value);
/* For variables of optional type: optional.of(value), or optional.none() when it is NULL. */
void cel_eval_set_optional(struct cel_eval *eval, const char *name, const json_t *value);
/* `authorizer`, and `authorizer.requestResource` (NULL: not set). Borrowed. */
void cel_eval_set_authz(struct cel_eval *eval, const struct cel_authz *authz,
                        const struct cel_authz_request *request_resource);
/* Gives back the memory of the runs so far, and forgets what composed fields were; costs stay
 * counted. */
void cel_eval_reset(struct cel_eval *eval);
/* The program must be of this environment. */
void cel_eval_run(struct cel_eval *eval, const struct cel_program *program,
                  struct cel_result *result);
/* What is left of the budget. */
uint64_t cel_eval_left(const struct cel_eval *eval);
