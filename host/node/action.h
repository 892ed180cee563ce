/* host/node/action.h: what a probe or a hook does once: a command, an HTTP request, a connection.
 * Blocking, bounded. */
#pragma once
#include "host/node/pod_worker.h"

#define ACTION_OUTPUT_SIZE 1024

struct action {
    struct pod_worker *worker;
    const json_t *pod, *container; /* the container's spec, for named ports */
    const char *runtime_name;
    const json_t *spec; /* holds exec, httpGet, tcpSocket, grpc or sleep */
    int64_t timeout_ms;
};

/* True when it succeeded. `output` says why not, or what it said (always UTF-8). */
bool action_run(const struct action *action, char output[ACTION_OUTPUT_SIZE]);
