/* apiserver/admission/webhook_client.h: one call of a webhook: a review goes out as JSON, a review
 * comes back. For admission and for conversion alike. Blocks: lane threads only. */
#pragma once
#include "apiserver/admission/callout.h"
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
};
/* The answer as a tree; NULL with err in the words of Go's client. */
MUST_CHECK json_t *webhook_call(struct api *api, struct cluster *cluster,
                                const struct webhook_call *call, struct error *err);
