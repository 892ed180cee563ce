/* metrics.k8s.io: PodMetrics and NodeMetrics, made when they are asked for from what the nodes say.
 * Source: metrics-server pkg/api and pkg/storage.
 *
 * The host cluster's nodes are told as they are. A tenant's node is one that it shares with others,
 * of whom its figures would tell: there a node uses what the tenant's own Pods on it use. */
#include <stdlib.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/backend/usage.h"
#include "apiserver/list.h"
#include "apiserver/special.h"
#include "base/clock.h"
#include "base/go_duration.h"
#include "base/quantity.h"
#include "base/strmap.h"

#define WAIT_MS_MAX ((int64_t)10000)
#define OBJECT_MAX  ((size_t)1 << 20)
#define NOWHERE     SIZE_MAX

/* ---- where Pods and nodes are ---- */

/* What is asked about, and what its nodes said. */
struct survey {
    struct object_list objects; /* Pods or nodes */
    size_t *nodes;              /* of each: which URL; NOWHERE: none */
    char **prefixes;            /* of each Pod: "namespace/name/" as its node knows it; NULL */
    struct strmap known;        /* URL -> its number and one */
    char **urls;                /* owned */
    struct usage_reading *readings;
    size_t url_count;
    const struct survey *pods; /* of a tenant's nodes: all its Pods */
};

static void survey_init(struct survey *survey)
{
    size_t count = survey->objects.count + 1;
    survey->nodes = xcalloc(count, sizeof(*survey->nodes));
    survey->prefixes = xcalloc(count, sizeof(*survey->prefixes));
    survey->urls = xcalloc(count, sizeof(*survey->urls));
    survey->readings = xcalloc(count, sizeof(*survey->readings));
}

static void survey_clear(struct survey *survey)
{
    for (size_t i = 0; survey->prefixes && i < survey->objects.count; i++)
        free(survey->prefixes[i]);
    for (size_t i = 0; i < survey->url_count; i++) {
        usage_reading_clear(&survey->readings[i]);
        free(survey->urls[i]);
    }
    free(survey->nodes);
    free(survey->prefixes);
    free(survey->urls);
    free(survey->readings);
    strmap_clear(&survey->known);
    object_list_free(&survey->objects);
    *survey = (struct survey){0};
}

/* Takes `url`. */
static size_t add_url(struct survey *survey, char *url)
{
    uintptr_t number = (uintptr_t)strmap_get(&survey->known, url);
    if (number) {
        free(url);
        return number - 1;
    }
    survey->urls[survey->url_count++] = url;
    (void)strmap_put(&survey->known, url, (void *)survey->url_count); /* there was none */
    return survey->url_count - 1;
}

static void place_pod(const struct request *request, struct survey *survey, size_t at)
{
    struct api *api = request->api;
    const struct object *pod = survey->objects.items[at];
    CLEANUP(error_clear) struct error ignored = {0};
    struct api_pod_target target = {0};
    survey->nodes[at] = NOWHERE;
    if (!*object_field(pod, "spec.nodeName") || !api->pod_target ||
        !api->pod_target(api->pod_target_arg, request->cluster, pod->ns, pod->name, &target,
                         &ignored))
        return;
    survey->nodes[at] = add_url(survey, TAKE(target.node_url));
    survey->prefixes[at] = xasprintf("%s/%s/", target.ns, target.pod);
    free(target.ns);
    free(target.pod);
}

static void place_node(struct survey *survey, size_t at)
{
    json_auto_t *node = object_json(survey->objects.items[at]);
    char *url = api_node_url(node);
    survey->nodes[at] = url ? add_url(survey, url) : NOWHERE;
}

/* Calls from inside have few threads: they come again. */
static bool read_nodes(struct request *request, struct survey *survey)
{
    int64_t left_ms = request->caller ? 0 : request_left_ms(request);
    bool whole =
        usages_read(request->api->usages, (const char *const *)survey->urls, survey->url_count,
                    left_ms < WAIT_MS_MAX ? left_ms : WAIT_MS_MAX, survey->readings);
    if (whole || !request->caller)
        return true;
    error_unavailable(&request->error, "the usage of this cluster's Pods is being read");
    request->error.retry_after_s = 1;
    return false;
}

/* ---- figures ---- */

/* The next container of the Pod at `prefix`, from row `*at` on; NULL behind the last. */
static const struct usage_row *next_row(const struct usage_reading *reading, const char *prefix,
                                        size_t *at)
{
    if (*at >= reading->now->count || !text_starts(reading->now->rows[*at].key, prefix))
        return NULL;
    return &reading->now->rows[(*at)++];
}

static bool row_rate(const struct usage_reading *reading, const struct usage_row *row,
                     struct usage_rate *rate)
{
    size_t at = usage_find(reading->before, row->key);
    bool was = at < reading->before->count && strcmp(reading->before->rows[at].key, row->key) == 0;
    return usage_between(was ? &reading->before->rows[at].point : NULL, &row->point, rate);
}

static json_t *usage_json(const struct usage_rate *rate)
{
    char cpu[QUANTITY_TEXT_SIZE], memory[QUANTITY_TEXT_SIZE];
    const struct quantity cores = {rate->cpu_nano, QUANTITY_DECIMAL_SI},
                          bytes = {(__int128)rate->memory_bytes * 1000000000, QUANTITY_BINARY_SI};
    quantity_format(&cores, cpu);
    quantity_format(&bytes, memory);
    return json_pack("{s:s, s:s}", "cpu", cpu, "memory", memory);
}

/* The sum is of the oldest time among its parts. */
static void add_rate(struct usage_rate *sum, const struct usage_rate *rate)
{
    sum->cpu_nano += rate->cpu_nano;
    sum->memory_bytes += rate->memory_bytes;
    if (rate->at_us < sum->at_us) {
        sum->at_us = rate->at_us;
        sum->window_us = rate->window_us;
    }
}

/* A Pod's containers, in `containers` when that is not NULL, and their sum. False
 * unless all can be told. */
static bool pod_rate(const struct survey *survey, size_t at, json_t *containers,
                     struct usage_rate *sum)
{
    const char *prefix = survey->prefixes[at];
    const struct usage_reading *reading =
        survey->nodes[at] == NOWHERE ? NULL : &survey->readings[survey->nodes[at]];
    const struct usage_row *row;
    if (!reading || !reading->now)
        return false;
    *sum = (struct usage_rate){.at_us = INT64_MAX};
    for (size_t i = usage_find(reading->now, prefix); (row = next_row(reading, prefix, &i));) {
        struct usage_rate rate;
        if (!row_rate(reading, row, &rate))
            return false;
        if (containers)
            json_array_append_new(containers,
                                  json_pack("{s:s, s:o}", "name", row->key + strlen(prefix),
                                            "usage", usage_json(&rate)));
        add_rate(sum, &rate);
    }
    return sum->at_us != INT64_MAX;
}

/* ---- objects ---- */

/* An object of the request's kind about `of`. Takes `json`, in which metadata, timestamp and window
 * come first. */
static struct object *make_object(const struct request *request, const struct object *of,
                                  const struct usage_rate *rate, const char *member, json_t *json)
{
    char now[TIME_TEXT_SIZE], at[TIME_TEXT_SIZE], window[GO_DURATION_TEXT_SIZE];
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(OBJECT_MAX);
    CLEANUP(error_clear) struct error ignored = {0};
    struct object_draft draft;
    time_format(clock_now_us(), now);
    time_format(rate->at_us, at);
    go_duration_format(rate->window_us / 1000 * 1000000, window);
    json_t *metadata = json_pack("{s:s}", "name", of->name);
    if (*of->ns)
        json_set_text(metadata, "namespace", of->ns);
    json_set_text(metadata, "creationTimestamp", now);
    for (uint32_t i = 0; i < of->label_count; i++)
        json_set_text(json_ensure_object(metadata, "labels"), of->labels[i].key,
                      of->labels[i].value);
    json_auto_t *tree = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o}", "kind", request->resource->kind,
                                  "apiVersion", request->resource->api_version, "metadata",
                                  metadata, "timestamp", at, "window", window, member, json);
    return object_draft_make(tree, &bytes, &draft, &ignored)
               ? object_new(request->storage, &draft, 0, tree)
               : NULL;
}

static struct object *pod_object(const struct request *request, const struct survey *survey,
                                 size_t at)
{
    struct usage_rate rate;
    json_t *containers = json_array();
    if (pod_rate(survey, at, containers, &rate))
        return make_object(request, survey->objects.items[at], &rate, "containers", containers);
    json_decref(containers);
    return NULL;
}

static struct object *node_object(const struct request *request, const struct survey *survey,
                                  size_t at)
{
    struct usage_rate rate;
    const struct usage_reading *reading =
        survey->nodes[at] == NOWHERE ? NULL : &survey->readings[survey->nodes[at]];
    if (!reading || !reading->now || !reading->now->has_node || !reading->before->has_node ||
        !usage_between(&reading->before->node, &reading->now->node, &rate))
        return NULL;
    return make_object(request, survey->objects.items[at], &rate, "usage", usage_json(&rate));
}

/* What the tenant's Pods on this node use, as of the oldest time among them. */
static struct object *shared_node_object(const struct request *request, const struct survey *nodes,
                                         size_t at)
{
    const struct object *node = nodes->objects.items[at];
    const struct object_list *pods = &nodes->pods->objects;
    struct usage_rate rate, sum = {.at_us = clock_now_us(), .window_us = USAGE_FRESH_NS / 1000};
    for (size_t i = 0; i < pods->count; i++)
        if (strcmp(object_field(pods->items[i], "spec.nodeName"), node->name) == 0 &&
            pod_rate(nodes->pods, i, NULL, &rate))
            add_rate(&sum, &rate);
    return make_object(request, node, &sum, "usage", usage_json(&sum));
}

/* ---- requests ---- */

typedef struct object *(*make_fn)(const struct request *request, const struct survey *survey,
                                  size_t at);

static bool keep(const struct object *object, void *arg)
{
    return selection_keeps(arg, object);
}

/* The Pods or nodes that the request selects. */
static enum step_result list_objects(struct request *request, const char *storage,
                                     struct object_list *list)
{
    struct selection selection;
    bool gone = false;
    if (!selection_parse(request, &selection))
        return STEP_FAIL;
    const struct cache_range range = {.ns = selection.ns, .keep = keep, .arg = &selection};
    enum step_result result = request_list(request, store_intern(storage), &range, list, &gone);
    selection_clear(&selection);
    return result;
}

static bool is_get(const struct request *request)
{
    return strcmp(request->route.verb, "get") == 0;
}

/* Answers with what could be made of the survey's objects. */
static enum step_result answer(struct request *request, const struct survey *survey, make_fn make)
{
    struct reply *reply = &request->reply;
    struct object_list made = {.items = xcalloc(survey->objects.count + 1, sizeof(*made.items))};
    for (size_t i = 0; i < survey->objects.count; i++)
        if ((made.items[made.count] = make(request, survey, i)))
            made.count++;
    reply->computed = true;
    if (!is_get(request)) {
        reply->list = made;
        reply->kind = REPLY_LIST;
        reply->code = 200;
        return STEP_DONE;
    }
    struct object *only = made.count ? made.items[0] : NULL;
    free(made.items);
    return only ? reply_object(request, 200, only) : STEP_FAIL;
}

static enum step_result no_figures(struct request *request)
{
    const char *ns = request_ns(request), *name = request->route.name;
    CLEANUP(free_ptr) char *key = xasprintf("%s%s%s", ns, *ns ? "/" : "", name);
    error_not_found(&request->error,
                    *ns ? "podmetrics.metrics.k8s.io" : "nodemetrics.metrics.k8s.io", key);
    return STEP_FAIL;
}

/* Finds the Pods' nodes and asks them. */
static bool survey_pods(struct request *request, struct survey *survey)
{
    survey_init(survey);
    for (size_t i = 0; i < survey->objects.count; i++)
        place_pod(request, survey, i);
    return read_nodes(request, survey);
}

/* Lists what the request is about; a GET of what is not there fails. */
static enum step_result begin(struct request *request, const char *storage, struct survey *survey)
{
    enum step_result result = request->caller ? STEP_NEXT : request_may_call(request);
    if (result == STEP_NEXT)
        result = list_objects(request, storage, &survey->objects);
    if (result != STEP_NEXT)
        return result;
    if (is_get(request) && !survey->objects.count) {
        error_not_found(&request->error, storage, request->route.name);
        return STEP_FAIL;
    }
    return STEP_NEXT;
}

static enum step_result finish(struct request *request, const struct survey *survey, make_fn make)
{
    enum step_result result = answer(request, survey, make);
    return result == STEP_FAIL ? no_figures(request) : result;
}

enum step_result step_pod_usage(struct request *request)
{
    CLEANUP(survey_clear) struct survey survey = {0};
    enum step_result result = begin(request, "pods", &survey);
    if (result != STEP_NEXT)
        return result;
    return survey_pods(request, &survey) ? finish(request, &survey, pod_object) : STEP_FAIL;
}

static enum step_result host_nodes(struct request *request, struct survey *nodes)
{
    survey_init(nodes);
    for (size_t i = 0; i < nodes->objects.count; i++)
        place_node(nodes, i);
    return read_nodes(request, nodes) ? finish(request, nodes, node_object) : STEP_FAIL;
}

static enum step_result tenant_nodes(struct request *request, struct survey *nodes)
{
    CLEANUP(survey_clear) struct survey pods = {0};
    const struct cache_range everything = {0};
    bool gone;
    enum step_result result =
        request_list(request, store_intern("pods"), &everything, &pods.objects, &gone);
    if (result != STEP_NEXT)
        return result;
    nodes->pods = &pods;
    return survey_pods(request, &pods) ? finish(request, nodes, shared_node_object) : STEP_FAIL;
}

enum step_result step_node_usage(struct request *request)
{
    CLEANUP(survey_clear) struct survey nodes = {0};
    enum step_result result = begin(request, "nodes", &nodes);
    if (result != STEP_NEXT)
        return result;
    return request->cluster->id == CLUSTER_HOST_ID ? host_nodes(request, &nodes)
                                                   : tenant_nodes(request, &nodes);
}
