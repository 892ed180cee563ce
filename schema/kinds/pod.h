/* schema/kinds/pod.h: the parts of a Pod: shared by Pods and by the kinds that hold a template of
 * one. */
#pragma once
#include "schema/kinds/kinds.h"

/* Defaults. `spec` and `owner_spec` (what has `template`) may be NULL. */
void pod_defaults(json_t *object);
void pod_spec_defaults(json_t *spec);
void pod_template_defaults(json_t *owner_spec);
void volume_source_defaults(json_t *volume);
/* PersistentVolumeClaimSpec; may be NULL. */
void claim_spec_defaults(json_t *spec);

/* What is behind gates that are off in 1.32, beside the fields that the types mark. */
void pod_drop_disabled(json_t *spec);

/* Whose spec is being checked. */
enum pod_holder { HOLDER_POD, HOLDER_TEMPLATE };

/* ValidatePodSpec. */
void check_pod_spec(struct error *err, const struct path *at, const json_t *spec,
                    enum pod_holder holder);
/* ValidatePodTemplateSpec: metadata's labels and annotations, the spec, no ephemeral containers. */
void check_pod_template(struct error *err, const struct path *at, const json_t *template);
/* Its labels and annotations alone. */
void check_pod_template_meta(struct error *err, const struct path *at, const json_t *template);
void check_containers(struct error *err, const struct path *at, const json_t *spec,
                      enum pod_holder holder);
void check_volumes(struct error *err, const struct path *path, const json_t *volumes);
void check_probes(struct error *err, const struct path *at, const json_t *container,
                  const json_t *spec);
void check_lifecycle(struct error *err, const struct path *path, const json_t *lifecycle,
                     const json_t *spec);
void check_security_context(struct error *err, const struct path *at, const json_t *context);
void check_pod_security_context(struct error *err, const struct path *at, const json_t *context,
                                const json_t *spec);
void check_affinity(struct error *err, const struct path *at, const json_t *affinity);
/* Of a new Pod: its labels by matchLabelKeys and mismatchLabelKeys become part of its terms'
 * selectors. */
void affinity_merge_label_keys(json_t *pod);
void check_node_selector(struct error *err, const struct path *at, const json_t *selector);
void check_tolerations(struct error *err, const struct path *path, const json_t *tolerations);
void check_spread_constraints(struct error *err, const struct path *path,
                              const json_t *constraints);
/* limits and requests of a container. */
void check_resources(struct error *err, const struct path *at, const json_t *resources);
/* What a Pod takes beside its containers: a ResourceList, or NULL. */
void check_overhead(struct error *err, const struct path *at, const json_t *amounts);
/* A fieldRef; `paths` is what its place allows, NULL-ended. */
void check_field_ref(struct error *err, const struct path *at, const json_t *ref,
                     const char *const *paths);
void check_resource_field_ref(struct error *err, const struct path *at, const json_t *ref,
                              bool needs_container);
/* Relative, without "..". */
void check_local_path(struct error *err, const struct path *path, const char *value);
void check_claim_spec(struct error *err, const struct path *at, const json_t *spec);
#define APPARMOR_ANNOTATION "container.apparmor.security.beta.kubernetes.io/"
/* The field that an annotation stands for, a new reference; NULL: for none. */
json_t *apparmor_from_annotation(const char *text);
/* Fills annotations from the fields of a new Pod, and the other way round. */
void apparmor_sync(json_t *pod);
/* "Guaranteed", "Burstable", "BestEffort". */
const char *pod_qos(const json_t *spec);
