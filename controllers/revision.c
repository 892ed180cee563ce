#include "controllers/revision.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strset.h"
#include "controllers/owner.h"
#include "controllers/template_hash.h"
#include "schema/meta.h"

#define HISTORY_DEFAULT 10

const json_t *revision_template(const json_t *revision)
{
    return json_at(revision, "data", "spec", "template");
}

static int64_t number_of(const json_t *revision)
{
    return json_int_or(json_object_get(revision, "revision"), 0);
}

/* The same with the keys of each object in order, as Go writes maps: clients compare a revision's
 * bytes with what they would write themselves. New. */
static json_t *in_order(const json_t *value)
{
    CLEANUP(strset_clear) struct strset keys = {0};
    const char *key;
    json_t *member;
    if (json_is_array(value)) {
        json_t *list = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(list, in_order(json_array_get(value, i)));
        return list;
    }
    if (!json_is_object(value))
        return json_deep_copy(value);
    json_object_foreach (value, key, member)
        strset_add(&keys, key);
    json_t *object = json_object();
    for (size_t i = 0; i < keys.count; i++)
        json_object_set_new(object, keys.items[i], in_order(json_object_get(value, keys.items[i])));
    return object;
}

/* As upstream writes it: a patch that replaces the template. */
static json_t *data_of(const json_t *owner)
{
    json_auto_t *replacing = json_deep_copy(json_at(owner, "spec", "template"));
    json_set_text(replacing, "$patch", "replace");
    json_t *template = in_order(replacing);
    return json_pack("{s:{s:o}}", "spec", "template", template);
}

const json_t *revision_by_name(const struct revision_seen *seen, const char *name)
{
    for (size_t i = 0; name && i < seen->count; i++)
        if (strcmp(meta_name(seen->revisions[i]), name) == 0)
            return seen->revisions[i];
    return NULL;
}

static void create(const struct revision_seen *seen, json_t *data, int64_t number,
                   struct plan *plan)
{
    int64_t collisions = json_int_or(json_at(seen->owner, "status", "collisionCount"), 0);
    CLEANUP(free_ptr) char *hash = template_hash(data, collisions);
    CLEANUP(free_ptr) char *name = xasprintf("%s-%s", meta_name(seen->owner), hash);
    const json_t *own = json_at(seen->owner, "spec", "template", "metadata", "labels");
    json_t *labels = own ? json_deep_copy(own) : json_object();
    json_set_text(labels, seen->hash_label, hash);
    json_t *revision =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:o, s:[o]}, s:o, s:I}", "apiVersion", "apps/v1", "kind",
                  "ControllerRevision", "metadata", "name", name, "namespace",
                  meta_namespace(seen->owner), "labels", labels, "ownerReferences",
                  owner_reference(seen->owner, "apps/v1", seen->api_kind), "data", data, "revision",
                  (json_int_t)number);
    const json_t *notes = json_at(seen->owner, "metadata", "annotations"); /* why it changed */
    if (json_object_size(notes))
        json_object_set_new(json_object_get(revision, "metadata"), "annotations",
                            json_deep_copy(notes));
    plan_create(plan, REVISIONS, meta_namespace(seen->owner), revision)->flags = PLAN_EXISTS_OK;
}

const json_t *revision_current(const struct revision_seen *seen, struct plan *plan)
{
    json_t *data = data_of(seen->owner);
    const json_t *same = NULL;
    int64_t most = 0;
    for (size_t i = 0; i < seen->count; i++) {
        const json_t *revision = seen->revisions[i];
        most = number_of(revision) > most ? number_of(revision) : most;
        if (semantic_equal(json_object_get(revision, "data"), data) &&
            (!same || number_of(revision) > number_of(same)))
            same = revision;
    }
    if (same && number_of(same) == most) {
        json_decref(data);
        return same;
    }
    if (!same) {
        create(seen, data, most + 1, plan);
        return NULL;
    }
    json_decref(data);
    json_t *front = json_deep_copy(same);
    json_object_set_new(front, "revision", json_integer(most + 1));
    plan_update(plan, REVISIONS, "", front);
    return NULL;
}

static int by_number(const void *left, const void *right)
{
    int64_t a = number_of(*(json_t *const *)left), b = number_of(*(json_t *const *)right);
    return (a > b) - (a < b);
}

static bool is_used(const json_t *revision, const char *const *used)
{
    for (; *used; used++)
        if (strcmp(meta_name(revision), *used) == 0)
            return true;
    return false;
}

void revision_trim(const struct revision_seen *seen, const char *const *used, struct plan *plan)
{
    int64_t limit =
        json_int_or(json_at(seen->owner, "spec", "revisionHistoryLimit"), HISTORY_DEFAULT);
    CLEANUP(free_ptr) json_t **idle = xcalloc(seen->count + 1, sizeof(*idle));
    size_t count = 0;
    for (size_t i = 0; i < seen->count; i++)
        if (!is_used(seen->revisions[i], used))
            idle[count++] = seen->revisions[i];
    if ((int64_t)count <= limit)
        return;
    qsort(idle, count, sizeof(*idle), by_number);
    for (size_t i = 0; i < count - (size_t)(limit < 0 ? 0 : limit); i++)
        plan_delete(plan, REVISIONS, idle[i]);
}

bool revision_observe(struct cluster *cluster, const json_t *owner, struct json_list *out,
                      struct error *err)
{
    CLEANUP(json_list_free) struct json_list all = {0};
    const struct observe_query query = {
        .resource = REVISIONS, .ns = meta_namespace(owner), .owner_uid = meta_uid(owner)};
    if (!observe_list(cluster, &query, &all, err))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (owner_is_controller(all.items[i], meta_uid(owner)))
            json_list_add(out, json_incref(all.items[i]));
    return true;
}
