/* apiserver/patience.h: cutting connections whose client takes too long over a handshake, a
 * request's head or its body.
 *
 * libmicrohttpd's timeout starts anew with each byte, so a client that sends one now and then would
 * stay for ever. */
#pragma once
#include "apiserver/connection.h"

struct patience;

struct patience *patience_start(void);
void patience_stop(struct patience *patience);
/* From when to when the connection exists; its descriptor must be open in between. */
void patience_add(struct patience *patience, struct connection *connection);
void patience_remove(struct patience *patience, struct connection *connection);
enum patience_turn {
    TURN_FIRST, /* a new connection: handshake and the first head */
    TURN_BODY,  /* a head that arrived */
    TURN_NEXT,  /* an answer that was sent: rest, and the next head */
};
/* The client's turn begins, or ends: a whole request is here. */
void patience_wait(struct connection *connection, enum patience_turn turn);
void patience_rest(struct connection *connection);
