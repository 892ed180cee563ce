/* What a node says its Pods use: rows are sorted, each has its key once, and is found again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "apiserver/backend/usage_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct usage_scrape *scrape = usage_parse((struct str){(const char *)data, size}, 1000000);
    for (size_t i = 0; i < scrape->count; i++) {
        const struct usage_row *row = &scrape->rows[i];
        struct usage_rate rate;
        assert(i == 0 || strcmp(scrape->rows[i - 1].key, row->key) < 0);
        assert(usage_find(scrape, row->key) == i);
        assert(row->point.cpu_ns >= 0 && row->point.memory_bytes >= 0);
        if (usage_between(i ? &scrape->rows[i - 1].point : NULL, &row->point, &rate))
            assert(rate.window_us > 0);
    }
    usage_scrape_unref(scrape);
    return 0;
}
