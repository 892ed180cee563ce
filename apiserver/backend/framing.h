/* apiserver/backend/framing.h: where the body of an HTTP/1 answer ends, and what of the bytes on
 * the wire is body. Pure. Source: RFC 9112, sections 6 and 7. */
#pragma once
#include <stdint.h>

#include "base/buf.h"

enum framing_kind { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };
enum framing_result {
    FRAMING_MORE,
    FRAMING_END,
    FRAMING_BROKEN, /* malformed: nothing behind it can be trusted */
};

struct framing {
    enum framing_kind kind;
    uint64_t left; /* bytes of the body, or of the chunk that is being read */
    int state;     /* framing.c's */
    unsigned line; /* bytes of the line that is being read */
};

/* From an answer's head (backend_read_head's) to a request of this method. False when the head
 * contradicts itself. */
MUST_CHECK bool framing_init(struct framing *framing, const struct buf *head, bool to_head);
/* Takes the next `*len` bytes: the body's are moved together at their start, and `*len` becomes
 * their count. */
MUST_CHECK enum framing_result framing_take(struct framing *framing, char *bytes, size_t *len);
/* The connection has ended: END where that is how the body ends, else BROKEN. */
enum framing_result framing_close(const struct framing *framing);
