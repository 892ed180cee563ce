/* host/node/stream_websocket.h: WebSocket frames, the server's side. Pure: bytes in, messages out.
 * Source: RFC 6455. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define WS_MESSAGE_MAX ((size_t)1 << 20) /* clients of ours send at most 32 KiB at once */
#define WS_ACCEPT_SIZE 29

enum ws_opcode { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };
enum ws_result { WS_NEED_MORE, WS_MESSAGE, WS_BROKEN };

struct ws_reader {
    struct buf input;   /* not yet taken */
    struct buf message; /* fragments so far, or what ws_next gave last */
    unsigned opcode;    /* of the fragments; 0: none */
    bool given;         /* `message` was given and is dropped by the next call */
};

struct ws_message {
    unsigned opcode; /* enum ws_opcode */
    struct str data; /* borrowed until the next call */
};

void ws_reader_init(struct ws_reader *reader);
void ws_reader_deinit(struct ws_reader *reader);
/* False when more is held than any message may have. */
MUST_CHECK bool ws_feed(struct ws_reader *reader, const void *data, size_t len);
/* The next whole message. WS_BROKEN: close the connection (unmasked, too large, reserved bits,
 * fragments out of order). */
enum ws_result ws_next(struct ws_reader *reader, struct ws_message *message);
/* Appends one unmasked frame. */
void ws_write(struct buf *out, enum ws_opcode opcode, struct str head, struct str body);
/* Sec-WebSocket-Accept for the client's key. */
void ws_accept_key(const char *key, char out[WS_ACCEPT_SIZE]);
