#include "apiserver/admission/webhook_client.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"

#define CA_MAX     ((size_t)4 << 20) /* more than an object can hold: none is ever left out */
#define REVIEW_MAX ((size_t)64 << 20)
#define TREE_MAX   ((size_t)96 << 20) /* of an answer: the text may be one that grows eighty-fold */

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

json_t *webhook_call(struct api *api, struct cluster *cluster, const struct webhook_call *call,
                     struct error *err)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(REVIEW_MAX);
    CLEANUP(buf_free) struct buf answer = {0};
    CLEANUP(error_clear) struct error why = {0};
    char query[32];
    (void)snprintf(query, sizeof(query), "timeout=%llds",
                   (long long)(call->timeout_ms + 999) / 1000);
    json_write(&body, call->review);
    if (!buf_ok(&body)) {
        error_set(err, ERROR_TOO_LARGE, "the review is too large");
        return NULL;
    }
    const struct callout out = {.target = &call->client->target,
                                .query = query,
                                .body = buf_str(&body),
                                .timeout_ms = call->timeout_ms,
                                .answer_max = call->answer_max};
    if (!callout_post(api, cluster, &out, &answer, err))
        return NULL;
    if (json_tree_bound(buf_str(&answer)) > TREE_MAX) {
        error_set(err, ERROR_INTERNAL, "the answer takes more memory than it may");
        return NULL;
    }
    json_t *tree = json_parse(buf_str(&answer), JSON_LOAD_LENIENT, &why);
    if (json_is_object(tree))
        return tree;
    json_decref(tree);
    error_set(err, ERROR_INTERNAL, "couldn't get version/kind; json parse error: %s",
              why.message ? why.message : "the answer is not an object");
    return NULL;
}
