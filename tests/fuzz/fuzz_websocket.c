/* WebSocket frames: any bytes, in pieces of any size, and the same messages however they are cut.
 */
#include <stdint.h>
#include <stdlib.h>

#include "host/node/stream_websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Counts messages and bytes; stops at the first broken frame. */
static uint64_t run(const uint8_t *data, size_t size, size_t step)
{
    struct ws_reader reader;
    struct ws_message message;
    enum ws_result result = WS_NEED_MORE;
    uint64_t sum = 0;
    ws_reader_init(&reader);
    for (size_t at = 0; at < size && result != WS_BROKEN; at += step) {
        if (!ws_feed(&reader, data + at, size - at < step ? size - at : step))
            break;
        while ((result = ws_next(&reader, &message)) == WS_MESSAGE)
            sum = sum * 31 + message.opcode + message.data.len;
    }
    ws_reader_deinit(&reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    if (run(data, size, size ? size : 1) != run(data, size, 7))
        abort();
    return 0;
}
