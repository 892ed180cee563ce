/* apiserver/backend/forward_internal.h: what forward.c, forward_body.c and the tunnels share. */
#pragma once
#include "apiserver/backend/forward.h"
#include "apiserver/backend/framing.h"
#include "apiserver/backend/tunnel_internal.h"

struct forward {
    struct request *request; /* the thread's until it is answered, but while its body comes in */
    struct cluster *cluster; /* referenced */
    struct cluster_part *share;
    struct forward_target target;
    struct buf head, body; /* to be sent; the body when it was collected before */
    struct framing framing;
    struct buf ahead;         /* of the answer's body, read before the client was answered */
    enum framing_result over; /* MORE: more is to be read */
    bool wants_upgrade, to_head;

    /* The body as it comes in, guarded by the tunnel's lock. */
    bool streams; /* constant: there is one */
    struct buf up;
    size_t up_dropped;
    bool up_parked;  /* the connection is suspended until there is room */
    bool up_ended;   /* and the request is the thread's again */
    bool up_discard; /* nobody wants the rest */
};

void forward_free(struct forward *forward);
struct MHD_Response *forward_response(struct tunnel *tunnel);
void forward_copy_upgrade(struct MHD_Response *response, struct tunnel *tunnel);

/* ---- forward_body.c ---- */

/* Sends the body that comes in, in the framing that the head announced. False when the request is
 * over; a server that takes no more is no failure: it may have answered. */
MUST_CHECK bool forward_send_body(struct tunnel *tunnel);
