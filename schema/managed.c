#include "schema/managed.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "schema/go_text.h"

#define BUCKET "ancient-changes"

static const char *text_or(const json_t *entry, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(entry, key));
    return text ? text : otherwise;
}

static bool is_same(const struct manager *manager, const struct manager_id *id)
{
    return strcmp(manager->name, id->name) == 0 && manager->applied == id->applied &&
           strcmp(manager->subresource, id->subresource) == 0 &&
           (id->applied || strcmp(manager->api_version, id->api_version) == 0);
}

struct manager *managers_ensure(struct arena *arena, struct managers *managers,
                                const struct manager_id *id)
{
    for (size_t i = 0; i < managers->count; i++)
        if (is_same(&managers->items[i], id))
            return &managers->items[i];
    if (managers->count == managers->capacity) {
        size_t capacity = managers->capacity ? managers->capacity * 2 : 8;
        struct manager *items = xarena_alloc(arena, capacity, sizeof(*items));
        if (managers->count)
            memcpy(items, managers->items, managers->count * sizeof(*items));
        managers->items = items;
        managers->capacity = capacity;
    }
    managers->items[managers->count] = (struct manager){
        .name = id->name,
        .api_version = id->api_version,
        .subresource = id->subresource,
        .applied = id->applied,
    };
    return &managers->items[managers->count++];
}

struct manager_id manager_id_of(const struct manager *manager)
{
    return (struct manager_id){manager->name, manager->api_version, manager->subresource,
                               manager->applied};
}

void manager_add(struct arena *arena, struct manager *manager, const struct field_set *set)
{
    if (field_set_covers(&manager->set, set))
        return;
    field_set_union(arena, &manager->set, set);
    manager->fields = NULL;
}

void manager_take_away(struct manager *manager, const struct field_set *set)
{
    if (!field_set_meets(&manager->set, set))
        return;
    field_set_subtract(&manager->set, set);
    manager->fields = NULL;
}

/* `at`: which of the entries it is. */
static bool check_entry(const json_t *entry, size_t at, struct error *err)
{
    const char *operation = text_or(entry, "operation", ""),
               *type = text_or(entry, "fieldsType", "");
    CLEANUP(buf_free) struct buf quoted = BUF_TEXT;
    if (strcmp(operation, "Apply") != 0 && strcmp(operation, "Update") != 0)
        return error_bad_request(err, "operation must be `Apply` or `Update`");
    if (!*text_or(entry, "apiVersion", ""))
        return error_bad_request(err, "apiVersion must not be empty");
    if (strcmp(type, "FieldsV1") == 0)
        return true;
    if (!*type)
        return error_bad_request(err, "missing fieldsType in managed fields entry %zu", at);
    go_quote(&quoted, str_of(type));
    return error_bad_request(err, "invalid fieldsType %s in managed fields entry %zu",
                             buf_ok(&quoted) ? quoted.data : "\"\"", at);
}

static bool parse_entry(struct arena *arena, struct managers *managers, const json_t *entry,
                        struct error *err)
{
    const char *time = text_or(entry, "time", "");
    const json_t *fields = json_object_get(entry, "fieldsV1");
    struct field_set set = {0};
    const struct manager_id id = {.name = text_or(entry, "manager", ""),
                                  .api_version = text_or(entry, "apiVersion", ""),
                                  .subresource = text_or(entry, "subresource", ""),
                                  .applied = strcmp(text_or(entry, "operation", ""), "Apply") == 0};
    struct manager *made = managers_ensure(arena, managers, &id);
    if (fields && !field_set_parse(arena, &set, fields, err))
        return error_wrap(err, "error decoding versioned set");
    made->time = *time ? time : NULL; /* of several of one identity, the last one counts */
    made->set = set;
    made->fields = fields;
    return true;
}

bool managers_parse(struct arena *arena, struct managers *managers, const json_t *entries,
                    struct error *err)
{
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        if (!check_entry(entry, i, err) || !parse_entry(arena, managers, entry, err))
            return false;
    }
    return true;
}

void managers_set_time(struct arena *arena, struct manager *manager, int64_t now_us)
{
    char text[TIME_TEXT_SIZE];
    time_format(now_us, text);
    manager->time = xarena_copy(arena, str_of(text)).data;
}

static void drop_at(struct managers *managers, size_t at)
{
    managers->count--;
    memmove(&managers->items[at], &managers->items[at + 1],
            (managers->count - at) * sizeof(*managers->items));
}

void managers_tidy(struct managers *managers)
{
    for (size_t i = 0; i < managers->count;) {
        if (field_set_empty(&managers->items[i].set))
            drop_at(managers, i);
        else
            i++;
    }
}

/* Apply before Update, then by time, name, version, subresource. RFC 3339 in UTC sorts as text. */
static int compare_managers(const void *a, const void *b)
{
    const struct manager *p = a, *q = b;
    int order = (int)q->applied - (int)p->applied;
    if (!order)
        order = strcmp(p->time ? p->time : "", q->time ? q->time : "");
    if (!order)
        order = strcmp(p->name, q->name);
    if (!order)
        order = strcmp(p->api_version, q->api_version);
    return order ? order : strcmp(p->subresource, q->subresource);
}

/* The oldest pair of updates of one API version; false when there is none. */
static bool oldest_pair(const struct managers *managers, size_t *first, size_t *second)
{
    for (size_t i = 0; i < managers->count; i++)
        for (size_t j = 0; j < i; j++)
            if (!managers->items[i].applied && !managers->items[j].applied &&
                strcmp(managers->items[i].api_version, managers->items[j].api_version) == 0) {
                *first = j;
                *second = i;
                return true;
            }
    return false;
}

/* Merges the oldest updates into one entry until there are few enough. */
static void cap(struct arena *arena, struct managers *managers)
{
    size_t updates = 0, first, second;
    for (size_t i = 0; i < managers->count; i++)
        updates += !managers->items[i].applied;
    for (; updates > MANAGED_UPDATES_MAX && oldest_pair(managers, &first, &second); updates--) {
        struct manager *into = &managers->items[first], *from = &managers->items[second];
        manager_add(arena, into, &from->set);
        into->name = BUCKET;
        into->subresource = "";
        into->time = from->time;
        drop_at(managers, second);
    }
}

static json_t *entry_json(const struct manager *manager)
{
    json_t *entry = json_object();
    json_set_text(entry, "manager", manager->name);
    json_set_text(entry, "operation", manager->applied ? "Apply" : "Update");
    json_set_text(entry, "apiVersion", manager->api_version);
    if (manager->time)
        json_set_text(entry, "time", manager->time);
    json_set_text(entry, "fieldsType", "FieldsV1");
    json_object_set_new(entry, "fieldsV1",
                        manager->fields ? json_incref((json_t *)(uintptr_t)manager->fields)
                                        : field_set_json(&manager->set));
    if (*manager->subresource)
        json_set_text(entry, "subresource", manager->subresource);
    return entry;
}

json_t *managers_json(struct arena *arena, struct managers *managers)
{
    if (!managers->count)
        return NULL;
    qsort(managers->items, managers->count, sizeof(*managers->items), compare_managers);
    cap(arena, managers);
    qsort(managers->items, managers->count, sizeof(*managers->items), compare_managers);
    json_t *entries = json_array();
    for (size_t i = 0; i < managers->count; i++)
        json_array_append_new(entries, entry_json(&managers->items[i]));
    return entries;
}
