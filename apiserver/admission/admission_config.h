/* apiserver/admission/admission_config.h: what one cluster configured for admission, compiled:
 * webhooks and policies.
 *
 * Kept with the cluster, made on first use and again when a configuration changes. A cluster
 * without any costs one comparison a request, and no cache. Immutable, counted. */
#pragma once
#include "apiserver/admission/admission_rule.h"
#include "apiserver/admission/policy.h"
#include "apiserver/admission/webhook_client.h"

struct webhook {
    const char *name, *configuration; /* borrowed from the definition, as the rest */
    const char *review_version;       /* "v1", "v1beta1"; NULL: none that we speak */
    struct admission_match match;
    struct webhook_client client;
    struct admission_programs *conditions; /* NULL: none */
    int64_t timeout_s;
    bool ignores_failure, reinvoked, has_side_effects;
};

struct admission_config {
    struct webhook *mutating, *validating; /* in the order that they are called in */
    struct policy *policies;
    size_t mutating_count, validating_count, policy_count;
    json_t *definitions; /* what all of them point into */
    atomic_uint refs;
};
void admission_config_unref(struct admission_config *config);
void admission_config_unref_ptr(struct admission_config **config); /* for CLEANUP */

struct admission_slot; /* in the cluster's part */
struct admission_slot *admission_slot_new(void);
void admission_slot_free(struct admission_slot *slot);

/* The cluster's present configuration, referenced; *config NULL when it has none. STEP_NEXT,
 * STEP_BLOCK, STEP_CALL or STEP_FAIL. */
enum step_result admission_config_load(struct request *request, struct admission_config **config);

/* An object of this resource (a storage key) changed. Any thread. */
void admission_config_changed(struct cluster *cluster, const char *resource);
