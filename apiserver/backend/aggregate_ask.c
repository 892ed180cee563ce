/* Asking a server behind an APIService what it serves: whether it is there, its resources, its
 * OpenAPI documents. On a thread of its own for each question, since a server may hang. */
#include <stdio.h>
#include <string.h>

#include "apiserver/backend/aggregate_internal.h"
#include "apiserver/api_internal.h"
#include "apiserver/backend/backend_tls.h"
#include "apiserver/backend/forward.h"
#include "apiserver/backend/framing.h"
#include "apiserver/backend/tunnel.h"
#include "base/clock.h"

#define ASK_NS        ((int64_t)5 * 1000000000) /* for a whole answer; upstream's discovery timeout */
#define SECOND_NS     ((int64_t)1000000000)
#define BACKOFF_MAX   5 /* 32 s; upstream's queue waits 30 s at most */
#define WAIT_MS       500
#define RESOURCES_MAX ((size_t)4 << 20)
#define OPENAPI_MAX   ((size_t)8 << 20)
#define BLOCK         ((size_t)16 << 10)

struct question {
    struct api *api;
    struct cluster *cluster;    /* referenced */
    struct cluster_part *share; /* the cluster's, as for any forwarded request */
    struct aggregate_item item; /* a copy; its state is referenced */
    struct keypair identity;
    struct reach_place place;
};

static void question_free(struct question *question)
{
    aggregate_state_unref(question->item.state);
    aggregate_item_clear(&question->item);
    keypair_clear(&question->identity);
    reach_place_clear(&question->place);
    flow_forward_leave(question->share);
    cluster_unref(question->cluster);
    free(question);
}

/* ---- one GET ---- */

static bool connect_to(const struct question *question, struct backend *backend, struct error *err)
{
    CLEANUP(free_ptr)
    char *server_name = xasprintf("%s.%s.svc", question->item.service, question->item.ns);
    const struct backend_peer peer = {
        .server_name = server_name,
        .cert = question->identity.cert,
        .key = question->identity.key,
        .insecure = true /* what it says is of no consequence, as upstream has it */};
    return reach_dial(question->api, question->cluster, &question->place, &backend->fd, err) &&
           backend_secure(backend, &peer, err);
}

static bool ask_for(const struct question *question, struct backend *backend, const char *path)
{
    CLEANUP(user_clear) struct user us = {.name = xstrdup("system:kube-aggregator")};
    struct buf text = BUF_TEXT;
    user_add_group(&us, "system:masters");
    buf_printf(&text,
               "GET %s HTTP/1.1\r\nHost: %s:%u\r\nAccept: application/json\r\n"
               "User-Agent: kube-aggregator\r\nConnection: close\r\n",
               path, question->place.address, question->place.port);
    aggregate_add_user(&text, &us);
    buf_add_text(&text, "\r\n");
    bool ok = backend_send(backend, buf_str(&text));
    buf_free(&text);
    return ok;
}

/* An answer's text, and the room that it takes. */
struct said {
    struct room *room;
    size_t taken;
    struct buf body;
};

static void said_clear(struct said *said)
{
    buf_free(&said->body);
    room_give(said->room, said->taken);
}

/* False when it says too much. */
static bool add(struct said *said, const char *bytes, size_t len)
{
    if (!room_take(said->room, len))
        return false;
    said->taken += len;
    buf_add(&said->body, bytes, len);
    return buf_ok(&said->body);
}

/* The body, before `until`. */
static bool read_body(struct backend *backend, struct framing *framing, const struct buf *rest,
                      struct said *said, int64_t until)
{
    char bytes[BLOCK];
    size_t len = rest->len;
    enum framing_result result = framing_take(framing, rest->data, &len);
    bool fits = add(said, rest->data, len);
    while (result == FRAMING_MORE && fits && clock_mono_ns() < until) {
        ssize_t got = backend_receive(backend, bytes, sizeof(bytes), WAIT_MS);
        if (got == BACKEND_AGAIN)
            continue;
        if (got <= 0)
            return framing_close(framing) == FRAMING_END;
        len = (size_t)got;
        result = framing_take(framing, bytes, &len);
        fits = add(said, bytes, len);
    }
    return result == FRAMING_END && fits;
}

static bool read_answer(struct backend *backend, struct said *said, int *status, int64_t until)
{
    struct buf head = {0}, rest = {0};
    struct framing framing;
    bool ok = backend_read_head(backend, &head, &rest, (int)(ASK_NS / 1000000));
    *status = ok ? head_status(&head) : 0;
    ok = ok && framing_init(&framing, &head, false) &&
         read_body(backend, &framing, &rest, said, until);
    buf_free(&head);
    buf_free(&rest);
    return ok;
}

/* UNAVAILABLE in upstream's words: what the availability condition says. */
static bool get(const struct question *question, const char *path, struct said *said, int *status,
                struct error *err)
{
    struct backend backend = {.fd = -1};
    CLEANUP(error_clear) struct error why = {0};
    CLEANUP(free_ptr)
    char *url = xasprintf("https://%s:%u%s", question->place.address, question->place.port, path);
    bool ok = connect_to(question, &backend, &why) &&
              (ask_for(question, &backend, path) || error_unavailable(&why, "EOF"));
    if (ok && !read_answer(&backend, said, status, clock_mono_ns() + ASK_NS))
        ok = error_unavailable(&why,
                               "Get \"%s\": net/http: request canceled (Client.Timeout "
                               "exceeded while awaiting headers)",
                               url);
    if (ok && (*status < 200 || *status >= 300))
        ok = error_unavailable(&why, "bad status from %s: %d", url, *status);
    backend_close(&backend);
    return ok ||
           error_unavailable(err, "failing or missing response from %s: %s", url, why.message);
}

/* A tree, and the room that was taken for it. */
struct told {
    json_t *tree;
    size_t room;
};

static void told_clear(struct told *told, struct room *room)
{
    json_decref(told->tree);
    room_give(room, told->room);
    *told = (struct told){0};
}

/* False leaves `told` empty. */
static bool get_json(const struct question *question, const char *path, size_t max,
                     struct told *told, struct error *err)
{
    struct room *room = question->item.state->room;
    CLEANUP(said_clear) struct said said = {.room = room, .body = BUF_INIT(max)};
    int status = 0;
    *told = (struct told){0};
    if (!get(question, path, &said, &status, err))
        return false;
    size_t bytes = json_tree_bound(buf_str(&said.body));
    if (!room_take(room, bytes))
        return error_unavailable(err, "what this cluster's API servers say of themselves takes "
                                      "more memory than it may");
    told->room = bytes;
    told->tree = json_parse(buf_str(&said.body), JSON_LOAD_LENIENT, err);
    if (!told->tree)
        told_clear(told, room);
    return told->tree != NULL;
}

/* ---- what is asked ---- */

static bool resolve(struct question *question, struct error *err)
{
    char port[12];
    (void)snprintf(port, sizeof(port), "%u", question->item.port);
    const struct reach_target target = {.kind = REACH_SERVICE,
                                        .ns = question->item.ns,
                                        .name = question->item.service,
                                        .port = port};
    return reach_resolve(question->cluster, &target, &question->place, err) &&
           aggregate_identity(question->cluster, &question->identity, err);
}

/* Its own document's URL in the index of its OpenAPI v3; NULL when it has none. Owned. */
static char *openapi_url(const struct question *question)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr)
    char *key = xasprintf("apis/%s/%s", question->item.group, question->item.version);
    struct told index;
    if (!get_json(question, "/openapi/v3", RESOURCES_MAX, &index, &ignored))
        return NULL;
    const char *url = json_string_value(json_object_get(
        json_object_get(json_object_get(index.tree, "paths"), key), "serverRelativeURL"));
    CLEANUP(free_ptr) char *own = xasprintf("/openapi/v3/%s", key);
    char *found = url && text_starts(url, own) ? xstrdup(url) : NULL;
    told_clear(&index, question->item.state->room);
    return found;
}

static bool same(const json_t *a, const json_t *b)
{
    return a == b || (a && b && json_equal(a, b));
}

/* Puts `fresh` where `*tree` is, which goes. */
static void replace(struct aggregate_state *state, json_t **tree, size_t *room, struct told *fresh)
{
    struct told old = {*tree, *room};
    *tree = TAKE(fresh->tree);
    *room = fresh->room;
    fresh->room = 0;
    told_clear(&old, state->room);
}

/* Takes what was found; either may be empty. */
static void keep(struct aggregate_state *state, struct told *resources, char *url,
                 struct told *swagger, struct error *err)
{
    pthread_mutex_lock(&state->lock);
    bool passed = resources->tree != NULL;
    bool changed = state->stale == passed || (passed && !same(state->resources, resources->tree)) ||
                   (passed && !text_eq(state->openapi_url, url)) ||
                   (swagger->tree && !same(state->swagger, swagger->tree));
    state->passed = passed;
    state->stale = !passed;
    state->asking = false;
    state->asked_mono_ns = clock_mono_ns();
    state->generation += changed;
    state->failures = passed ? 0 : state->failures + 1;
    free(state->problem);
    state->problem = passed ? NULL : xstrdup(err->message ? err->message : "");
    if (passed) {
        replace(state, &state->resources, &state->resources_room, resources);
        free(state->openapi_url);
        state->openapi_url = TAKE(url);
    }
    if (swagger->tree)
        replace(state, &state->swagger, &state->swagger_room, swagger);
    pthread_mutex_unlock(&state->lock);
    free(url);
}

static void ask(void *arg)
{
    struct question *question = arg;
    CLEANUP(error_clear) struct error err = {0}, ignored = {0};
    CLEANUP(free_ptr)
    char *path = xasprintf("/apis/%s/%s", question->item.group, question->item.version);
    struct aggregate_state *state = question->item.state;
    struct told resources = {0}, swagger = {0};
    char *url = NULL;
    pthread_mutex_lock(&state->lock);
    bool wants_swagger = state->wants_swagger;
    pthread_mutex_unlock(&state->lock);
    if (resolve(question, &err) && get_json(question, path, RESOURCES_MAX, &resources, &err)) {
        url = openapi_url(question);
        if (wants_swagger)
            (void)get_json(question, "/openapi/v2", OPENAPI_MAX, &swagger,
                           &ignored); /* it has none */
    }
    keep(state, &resources, url, &swagger, &err);
    question_free(question);
}

static void copy_item(struct aggregate_item *to, const struct aggregate_item *from)
{
    *to = *from;
    char **const texts[] = {&to->name, &to->group, &to->version, &to->ns, &to->service};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = xstrdup(*texts[i]);
    to->roots = NULL; /* not needed: see connect_to() */
    to->state = aggregate_state_ref(from->state);
}

void aggregate_ask(struct api *api, struct cluster *cluster, const struct aggregate_item *item)
{
    pthread_mutex_lock(&item->state->lock);
    bool asking = item->state->asking;
    item->state->asking = true;
    pthread_mutex_unlock(&item->state->lock);
    if (asking)
        return;
    struct question *question = xcalloc(1, sizeof(*question));
    question->api = api;
    question->cluster = cluster_ref(cluster);
    copy_item(&question->item, item);
    question->share = flow_forward_enter(cluster, FORWARD_SHARE);
    if (question->share && tunnels_run(api->tunnels, ask, question))
        return;
    CLEANUP(error_clear) struct error err = {0};
    struct told nothing = {0};
    error_unavailable(&err, "too many requests are being passed on");
    keep(item->state, &nothing, NULL, &nothing, &err);
    question_free(question);
}

void aggregate_refresh(struct api *api, struct cluster *cluster, const struct aggregate_item *item,
                       int64_t age_ns)
{
    pthread_mutex_lock(&item->state->lock);
    int64_t at = item->state->asked_mono_ns;
    unsigned failures = item->state->failures;
    pthread_mutex_unlock(&item->state->lock);
    if (failures) /* one that fails is asked again soon, then less and less often */
        age_ns = failures > BACKOFF_MAX ? SECOND_NS << BACKOFF_MAX : SECOND_NS << (failures - 1);
    if (!at || clock_mono_ns() - at > age_ns)
        aggregate_ask(api, cluster, item);
}
