#include "tests/controllers/support_sim.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "schema/json_time.h"
#include "schema/meta.h"

void sim_init(struct sim *sim)
{
    *sim = (struct sim){.objects = json_object(), .now_us = INT64_C(1760000000) * 1000000};
}

void sim_free(struct sim *sim)
{
    json_decref(sim->objects);
}

json_t *sim_json(const char *text)
{
    json_error_t why;
    char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, 0, &why);
    if (!value)
        fail_msg("%s in %s", why.text, copy);
    free(copy);
    return value;
}

static char *key_of(const char *resource, const char *ns, const char *name)
{
    return xasprintf("%s %s/%s", resource, ns, name);
}

json_t *sim_get(const struct sim *sim, const char *resource, const char *ns, const char *name)
{
    CLEANUP(free_ptr) char *key = key_of(resource, ns, name);
    return json_object_get(sim->objects, key);
}

static void touch(struct sim *sim, json_t *object)
{
    CLEANUP(free_ptr) char *version = xasprintf("%d", ++sim->serial);
    json_set_text(json_object_get(object, "metadata"), "resourceVersion", version);
}

json_t *sim_put(struct sim *sim, const char *resource, json_t *object)
{
    json_t *meta = json_ensure_object(object, "metadata");
    const char *prefix = json_text(meta, "generateName");
    CLEANUP(free_ptr) char *name = prefix ? xasprintf("%s%04d", prefix, sim->serial) : NULL;
    CLEANUP(free_ptr) char *uid = xasprintf("uid-%04d", sim->serial);
    if (name)
        json_set_text(meta, "name", name);
    if (!json_object_get(meta, "uid"))
        json_set_text(meta, "uid", uid);
    if (!json_object_get(meta, "creationTimestamp"))
        json_object_set_new(meta, "creationTimestamp",
                            json_time(sim->now_us + (int64_t)sim->serial * 1000000));
    if (!json_object_get(meta, "generation"))
        json_object_set_new(meta, "generation", json_integer(1));
    touch(sim, object);
    CLEANUP(free_ptr) char *key = key_of(resource, meta_namespace(object), meta_name(object));
    json_object_set_new(sim->objects, key, object);
    return object;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void sim_list(const struct sim *sim, const char *resource, struct json_list *out)
{
    const char *key, *keys[512];
    json_t *value;
    size_t count = 0, len = strlen(resource);
    json_object_foreach (sim->objects, key, value) {
        if (strncmp(key, resource, len) == 0 && key[len] == ' ' && count < ARRAY_LEN(keys))
            keys[count++] = key;
    }
    qsort(keys, count, sizeof(*keys), by_key);
    for (size_t i = 0; i < count; i++)
        json_list_add(out, json_deep_copy(json_object_get(sim->objects, keys[i])));
}

size_t sim_count(const struct sim *sim, const char *resource)
{
    CLEANUP(json_list_free) struct json_list list = {0};
    sim_list(sim, resource, &list);
    return list.count;
}

static void check_version(const json_t *old, const json_t *body, const char *name)
{
    const char *version = meta_resource_version(body);
    if (version[0] && strcmp(version, meta_resource_version(old)) != 0)
        fail_msg("conflict on %s: the plan writes it twice", name);
}

static void bump_generation(json_t *object)
{
    int64_t generation = json_int_or(json_at(object, "metadata", "generation"), 0);
    json_object_set_new(json_object_get(object, "metadata"), "generation",
                        json_integer(generation + 1));
}

static void update(struct sim *sim, const struct plan_action *action)
{
    json_t *old = sim_get(sim, action->resource, action->ns, action->name);
    assert_non_null(old);
    check_version(old, action->body, action->name);
    if (strcmp(action->subresource, "status") == 0) {
        json_t *annotations = json_at(action->body, "metadata", "annotations");
        json_object_set_new(old, "status", json_deep_copy(json_object_get(action->body, "status")));
        if (annotations)
            json_object_set_new(json_object_get(old, "metadata"), "annotations",
                                json_deep_copy(annotations));
    } else {
        json_t *spec = json_object_get(action->body, "spec"),
               *meta = json_object_get(action->body, "metadata");
        if (!json_equal(spec, json_object_get(old, "spec")))
            bump_generation(old);
        json_object_set_new(meta, "generation",
                            json_incref(json_at(old, "metadata", "generation")));
        json_object_set_new(old, "spec", json_deep_copy(spec));
        json_object_set_new(old, "metadata", json_deep_copy(meta));
        static const char *const others[] = {"data", "revision"}; /* of a ControllerRevision */
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
            if (json_object_get(action->body, others[i]))
                json_object_set_new(old, others[i],
                                    json_deep_copy(json_object_get(action->body, others[i])));
    }
    touch(sim, old);
}

static void merge(json_t *to, const json_t *patch)
{
    const char *key;
    json_t *value, *self = (json_t *)(uintptr_t)patch;
    json_object_foreach (self, key, value) {
        if (json_is_object(value) && json_is_object(json_object_get(to, key)))
            merge(json_object_get(to, key), value);
        else
            json_object_set_new(to, key, json_deep_copy(value));
    }
}

static void drop_if_free(struct sim *sim, const struct plan_action *action)
{
    json_t *object = sim_get(sim, action->resource, action->ns, action->name);
    CLEANUP(free_ptr) char *key = key_of(action->resource, action->ns, action->name);
    if (meta_deleting(object) && !json_array_size(json_at(object, "metadata", "finalizers")))
        json_object_del(sim->objects, key);
}

static void delete (struct sim *sim, const struct plan_action *action)
{
    json_t *object = sim_get(sim, action->resource, action->ns, action->name);
    if (!object || (action->uid && strcmp(action->uid, meta_uid(object)) != 0))
        return;
    json_t *meta = json_object_get(object, "metadata");
    json_object_set_new(meta, "deletionTimestamp", json_time(sim->now_us));
    if (action->propagation && strcmp(action->propagation, "Foreground") == 0 &&
        !json_array_has_text(json_object_get(meta, "finalizers"), "foregroundDeletion"))
        json_array_append_new(json_ensure_array(meta, "finalizers"),
                              json_string("foregroundDeletion"));
    touch(sim, object);
    drop_if_free(sim, action);
}

static void patch(struct sim *sim, const struct plan_action *action)
{
    json_t *object = sim_get(sim, action->resource, action->ns, action->name);
    assert_non_null(object);
    check_version(object, action->body, action->name);
    merge(object, action->body);
    touch(sim, object);
    drop_if_free(sim, action);
}

void sim_apply(struct sim *sim, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_action *action = &plan->items[i];
        switch (action->verb) {
        case PLAN_CREATE: {
            json_t *body = json_deep_copy(action->body);
            json_set_text(json_object_get(body, "metadata"), "namespace",
                          action->ns[0] ? action->ns : NULL);
            (void)sim_put(sim, action->resource, body);
            break;
        }
        case PLAN_UPDATE:
            update(sim, action);
            break;
        case PLAN_PATCH:
            patch(sim, action);
            break;
        case PLAN_DELETE:
            delete (sim, action);
            break;
        case PLAN_EVENT:
            break;
        }
    }
}

char *sim_text(const struct plan *plan)
{
    struct buf text = BUF_TEXT;
    plan_print(plan, &text);
    return buf_take(&text);
}
