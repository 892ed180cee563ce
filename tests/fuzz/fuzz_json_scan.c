/* Text that is JSON: where its values end is where the reader that checks everything says. Other
 * text: nothing is read past its end. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json_scan.h"
#include "base/json_tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From the first to behind the last byte, quotes included. */
static struct str whole(const struct json_tape *tape, const struct json_token *token)
{
    struct str raw = json_tape_raw(tape, token);
    if (token->kind == JSON_TOKEN_STRING)
        return (struct str){raw.data - 1, raw.len + 2};
    return raw;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(free_ptr) char *exact = xmalloc(size ? size : 1); /* so that ASan sees its end */
    CLEANUP(json_tape_free) struct json_tape tape = {0};
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf scratch = BUF_TEXT;
    if (size)
        memcpy(exact, data, size);
    const char *end = exact + size, *stop = json_scan_value(exact, end);
    assert(!stop || (stop >= exact && stop <= end));
    (void)json_unescape((struct str){exact, size}, &scratch);
    (void)json_member((struct str){exact, size}, STR("name"));
    if (!json_tape_read(&tape, (struct str){exact, size}, &err))
        return 0;
    for (size_t i = 0; i < tape.count && i < 64; i++) {
        struct str value = whole(&tape, &tape.tokens[i]);
        assert(json_scan_value(value.data, end) == value.data + value.len);
    }
    return 0;
}
