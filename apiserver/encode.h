/* apiserver/encode.h: a finished request as an HTTP response. */
#pragma once
#include <microhttpd.h>

#include "apiserver/request.h"

struct encoding {     /* of a body, as its headers tell */
    const char *type; /* Content-Type; static */
    bool gzip;
    size_t size; /* SIZE_MAX: not known, or of no interest */
};

/* The work is long enough (compressing a large list) that an I/O thread should not do it. */
bool encode_is_heavy(const struct request *request);
/* Never NULL but when memory is out. `*code` is the HTTP status; request->response_size is set. The
 * request must outlive the response. */
struct MHD_Response *encode_response(struct request *request, unsigned *code);
/* Appends `plain` compressed. */
MUST_CHECK bool gzip_bytes(struct buf *out, struct str plain, int level);
/* Exactly `len` bytes; false when `packed` does not hold as many. */
MUST_CHECK bool gunzip_bytes(struct str packed, char *out, size_t len);
