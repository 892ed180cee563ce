#include "apiserver/admission/webhook_client.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "base/clock.h"
#include "base/codec.h"

#define CA_MAX     ((size_t)4 << 20) /* more than an object can hold: none is ever left out */
#define REVIEW_MAX ((size_t)64 << 20)
#define TREE_MAX   ((size_t)96 << 20) /* of an answer: the text may be one that grows eighty-fold */
#define LATE_WORDS "context deadline exceeded"

/* Of one cluster at once. The first is more than a share of lanes needs for admission. */
#define QUESTIONS_MAX ((size_t)192 << 20)
#define ANSWERS_MAX   ((size_t)128 << 20)
#define ANSWER_LEAST  ((size_t)1 << 20) /* that an answer may have, however short the review */

void webhook_client_init(struct webhook_client *client, const json_t *config)
{
    const json_t *service = json_object_get(config, "service");
    const char *ca = json_text(config, "caBundle"), *path = json_text(service, "path");
    *client = (struct webhook_client){.ca = BUF_INIT(CA_MAX)};
    if (ca && !base64_decode(&client->ca, str_of(ca), BASE64_STANDARD))
        buf_clear(&client->ca); /* what was stored was checked */
    client->target = (struct callout_target){
        .url = json_text(config, "url"),
        .ns = json_text(service, "namespace"),
        .name = json_text(service, "name"),
        .path = path ? path : "",
        .port = (unsigned)json_int_or(json_object_get(service, "port"), 443),
        .ca_pem = buf_str(&client->ca),
    };
}

void webhook_client_deinit(struct webhook_client *client)
{
    buf_free(&client->ca);
    *client = (struct webhook_client){0};
}

const char *webhook_review_version(const json_t *offered)
{
    static const char *const known[] = {"v1", "v1beta1"};
    const json_t *item;
    size_t i;
    json_array_foreach (offered, i, item)
        for (size_t k = 0; k < ARRAY_LEN(known); k++)
            if (text_eq(json_string_value(item), known[k]))
                return known[k];
    return NULL;
}

/* ---- memory ---- */

void webhook_rooms_init(struct webhook_rooms *rooms)
{
    *rooms = (struct webhook_rooms){room_new(QUESTIONS_MAX), room_new(ANSWERS_MAX)};
}

void webhook_rooms_deinit(struct webhook_rooms *rooms)
{
    room_unref(rooms->questions);
    room_unref(rooms->answers);
}

void webhook_answer_clear(struct webhook_answer *answer)
{
    json_decref(answer->tree);
    if (answer->room)
        room_give(answer->room, answer->room_bytes);
    room_unref(answer->room);
    *answer = (struct webhook_answer){0};
}

/* ---- calling ---- */

/* One call on its way. */
struct exchange {
    struct api *api;
    struct cluster *cluster;
    const struct webhook_call *call;
    const struct webhook_rooms *rooms;
    int64_t until_mono_ns;
};

static bool wait_for(struct room *room, size_t bytes, const struct exchange *exchange,
                     struct error *err)
{
    switch (room_wait(room, bytes, exchange->until_mono_ns)) {
    case ROOM_TAKEN:
        return true;
    case ROOM_TOO_SMALL:
        return error_set(err, ERROR_INTERNAL, "the answer takes more memory than it may");
    case ROOM_LATE:
        break;
    }
    return error_set(err, ERROR_INTERNAL, "too many large answers at once: " LATE_WORDS);
}

static bool read_tree(const struct exchange *exchange, struct str text,
                      struct webhook_answer *answer, struct error *err)
{
    CLEANUP(error_clear) struct error why = {0};
    size_t bytes = json_tree_bound(text);
    if (bytes > TREE_MAX)
        return error_set(err, ERROR_INTERNAL, "the answer takes more memory than it may");
    if (!wait_for(exchange->rooms->answers, bytes, exchange, err))
        return false;
    answer->room = room_ref(exchange->rooms->answers);
    answer->room_bytes = bytes;
    answer->tree = json_parse(text, JSON_LOAD_LENIENT, &why);
    if (json_is_object(answer->tree))
        return true;
    webhook_answer_clear(answer);
    return error_set(err, ERROR_INTERNAL, "couldn't get version/kind; json parse error: %s",
                     why.message ? why.message : "the answer is not an object");
}

static bool post(const struct exchange *exchange, struct str body, size_t answer_max,
                 struct webhook_answer *answer, struct error *err)
{
    CLEANUP(buf_free) struct buf text = {0};
    const struct webhook_call *call = exchange->call;
    int64_t left_ms = clock_whole_ms(exchange->until_mono_ns - clock_mono_ns());
    char query[32];
    (void)snprintf(query, sizeof(query), "timeout=%llds",
                   (long long)(call->timeout_ms + 999) / 1000);
    const struct callout out = {.target = &call->client->target,
                                .query = query,
                                .body = body,
                                .timeout_ms = left_ms > 0 ? left_ms : 1,
                                .answer_max = answer_max};
    return callout_post(exchange->api, exchange->cluster, &out, &text, err) &&
           read_tree(exchange, buf_str(&text), answer, err);
}

static size_t answer_max(const struct webhook_call *call, size_t asked)
{
    size_t times = asked * call->answer_times + ANSWER_LEAST;
    return call->answer_times && times < call->answer_max ? times : call->answer_max;
}

bool webhook_call(struct api *api, struct cluster *cluster, const struct webhook_call *call,
                  struct webhook_answer *answer, struct error *err)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(REVIEW_MAX);
    struct exchange exchange = {api, cluster, call, NULL,
                                clock_mono_ns() + call->timeout_ms * 1000000};
    *answer = (struct webhook_answer){0};
    json_write(&body, call->review);
    if (!buf_ok(&body))
        return error_set(err, ERROR_TOO_LARGE, "the review is too large");
    size_t max = answer_max(call, body.len), bytes = body.len + max;
    struct cluster_part *part = flow_part_get(cluster);
    exchange.rooms = flow_webhook_rooms(part);
    bool ok = wait_for(exchange.rooms->questions, bytes, &exchange, err);
    if (ok) {
        ok = post(&exchange, buf_str(&body), max, answer, err);
        room_give(exchange.rooms->questions, bytes);
    }
    cluster_part_unref(part);
    return ok;
}
