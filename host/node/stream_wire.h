/* host/node/stream_wire.h: an upgraded connection as a sequence of messages on numbered channels.
 *
 * Whatever was agreed on (channels over WebSocket; SPDY, bare or tunnelled in WebSocket), a session
 * sees the same events and sends the same way. One thread at a time. Everything held is bounded:
 * what the peer does not read stops us from reading. */
#pragma once
#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "base/buf.h"
#include "host/node/stream_spdy.h"
#include "host/node/stream_websocket.h"

enum wire_kind {
    WIRE_CHANNELS, /* WebSocket; the first byte of a message is its channel: v4/v5.channel.k8s.io */
    WIRE_MESSAGES, /* WebSocket; one way, what is sent is a message as it is: binary.k8s.io */
    WIRE_SPDY,     /* SPDY/3.1 on the connection itself */
    WIRE_SPDY_TUNNEL, /* SPDY/3.1 in binary WebSocket messages */
    WIRE_BYTES, /* no messages: what is sent is what the other end gets. For session_bytes() */
};

enum wire_event_kind {
    WIRE_NONE,  /* nothing more for now */
    WIRE_OPEN,  /* SPDY: a stream was opened; see wire_header() */
    WIRE_DATA,  /* `data` on `channel` */
    WIRE_CLOSE, /* the peer will send no more on `channel` */
    WIRE_RESET, /* SPDY: the peer drops the stream */
    WIRE_END,   /* the connection is over */
};

struct wire_event {
    enum wire_event_kind kind;
    uint32_t channel; /* or SPDY stream id */
    struct str data;  /* borrowed until the next call */
};

struct wire {
    enum wire_kind kind;
    int fd;
    gnutls_session_t tls; /* what the bytes of `fd` go through; borrowed; NULL: as they are */
    bool v5;              /* channels: 255 closes one */
    bool base64;          /* messages are text: the channel's digit, and the rest in base64 */
    bool ended;           /* by either side */
    struct ws_reader websocket;
    struct spdy spdy;
    struct buf decoded; /* of the message that was given last */
    struct buf out;
    size_t out_sent;
    bool close_after; /* a FIN came with the data that was given: told next */
    uint32_t close_channel;
};

#define WIRE_OUT_HIGH ((size_t)1 << 20) /* above it nothing is read for sending */

/* Takes no descriptor: `fd` stays the caller's; it is made non-blocking. */
MUST_CHECK bool wire_init(struct wire *wire, enum wire_kind kind, int fd, gnutls_session_t tls);
void wire_deinit(struct wire *wire);
/* The bytes of the connection, as recv() and send() with errno. */
ssize_t wire_recv(struct wire *wire, void *bytes, size_t size);
ssize_t wire_send_bytes(struct wire *wire, const void *bytes, size_t size);
/* Reads what has come; false at the connection's end. */
bool wire_read(struct wire *wire);
/* Takes the next event out of what was read; answers pings by itself. */
void stream_wire_next(struct wire *wire, struct wire_event *event);
const char *wire_header(const struct wire *wire, const char *name);

void wire_send(struct wire *wire, uint32_t channel, struct str data);
/* Our side of the channel is done (SPDY: FIN; channels: nothing). */
void wire_send_end(struct wire *wire, uint32_t channel);
void wire_reset(struct wire *wire, uint32_t channel);
/* SPDY: accepts a stream. */
void wire_accept(struct wire *wire, uint32_t channel);
/* Says good-bye: WebSocket close, SPDY GOAWAY. */
void wire_finish(struct wire *wire);
/* Writes what the connection takes; false when it is broken. */
bool wire_flush(struct wire *wire);
bool wire_wants_write(const struct wire *wire);
bool wire_is_full(const struct wire *wire);
