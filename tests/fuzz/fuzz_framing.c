/* HTTP bodies: the same bytes in one piece or byte by byte give the same body and the same end. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "apiserver/backend/framing.h"

#define PIECE_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum framing_result take(struct framing framing, const uint8_t *data, size_t size,
                                size_t step, struct buf *body)
{
    enum framing_result result = FRAMING_MORE;
    for (size_t at = 0; at < size && result == FRAMING_MORE;) {
        char piece[PIECE_MAX];
        size_t len = step < size - at ? step : size - at, given = len;
        memcpy(piece, data + at, len);
        at += len;
        result = framing_take(&framing, piece, &len);
        assert(len <= given);
        buf_add(body, piece, len);
    }
    return result == FRAMING_MORE ? framing_close(&framing) : result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    struct buf head = BUF_TEXT, whole = BUF_TEXT, bytes = BUF_TEXT;
    struct framing framing;
    if (!end || size > PIECE_MAX)
        return 0;
    buf_add_text(&head, "HTTP/1.1 200 OK\r\n");
    buf_add(&head, data, (size_t)(end - data) + 1);
    if (framing_init(&framing, &head, false)) {
        size_t len = size - (size_t)(end + 1 - data);
        enum framing_result one = take(framing, end + 1, len, PIECE_MAX, &whole),
                            many = take(framing, end + 1, len, 1, &bytes);
        assert(one == many && str_eq(buf_str(&whole), buf_str(&bytes)));
    }
    buf_free(&head);
    buf_free(&whole);
    buf_free(&bytes);
    return 0;
}
