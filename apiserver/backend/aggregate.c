#include "apiserver/backend/aggregate.h"

#include <string.h>

#include "apiserver/backend/aggregate_internal.h"
#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/documents/documents.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "base/refs.h"
#include "schema/api_service.h"

#define IDENTITY_VALID_S ((int64_t)24 * 3600)
#define IDENTITY_NS      ((int64_t)12 * 3600 * 1000000000)
#define PROBE_NS         ((int64_t)25 * 1000000000)
#define REFRESH_NS       ((int64_t)60 * 1000000000) /* as upstream's discovery manager */

struct aggregate_slot {
    struct room *room;
    pthread_mutex_t lock;
    struct aggregates *current; /* guarded by lock */
    struct keypair identity;    /* guarded by lock */
    int64_t identity_mono_ns;   /* guarded by lock; 0: none yet */
};

bool aggregate_may_serve(const char *group, const char *version)
{
    const struct group_version *built_in = group_version_find(group, version);
    return !built_in || built_in->aggregated;
}

/* ---- states ---- */

static struct aggregate_state *state_new(struct room *room)
{
    struct aggregate_state *state = xcalloc(1, sizeof(*state));
    state->room = room_ref(room);
    atomic_init(&state->refs, 1);
    pthread_mutex_init(&state->lock, NULL);
    return state;
}

struct aggregate_state *aggregate_state_ref(struct aggregate_state *state)
{
    refs_take(&state->refs);
    return state;
}

void aggregate_state_unref(struct aggregate_state *state)
{
    if (!state || !refs_drop(&state->refs))
        return;
    free(state->problem);
    free(state->openapi_url);
    json_decref(state->resources);
    json_decref(state->swagger);
    room_give(state->room, state->resources_room + state->swagger_room);
    room_unref(state->room);
    pthread_mutex_destroy(&state->lock);
    free(state);
}

static unsigned generation_of(const struct aggregates *aggregates)
{
    unsigned sum = 0;
    for (size_t i = 0; i < aggregates->count; i++) {
        struct aggregate_state *state = aggregates->items[i].state;
        pthread_mutex_lock(&state->lock);
        sum += state->generation;
        pthread_mutex_unlock(&state->lock);
    }
    return sum;
}

/* ---- sets ---- */

void aggregates_unref(struct aggregates *aggregates)
{
    if (!aggregates || !refs_drop(&aggregates->refs))
        return;
    for (size_t i = 0; i < aggregates->count; i++) {
        aggregate_state_unref(aggregates->items[i].state);
        aggregate_item_clear(&aggregates->items[i]);
    }
    documents_free(aggregates->documents);
    custom_unref(aggregates->custom);
    free(aggregates->items);
    free(aggregates);
}

static struct aggregate_state *state_for(const struct aggregates *old,
                                         const struct aggregate_item *item, struct room *room)
{
    for (size_t i = 0; old && i < old->count; i++)
        if (aggregate_item_same(&old->items[i], item))
            return aggregate_state_ref(old->items[i].state);
    return state_new(room);
}

static int64_t newest(const struct object_list *list)
{
    int64_t revision = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->revision > revision)
            revision = list->items[i]->revision;
    return revision;
}

static struct aggregates *make(const struct aggregates *old, const struct object_list *list,
                               struct room *room)
{
    struct aggregates *aggregates = xcalloc(1, sizeof(*aggregates));
    atomic_init(&aggregates->refs, 1);
    aggregates->items = xcalloc(list->count + 1, sizeof(*aggregates->items));
    aggregates->seen = list->count;
    aggregates->newest = newest(list);
    for (size_t i = 0; i < list->count; i++) {
        struct aggregate_item *item = &aggregates->items[aggregates->count];
        const struct object *object = list->items[i];
        if (!memmem(object->body.data, object->body.len, "\"service\"", 9))
            continue; /* nearly all are local */
        json_auto_t *tree = object_json(object);
        if (!aggregate_item_make(item, tree))
            continue;
        if (!aggregate_may_serve(item->group, item->version)) {
            aggregate_item_clear(item);
            continue;
        }
        item->state = state_for(old, item, room);
        aggregates->count++;
    }
    aggregates->documents = documents_new();
    aggregates->generation = generation_of(aggregates);
    return aggregates;
}

static bool is_for(const struct aggregates *aggregates, const struct custom *custom)
{
    return aggregates && (!custom || aggregates->custom == custom) &&
           aggregates->generation == generation_of(aggregates);
}

/* The present set, referenced; NULL when the objects must be listed first. */
static struct aggregates *peek(struct aggregate_slot *slot, int64_t revision,
                               const struct custom *custom)
{
    struct aggregates *found = NULL;
    pthread_mutex_lock(&slot->lock);
    if (revision && is_for(slot->current, custom) && slot->current->revision == revision) {
        found = slot->current;
        refs_take(&found->refs);
    }
    pthread_mutex_unlock(&slot->lock);
    return found;
}

static struct aggregates *current(struct aggregate_slot *slot, const struct object_list *list,
                                  struct custom *custom)
{
    pthread_mutex_lock(&slot->lock);
    struct aggregates *found = slot->current;
    if (!is_for(found, custom) || found->seen != list->count || found->newest != newest(list)) {
        found = make(slot->current, list, slot->room);
        found->custom = custom ? custom_ref(custom) : NULL;
        aggregates_unref(slot->current);
        slot->current = found;
    }
    found->revision = list->revision;
    refs_take(&found->refs);
    pthread_mutex_unlock(&slot->lock);
    return found;
}

struct aggregate_slot *aggregate_slot_of(struct cluster *cluster, struct cluster_part **part)
{
    *part = flow_part_get(cluster);
    return flow_aggregate_slot(*part);
}

enum step_result aggregates_load(struct request *request)
{
    const struct cache_range everything = {0};
    struct object_list list = {0};
    struct cluster_part *part;
    bool gone;
    if (request->aggregates && (!request->custom || request->aggregates->custom))
        return STEP_NEXT;
    aggregates_unref(request->aggregates);
    struct aggregate_slot *slot = aggregate_slot_of(request->cluster, &part);
    int64_t revision = cache_revision(request->cluster, store_intern(API_SERVICES));
    request->aggregates = peek(slot, revision, request->custom);
    enum step_result result = STEP_NEXT;
    if (!request->aggregates) {
        result = request_list(request, store_intern(API_SERVICES), &everything, &list, &gone);
        if (result == STEP_NEXT)
            request->aggregates = current(slot, &list, request->custom);
        object_list_free(&list);
    }
    cluster_part_unref(part);
    return result;
}

/* NULL when the objects cannot be read now. */
static struct aggregates *aggregates_get(struct cluster *cluster)
{
    CLEANUP(error_clear) struct error ignored = {0};
    struct object_list list = {0};
    struct cluster_part *part;
    struct aggregate_slot *slot = aggregate_slot_of(cluster, &part);
    struct aggregates *found = NULL;
    if (cache_list(cluster, store_intern(API_SERVICES), NULL, &list, &ignored))
        found = current(slot, &list, NULL);
    object_list_free(&list);
    cluster_part_unref(part);
    return found;
}

const struct aggregate_item *aggregates_find(const struct aggregates *aggregates, const char *group,
                                             const char *version)
{
    for (size_t i = 0; aggregates && i < aggregates->count; i++)
        if (strcmp(aggregates->items[i].group, group) == 0 &&
            strcmp(aggregates->items[i].version, version) == 0)
            return &aggregates->items[i];
    return NULL;
}

/* ---- what servers said ---- */

void aggregate_said(const struct aggregate_item *item, struct aggregate_said *said)
{
    struct aggregate_state *state = item->state;
    pthread_mutex_lock(&state->lock);
    *said = (struct aggregate_said){
        .current = state->passed && item->available,
        .resources = state->resources ? json_incref(state->resources) : NULL,
        .swagger = state->swagger ? json_incref(state->swagger) : NULL,
        .openapi_url = state->openapi_url ? xstrdup(state->openapi_url) : NULL,
    };
    pthread_mutex_unlock(&state->lock);
}

void aggregate_said_clear(struct aggregate_said *said)
{
    json_decref(said->resources);
    json_decref(said->swagger);
    free(said->openapi_url);
    *said = (struct aggregate_said){0};
}

static bool want_swagger(struct aggregate_state *state)
{
    pthread_mutex_lock(&state->lock);
    bool first = !state->wants_swagger;
    state->wants_swagger = true;
    pthread_mutex_unlock(&state->lock);
    return first;
}

void aggregates_refresh(struct api *api, struct cluster *cluster,
                        const struct aggregates *aggregates, bool swagger)
{
    for (size_t i = 0; i < aggregates->count; i++) {
        const struct aggregate_item *item = &aggregates->items[i];
        bool first = swagger && want_swagger(item->state);
        if (item->available)
            aggregate_refresh(api, cluster, item, first ? 0 : REFRESH_NS);
    }
}

enum api_probe api_probe_service(struct api *api, struct cluster *cluster, const char *name,
                                 char **problem)
{
    struct aggregates *aggregates = aggregates_get(cluster);
    enum api_probe result = aggregates ? API_PROBE_PASSED : API_PROBE_PENDING;
    for (size_t i = 0; aggregates && i < aggregates->count; i++) {
        const struct aggregate_item *item = &aggregates->items[i];
        if (strcmp(item->name, name) != 0)
            continue;
        aggregate_refresh(api, cluster, item, PROBE_NS);
        pthread_mutex_lock(&item->state->lock);
        result = item->state->asking || !item->state->asked_mono_ns ? API_PROBE_PENDING
                 : item->state->passed                              ? API_PROBE_PASSED
                                                                    : API_PROBE_FAILED;
        if (result == API_PROBE_FAILED)
            *problem = xstrdup(item->state->problem);
        pthread_mutex_unlock(&item->state->lock);
    }
    aggregates_unref(aggregates);
    return result;
}

/* ---- the slot ---- */

struct aggregate_slot *aggregate_slot_new(void)
{
    struct aggregate_slot *slot = xcalloc(1, sizeof(*slot));
    slot->room = room_new(AGGREGATE_ROOM_MAX);
    pthread_mutex_init(&slot->lock, NULL);
    return slot;
}

void aggregate_slot_free(struct aggregate_slot *slot)
{
    aggregates_unref(slot->current);
    room_unref(slot->room);
    keypair_clear(&slot->identity);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

static bool copy_identity(struct aggregate_slot *slot, struct keypair *out)
{
    pthread_mutex_lock(&slot->lock);
    bool fresh = slot->identity_mono_ns && clock_mono_ns() - slot->identity_mono_ns < IDENTITY_NS;
    if (fresh)
        *out = (struct keypair){xstrdup(slot->identity.cert), xstrdup(slot->identity.key)};
    pthread_mutex_unlock(&slot->lock);
    return fresh;
}

static void keep_identity(struct aggregate_slot *slot, const struct keypair *pair)
{
    pthread_mutex_lock(&slot->lock);
    keypair_clear(&slot->identity);
    slot->identity = (struct keypair){xstrdup(pair->cert), xstrdup(pair->key)};
    slot->identity_mono_ns = clock_mono_ns();
    pthread_mutex_unlock(&slot->lock);
}

bool aggregate_identity(struct cluster *cluster, struct keypair *out, struct error *err)
{
    struct cluster_part *part;
    struct aggregate_slot *slot = aggregate_slot_of(cluster, &part);
    bool ok = copy_identity(slot, out);
    if (!ok && auth_front_proxy_client(cluster, IDENTITY_VALID_S, out, err)) {
        keep_identity(slot, out);
        ok = true;
    }
    cluster_part_unref(part);
    return ok;
}
