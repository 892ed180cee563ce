/* apiserver/special.h: resources and subresources that are not plain storage: reviews, tokens,
 * bindings, evictions, Pod streams. */
#pragma once
#include "apiserver/request.h"

/* NULL when the verb goes the general way. */
const step_fn *special_chain(const char *key, const char *sub, const char *verb);

/* Whether the chain passes a body on as it comes, in place of having it collected. */
bool special_streams(const step_fn *chain);

/* review.c */
/* What is answered and not stored was created by nobody; before admission, as upstream. */
enum step_result step_review_meta(struct request *request);
enum step_result step_review_self_access(struct request *request);
enum step_result step_review_access(struct request *request);
enum step_result step_review_self_rules(struct request *request);
enum step_result step_review_self(struct request *request);
enum step_result step_review_token(struct request *request);
/* UserInfo; new. */
json_t *review_user_json(const struct user *user);

/* backend/usage_objects.c: metrics.k8s.io */
enum step_result step_pod_usage(struct request *request);
enum step_result step_node_usage(struct request *request);

/* binding.c, eviction.c, service_account_token.c */
enum step_result step_bind(struct request *request);
enum step_result step_eviction_decode(struct request *request);
enum step_result step_evict(struct request *request);
enum step_result step_token(struct request *request);
