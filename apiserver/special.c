#include "apiserver/special.h"

#include <string.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/backend/proxy.h"
#include "apiserver/steps.h"
#include "apiserver/backend/tunnel.h"

static const step_fn self_access[] = {step_options, step_decode,        step_review_meta,
                                      step_track,   step_admit_special, step_review_self_access,
                                      NULL};
static const step_fn access_review[] = {step_options, step_decode,        step_review_meta,
                                        step_track,   step_admit_special, step_review_access,
                                        NULL};
static const step_fn self_rules[] = {step_options, step_decode,        step_review_meta,
                                     step_track,   step_admit_special, step_review_self_rules,
                                     NULL};
static const step_fn self_review[] = {step_options, step_decode,        step_review_meta,
                                      step_track,   step_admit_special, step_review_self,
                                      NULL};
static const step_fn token_review[] = {step_options, step_decode,        step_review_meta,
                                       step_track,   step_admit_special, step_review_token,
                                       NULL};
static const step_fn binding[] = {step_options, step_decode, step_admit_special,
                                  step_bind,    step_store,  NULL};
static const step_fn eviction[] = {
    step_options, step_eviction_decode, step_admit_special, step_read,
    step_evict,   step_quota,           step_store,         NULL};
static const step_fn token[] = {step_options,       step_decode, step_review_meta,
                                step_admit_special, step_token,  NULL};

static const step_fn pod_usage[] = {step_pod_usage, NULL};
static const step_fn node_usage[] = {step_node_usage, NULL};

static const step_fn log_tunnel[] = {step_log_options, step_tunnel, NULL};
/* A stream cannot be tried out. Of a proxied request the query is not read otherwise. */
static enum step_result refuse_dry_run(struct request *request)
{
    struct str rest = str_of(request->route.query ? request->route.query : "");
    while (rest.len) {
        struct str pair = str_cut(&rest, '&');
        if (!str_is(str_cut(&pair, '='), "dryRun"))
            continue;
        error_bad_request(&request->error, "dryRun is not supported");
        return STEP_FAIL;
    }
    return STEP_NEXT;
}

static const step_fn proxy[] = {refuse_dry_run, step_admit_connect, step_proxy, NULL};
static const step_fn connection[] = {refuse_dry_run, step_admit_connect, step_tunnel, NULL};

static const struct special_row {
    const char *key, *sub, *verb; /* verb NULL: any */
    const step_fn *chain;
} special_rows[] = {
    {"selfsubjectaccessreviews.authorization.k8s.io", "", "create", self_access},
    {"subjectaccessreviews.authorization.k8s.io", "", "create", access_review},
    {"localsubjectaccessreviews.authorization.k8s.io", "", "create", access_review},
    {"selfsubjectrulesreviews.authorization.k8s.io", "", "create", self_rules},
    {"selfsubjectreviews.authentication.k8s.io", "", "create", self_review},
    {"tokenreviews.authentication.k8s.io", "", "create", token_review},
    {"bindings", "", "create", binding},
    {"pods", "binding", "create", binding},
    {"pods", "eviction", "create", eviction},
    {"pods", "log", NULL, log_tunnel},
    {"pods", "exec", NULL, connection},
    {"pods", "attach", NULL, connection},
    {"pods", "portforward", NULL, connection},
    {"pods", "proxy", NULL, proxy},
    {"services", "proxy", NULL, proxy},
    {"nodes", "proxy", NULL, proxy},
    {"serviceaccounts", "token", "create", token},
    {"pods.metrics.k8s.io", "", NULL, pod_usage},
    {"nodes.metrics.k8s.io", "", NULL, node_usage},
};

const step_fn *special_chain(const char *key, const char *sub, const char *verb)
{
    for (size_t i = 0; i < ARRAY_LEN(special_rows); i++) {
        const struct special_row *row = &special_rows[i];
        if (strcmp(row->key, key) == 0 && strcmp(row->sub, sub) == 0 &&
            (!row->verb || strcmp(row->verb, verb) == 0))
            return row->chain;
    }
    return NULL;
}

bool special_streams(const step_fn *chain)
{
    return chain == proxy || aggregate_streams(chain);
}
