#include "host/node/pod_env.h"

#include <ctype.h>
#include <string.h>

#include "base/codec.h"

#define VALUE_MAX ((size_t)2 << 20)

/* ---- the list ---- */

void env_clear(struct env *env)
{
    for (size_t i = 0; i < env->count; i++)
        free(env->items[i]);
    free(env->items);
    strmap_clear(&env->index);
    *env = (struct env){0};
}

bool env_set(struct env *env, const char *name, const char *value)
{
    size_t place = (size_t)(uintptr_t)strmap_get(&env->index, name);
    size_t len = strlen(name) + strlen(value) + 2;
    if (env->count >= ENV_VARIABLES_MAX || env->bytes + len > ENV_BYTES_MAX)
        return false;
    env->bytes += len;
    char *item = xasprintf("%s=%s", name, value);
    if (place) {
        free(env->items[place - 1]);
        env->items[place - 1] = item;
        return true;
    }
    if (env->count + 1 >= env->capacity) {
        env->capacity = env->capacity ? env->capacity * 2 : 16;
        env->items = xreallocarray(env->items, env->capacity, sizeof(*env->items));
    }
    env->items[env->count++] = item;
    env->items[env->count] = NULL;
    strmap_put(&env->index, name, (void *)(uintptr_t)env->count);
    return true;
}

const char *env_get(const struct env *env, const char *name)
{
    size_t place = (size_t)(uintptr_t)strmap_get(&env->index, name);
    return place ? strchr(env->items[place - 1], '=') + 1 : NULL;
}

/* ---- $(NAME) ---- */

/* One reference at `text` (just behind the dollar sign); returns how much of it was used. */
static size_t expand_one(struct buf *out, const char *text, const struct env *first,
                         const struct env *second)
{
    const char *end;
    if (*text == '$') {
        buf_add_char(out, '$');
        return 1;
    }
    if (*text != '(' || !(end = strchr(text, ')'))) {
        buf_add_char(out, '$');
        return 0;
    }
    CLEANUP(free_ptr) char *name = xstrndup(text + 1, (size_t)(end - text) - 1);
    const char *value = env_get(first, name);
    if (!value && second)
        value = env_get(second, name);
    if (value)
        buf_add_text(out, value);
    else
        buf_printf(out, "$(%s)", name);
    return (size_t)(end - text) + 1;
}

char *env_expand(const char *text, const struct env *first, const struct env *second)
{
    struct buf out = BUF_INIT(ENV_BYTES_MAX);
    while (*text) {
        const char *dollar = strchrnul(text, '$');
        buf_add(&out, text, (size_t)(dollar - text));
        text = dollar;
        if (*text == '$')
            text += 1 + expand_one(&out, text + 1, first, second);
    }
    char *result = buf_take(&out);
    return result ? result : xstrdup("");
}

/* ---- ConfigMaps and Secrets ---- */

bool object_value(const char *resource, const json_t *object, const char *key, struct buf *out)
{
    const char *text = json_text(object, "data", key);
    bool secret = strcmp(resource, "secrets") == 0;
    if (text && !secret) {
        buf_add_text(out, text);
        return true;
    }
    if (!secret)
        text = json_text(object, "binaryData", key);
    return text && base64_decode(out, str_of(text), BASE64_STANDARD);
}

static const char *kind_of(const char *resource)
{
    return strcmp(resource, "secrets") == 0 ? "Secret" : "ConfigMap";
}

/* `*found` stays NULL when an optional object is absent. */
static bool fetch(const struct object_source *source, const char *resource, const json_t *ref,
                  json_t **found, struct error *err)
{
    const char *name = json_text(ref, "name");
    struct error why = {0};
    if (source->get(source->arg, resource, name ? name : "", found, &why))
        return true;
    if (why.reason == ERROR_NOT_FOUND && json_bool_or(json_at(ref, "optional"), false)) {
        error_clear(&why);
        return true;
    }
    if (why.reason != ERROR_NOT_FOUND) {
        error_move(err, &why);
        return false;
    }
    error_clear(&why);
    return error_set(err, ERROR_NOT_FOUND, "%s \"%s\" not found",
                     strcmp(resource, "secrets") == 0 ? "secret" : "configmap", name ? name : "");
}

static bool too_many(struct error *err)
{
    return error_set(err, ERROR_INVALID, "the environment is too large");
}

/* Upstream's rule for names out of envFrom: anything printable without '='. */
static bool usable_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (*c == '=' || !isprint((unsigned char)*c))
            return false;
    return *name != 0;
}

static bool add_all(const char *resource, const json_t *object, const char *prefix, struct env *out,
                    struct error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get(object, "data"), key, value) {
        CLEANUP(buf_free) struct buf bytes = BUF_INIT(VALUE_MAX);
        CLEANUP(free_ptr) char *name = xasprintf("%s%s", prefix, key);
        if (!usable_name(name) || !object_value(resource, object, key, &bytes))
            continue;
        if (!env_set(out, name, bytes.data ? bytes.data : ""))
            return too_many(err);
    }
    return true;
}

static bool add_from(const json_t *from, const struct object_source *source, struct env *out,
                     struct error *err)
{
    static const char *const kinds[][2] = {{"configMapRef", "configmaps"},
                                           {"secretRef", "secrets"}};
    const char *prefix = json_text(from, "prefix");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const json_t *ref = json_at(from, kinds[i][0]);
        json_auto_t *object = NULL;
        if (!ref)
            continue;
        if (!fetch(source, kinds[i][1], ref, &object, err))
            return false;
        if (object && !add_all(kinds[i][1], object, prefix ? prefix : "", out, err))
            return false;
    }
    return true;
}

/* ---- one variable ---- */

/* `*value` stays NULL when it is optional and absent. */
static bool key_value(const struct pod_view *view, const struct object_source *source,
                      const char *resource, const json_t *ref, char **value, struct error *err)
{
    json_auto_t *object = NULL;
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(VALUE_MAX);
    const char *key = json_text(ref, "key"), *name = json_text(ref, "name");
    if (!fetch(source, resource, ref, &object, err))
        return false;
    if (!object)
        return true;
    if (key && object_value(resource, object, key, &bytes)) {
        *value = xstrdup(bytes.data ? bytes.data : "");
        return true;
    }
    if (json_bool_or(json_at(ref, "optional"), false))
        return true;
    return error_set(err, ERROR_NOT_FOUND, "couldn't find key %s in %s %s/%s", key ? key : "",
                     kind_of(resource), view->namespace, name ? name : "");
}

static bool resource_value(const struct pod_view *view, const json_t *container, const json_t *ref,
                           char **value, struct error *err)
{
    const char *other = json_text(ref, "containerName"), *resource = json_text(ref, "resource");
    if (other && *other)
        container = pod_view_container(view, other);
    return pod_view_resource(view, container, resource ? resource : "", json_text(ref, "divisor"),
                             value, err);
}

static bool from_value(const struct pod_view *view, const json_t *container,
                       const struct object_source *source, const json_t *from, char **value,
                       struct error *err)
{
    const json_t *ref;
    if ((ref = json_at(from, "fieldRef")))
        return pod_view_field(view, json_text(ref, "fieldPath") ? json_text(ref, "fieldPath") : "",
                              value, err);
    if ((ref = json_at(from, "resourceFieldRef")))
        return resource_value(view, container, ref, value, err);
    if ((ref = json_at(from, "configMapKeyRef")))
        return key_value(view, source, "configmaps", ref, value, err);
    if ((ref = json_at(from, "secretKeyRef")))
        return key_value(view, source, "secrets", ref, value, err);
    return true;
}

static bool add_variable(const struct pod_view *view, const json_t *container,
                         const struct object_source *source, const json_t *variable,
                         const struct env *services, struct env *out, struct error *err)
{
    const char *name = json_text(variable, "name"), *literal = json_text(variable, "value");
    CLEANUP(free_ptr) char *value = NULL;
    const json_t *from = json_at(variable, "valueFrom");
    if (!name || !*name)
        return true;
    if (from && !(literal && *literal)) {
        if (!from_value(view, container, source, from, &value, err))
            return false;
        if (!value)
            return true;
    } else {
        value = env_expand(literal ? literal : "", out, services);
    }
    return env_set(out, name, value) || too_many(err);
}

bool pod_env_build(const struct pod_view *view, const json_t *container,
                   const struct object_source *source, const struct env *services, struct env *out,
                   struct error *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach (json_at(container, "envFrom"), i, one)
        if (!add_from(one, source, out, err))
            return false;
    json_array_foreach (json_at(container, "env"), i, one)
        if (!add_variable(view, container, source, one, services, out, err))
            return false;
    for (i = 0; services && i < services->count; i++) {
        struct str rest = str_of(services->items[i]);
        CLEANUP(free_ptr) char *name = str_dup(str_cut(&rest, '='));
        if (!env_get(out, name) && !env_set(out, name, rest.data ? rest.data : ""))
            return too_many(err);
    }
    return true;
}
