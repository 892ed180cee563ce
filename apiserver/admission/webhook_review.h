/* apiserver/admission/webhook_review.h: AdmissionReviews: what is asked of a webhook, and what it
 * answers. Pure. Source: apiserver pkg/admission/plugin/webhook/{request,errors}. */
#pragma once
#include "apiserver/admission/asked.h"

struct review_ask {
    const char *version, *uid;
    const struct asked *asked;
    struct asked_place place; /* by which the webhook matched */
    json_t *object, *old;     /* in that place's version; NULL: none */
};
/* New. */
json_t *webhook_review(const struct review_ask *ask);

struct review_answer { /* borrowed from the answer */
    bool allowed;
    const json_t *result, *warnings, *annotations;
    const char *patch; /* base64; NULL: none */
};
/* False, with the reason, when the answer is none to this question. */
MUST_CHECK bool webhook_review_read(const json_t *answer, const struct review_ask *ask,
                                    bool mutating, struct review_answer *out, struct error *err);
/* The denial that the client is told. */
void webhook_review_deny(const char *hook, const json_t *result, struct error *err);
