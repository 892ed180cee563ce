/* host/node/stream_spdy.h: SPDY/3.1 frames, the server's side, as kubectl's exec and port-forward
 * speak them.
 *
 * Pure: bytes in, events out. Header blocks of one direction share one zlib stream, so frames must
 * be taken and written in order. Flow control is counted by nobody: clients of Kubernetes
 * (spdystream) neither send nor obey WINDOW_UPDATE. Source: draft-mbelshe-httpbis-spdy-00 and the
 * SPDY/3.1 notes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/buf.h"

#define SPDY_FRAME_MAX      ((size_t)1 << 20)
#define SPDY_HEADERS_MAX    32
#define SPDY_HEADER_BYTES   ((size_t)64 << 10)
#define SPDY_DICTIONARY_LEN 1423

enum spdy_type {
    SPDY_DATA = 0, /* not a control frame */
    SPDY_SYN_STREAM = 1,
    SPDY_SYN_REPLY = 2,
    SPDY_RST_STREAM = 3,
    SPDY_SETTINGS = 4,
    SPDY_PING = 6,
    SPDY_GOAWAY = 7,
    SPDY_HEADERS = 8,
    SPDY_WINDOW_UPDATE = 9,
};

#define SPDY_FIN 0x01

struct spdy_header {
    char *name, *value; /* owned by the session; names in lower case */
};

struct spdy_event {
    enum spdy_type type;
    uint32_t stream; /* of PING: its id */
    bool fin;
    struct str data; /* of DATA; borrowed until the next call */
};

enum spdy_result { SPDY_NEED_MORE, SPDY_EVENT, SPDY_BROKEN };

struct spdy {
    struct buf input;
    size_t taken; /* of the input, by the event given last */
    z_stream inflate, deflate;
    struct spdy_header headers[SPDY_HEADERS_MAX]; /* of the SYN_STREAM given last */
    size_t header_count;
};

/* False when memory is out. */
MUST_CHECK bool spdy_init(struct spdy *spdy);
void spdy_deinit(struct spdy *spdy);
MUST_CHECK bool spdy_feed(struct spdy *spdy, const void *data, size_t len);
enum spdy_result spdy_next(struct spdy *spdy, struct spdy_event *event);
/* A header of the SYN_STREAM given last, or NULL. */
const char *spdy_header(const struct spdy *spdy, const char *name);

void spdy_write_data(struct buf *out, uint32_t stream, bool fin, struct str data);
/* With no headers: what Kubernetes expects of a server. False when deflate fails. */
MUST_CHECK bool spdy_write_reply(struct spdy *spdy, struct buf *out, uint32_t stream);
/* For tests and clients: opens a stream; `pairs` are names and values, NULL-ended. */
MUST_CHECK bool spdy_write_open(struct spdy *spdy, struct buf *out, uint32_t stream,
                                const char *const *pairs);
void spdy_write_reset(struct buf *out, uint32_t stream, uint32_t status);
void spdy_write_ping(struct buf *out, uint32_t id);
void spdy_write_goaway(struct buf *out, uint32_t last_stream);

/* The header compression's dictionary. */
void spdy_dictionary(unsigned char out[SPDY_DICTIONARY_LEN]);
