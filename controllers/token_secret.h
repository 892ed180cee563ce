/* controllers/token_secret.h: Secrets of type kubernetes.io/service-account-token: filled in while
 * their ServiceAccount is there, deleted when it is not. Their tokens are bound to the Secret, and
 * end with it. Source: upstream pkg/controller/serviceaccount/tokens_controller.go. */
#pragma once
#include "controllers/plan.h"

struct token_secret_seen {
    const json_t *secret;
    const json_t *account; /* that the annotation names; NULL: there is none */
    const char *ca_pem;
    const char *token; /* a fresh one; NULL: the Secret has one */
};
/* Pure. */
void token_secret_decide(const struct token_secret_seen *seen, struct plan *plan);
/* Whether a token has to be made first: it is of that type, its account is there, and it has none.
 */
bool token_secret_wants_token(const json_t *secret, const json_t *account);
/* Whether it belongs to this account. */
bool token_secret_is_of(const json_t *secret, const char *account, const char *uid);

struct controller;
extern const struct controller token_secret_controller, token_account_controller;
