/* host/node/pod_env.h: a container's environment, and $(NAME) in it.
 * Source: kubelet's makeEnvironmentVariables; third_party/forked/golang/expansion, by behaviour. */
#pragma once
#include "base/strmap.h"
#include "host/node/pod_view.h"

#define ENV_VARIABLES_MAX 20000
#define ENV_BYTES_MAX     ((size_t)4 << 20)

/* Ordered; a later value of a name replaces the earlier one in its place. */
struct env {
    char **items; /* "NAME=value", NULL-ended once anything was added */
    size_t count, capacity, bytes;
    struct strmap index; /* name -> place + 1 */
};
void env_clear(struct env *env);
/* False when there are too many. */
bool env_set(struct env *env, const char *name, const char *value);
/* Borrowed; NULL when absent. */
const char *env_get(const struct env *env, const char *name);

/* Replaces $(NAME) by the value in `first`, else in `second` (may be NULL), else leaves it; $$
 * becomes $. Owned. */
char *env_expand(const char *text, const struct env *first, const struct env *second);

/* Where ConfigMaps and Secrets come from: `resource` is "configmaps" or "secrets"; a new reference.
 */
struct object_source {
    bool (*get)(void *arg, const char *resource, const char *name, json_t **out, struct error *err);
    void *arg;
};

/* Fills `out` (empty) from envFrom, env and then `services`. Fails with the words that a waiting
 * container shows
 * (`configmap "x" not found`, `couldn't find key k in Secret ns/x`). */
MUST_CHECK bool pod_env_build(const struct pod_view *view, const json_t *container,
                              const struct object_source *source, const struct env *services,
                              struct env *out, struct error *err);

/* The bytes under `key` of a ConfigMap or Secret (`resource`), appended. False when there is no
 * such key. */
MUST_CHECK bool object_value(const char *resource, const json_t *object, const char *key,
                             struct buf *out);
