/* Request targets: whatever comes, a resource request names no part that holds a slash, and nothing
 * outside its text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "apiserver/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "POST", "DELETE", "BREW"};
    CLEANUP(free_ptr) char *target = xstrndup((const char *)data, size);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(route_clear) struct route route;
        if (!route_parse(&route, methods[i], target, &err)) {
            assert((err.code == 400 || err.code == 404) &&
                   err.message); /* 404: a slash in disguise */
            continue;
        }
        const char *const parts[] = {route.group, route.version, route.plural, route.sub, route.ns};
        for (size_t part = 0; part < ARRAY_LEN(parts); part++)
            assert(!strchr(parts[part], '/'));
        assert(route.path[0] == '/');
    }
    return 0;
}
