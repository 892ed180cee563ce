/* HTML pages: with URLs left as they are, every page comes out as it went in. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "apiserver/backend/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *same(const void *arg, const char *url)
{
    (void)arg;
    return xstrdup(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF_TEXT;
    struct str page = {(const char *)data, size};
    if (size && memchr(data, 0, size))
        return 0; /* a URL is terminated text */
    rewrite_html(&out, page, same, NULL);
    assert(str_eq(buf_str(&out), page));
    buf_free(&out);
    return 0;
}
