#include "apiserver/admission/admission_config.h"

#include <pthread.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "base/refs.h"
#include "schema/meta.h"

enum source { SOURCE_MUTATING, SOURCE_VALIDATING, SOURCE_POLICIES, SOURCE_BINDINGS, SOURCE_COUNT };

static const char *const sources[SOURCE_COUNT] = {
    [SOURCE_MUTATING] = "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    [SOURCE_VALIDATING] = "validatingwebhookconfigurations.admissionregistration.k8s.io",
    [SOURCE_POLICIES] = "validatingadmissionpolicies.admissionregistration.k8s.io",
    [SOURCE_BINDINGS] = "validatingadmissionpolicybindings.admissionregistration.k8s.io",
};

struct admission_slot {
    pthread_mutex_t making; /* held while a configuration is compiled: never by an I/O thread */
    pthread_mutex_t lock;
    struct admission_config *config; /* guarded by lock; NULL: none, when `known` */
    atomic_uint changes;             /* configurations of the cluster that were seen to change */
    atomic_bool known, empty;        /* empty, once known: there is nothing to load */
};

struct admission_slot *admission_slot_new(void)
{
    struct admission_slot *slot = xcalloc(1, sizeof(*slot));
    pthread_mutex_init(&slot->making, NULL);
    pthread_mutex_init(&slot->lock, NULL);
    return slot;
}

void admission_slot_free(struct admission_slot *slot)
{
    admission_config_unref(slot->config);
    pthread_mutex_destroy(&slot->making);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

static void free_webhooks(struct webhook *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        admission_match_deinit(&list[i].match);
        webhook_client_deinit(&list[i].client);
        admission_programs_free(list[i].conditions);
    }
    free(list);
}

void admission_config_unref(struct admission_config *config)
{
    if (!config || !refs_drop(&config->refs))
        return;
    free_webhooks(config->mutating, config->mutating_count);
    free_webhooks(config->validating, config->validating_count);
    policies_free(config->policies, config->policy_count);
    json_decref(config->definitions);
    free(config);
}

void admission_config_unref_ptr(struct admission_config **config)
{
    admission_config_unref(*config);
}

/* ---- changes ---- */

void admission_config_changed(struct cluster *cluster, const char *resource)
{
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        if (strcmp(resource, sources[i]) != 0)
            continue;
        struct cluster_part *part = cluster_part_peek(cluster, CLUSTER_PART_API);
        if (!part)
            return;
        struct admission_slot *slot = flow_admission_slot(part);
        atomic_fetch_add(&slot->changes, 1);
        atomic_store(&slot->known, false);
        cluster_part_unref(part);
    }
}

/* ---- making ---- */

static void compile(struct webhook *hook, const json_t *configuration, const json_t *definition)
{
    const char *effects = json_text(definition, "sideEffects");
    *hook = (struct webhook){
        .name = json_text(definition, "name"),
        .configuration = meta_name(configuration),
        .review_version =
            webhook_review_version(json_object_get(definition, "admissionReviewVersions")),
        .timeout_s = json_int_or(json_object_get(definition, "timeoutSeconds"), 10),
        .ignores_failure = text_eq(json_text(definition, "failurePolicy"), "Ignore"),
        .reinvoked = text_eq(json_text(definition, "reinvocationPolicy"), "IfNeeded"),
        .has_side_effects = !text_eq(effects, "None") && !text_eq(effects, "NoneOnDryRun"),
    };
    admission_match_init(&hook->match, definition, "rules");
    webhook_client_init(&hook->client, json_object_get(definition, "clientConfig"));
    if (json_array_size(json_object_get(definition, "matchConditions")) > 0)
        hook->conditions = admission_compile(definition, NULL, NULL);
}

static struct webhook *compile_all(const json_t *configurations, size_t *count)
{
    const json_t *configuration, *definition;
    size_t i, k, room = 0;
    json_array_foreach (configurations, i, configuration)
        room += json_array_size(json_object_get(configuration, "webhooks"));
    struct webhook *list = xcalloc(room + 1, sizeof(*list));
    json_array_foreach (configurations, i, configuration)
        json_array_foreach (json_object_get(configuration, "webhooks"), k, definition)
            compile(&list[(*count)++], configuration, definition);
    return list;
}

/* Sorted by name, as the cache lists them. Adds to `*bytes` what they are as text. */
static enum step_result read_all(struct request *request, const char *resource, json_t *into,
                                 size_t *bytes)
{
    const struct cache_range everything = {0};
    struct object_list list = {0};
    bool gone;
    enum step_result result =
        request_list(request, store_intern(resource), &everything, &list, &gone);
    for (size_t i = 0; result == STEP_NEXT && i < list.count; i++) {
        json_array_append_new(into, object_json(list.items[i]));
        *bytes += list.items[i]->body.len;
    }
    object_list_free(&list);
    return result;
}

static enum step_result read_sources(struct request *request, json_t *definitions, size_t *bytes)
{
    enum step_result result = STEP_NEXT;
    for (size_t i = 0; i < ARRAY_LEN(sources) && result == STEP_NEXT; i++) {
        json_t *list = json_array();
        json_array_append_new(definitions, list);
        result = read_all(request, sources[i], list, bytes);
    }
    return result;
}

static enum step_result make(struct request *request, struct admission_config **out)
{
    json_auto_t *definitions = json_array();
    size_t bytes = 0;
    enum step_result result = read_sources(request, definitions, &bytes);
    if (result == STEP_NEXT)
        result = request_may_compile(request, bytes);
    if (result != STEP_NEXT)
        return result;
    struct admission_config *config = xcalloc(1, sizeof(*config));
    atomic_init(&config->refs, 1);
    config->definitions = json_incref(definitions);
    config->mutating =
        compile_all(json_array_get(definitions, SOURCE_MUTATING), &config->mutating_count);
    config->validating =
        compile_all(json_array_get(definitions, SOURCE_VALIDATING), &config->validating_count);
    config->policies =
        policies_compile(json_array_get(definitions, SOURCE_POLICIES),
                         json_array_get(definitions, SOURCE_BINDINGS), &config->policy_count);
    *out = config;
    return STEP_NEXT;
}

/* ---- loading ---- */

/* Whether there is any, without filling caches. */
static enum step_result look(struct request *request, bool *any)
{
    if (!request->may_block)
        return STEP_BLOCK;
    return cache_any(request->cluster, sources, SOURCE_COUNT, any, &request->error) ? STEP_NEXT
                                                                                    : STEP_FAIL;
}

/* `changes`: what was seen before anything was read. Takes a reference of `made` for the slot. */
static void keep(struct admission_slot *slot, struct admission_config *made, unsigned changes)
{
    pthread_mutex_lock(&slot->lock);
    admission_config_unref(slot->config);
    slot->config = made;
    atomic_store(&slot->empty, !made);
    atomic_store(&slot->known, atomic_load(&slot->changes) == changes);
    pthread_mutex_unlock(&slot->lock);
}

static struct admission_config *kept(struct admission_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    struct admission_config *config = slot->config;
    if (config)
        refs_take(&config->refs);
    pthread_mutex_unlock(&slot->lock);
    return config;
}

/* False when it has to be made. */
static bool find(struct admission_slot *slot, struct admission_config **config)
{
    if (!atomic_load(&slot->known))
        return false;
    *config = atomic_load(&slot->empty) ? NULL : kept(slot);
    return true;
}

/* By one thread at a time: others find it made. */
static enum step_result renew(struct request *request, struct admission_slot *slot,
                              struct admission_config **config)
{
    enum step_result result = request_compile_begin(request, &slot->making, 0);
    if (result != STEP_NEXT)
        return result;
    unsigned changes = atomic_load(&slot->changes);
    if (!find(slot, config) && (result = make(request, config)) == STEP_NEXT) {
        refs_take(&(*config)->refs);
        keep(slot, *config, changes);
    }
    pthread_mutex_unlock(&slot->making);
    return result;
}

static enum step_result load(struct request *request, struct admission_slot *slot,
                             struct admission_config **config)
{
    unsigned changes = atomic_load(&slot->changes);
    bool any = false;
    if (find(slot, config))
        return STEP_NEXT;
    enum step_result result = look(request, &any);
    if (result == STEP_NEXT && any)
        result = request_may_compute(request);
    if (result != STEP_NEXT)
        return result;
    if (any)
        return renew(request, slot, config);
    keep(slot, NULL, changes);
    return STEP_NEXT;
}

enum step_result admission_config_load(struct request *request, struct admission_config **config)
{
    struct cluster_part *part = flow_part_get(request->cluster);
    *config = NULL;
    enum step_result result = load(request, flow_admission_slot(part), config);
    cluster_part_unref(part);
    return result;
}
