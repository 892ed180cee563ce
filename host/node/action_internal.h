/* host/node/action_internal.h: what the kinds of actions share. */
#pragma once
#include <curl/curl.h>

#include "host/node/action.h"

#define ACTION_BODY_MAX (10 << 10) /* as upstream reads of a probe's answer */

struct action_target {
    const struct action *action;
    char host[CNI_ADDRESS_SIZE];
    unsigned port;
    bool from_inside; /* connect in the Pod's own network namespace */
};
/* False when the port has no such name, or a tenant names a host that is no address. */
bool action_find_target(const struct action *action, const json_t *spec, struct action_target *out);
/* A connected socket, the caller's; -1 when there is none to be had. */
int action_connect_inside(const struct action_target *target);
/* Of `text` only what is printable. */
void action_say(char output[ACTION_OUTPUT_SIZE], const char *text);
/* URL, time limit, way out and where the answer goes; all outlive the handle. */
void action_prepare_curl(CURL *handle, const struct action_target *target, const char *url,
                         struct buf *body);

bool action_run_http(const struct action *action, const json_t *spec,
                     char output[ACTION_OUTPUT_SIZE]);
bool action_run_grpc(const struct action *action, const json_t *spec,
                     char output[ACTION_OUTPUT_SIZE]);
