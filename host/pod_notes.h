/* host/pod_notes.h: what a host Pod that stands for a tenant's says about it, as annotations.
 *
 * Written by the syncer and the operator alone: nothing that a tenant writes becomes one. */
#pragma once

#define POD_NOTE_CLUSTER    "tenancy.warren.dev/cluster"
#define POD_NOTE_NAMESPACE  "tenancy.warren.dev/namespace"
#define POD_NOTE_UID        "tenancy.warren.dev/uid"
#define POD_NOTE_PRIORITY   "tenancy.warren.dev/priority"   /* the tenant's spec.priority */
#define POD_NOTE_PREEMPTION "tenancy.warren.dev/preemption" /* the tenant's preemptionPolicy */
/* A JSON array: tolerations of the tenant's own taints, which say nothing of the host's. */
#define POD_NOTE_TOLERATIONS "tenancy.warren.dev/tolerations"
#define POD_NOTE_HANDLER                                                                           \
    "tenancy.warren.dev/handler" /* of its RuntimeClass: one that no node has */
