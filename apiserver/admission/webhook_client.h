/* apiserver/admission/webhook_client.h: one call of a webhook: a review goes out as JSON, a review
 * comes back. For admission and for conversion alike. Blocks: lane threads only. */
#pragma once
#include "apiserver/admission/callout.h"
#include "apiserver/room.h"
#include "base/json.h"

/* A clientConfig, read once; owns what the target points into, but for the configuration itself. */
struct webhook_client {
    struct callout_target target;
    struct buf ca;
};
void webhook_client_init(struct webhook_client *client, const json_t *client_config);
void webhook_client_deinit(struct webhook_client *client);

/* The first of the versions that the webhook offers and we speak: "v1" or "v1beta1"; NULL when it
 * offers neither. */
const char *webhook_review_version(const json_t *offered);

struct webhook_call {
    const struct webhook_client *client;
    const json_t *review;
    int64_t timeout_ms;
    size_t answer_max;
    unsigned answer_times; /* beside that, so many times the review and 1 MiB; 0: no such limit */
};

/* What one cluster's calls may hold at once. Calls that find too little of it wait, within their
 * timeouts; who holds some of the second waits for neither. */
struct webhook_rooms {
    struct room *questions; /* reviews as text, and as much as may be answered to them */
    struct room *answers;   /* trees of answers */
};
void webhook_rooms_init(struct webhook_rooms *rooms);
void webhook_rooms_deinit(struct webhook_rooms *rooms);

struct webhook_answer {
    json_t *tree;
    struct room *room; /* what the tree takes of it */
    size_t room_bytes;
};
void webhook_answer_clear(struct webhook_answer *answer);

/* False with err in the words of Go's client. */
MUST_CHECK bool webhook_call(struct api *api, struct cluster *cluster,
                             const struct webhook_call *call, struct webhook_answer *answer,
                             struct error *err);
