/* SPDY frames: any bytes; header blocks that inflate to anything. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/node/stream_spdy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spdy spdy;
    struct spdy_event event;
    if (size > 65536 || !spdy_init(&spdy))
        return 0;
    for (size_t at = 0; at < size; at += 11) {
        if (!spdy_feed(&spdy, data + at, size - at < 11 ? size - at : 11))
            break;
        enum spdy_result result;
        while ((result = spdy_next(&spdy, &event)) == SPDY_EVENT)
            if (event.type == SPDY_SYN_STREAM && spdy.header_count > SPDY_HEADERS_MAX)
                abort();
        if (result == SPDY_BROKEN)
            break;
    }
    spdy_deinit(&spdy);
    return 0;
}
