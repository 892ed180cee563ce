/* apiserver/admission/admission.h: admission plugins that the table in admission.c runs, by the
 * file they live in. */
#pragma once
#include "apiserver/request.h"

/* admission.c: the plugins for bindings, evictions, tokens and reviews */
enum step_result admit_special(struct request *request);

/* admission_account.c */
enum step_result admit_service_account(struct request *request);
enum step_result check_service_account(struct request *request);
enum step_result check_ephemeral_account(struct request *request);

/* admission_pod.c */
enum step_result admit_priority(struct request *request);
enum step_result check_default_class(struct request *request);
enum step_result admit_tolerations(struct request *request);

/* admission_security.c */
enum step_result check_pod_security(struct request *request);
enum step_result check_template_security(struct request *request);
enum step_result check_namespace_security(struct request *request);

/* admission_storage.c */
enum step_result admit_storage_class(struct request *request);
enum step_result admit_ingress_class(struct request *request);
enum step_result admit_storage_protection(struct request *request);
enum step_result check_resize(struct request *request);

/* admission_node.c */
enum step_result admit_node_taint(struct request *request);
enum step_result check_node(struct request *request);
enum step_result check_pod_status(struct request *request);
enum step_result check_node_token(struct request *request);

/* admission_runtime.c */
enum step_result admit_runtime_class(struct request *request);
enum step_result check_runtime_class(struct request *request);

/* admission_certificate.c */
enum step_result admit_requester(struct request *request);
enum step_result admit_condition_times(struct request *request);
enum step_result check_subject(struct request *request);
enum step_result check_approver(struct request *request);
enum step_result check_certificate_signer(struct request *request);

/* admission_entry.c */
/* MutatingAdmissionWebhook; `again` runs the other plugins once more when webhooks changed the
 * object. */
enum step_result admit_configured(struct request *request, step_fn again);
/* ValidatingAdmissionPolicy and ValidatingAdmissionWebhook. */
enum step_result check_configured(struct request *request);
