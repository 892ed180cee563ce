/* What a newer server gives to clusters that are there: objects that a cluster of today begins
 * with, and rules that default roles have gained. As upstream's API servers do at each start; here
 * once for each release, since there are many clusters.
 *
 * A ConfigMap of the host says what the clusters have: `have` is the digest of the first objects,
 * and while a sweep goes on `next` is the cluster that it has come to. So a server that takes over
 * goes on there. */
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/parse.h"
#include "schema/meta.h"
#include "tenancy/tenancy_internal.h"

#define STATE_NS        "kube-system"
#define STATE_NAME      "warren-first-objects"
#define CLUSTERS_A_TURN 8
#define TURN_MS         200
#define AUTOUPDATE      "rbac.authorization.kubernetes.io/autoupdate"

struct sweep {
    struct tenancy *tenancy;
    const char *digest;
    json_t *state; /* the ConfigMap; NULL: there is none yet */
    int64_t next;  /* the id of the cluster to go on with */
};

/* ---- one cluster ---- */

/* Appends to a copy of `have` what of `want` it lacks; NULL when it has all. */
static json_t *with_missing(const json_t *have, const json_t *want)
{
    json_t *out = json_is_array(have) ? json_copy((json_t *)(uintptr_t)have) : json_array();
    size_t before = json_array_size(out);
    for (size_t i = 0; i < json_array_size(want); i++) {
        bool known = false;
        for (size_t j = 0; j < json_array_size(out) && !known; j++)
            known = json_equal(json_array_get(out, j), json_array_get(want, i));
        if (!known)
            json_array_append(out, json_array_get(want, i));
    }
    if (json_array_size(out) > before)
        return out;
    json_decref(out);
    return NULL;
}

/* Rules and subjects are only ever added, and to roles whose owner lets us. */
static bool extend(const struct api_caller *caller, const char *resource, const json_t *have,
                   const json_t *want, struct error *err)
{
    static const char *const fields[] = {"rules", "subjects"};
    json_auto_t *next = NULL;
    if (!text_eq(meta_annotation(want, AUTOUPDATE), "true") ||
        !text_eq(meta_annotation(have, AUTOUPDATE), "true") ||
        json_object_get(want, "aggregationRule"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        json_t *more =
            with_missing(json_object_get(have, fields[i]), json_object_get(want, fields[i]));
        if (!more)
            continue;
        if (!next)
            next = json_deep_copy(have);
        json_object_set_new(next, fields[i], more);
    }
    return !next ||
           api_update(caller, resource, "", meta_namespace(have), meta_name(have), next, NULL, err);
}

/* A StorageClass is a choice: where there is any, ours was there to be taken away. */
static bool has_chosen(const struct api_caller *caller, const char *resource, bool *chosen,
                       struct error *err)
{
    CLEANUP(object_list_free) struct object_list classes = {0};
    *chosen = false;
    if (strcmp(resource, "storageclasses.storage.k8s.io") != 0)
        return true;
    if (!cache_list(caller->cluster, resource, NULL, &classes, err))
        return false;
    *chosen = classes.count > 0;
    return true;
}

static bool give(const struct api_caller *caller, const char *resource, const json_t *want,
                 struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *found = NULL;
    bool chosen;
    if (!has_chosen(caller, resource, &chosen, err))
        return false;
    if (chosen)
        return true;
    if (!cache_get(caller->cluster, resource, meta_namespace(want), meta_name(want), &found, err))
        return false;
    if (found) {
        json_auto_t *have = object_json(found);
        return extend(caller, resource, have, want, err);
    }
    json_auto_t *copy = json_deep_copy(want);
    json_object_del(json_object_get(copy, "metadata"), "uid");
    json_object_del(json_object_get(copy, "metadata"), "creationTimestamp");
    json_object_del(copy,
                    "status"); /* a template's times are blank; who reports it does so again */
    return api_create(caller, resource, meta_namespace(want), copy, NULL, err);
}

struct giving {
    struct api_caller caller;
    size_t failures;
    struct error first; /* why the first of them */
};

static void give_one(void *arg, const char *resource, const json_t *want)
{
    struct giving *giving = arg;
    CLEANUP(error_clear) struct error err = {0};
    if (give(&giving->caller, resource, want, &err) || err.reason == ERROR_ALREADY_EXISTS)
        return;
    if (giving->failures++ == 0)
        error_move(&giving->first, &err);
}

/* What one cluster refuses must not keep the others from theirs: it is said, and that is all. */
static void refresh(struct tenancy *tenancy, struct cluster *cluster)
{
    struct giving giving = {.caller = {tenancy->api, cluster, &tenancy->user}};
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *endpoints = NULL, *slice = NULL;
    vcluster_api_objects(tenancy->vcluster, &endpoints, &slice);
    seed_each(give_one, &giving);
    if (endpoints)
        give_one(&giving, "endpoints", endpoints);
    if (slice)
        give_one(&giving, "endpointslices.discovery.k8s.io", slice);
    if (giving.failures)
        log_warn("tenancy", "cluster %s lacks %zu of the first objects of this release: %s",
                 cluster->name, giving.failures, giving.first.message);
    error_clear(&giving.first);
}

/* ---- all of them, a few at a time ---- */

static bool read_state(struct sweep *sweep, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *found = NULL;
    if (!cache_get(sweep->tenancy->host, "configmaps", STATE_NS, STATE_NAME, &found, err))
        return false;
    sweep->state = found ? object_json(found) : NULL;
    const char *next = json_text(sweep->state, "data", "next"),
               *to = json_text(sweep->state, "data", "to");
    if (!next || !text_eq(to, sweep->digest) ||
        !parse_i64(str_of(next), 0, INT64_MAX, &sweep->next))
        sweep->next = 0;
    return true;
}

static bool write_state(struct sweep *sweep, bool done, struct error *err)
{
    const struct api_caller caller = {sweep->tenancy->api, sweep->tenancy->host,
                                      &sweep->tenancy->user};
    CLEANUP(free_ptr) char *next = xasprintf("%lld", (long long)sweep->next);
    json_auto_t *data = done ? json_pack("{s:s}", "have", sweep->digest)
                             : json_pack("{s:s, s:s}", "to", sweep->digest, "next", next);
    if (sweep->state) {
        json_auto_t *map = json_deep_copy(sweep->state);
        json_object_set(map, "data", data);
        return api_update(&caller, "configmaps", "", STATE_NS, STATE_NAME, map, NULL, err);
    }
    json_auto_t *map =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:O}", "apiVersion", "v1", "kind", "ConfigMap",
                  "metadata", "name", STATE_NAME, "namespace", STATE_NS, "data", data);
    return api_create(&caller, "configmaps", STATE_NS, map, NULL, err);
}

static int by_id(const void *a, const void *b)
{
    int64_t left = (*(struct cluster *const *)a)->id, right = (*(struct cluster *const *)b)->id;
    return (left > right) - (left < right);
}

/* Looks at the next few clusters; true when there is none beyond them. */
static bool take_turn(struct sweep *sweep)
{
    size_t count, done = 0, at;
    struct cluster **clusters = store_clusters(api_store(sweep->tenancy->api), &count);
    qsort(clusters, count, sizeof(*clusters), by_id);
    for (at = 0; at < count && done < CLUSTERS_A_TURN; at++) {
        struct cluster *cluster = clusters[at];
        if (cluster->id < sweep->next || cluster->id == CLUSTER_HOST_ID)
            continue;
        if (atomic_load(&cluster->state) == CLUSTER_ACTIVE ||
            atomic_load(&cluster->state) == CLUSTER_SUSPENDED)
            refresh(sweep->tenancy, cluster);
        sweep->next = cluster->id + 1;
        done++;
    }
    for (size_t i = 0; i < count; i++)
        cluster_unref(clusters[i]);
    free(clusters);
    return at == count;
}

static enum reconcile_result reconcile_refresh(void *arg, struct reconcile *reconcile,
                                               int64_t *again_ms, struct error *err)
{
    struct sweep sweep = {.tenancy = arg, .digest = seed_digest()};
    (void)reconcile;
    if (!read_state(&sweep, err))
        return RECONCILE_RETRY;
    bool done = text_eq(json_text(sweep.state, "data", "have"), sweep.digest), written = true;
    if (!done) {
        done = take_turn(&sweep);
        written = write_state(&sweep, done, err);
    }
    json_decref(sweep.state);
    *again_ms = TURN_MS;
    return !written ? RECONCILE_RETRY : done ? RECONCILE_DONE : RECONCILE_AGAIN;
}

bool refresh_take(void *arg, struct error *err)
{
    struct tenancy *tenancy = arg;
    (void)err;
    controllers_enqueue(tenancy->controllers, REFRESH_CONTROLLER, tenancy->host, STATE_NAME);
    return true;
}

static const struct controller_source sources[] = {{NULL, NULL}};

const struct controller refresh_controller = {.name = REFRESH_CONTROLLER,
                                              .user = TENANCY_USER,
                                              .sources = sources,
                                              .host_only = true,
                                              .reconcile = reconcile_refresh};
