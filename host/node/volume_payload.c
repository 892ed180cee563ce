#include "host/node/volume_payload.h"

#include <string.h>

#include "base/clock.h"

#define VALUE_MAX ((size_t)4 << 20)
#define REFRESH_US                                                                                 \
    INT64_C(                                                                                       \
        60000000) /* ConfigMaps, Secrets and the Pod's own fields: about a minute, as upstream */
#define TOKEN_SECONDS     3600
#define TOKEN_SECONDS_MIN 600

struct cached_token {
    char *token;
    int64_t renew_us;
};

static void lower(int64_t *again_us, int64_t at_us)
{
    if (!*again_us || at_us < *again_us)
        *again_us = at_us;
}

static mode_t mode_of(const json_t *item, mode_t fallback)
{
    return (mode_t)json_int_or(json_at(item, "mode"), (int64_t)fallback);
}

/* ---- ConfigMap and Secret ---- */

static bool add_item(const char *resource, const json_t *object, const json_t *item, bool optional,
                     mode_t mode, struct payload *payload, struct error *err)
{
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(VALUE_MAX);
    const char *key = json_text(item, "key"), *path = json_text(item, "path");
    if (!key || !path)
        return true;
    if (!object_value(resource, object, key, &bytes))
        return optional || error_set(err, ERROR_NOT_FOUND, "references non-existent %s key: %s",
                                     strcmp(resource, "secrets") == 0 ? "secret" : "config", key);
    return payload_add(payload, path, buf_str(&bytes), mode_of(item, mode), err);
}

static bool add_member(const char *resource, const json_t *object, const char *member, mode_t mode,
                       struct payload *payload, struct error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get(object, member), key, value) {
        CLEANUP(buf_free) struct buf bytes = BUF_INIT(VALUE_MAX);
        if (object_value(resource, object, key, &bytes) &&
            !payload_add(payload, key, buf_str(&bytes), mode, err))
            return false;
    }
    return true;
}

static bool add_object(struct volumes *volumes, const char *resource, const json_t *source,
                       mode_t mode, struct payload *payload, struct error *err)
{
    size_t i;
    const json_t *item, *items = json_at(source, "items");
    json_auto_t *object = NULL;
    struct error why = {0};
    bool secret = strcmp(resource, "secrets") == 0,
         optional = json_bool_or(json_at(source, "optional"), false);
    const char *name = json_text(source, "name");
    if (!name)
        name = json_text(source, "secretName");
    if (!volumes->objects.get(volumes->objects.arg, resource, name ? name : "", &object, &why)) {
        bool absent = why.reason == ERROR_NOT_FOUND;
        error_move(err, &why);
        if (!absent)
            return false;
        error_clear(err);
        return optional || error_set(err, ERROR_NOT_FOUND, "%s \"%s\" not found",
                                     secret ? "secret" : "configmap", name ? name : "");
    }
    json_array_foreach (items, i, item)
        if (!add_item(resource, object, item, optional, mode, payload, err))
            return false;
    return json_array_size(items) ||
           (add_member(resource, object, "data", mode, payload, err) &&
            (secret || add_member(resource, object, "binaryData", mode, payload, err)));
}

/* ---- the Pod's own fields ---- */

static bool add_downward(const struct pod_view *view, const json_t *source, mode_t mode,
                         struct payload *payload, struct error *err)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_at(source, "items"), i, item) {
        CLEANUP(free_ptr) char *value = NULL;
        const char *path = json_text(item, "path"),
                   *field = json_text(item, "fieldRef", "fieldPath"),
                   *resource = json_text(item, "resourceFieldRef", "resource"),
                   *name = json_text(item, "resourceFieldRef", "containerName");
        bool ok =
            field
                ? pod_view_field(view, field, &value, err)
                : pod_view_resource(view, pod_view_container(view, name), resource ? resource : "",
                                    json_text(item, "resourceFieldRef", "divisor"), &value, err);
        if (!ok || !path || !payload_add(payload, path, str_of(value), mode_of(item, mode), err))
            return ok && !path;
    }
    return true;
}

/* ---- tokens ---- */

/* The token of before while it has a fifth of its life left. */
static bool add_token(struct volumes *volumes, const json_t *source, const char *key, mode_t mode,
                      struct payload *payload, int64_t *again_us, struct error *err)
{
    const char *audience = json_text(source, "audience"), *path = json_text(source, "path");
    int64_t seconds = json_int_or(json_at(source, "expirationSeconds"), TOKEN_SECONDS),
            expires_us = 0;
    struct cached_token *cached = strmap_get(&volumes->cached, key);
    if (seconds < TOKEN_SECONDS_MIN)
        seconds = TOKEN_SECONDS_MIN;
    if (!cached || clock_now_us() >= cached->renew_us) {
        char *token = NULL;
        int64_t now_us = clock_now_us();
        if (!volumes->tokens.request(volumes->tokens.arg, audience ? audience : "", seconds, &token,
                                     &expires_us, err))
            return false;
        if (!cached) {
            cached = xcalloc(1, sizeof(*cached));
            strmap_put(&volumes->cached, key, cached);
        }
        free(cached->token);
        *cached = (struct cached_token){token, now_us + (expires_us - now_us) / 5 * 4};
    }
    lower(again_us, cached->renew_us);
    return payload_add(payload, path ? path : "token", str_of(cached->token), mode, err);
}

/* ---- all kinds ---- */

static bool add_projected(struct volumes *volumes, const struct pod_view *view,
                          const json_t *projected, const char *key, mode_t mode,
                          struct payload *payload, int64_t *again_us, struct error *err)
{
    size_t i;
    const char *kind;
    json_t *source, *sources;
    json_array_foreach (json_object_get(projected, "sources"), i, sources)
        json_object_foreach (sources, kind, source) {
            CLEANUP(free_ptr) char *inner = xasprintf("%s/%zu", key, i);
            if (strcmp(kind, "projected") == 0 ||
                !volume_payload_add(volumes, view, kind, source, inner, mode, payload, again_us,
                                    err))
                return false;
        }
    return true;
}

bool volume_payload_add(struct volumes *volumes, const struct pod_view *view, const char *kind,
                        const json_t *source, const char *key, mode_t mode, struct payload *payload,
                        int64_t *again_us, struct error *err)
{
    if (strcmp(kind, "serviceAccountToken") == 0)
        return add_token(volumes, source, key, mode, payload, again_us, err);
    if (strcmp(kind, "projected") == 0)
        return add_projected(volumes, view, source, key, mode, payload, again_us, err);
    lower(again_us, clock_now_us() + REFRESH_US);
    if (strcmp(kind, "configMap") == 0)
        return add_object(volumes, "configmaps", source, mode, payload, err);
    if (strcmp(kind, "secret") == 0)
        return add_object(volumes, "secrets", source, mode, payload, err);
    if (strcmp(kind, "downwardAPI") == 0)
        return add_downward(view, source, mode, payload, err);
    return error_set(err, ERROR_INVALID, "projected volumes of %s are not supported by this node",
                     kind);
}
