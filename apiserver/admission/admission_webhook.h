/* apiserver/admission/admission_webhook.h: MutatingAdmissionWebhook and ValidatingAdmissionWebhook.
 * Source: apiserver pkg/admission/plugin/webhook/{mutating,validating}. */
#pragma once
#include "apiserver/admission/asked.h"

struct hooks;

/* What the second round of mutation has to know of the first. */
struct webhook_rounds {
    bool second;    /* this is the second round */
    bool changed;   /* a webhook changed the object: a second round is due */
    json_t *output; /* owned: the object as the first round left it */
    uint64_t
        *called; /* owned: which reinvocable hooks were called, and which are to be called again */
    uint64_t *again;
};
void webhook_rounds_clear(struct webhook_rounds *rounds);

/* Calls those that match, one after the other; asked->object is what they made of it. */
enum step_result webhooks_mutate(struct asked *asked, const struct hooks *hooks,
                                 struct webhook_rounds *rounds);
/* Calls those that match, side by side as far as the cluster has lanes. The first that refuses is
 * told, when all have answered. */
enum step_result webhooks_validate(struct asked *asked, const struct hooks *hooks);
/* Objects that configure admission are not subject to it. */
bool webhooks_exempt(const struct request *request);
