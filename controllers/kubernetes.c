/* controllers/kubernetes.c: the table of Kubernetes' own controllers. */
#include "base/mem.h"
#include "controllers/api_service.h"
#include "controllers/autoscaler.h"
#include "controllers/certificate.h"
#include "controllers/cluster_role.h"
#include "controllers/controller.h"
#include "controllers/cronjob.h"
#include "controllers/custom.h"
#include "controllers/daemonset.h"
#include "controllers/deployment.h"
#include "controllers/disruption.h"
#include "controllers/endpoints.h"
#include "controllers/endpointslice.h"
#include "controllers/ephemeral_volume.h"
#include "controllers/event_ttl.h"
#include "controllers/flow_schema.h"
#include "controllers/garbage.h"
#include "controllers/job.h"
#include "controllers/local_volume.h"
#include "controllers/namespace.h"
#include "controllers/node.h"
#include "controllers/node_ttl.h"
#include "controllers/policy.h"
#include "controllers/replicaset.h"
#include "controllers/resource_quota.h"
#include "controllers/root_ca.h"
#include "controllers/serviceaccount.h"
#include "controllers/statefulset.h"
#include "controllers/token_secret.h"
#include "controllers/volume_binder.h"

void controllers_add_kubernetes(struct controllers *controllers)
{
    static const struct controller *const rows[] = {
        &namespace_controller,
        &serviceaccount_controller,
        &root_ca_controller,
        &replicaset_controller,
        &deployment_controller,
        &endpoints_controller,
        &endpointslice_controller,
        &mirroring_controller,
        &resource_quota_controller,
        &cluster_role_controller,
        &eviction_controller,
        &pod_gc_controller,
        &unscheduled_controller,
        &job_controller,
        &job_ttl_controller,
        &statefulset_controller,
        &daemonset_controller,
        &cronjob_controller,
        &disruption_controller,
        &disruption_target_controller,
        &replication_controller,
        &custom_controller,
        &certificate_controller,
        &claim_binder,
        &volume_binder,
        &claim_protection,
        &volume_protection,
        &token_secret_controller,
        &token_account_controller,
        &availability_controller,
        &registration_controller,
        &policy_controller,
        &local_provisioner,
        &local_reclaimer,
        &ephemeral_volume_controller,
        &event_ttl_controller,
        &node_ttl_controller,
        &flow_schema_controller,
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        controllers_add(controllers, rows[i]);
    garbage_add(controllers);
    autoscaler_add(controllers);
    node_controller_add(controllers);
}
