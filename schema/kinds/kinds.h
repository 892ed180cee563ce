/* schema/kinds/kinds.h: every kind with rules, and the parts of kinds that others embed.
 *
 * X(name): a `const struct kind_rules kind_NAME` in one of this folder's files. */
#pragma once
#include "schema/kind.h"
#include "schema/rule_internal.h"

#define KINDS(X)                                                                                   \
    X(namespaces)                                                                                  \
    X(configmaps)                                                                                  \
    X(secrets)                                                                                     \
    X(service_accounts)                                                                            \
    X(endpoints)                                                                                   \
    X(endpoint_slices)                                                                             \
    X(events)                                                                                      \
    X(leases)                                                                                      \
    X(nodes)                                                                                       \
    X(resource_quotas)                                                                             \
    X(limit_ranges)                                                                                \
    X(roles)                                                                                       \
    X(cluster_roles)                                                                               \
    X(role_bindings)                                                                               \
    X(cluster_role_bindings)                                                                       \
    X(claims)                                                                                      \
    X(pods)                                                                                        \
    X(services)                                                                                    \
    X(deployments)                                                                                 \
    X(replica_sets)                                                                                \
    X(tenants)                                                                                     \
    X(stateful_sets)                                                                               \
    X(controller_revisions)                                                                        \
    X(daemon_sets)                                                                                 \
    X(replication_controllers)                                                                     \
    X(pod_templates)                                                                               \
    X(jobs)                                                                                        \
    X(cron_jobs)                                                                                   \
    X(ingresses)                                                                                   \
    X(ingress_classes)                                                                             \
    X(network_policies)                                                                            \
    X(autoscalers)                                                                                 \
    X(disruption_budgets)                                                                          \
    X(priority_classes)                                                                            \
    X(runtime_classes)                                                                             \
    X(volumes)                                                                                     \
    X(storage_classes)                                                                             \
    X(volume_attachments)                                                                          \
    X(csi_drivers)                                                                                 \
    X(csi_nodes)                                                                                   \
    X(storage_capacities)                                                                          \
    X(certificate_requests)                                                                        \
    X(validating_webhooks)                                                                         \
    X(mutating_webhooks)                                                                           \
    X(admission_policies)                                                                          \
    X(admission_bindings)                                                                          \
    X(api_services)                                                                                \
    X(definitions)                                                                                 \
    X(flow_schemas)                                                                                \
    X(priority_levels)

#define X(name) extern const struct kind_rules kind_##name;
KINDS(X)
#undef X

/* ResourceLists: amounts rounded up to thousandths, as every ResourceList's defaulting does. */
void resource_list_defaults(json_t *list);
/* resources {limits, requests} of `parent`, rounded. */
void resources_defaults(json_t *parent);
/* False, with one cause, when the value is not a quantity or is negative. */
bool check_quantity(struct error *err, const struct path *path, const json_t *value);
/* Likewise, and whole when things are counted, or when the resource is another domain's. */
void check_resource_amount(struct error *err, const struct path *path, const char *name,
                           const json_t *value);
/* A name of a resource: cpu, memory, pods, requests.cpu, example.com/gpu; upstream's
 * ValidateResourceName. */
const char *resource_name_check(const char *name);
void check_resource_name(struct error *err, const struct path *path, const char *name);
bool resource_is_extended(const char *name); /* outside kubernetes.io, with a domain */
bool resource_is_hugepages(const char *name);
/* {key, value, effect} of a node's taints. */
void check_taints(struct error *err, const struct path *path, const json_t *taints);
/* {ip, hostname} of a load balancer, in the status of a Service or an Ingress. */
void check_balancer_address(struct error *err, const struct path *at, const json_t *item);
/* A CSI driver's name: a subdomain of at most 63 characters, its capitals aside. */
void check_driver_name(struct error *err, const struct path *at, const json_t *object,
                       const char *member);
/* Loopback, link-local, multicast and unspecified addresses may not be endpoints. */
void check_non_special_ip(struct error *err, const struct path *path, const char *value);

/* A webhook's {url, service}, and the versions of reviews that it takes; `missing`: what to say of
 * none. */
void check_webhook_client(struct error *err, const struct path *at, const json_t *client);
/* The port of a Service that is called: 1..65535. */
void check_webhook_port(struct error *err, const struct path *at, const json_t *service);
void check_review_versions(struct error *err, const struct path *path, const json_t *list,
                           const char *missing);

extern const char *const protocols[]; /* SCTP, TCP, UDP */
