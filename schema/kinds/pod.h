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

/* ValidatePodSpec. `pod`: the Pod's name, "" when it has none; NULL: it is a template's spec. */
void check_pod_spec(struct error *err, const struct path *at, const json_t *spec, const char *pod);
/* ValidatePodTemplateSpec: labels and annotations, the spec, no ephemeral containers. */
void check_pod_template(struct error *err, const struct path *at, const json_t *template);
/* Its labels and annotations alone. */
void check_pod_template_meta(struct error *err, const struct path *at, const json_t *template);
/* `volumes`: those that containers can mount, by name. */
void check_containers(struct error *err, const struct path *at, const json_t *spec,
                      const json_t *volumes);
/* What is asked of images in Pods alone: no space around them. */
void check_image_space(struct error *err, const struct path *at, const json_t *container);
/* Returns the sound ones by name, a new reference; NULL when there is none. `pod` "": not known. */
json_t *check_volumes(struct error *err, const struct path *path, const json_t *volumes,
                      const char *pod);
void check_probes(struct error *err, const struct path *at, const json_t *container,
                  const json_t *spec);
void check_lifecycle(struct error *err, const struct path *path, const json_t *lifecycle,
                     const json_t *spec);
void check_security_context(struct error *err, const struct path *at, const json_t *context);
void check_pod_security_context(struct error *err, const struct path *at, const json_t *context,
                                const json_t *spec);
/* What a system has no use for, and what Windows asks of host processes. */
void check_windows_options(struct error *err, const struct path *at, const json_t *options);
void check_host_process(struct error *err, const struct path *at, const json_t *spec);
void check_os(struct error *err, const struct path *at, const json_t *spec);
/* Annotations that mean something of a Pod: ValidatePodSpecificAnnotations. */
void check_pod_annotations(struct error *err, const struct path *path, const json_t *annotations,
                           const json_t *spec);
/* Profiles that annotations and fields both name are the same; `at`: the spec. */
void check_annotations_match(struct error *err, const struct path *at, const json_t *annotations,
                             const json_t *spec);
void check_pod_annotations_update(struct error *err, const json_t *object, const json_t *old);
void check_affinity(struct error *err, const struct path *at, const json_t *affinity);
/* Of a new Pod: its labels by matchLabelKeys and mismatchLabelKeys become part of its terms'
 * selectors. */
void affinity_merge_label_keys(json_t *pod);
void check_node_selector(struct error *err, const struct path *at, const json_t *selector);
void check_tolerations(struct error *err, const struct path *path, const json_t *tolerations);
void check_spread_constraints(struct error *err, const struct path *path,
                              const json_t *constraints);
/* A name of a resource in a container, and in limits on containers and Pods. */
void check_container_resource_name(struct error *err, const struct path *path, const char *name);
/* Can what is requested be less than its limit? */
bool resource_can_overcommit(const char *name);
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
/* No element is "..". */
void check_no_backsteps(struct error *err, const struct path *path, const char *value);
void check_claim_spec(struct error *err, const struct path *at, const json_t *spec);
/* Containers in upstream's order of visits, which is that of `initContainers` first. */
#define POD_LISTS 3
extern const char *const pod_container_lists[POD_LISTS];
#define APPARMOR_ANNOTATION "container.apparmor.security.beta.kubernetes.io/"
/* The field that an annotation stands for, a new reference; NULL: for none. */
json_t *apparmor_from_annotation(const char *text);
/* Fills annotations from the fields of a new Pod, and the other way round. */
void apparmor_sync(json_t *pod);
/* "Guaranteed", "Burstable", "BestEffort". */
const char *pod_qos(const json_t *spec);
