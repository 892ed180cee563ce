/* Continue tokens: what is taken names one object and no path, and is what a token made of it says.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "apiserver/list_token.h"
#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(free_ptr) char *text = xstrndup((const char *)data, size);
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(list_token_clear) struct list_token token = {0};
    CLEANUP(list_token_clear) struct list_token again = {0};
    bool ok = list_token_parse(text, &token, &err);
    assert(ok || (err.code == 400 && err.message && !token.ns && !token.name));
    if (!ok)
        return 0;
    assert(*token.name && !strchr(token.name, '/') && !strchr(token.ns, '/'));
    CLEANUP(free_ptr)
    char *made = list_token_make(token.revision, token.taken_s, token.ns, token.name);
    ok = list_token_parse(made, &again, &err);
    assert(ok && again.revision == token.revision && text_eq(again.ns, token.ns) &&
           text_eq(again.name, token.name));
    return 0;
}
