/* apiserver/backend/backend.h: a byte stream to something behind the API server (a node agent, a
 * Pod's port), with TLS or without, and the heads of HTTP answers that come back over it.
 *
 * One thread at a time. The descriptor is non-blocking; calls that wait say so. */
#pragma once
#include <gnutls/gnutls.h>
#include <sys/types.h>

#include "base/buf.h"

#define BACKEND_WAIT_MS  10000 /* how long one write, or an answer's head, may stand still */
#define BACKEND_HEAD_MAX ((size_t)32 << 10)

enum { BACKEND_AGAIN = -1, BACKEND_BROKEN = -2 };

struct backend {
    int fd;                                       /* -1: none */
    gnutls_session_t session;                     /* NULL: bytes go as they are */
    gnutls_certificate_credentials_t credentials; /* NULL: none of its own */
};

/* Shakes hands as a client over `fd`; the caller has set session and credentials up. Waits, at most
 * BACKEND_WAIT_MS for each step. */
MUST_CHECK bool backend_shake_hands(struct backend *backend);
/* Closes what is open; what is left is closed. */
void backend_close(struct backend *backend);

/* Bytes moved; 0 at the end (reading); BACKEND_AGAIN or BACKEND_BROKEN. Never wait. */
ssize_t backend_read(struct backend *backend, void *bytes, size_t max);
ssize_t backend_write(struct backend *backend, const void *bytes, size_t len);
/* Bytes can be read although the descriptor may not be readable. */
bool backend_pending(const struct backend *backend);

/* Waits until all is sent; false when it stands still for too long, or the connection is broken. */
MUST_CHECK bool backend_send(struct backend *backend, struct str bytes);
/* Waits for bytes, at most `wait_ms`; as backend_read, with BACKEND_AGAIN when none came. */
ssize_t backend_receive(struct backend *backend, void *bytes, size_t max, int wait_ms);
/* The answer's head (status line and headers) goes to `head`, which ends with a line's end; what
 * was read behind it to `rest`. Both are made here. Waits, at most `wait_ms` for each piece. */
MUST_CHECK bool backend_read_head(struct backend *backend, struct buf *head, struct buf *rest,
                                  int wait_ms);

/* Appends to `head` what was read next; true once the head is whole: `head` then ends with a line's
 * end, and what is behind it goes to `rest`. Both come in with their maximum, and fail when it is
 * passed. */
MUST_CHECK bool head_take(struct buf *head, struct buf *rest, struct str bytes);
/* The status code of a head; 0 when it is malformed. */
int head_status(const struct buf *head);
/* A header's first value in a head, trimmed; NULL data when it is absent. */
struct str head_value(const struct buf *head, const char *name);
/* A character that may stand in a header's name (RFC 9110, 5.6.2). */
bool head_name_char(char c);
/* A header's name that every server reads alike: with a space before its colon, or another thing
 * that does not belong there, some take it for the header without that. */
bool head_name_ok(struct str name);
