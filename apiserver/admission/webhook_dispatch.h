/* apiserver/admission/webhook_dispatch.h: MutatingAdmissionWebhook and ValidatingAdmissionWebhook.
 * Source: apiserver pkg/admission/plugin/webhook/{mutating,validating}. */
#pragma once
#include "apiserver/admission/asked.h"

struct admission_config;

/* What the second round of mutation has to know of the first. */
struct webhook_rounds {
    bool second;      /* this is the second round */
    bool changed;     /* a webhook changed the object: a second round is due */
    json_t *output;   /* owned: the object as the first round left it */
    uint64_t *called; /* owned: which reinvocable webhooks were called, and which are to be called
                         again */
    uint64_t *again;
};
void webhook_rounds_clear(struct webhook_rounds *rounds);

/* Calls those that match, one after the other; asked->object is what they made of it. */
enum step_result webhooks_mutate(struct asked *asked, const struct admission_config *config,
                                 struct webhook_rounds *rounds);
/* Calls those that match, side by side as far as the cluster has lanes. The first that refuses is
 * told, when all have answered. */
enum step_result webhooks_validate(struct asked *asked, const struct admission_config *config);
/* Objects that configure admission are not subject to it. */
bool webhooks_exempt(const struct request *request);
