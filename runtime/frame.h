/* runtime/frame.h: small JSON messages over a Unix socket, with descriptors beside them.
 *
 * A frame is a 4-byte length (native order, at most FRAME_MAX) and that many bytes of JSON. Used
 * between the callers of runtime.h and a shim, both root on the same machine. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

#define FRAME_MAX     ((size_t)256 << 10)
#define FRAME_FDS_MAX 4

struct frame_fds {
    int fds[FRAME_FDS_MAX];
    size_t count;
};
/* Closes what is in there. */
void frame_fds_close(struct frame_fds *fds);

/* Both block until `deadline_mono_ns` at the latest. `fds` may be NULL; sending does not close
 * them. */
MUST_CHECK bool frame_send(int socket, const json_t *message, const struct frame_fds *fds,
                           int64_t deadline_mono_ns, struct error *err);
/* New reference; descriptors arrive close-on-exec, and are closed when `fds` is NULL. */
MUST_CHECK json_t *frame_receive(int socket, struct frame_fds *fds, int64_t deadline_mono_ns,
                                 struct error *err);

/* Without waiting: adds what is there to `in` (born with FRAME_MAX + 4). 1 and the message when it
 * is whole, 0 when more is needed, -1 when the other side is gone or talks nonsense. */
int frame_poll(int socket, struct buf *in, json_t **message);
