/* vcluster/translate.h: from a tenant's object to the host object that stands for it. Pure.
 *
 * An allow-list: a field that no row names is refused, with a reason that the tenant is shown,
 * never dropped in silence. Nothing that grants rights on the host has a row: no host namespaces,
 * host paths, host ports, privileges, host service accounts, priorities or runtimes. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "base/strset.h"

struct translate_context {
    const char *cluster;    /* the tenant cluster's name */
    const char *host_ns;    /* where the host object goes */
    const char *host_name;  /* what it is called there */
    const char *cluster_ip; /* of the tenant's `kubernetes` Service; Pods only */
    const json_t
        *services; /* array of the namespace's Services for service links; Pods only; may be NULL */
    const char *token_secret; /* host name of the Secret that holds the Pod's token; Pods only */
    const char
        *handler; /* of the Pod's RuntimeClass, which no node has; NULL: nodes run it; Pods only */
    /* The host's name for a ConfigMap or Secret of the Pod's namespace; `kind` is "configmaps" or
     * "secrets". Owned. */
    char *(*name_of)(void *arg, const char *kind, const char *ns, const char *name);
    /* The host's name for what a claim of the Pod's namespace is bound to. Owned; NULL with why
     * there is none. Pods only. */
    char *(*claim_of)(void *arg, const char *ns, const char *claim, struct error *err);
    /* The host's name for the node that the tenant knows as `pseudo`; owned, NULL when there is
     * none. Pods only. */
    char *(*node_of)(void *arg, const char *pseudo);
    void *arg;
};

/* Each returns a new tree, or NULL with FORBIDDEN and what is not allowed. `object` is not changed.
 */
json_t *translate_pod(const struct translate_context *context, const json_t *pod,
                      struct error *err);
json_t *translate_service(const struct translate_context *context, const json_t *service,
                          struct error *err);
/* ConfigMap or Secret: `data`, `binaryData`, `type`, `immutable`. */
json_t *translate_config(const struct translate_context *context, const json_t *object,
                         struct error *err);
/* The host's claim for a volume of the tenant's that `claim` is bound to: of the class that is the
 * default there. */
json_t *translate_claim(const struct translate_context *context, const json_t *claim,
                        json_t *access_modes, json_t *size);
/* EndpointSlice: only addresses that `owns` confirms (the tenant's own Pods) go over; `dropped`
 * counts the others. `host_service` is the host name of the Service that it belongs to. */
json_t *translate_endpointslice(const struct translate_context *context, const json_t *slice,
                                const char *host_service,
                                bool (*owns)(void *arg, const char *address), void *arg,
                                size_t *dropped);
/* NetworkPolicy: about the tenant's Pods as they are in its host namespace, whose namespaces are
 * labels there. `namespaces` is an array of the tenant's Namespaces, those that its
 * namespaceSelectors are compared with. */
json_t *translate_network_policy(const struct translate_context *context, const json_t *policy,
                                 const json_t *namespaces, struct error *err);

/* Calls each(arg, kind, name) for every ConfigMap and Secret of its own namespace that the Pod
 * names. */
void translate_pod_references(const json_t *pod,
                              void (*each)(void *arg, const char *kind, const char *name),
                              void *arg);
/* The projected serviceAccountToken sources of the Pod: the longest-lived request's
 * expirationSeconds, 0 without any. */
int64_t translate_pod_token_seconds(const json_t *pod);
/* The audiences that they ask for; "" is the cluster's own. */
void translate_pod_audiences(const json_t *pod, struct strset *audiences);
/* The key of an audience's token in the Pod's token Secret. */
#define TOKEN_KEY_SIZE 32
void translate_token_key(const char *audience, char key[TOKEN_KEY_SIZE]);

/* metadata for a host object that stands for `object`: name, namespace, notes, labels. */
json_t *translate_meta(const struct translate_context *context, const json_t *object,
                       const char *kind);
