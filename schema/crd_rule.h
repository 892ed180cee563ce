/* schema/crd_rule.h: x-kubernetes-validations: the rules of custom resources in the Common
 * Expression Language.
 *
 * Rules are compiled with the schema that they stand in, and belong to its memory. Frozen then; any
 * thread. Source: apiextensions-apiserver's pkg/apiserver/schema/cel, and its validation of
 * CustomResourceDefinitions. */
#pragma once
#include "cel/cel.h"
#include "schema/crd_schema.h"

#define CRD_RULES_MAX       1000      /* of one schema */
#define CRD_RULE_COST_MAX   10000000  /* estimated, of one rule wherever it applies */
#define CRD_SCHEMA_COST_MAX 100000000 /* estimated, of all rules of a schema */
#define CRD_RUN_BUDGET      10000000  /* when an object is checked */

struct crd_rule {
    const struct cel_program *program, *message_program; /* NULL: none, or it does not compile */
    struct cel_env *env;                                 /* owned, of both */
    const json_t *text;                                  /* the rule itself */
    const char *source, *message,
        *path;           /* trimmed; path: where its errors are said to be, under the value; NULL */
    const char *problem; /* why it does not compile; NULL */
    bool reads_old, old_optional;
};

/* The type as expressions see it; NULL when they do not. Made once, with all below it. `whole`: has
 * apiVersion, kind and metadata of its own. */
const struct cel_type *crd_declare(struct crd_memory *memory, struct crd_node *node,
                                   const char *name, bool whole);

/* The declared type of a whole object, but that metadata has all its fields; NULL without one. */
const struct cel_type *crd_declare_served(struct crd_memory *memory, const struct crd_node *root);

/* Compiles every rule of the schema, and appends a cause for each thing that is wrong with one,
 * under `path`. */
void crd_rules_compile(struct crd_memory *memory, const struct crd_node *root, const char *path,
                       struct error *err);
/* Whether that node has rules, itself or below. */
bool crd_has_rules(const struct crd_node *node);
/* Runs them over an object that has its schema's shape; appends causes. `old`: what it was before;
 * NULL on create: what breaks a rule and is as it was goes to `warnings` (may be NULL) instead,
 * unless the rule reads `oldSelf`. */
void crd_rules_run(const struct crd_node *root, const json_t *object, const json_t *old,
                   struct warnings *warnings, struct error *err);
/* The same over one value of a node, whose causes are said to be at `path`. */
void crd_rules_run_value(const struct crd_node *node, const json_t *value, const char *path,
                         struct error *err);
