/* Accept headers: an answer or 406, never anything else. */
#include <assert.h>
#include <stdint.h>

#include "apiserver/accept.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(free_ptr) char *header = xstrndup((const char *)data, size);
    CLEANUP(error_clear) struct error err = {0};
    struct accept accept;
    for (unsigned offers = 0; offers < 32; offers++) {
        if (accept_parse(header, offers, &accept, &err))
            assert(media_type(accept.media));
        else
            assert(err.code == 406);
        error_clear(&err);
    }
    assert(accept_choose(header, (const char *const[]){"application/json", NULL}) <= 0);
    return 0;
}
