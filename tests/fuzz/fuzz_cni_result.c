/* A network plugin's answer: any bytes; what is taken is at most CNI_ADDRESSES_MAX terminated
 * addresses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/node/cni.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cni_result result;
    CLEANUP(error_clear) struct error err = {0};
    if (!cni_parse_result((struct str){(const char *)data, size}, &result, &err))
        return 0;
    if (result.count == 0 || result.count > CNI_ADDRESSES_MAX)
        abort();
    for (size_t i = 0; i < result.count; i++)
        if (strnlen(result.addresses[i], CNI_ADDRESS_SIZE) == CNI_ADDRESS_SIZE)
            abort();
    return 0;
}
