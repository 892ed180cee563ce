/* host/node/pod_status.h: a Pod's status, as the kubelet writes it. Pure: time comes in. */
#pragma once
#include "host/node/pod_worker.h"

struct status_input {
    const json_t *pod;
    const json_t *before; /* the status written last, for times of transition; may be NULL */
    const struct pod_seen *seen;
    const struct container_state *containers;
    size_t count;
    const char *uid, *host_ip, *pod_ip; /* pod_ip "" for none */
    bool has_network;
    int64_t start_time_us, now_us;
    const char *reason, *message; /* of the Pod; may be NULL */
    bool rejected;                /* nothing is said but these */
};

/* New reference: conditions, phase, addresses, container statuses, startTime. */
json_t *pod_status_render(const struct status_input *input);
/* The strategic merge patch that turns a written status into this one: `after`, with nulls and
 * replacements for what merging would keep. `before` may be NULL. New reference. */
json_t *pod_status_patch(const json_t *before, const json_t *after);
/* The status's list of such containers: "containerStatuses". Static. */
const char *container_status_list(enum container_class class);
/* "warren://..." of one attempt. Owned. */
char *container_id(const char *uid, const char *name, unsigned attempt);
/* How long a failed pull is shown as ErrImagePull before it is ImagePullBackOff. */
#define PULL_ERROR_SHOWN_US INT64_C(3000000)
